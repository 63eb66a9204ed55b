/* SPDX-License-Identifier: MIT */
/* One connection of a server over two descriptors.
 *
 * Happy path: bytes, lines, the session's step, its effects: one write per turn, calls to the pool; a call ends, its
 * reply goes out. The input ends: what is in flight gets a moment, what is written is flushed, everything is closed.
 * Failure modes: SIGTERM (like the end of input); the client reads no more (its replies queue up, then we stop reading,
 * and at the limit we end); the client is gone (a write fails: the end); handlers that do not end (they are left
 * behind, and the caller ends the process); a line over the limit (answered with an error, held only up to the limit).
 */
#include "mcp/proto/server_session.h"
#include "mcp/server.h"
#include "runtime/base/mem.h"
#include "runtime/wire/lines.h"
#include "tools/call.h"

#include <signal.h>
#include <unistd.h>

enum {
  GRACE_MS = 50, /* for calls in flight when the input ends; "printf … | server" gets its answers */
  STALL_MS = 40, /* for output that does not move, after that */
  TURN_OUT_MAX = 256 * 1024,
  PAUSE_QUEUED = 8 * 1024 * 1024,
  BACKLOG_MAX = 256 * 1024 * 1024,
  BACKLOG_PERIOD_MS = 5,
};

struct serving {
  struct fl_world *world;
  struct fl_mcp_catalog catalog;
  struct fl_tool_set *tools;
  struct fl_mcp_server_session *session;
  struct fl_mcp_server_effects effects;
  struct fl_call_runner runner;
  struct fl_lines lines;
  struct fl_stream in, out;
  struct fl_signal sigterm;
  struct fl_timer end_timer;
  struct fl_buf backlog; /* replies that the stream does not take yet */
  struct fl_timer backlog_timer;
  size_t queued_before;
  bool is_applying, is_paused, is_ending, is_grace_over, is_closed;
  int status;
  struct fl_error *err;
};

static void begin_end(struct serving *serving);
static void end_when_idle(struct serving *serving);

/* ---- output ---- */

static void pause_input(struct serving *serving, bool paused) {
  if (serving->is_paused == paused || serving->is_ending) return;
  serving->is_paused = paused;
  fl_stream_pause(&serving->in, paused);
}

static void output_failed(struct serving *serving, int status) {
  if (status == FL_E_LIMIT && serving->status == 0)
    serving->status = fl_error_set(serving->err, FL_E_LIMIT, "the client does not read: %d MiB of replies are waiting",
                                   BACKLOG_MAX >> 20);
  if (status == FL_E_LIMIT) serving->is_grace_over = true;
  fl_buf_clear(&serving->backlog);
  begin_end(serving);
}

static void drain_backlog(struct serving *serving) {
  size_t room = FL_STREAM_QUEUE_MAX - fl_stream_queued(&serving->out);
  size_t size = serving->backlog.size < room ? serving->backlog.size : room;
  if (size > 0) {
    int status = fl_stream_write(&serving->out, fl_slice_n(serving->backlog.data, size));
    if (status < 0) {
      output_failed(serving, status);
      return;
    }
    fl_buf_consume(&serving->backlog, size);
  }
  if (serving->backlog.size > 0 || fl_stream_queued(&serving->out) > PAUSE_QUEUED)
    fl_timer_start(serving->world, &serving->backlog_timer, BACKLOG_PERIOD_MS);
  else {
    fl_buf_deinit(&serving->backlog);
    pause_input(serving, false);
  }
}

static void on_backlog_timer(struct fl_timer *timer) { drain_backlog(timer->user); }

static void send_out(struct serving *serving, fl_slice data) {
  if (data.size == 0 || serving->is_closed) return;
  bool has_room = serving->backlog.size == 0 && fl_stream_queued(&serving->out) + data.size <= FL_STREAM_QUEUE_MAX;
  int status = has_room ? fl_stream_write(&serving->out, data) : fl_buf_add(&serving->backlog, data.data, data.size);
  if (status < 0) output_failed(serving, status);
  else if (!has_room || fl_stream_queued(&serving->out) > PAUSE_QUEUED) {
    pause_input(serving, true);
    fl_timer_start(serving->world, &serving->backlog_timer, BACKLOG_PERIOD_MS);
  }
}

/* ---- calls ---- */

static void apply(struct serving *serving);

