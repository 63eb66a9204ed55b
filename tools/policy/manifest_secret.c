/* SPDX-License-Identifier: MIT */
/* The secrets of servers: what the schema cannot say of them. Each must come by a variable of its own. Pure. */
#include "runtime/base/mem.h"
#include "tools/policy/manifest_impl.h"

#include <string.h>

static bool is_file(const struct fl_value *secret) { return strcmp(fl_get_string(secret, "as", ""), "file") == 0; }

/* The variable by which the server finds it; the caller frees it. */
static char *variable_of(const struct fl_value *secret) {
  return fl_format("%s%s", fl_get_string(secret, "name", ""), is_file(secret) ? "_FILE" : "");
}

static bool is_listed(const struct fl_value *texts, const char *text) {
  for (size_t i = 0; i < fl_size(texts); i++)
    if (strcmp(fl_as_string(fl_at(texts, i)), text) == 0) return true;
  return false;
}

static bool is_taken(const struct fl_value *secrets, size_t index, const char *variable) {
  const char *name = fl_get_string(fl_at(secrets, index), "name", "");
  for (size_t i = 0; i < index; i++) {
    FL_FREE_AUTO char *other = variable_of(fl_at(secrets, i));
    if (strcmp(other, variable) == 0 || strcmp(fl_get_string(fl_at(secrets, i), "name", ""), name) == 0) return true;
  }
  return false;
}

static void check_sandbox(const struct fl_manifest_reader *reader, const char *server, const struct fl_value *sandbox) {
  const struct fl_value *secrets = fl_get(sandbox, "secrets"), *env = fl_get(sandbox, "env");
  for (size_t i = 0; i < fl_size(secrets); i++) {
    const char *name = fl_get_string(fl_at(secrets, i), "name", "");
    FL_FREE_AUTO char *variable = variable_of(fl_at(secrets, i));
    FL_FREE_AUTO char *pointer = fl_format("/servers/%s/sandbox/secrets/%zu/name", server, i);
    if (is_listed(env, name) || is_listed(env, variable))
      fl_manifest_error(reader, pointer,
                        "%s stands in \"env\" as well, which would give the server whatever fairlead's own "
                        "environment has under this name; leave it out there",
                        is_listed(env, name) ? name : variable);
    else if (is_taken(secrets, i, variable))
      fl_manifest_error(reader, pointer, "there are two secrets that come by the variable %s", variable);
    else if (strcmp(variable, "PATH") == 0 || strncmp(variable, "LD_", 3) == 0)
      fl_manifest_error(reader, pointer, "%s is no name for a secret: the loader and others read it", variable);
  }
}

void fl_manifest_read_secrets(const struct fl_manifest_reader *reader) {
  const struct fl_value *servers = fl_get(reader->manifest->document.root, "servers");
  for (struct fl_member m = {0}; fl_next_member(servers, &m);) check_sandbox(reader, m.key, fl_get(m.value, "sandbox"));
}
