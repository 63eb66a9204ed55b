/* SPDX-License-Identifier: MIT */
/* Whether a tool may be listed or called, a model called, a task begun.
 *
 * Happy path: the facts of the run go to the policy; allowed, the call goes on in the spelling that was decided about.
 * Failure modes: denied (the model reads why; a task fails); a person must decide (approval.c). A call whose result is
 * in the journal has been decided about before: it is not decided again. */
#include "runtime/engine/permit.h"

#include "runtime/base/mem.h"
#include "runtime/engine/approval.h"
#include "runtime/engine/audit.h"
#include "runtime/engine/cost.h"
#include "runtime/engine/elicit.h"
#include "runtime/engine/flow.h"
#include "runtime/engine/ledger.h"
#include "runtime/engine/pins.h"
#include "runtime/engine/prepare.h"
#include "runtime/engine/replay.h"
#include "runtime/engine/suspended.h"
#include "runtime/engine/tracing.h"
#include "runtime/io/resolve.h"
#include "runtime/json/json.h"
#include "tools/policy/pin.h"

#include <string.h>

/* ---- the facts ---- */

/* Nothing is gathered for listing that only arguments are held against. */
static struct fl_policy_facts facts_of(const struct fl_task *task, const char *tool, bool for_call) {
  struct fl_invocation *invocation = task->invocation;
  struct fl_policy_facts facts = {.now_s = fl_world_wall_ms(invocation->runtime->world) / 1000};
  if (!fl_flow_is_kept(task)) return facts;
  fl_ledger_facts(invocation, for_call, &facts);
  if (tool != NULL && invocation->root.graph->needs.listings)
    facts.listing =
        fl_prepare_is_real(invocation->runtime) ? fl_pins_listing(invocation->runtime, tool) : FL_PIN_AS_PINNED;
  if (!for_call) return facts;
  facts.labels = fl_flow_seen(task);
  facts.run_labels = invocation->labels;
  if (tool != NULL) facts.class = fl_flow_class(task, tool);
  return facts;
}

/* {PATH: where it leads, null: outside}; of what cannot be said it says nothing. */
static struct fl_value *resolve(const struct fl_value *paths) {
  struct fl_value *resolved = fl_object();
  for (size_t i = 0; i < fl_size(paths); i++) {
    const char *path = fl_as_string(fl_at(paths, i));
    FL_FREE_AUTO char *target = NULL;
    int rc = fl_resolve_path(path, &target);
    if (rc == 0) fl_set_string(resolved, path, target);
    else if (rc == FL_E_DENIED) fl_set_take(resolved, path, fl_null());
  }
  return resolved;
}

/* ---- tools ---- */

/* The node's own list; a tools node without one takes that of the agent it names. */
const struct fl_value *fl_task_tool_patterns(const struct fl_task *task) {
  const struct fl_value *tools = fl_get(task->node->config, "tools");
  const char *agent = fl_get_string(task->node->config, "agent", NULL);
  if (tools != NULL || agent == NULL) return tools;
  const struct fl_definition *definition = task->frame->definition;
  ptrdiff_t index = fl_definition_node(definition, agent);
  return index >= 0 ? fl_get(definition->nodes[index].config, "tools") : NULL;
}

static const char **patterns_of(const struct fl_task *task) {
  const struct fl_value *tools = fl_task_tool_patterns(task);
  if (fl_type_of(tools) != FL_ARRAY) return NULL;
  const char **patterns = fl_new_array(const char *, fl_size(tools) + 1);
  size_t count = 0;
  for (size_t i = 0; i < fl_size(tools); i++)
    if (fl_as_string(fl_at(tools, i)) != NULL) patterns[count++] = fl_as_string(fl_at(tools, i));
  return patterns;
}

