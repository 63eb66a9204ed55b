/* SPDX-License-Identifier: MIT */
/* Tasks (io.modelcontextprotocol/tasks): a call that goes on after its reply. The reply tells its id; what becomes of
 * it is asked for (tasks/get), answered (tasks/update), called off (tasks/cancel).
 *
 * Invariants. (1) A client hears of a task only when it can be asked for; with saves_tasks only when it was saved. (2)
 * A handler begins, and goes on with answers, only when that was saved. (3) An ended task does not change any more, and
 * stays until its time is over. (4) A task is nobody's but its principal's. */
#include "mcp/proto/server_internal.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/base/timestamp.h"
#include "runtime/json/json.h"

#include <inttypes.h>
#include <stdio.h>

enum { ID_BYTES = 16, ID_SIZE = 2 * ID_BYTES + 1, POLL_MS = 500 };
enum status { WORKING, INPUT_REQUIRED, COMPLETED, FAILED, CANCELLED };
static const char *const STATUS[] = {"working", "input_required", "completed", "failed", "cancelled", NULL};

/* A reply that waits for a save. */
struct held {
  struct held *next;
  struct fl_mcp_server_session *session;
  struct fl_value *id;
  uint64_t channel, save_number;
  bool is_creation;
};

struct fl_mcp_task {
  char id[ID_SIZE];
  struct fl_mcp_server_core *core;
  struct fl_mcp_served_call *call; /* NULL once it has ended */
  char *principal, *message;
  enum status status;
  int64_t created_ms, updated_ms;
  struct fl_value *tool, *args, *capabilities, *call_id; /* what it takes to begin again */
  struct fl_value *asks, *answers, *state;
  struct fl_value *outcome; /* COMPLETED: the result, FAILED: the error */
  uint64_t save_count, saved_count;
  bool starts_when_saved;
  struct held *held;
};

static bool has_ended(const struct fl_mcp_task *task) { return task->status >= COMPLETED; }

static void put(struct fl_value **place, struct fl_value *value) {
  fl_value_ref(value);
  fl_value_unref(*place);
  *place = value;
}

static void task_destroy(struct fl_mcp_task *task) {
  struct fl_value *values[] = {task->tool, task->args,    task->capabilities, task->call_id,
                               task->asks, task->answers, task->state,        task->outcome};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) fl_value_unref(values[i]);
  while (task->held != NULL) {
    struct held *held = task->held;
    task->held = held->next;
    fl_value_unref(held->id);
    fl_free(held);
  }
  fl_free(task->principal);
  fl_free(task->message);
  fl_free(task);
}

void fl_mcp_tasks_destroy(struct fl_mcp_server_core *core) {
  size_t cursor = 0;
  for (struct fl_map_entry *at; (at = fl_map_next(&core->tasks, &cursor)) != NULL;) task_destroy(at->value);
  fl_map_deinit(&core->tasks);
}

void fl_mcp_task_lost(struct fl_mcp_served_call *call) {
  if (call->task != NULL) call->task->call = NULL;
  call->task = NULL;
}

/* ---- texts ---- */

static void write_task(struct fl_buf *buf, const struct fl_mcp_task *task) {
  char created[FL_TIMESTAMP_SIZE], updated[FL_TIMESTAMP_SIZE];
  fl_timestamp(task->created_ms, created);
  fl_timestamp(task->updated_ms, updated);
  fl_buf_addf(buf,
              "\"taskId\":\"%s\",\"status\":\"%s\",\"createdAt\":\"%s\",\"lastUpdatedAt\":\"%s\",\"ttlMs\":%d,"
              "\"pollIntervalMs\":%d",
              task->id, STATUS[task->status], created, updated, FL_MCP_TASK_TTL_MS, POLL_MS);
  if (task->message == NULL) return;
  fl_buf_add_text(buf, ",\"statusMessage\":");
  fl_rpc_add_text(buf, task->message);
}

static void write_details(struct fl_buf *buf, const struct fl_mcp_task *task) {
  static const char *const keys[] = {NULL, "inputRequests", "result", "error", NULL};
  const struct fl_value *value = task->status == INPUT_REQUIRED ? task->asks : task->outcome;
  if (keys[task->status] == NULL || value == NULL) return;
  fl_buf_addf(buf, ",\"%s\":", keys[task->status]);
  if (fl_json_write(buf, value, FL_JSON_COMPACT) < 0) buf->failed = true;
}

