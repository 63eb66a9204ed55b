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
  struct fl_value *result, *asks;
  struct fl_mcp_server_core *core;
  bool is_stateless;
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

/* An end of one of several kinds; a call that asked starts again when it was answered, so it is not in the list. */
static void end_call(struct run *run, size_t index, size_t seed) {
  fl_mcp_server_call_progress(run->session, run->calls[index], &(struct fl_rpc_progress){.done = 1, .message = "\xff"},
                              &run->effects);
  fl_mcp_server_call_log(run->session, run->calls[index], "error", "text", &run->effects);
  struct fl_mcp_served_call *call = run->calls[index];
  run->calls[index] = run->calls[--run->call_count];
  if (seed % 5 == 1) fl_mcp_server_call_becomes_task(run->session, call, &run->effects);
  if (seed % 4 == 0 && call->answers == NULL)
    fl_mcp_server_call_asks(run->session, call, run->asks, run->result, &run->effects);
  else if (seed % 7 == 0) fl_mcp_server_call_failed(run->session, call, -32603, "no", &run->effects);
  else fl_mcp_server_call_done(run->session, call, run->result, &run->effects);
}

static void perform(struct run *run, size_t seed) {
  for (size_t i = 0; i < run->effects.count; i++) {
    const struct fl_mcp_server_effect *effect = &run->effects.items[i];
    if (effect->type == FL_MCP_SEND) {
      fl_check(effect->start + effect->size <= run->effects.out.size);
      fl_check(effect->size > 2 || (effect->size == 0 && effect->is_reply));
    }
    if (effect->type == FL_MCP_SAVE_TASK)
      fl_mcp_server_task_saved(run->core, fl_mcp_task_id(effect->task), &run->effects);
    if (run->effects.items[i].type != FL_MCP_START_CALL) continue;
    if (run->call_count == CALLS) end_call(run, seed % CALLS, seed);
    run->calls[run->call_count++] = run->effects.items[i].call;
  }
  if (run->call_count > 0 && seed % 3 == 0) end_call(run, seed % run->call_count, seed / 3);
  check_out(run);
  fl_mcp_server_effects_clear(&run->effects);
}

static int on_line(int status, fl_slice line, void *user) {
  struct run *run = user;
  uint64_t channel = run->is_stateless ? line.size % 3 : 0;
  FL_RPC_MESSAGE_AUTO message;
  fl_rpc_read(line, &message);
  fl_mcp_message_belongs(&message);
  if (status == 0)
    fl_mcp_server_message(run->session,
                          &(struct fl_mcp_incoming){.message = &message, .size = line.size, .channel = channel},
                          &run->effects);
  else fl_mcp_server_line_too_long(run->session, channel, line, &run->effects);
  perform(run, line.size);
  fl_mcp_server_list_changed(run->session, (enum fl_mcp_list)(line.size % FL_MCP_LIST_COUNT), &run->effects);
  fl_mcp_server_resource_updated(run->session, "a://b", &run->effects);
  if (run->is_stateless && line.size % 11 == 0) fl_mcp_server_channel_gone(run->session, channel, &run->effects);
  perform(run, line.size + 1);
  return 0;
}

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  fl_check(fl_parse(text, strlen(text), &value, NULL) == 0);
  return value;
}

/* Something of each kind. */
static void offer(struct fl_mcp_catalog *catalog) {
  FL_VALUE_AUTO schema = parse("{\"type\":\"object\"}");
  FL_VALUE_AUTO arguments = parse("[{\"name\":\"a\",\"required\":true}]");
  FL_VALUE_AUTO children = parse("[{\"uri\":\"skill://s/SKILL.md\"}]");
  struct fl_mcp_offered_tool tools[] = {
      {.name = "echo", .input_schema = schema, .task_support = FL_MCP_TASK_ALLOWED},
      {.name = "other", .input_schema = schema, .task_support = FL_MCP_TASK_AT_ONCE, .is_single_use = true},
      {.name = "task", .input_schema = schema, .task_support = FL_MCP_TASK_AT_ONCE, .needs_task = true}};
  for (size_t i = 0; i < 3; i++) fl_mcp_catalog_add(catalog, &tools[i], NULL);
  fl_mcp_catalog_add_prompt(
      catalog, &(struct fl_mcp_offered_prompt){.name = "p", .arguments = arguments, .completes = true}, NULL);
  fl_mcp_catalog_add_resource(catalog, &(struct fl_mcp_offered_resource){.uri = "a://b", .name = "b", .size = 1}, NULL);
  fl_mcp_catalog_add_template(
      catalog, &(struct fl_mcp_offered_resource){.uri = "a://{x}/y{?q}", .name = "t", .completes = true}, NULL);
  fl_mcp_catalog_add_skill(catalog, &(struct fl_mcp_offered_skill){.uri = "skill://s/SKILL.md", .entry = schema}, NULL);
  fl_mcp_catalog_add_directory(catalog, "skill://s", children, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  size_t cut = data[0] * size / 256;
  fl_slice input = fl_slice_n((const char *)data + 1, size - 1);
  if (cut > input.size) cut = input.size;
  struct fl_mcp_identity identity = {.name = "fuzz", .version = "1", .lists_change = true};
  struct fl_mcp_core_options options = {.identity = &identity, .page_size = 1, .saves_tasks = data[0] % 2 == 0};
  struct run run = {.result = parse("{\"content\":[],\"structuredContent\":{},\"messages\":[],\"contents\":[]}"),
                    .asks = parse("{\"k\":{\"method\":\"roots/list\"}}"),
                    .is_stateless = data[0] % 3 == 0};
  struct fl_lines lines;
  run.core = fl_mcp_server_core_create(&options);
  offer(fl_mcp_server_core_catalog(run.core));
  run.session = fl_mcp_server_session_create(run.core, run.is_stateless ? FL_MCP_STATELESS : 0);
  fl_lines_init(&lines, 4096);
  fl_lines_feed(&lines, fl_slice_n(input.data, cut), on_line, &run);
  fl_lines_feed(&lines, fl_slice_n(input.data + cut, input.size - cut), on_line, &run);
  fl_lines_end(&lines, on_line, &run);
  fl_lines_deinit(&lines);
  fl_mcp_server_session_end(run.session, &run.effects);
  check_out(&run);
  fl_mcp_server_session_destroy(run.session);
  fl_mcp_server_effects_deinit(&run.effects);
  fl_mcp_server_core_destroy(run.core);
  fl_value_unref(run.result);
  fl_value_unref(run.asks);
  return 0;
}
