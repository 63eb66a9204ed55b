/* SPDX-License-Identifier: MIT */
/* Tool calls of a message: side by side, answered in the order of the calls, and whatever goes wrong with one is a text
 * that the model can act on. The message comes as the input, so no model is needed. */
#include "rig.h"
#include "runtime/engine/node_kinds.h"

static const char graph[] = "fairlead: 1\n"
                            "name: calls\n"
                            "state: { messages: { reducer: messages } }\n"
                            "nodes: { tools: { type: tools, tools: [t/*, wild/*] } }\n"
                            "edges: [ START -> tools, tools -> END ]\n";

/* The input with an assistant's message that asks for the calls, given as JSON with ' for ". */
static struct fl_value *asks(const char *calls) {
  FL_FREE_AUTO char *text = fl_format("{'messages':[{'role':'assistant','content':'','tool_calls':[%s]}]}", calls);
  return json(text);
}

static struct fl_value *answer(const struct rig *rig, size_t index) {
  return fl_at(rig_out(rig, "messages"), 1 + index);
}

static void results_stand_in_the_order_of_the_calls(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, graph, NULL);
  for (int seed = 0; seed < 20; seed++) {
    struct fl_invoke_options options = {
        .input = asks(
            "{'id':'1','name':'t__late','args':{'text':'a','ms':30}},"
            "{'id':'2','name':'t__late','args':{'text':'b','ms':10}},"
            "{'id':'3','name':'t__echo','args':{'text':'c'}},{'id':'4','name':'t__late','args':{'text':'d','ms':20}}")};
    assert_int_equal(rig_run(&rig, definition, options), 0);
    assert_string_equal(rig_messages(&rig, 1), "tool: a\ntool: b\ntool: c\ntool: d\n");
  }
  struct fl_value *second = answer(&rig, 1);
  assert_string_equal(fl_get_string(second, "tool_call_id", ""), "2");
  assert_string_equal(fl_get_string(second, "name", ""), "t__late");
  assert_string_equal(fl_get_string(second, "status", ""), "ok");
  rig_deinit(&rig);
}

static void the_calls_run_side_by_side(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, graph, NULL);
  struct fl_invoke_options options = {.input = asks("{'id':'1','name':'t__late','args':{'text':'a','ms':500}},"
                                                    "{'id':'2','name':'t__late','args':{'text':'b','ms':500}}")};
  rig_run(&rig, definition, options);
  assert_int_equal(fl_world_now_ms(rig.world), 500);
  rig_deinit(&rig);
}

/* What the model reads for one call; a star at the end of `text`: it begins so. */
static void each_mishap_is_a_text_for_the_model(void **state) {
  static const struct {
    const char *call, *text;
    bool is_error;
  } rows[] = {
      {"{'id':'1','name':'t__echo','args':{'text':'hello'}}", "hello", false},
      {"{'id':'1','name':'t__ehco','args':{'text':'x'}}",
       "Error: there is no tool named \"t__ehco\". Did you mean \"t__echo\"?", true},
      {"{'id':'1','name':'launch_rocket','args':{}}",
       "Error: there is no tool named \"launch_rocket\". Use only the tools*", true},
      {"{'id':'1','name':'','args':{}}", "Error: there is no tool named \"\"*", true},
      {"{'id':'1','args':{}}", "Error: there is no tool named \"\"*", true},
      {"{'id':'1','name':'t__echo','args':{'text':7}}", "Error: the arguments do not fit the tool's schema: *", true},
      {"{'id':'1','name':'t__echo','args':{}}", "Error: the arguments do not fit the tool's schema: *", true},
      {"{'id':'1','name':'t__echo'}", "Error: the arguments do not fit the tool's schema: *", true},
      {"{'id':'1','name':'t__echo','args':'text'}", "Error: the arguments do not fit the tool's schema: *", true},
      {"{'id':'1','name':'t__error','args':{'text':'no such invoice'}}", "no such invoice", true},
      {"{'id':'1','name':'t__slow','args':{}}", "Error: the tool did not answer in time (*", true},
      {"{'id':'1','name':'t__big','args':{'size':2000000}}", "Error: the result is too large (*", true},
      {"{'id':'1','name':'wild__end','args':{'code':-15,'text':'it fell over'}}",
       "Error: the tool's server stopped during the call (it fell over). It is being restarted.", true},
      {"{'id':'1','name':'wild__end','args':{'code':-13,'text':'60 s'}}",
       "Error: the tool did not answer in time (60 s). Try again with less work, or do without.", true},
      {"{'id':'1','name':'wild__end','args':{'code':-3,'text':'2 MiB'}}",
       "Error: the result is too large (2 MiB). Ask for less: a filter, a range or a page.", true},
      {"{'id':'1','name':'wild__end','args':{'code':-17,'text':'garbled'}}", "Error: garbled", true},
  };
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, graph, NULL);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    if (rig_run(&rig, definition, (struct fl_invoke_options){.input = asks(rows[i].call)}) != 0)
      fail_msg("%s: %s", rows[i].call, rig.error.text);
    const char *text = fl_get_string(answer(&rig, 0), "content", "(none)");
    size_t size = strlen(rows[i].text);
    bool is_prefix = rows[i].text[size - 1] == '*';
    if (is_prefix ? strncmp(text, rows[i].text, size - 1) != 0 : strcmp(text, rows[i].text) != 0)
      fail_msg("%s: %s", rows[i].call, text);
    assert_string_equal(fl_get_string(answer(&rig, 0), "status", ""), rows[i].is_error ? "error" : "ok");
  }
  rig_deinit(&rig);
}

