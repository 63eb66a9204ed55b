/* SPDX-License-Identifier: MIT */
/* The C interface of a server in the simulated world: what is registered is served, handlers ask and are entered again,
 * change what is offered, become tasks, are saved and restored; a folder of skills. */
#include "mcp/serving.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct fl_world *world;
static struct fl_server *server;
static struct fl_serving *serving;
static struct fl_mcp_server_session *session;
static struct fl_buf said; /* everything that went out */
static int close_count;

static void on_out(struct fl_serving *at, const struct fl_mcp_server_effects *effects) {
  fl_buf_add(&said, effects->out.data, effects->out.size);
  for (size_t i = 0; i < effects->count; i++) close_count += effects->items[i].type == FL_MCP_CLOSE_STREAM;
}

static void create(bool lists_change) {
  world = fl_world_sim_create(1);
  struct fl_server_options options = {
      .size = sizeof options, .name = "ship", .version = "1", .lists_change = lists_change};
  server = fl_server_create(&options);
  close_count = 0;
}

static void serve(void) {
  serving = fl_serving_create(server, world);
  serving->on_out = on_out;
  session = fl_serving_open_session(serving, 0);
  fl_serving_restore_tasks(serving, session);
}

static void end(void) {
  fl_serving_close_session(serving, session);
  fl_world_sim_run(world);
  fl_serving_close(serving);
  fl_serving_destroy(serving);
  fl_server_destroy(server);
  fl_world_destroy(world);
  fl_buf_deinit(&said);
}

/* Sends a line and lets the world run; what came back since. */
static const char *say(const char *line) {
  fl_buf_clear(&said);
  fl_serving_line(serving, session, fl_slice_of(line));
  fl_serving_flush(serving);
  fl_world_sim_run(world);
  return said.data != NULL ? said.data : "";
}

#define CAPABLE "{\"elicitation\":{},\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}"
#define META(capabilities)                                                                           \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/" \
  "clientCapabilities\":" capabilities "}"
#define REQUEST(method, params) \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "," META(CAPABLE) "}}"
#define BARE(method) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" META("{}") "}}"

static void expect(const char *got, const char *part) {
  const char *all = got != NULL ? got : "";
  if (strstr(all, part) == NULL) fail_msg("expected %s\nin %s", part, all);
}

/* The text behind `key":"` up to the next quote; freed by the caller. */
static char *take(const char *got, const char *key) {
  const char *found = strstr(got, key);
  if (found == NULL) fail_msg("no %s in %s", key, got);
  found += strlen(key) + 3;
  return fl_strndup(found, strcspn(found, "\""));
}

/* ---- handlers ---- */

static int enter_count;

static int greet(struct fl_call *call, const struct fl_value *args, void *user) {
  fl_call_return_message(call, "user", "Greet %s.", fl_get_string(args, "who", "?"));
  return fl_call_return_message_take(call, "assistant", fl_content_link("ship://log", "log", "text/plain"));
}

static int complete(struct fl_call *call, const struct fl_value *args, void *user) {
  static const char *const names[] = {"Ada", "Alan", "Grace", NULL};
  return fl_call_return_values(call, names);
}

static int no_answer(struct fl_call *call, const struct fl_value *args, void *user) { return 0; }
static int refuses(struct fl_call *call, const struct fl_value *args, void *user) { return FL_E_DENIED; }
static int breaks(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_fail(call, -32000, "broken %d", 7);
}

static int read_log(struct fl_call *call, const struct fl_value *args, void *user) {
  fl_call_return_resource_text(call, NULL, "calm");
  return fl_call_return_resource_bytes(call, NULL, "\xff\x00", 2);
}

static int read_port(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_resource_text(call, "text/plain", fl_get_string(args, "name", ""));
}

static int ask(struct fl_call *call, const struct fl_value *args, void *user) {
  const char *name = NULL;
  bool sure = false;
  enter_count++;
  int status = fl_call_ask_text(call, "name", "Who?", &name);
  if (status != 0) return status;
  fl_call_set_state_take(call, fl_string("named"));
  status = fl_call_ask_yes(call, "sure", "Sure?", &sure);
  if (status != 0) return status;
  return fl_call_return_text(call, "%s is %s, %s", name != NULL ? name : "nobody", sure ? "sure" : "not sure",
                             fl_as_string(fl_call_state(call)));
}

