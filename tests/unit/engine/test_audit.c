/* SPDX-License-Identifier: MIT */
/* What a run says to the audit log: each decision about a call under a manifest, denials in any case, what persons
 * answered. Once each, also when the task runs again. */
#include "rig.h"

#include "runtime/store/store.h"

#include <stdio.h>

static const char *folder;

static const char graph[] = "fairlead: 1\nname: audited\n%s"
                            "state: { messages: { reducer: messages } }\n"
                            "nodes: { tools: { type: tools, tools: [t/echo, t/late, t/error] } }\n"
                            "edges: [ START -> tools, tools -> END ]\n";

static struct fl_definition *load(struct rig *rig, const char *rules) {
  FL_FREE_AUTO char *path = fl_format("%s/audited.yaml", folder);
  FL_FREE_AUTO char *key = rules != NULL ? fl_format("manifest: %s\n", path) : fl_strdup("");
  FL_FREE_AUTO char *text = fl_format(graph, key);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fprintf(file, "manifest: 1\nid: audited\n%s", rules != NULL ? rules : "tools: []\n");
  fclose(file);
  return rig_load(rig, text, NULL);
}

static struct fl_value *asks(const char *calls) {
  FL_FREE_AUTO char *text = fl_format("{'messages':[{'role':'assistant','content':'','tool_calls':[%s]}]}", calls);
  return json(text);
}

#define CALL(id, tool, text) "{'id':'" id "','name':'t__" tool "','args':{'text':'" text "'}}"

static bool collect(const struct fl_audit_record *record, void *user) {
  FL_VALUE_AUTO body = NULL;
  assert_int_equal(fl_parse(record->body.data, record->body.size, &body, NULL), 0);
  fl_buf_addf(user, "%s %s %s\n", record->what, fl_get_string(body, "tool", "?"), fl_get_string(body, "pointer", "-"));
  assert_int_equal(strlen(fl_get_string(body, "args", "")), 64);
  assert_int_equal(strlen(fl_get_string(body, "call_id", "")), 36);
  assert_string_equal(fl_get_string(body, "node", ""), "tools");
  assert_string_equal(record->thread, "t1");
  return true;
}

static void assert_log(struct rig *rig, const char *expected) {
  FL_BUF_AUTO text = {0};
  const struct fl_audit_query query = {.visit = collect, .user = &text};
  assert_int_equal(fl_store_list_audit(rig->store, &query, NULL), 0);
  assert_string_equal(text.data != NULL ? text.data : "", expected);
  struct fl_audit_report report;
  assert_int_equal(fl_store_verify_audit(rig->store, NULL, &report, NULL), 0);
  assert_int_equal(report.bad_no, 0);
}

static void each_decision_is_recorded(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(
      &rig, "tools:\n  - { match: t/echo, effect: read }\n  - { match: t/late }\nforbid: [ { match: t/error } ]\n");
  struct fl_invoke_options options = {
      .thread = "t1",
      .input = asks(CALL("1", "echo", "a") "," CALL("2", "error", "b") ",{'id':'3','name':'t__late',"
                                                                       "'args':{'text':'c','ms':5}}")};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_log(&rig, "call.allowed t/echo /tools/0\ncall.denied t/error /forbid/0\ncall.allowed t/late /tools/1\n");
  rig_deinit(&rig);
}

static void the_graphs_own_list_records_what_it_denies(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, NULL);
  struct fl_invoke_options options = {.thread = "t1", .input = asks(CALL("1", "echo", "a") "," CALL("2", "big", "b"))};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_log(&rig, "call.denied t/big -\n");
  rig_deinit(&rig);
}

static char *code_of(const struct rig *rig) {
  return fl_strdup(fl_get_string(fl_get(fl_at(rig->interrupts, 0), "value"), "code", ""));
}

static void what_persons_answer_is_recorded(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, "tools: [ { match: t/*, approval: { when: \"true\" } } ]\n");
  struct fl_invoke_options options = {.thread = "t1", .input = asks(CALL("1", "echo", "a"))};
  rig_run(&rig, definition, options);
  assert_log(&rig, "call.asked t/echo /tools/0/approval\n");
  FL_FREE_AUTO char *code = code_of(&rig);
  FL_FREE_AUTO char *approve = fl_format("{'action':'approve','code':'%s'}", code);
  options = (struct fl_invoke_options){.thread = "t1", .resume = json(approve)};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_log(&rig, "call.asked t/echo /tools/0/approval\ncall.approved t/echo /tools/0/approval\n");
  options = (struct fl_invoke_options){.thread = "t1", .input = asks(CALL("9", "echo", "z"))};
  rig_run(&rig, definition, options);
  options = (struct fl_invoke_options){.thread = "t1", .resume = json("{'action':'reject','text':'no'}")};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_log(&rig, "call.asked t/echo /tools/0/approval\ncall.approved t/echo /tools/0/approval\n"
                   "call.asked t/echo /tools/0/approval\ncall.rejected t/echo /tools/0/approval\n");
  rig_deinit(&rig);
}

int main(void) {
  folder = test_folder();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_decision_is_recorded),
      cmocka_unit_test(the_graphs_own_list_records_what_it_denies),
      cmocka_unit_test(what_persons_answer_is_recorded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
