/* SPDX-License-Identifier: MIT */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>

static struct fl_world *world;
static char trace[4096];
static int gone_count;

static void note(const char *word) {
  assert_true(strlen(trace) + strlen(word) + 2 < sizeof trace);
  strcat(strcat(trace, word), " ");
}

static void note_at(const char *word, int number) {
  char text[128];
  snprintf(text, sizeof text, "%s%d@%d", word, number, (int)fl_world_now_ms(world));
  note(text);
}

static void begin(uint64_t seed) {
  world = fl_world_sim_create(seed);
  trace[0] = '\0';
  gone_count = 0;
}

/* ---- processes ---- */

static struct fl_buf out;

static void on_stdout(struct fl_process *process, fl_slice data) { fl_buf_add(&out, data.data, data.size); }
static void on_stderr(struct fl_process *process, fl_slice data) { note("stderr"); }
static void on_stdout_end(struct fl_process *process) { note("stdout-end"); }
static void on_exit_seen(struct fl_process *process, int exit_status, int term_signal) {
  assert_null(process->impl);
  note_at("exit", exit_status + 1000 * term_signal);
}

static struct fl_process process_of(void *user) {
  return (struct fl_process){.on_stdout = on_stdout,
                             .on_stderr = on_stderr,
                             .on_stdout_end = on_stdout_end,
                             .on_exit = on_exit_seen,
                             .user = user};
}

static void peer_gone(struct fl_sim_peer *peer) { gone_count++; }

/* Answers what it reads in brackets, each piece taking 10 ms. */
static void echo_stdin(struct fl_sim_peer *peer, fl_slice data) {
  fl_sim_stdout(peer, 10, FL_SLICE("["));
  fl_sim_stdout(peer, 0, data);
  fl_sim_stdout(peer, 0, FL_SLICE("]"));
}
static const struct fl_sim_program echo = {.name = "echo", .on_stdin = echo_stdin, .on_gone = peer_gone};

static struct fl_process_options options_of(const char *const *argv) {
  return (struct fl_process_options){.size = sizeof(struct fl_process_options), .argv = argv};
}

static int start(struct fl_process *process, const char *name, struct fl_error *err) {
  *process = process_of(NULL);
  struct fl_process_options options = options_of((const char *const[]){name, "--flag", NULL});
  options.env = (const char *const[]){"KEY=value", NULL};
  options.policy = "{}";
  return fl_process_start(world, process, &options, err);
}

static void a_peer_answers_and_exits(void **state) {
  begin(1);
  fl_world_sim_program(world, &echo);
  struct fl_process process;
  assert_int_equal(start(&process, "echo", NULL), 0);
  assert_true(process.pid > 0);
  assert_int_equal(fl_process_write(&process, FL_SLICE("a")), 0);
  assert_int_equal(fl_process_write(&process, FL_SLICE("b")), 0);
  fl_process_close_stdin(&process);
  assert_int_equal(fl_process_write(&process, FL_SLICE("c")), FL_E_CLOSED);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_string_equal(out.data, "[a][b]");
  assert_string_equal(trace, "stdout-end exit0@20 ");
  assert_int_equal(gone_count, 1);
  fl_buf_deinit(&out);
  fl_world_destroy(world);
}

static void an_unknown_program_is_not_found(void **state) {
  begin(1);
  struct fl_process process;
  struct fl_error err = {0};
  assert_int_equal(start(&process, "nobody", &err), FL_E_NOT_FOUND);
  assert_non_null(strstr(err.text, "nobody"));
  fl_world_destroy(world);
}

static void splits_and_jitter_change_pieces_but_not_content(void **state) {
  bool differ = false;
  for (uint64_t seed = 0; seed < 30; seed++) {
    begin(seed);
    fl_world_sim_set_splits(world, true);
    fl_world_sim_set_jitter(world, 20);
    fl_world_sim_program(world, &echo);
    struct fl_process process;
    start(&process, "echo", NULL);
    fl_process_write(&process, FL_SLICE("abcdefgh"));
    fl_process_close_stdin(&process);
    fl_world_sim_run(world);
    char letters[16] = {0};
    for (size_t i = 0, k = 0; i < out.size; i++)
      if (out.data[i] != '[' && out.data[i] != ']') letters[k++] = out.data[i];
    assert_string_equal(letters, "abcdefgh");
    differ = differ || strcmp(out.data, "[abcdefgh]") != 0;
    fl_buf_deinit(&out);
    fl_world_destroy(world);
  }
  assert_true(differ);
}

