/* SPDX-License-Identifier: MIT */
/* The client over HTTP in the simulated world: both eras, streams that break off, sessions, the older transport. */
#include "http_rig.h"
#include "runtime/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- which client meets which server ---- */

static void every_client_meets_every_server(void **state) {
  static const struct {
    const char *client;   /* insists on; NULL: finds out */
    bool modern, legacy;  /* what the server speaks */
    const char *expected; /* NULL: they have nothing in common */
  } rows[] = {
      {"modern", true, false, "modern"}, {"modern", true, true, "modern"}, {"modern", false, true, NULL},
      {"legacy", true, false, NULL},     {"legacy", true, true, "legacy"}, {"legacy", false, true, "legacy"},
      {NULL, true, false, "modern"},     {NULL, true, true, "modern"},     {NULL, false, true, "legacy"},
  };
  for (size_t i = 0; i < 2 * (sizeof rows / sizeof rows[0]); i++) {
    size_t row = i / 2;
    bool is_http = i % 2 == 1;
    peer = (struct peer){
        .is_modern = rows[row].modern, .is_legacy = rows[row].legacy, .has_session = is_http, .get_status = 405};
    open_with(i + 1, &(struct fl_mcp_client_options){.url = is_http ? "http://mcp.test/mcp" : NULL,
                                                     .argv = is_http ? NULL : (const char *const[]){"peer", NULL},
                                                     .era = rows[row].client});
    run_for(5000);
    assert_int_equal(ready_count, 1);
    FL_VALUE_AUTO about = fl_mcp_client_describe(source);
    const char *era = ready_status == 0 ? fl_get_string(about, "era", "") : NULL;
    bool is_right = rows[row].expected == NULL ? era == NULL : era != NULL && strcmp(era, rows[row].expected) == 0;
    if (!is_right) fail_msg("row %zu over %s: %s %s", row, is_http ? "HTTP" : "stdio", era, ready_error);
    if (era != NULL) {
      ask(0, "echo");
      run_for(100);
      assert_string_equal(asked[0].text, "hello");
    } else assert_true(strlen(ready_error) > 20);
    assert_int_equal(peer.missing_count, 0);
    close_client();
  }
}

/* ---- good servers ---- */

static void bodies_and_streams_under_any_order_of_events(void **state) {
  for (uint64_t seed = 1; seed <= 60; seed++) {
    if (seed % 2 == 0) be_legacy();
    else reset(NULL);
    peer.answers_as_stream = seed % 3 == 0;
    open_client(seed);
    fl_world_sim_set_jitter(world, 20);
    fl_world_sim_set_splits(world, true);
    run_for(2000);
    if (ready_status != 0 || ready_count != 1) fail_msg("seed %d: %s", (int)seed, ready_error);
    for (int i = 0; i < 6; i++) ask(i, i % 3 == 2 ? "never" : "echo");
    run_for(1);
    source->ops->cancel(source, &asked[2].request);
    run_for(30000);
    for (int i = 0; i < 6; i++) {
      assert_int_equal(asked[i].done_count, 1);
      assert_int_equal(asked[i].status, i == 2 ? FL_E_CANCELLED : i == 5 ? FL_E_TIMEOUT : 0);
      if (asked[i].status == 0) assert_string_equal(asked[i].text, "hello");
      assert_int_equal(asked[i].progress_count, asked[i].status == 0 && peer.answers_as_stream);
    }
    assert_int_equal(peer.missing_count, 0);
    close_client();
  }
}

