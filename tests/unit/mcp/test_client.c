/* SPDX-License-Identifier: MIT */
/* The client over a process, in the simulated world: good servers of both eras under any order of events, and bad ones,
 * each with what the caller must hear. */
#include "mcp/era_cache.h"
#include "mcp/proto/server_session.h"
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/wire/lines.h"
#include "tests/support/support.h"
#include "tests/unit/mcp/client_rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- good servers ---- */

static void both_eras_under_any_order_of_events(void **state) {
  for (uint64_t seed = 1; seed <= 100; seed++) {
    is_legacy = seed % 2 == 0;
    client_open(seed, &GOOD, NULL);
    fl_world_sim_set_jitter(client_world, 20);
    fl_world_sim_set_splits(client_world, true);
    client_run_for(1000);
    assert_int_equal(client_ready_count, 1);
    assert_int_equal(client_ready_status, 0);
    assert_int_equal(client_source->tool_count, 5);
    FL_VALUE_AUTO about = fl_mcp_client_describe(client_source);
    assert_string_equal(fl_get_string(about, "era", ""), is_legacy ? "legacy" : "modern");
    for (int i = 0; i < 10; i++) {
      idle_ms = i == 0 ? 2000 : 10000; /* a peer's outputs queue up behind its slow answer */
      client_ask(i, i == 0 ? "slow" : i % 3 == 1 ? "echo" : "never");
    }
    client_run_for(1);
    client_source->ops->cancel(client_source, &client_asked[2].request);
    client_run_for(60000);
    for (int i = 0; i < 10; i++) {
      assert_int_equal(client_asked[i].done_count, 1);
      assert_int_equal(client_asked[i].status, i == 2 ? FL_E_CANCELLED : i == 0 || i % 3 == 1 ? 0 : FL_E_TIMEOUT);
      assert_int_equal(client_asked[i].progress_count, i == 0 ? 3 : 0);
      assert_true(client_asked[i].sent);
    }
    client_close();
  }
}

static void pages_are_read_to_the_end(void **state) {
  client_open(1, &GOOD, NULL);
  client_run_for(1000);
  assert_int_equal(client_source->tool_count, 5); /* on three pages */
  assert_string_equal(client_source->tools[4].name, "liar");
  assert_non_null(client_source->tools[4].output_schema);
  client_close();
}

static void a_server_that_dies_of_the_probe_is_started_again(void **state) {
  is_legacy = dies_of_probe = true;
  client_open(1, &GOOD, NULL);
  client_run_for(2000);
  assert_int_equal(client_ready_status, 0);
  assert_int_equal(start_count, 2);
  assert_int_equal(probe_count, 1);
  client_close();
}

static void expect_era(const char *era, int probes, int starts) {
  start_count = probe_count = 0;
  client_open(1, &GOOD, NULL);
  client_run_for(2000);
  assert_int_equal(client_ready_status, 0);
  FL_VALUE_AUTO about = fl_mcp_client_describe(client_source);
  assert_string_equal(fl_get_string(about, "era", ""), era);
  assert_int_equal(probe_count, probes);
  assert_int_equal(start_count, starts);
  client_close();
}

static void what_one_connection_found_out_the_next_one_knows(void **state) {
  keeps_verdicts = true;
  is_legacy = dies_of_probe = true;
  expect_era("legacy", 1, 2);
  expect_era("legacy", 0, 1); /* not client_asked again, and so it need not die */
  expect_era("legacy", 0, 1);
  fl_mcp_era_forget_all();
  dies_of_probe = false;
  expect_era("legacy", 1, 1);
  expect_era("legacy", 0, 1);
  keeps_verdicts = false;
}

static void a_verdict_holds_for_its_origin_and_its_time(void **state) {
  const int64_t now_ms = 5000;
  fl_mcp_era_learn("a", FL_MCP_LEGACY, now_ms);
  fl_mcp_era_learn("b", FL_MCP_MODERN, now_ms);
  assert_int_equal(fl_mcp_era_known("a", now_ms), FL_MCP_LEGACY);
  assert_int_equal(fl_mcp_era_known("b", now_ms), FL_MCP_MODERN);
  assert_int_equal(fl_mcp_era_known("c", now_ms), 0);
  assert_int_equal(fl_mcp_era_known(NULL, now_ms), 0);
  assert_int_equal(fl_mcp_era_known("a", now_ms + FL_MCP_ERA_HOLDS_MS - 1), FL_MCP_LEGACY);
  assert_int_equal(fl_mcp_era_known("a", now_ms + FL_MCP_ERA_HOLDS_MS), 0);
  assert_int_equal(fl_mcp_era_known("a", now_ms - FL_MCP_ERA_HOLDS_MS), 0); /* the clock was set back, and far */
  fl_mcp_era_learn("a", FL_MCP_MODERN, now_ms);
  assert_int_equal(fl_mcp_era_known("a", now_ms), FL_MCP_MODERN);
  fl_mcp_era_forget("b");
  assert_int_equal(fl_mcp_era_known("b", now_ms), 0);
  for (int i = 0; i < 3 * FL_MCP_ERAS_MAX; i++) {
    FL_FREE_AUTO char *origin = fl_format("server %d", i);
    fl_mcp_era_learn(origin, FL_MCP_LEGACY, now_ms);
    assert_int_equal(fl_mcp_era_known(origin, now_ms), FL_MCP_LEGACY);
  }
}

