/* SPDX-License-Identifier: MIT */
#include "mcp/era_cache.h"
#include "http_rig.h"

#include <stdio.h>
#include <stdlib.h>

struct fl_world *world;
struct fl_tool_source *source;
struct peer peer;

/* ---- the caller ---- */

struct asked asked[CALLS_MAX];
int ready_count, ready_status, closed_count, changed_count;
char ready_error[FL_ERROR_TEXT_MAX];

static void on_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                    const struct fl_error *err) {
  struct asked *one = request->user;
  one->done_count++;
  one->status = status;
  one->sent = sent;
  snprintf(one->text, sizeof one->text, "%s", fl_get_string(fl_at(fl_get(result, "content"), 0), "text", ""));
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

struct asked *ask(int index, const char *tool) {
  struct asked *one = &asked[index];
  fl_value_unref(one->args);
  *one = (struct asked){.args = fl_object()};
  fl_set_string(one->args, "text", "hello");
  one->request = (struct fl_tool_request){.tool = tool,
                                          .args = one->args,
                                          .idle_timeout_ms = 5000,
                                          .total_timeout_ms = 60000,
                                          .on_done = on_done,
                                          .on_progress = on_progress,
                                          .user = one};
  source->ops->call(source, &one->request);
  assert_int_equal(one->done_count, 0); /* never from inside */
  return one;
}

void open_with(uint64_t seed, const struct fl_mcp_client_options *given) {
  static const char *const own[] = {"Authorization: Bearer x", NULL}; /* so it looks for no token elsewhere */
  struct fl_mcp_client_options options = *given;
  options.size = sizeof options;
  options.name = "web";
  if (options.url != NULL) options.headers = own;
  fl_mcp_era_forget_all();
  world = fl_world_sim_create(seed);
  peer_install(&peer, world);
  assert_int_equal(fl_mcp_client_create(world, &options, &source, NULL), 0);
  source->on_ready = on_ready;
  source->on_closed = on_closed;
  source->on_tools_changed = on_changed;
  ready_count = ready_status = closed_count = changed_count = 0;
  ready_error[0] = '\0';
  source->ops->open(source);
  assert_int_equal(ready_count, 0);
}

void open_client(uint64_t seed) { open_with(seed, &(struct fl_mcp_client_options){.url = "http://mcp.test/mcp"}); }

void run_for(int64_t ms) {
  assert_int_equal(fl_world_sim_run_until(world, fl_world_now_ms(world) + ms), FL_SIM_PAUSED);
}

void open_ready(uint64_t seed) {
  open_client(seed);
  run_for(1000);
  if (ready_count != 1 || ready_status != 0) fail_msg("not ready: %s", ready_error);
}

void close_client(void) {
  source->ops->close(source);
  assert_int_equal(closed_count, 0);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(closed_count, 1);
  source->ops->destroy(source);
  fl_world_destroy(world);
  for (size_t i = 0; i < CALLS_MAX; i++) {
    fl_value_unref(asked[i].args);
    asked[i].args = NULL;
  }
}

int reset(void **state) {
  peer = (struct peer){.is_modern = true, .get_status = 405};
  return 0;
}

void be_legacy(void) { peer = (struct peer){.is_legacy = true, .has_session = true, .get_status = 200}; }
