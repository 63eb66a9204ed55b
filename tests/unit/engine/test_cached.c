/* SPDX-License-Identifier: MIT */
/* Results that stand for later runs of a node, what a run is given as its context, and how many tasks run at the same
 * time. */
#include "rig.h"

static int entered;

static int run_count(struct fl_task *task, void *user) {
  entered++;
  return fl_task_write_take(task, "log", fl_stringf("run %d", entered));
}

#define HEAD "fairlead: 1\nname: g\nstate: { log: { reducer: append }, n: { default: 0 } }\n"
#define EDGES "edges: [ START -> a ]\n"

static struct fl_definition *up(struct rig *rig, const char *policy) {
  rig_up(rig);
  entered = 0;
  fl_runtime_add_function(rig->runtime, "count", run_count, NULL, NULL);
  FL_FREE_AUTO char *text = fl_format(HEAD "nodes: { a: { type: c, function: count, %s } }\n" EDGES, policy);
  return rig_load(rig, text, NULL);
}

static int run(struct rig *rig, struct fl_definition *definition, const char *thread, const char *input) {
  return rig_run(rig, definition,
                 (struct fl_invoke_options){.thread = thread, .input = json(input), .follow = FL_FOLLOW_UPDATES});
}

/* ---- the cache ---- */

static void a_known_result_stands_for_the_run(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up(&rig, "cache: true");
  assert_int_equal(run(&rig, definition, "a", "{'n':1}"), 0);
  assert_string_equal(rig.told.data, "updates - {\"a\":{\"log\":\"run 1\"}}\n");
  assert_int_equal(run(&rig, definition, "b", "{'n':1}"), 0); /* another thread */
  assert_int_equal(entered, 1);
  assert_json(rig.output, "{'log':['run 1'],'n':1}");
  assert_string_equal(rig.told.data, "updates - {\"a\":{\"log\":\"run 1\"},\"__metadata__\":{\"cached\":true}}\n");
  rig_deinit(&rig);
}

static void another_state_is_another_key(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up(&rig, "cache: true");
  run(&rig, definition, "a", "{'n':1}");
  run(&rig, definition, "b", "{'n':2}");
  assert_int_equal(entered, 2);
  rig_deinit(&rig);
}

static void the_key_says_what_the_result_depends_on(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up(&rig, "cache: { key: 'state.n / 10' }");
  run(&rig, definition, "a", "{'n':11}");
  run(&rig, definition, "b", "{'n':12}");
  assert_int_equal(entered, 1);
  run(&rig, definition, "c", "{'n':21}");
  assert_int_equal(entered, 2);
  rig_deinit(&rig);
}

static void a_key_that_cannot_be_made_fails_the_node(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up(&rig, "cache: { key: '1 / state.n' }");
  assert_int_equal(run(&rig, definition, "a", "{'n':0}"), FL_E_EXPRESSION);
  assert_non_null(strstr(rig.error.text, "cache/key"));
  assert_int_equal(entered, 0);
  rig_deinit(&rig);
}

static void a_result_lasts_as_long_as_it_is_told_to(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up(&rig, "cache: { key: 1, ttl_ms: 5000 }");
  run(&rig, definition, "a", "{}");
  run(&rig, definition, "b", "{}");
  assert_int_equal(entered, 1);
  fl_world_sim_set_wall_ms(rig.world, fl_world_wall_ms(rig.world) + 5001);
  run(&rig, definition, "c", "{}");
  assert_int_equal(entered, 2);
  rig_deinit(&rig);
}

static void the_cache_outlives_the_process(void **state) {
  struct rig rig = {.seed = 1};
  run(&rig, up(&rig, "cache: { key: 1 }"), "a", "{}");
  rig_down(&rig);
  run(&rig, up(&rig, "cache: { key: 1 }"), "b", "{}");
  assert_int_equal(entered, 0);
  assert_json(rig.output, "{'log':['run 1'],'n':0}");
  rig_deinit(&rig);
}

