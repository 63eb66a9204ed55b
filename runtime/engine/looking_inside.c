/* SPDX-License-Identifier: MIT */
/* The states of graphs inside a graph, as they are stored. */
#include "runtime/engine/engine.h"

#include "runtime/base/mem.h"

static char *namespace_of(const char *outer, const struct fl_node_def *node, const char *task_id) {
  const char *bar = outer[0] != '\0' ? "|" : "";
  if (node->checkpoints == FL_CHECKPOINTS_OWN) return fl_format("%s%s%s", outer, bar, node->name);
  return fl_format("%s%s%s:%s", outer, bar, node->name, task_id);
}

/* A lasting graph was called by this task, or it stands where the checkpoint says; a checkpoint that somebody names is
 * shown as it was made. */
static int load_child(struct fl_looking *looking, const char *ns, const struct fl_value *task,
                      struct fl_loaded *ret_loaded) {
  uint64_t known_no = (uint64_t)fl_get_int(fl_get(looking->loaded->body, "children"), ns, 0);
  uint64_t no = looking->loaded->shows_only ? known_no : 0;
  int rc = fl_store_load(looking->runtime->store, looking->thread, ns, no, ret_loaded, looking->err);
  const char *caller = fl_get_string(ret_loaded->body, "caller", "");
  bool is_of_task = strcmp(caller, fl_get_string(task, "id", "")) == 0;
  if (rc < 0 || ret_loaded->checkpoint_no == 0 || is_of_task || ret_loaded->checkpoint_no == known_no) return rc;
  fl_loaded_deinit(ret_loaded);
  if (known_no == 0) return 0;
  return fl_store_load(looking->runtime->store, looking->thread, ns, known_no, ret_loaded, looking->err);
}

static int add_state(struct fl_looking *looking, const struct fl_node_def *node, struct fl_value *task) {
  struct fl_loaded loaded = {0};
  FL_FREE_AUTO char *ns = namespace_of(looking->ns, node, fl_get_string(task, "id", ""));
  int rc = load_child(looking, ns, task, &loaded);
  if (rc == 0 && loaded.checkpoint_no > 0) {
    struct fl_looking inner = *looking;
    inner.definition = node->subgraph;
    inner.ns = ns;
    inner.loaded = &loaded;
    struct fl_value *state = NULL;
    rc = fl_look_inside(&inner, &state);
    if (state != NULL) fl_set_string(state, "ns", ns);
    if (state != NULL) fl_set_take(task, "state", state);
  }
  fl_loaded_deinit(&loaded);
  return rc;
}

int fl_look_inside(struct fl_looking *looking, struct fl_value **ret_state) {
  struct fl_run_settings settings = {.size = sizeof settings, .ns = looking->ns};
  struct fl_run *run = fl_run_create(looking->definition, looking->loaded, &settings);
  struct fl_value *state = fl_run_describe(run), *tasks = fl_array();
  fl_run_destroy(run);
  int rc = 0;
  for (size_t i = 0; i < fl_size(fl_get(state, "tasks")) && looking->with_subgraphs; i++) {
    struct fl_value *task = fl_copy_shallow(fl_at(fl_get(state, "tasks"), i));
    fl_append_take(tasks, task);
    ptrdiff_t index = fl_definition_node(looking->definition, fl_get_string(task, "name", ""));
    const struct fl_node_def *node = index >= 0 ? &looking->definition->nodes[index] : NULL;
    if (node != NULL && node->subgraph != NULL && rc == 0) rc = add_state(looking, node, task);
  }
  if (looking->with_subgraphs) fl_set_take(state, "tasks", tasks);
  else fl_value_unref(tasks);
  *ret_state = state;
  return rc;
}
