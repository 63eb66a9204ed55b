/* SPDX-License-Identifier: MIT */
/* Looking back at threads and changing them from outside, by the public functions of thread.h: states, history,
 * differences, updates, forks, and runs that begin at an older checkpoint. */
#include "rig.h"

#include <fairlead/thread.h>
#include <stdio.h>

static const char counter[] = "fairlead: 1\n"
                              "name: counter\n"
                              "state: { n: { type: integer, reducer: sum, default: 0 }, log: { reducer: append } }\n"
                              "nodes:\n"
                              "  one: { type: set, write: { n: '1', log: \"'one'\" } }\n"
                              "  two: { type: set, write: { n: '10', log: \"'two'\" } }\n"
                              "edges: [ START -> one, one -> two, two -> END ]\n";
static const char asking[] = "fairlead: 1\n"
                             "name: asking\n"
                             "state: { who: { default: '' }, log: { reducer: append } }\n"
                             "nodes:\n"
                             "  a: { type: set, write: { log: \"'a'\" } }\n"
                             "  ask: { type: interrupt, value: \"'who?'\", resume: who }\n"
                             "  b: { type: set, write: { log: 'state.who' } }\n"
                             "edges: [ START -> a, a -> ask, ask -> b, b -> END ]\n";

/* ---- the history as a table of ids ---- */

struct past {
  struct fl_value *entries; /* newest first */
};

static bool keep_entry(const struct fl_value *entry, void *user) {
  fl_append_take(((struct past *)user)->entries, fl_copy_shallow(entry));
  return true;
}

static struct fl_value *history_of(struct rig *rig, const char *thread, struct fl_history_query query) {
  struct past past = {fl_array()};
  struct fl_error err = {0};
  query.size = sizeof query;
  query.thread = thread;
  if (fl_thread_history(rig->runtime, &query, keep_entry, &past, &err) < 0) fail_msg("%s", err.text);
  return past.entries;
}

/* The n-th oldest checkpoint, from 0; lives until the next call. */
static const char *nth(struct rig *rig, const char *thread, size_t n) {
  static char id[FL_UUID_SIZE];
  FL_VALUE_AUTO entries = history_of(rig, thread, (struct fl_history_query){0});
  assert_true(n < fl_size(entries));
  snprintf(id, sizeof id, "%s", fl_get_string(fl_at(entries, fl_size(entries) - 1 - n), "checkpoint_id", ""));
  return id;
}

/* Of every entry the member, as text: "loop 2, input 0". */
static void assert_history(struct rig *rig, const char *thread, struct fl_history_query query, const char *expected) {
  FL_BUF_AUTO text = {0};
  FL_VALUE_AUTO entries = history_of(rig, thread, query);
  for (size_t i = 0; i < fl_size(entries); i++)
    fl_buf_addf(&text, "%s%s %d", i > 0 ? ", " : "", fl_get_string(fl_at(entries, i), "source", ""),
                (int)fl_get_int(fl_at(entries, i), "step", -9));
  assert_string_equal(text.data != NULL ? text.data : "", expected);
}

/* ---- writing, and waiting for it ---- */

struct written {
  int count, status;
  char checkpoint[FL_UUID_SIZE];
  struct fl_error error;
};

static void on_written(int status, const char *checkpoint, const struct fl_error *err, void *user) {
  struct written *written = user;
  written->count++;
  written->status = status;
  snprintf(written->checkpoint, sizeof written->checkpoint, "%s", checkpoint);
  if (err != NULL) written->error = *err;
}

/* Values and supersteps are taken. */
static struct written update(struct rig *rig, struct fl_definition *definition, struct fl_update_options options) {
  struct written written = {0};
  options.size = sizeof options;
  options.definition = definition;
  int rc = fl_thread_update(rig->runtime, &options, on_written, &written, &written.error);
  if (rc == 0) rig_turn(rig);
  if (rc == 0) assert_int_equal(written.count, 1);
  else written.status = rc;
  fl_value_unref(options.values);
  fl_value_unref(options.supersteps);
  fl_value_unref(options.metadata);
  return written;
}

