/* SPDX-License-Identifier: MIT */
/* A thread that says how much of it is kept is pruned by whoever runs it: now and then, and when its lease goes back.
 */
#include "rig.h"

#include <stdio.h>

static const char graph[] = "fairlead: 1\nname: r\nstate: { n: { reducer: sum, default: 0 } }\n"
                            "nodes: { add: { type: set, write: { n: '1' } } }\n"
                            "edges: [ START -> add, add -> END ]\n";

static void on_written(struct fl_txn *txn, int status, const struct fl_error *err) { *(int *)txn->user = status; }

static void say(struct rig *rig, const char *thread, const char *metadata) {
  struct fl_records records = {0};
  int status = 1;
  struct fl_record *record = fl_records_add(&records, FL_RECORD_THREAD, "");
  record->body = fl_strdup(metadata);
  record->body_size = strlen(metadata);
  struct fl_txn txn = {.kind = FL_TXN_WRITE,
                       .thread = thread,
                       .creates = true,
                       .records = &records,
                       .on_done = on_written,
                       .user = &status};
  fl_store_submit(rig->store, &txn);
  rig_turn(rig);
  assert_int_equal(status, 0);
  fl_records_deinit(&records);
}

static bool add_one(const struct fl_checkpoint_info *info, void *user) {
  ++*(size_t *)user;
  return true;
}

static size_t checkpoints_of(struct rig *rig, const char *thread) {
  size_t count = 0;
  assert_int_equal(fl_store_list_checkpoints(rig->store, thread, "", 0, 0, add_one, &count, NULL), 0);
  return count;
}

/* Each run makes two checkpoints. */
static void run_often(struct rig *rig, const char *thread, int runs) {
  struct fl_definition *definition = rig_load(rig, graph, NULL);
  for (int i = 0; i < runs; i++)
    assert_int_equal(rig_run(rig, definition, (struct fl_invoke_options){.thread = thread, .input = json("{'n':0}")}),
                     0);
}

static void thread_without_a_rule_keeps_everything(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  run_often(&rig, "t", 17);
  assert_int_equal(checkpoints_of(&rig, "t"), 34);
  rig_deinit(&rig);
}

static void rule_is_followed_every_few_runs(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  say(&rig, "t", "{\"retention\":{\"keep_last\":3}}");
  run_often(&rig, "t", 7);
  assert_int_equal(checkpoints_of(&rig, "t"), 14);
  run_often(&rig, "t", 1);
  assert_int_equal(checkpoints_of(&rig, "t"), 3);
  run_often(&rig, "t", 3);
  assert_int_equal(checkpoints_of(&rig, "t"), 9);
  run_often(&rig, "t", 5);
  assert_int_equal(checkpoints_of(&rig, "t"), 3);
  run_often(&rig, "t", 1);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 17); /* and nothing of the state was lost */
  rig_deinit(&rig);
}

static void rule_is_followed_when_the_lease_goes_back(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  say(&rig, "t", "{\"retention\":{\"keep_last\":2}}");
  run_often(&rig, "t", 6);
  assert_int_equal(checkpoints_of(&rig, "t"), 12);
  rig_down(&rig);
  rig_up(&rig);
  assert_int_equal(checkpoints_of(&rig, "t"), 2);
  run_often(&rig, "t", 1);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 7);
  rig_deinit(&rig);
}

static void small_gains_are_left(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  say(&rig, "t", "{\"retention\":{\"keep_last\":12}}");
  run_often(&rig, "t", 8);
  assert_int_equal(checkpoints_of(&rig, "t"), 16); /* 4 would go, which is not worth it */
  rig_deinit(&rig);
}

static void age_counts_as_well(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  say(&rig, "t", "{\"retention\":{\"max_age_ms\":3600000}}");
  run_often(&rig, "t", 7);
  fl_world_sim_run_until(rig.world, fl_world_now_ms(rig.world) + 7200000);
  run_often(&rig, "t", 1);
  assert_int_equal(checkpoints_of(&rig, "t"), 3); /* where it stood when its lease had lapsed, and the new run */
  rig_deinit(&rig);
}

static void rules_are_read_from_metadata(void **state) {
  static const struct {
    const char *metadata;
    bool has_rule;
    uint64_t keep_last;
    int64_t since_ms;
  } rows[] = {{"{}", false, 0, 0},
              {"{'retention':{'keep_last':5}}", true, 5, 0},
              {"{'retention':{'max_age_ms':100}}", true, 0, 900},
              {"{'retention':{'keep_last':5,'max_age_ms':100}}", true, 5, 900},
              {"{'retention':{'keep_last':-5,'max_age_ms':0}}", false, 0, 0},
              {"{'retention':{'max_age_ms':5000}}", false, 0, 0}, /* older than the clock */
              {"{'retention':7}", false, 0, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO metadata = json(rows[i].metadata);
    struct fl_prune prune;
    assert_int_equal(fl_retention_read(metadata, 1000, &prune), rows[i].has_rule);
    assert_int_equal(prune.keep_last, rows[i].keep_last);
    assert_int_equal(prune.since_ms, rows[i].since_ms);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(thread_without_a_rule_keeps_everything),
      cmocka_unit_test(rule_is_followed_every_few_runs),
      cmocka_unit_test(rule_is_followed_when_the_lease_goes_back),
      cmocka_unit_test(small_gains_are_left),
      cmocka_unit_test(age_counts_as_well),
      cmocka_unit_test(rules_are_read_from_metadata),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
