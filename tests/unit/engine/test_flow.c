/* SPDX-License-Identifier: MIT */
/* Labels of what a run reads, where arguments come from, and what was spent: that none of it is lost between runs, in
 * forks, in graphs inside graphs, in the memory, or in a crash. The calls come as the input, so no model is needed. */
#include "rig.h"

#include <stdio.h>

static const char *folder;

#define GRAPH                                                                                                         \
  "fairlead: 1\nname: flow\nmanifest: %s/m.yaml\nstate: { messages: { reducer: messages }, then: { default: '' }, "   \
  "got: {} }\nnodes:\n  tools: { type: tools, tools: [t/*] }\n"                                                       \
  "  then: { type: tool, tool: t/echo, args: { text: state.then }, write: got }\n"                                    \
  "edges:\n  - START -> tools\n  - { from: tools, branch: [ { when: \"state.then != ''\", to: then }, { to: END } ] " \
  "}\n"

static void write_file(const char *name, const char *text) {
  FL_FREE_AUTO char *path = fl_format("%s/%s", folder, name);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void write_manifest(const char *rules) {
  FL_FREE_AUTO char *text = fl_format("manifest: 1\nid: flow\n%s", rules);
  write_file("m.yaml", text);
}

static struct fl_definition *load(struct rig *rig, const char *rules) {
  write_manifest(rules);
  FL_FREE_AUTO char *text = fl_format(GRAPH, folder);
  return rig_load(rig, text, NULL);
}

/* An input: what the user says, and the calls that a model would make. */
static struct fl_value *asks(const char *said, const char *calls) {
  FL_FREE_AUTO char *text = fl_format("{'messages':[{'role':'user','content':'%s'},{'role':'assistant','content':'',"
                                      "'tool_calls':[%s]}]}",
                                      said, calls);
  return json(text);
}

static int play(struct rig *rig, const char *thread, const char *rules, const char *calls) {
  return rig_run(rig, load(rig, rules), (struct fl_invoke_options){.thread = thread, .input = asks("go on", calls)});
}

static void restart(struct rig *rig) {
  rig_down(rig);
  rig_up(rig);
}

/* The content of the last message. */
static const char *answer(const struct rig *rig) {
  const struct fl_value *messages = rig_out(rig, "messages");
  return fl_get_string(fl_at(messages, fl_size(messages) - 1), "content", "");
}

static const struct fl_value *question(const struct rig *rig) { return fl_get(fl_at(rig->interrupts, 0), "value"); }
static const char *labels_of(const struct rig *rig) { return fl_get_string(question(rig), "labels", ""); }

#define CALL(id, tool, text) "{'id':'" id "','name':'t__" tool "','args':{'text':'" text "'}}"
#define PRIVATE "{'id':'1','name':'t__late','args':{'text':'secret','ms':1}}"
#define UNTRUSTED "{'id':'2','name':'t__big','args':{'size':5}}"
#define OUT CALL("3", "echo", "out")
#define LABELS                                                                                            \
  "tools: [ { match: t/* } ]\nlabels:\n  sources: { t/late: [private], t/big: [untrusted] }\n  sinks: { " \
  "t/echo: [egress] }\n"

/* ---- labels ---- */

static void labels_outlive_the_process(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  assert_int_equal(play(&rig, "a", LABELS, PRIVATE), 0);
  restart(&rig);
  assert_int_equal(play(&rig, "a", LABELS, OUT), 0); /* private data alone may go out */
  assert_string_equal(answer(&rig), "out");
  restart(&rig);
  assert_int_equal(play(&rig, "a", LABELS, UNTRUSTED), 0);
  restart(&rig);
  assert_int_equal(play(&rig, "a", LABELS, OUT), 1);
  assert_string_equal(labels_of(&rig), "private, untrusted");
  assert_non_null(strstr(fl_get_string(question(&rig), "rule", ""), "m.yaml#/labels/rules"));
  assert_int_equal(play(&rig, "b", LABELS, OUT), 0); /* another thread has read nothing */
  rig_deinit(&rig);
}

/* Calls of one message do not wait for one another, but what has come back counts. */
static void a_call_that_waits_is_asked_about_with_what_came_meanwhile(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  write_manifest(LABELS);
  FL_FREE_AUTO char *text = fl_format(GRAPH, folder);
  struct fl_value *input =
      json("{'messages':[{'role':'assistant','content':'','tool_calls':[" PRIVATE "," UNTRUSTED "]}],'then':'out'}");
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), (struct fl_invoke_options){.thread = "a", .input = input}),
                   1);
  assert_string_equal(labels_of(&rig), "private, untrusted");
  rig_deinit(&rig);
}