/* A reply of three: the task was created; its state; a bare acknowledgement. */
static void reply_creation(struct fl_mcp_step *step, const struct fl_mcp_task *task) {
  struct fl_rpc_line line = fl_rpc_begin_result(&step->effects->out, step->message->id);
  fl_buf_add_text(line.buf, "{\"resultType\":\"task\",");
  write_task(line.buf, task);
  fl_mcp_end_result(line.buf, &step->session->core->catalog, true, NULL);
  fl_mcp_end_reply(step, line, "the task");
}

static void reply_state(struct fl_mcp_step *step, const struct fl_mcp_task *task) {
  struct fl_rpc_line line = fl_rpc_begin_result(&step->effects->out, step->message->id);
  fl_buf_add_text(line.buf, "{\"resultType\":\"complete\",");
  write_task(line.buf, task);
  write_details(line.buf, task);
  fl_mcp_end_result(line.buf, &step->session->core->catalog, true, NULL);
  fl_mcp_end_reply(step, line, "the state of the task");
}

/* ---- saving ---- */

static void save(struct fl_mcp_task *task, struct fl_mcp_server_effects *effects) {
  task->updated_ms = task->core->now_ms;
  if (!task->core->saves_tasks) return;
  task->save_count++;
  fl_mcp_add_effect(effects, FL_MCP_SAVE_TASK)->task = task;
}

static void reply(struct fl_mcp_step *step, const struct fl_mcp_task *task, bool is_creation) {
  if (is_creation) reply_creation(step, task);
  else fl_mcp_reply_empty(step);
}

static void reply_when_saved(struct fl_mcp_step *step, struct fl_mcp_task *task, bool is_creation) {
  if (task->saved_count == task->save_count) {
    reply(step, task, is_creation);
    return;
  }
  struct held *held = fl_new(struct held), **end = &task->held;
  *held = (struct held){.session = step->session,
                        .id = fl_value_ref((struct fl_value *)(uintptr_t)step->message->id),
                        .channel = step->channel,
                        .save_number = task->save_count,
                        .is_creation = is_creation};
  while (*end != NULL) end = &(*end)->next;
  *end = held;
}

static void start_when_saved(struct fl_mcp_task *task, struct fl_mcp_server_effects *effects) {
  task->starts_when_saved = task->saved_count < task->save_count;
  if (!task->starts_when_saved && task->call != NULL) fl_mcp_start_call(task->call, effects);
}

void fl_mcp_task_start(struct fl_mcp_served_call *call, struct fl_mcp_server_effects *effects) {
  start_when_saved(call->task, effects);
}

void fl_mcp_server_task_saved(struct fl_mcp_server_core *core, const char *task_id,
                              struct fl_mcp_server_effects *effects) {
  struct fl_mcp_task *task = fl_map_get(&core->tasks, task_id);
  if (task == NULL || task->saved_count == task->save_count) return;
  task->saved_count++;
  while (task->held != NULL && task->held->save_number <= task->saved_count) {
    struct held *held = task->held;
    task->held = held->next;
    struct fl_rpc_message message = {.id = held->id};
    struct fl_mcp_step step = {.session = held->session,
                               .effects = effects,
                               .message = &message,
                               .channel = held->channel,
                               .revision = fl_mcp_revision_find(FL_MCP_REVISION_MODERN)};
    reply(&step, task, held->is_creation);
    fl_value_unref(held->id);
    fl_free(held);
  }
  if (task->starts_when_saved) start_when_saved(task, effects);
}

const char *fl_mcp_task_id(const struct fl_mcp_task *task) { return task->id; }

static void set(struct fl_value *record, const char *key, struct fl_value *value) {
  if (value != NULL) fl_set_take(record, key, fl_value_ref(value));
}

