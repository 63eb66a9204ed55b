/* SPDX-License-Identifier: MIT */
/* Runs from their input to their end: with and without a thread, one after the other, at once, and by somebody else. */
#include "rig.h"

static const char counter[] = "fairlead: 1\n"
                              "name: counter\n"
                              "state: { n: { type: integer, reducer: sum, default: 0 }, log: { reducer: append } }\n"
                              "nodes:\n"
                              "  one: { type: set, write: { n: '1', log: \"'one'\" } }\n"
                              "  two: { type: set, write: { n: '10', log: \"'two'\" } }\n"
                              "edges: [ START -> one, one -> two, two -> END ]\n";

static void a_run_ends_with_its_state(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, counter, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':100}")}), 0);
  assert_json(rig.output, "{'n':111,'log':['one','two']}");
  assert_string_equal(rig.thread, "a");
  assert_int_equal(rig.end_count, 1);
  assert_string_equal(rig_stored_status(&rig, "a"), "idle");
  rig_deinit(&rig);
}

static void one_run_stops_where_its_caller_says(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, counter, NULL);
  struct fl_invoke_options options = {
      .thread = "a", .input = json("{'n':100}"), .interrupt_before = (const char *const[]){"two", NULL}};
  assert_int_equal(rig_run(&rig, definition, options), 1);
  assert_json(rig.output, "{'n':101,'log':['one']}");
  assert_json(rig.interrupts, "[{'node':'two','when':'before'}]");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_json(rig.output, "{'n':111,'log':['one','two']}");
  options = (struct fl_invoke_options){
      .thread = "a", .input = json("{'n':0}"), .interrupt_after = (const char *const[]){"*", NULL}};
  assert_int_equal(rig_run(&rig, definition, options), 1);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 112);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':0}")}), 0);
  rig_deinit(&rig);
}

static void the_next_turn_goes_on_in_memory_and_after_a_restart(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, counter, NULL);
  for (int turn = 1; turn <= 3; turn++) {
    rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':0}")});
    assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 11 * turn);
  }
  rig_down(&rig);
  rig_up(&rig);
  definition = rig_load(&rig, counter, NULL);
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':0}")});
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 44);
  assert_int_equal(fl_size(rig_out(&rig, "log")), 8);
  rig_deinit(&rig);
}

static void a_run_without_output_costs_no_copy_of_the_state(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, counter, NULL);
  struct fl_invoke_options options = {.thread = "a", .input = json("{'n':1}"), .no_output = true};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_null(rig.output);
  rig_deinit(&rig);
}

static bool count_thread(const struct fl_thread_info *info, void *user) {
  ++*(int *)user;
  return true;
}

static void without_a_store_a_run_without_a_thread_leaves_no_trace(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  rig.runtime->keeps_nothing = true;
  struct fl_definition *definition = rig_load(&rig, counter, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = json("{'n':1}")}), 0);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 12);
  int count = 0;
  assert_int_equal(fl_store_list_threads(rig.store, &(struct fl_threads_query){0}, count_thread, &count, NULL), 0);
  assert_int_equal(count, 0);
  rig_deinit(&rig);
}

static void a_new_thread_gets_an_id(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, counter, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = json("{'n':1}")}), 0);
  assert_int_equal(strlen(rig.thread), 36);
  assert_string_equal(rig_stored_status(&rig, rig.thread), "idle");
  rig_deinit(&rig);
}

static void what_makes_no_sense_is_refused_at_once(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, counter, NULL);
  FL_VALUE_AUTO some = json("{'n':1}");
  struct {
    struct fl_invoke_options options;
    const char *text;
  } rows[] = {
      {{.thread = "a b", .input = some}, "cannot be a thread id"},
      {{.thread = "", .input = some}, "cannot be a thread id"},
      {{.thread = NULL}, "nothing to go on with"},
      {{.thread = "a", .input = some, .resume = some}, "not both"},
      {{.thread = "a", .input = some, .model = "nobody/x"}, "nobody"},
      {{.thread = "a", .input = some, .interrupt_after = (const char *const[]){"on", NULL}}, "no node \"on\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_error err = {0};
    rows[i].options.size = sizeof rows[i].options;
    assert_true(fl_runtime_start(rig.runtime, definition, &rows[i].options, NULL, NULL, NULL, &err) < 0);
    if (strstr(err.text, rows[i].text) == NULL) fail_msg("row %zu: %s", i, err.text);
  }
  rig_deinit(&rig);
}