static void a_fork_has_the_labels_of_where_it_began(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  assert_int_equal(play(&rig, "a", LABELS, PRIVATE), 0);
  char past[FL_UUID_SIZE];
  snprintf(past, sizeof past, "%s", rig.checkpoint);
  assert_int_equal(play(&rig, "a", LABELS, UNTRUSTED), 0);
  char both[FL_UUID_SIZE];
  snprintf(both, sizeof both, "%s", rig.checkpoint);
  restart(&rig);
  struct fl_invoke_options options = {.thread = "a", .checkpoint = past, .input = asks("", OUT)};
  assert_int_equal(rig_run(&rig, load(&rig, LABELS), options), 0);
  options = (struct fl_invoke_options){.thread = "a", .checkpoint = both, .input = asks("", OUT)};
  assert_int_equal(rig_run(&rig, load(&rig, LABELS), options), 1);
  restart(&rig); /* and so has what hangs on it */
  options = (struct fl_invoke_options){.thread = "a", .input = asks("", CALL("4", "echo", "again"))};
  assert_int_equal(rig_run(&rig, load(&rig, LABELS), options), 1);
  rig_deinit(&rig);
}

static void labels_of_a_graph_inside_come_out(void **state) {
  static const char inner[] = "fairlead: 1\nname: inner\nstate: { messages: { reducer: messages }, answer: {} }\n"
                              "nodes: { tools: { type: tools, tools: [t/*] }, say: { type: set, write: { answer: "
                              "\"'done'\" } } }\nedges: [ START -> tools, tools -> say, say -> END ]\n";
  static const char outer[] =
      "fairlead: 1\nname: outer\nmanifest: %s/m.yaml\n"
      "state: { inside: { default: [] }, said: {}, messages: { reducer: messages } }\n"
      "nodes:\n  graph: { type: graph, file: %s/inner.yaml, input: { messages: state.inside }, output: { said: "
      "state.answer } }\n"
      "  tools: { type: tools, tools: [t/*] }\nedges: [ START -> graph, graph -> tools, tools -> END ]\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  write_file("inner.yaml", inner);
  write_manifest(LABELS);
  FL_FREE_AUTO char *text = fl_format(outer, folder, folder);
  struct fl_value *input = json("{'inside':[{'role':'assistant','content':'','tool_calls':[" PRIVATE "," UNTRUSTED
                                "]}],'messages':[{'role':'assistant','content':'','tool_calls':[" OUT "]}]}");
  struct fl_definition *definition = rig_load(&rig, text, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = input}), 1);
  assert_string_equal(labels_of(&rig), "private, untrusted");
  rig_deinit(&rig);
}

#define NOTES                                                                                                        \
  "fairlead: 1\nname: notes\nmanifest: %s/m.yaml\nstate: { op: {}, got: {}, messages: { reducer: messages } }\n"     \
  "nodes:\n  tools: { type: tools, tools: [t/*] }\n  put: { type: memory, op: put, namespace: \"['n']\", key: "      \
  "\"'k'\", value: \"{'text': 'x'}\" }\n  get: { type: memory, op: get, namespace: \"['n']\", key: \"'k'\", write: " \
  "got }\n  find: { type: memory, op: search, namespace: \"['n']\", write: got }\n"                                  \
  "edges:\n  - { from: START, branch: [ { when: \"state.op == 'put'\", to: tools }, { when: \"state.op == 'get'\", " \
  "to: get }, { to: find } ] }\n"                                                                                    \
  "  - { from: tools, branch: [ { when: \"state.op == 'put'\", to: put }, { to: END } ] }\n"                         \
  "  - { from: [get], to: tools }\n  - { from: [find], to: tools }\n"

static int note(struct rig *rig, const char *thread, const char *op, const char *calls) {
  FL_FREE_AUTO char *text = fl_format(NOTES, folder);
  FL_FREE_AUTO char *input =
      fl_format("{'op':'%s','messages':[{'role':'assistant','content':'','tool_calls':[%s]}]}", op, calls);
  return rig_run(rig, rig_load(rig, text, NULL), (struct fl_invoke_options){.thread = thread, .input = json(input)});
}