static void inspect_start(struct fl_sim_peer *peer) {
  assert_string_equal(fl_sim_peer_argv(peer)[1], "--flag");
  assert_string_equal(fl_sim_peer_env(peer, "KEY"), "value");
  assert_null(fl_sim_peer_env(peer, "KE"));
  assert_string_equal(fl_sim_peer_policy(peer), "{}");
  assert_ptr_equal(fl_sim_peer_world(peer), world);
  assert_string_equal(fl_sim_peer_user(peer), "mine");
  fl_sim_peer_set_user(peer, NULL);
  fl_sim_stderr(peer, 3, FL_SLICE("warning"));
  fl_sim_stdout_end(peer, 1);
  fl_sim_exit(peer, 5, 9);
}

static void a_peer_sees_how_it_was_started(void **state) {
  begin(1);
  char mine[] = "mine";
  fl_world_sim_program(world, &(struct fl_sim_program){.name = "tool", .on_start = inspect_start, .user = mine});
  struct fl_process process;
  start(&process, "tool", NULL);
  fl_world_sim_run(world);
  assert_string_equal(trace, "stderr stdout-end exit9@9 ");
  fl_world_destroy(world);
}

static void ignore_stdin_end(struct fl_sim_peer *peer) { note("eof"); }
static void refuse_signal(struct fl_sim_peer *peer, int number) { note_at("signal", number); }

static void end_escalates(void **state) {
  begin(1);
  fl_world_sim_program(world, &(struct fl_sim_program){
                                  .name = "stubborn", .on_stdin_end = ignore_stdin_end, .on_signal = refuse_signal});
  fl_world_sim_program(world, &(struct fl_sim_program){.name = "deaf", .on_stdin_end = ignore_stdin_end});
  struct fl_process stubborn, deaf;
  start(&stubborn, "stubborn", NULL);
  fl_process_end(&stubborn, 100);
  fl_world_sim_run(world);
  assert_string_equal(trace, "eof signal15@100 stdout-end exit9000@200 ");
  trace[0] = '\0';
  start(&deaf, "deaf", NULL);
  fl_process_end(&deaf, 100);
  fl_process_end(&deaf, 1);
  fl_world_sim_run(world);
  assert_string_equal(trace, "eof stdout-end exit15000@300 ");
  fl_process_kill(&deaf, SIGKILL); /* harmless */
  fl_world_destroy(world);
}

static void talk_late(struct fl_sim_peer *peer) {
  fl_sim_stdout(peer, 0, FL_SLICE("now "));
  fl_sim_stdout(peer, 1000, FL_SLICE("never"));
}

static void a_killed_peer_says_no_more(void **state) {
  begin(1);
  fl_world_sim_program(world, &(struct fl_sim_program){.name = "slow", .on_start = talk_late});
  struct fl_process process;
  start(&process, "slow", NULL);
  fl_world_sim_run_until(world, 10);
  fl_process_kill(&process, SIGKILL);
  fl_world_sim_run(world);
  assert_string_equal(out.data, "now ");
  assert_string_equal(trace, "stdout-end exit9000@10 ");
  fl_buf_deinit(&out);
  fl_world_destroy(world);
}

static struct fl_sim_peer *talker;
static void answer_b(void *user) { fl_sim_stdout(talker, 0, FL_SLICE("b")); }
static void answer_a(void *user) { fl_sim_stdout(talker, 0, FL_SLICE("a")); }
static void start_overtaking(struct fl_sim_peer *peer) {
  talker = peer;
  fl_world_sim_after(world, 100, answer_a, NULL);
  fl_world_sim_after(world, 10, answer_b, NULL);
}

static void answers_may_overtake_each_other(void **state) {
  begin(1);
  fl_world_sim_program(world, &(struct fl_sim_program){.name = "tool", .on_start = start_overtaking});
  struct fl_process process;
  start(&process, "tool", NULL);
  fl_world_sim_run(world);
  assert_string_equal(out.data, "ba");
  assert_int_equal(fl_world_sim_effect_count(world), 1); /* the script's own timers are none */
  fl_process_kill(&process, SIGTERM);
  fl_world_sim_run(world);
  fl_buf_deinit(&out);
  fl_world_destroy(world);
}

