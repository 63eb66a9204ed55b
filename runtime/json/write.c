/* SPDX-License-Identifier: MIT */
#include "runtime/base/id.h"
#include "runtime/json/raw.h"

#include "runtime/json/utf8.h"

#include <stdio.h>
#include <stdlib.h>

static int append(const char *data, size_t size, void *buf) { return fl_buf_add(buf, data, size); }

int fl_json_write(struct fl_buf *buf, const struct fl_value *value, enum fl_json_style style) {
  static const size_t flags[] = {JSON_COMPACT, JSON_INDENT(2), JSON_COMPACT | JSON_SORT_KEYS};
  json_t *raw = value != NULL ? fl_raw(value) : json_null();
  size_t before = buf->size;
  int rc = json_dump_callback(raw, append, buf, flags[style] | JSON_ENCODE_ANY);
  if (rc < 0) buf->size = before;
  return rc < 0 ? FL_E_LIMIT : 0;
}

int fl_json_write_string(struct fl_buf *buf, fl_slice text) {
  FL_VALUE_AUTO string = fl_string_n(text.data, text.size);
  return fl_json_write(buf, string, FL_JSON_COMPACT);
}

size_t fl_json_format_double(double number, char ret_text[32]) {
  for (int digits = 1; digits < 18; digits++) {
    int size = snprintf(ret_text, 32, "%.*g", digits, number);
    if (strtod(ret_text, NULL) == number) return (size_t)size;
  }
  return 0;
}

void fl_json_hash(const struct fl_value *value, uint8_t ret_hash[32]) {
  FL_BUF_AUTO text = {.limit = SIZE_MAX / 2};
  fl_json_write(&text, value, FL_JSON_CANONICAL);
  fl_hash_bytes(fl_buf_slice(&text), ret_hash);
}

char *fl_dump(const struct fl_value *value, size_t *ret_size) {
  FL_BUF_AUTO text = {.limit = SIZE_MAX / 2};
  if (fl_json_write(&text, value, FL_JSON_COMPACT) < 0) return NULL;
  return fl_buf_take(&text, ret_size);
}

void fl_text_free(char *text) { fl_free(text); }
