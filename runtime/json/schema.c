/* SPDX-License-Identifier: MIT */
/* The public side of schemas: making one, asking it, and the text of what is wrong. See schema.h. */
#include "runtime/json/schema.h"

#include "runtime/base/mem.h"
#include "runtime/json/schema_compile.h"
#include "runtime/json/schema_run.h"

void fl_schema_keep(struct fl_schema *schema, void *memory, void (*release)(void *memory)) {
  if (schema->kept_count == schema->kept_capacity) {
    schema->kept_capacity = schema->kept_capacity * 2 + 64;
    schema->kept = fl_realloc(schema->kept, schema->kept_capacity * sizeof *schema->kept);
  }
  schema->kept[schema->kept_count++] = (struct fl_schema_kept){memory, release};
}

void *fl_schema_alloc(struct fl_schema *schema, size_t count, size_t size) {
  void *memory = fl_alloc_zero(count > 0 ? count : 1, size);
  fl_schema_keep(schema, memory, fl_free);
  return memory;
}

char *fl_schema_copy(struct fl_schema *schema, const char *text) {
  char *copy = fl_strdup(text);
  fl_schema_keep(schema, copy, fl_free);
  return copy;
}

int fl_schema_create(struct fl_value *schema_value, const struct fl_schema_options *options,
                     struct fl_schema **ret_schema, struct fl_error *err) {
  struct fl_schema *schema = fl_new(struct fl_schema);
  struct fl_schema_compiler compiler = {.schema = schema, .err = err};
  if (options != NULL) {
    size_t size =
        options->size != 0 && options->size < sizeof compiler.options ? options->size : sizeof compiler.options;
    memcpy(&compiler.options, options, size);
  }
  schema->check_format = compiler.options.check_format;
  struct fl_schema_resource *resource = NULL;
  int rc = fl_schema_load_document(&compiler, schema_value, "", &resource);
  if (rc == 0) rc = fl_schema_compile_node(&compiler, resource, schema_value, "", &schema->root);
  if (rc == 0) rc = fl_schema_compile_pending(&compiler);
  fl_map_deinit(&compiler.resources);
  fl_map_deinit(&compiler.nodes);
  fl_map_deinit(&compiler.regexes);
  if (rc != 0) fl_schema_destroy(schema);
  else *ret_schema = schema;
  return rc;
}

/* Backwards: what was made later may point to what was made before. */
void fl_schema_destroy(struct fl_schema *schema) {
  if (schema == NULL) return;
  for (size_t i = schema->kept_count; i > 0; i--) schema->kept[i - 1].release(schema->kept[i - 1].memory);
  fl_free(schema->kept);
  fl_free(schema);
}

static int run(const struct fl_schema *schema, const struct fl_value *instance, struct fl_schema_report *report) {
  struct fl_schema_run run = {.work_left = FL_SCHEMA_WORK_MAX};
  struct fl_schema_path root = {0};
  struct fl_schema_eval eval = {
      .run = &run, .instance = (struct fl_value *)(uintptr_t)instance, .path = &root, .report = report};
  bool is_valid = fl_schema_evaluate(schema->root, &eval);
  if (run.error != 0) return run.error;
  return is_valid ? 0 : 1;
}

/* Twice when it is wrong: the first pass, which keeps no account, is the common one. Should the account alone exceed
 * the bounds, the verdict of the first pass stands. */
int fl_schema_validate(const struct fl_schema *schema, const struct fl_value *instance,
                       struct fl_schema_result *result) {
  if (result != NULL) memset(result, 0, sizeof *result);
  int rc = run(schema, instance, NULL);
  if (rc != 1 || result == NULL) return rc;
  struct fl_schema_report report = {.limit = FL_SCHEMA_VIOLATIONS_MAX};
  run(schema, instance, &report);
  for (; result->count < report.count; result->count++)
    result->violations[result->count] = report.complaints[result->count].text;
  report.count = 0;
  fl_schema_report_deinit(&report);
  if (result->count == 0)
    result->violations[result->count++] =
        (struct fl_schema_violation){fl_strdup(""), fl_strdup(""), fl_strdup("false"),
                                     fl_strdup("does not fit the schema, in more ways than can be told")};
  return 1;
}

void fl_schema_result_deinit(struct fl_schema_result *result) {
  for (size_t i = 0; i < result->count; i++) {
    fl_free(result->violations[i].instance_pointer);
    fl_free(result->violations[i].schema_pointer);
    fl_free(result->violations[i].keyword);
    fl_free(result->violations[i].message);
  }
  memset(result, 0, sizeof *result);
}

void fl_schema_result_text(const struct fl_schema_result *result, struct fl_buf *ret_text) {
  for (size_t i = 0; i < result->count; i++) {
    const char *pointer = result->violations[i].instance_pointer;
    if (i > 0) fl_buf_add_text(ret_text, "; ");
    fl_buf_addf(ret_text, "%s: %s", pointer[0] != '\0' ? pointer : "(root)", result->violations[i].message);
  }
}
