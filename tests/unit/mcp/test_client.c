/* SPDX-License-Identifier: MIT */
/* The client over a process, in the simulated world: good servers of both eras under any order of events, and bad ones,
 * each with what the caller must hear. */
#include "mcp/client_source.h"
#include "mcp/era_cache.h"
#include "mcp/proto/server_session.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "runtime/wire/lines.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS_MAX = 40 };

static struct fl_world *world;
static struct fl_tool_source *source;

/* ---- the caller ---- */

struct asked {
  struct fl_tool_request request;
  int done_count, status, progress_count;
  bool sent;
  char text[300], error[FL_ERROR_TEXT_MAX];
};

static struct asked asked[CALLS_MAX];
static uint32_t idle_ms;
static int ready_count, ready_status, closed_count, changed_count;
static char ready_error[FL_ERROR_TEXT_MAX], log_text[20000];

static void on_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                    const struct fl_error *err) {
  struct asked *one = request->user;
  one->done_count++;
  one->status = status;
  one->sent = sent;
  char *text = fl_dump(result, NULL);
  snprintf(one->text, sizeof one->text, "%s", text);
  fl_text_free(text);
  if (err != NULL) snprintf(one->error, sizeof one->error, "%s", err->text);
}

static void on_progress(struct fl_tool_request *request, double done, double total, const char *message) {
  ((struct asked *)request->user)->progress_count++;
}

static void on_ready(struct fl_tool_source *from, int status, const struct fl_error *err) {
  ready_count++;
  ready_status = status;
  if (err != NULL) snprintf(ready_error, sizeof ready_error, "%s", err->text);
}
static void on_closed(struct fl_tool_source *from) { closed_count++; }
static void on_changed(struct fl_tool_source *from) { changed_count++; }
static void on_log(struct fl_tool_source *from, const char *level, const char *text) {
  size_t used = strlen(log_text);
  snprintf(log_text + used, sizeof log_text - used, "%s: %s\n", level, text);
}

static struct asked *ask(int index, const char *tool) {
  struct asked *one = &asked[index];
  *one = (struct asked){.request = {.tool = tool, .on_done = on_done, .on_progress = on_progress}};
  one->request.user = one;
  one->request.idle_timeout_ms = idle_ms;
  one->request.total_timeout_ms = 60000;
  source->ops->call(source, &one->request);
  assert_int_equal(one->done_count, 0); /* never from inside */
  return one;
}

static struct fl_mcp_limits limits;
static const char *policy;
static bool keeps_verdicts; /* what one client has found out about the era, the next one knows */

static void open_client(uint64_t seed, const struct fl_sim_program *program, const char *era) {
  if (!keeps_verdicts) fl_mcp_era_forget_all();
  world = fl_world_sim_create(seed);
  fl_world_sim_program(world, program);
  struct fl_mcp_client_options options = {
      .size = sizeof options, .name = "math", .argv = (const char *const[]){"peer", NULL}, .era = era};
  options.limits = limits;
  options.policy = policy;
  assert_int_equal(fl_mcp_client_create(world, &options, &source, NULL), 0);
  source->on_ready = on_ready;
  source->on_closed = on_closed;
  source->on_tools_changed = on_changed;
  source->on_log = on_log;
  ready_count = ready_status = closed_count = changed_count = 0;
  ready_error[0] = log_text[0] = '\0';
  source->ops->open(source);
  assert_int_equal(ready_count, 0);
}

static void run_for(int64_t ms) {
  assert_int_equal(fl_world_sim_run_until(world, fl_world_now_ms(world) + ms), FL_SIM_PAUSED);
}

static void close_client(void) {
  source->ops->close(source);
  source->ops->close(source);
  assert_int_equal(closed_count, 0);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(closed_count, 1);
  source->ops->destroy(source);
  fl_world_destroy(world);
}

/* ---- a good server: our own session as a peer; tools: echo (answers), slow (progress, then answers), never, die ----
 */

