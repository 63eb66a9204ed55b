/* SPDX-License-Identifier: MIT */
/* Journalled calls: the n-th call of a task is the same call when the task runs again, and finds its answer.
 *
 * Happy path: look in the journal; ask the policy; write the intent (unless the call may be repeated); when it is on
 * disk, dispatch; when the reply is there, journal it and hand it to the node in the next drain.
 * Failure modes: the
 * policy refuses (an error that the model can read); the tool fails, dies or is late (the same); a call that left
 * before a crash and whose outcome is unknown: `read` is repeated, `keyed` is repeated with its key, `once` becomes an
 * interrupt, and a person decides. */
#include "runtime/engine/engine.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/engine/audit.h"
#include "runtime/engine/elicit.h"
#include "runtime/engine/flow.h"
#include "runtime/engine/ledger.h"
#include "runtime/engine/opening.h"
#include "runtime/engine/permit.h"
#include "runtime/engine/prepare.h"
#include "runtime/engine/replay.h"
#include "runtime/engine/suspended.h"
#include "runtime/engine/tracing.h"
#include "runtime/json/json.h"

#include <stdio.h>

enum { FL_TASK_CALLS_MAX = 1000 };

/* ---- telling the follower ---- */

/* `what`: "start", "end" or "progress". */
static struct fl_value *call_event(const struct fl_task_call *call, const char *what) {
  static const char *const kinds[] = {"model", "tool", "function"};
  struct fl_value *data = fl_object();
  fl_set_take(data, "type", fl_stringf("%s_%s", kinds[call->kind], what));
  fl_set_string(data, kinds[call->kind], call->name);
  fl_set_string(data, "call_id", call->call_id);
  return data;
}

static void tell_start(struct fl_task_call *call) {
  struct fl_invocation *invocation = call->task->invocation;
  if (!fl_invocation_is_followed(invocation)) return;
  struct fl_value *data = call_event(call, "start");
  static const char *const providers[] = {"openai", "anthropic", "scripted"};
  if (call->kind != FL_CALL_MODEL) fl_set_take(data, "args", fl_value_ref(call->args));
  else fl_set_string(data, "provider", providers[call->model.request.config->provider]);
  fl_frame_tell(call->task->frame, "events", call->task->start.node, data, invocation->acked_ticket);
}

/* The end of a call is told after the commit that holds its result. */
static void tell_end(struct fl_task_call *call, bool was_journalled) {
  struct fl_task *task = call->task;
  struct fl_invocation *invocation = task->invocation;
  if (invocation->trace != NULL) fl_tracing_call_ended(call, was_journalled);
  if (!fl_invocation_is_followed(invocation)) return;
  struct fl_value *data = call_event(call, "end");
  fl_set_take(data, "ms", fl_double((double)(fl_world_now_us(invocation->runtime->world) - call->started_us) / 1000.0));
  if (was_journalled) fl_set_bool(data, "replayed", true);
  if (call->error != NULL) {
    fl_set_string(data, "error", call->error->text);
  } else if (call->kind != FL_CALL_MODEL) {
    fl_set_take(data, "result", fl_value_ref(call->result));
  } else {
    fl_set_take(data, "usage", fl_value_ref(fl_get(call->result, "usage")));
    fl_set_take(data, "stop_reason", fl_value_ref(fl_get(call->result, "stop_reason")));
  }
  struct fl_item *item = fl_new(struct fl_item);
  *item = (struct fl_item){.kind = FL_ITEM_EVENT, .mode = "events", .node = fl_strdup(task->start.node), .data = data};
  *task->late_tail = item;
  task->late_tail = &item->next;
}

/* ---- the journal ---- */

/* The place in the journal: a call that a person has had repeated has one for each attempt. */
int fl_call_place(const struct fl_task_call *call) { return call->index + call->attempt * FL_TASK_CALLS_MAX; }

/* What an earlier attempt of this life came to says more than what a life before it did. */
const struct fl_loaded_call *fl_call_journalled(const struct fl_task_call *call) {
  const struct fl_task *task = call->task;
  for (size_t i = 0; i < task->past_count; i++)
    if (task->past[i].index == fl_call_place(call)) return &task->past[i];
  const struct fl_loaded *loaded = fl_task_journal(task);
  for (size_t i = 0; loaded != NULL && i < loaded->call_count; i++) {
    const struct fl_loaded_call *found = &loaded->calls[i];
    if (found->index == fl_call_place(call) && strcmp(found->task_id, call->task->start.id) == 0) return found;
  }
  return NULL;
}