/* ---- HTTP ---- */

static void on_headers(struct fl_http *http, int status) {
  note_at("headers", status);
  if (fl_http_header(http, "X-Word") != NULL) note(fl_http_header(http, "x-word"));
  assert_null(fl_http_header(http, "x-wor"));
}
static void on_body(struct fl_http *http, fl_slice data) {
  char text[64];
  snprintf(text, sizeof text, "%.*s", (int)data.size, data.data);
  note(text);
}
static void on_http_end(struct fl_http *http, int status, const struct fl_error *err) {
  assert_null(http->impl);
  assert_true((status == 0) == (err == NULL));
  note(status == 0 ? "ok" : fl_error_word(status));
}
static void on_end_reads_header(struct fl_http *http, int status, const struct fl_error *err) {
  assert_string_equal(fl_http_header(http, "X-Word"), "w");
  note("end");
}

static struct fl_http http_of(void) {
  return (struct fl_http){.on_headers = on_headers, .on_body = on_body, .on_end = on_http_end};
}

static const char *const secret_headers[] = {"Authorization: secret", NULL};

static struct fl_http_options get(const char *url) {
  return (struct fl_http_options){
      .size = sizeof(struct fl_http_options), .method = "GET", .url = url, .headers = secret_headers};
}

static void answer(struct fl_sim_exchange *exchange) {
  note(fl_sim_exchange_user(exchange));
  assert_string_equal(fl_sim_request_header(exchange, "authorization"), "secret");
  assert_string_equal(fl_sim_request_method(exchange), "GET");
  fl_sim_respond(exchange, 5, 200, (const char *const[]){"X-Word: w", NULL});
  fl_sim_body(exchange, 0, FL_SLICE("one"));
  fl_sim_body(exchange, 5, FL_SLICE("two"));
  fl_sim_finish(exchange, 20);
}
static void answer_headers_only(struct fl_sim_exchange *exchange) { fl_sim_respond(exchange, 5, 200, NULL); }
static void answer_nothing(struct fl_sim_exchange *exchange) {}
static void answer_half(struct fl_sim_exchange *exchange) {
  fl_sim_respond(exchange, 0, 200, NULL);
  fl_sim_body(exchange, 0, FL_SLICE("half"));
  fl_sim_fail(exchange, 1, FL_E_TRUNCATED, "the connection closed");
}
static void exchange_gone(struct fl_sim_exchange *exchange) {
  gone_count++;
  if (fl_sim_exchange_cancelled(exchange)) note("client-closed");
}

static void add_server(const char *prefix, void (*on_request)(struct fl_sim_exchange *), const char *user) {
  fl_world_sim_server(
      world,
      &(struct fl_sim_server){
          .url_prefix = prefix, .on_request = on_request, .on_gone = exchange_gone, .user = (void *)(intptr_t)user});
}

static void a_server_answers_in_pieces(void **state) {
  begin(1);
  add_server("http://a/", answer, "general");
  add_server("http://a/special/", answer, "special");
  struct fl_http http = http_of();
  struct fl_http_options options = get("http://a/special/x");
  assert_int_equal(fl_http_start(world, &http, &options, NULL), 0);
  assert_string_equal(trace, "");
  fl_world_sim_run(world);
  assert_string_equal(trace, "special headers200@5 w one two ok ");
  assert_int_equal(gone_count, 1);
  assert_null(fl_http_header(&http, "X-Word"));
  http.on_end = on_end_reads_header;
  options = get("http://a/x");
  fl_http_start(world, &http, &options, NULL);
  trace[0] = '\0';
  fl_world_sim_run(world);
  assert_string_equal(trace, "general headers200@35 w one two end ");
  fl_world_destroy(world);
}

static void expect_end(const char *url, struct fl_http_options options, const char *expected) {
  struct fl_http http = http_of();
  trace[0] = '\0';
  options.url = url;
  assert_int_equal(fl_http_start(world, &http, &options, NULL), 0);
  fl_world_sim_run(world);
  assert_string_equal(trace, expected);
}

static bool allow_nobody(const char *address, uint16_t port, void *user) {
  note(address);
  return false;
}

