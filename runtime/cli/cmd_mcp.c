/* SPDX-License-Identifier: MIT */
/* fairlead mcp: list and call the tools of servers, and serve tools. */
#include "mcp/client_source.h"
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"
#include "runtime/cli/mcp.h"
#include "runtime/api/load.h"

#include <fairlead/mcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

void fl_mcp_headers(const struct fl_args *args, const char **ret_headers) {
  int count = 0;
  for (const char *one; (one = fl_args_nth(args, "header", count)) != NULL;) ret_headers[count++] = one;
  ret_headers[count] = NULL;
}

/* ---- a registry of the servers that the user named ---- */

struct host {
  const struct fl_args *args;
  struct fl_world *world;
  struct fl_registry *registry;
  struct fl_tool_source *sources[64];
  size_t source_count;
  int status;
  struct fl_error error;
  bool is_done, is_closed;
  struct fl_value *result;
};

static int add_source(struct host *host, struct fl_tool_source *source) {
  struct fl_error err = {0};
  if (fl_registry_add_take(host->registry, source, &err) < 0) return fl_fail_error(host->args, &err);
  if (host->source_count < 64) host->sources[host->source_count++] = source;
  return 0;
}

static int add_server(struct host *host, const struct fl_mcp_client_options *options) {
  struct fl_tool_source *source = NULL;
  struct fl_error err = {0};
  if (fl_mcp_client_create(host->world, options, &source, &err) < 0) return fl_fail_error(host->args, &err);
  return add_source(host, source);
}

static int add_command(struct host *host) {
  const char *slash = strrchr(host->args->rest[0], '/');
  FL_FREE_AUTO char *name = fl_strdup(slash != NULL ? slash + 1 : host->args->rest[0]);
  struct fl_mcp_client_options options = {
      .size = sizeof options, .name = name, .argv = (const char *const *)host->args->rest, .is_unattended = true};
  return add_server(host, &options);
}

static int add_url(struct host *host, const char *url) {
  const char *headers[FL_OPTION_VALUES_MAX + 1];
  fl_mcp_headers(host->args, headers);
  struct fl_mcp_client_options options = {
      .size = sizeof options, .name = "server", .url = url, .headers = headers, .is_unattended = true};
  return add_server(host, &options);
}

static int add_entries(struct host *host, const struct fl_graph_file *file) {
  const char *only = fl_args_get(host->args, "server");
  struct fl_member member = {0};
  size_t count = 0;
  while (fl_next_member(file->servers, &member)) {
    if (only != NULL && strcmp(only, member.key) != 0) continue;
    struct fl_tool_source *source = NULL;
    struct fl_error err = {0};
    struct fl_mcp_client_entry entry = {member.key, member.value, file->folder};
    if (fl_mcp_client_from_config(host->world, &entry, &source, &err) < 0) return fl_fail_error(host->args, &err);
    int code = add_source(host, source);
    if (code != 0) return code;
    count++;
  }
  if (count > 0) return 0;
  if (only != NULL) return fl_usage(host->args, "%s has no server named \"%s\" in mcpServers", file->path, only);
  return fl_usage(host->args, "%s has no mcpServers", file->path);
}

static int add_graph(struct host *host, const char *path) {
  struct fl_diags diags = {0};
  struct fl_graph_file file = {0};
  int rc = fl_load_graph_file(path, &file, &diags);
  if (rc < 0) fl_print_diags(host->args, &diags);
  int code = rc < 0 ? FL_EXIT_USAGE : add_entries(host, &file);
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
  return code;
}

static int host_open(struct host *host, const struct fl_args *args) {
  *host = (struct host){.args = args};
  const char *graph = fl_args_get(args, "graph"), *url = fl_args_get(args, "url");
  if ((graph != NULL) + (url != NULL) + (args->rest_count > 0) != 1)
    return fl_usage(args, "name the servers: --graph FILE, --url URL, or a command behind --");
  host->world = fl_world_uv_create(NULL);
  host->registry = fl_registry_create(host->world);
  if (url != NULL) return add_url(host, url);
  return graph != NULL ? add_graph(host, graph) : add_command(host);
}

static void on_closed(void *user) {
  struct host *host = user;
  host->is_closed = true;
  fl_world_stop(host->world);
}

