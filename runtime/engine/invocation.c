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

#include "runtime/base/check.h"
#include "runtime/base/mem.h"

/* ---- events ---- */

void fl_invocation_enqueue(struct fl_invocation *invocation, struct fl_queued_event *event) {
  event->next = NULL;
  *invocation->events_tail = event;
  invocation->events_tail = &event->next;
  fl_invocation_wake(invocation);
}

void fl_queued_event_free(struct fl_queued_event *event) {
  for (size_t i = 0; i < event->write_count; i++) {
    fl_free(event->writes[i].channel);
    fl_value_unref(event->writes[i].value);
  }
  fl_free(event->writes);
  fl_value_unref(event->value);
  fl_free(event->task_id);
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

static void add_item(struct fl_invocation *invocation, struct fl_item *item) {
  item->next = NULL;
  *invocation->items_tail = item;
  invocation->items_tail = &item->next;
}

bool fl_invocation_is_followed(const struct fl_invocation *invocation) {
  return invocation->options.on_event != NULL && (invocation->options.follow & FL_FOLLOW_EVENTS) != 0;
}

void fl_invocation_tell(struct fl_invocation *invocation, const char *mode, const char *node, struct fl_value *data,
                        uint64_t ticket) {
  struct fl_item *item = fl_new(struct fl_item);
  *item =
      (struct fl_item){.kind = FL_ITEM_EVENT, .ticket = ticket, .mode = mode, .node = fl_strdup(node), .data = data};
  add_item(invocation, item);
  fl_invocation_wake(invocation);
}

/* ---- effects ---- */

static const char *status_word(enum fl_run_status status) {
  switch (status) {
  case FL_RUN_DONE: return "idle";
  case FL_RUN_INTERRUPTED: return "interrupted";
  case FL_RUN_FAILED: return "error";
  case FL_RUN_CANCELLED: return "cancelled";
  }
  return "idle";
}

/* The thread's own row goes with the commit that begins a run, and with the one that ends it. */
static void add_thread_record(struct fl_invocation *invocation, struct fl_records *records, const char *status) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_THREAD, "");
  record->thread.graph_name = fl_strdup(fl_definition_name(invocation->graph->definition));
  record->thread.graph_file = fl_strdup(invocation->graph->file.path);
  record->thread.status = fl_strdup(status);
  record->thread.wall_ms = fl_world_wall_ms(invocation->runtime->world);
}

static const struct fl_do *find_end(const struct fl_effects *effects) {
  for (size_t i = 0; i < effects->count; i++)
    if (effects->items[i].kind == FL_DO_END) return &effects->items[i];
  return NULL;
}

static void perform_commit(struct fl_invocation *invocation, struct fl_do *effect, const struct fl_do *end) {
  if (end != NULL) add_thread_record(invocation, &effect->records, status_word(end->status));
  else if (!invocation->has_begun) add_thread_record(invocation, &effect->records, "busy");
  invocation->has_begun = true;
  fl_invocation_remember_seq(invocation, effect->seq,
                             fl_invocation_commit(invocation, &effect->records, effect->seq, effect->expected_head));
}

static struct fl_task *find_task(struct fl_invocation *invocation, const char *id) {
  for (struct fl_task *task = invocation->tasks; task != NULL; task = task->next)
    if (strcmp(task->start.id, id) == 0) return task;
  return NULL;
}

/* Late events of a task wait for the commit that its end caused. */
static void release_late(struct fl_invocation *invocation, struct fl_task *task, uint64_t ticket) {
  while (task != NULL && task->late != NULL) {
    struct fl_item *item = task->late;
    task->late = item->next;
    item->ticket = ticket;
    add_item(invocation, item);
  }
  if (task != NULL) task->late_tail = &task->late;
}

/* A run that began and ends without a last commit of the core (cancelled, or with a task that was) says so on its own.
 */
static void commit_status(struct fl_invocation *invocation, enum fl_run_status status) {
  bool has_row = invocation->has_begun || invocation->has_started;
  if (!has_row || invocation->is_ephemeral || invocation->has_lost_store) return;
  struct fl_records records = {0};
  add_thread_record(invocation, &records, status_word(status));
  fl_invocation_commit(invocation, &records, 0, 0);
}

