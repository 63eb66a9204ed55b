/* SPDX-License-Identifier: MIT */
/* What decodes encodes to the same text again: there is one text for every sequence of bytes. The first byte is the
 * kind. */
#include "runtime/base/check.h"
#include "runtime/wire/base64.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  enum fl_base64_kind kind = data[0] % 2 == 0 ? FL_BASE64_STANDARD : FL_BASE64_URL;
  fl_slice text = fl_slice_n((const char *)data + 1, size - 1);
  FL_BUF_AUTO bytes = {0};
  FL_BUF_AUTO again = {0};
  if (fl_base64_decode(&bytes, text, kind, NULL) < 0) return 0;
  fl_check(fl_base64_encode(&again, fl_buf_slice(&bytes), kind) == 0);
  fl_check(fl_slice_equal(fl_buf_slice(&again), text));
  return 0;
}