static void a_session_is_named_listened_to_and_given_back(void **state) {
  be_legacy();
  open_ready(1);
  assert_int_equal(peer.session_number, 1);
  assert_int_equal(peer.get_count, 1);
  peer.changes = true;
  peer_event(peer.stream, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
  run_for(2000);
  assert_int_equal(peer.list_count, 2);
  fl_sim_finish(peer.stream, 0); /* it breaks off and is taken up again */
  run_for(3000);
  assert_int_equal(peer.get_count, 2);
  close_client();
  assert_int_equal(peer.delete_count, 1);
}

static void a_cancel_reaches_the_server_within_50_ms(void **state) {
  for (int legacy = 0; legacy < 2; legacy++) {
    if (legacy) be_legacy();
    else reset(NULL);
    open_ready(3);
    ask(0, "never");
    run_for(100);
    int64_t before = fl_world_now_ms(world);
    source->ops->cancel(source, &asked[0].request);
    run_for(50);
    assert_int_equal(asked[0].status, FL_E_CANCELLED);
    assert_int_equal(peer.cancelled_count, legacy); /* a modern server is told by the end of the stream */
    assert_int_equal(peer.closed_count, 1);
    assert_true(peer.closed_ms - before <= 50);
    close_client();
  }
}

static void a_modern_server_tells_changes_to_who_listens(void **state) {
  open_ready(1);
  assert_int_equal(peer.listen_count, 1);
  peer.changes = true;
  peer_event(peer.stream, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{}}");
  run_for(3000);
  assert_int_equal(changed_count, 0); /* it has only begun to change with that listing */
  assert_int_equal(peer.list_count, 2);
  fl_sim_finish(peer.stream, 0);
  run_for(5000);
  assert_int_equal(peer.listen_count, 2);
  assert_int_equal(changed_count, 1);
  close_client();
}

/* ---- what is no evidence of an era ---- */

static int refused_with;
static const char *refused_id;

static bool refuses_discover(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  if (strcmp(fl_get_string(message, "method", ""), "server/discover") != 0) return false;
  char text[200];
  snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32000,\"message\":\"not now\"}}",
           refused_id);
  peer_respond(exchange, refused_with, "application/json", text);
  return true;
}

static void a_server_in_trouble_is_not_taken_for_an_old_one(void **state) {
  static const struct {
    int http_status, status; /* 0: it is taken for an old one, rightly */
  } rows[] = {{400, 0},         {404, 0},           {405, 0},           {401, FL_E_AUTH},  {403, FL_E_AUTH},
              {429, FL_E_RATE}, {500, FL_E_REMOTE}, {502, FL_E_REMOTE}, {503, FL_E_REMOTE}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    be_legacy();
    peer.on_request = refuses_discover;
    refused_with = rows[i].http_status;
    refused_id = "null";
    open_client(1);
    run_for(5000);
    if (ready_count != 1 || ready_status != rows[i].status || peer.initialize_count != (rows[i].status == 0))
      fail_msg("%d: %s, initialized %d times", rows[i].http_status, ready_error, peer.initialize_count);
    close_client();
  }
}

/* Python's servers of 2025 call what they refuse "server-error", before they look at its id. */
static void an_old_server_may_refuse_under_any_id(void **state) {
  static const char *const ids[] = {"null", "\"server-error\"", "4711", "0"};
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    be_legacy();
    peer.on_request = refuses_discover;
    refused_with = 400;
    refused_id = ids[i];
    open_client(1);
    run_for(1000);
    if (ready_count != 1 || ready_status != 0 || peer.initialize_count != 1)
      fail_msg("%s: %s, initialized %d times", ids[i], ready_error, peer.initialize_count);
    close_client();
  }
}

static bool refuses_call(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  if (strcmp(fl_get_string(message, "method", ""), "tools/call") != 0) return false;
  peer_respond(exchange, 400, "application/json",
               "{\"jsonrpc\":\"2.0\",\"id\":4711,\"error\":{\"code\":-32600,\"message\":\"not like this\"}}");
  return true;
}

static void a_call_that_is_refused_under_another_id_does_not_wait(void **state) {
  open_ready(1);
  peer.on_request = refuses_call;
  ask(0, "echo");
  run_for(1000);
  assert_int_equal(asked[0].done_count, 1);
  assert_int_equal(asked[0].status, FL_E_REMOTE);
  assert_non_null(strstr(asked[0].error, "not like this"));
  close_client();
}

/* ---- sessions that are lost ---- */

static bool forgets_once(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  if (strcmp(fl_get_string(message, "method", ""), "tools/call") != 0 || me->session_number != 1) return false;
  if (me->tool_count > 0) return false; /* 404 comes from the peer itself then */
  peer_respond(
      exchange, 400, "application/json",
      "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"Invalid or missing session ID\"},\"id\":null}");
  return true;
}

static void a_lost_session_is_begun_anew_and_the_call_made_again(void **state) {
  for (int with_404 = 0; with_404 < 2; with_404++) {
    be_legacy();
    open_ready(1);
    if (with_404) peer.session_number = 7; /* it was started again: it knows other sessions */
    else peer.on_request = forgets_once;
    ask(0, "echo");
    ask(1, "echo");
    run_for(1000);
    assert_int_equal(asked[0].status, 0);
    assert_int_equal(asked[1].status, 0);
    assert_string_equal(asked[0].text, "hello");
    assert_int_equal(peer.initialize_count, 2);
    assert_int_equal(peer.call_count, 2);
    close_client();
  }
}