static struct fl_record *add_result(const struct fl_task_call *call) {
  struct fl_record *record = fl_records_add(&call->task->results, FL_RECORD_RESULT, fl_task_journal_ns(call->task));
  record->result.checkpoint_no = fl_task_journal_no(call->task);
  memcpy(record->result.task_id, call->task->start.id, FL_UUID_SIZE);
  memcpy(record->result.call_id, call->call_id, FL_UUID_SIZE);
  return record;
}

static void record_result(struct fl_task_call *call) {
  if (call->task->invocation->is_ephemeral) return;
  struct fl_record *record = add_result(call);
  record->result.is_error = call->error != NULL;
  record->result.labels = call->labels;
  FL_VALUE_AUTO body = fl_value_ref(call->result);
  if (call->error != NULL) {
    body = fl_object();
    fl_set_int(body, "code", call->error->code);
    fl_set_string(body, "text", call->error->text);
    fl_set_bool(body, "sent", call->is_sent);
  } else if (call->is_answered) { /* tells a later run that an answer of a person was used up here */
    body = fl_copy_shallow(call->result);
    fl_set_bool(body, "fairlead/answered", true);
    fl_value_unref(call->result);
  }
  if (call->answers_used > 0) { /* those that approved it */
    FL_VALUE_AUTO plain = body;
    body = fl_copy_shallow(plain);
    fl_set_int(body, "fairlead/approved", call->answers_used);
  }
  record->body = fl_dump(body, &record->body_size);
}

void fl_call_hash_args(struct fl_task_call *call, uint8_t ret_hash[FL_HASH_SIZE]) {
  struct fl_traced_call *traced = call->trace;
  if (traced != NULL && traced->has_args_hash) {
    memcpy(ret_hash, traced->args_hash, FL_HASH_SIZE);
    return;
  }
  fl_json_hash(call->args, ret_hash);
  if (traced == NULL) return;
  memcpy(traced->args_hash, ret_hash, FL_HASH_SIZE);
  traced->has_args_hash = true;
}

/* A result of a call that was never announced needs its row first: `read` calls and model calls have no intent of their
 * own. */
static void record_intent(struct fl_task_call *call, struct fl_records *records) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_INTENT, fl_task_journal_ns(call->task));
  record->intent.checkpoint_no = fl_task_journal_no(call->task);
  memcpy(record->intent.task_id, call->task->start.id, FL_UUID_SIZE);
  record->intent.index = fl_call_place(call);
  memcpy(record->intent.call_id, call->call_id, FL_UUID_SIZE);
  record->intent.kind = call->kind;
  record->intent.effect = call->effect;
  record->intent.name = fl_strdup(call->name);
  record->intent.manifest_hash = fl_strdup(fl_policy_manifest_hash(fl_frame_policy(call->task->frame)));
  const char *key = call->own_key != NULL ? call->own_key : call->key;
  record->intent.key = call->effect == FL_EFFECT_KEYED ? fl_strdup(key) : NULL;
  if (call->args != NULL) fl_call_hash_args(call, record->intent.argument_hash);
  record->body = call->kind == FL_CALL_TOOL ? fl_dump(call->args, &record->body_size) : NULL;
}

static void set_error(struct fl_task_call *call, const struct fl_error *err) {
  call->error = fl_new(struct fl_error);
  *call->error = *err;
}

void fl_call_record_step(struct fl_task_call *call, const struct fl_value *step) {
  if (call->task->invocation->is_ephemeral || (call->task->has_outcome && call->task->outcome == FL_DONE)) return;
  if (!call->is_announced) record_intent(call, &call->task->results);
  struct fl_record *record = add_result(call);
  record->body = fl_dump(step, &record->body_size);
}

/* A task that is done needs no journal: what it wrote is kept. The error of a cancelled call is not its outcome. */
static bool is_worth_keeping(const struct fl_task_call *call) {
  const struct fl_task *task = call->task;
  if (task->has_outcome && task->outcome == FL_DONE) return false;
  return call->error == NULL || !task->is_cancelled;
}

