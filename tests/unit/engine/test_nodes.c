/* SPDX-License-Identifier: MIT */
/* The node types of graph files, and what a node in C may do: set, fail, interrupt, tool, agent, c; questions and their
 * answers. */
#include "rig.h"

static void set_computes_on_the_state_of_its_step(void **state) {
  static const char text[] = "fairlead: 1\nname: set\n"
                             "state: { a: { default: 2 }, b: {}, c: {} }\n"
                             "nodes:\n  x: { type: set, write: { a: 'state.a * 10', b: 'state.a + 1' } }\n"
                             "  y: { type: set, write: { c: '[state.a, state.b]' } }\n"
                             "edges: [ START -> x, x -> y, y -> END ]\n";
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), (struct fl_invoke_options){.input = json("{}")}), 0);
  assert_json(rig.output, "{'a':20,'b':3,'c':[20,3]}");
  rig_deinit(&rig);
}

static void an_expression_that_fails_names_its_node_and_place(void **state) {
  static const char text[] =
      "fairlead: 1\nname: bad\nstate: { a: { default: 1 }, l: { default: [] } }\n"
      "nodes: { x: { type: set, write: { a: 'state.l[3]' } } }\nedges: [ START -> x, x -> END ]\n";
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_invoke_options options = {.thread = "t", .input = json("{}")};
  assert_true(rig_run(&rig, rig_load(&rig, text, NULL), options) < 0);
  assert_non_null(strstr(rig.error.text, "/write/a: state.l[3]"));
  assert_string_equal(rig_stored_status(&rig, "t"), "error");
  rig_deinit(&rig);
}

static void fail_ends_the_run_with_its_message(void **state) {
  static const struct {
    const char *message, *text;
  } rows[] = {{"\"'no ' + state.what\"", "no money"}, {"\"{'code': 7}\"", "{\"code\":7}"}};
  for (int i = 0; i < 2; i++) {
    struct rig rig = {0};
    rig_up(&rig);
    FL_FREE_AUTO char *text = fl_format("fairlead: 1\nname: f\nstate: { what: {} }\n"
                                        "nodes: { f: { type: fail, message: %s } }\nedges: [ START -> f, f -> END ]\n",
                                        rows[i].message);
    struct fl_invoke_options options = {.input = json("{'what':'money'}")};
    assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), options), FL_E_TASK);
    assert_non_null(strstr(rig.error.text, rows[i].text));
    rig_deinit(&rig);
  }
}

/* ---- interrupts ---- */

static const char approval[] =
    "fairlead: 1\nname: approval\nstate: { sum: { default: 0 }, yes: {} , done: { default: false } }\n"
    "nodes:\n  ask: { type: interrupt, value: \"{'refund': state.sum}\", resume: 'yes' }\n"
    "  pay: { type: set, write: { done: \"state.yes\" } }\n"
    "edges: [ START -> ask, ask -> pay, pay -> END ]\n";

static void an_interrupt_waits_on_disk_and_goes_on_with_the_answer(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_invoke_options options = {.thread = "t", .input = json("{'sum':12}")};
  assert_int_equal(rig_run(&rig, rig_load(&rig, approval, NULL), options), 1);
  const struct fl_value *one = fl_at(rig.interrupts, 0);
  assert_json(fl_get(one, "value"), "{'refund':12}");
  assert_string_equal(fl_get_string(one, "node", ""), "ask");
  assert_string_equal(rig_stored_status(&rig, "t"), "interrupted");
  assert_null(rig.runtime->threads); /* nothing of it is in memory */
  rig_down(&rig);
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, approval, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .resume = json("true")}), 0);
  assert_json(rig.output, "{'sum':12,'yes':true,'done':true}");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .resume = json("true")}),
                   FL_E_CONFLICT);
  rig_deinit(&rig);
}

static void going_on_without_an_answer_asks_again(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, approval, NULL);
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{'sum':12}")});
  FL_VALUE_AUTO first = fl_value_ref(rig.interrupts);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t"}), 1);
  assert_string_equal(text_of(rig.interrupts), text_of(first));
  rig_deinit(&rig);
}

