/* SPDX-License-Identifier: MIT */
/* Between a run in memory and what is stored of it: records of values, writes and checkpoints out, a loaded checkpoint
 * in. A list channel stores what was done to it; it is stored whole again when more of what is stored is dead than
 * alive, so that n bytes of list never cost more than about 2n on disk and in time to load. Pure.
 *
 * Body of a checkpoint: {"channels":{NAME:[VERSION,VALUE_NO]} (with "__tasks__" when there are sends),
 * "control":{HIDDEN:[VERSION,[NODE…],true]} (only those available or, for a join, begun, or deferred and waiting; the
 * last: of those deferred, available), "seen":{NODE:{CHANNEL:VERSION}}, "sizes":{LIST:[LIVE,STORED]}, "next":[NODE…],
 * "version":N, "stops":[…], "writer":NODE (of an input or an update: as whom), "caller":TASK (of a subgraph: the task
 * that runs it), "children":{NAMESPACE:CHECKPOINT_NO} (where lasting subgraphs stand),
 * "labels":N (where they are kept: of all that was ever in the thread),
 * "run_id":ID, "metadata":{…} (both as given)}. */
#include "graph/core.h"
#include "runtime/base/buf.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdio.h>

/* ---- values out ---- */

static void take_body(struct fl_record *record, struct fl_buf *body) {
  record->body = fl_buf_take(body, &record->body_size);
}

static int write_list(const struct fl_list *list, struct fl_buf *body) {
  FL_BUF_AUTO scratch = {0};
  fl_buf_add_char(body, '[');
  for (size_t i = 0; i < fl_list_size(list); i++) {
    fl_slice text = fl_list_text_at(list, i, &scratch);
    if (text.size == 0 || scratch.failed) return FL_E_LIMIT;
    if (i > 0) fl_buf_add_char(body, ',');
    fl_buf_add(body, text.data, text.size);
  }
  return fl_buf_add_char(body, ']');
}

static bool has_appends_only(const struct fl_fold *fold) {
  for (size_t i = 0; i < fold->edit_count; i++)
    if (fold->edits[i].kind != FL_EDIT_APPEND) return false;
  return true;
}

/* Adds the elements' bytes to *added_size. */
static int write_edits(const struct fl_fold *fold, bool plain, struct fl_buf *body, size_t *added_size) {
  fl_buf_add_char(body, '[');
  for (size_t i = 0; i < fold->edit_count; i++) {
    const struct fl_list_edit *edit = &fold->edits[i];
    if (i > 0) fl_buf_add_char(body, ',');
    if (!plain && edit->kind == FL_EDIT_APPEND) fl_buf_add_text(body, "[\"append\",");
    if (edit->kind == FL_EDIT_SET) fl_buf_addf(body, "[\"set\",%zu,", edit->index);
    if (edit->kind == FL_EDIT_CUT) fl_buf_addf(body, "[\"cut\",%zu", edit->index);
    size_t before = body->size;
    int rc = edit->kind != FL_EDIT_CUT ? fl_json_write(body, edit->element, FL_JSON_COMPACT) : 0;
    if (rc < 0) return rc;
    *added_size += body->size - before;
    if (!plain) fl_buf_add_char(body, ']');
  }
  return fl_buf_add_char(body, ']');
}

static int snapshot(struct fl_fold *fold, struct fl_record *record) {
  struct fl_buf body = {0};
  int rc = write_list(fold->var.list, &body);
  record->value.kind = FL_BODY_LIST;
  fold->live_size = fold->stored_size = body.size;
  take_body(record, &body);
  return rc;
}

/* Decides between what changed and the whole by bytes. */
static int write_list_body(struct fl_fold *fold, const struct fl_slot *slot, struct fl_record *record) {
  if (fold->is_replaced || slot->value_no == 0) return snapshot(fold, record);
  bool plain = has_appends_only(fold);
  struct fl_buf body = {0};
  size_t added_size = 0;
  int rc = write_edits(fold, plain, &body, &added_size);
  size_t alive = slot->live_size + added_size;
  fold->live_size = alive > fold->dead_size ? alive - fold->dead_size : 0;
  fold->stored_size = slot->stored_size + body.size;
  if (rc == 0 && !plain && fold->stored_size > 2 * fold->live_size) {
    fl_buf_deinit(&body);
    return snapshot(fold, record);
  }
  record->value.kind = plain ? FL_BODY_APPEND : FL_BODY_EDIT;
  record->value.parent_no = slot->value_no;
  take_body(record, &body);
  return rc;
}

