/* SPDX-License-Identifier: MIT */
/* One connection of a server over two descriptors.
 *
 * Happy path: bytes, lines, the session's step, its effects: one write per turn, calls to the pool; a call ends, its
 * reply goes out. The input ends: what is in flight gets a moment, what is written is flushed, everything is closed.
 * Failure modes: SIGTERM (like the end of input); the client reads no more (its replies queue up, then we stop reading,
 * and at the limit we end); the client is gone (a write fails: the end); handlers that do not end (they are left
 * behind, and the caller ends the process); a line over the limit (answered with an error, held only up to the limit).
 */
#include "mcp/serving.h"
#include "runtime/base/mem.h"
#include "runtime/wire/lines.h"

#include <signal.h>
#include <unistd.h>

enum {
  GRACE_MS = 50, /* for calls in flight when the input ends; "printf … | server" gets its answers */
  STALL_MS = 40, /* for output that does not move, after that */
  PAUSE_QUEUED = 8 * 1024 * 1024,
  BACKLOG_MAX = 256 * 1024 * 1024,
  BACKLOG_PERIOD_MS = 5,
  LARGE = 1024 * 1024, /* a message after which memory is given back … */
  IDLE_MS = 1000,      /* … once nothing large has come for so long */
};

struct connection {
  struct fl_world *world;
  struct fl_serving *handlers;
  struct fl_mcp_server_session *session;
  struct fl_lines lines;
  struct fl_stream in, out;
  struct fl_signal sigterm;
  struct fl_timer end_timer;
  struct fl_buf backlog; /* replies that the stream does not take yet */
  struct fl_timer backlog_timer, idle_timer;
  size_t queued_before;
  bool is_paused, is_ending, is_grace_over, is_closed, is_over;
  int status;
  struct fl_error *err;
};

static void begin_end(struct connection *connection);
static void end_when_idle(struct connection *connection);

/* ---- output ---- */

static void pause_input(struct connection *connection, bool paused) {
  if (connection->is_paused == paused || connection->is_ending) return;
  connection->is_paused = paused;
  fl_stream_pause(&connection->in, paused);
}

static void output_failed(struct connection *connection, int status) {
  if (status == FL_E_LIMIT && connection->status == 0)
    connection->status = fl_error_set(connection->err, FL_E_LIMIT,
                                      "the client does not read: %d MiB of replies are waiting", BACKLOG_MAX >> 20);
  if (status == FL_E_LIMIT) connection->is_grace_over = true;
  fl_buf_clear(&connection->backlog);
  begin_end(connection);
}

static void drain_backlog(struct connection *connection) {
  size_t room = FL_STREAM_QUEUE_MAX - fl_stream_queued(&connection->out);
  size_t size = connection->backlog.size < room ? connection->backlog.size : room;
  if (size > 0) {
    int status = fl_stream_write(&connection->out, fl_slice_n(connection->backlog.data, size));
    if (status < 0) {
      output_failed(connection, status);
      return;
    }
    fl_buf_consume(&connection->backlog, size);
  }
  if (connection->backlog.size > 0 || fl_stream_queued(&connection->out) > PAUSE_QUEUED)
    fl_timer_start(connection->world, &connection->backlog_timer, BACKLOG_PERIOD_MS);
  else {
    fl_buf_deinit(&connection->backlog);
    pause_input(connection, false);
  }
}

static void on_backlog_timer(struct fl_timer *timer) { drain_backlog(timer->user); }

static void send_out(struct connection *connection, struct fl_buf *data) {
  if (data->size == 0 || connection->is_closed) return;
  bool has_room =
      connection->backlog.size == 0 && fl_stream_queued(&connection->out) + data->size <= FL_STREAM_QUEUE_MAX;
  int status = has_room ? fl_stream_write_take(&connection->out, data)
                        : fl_buf_add(&connection->backlog, data->data, data->size);
  if (status < 0) output_failed(connection, status);
  else if (!has_room || fl_stream_queued(&connection->out) > PAUSE_QUEUED) {
    pause_input(connection, true);
    fl_timer_start(connection->world, &connection->backlog_timer, BACKLOG_PERIOD_MS);
  }
}

/* ---- input ---- */

static void on_idle_timer(struct fl_timer *timer) { fl_mem_give_back(); }

static int on_line(int status, fl_slice line, void *user) {
  struct connection *connection = user;
  if (line.size >= LARGE) fl_timer_start(connection->world, &connection->idle_timer, IDLE_MS);
  if (connection->is_ending && connection->is_grace_over) return 0;
  struct fl_serving *handlers = connection->handlers;
  if (status == 0) fl_serving_line(handlers, connection->session, line);
  else fl_serving_line_too_long(handlers, connection->session, 0, line);
  if (handlers->effects.out.size > FL_SERVING_OUT_KEPT) fl_serving_flush(handlers);
  return 0;
}

static char *on_room(struct fl_stream *stream, size_t *ret_size) {
  return fl_lines_room(&((struct connection *)stream->user)->lines, ret_size);
}

static void on_data(struct fl_stream *stream, fl_slice data) {
  struct connection *connection = stream->user;
  fl_lines_feed(&connection->lines, data, on_line, connection);
  fl_serving_flush(connection->handlers);
}

