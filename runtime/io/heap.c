/* SPDX-License-Identifier: MIT */
#include "runtime/io/heap.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <stdbool.h>

static bool is_before(const struct fl_heap_node *a, const struct fl_heap_node *b) {
  return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void place(struct fl_heap *heap, size_t index, struct fl_heap_node *node) {
  heap->nodes[index] = node;
  node->index = index;
}

static void sift_up(struct fl_heap *heap, size_t index, struct fl_heap_node *node) {
  while (index > 0 && is_before(node, heap->nodes[(index - 1) / 2])) {
    place(heap, index, heap->nodes[(index - 1) / 2]);
    index = (index - 1) / 2;
  }
  place(heap, index, node);
}

static void sift_down(struct fl_heap *heap, size_t index, struct fl_heap_node *node) {
  for (size_t child; (child = 2 * index + 1) < heap->count; index = child) {
    if (child + 1 < heap->count && is_before(heap->nodes[child + 1], heap->nodes[child])) child++;
    if (!is_before(heap->nodes[child], node)) break;
    place(heap, index, heap->nodes[child]);
  }
  place(heap, index, node);
}

void fl_heap_deinit(struct fl_heap *heap) {
  fl_free(heap->nodes);
  *heap = (struct fl_heap){0};
}

void fl_heap_push(struct fl_heap *heap, struct fl_heap_node *node) {
  if (heap->count == heap->capacity) {
    heap->capacity = heap->capacity > 0 ? 2 * heap->capacity : 16;
    heap->nodes = fl_realloc(heap->nodes, heap->capacity * sizeof *heap->nodes);
  }
  sift_up(heap, heap->count++, node);
}

void fl_heap_remove(struct fl_heap *heap, struct fl_heap_node *node) {
  size_t index = node->index;
  fl_check(index < heap->count && heap->nodes[index] == node);
  struct fl_heap_node *last = heap->nodes[--heap->count];
  if (last == node) return;
  if (index > 0 && is_before(last, heap->nodes[(index - 1) / 2])) sift_up(heap, index, last);
  else sift_down(heap, index, last);
}
