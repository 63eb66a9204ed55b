/* SPDX-License-Identifier: MIT */
#include "runtime/model/decode.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/model/remote.h"

void fl_decoder_init(struct fl_model_decoder *decoder, const char *provider) {
  decoder->provider = provider;
  fl_sse_init(&decoder->sse, FL_MODEL_EVENT_SIZE_MAX, FL_MODEL_EVENT_SIZE_MAX);
  fl_answer_init(&decoder->answer);
}

void fl_decoder_emit(const struct fl_model_decoder *decoder, const char *kind, fl_slice text) {
  if (decoder->sink != NULL && decoder->sink->on_delta != NULL && text.size > 0)
    decoder->sink->on_delta(kind, text, decoder->sink->user);
}

void fl_decoder_emit_call(const struct fl_model_decoder *decoder, size_t index, const char *name) {
  if (decoder->sink == NULL) return;
  FL_VALUE_AUTO delta = fl_object();
  fl_set_int(delta, "index", (int64_t)index);
  fl_set_string(delta, "name", name);
  char *text = fl_dump(delta, NULL);
  fl_decoder_emit(decoder, "tool_call", fl_slice_of(text));
  fl_text_free(text);
}

static int protocol_error(const struct fl_model_decoder *decoder, fl_slice data, struct fl_error *err) {
  char excerpt[FL_REMOTE_EXCERPT_SIZE];
  fl_remote_excerpt(data, excerpt);
  return fl_error_context(err, "%s sent an event that is not JSON (\"%s\")", decoder->provider, excerpt);
}

static int read_event(struct fl_model_decoder *decoder, const struct fl_sse_event *event, struct fl_error *err) {
  if (decoder->has_done_marker && fl_slice_equal(event->data, FL_SLICE("[DONE]"))) {
    decoder->is_done = true;
    if (decoder->event_count > 0) decoder->has_terminator = true;
    return 0;
  }
  if (event->data.size == 0) return 0;
  decoder->event_count++;
  FL_VALUE_AUTO value = NULL;
  bool is_error = fl_slice_equal(event->type, FL_SLICE("error"));
  int rc = fl_json_read(event->data, FL_JSON_STRICT, &value, err);
  if (is_error || fl_remote_has_error(value)) {
    struct fl_remote_failure failure = {.provider = decoder->provider, .body = event->data, .value = value};
    return fl_remote_error(&failure, &decoder->may_retry, err);
  }
  if (rc == 0) return decoder->on_event(decoder, value, err);
  protocol_error(decoder, event->data, err);
  return rc == FL_E_LIMIT ? rc : FL_E_PROTOCOL;
}

static int on_sse_event(const struct fl_sse_event *event, void *user) {
  struct fl_model_decoder *decoder = user;
  return decoder->is_done ? 0 : read_event(decoder, event, &decoder->failure);
}

/* The failure stays, and every later call repeats it. */
static int fail(struct fl_model_decoder *decoder, int code, struct fl_error *err) {
  decoder->failed = code;
  return fl_error_set(err, code, "%s", decoder->failure.text);
}

int fl_decoder_feed(struct fl_model_decoder *decoder, fl_slice bytes, const struct fl_model_sink *sink,
                    struct fl_error *err) {
  if (decoder->failed != 0) return fail(decoder, decoder->failed, err);
  decoder->size += bytes.size;
  if (decoder->size > FL_MODEL_REPLY_SIZE_MAX)
    return fail(
        decoder,
        fl_error_set(&decoder->failure, FL_E_LIMIT, "the reply is longer than %d bytes", FL_MODEL_REPLY_SIZE_MAX), err);
  decoder->sink = sink;
  int rc = fl_sse_feed(&decoder->sse, bytes, on_sse_event, decoder);
  decoder->sink = NULL;
  if (rc == 0) return 0;
  if (decoder->failure.text[0] == '\0')
    fl_error_set(&decoder->failure, rc, "an event of the reply is longer than %d bytes", FL_MODEL_EVENT_SIZE_MAX);
  return fail(decoder, rc, err);
}

/* Some servers leave out the blank line after the last event. What is there counts if it is whole. */
static int read_last_event(struct fl_model_decoder *decoder) {
  struct fl_error ignored = decoder->failure;
  int rc = fl_sse_end(&decoder->sse, on_sse_event, decoder);
  if (rc == FL_E_PROTOCOL) { /* half an event: the stream ended too early, which is said below */
    decoder->failure = ignored;
    return 0;
  }
  return rc;
}

int fl_decoder_finish(struct fl_model_decoder *decoder, struct fl_value **ret_message, struct fl_error *err) {
  if (decoder->failed != 0) return fail(decoder, decoder->failed, err);
  int rc = read_last_event(decoder);
  if (rc < 0) return fail(decoder, rc, err);
  if (!decoder->has_terminator) {
    fl_error_set(&decoder->failure, FL_E_TRUNCATED, "%s ended the stream before the answer was whole (after %zu bytes)",
                 decoder->provider, decoder->size);
    decoder->may_retry = true;
    return fail(decoder, FL_E_TRUNCATED, err);
  }
  decoder->on_finish(decoder);
  *ret_message = fl_answer_finish(&decoder->answer, NULL);
  fl_error_set(&decoder->failure, FL_E_STATE, "the reply was finished already");
  decoder->failed = FL_E_STATE;
  return 0;
}

void fl_decoder_destroy(struct fl_model_decoder *decoder) {
  if (decoder == NULL) return;
  fl_sse_deinit(&decoder->sse);
  fl_answer_deinit(&decoder->answer);
  decoder->on_destroy(decoder);
}

bool fl_decoder_is_done(const struct fl_model_decoder *decoder) { return decoder->is_done; }
bool fl_decoder_may_retry(const struct fl_model_decoder *decoder) { return decoder->may_retry; }

static int read_reply(struct fl_model_decoder *decoder, fl_slice body,
                      int (*on_whole)(struct fl_model_decoder *, const struct fl_value *, struct fl_error *),
                      struct fl_error *err) {
  FL_VALUE_AUTO reply = NULL;
  int rc = fl_json_read(body, FL_JSON_STRICT, &reply, err);
  if (rc < 0) {
    fl_error_context(err, "%s sent a reply that is neither a stream nor JSON", decoder->provider);
    return rc == FL_E_LIMIT ? rc : FL_E_PROTOCOL;
  }
  if (fl_remote_has_error(reply)) {
    struct fl_remote_failure failure = {.provider = decoder->provider, .body = body, .value = reply};
    return fl_remote_error(&failure, &decoder->may_retry, err);
  }
  return on_whole(decoder, reply, err);
}

int fl_decoder_read_whole(struct fl_model_decoder *decoder, fl_slice body,
                          int (*on_whole)(struct fl_model_decoder *decoder, const struct fl_value *reply,
                                          struct fl_error *err),
                          struct fl_value **ret_message, struct fl_error *err) {
  int rc = read_reply(decoder, body, on_whole, err);
  decoder->has_terminator = true;
  if (rc == 0) rc = fl_decoder_finish(decoder, ret_message, err);
  fl_decoder_destroy(decoder);
  return rc;
}
