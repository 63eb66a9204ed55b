/* SPDX-License-Identifier: MIT */
/* Streamable HTTP, the server's side, in the simulated world: real sessions and handlers behind it, peers that speak
 * HTTP as text. What a peer got is compared without the fields that every answer has. */
#include "mcp/auth/guard.h"
#include "mcp/serving.h"
#include "mcp/transport/http_server.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <fairlead/mcp.h>
#include <stdio.h>
#include <stdlib.h>

static struct fl_world *world;
static struct fl_server *server;
static struct fl_serving *serving;
static struct fl_mcp_http *http;
static struct fl_event_log *event_log;
static struct fl_mcp_server_session *modern;
static bool is_closed;

/* ---- tools ---- */

static struct fl_call *held; /* by "hold", until the test ends it */
static int cancelled_ms;

static int run_echo(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "%s", fl_get_string(args, "message", ""));
}

static int run_steps(struct fl_call *call, const struct fl_value *args, void *user) {
  for (int i = 1; i <= 3; i++) fl_call_progress(call, i, 3, NULL);
  return fl_call_return_text(call, "stepped");
}

static int run_hold(struct fl_call *call, const struct fl_value *args, void *user) {
  held = call;
  if (fl_get_bool(args, "close", false)) fl_call_close_stream(call);
  return FL_CALL_PENDING;
}

/* What a handler may have told before any of it goes out is limited, so it comes in several goes. */
static void flood(int goes) {
  static char large[60 * 1024];
  memset(large, 'x', sizeof large - 1);
  for (int i = 0; i < goes; i++) {
    for (int j = 0; j < 200; j++) fl_call_log(held, "info", "%s", large);
    fl_world_sim_run_until(world, fl_world_now_ms(world) + 10);
  }
}

static void release(void) {
  struct fl_call *call = held;
  held = NULL;
  fl_call_return_text(call, "released");
  fl_call_complete(call);
}

static const struct fl_tool tools[] = {
    {.size = sizeof(struct fl_tool),
     .name = "echo",
     .input_schema =
         "{\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\",\"x-mcp-header\":\"Message\"}}}",
     .flags = FL_TOOL_QUICK,
     .run = run_echo},
    {.size = sizeof(struct fl_tool), .name = "steps", .run = run_steps},
    {.size = sizeof(struct fl_tool),
     .name = "hold",
     .flags = FL_TOOL_PARALLEL,
     .input_schema = "{\"type\":\"object\",\"properties\":{\"close\":{\"type\":\"boolean\"}}}",
     .run = run_hold},
};

/* ---- the server ---- */

static struct fl_mcp_server_session *host_open(void *user, unsigned flags) {
  return fl_serving_open_session(serving, flags);
}
static void host_close(void *user, struct fl_mcp_server_session *session) {
  fl_serving_close_session(serving, session);
}
static size_t host_take(void *user, struct fl_mcp_server_session *session, const struct fl_mcp_incoming *incoming) {
  return fl_serving_take(serving, session, incoming);
}
static void host_gone(void *user, struct fl_mcp_server_session *session, uint64_t channel) {
  fl_serving_channel_gone(serving, session, channel);
}
static void host_flush(void *user) { fl_serving_flush(serving); }

static void on_out(struct fl_serving *from, const struct fl_mcp_server_effects *effects) {
  if (http != NULL) fl_mcp_http_send(http, effects);
}

static void open_server_in(struct fl_world *in, struct fl_mcp_http_options options, const char *log_path) {
  struct fl_error err = {0};
  world = in;
  server = fl_server_create(
      &(struct fl_server_options){.size = sizeof(struct fl_server_options), .name = "test", .lists_change = true});
  for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
    assert_int_equal(fl_server_add_tool(server, &tools[i], &err), 0);
  serving = fl_serving_create(server, world);
  serving->on_out = on_out;
  const struct fl_event_log_options log_options = {.size = sizeof log_options, .path = log_path};
  assert_int_equal(fl_event_log_open(world, &log_options, &event_log, &err), 0);
  options.size = sizeof options;
  options.log = event_log;
  options.http.size = sizeof options.http;
  options.http.listen =
      (struct fl_listener_options){.size = sizeof options.http.listen, .address = "127.0.0.1", .port = 80};
  const struct fl_mcp_http_host host = {host_open, host_close, host_take, host_gone, host_flush, NULL};
  assert_int_equal(fl_mcp_http_open(world, &options, &host, &http, &err), 0);
  modern = fl_mcp_http_modern(http);
  held = NULL;
}

