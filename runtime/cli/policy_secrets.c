/* SPDX-License-Identifier: MIT */
#include "runtime/cli/policy_secrets.h"

#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"

#include <stdio.h>
#include <string.h>

static char *source_of(const struct fl_value *secret) {
  static const struct {
    const char *key, *what;
  } sources[] = {{"env", "the variable"}, {"file", "the file"}, {"credential", "the credential"}};
  const struct fl_value *from = fl_get(secret, "from"), *command = fl_get(from, "command");
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
    if (fl_get(from, sources[i].key) != NULL)
      return fl_format("%s %s", sources[i].what, fl_get_string(from, sources[i].key, ""));
  if (command == NULL) return fl_format("the variable %s", fl_get_string(secret, "name", ""));
  FL_BUF_AUTO words = {0};
  for (size_t i = 0; i < fl_size(command); i++) fl_buf_addf(&words, " %s", fl_as_string(fl_at(command, i)));
  return fl_format("the command%s", words.data);
}

static void print_text(const char *server, const struct fl_value *secret) {
  bool is_file = strcmp(fl_get_string(secret, "as", ""), "file") == 0;
  FL_FREE_AUTO char *source = source_of(secret), *shown = fl_visible(source, 400);
  printf("secret %s: from %s, to %s by the variable %s%s\n", fl_get_string(secret, "name", ""), shown, server,
         fl_get_string(secret, "name", ""), is_file ? "_FILE" : "");
}

static void print_json(const char *server, const struct fl_value *secret) {
  FL_VALUE_AUTO line = fl_object();
  fl_set_string(line, "type", "secret");
  fl_set_string(line, "server", server);
  for (struct fl_member m = {0}; fl_next_member(secret, &m);) fl_set_take(line, m.key, fl_value_ref(m.value));
  fl_print_json(line);
}

void fl_policy_print_secrets(const struct fl_manifest *manifest, bool is_json) {
  const struct fl_value *servers = fl_get(fl_manifest_root(manifest), "servers");
  for (struct fl_member m = {0}; fl_next_member(servers, &m);) {
    const struct fl_value *secrets = fl_get(fl_get(m.value, "sandbox"), "secrets");
    for (size_t i = 0; i < fl_size(secrets); i++)
      if (is_json) print_json(m.key, fl_at(secrets, i));
      else print_text(m.key, fl_at(secrets, i));
  }
}