static void who_insists_on_an_era_gets_that_one_only(void **state) {
  client_open(1, &GOOD, "legacy");
  client_run_for(1000);
  assert_int_equal(client_ready_status, 0);
  assert_int_equal(probe_count, 0);
  client_close();
  is_legacy = true;
  client_open(1, &GOOD, "modern");
  client_run_for(5000);
  assert_int_equal(client_ready_count, 1);
  assert_int_equal(client_ready_status, FL_E_REMOTE);
  client_close();
}

static void a_cancel_reaches_the_server_before_the_caller_hears_of_it(void **state) {
  client_open(1, &GOOD, NULL);
  client_run_for(1000);
  client_ask(0, "never");
  client_run_for(10);
  client_source->ops->cancel(client_source, &client_asked[0].request);
  client_source->ops->cancel(client_source, &client_asked[0].request);
  assert_int_equal(client_asked[0].done_count, 0);
  client_run_for(10);
  assert_int_equal(client_asked[0].status, FL_E_CANCELLED);
  assert_int_equal(cancelled_count, 1);
  client_source->ops->cancel(client_source, &client_asked[0].request);
  client_close();
}

static void calls_in_flight_end_with_the_server_and_the_next_one_meets_a_new_server(void **state) {
  client_open(1, &GOOD, NULL);
  client_run_for(1000);
  client_ask(0, "never");
  client_run_for(10);
  client_ask(1, "die");
  client_run_for(10);
  client_ask(2, "echo"); /* while there is no server */
  assert_int_equal(client_asked[0].status, FL_E_CLOSED);
  assert_true(client_asked[0].sent);
  assert_string_equal(client_asked[1].error,
                      "math/die: the server was killed by signal 11 (Segmentation fault) during the call");
  client_run_for(1000);
  assert_int_equal(client_asked[2].status, 0);
  assert_int_equal(client_asked[2].done_count, 1);
  assert_int_equal(start_count, 2);
  assert_int_equal(client_changed_count, 0); /* its tools are the same */
  client_close();
}

static void a_result_that_breaks_its_schema_is_not_passed_on(void **state) {
  client_open(1, &GOOD, NULL);
  client_run_for(1000);
  client_ask(0, "liar");
  client_run_for(100);
  assert_int_equal(client_asked[0].status, FL_E_PROTOCOL);
  assert_non_null(strstr(client_asked[0].error, "math/liar: the structured result breaks the tool's output schema"));
  client_close();
}

static void limits_and_names_are_kept(void **state) {
  client_open(1, &GOOD, NULL);
  client_ask(0, "echo"); /* not open yet */
  client_run_for(1000);
  assert_int_equal(client_asked[0].status, FL_E_CLOSED);
  assert_false(client_asked[0].sent);
  client_ask(1, "nobody");
  client_asked[2] = (struct client_asked){
      .request = {.tool = "echo", .on_done = client_rig_done, .user = &client_asked[2], .result_max = 10}};
  client_source->ops->call(client_source, &client_asked[2].request);
  client_run_for(100);
  assert_int_equal(client_asked[1].status, FL_E_NOT_FOUND);
  assert_string_equal(client_asked[1].error, "server math has no tool \"nobody\"");
  assert_int_equal(client_asked[2].status, FL_E_LIMIT);
  assert_true(client_asked[2].sent);
  client_close();
}

static void closing_ends_everything_once(void **state) {
  for (uint64_t seed = 1; seed <= 50; seed++) { /* at every stage of its life */
    client_open(seed, &GOOD, NULL);
    fl_world_sim_set_jitter(client_world, 5);
    client_run_for((int64_t)seed);
    bool was_ready = client_ready_count == 1;
    client_ask(0, "never");
    client_ask(1, "echo");
    client_close();
    assert_int_equal(client_ready_count, 1);
    assert_int_equal(client_ready_status, was_ready ? 0 : FL_E_CLOSED);
    assert_int_equal(client_asked[0].done_count, 1);
    assert_int_equal(client_asked[0].status, FL_E_CLOSED);
    assert_int_equal(client_asked[1].done_count, 1);
  }
}

/* ---- bad servers ---- */

