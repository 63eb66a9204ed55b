/* SPDX-License-Identifier: MIT */
/* The body of the fuzz targets for streamed replies; FUZZ_WIRE names the wire format. */
#pragma once
#include "runtime/base/check.h"
#include "runtime/model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_delta(const char *kind, fl_slice text, void *user) {
  fl_buf_add_text(user, kind);
  fl_buf_add(user, text.data, text.size);
}

static int decode(fl_slice stream, size_t step, struct fl_buf *deltas, struct fl_value **ret_message,
                  struct fl_error *err) {
  struct fl_model_decoder *decoder = FUZZ_WIRE.decoder_create();
  struct fl_model_sink sink = {.on_delta = write_delta, .user = deltas};
  int rc = 0;
  for (size_t i = 0; i < stream.size && rc == 0; i += step) {
    size_t size = stream.size - i < step ? stream.size - i : step;
    rc = FUZZ_WIRE.decoder_feed(decoder, fl_slice_n(stream.data + i, size), &sink, err);
  }
  if (rc == 0) rc = FUZZ_WIRE.decoder_finish(decoder, ret_message, err);
  FUZZ_WIRE.decoder_destroy(decoder);
  return rc;
}

static void check_message(const struct fl_value *message) {
  const struct fl_value *calls = fl_get(message, "tool_calls");
  const char *reason = fl_get_string(message, "stop_reason", NULL);
  fl_check(reason != NULL && fl_is(calls, FL_ARRAY) && fl_get(message, "content") != NULL);
  fl_check(fl_size(calls) == 0 || strcmp(reason, "length") != 0);
  for (size_t i = 0; i < fl_size(calls); i++) {
    const struct fl_value *call = fl_at(calls, i);
    fl_check(fl_is(fl_get(call, "args"), FL_OBJECT) && fl_string_size(fl_get(call, "name")) > 0);
    for (size_t k = 0; k < i; k++) fl_check(!fl_equal(fl_get(call, "id"), fl_get(fl_at(calls, k), "id")));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  fl_slice stream = fl_slice_n((const char *)data + 1, size - 1);
  FL_VALUE_AUTO whole = NULL;
  FL_VALUE_AUTO pieces = NULL;
  FL_BUF_AUTO whole_deltas = {0};
  FL_BUF_AUTO piece_deltas = {0};
  struct fl_error whole_err = {0}, piece_err = {0};
  int rc = decode(stream, size, &whole_deltas, &whole, &whole_err);
  fl_check(decode(stream, data[0] % 32 + 1u, &piece_deltas, &pieces, &piece_err) == rc);
  fl_check(fl_slice_equal(fl_buf_slice(&whole_deltas), fl_buf_slice(&piece_deltas)));
  fl_check(rc == 0 ? fl_equal(whole, pieces) : strcmp(whole_err.text, piece_err.text) == 0);
  if (rc == 0) check_message(whole);
  return 0;
}
