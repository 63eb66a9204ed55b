/* SPDX-License-Identifier: MIT */
/* A client's session: any bytes as what the server writes. Lines that begin with a control byte are events of the world
 * instead: 1 the process ends and the next one starts, 2 time goes on, 3 a call, 4 a cancel, 5 a question is answered
 * or refused, 6 a request is lost, 7 a list with all its pages, 8 a resource is followed or no longer. Once as over a
 * process and once as over HTTP. Every call is done exactly once, every question is open at most once, and what goes
 * out is whole lines of JSON. */
#include "mcp/proto/client_session.h"
#include "runtime/base/check.h"
#include "runtime/json/json.h"
#include "runtime/wire/lines.h"

#include <stdlib.h>

enum { CALLS = 32, ASKS = 4096 };

struct run {
  struct fl_mcp_client_session *session;
  struct fl_mcp_client_effects effects;
  struct fl_mcp_client_call *calls[CALLS]; /* NULL: none, or done */
  int64_t now_ms;
  bool is_up;
  bool asks[ASKS]; /* open */
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
    const struct fl_mcp_client_report *report = &run->effects.reports[i];
    bool asks = report->type == FL_MCP_CLIENT_ASK;
    if (asks || report->type == FL_MCP_CLIENT_ASK_GONE) {
      bool *open = &run->asks[report->ask_id % ASKS];
      fl_check(report->ask_id >= ASKS || *open != asks);
      *open = asks;
    }
    if (report->type != FL_MCP_CLIENT_CALL_DONE) continue;
    struct fl_mcp_client_call **slot = report->call_user;
    fl_check(*slot != NULL);
    *slot = NULL;
  }
  fl_mcp_client_effects_clear(&run->effects);
}

static void call(struct run *run, size_t index, bool lists) {
  struct fl_mcp_client_call **slot = &run->calls[index % CALLS];
  if (*slot != NULL) return;
  struct fl_mcp_client_call_options options = {
      .tool = "t", .idle_timeout_ms = 50, .total_timeout_ms = 200, .result_max = 1000, .user = slot};
  if (lists) {
    options.method = index % 2 == 0 ? "resources/list" : "prompts/list";
    options.reads_all = index % 3 != 0;
  }
  *slot = fl_mcp_client_call(run->session, run->now_ms, &options, &run->effects);
}

/* The answer, or a refusal; of any question, open or not. */
static void answer(struct run *run, size_t argument) {
  FL_VALUE_AUTO result = argument % 5 == 0 ? NULL : fl_object();
  if (result != NULL) fl_set_string(result, "action", argument % 2 == 0 ? "accept" : "decline");
  run->asks[argument % ASKS] = false;
  fl_mcp_client_answer(run->session, run->now_ms, (int64_t)argument, result, &run->effects);
}

static void lose(struct run *run, size_t argument) {
  static const int statuses[] = {0, 200, 400, 404, 500};
  struct fl_mcp_client_loss loss = {.id = (int64_t)(argument / 4),
                                    .status = FL_E_NETWORK,
                                    .http_status = statuses[argument % 5],
                                    .text = "lost",
                                    .sent = argument % 2 == 0,
                                    .is_session_unknown = argument % 4 == 3};
  fl_mcp_client_lost(run->session, run->now_ms, &loss, &run->effects);
}

static bool more_events(struct run *run, char kind, size_t argument) {
  if (kind == 5) answer(run, argument);
  else if (kind == 6) lose(run, argument);
  else if (kind == 7) call(run, argument, true);
  else if (kind == 8)
    fl_mcp_client_subscribe(run->session, argument % 4 < 2 ? "x:1" : "x:2", argument % 2 == 0, &run->effects);
  else return false;
  return true;
}

static int on_line(int status, fl_slice line, void *user) {
  struct run *run = user;
  size_t argument = line.size > 1 ? (unsigned char)line.data[1] : 0;
  char kind = line.size > 0 ? line.data[0] : 0;
  if (status != 0) fl_mcp_client_line_too_long(run->session, line, &run->effects);
  else if (kind == 1) restart(run);
  else if (kind == 2) fl_mcp_client_time(run->session, run->now_ms += (int64_t)argument * 100, &run->effects);
  else if (kind == 3) call(run, argument, false);
  else if (kind == 4 && run->calls[argument % CALLS] != NULL)
    fl_mcp_client_cancel(run->session, run->calls[argument % CALLS], "x", &run->effects);
  else if (!more_events(run, kind, argument))
    fl_mcp_client_message(run->session, run->now_ms, (int64_t)(line.size % 8), line, &run->effects);
  fl_check(fl_mcp_client_deadline_ms(run->session) >= -1);
  drain(run);
  return 0;
}

static void play(fl_slice input, bool is_http) {
  static const char can[] = "{\"elicitation\":{\"form\":{},\"url\":{}},\"sampling\":{},\"roots\":{},\"extensions\":{"
                            "\"io.modelcontextprotocol/tasks\":{}}}";
  struct run *run = calloc(1, sizeof *run);
  struct fl_lines lines;
  FL_VALUE_AUTO capabilities = NULL;
  fl_check(fl_parse(can, sizeof can - 1, &capabilities, NULL) == 0);
  struct fl_mcp_client_config config = {.server_name = "fuzz",
                                        .client_version = "1",
                                        .start_timeout_ms = 10000,
                                        .capabilities = capabilities,
                                        .is_http = is_http};
  run->session = fl_mcp_client_session_create(&config);
  fl_lines_init(&lines, 4096);
  restart(run);
  drain(run);
  fl_lines_feed(&lines, input, on_line, run);
  fl_lines_end(&lines, on_line, run);
  fl_mcp_client_exited(run->session, "ended", &run->effects);
  fl_mcp_client_given_up(run->session, "it is over", &run->effects);
  drain(run);
  for (size_t i = 0; i < CALLS; i++) fl_check(run->calls[i] == NULL);
  fl_check(fl_mcp_client_waiting(run->session) == 0);
  fl_lines_deinit(&lines);
  fl_mcp_client_session_destroy(run->session);
  fl_mcp_client_effects_deinit(&run->effects);
  free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  play(fl_slice_n((const char *)data, size), false);
  play(fl_slice_n((const char *)data, size), true);
  return 0;
}
