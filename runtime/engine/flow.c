/* SPDX-License-Identifier: MIT */
/* Happy path: a result comes, its labels join those of the task, and with the task's end they go to the core. Failure
 * modes: labels of an item that cannot be read are all of them; labels of an item that cannot be written fail with the
 * store, and the item behind them with it. */
#include "runtime/engine/flow.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/store/items.h"

bool fl_flow_is_kept(const struct fl_task *task) { return task->invocation->root.graph->needs.labels; }

void fl_flow_note(struct fl_task *task, uint64_t labels) {
  task->labels |= labels;
  task->invocation->labels |= labels;
}

uint64_t fl_flow_seen(const struct fl_task *task) { return task->start.labels | task->labels; }

struct fl_tool_class fl_flow_class(const struct fl_task *task, const char *tool) {
  const struct fl_registry_tool *found = fl_registry_find(task->invocation->runtime->registry, tool);
  return fl_tool_class_of(tool, found != NULL ? found->info->annotations : NULL);
}

void fl_flow_result(struct fl_task_call *call) {
  struct fl_task *task = call->task;
  if (!fl_flow_is_kept(task)) return;
  call->labels = fl_flow_seen(task);
  if (call->kind == FL_CALL_TOOL) {
    struct fl_tool_class class = fl_flow_class(task, call->name);
    call->labels |= fl_policy_source_labels(fl_frame_policy(task->frame), call->name, &class);
  }
  fl_flow_note(task, call->labels);
}

/* ---- items ---- */

static char *namespace_of(const struct fl_value *ns) {
  char *text = NULL;
  if (ns == NULL || fl_item_namespace(ns, false, &text, NULL) < 0) return NULL;
  char *beside = fl_format("fairlead.labels.%s", text);
  fl_free(text);
  return beside;
}

static bool take_labels(const struct fl_memory_item *item, void *user) {
  uint64_t *labels = user;
  FL_VALUE_AUTO stored = NULL;
  bool is_readable = fl_json_read(item->body, FL_JSON_FULL, &stored, NULL) == 0;
  *labels = is_readable ? (uint64_t)fl_get_int(stored, "labels", FL_LABELS_ALL) & FL_LABELS_ALL : FL_LABELS_ALL;
  return false;
}

static uint64_t labels_of_item(const struct fl_task *task, const char *ns, const char *key) {
  const struct fl_runtime *runtime = task->invocation->runtime;
  uint64_t labels = 0;
  struct fl_item_name name = {ns, key, fl_world_wall_ms(runtime->world)};
  int rc = fl_store_read_item(runtime->store, &name, take_labels, &labels, NULL);
  return rc == 0 || rc == FL_E_NOT_FOUND ? labels : FL_LABELS_ALL;
}

void fl_flow_read_item(struct fl_task *task, const struct fl_value *ns, const char *key) {
  if (!fl_flow_is_kept(task) || key == NULL) return;
  FL_FREE_AUTO char *beside = namespace_of(ns);
  if (beside != NULL) fl_flow_note(task, labels_of_item(task, beside, key));
}

void fl_flow_keep_item(struct fl_task *task, const struct fl_value *ns, const char *key) {
  if (!fl_flow_is_kept(task) || key == NULL || fl_flow_seen(task) == 0) return;
  char *beside = namespace_of(ns);
  if (beside == NULL) return; /* such an item is refused, too */
  uint64_t labels = fl_flow_seen(task) | labels_of_item(task, beside, key);
  char *body = fl_format("{\"labels\":%llu}", (unsigned long long)labels);
  fl_runtime_put_item(task->invocation->runtime, beside, key, body, 0);
}
