/* SPDX-License-Identifier: MIT */
/* Functions on strings: CEL's own and the useful ones of its strings extension. Positions count code points. What a
 * function reads is paid in steps, a step for 64 bytes; what it makes is paid in output. Pure. */
#include "runtime/json/expr_internal.h"

enum { MATCH_STEPS = 100 }; /* what a match costs beside its text */

/* All of args[first..] must be strings. */
static int want_strings(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *args,
                        size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    if (!fl_is(args[i].value, FL_STRING))
      return fl_eval_fail(eval, node, "%s() is for strings, not for %s", node->function->name,
                          fl_var_type_name(&args[i]));
    bytes += fl_string_size(args[i].value);
  }
  return fl_eval_charge(eval, node, bytes / 64);
}

static bool ends_with(fl_slice text, fl_slice suffix) {
  return text.size >= suffix.size &&
         fl_slice_equal(fl_slice_n(text.data + text.size - suffix.size, suffix.size), suffix);
}

static bool find(fl_slice text, size_t from, fl_slice part, size_t *ret_at) {
  const char *found = memmem(text.data + from, text.size - from, part.data, part.size);
  if (found == NULL) return false;
  *ret_at = (size_t)(found - text.data);
  return true;
}

int fl_expr_starts_with(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                        struct fl_var *ret) {
  int rc = want_strings(eval, node, args, 2);
  if (rc == 0) ret->value = fl_bool(fl_slice_starts(fl_var_text(&args[0]), fl_var_text(&args[1])));
  return rc;
}

int fl_expr_ends_with(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                      struct fl_var *ret) {
  int rc = want_strings(eval, node, args, 2);
  if (rc == 0) ret->value = fl_bool(ends_with(fl_var_text(&args[0]), fl_var_text(&args[1])));
  return rc;
}

int fl_expr_contains(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                     struct fl_var *ret) {
  size_t at;
  int rc = want_strings(eval, node, args, 2);
  if (rc == 0) ret->value = fl_bool(find(fl_var_text(&args[0]), 0, fl_var_text(&args[1]), &at));
  return rc;
}

static void destroy_regex(struct fl_regex **regex) { fl_regex_destroy(*regex); }

int fl_expr_matches(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                    struct fl_var *ret) {
  int rc = want_strings(eval, node, args, 2);
  if (rc < 0 || (rc = fl_eval_charge(eval, node, MATCH_STEPS)) < 0) return rc;
  const struct fl_regex *regex = node->regex;
  __attribute__((cleanup(destroy_regex))) struct fl_regex *made = NULL;
  if (regex == NULL) {
    struct fl_error err = {0};
    rc = fl_regex_create(fl_var_text(&args[1]), &made, &err);
    if (rc < 0) return fl_eval_fail(eval, node, "the pattern is not valid: %s", err.text);
    regex = made;
  }
  rc = fl_regex_search(regex, fl_var_text(&args[0]));
  if (rc == FL_E_LIMIT)
    return fl_error_set(eval->err, rc, "column %u: the pattern takes too much work on this text",
                        fl_expr_column(fl_slice_of(eval->expr->text), node->offset));
  if (rc < 0) return fl_eval_fail(eval, node, "the text cannot be matched: %s", fl_error_sentence(rc));
  ret->value = fl_bool(rc == 1);
  return 0;
}

/* ---- letters ---- */

static int convert_case(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *arg, char from,
                        struct fl_var *ret) {
  int rc = want_strings(eval, node, arg, 1);
  if (rc < 0) return rc;
  fl_slice text = fl_var_text(arg);
  FL_FREE_AUTO char *copy = fl_strndup(text.data, text.size);
  for (size_t i = 0; i < text.size; i++) {
    if (copy[i] >= from && copy[i] <= from + 25) copy[i] ^= 0x20;
  }
  return fl_eval_string(eval, node, fl_slice_n(copy, text.size), ret);
}

int fl_expr_lower_ascii(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                        struct fl_var *ret) {
  return convert_case(eval, node, args, 'A', ret);
}

