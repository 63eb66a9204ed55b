/* SPDX-License-Identifier: MIT */
/* The client's side of the protocol, as scripts (in client/). Events beside lines:
 *   @ guess modern|legacy      others found that out about the server (ahead of a start)
 *   @ era modern|legacy        insist (first line of a script)     @ start                a process is there
 *   @ exit HOW                 it is gone                          @ give-up WHY          no other comes
 *   @ time MS                  the clock stands at MS              @ too-long FRONT
 *   @ call KEY TOOL ARGS [ID]  idle 1000 ms, total 5000 ms         @ cancel KEY
 *   @ pausable KEY TOOL ARGS   the same; a question ends it        @ go-on KEY TOOL ARGS PAUSE ANSWERS
 *   @ deadline                 asks for it                         @ describe
 *   @ request KEY METHOD PARAMS [all]                              @ can CAPABILITIES (before start)
 *   @ answer NUMBER RESULT     (null: refused)                     @ follow URI      @ unfollow URI    @ roots
 * Over HTTP (after "@ http"):
 *   @ reply ID MESSAGE         in answer to request ID             @ lost ID WORD HTTP-STATUS sent|unsent|forgotten
 * TEXT Effects: "! ready NAMES", "! changed NAMES", "! failed WORD TEXT", "! respawn", "! log LEVEL TEXT", "! deadline
 * MS",
 *   "! done KEY RESULT", "! paused KEY PAUSE", "! done KEY WORD sent|unsent TEXT", "! progress KEY DONE TOTAL TEXT", "!
 * ask NUMBER METHOD PARAMS", "! gone NUMBER", "! told WHAT has changed"; over HTTP "! close ID" and, ahead of a line
 * with headers, "! name TEXT", "! header NAME TEXT". */
#include "mcp/proto/client_session.h"
#include "script.h"
#include "tests/support/support.h"
#include "wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 26, IDLE_MS = 1000, TOTAL_MS = 5000, START_MS = 20000, RESULT_MAX = 500 };

static bool has_schemas;
static size_t checked_count;

struct fixture {
  struct wire wire;
  struct fl_mcp_client_config config;
  struct fl_mcp_client_session *session;
  struct fl_mcp_client_effects effects;
  struct fl_mcp_client_call *calls[KEYS];
  char keys[KEYS];
  int64_t now_ms;
  struct fl_value *capabilities;
};

static void names(const struct fixture *fixture, char *ret_text, size_t size) {
  const struct fl_value *tools = fl_mcp_client_tools(fixture->session);
  ret_text[0] = '\0';
  for (size_t i = 0; i < fl_size(tools); i++) {
    size_t used = strlen(ret_text);
    snprintf(ret_text + used, size - used, " %s", fl_get_string(fl_at(tools, i), "name", "?"));
  }
}

static void report_call(struct script *script, const struct fl_mcp_client_report *report) {
  char key = *(char *)report->call_user;
  if (report->type == FL_MCP_CLIENT_CALL_PROGRESS) {
    script_output(script, '!', "progress %c %g %g %s", key, report->progress.done, report->progress.total,
                  report->text != NULL ? report->text : "");
  } else if (report->status != 0) {
    script_output(script, '!', "done %c %s %s %s", key, fl_error_word(report->status), report->sent ? "sent" : "unsent",
                  report->text);
  } else {
    char *text = fl_dump(report->pause != NULL ? report->pause : report->result, NULL);
    script_output(script, '!', "%s %c %s", report->pause != NULL ? "paused" : "done", key, text);
    fl_text_free(text);
  }
}

