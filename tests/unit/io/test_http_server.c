/* SPDX-License-Identifier: MIT */
/* The HTTP server in the simulated world, each case under many seeds, with what peers send and are sent cut anywhere.
 * What a peer gets is compared as text, without the Date field. */
#include "runtime/base/mem.h"
#include "runtime/io/http_server.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 40 };

static struct fl_world *world;
static struct fl_http_server *server;
static struct fl_buf seen; /* what the handler saw */
static bool is_closed;

/* ---- the handler: what it does is told by the path ---- */

struct later {
  struct fl_timer timer;
  struct fl_http_exchange *exchange; /* NULL: gone */
  int pieces;
};
static struct later laters[8];
static size_t later_count;

static void reply_text(struct fl_http_exchange *exchange, int status, fl_slice text) {
  fl_http_reply(exchange, &(struct fl_http_reply){.status = status, .content_type = "text/plain", .body = text});
}

static void on_gone(struct fl_http_exchange *exchange) {
  struct later *later = exchange->user;
  fl_buf_add_text(&seen, "gone ");
  if (later != NULL) later->exchange = NULL;
  if (later != NULL) fl_timer_stop(world, &later->timer);
}

static void on_later(struct fl_timer *timer) {
  struct later *later = timer->user;
  if (later->pieces == 0) {
    reply_text(later->exchange, 200, FL_SLICE("late"));
    return;
  }
  char piece[16];
  snprintf(piece, sizeof piece, "%d,", later->pieces);
  assert_int_equal(fl_http_reply_data(later->exchange, fl_slice_of(piece)), 0);
  if (--later->pieces == 0) fl_http_reply_end(later->exchange);
  else fl_timer_start(world, timer, 10);
}

static void start_later(struct fl_http_exchange *exchange, int pieces) {
  struct later *later = &laters[later_count++ % 8];
  *later = (struct later){.timer = {.on_fire = on_later, .user = later}, .exchange = exchange, .pieces = pieces};
  exchange->user = later;
  fl_timer_start(world, &later->timer, 10);
}

static void on_body(struct fl_http_exchange *exchange, fl_slice body) {
  fl_slice path = fl_http_head(exchange)->path;
  fl_buf_add(&seen, path.data, path.size);
  if (body.size > 64) fl_buf_addf(&seen, "[%zu bytes] ", body.size);
  else fl_buf_addf(&seen, "[%.*s] ", (int)body.size, body.data);
  if (fl_slice_equal(path, FL_SLICE("/later"))) start_later(exchange, 0);
  else if (fl_slice_equal(path, FL_SLICE("/never"))) return;
  else if (fl_slice_equal(path, FL_SLICE("/pieces"))) {
    fl_http_reply_start(exchange, &(struct fl_http_reply){.status = 200, .content_type = "text/plain"});
    start_later(exchange, 3);
  } else if (fl_slice_equal(path, FL_SLICE("/abort"))) {
    fl_http_reply_start(exchange, &(struct fl_http_reply){.status = 200, .content_type = "text/plain"});
    fl_http_reply_data(exchange, FL_SLICE("half"));
    fl_http_abort(exchange);
  } else if (fl_slice_equal(path, FL_SLICE("/large"))) {
    FL_BUF_AUTO large = {0};
    for (int i = 0; i < 1000; i++) fl_buf_addf(&large, "%099d\n", i);
    reply_text(exchange, 200, fl_buf_slice(&large));
  } else reply_text(exchange, 200, body.size > 0 ? body : FL_SLICE("ok"));
}

static void on_request(struct fl_http_exchange *exchange, const struct fl_http1_head *head, void *user) {
  if (fl_slice_equal(head->path, FL_SLICE("/no"))) {
    reply_text(exchange, 405, FL_SLICE("no"));
    return;
  }
  exchange->on_body = on_body;
  exchange->on_gone = on_gone;
}

/* ---- peers ---- */

struct peer {
  struct fl_buf got;
  int ended_ms, gone;
};

