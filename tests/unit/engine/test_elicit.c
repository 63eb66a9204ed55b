/* SPDX-License-Identifier: MIT */
/* Tools whose server asks a person: what the person is shown, which answer reaches which question, and what a crash
 * between any two effects leaves. */
#include "asker.h"

static const char graph[] = "fairlead: 1\nname: asks\n%s"
                            "state: { messages: { reducer: messages } }\n"
                            "nodes: { tools: { type: tools, tools: [q/*, t/*]%s } }\n"
                            "edges: [ START -> tools, tools -> END ]\n";

static const char *extra = "", *more = "";

static void up(struct rig *rig) {
  rig_up(rig);
  asker_add(rig);
}

static void begin(struct rig *rig) {
  *rig = (struct rig){.seed = 1};
  fl_buf_clear(&asker_log);
  asker_drops_holds = asker_dies_on_answers = false;
  extra = more = "";
  up(rig);
}

static void live_again(struct rig *rig) {
  rig_down(rig);
  up(rig);
}

static struct fl_definition *load(struct rig *rig) {
  FL_FREE_AUTO char *text = fl_format(graph, extra, more);
  return rig_load(rig, text, NULL);
}

static struct fl_value *calls(const char *list) {
  FL_FREE_AUTO char *text = fl_format("{'messages':[{'role':'assistant','content':'','tool_calls':[%s]}]}", list);
  return json(text);
}

#define CALL(ID, TOOL) "{'id':'" ID "','name':'q__" TOOL "','args':{}}"

static int start(struct rig *rig, const char *list) {
  return rig_run(rig, load(rig), (struct fl_invoke_options){.thread = "a", .input = calls(list)});
}

static int resume(struct rig *rig, const char *answer) {
  return rig_run(rig, load(rig), (struct fl_invoke_options){.thread = "a", .resume = json(answer)});
}

static const struct fl_value *question(const struct rig *rig) { return fl_get(fl_at(rig->interrupts, 0), "value"); }
static const char *word(const struct rig *rig, const char *member) { return fl_get_string(question(rig), member, "-"); }
static const char *logged(void) { return asker_log.size > 0 ? asker_log.data : ""; }
static void forget_log(void) { fl_buf_clear(&asker_log); }

#define ADA "{'action':'accept','content':{'name':'Ada'}}"
#define BOB "{'action':'accept','content':{'name':'Bob'}}"
#define SAID_ADA                                                   \
  "("                                                              \
  "{\"a\":{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}}" \
  ")"

/* How many calls were made again, word by word; a task may be taken up as often as one likes. */
static size_t repeated(void) {
  size_t count = 0;
  FL_FREE_AUTO char *text = fl_strdup(logged());
  char *words[100], *rest = text;
  size_t word_count = 0;
  for (char *one; (one = strsep(&rest, " ")) != NULL && word_count < 100;) words[word_count++] = one;
  for (size_t i = 0; i < word_count; i++) {
    bool is_again = false;
    for (size_t j = 0; j < i; j++) is_again |= strcmp(words[i], words[j]) == 0;
    count += is_again && strncmp(words[i], "task", 4) != 0;
  }
  return count;
}

/* ---- one question ---- */

static void a_question_is_an_interrupt_and_its_answer_reaches_the_server(void **state) {
  for (int in_new_process = 0; in_new_process < 2; in_new_process++) {
    struct rig rig;
    begin(&rig);
    assert_int_equal(start(&rig, CALL("1", "form")), 1);
    assert_int_equal(fl_size(rig.interrupts), 1);
    assert_string_equal(word(&rig, "kind"), "elicitation");
    assert_string_equal(word(&rig, "server"), "q");
    assert_string_equal(word(&rig, "tool"), "q/form");
    assert_string_equal(word(&rig, "mode"), "form");
    assert_string_equal(word(&rig, "question"), "Who?");
    assert_json(fl_get(question(&rig), "schema"), FORM);
    assert_json(fl_get(question(&rig), "args"), "{}");
    assert_string_equal(rig_stored_status(&rig, "a"), "interrupted");
    if (in_new_process) live_again(&rig);
    assert_int_equal(resume(&rig, ADA), 0);
    assert_string_equal(logged(), "form form" SAID_ADA " "); /* once, and once more as the protocol wants it */
    assert_non_null(strstr(rig_messages(&rig, 1), "Ada"));
    rig_deinit(&rig);
  }
}

