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

/* ---- who answered, and what ---- */

static bool collect_answers(const struct fl_audit_record *record, void *user) {
  FL_VALUE_AUTO body = NULL;
  assert_int_equal(fl_parse(record->body.data, record->body.size, &body, NULL), 0);
  fl_buf_addf(user, "%s by %s%s\n", record->what, fl_get_string(body, "by", "-"),
              strlen(fl_get_string(body, "schema", "")) == 64 ? " a schema" : "");
  return true;
}

static void assert_answers(struct rig *rig, const char *expected) {
  FL_BUF_AUTO text = {0};
  const struct fl_audit_query query = {.visit = collect_answers, .user = &text};
  assert_int_equal(fl_store_list_audit(rig->store, &query, NULL), 0);
  assert_string_equal(text.data != NULL ? text.data : "", expected);
}

/* Answers the open question of the thread, as somebody. `format` has a place for the code, or for none. */
static void answer_as(struct rig *rig, struct fl_definition *definition, const char *user, const char *format) {
  FL_FREE_AUTO char *code = code_of(rig);
  FL_FREE_AUTO char *granted =
      fl_strdup(fl_get_string(fl_get(fl_get(fl_at(rig->interrupts, 0), "value"), "grant"), "code", ""));
  const char *at = strchr(format, '$');
  FL_FREE_AUTO char *text =
      at == NULL ? fl_strdup(format)
                 : fl_format("%.*s%s%s", (int)(at - format), format, at[1] == 'G' ? granted : code, at + 2);
  rig_run(rig, definition, (struct fl_invoke_options){.thread = "t1", .resume = json(text), .as_user = user});
}

static void it_is_recorded_who_answered(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, "tools: [ { match: t/*, approval: {} } ]\n");
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t1", .input = asks(CALL("1", "echo", "a"))});
  answer_as(&rig, definition, "eve", "{'action':'approve','code':'0-wrong'}"); /* decides nothing */
  answer_as(&rig, definition, "ada", "{'action':'edit','code':'$C','args':{'text':'b'}}");
  answer_as(&rig, definition, "bob", "{'action':'approve','code':'$C','by':'root'}");
  assert_answers(&rig, "call.asked by -\ncall.asked by -\ncall.edited by ada\ncall.asked by -\n"
                       "call.edited by ada\ncall.approved by bob\n");
  rig_deinit(&rig);
}

static void grants_and_rejections_are_recorded_too(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = load(&rig, "tools: [ { match: t/*, approval: {} } ]\n");
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t1", .input = asks(CALL("1", "echo", "a"))});
  answer_as(&rig, definition, "ada", "{'action':'grant','code':'$G'}");
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t1", .input = asks(CALL("2", "echo", "b"))});
  answer_as(&rig, definition, "bob", "{'action':'reject','text':'no'}");
  assert_answers(&rig, "call.asked by -\n"
                       "call.granted by ada a schema\n"
                       "call.approved by ada\ncall.asked by -\ncall.rejected by bob\n");
  rig_deinit(&rig);
}

static bool collect_model(const struct fl_audit_record *record, void *user) {
  FL_VALUE_AUTO body = NULL;
  assert_int_equal(fl_parse(record->body.data, record->body.size, &body, NULL), 0);
  fl_buf_addf(user, "%s %s %s\n", record->what, fl_get_string(body, "model", "?"), fl_get_string(body, "rule", "-"));
  return true;
}

static void a_model_that_may_not_be_called_is_recorded(void **state) {
  struct rig rig = {.seed = 1};
  FL_BUF_AUTO text = {0};
  const struct fl_audit_query query = {.visit = collect_model, .user = &text};
  rig_up(&rig);
  load(&rig, "tools: []\nmodel: { endpoints: [other] }\n"); /* the manifest's file */
  FL_FREE_AUTO char *agent =
      fl_format("fairlead: 1\nname: agent\nmanifest: %s/audited.yaml\nstate: { messages: { reducer: messages } }\n"
                "models: { main: { provider: scripted, script: script.yaml } }\nnodes: { agent: { type: agent } }\n"
                "edges: [ START -> agent -> END ]\n",
                folder);
  struct fl_definition *definition = rig_load(&rig, agent, "replies: [ { text: never } ]\n");
  struct fl_invoke_options options = {.thread = "t1", .input = json("{'messages':[{'role':'user','content':'x'}]}")};
  assert_true(rig_run(&rig, definition, options) < 0);
  assert_int_equal(fl_store_list_audit(rig.store, &query, NULL), 0);
  assert_non_null(text.data);
  assert_non_null(strstr(text.data, "model.denied main "));
  assert_non_null(strstr(text.data, "/model/endpoints"));
  rig_deinit(&rig);
}

int main(void) {
  folder = test_folder();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_decision_is_recorded),
      cmocka_unit_test(the_graphs_own_list_records_what_it_denies),
      cmocka_unit_test(what_persons_answer_is_recorded),
      cmocka_unit_test(it_is_recorded_who_answered),
      cmocka_unit_test(grants_and_rejections_are_recorded_too),
      cmocka_unit_test(a_model_that_may_not_be_called_is_recorded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
