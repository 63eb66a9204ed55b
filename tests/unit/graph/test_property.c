/* SPDX-License-Identifier: MIT */
/* Random graphs, run once in order and without harm, and then again and again with tasks that end in any order and a
 * process that is killed between any two effects. The final state must be the same, and no finished task may be started
 * again. Faults planted in the core show that these checks can fail. */
#include "tests/unit/graph/fixture.h"

#include "graph/definition.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODES_MAX = 8, LIVES_MAX = 400, SEEDS = 250, KILLED_RUNS = 4 };

struct behaviour {
  struct world *world;
  unsigned questions, failures;
  bool writes_log, writes_sum, writes_own, writes_message, replaces_message, removes_message;
};

struct world {
  uint64_t random;
  size_t node_count;
  struct behaviour behaviours[NODES_MAX];
  size_t branch_targets[NODES_MAX][2];
  bool loops;
  struct test_engine *engine;
};

static uint64_t draw(struct world *world, uint64_t below) {
  world->random ^= world->random << 13;
  world->random ^= world->random >> 7;
  world->random ^= world->random << 17;
  return world->random % below;
}

static const char *const names[NODES_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};
static const char *const own[NODES_MAX] = {"own_a", "own_b", "own_c", "own_d", "own_e", "own_f", "own_g", "own_h"};

/* ---- what nodes do: always the same on the same state ---- */

static bool has_message(const struct fl_state *state, const char *id) {
  for (size_t i = 0; i < fl_state_list_size(state, "messages"); i++)
    if (strcmp(fl_get_string(fl_state_list_at(state, "messages", i), "id", ""), id) == 0) return true;
  return false;
}

static struct fl_value *message(const char *role, const char *id, const char *text) {
  struct fl_value *value = fl_object();
  fl_set_string(value, "role", role);
  if (id != NULL) fl_set_string(value, "id", id);
  fl_set_string(value, "content", text);
  return value;
}

static void write_messages(struct test_call *call, const struct behaviour *behaviour, const char *node) {
  char id[16], text[64];
  snprintf(id, sizeof id, "of-%s", node);
  snprintf(text, sizeof text, "%s in step %lld", node, (long long)call->start->step);
  struct fl_value *all = fl_array();
  fl_append_take(all, message("user", NULL, text));
  if (behaviour->removes_message && has_message(call->start->state, id)) fl_append_take(all, message("remove", id, ""));
  else if (behaviour->replaces_message) fl_append_take(all, message("assistant", id, text));
  test_write(call, "messages", all);
}

static void behave(struct test_call *call) {
  struct world *world = call->user;
  const char *node = call->start->node;
  const struct behaviour *behaviour = &world->behaviours[call->start->node_index];
  uintptr_t attempts = (uintptr_t)fl_map_get(&world->engine->attempts, node);
  if (attempts <= behaviour->failures) {
    test_fail(call, FL_E_REMOTE, "not yet");
    return;
  }
  for (unsigned i = 0; i < behaviour->questions; i++) {
    struct fl_value *answer = test_ask(call, fl_stringf("%s asks %u", node, i));
    if (answer == NULL) return;
    test_write(call, "log", fl_stringf("%s heard %s", node, fl_as_string(answer)));
  }
  if (behaviour->writes_log) test_write(call, "log", fl_stringf("%s@%lld", node, (long long)call->start->step));
  if (behaviour->writes_sum) test_write(call, "sum", fl_int(1 + (int64_t)call->start->node_index));
  if (behaviour->writes_message) write_messages(call, behaviour, node);
  if (behaviour->writes_own)
    test_write(call, own[call->start->node_index],
               fl_int(test_int(call, "sum") * 10 + (int64_t)fl_state_list_size(call->start->state, "log")));
  test_write(call, "visits", fl_int(1));
}

static int choose(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  const size_t *ways = user;
  fl_targets_add(targets, names[ways[fl_as_int(fl_state_get(state, "sum"), 0) % 2]]);
  return 0;
}

static int go_round(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  fl_targets_add(targets, fl_as_int(fl_state_get(state, "visits"), 0) < 14 ? names[0] : FL_END);
  return 0;
}

/* ---- making a graph ---- */

