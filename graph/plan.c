/* SPDX-License-Identifier: MIT */
/* What runs next. A node is due when a channel that triggers it is available in a version that the node has not run
 * for. Tasks stand in the order of the definition; their ids are derived, so that the same checkpoint plans the same
 * tasks and finds what they wrote. Pure. */
#include "graph/core.h"
#include "runtime/base/mem.h"

#include <stdlib.h>

struct fl_run_faults fl_run_faults;

/* ---- hidden channels ---- */

bool fl_control_is_fired(const struct fl_run *run, const struct fl_node_def *node, size_t trigger) {
  const struct fl_control *control = fl_run_control(run, node->trigger_channels[trigger]);
  return control->is_available && control->version > run->seen[node->first_trigger_slot + trigger];
}

static void take_back(struct fl_control *control, size_t name_count) {
  control->is_available = control->is_waiting = false;
  control->reported_count = 0;
  memset(control->reported, 0, name_count * sizeof *control->reported);
}

static size_t name_count(const struct fl_channel_def *channel) {
  size_t count = 0;
  while (channel->names[count] != NULL) count++;
  return count;
}

void fl_control_mark_seen(struct fl_run *run, const struct fl_node_def *node) {
  for (size_t i = 0; i < node->trigger_channel_count; i++) {
    size_t channel = node->trigger_channels[i];
    struct fl_control *control = fl_run_control(run, channel);
    if (!fl_control_is_fired(run, node, i)) continue;
    run->seen[node->first_trigger_slot + i] = control->version;
    if (control->reported != NULL) take_back(control, name_count(&run->definition->channels[channel]));
    else if (run->definition->channels[channel].is_deferred) control->is_available = false;
  }
}

void fl_control_clear_triggers(struct fl_run *run) {
  for (size_t i = 0; i < run->definition->node_count; i++)
    if (!run->definition->nodes[i].is_deferred) run->controls[i].is_available = false;
}

/* Written, but available only when the run has come to its end otherwise. */
static void defer(struct fl_control *control) {
  control->is_available = false;
  control->is_waiting = true;
}

static bool is_anything_due(const struct fl_run *run) {
  for (size_t i = 0; i < run->definition->node_count; i++)
    for (size_t j = 0; j < run->definition->nodes[i].trigger_channel_count; j++)
      if (fl_control_is_fired(run, &run->definition->nodes[i], j)) return true;
  return false;
}

void fl_control_finish(struct fl_run *run, bool has_sends) {
  if (!run->definition->has_deferred || has_sends || is_anything_due(run)) return;
  size_t hidden = run->definition->channel_count - run->definition->state_channel_count;
  for (size_t i = 0; i < hidden; i++) {
    if (!run->controls[i].is_waiting) continue;
    run->controls[i].is_waiting = false;
    run->controls[i].is_available = true;
    run->controls[i].version = run->version + 1;
  }
}

void fl_control_drop_deferred(struct fl_run *run) {
  size_t hidden = run->definition->channel_count - run->definition->state_channel_count;
  for (size_t i = 0; i < hidden; i++) {
    const struct fl_channel_def *channel = &run->definition->channels[run->definition->state_channel_count + i];
    if (channel->is_deferred) run->controls[i].is_available = run->controls[i].is_waiting = false;
  }
}

void fl_control_write(struct fl_run *run, size_t channel, const char *node, uint64_t version) {
  const struct fl_channel_def *definition = &run->definition->channels[channel];
  struct fl_control *control = fl_run_control(run, channel);
  control->version = version;
  if (definition->kind == FL_CHANNEL_TRIGGER) {
    if (definition->is_deferred) defer(control);
    else control->is_available = true;
    return;
  }
  size_t count = 0;
  for (; definition->names[count] != NULL; count++) {
    if (strcmp(definition->names[count], node) != 0 || control->reported[count]) continue;
    control->reported[count] = true;
    control->reported_count++;
  }
  bool is_complete = control->reported_count == count || fl_run_faults.no_barrier;
  if (is_complete && definition->is_deferred && !control->is_available) defer(control);
  else if (!definition->is_deferred) control->is_available = is_complete;
}

void fl_control_write_all(struct fl_run *run, const struct fl_writes *writes, const char *node) {
  for (size_t i = 0; i < writes->count; i++)
    if (writes->items[i].channel >= run->definition->state_channel_count &&
        writes->items[i].channel != run->definition->tasks_channel)
      fl_control_write(run, writes->items[i].channel, node, run->version + 1);
}

