/* SPDX-License-Identifier: MIT */
#include "mcp/era_cache.h"

#include "runtime/base/id.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"

#include <sched.h>
#include <stdatomic.h>

struct verdict {
  enum fl_mcp_era era;
  int64_t wall_ms;
};

static struct fl_map verdicts; /* by the hash of the origin */
static atomic_flag is_taken = ATOMIC_FLAG_INIT;

/* For a look-up, once for each connection: whoever meets another one here waits a moment. */
static void take(void) {
  while (atomic_flag_test_and_set(&is_taken)) sched_yield();
}
static void give(void) { atomic_flag_clear(&is_taken); }

struct key {
  uint8_t hash[FL_HASH_SIZE];
};

static struct key key_of(const char *origin) {
  struct key key;
  fl_slice part = fl_slice_of(origin);
  fl_hash_parts(&part, 1, key.hash);
  return key;
}

static fl_slice slice_of(const struct key *key) { return fl_slice_n((const char *)key->hash, sizeof key->hash); }

static void clear(void) {
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(&verdicts, &cursor)) != NULL;) fl_free(entry->value);
  fl_map_deinit(&verdicts);
}

enum fl_mcp_era fl_mcp_era_known(const char *origin, int64_t wall_ms) {
  if (origin == NULL) return 0;
  struct key key = key_of(origin);
  take();
  const struct verdict *verdict = fl_map_get_n(&verdicts, slice_of(&key));
  int64_t age_ms = verdict != NULL ? wall_ms - verdict->wall_ms : 0; /* below 0 when the clock was set back */
  bool holds = verdict != NULL && age_ms < FL_MCP_ERA_HOLDS_MS && age_ms > -FL_MCP_ERA_HOLDS_MS;
  enum fl_mcp_era era = holds ? verdict->era : 0;
  give();
  return era;
}

void fl_mcp_era_learn(const char *origin, enum fl_mcp_era era, int64_t wall_ms) {
  if (origin == NULL) return;
  struct key key = key_of(origin);
  struct verdict *verdict = fl_new(struct verdict);
  *verdict = (struct verdict){era, wall_ms};
  take();
  if (verdicts.count >= FL_MCP_ERAS_MAX) clear(); /* they are found out again */
  fl_free(fl_map_set_n(&verdicts, slice_of(&key), verdict));
  give();
}

void fl_mcp_era_forget(const char *origin) {
  if (origin == NULL) return;
  struct key key = key_of(origin);
  take();
  fl_free(fl_map_remove_n(&verdicts, slice_of(&key)));
  give();
}

void fl_mcp_era_forget_all(void) {
  take();
  clear();
  give();
}
