/* SPDX-License-Identifier: MIT */
/* Programs without a graph: one function is the whole graph, and what it does in steps are journalled calls of other
 * functions. A thread keeps what the function returned last (`previous`), a call whose result is stored is not made
 * again after a crash or an interrupt, and everything else (retry, time-outs, the cache, questions to a person) is as
 * for any node.
 *
 *   static int square(const struct fl_value *args, void *user, struct fl_value **ret_result, struct fl_error *err);
 *   static void on_square(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
 *     fl_task_return_take(task, fl_value_ref(result));
 *     fl_task_complete(task, FL_DONE);
 *   }
 *   static int entry(struct fl_task *task, void *user) {
 *     struct fl_function function = {.size = sizeof function, .name = "square", .run = square};
 *     int rc = fl_task_call_function(task, &function, fl_task_input(task), on_square, NULL);
 *     return rc < 0 ? rc : FL_PENDING;
 *   }
 *
 * See examples/entrypoint.c. */
#pragma once
#include <fairlead/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- journalled calls of functions ---- */

/* Runs on a thread of the pool, so it may block; several run side by side. Touches nothing of the task. Returns 0 with
 * a new reference in *ret_result (NULL counts as null), or a negative FL_E_* with the reason in `err`. It cannot be
 * stopped: whoever cancels the run waits for it. */
typedef int fl_function_fn(const struct fl_value *args, void *user, struct fl_value **ret_result, struct fl_error *err);

struct fl_function {
  size_t size;
  const char *name; /* in events and in the journal */
  fl_function_fn *run;
  void *user;
};

/* Calls it with `args` (borrowed; NULL: null). `on_done` comes once, on the loop, while the task is pending: the
 * result, or NULL and why not. The n-th call of a task is the same call when the task runs again: then its stored
 * result is given and the function does not run. After a crash in the middle it runs again. Errors: FL_E_LIMIT. */
FL_API int fl_task_call_function(struct fl_task *task, const struct fl_function *function, struct fl_value *args,
                                 fl_task_call_fn *on_done, void *user);

/* ---- a function as a graph ---- */

struct fl_entrypoint {
  size_t size;
  const char *name;
  fl_node_fn *run; /* a node function: see graph.h */
  void *user;
  const struct fl_node_options *options; /* retry, time-outs, cache …; NULL: none */
  struct fl_value *input_schema;         /* borrowed JSON Schema of the input; NULL: any */
  struct fl_value *context;              /* as in fl_compile_options; NULL: none */
};

/* A graph of one node with the channels `input`, `output` and `previous`. Errors: FL_E_GRAPH. */
FL_API int fl_entrypoint_create(const struct fl_entrypoint *entrypoint, struct fl_definition **ret_definition,
                                struct fl_error *err);

/* What fl_invoke_options.input must be for an input; takes the value. The output of the run is the member "output" of
 * its result. */
FL_API struct fl_value *fl_entrypoint_input_take(struct fl_value *input);

/* Of a task of an entrypoint: what the run was given, and what the thread's last run saved; lent, NULL when there is
 * none. */
FL_API struct fl_value *fl_task_input(const struct fl_task *task);
FL_API struct fl_value *fl_task_previous(const struct fl_task *task);

/* What it returns, which is also what it saves for the next run; or two values for the two. Take the values. */
FL_API int fl_task_return_take(struct fl_task *task, struct fl_value *value);
FL_API int fl_task_final_take(struct fl_task *task, struct fl_value *value, struct fl_value *save);

#ifdef __cplusplus
}
#endif
