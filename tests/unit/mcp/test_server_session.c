/* SPDX-License-Identifier: MIT */
/* The server's side of the protocol, as scripts (in server/). Events beside lines:
 *   @ done ID RESULT       the call with this id ended      @ progress ID DONE TOTAL TEXT
 *   @ log ID LEVEL TEXT    it logs                          @ too-long FRONT
 *   @ tools NAME…          the list of tools is now this    @ page-size N     @ changing     @ schemas
 * Effects: "! start TOOL ARGS [progress] [log] [id=CALLID]", "! cancel ID". */
#include "mcp/proto/server_session.h"
#include "runtime/base/mem.h"
#include "script.h"
#include "tests/support/support.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>

static bool has_schemas;
static size_t checked_count;

struct fixture {
  struct wire wire;
  struct fl_mcp_catalog catalog;
  struct fl_mcp_server_session *session;
  struct fl_mcp_server_effects effects;
  struct fl_mcp_served_call *calls[64];
  size_t call_count;
};

static void add_tool(struct fl_mcp_catalog *catalog, const char *name) {
  FL_VALUE_AUTO schema = NULL;
  fl_parse("{\"type\":\"object\"}", 17, &schema, NULL);
  struct fl_mcp_offered_tool tool = {.name = name, .description = "A tool.", .input_schema = schema};
  assert_int_equal(fl_mcp_catalog_add(catalog, &tool, NULL), 0);
}

static void fixture_init(struct fixture *fixture, size_t page_size, bool lists_change) {
  *fixture = (struct fixture){0};
  wire_init(&fixture->wire);
  struct fl_mcp_identity identity = {
      .name = "test", .version = "1", .instructions = "Be kind.", .lists_change = lists_change};
  fl_mcp_catalog_init(&fixture->catalog, &identity, page_size);
  add_tool(&fixture->catalog, "echo");
  fixture->session = fl_mcp_server_session_create(&fixture->catalog);
}

static void fixture_deinit(struct fixture *fixture) {
  wire_deinit(&fixture->wire);
  fl_mcp_server_session_destroy(fixture->session);
  fl_mcp_server_effects_deinit(&fixture->effects);
  fl_mcp_catalog_deinit(&fixture->catalog);
}

static const char *id_text(const struct fl_value *id) {
  static char text[200];
  char *dumped = fl_dump(id, NULL);
  snprintf(text, sizeof text, "%s", dumped);
  fl_text_free(dumped);
  return text;
}

static struct fl_mcp_served_call *find_call(struct fixture *fixture, const char *id) {
  for (size_t i = 0; i < fixture->call_count; i++)
    if (fixture->calls[i] != NULL && strcmp(id_text(fixture->calls[i]->id), id) == 0) return fixture->calls[i];
  return NULL;
}

/* Everything that goes out is also what the official schema of its revision wants. */
static void check_wire(struct script *script, struct fixture *fixture) {
  fl_slice lines = fl_buf_slice(&fixture->effects.out);
  while (has_schemas && lines.size > 0) {
    size_t size = (size_t)((const char *)memchr(lines.data, '\n', lines.size) - lines.data);
    wire_message(&fixture->wire, true, true, fl_slice_n(lines.data, size));
    lines = fl_slice_n(lines.data + size + 1, lines.size - size - 1);
  }
  if (fixture->wire.problem[0] != '\0') script_fail(script, "%s", fixture->wire.problem);
}

static void report(struct script *script, struct fixture *fixture) {
  for (size_t i = 0; i < fixture->effects.count; i++) {
    struct fl_mcp_served_call *call = fixture->effects.items[i].call;
    if (fixture->effects.items[i].type == FL_MCP_CANCEL_CALL) {
      script_output(script, '!', "cancel %s", id_text(call->id));
      continue;
    }
    char *args = fl_dump(call->args, NULL);
    script_output(script, '!', "start %s %s%s%s%s%s", call->tool, args, call->wants_progress ? " progress" : "",
                  call->wants_log ? " log" : "", call->call_id[0] != '\0' ? " id=" : "", call->call_id);
    fl_text_free(args);
    fixture->calls[fixture->call_count++] = call;
  }
  script_output_lines(script, fl_buf_slice(&fixture->effects.out));
  check_wire(script, fixture);
  fl_mcp_server_effects_clear(&fixture->effects);
}

