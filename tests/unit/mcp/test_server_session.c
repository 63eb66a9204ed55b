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

#include <stdio.h>
#include <stdlib.h>

struct fixture {
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
  struct fl_mcp_identity identity = {.name = "test", .version = "1", .instructions = "Be kind.", .lists_change = lists_change};
  fl_mcp_catalog_init(&fixture->catalog, &identity, page_size);
  add_tool(&fixture->catalog, "echo");
  fixture->session = fl_mcp_server_session_create(&fixture->catalog);
}

static void fixture_deinit(struct fixture *fixture) {
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
    struct fl_rpc_progress progress = {.done = atof(script_word(&text))};
    progress.total = atof(script_word(&text));
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
    fixture->catalog.page_size = (size_t)atoi(text);
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
  fixture_deinit(&fixture);
  free(text);
}

int main(void) {
  char folder[4096];
  snprintf(folder, sizeof folder, "%s/tests/unit/mcp/server", getenv("FL_SOURCE_ROOT"));
  if (test_each_file(folder, ".txt", run_file, NULL) < 0) tap_ok(false, "the scripts are there");
  return tap_done();
}