/* A call that never left: the node hears of it, the journal does not. */
static void end_unsent(struct fl_task_call *call, int code, const char *why) {
  struct fl_error err = {0};
  fl_error_set(&err, code, "%s %s", call->name, why);
  call->is_queued = call->is_running = false;
  call->has_not_left = true;
  set_error(call, &err);
  fl_ledger_settle(call);
  tell_end(call, false);
  fl_invocation_wake(call->task->invocation);
}

void fl_call_ended(struct fl_task_call *call, struct fl_value *result, const struct fl_error *err) {
  fl_check(call->result == NULL && call->error == NULL);
  call->is_running = false;
  call->result = fl_value_ref(result);
  if (result == NULL) set_error(call, err);
  fl_task_heartbeat(call->task);
  fl_flow_result(call);
  fl_ledger_settle(call);
  if (is_worth_keeping(call)) {
    bool has_intent = call->is_announced;
    if (!has_intent && !call->task->invocation->is_ephemeral) record_intent(call, &call->task->results);
    record_result(call);
  }
  tell_end(call, false);
  fl_invocation_wake(call->task->invocation);
}

/* ---- tools ---- */

static void on_tool_progress(struct fl_tool_request *request, double done, double total, const char *message) {
  struct fl_task_call *call = request->user;
  struct fl_invocation *invocation = call->task->invocation;
  fl_task_heartbeat(call->task);
  if (!fl_invocation_is_followed(invocation)) return;
  struct fl_value *data = call_event(call, "progress");
  fl_set_take(data, "done", fl_double(done));
  fl_set_take(data, "total", fl_double(total));
  if (message != NULL) fl_set_string(data, "message", message);
  fl_frame_tell(call->task->frame, "events", call->task->start.node, data, 0);
}

static void on_tool_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                         const struct fl_error *err) {
  struct fl_task_call *call = request->user;
  call->is_sent = sent;
  if (status == FL_E_CONFLICT && fl_elicit_begin_again(call)) return;
  fl_call_ended(call, status == 0 ? result : NULL, err);
}

static void on_tool_pause(struct fl_tool_request *request, const struct fl_value *pause) {
  fl_elicit_pause(request->user, pause);
}

static void send_tool(struct fl_task_call *call) {
  call->tool = (struct fl_tool_request){.tool = call->name,
                                        .args = call->args,
                                        .call_id = call->key,
                                        .on_progress = on_tool_progress,
                                        .on_done = on_tool_done,
                                        .user = call};
  if (!call->task->invocation->is_ephemeral) call->tool.on_pause = on_tool_pause;
  fl_elicit_fill(call, &call->tool);
  call->is_running = true;
  call->started_us = fl_world_now_us(call->task->invocation->runtime->world);
  if (call->task->invocation->trace != NULL) fl_tracing_call_leaves(call);
  tell_start(call);
  fl_registry_call(call->task->invocation->runtime->registry, &call->tool);
}

static void on_server_ready(int status, const struct fl_error *err, void *user) {
  struct fl_task_call *call = user;
  call->opening = NULL;
  struct fl_error error = {0};
  FL_FREE_AUTO char *suspension = status == 0 ? fl_suspended_since_seen(call->task, call->name) : NULL;
  if (suspension != NULL) fl_error_set(&error, FL_E_DENIED, "%.*s", (int)strcspn(suspension, "\n"), suspension);
  if (status < 0) fl_call_ended(call, NULL, err);
  else if (suspension != NULL) fl_call_ended(call, NULL, &error);
  else send_tool(call);
}

static void dispatch_tool(struct fl_task_call *call) {
  struct fl_registry *registry = call->task->invocation->runtime->registry;
  call->started_us = fl_world_now_us(call->task->invocation->runtime->world);
  if (fl_registry_find(registry, call->name) != NULL) {
    send_tool(call);
    return;
  }
  FL_VALUE_AUTO patterns = fl_array();
  fl_append_take(patterns, fl_string(call->name));
  call->is_running = true;
  call->opening = fl_opening_start(registry, patterns, on_server_ready, call);
}