static struct fl_value *state_of(struct rig *rig, struct fl_definition *definition, const char *thread,
                                 const char *checkpoint) {
  struct fl_value *state = NULL;
  struct fl_error err = {0};
  struct fl_thread_place place = {sizeof place, thread, checkpoint, definition};
  if (fl_thread_state(rig->runtime, &place, &state, &err) < 0) fail_msg("%s", err.text);
  return state;
}

static struct fl_definition *begin(struct rig *rig, const char *text, const char *input) {
  *rig = (struct rig){0};
  rig_up(rig);
  struct fl_definition *definition = rig_load(rig, text, NULL);
  if (input != NULL) rig_run(rig, definition, (struct fl_invoke_options){.thread = "t", .input = json(input)});
  return definition;
}

/* ---- states ---- */

static void a_state_tells_where_a_thread_stands(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, asking, "{}");
  FL_VALUE_AUTO now = state_of(&rig, definition, "t", NULL);
  assert_json(fl_get(now, "values"), "{'who':'','log':['a']}");
  assert_json(fl_get(now, "next"), "['ask']");
  assert_int_equal(fl_size(fl_get(now, "interrupts")), 1);
  assert_int_equal(fl_size(fl_get(now, "tasks")), 1);
  assert_string_equal(fl_get_string(now, "source", ""), "loop");
  assert_string_equal(fl_get_string(now, "thread_id", ""), "t");
  assert_int_equal(strlen(fl_get_string(now, "run_id", "")), 36);
  assert_string_equal(fl_get_string(now, "parent_checkpoint_id", ""), nth(&rig, "t", 0));
  FL_VALUE_AUTO plain = state_of(&rig, NULL, "t", NULL);
  assert_json(fl_get(plain, "values"), "{'log':['a']}");
  assert_json(fl_get(plain, "next"), "['ask']");
  assert_string_equal(fl_get_string(fl_at(fl_get(plain, "interrupts"), 0), "node", ""), "ask");
  rig_deinit(&rig);
}

static void a_state_of_the_past(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  FL_VALUE_AUTO first = state_of(&rig, definition, "t", nth(&rig, "t", 0));
  assert_json(fl_get(first, "values"), "{'n':0,'log':[]}");
  assert_json(fl_get(first, "next"), "['one']");
  assert_true(fl_is(fl_get(first, "parent_checkpoint_id"), FL_NULL));
  FL_VALUE_AUTO second = state_of(&rig, definition, "t", nth(&rig, "t", 1));
  assert_json(fl_get(second, "values"), "{'n':1,'log':['one']}");
  rig_deinit(&rig);
}

static void what_is_not_there_is_told(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct fl_value *none = NULL;
  struct fl_error err = {0};
  static const struct {
    const char *thread, *checkpoint;
    int code;
  } rows[] = {{"u", NULL, FL_E_NOT_FOUND}, {"t", "zzz", FL_E_NOT_FOUND}, {"t", "1", FL_E_INVALID},
              {"t", "", FL_E_NOT_FOUND},   {"a b", NULL, FL_E_INVALID},  {NULL, NULL, FL_E_INVALID}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_thread_place place = {sizeof place, rows[i].thread, rows[i].checkpoint, definition};
    int rc = fl_thread_state(rig.runtime, &place, &none, &err);
    if (rc != rows[i].code) fail_msg("row %zu: %d, %s", i, rc, err.text);
  }
  assert_null(none);
  rig_deinit(&rig);
}

/* ---- history ---- */

