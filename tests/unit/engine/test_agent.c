/* SPDX-License-Identifier: MIT */
/* What agents and judges do beyond one question: prompts from the state, answers as data, a conversation within a
 * budget, results that are the answer, verdicts. */
#include "rig.h"

#include "runtime/engine/ask.h"

#define MODELS "models: { main: { provider: scripted, script: script.yaml } }\n"

static int run_graph(struct rig *rig, const char *text, const char *script, const char *input) {
  rig_up(rig);
  struct fl_invoke_options options = {.thread = "t", .input = json(input)};
  return rig_run(rig, rig_load(rig, text, script), options);
}

/* ---- the JSON of a reply ---- */

/* A text in which ' stands for ", or a list of parts. */
static struct fl_value *content_of(const char *text) {
  if (text[0] != '"') return json(text);
  FL_VALUE_AUTO quoted = NULL;
  assert_int_equal(fl_parse(text, strlen(text), &quoted, NULL), 0);
  FL_FREE_AUTO char *inner = fl_strdup(fl_as_string(quoted));
  for (char *c = inner; *c != '\0'; c++)
    if (*c == '\'') *c = '"';
  return fl_string(inner);
}

static void replies_are_json_or_one_block_of_it(void **state) {
  static const struct {
    const char *content, *value;
  } rows[] = {
      {"\"{'a':1}\"", "{'a':1}"},
      {"\"  [1, 2] \\n\"", "[1,2]"},
      {"\"```json\\n{'a':1}\\n```\"", "{'a':1}"},
      {"\"```\\n7\\n``` \"", "7"},
      {"[{'type':'reasoning','text':'hm'},{'type':'text','text':'{'},{'type':'text','text':'}'}]", "{}"},
      {"\"\"", NULL},
      {"\"yes\"", NULL},
      {"\"Here: {'a':1}\"", NULL},
      {"\"{'a':1} and so on\"", NULL},
      {"\"```json {'a':1}```\"", NULL},
      {"\"```\"", NULL},
      {"[]", NULL},
      {"null", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO message = fl_object();
    FL_VALUE_AUTO value = NULL;
    struct fl_error err = {0};
    fl_set_take(message, "content", content_of(rows[i].content));
    int rc = fl_reply_json(message, &value, &err);
    assert_int_equal(rc, rows[i].value != NULL ? 0 : FL_E_SYNTAX);
    if (rc == 0) assert_json(value, rows[i].value);
    else assert_true(strlen(err.text) > 10);
  }
}

/* ---- prompts ---- */

/* The scripted model counts what it was sent, a token for every four bytes. */
static int64_t tokens_sent(const struct rig *rig, size_t message) {
  return fl_get_int(fl_get(fl_at(rig_out(rig, "messages"), message), "usage"), "input_tokens", -1);
}

static void a_prompt_may_depend_on_the_state(void **state) {
  static const char text[] = "fairlead: 1\nname: p\nstate: { messages: { reducer: messages }, who: {} }\n" MODELS
                             "nodes: { a: { type: agent, prompt: { expr: \"'You talk to ' + state.who\" } } }\n"
                             "edges: [ START -> a ]\n";
  static const char script[] = "replies:\n  - text: hello\n";
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, text, script, "{'who':'Ann','messages':'hi'}"), 0);
  assert_string_equal(rig_messages(&rig, 0), "user: hi\nassistant: hello\n");
  int64_t short_name = tokens_sent(&rig, 1);
  struct fl_invoke_options other = {.thread = "o", .input = json("{'who':'Bartholomew of the Hills','messages':'hi'}")};
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, script), other), 0);
  assert_int_equal(tokens_sent(&rig, 1) - short_name, 5);
  struct fl_invoke_options wrong = {.thread = "u", .input = json("{'who':7,'messages':'hi'}")};
  assert_true(rig_run(&rig, rig_load(&rig, text, script), wrong) < 0);
  assert_non_null(strstr(rig.error.text, "/prompt/expr"));
  rig_deinit(&rig);
}

