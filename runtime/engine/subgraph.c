/* SPDX-License-Identifier: MIT */
/* Graphs that run inside tasks, each in a frame of its own.
 *
 * Happy path: find out where the run of before stood (a task that is new has none); feed the input; the run steps like
 * any other, its commits in one order with all others; its END goes to who asked for the graph.
 * Failure modes: the graph fails, and the caller hears it; it waits for a person, and so does the task, which runs
 * again with the answer and finds everything finished still finished; the task is cancelled, and so is the run; the
 * process dies, and the run goes on from its own last checkpoint.
 *
 * Namespaces: "node:TASK" inside the root, "OUTER|node:TASK" further in, "|1", "|2" behind it for further graphs of one
 * task; "node" alone for a graph with checkpoints of its own, which outlive the task. */
#include "runtime/engine/engine.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/engine/flow.h"
#include "runtime/store/store.h"

#include <stdio.h>

struct fl_child {
  struct fl_child_call call;
  struct fl_loaded loaded;
  bool is_over; /* its end was told; the frame waits for what still names it */
};

/* ---- what a frame is ---- */

bool fl_frame_is_told(const struct fl_frame *frame) {
  return fl_frame_is_root(frame) || (frame->invocation->options.follow & FL_FOLLOW_SUBGRAPHS) != 0;
}

bool fl_frame_is_ephemeral(const struct fl_frame *frame) {
  for (; !fl_frame_is_root(frame); frame = frame->parent->frame)
    if (frame->child->call.checkpoints == FL_CHECKPOINTS_NONE) return true;
  return frame->invocation->is_ephemeral;
}

/* The task whose checkpoint is stored: the task itself, or the one around the outermost run that is not. */
static const struct fl_task *journal_task(const struct fl_task *task) {
  if (task->invocation->is_ephemeral) return task;
  while (fl_frame_is_ephemeral(task->frame)) task = task->frame->parent;
  return task;
}

const struct fl_loaded *fl_task_journal(const struct fl_task *task) { return journal_task(task)->frame->loaded; }
uint64_t fl_task_journal_no(const struct fl_task *task) { return journal_task(task)->start.checkpoint_no; }
const char *fl_task_journal_ns(const struct fl_task *task) { return journal_task(task)->frame->ns; }

const struct fl_policy *fl_frame_policy(const struct fl_frame *frame) {
  const struct fl_loaded_graph *graph = frame->graph;
  while (graph->policy == NULL && graph->outer != NULL) graph = graph->outer;
  return graph->policy != NULL ? graph->policy : graph->list;
}

/* Checkpoints that are not stored have ids that come out the same when the run is made again, so that its tasks have
 * the same ids and find their calls in the journal. */
void fl_frame_stamp(struct fl_frame *frame, struct fl_ev *ev) {
  fl_runtime_stamp(frame->invocation->runtime, ev);
  if (frame->invocation->is_ephemeral || !fl_frame_is_ephemeral(frame)) return;
  char number[24];
  snprintf(number, sizeof number, "%llu", (unsigned long long)fl_run_checkpoint_no(frame->run));
  fl_slice parts[] = {fl_slice_of(frame->parent->start.id), fl_slice_of(frame->ns), fl_slice_of(number)};
  fl_derived_id(parts, sizeof parts / sizeof parts[0], ev->checkpoint_id);
}

/* ---- where it was ---- */

static char *namespace_of(const struct fl_task *task, const struct fl_child_call *call) {
  const char *outer = task->frame->ns, *bar = outer[0] != '\0' ? "|" : "";
  if (call->checkpoints == FL_CHECKPOINTS_OWN) return fl_format("%s%s%s", outer, bar, task->start.node);
  if (task->frame_count == 0) return fl_format("%s%s%s:%s", outer, bar, task->start.node, task->start.id);
  return fl_format("%s%s%s:%s|%zu", outer, bar, task->start.node, task->start.id, task->frame_count);
}

/* One state cannot be in two runs at once. */
static bool is_running(const struct fl_invocation *invocation, const char *ns) {
  for (const struct fl_frame *frame = invocation->frames; frame != NULL; frame = frame->next)
    if (!frame->child->is_over && strcmp(frame->ns, ns) == 0) return true;
  return false;
}