static void on_call_done(struct fl_call *call, int status, struct fl_value *result, bool started) {
  struct fl_mcp_served_call *served = fl_call_user(call);
  struct serving *serving = served->user;
  FL_VALUE_AUTO failure = NULL;
  if (status != 0) {
    failure = fl_object();
    struct fl_value *content = fl_array(), *block = fl_object();
    fl_set_string(block, "type", "text");
    fl_set_take(block, "text", fl_stringf("Tool %s: %s.", served->tool, fl_error_sentence(status)));
    fl_append_take(content, block);
    fl_set_take(failure, "content", content);
    fl_set_bool(failure, "isError", true);
  }
  fl_mcp_server_call_done(serving->session, served, status != 0 ? failure : result, &serving->effects);
  apply(serving);
  end_when_idle(serving);
}

static void on_call_progress(struct fl_call *call, double done, double total, const char *message) {
  struct fl_mcp_served_call *served = fl_call_user(call);
  struct serving *serving = served->user;
  struct fl_rpc_progress progress = {.done = done, .total = total, .message = message};
  fl_mcp_server_call_progress(serving->session, served, &progress, &serving->effects);
  apply(serving);
}

static void on_call_log(struct fl_call *call, const char *level, const char *text) {
  struct fl_mcp_served_call *served = fl_call_user(call);
  struct serving *serving = served->user;
  fl_mcp_server_call_log(serving->session, served, level, text, &serving->effects);
  apply(serving);
}

static void start_call(struct serving *serving, struct fl_mcp_served_call *served) {
  const struct fl_tool_def *def = fl_tool_set_find(serving->tools, served->tool);
  struct fl_call_options options = {.def = def,
                                    .args = served->args,
                                    .id = served->call_id,
                                    .total_timeout_ms = def->tool.timeout_ms,
                                    .on_done = on_call_done,
                                    .on_progress = served->wants_progress ? on_call_progress : NULL,
                                    .on_log = served->wants_log ? on_call_log : NULL,
                                    .user = served};
  served->handle = fl_call_start(&serving->runner, &options);
  served->user = serving;
}

/* Effects are taken off before they are performed: performing one may add others. */
static void apply(struct serving *serving) {
  if (serving->is_applying) return;
  struct fl_mcp_server_effects *effects = &serving->effects;
  for (size_t i = 0; i < effects->count; i++) {
    struct fl_mcp_served_call *served = effects->items[i].call;
    if (effects->items[i].type == FL_MCP_START_CALL) start_call(serving, served);
    else fl_call_cancel(served->handle);
  }
  effects->count = 0;
  serving->is_applying = true; /* the quick ones add their replies to the same write */
  fl_call_deliver_quick(&serving->runner);
  serving->is_applying = false;
  send_out(serving, fl_buf_slice(&effects->out));
  fl_buf_clear(&effects->out);
  if (effects->out.capacity > TURN_OUT_MAX) fl_buf_deinit(&effects->out);
}

/* ---- input ---- */

static int on_line(int status, fl_slice line, void *user) {
  struct serving *serving = user;
  if (serving->is_ending && serving->is_grace_over) return 0;
  if (status == 0) fl_mcp_server_line(serving->session, line, &serving->effects);
  else fl_mcp_server_line_too_long(serving->session, line, &serving->effects);
  if (serving->effects.out.size > TURN_OUT_MAX) apply(serving);
  return 0;
}

static void on_data(struct fl_stream *stream, fl_slice data) {
  struct serving *serving = stream->user;
  fl_lines_feed(&serving->lines, data, on_line, serving);
  apply(serving);
}

static void on_end(struct fl_stream *stream, int status) {
  struct serving *serving = stream->user;
  fl_lines_end(&serving->lines, on_line, serving);
  apply(serving);
  begin_end(serving);
}

static void on_sigterm(struct fl_signal *signal, int number) { begin_end(signal->user); }

/* ---- the end ---- */

static void on_out_closed(struct fl_stream *stream) {
  struct serving *serving = stream->user;
  fl_timer_stop(serving->world, &serving->end_timer);
  fl_world_stop(serving->world);
}

static void close_all(struct serving *serving) {
  if (serving->is_closed) return;
  serving->is_closed = true;
  fl_timer_stop(serving->world, &serving->backlog_timer);
  serving->queued_before = fl_stream_queued(&serving->out);
  fl_timer_start(serving->world, &serving->end_timer, STALL_MS);
  fl_stream_close(&serving->out, on_out_closed);
}

