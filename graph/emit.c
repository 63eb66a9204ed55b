/* SPDX-License-Identifier: MIT */
/* Effects: the list of what is to be done, commits, and what those who follow a run get to see. A payload is built only
 * when somebody asked for its mode. Invariant 4 of run.h: everything emitted waits for the last commit before it. Pure.
 */
#include "graph/core.h"
#include "runtime/base/mem.h"
#include "runtime/base/timestamp.h"

void fl_parent_command_deinit(struct fl_parent_command *command) {
  for (size_t i = 0; i < command->write_count; i++) {
    fl_free(command->writes[i].channel);
    fl_value_unref(command->writes[i].value);
  }
  for (size_t i = 0; i < command->goto_count; i++) {
    fl_free(command->gotos[i].node);
    fl_value_unref(command->gotos[i].arg);
  }
  fl_free(command->writes);
  fl_free(command->gotos);
  *command = (struct fl_parent_command){0};
}

static void start_deinit(struct fl_start_task *start) {
  fl_state_unref(start->state);
  fl_value_unref(start->answers);
  fl_value_unref(start->arg);
  fl_value_unref(start->error);
  fl_value_unref(start->resume);
  fl_value_unref(start->children);
}

/* Each kind owns what run.h says it carries, and nothing else. */
void fl_do_deinit(struct fl_do *effect) {
  switch (effect->kind) {
  case FL_DO_COMMIT: fl_records_deinit(&effect->records); break;
  case FL_DO_START_TASK: start_deinit(&effect->start); break;
  case FL_DO_CANCEL_TASK: break;
  case FL_DO_EMIT: fl_value_unref(effect->payload); break;
  case FL_DO_END:
    fl_value_unref(effect->payload);
    fl_value_unref(effect->interrupts);
    fl_parent_command_deinit(&effect->to_parent);
    fl_free(effect->error);
    break;
  }
}

void fl_effects_truncate(struct fl_effects *effects, size_t count) {
  for (size_t i = count; i < effects->count; i++) fl_do_deinit(&effects->items[i]);
  effects->count = count;
}

void fl_effects_clear(struct fl_effects *effects) { fl_effects_truncate(effects, 0); }

void fl_effects_deinit(struct fl_effects *effects) {
  fl_effects_clear(effects);
  fl_free(effects->items);
  *effects = (struct fl_effects){0};
}

void fl_effects_reserve(struct fl_effects *effects, size_t more) {
  if (effects->count + more <= effects->capacity) return;
  effects->capacity = effects->count + more;
  effects->items = fl_realloc(effects->items, effects->capacity * sizeof *effects->items);
}

struct fl_do *fl_effects_add(struct fl_effects *effects, enum fl_do_kind kind) {
  if (effects->count == effects->capacity) fl_effects_reserve(effects, effects->count > 0 ? effects->count : 4);
  struct fl_do *effect = &effects->items[effects->count++];
  *effect = (struct fl_do){.kind = kind};
  return effect;
}

void fl_run_commit(struct fl_run *run, struct fl_records *records, uint64_t expected_head) {
  if (run->ephemeral || records->count == 0) {
    fl_records_deinit(records);
    return;
  }
  if (run->gathered != NULL) {
    fl_records_move(run->gathered, records);
    return;
  }
  struct fl_do *effect = fl_effects_add(run->effects, FL_DO_COMMIT);
  effect->seq = ++run->last_seq;
  effect->expected_head = expected_head;
  effect->records = *records;
  *records = (struct fl_records){0};
}

static void emit_take(struct fl_run *run, enum fl_stream_mode mode, struct fl_value *payload) {
  struct fl_do *effect = fl_effects_add(run->effects, FL_DO_EMIT);
  effect->after = run->last_seq + (run->gathered != NULL); /* the commit that is being gathered */
  effect->mode = mode;
  effect->payload = payload;
}

const char *fl_stream_mode_name(enum fl_stream_mode mode) {
  static const char *const names[] = {"values",      "updates", "messages", "tasks",
                                      "checkpoints", "custom",  "events",   "debug"};
  return names[mode];
}

