/* SPDX-License-Identifier: MIT */
/* Patterns on pcre2's interpreter (its machine-code compiler gives up on long matches with a stack limit of its own,
 * and a pattern may come from a stranger). Pure.
 *
 * Work is bounded twice. pcre2's match limit counts backtracking from one start position; our callouts count the whole
 * search: each costs CALLOUT_WORK and the distance the matcher moved since the last one. Together they bound a search
 * to well under a second, whatever the pattern. */
#include "runtime/json/regex.h"

#include "runtime/base/mem.h"
#include "runtime/json/regex_rewrite.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
  CALLOUT_WORK = 16,
  REFERENCE_WORK = 64, /* bytes that a back reference compares for one unit */
  WORK_BASE = 64 * 1024 * 1024,
  WORK_PER_BYTE = 64,
  DEPTH_LIMIT = 200000,
  HEAP_LIMIT_KIB = 64 * 1024,
  COMPILE_OPTIONS =
      PCRE2_UTF | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C,
};

struct fl_regex {
  pcre2_code *code;
  bool has_back_references;
};

struct work {
  uint64_t left;
  uint64_t per_callout;
  PCRE2_SIZE last_position;
};

static void *library_alloc(PCRE2_SIZE size, void *user) { return fl_alloc(size); }
static void library_free(void *memory, void *user) { fl_free(memory); }

/* Which complaints of the compiler are not about the syntax. */
static int compile_error(fl_slice pattern, int number, PCRE2_SIZE offset, struct fl_error *err) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(number, text, sizeof text);
  size_t origin = fl_regex_rewrite_origin(pattern, offset);
  switch (number) {
  case PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH:
    return fl_error_set(err, FL_E_UNSUPPORTED, "pattern, offset %zu: a lookbehind must have a fixed length here",
                        origin);
  case PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY:
    return fl_error_set(err, FL_E_UNSUPPORTED, "pattern, offset %zu: this Unicode property is not known here", origin);
  case PCRE2_ERROR_QUANTIFIER_TOO_BIG:
    return fl_error_set(err, FL_E_LIMIT, "pattern, offset %zu: a repeat count may be at most 65535", origin);
  case PCRE2_ERROR_PATTERN_TOO_LARGE:
  case PCRE2_ERROR_PATTERN_TOO_COMPLICATED:
  case PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP:
  case PCRE2_ERROR_LOOKBEHIND_TOO_COMPLICATED:
  case PCRE2_ERROR_LOOKBEHIND_TOO_LONG:
    return fl_error_set(err, FL_E_LIMIT, "pattern, offset %zu: %s", origin, (const char *)text);
  default: return fl_error_set(err, FL_E_SYNTAX, "pattern, offset %zu: %s", origin, (const char *)text);
  }
}

int fl_regex_create(fl_slice pattern, struct fl_regex **ret_regex, struct fl_error *err) {
  if (pattern.size > FL_REGEX_PATTERN_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the pattern has %zu bytes; at most %d are allowed", pattern.size,
                        FL_REGEX_PATTERN_MAX);
  FL_BUF_AUTO text;
  fl_buf_init(&text, FL_REGEX_REWRITTEN_MAX);
  int rc = fl_regex_rewrite(pattern, &text, err);
  if (rc != 0) return rc;
  pcre2_general_context *general = pcre2_general_context_create(library_alloc, library_free, NULL);
  pcre2_compile_context *context = pcre2_compile_context_create(general);
  pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
  int number;
  PCRE2_SIZE offset;
  pcre2_code *code = pcre2_compile((PCRE2_SPTR)text.data, text.size, COMPILE_OPTIONS, &number, &offset, context);
  pcre2_compile_context_free(context);
  pcre2_general_context_free(general);
  if (code == NULL) return compile_error(pattern, number, offset, err);
  struct fl_regex *regex = fl_new(struct fl_regex);
  regex->code = code;
  uint32_t highest = 0;
  pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &highest);
  regex->has_back_references = highest > 0;
  *ret_regex = regex;
  return 0;
}

void fl_regex_destroy(struct fl_regex *regex) {
  if (regex == NULL) return;
  pcre2_code_free(regex->code);
  fl_free(regex);
}