/* Until the grace is over: are the calls done? After that: does the output move? */
static void on_end_timer(struct fl_timer *timer) {
  struct serving *serving = timer->user;
  if (!serving->is_closed) {
    serving->is_grace_over = true;
    end_when_idle(serving);
    return;
  }
  size_t queued = serving->out.impl != NULL ? fl_stream_queued(&serving->out) : 0;
  if (queued > 0 && queued < serving->queued_before) {
    serving->queued_before = queued;
    fl_timer_start(serving->world, timer, STALL_MS);
  } else fl_world_stop(serving->world);
}

static void end_when_idle(struct serving *serving) {
  if (!serving->is_ending || serving->is_closed || serving->is_applying) return;
  bool calls_over = serving->is_grace_over || fl_mcp_server_calls(serving->session) == 0;
  if (calls_over && (serving->backlog.size == 0 || serving->is_grace_over)) close_all(serving);
}

static void begin_end(struct serving *serving) {
  if (serving->is_ending) return;
  serving->is_ending = true;
  fl_stream_close(&serving->in, NULL);
  fl_signal_stop(serving->world, &serving->sigterm);
  fl_timer_start(serving->world, &serving->end_timer, GRACE_MS);
  end_when_idle(serving);
}

/* ---- life ---- */

static void offer_tools(struct serving *serving) {
  for (size_t i = 0; i < serving->tools->count; i++) {
    const struct fl_tool_def *def = serving->tools->defs[i];
    struct fl_mcp_offered_tool offered = {.name = def->tool.name,
                                          .title = def->tool.title,
                                          .description = def->tool.description,
                                          .input_schema = def->input_schema,
                                          .output_schema = def->output_schema,
                                          .annotations = def->annotations};
    fl_mcp_catalog_add(&serving->catalog, &offered, NULL); /* the set has unique names */
  }
}

static int open_streams(struct serving *serving, const int fds[2], struct fl_error *err) {
  serving->in = (struct fl_stream){.on_data = on_data, .on_end = on_end, .user = serving};
  serving->out = (struct fl_stream){.user = serving};
  int status = fl_stream_open_fd(serving->world, &serving->out, fds[1], false, err);
  if (status < 0) return status;
  status = fl_stream_open_fd(serving->world, &serving->in, fds[0], true, err);
  if (status < 0) fl_stream_close(&serving->out, NULL);
  return status;
}

static void serving_init(struct serving *serving, struct fl_server *server, struct fl_world *world) {
  *serving = (struct serving){.world = world, .tools = &server->tools, .backlog = {.limit = BACKLOG_MAX}};
  fl_mcp_catalog_init(&serving->catalog, &server->identity, 0);
  offer_tools(serving);
  serving->session = fl_mcp_server_session_create(&serving->catalog);
  fl_call_runner_init(&serving->runner, world);
  serving->runner.delivers_quick = true;
  fl_lines_init(&serving->lines, FL_MCP_MESSAGE_SIZE_MAX);
  serving->end_timer = (struct fl_timer){.on_fire = on_end_timer, .user = serving};
  serving->backlog_timer = (struct fl_timer){.on_fire = on_backlog_timer, .user = serving};
  serving->sigterm = (struct fl_signal){.on_signal = on_sigterm, .user = serving};
}

static void serving_deinit(struct serving *serving) {
  fl_mcp_server_session_destroy(serving->session);
  fl_mcp_server_effects_deinit(&serving->effects);
  fl_mcp_catalog_deinit(&serving->catalog);
  fl_lines_deinit(&serving->lines);
  fl_buf_deinit(&serving->backlog);
}

int fl_server_serve(struct fl_server *server, struct fl_world *world, const int fds[2], bool *ret_has_work,
                    struct fl_error *err) {
  struct serving *serving = fl_new(struct serving);
  serving_init(serving, server, world);
  serving->err = err;
  int status = open_streams(serving, fds, err);
  if (status == 0) {
    fl_signal_start(world, &serving->sigterm, SIGTERM);
    fl_world_run(world);
    status = serving->status;
  }
  *ret_has_work = serving->runner.live_count > 0 || serving->out.impl != NULL;
  if (*ret_has_work) return status; /* what handlers hold must stay */
  fl_world_run(world);              /* the last handles close */
  serving_deinit(serving);
  fl_free(serving);
  return status;
}
