/* SPDX-License-Identifier: MIT */
/* Events that are kept: what is told has an id and is in the store, in the same order, whatever happens to the process.
 */
#include "rig.h"

#include <fairlead/thread.h>
#include <stdlib.h>

static const char text[] = "fairlead: 1\nname: g\nstate: { log: { reducer: append } }\nnodes:\n"
                           "  a: { type: set, write: { log: \"'a'\" } }\n"
                           "  b: { type: set, write: { log: \"'b'\" } }\n"
                           "  c: { type: tool, tool: t/echo, args: { text: \"'c'\" }, write: log }\n"
                           "  in: { type: graph, graph: inner }\n"
                           "graphs: { inner: { state: { log: { reducer: append } }, nodes: { d: { type: set, write: "
                           "{ log: \"'d'\" } } }, edges: [ START -> d ] } }\n"
                           "edges: [ START -> a -> c -> in, START -> b ]\n"
                           "effects: { t/echo: read }\n";

enum { EVERYTHING = 0x1ff };

/* ---- what was told, and what is stored ---- */

static void add_line(struct fl_buf *lines, const char *id, const char *mode, const struct fl_value *data) {
  fl_buf_addf(lines, "%s %s %s\n", id, mode, text_of(data));
}

static void on_told(const struct fl_run_event *event, void *user) {
  if (fl_get_bool(event->data, "provisional", false)) return;
  assert_non_null(event->id);
  add_line(user, event->id, event->mode, event->data);
}

static bool on_stored(const struct fl_value *entry, void *user) {
  add_line(user, fl_get_string(entry, "id", ""), fl_get_string(entry, "mode", ""), fl_get(entry, "data"));
  return true;
}

static int stored(struct rig *rig, const char *after, size_t limit, struct fl_buf *lines) {
  struct fl_events_query query = {.size = sizeof query, .thread = "a", .after = after, .limit = limit};
  struct fl_error err = {0};
  fl_buf_add_text(lines, "");
  return fl_thread_events(rig->runtime, &query, on_stored, lines, &err);
}

static struct fl_invoke_options keeping(struct fl_buf *told) {
  return (struct fl_invoke_options){.thread = "a",
                                    .input = json("{'log':[]}"),
                                    .keep_events = true,
                                    .follow = EVERYTHING,
                                    .on_event = on_told,
                                    .user = told};
}

static size_t count_lines(const char *lines) {
  size_t count = 0;
  for (; (lines = strchr(lines, '\n')) != NULL; lines++) count++;
  return count;
}

/* The number behind the colon of the first line's id. */
static unsigned number_of(const char *line) { return (unsigned)strtoul(strchr(line, ':') + 1, NULL, 10); }

/* ---- tests ---- */

static void what_is_told_is_stored_in_the_same_order(void **state) {
  struct rig rig = {.seed = 1};
  FL_BUF_AUTO told = {0};
  FL_BUF_AUTO kept = {0};
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), keeping(&told)), 0);
  assert_int_equal(stored(&rig, NULL, 0, &kept), 0);
  assert_string_equal(kept.data, told.data);
  static const char *const modes[] = {" values ", " updates ", " tasks ", " checkpoints ", " events ", " debug "};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) assert_non_null(strstr(told.data, modes[i]));
  unsigned number = 0;
  for (const char *line = told.data; *line != '\0'; line = strchr(line, '\n') + 1)
    assert_int_equal(number_of(line), ++number);
  rig_deinit(&rig);
}

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  assert_int_equal(result->status, 0);
  fl_invoke_result_deinit(result);
}

static void nobody_needs_to_follow(void **state) {
  struct rig rig = {.seed = 1};
  FL_BUF_AUTO kept = {0};
  rig_up(&rig);
  struct fl_invoke_options options = {
      .thread = "a", .input = json("{'log':[]}"), .keep_events = true, .follow = FL_FOLLOW_UPDATES};
  struct fl_invocation *invocation = NULL;
  options.size = sizeof options;
  assert_int_equal(fl_runtime_start(rig.runtime, rig_load(&rig, text, NULL), &options, on_end, NULL, &invocation, NULL),
                   0);
  fl_value_unref(options.input);
  rig_turn(&rig);
  assert_int_equal(stored(&rig, NULL, 0, &kept), 0);
  assert_int_equal(count_lines(kept.data), 4);
  rig_deinit(&rig);
}

static void a_stream_that_was_lost_goes_on_behind_an_event(void **state) {
  struct rig rig = {.seed = 1};
  FL_BUF_AUTO told = {0};
  FL_BUF_AUTO all = {0};
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), keeping(&told)), 0);
  rig_down(&rig);
  rig_up(&rig);
  for (const char *line = told.data, *next; *line != '\0'; line = next) {
    FL_BUF_AUTO rest = {0};
    FL_FREE_AUTO char *id = fl_strndup(line, strcspn(line, " "));
    next = strchr(line, '\n') + 1;
    assert_int_equal(stored(&rig, id, 0, &rest), 0);
    assert_string_equal(rest.data, next);
  }
  FL_BUF_AUTO two = {0};
  assert_int_equal(stored(&rig, NULL, 2, &two), 0);
  assert_int_equal(count_lines(two.data), 2);
  assert_int_equal(stored(&rig, "no-such-event:1", 0, &all), FL_E_NOT_FOUND);
  rig_deinit(&rig);
}