static void no_and_not_now_reach_the_server_too(void **state) {
  static const char *const rows[][2] = {{"{'action':'decline'}", "decline"},
                                        {"{'action':'cancel'}", "cancel"},
                                        {"'decline'", "decline"},
                                        {"{'action':'cancel','content':{'x':1}}", "cancel"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig;
    begin(&rig);
    assert_int_equal(start(&rig, CALL("1", "form")), 1);
    assert_int_equal(resume(&rig, rows[i][0]), 0);
    FL_FREE_AUTO char *said = fl_format("form form({\"a\":{\"action\":\"%s\"}}) ", rows[i][1]);
    assert_string_equal(logged(), said);
    rig_deinit(&rig);
  }
}

static void an_answer_that_does_not_fit_decides_nothing(void **state) {
  static const char *const rows[][2] = {
      {"true", "no \"action\""},
      {"'Ada'", "no \"action\""},
      {"{'name':'Ada'}", "no \"action\""},
      {"{'action':'Accept','content':{'name':'Ada'}}", "no \"action\""},
      {"{'action':'accept'}", "needs \"content\""},
      {"{'action':'accept','content':'Ada'}", "needs \"content\""},
      {"{'action':'accept','content':{}}", "name"},
      {"{'action':'accept','content':{'name':'Ada','age':'hunter2'}}", "/age"},
      {"{'action':'accept','content':{'name':'Ada','agee':7}}", "\"agee\", which was not asked for"},
  };
  struct rig rig;
  begin(&rig);
  assert_int_equal(start(&rig, CALL("1", "form")), 1);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    if (i % 2 == 0) live_again(&rig);
    assert_int_equal(resume(&rig, rows[i][0]), 1);
    if (strstr(word(&rig, "problem"), rows[i][1]) == NULL) fail_msg("row %zu: %s", i, word(&rig, "problem"));
    assert_null(strstr(text_of(question(&rig)), "hunter2")); /* what was said is not said again */
    assert_string_equal(word(&rig, "question"), "Who?");
  }
  assert_string_equal(logged(), "form ");
  assert_int_equal(resume(&rig, ADA), 0);
  assert_string_equal(logged(), "form form" SAID_ADA " ");
  rig_deinit(&rig);
}

static void a_page_is_shown_and_not_visited(void **state) {
  struct rig rig;
  begin(&rig);
  assert_int_equal(start(&rig, CALL("1", "page")), 1);
  assert_string_equal(word(&rig, "mode"), "url");
  assert_string_equal(word(&rig, "url"), "https://x.test/");
  assert_null(fl_get(question(&rig), "schema"));
  assert_int_equal(resume(&rig, "{'action':'accept','content':{'name':'Ada'}}"), 0);
  assert_string_equal(logged(), "page page({\"a\":{\"action\":\"accept\"}}) "); /* a page has no content */
  rig_deinit(&rig);
}

/* ---- several ---- */

static void questions_are_asked_one_after_the_other(void **state) {
  static const char *const tools[][4] = {
      {CALL("1", "two"), "First?", "Second?",
       "two two({\"a\":{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}},"
       "\"b\":{\"action\":\"decline\"}}) "},
      {CALL("1", "again"), "Who?", "And?", "again again" SAID_ADA " again({\"b\":{\"action\":\"decline\"}}) "}};
  for (size_t i = 0; i < 2; i++) {
    struct rig rig;
    begin(&rig);
    assert_int_equal(start(&rig, tools[i][0]), 1);
    assert_string_equal(word(&rig, "question"), tools[i][1]);
    live_again(&rig);
    assert_int_equal(resume(&rig, ADA), 1);
    assert_string_equal(word(&rig, "question"), tools[i][2]);
    live_again(&rig);
    assert_int_equal(resume(&rig, "'decline'"), 0);
    assert_string_equal(logged(), tools[i][3]);
    rig_deinit(&rig);
  }
}