static void a_mishap_does_not_keep_the_other_answers_back(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, graph, NULL);
  struct fl_invoke_options options = {.input = asks("{'id':'1','name':'nix','args':{}},"
                                                    "{'id':'2','name':'t__late','args':{'text':'b','ms':5}},"
                                                    "{'id':'3','name':'t__error','args':{'text':'c'}}")};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_int_equal(fl_size(rig_out(&rig, "messages")), 4);
  assert_string_equal(fl_get_string(answer(&rig, 1), "content", ""), "b");
  assert_string_equal(fl_get_string(answer(&rig, 2), "content", ""), "c");
  rig_deinit(&rig);
}

static void a_message_without_calls_needs_no_tools(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, graph, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = asks("")}), 0);
  assert_int_equal(fl_size(rig_out(&rig, "messages")), 1);
  struct fl_invoke_options plain = {.input = json("{'messages':'hello'}")};
  assert_int_equal(rig_run(&rig, definition, plain), 0);
  assert_int_equal(rig.calls.size, 0);
  rig_deinit(&rig);
}

/* ---- the policy ---- */

static void what_the_node_does_not_name_is_refused_and_not_shown(void **state) {
  static const char narrow[] =
      "fairlead: 1\nname: narrow\nstate: { messages: { reducer: messages } }\n"
      "nodes: { tools: { type: tools, tools: [t/late] } }\nedges: [ START -> tools, tools -> END ]\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, narrow, NULL);
  struct fl_invoke_options options = {
      .input = asks("{'id':'1','name':'t__echo','args':{'text':'x'}},{'id':'2','name':'t__echo','args':{'text':7}},"
                    "{'id':'3','name':'t__ech','args':{}},{'id':'4','name':'t__lat','args':{}}")};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_int_equal(rig.calls.size, 0);
  const char *refused = fl_get_string(answer(&rig, 0), "content", "");
  assert_non_null(strstr(refused, "the policy does not allow the call of t/echo"));
  assert_non_null(strstr(refused, "Do not try it again."));
  assert_string_equal(fl_get_string(answer(&rig, 1), "content", ""), refused); /* and not what its schema says */
  assert_null(strstr(fl_get_string(answer(&rig, 2), "content", ""), "t__echo"));
  assert_non_null(strstr(fl_get_string(answer(&rig, 3), "content", ""), "Did you mean \"t__late\""));
  rig_deinit(&rig);
}

static int run_extra(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "extra");
}

static void tools_that_are_added_later_are_granted_too(void **state) {
  static const char open[] = "fairlead: 1\nname: open\nstate: { messages: { reducer: messages } }\n"
                             "nodes: { tools: { type: tools } }\nedges: [ START -> tools, tools -> END ]\n";
  static const struct fl_tool extra[] = {
      {.size = sizeof(struct fl_tool), .name = "more", .description = "x", .run = run_extra}};
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, open, NULL);
  assert_int_equal(fl_runtime_add_tools(rig.runtime, "late", extra, 1, NULL), 0);
  assert_int_equal(fl_runtime_add_tools(rig.runtime, "late", extra, 1, NULL), FL_E_EXISTS);
  struct fl_invoke_options options = {.input = asks("{'id':'1','name':'late__more','args':{}}")};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_string_equal(rig_messages(&rig, 1), "tool: extra\n");
  rig_deinit(&rig);
}

static void a_server_that_does_not_start_fails_the_node(void **state) {
  struct rig rig = {.seed = 1, .wild_open_ms = 50, .wild_open_status = FL_E_NOT_FOUND};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, graph, NULL);
  struct fl_invoke_options options = {.thread = "a", .input = asks("{'id':'1','name':'t__echo','args':{'text':'x'}}")};
  assert_true(rig_run(&rig, definition, options) < 0);
  assert_non_null(strstr(rig.error.text, "it does not start"));
  rig.wild_open_status = 0; /* somebody has put it right */
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(rig_messages(&rig, 1), "tool: x\n");
  rig_deinit(&rig);
}

/* ---- calls of a program's own nodes ---- */

static void on_answer(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  struct fl_value *said = result != NULL ? fl_value_ref(fl_get(fl_at(fl_get(result, "content"), 0), "text"))
                                         : fl_stringf("%s: %s", fl_error_word(err->code), err->text);
  fl_task_write_take(task, "said", said);
  fl_task_complete(task, FL_DONE);
}