static void a_new_input_takes_the_place_of_a_question(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, approval, NULL);
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{'sum':12}")});
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{'sum':13}")}),
                   1);
  assert_json(fl_get(fl_at(rig.interrupts, 0), "value"), "{'refund':13}");
  rig_deinit(&rig);
}

static const char two_questions[] = "fairlead: 1\nname: two\nstate: { a: {}, b: {}, l: {}, r: {} }\n"
                                    "nodes:\n  left: { type: interrupt, value: \"'left?'\", resume: l }\n"
                                    "  right: { type: interrupt, value: \"'right?'\", resume: r }\n"
                                    "edges: [ START -> left, START -> right, left -> END, right -> END ]\n";

static void several_questions_are_answered_by_id(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, two_questions, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{'a':1}")}), 1);
  assert_int_equal(fl_size(rig.interrupts), 2);
  FL_VALUE_AUTO asked = fl_value_ref(rig.interrupts);
  struct fl_invoke_options plain = {.thread = "t", .resume = json("'x'")};
  assert_int_equal(rig_run(&rig, definition, plain), FL_E_INVALID);
  struct fl_value *answers = fl_object();
  fl_set_string(answers, fl_get_string(fl_at(asked, 1), "id", ""), "to the right");
  struct fl_invoke_options one = {.thread = "t", .resume = answers, .resume_is_map = true};
  assert_int_equal(rig_run(&rig, definition, one), 1);
  assert_int_equal(fl_size(rig.interrupts), 1);
  assert_string_equal(fl_get_string(fl_at(rig.interrupts, 0), "node", ""), "left");
  assert_int_equal(
      rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .resume = json("'to the left'")}), 0);
  assert_string_equal(fl_as_string(rig_out(&rig, "l")), "to the left");
  assert_string_equal(fl_as_string(rig_out(&rig, "r")), "to the right");
  rig_deinit(&rig);
}

static void a_graph_stops_before_and_after_nodes(void **state) {
  static const char text[] =
      "fairlead: 1\nname: stops\nstate: { n: { reducer: sum, default: 0 } }\n"
      "nodes: { x: { type: set, write: { n: '1' } }, y: { type: set, write: { n: '10' } } }\n"
      "edges: [ START -> x, x -> y, y -> END ]\ninterrupt_before: [ y ]\ninterrupt_after: [ y ]\n";
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, text, NULL);
  static const int64_t sums[] = {1, 11, 11};
  for (int i = 0; i < 3; i++) {
    struct fl_invoke_options options = {.thread = "t", .input = i == 0 ? json("{'n':0}") : NULL};
    assert_int_equal(rig_run(&rig, definition, options), i < 2 ? 1 : 0);
    assert_int_equal(fl_as_int(rig_out(&rig, "n"), -1), sums[i]);
  }
  rig_deinit(&rig);
}

/* A node in C that asks twice: the n-th question has the n-th answer. */
static int ask_twice(struct fl_task *task, void *user) {
  struct fl_value *answers[2] = {NULL, NULL};
  for (int i = 0; i < 2; i++) {
    FL_VALUE_AUTO question = fl_stringf("question %d", i);
    int rc = fl_task_interrupt(task, question, &answers[i]);
    if (rc != 0 && user == NULL) return rc;
  }
  if (answers[0] == NULL || answers[1] == NULL) return FL_INTERRUPT;
  return fl_task_write_take(task, "said", fl_stringf("%s+%s", fl_as_string(answers[0]), fl_as_string(answers[1])));
}

static void a_node_in_c_asks_one_thing_after_the_other(void **state) {
  for (int at_once = 0; at_once < 2; at_once++) { /* also when it asks both before it returns */
    struct rig rig = {0};
    rig_up(&rig);
    fl_runtime_add_function(rig.runtime, "ask", ask_twice, at_once ? &rig : NULL, NULL);
    struct fl_definition *definition =
        rig_load(&rig,
                 "fairlead: 1\nname: asks\nstate: { said: {} }\nnodes: { a: { type: c, function: ask } }\n"
                 "edges: [ START -> a, a -> END ]\n",
                 NULL);
    rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{'said':''}")});
    assert_json(fl_get(fl_at(rig.interrupts, 0), "value"), "'question 0'");
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .resume = json("'a'")}), 1);
    assert_json(fl_get(fl_at(rig.interrupts, 0), "value"), "'question 1'");
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .resume = json("'b'")}), 0);
    assert_json(rig.output, "{'said':'a+b'}");
    rig_deinit(&rig);
  }
}

