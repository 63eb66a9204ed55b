/* SPDX-License-Identifier: MIT */
#include "runtime/api/grant.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/wire/connect.h"
#include "runtime/wire/url.h"
#include "tools/policy/manifest.h"
#include "tools/sandbox/machine.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One server of one manifest. */
struct reading {
  const struct fl_manifest *manifest;
  const char *name;
  const struct fl_value *server; /* in the manifest */
};

static int fail(const struct reading *reading, struct fl_error *err, const char *format, ...) FL_PRINTF(3, 4);
static int fail(const struct reading *reading, struct fl_error *err, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return fl_error_set(err, FL_E_DENIED, "%s#/servers/%s%s", fl_manifest_file(reading->manifest), reading->name, text);
}

/* ---- layers that the user does without ---- */

static unsigned without_layers;

int fl_grant_without(const char *layers, struct fl_error *err) {
  FL_FREE_AUTO char *copy = fl_strdup(layers);
  char *rest = NULL;
  for (char *name = strtok_r(copy, ", ", &rest); name != NULL; name = strtok_r(NULL, ", ", &rest)) {
    int layer = fl_layer_find(name);
    if (layer < 0)
      return fl_error_set(err, FL_E_INVALID,
                          "there is no layer \"%s\": they are landlock, scope, seccomp and namespaces", name);
    without_layers |= 1u << layer;
  }
  return 0;
}

static int read_without(unsigned *ret_without, struct fl_error *err) {
  const char *named = secure_getenv("FAIRLEAD_WITHOUT_LAYERS");
  int rc = named != NULL ? fl_grant_without(named, err) : 0;
  if (rc < 0) fl_error_context(err, "FAIRLEAD_WITHOUT_LAYERS");
  *ret_without = without_layers;
  return rc;
}

/* Those that will be around what is started. */
static char *layers_of(const struct fl_machine *machine, unsigned without) {
  FL_BUF_AUTO layers = {0};
  for (int i = 0; i < FL_LAYER_COUNT; i++)
    if (machine->has[i] && (without & (1u << i)) == 0)
      fl_buf_addf(&layers, "%s%s", layers.size > 0 ? "," : "", fl_layer_name((enum fl_layer)i));
  return fl_strdup(layers.size > 0 ? layers.data : "none");
}

static int check_machine(const struct reading *reading, unsigned without, char **ret_layers, struct fl_error *err) {
  static struct fl_machine machine;
  static bool is_known; /* what it has does not change while we run */
  if (!is_known && fl_machine_probe(&machine, err) < 0) return err != NULL ? err->code : FL_E_IO;
  is_known = true;
  for (int i = 0; i < FL_LAYER_COUNT; i++) {
    enum fl_layer layer = (enum fl_layer)i;
    if (machine.has[i] || !fl_layer_is_required(layer) || (without & (1u << i)) != 0) continue;
    return fail(
        reading, err,
        "/sandbox asks for the layer \"%s\", which this machine does not enforce (%s): run it elsewhere, or say "
        "--without-layer %s",
        fl_layer_name(layer), machine.detail[i], fl_layer_name(layer));
  }
  *ret_layers = layers_of(&machine, without);
  return 0;
}

/* ---- what is started ---- */

static bool has_words(const struct fl_value *words, const struct fl_value *entry) {
  const struct fl_value *args = fl_get(entry, "args");
  const char *command = fl_get_string(entry, "command", "");
  if (fl_size(words) != fl_size(args) + 1 || strcmp(fl_as_string(fl_at(words, 0)), command) != 0) return false;
  for (size_t i = 0; i < fl_size(args); i++) {
    const char *arg = fl_as_string(fl_at(args, i));
    if (arg == NULL || strcmp(fl_as_string(fl_at(words, i + 1)), arg) != 0) return false;
  }
  return true;
}

static bool is_same_url(const char *first, const char *second) {
  struct fl_url a = {0}, b = {0};
  bool are_read = fl_url_parse(fl_slice_of(first), FL_URL_HTTP, &a, NULL) == 0 &&
                  fl_url_parse(fl_slice_of(second), FL_URL_HTTP, &b, NULL) == 0;
  FL_FREE_AUTO char *one = are_read ? fl_url_format(&a) : fl_strdup(first);
  FL_FREE_AUTO char *other = are_read ? fl_url_format(&b) : fl_strdup(second);
  fl_url_deinit(&a);
  fl_url_deinit(&b);
  return strcmp(one, other) == 0;
}

