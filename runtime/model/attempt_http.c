/* SPDX-License-Identifier: MIT */
/* The way to a model over HTTP: one request per try, the reply read as it comes.
 *
 * Happy path: headers with status 200, an event stream, its end marker, the end of the response.
 * Failure modes: the request cannot start (told by a timer, since start never calls back); a status that is not 2xx
 * (its body is the error); a body that is JSON in one piece although a stream was asked for (read as a whole); a stream
 * that breaks, carries an error or ends too early; an end marker after which the server keeps the connection (closed
 * after a moment: the answer is whole); no byte for too long. */
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/json/hide.h"
#include "runtime/model/attempt.h"
#include "runtime/model/decode.h"
#include "runtime/model/retry.h"

#include <strings.h>

enum { ERROR_BODY_SIZE_MAX = 64 * 1024, DONE_GRACE_MS = 250, TIMEOUT_DEFAULT_MS = 120000 };

enum reply_kind { REPLY_UNKNOWN, REPLY_STREAM, REPLY_WHOLE };

struct way {
  struct fl_attempt *attempt;
  const struct fl_model_wire *wire;
  char *url;
  char **headers;
  struct fl_buf request;
  /* of this try */
  struct fl_http http;
  struct fl_timer timer; /* a start that failed, or the moment after the end marker */
  bool is_open;
  enum reply_kind kind;
  int http_status;
  struct fl_model_decoder *decoder;
  struct fl_buf body; /* an error, or a whole reply */
  int failed;         /* what broke the try, before the end of the response */
  struct fl_error failure;
};

static const struct fl_model_config *config_of(const struct way *way) { return way->attempt->call->request.config; }

static void reset(struct way *way) {
  way->wire->decoder_destroy(way->decoder);
  way->decoder = NULL;
  way->kind = REPLY_UNKNOWN;
  way->http_status = 0;
  way->failed = 0;
  way->failure = (struct fl_error){0};
  fl_buf_clear(&way->body);
}

/* ---- while the reply comes ---- */

static void break_off(struct way *way, int code) {
  way->failed = code;
  fl_http_cancel(&way->http);
}

static bool is_success(int http_status) { return http_status >= 200 && http_status < 300; }

static void on_headers(struct fl_http *http, int status) {
  struct way *way = http->user;
  const char *type = fl_http_header(http, "Content-Type");
  way->http_status = status;
  if (!is_success(status)) way->kind = REPLY_WHOLE;
  else if (type != NULL && strncasecmp(type, "text/event-stream", 17) == 0) way->kind = REPLY_STREAM;
}

/* Servers that name no type, or a wrong one: JSON begins with a bracket, an event stream never does. */
static enum reply_kind guess(fl_slice data) {
  for (size_t i = 0; i < data.size; i++) {
    if (strchr(" \t\r\n", data.data[i]) != NULL) continue;
    return data.data[i] == '{' || data.data[i] == '[' ? REPLY_WHOLE : REPLY_STREAM;
  }
  return REPLY_UNKNOWN;
}

static void on_delta(const char *kind, fl_slice text, void *user) {
  fl_attempt_delta(((struct way *)user)->attempt, kind, text);
}

static void read_stream(struct way *way, fl_slice data) {
  struct fl_model_sink sink = {.on_delta = on_delta, .user = way};
  int rc = way->wire->decoder_feed(way->decoder, data, &sink, &way->failure);
  if (rc < 0) break_off(way, rc);
  else if (way->wire->decoder_is_done(way->decoder) && way->timer.impl == NULL)
    fl_timer_start(way->attempt->world, &way->timer, DONE_GRACE_MS);
}

static void read_body(struct way *way, fl_slice data) {
  size_t limit = is_success(way->http_status) ? FL_MODEL_REPLY_SIZE_MAX : ERROR_BODY_SIZE_MAX;
  size_t room = limit - way->body.size;
  fl_buf_add(&way->body, data.data, data.size < room ? data.size : room);
  if (data.size <= room || !is_success(way->http_status)) return;
  break_off(way, fl_error_set(&way->failure, FL_E_LIMIT, "the reply is longer than %zu bytes", limit));
}

static void on_body(struct fl_http *http, fl_slice data) {
  struct way *way = http->user;
  if (way->failed != 0 || way->attempt->is_cancelled) return;
  if (way->kind == REPLY_UNKNOWN) way->kind = guess(data);
  if (way->kind == REPLY_STREAM) read_stream(way, data);
  else if (way->kind == REPLY_WHOLE) read_body(way, data);
}

/* ---- the end of a try ---- */

static void read_refusal(struct way *way, struct fl_attempt_end *end, struct fl_error *err) {
  const char *verdict = fl_http_header(&way->http, "x-should-retry");
  end->code = way->wire->read_error(way->http_status, fl_buf_slice(&way->body), &end->may_retry, err);
  end->retry_after_ms =
      fl_retry_after_ms(fl_http_header(&way->http, "Retry-After"), fl_http_header(&way->http, "retry-after-ms"),
                        fl_world_wall_ms(way->attempt->world));
  if (verdict != NULL) end->may_retry = strcmp(verdict, "true") == 0;
}

