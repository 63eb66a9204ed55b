/* SPDX-License-Identifier: MIT */
/* What those who follow a run get to see, and in which order; and what a checkpoint looks like after a long run. */
#include "tests/unit/graph/shapes.h"

#include "runtime/base/mem.h"

/* ---- the order of what is emitted ---- */

enum {
  VALUES = FL_STREAM_BIT(FL_STREAM_VALUES),
  UPDATES = FL_STREAM_BIT(FL_STREAM_UPDATES),
  TASKS = FL_STREAM_BIT(FL_STREAM_TASKS),
  CHECKPOINTS = FL_STREAM_BIT(FL_STREAM_CHECKPOINTS),
  DEBUG = FL_STREAM_BIT(FL_STREAM_DEBUG),
  ALL = VALUES | UPDATES | TASKS | CHECKPOINTS,
};

struct row {
  const char *name, *letters, *edges, *special;
  test_node_fn *run;
  uint32_t modes;
  const char *input;
  const char *expects; /* v: values, u: updates, t: tasks, c: checkpoints, d: debug, as they come; E: the end */
};

static const struct row rows[] = {
    {"nothing is asked for", "ab", "START>a a>b", NULL, NULL, 0, "{}", "E"},
    {"values: after the input and after each step", "ab", "START>a a>b", NULL, NULL, VALUES, "{}", "v v v E"},
    {"values: a step that writes nothing is silent", "ab", "START>a a>b", "a", NULL, VALUES, "{}", "v v E"},
    {"values: once for a step of three", "abc", "START>a,b,c", NULL, NULL, VALUES, "{}", "v v E"},
    {"values: the input is shown, also an empty one", "a", "START>a", "a", NULL, VALUES, "{}", "v E"},
    {"updates: one for each task", "abc", "START>a,b a+b>c", NULL, NULL, UPDATES, "{}", "u u u E"},
    {"updates: also of a task that wrote nothing", "ab", "START>a a>b", "a", NULL, UPDATES, "{}", "u u E"},
    {"updates: an interrupt is one", "ab", "START>a a>b", "b", ask_name, UPDATES, "{}", "u u E"},
    {"updates: a failure is none", "ab", "START>a a>b", "b", fail_once, UPDATES, "{}", "u E"},
    {"tasks: starts, then ends", "ab", "START>a,b", NULL, NULL, TASKS, "{}", "t t t t E"},
    {"tasks: a question ends one", "a", "START>a", "a", ask_name, TASKS, "{}", "t t E"},
    {"tasks: a failure ends one", "a", "START>a", "a", fail_once, TASKS, "{}", "t t E"},
    {"checkpoints: of the input and of each step", "ab", "START>a a>b", NULL, NULL, CHECKPOINTS, "{}", "c c c E"},
    {"all of a chain", "ab", "START>a a>b", NULL, NULL, ALL, "{}", "v c t u t v c t u t v c E"},
    {"all of a pair", "abc", "START>a,b a+b>c", NULL, NULL, ALL, "{}", "v c t t u t u t v c t u t v c E"},
    {"all of a question", "ab", "START>a a>b", "b", ask_name, ALL, "{}", "v c t u t v c t t v u E"},
    {"values: a question shows what its siblings wrote", "ab", "START>a,b", "b", ask_name, VALUES, "{}", "v v E"},
    {"debug: tasks and checkpoints", "ab", "START>a a>b", "b", ask_name, DEBUG, "{}", "d d d d d d E"},
    {"debug beside tasks: ahead of each", "a", "START>a", NULL, NULL, DEBUG | TASKS, "{}", "d d t d t d E"},
};

static void write_nothing(struct test_call *call) {}

/* The trace's lines of what was emitted, a letter each. */
static void letters_of(const char *trace, struct fl_buf *text) {
  static const char *const words[] = {"values", "updates", "tasks", "checkpoints", "debug", "end "};
  for (const char *line = trace; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL)
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
      if (strncmp(line, "  ", 2) != 0 || strncmp(line + 2, words[i], strlen(words[i])) != 0) continue;
      if (text->size > 0) fl_buf_add_char(text, ' ');
      fl_buf_add_char(text, "vutcdE"[i]);
    }
}

