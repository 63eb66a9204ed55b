/* SPDX-License-Identifier: MIT */
/* The life of a run, and looking at it from outside. Pure. */
#include "graph/builder.h"
#include "graph/core.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

static void create_controls(struct fl_run *run) {
  const struct fl_definition *definition = run->definition;
  size_t hidden = definition->channel_count - definition->state_channel_count;
  run->controls = fl_new_array(struct fl_control, hidden);
  for (size_t i = 0; i < hidden; i++) {
    const struct fl_channel_def *channel = &definition->channels[definition->state_channel_count + i];
    size_t count = 0;
    if (channel->kind != FL_CHANNEL_BARRIER) continue;
    while (channel->names[count] != NULL) count++;
    run->controls[i].reported = fl_new_array(bool, count);
  }
}

static void set_stop_flags(struct fl_run *run, const struct fl_run_settings *settings) {
  for (size_t i = 0; i < run->definition->node_count; i++) {
    const struct fl_node_def *node = &run->definition->nodes[i];
    bool before = node->interrupt_before || fl_names_hold(fl_option(settings, interrupt_before, NULL), node->name);
    bool after = node->interrupt_after || fl_names_hold(fl_option(settings, interrupt_after, NULL), node->name);
    run->stop_flags[i] = (uint8_t)((before ? FL_STOP_BEFORE : 0) | (after ? FL_STOP_AFTER : 0));
  }
}

void fl_run_configure(struct fl_run *run, const struct fl_run_settings *settings) {
  fl_check(run->phase == FL_PHASE_IDLE);
  uint32_t limit = fl_option(settings, recursion_limit, 0);
  run->recursion_limit = limit > 0 ? limit : run->definition->recursion_limit;
  uint32_t most = fl_option(settings, max_concurrency, 0);
  run->max_concurrency = most > 0 ? most : run->definition->max_concurrency;
  run->stream_modes = fl_option(settings, stream_modes, 0);
  run->ephemeral = fl_option(settings, ephemeral, false);
  run->starts_early = fl_option(settings, starts_early, false);
  run->has_parent = fl_option(settings, has_parent, false);
  fl_run_keep_labels(run, fl_option(settings, keeps_labels, false));
  fl_free(run->thread_id);
  run->thread_id = fl_strdup(fl_option(settings, thread_id, NULL));
  struct fl_value *context = fl_value_ref(fl_option(settings, context, NULL));
  fl_value_unref(run->context);
  run->context = context;
  fl_free(run->run_id);
  run->run_id = fl_strdup(fl_option(settings, run_id, NULL));
  struct fl_value *metadata = fl_value_ref(fl_option(settings, metadata, NULL));
  fl_value_unref(run->metadata);
  run->metadata = metadata;
  fl_free(run->manifest_hash);
  run->manifest_hash = fl_strdup(fl_option(settings, manifest_hash, NULL));
  const char *ns = fl_option(settings, ns, NULL);
  fl_free(run->ns);
  run->ns = fl_strdup(ns != NULL ? ns : "");
  fl_free(run->caller);
  run->caller = fl_strdup(fl_option(settings, caller, NULL));
  set_stop_flags(run, settings);
}

static void take_numbers(struct fl_run *run, const struct fl_loaded *loaded, const struct fl_run_settings *settings) {
  run->numbers = fl_option(settings, numbers, NULL);
  if (run->numbers != NULL) return;
  run->numbers = &run->own_numbers;
  bool has_checkpoints = loaded != NULL && loaded->next_checkpoint_no > 0;
  run->own_numbers.next_checkpoint_no = has_checkpoints ? loaded->next_checkpoint_no : 1;
  run->own_numbers.next_value_no = loaded != NULL && loaded->next_value_no > 0 ? loaded->next_value_no : 1;
}

struct fl_run *fl_run_create(struct fl_definition *definition, const struct fl_loaded *loaded,
                             const struct fl_run_settings *settings) {
  struct fl_run *run = fl_new(struct fl_run);
  run->definition = fl_definition_ref(definition);
  run->state = fl_state_create(definition);
  run->slots = fl_new_array(struct fl_slot, definition->state_channel_count);
  run->seen = fl_new_array(uint64_t, definition->trigger_slot_count);
  run->stop_flags = fl_new_array(uint8_t, definition->node_count);
  run->running_of = fl_new_array(uint32_t, definition->node_count);
  create_controls(run);
  fl_run_configure(run, settings);
  run->step = -1;
  take_numbers(run, loaded, settings);
  if (loaded != NULL && loaded->checkpoint_no > 0) fl_checkpoint_load(run, loaded);
  return run;
}

