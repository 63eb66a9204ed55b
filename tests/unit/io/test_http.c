/* SPDX-License-Identifier: MIT */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/world.h"
#include "tests/support/support.h"
#include "tests/unit/io/loopback.h"

#include <dirent.h>
#include <uv.h>

/* One request and what came of it. */
struct seen {
  struct fl_http http;
  struct fl_buf body;
  int headers_count, body_count, end_count;
  int http_status, status;
  char error[FL_ERROR_TEXT_MAX];
  char word[64];
  void (*then)(struct seen *seen); /* in on_end */
  int cancel_after;                /* pieces; 0: never */
  struct fl_timer *timer;          /* stopped in on_end */
};

static struct fl_world *world;

static int setup(void **state) {
  world = fl_world_uv_create(NULL);
  loopback_start();
  return 0;
}

static int teardown(void **state) {
  fl_world_destroy(world); /* closes kept connections, so the server's threads end */
  loopback_stop();
  return 0;
}

static void on_headers(struct fl_http *http, int status) {
  struct seen *seen = http->user;
  seen->headers_count++;
  seen->http_status = status;
  const char *word = fl_http_header(http, "X-WORD");
  snprintf(seen->word, sizeof seen->word, "%s", word != NULL ? word : "");
}

static void on_body(struct fl_http *http, fl_slice data) {
  struct seen *seen = http->user;
  assert_int_equal(seen->headers_count, 1);
  assert_int_equal(seen->end_count, 0);
  fl_buf_add(&seen->body, data.data, data.size);
  if (++seen->body_count == seen->cancel_after) fl_http_cancel(http);
}

static void on_end(struct fl_http *http, int status, const struct fl_error *err) {
  struct seen *seen = http->user;
  assert_null(http->impl);
  assert_true((status == 0) == (err == NULL));
  seen->end_count++;
  seen->status = status;
  if (err != NULL) snprintf(seen->error, sizeof seen->error, "%s", err->text);
  if (seen->then != NULL) seen->then(seen);
}

static void seen_init(struct seen *seen) {
  *seen = (struct seen){.http = {.on_headers = on_headers, .on_body = on_body, .on_end = on_end}};
  seen->http.user = seen;
  fl_buf_add_text(&seen->body, "");
}

static void seen_deinit(struct seen *seen) { fl_buf_deinit(&seen->body); }
#define SEEN_AUTO __attribute__((cleanup(seen_deinit))) struct seen

static char *url_of(const char *path) { return fl_format("http://127.0.0.1:%d%s", loopback.port, path); }

static void start(struct seen *seen, const char *path, struct fl_http_options options) {
  struct fl_error err = {0};
  FL_FREE_AUTO char *url = url_of(path);
  options.size = sizeof options;
  if (options.method == NULL) options.method = "GET";
  options.url = url;
  if (fl_http_start(world, &seen->http, &options, &err) != 0) fail_msg("%s", err.text);
}

#define DEFAULTS ((struct fl_http_options){0})

static void fetch(struct seen *seen, const char *path, struct fl_http_options options) {
  seen_init(seen);
  start(seen, path, options);
  assert_int_equal(seen->headers_count, 0);
  fl_world_run(world);
  assert_int_equal(seen->end_count, 1);
}

static void a_plain_answer(void **state) {
  SEEN_AUTO seen;
  fetch(&seen, "/plain", DEFAULTS);
  assert_int_equal(seen.status, 0);
  assert_int_equal(seen.http_status, 200);
  assert_string_equal(seen.body.data, "hello");
  assert_string_equal(seen.word, "first");
  assert_null(fl_http_header(&seen.http, "X-Word"));
  fl_http_cancel(&seen.http); /* harmless */
}

static void a_request_is_sent_as_told(void **state) {
  SEEN_AUTO seen;
  fetch(
      &seen, "/echo?a=b%20c",
      (struct fl_http_options){.method = "PATCH",
                               .headers = (const char *const[]){"X-Mine: 1", "X-Blank:", "Content-Type: text/x", NULL},
                               .body = FL_SLICE("the body")});
  assert_true(strncmp(seen.body.data, "PATCH /echo?a=b%20c HTTP/1.1\r\n", 30) == 0);
  assert_non_null(strstr(seen.body.data, "\r\nX-Mine: 1\r\n"));
  assert_non_null(strstr(seen.body.data, "\r\nX-Blank:\r\n"));
  assert_non_null(strstr(seen.body.data, "\r\nContent-Type: text/x\r\n"));
  assert_non_null(strstr(seen.body.data, "\r\nUser-Agent: fairlead/"));
  assert_non_null(strstr(seen.body.data, "\r\n\r\nthe body"));
  assert_null(strstr(seen.body.data, "Expect"));
}

