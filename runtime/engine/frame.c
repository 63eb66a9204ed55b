/* SPDX-License-Identifier: MIT */
/* One graph at one checkpoint namespace: hands events to its pure run, and takes what comes out. Commits leave at once,
 * in the order of all frames of the invocation; everything else waits for its ticket in the invocation's one queue. */
#include "runtime/engine/engine.h"

#include "runtime/base/mem.h"
#include "runtime/engine/ledger.h"
#include "runtime/engine/tracing.h"

struct fl_run_settings fl_frame_settings(const struct fl_frame *frame) {
  const struct fl_invocation *invocation = frame->invocation;
  struct fl_run_settings settings = {
      .size = sizeof settings, .recursion_limit = invocation->options.recursion_limit, .ns = frame->ns};
  bool is_told = fl_invocation_tells(invocation) && fl_frame_is_told(frame);
  settings.stream_modes =
      is_told ? invocation->options.follow & ~(unsigned)(FL_FOLLOW_EVENTS | FL_FOLLOW_SUBGRAPHS) : 0;
  settings.ephemeral = fl_frame_is_ephemeral(frame);
  settings.run_id = invocation->run_id;
  settings.manifest_hash = fl_policy_manifest_hash(fl_frame_policy(frame));
  settings.metadata = invocation->options.metadata;
  settings.keeps_labels = invocation->root.graph->needs.labels;
  settings.thread_id = invocation->thread_id;
  settings.context = invocation->context;
  settings.max_concurrency = invocation->options.max_concurrency;
  settings.starts_early = invocation->durability != FL_DURABLE_SYNC;
  settings.interrupt_before = fl_frame_is_root(frame) ? invocation->options.interrupt_before : NULL;
  settings.interrupt_after = fl_frame_is_root(frame) ? invocation->options.interrupt_after : NULL;
  if (fl_frame_is_root(frame)) return settings;
  settings.has_parent = true;
  settings.caller = frame->parent->start.id;
  settings.numbers = settings.ephemeral ? NULL : fl_run_numbers(invocation->root.run);
  return settings;
}

static uint64_t keep_item(const struct fl_item *item, struct fl_records *records) {
  struct fl_run_event event = {.mode = item->mode, .ns = item->frame->ns, .node = item->node, .data = item->data};
  return fl_keep_event(item->frame, &event, records);
}

void fl_frame_tell(struct fl_frame *frame, const char *mode, const char *node, struct fl_value *data, uint64_t ticket) {
  if (!fl_frame_is_told(frame)) {
    fl_value_unref(data);
    return;
  }
  struct fl_invocation *invocation = frame->invocation;
  struct fl_item *item = fl_new(struct fl_item);
  *item = (struct fl_item){.kind = FL_ITEM_EVENT, .frame = frame, .mode = mode, .node = fl_strdup(node), .data = data};
  struct fl_records records = {0};
  item->event_no = keep_item(item, &records);
  if (item->event_no > 0) ticket = fl_invocation_commit(invocation, &records); /* behind every commit before it */
  if (item->event_no > 0 && invocation->root.is_ending) fl_invocation_flush(invocation);
  item->ticket = invocation->durability == FL_DURABLE_SYNC ? ticket : 0;
  fl_invocation_add_item(invocation, item);
  fl_invocation_wake(invocation);
}

/* ---- effects ---- */

static const char *status_word(enum fl_run_status status) {
  switch (status) {
  case FL_RUN_DONE: return "idle";
  case FL_RUN_INTERRUPTED: return "interrupted";
  case FL_RUN_TO_PARENT: /* only of a child's run */
  case FL_RUN_FAILED: return "error";
  case FL_RUN_CANCELLED: return "cancelled";
  }
  return "idle";
}

/* The thread's own row goes with the commit that begins a run, and with the one that ends it. */
static void add_thread_record(struct fl_invocation *invocation, struct fl_records *records, const char *status) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_THREAD, "");
  record->thread.graph_name = fl_strdup(fl_definition_name(invocation->root.definition));
  record->thread.graph_file = fl_strdup(invocation->root.graph->file.path);
  record->thread.status = fl_strdup(status);
  record->thread.wall_ms = fl_world_wall_ms(invocation->runtime->world);
}

