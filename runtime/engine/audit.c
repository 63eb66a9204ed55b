/* SPDX-License-Identifier: MIT */
#include "runtime/engine/audit.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

static void set_text(struct fl_value *body, const char *key, const char *text) {
  if (text != NULL && text[0] != '\0') fl_set_string(body, key, text);
}

/* Which call it is. Its arguments stand in the journal, here is their hash. */
static struct fl_value *body_of(const struct fl_task_call *call) {
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1];
  struct fl_value *body = fl_object();
  fl_json_hash(call->args, hash);
  fl_hex(hash, sizeof hash, hex);
  set_text(body, "run", call->task->invocation->run_id);
  fl_set_string(body, "node", call->task->start.node);
  fl_set_string(body, "tool", call->name);
  fl_set_string(body, "call_id", call->call_id);
  fl_set_string(body, "args", hex);
  set_text(body, "manifest", fl_policy_manifest_hash(fl_frame_policy(call->task->frame)));
  return body;
}

static void add(struct fl_task_call *call, const char *what, struct fl_value *body) {
  struct fl_task *task = call->task;
  if (task->invocation->is_ephemeral) return;
  struct fl_record *record = fl_records_add(&task->audit, FL_RECORD_AUDIT, "");
  record->audit.what = fl_strdup(what);
  record->audit.wall_ms = fl_world_wall_ms(task->invocation->runtime->world);
  record->body = fl_dump(body, &record->body_size);
}

/* NULL: nothing that is worth a record. */
static const char *outcome_of(const struct fl_task_call *call, const struct fl_decision *decision, bool is_permitted) {
  if (decision->verdict == FL_VERDICT_DENY) return "call.denied";
  if (decision->verdict == FL_VERDICT_ASK)
    return is_permitted ? "call.approved" : call->error != NULL ? "call.rejected" : "call.asked";
  return fl_policy_manifest_hash(fl_frame_policy(call->task->frame)) != NULL ? "call.allowed" : NULL;
}

void fl_audit_permit(struct fl_task_call *call, const struct fl_decision *decision, bool is_past, bool is_permitted) {
  const char *what = is_past ? NULL : outcome_of(call, decision, is_permitted);
  if (what == NULL) return;
  FL_VALUE_AUTO body = body_of(call);
  set_text(body, "rule", decision->rule);
  set_text(body, "file", decision->file);
  set_text(body, "pointer", decision->pointer);
  add(call, what, body);
}

void fl_audit_suspended(struct fl_task_call *call) {
  FL_VALUE_AUTO body = body_of(call);
  add(call, "call.suspended", body);
}

void fl_audit_join(struct fl_task *task, struct fl_records *records) {
  if (task->audit.count == 0) return;
  fl_records_move(records, &task->audit);
  fl_records_deinit(&task->audit); /* its empty list */
}

void fl_audit_settle(struct fl_task *task, struct fl_effects *effects) {
  if (task->audit.count == 0) return;
  for (size_t i = 0; i < effects->count && !fl_frame_is_ephemeral(task->frame); i++) {
    if (effects->items[i].kind != FL_DO_COMMIT) continue;
    fl_audit_join(task, &effects->items[i].records);
    return;
  }
  fl_invocation_commit(task->invocation, &task->audit);
  fl_records_deinit(&task->audit);
}
