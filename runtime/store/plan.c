/* SPDX-License-Identifier: MIT */
/* Which rows may go: see the header. Pure. */
#include "runtime/store/plan.h"

#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <inttypes.h>

enum { REBASE_FRACTION = 4 }; /* a list is written anew when this part of it is freed: the cost stays linear */

static void *grow(void *items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) return items;
  *capacity = *capacity == 0 ? 32 : *capacity * 2;
  return fl_realloc(items, *capacity * size);
}

/* ---- filling ---- */

/* Members of an object of numbers, or of pairs whose second is the number, without the zeros. */
static int take_numbers(const struct fl_value *object, bool pairs, uint64_t **ret_numbers, size_t *ret_count) {
  uint64_t *numbers = fl_new_array(uint64_t, fl_size(object) + 1);
  size_t count = 0;
  struct fl_member member = {0};
  while (fl_next_member(object, &member)) {
    int64_t number = fl_as_int(pairs ? fl_at(member.value, 1) : member.value, -1);
    if (number < 0) {
      fl_free(numbers);
      return FL_E_CORRUPT;
    }
    if (number > 0) numbers[count++] = (uint64_t)number;
  }
  *ret_numbers = numbers;
  *ret_count = count;
  return 0;
}

static int read_body(struct fl_plan_checkpoint *checkpoint, fl_slice body) {
  FL_VALUE_AUTO value = NULL;
  int status = fl_json_read(body, FL_JSON_FULL, &value, NULL);
  if (status != 0) return FL_E_CORRUPT;
  status = take_numbers(fl_get(value, "channels"), true, &checkpoint->value_nos, &checkpoint->value_count);
  if (status != 0) return status;
  return take_numbers(fl_get(value, "children"), false, &checkpoint->child_nos, &checkpoint->child_count);
}

int fl_plan_add_checkpoint(struct fl_plan *plan, const struct fl_record *record, struct fl_error *err) {
  plan->checkpoints =
      grow(plan->checkpoints, plan->checkpoint_count, &plan->checkpoint_capacity, sizeof *plan->checkpoints);
  struct fl_plan_checkpoint *checkpoint = &plan->checkpoints[plan->checkpoint_count++];
  *checkpoint = (struct fl_plan_checkpoint){.no = record->checkpoint.no,
                                            .wall_ms = record->checkpoint.wall_ms,
                                            .is_sub = record->ns[0] != 0,
                                            .is_lasting = record->ns[0] != 0 && strchr(record->ns, ':') == NULL,
                                            .size = record->body_size + FL_ROW_OVERHEAD,
                                            .ns = fl_strdup(record->ns)};
  if (read_body(checkpoint, fl_slice_n(record->body, record->body_size)) == 0) return 0;
  return fl_error_set(err, FL_E_CORRUPT, "thread %s: checkpoint %" PRIu64 " is damaged", plan->thread, checkpoint->no);
}

void fl_plan_add_value(struct fl_plan *plan, const struct fl_plan_value *value) {
  plan->values = grow(plan->values, plan->value_count, &plan->value_capacity, sizeof *plan->values);
  plan->values[plan->value_count++] = *value;
}

void fl_plan_deinit(struct fl_plan *plan) {
  for (size_t i = 0; i < plan->checkpoint_count; i++) {
    fl_free(plan->checkpoints[i].value_nos);
    fl_free(plan->checkpoints[i].child_nos);
    fl_free(plan->checkpoints[i].ns);
  }
  fl_free(plan->checkpoints);
  fl_free(plan->values);
  *plan = (struct fl_plan){0};
}

/* ---- finding ---- */

static struct fl_plan_value *find_value(const struct fl_plan *plan, uint64_t no) {
  size_t low = 0, high = plan->value_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (plan->values[middle].no < no) low = middle + 1;
    else high = middle;
  }
  return low < plan->value_count && plan->values[low].no == no ? &plan->values[low] : NULL;
}