static void orders(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct row *row = &rows[i];
    struct test_engine engine;
    begin(&engine, shape(row->letters, row->edges, row->special, row->run != NULL ? row->run : write_nothing));
    engine.traces = true;
    engine.settings.stream_modes = row->modes;
    fl_run_configure(engine.run, &engine.settings);
    test_input(&engine, row->input);
    FL_BUF_AUTO text = {0};
    letters_of(engine.trace.data, &text);
    if (strcmp(text.data, row->expects) != 0) fail_msg("%s: %s, not %s", row->name, text.data, row->expects);
    end(&engine);
  }
}

/* ---- payloads ---- */

struct seen {
  enum fl_stream_mode mode;
  struct fl_value *payload;
};

/* Steps a run by hand; every task ends as `node` would, every commit is acknowledged at once. */
struct watcher {
  struct fl_run *run;
  struct seen seen[64];
  size_t count;
  struct fl_value *ended; /* interrupts of the end */
};

static void watch(struct watcher *watcher, struct fl_ev *ev) {
  struct fl_effects effects = {0};
  ev->wall_ms = 1795387930123;
  snprintf(ev->checkpoint_id, sizeof ev->checkpoint_id, "checkpoint-%zu", watcher->count);
  fl_run_step(watcher->run, ev, &effects);
  for (size_t i = 0; i < effects.count; i++) {
    struct fl_do *effect = &effects.items[i];
    if (effect->kind == FL_DO_EMIT)
      watcher->seen[watcher->count++] = (struct seen){effect->mode, fl_value_ref(effect->payload)};
    if (effect->kind == FL_DO_END) watcher->ended = fl_value_ref(effect->interrupts);
    if (effect->kind != FL_DO_START_TASK) continue;
    FL_VALUE_AUTO wrote = fl_string(effect->start.node);
    FL_VALUE_AUTO more = fl_int(1);
    const struct fl_write writes[] = {{(char *)"log", wrote}, {(char *)"log", more}, {(char *)"one", wrote}};
    size_t count = effect->start.node[0] == 'a' ? 1 : 3; /* b writes a channel twice */
    watch(watcher, &(struct fl_ev){
                       .kind = FL_EV_TASK_DONE, .task_id = effect->start.id, .writes = writes, .write_count = count});
  }
  fl_effects_deinit(&effects);
}

static const struct fl_value *nth(const struct watcher *watcher, enum fl_stream_mode mode, size_t n) {
  for (size_t i = 0; i < watcher->count; i++)
    if (watcher->seen[i].mode == mode && n-- == 0) return watcher->seen[i].payload;
  fail_msg("there is no such payload");
  return NULL;
}

/* The same payloads in the same order, with the time of the event that caused them. */
static void debug_tells_the_same(const struct watcher *watcher) {
  size_t tasks = 0, checkpoints = 0;
  for (size_t i = 0; i < watcher->count; i++) {
    const struct fl_value *traced = watcher->seen[i].payload;
    if (watcher->seen[i].mode != FL_STREAM_DEBUG) continue;
    bool is_checkpoint = strcmp(fl_get_string(traced, "type", ""), "checkpoint") == 0;
    const struct fl_value *same =
        is_checkpoint ? nth(watcher, FL_STREAM_CHECKPOINTS, checkpoints++) : nth(watcher, FL_STREAM_TASKS, tasks++);
    const struct fl_value *place = is_checkpoint ? fl_get(same, "metadata") : same;
    assert_ptr_equal(fl_get(traced, "payload"), same);
    assert_int_equal(fl_get_int(traced, "step", -1), fl_get_int(place, "step", -2));
    assert_string_equal(fl_get_string(traced, "timestamp", ""), "2026-11-22T22:52:10.123Z");
    if (!is_checkpoint) assert_string_equal(fl_get_string(traced, "type", ""), tasks % 2 == 1 ? "task" : "task_result");
  }
  assert_int_equal(tasks, 4);
  assert_int_equal(checkpoints, 3);
}

