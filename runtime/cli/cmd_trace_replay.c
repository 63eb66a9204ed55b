/* SPDX-License-Identifier: MIT */
/* fairlead trace replay: a run once more, in memory, with the answers that its thread holds; and where the result
 * differs. The thread is copied into a store in memory, taken back to where the run began, and goes on from there. */
#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "runtime/cli/trace.h"
#include "runtime/engine/replay.h"
#include "runtime/engine/tracing.h"
#include "runtime/json/json.h"

#include <inttypes.h>
#include <string.h>

enum { THREAD_SIZE_MAX = 1 << 30 };

struct replaying {
  const struct fl_args *args;
  struct fl_opened opened; /* the store of the run */
  struct fl_trace trace;
  struct fl_runtime *runtime; /* in memory */
  struct fl_definition *definition;
  uint64_t base_no;                /* where the run began */
  struct fl_value *steps;          /* what its supersteps added, see replay.h */
  struct fl_value *before, *after; /* [{"step","values"}…] of each superstep: then, and now */
  struct fl_error err;
};

/* ---- what happened then ---- */

static struct fl_value *state_at(struct fl_runtime *runtime, struct fl_definition *definition, const char *thread,
                                 const char *checkpoint) {
  struct fl_value *state = NULL;
  struct fl_thread_place place = {.size = sizeof place,
                                  .thread = thread,
                                  .checkpoint = checkpoint,
                                  .definition = definition,
                                  .with_subgraphs = true}; /* for its tasks */
  return fl_thread_state(runtime, &place, &state, NULL) == 0 ? state : NULL;
}

/* Messages without the ids that each run gives anew. */
static struct fl_value *without_ids(const struct fl_value *values) {
  struct fl_value *plain = fl_object();
  for (struct fl_member m = {0}; fl_next_member(values, &m);) {
    if (!fl_is(m.value, FL_ARRAY)) {
      fl_set_take(plain, m.key, fl_value_ref(m.value));
      continue;
    }
    struct fl_value *list = fl_array();
    for (size_t i = 0; i < fl_size(m.value); i++) {
      struct fl_value *one = fl_at(m.value, i),
                      *copy = fl_get(one, "role") != NULL ? fl_copy_shallow(one) : fl_value_ref(one);
      if (fl_get(one, "role") != NULL) fl_unset(copy, "id");
      fl_append_take(list, copy);
    }
    fl_set_take(plain, m.key, list);
  }
  return plain;
}

static bool holds(const struct fl_value *messages, const char *id) {
  for (size_t i = 0; i < fl_size(messages); i++)
    if (strcmp(fl_get_string(fl_at(messages, i), "id", ""), id) == 0) return true;
  return false;
}

static struct fl_value *added(const struct fl_value *before, const struct fl_value *after) {
  struct fl_value *list = fl_array();
  const struct fl_value *messages = fl_get(after, "messages"), *old = fl_get(before, "messages");
  for (size_t i = 0; i < fl_size(messages); i++) {
    struct fl_value *message = fl_at(messages, i);
    if (!holds(old, fl_get_string(message, "id", ""))) fl_append_take(list, fl_value_ref(message));
  }
  return list;
}

static void keep_step(struct fl_value *list, int64_t step, const struct fl_value *values) {
  struct fl_value *entry = fl_object();
  fl_set_int(entry, "step", step);
  fl_set_take(entry, "values", without_ids(values));
  fl_append_take(list, entry);
}

/* How many tasks of each node the superstep after a state has. */
static struct fl_value *nodes_after(const struct fl_value *state) {
  const struct fl_value *tasks = fl_get(state, "tasks");
  struct fl_value *nodes = fl_object();
  for (size_t i = 0; i < fl_size(tasks); i++) {
    const char *name = fl_get_string(fl_at(tasks, i), "name", "");
    fl_set_int(nodes, name, fl_get_int(nodes, name, 0) + 1);
  }
  return nodes;
}

/* By node, the hash of the arguments of each call of a tool in a superstep's span; null where it need not be the same:
 * whoever was asked may have changed them. */