static void the_history_is_told_from_the_newest_on(void **state) {
  struct rig rig;
  begin(&rig, counter, "{}");
  struct fl_history_query none = {0};
  assert_history(&rig, "t", none, "loop 2, loop 1, input 0");
  assert_history(&rig, "t", (struct fl_history_query){.limit = 2}, "loop 2, loop 1");
  assert_history(&rig, "t", (struct fl_history_query){.source = "input"}, "input 0");
  assert_history(&rig, "t", (struct fl_history_query){.source = "loop", .limit = 1}, "loop 2");
  assert_history(&rig, "t", (struct fl_history_query){.by_step = true, .step_min = 1, .step_max = 1}, "loop 1");
  assert_history(&rig, "t", (struct fl_history_query){.by_step = true}, "input 0");
  assert_history(&rig, "t", (struct fl_history_query){.before = nth(&rig, "t", 2)}, "loop 1, input 0");
  assert_history(&rig, "t", (struct fl_history_query){.before = nth(&rig, "t", 0)}, "");
  FL_VALUE_AUTO entries = history_of(&rig, "t", (struct fl_history_query){.with_values = true});
  assert_json(fl_get(fl_at(entries, 0), "values"), "{'n':11,'log':['one','two']}");
  assert_string_equal(fl_get_string(fl_at(entries, 0), "parent_checkpoint_id", ""),
                      fl_get_string(fl_at(entries, 1), "checkpoint_id", "-"));
  assert_true(fl_is(fl_get(fl_at(entries, 2), "parent_checkpoint_id"), FL_NULL));
  FL_VALUE_AUTO last = history_of(&rig, "t", (struct fl_history_query){.limit = 1}); /* its parent is looked up */
  assert_string_equal(fl_get_string(fl_at(last, 0), "parent_checkpoint_id", ""), nth(&rig, "t", 1));
  rig_deinit(&rig);
}

static void what_a_run_was_given_stands_in_its_checkpoints(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  FL_VALUE_AUTO metadata = json("{'user':'ann','try':2}");
  struct fl_invoke_options options = {.thread = "t", .input = json("{}"), .metadata = metadata};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_int_equal(strlen(nth(&rig, "t", 5)), 36);
  FL_VALUE_AUTO wanted = json("{'user':'ann'}");
  FL_VALUE_AUTO other = json("{'user':'bob'}");
  assert_history(&rig, "t", (struct fl_history_query){.metadata = wanted}, "loop 6, loop 5, input 4");
  assert_history(&rig, "t", (struct fl_history_query){.metadata = other}, "");
  FL_VALUE_AUTO entries = history_of(&rig, "t", (struct fl_history_query){.limit = 1});
  assert_json(fl_get(fl_at(entries, 0), "metadata"), "{'user':'ann','try':2}");
  FL_VALUE_AUTO by_run = fl_object();
  fl_set_take(by_run, "run_id", fl_value_ref(fl_get(fl_at(entries, 0), "run_id")));
  assert_history(&rig, "t", (struct fl_history_query){.metadata = by_run}, "loop 6, loop 5, input 4");
  rig_deinit(&rig);
}

static void metadata_has_its_limits(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, NULL);
  FL_VALUE_AUTO list = json("[1]");
  FL_VALUE_AUTO input = json("{}");
  FL_VALUE_AUTO large = fl_object();
  char text[5000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  fl_set_string(large, "note", text);
  struct fl_error err = {0};
  struct fl_invoke_options options = {.size = sizeof options, .thread = "t", .input = input, .metadata = list};
  assert_int_equal(fl_runtime_start(rig.runtime, definition, &options, NULL, NULL, NULL, &err), FL_E_INVALID);
  options.metadata = large;
  assert_int_equal(fl_runtime_start(rig.runtime, definition, &options, NULL, NULL, NULL, &err), FL_E_LIMIT);
  assert_non_null(strstr(err.text, "4096"));
  options = (struct fl_invoke_options){.size = sizeof options, .input = input, .checkpoint = "1"};
  assert_int_equal(fl_runtime_start(rig.runtime, definition, &options, NULL, NULL, NULL, &err), FL_E_INVALID);
  rig_deinit(&rig);
}

/* ---- differences ---- */

