/* SPDX-License-Identifier: MIT */
/* The secrets that manifests give to servers: from their sources into the vault, and from there to the one process. */
#include "runtime/api/grant.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "tools/policy/manifest.h"

#include <stdlib.h>
#include <string.h>

enum { SECRETS_MAX = 32, WORDS_MAX = 32 }; /* as the manifest's schema has them */

/* A source as the manifest says it; `words` and `folder` are its memory. */
struct reading {
  struct fl_secret_source source;
  const char *words[WORDS_MAX + 1];
  char *folder;
};

/* The folder of the manifest; NULL: it is here. */
static char *folder_of(const char *file) {
  const char *slash = strrchr(file, '/');
  return slash == NULL ? NULL : fl_strndup(file, slash > file ? (size_t)(slash - file) : 1);
}

static void read_source(struct reading *reading, const struct fl_manifest *manifest, const struct fl_value *secret) {
  static const char *const keys[] = {"env", "file", "credential"};
  const struct fl_value *from = fl_get(secret, "from"), *command = fl_get(from, "command");
  *reading = (struct reading){.folder = folder_of(fl_manifest_file(manifest))};
  reading->source.folder = reading->folder;
  reading->source.text = fl_get_string(secret, "name", "");
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    if (fl_get(from, keys[i]) == NULL) continue;
    reading->source.kind = (enum fl_secret_kind)i;
    reading->source.text = fl_get_string(from, keys[i], "");
  }
  if (command == NULL) return;
  reading->source.kind = FL_SECRET_COMMAND;
  for (size_t i = 0; i < fl_size(command) && i < WORDS_MAX; i++) reading->words[i] = fl_as_string(fl_at(command, i));
  reading->source.argv = reading->words;
}

static int read_value(struct fl_world *world, const struct fl_manifest *manifest, const struct fl_value *secret,
                      const struct fl_secret **ret_value, struct fl_error *err) {
  struct reading reading;
  read_source(&reading, manifest, secret);
  int rc = fl_vault_read(world, fl_get_string(secret, "name", ""), &reading.source, ret_value, err);
  fl_free(reading.folder);
  return rc;
}

/* The launcher makes a file of what its policy names so. */
static void add_to_policy(struct fl_grant *grant, const struct fl_value *secret) {
  if (strcmp(fl_get_string(secret, "as", ""), "file") != 0) return;
  char *policy = fl_format("%ssecret %s\n", grant->policy, fl_get_string(secret, "name", ""));
  fl_free(grant->policy);
  grant->policy = policy;
}

static int read_all(struct fl_world *world, const struct fl_manifest *manifest, const char *server,
                    struct fl_grant *grant, struct fl_error *err) {
  const struct fl_value *secrets = grant->secret_rules;
  struct fl_process_secret list[SECRETS_MAX];
  for (size_t i = 0; i < fl_size(secrets) && i < SECRETS_MAX; i++) {
    const struct fl_value *secret = fl_at(secrets, i);
    struct fl_error why = {0};
    list[i].name = fl_get_string(secret, "name", "");
    int rc = read_value(world, manifest, secret, &list[i].value, &why);
    if (rc < 0)
      return fl_error_set(err, FL_E_DENIED, "%s#/servers/%s/sandbox/secrets/%zu: the secret %s: %s",
                          fl_manifest_file(manifest), server, i, list[i].name, why.text);
    add_to_policy(grant, secret);
  }
  grant->secret_count = fl_size(secrets);
  grant->secrets = fl_vault_list(world, list, grant->secret_count);
  return 0;
}

int fl_grant_read_secrets(struct fl_world *world, const struct fl_loaded_graph *graph, const char *name,
                          struct fl_grant *grant, struct fl_error *err) {
  for (; graph != NULL && grant->policy != NULL; graph = graph->outer) {
    const struct fl_value *server = graph->manifest != NULL ? fl_manifest_server(graph->manifest, name) : NULL;
    if (fl_get(server, "sandbox") == NULL) continue; /* one manifest has the sandbox, and its secrets */
    grant->secret_rules = fl_get(fl_get(server, "sandbox"), "secrets");
    return read_all(world, graph->manifest, name, grant, err);
  }
  return 0;
}

void fl_grant_take_variables(struct fl_world *world, const struct fl_loaded_graph *graph) {
  if (graph->manifest == NULL) return;
  const struct fl_value *servers = fl_get(fl_manifest_root(graph->manifest), "servers");
  for (struct fl_member m = {0}; fl_next_member(servers, &m);) {
    const struct fl_value *secrets = fl_get(fl_get(m.value, "sandbox"), "secrets");
    for (size_t i = 0; i < fl_size(secrets); i++) {
      const struct fl_value *from = fl_get(fl_at(secrets, i), "from"), *value_of = fl_get(from, "env");
      const struct fl_secret *value = NULL;
      bool is_variable = from == NULL || value_of != NULL;
      const char *name = value_of != NULL ? fl_as_string(value_of) : fl_get_string(fl_at(secrets, i), "name", "");
      /* one that is missing or too short is told where a server needs it */
      if (is_variable && getenv(name) != NULL) read_value(world, graph->manifest, fl_at(secrets, i), &value, NULL);
    }
  }
}