static struct fl_plan_checkpoint *find_checkpoint(const struct fl_plan *plan, uint64_t no) {
  size_t low = 0, high = plan->checkpoint_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (plan->checkpoints[middle].no < no) low = middle + 1;
    else high = middle;
  }
  return low < plan->checkpoint_count && plan->checkpoints[low].no == no ? &plan->checkpoints[low] : NULL;
}

static bool is_delta(const struct fl_plan_value *value) {
  return (value->kind == FL_BODY_APPEND || value->kind == FL_BODY_EDIT) && value->parent_no != 0;
}

/* ---- which checkpoints ---- */

/* Numbers are given in the order of time over all namespaces, and a run that starts at an older checkpoint first writes
 * one of the root: so what a subgraph wrote belongs to the last root checkpoint before it. */
static void find_owners(struct fl_plan *plan) {
  uint64_t owner_no = 0;
  for (size_t i = 0; i < plan->checkpoint_count; i++) {
    struct fl_plan_checkpoint *checkpoint = &plan->checkpoints[i];
    if (checkpoint->is_sub) checkpoint->owner_no = owner_no;
    else owner_no = checkpoint->no;
  }
}

static void keep_roots(struct fl_plan *plan, const struct fl_prune *prune) {
  uint64_t seen = 0;
  for (size_t i = plan->checkpoint_count; i > 0; i--) {
    struct fl_plan_checkpoint *checkpoint = &plan->checkpoints[i - 1];
    if (checkpoint->is_sub) continue;
    bool is_young = prune->since_ms != 0 && checkpoint->wall_ms >= prune->since_ms;
    checkpoint->is_kept = seen == 0 || seen < prune->keep_last || is_young;
    seen++;
  }
}

/* From the last to the first: a child's number is above that of the checkpoint that made it, but a checkpoint may name
 * children that were made before, so what is named is kept with all that it names in turn. */
static void keep_named(struct fl_plan *plan, struct fl_plan_checkpoint *checkpoint) {
  checkpoint->is_kept = true;
  for (size_t i = 0; i < checkpoint->child_count; i++) {
    struct fl_plan_checkpoint *child = find_checkpoint(plan, checkpoint->child_nos[i]);
    if (child != NULL && !child->is_kept) keep_named(plan, child);
  }
}

/* The newest checkpoint of a subgraph with a history of its own stays, also when no root names it yet. */
static void keep_subs(struct fl_plan *plan) {
  struct fl_map lasting;
  fl_map_init(&lasting);
  for (size_t i = plan->checkpoint_count; i > 0; i--) {
    struct fl_plan_checkpoint *checkpoint = &plan->checkpoints[i - 1];
    const struct fl_plan_checkpoint *owner = checkpoint->is_sub ? find_checkpoint(plan, checkpoint->owner_no) : NULL;
    bool is_newest = checkpoint->is_lasting && fl_map_get(&lasting, checkpoint->ns) == NULL;
    if (is_newest) fl_map_set(&lasting, checkpoint->ns, checkpoint);
    if (checkpoint->is_kept || is_newest || (owner != NULL && owner->is_kept)) keep_named(plan, checkpoint);
  }
  fl_map_deinit(&lasting);
}

/* ---- which values ---- */

static void keep_value(struct fl_plan *plan, uint64_t no) {
  struct fl_plan_value *value = find_value(plan, no);
  if (value == NULL) return; /* a damaged thread stays as damaged as it was */
  value->is_shown = true;
  while (!value->is_kept) {
    value->is_kept = true;
    struct fl_plan_value *parent = is_delta(value) ? find_value(plan, value->parent_no) : NULL;
    if (parent == NULL) return;
    parent->child_count++;
    value = parent;
  }
}

static void keep_values(struct fl_plan *plan) {
  for (size_t i = 0; i < plan->checkpoint_count; i++)
    for (size_t j = 0; plan->checkpoints[i].is_kept && j < plan->checkpoints[i].value_count; j++)
      keep_value(plan, plan->checkpoints[i].value_nos[j]);
}

