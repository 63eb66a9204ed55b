/* SPDX-License-Identifier: MIT */
#include "runtime/trace/policy.h"

#include "runtime/base/id.h"

#include <stdlib.h>
#include <string.h>

/* A word up to the next comma; the rest stands behind it. */
static fl_slice take_word(const char **text) {
  fl_slice word = fl_slice_n(*text, strcspn(*text, ","));
  *text += word.size + ((*text)[word.size] == ',');
  while (word.size > 0 && *word.data == ' ') word.data++, word.size--;
  while (word.size > 0 && word.data[word.size - 1] == ' ') word.size--;
  return word;
}

static bool read_number(fl_slice word, double max, double *ret_number) {
  char digits[32], *end = NULL;
  if (word.size == 0 || word.size >= sizeof digits) return false;
  memcpy(digits, word.data, word.size);
  digits[word.size] = '\0';
  if (strspn(digits, "0123456789.") != word.size) return false;
  *ret_number = strtod(digits, &end);
  return *end == '\0' && *ret_number <= max;
}

static int read_content(const char *text, struct fl_trace_policy *policy, struct fl_error *err) {
  static const char floor_is[] = "floor=";
  bool has_percent = false;
  while (*text != '\0') {
    double number = 0;
    fl_slice word = take_word(&text);
    fl_slice rest = fl_slice_n(word.data + sizeof floor_is - 1, word.size - sizeof floor_is + 1);
    bool is_floor = fl_slice_starts(word, FL_SLICE("floor="));
    if (fl_slice_equal(word, FL_SLICE("errors"))) policy->content_of_errors = true;
    else if (is_floor && read_number(rest, 1e6, &number)) policy->content_floor = (uint32_t)number;
    else if (!has_percent && !is_floor && read_number(word, 100, &policy->content_percent)) has_percent = true;
    else
      return fl_error_set(err, FL_E_INVALID, "\"%.*s\" is no percentage, floor=N or errors", (int)word.size, word.data);
  }
  return 0;
}

static int read_age(const char *text, int64_t *ret_ms, struct fl_error *err) {
  static const struct {
    char unit;
    int64_t ms;
  } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
  char *end = NULL;
  long number = strtol(text, &end, 10);
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
    if (end != text && number > 0 && number < 1000000 && *end == units[i].unit && end[1] == '\0') {
      *ret_ms = number * units[i].ms;
      return 0;
    }
  return fl_error_set(err, FL_E_INVALID, "\"%.40s\" is no age like 12h or 30d", text);
}

int fl_trace_policy_read(const struct fl_trace_policy_texts *texts, struct fl_trace_policy *ret_policy,
                         struct fl_error *err) {
  struct fl_trace_policy policy = {0};
  int rc = texts->content != NULL ? read_content(texts->content, &policy, err) : 0;
  if (rc == 0 && texts->keep != NULL) rc = read_age(texts->keep, &policy.keep_ms, err);
  if (rc == 0 && texts->keep_content != NULL) rc = read_age(texts->keep_content, &policy.keep_content_ms, err);
  if (rc == 0) *ret_policy = policy;
  return rc;
}

bool fl_trace_policy_draws(const struct fl_trace_policy *policy, const char *run_id) {
  uint8_t hash[FL_HASH_SIZE];
  fl_hash_bytes(fl_slice_of(run_id), hash);
  uint32_t number = (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
  return (double)number < policy->content_percent / 100 * 4294967296.0;
}
