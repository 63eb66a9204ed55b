/* SPDX-License-Identifier: MIT */
#include "runtime/io/heap.h"
#include "tests/support/support.h"

enum { NODE_COUNT = 500 };

static uint64_t random_state = 7;
static uint64_t draw(void) { return random_state = random_state * 6364136223846793005u + 1442695040888963407u; }

static void comes_out_in_order(void **state) {
  static struct fl_heap_node nodes[NODE_COUNT];
  struct fl_heap heap = {0};
  for (int i = 0; i < NODE_COUNT; i++) {
    nodes[i] = (struct fl_heap_node){.due_us = (int64_t)(draw() >> 60), .order = (uint64_t)i};
    fl_heap_push(&heap, &nodes[i]);
  }
  const struct fl_heap_node *before = NULL;
  for (struct fl_heap_node *top; (top = fl_heap_top(&heap)) != NULL; before = top) {
    fl_heap_remove(&heap, top);
    if (before == NULL) continue;
    assert_true(before->due_us <= top->due_us);
    if (before->due_us == top->due_us) assert_true(before->order < top->order);
  }
  assert_int_equal(heap.count, 0);
  fl_heap_deinit(&heap);
}

static void stays_in_order_when_any_node_is_removed(void **state) {
  static struct fl_heap_node nodes[NODE_COUNT];
  struct fl_heap heap = {0};
  for (int i = 0; i < NODE_COUNT; i++) {
    nodes[i] = (struct fl_heap_node){.due_us = (int64_t)(draw() >> 54), .order = (uint64_t)i};
    fl_heap_push(&heap, &nodes[i]);
  }
  for (int i = 0; i < NODE_COUNT; i += 3) fl_heap_remove(&heap, &nodes[i]);
  int64_t before = -1;
  size_t count = 0;
  for (struct fl_heap_node *top; (top = fl_heap_top(&heap)) != NULL; count++) {
    assert_true(before <= top->due_us);
    before = top->due_us;
    assert_true((top - nodes) % 3 != 0);
    fl_heap_remove(&heap, top);
  }
  assert_int_equal(count, NODE_COUNT - (NODE_COUNT + 2) / 3);
  fl_heap_deinit(&heap);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(comes_out_in_order),
      cmocka_unit_test(stays_in_order_when_any_node_is_removed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
