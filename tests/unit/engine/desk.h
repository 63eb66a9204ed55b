/* SPDX-License-Identifier: MIT */
/* A runtime with a memory in the simulated world, on either kind of store, and short ways to ask it and wait. */
#pragma once
#include "runtime/engine/engine.h"
#include "runtime/io/world_sim.h"
#include "tests/unit/engine/rig.h"

#include <fairlead/memory.h>
#include <stdio.h>
#include <stdlib.h>

struct desk {
  struct fl_world *world;
  struct fl_store *store;
  struct fl_runtime *runtime;
  struct fl_memory *memory;
  int64_t wall_ms;
};

__attribute__((unused)) static struct desk desk_of(struct fl_world *world, struct fl_store *store) {
  struct desk desk = {.world = world, .store = store};
  desk.runtime = fl_runtime_create_in(world, store);
  return desk;
}

__attribute__((unused)) static int open_memory(void **state) {
  struct desk *desk = calloc(1, sizeof *desk);
  struct fl_world *world = fl_world_sim_create(1);
  *desk = desk_of(world, fl_store_memory_create(world));
  *state = desk;
  return 0;
}

__attribute__((unused)) static int open_sqlite(void **state) {
  struct desk *desk = calloc(1, sizeof *desk);
  struct fl_world *world = fl_world_sim_create(2);
  struct fl_store *store = NULL;
  char path[512];
  snprintf(path, sizeof path, "%s/store.db", test_folder());
  fl_world_sim_expect_threads(world, true);
  if (fl_store_open(world, path, NULL, &store, NULL) != 0) return -1;
  *desk = desk_of(world, store);
  *state = desk;
  return 0;
}

__attribute__((unused)) static int close_desk(void **state) {
  struct desk *desk = *state;
  fl_memory_destroy(desk->memory);
  fl_runtime_shutdown(desk->runtime);
  fl_world_sim_run(desk->world);
  fl_runtime_destroy(desk->runtime);
  fl_store_close(desk->store);
  fl_world_sim_run(desk->world);
  fl_world_destroy(desk->world);
  free(desk);
  return 0;
}

/* ---- asking and waiting ---- */

struct reply {
  int count;
  struct fl_value *result;
  struct fl_error error;
};

__attribute__((unused)) static void on_reply(struct fl_value *result, const struct fl_error *err, void *user) {
  struct reply *reply = user;
  reply->count++;
  reply->result = fl_value_ref(result);
  if (err != NULL) reply->error = *err;
}

__attribute__((unused)) static void use(struct desk *desk, const char *model, const char *fields) {
  FL_VALUE_AUTO embed_model = model != NULL ? json(model) : NULL;
  FL_VALUE_AUTO paths = fields != NULL ? json(fields) : NULL;
  const struct fl_memory_options options = {.size = sizeof options, .embed_model = embed_model, .fields = paths};
  struct fl_error err = {0};
  if (fl_memory_create(desk->runtime, &options, &desk->memory, &err) != 0) fail_msg("%s", err.text);
}

__attribute__((unused)) static struct fl_memory *memory_of(struct desk *desk) {
  return desk->memory != NULL ? desk->memory : fl_runtime_memory(desk->runtime);
}

__attribute__((unused)) static struct fl_value *wait_for(struct desk *desk, struct reply *reply) {
  assert_int_equal(reply->count, 0); /* never from inside */
  fl_world_sim_run(desk->world);
  assert_int_equal(reply->count, 1);
  return reply->result;
}

/* The answer or the error's word, as text; released. */
__attribute__((unused)) static const char *told(struct desk *desk, struct reply *reply) {
  FL_VALUE_AUTO result = wait_for(desk, reply);
  return reply->error.code != 0 ? fl_error_word(reply->error.code) : text_of(result);
}

__attribute__((unused)) static struct reply put_with(struct desk *desk, const char *ns, const char *key,
                                                     const char *value, struct fl_memory_put more) {
  struct reply reply = {0};
  FL_VALUE_AUTO labels = json(ns);
  FL_VALUE_AUTO object = json(value);
  more.size = sizeof more;
  more.ns = labels;
  more.key = key;
  more.value = object;
  fl_memory_put(memory_of(desk), &more, on_reply, &reply);
  fl_value_unref(wait_for(desk, &reply));
  return reply;
}

__attribute__((unused)) static void put(struct desk *desk, const char *ns, const char *key, const char *value) {
  struct reply reply = put_with(desk, ns, key, value, (struct fl_memory_put){0});
  if (reply.error.code != 0) fail_msg("put: %s", reply.error.text);
}

__attribute__((unused)) static struct fl_value *get(struct desk *desk, const char *ns, const char *key) {
  struct reply reply = {0};
  FL_VALUE_AUTO labels = json(ns);
  fl_memory_get(memory_of(desk), labels, key, on_reply, &reply);
  return wait_for(desk, &reply);
}

/* "key key …" of what a search finds. */
__attribute__((unused)) static const char *keys(struct desk *desk, struct fl_memory_search search, const char *ns,
                                                const char *filter) {
  static char text[512];
  struct reply reply = {0};
  FL_BUF_AUTO found = {0};
  FL_VALUE_AUTO labels = ns != NULL ? json(ns) : NULL;
  FL_VALUE_AUTO conditions = filter != NULL ? json(filter) : NULL;
  search.size = sizeof search;
  search.ns = labels;
  search.filter = conditions;
  fl_memory_search(memory_of(desk), &search, on_reply, &reply);
  FL_VALUE_AUTO result = wait_for(desk, &reply);
  if (reply.error.code != 0) return fl_error_word(reply.error.code);
  for (size_t i = 0; i < fl_size(result); i++)
    fl_buf_addf(&found, "%s%s", i > 0 ? " " : "", fl_get_string(fl_at(result, i), "key", "?"));
  snprintf(text, sizeof text, "%s", found.data != NULL ? found.data : "");
  return text;
}