struct good {
  struct fl_mcp_server_core *core;
  struct fl_mcp_server_session *session;
  struct fl_mcp_server_effects effects;
  struct fl_lines lines;
  struct fl_sim_peer *peer;
};
static bool is_legacy, dies_of_probe;
static int start_count, cancelled_count, probe_count, call_count;
static char peer_policy[100], peer_home[100];

static void add_tool(struct fl_mcp_catalog *catalog, const char *name) {
  FL_VALUE_AUTO schema = fl_object();
  fl_set_string(schema, "type", "object");
  FL_VALUE_AUTO output = fl_object();
  fl_set_take(output, "required", fl_array());
  fl_append_take(fl_get(output, "required"), fl_string("x"));
  fl_set_string(output, "type", "object");
  bool promises = strcmp(name, "liar") == 0;
  struct fl_mcp_offered_tool tool = {.name = name, .input_schema = schema, .output_schema = promises ? output : NULL};
  fl_mcp_catalog_add(catalog, &tool, NULL);
}

static void good_start(struct fl_sim_peer *peer) {
  static const char *const names[] = {"echo", "slow", "never", "die", "liar"};
  struct good *good = fl_new(struct good);
  good->peer = peer;
  struct fl_mcp_identity identity = {.name = "good", .version = "1"};
  good->core = fl_mcp_server_core_create(&(struct fl_mcp_core_options){.identity = &identity, .page_size = 2});
  for (size_t i = 0; i < 5; i++) add_tool(fl_mcp_server_core_catalog(good->core), names[i]);
  good->session = fl_mcp_server_session_create(good->core, 0);
  fl_lines_init(&good->lines, 0);
  fl_sim_peer_set_user(peer, good);
  const char *lines = fl_sim_peer_policy(peer), *home = fl_sim_peer_env(peer, "HOME");
  snprintf(peer_policy, sizeof peer_policy, "%s", lines != NULL ? lines : "none");
  snprintf(peer_home, sizeof peer_home, "%s", home != NULL ? home : "none");
  start_count++;
}

static void good_flush(struct good *good, uint32_t delay_ms) {
  if (good->effects.out.size > 0) fl_sim_stdout(good->peer, delay_ms, fl_buf_slice(&good->effects.out));
  fl_buf_clear(&good->effects.out);
}

static void good_call(struct good *good, struct fl_mcp_served_call *call) {
  call_count++;
  FL_VALUE_AUTO result = NULL;
  const char *text = "{\"content\":[{\"type\":\"text\",\"text\":\"ok\"}],\"structuredContent\":{}}";
  fl_parse(text, strlen(text), &result, NULL);
  if (strcmp(call->name, "never") == 0) return;
  if (strcmp(call->name, "die") == 0) {
    fl_sim_die(good->peer, 0, SIGSEGV);
    return;
  }
  for (int i = 1; i <= 3 && strcmp(call->name, "slow") == 0; i++) {
    fl_mcp_server_call_progress(good->session, call, &(struct fl_rpc_progress){.done = i}, &good->effects);
    good_flush(good, 1500); /* together longer than the idle limit */
  }
  fl_mcp_server_call_done(good->session, call, result, &good->effects);
}

static int good_line(int status, fl_slice line, void *user) {
  struct good *good = user;
  if (memmem(line.data, line.size, "server/discover", 15) != NULL) {
    probe_count++;
    if (dies_of_probe) {
      fl_sim_exit(good->peer, 0, 1);
      return 1;
    }
    if (is_legacy) line = FL_SLICE("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no/such/method\"}");
  }
  fl_mcp_server_line(good->session, line, &good->effects);
  for (size_t i = 0; i < good->effects.count; i++) {
    if (good->effects.items[i].type == FL_MCP_START_CALL) good_call(good, good->effects.items[i].call);
    else if (good->effects.items[i].type == FL_MCP_CANCEL_CALL) cancelled_count++;
  }
  good->effects.count = 0;
  good_flush(good, 1);
  return 0;
}

