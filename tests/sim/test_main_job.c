/* SPDX-License-Identifier: MIT */
/* The main job under many seeds: answers in every order, and a crash between any two effects, over and over, until the
 * thread is done. The final conversation is the same for each seed; no tool is called twice, except where a person said
 * so (the tools are `once`, and an unknown outcome becomes a question, which the test answers with "retry").
 *
 * Every third seed is durable in another way: sync, async, exit.
 * Beside the agent a node fails now and then, and must be counted once. Arguments: the first seed, how many (the
 * suite runs 10,000 in two parts), and a graph file: the nested ones have the same job in a graph inside a graph. */
#include "runtime/base/mem.h"
#include "runtime/engine/engine.h"
#include "tests/sim/check_trace.h"
#include "tests/sim/sim_tools.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIVES_MAX = 60 };

static uint64_t first_seed, seeds = 500;
static const char *graph_file = "tests/sim/agent.yaml";

/* One thread over the lives of several processes. */
struct voyage {
  uint64_t seed;
  struct sim_tools tools;
  struct fl_store *store;
  int lives, retries, crashes;
  int failures_left; /* how often the flaky node fails before it does its work */
  int failures;
  int64_t notes;
  long spans; /* of its traces, compared with the store after each life */
  bool is_over, is_waiting;
  int status;
  char *transcript;
  char error[FL_ERROR_TEXT_MAX];
};

static const char *const expected_calls[] = {"add 1 2", "multiply 3 4", "add 5 6", "multiply 11 2"};

static char *transcript_of(const struct fl_value *messages) {
  struct fl_buf text = {0};
  for (size_t i = 0; i < fl_size(messages); i++) {
    const struct fl_value *message = fl_at(messages, i);
    FL_FREE_AUTO char *content = fl_dump(fl_get(message, "content"), NULL);
    fl_buf_addf(&text, "%s %s", fl_get_string(message, "role", ""), content);
    const struct fl_value *calls = fl_get(message, "tool_calls");
    for (size_t j = 0; j < fl_size(calls); j++) {
      FL_FREE_AUTO char *args = fl_dump(fl_get(fl_at(calls, j), "args"), NULL);
      fl_buf_addf(&text, " %s%s", fl_get_string(fl_at(calls, j), "name", ""), args);
    }
    fl_buf_add_text(&text, "\n");
  }
  return fl_buf_take(&text, NULL);
}

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct voyage *voyage = user;
  voyage->is_over = true;
  voyage->status = result->status;
  if (err != NULL) snprintf(voyage->error, sizeof voyage->error, "%s", err->text);
  if (result->status == 0) {
    voyage->notes = fl_get_int(result->output, "notes", -1);
    fl_free(voyage->transcript);
    voyage->transcript = transcript_of(fl_get(result->output, "messages"));
  }
  fl_invoke_result_deinit(result);
}

/* Fails as often as its seed says, whatever else happens beside it, and then writes once. */
static int flaky(struct fl_task *task, void *user) {
  struct voyage *voyage = user;
  if (voyage->failures_left > 0) {
    voyage->failures_left--;
    voyage->failures++;
    return fl_task_fail(task, FL_E_NETWORK, "the flaky node fails");
  }
  return fl_task_write_take(task, "notes", fl_int(1));
}