/* The second call asks before the first one does. Whoever was asked gets the answer. */
static void an_answer_is_for_the_question_that_was_shown(void **state) {
  struct rig rig;
  begin(&rig);
  static const char list[] = "{'id':'1','name':'q__late','args':{'ms':500}}," CALL("2", "form") "," CALL("3", "plain");
  assert_int_equal(start(&rig, list), 1);
  const char *first = word(&rig, "tool");
  assert_string_equal(first, "q/late");
  live_again(&rig);
  forget_log();
  assert_int_equal(resume(&rig, ADA), 1);
  assert_string_equal(word(&rig, "tool"), "q/form");
  assert_string_equal(logged(), "late" SAID_ADA " "); /* and nothing else is called again */
  live_again(&rig);
  assert_int_equal(resume(&rig, BOB), 0);
  const char *said = rig_messages(&rig, 1);
  assert_non_null(strstr(said, "tool: late: {\"a\":{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}}"));
  assert_non_null(strstr(said, "tool: form: {\"a\":{\"action\":\"accept\",\"content\":{\"name\":\"Bob\"}}}"));
  assert_non_null(strstr(said, "tool: plain: null"));
  rig_deinit(&rig);
}

/* A call that must be approved, and then asks, beside one that asks at once, and one whose outcome is unknown. */
static void approvals_and_questions_do_not_take_each_others_answers(void **state) {
  FL_FREE_AUTO char *path = fl_format("%s/elicit-manifest.yaml", test_folder());
  FILE *file = fopen(path, "we");
  fputs("manifest: 1\nid: m\ntools: [ { match: q/again, approval: {} }, { match: q/* } ]\n", file);
  fclose(file);
  struct rig rig;
  begin(&rig);
  FL_FREE_AUTO char *manifest = fl_format("manifest: %s\n", path);
  extra = manifest;
  assert_int_equal(start(&rig, CALL("1", "form") "," CALL("2", "again")), 1);
  assert_string_equal(word(&rig, "kind"), "approval");
  FL_FREE_AUTO char *approval = fl_format("{'action':'approve','code':'%s'}", word(&rig, "code"));
  live_again(&rig);
  assert_int_equal(resume(&rig, approval), 1);
  assert_string_equal(word(&rig, "question"), "Who?");
  assert_string_equal(word(&rig, "tool"), "q/form");
  live_again(&rig);
  assert_int_equal(resume(&rig, ADA), 1);
  assert_string_equal(word(&rig, "tool"), "q/again");
  live_again(&rig);
  assert_int_equal(resume(&rig, BOB), 1);
  assert_string_equal(word(&rig, "question"), "And?");
  live_again(&rig);
  forget_log();
  assert_int_equal(resume(&rig, "'cancel'"), 0);
  assert_string_equal(logged(), "again({\"b\":{\"action\":\"cancel\"}}) ");
  rig_deinit(&rig);
}

/* ---- tasks and holds ---- */

