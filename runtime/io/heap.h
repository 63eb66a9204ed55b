/* SPDX-License-Identifier: MIT */
/* A binary heap of moments, the earliest on top; equal moments are sorted by `order`. Nodes are embedded in whatever
 * waits. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct fl_heap_node {
  int64_t due_us;
  uint64_t order;
  size_t index; /* private */
};

struct fl_heap {
  struct fl_heap_node **nodes;
  size_t count;
  size_t capacity;
};

void fl_heap_deinit(struct fl_heap *heap); /* frees no nodes */
void fl_heap_push(struct fl_heap *heap, struct fl_heap_node *node);
void fl_heap_remove(struct fl_heap *heap, struct fl_heap_node *node);
static inline struct fl_heap_node *fl_heap_top(const struct fl_heap *heap) {
  return heap->count > 0 ? heap->nodes[0] : NULL;
}
