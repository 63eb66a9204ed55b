/* SPDX-License-Identifier: MIT */
/* Happy path: the request is written, POSTed, answered with 200.
 * Failure modes: the request cannot begin (told by the timer); a status or a failure that may pass (the timer, another
 * try); any other status (its text is the error); too many tries. */
#include "runtime/trace/send.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES = 5, TIMEOUT_MS = 10000, PAUSE_MS = 500, PAUSE_MAX_MS = 30000, ANSWER_MAX = 64 * 1024 };

static void try_now(struct fl_otlp_send *send);

static void finish(struct fl_otlp_send *send) {
  fl_buf_deinit(&send->body);
  fl_free(send->headers);
  send->headers = NULL;
  send->on_sent(send, send->status, send->status < 0 ? &send->error : NULL);
}

static bool may_pass(const struct fl_otlp_send *send) {
  int http = send->http_status;
  if (http == 0) return send->status == FL_E_NETWORK || send->status == FL_E_TIMEOUT;
  return http == 429 || http == 502 || http == 503 || http == 504;
}

static uint64_t pause_of(const struct fl_otlp_send *send) {
  uint64_t pause_ms = (uint64_t)PAUSE_MS << (send->tried - 1);
  if (send->retry_after_ms >= 0) pause_ms = (uint64_t)send->retry_after_ms;
  return pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
}

/* Also for a request that could not begin: then it is over, at the next turn. */
static void on_timer(struct fl_timer *timer) {
  struct fl_otlp_send *send = timer->user;
  bool goes_on = may_pass(send) && !send->gives_up && send->tried < send->target.tries;
  if (goes_on) try_now(send);
  else finish(send);
}

static void on_body(struct fl_http *http, fl_slice data) {}

static void on_headers(struct fl_http *http, int status) {
  struct fl_otlp_send *send = http->user;
  const char *after = fl_http_header(http, "Retry-After");
  char *end = NULL;
  long seconds = after != NULL ? strtol(after, &end, 10) : -1;
  send->http_status = status;
  send->retry_after_ms = after != NULL && end != after && *end == '\0' && seconds >= 0 ? seconds * 1000 : -1;
}

static void on_end(struct fl_http *http, int status, const struct fl_error *err) {
  struct fl_otlp_send *send = http->user;
  bool was_taken = send->http_status >= 200 && send->http_status < 300;
  send->status = 0;
  if (!was_taken && send->http_status != 0)
    send->status =
        fl_error_set(&send->error, FL_E_REMOTE, "%s answered with HTTP status %d", send->target.url, send->http_status);
  else if (!was_taken)
    send->status = fl_error_set(&send->error, status, "%s: %s", send->target.url,
                                err != NULL ? err->text : fl_error_sentence(status));
  bool goes_on = send->status < 0 && may_pass(send) && !send->gives_up && send->tried < send->target.tries;
  if (goes_on) fl_timer_start(send->world, &send->timer, pause_of(send));
  else finish(send);
}

static void try_now(struct fl_otlp_send *send) {
  struct fl_http_options options = {.size = sizeof options,
                                    .trust = FL_TRUST_TOOL,
                                    .method = "POST",
                                    .url = send->target.url,
                                    .headers = send->headers,
                                    .body = fl_buf_slice(&send->body),
                                    .connect_timeout_ms = send->target.timeout_ms,
                                    .first_byte_timeout_ms = send->target.timeout_ms,
                                    .idle_timeout_ms = send->target.timeout_ms,
                                    .body_max = ANSWER_MAX};
  send->http = (struct fl_http){.on_headers = on_headers, .on_body = on_body, .on_end = on_end, .user = send};
  send->tried++;
  send->http_status = 0;
  send->retry_after_ms = -1;
  send->status = fl_http_start(send->world, &send->http, &options, &send->error);
  if (send->status == 0) return;
  send->tried = send->target.tries; /* it would not begin the next time either */
  fl_timer_start(send->world, &send->timer, 0);
}

static const char **make_headers(const struct fl_otlp_target *target) {
  size_t count = 0;
  while (target->headers != NULL && target->headers[count] != NULL) count++;
  const char **headers = fl_new_array(const char *, count + 2);
  for (size_t i = 0; i < count; i++) headers[i] = target->headers[i];
  headers[count] = target->as_json ? "Content-Type: application/json" : "Content-Type: application/x-protobuf";
  return headers;
}

void fl_otlp_send_start(struct fl_world *world, struct fl_otlp_send *send, const struct fl_otlp_target *target,
                        const struct fl_value *request) {
  send->world = world;
  send->target = *target;
  if (send->target.tries == 0) send->target.tries = TRIES;
  if (send->target.timeout_ms == 0) send->target.timeout_ms = TIMEOUT_MS;
  send->headers = make_headers(target);
  send->timer = (struct fl_timer){.on_fire = on_timer, .user = send};
  send->tried = 0;
  int rc =
      target->as_json ? fl_json_write(&send->body, request, FL_JSON_COMPACT) : fl_otlp_encode(request, &send->body);
  if (rc == 0) {
    try_now(send);
    return;
  }
  send->http_status = 0;
  send->status = fl_error_set(&send->error, rc, "the spans are too many for one request");
  send->tried = send->target.tries;
  fl_timer_start(world, &send->timer, 0);
}