static void runs_are_told_apart(void **state) {
  struct rig rig = {.seed = 1};
  FL_BUF_AUTO told = {0};
  FL_BUF_AUTO kept = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, text, NULL);
  assert_int_equal(rig_run(&rig, definition, keeping(&told)), 0);
  FL_FREE_AUTO char *run = fl_strndup(told.data, strcspn(told.data, ":"));
  size_t first_size = told.size;
  assert_int_equal(rig_run(&rig, definition, keeping(&told)), 0);
  assert_int_equal(number_of(told.data + first_size), 1);
  struct fl_events_query query = {.size = sizeof query, .thread = "a", .run = run};
  assert_int_equal(fl_thread_events(rig.runtime, &query, on_stored, &kept, NULL), 0);
  assert_int_equal(kept.size, first_size);
  assert_memory_equal(kept.data, told.data, first_size);
  rig_deinit(&rig);
}

static void a_run_that_keeps_none_stores_none(void **state) {
  struct rig rig = {.seed = 1};
  FL_BUF_AUTO kept = {0};
  rig_up(&rig);
  struct fl_invoke_options options = {.thread = "a", .input = json("{'log':[]}"), .follow = EVERYTHING};
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), options), 0);
  assert_int_equal(stored(&rig, NULL, 0, &kept), 0);
  assert_string_equal(kept.data, "");
  rig_deinit(&rig);
}

/* ---- crashes ---- */

/* Every line that was told is stored, once, and what is stored of a run has no gap. */
static void check_nothing_is_missing(struct rig *rig, const struct fl_buf *told) {
  FL_BUF_AUTO kept = {0};
  assert_int_equal(stored(rig, NULL, 0, &kept), 0);
  unsigned number = 0;
  for (const char *line = kept.data; *line != '\0'; line = strchr(line, '\n') + 1) {
    unsigned this_number = number_of(line);
    assert_true(this_number == number + 1 || this_number == 1);
    number = this_number;
  }
  for (const char *line = told->size > 0 ? told->data : ""; *line != '\0'; line = strchr(line, '\n') + 1) {
    FL_FREE_AUTO char *one = fl_strndup(line, strcspn(line, "\n") + 1);
    const char *found = strstr(kept.data, one);
    if (found == NULL) fail_msg("told and not stored: %s", one);
    if (strstr(found + 1, one) != NULL) fail_msg("stored twice: %s", one);
  }
}

static bool dies_at(uint64_t at, uint64_t delay_ms) {
  struct rig rig = {.seed = at};
  FL_BUF_AUTO told = {0};
  rig_up(&rig);
  fl_store_memory_set_delay(rig.store, delay_ms);
  rig_start(&rig, rig_load(&rig, text, NULL), keeping(&told));
  fl_world_sim_crash_at(rig.world, fl_world_sim_effect_count(rig.world) + at);
  bool has_crashed = rig_turn(&rig) == FL_SIM_CRASHED;
  if (!has_crashed) fl_world_sim_crash_at(rig.world, 0);
  rig_down(&rig);
  rig_up(&rig);
  FL_BUF_AUTO nothing = {0};
  bool is_there = stored(&rig, NULL, 0, &nothing) == 0;
  if (is_there) check_nothing_is_missing(&rig, &told);
  else assert_int_equal(told.size, 0);
  struct fl_invoke_options again = keeping(&told);
  assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), again), 0);
  check_nothing_is_missing(&rig, &told);
  rig_deinit(&rig);
  return has_crashed;
}

static void what_was_told_survives_a_crash_at_any_effect(void **state) {
  for (uint64_t delay_ms = 0; delay_ms <= 5; delay_ms += 5) {
    int crashes = 0;
    for (uint64_t at = 1; at < 60; at++) crashes += dies_at(at, delay_ms);
    assert_true(crashes > 10);
  }
}

static void a_full_disk_tells_only_what_it_holds(void **state) {
  struct rig rig = {.seed = 3};
  FL_BUF_AUTO told = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, text, NULL);
  assert_int_equal(rig_run(&rig, definition, keeping(&told)), 0);
  fl_store_memory_set_error(rig.store, FL_E_NO_SPACE);
  assert_int_equal(rig_run(&rig, definition, keeping(&told)), FL_E_NO_SPACE);
  fl_store_memory_set_error(rig.store, 0);
  check_nothing_is_missing(&rig, &told);
  rig_deinit(&rig);
}

static void other_ways_of_keeping_end_with_all_of_it(void **state) {
  for (int mode = FL_DURABLE_ASYNC; mode <= FL_DURABLE_EXIT; mode++) {
    struct rig rig = {.seed = 1};
    FL_BUF_AUTO told = {0};
    FL_BUF_AUTO kept = {0};
    rig_up(&rig);
    struct fl_invoke_options options = keeping(&told);
    options.durability = (enum fl_durability)mode;
    assert_int_equal(rig_run(&rig, rig_load(&rig, text, NULL), options), 0);
    assert_int_equal(stored(&rig, NULL, 0, &kept), 0);
    assert_string_equal(kept.data, told.data);
    rig_deinit(&rig);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_told_is_stored_in_the_same_order),
      cmocka_unit_test(nobody_needs_to_follow),
      cmocka_unit_test(a_stream_that_was_lost_goes_on_behind_an_event),
      cmocka_unit_test(runs_are_told_apart),
      cmocka_unit_test(a_run_that_keeps_none_stores_none),
      cmocka_unit_test(what_was_told_survives_a_crash_at_any_effect),
      cmocka_unit_test(a_full_disk_tells_only_what_it_holds),
      cmocka_unit_test(other_ways_of_keeping_end_with_all_of_it),
  };
  return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
