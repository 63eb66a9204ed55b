/* SPDX-License-Identifier: MIT */
/* The server's side of the protocol, as scripts (in server/). Events beside lines:
 *   @ done ID RESULT       the call with this id ended      @ progress ID DONE TOTAL TEXT
 *   @ log ID LEVEL TEXT    it logs                          @ too-long FRONT
 *   @ ask ID REQUESTS [STATE]  it asks                      @ fail ID CODE TEXT         @ task ID: it becomes one
 *   @ lacks ID CAPABILITIES    it cannot ask                @ closes ID: its stream     @ saved: the last task
 *   @ tools NAME…          the list of tools is now this    @ page-size N     @ changing
 *   @ offer                one of everything (see offer)    @ stateless, @ saves: a session anew, of such a kind
 *   @ changed LIST         of the list of that number       @ updated URI     @ time MS
 *   @ channel N, @ who NAME, @ headers VERSION METHOD NAME [REGION]: of the messages that follow ("-": absent)
 *   @ trace TRACEPARENT [TRACESTATE]: header fields, too, of messages that have others
 *   @ gone N               the peer is gone from a channel  @ end             @ restore RECORD
 * Effects: "! start NAME ARGS [progress] [log] [id=CALLID] [answers=…] [state=…] [task]", "! cancel ID", "! close",
 * "! save RECORD"; before a message on another channel than 0 "! channel N STATUS". $STATE and $TASK stand for the
 * last requestState and taskId. */
#include "mcp/proto/server_session.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "script.h"
#include "tests/support/support.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>

static bool has_schemas;
static size_t checked_count;

struct fixture {
  struct wire wire;
  struct fl_mcp_server_core *core;
  struct fl_mcp_catalog *catalog; /* the core's */
  struct fl_mcp_server_session *session;
  struct fl_mcp_server_effects effects;
  struct fl_mcp_served_call *calls[64];
  size_t call_count;
  uint64_t channel;
  char who[40], version[40], method[80], name[200], region[80], traceparent[80], tracestate[80];
  bool has_headers;
  char *state, *task; /* the last that went out */
};

static void add_tool(struct fl_mcp_catalog *catalog, const char *name) {
  FL_VALUE_AUTO schema = NULL;
  fl_parse("{\"type\":\"object\"}", 17, &schema, NULL);
  struct fl_mcp_offered_tool tool = {.name = name, .description = "A tool.", .input_schema = schema};
  assert_int_equal(fl_mcp_catalog_add(catalog, &tool, NULL), 0);
}

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err;
  if (fl_parse(text, strlen(text), &value, &err) < 0) printf("# %s: %s\n", text, err.text);
  assert_non_null(value);
  return value;
}

static void offer_tools(struct fl_mcp_catalog *catalog) {
  FL_VALUE_AUTO schema = parse("{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"string\","
                               "\"x-mcp-header\":\"Region\"}}}");
  FL_VALUE_AUTO meta = parse("{\"ui\":{\"resourceUri\":\"ui://clock\"}}");
  struct fl_mcp_offered_tool tools[] = {
      {.name = "job", .input_schema = schema, .task_support = FL_MCP_TASK_AT_ONCE},
      {.name = "later", .input_schema = schema, .task_support = FL_MCP_TASK_ALLOWED, .meta = meta},
      {.name = "must", .input_schema = schema, .task_support = FL_MCP_TASK_AT_ONCE, .needs_task = true},
      {.name = "wipe", .input_schema = schema, .is_single_use = true}};
  for (size_t i = 0; i < 4; i++) assert_int_equal(fl_mcp_catalog_add(catalog, &tools[i], NULL), 0);
}

