/* SPDX-License-Identifier: MIT */
/* One run on one thread, from its input to its end.
 *
 * Happy path: open the thread; feed the input; step; commit; when the commit is acknowledged, start tasks and tell the
 * follower; tasks end, which is the next event; … END; wait for the last commit and the last task; report.
 * Failure modes: the thread is busy or damaged (reported before any event); a commit fails (the core ends the run, the
 * thread's state in memory is forgotten, what is on disk stands); a cancel (running tasks are told, and the run ends
 * when they have answered).
 *
 * Callbacks in the order of time: on_open, on_post (drain), on_committed, on_renew. */
#include "runtime/engine/engine.h"

#include "graph/option.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/engine/approval.h"
#include "runtime/engine/ledger.h"
#include "runtime/engine/tracing.h"
#include "runtime/io/vault.h"
#include "runtime/json/hide.h"

/* ---- events ---- */

void fl_frame_enqueue(struct fl_frame *frame, struct fl_queued_event *event) {
  struct fl_invocation *invocation = frame->invocation;
  event->frame = frame;
  frame->use_count++;
  event->next = NULL;
  *invocation->events_tail = event;
  invocation->events_tail = &event->next;
  fl_invocation_wake(invocation);
}

void fl_queued_event_free(struct fl_queued_event *event) {
  for (size_t i = 0; i < event->write_count; i++) fl_value_unref(event->writes[i].value);
  fl_free(event->writes);
  if (event->frame != NULL) event->frame->use_count--;
  fl_gotos_deinit(&event->gotos);
  fl_value_unref(event->update);
  if (event->to_parent != NULL) fl_parent_command_deinit(event->to_parent);
  fl_free(event->to_parent);
  fl_value_unref(event->value);
  fl_value_unref(event->children);
  fl_value_unref(event->heads);
  fl_free(event->node);
  fl_free(event->more_ids);
  fl_free(event->interrupt_id);
  fl_free(event->error);
  fl_free(event);
}

struct fl_queued_event *fl_queued_event_create(enum fl_ev_kind kind) {
  struct fl_queued_event *event = fl_new(struct fl_queued_event);
  event->ev.kind = kind;
  return event;
}

static void drain(struct fl_invocation *invocation);

static void on_post(struct fl_post *post) {
  struct fl_invocation *invocation = post->user;
  invocation->is_posted = false;
  drain(invocation);
}

void fl_invocation_wake(struct fl_invocation *invocation) {
  if (invocation->is_draining || invocation->is_posted) return;
  invocation->is_posted = true;
  invocation->post = (struct fl_post){.on_post = on_post, .user = invocation};
  fl_world_post(invocation->runtime->world, &invocation->post);
}

/* ---- what waits for a commit ---- */

void fl_invocation_add_item(struct fl_invocation *invocation, struct fl_item *item) {
  item->next = NULL;
  item->frame->use_count++;
  *invocation->items_tail = item;
  invocation->items_tail = &item->next;
}

bool fl_invocation_tells(const struct fl_invocation *invocation) {
  return invocation->options.on_event != NULL || fl_invocation_keeps_events(invocation);
}

bool fl_invocation_is_followed(const struct fl_invocation *invocation) {
  return fl_invocation_tells(invocation) && (invocation->options.follow & FL_FOLLOW_EVENTS) != 0;
}

/* ---- items ---- */

static struct fl_task *find_task(const struct fl_frame *frame, const char *id) {
  for (struct fl_task *task = frame->invocation->tasks; task != NULL; task = task->next)
    if (task->frame == frame && strcmp(task->start.id, id) == 0) return task;
  return NULL;
}

static void tell_now(const struct fl_item *item, const char *mode, struct fl_value *data) {
  const struct fl_invocation *invocation = item->frame->invocation;
  if (invocation->options.on_event == NULL || !fl_frame_is_told(item->frame)) return;
  char id[FL_EVENT_ID_SIZE];
  struct fl_run_event event = {.mode = mode, .ns = item->frame->ns, .node = item->node, .data = data};
  if (item->event_no > 0) event.id = fl_event_id(invocation->run_id, item->event_no, id);
  invocation->options.on_event(&event, invocation->options.user);
}