static bool forgets_always(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  if (strcmp(fl_get_string(message, "method", ""), "tools/call") != 0) return false;
  peer_respond(exchange, 404, "text/plain", "who are you?");
  return true;
}

static void a_server_that_forgets_every_session_costs_its_calls_only(void **state) {
  be_legacy();
  open_ready(1);
  peer.on_request = forgets_always;
  ask(0, "echo");
  run_for(2000);
  assert_int_equal(asked[0].status, FL_E_REMOTE);
  assert_false(asked[0].sent);
  assert_int_equal(peer.initialize_count, 2);
  peer.on_request = NULL;
  ask(1, "echo");
  run_for(1000);
  assert_int_equal(asked[1].status, 0);
  close_client();
}

/* ---- streams that break off ---- */

static int resume_status, moody_id;

static bool breaks_off(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  const char *last = fl_sim_request_header(exchange, "Last-Event-ID");
  if (strcmp(fl_get_string(fl_get(message, "params"), "name", ""), "moody") == 0) {
    peer_respond_stream(exchange);
    fl_sim_body(exchange, 0, FL_SLICE("id: e-1\nretry: 700\ndata:\n\n"));
    fl_sim_finish(exchange, 1);
    moody_id = (int)fl_get_int(message, "id", 0);
    me->closed_ms = fl_world_now_ms(me->world);
    return true;
  }
  if (last == NULL) return false;
  assert_string_equal(last, "e-1");
  assert_true(fl_world_now_ms(me->world) - me->closed_ms >= 700);
  if (resume_status != 200) {
    peer_respond(exchange, resume_status, "text/plain", "no");
    return true;
  }
  char event[200];
  snprintf(event, sizeof event,
           "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"late\"}]}}",
           moody_id);
  peer_respond_stream(exchange);
  peer_event(exchange, event);
  return true; /* it stays open */
}

static void a_legacy_stream_that_breaks_off_is_taken_up_where_it_was(void **state) {
  static const int statuses[] = {200, 405, 404};
  for (size_t i = 0; i < 3; i++) {
    be_legacy();
    open_ready(1);
    peer.on_request = breaks_off;
    resume_status = statuses[i];
    ask(0, "moody");
    ask(1, "echo");
    run_for(4000);
    assert_int_equal(asked[1].status, 0);
    assert_int_equal(asked[0].done_count, 1);
    if (i == 0) assert_string_equal(asked[0].text, "late");
    else assert_int_equal(asked[0].status, FL_E_REMOTE);
    close_client();
  }
}

static int eager_count;

/* It wishes to be asked again after 1 ms, and says nothing. */
static bool ends_always(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  bool is_call = strcmp(fl_get_string(fl_get(message, "params"), "name", ""), "moody") == 0;
  if (!is_call && fl_sim_request_header(exchange, "Last-Event-ID") == NULL) return false;
  eager_count++;
  peer_respond_stream(exchange);
  fl_sim_body(exchange, 0, FL_SLICE("id: e-1\nretry: 1\ndata:\n\n"));
  fl_sim_finish(exchange, 1);
  return true;
}

static void a_server_that_ends_its_streams_is_not_asked_all_the_time(void **state) {
  be_legacy();
  open_ready(1);
  peer.on_request = ends_always;
  eager_count = 0;
  ask(0, "moody");
  ask(1, "echo");
  run_for(1000);
  assert_in_range(eager_count, 5, 11);
  run_for(10000);
  assert_int_equal(asked[0].status, FL_E_TIMEOUT);
  assert_int_equal(asked[1].status, 0);
  close_client();
}

