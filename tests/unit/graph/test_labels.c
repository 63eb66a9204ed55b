/* SPDX-License-Identifier: MIT */
/* Labels in the pure core: random graphs whose nodes read and write at random, with runs that end in any order, are
 * killed, loaded, forked and gone on with. Beside them goes a model in which every value carries the set of all that it
 * was made of; no label of that model may ever be missing in the core. */
#include "tests/unit/graph/fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHANNELS = 5, NODES = 4, SEEDS = 300, TURNS = 6, LIVES_MAX = 60 };

static const char *const channels[CHANNELS] = {"c0", "c1", "c2", "c3", "list"};
static const char *const nodes[NODES] = {"n0", "n1", "n2", "n3"};

struct world {
  uint64_t random;
  unsigned writes[NODES]; /* bit per channel */
  int reads[NODES];       /* the channel that it names as its input; -1: all */
  uint64_t labels[NODES]; /* of what its calls answer */
  bool asks[NODES], sends[NODES];
  size_t missing; /* labels that the core had lost */
  struct test_engine *engine;
};

static uint64_t draw(struct world *world, uint64_t below) {
  world->random ^= world->random << 13;
  world->random ^= world->random >> 7;
  world->random ^= world->random << 17;
  return world->random % below;
}

/* Values tell the labels of the model: {"l": N}. */
static uint64_t told_by(const struct fl_value *value) {
  uint64_t labels = (uint64_t)fl_get_int(value, "l", 0);
  for (size_t i = 0; fl_is(value, FL_ARRAY) && i < fl_size(value); i++) labels |= told_by(fl_at(value, i));
  return labels;
}

static struct fl_value *telling(uint64_t labels) {
  struct fl_value *value = fl_object();
  fl_set_int(value, "l", (int64_t)labels);
  return value;
}

static uint64_t seen_in_model(const struct test_call *call) {
  if (call->start->arg != NULL) return told_by(call->start->arg);
  uint64_t labels = 0;
  for (size_t i = 0; i < CHANNELS; i++) labels |= told_by(fl_state_get(call->start->state, channels[i]));
  return labels;
}

static void behave(struct test_call *call) {
  struct world *world = call->user;
  size_t node = call->start->node_index;
  uint64_t seen = seen_in_model(call);
  if ((seen & ~call->start->labels) != 0) world->missing++;
  call->labels = world->labels[node];
  seen |= world->labels[node];
  if (world->asks[node] && test_ask(call, fl_string("?")) == NULL) return;
  for (size_t i = 0; i < CHANNELS; i++)
    if (world->writes[node] & 1u << i) test_write(call, channels[i], telling(seen));
  if (world->sends[node] && call->start->arg == NULL) test_goto(call, nodes[NODES - 1], telling(seen));
}

static struct fl_definition *make_graph(struct world *world) {
  struct fl_graph *graph = fl_graph_create("labels");
  for (size_t i = 0; i < CHANNELS; i++) test_channel(graph, channels[i], i == 4 ? FL_APPEND : FL_MERGE, NULL);
  for (size_t i = 0; i < NODES; i++) {
    world->writes[i] = (unsigned)draw(world, 1u << CHANNELS);
    world->reads[i] = draw(world, 3) == 0 ? (int)draw(world, CHANNELS) : -1;
    world->labels[i] = draw(world, 2) == 0 ? UINT64_C(1) << (i + 1) : 0;
    world->asks[i] = draw(world, 5) == 0;
    world->sends[i] = i < NODES - 1 && draw(world, 4) == 0;
    const char *input[] = {world->reads[i] >= 0 ? channels[world->reads[i]] : NULL, NULL};
    struct fl_node_options options = {.size = sizeof options, .input = world->reads[i] >= 0 ? input : NULL};
    test_node_with(graph, nodes[i], behave, &options);
  }
  fl_graph_edge(graph, FL_START, nodes[0]);
  fl_graph_edge(graph, FL_START, nodes[1]);
  fl_graph_edge(graph, nodes[0], nodes[2]);
  fl_graph_edge(graph, nodes[1], nodes[3]);
  return test_compile(graph);
}

/* What the core says of a value it has: the next task that sees everything would be told. */
static void check_state(struct world *world) {
  uint64_t told = 0;
  for (size_t i = 0; i < CHANNELS; i++) told |= told_by(fl_state_get(fl_run_state(world->engine->run), channels[i]));
  if ((told & ~fl_run_labels(world->engine->run)) != 0) world->missing++;
}