static void item_free(struct fl_item *item) {
  item->frame->use_count--;
  if (item->kind == FL_ITEM_EFFECT) fl_do_deinit(&item->effect);
  fl_value_unref(item->data);
  fl_free(item->node);
  if (item->block == NULL) fl_free(item);
  else if (--item->block->use_count == 0) fl_free(item->block);
}

static void perform(struct fl_invocation *invocation, struct fl_item *item) {
  struct fl_do *effect = &item->effect;
  struct fl_frame *frame = item->frame;
  if (item->kind == FL_ITEM_EVENT) {
    tell_now(item, item->mode, item->data);
  } else if (effect->kind == FL_DO_START_TASK) {
    invocation->has_started = true;
    fl_task_start(frame, &effect->start);
  } else if (effect->kind == FL_DO_CANCEL_TASK) {
    struct fl_task *task = find_task(frame, effect->task_id);
    if (task != NULL) fl_task_cancel(task);
  } else if (effect->kind == FL_DO_EMIT) {
    tell_now(item, fl_stream_mode_name(effect->mode), effect->payload);
  } else if (effect->kind == FL_DO_END) {
    frame->has_ended = true;
    frame->end = *effect;
    *effect = (struct fl_do){.kind = FL_DO_COMMIT};
    if (!fl_frame_is_root(frame)) fl_frame_ended(frame);
  }
}

/* Everything in front whose ticket is acknowledged, in order. When the store is lost, what waits is dropped: the core
 * ends the run anew. */
static bool perform_ready(struct fl_invocation *invocation) {
  bool did_something = false;
  while (invocation->items != NULL) {
    struct fl_item *item = invocation->items;
    bool is_ready = item->ticket <= invocation->acked_ticket;
    if (!is_ready && !invocation->has_lost_store) break;
    invocation->items = item->next;
    if (invocation->items == NULL) invocation->items_tail = &invocation->items;
    if (is_ready) perform(invocation, item);
    item_free(item);
    did_something = true;
  }
  return did_something;
}

/* ---- the drain ---- */

static bool advance_tasks(struct fl_invocation *invocation) {
  bool did_something = false;
  for (struct fl_task *task = invocation->tasks, *next; task != NULL; task = next) {
    next = task->next;
    did_something |= fl_task_advance_calls(task);
  }
  return did_something;
}

static bool flush_results(struct fl_invocation *invocation) {
  bool did_something = false;
  for (struct fl_task *task = invocation->tasks; task != NULL; task = task->next)
    did_something |= fl_task_flush_results(task);
  return did_something;
}

static bool step_events(struct fl_invocation *invocation) {
  bool did_something = false;
  while (invocation->events != NULL) {
    struct fl_queued_event *event = invocation->events;
    invocation->events = event->next;
    if (invocation->events == NULL) invocation->events_tail = &invocation->events;
    bool is_too_late = event->ev.kind == FL_EV_CANCEL && event->frame->is_ending;
    if (is_too_late) fl_queued_event_free(event);
    else fl_frame_step(event->frame, event);
    did_something = true;
  }
  return did_something;
}

static void finish(struct fl_invocation *invocation);

static void drain(struct fl_invocation *invocation) {
  invocation->is_draining = true;
  bool goes_on = true;
  while (goes_on) {
    goes_on = step_events(invocation);
    goes_on |= perform_ready(invocation);
    goes_on |= advance_tasks(invocation);
    if (!goes_on) goes_on = flush_results(invocation);
    if (!goes_on) goes_on = fl_invocation_reap(invocation);
  }
  invocation->is_draining = false;
  bool is_over = !invocation->is_rolling_back && invocation->root.has_ended && invocation->tasks == NULL &&
                 invocation->commit_count == 0 && invocation->items == NULL && invocation->events == NULL;
  if (is_over) finish(invocation);
}

void fl_invocation_task_gone(struct fl_invocation *invocation) { fl_invocation_wake(invocation); }

/* ---- the end ---- */