/* What graph file and manifest both say must be the same. */
static int check_start(const struct reading *reading, const struct fl_value *entry, struct fl_error *err) {
  const struct fl_value *server = reading->server, *words = fl_get(server, "exec");
  const char *transport = fl_get_string(server, "transport", NULL), *url = fl_get_string(server, "url", NULL);
  const char *own_url = fl_get_string(entry, "url", NULL);
  const char *own = entry == NULL ? "built in" : own_url != NULL ? "http" : "stdio";
  if (transport != NULL && strcmp(transport, own) != 0)
    return fail(reading, err, "/transport is %s, and the graph file's is %s", transport, own);
  if (words != NULL && !has_words(words, entry))
    return fail(reading, err, "/exec is another command than the graph file's");
  if (url != NULL && (own_url == NULL || !is_same_url(url, own_url)))
    return fail(reading, err, "/url is another than the graph file's");
  bool is_process = entry == NULL || own_url == NULL;
  if (fl_get(server, "sandbox") != NULL && !is_process)
    return fail(reading, err, "/sandbox is for a process, and this server is reached by a URL");
  if (fl_get(server, "exec_sha256") != NULL && fl_get(server, "sandbox") == NULL)
    return fail(reading, err, "/exec_sha256 needs a \"sandbox\" beside it; the narrowest is {}");
  return 0;
}

/* ---- the policy ---- */

/* The path as it is on disk, seen from the folder of the manifest. The caller frees it; NULL: it is not there. */
static char *real_path(const char *file, const char *path) {
  const char *slash = strrchr(file, '/');
  FL_FREE_AUTO char *whole =
      path[0] == '/' || slash == NULL ? fl_strdup(path) : fl_format("%.*s/%s", (int)(slash - file), file, path);
  char *real = realpath(whole, NULL), *copy = real != NULL ? fl_strdup(real) : NULL;
  free(real); /* libc's */
  return copy;
}

static int add_paths(const struct reading *reading, const char *key, struct fl_buf *policy, struct fl_error *err) {
  const struct fl_value *paths = fl_get(fl_get(fl_get(reading->server, "sandbox"), "fs"), key);
  if (fl_size(paths) > FL_SANDBOX_PATHS_MAX / 2)
    return fail(reading, err, "/sandbox/fs/%s has more than %d paths", key, FL_SANDBOX_PATHS_MAX / 2);
  for (size_t i = 0; i < fl_size(paths); i++) {
    const char *path = fl_as_string(fl_at(paths, i));
    FL_FREE_AUTO char *real = real_path(fl_manifest_file(reading->manifest), path);
    if (real == NULL)
      return fail(reading, err, "/sandbox/fs/%s/%zu: cannot find %s: %s", key, i, path, strerror(errno));
    if (strchr(real, '\n') != NULL)
      return fail(reading, err, "/sandbox/fs/%s/%zu: a name with a line break cannot be granted", key, i);
    fl_buf_addf(policy, "%s %s\n", key, real);
  }
  return 0;
}

static void add_number(struct fl_buf *policy, const char *key, int64_t number) {
  if (number > 0) fl_buf_addf(policy, "%s %lld\n", key, (long long)number);
}

static void add_limits(const struct fl_value *sandbox, struct fl_buf *policy) {
  const char *memory = fl_get_string(sandbox, "memory", NULL), *cpu = fl_get_string(sandbox, "cpu", NULL);
  add_number(policy, "procs", fl_get_int(sandbox, "procs", 0));
  add_number(policy, "memory", memory != NULL ? fl_manifest_bytes(memory) : 0);
  add_number(policy, "cpu", cpu != NULL ? fl_manifest_time_ms(cpu) : 0);
  add_number(policy, "fds", fl_get_int(sandbox, "fds", 0));
}

/* What the graph file sets must be among what the manifest lets through. */
static int read_env(const struct reading *reading, const struct fl_value *entry, char ***ret_env,
                    struct fl_error *err) {
  const struct fl_value *names = fl_get(fl_get(reading->server, "sandbox"), "env");
  for (struct fl_member m = {0}; fl_next_member(fl_get(entry, "env"), &m);) {
    bool is_named = false;
    for (size_t i = 0; i < fl_size(names); i++)
      is_named = is_named || strcmp(fl_as_string(fl_at(names, i)), m.key) == 0;
    if (!is_named) return fail(reading, err, "/sandbox/env does not name %.100s, which the graph file sets", m.key);
  }
  char **env = fl_new_array(char *, fl_size(names) + 1);
  for (size_t i = 0; i < fl_size(names); i++) env[i] = fl_strdup(fl_as_string(fl_at(names, i)));
  *ret_env = env;
  return 0;
}

