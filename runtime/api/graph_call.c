/* SPDX-License-Identifier: MIT */
/* A call of a graph: a run on a thread.
 *
 * Happy path: the handler is entered and looks at the thread. There is none: the run begins with the arguments. It was
 * left in the middle: it goes on. It waits for a person, and the client's answers are there: it is resumed with them;
 * they are not: they are asked for, and the handler is entered again. It has ended: its state is the result. A run
 * that ends is looked at in the same way. So it makes no difference whether the handler is entered for the first time,
 * with answers, or in a new process after a crash anywhere in between: an answer that was taken is not asked for, a
 * question that was answered is not open any more, and the journal keeps finished nodes from running twice.
 * Failure modes: the run fails (an error for the model); the client cannot be asked, or the person would not say (an
 * error that tells how to resume the thread); the call is cancelled (the run is, and what it has written stays);
 * another process runs the thread (a task waits for it). */
#include "runtime/api/graph_tool.h"

#include "runtime/base/mem.h"
#include "tools/call.h"

#include <fairlead/thread.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 250 };

struct graph_run {
  struct fl_graph_tool *tool;
  struct fl_call *call;
  struct fl_value *args;      /* a reference */
  char thread[FL_ID_MAX + 1]; /* "" for one that has none yet */
  bool is_task, is_cancelled, has_waited;
  double event_count;               /* that were told as progress */
  struct fl_invocation *invocation; /* NULL: it does not run */
  struct fl_timer timer;
};

static void go_on(struct graph_run *run);

/* ---- the end of a turn ---- */

static void finish(struct graph_run *run) {
  struct fl_call *call = run->call;
  fl_timer_stop(fl_runtime_world(run->tool->host->runtime), &run->timer);
  fl_call_watch(call, NULL, NULL);
  fl_value_unref(run->args);
  fl_free(run);
  fl_call_complete(call);
}

static void set_thread(struct graph_run *run) {
  if (run->thread[0] == '\0') return;
  struct fl_value *meta = fl_object();
  fl_set_string(meta, "fairlead/thread", run->thread);
  fl_call_set_meta_take(run->call, meta);
}

static void answer(struct graph_run *run, const struct fl_value *values) {
  struct fl_value *output = fl_graph_output(run->tool->definition, values);
  FL_FREE_AUTO char *reply = fl_graph_reply(output);
  if (reply != NULL) fl_call_return_described_take(run->call, output, reply);
  else fl_call_return_take(run->call, output);
  set_thread(run);
  finish(run);
}

static void fail(struct graph_run *run, const char *text) {
  if (run->thread[0] == '\0') fl_call_return_error(run->call, "%s", text);
  else fl_call_return_error(run->call, "%s (thread %s)", text, run->thread);
  set_thread(run);
  finish(run);
}

/* The thread waits, and goes on waiting: another way is left to answer. */
static void leave_waiting(struct graph_run *run, const char *why, const struct fl_value *interrupts) {
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < fl_size(interrupts); i++) {
    FL_VALUE_AUTO question = fl_graph_question(run->tool->definition, fl_at(interrupts, i));
    fl_buf_addf(&text, "%s%s", i > 0 ? "\n" : "", fl_get_string(question, "message", ""));
  }
  fl_call_return_error(run->call,
                       "The graph waits for a person's answer, and %s.\nIt asks: %s\nIt goes on with: "
                       "fairlead threads resume %s 'ANSWER AS JSON'",
                       why, text.data != NULL ? text.data : "", run->thread);
  set_thread(run);
  finish(run);
}

/* ---- running ---- */

/* Nodes as they begin, and the tools that they call: a node that is an agent may take minutes. */
static void on_event(const struct fl_run_event *event, void *user) {
  struct graph_run *run = user;
  const char *type = fl_get_string(event->data, "type", ""), *tool = fl_get_string(event->data, "tool", "");
  const char *said = fl_get_string(event->data, "message", NULL), *node = event->node != NULL ? event->node : "";
  FL_FREE_AUTO char *text = NULL;
  if (strcmp(type, "node_start") == 0) text = fl_strdup(node);
  else if (strcmp(type, "tool_start") == 0) text = fl_format("%s: %s", node, tool);
  else if (strcmp(type, "tool_progress") == 0)
    text = fl_format("%s: %s%s%s", node, tool, said != NULL ? ": " : "", said != NULL ? said : "");
  if (text != NULL) fl_call_progress(run->call, ++run->event_count, 0, text);
}

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct graph_run *run = user;
  run->invocation = NULL;
  if (run->thread[0] == '\0') memcpy(run->thread, result->thread, sizeof run->thread);
  if (run->is_cancelled) finish(run);
  else if (result->status < 0) fail(run, err != NULL ? err->text : fl_error_sentence(result->status));
  else if (result->status == 0) answer(run, result->output);
  else go_on(run);
  fl_invoke_result_deinit(result);
}

