/* SPDX-License-Identifier: MIT */
/* Input: a schema, a line feed, an instance. Whatever they are: an answer in bounded time; asked for reasons, the same
 * answer, and reasons exactly when it is no. */
#include "runtime/json/json.h"
#include "runtime/json/schema.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fl_schema *schema, const struct fl_value *instance) {
  struct fl_schema_result result;
  int rc = fl_schema_validate(schema, instance, NULL);
  if (rc > 1 || fl_schema_validate(schema, instance, &result) != rc) abort();
  if ((rc == 1) != (result.count > 0) || result.count > FL_SCHEMA_VIOLATIONS_MAX) abort();
  FL_BUF_AUTO text = {0};
  fl_schema_result_text(&result, &text);
  FL_VALUE_AUTO again = fl_string_n(text.size > 0 ? text.data : "", text.size);
  if (fl_string_size(again) != text.size) abort(); /* not UTF-8 */
  fl_schema_result_deinit(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *end = size > 0 ? memchr(data, '\n', size) : NULL;
  if (end == NULL) return 0;
  fl_slice first = {(const char *)data, (size_t)(end - (const char *)data)};
  fl_slice second = {end + 1, size - first.size - 1};
  struct fl_value *value = NULL, *instance = NULL;
  struct fl_schema *schema = NULL;
  struct fl_error err;
  const struct fl_schema_options options = {.size = sizeof options, .check_format = (size & 1) != 0};
  if (fl_json_read(first, FL_JSON_FULL, &value, &err) == 0 &&
      fl_json_read(second, FL_JSON_FULL, &instance, &err) == 0 && fl_schema_create(value, &options, &schema, &err) == 0)
    check(schema, instance);
  fl_schema_destroy(schema);
  fl_value_unref(value);
  fl_value_unref(instance);
  return 0;
}