static void methods_have_the_body_they_should(void **state) {
  SEEN_AUTO post, get, head;
  fetch(&post, "/echo", (struct fl_http_options){.method = "POST"});
  assert_non_null(strstr(post.body.data, "Content-Length: 0"));
  assert_null(strstr(post.body.data, "Content-Type"));
  fetch(&get, "/echo", DEFAULTS);
  assert_null(strstr(get.body.data, "Content-Length"));
  fetch(&head, "/echo", (struct fl_http_options){.method = "HEAD"});
  assert_int_equal(head.status, 0);
  assert_int_equal(head.body.size, 0);
}

static void a_large_body_arrives_whole(void **state) {
  SEEN_AUTO seen;
  FL_FREE_AUTO char *block = fl_alloc(200001);
  for (int i = 0; i < 200000; i++) block[i] = (char)('a' + i % 23);
  block[200000] = '\0';
  fetch(&seen, "/echo", (struct fl_http_options){.method = "POST", .body = {block, 200000}});
  const char *body = strstr(seen.body.data, "\r\n\r\n");
  assert_non_null(body);
  assert_string_equal(body + 4, block);
}

static int tick_count;

static void on_tick(struct fl_timer *timer) {
  tick_count++;
  fl_timer_start(world, timer, 5);
}

static void on_body_slowly(struct fl_http *http, fl_slice data) {
  on_body(http, data);
  usleep(1000);
}

static void stop_ticking(struct seen *seen) { fl_timer_stop(world, seen->timer); }

/* Its pieces take half a second to be dealt with, and are there as soon as they can be taken. */
static void a_large_body_leaves_others_their_turn(void **state) {
  SEEN_AUTO seen;
  struct fl_timer timer = {.on_fire = on_tick};
  seen_init(&seen);
  seen.http.on_body = on_body_slowly;
  seen.timer = &timer;
  seen.then = stop_ticking;
  tick_count = 0;
  fl_timer_start(world, &timer, 5);
  start(&seen, "/large", (struct fl_http_options){.body_max = SIZE_MAX / 2});
  fl_world_run(world);
  assert_int_equal(seen.status, 0);
  assert_true(seen.body_count > 100);
  assert_true(tick_count > seen.body_count / 20);
}

static void a_stream_comes_in_pieces(void **state) {
  SEEN_AUTO seen;
  fetch(&seen, "/stream", DEFAULTS);
  assert_int_equal(seen.status, 0);
  assert_true(seen.body_count >= 5);
  assert_true(strncmp(seen.body.data, "piece 0\npiece 1\n", 16) == 0);
  assert_true(strcmp(seen.body.data + seen.body.size - 9, "piece 19\n") == 0);
}

static void connections_are_kept_within_a_class_only(void **state) {
  SEEN_AUTO a, b, c;
  int before = atomic_load(&loopback.connections);
  fetch(&a, "/plain", DEFAULTS);
  fetch(&b, "/plain", DEFAULTS);
  assert_int_equal(atomic_load(&loopback.connections) - before, 1);
  fetch(&c, "/plain", (struct fl_http_options){.trust = FL_TRUST_TOOL});
  assert_int_equal(atomic_load(&loopback.connections) - before, 2);
}

static void redirects_are_not_followed(void **state) {
  SEEN_AUTO seen;
  fetch(&seen, "/redirect", (struct fl_http_options){.trust = FL_TRUST_TOOL});
  assert_int_equal(seen.status, 0);
  assert_int_equal(seen.http_status, 302);
  assert_int_equal(seen.body.size, 0);
}

static void read_retry_after(struct seen *seen) {
  assert_string_equal(fl_http_header(&seen->http, "Retry-After"), "7");
}

