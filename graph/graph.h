/* SPDX-License-Identifier: MIT */
/* State graphs, as LangGraph has them: channels hold the state, nodes read it and write to it, edges and branches say
 * what runs next, and everything advances in supersteps: the nodes of one step run side by side on the same state, and
 * their writes are folded in, in a fixed order, when the last of them has ended.
 *
 * This header builds graphs. `runtime.h` runs them. A graph file and this builder meet in one immutable definition.
 *
 *   struct fl_graph *g = fl_graph_create("counter");
 *   fl_graph_channel(g, "n", &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .reducer =
 * FL_SUM}); fl_graph_node(g, "add", add_one, NULL, NULL); fl_graph_edge(g, FL_START, "add"); fl_graph_edge(g, "add",
 * FL_END); int rc = fl_graph_compile(g, NULL, &definition, &err);
 *
 * The add functions return nothing: what is wrong is collected and fl_graph_compile reports all of it at once. */
#pragma once
#include <fairlead/value.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FL_START "START"
#define FL_END "END"

struct fl_graph;      /* under construction; one owner */
struct fl_definition; /* immutable, reference-counted, may be shared by threads */
struct fl_state;      /* what a node sees: the channels as they were when its superstep began */
struct fl_task;       /* one execution of one node */

/* ---- channels ---- */

enum fl_reducer {
  FL_LAST,   /* holds the last value; two writes in one superstep are an error */
  FL_APPEND, /* a list; a written list is appended element by element, anything else as one element */
  FL_SUM,    /* numbers are added, strings and lists concatenated */
  FL_AND,    /* booleans */
  FL_OR,
  FL_MIN, /* numbers or strings */
  FL_MAX,
  FL_MERGE,    /* objects: members of the written one replace members of the held one (RFC 7396: null removes) */
  FL_MESSAGES, /* chat messages: a new id is appended, a known id replaces, {"role":"remove","id":ID} removes (ID
                  "__remove_all__": all) */
};

struct fl_channel_options {
  size_t size;
  enum fl_reducer reducer;
  struct fl_value
      *default_value;      /* borrowed; NULL: none (FL_APPEND and FL_MESSAGES start empty, FL_SUM at the first value) */
  struct fl_value *schema; /* borrowed JSON Schema that every value held must satisfy; NULL: any */
};

/* ---- nodes ---- */

/* What a node function answers; a negative FL_E_* is a failure (say why with fl_task_fail). */
enum fl_outcome {
  FL_DONE = 0,      /* the writes are complete */
  FL_PENDING = 1,   /* fl_task_complete will be called later, on the loop's thread */
  FL_INTERRUPT = 2, /* fl_task_interrupt asked for an answer that is not there yet */
};

/* Runs on the loop and must not block. A task that was interrupted or killed is entered again from the start. */
typedef int fl_node_fn(struct fl_task *task, void *user);

struct fl_node_options {
  size_t size;
  const char *description;
};

/* ---- branches ---- */

/* Adds one target of a branch: a node's name or FL_END. */
struct fl_targets;
FL_API void fl_targets_add(struct fl_targets *targets, const char *node);

/* Decides what follows a node, on the state with that node's own writes applied. Adds no target to end this path. */
typedef int fl_branch_fn(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err);

/* ---- building ---- */

FL_API struct fl_graph *fl_graph_create(const char *name);
FL_API void fl_graph_destroy(struct fl_graph *graph); /* NULL allowed; not after a compile, which takes it */
FL_API void fl_graph_channel(struct fl_graph *graph, const char *name, const struct fl_channel_options *options);
FL_API void fl_graph_node(struct fl_graph *graph, const char *name, fl_node_fn *run, void *user,
                          const struct fl_node_options *options);
FL_API void fl_graph_edge(struct fl_graph *graph, const char *from, const char *to);
/* `to` runs once, after every one of `from` has run. */
FL_API void fl_graph_join(struct fl_graph *graph, const char *const *from, size_t from_count, const char *to);
/* `targets` are all the nodes that `choose` may name (for validation and drawing). */
FL_API void fl_graph_branch(struct fl_graph *graph, const char *from, fl_branch_fn *choose, void *user,
                            const char *const *targets, size_t target_count);

struct fl_compile_options {
  size_t size;
  const char *const *interrupt_before; /* NULL-terminated node names, "*" for all; NULL: none */
  const char *const *interrupt_after;
  uint32_t recursion_limit; /* supersteps per run, the input counted as one; 0: 25 */
};

/* Takes the graph (also on failure). `options` may be NULL. Errors: FL_E_GRAPH with all that is wrong, a line each. */
FL_API int fl_graph_compile(struct fl_graph *graph, const struct fl_compile_options *options,
                            struct fl_definition **ret_definition, struct fl_error *err);

FL_API struct fl_definition *fl_definition_ref(struct fl_definition *definition);
FL_API void fl_definition_unref(struct fl_definition *definition); /* NULL allowed */
FL_API const char *fl_definition_name(const struct fl_definition *definition);

enum fl_drawing { FL_DRAW_MERMAID, FL_DRAW_DOT, FL_DRAW_TEXT };
/* The graph as a drawing; free the text with fl_text_free. */
FL_API char *fl_definition_draw(const struct fl_definition *definition, enum fl_drawing format);

/* ---- state, as nodes and branches read it ---- */

/* The value of a channel, lent until the node returns or completes; NULL when it has none. A list channel is made into
 * an array on first use: prefer the fl_state_list_* functions, which cost no copy. */
FL_API struct fl_value *fl_state_get(const struct fl_state *state, const char *channel);
FL_API size_t fl_state_list_size(const struct fl_state *state, const char *channel);
FL_API struct fl_value *fl_state_list_at(const struct fl_state *state, const char *channel, size_t index);
FL_API struct fl_value *fl_state_list_last(const struct fl_state *state, const char *channel);

/* ---- tasks, as node functions use them ---- */

FL_API const struct fl_state *fl_task_state(const struct fl_task *task);
FL_API const char *fl_task_node(const struct fl_task *task);
FL_API const char *fl_task_id(const struct fl_task *task); /* the same when the same checkpoint is run again */
FL_API bool fl_task_is_cancelled(const struct fl_task *task);

/* Writes to a channel, in order; folded in when the superstep ends. Takes the value. Errors: FL_E_NOT_FOUND. */
FL_API int fl_task_write_take(struct fl_task *task, const char *channel, struct fl_value *value);

/* Asks a person. The n-th call in a task gets the n-th answer: returns 0 and lends *ret_answer when it is there,
 * otherwise FL_INTERRUPT, which the node returns. */
FL_API int fl_task_interrupt(struct fl_task *task, struct fl_value *question, struct fl_value **ret_answer);

/* Something for whoever follows the run, on the `custom` stream. Takes the value. */
FL_API void fl_task_emit_take(struct fl_task *task, struct fl_value *value);

/* Records why the task fails and returns `code`. */
FL_API int fl_task_fail(struct fl_task *task, int code, const char *format, ...) FL_PRINTF(3, 4);

/* Ends a task that answered FL_PENDING: FL_DONE, FL_INTERRUPT, or a negative code. On the loop's thread. It must come,
 * also when the run was cancelled: the task lives until then, and the run ends after it. */
FL_API void fl_task_complete(struct fl_task *task, int outcome);

#ifdef __cplusplus
}
#endif
