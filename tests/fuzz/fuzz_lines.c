/* SPDX-License-Identifier: MIT */
/* Lines are the same whole and split: the first byte is the limit, the second the size of the pieces. */
#include "runtime/wire/lines.h"

#include "runtime/base/check.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int write_trace(int status, fl_slice line, void *user) {
  fl_buf_add_char(user, status == 0 ? 'L' : 'X');
  fl_buf_addf(user, "%zu:", line.size);
  return fl_buf_add(user, line.data, line.size);
}

static void feed(fl_slice input, size_t limit, size_t step, struct fl_buf *trace) {
  struct fl_lines lines;
  fl_lines_init(&lines, limit);
  for (size_t i = 0; i < input.size; i += step) {
    size_t size = input.size - i < step ? input.size - i : step;
    fl_check(fl_lines_feed(&lines, fl_slice_n(input.data + i, size), write_trace, trace) == 0);
    fl_check(lines.partial.size <= limit + 1);
  }
  fl_check(fl_lines_end(&lines, write_trace, trace) == 0);
  fl_lines_deinit(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  FL_BUF_AUTO whole = {0};
  FL_BUF_AUTO pieces = {0};
  fl_slice input = fl_slice_n((const char *)data + 2, size - 2);
  feed(input, data[0] + 1u, size, &whole);
  feed(input, data[0] + 1u, data[1] % 16 + 1u, &pieces);
  fl_check(fl_slice_equal(fl_buf_slice(&whole), fl_buf_slice(&pieces)));
  return 0;
}