static void invocation_free(struct fl_invocation *invocation) {
  fl_timer_stop(invocation->runtime->world, &invocation->renew_timer);
  while (invocation->items != NULL) {
    struct fl_item *next = invocation->items->next;
    item_free(invocation->items);
    invocation->items = next;
  }
  while (invocation->events != NULL) {
    struct fl_queued_event *next = invocation->events->next;
    fl_queued_event_free(invocation->events);
    invocation->events = next;
  }
  fl_tracing_free(invocation);
  if (invocation->is_ephemeral) fl_run_destroy(invocation->root.run);
  fl_records_deinit(&invocation->rollback_records);
  fl_frame_deinit(&invocation->root);
  fl_invocation_forget_options(invocation);
  if (invocation->update != NULL) fl_queued_event_free(invocation->update);
  fl_value_unref(invocation->context);
  fl_ledger_close(invocation);
  if (invocation->model_override != NULL) fl_model_config_deinit(invocation->model_override);
  fl_free(invocation->model_override);
  fl_free(invocation);
}

static void report(struct fl_invocation *invocation, int status, const struct fl_error *err) {
  fl_tracing_ended(invocation);
  struct fl_invoke_result result = {
      .status = status, .output = invocation->root.end.payload, .interrupts = invocation->root.end.interrupts};
  memcpy(result.thread, invocation->thread_id, sizeof result.thread);
  memcpy(result.checkpoint, invocation->checkpoint, sizeof result.checkpoint);
  fl_run_end_fn *on_end = invocation->on_end;
  void *user = invocation->user;
  invocation->runtime->invocation_count--;
  invocation_free(invocation);
  on_end(&result, err, user);
}

static int result_status(const struct fl_do *end) {
  switch (end->status) {
  case FL_RUN_DONE: return 0;
  case FL_RUN_INTERRUPTED: return 1;
  case FL_RUN_CANCELLED: return FL_E_CANCELLED;
  case FL_RUN_TO_PARENT:
  case FL_RUN_FAILED: break;
  }
  return end->error != NULL && end->error->code < 0 ? end->error->code : FL_E_BUG;
}

static void enqueue_input(struct fl_invocation *invocation);

/* Unfinished work of before is finished first; then comes the input. */
static bool goes_on_with_input(struct fl_invocation *invocation) {
  struct fl_frame *root = &invocation->root;
  if (root->end.status != FL_RUN_DONE || invocation->options.input == NULL || !invocation->finishes_first) return false;
  invocation->finishes_first = false;
  invocation->has_begun = invocation->has_started = root->has_ended = root->is_ending = false;
  fl_value_unref(root->end.payload);
  fl_value_unref(root->end.interrupts);
  fl_free(root->end.error);
  root->end = (struct fl_do){0};
  enqueue_input(invocation);
  return true;
}

static void say_cancelled(const struct fl_invocation *invocation, const char *rest, struct fl_error *err) {
  const char *asker = invocation->thread != NULL ? invocation->thread->asker : "";
  fl_error_set(err, FL_E_CANCELLED, "the run was cancelled%s%s; %s", asker[0] != '\0' ? " to make place for " : "",
               asker, rest);
}

static void on_rolled_back(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct fl_invocation *invocation = ((struct fl_thread_open *)txn->user)->user;
  struct fl_error error = {0};
  say_cancelled(invocation, "what it wrote was taken back", &error);
  if (status < 0) fl_error_set(&error, status, "the run was cancelled, and what it wrote stays: %s", err->text);
  fl_value_unref(invocation->root.end.payload);
  invocation->root.end.payload = NULL;
  fl_thread_finished(invocation->runtime, invocation->thread, false);
  report(invocation, error.code, &error);
}

/* What was stored since the run began goes, before anybody learns of its end. */
static void roll_back(struct fl_invocation *invocation) {
  invocation->is_rolling_back = true;
  fl_tracing_taken_back(invocation, &invocation->rollback_records);
  invocation->rollback = (struct fl_rollback){
      .to_no = invocation->began_no, .status = "idle", .trace = invocation->rollback_records.items};
  invocation->open.txn = (struct fl_txn){.kind = FL_TXN_ROLLBACK,
                                         .thread = invocation->thread_id,
                                         .fence = invocation->thread->fence,
                                         .rollback = &invocation->rollback,
                                         .wall_ms = fl_world_wall_ms(invocation->runtime->world),
                                         .on_done = on_rolled_back,
                                         .user = &invocation->open};
  fl_store_submit(invocation->runtime->store, &invocation->open.txn);
}

