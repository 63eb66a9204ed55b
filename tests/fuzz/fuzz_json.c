/* SPDX-License-Identifier: MIT */
/* JSON text, both modes. Checks: jansson takes the same texts (but for integers beyond 64 bits in the full mode, which
 * its own flag for that rounds as well) and reads the same values; what is written reads back equal, in every style;
 * the skipping scanner finds the end that the reader finds, and on bad text stays within it. Links the static library
 * and jansson. */
#include "runtime/base/check.h"
#include "runtime/json/known.h"
#include "runtime/json/raw.h"

static void check_written(const struct fl_value *value, enum fl_json_style style) {
  FL_BUF_AUTO first = {0};
  FL_BUF_AUTO second = {0};
  FL_VALUE_AUTO back = NULL;
  int rc = fl_json_write(&first, value, style);
  fl_check(rc == 0 || style == FL_JSON_CANONICAL);
  if (rc < 0) return;
  fl_check(fl_json_read(fl_buf_slice(&first), FL_JSON_FULL, &back, NULL) == 0);
  rc = fl_json_write(&second, back, style);
  fl_check(rc == 0 || style == FL_JSON_CANONICAL);
  if (rc < 0) return; /* a double beyond 2^53 that canonical text writes as digits reads back as an integer */
  fl_check(fl_equal(value, back));
  fl_check(fl_slice_equal(fl_buf_slice(&first), fl_buf_slice(&second)));
  if (style == FL_JSON_COMPACT) fl_check(fl_json_skip(fl_buf_slice(&first)) == first.size);
}

static void check_value(const struct fl_value *value) {
  uint8_t hash[32];
  fl_json_hash(value, hash);
  check_written(value, FL_JSON_COMPACT);
  check_written(value, FL_JSON_PRETTY);
  check_written(value, FL_JSON_CANONICAL);
  FL_VALUE_AUTO merged = fl_json_merge(value, value);
  fl_check(fl_json_weight(merged) < SIZE_MAX / 2);
}

/* jansson 2.14 swallows a NUL byte that follows a number; then its answer says nothing. */
static bool has_nul(fl_slice text) { return memchr(text.data, 0, text.size) != NULL; }

static void check_strict(fl_slice text) {
  FL_VALUE_AUTO value = NULL;
  int rc = fl_json_read(text, FL_JSON_STRICT, &value, NULL);
  json_error_t reason;
  json_t *peer = json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &reason);
  if (rc != FL_E_LIMIT && !has_nul(text)) fl_check((rc == 0) == (peer != NULL)); /* our depth is less */
  if (rc == 0) fl_check(json_equal(fl_raw(value), peer));
  json_decref(peer);
}

/* What is remembered, of this text or inside it, changes nothing of what is read. */
static void check_memo(fl_slice text) {
  struct fl_json_memo memo = {.key = FL_SLICE("a")};
  FL_VALUE_AUTO plain = NULL;
  int rc = fl_json_read(text, FL_JSON_STRICT, &plain, NULL);
  for (int i = 0; i < 2; i++) {
    FL_VALUE_AUTO value = NULL;
    fl_check(fl_json_read_memo(text, &memo, &value, NULL) == rc);
    fl_check(rc < 0 || fl_equal(value, plain));
  }
  fl_json_memo_deinit(&memo);
}

/* A text is read, or refused, alike, whether or not its members are known. */
static void check_known(fl_slice text) {
  struct pair {
    struct fl_value *a, *id;
  } known, found = {0};
  static const struct fl_json_place places[] = {FL_JSON_PLACE("a", struct pair, a),
                                                FL_JSON_PLACE("id", struct pair, id)};
  const struct fl_json_known how = {places, 2, NULL};
  FL_VALUE_AUTO plain = NULL;
  FL_VALUE_AUTO other = NULL;
  struct fl_error err = {0}, plain_err = {0};
  int rc = fl_json_read(text, FL_JSON_STRICT, &plain, &plain_err);
  fl_check(fl_json_read_known(text, &how, &other, &known, &err) == rc);
  fl_check(rc == 0 || strcmp(err.text, plain_err.text) == 0);
  if (rc == 0 && other == NULL) fl_json_members(plain, places, 2, &found);
  size_t count = (size_t)((known.a != NULL) + (known.id != NULL));
  fl_check(other == NULL ? rc < 0 || fl_size(plain) == count : count == 0 && fl_equal(other, plain));
  fl_check(known.a == NULL ? found.a == NULL : fl_equal(known.a, found.a));
  fl_check(known.id == NULL ? found.id == NULL : fl_equal(known.id, found.id));
  fl_value_unref(known.a);
  fl_value_unref(known.id);
}

static void check_full(fl_slice text) {
  FL_VALUE_AUTO value = NULL;
  struct fl_error err;
  int rc = fl_json_read(text, FL_JSON_FULL, &value, &err); /* with `err`, so that the place of a fault is counted too */
  json_t *peer = json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  if (peer != NULL && !has_nul(text)) fl_check(rc == 0 && json_equal(fl_raw(value), peer));
  json_decref(peer);
  peer = json_loadb(text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
  fl_check((rc == 0) == (peer != NULL) || has_nul(text));
  json_decref(peer);
  if (rc == 0) check_value(value);
}

static void check_prefix(fl_slice text) {
  FL_VALUE_AUTO value = NULL;
  FL_VALUE_AUTO again = NULL;
  size_t used = 0;
  if (fl_json_read_prefix(text, FL_JSON_FULL, &value, &used, NULL) < 0) return;
  fl_check(used > 0 && used <= text.size);
  fl_check(fl_json_read(fl_slice_n(text.data, used), FL_JSON_FULL, &again, NULL) == 0);
  fl_check(fl_equal(value, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fl_slice text = {size > 0 ? (const char *)data : "", size};
  check_strict(text);
  check_memo(text);
  check_known(text);
  check_full(text);
  check_prefix(text);
  fl_check(fl_json_skip(text) <= size);
  fl_check(fl_json_find_member(text, FL_SLICE("id")).size <= size);
  return 0;
}
