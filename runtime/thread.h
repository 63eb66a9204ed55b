/* SPDX-License-Identifier: MIT */
/* Looking back at threads, and changing them without running them: states, history, differences, updates, forks,
 * copies. Every checkpoint that a thread ever had stays (until it is pruned); whoever goes on from an older one makes a
 * new branch, and the newest checkpoint is where the thread stands. All functions are for the loop's thread.
 *
 * Reading is synchronous and shows what is stored. Writing is asynchronous: `on_done` comes once, on the loop, and
 * nothing was changed when it brings an error. A checkpoint is named by its id or a unique front of it. */
#pragma once
#include <fairlead/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A moment of a thread. */
struct fl_thread_place {
  size_t size;
  const char *thread;
  const char *checkpoint;           /* NULL: where the thread stands */
  struct fl_definition *definition; /* its graph, borrowed; may be NULL where it is only read */
  bool with_subgraphs;              /* each task that runs a graph has that graph's "state", with its "ns" */
};

/* ---- reading ---- */

/* The state of a thread as {"thread_id","values","next":[NODE…],"interrupts":[{"id","node","value",…}…],
 * "checkpoint_id","parent_checkpoint_id","step","source","created_ms","run_id"?,"metadata"?,"tasks"?}; a thread without
 * checkpoints has "values" and no "checkpoint_id".
 *
 * Without a checkpoint: where it stands; what finished tasks of an unfinished superstep wrote is in the values then,
 * and they are not in "next". A checkpoint that is named is shown as it was made: without what was written beside it.
 * Without a definition, defaults of channels that were never written are not shown, nor are the tasks and what
 * stands beside the checkpoint. *ret_state is the caller's. Errors: FL_E_NOT_FOUND, FL_E_INVALID (an ambiguous id),
 * FL_E_CORRUPT, FL_E_IO. */
FL_API int fl_thread_state(struct fl_runtime *runtime, const struct fl_thread_place *place, struct fl_value **ret_state,
                           struct fl_error *err);

struct fl_history_query {
  size_t size;
  const char *thread;
  size_t limit;       /* 0: all */
  const char *before; /* only checkpoints older than this one; NULL: from the newest */
  const char *source; /* only "input", "loop", "update" or "fork"; NULL: any */
  bool by_step;       /* only those with step_min <= step <= step_max */
  int64_t step_min, step_max;
  const struct fl_value *metadata; /* object: only those whose metadata (or "run_id") has these members; NULL: any */
  bool with_values;                /* each entry has its "values" */
  struct fl_definition *definition; /* the graph, borrowed: the values show its defaults, too; may be NULL */
};
/* Newest first; `entry` is lent for the visit, which returns false to stop:
 * {"checkpoint_id","parent_checkpoint_id","step","source","created_ms","next","run_id"?,"metadata"?,"values"?}. Errors
 * as above. */
FL_API int fl_thread_history(struct fl_runtime *runtime, const struct fl_history_query *query,
                             bool (*visit)(const struct fl_value *entry, void *user), void *user, struct fl_error *err);

/* What differs, channel by channel:
 * {"from":{"checkpoint_id","step"},"to":{…},"channels":{NAME:CHANGE},"next"?:{"from":[…],"to":[…]}}, where a CHANGE is
 * {"added":V}, {"removed":V}, {"from":V,"to":V}, of lists {"appended"?:[…],"inserted"?:[{"index","value"}],
 * "removed"?:[{"index","value"}],"changed"?:[{"index","from","to"}]}, of messages the same by "id", and of objects
 * {"members":{KEY:CHANGE}}. *ret_diff is the caller's. */
FL_API int fl_thread_diff(struct fl_runtime *runtime, const struct fl_thread_place *from,
                          const struct fl_thread_place *to, struct fl_value **ret_diff, struct fl_error *err);

struct fl_events_query {
  size_t size;
  const char *thread;
  const char *run;   /* only those of this run; NULL: of all */
  const char *after; /* id of an event: only those behind it, for whoever lost a stream; NULL: from the first */
  size_t limit;      /* 0: all */
};
/* The events that runs with keep_events have told, oldest first; `entry` is lent for the visit, which returns false to
 * stop: {"id","run_id","mode","ns"?,"node"?,"data"}. They go when the thread is deleted. Errors: FL_E_INVALID,
 * FL_E_NOT_FOUND (no such thread, or it has no event `after`), FL_E_CORRUPT, FL_E_IO. */
