/* SPDX-License-Identifier: MIT */
/* Happy path: open, the transport starts, the session shakes hands and lists, on_ready; calls; close, the transport
 * ends, on_closed.
 * Failure modes: it cannot be started, or ends or is silent before it is ready (on_ready with why); it dies of the
 * probe (started again at once); it dies later (calls in flight end with FL_E_CLOSED, it is started again after a pause
 * that doubles; after START_TRIES_MAX starts in vain only the next call tries again).
 *
 * Invariants. (1) No report comes from inside call, cancel or answer: what arises there is delivered by a post. (2)
 * What is to be sent leaves before any report is delivered, so a cancel reaches the server before the caller hears of
 * it. */
#include "mcp/connection.h"

#include "mcp/era_cache.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/json/hide.h"

#include <stdio.h>

enum {
  START_TIMEOUT_MS = 30 * 1000,
  RESTART_FIRST_MS = 250,
  RESTART_LAST_MS = 30 * 1000,
  STABLE_MS = 60 * 1000,
  START_TRIES_MAX = 5,
};

struct fl_mcp_connection {
  struct fl_mcp_connection_options options;
  struct fl_world *world;
  struct fl_mcp_transport *transport;
  char *name, *client_name, *log_level, *origin;
  struct fl_value *capabilities;
  struct fl_mcp_client_session *session;
  struct fl_mcp_client_effects effects;
  bool is_delivering, is_post_waiting;
  struct fl_post reports_post;
  struct fl_timer deadline_timer;
  int64_t armed_ms; /* -1: not */

  bool is_running; /* the transport, from start to on_down */
  bool is_opening, is_closing, was_ready;
  struct fl_error failure; /* why it could not be opened; code 0: none */
  struct fl_timer restart_timer;
  unsigned restart_count, try_count;
  int64_t started_ms;
  struct fl_value *tools_before; /* as of the last READY */
  struct fl_post late_post;      /* after a start that failed at once, or a close without a transport */
  bool is_late_posted, must_tell_closed;
};

static void deliver(struct fl_mcp_connection *connection);
static void start(struct fl_mcp_connection *connection);
static void start_failed(struct fl_mcp_connection *connection);
static void tell_closed(struct fl_mcp_connection *connection);

static int64_t now_of(struct fl_mcp_connection *connection) { return fl_world_now_ms(connection->world); }

static const struct fl_known *known_of(const struct fl_mcp_connection *connection) {
  return fl_vault_known(connection->world);
}

/* ---- time ---- */

static void on_deadline(struct fl_timer *timer) {
  struct fl_mcp_connection *connection = timer->user;
  connection->armed_ms = -1;
  fl_mcp_client_time(connection->session, now_of(connection), &connection->effects);
  deliver(connection);
}

/* The session's deadline is a lower bound that mostly moves away; the timer is set anew only when it comes nearer. */
static void arm(struct fl_mcp_connection *connection) {
  int64_t deadline = fl_mcp_client_deadline_ms(connection->session);
  if (deadline < 0) {
    if (connection->armed_ms >= 0) fl_timer_stop(connection->world, &connection->deadline_timer);
    connection->armed_ms = -1;
    return;
  }
  if (connection->armed_ms >= 0 && connection->armed_ms <= deadline) return;
  int64_t left = deadline - now_of(connection);
  connection->armed_ms = deadline;
  fl_timer_start(connection->world, &connection->deadline_timer, left > 0 ? (uint64_t)left : 0);
}

/* ---- what the session wants ---- */

static void show_wire(struct fl_mcp_connection *connection, const struct fl_mcp_client_effects *effects) {
  for (size_t i = 0; connection->options.on_wire != NULL && i < effects->outgoing_count; i++) {
    const struct fl_mcp_outgoing *one = &effects->outgoing[i];
    if (one->kind == FL_MCP_SEND_DROP) continue;
    connection->options.on_wire(connection->options.user, true,
                                fl_slice_n(effects->out.data + one->start, one->size - 1));
  }
}

