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
  for (size_t i = 0; fl_channel_holds_one(channel) && i < writes->count; i++)
    if (writes->items[i].channel == (size_t)index)
      return fl_error_set(err, FL_E_GRAPH,
                          "it wrote channel \"%s\" twice, which holds one value; give the channel a reducer",
                          channel->name);
  struct fl_value *value = write->value;
  if (channel->reducer != FL_MESSAGES) {
    fl_writes_add_take(writes, (size_t)index, value != NULL ? fl_value_ref(value) : fl_null());
    return 0;
  }
  struct fl_value *messages = NULL, *in_place = fl_overwrite_of(value);
  int rc = fl_messages_normalise(in_place != NULL ? in_place : value, to->task_id, &to->message_index, &messages, err);
  if (rc < 0) return fl_error_context(err, "channel \"%s\"", channel->name);
  if (in_place != NULL) {
    struct fl_value *form = fl_object();
    fl_set_take(form, "__overwrite__", messages);
    messages = form;
  }
  fl_writes_add_take(writes, (size_t)index, messages);
  return 0;
}

/* ---- writers from outside ---- */

/* One of the writers of a superstep. */
struct outside {
  const char *name;               /* as given: a node, START, END, COPY, or NULL */
  struct fl_value *values;        /* lent */
  const char *writer;             /* in messages, and as reporter to joins */
  const struct fl_node_def *node; /* whose ways are taken; NULL: START's */
  bool leads_on;
  struct fl_writes writes;
};

struct outsides {
  struct fl_seal seal;
  struct outside *items;
  size_t count;
  size_t message_index;
};

/* A superstep that cannot be folded (two wrote one value, a value against its schema) must not stand in the way of what
 * puts the thread right: its values are dropped. */
static void fold_finished(struct fl_run *run, struct outsides *all) {
  struct fl_folds *folds = &all->seal.folds;
  int rc = 0;
  for (size_t i = 0; i < run->task_count && rc == 0; i++) {
    struct fl_planned *task = fl_plan_in_order(run, i);
    if (task->status == FL_TASK_DONE) rc = fl_seal_fold_task(run, &all->seal, task, NULL);
  }
  if (rc < 0 || fl_folds_check(folds, NULL) < 0) fl_folds_deinit(folds);
  fl_folds_next_step(folds);
}

static int check_input(const struct fl_run *run, const char *name, struct fl_error *err) {
  ptrdiff_t index = fl_definition_channel(run->definition, name);
  if (index < 0 || (size_t)index >= run->definition->state_channel_count) return 0; /* said by fl_writes_accept */
  const struct fl_channel_def *channel = &run->definition->channels[index];
  if (channel->is_input) return 0;
  return fl_error_set(err, FL_E_INVALID, "channel \"%s\" takes no input: %s", name,
                      channel->is_private ? "it is private" : "the graph's input does not name it");
}

static int fold_given(struct fl_run *run, struct outsides *all, struct outside *outside, struct fl_error *err) {
  struct fl_accepting to = {&outside->writes, run->ev->checkpoint_id, all->message_index};
  struct fl_member member = {0};
  while (fl_next_member(outside->values, &member)) {
    struct fl_write write = {(char *)member.key, member.value};
    int rc = run->ev->kind == FL_EV_INPUT ? check_input(run, member.key, err) : 0;
    if (rc == 0) rc = fl_writes_accept(run, &to, &write, err);
    if (rc < 0) return rc;
  }
  all->message_index = to.message_index;
  all->seal.folds.labels = run->ev->labels;
  for (size_t i = 0; i < outside->writes.count; i++) {
    const struct fl_task_write *write = &outside->writes.items[i];
    int rc = fl_folds_write(&all->seal.folds, write->channel, write->value, outside->writer, err);
    if (rc < 0) return rc;
  }
  return 0;
}

/* Each takes its ways on the state with what all of them wrote. */
static int find_ways(struct fl_run *run, struct outsides *all, struct fl_error *err) {
  struct fl_state *view = fl_state_with(run->state, &all->seal.folds);
  int rc = 0;
  for (size_t i = 0; i < all->count && rc == 0; i++)
    if (all->items[i].leads_on) rc = fl_route(run, all->items[i].node, view, &all->items[i].writes, err);
  if (rc == 0 && run->ev->kind == FL_EV_INPUT)
    rc = fl_route_gotos(run, run->ev->gotos, run->ev->goto_count, &all->items[0].writes, err);
  fl_state_unref(view);
  return rc;
}

static void outsides_deinit(struct outsides *all) {
  for (size_t i = 0; i < all->count; i++) fl_writes_deinit(&all->items[i].writes);
}

/* As an update, sends of finished tasks stay beside the writers' own, like where their edges lead. */
static void add_sends(const struct fl_run *run, struct outsides *all) {
  all->seal.sends_labels = run->ev->labels | fl_run_state_labels(run); /* ways from START see the state */
  for (size_t i = 0; run->ev->kind == FL_EV_UPDATE && i < run->task_count && all->items[0].leads_on; i++) {
    if (fl_plan_in_order(run, i)->status != FL_TASK_DONE) continue;
    all->seal.sends_labels |= fl_task_labels(run, fl_plan_in_order(run, i));
    fl_seal_add_sends(run, &all->seal, &fl_plan_in_order(run, i)->writes);
  }
  for (size_t i = 0; i < all->count; i++) fl_seal_add_sends(run, &all->seal, &all->items[i].writes);
}

