/* SPDX-License-Identifier: MIT */
/* The client and HTTP servers that do what they like. Each bad answer costs its own call only, and no more memory than
 * the limits say. */
#include "http_rig.h"
#include "runtime/base/buf.h"

#include <stdio.h>

/* ---- answers of every kind ---- */

static const struct odd {
  int http_status;
  const char *type, *body;
  int status;
  bool sent;
  const char *text;
} ODD[] = {
    {401, "text/plain", "go away", FL_E_AUTH, false, "HTTP status 401: go away"},
    {403, "text/plain", "", FL_E_AUTH, false, "HTTP status 403"},
    {429, "text/html", "<p>slow</p>", FL_E_RATE, false, "HTTP status 429: <p>slow</p>"},
    {500, "text/plain", "oops", FL_E_REMOTE, true, "HTTP status 500: oops"},
    {503, "text/plain", "\xff\xfe", FL_E_REMOTE, true, "HTTP status 503"},
    {404, "application/json", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32601,\"message\":\"none\"}}",
     FL_E_REMOTE, true, "error -32601: none"},
    {200, "text/html", "<html>", FL_E_PROTOCOL, true, "HTTP status 200, but no answer"},
    {200, "application/json", "", FL_E_PROTOCOL, true, "HTTP status 200, but no answer"},
    {200, "application/json", "[1,", FL_E_PROTOCOL, true, "no answer"},
    {200, "application/json", "{\"jsonrpc\":\"2.0\",\"id\":999,\"result\":{}}", FL_E_PROTOCOL, true, "no answer"},
    {202, "text/plain", NULL, FL_E_PROTOCOL, true, "HTTP status 202, but no answer"},
    {302, "text/plain", "elsewhere", FL_E_REMOTE, true, "HTTP status 302"},
};
static const struct odd *odd;

static bool answers_oddly(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  if (strcmp(fl_get_string(fl_get(message, "params"), "name", ""), "moody") != 0) return false;
  peer_respond(exchange, odd->http_status, odd->type, odd->body);
  return true;
}

static void every_status_and_type_has_its_error(void **state) {
  open_ready(1);
  peer.on_request = answers_oddly;
  for (odd = ODD; odd < ODD + sizeof ODD / sizeof ODD[0]; odd++) {
    ask(0, "moody");
    ask(1, "echo");
    run_for(500);
    if (asked[0].done_count != 1 || asked[0].status != odd->status || asked[0].sent != odd->sent ||
        strstr(asked[0].error, odd->text) == NULL)
      fail_msg("%d %s: %d %s %s", odd->http_status, odd->body, asked[0].done_count, fl_error_word(asked[0].status),
               asked[0].error);
    assert_int_equal(asked[1].status, 0);
  }
  close_client();
}

/* ---- redirects ---- */

static const char *location;

static bool redirects(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  char header[200];
  if (strstr(fl_sim_request_url(exchange), "/moved") != NULL) return false;
  snprintf(header, sizeof header, "Location: %s", location);
  fl_sim_respond(exchange, 1, 307, (const char *const[]){header, NULL});
  fl_sim_finish(exchange, 0);
  return true;
}

static void redirects_stay_within_the_origin(void **state) {
  peer.on_request = redirects;
  location = "/moved/mcp?x=1";
  open_ready(1);
  ask(0, "echo");
  run_for(100);
  assert_int_equal(asked[0].status, 0);
  close_client();
  static const char *const foreign[] = {"http://evil.test/moved", "https://mcp.test/moved", "/round", "http://[", ""};
  for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
    location = foreign[i];
    open_client(1);
    run_for(5000);
    assert_int_equal(ready_count, 1);
    assert_int_equal(ready_status, FL_E_REMOTE);
    assert_non_null(strstr(ready_error, "307"));
    close_client();
  }
}

/* ---- floods and drips ---- */

static void drip(void *user) {
  struct fl_sim_exchange *exchange = user;
  if (peer.stream != exchange) return;
  fl_sim_body(exchange, 0, FL_SLICE(": still here\n"));
  fl_world_sim_after(world, 400, drip, exchange);
}

static bool drips(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  if (strcmp(fl_get_string(fl_get(message, "params"), "name", ""), "moody") != 0) return false;
  peer_respond_stream(exchange);
  me->stream = exchange;
  fl_world_sim_after(me->world, 400, drip, exchange);
  return true;
}

static void a_slow_drip_is_idleness(void **state) {
  open_ready(1);
  peer.on_request = drips;
  ask(0, "moody");
  run_for(4900);
  assert_int_equal(asked[0].done_count, 0);
  ask(1, "echo");
  run_for(1000);
  assert_int_equal(asked[0].status, FL_E_TIMEOUT);
  assert_int_equal(asked[1].status, 0);
  assert_int_equal(peer.closed_count, 1);
  close_client();
}