static void interim_answers_are_passed_over(void **state) {
  SEEN_AUTO seen;
  seen_init(&seen);
  seen.then = read_retry_after;
  start(&seen, "/hints", DEFAULTS);
  fl_world_run(world);
  assert_int_equal(seen.headers_count, 1);
  assert_int_equal(seen.http_status, 429);
  assert_string_equal(seen.word, "");
}

static void expect_failure(const char *path, struct fl_http_options options, int status, const char *text) {
  SEEN_AUTO seen;
  fetch(&seen, path, options);
  if (seen.status != status) fail_msg("%s: %d, not %d (%s)", path, seen.status, status, seen.error);
  if (strstr(seen.error, text) == NULL) fail_msg("%s: \"%s\" is not in \"%s\"", path, text, seen.error);
}

static void a_slow_first_byte_times_out(void **state) {
  int64_t start_ms = fl_world_now_ms(world);
  expect_failure("/slow", (struct fl_http_options){.first_byte_timeout_ms = 100}, FL_E_TIMEOUT,
                 "no answer came in time");
  int64_t took_ms = fl_world_now_ms(world) - start_ms;
  assert_true(took_ms >= 99 && took_ms < 8000);
}

static void a_stalled_stream_times_out(void **state) {
  int64_t start_ms = fl_world_now_ms(world);
  expect_failure("/stall", (struct fl_http_options){.idle_timeout_ms = 150}, FL_E_TIMEOUT, "no more data came in time");
  int64_t took_ms = fl_world_now_ms(world) - start_ms;
  assert_true(took_ms >= 149 && took_ms < 8000);
}

static void a_stream_that_goes_on_does_not_time_out(void **state) {
  SEEN_AUTO seen;
  fetch(&seen, "/stream", (struct fl_http_options){.first_byte_timeout_ms = 1000, .idle_timeout_ms = 30});
  assert_int_equal(seen.status, 0);
}

static void a_cut_answer_is_truncated(void **state) {
  expect_failure("/drop", DEFAULTS, FL_E_TRUNCATED, "");
  expect_failure("/drop-chunked", DEFAULTS, FL_E_TRUNCATED, "");
  expect_failure("/drop-head", DEFAULTS, FL_E_TRUNCATED, "header lines");
}

static void other_failures_have_their_names(void **state) {
  expect_failure("/nothing", DEFAULTS, FL_E_NETWORK, "Empty reply");
  expect_failure("/garbage", DEFAULTS, FL_E_NETWORK, "");
  int port;
  close(loopback_listen(&port));
  SEEN_AUTO seen;
  seen_init(&seen);
  FL_FREE_AUTO char *url = fl_format("http://127.0.0.1:%d/secret?key=secret", port);
  struct fl_http_options options = {.size = sizeof options, .method = "GET", .url = url};
  assert_int_equal(fl_http_start(world, &seen.http, &options, NULL), 0);
  fl_world_run(world);
  assert_int_equal(seen.status, FL_E_NETWORK);
  assert_non_null(strstr(seen.error, "GET http://127.0.0.1:"));
  assert_null(strstr(seen.error, "secret"));
}

static void an_answer_that_is_too_large_is_refused(void **state) {
  expect_failure("/flood", (struct fl_http_options){.body_max = 5000}, FL_E_LIMIT, "larger than 5000 bytes");
  expect_failure("/huge", (struct fl_http_options){.body_max = 5000}, FL_E_LIMIT, "larger than 5000 bytes");
  expect_failure("/headers", DEFAULTS, FL_E_LIMIT, "header lines");
  SEEN_AUTO seen;
  fetch(&seen, "/flood", (struct fl_http_options){.body_max = 100000});
  assert_int_equal(seen.status, 0);
  assert_int_equal(seen.body.size, 100000);
}

static void wait_for_eof(int count) {
  for (int i = 0; i < 200 && atomic_load(&loopback.eof_seen) < count; i++) usleep(10000);
  assert_int_equal(atomic_load(&loopback.eof_seen), count);
}

static void on_cancel_timer(struct fl_timer *timer) {
  struct seen *seen = timer->user;
  fl_http_cancel(&seen->http);
  fl_http_cancel(&seen->http);
  assert_int_equal(seen->end_count, 0); /* never from inside */
}

