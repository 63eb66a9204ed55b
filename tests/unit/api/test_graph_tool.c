/* SPDX-License-Identifier: MIT */
/* A graph that is served as a tool, in the simulated world: its calls, what they ask, tasks, other lives of the server.
 */
#include "mcp/serving.h"
#include "runtime/api/graph_tool.h"
#include "runtime/store/items.h"
#include "runtime/store/trace.h"
#include "tests/unit/engine/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A server with graphs, in the rig's world, and a client that writes lines. */
struct desk {
  struct rig rig;
  struct fl_server *server;
  struct fl_graph_host *host;
  struct fl_serving *serving;
  struct fl_mcp_server_session *session;
  struct fl_buf out; /* all that was sent */
  int id;
};

static struct desk desk;
static char folder[] = "/tmp/fairlead-graphs-XXXXXX";

static const char asking[] =
    "fairlead: 1\nname: my graph\ndescription: Says it again.\ninput: [text]\noutput: [said, answer]\n"
    "state: { text: { type: string }, said: {}, answer: { type: string }, end: {} }\n"
    "nodes:\n"
    "  say: { type: tool, tool: t/echo, args: { text: state.text }, write: said }\n"
    "  ask: { type: interrupt, value: \"{'question': 'Again?'}\", resume: answer }\n"
    "  end: { type: tool, tool: t/echo, args: { text: state.answer }, write: end }\n"
    "edges:\n  - START -> say -> ask -> end -> END\n";
static const char plain[] =
    "fairlead: 1\nname: plain\nstate: { messages: { reducer: messages }, n: { type: integer, default: 0 } }\n"
    "models: { main: { provider: scripted, script: words.yaml } }\n"
    "nodes:\n  talk: { type: agent }\nedges:\n  - START -> talk -> END\n";
static const char failing[] =
    "fairlead: 1\nname: failing\nstate: { a: {} }\nnodes:\n  no: { type: fail, message: \"'never'\" }\n"
    "edges:\n  - START -> no -> END\n";
static const char hanging[] = "fairlead: 1\nname: hanging\nstate: { a: {} }\nnodes:\n  wait: { type: tool, tool: "
                              "wild/hang, args: {}, write: a }\n"
                              "edges:\n  - START -> wait -> END\n";
static const char stopping[] = "fairlead: 1\nname: stopping\nstate: { a: {} }\ninterrupt_before: [no]\nnodes:\n"
                               "  no: { type: set, write: { a: \"1\" } }\nedges:\n  - START -> no -> END\n";

