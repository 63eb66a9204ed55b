/* SPDX-License-Identifier: MIT */
#include "tests/unit/mcp/client_rig.h"

#include "mcp/era_cache.h"
#include "mcp/proto/server_session.h"
#include "runtime/base/mem.h"
#include "runtime/wire/lines.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct fl_world *client_world;
struct fl_tool_source *client_source;

/* ---- the caller ---- */

struct client_asked client_asked[CALLS_MAX];
uint32_t idle_ms;
int client_ready_count, client_ready_status, client_closed_count, client_changed_count;
char client_ready_error[FL_ERROR_TEXT_MAX], log_text[20000];

void client_rig_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                     const struct fl_error *err) {
  struct client_asked *one = request->user;
  one->done_count++;
  one->status = status;
  one->sent = sent;
  char *text = fl_dump(result, NULL);
  snprintf(one->text, sizeof one->text, "%s", text);
  fl_text_free(text);
  if (err != NULL) snprintf(one->error, sizeof one->error, "%s", err->text);
}

static void on_progress(struct fl_tool_request *request, double done, double total, const char *message) {
  ((struct client_asked *)request->user)->progress_count++;
}

static void on_ready(struct fl_tool_source *from, int status, const struct fl_error *err) {
  client_ready_count++;
  client_ready_status = status;
  if (err != NULL) snprintf(client_ready_error, sizeof client_ready_error, "%s", err->text);
}
static void on_closed(struct fl_tool_source *from) { client_closed_count++; }
static void on_changed(struct fl_tool_source *from) { client_changed_count++; }
static void on_log(struct fl_tool_source *from, const char *level, const char *text) {
  size_t used = strlen(log_text);
  snprintf(log_text + used, sizeof log_text - used, "%s: %s\n", level, text);
}

struct client_asked *client_ask(int index, const char *tool) {
  struct client_asked *one = &client_asked[index];
  *one = (struct client_asked){.request = {.tool = tool, .on_done = client_rig_done, .on_progress = on_progress}};
  one->request.user = one;
  one->request.idle_timeout_ms = idle_ms;
  one->request.total_timeout_ms = 60000;
  client_source->ops->call(client_source, &one->request);
  assert_int_equal(one->done_count, 0); /* never from inside */
  return one;
}

struct fl_mcp_limits limits;
const char *policy;
bool keeps_verdicts;

void client_open(uint64_t seed, const struct fl_sim_program *program, const char *era) {
  if (!keeps_verdicts) fl_mcp_era_forget_all();
  client_world = fl_world_sim_create(seed);
  fl_world_sim_program(client_world, program);
  struct fl_mcp_client_options options = {
      .size = sizeof options, .name = "math", .argv = (const char *const[]){"peer", NULL}, .era = era};
  options.limits = limits;
  options.policy = policy;
  assert_int_equal(fl_mcp_client_create(client_world, &options, &client_source, NULL), 0);
  client_source->on_ready = on_ready;
  client_source->on_closed = on_closed;
  client_source->on_tools_changed = on_changed;
  client_source->on_log = on_log;
  client_ready_count = client_ready_status = client_closed_count = client_changed_count = 0;
  client_ready_error[0] = log_text[0] = '\0';
  client_source->ops->open(client_source);
  assert_int_equal(client_ready_count, 0);
}

void client_run_for(int64_t ms) {
  assert_int_equal(fl_world_sim_run_until(client_world, fl_world_now_ms(client_world) + ms), FL_SIM_PAUSED);
}

void client_close(void) {
  client_source->ops->close(client_source);
  client_source->ops->close(client_source);
  assert_int_equal(client_closed_count, 0);
  assert_int_equal(fl_world_sim_run(client_world), FL_SIM_IDLE);
  assert_int_equal(client_closed_count, 1);
  client_source->ops->destroy(client_source);
  fl_world_destroy(client_world);
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
bool is_legacy, dies_of_probe;
int start_count, cancelled_count, probe_count, call_count;
char peer_policy[100], peer_home[100];

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

void good_start(struct fl_sim_peer *peer) {
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

void good_stdin(struct fl_sim_peer *peer, fl_slice data) {
  struct good *good = fl_sim_peer_user(peer);
  fl_lines_feed(&good->lines, data, good_line, good);
}

void good_gone(struct fl_sim_peer *peer) {
  struct good *good = fl_sim_peer_user(peer);
  fl_mcp_server_session_destroy(good->session);
  fl_mcp_server_effects_deinit(&good->effects);
  fl_mcp_server_core_destroy(good->core);
  fl_lines_deinit(&good->lines);
  fl_free(good);
}

const struct fl_sim_program GOOD = {
    .name = "peer", .on_start = good_start, .on_stdin = good_stdin, .on_gone = good_gone};

int reset_client(void **state) {
  fl_mcp_era_forget_all();
  is_legacy = dies_of_probe = false;
  idle_ms = 2000;
  start_count = cancelled_count = probe_count = call_count = 0;
  limits = (struct fl_mcp_limits){0};
  policy = NULL;
  return 0;
}