static void two_places_are_compared(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "u", .input = json("{'n':5}")});
  struct fl_value *diff = NULL;
  struct fl_thread_place from = {.size = sizeof from, .thread = "t", .checkpoint = nth(&rig, "t", 0)},
                         to = {.size = sizeof to, .thread = "t"};
  assert_int_equal(fl_thread_diff(rig.runtime, &from, &to, &diff, NULL), 0);
  assert_json(fl_get(diff, "channels"), "{'n':{'added':11},'log':{'added':['one','two']}}");
  fl_value_unref(diff);
  from = (struct fl_thread_place){.size = sizeof from, .thread = "u"};
  assert_int_equal(fl_thread_diff(rig.runtime, &from, &to, &diff, NULL), 0);
  assert_json(fl_get(diff, "channels"), "{'n':{'from':16,'to':11}}");
  assert_null(fl_get(diff, "next"));
  fl_value_unref(diff);
  to.thread = "nobody";
  assert_int_equal(fl_thread_diff(rig.runtime, &from, &to, &diff, NULL), FL_E_NOT_FOUND);
  rig_deinit(&rig);
}

/* ---- the threads ---- */

static void threads_are_listed(void **state) {
  struct rig rig;
  struct past past = {fl_array()};
  struct fl_definition *definition = begin(&rig, counter, "{}");
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "user-1", .input = json("{'n':5}")});
  struct fl_thread_query query = {.size = sizeof query, .prefix = "user-"};
  assert_int_equal(fl_thread_list(rig.runtime, &query, keep_entry, &past, NULL), 0);
  assert_int_equal(fl_size(past.entries), 1);
  assert_string_equal(fl_get_string(fl_at(past.entries, 0), "thread_id", ""), "user-1");
  assert_string_equal(fl_get_string(fl_at(past.entries, 0), "graph", ""), "counter");
  assert_int_equal(fl_thread_list(rig.runtime, NULL, keep_entry, &past, NULL), 0);
  assert_int_equal(fl_size(past.entries), 3);
  fl_value_unref(past.entries);
  rig_deinit(&rig);
}

/* ---- running from an older checkpoint ---- */

static void a_run_begins_where_it_is_told(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct fl_invoke_options options = {.thread = "t", .checkpoint = nth(&rig, "t", 1)};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_json(rig.output, "{'n':11,'log':['one','two']}");
  assert_history(&rig, "t", (struct fl_history_query){0}, "loop 3, fork 2, loop 2, loop 1, input 0");
  options = (struct fl_invoke_options){.thread = "t", .input = json("{'n':100}"), .checkpoint = nth(&rig, "t", 1)};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_json(rig.output, "{'n':112,'log':['one','one','two']}");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{}")}), 0);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 123); /* the branch is where the thread stands now */
  rig_deinit(&rig);
}

static void after_a_restart_it_stands_on_the_new_branch(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct fl_invoke_options options = {.thread = "t", .input = json("{'n':100}"), .checkpoint = nth(&rig, "t", 0)};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  rig_down(&rig);
  rig_up(&rig);
  definition = rig_load(&rig, counter, NULL);
  FL_VALUE_AUTO now = state_of(&rig, definition, "t", NULL);
  assert_json(fl_get(now, "values"), "{'n':111,'log':['one','two']}");
  rig_deinit(&rig);
}

static void a_question_of_the_past_is_asked_again(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, asking, "{}");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .resume = fl_string("x")}), 0);
  char id[FL_UUID_SIZE];
  memcpy(id, nth(&rig, "t", 1), sizeof id);
  struct fl_invoke_options options = {.thread = "t", .checkpoint = id};
  assert_int_equal(rig_run(&rig, definition, options), 1);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .resume = fl_string("y")}), 0);
  assert_json(rig.output, "{'who':'y','log':['a','y']}");
  options = (struct fl_invoke_options){.thread = "t", .checkpoint = id, .resume = fl_string("z")};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_json(rig.output, "{'who':'z','log':['a','z']}");
  rig_deinit(&rig);
}

/* The checkpoint where the thread stands, named by its id: what waits there is answered, nothing is asked again. */
static void the_head_by_its_id_is_the_head(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, asking, "{}");
  struct fl_invoke_options options = {.thread = "t", .checkpoint = nth(&rig, "t", 1), .resume = fl_string("x")};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_history(&rig, "t", (struct fl_history_query){0}, "loop 3, loop 2, loop 1, input 0");
  rig_deinit(&rig);
}