static void offer(struct fl_mcp_catalog *catalog) {
  offer_tools(catalog);
  FL_VALUE_AUTO arguments = parse("[{\"name\":\"who\",\"required\":true},{\"name\":\"how\"}]");
  FL_VALUE_AUTO skill = parse("{\"uri\":\"skill://knots/SKILL.md\",\"frontmatter\":{\"name\":\"knots\"},"
                              "\"resources\":[]}");
  FL_VALUE_AUTO children = parse("[{\"uri\":\"skill://knots/SKILL.md\",\"name\":\"SKILL.md\"}]");
  struct fl_mcp_offered_prompt greet = {
      .name = "greet", .description = "Greets.", .arguments = arguments, .completes = true};
  struct fl_mcp_offered_resource log = {.uri = "ship://log", .name = "log", .mime_type = "text/plain", .size = 7};
  struct fl_mcp_offered_resource port = {.uri = "ship://port/{name}", .name = "port", .size = -1, .completes = true};
  assert_int_equal(fl_mcp_catalog_add_prompt(catalog, &greet, NULL), 0);
  assert_int_equal(fl_mcp_catalog_add_prompt(catalog, &(struct fl_mcp_offered_prompt){.name = "bare"}, NULL), 0);
  assert_int_equal(fl_mcp_catalog_add_resource(catalog, &log, NULL), 0);
  assert_int_equal(fl_mcp_catalog_add_template(catalog, &port, NULL), 0);
  assert_int_equal(fl_mcp_catalog_add_hidden(catalog, "skill://knots/SKILL.md", NULL), 0);
  struct fl_mcp_offered_skill knots = {.uri = "skill://knots/SKILL.md", .entry = skill};
  assert_int_equal(fl_mcp_catalog_add_skill(catalog, &knots, NULL), 0);
  assert_int_equal(fl_mcp_catalog_add_directory(catalog, "skill://knots", children, NULL), 0);
}

static void fixture_init(struct fixture *fixture, size_t page_size, bool lists_change) {
  *fixture = (struct fixture){0};
  wire_init(&fixture->wire);
  struct fl_mcp_identity identity = {
      .name = "test", .version = "1", .instructions = "Be kind.", .lists_change = lists_change};
  struct fl_mcp_core_options options = {.identity = &identity, .page_size = page_size, .key = "test"};
  fixture->core = fl_mcp_server_core_create(&options);
  fixture->catalog = fl_mcp_server_core_catalog(fixture->core);
  add_tool(fixture->catalog, "echo");
  fixture->session = fl_mcp_server_session_create(fixture->core, 0);
}

/* Another session of another core, with the same offers so far: none but the first tool. */
static void begin_again(struct fixture *fixture, unsigned flags, bool saves) {
  fl_mcp_server_session_destroy(fixture->session);
  fl_mcp_server_core_destroy(fixture->core);
  struct fl_mcp_identity identity = {.name = "test", .version = "1", .instructions = "Be kind."};
  struct fl_mcp_core_options options = {.identity = &identity, .key = "test", .saves_tasks = saves};
  fixture->core = fl_mcp_server_core_create(&options);
  fixture->catalog = fl_mcp_server_core_catalog(fixture->core);
  add_tool(fixture->catalog, "echo");
  fixture->session = fl_mcp_server_session_create(fixture->core, flags);
}

