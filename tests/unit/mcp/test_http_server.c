/* SPDX-License-Identifier: MIT */
/* Streamable HTTP, the server's side, in the simulated world: real sessions and handlers behind it, peers that speak
 * HTTP as text. What a peer got is compared without the fields that every answer has. */
#include "mcp/auth/guard.h"
#include "runtime/base/mem.h"
#include "served_rig.h"
#include "tools/call.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- tools ---- */

static struct fl_call *held; /* by "hold", until the test ends it */
static int cancelled_ms;

static int run_echo(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "%s", fl_get_string(args, "message", ""));
}

static int run_trace(struct fl_call *call, const struct fl_value *args, void *user) {
  const char *parent = fl_call_traceparent(call), *state = fl_call_tracestate(call);
  return fl_call_return_text(call, "(%s|%s)", parent != NULL ? parent : "", state != NULL ? state : "");
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
    fl_world_sim_run_until(served.world, fl_world_now_ms(served.world) + 10);
  }
}

static void release(void) {
  struct fl_call *call = held;
  held = NULL;
  fl_call_return_text(call, "released");
  fl_call_complete(call);
}

static void release_held(void) {
  if (held != NULL) release();
}

static const struct fl_tool tools[] = {
    {.size = sizeof(struct fl_tool),
     .name = "echo",
     .input_schema =
         "{\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\",\"x-mcp-header\":\"Message\"}}}",
     .flags = FL_TOOL_QUICK,
     .run = run_echo},
    {.size = sizeof(struct fl_tool), .name = "steps", .run = run_steps},
    {.size = sizeof(struct fl_tool), .name = "trace", .flags = FL_TOOL_QUICK, .run = run_trace},
    {.size = sizeof(struct fl_tool),
     .name = "hold",
     .flags = FL_TOOL_PARALLEL,
     .input_schema = "{\"type\":\"object\",\"properties\":{\"close\":{\"type\":\"boolean\"}}}",
     .run = run_hold},
};

#define DISCOVER(accept)                                                               \
  "Content-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: " \
  "server/discover\r\nAccept: " accept "\r\n",                                         \
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{" MODERN_META "}}}"
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
  served_open(1, (struct fl_mcp_http_options){0}, NULL);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct served_peer peer;
    served_ask(&peer, rows[i].method, rows[i].fields, rows[i].body);
    if (served_status(&peer) != rows[i].status || !served_has(&peer, rows[i].text))
      fail_msg("row %zu, %s: not %d with %s:\n%s", i, rows[i].body != NULL ? rows[i].body : "", rows[i].status,
               rows[i].text, peer.got.data);
    served_free(&peer);
  }
  struct fl_mcp_http_counts counts;
  fl_mcp_http_count(served.http, &counts);
  assert_true(counts.sessions == 0 && counts.streams == 0 && counts.connections == 0);
  served_close(100);
}

/* ---- modern streams ---- */

#define CALL(tool, more) \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" tool "\"" more "}}"
#define CALL_FIELDS(tool) MODERN "Mcp-Method: tools/call\r\nMcp-Name: " tool "\r\n"

/* W3C Trace Context in header fields; what is valid is for the run to judge (runtime/trace/context.h). */
static void the_trace_of_the_caller_comes_in(void **state) {
  static const struct {
    const char *fields, *seen;
  } traces[] = {
      {"", "(|)"},
      {"Traceparent: 00-p\r\n", "(00-p|)"},
      {"traceparent: 00-p\r\nTRACESTATE:  a=1 \r\n", "(00-p|a=1)"},
      {"tracestate: a=1\r\ntraceparent: 00-p\r\ntracestate: b=2,c=3\r\n", "(00-p|a=1,b=2,c=3)"},
      {"traceparent: 00-p\r\ntracestate:\r\ntracestate: b=2\r\n", "(00-p|b=2)"},
      {"traceparent: 00-p\r\ntraceparent: 00-q\r\ntracestate: a=1\r\n", "(|)"},
      {"traceparent: 00-p\r\ntraceparent: 00-p\r\n", "(|)"},
      {"tracestate: a=1\r\n", "(|)"},
      {"traceparents: 00-p\r\ntrace-parent: 00-p\r\n", "(|)"},
  };
  served_open(1, (struct fl_mcp_http_options){0}, NULL);
  for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
    struct served_peer peer;
    FL_FREE_AUTO char *fields = fl_format("%s%s", CALL_FIELDS("trace"), traces[i].fields);
    served_ask(&peer, "POST", fields, CALL("trace", "," MODERN_META "}"));
    served_check(&peer, 200, traces[i].seen);
    served_free(&peer);
  }
  served_close(100);
}

