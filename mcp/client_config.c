/* SPDX-License-Identifier: MIT */
/* A server's entry in a graph file, in the shape that MCP hosts share: {"command", "args", "env", "cwd"}. */
#include "mcp/client_source.h"

#include "mcp/client_env.h"
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <stdlib.h>

enum { ARGS_MAX = 1000 };

/* Relative paths of an entry are relative to the file that it stands in; a bare command is looked up in PATH. */
static char *resolve(const char *path, const char *folder, bool is_command) {
  bool is_bare = is_command && strchr(path, '/') == NULL;
  if (path[0] == '/' || is_bare || folder == NULL || folder[0] == '\0') return fl_strdup(path);
  return fl_format("%s/%s", folder, path);
}

static int read_argv(const char *name, const struct fl_value *entry, const char *folder, char ***ret_argv,
                     struct fl_error *err) {
  const char *command = fl_get_string(entry, "command", NULL);
  const struct fl_value *args = fl_get(entry, "args");
  if (command == NULL || command[0] == '\0')
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s: \"command\" is missing or not a string", name);
  if ((args != NULL && !fl_is(args, FL_ARRAY)) || fl_size(args) > ARGS_MAX)
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s: \"args\" must be an array of at most %d strings", name,
                        ARGS_MAX);
  for (size_t i = 0; i < fl_size(args); i++)
    if (!fl_is(fl_at(args, i), FL_STRING))
      return fl_error_set(err, FL_E_INVALID, "mcpServers/%s/args/%zu must be a string", name, i);
  char **argv = fl_new_array(char *, fl_size(args) + 2);
  argv[0] = resolve(command, folder, true);
  for (size_t i = 0; i < fl_size(args); i++) argv[i + 1] = fl_strdup(fl_as_string(fl_at(args, i)));
  *ret_argv = argv;
  return 0;
}

static int read_env(const char *name, const struct fl_value *entry, char ***ret_env, struct fl_error *err) {
  const struct fl_value *env = fl_get(entry, "env");
  struct fl_member member = {0};
  size_t count = 0;
  if (env != NULL && !fl_is(env, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s: \"env\" must be an object", name);
  char **list = fl_new_array(char *, fl_size(env) + 1);
  while (fl_next_member(env, &member)) {
    if (fl_is(member.value, FL_STRING) && member.key_size > 0 && strchr(member.key, '=') == NULL) {
      list[count++] = fl_format("%s=%s", member.key, fl_as_string(member.value));
      continue;
    }
    fl_mcp_env_free(list);
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s/env/%.100s must be a string", name, member.key);
  }
  *ret_env = list;
  return 0;
}

int fl_mcp_client_from_config(struct fl_world *world, const struct fl_mcp_client_entry *config,
                              struct fl_tool_source **ret_source, struct fl_error *err) {
  const char *name = config->name, *folder = config->folder;
  const struct fl_value *entry = config->value;
  char **argv = NULL, **env = NULL;
  if (!fl_is(entry, FL_OBJECT)) return fl_error_set(err, FL_E_INVALID, "mcpServers/%s must be an object", name);
  if (fl_get(entry, "url") != NULL)
    return fl_error_set(err, FL_E_UNSUPPORTED,
                        "mcpServers/%s: servers over HTTP (\"url\") are not part of this version; use \"command\"",
                        name);
  const char *cwd = fl_get_string(entry, "cwd", NULL);
  if (fl_get(entry, "cwd") != NULL && cwd == NULL)
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s: \"cwd\" must be a string", name);
  int status = read_argv(name, entry, folder, &argv, err);
  if (status == 0) status = read_env(name, entry, &env, err);
  if (status == 0) {
    FL_FREE_AUTO char *place = cwd != NULL ? resolve(cwd, folder, false) : NULL;
    struct fl_mcp_client_options options = {.size = sizeof options,
                                            .name = name,
                                            .argv = (const char *const *)argv,
                                            .env = (const char *const *)env,
                                            .cwd = place};
    status = fl_mcp_client_create(world, &options, ret_source, err);
  }
  fl_mcp_env_free(argv);
  fl_mcp_env_free(env);
  return status;
}