static bool wants_either(const struct fl_run *run, enum fl_stream_mode mode) {
  return fl_run_wants(run, mode) || fl_run_wants(run, FL_STREAM_DEBUG);
}

/* The same payload once for its own mode, and once with the time around it for those who debug. */
static void emit_traced_take(struct fl_run *run, enum fl_stream_mode mode, const char *type, int64_t step,
                             struct fl_value *payload) {
  if (fl_run_wants(run, FL_STREAM_DEBUG)) {
    char timestamp[FL_TIMESTAMP_SIZE];
    fl_timestamp(run->ev->wall_ms, timestamp);
    struct fl_value *traced = fl_object();
    fl_set_int(traced, "step", step);
    fl_set_string(traced, "timestamp", timestamp);
    fl_set_string(traced, "type", type);
    fl_set_take(traced, "payload", fl_value_ref(payload));
    emit_take(run, FL_STREAM_DEBUG, traced);
  }
  if (fl_run_wants(run, mode)) emit_take(run, mode, payload);
  else fl_value_unref(payload);
}

/* ---- what a task wrote ---- */

static size_t state_write_count(const struct fl_run *run, const struct fl_planned *task) {
  size_t count = 0;
  for (size_t i = 0; i < task->writes.count; i++)
    count += task->writes.items[i].channel < run->definition->state_channel_count;
  return count;
}

static bool writes_twice(const struct fl_planned *task, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < i; j++)
      if (task->writes.items[i].channel == task->writes.items[j].channel) return true;
  return false;
}

/* {channel: value, …}; when a channel was written twice a list of {channel: value}; null when nothing was written.
 * Writes to declared channels stand before those to hidden ones. */
static struct fl_value *writes_value(const struct fl_run *run, const struct fl_planned *task) {
  size_t count = state_write_count(run, task);
  if (count == 0) return fl_null();
  bool is_list = writes_twice(task, count);
  struct fl_value *all = is_list ? fl_array() : fl_object();
  for (size_t i = 0; i < count; i++) {
    const struct fl_task_write *write = &task->writes.items[i];
    struct fl_value *one = is_list ? fl_object() : all;
    fl_set_take(one, run->definition->channels[write->channel].name, fl_value_ref(write->value));
    if (is_list) fl_append_take(all, one);
  }
  return all;
}

static void add_write(struct fl_value *object, const char *channel, struct fl_value *value) {
  struct fl_value *before = fl_get(object, channel), *several = fl_get(before, "$writes");
  if (before == NULL) {
    fl_set_take(object, channel, fl_value_ref(value));
    return;
  }
  struct fl_value *writes = several != NULL ? fl_copy_shallow(several) : fl_array(), *folded = fl_object();
  if (several == NULL) fl_append_take(writes, fl_value_ref(before));
  fl_append_take(writes, fl_value_ref(value));
  fl_set_take(folded, "$writes", writes);
  fl_set_take(object, channel, folded);
}

struct fl_value *fl_task_result(const struct fl_run *run, const struct fl_planned *task) {
  struct fl_value *result = fl_object();
  size_t count = state_write_count(run, task);
  for (size_t i = 0; i < count; i++) {
    const struct fl_task_write *write = &task->writes.items[i];
    add_write(result, run->definition->channels[write->channel].name, write->value);
  }
  return result;
}

static void emit_updates(struct fl_run *run, const struct fl_planned *task) {
  if (!fl_run_wants(run, FL_STREAM_UPDATES)) return;
  struct fl_value *payload = fl_object();
  fl_set_take(payload, fl_run_node(run, task)->name, writes_value(run, task));
  if (task->is_cached) {
    struct fl_value *metadata = fl_object();
    fl_set_bool(metadata, "cached", true);
    fl_set_take(payload, "__metadata__", metadata);
  }
  emit_take(run, FL_STREAM_UPDATES, payload);
}

