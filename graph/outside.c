/* SPDX-License-Identifier: MIT */
/* What comes from outside: an input, and an update as if by a node. Both become a checkpoint in one piece, or nothing.
 * What finished tasks of an interrupted or failed superstep wrote is kept; unfinished ones are dropped. Pure. */
#include "graph/core.h"
#include "runtime/base/mem.h"

/* ---- writes by name ---- */

static int refuse_channel(const struct fl_run *run, const char *name, struct fl_error *err) {
  const char *nearest = fl_definition_nearest_channel(run->definition, name);
  return fl_error_set(err, FL_E_NOT_FOUND, "there is no channel \"%.128s\"%s%s%s", name,
                      nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "\"?" : "");
}

int fl_writes_accept(const struct fl_run *run, struct fl_accepting *to, const struct fl_write *write,
                     struct fl_error *err) {
  struct fl_writes *writes = to->writes;
  ptrdiff_t index = fl_definition_channel(run->definition, write->channel);
  if (index < 0 || (size_t)index >= run->definition->state_channel_count)
    return refuse_channel(run, write->channel, err);
  const struct fl_channel_def *channel = &run->definition->channels[index];
  for (size_t i = 0; channel->reducer == FL_LAST && i < writes->count; i++)
    if (writes->items[i].channel == (size_t)index)
      return fl_error_set(err, FL_E_GRAPH,
                          "it wrote channel \"%s\" twice, which holds one value; give the channel a reducer",
                          channel->name);
  struct fl_value *value = write->value;
  if (channel->reducer != FL_MESSAGES) {
    fl_writes_add_take(writes, (size_t)index, value != NULL ? fl_value_ref(value) : fl_null());
    return 0;
  }
  struct fl_value *messages = NULL;
  int rc = fl_messages_normalise(value, to->task_id, &to->message_index, &messages, err);
  if (rc < 0) return fl_error_context(err, "channel \"%s\"", channel->name);
  fl_writes_add_take(writes, (size_t)index, messages);
  return 0;
}

/* ---- one writer from outside ---- */

struct outside {
  struct fl_seal seal;
  struct fl_writes writes;
  const char *writer;             /* in messages, and as reporter to joins */
  const struct fl_node_def *node; /* whose ways are taken; NULL: START's */
};

/* A superstep that cannot be folded (two wrote one value, a value against its schema) must not stand in the way of what
 * puts the thread right: its values are dropped. */
static void fold_finished(struct fl_run *run, struct outside *outside) {
  struct fl_folds *folds = &outside->seal.folds;
  int rc = 0;
  for (size_t i = 0; i < run->task_count && rc == 0; i++)
    if (run->tasks[i].status == FL_TASK_DONE) rc = fl_seal_fold_task(run, &outside->seal, &run->tasks[i], NULL);
  if (rc < 0 || fl_folds_check(folds, NULL) < 0) fl_folds_deinit(folds);
  fl_folds_next_step(folds);
}

static int fold_given(struct fl_run *run, struct outside *outside, struct fl_error *err) {
  struct fl_accepting to = {&outside->writes, run->ev->checkpoint_id, 0};
  struct fl_member member = {0};
  while (fl_next_member(run->ev->value, &member)) {
    struct fl_write write = {(char *)member.key, member.value};
    int rc = fl_writes_accept(run, &to, &write, err);
    if (rc < 0) return rc;
  }
  for (size_t i = 0; i < outside->writes.count; i++) {
    const struct fl_task_write *write = &outside->writes.items[i];
    int rc = fl_folds_write(&outside->seal.folds, write->channel, write->value, outside->writer, err);
    if (rc < 0) return rc;
  }
  return 0;
}

static int find_ways(struct fl_run *run, struct outside *outside, struct fl_error *err) {
  struct fl_state *view = fl_state_with(run->state, &outside->seal.folds);
  int rc = fl_route(run, outside->node, view, &outside->writes, err);
  fl_state_unref(view);
  return rc;
}

/* All that can fail. On failure the event is refused and nothing has changed. */
static bool prepare(struct fl_run *run, struct outside *outside, bool leads_on) {
  struct fl_error err;
  fold_finished(run, outside);
  int rc = fold_given(run, outside, &err);
  if (rc == 0 && leads_on) rc = find_ways(run, outside, &err);
  if (rc == 0) rc = fl_seal_values(run, &outside->seal, &err);
  if (rc == 0) return true;
  fl_seal_abandon(&outside->seal);
  fl_writes_deinit(&outside->writes);
  fl_run_refuse(run, rc, "%s: %s", run->ev->kind == FL_EV_INPUT ? "the input" : "the update", err.text);
  return false;
}

/* ---- an input ---- */

void fl_run_on_input(struct fl_run *run) {
  if (!fl_run_may_begin(run)) return;
  if (!fl_is(run->ev->value, FL_OBJECT)) {
    fl_run_refuse(run, FL_E_INVALID, "an input must be an object of channel values");
    return;
  }
  struct outside outside = {.writer = FL_START};
  fl_seal_begin(run, &outside.seal, "input", run->checkpoint_no == 0 ? 0 : run->step + 2);
  if (!prepare(run, &outside, true)) return;
  for (size_t i = 0; i < run->task_count; i++) fl_control_mark_seen(run, fl_run_node(run, &run->tasks[i]));
  fl_control_clear_triggers(run);
  fl_control_write_all(run, &outside.writes, FL_START);
  outside.seal.writer = FL_START;
  fl_seal_end(run, &outside.seal, NULL);
  fl_writes_deinit(&outside.writes);
  run->steps_used = 1;
  fl_run_proceed(run);
}

