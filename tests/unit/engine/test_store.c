/* SPDX-License-Identifier: MIT */
/* A store that fails: before a run, for good, and for a moment at any time. The run ends, once, with the store's error
 * or as if nothing had happened; the thread goes on when the store is well again; no call is repeated unasked. */
#include "rig.h"

#include <stdio.h>

static const char graph[] =
    "fairlead: 1\nname: work\n"
    "state: { messages: { reducer: messages }, n: { type: integer, reducer: sum, default: 0 } }\n"
    "nodes:\n  tools: { type: tools, tools: [t/*] }\n  beside: { type: set, write: { n: '1' } }\n"
    "  last: { type: set, write: { n: '10' } }\n"
    "edges: [ START -> tools, START -> beside, tools -> last, last -> END ]\n";
static const char input[] = "{'messages':[{'role':'assistant','content':'','tool_calls':["
                            "{'id':'1','name':'t__late','args':{'text':'a','ms':14}},"
                            "{'id':'2','name':'t__echo','args':{'text':'b'}},"
                            "{'id':'3','name':'t__late','args':{'text':'c','ms':7}}]}]}";

static void a_store_that_is_full_opens_no_thread(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, graph, NULL);
  fl_store_memory_set_error(rig.store, FL_E_NO_SPACE);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json(input)}),
                   FL_E_NO_SPACE);
  assert_int_equal(rig.calls.size, 0);
  assert_null(rig.runtime->threads);
  fl_store_memory_set_error(rig.store, 0);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json(input)}), 0);
  rig_deinit(&rig);
}

static int break_store(struct fl_task *task, void *user) {
  struct rig *rig = user;
  fl_store_memory_set_error(rig->store, FL_E_NO_SPACE);
  return fl_task_write_take(task, "n", fl_int(5));
}

static void what_is_not_on_disk_is_not_told_and_not_in_memory(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  fl_runtime_add_function(rig.runtime, "break", break_store, &rig, NULL);
  struct fl_definition *definition =
      rig_load(&rig,
               "fairlead: 1\nname: b\nstate: { n: { reducer: sum, default: 0 } }\n"
               "nodes: { b: { type: c, function: break }, after: { type: set, write: { n: '100' } } }\n"
               "edges: [ START -> b, b -> after, after -> END ]\n",
               NULL);
  struct fl_invoke_options options = {
      .thread = "a", .input = json("{'n':1}"), .follow = FL_FOLLOW_VALUES | FL_FOLLOW_UPDATES};
  assert_int_equal(rig_run(&rig, definition, options), FL_E_NO_SPACE);
  assert_non_null(strstr(rig.error.text, "could not be stored"));
  assert_string_equal(rig.told.data, "values - {\"n\":1}\n");
  assert_null(rig.output);
  assert_null(rig.runtime->threads);
  fl_store_memory_set_error(rig.store, 0);
  struct fl_loaded loaded = {0};
  assert_int_equal(fl_store_load(rig.store, "a", "", 0, &loaded, NULL), 0);
  assert_string_equal(loaded.source, "input");
  fl_loaded_deinit(&loaded);
  rig_deinit(&rig);
}

/* ---- a moment at any time ---- */

struct weather {
  struct rig *rig;
  int code;
};

static void change(void *user) {
  struct weather *weather = user;
  fl_store_memory_set_error(weather->rig->store, weather->code);
}

static int count_calls(const struct rig *rig) {
  int count = 0;
  for (const char *at = rig->calls.size > 0 ? rig->calls.data : ""; (at = strchr(at, ' ')) != NULL; at++) count++;
  return count;
}

static bool has_begun(struct rig *rig) {
  struct fl_loaded loaded = {0};
  bool has = fl_store_load(rig->store, "a", "", 0, &loaded, NULL) == 0 && loaded.checkpoint_no > 0;
  fl_loaded_deinit(&loaded);
  return has;
}

/* One run through the weather, and then to its end in fine weather. Returns whether the run failed at first. */
static bool run_through(uint32_t from_ms, uint32_t for_ms, uint32_t delay_ms) {
  struct rig rig = {.seed = from_ms * 100 + for_ms};
  rig_up(&rig);
  fl_store_memory_set_delay(rig.store, delay_ms);
  struct fl_definition *definition = rig_load(&rig, graph, NULL);
  struct weather bad = {&rig, FL_E_NO_SPACE}, fine = {&rig, 0};
  fl_world_sim_after(rig.world, from_ms, change, &bad);
  fl_world_sim_after(rig.world, from_ms + for_ms, change, &fine);
  rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json(input), .follow = 127});
  rig_turn(&rig);
  if (!rig.is_over || rig.end_count != 1) fail_msg("from %u for %u: the run has not ended", from_ms, for_ms);
  bool has_failed = rig.status != 0;
  if (has_failed && rig.status != FL_E_NO_SPACE)
    fail_msg("from %u for %u: %d %s", from_ms, for_ms, rig.status, rig.error.text);
  int retries = 0;
  struct fl_invoke_options options = {.thread = "a", .input = has_begun(&rig) ? NULL : json(input)};
  while (has_failed && rig_run(&rig, definition, options) == 1) {
    options = (struct fl_invoke_options){.thread = "a", .resume = json("'retry'")};
    retries++;
  }
  if (rig.status != 0) fail_msg("from %u for %u, later: %s", from_ms, for_ms, rig.error.text);
  assert_string_equal(rig_messages(&rig, 1), "tool: a\ntool: b\ntool: c\n");
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 11);
  if (count_calls(&rig) > 3 + retries)
    fail_msg("from %u for %u: %d calls, %d repeats", from_ms, for_ms, count_calls(&rig), retries);
  rig_deinit(&rig);
  return has_failed;
}