static void a_prompt_must_be_a_text(void **state) {
  static const char text[] = "fairlead: 1\nname: p\nstate: { messages: { reducer: messages }, who: {} }\n" MODELS
                             "nodes: { a: { type: agent, prompt: { expr: \"state.who\" } } }\nedges: [ START -> a ]\n";
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, text, "replies: [ { text: x } ]\n", "{'who':[1],'messages':'hi'}"), FL_E_INVALID);
  assert_non_null(strstr(rig.error.text, "a prompt is a text, not of type array"));
  rig_deinit(&rig);
}

static void what_the_model_sees_may_be_chosen(void **state) {
  static const struct {
    const char *sees, *answer, *error;
  } rows[] = {
      {"\"'only this'\"", "seen: only this", NULL},
      {"\"[{'role': 'user', 'content': 'one'}, {'role': 'user', 'content': 'two'}]\"", "seen: two", NULL},
      {"\"state.llm_input_messages\"", "seen: hooked", NULL},
      {"\"[state.messages[0]]\"", "seen: first", NULL},
      {"\"7\"", NULL, "/sees"},
      {"\"[{'role': 'nobody', 'content': 'x'}]\"", NULL, "/sees: message 0: the role \"nobody\" is not known"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *text =
        fl_format("fairlead: 1\nname: s\nstate: { messages: { reducer: messages }, llm_input_messages: {} }\n" MODELS
                  "nodes:\n  h: { type: set, write: { llm_input_messages: \"['x', 'hooked']\" } }\n"
                  "  a: { type: agent, sees: %s }\nedges: [ START -> h -> a ]\n",
                  rows[i].sees);
    struct rig rig = {0};
    int status = run_graph(&rig, text, "replies: [ { when: { user: '.*' }, text: 'seen: ${user}' } ]\n",
                           "{'messages':['first','second']}");
    if (rows[i].answer != NULL) {
      if (status != 0) fail_msg("%s: %s", rows[i].sees, rig.error.text);
      FL_FREE_AUTO char *expected = fl_format("user: first\nuser: second\nassistant: %s\n", rows[i].answer);
      assert_string_equal(rig_messages(&rig, 0), expected);
    } else {
      assert_true(status < 0);
      if (strstr(rig.error.text, rows[i].error) == NULL) fail_msg("%s: %s", rows[i].sees, rig.error.text);
    }
    rig_deinit(&rig);
  }
}

/* ---- answers as data ---- */

static const char weather[] =
    "fairlead: 1\nname: w\nstate: { messages: { reducer: messages }, weather: {} }\n" MODELS
    "nodes:\n  a:\n    type: react\n    tools: [t/echo]\n"
    "    answer:\n      schema: { type: object, required: [sky], properties: { sky: { enum: [blue, grey] } } }\n"
    "      write: weather\n      attempts: 3\nedges: [ START -> a -> END ]\n";

static void an_answer_is_written_as_data(void **state) {
  static const char script[] = "replies:\n"
                               "  - when: { user: 'look' }\n    calls: [ { name: t__echo, args: { text: up } } ]\n"
                               "  - when: { tool: up }\n    text: '{\"sky\": \"blue\"}'\n";
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, weather, script, "{'messages':'look'}"), 0);
  assert_json(rig_out(&rig, "weather"), "{'sky':'blue'}");
  assert_string_equal(rig_messages(&rig, 0), "user: look\nassistant: \ntool: up\nassistant: {\"sky\": \"blue\"}\n");
  rig_deinit(&rig);
}

/* What was wrong is told to the model, and not kept. */
static void a_wrong_answer_is_repaired(void **state) {
  static const char script[] =
      "replies:\n"
      "  - when: { user: '^look$' }\n    text: It is nice.\n"
      "  - when: { user: 'not JSON' }\n    text: '{\"sky\": \"pink\"}'\n"
      "  - when: { user: '/sky' }\n    text: '```json\n\n      {\"sky\": \"grey\"}\n\n      ```'\n";
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, weather, script, "{'messages':'look'}"), 0);
  assert_json(rig_out(&rig, "weather"), "{'sky':'grey'}");
  assert_int_equal(fl_size(rig_out(&rig, "messages")), 2);
  rig_deinit(&rig);
}