static int load(struct fl_frame *frame, uint64_t checkpoint_no, struct fl_error *err) {
  const struct fl_invocation *invocation = frame->invocation;
  fl_loaded_deinit(&frame->child->loaded);
  return fl_store_load(invocation->runtime->store, invocation->thread_id, frame->ns, checkpoint_no,
                       &frame->child->loaded, err);
}

static bool is_of_task(const struct fl_loaded *loaded, const struct fl_task *task) {
  return strcmp(fl_get_string(loaded->body, "caller", ""), task->start.id) == 0;
}

/* A graph with checkpoints of its own that was not called by this task yet begins where the state of the graph around
 * it knows it to stand: elsewhere than at its head when that state is one of the past. */
static int load_lasting(struct fl_frame *frame, struct fl_error *err) {
  struct fl_loaded *loaded = &frame->child->loaded;
  int rc = load(frame, 0, err);
  if (rc < 0 || loaded->checkpoint_no == 0 || is_of_task(loaded, frame->parent)) return rc;
  uint64_t known_no = fl_run_head_of(frame->parent->frame->run, frame->ns);
  if (known_no == loaded->checkpoint_no) return 0;
  if (known_no > 0) return load(frame, known_no, err);
  fl_loaded_deinit(loaded);
  return 0;
}

/* A task of a checkpoint that this run of the process made has never run before, unless it is tried again. */
static bool may_have_run(const struct fl_task *task) {
  return task->start.checkpoint_no <= task->frame->first_no || task->has_run_graph;
}

static int load_what_is_there(struct fl_frame *frame, struct fl_error *err) {
  if (fl_frame_is_ephemeral(frame)) return 0;
  if (frame->child->call.checkpoints == FL_CHECKPOINTS_OWN) return load_lasting(frame, err);
  return may_have_run(frame->parent) ? load(frame, 0, err) : 0;
}

/* ---- its events ---- */

/* Whether the person has seen every static interrupt at which the run stands: what the task told when it ended last. */
static bool has_seen_stops(const struct fl_frame *frame) {
  FL_VALUE_AUTO waits = fl_run_waits(frame->run);
  const struct fl_value *seen = frame->parent->start.children;
  for (size_t i = 0; i < fl_size(waits); i++) {
    if (fl_get(fl_at(waits, i), "id") != NULL) continue;
    bool is_seen = false;
    for (size_t j = 0; j < fl_size(seen) && !is_seen; j++) is_seen = fl_equal(fl_at(seen, j), fl_at(waits, i));
    if (!is_seen) return false;
  }
  return true;
}

static void enqueue_going_on(struct fl_frame *frame) {
  struct fl_value *resume = frame->parent->start.resume;
  struct fl_queued_event *event = fl_queued_event_create(resume != NULL ? FL_EV_RESUME : FL_EV_CONTINUE);
  event->value = fl_value_ref(resume);
  event->ev.is_map = event->ev.is_lenient = resume != NULL;
  event->ev.keeps_stops = !has_seen_stops(frame);
  fl_frame_enqueue(frame, event);
}

static void enqueue_first(struct fl_frame *frame) {
  const struct fl_child *child = frame->child;
  bool was_begun = child->loaded.checkpoint_no > 0 &&
                   (child->call.checkpoints != FL_CHECKPOINTS_OWN || is_of_task(&child->loaded, frame->parent));
  if (was_begun) {
    enqueue_going_on(frame);
    return;
  }
  struct fl_queued_event *event = fl_queued_event_create(FL_EV_INPUT);
  event->value = fl_value_ref(child->call.input);
  event->ev.labels = fl_flow_seen(frame->parent);
  fl_frame_enqueue(frame, event);
}

/* ---- its beginning ---- */

static struct fl_loaded_graph *graph_of(const struct fl_task *task, const struct fl_definition *definition) {
  struct fl_loaded_graph *graph = task->invocation->runtime->graphs;
  while (graph != NULL && graph->definition != definition) graph = graph->next;
  return graph != NULL ? graph : task->frame->graph;
}