static void dispatch(struct fl_task_call *call) {
  call->is_queued = false;
  const struct fl_task *task = call->task;
  if (task->is_cancelled || (task->has_outcome && !task->is_asking)) {
    end_unsent(call, FL_E_CANCELLED, "was not called: the node had ended before");
  } else if (task->invocation->runtime->tracing != NULL && fl_replay_call(call)) {
    return;
  } else if (call->kind == FL_CALL_TOOL) {
    dispatch_tool(call);
  } else {
    tell_start(call);
    call->started_us = fl_world_now_us(call->task->invocation->runtime->world);
    if (call->kind == FL_CALL_MODEL) fl_call_model_dispatch(call);
    else fl_call_function_dispatch(call);
  }
}

/* ---- beginning a call ---- */

static void set_call_id(struct fl_task_call *call) {
  char index[16];
  snprintf(index, sizeof index, "%d", fl_call_place(call));
  fl_derived_id((fl_slice[]){fl_slice_of(call->task->start.id), FL_SLICE("call"), fl_slice_of(index)}, 3,
                call->call_id);
}

void fl_call_next_place(struct fl_task_call *call) {
  call->attempt++;
  call->is_announced = false;
  call->claim = 0;
  set_call_id(call);
}

void fl_call_made_anew(struct fl_task_call *call) {
  fl_call_next_place(call);
  memcpy(call->key, call->call_id, sizeof call->key);
}

struct fl_task_call *fl_call_new(struct fl_task *task, enum fl_call_kind kind, const char *name) {
  if (task->call_count == FL_TASK_CALLS_MAX) {
    fl_task_fail(task, FL_E_LIMIT, "node %s made more than %d calls in one task", task->start.node, FL_TASK_CALLS_MAX);
    return NULL;
  }
  struct fl_task_call *call = fl_new(struct fl_task_call);
  call->task = task;
  call->kind = kind;
  call->name = fl_strdup(name);
  call->index = task->call_count++;
  set_call_id(call);
  memcpy(call->key, call->call_id, sizeof call->key);
  struct fl_task_call **place = &task->calls;
  while (*place != NULL) place = &(*place)->next;
  *place = call;
  task->open_call_count++;
  return call;
}

/* Sends the intent ahead where a repeat would matter; the call leaves when it is on disk. */
static void announce(struct fl_task_call *call) {
  struct fl_invocation *invocation = call->task->invocation;
  bool may_leave = !call->task->is_cancelled && !call->task->has_outcome; /* a call that will not leave has no intent */
  call->is_queued = true;
  struct fl_records records = {0};
  bool is_harmless = call->effect == FL_EFFECT_READ || fl_elicit_is_repeatable(call);
  if (may_leave && !is_harmless && !invocation->is_ephemeral && !call->is_announced) {
    if (call->pause != NULL) fl_task_flush_results(call->task); /* what it goes on with comes first */
    record_intent(call, &records);
    fl_audit_join(call->task, &records);
    call->is_announced = true;
  }
  if (may_leave && call->pause == NULL) fl_ledger_reserve(call); /* one that goes on was counted when it began */
  if (may_leave && invocation->ledger != NULL) /* what it reserves, also of one that may be repeated */
    fl_ledger_save(invocation, &records);
  if (records.count > 0) {
    call->intent_ticket = fl_invocation_commit(invocation, &records);
    fl_invocation_flush(invocation);
  }
  fl_invocation_wake(invocation);
}

static void replay_result(struct fl_task_call *call, const struct fl_loaded_call *found) {
  call->labels = found->labels;
  fl_flow_note(call->task, found->labels);
  if (call->answers_used == 0) call->task->answer_count += (size_t)fl_get_int(found->result, "fairlead/approved", 0);
  if (found->is_error) {
    struct fl_error err = {.code = (int)fl_get_int(found->result, "code", FL_E_REMOTE)};
    snprintf(err.text, sizeof err.text, "%s", fl_get_string(found->result, "text", "it failed"));
    set_error(call, &err);
  } else {
    call->result = fl_value_ref(found->result);
    if (fl_get_bool(found->result, "fairlead/answered", false)) call->task->answer_count++;
  }
  tell_end(call, true);
}

void fl_call_refuse(struct fl_task_call *call, int code, const char *text) {
  struct fl_error err = {0};
  fl_error_set(&err, code, "%s", text);
  call->started_us = fl_world_now_us(call->task->invocation->runtime->world);
  call->has_not_left = true;
  set_error(call, &err);
  fl_ledger_settle(call);
  tell_end(call, false);
  fl_invocation_wake(call->task->invocation);
}