/* ---- tasks ---- */

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **fl_plan_triggers(const struct fl_run *run, const struct fl_planned *task, size_t *ret_count) {
  const struct fl_node_def *node = fl_run_planned_node(run, task);
  const char **names = fl_new_array(const char *, node->trigger_channel_count);
  size_t count = 0;
  for (size_t i = 0; i < node->trigger_channel_count; i++)
    if (fl_control_is_fired(run, node, i)) names[count++] = run->definition->channels[node->trigger_channels[i]].name;
  if (count > 1) qsort(names, count, sizeof *names, compare_texts);
  *ret_count = count;
  return names;
}

static fl_slice decimal(uint64_t number, char text[FL_DECIMAL_SIZE]) {
  return fl_slice_n(text, fl_decimal(number, text));
}

static void derive_push_id(const struct fl_run *run, struct fl_planned *task) {
  char step[FL_DECIMAL_SIZE], index[FL_DECIMAL_SIZE];
  fl_slice parts[] = {
      fl_slice_of(run->checkpoint_id),           fl_slice_of(run->ns), decimal((uint64_t)(run->step + 1), step),
      fl_slice_of(fl_run_node(run, task)->name), FL_SLICE("push"),     decimal(task->send_index, index)};
  fl_derived_id(parts, sizeof parts / sizeof parts[0], task->id);
}

static void derive_pull_id(const struct fl_run *run, struct fl_planned *task) {
  enum { FIXED = 5 };
  size_t trigger_count;
  FL_FREE_AUTO const char **triggers = fl_plan_triggers(run, task, &trigger_count);
  FL_FREE_AUTO fl_slice *parts = fl_new_array(fl_slice, FIXED + trigger_count);
  char step[FL_DECIMAL_SIZE];
  parts[0] = fl_slice_of(run->checkpoint_id);
  parts[1] = fl_slice_of(run->ns);
  parts[2] = decimal((uint64_t)(run->step + 1), step);
  parts[3] = fl_slice_of(fl_run_node(run, task)->name);
  parts[4] = FL_SLICE("pull");
  for (size_t i = 0; i < trigger_count; i++) parts[FIXED + i] = fl_slice_of(triggers[i]);
  fl_derived_id(parts, FIXED + trigger_count, task->id);
}

static void reserve_tasks(struct fl_run *run, size_t capacity) {
  if (capacity <= run->task_capacity) return;
  run->task_capacity = capacity;
  run->tasks = fl_realloc(run->tasks, capacity * sizeof *run->tasks);
}

static struct fl_planned *add_task(struct fl_run *run, enum fl_task_kind kind, size_t node) {
  if (run->task_count == run->task_capacity)
    reserve_tasks(run, run->task_capacity > 0 ? run->task_capacity * 2 : 1); /* most supersteps have one */
  struct fl_planned *task = &run->tasks[run->task_count++];
  *task = (struct fl_planned){.kind = kind, .node = node, .planned = node, .step = run->step + 1};
  return task;
}

/* A send to a node that the graph does not have any more is passed over. */
static void add_sends(struct fl_run *run) {
  size_t count = fl_size(run->sends);
  const char *last_name = NULL;
  ptrdiff_t node = -1;
  reserve_tasks(run, count);
  for (size_t i = 0; i < count; i++) {
    struct fl_value *send = fl_at(run->sends, i);
    const char *name = fl_get_string(send, "node", "");
    if (name != last_name) node = fl_definition_node(run->definition, name); /* the next send mostly shares it */
    last_name = name;
    if (node < 0) continue;
    struct fl_planned *task = add_task(run, FL_TASK_PUSH, (size_t)node);
    task->send_index = i;
    task->arg = fl_value_ref(fl_get(send, "arg"));
    if (task->arg == NULL) task->arg = fl_null();
    derive_push_id(run, task);
  }
  run->push_count = run->task_count;
}

void fl_writes_add_take(struct fl_writes *writes, size_t channel, struct fl_value *value) {
  if (writes->count == writes->capacity) {
    writes->capacity = writes->capacity > 0 ? writes->capacity * 2 : 4;
    writes->items = fl_realloc(writes->items, writes->capacity * sizeof *writes->items);
  }
  writes->items[writes->count++] = (struct fl_task_write){channel, value};
}

void fl_writes_drop(struct fl_writes *writes, size_t channel) {
  size_t kept = 0;
  for (size_t i = 0; i < writes->count; i++) {
    if (writes->items[i].channel == channel) fl_value_unref(writes->items[i].value);
    else writes->items[kept++] = writes->items[i];
  }
  writes->count = kept;
}

void fl_writes_deinit(struct fl_writes *writes) {
  for (size_t i = 0; i < writes->count; i++) fl_value_unref(writes->items[i].value);
  fl_free(writes->items);
  *writes = (struct fl_writes){0};
}

void fl_planned_forget(struct fl_planned *task) {
  fl_writes_deinit(&task->writes);
  if (task->has_view) fl_folds_deinit(&task->view);
  task->has_view = false;
}

