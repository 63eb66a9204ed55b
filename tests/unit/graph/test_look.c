/* SPDX-License-Identifier: MIT */
/* Looking at stored checkpoints without their graph: how two values differ, row by row; what a checkpoint waits for;
 * and a checkpoint as the beginning of another thread. */
#include "graph/look.h"

#include "tests/unit/graph/shapes.h"

#include "runtime/base/mem.h"

static const struct {
  const char *name, *from, *to, *change; /* NULL: absent */
} values[] = {
    {"equal numbers", "1", "1.0", NULL},
    {"equal lists", "[1,{\"a\":2}]", "[1,{\"a\":2}]", NULL},
    {"a number", "1", "2", "{\"from\":1,\"to\":2}"},
    {"null is a value", "null", "2", "{\"from\":null,\"to\":2}"},
    {"another type", "[1]", "{\"a\":1}", "{\"from\":[1],\"to\":{\"a\":1}}"},
    {"it is new", NULL, "\"x\"", "{\"added\":\"x\"}"},
    {"it is gone", "\"x\"", NULL, "{\"removed\":\"x\"}"},
    {"behind the list", "[1,2]", "[1,2,3,4]", "{\"appended\":[3,4]}"},
    {"a first element", "[]", "[1]", "{\"appended\":[1]}"},
    {"off the end", "[1,2,3]", "[1]", "{\"removed\":[{\"index\":1,\"value\":2},{\"index\":2,\"value\":3}]}"},
    {"off the front", "[1,2,3]", "[2,3]", "{\"removed\":[{\"index\":0,\"value\":1}]}"},
    {"into the middle", "[1,3]", "[1,2,3]", "{\"inserted\":[{\"index\":1,\"value\":2}]}"},
    {"in its place", "[1,2,3]", "[1,9,3]", "{\"changed\":[{\"from\":2,\"to\":9,\"index\":1}]}"},
    {"in its place, and behind", "[1,2]", "[1,9,3]",
     "{\"changed\":[{\"from\":2,\"to\":9,\"index\":1}],\"appended\":[3]}"},
    {"all of it", "[1,2]", "[]", "{\"removed\":[{\"index\":0,\"value\":1},{\"index\":1,\"value\":2}]}"},
    {"repeated elements", "[1,1,1]", "[1,1]", "{\"removed\":[{\"index\":2,\"value\":1}]}"},
    {"a message more", "[{\"id\":\"a\",\"c\":1}]", "[{\"id\":\"a\",\"c\":1},{\"id\":\"b\",\"c\":2}]",
     "{\"appended\":[{\"id\":\"b\",\"c\":2}]}"},
    {"a message less", "[{\"id\":\"a\"},{\"id\":\"b\"}]", "[{\"id\":\"b\"}]", "{\"removed\":[{\"id\":\"a\"}]}"},
    {"a message that says something else", "[{\"id\":\"a\",\"c\":1},{\"id\":\"b\"}]",
     "[{\"id\":\"a\",\"c\":2},{\"id\":\"b\"}]",
     "{\"changed\":[{\"from\":{\"id\":\"a\",\"c\":1},\"to\":{\"id\":\"a\",\"c\":2},\"id\":\"a\"}]}"},
    {"one goes, one comes, one changes", "[{\"id\":\"a\"},{\"id\":\"b\",\"c\":1}]",
     "[{\"id\":\"b\",\"c\":2},{\"id\":\"d\"}]",
     "{\"changed\":[{\"from\":{\"id\":\"b\",\"c\":1},\"to\":{\"id\":\"b\",\"c\":2},\"id\":\"b\"}],"
     "\"appended\":[{\"id\":\"d\"}],\"removed\":[{\"id\":\"a\"}]}"},
    {"the same in another order", "[{\"id\":\"a\"},{\"id\":\"b\"}]", "[{\"id\":\"b\"},{\"id\":\"a\"}]",
     "{\"from\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"to\":[{\"id\":\"b\"},{\"id\":\"a\"}]}"},
    {"an id twice is no id", "[{\"id\":\"a\"}]", "[{\"id\":\"a\"},{\"id\":\"a\"}]", "{\"appended\":[{\"id\":\"a\"}]}"},
    {"members", "{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"b\":9,\"d\":4}",
     "{\"members\":{\"b\":{\"from\":2,\"to\":9},\"c\":{\"removed\":3},\"d\":{\"added\":4}}}"},
    {"members of members", "{\"a\":{\"l\":[1]}}", "{\"a\":{\"l\":[1,2]}}",
     "{\"members\":{\"a\":{\"members\":{\"l\":{\"appended\":[2]}}}}}"},
};

static void test_values(void **state) {
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    FL_VALUE_AUTO from = values[i].from != NULL ? test_json(values[i].from) : NULL;
    FL_VALUE_AUTO to = values[i].to != NULL ? test_json(values[i].to) : NULL;
    FL_VALUE_AUTO change = fl_value_diff(from, to);
    if (values[i].change == NULL && change != NULL) fail_msg("%s: they differ", values[i].name);
    if (values[i].change != NULL) assert_same(change, values[i].change, values[i].name);
  }
}

/* ---- checkpoints ---- */

static void load(const struct test_engine *engine, uint64_t no, struct fl_loaded *ret_loaded) {
  test_store_load_at(&engine->store, no, ret_loaded);
}