static void an_answer_that_stays_wrong_fails(void **state) {
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, weather, "replies: [ { text: dunno } ]\n", "{'messages':'look'}"), FL_E_INVALID);
  assert_non_null(strstr(rig.error.text, "the model's answer cannot be used: the answer is not JSON"));
  assert_null(strstr(rig_stored_status(&rig, "t"), "busy"));
  rig_deinit(&rig);
}

/* After a crash between two attempts the first is found in the journal. */
static void attempts_are_journalled(void **state) {
  static const char text[] =
      "fairlead: 1\nname: w\nstate: { messages: { reducer: messages }, n: {} }\n" MODELS
      "nodes:\n  a: { type: agent, answer: { schema: { type: integer }, write: n } }\n"
      "  b: { type: tool, tool: t/crash, args: { text: \"'x'\" } }\nedges: [ START -> a, START -> b ]\n"
      "effects: { \"t/*\": read }\n";
  static const char script[] = "replies:\n  - when: { user: '^go$' }\n    text: one\n"
                               "  - when: { user: 'not JSON' }\n    text: '1'\n";
  struct rig rig = {.crashes_left = 1};
  rig_up(&rig);
  rig_start(&rig, rig_load(&rig, text, script),
            (struct fl_invoke_options){.thread = "t", .input = json("{'messages':'go'}")});
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  rig_down(&rig);
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, script), (struct fl_invoke_options){.thread = "t"}), 0);
  assert_json(rig_out(&rig, "n"), "1");
  rig_deinit(&rig);
}

/* ---- a conversation within a budget ---- */

static void old_messages_are_left_out_of_the_call_only(void **state) {
  static const char text[] = "fairlead: 1\nname: h\nstate: { messages: { reducer: messages } }\n" MODELS
                             "nodes: { a: { type: agent, history: { max_tokens: 12 } } }\n"
                             "edges: [ START -> a ]\n";
  static const char script[] = "replies:\n  - when: { user: '.*' }\n    text: 'ok'\n";
  struct rig rig = {.seed = 5};
  assert_int_equal(run_graph(&rig, text, script, "{'messages':['a long long story','and more of it','short']}"), 0);
  assert_string_equal(rig_messages(&rig, 0),
                      "user: a long long story\nuser: and more of it\nuser: short\nassistant: ok\n");
  assert_in_range(tokens_sent(&rig, 3), 1, 4);
  rig_deinit(&rig);
}

static const char summarized[] = "fairlead: 1\nname: h\nstate: { messages: { reducer: messages } }\n"
                                 "models: { main: { provider: scripted, script: script.yaml }, small: { provider: "
                                 "scripted, script: script.yaml } }\n"
                                 "nodes:\n  a: { type: react, model: main, history: { max_tokens: 20, strategy: "
                                 "summarize, keep_last: 1, model: small } }\n"
                                 "edges: [ START -> a ]\n";

static void old_messages_become_a_summary(void **state) {
  static const char script[] = "replies:\n"
                               "  - when: { user: 'user: my name is Ann' }\n    text: The user is Ann.\n"
                               "  - when: { user: 'who am I' }\n    text: You are Ann.\n";
  struct rig rig = {.seed = 5};
  assert_int_equal(
      run_graph(&rig, summarized, script, "{'messages':['my name is Ann','and I like the sea','who am I?']}"), 0);
  assert_string_equal(rig_messages(&rig, 0),
                      "user: Here is a summary of the conversation to date:\n\nThe user is Ann.\n"
                      "user: who am I?\nassistant: You are Ann.\n");
  rig_deinit(&rig);
}

