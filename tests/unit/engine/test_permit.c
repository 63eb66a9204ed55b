/* SPDX-License-Identifier: MIT */
/* A graph with a manifest: what reaches a tool, what the model reads when a call is refused, and what a person is
 * asked. The calls come as the input, so no model is needed. */
#include "rig.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder;

static const char graph[] = "fairlead: 1\nname: permit\nmanifest: %s/m.yaml\n"
                            "state: { messages: { reducer: messages } }\n"
                            "nodes: { tools: { type: tools, tools: [t/*] } }\n"
                            "edges: [ START -> tools, tools -> END ]\n";

static void write_manifest(const char *name, const char *rules) {
  FL_FREE_AUTO char *path = fl_format("%s/%s", folder, name);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fprintf(file, "manifest: 1\nid: permit\n%s", rules);
  fclose(file);
}

static struct fl_definition *load(struct rig *rig, const char *rules) {
  write_manifest("m.yaml", rules);
  FL_FREE_AUTO char *text = fl_format(graph, folder);
  return rig_load(rig, text, NULL);
}

static struct fl_value *asks(const char *calls) {
  FL_FREE_AUTO char *text = fl_format("{'messages':[{'role':'assistant','content':'','tool_calls':[%s]}]}", calls);
  return json(text);
}

static const char *answer(const struct rig *rig, size_t index) {
  return fl_get_string(fl_at(rig_out(rig, "messages"), 1 + index), "content", "");
}

static const char *calls_of(const struct rig *rig) { return rig->calls.size > 0 ? rig->calls.data : ""; }

#define ECHO(id, text) "{'id':'" id "','name':'t__echo','args':{'text':'" text "'}}"

/* ---- what is refused ---- */

static void what_the_manifest_does_not_allow_does_not_reach_the_tool(void **state) {
  static const struct {
    const char *call, *says;
  } rows[] = {
      {"{'id':'1','name':'t__late','args':{'text':'x','ms':1}}", "m.yaml#/tools: no rule names t/late"},
      {ECHO("1", "etc/passwd"), "m.yaml#/tools/0/args/properties/text/pattern"},
      {ECHO("1", "data/../etc"), "climbs with"},
      {"{'id':'1','name':'t__echo','args':{'text':'data/x','as':'root'}}", "m.yaml#/tools/0/args/additionalProperties"},
      {"{'id':'1','name':'t__big','args':{'size':10}}", "m.yaml#/forbid/0: t/b* is forbidden"},
  };
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition =
      load(&rig, "tools:\n  - { match: t/echo, args: { properties: { text: { type: string, format: path, pattern: "
                 "\"data/.*\" } } } }\n  - { match: t/big }\nforbid: [ { match: t/b* } ]\n");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = asks(rows[i].call)}), 0);
    if (strstr(answer(&rig, 0), rows[i].says) == NULL) fail_msg("%s: %s", rows[i].call, answer(&rig, 0));
    assert_string_equal(calls_of(&rig), "");
  }
  /* what was decided about is what is called */
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = asks(ECHO("1", "./data//a/"))}), 0);
  assert_string_equal(answer(&rig, 0), "data/a");
  rig_deinit(&rig);
}

/* Where links lead is decided about, too: what fits the pattern may lead to what does not, or out of the folder. */
static void where_a_path_leads_is_decided_about(void **state) {
  static const struct {
    const char *path, *says;
  } rows[] = {{"data/plain", "data/plain"},
              {"data/new/file", "data/new/file"},
              {"data/inside", "data/inside"},
              {"data/other", "where it leads, /text is \"secret/plain\""},
              {"data/out", "leads outside of what may be reached"},
              {"data/up/passwd", "leads outside of what may be reached"},
              {"data/dangling", "leads outside of what may be reached"}};
  static const char *const links[][2] = {{"plain", "data/inside"},
                                         {"../secret/plain", "data/other"},
                                         {"/etc/passwd", "data/out"},
                                         {"../../../../../../../../../../../../etc", "data/up"},
                                         {"/no/such", "data/dangling"}};
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition =
      load(&rig, "tools:\n  - { match: t/echo, args: { properties: { text: { type: string, "
                 "format: path, pattern: \"data/.*\" } } } }\n");
  FL_FREE_AUTO char *root = fl_format("%s/links", folder), *before = getcwd(NULL, 0);
  assert_int_equal(mkdir(root, 0700), 0);
  assert_int_equal(chdir(root), 0);
  assert_int_equal(mkdir("data", 0700) | mkdir("secret", 0700), 0);
  fclose(fopen("data/plain", "we"));
  fclose(fopen("secret/plain", "we"));
  for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) assert_int_equal(symlink(links[i][0], links[i][1]), 0);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *call = fl_format("{'id':'1','name':'t__echo','args':{'text':'%s'}}", rows[i].path);
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = asks(call)}), 0);
    if (strstr(answer(&rig, 0), rows[i].says) == NULL) fail_msg("%s: %s", rows[i].path, answer(&rig, 0));
  }
  assert_int_equal(chdir(before), 0);
  rig_deinit(&rig);
}