static struct fl_do *find_last(struct fl_effects *effects, enum fl_do_kind kind) {
  for (size_t i = effects->count; i > 0; i--)
    if (effects->items[i - 1].kind == kind) return &effects->items[i - 1];
  return NULL;
}

static void perform_commit(struct fl_frame *frame, struct fl_do *effect, const struct fl_do *end) {
  struct fl_invocation *invocation = frame->invocation;
  bool is_root = fl_frame_is_root(frame);
  if (is_root && end != NULL) add_thread_record(invocation, &effect->records, status_word(end->status));
  else if (is_root && !invocation->has_begun) add_thread_record(invocation, &effect->records, "busy");
  invocation->has_begun |= is_root;
  if (invocation->ledger != NULL) fl_ledger_save(invocation, &effect->records);
  fl_frame_commit(frame, effect);
}

/* What will be told of the effects, and before them of the task that caused them, gets its numbers; its records go with
 * the last commit of the effects, or on their own when there is none. `event_nos`: of each effect. */
static void keep_events(struct fl_frame *frame, struct fl_effects *effects, struct fl_task *task, uint64_t *event_nos) {
  struct fl_records records = {0};
  for (struct fl_item *item = task != NULL ? task->late : NULL; item != NULL; item = item->next) {
    item->frame = task->frame;
    item->event_no = keep_item(item, &records);
  }
  for (size_t i = 0; i < effects->count; i++) {
    const struct fl_do *effect = &effects->items[i];
    if (effect->kind != FL_DO_EMIT) continue;
    struct fl_run_event event = {.mode = fl_stream_mode_name(effect->mode), .ns = frame->ns, .data = effect->payload};
    event_nos[i] = fl_keep_event(frame, &event, &records);
  }
  struct fl_do *commit = find_last(effects, FL_DO_COMMIT);
  if (records.count > 0 && commit != NULL) fl_records_move(&commit->records, &records);
  else if (records.count > 0) fl_invocation_commit(frame->invocation, &records);
  fl_records_deinit(&records);
}

