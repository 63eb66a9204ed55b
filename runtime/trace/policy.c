/* SPDX-License-Identifier: MIT */
#include "runtime/trace/policy.h"

#include "runtime/base/id.h"
#include "runtime/base/timestamp.h"

#include <fairlead/value.h>
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
  policy->content_percent = 0, policy->content_floor = 0, policy->content_of_errors = false;
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
  int64_t age_ms = fl_age_ms(text);
  if (age_ms < 0) return fl_error_set(err, FL_E_INVALID, "\"%.40s\" is no age like 12h or 30d", text);
  *ret_ms = age_ms;
  return 0;
}

/* One of two words; which, as a flag. */
static int read_flag(const char *text, const char *no, const char *yes, bool *ret_flag, struct fl_error *err) {
  if (strcmp(text, no) != 0 && strcmp(text, yes) != 0)
    return fl_error_set(err, FL_E_INVALID, "\"%.40s\" is neither %s nor %s", text, no, yes);
  *ret_flag = strcmp(text, yes) == 0;
  return 0;
}

static const struct {
  const char *word;
  unsigned kind;
} kinds[] = {{"email", FL_REDACT_EMAIL}, {"card", FL_REDACT_CARD}, {"iban", FL_REDACT_IBAN}};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

static unsigned kind_of(fl_slice word) {
  for (size_t i = 0; i < KIND_COUNT; i++)
    if (fl_slice_equal(word, fl_slice_of(kinds[i].word))) return kinds[i].kind;
  return 0;
}

static int read_redact(const char *text, unsigned *ret_redacts, struct fl_error *err) {
  unsigned redacts = strcmp(text, "all") == 0 ? FL_REDACT_ALL : 0;
  bool is_word = redacts != 0 || strcmp(text, "none") == 0;
  while (!is_word && *text != '\0') {
    fl_slice word = take_word(&text);
    if (kind_of(word) == 0)
      return fl_error_set(err, FL_E_INVALID, "\"%.*s\" is none of all, none, email, card and iban", (int)word.size,
                          word.data);
    redacts |= kind_of(word);
  }
  *ret_redacts = redacts;
  return 0;
}

int fl_trace_policy_read(const struct fl_trace_policy_texts *texts, struct fl_trace_policy *policy,
                         struct fl_error *err) {
  struct fl_trace_policy read = *policy;
  bool is_on = !read.is_off;
  int rc = texts->content != NULL ? read_content(texts->content, &read, err) : 0;
  if (rc == 0 && texts->keep != NULL) rc = read_age(texts->keep, &read.keep_ms, err);
  if (rc == 0 && texts->keep_content != NULL) rc = read_age(texts->keep_content, &read.keep_content_ms, err);
  if (rc == 0 && texts->record != NULL) rc = read_flag(texts->record, "off", "on", &is_on, err);
  if (rc == 0 && texts->arguments != NULL)
    rc = read_flag(texts->arguments, "hash", "value", &read.shows_arguments, err);
  if (rc == 0 && texts->redact != NULL) rc = read_redact(texts->redact, &read.redacts, err);
  read.is_off = !is_on;
  if (rc == 0) *policy = read;
  return rc;
}

struct fl_trace_policy fl_trace_policy_default(void) {
  return (struct fl_trace_policy){.redacts = FL_REDACT_ALL};
}

static void take_age(const struct fl_value *section, const char *key, int64_t *age_ms) {
  const char *text = fl_get_string(section, key, NULL);
  if (text != NULL) *age_ms = fl_age_ms(text);
}

void fl_trace_policy_take(const struct fl_value *section, struct fl_trace_policy *policy) {
  const struct fl_value *content = fl_get(section, "content"), *redact = fl_get(section, "redact");
  policy->content_percent = fl_as_double(fl_get(content, "percent"), policy->content_percent);
  policy->content_floor = (uint32_t)fl_get_int(content, "floor", policy->content_floor);
  policy->content_of_errors = fl_get_bool(content, "errors", policy->content_of_errors);
  take_age(section, "keep", &policy->keep_ms);
  take_age(section, "keep_content", &policy->keep_content_ms);
  policy->is_off = !fl_get_bool(section, "record", !policy->is_off);
  if (fl_get(section, "arguments") != NULL)
    policy->shows_arguments = strcmp(fl_get_string(section, "arguments", ""), "value") == 0;
  for (size_t i = 0; i < KIND_COUNT; i++) {
    bool goes = fl_get_bool(redact, kinds[i].word, (policy->redacts & kinds[i].kind) != 0);
    policy->redacts = goes ? policy->redacts | kinds[i].kind : policy->redacts & ~kinds[i].kind;
  }
}

bool fl_trace_policy_draws(const struct fl_trace_policy *policy, const char *run_id) {
  uint8_t hash[FL_HASH_SIZE];
  fl_hash_bytes(fl_slice_of(run_id), hash);
  uint32_t number = (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
  return (double)number < policy->content_percent / 100 * 4294967296.0;
}
