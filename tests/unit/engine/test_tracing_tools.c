/* SPDX-License-Identifier: MIT */
/* What the spans of tools' calls say of policy, labels, sandbox and arguments, and those of resumes of who answered. */
#include "newest.h"

#include "runtime/trace/context.h"

#include <stdio.h>

static const char *folder;
static const char *arguments_setting, *content_setting;

static const char *get_setting(const char *name) {
  if (strcmp(name, "FAIRLEAD_TRACE_ARGUMENTS") == 0) return arguments_setting;
  return strcmp(name, "FAIRLEAD_TRACE_CONTENT") == 0 ? content_setting : NULL;
}

static void write_manifest(const char *rules) {
  FL_FREE_AUTO char *path = fl_format("%s/facts.yaml", folder);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fprintf(file, "manifest: 1\nid: facts\n%s", rules);
  fclose(file);
}

/* A graph with one call of a tool, under these rules; NULL: without a manifest. */
static struct fl_definition *load(struct rig *rig, const char *rules, const char *tool, const char *args) {
  FL_FREE_AUTO char *manifest = rules != NULL ? fl_format("manifest: %s/facts.yaml\n", folder) : fl_strdup("");
  FL_FREE_AUTO char *text = fl_format("fairlead: 1\nname: facts\n%sstate: { a: {} }\n"
                                      "nodes: { call: { type: tool, tool: %s, args: %s, write: a } }\n"
                                      "edges: [ START -> call -> END ]\n",
                                      manifest, tool, args);
  if (rules != NULL) write_manifest(rules);
  return rig_load(rig, text, NULL);
}

static const struct fl_value *tool_facts(struct rig *rig, struct fl_trace *trace, const char *tool) {
  load_newest(rig, "a", trace);
  return span_named(trace, FL_SPAN_TOOL, tool)->attributes;
}