static void cancel_closes_the_connection(void **state) {
  atomic_store(&loopback.eof_seen, 0);
  SEEN_AUTO seen;
  seen_init(&seen);
  struct fl_timer timer = {.on_fire = on_cancel_timer, .user = &seen};
  fl_timer_start(world, &timer, 50);
  start(&seen, "/slow", DEFAULTS);
  int64_t start_ms = fl_world_now_ms(world);
  fl_world_run(world);
  assert_int_equal(seen.status, FL_E_CANCELLED);
  assert_int_equal(seen.end_count, 1);
  assert_true(fl_world_now_ms(world) - start_ms < 8000);
  wait_for_eof(1);
}

static void cancel_works_inside_a_callback_and_before_the_loop(void **state) {
  atomic_store(&loopback.eof_seen, 0);
  SEEN_AUTO inside, before;
  seen_init(&inside);
  inside.cancel_after = 1;
  start(&inside, "/stall", DEFAULTS);
  seen_init(&before);
  start(&before, "/plain", DEFAULTS);
  fl_http_cancel(&before.http);
  fl_world_run(world);
  assert_int_equal(inside.status, FL_E_CANCELLED);
  assert_int_equal(inside.body_count, 1);
  assert_string_equal(inside.body.data, "some");
  assert_int_equal(before.status, FL_E_CANCELLED);
  assert_int_equal(before.headers_count, 0);
  wait_for_eof(1);
}

static void start_again(struct seen *seen) {
  seen->then = NULL;
  seen->headers_count = seen->end_count = 0;
  start(seen, "/plain", DEFAULTS);
}

static void a_request_may_be_started_again_from_its_end(void **state) {
  SEEN_AUTO seen;
  seen_init(&seen);
  seen.then = start_again;
  start(&seen, "/plain", DEFAULTS);
  fl_world_run(world);
  assert_int_equal(seen.end_count, 1);
  assert_string_equal(seen.body.data, "hellohello");
}

static struct seen *nested;

static void on_body_starts_another(struct fl_http *http, fl_slice data) {
  on_body(http, data);
  if (nested == NULL || nested->http.impl != NULL || nested->end_count > 0) return;
  start(nested, "/plain", DEFAULTS);
}

static void a_request_may_be_started_inside_a_callback(void **state) {
  SEEN_AUTO outer, inner;
  seen_init(&outer);
  seen_init(&inner);
  nested = &inner;
  outer.http.on_body = on_body_starts_another;
  start(&outer, "/stream", DEFAULTS);
  fl_world_run(world);
  nested = NULL;
  assert_int_equal(outer.status, 0);
  assert_int_equal(inner.status, 0);
  assert_string_equal(inner.body.data, "hello");
}

/* ---- addresses ---- */

static int asked_count;
static bool answer_allowed;
static char asked_address[64];
static int asked_port;

static bool allow(const char *address, uint16_t port, void *user) {
  asked_count++;
  snprintf(asked_address, sizeof asked_address, "%s", address);
  asked_port = port;
  return answer_allowed;
}

static void an_address_is_asked_for_also_on_a_kept_connection(void **state) {
  int requests = atomic_load(&loopback.requests), connections = atomic_load(&loopback.connections);
  answer_allowed = true;
  asked_count = 0;
  SEEN_AUTO seen;
  fetch(&seen, "/plain", (struct fl_http_options){.allow_address = allow});
  assert_int_equal(seen.status, 0);
  assert_true(asked_count >= 1);
  assert_string_equal(asked_address, "127.0.0.1");
  assert_int_equal(asked_port, loopback.port);
  answer_allowed = false;
  expect_failure("/plain", (struct fl_http_options){.allow_address = allow}, FL_E_DENIED, "127.0.0.1 port");
  assert_int_equal(atomic_load(&loopback.requests) - requests, 1); /* it was the kept one, and nothing was sent on it */
  assert_int_equal(atomic_load(&loopback.connections) - connections, 1);
}

