/* SPDX-License-Identifier: MIT */
/* Plugins: shared objects that export fl_plugin_v1. What they add lives as long as the program, so they are never
 * unloaded. */
#include "runtime/base/mem.h"
#include "tools/local.h"
#include "tools/toolset.h"

#include <dlfcn.h>
#include <sys/stat.h>

struct fl_plugin_host {
  struct fl_tool_set *set;
  struct fl_server *server; /* NULL: its tools are an agent's */
  struct fl_error error;    /* of the last fl_plugin_tools that failed */
};

struct fl_server *fl_plugin_server(struct fl_plugin_host *host) {
  return host->server;
}

int fl_plugin_tools(struct fl_plugin_host *host, const struct fl_tool *tools, size_t tool_count) {
  return fl_tool_set_add_all(host->set, tools, tool_count, &host->error);
}

/* dlopen looks a name without a slash up in the library path; a plugin is always a file. */
static void *open_file(const char *path, struct fl_error *err) {
  struct stat info;
  if (stat(path, &info) != 0) {
    fl_error_set(err, FL_E_NOT_FOUND, "plugin %s: there is no such file", path);
    return NULL;
  }
  FL_FREE_AUTO char *local = strchr(path, '/') == NULL ? fl_format("./%s", path) : fl_strdup(path);
  void *object = dlopen(local, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (object == NULL) fl_error_set(err, FL_E_INVALID, "plugin %s cannot be loaded: %s", path, dlerror());
  return object;
}

int fl_tool_set_load_plugin(struct fl_tool_set *set, struct fl_server *server, const char *path, struct fl_error *err) {
  struct fl_error why = {0};
  void *object = open_file(path, &why);
  if (object == NULL) return fl_error_set(err, why.code, "%s", why.text);
  void *symbol = dlsym(object, FL_PLUGIN_SYMBOL);
  if (symbol == NULL) {
    dlclose(object);
    return fl_error_set(err, FL_E_UNSUPPORTED, "plugin %s does not export %s", path, FL_PLUGIN_SYMBOL);
  }
  fl_plugin_fn *run;
  memcpy(&run, &symbol, sizeof run); /* ISO C has no cast from an object pointer to a function pointer */
  struct fl_plugin_host host = {.set = set, .server = server};
  int status = run(&host);
  dlclose(object); /* RTLD_NODELETE keeps it in place */
  if (status == 0) return 0;
  if (host.error.code != 0) return fl_error_set(err, host.error.code, "plugin %s: %s", path, host.error.text);
  return fl_error_set(err, FL_E_INVALID, "plugin %s: %s returned %d", path, FL_PLUGIN_SYMBOL, status);
}

int fl_tool_source_plugin(struct fl_world *world, const char *name, const char *path,
                          struct fl_tool_source **ret_source, struct fl_error *err) {
  struct fl_tool_set set;
  fl_tool_set_init(&set);
  int status = fl_tool_set_load_plugin(&set, NULL, path, err);
  if (status < 0) fl_tool_set_deinit(&set);
  else *ret_source = fl_tool_source_local_take(world, name, &set);
  return status;
}
