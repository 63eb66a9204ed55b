/* SPDX-License-Identifier: MIT */
/* So many calls in a time, so many at once. */
#include "mcp/client_gate.h"
#include "tests/support/support.h"

static void a_window_slides(void **state) {
  struct fl_mcp_gate gate;
  fl_mcp_gate_init(&gate, 2, 1000, 0);
  assert_int_equal(fl_mcp_gate_take(&gate, 0), 0);
  assert_int_equal(fl_mcp_gate_take(&gate, 400), 0);
  assert_int_equal(fl_mcp_gate_take(&gate, 500), 500);
  assert_int_equal(fl_mcp_gate_take(&gate, 999), 1);
  assert_int_equal(fl_mcp_gate_take(&gate, 1000), 0);
  assert_int_equal(fl_mcp_gate_take(&gate, 1001), 399); /* a refusal takes no place */
  assert_int_equal(fl_mcp_gate_take(&gate, 1400), 0);
  fl_mcp_gate_deinit(&gate);
}

static void no_window_of_its_length_has_more(void **state) {
  enum { RATE = 5, WINDOW_MS = 100, END_MS = 2000 };
  static int64_t taken[END_MS];
  struct fl_mcp_gate gate;
  size_t count = 0;
  fl_mcp_gate_init(&gate, RATE, WINDOW_MS, 0);
  for (int64_t now_ms = 0; now_ms < END_MS; now_ms += 1 + now_ms % 7)
    if (fl_mcp_gate_take(&gate, now_ms) == 0) taken[count++] = now_ms;
  for (size_t i = RATE; i < count; i++) assert_true(taken[i] - taken[i - RATE] >= WINDOW_MS);
  assert_true(count >= RATE * (END_MS / WINDOW_MS - 1)); /* and none is given away */
  fl_mcp_gate_deinit(&gate);
}

static void without_limits_all_pass(void **state) {
  struct fl_mcp_gate gate;
  fl_mcp_gate_init(&gate, 0, 0, 0);
  for (int i = 0; i < 100; i++) assert_int_equal(fl_mcp_gate_take(&gate, 0), 0);
  gate.running = 1000000;
  assert_true(fl_mcp_gate_has_room(&gate));
  fl_mcp_gate_deinit(&gate);
}

static void room_is_counted(void **state) {
  struct fl_mcp_gate gate;
  fl_mcp_gate_init(&gate, 0, 0, 2);
  assert_true(fl_mcp_gate_has_room(&gate));
  gate.running = 1;
  assert_true(fl_mcp_gate_has_room(&gate));
  gate.running = 2;
  assert_false(fl_mcp_gate_has_room(&gate));
  fl_mcp_gate_deinit(&gate);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_window_slides),
      cmocka_unit_test(no_window_of_its_length_has_more),
      cmocka_unit_test(without_limits_all_pass),
      cmocka_unit_test(room_is_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