static int write_value_body(const struct fl_fold *fold, struct fl_record *record) {
  struct fl_buf body = {0};
  record->value.kind = FL_BODY_VALUE;
  int rc = fl_json_write(&body, fold->var.value, FL_JSON_COMPACT);
  take_body(record, &body);
  return rc;
}

/* An emptied channel is one that the checkpoint does not name. */
static bool holds_nothing_to_store(const struct fl_run *run, const struct fl_fold *fold) {
  const struct fl_channel_def *channel = &run->definition->channels[fold->channel];
  if (channel->reducer == FL_UNTRACKED) return true;
  return fl_channel_fades(channel) && fold->var.value == NULL &&
         (fold->var.list == NULL || fl_list_size(fold->var.list) == 0);
}

int fl_checkpoint_values(struct fl_run *run, struct fl_folds *folds, struct fl_records *records, struct fl_error *err) {
  for (size_t i = 0; i < folds->count && !run->ephemeral; i++) {
    struct fl_fold *fold = &folds->items[i];
    if (!fold->is_changed || holds_nothing_to_store(run, fold)) continue;
    struct fl_record *record = fl_records_add(records, FL_RECORD_VALUE, run->ns);
    record->value.channel = fl_strdup(run->definition->channels[fold->channel].name);
    record->value.no = fold->value_no = run->numbers->next_value_no++;
    record->value.count = fold->var.list != NULL ? fl_list_size(fold->var.list) : 0;
    record->value.labels = run->slots[fold->channel].labels | fold->labels;
    int rc = fold->var.list != NULL ? write_list_body(fold, &run->slots[fold->channel], record)
                                    : write_value_body(fold, record);
    if (rc < 0)
      return fl_error_set(err, rc,
                          "channel \"%s\", written by node \"%s\": the value is too large or too deep to be stored",
                          record->value.channel, fold->writer);
  }
  return 0;
}

/* The argument of a send without its untracked channels. */
static struct fl_value *stored_send(const struct fl_run *run, struct fl_value *send) {
  struct fl_value *arg = fl_get(send, "arg");
  if (!run->definition->has_untracked || !fl_is(arg, FL_OBJECT)) return fl_value_ref(send);
  struct fl_value *kept = fl_copy_shallow(arg), *stored = fl_copy_shallow(send);
  for (size_t i = 0; i < run->definition->state_channel_count; i++)
    if (run->definition->channels[i].reducer == FL_UNTRACKED) fl_unset(kept, run->definition->channels[i].name);
  fl_set_take(stored, "arg", kept);
  return stored;
}

int fl_checkpoint_sends(struct fl_run *run, struct fl_seal *seal, struct fl_error *err) {
  if (seal->sends == NULL || run->ephemeral) return 0;
  struct fl_record *record = fl_records_add(&seal->records, FL_RECORD_VALUE, run->ns);
  struct fl_buf body = {0};
  record->value.channel = fl_strdup(FL_TASKS_CHANNEL);
  record->value.no = seal->sends_no = run->numbers->next_value_no++;
  record->value.labels = seal->sends_labels;
  record->value.kind = FL_BODY_VALUE;
  FL_VALUE_AUTO stored = fl_array();
  for (size_t i = 0; i < fl_size(seal->sends); i++) fl_append_take(stored, stored_send(run, fl_at(seal->sends, i)));
  int rc = fl_json_write(&body, stored, FL_JSON_COMPACT);
  take_body(record, &body);
  return rc < 0 ? fl_error_set(err, rc, "the arguments of its sends are too large or too deep to be stored") : 0;
}

/* ---- writes out ---- */

