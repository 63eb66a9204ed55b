/* SPDX-License-Identifier: MIT */
/* threads export, import, prune, storage, recover and the memory commands, as a person would use them. */
#include "rig.h"
#include "runtime/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char count[] = "fairlead: 1\n"
                            "name: count\n"
                            "state: { n: { type: integer, reducer: sum, default: 0 } }\n"
                            "nodes: { add: { type: set, write: { n: '1' } } }\n"
                            "edges: [ START -> add, add -> END ]\n";

static void make(const char *thread, int runs) {
  struct caught caught = {0};
  rig_write("count.yaml", count);
  for (int i = 0; i < runs; i++) RUN(0, "run $F/count.yaml -t %s -i '{\"n\":0}' -q", thread);
  caught_deinit(&caught);
}

static void old_checkpoints_are_pruned(void **state) {
  struct caught caught = {0};
  make("p", 5); /* two checkpoints a run */
  RUN(0, "threads prune p --keep 4 --json");
  assert_says(caught.out, "{\"pruned\":\"p\",\"checkpoints\":6,\"bytes\":");
  RUN(0, "threads prune p --keep 4");
  assert_string_equal(caught.out, "p: 0 checkpoints and 0 bytes went\n");
  RUN(0, "threads prune p --older-than 1h");
  assert_string_equal(caught.out, "p: 0 checkpoints and 0 bytes went\n");
  RUN(0, "threads history p --json");
  assert_int_equal(rig_count(caught.out, "\n"), 4);
  RUN(0, "run $F/count.yaml -t p -i '{\"n\":0}' -q"); /* it goes on */
  assert_says(caught.out, "\"n\": 6");
  RUN(0, "threads prune --all --keep 1 --compact");
  RUN(2, "threads prune");
  RUN(2, "threads prune p --all");
  RUN(2, "threads prune p --older-than soon");
  assert_says(caught.err, "--older-than takes an age such as");
  RUN(1, "threads prune none --keep 1");
  caught_deinit(&caught);
}

static void rule_can_be_remembered(void **state) {
  struct caught caught = {0};
  make("r", 1);
  RUN(1, "threads prune r");
  assert_says(caught.err, "has no rule of its own");
  RUN(2, "threads prune r --remember");
  RUN(0, "threads prune r --keep 2 --remember");
  make("r", 8); /* each process looks at the rule when it gives the thread back */
  RUN(0, "threads history r --json");
  assert_in_range(rig_count(caught.out, "\n"), 2, 12);
  RUN(0, "threads prune r");
  RUN(0, "threads history r --json");
  assert_int_equal(rig_count(caught.out, "\n"), 2);
  caught_deinit(&caught);
}

static void thread_is_exported_and_imported(void **state) {
  struct caught caught = {0};
  make("e", 2);
  RUN(0, "threads export e $F/e.jsonl");
  assert_string_equal(caught.out, "");
  RUN(1, "threads export e $F/e.jsonl"); /* never over a file that is there */
  RUN(0, "threads export e");
  assert_says(caught.out, "\"fairlead\":\"thread\",\"format\":1,\"id\":\"e\"");
  FL_FREE_AUTO char *text = fl_strdup(caught.out);
  RUN(1, "threads import $F/e.jsonl");
  assert_says(caught.err, "there is a thread e already");
  RUN(0, "threads import $F/e.jsonl --as e2");
  assert_says(caught.out, "imported e2: ");
  RUN(0, "run $F/count.yaml -t e2 -i '{\"n\":0}' -q");
  assert_says(caught.out, "\"n\": 3");
  caught_deinit(&caught);
  rig_command_with(&caught, text, "threads import - --as e3 --json");
  assert_code(&caught, 0);
  assert_says(caught.out, "{\"imported\":\"e3\",\"records\":");
  text[strlen(text) / 2] ^= 1;
  caught_deinit(&caught);
  rig_command_with(&caught, text, "threads import - --as e4");
  assert_code(&caught, 1);
  assert_says(caught.err, "nothing was imported");
  RUN(1, "threads show e4");
  RUN(1, "threads import $F/count.yaml");
  assert_says(caught.err, "it is not an exported thread");
  RUN(2, "threads import $F/e.jsonl --as 'not an id'");
  RUN(1, "threads import $F/missing.jsonl");
  caught_deinit(&caught);
}

static void storage_is_shown(void **state) {
  struct caught caught = {0};
  make("s", 2);
  RUN(0, "threads storage s");
  assert_says(caught.out, "thread s\n");
  assert_says(caught.out, "  n\n");
  assert_says(caught.out, "  (checkpoints)\n");
  assert_says(caught.out, "  in all\n");
  RUN(0, "threads storage s --json");
  assert_says(caught.out, "{\"id\":\"s\",\"rows\":");
  RUN(1, "threads storage none");
  RUN(2, "threads storage");
  caught_deinit(&caught);
}

/* Marks a thread as one whose process died in the middle. */
static void on_marked(struct fl_txn *txn, int status, const struct fl_error *err) { *(int *)txn->user = status; }