static void finish(struct fl_invocation *invocation) {
  if (goes_on_with_input(invocation)) return;
  struct fl_frame *root = &invocation->root;
  if (!invocation->options.no_output && !invocation->has_lost_store)
    root->end.payload = fl_state_output(fl_run_state(root->run));
  struct fl_error error = {0};
  if (root->end.error != NULL) error = *root->end.error;
  int status = result_status(&root->end);
  struct fl_thread *thread = invocation->thread;
  if (status == FL_E_CANCELLED && thread != NULL && thread->rolls_back && !invocation->has_lost_store) {
    roll_back(invocation);
    return;
  }
  if (thread != NULL && !invocation->has_lost_store)
    memcpy(invocation->checkpoint, fl_run_checkpoint_id(root->run), FL_UUID_SIZE);
  if (status == FL_E_CANCELLED) say_cancelled(invocation, "the thread is kept", &error);
  if (thread != NULL && !invocation->has_lost_store) fl_thread_note_run(invocation->runtime, thread);
  if (thread != NULL) fl_thread_finished(invocation->runtime, thread, status == 0 && !invocation->has_lost_store);
  report(invocation, status, status < 0 ? &error : NULL);
}

/* ---- the beginning ---- */

static void enqueue_input(struct fl_invocation *invocation) {
  struct fl_queued_event *event;
  const struct fl_known *known = fl_vault_known(invocation->runtime->world);
  invocation->root.first_no = fl_run_checkpoint_no(invocation->root.run);
  if (invocation->is_cancelled) { /* before it began: nothing is written */
    event = fl_queued_event_create(FL_EV_CANCEL);
  } else if (invocation->update != NULL) {
    event = invocation->update;
    invocation->update = NULL;
  } else if (invocation->finishes_first) {
    event = fl_queued_event_create(FL_EV_CONTINUE);
  } else if (invocation->options.resume != NULL) {
    event = fl_queued_event_create(FL_EV_RESUME);
    FL_VALUE_AUTO answer = fl_hide_value(known, invocation->options.resume);
    event->value = fl_approval_sign(answer, &invocation->options);
    fl_tracing_resumed(invocation);
    event->ev.is_map = invocation->options.resume_is_map;
    fl_event_take_command(event, &invocation->options);
  } else if (fl_options_command(&invocation->options)) {
    event = fl_queued_event_create(FL_EV_COMMAND);
    fl_event_take_command(event, &invocation->options);
  } else {
    event = fl_queued_event_create(invocation->options.input != NULL ? FL_EV_INPUT : FL_EV_CONTINUE);
    event->value = fl_hide_value(known, invocation->options.input);
    if (event->ev.kind == FL_EV_INPUT) fl_ledger_begin_run(invocation, event->value);
  }
  fl_frame_enqueue(&invocation->root, event);
}

static void on_renew(struct fl_timer *timer) {
  struct fl_invocation *invocation = timer->user;
  fl_thread_renew(invocation->runtime, invocation->thread);
  fl_timer_start(invocation->runtime->world, timer, (uint64_t)fl_lease_renew_ms(invocation->runtime));
}

static void tell_begin(struct fl_invocation *invocation) {
  if (!fl_invocation_is_followed(invocation)) return;
  struct fl_value *data = fl_object();
  fl_set_string(data, "type", "run_start");
  fl_set_string(data, "run_id", invocation->run_id);
  fl_set_string(data, "thread_id", invocation->thread_id);
  fl_set_string(data, "graph", fl_definition_name(invocation->root.definition));
  fl_frame_tell(&invocation->root, "events", NULL, data, 0);
}

