/* SPDX-License-Identifier: MIT */
/* Running graphs: load a graph file or take a compiled definition, run it on a thread, follow it, resume it. A runtime
 * owns a store, a registry of tools and a loop (its own, or the libuv loop of the embedding program). All functions are
 * for the loop's thread. */
#pragma once
#include <fairlead/graph.h>
#include <fairlead/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fl_runtime;

/* How long a thread stays that of the process which runs it after the process was last heard of: one that is stopped,
 * or cannot be seen from here (another container), loses its threads then, and what it writes later is refused. A
 * running process renews three times as often; one of this machine that has died loses them at once. */
enum { FL_LEASE_MS_MIN = 100, FL_LEASE_MS_DEFAULT = 30000, FL_LEASE_MS_MAX = 3600000 };

struct fl_runtime_options {
  size_t size;
  const char *store_path; /* SQLite file; NULL: memory only */
  void *loop;             /* a uv_loop_t to live in; NULL: its own */
  uint32_t lease_ms;      /* FL_LEASE_MS_MIN to FL_LEASE_MS_MAX (FL_E_INVALID); 0: FL_LEASE_MS_DEFAULT */
};
FL_API int fl_runtime_create(const struct fl_runtime_options *options, struct fl_runtime **ret_runtime,
                             struct fl_error *err);
/* Ends tool servers, waits for the store, frees. No run may be under way. With a foreign loop, call it before the loop
 * is closed; that loop turns meanwhile, and what the program's own callbacks begin then is refused (FL_E_CLOSED). */
FL_API void fl_runtime_destroy(struct fl_runtime *runtime);

/* Loads a graph file (JSON or YAML) with its models and servers. Errors: FL_E_INVALID; the text has a line for each
 * mistake. */
FL_API int fl_runtime_load(struct fl_runtime *runtime, const char *path, struct fl_definition **ret_definition,
                           struct fl_error *err);

/* What happens in a run, in order. `data` is lent for the call. */
struct fl_run_event {
  const char *mode; /* values, updates, messages, tasks, checkpoints, custom, events */
  const char *ns;   /* checkpoint namespace, "" for the root graph */
  const char *node; /* NULL when it is not of one node */
  struct fl_value *data;
  const char *id; /* RUN:NUMBER of an event that is kept, see keep_events; NULL: it is not */
};
typedef void fl_run_event_fn(const struct fl_run_event *event, void *user);

/* What to follow; several may be added up. The order of the bits is the order of enum fl_stream_mode. */
enum fl_follow {
  FL_FOLLOW_VALUES = 1,  /* the output after the input and after every superstep that changed it; once more when the run
                            is interrupted, with what finished tasks wrote and "__interrupt__" */
  FL_FOLLOW_UPDATES = 2, /* {node: writes} as each task ends, a list when it wrote a channel twice; {"__interrupt__"} */
  FL_FOLLOW_MESSAGES = 4, /* tokens as they arrive (provisional), and each new message once, whole, when it is stored;
                             "metadata" says node, step, task_id and ns */
  FL_FOLLOW_TASKS =
      8, /* starts {"id","name","step","input","triggers","interrupts"}, ends {"id","name","step","result",
            "error","interrupts"}; several writes to a channel stand as {"$writes":[…]} */
  FL_FOLLOW_CHECKPOINTS = 16, /* {"checkpoint_id","parent_checkpoint_id","config","parent_config","values",
                                 "metadata","next","tasks"} */
  FL_FOLLOW_CUSTOM = 32,      /* what nodes emit */
  FL_FOLLOW_EVENTS = 64,      /* each step: nodes, model calls, tool calls with arguments, results and milliseconds */
  FL_FOLLOW_DEBUG = 128,      /* {"step","timestamp","type": checkpoint, task or task_result,"payload"}, as above */
  FL_FOLLOW_SUBGRAPHS = 256,  /* all of it of subgraphs, too: their events say their namespace */
};

/* What to do when the thread is being run already, by this process or by another one. Of the runs that wait in one
 * process the first comes first; at most 1,000 wait for a thread (FL_E_LIMIT). A holder in another process looks once a
 * second what is asked of it. */