static void read_transport(struct way *way, struct fl_attempt_end *end, int status, const struct fl_error *cause,
                           struct fl_error *err) {
  end->code = status;
  end->may_retry = fl_retry_is_transient(status);
  fl_error_set(err, status, "%s", cause != NULL && cause->text[0] != '\0' ? cause->text : fl_error_sentence(status));
}

/* A stream that is whole counts, however the connection ended after it. */
static void read_reply(struct way *way, struct fl_attempt_end *end, int status, const struct fl_error *cause,
                       struct fl_error *err) {
  if (way->kind == REPLY_WHOLE) {
    if (status != 0) read_transport(way, end, status, cause, err);
    else end->code = way->wire->read_whole(fl_buf_slice(&way->body), &end->message, err);
    if (end->code == FL_E_RATE) end->may_retry = true;
    return;
  }
  end->code = way->wire->decoder_finish(way->decoder, &end->message, err);
  end->may_retry = end->code != 0 && way->wire->decoder_may_retry(way->decoder);
  if (end->code == FL_E_TRUNCATED && status != 0) read_transport(way, end, status, cause, err);
}

static void on_end(struct fl_http *http, int status, const struct fl_error *cause) {
  struct way *way = http->user;
  struct fl_attempt_end end = {.retry_after_ms = -1};
  struct fl_error err = {0};
  way->is_open = false;
  fl_timer_stop(way->attempt->world, &way->timer);
  if (way->failed != 0) {
    end.code = way->failed;
    err = way->failure;
    end.may_retry = way->wire->decoder_may_retry(way->decoder);
  } else if (way->http_status != 0 && !is_success(way->http_status)) read_refusal(way, &end, &err);
  else if (way->http_status == 0 && status != 0) read_transport(way, &end, status, cause, &err);
  else read_reply(way, &end, status, cause, &err);
  end.err = &err;
  fl_attempt_ended(way->attempt, &end);
}

static void on_timer(struct fl_timer *timer) {
  struct way *way = timer->user;
  if (way->is_open) {
    fl_http_cancel(&way->http);
    return;
  }
  struct fl_attempt_end end = {
      .code = way->failed, .err = &way->failure, .may_retry = fl_retry_is_transient(way->failed), .retry_after_ms = -1};
  fl_attempt_ended(way->attempt, &end);
}

/* ---- the way ---- */

/* What comes in shows none; but a graph file, a memory or a thread from before may have one. */
static void hide_secrets(struct way *way) {
  const struct fl_known *known = fl_vault_known(way->attempt->world);
  FL_BUF_AUTO shown = {.limit = FL_KNOWN_TEXT_MAX};
  if (!fl_known_finds(known, fl_buf_slice(&way->request))) return;
  if (!fl_hide_json(known, fl_buf_slice(&way->request), &shown)) return;
  struct fl_buf before = way->request;
  way->request = shown;
  shown = before;
}

static int open_way(struct fl_attempt *attempt, struct fl_error *err) {
  struct way *way = fl_new(struct way);
  attempt->own = way;
  way->attempt = attempt;
  way->wire = config_of(way)->provider == FL_MODEL_ANTHROPIC ? &fl_wire_anthropic : &fl_wire_openai;
  way->timer = (struct fl_timer){.on_fire = on_timer, .user = way};
  fl_buf_init(&way->body, FL_MODEL_REPLY_SIZE_MAX);
  int rc = way->wire->build(&attempt->call->request, &way->url, &way->headers, &way->request, err);
  hide_secrets(way);
  return rc;
}

static void start_way(struct fl_attempt *attempt) {
  struct way *way = attempt->own;
  reset(way);
  way->decoder = way->wire->decoder_create();
  const struct fl_value *settings = config_of(way)->settings;
  struct fl_http_options options = {
      .size = sizeof options,
      .trust = FL_TRUST_PROVIDER,
      .method = "POST",
      .url = way->url,
      .headers = (const char *const *)way->headers,
      .body = fl_buf_slice(&way->request),
      .first_byte_timeout_ms = (uint32_t)fl_get_int(settings, "first_byte_timeout_ms", TIMEOUT_DEFAULT_MS),
      .idle_timeout_ms = (uint32_t)fl_get_int(settings, "idle_timeout_ms", TIMEOUT_DEFAULT_MS),
      .body_max = FL_MODEL_REPLY_SIZE_MAX,
  };
  way->http = (struct fl_http){.on_headers = on_headers, .on_body = on_body, .on_end = on_end, .user = way};
  int rc = fl_http_start(attempt->world, &way->http, &options, &way->failure);
  way->is_open = rc == 0;
  if (rc == 0) return;
  way->failed = rc;
  fl_timer_start(attempt->world, &way->timer, 0);
}

static void cancel_way(struct fl_attempt *attempt) {
  struct way *way = attempt->own;
  if (way->is_open) fl_http_cancel(&way->http);
}

static void close_way(struct fl_attempt *attempt) {
  struct way *way = attempt->own;
  reset(way);
  fl_free(way->url);
  fl_model_headers_free(way->headers);
  fl_buf_deinit(&way->request);
  fl_buf_deinit(&way->body);
  fl_free(way);
}

const struct fl_attempt_way fl_attempt_way_http = {
    .open = open_way, .start = start_way, .cancel = cancel_way, .close = close_way};