/* ---- tool: one named tool ---- */

static void a_tool_node_writes_what_its_tool_answers(void **state) {
  static const struct {
    const char *tool, *args, *error;
  } rows[] = {{"t/echo", "{ text: \"state.a + '!'\" }", NULL},
              {"t/error", "{ text: \"'not today'\" }", "node \"x\": the tool answered: not today"},
              {"wild/end", "{ text: \"'gone'\" }", "node \"x\": gone"},
              {"t/nix", "{}", "t has no tool \"nix\""}};
  for (size_t i = 0; i < 4; i++) {
    struct rig rig = {0};
    rig_up(&rig);
    FL_FREE_AUTO char *text = fl_format("fairlead: 1\nname: tool\nstate: { a: {}, b: {} }\n"
                                        "nodes: { x: { type: tool, tool: %s, args: %s, write: b } }\n"
                                        "edges: [ START -> x, x -> END ]\n",
                                        rows[i].tool, rows[i].args);
    int status = rig_run(&rig, rig_load(&rig, text, NULL), (struct fl_invoke_options){.input = json("{'a':'hey'}")});
    if (rows[i].error == NULL) {
      assert_int_equal(status, 0);
      assert_json(rig.output, "{'a':'hey','b':'hey!'}");
    } else {
      assert_true(status < 0);
      if (strstr(rig.error.text, rows[i].error) == NULL) fail_msg("%s: %s", rows[i].tool, rig.error.text);
    }
    rig_deinit(&rig);
  }
}

/* ---- the agent ---- */

static const char react[] =
    "fairlead: 1\nname: react\nstate: { messages: { reducer: messages } }\n"
    "models: { main: { provider: scripted, script: script.yaml } }\n"
    "nodes:\n  agent: { type: agent, model: main, prompt: Be kind., tools: [t/echo] }\n"
    "  tools: { type: tools }\n"
    "edges:\n  - START -> agent\n"
    "  - { from: agent, branch: [ { when: 'size(last(state.messages).tool_calls) > 0', to: tools }, { to: END } ] }\n"
    "  - tools -> agent\n";
static const char script[] = "replies:\n"
                             "  - when: { user: '^say (.*)$' }\n"
                             "    calls: [ { name: t__echo, args: { text: '${match.1}' } } ]\n"
                             "  - when: { tool: '.*' }\n    text: 'It said ${tool}.'\n    pieces: 3\n    delay_ms: 5\n"
                             "  - when: { user: 'never' }\n    error: { status: 400, message: no }\n";

static void the_agent_calls_tools_until_it_answers(void **state) {
  struct rig rig = {.seed = 3};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, react, script);
  struct fl_invoke_options options = {.thread = "t", .input = json("{'messages':'say hello'}")};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_string_equal(rig_messages(&rig, 0), "user: say hello\nassistant: \ntool: hello\nassistant: It said hello.\n");
  struct fl_invoke_options again = {.thread = "t", .input = json("{'messages':'say more'}")};
  assert_int_equal(rig_run(&rig, definition, again), 0);
  assert_string_equal(rig_messages(&rig, 4), "user: say more\nassistant: \ntool: more\nassistant: It said more.\n");
  rig_deinit(&rig);
}