static void on_end(struct fl_stream *stream, int status) {
  struct connection *connection = stream->user;
  fl_lines_end(&connection->lines, on_line, connection);
  fl_serving_flush(connection->handlers);
  begin_end(connection);
}

static void on_sigterm(struct fl_signal *signal, int number) { begin_end(signal->user); }

/* ---- the end ---- */

static void stop(struct connection *connection) {
  connection->is_over = true;
  fl_world_stop(connection->world);
}

static void on_out_closed(struct fl_stream *stream) {
  struct connection *connection = stream->user;
  fl_timer_stop(connection->world, &connection->end_timer);
  stop(connection);
}

static void close_all(struct connection *connection) {
  if (connection->is_closed) return;
  connection->is_closed = true;
  fl_timer_stop(connection->world, &connection->backlog_timer);
  fl_timer_stop(connection->world, &connection->idle_timer);
  connection->queued_before = fl_stream_queued(&connection->out);
  fl_timer_start(connection->world, &connection->end_timer, STALL_MS);
  fl_stream_close(&connection->out, on_out_closed);
}

/* Until the grace is over: are the calls done? After that: does the output move? */
static void on_end_timer(struct fl_timer *timer) {
  struct connection *connection = timer->user;
  if (!connection->is_closed) {
    connection->is_grace_over = true;
    end_when_idle(connection);
    return;
  }
  size_t queued = connection->out.impl != NULL ? fl_stream_queued(&connection->out) : 0;
  if (queued > 0 && queued < connection->queued_before) {
    connection->queued_before = queued;
    fl_timer_start(connection->world, timer, STALL_MS);
  } else stop(connection);
}

static void end_when_idle(struct connection *connection) {
  if (!connection->is_ending || connection->is_closed || connection->handlers->is_applying) return;
  bool calls_over = connection->is_grace_over || fl_mcp_server_calls(connection->session) == 0;
  if (calls_over && (connection->backlog.size == 0 || connection->is_grace_over)) close_all(connection);
}

static void begin_end(struct connection *connection) {
  if (connection->is_ending) return;
  connection->is_ending = true;
  fl_stream_close(&connection->in, NULL);
  fl_signal_stop(connection->world, &connection->sigterm);
  fl_timer_start(connection->world, &connection->end_timer, GRACE_MS);
  fl_serving_end_subscriptions(connection->handlers);
  end_when_idle(connection);
}

/* ---- life ---- */

/* All of it is one write: the bytes are in order. */
static void on_out(struct fl_serving *handlers, const struct fl_mcp_server_effects *effects) {
  send_out(handlers->user, &handlers->effects.out);
}

static void on_call_end(struct fl_serving *handlers) { end_when_idle(handlers->user); }

static int open_streams(struct connection *connection, const int fds[2], struct fl_error *err) {
  connection->in = (struct fl_stream){.on_room = on_room, .on_data = on_data, .on_end = on_end, .user = connection};
  connection->out = (struct fl_stream){.user = connection};
  int status = fl_stream_open_fd(connection->world, &connection->out, fds[1], false, err);
  if (status < 0) return status;
  status = fl_stream_open_fd(connection->world, &connection->in, fds[0], true, err);
  if (status < 0) fl_stream_close(&connection->out, NULL);
  return status;
}

static void connection_init(struct connection *connection, struct fl_server *server, struct fl_world *world) {
  *connection = (struct connection){.world = world, .backlog = {.limit = BACKLOG_MAX}};
  connection->handlers = fl_serving_create(server, world);
  connection->handlers->on_out = on_out;
  connection->handlers->on_call_end = on_call_end;
  connection->handlers->user = connection;
  connection->session = fl_serving_open_session(connection->handlers, 0);
  fl_lines_init(&connection->lines, FL_MCP_SERVER_MESSAGE_SIZE_MAX);
  connection->end_timer = (struct fl_timer){.on_fire = on_end_timer, .user = connection};
  connection->idle_timer = (struct fl_timer){.on_fire = on_idle_timer, .user = connection};
  connection->backlog_timer = (struct fl_timer){.on_fire = on_backlog_timer, .user = connection};
  connection->sigterm = (struct fl_signal){.on_signal = on_sigterm, .user = connection};
}

static void connection_destroy(struct connection *connection) {
  fl_serving_destroy(connection->handlers);
  fl_lines_deinit(&connection->lines);
  fl_buf_deinit(&connection->backlog);
  fl_free(connection);
}

int fl_server_serve(struct fl_server *server, struct fl_world *world, const int fds[2], bool *ret_has_work,
                    struct fl_error *err) {
  struct connection *connection = fl_new(struct connection);
  connection_init(connection, server, world);
  connection->err = err;
  int status = open_streams(connection, fds, err);
  if (status == 0) {
    fl_signal_start(world, &connection->sigterm, SIGTERM);
    fl_serving_restore_tasks(connection->handlers, connection->session);
    do fl_world_run(world);
    while (server->world != NULL && !connection->is_over); /* others may stop the world that they share */
    status = connection->status;
  }
  fl_serving_close(connection->handlers);
  *ret_has_work = connection->handlers->runner.live_count > 0 || connection->out.impl != NULL;
  if (*ret_has_work) return status; /* what handlers hold must stay */
  fl_serving_settle(connection->handlers);
  connection_destroy(connection);
  return status;
}
