/* SPDX-License-Identifier: MIT */
/* sqlite asks how large a block is, so each block carries its size in front, with the alignment that malloc would give.
 */
#include "runtime/store/hooks.h"

#include "runtime/base/mem.h"

#include <sqlite3.h>
#include <stddef.h>

enum { FL_PREFIX_SIZE = 16 };

static void *allocate(int size) {
  char *block = fl_alloc((size_t)size + FL_PREFIX_SIZE);
  *(int *)(void *)block = size;
  return block + FL_PREFIX_SIZE;
}

static void release(void *memory) {
  if (memory != NULL) fl_free((char *)memory - FL_PREFIX_SIZE);
}

static void *resize(void *memory, int size) {
  char *block = fl_realloc((char *)memory - FL_PREFIX_SIZE, (size_t)size + FL_PREFIX_SIZE);
  *(int *)(void *)block = size;
  return block + FL_PREFIX_SIZE;
}

static int size_of(void *memory) { return memory != NULL ? *(int *)(void *)((char *)memory - FL_PREFIX_SIZE) : 0; }

static int round_up(int size) { return (size + 7) & ~7; }

static int begin(void *data) { return SQLITE_OK; }

static void end(void *data) {}

void fl_store_hooks_install(void) {
  static const sqlite3_mem_methods methods = {allocate, release, resize, size_of, round_up, begin, end, NULL};
  sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}