static void good_stdin(struct fl_sim_peer *peer, fl_slice data) {
  struct good *good = fl_sim_peer_user(peer);
  fl_lines_feed(&good->lines, data, good_line, good);
}

static void good_gone(struct fl_sim_peer *peer) {
  struct good *good = fl_sim_peer_user(peer);
  fl_mcp_server_session_destroy(good->session);
  fl_mcp_server_effects_deinit(&good->effects);
  fl_mcp_server_core_destroy(good->core);
  fl_lines_deinit(&good->lines);
  fl_free(good);
}

static const struct fl_sim_program GOOD = {
    .name = "peer", .on_start = good_start, .on_stdin = good_stdin, .on_gone = good_gone};

static int reset(void **state) {
  fl_mcp_era_forget_all();
  is_legacy = dies_of_probe = false;
  idle_ms = 2000;
  start_count = cancelled_count = probe_count = call_count = 0;
  limits = (struct fl_mcp_limits){0};
  policy = NULL;
  return 0;
}

/* ---- good servers ---- */

static void both_eras_under_any_order_of_events(void **state) {
  for (uint64_t seed = 1; seed <= 100; seed++) {
    is_legacy = seed % 2 == 0;
    open_client(seed, &GOOD, NULL);
    fl_world_sim_set_jitter(world, 20);
    fl_world_sim_set_splits(world, true);
    run_for(1000);
    assert_int_equal(ready_count, 1);
    assert_int_equal(ready_status, 0);
    assert_int_equal(source->tool_count, 5);
    FL_VALUE_AUTO about = fl_mcp_client_describe(source);
    assert_string_equal(fl_get_string(about, "era", ""), is_legacy ? "legacy" : "modern");
    for (int i = 0; i < 10; i++) {
      idle_ms = i == 0 ? 2000 : 10000; /* a peer's outputs queue up behind its slow answer */
      ask(i, i == 0 ? "slow" : i % 3 == 1 ? "echo" : "never");
    }
    run_for(1);
    source->ops->cancel(source, &asked[2].request);
    run_for(60000);
    for (int i = 0; i < 10; i++) {
      assert_int_equal(asked[i].done_count, 1);
      assert_int_equal(asked[i].status, i == 2 ? FL_E_CANCELLED : i == 0 || i % 3 == 1 ? 0 : FL_E_TIMEOUT);
      assert_int_equal(asked[i].progress_count, i == 0 ? 3 : 0);
      assert_true(asked[i].sent);
    }
    close_client();
  }
}

static void pages_are_read_to_the_end(void **state) {
  open_client(1, &GOOD, NULL);
  run_for(1000);
  assert_int_equal(source->tool_count, 5); /* on three pages */
  assert_string_equal(source->tools[4].name, "liar");
  assert_non_null(source->tools[4].output_schema);
  close_client();
}

static void a_server_that_dies_of_the_probe_is_started_again(void **state) {
  is_legacy = dies_of_probe = true;
  open_client(1, &GOOD, NULL);
  run_for(2000);
  assert_int_equal(ready_status, 0);
  assert_int_equal(start_count, 2);
  assert_int_equal(probe_count, 1);
  close_client();
}

static void expect_era(const char *era, int probes, int starts) {
  start_count = probe_count = 0;
  open_client(1, &GOOD, NULL);
  run_for(2000);
  assert_int_equal(ready_status, 0);
  FL_VALUE_AUTO about = fl_mcp_client_describe(source);
  assert_string_equal(fl_get_string(about, "era", ""), era);
  assert_int_equal(probe_count, probes);
  assert_int_equal(start_count, starts);
  close_client();
}

static void what_one_connection_found_out_the_next_one_knows(void **state) {
  keeps_verdicts = true;
  is_legacy = dies_of_probe = true;
  expect_era("legacy", 1, 2);
  expect_era("legacy", 0, 1); /* not asked again, and so it need not die */
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
  open_client(1, &GOOD, "legacy");
  run_for(1000);
  assert_int_equal(ready_status, 0);
  assert_int_equal(probe_count, 0);
  close_client();
  is_legacy = true;
  open_client(1, &GOOD, "modern");
  run_for(5000);
  assert_int_equal(ready_count, 1);
  assert_int_equal(ready_status, FL_E_REMOTE);
  close_client();
}