static int read_sandbox(const struct reading *reading, const struct fl_value *entry, struct fl_grant *grant,
                        struct fl_error *err) {
  const struct fl_value *sandbox = fl_get(reading->server, "sandbox");
  unsigned without = 0;
  FL_BUF_AUTO policy = {0};
  if (sandbox == NULL) return 0;
  if (grant->policy != NULL)
    return fail(reading, err, "/sandbox: another manifest around it has a sandbox for it, too");
  int rc = read_without(&without, err);
  if (rc == 0) rc = check_machine(reading, without, &grant->layers, err);
  fl_buf_add_text(&policy, "sandbox 1\n");
  if (rc == 0) rc = add_paths(reading, "read", &policy, err);
  if (rc == 0) rc = add_paths(reading, "write", &policy, err);
  if (rc == 0) rc = read_env(reading, entry, &grant->env, err);
  if (rc < 0) return rc;
  const struct fl_value *hosts = fl_get(fl_get(sandbox, "net"), "hosts");
  for (size_t i = 0; i < fl_size(hosts); i++) {
    const char *host = fl_as_string(fl_at(hosts, i));
    if (!fl_connect_is_pattern(host))
      return fail(reading, err, "/sandbox/net/hosts/%zu: %s is no NAME:PORT or *.NAME:PORT", i, host);
    fl_buf_addf(&policy, "host %s\n", host);
  }
  if (fl_get_bool(sandbox, "exec", false)) fl_buf_add_text(&policy, "exec yes\n");
  add_limits(sandbox, &policy);
  const char *hash = fl_get_string(reading->server, "exec_sha256", NULL);
  if (hash != NULL) fl_buf_addf(&policy, "sha256 %s\n", hash);
  for (int i = 0; i < FL_LAYER_COUNT; i++)
    if ((without & (1u << i)) != 0) fl_buf_addf(&policy, "without %s\n", fl_layer_name((enum fl_layer)i));
  grant->policy = fl_buf_take(&policy, NULL);
  return 0;
}

/* ---- limits of calls ---- */

static void narrow(int64_t *limit, int64_t other) {
  if (other > 0 && (*limit == 0 || other < *limit)) *limit = other;
}

static int read_limits(const struct reading *reading, const struct fl_value *entry, struct fl_grant *grant,
                       struct fl_error *err) {
  const struct fl_value *limits = fl_get(reading->server, "limits");
  struct fl_mcp_limits *own = &grant->limits;
  if (limits == NULL) return 0;
  if (entry == NULL) return fail(reading, err, "/limits are for servers, not for the tools that are built in");
  const char *start = fl_get_string(limits, "start", NULL), *call = fl_get_string(limits, "call", NULL);
  const char *output = fl_get_string(limits, "output", NULL), *line = fl_get_string(limits, "line", NULL);
  const char *rate = fl_get_string(limits, "rate", NULL);
  narrow(&own->start_ms, start != NULL ? fl_manifest_time_ms(start) : 0);
  narrow(&own->call_ms, call != NULL ? fl_manifest_time_ms(call) : 0);
  narrow(&own->output, output != NULL ? fl_manifest_bytes(output) : 0);
  narrow(&own->line, line != NULL ? fl_manifest_bytes(line) : 0);
  narrow(&own->concurrent, fl_get_int(limits, "concurrent", 0));
  if (rate != NULL && own->rate != 0)
    return fail(reading, err, "/limits/rate: another manifest around it has one, too");
  if (rate != NULL) own->rate = fl_manifest_rate(rate, &own->rate_ms);
  return 0;
}

/* ---- the whole ---- */

static int read_one(const struct reading *reading, const struct fl_value *entry, struct fl_grant *grant,
                    struct fl_error *err) {
  if (reading->server == NULL)
    return fail(reading, err, " is missing: a manifest with \"servers\" starts and reaches no other");
  int rc = check_start(reading, entry, err);
  if (rc == 0) rc = read_sandbox(reading, entry, grant, err);
  if (rc == 0) rc = read_limits(reading, entry, grant, err);
  return rc;
}