static void what_comes_before_a_reply_makes_a_stream(void **state) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    served_open(seed, (struct fl_mcp_http_options){0}, NULL);
    struct served_peer peer;
    served_ask(&peer, "POST", CALL_FIELDS("steps"), CALL("steps", "," MODERN_META ",\"progressToken\":\"t\"}"));
    served_check(&peer, 200, "Content-Type: text/event-stream");
    served_check(&peer, 200, "X-Accel-Buffering: no");
    assert_false(served_has(&peer, "id: "));                        /* nothing to resume in this revision */
    const char *progress = strstr(peer.got.data, "\"progress\":3"); /* what was told before it may be left out */
    const char *reply = strstr(peer.got.data, "stepped");
    assert_true(progress != NULL && progress < reply);
    assert_true(served_has(&peer, "\n\n\r\n0\r\n\r\n")); /* the end of the stream, and of the answer */
    served_free(&peer);
    served_ask(&peer, "POST", CALL_FIELDS("steps"), CALL("steps", "," MODERN_META "}"));
    served_check(&peer, 200, "Content-Type: application/json");
    served_free(&peer);
    served_close(100);
  }
}

static void closing_a_stream_cancels(void **state) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    served_open(seed, (struct fl_mcp_http_options){0}, NULL);
    struct served_peer peer;
    served_ask(&peer, "POST", CALL_FIELDS("hold"), CALL("hold", "," MODERN_META "}"));
    assert_non_null(held);
    assert_false(fl_call_is_cancelled(held));
    int64_t from_ms = fl_world_now_ms(served.world);
    fl_sim_socket_hang_up(peer.connection, 0);
    while (!fl_call_is_cancelled(held) && fl_world_now_ms(served.world) - from_ms < 1000) served_wait(1);
    cancelled_ms = (int)(fl_world_now_ms(served.world) - from_ms);
    assert_in_range(cancelled_ms, 0, 50);
    release();
    served_wait(100);
    struct fl_mcp_http_counts counts;
    fl_mcp_http_count(served.http, &counts);
    assert_true(counts.streams == 0 && counts.connections == 0);
    fl_buf_deinit(&peer.got);
    served_close(100);
  }
}

#define LISTEN                                                                                           \
  "{\"jsonrpc\":\"2.0\",\"id\":\"L\",\"method\":\"subscriptions/listen\",\"params\":{\"notifications\":" \
  "{\"toolsListChanged\":true}," MODERN_META "}}}"

static void a_subscription_lasts_until_the_end(void **state) {
  served_open(3, (struct fl_mcp_http_options){0}, NULL);
  struct served_peer peer;
  served_ask(&peer, "POST", MODERN "Mcp-Method: subscriptions/listen\r\n", LISTEN);
  served_check(&peer, 200, "notifications/subscriptions/acknowledged");
  served_wait(16 * 1000);
  served_check(&peer, 200, ":\n\n"); /* it is kept alive */
  assert_false(served_has(&peer, "list_changed"));
  fl_server_remove_tool(served.server, "steps");
  served_wait(100);
  served_check(&peer, 200, "notifications/tools/list_changed");
  served.is_closed = false;
  served_close(1000);
  assert_true(served_has(&peer, "\"id\":\"L\"") && served_has(&peer, "\r\n0\r\n\r\n"));
  assert_int_equal(peer.gone, 1);
  fl_buf_deinit(&peer.got);
}

static void what_takes_long_becomes_a_stream(void **state) {
  served_open(3, (struct fl_mcp_http_options){.keep_alive_ms = 2000}, NULL);
  struct served_peer peer;
  served_ask(&peer, "POST", CALL_FIELDS("hold"), CALL("hold", "," MODERN_META "}"));
  assert_int_equal(peer.got.size, 0);
  served_wait(4000);
  served_check(&peer, 200, "text/event-stream");
  release();
  served_wait(100);
  served_check(&peer, 200, "released");
  served_free(&peer);
  served_close(100);
}