enum fl_on_busy {
  FL_ON_BUSY_REJECT, /* FL_E_BUSY, at once; a process that holds the thread and runs nothing gives it back when asked */
  FL_ON_BUSY_ENQUEUE,   /* waits until it is free */
  FL_ON_BUSY_INTERRUPT, /* cancels that run, keeps what it has written, and begins there; what it left unfinished is
                           dropped */
  FL_ON_BUSY_ROLLBACK,  /* cancels that run, and begins where that one began */
};

struct fl_invoke_options {
  size_t size;
  const char *thread;      /* NULL: a new one, see ret_thread */
  struct fl_value *input;  /* object of channel values; NULL: go on from where the thread stands */
  struct fl_value *resume; /* answer to the pending interrupt, or with resume_is_map {interrupt id: answer} */
  bool resume_is_map;
  struct fl_value *update;       /* object of channel values that join what is planned, alone or beside `resume` */
  const char *const *goto_nodes; /* nodes to start beside what is planned, NULL-terminated, likewise; on a new thread
                                    both act like an input */
  const char *checkpoint;        /* of the thread, an id or the unique front of one: the run begins there and not at the
                                    newest; what came after stays in the history. NULL: the newest. See thread.h */
  struct fl_value
      *metadata;  /* object, kept with every checkpoint that the run makes, at most 4 KiB of text; NULL: none */
  bool no_output; /* the state at the end is not wanted: a turn then costs what it adds, at any length */
  uint32_t recursion_limit;  /* 0: the graph's */
  const char *model;         /* "provider/name" to use instead of the file's; NULL: the file's */
  unsigned follow;           /* enum fl_follow, added up */
  fl_run_event_fn *on_event; /* NULL: nobody follows */
  void *user;
  bool keep_events; /* what `follow` names is stored with the thread, also when nobody follows, and is told after it is
                       stored, with an id; fl_thread_events reads it again. Tokens are not kept. Runs that are stored
                       at their end only, or while the next step runs, may tell before they store */
  enum fl_on_busy on_busy;
  struct fl_value *context;            /* an object: what nodes read as context.NAME; NULL: the graph's defaults */
  uint32_t max_concurrency;            /* tasks at the same time; 0: the graph's */
  enum fl_durability durability;       /* FL_DURABLE_DEFAULT: the graph's */
  const char *const *interrupt_before; /* nodes of the graph before which this run stops, beside those of the graph's;
                                          NULL-terminated, "*": each node; NULL: none. Another run goes on */
  const char *const *interrupt_after;  /* likewise, behind which */
  const char *as_user; /* who asks for the run and answers its questions, as the caller knows them: what a manifest's
                          approvals and budgets of users go by; NULL: nobody in particular */
  const char *user_id;     /* on whose behalf: its hash stands in the trace; NULL: the text "user" of the context */
  const char *traceparent; /* W3C Trace Context of the caller, whose trace the run joins; one that is not valid does not
                              count. NULL: the run has a trace of its own */
  const char *tracestate;  /* likewise; handed on as it is */
};

struct fl_invoke_result {
  int status; /* 0 done, 1 interrupted, negative: failed, and the error says why */
  char thread[129];
  struct fl_value *output;     /* the state at the end, or NULL; release with fl_invoke_result_deinit */
  struct fl_value *interrupts; /* what it waits for; NULL when nothing */
  char checkpoint[37];         /* where the thread stands now; "" when nothing was stored */
};
FL_API void fl_invoke_result_deinit(struct fl_invoke_result *result);

/* Runs until done, interrupted or failed; blocks and turns the loop (not from inside a callback). Returns
 * result->status. */
FL_API int fl_runtime_invoke(struct fl_runtime *runtime, struct fl_definition *definition,
                             const struct fl_invoke_options *options, struct fl_invoke_result *ret_result,
                             struct fl_error *err);