struct fl_value *fl_mcp_task_record(const struct fl_mcp_task *task) {
  struct fl_value *record = fl_object();
  fl_set_string(record, "id", task->id);
  fl_set_string(record, "principal", task->principal);
  fl_set_string(record, "status", STATUS[task->status]);
  fl_set_int(record, "created", task->created_ms);
  fl_set_int(record, "updated", task->updated_ms);
  if (task->message != NULL) fl_set_string(record, "message", task->message);
  set(record, "tool", task->tool);
  set(record, "args", task->args);
  set(record, "capabilities", task->capabilities);
  set(record, "callId", task->call_id);
  set(record, "asks", task->asks);
  set(record, "answers", task->answers);
  set(record, "state", task->state);
  set(record, "outcome", task->outcome);
  return record;
}

/* ---- time ---- */

static void sweep(struct fl_mcp_server_core *core, struct fl_mcp_server_effects *effects) {
  size_t cursor = 0;
  for (struct fl_map_entry *at; (at = fl_map_next(&core->tasks, &cursor)) != NULL;) {
    struct fl_mcp_task *task = at->value;
    if (!has_ended(task) || task->call != NULL || task->created_ms + FL_MCP_TASK_TTL_MS > core->now_ms) continue;
    fl_map_remove(&core->tasks, task->id);
    if (core->saves_tasks) {
      struct fl_mcp_server_effect *effect = fl_mcp_add_effect(effects, FL_MCP_FORGET_TASK);
      snprintf(effect->task_id, sizeof effect->task_id, "%s", task->id);
    }
    task_destroy(task);
  }
}

/* ---- the life of a task ---- */

void fl_mcp_task_begin(struct fl_mcp_served_call *call, struct fl_mcp_server_effects *effects) {
  struct fl_mcp_server_core *core = call->session->core;
  struct fl_rpc_message message = {.id = call->id};
  struct fl_mcp_step step = fl_mcp_step_of_call(call, &message, effects);
  sweep(core, effects);
  if (core->tasks.count >= FL_MCP_TASKS_MAX) return; /* it is answered as a call */
  struct fl_mcp_task *task = fl_new(struct fl_mcp_task);
  uint8_t drawn[24];
  fl_mcp_draw(core, "task", drawn);
  *task = (struct fl_mcp_task){.core = core,
                               .call = call,
                               .principal = fl_strdup(call->principal),
                               .created_ms = core->now_ms,
                               .tool = fl_string(call->name),
                               .args = fl_value_ref(call->args),
                               .capabilities = fl_value_ref(call->client_capabilities),
                               .call_id = fl_string(call->call_id),
                               .answers = fl_value_ref(call->answers),
                               .state = fl_value_ref(call->state)};
  fl_hex(drawn, ID_BYTES, task->id);
  fl_map_set(&core->tasks, task->id, task);
  call->task = task;
  call->is_task = true;
  call->task_id = task->id;
  save(task, effects);
  reply_when_saved(&step, task, true);
  fl_mcp_retire_call(call);
}

void fl_mcp_server_call_becomes_task(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                                     struct fl_mcp_server_effects *effects) {
  if (call->may_be_task && !call->is_task && !call->is_cancelled) fl_mcp_task_begin(call, effects);
}

static void end(struct fl_mcp_task *task, enum status status, struct fl_value *outcome,
                struct fl_mcp_server_effects *effects) {
  put(&task->asks, NULL);
  put(&task->outcome, outcome);
  task->status = status;
  save(task, effects);
}

void fl_mcp_task_done(struct fl_mcp_served_call *call, const struct fl_value *result,
                      struct fl_mcp_server_effects *effects) {
  struct fl_mcp_task *task = call->task;
  if (task == NULL || has_ended(task)) return;
  FL_BUF_AUTO text = {.limit = FL_MCP_REPLY_SIZE_MAX / 2};
  FL_VALUE_AUTO written = NULL;
  int status = fl_mcp_write_call_result(&text, call, result);
  fl_mcp_end_result(&text, &task->core->catalog, false, fl_get(result, "_meta"));
  if (status == 0 && !text.failed) status = fl_json_read(fl_buf_slice(&text), FL_JSON_STRICT, &written, NULL);
  if (status == 0 && !text.failed) end(task, COMPLETED, written, effects);
  else fl_mcp_task_failed(call, FL_RPC_INTERNAL_ERROR, "the result is too large", effects);
}