static void every_failure_has_its_name(void **state) {
  begin(1);
  add_server("http://mute/", answer_nothing, "");
  add_server("http://stuck/", answer_headers_only, "");
  add_server("http://half/", answer_half, "");
  add_server("http://good/", answer, "good");
  struct fl_http_options options = get("");
  options.first_byte_timeout_ms = 300;
  options.idle_timeout_ms = 200;
  expect_end("http://nobody/", options, "network ");
  expect_end("http://mute/", options, "timeout client-closed ");
  assert_int_equal(fl_world_now_ms(world), 300);
  expect_end("http://stuck/", options, "headers200@305 timeout client-closed ");
  assert_int_equal(fl_world_now_ms(world), 505);
  expect_end("http://half/", options, "headers200@505 half truncated ");
  options.body_max = 5;
  expect_end("http://good/", options, "good headers200@511 w one limit ");
  options.allow_address = allow_nobody;
  expect_end("http://good/", options, "203.0.113.1 denied ");
  fl_world_destroy(world);
}

static void a_cancelled_request_ends_once(void **state) {
  begin(1);
  add_server("http://good/", answer, "good");
  struct fl_http http = http_of();
  struct fl_http_options options = get("http://good/");
  fl_http_start(world, &http, &options, NULL);
  fl_world_sim_run_until(world, 6);
  fl_http_cancel(&http);
  fl_http_cancel(&http);
  assert_string_equal(trace, "good headers200@5 w one ");
  fl_world_sim_run(world);
  assert_string_equal(trace, "good headers200@5 w one cancelled client-closed ");
  fl_http_cancel(&http); /* harmless */
  fl_world_destroy(world);
}

/* ---- crashes with peers ---- */

static struct fl_process child;
static struct fl_http call;

static void on_call_end(struct fl_http *http, int status, const struct fl_error *err) {
  note(status == 0 ? "ok" : fl_error_word(status));
  fl_process_write(&child, FL_SLICE("x"));
  fl_process_end(&child, 100);
}

static uint64_t run_to_crash(uint64_t n) {
  begin(n);
  fl_world_sim_program(world, &echo);
  add_server("http://good/", answer, "good");
  fl_world_sim_crash_at(world, n);
  assert_int_equal(start(&child, "echo", NULL), 0);
  call = http_of();
  call.on_end = on_call_end;
  struct fl_http_options options = get("http://good/");
  assert_int_equal(fl_http_start(world, &call, &options, NULL), 0);
  return fl_world_sim_run(world) == FL_SIM_CRASHED ? fl_world_sim_effect_count(world) : 0;
}

static void after_a_crash_everything_can_be_buried_or_dropped(void **state) {
  uint64_t n = 1;
  for (;; n++) {
    uint64_t count = run_to_crash(n);
    if (count == 0 && n > 1) break;
    assert_int_equal(count, n - 1);
    fl_world_sim_bury(world);
    assert_non_null(strstr(trace, n == 3 || n == 4 ? "ok" : "cancelled"));
    assert_non_null(strstr(trace, "exit9000"));
    assert_null(strstr(trace, "good headers200@5 w one two ok good"));
    assert_int_equal(fl_process_write(&child, FL_SLICE("x")), FL_E_CLOSED);
    struct fl_error err = {0};
    assert_int_equal(start(&child, "echo", &err), FL_E_CANCELLED);
    fl_world_destroy(world);
    fl_buf_deinit(&out);
    run_to_crash(n);
    fl_world_destroy(world); /* without a burial */
    assert_true(gone_count <= 2);
    fl_buf_deinit(&out);
  }
  assert_int_equal(n, 5); /* process start, request, write, end */
  assert_string_equal(out.data, "[x]");
  fl_world_destroy(world);
  fl_buf_deinit(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_peer_answers_and_exits),
      cmocka_unit_test(an_unknown_program_is_not_found),
      cmocka_unit_test(splits_and_jitter_change_pieces_but_not_content),
      cmocka_unit_test(a_peer_sees_how_it_was_started),
      cmocka_unit_test(end_escalates),
      cmocka_unit_test(a_killed_peer_says_no_more),
      cmocka_unit_test(answers_may_overtake_each_other),
      cmocka_unit_test(a_server_answers_in_pieces),
      cmocka_unit_test(every_failure_has_its_name),
      cmocka_unit_test(a_cancelled_request_ends_once),
      cmocka_unit_test(after_a_crash_everything_can_be_buried_or_dropped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