static void frame_free(struct fl_frame *frame) {
  fl_run_destroy(frame->run);
  fl_loaded_deinit(&frame->child->loaded);
  fl_value_unref(frame->child->call.input);
  fl_definition_unref(frame->definition);
  fl_value_unref(frame->end.interrupts);
  fl_parent_command_deinit(&frame->end.to_parent);
  fl_free(frame->child);
  fl_frame_deinit(frame);
  fl_free(frame);
}

/* Takes the input. */
static struct fl_frame *new_frame(struct fl_task *task, const struct fl_child_call *call) {
  struct fl_frame *frame = fl_new(struct fl_frame);
  frame->invocation = task->invocation;
  frame->definition = fl_definition_ref(call->definition);
  frame->graph = graph_of(task, call->definition);
  frame->parent = task;
  frame->ns = namespace_of(task, call);
  frame->child = fl_new(struct fl_child);
  frame->child->call = *call;
  frame->loaded = &frame->child->loaded;
  return frame;
}

static int check_call(const struct fl_frame *frame, struct fl_error *err) {
  size_t depth = 1;
  for (const struct fl_frame *outer = frame; !fl_frame_is_root(outer); outer = outer->parent->frame) depth++;
  if (depth > FL_GRAPH_DEPTH_MAX)
    return fl_error_set(err, FL_E_LIMIT, "graphs run inside one another more than %d deep; a graph that calls itself?",
                        FL_GRAPH_DEPTH_MAX);
  if (frame->invocation->has_lost_store)
    return fl_error_set(err, FL_E_IO, "graph \"%s\" was not run: the store has failed", frame->definition->name);
  bool is_lasting = frame->child->call.checkpoints == FL_CHECKPOINTS_OWN;
  if (is_lasting && is_running(frame->invocation, frame->ns))
    return fl_error_set(err, FL_E_CONFLICT,
                        "its graph has checkpoints of its own and is running already: one state cannot be in two runs "
                        "side by side; use \"checkpoints: inherit\", or run it once in a superstep");
  return 0;
}

static void start_run(struct fl_frame *frame) {
  struct fl_task *task = frame->parent;
  struct fl_run_settings settings = fl_frame_settings(frame);
  frame->run = fl_run_create(frame->definition, frame->loaded, &settings);
  frame->first_no = fl_run_checkpoint_no(frame->run);
  task->invocation->labels |= fl_run_labels(frame->run);
  frame->next = task->invocation->frames;
  task->invocation->frames = frame;
  task->frame_count++;
  task->has_run_graph = true;
  task->open_frame_count++;
  task->frame_use_count++;
  enqueue_first(frame);
}

int fl_task_run_graph(struct fl_task *task, const struct fl_child_call *call) {
  struct fl_error err = {0};
  struct fl_frame *frame = new_frame(task, call);
  int rc = check_call(frame, &err);
  if (rc == 0) rc = load_what_is_there(frame, &err);
  if (rc == 0) {
    start_run(frame);
    return 0;
  }
  frame_free(frame);
  return fl_task_fail(task, rc, "%s", err.text);
}

int fl_task_call_graph_take(struct fl_task *task, struct fl_definition *definition, struct fl_value *input,
                            fl_task_graph_fn *on_done, void *user) {
  struct fl_child_call call = {.definition = definition, .input = input, .on_done = on_done, .user = user};
  return fl_task_run_graph(task, &call);
}

/* ---- its end ---- */

/* A run that is not stored began anew for an answer, and has come to the question. Returns whether it goes on. */
static bool answers_itself(struct fl_frame *frame) {
  if (!fl_frame_is_ephemeral(frame)) return false;
  bool is_answered = false;
  for (size_t i = 0; i < fl_size(frame->end.interrupts); i++) {
    const char *id = fl_get_string(fl_at(frame->end.interrupts, i), "id", NULL);
    is_answered |= id != NULL ? fl_get(frame->parent->start.resume, id) != NULL : has_seen_stops(frame);
  }
  if (!is_answered || frame->parent->is_cancelled) return false;
  fl_value_unref(frame->end.interrupts);
  fl_free(frame->end.error);
  frame->end = (struct fl_do){0};
  frame->has_ended = frame->is_ending = false;
  enqueue_going_on(frame);
  return true;
}