static void what_does_not_fit_the_thread_is_refused_and_changes_nothing(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, counter, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "nix"}), FL_E_NOT_FOUND);
  assert_non_null(strstr(rig.error.text, "nix"));
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':1}")});
  struct fl_invoke_options resume = {.thread = "a", .resume = json("'yes'")};
  assert_int_equal(rig_run(&rig, definition, resume), FL_E_CONFLICT);
  struct fl_invoke_options odd = {.thread = "a", .input = json("{'m':1}")};
  assert_true(rig_run(&rig, definition, odd) < 0);
  assert_non_null(strstr(rig.error.text, "\"m\""));
  assert_string_equal(rig_stored_status(&rig, "a"), "idle");
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':1}")});
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 24);
  rig_deinit(&rig);
}

static void the_recursion_limit_ends_a_loop_and_the_thread_can_be_continued(void **state) {
  static const char loop[] = "fairlead: 1\nname: loop\nstate: { n: { type: integer, reducer: sum, default: 0 } }\n"
                             "nodes: { one: { type: set, write: { n: '1' } } }\n"
                             "edges:\n  - START -> one\n"
                             "  - { from: one, branch: [ { when: 'state.n < 7', to: one }, { to: END } ] }\n";
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, loop, NULL);
  struct fl_invoke_options options = {.thread = "a", .input = json("{'n':0}"), .recursion_limit = 4};
  assert_int_equal(rig_run(&rig, definition, options), FL_E_RECURSION);
  assert_string_equal(rig_stored_status(&rig, "a"), "error");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 7);
  rig_deinit(&rig);
}

/* ---- several at once ---- */

static void complete_later(void *user) { fl_task_complete(user, FL_DONE); }

static int wait_10(struct fl_task *task, void *user) {
  struct rig *rig = user;
  fl_task_write_take(task, "n", fl_int(1));
  fl_world_sim_after(rig->world, 10, complete_later, task);
  return FL_PENDING;
}

static struct fl_definition *waiting_graph(struct rig *rig) {
  static const char text[] = "fairlead: 1\nname: waits\nstate: { n: { type: integer, reducer: sum, default: 0 } }\n"
                             "nodes: { wait: { type: c, function: wait } }\nedges: [ START -> wait, wait -> END ]\n";
  assert_int_equal(fl_runtime_add_function(rig->runtime, "wait", wait_10, rig, NULL), 0);
  return rig_load(rig, text, NULL);
}

static void note_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  *(int *)user = result->status;
  fl_invoke_result_deinit(result);
}

static void a_thread_runs_once_at_a_time_and_threads_run_side_by_side(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = waiting_graph(&rig);
  int first = 99, second = 99, other = 99;
  FL_VALUE_AUTO input = json("{'n':1}");
  struct fl_invoke_options a = {.size = sizeof a, .thread = "a", .input = input}, b = a;
  b.thread = "b";
  assert_int_equal(fl_runtime_start(rig.runtime, definition, &a, note_end, &first, NULL, NULL), 0);
  assert_int_equal(fl_runtime_start(rig.runtime, definition, &a, note_end, &second, NULL, NULL), 0);
  assert_int_equal(fl_runtime_start(rig.runtime, definition, &b, note_end, &other, NULL, NULL), 0);
  rig_turn(&rig);
  assert_int_equal(first, 0);
  assert_int_equal(second, FL_E_BUSY);
  assert_int_equal(other, 0);
  assert_int_equal(fl_world_now_ms(rig.world), 10);
  rig_deinit(&rig);
}

static void another_runtime_does_not_get_the_thread_while_it_runs(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = waiting_graph(&rig);
  int first = 99;
  FL_VALUE_AUTO input = json("{'n':1}");
  struct fl_invoke_options options = {.size = sizeof options, .thread = "a", .input = input};
  assert_int_equal(fl_runtime_start(rig.runtime, definition, &options, note_end, &first, NULL, NULL), 0);
  fl_world_sim_run_until(rig.world, 5);
  struct fl_runtime *mine = rig.runtime, *other = fl_runtime_create_in(rig.world, rig.store);
  rig.runtime = other;
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':1}")}),
                   FL_E_BUSY);
  assert_int_equal(first, 0);
  fl_runtime_shutdown(other);
  rig_turn(&rig);
  fl_runtime_destroy(other);
  rig.runtime = mine;
  rig_deinit(&rig);
}

struct theft {
  struct rig *rig;
  struct fl_txn txn;
  int status;
};

static void on_stolen(struct fl_txn *txn, int status, const struct fl_error *err) {
  ((struct theft *)txn->user)->status = status;
}

/* The lease has expired by the thief's clock: it slept, or this process did. */
static void steal(void *user) {
  struct theft *theft = user;
  theft->txn = (struct fl_txn){.kind = FL_TXN_LEASE_ACQUIRE,
                               .thread = "a",
                               .wall_ms = fl_world_wall_ms(theft->rig->world) + FL_LEASE_MS + 1,
                               .on_done = on_stolen,
                               .user = theft};
  fl_store_submit(theft->rig->store, &theft->txn);
}