void fl_mcp_task_failed(struct fl_mcp_served_call *call, int code, const char *text,
                        struct fl_mcp_server_effects *effects) {
  struct fl_mcp_task *task = call->task;
  if (task == NULL || has_ended(task)) return;
  FL_VALUE_AUTO error = fl_object();
  fl_set_int(error, "code", code);
  fl_set_string(error, "message", text);
  end(task, FAILED, error, effects);
}

void fl_mcp_task_asks(struct fl_mcp_served_call *call, const struct fl_value *requests, struct fl_value *state,
                      struct fl_mcp_server_effects *effects) {
  struct fl_mcp_task *task = call->task;
  put(&task->state, state);
  put(&call->state, state);
  put(&task->asks, (struct fl_value *)(uintptr_t)requests);
  task->status = INPUT_REQUIRED;
  save(task, effects);
}

void fl_mcp_task_progress(struct fl_mcp_served_call *call, const char *text) {
  struct fl_mcp_task *task = call->task;
  if (task == NULL || has_ended(task) || text == NULL) return;
  fl_free(task->message);
  task->message = fl_strdup(text);
  task->updated_ms = task->core->now_ms;
}

/* ---- methods ---- */

/* NULL: it has replied. */
static struct fl_mcp_task *task_of(struct fl_mcp_step *step) {
  struct fl_mcp_server_core *core = step->session->core;
  sweep(core, step->effects);
  struct fl_mcp_task *task = fl_map_get(&core->tasks, fl_get_string(step->params, "taskId", ""));
  bool is_told = task != NULL && (task->saved_count > 0 || !core->saves_tasks);
  if (is_told && strcmp(task->principal, step->principal) == 0) return task;
  fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "Unknown task");
  return NULL;
}

void fl_mcp_run_tasks_get(struct fl_mcp_step *step) {
  const struct fl_mcp_task *task = task_of(step);
  if (task != NULL) reply_state(step, task);
}

/* Moves the answers out of inputResponses; unknown keys are passed over. False: one of them is no answer. */
static bool take_answers(struct fl_mcp_step *step, struct fl_mcp_task *task, bool *ret_any) {
  FL_VALUE_AUTO left = fl_object();
  const struct fl_value *responses = fl_get(step->params, "inputResponses");
  struct fl_member member = {0};
  while (fl_next_member(task->asks, &member)) {
    struct fl_value *answer = fl_get_n(responses, member.key, member.key_size);
    if (answer == NULL) fl_set_take_n(left, member.key, member.key_size, fl_value_ref(member.value));
    else if (!fl_mcp_is_answer_for(member.value, answer)) {
      fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "inputResponses[\"%.*s\"] is no answer to what was asked",
                         fl_rpc_shown(member.key, FL_MCP_NAME_SHOWN_MAX), member.key);
      return false;
    }
  }
  *ret_any = fl_size(left) < fl_size(task->asks);
  member = (struct fl_member){0};
  while (fl_next_member(task->asks, &member)) {
    struct fl_value *answer = fl_get_n(responses, member.key, member.key_size);
    if (answer != NULL) fl_mcp_add_answer(task->call, member.key, answer);
  }
  put(&task->asks, left);
  put(&task->answers, task->call->answers);
  return true;
}

void fl_mcp_run_tasks_update(struct fl_mcp_step *step) {
  struct fl_mcp_task *task = task_of(step);
  if (task == NULL) return;
  bool any = false;
  if (task->status == INPUT_REQUIRED && task->call != NULL && !take_answers(step, task, &any)) return;
  bool is_whole = any && fl_size(task->asks) == 0;
  if (is_whole) task->status = WORKING;
  if (any) save(task, step->effects);
  reply_when_saved(step, task, false);
  if (is_whole) start_when_saved(task, step->effects);
}

void fl_mcp_run_tasks_cancel(struct fl_mcp_step *step) {
  struct fl_mcp_task *task = task_of(step);
  if (task == NULL) return;
  if (!has_ended(task)) {
    end(task, CANCELLED, NULL, step->effects);
    task->starts_when_saved = false;
    if (task->call != NULL) fl_mcp_cancel_call(task->call, step->effects);
  }
  reply_when_saved(step, task, false);
}

