/* SPDX-License-Identifier: MIT */
/* The built-in tools of `fairlead mcp serve`, as its options and a file of settings switch them on. */
#include "runtime/api/builtin_host.h"
#include "runtime/base/mem.h"
#include "runtime/cli/mcp.h"
#include "tools/builtin/kit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SETTINGS_SIZE_MAX = 1 << 20, PATH_SIZE_MAX = 4096 };

static const char *const SWITCHES[] = {"root", "database", "fetch", "ping", "private", "builtin-config", NULL};

bool fl_serve_has_builtin_options(const struct fl_args *args) {
  bool has = fl_args_has(args, "builtin");
  for (size_t i = 0; SWITCHES[i] != NULL; i++) has |= fl_args_has(args, SWITCHES[i]);
  return has;
}

/* ---- the file ---- */

static int read_text(const struct fl_args *args, const char *path, struct fl_buf *ret_text) {
  fl_buf_init(ret_text, SETTINGS_SIZE_MAX);
  FILE *file = fopen(path, "re");
  if (file == NULL) return fl_usage(args, "%s cannot be read: %s", path, strerror(errno));
  char chunk[16384];
  int code = 0;
  for (size_t got; code == 0 && (got = fread(chunk, 1, sizeof chunk, file)) > 0;)
    if (fl_buf_add(ret_text, chunk, got) < 0) code = fl_usage(args, "%s holds more than 1 MiB", path);
  if (code == 0 && ferror(file)) code = fl_usage(args, "%s cannot be read", path);
  fclose(file);
  return code;
}

static int read_settings(const struct fl_args *args, struct fl_value **ret_settings) {
  const char *path = fl_args_get(args, "builtin-config");
  if (path == NULL) {
    *ret_settings = fl_object();
    return 0;
  }
  FL_BUF_AUTO text = {0};
  FL_VALUE_AUTO value = NULL;
  struct fl_error err = {0};
  int code = read_text(args, path, &text);
  if (code != 0) return code;
  if (fl_parse(text.data != NULL ? text.data : "", text.size, &value, &err) < 0)
    return fl_usage(args, "%s is not JSON: %s", path, err.text);
  if (!fl_is(value, FL_OBJECT)) return fl_usage(args, "%s must hold an object", path);
  *ret_settings = fl_copy_shallow(value);
  return 0;
}

/* ---- the options ---- */

/* A copy of an object within an object, in its place, that may be changed. */
static struct fl_value *open_object(struct fl_value *parent, const char *key) {
  const struct fl_value *there = fl_get(parent, key);
  struct fl_value *own = fl_is(there, FL_OBJECT) ? fl_copy_shallow(there) : fl_object();
  fl_set_take(parent, key, own);
  return own;
}

/* NAME=PATH or NAME=PATH:write; the path stands where the user is, whatever folder the file has. */
static int add_place(const struct fl_args *args, const char *option, const char *text, struct fl_value *places) {
  static const char suffix[] = ":write";
  const char *equals = strchr(text, '=');
  if (equals == NULL || equals == text || equals[1] == '\0')
    return fl_usage(args, "--%s takes NAME=PATH or NAME=PATH:write, not \"%s\"", option, text);
  size_t size = strlen(equals + 1);
  bool may_write = size > strlen(suffix) && strcmp(equals + 1 + size - strlen(suffix), suffix) == 0;
  if (may_write) size -= strlen(suffix);
  char here[PATH_SIZE_MAX];
  bool is_whole = equals[1] == '/';
  if (!is_whole && getcwd(here, sizeof here) == NULL) return fl_usage(args, "the working folder has no name");
  FL_FREE_AUTO char *path = is_whole ? fl_strndup(equals + 1, size) : fl_format("%s/%.*s", here, (int)size, equals + 1);
  struct fl_value *place = fl_object();
  fl_set_string(place, "path", path);
  if (may_write) fl_set_bool(place, "write", true);
  fl_set_take_n(places, text, (size_t)(equals - text), place);
  return 0;
}

static int add_places(const struct fl_args *args, const char *option, struct fl_value *settings, const char *section,
                      const char *key) {
  if (!fl_args_has(args, option)) return 0;
  struct fl_value *places = open_object(open_object(settings, section), key);
  const char *text;
  int code = 0;
  for (int i = 0; code == 0 && (text = fl_args_nth(args, option, i)) != NULL; i++)
    code = add_place(args, option, text, places);
  return code;
}

static void add_hosts(const struct fl_args *args, const char *option, struct fl_value *settings) {
  bool has_private = fl_args_has(args, "private") && fl_get(settings, option) != NULL;
  if (!fl_args_has(args, option) && !has_private) return;
  struct fl_value *section = open_object(settings, option), *hosts = fl_array();
  const struct fl_value *there = fl_get(section, "hosts");
  for (size_t i = 0; i < fl_size(there); i++) fl_append_take(hosts, fl_value_ref(fl_at(there, i)));
  const char *host;
  for (int i = 0; (host = fl_args_nth(args, option, i)) != NULL; i++) fl_append_take(hosts, fl_string(host));
  fl_set_take(section, "hosts", hosts);
  if (fl_args_has(args, "private")) fl_set_bool(section, "private", true);
}

static int make_settings(const struct fl_args *args, struct fl_value **ret_settings) {
  FL_VALUE_AUTO settings = NULL;
  int code = read_settings(args, &settings);
  if (code == 0) code = add_places(args, "root", settings, "files", "roots");
  if (code == 0) code = add_places(args, "database", settings, "sqlite", "databases");
  if (code != 0) return code;
  add_hosts(args, "fetch", settings);
  add_hosts(args, "ping", settings);
  if (fl_args_has(args, "private") && fl_get(settings, "fetch") == NULL && fl_get(settings, "ping") == NULL)
    return fl_usage(args, "--private goes with --fetch or --ping");
  *ret_settings = fl_value_ref(settings);
  return 0;
}

int fl_serve_builtin(const struct fl_args *args, struct fl_server *server, struct fl_builtin_kit **ret_kit) {
  FL_VALUE_AUTO settings = NULL;
  int code = make_settings(args, &settings);
  if (code != 0) return code;
  const char *path = fl_args_get(args, "builtin-config"), *slash = path != NULL ? strrchr(path, '/') : NULL;
  FL_FREE_AUTO char *folder = slash != NULL ? fl_strndup(path, (size_t)(slash - path)) : NULL;
  struct fl_error err = {0};
  struct fl_builtin_kit_options options = {.settings = settings, .folder = folder, .host = &fl_builtin_real_host};
  if (fl_builtin_kit_create(&options, ret_kit, &err) < 0) return fl_fail_error(args, &err);
  size_t count;
  const struct fl_tool *tools = fl_builtin_kit_tools(*ret_kit, &count);
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < count; i++) rc = fl_server_add_tool(server, &tools[i], &err);
  return rc < 0 ? fl_fail_error(args, &err) : 0;
}