static void exits_at_once(struct fl_sim_peer *peer) {
  fl_sim_stderr(peer, 1, FL_SLICE("cannot find the answer\nin config.json\n"));
  fl_sim_exit(peer, 1, 1);
}

static void says_nothing(struct fl_sim_peer *peer, fl_slice data) {}

static void closes_output(struct fl_sim_peer *peer) { fl_sim_stdout_end(peer, 1); }

static void floods(struct fl_sim_peer *peer, fl_slice data) {
  FL_BUF_AUTO text = {0};
  for (int i = 0; i < 20000; i++)
    fl_buf_add_text(&text, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n[]\nhello\n");
  fl_sim_stdout(peer, 0, fl_buf_slice(&text));
}

static void floods_without_lines(struct fl_sim_peer *peer, fl_slice data) {
  static const char block[64 * 1024];
  for (int i = 0; i < 1100; i++) fl_sim_stdout(peer, 0, fl_slice_n(block, sizeof block));
}

static void ignores_its_end(struct fl_sim_peer *peer) {}
static void ignores_signals(struct fl_sim_peer *peer, int number) {}

static const struct {
  const char *what;
  struct fl_sim_program program;
  int status;
  const char *error;
} BAD[] = {
    {"exits at once",
     {.on_start = exits_at_once},
     FL_E_CLOSED,
     "server math exited with status 1 before it was ready; its last words: cannot find the answer\nin config.json"},
    {"says nothing", {.on_stdin = says_nothing}, FL_E_TIMEOUT, "server math was not ready after 30000 ms"},
    {"closes its output",
     {.on_start = closes_output, .on_stdin = says_nothing},
     FL_E_CLOSED,
     "server math exited with status 0 before it was ready"},
    {"floods",
     {.on_stdin = floods},
     FL_E_TIMEOUT,
     "server math was not ready after 30000 ms; it wrote what is no MCP: hello"},
    {"floods without lines",
     {.on_stdin = floods_without_lines},
     FL_E_TIMEOUT,
     "server math was not ready after 30000 ms"},
    {"does not end",
     {.on_stdin = says_nothing, .on_stdin_end = ignores_its_end, .on_signal = ignores_signals},
     FL_E_TIMEOUT,
     "server math was not ready after 30000 ms"},
};

static void bad_servers_are_told_from_good_ones(void **state) {
  for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
    struct fl_sim_program program = BAD[i].program;
    program.name = "peer";
    client_open(7, &program, NULL);
    client_run_for(60000);
    if (client_ready_count != 1 || client_ready_status != BAD[i].status ||
        strcmp(client_ready_error, BAD[i].error) != 0)
      fail_msg("%s: %d times, %s: %s", BAD[i].what, client_ready_count, fl_error_word(client_ready_status),
               client_ready_error);
    client_source->ops->open(client_source); /* it may be tried again */
    client_run_for(60000);
    assert_int_equal(client_ready_count, 2);
    client_close();
  }
}

static void a_command_that_does_not_exist_is_named(void **state) {
  struct fl_sim_program program = {.name = "something-else"};
  client_open(7, &program, NULL);
  client_run_for(1000);
  assert_int_equal(client_ready_count, 1);
  assert_int_equal(client_ready_status, FL_E_NOT_FOUND);
  assert_non_null(strstr(client_ready_error, "server math: "));
  assert_non_null(strstr(client_ready_error, "peer"));
  client_close();
}

/* Good the first time, dead on arrival ever after. */
static void good_once(struct fl_sim_peer *peer) {
  good_start(peer);
  if (start_count > 1) fl_sim_exit(peer, 1, 7);
}

static void a_server_that_never_comes_back_is_given_up_and_tried_again_on_need(void **state) {
  struct fl_sim_program program = GOOD;
  program.on_start = good_once;
  client_open(3, &program, NULL);
  client_run_for(1000);
  assert_int_equal(client_ready_status, 0);
  client_ask(0, "die");
  client_run_for(10);
  client_asked[1] = (struct client_asked){
      .request = {.tool = "echo", .on_done = client_rig_done, .user = &client_asked[1], .idle_timeout_ms = 600000}};
  client_source->ops->call(client_source, &client_asked[1].request);
  client_run_for(120000);
  assert_int_equal(client_asked[1].status, FL_E_CLOSED);
  assert_false(client_asked[1].sent);
  assert_non_null(strstr(client_asked[1].error, "exited with status 7 before it was ready"));
  int before = start_count;
  assert_int_equal(before, 1 + 5);
  client_run_for(600000);
  assert_int_equal(start_count, before); /* nobody needs it */
  client_ask(2, "echo");
  client_run_for(1000);
  assert_int_equal(start_count, before + 1);
  assert_int_equal(client_asked[2].status, FL_E_CLOSED);
  client_close();
}