static void a_cancel_reaches_the_server_before_the_caller_hears_of_it(void **state) {
  open_client(1, &GOOD, NULL);
  run_for(1000);
  ask(0, "never");
  run_for(10);
  source->ops->cancel(source, &asked[0].request);
  source->ops->cancel(source, &asked[0].request);
  assert_int_equal(asked[0].done_count, 0);
  run_for(10);
  assert_int_equal(asked[0].status, FL_E_CANCELLED);
  assert_int_equal(cancelled_count, 1);
  source->ops->cancel(source, &asked[0].request);
  close_client();
}

static void calls_in_flight_end_with_the_server_and_the_next_one_meets_a_new_server(void **state) {
  open_client(1, &GOOD, NULL);
  run_for(1000);
  ask(0, "never");
  run_for(10);
  ask(1, "die");
  run_for(10);
  ask(2, "echo"); /* while there is no server */
  assert_int_equal(asked[0].status, FL_E_CLOSED);
  assert_true(asked[0].sent);
  assert_string_equal(asked[1].error,
                      "math/die: the server was killed by signal 11 (Segmentation fault) during the call");
  run_for(1000);
  assert_int_equal(asked[2].status, 0);
  assert_int_equal(asked[2].done_count, 1);
  assert_int_equal(start_count, 2);
  assert_int_equal(changed_count, 0); /* its tools are the same */
  close_client();
}

static void a_result_that_breaks_its_schema_is_not_passed_on(void **state) {
  open_client(1, &GOOD, NULL);
  run_for(1000);
  ask(0, "liar");
  run_for(100);
  assert_int_equal(asked[0].status, FL_E_PROTOCOL);
  assert_non_null(strstr(asked[0].error, "math/liar: the structured result breaks the tool's output schema"));
  close_client();
}

static void limits_and_names_are_kept(void **state) {
  open_client(1, &GOOD, NULL);
  ask(0, "echo"); /* not open yet */
  run_for(1000);
  assert_int_equal(asked[0].status, FL_E_CLOSED);
  assert_false(asked[0].sent);
  ask(1, "nobody");
  asked[2] = (struct asked){.request = {.tool = "echo", .on_done = on_done, .user = &asked[2], .result_max = 10}};
  source->ops->call(source, &asked[2].request);
  run_for(100);
  assert_int_equal(asked[1].status, FL_E_NOT_FOUND);
  assert_string_equal(asked[1].error, "server math has no tool \"nobody\"");
  assert_int_equal(asked[2].status, FL_E_LIMIT);
  assert_true(asked[2].sent);
  close_client();
}

/* ---- what a manifest limits ---- */

static void one_call_more_than_may_be_at_a_time_waits(void **state) {
  limits.concurrent = 2;
  open_client(1, &GOOD, NULL);
  run_for(1000);
  idle_ms = 20000;
  ask(0, "never");
  for (int i = 1; i < 5; i++) ask(i, "echo");
  ask(5, "never");
  ask(6, "echo");
  ask(7, "echo");
  run_for(100); /* 0 keeps a place, the echoes take turns in the other, 5 keeps that */
  for (int i = 1; i < 5; i++) assert_int_equal(asked[i].status == 0 && asked[i].done_count == 1, 1);
  assert_int_equal(call_count, 6);
  assert_int_equal(asked[6].done_count + asked[7].done_count, 0);
  source->ops->cancel(source, &asked[6].request);
  source->ops->cancel(source, &asked[6].request);
  assert_int_equal(asked[6].done_count, 0); /* never from inside */
  run_for(100);
  assert_int_equal(asked[6].status, FL_E_CANCELLED);
  assert_false(asked[6].sent);
  assert_int_equal(cancelled_count, 0); /* the server has never heard of it */
  source->ops->cancel(source, &asked[0].request);
  run_for(100);
  assert_int_equal(asked[7].done_count, 1);
  assert_int_equal(asked[7].status, 0);
  assert_int_equal(call_count, 7);
  close_client();
  assert_int_equal(asked[5].done_count, 1);
}