static struct fl_record *add_write(const struct fl_run *run, const struct fl_planned *task, int index,
                                   const char *channel, struct fl_records *records) {
  struct fl_record *record = fl_records_add(records, FL_RECORD_WRITE, run->ns);
  record->write.checkpoint_no = run->checkpoint_no;
  memcpy(record->write.task_id, task->id, FL_UUID_SIZE);
  record->write.index = index;
  record->write.labels = run->keeps_labels ? task->labels : 0;
  record->write.channel = fl_strdup(channel);
  return record;
}

static int write_json(struct fl_record *record, const struct fl_value *value) {
  struct fl_buf body = {0};
  int rc = value != NULL ? fl_json_write(&body, value, FL_JSON_COMPACT) : fl_buf_add_text(&body, "null");
  take_body(record, &body);
  return rc;
}

void fl_checkpoint_write(const struct fl_run *run, const struct fl_planned *task, int index, struct fl_value *value,
                         struct fl_records *records) {
  write_json(add_write(run, task, index, fl_run_node(run, task)->name, records), value);
}

static struct fl_value *stored_write(const struct fl_run *run, const struct fl_task_write *write) {
  return write->channel == run->definition->tasks_channel ? stored_send(run, write->value) : fl_value_ref(write->value);
}

int fl_checkpoint_writes(const struct fl_run *run, const struct fl_planned *task, struct fl_records *records,
                         struct fl_error *err) {
  for (size_t i = 0; i < task->writes.count; i++) {
    const struct fl_task_write *write = &task->writes.items[i];
    const char *channel = run->definition->channels[write->channel].name;
    if (run->definition->channels[write->channel].reducer == FL_UNTRACKED) continue;
    FL_VALUE_AUTO value = stored_write(run, write);
    if (write_json(add_write(run, task, (int)i, channel, records), value) < 0)
      return fl_error_set(err, FL_E_LIMIT, "channel \"%s\": the written value is too large or too deep to be stored",
                          channel);
  }
  fl_checkpoint_write(run, task, FL_WRITE_DONE, NULL, records);
  return 0;
}

void fl_run_take_heads(struct fl_run *run, const struct fl_value *heads) {
  if (fl_size(heads) == 0 || !fl_is(heads, FL_OBJECT)) return;
  struct fl_value *all = run->heads != NULL ? fl_copy_shallow(run->heads) : fl_object();
  for (struct fl_member m = {0}; fl_next_member(heads, &m);) fl_set_take(all, m.key, fl_value_ref(m.value));
  fl_value_unref(run->heads);
  run->heads = all;
}

void fl_checkpoint_heads(struct fl_run *run, const struct fl_planned *task, struct fl_records *records) {
  if (!run->ephemeral && fl_size(run->ev->heads) > 0)
    fl_checkpoint_write(run, task, FL_WRITE_CHILDREN, run->ev->heads, records);
}

int fl_checkpoint_given(const struct fl_run *run, const char *task_id, int index, const struct fl_task_write *write,
                        struct fl_records *records) {
  if (run->definition->channels[write->channel].reducer == FL_UNTRACKED) return 0;
  struct fl_record *record = fl_records_add(records, FL_RECORD_WRITE, run->ns);
  record->write.checkpoint_no = run->checkpoint_no;
  memcpy(record->write.task_id, task_id, FL_UUID_SIZE);
  record->write.index = index;
  record->write.channel = fl_strdup(run->definition->channels[write->channel].name);
  FL_VALUE_AUTO value = stored_write(run, write);
  return write_json(record, value);
}

/* ---- a checkpoint out ---- */

/* "NAME": with a comma in front unless it is the first of its object. */
static void write_key(struct fl_buf *body, const char *name) {
  if (body->data[body->size - 1] != '{') fl_buf_add_char(body, ',');
  fl_json_write_string(body, fl_slice_of(name));
  fl_buf_add_char(body, ':');
}

