/* SPDX-License-Identifier: MIT */
/* Open addressing with linear probing over an insertion-ordered entry array; a removed entry keeps its slot until the
 * next rehash. The hash is seeded per process so that a peer cannot choose colliding keys. */
#include "runtime/base/map.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <time.h>

static uint64_t hash_seed(void) {
  static uint64_t seed;
  if (seed == 0) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    seed = ((uint64_t)now.tv_nsec << 32) ^ (uint64_t)now.tv_sec ^ (uint64_t)(uintptr_t)&seed;
    seed |= 1;
  }
  return seed;
}

uint64_t fl_map_hash(fl_slice key) {
  uint64_t hash = hash_seed() ^ (key.size * 0x9e3779b97f4a7c15u);
  for (uint64_t word; key.size >= sizeof word; key.data += sizeof word, key.size -= sizeof word) {
    memcpy(&word, key.data, sizeof word);
    hash = (hash ^ word) * 0xd6e8feb86659fd93u;
    hash ^= hash >> 32;
  }
  for (size_t i = 0; i < key.size; i++) hash = (hash ^ (unsigned char)key.data[i]) * 0x100000001b3u;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93u;
  return hash ^ (hash >> 32);
}

void fl_map_init(struct fl_map *map) { *map = (struct fl_map){0}; }

void fl_map_deinit(struct fl_map *map) {
  for (size_t i = 0; i < map->entry_count; i++) fl_free(map->entries[i].key);
  fl_free(map->entries);
  fl_free(map->slots);
  fl_map_init(map);
}

static struct fl_map_entry *find(const struct fl_map *map, fl_slice key, uint64_t hash) {
  if (map->slot_count == 0) return NULL;
  for (size_t slot = hash & (map->slot_count - 1);; slot = (slot + 1) & (map->slot_count - 1)) {
    uint32_t index = map->slots[slot];
    if (index == 0) return NULL;
    struct fl_map_entry *entry = &map->entries[index - 1];
    if (entry->hash == hash && entry->key_size == key.size && entry->is_live &&
        (key.size == 0 || memcmp(entry->key, key.data, key.size) == 0))
      return entry;
  }
}

static void place(struct fl_map *map, size_t index) {
  size_t slot = map->entries[index].hash & (map->slot_count - 1);
  while (map->slots[slot] != 0) slot = (slot + 1) & (map->slot_count - 1);
  map->slots[slot] = (uint32_t)(index + 1);
}

static void drop_removed(struct fl_map *map) {
  size_t kept = 0;
  for (size_t i = 0; i < map->entry_count; i++) {
    if (map->entries[i].is_live) map->entries[kept++] = map->entries[i];
    else fl_free(map->entries[i].key);
  }
  map->entry_count = kept;
}

static void grow(struct fl_map *map) {
  drop_removed(map);
  size_t slot_count = 8;
  while (slot_count < (map->count + 1) * 2) slot_count *= 2;
  map->slots = fl_realloc(map->slots, slot_count * sizeof *map->slots);
  memset(map->slots, 0, slot_count * sizeof *map->slots);
  map->slot_count = slot_count;
  if (map->entry_capacity < slot_count) {
    map->entries = fl_realloc(map->entries, slot_count * sizeof *map->entries);
    map->entry_capacity = slot_count;
  }
  for (size_t i = 0; i < map->entry_count; i++) place(map, i);
}

/* A look at each is quicker than a hash. */
static void *get_of_few(const struct fl_map *map, fl_slice key) {
  for (size_t i = 0; i < map->entry_count; i++) {
    const struct fl_map_entry *entry = &map->entries[i];
    if (entry->key_size == key.size && entry->is_live && (key.size == 0 || memcmp(entry->key, key.data, key.size) == 0))
      return entry->value;
  }
  return NULL;
}

void *fl_map_get_n(const struct fl_map *map, fl_slice key) {
  enum { FEW = 8 };
  if (map->count == 0) return NULL; /* many maps are empty nearly always */
  if (map->entry_count <= FEW) return get_of_few(map, key);
  struct fl_map_entry *entry = find(map, key, fl_map_hash(key));
  return entry != NULL ? entry->value : NULL;
}

void *fl_map_get(const struct fl_map *map, const char *key) { return fl_map_get_n(map, fl_slice_of(key)); }

void *fl_map_set_n(struct fl_map *map, fl_slice key, void *value) {
  fl_check(value != NULL);
  uint64_t hash = fl_map_hash(key);
  struct fl_map_entry *entry = find(map, key, hash);
  if (entry != NULL) {
    void *old = entry->value;
    entry->value = value;
    return old;
  }
  if ((map->entry_count + 1) * 2 > map->slot_count) grow(map);
  size_t index = map->entry_count++;
  map->entries[index] = (struct fl_map_entry){fl_strndup(key.data, key.size), key.size, hash, value, true};
  map->count++;
  place(map, index);
  return NULL;
}

void *fl_map_set(struct fl_map *map, const char *key, void *value) {
  return fl_map_set_n(map, fl_slice_of(key), value);
}

void *fl_map_remove_n(struct fl_map *map, fl_slice key) {
  struct fl_map_entry *entry = find(map, key, fl_map_hash(key));
  if (entry == NULL) return NULL;
  entry->is_live = false;
  map->count--;
  return entry->value;
}

void *fl_map_remove(struct fl_map *map, const char *key) { return fl_map_remove_n(map, fl_slice_of(key)); }

struct fl_map_entry *fl_map_next(const struct fl_map *map, size_t *cursor) {
  while (*cursor < map->entry_count) {
    struct fl_map_entry *entry = &map->entries[(*cursor)++];
    if (entry->is_live) return entry;
  }
  return NULL;
}