/* Late events of a task wait for the commit that its end caused. */
static void release_late(struct fl_invocation *invocation, struct fl_task *task, uint64_t ticket) {
  while (task != NULL && task->late != NULL) {
    struct fl_item *item = task->late;
    task->late = item->next;
    item->frame = task->frame;
    item->ticket = ticket;
    fl_invocation_add_item(invocation, item);
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
  fl_invocation_commit(invocation, &records);
}

/* Unless each superstep is to be on disk before the next, only the end of the whole run waits for it. */
static uint64_t ticket_for(const struct fl_frame *frame, const struct fl_do *effect) {
  bool waits =
      frame->invocation->durability == FL_DURABLE_SYNC || (effect->kind == FL_DO_END && fl_frame_is_root(frame));
  return waits ? fl_frame_ticket_of(frame, effect->after) : 0;
}

/* Fills a cleared item. */
static void add_effect(struct fl_frame *frame, struct fl_do *effect, uint64_t event_no, struct fl_item *item) {
  struct fl_invocation *invocation = frame->invocation;
  item->kind = FL_ITEM_EFFECT;
  item->frame = frame;
  item->ticket = ticket_for(frame, effect);
  item->event_no = event_no;
  item->effect = *effect;
  if (event_no > 0 && invocation->durability == FL_DURABLE_SYNC) item->ticket = invocation->last_ticket;
  *effect = (struct fl_do){.kind = FL_DO_COMMIT}; /* what it owned has moved */
  fl_invocation_add_item(invocation, item);
}

static void add_effects(struct fl_frame *frame, struct fl_effects *effects, size_t commit_count,
                        const uint64_t *event_nos) {
  size_t count = effects->count - commit_count;
  if (count == 0) return;
  struct fl_item_block *block = fl_alloc_zero(1, sizeof *block + count * sizeof block->items[0]);
  for (size_t i = 0; i < effects->count; i++) {
    if (effects->items[i].kind == FL_DO_COMMIT) continue;
    struct fl_item *item = &block->items[block->use_count++];
    item->block = block;
    add_effect(frame, &effects->items[i], event_nos[i], item);
  }
}

static void take_effects(struct fl_frame *frame, struct fl_effects *effects, struct fl_task *task) {
  struct fl_invocation *invocation = frame->invocation;
  const struct fl_do *end = find_last(effects, FL_DO_END);
  FL_FREE_AUTO uint64_t *event_nos = effects->count > 0 ? fl_new_array(uint64_t, effects->count) : NULL;
  size_t commit_count = 0;
  keep_events(frame, effects, task, event_nos);
  if (invocation->trace != NULL) fl_tracing_effects(frame, effects);
  for (size_t i = 0; i < effects->count; i++) {
    if (effects->items[i].kind != FL_DO_COMMIT) continue;
    perform_commit(frame, &effects->items[i], end);
    commit_count++;
  }
  if (end != NULL && commit_count == 0 && fl_frame_is_root(frame)) commit_status(invocation, end->status);
  if (end != NULL && fl_frame_is_root(frame)) fl_invocation_flush(invocation);
  frame->is_ending |= end != NULL;
  release_late(invocation, task, invocation->durability == FL_DURABLE_SYNC ? invocation->last_ticket : 0);
  add_effects(frame, effects, commit_count, event_nos);
}

/* A bulk update has a checkpoint for each superstep, and ids that rise. */
static void stamp(struct fl_frame *frame, struct fl_queued_event *event) {
  fl_frame_stamp(frame, &event->ev);
  event->ev.node = event->node;
  if (event->ev.kind != FL_EV_BULK_UPDATE || fl_size(event->value) < 2) return;
  event->ev.more_id_count = fl_size(event->value) - 1;
  event->more_ids = fl_alloc(event->ev.more_id_count * FL_UUID_SIZE);
  event->ev.more_ids = (const char(*)[FL_UUID_SIZE])event->more_ids;
  for (size_t i = 0; i < event->ev.more_id_count; i++) {
    struct fl_ev one = {0};
    fl_runtime_stamp(frame->invocation->runtime, &one);
    memcpy(event->more_ids + i * FL_UUID_SIZE, one.checkpoint_id, FL_UUID_SIZE);
  }
}

/* A list of effects is used for step after step of whatever runs; a step inside a step has one of its own. */
static struct fl_effects take_spare(struct fl_runtime *runtime) {
  struct fl_effects effects = runtime->spare_effects;
  runtime->spare_effects = (struct fl_effects){0};
  return effects;
}

static void give_back_spare(struct fl_runtime *runtime, struct fl_effects *effects) {
  enum { KEPT_MAX = 64 };
  fl_effects_clear(effects);
  if (effects->capacity > KEPT_MAX || runtime->spare_effects.items != NULL) fl_effects_deinit(effects);
  else runtime->spare_effects = *effects;
}

void fl_frame_step(struct fl_frame *frame, struct fl_queued_event *event) {
  stamp(frame, event);
  if (event->ev.seq == 0 && event->ticket > 0) event->ev.seq = fl_frame_seq_behind(frame, event->ticket);
  if (event->task != NULL) {
    event->ev.task_id = event->task->start.id;
    event->ev.labels = event->task->labels;
  }
  event->ev.writes = event->writes;
  event->ev.write_count = event->write_count;
  event->ev.gotos = event->gotos.items;
  event->ev.goto_count = event->gotos.count;
  event->ev.to_parent = event->to_parent;
  event->ev.update = event->update;
  event->ev.value = event->value;
  event->ev.interrupt_id = event->interrupt_id;
  event->ev.children = event->children;
  event->ev.heads = event->heads;
  event->ev.error = event->error;
  struct fl_effects effects = take_spare(frame->invocation->runtime);
  bool is_over = !fl_frame_is_root(frame) && frame->has_ended; /* what comes too late says nothing */
  if (!is_over) fl_run_step(frame->run, &event->ev, &effects);
  if (event->ev.kind == FL_EV_TASK_DONE) fl_task_settle(event->task, &effects);
  if (event->task != NULL && frame->invocation->trace != NULL) fl_tracing_task_left(event->task);
  take_effects(frame, &effects, event->task);
  give_back_spare(frame->invocation->runtime, &effects);
  if (event->task != NULL) {
    event->task->phase = FL_TASK_ENDED;
    fl_task_free_if_gone(event->task);
  }
  fl_queued_event_free(event);
}

void fl_frame_deinit(struct fl_frame *frame) {
  fl_free(frame->end.error);
  fl_free(frame->seq_tickets);
  fl_free(frame->ns);
}