static void a_refused_address_is_never_connected_to(void **state) {
  int connections = atomic_load(&loopback.connections);
  answer_allowed = false;
  expect_failure("/plain", (struct fl_http_options){.allow_address = allow}, FL_E_DENIED, "not allowed");
  static const char *const disguises[] = {"http://2130706433:%d/plain", "http://127.1:%d/plain",
                                          "http://0x7f.1:%d/plain", "http://[::ffff:127.0.0.1]:%d/plain",
                                          "http://localhost:%d/plain"};
  for (size_t i = 0; i < sizeof disguises / sizeof *disguises; i++) {
    SEEN_AUTO seen;
    seen_init(&seen);
    char url[100];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(url, sizeof url, disguises[i], loopback.port);
#pragma GCC diagnostic pop
    struct fl_http_options options = {.size = sizeof options, .method = "GET", .url = url, .allow_address = allow};
    assert_int_equal(fl_http_start(world, &seen.http, &options, NULL), 0);
    fl_world_run(world);
    assert_int_equal(seen.status, FL_E_DENIED);
    assert_true(strcmp(asked_address, "127.0.0.1") == 0 || strcmp(asked_address, "::1") == 0);
  }
  assert_int_equal(atomic_load(&loopback.connections), connections);
}

/* Who repeats calls must know which ones nobody has seen. */
static void a_request_says_whether_it_has_left(void **state) {
  SEEN_AUTO answered, denied, unreachable;
  fetch(&answered, "/plain", (struct fl_http_options){.method = "POST"});
  assert_true(answered.http.has_left);
  seen_init(&denied);
  answer_allowed = false;
  FL_FREE_AUTO char *url = url_of("/plain");
  struct fl_http_options options = {.size = sizeof options, .method = "POST", .url = url, .allow_address = allow};
  assert_int_equal(fl_http_start(world, &denied.http, &options, NULL), 0);
  fl_world_run(world);
  assert_int_equal(denied.status, FL_E_DENIED);
  assert_false(denied.http.has_left);
  seen_init(&unreachable);
  options = (struct fl_http_options){.size = sizeof options, .method = "POST", .url = "http://127.0.0.1:1/"};
  assert_int_equal(fl_http_start(world, &unreachable.http, &options, NULL), 0);
  fl_world_run(world);
  assert_int_equal(unreachable.status, FL_E_NETWORK);
  assert_false(unreachable.http.has_left);
}

/* ---- kept connections that die ---- */

static void a_dead_connection_is_replaced_only_when_repeating_is_harmless(void **state) {
  struct fl_http_options tool_get = {.trust = FL_TRUST_TOOL}, tool_post = {.trust = FL_TRUST_TOOL, .method = "POST"};
  SEEN_AUTO first, second, third;
  int requests = atomic_load(&loopback.requests);
  fetch(&first, "/once", tool_get);
  fetch(&second, "/once", tool_get); /* the server reads it and closes; curl repeats it on a fresh connection */
  assert_int_equal(second.status, 0);
  assert_int_equal(atomic_load(&loopback.requests) - requests, 3);
  fetch(&third, "/once", tool_post);
  assert_int_equal(third.status, FL_E_NETWORK);
  assert_non_null(strstr(third.error, "not sent twice"));
  assert_int_equal(atomic_load(&loopback.requests) - requests, 4);
}

/* ---- what is wrong at once ---- */

static int refusal(const char *method, const char *url, const char *header, struct fl_error *err) {
  struct seen seen = {.http = {.on_end = on_end}};
  struct fl_http_options options = {
      .size = sizeof options, .method = method, .url = url, .headers = (const char *const[]){header, NULL}};
  int failure = fl_http_start(world, &seen.http, &options, err);
  assert_null(seen.http.impl);
  return failure;
}

static void nonsense_is_refused_at_once(void **state) {
  struct fl_error err = {0};
  assert_int_equal(refusal("GET", "file:///etc/passwd", NULL, &err), FL_E_INVALID);
  assert_int_equal(refusal("GET", "gopher://x/", NULL, &err), FL_E_INVALID);
  assert_int_equal(refusal("GET", "http://", NULL, &err), FL_E_INVALID);
  assert_int_equal(refusal("GET", "http://x/\r\nX: y", NULL, &err), FL_E_INVALID);
  assert_int_equal(refusal("GET /", "http://x/", NULL, &err), FL_E_INVALID);
  assert_int_equal(refusal("GET", "http://x/", "no colon", &err), FL_E_INVALID);
  assert_int_equal(refusal("GET", "http://x/", "Authorization: secret\r\nX: y", &err), FL_E_INVALID);
  assert_null(strstr(err.text, "secret"));
  assert_non_null(strstr(err.text, "Authorization"));
}