static struct fl_value *calls_below(const struct fl_trace *trace, size_t step) {
  struct fl_value *calls = fl_object();
  const char *node = "";
  for (size_t i = step + 1; i < trace->count && trace->nodes[i].depth > trace->nodes[step].depth; i++) {
    const struct fl_span *span = &trace->nodes[i].span;
    size_t depth = trace->nodes[i].depth - trace->nodes[step].depth;
    if (span->kind == FL_SPAN_NODE && depth == 1) node = span->name;
    if (span->kind != FL_SPAN_TOOL || depth != 2) continue;
    bool was_asked = strcmp(fl_get_string(span->attributes, "decision", ""), "ask") == 0;
    const char *hash = was_asked ? NULL : fl_get_string(span->attributes, "arguments_hash", NULL);
    if (fl_get(calls, node) == NULL) fl_set_take(calls, node, fl_array());
    fl_append_take(fl_get(calls, node), hash != NULL ? fl_string(hash) : fl_null());
  }
  return calls;
}

/* A superstep that ended, by its span, between two states. */
static void add_step(struct replaying *replaying, size_t span, const struct fl_value *before,
                     const struct fl_value *after) {
  char key[FL_DECIMAL_SIZE];
  struct fl_value *then = fl_get(before, "values"), *values = fl_get(after, "values"), *entry = fl_object();
  int64_t step = fl_get_int(after, "step", 0);
  fl_decimal((uint64_t)(step > 0 ? step : 0), key);
  fl_set_take(entry, "messages", added(then, values));
  fl_set_take(entry, "before", fl_value_ref(then));
  fl_set_take(entry, "after", fl_value_ref(values));
  fl_set_take(entry, "nodes", nodes_after(before));
  fl_set_take(entry, "calls", calls_below(&replaying->trace, span));
  fl_set_take(replaying->steps, key, entry);
  keep_step(replaying->before, step, values);
}

static int miss_checkpoint(struct replaying *replaying, const char *checkpoint) {
  return fl_error_set(&replaying->err, FL_E_NOT_FOUND, "checkpoint %s of the run is not kept any more", checkpoint);
}

/* Where the run began: at the checkpoint of its input or command, or, when it went on from what another one had left,
 * at the one that its first superstep came from. */
static int begin_at(struct replaying *replaying, const struct fl_value *first, bool has_own,
                    struct fl_value **ret_base) {
  struct fl_runtime reader = {.store = replaying->opened.store};
  const char *thread = replaying->trace.thread;
  const char *id = fl_get_string(first, has_own ? "checkpoint_id" : "parent_checkpoint_id", NULL);
  if (id == NULL)
    return fl_error_set(&replaying->err, FL_E_NOT_FOUND,
                        "the checkpoint that the run went on from is not kept any more");
  struct fl_value *base = state_at(&reader, replaying->definition, thread, id);
  if (base == NULL) return miss_checkpoint(replaying, id);
  int rc = fl_store_find_checkpoint(replaying->opened.store, thread, "", id, &replaying->base_no, &replaying->err);
  if (rc < 0) fl_value_unref(base);
  else *ret_base = base;
  return rc;
}

/* The supersteps of the run, and where it began. */
static int read_history(struct replaying *replaying) {
  struct fl_runtime reader = {.store = replaying->opened.store};
  const struct fl_trace *trace = &replaying->trace;
  FL_VALUE_AUTO last = NULL;
  for (size_t i = 0; i < trace->count; i++) {
    const struct fl_span *span = &trace->nodes[i].span;
    const char *checkpoint = fl_get_string(span->attributes, "checkpoint", NULL);
    if (span->kind != FL_SPAN_STEP || span->name[0] != '\0' || checkpoint == NULL) continue;
    FL_VALUE_AUTO state = state_at(&reader, replaying->definition, trace->thread, checkpoint);
    if (state == NULL) return miss_checkpoint(replaying, checkpoint);
    bool is_first = last == NULL, has_own = fl_get(span->attributes, "source") != NULL;
    int rc = is_first ? begin_at(replaying, state, has_own, &last) : 0;
    if (rc < 0) return rc;
    if (is_first && has_own) continue;
    add_step(replaying, i, last, state);
    fl_value_unref(last);
    last = fl_value_ref(state);
  }
  return last != NULL ? 0 : fl_error_set(&replaying->err, FL_E_NOT_FOUND, "the run stored no checkpoint");
}

/* ---- the copy ---- */

struct waiting {
  struct fl_txn txn;
  struct fl_world *world;
  struct fl_error err;
  int status;
  bool is_done;
};

static void on_done(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct waiting *waiting = txn->user;
  waiting->status = status;
  if (err != NULL) waiting->err = *err;
  waiting->is_done = true;
  fl_world_stop(waiting->world);
}

