/* SPDX-License-Identifier: MIT */
#include "runtime/json/raw.h"

static int fail(const json_error_t *reason, struct fl_error *err) {
  enum json_error_code code = json_error_code(reason);
  bool is_limit = code == json_error_stack_overflow || code == json_error_numeric_overflow;
  return fl_error_set(err, is_limit ? FL_E_LIMIT : FL_E_SYNTAX, "line %d, column %d: %s", reason->line, reason->column,
                      reason->text);
}

static int read_raw(fl_slice text, size_t flags, enum fl_json_mode mode, struct fl_value **ret_value, size_t *ret_used,
                    struct fl_error *err) {
  json_error_t reason;
  flags |= JSON_DECODE_ANY | (mode == FL_JSON_STRICT ? JSON_REJECT_DUPLICATES : JSON_ALLOW_NUL);
  json_t *json = json_loadb(text.data, text.size, flags, &reason);
  if (json == NULL) return fail(&reason, err);
  *ret_value = fl_cooked(json);
  *ret_used = (size_t)reason.position;
  return 0;
}

int fl_json_read(fl_slice text, enum fl_json_mode mode, struct fl_value **ret_value, struct fl_error *err) {
  size_t used;
  return read_raw(text, 0, mode, ret_value, &used, err);
}

int fl_json_read_prefix(fl_slice text, enum fl_json_mode mode, struct fl_value **ret_value, size_t *ret_used,
                        struct fl_error *err) {
  return read_raw(text, JSON_DISABLE_EOF_CHECK, mode, ret_value, ret_used, err);
}

int fl_parse(const char *text, size_t size, struct fl_value **ret_value, struct fl_error *err) {
  return fl_json_read(fl_slice_n(text, size), FL_JSON_STRICT, ret_value, err);
}
