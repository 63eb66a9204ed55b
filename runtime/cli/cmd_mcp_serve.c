/* SPDX-License-Identifier: MIT */
/* fairlead mcp serve: the built-in tools, plugins, skills and graphs as an MCP server. */
#include "runtime/api/graph_tool.h"
#include "runtime/base/mem.h"
#include "runtime/cli/mcp.h"
#include "tools/builtin/kit.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

enum { CLOSE_MS_MAX = 60 };

static int add_plugins(const struct fl_args *args, struct fl_server *server) {
  const char *path;
  struct fl_error err = {0};
  for (int i = 0; (path = fl_args_nth(args, "plugin", i)) != NULL; i++)
    if (fl_server_add_plugin(server, path, &err) < 0) return fl_fail_error(args, &err);
  return 0;
}

static int add_skills(const struct fl_args *args, struct fl_server *server) {
  const char *path;
  struct fl_error err = {0};
  for (int i = 0; (path = fl_args_nth(args, "skills", i)) != NULL; i++)
    if (fl_server_add_skills(server, path, &err) < 0) return fl_fail_error(args, &err);
  return 0;
}

/* ---- graphs ---- */

struct graphs {
  struct fl_runtime *runtime;
  struct fl_graph_host *host;
  struct fl_signal on_stop;
};

/* Ctrl-Z: no other process may wait for the store's lock of a stopped one, so the batch under way is finished first. */
static void on_stop_signal(struct fl_signal *signal, int number) {
  struct graphs *graphs = signal->user;
  struct fl_store *store = fl_runtime_store(graphs->runtime);
  fl_store_pause(store);
  raise(SIGSTOP);
  fl_store_resume(store);
}

static int add_graph(const struct fl_args *args, struct fl_graph_host *host, const char *path) {
  struct fl_diags diags = {0};
  struct fl_error err = {0};
  int rc = fl_graph_host_add(host, path, &diags, &err);
  if (rc < 0 && diags.count > 0) fl_fail_diags(args, &diags);
  else if (rc < 0) fl_fail_error(args, &err);
  else fl_print_diags(args, &diags);
  fl_diags_deinit(&diags);
  return rc < 0 ? FL_EXIT_USAGE : 0;
}

static int add_graphs(const struct fl_args *args, struct fl_server *server, struct graphs *graphs) {
  if (!fl_args_has(args, "graph")) return 0;
  const char *store = fl_args_get(args, "store"), *path;
  FL_FREE_AUTO char *fallback = store == NULL ? fl_default_store() : NULL;
  struct fl_runtime_options options = {.size = sizeof options, .store_path = store != NULL ? store : fallback};
  struct fl_error err = {0};
  if (fl_runtime_create(&options, &graphs->runtime, &err) < 0) return fl_fail_store(args, options.store_path, &err);
  graphs->on_stop = (struct fl_signal){.on_signal = on_stop_signal, .user = graphs};
  fl_signal_start(fl_runtime_world(graphs->runtime), &graphs->on_stop, SIGTSTP);
  graphs->host = fl_graph_host_create(&(struct fl_graph_host_options){
      .runtime = graphs->runtime, .server = server, .model = fl_args_get(args, "model")});
  int code = 0;
  for (int i = 0; code == 0 && (path = fl_args_nth(args, "graph", i)) != NULL; i++)
    code = add_graph(args, graphs->host, path);
  return code;
}

static int restore(const struct fl_args *args, struct graphs *graphs) {
  struct fl_error err = {0};
  if (graphs->host == NULL || fl_graph_host_restore(graphs->host, &err) == 0) return 0;
  return fl_fail_error(args, &err);
}

/* A tool server that takes its time to end must not keep our client waiting: when we are gone the launcher ends it, and
 * the store knows a process that is dead. */
static void leave(int number) { _exit(FL_EXIT_OK); }

static void graphs_close(struct graphs *graphs, bool in_time) {
  const struct itimerval limit = {.it_value = {.tv_usec = CLOSE_MS_MAX * 1000}};
  if (in_time) signal(SIGALRM, leave);
  if (in_time) setitimer(ITIMER_REAL, &limit, NULL);
  fl_graph_host_destroy(graphs->host);
  fl_runtime_destroy(graphs->runtime);
}

/* ---- the command ---- */

static int serve(const struct fl_args *args, struct fl_server *server) {
  return fl_args_has(args, "http") ? fl_serve_http(args, server) : fl_server_run_stdio(server);
}

int fl_cmd_mcp_serve(struct fl_args *args) {
  if (args->count != 0) return fl_usage(args, "it takes no arguments");
  if (!fl_args_has(args, "graph") && (fl_args_has(args, "store") || fl_args_has(args, "model")))
    return fl_usage(args, "--store and --model go with --graph");
  struct fl_server *server = fl_server_create(&(struct fl_server_options){
      .size = sizeof(struct fl_server_options), .name = "fairlead", .version = FL_VERSION, .title = "fairlead"});
  struct fl_builtin_kit *kit = NULL;
  struct graphs graphs = {0};
  bool has_others = fl_args_has(args, "plugin") || fl_args_has(args, "graph");
  int code = 0;
  if (!has_others || fl_serve_has_builtin_options(args)) code = fl_serve_builtin(args, server, &kit);
  if (code == 0) code = add_plugins(args, server);
  if (code == 0) code = add_skills(args, server);
  if (code == 0) code = add_graphs(args, server, &graphs);
  if (code == 0) code = restore(args, &graphs);
  if (code == 0) code = serve(args, server);
  if (graphs.runtime != NULL) fl_signal_stop(fl_runtime_world(graphs.runtime), &graphs.on_stop);
  if (graphs.host != NULL) fl_graph_host_settle(graphs.host);
  fl_server_destroy(server);
  graphs_close(&graphs, graphs.runtime != NULL && code == 0);
  fl_builtin_kit_destroy(kit);
  return code;
}