int fl_grant_read(const struct fl_loaded_graph *graph, const char *name, const struct fl_value *entry,
                  struct fl_grant *ret_grant, struct fl_error *err) {
  struct fl_grant grant = {0};
  int rc = 0;
  for (; graph != NULL && rc == 0; graph = graph->outer) {
    if (graph->manifest == NULL || !fl_manifest_names_servers(graph->manifest)) continue;
    const struct reading reading = {graph->manifest, name, fl_manifest_server(graph->manifest, name)};
    if (entry != NULL || reading.server != NULL) rc = read_one(&reading, entry, &grant, err);
  }
  if (rc < 0) fl_grant_deinit(&grant);
  else *ret_grant = grant;
  return rc;
}

void fl_grant_deinit(struct fl_grant *grant) {
  for (size_t i = 0; grant->env != NULL && grant->env[i] != NULL; i++) fl_free(grant->env[i]);
  fl_free(grant->env);
  fl_free(grant->policy);
  fl_free(grant->layers);
  *grant = (struct fl_grant){0};
}

/* ---- the tools that are built in ---- */

static bool is_within(const char *path, const struct reading *reading, const char *key) {
  const struct fl_value *granted = fl_get(fl_get(fl_get(reading->server, "sandbox"), "fs"), key);
  for (size_t i = 0; i < fl_size(granted); i++) {
    FL_FREE_AUTO char *real = real_path(fl_manifest_file(reading->manifest), fl_as_string(fl_at(granted, i)));
    size_t size = real != NULL ? strlen(real) : 0;
    if (size > 0 && strncmp(path, real, size) == 0 && (path[size] == '\0' || path[size] == '/' || size == 1))
      return true;
  }
  return false;
}

/* {"NAME": "PATH"} or {"NAME": {"path": PATH, "write": true}} */
static int check_places(const struct reading *reading, const struct fl_value *places, const char *folder,
                        struct fl_error *err) {
  for (struct fl_member m = {0}; fl_next_member(places, &m);) {
    const char *path = fl_is(m.value, FL_OBJECT) ? fl_get_string(m.value, "path", "") : fl_as_string(m.value);
    if (path == NULL) continue; /* the kit says what is wrong with it */
    bool writes = fl_get_bool(m.value, "write", false);
    FL_FREE_AUTO char *file = fl_format("%s/", folder != NULL && folder[0] != '\0' ? folder : ".");
    FL_FREE_AUTO char *real = real_path(file, path);
    if (real == NULL) continue;
    if (is_within(real, reading, "write") || (!writes && is_within(real, reading, "read"))) continue;
    return fail(reading, err, "/sandbox/fs does not grant %s, which the graph file gives to the built-in tools%s", path,
                writes ? " for writing" : "");
  }
  return 0;
}

static int check_hosts(const struct reading *reading, const struct fl_value *hosts, struct fl_error *err) {
  const struct fl_value *granted = fl_get(fl_get(fl_get(reading->server, "sandbox"), "net"), "hosts");
  for (size_t i = 0; i < fl_size(hosts); i++) {
    const char *host = fl_as_string(fl_at(hosts, i));
    bool is_granted = false;
    for (size_t j = 0; host != NULL && j < fl_size(granted); j++) {
      const char *one = fl_as_string(fl_at(granted, j));
      size_t size = strcspn(one, ":");
      is_granted = is_granted || (strlen(host) == size && strncmp(host, one, size) == 0);
    }
    if (!is_granted && host != NULL)
      return fail(reading, err,
                  "/sandbox/net/hosts does not grant %s, which the graph file gives to the built-in tools", host);
  }
  return 0;
}

int fl_grant_check_builtin(const struct fl_loaded_graph *graph, const struct fl_value *settings, const char *folder,
                           struct fl_error *err) {
  int rc = 0;
  for (; graph != NULL && rc == 0; graph = graph->outer) {
    if (graph->manifest == NULL) continue;
    const struct reading reading = {graph->manifest, "builtin", fl_manifest_server(graph->manifest, "builtin")};
    if (fl_get(reading.server, "sandbox") == NULL) continue;
    rc = check_places(&reading, fl_get(fl_get(settings, "files"), "roots"), folder, err);
    if (rc == 0) rc = check_places(&reading, fl_get(fl_get(settings, "sqlite"), "databases"), folder, err);
    if (rc == 0) rc = check_hosts(&reading, fl_get(fl_get(settings, "fetch"), "hosts"), err);
    if (rc == 0) rc = check_hosts(&reading, fl_get(fl_get(settings, "ping"), "hosts"), err);
  }
  return rc;
}