/* The bytes of the rows below a shown delta, when nothing else needs any of them; 0 otherwise. */
static uint64_t size_below(const struct fl_plan *plan, const struct fl_plan_value *value) {
  uint64_t size = 0;
  while (is_delta(value)) {
    value = find_value(plan, value->parent_no);
    if (value == NULL || value->is_shown || value->child_count != 1) return 0;
    size += value->size + FL_ROW_OVERHEAD;
  }
  return size;
}

/* What the list takes as a whole is known only when it is put together; appended rows give it exactly, edits at most. A
 * chain of appends frees the overhead of its rows, a chain of edits what they replaced: fl_plan_rebase decides. */
static void choose_rebases(struct fl_plan *plan) {
  for (size_t i = 0; i < plan->value_count; i++) {
    struct fl_plan_value *value = &plan->values[i];
    if (value->is_kept && value->is_shown && is_delta(value)) value->is_rebased = size_below(plan, value) > 0;
  }
}

bool fl_plan_rebase(struct fl_plan *plan, struct fl_plan_value *value, uint64_t new_size) {
  uint64_t before = size_below(plan, value) + value->size;
  if (before <= new_size || (before - new_size) * REBASE_FRACTION < new_size) return false;
  for (struct fl_plan_value *row = value; is_delta(row);) {
    row = find_value(plan, row->parent_no);
    row->is_kept = false;
  }
  plan->dropped_bytes += before - new_size;
  return true;
}

static void sum_up(struct fl_plan *plan) {
  plan->dropped_count = plan->dropped_bytes = 0;
  for (size_t i = 0; i < plan->checkpoint_count; i++) {
    if (plan->checkpoints[i].is_kept) continue;
    plan->dropped_count++;
    plan->dropped_bytes += plan->checkpoints[i].size;
  }
  for (size_t i = 0; i < plan->value_count; i++)
    if (!plan->values[i].is_kept) plan->dropped_bytes += plan->values[i].size + FL_ROW_OVERHEAD;
}

/* ---- decisions ---- */

bool fl_plan_prune(struct fl_plan *plan, const struct fl_prune *prune) {
  find_owners(plan);
  keep_roots(plan, prune);
  keep_subs(plan);
  keep_values(plan);
  sum_up(plan);
  if (plan->dropped_count < (prune->slack > 0 ? prune->slack : 1)) return false;
  choose_rebases(plan);
  return true;
}

void fl_plan_roll_back(struct fl_plan *plan, uint64_t to_no) {
  for (size_t i = 0; i < plan->checkpoint_count; i++) plan->checkpoints[i].is_kept = plan->checkpoints[i].no <= to_no;
  keep_values(plan);
  sum_up(plan);
}

static int missing(const char *thread, const char *what, uint64_t by_no, uint64_t no, struct fl_error *err) {
  return fl_error_set(err, FL_E_CORRUPT, "thread %s: value %" PRIu64 ", which %s %" PRIu64 " needs, is missing", thread,
                      no, what, by_no);
}

int fl_plan_check(const struct fl_plan *plan, struct fl_error *err) {
  const char *thread = plan->thread;
  for (size_t i = 0; i < plan->value_count; i++) {
    const struct fl_plan_value *value = &plan->values[i];
    if (is_delta(value) && find_value(plan, value->parent_no) == NULL)
      return missing(thread, "value", value->no, value->parent_no, err);
    if (i > 0 && value->no <= plan->values[i - 1].no)
      return fl_error_set(err, FL_E_CORRUPT, "thread %s: value %" PRIu64 " is there twice or out of order", thread,
                          value->no);
  }
  for (size_t i = 0; i < plan->checkpoint_count; i++) {
    const struct fl_plan_checkpoint *checkpoint = &plan->checkpoints[i];
    for (size_t j = 0; j < checkpoint->value_count; j++)
      if (find_value(plan, checkpoint->value_nos[j]) == NULL)
        return missing(thread, "checkpoint", checkpoint->no, checkpoint->value_nos[j], err);
    if (i > 0 && checkpoint->no <= plan->checkpoints[i - 1].no)
      return fl_error_set(err, FL_E_CORRUPT, "thread %s: checkpoint %" PRIu64 " is there twice or out of order", thread,
                          checkpoint->no);
  }
  return 0;
}