static void host_close(struct host *host) {
  if (host->world == NULL) return;
  fl_registry_close(host->registry, on_closed, host);
  while (!host->is_closed) fl_world_run(host->world);
  fl_registry_destroy(host->registry);
  fl_value_unref(host->result);
  fl_world_destroy(host->world);
}

static void host_finish(struct host *host, int status, const struct fl_error *err) {
  host->status = status;
  if (err != NULL) host->error = *err;
  host->is_done = true;
  fl_world_stop(host->world);
}

static void on_ready(struct fl_registry_open *open, int status, const struct fl_error *err) {
  host_finish(open->user, status, err);
}

static int host_wait(struct host *host) {
  while (!host->is_done) fl_world_run(host->world);
  host->is_done = false;
  return host->status < 0 ? (fl_fail_error(host->args, &host->error), FL_EXIT_FAILED) : 0;
}

static int host_connect(struct host *host) {
  struct fl_registry_open open = {.on_ready = on_ready, .user = host};
  fl_registry_open(host->registry, &open);
  return host_wait(host);
}

/* ---- list ---- */

static bool print_tool(const struct fl_registry_tool *tool, void *user) {
  const struct fl_args *args = user;
  if (args->json) {
    FL_VALUE_AUTO line = fl_object();
    fl_set_string(line, "server", tool->server);
    fl_set_string(line, "name", tool->info->name);
    fl_set_string(line, "model_name", tool->model_name);
    if (tool->info->title != NULL) fl_set_string(line, "title", tool->info->title);
    if (tool->info->description != NULL) fl_set_string(line, "description", tool->info->description);
    fl_set_take(line, "input_schema", fl_value_ref(tool->info->input_schema));
    if (tool->info->output_schema != NULL) fl_set_take(line, "output_schema", fl_value_ref(tool->info->output_schema));
    if (tool->info->annotations != NULL) fl_set_take(line, "annotations", fl_value_ref(tool->info->annotations));
    fl_print_json(line);
    return true;
  }
  FL_BUF_AUTO text = {0};
  fl_add_visible(&text, tool->full_name, 80);
  printf("%s", text.data);
  fl_buf_clear(&text);
  const char *description = tool->info->description != NULL ? tool->info->description : "";
  fl_add_visible(&text, description, 200);
  printf("\n    %s\n", text.size > 0 ? text.data : "(no description)");
  const struct fl_value *properties = fl_get(tool->info->input_schema, "properties");
  struct fl_member member = {0};
  while (fl_next_member(properties, &member)) {
    fl_buf_clear(&text);
    fl_add_visible(&text, fl_get_string(member.value, "description", ""), 120);
    FL_FREE_AUTO char *name = fl_visible(member.key, 80);
    FL_FREE_AUTO char *type = fl_visible(fl_get_string(member.value, "type", "any"), 80);
    printf("    %s: %s%s%s\n", name, type, text.size > 0 ? ", " : "", text.size > 0 ? text.data : "");
  }
  return true;
}

int fl_cmd_mcp_list(struct fl_args *args) {
  if (args->count != 0) return fl_usage(args, "put the server's command behind --");
  struct host host;
  int code = host_open(&host, args);
  if (code == 0) code = host_connect(&host);
  if (code == 0) fl_registry_visit(host.registry, print_tool, args);
  host_close(&host);
  return code;
}

/* ---- call ---- */

static void on_called(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                      const struct fl_error *err) {
  struct host *host = request->user;
  host->result = fl_value_ref(result);
  host_finish(host, status, err);
}

static void on_progress(struct fl_tool_request *request, double done, double total, const char *message) {
  fprintf(stderr, "%g", done);
  if (total > 0) fprintf(stderr, "/%g", total);
  FL_FREE_AUTO char *text = fl_visible(message != NULL ? message : "", 300);
  fprintf(stderr, " %s\n", text);
}

struct search {
  const char *name;
  const struct fl_registry_tool *found;
  const char *names[256];
  size_t count, found_count;
};

static bool look_at(const struct fl_registry_tool *tool, void *user) {
  struct search *search = user;
  if (strcmp(tool->full_name, search->name) == 0 || strcmp(tool->info->name, search->name) == 0) {
    search->found = tool;
    search->found_count++;
  }
  if (search->count < 256) search->names[search->count++] = tool->info->name;
  return true;
}