static int run(struct rig *rig, struct fl_definition *definition) {
  return rig_run(rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{}")});
}

#define ECHO "{ text: \"'x'\" }"

static void labels_are_those_of_the_result(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  const char *rules = "tools: [ { match: t/* } ]\nlabels: { sources: { t/echo: [private, untrusted] } }\n";
  assert_int_equal(run(&rig, load(&rig, rules, "t/echo", ECHO)), 0);
  const struct fl_value *facts = tool_facts(&rig, &trace, "t/echo");
  assert_string_equal(fl_get_string(facts, "labels", ""), "private, untrusted");
  assert_string_equal(fl_get_string(facts, "decision", ""), "allow");
  assert_non_null(strstr(fl_get_string(facts, "rule", ""), "facts.yaml#/tools/0"));
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void a_denied_call_has_its_rule(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  assert_true(run(&rig, load(&rig, "tools: []\n", "t/echo", ECHO)) < 0);
  const struct fl_value *facts = tool_facts(&rig, &trace, "t/echo");
  assert_string_equal(fl_get_string(facts, "decision", ""), "deny");
  assert_non_null(strstr(fl_get_string(facts, "rule", ""), "facts.yaml"));
  assert_string_equal(fl_get_string(facts, "code", ""), "denied");
  assert_null(fl_get(facts, "labels"));
  assert_null(fl_get(facts, "bytes"));
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void the_layers_around_a_server_are_told(void **state) {
  static const char *const rows[][2] = {{"t", "landlock,seccomp"}, {"t/echo", "landlock"}, {"other", NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {.seed = 1};
    struct fl_trace trace = {0};
    rig_up(&rig);
    rig.runtime->sandboxes = fl_object();
    fl_set_string(rig.runtime->sandboxes, rows[i][0], rows[i][1] != NULL ? rows[i][1] : "seccomp");
    assert_int_equal(run(&rig, load(&rig, NULL, "t/echo", ECHO)), 0);
    const char *told = fl_get_string(tool_facts(&rig, &trace, "t/echo"), "sandbox", NULL);
    if (rows[i][1] == NULL) assert_null(told);
    else assert_string_equal(told, rows[i][1]);
    fl_trace_deinit(&trace);
    rig_deinit(&rig);
  }
}

static void arguments_are_told_where_they_are_asked_for(void **state) {
  static const struct {
    const char *setting, *content, *args, *told;
  } rows[] = {
      {NULL, NULL, ECHO, NULL},
      {"hash", NULL, ECHO, NULL},
      {"value", NULL, ECHO, "{\"text\":\"x\"}"},
      {"value", NULL, "{ text: \"'to ada@example.org'\" }", "{\"text\":\"to [email]\"}"},
      {"value", "100", ECHO, NULL}, /* they are in the content */
      {"value", "0,errors", ECHO, "{\"text\":\"x\"}"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {.seed = 1};
    struct fl_trace trace = {0};
    arguments_setting = rows[i].setting, content_setting = rows[i].content;
    rig_up(&rig);
    rig.runtime->getenv_fn = get_setting;
    assert_int_equal(run(&rig, load(&rig, NULL, "t/echo", rows[i].args)), 0);
    const struct fl_value *facts = tool_facts(&rig, &trace, "t/echo");
    assert_int_equal(strlen(fl_get_string(facts, "arguments_hash", "")), 16);
    assert_string_equal(fl_get_string(facts, "arguments", "none"), rows[i].told != NULL ? rows[i].told : "none");
    fl_trace_deinit(&trace);
    rig_deinit(&rig);
  }
  arguments_setting = content_setting = NULL;
}

static void arguments_that_are_long_are_a_hash(void **state) {
  char args[1200];
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  snprintf(args, sizeof args, "{ text: \"'%01100d'\" }", 0);
  arguments_setting = "value";
  rig_up(&rig);
  rig.runtime->getenv_fn = get_setting;
  assert_int_equal(run(&rig, load(&rig, NULL, "t/echo", args)), 0);
  assert_null(fl_get(tool_facts(&rig, &trace, "t/echo"), "arguments"));
  arguments_setting = NULL;
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

/* ---- who answered ---- */

static void a_resume_tells_who_answered_and_what(void **state) {
  static const struct {
    const char *as_user, *user_id, *answered_as;
  } rows[] = {{"owner", "ada", "owner"}, {NULL, "ada", "ada"}, {NULL, NULL, NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {.seed = 1};
    struct fl_trace trace = {0};
    char hash[FL_USER_HASH_SIZE] = "nobody";
    rig_up(&rig);
    struct fl_definition *definition = load(&rig, "tools: [ { match: t/*, approval: {} } ]\n", "t/echo", ECHO);
    assert_int_equal(run(&rig, definition), 1);
    load_newest(&rig, "a", &trace);
    const struct fl_span *asked = span_named(&trace, FL_SPAN_INTERRUPT, "approval");
    assert_string_equal(fl_get_string(asked->attributes, "tool", ""), "t/echo");
    assert_non_null(strstr(fl_get_string(asked->attributes, "rule", ""), "#/tools/0/approval"));
    FL_FREE_AUTO char *approve = fl_format("{'action':'approve','code':'%s'}",
                                           fl_get_string(fl_get(fl_at(rig.interrupts, 0), "value"), "code", ""));
    struct fl_invoke_options options = {
        .thread = "a", .resume = json(approve), .as_user = rows[i].as_user, .user_id = rows[i].user_id};
    assert_int_equal(rig_run(&rig, definition, options), 0);
    load_newest(&rig, "a", &trace);
    const struct fl_value *facts = span_named(&trace, FL_SPAN_RESUME, "resume")->attributes;
    if (rows[i].answered_as != NULL) fl_user_hash(rows[i].answered_as, hash);
    assert_string_equal(fl_get_string(facts, "answered_as", "nobody"), hash);
    assert_string_equal(fl_get_string(facts, "answer", ""), "approve");
    assert_string_equal(fl_get_string(span_named(&trace, FL_SPAN_TOOL, "t/echo")->attributes, "decision", ""), "ask");
    fl_trace_deinit(&trace);
    rig_deinit(&rig);
  }
}

int main(void) {
  folder = test_folder();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(labels_are_those_of_the_result),
      cmocka_unit_test(a_denied_call_has_its_rule),
      cmocka_unit_test(the_layers_around_a_server_are_told),
      cmocka_unit_test(arguments_are_told_where_they_are_asked_for),
      cmocka_unit_test(arguments_that_are_long_are_a_hash),
      cmocka_unit_test(a_resume_tells_who_answered_and_what),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