static void end_call(struct fixture *fixture, struct fl_mcp_served_call *call, const char *text) {
  FL_VALUE_AUTO result = NULL;
  assert_int_equal(fl_parse(text, strlen(text), &result, NULL), 0);
  for (size_t i = 0; i < fixture->call_count; i++)
    if (fixture->calls[i] == call) fixture->calls[i] = NULL;
  fl_mcp_server_call_done(fixture->session, call, result, &fixture->effects);
}

static void call_event(struct script *script, struct fixture *fixture, const char *word, char *text) {
  const char *id = script_word(&text);
  struct fl_mcp_served_call *call = id != NULL ? find_call(fixture, id) : NULL;
  if (call == NULL) {
    script_fail(script, "no call %s", id);
  } else if (strcmp(word, "done") == 0) {
    end_call(fixture, call, text);
  } else if (strcmp(word, "progress") == 0) {
    struct fl_rpc_progress progress = {.done = strtod(script_word(&text), NULL)};
    progress.total = strtod(script_word(&text), NULL);
    progress.message = text[0] != '\0' ? text : NULL;
    fl_mcp_server_call_progress(fixture->session, call, &progress, &fixture->effects);
  } else {
    const char *level = script_word(&text);
    fl_mcp_server_call_log(fixture->session, call, level, text, &fixture->effects);
  }
}

static void event(struct script *script, char kind, char *text, void *user) {
  struct fixture *fixture = user;
  if (kind == '>') {
    if (has_schemas) wire_message(&fixture->wire, false, false, fl_slice_of(text));
    fl_mcp_server_line(fixture->session, fl_slice_of(text), &fixture->effects);
    report(script, fixture);
    return;
  }
  const char *word = script_word(&text);
  if (strcmp(word, "done") == 0 || strcmp(word, "progress") == 0 || strcmp(word, "log") == 0) {
    call_event(script, fixture, word, text);
  } else if (strcmp(word, "too-long") == 0) {
    fl_mcp_server_line_too_long(fixture->session, fl_slice_of(text), &fixture->effects);
  } else if (strcmp(word, "tools") == 0) {
    fl_mcp_catalog_clear(&fixture->catalog);
    for (const char *name; (name = script_word(&text)) != NULL;) add_tool(&fixture->catalog, name);
    fl_mcp_server_tools_changed(fixture->session, &fixture->effects);
  } else if (strcmp(word, "page-size") == 0) {
    fixture->catalog.page_size = strtoul(text, NULL, 10);
  } else if (strcmp(word, "changing") == 0) {
    fixture->catalog.identity.lists_change = true;
  } else script_fail(script, "unknown event %s", word);
  report(script, fixture);
}

static void run_file(const char *path, const char *name, void *user) {
  char *text = test_read_file(path, NULL);
  struct fixture fixture;
  struct script script;
  fixture_init(&fixture, 0, false);
  bool ok = script_run(&script, name, text, event, &fixture);
  tap_ok(ok, "server script %s", name);
  if (!ok) printf("# %s\n", script.problem);
  checked_count += fixture.wire.checked_count;
  fixture_deinit(&fixture);
  free(text);
}

static void a_wrong_message_is_noticed(void) {
  struct wire wire;
  wire_init(&wire);
  wire_message(
      &wire, true, true,
      FL_SLICE("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1}}"));
  tap_ok(strstr(wire.problem, "ProgressNotification") != NULL,
         "the official schemas refuse a progress without progress");
  wire_deinit(&wire);
}

int main(void) {
  has_schemas = wire_is_available();
  char folder[4096];
  snprintf(folder, sizeof folder, "%s/tests/unit/mcp/server", getenv("FL_SOURCE_ROOT"));
  if (test_each_file(folder, ".txt", run_file, NULL) < 0) tap_ok(false, "the scripts are there");
  if (!has_schemas) tap_skip("the official schemas accept what the server sends", "no shared test material");
  else a_wrong_message_is_noticed();
  if (has_schemas)
    tap_ok(checked_count > 20, "the official schemas accept what the server sends (%zu checks)", checked_count);
  return tap_done();
}