static void fixture_deinit(struct fixture *fixture) {
  free(fixture->state);
  free(fixture->task);
  wire_deinit(&fixture->wire);
  fl_mcp_server_session_destroy(fixture->session);
  fl_mcp_server_effects_deinit(&fixture->effects);
  fl_mcp_server_core_destroy(fixture->core);
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

static void keep_last(const char *line, const char *key, char **place) {
  const char *found = strstr(line, key);
  if (found == NULL) return;
  found += strlen(key);
  free(*place);
  *place = strndup(found, strcspn(found, "\""));
}

/* Every `from` in the text becomes `to`; the text is freed. */
static char *replace_take(char *text, const char *from, const char *to) {
  if (from == NULL || from[0] == '\0') return text;
  FL_BUF_AUTO made = {0};
  const char *rest = text;
  for (const char *found; (found = strstr(rest, from)) != NULL; rest = found + strlen(from))
    fl_buf_addf(&made, "%.*s%s", (int)(found - rest), rest, to);
  fl_buf_add_text(&made, rest);
  free(text);
  return strdup(made.data);
}

static void report_send(struct script *script, struct fixture *fixture, const struct fl_mcp_server_effect *effect) {
  if (effect->channel != 0) {
    if (effect->size == 0) script_output(script, '!', "channel %d: no reply", (int)effect->channel);
    else script_output(script, '!', "channel %d %d", (int)effect->channel, effect->http_status);
  }
  if (effect->size == 0) return;
  char *line = strndup(fixture->effects.out.data + effect->start, effect->size - 1);
  keep_last(line, "\"requestState\":\"", &fixture->state);
  keep_last(line, "\"taskId\":\"", &fixture->task);
  line = replace_take(line, fixture->state, "$STATE");
  line = replace_take(line, fixture->task, "$TASK");
  script_output(script, '<', "%s", line);
  free(line);
}

static void report_start(struct script *script, struct fixture *fixture, struct fl_mcp_served_call *call) {
  FL_BUF_AUTO text = {0};
  char *args = fl_dump(call->args, NULL), *answers = fl_dump(call->answers, NULL), *state = fl_dump(call->state, NULL);
  fl_buf_addf(&text, "start %s %s%s%s%s%s", call->name, args, call->wants_progress ? " progress" : "",
              call->wants_log ? " log" : "", call->call_id[0] != '\0' ? " id=" : "", call->call_id);
  if (call->answers != NULL) fl_buf_addf(&text, " answers=%s", answers);
  if (call->state != NULL) fl_buf_addf(&text, " state=%s", state);
  if (call->is_task) fl_buf_add_text(&text, " task");
  if (call->traceparent != NULL) fl_buf_addf(&text, " traceparent=%s", call->traceparent);
  if (call->tracestate != NULL) fl_buf_addf(&text, " tracestate=%s", call->tracestate);
  script_output(script, '!', "%s", text.data);
  fl_text_free(args);
  fl_text_free(answers);
  fl_text_free(state);
  fixture->calls[fixture->call_count++] = call;
}

static void report_save(struct script *script, struct fixture *fixture, const struct fl_mcp_task *task) {
  FL_VALUE_AUTO record = fl_mcp_task_record(task);
  free(fixture->task);
  fixture->task = strdup(fl_mcp_task_id(task));
  char *dumped = fl_dump(record, NULL), *text = replace_take(strdup(dumped), fixture->task, "$TASK");
  script_output(script, '!', "save %s", text);
  fl_text_free(dumped);
  free(text);
}

static void report(struct script *script, struct fixture *fixture) {
  for (size_t i = 0; i < fixture->effects.count; i++) {
    const struct fl_mcp_server_effect *effect = &fixture->effects.items[i];
    switch (effect->type) {
    case FL_MCP_SEND: report_send(script, fixture, effect); break;
    case FL_MCP_START_CALL: report_start(script, fixture, effect->call); break;
    case FL_MCP_CANCEL_CALL: script_output(script, '!', "cancel %s", id_text(effect->call->id)); break;
    case FL_MCP_CLOSE_STREAM: script_output(script, '!', "close %d", (int)effect->channel); break;
    case FL_MCP_SAVE_TASK: report_save(script, fixture, effect->task); break;
    case FL_MCP_FORGET_TASK: script_output(script, '!', "forget"); break;
    }
  }
  check_wire(script, fixture);
  fl_mcp_server_effects_clear(&fixture->effects);
}

static void drop_call(struct fixture *fixture, const struct fl_mcp_served_call *call) {
  for (size_t i = 0; i < fixture->call_count; i++)
    if (fixture->calls[i] == call) fixture->calls[i] = NULL;
}

static void end_call(struct fixture *fixture, struct fl_mcp_served_call *call, const char *text) {
  FL_VALUE_AUTO result = NULL;
  assert_int_equal(fl_parse(text, strlen(text), &result, NULL), 0);
  drop_call(fixture, call);
  fl_mcp_server_call_done(fixture->session, call, result, &fixture->effects);
}

/* The rest of the text, two JSON values, of which the second may be missing. */
static void ask(struct fixture *fixture, struct fl_mcp_served_call *call, const char *text) {
  FL_VALUE_AUTO requests = NULL;
  FL_VALUE_AUTO state = NULL;
  size_t used = 0;
  assert_int_equal(fl_json_read_prefix(fl_slice_of(text), FL_JSON_STRICT, &requests, &used, NULL), 0);
  if (text[used] == ' ') state = parse(text + used + 1);
  drop_call(fixture, call);
  fl_mcp_server_call_asks(fixture->session, call, requests, state, &fixture->effects);
}

static bool other_end(struct fixture *fixture, struct fl_mcp_served_call *call, const char *word, char *text) {
  if (strcmp(word, "ask") == 0) ask(fixture, call, text);
  else if (strcmp(word, "fail") == 0) {
    int code = (int)strtol(script_word(&text), NULL, 10);
    drop_call(fixture, call);
    fl_mcp_server_call_failed(fixture->session, call, code, text, &fixture->effects);
  } else if (strcmp(word, "lacks") == 0) {
    FL_VALUE_AUTO missing = parse(text);
    drop_call(fixture, call);
    fl_mcp_server_call_lacks(fixture->session, call, missing, &fixture->effects);
  } else if (strcmp(word, "task") == 0) fl_mcp_server_call_becomes_task(fixture->session, call, &fixture->effects);
  else if (strcmp(word, "closes") == 0) fl_mcp_server_call_closes_stream(fixture->session, call, &fixture->effects);
  else return false;
  return true;
}

static void call_event(struct script *script, struct fixture *fixture, const char *word, char *text) {
  const char *id = script_word(&text);
  struct fl_mcp_served_call *call = id != NULL ? find_call(fixture, id) : NULL;
  if (call == NULL) {
    script_fail(script, "no call %s", id);
  } else if (other_end(fixture, call, word, text)) {
    return;
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

static const char *param(void *user, const char *name) {
  struct fixture *fixture = user;
  return strcmp(name, "Region") == 0 && strcmp(fixture->region, "-") != 0 ? fixture->region : NULL;
}

static const char *header(const char *text) { return text[0] != '\0' && strcmp(text, "-") != 0 ? text : NULL; }

static void line_event(struct fixture *fixture, const char *text) {
  char *line = replace_take(strdup(text), "$STATE", fixture->state != NULL ? fixture->state : "");
  line = replace_take(line, "$TASK", fixture->task != NULL ? fixture->task : "");
  if (has_schemas) wire_message(&fixture->wire, false, false, fl_slice_of(line));
  FL_RPC_MESSAGE_AUTO message;
  fl_rpc_read(fl_slice_of(line), &message);
  struct fl_mcp_headers headers = {.protocol_version = header(fixture->version),
                                   .method = header(fixture->method),
                                   .name = header(fixture->name),
                                   .traceparent = header(fixture->traceparent),
                                   .tracestate = header(fixture->tracestate),
                                   .param = param,
                                   .user = fixture};
  struct fl_mcp_incoming incoming = {.message = &message,
                                     .size = strlen(line),
                                     .channel = fixture->channel,
                                     .principal = fixture->who,
                                     .headers = fixture->has_headers ? &headers : NULL};
  if (line[0] != '\0') fl_mcp_server_message(fixture->session, &incoming, &fixture->effects);
  free(line);
}

static void take_word(char **text, char *place, size_t size) {
  const char *word = script_word(text);
  snprintf(place, size, "%s", word != NULL ? word : "-");
}

/* What the messages that follow bring with them. */
static bool setting(struct fixture *fixture, const char *word, char *text) {
  if (strcmp(word, "channel") == 0) fixture->channel = strtoul(text, NULL, 10);
  else if (strcmp(word, "who") == 0) snprintf(fixture->who, sizeof fixture->who, "%s", text);
  else if (strcmp(word, "time") == 0) fl_mcp_server_core_time(fixture->core, strtoll(text, NULL, 10));
  else if (strcmp(word, "offer") == 0) offer(fixture->catalog);
  else if (strcmp(word, "stateless") == 0) begin_again(fixture, FL_MCP_STATELESS, false);
  else if (strcmp(word, "saves") == 0) begin_again(fixture, 0, true);
  else if (strcmp(word, "page-size") == 0) fixture->catalog->page_size = strtoul(text, NULL, 10);
  else if (strcmp(word, "changing") == 0) fixture->catalog->identity.lists_change = true;
  else if (strcmp(word, "headers") == 0) {
    fixture->has_headers = text[0] != '\0';
    take_word(&text, fixture->version, sizeof fixture->version);
    take_word(&text, fixture->method, sizeof fixture->method);
    take_word(&text, fixture->name, sizeof fixture->name);
    take_word(&text, fixture->region, sizeof fixture->region);
  } else if (strcmp(word, "trace") == 0) {
    take_word(&text, fixture->traceparent, sizeof fixture->traceparent);
    take_word(&text, fixture->tracestate, sizeof fixture->tracestate);
  } else return false;
  return true;
}

static void restore(struct script *script, struct fixture *fixture, const char *text) {
  FL_VALUE_AUTO record = parse(text);
  struct fl_error err;
  if (fl_mcp_server_task_restore(fixture->session, record, &fixture->effects, &err) < 0)
    script_output(script, '!', "refused: %s", err.text);
}

static bool session_event(struct script *script, struct fixture *fixture, const char *word, char *text) {
  struct fl_mcp_server_effects *effects = &fixture->effects;
  if (strcmp(word, "too-long") == 0) fl_mcp_server_line_too_long(fixture->session, 0, fl_slice_of(text), effects);
  else if (strcmp(word, "changed") == 0)
    fl_mcp_server_list_changed(fixture->session, (enum fl_mcp_list)strtol(text, NULL, 10), effects);
  else if (strcmp(word, "updated") == 0) fl_mcp_server_resource_updated(fixture->session, text, effects);
  else if (strcmp(word, "gone") == 0) fl_mcp_server_channel_gone(fixture->session, strtoul(text, NULL, 10), effects);
  else if (strcmp(word, "end") == 0) fl_mcp_server_session_end(fixture->session, effects);
  else if (strcmp(word, "saved") == 0) fl_mcp_server_task_saved(fixture->core, fixture->task, effects);
  else if (strcmp(word, "restore") == 0) restore(script, fixture, text);
  else if (strcmp(word, "tools") == 0) {
    fl_mcp_catalog_clear(fixture->catalog);
    for (const char *name; (name = script_word(&text)) != NULL;) add_tool(fixture->catalog, name);
    fl_mcp_server_list_changed(fixture->session, FL_MCP_TOOLS, effects);
  } else return false;
  return true;
}

static bool is_of_call(const char *word) {
  static const char *const words[] = {"done", "progress", "log", "ask", "fail", "lacks", "task", "closes", NULL};
  for (size_t i = 0; words[i] != NULL; i++)
    if (strcmp(words[i], word) == 0) return true;
  return false;
}

static void event(struct script *script, char kind, char *text, void *user) {
  struct fixture *fixture = user;
  const char *word = kind == '>' ? "" : script_word(&text);
  if (kind == '>') line_event(fixture, text);
  else if (is_of_call(word)) call_event(script, fixture, word, text);
  else if (!setting(fixture, word, text) && !session_event(script, fixture, word, text))
    script_fail(script, "unknown event %s", word);
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
