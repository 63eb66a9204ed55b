/* SPDX-License-Identifier: MIT */
/* fairlead mcp pins in a store with more pins than one page of the memory has. */
#include "rig.h"

#include "runtime/cli/threads.h"

#include <fairlead/memory.h>
#include <stdio.h>

enum { COUNT = 2300 };

static size_t answer_count, failure_count;

static void note_answer(struct fl_value *result, const struct fl_error *err, void *user) {
  answer_count++;
  failure_count += result == NULL;
}

/* The first two have changed since; the first one is the last in the order of the memory, the newest before. */
static void pin(struct fl_memory *memory, int i) {
  FL_VALUE_AUTO ns = fl_array();
  FL_VALUE_AUTO value = fl_object();
  FL_VALUE_AUTO fields = fl_array();
  struct fl_value *definition = fl_object(), *changed = fl_object();
  FL_FREE_AUTO char *name = fl_format("t%d", i);
  fl_append_take(ns, fl_string("pins"));
  fl_append_take(ns, fl_string("far-server"));
  fl_set_string(definition, "description", "Goes.");
  fl_set_string(changed, "description", "Goes far.");
  fl_set_string(value, "server", "far");
  fl_set_string(value, "tool", name);
  fl_set_string(value, "identity", "far-server");
  fl_set_take(value, "definition", definition);
  if (i < 2) fl_set_take(value, "changed", changed);
  else fl_value_unref(changed);
  const struct fl_memory_put put = {
      .size = sizeof put, .ns = ns, .key = name, .value = value, .ttl_ms = -1, .fields = fields};
  fl_memory_put(memory, &put, note_answer, NULL);
}

static int fill_store(void **state) {
  FL_FREE_AUTO char *path = fl_format("%s/pins.db", rig_folder());
  const struct fl_runtime_options options = {.size = sizeof options, .store_path = path};
  struct fl_runtime *runtime = NULL;
  struct fl_memory *memory = NULL;
  assert_int_equal(fl_runtime_create(&options, &runtime, NULL), 0);
  assert_int_equal(fl_memory_create(runtime, NULL, &memory, NULL), 0);
  for (int i = 0; i < COUNT; i++) pin(memory, i);
  while (answer_count < COUNT) fl_world_run(fl_runtime_world(runtime));
  assert_int_equal(failure_count, 0);
  fl_memory_destroy(memory);
  fl_runtime_destroy(runtime);
  return 0;
}

static void all_of_them_are_listed(void **state) {
  struct caught caught;
  rig_command(&caught, "mcp pins --json --store $F/pins.db");
  assert_code(&caught, 0);
  assert_int_equal(rig_count(caught.out, "\n"), COUNT);
  assert_int_equal(rig_count(caught.out, "\"state\":\"suspended\""), 2);
  for (int i = 0; i < COUNT; i++) {
    FL_FREE_AUTO char *tool = fl_format("\"tool\":\"t%d\"", i);
    assert_int_equal(rig_count(caught.out, tool), 1);
  }
  caught_deinit(&caught);
}

/* Those that stand on the last page too, and each once, though an accepted one is the first afterwards. */
static void all_of_them_can_be_accepted(void **state) {
  struct caught caught;
  rig_command(&caught, "mcp pins --accept far/* --store $F/pins.db");
  assert_code(&caught, 0);
  assert_int_equal(rig_count(caught.out, "pinned     far/t"), 2);
  caught_deinit(&caught);
  rig_command(&caught, "mcp pins far/t0 --store $F/pins.db");
  assert_code(&caught, 0);
  assert_says(caught.out, "pinned     far/t0");
  caught_deinit(&caught);
  rig_command(&caught, "mcp pins --accept far/* --store $F/pins.db");
  assert_code(&caught, 1);
  assert_says(caught.err, "no tool far/* is suspended");
  caught_deinit(&caught);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_of_them_are_listed),
      cmocka_unit_test(all_of_them_can_be_accepted),
  };
  return cmocka_run_group_tests_name("pins_command", tests, fill_store, NULL);
}