static void take_effects(struct fl_invocation *invocation, struct fl_effects *effects, struct fl_task *task) {
  const struct fl_do *end = find_end(effects);
  size_t commit_count = 0;
  for (size_t i = 0; i < effects->count; i++) {
    if (effects->items[i].kind != FL_DO_COMMIT) continue;
    perform_commit(invocation, &effects->items[i], end);
    commit_count++;
  }
  if (end != NULL && commit_count == 0) commit_status(invocation, end->status);
  invocation->is_ending |= end != NULL;
  release_late(invocation, task, invocation->last_ticket);
  for (size_t i = 0; i < effects->count; i++) {
    struct fl_do *effect = &effects->items[i];
    if (effect->kind == FL_DO_COMMIT) continue;
    struct fl_item *item = fl_new(struct fl_item);
    *item = (struct fl_item){
        .kind = FL_ITEM_EFFECT, .ticket = fl_invocation_ticket_of(invocation, effect->after), .effect = *effect};
    *effect = (struct fl_do){.kind = FL_DO_COMMIT}; /* what it owned has moved */
    add_item(invocation, item);
  }
}

static void step(struct fl_invocation *invocation, struct fl_queued_event *event) {
  fl_runtime_stamp(invocation->runtime, &event->ev);
  if (event->ev.seq == 0 && event->ticket > 0) event->ev.seq = fl_invocation_seq_behind(invocation, event->ticket);
  event->ev.task_id = event->task_id;
  event->ev.writes = event->writes;
  event->ev.write_count = event->write_count;
  event->ev.value = event->value;
  event->ev.interrupt_id = event->interrupt_id;
  event->ev.error = event->error;
  struct fl_effects effects = {0};
  fl_run_step(invocation->run, &event->ev, &effects);
  if (event->ev.kind == FL_EV_TASK_DONE) fl_task_settle(event->task, &effects);
  take_effects(invocation, &effects, event->task);
  fl_effects_deinit(&effects);
  if (event->task != NULL) {
    event->task->phase = FL_TASK_ENDED;
    fl_task_free_if_gone(event->task);
  }
  fl_queued_event_free(event);
}

/* ---- items ---- */

static const char *const mode_names[] = {"values", "updates", "messages", "tasks", "checkpoints", "custom"};

static void tell_now(struct fl_invocation *invocation, const char *mode, const char *node, struct fl_value *data) {
  if (invocation->options.on_event == NULL) return;
  struct fl_run_event event = {.mode = mode, .ns = "", .node = node, .data = data};
  invocation->options.on_event(&event, invocation->options.user);
}

static void item_free(struct fl_item *item) {
  struct fl_effects one = {.items = &item->effect, .count = 1};
  if (item->kind == FL_ITEM_EFFECT) {
    struct fl_do *copy = fl_new(struct fl_do);
    *copy = item->effect;
    one.items = copy;
    fl_effects_deinit(&one);
  }
  fl_value_unref(item->data);
  fl_free(item->node);
  fl_free(item);
}

static void perform(struct fl_invocation *invocation, struct fl_item *item) {
  struct fl_do *effect = &item->effect;
  if (item->kind == FL_ITEM_EVENT) {
    tell_now(invocation, item->mode, item->node, item->data);
  } else if (effect->kind == FL_DO_START_TASK) {
    invocation->has_started = true;
    fl_task_start(invocation, &effect->start);
  } else if (effect->kind == FL_DO_CANCEL_TASK) {
    struct fl_task *task = find_task(invocation, effect->task_id);
    if (task != NULL) fl_task_cancel(task);
  } else if (effect->kind == FL_DO_EMIT) {
    tell_now(invocation, mode_names[effect->mode], NULL, effect->payload);
  } else if (effect->kind == FL_DO_END) {
    invocation->has_ended = true;
    invocation->end = *effect;
    *effect = (struct fl_do){.kind = FL_DO_COMMIT};
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
    bool is_too_late = event->ev.kind == FL_EV_CANCEL && invocation->is_ending;
    if (is_too_late) fl_queued_event_free(event);
    else step(invocation, event);
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
  }
  invocation->is_draining = false;
  bool is_over = invocation->has_ended && invocation->tasks == NULL && invocation->commit_count == 0 &&
                 invocation->items == NULL && invocation->events == NULL;
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
  if (invocation->is_ephemeral) fl_run_destroy(invocation->run);
  fl_free(invocation->seq_tickets);
  fl_value_unref(invocation->options.input);
  fl_value_unref(invocation->options.resume);
  if (invocation->model_override != NULL) fl_model_config_deinit(invocation->model_override);
  fl_free(invocation->model_override);
  fl_free(invocation);
}

static void report(struct fl_invocation *invocation, int status, const struct fl_error *err) {
  struct fl_invoke_result result = {
      .status = status, .output = invocation->end.payload, .interrupts = invocation->end.interrupts};
  memcpy(result.thread, invocation->thread_id, sizeof result.thread);
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
  case FL_RUN_FAILED: break;
  }
  return end->error.code < 0 ? end->error.code : FL_E_BUG;
}