static void an_unknown_checkpoint_changes_nothing(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct fl_invoke_options options = {.thread = "t", .checkpoint = "nix"};
  assert_int_equal(rig_run(&rig, definition, options), FL_E_NOT_FOUND);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{}")}), 0);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 22);
  rig_deinit(&rig);
}

static void the_end_says_where_the_thread_stands(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct written written = update(&rig, definition, (struct fl_update_options){.thread = "t", .as_node = "COPY"});
  assert_int_equal(written.status, 0);
  assert_string_equal(written.checkpoint, nth(&rig, "t", 3));
  rig_deinit(&rig);
}

/* ---- updates ---- */

static void an_update_is_followed_by_a_run(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, NULL);
  struct written written =
      update(&rig, definition, (struct fl_update_options){.thread = "t", .values = json("{'n':7}"), .as_node = "one"});
  assert_int_equal(written.status, 0); /* the thread is made */
  FL_VALUE_AUTO now = state_of(&rig, definition, "t", NULL);
  assert_json(fl_get(now, "next"), "['two']");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t"}), 0);
  assert_json(rig.output, "{'n':17,'log':['two']}");
  rig_deinit(&rig);
}

static void an_update_of_the_past_is_a_branch(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct fl_update_options options = {
      .thread = "t", .checkpoint = nth(&rig, "t", 1), .values = json("{'n':100}"), .metadata = json("{'by':'me'}")};
  assert_int_equal(update(&rig, definition, options).status, 0);
  FL_VALUE_AUTO now = state_of(&rig, definition, "t", NULL);
  assert_json(fl_get(now, "values"), "{'n':101,'log':['one']}");
  assert_json(fl_get(now, "metadata"), "{'by':'me'}");
  assert_string_equal(fl_get_string(now, "parent_checkpoint_id", ""), nth(&rig, "t", 1));
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t"}), 0);
  assert_json(rig.output, "{'n':111,'log':['one','two']}");
  rig_deinit(&rig);
}

static void a_question_is_answered_by_hand(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, asking, "{}");
  struct fl_update_options options = {.thread = "t", .values = json("{'who':'w'}"), .as_node = "ask"};
  assert_int_equal(update(&rig, definition, options).status, 0);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t"}), 0);
  assert_json(rig.output, "{'who':'w','log':['a','w']}");
  rig_deinit(&rig);
}

static void several_supersteps_are_one_transaction(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, NULL);
  struct fl_value *steps = json("[[{'values':{'n':5},'as_node':'START'}],[{'values':{'n':1},'as_node':'one'}],"
                                "[{'values':{'n':2},'as_node':'two'}]]");
  struct written written = update(&rig, definition, (struct fl_update_options){.thread = "t", .supersteps = steps});
  assert_int_equal(written.status, 0);
  assert_string_equal(written.checkpoint, nth(&rig, "t", 2));
  assert_history(&rig, "t", (struct fl_history_query){0}, "update 2, update 1, update 0");
  FL_VALUE_AUTO now = state_of(&rig, definition, "t", NULL);
  assert_json(fl_get(now, "values"), "{'n':8,'log':[]}");
  rig_deinit(&rig);
}

static void supersteps_are_all_there_or_none(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct fl_value *steps = json("[[{'values':{'n':1},'as_node':'one'}],[{'values':{'m':2},'as_node':'two'}]]");
  struct written written = update(&rig, definition, (struct fl_update_options){.thread = "t", .supersteps = steps});
  assert_int_equal(written.status, FL_E_NOT_FOUND);
  assert_non_null(strstr(written.error.text, "superstep 2"));
  assert_history(&rig, "t", (struct fl_history_query){0}, "loop 2, loop 1, input 0");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .input = json("{}")}), 0);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 22);
  rig_deinit(&rig);
}