static void open_server(uint64_t seed, struct fl_mcp_http_options options, const char *log_path) {
  open_server_in(fl_world_sim_create(seed), options, log_path);
}

static void on_log_closed(void *user) { is_closed = true; }

static void on_http_closed(void *user) {
  http = NULL;
  fl_serving_close_session(serving, modern);
  fl_event_log_close(event_log, on_log_closed, NULL);
}

static void close_server(uint32_t grace_ms) {
  is_closed = false;
  fl_serving_end_subscriptions(serving);
  fl_mcp_http_close(http, grace_ms, on_http_closed, NULL);
  fl_world_sim_run(world);
  assert_true(is_closed);
  if (held != NULL) release();
  fl_serving_close(serving);
  fl_world_sim_run(world);
  assert_int_equal(serving->runner.live_count, 0);
  fl_serving_destroy(serving);
  fl_server_destroy(server);
  fl_world_destroy(world);
}

/* ---- peers ---- */

struct peer {
  struct fl_sim_connection *connection;
  struct fl_buf got;
  int gone;
};

static void peer_data(struct fl_sim_connection *connection, fl_slice data) {
  struct peer *peer = fl_sim_socket_user(connection);
  fl_buf_add(&peer->got, data.data, data.size);
}
static void peer_gone(struct fl_sim_connection *connection) { ((struct peer *)fl_sim_socket_user(connection))->gone++; }

static void connect_peer(struct peer *peer) {
  *peer = (struct peer){0};
  fl_buf_add_text(&peer->got, "");
  peer->connection = fl_world_sim_connect(
      world, 0, "127.0.0.1:80", &(struct fl_sim_peer_socket){.on_data = peer_data, .on_gone = peer_gone, .user = peer});
}

static void wait_ms(int ms) { fl_world_sim_run_until(world, fl_world_now_ms(world) + ms); }

#define DISCOVER(accept)                                                               \
  "Content-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: " \
  "server/discover\r\nAccept: " accept "\r\n",                                         \
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{" MODERN_META "}}}"
#define ACCEPT "Accept: application/json, text/event-stream\r\n"
#define JSON "Content-Type: application/json\r\n" ACCEPT
#define MODERN_META                                                        \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
  "\"io.modelcontextprotocol/clientCapabilities\":{}"
#define MODERN JSON "MCP-Protocol-Version: 2026-07-28\r\n"

