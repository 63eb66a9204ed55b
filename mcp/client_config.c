/* SPDX-License-Identifier: MIT */
/* A server's entry in a graph file, in the shape that MCP hosts share: {"command", "args", "env", "cwd"} or {"url",
 * "headers", "auth"}. */
#include "mcp/client_source.h"

#include "mcp/client_env.h"
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <stdint.h>
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

/* {"NAME": "text"} as "NAME=text" or "NAME: text". */
static int read_texts(const struct fl_mcp_client_entry *config, const char *key, const char *between, char ***ret_list,
                      struct fl_error *err) {
  const struct fl_value *texts = fl_get(config->value, key);
  struct fl_member member = {0};
  size_t count = 0;
  if (texts != NULL && !fl_is(texts, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s: \"%s\" must be an object", config->name, key);
  char **list = fl_new_array(char *, fl_size(texts) + 1);
  while (fl_next_member(texts, &member)) {
    if (fl_is(member.value, FL_STRING) && member.key_size > 0 && strpbrk(member.key, between) == NULL) {
      list[count++] = fl_format("%s%s%s", member.key, between, fl_as_string(member.value));
      continue;
    }
    fl_mcp_env_free(list);
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s/%s/%.100s must be a string", config->name, key, member.key);
  }
  *ret_list = list;
  return 0;
}

static int read_process(const struct fl_mcp_client_entry *config, struct fl_mcp_client_options *options,
                        struct fl_error *err) {
  const char *name = config->name, *cwd = fl_get_string(config->value, "cwd", NULL);
  char **argv = NULL, **env = NULL;
  if (fl_get(config->value, "cwd") != NULL && cwd == NULL)
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s: \"cwd\" must be a string", name);
  int status = read_argv(name, config->value, config->folder, &argv, err);
  if (status == 0) status = read_texts(config, "env", "=", &env, err);
  options->argv = (const char *const *)argv;
  options->env = (const char *const *)env;
  options->cwd = cwd != NULL ? resolve(cwd, config->folder, false) : NULL;
  return status;
}

static int read_http(const struct fl_mcp_client_entry *config, struct fl_mcp_client_options *options,
                     struct fl_error *err) {
  char **headers = NULL;
  options->url = fl_strdup(fl_get_string(config->value, "url", NULL));
  if (options->url == NULL)
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s: \"url\" must be a string", config->name);
  if (fl_get(config->value, "command") != NULL)
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s has a \"command\" and a \"url\"; a server has one of them",
                        config->name);
  options->auth_config = fl_get(config->value, "auth");
  int status = read_texts(config, "headers", ": ", &headers, err);
  options->headers = (const char *const *)headers;
  return status;
}

int fl_mcp_client_read_entry(const struct fl_mcp_client_entry *config, struct fl_mcp_client_options *ret_options,
                             struct fl_error *err) {
  *ret_options = (struct fl_mcp_client_options){.size = sizeof *ret_options, .name = config->name};
  if (!fl_is(config->value, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "mcpServers/%s must be an object", config->name);
  bool is_http = fl_get(config->value, "url") != NULL;
  ret_options->policy = config->policy; /* these are lent */
  ret_options->allowed_env = config->allowed_env;
  ret_options->secrets = config->secrets;
  ret_options->secret_count = config->secret_count;
  ret_options->limits = config->limits;
  ret_options->is_unpinned = !fl_get_bool(config->value, "pin", true);
  int status = is_http ? read_http(config, ret_options, err) : read_process(config, ret_options, err);
  if (status < 0) fl_mcp_client_entry_deinit(ret_options);
  return status;
}

void fl_mcp_client_entry_deinit(struct fl_mcp_client_options *options) {
  fl_mcp_env_free((char **)(uintptr_t)options->argv);
  fl_mcp_env_free((char **)(uintptr_t)options->env);
  fl_mcp_env_free((char **)(uintptr_t)options->headers);
  fl_free((void *)(uintptr_t)options->cwd);
  fl_free((void *)(uintptr_t)options->url);
  *options = (struct fl_mcp_client_options){0};
}

int fl_mcp_client_from_config(struct fl_world *world, const struct fl_mcp_client_entry *config,
                              struct fl_tool_source **ret_source, struct fl_error *err) {
  struct fl_mcp_client_options options;
  int status = fl_mcp_client_read_entry(config, &options, err);
  if (status == 0) status = fl_mcp_client_create(world, &options, ret_source, err);
  fl_mcp_client_entry_deinit(&options);
  return status;
}