static struct fl_value *question(void) {
  struct fl_value *value = NULL;
  static const char text[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"sum\"}]}";
  assert_int_equal(fl_parse(text, sizeof text - 1, &value, NULL), 0);
  return value;
}

static void add_retry(struct voyage *voyage, struct fl_value *answers, const struct fl_value *asked) {
  struct fl_value *answer = fl_object();
  fl_set_string(answer, "action", "retry");
  fl_set_take(answers, fl_get_string(asked, "id", "?"), answer);
  voyage->retries++;
}

/* Every pending question is answered with "retry", also those inside a task. */
static struct fl_value *retry_all(struct voyage *voyage) {
  struct fl_loaded loaded = {0};
  assert_int_equal(fl_store_load(voyage->store, "t", "", 0, &loaded, NULL), 0);
  struct fl_value *answers = fl_object();
  for (size_t i = 0; i < loaded.write_count; i++) {
    if (loaded.writes[i].index != FL_WRITE_INTERRUPT) continue;
    const struct fl_value *children = fl_get(loaded.writes[i].value, "children");
    if (children == NULL) add_retry(voyage, answers, loaded.writes[i].value);
    for (size_t j = 0; j < fl_size(children); j++) add_retry(voyage, answers, fl_at(children, j));
  }
  fl_loaded_deinit(&loaded);
  return answers;
}

static bool has_begun(struct voyage *voyage) {
  struct fl_loaded loaded = {0};
  bool has = fl_store_load(voyage->store, "t", "", 0, &loaded, NULL) == 0 && loaded.checkpoint_no > 0;
  fl_loaded_deinit(&loaded);
  return has;
}

/* One process: begins or goes on, and dies at the crash_at-th effect (0: lives). */
static void live(struct voyage *voyage, uint64_t crash_at) {
  struct fl_world *world = fl_world_sim_create(voyage->seed * 1000 + (uint64_t)voyage->lives++);
  fl_world_sim_set_jitter(world, 30);
  fl_world_sim_set_splits(world, true);
  fl_world_sim_set_wall_ms(world, 1767225600000 + voyage->lives * 3600000LL);
  sim_tools_install(world, &voyage->tools);
  if (voyage->store == NULL) voyage->store = fl_store_memory_create(world);
  else fl_store_memory_restart(voyage->store, world);
  struct fl_runtime *runtime = fl_runtime_create_in(world, voyage->store);
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  fl_runtime_add_function(runtime, "flaky", flaky, voyage, &err);
  if (fl_runtime_load(runtime, graph_file, &definition, &err) < 0) fail_msg("%s", err.text);
  struct fl_invoke_options options = {
      .size = sizeof options, .thread = "t", .durability = (enum fl_durability)(FL_DURABLE_SYNC + voyage->seed % 3)};
  if (voyage->is_waiting) {
    options.resume = retry_all(voyage);
    options.resume_is_map = true;
  } else if (!has_begun(voyage)) {
    options.input = question();
  }
  voyage->is_over = voyage->is_waiting = false;
  if (fl_runtime_start(runtime, definition, &options, on_end, voyage, NULL, &err) < 0) fail_msg("%s", err.text);
  fl_value_unref(options.input);
  fl_value_unref(options.resume);
  fl_world_sim_crash_at(world, crash_at);
  enum fl_sim_verdict verdict = fl_world_sim_run(world);
  bool has_crashed = verdict == FL_SIM_CRASHED;
  if (!has_crashed) fl_world_sim_crash_at(world, 0);
  if (!has_crashed && verdict != FL_SIM_IDLE)
    fail_msg("seed %llu: the world ended with verdict %d", (unsigned long long)voyage->seed, verdict);
  if (has_crashed) {
    voyage->crashes++;
    fl_store_memory_set_error(voyage->store, FL_E_CANCELLED); /* nothing reaches it any more */
    fl_world_sim_bury(world);
    voyage->is_over = false;
  } else if (!voyage->is_over) {
    fail_msg("seed %llu: nothing is left to happen, and the run has not ended", (unsigned long long)voyage->seed);
  }
  voyage->is_waiting = !has_crashed && voyage->status == 1;
  if (!has_crashed && voyage->status == FL_E_NETWORK)
    voyage->is_over = false; /* the flaky node: go on with the thread */
  fl_definition_unref(definition);
  fl_runtime_shutdown(runtime);
  while (fl_world_sim_run(world) == FL_SIM_STOPPED) {}
  fl_runtime_destroy(runtime);
  fl_world_destroy(world);
  fl_store_memory_set_error(voyage->store, 0);
  voyage->spans += check_trace(voyage->store, "t", voyage->seed);
}

/* Lives until the thread is done; each life but the last may end in a crash at an effect drawn from the seed. */
static void sail(struct voyage *voyage) {
  uint64_t draw = voyage->seed * 2654435761u + 12345;
  for (;;) {
    draw = draw * 6364136223846793005u + 1442695040888963407u;
    uint64_t crash_at = voyage->lives < 12 && voyage->seed % 8 != 0 ? 1 + (draw >> 33) % 64 : 0;
    live(voyage, crash_at);
    if (voyage->is_over && !voyage->is_waiting) break;
    if (voyage->lives > LIVES_MAX)
      fail_msg("seed %llu: not done after %d lives", (unsigned long long)voyage->seed, LIVES_MAX);
  }
  fl_store_close(voyage->store);
}

static void check(const struct voyage *voyage, const char *reference) {
  unsigned long long seed = voyage->seed;
  if (voyage->status == 0 && voyage->notes != 1)
    fail_msg("seed %llu: the flaky node counts %lld times", seed, (long long)voyage->notes);
  if (voyage->status != 0) fail_msg("seed %llu ended with %d: %s", seed, voyage->status, voyage->error);
  if (reference != NULL && strcmp(voyage->transcript, reference) != 0)
    fail_msg("seed %llu: another conversation:\n%s\ninstead of\n%s", seed, voyage->transcript, reference);
  int begun = 0;
  for (size_t i = 0; i < sizeof expected_calls / sizeof expected_calls[0]; i++) {
    int times = sim_tools_begun(&voyage->tools, expected_calls[i]);
    if (times < 1) fail_msg("seed %llu: %s was never called", seed, expected_calls[i]);
    begun += times;
  }
  if (begun > 4 + voyage->retries)
    fail_msg("seed %llu: %d calls with %d retries allowed", seed, begun, voyage->retries);
}

static void every_seed_ends_in_the_same_conversation(void **state) {
  char *reference = NULL;
  long crashes = 0, retries = 0, failures = 0, spans = 0;
  for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
    struct voyage voyage = {.seed = seed, .failures_left = seed % 5 < 3 ? (int)(seed % 3) : 0};
    sail(&voyage);
    check(&voyage, reference);
    crashes += voyage.crashes;
    spans += voyage.spans;
    retries += voyage.retries;
    failures += voyage.failures;
    if (reference == NULL) reference = fl_strdup(voyage.transcript);
    fl_free(voyage.transcript);
  }
  printf("# %llu seeds, %ld crashes, %ld failed tasks, %ld unknown outcomes answered, %ld spans compared\n",
         (unsigned long long)seeds, crashes, failures, retries, spans);
  assert_true(spans > (long)seeds * 10);
  assert_true(crashes > (long)seeds / 4 && failures > (long)seeds / 8);
  assert_non_null(strstr(reference, "It is 22."));
  fl_free(reference);
}

int main(int argc, char **argv) {
  if (argc == 4) graph_file = argv[3];
  if (argc >= 3) {
    first_seed = strtoull(argv[1], NULL, 10);
    seeds = strtoull(argv[2], NULL, 10);
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_seed_ends_in_the_same_conversation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