/* With an input, with answers by interrupt, or with neither: what was begun is finished. */
static void begin(struct graph_run *run, struct fl_value *input, struct fl_value *answers) {
  struct fl_graph_host *host = run->tool->host;
  struct fl_error err = {0};
  const struct fl_invoke_options options = {.size = sizeof options,
                                            .thread = run->thread[0] != '\0' ? run->thread : NULL,
                                            .input = input,
                                            .resume = answers,
                                            .resume_is_map = answers != NULL,
                                            .model = host->model,
                                            .follow = FL_FOLLOW_EVENTS | FL_FOLLOW_SUBGRAPHS,
                                            .on_event = on_event,
                                            .user = run,
                                            .traceparent = fl_call_traceparent(run->call),
                                            .tracestate = fl_call_tracestate(run->call),
                                            .durability = run->is_task ? FL_DURABLE_SYNC : FL_DURABLE_DEFAULT};
  int rc = fl_runtime_start(host->runtime, run->tool->definition, &options, on_end, run, &run->invocation, &err);
  if (rc < 0) fail(run, err.text);
}

static void begin_anew(struct graph_run *run) {
  FL_VALUE_AUTO input = fl_graph_input(run->tool->definition, run->args);
  if (input != NULL) begin(run, input, NULL);
  else fail(run, "Say what to ask: the argument message is missing, and messages, too");
}

/* ---- asking ---- */

/* The answers to the questions that are open, as far as they are there. */
struct asked {
  struct fl_value *answers; /* by interrupt id */
  bool is_asking, is_declined;
  int status; /* FL_E_UNSUPPORTED, FL_E_REMOTE; 0: it can be asked */
};

static void ask_one(struct graph_run *run, const struct fl_value *interrupt, const char *checkpoint,
                    struct asked *asked) {
  const struct fl_definition *definition = run->tool->definition;
  const char *id = fl_get_string(interrupt, "id", NULL);
  FL_FREE_AUTO char *key = id != NULL ? fl_strdup(id) : fl_format("stop-%s", checkpoint);
  const struct fl_value *given = NULL;
  int status = fl_call_ask_take(run->call, key, FL_ASK_ELICITATION, fl_graph_question(definition, interrupt), &given);
  if (status < 0) asked->status = status;
  else if (status == FL_CALL_ASKING) asked->is_asking = true;
  else if (fl_graph_is_passed_on(interrupt)) fl_set_take(asked->answers, id, fl_copy_shallow(given));
  else if (strcmp(fl_get_string(given, "action", ""), "accept") != 0) asked->is_declined = true;
  else {
    struct fl_value *said = fl_graph_answer(definition, interrupt, fl_get(given, "content"));
    if (id == NULL && !fl_as_bool(said, false)) asked->is_declined = true;
    if (id != NULL) fl_set_take(asked->answers, id, said);
    else fl_value_unref(said);
  }
}

/* The turn ends with the questions; the handler is entered again with the answers. */
static void ask(struct graph_run *run) {
  struct fl_value *state = fl_object();
  fl_set_string(state, "thread", run->thread);
  fl_call_set_state_take(run->call, state);
  finish(run);
}

static void ask_or_resume(struct graph_run *run, const struct fl_value *state) {
  const struct fl_value *interrupts = fl_get(state, "interrupts");
  struct asked asked = {.answers = fl_object()};
  for (size_t i = 0; i < fl_size(interrupts); i++)
    ask_one(run, fl_at(interrupts, i), fl_get_string(state, "checkpoint_id", ""), &asked);
  if (asked.status == FL_E_UNSUPPORTED) leave_waiting(run, "this client cannot ask one", interrupts);
  else if (asked.status < 0) leave_waiting(run, "the client failed to ask one", interrupts);
  else if (asked.is_declined) leave_waiting(run, "the person would not say", interrupts);
  else if (asked.is_asking) ask(run);
  else begin(run, NULL, fl_size(asked.answers) > 0 ? asked.answers : NULL);
  fl_value_unref(asked.answers);
}

