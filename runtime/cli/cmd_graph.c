/* SPDX-License-Identifier: MIT */
/* fairlead graph: check, draw, schema. They read files only; no server is started and no model is asked. */
#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"
#include "runtime/api/load.h"

#include <string.h>

static void report(const struct fl_args *args, const char *path, const struct fl_diags *diags,
                   const struct fl_graph_file *file) {
  if (args->json) {
    for (size_t i = 0; i < diags->count; i++) {
      FL_VALUE_AUTO entry = fl_diag_value(&diags->items[i]);
      fl_print_json(entry);
    }
    FL_VALUE_AUTO summary = fl_object();
    fl_set_string(summary, "type", "summary");
    fl_set_string(summary, "file", path);
    fl_set_int(summary, "errors", (int64_t)diags->error_count);
    fl_set_int(summary, "warnings", (int64_t)(diags->count + diags->dropped_count - diags->error_count));
    fl_print_json(summary);
    return;
  }
  fl_print_diags(args, diags);
  if (diags->error_count == 0 && file->definition != NULL)
    printf("%s: graph \"%s\", %zu nodes, %zu channels: no errors%s\n", path, fl_definition_name(file->definition),
           file->definition->node_count, file->definition->state_channel_count,
           diags->count > 0 ? ", see the warnings" : "");
}

static int check_file(const struct fl_args *args, const char *path) {
  struct fl_diags diags = {0};
  struct fl_graph_file file = {0};
  int rc = fl_load_graph_file(path, &file, &diags);
  report(args, path, &diags, &file);
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
  return rc < 0 ? FL_EXIT_USAGE : FL_EXIT_OK;
}

int fl_cmd_graph_check(struct fl_args *args) {
  if (args->count < 1) return fl_usage(args, "name the graph file");
  int worst = FL_EXIT_OK;
  for (int i = 0; i < args->count; i++) {
    int code = check_file(args, args->items[i]);
    if (code != FL_EXIT_OK) worst = code;
  }
  return worst;
}

enum { DEPTH_MAX = 32 };

static int drawing_format(const struct fl_args *args, enum fl_drawing *ret_format) {
  const char *name = fl_args_get(args, "format");
  if (name == NULL || strcmp(name, "text") == 0) *ret_format = FL_DRAW_TEXT;
  else if (strcmp(name, "mermaid") == 0) *ret_format = FL_DRAW_MERMAID;
  else if (strcmp(name, "dot") == 0) *ret_format = FL_DRAW_DOT;
  else if (strcmp(name, "svg") == 0) *ret_format = FL_DRAW_SVG;
  else return fl_usage(args, "--format takes text, svg, mermaid or dot, not \"%s\"", name);
  return 0;
}

int fl_cmd_graph_draw(struct fl_args *args) {
  if (args->count != 1) return fl_usage(args, "name one graph file");
  enum fl_drawing format = FL_DRAW_TEXT;
  int code = drawing_format(args, &format);
  if (code != 0) return code;
  int64_t depth = fl_args_get(args, "depth") != NULL ? fl_args_number(args, "depth", DEPTH_MAX) : 1;
  if (depth < 0) return FL_EXIT_USAGE;
  struct fl_diags diags = {0};
  struct fl_graph_file file = {0};
  int rc = fl_load_graph_file(args->items[0], &file, &diags);
  if (rc < 0) report(args, args->items[0], &diags, &file);
  else fl_print_diags(args, &diags);
  if (rc == 0) {
    char *text = fl_definition_draw_deep(file.definition, format, (unsigned)depth);
    FL_VALUE_AUTO line = fl_object();
    fl_set_string(line, "drawing", text);
    if (args->json) fl_print_json(line);
    else fputs(text, stdout);
    fl_text_free(text);
  }
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
  return rc < 0 ? FL_EXIT_USAGE : FL_EXIT_OK;
}

int fl_cmd_graph_schema(struct fl_args *args) {
  if (args->count != 0) return fl_usage(args, "it takes no arguments");
  if (!args->json) fputs(fl_graph_file_schema(), stdout);
  else {
    FL_VALUE_AUTO schema = NULL;
    if (fl_parse(fl_graph_file_schema(), strlen(fl_graph_file_schema()), &schema, NULL) == 0) fl_print_json(schema);
  }
  return FL_EXIT_OK;
}