static void a_summary_that_fails_fails_the_node(void **state) {
  static const char script[] = "replies:\n  - when: { user: 'user: ' }\n    error: { status: 400, message: no }\n";
  struct rig rig = {0};
  assert_true(run_graph(&rig, summarized, script, "{'messages':['a long story','that goes on and on','who am I?']}") <
              0);
  assert_non_null(strstr(rig.error.text, "no"));
  rig_deinit(&rig);
}

static void a_short_conversation_is_left_alone(void **state) {
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, summarized, "replies: [ { text: hello } ]\n", "{'messages':'hi'}"), 0);
  assert_string_equal(rig_messages(&rig, 0), "user: hi\nassistant: hello\n");
  rig_deinit(&rig);
}

/* ---- results that are the answer ---- */

static void a_direct_result_ends_the_loop(void **state) {
  static const char text[] = "fairlead: 1\nname: d\nstate: { messages: { reducer: messages }, done: {} }\n" MODELS
                             "nodes:\n  a: { type: react, tools: [t/*], return_direct: [t/ec*] }\n"
                             "  z: { type: set, write: { done: true } }\nedges: [ START -> a -> z ]\n";
  static const char script[] =
      "replies:\n  - when: { user: direct }\n    calls: [ { name: t__echo, args: { text: this } } ]\n"
      "  - when: { user: plain }\n    calls: [ { name: t__late, args: { text: this, ms: 1 } } ]\n"
      "  - when: { user: wrong }\n    calls: [ { name: t__echo, args: { no: text } } ]\n"
      "  - when: { name: t__late }\n    text: asked again\n  - when: { name: t__echo }\n    text: told of it\n";
  static const struct {
    const char *ask, *messages;
  } rows[] = {{"direct", "user: direct\nassistant: \ntool: this\n"},
              {"plain", "user: plain\nassistant: \ntool: this\nassistant: asked again\n"}};
  for (size_t i = 0; i < 2; i++) {
    struct rig rig = {0};
    FL_FREE_AUTO char *input = fl_format("{'messages':'%s'}", rows[i].ask);
    assert_int_equal(run_graph(&rig, text, script, input), 0);
    assert_string_equal(rig_messages(&rig, 0), rows[i].messages);
    assert_json(rig_out(&rig, "done"), "true");
    rig_deinit(&rig);
  }
  struct rig rig = {0}; /* a mistake is no answer */
  assert_int_equal(run_graph(&rig, text, script, "{'messages':'wrong'}"), 0);
  assert_non_null(strstr(rig_messages(&rig, 0), "assistant: told of it"));
  rig_deinit(&rig);
}

/* ---- judges ---- */

static char *judge_graph(const char *keys) {
  return fl_format(
      "fairlead: 1\nname: j\nstate: { text: {}, verdict: {}, said: {} }\n" MODELS
      "nodes:\n  j: { type: judge, criteria: Is it polite?, value: state.text, write: verdict, %s }\n"
      "  y: { type: set, write: { said: \"'yes'\" } }\n  n: { type: set, write: { said: \"'no'\" } }\n"
      "edges:\n  - START -> j\n"
      "  - { from: j, branch: [ { when: \"has(state.verdict.choice) && state.verdict.choice == 'polite'\", "
      "to: y }, { to: n } ] }\n",
      keys);
}