static int submit(struct replaying *replaying, const struct fl_txn *txn) {
  struct waiting waiting = {.txn = *txn, .world = fl_runtime_world(replaying->runtime)};
  waiting.txn.on_done = on_done;
  waiting.txn.user = &waiting;
  waiting.txn.wall_ms = fl_trace_now_ms();
  fl_store_submit(fl_runtime_store(replaying->runtime), &waiting.txn);
  while (!waiting.is_done) fl_world_run(waiting.world);
  replaying->err = waiting.err;
  return waiting.status;
}

static int copy_thread(struct replaying *replaying) {
  FL_BUF_AUTO text = {.limit = THREAD_SIZE_MAX};
  struct fl_thread_file file = {0};
  const char *thread = replaying->trace.thread;
  int rc = fl_thread_export(replaying->opened.store, thread, &text, &replaying->err);
  if (rc == 0) rc = fl_thread_file_read(fl_buf_slice(&text), &file, &replaying->err);
  if (rc < 0) return rc;
  const struct fl_import import = {.records = &file.records, .created_ms = file.created_ms};
  rc = submit(replaying, &(struct fl_txn){.kind = FL_TXN_IMPORT, .thread = thread, .import = &import});
  fl_thread_file_deinit(&file);
  const struct fl_rollback rollback = {.to_no = replaying->base_no, .status = "idle"};
  return rc == 0 ? submit(replaying, &(struct fl_txn){.kind = FL_TXN_ROLLBACK, .thread = thread, .rollback = &rollback})
                 : rc;
}

/* ---- once more ---- */

static bool add_now(const struct fl_checkpoint_info *info, void *user) {
  struct replaying *replaying = user;
  if (info->no <= replaying->base_no) return false;
  FL_VALUE_AUTO state = state_at(replaying->runtime, replaying->definition, replaying->trace.thread, info->id);
  keep_step(replaying->after, info->step, fl_get(state, "values"));
  return true;
}

static int run_again(struct replaying *replaying, int *ret_status) {
  struct fl_invoke_options options = {.size = sizeof options, .thread = replaying->trace.thread, .no_output = true};
  struct fl_invoke_result result = {0};
  fl_replay_set_take(replaying->runtime, replaying->steps);
  replaying->steps = NULL;
  *ret_status = fl_runtime_invoke(replaying->runtime, replaying->definition, &options, &result, &replaying->err);
  fl_invoke_result_deinit(&result);
  return fl_store_list_checkpoints(fl_runtime_store(replaying->runtime), replaying->trace.thread, "", 0, 0, add_now,
                                   replaying, &replaying->err);
}

/* ---- what differs ---- */

static void add_difference(struct fl_value *list, int64_t step, const char *what, const struct fl_value *then,
                           const struct fl_value *now) {
  struct fl_value *entry = fl_object();
  fl_set_int(entry, "step", step);
  fl_set_string(entry, "channel", what);
  if (then != NULL) fl_set_take(entry, "then", fl_value_ref((struct fl_value *)then));
  if (now != NULL) fl_set_take(entry, "now", fl_value_ref((struct fl_value *)now));
  fl_append_take(list, entry);
}

static void compare_values(struct fl_value *list, int64_t step, const struct fl_value *then,
                           const struct fl_value *now) {
  for (struct fl_member m = {0}; fl_next_member(then, &m);)
    if (!fl_equal(m.value, fl_get(now, m.key))) add_difference(list, step, m.key, m.value, fl_get(now, m.key));
  for (struct fl_member m = {0}; fl_next_member(now, &m);)
    if (fl_get(then, m.key) == NULL) add_difference(list, step, m.key, NULL, m.value);
}

/* `after` has its last superstep first. */
static struct fl_value *differences(const struct replaying *replaying) {
  struct fl_value *list = fl_array();
  size_t then_count = fl_size(replaying->before), now_count = fl_size(replaying->after);
  for (size_t i = 0; i < then_count || i < now_count; i++) {
    const struct fl_value *then = i < then_count ? fl_at(replaying->before, i) : NULL;
    const struct fl_value *now = i < now_count ? fl_at(replaying->after, now_count - 1 - i) : NULL;
    int64_t step = fl_get_int(then != NULL ? then : now, "step", 0);
    if (then == NULL || now == NULL) {
      FL_VALUE_AUTO is_there = fl_string("a superstep");
      add_difference(list, step, "", then != NULL ? is_there : NULL, now != NULL ? is_there : NULL);
    } else {
      compare_values(list, step, fl_get(then, "values"), fl_get(now, "values"));
    }
    if (fl_size(list) > 0) break; /* what follows differs because of it */
  }
  return list;
}