/* All that can fail. On failure nothing has changed. */
static int prepare(struct fl_run *run, struct outsides *all, struct fl_error *err) {
  int rc = 0;
  fl_run_note_labels(run, run->ev->labels);
  fold_finished(run, all);
  for (size_t i = 0; i < all->count && rc == 0; i++) rc = fold_given(run, all, &all->items[i], err);
  if (rc == 0) rc = find_ways(run, all, err);
  add_sends(run, all);
  fl_folds_fade(&all->seal.folds);
  if (rc == 0) rc = fl_seal_values(run, &all->seal, err);
  if (rc == 0) return 0;
  fl_seal_abandon(&all->seal);
  outsides_deinit(all);
  return rc;
}

/* ---- an input ---- */

void fl_run_on_input(struct fl_run *run) {
  if (!fl_run_may_begin(run)) return;
  if (!fl_is(run->ev->value, FL_OBJECT)) {
    fl_run_refuse(run, FL_E_INVALID, "an input must be an object of channel values");
    return;
  }
  struct fl_error err;
  struct outside outside = {.values = run->ev->value, .writer = FL_START, .leads_on = true};
  struct outsides all = {.items = &outside, .count = 1};
  fl_seal_begin(run, &all.seal, "input", run->checkpoint_no == 0 ? 0 : run->step + 2);
  int rc = prepare(run, &all, &err);
  if (rc < 0) {
    fl_run_refuse(run, rc, "the input: %s", err.text);
    return;
  }
  for (size_t i = 0; i < run->task_count; i++)
    if (run->tasks[i].kind == FL_TASK_PULL) fl_control_mark_seen(run, fl_run_planned_node(run, &run->tasks[i]));
  fl_control_clear_triggers(run);
  fl_control_write_all(run, &outside.writes, FL_START);
  all.seal.writer = FL_START;
  fl_seal_end(run, &all.seal, NULL);
  outsides_deinit(&all);
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

static int find_node(const struct fl_run *run, const char *name, const struct fl_node_def **ret_node,
                     struct fl_error *err) {
  ptrdiff_t index = fl_definition_node(run->definition, name);
  const char *nearest = index < 0 ? fl_definition_nearest_node(run->definition, name) : NULL;
  if (index < 0)
    return fl_error_set(err, FL_E_NOT_FOUND, "there is no node \"%.128s\" to write as%s%s%s", name,
                        nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                        nearest != NULL ? "\"?" : "");
  *ret_node = &run->definition->nodes[index];
  return 0;
}

/* The names that LangGraph uses stand for ours, where no node is called so. */
static const char *plain_name(const struct fl_run *run, const char *name) {
  static const char *const pairs[][2] = {
      {"__input__", FL_START}, {"__start__", FL_START}, {"__end__", FL_END}, {"__copy__", FL_COPY}};
  if (name == NULL || fl_definition_node(run->definition, name) >= 0) return name;
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
    if (strcmp(name, pairs[i][0]) == 0) return pairs[i][1];
  return name;
}

static int find_writer(const struct fl_run *run, struct outside *outside, struct fl_error *err) {
  const char *name = outside->name = plain_name(run, outside->name);
  int rc = 0;
  if (!fl_is(outside->values, FL_OBJECT) && !fl_is(outside->values, FL_NULL))
    return fl_error_set(err, FL_E_INVALID, "its values must be an object of channel values");
  if (name == NULL) rc = find_last_node(run, &outside->node, err);
  else if (strcmp(name, FL_START) != 0 && strcmp(name, FL_END) != 0) rc = find_node(run, name, &outside->node, err);
  outside->writer = outside->node != NULL ? outside->node->name : name != NULL ? name : FL_START;
  outside->leads_on = name == NULL || strcmp(name, FL_END) != 0;
  return rc;
}

/* As END: nothing is left to run. Otherwise what was planned gives way to where the writers lead. */
static void move_on(struct fl_run *run, struct outsides *all) {
  bool is_end = !all->items[0].leads_on;
  for (size_t i = 0; i < run->task_count; i++)
    if (run->tasks[i].kind == FL_TASK_PULL && (is_end || run->tasks[i].status == FL_TASK_DONE))
      fl_control_mark_seen(run, fl_run_node(run, &run->tasks[i]));
  for (size_t i = 0; i < all->count; i++) /* each stands for the node's own run */
    if (all->items[i].node != NULL) fl_control_mark_seen(run, all->items[i].node);
  fl_control_clear_triggers(run);
  if (is_end) fl_control_drop_deferred(run);
  if (is_end) return;
  for (size_t i = 0; i < run->task_count; i++)
    if (run->tasks[i].status == FL_TASK_DONE)
      fl_control_write_all(run, &run->tasks[i].writes, fl_run_node(run, &run->tasks[i])->name);
  for (size_t i = 0; i < all->count; i++) fl_control_write_all(run, &all->items[i].writes, all->items[i].writer);
}

/* One superstep of updates, as if those nodes had run in it side by side. */
static int update_once(struct fl_run *run, struct outsides *all, struct fl_error *err) {
  for (size_t i = 0; i < all->count; i++) {
    int rc = find_writer(run, &all->items[i], err);
    if (rc < 0) return rc;
    if (all->count > 1 && (all->items[i].name == NULL || !all->items[i].leads_on))
      return fl_error_set(err, FL_E_INVALID,
                          "several updates in one superstep must each name a node to write as (or START)");
  }
  fl_seal_begin(run, &all->seal, "update", run->step + 1);
  int rc = prepare(run, all, err);
  if (rc < 0) return rc;
  move_on(run, all);
  all->seal.writer = all->items[0].leads_on && all->count == 1 ? all->items[0].writer : NULL;
  fl_seal_end(run, &all->seal, NULL);
  outsides_deinit(all);
  return 0;
}

static int copy_once(struct fl_run *run, const struct fl_value *values, struct fl_error *err) {
  if (!fl_is(values, FL_NULL) && fl_size(values) > 0)
    return fl_error_set(err, FL_E_INVALID, "a copy of a checkpoint takes no values; write them as a node after it");
  if (run->checkpoint_no == 0)
    return fl_error_set(err, FL_E_STATE, "the thread has no checkpoint yet that could be copied");
  fl_run_fork(run, true);
  return 0;
}

/* `updates`: [{"values","as_node"}…], all of one superstep. */
static int update_superstep(struct fl_run *run, const struct fl_value *updates, struct fl_error *err) {
  size_t count = fl_size(updates);
  if (!fl_is(updates, FL_ARRAY) || count == 0)
    return fl_error_set(err, FL_E_INVALID, "a superstep must be a list of at least one {\"values\", \"as_node\"}");
  const char *first = plain_name(run, fl_get_string(fl_at(updates, 0), "as_node", NULL));
  if (count == 1 && first != NULL && strcmp(first, FL_COPY) == 0)
    return copy_once(run, fl_get(fl_at(updates, 0), "values"), err);
  FL_FREE_AUTO struct outside *items = fl_new_array(struct outside, count);
  for (size_t i = 0; i < count; i++)
    items[i] = (struct outside){.name = fl_get_string(fl_at(updates, i), "as_node", NULL),
                                .values = fl_get(fl_at(updates, i), "values")};
  return update_once(run, &(struct outsides){.items = items, .count = count}, err);
}

void fl_run_on_update(struct fl_run *run) {
  if (!fl_run_may_begin(run)) return;
  struct fl_error err;
  struct outside one = {.name = plain_name(run, run->ev->node), .values = run->ev->value};
  bool is_copy = one.name != NULL && strcmp(one.name, FL_COPY) == 0;
  int rc = is_copy ? copy_once(run, one.values, &err)
                   : update_once(run, &(struct outsides){.items = &one, .count = 1}, &err);
  if (rc < 0) fl_run_refuse(run, rc, "the update: %s", err.text);
  else fl_run_end(run, FL_RUN_DONE, NULL);
}

/* ---- several supersteps of updates, in one commit ---- */

static int check_bulk(const struct fl_ev *ev, struct fl_error *err) {
  size_t count = fl_size(ev->value);
  if (!fl_is(ev->value, FL_ARRAY) || count == 0)
    return fl_error_set(err, FL_E_INVALID, "it must be a list of at least one superstep");
  if (count != ev->more_id_count + 1)
    return fl_error_set(err, FL_E_LIMIT, "it has %zu supersteps, for %zu checkpoint ids", count, ev->more_id_count + 1);
  return 0;
}

/* When one of them cannot be, none is: what is in memory is then ahead of what is stored, as after a failed commit. */
void fl_run_on_bulk_update(struct fl_run *run) {
  if (!fl_run_may_begin(run)) return;
  struct fl_error err;
  const struct fl_ev *whole = run->ev;
  struct fl_ev ev = *whole;
  struct fl_records gathered = {0};
  size_t effect_count = run->effects->count, done = 0;
  uint64_t head = run->head_no;
  int rc = check_bulk(whole, &err);
  run->gathered = &gathered;
  run->ev = &ev;
  for (; rc == 0 && done < fl_size(whole->value); done++) {
    if (done > 0) memcpy(ev.checkpoint_id, whole->more_ids[done - 1], FL_UUID_SIZE);
    rc = update_superstep(run, fl_at(whole->value, done), &err);
  }
  run->ev = whole;
  run->gathered = NULL;
  if (rc == 0) {
    fl_run_commit(run, &gathered, head);
    fl_run_end(run, FL_RUN_DONE, NULL);
    return;
  }
  fl_records_deinit(&gathered);
  fl_effects_truncate(run->effects, effect_count);
  run->is_broken = done > 1;
  if (done == 0) fl_run_refuse(run, rc, "the updates: %s", err.text);
  else fl_run_refuse(run, rc, "the updates, superstep %zu: %s", done, err.text);
}