static void send_request(struct peer *peer, const char *method, const char *fields, const char *body) {
  FL_BUF_AUTO text = {0};
  fl_buf_addf(&text, "%s /mcp HTTP/1.1\r\nHost: localhost\r\n%s", method, fields);
  if (body != NULL) fl_buf_addf(&text, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
  else fl_buf_add_text(&text, "\r\n");
  fl_sim_socket_send(peer->connection, 0, fl_buf_slice(&text));
}

static int status_of(const struct peer *peer) {
  return peer->got.size > 12 ? (int)strtol(peer->got.data + 9, NULL, 10) : 0;
}

static const char *body_of(const struct peer *peer) {
  const char *end = strstr(peer->got.data, "\r\n\r\n");
  return end != NULL ? end + 4 : "";
}

static bool has(const struct peer *peer, const char *text) { return strstr(peer->got.data, text) != NULL; }

static void check(const struct peer *peer, int status, const char *text) {
  if (status_of(peer) != status || !has(peer, text)) fail_msg("not %d with %s:\n%s", status, text, peer->got.data);
}

static void free_peer(struct peer *peer) {
  if (peer->gone == 0) fl_sim_socket_hang_up(peer->connection, 0);
  wait_ms(50);
  fl_buf_deinit(&peer->got);
}

/* One request on a connection of its own. */
static void ask(struct peer *peer, const char *method, const char *fields, const char *body) {
  connect_peer(peer);
  send_request(peer, method, fields, body);
  wait_ms(100);
}

struct row {
  const char *method, *fields, *body;
  int status;
  const char *text; /* in the answer */
};

#define CALL_ECHO(meta)                                                                                               \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"message\":" \
  "\"hi\"}" meta "}}"

static const struct row rows[] = {
    {"POST", MODERN "Mcp-Method: tools/call\r\nMcp-Name: echo\r\nMcp-Param-Message: hi\r\n",
     CALL_ECHO("," MODERN_META "}"), 200, "\"text\":\"hi\""},
    {"POST", MODERN "Mcp-Method: tools/call\r\nMcp-Name: echo\r\nMcp-Param-Message: =?base64?aGk=?=\r\n",
     CALL_ECHO("," MODERN_META "}"), 200, "\"text\":\"hi\""},
    {"POST", MODERN "Mcp-Method: tools/call\r\nMcp-Name: echo\r\nMcp-Param-Message: ho\r\n",
     CALL_ECHO("," MODERN_META "}"), 400, "-32020"},
    {"POST", MODERN "Mcp-Method: tools/call\r\nMcp-Name: other\r\nMcp-Param-Message: hi\r\n",
     CALL_ECHO("," MODERN_META "}"), 400, "-32020"},
    {"POST", MODERN "Mcp-Name: echo\r\nMcp-Param-Message: hi\r\n", CALL_ECHO("," MODERN_META "}"), 400, "-32020"},
    {"POST", JSON "Mcp-Method: tools/call\r\nMcp-Name: echo\r\nMcp-Param-Message: hi\r\n",
     CALL_ECHO("," MODERN_META "}"), 400, "-32020"},
    {"POST", MODERN "Mcp-Method: no/such\r\n",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no/such\",\"params\":{" MODERN_META "}}}", 404, "-32601"},
    {"POST", MODERN "Mcp-Method: tools/list\r\n", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", 400,
     "-32602"},
    {"POST", MODERN "Mcp-Method: server/discover\r\n",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{" MODERN_META "}}}", 200,
     "supportedVersions"},
    {"POST", MODERN "Mcp-Method: notifications/cancelled\r\n",
     "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":9," MODERN_META "}}}", 202,
     ""},
    {"POST", JSON, "{", 400, "-32700"},
    {"POST", JSON, "", 400, "-32700"},
    {"POST", JSON, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", 400, "Mcp-Session-Id"},
    {"POST", JSON "Mcp-Session-Id: 0123456789abcdef0123456789abcdef\r\n",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", 404, "no such session"},
    {"POST", "Content-Type: text/plain\r\n" ACCEPT, "{}", 415, "application/json"},
    {"POST", ACCEPT, "{}", 415, "application/json"},
    {"POST", "Content-Type: application/json; charset=utf-8\r\nAccept: application/json\r\n", "{}", 406, "Accept"},
    {"POST", "Content-Type: application/json\r\nAccept: application/jsonx, text/event-stream\r\n", "{}", 406, "Accept"},
    {"POST", DISCOVER("Application/JSON;q=0.5 ,, text/*"), 200, "Content-Type: application/json"},
    {"POST", DISCOVER("*/*"), 200, "Content-Type: application/json"},
    {"POST", DISCOVER("text/event-stream, application/json"), 200, "Content-Type: text/event-stream"},
    {"POST", DISCOVER("*/*, text/event-stream"), 200, "Content-Type: application/json"},
    {"GET", ACCEPT "MCP-Protocol-Version: 2026-07-28\r\n", NULL, 405, "Allow: POST"},
    {"GET", ACCEPT, NULL, 400, "Mcp-Session-Id"},
    {"GET", "Accept: text/html\r\nMcp-Session-Id: 0123456789abcdef0123456789abcdef\r\n", NULL, 406,
     "text/event-stream"},
    {"GET", ACCEPT "Mcp-Session-Id: 0123456789abcdef0123456789abcdef\r\n", NULL, 404, "no such session"},
    {"DELETE", "Mcp-Session-Id: nothing\r\n", NULL, 404, "no such session"},
    {"PUT", JSON, "{}", 405, "Allow: POST, GET, DELETE"},
    {"OPTIONS", "Origin: http://localhost:5173\r\nAccess-Control-Request-Headers: content-type\r\n", NULL, 204,
     "Access-Control-Allow-Origin: http://localhost:5173"},
    {"OPTIONS", "Origin: http://evil.example\r\n", NULL, 403, "Origin"},
};

static void requests_and_their_answers(void **state) {
  open_server(1, (struct fl_mcp_http_options){0}, NULL);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct peer peer;
    ask(&peer, rows[i].method, rows[i].fields, rows[i].body);
    if (status_of(&peer) != rows[i].status || !has(&peer, rows[i].text))
      fail_msg("row %zu, %s: not %d with %s:\n%s", i, rows[i].body != NULL ? rows[i].body : "", rows[i].status,
               rows[i].text, peer.got.data);
    free_peer(&peer);
  }
  struct fl_mcp_http_counts counts;
  fl_mcp_http_count(http, &counts);
  assert_true(counts.sessions == 0 && counts.streams == 0 && counts.connections == 0);
  close_server(100);
}

