/* SPDX-License-Identifier: MIT */
/* When a run is on disk: sync, async and exit, under a slow store, a store that fails and a process that dies at any
 * effect. A run of four nodes, of which the third calls a tool that must not be called twice. */
#include "rig.h"

static const char text[] = "fairlead: 1\nname: g\nstate: { log: { reducer: append } }\nnodes:\n"
                           "  a: { type: set, write: { log: \"'a'\" } }\n"
                           "  b: { type: set, write: { log: \"'b'\" } }\n"
                           "  c: { type: tool, tool: t/echo, args: { text: \"'c'\" }, write: log }\n"
                           "  d: { type: set, write: { log: \"'d'\" } }\n"
                           "edges: [ START -> a -> b -> c -> d ]\n";
#define ALL "{'log':['a','b','c','d']}"

static struct fl_invoke_options fresh(enum fl_durability durability) {
  return (struct fl_invoke_options){.thread = "a", .input = json("{'log':[]}"), .durability = durability};
}

static size_t count_checkpoint(const struct rig *rig) {
  struct fl_loaded loaded = {0};
  size_t step = fl_store_load(rig->store, "a", "", 0, &loaded, NULL) == 0 ? (size_t)loaded.checkpoint_no : 0;
  fl_loaded_deinit(&loaded);
  return step;
}

/* ---- each ends on disk ---- */

static void every_mode_ends_on_disk(void **state) {
  for (int mode = FL_DURABLE_DEFAULT; mode <= FL_DURABLE_EXIT; mode++) {
    struct rig rig = {.seed = 1};
    rig_up(&rig);
    assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), fresh((enum fl_durability)mode)), 0);
    assert_json(rig.output, ALL);
    assert_int_equal(count_checkpoint(&rig), 5);
    assert_string_equal(rig_stored_status(&rig, "a"), "idle");
    rig_deinit(&rig);
  }
}

static void the_graph_says_which_and_the_run_may_say_otherwise(void **state) {
  for (int given = 0; given < 2; given++) {
    struct rig rig = {.seed = 1};
    rig_up(&rig);
    FL_FREE_AUTO char *with = fl_format("%sdurability: exit\n", text);
    struct fl_definition *definition = rig_load(&rig, with, NULL);
    fl_store_memory_set_delay(rig.store, 1000);
    int64_t before = fl_world_now_ms(rig.world);
    assert_int_equal(rig_run(&rig, definition, fresh(given ? FL_DURABLE_SYNC : FL_DURABLE_DEFAULT)), 0);
    int64_t seconds = (fl_world_now_ms(rig.world) - before) / 1000;
    assert_true(given ? seconds >= 5 : seconds < 5);
    rig_deinit(&rig);
  }
}

/* A store that takes a second for a commit: sync waits for each, async for the intent and the end, exit for two. */
static void only_sync_waits_for_every_superstep(void **state) {
  static const int64_t least[] = {0, 7, 2, 2}, most[] = {0, 9, 4, 4};
  for (int mode = FL_DURABLE_SYNC; mode <= FL_DURABLE_EXIT; mode++) {
    struct rig rig = {.seed = 1};
    rig_up(&rig);
    fl_store_memory_set_delay(rig.store, 1000);
    int64_t before = fl_world_now_ms(rig.world);
    assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), fresh((enum fl_durability)mode)), 0);
    int64_t seconds = (fl_world_now_ms(rig.world) - before) / 1000;
    if (seconds < least[mode] || seconds > most[mode]) fail_msg("mode %d took %d s", mode, (int)seconds);
    rig_deinit(&rig);
  }
}

/* ---- crashes ---- */

/* Dies at the n-th effect, and goes on until it is done; returns whether it died. */
static bool die_and_go_on(struct rig *rig, enum fl_durability durability, uint64_t at, size_t *ret_kept) {
  rig_up(rig);
  rig_start(rig, rig_load(rig, text, NULL), fresh(durability));
  fl_world_sim_crash_at(rig->world, fl_world_sim_effect_count(rig->world) + at);
  if (rig_turn(rig) != FL_SIM_CRASHED) {
    fl_world_sim_crash_at(rig->world, 0);
    return false;
  }
  rig_down(rig);
  *ret_kept = count_checkpoint(rig);
  rig_up(rig);
  struct fl_definition *definition = rig_load(rig, text, NULL);
  struct fl_invoke_options again = {.thread = "a", .durability = durability};
  if (*ret_kept == 0) again = fresh(durability);
  int status = rig_run(rig, definition, again);
  if (status == 1) /* the call had left, and nobody knows */
    status = rig_run(rig, definition, (struct fl_invoke_options){.thread = "a", .resume = json("'retry'")});
  assert_int_equal(status, 0);
  return true;
}