static void write_channels(const struct fl_run *run, struct fl_buf *body) {
  fl_buf_add_text(body, "{\"channels\":{");
  for (size_t i = 0; i < run->definition->state_channel_count; i++) {
    if (run->slots[i].value_no == 0) continue;
    write_key(body, run->definition->channels[i].name);
    fl_buf_addf(body, "[%llu,%llu]", (unsigned long long)run->slots[i].version,
                (unsigned long long)run->slots[i].value_no);
  }
  if (run->sends != NULL) {
    write_key(body, FL_TASKS_CHANNEL);
    fl_buf_addf(body, "[%llu,%llu]", (unsigned long long)run->sends_version, (unsigned long long)run->sends_no);
  }
  fl_buf_add_text(body, "},\"sizes\":{");
  for (size_t i = 0; i < run->definition->state_channel_count; i++) {
    if (run->slots[i].stored_size == 0) continue;
    write_key(body, run->definition->channels[i].name);
    fl_buf_addf(body, "[%zu,%zu]", run->slots[i].live_size, run->slots[i].stored_size);
  }
}

static void write_reports(const struct fl_channel_def *channel, const struct fl_control *control, struct fl_buf *body) {
  bool is_first = true;
  fl_buf_add_text(body, ",[");
  for (size_t i = 0; channel->names[i] != NULL; i++) {
    if (!control->reported[i]) continue;
    if (!is_first) fl_buf_add_char(body, ',');
    fl_json_write_string(body, fl_slice_of(channel->names[i]));
    is_first = false;
  }
  fl_buf_add_char(body, ']');
}

static void write_controls(const struct fl_run *run, struct fl_buf *body) {
  fl_buf_add_text(body, "},\"control\":{");
  for (size_t i = run->definition->state_channel_count; i < run->definition->channel_count; i++) {
    const struct fl_channel_def *channel = &run->definition->channels[i];
    const struct fl_control *control = fl_run_control(run, i);
    if (!control->is_available && !control->is_waiting && control->reported_count == 0) continue;
    write_key(body, channel->name);
    fl_buf_addf(body, "[%llu", (unsigned long long)control->version);
    if (channel->kind == FL_CHANNEL_BARRIER) write_reports(channel, control, body);
    else if (channel->is_deferred) fl_buf_add_text(body, ",[]");
    if (channel->is_deferred && control->is_available) fl_buf_add_text(body, ",true");
    fl_buf_add_char(body, ']');
  }
}

static void write_seen_by(const struct fl_run *run, const struct fl_node_def *node, struct fl_buf *body) {
  bool is_open = false;
  for (size_t i = 0; i < node->trigger_channel_count; i++) {
    uint64_t version = run->seen[node->first_trigger_slot + i];
    if (version == 0) continue;
    if (!is_open) {
      write_key(body, node->name);
      fl_buf_add_char(body, '{');
      is_open = true;
    }
    write_key(body, run->definition->channels[node->trigger_channels[i]].name);
    fl_buf_addf(body, "%llu", (unsigned long long)version);
  }
  if (is_open) fl_buf_add_char(body, '}');
}

static void write_rest(const struct fl_run *run, struct fl_buf *body) {
  fl_buf_add_text(body, "},\"next\":[");
  for (size_t i = 0; i < run->task_count; i++) {
    if (i > 0) fl_buf_add_char(body, ',');
    fl_json_write_string(body, fl_slice_of(fl_run_node(run, &run->tasks[i])->name));
  }
  fl_buf_addf(body, "],\"version\":%llu", (unsigned long long)run->version);
  if (run->writer != NULL) {
    write_key(body, "writer");
    fl_json_write_string(body, fl_slice_of(run->writer));
  }
  if (run->caller != NULL) {
    write_key(body, "caller");
    fl_json_write_string(body, fl_slice_of(run->caller));
  }
  if (run->keeps_labels) fl_buf_addf(body, ",\"labels\":%llu", (unsigned long long)run->labels);
  if (run->heads != NULL) {
    write_key(body, "children");
    fl_json_write(body, run->heads, FL_JSON_COMPACT);
  }
  if (run->run_id != NULL) {
    write_key(body, "run_id");
    fl_json_write_string(body, fl_slice_of(run->run_id));
  }
  if (run->metadata != NULL) {
    write_key(body, "metadata");
    fl_json_write(body, run->metadata, FL_JSON_COMPACT);
  }
  if (run->stops != NULL) {
    write_key(body, "stops");
    fl_json_write(body, run->stops, FL_JSON_COMPACT);
  }
  fl_buf_add_char(body, '}');
}