static void report_one(struct script *script, struct fixture *fixture, const struct fl_mcp_client_report *report) {
  char list[1000];
  names(fixture, list, sizeof list);
  switch (report->type) {
  case FL_MCP_CLIENT_READY: script_output(script, '!', "ready%s", list); return;
  case FL_MCP_CLIENT_TOOLS_CHANGED: script_output(script, '!', "changed%s", list); return;
  case FL_MCP_CLIENT_FAILED:
    script_output(script, '!', "failed %s %s", fl_error_word(report->status), report->text);
    return;
  case FL_MCP_CLIENT_RESPAWN: script_output(script, '!', "respawn"); return;
  case FL_MCP_CLIENT_LOG: script_output(script, '!', "log %s %s", report->level, report->text); return;
  case FL_MCP_CLIENT_CALL_DONE:
  case FL_MCP_CLIENT_CALL_PROGRESS: report_call(script, report); return;
  case FL_MCP_CLIENT_CHANGED: script_output(script, '!', "told %s has changed", report->text); return;
  case FL_MCP_CLIENT_ASK_GONE: script_output(script, '!', "gone %" PRId64, report->ask_id); return;
  case FL_MCP_CLIENT_ASK: {
    char *text = fl_dump(report->params, NULL);
    script_output(script, '!', "ask %" PRId64 " %s %s", report->ask_id, report->text, text);
    fl_text_free(text);
    return;
  }
  }
}

/* What an HTTP transport does with what goes out. */
static void report_outgoing(struct script *script, const struct fixture *fixture) {
  for (size_t i = 0; fixture->config.is_http && i < fixture->effects.outgoing_count; i++) {
    const struct fl_mcp_outgoing *one = &fixture->effects.outgoing[i];
    struct fl_member member = {0};
    if (one->kind == FL_MCP_SEND_DROP) script_output(script, '!', "close %" PRId64, one->id);
    if (one->name != NULL) script_output(script, '!', "name %s", one->name);
    if (one->traceparent != NULL) script_output(script, '!', "traceparent %s", one->traceparent);
    if (one->tracestate != NULL) script_output(script, '!', "tracestate %s", one->tracestate);
    while (one->param_headers != NULL && fl_next_member(one->param_headers, &member))
      script_output(script, '!', "header %s %s", member.key, fl_as_string(member.value));
  }
}

/* Everything that goes out is also what the official schema of its revision wants. */
static void check_wire(struct script *script, struct fixture *fixture) {
  fl_slice lines = fl_buf_slice(&fixture->effects.out);
  while (has_schemas && lines.size > 0) {
    size_t size = (size_t)((const char *)memchr(lines.data, '\n', lines.size) - lines.data);
    wire_message(&fixture->wire, false, true, fl_slice_n(lines.data, size));
    lines = fl_slice_n(lines.data + size + 1, lines.size - size - 1);
  }
  if (fixture->wire.problem[0] != '\0') script_fail(script, "%s", fixture->wire.problem);
}

static void report(struct script *script, struct fixture *fixture) {
  for (size_t i = 0; i < fixture->effects.count; i++) report_one(script, fixture, &fixture->effects.reports[i]);
  report_outgoing(script, fixture);
  script_output_lines(script, fl_buf_slice(&fixture->effects.out));
  check_wire(script, fixture);
  fl_mcp_client_effects_clear(&fixture->effects);
}

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  assert_int_equal(fl_parse(text, strlen(text), &value, NULL), 0);
  return value;
}

static void start_call(struct fixture *fixture, char *text, bool pauses, bool goes_on) {
  char key = script_word(&text)[0];
  const char *tool = script_word(&text), *args_text = script_word(&text), *id = pauses ? NULL : script_word(&text);
  FL_VALUE_AUTO args = parse(args_text);
  FL_VALUE_AUTO pause = goes_on ? parse(script_word(&text)) : NULL;
  FL_VALUE_AUTO answers = goes_on ? parse(script_word(&text)) : NULL;
  const char *traceparent = id != NULL && !goes_on ? script_word(&text) : NULL;
  const char *tracestate = traceparent != NULL ? script_word(&text) : NULL;
  fixture->keys[key - 'a'] = key;
  struct fl_mcp_client_call_options options = {.tool = tool,
                                               .args = args,
                                               .call_id = id,
                                               .traceparent = traceparent,
                                               .tracestate = tracestate,
                                               .idle_timeout_ms = IDLE_MS,
                                               .total_timeout_ms = TOTAL_MS,
                                               .result_max = RESULT_MAX,
                                               .ends_at_questions = pauses,
                                               .pause = pause,
                                               .answers = answers,
                                               .user = &fixture->keys[key - 'a']};
  fixture->calls[key - 'a'] = fl_mcp_client_call(fixture->session, fixture->now_ms, &options, &fixture->effects);
}