void fl_planned_deinit(struct fl_planned *task) {
  fl_planned_forget(task);
  fl_value_unref(task->arg);
  fl_value_unref(task->answers);
  fl_value_unref(task->question);
  fl_value_unref(task->children);
  fl_value_unref(task->resume);
  fl_value_unref(task->handled);
  fl_free(task->interrupt_id);
  fl_free(task->error);
}

void fl_plan_clear(struct fl_run *run) {
  for (size_t i = 0; i < run->task_count; i++) fl_planned_deinit(&run->tasks[i]);
  run->task_count = run->push_count = 0;
  run->task_slot_count = 0;
}

void fl_plan(struct fl_run *run) {
  fl_plan_clear(run);
  const struct fl_definition *definition = run->definition;
  add_sends(run);
  for (size_t i = 0; i < definition->node_count; i++) {
    const struct fl_node_def *node = &definition->nodes[i];
    bool is_due = false;
    for (size_t j = 0; j < node->trigger_channel_count && !is_due; j++) is_due = fl_control_is_fired(run, node, j);
    if (is_due) derive_pull_id(run, add_task(run, FL_TASK_PULL, i));
  }
}

/* Makes room for a task at a place of the plan. */
static struct fl_planned *insert_task(struct fl_run *run, size_t place, enum fl_task_kind kind, size_t node) {
  struct fl_planned task = *add_task(run, kind, node);
  memmove(&run->tasks[place + 1], &run->tasks[place], (run->task_count - 1 - place) * sizeof task);
  run->tasks[place] = task;
  run->task_slot_count = 0;
  return &run->tasks[place];
}

static void insert_due(struct fl_run *run, size_t node) {
  size_t place = run->push_count;
  while (place < run->task_count && run->tasks[place].node < node) place++;
  if (place < run->task_count && run->tasks[place].node == node) return;
  derive_pull_id(run, insert_task(run, place, FL_TASK_PULL, node));
}

void fl_plan_add(struct fl_run *run) {
  const struct fl_definition *definition = run->definition;
  size_t known = run->push_count > 0 ? run->tasks[run->push_count - 1].send_index + 1 : 0;
  for (size_t i = known; i < fl_size(run->sends); i++) {
    struct fl_value *send = fl_at(run->sends, i);
    ptrdiff_t node = fl_definition_node(definition, fl_get_string(send, "node", ""));
    if (node < 0) continue;
    struct fl_planned *task = insert_task(run, run->push_count++, FL_TASK_PUSH, (size_t)node);
    task->send_index = i;
    task->arg = fl_value_ref(fl_get(send, "arg"));
    if (task->arg == NULL) task->arg = fl_null();
    derive_push_id(run, task);
  }
  for (size_t i = 0; i < definition->node_count; i++) {
    const struct fl_node_def *node = &definition->nodes[i];
    bool is_due = false;
    for (size_t j = 0; j < node->trigger_channel_count && !is_due; j++) is_due = fl_control_is_fired(run, node, j);
    if (is_due) insert_due(run, i);
  }
}

/* Ids are hashes already: eight of their digits say where to look. */
static size_t slot_of(const struct fl_run *run, const char *task_id) {
  size_t digits = 0;
  for (size_t i = 0; i < 8 && task_id[i] != '\0'; i++)
    digits = digits * 16 + (size_t)(task_id[i] <= '9' ? task_id[i] - '0' : task_id[i] - 'a' + 10);
  return digits & (run->task_slot_count - 1);
}

static void index_tasks(struct fl_run *run) {
  size_t count = 64;
  while (count < 2 * run->task_count) count *= 2;
  run->task_slots = fl_realloc(run->task_slots, count * sizeof *run->task_slots);
  memset(run->task_slots, 0, count * sizeof *run->task_slots);
  run->task_slot_count = count;
  for (size_t i = 0; i < run->task_count; i++) {
    size_t slot = slot_of(run, run->tasks[i].id);
    while (run->task_slots[slot] != 0) slot = (slot + 1) & (count - 1);
    run->task_slots[slot] = (uint32_t)i + 1;
  }
}

static struct fl_planned *find_indexed(const struct fl_run *run, const char *task_id) {
  size_t slot = slot_of(run, task_id);
  for (; run->task_slots[slot] != 0; slot = (slot + 1) & (run->task_slot_count - 1)) {
    struct fl_planned *task = &run->tasks[run->task_slots[slot] - 1];
    if (strcmp(task->id, task_id) == 0) return task;
  }
  return NULL;
}

