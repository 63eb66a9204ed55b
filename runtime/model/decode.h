/* SPDX-License-Identifier: MIT */
/* What the decoders of streamed replies share: server-sent events to JSON, limits, failures that stay, the end of the
 * stream. A wire format embeds `struct fl_model_decoder` as its first member and gives three functions. Pure. */
#pragma once
#include "runtime/model/answer.h"
#include "runtime/model/model.h"
#include "runtime/wire/sse.h"

enum { FL_MODEL_REPLY_SIZE_MAX = 64 * 1024 * 1024, FL_MODEL_EVENT_SIZE_MAX = 16 * 1024 * 1024 };

struct fl_model_decoder {
  const char *provider;
  bool has_done_marker; /* "[DONE]" ends the stream */
  /* One event's JSON. Errors as decoder_feed; calls fl_decoder_emit for deltas. */
  int (*on_event)(struct fl_model_decoder *decoder, const struct fl_value *event, struct fl_error *err);
  /* Adds parts and calls to the answer, when the stream is whole. */
  void (*on_finish)(struct fl_model_decoder *decoder);
  void (*on_destroy)(struct fl_model_decoder *decoder); /* frees what the wire format holds and the decoder itself */

  struct fl_sse sse;
  struct fl_answer answer;
  size_t size; /* bytes read so far */
  size_t event_count;
  bool has_terminator; /* the stream said that the message is whole */
  bool is_done;        /* nothing that follows counts */
  bool may_retry;      /* of `failed` */
  int failed;
  struct fl_error failure;
  const struct fl_model_sink *sink; /* during a feed */
};

void fl_decoder_init(struct fl_model_decoder *decoder, const char *provider);
void fl_decoder_emit(const struct fl_model_decoder *decoder, const char *kind, fl_slice text);
/* The delta that says that a tool call has begun. */
void fl_decoder_emit_call(const struct fl_model_decoder *decoder, size_t index, const char *name);

/* The functions of the same name in struct fl_model_wire. */
int fl_decoder_feed(struct fl_model_decoder *decoder, fl_slice bytes, const struct fl_model_sink *sink,
                    struct fl_error *err);
int fl_decoder_finish(struct fl_model_decoder *decoder, struct fl_value **ret_message, struct fl_error *err);
void fl_decoder_destroy(struct fl_model_decoder *decoder); /* NULL allowed */
bool fl_decoder_is_done(const struct fl_model_decoder *decoder);
bool fl_decoder_may_retry(const struct fl_model_decoder *decoder);

/* Reads a whole reply with a fresh decoder, which it destroys. `on_whole` is called instead of on_event. */
int fl_decoder_read_whole(struct fl_model_decoder *decoder, fl_slice body,
                          int (*on_whole)(struct fl_model_decoder *decoder, const struct fl_value *reply,
                                          struct fl_error *err),
                          struct fl_value **ret_message, struct fl_error *err);