static int on_callout(pcre2_callout_block *block, void *user) {
  struct work *work = user;
  PCRE2_SIZE from = work->last_position, to = block->current_position;
  uint64_t cost = work->per_callout + (from < to ? to - from : from - to);
  work->last_position = to;
  if (cost > work->left) {
    work->left = 0;
    return PCRE2_ERROR_CALLOUT;
  }
  work->left -= cost;
  return 0;
}

/* What a search may cost at most. */
static struct work work_for(const struct fl_regex *regex, fl_slice text) {
  struct work work = {WORK_BASE + (uint64_t)text.size * WORK_PER_BYTE, CALLOUT_WORK, 0};
  if (regex->has_back_references) work.per_callout += text.size / REFERENCE_WORK;
  return work;
}

/* Runs the matcher; the answer is pcre2's. */
static int run(const struct fl_regex *regex, fl_slice text, pcre2_general_context *general, pcre2_match_data *data,
               struct work *work) {
  pcre2_match_context *context = pcre2_match_context_create(general);
  pcre2_set_match_limit(context, FL_REGEX_MATCH_LIMIT);
  pcre2_set_depth_limit(context, DEPTH_LIMIT);
  pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
  pcre2_set_callout(context, on_callout, work);
  PCRE2_SPTR subject = (PCRE2_SPTR)(text.data != NULL ? text.data : "");
  int rc = pcre2_match(regex->code, subject, text.size, 0, 0, data, context);
  pcre2_match_context_free(context);
  return rc;
}

static int verdict(int rc) {
  if (rc >= 0) return 1;
  if (rc == PCRE2_ERROR_NOMATCH) return 0;
  return rc <= PCRE2_ERROR_UTF8_ERR1 && rc >= PCRE2_ERROR_UTF8_ERR21 ? FL_E_INVALID : FL_E_LIMIT;
}

/* 0 says that there are more groups than we keep. */
static size_t read_groups(int rc, fl_slice text, pcre2_match_data *data, fl_slice ret_groups[FL_REGEX_GROUP_MAX]) {
  size_t count = rc == 0 ? FL_REGEX_GROUP_MAX : (size_t)rc;
  const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
  for (size_t i = 0; i < count; i++) {
    bool is_set = ends[2 * i] != PCRE2_UNSET && ends[2 * i] <= ends[2 * i + 1];
    ret_groups[i] = is_set ? fl_slice_n(text.data + ends[2 * i], ends[2 * i + 1] - ends[2 * i]) : fl_slice_n(NULL, 0);
  }
  return count;
}

int fl_regex_match(const struct fl_regex *regex, fl_slice text, fl_slice ret_groups[FL_REGEX_GROUP_MAX],
                   size_t *ret_group_count) {
  struct work work = work_for(regex, text);
  pcre2_general_context *general = pcre2_general_context_create(library_alloc, library_free, NULL);
  pcre2_match_data *data = pcre2_match_data_create(FL_REGEX_GROUP_MAX, general);
  int rc = run(regex, text, general, data, &work);
  if (rc >= 0) *ret_group_count = read_groups(rc, text, data, ret_groups);
  pcre2_match_data_free(data);
  pcre2_general_context_free(general);
  return verdict(rc);
}

static int search(const struct fl_regex *regex, fl_slice text, struct work *work) {
  pcre2_general_context *general = pcre2_general_context_create(library_alloc, library_free, NULL);
  pcre2_match_data *data = pcre2_match_data_create(1, general);
  int rc = run(regex, text, general, data, work);
  pcre2_match_data_free(data);
  pcre2_general_context_free(general);
  return verdict(rc);
}

int fl_regex_search(const struct fl_regex *regex, fl_slice text) {
  struct work work = work_for(regex, text);
  return search(regex, text, &work);
}

int fl_regex_search_within(const struct fl_regex *regex, fl_slice text, uint64_t *ret_work) {
  struct work work = work_for(regex, text);
  if (work.left > *ret_work) work.left = *ret_work;
  uint64_t start = work.left;
  int rc = search(regex, text, &work);
  *ret_work -= start - work.left;
  return rc;
}
