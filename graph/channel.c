/* SPDX-License-Identifier: MIT */
/* Folds: see channel.h. Pure. */
#include "graph/channel.h"

#include "runtime/base/buf.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <stdio.h>

void fl_folds_init(struct fl_folds *folds, const struct fl_state *base, bool measures) {
  *folds = (struct fl_folds){.base = base, .measures = measures};
}

static void drop_edits(struct fl_fold *fold) {
  for (size_t i = 0; i < fold->edit_count; i++) fl_value_unref(fold->edits[i].element);
  fold->edit_count = 0;
}

static void fold_deinit(struct fl_fold *fold) {
  drop_edits(fold);
  fl_free(fold->edits);
  fl_value_unref(fold->var.value);
  fl_list_unref(fold->var.list);
}

void fl_folds_deinit(struct fl_folds *folds) {
  for (size_t i = 0; i < folds->count; i++) fold_deinit(&folds->items[i]);
  fl_free(folds->items);
  *folds = (struct fl_folds){.base = folds->base, .measures = folds->measures};
}

struct fl_fold *fl_folds_find(const struct fl_folds *folds, size_t channel) {
  for (size_t i = 0; i < folds->count; i++)
    if (folds->items[i].channel == channel) return &folds->items[i];
  return NULL;
}

static struct fl_fold *push_fold(struct fl_folds *folds) {
  if (folds->count == folds->capacity) {
    folds->capacity = folds->capacity > 0 ? folds->capacity * 2 : 4;
    folds->items = fl_realloc(folds->items, folds->capacity * sizeof *folds->items);
  }
  return &folds->items[folds->count++];
}

static struct fl_fold *begin_fold(struct fl_folds *folds, size_t channel) {
  struct fl_fold *fold = push_fold(folds);
  *fold = (struct fl_fold){.channel = channel, .var = fl_state_at(folds->base, channel)};
  fl_value_ref(fold->var.value);
  if (fold->var.list != NULL) fl_list_ref(fold->var.list);
  return fold;
}

/* ---- lists ---- */

static void note_edit(struct fl_fold *fold, enum fl_list_edit_kind kind, size_t index, struct fl_value *element) {
  fold->is_changed = true;
  if (fold->is_replaced) return;
  if (fold->edit_count == fold->edit_capacity) {
    fold->edit_capacity = fold->edit_capacity > 0 ? fold->edit_capacity * 2 : 4;
    fold->edits = fl_realloc(fold->edits, fold->edit_capacity * sizeof *fold->edits);
  }
  fold->edits[fold->edit_count++] = (struct fl_list_edit){kind, index, fl_value_ref(element)};
}

static void set_list_take(struct fl_fold *fold, struct fl_list *list) {
  fl_list_unref(fold->var.list);
  fold->var.list = list;
}

static void measure_dead(struct fl_fold *fold, size_t index) {
  FL_BUF_AUTO scratch = {0};
  fold->dead_size += fl_list_text_at(fold->var.list, index, &scratch).size;
}

void fl_fold_append(struct fl_fold *fold, struct fl_value *element) {
  note_edit(fold, FL_EDIT_APPEND, 0, element);
  set_list_take(fold, fl_list_append_take(fold->var.list, fl_value_ref(element)));
}

void fl_fold_set(struct fl_fold *fold, size_t index, struct fl_value *element, bool measures) {
  if (measures) measure_dead(fold, index);
  note_edit(fold, FL_EDIT_SET, index, element);
  set_list_take(fold, fl_list_replace_take(fold->var.list, index, fl_value_ref(element)));
}

void fl_fold_cut(struct fl_fold *fold, size_t index, bool measures) {
  if (measures) measure_dead(fold, index);
  note_edit(fold, FL_EDIT_CUT, index, NULL);
  set_list_take(fold, fl_list_remove(fold->var.list, index));
}

void fl_fold_clear(struct fl_fold *fold) {
  drop_edits(fold);
  fold->is_replaced = fold->is_changed = true;
  set_list_take(fold, fl_list_create());
}

static void append_written(struct fl_fold *fold, struct fl_value *written) {
  if (!fl_is(written, FL_ARRAY)) {
    fl_fold_append(fold, written);
    return;
  }
  for (size_t i = 0; i < fl_size(written); i++) fl_fold_append(fold, fl_at(written, i));
}

/* ---- writes ---- */

struct fl_value *fl_overwrite_of(const struct fl_value *written) {
  if (!fl_is(written, FL_OBJECT)) return NULL;
  if (fl_size(written) == 1) return fl_get(written, "__overwrite__");
  bool is_long = fl_size(written) == 2 && strcmp(fl_get_string(written, "type", ""), "__overwrite__") == 0;
  return is_long ? fl_get(written, "value") : NULL;
}

