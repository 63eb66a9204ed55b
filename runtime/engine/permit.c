/* SPDX-License-Identifier: MIT */
/* Whether a tool may be listed or called, and asking a person where the manifest says so.
 *
 * Happy path: the facts of the run go to fl_policy_decide; allowed, the call goes on in the spelling that was decided
 * about. Failure modes: denied (the model reads why); a person must decide: the call waits as an interrupt whose
 * question has the exact call, the rule and a code. The answer that approves repeats the code, which is made of the
 * thread, the call's id (and so its place in its task), its arguments and the manifest: an answer that was meant for
 * another call, for other arguments, for another thread or under another manifest does not fit, and one that fits is
 * used up by its call. A call whose result is in the journal has been decided about before: it is not decided again. */
#include "runtime/engine/permit.h"

#include "runtime/base/mem.h"
#include "runtime/engine/elicit.h"
#include "runtime/json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the facts ---- */

static struct fl_policy_facts facts_of(const struct fl_invocation *invocation) {
  return (struct fl_policy_facts){.now_s = fl_world_wall_ms(invocation->runtime->world) / 1000,
                                  .calls = invocation->tool_calls};
}

void fl_permit_decide(const struct fl_task *task, const char *const *node_allow, const char *tool,
                      struct fl_value *args, struct fl_decision *ret_decision) {
  struct fl_invocation *invocation = task->invocation;
  if (invocation->tool_calls == NULL) invocation->tool_calls = fl_object();
  struct fl_policy_facts facts = facts_of(invocation);
  struct fl_policy_call question = {
      .node = task->start.node, .tool = tool, .args = args, .node_allow = node_allow, .facts = &facts};
  fl_policy_decide(fl_frame_policy(task->frame), &question, ret_decision);
}

/* Each call counts once, however often its task runs. */
void fl_permit_count(const struct fl_task_call *call) {
  struct fl_invocation *invocation = call->task->invocation;
  if (invocation->counted_calls == NULL) invocation->counted_calls = fl_object();
  if (fl_get(invocation->counted_calls, call->call_id) != NULL) return;
  fl_set_bool(invocation->counted_calls, call->call_id, true);
  fl_set_int(invocation->tool_calls, call->name, fl_get_int(invocation->tool_calls, call->name, 0) + 1);
}

/* ---- what was decided before ---- */

static bool has_hash(const struct fl_value *args, const uint8_t hash[FL_HASH_SIZE]) {
  uint8_t own[FL_HASH_SIZE];
  fl_json_hash(args, own);
  return memcmp(own, hash, sizeof own) == 0;
}

/* Where the call stands: what is behind its questions, if it has asked any. */
static const struct fl_loaded_call *past_steps(const struct fl_task_call *call) {
  const struct fl_loaded_call *found = fl_call_journalled(call);
  if (found == NULL || !fl_elicit_is_step(found)) return found;
  struct fl_task_call probe = *call;
  for (; found != NULL && fl_elicit_is_step(found); found = fl_call_journalled(&probe)) probe.attempt++;
  return found;
}

bool fl_permit_is_past(struct fl_task_call *call, const struct fl_decision *decision) {
  const struct fl_loaded_call *found = past_steps(call);
  if (found == NULL || !found->has_result || found->kind != call->kind || strcmp(found->name, call->name) != 0)
    return false;
  bool is_same = has_hash(call->args, found->argument_hash) ||
                 (decision->args != NULL && has_hash(decision->args, found->argument_hash));
  return is_same && !fl_call_is_made_anew(call, found);
}

/* ---- asking ---- */

/* How often it was made and failed: what was approved was one call, not its repetition. */
static int past_attempts(const struct fl_task_call *call) {
  struct fl_task_call probe = *call;
  const struct fl_loaded_call *found;
  int steps = 0;
  for (; (found = fl_call_journalled(&probe)) != NULL && found->has_result; probe.attempt++)
    steps += fl_elicit_is_step(found);
  return probe.attempt - call->attempt - steps;
}