static void print_differences(const struct replaying *replaying, const struct fl_value *list) {
  if (fl_size(list) == 0) {
    size_t count = fl_size(replaying->before);
    printf("the same: %zu superstep%s, with the answers that the thread holds\n", count, count == 1 ? "" : "s");
  }
  for (size_t i = 0; i < fl_size(list); i++) {
    const struct fl_value *entry = fl_at(list, i);
    FL_FREE_AUTO char *then = fl_dump(fl_get(entry, "then"), NULL), *now = fl_dump(fl_get(entry, "now"), NULL);
    FL_FREE_AUTO char *shown_then = fl_visible(then != NULL ? then : "nothing", 400);
    FL_FREE_AUTO char *shown_now = fl_visible(now != NULL ? now : "nothing", 400);
    printf("step %" PRId64 " %s\n  then: %s\n  now:  %s\n", fl_get_int(entry, "step", 0),
           fl_get_string(entry, "channel", ""), shown_then, shown_now);
  }
}

static int report(struct replaying *replaying, int status) {
  FL_VALUE_AUTO list = differences(replaying);
  bool is_same = fl_size(list) == 0;
  if (replaying->args->json) {
    FL_VALUE_AUTO line = fl_object();
    fl_set_string(line, "run_id", replaying->trace.run_id);
    fl_set_bool(line, "same", is_same);
    fl_set_int(line, "steps", (int64_t)fl_size(replaying->before));
    fl_set_take(line, "differences", fl_value_ref(list));
    if (status < 0) fl_set_string(line, "error", replaying->err.text);
    fl_print_json(line);
  } else {
    print_differences(replaying, list);
    if (status < 0 && !is_same) printf("the replay ended with: %s\n", replaying->err.text);
  }
  return is_same ? FL_EXIT_OK : FL_EXIT_FAILED;
}

/* ---- the command ---- */

static int load_graph(struct replaying *replaying) {
  const char *given = fl_args_get(replaying->args, "graph");
  const char *file = given != NULL ? given : fl_get_string(replaying->trace.begin, "file", NULL);
  struct fl_runtime_options options = {.size = sizeof options};
  if (file == NULL) return fl_usage(replaying->args, "the run was not of a graph file; name one with --graph FILE");
  if (fl_runtime_create(&options, &replaying->runtime, &replaying->err) < 0)
    return fl_fail_error(replaying->args, &replaying->err);
  struct fl_diags diags = {0};
  int rc = fl_runtime_load_diags(replaying->runtime, file, &replaying->definition, &diags);
  int code = rc < 0 ? fl_fail_diags(replaying->args, &diags) : 0;
  fl_diags_deinit(&diags);
  return code;
}

static int replay(struct replaying *replaying) {
  int code = load_graph(replaying), status = 0;
  if (code != 0) return code;
  int rc = read_history(replaying);
  if (rc == 0) rc = copy_thread(replaying);
  if (rc == 0) rc = run_again(replaying, &status);
  return rc < 0 ? fl_fail_error(replaying->args, &replaying->err) : report(replaying, status);
}

int fl_cmd_trace_replay(struct fl_args *args) {
  struct replaying replaying = {.args = args};
  if (args->count != 1) return fl_usage(args, "name one run (see 'fairlead trace list')");
  int code = fl_opened_open(&replaying.opened, args, true);
  if (code != 0) return code;
  replaying.steps = fl_object();
  replaying.before = fl_array();
  replaying.after = fl_array();
  if (fl_trace_load(replaying.opened.store, args->items[0], &replaying.trace, &replaying.err) < 0)
    code = fl_fail_error(args, &replaying.err);
  else code = replay(&replaying);
  fl_definition_unref(replaying.definition);
  fl_runtime_destroy(replaying.runtime);
  fl_value_unref(replaying.steps);
  fl_value_unref(replaying.before);
  fl_value_unref(replaying.after);
  fl_trace_deinit(&replaying.trace);
  fl_opened_close(&replaying.opened);
  return code;
}