static void payloads(void **state) {
  struct fl_definition *definition = shape("ab", "START>a a>b", NULL, NULL);
  struct fl_run_settings settings = {.size = sizeof settings, .stream_modes = ~0u, .ephemeral = true};
  struct watcher watcher = {.run = fl_run_create(definition, NULL, &settings)};
  FL_VALUE_AUTO input = test_json("{\"n\":1}");
  watch(&watcher, &(struct fl_ev){.kind = FL_EV_INPUT, .value = input});
  assert_same(nth(&watcher, FL_STREAM_VALUES, 0), "{\"log\":[],\"n\":1}", "the input's values");
  assert_same(nth(&watcher, FL_STREAM_VALUES, 2), "{\"log\":[\"a\",\"b\",1],\"one\":\"b\",\"n\":1}", "the last values");
  assert_same(nth(&watcher, FL_STREAM_UPDATES, 0), "{\"a\":{\"log\":\"a\"}}", "one write");
  assert_same(nth(&watcher, FL_STREAM_UPDATES, 1), "{\"b\":[{\"log\":\"b\"},{\"log\":1},{\"one\":\"b\"}]}",
              "a channel twice");
  const struct fl_value *start = nth(&watcher, FL_STREAM_TASKS, 0), *finish = nth(&watcher, FL_STREAM_TASKS, 1);
  assert_string_equal(fl_get_string(start, "name", ""), "a");
  assert_same(fl_get(start, "triggers"), "[\"branch:to:a\"]", "triggers");
  assert_string_equal(fl_get_string(start, "id", ""), fl_get_string(finish, "id", "?"));
  assert_same(fl_get(start, "input"), "{\"log\":[],\"n\":1}", "input");
  assert_same(fl_get(finish, "result"), "{\"log\":\"a\"}", "result");
  assert_same(fl_get(nth(&watcher, FL_STREAM_TASKS, 3), "result"), "{\"log\":{\"$writes\":[\"b\",1]},\"one\":\"b\"}",
              "a channel twice");
  assert_same(fl_get(finish, "error"), "null", "error");
  assert_same(fl_get(finish, "interrupts"), "[]", "interrupts");
  const struct fl_value *first = nth(&watcher, FL_STREAM_CHECKPOINTS, 0),
                        *second = nth(&watcher, FL_STREAM_CHECKPOINTS, 1);
  assert_same(fl_get(first, "parent_checkpoint_id"), "null", "parent");
  assert_same(fl_get(first, "metadata"), "{\"source\":\"input\",\"step\":0}", "metadata");
  assert_same(fl_get(first, "next"), "[\"a\"]", "next");
  assert_string_equal(fl_get_string(second, "parent_checkpoint_id", ""), fl_get_string(first, "checkpoint_id", "?"));
  assert_same(fl_get(second, "metadata"), "{\"source\":\"loop\",\"step\":1}", "metadata");
  assert_same(fl_get(first, "parent_config"), "null", "no parent");
  assert_true(fl_equal(fl_get(second, "parent_config"), fl_get(first, "config")));
  assert_int_equal(fl_size(fl_get(nth(&watcher, FL_STREAM_CHECKPOINTS, 2), "tasks")), 0);
  debug_tells_the_same(&watcher);
  assert_null(watcher.ended);
  for (size_t i = 0; i < watcher.count; i++) fl_value_unref(watcher.seen[i].payload);
  fl_run_destroy(watcher.run);
  fl_definition_unref(definition);
}

/* ---- a long run ---- */

static int until_many(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  if (fl_as_int(fl_state_get(state, "n"), 0) < 300) fl_targets_add(targets, "a");
  return 0;
}