static void standard_error_is_logged_and_kept(void **state) {
  struct fl_sim_program program = {.name = "peer", .on_start = exits_at_once};
  client_open(7, &program, NULL);
  client_run_for(1000);
  assert_non_null(strstr(log_text, "info: cannot find the answer\ninfo: in config.json\n"));
  client_close();
}

/* ---- what a server says shows no secret that is known ---- */

static void know_canary(void) {
  const struct fl_secret *value = NULL;
  const struct fl_secret_source printed = {.kind = FL_SECRET_COMMAND,
                                           .argv = (const char *const[]){"echo", "canary-4711-x", NULL}};
  assert_int_equal(fl_vault_read(client_world, "KEY", &printed, &value, NULL), 0);
}

static void complains_in_pieces(struct fl_sim_peer *peer) {
  static const char *const pieces[] = {"the key is can", "ary-47", "11-", "x\nand Y2FuYXJ5",
                                       "LTQ3MTEteA==, can\ncanary-47"};
  fl_sim_stdout(peer, 1, FL_SLICE("canary-4711-x is no message\n"));
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) fl_sim_stderr(peer, 1, fl_slice_of(pieces[i]));
  fl_sim_exit(peer, 1, 1);
}

static void standard_error_shows_no_secret(void **state) {
  struct fl_sim_program program = {.name = "peer", .on_start = complains_in_pieces};
  client_open(7, &program, NULL);
  know_canary();
  client_run_for(1000);
  assert_non_null(strstr(log_text, "info: the key is [secret KEY]\ninfo: and [secret KEY]A==, can\ninfo: canary-47\n"));
  assert_non_null(strstr(client_ready_error, "it wrote what is no MCP: [secret KEY] is no message; its last words: the "
                                             "key is [secret KEY]\nand [secret KEY]A==, can\ncanary-47"));
  client_close();
}

/* Answers whatever it is asked with an error, and says so in a log message. */
static void refuses_with_canary(struct fl_sim_peer *peer, fl_slice data) {
  FL_VALUE_AUTO request = NULL;
  const char *end = memchr(data.data, '\n', data.size);
  if (end == NULL || fl_parse(data.data, (size_t)(end - data.data), &request, NULL) < 0) return;
  FL_FREE_AUTO char *answer = fl_format("{\"jsonrpc\":\"2.0\",\"id\":%lld,\"error\":{\"code\":-32000,\"message\":"
                                        "\"no: canary\\u002d4711-x, 63616e6172792d343731312d78\"}}\n",
                                        (long long)fl_get_int(request, "id", 0));
  fl_sim_stdout(peer, 1, fl_slice_of(answer));
}

static void answers_show_no_secret(void **state) {
  struct fl_sim_program program = {.name = "peer", .on_stdin = refuses_with_canary};
  client_open(7, &program, NULL);
  know_canary();
  client_run_for(60000);
  assert_int_equal(client_ready_count, 1);
  assert_non_null(strstr(client_ready_error, "no: [secret KEY], [secret KEY]"));
  assert_null(strstr(client_ready_error, "4711"));
  client_close();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(standard_error_shows_no_secret, reset_client),
      cmocka_unit_test_setup(answers_show_no_secret, reset_client),
      cmocka_unit_test_setup(both_eras_under_any_order_of_events, reset_client),
      cmocka_unit_test_setup(pages_are_read_to_the_end, reset_client),
      cmocka_unit_test_setup(a_server_that_dies_of_the_probe_is_started_again, reset_client),
      cmocka_unit_test_setup(what_one_connection_found_out_the_next_one_knows, reset_client),
      cmocka_unit_test_setup(a_verdict_holds_for_its_origin_and_its_time, reset_client),
      cmocka_unit_test_setup(who_insists_on_an_era_gets_that_one_only, reset_client),
      cmocka_unit_test_setup(a_cancel_reaches_the_server_before_the_caller_hears_of_it, reset_client),
      cmocka_unit_test_setup(calls_in_flight_end_with_the_server_and_the_next_one_meets_a_new_server, reset_client),
      cmocka_unit_test_setup(a_result_that_breaks_its_schema_is_not_passed_on, reset_client),
      cmocka_unit_test_setup(limits_and_names_are_kept, reset_client),
      cmocka_unit_test_setup(closing_ends_everything_once, reset_client),
      cmocka_unit_test_setup(bad_servers_are_told_from_good_ones, reset_client),
      cmocka_unit_test_setup(a_command_that_does_not_exist_is_named, reset_client),
      cmocka_unit_test_setup(a_server_that_never_comes_back_is_given_up_and_tried_again_on_need, reset_client),
      cmocka_unit_test_setup(standard_error_is_logged_and_kept, reset_client),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