/* Loads the thread afresh, at the checkpoint that was asked for. */
static int load_again(const struct fl_invocation *invocation, struct fl_thread *thread, struct fl_error *err) {
  struct fl_store *store = invocation->runtime->store;
  const char *checkpoint = invocation->options.checkpoint;
  uint64_t no = 0;
  fl_thread_forget(thread);
  int rc = checkpoint != NULL ? fl_store_find_checkpoint(store, thread->id, "", checkpoint, &no, err) : 0;
  return rc == 0 ? fl_store_load(store, thread->id, "", no, &thread->loaded, err) : rc;
}

/* The run of the thread: the one in memory when it is of this graph, otherwise from what is stored. */
static int prepare_run(struct fl_invocation *invocation, struct fl_thread *thread, struct fl_error *err) {
  struct fl_run_settings settings = fl_frame_settings(&invocation->root);
  bool looks_back = invocation->options.checkpoint != NULL;
  if (thread->run != NULL && thread->definition == invocation->root.definition && !looks_back) {
    fl_run_configure(thread->run, &settings);
    return 0;
  }
  if (thread->run != NULL || looks_back) { /* another graph on this thread, or another checkpoint */
    int rc = load_again(invocation, thread, err);
    if (rc < 0) return rc;
  }
  thread->definition = fl_definition_ref(invocation->root.definition);
  thread->run = fl_run_create(thread->definition, &thread->loaded, &settings);
  invocation->finishes_first = invocation->options.input != NULL && !looks_back && fl_run_is_unfinished(thread->run);
  if (invocation->open.has_cancelled) invocation->finishes_first = false; /* what it cancelled is not wanted any more */
  return 0;
}

static void on_open(struct fl_thread_open *open, int status, const struct fl_error *err) {
  struct fl_invocation *invocation = open->user;
  struct fl_error error = {0};
  if (status == 0 && (status = fl_ledger_open(invocation, &error)) == 0)
    status = prepare_run(invocation, open->thread, &error);
  if (status < 0 && open->thread != NULL && error.code != 0) {
    fl_thread_finished(invocation->runtime, open->thread, false);
    err = &error;
  }
  if (status < 0) {
    report(invocation, status, err);
    return;
  }
  invocation->thread = open->thread;
  invocation->root.run = open->thread->run;
  invocation->root.loaded = &open->thread->loaded;
  invocation->began_no = fl_run_head_no(open->thread->run);
  invocation->labels = fl_run_labels(open->thread->run);
  invocation->renew_timer = (struct fl_timer){.on_fire = on_renew, .user = invocation};
  fl_timer_start(invocation->runtime->world, &invocation->renew_timer, (uint64_t)fl_lease_renew_ms(open->runtime));
  fl_tracing_begin(invocation);
  tell_begin(invocation);
  enqueue_input(invocation);
}

/* An ephemeral run has no thread and no lease: it begins at once. */
static void begin_ephemeral(struct fl_invocation *invocation) {
  struct fl_run_settings settings = fl_frame_settings(&invocation->root);
  invocation->root.run = fl_run_create(invocation->root.definition, NULL, &settings);
  fl_ledger_open(invocation, NULL); /* there is nothing to read that could fail */
  tell_begin(invocation);
  enqueue_input(invocation);
}

/* Whoever only writes to a thread need not know what its runs are given. */
static int make_context(struct fl_invocation *invocation, struct fl_error *err) {
  const struct fl_definition *definition = invocation->root.definition;
  int rc = fl_definition_context(definition, invocation->options.context, &invocation->context, err);
  if (rc == 0 || invocation->update == NULL) return rc;
  invocation->context = fl_value_ref(definition->context_defaults);
  return 0;
}

/* False when it has been reported, and is gone. */
static bool begin(struct fl_invocation *invocation) {
  struct fl_error err = {0};
  int rc = make_context(invocation, &err);
  if (rc < 0) {
    report(invocation, rc, &err);
    return false;
  }
  if (invocation->is_ephemeral) {
    begin_ephemeral(invocation);
    return true;
  }
  invocation->open =
      (struct fl_thread_open){.id = invocation->thread_id,
                              .creates = invocation->options.input != NULL || invocation->update != NULL ||
                                         fl_options_command(&invocation->options),
                              .on_busy = invocation->options.on_busy,
                              .on_open = on_open,
                              .user = invocation,
                              .is_cancelled = invocation->is_cancelled};
  fl_thread_open_start(invocation->runtime, &invocation->open);
  return true;
}

