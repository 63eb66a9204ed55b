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
  FL_ANY,      /* holds the last value; several writes in one superstep are taken to be equal; a superstep that does not
                  write it empties it */
  FL_EPHEMERAL, /* holds what the last superstep wrote, and nothing when it wrote nothing */
  FL_TOPIC,     /* a list of what the last superstep wrote, lists written being flattened; or of all that was written */
  FL_UNTRACKED, /* holds one value for the length of a run; it is never stored */
  FL_CUSTOM,    /* what the channel's function makes of it */
};

/* Folds a write into what is held: a new reference in *ret_value. Must depend on its arguments only. `held` and
 * `written` are lent. Errors: a negative FL_E_*, with the reason in `err`. */
typedef int fl_reduce_fn(struct fl_value *held, struct fl_value *written, struct fl_value **ret_value, void *user,
                         struct fl_error *err);

struct fl_channel_options {
  size_t size;
  enum fl_reducer reducer;
  struct fl_value
      *default_value;      /* borrowed; NULL: none (FL_APPEND, FL_MESSAGES and FL_TOPIC start empty; FL_SUM, FL_OR and
                              FL_MERGE at the zero of the schema's type when it names one, otherwise at the first
                              value). FL_ANY, FL_EPHEMERAL and a FL_TOPIC that does not accumulate have none */
  struct fl_value *schema; /* borrowed JSON Schema that every value held must satisfy; NULL: any */
  bool accumulate;         /* FL_TOPIC: keeps what it has */
  bool no_guard;        /* FL_EPHEMERAL, FL_UNTRACKED: several writes in one superstep are allowed, the last counts */
  bool is_private;      /* neither input nor output */
  fl_reduce_fn *reduce; /* makes the reducer FL_CUSTOM; the first value is taken as it is */
  void *reduce_user;
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

/* When a task that failed is tried again. Of several policies the first that speaks of the error counts. The pause
 * before attempt n + 1 is initial_ms * factor^(n - 1), at most max_ms, and up to a second more unless no_jitter. */
struct fl_retry_policy {
  size_t size;
  uint32_t max_attempts; /* in all, the first one counted; 0: 3 */
  uint32_t initial_ms;   /* 0: 500 */
  uint32_t max_ms;       /* 0: 128000 */
  double factor;         /* 0: 2 */
  bool no_jitter;
  const int *codes; /* FL_E_* that it speaks of; NULL: all but mistakes of the program, the graph or the request */
  size_t code_count;
};

/* Whose result may stand for a later run of the node. The key is what the result depends on: a new reference, or NULL
 * for everything that the node sees. */
typedef struct fl_value *fl_cache_key_fn(const struct fl_task *task, void *user);
struct fl_cache_policy {
  size_t size;
  fl_cache_key_fn *key; /* NULL: everything that the node sees */
  void *user;
  uint64_t ttl_ms; /* 0: until it is cleared */
};

struct fl_node_options {
  size_t size;
  const char *description;
  const struct fl_retry_policy *retry; /* retry_count of them; none: a failure is final */
  size_t retry_count;
  uint32_t run_timeout_ms;             /* of one attempt, 0: none; FL_E_TIMEOUT, which may be retried */
  uint32_t idle_timeout_ms;            /* the same, since the last sign of life: a token, progress of a tool, the end of
                                          a call, what the node emits, or fl_task_heartbeat */
  const struct fl_cache_policy *cache; /* NULL: none */
  const char *on_error; /* the node that runs in its place, in the same superstep, when it has finally failed */
  uint32_t concurrency; /* tasks of this node at the same time, 0: no limit */
  bool defer;           /* runs only when nothing else is left to run: after branches of unequal length */
  const char *const *destinations; /* where it may go by itself (fl_task_goto), NULL-terminated, so that drawings and
                                      checks know; NULL: anywhere, which makes no node reachable */
  const char *const *input;        /* the channels that it sees, NULL-terminated; NULL: all */
};

/* ---- branches ---- */

/* Adds one target of a branch: a node's name or FL_END. */
struct fl_targets;
FL_API void fl_targets_add(struct fl_targets *targets, const char *node);
/* Starts `node` once for `arg`, which it sees instead of the state, in the next superstep. Several sends to one node
 * run side by side, in the order in which they were added. Takes the value. */
FL_API void fl_targets_send_take(struct fl_targets *targets, const char *node, struct fl_value *arg);

/* Decides what follows a node, on the state with that node's own writes applied. Adds no target to end this path. */
typedef int fl_branch_fn(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err);

/* ---- building ---- */

FL_API struct fl_graph *fl_graph_create(const char *name);
FL_API void fl_graph_destroy(struct fl_graph *graph); /* NULL allowed; not after a compile, which takes it */
FL_API void fl_graph_channel(struct fl_graph *graph, const char *name, const struct fl_channel_options *options);
FL_API void fl_graph_node(struct fl_graph *graph, const char *name, fl_node_fn *run, void *user,
                          const struct fl_node_options *options);
/* A node that runs another graph, from its START to its END, as one step of this one. Its checkpoints: */
enum fl_checkpoints {
  FL_CHECKPOINTS_INHERIT, /* kept with this graph's, and fresh each time that the node runs */
  FL_CHECKPOINTS_OWN,     /* kept, and the next run of the node goes on from the state that the last one left */
  FL_CHECKPOINTS_NONE,    /* not kept: after a crash or an answer it begins anew, and finds its calls answered */
};
struct fl_subgraph_options {
  size_t size;
  const char *description;
  enum fl_checkpoints checkpoints;
  struct fl_value *input; /* borrowed; {CHANNEL OF THE SUBGRAPH: "expression on this graph's state"}; NULL: the channels
                             that both graphs have by one name */
  struct fl_value
      *output; /* borrowed; {CHANNEL OF THIS GRAPH: "expression on the state that the subgraph ended with"} */
};
/* References the definition. `options` may be NULL. */
FL_API void fl_graph_subgraph(struct fl_graph *graph, const char *name, struct fl_definition *definition,
                              const struct fl_subgraph_options *options);
FL_API void fl_graph_edge(struct fl_graph *graph, const char *from, const char *to);
/* `to` runs once, after every one of `from` has run. */
FL_API void fl_graph_join(struct fl_graph *graph, const char *const *from, size_t from_count, const char *to);
/* `targets` are all the nodes that `choose` may name (for validation and drawing). */
FL_API void fl_graph_branch(struct fl_graph *graph, const char *from, fl_branch_fn *choose, void *user,
                            const char *const *targets, size_t target_count);

/* When a run is on disk. */
enum fl_durability {
  FL_DURABLE_DEFAULT, /* what the graph says; sync if it says nothing */
  FL_DURABLE_SYNC,    /* each superstep before the next one begins */
  FL_DURABLE_ASYNC,   /* each superstep while the next one runs: a crash may lose the last ones, never the order */
  FL_DURABLE_EXIT,    /* all of the run at its end, or before a call leaves that must not be repeated */
};

struct fl_compile_options {
  size_t size;
  const char *const *interrupt_before; /* NULL-terminated node names, "*" for all; NULL: none */
  const char *const *interrupt_after;
  uint32_t recursion_limit; /* supersteps per run, the input counted as one; 0: 25 */
  uint32_t max_concurrency; /* tasks of a run at the same time; 0: no limit */
  enum fl_durability durability;
  struct fl_value *context; /* borrowed JSON Schema of what a run is given beside its input (an object); its properties'
                               `default` count; NULL: nothing is given */
  const struct fl_node_options *defaults; /* retry, time-outs, cache, on_error of nodes that do not say their own */
  const char *const *input;  /* the channels that an input may write, NULL-terminated; NULL: all that are not private */
  const char *const *output; /* the channels of the output and of `values`; likewise */
};

/* Takes the graph (also on failure). `options` may be NULL. Errors: FL_E_GRAPH with all that is wrong, a line each. */
FL_API int fl_graph_compile(struct fl_graph *graph, const struct fl_compile_options *options,
                            struct fl_definition **ret_definition, struct fl_error *err);

FL_API struct fl_definition *fl_definition_ref(struct fl_definition *definition);
FL_API void fl_definition_unref(struct fl_definition *definition); /* NULL allowed */
FL_API const char *fl_definition_name(const struct fl_definition *definition);

enum fl_drawing { FL_DRAW_MERMAID, FL_DRAW_DOT, FL_DRAW_TEXT, FL_DRAW_SVG };
/* The graph as a drawing; free the text with fl_text_free. */
FL_API char *fl_definition_draw(const struct fl_definition *definition, enum fl_drawing format);
/* The same with the graphs inside its nodes, so many levels of them. */
FL_API char *fl_definition_draw_deep(const struct fl_definition *definition, enum fl_drawing format, unsigned depth);

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
FL_API uint32_t fl_task_attempt(const struct fl_task *task); /* 1, and one more each time it is tried again */

/* What the run was given as its context, with the graph's defaults: an object, lent; empty when there is none. */
FL_API const struct fl_value *fl_task_context(const struct fl_task *task);

/* In a node that handles an error: {"node": who failed, "code": a word of fl_error_word, "message"}, lent; NULL in any
 * other node. */
FL_API const struct fl_value *fl_task_error(const struct fl_task *task);

/* Says that a pending task is alive: its idle time-out begins anew. */
FL_API void fl_task_heartbeat(struct fl_task *task);

/* Writes to a channel, in order; folded in when the superstep ends. Takes the value. Errors: FL_E_NOT_FOUND. */
FL_API int fl_task_write_take(struct fl_task *task, const char *channel, struct fl_value *value);

/* Where the run goes beside the node's edges: `node` runs in the next superstep, FL_END leads nowhere. Errors:
 * FL_E_NOT_FOUND. */
FL_API int fl_task_goto(struct fl_task *task, const char *node);
/* Starts `node` once for `arg`, which it sees instead of the state. Takes the value. Errors: FL_E_NOT_FOUND. */
FL_API int fl_task_send_take(struct fl_task *task, const char *node, struct fl_value *arg);
/* The argument of the send that started this task, lent; NULL when an edge did. The members of an object are read like
 * channels, too: fl_state_get(fl_task_state(task), "name"). */
FL_API struct fl_value *fl_task_arg(const struct fl_task *task);

/* The same for the graph above, from a node of a subgraph: as if the node that holds the subgraph wrote and went. It
 * ends the subgraph's run; what the task wrote to its own graph is dropped. A graph that is not inside another fails.
 * Takes the values. */
FL_API int fl_task_write_parent_take(struct fl_task *task, const char *channel, struct fl_value *value);
FL_API int fl_task_goto_parent(struct fl_task *task, const char *node);
FL_API int fl_task_send_parent_take(struct fl_task *task, const char *node, struct fl_value *arg);

/* Asks a person. The n-th call in a task gets the n-th answer: returns 0 and lends *ret_answer when it is there,
 * otherwise FL_INTERRUPT, which the node returns. */
FL_API int fl_task_interrupt(struct fl_task *task, struct fl_value *question, struct fl_value **ret_answer);

/* Something for whoever follows the run, on the `custom` stream. Takes the value. */
FL_API void fl_task_emit_take(struct fl_task *task, struct fl_value *value);

/* Records why the task fails and returns `code`. */
FL_API int fl_task_fail(struct fl_task *task, int code, const char *format, ...) FL_PRINTF(3, 4);

/* Ends a task that answered FL_PENDING: FL_DONE, FL_INTERRUPT, or a negative code. On the loop's thread. It must come,
 * also when the run was cancelled or the attempt was ended by a time-out (it counts for nothing then, and another
 * attempt may have begun): the task lives until then, and the run ends after it. */
FL_API void fl_task_complete(struct fl_task *task, int outcome);

#ifdef __cplusplus
}
#endif