static void add_channels(struct fl_graph *graph) {
  test_channel(graph, "log", FL_APPEND, NULL);
  test_channel(graph, "sum", FL_SUM, "0");
  test_channel(graph, "visits", FL_SUM, "0");
  test_channel(graph, "messages", FL_MESSAGES, NULL);
  for (size_t i = 0; i < NODES_MAX; i++) test_channel(graph, own[i], FL_LAST, NULL);
}

static void draw_behaviour(struct world *world, struct behaviour *behaviour) {
  *behaviour = (struct behaviour){.world = world};
  behaviour->questions = draw(world, 4) == 0 ? 1 + (unsigned)draw(world, 2) : 0;
  behaviour->failures = draw(world, 5) == 0 ? 1 + (unsigned)draw(world, 2) : 0;
  behaviour->writes_log = draw(world, 4) > 0;
  behaviour->writes_sum = draw(world, 3) > 0;
  behaviour->writes_own = draw(world, 2) > 0;
  behaviour->writes_message = draw(world, 2) > 0;
  behaviour->replaces_message = draw(world, 2) > 0;
  behaviour->removes_message = draw(world, 2) > 0;
}

/* Every node but the first has a way from one before it; on top come joins, branches and shortcuts. */
static void lead_to(struct world *world, struct fl_graph *graph, size_t to) {
  size_t from = draw(world, to), other = draw(world, to);
  if (draw(world, 3) > 0 || from == other) fl_graph_edge(graph, names[from], names[to]);
  else test_join2(graph, names[from], names[other], names[to]);
  if (draw(world, 4) == 0) fl_graph_edge(graph, names[draw(world, to)], names[to]);
}

static void add_branch(struct world *world, struct fl_graph *graph, size_t from) {
  size_t after = world->node_count - from - 1;
  if (after < 2 || draw(world, 3) > 0) return;
  size_t *ways = world->branch_targets[from];
  ways[0] = from + 1 + draw(world, after);
  ways[1] = from + 1 + draw(world, after);
  fl_graph_branch(graph, names[from], choose, ways, (const char *const[]){names[ways[0]], names[ways[1]]}, 2);
}

static struct fl_definition *make(struct world *world, uint64_t seed) {
  *world = (struct world){.random = seed * 0x9e3779b97f4a7c15u + 1};
  for (int i = 0; i < 8; i++) draw(world, 2);
  world->node_count = 2 + draw(world, NODES_MAX - 1);
  struct fl_graph *graph = fl_graph_create("random");
  add_channels(graph);
  for (size_t i = 0; i < world->node_count; i++) {
    draw_behaviour(world, &world->behaviours[i]);
    test_node(graph, names[i], behave);
  }
  fl_graph_edge(graph, FL_START, names[0]);
  for (size_t i = 1; i < world->node_count; i++) lead_to(world, graph, i);
  for (size_t i = 0; i < world->node_count; i++) add_branch(world, graph, i);
  world->loops = draw(world, 3) == 0;
  if (world->loops)
    fl_graph_branch(graph, names[world->node_count - 1], go_round, NULL, (const char *const[]){names[0], FL_END}, 2);
  return test_compile(graph);
}

/* ---- running it to its end, whatever happens ---- */

static void answer(struct test_engine *engine, uint64_t choice) {
  size_t count = fl_size(engine->interrupts);
  struct fl_value *map = fl_object();
  for (size_t i = 0; i < count; i++) {
    struct fl_value *asked = fl_at(engine->interrupts, i);
    if (i > 0 && (choice >> i & 1) == 0) continue; /* some now, the others later */
    fl_set_take(map, fl_get_string(asked, "id", ""), fl_stringf("<%s>", fl_get_string(asked, "value", "")));
  }
  test_resume_map(engine, map);
}

static void go_on(struct test_engine *engine, uint64_t choice) {
  if (engine->is_dead) {
    test_engine_restart(engine);
    if (test_store_head(&engine->store) == 0 && !engine->settings.ephemeral)
      test_input(engine, "{\"log\":[\"start\"]}");
    else test_continue(engine);
  } else if (engine->status == FL_RUN_INTERRUPTED && fl_get(fl_at(engine->interrupts, 0), "id") != NULL)
    answer(engine, choice);
  else test_continue(engine);
}