FL_API int fl_thread_events(struct fl_runtime *runtime, const struct fl_events_query *query,
                            bool (*visit)(const struct fl_value *entry, void *user), void *user, struct fl_error *err);

struct fl_thread_query {
  size_t size;
  size_t limit;       /* 0: all */
  const char *prefix; /* of ids; NULL: any */
  const char *status; /* idle, busy, interrupted, error, cancelled; NULL: any */
};
/* Newest first: {"thread_id","graph","file"?,"status","step","created_ms","updated_ms","metadata"?,"held_by_pid"?}. */
FL_API int fl_thread_list(struct fl_runtime *runtime, const struct fl_thread_query *query,
                          bool (*visit)(const struct fl_value *entry, void *user), void *user, struct fl_error *err);

/* ---- writing ---- */

/* `status` 0 or a negative FL_E_*, and why. `checkpoint` is where the thread stands now, "" when that is not known. */
typedef void fl_thread_done_fn(int status, const char *checkpoint, const struct fl_error *err, void *user);

struct fl_update_options {
  size_t size;
  struct fl_definition *definition; /* the graph of the thread, borrowed */
  const char *thread;               /* made when there is none */
  const char *checkpoint;           /* to go on from; NULL: where it stands */
  struct fl_value *values;          /* object of channel values; NULL: none */
  const char *as_node; /* whose edges are followed: a node, "START" (as an input), "END" (nothing is left to run),
                          "COPY"     (the checkpoint once more, without values), or NULL: the node that ran last
                          (FL_E_INVALID when     several did) */
  struct fl_value *supersteps; /* instead of values: [[{"values","as_node"}…]…], a checkpoint for each superstep, all of
                                  them stored or none; those of one superstep count as nodes that ran side by side */
  struct fl_value *metadata; /* object, kept with the checkpoints; NULL: none */
};
/* Writes to a thread from outside, as if by a node. The next run goes on from there: fl_runtime_invoke without an
 * input. Values are referenced. Errors here: FL_E_INVALID; later: FL_E_BUSY (it is being run), FL_E_NOT_FOUND (node,
 * channel or checkpoint), FL_E_GRAPH, FL_E_CONFLICT, those of the store. */
FL_API int fl_thread_update(struct fl_runtime *runtime, const struct fl_update_options *options,
                            fl_thread_done_fn *on_done, void *user, struct fl_error *err);

/* Makes an older checkpoint the one where the thread stands: an update as "COPY". */
static inline int fl_thread_fork(struct fl_runtime *runtime, const struct fl_thread_place *place,
                                 fl_thread_done_fn *on_done, void *user, struct fl_error *err) {
  struct fl_update_options options = {.size = sizeof options,
                                      .definition = place->definition,
                                      .thread = place->thread,
                                      .checkpoint = place->checkpoint,
                                      .as_node = "COPY"};
  return fl_thread_update(runtime, &options, on_done, user, err);
}

struct fl_copy_options {
  size_t size;
  const char *from;
  const char *checkpoint; /* the newest that the copy has; NULL: all of them */
  const char *to;         /* the new thread */
  bool state_only;        /* the copy has no history: one checkpoint with what stands beside it */
};
/* Makes a thread out of another, which may be running. The copy stands where the other stood: when that waits for an
 * answer, so does the copy; what finished tasks and calls said is there and is not done again. Errors: FL_E_INVALID,
 * FL_E_NOT_FOUND, FL_E_EXISTS. */
FL_API int fl_thread_copy(struct fl_runtime *runtime, const struct fl_copy_options *options, fl_thread_done_fn *on_done,
                          void *user, struct fl_error *err);

/* Deletes a thread with everything of it, for good. Errors: FL_E_NOT_FOUND, FL_E_BUSY. */
FL_API int fl_thread_delete(struct fl_runtime *runtime, const char *thread, fl_thread_done_fn *on_done, void *user,
                            struct fl_error *err);

#ifdef __cplusplus
}
#endif