static void flush_out(struct fl_mcp_connection *connection) {
  struct fl_mcp_client_effects *effects = &connection->effects;
  if (effects->outgoing_count == 0) return;
  show_wire(connection, effects);
  if (connection->is_running) connection->transport->ops->send(connection->transport, effects);
  fl_mcp_client_effects_clear_out(effects);
}

static void report_failed(struct fl_mcp_connection *connection, const struct fl_mcp_client_report *report) {
  fl_mcp_era_forget(connection->origin);
  fl_error_set(&connection->failure, report->status, "%s", report->text);
  if (connection->is_running) connection->transport->ops->stop(connection->transport); /* on_down goes on */
  else start_failed(connection);
}

/* Whether they are others than before: a server may cry "changed" for nothing, and a restart mostly brings the same. */
static bool note_tools(struct fl_mcp_connection *connection) {
  const struct fl_value *tools = fl_mcp_client_tools(connection->session);
  FL_VALUE_AUTO before = connection->tools_before;
  connection->tools_before = fl_value_ref((struct fl_value *)(uintptr_t)tools);
  return !fl_equal(before, tools);
}

static void report_tools_changed(struct fl_mcp_connection *connection) {
  struct fl_mcp_client_report report = {.type = FL_MCP_CLIENT_TOOLS_CHANGED};
  connection->options.on_report(connection->options.user, &report);
}

static void report_ready(struct fl_mcp_connection *connection) {
  const struct fl_mcp_connection_options *options = &connection->options;
  bool are_others = note_tools(connection);
  fl_mcp_era_learn(connection->origin, fl_mcp_client_era(connection->session), fl_world_wall_ms(connection->world));
  connection->try_count = 0;
  if (connection->is_opening) {
    connection->is_opening = false;
    connection->was_ready = true;
    options->on_ready(options->user, 0, NULL);
  } else if (are_others) report_tools_changed(connection);
}

static bool is_about_transport(enum fl_mcp_client_report_type type) {
  return type == FL_MCP_CLIENT_READY || type == FL_MCP_CLIENT_FAILED || type == FL_MCP_CLIENT_RESPAWN;
}

static void perform(struct fl_mcp_connection *connection, const struct fl_mcp_client_report *report) {
  if (connection->is_closing && is_about_transport(report->type)) return;
  switch (report->type) {
  case FL_MCP_CLIENT_READY: report_ready(connection); return;
  case FL_MCP_CLIENT_FAILED: report_failed(connection, report); return;
  case FL_MCP_CLIENT_RESPAWN:
    fl_mcp_era_forget(connection->origin); /* what was believed of it, if anything, was wrong */
    start(connection);
    return;
  case FL_MCP_CLIENT_TOOLS_CHANGED:
    if (note_tools(connection)) report_tools_changed(connection);
    return;
  default: connection->options.on_report(connection->options.user, report); return;
  }
}

/* Callbacks may call and cancel, which adds new effects; so each round works on effects of its own. */
static void deliver(struct fl_mcp_connection *connection) {
  if (connection->is_delivering) return;
  connection->is_delivering = true;
  flush_out(connection);
  while (connection->effects.count > 0) {
    struct fl_mcp_client_effects round = connection->effects;
    connection->effects = (struct fl_mcp_client_effects){0};
    for (size_t i = 0; i < round.count; i++) {
      perform(connection, &round.reports[i]);
      flush_out(connection);
    }
    fl_mcp_client_effects_deinit(&round);
  }
  connection->is_delivering = false;
  arm(connection);
}

static void on_reports_post(struct fl_post *post) {
  struct fl_mcp_connection *connection = post->user;
  connection->is_post_waiting = false;
  deliver(connection);
  if (connection->must_tell_closed) tell_closed(connection);
}