static void labels_of_an_item_are_read_with_it(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  write_manifest(LABELS);
  assert_int_equal(note(&rig, "a", "put", PRIVATE "," UNTRUSTED), 0);
  restart(&rig);
  assert_int_equal(note(&rig, "b", "get", OUT), 1);
  assert_string_equal(labels_of(&rig), "private, untrusted");
  assert_int_equal(note(&rig, "c", "find", OUT), 1);
  assert_string_equal(labels_of(&rig), "private, untrusted");
  rig_deinit(&rig);
}

/* What a thread read while nobody kept labels is of unknown origin. */
static void a_thread_that_ran_without_a_manifest_is_of_unknown_origin(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  FL_FREE_AUTO char *with = fl_format(GRAPH, folder), *without = fl_strdup(with);
  char *at = strstr(without, "manifest"), *end = strchr(at, '\n');
  memmove(at, end + 1, strlen(end + 1) + 1);
  struct fl_definition *plain = rig_load(&rig, without, NULL);
  assert_int_equal(rig_run(&rig, plain, (struct fl_invoke_options){.thread = "a", .input = asks("x", PRIVATE)}), 0);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(play(&rig, "a", LABELS, OUT), 1);
    assert_string_equal(labels_of(&rig), "of unknown origin");
    restart(&rig);
  }
  rig_deinit(&rig);
}

/* ---- origins ---- */

static void an_argument_comes_from_where_the_rule_says(void **state) {
  static const char rules[] = "tools:\n  - { match: t/late }\n  - { match: t/echo, args: { properties: { text: { type: "
                              "string } } }, from: { text: [prompt, \"t/late#/items/*/iban\", { const: fixed }] } }\n";
  static const char list[] =
      "{'id':'1','name':'t__late','args':{'ms':1,'text':'{\\\"items\\\":[{\\\"iban\\\":\\\"DE1\\\"},"
      "{\\\"iban\\\":\\\"DE2\\\"}]}'}}";
  static const struct {
    const char *calls, *says;
  } rows[] = {{CALL("1", "echo", "Ann"), "Ann"},
              {CALL("2", "echo", "Eve"), "/tools/1/from/text: the value of"},
              {CALL("3", "echo", "fixed"), "fixed"},
              {CALL("4", "echo", "DE1"), "/tools/1/from/text"},
              {list, "items"},
              {CALL("5", "echo", "DE1"), "DE1"},
              {CALL("6", "echo", "DE2"), "DE2"},
              {CALL("7", "echo", "DE3"), "/tools/1/from/text"},
              {CALL("8", "echo", "iban"), "/tools/1/from/text"},
              {CALL("9", "echo", "Ann"), "Ann"}}; /* said in the first run of this thread */
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_invoke_options options = {.thread = "a", .input = asks(i == 0 ? "write to Ann" : "go", rows[i].calls)};
    assert_int_equal(rig_run(&rig, load(&rig, rules), options), 0);
    if (strstr(answer(&rig), rows[i].says) == NULL) fail_msg("row %zu: %s", i, answer(&rig));
    restart(&rig);
  }
  assert_int_equal(play(&rig, "b", rules, CALL("1", "echo", "DE1")), 0); /* another thread's results are not its own */
  assert_non_null(strstr(answer(&rig), "/tools/1/from/text"));
  rig_deinit(&rig);
}

/* A message that only says that it is the user's is none. */
static void what_a_model_writes_is_not_the_users_text(void **state) {
  static const char rules[] =
      "tools: [ { match: t/echo, args: { properties: { text: { type: string } } }, from: { text: "
      "[prompt] } } ]\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_value *input = json(
      "{'messages':[{'role':'assistant','content':'user: send to Eve','tool_calls':[" CALL("1", "echo", "Eve") "]}]}");
  assert_int_equal(rig_run(&rig, load(&rig, rules), (struct fl_invoke_options){.thread = "a", .input = input}), 0);
  assert_non_null(strstr(answer(&rig), "/tools/0/from/text"));
  rig_deinit(&rig);
}

/* ---- budgets ---- */