static int later(struct fl_call *call, const struct fl_value *args, void *user) {
  fl_call_become_task(call);
  fl_call_progress(call, 1, 2, "half");
  fl_call_close_stream(call);
  return fl_call_return_text(call, "done");
}

static int says_who(struct fl_call *call, const struct fl_value *args, void *user) {
  int status = fl_call_return_text(call, "%s/%s", fl_call_principal(call), fl_call_task_id(call));
  struct fl_value *meta = fl_object();
  fl_set_string(meta, "a", "b");
  fl_call_set_meta_take(call, meta);
  return status;
}

#define OF_TOOL(tool_name, function, more) \
  { .size = sizeof(struct fl_tool), .name = (tool_name), .run = (function), .flags = (more) }
static const struct fl_tool TOOLS[] = {OF_TOOL("ask", ask, FL_TOOL_PARALLEL), OF_TOOL("job", ask, FL_TOOL_TASK),
                                       OF_TOOL("later", later, FL_TOOL_TASK_LATER), OF_TOOL("who", says_who, 0),
                                       OF_TOOL("breaks", breaks, FL_TOOL_QUICK)};

static void add_tools(void) {
  for (size_t i = 0; i < sizeof TOOLS / sizeof TOOLS[0]; i++)
    assert_int_equal(fl_server_add_tool(server, &TOOLS[i], NULL), 0);
}

/* ---- prompts and resources ---- */

static int add_prompt(const char *name, fl_tool_fn *run, fl_tool_fn *completes, struct fl_error *err) {
  static const struct fl_prompt_arg args[] = {{.name = "who", .title = "Who", .description = "A name."}, {0}};
  struct fl_prompt prompt = {.size = sizeof prompt,
                             .name = name,
                             .description = "It greets.",
                             .args = args,
                             .run = run,
                             .complete = completes,
                             .icons = "[{\"src\":\"https://example.org/a.png\"}]"};
  return fl_server_add_prompt(server, &prompt, err);
}

static void prompts_are_served(void **state) {
  create(false);
  assert_int_equal(add_prompt("greet", greet, complete, NULL), 0);
  assert_int_equal(add_prompt("empty", no_answer, NULL, NULL), 0);
  assert_int_equal(add_prompt("refuses", refuses, NULL, NULL), 0);
  assert_int_equal(add_prompt("breaks", breaks, NULL, NULL), 0);
  serve();
  expect(say(REQUEST("prompts/list", "\"x\":1")),
         "{\"name\":\"greet\",\"description\":\"It greets.\",\"icons\":[{\"src\":\"https://example.org/a.png\"}],"
         "\"arguments\":[{\"name\":\"who\",\"title\":\"Who\",\"description\":\"A name.\",\"required\":false}]}");
  expect(
      say(REQUEST("prompts/get", "\"name\":\"greet\",\"arguments\":{\"who\":\"Ada\"}")),
      "\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"Greet "
      "Ada.\"}},{\"role\":\"assistant\","
      "\"content\":{\"type\":\"resource_link\",\"uri\":\"ship://log\",\"name\":\"log\",\"mimeType\":\"text/plain\"}}]");
  expect(
      say(REQUEST("completion/complete", "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"greet\"},\"argument\":{\"name\":"
                                         "\"who\",\"value\":\"A\"}")),
      "\"values\":[\"Ada\",\"Alan\"],\"total\":2,\"hasMore\":false");
  expect(say(REQUEST("prompts/get", "\"name\":\"empty\"")), "\"error\":{\"code\":-32602");
  expect(say(REQUEST("prompts/get", "\"name\":\"refuses\"")), "the policy does not allow it");
  expect(say(REQUEST("prompts/get", "\"name\":\"breaks\"")), "\"error\":{\"code\":-32000,\"message\":\"broken 7\"}");
  end();
}