static void a_store_may_fail_for_a_moment(void **state) {
  static const uint32_t lengths[] = {1, 2, 4, 9, 30, 500};
  int failed = 0, count = 0;
  for (uint32_t delay_ms = 0; delay_ms <= 5; delay_ms += delay_ms == 0 ? 1 : 2)
    for (uint32_t from_ms = 0; from_ms < 60; from_ms++)
      for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++, count++)
        failed += run_through(from_ms, lengths[i], delay_ms);
  printf("# %d of %d runs met the failing store\n", failed, count);
  assert_true(failed > count / 8 && failed < count);
}

/* ---- an engine's own commit fails, and what comes after it would not ---- */

struct pair {
  struct rig *rig;
  int answers;
};

static void on_answer(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  struct pair *pair = user;
  if (++pair->answers < 2) return;
  fl_task_write_take(task, "n", fl_int(1));
  fl_task_complete(task, FL_DONE);
}

static int call_twice(struct fl_task *task, void *user) {
  for (int i = 0; i < 2; i++) {
    FL_VALUE_AUTO args = json(i == 0 ? "{'text':'x','ms':10}" : "{'text':'y','ms':14}");
    int rc = fl_task_call_tool(task, "t/late", args, on_answer, user);
    if (rc < 0) return rc;
  }
  return FL_PENDING;
}

/* The result of the first call is refused after the second has come and the step's commit stands behind it: the next
 * step, which waits for that, is taken back. */
static void steps_behind_a_failed_commit_are_taken_back(void **state) {
  for (uint32_t from_ms = 8; from_ms < 30; from_ms++) {
    struct rig rig = {.seed = 1};
    struct pair pair = {.rig = &rig};
    rig_up(&rig);
    fl_runtime_add_function(rig.runtime, "twice", call_twice, &pair, NULL);
    struct fl_definition *definition =
        rig_load(&rig,
                 "fairlead: 1\nname: b\nstate: { n: { reducer: sum, default: 0 } }\neffects: { 't/*': read }\n"
                 "nodes: { b: { type: c, function: twice }, after: { type: set, write: { n: '100' } } }\n"
                 "edges: [ START -> b, b -> after, after -> END ]\n",
                 NULL);
    fl_store_memory_set_delay(rig.store, 4);
    struct weather bad = {&rig, FL_E_IO}, fine = {&rig, 0};
    fl_world_sim_after(rig.world, from_ms, change, &bad);
    fl_world_sim_after(rig.world, from_ms + 1, change, &fine);
    rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':0}")});
    rig_turn(&rig);
    if (!rig.is_over) fail_msg("from %u: the run has not ended", from_ms);
    pair.answers = 0;
    if (rig.status != 0)
      assert_int_equal(
          rig_run(&rig, definition,
                  (struct fl_invoke_options){.thread = "a", .input = has_begun(&rig) ? NULL : json("{'n':0}")}),
          0);
    assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 101);
    rig_deinit(&rig);
  }
}

/* As above, to the point: the result of the first call is refused, the store recovers between it and the commit of the
 * step, which stands right behind it. */
struct gap {
  struct rig *rig;
  struct weather bad;
  struct fl_txn txn;
  int answers;
};

static void on_gap(struct fl_txn *txn, int status, const struct fl_error *err) {
  fl_store_memory_set_error(((struct gap *)txn->user)->rig->store, 0);
}

static void submit_gap(void *user) {
  struct gap *gap = user;
  gap->txn = (struct fl_txn){.kind = FL_TXN_LEASE_RENEW, .thread = "other", .fence = 1, .on_done = on_gap, .user = gap};
  fl_store_submit(gap->rig->store, &gap->txn);
}

static void on_gap_answer(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  struct gap *gap = user;
  if (++gap->answers == 1) {
    fl_world_sim_after(gap->rig->world, 1, submit_gap, gap);
    fl_world_sim_after(gap->rig->world, 2, change, &gap->bad);
  } else {
    fl_task_write_take(task, "n", fl_int(1));
    fl_task_complete(task, FL_DONE);
  }
}

static int call_around_gap(struct fl_task *task, void *user) {
  for (int i = 0; i < 2; i++) {
    FL_VALUE_AUTO args = json(i == 0 ? "{'text':'x','ms':10}" : "{'text':'y','ms':13}");
    fl_task_call_tool(task, "t/late", args, on_gap_answer, user);
  }
  return FL_PENDING;
}

static void a_step_behind_a_refused_result_is_taken_back(void **state) {
  struct rig rig = {.seed = 1};
  struct gap gap = {.rig = &rig, .bad = {&rig, FL_E_IO}};
  rig_up(&rig);
  fl_runtime_add_function(rig.runtime, "gap", call_around_gap, &gap, NULL);
  struct fl_definition *definition =
      rig_load(&rig,
               "fairlead: 1\nname: b\nstate: { n: { reducer: sum, default: 0 } }\neffects: { 't/*': read }\n"
               "nodes: { b: { type: c, function: gap }, after: { type: set, write: { n: '100' } } }\n"
               "edges: [ START -> b, b -> after, after -> END ]\n",
               NULL);
  fl_store_memory_set_delay(rig.store, 5);
  rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':0}")});
  rig_turn(&rig);
  assert_int_equal(gap.answers, 2);
  assert_true(rig.is_over);
  assert_int_equal(rig.status, FL_E_IO);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 101); /* the step itself had been stored */
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_store_that_is_full_opens_no_thread),
      cmocka_unit_test(what_is_not_on_disk_is_not_told_and_not_in_memory),
      cmocka_unit_test(a_store_may_fail_for_a_moment),
      cmocka_unit_test(a_step_behind_a_refused_result_is_taken_back),
      cmocka_unit_test(steps_behind_a_failed_commit_are_taken_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
