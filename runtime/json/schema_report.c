/* SPDX-License-Identifier: MIT */
/* What is wrong, in words that a person or a model can act on: what is there, what must be there. Alternatives (anyOf,
 * oneOf) are boiled down to the one that was meant: branches of another type or with another constant are left out, and
 * when one is left, its complaints are the complaints. Pure. */
#include "runtime/base/diag.h"
#include "runtime/base/mem.h"
#include "runtime/json/schema_run.h"

#include <stdarg.h>
#include <stdio.h>

enum { SHOWN_SIZE_MAX = 60, SHOWN_COUNT_MAX = 12, MESSAGE_SIZE_MAX = 700 };

static void complaint_deinit(struct fl_schema_complaint *complaint) {
  fl_free(complaint->text.instance_pointer);
  fl_free(complaint->text.schema_pointer);
  fl_free(complaint->text.keyword);
  fl_free(complaint->text.message);
}

void fl_schema_report_deinit(struct fl_schema_report *report) {
  for (size_t i = 0; i < report->count; i++) complaint_deinit(&report->complaints[i]);
  fl_free(report->complaints);
  *report = (struct fl_schema_report){.limit = report->limit};
}

/* Whether anybody would read one more complaint; making one that is dropped is work for nothing. */
static bool is_wanted(const struct fl_schema_eval *eval) {
  return eval->report != NULL && eval->report->count < eval->report->limit && eval->run->error == 0;
}

/* Takes the complaint over; drops it when the report is full. */
static void add_take(struct fl_schema_report *report, struct fl_schema_complaint *complaint) {
  if (report->count >= report->limit) {
    complaint_deinit(complaint);
    return;
  }
  if (report->complaints == NULL) report->complaints = fl_new_array(struct fl_schema_complaint, report->limit);
  report->complaints[report->count++] = *complaint;
}

static size_t path_depth(const struct fl_schema_path *path) {
  size_t depth = 0;
  for (; path != NULL && path->up != NULL; path = path->up) depth++;
  return depth;
}

/* Written from the end to the front, as the path is linked. */
static char *path_text(const struct fl_schema_path *path) {
  size_t depth = path_depth(path);
  FL_FREE_AUTO const struct fl_schema_path **steps = fl_new_array(const struct fl_schema_path *, depth + 1);
  for (size_t i = depth; i > 0; i--, path = path->up) steps[i - 1] = path;
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, "");
  for (size_t i = 0; i < depth; i++) {
    if (steps[i]->key.data != NULL) fl_json_pointer_add(&text, steps[i]->key);
    else fl_json_pointer_add_index(&text, steps[i]->index);
  }
  return fl_strndup(text.size > 0 ? text.data : "", text.size);
}

static char *rule_text(const struct fl_schema_node *node, const char *keyword) {
  return strcmp(keyword, "false") == 0 ? fl_strdup(node->location) : fl_format("%s/%s", node->location, keyword);
}

/* The complaint for this place; the caller fills in what it knows beyond the text. */
static struct fl_schema_complaint complaint_at(const struct fl_schema_eval *eval, const char *keyword,
                                               struct fl_buf *message) {
  /* A cut in the middle of a character would not be UTF-8. */
  size_t size = message->size;
  if (size > MESSAGE_SIZE_MAX) {
    size = MESSAGE_SIZE_MAX;
    while (size > 0 && (message->data[size] & 0xc0) == 0x80) size--;
  }
  struct fl_schema_complaint complaint = {.depth = path_depth(eval->path)};
  complaint.text.instance_pointer = path_text(eval->path);
  complaint.text.schema_pointer = rule_text(eval->node, keyword);
  complaint.text.keyword = fl_strdup(keyword);
  complaint.text.message =
      fl_format("%.*s%s", (int)size, size > 0 ? message->data : "", size < message->size ? " …" : "");
  return complaint;
}

/* As much of a string as can be shown, and a little more, so that it is seen to be cut. However long the value is, and
 * it may be many megabytes, only its front is looked at. */
static fl_slice front_of(const struct fl_value *string) {
  fl_slice text = fl_slice_n(fl_as_string(string), fl_string_size(string));
  if (text.size <= 2 * SHOWN_SIZE_MAX) return text;
  text.size = 2 * SHOWN_SIZE_MAX;
  while ((text.data[text.size] & 0xc0) == 0x80) text.size--;
  return text;
}