/* The values come once more, with what finished tasks of the superstep wrote. */
void fl_emit_interrupts(struct fl_run *run, struct fl_value *interrupts) {
  if (fl_run_wants(run, FL_STREAM_VALUES)) {
    struct fl_value *values = fl_state_output(fl_run_state(run));
    fl_set_take(values, "__interrupt__", fl_value_ref(interrupts));
    emit_take(run, FL_STREAM_VALUES, values);
  }
  if (!fl_run_wants(run, FL_STREAM_UPDATES)) return;
  struct fl_value *payload = fl_object();
  fl_set_take(payload, "__interrupt__", fl_value_ref(interrupts));
  emit_take(run, FL_STREAM_UPDATES, payload);
}

/* ---- tasks ---- */

static struct fl_value *task_head(const struct fl_run *run, const struct fl_planned *task) {
  struct fl_value *payload = fl_object();
  fl_set_string(payload, "id", task->id);
  fl_set_string(payload, "name", fl_run_node(run, task)->name);
  fl_set_int(payload, "step", task->step);
  return payload;
}

static struct fl_value *triggers_of(const struct fl_run *run, const struct fl_planned *task) {
  struct fl_value *names = fl_array();
  if (task->kind == FL_TASK_PUSH) {
    fl_append_take(names, fl_string("__pregel_push")); /* as LangGraph's clients know a send */
    return names;
  }
  size_t count;
  FL_FREE_AUTO const char **triggers = fl_plan_triggers(run, task, &count);
  for (size_t i = 0; i < count; i++) fl_append_take(names, fl_string(triggers[i]));
  return names;
}

/* What the node sees. */
static struct fl_value *input_of(const struct fl_run *run, const struct fl_planned *task) {
  if (task->kind == FL_TASK_PUSH) return fl_value_ref(task->arg);
  struct fl_state *view = fl_task_view(run, task);
  struct fl_value *input = fl_state_to_value(view);
  fl_state_unref(view);
  return input;
}

void fl_emit_task_start(struct fl_run *run, const struct fl_planned *task) {
  if (!wants_either(run, FL_STREAM_TASKS)) return;
  struct fl_value *payload = task_head(run, task);
  fl_set_take(payload, "input", input_of(run, task));
  fl_set_take(payload, "triggers", triggers_of(run, task));
  fl_set_take(payload, "interrupts", fl_array());
  emit_traced_take(run, FL_STREAM_TASKS, "task", task->step, payload);
}

void fl_emit_task_end(struct fl_run *run, const struct fl_planned *task) {
  if (!wants_either(run, FL_STREAM_TASKS)) return;
  struct fl_value *payload = task_head(run, task), *interrupts = fl_array();
  if (task->status == FL_TASK_INTERRUPTED) fl_task_interrupts_add(run, task, interrupts);
  fl_set_take(payload, "result", task->status == FL_TASK_DONE ? fl_task_result(run, task) : fl_object());
  fl_set_take(payload, "error",
              task->status == FL_TASK_FAILED && task->error != NULL ? fl_string(task->error->text) : fl_null());
  fl_set_take(payload, "interrupts", interrupts);
  emit_traced_take(run, FL_STREAM_TASKS, "task_result", task->step, payload);
}

/* Whether the channel held the message when the superstep began. */
static bool is_known(const struct fl_run *run, size_t channel, const struct fl_value *message) {
  const char *id = fl_get_string(message, "id", NULL);
  struct fl_var held = fl_state_at(run->before != NULL ? run->before : fl_run_base(run), channel);
  return id != NULL && held.list != NULL && fl_list_find_id(held.list, id) >= 0;
}

static void emit_message(struct fl_run *run, const struct fl_planned *task, struct fl_value *message) {
  const char *node = fl_run_node(run, task)->name;
  struct fl_value *payload = fl_object(), *metadata = fl_object();
  fl_set_string(metadata, "node", node);
  fl_set_int(metadata, "step", task->step);
  fl_set_string(metadata, "task_id", task->id);
  fl_set_string(metadata, "ns", run->ns);
  fl_set_string(payload, "type", "message");
  fl_set_string(payload, "node", node);
  fl_set_take(payload, "message", fl_value_ref(message));
  fl_set_take(payload, "metadata", metadata);
  emit_take(run, FL_STREAM_MESSAGES, payload);
}