static int refuse_second(const struct fl_channel_def *channel, const struct fl_fold *fold, const char *writer,
                         struct fl_error *err) {
  bool is_same = strcmp(fold->writer, writer) == 0;
  return fl_error_set(err, FL_E_GRAPH,
                      "channel \"%s\" holds one value, but %s \"%s\"%s%s%s wrote it %s in one superstep "
                      "(INVALID_CONCURRENT_GRAPH_UPDATE); %s or let it be written once",
                      channel->name, is_same ? "node" : "nodes", fold->writer, is_same ? "" : " and \"",
                      is_same ? "" : writer, is_same ? "" : "\"", is_same ? "twice" : "both",
                      channel->reducer == FL_LAST ? "give the channel a reducer (append, sum, messages, …)"
                                                  : "give the channel \"guard: false\"");
}

static int reduce_custom(const struct fl_fold *fold, const struct fl_channel_def *channel, struct fl_value *written,
                         struct fl_value **ret_next, struct fl_error *err) {
  struct fl_error why = {0};
  int rc = channel->reduce(fold->var.value, written, ret_next, channel->reduce_user, &why);
  return rc < 0 ? fl_error_set(err, rc, "%s", why.text[0] != '\0' ? why.text : fl_error_sentence(rc)) : 0;
}

static int reduce_into(struct fl_fold *fold, const struct fl_channel_def *channel, struct fl_value *written,
                       struct fl_error *err) {
  struct fl_value *next;
  int rc = 0;
  if (channel->reducer != FL_CUSTOM) rc = fl_reduce(channel->reducer, fold->var.value, written, &next, err);
  else if (fold->var.value == NULL) next = fl_value_ref(written);
  else rc = reduce_custom(fold, channel, written, &next, err);
  if (rc < 0) return rc;
  fl_value_unref(fold->var.value);
  fold->var.value = next;
  fold->is_changed = true;
  return 0;
}

/* The value takes the place of what is held; what was folded in this superstep before is lost with it. */
static int overwrite(struct fl_fold *fold, const struct fl_channel_def *channel, struct fl_value *value,
                     struct fl_error *err) {
  if (fold->is_overwritten)
    return fl_error_set(err, FL_E_GRAPH, "it is overwritten twice in one superstep; one of the writers must not");
  fold->is_overwritten = true;
  if (fl_reducer_makes_list(channel->reducer)) {
    fl_fold_clear(fold);
    append_written(fold, value);
    return 0;
  }
  struct fl_value *checked = NULL;
  int rc = channel->reducer != FL_CUSTOM ? fl_reduce(channel->reducer, NULL, value, &checked, err) : 0;
  fl_value_unref(checked);
  if (rc < 0) return rc;
  fl_value_unref(fold->var.value);
  fold->var.value = fl_value_ref(value);
  fold->is_changed = true;
  return 0;
}

static int write_folding(struct fl_fold *fold, const struct fl_channel_def *channel, struct fl_value *value,
                         bool measures, struct fl_error *err) {
  struct fl_value *in_place = fl_overwrite_of(value);
  if (in_place != NULL) return overwrite(fold, channel, in_place, err);
  if (fold->is_overwritten) return 0;
  if (channel->reducer == FL_MESSAGES) return fl_messages_fold(fold, value, measures, err);
  if (channel->reducer != FL_APPEND) return reduce_into(fold, channel, value, err);
  append_written(fold, value);
  return 0;
}

int fl_folds_write(struct fl_folds *folds, size_t index, struct fl_value *value, const char *writer,
                   struct fl_error *err) {
  const struct fl_channel_def *channel = &fl_state_definition(folds->base)->channels[index];
  struct fl_fold *fold = fl_folds_find(folds, index);
  if (fold == NULL) fold = begin_fold(folds, index);
  if (fl_channel_holds_one(channel) && fold->write_count > 0) return refuse_second(channel, fold, writer, err);
  bool is_first = fold->write_count++ == 0;
  if (is_first) fold->writer = writer;
  fold->labels |= folds->labels;
  fold->is_written = true;
  int rc = 0;
  if (is_first && channel->reducer == FL_TOPIC && !channel->accumulates && fl_list_size(fold->var.list) > 0)
    fl_fold_clear(fold);
  if (fl_reducer_folds(channel->reducer)) rc = write_folding(fold, channel, value, folds->measures, err);
  else if (channel->reducer == FL_TOPIC) append_written(fold, value);
  else rc = reduce_into(fold, channel, value, err);
  return rc < 0 ? fl_error_context(err, "channel \"%s\", written by node \"%s\"", channel->name, writer) : 0;
}