static void test_two_checkpoints(void **state) {
  struct test_engine engine;
  struct fl_loaded from, to;
  begin(&engine, shape("abc", "START>a a>b b>c", NULL, NULL));
  test_input(&engine, "{\"one\":1}");
  load(&engine, 2, &from);
  load(&engine, 4, &to);
  FL_VALUE_AUTO diff = fl_loaded_diff(&from, &to, true);
  assert_same(diff,
              "{\"from\":{\"checkpoint_id\":\"checkpoint-2\",\"step\":1},"
              "\"to\":{\"checkpoint_id\":\"checkpoint-4\",\"step\":3},"
              "\"channels\":{\"log\":{\"appended\":[\"b\",\"c\"]}},\"next\":{\"from\":[\"b\"],\"to\":[]}}",
              "diff");
  FL_VALUE_AUTO back = fl_loaded_diff(&to, &from, false);
  assert_same(fl_get(back, "channels"),
              "{\"log\":{\"removed\":[{\"index\":1,\"value\":\"b\"},{\"index\":2,\"value\":\"c\"}]}}", "back");
  FL_VALUE_AUTO same = fl_loaded_diff(&to, &to, true);
  assert_same(fl_get(same, "channels"), "{}", "the same");
  assert_null(fl_get(same, "next"));
  fl_loaded_deinit(&from);
  fl_loaded_deinit(&to);
  end(&engine);
}

static void test_channels_that_come_and_go(void **state) {
  struct test_engine engine;
  struct fl_loaded from, to;
  begin(&engine, shape("ab", "START>a a>b", "b", count_one));
  test_input(&engine, "{}");
  load(&engine, 1, &from);
  load(&engine, 3, &to);
  FL_VALUE_AUTO diff = fl_loaded_diff(&from, &to, true);
  assert_same(fl_get(diff, "channels"), "{\"log\":{\"added\":[\"a\"]},\"n\":{\"added\":1}}", "new");
  FL_VALUE_AUTO back = fl_loaded_diff(&to, &from, true);
  assert_same(fl_get(back, "channels"), "{\"log\":{\"removed\":[\"a\"]},\"n\":{\"removed\":1}}", "gone");
  fl_loaded_deinit(&from);
  fl_loaded_deinit(&to);
  end(&engine);
}

static void assert_interrupts(const struct test_engine *engine, const char *nodes) {
  struct fl_loaded loaded;
  load(engine, test_store_head(&engine->store), &loaded);
  FL_VALUE_AUTO interrupts = fl_loaded_interrupts(&loaded);
  FL_VALUE_AUTO names = fl_array();
  for (size_t i = 0; i < fl_size(interrupts); i++)
    fl_append_take(names, fl_value_ref(fl_get(fl_at(interrupts, i), "node")));
  assert_same(names, nodes, "what it waits for");
  fl_loaded_deinit(&loaded);
}

static void test_what_it_waits_for(void **state) {
  struct test_engine engine;
  const char *const before[] = {"c", NULL};
  begin(&engine, shape("abc", "START>a,b a+b>c", "a", ask_two));
  test_input(&engine, "{}");
  assert_interrupts(&engine, "[\"a\"]");
  test_resume(&engine, "1");
  assert_interrupts(&engine, "[\"a\"]"); /* the second question */
  stop_at(&engine, before, NULL);
  test_resume(&engine, "2");
  assert_interrupts(&engine, "[\"c\"]");
  struct fl_loaded loaded;
  load(&engine, test_store_head(&engine.store), &loaded);
  FL_VALUE_AUTO stops = fl_loaded_interrupts(&loaded);
  assert_same(stops, "[{\"node\":\"c\",\"when\":\"before\"}]", "the stop");
  FL_VALUE_AUTO seen = fl_loaded_values(&loaded);
  assert_int_equal(fl_size(seen), 1); /* nothing of what carries control */
  fl_loaded_deinit(&loaded);
  end(&engine);
}

/* Not in the order of their tasks' ids, in which a store keeps them. */
static void test_questions_come_in_the_order_of_the_nodes(void **state) {
  struct test_engine engine;
  begin(&engine, shape("abcd", "START>a,b,c,d", "abcd", ask_two));
  test_input(&engine, "{}");
  struct fl_loaded loaded;
  load(&engine, test_store_head(&engine.store), &loaded);
  for (size_t i = 0; i + 1 < loaded.write_count; i++) { /* turned around, as some store might have them */
    for (size_t j = i + 1; j < loaded.write_count; j++) {
      if (strcmp(loaded.writes[i].channel, loaded.writes[j].channel) > 0) continue;
      struct fl_loaded_write write = loaded.writes[i];
      loaded.writes[i] = loaded.writes[j];
      loaded.writes[j] = write;
    }
  }
  assert_true(loaded.write_count >= 4);
  FL_VALUE_AUTO interrupts = fl_loaded_interrupts(&loaded);
  FL_VALUE_AUTO names = fl_array();
  for (size_t i = 0; i < fl_size(interrupts); i++)
    fl_append_take(names, fl_value_ref(fl_get(fl_at(interrupts, i), "node")));
  assert_same(names, "[\"a\",\"b\",\"c\",\"d\"]", "what it waits for");
  fl_loaded_deinit(&loaded);
  end(&engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_questions_come_in_the_order_of_the_nodes),
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_two_checkpoints),
      cmocka_unit_test(test_channels_that_come_and_go),
      cmocka_unit_test(test_what_it_waits_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
