/* SPDX-License-Identifier: MIT */
/* One OTLP request to a collector, over HTTP, as protobuf or as JSON, tried again as OTLP says: after 429, 502, 503 and
 * 504, and when the collector is not there, with pauses that grow or that Retry-After tells. */
#pragma once
#include "runtime/io/world.h"
#include "runtime/trace/otlp.h"

struct fl_otlp_target {
  const char *url;            /* of the traces: https://collector/v1/traces */
  const char *const *headers; /* NULL-terminated "Name: value"; NULL: none */
  bool as_json;
  unsigned tries;      /* at most; 0: 5 */
  uint32_t timeout_ms; /* of a try; 0: 10 s */
};

/* Embedded; everything in the target is lent until on_sent, which comes once, never from inside the call. */
struct fl_otlp_send {
  /* 0, or why not: FL_E_NETWORK, FL_E_TIMEOUT, FL_E_REMOTE, … */
  void (*on_sent)(struct fl_otlp_send *send, int status, const struct fl_error *err);
  void *user;
  bool gives_up; /* no try follows the one under way; may be set at any time */
  /* private */
  struct fl_world *world;
  struct fl_otlp_target target;
  struct fl_buf body;
  const char **headers;
  struct fl_http http;
  struct fl_timer timer;
  struct fl_error error;
  int status, http_status;
  unsigned tried;
  int64_t retry_after_ms;
};
void fl_otlp_send_start(struct fl_world *world, struct fl_otlp_send *send, const struct fl_otlp_target *target,
                        const struct fl_value *request);