static struct fl_definition *long_loop(void) {
  struct fl_graph *graph = begin_graph();
  for (const char *letter = "abcd"; *letter != '\0'; letter++)
    test_node(graph, (const char[]){*letter, '\0'}, *letter == 'd' ? count_one : say_name);
  add_edges(graph, "START>a a>b,c b+c>d");
  fl_graph_branch(graph, "d", until_many, NULL, (const char *const[]){"a", FL_END}, 2);
  return test_compile(graph);
}

static struct fl_value *body_of(const struct test_store *store, uint64_t no, size_t *ret_size) {
  for (size_t i = 0; i < store->commit_count; i++)
    for (size_t j = 0; j < store->commits[i].count; j++) {
      const struct fl_record *record = &store->commits[i].items[j];
      if (record->kind != FL_RECORD_CHECKPOINT || record->checkpoint.no != no) continue;
      *ret_size = record->body_size;
      return test_json(record->body);
    }
  fail_msg("there is no checkpoint %llu", (unsigned long long)no);
  return NULL;
}

static void a_checkpoint_does_not_grow(void **state) {
  struct test_engine engine;
  begin(&engine, long_loop());
  engine.settings.recursion_limit = 10000;
  fl_run_configure(engine.run, &engine.settings);
  test_input(&engine, "{}");
  assert_int_equal(engine.status, FL_RUN_DONE);
  uint64_t head = test_store_head(&engine.store);
  assert_int_equal(head, 901); /* the input, and three supersteps a round */
  size_t early_size = 0, late_size = 0, end_size = 0;
  FL_VALUE_AUTO early = body_of(&engine.store, 11, &early_size);
  FL_VALUE_AUTO late = body_of(&engine.store, 872, &late_size); /* at the same place of the loop, much later */
  FL_VALUE_AUTO last = body_of(&engine.store, head, &end_size);
  assert_in_range(late_size, early_size, early_size + 40); /* the numbers get longer, nothing else */
  assert_same(fl_get(early, "next"), "[\"b\",\"c\"]", "next");
  assert_same(fl_get(late, "next"), "[\"b\",\"c\"]", "next");
  assert_int_equal(fl_size(fl_get(late, "control")), 2); /* b and c are due; the join has been taken back */
  assert_same(fl_get(last, "next"), "[]", "next");
  assert_same(fl_get(last, "control"), "{}", "control");
  assert_int_equal(fl_get_int(last, "version", 0), (int64_t)head);
  assert_int_equal(fl_size(fl_get(last, "seen")), 4);
  assert_null(fl_get(last, "stops"));
  assert_null(fl_get(last, "writer"));
  end(&engine);
}

/* Killed at any of these places, the run ends as if nothing had been. */
static void a_long_run_is_killed_again_and_again(void **state) {
  struct test_engine engine;
  begin(&engine, long_loop());
  engine.settings.recursion_limit = 10000;
  fl_run_configure(engine.run, &engine.settings);
  engine.random = 7;
  engine.budget = 211;
  test_input(&engine, "{}");
  size_t lives = 1;
  for (; engine.is_dead && lives < 200; lives++) {
    engine.budget = 150 + lives * 17 % 101;
    test_engine_restart(&engine);
    test_continue(&engine);
  }
  assert_int_equal(engine.status, FL_RUN_DONE);
  assert_true(lives > 10);
  assert_int_equal(fl_as_int(fl_state_get(fl_run_state(engine.run), "n"), 0), 300);
  struct fl_value *log = fl_state_get(fl_run_state(engine.run), "log");
  assert_int_equal(fl_size(log), 900);
  for (size_t i = 0; i < 900; i++) assert_int_equal(fl_as_string(fl_at(log, i))[0], "abc"[i % 3]);
  end(&engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(orders),
      cmocka_unit_test(payloads),
      cmocka_unit_test(a_checkpoint_does_not_grow),
      cmocka_unit_test(a_long_run_is_killed_again_and_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
