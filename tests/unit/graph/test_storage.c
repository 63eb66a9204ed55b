/* SPDX-License-Identifier: MIT */
/* What a long thread costs: bytes stored must grow with what is said, not with what is there (time: tests/bench). */
#include "tests/unit/graph/fixture.h"

#include "graph/definition.h"

#include <stdio.h>

/* Answers; when the first message says "again", by replacing its answer. */
static void reply(struct test_call *call) {
  struct fl_value *first = fl_state_list_at(call->start->state, "messages", 0);
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", "assistant");
  if (strcmp(fl_get_string(first, "content", ""), "again") == 0) fl_set_string(message, "id", "answer");
  fl_set_take(message, "content", fl_stringf("%0200zu", fl_state_list_size(call->start->state, "messages")));
  test_write(call, "messages", message);
}

static int always_end(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  if (fl_state_list_size(state, "messages") == 0) fl_targets_add(targets, "bot");
  return 0;
}

/* With a branch, so that the branch's view of the list and the superstep's fold are the same list. */
static struct fl_definition *talk(void) {
  struct fl_graph *graph = fl_graph_create("talk");
  test_channel(graph, "messages", FL_MESSAGES, NULL);
  test_node(graph, "bot", reply);
  fl_graph_edge(graph, FL_START, "bot");
  fl_graph_branch(graph, "bot", always_end, NULL, (const char *const[]){"bot", FL_END}, 2);
  return test_compile(graph);
}

static size_t stored_bytes(const struct test_store *store) {
  size_t bytes = 0;
  for (size_t i = 0; i < store->commit_count; i++)
    for (size_t j = 0; j < store->commits[i].count; j++) bytes += store->commits[i].items[j].body_size;
  return bytes;
}

static size_t last_commit_bytes(const struct test_store *store) {
  struct test_store last = {.commits = store->commits + store->commit_count - 1, .commit_count = 1};
  return stored_bytes(&last);
}

static void a_turn_stores_what_is_new(void **state) {
  struct fl_definition *definition = talk();
  struct test_engine engine;
  test_engine_init(&engine, definition);
  FL_BUF_AUTO input = {0};
  fl_buf_addf(&input, "{\"messages\":\"%0200d\"}", 7);
  size_t early = 0;
  for (int turn = 0; turn < 300; turn++) {
    test_input(&engine, input.data);
    if (turn == 10) early = last_commit_bytes(&engine.store);
  }
  assert_in_range(last_commit_bytes(&engine.store), 200, early + 30); /* the numbers get longer, nothing else */
  assert_in_range(stored_bytes(&engine.store), 600 * 200, 600 * 600);
  char *before = test_state(&engine);
  test_engine_restart(&engine);
  char *after = test_state(&engine);
  assert_string_equal(before, after);
  fl_text_free(before);
  fl_text_free(after);
  test_engine_deinit(&engine);
  fl_definition_unref(definition);
}

/* Replacing the same message for ever: dead bytes never outgrow living ones by more than one write. */
static void edits_are_snapshotted_by_bytes(void **state) {
  struct fl_definition *definition = talk();
  struct test_engine engine;
  test_engine_init(&engine, definition);
  size_t snapshots = 0, edits = 0;
  for (int turn = 0; turn < 60; turn++)
    test_input(&engine, "{\"messages\":{\"role\":\"user\",\"id\":\"q\",\"content\":\"again\"}}");
  test_engine_restart(&engine);
  for (int turn = 0; turn < 60; turn++)
    test_input(&engine, "{\"messages\":{\"role\":\"user\",\"id\":\"q\",\"content\":\"again\"}}");
  for (size_t i = 0; i < engine.store.commit_count; i++)
    for (size_t j = 0; j < engine.store.commits[i].count; j++) {
      const struct fl_record *record = &engine.store.commits[i].items[j];
      if (record->kind != FL_RECORD_VALUE) continue;
      snapshots += record->value.kind == FL_BODY_LIST;
      edits += record->value.kind == FL_BODY_EDIT;
    }
  assert_in_range(snapshots, 10, 140);
  assert_in_range(edits, 60, 239);
  char *before = test_state(&engine);
  test_engine_restart(&engine);
  char *after = test_state(&engine);
  assert_string_equal(before, after);
  fl_text_free(before);
  fl_text_free(after);
  assert_string_equal(engine.fault, "");
  test_engine_deinit(&engine);
  fl_definition_unref(definition);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_turn_stores_what_is_new),
      cmocka_unit_test(edits_are_snapshotted_by_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