static void who_lost_the_lease_writes_nothing_more(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = waiting_graph(&rig);
  struct theft theft = {.rig = &rig, .status = 99};
  rig_start(&rig, definition,
            (struct fl_invoke_options){.thread = "a", .input = json("{'n':1}"), .follow = FL_FOLLOW_VALUES});
  fl_world_sim_after(rig.world, 5, steal, &theft);
  rig_turn(&rig);
  assert_int_equal(theft.status, 0);
  assert_true(rig.is_over);
  assert_int_equal(rig.status, FL_E_CONFLICT);
  assert_non_null(strstr(rig.error.text, "lost its lease"));
  assert_string_equal(rig_told(&rig, "values"), "values - {\"n\":1}\n"); /* the input, and not what was refused */
  rig_deinit(&rig);
}

static int wait_long(struct fl_task *task, void *user) {
  fl_world_sim_after(((struct rig *)user)->world, 5 * 60 * 1000, complete_later, task);
  return FL_PENDING;
}

static void a_long_run_keeps_its_lease(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  static const char text[] = "fairlead: 1\nname: waits\nstate: { n: { type: integer } }\n"
                             "nodes: { wait: { type: c, function: long } }\nedges: [ START -> wait, wait -> END ]\n";
  fl_runtime_add_function(rig.runtime, "long", wait_long, &rig, NULL);
  struct fl_definition *definition = rig_load(&rig, text, NULL);
  rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':1}")});
  fl_world_sim_run_until(rig.world, 4 * 60 * 1000);
  struct theft theft = {.rig = &rig, .status = 99};
  theft.txn = (struct fl_txn){.kind = FL_TXN_LEASE_ACQUIRE,
                              .thread = "a",
                              .wall_ms = fl_world_wall_ms(rig.world),
                              .on_done = on_stolen,
                              .user = &theft};
  fl_store_submit(rig.store, &theft.txn);
  rig_turn(&rig);
  assert_int_equal(theft.status, FL_E_BUSY);
  assert_int_equal(rig.status, 0);
  rig_deinit(&rig);
}

static void a_thread_that_rested_is_taken_anew(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, counter, NULL);
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':1}")});
  uint64_t fence = rig.runtime->threads->fence;
  fl_world_sim_run_until(rig.world, 10 * 60 * 1000);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'n':1}")}), 0);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 24);
  assert_true(rig.runtime->threads->fence > fence);
  rig_deinit(&rig);
}

static void few_threads_are_held(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, counter, NULL);
  for (int i = 0; i < 70; i++) {
    FL_FREE_AUTO char *id = fl_format("t%d", i);
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = id, .input = json("{'n':1}")}), 0);
  }
  size_t count = 0;
  for (struct fl_thread *thread = rig.runtime->threads; thread != NULL; thread = thread->next) count++;
  assert_int_equal(count, 64);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t0", .input = json("{'n':1}")}), 0);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 24);
  rig_deinit(&rig);
}

static void another_graph_may_go_on_with_a_thread(void **state) {
  static const char other[] =
      "fairlead: 1\nname: other\nstate: { n: { type: integer, reducer: max, default: 0 } }\n"
      "nodes: { top: { type: set, write: { n: '1000' } } }\nedges: [ START -> top, top -> END ]\n";
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *first = rig_load(&rig, counter, NULL), *second = rig_load(&rig, other, NULL);
  rig_run(&rig, first, (struct fl_invoke_options){.thread = "a", .input = json("{'n':1}")});
  assert_int_equal(rig_run(&rig, second, (struct fl_invoke_options){.thread = "a", .input = json("{'n':1}")}), 0);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 1000);
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_ends_with_its_state),
      cmocka_unit_test(one_run_stops_where_its_caller_says),
      cmocka_unit_test(the_next_turn_goes_on_in_memory_and_after_a_restart),
      cmocka_unit_test(a_run_without_output_costs_no_copy_of_the_state),
      cmocka_unit_test(without_a_store_a_run_without_a_thread_leaves_no_trace),
      cmocka_unit_test(a_new_thread_gets_an_id),
      cmocka_unit_test(what_makes_no_sense_is_refused_at_once),
      cmocka_unit_test(what_does_not_fit_the_thread_is_refused_and_changes_nothing),
      cmocka_unit_test(the_recursion_limit_ends_a_loop_and_the_thread_can_be_continued),
      cmocka_unit_test(a_thread_runs_once_at_a_time_and_threads_run_side_by_side),
      cmocka_unit_test(another_runtime_does_not_get_the_thread_while_it_runs),
      cmocka_unit_test(who_lost_the_lease_writes_nothing_more),
      cmocka_unit_test(a_long_run_keeps_its_lease),
      cmocka_unit_test(a_thread_that_rested_is_taken_anew),
      cmocka_unit_test(few_threads_are_held),
      cmocka_unit_test(another_graph_may_go_on_with_a_thread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