/* ---- another process's tasks ---- */

static int status_of(const char *word) {
  for (int i = 0; STATUS[i] != NULL; i++)
    if (strcmp(STATUS[i], word) == 0) return i;
  return -1;
}

static struct fl_mcp_task *task_of_record(struct fl_mcp_server_core *core, const struct fl_value *record) {
  struct fl_mcp_task *task = fl_new(struct fl_mcp_task);
  *task = (struct fl_mcp_task){.core = core,
                               .principal = fl_strdup(fl_get_string(record, "principal", "")),
                               .message = fl_strdup(fl_get_string(record, "message", NULL)),
                               .status = (enum status)status_of(fl_get_string(record, "status", "")),
                               .created_ms = fl_get_int(record, "created", 0),
                               .updated_ms = fl_get_int(record, "updated", 0),
                               .tool = fl_value_ref(fl_get(record, "tool")),
                               .args = fl_value_ref(fl_get(record, "args")),
                               .capabilities = fl_value_ref(fl_get(record, "capabilities")),
                               .call_id = fl_value_ref(fl_get(record, "callId")),
                               .asks = fl_value_ref(fl_get(record, "asks")),
                               .answers = fl_value_ref(fl_get(record, "answers")),
                               .state = fl_value_ref(fl_get(record, "state")),
                               .outcome = fl_value_ref(fl_get(record, "outcome")),
                               .save_count = 1,
                               .saved_count = 1};
  snprintf(task->id, sizeof task->id, "%s", fl_get_string(record, "id", ""));
  return task;
}

/* The call of a task that has not ended; it holds what it lends by the task's values. */
static void attach_call(struct fl_mcp_server_session *session, struct fl_mcp_task *task,
                        const struct fl_value *record) {
  struct fl_mcp_served_call *call = fl_new(struct fl_mcp_served_call);
  *call = (struct fl_mcp_served_call){.kind = FL_MCP_CALL_TOOL,
                                      .session = session,
                                      .revision = fl_mcp_revision_find(FL_MCP_REVISION_MODERN),
                                      .request = fl_value_ref((struct fl_value *)(uintptr_t)record),
                                      .principal = task->principal[0] != '\0' ? fl_strdup(task->principal) : "",
                                      .answers = fl_value_ref(task->answers),
                                      .state = fl_value_ref(task->state),
                                      .log_rank = -1,
                                      .may_be_task = true,
                                      .is_task = true,
                                      .task = task,
                                      .task_id = task->id};
  call->name = fl_get_string(record, "tool", "");
  call->args = fl_get(record, "args");
  call->call_id = fl_get_string(record, "callId", "");
  call->client_capabilities = fl_get(record, "capabilities");
  call->next = session->all;
  if (call->next != NULL) call->next->previous = call;
  session->all = call;
  session->calls_live++;
  task->call = call;
}

int fl_mcp_server_task_restore(struct fl_mcp_server_session *session, const struct fl_value *record,
                               struct fl_mcp_server_effects *effects, struct fl_error *err) {
  struct fl_mcp_server_core *core = session->core;
  const char *id = fl_get_string(record, "id", ""), *tool = fl_get_string(record, "tool", NULL);
  if (strlen(id) != ID_SIZE - 1 || tool == NULL || status_of(fl_get_string(record, "status", "")) < 0)
    return fl_error_set(err, FL_E_INVALID, "this is no record of a task");
  if (fl_map_get(&core->tasks, id) != NULL) return fl_error_set(err, FL_E_EXISTS, "task %s is there already", id);
  struct fl_mcp_task *task = task_of_record(core, record);
  if (!has_ended(task) && !fl_mcp_catalog_has(&core->catalog, tool)) {
    task_destroy(task);
    return fl_error_set(err, FL_E_NOT_FOUND, "task %s is one of tool \"%s\", which is gone", id, tool);
  }
  fl_map_set(&core->tasks, task->id, task);
  if (has_ended(task)) return 0;
  attach_call(session, task, record);
  if (task->status == WORKING) fl_mcp_start_call(task->call, effects);
  return 0;
}
