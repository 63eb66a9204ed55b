/* SPDX-License-Identifier: MIT */
/* One request of MCP over HTTP and what comes back: a JSON body, a stream of events, or a status; redirects within the
 * origin and authorization are dealt with in here. Embedded in its owner, who frees or starts it again in on_over. */
#pragma once
#include "mcp/auth/auth.h"
#include "runtime/io/world.h"
#include "runtime/wire/sse.h"
#include "runtime/wire/url.h"

struct fl_mcp_exchange;

struct fl_mcp_exchange_end {
  int status;       /* 0, or FL_E_* */
  int http_status;  /* 0: there was no answer */
  bool has_left;    /* bytes of the request have left; false: nobody has seen it */
  bool was_stream;  /* it was a stream of events, which has ended now */
  bool is_json;     /* `body` says that it is JSON */
  fl_slice body;    /* what came when it was neither a message nor a stream: text for people, perhaps; lent */
  const char *text; /* of the error; "" when there is none */
};

struct fl_mcp_exchange {
  /* set by the owner, owned by the exchange */
  const char *method;       /* "POST"; lent */
  char *url;                /* the whole URL */
  struct fl_buf body;       /* what is sent */
  struct fl_buf headers;    /* "Name: value" texts, each terminated by NUL */
  uint32_t timeout_ms;      /* until the answer begins; 0: it may take as long as it likes */
  struct fl_mcp_auth *auth; /* lent; NULL: none */
  size_t message_max;       /* bytes of a message */
  /* Of a success: the body, or each event's data. `type` is the event's, "" for a body. */
  void (*on_message)(struct fl_mcp_exchange *exchange, const char *type, fl_slice message);
  void (*on_too_long)(struct fl_mcp_exchange *exchange, fl_slice front); /* may be NULL */
  void (*on_answer)(struct fl_mcp_exchange *exchange); /* its head is there: fl_http_header of `http`; may be NULL */
  void (*on_over)(struct fl_mcp_exchange *exchange, const struct fl_mcp_exchange_end *end);
  void *user;

  /* private */
  struct fl_world *world;
  struct fl_http http;
  struct fl_sse sse; /* its id and retry_ms last over restarts */
  struct fl_buf answer;
  int http_status;
  unsigned redirect_count;
  bool is_stream, is_json, is_running, is_cancelled, is_too_long, is_asking_auth;
  struct fl_timer late; /* a start that failed at once, a redirect */
  struct fl_error failure;
  struct fl_mcp_auth_request auth_request;
};

void fl_mcp_exchange_init(struct fl_mcp_exchange *exchange, struct fl_world *world);
void fl_mcp_exchange_deinit(struct fl_mcp_exchange *exchange); /* not while it runs */
void fl_mcp_exchange_header(struct fl_mcp_exchange *exchange, const char *name, const char *value);
void fl_mcp_exchange_start(struct fl_mcp_exchange *exchange);  /* on_over comes later, once */
void fl_mcp_exchange_cancel(struct fl_mcp_exchange *exchange); /* on_over with FL_E_CANCELLED follows */