static void a_node_without_the_policy_is_not_cached(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = up(&rig, "timeout: 5000");
  run(&rig, definition, "a", "{}");
  run(&rig, definition, "b", "{}");
  assert_int_equal(entered, 2);
  rig_deinit(&rig);
}

static int run_fails_once(struct fl_task *task, void *user) {
  return ++entered == 1 ? fl_task_fail(task, FL_E_IO, "no") : run_count(task, user);
}

static void a_failure_is_not_kept(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  entered = 0;
  fl_runtime_add_function(rig.runtime, "count", run_fails_once, NULL, NULL);
  struct fl_definition *definition =
      rig_load(&rig, HEAD "nodes: { a: { type: c, function: count, cache: true } }\n" EDGES, NULL);
  assert_int_equal(run(&rig, definition, "a", "{}"), FL_E_IO);
  assert_int_equal(run(&rig, definition, "b", "{}"), 0);
  assert_json(rig.output, "{'log':['run 3'],'n':0}");
  rig_deinit(&rig);
}

/* What a person answered is not what another person would. */
static void an_answered_node_is_not_kept(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(
      &rig, HEAD "nodes: { a: { type: interrupt, value: \"'well?'\", resume: log, cache: true } }\n" EDGES, NULL);
  for (int i = 0; i < 2; i++) {
    const char *thread = i == 0 ? "a" : "b";
    assert_int_equal(run(&rig, definition, thread, "{}"), 1);
    struct fl_invoke_options resume = {.thread = thread, .resume = fl_stringf("%d", i)};
    assert_int_equal(rig_run(&rig, definition, resume), 0);
    assert_json(rig_out(&rig, "log"), i == 0 ? "['0']" : "['1']");
  }
  rig_deinit(&rig);
}

static void where_a_node_went_is_kept_too(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  static const char text[] = HEAD "nodes:\n"
                                  "  a: { type: set, write: { log: \"'a'\" }, goto: b, cache: { key: 1 } }\n"
                                  "  b: { type: set, write: { log: \"'b'\" } }\n" EDGES;
  struct fl_definition *definition = rig_load(&rig, text, NULL);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(run(&rig, definition, i == 0 ? "a" : "b", "{}"), 0);
    assert_json(rig_out(&rig, "log"), "['a','b']");
  }
  assert_non_null(strstr(rig.told.data, "cached"));
  rig_deinit(&rig);
}

/* ---- the context ---- */

#define CONTEXT "context: { user: { type: string, default: anon }, factor: { type: integer, default: 2 } }\n"

static struct fl_definition *with_context(struct rig *rig) {
  rig_up(rig);
  return rig_load(rig,
                  HEAD CONTEXT "nodes: { a: { type: set, write: { log: \"context.user + string(state.n * "
                               "context.factor)\" } } }\n" EDGES,
                  NULL);
}

static void nodes_read_the_context_of_the_run(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = with_context(&rig);
  FL_VALUE_AUTO context = json("{'user':'ada','factor':3}");
  struct fl_invoke_options given = {.thread = "a", .input = json("{'n':5}"), .context = context};
  assert_int_equal(rig_run(&rig, definition, given), 0);
  assert_json(rig.output, "{'log':['ada15'],'n':5}");         /* and it is no part of the state */
  assert_int_equal(run(&rig, definition, "a", "{'n':5}"), 0); /* the next run of the thread is given its own */
  assert_json(rig_out(&rig, "log"), "['ada15','anon10']");
  rig_deinit(&rig);
}

static void a_context_that_does_not_fit_is_refused(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_definition *definition = with_context(&rig);
  FL_VALUE_AUTO context = json("{'factor':'three'}");
  struct fl_invoke_options given = {.thread = "a", .input = json("{}"), .context = context};
  assert_int_equal(rig_run(&rig, definition, given), FL_E_INVALID);
  assert_non_null(strstr(rig.error.text, "/factor"));
  rig_deinit(&rig);
}