static void note_head(struct fl_frame *frame) {
  struct fl_task *task = frame->parent;
  if (frame->child->call.checkpoints != FL_CHECKPOINTS_OWN || fl_frame_is_ephemeral(frame)) return;
  if (task->heads == NULL) task->heads = fl_object();
  fl_set_int(task->heads, frame->ns, (int64_t)fl_run_checkpoint_no(frame->run));
}

static void take_waits(struct fl_frame *frame) {
  struct fl_task *task = frame->parent;
  if (task->waits == NULL) task->waits = fl_array();
  for (size_t i = 0; i < fl_size(frame->end.interrupts); i++)
    fl_append_take(task->waits, fl_value_ref(fl_at(frame->end.interrupts, i)));
}

bool fl_task_asks_inside(struct fl_task *task) {
  if (task->waits == NULL || task->has_outcome || task->open_call_count + task->open_frame_count > 0) return false;
  fl_task_complete(task, FL_INTERRUPT);
  return true;
}

static void tell_caller(struct fl_frame *frame) {
  struct fl_task *task = frame->parent;
  const struct fl_child_call *call = &frame->child->call;
  struct fl_error err = {0};
  if (frame->end.error != NULL) err = *frame->end.error;
  if (task->has_outcome && !task->is_pending) return; /* nobody waits for it any more */
  if (frame->end.status == FL_RUN_DONE) {
    call->on_done(task, fl_run_state(frame->run), NULL, call->user);
    return;
  }
  if (frame->end.status == FL_RUN_CANCELLED) fl_error_set(&err, FL_E_CANCELLED, "it was cancelled");
  call->on_done(task, NULL, &err, call->user);
}

/* What a node of the graph said to the graph above is what the task says. */
static void take_command(struct fl_task *task, struct fl_parent_command *command) {
  int rc = 0;
  for (size_t i = 0; i < command->write_count && rc == 0; i++)
    rc = fl_task_write_take(task, command->writes[i].channel, fl_value_ref(command->writes[i].value));
  for (size_t i = 0; i < command->goto_count && rc == 0; i++) {
    const struct fl_goto *to = &command->gotos[i];
    if (to->arg != NULL) rc = fl_task_send_take(task, to->node, fl_value_ref(to->arg));
    else rc = fl_task_goto(task, to->node);
  }
  fl_task_complete(task, rc < 0 ? rc : FL_DONE);
}

void fl_frame_ended(struct fl_frame *frame) {
  struct fl_task *task = frame->parent;
  bool is_asking = frame->end.status == FL_RUN_INTERRUPTED;
  if (is_asking && answers_itself(frame)) return;
  note_head(frame);
  fl_flow_note(task, fl_run_labels(frame->run));
  frame->child->is_over = true;
  frame->invocation->has_gone_frames = true;
  task->open_frame_count--;
  if (is_asking) take_waits(frame);
  else if (frame->end.status == FL_RUN_TO_PARENT) take_command(task, &frame->end.to_parent);
  else tell_caller(frame);
  fl_task_asks_inside(task);
  fl_task_free_if_gone(task);
}

void fl_task_cancel_frames(struct fl_task *task) {
  if (task->open_frame_count == 0) return;
  for (struct fl_frame *frame = task->invocation->frames; frame != NULL; frame = frame->next)
    if (frame->parent == task && !frame->child->is_over) fl_frame_enqueue(frame, fl_queued_event_create(FL_EV_CANCEL));
}

bool fl_invocation_reap(struct fl_invocation *invocation) {
  struct fl_frame **place = &invocation->frames;
  bool did_something = false;
  if (!invocation->has_gone_frames) return false;
  invocation->has_gone_frames = false;
  while (*place != NULL) {
    struct fl_frame *frame = *place;
    bool is_over = frame->child->is_over;
    if (!is_over || frame->use_count > 0) {
      invocation->has_gone_frames |= is_over;
      place = &frame->next;
      continue;
    }
    struct fl_task *task = frame->parent;
    *place = frame->next; /* frames further in stand before those around them */
    frame_free(frame);
    task->frame_use_count--;
    fl_task_free_if_gone(task);
    did_something = true;
  }
  return did_something;
}