/* Once more, when where paths lead was asked for. */
static void decide_fully(const struct fl_task *task, struct fl_policy_call *question, struct fl_policy_facts *facts,
                         struct fl_decision *ret_decision) {
  bool is_real = task->invocation->runtime->rehearsal == NULL; /* otherwise paths lead where they say */
  FL_VALUE_AUTO wanted = question->args != NULL && is_real && fl_flow_is_kept(task) ? fl_array() : NULL;
  question->facts = facts;
  facts->wanted = wanted;
  fl_policy_decide(fl_frame_policy(task->frame), question, ret_decision);
  facts->wanted = NULL;
  if (fl_size(wanted) == 0 || ret_decision->verdict == FL_VERDICT_DENY) return;
  FL_VALUE_AUTO resolved = resolve(wanted);
  facts->resolved = resolved;
  fl_decision_deinit(ret_decision);
  fl_policy_decide(fl_frame_policy(task->frame), question, ret_decision);
  facts->resolved = NULL;
}

void fl_permit_decide(const struct fl_task *task, const char *const *node_allow, const char *tool,
                      struct fl_value *args, struct fl_decision *ret_decision) {
  struct fl_policy_facts facts = facts_of(task, tool, args != NULL);
  struct fl_policy_call question = {.node = task->start.node, .tool = tool, .args = args, .node_allow = node_allow};
  decide_fully(task, &question, &facts, ret_decision);
}

/* A call of its node. `hosts`: an array that gets those of its arguments; NULL: nobody wants them. */
static void decide_call(struct fl_task_call *call, struct fl_value *hosts, struct fl_decision *ret_decision) {
  const struct fl_task *task = call->task;
  const struct fl_loaded_call *found = fl_call_journalled(call);
  const char **patterns = patterns_of(task);
  fl_ledger_leave_out(task->invocation, found != NULL ? call->name : NULL); /* it has counted itself */
  struct fl_policy_facts facts = facts_of(task, call->name, true);
  facts.addresses = call->addresses;
  facts.wanted_hosts = hosts;
  struct fl_policy_call question = {
      .node = task->start.node, .tool = call->name, .args = call->args, .node_allow = patterns};
  decide_fully(task, &question, &facts, ret_decision);
  fl_ledger_leave_out(task->invocation, NULL);
  fl_free(patterns);
}

struct fl_value *fl_permit_hosts(struct fl_task_call *call) {
  struct fl_value *hosts = fl_array();
  struct fl_decision decision;
  decide_call(call, hosts, &decision);
  bool is_denied = decision.verdict == FL_VERDICT_DENY;
  fl_decision_deinit(&decision);
  if (!is_denied) return hosts;
  fl_value_unref(hosts);
  return fl_array();
}