static void a_task_is_taken_up_without_a_question_about_its_outcome(void **state) {
  struct rig rig;
  begin(&rig);
  assert_int_equal(start(&rig, CALL("1", "task")), 1);
  assert_string_equal(word(&rig, "question"), "Go on?");
  assert_string_equal(logged(), "task task ");
  asker_dies_on_answers = true;
  rig_start(&rig, load(&rig), (struct fl_invoke_options){.thread = "a", .resume = json(ADA)});
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  live_again(&rig);
  forget_log();
  assert_int_equal(rig_run(&rig, load(&rig), (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(logged(), "task({\"k\":{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}}) ");
  rig_deinit(&rig);
}

static void a_call_that_left_with_its_answers_is_asked_about(void **state) {
  struct rig rig;
  begin(&rig);
  assert_int_equal(start(&rig, CALL("1", "form")), 1);
  asker_dies_on_answers = true;
  rig_start(&rig, load(&rig), (struct fl_invoke_options){.thread = "a", .resume = json(ADA)});
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  live_again(&rig);
  forget_log();
  assert_int_equal(rig_run(&rig, load(&rig), (struct fl_invoke_options){.thread = "a"}), 1);
  assert_string_equal(word(&rig, "kind"), "outcome_unknown");
  assert_int_equal(resume(&rig, "'retry'"), 0);
  assert_string_equal(logged(), "form" SAID_ADA " "); /* with the answers: nobody is asked again */
  rig_deinit(&rig);
}

static void a_held_call_goes_on_in_its_process(void **state) {
  struct rig rig;
  begin(&rig);
  assert_int_equal(start(&rig, CALL("1", "held")), 1);
  assert_string_equal(word(&rig, "question"), "Held?");
  assert_int_equal(resume(&rig, ADA), 0);
  assert_string_equal(logged(), "held held({\"ask\":{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}}) ");
  rig_deinit(&rig);
}

/* In another process it is a call that was interrupted. What was answered is there when the same is asked again. */
static void a_held_call_that_is_lost_has_an_unknown_outcome(void **state) {
  struct rig rig;
  begin(&rig);
  assert_int_equal(start(&rig, CALL("1", "held")), 1);
  live_again(&rig);
  forget_log();
  assert_int_equal(resume(&rig, ADA), 1);
  assert_string_equal(word(&rig, "kind"), "outcome_unknown");
  assert_string_equal(logged(), "");
  live_again(&rig);
  assert_int_equal(resume(&rig, "'retry'"), 0);
  assert_string_equal(logged(), "held[{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}] ");
  rig_deinit(&rig);
}

static void a_held_call_that_only_reads_is_repeated(void **state) {
  struct rig rig;
  begin(&rig);
  extra = "effects: { q/*: read }\n";
  assert_int_equal(start(&rig, CALL("1", "held")), 1);
  live_again(&rig);
  forget_log();
  assert_int_equal(resume(&rig, ADA), 0);
  assert_string_equal(logged(), "held[{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}] ");
  rig_deinit(&rig);
}

/* A state that has run out: the server says that it has done nothing, so the call is begun again, and its question has
 * its answer. */
static void a_server_that_has_forgotten_is_called_anew(void **state) {
  struct rig rig;
  begin(&rig);
  assert_int_equal(start(&rig, CALL("1", "stale")), 1);
  live_again(&rig);
  assert_int_equal(resume(&rig, ADA), 0);
  const char *said = logged();
  assert_string_equal(
      said, "stale stale" SAID_ADA " stale[{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}] stale" SAID_ADA " ");
  assert_non_null(strstr(rig_messages(&rig, 1), "Ada"));
  rig_deinit(&rig);
  begin(&rig); /* but not without end */
  assert_int_equal(start(&rig, CALL("1", "liar")), 1);
  forget_log();
  assert_int_equal(resume(&rig, ADA), 0);
  assert_int_equal(repeated(), 1);
  assert_non_null(strstr(rig_messages(&rig, 1), "tool: Error"));
  rig_deinit(&rig);
}

/* ---- the manifest ---- */

/* Denied by the time of the answer: the call does not go on. */
static void the_manifest_decides_again_when_a_call_goes_on(void **state) {
  FL_FREE_AUTO char *path = fl_format("%s/elicit-later.yaml", test_folder());
  FILE *file = fopen(path, "we");
  fputs("manifest: 1\nid: m\ntools: [ { match: q/plain } ]\n", file);
  fclose(file);
  struct rig rig;
  begin(&rig);
  assert_int_equal(start(&rig, CALL("1", "form")), 1);
  FL_FREE_AUTO char *manifest = fl_format("manifest: %s\n", path);
  live_again(&rig);
  extra = manifest;
  forget_log();
  assert_int_equal(resume(&rig, ADA), 0);
  assert_string_equal(logged(), "");
  assert_non_null(strstr(rig_messages(&rig, 1), "no rule names q/form"));
  rig_deinit(&rig);
}

/* ---- crashes ---- */

static size_t retries;

static const char *answer_to(const struct rig *rig) {
  const char *asks = word(rig, "question");
  retries += strcmp(word(rig, "kind"), "outcome_unknown") == 0;
  if (strcmp(word(rig, "kind"), "outcome_unknown") == 0) return "'retry'";
  return strcmp(asks, "Who?") == 0 || strcmp(asks, "First?") == 0 ? ADA : BOB;
}

/* Runs to the end, dying at the n-th effect of one of the lives; true: it has died. */
static bool live_on(struct rig *rig, const char *list, int life, uint64_t number) {
  bool has_died = false;
  struct fl_invoke_options options = {.thread = "a", .input = calls(list)};
  for (int turn = 0; turn < 20; turn++) {
    if (turn == life) fl_world_sim_crash_at(rig->world, number);
    rig_start(rig, load(rig), options);
    bool dies = rig_turn(rig) == FL_SIM_CRASHED;
    has_died |= dies;
    if (!dies) fl_world_sim_crash_at(rig->world, 0); /* not on its way out */
    if (!dies && rig->status == 0) return has_died;
    options = (struct fl_invoke_options){.thread = "a"};
    if (!dies && rig->status == 1) options.resume = json(answer_to(rig));
    if (!dies && rig->status < 0)
      options.input = calls(list); /* the input was not stored: there is nothing to finish */
    live_again(rig);
    if (strcmp(rig_stored_status(rig, "a"), "(no thread)") == 0)
      options.input = calls(list); /* it was not even begun */
  }
  fail_msg("life %d, effect %d: it does not end: %s, asks %s", life, (int)number, logged(), text_of(rig->interrupts));
  return false;
}

/* Whatever effect is the last one of a life: the answers are those that were given, each to its own question. */
static void a_crash_between_any_two_effects_loses_no_answer(void **state) {
  static const char list[] = CALL("1", "again") "," CALL("2", "task") "," CALL("3", "two");
  size_t points = 0;
  for (int life = 0; life < 5; life++) {
    for (uint64_t number = 1;; number++) {
      struct rig rig;
      begin(&rig);
      retries = 0;
      bool has_died = live_on(&rig, list, life, number);
      const char *said = rig_messages(&rig, 1);
      if (strstr(said, "again: {\"b\":{\"action\":\"accept\",\"content\":{\"name\":\"Bob\"}}}") == NULL ||
          strstr(said, "task: {\"k\":{\"action\":\"accept\",\"content\":{\"name\":\"Bob\"}}}") == NULL ||
          strstr(said, "two: {\"a\":{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}},"
                       "\"b\":{\"action\":\"accept\",\"content\":{\"name\":\"Bob\"}}}") == NULL)
        fail_msg("life %d, effect %d: %s\n%s", life, (int)number, said, logged());
      if (repeated() > retries) fail_msg("life %d, effect %d: called again: %s", life, (int)number, logged());
      points += has_died;
      rig_deinit(&rig);
      if (!has_died) break;
    }
  }
  assert_true(points > 40);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_question_is_an_interrupt_and_its_answer_reaches_the_server),
      cmocka_unit_test(no_and_not_now_reach_the_server_too),
      cmocka_unit_test(an_answer_that_does_not_fit_decides_nothing),
      cmocka_unit_test(a_page_is_shown_and_not_visited),
      cmocka_unit_test(questions_are_asked_one_after_the_other),
      cmocka_unit_test(an_answer_is_for_the_question_that_was_shown),
      cmocka_unit_test(approvals_and_questions_do_not_take_each_others_answers),
      cmocka_unit_test(a_task_is_taken_up_without_a_question_about_its_outcome),
      cmocka_unit_test(a_call_that_left_with_its_answers_is_asked_about),
      cmocka_unit_test(a_held_call_goes_on_in_its_process),
      cmocka_unit_test(a_held_call_that_is_lost_has_an_unknown_outcome),
      cmocka_unit_test(a_held_call_that_only_reads_is_repeated),
      cmocka_unit_test(a_server_that_has_forgotten_is_called_anew),
      cmocka_unit_test(the_manifest_decides_again_when_a_call_goes_on),
      cmocka_unit_test(a_crash_between_any_two_effects_loses_no_answer),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  fl_buf_deinit(&asker_log);
  return failed;
}