/* After a step that was not taken from a callback of the world. */
static void deliver_later(struct fl_mcp_connection *connection) {
  if (connection->is_delivering) return; /* the loop in deliver goes on */
  flush_out(connection);
  arm(connection);
  if (connection->effects.count == 0 || connection->is_post_waiting) return;
  connection->is_post_waiting = true;
  connection->reports_post = (struct fl_post){.on_post = on_reports_post, .user = connection};
  fl_world_post(connection->world, &connection->reports_post);
}

/* ---- the transport speaks ---- */

/* The door for all that a server says: what is behind it shows no secret that is known, whoever was given it. */
static void on_message(struct fl_mcp_transport *transport, int64_t origin, fl_slice message) {
  struct fl_mcp_connection *connection = transport->user;
  FL_BUF_AUTO shown = {.limit = FL_KNOWN_TEXT_MAX};
  if (connection->is_closing) return;
  if (fl_hide_json(known_of(connection), message, &shown)) message = fl_buf_slice(&shown);
  if (connection->options.on_wire != NULL) connection->options.on_wire(connection->options.user, false, message);
  fl_mcp_client_message(connection->session, now_of(connection), origin, message, &connection->effects);
  deliver(connection);
}

static void on_too_long(struct fl_mcp_transport *transport, int64_t origin, fl_slice front) {
  struct fl_mcp_connection *connection = transport->user;
  FL_BUF_AUTO shown = {.limit = FL_KNOWN_TEXT_MAX};
  if (connection->is_closing) return;
  if (fl_known_finds(known_of(connection), front)) { /* not copied where there is nothing to hide: it is long */
    fl_known_hide(known_of(connection), front, &shown);
    front = fl_buf_slice(&shown);
  }
  fl_mcp_client_line_too_long(connection->session, front, &connection->effects);
  deliver(connection);
}

static void on_lost(struct fl_mcp_transport *transport, const struct fl_mcp_client_loss *loss) {
  struct fl_mcp_connection *connection = transport->user;
  struct fl_mcp_client_loss shown = *loss;
  FL_FREE_AUTO char *text = fl_strdup(loss->text);
  if (connection->is_closing) return;
  fl_known_hide_text(known_of(connection), &text);
  shown.text = text;
  fl_mcp_client_lost(connection->session, now_of(connection), &shown, &connection->effects);
  deliver(connection);
}

static void on_log(struct fl_mcp_transport *transport, const char *level, const char *text) {
  struct fl_mcp_connection *connection = transport->user;
  FL_FREE_AUTO char *shown = fl_strdup(text);
  fl_known_hide_text(known_of(connection), &shown);
  struct fl_mcp_client_report report = {.type = FL_MCP_CLIENT_LOG, .level = level, .text = shown};
  connection->options.on_report(connection->options.user, &report);
}

static bool on_awaits(struct fl_mcp_transport *transport, int64_t id) {
  const struct fl_mcp_connection *connection = transport->user;
  return !connection->is_closing && fl_mcp_client_awaits(connection->session, id);
}

/* ---- starts and ends ---- */

static void tell_ready_failed(struct fl_mcp_connection *connection) {
  struct fl_error failure = connection->failure;
  connection->failure = (struct fl_error){0};
  connection->is_opening = false;
  connection->options.on_ready(connection->options.user, failure.code, &failure);
}

static void schedule_restart(struct fl_mcp_connection *connection) {
  if (connection->is_closing) return;
  uint64_t delay_ms = RESTART_FIRST_MS;
  for (unsigned i = 0; i < connection->restart_count && delay_ms < RESTART_LAST_MS; i++) delay_ms *= 2;
  connection->restart_count++;
  fl_timer_start(connection->world, &connection->restart_timer,
                 delay_ms < RESTART_LAST_MS ? delay_ms : RESTART_LAST_MS);
}