static void enqueue_input(struct fl_invocation *invocation);

/* Unfinished work of before is finished first; then comes the input. */
static bool goes_on_with_input(struct fl_invocation *invocation) {
  if (invocation->end.status != FL_RUN_DONE || invocation->options.input == NULL || !invocation->finishes_first)
    return false;
  invocation->finishes_first = false;
  invocation->has_ended = invocation->has_begun = invocation->has_started = invocation->is_ending = false;
  fl_value_unref(invocation->end.payload);
  fl_value_unref(invocation->end.interrupts);
  invocation->end = (struct fl_do){0};
  enqueue_input(invocation);
  return true;
}

static void finish(struct fl_invocation *invocation) {
  if (goes_on_with_input(invocation)) return;
  if (!invocation->options.no_output && !invocation->has_lost_store)
    invocation->end.payload = fl_state_to_value(fl_run_state(invocation->run));
  struct fl_error error = invocation->end.error;
  int status = result_status(&invocation->end);
  if (status == FL_E_CANCELLED) fl_error_set(&error, FL_E_CANCELLED, "the run was cancelled; the thread is kept");
  struct fl_thread *thread = invocation->thread;
  if (thread != NULL) {
    thread->is_busy = false;
    if (status != 0 || invocation->has_lost_store) fl_thread_close(invocation->runtime, thread);
  }
  report(invocation, status, status < 0 ? &error : NULL);
}

/* ---- the beginning ---- */

static void enqueue_input(struct fl_invocation *invocation) {
  struct fl_queued_event *event;
  if (invocation->is_cancelled) { /* before it began: nothing is written */
    event = fl_queued_event_create(FL_EV_CANCEL);
  } else if (invocation->finishes_first) {
    event = fl_queued_event_create(FL_EV_CONTINUE);
  } else if (invocation->options.resume != NULL) {
    event = fl_queued_event_create(FL_EV_RESUME);
    event->value = fl_value_ref(invocation->options.resume);
    event->ev.is_map = invocation->options.resume_is_map;
  } else {
    event = fl_queued_event_create(invocation->options.input != NULL ? FL_EV_INPUT : FL_EV_CONTINUE);
    event->value = fl_value_ref(invocation->options.input);
  }
  fl_invocation_enqueue(invocation, event);
}

static struct fl_run_settings settings_of(const struct fl_invocation *invocation) {
  struct fl_run_settings settings = {.size = sizeof settings, .recursion_limit = invocation->options.recursion_limit};
  settings.stream_modes =
      invocation->options.on_event != NULL ? invocation->options.follow & ~(unsigned)FL_FOLLOW_EVENTS : 0;
  settings.ephemeral = invocation->is_ephemeral;
  return settings;
}

static void on_renew(struct fl_timer *timer) {
  struct fl_invocation *invocation = timer->user;
  fl_thread_renew(invocation->runtime, invocation->thread);
  fl_timer_start(invocation->runtime->world, timer, FL_LEASE_RENEW_MS);
}

static void tell_begin(struct fl_invocation *invocation) {
  if (!fl_invocation_is_followed(invocation)) return;
  struct fl_value *data = fl_object();
  fl_set_string(data, "type", "run_start");
  fl_set_string(data, "run_id", invocation->run_id);
  fl_set_string(data, "thread_id", invocation->thread_id);
  fl_set_string(data, "graph", fl_definition_name(invocation->graph->definition));
  fl_invocation_tell(invocation, "events", NULL, data, 0);
}

/* The run of the thread: the one in memory when it is of this graph, otherwise from what is stored. */
static int prepare_run(struct fl_invocation *invocation, struct fl_thread *thread, struct fl_error *err) {
  struct fl_run_settings settings = settings_of(invocation);
  if (thread->run != NULL && thread->definition == invocation->graph->definition) {
    fl_run_configure(thread->run, &settings);
    return 0;
  }
  if (thread->run != NULL) { /* another graph on this thread: load it afresh */
    fl_thread_forget(thread);
    int rc = fl_store_load(invocation->runtime->store, thread->id, "", 0, &thread->loaded, err);
    if (rc < 0) return rc;
  }
  thread->definition = fl_definition_ref(invocation->graph->definition);
  thread->run = fl_run_create(thread->definition, &thread->loaded, &settings);
  invocation->finishes_first = invocation->options.input != NULL && fl_run_is_unfinished(thread->run);
  return 0;
}

