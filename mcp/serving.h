/* SPDX-License-Identifier: MIT */
/* A server at work: its sessions, and the handlers that their messages start; for the drivers of transports
 * (server_stdio.c, server_http.c), which bring messages and take what goes out.
 *
 * A driver makes it, opens sessions, hands messages to fl_serving_take (or lines, with fl_serving_line), and then, at
 * the latest when its turn of the loop ends, calls fl_serving_flush: what all of them brought goes out by on_out at
 * once. What handlers bring later comes by on_out by itself. */
#pragma once
#include "mcp/proto/server_session.h"
#include "mcp/server.h"
#include "tools/call.h"

enum { FL_SERVING_OUT_KEPT = 256 * 1024 };

struct fl_serving {
  struct fl_world *world;
  struct fl_server *server;
  struct fl_mcp_server_core *core;
  struct fl_mcp_server_effects effects;
  struct fl_call_runner runner;
  struct fl_mcp_server_session **sessions;
  size_t session_count, session_capacity;
  /* The SENDs and CLOSE_STREAMs among effects->items, in order; their bytes are in effects->out. Lent for the call.
   * Other types of effects are not the driver's. It may not call back into the serving. */
  void (*on_out)(struct fl_serving *serving, const struct fl_mcp_server_effects *effects);
  void (*on_call_end)(struct fl_serving *serving); /* a handler has ended; may be NULL */
  void *user;
  struct fl_post change_post, settle_post;
  _Atomic(bool) is_change_posted;
  bool is_applying, is_settled;
};

/* `key` and so on come from the server; randomness and time from the world. One at a time for a server. */
struct fl_serving *fl_serving_create(struct fl_server *server, struct fl_world *world);
void fl_serving_close(struct fl_serving *serving); /* no change is taken any more */
/* After close, when handlers have ended (runner.live_count == 0): turns the world until nothing that was posted for the
 * serving is on its way any more. */
void fl_serving_settle(struct fl_serving *serving);
/* Settled before. */
void fl_serving_destroy(struct fl_serving *serving);

struct fl_mcp_server_session *fl_serving_open_session(struct fl_serving *serving, unsigned flags);
/* Tasks of an earlier process (fl_server_restore_task) go on in the session that serves modern requests. */
void fl_serving_restore_tasks(struct fl_serving *serving, struct fl_mcp_server_session *session);
/* Cancels its calls; it is freed when their handlers have ended. */
void fl_serving_close_session(struct fl_serving *serving, struct fl_mcp_server_session *session);

size_t fl_serving_take(struct fl_serving *serving, struct fl_mcp_server_session *session,
                       const struct fl_mcp_incoming *incoming);
void fl_serving_line(struct fl_serving *serving, struct fl_mcp_server_session *session, fl_slice line);
void fl_serving_line_too_long(struct fl_serving *serving, struct fl_mcp_server_session *session, uint64_t channel,
                              fl_slice front);
void fl_serving_channel_gone(struct fl_serving *serving, struct fl_mcp_server_session *session, uint64_t channel);
void fl_serving_flush(struct fl_serving *serving);
/* Subscriptions of every session get their last message. */
void fl_serving_end_subscriptions(struct fl_serving *serving);
/* For other threads: a change was put into server->changes. */
void fl_serving_changed(struct fl_serving *serving);
