/* SPDX-License-Identifier: MIT */
/* fairlead mcp inspect: what a server is and offers. One server after the other; one that cannot be reached does not
 * keep the others from being shown. */
#include "mcp/client_source.h"
#include "runtime/base/mem.h"
#include "runtime/cli/mcp.h"
#include "runtime/api/load.h"

#include <fairlead/client.h>
#include <string.h>

static const char *const LISTS[][2] = {
    {"prompts", "prompts"}, {"resources", "resources"}, {"resourceTemplates", "resources"}, {"skills", NULL}};
enum { LIST_COUNT = sizeof LISTS / sizeof LISTS[0] };
#define SKILLS "io.modelcontextprotocol/skills"

/* ---- asking ---- */

static void on_log(struct fl_client *client, const char *level, const char *text, void *user) {
  FL_FREE_AUTO char *shown = fl_visible(text, 2000);
  fprintf(stderr, "[%s] %s\n", level, shown);
}

static void on_wire(struct fl_client *client, bool is_ours, const char *text, size_t size, void *user) {
  FL_FREE_AUTO char *message = fl_strndup(text, size);
  FL_FREE_AUTO char *shown = fl_visible(message, 100000);
  fprintf(stderr, "%s %s\n", is_ours ? "-->" : "<--", shown);
}

static bool offers(const struct fl_value *about, size_t list) {
  const struct fl_value *capabilities = fl_get(about, "capabilities");
  if (LISTS[list][1] != NULL) return fl_get(capabilities, LISTS[list][1]) != NULL;
  return fl_get(fl_get(capabilities, "extensions"), SKILLS) != NULL;
}

/* All that is known, as one object. A list that cannot be had is left out, and said. */
static struct fl_value *ask(struct fl_client *client, const char *name) {
  struct fl_value *all = fl_object();
  FL_VALUE_AUTO about = fl_client_about(client);
  struct fl_member member = {0};
  fl_set_string(all, "server", name);
  while (fl_next_member(about, &member)) fl_set_take(all, member.key, fl_value_ref(member.value));
  fl_set_take(all, "tools", fl_value_ref((struct fl_value *)(uintptr_t)fl_client_tools(client)));
  for (size_t i = 0; i < LIST_COUNT; i++) {
    struct fl_error err = {0};
    struct fl_value *items = NULL;
    if (!offers(about, i)) continue;
    if (fl_client_list(client, LISTS[i][0], &items, &err) == 0) fl_set_take(all, LISTS[i][0], items);
    else fprintf(stderr, "fairlead: %s\n", err.text);
  }
  return all;
}

/* ---- showing ---- */

static void show_line(const char *indent, const char *label, const char *text, size_t most) {
  if (text == NULL || text[0] == '\0') return;
  FL_FREE_AUTO char *shown = fl_visible(text, most);
  printf("%s%s%s\n", indent, label, shown);
}

static void show_names(const struct fl_value *object) {
  struct fl_member member = {0};
  const char *comma = "";
  printf("  capabilities: ");
  while (fl_next_member(object, &member)) {
    FL_FREE_AUTO char *name = fl_visible(member.key, 100);
    printf("%s%s", comma, name);
    comma = ", ";
  }
  printf("%s\n", comma[0] == '\0' ? "none" : "");
}

static void show_item(const struct fl_value *item) {
  static const char *const keys[] = {"name", "uri", "uriTemplate"};
  const char *label = NULL;
  for (size_t i = 0; i < 3 && label == NULL; i++) label = fl_get_string(item, keys[i], NULL);
  show_line("    ", "", label != NULL ? label : "(no name)", 200);
  show_line("      ", "", fl_get_string(item, "uri", NULL) != label ? fl_get_string(item, "uri", NULL) : NULL, 200);
  show_line("      ", "", fl_get_string(item, "description", NULL), 300);
  char *schema = fl_get(item, "inputSchema") != NULL ? fl_dump(fl_get(item, "inputSchema"), NULL) : NULL;
  show_line("      ", "takes ", schema, 4000);
  fl_text_free(schema);
  schema = fl_get(item, "outputSchema") != NULL ? fl_dump(fl_get(item, "outputSchema"), NULL) : NULL;
  show_line("      ", "gives ", schema, 4000);
  fl_text_free(schema);
}