static void on_open(struct fl_thread_open *open, int status, const struct fl_error *err) {
  struct fl_invocation *invocation = open->user;
  struct fl_error error = {0};
  if (status == 0 && (status = prepare_run(invocation, open->thread, &error)) < 0) {
    open->thread->is_busy = false;
    fl_thread_close(invocation->runtime, open->thread);
    err = &error;
  }
  if (status < 0) {
    report(invocation, status, err);
    return;
  }
  invocation->thread = open->thread;
  invocation->run = open->thread->run;
  invocation->renew_timer = (struct fl_timer){.on_fire = on_renew, .user = invocation};
  fl_timer_start(invocation->runtime->world, &invocation->renew_timer, FL_LEASE_RENEW_MS);
  tell_begin(invocation);
  enqueue_input(invocation);
}

/* An ephemeral run has no thread and no lease: it begins at once. */
static void begin_ephemeral(struct fl_invocation *invocation) {
  struct fl_run_settings settings = settings_of(invocation);
  invocation->run = fl_run_create(invocation->graph->definition, NULL, &settings);
  tell_begin(invocation);
  enqueue_input(invocation);
}

static void on_begin(struct fl_post *post) {
  struct fl_invocation *invocation = post->user;
  if (invocation->is_ephemeral) {
    begin_ephemeral(invocation);
    return;
  }
  invocation->open.on_open = on_open;
  invocation->open.user = invocation;
  bool creates = invocation->options.input != NULL;
  fl_thread_open_start(invocation->runtime, &invocation->open, invocation->thread_id, creates);
}

static int check_options(const struct fl_invoke_options *options, struct fl_error *err) {
  if (options->thread != NULL && !fl_is_thread_id(options->thread))
    return fl_error_set(err, FL_E_INVALID, "\"%s\" cannot be a thread id: 1 to 128 of A-Z a-z 0-9 . _ : -",
                        options->thread);
  if (options->thread == NULL && options->input == NULL)
    return fl_error_set(err, FL_E_INVALID,
                        "there is nothing to go on with: give an input, or the thread to go on with");
  if (options->input != NULL && options->resume != NULL)
    return fl_error_set(err, FL_E_INVALID, "give an input or an answer to resume with, not both");
  return 0;
}

int fl_invocation_create(struct fl_runtime *runtime, struct fl_definition *definition,
                         const struct fl_invoke_options *options, struct fl_invocation **ret_invocation,
                         struct fl_error *err) {
  int rc = check_options(options, err);
  if (rc < 0) return rc;
  struct fl_model_config *override = NULL;
  if (options->model != NULL) {
    override = fl_new(struct fl_model_config);
    rc = fl_model_config_parse(options->model, runtime->getenv_fn, override, err);
    if (rc < 0) {
      fl_free(override);
      return rc;
    }
  }
  struct fl_invocation *invocation = fl_new(struct fl_invocation);
  invocation->runtime = runtime;
  invocation->graph = fl_runtime_graph(runtime, definition);
  invocation->options = *options;
  fl_value_ref(options->input);
  fl_value_ref(options->resume);
  invocation->model_override = override;
  invocation->events_tail = &invocation->events;
  invocation->items_tail = &invocation->items;
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

int fl_runtime_start(struct fl_runtime *runtime, struct fl_definition *definition,
                     const struct fl_invoke_options *options, fl_run_end_fn *on_end, void *user,
                     struct fl_invocation **ret_invocation, struct fl_error *err) {
  struct fl_invocation *invocation = NULL;
  int rc = fl_invocation_create(runtime, definition, options, &invocation, err);
  if (rc < 0) return rc;
  invocation->on_end = on_end;
  invocation->user = user;
  if (ret_invocation != NULL) *ret_invocation = invocation;
  invocation->opening = (struct fl_post){.on_post = on_begin, .user = invocation};
  fl_world_post(runtime->world, &invocation->opening);
  return 0;
}

void fl_invocation_begin(struct fl_invocation *invocation, fl_run_end_fn *on_end, void *user) {
  invocation->on_end = on_end;
  invocation->user = user;
  invocation->opening.user = invocation;
  bool drains_here = invocation->is_draining = invocation->is_ephemeral; /* otherwise a post will drain it */
  on_begin(&invocation->opening);
  if (drains_here) drain(invocation);
}

void fl_invocation_cancel(struct fl_invocation *invocation) {
  if (invocation->is_cancelled) return;
  invocation->is_cancelled = true;
  if (invocation->run != NULL && !invocation->has_ended)
    fl_invocation_enqueue(invocation, fl_queued_event_create(FL_EV_CANCEL));
}