static void resources_are_served(void **state) {
  create(false);
  struct fl_resource log = {.size = sizeof log,
                            .uri = "ship://log",
                            .name = "log",
                            .annotations = "{\"priority\":1}",
                            .meta = "{\"ui\":{}}",
                            .run = read_log};
  struct fl_resource port = {
      .size = sizeof port, .uri = "ship://port/{name}", .name = "port", .run = read_port, .complete = complete};
  assert_int_equal(fl_server_add_resource(server, &log, NULL), 0);
  assert_int_equal(fl_server_add_template(server, &port, NULL), 0);
  serve();
  expect(say(BARE("resources/list")),
         "{\"uri\":\"ship://log\",\"name\":\"log\",\"annotations\":{\"priority\":1},\"_meta\":{\"ui\":{}}}");
  expect(say(BARE("resources/templates/list")), "\"uriTemplate\":\"ship://port/{name}\"");
  expect(say(REQUEST("resources/read", "\"uri\":\"ship://log\"")),
         "[{\"uri\":\"ship://log\",\"mimeType\":\"text/plain\",\"text\":\"calm\"},{\"uri\":\"ship://log\",\"mimeType\":"
         "\"application/octet-stream\",\"blob\":\"/wA=\"}]");
  expect(say(REQUEST("resources/read", "\"uri\":\"ship://port/Le%20Havre\"")), "\"text\":\"Le Havre\"");
  expect(say(REQUEST("completion/complete", "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"ship://port/{name}\"},"
                                            "\"argument\":{\"name\":\"name\",\"value\":\"G\"}")),
         "[\"Grace\"]");
  end();
}

static void what_cannot_be_is_not_added(void **state) {
  create(false);
  struct fl_error err = {0};
  assert_int_equal(add_prompt("greet", greet, NULL, NULL), 0);
  assert_int_equal(add_prompt("greet", greet, NULL, &err), FL_E_EXISTS);
  assert_int_equal(add_prompt("", greet, NULL, &err), FL_E_INVALID);
  assert_int_equal(add_prompt("none", NULL, NULL, &err), FL_E_INVALID);
  struct fl_resource odd = {.size = sizeof odd, .uri = "no-scheme", .name = "x", .run = read_log};
  assert_int_equal(fl_server_add_resource(server, &odd, &err), FL_E_INVALID);
  odd = (struct fl_resource){.size = sizeof odd, .uri = "a:{", .name = "x", .run = read_log};
  assert_int_equal(fl_server_add_template(server, &odd, &err), FL_E_INVALID);
  odd = (struct fl_resource){.size = sizeof odd, .uri = "a:b", .name = "x", .run = read_log, .meta = "[]"};
  assert_int_equal(fl_server_add_resource(server, &odd, &err), FL_E_INVALID);
  odd = (struct fl_resource){.size = 8, .uri = "a:b", .name = "x", .run = read_log};
  assert_int_equal(fl_server_add_resource(server, &odd, &err), FL_E_INVALID);
  struct fl_tool tool = {.size = sizeof tool, .name = "t", .run = ask, .icons = "{}"};
  assert_int_equal(fl_server_add_tool(server, &tool, &err), FL_E_INVALID);
  expect(err.text, "icons of tool \"t\" must be an array");
  fl_server_remove_prompt(server, "greet");
  assert_int_equal(add_prompt("greet", greet, NULL, NULL), 0);
  fl_server_destroy(server);
  fl_world_destroy(world);
}

/* ---- questions ---- */

#define CALL_AGAIN(name)                                                                                               \
  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"" name "\",\"requestState\":\"%s\"," \
  "\"inputResponses\":{\"%s\":{\"action\":\"accept\",\"content\":{\"answer\":%s}}}," META(CAPABLE) "}}"

static char *answer(const char *state, const char *key, const char *value) {
  return fl_format(CALL_AGAIN("ask"), state, key, value);
}

static void a_handler_asks_and_is_entered_again(void **state) {
  create(false);
  add_tools();
  serve();
  enter_count = 0;
  const char *got = say(REQUEST("tools/call", "\"name\":\"ask\""));
  expect(got, "\"resultType\":\"input_required\",\"inputRequests\":{\"name\":{\"method\":\"elicitation/create\"");
  FL_FREE_AUTO char *first = take(got, "requestState");
  FL_FREE_AUTO char *second_call = answer(first, "name", "\"Ada\"");
  got = say(second_call);
  expect(got, "{\"sure\":{\"method\":\"elicitation/create\"");
  FL_FREE_AUTO char *second = take(got, "requestState");
  FL_FREE_AUTO char *third_call = answer(second, "sure", "true");
  expect(say(third_call), "Ada is sure, named");
  assert_int_equal(enter_count, 3);
  expect(say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"ask\"," META("{}") "}}"),
         "\"code\":-32021");
  end();
}