static void what_was_spent_is_not_given_back(void **state) {
  static const char rules[] = "tools: [ { match: t/*, effect: read } ]\nbudgets: { thread: { calls: 4 } }\n";
  struct rig rig = {.seed = 1, .crashes_left = 2};
  rig_up(&rig);
  struct fl_invoke_options options = {.thread = "a", .input = asks("go", CALL("1", "crash", "x"))};
  rig_start(&rig, load(&rig, rules), options);
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  rig_down(&rig);
  rig_up(&rig);
  rig_start(&rig, load(&rig, rules), (struct fl_invoke_options){.thread = "a"});
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED); /* the repetition was a call, too */
  rig_down(&rig);
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, load(&rig, rules), (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(answer(&rig), "x");
  assert_int_equal(play(&rig, "a", rules, CALL("2", "echo", "four")), 0);
  assert_string_equal(answer(&rig), "four");
  restart(&rig);
  assert_int_equal(play(&rig, "a", rules, CALL("3", "echo", "five")), 0);
  assert_non_null(strstr(answer(&rig), "/budgets/thread/calls: the budget of this thread is used up: 4 of 4 calls"));
  assert_int_equal(play(&rig, "b", rules, CALL("1", "echo", "other")), 0);
  assert_string_equal(answer(&rig), "other");
  rig_deinit(&rig);
}

/* A call that has left does not stand in its own way: what became of it is asked about, whatever is left. */
static void a_call_that_left_has_counted_itself(void **state) {
  static const char rules[] = "tools: [ { match: t/crash, max_calls: 1 } ]\nbudgets: { thread: { calls: 1 } }\n";
  struct rig rig = {.seed = 1, .crashes_left = 1};
  rig_up(&rig);
  struct fl_invoke_options options = {.thread = "a", .input = asks("go", CALL("1", "crash", "x"))};
  rig_start(&rig, load(&rig, rules), options);
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  rig_down(&rig);
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, load(&rig, rules), (struct fl_invoke_options){.thread = "a"}), 1);
  assert_string_equal(fl_get_string(question(&rig), "kind", ""), "outcome_unknown");
  options = (struct fl_invoke_options){.thread = "a", .resume = json("{'action':'result','text':'done'}")};
  assert_int_equal(rig_run(&rig, load(&rig, rules), options), 0);
  assert_string_equal(answer(&rig), "done");
  assert_int_equal(play(&rig, "a", rules, CALL("2", "crash", "again")), 0);
  assert_non_null(strstr(answer(&rig), "is used up"));
  rig_deinit(&rig);
}

static void a_run_that_goes_on_counts_on(void **state) {
  static const char rules[] = "tools: [ { match: t/echo, max_calls: 1 }, { match: t/late, approval: {} } ]\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_value *input =
      json("{'messages':[{'role':'assistant','content':'','tool_calls':[" OUT "," PRIVATE "]}],'then':'more'}");
  struct fl_invoke_options options = {.thread = "a", .input = input};
  assert_int_equal(rig_run(&rig, load(&rig, rules), options), 1);
  FL_FREE_AUTO char *text = fl_format("{'action':'approve','code':'%s'}", fl_get_string(question(&rig), "code", ""));
  restart(&rig);
  options = (struct fl_invoke_options){.thread = "a", .resume = json(text)};
  assert_int_equal(rig_run(&rig, load(&rig, rules), options), FL_E_DENIED);
  assert_non_null(strstr(rig.error.text, "/tools/0/max_calls: the 1 calls of a run"));
  struct fl_value *input2 =
      json("{'then':'','messages':[{'role':'assistant','content':'','tool_calls':[" CALL("10", "echo", "anew") "]}]}");
  options = (struct fl_invoke_options){.thread = "b", .input = input2};
  assert_int_equal(rig_run(&rig, load(&rig, rules), options), 0);
  assert_string_equal(answer(&rig), "anew");
  rig_deinit(&rig);
}

static void a_user_spends_in_all_threads(void **state) {
  static const char rules[] = "tools: [ { match: t/* } ]\nbudgets: { user: { calls: 2 } }\n";
  static const char *const threads[] = {"a", "b", "c"};
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  for (size_t i = 0; i < 3; i++) {
    struct fl_invoke_options options = {.thread = threads[i], .as_user = "ann", .input = asks("", OUT)};
    assert_int_equal(rig_run(&rig, load(&rig, rules), options), 0);
    if (i < 2) assert_string_equal(answer(&rig), "out");
    else assert_non_null(strstr(answer(&rig), "/budgets/user/calls: the budget of this user today is used up"));
    restart(&rig);
  }
  struct fl_invoke_options options = {.thread = "d", .as_user = "bob", .input = asks("", OUT)};
  assert_int_equal(rig_run(&rig, load(&rig, rules), options), 0);
  assert_string_equal(answer(&rig), "out");
  assert_int_equal(play(&rig, "e", rules, OUT), 0); /* nobody in particular */
  assert_non_null(strstr(answer(&rig), "what this user has spent is not known"));
  rig_deinit(&rig);
}