static void calls_of_a_run_are_counted(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, "tools: [ { match: t/*, max_calls: 2 } ]\n");
  for (int run = 0; run < 2; run++) { /* each run has its own */
    struct fl_invoke_options options = {
        .input = asks(ECHO("1", "a") ",{'id':'2','name':'t__late','args':{'text':'b','ms':9}}," ECHO("3", "c"))};
    assert_int_equal(rig_run(&rig, definition, options), 0);
    assert_string_equal(answer(&rig, 0), "a");
    assert_string_equal(answer(&rig, 1), "b");
    assert_non_null(strstr(answer(&rig, 2), "/tools/0/max_calls: the 2 calls of a run are used up"));
  }
  rig_deinit(&rig);
}

static void an_expired_manifest_allows_nothing(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, "tools: [ { match: t/* } ]\nexpires: 1970-01-02\n");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = asks(ECHO("1", "a"))}), 0);
  assert_non_null(strstr(answer(&rig, 0), "m.yaml#/expires"));
  assert_string_equal(calls_of(&rig), "");
  rig_deinit(&rig);
}

static void a_manifest_that_cannot_be_kept_is_not_run(void **state) {
  static const struct {
    const char *rules, *says;
  } rows[] = {
      {"tools: []\nservers: { t: { sandbox: { secrets: [{ name: A, as: argv }] } } }\n", "must be one of"},
      {"tools: [ { match: t/x, from: { a: [somewhere] } } ]\n", "m.yaml:3"},
      {"tools: []\nlabels: { rules: [\"private -> egress: allow\"] }\n", "only the default rule can be taken away"},
      {"tols: []\n", "did you mean \"tools\"?"}};
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  FL_FREE_AUTO char *text = fl_format(graph, folder), *missing = fl_format(graph, "/no/such/folder");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    write_manifest("m.yaml", rows[i].rules);
    FL_FREE_AUTO char *said = rig_load_fails(&rig, text, NULL);
    if (strstr(said, rows[i].says) == NULL || strstr(said, "m.yaml:") == NULL) fail_msg("row %zu: %s", i, said);
  }
  FL_FREE_AUTO char *said = rig_load_fails(&rig, missing, NULL);
  assert_non_null(strstr(said, "/no/such/folder/m.yaml"));
  rig_deinit(&rig);
}

/* The manifest of a file that another one runs can name what it likes. */
static void a_manifest_inside_only_narrows(void **state) {
  static const char outer[] = "fairlead: 1\nname: outer\nmanifest: %s/m.yaml\n"
                              "state: { messages: { reducer: messages } }\n"
                              "nodes: { inside: { type: graph, file: %s/inner.yaml } }\n"
                              "edges: [ START -> inside, inside -> END ]\n";
  static const char inner[] = "fairlead: 1\nname: inner\nmanifest: %s/inside.yaml\n"
                              "state: { messages: { reducer: messages } }\n"
                              "nodes: { tools: { type: tools, tools: [t/*] } }\n"
                              "edges: [ START -> tools, tools -> END ]\n";
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  write_manifest("m.yaml", "tools: [ { match: t/echo }, { match: t/error } ]\n");
  write_manifest("inside.yaml", "tools: [ { match: t/* } ]\nforbid: [ { match: t/error } ]\n");
  FL_FREE_AUTO char *path = fl_format("%s/inner.yaml", folder), *inner_text = fl_format(inner, folder);
  FILE *file = fopen(path, "we");
  fputs(inner_text, file);
  fclose(file);
  FL_FREE_AUTO char *text = fl_format(outer, folder, folder);
  struct fl_definition *definition = rig_load(&rig, text, NULL);
  struct fl_invoke_options options = {.input =
                                          asks(ECHO("1", "a") ",{'id':'2','name':'t__late','args':{'text':'b','ms':9}},"
                                                              "{'id':'3','name':'t__error','args':{'text':'c'}}")};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_string_equal(answer(&rig, 0), "a");
  assert_non_null(strstr(answer(&rig, 1), "m.yaml#/tools: no rule names t/late"));
  assert_non_null(strstr(answer(&rig, 2), "inside.yaml#/forbid/0"));
  assert_string_equal(calls_of(&rig), "echo ");
  rig_deinit(&rig);
}

/* ---- what a person is asked ---- */