/* 36 MB for a peer that takes nothing: it is cut, its request cancelled, and the rest of the server knows nothing of
 * it. */
static void a_peer_that_takes_nothing_is_cut(void **state) {
  served_open(3, (struct fl_mcp_http_options){0}, NULL);
  struct served_peer peer, other;
  served_connect(&peer);
  fl_sim_socket_stop_reading(peer.connection, true);
  served_send(&peer, "POST", CALL_FIELDS("hold"),
              CALL("hold", "," MODERN_META ",\"io.modelcontextprotocol/logLevel\":\"info\"}"));
  served_wait(100);
  assert_non_null(held);
  flood(1); /* 12 MB wait */
  assert_false(fl_call_is_cancelled(held));
  flood(2);
  assert_true(fl_call_is_cancelled(held));
  struct fl_mcp_http_counts counts;
  fl_mcp_http_count(served.http, &counts);
  assert_int_equal(counts.streams, 0);
  served_ask(&other, "POST", MODERN "Mcp-Method: tools/call\r\nMcp-Name: echo\r\nMcp-Param-Message: hi\r\n",
             CALL_ECHO("," MODERN_META "}"));
  served_check(&other, 200, "\"text\":\"hi\"");
  served_free(&other);
  release();
  served_wait(2000);
  fl_mcp_http_count(served.http, &counts);
  assert_int_equal(counts.connections, 0);
  fl_buf_deinit(&peer.got);
  served_close(100);
}

/* ---- authorization ---- */

static bool is_guard_closed;
static void on_guard_closed(void *user) { is_guard_closed = true; }