static size_t count_calls(const struct rig *rig) {
  size_t count = 0;
  for (const char *c = rig->calls.data; c != NULL && (c = strstr(c, "echo ")) != NULL; c++) count++;
  return count;
}

/* What comes out is the same, and the call is made again only where a person said so: it had left then. */
static void a_crash_at_any_effect_ends_in_the_same_state(void **state) {
  for (int mode = FL_DURABLE_SYNC; mode <= FL_DURABLE_EXIT; mode++) {
    int crashes = 0;
    for (uint64_t at = 1; at < 40; at++) {
      struct rig rig = {.seed = at};
      size_t kept = 0;
      crashes += die_and_go_on(&rig, (enum fl_durability)mode, at, &kept);
      assert_json(rig.output, ALL);
      assert_true(count_calls(&rig) <= 2);
      rig_deinit(&rig);
    }
    assert_true(crashes > 5);
  }
}

/* With a store that is slow the tail may be lost, but what is there is a beginning of the run. */
static void async_loses_the_tail_and_never_the_order(void **state) {
  bool has_lost = false;
  for (uint64_t at = 1; at < 60; at++) {
    struct rig rig = {.seed = at};
    rig_up(&rig);
    fl_store_memory_set_delay(rig.store, 50);
    rig_start(&rig, rig_load(&rig, text, NULL), fresh(FL_DURABLE_ASYNC));
    fl_world_sim_crash_at(rig.world, fl_world_sim_effect_count(rig.world) + at);
    bool has_crashed = rig_turn(&rig) == FL_SIM_CRASHED;
    size_t calls = count_calls(&rig), kept;
    if (!has_crashed) fl_world_sim_crash_at(rig.world, 0);
    rig_down(&rig);
    kept = count_checkpoint(&rig);
    if (calls > 0) assert_true(kept >= 3); /* all that came before the call is there: input, a, b */
    has_lost |= has_crashed && kept > 0 && kept < 5;
    rig_up(&rig);
    rig_deinit(&rig);
  }
  assert_true(has_lost);
}

static void exit_loses_the_run_but_not_what_a_call_rests_on(void **state) {
  bool has_lost_all = false, has_kept_some = false;
  for (uint64_t at = 1; at < 60; at++) {
    struct rig rig = {.seed = at};
    rig_up(&rig);
    rig_start(&rig, rig_load(&rig, text, NULL), fresh(FL_DURABLE_EXIT));
    fl_world_sim_crash_at(rig.world, fl_world_sim_effect_count(rig.world) + at);
    bool has_crashed = rig_turn(&rig) == FL_SIM_CRASHED;
    size_t calls = count_calls(&rig);
    if (!has_crashed) fl_world_sim_crash_at(rig.world, 0);
    rig_down(&rig);
    size_t kept = count_checkpoint(&rig);
    assert_true(kept == 0 || kept == 3 || kept == 5);
    if (calls > 0) assert_true(kept >= 3);
    has_lost_all |= has_crashed && kept == 0;
    has_kept_some |= has_crashed && kept == 3;
    rig_up(&rig);
    rig_deinit(&rig);
  }
  assert_true(has_lost_all && has_kept_some);
}

/* ---- other ends ---- */

