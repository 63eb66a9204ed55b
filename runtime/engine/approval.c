/* SPDX-License-Identifier: MIT */
/* Happy path: the call waits as an interrupt whose question has the exact call, the rule, the labels involved and a
 * code. The answer that approves repeats the code, which is made of the thread, the call's id (and so its place in its
 * task), its arguments and the manifest: an answer that was meant for another call, for other arguments, for another
 * thread or under another manifest does not fit, and one that fits is used up by its call.
 *
 * Failure modes: an answer that does not fit, or of somebody who may not approve, decides nothing, and the question
 * comes again; nothing is kept but the answers themselves, so that a task which runs again comes to the same end. */
#include "runtime/engine/approval.h"

#include "runtime/base/mem.h"
#include "runtime/engine/audit.h"
#include "runtime/engine/elicit.h"
#include "runtime/engine/ledger.h"
#include "runtime/json/json.h"
#include "runtime/json/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One call while it is asked about. */
struct asking {
  struct fl_task_call *call;
  const struct fl_decision *decision;
  struct fl_value *grant;   /* the schema that would be granted; owned */
  struct fl_value *misread; /* an answer that decided nothing; lent */
  const char *why;          /* it did not; NULL: it was not understood */
};

/* ---- codes ---- */

/* How often it was made and failed: what was approved was one call, not its repetition. */
static int past_attempts(const struct fl_task_call *call) {
  struct fl_task_call probe = *call;
  const struct fl_loaded_call *found;
  int steps = 0;
  for (; (found = fl_call_journalled(&probe)) != NULL && found->has_result; probe.attempt++)
    steps += fl_elicit_is_step(found);
  return probe.attempt - call->attempt - steps;
}

/* "0-…" or "1796000900-…": until when an answer is good (0: always), and what it is bound to. `granted`: NULL, or what
 * is granted with it. */
static char *code_for(const struct fl_task_call *call, int64_t until_s, const struct fl_value *granted) {
  uint8_t args_hash[FL_HASH_SIZE], grant_hash[FL_HASH_SIZE] = {0}, hash[FL_HASH_SIZE];
  char text[33], until[48];
  const char *manifest = fl_policy_manifest_hash(fl_frame_policy(call->task->frame));
  fl_json_hash(call->args, args_hash);
  if (granted != NULL) fl_json_hash(granted, grant_hash);
  snprintf(until, sizeof until, "%lld %d", (long long)until_s, past_attempts(call));
  fl_slice parts[] = {granted != NULL ? FL_SLICE("fairlead grant") : FL_SLICE("fairlead approval"),
                      fl_slice_of(call->task->invocation->thread_id),
                      fl_slice_of(call->call_id),
                      fl_slice_of(call->name),
                      fl_slice_n((const char *)args_hash, sizeof args_hash),
                      fl_slice_of(manifest != NULL ? manifest : ""),
                      fl_slice_of(until),
                      fl_slice_n((const char *)grant_hash, granted != NULL ? sizeof grant_hash : 0)};
  fl_hash_parts(parts, sizeof parts / sizeof parts[0], hash);
  fl_hex(hash, 16, text);
  return fl_format("%lld-%s", (long long)until_s, text);
}

static bool fits_code(const struct fl_task_call *call, const char *given, const struct fl_value *granted) {
  char *end = NULL;
  int64_t now_s = fl_world_wall_ms(call->task->invocation->runtime->world) / 1000;
  int64_t until_s = strtoll(given, &end, 10);
  FL_FREE_AUTO char *code = code_for(call, until_s, granted);
  if (end == given || strcmp(code, given) != 0) return false;
  return until_s == 0 || now_s <= until_s || fl_call_journalled(call) != NULL; /* it left in time */
}

/* ---- what could be granted ---- */

/* Unless an answer proposes another: calls with these very arguments. */
static struct fl_value *exact_schema(const struct fl_value *args) {
  struct fl_value *schema = fl_object(), *properties = fl_object();
  for (struct fl_member m = {0}; fl_next_member(args, &m);) {
    struct fl_value *one = fl_object();
    fl_set_take(one, "const", fl_value_ref(m.value));
    fl_set_take_n(properties, m.key, m.key_size, one);
  }
  fl_set_string(schema, "type", "object");
  fl_set_take(schema, "properties", properties);
  return schema;
}

