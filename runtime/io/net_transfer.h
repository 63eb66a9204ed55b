/* SPDX-License-Identifier: MIT */
/* Inside the network module: one transfer, and the multi handle that carries it. Only net*.c include this.
 *
 * Invariants. (1) curl is never entered from inside one of its callbacks: `curl_depth` tells, and what is started there
 * waits in `waiting`. (2) A transfer leaves its multi only outside of curl. (3) Memory that holds a uv handle is freed
 * in the handle's close callback. (4) Header values and URLs beyond the origin never appear in a text. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/io/net.h"

#include <curl/curl.h>
#include <uv.h>

enum {
  NET_CONNECT_MS = 10000,
  NET_FIRST_BYTE_MS = 60000,
  NET_IDLE_MS = 60000,
  NET_BODY_MAX = 64 * 1024 * 1024,
  NET_HEADERS_MAX = 256 * 1024, /* bytes of all header lines of an answer */
  NET_TURN_MS = 1,              /* that bodies have the loop, before others have their turn */
};

struct net_multi {
  struct fl_net *net;
  CURLM *multi; /* NULL until the first transfer of the class */
  uv_timer_t timer;
};

struct fl_net {
  struct fl_net_host host;
  struct net_multi multis[FL_TRUST_CLASS_COUNT];
  struct net_transfer *waiting; /* started from inside a callback, oldest first */
  unsigned curl_depth;
  uint64_t turn_began_ns; /* when curl was entered */
  size_t handle_count;
  bool is_closing;
};

struct net_transfer {
  struct fl_impl head;
  struct fl_http *http;
  struct net_multi *multi;
  struct net_transfer *next; /* in net->waiting */
  CURL *easy;
  struct curl_slist *request_headers;
  uv_timer_t timer;
  int64_t deadline_ms;
  uint32_t idle_ms;
  bool has_first_byte, has_headers, is_added, is_cancelled, is_repeatable;
  bool is_paused; /* its turn is over; its timer, which is the deadline's, begins the next one */
  unsigned sent_count;
  int failure; /* what we decided ourselves; 0: what curl says */
  char failure_text[160];
  int status;            /* HTTP */
  struct fl_buf headers; /* "Name: value" lines, each terminated by NUL */
  size_t body_size, body_max;
  bool (*allow_address)(const char *address, uint16_t port, void *user);
  char *method, *origin;
  char curl_text[CURL_ERROR_SIZE];
};

/* Makes a transfer that is ready to be added; checks URL, method and headers. */
int net_transfer_create(struct fl_net *net, struct fl_http *http, const struct fl_http_options *options,
                        struct net_transfer **ret_transfer, struct fl_error *err);
void net_transfer_free(struct net_transfer *transfer);                     /* not in a multi, its timer closed */
void net_transfer_watch(struct net_transfer *transfer, int64_t within_ms); /* (re)starts the deadline */
/* What became of it, as the client is told: 0 or FL_E_*, with the text. */
int net_transfer_result(struct net_transfer *transfer, CURLcode code, struct fl_error *err);
const char *net_transfer_header(const struct net_transfer *transfer, const char *name);

/* net.c: when the deadline has passed or a cancelled transfer may end. */
void net_on_deadline(uv_timer_t *timer);
int64_t net_now_ms(void);
