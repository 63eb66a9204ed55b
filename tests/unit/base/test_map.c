/* SPDX-License-Identifier: MIT */
#include "runtime/base/map.h"
#include "tests/support/support.h"

#include <stdio.h>

static void keeps_order_and_finds_all(void **state) {
  struct fl_map map = {0};
  char key[16];
  for (uintptr_t i = 1; i <= 1000; i++) {
    snprintf(key, sizeof key, "k%u", (unsigned)i);
    assert_null(fl_map_set(&map, key, (void *)i));
  }
  for (uintptr_t i = 1; i <= 1000; i += 2) {
    snprintf(key, sizeof key, "k%u", (unsigned)i);
    assert_ptr_equal(fl_map_remove(&map, key), (void *)i);
    assert_null(fl_map_get(&map, key));
  }
  assert_int_equal(map.count, 500);
  size_t cursor = 0;
  uintptr_t expected = 2;
  for (struct fl_map_entry *entry; (entry = fl_map_next(&map, &cursor)) != NULL; expected += 2)
    assert_ptr_equal(entry->value, (void *)expected);
  assert_int_equal(expected, 1002);
  fl_map_deinit(&map);
}

static void churn_does_not_grow_without_end(void **state) {
  struct fl_map map = {0};
  for (int i = 0; i < 100000; i++) {
    fl_map_set(&map, "same", &map);
    fl_map_remove(&map, "same");
  }
  assert_true(map.slot_count < 64);
  fl_map_deinit(&map);
}

static void replacing_gives_the_old_value(void **state) {
  struct fl_map map = {0};
  int a, b;
  fl_map_set(&map, "k", &a);
  assert_ptr_equal(fl_map_set(&map, "k", &b), &a);
  assert_int_equal(map.count, 1);
  fl_map_deinit(&map);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_order_and_finds_all),
      cmocka_unit_test(churn_does_not_grow_without_end),
      cmocka_unit_test(replacing_gives_the_old_value),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
