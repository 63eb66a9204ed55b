/* SPDX-License-Identifier: MIT */
/* Looking back and going on from there: runs, answers, updates and copies at checkpoints that are not the head, and
 * several supersteps of updates at once. Checkpoints of the chain: 1 the input, 2 after a, 3 after b, 4 after c. */
#include "tests/unit/graph/script.h"

#define CHAIN "abc", "START>a a>b b>c"
#define PAIR "abc", "START>a,b a+b>c"
#define DIAMOND "abcd", "START>a a>b,c b+c>d"

static const struct scenario pasts[] = {
    {"going on from the middle runs what followed, again",
     CHAIN,
     NULL,
     {"> input {}", "> back 2", "= next [\"b\"]", "> continue", "= done", "= log [\"a\",\"b\",\"c\"]", "= ran a 1",
      "= ran b 2", "= ran c 2"}},
    {"from the input on: all of it again",
     CHAIN,
     NULL,
     {"> input {}", "> back 1", "> continue", "= done", "= log [\"a\",\"b\",\"c\"]", "= ran a 2"}},
    {"the copy is told as a fork, one step on",
     CHAIN,
     "b:ask",
     {"> input {}", "> back 1", "= source input", "= step 0", "> before a", "> continue", "= interrupted",
      "= waits [\"b\"]", "= source loop", "= step 2"}},
    {"from the last checkpoint: nothing runs",
     CHAIN,
     NULL,
     {"> input {}", "> input {}", "> back 4", "= next []", "> continue", "= done", "= log [\"a\",\"b\",\"c\"]",
      "= source fork", "= ran c 2"}},
    {"what came after the old checkpoint is not there",
     CHAIN,
     NULL,
     {"> input {}", "> input {}", "> back 3", "> continue", "= done", "= log [\"a\",\"b\",\"c\"]"}},
    {"the head stays what it is when only looked at",
     CHAIN,
     NULL,
     {"> input {}", "> back 2", "= log [\"a\"]", "> restart", "= log [\"a\",\"b\",\"c\"]"}},
    {"an input at an old checkpoint is a new turn from there",
     CHAIN,
     NULL,
     {"> input {}", "> back 2", "> input {\"log\":\"u\"}", "= done", "= log [\"a\",\"u\",\"a\",\"b\",\"c\"]",
      "= ran b 2"}},
    {"forks of forks",
     CHAIN,
     NULL,
     {"> input {}", "> back 2", "> update b {\"log\":\"x\"}", "> back 5", "= next [\"c\"]", "> continue", "= done",
      "= log [\"a\",\"x\",\"c\"]", "> back 5", "> continue", "= log [\"a\",\"x\",\"c\"]", "= ran c 3"}},
    {"two branches grow from one checkpoint",
     CHAIN,
     NULL,
     {"> input {}", "> back 2", "> update b {\"log\":\"x\"}", "> continue", "= log [\"a\",\"x\",\"c\"]", "> back 2",
      "> update b {\"log\":\"y\"}", "> continue", "= log [\"a\",\"y\",\"c\"]"}},
    {"a question of the past is asked anew",
     CHAIN,
     "b:ask",
     {"> input {}", "= waits [\"b\"]", "> resume \"x\"", "= done", "> back 2", "= waits []", "> continue",
      "= interrupted", "= waits [\"b\"]", "> resume \"y\"", "= done", "= log [\"a\",\"b: y\",\"c\"]"}},
    {"a question of the past is answered at once",
     CHAIN,
     "b:ask",
     {"> input {}", "> resume \"x\"", "> back 2", "> resume \"y\"", "= done", "= log [\"a\",\"b: y\",\"c\"]",
      "= ran b 3"}},
    {"the second question is asked all the same",
     CHAIN,
     "b:asktwo",
     {"> input {}", "> resume \"x\"", "> resume \"y\"", "= done", "> back 2", "> resume \"z\"", "= interrupted",
      "= waits [\"b\"]", "> resume \"w\"", "= log [\"a\",\"b: z, w\",\"c\"]"}},
    {"an answer where several tasks follow",
     PAIR,
     "a:ask",
     {"> input {}", "> resume \"x\"", "= done", "> back 1", "> resume \"y\"", "= failed", "= says 2 tasks follow",
      "> restart", "= log [\"a: x\",\"b\",\"c\"]"}},
    {"an answer where nothing follows",
     CHAIN,
     NULL,
     {"> input {}", "> input {}", "> back 4", "> resume 1", "= failed", "= says 0 tasks follow"}},
    {"an id that no question had",
     PAIR,
     "a:ask",
     {"> input {}", "> resume \"x\"", "> back 1", "> answer z=1", "= failed",
      "= says is not the first question of a task"}},
    {"a failed task of the past",
     CHAIN,
     "b:fail",
     {"> input {}", "= failed", "> continue", "= done", "> back 2", "> continue", "= done", "= ran b 3",
      "= log [\"a\",\"b\",\"c\"]"}},
    {"a stop of the past is passed",
     CHAIN,
     NULL,
     {"> before b", "> input {}", "= waits [\"before b\"]", "> continue", "= done", "> back 2",
      "= waits [\"before b\"]", "> continue", "= done", "= log [\"a\",\"b\",\"c\"]"}},
    {"a finished sibling of the past runs again",
     PAIR,
     "a:ask",
     {"> input {}", "> update b {}", "> back 1", "= next [\"a\",\"b\"]", "= log []", "> continue", "= interrupted",
      "= ran b 2", "= log [\"b\"]"}},
    {"an update as a node, in the past",
     CHAIN,
     NULL,
     {"> input {}", "> back 2", "> update b {\"log\":\"u\"}", "= next [\"c\"]", "= source update", "> continue",
      "= log [\"a\",\"u\",\"c\"]", "= ran b 1"}},
    {"an update as whoever ran last, in the past",
     CHAIN,
     NULL,
     {"> input {}", "> back 3", "> update - {\"log\":\"u\"}", "= next [\"c\"]", "> continue",
      "= log [\"a\",\"b\",\"u\",\"c\"]"}},
    {"as END, in the past",
     CHAIN,
     NULL,
     {"> input {}", "> back 2", "> update END null", "= next []", "> continue", "= done", "= log [\"a\"]"}},
    {"a join half reported, in the past",
     DIAMOND,
     NULL,
     {"> input {}", "> back 2", "> update b {\"log\":\"x\"}", "= next []", "> update c {\"log\":\"y\"}",
      "= next [\"d\"]", "> continue", "= log [\"a\",\"x\",\"y\",\"d\"]"}},
    {"cancelled before anything is stored",
     CHAIN,
     NULL,
     {"> input {}", "> back 2", "> cancel", "= cancelled", "> restart", "= log [\"a\",\"b\",\"c\"]"}},
    {"the limit of supersteps counts from the fork",
     CHAIN,
     NULL,
     {"> input {}", "> limit 2", "> back 1", "> continue", "= failed", "= says recursion limit"}},
};