static void emit_if_new(struct fl_run *run, const struct fl_planned *task, size_t channel, struct fl_value *message) {
  bool is_removal = strcmp(fl_get_string(message, "role", ""), "remove") == 0;
  if (!is_removal && !is_known(run, channel, message)) emit_message(run, task, message);
}

/* New messages, whole, with the ids that they are stored with; the tokens before them are the engine's to tell. */
static void emit_messages(struct fl_run *run, const struct fl_planned *task) {
  if (!fl_run_wants(run, FL_STREAM_MESSAGES)) return;
  for (size_t i = 0; i < task->writes.count; i++) {
    const struct fl_task_write *write = &task->writes.items[i];
    if (write->channel >= run->definition->state_channel_count) continue;
    if (run->definition->channels[write->channel].reducer != FL_MESSAGES) continue;
    if (fl_overwrite_of(write->value) != NULL) continue; /* it says what is there, not what is new */
    if (!fl_is(write->value, FL_ARRAY)) emit_if_new(run, task, write->channel, write->value);
    for (size_t j = 0; j < fl_size(write->value) && fl_is(write->value, FL_ARRAY); j++)
      emit_if_new(run, task, write->channel, fl_at(write->value, j));
  }
}

void fl_emit_ended(struct fl_run *run, const struct fl_planned *task) {
  emit_messages(run, task);
  emit_updates(run, task);
  fl_emit_task_end(run, task);
}

/* ---- the whole ---- */

void fl_emit_values(struct fl_run *run) {
  if (fl_run_wants(run, FL_STREAM_VALUES)) emit_take(run, FL_STREAM_VALUES, fl_state_output(fl_run_base(run)));
}

/* Where a checkpoint is found, as LangGraph's clients pass it around; null without an id. */
static struct fl_value *config_of(const struct fl_run *run, const char *checkpoint_id) {
  if (checkpoint_id[0] == '\0') return fl_null();
  struct fl_value *config = fl_object(), *place = fl_object();
  fl_set_string(place, "thread_id", run->thread_id != NULL ? run->thread_id : "");
  fl_set_string(place, "checkpoint_ns", run->ns);
  fl_set_string(place, "checkpoint_id", checkpoint_id);
  fl_set_take(config, "configurable", place);
  return config;
}

static struct fl_value *metadata_of(const struct fl_run *run) {
  struct fl_value *metadata = run->metadata != NULL ? fl_copy_shallow(run->metadata) : fl_object();
  fl_set_string(metadata, "source", run->source);
  fl_set_int(metadata, "step", run->step);
  if (run->run_id != NULL) fl_set_string(metadata, "run_id", run->run_id);
  return metadata;
}

void fl_emit_checkpoint(struct fl_run *run) {
  if (!wants_either(run, FL_STREAM_CHECKPOINTS)) return;
  struct fl_value *payload = fl_object(), *next = fl_array(), *tasks = fl_array();
  fl_set_string(payload, "checkpoint_id", run->checkpoint_id);
  fl_set_take(payload, "parent_checkpoint_id", run->parent_id[0] != '\0' ? fl_string(run->parent_id) : fl_null());
  fl_set_take(payload, "config", config_of(run, run->checkpoint_id));
  fl_set_take(payload, "parent_config", config_of(run, run->parent_id));
  fl_set_take(payload, "metadata", metadata_of(run));
  fl_set_take(payload, "values", fl_state_to_value(fl_run_base(run)));
  for (size_t i = 0; i < run->task_count; i++) {
    fl_append_take(next, fl_string(fl_run_node(run, &run->tasks[i])->name));
    struct fl_value *task = task_head(run, &run->tasks[i]);
    fl_set_take(task, "interrupts", fl_array()); /* none of them has run */
    fl_append_take(tasks, task);
  }
  fl_set_take(payload, "next", next);
  fl_set_take(payload, "tasks", tasks);
  emit_traced_take(run, FL_STREAM_CHECKPOINTS, "checkpoint", run->step, payload);
}