static void peer_data(struct fl_sim_connection *connection, fl_slice data) {
  struct peer *peer = fl_sim_socket_user(connection);
  fl_buf_add(&peer->got, data.data, data.size);
}
static void peer_end(struct fl_sim_connection *connection) {
  struct peer *peer = fl_sim_socket_user(connection);
  peer->ended_ms = (int)fl_world_now_ms(world);
}
static void peer_gone(struct fl_sim_connection *connection) {
  struct peer *peer = fl_sim_socket_user(connection);
  peer->gone++;
}

static struct fl_sim_connection *connect_peer(struct peer *peer) {
  *peer = (struct peer){.ended_ms = -1};
  return fl_world_sim_connect(world, 0, "127.0.0.1:80",
                              &(struct fl_sim_peer_socket){peer_data, peer_end, peer_gone, peer});
}

static void send_text(struct fl_sim_connection *connection, uint32_t delay_ms, const char *text) {
  fl_sim_socket_send(connection, delay_ms, fl_slice_of(text));
}

/* The answers without what is the same in all: "200 close: body|" for each. */
static const char *answers(struct peer *peer) {
  static char text[4096];
  size_t used = 0;
  const char *at = peer->got.data != NULL ? peer->got.data : "";
  for (const char *end; (end = strstr(at, "\r\n\r\n")) != NULL;) {
    const char *body = end + 4, *length = strstr(at, "Content-Length: ");
    bool is_chunked = memmem(at, (size_t)(end - at), "chunked", 7) != NULL;
    bool closes = memmem(at, (size_t)(end - at), "Connection: close", 17) != NULL;
    size_t size = length != NULL && length < end ? (size_t)strtol(length + 16, NULL, 10) : 0;
    if (is_chunked || (length == NULL && closes)) {
      const char *last = strstr(body, "0\r\n\r\n");
      size = is_chunked && last != NULL ? (size_t)(last + 5 - body) : strlen(body);
    }
    if (size > strlen(body)) size = strlen(body);
    used += (size_t)snprintf(text + used, sizeof text - used, "%.3s%s: %.*s|", at + 9, closes ? " close" : "",
                             (int)(size > 300 ? 5 : size), body);
    at = body + size;
  }
  text[used] = '\0';
  return text;
}

static void open_server(uint64_t seed, struct fl_http_server_options options) {
  world = fl_world_sim_create(seed);
  fl_world_sim_set_splits(world, true);
  struct fl_error err = {0};
  fl_buf_deinit(&seen);
  fl_buf_add_text(&seen, "");
  later_count = 0;
  is_closed = false;
  options.size = sizeof options;
  options.listen = (struct fl_listener_options){.size = sizeof options.listen, .address = "127.0.0.1", .port = 80};
  options.on_request = on_request;
  assert_int_equal(fl_http_server_open(world, &options, &server, &err), 0);
}

static void on_closed(void *user) { is_closed = true; }

static void close_server(uint32_t grace_ms) { fl_http_server_close(server, grace_ms, on_closed, NULL); }

static void end_world(void) {
  fl_world_sim_run(world);
  assert_true(is_closed);
  fl_world_destroy(world);
}

struct exchange_row {
  const char *name, *input, *answers, *seen;
};

#define H "Host: localhost\r\n"