static void conditions_read_the_context_too(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  static const char text[] = HEAD CONTEXT "nodes: { a: { type: set, write: { log: \"'a'\" } }, b: { type: set, write: "
                                          "{ log: \"'b'\" } } }\nedges:\n  - { from: START, branch: [ { when: "
                                          "context.user == 'ada', to: b }, { to: a } ] }\n";
  struct fl_definition *definition = rig_load(&rig, text, NULL);
  FL_VALUE_AUTO context = json("{'user':'ada'}");
  struct fl_invoke_options given = {.thread = "a", .input = json("{}"), .context = context};
  assert_int_equal(rig_run(&rig, definition, given), 0);
  assert_json(rig_out(&rig, "log"), "['b']");
  assert_int_equal(run(&rig, definition, "b", "{}"), 0);
  assert_json(rig_out(&rig, "log"), "['a']");
  rig_deinit(&rig);
}

static int read_in_c(struct fl_task *task, void *user) {
  const char *name = fl_get_string(fl_task_context(task), "user", "?");
  return fl_task_write_take(task, "log", fl_stringf("%s %d", name, fl_task_error(task) == NULL));
}

static void programs_read_it_as_well(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  fl_runtime_add_function(rig.runtime, "read", read_in_c, NULL, NULL);
  struct fl_definition *definition =
      rig_load(&rig, HEAD CONTEXT "nodes: { a: { type: c, function: read } }\n" EDGES, NULL);
  assert_int_equal(run(&rig, definition, "a", "{}"), 0);
  assert_json(rig_out(&rig, "log"), "['anon 1']");
  rig_deinit(&rig);
}

/* ---- how many run at the same time ---- */

static int running, most;
static struct rig *the_rig;

static void end_one(void *user) {
  running--;
  fl_task_complete(user, FL_DONE);
}

static int run_a_while(struct fl_task *task, void *user) {
  if (++running > most) most = running;
  fl_world_sim_after(the_rig->world, 100, end_one, task);
  return FL_PENDING;
}

static void run_wide(struct rig *rig, const char *more, uint32_t max_concurrency) {
  running = most = 0;
  the_rig = rig;
  rig_up(rig);
  fl_runtime_add_function(rig->runtime, "while", run_a_while, NULL, NULL);
  FL_FREE_AUTO char *text = fl_format(HEAD "nodes: { s: { type: set, write: { n: 1 } }, a: { type: c, function: while, "
                                           "concurrency: 3 } }\nedges:\n  - START -> s\n  - { from: s, send: { to: a, "
                                           "for: '[1, 2, 3, 4, 5, 6, 7]', as: x, else: END } }\n%s",
                                      more);
  struct fl_definition *definition = rig_load(rig, text, NULL);
  struct fl_invoke_options options = {.thread = "a", .input = json("{}"), .max_concurrency = max_concurrency};
  assert_int_equal(rig_run(rig, definition, options), 0);
}

static void limits_hold_for_sends(void **state) {
  static const struct {
    const char *more;
    uint32_t given;
    int most;
  } rows[] = {{"", 0, 3}, {"max_concurrency: 2\n", 0, 2}, {"max_concurrency: 2\n", 1, 1}, {"", 9, 3}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {.seed = 1};
    run_wide(&rig, rows[i].more, rows[i].given);
    assert_int_equal(most, rows[i].most);
    rig_deinit(&rig);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_known_result_stands_for_the_run),
      cmocka_unit_test(another_state_is_another_key),
      cmocka_unit_test(the_key_says_what_the_result_depends_on),
      cmocka_unit_test(a_key_that_cannot_be_made_fails_the_node),
      cmocka_unit_test(a_result_lasts_as_long_as_it_is_told_to),
      cmocka_unit_test(the_cache_outlives_the_process),
      cmocka_unit_test(a_node_without_the_policy_is_not_cached),
      cmocka_unit_test(a_failure_is_not_kept),
      cmocka_unit_test(an_answered_node_is_not_kept),
      cmocka_unit_test(where_a_node_went_is_kept_too),
      cmocka_unit_test(nodes_read_the_context_of_the_run),
      cmocka_unit_test(a_context_that_does_not_fit_is_refused),
      cmocka_unit_test(conditions_read_the_context_too),
      cmocka_unit_test(programs_read_it_as_well),
      cmocka_unit_test(limits_hold_for_sends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