static const struct scenario copies[] = {
    {"a copy of the head",
     CHAIN,
     NULL,
     {"> input {}", "> update COPY null", "= done", "= source fork", "= next []", "= step 4",
      "= log [\"a\",\"b\",\"c\"]"}},
    {"a copy of an old checkpoint is the new head",
     CHAIN,
     NULL,
     {"> input {}", "> back 2", "> update COPY null", "= next [\"b\"]", "= source fork", "> restart", "= log [\"a\"]",
      "> continue", "= done", "= log [\"a\",\"b\",\"c\"]"}},
    {"a copy of a checkpoint that waits asks anew",
     CHAIN,
     "b:ask",
     {"> input {}", "> update COPY null", "= next [\"b\"]", "= waits []", "> resume 1", "= failed", "> continue",
      "= waits [\"b\"]"}},
    {"a copy keeps its stop",
     CHAIN,
     NULL,
     {"> before b", "> input {}", "> update COPY null", "= waits [\"before b\"]", "> continue", "= done"}},
    {"a copy keeps who wrote it",
     CHAIN,
     NULL,
     {"> update a {\"log\":\"u\"}", "> update COPY null", "> update - {\"log\":\"v\"}", "= next [\"b\"]"}},
    {"by LangGraph's name", CHAIN, NULL, {"> input {}", "> update __copy__ null", "= done", "= source fork"}},
    {"a copy takes no values",
     CHAIN,
     NULL,
     {"> input {}", "> update COPY {\"log\":\"u\"}", "= failed", "= says takes no values"}},
    {"nothing to copy", CHAIN, NULL, {"> update COPY null", "= failed", "= says no checkpoint yet"}},
    {"START and END by LangGraph's names",
     CHAIN,
     NULL,
     {"> update __start__ {}", "= next [\"a\"]", "> update __end__ null", "= next []", "> update __input__ {}",
      "= next [\"a\"]"}},
};

