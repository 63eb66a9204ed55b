/* SPDX-License-Identifier: MIT */
#include "runtime/api/graph_tool.h"

#include "runtime/api/load.h"
#include "runtime/base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct fl_graph_host *fl_graph_host_create(const struct fl_graph_host_options *options) {
  struct fl_graph_host *host = fl_new(struct fl_graph_host);
  *host = (struct fl_graph_host){
      .runtime = options->runtime, .server = options->server, .model = fl_strdup(options->model)};
  fl_server_set_world(host->server, fl_runtime_world(host->runtime));
  host->tasks = fl_graph_tasks_create(host);
  return host;
}

void fl_graph_host_settle(struct fl_graph_host *host) { fl_graph_tasks_settle(host->tasks); }

static void tool_free(struct fl_graph_tool *tool) {
  fl_definition_unref(tool->definition);
  fl_free(tool->name);
  fl_free(tool->path);
  fl_free(tool->description);
  fl_text_free(tool->input_schema);
  fl_text_free(tool->output_schema);
  fl_free(tool);
}

void fl_graph_host_destroy(struct fl_graph_host *host) {
  if (host == NULL) return;
  for (struct fl_graph_tool *tool = host->tools, *next; tool != NULL; tool = next) {
    next = tool->next;
    tool_free(tool);
  }
  fl_graph_tasks_destroy(host->tasks);
  fl_free(host->model);
  fl_free(host);
}

/* Names of graphs may have what names of tools may not. */
static char *tool_name(const char *name) {
  char *made = fl_strndup(name, strnlen(name, FL_TOOL_NAME_MAX));
  for (char *at = made; *at != '\0'; at++)
    if (!isalnum((unsigned char)*at) && strchr("_.-", *at) == NULL) *at = '_';
  return made;
}

static char *dump_take(struct fl_value *value) {
  char *text = value != NULL ? fl_dump(value, NULL) : NULL;
  fl_value_unref(value);
  return text;
}

static struct fl_graph_tool *tool_of(struct fl_graph_host *host, struct fl_definition *definition, const char *path) {
  const struct fl_loaded_graph *graph = fl_runtime_graph(host->runtime, definition);
  struct fl_graph_tool *tool = fl_new(struct fl_graph_tool);
  *tool = (struct fl_graph_tool){.host = host, .definition = definition, .path = fl_strdup(path)};
  tool->name = tool_name(definition->name);
  tool->description = graph->file.description != NULL ? fl_strdup(graph->file.description)
                                                      : fl_format("Runs the graph %s.", definition->name);
  tool->input_schema = dump_take(fl_graph_input_schema(definition));
  tool->output_schema = dump_take(fl_graph_output_schema(definition));
  return tool;
}

int fl_graph_host_add(struct fl_graph_host *host, const char *path, struct fl_diags *diags, struct fl_error *err) {
  char *whole = realpath(path, NULL); /* whoever resumes the thread may stand in another folder */
  struct fl_definition *definition = NULL;
  int rc = fl_runtime_load_diags(host->runtime, whole != NULL ? whole : path, &definition, diags);
  struct fl_graph_tool *tool = rc == 0 ? tool_of(host, definition, whole != NULL ? whole : path) : NULL;
  free(whole);
  if (rc < 0) return fl_error_set(err, rc, "%s: %s", path, fl_error_sentence(rc));
  const struct fl_tool def = {.size = sizeof def,
                              .name = tool->name,
                              .description = tool->description,
                              .input_schema = tool->input_schema,
                              .output_schema = tool->output_schema,
                              .flags = FL_TOOL_QUICK | FL_TOOL_TASK | FL_TOOL_OPEN_WORLD,
                              .run = fl_graph_call,
                              .user = tool};
  rc = fl_server_add_tool(host->server, &def, err);
  if (rc < 0) {
    tool_free(tool);
    return fl_error_context(err, "%s", path);
  }
  tool->next = host->tools;
  host->tools = tool;
  return 0;
}

int fl_graph_host_restore(struct fl_graph_host *host, struct fl_error *err) {
  int status = fl_graph_key_set(host, err);
  return status == 0 ? fl_graph_tasks_restore(host->tasks, err) : status;
}
