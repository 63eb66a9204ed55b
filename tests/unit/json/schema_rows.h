/* SPDX-License-Identifier: MIT */
/* Schemas tested as tables: a schema, instances that fit, instances that do not. */
#pragma once
#include "runtime/json/schema.h"
#include "tests/support/support.h"

#include <string.h>

enum { SCHEMA_ROW_INSTANCES = 12 };

struct schema_row {
  const char *schema;
  const char *yes[SCHEMA_ROW_INSTANCES];
  const char *no[SCHEMA_ROW_INSTANCES];
};

/* JSON with ' for ", so that it can be read inside C. */
static inline struct fl_value *row_parse(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  FL_BUF_AUTO json = {0};
  for (size_t i = 0; text[i] != '\0'; i++) fl_buf_add_char(&json, text[i] == '\'' ? '"' : text[i]);
  if (fl_parse(json.data, json.size, &value, &err) != 0) fail_msg("%s: %s", text, err.text);
  return value;
}

/* The verdict must be the same whether or not anybody asks for the reasons. */
static inline void row_check(const struct fl_schema *schema, const char *schema_text, const char *text, int verdict) {
  struct fl_value *instance = row_parse(text);
  struct fl_schema_result result;
  int quiet = fl_schema_validate(schema, instance, NULL), told = fl_schema_validate(schema, instance, &result);
  if (quiet != verdict || told != verdict || (verdict == 1) != (result.count > 0))
    fail_msg("%s with %s: %d and %d, expected %d", schema_text, text, quiet, told, verdict);
  fl_schema_result_deinit(&result);
  fl_value_unref(instance);
}

static inline void rows_check(const struct schema_row *rows, size_t row_count,
                              const struct fl_schema_options *options) {
  for (size_t i = 0; i < row_count; i++) {
    struct fl_schema *schema = NULL;
    struct fl_error err = {0};
    struct fl_value *value = row_parse(rows[i].schema);
    if (fl_schema_create(value, options, &schema, &err) != 0) fail_msg("%s: %s", rows[i].schema, err.text);
    fl_value_unref(value);
    for (size_t k = 0; k < SCHEMA_ROW_INSTANCES && rows[i].yes[k] != NULL; k++)
      row_check(schema, rows[i].schema, rows[i].yes[k], 0);
    for (size_t k = 0; k < SCHEMA_ROW_INSTANCES && rows[i].no[k] != NULL; k++)
      row_check(schema, rows[i].schema, rows[i].no[k], 1);
    fl_schema_destroy(schema);
  }
}
#define ROWS_CHECK(rows, options) rows_check(rows, sizeof(rows) / sizeof *(rows), options)