struct fl_planned *fl_plan_find(struct fl_run *run, const char *task_id) {
  enum { FEW = 16 };
  if (run->task_count > FEW && run->task_slot_count == 0) index_tasks(run);
  if (run->task_slot_count > 0) return find_indexed(run, task_id);
  for (size_t i = 0; i < run->task_count; i++)
    if (strcmp(run->tasks[i].id, task_id) == 0) return &run->tasks[i];
  return NULL;
}

/* ---- what is stored beside the checkpoint ---- */

static void attach_error(struct fl_planned *task, const struct fl_value *stored) {
  task->error = fl_new(struct fl_error);
  fl_error_set(task->error, (int)fl_get_int(stored, "code", FL_E_TASK), "%s", fl_get_string(stored, "message", ""));
}

/* Messages were stored in their normal form and stay as they are, unless the channel had another reducer then. What is
 * no message stays too: the fold refuses it. */
static struct fl_value *as_messages_take(const struct fl_planned *task, int index, struct fl_value *stored) {
  if (fl_overwrite_of(stored) != NULL) return stored; /* normal when it was written */
  struct fl_value *messages = NULL;
  size_t message_index = (size_t)index << 32; /* several writes of a task must not give one id twice */
  if (fl_messages_normalise(stored, task->id, &message_index, &messages, NULL) < 0) return stored;
  fl_value_unref(stored);
  return messages;
}

/* A channel that the graph does not have any more is passed over: what was written to it has nowhere to go. */
static void attach_write(const struct fl_run *run, struct fl_planned *task, const struct fl_loaded_write *write) {
  ptrdiff_t channel = fl_definition_channel(run->definition, write->channel);
  if (channel < 0) return;
  bool is_hidden = (size_t)channel >= run->definition->state_channel_count;
  bool is_send = (size_t)channel == run->definition->tasks_channel;
  struct fl_value *value = is_hidden && !is_send ? NULL : fl_value_ref(write->value);
  if (!is_hidden && run->definition->channels[channel].reducer == FL_MESSAGES)
    value = as_messages_take(task, write->index, value);
  fl_writes_add_take(&task->writes, (size_t)channel, value);
}

static void attach_one(const struct fl_run *run, struct fl_planned *task, const struct fl_loaded_write *write) {
  switch (write->index) {
  case FL_WRITE_ERROR: attach_error(task, write->value); break;
  case FL_WRITE_INTERRUPT: fl_task_attach_interrupt(task, write->value); break;
  case FL_WRITE_RESUME: fl_task_attach_answers(task, write->value); break;
  case FL_WRITE_DONE: task->status = FL_TASK_DONE; break;
  case FL_WRITE_ERROR_SOURCE: break;
  default: attach_write(run, task, write);
  }
}

/* First, since what a handler wrote stands under an id of its own. */
static void attach_handlers(struct fl_run *run, const struct fl_loaded *loaded) {
  for (size_t i = 0; i < loaded->write_count; i++) {
    const struct fl_loaded_write *write = &loaded->writes[i];
    struct fl_planned *task = write->index == FL_WRITE_ERROR_SOURCE ? fl_plan_find(run, write->task_id) : NULL;
    if (task == NULL) continue;
    task->labels |= write->labels;
    fl_task_hand_over(run, task, write->value);
  }
}

/* Of a checkpoint that is past, or that somebody looks at by its id, only questions, answers and errors are told. */
void fl_plan_attach(struct fl_run *run, const struct fl_loaded *loaded) {
  bool tells_only = fl_run_is_past(run) || loaded->shows_only;
  if (fl_run_faults.forget_stored_writes) return;
  if (!tells_only) attach_handlers(run, loaded);
  for (size_t i = 0; i < loaded->write_count; i++) {
    int index = loaded->writes[i].index;
    bool counts = !tells_only || index == FL_WRITE_ERROR || index == FL_WRITE_INTERRUPT || index == FL_WRITE_RESUME;
    struct fl_planned *task = counts ? fl_plan_find(run, loaded->writes[i].task_id) : NULL;
    if (task == NULL) continue;
    if (!fl_run_faults.forget_labels) task->labels |= loaded->writes[i].labels;
    fl_run_note_labels(run, loaded->writes[i].labels);
    if (index == FL_WRITE_CHILDREN) fl_run_take_heads(run, loaded->writes[i].value);
    else if (index == FL_WRITE_PARENT) fl_upward_attach(run, loaded->writes[i].value);
    else attach_one(run, task, &loaded->writes[i]);
  }
  for (size_t i = 0; i < run->task_count; i++) {
    struct fl_planned *task = &run->tasks[i];
    if (task->status == FL_TASK_DONE) continue;
    fl_writes_deinit(&task->writes);
    if (fl_task_is_pending(task)) task->status = FL_TASK_INTERRUPTED;
    else if (task->error != NULL) task->status = FL_TASK_FAILED;
  }
}