/* ---- an update ---- */

/* The version that a node ran for last, also when it has run in the present superstep; 0: never. */
static uint64_t seen_version(const struct fl_run *run, size_t index) {
  const struct fl_node_def *node = &run->definition->nodes[index];
  bool is_finished = false;
  for (size_t i = 0; i < run->task_count; i++)
    if (run->tasks[i].node == index && run->tasks[i].status == FL_TASK_DONE) is_finished = true;
  uint64_t highest = 0;
  for (size_t i = 0; i < node->trigger_channel_count; i++) {
    uint64_t version = run->seen[node->first_trigger_slot + i];
    if (is_finished && fl_control_is_fired(run, node, i))
      version = fl_run_control(run, node->trigger_channels[i])->version;
    if (version > highest) highest = version;
  }
  return highest;
}

/* The node that ran last; START when none has, or when an input or an update as START is all that happened since. */
static int find_last_node(const struct fl_run *run, const struct fl_node_def **ret_node, struct fl_error *err) {
  if (run->writer != NULL && !fl_run_has_finished(run)) {
    ptrdiff_t index = fl_definition_node(run->definition, run->writer);
    *ret_node = index >= 0 ? &run->definition->nodes[index] : NULL;
    if (index >= 0 || strcmp(run->writer, FL_START) == 0) return 0;
  }
  const struct fl_node_def *last = NULL, *other = NULL;
  uint64_t highest = 0;
  for (size_t i = 0; i < run->definition->node_count; i++) {
    uint64_t version = seen_version(run, i);
    if (version == 0 || version < highest) continue;
    other = version == highest ? last : NULL;
    last = &run->definition->nodes[i];
    highest = version;
  }
  if (other != NULL)
    return fl_error_set(err, FL_E_INVALID,
                        "ambiguous update: \"%s\" and \"%s\" ran last, side by side; name the node to write as",
                        other->name, last->name);
  *ret_node = last;
  return 0;
}

static int find_writer(const struct fl_run *run, struct outside *outside, struct fl_error *err) {
  const char *name = run->ev->node;
  int rc = 0;
  if (name == NULL) rc = find_last_node(run, &outside->node, err);
  else if (strcmp(name, FL_START) != 0 && strcmp(name, FL_END) != 0) {
    ptrdiff_t index = fl_definition_node(run->definition, name);
    const char *nearest = index < 0 ? fl_definition_nearest_node(run->definition, name) : NULL;
    if (index < 0)
      return fl_error_set(err, FL_E_NOT_FOUND, "there is no node \"%.128s\" to write as%s%s%s", name,
                          nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                          nearest != NULL ? "\"?" : "");
    outside->node = &run->definition->nodes[index];
  }
  outside->writer = outside->node != NULL ? outside->node->name : name != NULL ? name : FL_START;
  return rc;
}

/* As END: nothing is left to run. Otherwise what was planned gives way to where the writer leads. */
static void move_on(struct fl_run *run, struct outside *outside, bool is_end) {
  for (size_t i = 0; i < run->task_count; i++)
    if (is_end || run->tasks[i].status == FL_TASK_DONE) fl_control_mark_seen(run, fl_run_node(run, &run->tasks[i]));
  if (outside->node != NULL) fl_control_mark_seen(run, outside->node); /* it stands for the node's own run */
  fl_control_clear_triggers(run);
  if (is_end) return;
  for (size_t i = 0; i < run->task_count; i++)
    if (run->tasks[i].status == FL_TASK_DONE)
      fl_control_write_all(run, &run->tasks[i].writes, fl_run_node(run, &run->tasks[i])->name);
  fl_control_write_all(run, &outside->writes, outside->writer);
}

void fl_run_on_update(struct fl_run *run) {
  struct fl_error err;
  struct outside outside = {0};
  if (!fl_run_may_begin(run)) return;
  int rc = find_writer(run, &outside, &err);
  if (rc == 0 && !fl_is(run->ev->value, FL_OBJECT) && !fl_is(run->ev->value, FL_NULL))
    rc = fl_error_set(&err, FL_E_INVALID, "its values must be an object of channel values");
  if (rc < 0) {
    fl_run_refuse(run, rc, "the update: %s", err.text);
    return;
  }
  bool is_end = run->ev->node != NULL && strcmp(run->ev->node, FL_END) == 0;
  fl_seal_begin(run, &outside.seal, "update", run->step + 1);
  if (!prepare(run, &outside, !is_end)) return;
  move_on(run, &outside, is_end);
  outside.seal.writer = is_end ? NULL : outside.writer;
  fl_seal_end(run, &outside.seal, NULL);
  fl_writes_deinit(&outside.writes);
  fl_run_end(run, FL_RUN_DONE, NULL);
}