void fl_checkpoint_record(const struct fl_run *run, struct fl_records *records) {
  if (run->ephemeral) return;
  struct fl_record *record = fl_records_add(records, FL_RECORD_CHECKPOINT, run->ns);
  record->checkpoint.no = run->checkpoint_no;
  record->checkpoint.parent_no = run->parent_no;
  memcpy(record->checkpoint.id, run->checkpoint_id, FL_UUID_SIZE);
  record->checkpoint.step = run->step;
  record->checkpoint.source = fl_strdup(run->source);
  record->checkpoint.wall_ms = run->wall_ms;
  record->checkpoint.manifest_hash = fl_strdup(run->manifest_hash);
  struct fl_buf body = {0};
  write_channels(run, &body);
  write_controls(run, &body);
  fl_buf_add_text(&body, "},\"seen\":{");
  for (size_t i = 0; i < run->definition->node_count; i++) write_seen_by(run, &run->definition->nodes[i], &body);
  write_rest(run, &body);
  fl_check(!body.failed);
  take_body(record, &body);
}

/* ---- in ---- */

/* A version or a size as stored; what cannot be one reads as none. */
static uint64_t number_of(const struct fl_value *stored) {
  int64_t version = fl_as_int(stored, 0);
  return version > 0 && version < INT64_MAX / 2 ? (uint64_t)version : 0;
}

/* What was stored under another reducer is read as well as it can be. */
static struct fl_var fit_var(const struct fl_channel_def *channel, struct fl_var stored) {
  struct fl_var var = {0};
  if (!fl_reducer_makes_list(channel->reducer))
    var.value = stored.list != NULL ? fl_list_to_array(stored.list) : fl_value_ref(stored.value);
  else if (stored.list != NULL) var.list = fl_list_ref(stored.list);
  else if (fl_is(stored.value, FL_ARRAY)) var.list = fl_list_from_array(stored.value);
  else {
    struct fl_list *empty = fl_list_create();
    var.list = fl_list_append_take(empty, fl_value_ref(stored.value));
    fl_list_unref(empty);
  }
  return var;
}

static void load_sends(struct fl_run *run, const struct fl_loaded_channel *loaded) {
  run->sends = loaded->var.list != NULL ? fl_list_to_array(loaded->var.list) : fl_value_ref(loaded->var.value);
  run->sends_version = loaded->version;
  run->sends_no = loaded->value_no;
  run->sends_labels = loaded->labels;
}

static void load_channel(struct fl_run *run, const struct fl_loaded_channel *loaded) {
  if (loaded->version > run->version) run->version = loaded->version;
  if (strcmp(loaded->name, FL_TASKS_CHANNEL) == 0) {
    load_sends(run, loaded);
    return;
  }
  ptrdiff_t index = fl_definition_channel(run->definition, loaded->name);
  if (index < 0 || (size_t)index >= run->definition->state_channel_count) return;
  if (loaded->var.value == NULL && loaded->var.list == NULL) return;
  if (run->definition->channels[index].reducer == FL_UNTRACKED) return; /* it was stored under another reducer */
  struct fl_slot *slot = &run->slots[index];
  struct fl_var var = fit_var(&run->definition->channels[index], loaded->var);
  bool was_list = loaded->var.list != NULL;
  *slot = (struct fl_slot){.version = loaded->version,
                           .value_no = was_list == (var.list != NULL) ? loaded->value_no : 0,
                           .labels = loaded->labels};
  fl_state_set_take(run->state, (size_t)index, var);
}

static void load_sizes(struct fl_run *run, const struct fl_value *sizes) {
  struct fl_member member = {0};
  while (fl_next_member(sizes, &member)) {
    ptrdiff_t index = fl_definition_channel(run->definition, member.key);
    if (index < 0 || (size_t)index >= run->definition->state_channel_count) continue;
    run->slots[index].live_size = (size_t)number_of(fl_at(member.value, 0));
    run->slots[index].stored_size = (size_t)number_of(fl_at(member.value, 1));
  }
}

