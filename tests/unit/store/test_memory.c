/* SPDX-License-Identifier: MIT */
/* What only the store in memory does: it lives in any world, waits in virtual time, fails when told to, and survives
 * crashes of its world with exactly what was acknowledged. */
#include "runtime/io/world_sim.h"
#include "tests/unit/store/fixture.h"

/* A client that takes supersteps one after another, each once the one before is acknowledged. */
struct client {
  struct fl_store *store;
  struct fl_world *world;
  struct fl_txn txn;
  struct fl_records records;
  uint64_t fence, acknowledged, goal;
  int failed;
};

static void client_step(struct client *client);

static void client_on_done(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct client *client = txn->user;
  fl_records_deinit(&client->records);
  client->failed = status;
  if (status != 0) return;
  client->acknowledged++;
  if (client->acknowledged < client->goal) client_step(client);
}

static void client_step(struct client *client) {
  uint64_t no = client->acknowledged + 1;
  char body[64];
  snprintf(body, sizeof body, "{\"channels\":{\"messages\":[%d,%d]}}", (int)no, (int)no);
  add_delta(&client->records, FL_BODY_APPEND, no, no - 1, no, "[1]");
  add_checkpoint(&client->records, no, no - 1, "loop", body);
  client->txn = (struct fl_txn){.kind = FL_TXN_WRITE,
                                .thread = "t",
                                .fence = client->fence,
                                .expected_head = no - 1,
                                .records = &client->records,
                                .wall_ms = fl_world_wall_ms(client->world),
                                .on_done = client_on_done,
                                .user = client};
  fl_store_submit(client->store, &client->txn);
}

static void client_on_lease(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct client *client = txn->user;
  client->failed = status;
  client->fence = txn->fence;
  if (status == 0 && client->acknowledged < client->goal) client_step(client);
}

/* Acquires, then goes on from `acknowledged` to `goal`. */
static void client_start(struct client *client) {
  client->txn = (struct fl_txn){.kind = FL_TXN_LEASE_ACQUIRE,
                                .thread = "t",
                                .creates = true,
                                .wall_ms = fl_world_wall_ms(client->world),
                                .on_done = client_on_lease,
                                .user = client};
  fl_store_submit(client->store, &client->txn);
}

static uint64_t length_of(struct fl_store *store) {
  struct fl_loaded loaded;
  int status = fl_store_load(store, "t", "", 0, &loaded, NULL);
  if (status == FL_E_NOT_FOUND) return 0;
  assert_int_equal(status, 0);
  uint64_t length = loaded.checkpoint_no;
  if (length > 0) assert_int_equal(fl_list_size(loaded.channels[0].var.list), length);
  fl_loaded_deinit(&loaded);
  return length;
}

/* Crashes at every effect of a run; what was acknowledged is there, and nothing else; the lease of the dead is free. */
static void crash_leaves_what_was_acknowledged(void **state) {
  uint64_t crashes = 0;
  for (uint64_t delay_ms = 0; delay_ms <= 5; delay_ms += 5) {
    for (uint64_t number = 1;; number++) {
      struct fl_world *first = fl_world_sim_create(number), *second = fl_world_sim_create(number);
      struct client client = {.store = fl_store_memory_create(first), .world = first, .goal = 6};
      fl_store_memory_set_delay(client.store, delay_ms);
      fl_world_sim_crash_at(first, number);
      client_start(&client);
      bool crashed = fl_world_sim_run(first) == FL_SIM_CRASHED;
      assert_int_equal(length_of(client.store), client.acknowledged);
      fl_store_memory_restart(client.store, second);
      if (crashed) fl_world_sim_bury(first);
      fl_world_destroy(first);
      fl_records_deinit(&client.records);
      client.world = second;
      client_start(&client);
      assert_int_equal(fl_world_sim_run(second), FL_SIM_IDLE);
      assert_int_equal(client.failed, 0);
      assert_int_equal(length_of(client.store), 6);
      fl_store_close(client.store);
      fl_world_destroy(second);
      if (!crashed) break;
      crashes++;
    }
  }
  assert_true(crashes >= 12);
}

static void delay_passes_in_virtual_time(void **state) {
  struct fl_world *world = fl_world_sim_create(1);
  struct client client = {.store = fl_store_memory_create(world), .world = world, .goal = 3};
  fl_store_memory_set_delay(client.store, 250);
  client_start(&client);
  assert_int_equal(fl_world_sim_run_until(world, 740), FL_SIM_PAUSED);
  assert_int_equal(client.acknowledged, 1); /* 250: the lease, 500: the first step */
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(client.acknowledged, 3);
  assert_int_equal(fl_world_now_ms(world), 1000);
  fl_store_close(client.store);
  fl_world_destroy(world);
}

static void error_that_is_set_fails_everything_until_it_is_taken_back(void **state) {
  struct fl_world *world = fl_world_sim_create(1);
  struct client client = {.store = fl_store_memory_create(world), .world = world};
  client_start(&client);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  fl_store_memory_set_error(client.store, FL_E_NO_SPACE);
  client.goal = 2;
  client_step(&client);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(client.failed, FL_E_NO_SPACE);
  assert_int_equal(length_of(client.store), 0);
  fl_store_memory_set_error(client.store, 0);
  client_step(&client);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(length_of(client.store), 2);
  fl_store_close(client.store);
  fl_world_destroy(world);
}

static void closing_with_work_under_way_finishes_it(void **state) {
  for (uint64_t delay_ms = 0; delay_ms <= 10; delay_ms += 10) {
    struct fl_world *world = fl_world_sim_create(1);
    struct client client = {.store = fl_store_memory_create(world), .world = world, .goal = 3};
    fl_store_memory_set_delay(client.store, delay_ms);
    client_start(&client);
    fl_store_close(client.store);
    assert_int_equal(client.acknowledged, 3);
    assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE); /* a post that is on its way finds nobody */
    fl_world_destroy(world);
  }
  fl_store_close(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(crash_leaves_what_was_acknowledged),
      cmocka_unit_test(delay_passes_in_virtual_time),
      cmocka_unit_test(error_that_is_set_fails_everything_until_it_is_taken_back),
      cmocka_unit_test(closing_with_work_under_way_finishes_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
