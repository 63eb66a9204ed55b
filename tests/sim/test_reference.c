/* SPDX-License-Identifier: MIT */
/* Random graphs: what the naive executor (reference.c) says they do is what the engine does with them: the stream, the
 * state after every step, what follows, what is asked, the checkpoints, the errors.
 *   test-sim-reference FIRST COUNT          compares these seeds (whole.sh: 100,000 of them)
 *   test-sim-reference --cases FIRST COUNT  prints them as cases of tests/semantics */
#include "runtime/json/json.h"
#include "tests/semantics/play.h"
#include "tests/sim/shape.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t first_seed, seeds = 500;

struct tally {
  long steps, interrupted, failed, supersteps;
};

static void count(struct tally *tally, const struct fl_value *came_to) {
  const char *end = fl_get_string(came_to, "end", "");
  tally->steps++;
  tally->interrupted += strcmp(end, "interrupted") == 0;
  tally->failed += strcmp(end, "failed") == 0;
  tally->supersteps += (long)fl_size(fl_get(came_to, "checkpoints"));
}

static void tell(const char *head, const struct fl_value *value) {
  FL_FREE_AUTO char *text = trace_pretty(value);
  printf("# %s\n%s", head, text);
}

/* Plays one graph; false and what is different when it is. */
static bool play_seed(uint64_t seed, struct tally *tally) {
  struct shape *shape = shape_create(seed);
  FL_VALUE_AUTO test = shape_case(shape, seed);
  FL_VALUE_AUTO expected = reference_play(shape);
  struct play play;
  struct fl_error err = {0};
  bool same = play_begin(&play, test, &err) == 0;
  if (!same) printf("# seed %llu is refused: %s\n", (unsigned long long)seed, err.text);
  for (size_t i = 0; same && i < fl_size(expected); i++) {
    FL_VALUE_AUTO came_to = play_step(&play, fl_at(fl_get(test, "steps"), i));
    count(tally, came_to);
    same = fl_equal(came_to, fl_at(expected, i));
    if (same) continue;
    printf("# seed %llu, step %zu differs\n", (unsigned long long)seed, i);
    tell("the graph", fl_get(test, "graph"));
    tell("by the reference", fl_at(expected, i));
    tell("by the engine", came_to);
  }
  play_end(&play);
  shape_free(shape);
  return same;
}

static void graphs_do_what_the_reference_says(void **state) {
  struct tally tally = {0};
  for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++)
    if (!play_seed(seed, &tally)) fail_msg("seed %llu", (unsigned long long)seed);
  printf("# %llu graphs, %ld runs, %ld checkpoints, %ld interrupted, %ld failed\n", (unsigned long long)seeds,
         tally.steps, tally.supersteps, tally.interrupted, tally.failed);
  assert_true(tally.interrupted > (long)seeds / 4 && tally.failed > (long)seeds / 20);
}

/* What is compared with is worth something while it can be read at a sitting. */
static void the_reference_stays_short(void **state) {
  char line[512];
  int lines = 0;
  FILE *file = fopen("tests/sim/reference.c", "re");
  assert_non_null(file);
  while (fgets(line, sizeof line, file) != NULL) lines++;
  fclose(file);
  assert_in_range(lines, 200, 300);
}

static int print_cases(uint64_t first, uint64_t count) {
  FL_VALUE_AUTO file = fl_object();
  struct fl_value *cases = fl_array();
  for (uint64_t seed = first; seed < first + count; seed++) {
    struct shape *shape = shape_create(seed);
    fl_append_take(cases, shape_case(shape, seed));
    shape_free(shape);
  }
  fl_set_string(file, "about", "generated");
  fl_set_take(file, "cases", cases);
  char *text = fl_dump(file, NULL);
  puts(text);
  fl_text_free(text);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "--cases") == 0)
    return print_cases(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
  if (argc == 3) {
    first_seed = strtoull(argv[1], NULL, 10);
    seeds = strtoull(argv[2], NULL, 10);
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(graphs_do_what_the_reference_says),
      cmocka_unit_test(the_reference_stays_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