/* Whether it can be compiled, and allows the call that is asked about. */
static bool is_of_use(const struct asking *asking, struct fl_value *schema) {
  struct fl_schema *compiled = NULL;
  struct fl_error err = {0};
  if (!fl_is(schema, FL_OBJECT) || fl_schema_create(schema, NULL, &compiled, &err) < 0) return false;
  bool fits = fl_schema_validate(compiled, asking->call->args, NULL) == 0;
  fl_schema_destroy(compiled);
  return fits;
}

static struct fl_value *grant_value(const struct asking *asking) {
  struct fl_value *grant = fl_object();
  fl_set_string(grant, "tool", asking->call->name);
  fl_set_string(grant, "rule", asking->decision->pointer);
  fl_set_string(grant, "manifest", asking->decision->manifest != NULL ? asking->decision->manifest : "");
  fl_set_take(grant, "args", fl_value_ref(asking->grant));
  return grant;
}

/* ---- the question ---- */

static void add_labels(const struct asking *asking, struct fl_value *question) {
  FL_BUF_AUTO names = {0};
  uint64_t labels = asking->decision->labels;
  if (labels == 0) return;
  fl_labels_of_policy(fl_frame_policy(asking->call->task->frame), labels, &names);
  fl_set_string(question, "labels", names.data);
}

static void add_grant(const struct asking *asking, struct fl_value *question, int64_t until_s) {
  struct fl_value *grant = fl_object();
  FL_FREE_AUTO char *code = code_for(asking->call, until_s, asking->grant);
  fl_set_take(grant, "args", fl_value_ref(asking->grant));
  fl_set_string(grant, "code", code);
  fl_set_take(grant, "before", fl_ledger_grants_of(asking->call->task->invocation, asking->call->name));
  fl_set_take(question, "grant", grant);
}

static void add_message(struct fl_value *question, const char *code) {
  static const char text[] =
      "A person decides about this call. Answer {\"action\": \"approve\", \"code\": \"%s\"}; {\"action\": \"edit\", "
      "\"code\": …, \"args\": {…}} to call with other arguments, which are decided about again; {\"action\": "
      "\"grant\", "
      "\"code\": the one in grant} to allow all calls that satisfy the schema there; or {\"action\": \"reject\", "
      "\"text\": …} with what the model is told.";
  fl_set_take(question, "message", fl_stringf(text, code));
}

static struct fl_value *question_of(const struct asking *asking) {
  const struct fl_task_call *call = asking->call;
  const struct fl_decision *decision = asking->decision;
  struct fl_value *question = fl_object(), *approvers = (struct fl_value *)decision->approvers;
  int64_t now_s = fl_world_wall_ms(call->task->invocation->runtime->world) / 1000;
  int64_t until_s = decision->ask_ttl_ms > 0 ? now_s + decision->ask_ttl_ms / 1000 : 0;
  FL_FREE_AUTO char *code = code_for(call, until_s, NULL);
  const char *manifest = fl_policy_manifest_hash(fl_frame_policy(call->task->frame));
  fl_set_string(question, "kind", "approval");
  fl_set_string(question, "tool", call->name);
  fl_set_take(question, "args", fl_value_ref(call->args));
  fl_set_string(question, "call_id", call->call_id);
  fl_set_string(question, "rule", decision->rule);
  add_labels(asking, question);
  if (approvers != NULL) fl_set_take(question, "approvers", fl_value_ref(approvers));
  if (manifest != NULL) fl_set_string(question, "manifest", manifest);
  fl_set_string(question, "code", code);
  add_grant(asking, question, until_s);
  add_message(question, code);
  if (asking->misread != NULL) fl_set_take(question, "not_understood", fl_value_ref(asking->misread));
  if (asking->why != NULL) fl_set_string(question, "reason", asking->why);
  return question;
}

/* ---- the answer ---- */

enum approval { UNCLEAR, APPROVED, EDITED, REJECTED };

static bool may_approve(const struct fl_decision *decision, const struct fl_value *answer) {
  const char *by = fl_get_string(answer, "by", NULL);
  for (size_t i = 0; i < fl_size(decision->approvers); i++)
    if (by != NULL && strcmp(fl_as_string(fl_at(decision->approvers, i)), by) == 0) return true;
  return decision->approvers == NULL;
}

static enum approval read_edit(struct asking *asking, const struct fl_value *answer) {
  struct fl_value *args = fl_get(answer, "args");
  if (!fl_is(args, FL_OBJECT)) return UNCLEAR;
  fl_value_ref(args);
  fl_value_unref(asking->call->args);
  asking->call->args = args;
  return EDITED;
}