static void start_request(struct fixture *fixture, char *text) {
  char key = script_word(&text)[0];
  const char *method = script_word(&text);
  FL_VALUE_AUTO params = parse(script_word(&text));
  const char *all = script_word(&text);
  fixture->keys[key - 'a'] = key;
  struct fl_mcp_client_call_options options = {.method = method,
                                               .params = params,
                                               .reads_all = all != NULL,
                                               .idle_timeout_ms = IDLE_MS,
                                               .total_timeout_ms = TOTAL_MS,
                                               .result_max = RESULT_MAX,
                                               .user = &fixture->keys[key - 'a']};
  fixture->calls[key - 'a'] = fl_mcp_client_call(fixture->session, fixture->now_ms, &options, &fixture->effects);
}

static void give_answer(struct fixture *fixture, char *text) {
  int64_t id = atoll(script_word(&text));
  FL_VALUE_AUTO result = parse(text);
  const struct fl_value *given = fl_is(result, FL_NULL) ? NULL : result;
  fl_mcp_client_answer(fixture->session, fixture->now_ms, id, given, &fixture->effects);
}

static int code_of(const char *word) {
  for (int code = -1; code > -40; code--)
    if (strcmp(fl_error_word(code), word) == 0) return code;
  return 0;
}

static void lose(struct fixture *fixture, char *text) {
  struct fl_mcp_client_loss loss = {.id = atoll(script_word(&text))};
  loss.status = code_of(script_word(&text));
  loss.http_status = (int)atoll(script_word(&text));
  const char *how = script_word(&text);
  loss.sent = strcmp(how, "sent") == 0;
  loss.is_session_unknown = strcmp(how, "forgotten") == 0;
  loss.text = text;
  fl_mcp_client_lost(fixture->session, fixture->now_ms, &loss, &fixture->effects);
}

static void describe(struct script *script, const struct fixture *fixture) {
  FL_VALUE_AUTO about = fl_mcp_client_session_describe(fixture->session);
  char *text = fl_dump(about, NULL);
  script_output(script, '!', "%s", text);
  fl_text_free(text);
}

static void make_session(struct fixture *fixture, enum fl_mcp_era era) {
  fl_mcp_client_session_destroy(fixture->session);
  fixture->config.server_name = "math";
  fixture->config.client_version = "1";
  fixture->config.start_timeout_ms = START_MS;
  if (era != 0) fixture->config.era = era;
  fixture->session = fl_mcp_client_session_create(&fixture->config);
}

static void take_reply(struct fixture *fixture, char *text) {
  int64_t origin = atoll(script_word(&text));
  if (has_schemas) wire_message(&fixture->wire, true, false, fl_slice_of(text));
  fl_mcp_client_message(fixture->session, fixture->now_ms, origin, fl_slice_of(text), &fixture->effects);
}