static void live_on(struct test_engine *engine, struct world *world) {
  for (int life = 0; life < LIVES_MAX; life++) {
    if (engine->is_dead) test_engine_restart(engine);
    engine->budget = draw(world, 3) == 0 ? 1 + draw(world, 12) : 0;
    if (engine->interrupts != NULL && fl_size(engine->interrupts) > 0) {
      FL_VALUE_AUTO answers = fl_object();
      for (size_t i = 0; i < fl_size(engine->interrupts); i++)
        fl_set_string(answers, fl_get_string(fl_at(engine->interrupts, i), "id", ""), "yes");
      test_resume_map(engine, fl_value_ref(answers));
    } else {
      test_continue(engine);
    }
    if (!engine->is_dead && engine->has_ended && engine->status == FL_RUN_DONE) return;
  }
}

static void play(struct world *world) {
  struct fl_definition *definition = make_graph(world);
  struct test_engine engine;
  test_engine_init(&engine, definition);
  engine.settings.keeps_labels = true;
  engine.user = world;
  engine.random = world->random | 1;
  world->engine = &engine;
  test_engine_restart(&engine);
  for (int turn = 0; turn < TURNS; turn++) {
    engine.budget = draw(world, 2) == 0 ? 1 + draw(world, 12) : 0;
    test_input(&engine, draw(world, 2) == 0 ? "{\"c0\":{\"x\":1}}" : "{}");
    live_on(&engine, world);
    if (engine.is_dead) test_engine_restart(&engine);
    check_state(world);
    uint64_t head = test_store_head(&engine.store);
    if (head > 1 && draw(world, 3) == 0) test_engine_go_back(&engine, 1 + draw(world, head));
    else if (draw(world, 3) == 0) test_engine_restart(&engine);
    check_state(world);
  }
  engine.budget = 0;
  test_engine_deinit(&engine);
  fl_definition_unref(definition);
}

static size_t missing_in_all(void) {
  size_t missing = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    struct world world = {.random = seed * UINT64_C(0x9e3779b97f4a7c15)};
    play(&world);
    missing += world.missing;
  }
  return missing;
}

static void no_label_is_ever_lost(void **state) {
  assert_int_equal(missing_in_all(), 0);
  fl_run_faults.forget_labels = true; /* and this is how it looks when one is */
  size_t missing = missing_in_all();
  fl_run_faults.forget_labels = false;
  assert_true(missing > 0);
}

/* Without, nothing is told and nothing stored. */
static void labels_cost_nothing_where_they_are_not_kept(void **state) {
  struct world world = {.random = 7};
  struct fl_definition *definition = make_graph(&world);
  struct test_engine engine;
  test_engine_init(&engine, definition);
  engine.user = &world;
  world.engine = &engine;
  for (size_t i = 0; i < NODES; i++) world.labels[i] = 1;
  test_input(&engine, "{}");
  live_on(&engine, &world);
  assert_int_equal(fl_run_labels(engine.run), 0);
  for (size_t i = 0; i < engine.store.commit_count; i++)
    for (size_t j = 0; j < engine.store.commits[i].count; j++) {
      const struct fl_record *record = &engine.store.commits[i].items[j];
      if (record->kind == FL_RECORD_VALUE) assert_int_equal(record->value.labels, 0);
      if (record->kind == FL_RECORD_WRITE) assert_int_equal(record->write.labels, 0);
      if (record->kind == FL_RECORD_CHECKPOINT) assert_null(strstr(record->body, "\"labels\""));
    }
  test_engine_deinit(&engine);
  fl_definition_unref(definition);
}

/* Who begins to keep labels of a thread that has a past knows nothing of it, and that stays so. */
static void a_past_without_labels_is_of_unknown_origin(void **state) {
  struct world world = {.random = 11};
  struct fl_definition *definition = make_graph(&world);
  struct test_engine engine;
  test_engine_init(&engine, definition);
  engine.user = &world;
  world.engine = &engine;
  test_input(&engine, "{}");
  live_on(&engine, &world);
  engine.settings.keeps_labels = true;
  for (int life = 0; life < 3; life++) {
    test_engine_restart(&engine);
    assert_true(fl_run_labels(engine.run) == FL_LABELS_ALL);
    test_input(&engine, "{}");
    live_on(&engine, &world);
  }
  test_engine_deinit(&engine);
  fl_definition_unref(definition);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_label_is_ever_lost),
      cmocka_unit_test(labels_cost_nothing_where_they_are_not_kept),
      cmocka_unit_test(a_past_without_labels_is_of_unknown_origin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