static void on_begin(struct fl_post *post) { begin(post->user); }

int fl_invocation_create(struct fl_runtime *runtime, struct fl_definition *definition,
                         const struct fl_invoke_options *options, struct fl_invocation **ret_invocation,
                         struct fl_error *err) {
  if (runtime->is_closing)
    return fl_error_set(err, FL_E_CLOSED, "the runtime is being destroyed; nothing begins any more");
  int rc = fl_options_check(definition, options, err);
  if (rc < 0) return rc;
  struct fl_model_config *override = NULL;
  if (options->model != NULL) {
    override = fl_new(struct fl_model_config);
    rc = fl_model_config_parse(options->model, runtime->getenv_fn, override, err);
    if (rc == 0) rc = fl_model_config_know_key(runtime->world, override, err);
    if (rc < 0) {
      fl_model_config_deinit(override);
      fl_free(override);
      return rc;
    }
  }
  struct fl_invocation *invocation = fl_new(struct fl_invocation);
  invocation->runtime = runtime;
  invocation->root = (struct fl_frame){.invocation = invocation, .graph = fl_runtime_graph(runtime, definition)};
  invocation->root.definition = invocation->root.graph->definition;
  invocation->root.ns = fl_strdup("");
  fl_invocation_take_options(invocation, options);
  invocation->model_override = override;
  invocation->events_tail = &invocation->events;
  invocation->items_tail = &invocation->items;
  invocation->tasks_tail = &invocation->tasks;
  invocation->started_us = fl_world_now_us(runtime->world);
  invocation->is_ephemeral = runtime->keeps_nothing && options->thread == NULL;
  fl_runtime_new_id(runtime, invocation->run_id);
  if (options->thread != NULL) memcpy(invocation->thread_id, options->thread, strlen(options->thread) + 1);
  else memcpy(invocation->thread_id, invocation->run_id, sizeof invocation->run_id);
  if (options->thread == NULL && !invocation->is_ephemeral) fl_runtime_new_id(runtime, invocation->thread_id);
  runtime->invocation_count++;
  *ret_invocation = invocation;
  return 0;
}

void fl_invocation_start(struct fl_invocation *invocation, fl_run_end_fn *on_end, void *user) {
  invocation->on_end = on_end;
  invocation->user = user;
  invocation->opening = (struct fl_post){.on_post = on_begin, .user = invocation};
  fl_world_post(invocation->runtime->world, &invocation->opening);
}

int fl_runtime_start(struct fl_runtime *runtime, struct fl_definition *definition,
                     const struct fl_invoke_options *options, fl_run_end_fn *on_end, void *user,
                     struct fl_invocation **ret_invocation, struct fl_error *err) {
  struct fl_invocation *invocation = NULL;
  int rc = fl_invocation_create(runtime, definition, options, &invocation, err);
  if (rc < 0) return rc;
  if (ret_invocation != NULL) *ret_invocation = invocation;
  fl_invocation_start(invocation, on_end, user);
  return 0;
}

void fl_invocation_begin(struct fl_invocation *invocation, fl_run_end_fn *on_end, void *user) {
  invocation->on_end = on_end;
  invocation->user = user;
  invocation->opening.user = invocation;
  bool drains_here = invocation->is_draining = invocation->is_ephemeral; /* otherwise a post will drain it */
  if (begin(invocation) && drains_here) drain(invocation);
}

void fl_invocation_cancel(struct fl_invocation *invocation) {
  if (invocation->is_cancelled) return;
  invocation->is_cancelled = true;
  if (invocation->root.run != NULL && !invocation->root.has_ended)
    fl_frame_enqueue(&invocation->root, fl_queued_event_create(FL_EV_CANCEL));
  else if (invocation->root.run == NULL && invocation->open.id != NULL) fl_thread_open_cancel(&invocation->open);
}
