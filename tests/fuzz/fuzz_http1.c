/* SPDX-License-Identifier: MIT */
/* A connection's requests are the same whole and split: the first byte is the size of the pieces. */
#include "runtime/base/check.h"
#include "tests/support/http1_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct http1_trace *trace, fl_slice input, size_t step) {
  for (size_t i = 0; i < input.size; i += step) {
    http1_trace_feed(trace, fl_slice_n(input.data + i, input.size - i < step ? input.size - i : step));
    bool waits_for_head = !trace->in_body && !trace->is_refused && !trace->is_over;
    fl_check(!waits_for_head || trace->held.size <= FL_HTTP1_HEAD_SIZE_MAX);
  }
  http1_trace_end(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  struct http1_trace whole = {0}, pieces = {0};
  fl_slice input = fl_slice_n((const char *)data + 1, size - 1);
  feed(&whole, input, input.size);
  feed(&pieces, input, data[0] % 16 + 1u);
  fl_check(whole.accepted == pieces.accepted && whole.is_refused == pieces.is_refused);
  size_t status_size = whole.is_refused ? 3 : 0; /* of two faults either may be named, see http1.h */
  whole.out.size -= status_size;
  pieces.out.size -= status_size;
  fl_check(fl_slice_equal(fl_buf_slice(&whole.out), fl_buf_slice(&pieces.out)));
  http1_trace_deinit(&whole);
  http1_trace_deinit(&pieces);
  return 0;
}