static const struct exchange_row rows[] = {
    {"one", "GET /a HTTP/1.1\r\n" H "\r\n", "200: ok|", "/a[] "},
    {"body", "POST /a HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", "200: abc|", "/a[abc] "},
    {"chunks", "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "200: abc|",
     "/a[abc] "},
    {"pipelined",
     "GET /a HTTP/1.1\r\n" H "\r\nPOST /later HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nxGET /c HTTP/1.1\r\n" H "\r\n",
     "200: ok|200: late|200: ok|", "/a[] /later[x] /c[] "},
    {"pieces", "GET /pieces HTTP/1.1\r\n" H "\r\nGET /b HTTP/1.1\r\n" H "\r\n",
     "200: 2\r\n3,\r\n2\r\n2,\r\n2\r\n1,\r\n0\r\n\r\n|200: ok|", "/pieces[] /b[] "},
    {"pieces in HTTP/1.0", "GET /pieces HTTP/1.0\r\n" H "\r\n", "200 close: 3,2,1,|", "/pieces[] "},
    {"HTTP/1.0 kept alive",
     "GET /a HTTP/1.0\r\n" H "Connection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n" H "\r\nGET /c HTTP/1.0\r\n" H "\r\n",
     "200: ok|200 close: ok|", "/a[] /b[] "},
    {"HEAD", "HEAD /a HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "200 close: |", "/a[] "},
    {"close", "GET /a HTTP/1.1\r\n" H "Connection: close\r\n\r\nGET /b HTTP/1.1\r\n" H "\r\n", "200 close: ok|",
     "/a[] "},
    {"abort", "GET /abort HTTP/1.1\r\n" H "\r\nGET /b HTTP/1.1\r\n" H "\r\n", "200: 4\r\nhalf\r\n|", "/abort[] "},
    {"answered before the body", "POST /no HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\nGET /b HT", "405 close: no|", ""},
    {"answered, no body", "GET /no HTTP/1.1\r\n" H "\r\nGET /b HTTP/1.1\r\n" H "\r\n", "405: no|200: ok|", "/b[] "},
    {"refused", "GET / HTTP/1.1\r\n" H "X : 1\r\n\r\nGET /b HTTP/1.1\r\n" H "\r\n",
     "400 close: a field's name is not a token\n|", ""},
    {"refused behind a good one", "GET /a HTTP/1.1\r\n" H "\r\nBREW / HTTP/1.1\r\n" H "\r\n",
     "200: ok|501 close: this server does not know the method\n|", "/a[] "},
    {"refused in a body", "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
     "400 close: a chunk is longer than its size\n|", "gone "},
    {"foreign host", "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
     "403 close: This server does not go by that Host.\n|", ""},
    {"foreign origin", "GET / HTTP/1.1\r\n" H "Origin: http://evil.example\r\n\r\n",
     "403 close: Pages of that Origin may not use this server.\n|", ""},
    {"own origin", "GET / HTTP/1.1\r\n" H "Origin: http://localhost:3000\r\n\r\n", "200: ok|", "/[] "},
    {"too large", "POST / HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n", "413 close: The body is too large.\n|", ""},
};

/* Whether a refusal closes by "Connection: close" or not is the same; the answer to a good request that stands before a
 * closing one may not be lost. */
static void every_row(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
      open_server(seed, (struct fl_http_server_options){.body_size_max = 1000});
      struct peer peer;
      struct fl_sim_connection *connection = connect_peer(&peer);
      send_text(connection, 0, rows[i].input);
      fl_world_sim_run_until(world, 500);
      if (strcmp(answers(&peer), rows[i].answers) != 0 || strcmp(seen.data, rows[i].seen) != 0)
        fail_msg("%s, seed %d: %s\n%s\n%s", rows[i].name, (int)seed, answers(&peer), seen.data, peer.got.data);
      close_server(0);
      end_world();
      assert_int_equal(peer.gone, 1);
      fl_buf_deinit(&peer.got);
    }
  }
}