/* A short form of a value: scalars as JSON, containers by their type. */
static void add_shown(struct fl_buf *message, const struct fl_value *value) {
  if (fl_is(value, FL_OBJECT) || fl_is(value, FL_ARRAY)) {
    FL_BUF_AUTO text = {.limit = SHOWN_SIZE_MAX};
    if (fl_json_write(&text, value, FL_JSON_COMPACT) == 0) fl_buf_add(message, text.data, text.size);
    else fl_buf_add_text(message, fl_is(value, FL_OBJECT) ? "an object" : "an array");
    return;
  }
  FL_BUF_AUTO text = {0};
  if (fl_is(value, FL_STRING)) fl_json_write_string(&text, front_of(value));
  else fl_json_write(&text, value, FL_JSON_COMPACT);
  size_t size = text.size;
  if (size > SHOWN_SIZE_MAX) {
    size = SHOWN_SIZE_MAX;
    while (size > 0 && (text.data[size] & 0xc0) == 0x80) size--;
  }
  fl_buf_add(message, text.data, size);
  if (size < text.size) fl_buf_add_text(message, "…\"");
}

bool fl_schema_complain(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval, const char *format, ...) {
  if (!is_wanted(eval)) return false;
  FL_BUF_AUTO message = {0};
  va_list args;
  va_start(args, format);
  fl_buf_vaddf(&message, format, args);
  va_end(args);
  struct fl_schema_complaint complaint = complaint_at(eval, rule->keyword, &message);
  add_take(eval->report, &complaint);
  return false;
}

bool fl_schema_complain_value(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval, const char *format,
                              ...) {
  if (!is_wanted(eval)) return false;
  FL_BUF_AUTO message = {0};
  fl_buf_add_text(&message, "is ");
  add_shown(&message, eval->instance);
  fl_buf_add_text(&message, ", ");
  va_list args;
  va_start(args, format);
  fl_buf_vaddf(&message, format, args);
  va_end(args);
  struct fl_schema_complaint complaint = complaint_at(eval, rule->keyword, &message);
  add_take(eval->report, &complaint);
  return false;
}

/* ---- types ---- */

static const char *type_phrase(enum fl_type type) {
  static const char *const phrases[] = {"null",     "a boolean", "an integer", "a number",
                                        "a string", "an array",  "an object"};
  return phrases[type];
}

/* "a string", "a string or null", "a string, an array or null". */
static void add_types(struct fl_buf *message, unsigned types) {
  static const enum fl_type order[] = {FL_STRING, FL_INT, FL_DOUBLE, FL_BOOL, FL_ARRAY, FL_OBJECT, FL_NULL};
  if ((types >> FL_DOUBLE & 1) != 0) types &= ~(1u << FL_INT);
  size_t left = (size_t)__builtin_popcount(types), total = left;
  for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
    if ((types >> order[i] & 1) == 0) continue;
    if (left < total) fl_buf_add_text(message, left == 1 ? " or " : ", ");
    fl_buf_add_text(message, type_phrase(order[i]));
    left--;
  }
}

static void add_type_complaint(const struct fl_schema_eval *eval, const char *keyword, unsigned types) {
  FL_BUF_AUTO message = {0};
  fl_buf_addf(&message, "is %s, but must be ", type_phrase(fl_type_of(eval->instance)));
  add_types(&message, types);
  struct fl_schema_complaint complaint = complaint_at(eval, keyword, &message);
  complaint.types = types;
  add_take(eval->report, &complaint);
}

bool fl_schema_complain_type(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  if (is_wanted(eval)) add_type_complaint(eval, rule->keyword, rule->types);
  return false;
}

/* ---- constants ---- */

/* The values that some complaints allow, one after the other. */
struct allowed {
  const struct fl_value **values;
  size_t count, capacity;
};

static void allowed_add(struct allowed *allowed, const struct fl_value *value) {
  if (allowed->count == allowed->capacity) {
    allowed->capacity = allowed->capacity * 2 + 16;
    allowed->values = fl_realloc(allowed->values, allowed->capacity * sizeof *allowed->values);
  }
  allowed->values[allowed->count++] = value;
}

static void allowed_add_complaint(struct allowed *allowed, const struct fl_schema_complaint *complaint) {
  if (!complaint->is_list) allowed_add(allowed, complaint->allowed);
  for (size_t i = 0; complaint->is_list && i < fl_size(complaint->allowed); i++)
    allowed_add(allowed, fl_at(complaint->allowed, i));
}

/* The allowed string that is nearest to a string that is not, or NULL. */
static const char *nearest_allowed(const struct fl_value *instance, const struct allowed *allowed) {
  if (!fl_is(instance, FL_STRING) || allowed->count < 3) return NULL;
  FL_FREE_AUTO const char **names = fl_new_array(const char *, allowed->count);
  size_t name_count = 0;
  for (size_t i = 0; i < allowed->count && i < 1000; i++)
    if (fl_is(allowed->values[i], FL_STRING) && fl_string_size(allowed->values[i]) < SHOWN_SIZE_MAX)
      names[name_count++] = fl_as_string(allowed->values[i]);
  bool is_short = fl_string_size(instance) < SHOWN_SIZE_MAX;
  return is_short ? fl_nearest(fl_as_string(instance), names, name_count) : NULL;
}