static void a_missing_module_is_said_with_its_name(void **state) {
  FL_FREE_AUTO char *before = fl_strdup(getenv("FAIRLEAD_NET_MODULE"));
  setenv("FAIRLEAD_NET_MODULE", "/no/module.so", 1);
  struct fl_error err = {0};
  assert_int_equal(refusal("GET", "http://127.0.0.1/", NULL, &err), FL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "/no/module.so"));
  if (before != NULL) setenv("FAIRLEAD_NET_MODULE", before, 1);
}

static void a_foreign_loop_gets_everything_back(void **state) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  struct fl_world *mine = world;
  world = fl_world_uv_create(&loop);
  SEEN_AUTO seen;
  seen_init(&seen);
  start(&seen, "/plain", DEFAULTS);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_string_equal(seen.body.data, "hello");
  fl_world_destroy(world);
  world = mine;
  uv_run(&loop, UV_RUN_DEFAULT); /* the owner turns it once more */
  assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- many ---- */

static int count_fds(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

enum { PARALLEL = 100 };

static void a_hundred_at_once(void **state) {
  static struct seen seen[PARALLEL];
  int64_t start_ms = fl_world_now_ms(world);
  for (int i = 0; i < PARALLEL; i++) {
    seen_init(&seen[i]);
    if (i % 10 == 9) seen[i].cancel_after = 3;
    start(&seen[i], "/stream", DEFAULTS);
  }
  fl_world_run(world);
  assert_true(fl_world_now_ms(world) - start_ms < PARALLEL * 40); /* one after the other would take longer */
  for (int i = 0; i < PARALLEL; i++) {
    assert_int_equal(seen[i].end_count, 1);
    assert_int_equal(seen[i].status, i % 10 == 9 ? FL_E_CANCELLED : 0);
    if (i % 10 != 9) assert_int_equal(seen[i].body.size, 10 * 8 + 10 * 9);
    seen_deinit(&seen[i]);
  }
}

static void nothing_is_left_behind(void **state) {
  SEEN_AUTO first;
  fetch(&first, "/plain", DEFAULTS);
  fl_world_destroy(world);
  world = fl_world_uv_create(NULL);
  for (int i = 0; i < 500 && atomic_load(&loopback.alive) > 0; i++) usleep(1000);
  int before = count_fds();
  for (int i = 0; i < 20; i++) {
    SEEN_AUTO seen;
    fetch(&seen, i % 2 == 0 ? "/plain" : "/drop", DEFAULTS);
    fl_world_destroy(world);
    world = fl_world_uv_create(NULL);
  }
  for (int i = 0; i < 500 && atomic_load(&loopback.alive) > 0; i++) usleep(1000);
  assert_int_equal(count_fds(), before);
}

int main(void) {
#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      ROW(a_plain_answer),
      ROW(a_request_is_sent_as_told),
      ROW(methods_have_the_body_they_should),
      ROW(a_large_body_arrives_whole),
      ROW(a_large_body_leaves_others_their_turn),
      ROW(a_stream_comes_in_pieces),
      ROW(connections_are_kept_within_a_class_only),
      ROW(redirects_are_not_followed),
      ROW(interim_answers_are_passed_over),
      ROW(a_slow_first_byte_times_out),
      ROW(a_stalled_stream_times_out),
      ROW(a_stream_that_goes_on_does_not_time_out),
      ROW(a_cut_answer_is_truncated),
      ROW(other_failures_have_their_names),
      ROW(an_answer_that_is_too_large_is_refused),
      ROW(cancel_closes_the_connection),
      ROW(cancel_works_inside_a_callback_and_before_the_loop),
      ROW(a_request_may_be_started_again_from_its_end),
      ROW(a_request_may_be_started_inside_a_callback),
      ROW(an_address_is_asked_for_also_on_a_kept_connection),
      ROW(a_refused_address_is_never_connected_to),
      ROW(a_request_says_whether_it_has_left),
      ROW(a_dead_connection_is_replaced_only_when_repeating_is_harmless),
      ROW(nonsense_is_refused_at_once),
      ROW(a_missing_module_is_said_with_its_name),
      ROW(a_foreign_loop_gets_everything_back),
      ROW(a_hundred_at_once),
      ROW(nothing_is_left_behind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
