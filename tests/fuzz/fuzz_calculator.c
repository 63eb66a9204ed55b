/* SPDX-License-Identifier: MIT */
/* Any text as an expression: a finite number, or a sentence. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "tools/builtin/calculator.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char error[FL_CALCULATOR_ERROR_MAX] = "";
  double number = NAN;
  char *text = fl_strndup((const char *)data, size);
  if (fl_calculate(text, &number, error)) fl_check(isfinite(number));
  else fl_check(error[0] != '\0' && strlen(error) < sizeof error);
  fl_free(text);
  return 0;
}