static void who_brings_no_token_is_told_where_to_get_one(void **state) {
  struct fl_error err = {0};
  struct fl_mcp_guard *guard = NULL;
  const struct fl_mcp_guard_options options = {
      .size = sizeof options, .resource = "http://localhost/mcp", .issuer = "https://auth.example"};
  served.world = fl_world_sim_create(3);
  assert_int_equal(fl_mcp_guard_create(served.world, &options, &guard, &err), 0);
  served_open_in(served.world, (struct fl_mcp_http_options){.guard = guard, .origin = "http://localhost"}, NULL);
  struct served_peer peer;
  served_ask(&peer, "POST", JSON, INITIALIZE);
  served_check(&peer, 401, "WWW-Authenticate: Bearer");
  served_check(&peer, 401, "/.well-known/oauth-protected-resource");
  served_free(&peer);
  served_ask(&peer, "POST", JSON "Authorization: Bearer x\r\nAuthorization: Bearer y\r\n", INITIALIZE);
  served_check(&peer, 400, "twice");
  served_free(&peer);
  served_connect(&peer);
  fl_sim_socket_send(peer.connection, 0,
                     FL_SLICE("GET /.well-known/oauth-protected-resource/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  served_wait(50);
  served_check(&peer, 200, "https://auth.example");
  served_free(&peer);
  served_ask(&peer, "OPTIONS", "Origin: http://localhost:1\r\n", NULL); /* browsers send no token with it */
  served_check(&peer, 204, "Access-Control-Allow-Methods");
  served_free(&peer);
  fl_mcp_guard_close(guard, on_guard_closed, NULL);
  served_close(100);
  assert_true(is_guard_closed);
}

/* ---- legacy sessions ---- */

static char session_fields[256];

static void begin_session(void) {
  struct served_peer peer;
  served_ask(&peer, "POST", JSON, INITIALIZE);
  served_check(&peer, 200, "\"protocolVersion\":\"2025-11-25\"");
  const char *id = strstr(peer.got.data, "Mcp-Session-Id: ");
  assert_non_null(id);
  snprintf(session_fields, sizeof session_fields, JSON "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: %.32s\r\n",
           id + 16);
  served_free(&peer);
  served_ask(&peer, "POST", session_fields, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
  served_check(&peer, 202, "");
  served_free(&peer);
}

static void a_session_and_its_end(void **state) {
  served_open(5, (struct fl_mcp_http_options){0}, NULL);
  begin_session();
  struct served_peer peer;
  served_ask(&peer, "POST", session_fields, CALL_ECHO(""));
  served_check(&peer, 200, "\"text\":\"hi\"");
  served_free(&peer);
  char wrong[300];
  snprintf(wrong, sizeof wrong, "%sMCP-Protocol-Version: 1999-01-01\r\n", strstr(session_fields, "Mcp-Session-Id"));
  char fields[600];
  snprintf(fields, sizeof fields, JSON "%s", wrong);
  served_ask(&peer, "POST", fields, CALL_ECHO(""));
  served_check(&peer, 400, "MCP-Protocol-Version");
  served_free(&peer);
  served_ask(&peer, "DELETE", session_fields, NULL);
  served_check(&peer, 204, "");
  served_free(&peer);
  served_ask(&peer, "POST", session_fields, CALL_ECHO(""));
  served_check(&peer, 404, "no such session");
  served_free(&peer);
  served_close(100);
}

/* The last number of an event that a peer was told; "7_3" is copied. */
static void last_event_id(const struct served_peer *peer, char ret_id[32]) {
  const char *last = NULL;
  for (const char *at = peer->got.data; (at = strstr(at, "id: ")) != NULL; at++) last = at + 4;
  assert_non_null(last);
  snprintf(ret_id, 32, "%.*s", (int)strcspn(last, "\n"), last);
}

static void ask_again(struct served_peer *peer, const char *id) {
  char fields[400];
  snprintf(fields, sizeof fields, "%sLast-Event-ID: %s\r\n", session_fields, id);
  served_ask(peer, "GET", fields, NULL);
}

static void a_stream_that_the_server_closes_is_resumed(void **state) {
  for (uint64_t seed = 1; seed <= 10; seed++) {
    served_open(seed, (struct fl_mcp_http_options){.retry_ms = 321}, NULL);
    begin_session();
    struct served_peer peer, again, more;
    served_ask(&peer, "POST", session_fields, CALL("hold", ",\"arguments\":{\"close\":true}"));
    served_check(&peer, 200, "retry: 321\ndata: \n\n");
    assert_true(served_has(&peer, "\r\n0\r\n\r\n")); /* closed, and the call goes on */
    char id[32];
    last_event_id(&peer, id);
    ask_again(&again, id);
    served_check(&again, 200, "text/event-stream");
    assert_false(served_has(&again, "released"));
    release();
    served_wait(100);
    served_check(&again, 200, "released");
    assert_true(served_has(&again, "\r\n0\r\n\r\n"));
    ask_again(&more, id); /* once more, from the log alone */
    served_check(&more, 200, "released");
    assert_true(served_has(&more, "\r\n0\r\n\r\n"));
    served_free(&peer);
    served_free(&again);
    served_free(&more);
    served_close(100);
  }
}

static void a_peer_that_goes_cancels_nothing(void **state) {
  for (uint64_t seed = 1; seed <= 10; seed++) {
    served_open(seed, (struct fl_mcp_http_options){.keep_alive_ms = 1000}, NULL);
    begin_session();
    struct served_peer peer, again;
    served_ask(&peer, "POST", session_fields, CALL("hold", ""));
    served_wait(3000); /* it is a stream by now */
    char id[32];
    last_event_id(&peer, id);
    served_free(&peer);
    assert_false(fl_call_is_cancelled(held));
    release();
    served_wait(100);
    ask_again(&again, id);
    served_check(&again, 200, "released");
    served_free(&again);
    served_close(100);
  }
}

static void what_belongs_to_no_request_waits_for_its_stream(void **state) {
  served_open(2, (struct fl_mcp_http_options){0}, NULL);
  begin_session();
  struct served_peer peer, again;
  fl_server_remove_tool(served.server, "steps"); /* nobody listens yet */
  served_wait(100);
  served_ask(&peer, "GET", session_fields, NULL);
  served_check(&peer, 200, "notifications/tools/list_changed");
  char id[32];
  last_event_id(&peer, id);
  ask_again(&again, id); /* the newest asker gets it */
  assert_true(served_has(&peer, "\r\n0\r\n\r\n"));
  fl_server_remove_tool(served.server, "echo");
  served_wait(100);
  served_check(&again, 200, "notifications/tools/list_changed");
  assert_null(strstr(strstr(again.got.data, "list_changed") + 5, "list_changed"));
  served_free(&peer);
  ask_again(&peer, "no number");
  served_check(&peer, 400, "Last-Event-ID");
  served_free(&peer);
  served_free(&again);
  served_close(100);
}

static void a_cancelled_request_ends_its_stream(void **state) {
  served_open(2, (struct fl_mcp_http_options){0}, NULL);
  begin_session();
  struct served_peer peer, other;
  served_ask(&peer, "POST", session_fields, CALL("hold", ""));
  served_ask(&other, "POST", session_fields,
             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
  served_check(&other, 202, "");
  served_wait(100);
  assert_true(fl_call_is_cancelled(held));
  release();
  served_wait(100);
  served_check(&peer, 200, "\r\n0\r\n\r\n");
  assert_false(served_has(&peer, "released"));
  served_free(&peer);
  served_free(&other);
  served_close(100);
}

static void sessions_survive_a_restart(void **state) {
  char path[200];
  snprintf(path, sizeof path, "%s/log.db", test_folder());
  served_open(2, (struct fl_mcp_http_options){0}, path);
  begin_session();
  struct served_peer peer;
  served_ask(&peer, "POST", session_fields, CALL("hold", ",\"arguments\":{\"close\":true}"));
  char id[32];
  last_event_id(&peer, id);
  release();
  served_wait(100);
  served_free(&peer);
  served_close(100);

  served_open(3, (struct fl_mcp_http_options){0}, path);
  served_ask(&peer, "POST", session_fields, CALL_ECHO(""));
  served_check(&peer, 200, "\"text\":\"hi\"");
  served_free(&peer);
  ask_again(&peer, id);
  served_check(&peer, 200, "released");
  served_free(&peer);
  served_ask(&peer, "DELETE", session_fields, NULL);
  served_check(&peer, 204, "");
  served_free(&peer);
  served_close(100);

  served_open(4, (struct fl_mcp_http_options){0}, path);
  served_ask(&peer, "POST", session_fields, CALL_ECHO(""));
  served_check(&peer, 404, "no such session");
  served_free(&peer);
  served_close(100);
}

static void unused_sessions_go(void **state) {
  served_open(2, (struct fl_mcp_http_options){.sessions_max = 3, .session_idle_ms = 10 * 1000}, NULL);
  struct fl_mcp_http_counts counts;
  for (int i = 0; i < 10; i++) begin_session();
  fl_mcp_http_count(served.http, &counts);
  assert_int_equal(counts.sessions, 3);
  struct served_peer peer;
  served_ask(&peer, "GET", session_fields, NULL); /* the last one is in use */
  served_wait(20 * 1000);
  fl_mcp_http_count(served.http, &counts);
  assert_int_equal(counts.sessions, 1);
  served_free(&peer);
  served_wait(20 * 1000);
  fl_mcp_http_count(served.http, &counts);
  assert_true(counts.sessions == 0 && counts.streams == 0);
  served_close(100);
}

static void pages_of_allowed_origins_may_read(void **state) {
  served_open(2, (struct fl_mcp_http_options){0}, NULL);
  struct served_peer peer;
  served_ask(&peer, "POST", JSON "Origin: http://localhost:1\r\n", INITIALIZE);
  served_check(&peer, 200, "Access-Control-Allow-Origin: http://localhost:1\r\n");
  served_check(&peer, 200, "Access-Control-Expose-Headers: Mcp-Session-Id");
  assert_non_null(strstr(served_body(&peer), "serverInfo"));
  served_free(&peer);
  served_close(100);
}

static int use_tools(void **state) {
  served = (struct served){.tools = tools, .tool_count = sizeof tools / sizeof *tools, .on_closing = release_held};
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_and_their_answers),
      cmocka_unit_test(the_trace_of_the_caller_comes_in),
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
  return cmocka_run_group_tests_name("http_server", tests, use_tools, NULL);
}