static const struct scenario bulks[] = {
    {"two supersteps",
     CHAIN,
     NULL,
     {"> bulk [[{\"values\":{\"log\":\"x\"},\"as_node\":\"a\"}],[{\"values\":{\"log\":\"y\"},\"as_node\":\"b\"}]]",
      "= done", "= next [\"c\"]", "= step 1", "= log [\"x\",\"y\"]", "> continue", "= log [\"x\",\"y\",\"c\"]"}},
    {"side by side in one superstep",
     PAIR,
     NULL,
     {"> bulk [[{\"values\":{\"log\":\"x\"},\"as_node\":\"a\"},{\"values\":{\"log\":\"y\"},\"as_node\":\"b\"}]]",
      "= next [\"c\"]", "= step 0", "= log [\"x\",\"y\"]", "> continue", "= log [\"x\",\"y\",\"c\"]"}},
    {"on an old checkpoint",
     CHAIN,
     NULL,
     {"> input {}", "> back 2",
      "> bulk [[{\"values\":{\"log\":\"x\"},\"as_node\":\"b\"}],[{\"values\":{\"log\":\"y\"}}]]", "= next [\"c\"]",
      "= log [\"a\",\"x\",\"y\"]"}},
    {"an input, then a node",
     CHAIN,
     NULL,
     {"> bulk [[{\"values\":{\"log\":\"i\"},\"as_node\":\"__input__\"}],[{\"values\":null,\"as_node\":\"a\"}]]",
      "= next [\"b\"]", "= log [\"i\"]"}},
    {"a copy among them",
     CHAIN,
     NULL,
     {"> input {}", "> back 2",
      "> bulk [[{\"as_node\":\"__copy__\"}],[{\"values\":{\"log\":\"x\"},\"as_node\":\"b\"}]]", "= next [\"c\"]",
      "= log [\"a\",\"x\"]"}},
    {"the end of it",
     CHAIN,
     NULL,
     {"> bulk [[{\"values\":{\"log\":\"x\"},\"as_node\":\"a\"}],[{\"as_node\":\"END\"}]]", "= next []",
      "= log [\"x\"]"}},
    {"all or nothing",
     CHAIN,
     NULL,
     {"> input {}",
      "> bulk [[{\"values\":{\"log\":\"x\"},\"as_node\":\"a\"}],[{\"values\":{\"log\":\"y\"},\"as_node\":\"z\"}]]",
      "= failed", "= says superstep 2: there is no node \"z\"", "> restart", "= log [\"a\",\"b\",\"c\"]", "= next []"}},
    {"the first of them is wrong: nothing has changed",
     CHAIN,
     NULL,
     {"> bulk [[{\"values\":{\"lag\":\"x\"},\"as_node\":\"a\"}]]", "= failed",
      "= says superstep 1: there is no channel \"lag\"; did you mean \"log\"?", "> input {}", "= done"}},
    {"two wrote one value",
     PAIR,
     NULL,
     {"> bulk [[{\"values\":{\"one\":1},\"as_node\":\"a\"},{\"values\":{\"one\":2},\"as_node\":\"b\"}]]", "= failed",
      "= says one"}},
    {"several without names",
     PAIR,
     NULL,
     {"> bulk [[{\"values\":{\"log\":\"x\"}},{\"values\":{\"log\":\"y\"}}]]", "= failed",
      "= says must each name a node"}},
    {"no supersteps", CHAIN, NULL, {"> bulk []", "= failed", "= says a list of at least one superstep"}},
    {"an empty superstep", CHAIN, NULL, {"> bulk [[]]", "= failed", "= says a list of at least one"}},
    {"not a list", CHAIN, NULL, {"> bulk {}", "= failed", "= says a list"}},
    {"values that are none",
     CHAIN,
     NULL,
     {"> bulk [[{\"values\":1,\"as_node\":\"a\"}]]", "= failed", "= says must be an object"}},
};

static void test_pasts(void **state) { play_all(pasts, sizeof pasts / sizeof pasts[0]); }
static void test_copies(void **state) { play_all(copies, sizeof copies / sizeof copies[0]); }
static void test_bulks(void **state) { play_all(bulks, sizeof bulks / sizeof bulks[0]); }

/* ---- what is written down ---- */

static const struct fl_record *last_checkpoint(const struct test_engine *engine) {
  const struct fl_records *last = &engine->store.commits[engine->store.commit_count - 1];
  for (size_t i = last->count; i > 0; i--)
    if (last->items[i - 1].kind == FL_RECORD_CHECKPOINT) return &last->items[i - 1];
  fail_msg("the last commit has no checkpoint");
  return NULL;
}

static void test_parent_of_a_fork(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abc", "START>a a>b b>c", NULL, NULL));
  test_input(&engine, "{}");
  test_engine_go_back(&engine, 2);
  test_update(&engine, "null", "COPY");
  assert_int_equal(last_checkpoint(&engine)->checkpoint.no, 5);
  assert_int_equal(last_checkpoint(&engine)->checkpoint.parent_no, 2);
  assert_string_equal(last_checkpoint(&engine)->checkpoint.source, "fork");
  assert_int_equal(engine.store.commits[engine.store.commit_count - 1].count, 1); /* no value is stored again */
  end(&engine);
}