static void chunks_over_the_limit(void **state) {
  open_server(1, (struct fl_http_server_options){.body_size_max = 1000});
  struct peer peer;
  struct fl_sim_connection *connection = connect_peer(&peer);
  send_text(connection, 0, "POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 101; i++) send_text(connection, 1, "a\r\n0123456789\r\n");
  fl_world_sim_run_until(world, 500);
  assert_string_equal(answers(&peer), "413 close: The body is too large.\n|");
  assert_string_equal(seen.data, "gone ");
  close_server(0);
  end_world();
  fl_buf_deinit(&peer.got);
}

static void a_body_is_asked_for(void **state) {
  open_server(1, (struct fl_http_server_options){0});
  struct peer peer;
  struct fl_sim_connection *connection = connect_peer(&peer);
  send_text(connection, 0, "POST /a HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  fl_world_sim_run_until(world, 100);
  assert_string_equal(peer.got.data, "HTTP/1.1 100 Continue\r\n\r\n");
  send_text(connection, 0, "abc");
  fl_world_sim_run_until(world, 200);
  assert_string_equal(seen.data, "/a[abc] ");
  close_server(0);
  end_world();
  fl_buf_deinit(&peer.got);
}

/* A head that drips, a body that drips, nothing at all, and a second request that does not come. */
static void slow_peers_are_shed(void **state) {
  open_server(7,
              (struct fl_http_server_options){.head_timeout_ms = 1000, .idle_timeout_ms = 3000, .body_grace_ms = 2000});
  struct peer head, body, silent, idle;
  struct fl_sim_connection *connection = connect_peer(&head);
  for (int i = 0; i < 100; i++) send_text(connection, 100, i == 0 ? "GET / HTTP/1.1\r\nX: " : "x");
  connection = connect_peer(&body);
  send_text(connection, 0, "POST /a HTTP/1.1\r\n" H "Content-Length: 1000\r\n\r\n");
  for (int i = 0; i < 100; i++) send_text(connection, 100, "x");
  connect_peer(&silent);
  send_text(connect_peer(&idle), 0, "GET /a HTTP/1.1\r\n" H "\r\n");
  fl_world_sim_run_until(world, 20000);
  assert_string_equal(answers(&head), "408 close: The request took too long.\n|");
  assert_string_equal(answers(&body), "408 close: The request took too long.\n|");
  assert_string_equal(answers(&silent), "");
  assert_string_equal(answers(&idle), "200: ok|");
  assert_in_range(head.ended_ms, 1000, 1500);
  assert_in_range(body.ended_ms, 2000, 2600);
  assert_in_range(silent.ended_ms, 1000, 1500);
  assert_in_range(idle.ended_ms, 3000, 3500);
  assert_string_equal(seen.data, "/a[] gone ");
  assert_int_equal(fl_http_server_connections(server), 0);
  close_server(0);
  end_world();
  fl_buf_deinit(&head.got);
  fl_buf_deinit(&body.got);
  fl_buf_deinit(&idle.got);
}

static void a_peer_that_does_not_read_is_cut(void **state) {
  open_server(3, (struct fl_http_server_options){.stall_timeout_ms = 5000});
  struct peer peer;
  struct fl_sim_connection *connection = connect_peer(&peer);
  fl_sim_socket_stop_reading(connection, true);
  send_text(connection, 0, "GET /large HTTP/1.1\r\n" H "\r\nGET /never HTTP/1.1\r\n" H "\r\n");
  fl_world_sim_run_until(world, 4000);
  assert_int_equal(fl_http_server_connections(server), 1);
  fl_world_sim_run_until(world, 7000);
  assert_int_equal(fl_http_server_connections(server), 0);
  assert_int_equal(peer.got.size, 0);
  close_server(0);
  end_world();
}

/* Reading stops behind 64 KiB of pipelined requests, and the peer's going is noticed all the same. */
static void a_peer_that_sends_ahead_waits(void **state) {
  for (int goes = 0; goes < 2; goes++) {
    open_server(3, (struct fl_http_server_options){0});
    struct peer peer;
    struct fl_sim_connection *connection = connect_peer(&peer);
    send_text(connection, 0, goes ? "GET /never HTTP/1.1\r\n" H "\r\n" : "GET /later HTTP/1.1\r\n" H "\r\n");
    for (int i = 0; i < 5000; i++) send_text(connection, 0, "GET /a HTTP/1.1\r\n" H "\r\n");
    if (goes) fl_sim_socket_hang_up(connection, 5);
    fl_world_sim_run_until(world, 2000);
    size_t answered = 0;
    for (const char *at = seen.data; (at = strstr(at, "/a[]")) != NULL; at++) answered++;
    assert_int_equal(answered, goes ? 0 : 5000);
    assert_int_equal(strstr(seen.data, "gone") != NULL, goes);
    close_server(0);
    end_world();
    fl_buf_deinit(&peer.got);
  }
}

static void a_peer_that_goes_is_told_of(void **state) {
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    open_server(seed, (struct fl_http_server_options){0});
    struct peer peer;
    struct fl_sim_connection *connection = connect_peer(&peer);
    send_text(connection, 0, "GET /pieces HTTP/1.1\r\n" H "\r\n");
    fl_sim_socket_hang_up(connection, 15);
    fl_world_sim_run_until(world, 1000);
    assert_string_equal(seen.data, "/pieces[] gone ");
    assert_int_equal(fl_http_server_connections(server), 0);
    close_server(0);
    end_world();
    fl_buf_deinit(&peer.got);
  }
}

static void the_end_is_in_order(void **state) {
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    open_server(seed, (struct fl_http_server_options){0});
    struct peer idle, late, never, after;
    send_text(connect_peer(&idle), 0, "GET /a HTTP/1.1\r\n" H "\r\n");
    send_text(connect_peer(&late), 0, "GET /later HTTP/1.1\r\n" H "\r\n");
    send_text(connect_peer(&never), 0, "GET /never HTTP/1.1\r\n" H "\r\n");
    fl_world_sim_run_until(world, 5);
    close_server(300);
    connect_peer(&after);
    end_world();
    assert_string_equal(answers(&idle), "200: ok|");
    assert_string_equal(answers(&late), "200 close: late|");
    assert_string_equal(answers(&never), "");
    assert_string_equal(answers(&after), "");
    assert_true(after.gone == 1 && idle.gone == 1 && late.gone == 1 && never.gone == 1);
    assert_non_null(strstr(seen.data, "gone "));
    fl_buf_deinit(&idle.got);
    fl_buf_deinit(&late.got);
  }
}

