/* SPDX-License-Identifier: MIT */
#include "runtime/engine/suspended.h"

#include "runtime/base/mem.h"
#include "runtime/engine/pins.h"
#include "tools/policy/pin.h"

char *fl_suspended_since_seen(const struct fl_task *task, const char *tool) {
  bool is_pinned =
      task->invocation->root.graph->needs.listings && fl_policy_pin(fl_frame_policy(task->frame), tool) != NULL;
  return is_pinned ? NULL : fl_pins_suspension(task->invocation->runtime, tool);
}

/* What was pinned, from the files beside the manifests around the task; NULL: none of them has kept it. */
static const struct fl_value *kept_listing(const struct fl_task *task, const char *tool, const char *server) {
  const char *pin = fl_policy_pin(fl_frame_policy(task->frame), tool);
  const struct fl_value *listing = NULL;
  for (const struct fl_loaded_graph *graph = task->frame->graph; graph != NULL && listing == NULL && pin != NULL;
       graph = graph->outer)
    listing = fl_pin_kept(graph->kept_pins, server, pin);
  return listing;
}

/* NULL: it is not known what was pinned, or what there is now. A new reference. */
static struct fl_value *diff_of(const struct fl_task *task, const char *tool, const char *server) {
  const struct fl_value *before = kept_listing(task, tool, server);
  const struct fl_value *after = fl_pins_listed(task->invocation->runtime, tool);
  return before != NULL && after != NULL ? fl_pin_diff(before, after) : NULL;
}

static void add_reason(const struct fl_decision *decision, const struct fl_value *diff, struct fl_buf *text) {
  fl_buf_add_text(text, decision->rule);
  if (diff == NULL)
    fl_buf_addf(text, "; what changed cannot be said: no file %s" FL_PINS_SUFFIX " keeps what was pinned",
                decision->file);
  fl_buf_add_char(text, '\n');
  fl_pin_diff_text(diff, text);
}

void fl_suspended_tell(struct fl_task *task, const char *tool, const struct fl_decision *decision) {
  FL_FREE_AUTO char *server = fl_strndup(tool, strcspn(tool, "/"));
  FL_VALUE_AUTO diff = diff_of(task, tool, server);
  FL_BUF_AUTO reason = {0};
  add_reason(decision, diff, &reason);
  if (decision->ends_run) fl_task_fail(task, FL_E_DENIED, "node %s does not go on: %s", task->start.node, reason.data);
  if (!fl_invocation_is_followed(task->invocation)) return;
  struct fl_value *data = fl_object();
  fl_set_string(data, "type", "server_suspended");
  fl_set_string(data, "server", server);
  fl_set_string(data, "rule", decision->pointer);
  fl_set_string(data, "reason", reason.data);
  fl_set_bool(data, "ends_run", decision->ends_run);
  if (diff != NULL) fl_set_take(data, "diff", fl_value_ref(diff));
  fl_frame_tell(task->frame, "events", task->start.node, data, 0);
}