/* ---- modern streams ---- */

#define CALL(tool, more) \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" tool "\"" more "}}"
#define CALL_FIELDS(tool) MODERN "Mcp-Method: tools/call\r\nMcp-Name: " tool "\r\n"

static void what_comes_before_a_reply_makes_a_stream(void **state) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    open_server(seed, (struct fl_mcp_http_options){0}, NULL);
    struct peer peer;
    ask(&peer, "POST", CALL_FIELDS("steps"), CALL("steps", "," MODERN_META ",\"progressToken\":\"t\"}"));
    check(&peer, 200, "Content-Type: text/event-stream");
    check(&peer, 200, "X-Accel-Buffering: no");
    assert_false(has(&peer, "id: "));                               /* nothing to resume in this revision */
    const char *progress = strstr(peer.got.data, "\"progress\":3"); /* what was told before it may be left out */
    const char *reply = strstr(peer.got.data, "stepped");
    assert_true(progress != NULL && progress < reply);
    assert_true(has(&peer, "\n\n\r\n0\r\n\r\n")); /* the end of the stream, and of the answer */
    free_peer(&peer);
    ask(&peer, "POST", CALL_FIELDS("steps"), CALL("steps", "," MODERN_META "}"));
    check(&peer, 200, "Content-Type: application/json");
    free_peer(&peer);
    close_server(100);
  }
}

static void closing_a_stream_cancels(void **state) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    open_server(seed, (struct fl_mcp_http_options){0}, NULL);
    struct peer peer;
    ask(&peer, "POST", CALL_FIELDS("hold"), CALL("hold", "," MODERN_META "}"));
    assert_non_null(held);
    assert_false(fl_call_is_cancelled(held));
    int64_t from_ms = fl_world_now_ms(world);
    fl_sim_socket_hang_up(peer.connection, 0);
    while (!fl_call_is_cancelled(held) && fl_world_now_ms(world) - from_ms < 1000) wait_ms(1);
    cancelled_ms = (int)(fl_world_now_ms(world) - from_ms);
    assert_in_range(cancelled_ms, 0, 50);
    release();
    wait_ms(100);
    struct fl_mcp_http_counts counts;
    fl_mcp_http_count(http, &counts);
    assert_true(counts.streams == 0 && counts.connections == 0);
    fl_buf_deinit(&peer.got);
    close_server(100);
  }
}

#define LISTEN                                                                                           \
  "{\"jsonrpc\":\"2.0\",\"id\":\"L\",\"method\":\"subscriptions/listen\",\"params\":{\"notifications\":" \
  "{\"toolsListChanged\":true}," MODERN_META "}}}"

static void a_subscription_lasts_until_the_end(void **state) {
  open_server(3, (struct fl_mcp_http_options){0}, NULL);
  struct peer peer;
  ask(&peer, "POST", MODERN "Mcp-Method: subscriptions/listen\r\n", LISTEN);
  check(&peer, 200, "notifications/subscriptions/acknowledged");
  wait_ms(16 * 1000);
  check(&peer, 200, ":\n\n"); /* it is kept alive */
  assert_false(has(&peer, "list_changed"));
  fl_server_remove_tool(server, "steps");
  wait_ms(100);
  check(&peer, 200, "notifications/tools/list_changed");
  is_closed = false;
  close_server(1000);
  assert_true(has(&peer, "\"id\":\"L\"") && has(&peer, "\r\n0\r\n\r\n"));
  assert_int_equal(peer.gone, 1);
  fl_buf_deinit(&peer.got);
}