static void start_failed(struct fl_mcp_connection *connection) {
  if (connection->is_closing) return;
  if (connection->transport->ops->explain != NULL)
    connection->transport->ops->explain(connection->transport, &connection->failure);
  fl_known_hide_error(known_of(connection), &connection->failure);
  if (connection->is_opening) {
    tell_ready_failed(connection);
    return;
  }
  on_log(connection->transport, "error", connection->failure.text);
  if (++connection->try_count < START_TRIES_MAX) schedule_restart(connection);
  else fl_mcp_client_given_up(connection->session, connection->failure.text, &connection->effects);
  connection->failure = (struct fl_error){0};
  deliver(connection);
}

/* The last thing: the owner may destroy it then, so nothing may be on its way to it. */
static void tell_closed(struct fl_mcp_connection *connection) {
  connection->must_tell_closed = connection->is_post_waiting;
  if (connection->must_tell_closed) return;
  deliver(connection);
  fl_timer_stop(connection->world, &connection->deadline_timer);
  if (connection->is_opening) {
    fl_error_set(&connection->failure, FL_E_CLOSED, "server %s was closed before it was ready", connection->name);
    tell_ready_failed(connection);
  }
  connection->options.on_closed(connection->options.user);
}

static void on_down(struct fl_mcp_transport *transport, const char *how) {
  struct fl_mcp_connection *connection = transport->user;
  connection->is_running = false;
  if (connection->is_closing) {
    tell_closed(connection);
    return;
  }
  bool has_failed = connection->failure.code != 0;
  bool was_up = fl_mcp_client_is_ready(connection->session);
  fl_mcp_client_exited(connection->session, how, &connection->effects);
  if (was_up && now_of(connection) - connection->started_ms > STABLE_MS) connection->restart_count = 0;
  if (was_up) schedule_restart(connection);
  deliver(connection);
  if (has_failed) start_failed(connection);
}

static void on_late_post(struct fl_post *post) {
  struct fl_mcp_connection *connection = post->user;
  connection->is_late_posted = false;
  if (connection->is_closing) tell_closed(connection);
  else start_failed(connection);
}

static void post_late(struct fl_mcp_connection *connection) {
  if (connection->is_late_posted) return;
  connection->is_late_posted = true;
  connection->late_post = (struct fl_post){.on_post = on_late_post, .user = connection};
  fl_world_post(connection->world, &connection->late_post);
}

static void start(struct fl_mcp_connection *connection) {
  connection->failure = (struct fl_error){0};
  connection->started_ms = now_of(connection);
  if (connection->transport->ops->start(connection->transport, &connection->failure) < 0) {
    fl_error_context(&connection->failure, "server %s", connection->name);
    post_late(connection);
    return;
  }
  connection->is_running = true;
  fl_mcp_client_guess_era(connection->session,
                          fl_mcp_era_known(connection->origin, fl_world_wall_ms(connection->world)));
  fl_mcp_client_started(connection->session, connection->started_ms, &connection->effects);
  deliver_later(connection);
}

static void on_restart(struct fl_timer *timer) { start(timer->user); }

void fl_mcp_connection_open(struct fl_mcp_connection *connection) {
  if (connection->is_opening || connection->is_closing || connection->was_ready) return;
  connection->is_opening = true;
  start(connection);
}

void fl_mcp_connection_close(struct fl_mcp_connection *connection) {
  if (connection->is_closing) return;
  connection->is_closing = true;
  fl_timer_stop(connection->world, &connection->restart_timer);
  fl_mcp_client_exited(connection->session, "was closed", &connection->effects);
  fl_mcp_client_given_up(connection->session, "it was closed", &connection->effects);
  deliver_later(connection);
  if (connection->is_running) connection->transport->ops->stop(connection->transport);
  else post_late(connection);
}

/* ---- calls ---- */

