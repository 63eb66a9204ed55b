/* SPDX-License-Identifier: MIT */
#include "served_rig.h"

#include <stdio.h>
#include <stdlib.h>

struct served served;

/* ---- the server ---- */

static struct fl_mcp_server_session *host_open(void *user, unsigned flags) {
  return fl_serving_open_session(served.serving, flags);
}
static void host_close(void *user, struct fl_mcp_server_session *session) {
  fl_serving_close_session(served.serving, session);
}
static size_t host_take(void *user, struct fl_mcp_server_session *session, const struct fl_mcp_incoming *incoming) {
  return fl_serving_take(served.serving, session, incoming);
}
static void host_gone(void *user, struct fl_mcp_server_session *session, uint64_t channel) {
  fl_serving_channel_gone(served.serving, session, channel);
}
static void host_flush(void *user) { fl_serving_flush(served.serving); }

static void on_out(struct fl_serving *from, const struct fl_mcp_server_effects *effects) {
  if (served.http != NULL) fl_mcp_http_send(served.http, effects);
}

void served_open_in(struct fl_world *in, struct fl_mcp_http_options options, const char *log_path) {
  struct fl_error err = {0};
  served.world = in;
  served.server = fl_server_create(
      &(struct fl_server_options){.size = sizeof(struct fl_server_options), .name = "test", .lists_change = true});
  for (size_t i = 0; i < served.tool_count; i++)
    assert_int_equal(fl_server_add_tool(served.server, &served.tools[i], &err), 0);
  served.serving = fl_serving_create(served.server, served.world);
  served.serving->on_out = on_out;
  const struct fl_event_log_options log_options = {.size = sizeof log_options, .path = log_path};
  assert_int_equal(fl_event_log_open(served.world, &log_options, &served.log, &err), 0);
  options.size = sizeof options;
  options.log = served.log;
  options.http.size = sizeof options.http;
  options.http.listen =
      (struct fl_listener_options){.size = sizeof options.http.listen, .address = "127.0.0.1", .port = 80};
  const struct fl_mcp_http_host host = {host_open, host_close, host_take, host_gone, host_flush, NULL};
  assert_int_equal(fl_mcp_http_open(served.world, &options, &host, &served.http, &err), 0);
  served.modern = fl_mcp_http_modern(served.http);
}

void served_open(uint64_t seed, struct fl_mcp_http_options options, const char *log_path) {
  served_open_in(fl_world_sim_create(seed), options, log_path);
}

static void on_log_closed(void *user) { served.is_closed = true; }

static void on_http_closed(void *user) {
  served.http = NULL;
  fl_serving_close_session(served.serving, served.modern);
  fl_event_log_close(served.log, on_log_closed, NULL);
}

void served_close(uint32_t grace_ms) {
  served.is_closed = false;
  fl_serving_end_subscriptions(served.serving);
  fl_mcp_http_close(served.http, grace_ms, on_http_closed, NULL);
  fl_world_sim_run(served.world);
  assert_true(served.is_closed);
  if (served.on_closing != NULL) served.on_closing();
  fl_serving_close(served.serving);
  fl_world_sim_run(served.world);
  assert_int_equal(served.serving->runner.live_count, 0);
  fl_serving_destroy(served.serving);
  fl_server_destroy(served.server);
  fl_world_destroy(served.world);
}

/* ---- peers ---- */

static void peer_data(struct fl_sim_connection *connection, fl_slice data) {
  struct served_peer *peer = fl_sim_socket_user(connection);
  fl_buf_add(&peer->got, data.data, data.size);
}
static void peer_gone(struct fl_sim_connection *connection) {
  ((struct served_peer *)fl_sim_socket_user(connection))->gone++;
}

void served_connect(struct served_peer *peer) {
  *peer = (struct served_peer){0};
  fl_buf_add_text(&peer->got, "");
  peer->connection =
      fl_world_sim_connect(served.world, 0, "127.0.0.1:80",
                           &(struct fl_sim_peer_socket){.on_data = peer_data, .on_gone = peer_gone, .user = peer});
}

void served_wait(int ms) { fl_world_sim_run_until(served.world, fl_world_now_ms(served.world) + ms); }

void served_send(struct served_peer *peer, const char *method, const char *fields, const char *body) {
  FL_BUF_AUTO text = {0};
  fl_buf_addf(&text, "%s /mcp HTTP/1.1\r\nHost: localhost\r\n%s", method, fields);
  if (body != NULL) fl_buf_addf(&text, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
  else fl_buf_add_text(&text, "\r\n");
  fl_sim_socket_send(peer->connection, 0, fl_buf_slice(&text));
}

int served_status(const struct served_peer *peer) {
  return peer->got.size > 12 ? (int)strtol(peer->got.data + 9, NULL, 10) : 0;
}

const char *served_body(const struct served_peer *peer) {
  const char *end = strstr(peer->got.data, "\r\n\r\n");
  return end != NULL ? end + 4 : "";
}

bool served_has(const struct served_peer *peer, const char *text) { return strstr(peer->got.data, text) != NULL; }

void served_check(const struct served_peer *peer, int status, const char *text) {
  if (served_status(peer) != status || !served_has(peer, text))
    fail_msg("not %d with %s:\n%s", status, text, peer->got.data);
}

void served_free(struct served_peer *peer) {
  if (peer->gone == 0) fl_sim_socket_hang_up(peer->connection, 0);
  served_wait(50);
  fl_buf_deinit(&peer->got);
}

/* One request on a connection of its own. */
void served_ask(struct served_peer *peer, const char *method, const char *fields, const char *body) {
  served_connect(peer);
  served_send(peer, method, fields, body);
  served_wait(100);
}
