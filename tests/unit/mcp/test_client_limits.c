/* SPDX-License-Identifier: MIT */
/* What a manifest limits of a server, in the simulated world: calls at a time, calls in a time, time and size, and that
 * its sandbox reaches the process. */
#include "tests/support/support.h"
#include "tests/unit/mcp/client_rig.h"

#include <stdlib.h>

static void one_call_more_than_may_be_at_a_time_waits(void **state) {
  limits.concurrent = 2;
  client_open(1, &GOOD, NULL);
  client_run_for(1000);
  idle_ms = 20000;
  client_ask(0, "never");
  for (int i = 1; i < 5; i++) client_ask(i, "echo");
  client_ask(5, "never");
  client_ask(6, "echo");
  client_ask(7, "echo");
  client_run_for(100); /* 0 keeps a place, the echoes take turns in the other, 5 keeps that */
  for (int i = 1; i < 5; i++) assert_int_equal(client_asked[i].status == 0 && client_asked[i].done_count == 1, 1);
  assert_int_equal(call_count, 6);
  assert_int_equal(client_asked[6].done_count + client_asked[7].done_count, 0);
  client_source->ops->cancel(client_source, &client_asked[6].request);
  client_source->ops->cancel(client_source, &client_asked[6].request);
  assert_int_equal(client_asked[6].done_count, 0); /* never from inside */
  client_run_for(100);
  assert_int_equal(client_asked[6].status, FL_E_CANCELLED);
  assert_false(client_asked[6].sent);
  assert_int_equal(cancelled_count, 0); /* the server has never heard of it */
  client_source->ops->cancel(client_source, &client_asked[0].request);
  client_run_for(100);
  assert_int_equal(client_asked[7].done_count, 1);
  assert_int_equal(client_asked[7].status, 0);
  assert_int_equal(call_count, 7);
  client_close();
  assert_int_equal(client_asked[5].done_count, 1);
}

static void calls_that_wait_end_with_the_client(void **state) {
  limits.concurrent = 1;
  for (uint64_t seed = 1; seed <= 30; seed++) {
    client_open(seed, &GOOD, NULL);
    fl_world_sim_set_jitter(client_world, 5);
    client_run_for(1000);
    client_ask(0, "never");
    for (int i = 1; i < 4; i++) client_ask(i, "echo");
    client_run_for((int64_t)seed);
    client_close();
    for (int i = 0; i < 4; i++) assert_int_equal(client_asked[i].done_count, 1);
    for (int i = 0; i < 4; i++) assert_int_equal(client_asked[i].status, FL_E_CLOSED);
  }
}

static void calls_that_wait_meet_the_next_server(void **state) {
  limits.concurrent = 1;
  client_open(1, &GOOD, NULL);
  client_run_for(1000);
  client_ask(0, "die");
  client_ask(1, "echo");
  client_ask(2, "echo");
  client_run_for(2000);
  assert_int_equal(client_asked[0].status, FL_E_CLOSED);
  assert_int_equal(client_asked[1].status, 0);
  assert_int_equal(client_asked[2].status, 0);
  assert_int_equal(start_count, 2);
  client_close();
}

static void calls_beyond_the_rate_are_refused(void **state) {
  limits.rate = 2;
  limits.rate_ms = 60000;
  client_open(1, &GOOD, NULL);
  client_run_for(1000);
  for (int i = 0; i < 3; i++) client_ask(i, "echo");
  client_run_for(1000);
  assert_int_equal(client_asked[1].status, 0);
  assert_int_equal(client_asked[2].status, FL_E_LIMIT);
  assert_false(client_asked[2].sent);
  assert_string_equal(client_asked[2].error,
                      "server math: its limit \"rate\" is 2 calls in 60 s; the next may be made in 60 s");
  client_ask(3, "nobody"); /* what does not leave takes no place */
  client_run_for(60000);
  client_ask(4, "echo");
  client_ask(5, "echo");
  client_run_for(100);
  assert_int_equal(client_asked[4].status, 0);
  assert_int_equal(client_asked[5].status, 0);
  client_close();
}

static void time_and_size_are_narrowed(void **state) {
  limits.call_ms = 500;
  limits.output = 20;
  limits.start_ms = 300;
  client_open(1, &GOOD, NULL);
  client_run_for(1000);
  client_ask(0, "never");
  client_run_for(499);
  assert_int_equal(client_asked[0].done_count, 0);
  client_run_for(10);
  assert_int_equal(client_asked[0].status, FL_E_TIMEOUT);
  client_ask(1, "echo");
  client_run_for(100);
  assert_int_equal(client_asked[1].status, FL_E_LIMIT);
  client_close();
}

static void a_sandbox_reaches_the_process(void **state) {
  setenv("HOME", "/home/canary", 1);
  client_open(1, &GOOD, NULL);
  client_run_for(1000);
  client_close();
  assert_string_equal(peer_policy, "none");
  assert_string_equal(peer_home, "/home/canary");
  policy = "sandbox 1\n";
  client_open(1, &GOOD, NULL);
  client_run_for(1000);
  client_close();
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