static void calls_that_wait_end_with_the_client(void **state) {
  limits.concurrent = 1;
  for (uint64_t seed = 1; seed <= 30; seed++) {
    open_client(seed, &GOOD, NULL);
    fl_world_sim_set_jitter(world, 5);
    run_for(1000);
    ask(0, "never");
    for (int i = 1; i < 4; i++) ask(i, "echo");
    run_for((int64_t)seed);
    close_client();
    for (int i = 0; i < 4; i++) assert_int_equal(asked[i].done_count, 1);
    for (int i = 0; i < 4; i++) assert_int_equal(asked[i].status, FL_E_CLOSED);
  }
}

static void calls_that_wait_meet_the_next_server(void **state) {
  limits.concurrent = 1;
  open_client(1, &GOOD, NULL);
  run_for(1000);
  ask(0, "die");
  ask(1, "echo");
  ask(2, "echo");
  run_for(2000);
  assert_int_equal(asked[0].status, FL_E_CLOSED);
  assert_int_equal(asked[1].status, 0);
  assert_int_equal(asked[2].status, 0);
  assert_int_equal(start_count, 2);
  close_client();
}

static void calls_beyond_the_rate_are_refused(void **state) {
  limits.rate = 2;
  limits.rate_ms = 60000;
  open_client(1, &GOOD, NULL);
  run_for(1000);
  for (int i = 0; i < 3; i++) ask(i, "echo");
  run_for(1000);
  assert_int_equal(asked[1].status, 0);
  assert_int_equal(asked[2].status, FL_E_LIMIT);
  assert_false(asked[2].sent);
  assert_string_equal(asked[2].error,
                      "server math: its limit \"rate\" is 2 calls in 60 s; the next may be made in 60 s");
  ask(3, "nobody"); /* what does not leave takes no place */
  run_for(60000);
  ask(4, "echo");
  ask(5, "echo");
  run_for(100);
  assert_int_equal(asked[4].status, 0);
  assert_int_equal(asked[5].status, 0);
  close_client();
}

static void time_and_size_are_narrowed(void **state) {
  limits.call_ms = 500;
  limits.output = 20;
  limits.start_ms = 300;
  open_client(1, &GOOD, NULL);
  run_for(1000);
  ask(0, "never");
  run_for(499);
  assert_int_equal(asked[0].done_count, 0);
  run_for(10);
  assert_int_equal(asked[0].status, FL_E_TIMEOUT);
  ask(1, "echo");
  run_for(100);
  assert_int_equal(asked[1].status, FL_E_LIMIT);
  close_client();
}

static void a_sandbox_reaches_the_process(void **state) {
  setenv("HOME", "/home/canary", 1);
  open_client(1, &GOOD, NULL);
  run_for(1000);
  close_client();
  assert_string_equal(peer_policy, "none");
  assert_string_equal(peer_home, "/home/canary");
  policy = "sandbox 1\n";
  open_client(1, &GOOD, NULL);
  run_for(1000);
  close_client();
  assert_string_equal(peer_policy, "sandbox 1\n");
  assert_string_equal(peer_home, "none");
}

static void closing_ends_everything_once(void **state) {
  for (uint64_t seed = 1; seed <= 50; seed++) { /* at every stage of its life */
    open_client(seed, &GOOD, NULL);
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
    open_client(7, &program, NULL);
    run_for(60000);
    if (ready_count != 1 || ready_status != BAD[i].status || strcmp(ready_error, BAD[i].error) != 0)
      fail_msg("%s: %d times, %s: %s", BAD[i].what, ready_count, fl_error_word(ready_status), ready_error);
    source->ops->open(source); /* it may be tried again */
    run_for(60000);
    assert_int_equal(ready_count, 2);
    close_client();
  }
}