static int find_tool(const struct host *host, const char *name, const struct fl_registry_tool **ret_tool) {
  struct search search = {.name = name};
  fl_registry_visit(host->registry, look_at, &search);
  *ret_tool = search.found;
  if (search.found_count == 1) return 0;
  if (search.found_count > 1)
    return fl_usage(host->args, "several servers have a tool \"%s\"; say which: SERVER/%s", name, name);
  const char *nearest = fl_nearest(name, search.names, search.count);
  if (nearest != NULL) return fl_usage(host->args, "there is no tool \"%s\"; did you mean \"%s\"?", name, nearest);
  return fl_usage(host->args, "there is no tool \"%s\"; 'fairlead mcp list' tells what there is", name);
}

static int read_tool_args(const struct fl_args *args, struct fl_value **ret_value) {
  if (args->count < 2) {
    *ret_value = fl_object();
    return 0;
  }
  FL_BUF_AUTO text;
  fl_buf_init(&text, 16 * 1024 * 1024);
  if (strcmp(args->items[1], "-") != 0) fl_buf_add_text(&text, args->items[1]);
  char chunk[65536];
  for (size_t got; strcmp(args->items[1], "-") == 0 && (got = fread(chunk, 1, sizeof chunk, stdin)) > 0;)
    if (fl_buf_add(&text, chunk, got) < 0) return fl_usage(args, "standard input holds more than 16 MiB");
  struct fl_error err = {0};
  if (fl_parse(text.data != NULL ? text.data : "", text.size, ret_value, &err) < 0)
    return fl_usage(args, "ARGS is not JSON: %s", err.text);
  if (fl_is(*ret_value, FL_OBJECT)) return 0;
  fl_value_unref(*ret_value);
  return fl_usage(args, "ARGS must be a JSON object: '{\"name\": value}'");
}

static int print_result(const struct fl_args *args, const struct fl_value *result) {
  bool is_error = fl_get_bool(result, "isError", false);
  if (args->json) {
    fl_print_json(result);
    return is_error ? FL_EXIT_FAILED : FL_EXIT_OK;
  }
  const struct fl_value *content = fl_get(result, "content");
  for (size_t i = 0; i < fl_size(content); i++) {
    const struct fl_value *block = fl_at(content, i);
    const char *text = fl_get_string(block, "text", NULL);
    FL_FREE_AUTO char *line = text != NULL
                                  ? fl_format("%s\n", text)
                                  : fl_format("[%s %s]\n", fl_get_string(block, "type", "?"),
                                              fl_get_string(block, "mimeType", fl_get_string(block, "uri", "")));
    fl_print_text(is_error ? stderr : stdout, line);
  }
  if (fl_size(content) == 0 && fl_get(result, "structuredContent") != NULL)
    fl_print_pretty(fl_get(result, "structuredContent"));
  return is_error ? FL_EXIT_FAILED : FL_EXIT_OK;
}

static int call_tool(struct host *host, const char *name, struct fl_value *arguments) {
  const struct fl_registry_tool *tool = NULL;
  int code = find_tool(host, name, &tool);
  if (code != 0) return code;
  FL_BUF_AUTO text = {0};
  if (fl_registry_check_args(tool, arguments, &text) != 0)
    return fl_usage(host->args, "the arguments do not fit: %s", text.data);
  long seconds = fl_args_number(host->args, "timeout", 86400);
  if (seconds < 0) return FL_EXIT_USAGE;
  struct fl_tool_request request = {.tool = tool->full_name,
                                    .args = arguments,
                                    .call_id = "command-line",
                                    .total_timeout_ms = (uint32_t)seconds * 1000,
                                    .idle_timeout_ms = (uint32_t)seconds * 1000,
                                    .on_done = on_called,
                                    .user = host};
  if (!host->args->json) request.on_progress = on_progress;
  fl_registry_call(host->registry, &request);
  code = host_wait(host);
  return code != 0 ? code : print_result(host->args, host->result);
}

int fl_cmd_mcp_call(struct fl_args *args) {
  if (args->count < 1 || args->count > 2)
    return fl_usage(args, "name the tool, and its arguments as one JSON object in quotes");
  struct fl_value *arguments = NULL;
  int code = read_tool_args(args, &arguments);
  if (code != 0) return code;
  struct host host;
  code = host_open(&host, args);
  if (code == 0) code = host_connect(&host);
  if (code == 0) code = call_tool(&host, args->items[0], arguments);
  host_close(&host);
  fl_value_unref(arguments);
  return code;
}