static void too_many_connections_are_told(void **state) {
  open_server(5, (struct fl_http_server_options){.connections_max = 2});
  struct peer peers[4];
  for (int i = 0; i < 4; i++) connect_peer(&peers[i]);
  fl_world_sim_run_until(world, 100);
  int refused = 0;
  for (int i = 0; i < 4; i++) refused += strstr(answers(&peers[i]), "503 close: ") != NULL;
  assert_int_equal(refused, 2);
  close_server(0);
  end_world();
  for (int i = 0; i < 4; i++) fl_buf_deinit(&peers[i].got);
}

static void all_bodies_together_have_a_limit(void **state) {
  open_server(5, (struct fl_http_server_options){.bodies_size_max = 1500, .body_size_max = 1000});
  struct peer peers[2];
  char text[900];
  memset(text, 'x', sizeof text);
  for (int i = 0; i < 2; i++) {
    struct fl_sim_connection *connection = connect_peer(&peers[i]);
    send_text(connection, 0, "POST /a HTTP/1.1\r\n" H "Content-Length: 1000\r\n\r\n");
    fl_sim_socket_send(connection, (uint32_t)i, fl_slice_n(text, sizeof text));
  }
  fl_world_sim_run_until(world, 100);
  assert_string_equal(answers(&peers[0]), "");
  assert_string_equal(answers(&peers[1]), "503 close: The server has too many requests to read.\n|");
  close_server(0);
  end_world();
  fl_buf_deinit(&peers[1].got);
}

static int deinit_seen(void **state) {
  fl_buf_deinit(&seen);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row),
      cmocka_unit_test(chunks_over_the_limit),
      cmocka_unit_test(a_body_is_asked_for),
      cmocka_unit_test(slow_peers_are_shed),
      cmocka_unit_test(a_peer_that_does_not_read_is_cut),
      cmocka_unit_test(a_peer_that_sends_ahead_waits),
      cmocka_unit_test(a_peer_that_goes_is_told_of),
      cmocka_unit_test(the_end_is_in_order),
      cmocka_unit_test(too_many_connections_are_told),
      cmocka_unit_test(all_bodies_together_have_a_limit),
  };
  return cmocka_run_group_tests_name("http_server", tests, NULL, deinit_seen);
}