bool fl_task_knows_tool(const struct fl_task *task, const char *tool) {
  struct fl_decision decision;
  const char **patterns = patterns_of(task);
  fl_permit_decide(task, patterns, tool, NULL, &decision);
  fl_free(patterns);
  FL_FREE_AUTO char *suspension = fl_suspended_since_seen(task, tool);
  bool is_known = decision.verdict != FL_VERDICT_DENY && suspension == NULL;
  fl_decision_deinit(&decision);
  return is_known;
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

/* Whether the journal has the result of this very call, so that there is nothing left to decide. */
static bool is_in_journal(struct fl_task_call *call, const struct fl_decision *decision) {
  const struct fl_loaded_call *found = past_steps(call);
  if (found == NULL || !found->has_result || found->kind != call->kind || strcmp(found->name, call->name) != 0)
    return false;
  bool is_same = has_hash(call->args, found->argument_hash) ||
                 (decision->args != NULL && has_hash(decision->args, found->argument_hash));
  return is_same && !fl_call_is_made_anew(call, found);
}

bool fl_permit_is_past(struct fl_task_call *call) {
  const struct fl_decision none = {0};
  return is_in_journal(call, &none);
}

/* ---- a call ---- */

static void refuse(struct fl_task_call *call, const char *what, const struct fl_decision *decision) {
  if (decision->is_suspended) fl_suspended_tell(call->task, call->name, decision);
  FL_FREE_AUTO char *text = fl_format("the policy does not allow the %s of %s (%s)", what, call->name, decision->rule);
  const char *said = decision->ends_run ? call->task->error->text : text; /* nobody but people will read it */
  fl_call_refuse(call, decision->is_spent ? FL_E_BUDGET : FL_E_DENIED, said);
}

/* What was decided about is what is called, and by which key. */
static void take_decision(struct fl_task_call *call, const struct fl_decision *decision) {
  if (decision->args != NULL) {
    fl_value_unref(call->args);
    call->args = fl_value_ref(decision->args);
  }
  const struct fl_value *key = decision->key_arg != NULL ? fl_get(call->args, decision->key_arg) : NULL;
  if (key == NULL) return;
  fl_free(call->own_key);
  char *text = fl_dump(key, NULL);
  call->own_key = fl_strdup(fl_as_string(key) != NULL ? fl_as_string(key) : text);
  fl_text_free(text);
}

/* One decision: 1: go on, 0: not allowed or waiting, -1: it is another call now, to be decided again. */
static int decide_once(struct fl_task_call *call) {
  struct fl_decision decision;
  const struct fl_value *answer = NULL;
  int verdict = 1;
  decide_call(call, NULL, &decision);
  if (call->task->invocation->trace != NULL) fl_tracing_call_decided(call, &decision);
  call->effect = (enum fl_call_effect)decision.effect;
  bool is_past = is_in_journal(call, &decision), is_denied = decision.verdict == FL_VERDICT_DENY && !is_past;
  if (is_denied) {
    refuse(call, "call", &decision);
    verdict = 0;
  } else {
    take_decision(call, &decision);
    bool must_ask = !is_past && decision.verdict == FL_VERDICT_ASK && !fl_replay_approves(call);
    if (must_ask) verdict = fl_approval_ask(call, &decision, &answer);
  }
  if (!is_past) fl_audit_permit(call, &decision, &(struct fl_audit_outcome){verdict, answer});
  fl_decision_deinit(&decision);
  return verdict;
}

/* The one place where a tool call passes the policy. An answer that edits it has it decided about once more, once what
 * that must know of it is there. */
bool fl_permit_call(struct fl_task_call *call) {
  int verdict = -1;
  while ((verdict = decide_once(call)) < 0) {
    fl_value_unref(call->addresses);
    call->addresses = NULL;
    if (fl_prepare_call(call)) return false;
  }
  return verdict > 0;
}

/* ---- models and tasks ---- */

bool fl_permit_model(struct fl_task_call *call) {
  struct fl_decision decision;
  const struct fl_loaded_call *found = fl_call_journalled(call);
  if (!fl_flow_is_kept(call->task)) return true;
  if (found != NULL && found->has_result && !fl_call_is_made_anew(call, found)) return true; /* it was made */
  struct fl_policy_facts facts = facts_of(call->task, NULL, true);
  if (call->task->invocation->root.graph->needs.costs)
    facts.has_price = fl_cost_at_most(call->task->invocation->runtime, call->model.request.config, 0, 0) >= 0;
  fl_policy_decide_model(fl_frame_policy(call->task->frame), call->name, &facts, &decision);
  bool is_denied = decision.verdict == FL_VERDICT_DENY;
  if (is_denied) refuse(call, "call", &decision);
  if (is_denied) fl_audit_permit(call, &decision, &(struct fl_audit_outcome){0});
  fl_decision_deinit(&decision);
  return !is_denied;
}

int fl_permit_step(struct fl_task *task) {
  struct fl_decision decision;
  if (!task->invocation->root.graph->needs.spending) return 0;
  struct fl_policy_facts facts = facts_of(task, NULL, true);
  fl_policy_decide_step(fl_frame_policy(task->frame), &facts, &decision);
  if (decision.verdict != FL_VERDICT_DENY) return 0;
  return fl_task_fail(task, FL_E_BUDGET, "node %s does not run: %s", task->start.node, decision.rule);
}