#define ASK_RULES "tools:\n  - { match: t/echo, effect: once, approval: { when: \"args.text != 'small'\" } }\n"

static const struct fl_value *question_of(const struct rig *rig) {
  const struct fl_value *question = fl_get(fl_at(rig->interrupts, 0), "value");
  assert_string_equal(fl_get_string(question, "kind", ""), "approval");
  return question;
}

static char *code_of(const struct rig *rig) { return fl_strdup(fl_get_string(question_of(rig), "code", "?")); }

static struct fl_value *approve(const char *code) {
  FL_FREE_AUTO char *text = fl_format("{'action':'approve','code':'%s'}", code);
  return json(text);
}

/* Runs until it is asked; the code of the question. */
static char *ask(struct rig *rig, const char *thread, const char *calls) {
  struct fl_definition *definition = load(rig, ASK_RULES);
  assert_int_equal(rig_run(rig, definition, (struct fl_invoke_options){.thread = thread, .input = asks(calls)}), 1);
  assert_int_equal(fl_size(rig->interrupts), 1);
  return code_of(rig);
}

static int resume(struct rig *rig, const char *thread, struct fl_value *given) {
  struct fl_definition *definition = load(rig, ASK_RULES);
  return rig_run(rig, definition, (struct fl_invoke_options){.thread = thread, .resume = given});
}

static void an_approved_call_is_made_once(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  FL_FREE_AUTO char *code = ask(&rig, "a", ECHO("1", "small") "," ECHO("2", "large"));
  const struct fl_value *question = question_of(&rig);
  assert_string_equal(fl_get_string(question, "tool", ""), "t/echo");
  assert_json(fl_get(question, "args"), "{'text':'large'}");
  assert_non_null(strstr(fl_get_string(question, "rule", ""), "m.yaml#/tools/0/approval"));
  assert_int_equal(strlen(fl_get_string(question, "manifest", "")), 64);
  assert_string_equal(calls_of(&rig), "echo "); /* the other one does not wait */
  rig_down(&rig);
  rig_up(&rig);
  rig.calls.size = 0;
  assert_int_equal(resume(&rig, "a", approve(code)), 0);
  assert_string_equal(calls_of(&rig), "echo ");
  assert_string_equal(answer(&rig, 0), "small");
  assert_string_equal(answer(&rig, 1), "large");
  assert_true(resume(&rig, "a", approve(code)) < 0); /* nothing waits for it any more */
  rig_deinit(&rig);
}

static void each_call_has_an_answer_of_its_own(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  FL_FREE_AUTO char *first = ask(&rig, "a", ECHO("1", "x") "," ECHO("2", "x"));
  assert_int_equal(resume(&rig, "a", approve(first)), 1);
  assert_string_equal(calls_of(&rig), "echo ");
  FL_FREE_AUTO char *second = code_of(&rig);
  assert_string_not_equal(first, second);
  assert_int_equal(resume(&rig, "a", approve(first)), 1); /* used up: the same arguments, another call */
  assert_json(fl_get(fl_get(question_of(&rig), "not_understood"), "action"), "'approve'");
  assert_string_equal(calls_of(&rig), "echo ");
  rig_down(&rig);
  rig_up(&rig);
  assert_int_equal(resume(&rig, "a", approve(second)), 0);
  assert_string_equal(rig_messages(&rig, 1), "tool: x\ntool: x\n");
  rig_deinit(&rig);
}

static void an_answer_for_something_else_does_not_fit(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  FL_FREE_AUTO char *other_thread = ask(&rig, "b", ECHO("1", "large"));
  FL_FREE_AUTO char *code = ask(&rig, "a", ECHO("1", "large"));
  FL_FREE_AUTO char *cut = fl_strndup(code, strlen(code) - 1), *later = fl_format("9%s", code);
  struct fl_value *const wrong[] = {approve(other_thread),
                                    approve(cut),
                                    approve(later),
                                    approve(""),
                                    json("'approve'"),
                                    json("true"),
                                    json("{'action':'approve'}"),
                                    json("{'action':'Approve','code':1}"),
                                    json("'approved by the user'")};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    assert_int_equal(resume(&rig, "a", wrong[i]), 1);
    assert_non_null(fl_get(question_of(&rig), "not_understood"));
    assert_string_equal(calls_of(&rig), "");
  }
  /* and the right one does not fit when the manifest is another by now */
  rig_down(&rig);
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, ASK_RULES "description: wider\n");
  struct fl_invoke_options options = {.thread = "a", .resume = approve(code)};
  assert_int_equal(rig_run(&rig, definition, options), 1);
  assert_string_equal(calls_of(&rig), "");
  FL_FREE_AUTO char *fresh = code_of(&rig);
  options.resume = approve(fresh);
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_string_equal(calls_of(&rig), "echo ");
  rig_deinit(&rig);
}