static void test_bulk_is_one_commit(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abc", "START>a a>b b>c", NULL, NULL));
  test_bulk_update(&engine, "[[{\"values\":{\"log\":\"x\"},\"as_node\":\"a\"}],[{\"values\":{\"log\":\"y\"}}],"
                            "[{\"as_node\":\"b\"}]]");
  assert_int_equal(engine.store.commit_count, 1);
  assert_int_equal(last_checkpoint(&engine)->checkpoint.no, 3);
  assert_int_equal(last_checkpoint(&engine)->checkpoint.parent_no, 2);
  end(&engine);
}

/* The ids of tasks differ on both sides of a fork, so that nothing written on one side is found on the other. */
static void test_task_ids_of_a_fork(void **state) {
  struct test_engine engine;
  begin(&engine, shape("ab", "START>a a>b", "b", ask_name));
  test_input(&engine, "{}");
  FL_VALUE_AUTO before = fl_run_describe(engine.run);
  test_update(&engine, "null", "COPY");
  FL_VALUE_AUTO after = fl_run_describe(engine.run);
  const char *old_id = fl_get_string(fl_at(fl_get(before, "tasks"), 0), "id", NULL);
  const char *new_id = fl_get_string(fl_at(fl_get(after, "tasks"), 0), "id", NULL);
  assert_string_not_equal(old_id, new_id);
  end(&engine);
}

/* By the id that the question had, also where several tasks follow. */
static void test_answer_by_the_old_id(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abc", "START>a,b a+b>c", "a", ask_name));
  test_input(&engine, "{}");
  FL_VALUE_AUTO described = fl_run_describe(engine.run);
  const char *id = fl_get_string(fl_at(fl_get(described, "interrupts"), 0), "id", "");
  struct fl_value *first = fl_object(), *second = fl_object();
  fl_set_string(first, id, "x");
  fl_set_string(second, id, "y");
  test_resume_map(&engine, first);
  assert_log(&engine, "[\"a: x\",\"b\",\"c\"]");
  test_engine_go_back(&engine, 1);
  test_resume_map(&engine, second);
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_log(&engine, "[\"a: y\",\"b\",\"c\"]");
  end(&engine);
}

/* Somebody looks at the head by its id: what a finished sibling wrote is not applied, what is asked is told. */
static void test_looking_at_a_checkpoint(void **state) {
  struct test_engine engine;
  struct fl_loaded loaded;
  begin(&engine, shape("abc", "START>a,b a+b>c", "a", ask_name));
  test_input(&engine, "{}");
  test_store_load(&engine.store, &loaded);
  loaded.shows_only = true;
  struct fl_run *run = fl_run_create(engine.definition, &loaded, &engine.settings);
  FL_VALUE_AUTO described = fl_run_describe(run);
  assert_same(fl_get(described, "next"), "[\"a\",\"b\"]", "next");
  assert_same(fl_get(fl_get(described, "values"), "log"), "[]", "log");
  assert_int_equal(fl_size(fl_get(described, "interrupts")), 1);
  fl_run_destroy(run);
  fl_loaded_deinit(&loaded);
  assert_next(&engine, "[\"a\"]");
  assert_log(&engine, "[\"b\"]");
  end(&engine);
}

/* A thread that went on in the meantime: the store refuses what hangs on a head that it is not. */
static void test_expected_head(void **state) {
  struct test_engine engine;
  begin(&engine, shape("ab", "START>a a>b", NULL, NULL));
  test_input(&engine, "{}");
  test_engine_go_back(&engine, 1);
  struct fl_effects effects = {0};
  fl_run_step(engine.run, &(struct fl_ev){.kind = FL_EV_CONTINUE, .checkpoint_id = "new"}, &effects);
  assert_int_equal(effects.items[0].kind, FL_DO_COMMIT);
  assert_int_equal(effects.items[0].expected_head, 3);
  fl_effects_deinit(&effects);
  end(&engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pasts),
      cmocka_unit_test(test_copies),
      cmocka_unit_test(test_bulks),
      cmocka_unit_test(test_parent_of_a_fork),
      cmocka_unit_test(test_bulk_is_one_commit),
      cmocka_unit_test(test_task_ids_of_a_fork),
      cmocka_unit_test(test_answer_by_the_old_id),
      cmocka_unit_test(test_looking_at_a_checkpoint),
      cmocka_unit_test(test_expected_head),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