int fl_mcp_connection_check(const struct fl_mcp_connection *connection, struct fl_error *err) {
  if (!connection->is_closing && connection->was_ready) return 0;
  return fl_error_set(err, FL_E_CLOSED, "server %s is not open", connection->name);
}

/* After it was given up, a server gets one more try for each time that somebody needs it. */
static void wake(struct fl_mcp_connection *connection) {
  if (connection->is_running || connection->restart_timer.impl != NULL || connection->is_late_posted) return;
  connection->try_count = START_TRIES_MAX - 1;
  start(connection);
}

struct fl_mcp_client_call *fl_mcp_connection_call(struct fl_mcp_connection *connection,
                                                  const struct fl_mcp_client_call_options *options) {
  struct fl_mcp_client_call *call =
      fl_mcp_client_call(connection->session, now_of(connection), options, &connection->effects);
  wake(connection);
  deliver_later(connection);
  return call;
}

void fl_mcp_connection_cancel(struct fl_mcp_connection *connection, struct fl_mcp_client_call *call) {
  fl_mcp_client_cancel(connection->session, call, "the caller cancelled it", &connection->effects);
  deliver_later(connection);
}

void fl_mcp_connection_answer(struct fl_mcp_connection *connection, int64_t ask_id, const struct fl_value *result) {
  fl_mcp_client_answer(connection->session, now_of(connection), ask_id, result, &connection->effects);
  deliver_later(connection);
}

void fl_mcp_connection_subscribe(struct fl_mcp_connection *connection, const char *uri, bool follows) {
  fl_mcp_client_subscribe(connection->session, uri, follows, &connection->effects);
  deliver_later(connection);
}

void fl_mcp_connection_roots_changed(struct fl_mcp_connection *connection) {
  fl_mcp_client_roots_changed(connection->session, &connection->effects);
  deliver_later(connection);
}

/* ---- life ---- */

const struct fl_mcp_client_session *fl_mcp_connection_session(const struct fl_mcp_connection *connection) {
  return connection->session;
}

struct fl_mcp_connection *fl_mcp_connection_create(const struct fl_mcp_connection_options *options) {
  struct fl_mcp_connection *connection = fl_new(struct fl_mcp_connection);
  struct fl_mcp_client_config config = options->config;
  connection->options = *options;
  connection->origin = fl_strdup(options->origin);
  connection->transport = options->transport;
  connection->world = options->transport->world;
  config.server_name = connection->name = fl_strdup(config.server_name);
  config.client_name = connection->client_name = fl_strdup(config.client_name);
  config.log_level = connection->log_level = fl_strdup(config.log_level);
  connection->capabilities = fl_value_ref((struct fl_value *)(uintptr_t)config.capabilities);
  if (config.start_timeout_ms == 0) config.start_timeout_ms = START_TIMEOUT_MS;
  connection->session = fl_mcp_client_session_create(&config);
  connection->armed_ms = -1;
  connection->deadline_timer = (struct fl_timer){.on_fire = on_deadline, .user = connection};
  connection->restart_timer = (struct fl_timer){.on_fire = on_restart, .user = connection};
  struct fl_mcp_transport *transport = connection->transport;
  transport->on_message = on_message;
  transport->on_too_long = on_too_long;
  transport->on_lost = on_lost;
  transport->on_log = on_log;
  transport->on_down = on_down;
  transport->awaits = on_awaits;
  transport->user = connection;
  return connection;
}

void fl_mcp_connection_destroy(struct fl_mcp_connection *connection) {
  if (connection == NULL) return;
  fl_check(!connection->is_running);
  connection->transport->ops->destroy(connection->transport);
  fl_mcp_client_session_destroy(connection->session);
  fl_mcp_client_effects_deinit(&connection->effects);
  fl_value_unref(connection->tools_before);
  fl_value_unref(connection->capabilities);
  fl_free(connection->name);
  fl_free(connection->client_name);
  fl_free(connection->log_level);
  fl_free(connection->origin);
  fl_free(connection);
}
