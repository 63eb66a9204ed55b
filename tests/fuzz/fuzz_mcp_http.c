/* SPDX-License-Identifier: MIT */
/* A whole server over HTTP, and a peer that sends anything: the first byte is the seed of how it is cut, 0x01 in the
 * input opens another connection, 0x02 waits, 0x03 hangs up. "$S" stands for the id of the session that was begun last.
 * Nothing is left at the end. */
#include "mcp/serving.h"
#include "mcp/transport/http_server.h"
#include "runtime/base/check.h"
#include "runtime/io/world_sim.h"

#include <fairlead/mcp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fl_world *world;
static struct fl_serving *serving;
static struct fl_mcp_http *http;
static struct fl_event_log *event_log;
static struct fl_mcp_server_session *modern;
static bool is_closed;
static char session[33];

static int run_echo(struct fl_call *call, const struct fl_value *args, void *user) {
  fl_call_progress(call, 1, 2, "half");
  return fl_call_return_text(call, "%s", fl_get_string(args, "message", ""));
}

static const struct fl_tool echo = {.size = sizeof(struct fl_tool), .name = "echo", .run = run_echo};

/* ---- the server ---- */

static struct fl_mcp_server_session *host_open(void *user, unsigned flags) {
  return fl_serving_open_session(serving, flags);
}
static void host_close(void *user, struct fl_mcp_server_session *at) { fl_serving_close_session(serving, at); }
static size_t host_take(void *user, struct fl_mcp_server_session *at, const struct fl_mcp_incoming *incoming) {
  return fl_serving_take(serving, at, incoming);
}
static void host_gone(void *user, struct fl_mcp_server_session *at, uint64_t channel) {
  fl_serving_channel_gone(serving, at, channel);
}
static void host_flush(void *user) { fl_serving_flush(serving); }

static void on_out(struct fl_serving *from, const struct fl_mcp_server_effects *effects) {
  if (http != NULL) fl_mcp_http_send(http, effects);
}

static void open_server(struct fl_server *server, uint64_t seed) {
  struct fl_error err;
  world = fl_world_sim_create(seed);
  fl_world_sim_set_splits(world, seed % 2 == 1);
  serving = fl_serving_create(server, world);
  serving->on_out = on_out;
  const struct fl_event_log_options log_options = {.size = sizeof log_options};
  fl_check(fl_event_log_open(world, &log_options, &event_log, &err) == 0);
  const struct fl_mcp_http_options options = {
      .size = sizeof options,
      .http = {.size = sizeof options.http,
               .listen = {.size = sizeof options.http.listen, .address = "127.0.0.1", .port = 80}},
      .log = event_log,
      .sessions_max = 4};
  const struct fl_mcp_http_host host = {host_open, host_close, host_take, host_gone, host_flush, NULL};
  fl_check(fl_mcp_http_open(world, &options, &host, &http, &err) == 0);
  modern = fl_mcp_http_modern(http);
}

static void on_log_closed(void *user) { is_closed = true; }

static void on_http_closed(void *user) {
  http = NULL;
  fl_serving_close_session(serving, modern);
  fl_event_log_close(event_log, on_log_closed, NULL);
}

static void close_server(void) {
  is_closed = false;
  fl_serving_end_subscriptions(serving);
  fl_mcp_http_close(http, 100, on_http_closed, NULL);
  fl_check(fl_world_sim_run(world) == FL_SIM_IDLE && is_closed);
  fl_serving_close(serving);
  fl_world_sim_run(world);
  fl_check(serving->runner.live_count == 0);
  fl_serving_destroy(serving);
  fl_world_destroy(world);
}

/* ---- the peer ---- */

static struct fl_sim_connection *connection; /* NULL: the next byte opens one */

static void peer_data(struct fl_sim_connection *from, fl_slice data) {
  static const char field[] = "Mcp-Session-Id: ";
  const char *id = memmem(data.data, data.size, field, sizeof field - 1);
  size_t place = id != NULL ? (size_t)(id - data.data) + sizeof field - 1 : data.size;
  if (place + 32 <= data.size) memcpy(session, data.data + place, 32);
}

static void peer_gone(struct fl_sim_connection *from) {
  if (from == connection) connection = NULL;
}

static void wait_ms(int ms) { fl_world_sim_run_until(world, fl_world_now_ms(world) + ms); }

static void send_bytes(fl_slice bytes) {
  if (bytes.size == 0) return;
  if (connection == NULL)
    connection = fl_world_sim_connect(world, 0, "127.0.0.1:80",
                                      &(struct fl_sim_peer_socket){.on_data = peer_data, .on_gone = peer_gone});
  fl_sim_socket_send(connection, 0, bytes);
}

static void hang_up(void) {
  struct fl_sim_connection *leaving = connection;
  connection = NULL;
  if (leaving != NULL) fl_sim_socket_hang_up(leaving, 0);
}

static void play(fl_slice script) {
  while (script.size > 0) {
    size_t size = 0;
    while (size < script.size && (unsigned char)script.data[size] > 3 &&
           !(script.size - size >= 2 && memcmp(script.data + size, "$S", 2) == 0))
      size++;
    send_bytes(fl_slice_n(script.data, size));
    script = fl_slice_n(script.data + size, script.size - size);
    if (script.size == 0) break;
    size_t used = 1;
    switch (*script.data) {
    case 1:
      wait_ms(20);
      connection = NULL;
      break;
    case 2: wait_ms(400); break;
    case 3: hang_up(); break;
    case '$':
      wait_ms(20);
      send_bytes(fl_slice_n(session, 32));
      used = 2;
      break;
    default: send_bytes(fl_slice_n(script.data, 1)); break;
    }
    script = fl_slice_n(script.data + used, script.size - used);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  struct fl_error err;
  struct fl_server *server =
      fl_server_create(&(struct fl_server_options){.size = sizeof(struct fl_server_options), .lists_change = true});
  fl_check(fl_server_add_tool(server, &echo, &err) == 0);
  memset(session, '0', 32);
  connection = NULL;
  open_server(server, data[0]);
  play(fl_slice_n((const char *)data + 1, size - 1));
  wait_ms(500);
  close_server();
  fl_server_destroy(server);
  return 0;
}
