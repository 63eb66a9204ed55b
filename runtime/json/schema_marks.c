/* SPDX-License-Identifier: MIT */
/* A set of small integers: which members (by position) or items of one instance were evaluated. Pure. */
#include "runtime/base/mem.h"
#include "runtime/json/schema_run.h"

void fl_schema_marks_init(struct fl_schema_marks *marks, const struct fl_value *instance) {
  *marks = (struct fl_schema_marks){.count = fl_size(instance)};
  if (marks->count > 64) marks->many = fl_new_array(uint64_t, (marks->count + 63) / 64);
}

void fl_schema_marks_deinit(struct fl_schema_marks *marks) {
  fl_free(marks->many);
  marks->many = NULL;
}

void fl_schema_marks_set(struct fl_schema_marks *marks, size_t index) {
  if (marks == NULL || index >= marks->count) return;
  uint64_t *words = marks->many != NULL ? marks->many : &marks->few;
  words[index / 64] |= UINT64_C(1) << index % 64;
}

bool fl_schema_marks_has(const struct fl_schema_marks *marks, size_t index) {
  const uint64_t *words = marks->many != NULL ? marks->many : &marks->few;
  return (words[index / 64] >> index % 64 & 1) != 0;
}

void fl_schema_marks_merge(struct fl_schema_marks *marks, const struct fl_schema_marks *more) {
  marks->few |= more->few;
  for (size_t i = 0; marks->many != NULL && i < (marks->count + 63) / 64; i++) marks->many[i] |= more->many[i];
}