static bool floods(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  static const char changed[] = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n";
  if (strcmp(fl_get_string(fl_get(message, "params"), "name", ""), "moody") != 0) return false;
  FL_BUF_AUTO text = {0};
  for (int i = 0; i < 5000; i++) fl_buf_add_text(&text, changed);
  peer_respond_stream(exchange);
  for (int i = 0; i < 20; i++) fl_sim_body(exchange, 100, fl_buf_slice(&text));
  fl_sim_finish(exchange, 0);
  return true;
}

static void a_storm_of_changes_is_listed_once_a_second(void **state) {
  open_ready(1);
  peer.on_request = floods;
  peer.changes = true;
  int before = peer.list_count;
  ask(0, "moody");
  run_for(1000);
  ask(1, "echo");
  run_for(3000);
  assert_int_equal(asked[0].status, FL_E_TRUNCATED);
  assert_int_equal(asked[1].status, 0);
  assert_in_range(peer.list_count - before, 2, 5);
  close_client();
}

static int answer_count;

/* 100,000 questions in the stream of a call; answers to them are taken after a second. */
static bool asks_a_lot(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  static const char question[] = "data: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"sampling/createMessage\"}\n\n";
  if (fl_get(message, "method") == NULL && fl_get(message, "error") != NULL) {
    answer_count++;
    fl_sim_respond(exchange, 1000, 202, (const char *const[]){NULL});
    fl_sim_finish(exchange, 0);
    return true;
  }
  if (strcmp(fl_get_string(fl_get(message, "params"), "name", ""), "moody") != 0) return false;
  FL_BUF_AUTO text = {0};
  for (int i = 0; i < 10000; i++) fl_buf_add_text(&text, question);
  peer_respond_stream(exchange);
  for (int i = 0; i < 10; i++) fl_sim_body(exchange, 0, fl_buf_slice(&text));
  fl_sim_finish(exchange, 0);
  return true;
}

static void a_storm_of_questions_has_so_many_answers_on_their_way(void **state) {
  be_legacy();
  open_ready(1);
  peer.on_request = asks_a_lot;
  answer_count = 0;
  ask(0, "moody");
  ask(1, "echo");
  run_for(500);
  assert_int_equal(asked[0].status, FL_E_TRUNCATED);
  assert_int_equal(asked[1].status, 0);
  assert_in_range(answer_count, 1, 4);
  run_for(30 * 1000);
  assert_in_range(answer_count, 90, 100);
  ask(2, "echo");
  run_for(500);
  assert_int_equal(asked[2].status, 0);
  close_client();
}

static bool is_huge(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  static char block[1024 * 1024];
  if (strcmp(fl_get_string(fl_get(message, "params"), "name", ""), "moody") != 0) return false;
  memset(block, 'x', sizeof block);
  if (me->tool_count > 0) peer_respond_stream(exchange);
  else fl_sim_respond(exchange, 1, 200, (const char *const[]){"Content-Type: application/json", NULL});
  fl_sim_body(exchange, 0, me->tool_count > 0 ? FL_SLICE("data: ") : FL_SLICE("{\"jsonrpc\":\"2.0\",\"id\":"));
  for (int i = 0; i < 66; i++) fl_sim_body(exchange, 0, fl_slice_n(block, sizeof block));
  return true; /* and on and on */
}

static void a_message_without_end_is_refused_in_bounded_memory(void **state) {
  for (int stream = 0; stream < 2; stream++) {
    reset(NULL);
    peer.tool_count = stream;
    open_ready(1);
    peer.on_request = is_huge;
    ask(0, "moody");
    ask(1, "echo");
    run_for(1000);
    assert_int_equal(asked[0].status, FL_E_LIMIT);
    assert_int_equal(asked[1].status, 0);
    assert_int_equal(peer.closed_count, 1);
    close_client();
  }
}

static void a_hundred_thousand_tools_are_cut(void **state) {
  peer.tool_count = 100000;
  open_client(1);
  run_for(2000);
  assert_int_equal(ready_status, 0);
  assert_int_equal(source->tool_count, 10000);
  ask(0, "echo");
  run_for(100);
  assert_int_equal(asked[0].status, 0);
  close_client();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(every_status_and_type_has_its_error, reset),
      cmocka_unit_test_setup(redirects_stay_within_the_origin, reset),
      cmocka_unit_test_setup(a_slow_drip_is_idleness, reset),
      cmocka_unit_test_setup(a_storm_of_changes_is_listed_once_a_second, reset),
      cmocka_unit_test_setup(a_storm_of_questions_has_so_many_answers_on_their_way, reset),
      cmocka_unit_test_setup(a_message_without_end_is_refused_in_bounded_memory, reset),
      cmocka_unit_test_setup(a_hundred_thousand_tools_are_cut, reset),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
