/* SPDX-License-Identifier: MIT */
/* What a manifest limits of a server, in the simulated world: calls at a time, calls in a time, time and size, and that
 * its sandbox reaches the process. */
#include "tests/support/support.h"
#include "tests/unit/mcp/client_rig.h"

#include <stdlib.h>

static void one_call_more_than_may_be_at_a_time_waits(void **state) {
  limits.concurrent = 2;
  open_client(1, &GOOD, NULL);
  run_for(1000);
  idle_ms = 20000;
  ask(0, "never");
  for (int i = 1; i < 5; i++) ask(i, "echo");
  ask(5, "never");
  ask(6, "echo");
  ask(7, "echo");
  run_for(100); /* 0 keeps a place, the echoes take turns in the other, 5 keeps that */
  for (int i = 1; i < 5; i++) assert_int_equal(asked[i].status == 0 && asked[i].done_count == 1, 1);
  assert_int_equal(call_count, 6);
  assert_int_equal(asked[6].done_count + asked[7].done_count, 0);
  source->ops->cancel(source, &asked[6].request);
  source->ops->cancel(source, &asked[6].request);
  assert_int_equal(asked[6].done_count, 0); /* never from inside */
  run_for(100);
  assert_int_equal(asked[6].status, FL_E_CANCELLED);
  assert_false(asked[6].sent);
  assert_int_equal(cancelled_count, 0); /* the server has never heard of it */
  source->ops->cancel(source, &asked[0].request);
  run_for(100);
  assert_int_equal(asked[7].done_count, 1);
  assert_int_equal(asked[7].status, 0);
  assert_int_equal(call_count, 7);
  close_client();
  assert_int_equal(asked[5].done_count, 1);
}

static void calls_that_wait_end_with_the_client(void **state) {
  limits.concurrent = 1;
  for (uint64_t seed = 1; seed <= 30; seed++) {
    open_client(seed, &GOOD, NULL);
    fl_world_sim_set_jitter(world, 5);
    run_for(1000);
    ask(0, "never");
    for (int i = 1; i < 4; i++) ask(i, "echo");
    run_for((int64_t)seed);
    close_client();
    for (int i = 0; i < 4; i++) assert_int_equal(asked[i].done_count, 1);
    for (int i = 0; i < 4; i++) assert_int_equal(asked[i].status, FL_E_CLOSED);
  }
}

static void calls_that_wait_meet_the_next_server(void **state) {
  limits.concurrent = 1;
  open_client(1, &GOOD, NULL);
  run_for(1000);
  ask(0, "die");
  ask(1, "echo");
  ask(2, "echo");
  run_for(2000);
  assert_int_equal(asked[0].status, FL_E_CLOSED);
  assert_int_equal(asked[1].status, 0);
  assert_int_equal(asked[2].status, 0);
  assert_int_equal(start_count, 2);
  close_client();
}

static void calls_beyond_the_rate_are_refused(void **state) {
  limits.rate = 2;
  limits.rate_ms = 60000;
  open_client(1, &GOOD, NULL);
  run_for(1000);
  for (int i = 0; i < 3; i++) ask(i, "echo");
  run_for(1000);
  assert_int_equal(asked[1].status, 0);
  assert_int_equal(asked[2].status, FL_E_LIMIT);
  assert_false(asked[2].sent);
  assert_string_equal(asked[2].error,
                      "server math: its limit \"rate\" is 2 calls in 60 s; the next may be made in 60 s");
  ask(3, "nobody"); /* what does not leave takes no place */
  run_for(60000);
  ask(4, "echo");
  ask(5, "echo");
  run_for(100);
  assert_int_equal(asked[4].status, 0);
  assert_int_equal(asked[5].status, 0);
  close_client();
}

static void time_and_size_are_narrowed(void **state) {
  limits.call_ms = 500;
  limits.output = 20;
  limits.start_ms = 300;
  open_client(1, &GOOD, NULL);
  run_for(1000);
  ask(0, "never");
  run_for(499);
  assert_int_equal(asked[0].done_count, 0);
  run_for(10);
  assert_int_equal(asked[0].status, FL_E_TIMEOUT);
  ask(1, "echo");
  run_for(100);
  assert_int_equal(asked[1].status, FL_E_LIMIT);
  close_client();
}

static void a_sandbox_reaches_the_process(void **state) {
  setenv("HOME", "/home/canary", 1);
  open_client(1, &GOOD, NULL);
  run_for(1000);
  close_client();
  assert_string_equal(peer_policy, "none");
  assert_string_equal(peer_home, "/home/canary");
  policy = "sandbox 1\n";
  open_client(1, &GOOD, NULL);
  run_for(1000);
  close_client();
  assert_string_equal(peer_policy, "sandbox 1\n");
  assert_string_equal(peer_home, "none");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(one_call_more_than_may_be_at_a_time_waits, reset_client),
      cmocka_unit_test_setup(calls_that_wait_end_with_the_client, reset_client),
      cmocka_unit_test_setup(calls_that_wait_meet_the_next_server, reset_client),
      cmocka_unit_test_setup(calls_beyond_the_rate_are_refused, reset_client),
      cmocka_unit_test_setup(time_and_size_are_narrowed, reset_client),
      cmocka_unit_test_setup(a_sandbox_reaches_the_process, reset_client),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
