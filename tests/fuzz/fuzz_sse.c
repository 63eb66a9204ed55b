/* SPDX-License-Identifier: MIT */
/* Events are the same whole and split, and so is the failure at a limit: the first two bytes are the limits of a line
 * and of an event, the third the size of the pieces. */
#include "runtime/wire/sse.h"

#include "runtime/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int write_trace(const struct fl_sse_event *event, void *user) {
  fl_buf_addf(user, "%zu,%zu,%zu:", event->type.size, event->data.size, event->id.size);
  fl_buf_add(user, event->type.data, event->type.size);
  fl_buf_add(user, event->data.data, event->data.size);
  return fl_buf_add(user, event->id.data, event->id.size);
}

static int feed(const uint8_t *limits, fl_slice input, size_t step, struct fl_buf *trace) {
  struct fl_sse sse;
  fl_sse_init(&sse, limits[0] + 1u, limits[1] + 1u);
  int rc = 0;
  for (size_t i = 0; i < input.size && rc == 0; i += step) {
    size_t size = input.size - i < step ? input.size - i : step;
    rc = fl_sse_feed(&sse, fl_slice_n(input.data + i, size), write_trace, trace);
    fl_check(sse.line.size <= limits[0] + 1u && sse.data.size <= limits[1] + 2u);
  }
  if (rc == 0) rc = fl_sse_end(&sse, write_trace, trace);
  fl_check(rc == 0 || rc == FL_E_LIMIT);
  fl_sse_deinit(&sse);
  return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3) return 0;
  FL_BUF_AUTO whole = {0};
  FL_BUF_AUTO pieces = {0};
  fl_slice input = fl_slice_n((const char *)data + 3, size - 3);
  int rc = feed(data, input, size, &whole);
  fl_check(feed(data, input, data[2] % 16 + 1u, &pieces) == rc);
  fl_check(fl_slice_equal(fl_buf_slice(&whole), fl_buf_slice(&pieces)));
  return 0;
}