static void load_controls(struct fl_run *run, const struct fl_value *controls) {
  struct fl_member member = {0};
  while (fl_next_member(controls, &member)) {
    ptrdiff_t index = fl_definition_channel(run->definition, member.key);
    if (index < 0 || (size_t)index < run->definition->state_channel_count) continue;
    if ((size_t)index == run->definition->tasks_channel) continue;
    uint64_t version = number_of(fl_at(member.value, 0));
    if (version > run->version) run->version = version;
    if (run->definition->channels[index].kind == FL_CHANNEL_TRIGGER) fl_control_write(run, (size_t)index, "", version);
    const struct fl_value *reported = fl_at(member.value, 1);
    for (size_t i = 0; i < fl_size(reported); i++) {
      const char *node = fl_as_string(fl_at(reported, i));
      if (node != NULL) fl_control_write(run, (size_t)index, node, version);
    }
    if (!run->definition->channels[index].is_deferred || !fl_as_bool(fl_at(member.value, 2), false)) continue;
    fl_run_control(run, (size_t)index)->is_available = true;
    fl_run_control(run, (size_t)index)->is_waiting = false;
  }
}

static void load_seen(struct fl_run *run, const struct fl_value *seen) {
  struct fl_member member = {0};
  while (fl_next_member(seen, &member)) {
    ptrdiff_t index = fl_definition_node(run->definition, member.key);
    if (index < 0) continue;
    const struct fl_node_def *node = &run->definition->nodes[index];
    for (size_t i = 0; i < node->trigger_channel_count; i++) {
      const char *channel = run->definition->channels[node->trigger_channels[i]].name;
      run->seen[node->first_trigger_slot + i] = number_of(fl_get(member.value, channel));
    }
  }
}

/* Whether a task of this checkpoint has done anything: then the run was told to go on from where it had stopped. Nor is
 * there anything to go on with after the last node. */
static bool has_moved_on(struct fl_run *run, const struct fl_loaded *loaded) {
  if (run->task_count == 0) return true;
  for (size_t i = 0; i < run->task_count; i++)
    if (run->tasks[i].handled != NULL) return true;
  for (size_t i = 0; i < loaded->write_count; i++)
    if (fl_plan_find(run, loaded->writes[i].task_id) != NULL) return true;
  for (size_t i = 0; i < loaded->call_count; i++)
    if (fl_plan_find(run, loaded->calls[i].task_id) != NULL) return true;
  return false;
}

void fl_checkpoint_load(struct fl_run *run, const struct fl_loaded *loaded) {
  run->checkpoint_no = loaded->checkpoint_no;
  run->head_no = loaded->head_no > loaded->checkpoint_no ? loaded->head_no : loaded->checkpoint_no;
  run->parent_no = loaded->parent_no;
  memcpy(run->checkpoint_id, loaded->checkpoint_id, FL_UUID_SIZE);
  run->step = loaded->step;
  run->wall_ms = loaded->wall_ms;
  snprintf(run->source, sizeof run->source, "%s", loaded->source != NULL ? loaded->source : "");
  run->writer = fl_strdup(fl_get_string(loaded->body, "writer", NULL));
  run->version = number_of(fl_get(loaded->body, "version"));
  for (size_t i = 0; i < loaded->channel_count; i++) load_channel(run, &loaded->channels[i]);
  load_sizes(run, fl_get(loaded->body, "sizes"));
  load_controls(run, fl_get(loaded->body, "control"));
  load_seen(run, fl_get(loaded->body, "seen"));
  fl_run_take_heads(run, fl_get(loaded->body, "children"));
  fl_run_load_labels(run, loaded);
  fl_plan(run);
  if (!fl_run_is_past(run)) fl_given_load(run, loaded);
  fl_plan_attach(run, loaded);
  if (!has_moved_on(run, loaded)) run->stops = fl_value_ref(fl_get(loaded->body, "stops"));
}
