/* SPDX-License-Identifier: MIT */
/* A function as a graph of one node: <fairlead/entrypoint.h>, on the public headers alone. */
#include <fairlead/entrypoint.h>

static const char *const input_channels[] = {"input", NULL};
static const char *const output_channels[] = {"output", NULL};

static void add_channel(struct fl_graph *graph, const char *name, struct fl_value *schema) {
  fl_graph_channel(graph, name,
                   &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .schema = schema});
}

int fl_entrypoint_create(const struct fl_entrypoint *entrypoint, struct fl_definition **ret_definition,
                         struct fl_error *err) {
  const char *name = entrypoint->name != NULL ? entrypoint->name : "";
  struct fl_graph *graph = fl_graph_create(name);
  add_channel(graph, "input", entrypoint->input_schema);
  add_channel(graph, "output", NULL);
  add_channel(graph, "previous", NULL);
  fl_graph_node(graph, name, entrypoint->run, entrypoint->user, entrypoint->options);
  fl_graph_edge(graph, FL_START, name);
  struct fl_compile_options options = {
      .size = sizeof options, .input = input_channels, .output = output_channels, .context = entrypoint->context};
  return fl_graph_compile(graph, &options, ret_definition, err);
}

struct fl_value *fl_entrypoint_input_take(struct fl_value *input) {
  struct fl_value *channels = fl_object();
  fl_set_take(channels, "input", input != NULL ? input : fl_null());
  return channels;
}

struct fl_value *fl_task_input(const struct fl_task *task) {
  return fl_state_get(fl_task_state(task), "input");
}

struct fl_value *fl_task_previous(const struct fl_task *task) {
  return fl_state_get(fl_task_state(task), "previous");
}

int fl_task_return_take(struct fl_task *task, struct fl_value *value) {
  return fl_task_final_take(task, value, fl_value_ref(value));
}

int fl_task_final_take(struct fl_task *task, struct fl_value *value, struct fl_value *save) {
  int rc = fl_task_write_take(task, "output", value);
  int saved = fl_task_write_take(task, "previous", save);
  return rc < 0 ? rc : saved;
}
