/* SPDX-License-Identifier: MIT */
/* A client's session: any bytes as what the server writes. Lines that begin with a control byte are events of the world
 * instead: 1 the process ends and the next one starts, 2 time goes on, 3 a call, 4 a cancel. Every call is done exactly
 * once, and what goes out is whole lines of JSON. */
#include "mcp/proto/client_session.h"
#include "runtime/base/check.h"
#include "runtime/json/json.h"
#include "runtime/wire/lines.h"

enum { CALLS = 32 };

struct run {
  struct fl_mcp_client_session *session;
  struct fl_mcp_client_effects effects;
  struct fl_mcp_client_call *calls[CALLS]; /* NULL: none, or done */
  int64_t now_ms;
  bool is_up;
};

static void check_out(struct run *run) {
  fl_slice rest = fl_buf_slice(&run->effects.out);
  while (rest.size > 0) {
    const char *end = memchr(rest.data, '\n', rest.size);
    fl_check(end != NULL);
    size_t size = (size_t)(end - rest.data);
    struct fl_value *value = NULL;
    fl_check(fl_json_read(fl_slice_n(rest.data, size), FL_JSON_STRICT, &value, NULL) == 0);
    fl_value_unref(value);
    rest = fl_slice_n(end + 1, rest.size - size - 1);
  }
}

static void restart(struct run *run) {
  if (run->is_up) fl_mcp_client_exited(run->session, "ended", &run->effects);
  fl_mcp_client_started(run->session, run->now_ms, &run->effects);
  run->is_up = true;
}

static void drain(struct run *run) {
  check_out(run);
  for (size_t i = 0; i < run->effects.count; i++) {
    if (run->effects.reports[i].type != FL_MCP_CLIENT_CALL_DONE) continue;
    struct fl_mcp_client_call **slot = run->effects.reports[i].call_user;
    fl_check(*slot != NULL);
    *slot = NULL;
  }
  fl_mcp_client_effects_clear(&run->effects);
}

static void call(struct run *run, size_t index) {
  struct fl_mcp_client_call **slot = &run->calls[index % CALLS];
  if (*slot != NULL) return;
  struct fl_mcp_client_call_options options = {
      .tool = "t", .idle_timeout_ms = 50, .total_timeout_ms = 200, .result_max = 1000, .user = slot};
  *slot = fl_mcp_client_call(run->session, run->now_ms, &options, &run->effects);
}

static int on_line(int status, fl_slice line, void *user) {
  struct run *run = user;
  size_t argument = line.size > 1 ? (unsigned char)line.data[1] : 0;
  char kind = line.size > 0 ? line.data[0] : 0;
  if (status != 0) fl_mcp_client_line_too_long(run->session, line, &run->effects);
  else if (kind == 1) restart(run);
  else if (kind == 2) fl_mcp_client_time(run->session, run->now_ms += (int64_t)argument * 100, &run->effects);
  else if (kind == 3) call(run, argument);
  else if (kind == 4 && run->calls[argument % CALLS] != NULL)
    fl_mcp_client_cancel(run->session, run->calls[argument % CALLS], "x", &run->effects);
  else fl_mcp_client_line(run->session, run->now_ms, line, &run->effects);
  fl_check(fl_mcp_client_deadline_ms(run->session) >= -1);
  drain(run);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct run run = {0};
  struct fl_lines lines;
  struct fl_mcp_client_config config = {.server_name = "fuzz", .client_version = "1", .start_timeout_ms = 10000};
  run.session = fl_mcp_client_session_create(&config);
  fl_lines_init(&lines, 4096);
  restart(&run);
  drain(&run);
  fl_lines_feed(&lines, fl_slice_n((const char *)data, size), on_line, &run);
  fl_lines_end(&lines, on_line, &run);
  fl_mcp_client_exited(run.session, "ended", &run.effects);
  fl_mcp_client_given_up(run.session, "it is over", &run.effects);
  drain(&run);
  for (size_t i = 0; i < CALLS; i++) fl_check(run.calls[i] == NULL);
  fl_check(fl_mcp_client_waiting(run.session) == 0);
  fl_lines_deinit(&lines);
  fl_mcp_client_session_destroy(run.session);
  fl_mcp_client_effects_deinit(&run.effects);
  return 0;
}