static bool ends_early(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  if (strcmp(fl_get_string(fl_get(message, "params"), "name", ""), "moody") != 0) return false;
  peer_respond_stream(exchange);
  fl_sim_body(exchange, 0, FL_SLICE(": ping\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":"));
  if (me->tool_count == 0) fl_sim_finish(exchange, 1);
  else fl_sim_fail(exchange, 1, FL_E_TRUNCATED, "the connection was closed");
  return true;
}

static void a_stream_without_an_answer_is_an_error_of_its_own_call(void **state) {
  for (int cut = 0; cut < 2; cut++) {
    reset(NULL);
    peer.tool_count = cut;
    open_ready(1);
    peer.on_request = ends_early;
    ask(0, "moody");
    ask(1, "echo");
    run_for(1000);
    assert_int_equal(asked[0].status, FL_E_TRUNCATED);
    assert_true(asked[0].sent);
    assert_int_equal(asked[1].status, 0);
    close_client();
  }
}

static void closing_ends_everything_once(void **state) {
  for (uint64_t seed = 1; seed <= 60; seed++) { /* at every stage of its life */
    if (seed % 2 == 0) be_legacy();
    else reset(NULL);
    open_client(seed);
    fl_world_sim_set_jitter(world, 5);
    run_for((int64_t)seed);
    bool was_ready = ready_count == 1;
    ask(0, "never");
    ask(1, "echo");
    close_client();
    assert_int_equal(ready_count, 1);
    assert_int_equal(ready_status, was_ready ? 0 : FL_E_CLOSED);
    assert_int_equal(asked[0].done_count, 1);
    assert_int_equal(asked[0].status, FL_E_CLOSED);
    assert_int_equal(asked[1].done_count, 1);
  }
}

/* ---- HTTP+SSE of 2024-11-05 ---- */

static const char *endpoint;

static bool is_old(struct peer *me, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  const char *url = fl_sim_request_url(exchange);
  if (strstr(url, "/messages?s=1") != NULL) {
    char *answer = peer_answer(me, message);
    peer_respond(exchange, 202, "text/plain", "Accepted");
    if (answer != NULL && me->stream != NULL) peer_event(me->stream, answer);
    free(answer);
  } else if (strcmp(fl_sim_request_method(exchange), "GET") == 0) {
    FL_BUF_AUTO text = {0};
    peer_respond_stream(exchange);
    fl_buf_addf(&text, "event: endpoint\ndata: %s\n\n", endpoint);
    fl_sim_body(exchange, 1, fl_buf_slice(&text));
    me->stream = exchange;
    me->get_count++;
  } else peer_respond(exchange, 405, "text/plain", "Method Not Allowed");
  return true;
}

static void the_older_transport_is_found(void **state) {
  peer = (struct peer){.is_legacy = true, .on_request = is_old};
  endpoint = "/messages?s=1";
  open_ready(1);
  ask(0, "echo");
  ask(1, "never");
  run_for(100);
  assert_string_equal(asked[0].text, "hello");
  fl_sim_finish(peer.stream, 0); /* with its stream the connection is gone, and made again */
  run_for(2000);
  assert_int_equal(asked[1].status, FL_E_CLOSED);
  assert_int_equal(peer.get_count, 2);
  ask(2, "echo");
  run_for(100);
  assert_int_equal(asked[2].status, 0);
  close_client();
}

static void an_endpoint_elsewhere_is_refused(void **state) {
  static const char *const endpoints[] = {"http://evil.test/messages?s=1", "//evil.test/messages?s=1", "http://["};
  for (size_t i = 0; i < 3; i++) {
    peer = (struct peer){.is_legacy = true, .on_request = is_old};
    endpoint = endpoints[i];
    open_client(1);
    run_for(2000);
    assert_int_equal(ready_count, 1);
    assert_int_equal(ready_status, FL_E_PROTOCOL);
    assert_int_equal(peer.initialize_count, 0);
    close_client();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(every_client_meets_every_server, reset),
      cmocka_unit_test_setup(bodies_and_streams_under_any_order_of_events, reset),
      cmocka_unit_test_setup(a_session_is_named_listened_to_and_given_back, reset),
      cmocka_unit_test_setup(a_cancel_reaches_the_server_within_50_ms, reset),
      cmocka_unit_test_setup(a_modern_server_tells_changes_to_who_listens, reset),
      cmocka_unit_test_setup(a_server_in_trouble_is_not_taken_for_an_old_one, reset),
      cmocka_unit_test_setup(an_old_server_may_refuse_under_any_id, reset),
      cmocka_unit_test_setup(a_call_that_is_refused_under_another_id_does_not_wait, reset),
      cmocka_unit_test_setup(a_lost_session_is_begun_anew_and_the_call_made_again, reset),
      cmocka_unit_test_setup(a_server_that_forgets_every_session_costs_its_calls_only, reset),
      cmocka_unit_test_setup(a_legacy_stream_that_breaks_off_is_taken_up_where_it_was, reset),
      cmocka_unit_test_setup(a_server_that_ends_its_streams_is_not_asked_all_the_time, reset),
      cmocka_unit_test_setup(a_stream_without_an_answer_is_an_error_of_its_own_call, reset),
      cmocka_unit_test_setup(closing_ends_everything_once, reset),
      cmocka_unit_test_setup(the_older_transport_is_found, reset),
      cmocka_unit_test_setup(an_endpoint_elsewhere_is_refused, reset),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