/* "0-…" or "1796000900-…": until when an answer is good (0: always), and what it is bound to. */
static char *code_for(const struct fl_task_call *call, int64_t until_s) {
  uint8_t args_hash[FL_HASH_SIZE], hash[FL_HASH_SIZE];
  char text[33], until[48];
  const char *manifest = fl_policy_manifest_hash(fl_frame_policy(call->task->frame));
  fl_json_hash(call->args, args_hash);
  snprintf(until, sizeof until, "%lld %d", (long long)until_s, past_attempts(call));
  fl_slice parts[] = {FL_SLICE("fairlead approval"),
                      fl_slice_of(call->task->invocation->thread_id),
                      fl_slice_of(call->call_id),
                      fl_slice_of(call->name),
                      fl_slice_n((const char *)args_hash, sizeof args_hash),
                      fl_slice_of(manifest != NULL ? manifest : ""),
                      fl_slice_of(until)};
  fl_hash_parts(parts, sizeof parts / sizeof parts[0], hash);
  fl_hex(hash, 16, text);
  return fl_format("%lld-%s", (long long)until_s, text);
}

static struct fl_value *approval_question(const struct fl_task_call *call, const struct fl_decision *decision,
                                          const struct fl_value *misread) {
  struct fl_value *question = fl_object();
  int64_t now_s = fl_world_wall_ms(call->task->invocation->runtime->world) / 1000;
  FL_FREE_AUTO char *code = code_for(call, decision->ask_ttl_ms > 0 ? now_s + decision->ask_ttl_ms / 1000 : 0);
  const char *manifest = fl_policy_manifest_hash(fl_frame_policy(call->task->frame));
  fl_set_string(question, "kind", "approval");
  fl_set_string(question, "tool", call->name);
  fl_set_take(question, "args", fl_value_ref(call->args));
  fl_set_string(question, "call_id", call->call_id);
  fl_set_string(question, "rule", decision->rule);
  if (manifest != NULL) fl_set_string(question, "manifest", manifest);
  fl_set_string(question, "code", code);
  fl_set_take(question, "message",
              fl_stringf("A person decides about this call. Answer {\"action\": \"approve\", \"code\": \"%s\"}, or "
                         "{\"action\": \"reject\", \"text\": …} with what the model is told.",
                         code));
  if (misread != NULL) fl_set_take(question, "not_understood", fl_value_ref((struct fl_value *)misread));
  return question;
}

enum approval { UNCLEAR, APPROVED, REJECTED };

static bool fits_code(const struct fl_task_call *call, const char *given) {
  char *end = NULL;
  int64_t now_s = fl_world_wall_ms(call->task->invocation->runtime->world) / 1000;
  int64_t until_s = strtoll(given, &end, 10);
  FL_FREE_AUTO char *code = code_for(call, until_s);
  if (end == given || strcmp(code, given) != 0) return false;
  return until_s == 0 || now_s <= until_s || fl_call_journalled(call) != NULL; /* it left in time */
}

static enum approval read_approval(const struct fl_task_call *call, const struct fl_value *answer) {
  const char *action = fl_is(answer, FL_STRING) ? fl_as_string(answer) : fl_get_string(answer, "action", "");
  if (strcmp(action, "reject") == 0) return REJECTED;
  return strcmp(action, "approve") == 0 && fits_code(call, fl_get_string(answer, "code", "")) ? APPROVED : UNCLEAR;
}

static void reject(struct fl_task_call *call, const struct fl_value *answer) {
  const char *said = fl_get_string(answer, "text", "");
  FL_FREE_AUTO char *text =
      fl_format("a person decided against this call of %s%s%s", call->name, said[0] != '\0' ? ": " : "", said);
  fl_call_refuse(call, FL_E_DENIED, text);
}

bool fl_permit_ask(struct fl_task_call *call, const struct fl_decision *decision) {
  struct fl_value *answer = NULL;
  enum approval approval = UNCLEAR;
  while (approval == UNCLEAR) {
    FL_VALUE_AUTO question = approval_question(call, decision, answer);
    if (fl_task_interrupt(call->task, question, &answer) != 0) {
      call->is_unknown = true; /* waits with those whose outcome nobody knows */
      fl_invocation_wake(call->task->invocation);
      return false;
    }
    call->answers_used++;
    approval = read_approval(call, answer);
  }
  if (approval == REJECTED) reject(call, answer);
  return approval == APPROVED;
}
