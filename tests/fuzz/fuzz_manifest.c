/* SPDX-License-Identifier: MIT */
/* Any bytes as a manifest: rules and a hash, or at least one error with the file's name. */
#include "runtime/base/mem.h"
#include "tools/policy/manifest.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fl_manifest *manifest = NULL;
  struct fl_diags diags = {0};
  int rc = fl_manifest_load("x.yaml", fl_slice_n((const char *)data, size), &manifest, &diags);
  if (rc == 0 ? manifest == NULL || diags.error_count > 0 : diags.error_count == 0 || manifest != NULL) abort();
  if (rc == 0 && strlen(fl_manifest_hash(manifest)) != FL_MANIFEST_HASH_SIZE - 1) abort();
  for (size_t i = 0; i < diags.count; i++) {
    if (diags.items[i].file == NULL || diags.items[i].message[0] == '\0') abort();
    fl_free(fl_diag_format(&diags.items[i]));
  }
  fl_manifest_unref(manifest);
  fl_diags_deinit(&diags);
  return 0;
}