/* The same without blocking: on_end comes once, on the loop; the result is the callee's to deinit. */
struct fl_invocation;
typedef void fl_run_end_fn(struct fl_invoke_result *result, const struct fl_error *err, void *user);
FL_API int fl_runtime_start(struct fl_runtime *runtime, struct fl_definition *definition,
                            const struct fl_invoke_options *options, fl_run_end_fn *on_end, void *user,
                            struct fl_invocation **ret_invocation, struct fl_error *err);
FL_API void fl_invocation_cancel(struct fl_invocation *invocation); /* on_end follows */

/* Adds C functions as the tools of a server of that name, and allows every graph of this runtime to call them: who
 * embeds them has granted them. The tools are lent for the life of the runtime. Errors: FL_E_EXISTS, FL_E_INVALID. */
struct fl_tool;
FL_API int fl_runtime_add_tools(struct fl_runtime *runtime, const char *server, const struct fl_tool *tools,
                                size_t tool_count, struct fl_error *err);

/* Adds a function that graph files may name in a node of type `c`. Lent. Errors: FL_E_EXISTS. */
FL_API int fl_runtime_add_function(struct fl_runtime *runtime, const char *name, fl_node_fn *run, void *user,
                                   struct fl_error *err);

/* Adds a model for graphs that are built in C: a `models:` entry as in a graph file. Errors: FL_E_EXISTS, FL_E_INVALID.
 */
FL_API int fl_runtime_add_model(struct fl_runtime *runtime, const char *name, const struct fl_value *entry,
                                struct fl_error *err);

/* ---- recovery ---- */

/* What became of a thread that was recovered; lent for the call. */
struct fl_recovered {
  const char *thread;
  int status;          /* as of fl_invoke_result; FL_E_NOT_FOUND: it has no graph file any more */
  const char *message; /* why it failed; NULL otherwise */
};

/* Finishes threads whose process died while it ran them, by the graph files that they name, one after the other: for a
 * server when it starts. `threads` is NULL-terminated, or NULL for all threads that are unfinished and that no living
 * process holds; one that needs nothing is not reported. Blocks and turns the loop (not from inside a callback).
 * Errors: of reading the store. What a single thread met is reported and stops nothing. */
FL_API int fl_runtime_recover(struct fl_runtime *runtime, const char *const *threads,
                              void (*on_thread)(const struct fl_recovered *recovered, void *user), void *user,
                              struct fl_error *err);

/* ---- calls from inside a node: journalled, so that a node that runs again finds them answered ---- */

/* Calls "server/tool". `on_done` comes once, on the loop, while the task is pending: the MCP result, or NULL and why
 * not. The n-th call of a task is the same call when the task runs again. */
typedef void fl_task_call_fn(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user);
FL_API int fl_task_call_tool(struct fl_task *task, const char *tool, struct fl_value *args, fl_task_call_fn *on_done,
                             void *user);

/* Calls a model of the graph file by name (NULL: the only one). `request`: {"system"?: TEXT, "messages": […] or
 * "channel": NAME of a messages channel (no copy), "tools"?: [patterns, "server/tool" or a prefix and a star]}. The
 * result is the assistant's message. Its tokens go to the messages stream as they come. */
FL_API int fl_task_call_model(struct fl_task *task, const char *model, struct fl_value *request,
                              fl_task_call_fn *on_done, void *user);

/* Runs a graph inside this task, from its START to its END. `on_done` comes once, on the loop, while the task is
 * pending: the state that it ended with (lent), or NULL and why not. Its checkpoints are kept in a namespace of the
 * task: when the task runs again, the n-th call goes on where it was, and finished nodes stay finished. When the graph
 * waits for a person, on_done does not come: the task is interrupted, and runs again with the answer. Takes the input,
 * an object of channel values. Errors: FL_E_LIMIT (graphs inside one another), FL_E_CONFLICT. */
typedef void fl_task_graph_fn(struct fl_task *task, const struct fl_state *state, const struct fl_error *err,
                              void *user);
FL_API int fl_task_call_graph_take(struct fl_task *task, struct fl_definition *definition, struct fl_value *input,
                                   fl_task_graph_fn *on_done, void *user);

#ifdef __cplusplus
}
#endif