void fl_run_destroy(struct fl_run *run) {
  if (run == NULL) return;
  fl_plan_clear(run);
  fl_free(run->tasks);
  fl_free(run->error);
  fl_free(run->task_slots);
  fl_given_clear(run);
  fl_value_unref(run->sends);
  size_t hidden = run->definition->channel_count - run->definition->state_channel_count;
  for (size_t i = 0; i < hidden; i++) fl_free(run->controls[i].reported);
  fl_free(run->controls);
  fl_free(run->slots);
  fl_free(run->seen);
  fl_free(run->stop_flags);
  fl_free(run->running_of);
  fl_free(run->manifest_hash);
  fl_free(run->ns);
  fl_free(run->caller);
  fl_free(run->writer);
  fl_free(run->run_id);
  fl_value_unref(run->metadata);
  fl_free(run->thread_id);
  fl_value_unref(run->context);
  fl_parent_command_deinit(&run->to_parent);
  fl_value_unref(run->stops);
  fl_value_unref(run->heads);
  fl_state_unref(run->state);
  fl_state_unref(run->seen_state);
  fl_definition_unref(run->definition);
  fl_free(run);
}

/* ---- looking at it ---- */

struct fl_numbers *fl_run_numbers(struct fl_run *run) {
  return run->numbers;
}
uint64_t fl_run_checkpoint_no(const struct fl_run *run) { return run->checkpoint_no; }
uint64_t fl_run_head_no(const struct fl_run *run) { return run->head_no; }
uint64_t fl_run_head_of(const struct fl_run *run, const char *ns) { return (uint64_t)fl_get_int(run->heads, ns, 0); }
struct fl_value *fl_run_waits(const struct fl_run *run) {
  return fl_run_interrupts(run);
}

bool fl_run_has_finished(const struct fl_run *run) {
  for (size_t i = 0; i < run->task_count; i++)
    if (run->tasks[i].status == FL_TASK_DONE) return true;
  return false;
}

/* The superstep's own fold comes later and starts from the state again, so nothing of the tasks is taken here. */
static struct fl_state *with_finished(const struct fl_run *run) {
  struct fl_folds folds;
  int rc = 0;
  fl_folds_init(&folds, fl_run_base(run), false);
  for (size_t i = 0; i < run->task_count; i++) {
    const struct fl_planned *task = fl_plan_in_order(run, i);
    for (size_t j = 0; task->status == FL_TASK_DONE && j < task->writes.count && rc == 0; j++)
      if (task->writes.items[j].channel < run->definition->state_channel_count)
        rc = fl_folds_write(&folds, task->writes.items[j].channel, task->writes.items[j].value,
                            fl_run_node(run, task)->name, NULL);
  }
  struct fl_state *state = rc == 0 ? fl_state_with(fl_run_base(run), &folds) : NULL;
  fl_folds_deinit(&folds);
  return state;
}

const struct fl_state *fl_run_state(const struct fl_run *run) {
  if (run->seen_state == NULL && fl_run_has_finished(run)) ((struct fl_run *)run)->seen_state = with_finished(run);
  return run->seen_state != NULL ? run->seen_state : fl_run_base(run);
}

static struct fl_value *describe_task(const struct fl_run *run, const struct fl_planned *task) {
  struct fl_value *described = fl_object(), *interrupts = fl_array();
  fl_set_string(described, "id", task->id);
  fl_set_string(described, "name", fl_run_node(run, task)->name);
  if (task->status == FL_TASK_FAILED && task->error != NULL) fl_set_string(described, "error", task->error->text);
  if (task->status == FL_TASK_DONE) fl_set_take(described, "result", fl_task_result(run, task));
  if (fl_task_is_pending(task)) fl_task_interrupts_add(run, task, interrupts);
  fl_set_take(described, "interrupts", interrupts);
  return described;
}

const char *fl_run_checkpoint_id(const struct fl_run *run) { return run->checkpoint_id; }

bool fl_run_is_unfinished(const struct fl_run *run) {
  bool is_open = false;
  for (size_t i = 0; i < run->task_count; i++) is_open |= run->tasks[i].status != FL_TASK_DONE;
  FL_VALUE_AUTO interrupts = is_open ? fl_run_interrupts(run) : NULL;
  return is_open && interrupts == NULL;
}

struct fl_value *fl_run_describe(const struct fl_run *run) {
  struct fl_value *described = fl_object(), *next = fl_array(), *tasks = fl_array();
  for (size_t i = 0; i < run->task_count; i++) {
    if (run->tasks[i].status != FL_TASK_DONE) fl_append_take(next, fl_string(fl_run_node(run, &run->tasks[i])->name));
    fl_append_take(tasks, describe_task(run, &run->tasks[i]));
  }
  struct fl_value *interrupts = fl_run_interrupts(run);
  fl_set_take(described, "values", fl_state_to_value(fl_run_state(run)));
  fl_set_take(described, "next", next);
  fl_set_take(described, "interrupts", interrupts != NULL ? interrupts : fl_array());
  fl_set_int(described, "step", run->step);
  fl_set_string(described, "source", run->source);
  fl_set_string(described, "checkpoint_id", run->checkpoint_id);
  fl_set_take(described, "tasks", tasks);
  return described;
}