static void a_legacy_client_is_asked_by_requests(void **state) {
  create(false);
  add_tools();
  serve();
  say("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\","
      "\"capabilities\":{\"elicitation\":{}}}}");
  expect(say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"ask\"}}"),
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"elicitation/create\"");
  expect(say("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"action\":\"decline\"}}"),
         "\"id\":2,\"method\":\"elicitation/create\"");
  expect(say("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"action\":\"accept\",\"content\":{\"answer\":false}}}"),
         "\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"nobody is not sure, named\"}]}");
  say("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"ask\"}}");
  expect(say("{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-1,\"message\":\"no\"}}"),
         "the other side answered with an error");
  say("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"later\"}}");
  assert_int_equal(close_count, 1);
  end();
}

static void who_calls_is_known(void **state) {
  create(false);
  add_tools();
  serve();
  expect(say(REQUEST("tools/call", "\"name\":\"who\"")), "\"text\":\"/\"");
  expect(said.data, "\"_meta\":{\"a\":\"b\",\"io.modelcontextprotocol/serverInfo\"");
  expect(say(REQUEST("tools/call", "\"name\":\"breaks\"")), "\"error\":{\"code\":-32000,\"message\":\"broken 7\"}");
  end();
}

/* ---- changes ---- */

static void changes_are_told(void **state) {
  create(true);
  assert_int_equal(fl_server_add_tool(server, &TOOLS[0], NULL), 0);
  serve();
  say("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"}}");
  fl_buf_clear(&said);
  assert_int_equal(fl_server_add_tool(server, &TOOLS[3], NULL), 0);
  assert_int_equal(fl_server_add_tool(server, &TOOLS[3], NULL), 0); /* takes the place of the other */
  assert_int_equal(add_prompt("greet", greet, NULL, NULL), 0);
  fl_server_remove_tool(server, "ask");
  fl_server_remove_tool(server, "nothing");
  fl_world_sim_run(world);
  assert_string_equal(said.data,
                      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{}}\n"
                      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/prompts/list_changed\",\"params\":{}}\n");
  expect(say(BARE("tools/list")), "\"tools\":[{\"name\":\"who\"");
  expect(say(BARE("prompts/list")), "\"name\":\"greet\"");
  struct fl_resource log = {.size = sizeof log, .uri = "ship://log", .name = "log", .run = read_log};
  fl_server_add_resource(server, &log, NULL);
  fl_world_sim_run(world);
  say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"ship://log\"}}");
  fl_buf_clear(&said);
  fl_server_resource_updated(server, "ship://log");
  fl_server_remove_resource(server, "ship://log");
  fl_world_sim_run(world);
  expect(said.data, "\"notifications/resources/updated\",\"params\":{\"uri\":\"ship://log\"}");
  expect(said.data, "\"notifications/resources/list_changed\"");
  end();
}

/* ---- tasks ---- */

static struct fl_value *saved; /* the last record */
static int saved_count;

static void save(void *user, const char *task_id, const struct fl_value *record) {
  fl_value_unref(saved);
  saved = record != NULL ? fl_copy_shallow(record) : NULL;
  saved_count++;
  fl_server_task_saved(server, task_id);
}

static void a_call_becomes_a_task(void **state) {
  create(false);
  add_tools();
  serve();
  const char *got = say(REQUEST("tools/call", "\"name\":\"later\""));
  expect(got, "\"resultType\":\"task\"");
  FL_FREE_AUTO char *id = take(got, "taskId");
  FL_FREE_AUTO char *get = fl_format(REQUEST("tasks/get", "\"taskId\":\"%s\""), id);
  got = say(get);
  expect(got, "\"status\":\"completed\"");
  expect(got, "\"statusMessage\":\"half\"");
  expect(got, "\"result\":{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}");
  end();
}

static void a_task_outlives_the_server(void **state) {
  create(false);
  fl_server_set_task_store(server, &(struct fl_task_store){.size = sizeof(struct fl_task_store), .save = save});
  add_tools();
  serve();
  saved_count = 0;
  const char *got = say(REQUEST("tools/call", "\"name\":\"job\""));
  expect(got, "\"resultType\":\"task\"");
  FL_FREE_AUTO char *id = take(got, "taskId");
  assert_int_equal(saved_count, 2);
  assert_string_equal(fl_get_string(saved, "status", ""), "input_required");
  end();

  create(false);
  fl_server_set_task_store(server, &(struct fl_task_store){.size = sizeof(struct fl_task_store), .save = save});
  add_tools();
  fl_server_restore_task(server, saved);
  serve();
  FL_FREE_AUTO char *get = fl_format(REQUEST("tasks/get", "\"taskId\":\"%s\""), id);
  expect(say(get), "\"status\":\"input_required\"");
  FL_FREE_AUTO char *update = fl_format(
      REQUEST("tasks/update", "\"taskId\":\"%s\",\"inputResponses\":{\"name\":{\"action\":\"accept\",\"content\":{"
                              "\"answer\":\"Ada\"}}}"),
      id);
  expect(say(update), "\"result\":{\"resultType\":\"complete\"");
  FL_FREE_AUTO char *sure =
      fl_format(REQUEST("tasks/update", "\"taskId\":\"%s\",\"inputResponses\":{\"sure\":{\"action\":\"cancel\"}}"), id);
  say(sure);
  expect(say(get), "Ada is not sure, named");
  end();
  fl_value_unref(saved);
  saved = NULL;
}

