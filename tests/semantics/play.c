/* SPDX-License-Identifier: MIT */
#include "tests/semantics/play.h"

#include "runtime/json/json.h"
#include "tests/semantics/functions.h"
#include "tests/semantics/look.h"

#include <fairlead/thread.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- the graph ---- */

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "we");
  if (file == NULL) abort();
  fputs(text, file);
  fclose(file);
}

/* {"files": {NAME: GRAPH}}: other graph files, beside the first. */
static void write_files(const struct fl_value *test, const char *folder) {
  for (struct fl_member m = {0}; fl_next_member(fl_get(test, "files"), &m);) {
    FL_FREE_AUTO char *path = fl_format("%s/%s", folder, m.key);
    char *text = fl_dump(m.value, NULL);
    write_file(path, text);
    fl_text_free(text);
  }
}

static int load_graph(struct play *play, const struct fl_value *test, struct fl_error *err) {
  static const char *folder;
  if (folder == NULL) folder = test_folder();
  static const char *const names[] = {"graph", "script"};
  for (size_t i = 0; i < 2; i++) {
    if (fl_get(test, names[i]) == NULL) continue;
    FL_FREE_AUTO char *path = fl_format("%s/%s.yaml", folder, names[i]);
    char *text = fl_dump(fl_get(test, names[i]), NULL);
    write_file(path, text);
    fl_text_free(text);
  }
  write_files(test, folder);
  FL_FREE_AUTO char *path = fl_format("%s/graph.yaml", folder);
  int rc = fl_runtime_load(play->rig.runtime, path, &play->definition, err);
  if (rc == 0) fl_definition_unref(play->definition); /* the runtime holds it */
  return rc;
}

/* ---- the steps ---- */

/* {"0": ANSWER} by place among the open questions becomes {ID: ANSWER}. */
static struct fl_value *answers_by_id(const struct play *play, const struct fl_value *answers) {
  struct fl_value *by_id = fl_object();
  for (struct fl_member m = {0}; fl_next_member(answers, &m);) {
    const struct fl_value *asked = fl_at(play->trace.open, strtoul(m.key, NULL, 10));
    fl_set_take(by_id, fl_get_string(asked, "id", "nobody asked"), fl_value_ref(m.value));
  }
  return by_id;
}

/* A checkpoint by its place among all, from 0: {"at": PLACE} is what a step goes on from; NULL: where the thread
 * stands. */
static const char *place_of(const struct play *play, const struct fl_value *step, const char *key) {
  int64_t at = fl_get_int(step, key, -1);
  return at < 0 ? NULL : fl_as_string(fl_at(play->trace.known, (size_t)at));
}

/* {"command": {"update": VALUES, "goto": [NODE…], "resume": ANSWER}}, all of them optional; lent by the step. */
static void add_command(const struct fl_value *command, struct fl_invoke_options *options) {
  static const char *names[17];
  struct fl_value *nodes = fl_get(command, "goto");
  size_t count = 0;
  for (; count < fl_size(nodes) && count + 1 < sizeof names / sizeof names[0]; count++)
    names[count] = fl_as_string(fl_at(nodes, count));
  names[count] = NULL;
  options->goto_nodes = names;
  options->update = fl_get(command, "update");
  if (fl_get(command, "resume") != NULL) options->resume = fl_value_ref(fl_get(command, "resume"));
}

/* {"follow": [MODE…], "subgraphs": BOOL}: what is told instead of what every run tells. */
static unsigned follow_of(struct play *play, const struct fl_value *step) {
  const struct fl_value *wanted = fl_get(step, "follow");
  play->trace.is_plain = wanted != NULL;
  if (wanted == NULL) return TRACE_FOLLOWS;
  unsigned follow = fl_get_bool(step, "subgraphs", false) ? FL_FOLLOW_SUBGRAPHS : 0;
  for (size_t i = 0; i < fl_size(wanted); i++) follow |= look_mode(fl_as_string(fl_at(wanted, i)));
  return follow;
}

static enum fl_durability durability_of(const struct fl_value *step) {
  static const char *const names[] = {"", "sync", "async", "exit"};
  static const enum fl_durability kinds[] = {FL_DURABLE_DEFAULT, FL_DURABLE_SYNC, FL_DURABLE_ASYNC, FL_DURABLE_EXIT};
  const char *wanted = fl_get_string(step, "durability", "");
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(names[i], wanted) == 0) return kinds[i];
  fail_msg("there is no durability \"%s\"", wanted);
  return FL_DURABLE_DEFAULT;
}