/* ---- what is to be done ---- */

static void on_timer(struct fl_timer *timer) { go_on(timer->user); }

/* Another process that lives runs the thread: an earlier server on its way out, or one beside this one. */
static bool waits_for_another(struct graph_run *run) {
  struct fl_graph_host *host = run->tool->host;
  struct fl_thread_info info = {0};
  int rc = fl_store_read_thread(fl_runtime_store(host->runtime), run->thread, &info, NULL);
  bool is_held = rc == 0 && info.lease_pid != 0 && info.lease_pid != getpid();
  bool is_busy = is_held && info.status != NULL && strcmp(info.status, "busy") == 0;
  fl_thread_info_deinit(&info);
  if (!is_busy) return false;
  run->has_waited = true;
  fl_timer_start(fl_runtime_world(host->runtime), &run->timer, WAIT_MS);
  return true;
}

/* As the other process has ended the task. */
static void end_as(struct graph_run *run, const struct fl_value *record) {
  const struct fl_value *outcome = fl_get(record, "outcome");
  const char *text = fl_get_string(fl_at(fl_get(outcome, "content"), 0), "text", NULL);
  struct fl_value *structured = fl_get(outcome, "structuredContent");
  if (text != NULL && structured != NULL) fl_call_return_described_take(run->call, fl_value_ref(structured), text);
  else if (text != NULL) fl_call_return_error(run->call, "%s", text);
  else fl_call_return_error(run->call, "Another server has ended the task: %s", fl_get_string(record, "status", ""));
  set_thread(run);
  finish(run);
}

static void go_on(struct graph_run *run) {
  struct fl_graph_host *host = run->tool->host;
  const struct fl_thread_place place = {
      .size = sizeof place, .thread = run->thread, .definition = run->tool->definition};
  FL_VALUE_AUTO state = NULL;
  struct fl_error err = {0};
  if (run->is_task && waits_for_another(run)) return;
  FL_VALUE_AUTO end = run->has_waited ? fl_graph_tasks_take_end(host->tasks, run->thread) : NULL;
  if (end != NULL) {
    end_as(run, end);
    return;
  }
  int rc = run->thread[0] != '\0' ? fl_thread_state(host->runtime, &place, &state, &err) : FL_E_NOT_FOUND;
  bool is_new = rc == FL_E_NOT_FOUND || (rc == 0 && fl_get(state, "checkpoint_id") == NULL);
  if (is_new && run->thread[0] != '\0' && !run->is_task) fail(run, "The thread of this call is gone");
  else if (is_new) begin_anew(run);
  else if (rc < 0) fail(run, err.text);
  else if (fl_size(fl_get(state, "interrupts")) > 0) ask_or_resume(run, state);
  else if (fl_size(fl_get(state, "next")) > 0) begin(run, NULL, NULL);
  else answer(run, fl_get(state, "values"));
}

/* ---- the handler ---- */

static void on_cancel(void *user) {
  struct graph_run *run = user;
  run->is_cancelled = true;
  if (run->invocation != NULL) fl_invocation_cancel(run->invocation); /* on_end follows */
  else finish(run);
}

int fl_graph_call(struct fl_call *call, const struct fl_value *args, void *user) {
  struct graph_run *run = fl_new(struct graph_run);
  const char *task = fl_call_task_id(call);
  *run = (struct graph_run){
      .tool = user, .call = call, .args = fl_value_ref((struct fl_value *)(uintptr_t)args), .is_task = task[0] != '\0'};
  const char *thread = run->is_task ? task : fl_get_string(fl_call_state(call), "thread", "");
  if (fl_is_thread_id(thread)) memcpy(run->thread, thread, strlen(thread) + 1);
  run->timer = (struct fl_timer){.on_fire = on_timer, .user = run};
  fl_call_watch(call, on_cancel, run);
  go_on(run);
  return FL_CALL_PENDING;
}