/* ---- skills ---- */

static void write_file(const char *folder, const char *name, const char *text) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static char *make_skill(const char *name, const char *manual) {
  char *folder = fl_strdup(test_folder());
  FL_FREE_AUTO char *inner = fl_format("%s/%s", folder, name);
  FL_FREE_AUTO char *deep = fl_format("%s/refs", inner);
  mkdir(inner, 0700);
  mkdir(deep, 0700);
  write_file(inner, "SKILL.md", manual);
  write_file(inner, ".hidden", "no");
  write_file(deep, "a b.json", "{}");
  return folder;
}

static void a_folder_of_skills_is_served(void **state) {
  create(false);
  FL_FREE_AUTO char *folder = make_skill("knots", "---\nname: knots\ndescription: Ties.\n---\n# Knots\n");
  assert_int_equal(fl_server_add_skills(server, folder, NULL), 0);
  serve();
  const char *got = say(BARE("skills/list"));
  expect(got, "\"frontmatter\":{\"name\":\"knots\",\"description\":\"Ties.\"}");
  expect(got, "{\"uri\":\"skill://knots/refs/a%20b.json\",\"digest\":\"sha256:"
              "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2}");
  assert_null(strstr(got, "hidden"));
  expect(say(REQUEST("skills/get", "\"uri\":\"skill://knots/SKILL.md\"")),
         "\"skill\":{\"uri\":\"skill://knots/SKILL.md\"");
  expect(say(REQUEST("resources/directory/read", "\"uri\":\"skill://knots\"")),
         "{\"uri\":\"skill://knots/refs\",\"name\":\"refs\",\"mimeType\":\"inode/directory\"}");
  expect(say(REQUEST("resources/read", "\"uri\":\"skill://knots/refs/a%20b.json\"")), "\"text\":\"{}\"");
  FL_FREE_AUTO char *deep = fl_format("%s/knots/refs", folder);
  write_file(deep, "a b.json", "[]");
  expect(say(REQUEST("resources/read", "\"uri\":\"skill://knots/refs/a%20b.json\"")), "the file was changed");
  expect(say(BARE("resources/list")), "\"resources\":[]");
  end();
}

static void a_folder_that_is_no_skill_is_refused(void **state) {
  static const struct {
    const char *manual, *says;
  } cases[] = {{"# Knots\n", "needs front matter"},
               {"---\nname: knots\n---\n", "needs front matter"},
               {"---\nname: [\n---\n", "needs front matter"},
               {"---\nname: other\ndescription: Ties.\n---\n", "its name is \"other\""}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    create(false);
    FL_FREE_AUTO char *folder = make_skill("knots", cases[i].manual);
    struct fl_error err = {0};
    assert_int_equal(fl_server_add_skills(server, folder, &err), FL_E_INVALID);
    expect(err.text, cases[i].says);
    assert_int_equal(fl_server_add_skills(server, "/nonexistent", &err), FL_E_NOT_FOUND);
    fl_server_destroy(server);
    fl_world_destroy(world);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(prompts_are_served),
                                     cmocka_unit_test(resources_are_served),
                                     cmocka_unit_test(what_cannot_be_is_not_added),
                                     cmocka_unit_test(a_handler_asks_and_is_entered_again),
                                     cmocka_unit_test(a_legacy_client_is_asked_by_requests),
                                     cmocka_unit_test(who_calls_is_known),
                                     cmocka_unit_test(changes_are_told),
                                     cmocka_unit_test(a_call_becomes_a_task),
                                     cmocka_unit_test(a_task_outlives_the_server),
                                     cmocka_unit_test(a_folder_of_skills_is_served),
                                     cmocka_unit_test(a_folder_that_is_no_skill_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