static struct fl_invoke_options options_of(struct play *play, const struct fl_value *step) {
  struct fl_invoke_options options = {.size = sizeof options, .thread = "t", .on_event = trace_event};
  options.follow = follow_of(play, step);
  options.user = &play->trace;
  options.context = fl_get(step, "context");
  options.max_concurrency = (uint32_t)fl_get_int(step, "max_concurrency", 0);
  options.durability = durability_of(step);
  options.recursion_limit = (uint32_t)fl_get_int(step, "recursion_limit", 0);
  options.checkpoint = place_of(play, step, "at");
  options.input = fl_value_ref(fl_get(step, "input"));
  options.resume = fl_value_ref(fl_get(step, "resume"));
  if (fl_get(step, "command") != NULL) add_command(fl_get(step, "command"), &options);
  const struct fl_value *answers = fl_get(step, "answer");
  if (answers != NULL) {
    options.resume = answers_by_id(play, answers);
    options.resume_is_map = true;
  }
  return options;
}

/* {"go_on": INPUT}: an answer (the log of the input) to the first open question, or on with what is left, or the input;
 * nothing after an error that leaves nothing to go on with. */
static struct fl_value *decided(const struct play *play, const struct fl_value *step) {
  const struct fl_value *input = fl_get(step, "go_on");
  struct fl_value *decided = fl_copy_shallow(step);
  if (input == NULL) return decided;
  if (fl_get(fl_at(play->trace.open, 0), "id") != NULL) {
    struct fl_value *answers = fl_object();
    fl_set_take(answers, "0", fl_value_ref(fl_get(input, "log")));
    fl_set_take(decided, "answer", answers);
  } else if (fl_size(fl_get(play->last, "next")) == 0) {
    fl_set_take(decided, "input", fl_value_ref((struct fl_value *)(uintptr_t)input));
  }
  return decided;
}

static bool is_over(const struct play *play, const struct fl_value *step) {
  bool has_failed = strcmp(fl_get_string(play->last, "end", ""), "failed") == 0;
  return fl_get(step, "go_on") != NULL && play->last != NULL &&
         (strcmp(fl_get_string(play->last, "end", ""), "over") == 0 ||
          (has_failed && fl_size(fl_get(play->last, "next")) == 0));
}

static void on_updated(int status, const char *checkpoint, const struct fl_error *err, void *user) {
  struct play *play = user;
  play->rig.status = status;
  play->rig.is_over = true;
  if (err != NULL) play->rig.error = *err;
}

/* {"update": VALUES, "as": NODE}, or {"supersteps": [[{"values", "as_node"}…]…]}. */
static void update(struct play *play, const struct fl_value *step) {
  struct fl_update_options options = {.size = sizeof options, .definition = play->definition, .thread = "t"};
  options.checkpoint = place_of(play, step, "at");
  options.values = fl_get(step, "update");
  options.as_node = fl_get_string(step, "as", NULL);
  options.supersteps = fl_get(step, "supersteps");
  play->rig.error = (struct fl_error){0};
  play->rig.is_over = false;
  int rc = fl_thread_update(play->rig.runtime, &options, on_updated, play, &play->rig.error);
  if (rc < 0) play->rig.status = rc;
  else rig_turn(&play->rig);
  if (rc == 0 && !play->rig.is_over) fail_msg("nothing is left to happen, and the update has not ended");
}

/* {"state": {"at", "subgraphs"}} or {"history": {"limit", "before", "source"}}; NULL: the step does something. */
static struct fl_value *look(struct play *play, const struct fl_value *step) {
  const struct fl_value *state = fl_get(step, "state"), *history = fl_get(step, "history");
  if (state == NULL && history == NULL) return NULL;
  struct fl_value *seen = fl_object();
  if (state != NULL)
    fl_set_take(seen, "state",
                look_state(play->rig.runtime, play->definition, place_of(play, state, "at"),
                           fl_get_bool(state, "subgraphs", false)));
  if (history != NULL)
    fl_set_take(seen, "history",
                look_history(play->rig.runtime, play->definition, history, place_of(play, history, "before")));
  return trace_number_ids_take(&play->trace, seen);
}

static struct fl_value *do_step(struct play *play, const struct fl_value *given) {
  struct fl_value *seen = look(play, given);
  if (seen != NULL) return seen;
  FL_VALUE_AUTO step = decided(play, given);
  trace_begin(&play->trace);
  if (fl_get(step, "update") != NULL || fl_get(step, "supersteps") != NULL) update(play, step);
  else rig_run(&play->rig, play->definition, options_of(play, step));
  play->error = play->rig.error;
  return trace_end(&play->trace, &play->rig, play->definition, play->rig.status);
}

struct fl_value *play_step(struct play *play, const struct fl_value *step) {
  struct fl_value *came_to;
  if (is_over(play, step)) {
    came_to = fl_object();
    fl_set_string(came_to, "end", "over");
  } else {
    came_to = do_step(play, step);
  }
  fl_value_unref(play->last);
  play->last = fl_value_ref(came_to);
  return came_to;
}

int play_begin(struct play *play, const struct fl_value *test, struct fl_error *err) {
  *play = (struct play){.rig.seed = 1};
  rig_up(&play->rig);
  functions_add(play->rig.runtime);
  return load_graph(play, test, err);
}

void play_end(struct play *play) {
  fl_value_unref(play->last);
  trace_deinit(&play->trace);
  rig_deinit(&play->rig);
}
