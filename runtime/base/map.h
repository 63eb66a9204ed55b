/* SPDX-License-Identifier: MIT */
/* A hash map from byte strings to pointers. Keys are copied; values are borrowed. Iteration is in insertion order
 * (removed entries are skipped), so that whatever is produced from a map is deterministic. */
#pragma once
#include "runtime/base/slice.h"

#include <stdint.h>

struct fl_map_entry {
  char *key;
  size_t key_size;
  uint64_t hash;
  void *value;
  bool is_live;
};

struct fl_map {
  struct fl_map_entry *entries;
  size_t entry_count; /* including removed ones */
  size_t entry_capacity;
  size_t count;    /* live ones */
  uint32_t *slots; /* entry index + 1; 0 is free */
  size_t slot_count;
};

void fl_map_init(struct fl_map *map);
void fl_map_deinit(struct fl_map *map); /* repeatable; frees keys, not values */
void *fl_map_get(const struct fl_map *map, const char *key);
void *fl_map_get_n(const struct fl_map *map, fl_slice key);
void *fl_map_set(struct fl_map *map, const char *key, void *value); /* value not NULL; returns the one it replaced */
void *fl_map_set_n(struct fl_map *map, fl_slice key, void *value);
void *fl_map_remove(struct fl_map *map, const char *key);
void *fl_map_remove_n(struct fl_map *map, fl_slice key);

/* The hash of a key as maps take it, seeded per process: for other tables whose keys a peer may choose. */
uint64_t fl_map_hash(fl_slice key);

/* size_t cursor = 0; while ((entry = fl_map_next(map, &cursor)) != NULL) … */
struct fl_map_entry *fl_map_next(const struct fl_map *map, size_t *cursor);
