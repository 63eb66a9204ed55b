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
  bool is_tool = call->kind == FL_CALL_TOOL;
  if (is_tool) fl_json_hash(call->args, hash);
  if (is_tool) fl_hex(hash, sizeof hash, hex);
  set_text(body, "run", call->task->invocation->run_id);
  fl_set_string(body, "node", call->task->start.node);
  fl_set_string(body, is_tool ? "tool" : "model", call->name);
  fl_set_string(body, "call_id", call->call_id);
  if (is_tool) fl_set_string(body, "args", hex);
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
static const char *outcome_of(const struct fl_task_call *call, const struct fl_decision *decision, int permitted) {
  if (call->kind == FL_CALL_MODEL) return decision->verdict == FL_VERDICT_DENY ? "model.denied" : NULL;
  if (decision->is_suspended) return "call.suspended";
  if (decision->verdict == FL_VERDICT_DENY) return "call.denied";
  if (decision->verdict == FL_VERDICT_ASK) {
    const char *waits = call->error != NULL ? "call.rejected" : "call.asked";
    return permitted > 0 ? "call.approved" : permitted < 0 ? "call.edited" : waits;
  }
  return fl_policy_manifest_hash(fl_frame_policy(call->task->frame)) != NULL ? "call.allowed" : NULL;
}

/* Who decided: as the answer names them (approval.c signs it), or of a rejection, which is not signed, whoever the run
 * that it came with has been started as. */
static void set_answerer(const struct fl_task_call *call, struct fl_value *body, const struct fl_value *answer) {
  const struct fl_invoke_options *options = &call->task->invocation->options;
  const char *as_user = answer != NULL && options->resume != NULL ? options->as_user : NULL;
  set_text(body, "by", fl_get_string(answer, "by", as_user));
}

void fl_audit_permit(struct fl_task_call *call, const struct fl_decision *decision,
                     const struct fl_audit_outcome *outcome) {
  const char *what = outcome_of(call, decision, outcome->permitted);
  if (what == NULL) return;
  FL_VALUE_AUTO body = body_of(call);
  set_text(body, "rule", decision->rule);
  set_text(body, "file", decision->file);
  set_text(body, "pointer", decision->pointer);
  bool has_decided = outcome->permitted != 0 || call->error != NULL; /* an answer that decided nothing has no author */
  if (has_decided) set_answerer(call, body, outcome->answer);
  add(call, what, body);
}

void fl_audit_suspended(struct fl_task_call *call) {
  FL_VALUE_AUTO body = body_of(call);
  add(call, "call.suspended", body);
}

void fl_audit_granted(struct fl_task_call *call, const struct fl_decision *decision, const struct fl_value *schema,
                      const char *by) {
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1];
  FL_VALUE_AUTO body = body_of(call);
  fl_json_hash(schema, hash);
  fl_hex(hash, sizeof hash, hex);
  fl_set_string(body, "schema", hex);
  set_text(body, "rule", decision->rule);
  set_text(body, "by", by);
  add(call, "call.granted", body);
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