/* A schema of one's own is shown, with a code of its own, before it can be granted. */
static enum approval read_grant(struct asking *asking, const struct fl_value *answer) {
  struct fl_value *schema = fl_get(answer, "args");
  if (fits_code(asking->call, fl_get_string(answer, "code", ""), asking->grant)) {
    fl_ledger_grant_take(asking->call->task->invocation, grant_value(asking));
    fl_audit_granted(asking->call, asking->decision, asking->grant, fl_get_string(answer, "by", NULL));
    return APPROVED;
  }
  asking->why = "what is granted is shown first: answer with the code in grant";
  if (schema == NULL) return UNCLEAR;
  if (!is_of_use(asking, schema)) {
    asking->why = "that schema cannot be used, or does not allow this call";
    return UNCLEAR;
  }
  fl_value_unref(asking->grant);
  asking->grant = fl_value_ref(schema);
  return UNCLEAR;
}

static enum approval read_approval(struct asking *asking, const struct fl_value *answer) {
  const char *action = fl_is(answer, FL_STRING) ? fl_as_string(answer) : fl_get_string(answer, "action", "");
  asking->why = NULL;
  if (strcmp(action, "reject") == 0) return REJECTED;
  bool is_grant = strcmp(action, "grant") == 0, is_edit = strcmp(action, "edit") == 0;
  if (!is_grant && !is_edit && strcmp(action, "approve") != 0) return UNCLEAR;
  if (!may_approve(asking->decision, answer)) {
    asking->why = "who answered may not approve this call";
    return UNCLEAR;
  }
  if (is_grant) return read_grant(asking, answer);
  if (!fits_code(asking->call, fl_get_string(answer, "code", ""), NULL)) return UNCLEAR;
  return is_edit ? read_edit(asking, answer) : APPROVED;
}

static void reject(struct fl_task_call *call, const struct fl_value *answer) {
  const char *said = fl_get_string(answer, "text", "");
  FL_FREE_AUTO char *text =
      fl_format("a person decided against this call of %s%s%s", call->name, said[0] != '\0' ? ": " : "", said);
  fl_call_refuse(call, FL_E_DENIED, text);
}

/* Asks until an answer decides something; UNCLEAR: there is none yet. */
static enum approval ask(struct asking *asking) {
  struct fl_task_call *call = asking->call;
  enum approval approval = UNCLEAR;
  while (approval == UNCLEAR) {
    FL_VALUE_AUTO question = question_of(asking);
    struct fl_value *answer = NULL;
    if (fl_task_interrupt(call->task, question, &answer) != 0) return UNCLEAR;
    call->answers_used++;
    approval = read_approval(asking, answer);
    asking->misread = answer;
  }
  return approval;
}

int fl_approval_ask(struct fl_task_call *call, const struct fl_decision *decision, const struct fl_value **ret_answer) {
  struct asking asking = {.call = call, .decision = decision, .grant = exact_schema(call->args)};
  enum approval approval = ask(&asking);
  fl_value_unref(asking.grant);
  *ret_answer = asking.misread; /* the last of them */
  if (approval == UNCLEAR) {
    call->is_unknown = true; /* waits with those whose outcome nobody knows */
    fl_invocation_wake(call->task->invocation);
  }
  if (approval == REJECTED) reject(call, asking.misread);
  if (approval == EDITED) return -1;
  return approval == APPROVED;
}

/* ---- who answers ---- */

static struct fl_value *sign(struct fl_value *answer, const char *user) {
  bool is_approval = fl_is(answer, FL_OBJECT) && fl_get(answer, "action") != NULL && fl_get(answer, "code") != NULL;
  if (!is_approval) return fl_value_ref(answer);
  struct fl_value *with_user = fl_copy_shallow(answer);
  fl_unset(with_user, "by");
  if (user != NULL) fl_set_string(with_user, "by", user);
  return with_user;
}

struct fl_value *fl_approval_sign(struct fl_value *resume, const struct fl_invoke_options *options) {
  if (!options->resume_is_map || !fl_is(resume, FL_OBJECT)) return sign(resume, options->as_user);
  struct fl_value *all = fl_object();
  for (struct fl_member m = {0}; fl_next_member(resume, &m);)
    fl_set_take_n(all, m.key, m.key_size, sign(m.value, options->as_user));
  return all;
}