static const char *path_of(const char *name) {
  static char path[200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(path_of(name), "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

/* ---- lives ---- */

static void on_out(struct fl_serving *serving, const struct fl_mcp_server_effects *effects) {
  fl_buf_add(&desk.out, effects->out.data, effects->out.size);
}

static void add(const char *file) {
  struct fl_diags diags = {0};
  struct fl_error err = {0};
  if (fl_graph_host_add(desk.host, path_of(file), &diags, &err) < 0)
    fail_msg("%s: %s", err.text, diags.count > 0 ? diags.items[0].message : "");
  fl_diags_deinit(&diags);
}

static void open_desk(void) {
  static const char *const files[] = {"asking.yaml", "plain.yaml", "failing.yaml", "hanging.yaml", "stopping.yaml"};
  struct fl_error err = {0};
  desk.server = fl_server_create(
      &(struct fl_server_options){.size = sizeof(struct fl_server_options), .name = "desk", .version = "1"});
  desk.host = fl_graph_host_create(&(struct fl_graph_host_options){.runtime = desk.rig.runtime, .server = desk.server});
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) add(files[i]);
  assert_int_equal(fl_graph_host_restore(desk.host, &err), 0);
  desk.serving = fl_serving_create(desk.server, desk.rig.world);
  desk.serving->on_out = on_out;
  desk.session = fl_serving_open_session(desk.serving, 0);
  fl_serving_restore_tasks(desk.serving, desk.session);
  rig_turn(&desk.rig);
}

static void close_desk(void) {
  fl_serving_close_session(desk.serving, desk.session);
  rig_turn(&desk.rig);
  fl_serving_close(desk.serving);
  assert_int_equal(desk.serving->runner.live_count, 0);
  fl_serving_settle(desk.serving);
  fl_serving_destroy(desk.serving);
  fl_graph_host_settle(desk.host);
  fl_server_destroy(desk.server);
  fl_graph_host_destroy(desk.host);
}

/* Another process on the same store. */
static void live_again(void) {
  close_desk();
  rig_down(&desk.rig);
  rig_up(&desk.rig);
  open_desk();
}

static int setup(void **state) {
  desk = (struct desk){.rig = {.seed = 5}};
  rig_up(&desk.rig);
  open_desk();
  return 0;
}

static int teardown(void **state) {
  close_desk();
  rig_deinit(&desk.rig);
  fl_buf_deinit(&desk.out);
  return 0;
}

/* ---- talking ---- */

#define NOTHING "{}"
#define FORMS "{'elicitation':{}}"
#define TASKS "{'elicitation':{},'extensions':{'io.modelcontextprotocol/tasks':{}}}"

static void say(const char *line) {
  char *copy = fl_strdup(line);
  for (char *c = copy; *c != '\0'; c++)
    if (*c == '\'') *c = '"';
  fl_serving_line(desk.serving, desk.session, fl_slice_of(copy));
  fl_serving_flush(desk.serving);
  fl_free(copy);
}

/* A modern request, without turning the world; its id. */
static int send(const char *capabilities, const char *method, const char *params) {
  FL_FREE_AUTO char *line = fl_format(
      "{'jsonrpc':'2.0','id':%d,'method':'%s','params':{%s%s'_meta':{'io.modelcontextprotocol/protocolVersion':"
      "'2026-07-28','progressToken':'p','io.modelcontextprotocol/clientCapabilities':%s}}}",
      ++desk.id, method, params, params[0] != '\0' ? "," : "", capabilities);
  say(line);
  return desk.id;
}

/* The first message that was sent with a member of that value, a new reference; NULL: none. */
static struct fl_value *find(const char *key, const char *text, int64_t number) {
  const char *at = desk.out.data, *end = at + desk.out.size;
  for (const char *line_end; at < end; at = line_end + 1) {
    line_end = memchr(at, '\n', (size_t)(end - at));
    struct fl_value *message = NULL;
    assert_int_equal(fl_parse(at, (size_t)(line_end - at), &message, NULL), 0);
    const struct fl_value *value = fl_get(message, key);
    bool fits = text != NULL ? strcmp(fl_get_string(message, key, ""), text) == 0 : fl_as_int(value, -1) == number;
    if (fits) return message;
    fl_value_unref(message);
  }
  return NULL;
}

static struct fl_value *held[64]; /* what was lent */
static size_t held_count;

/* The result of a request, lent until the end of the program; fails when there is none. */
static struct fl_value *result_of(int id) {
  struct fl_value *message = find("id", NULL, id);
  if (message == NULL || fl_get(message, "result") == NULL)
    fail_msg("request %d has no result: %s", id, message != NULL ? text_of(message) : "");
  if (held_count == 64) held_count = 0;
  fl_value_unref(held[held_count]);
  held[held_count] = message;
  return fl_get(held[held_count++], "result");
}

static struct fl_value *ask(const char *capabilities, const char *method, const char *params) {
  int id = send(capabilities, method, params);
  rig_turn(&desk.rig);
  return result_of(id);
}

static const char *text_in(const struct fl_value *result) {
  return fl_get_string(fl_at(fl_get(result, "content"), 0), "text", "");
}

/* ---- calls ---- */

static void graphs_are_listed_as_tools(void **state) {
  const struct fl_value *tools = fl_get(ask(NOTHING, "tools/list", ""), "tools");
  assert_int_equal(fl_size(tools), 5);
  const struct fl_value *tool = fl_at(tools, 0);
  assert_string_equal(fl_get_string(tool, "name", ""), "my_graph");
  assert_string_equal(fl_get_string(tool, "description", ""), "Says it again.");
  assert_json(fl_get(tool, "inputSchema"), "{'type':'object','properties':{'text':{'type':'string'}},'required':["
                                           "'text'],'additionalProperties':false}");
  assert_string_equal(fl_get_string(fl_at(tools, 1), "description", ""), "Runs the graph plain.");
}

static void a_call_runs_to_its_end(void **state) {
  const struct fl_value *result = ask(NOTHING, "tools/call", "'name':'plain','arguments':{'message':'hello'}");
  assert_string_equal(text_in(result), "you said hello");
  assert_int_equal(fl_size(fl_get(fl_get(result, "structuredContent"), "messages")), 2);
  assert_null(fl_get(result, "isError"));
  const char *thread = fl_get_string(fl_get(result, "_meta"), "fairlead/thread", "");
  assert_string_equal(rig_stored_status(&desk.rig, thread), "idle");
  struct fl_value *progress = find("method", "notifications/progress", 0);
  assert_json(fl_get(progress, "params"), "{'progressToken':'p','progress':1,'message':'talk'}");
  fl_value_unref(progress);
}

static void tools_are_told_as_progress(void **state) {
  ask(NOTHING, "tools/call", "'name':'my_graph','arguments':{'text':'a'}");
  fl_buf_add_char(&desk.out, '\0');
  assert_non_null(strstr(desk.out.data, "\"message\":\"say: t/echo\""));
  fl_buf_clear(&desk.out);
}

static void a_failure_is_told_to_the_model(void **state) {
  const struct fl_value *result = ask(NOTHING, "tools/call", "'name':'failing'");
  assert_true(fl_get_bool(result, "isError", false));
  assert_non_null(strstr(text_in(result), "never"));
  result = ask(NOTHING, "tools/call", "'name':'plain','arguments':{}");
  assert_non_null(strstr(text_in(result), "message is missing"));
  result = ask(NOTHING, "tools/call", "'name':'my_graph','arguments':{'said':1}");
  assert_non_null(strstr(text_in(result), "Invalid arguments"));
}

static void a_call_is_cancelled(void **state) {
  int id = send(NOTHING, "tools/call", "'name':'hanging'");
  fl_world_sim_run_until(desk.rig.world, fl_world_now_ms(desk.rig.world) + 50);
  assert_int_equal(desk.rig.cancelled_count, 0);
  FL_FREE_AUTO char *line =
      fl_format("{'jsonrpc':'2.0','method':'notifications/cancelled','params':{'requestId':%d,'_meta':{"
                "'io.modelcontextprotocol/protocolVersion':'2026-07-28'}}}",
                id);
  say(line);
  rig_turn(&desk.rig);
  assert_int_equal(desk.rig.cancelled_count, 1);
  assert_null(find("id", NULL, id));
}

/* ---- the trace of the caller ---- */

static bool keep_first(const struct fl_trace_run *run, void *user) {
  struct fl_value **begin = user;
  return *begin == NULL ? fl_parse(run->begin.data, run->begin.size, begin, NULL) == 0 : true;
}

/* What the newest run says of its beginning, a new reference. */
static struct fl_value *newest_begin(void) {
  struct fl_value *begin = NULL;
  struct fl_trace_query query = {.visit = keep_first, .user_data = &begin};
  assert_int_equal(fl_store_list_runs(desk.rig.store, &query, NULL), 0);
  assert_non_null(begin);
  return begin;
}

static void call_with_trace(bool is_modern, const char *traceparent, const char *tracestate) {
  FL_FREE_AUTO char *line = fl_format("{'jsonrpc':'2.0','id':%d,'method':'tools/"
                                      "call','params':{'name':'plain','arguments':{'message':'hello'},'_meta':{"
                                      "%s'traceparent':'%s','tracestate':'%s'}}}",
                                      ++desk.id,
                                      is_modern ? "'io.modelcontextprotocol/protocolVersion':'2026-07-28',"
                                                  "'io.modelcontextprotocol/clientCapabilities':{},"
                                                : "",
                                      traceparent, tracestate);
  say(line);
  rig_turn(&desk.rig);
  assert_string_equal(text_in(result_of(desk.id)), "you said hello");
}

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
static const struct {
  const char *traceparent, *tracestate;
  bool is_joined;
  const char *kept; /* of the tracestate; NULL: it does not count */
} callers[] = {
    {"00-" TRACE "-" PARENT "-01", "v=1,w=2", true, "v=1,w=2"},
    {"00-" TRACE "-" PARENT "-00", "", true, NULL},
    {"00-" TRACE "-" PARENT "-01", "no member", true, NULL},
    {"00-" TRACE "-" PARENT "-01", "v=1,v=2", true, NULL},
    {"cc-" TRACE "-" PARENT "-01-later", "v=1", true, "v=1"},
    {"00-" TRACE "-" PARENT "-01-later", "v=1", false, NULL},
    {"ff-" TRACE "-" PARENT "-01", "v=1", false, NULL},
    {"00-" TRACE "-0000000000000000-01", "v=1", false, NULL},
    {"00-00000000000000000000000000000000-" PARENT "-01", "v=1", false, NULL},
    {"00-" TRACE "-B7AD6B7169203331-01", "v=1", false, NULL},
    {"", "v=1", false, NULL},
};

static void check_callers(bool is_modern) {
  for (size_t i = 0; i < sizeof callers / sizeof *callers; i++) {
    fl_world_sim_run_until(desk.rig.world, fl_world_now_ms(desk.rig.world) + 10); /* runs are listed by time */
    call_with_trace(is_modern, callers[i].traceparent, callers[i].tracestate);
    FL_VALUE_AUTO begin = newest_begin();
    const char *kept = callers[i].kept != NULL ? callers[i].kept : "", *joined = callers[i].is_joined ? TRACE : "";
    if (strcmp(fl_get_string(begin, "trace_id", ""), joined) != 0 ||
        strcmp(fl_get_string(begin, "parent_id", ""), callers[i].is_joined ? PARENT : "") != 0 ||
        strcmp(fl_get_string(begin, "tracestate", ""), kept) != 0)
      fail_msg("\"%s\", \"%s\": %s", callers[i].traceparent, callers[i].tracestate, text_of(begin));
  }
}

static void a_run_joins_the_trace_of_its_caller(void **state) { check_callers(true); }

static void also_of_an_older_client(void **state) {
  say("{'jsonrpc':'2.0','id':0,'method':'initialize','params':{'protocolVersion':'2025-06-18','capabilities':{},"
      "'clientInfo':{'name':'old','version':'1'}}}");
  say("{'jsonrpc':'2.0','method':'notifications/initialized'}");
  check_callers(false);
}

/* ---- questions ---- */

/* The only key of the questions of a result. */
static const char *key_in(const struct fl_value *result) {
  struct fl_member member = {0};
  assert_true(fl_next_member(fl_get(result, "inputRequests"), &member));
  return member.key;
}

static void a_question_is_asked_in_the_call(void **state) {
  struct fl_value *result = ask(FORMS, "tools/call", "'name':'my_graph','arguments':{'text':'a'}");
  assert_string_equal(fl_get_string(result, "resultType", ""), "input_required");
  const struct fl_value *request = fl_get(fl_get(result, "inputRequests"), key_in(result));
  assert_json(request, "{'method':'elicitation/create','params':{'message':'Again?','requestedSchema':{"
                       "'type':'object','properties':{'answer':{'type':'string'}},'required':['answer']}}}");
  FL_FREE_AUTO char *params =
      fl_format("'name':'my_graph','arguments':{'text':'a'},'requestState':'%s','inputResponses':{'%s':{'action':"
                "'accept','content':{'answer':'b'}}}",
                fl_get_string(result, "requestState", ""), key_in(result));
  result = ask(FORMS, "tools/call", params);
  assert_string_equal(fl_get_string(fl_get(result, "structuredContent"), "answer", ""), "b");
  assert_null(fl_get(fl_get(result, "structuredContent"), "end")); /* is no output */
  const struct fl_value *again = ask(FORMS, "tools/call", params); /* the same once more: nothing runs twice */
  assert_json(fl_get(again, "structuredContent"), text_of(fl_get(result, "structuredContent")));
  assert_string_equal(desk.rig.calls.data, "echo echo ");
}

static void a_call_that_waits_goes_on_in_another_life(void **state) {
  struct fl_value *result = ask(FORMS, "tools/call", "'name':'my_graph','arguments':{'text':'a'}");
  FL_FREE_AUTO char *params =
      fl_format("'name':'my_graph','arguments':{'text':'a'},'requestState':'%s','inputResponses':{'%s':{'action':"
                "'accept','content':{'answer':'b'}}}",
                fl_get_string(result, "requestState", ""), key_in(result));
  live_again();
  result = ask(FORMS, "tools/call", params);
  assert_json(fl_get(fl_get(result, "structuredContent"), "answer"), "'b'");
  assert_string_equal(desk.rig.calls.data, "echo echo ");
}

static void an_older_client_is_asked_by_a_request(void **state) {
  say("{'jsonrpc':'2.0','id':1,'method':'initialize','params':{'protocolVersion':'2025-06-18','capabilities':{"
      "'elicitation':{}},'clientInfo':{'name':'old','version':'1'}}}");
  say("{'jsonrpc':'2.0','method':'notifications/initialized'}");
  say("{'jsonrpc':'2.0','id':2,'method':'tools/call','params':{'name':'my_graph','arguments':{'text':'a'}}}");
  rig_turn(&desk.rig);
  struct fl_value *question = find("method", "elicitation/create", 0);
  assert_non_null(question);
  assert_string_equal(fl_get_string(fl_get(question, "params"), "message", ""), "Again?");
  FL_FREE_AUTO char *line = fl_format("{'jsonrpc':'2.0','id':%s,'result':{'action':'accept','content':{'answer':'b'}}}",
                                      text_of(fl_get(question, "id")));
  fl_value_unref(question);
  say(line);
  rig_turn(&desk.rig);
  assert_json(fl_get(fl_get(result_of(2), "structuredContent"), "answer"), "'b'");
  assert_string_equal(desk.rig.calls.data, "echo echo ");
}

static void who_cannot_be_asked_is_told_how_to_go_on(void **state) {
  const struct fl_value *result = ask(NOTHING, "tools/call", "'name':'my_graph','arguments':{'text':'a'}");
  assert_true(fl_get_bool(result, "isError", false));
  assert_non_null(strstr(text_in(result), "It asks: Again?"));
  const char *thread = fl_get_string(fl_get(result, "_meta"), "fairlead/thread", "-");
  FL_FREE_AUTO char *hint = fl_format("fairlead threads resume %s", thread);
  assert_non_null(strstr(text_in(result), hint));
  assert_string_equal(rig_stored_status(&desk.rig, thread), "interrupted");
}

static void who_would_not_say_is_told_too(void **state) {
  struct fl_value *result = ask(FORMS, "tools/call", "'name':'my_graph','arguments':{'text':'a'}");
  FL_FREE_AUTO char *params = fl_format(
      "'name':'my_graph','arguments':{'text':'a'},'requestState':'%s','inputResponses':{'%s':{'action':'decline'}}",
      fl_get_string(result, "requestState", ""), key_in(result));
  result = ask(FORMS, "tools/call", params);
  assert_non_null(strstr(text_in(result), "the person would not say"));
  assert_string_equal(desk.rig.calls.data, "echo ");
}

static void a_stop_asks_whether_to_go_on(void **state) {
  for (int yes = 0; yes < 2; yes++) {
    struct fl_value *result = ask(FORMS, "tools/call", "'name':'stopping'");
    FL_FREE_AUTO char *params = fl_format(
        "'name':'stopping','requestState':'%s','inputResponses':{'%s':{'action':'accept','content':{'answer':%s}}}",
        fl_get_string(result, "requestState", ""), key_in(result), yes ? "true" : "false");
    result = ask(FORMS, "tools/call", params);
    if (yes) assert_json(fl_get(result, "structuredContent"), "{'a':1}");
    else assert_non_null(strstr(text_in(result), "fairlead threads resume"));
  }
}

/* ---- tasks ---- */

static struct fl_value *look_at(const char *task) {
  FL_FREE_AUTO char *params = fl_format("'taskId':'%s'", task);
  return ask(TASKS, "tasks/get", params);
}

static char *begin_task(const char *params) {
  return fl_strdup(fl_get_string(ask(TASKS, "tools/call", params), "taskId", ""));
}

static void answer_task(const char *task, const char *response) {
  FL_FREE_AUTO char *params =
      fl_format("'taskId':'%s','inputResponses':{'%s':%s}", task, key_in(look_at(task)), response);
  ask(TASKS, "tasks/update", params);
}

static const char *status_of(const char *task) { return fl_get_string(look_at(task), "status", ""); }

static void a_task_is_a_thread(void **state) {
  FL_FREE_AUTO char *task = begin_task("'name':'my_graph','arguments':{'text':'a'}");
  assert_string_equal(status_of(task), "input_required");
  assert_string_equal(rig_stored_status(&desk.rig, task), "interrupted");
  answer_task(task, "{'action':'accept','content':{'answer':'b'}}");
  assert_string_equal(status_of(task), "completed");
  assert_json(fl_get(fl_get(fl_get(look_at(task), "result"), "structuredContent"), "answer"), "'b'");
  assert_string_equal(desk.rig.calls.data, "echo echo ");
}

static void a_task_goes_on_in_another_life(void **state) {
  FL_FREE_AUTO char *task = begin_task("'name':'my_graph','arguments':{'text':'a'}");
  live_again();
  assert_string_equal(status_of(task), "input_required");
  answer_task(task, "{'action':'accept','content':{'answer':'b'}}");
  assert_string_equal(status_of(task), "completed");
  live_again();
  assert_string_equal(status_of(task), "completed");
  assert_string_equal(desk.rig.calls.data, "echo echo ");
}

/* The process ends in the middle of a run: its record says that it works, and the next one goes on. */
static void a_run_that_was_left_goes_on(void **state) {
  int id = send(TASKS, "tools/call", "'name':'hanging'");
  fl_world_sim_run_until(desk.rig.world, fl_world_now_ms(desk.rig.world) + 50);
  FL_FREE_AUTO char *task = fl_strdup(fl_get_string(result_of(id), "taskId", ""));
  live_again();
  assert_int_equal(desk.rig.cancelled_count, 1);
  assert_non_null(strstr("working input_required", status_of(task)));
  FL_FREE_AUTO char *params = fl_format("'taskId':'%s'", task);
  ask(TASKS, "tasks/cancel", params);
  assert_string_equal(status_of(task), "cancelled");
  live_again();
  assert_string_equal(status_of(task), "cancelled");
}

static void what_is_not_written_is_not_told(void **state) {
  fl_store_memory_set_error(desk.rig.store, FL_E_NO_SPACE);
  int id = send(TASKS, "tools/call", "'name':'my_graph','arguments':{'text':'a'}");
  fl_world_sim_run_until(desk.rig.world, fl_world_now_ms(desk.rig.world) + 2500);
  assert_null(find("id", NULL, id));
  assert_null(desk.rig.calls.data); /* nor has anything begun */
  fl_store_memory_set_error(desk.rig.store, 0);
  fl_world_sim_run_until(desk.rig.world, fl_world_now_ms(desk.rig.world) + 2500);
  assert_string_equal(fl_get_string(result_of(id), "resultType", ""), "task");
  assert_string_equal(desk.rig.calls.data, "echo ");
}

static bool count_item(const struct fl_memory_item *item, void *user) {
  ++*(int *)user;
  return true;
}

static int count_items(const char *ns) {
  int count = 0;
  const struct fl_items_query query = {
      .ns = ns, .limit = 100, .wall_ms = fl_world_wall_ms(desk.rig.world), .visit = count_item, .user = &count};
  assert_int_equal(fl_store_search_items(desk.rig.store, &query, NULL), 0);
  return count;
}

static void records_are_ours_and_end_with_their_time(void **state) {
  FL_FREE_AUTO char *done = begin_task("'name':'plain','arguments':{'message':'x'}");
  FL_FREE_AUTO char *open = begin_task("'name':'my_graph','arguments':{'text':'a'}");
  assert_string_equal(status_of(done), "completed");
  assert_int_equal(count_items("fairlead.mcp-tasks"), 2);
  assert_int_equal(count_items("fairlead"), 3); /* and the key */
  assert_int_equal(count_items(""), 0);         /* who searches everywhere does not see them */
  fl_world_sim_set_wall_ms(desk.rig.world, fl_world_wall_ms(desk.rig.world) + FL_MCP_TASK_TTL_MS + 1);
  assert_int_equal(count_items("fairlead.mcp-tasks"), 1);
  assert_string_equal(status_of(open), "input_required");
}

static void another_file_of_that_name_has_other_tasks(void **state) {
  FL_FREE_AUTO char *task = begin_task("'name':'my_graph','arguments':{'text':'a'}");
  close_desk();
  rig_down(&desk.rig);
  rig_up(&desk.rig);
  assert_int_equal(rename(path_of("asking.yaml"), "/tmp/fairlead-graphs-moved"), 0);
  char *moved = realpath("/tmp/fairlead-graphs-moved", NULL);
  assert_int_equal(symlink(moved, path_of("asking.yaml")), 0);
  free(moved);
  open_desk();
  int id = desk.id + 1;
  FL_FREE_AUTO char *params = fl_format("'taskId':'%s'", task);
  send(TASKS, "tasks/get", params);
  struct fl_value *message = find("id", NULL, id);
  assert_non_null(fl_get(message, "error"));
  fl_value_unref(message);
  unlink(path_of("asking.yaml"));
  assert_int_equal(rename("/tmp/fairlead-graphs-moved", path_of("asking.yaml")), 0);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      ROW(graphs_are_listed_as_tools),
      ROW(a_call_runs_to_its_end),
      ROW(tools_are_told_as_progress),
      ROW(a_failure_is_told_to_the_model),
      ROW(a_call_is_cancelled),
      ROW(a_run_joins_the_trace_of_its_caller),
      ROW(also_of_an_older_client),
      ROW(a_question_is_asked_in_the_call),
      ROW(a_call_that_waits_goes_on_in_another_life),
      ROW(an_older_client_is_asked_by_a_request),
      ROW(who_cannot_be_asked_is_told_how_to_go_on),
      ROW(who_would_not_say_is_told_too),
      ROW(a_stop_asks_whether_to_go_on),
      ROW(a_task_is_a_thread),
      ROW(a_task_goes_on_in_another_life),
      ROW(a_run_that_was_left_goes_on),
      ROW(what_is_not_written_is_not_told),
      ROW(records_are_ours_and_end_with_their_time),
      ROW(another_file_of_that_name_has_other_tasks),
  };
  static const char *const files[][2] = {
      {"asking.yaml", asking},     {"plain.yaml", plain},
      {"failing.yaml", failing},   {"hanging.yaml", hanging},
      {"stopping.yaml", stopping}, {"words.yaml", "replies:\n  - { text: you said hello }\n"},
  };
  if (mkdtemp(folder) == NULL) return 1;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) write_file(files[i][0], files[i][1]);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  for (size_t i = 0; i < 64; i++) fl_value_unref(held[i]);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) unlink(path_of(files[i][0]));
  rmdir(folder);
  return failed;
}