static void what_takes_long_becomes_a_stream(void **state) {
  open_server(3, (struct fl_mcp_http_options){.keep_alive_ms = 2000}, NULL);
  struct peer peer;
  ask(&peer, "POST", CALL_FIELDS("hold"), CALL("hold", "," MODERN_META "}"));
  assert_int_equal(peer.got.size, 0);
  wait_ms(4000);
  check(&peer, 200, "text/event-stream");
  release();
  wait_ms(100);
  check(&peer, 200, "released");
  free_peer(&peer);
  close_server(100);
}

/* 36 MB for a peer that takes nothing: it is cut, its request cancelled, and the rest of the server knows nothing of
 * it. */
static void a_peer_that_takes_nothing_is_cut(void **state) {
  open_server(3, (struct fl_mcp_http_options){0}, NULL);
  struct peer peer, other;
  connect_peer(&peer);
  fl_sim_socket_stop_reading(peer.connection, true);
  send_request(&peer, "POST", CALL_FIELDS("hold"),
               CALL("hold", "," MODERN_META ",\"io.modelcontextprotocol/logLevel\":\"info\"}"));
  wait_ms(100);
  assert_non_null(held);
  flood(1); /* 12 MB wait */
  assert_false(fl_call_is_cancelled(held));
  flood(2);
  assert_true(fl_call_is_cancelled(held));
  struct fl_mcp_http_counts counts;
  fl_mcp_http_count(http, &counts);
  assert_int_equal(counts.streams, 0);
  ask(&other, "POST", MODERN "Mcp-Method: tools/call\r\nMcp-Name: echo\r\nMcp-Param-Message: hi\r\n",
      CALL_ECHO("," MODERN_META "}"));
  check(&other, 200, "\"text\":\"hi\"");
  free_peer(&other);
  release();
  wait_ms(2000);
  fl_mcp_http_count(http, &counts);
  assert_int_equal(counts.connections, 0);
  fl_buf_deinit(&peer.got);
  close_server(100);
}

#define INITIALIZE                                                                                          \
  "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"," \
  "\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}"

/* ---- authorization ---- */

static bool is_guard_closed;
static void on_guard_closed(void *user) { is_guard_closed = true; }