static void a_model_that_refuses_fails_the_node_and_the_thread_goes_on(void **state) {
  struct rig rig = {.seed = 3};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, react, script);
  assert_true(
      rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{'messages':'never'}")}) < 0);
  assert_non_null(strstr(rig.error.text, "node \"agent\""));
  assert_true(
      rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{'messages':'say x'}")}) < 0);
  assert_string_equal(rig_stored_status(&rig, "t"),
                      "error"); /* the unfinished work of before comes first, and fails again */
  rig_deinit(&rig);
}

static int call_model(struct fl_task *task, void *user) {
  FL_VALUE_AUTO request = json(user);
  return fl_task_call_model(task, NULL, request, NULL, NULL);
}

static void a_model_that_is_not_there_is_named(void **state) {
  static const struct {
    char request[64];
    const char *text;
  } rows[] = {{"{'channel':'said'}", "does not say which model to call"}};
  struct rig rig = {0};
  rig_up(&rig);
  fl_runtime_add_function(rig.runtime, "m", call_model, (void *)(uintptr_t)rows[0].request, NULL);
  struct fl_definition *definition = rig_load(&rig,
                                              "fairlead: 1\nname: m\nstate: { said: {} }\nnodes: { m: { type: c, "
                                              "function: m } }\nedges: [ START -> m, m -> END ]\n",
                                              NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = json("{'said':1}")}), FL_E_NOT_FOUND);
  assert_non_null(strstr(rig.error.text, rows[0].text));
  FL_VALUE_AUTO entry = json("{'provider':'openai','model':'x'}");
  assert_int_equal(fl_runtime_add_model(rig.runtime, "main", entry, NULL), 0);
  assert_int_equal(fl_runtime_add_model(rig.runtime, "main", entry, NULL), FL_E_EXISTS);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = json("{'said':1}")}), FL_E_INVALID);
  assert_non_null(strstr(rig.error.text, "\"said\" does not hold messages"));
  rig_deinit(&rig);
}

/* ---- nodes in C that answer oddly ---- */

static int odd(struct fl_task *task, void *user) {
  switch (*(int *)user) {
  case 0: return FL_INTERRUPT;
  case 1: return 17;
  case 2: return FL_E_TIMEOUT;
  case 3: fl_task_write_take(task, "nix", fl_int(1)); return FL_DONE;
  case 4: fl_task_complete(task, FL_DONE); return FL_PENDING;
  default: return fl_task_fail(task, FL_E_STATE, "because %s", fl_task_node(task));
  }
}

static void odd_answers_of_nodes_are_errors(void **state) {
  static const struct {
    int status;
    const char *text;
  } rows[] = {{FL_E_BUG, "without fl_task_interrupt"}, {FL_E_TASK, "odd"}, {FL_E_TIMEOUT, "too long"},
              {FL_E_NOT_FOUND, "not a channel"},       {0, NULL},          {FL_E_STATE, "because odd"}};
  for (int i = 0; i < 6; i++) {
    struct rig rig = {0};
    rig_up(&rig);
    fl_runtime_add_function(rig.runtime, "odd", odd, &i, NULL);
    struct fl_definition *definition = rig_load(&rig,
                                                "fairlead: 1\nname: o\nstate: { a: {} }\nnodes: { odd: { type: c, "
                                                "function: odd } }\nedges: [ START -> odd, odd -> END ]\n",
                                                NULL);
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{'a':1}")}),
                     rows[i].status);
    if (rows[i].text != NULL && strstr(rig.error.text, rows[i].text) == NULL) fail_msg("%d: %s", i, rig.error.text);
    rig_deinit(&rig);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(set_computes_on_the_state_of_its_step),
      cmocka_unit_test(an_expression_that_fails_names_its_node_and_place),
      cmocka_unit_test(fail_ends_the_run_with_its_message),
      cmocka_unit_test(an_interrupt_waits_on_disk_and_goes_on_with_the_answer),
      cmocka_unit_test(going_on_without_an_answer_asks_again),
      cmocka_unit_test(a_new_input_takes_the_place_of_a_question),
      cmocka_unit_test(several_questions_are_answered_by_id),
      cmocka_unit_test(a_graph_stops_before_and_after_nodes),
      cmocka_unit_test(a_node_in_c_asks_one_thing_after_the_other),
      cmocka_unit_test(a_tool_node_writes_what_its_tool_answers),
      cmocka_unit_test(the_agent_calls_tools_until_it_answers),
      cmocka_unit_test(a_model_that_refuses_fails_the_node_and_the_thread_goes_on),
      cmocka_unit_test(a_model_that_is_not_there_is_named),
      cmocka_unit_test(odd_answers_of_nodes_are_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