static void add_allowed_text(struct fl_buf *message, const struct fl_value *instance, const struct allowed *allowed) {
  fl_buf_add_text(message, "is ");
  add_shown(message, instance);
  if (allowed->count == 0) fl_buf_add_text(message, ", but no value at all is allowed here");
  else fl_buf_add_text(message, allowed->count == 1 ? ", but must be " : ", but must be one of ");
  for (size_t i = 0; i < allowed->count && i < SHOWN_COUNT_MAX; i++) {
    if (i > 0) fl_buf_add_text(message, ", ");
    add_shown(message, allowed->values[i]);
  }
  if (allowed->count > SHOWN_COUNT_MAX) fl_buf_addf(message, " and %zu more", allowed->count - SHOWN_COUNT_MAX);
  const char *nearest = nearest_allowed(instance, allowed);
  if (nearest != NULL) fl_buf_addf(message, "; did you mean \"%s\"?", nearest);
}

bool fl_schema_complain_allowed(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval) {
  if (!is_wanted(eval)) return false;
  FL_BUF_AUTO message = {0};
  struct allowed allowed = {0};
  struct fl_schema_complaint complaint = {.allowed = rule->value, .is_list = rule->kind == FL_RULE_ENUM};
  allowed_add_complaint(&allowed, &complaint);
  add_allowed_text(&message, eval->instance, &allowed);
  fl_free(allowed.values);
  struct fl_schema_complaint whole = complaint_at(eval, rule->keyword, &message);
  whole.allowed = complaint.allowed;
  whole.is_list = complaint.is_list;
  add_take(eval->report, &whole);
  return false;
}

/* ---- members that nothing allows ---- */

bool fl_schema_complain_member(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval,
                               const char *keyword, const struct fl_map *known) {
  if (!is_wanted(eval)) return false;
  FL_BUF_AUTO message = {0}, name = {0};
  fl_buf_add_text(&message, "is not a property that is allowed here");
  fl_buf_add(&name, eval->path->key.data, eval->path->key.size);
  size_t name_count = 0, cursor = 0, known_count = known != NULL ? known->count : 0;
  FL_FREE_AUTO const char **names = fl_new_array(const char *, known_count + 1);
  for (struct fl_map_entry *entry; known != NULL && (entry = fl_map_next(known, &cursor)) != NULL;)
    names[name_count++] = entry->key;
  const char *nearest = name.size > 0 && name.size < SHOWN_SIZE_MAX ? fl_nearest(name.data, names, name_count) : NULL;
  for (size_t i = 0; i < name_count && i < SHOWN_COUNT_MAX; i++)
    fl_buf_addf(&message, "%s\"%s\"", i == 0 ? "; known are " : ", ", names[i]);
  if (name_count > SHOWN_COUNT_MAX) fl_buf_addf(&message, " and %zu more", name_count - SHOWN_COUNT_MAX);
  if (nearest != NULL) fl_buf_addf(&message, "; did you mean \"%s\"?", nearest);
  struct fl_schema_complaint complaint = complaint_at(eval, keyword, &message);
  add_take(eval->report, &complaint);
  return false;
}

/* ---- alternatives ---- */

/* The first complaint of a branch about the type of this very instance. */
static const struct fl_schema_complaint *type_complaint(const struct fl_schema_report *branch, size_t depth) {
  for (size_t i = 0; i < branch->count; i++)
    if (branch->complaints[i].types != 0 && branch->complaints[i].depth == depth) return &branch->complaints[i];
  return NULL;
}

/* The first complaint about a constant at a depth; one level down it is a discriminator. */
static const struct fl_schema_complaint *constant_complaint(const struct fl_schema_report *branch, size_t depth) {
  for (size_t i = 0; i < branch->count; i++)
    if (branch->complaints[i].allowed != NULL && branch->complaints[i].depth == depth) return &branch->complaints[i];
  return NULL;
}

static void move_all(struct fl_schema_report *from, struct fl_schema_report *to) {
  for (size_t i = 0; i < from->count; i++) add_take(to, &from->complaints[i]);
  from->count = 0;
}

struct choice {
  struct fl_schema_report *branches;
  size_t *left; /* indices of the branches that may have been meant */
  size_t left_count;
};