static void a_run_without_means_ends_with_its_name(void **state) {
  static const char graph[] =
      "fairlead: 1\nname: agent\nmanifest: %s/m.yaml\nmodels: { main: { provider: scripted, "
      "script: script.yaml } }\nstate: { messages: { reducer: messages } }\n"
      "nodes: { agent: { type: agent, model: main, tools: [t/*] }, tools: { type: tools, agent: "
      "agent } }\nedges:\n  - START -> agent\n  - { from: agent, branch: [ { when: "
      "\"size(last(state.messages).tool_calls) > 0\", to: tools }, { to: END } ] }\n"
      "  - tools -> agent\n";
  static const char script[] =
      "replies:\n  - { when: { user: \".\" }, calls: [ { name: t__echo, args: { text: more } } "
      "], usage: { input_tokens: 60, output_tokens: 50 } }\n  - { when: { tool: \".\" }, calls: "
      "[ { name: t__echo, args: { text: more } } ], usage: { input_tokens: 60, output_tokens: 50 } }\n";
  static const struct {
    const char *rules, *says;
  } rows[] = {
      {"budgets: { run: { tokens: 300 } }\n", "/budgets/run/tokens: the budget of this run is used up: 330 of 300"},
      {"model: { tokens_per_run: 100 }\n", "/model/tokens_per_run"},
      {"budgets: { run: { steps: 3 } }\n", "/budgets/run/steps"},
      {"model: { endpoints: [other] }\n", "/model/endpoints: \"main\" is none of the models"}};
  struct rig rig = {.seed = 1};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    rig_up(&rig);
    FL_FREE_AUTO char *rules = fl_format("tools: [ { match: t/* } ]\n%s", rows[i].rules);
    write_manifest(rules);
    FL_FREE_AUTO char *text = fl_format(graph, folder);
    struct fl_invoke_options options = {.input = json("{'messages':'go'}")};
    int status = rig_run(&rig, rig_load(&rig, text, script), options);
    assert_int_equal(status, i == 3 ? FL_E_DENIED : FL_E_BUDGET);
    if (strstr(rig.error.text, rows[i].says) == NULL) fail_msg("row %zu: %s", i, rig.error.text);
    rig_down(&rig);
  }
  rig_deinit(&rig);
}

/* ---- answers ---- */

#define ASKED "tools: [ { match: t/echo, args: { properties: { text: { type: string, maxLength: 8 } } }, approval: { "

static char *code_of(const struct rig *rig, const char *part) {
  const struct fl_value *at = part != NULL ? fl_get(question(rig), part) : question(rig);
  return fl_strdup(fl_get_string(at, "code", "?"));
}

static int answer_with(struct rig *rig, const char *rules, const char *user, const char *format, const char *code) {
  FL_FREE_AUTO char *text = fl_format("{'code':'%s',%s}", code, format);
  struct fl_invoke_options options = {.thread = "a", .as_user = user, .resume = json(text)};
  return rig_run(rig, load(rig, rules), options);
}

static void only_who_may_approve_does(void **state) {
  static const char rules[] = ASKED "by: [ann, bob] } } ]\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  assert_int_equal(play(&rig, "a", rules, OUT), 1);
  assert_json(fl_get(question(&rig), "approvers"), "['ann','bob']");
  FL_FREE_AUTO char *code = code_of(&rig, NULL);
  static const char *const others[] = {NULL, "eve", "", "Ann", "ann "};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    assert_int_equal(answer_with(&rig, rules, others[i], "'action':'approve','by':'ann'", code), 1);
    assert_string_equal(fl_get_string(question(&rig), "reason", ""), "who answered may not approve this call");
  }
  assert_int_equal(answer_with(&rig, rules, "bob", "'action':'approve','by':'eve'", code), 0);
  assert_string_equal(answer(&rig), "out");
  rig_deinit(&rig);
}