static void leave_busy(const char *thread, const char *graph_file) {
  FL_FREE_AUTO char *path = fl_default_store();
  struct fl_world *world = fl_world_uv_create(NULL);
  struct fl_store *store = NULL;
  assert_int_equal(fl_store_open(world, path, NULL, &store, NULL), 0);
  struct fl_records records = {0};
  int status = 1;
  struct fl_txn lease = {.kind = FL_TXN_LEASE_ACQUIRE,
                         .thread = thread,
                         .creates = true,
                         .wall_ms = 1,
                         .on_done = on_marked,
                         .user = &status};
  fl_store_submit(store, &lease);
  fl_world_run(world);
  struct fl_record *record = fl_records_add(&records, FL_RECORD_THREAD, "");
  record->thread.status = fl_strdup("busy");
  record->thread.graph_file = fl_strdup(graph_file);
  struct fl_txn mark = {.kind = FL_TXN_WRITE,
                        .thread = thread,
                        .fence = lease.fence,
                        .records = &records,
                        .on_done = on_marked,
                        .user = &status};
  fl_store_submit(store, &mark);
  fl_world_run(world);
  assert_int_equal(status, 0);
  fl_records_deinit(&records);
  fl_store_close(store);
  fl_world_destroy(world);
}

static void unfinished_threads_are_recovered(void **state) {
  struct caught caught = {0};
  make("done", 1);
  make("left", 1);
  RUN(0, "threads recover --all");
  assert_string_equal(caught.out, "nothing is unfinished\n");
  leave_busy("left", NULL);
  leave_busy("lost", "/nowhere/graph.yaml");
  leave_busy("nameless", NULL);
  RUN(0, "threads recover left");
  assert_string_equal(caught.out, "left: done\n");
  RUN(1, "threads recover --all --json");
  assert_says(caught.out, "\"recovered\":\"lost\",\"status\":\"failed\",\"message\":\"the graph file of thread lost");
  assert_says(caught.out, "\"recovered\":\"nameless\",\"status\":\"failed\"");
  assert_says(caught.out, "names no graph file");
  assert_lacks(caught.out, "\"left\"");
  RUN(2, "threads recover");
  RUN(0, "threads delete lost nameless -y");
  caught_deinit(&caught);
}

static void items_are_kept_across_threads(void **state) {
  struct caught caught = {0};
  RUN(0, "memory put users.ann tea '{\"likes\":\"green tea\"}'");
  RUN(0, "memory put users.bob tea '{\"likes\":\"black tea\",\"age\":41}' --ttl 30d --json");
  assert_says(caught.out, "\"expires_ms\":");
  RUN(0, "memory put users.bob car '{\"likes\":\"red cars\"}'");
  RUN(0, "memory get users.ann tea");
  assert_string_equal(caught.out, "users.ann tea  {\"likes\":\"green tea\"}\n");
  RUN(0, "memory search --query 'green' --json");
  assert_says(caught.out, "\"key\":\"tea\",\"value\":{\"likes\":\"green tea\"}");
  assert_int_equal(rig_count(caught.out, "\n"), 1);
  RUN(0, "memory search users.bob");
  assert_int_equal(rig_count(caught.out, "\n"), 2);
  RUN(0, "memory search users --filter '{\"age\":{\"$gte\":40}}'");
  assert_int_equal(rig_count(caught.out, "\n"), 1);
  RUN(0, "memory list");
  assert_string_equal(caught.out, "users.ann\nusers.bob\n");
  RUN(0, "memory list '*.bob' --json");
  assert_string_equal(caught.out, "{\"namespace\":[\"users\",\"bob\"]}\n");
  RUN(0, "memory list --depth 1");
  assert_string_equal(caught.out, "users\n");
  RUN(0, "memory delete users.ann tea");
  RUN(1, "memory delete users.ann tea");
  assert_says(caught.err, "there is no item \"tea\" in users.ann");
  RUN(1, "memory get users.ann tea");
  RUN(2, "memory put users.ann tea nonsense");
  RUN(2, "memory put fairlead tea '{}'");
  assert_says(caught.err, "fairlead's own");
  RUN(2, "memory put users.ann tea '{}' --ttl never");
  RUN(2, "memory search a b");
  RUN(0, "memory put v one '{\"t\":\"apples and pears\"}' --embed '{\"provider\":\"hash\"}'");
  RUN(0, "memory search v --query apples --embed '{\"provider\":\"hash\"}' --json");
  assert_says(caught.out, "\"score\":0.03");
  RUN(2, "memory search v --query apples --embed '{\"provider\":\"none\"}'");
  caught_deinit(&caught);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(old_checkpoints_are_pruned),       cmocka_unit_test(rule_can_be_remembered),
      cmocka_unit_test(thread_is_exported_and_imported),  cmocka_unit_test(storage_is_shown),
      cmocka_unit_test(unfinished_threads_are_recovered), cmocka_unit_test(items_are_kept_across_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