/* Leaves out the branches that `find` finds something in, unless that would leave none. */
static void leave_out(struct choice *choice, size_t depth,
                      const struct fl_schema_complaint *(*find)(const struct fl_schema_report *branch, size_t depth)) {
  size_t kept = 0;
  for (size_t i = 0; i < choice->left_count; i++) kept += find(&choice->branches[choice->left[i]], depth) == NULL;
  if (kept == 0) return;
  size_t at = 0;
  for (size_t i = 0; i < choice->left_count; i++)
    if (find(&choice->branches[choice->left[i]], depth) == NULL) choice->left[at++] = choice->left[i];
  choice->left_count = kept;
}

/* All branches want another type: one complaint with all of them. */
static bool merge_types(const struct choice *choice, const struct fl_schema_rule *rule,
                        const struct fl_schema_eval *eval, size_t depth) {
  unsigned types = 0;
  for (size_t i = 0; i < choice->left_count; i++) {
    const struct fl_schema_complaint *complaint = type_complaint(&choice->branches[choice->left[i]], depth);
    if (complaint == NULL) return false;
    types |= complaint->types;
  }
  add_type_complaint(eval, rule->keyword, types);
  return true;
}

/* All branches want another constant at the same place: one complaint with all of them. */
static bool merge_constants(const struct choice *choice, const struct fl_schema_rule *rule,
                            const struct fl_schema_eval *eval, size_t depth) {
  struct allowed allowed = {0};
  const struct fl_schema_complaint *first = NULL;
  bool is_same = true;
  for (size_t i = 0; i < choice->left_count && is_same; i++) {
    const struct fl_schema_complaint *complaint = constant_complaint(&choice->branches[choice->left[i]], depth);
    if (first == NULL) first = complaint;
    is_same = complaint != NULL && strcmp(complaint->text.instance_pointer, first->text.instance_pointer) == 0;
    if (is_same) allowed_add_complaint(&allowed, complaint);
  }
  if (is_same && first != NULL) {
    const char *tail = first->text.instance_pointer + strlen(first->text.instance_pointer);
    while (tail > first->text.instance_pointer && *tail != '/') tail--;
    FL_BUF_AUTO message = {0};
    const struct fl_value *wrong =
        depth == path_depth(eval->path) ? eval->instance : fl_json_pointer(eval->instance, tail);
    add_allowed_text(&message, wrong, &allowed);
    struct fl_schema_complaint whole = complaint_at(eval, rule->keyword, &message);
    fl_free(whole.text.instance_pointer);
    whole.text.instance_pointer = fl_strdup(first->text.instance_pointer);
    whole.depth = depth;
    add_take(eval->report, &whole);
  }
  fl_free(allowed.values);
  return is_same && first != NULL;
}

static void add_nearest_branch(const struct choice *choice, const struct fl_schema_rule *rule,
                               const struct fl_schema_eval *eval) {
  size_t best = choice->left[0];
  for (size_t i = 1; i < choice->left_count; i++)
    if (choice->branches[choice->left[i]].count < choice->branches[best].count) best = choice->left[i];
  FL_BUF_AUTO message = {0};
  const struct fl_schema_report *branch = &choice->branches[best];
  fl_buf_addf(&message, "fits none of the %zu allowed forms; the nearest is form %zu, but ", rule->node_count,
              best + 1);
  for (size_t i = 0; i < branch->count && i < 2; i++) {
    const struct fl_schema_violation *text = &branch->complaints[i].text;
    const char *where = branch->complaints[i].depth == path_depth(eval->path) ? "it" : text->instance_pointer;
    fl_buf_addf(&message, "%s%s %s", i > 0 ? ", and " : "", where, text->message);
  }
  struct fl_schema_complaint complaint = complaint_at(eval, rule->keyword, &message);
  add_take(eval->report, &complaint);
}

bool fl_schema_complain_branches(const struct fl_schema_rule *rule, const struct fl_schema_eval *eval,
                                 struct fl_schema_report *branches) {
  if (eval->run->error != 0) return false;
  size_t depth = path_depth(eval->path);
  FL_FREE_AUTO size_t *left = fl_new_array(size_t, rule->node_count);
  struct choice choice = {branches, left, rule->node_count};
  for (size_t i = 0; i < rule->node_count; i++) left[i] = i;
  if (merge_types(&choice, rule, eval, depth)) return false;
  leave_out(&choice, depth, type_complaint);
  if (choice.left_count > 1 && merge_constants(&choice, rule, eval, depth)) return false;
  leave_out(&choice, depth, constant_complaint);
  if (choice.left_count > 1 && merge_constants(&choice, rule, eval, depth + 1)) return false;
  leave_out(&choice, depth + 1, constant_complaint);
  if (choice.left_count == 1) move_all(&branches[left[0]], eval->report);
  else add_nearest_branch(&choice, rule, eval);
  return false;
}