static void an_update_that_makes_no_sense(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct {
    struct fl_update_options options;
    int code;
    const char *text;
  } rows[] = {
      {{.thread = NULL}, FL_E_INVALID, "thread id"},
      {{.thread = "t", .values = json("{'n':1}"), .as_node = "three"}, FL_E_NOT_FOUND, "there is no node \"three\""},
      {{.thread = "t", .values = json("{'x':1}")}, FL_E_NOT_FOUND, "there is no channel \"x\""},
      {{.thread = "t", .values = json("[1]")}, FL_E_INVALID, "must be an object"},
      {{.thread = "t", .values = json("{'n':'x'}")}, FL_E_INVALID, "n"},
      {{.thread = "t", .values = json("{'n':1}"), .supersteps = json("[]")}, FL_E_INVALID, "not both"},
      {{.thread = "t", .supersteps = json("[]")}, FL_E_INVALID, "at least one superstep"},
      {{.thread = "t", .values = json("{'n':1}"), .as_node = "COPY"}, FL_E_INVALID, "takes no values"},
      {{.thread = "t", .checkpoint = "q", .as_node = "COPY"}, FL_E_NOT_FOUND, "q"},
      {{.thread = "t", .metadata = json("1")}, FL_E_INVALID, "metadata"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct written written = update(&rig, definition, rows[i].options);
    if (written.status != rows[i].code || strstr(written.error.text, rows[i].text) == NULL)
      fail_msg("row %zu: %d %s", i, written.status, written.error.text);
  }
  assert_history(&rig, "t", (struct fl_history_query){0}, "loop 2, loop 1, input 0");
  rig_deinit(&rig);
}

static void a_fork_makes_an_old_checkpoint_the_newest(void **state) {
  struct rig rig;
  struct written written = {0};
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct fl_thread_place place = {sizeof place, "t", nth(&rig, "t", 0), definition};
  assert_int_equal(fl_thread_fork(rig.runtime, &place, on_written, &written, NULL), 0);
  rig_turn(&rig);
  assert_int_equal(written.status, 0);
  FL_VALUE_AUTO now = state_of(&rig, definition, "t", NULL);
  assert_json(fl_get(now, "values"), "{'n':0,'log':[]}");
  assert_json(fl_get(now, "next"), "['one']");
  assert_string_equal(fl_get_string(now, "source", ""), "fork");
  rig_deinit(&rig);
}

/* ---- copies ---- */

static struct written copy(struct rig *rig, struct fl_copy_options options) {
  struct written written = {0};
  options.size = sizeof options;
  int rc = fl_thread_copy(rig->runtime, &options, on_written, &written, &written.error);
  if (rc == 0) rig_turn(rig);
  else written.status = rc;
  return written;
}

static void a_copy_has_the_whole_history(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct written written = copy(&rig, (struct fl_copy_options){.from = "t", .to = "u"});
  assert_int_equal(written.status, 0);
  assert_string_equal(written.checkpoint, nth(&rig, "t", 2));
  assert_history(&rig, "u", (struct fl_history_query){0}, "loop 2, loop 1, input 0");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "u", .input = json("{}")}), 0);
  assert_int_equal(fl_as_int(rig_out(&rig, "n"), 0), 22);
  assert_history(&rig, "t", (struct fl_history_query){0}, "loop 2, loop 1, input 0");
  rig_deinit(&rig);
}

static void a_copy_up_to_a_checkpoint(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, counter, "{}");
  struct fl_copy_options options = {.from = "t", .checkpoint = nth(&rig, "t", 1), .to = "u"};
  assert_int_equal(copy(&rig, options).status, 0);
  assert_history(&rig, "u", (struct fl_history_query){0}, "loop 1, input 0");
  options = (struct fl_copy_options){.from = "t", .checkpoint = nth(&rig, "t", 1), .to = "v", .state_only = true};
  assert_int_equal(copy(&rig, options).status, 0);
  assert_history(&rig, "v", (struct fl_history_query){0}, "loop 1");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "v"}), 0);
  assert_json(rig.output, "{'n':11,'log':['one','two']}");
  rig_deinit(&rig);
}