/* The journal knows this place as another call: a node that does not make the same calls when it runs again. A call
 * that may be repeated is simply made; for the others nobody can say what the stored outcome belongs to. */
static bool is_another(const struct fl_task_call *call, const struct fl_loaded_call *found) {
  if (found == NULL || call->effect == FL_EFFECT_READ) return false;
  uint8_t hash[FL_HASH_SIZE];
  fl_json_hash(call->args, hash);
  return found->kind != call->kind || strcmp(found->name, call->name) != 0 ||
         memcmp(hash, found->argument_hash, sizeof hash) != 0;
}

/* A call that failed is made anew: where the other side said so from its beginning, otherwise from where it was. */
static void make_anew(struct fl_task_call *call, const struct fl_loaded_call *found) {
  if (fl_call_was_answered(found)) fl_elicit_forget(call);
  fl_call_made_anew(call);
}

/* What the journal says of the call's place. True: there is another place to look at. */
static bool look(struct fl_task_call *call, const struct fl_loaded_call *found, bool *ret_leaves) {
  call->is_announced = true;
  if (fl_elicit_is_step(found)) return fl_elicit_take(call, found);
  if (found->has_result && fl_call_is_made_anew(call, found)) {
    make_anew(call, found);
    return true;
  }
  if (found->has_result) {
    replay_result(call, found);
    return false;
  }
  bool may_repeat = call->effect != FL_EFFECT_ONCE || fl_elicit_is_repeatable(call);
  if (!may_repeat) return fl_call_ask_about_unknown(call);
  *ret_leaves = true;
  return false;
}

/* A place that the journal does not know. True: there is another to look at. */
static bool look_beyond(struct fl_task_call *call, bool *ret_leaves) {
  if (fl_elicit_waits(call)) return false;
  if (call->effect == FL_EFFECT_ONCE && fl_elicit_is_lost(call)) return fl_call_ask_about_unknown(call);
  *ret_leaves = true;
  return false;
}

static void refuse_another(struct fl_task_call *call, const struct fl_loaded_call *found) {
  FL_FREE_AUTO char *text = fl_format("call %d of this task was %s before and is %s now, with the same or other "
                                      "arguments; a node must make the same calls when it runs again",
                                      call->index + 1, found->name, call->name);
  fl_call_refuse(call, FL_E_CONFLICT, text);
}

/* Looks the call up in the journal, place by place: its result, an attempt whose outcome is unknown, a question, or
 * nothing; and goes on from there. */
static void begin(struct fl_task_call *call) {
  call->started_us = fl_world_now_us(call->task->invocation->runtime->world);
  bool looks_on = true, leaves = false;
  while (looks_on) {
    const struct fl_loaded_call *found = fl_call_journalled(call);
    if (is_another(call, found)) {
      refuse_another(call, found);
      return;
    }
    bool is_same = found != NULL && found->kind == call->kind && strcmp(found->name, call->name) == 0;
    looks_on = is_same ? look(call, found, &leaves) : look_beyond(call, &leaves);
  }
  if (leaves) announce(call);
  fl_invocation_wake(call->task->invocation);
}

/* The model reads that it is suspended; what its server says now is for people. */
static void refuse_suspended(struct fl_task_call *call, char *suspension) {
  fl_audit_suspended(call);
  suspension[strcspn(suspension, "\n")] = '\0';
  fl_call_refuse(call, FL_E_DENIED, suspension);
}

void fl_call_decide(struct fl_task_call *call) {
  if (fl_prepare_call(call)) return;
  FL_FREE_AUTO char *suspension = fl_suspended_since_seen(call->task, call->name);
  if (suspension != NULL) refuse_suspended(call, suspension);
  else if (fl_permit_call(call)) begin(call);
  fl_invocation_wake(call->task->invocation);
}

int fl_task_call_tool(struct fl_task *task, const char *tool, struct fl_value *args, fl_task_call_fn *on_done,
                      void *user) {
  struct fl_task_call *call = fl_call_new(task, FL_CALL_TOOL, tool);
  if (call == NULL) return task->error->code;
  call->args = args != NULL ? fl_value_ref(args) : fl_object();
  call->on_done = on_done;
  call->user = user;
  fl_call_decide(call);
  return 0;
}

void fl_call_go(struct fl_task_call *call) { begin(call); }

/* ---- in the drain ---- */

