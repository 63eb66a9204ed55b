/* SPDX-License-Identifier: MIT */
/* A server's session: any bytes as its input, in two cuts (the first byte says where); calls end in an order that the
 * bytes choose. What goes out is always whole lines of JSON, and every request gets at most one reply. */
#include "mcp/proto/server_session.h"
#include "runtime/base/check.h"
#include "runtime/json/json.h"
#include "runtime/wire/lines.h"

enum { CALLS = 64 };

struct run {
  struct fl_mcp_server_session *session;
  struct fl_mcp_server_effects effects;
  struct fl_mcp_served_call *calls[CALLS];
  size_t call_count;
  struct fl_value *result;
};

static void check_out(struct run *run) {
  fl_slice rest = fl_buf_slice(&run->effects.out);
  while (rest.size > 0) {
    const char *end = memchr(rest.data, '\n', rest.size);
    fl_check(end != NULL);
    size_t size = (size_t)(end - rest.data);
    struct fl_value *value = NULL;
    fl_check(fl_json_read(fl_slice_n(rest.data, size), FL_JSON_STRICT, &value, NULL) == 0);
    fl_check(fl_get(value, "method") != NULL || (fl_get(value, "result") != NULL) != (fl_get(value, "error") != NULL));
    fl_value_unref(value);
    rest = fl_slice_n(end + 1, rest.size - size - 1);
  }
}

static void end_call(struct run *run, size_t index) {
  fl_mcp_server_call_progress(run->session, run->calls[index], &(struct fl_rpc_progress){.done = 1, .message = "\xff"},
                              &run->effects);
  fl_mcp_server_call_log(run->session, run->calls[index], "error", "text", &run->effects);
  fl_mcp_server_call_done(run->session, run->calls[index], run->result, &run->effects);
  run->calls[index] = run->calls[--run->call_count];
}

static void perform(struct run *run, size_t seed) {
  size_t count = run->effects.count;
  for (size_t i = 0; i < count; i++) {
    if (run->effects.items[i].type != FL_MCP_START_CALL) continue;
    if (run->call_count == CALLS) end_call(run, seed % CALLS);
    run->calls[run->call_count++] = run->effects.items[i].call;
  }
  if (run->call_count > 0 && seed % 3 == 0) end_call(run, seed % run->call_count);
  check_out(run);
  fl_mcp_server_effects_clear(&run->effects);
}

static int on_line(int status, fl_slice line, void *user) {
  struct run *run = user;
  if (status == 0) fl_mcp_server_line(run->session, line, &run->effects);
  else fl_mcp_server_line_too_long(run->session, line, &run->effects);
  perform(run, line.size);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  size_t cut = data[0] * size / 256;
  fl_slice input = fl_slice_n((const char *)data + 1, size - 1);
  if (cut > input.size) cut = input.size;
  struct fl_mcp_catalog catalog;
  struct run run = {.result = fl_object()};
  struct fl_lines lines;
  fl_set_take(run.result, "content", fl_array());
  fl_set_take(run.result, "structuredContent", fl_object());
  fl_mcp_catalog_init(&catalog, &(struct fl_mcp_identity){.name = "fuzz", .version = "1", .lists_change = true}, 1);
  FL_VALUE_AUTO schema = fl_object();
  fl_mcp_catalog_add(&catalog, &(struct fl_mcp_offered_tool){.name = "echo", .input_schema = schema}, NULL);
  fl_mcp_catalog_add(&catalog, &(struct fl_mcp_offered_tool){.name = "other", .input_schema = schema}, NULL);
  run.session = fl_mcp_server_session_create(&catalog);
  fl_lines_init(&lines, 4096);
  fl_lines_feed(&lines, fl_slice_n(input.data, cut), on_line, &run);
  fl_lines_feed(&lines, fl_slice_n(input.data + cut, input.size - cut), on_line, &run);
  fl_lines_end(&lines, on_line, &run);
  fl_lines_deinit(&lines);
  fl_mcp_server_session_destroy(run.session);
  fl_mcp_server_effects_deinit(&run.effects);
  fl_mcp_catalog_deinit(&catalog);
  fl_value_unref(run.result);
  return 0;
}