static void a_command_that_does_not_exist_is_named(void **state) {
  struct fl_sim_program program = {.name = "something-else"};
  open_client(7, &program, NULL);
  run_for(1000);
  assert_int_equal(ready_count, 1);
  assert_int_equal(ready_status, FL_E_NOT_FOUND);
  assert_non_null(strstr(ready_error, "server math: "));
  assert_non_null(strstr(ready_error, "peer"));
  close_client();
}

/* Good the first time, dead on arrival ever after. */
static void good_once(struct fl_sim_peer *peer) {
  good_start(peer);
  if (start_count > 1) fl_sim_exit(peer, 1, 7);
}

static void a_server_that_never_comes_back_is_given_up_and_tried_again_on_need(void **state) {
  struct fl_sim_program program = GOOD;
  program.on_start = good_once;
  open_client(3, &program, NULL);
  run_for(1000);
  assert_int_equal(ready_status, 0);
  ask(0, "die");
  run_for(10);
  asked[1] =
      (struct asked){.request = {.tool = "echo", .on_done = on_done, .user = &asked[1], .idle_timeout_ms = 600000}};
  source->ops->call(source, &asked[1].request);
  run_for(120000);
  assert_int_equal(asked[1].status, FL_E_CLOSED);
  assert_false(asked[1].sent);
  assert_non_null(strstr(asked[1].error, "exited with status 7 before it was ready"));
  int before = start_count;
  assert_int_equal(before, 1 + 5);
  run_for(600000);
  assert_int_equal(start_count, before); /* nobody needs it */
  ask(2, "echo");
  run_for(1000);
  assert_int_equal(start_count, before + 1);
  assert_int_equal(asked[2].status, FL_E_CLOSED);
  close_client();
}

static void standard_error_is_logged_and_kept(void **state) {
  struct fl_sim_program program = {.name = "peer", .on_start = exits_at_once};
  open_client(7, &program, NULL);
  run_for(1000);
  assert_non_null(strstr(log_text, "info: cannot find the answer\ninfo: in config.json\n"));
  close_client();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(both_eras_under_any_order_of_events, reset),
      cmocka_unit_test_setup(pages_are_read_to_the_end, reset),
      cmocka_unit_test_setup(a_server_that_dies_of_the_probe_is_started_again, reset),
      cmocka_unit_test_setup(what_one_connection_found_out_the_next_one_knows, reset),
      cmocka_unit_test_setup(a_verdict_holds_for_its_origin_and_its_time, reset),
      cmocka_unit_test_setup(who_insists_on_an_era_gets_that_one_only, reset),
      cmocka_unit_test_setup(a_cancel_reaches_the_server_before_the_caller_hears_of_it, reset),
      cmocka_unit_test_setup(calls_in_flight_end_with_the_server_and_the_next_one_meets_a_new_server, reset),
      cmocka_unit_test_setup(a_result_that_breaks_its_schema_is_not_passed_on, reset),
      cmocka_unit_test_setup(limits_and_names_are_kept, reset),
      cmocka_unit_test_setup(one_call_more_than_may_be_at_a_time_waits, reset),
      cmocka_unit_test_setup(calls_that_wait_end_with_the_client, reset),
      cmocka_unit_test_setup(calls_that_wait_meet_the_next_server, reset),
      cmocka_unit_test_setup(calls_beyond_the_rate_are_refused, reset),
      cmocka_unit_test_setup(time_and_size_are_narrowed, reset),
      cmocka_unit_test_setup(a_sandbox_reaches_the_process, reset),
      cmocka_unit_test_setup(closing_ends_everything_once, reset),
      cmocka_unit_test_setup(bad_servers_are_told_from_good_ones, reset),
      cmocka_unit_test_setup(a_command_that_does_not_exist_is_named, reset),
      cmocka_unit_test_setup(a_server_that_never_comes_back_is_given_up_and_tried_again_on_need, reset),
      cmocka_unit_test_setup(standard_error_is_logged_and_kept, reset),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