static void who_brings_no_token_is_told_where_to_get_one(void **state) {
  struct fl_error err = {0};
  struct fl_mcp_guard *guard = NULL;
  const struct fl_mcp_guard_options options = {
      .size = sizeof options, .resource = "http://localhost/mcp", .issuer = "https://auth.example"};
  world = fl_world_sim_create(3);
  assert_int_equal(fl_mcp_guard_create(world, &options, &guard, &err), 0);
  open_server_in(world, (struct fl_mcp_http_options){.guard = guard, .origin = "http://localhost"}, NULL);
  struct peer peer;
  ask(&peer, "POST", JSON, INITIALIZE);
  check(&peer, 401, "WWW-Authenticate: Bearer");
  check(&peer, 401, "/.well-known/oauth-protected-resource");
  free_peer(&peer);
  ask(&peer, "POST", JSON "Authorization: Bearer x\r\nAuthorization: Bearer y\r\n", INITIALIZE);
  check(&peer, 400, "twice");
  free_peer(&peer);
  connect_peer(&peer);
  fl_sim_socket_send(peer.connection, 0,
                     FL_SLICE("GET /.well-known/oauth-protected-resource/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  wait_ms(50);
  check(&peer, 200, "https://auth.example");
  free_peer(&peer);
  ask(&peer, "OPTIONS", "Origin: http://localhost:1\r\n", NULL); /* browsers send no token with it */
  check(&peer, 204, "Access-Control-Allow-Methods");
  free_peer(&peer);
  fl_mcp_guard_close(guard, on_guard_closed, NULL);
  close_server(100);
  assert_true(is_guard_closed);
}

/* ---- legacy sessions ---- */

static char session_fields[256];

static void begin_session(void) {
  struct peer peer;
  ask(&peer, "POST", JSON, INITIALIZE);
  check(&peer, 200, "\"protocolVersion\":\"2025-11-25\"");
  const char *id = strstr(peer.got.data, "Mcp-Session-Id: ");
  assert_non_null(id);
  snprintf(session_fields, sizeof session_fields, JSON "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: %.32s\r\n",
           id + 16);
  free_peer(&peer);
  ask(&peer, "POST", session_fields, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
  check(&peer, 202, "");
  free_peer(&peer);
}

static void a_session_and_its_end(void **state) {
  open_server(5, (struct fl_mcp_http_options){0}, NULL);
  begin_session();
  struct peer peer;
  ask(&peer, "POST", session_fields, CALL_ECHO(""));
  check(&peer, 200, "\"text\":\"hi\"");
  free_peer(&peer);
  char wrong[300];
  snprintf(wrong, sizeof wrong, "%sMCP-Protocol-Version: 1999-01-01\r\n", strstr(session_fields, "Mcp-Session-Id"));
  char fields[600];
  snprintf(fields, sizeof fields, JSON "%s", wrong);
  ask(&peer, "POST", fields, CALL_ECHO(""));
  check(&peer, 400, "MCP-Protocol-Version");
  free_peer(&peer);
  ask(&peer, "DELETE", session_fields, NULL);
  check(&peer, 204, "");
  free_peer(&peer);
  ask(&peer, "POST", session_fields, CALL_ECHO(""));
  check(&peer, 404, "no such session");
  free_peer(&peer);
  close_server(100);
}

/* The last number of an event that a peer was told; "7_3" is copied. */
static void last_event_id(const struct peer *peer, char ret_id[32]) {
  const char *last = NULL;
  for (const char *at = peer->got.data; (at = strstr(at, "id: ")) != NULL; at++) last = at + 4;
  assert_non_null(last);
  snprintf(ret_id, 32, "%.*s", (int)strcspn(last, "\n"), last);
}

static void ask_again(struct peer *peer, const char *id) {
  char fields[400];
  snprintf(fields, sizeof fields, "%sLast-Event-ID: %s\r\n", session_fields, id);
  ask(peer, "GET", fields, NULL);
}

static void a_stream_that_the_server_closes_is_resumed(void **state) {
  for (uint64_t seed = 1; seed <= 10; seed++) {
    open_server(seed, (struct fl_mcp_http_options){.retry_ms = 321}, NULL);
    begin_session();
    struct peer peer, again, more;
    ask(&peer, "POST", session_fields, CALL("hold", ",\"arguments\":{\"close\":true}"));
    check(&peer, 200, "retry: 321\ndata: \n\n");
    assert_true(has(&peer, "\r\n0\r\n\r\n")); /* closed, and the call goes on */
    char id[32];
    last_event_id(&peer, id);
    ask_again(&again, id);
    check(&again, 200, "text/event-stream");
    assert_false(has(&again, "released"));
    release();
    wait_ms(100);
    check(&again, 200, "released");
    assert_true(has(&again, "\r\n0\r\n\r\n"));
    ask_again(&more, id); /* once more, from the log alone */
    check(&more, 200, "released");
    assert_true(has(&more, "\r\n0\r\n\r\n"));
    free_peer(&peer);
    free_peer(&again);
    free_peer(&more);
    close_server(100);
  }
}

static void a_peer_that_goes_cancels_nothing(void **state) {
  for (uint64_t seed = 1; seed <= 10; seed++) {
    open_server(seed, (struct fl_mcp_http_options){.keep_alive_ms = 1000}, NULL);
    begin_session();
    struct peer peer, again;
    ask(&peer, "POST", session_fields, CALL("hold", ""));
    wait_ms(3000); /* it is a stream by now */
    char id[32];
    last_event_id(&peer, id);
    free_peer(&peer);
    assert_false(fl_call_is_cancelled(held));
    release();
    wait_ms(100);
    ask_again(&again, id);
    check(&again, 200, "released");
    free_peer(&again);
    close_server(100);
  }
}

static void what_belongs_to_no_request_waits_for_its_stream(void **state) {
  open_server(2, (struct fl_mcp_http_options){0}, NULL);
  begin_session();
  struct peer peer, again;
  fl_server_remove_tool(server, "steps"); /* nobody listens yet */
  wait_ms(100);
  ask(&peer, "GET", session_fields, NULL);
  check(&peer, 200, "notifications/tools/list_changed");
  char id[32];
  last_event_id(&peer, id);
  ask_again(&again, id); /* the newest asker gets it */
  assert_true(has(&peer, "\r\n0\r\n\r\n"));
  fl_server_remove_tool(server, "echo");
  wait_ms(100);
  check(&again, 200, "notifications/tools/list_changed");
  assert_null(strstr(strstr(again.got.data, "list_changed") + 5, "list_changed"));
  free_peer(&peer);
  ask_again(&peer, "no number");
  check(&peer, 400, "Last-Event-ID");
  free_peer(&peer);
  free_peer(&again);
  close_server(100);
}

static void a_cancelled_request_ends_its_stream(void **state) {
  open_server(2, (struct fl_mcp_http_options){0}, NULL);
  begin_session();
  struct peer peer, other;
  ask(&peer, "POST", session_fields, CALL("hold", ""));
  ask(&other, "POST", session_fields,
      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
  check(&other, 202, "");
  wait_ms(100);
  assert_true(fl_call_is_cancelled(held));
  release();
  wait_ms(100);
  check(&peer, 200, "\r\n0\r\n\r\n");
  assert_false(has(&peer, "released"));
  free_peer(&peer);
  free_peer(&other);
  close_server(100);
}

static void sessions_survive_a_restart(void **state) {
  char path[200];
  snprintf(path, sizeof path, "%s/log.db", test_folder());
  open_server(2, (struct fl_mcp_http_options){0}, path);
  begin_session();
  struct peer peer;
  ask(&peer, "POST", session_fields, CALL("hold", ",\"arguments\":{\"close\":true}"));
  char id[32];
  last_event_id(&peer, id);
  release();
  wait_ms(100);
  free_peer(&peer);
  close_server(100);

  open_server(3, (struct fl_mcp_http_options){0}, path);
  ask(&peer, "POST", session_fields, CALL_ECHO(""));
  check(&peer, 200, "\"text\":\"hi\"");
  free_peer(&peer);
  ask_again(&peer, id);
  check(&peer, 200, "released");
  free_peer(&peer);
  ask(&peer, "DELETE", session_fields, NULL);
  check(&peer, 204, "");
  free_peer(&peer);
  close_server(100);

  open_server(4, (struct fl_mcp_http_options){0}, path);
  ask(&peer, "POST", session_fields, CALL_ECHO(""));
  check(&peer, 404, "no such session");
  free_peer(&peer);
  close_server(100);
}

static void unused_sessions_go(void **state) {
  open_server(2, (struct fl_mcp_http_options){.sessions_max = 3, .session_idle_ms = 10 * 1000}, NULL);
  struct fl_mcp_http_counts counts;
  for (int i = 0; i < 10; i++) begin_session();
  fl_mcp_http_count(http, &counts);
  assert_int_equal(counts.sessions, 3);
  struct peer peer;
  ask(&peer, "GET", session_fields, NULL); /* the last one is in use */
  wait_ms(20 * 1000);
  fl_mcp_http_count(http, &counts);
  assert_int_equal(counts.sessions, 1);
  free_peer(&peer);
  wait_ms(20 * 1000);
  fl_mcp_http_count(http, &counts);
  assert_true(counts.sessions == 0 && counts.streams == 0);
  close_server(100);
}

static void pages_of_allowed_origins_may_read(void **state) {
  open_server(2, (struct fl_mcp_http_options){0}, NULL);
  struct peer peer;
  ask(&peer, "POST", JSON "Origin: http://localhost:1\r\n", INITIALIZE);
  check(&peer, 200, "Access-Control-Allow-Origin: http://localhost:1\r\n");
  check(&peer, 200, "Access-Control-Expose-Headers: Mcp-Session-Id");
  assert_non_null(strstr(body_of(&peer), "serverInfo"));
  free_peer(&peer);
  close_server(100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_and_their_answers),
      cmocka_unit_test(what_comes_before_a_reply_makes_a_stream),
      cmocka_unit_test(closing_a_stream_cancels),
      cmocka_unit_test(a_subscription_lasts_until_the_end),
      cmocka_unit_test(what_takes_long_becomes_a_stream),
      cmocka_unit_test(a_peer_that_takes_nothing_is_cut),
      cmocka_unit_test(who_brings_no_token_is_told_where_to_get_one),
      cmocka_unit_test(a_session_and_its_end),
      cmocka_unit_test(a_stream_that_the_server_closes_is_resumed),
      cmocka_unit_test(a_peer_that_goes_cancels_nothing),
      cmocka_unit_test(what_belongs_to_no_request_waits_for_its_stream),
      cmocka_unit_test(a_cancelled_request_ends_its_stream),
      cmocka_unit_test(sessions_survive_a_restart),
      cmocka_unit_test(unused_sessions_go),
      cmocka_unit_test(pages_of_allowed_origins_may_read),
  };
  return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
