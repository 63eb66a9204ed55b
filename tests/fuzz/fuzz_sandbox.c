/* SPDX-License-Identifier: MIT */
/* A policy of the launcher is read whole or refused with a reason, and what it lends lies within the text. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "tools/sandbox/policy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct fl_sandbox sandbox;
  char complaint[FL_SANDBOX_COMPLAINT_SIZE] = "";
  FL_FREE_AUTO char *text = fl_strndup((const char *)data, size);
  if (fl_sandbox_parse(text, &sandbox, complaint) != 0) {
    fl_check(complaint[0] != '\0' && memchr(complaint, '\0', sizeof complaint) != NULL);
    return 0;
  }
  for (size_t i = 0; i < sandbox.path_count; i++) {
    fl_check(sandbox.paths[i].path > text && sandbox.paths[i].path < text + size);
    fl_check(sandbox.paths[i].path[0] == '/' && strchr(sandbox.paths[i].path, '\n') == NULL);
  }
  fl_check(sandbox.sha256 == NULL || strlen(sandbox.sha256) == 64);
  return 0;
}
