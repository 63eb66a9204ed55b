/* SPDX-License-Identifier: MIT */
/* Streamable HTTP, the server's side, of both eras on one endpoint: POST, GET and DELETE become messages of sessions
 * and channels (mcp/proto/server_session.h), what the server sends becomes JSON or server-sent events.
 *
 * Modern requests stand alone: each POST is a channel, its answer JSON when a reply is all there is, and a stream as
 * soon as anything comes before it; a peer that closes the stream cancels. Legacy requests belong to a session
 * (Mcp-Session-Id): a peer that goes away cancels nothing; what it missed waits in the event log until it asks with
 * Last-Event-ID. Sessions that nobody uses go after a while, and outlive the process in the log.
 *
 * What answers is behind `struct fl_mcp_http_host`; who may ask, behind the guard (mcp/auth/guard.h). */
#pragma once
#include "mcp/proto/server_session.h"
#include "runtime/io/http_server.h"
#include "runtime/store/event_log.h"

struct fl_mcp_http;
struct fl_mcp_guard;

/* The server behind the transport; `user` is the host's. None may call back into the transport but by
 * fl_mcp_http_send. */
struct fl_mcp_http_host {
  struct fl_mcp_server_session *(*open)(void *user, unsigned flags);
  void (*close)(void *user, struct fl_mcp_server_session *session);
  size_t (*take)(void *user, struct fl_mcp_server_session *session, const struct fl_mcp_incoming *incoming);
  void (*gone)(void *user, struct fl_mcp_server_session *session, uint64_t channel);
  void (*flush)(void *user); /* what was taken has its effects now */
  void *user;
};

struct fl_mcp_http_options {
  size_t size;
  struct fl_http_server_options http; /* on_request and user are the transport's; body_size_max 0: 16 MiB */
  const char *path;                   /* of the endpoint; NULL: "/mcp" */
  struct fl_mcp_guard *guard;         /* lent; NULL: everybody may */
  const char *origin;       /* of the server's URL as clients know it, "https://mcp.example.com"; for the guard */
  struct fl_event_log *log; /* lent; NULL: nothing is resumed */
  size_t sessions_max;      /* legacy; the longest unused goes first; 0: 4,096 */
  int64_t session_idle_ms;  /* 0: 30 minutes */
  uint32_t keep_alive_ms;   /* a comment on a silent stream; 0: 15 s */
  uint32_t retry_ms;        /* told to legacy clients whose stream is closed; 0: 500 ms */
};

/* Opens the session of modern requests at the host. Errors: those of fl_http_server_open. */
int fl_mcp_http_open(struct fl_world *world, const struct fl_mcp_http_options *options,
                     const struct fl_mcp_http_host *host, struct fl_mcp_http **ret_http, struct fl_error *err);
uint16_t fl_mcp_http_port(const struct fl_mcp_http *http);
struct fl_mcp_server_session *fl_mcp_http_modern(const struct fl_mcp_http *http);

/* What the server sends: the SENDs and CLOSE_STREAMs among the effects. */
void fl_mcp_http_send(struct fl_mcp_http *http, const struct fl_mcp_server_effects *effects);

/* No new connections; streams that only wait end at once, requests under way have `grace_ms`. on_closed comes when all
 * is over; sessions were closed at the host before. */
void fl_mcp_http_close(struct fl_mcp_http *http, uint32_t grace_ms, void (*on_closed)(void *user), void *user);

struct fl_mcp_http_counts {
  size_t connections, sessions, streams;
};
void fl_mcp_http_count(const struct fl_mcp_http *http, struct fl_mcp_http_counts *ret_counts);