static void a_judge_decides_in_the_form_that_is_asked_for(void **state) {
  static const struct {
    const char *keys, *reply, *verdict, *said;
  } rows[] = {
      {"choices: [polite, rude]", "{\"reason\": \"please\", \"choice\": \"polite\"}",
       "{'reason':'please','choice':'polite'}", "yes"},
      {"choices: { polite: says please, rude: does not }", "{\"choice\": \"rude\", \"reason\": \"\"}",
       "{'choice':'rude','reason':''}", "no"},
      {"score: [0, 10]", "{\"score\": 7.5, \"reason\": \"so so\"}", "{'score':7.5,'reason':'so so'}", "no"},
      {"choices: [polite, rude]", "{\"reason\": \"x\", \"choice\": \"Polite\"}", NULL, NULL},
      {"choices: [polite, rude]", "polite", NULL, NULL},
      {"choices: [polite, rude]", "{\"choice\": \"polite\"}", NULL, NULL},
      {"choices: [polite, rude]", "{\"choice\": \"polite\", \"reason\": \"x\", \"sure\": true}", NULL, NULL},
      {"score: [0, 10]", "{\"score\": 11, \"reason\": \"x\"}", NULL, NULL},
      {"score: [0, 10]", "{\"score\": \"7\", \"reason\": \"x\"}", NULL, NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *text = judge_graph(rows[i].keys);
    FL_FREE_AUTO char *script = fl_format("replies:\n  - text: '%s'\n", rows[i].reply);
    struct rig rig = {0};
    int status = run_graph(&rig, text, script, "{'text':'give me that'}");
    if (rows[i].verdict != NULL) {
      assert_int_equal(status, 0);
      assert_json(rig_out(&rig, "verdict"), rows[i].verdict);
      assert_string_equal(fl_as_string(rig_out(&rig, "said")), rows[i].said);
    } else {
      assert_int_equal(status, FL_E_INVALID);
      assert_non_null(strstr(rig.error.text, "node \"j\""));
    }
    rig_deinit(&rig);
  }
}

static void a_judge_is_corrected_once(void **state) {
  static const char script[] = "replies:\n  - when: { user: 'cannot be used' }\n"
                               "    text: '{\"reason\": \"r\", \"choice\": \"polite\"}'\n"
                               "  - when: { user: 'give' }\n    text: I think it is polite.\n";
  FL_FREE_AUTO char *text = judge_graph("choices: [polite, rude]");
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, text, script, "{'text':'give me that'}"), 0);
  assert_string_equal(fl_as_string(rig_out(&rig, "said")), "yes");
  rig_deinit(&rig);
}

static void a_judge_with_one_attempt_is_not(void **state) {
  FL_FREE_AUTO char *text = judge_graph("choices: [polite, rude], attempts: 1");
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, text, "replies:\n  - when: { user: 'give' }\n    text: polite\n", "{'text':'give'}"),
                   FL_E_INVALID);
  rig_deinit(&rig);
}

static void anything_can_be_judged(void **state) {
  FL_FREE_AUTO char *text = judge_graph("choices: [polite, rude]");
  struct rig rig = {0};
  assert_int_equal(run_graph(&rig, text,
                             "replies:\n  - when: { user: '\"a\":\\[1,2\\]' }\n"
                             "    text: '{\"reason\": \"r\", \"choice\": \"polite\"}'\n",
                             "{'text':{'a':[1,2]}}"),
                   0);
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(replies_are_json_or_one_block_of_it),
      cmocka_unit_test(a_prompt_may_depend_on_the_state),
      cmocka_unit_test(a_prompt_must_be_a_text),
      cmocka_unit_test(what_the_model_sees_may_be_chosen),
      cmocka_unit_test(an_answer_is_written_as_data),
      cmocka_unit_test(a_wrong_answer_is_repaired),
      cmocka_unit_test(an_answer_that_stays_wrong_fails),
      cmocka_unit_test(attempts_are_journalled),
      cmocka_unit_test(old_messages_are_left_out_of_the_call_only),
      cmocka_unit_test(old_messages_become_a_summary),
      cmocka_unit_test(a_summary_that_fails_fails_the_node),
      cmocka_unit_test(a_short_conversation_is_left_alone),
      cmocka_unit_test(a_direct_result_ends_the_loop),
      cmocka_unit_test(a_judge_decides_in_the_form_that_is_asked_for),
      cmocka_unit_test(a_judge_is_corrected_once),
      cmocka_unit_test(a_judge_with_one_attempt_is_not),
      cmocka_unit_test(anything_can_be_judged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