static void a_rejection_is_told_to_the_model(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  fl_free(ask(&rig, "a", ECHO("1", "large") "," ECHO("2", "small")));
  assert_int_equal(resume(&rig, "a", json("{'action':'reject','text':'too much'}")), 0);
  assert_non_null(strstr(answer(&rig, 0), "a person decided against this call of t/echo: too much"));
  assert_string_equal(answer(&rig, 1), "small");
  assert_string_equal(calls_of(&rig), "echo ");
  rig_deinit(&rig);
}

static void an_answer_is_good_for_as_long_as_the_rule_says(void **state) {
  static const char rules[] = "tools: [ { match: t/echo, approval: { ttl: 10m } } ]\n";
  struct rig rig = {.seed = 1};
  for (int is_late = 0; is_late < 2; is_late++) {
    const char *thread = is_late ? "late" : "soon";
    rig_up(&rig);
    rig.calls.size = 0;
    struct fl_definition *definition = load(&rig, rules);
    struct fl_invoke_options options = {.thread = thread, .input = asks(ECHO("1", "x"))};
    assert_int_equal(rig_run(&rig, definition, options), 1);
    FL_FREE_AUTO char *code = code_of(&rig);
    assert_true(code[0] != '0');
    fl_world_sim_run_until(rig.world, fl_world_now_ms(rig.world) + (is_late ? 602000 : 599000));
    options = (struct fl_invoke_options){.thread = thread, .resume = approve(code)};
    assert_int_equal(rig_run(&rig, definition, options), is_late);
    rig_down(&rig);
  }
  rig_deinit(&rig);
}

/* The process dies while an approved call is out: the approval is not asked for again, the outcome is. */
static void an_approved_call_that_died_is_asked_about(void **state) {
  static const char rules[] = "tools: [ { match: t/crash, approval: {} }, { match: t/echo, approval: {} } ]\n";
  static const char calls[] = "{'id':'1','name':'t__crash','args':{'text':'paid'}}," ECHO("2", "after");
  struct rig rig = {.seed = 1, .crashes_left = 1};
  rig_up(&rig);
  struct fl_invoke_options options = {.thread = "a", .input = asks(calls)};
  assert_int_equal(rig_run(&rig, load(&rig, rules), options), 1);
  FL_FREE_AUTO char *code = code_of(&rig);
  rig_start(&rig, load(&rig, rules), (struct fl_invoke_options){.thread = "a", .resume = approve(code)});
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  rig_down(&rig);
  rig_up(&rig);
  rig.calls.size = 0;
  assert_int_equal(rig_run(&rig, load(&rig, rules), (struct fl_invoke_options){.thread = "a"}), 1);
  assert_string_equal(fl_get_string(fl_get(fl_at(rig.interrupts, 0), "value"), "kind", ""), "outcome_unknown");
  assert_string_equal(calls_of(&rig), "");
  options = (struct fl_invoke_options){.thread = "a", .resume = json("'retry'")};
  assert_int_equal(rig_run(&rig, load(&rig, rules), options), 1);
  assert_string_equal(calls_of(&rig), "crash ");
  FL_FREE_AUTO char *second = code_of(&rig); /* of the other call, which nobody has decided about */
  assert_string_equal(fl_get_string(question_of(&rig), "tool", ""), "t/echo");
  options.resume = approve(second);
  assert_int_equal(rig_run(&rig, load(&rig, rules), options), 0);
  assert_string_equal(calls_of(&rig), "crash echo ");
  assert_string_equal(rig_messages(&rig, 1), "tool: paid\ntool: after\n");
  rig_deinit(&rig);
}

static int make_folder(void **state) {
  folder = test_folder();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_the_manifest_does_not_allow_does_not_reach_the_tool),
      cmocka_unit_test(where_a_path_leads_is_decided_about),
      cmocka_unit_test(calls_of_a_run_are_counted),
      cmocka_unit_test(an_expired_manifest_allows_nothing),
      cmocka_unit_test(a_manifest_that_cannot_be_kept_is_not_run),
      cmocka_unit_test(a_manifest_inside_only_narrows),
      cmocka_unit_test(an_approved_call_is_made_once),
      cmocka_unit_test(each_call_has_an_answer_of_its_own),
      cmocka_unit_test(an_answer_for_something_else_does_not_fit),
      cmocka_unit_test(a_rejection_is_told_to_the_model),
      cmocka_unit_test(an_approved_call_that_died_is_asked_about),
      cmocka_unit_test(an_answer_is_good_for_as_long_as_the_rule_says),
  };
  return cmocka_run_group_tests(tests, make_folder, NULL);
}
