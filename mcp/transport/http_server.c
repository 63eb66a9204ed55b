/* SPDX-License-Identifier: MIT */
/* The transport as a whole: its life, and what happens as time passes. */
#include "mcp/transport/http_server.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "mcp/transport/http_internal.h"

enum { SWEEP_MS = 1000 };

/* ---- time ---- */

static void on_sweep(struct fl_timer *timer) {
  struct fl_mcp_http *http = timer->user;
  int64_t now_ms = fl_world_now_ms(http->world);
  for (struct mcp_stream *at = http->streams; at != NULL; at = at->next) mcp_stream_keep_alive(at, now_ms);
  mcp_sessions_expire(http, now_ms);
  http->host.flush(http->host.user);
  fl_timer_start(http->world, timer, SWEEP_MS);
}

/* ---- the end ---- */

void mcp_http_finish(struct fl_mcp_http *http) {
  if (!http->is_closing || !http->is_server_closed || http->pending > 0 || http->is_giving_up) return;
  void (*on_closed)(void *) = http->on_closed;
  void *user = http->closed_user;
  while (http->newest != NULL) mcp_session_close(http, http->newest, false); /* the log keeps them */
  while (http->streams != NULL) mcp_stream_free(http->streams);
  fl_timer_stop(http->world, &http->sweep);
  fl_map_deinit(&http->sessions);
  fl_map_deinit(&http->by_core);
  fl_buf_deinit(&http->scratch);
  fl_free(http->slots);
  fl_free(http->generations);
  fl_free(http->free_slots);
  fl_free(http->given_up);
  fl_free(http->path);
  fl_free(http);
  if (on_closed != NULL) on_closed(user);
}

static void on_server_closed(void *user) {
  struct fl_mcp_http *http = user;
  http->is_server_closed = true;
  mcp_http_finish(http);
}

void fl_mcp_http_close(struct fl_mcp_http *http, uint32_t grace_ms, void (*on_closed)(void *user), void *user) {
  fl_check(!http->is_closing);
  http->is_closing = true;
  http->on_closed = on_closed;
  http->closed_user = user;
  for (struct mcp_stream *at = http->streams; at != NULL; at = at->next)
    if (at->is_get) mcp_stream_detach(at);
  fl_http_server_close(http->server, grace_ms, on_server_closed, http);
}

/* ---- the beginning ---- */

static void set_defaults(struct fl_mcp_http_options *options) {
  if (options->http.body_size_max == 0) options->http.body_size_max = 16u * 1024 * 1024;
  if (options->sessions_max == 0) options->sessions_max = 4096;
  if (options->session_idle_ms == 0) options->session_idle_ms = (int64_t)30 * 60 * 1000;
  if (options->keep_alive_ms == 0) options->keep_alive_ms = 15 * 1000;
  if (options->retry_ms == 0) options->retry_ms = 500;
}

int fl_mcp_http_open(struct fl_world *world, const struct fl_mcp_http_options *options,
                     const struct fl_mcp_http_host *host, struct fl_mcp_http **ret_http, struct fl_error *err) {
  fl_check(options->size == sizeof *options);
  struct fl_mcp_http *http = fl_new(struct fl_mcp_http);
  http->world = world;
  http->options = *options;
  http->host = *host;
  set_defaults(&http->options);
  http->options.http.on_request = mcp_http_on_request;
  http->options.http.user = http;
  int failure = fl_http_server_open(world, &http->options.http, &http->server, err);
  if (failure != 0) {
    fl_free(http);
    return failure;
  }
  http->path = fl_strdup(options->path != NULL ? options->path : "/mcp");
  fl_map_init(&http->sessions);
  fl_map_init(&http->by_core);
  http->modern = host->open(host->user, FL_MCP_STATELESS);
  http->sweep = (struct fl_timer){.on_fire = on_sweep, .user = http, .is_background = true};
  fl_timer_start(world, &http->sweep, SWEEP_MS);
  *ret_http = http;
  return 0;
}

uint16_t fl_mcp_http_port(const struct fl_mcp_http *http) { return fl_http_server_port(http->server); }

struct fl_mcp_server_session *fl_mcp_http_modern(const struct fl_mcp_http *http) {
  return http->modern;
}

void fl_mcp_http_count(const struct fl_mcp_http *http, struct fl_mcp_http_counts *ret_counts) {
  *ret_counts = (struct fl_mcp_http_counts){.connections = fl_http_server_connections(http->server),
                                            .sessions = http->sessions.count,
                                            .streams = http->stream_count - http->sessions.count};
}