static void a_copy_waits_for_the_same_answer(void **state) {
  struct rig rig;
  struct fl_definition *definition = begin(&rig, asking, "{}");
  assert_int_equal(copy(&rig, (struct fl_copy_options){.from = "t", .to = "u", .state_only = true}).status, 0);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "u", .resume = fl_string("x")}), 0);
  assert_json(rig.output, "{'who':'x','log':['a','x']}");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "t", .resume = fl_string("y")}), 0);
  assert_json(rig.output, "{'who':'y','log':['a','y']}");
  rig_deinit(&rig);
}

static void a_copy_that_makes_no_sense(void **state) {
  struct rig rig;
  begin(&rig, counter, "{}");
  struct {
    struct fl_copy_options options;
    int code;
  } rows[] = {{{.from = "t", .to = "t"}, FL_E_EXISTS},
              {{.from = "x", .to = "u"}, FL_E_NOT_FOUND},
              {{.from = "t", .to = NULL}, FL_E_INVALID},
              {{.from = "t", .to = "a b"}, FL_E_INVALID},
              {{.from = "t", .to = "u", .checkpoint = "zz"}, FL_E_NOT_FOUND}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct written written = copy(&rig, rows[i].options);
    if (written.status != rows[i].code) fail_msg("row %zu: %d %s", i, written.status, written.error.text);
  }
  rig_deinit(&rig);
}

/* ---- deletions ---- */

static void a_thread_is_deleted(void **state) {
  struct rig rig;
  struct written written = {0}, again = {0};
  begin(&rig, counter, "{}");
  assert_int_equal(fl_thread_delete(rig.runtime, "t", on_written, &written, NULL), 0); /* held, and idle */
  rig_turn(&rig);
  assert_int_equal(written.count, 1);
  assert_int_equal(written.status, 0);
  assert_int_equal(fl_thread_delete(rig.runtime, "t", on_written, &again, NULL), 0);
  rig_turn(&rig);
  assert_int_equal(again.status, FL_E_NOT_FOUND);
  assert_int_equal(fl_thread_delete(rig.runtime, "a b", on_written, &again, NULL), FL_E_INVALID);
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_state_tells_where_a_thread_stands),
      cmocka_unit_test(a_state_of_the_past),
      cmocka_unit_test(what_is_not_there_is_told),
      cmocka_unit_test(the_history_is_told_from_the_newest_on),
      cmocka_unit_test(what_a_run_was_given_stands_in_its_checkpoints),
      cmocka_unit_test(metadata_has_its_limits),
      cmocka_unit_test(two_places_are_compared),
      cmocka_unit_test(threads_are_listed),
      cmocka_unit_test(a_run_begins_where_it_is_told),
      cmocka_unit_test(after_a_restart_it_stands_on_the_new_branch),
      cmocka_unit_test(a_question_of_the_past_is_asked_again),
      cmocka_unit_test(the_head_by_its_id_is_the_head),
      cmocka_unit_test(an_unknown_checkpoint_changes_nothing),
      cmocka_unit_test(the_end_says_where_the_thread_stands),
      cmocka_unit_test(an_update_is_followed_by_a_run),
      cmocka_unit_test(an_update_of_the_past_is_a_branch),
      cmocka_unit_test(a_question_is_answered_by_hand),
      cmocka_unit_test(several_supersteps_are_one_transaction),
      cmocka_unit_test(supersteps_are_all_there_or_none),
      cmocka_unit_test(an_update_that_makes_no_sense),
      cmocka_unit_test(a_fork_makes_an_old_checkpoint_the_newest),
      cmocka_unit_test(a_copy_has_the_whole_history),
      cmocka_unit_test(a_copy_up_to_a_checkpoint),
      cmocka_unit_test(a_copy_waits_for_the_same_answer),
      cmocka_unit_test(a_copy_that_makes_no_sense),
      cmocka_unit_test(a_thread_is_deleted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