static bool extra_event(struct fixture *fixture, const char *word, char *text) {
  struct fl_mcp_client_effects *effects = &fixture->effects;
  if (strcmp(word, "request") == 0) start_request(fixture, text);
  else if (strcmp(word, "pausable") == 0) start_call(fixture, text, true, false);
  else if (strcmp(word, "go-on") == 0) start_call(fixture, text, true, true);
  else if (strcmp(word, "answer") == 0) give_answer(fixture, text);
  else if (strcmp(word, "lost") == 0) lose(fixture, text);
  else if (strcmp(word, "reply") == 0) take_reply(fixture, text);
  else if (strcmp(word, "follow") == 0) fl_mcp_client_subscribe(fixture->session, text, true, effects);
  else if (strcmp(word, "unfollow") == 0) fl_mcp_client_subscribe(fixture->session, text, false, effects);
  else if (strcmp(word, "roots") == 0) fl_mcp_client_roots_changed(fixture->session, effects);
  else if (strcmp(word, "can") == 0 || strcmp(word, "http") == 0) {
    if (word[0] == 'h') fixture->config.is_http = true;
    else fixture->config.capabilities = fixture->capabilities = parse(text);
    make_session(fixture, 0);
  } else return false;
  return true;
}

static void event(struct script *script, char kind, char *text, void *user) {
  struct fixture *fixture = user;
  struct fl_mcp_client_session *session = fixture->session;
  struct fl_mcp_client_effects *effects = &fixture->effects;
  const char *word = kind == '>' ? "" : script_word(&text);
  if (kind == '>' && has_schemas) wire_message(&fixture->wire, true, false, fl_slice_of(text));
  if (kind == '>') fl_mcp_client_line(session, fixture->now_ms, fl_slice_of(text), effects);
  else if (strcmp(word, "era") == 0) make_session(fixture, strcmp(text, "modern") == 0 ? FL_MCP_MODERN : FL_MCP_LEGACY);
  else if (strcmp(word, "guess") == 0)
    fl_mcp_client_guess_era(session, strcmp(text, "modern") == 0 ? FL_MCP_MODERN : FL_MCP_LEGACY);
  else if (strcmp(word, "start") == 0) fl_mcp_client_started(session, fixture->now_ms, effects);
  else if (strcmp(word, "exit") == 0) fl_mcp_client_exited(session, text, effects);
  else if (strcmp(word, "give-up") == 0) fl_mcp_client_given_up(session, text, effects);
  else if (strcmp(word, "too-long") == 0) fl_mcp_client_line_too_long(session, fl_slice_of(text), effects);
  else if (strcmp(word, "call") == 0) start_call(fixture, text, false, false);
  else if (strcmp(word, "cancel") == 0)
    fl_mcp_client_cancel(session, fixture->calls[text[0] - 'a'], "because", effects);
  else if (strcmp(word, "describe") == 0) describe(script, fixture);
  else if (strcmp(word, "deadline") == 0)
    script_output(script, '!', "deadline %" PRId64, fl_mcp_client_deadline_ms(session));
  else if (strcmp(word, "time") == 0) {
    fixture->now_ms = atoll(text);
    fl_mcp_client_time(session, fixture->now_ms, effects);
  } else if (!extra_event(fixture, word, text)) script_fail(script, "unknown event %s", word);
  report(script, fixture);
}

static void run_file(const char *path, const char *name, void *user) {
  char *text = test_read_file(path, NULL);
  struct fixture fixture = {0};
  struct script script;
  wire_init(&fixture.wire);
  make_session(&fixture, 0);
  bool ok = script_run(&script, name, text, event, &fixture);
  tap_ok(ok, "client script %s", name);
  if (!ok) printf("# %s\n", script.problem);
  checked_count += fixture.wire.checked_count;
  wire_deinit(&fixture.wire);
  fl_mcp_client_session_destroy(fixture.session);
  fl_mcp_client_effects_deinit(&fixture.effects);
  fl_value_unref(fixture.capabilities);
  free(text);
}

int main(void) {
  has_schemas = wire_is_available();
  char folder[4096];
  snprintf(folder, sizeof folder, "%s/tests/unit/mcp/client", getenv("FL_SOURCE_ROOT"));
  if (test_each_file(folder, ".txt", run_file, NULL) < 0) tap_ok(false, "the scripts are there");
  if (!has_schemas) tap_skip("the official schemas accept what the client sends", "no shared test material");
  else tap_ok(checked_count > 20, "the official schemas accept what the client sends (%zu checks)", checked_count);
  return tap_done();
}