static void deliver(struct fl_task_call *call) {
  struct fl_task *task = call->task;
  call->is_delivered = true;
  task->open_call_count--;
  if (task->has_outcome && !task->is_pending) return; /* nobody waits for it any more */
  call->on_done(task, call->result, call->error, call->user);
}

/* Calls whose outcome nobody knows, and that nobody has answered for: when nothing else is open, or the node has ended,
 * the whole task waits for a person. */
static bool interrupts_for_unknown(struct fl_task *task) {
  size_t unknown_count = 0;
  for (const struct fl_task_call *call = task->calls; call != NULL; call = call->next)
    unknown_count += call->is_unknown && !call->is_delivered;
  if (unknown_count == 0 || (unknown_count < task->open_call_count && !task->has_outcome)) return false;
  fl_elicit_ask(task);
  for (struct fl_task_call *call = task->calls; call != NULL; call = call->next) call->is_delivered |= call->is_unknown;
  task->open_call_count -= unknown_count;
  if (!task->has_outcome) fl_task_complete(task, FL_INTERRUPT);
  return true;
}

bool fl_task_advance_calls(struct fl_task *task) {
  bool did_something = false;
  task->is_advancing = true;
  for (struct fl_task_call *call = task->calls; call != NULL; call = call->next) {
    bool is_on_disk = call->intent_ticket <= task->invocation->acked_ticket;
    bool is_lost = task->invocation->has_lost_store && !is_on_disk;
    if (call->is_queued && is_lost) {
      end_unsent(call, FL_E_IO, "was not called: the intent to call it could not be stored");
      did_something = true;
    } else if (call->is_queued && is_on_disk) {
      dispatch(call);
      did_something = true;
    }
  }
  for (struct fl_task_call *call = task->calls; call != NULL; call = call->next) {
    if (call->is_delivered || (call->result == NULL && call->error == NULL)) continue;
    deliver(call);
    did_something = true;
  }
  if (task->open_call_count > 0 && interrupts_for_unknown(task)) did_something = true;
  if (task->is_asking && task->open_call_count == 0) {
    fl_task_end_asking(task);
    did_something = true;
  }
  did_something |= fl_task_asks_inside(task);
  task->is_advancing = false;
  bool is_deaf = task->is_timed_out && !task->has_outcome && task->open_call_count + task->open_frame_count == 0;
  bool may_follow = fl_attempt_may_follow(task);
  if (may_follow) fl_attempt_follow(task);
  if (is_deaf) fl_task_end_stopped(task); /* the replies did not let the node complete */
  did_something |= may_follow || is_deaf;
  fl_task_free_if_gone(task);
  return did_something;
}

static void stop_waiting(struct fl_task_call *call) {
  if (call->opening != NULL) fl_opening_abandon(call->opening);
  call->opening = NULL;
  fl_prepare_abandon(call);
  end_unsent(call, FL_E_CANCELLED, "was not called: the run was cancelled before it could be");
}

void fl_task_cancel_calls(struct fl_task *task) {
  if (task->opening != NULL) fl_opening_abandon(task->opening);
  task->opening = NULL;
  for (struct fl_task_call *call = task->calls; call != NULL; call = call->next) {
    if (!call->is_running) continue;
    if (call->opening != NULL || call->lookup != NULL) stop_waiting(call);
    else if (call->kind == FL_CALL_TOOL) fl_registry_cancel(task->invocation->runtime->registry, &call->tool);
    else if (call->kind == FL_CALL_MODEL) fl_model_call_cancel(&call->model); /* a function is waited for */
  }
}

static void call_free(struct fl_task_call *call) {
  fl_free(call->name);
  fl_free(call->own_key);
  fl_free(call->system);
  fl_traced_call_free(call);
  fl_free(call->error);
  fl_value_unref(call->args);
  fl_value_unref(call->result);
  fl_value_unref(call->tool_definitions);
  fl_value_unref(call->tool_patterns);
  fl_value_unref(call->addresses);
  fl_elicit_forget(call);
  fl_list_unref(call->messages);
  fl_call_function_free(call);
  fl_free(call);
}

void fl_task_calls_free(struct fl_task *task) {
  fl_task_past_free(task);
  while (task->calls != NULL) {
    struct fl_task_call *next = task->calls->next;
    call_free(task->calls);
    task->calls = next;
  }
}
