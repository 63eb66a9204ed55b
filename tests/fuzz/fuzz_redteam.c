/* SPDX-License-Identifier: MIT */
/* Any bytes as a red-team suite: one that can be played, or at least one error with the file's name. Every part of a
 * manifest that a level leaves is a manifest again. */
#include "runtime/base/mem.h"
#include "runtime/redteam/level.h"
#include "runtime/redteam/suite.h"

#include <stdint.h>
#include <stdlib.h>

static void use(const struct fl_suite *suite) {
  for (size_t i = 0; i < suite->task_count; i++) {
    const struct fl_suite_task *task = &suite->tasks[i];
    for (int level = 0; level < FL_LEVEL_COUNT; level++)
      fl_manifest_unref(fl_level_cut(task->manifest, (enum fl_level)level));
    for (size_t j = 0; j < suite->attack_count; j++) {
      const struct fl_suite_attack *attack = &suite->attacks[j];
      if (task->calls.count == 0 || attack->plant == NULL) abort();
      fl_suite_meets(task, attack);
      fl_value_unref(fl_suite_answer(task->calls.items[0].tool, task->calls.items[0].args, attack));
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fl_suite *suite = NULL;
  struct fl_diags diags = {0};
  int rc = fl_suite_load("x.yaml", fl_slice_n((const char *)data, size), &suite, &diags);
  if (rc == 0 ? suite == NULL || diags.error_count > 0 : diags.error_count == 0 || suite != NULL) abort();
  if (rc == 0) use(suite);
  for (size_t i = 0; i < diags.count; i++) {
    if (diags.items[i].file == NULL || diags.items[i].message[0] == '\0') abort();
    fl_free(fl_diag_format(&diags.items[i]));
  }
  fl_suite_destroy(suite);
  fl_diags_deinit(&diags);
  return 0;
}
