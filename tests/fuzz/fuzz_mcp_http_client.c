/* SPDX-License-Identifier: MIT */
/* A client over HTTP: any bytes as what the server answers. The input is cut into answers, one for each request in the
 * order in which they come: a byte for the status, one for type and end, two for the size, then the body. Two calls are
 * made; each is done exactly once, and the client closes whatever happens. */
#include "mcp/client_source.h"
#include "runtime/base/check.h"
#include "runtime/io/world_sim.h"

#include <stdio.h>

enum { CALLS = 2, RUN_MS = 200 * 1000 };

struct run {
  struct fl_world *world;
  struct fl_tool_source *source;
  struct fl_tool_request calls[CALLS];
  struct fl_value *args;
  int done_count[CALLS], ready_count, closed_count;
  const uint8_t *data;
  size_t size;
};

static uint8_t take_byte(struct run *run) {
  if (run->size == 0) return 0;
  run->size--;
  return *run->data++;
}

/* What begins with "@" is sent as the answer to the request: its id is put in the place of the mark. */
static void send_body(struct fl_sim_exchange *exchange, fl_slice body) {
  const char *mark = body.size > 0 ? memchr(body.data, '@', body.size) : NULL;
  fl_slice request = fl_sim_request_body(exchange);
  const char *id = request.size > 0 ? memmem(request.data, request.size, "\"id\":", 5) : NULL;
  if (mark == NULL || id == NULL) {
    fl_sim_body(exchange, 0, body);
    return;
  }
  id += 5;
  fl_sim_body(exchange, 0, fl_slice_n(body.data, (size_t)(mark - body.data)));
  fl_sim_body(exchange, 0, fl_slice_n(id, strspn(id, "0123456789")));
  fl_sim_body(exchange, 0, fl_slice_n(mark + 1, (size_t)(body.data + body.size - mark - 1)));
}

static void on_request(struct fl_sim_exchange *exchange) {
  static const int statuses[] = {200, 202, 400, 404, 405, 401, 500, 307};
  static const char *const types[] = {"Content-Type: application/json", "Content-Type: text/event-stream",
                                      "Content-Type: text/html", "Location: /elsewhere"};
  struct run *run = fl_sim_exchange_user(exchange);
  bool is_over = run->size == 0;
  int status = is_over ? 503 : statuses[take_byte(run) % 8];
  uint8_t kind = take_byte(run);
  size_t size = take_byte(run);
  size += (size_t)take_byte(run) << 8;
  if (size > run->size) size = run->size;
  fl_sim_respond(exchange, kind & 16 ? 300 : 0, status,
                 (const char *const[]){types[kind & 3], kind & 32 ? "Mcp-Session-Id: s" : "X: y", NULL});
  send_body(exchange, fl_slice_n((const char *)run->data, size));
  run->data += size;
  run->size -= size;
  if (is_over || (kind & 12) < 8) fl_sim_finish(exchange, kind & 64 ? 100 : 0);
  else if ((kind & 12) == 8) fl_sim_fail(exchange, 0, FL_E_TRUNCATED, "cut");
}

static void on_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                    const struct fl_error *err) {
  struct run *run = request->user;
  fl_check((status == 0) == (result != NULL) && (status == 0) == (err == NULL));
  run->done_count[request - run->calls]++;
}

static void on_ready(struct fl_tool_source *source, int status, const struct fl_error *err) {
  struct run *run = source->user;
  run->ready_count++;
  for (size_t i = 0; status == 0 && i < CALLS; i++) {
    run->calls[i] = (struct fl_tool_request){.tool = "t", .args = run->args, .on_done = on_done, .user = run};
    source->ops->call(source, &run->calls[i]);
  }
}

static void on_closed(struct fl_tool_source *source) { ((struct run *)source->user)->closed_count++; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct run run = {.data = data, .size = size, .args = fl_object()};
  struct fl_sim_server server = {.url_prefix = "http://fuzz.test/", .on_request = on_request, .user = &run};
  /* What it would be authorized with stays out of this: it has one header of its own. */
  struct fl_mcp_client_options options = {.size = sizeof options,
                                          .name = "fuzz",
                                          .url = "http://fuzz.test/mcp",
                                          .headers = (const char *const[]){"Authorization: Bearer x", NULL}};
  run.world = fl_world_sim_create(1);
  fl_world_sim_server(run.world, &server);
  fl_check(fl_mcp_client_create(run.world, &options, &run.source, NULL) == 0);
  run.source->on_ready = on_ready;
  run.source->on_closed = on_closed;
  run.source->user = &run;
  run.source->ops->open(run.source);
  fl_world_sim_run_until(run.world, RUN_MS);
  run.source->ops->close(run.source);
  fl_check(fl_world_sim_run(run.world) == FL_SIM_IDLE);
  fl_check(run.ready_count == 1 && run.closed_count == 1);
  for (size_t i = 0; i < CALLS; i++) fl_check(run.done_count[i] == (run.calls[i].user != NULL));
  run.source->ops->destroy(run.source);
  fl_world_destroy(run.world);
  fl_value_unref(run.args);
  return 0;
}