void fl_folds_adopt(struct fl_folds *folds, struct fl_folds *view, const void *owner) {
  size_t kept = 0;
  for (size_t i = 0; i < view->count; i++) {
    if (fl_folds_find(folds, view->items[i].channel) != NULL) {
      view->items[kept++] = view->items[i];
      continue;
    }
    struct fl_fold *fold = push_fold(folds);
    *fold = view->items[i];
    fold->owner = owner;
  }
  view->count = kept;
}

void fl_folds_next_step(struct fl_folds *folds) {
  for (size_t i = 0; i < folds->count; i++) {
    folds->items[i].write_count = 0;
    folds->items[i].is_overwritten = false;
  }
}

void fl_folds_fade(struct fl_folds *folds) {
  const struct fl_definition *definition = fl_state_definition(folds->base);
  for (size_t i = 0; i < definition->fading_count; i++) {
    size_t channel = definition->fading_channels[i];
    struct fl_fold *fold = fl_folds_find(folds, channel);
    if (fold != NULL && fold->write_count > 0) continue;
    struct fl_var held = fold != NULL ? fold->var : fl_state_at(folds->base, channel);
    if (held.value == NULL && (held.list == NULL || fl_list_size(held.list) == 0)) continue;
    if (fold == NULL) fold = begin_fold(folds, channel);
    fold->writer = FL_START; /* for messages; nothing can be wrong with nothing */
    fold->is_changed = true;
    if (fold->var.list != NULL) fl_fold_clear(fold);
    fl_value_unref(fold->var.value);
    fold->var.value = NULL;
  }
}

/* ---- schemas ---- */

/* Of what is checked: for the error. */
struct checked {
  const char *channel, *writer;
  ptrdiff_t element; /* -1: the whole */
};

static int check_value(const struct fl_schema *schema, const struct fl_value *value, const struct checked *of,
                       struct fl_error *err) {
  if (fl_schema_validate(schema, value, NULL) == 0) return 0;
  struct fl_schema_result result = {0};
  FL_BUF_AUTO text = {0};
  int rc = fl_schema_validate(schema, value, &result);
  if (rc < 0) fl_buf_add_text(&text, "the value is too large or too deep to check");
  else fl_schema_result_text(&result, &text);
  fl_schema_result_deinit(&result);
  char where[32] = "";
  if (of->element >= 0) snprintf(where, sizeof where, ", element %td", of->element);
  return fl_error_set(err, FL_E_INVALID, "channel \"%s\"%s, written by node \"%s\", does not satisfy its schema: %s",
                      of->channel, where, of->writer, text.size > 0 ? text.data : "");
}

/* Only what is new: the elements that were there have been checked when they came. */
static int check_elements(const struct fl_fold *fold, const struct fl_channel_def *channel, struct fl_error *err) {
  if (channel->item_schema == NULL) return 0;
  int rc = 0;
  size_t size = fl_list_size(fold->var.list), appended = 0;
  for (size_t i = 0; i < fold->edit_count; i++) appended += fold->edits[i].kind == FL_EDIT_APPEND;
  size_t first = fold->is_replaced || appended > size ? 0 : size - appended;
  for (size_t i = first; i < size && rc == 0; i++)
    rc = check_value(channel->item_schema, fl_list_at(fold->var.list, i),
                     &(struct checked){channel->name, fold->writer, (ptrdiff_t)i}, err);
  for (size_t i = 0; i < fold->edit_count && rc == 0; i++)
    if (fold->edits[i].kind == FL_EDIT_SET)
      rc = check_value(channel->item_schema, fold->edits[i].element,
                       &(struct checked){channel->name, fold->writer, (ptrdiff_t)fold->edits[i].index}, err);
  return rc;
}

static int check_list(const struct fl_fold *fold, const struct fl_channel_def *channel, struct fl_error *err) {
  if (channel->checks_items) return check_elements(fold, channel, err);
  FL_VALUE_AUTO array = fl_list_to_array(fold->var.list);
  return check_value(channel->schema, array, &(struct checked){channel->name, fold->writer, -1}, err);
}

int fl_folds_check(const struct fl_folds *folds, struct fl_error *err) {
  int rc = 0;
  for (size_t i = 0; i < folds->count && rc == 0; i++) {
    const struct fl_fold *fold = &folds->items[i];
    const struct fl_channel_def *channel = &fl_state_definition(folds->base)->channels[fold->channel];
    if (channel->schema == NULL || !fold->is_changed || (fold->var.value == NULL && fold->var.list == NULL)) continue;
    rc = fl_reducer_makes_list(channel->reducer)
             ? check_list(fold, channel, err)
             : check_value(channel->schema, fold->var.value, &(struct checked){channel->name, fold->writer, -1}, err);
  }
  return rc;
}