static int call_it(struct fl_task *task, void *user) {
  FL_VALUE_AUTO args = json("{'text':'mine'}");
  int rc = fl_task_call_tool(task, user, args, on_answer, NULL);
  return rc < 0 ? rc : FL_PENDING;
}

static struct fl_definition *calling_graph(const char *tool, fl_node_fn *run) {
  struct fl_graph *graph_in_c = fl_graph_create("c");
  fl_graph_channel(graph_in_c, "said", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options)});
  fl_graph_node(graph_in_c, "call", run, (void *)(uintptr_t)tool, NULL);
  fl_graph_edge(graph_in_c, FL_START, "call");
  fl_graph_edge(graph_in_c, "call", FL_END);
  struct fl_definition *definition = NULL;
  assert_int_equal(fl_graph_compile(graph_in_c, NULL, &definition, NULL), 0);
  return definition;
}

static void a_node_in_c_calls_tools(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct {
    const char *tool, *said;
  } rows[] = {{"t/echo", "mine"}, {"wild/end", "remote: mine"}, {"t/nix", "not_found: "}, {"else/x", "denied: "}};
  for (size_t i = 0; i < 4; i++) {
    struct fl_definition *definition = calling_graph(rows[i].tool, call_it);
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = json("{'said':''}")}), 0);
    const char *said = fl_as_string(rig_out(&rig, "said"));
    if (strncmp(said, rows[i].said, strlen(rows[i].said)) != 0) fail_msg("%s: %s", rows[i].tool, said);
    fl_definition_unref(definition);
  }
  rig_deinit(&rig);
}

static int call_too_often(struct fl_task *task, void *user) {
  for (;;) {
    int rc = fl_task_call_tool(task, user, NULL, on_answer, NULL);
    if (rc < 0) return rc;
  }
}

static void a_task_may_make_so_many_calls(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = calling_graph("else/x", call_too_often);
  struct fl_invoke_options options = {.thread = "a", .input = json("{'said':''}")};
  assert_int_equal(rig_run(&rig, definition, options), FL_E_LIMIT);
  assert_non_null(strstr(rig.error.text, "1000 calls"));
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

static int call_and_end(struct fl_task *task, void *user) {
  FL_VALUE_AUTO args = json("{'text':'x'}");
  fl_task_call_tool(task, user, args, on_answer, NULL);
  return FL_DONE;
}

static void a_call_does_not_leave_after_its_node_has_ended(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = calling_graph("t/echo", call_and_end);
  struct fl_invoke_options options = {.thread = "a", .input = json("{'said':'before'}"), .follow = FL_FOLLOW_EVENTS};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_int_equal(rig.calls.size, 0);
  assert_string_equal(fl_as_string(rig_out(&rig, "said")), "before");
  fl_definition_unref(definition);
  rig_deinit(&rig);
}

/* ---- texts of results ---- */

static void results_are_read_as_text(void **state) {
  static const struct {
    const char *result, *text;
  } rows[] = {
      {"{'content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]}", "a\nb"},
      {"{'content':[{'type':'resource_link','uri':'file:///x'}]}", "[resource file:///x]"},
      {"{'content':[{'type':'resource','resource':{'uri':'u','text':'inside'}}]}", "inside"},
      {"{'content':[{'type':'resource','resource':{'uri':'u','blob':'AA=='}}]}", "[application/octet-stream, 1 bytes]"},
      {"{'content':[{'type':'audio','data':''}]}", "[audio, 0 bytes]"},
      {"{'content':[{'type':'image','data':'QUJD'},{'type':'text','text':'a'}]}", "[image/png, 3 bytes]\na"},
      {"{'content':[],'structuredContent':{'n':1}}", "{\"n\":1}"},
      {"{'content':[]}", ""},
      {"{}", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO result = json(rows[i].result);
    FL_VALUE_AUTO text = fl_tool_result_text(result);
    assert_string_equal(fl_as_string(text), rows[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(results_stand_in_the_order_of_the_calls),
      cmocka_unit_test(the_calls_run_side_by_side),
      cmocka_unit_test(each_mishap_is_a_text_for_the_model),
      cmocka_unit_test(a_mishap_does_not_keep_the_other_answers_back),
      cmocka_unit_test(a_message_without_calls_needs_no_tools),
      cmocka_unit_test(what_the_node_does_not_name_is_refused_and_not_shown),
      cmocka_unit_test(tools_that_are_added_later_are_granted_too),
      cmocka_unit_test(a_server_that_does_not_start_fails_the_node),
      cmocka_unit_test(a_node_in_c_calls_tools),
      cmocka_unit_test(a_task_may_make_so_many_calls),
      cmocka_unit_test(a_call_does_not_leave_after_its_node_has_ended),
      cmocka_unit_test(results_are_read_as_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
