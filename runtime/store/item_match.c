/* SPDX-License-Identifier: MIT */
/* Namespaces, filters, paths and words of items. Pure. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/store/items.h"

#include <ctype.h>
#include <fairlead/memory.h>
#include <stdlib.h>
#include <string.h>

/* ---- namespaces ---- */

static const char *label_fault(const struct fl_value *label) {
  const char *text = fl_as_string(label);
  size_t size = fl_string_size(label);
  if (text == NULL) return "is no text";
  if (size == 0) return "is empty";
  if (size > FL_MEMORY_LABEL_MAX) return "is longer than 128 bytes";
  if (memchr(text, 0, size) != NULL) return "holds a NUL";
  return strchr(text, '.') != NULL ? "holds a \".\"" : NULL;
}

int fl_item_namespace(const struct fl_value *labels, bool may_be_empty, char **ret_ns, struct fl_error *err) {
  FL_BUF_AUTO text = {0};
  if (labels != NULL && !fl_is(labels, FL_ARRAY))
    return fl_error_set(err, FL_E_INVALID, "a namespace is an array of labels, not %s",
                        fl_type_name(fl_type_of(labels)));
  size_t count = fl_size(labels);
  if (count == 0 && !may_be_empty) return fl_error_set(err, FL_E_INVALID, "a namespace needs at least one label");
  if (count > FL_MEMORY_LABELS_MAX)
    return fl_error_set(err, FL_E_INVALID, "a namespace has at most %d labels, not %zu", FL_MEMORY_LABELS_MAX, count);
  for (size_t i = 0; i < count; i++) {
    const char *fault = label_fault(fl_at(labels, i));
    if (fault != NULL) return fl_error_set(err, FL_E_INVALID, "label %zu of the namespace %s", i + 1, fault);
    if (i > 0) fl_buf_add_char(&text, '.');
    fl_buf_add_text(&text, fl_as_string(fl_at(labels, i)));
  }
  if (count > 0 && strcmp(fl_as_string(fl_at(labels, 0)), "fairlead") == 0)
    return fl_error_set(err, FL_E_INVALID, "namespaces that begin with \"fairlead\" are fairlead's own");
  *ret_ns = text.data != NULL ? fl_buf_take(&text, NULL) : fl_strdup("");
  return 0;
}

struct fl_value *fl_item_labels(const char *ns) {
  struct fl_value *labels = fl_array();
  while (ns[0] != 0) {
    size_t size = strcspn(ns, ".");
    fl_append_take(labels, fl_string_n(ns, size));
    ns += size + (ns[size] == '.');
  }
  return labels;
}

static bool label_fits(const struct fl_value *label, const struct fl_value *pattern) {
  const char *text = fl_as_string(pattern);
  return text != NULL && (strcmp(text, "*") == 0 || fl_equal(label, pattern));
}

bool fl_item_has_prefix(const struct fl_value *labels, const struct fl_value *pattern) {
  size_t count = fl_size(pattern);
  if (count > fl_size(labels)) return false;
  for (size_t i = 0; i < count; i++)
    if (!label_fits(fl_at(labels, i), fl_at(pattern, i))) return false;
  return true;
}

bool fl_item_has_suffix(const struct fl_value *labels, const struct fl_value *pattern) {
  size_t count = fl_size(pattern), size = fl_size(labels);
  if (count > size) return false;
  for (size_t i = 0; i < count; i++)
    if (!label_fits(fl_at(labels, size - count + i), fl_at(pattern, i))) return false;
  return true;
}

/* ---- filters ---- */