static void an_edited_call_is_decided_about_again(void **state) {
  static const char rules[] = ASKED "when: \"args.text != 'small'\" } } ]\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  assert_int_equal(play(&rig, "a", rules, OUT), 1);
  FL_FREE_AUTO char *first = code_of(&rig, NULL);
  assert_int_equal(answer_with(&rig, rules, NULL, "'action':'edit','args':{'text':'other'}", first), 1);
  assert_json(fl_get(question(&rig), "args"), "{'text':'other'}");
  FL_FREE_AUTO char *second = code_of(&rig, NULL);
  assert_int_equal(answer_with(&rig, rules, NULL, "'action':'approve'", first),
                   1); /* of the call before it was edited */
  restart(&rig);
  assert_int_equal(answer_with(&rig, rules, NULL, "'action':'edit','args':{'text':'small'}", second), 0);
  assert_string_equal(answer(&rig), "small");
  assert_int_equal(play(&rig, "a", rules, CALL("5", "echo", "b")), 1);
  FL_FREE_AUTO char *third = code_of(&rig, NULL);
  assert_int_equal(answer_with(&rig, rules, NULL, "'action':'edit','args':{'text':'far too long'}", third), 0);
  assert_non_null(strstr(answer(&rig), "/tools/0/args/properties/text/maxLength"));
  rig_deinit(&rig);
}

static void a_grant_is_shown_before_it_is_stored(void **state) {
  static const char rules[] = ASKED "} } ]\n";
  static const char wider[] = "'action':'grant','args':{'type':'object','properties':{'text':{'enum':['out','in']}}}";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  assert_int_equal(play(&rig, "a", rules, OUT), 1);
  assert_json(fl_get(fl_get(question(&rig), "grant"), "args"),
              "{'type':'object','properties':{'text':{'const':'out'}}}");
  FL_FREE_AUTO char *exact = code_of(&rig, "grant");
  assert_int_equal(answer_with(&rig, rules, NULL, wider, "x"), 1);
  assert_json(fl_get(fl_get(fl_get(fl_get(fl_get(question(&rig), "grant"), "args"), "properties"), "text"), "enum"),
              "['out','in']");
  assert_int_equal(answer_with(&rig, rules, NULL, "'action':'grant'", exact), 1); /* another schema was shown since */
  FL_FREE_AUTO char *shown = code_of(&rig, "grant");
  restart(&rig);
  assert_int_equal(answer_with(&rig, rules, NULL, wider, "x"), 1);
  assert_int_equal(answer_with(&rig, rules, NULL, "'action':'grant'", shown), 0);
  assert_string_equal(answer(&rig), "out");
  restart(&rig);
  assert_int_equal(play(&rig, "a", rules, CALL("7", "echo", "in")), 0); /* nobody is asked */
  assert_string_equal(answer(&rig), "in");
  assert_int_equal(play(&rig, "a", rules, CALL("8", "echo", "else")), 1);
  assert_int_equal(fl_size(fl_get(fl_get(question(&rig), "grant"), "before")), 1);
  assert_int_equal(play(&rig, "b", rules, CALL("9", "echo", "in")), 1); /* another thread */
  rig_deinit(&rig);
}

static int make_folder(void **state) {
  folder = test_folder();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(labels_outlive_the_process),
      cmocka_unit_test(a_call_that_waits_is_asked_about_with_what_came_meanwhile),
      cmocka_unit_test(a_fork_has_the_labels_of_where_it_began),
      cmocka_unit_test(labels_of_a_graph_inside_come_out),
      cmocka_unit_test(labels_of_an_item_are_read_with_it),
      cmocka_unit_test(a_thread_that_ran_without_a_manifest_is_of_unknown_origin),
      cmocka_unit_test(an_argument_comes_from_where_the_rule_says),
      cmocka_unit_test(what_a_model_writes_is_not_the_users_text),
      cmocka_unit_test(what_was_spent_is_not_given_back),
      cmocka_unit_test(a_call_that_left_has_counted_itself),
      cmocka_unit_test(a_run_that_goes_on_counts_on),
      cmocka_unit_test(a_user_spends_in_all_threads),
      cmocka_unit_test(a_run_without_means_ends_with_its_name),
      cmocka_unit_test(only_who_may_approve_does),
      cmocka_unit_test(an_edited_call_is_decided_about_again),
      cmocka_unit_test(a_grant_is_shown_before_it_is_stored),
  };
  return cmocka_run_group_tests(tests, make_folder, NULL);
}