static void exit_stores_what_failed_and_what_waits(void **state) {
  static const char *const nodes[] = {"{ type: fail, message: \"'no'\" }", "{ type: interrupt, value: \"'well?'\" }"};
  for (int i = 0; i < 2; i++) {
    struct rig rig = {.seed = 1};
    rig_up(&rig);
    FL_FREE_AUTO char *with = fl_format("fairlead: 1\nname: g\nstate: { log: { reducer: append } }\nnodes:\n  a: { "
                                        "type: set, write: { log: \"'a'\" } }\n"
                                        "  b: %s\nedges: [ START -> a -> b ]\n",
                                        nodes[i]);
    assert_int_equal(rig_run(&rig, rig_load(&rig, with, NULL), fresh(FL_DURABLE_EXIT)), i == 0 ? FL_E_TASK : 1);
    assert_int_equal(count_checkpoint(&rig), 2);
    assert_string_equal(rig_stored_status(&rig, "a"), i == 0 ? "error" : "interrupted");
    rig_deinit(&rig);
  }
}

static void cancel(void *user) { fl_invocation_cancel(user); }

static void exit_stores_what_was_cancelled(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  static const char hanging[] = "fairlead: 1\nname: g\nstate: { log: { reducer: append } }\nnodes:\n  a: { type: set, "
                                "write: { log: \"'a'\" } }\n  b: { type: tool, tool: wild/hang }\n"
                                "effects: { 'wild/*': read }\nedges: [ START -> a -> b ]\n";
  struct fl_invocation *invocation = rig_start(&rig, rig_load(&rig, hanging, NULL), fresh(FL_DURABLE_EXIT));
  fl_world_sim_after(rig.world, 500, cancel, invocation);
  rig_turn(&rig);
  assert_int_equal(rig.status, FL_E_CANCELLED);
  assert_int_equal(count_checkpoint(&rig), 2);
  rig_deinit(&rig);
}

static void fill(void *user) { fl_store_memory_set_error(((struct rig *)user)->store, FL_E_NO_SPACE); }

/* The store is full from some moment on: the run says so and ends once; the thread goes on when there is room. */
static void a_full_disk_ends_the_run_in_every_mode(void **state) {
  for (int mode = FL_DURABLE_SYNC; mode <= FL_DURABLE_EXIT; mode++) {
    for (uint32_t at_ms = 5; at_ms < 200; at_ms += 20) {
      struct rig rig = {.seed = 1};
      rig_up(&rig);
      struct fl_definition *definition = rig_load(&rig, text, NULL);
      fl_store_memory_set_delay(rig.store, 20);
      rig_start(&rig, definition, fresh((enum fl_durability)mode));
      fl_world_sim_after(rig.world, at_ms, fill, &rig);
      rig_turn(&rig);
      assert_int_equal(rig.end_count, 1);
      assert_true(rig.status == FL_E_NO_SPACE || rig.status == 0);
      fl_store_memory_set_error(rig.store, 0);
      rig_down(&rig);
      rig_up(&rig);
      definition = rig_load(&rig, text, NULL);
      bool is_new = count_checkpoint(&rig) == 0;
      int status =
          rig_run(&rig, definition, is_new ? fresh(FL_DURABLE_SYNC) : (struct fl_invoke_options){.thread = "a"});
      if (status == 1)
        status = rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .resume = json("'retry'")});
      assert_int_equal(status, 0);
      assert_json(rig.output, ALL);
      rig_deinit(&rig);
    }
  }
}

/* One run that waits for one task: 8 KiB are promised, the state and what the thread keeps among them. */
static void what_a_run_under_way_is_made_of_is_small(void **state) {
  size_t own = sizeof(struct fl_invocation) + sizeof(struct fl_task) + sizeof(struct fl_thread);
  assert_true(own < 3000);
  assert_true(sizeof(struct fl_item) < 512);
  assert_true(sizeof(struct fl_task_call) < 512);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_mode_ends_on_disk),
      cmocka_unit_test(the_graph_says_which_and_the_run_may_say_otherwise),
      cmocka_unit_test(only_sync_waits_for_every_superstep),
      cmocka_unit_test(a_crash_at_any_effect_ends_in_the_same_state),
      cmocka_unit_test(async_loses_the_tail_and_never_the_order),
      cmocka_unit_test(exit_loses_the_run_but_not_what_a_call_rests_on),
      cmocka_unit_test(exit_stores_what_failed_and_what_waits),
      cmocka_unit_test(exit_stores_what_was_cancelled),
      cmocka_unit_test(a_full_disk_ends_the_run_in_every_mode),
      cmocka_unit_test(what_a_run_under_way_is_made_of_is_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