enum { FILTER_DEPTH_MAX = 16 };
static const char *const operators[] = {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"};
enum operator{ OP_EQ, OP_NE, OP_GT, OP_GTE, OP_LT, OP_LTE, OP_COUNT };

static int operator_of(const char *key) {
  for (int i = 0; i < OP_COUNT; i++)
    if (strcmp(key, operators[i]) == 0) return i;
  return -1;
}

static int check_member(const struct fl_value *condition, const char *key, int depth, struct fl_error *err) {
  struct fl_member member = {0};
  if (key[0] == '$' && operator_of(key) < 0)
    return fl_error_set(err, FL_E_INVALID, "the filter's \"%.60s\" is not one of $eq $ne $gt $gte $lt $lte", key);
  if (depth > FILTER_DEPTH_MAX) return fl_error_set(err, FL_E_LIMIT, "the filter is nested too deep");
  while (fl_is(condition, FL_OBJECT) && fl_next_member(condition, &member)) {
    int status = check_member(member.value, member.key, depth + 1, err);
    if (status != 0) return status;
  }
  return 0;
}

int fl_item_filter_check(const struct fl_value *filter, struct fl_error *err) {
  if (filter == NULL) return 0;
  if (!fl_is(filter, FL_OBJECT)) return fl_error_set(err, FL_E_INVALID, "a filter is an object of conditions");
  return check_member(filter, "", 0, err);
}

/* -1, 0 or 1; 2 when the two cannot be put in an order. */
static int order_of(const struct fl_value *a, const struct fl_value *b) {
  const char *text_a = fl_as_string(a), *text_b = fl_as_string(b);
  if (text_a != NULL && text_b != NULL) {
    int order = strcmp(text_a, text_b);
    return (order > 0) - (order < 0);
  }
  bool are_numbers = (fl_is(a, FL_INT) || fl_is(a, FL_DOUBLE)) && (fl_is(b, FL_INT) || fl_is(b, FL_DOUBLE));
  if (!are_numbers) return 2;
  double x = fl_as_double(a, 0), y = fl_as_double(b, 0);
  return (x > y) - (x < y);
}

static bool operator_holds(enum operator operator, const struct fl_value * value, const struct fl_value *with) {
  bool is_null = value == NULL && fl_is(with, FL_NULL);
  if (operator== OP_EQ) return is_null || (value != NULL && fl_equal(value, with));
  if (operator== OP_NE) return !(is_null || (value != NULL && fl_equal(value, with)));
  int order = value != NULL ? order_of(value, with) : 2;
  if (order == 2) return false;
  if (operator== OP_GT) return order > 0;
  if (operator== OP_GTE) return order >= 0;
  return operator== OP_LT ? order < 0 : order <= 0;
}

static bool condition_holds(const struct fl_value *condition, const struct fl_value *value) {
  struct fl_member member = {0};
  if (!fl_is(condition, FL_OBJECT)) return operator_holds(OP_EQ, value, condition);
  while (fl_next_member(condition, &member)) {
    int operator= operator_of(member.key);
    bool holds = operator>= 0 ? operator_holds((enum operator) operator, value, member.value)
                              : condition_holds(member.value, fl_get(value, member.key));
    if (!holds) return false;
  }
  return true;
}

bool fl_item_filter_holds(const struct fl_value *filter, const struct fl_value *value) {
  return filter == NULL || condition_holds(filter, value);
}

/* ---- paths ---- */

struct walk {
  fl_item_text_fn *visit;
  void *user;
};

static void give(const struct fl_value *value, const struct walk *walk) {
  if (value == NULL || fl_is(value, FL_NULL)) return;
  if (fl_is(value, FL_STRING)) {
    if (fl_string_size(value) > 0) walk->visit(fl_slice_n(fl_as_string(value), fl_string_size(value)), walk->user);
    return;
  }
  FL_BUF_AUTO text = {0};
  if (fl_json_write(&text, value, FL_JSON_COMPACT) == 0) walk->visit(fl_buf_slice(&text), walk->user);
}

static int follow(const struct fl_value *value, const char *path, const struct walk *walk);

static int follow_all(const struct fl_value *value, const char *rest, const struct walk *walk) {
  struct fl_member member = {0};
  int status = 0;
  for (size_t i = 0; status == 0 && fl_is(value, FL_ARRAY) && i < fl_size(value); i++)
    status = follow(fl_at(value, i), rest, walk);
  while (status == 0 && fl_is(value, FL_OBJECT) && fl_next_member(value, &member))
    status = follow(member.value, rest, walk);
  return status;
}

/* "[0]", "[-1]", "[*]". */
static int follow_index(const struct fl_value *value, const char *path, const struct walk *walk) {
  if (strncmp(path, "[*]", 3) == 0) return follow_all(value, path + 3, walk);
  char *end;
  long index = strtol(path + 1, &end, 10);
  if (end == path + 1 || *end != ']') return FL_E_INVALID;
  if (index < 0) index += (long)fl_size(value);
  return index < 0 ? 0 : follow(fl_at(value, (size_t)index), end + 1, walk);
}

static int follow(const struct fl_value *value, const char *path, const struct walk *walk) {
  if (path[0] == '.') path++;
  if (path[0] == 0) {
    give(value, walk);
    return 0;
  }
  if (path[0] == '[') return follow_index(value, path, walk);
  size_t size = strcspn(path, ".[");
  if (size == 0) return FL_E_INVALID;
  if (size == 1 && path[0] == '*') return follow_all(value, path + 1, walk);
  return follow(fl_get_n(value, path, size), path + size, walk);
}

int fl_item_texts(const struct fl_value *value, const char *path, fl_item_text_fn *visit, void *user) {
  const struct walk walk = {visit, user};
  if (path[0] == 0) return FL_E_INVALID;
  if (strcmp(path, "$") == 0) {
    give(value, &walk);
    return 0;
  }
  return follow(value, strncmp(path, "$.", 2) == 0 ? path + 2 : path, &walk);
}

/* ---- words ---- */

enum { WORDS_MAX = 64 };

static bool is_of_word(char c) { return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || c == '_'; }

/* Each word between quotes, so that nothing in it means anything to the index. */
char *fl_item_words_query(const char *text) {
  FL_BUF_AUTO query = {0};
  for (size_t count = 0; *text != 0 && count < WORDS_MAX;) {
    size_t size = 0;
    while (is_of_word(text[size])) size++;
    if (size > 0) {
      fl_buf_addf(&query, "%s\"%.*s\"", count > 0 ? " OR " : "", (int)size, text);
      count++;
    }
    text += size + (text[size] != 0);
  }
  return query.data != NULL ? fl_buf_take(&query, NULL) : NULL;
}