/* Returns the final state as text, or NULL when it does not come to an end. `kills`: how often the process may die. */
static char *run_to_end(struct world *world, struct test_engine *engine, unsigned kills) {
  world->engine = engine;
  engine->user = world;
  engine->budget = kills > 0 ? 1 + draw(world, 30) : 0;
  test_input(engine, "{\"log\":[\"start\"]}");
  for (unsigned life = 0; life < LIVES_MAX && engine->fault[0] == '\0'; life++) {
    if (!engine->is_dead && engine->status == FL_RUN_DONE) return test_state(engine);
    if (engine->is_dead) kills--;
    engine->budget = kills > 0 ? 1 + draw(world, 30) : 0;
    go_on(engine, draw(world, 1000));
  }
  return NULL;
}

static bool runs_alike(struct world *world, struct fl_definition *definition, const char *expected, uint64_t seed) {
  bool alike = true;
  for (uint64_t i = 1; i <= KILLED_RUNS && alike; i++) {
    struct test_engine engine;
    test_engine_init(&engine, definition);
    engine.random = seed * 1000 + i;
    engine.settings.recursion_limit = 1000;
    test_engine_restart(&engine);
    char *state = run_to_end(world, &engine, i == 1 ? 0 : (unsigned)i * 3);
    alike = state != NULL && strcmp(state, expected) == 0 && engine.fault[0] == '\0';
    if (!alike && getenv("FL_VERBOSE") != NULL)
      fprintf(stderr, "seed %llu, run %llu: %s\n  %s\n  %s\n", (unsigned long long)seed, (unsigned long long)i,
              engine.fault, state != NULL ? state : "no end", expected);
    fl_text_free(state);
    test_engine_deinit(&engine);
  }
  return alike;
}

/* What comes out without harm, with the core as it should be. */
static char *expect(struct world *world, struct fl_definition *definition, bool ephemeral) {
  struct fl_run_faults planted = fl_run_faults;
  fl_run_faults = (struct fl_run_faults){0};
  struct test_engine engine;
  test_engine_init(&engine, definition);
  engine.settings.recursion_limit = 1000;
  engine.settings.ephemeral = ephemeral;
  test_engine_restart(&engine);
  char *state = run_to_end(world, &engine, 0);
  if (engine.fault[0] != '\0') fail_msg("%s", engine.fault);
  assert_non_null(state);
  test_engine_deinit(&engine);
  fl_run_faults = planted;
  return state;
}

static size_t count_alike(uint64_t seeds) {
  size_t alike = 0;
  for (uint64_t seed = 1; seed <= seeds; seed++) {
    struct world world;
    struct fl_definition *definition = make(&world, seed);
    char *expected = expect(&world, definition, false);
    alike += runs_alike(&world, definition, expected, seed);
    fl_text_free(expected);
    fl_definition_unref(definition);
  }
  return alike;
}

/* ---- the tests ---- */

static void any_order_and_any_crash_give_the_same_state(void **state) { assert_int_equal(count_alike(SEEDS), SEEDS); }

static void without_a_store_it_is_the_same(void **state) {
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    struct world world;
    struct fl_definition *definition = make(&world, seed);
    char *durable = expect(&world, definition, false), *ephemeral = expect(&world, definition, true);
    assert_string_equal(durable, ephemeral);
    fl_text_free(durable);
    fl_text_free(ephemeral);
    fl_definition_unref(definition);
  }
}

static void is_caught(struct fl_run_faults fault) {
  fl_run_faults = fault;
  size_t alike = count_alike(60);
  fl_run_faults = (struct fl_run_faults){0};
  assert_true(alike < 60);
}

static void planted_faults_are_caught(void **state) {
  is_caught((struct fl_run_faults){.fold_in_arrival_order = true});
  is_caught((struct fl_run_faults){.start_before_commit = true});
  is_caught((struct fl_run_faults){.forget_stored_writes = true});
  is_caught((struct fl_run_faults){.no_barrier = true});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_order_and_any_crash_give_the_same_state),
      cmocka_unit_test(without_a_store_it_is_the_same),
      cmocka_unit_test(planted_faults_are_caught),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