static void show_list(const struct fl_value *all, const char *key) {
  const struct fl_value *items = fl_get(all, key);
  if (items == NULL) return;
  printf("  %s: %zu\n", key, fl_size(items));
  for (size_t i = 0; i < fl_size(items); i++) show_item(fl_at(items, i));
}

static void show(const struct fl_value *all) {
  const struct fl_value *info = fl_get(all, "serverInfo");
  show_line("", "", fl_get_string(all, "server", ""), 200);
  printf("  speaks %s (%s)\n", fl_get_string(all, "protocolVersion", "?"), fl_get_string(all, "era", "?"));
  show_line("  ", "is ", fl_get_string(info, "name", NULL), 200);
  show_line("  ", "version ", fl_get_string(info, "version", NULL), 200);
  show_names(fl_get(all, "capabilities"));
  show_line("  ", "instructions: ", fl_get_string(all, "instructions", NULL), 1000);
  show_list(all, "tools");
  for (size_t i = 0; i < LIST_COUNT; i++) show_list(all, LISTS[i][0]);
}

/* ---- which servers ---- */

static int inspect(const struct fl_args *args, const struct fl_mcp_client_options *server) {
  const char *headers[FL_OPTION_VALUES_MAX + 1];
  fl_mcp_headers(args, headers);
  struct fl_client_options options = {.size = sizeof options,
                                      .name = server->name,
                                      .command = server->argv,
                                      .env = server->env,
                                      .cwd = server->cwd,
                                      .url = server->url,
                                      .headers = server->headers != NULL ? server->headers : headers,
                                      .revision = fl_args_get(args, "revision"),
                                      .extensions = (const char *const[]){SKILLS, NULL},
                                      .on_log = on_log,
                                      .on_wire = fl_args_has(args, "log") ? on_wire : NULL};
  struct fl_client *client = NULL;
  struct fl_error err = {0};
  if (fl_client_connect(&options, &client, &err) < 0) return fl_fail_error(args, &err);
  FL_VALUE_AUTO all = ask(client, server->name);
  fl_client_close(client);
  if (args->json) fl_print_json(all);
  else show(all);
  return 0;
}

static int inspect_entries(const struct fl_args *args, const struct fl_graph_file *file) {
  const char *only = fl_args_get(args, "server");
  struct fl_member member = {0};
  int code = 0, count = 0;
  while (fl_next_member(file->servers, &member)) {
    struct fl_mcp_client_entry entry = {member.key, member.value, file->folder};
    struct fl_mcp_client_options options;
    struct fl_error err = {0};
    if (only != NULL && strcmp(only, member.key) != 0) continue;
    count++;
    int one =
        fl_mcp_client_read_entry(&entry, &options, &err) == 0 ? inspect(args, &options) : fl_fail_error(args, &err);
    fl_mcp_client_entry_deinit(&options);
    if (one != 0) code = one;
  }
  return count > 0 ? code : fl_usage(args, "%s has no such server in mcpServers", file->path);
}

static int inspect_graph(const struct fl_args *args, const char *path) {
  struct fl_diags diags = {0};
  struct fl_graph_file file = {0};
  int rc = fl_load_graph_file(path, &file, &diags);
  if (rc < 0) fl_print_diags(args, &diags);
  int code = rc < 0 ? FL_EXIT_USAGE : inspect_entries(args, &file);
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
  return code;
}

int fl_cmd_mcp_inspect(struct fl_args *args) {
  const char *graph = fl_args_get(args, "graph");
  int code = 0;
  if (graph == NULL && args->count == 0 && args->rest_count == 0)
    return fl_usage(args, "name the servers: URLs, --graph FILE, or a command behind --");
  for (int i = 0; i < args->count; i++) {
    struct fl_mcp_client_options options = {.name = args->items[i], .url = args->items[i]};
    int one = inspect(args, &options);
    if (one != 0) code = one;
  }
  if (args->rest_count > 0) {
    struct fl_mcp_client_options options = {.name = args->rest[0], .argv = (const char *const *)args->rest};
    int one = inspect(args, &options);
    if (one != 0) code = one;
  }
  if (graph != NULL) {
    int one = inspect_graph(args, graph);
    if (one != 0) code = one;
  }
  return code;
}