int fl_expr_upper_ascii(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                        struct fl_var *ret) {
  return convert_case(eval, node, args, 'a', ret);
}

/* Size of the white space (as Unicode has it) at the front of `text`; 0 when there is none. */
static size_t space_at(fl_slice text) {
  static const char *const wide[] = {"\xc2\x85", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
                                     "\u2004",   "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
                                     "\u2028",   "\u2029", "\u202f", "\u205f", "\u3000"};
  if (text.size == 0) return 0;
  if (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r')) return 1;
  for (size_t i = 0; i < sizeof wide / sizeof *wide && (unsigned char)text.data[0] >= 0x80; i++) {
    if (fl_slice_starts(text, fl_slice_of(wide[i]))) return strlen(wide[i]);
  }
  return 0;
}

static size_t last_code_point_size(fl_slice text) {
  size_t size = 1;
  while (size < text.size && ((unsigned char)text.data[text.size - size] & 0xc0) == 0x80) size++;
  return size;
}

int fl_expr_trim(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                 struct fl_var *ret) {
  int rc = want_strings(eval, node, args, 1);
  if (rc < 0) return rc;
  fl_slice text = fl_var_text(&args[0]);
  for (size_t space = space_at(text); space > 0; space = space_at(text))
    text = fl_slice_n(text.data + space, text.size - space);
  while (text.size > 0) {
    size_t size = last_code_point_size(text);
    if (space_at(fl_slice_n(text.data + text.size - size, size)) != size) break;
    text.size -= size;
  }
  return fl_eval_string(eval, node, text, ret);
}

/* ---- parts ---- */

/* An optional count as last argument, NULL when it is absent; negative: no limit. */
static int want_count(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *arg,
                      int64_t *ret_count) {
  *ret_count = -1;
  if (arg == NULL) return 0;
  if (!fl_is(arg->value, FL_INT))
    return fl_eval_fail(eval, node, "the last argument of %s() is an int, not %s", node->function->name,
                        fl_var_type_name(arg));
  *ret_count = fl_as_int(arg->value, -1);
  return 0;
}

/* Where the part that starts at `from` ends: before the next separator; with an empty one, after one code point. */
static size_t part_end(fl_slice text, size_t from, fl_slice separator) {
  size_t end = text.size;
  if (separator.size > 0) return find(text, from, separator, &end) ? end : text.size;
  end = from + 1;
  while (end < text.size && ((unsigned char)text.data[end] & 0xc0) == 0x80) end++;
  return end;
}

int fl_expr_split(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                  struct fl_var *ret) {
  int64_t limit;
  int rc = want_strings(eval, node, args, 2);
  if (rc < 0 || (rc = want_count(eval, node, arg_count > 2 ? &args[2] : NULL, &limit)) < 0) return rc;
  fl_slice text = fl_var_text(&args[0]), separator = fl_var_text(&args[1]);
  FL_VALUE_AUTO parts = fl_array();
  size_t from = 0;
  bool is_done = limit == 0 || (separator.size == 0 && text.size == 0);
  while (!is_done) {
    bool is_rest = limit > 0 && fl_size(parts) + 1 == (size_t)limit;
    size_t end = is_rest ? text.size : part_end(text, from, separator);
    struct fl_var part = {0};
    if ((rc = fl_eval_charge(eval, node, 1)) < 0 || (rc = fl_eval_spend(eval, node, 16)) < 0) return rc;
    if ((rc = fl_eval_string(eval, node, fl_slice_n(text.data + from, end - from), &part)) < 0) return rc;
    fl_append_take(parts, part.value);
    is_done = end == text.size;
    from = end + separator.size;
  }
  ret->value = fl_value_ref(parts);
  return 0;
}

int fl_expr_join(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                 struct fl_var *ret) {
  if (!fl_var_is_list(&args[0]))
    return fl_eval_fail(eval, node, "join() is for lists, not for %s", fl_var_type_name(&args[0]));
  int rc = want_strings(eval, node, args + 1, arg_count - 1);
  if (rc < 0) return rc;
  fl_slice separator = arg_count > 1 ? fl_var_text(&args[1]) : FL_SLICE("");
  FL_BUF_AUTO text;
  fl_buf_init(&text, FL_EXPR_OUTPUT_MAX);
  for (size_t i = 0, size = fl_var_size(&args[0]); i < size; i++) {
    struct fl_var part = {.value = fl_var_at(&args[0], i)};
    if (!fl_is(part.value, FL_STRING))
      return fl_eval_fail(eval, node, "join() joins strings; element %zu is %s", i, fl_var_type_name(&part));
    if ((rc = fl_eval_charge(eval, node, 1)) < 0) return rc;
    if (i > 0) fl_buf_add(&text, separator.data, separator.size);
    fl_buf_add(&text, fl_as_string(part.value), fl_string_size(part.value));
    if (text.failed) return fl_eval_spend(eval, node, FL_EXPR_OUTPUT_MAX + 1);
  }
  return fl_eval_string(eval, node, fl_buf_slice(&text), ret);
}

int fl_expr_replace(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                    struct fl_var *ret) {
  int64_t limit;
  int rc = want_strings(eval, node, args, 3);
  if (rc < 0 || (rc = want_count(eval, node, arg_count > 3 ? &args[3] : NULL, &limit)) < 0) return rc;
  fl_slice text = fl_var_text(&args[0]), from = fl_var_text(&args[1]), to = fl_var_text(&args[2]);
  if (from.size == 0) return fl_eval_fail(eval, node, "replace() needs something to look for");
  FL_BUF_AUTO made;
  fl_buf_init(&made, FL_EXPR_OUTPUT_MAX);
  size_t at = 0, found;
  for (int64_t count = 0; (limit < 0 || count < limit) && find(text, at, from, &found); count++) {
    if ((rc = fl_eval_charge(eval, node, 1)) < 0) return rc;
    fl_buf_add(&made, text.data + at, found - at);
    fl_buf_add(&made, to.data, to.size);
    at = found + from.size;
  }
  fl_buf_add(&made, text.data + at, text.size - at);
  if (made.failed) return fl_eval_spend(eval, node, FL_EXPR_OUTPUT_MAX + 1);
  return fl_eval_string(eval, node, fl_buf_slice(&made), ret);
}

/* The byte offset of a code point; false beyond the end. */
static bool offset_of(fl_slice text, int64_t index, size_t *ret_offset) {
  size_t offset = 0;
  for (; index > 0 && offset < text.size; index--) offset = part_end(text, offset, FL_SLICE(""));
  *ret_offset = offset;
  return index == 0;
}

int fl_expr_substring(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                      struct fl_var *ret) {
  size_t from = 0, to = 0;
  int rc = want_strings(eval, node, args, 1);
  if (rc < 0) return rc;
  for (size_t i = 1; i < arg_count; i++) {
    if (!fl_is(args[i].value, FL_INT))
      return fl_eval_fail(eval, node, "substring() takes ints, not %s", fl_var_type_name(&args[i]));
  }
  fl_slice text = fl_var_text(&args[0]);
  to = text.size;
  bool is_inside = offset_of(text, fl_as_int(args[1].value, 0), &from) &&
                   (arg_count == 2 || offset_of(text, fl_as_int(args[2].value, 0), &to));
  if (!is_inside || from > to) return fl_eval_fail(eval, node, "substring() reaches outside the text");
  return fl_eval_string(eval, node, fl_slice_n(text.data + from, to - from), ret);
}

/* In code points; -1 when the part is not there. */
int fl_expr_index_of(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args, size_t arg_count,
                     struct fl_var *ret) {
  size_t at = 0;
  int64_t index = 0;
  int rc = want_strings(eval, node, args, 2);
  if (rc < 0) return rc;
  fl_slice text = fl_var_text(&args[0]);
  if (!find(text, 0, fl_var_text(&args[1]), &at)) index = -1;
  for (size_t i = 0; index >= 0 && i < at; i++) index += ((unsigned char)text.data[i] & 0xc0) != 0x80;
  ret->value = fl_int(index);
  return 0;
}
