/* SPDX-License-Identifier: MIT */
/* Journalled calls of functions of the program.
 *
 * Happy path: the journal does not know the call; the function runs on the pool; back on the loop its result ends the
 * call like any other.
 * Failure modes: the function says why it failed; the run is cancelled meanwhile (the function is waited for).
 *
 * Callbacks in the order of time: run (on a thread of the pool), on_done. */
#include "runtime/engine/engine.h"

#include "runtime/base/mem.h"

#include <fairlead/entrypoint.h>

/* What the thread of the pool may touch. */
struct fl_function_job {
  struct fl_work work;
  struct fl_task_call *call;
  struct fl_function function;
  struct fl_value *args, *result;
  int status;
  struct fl_error error;
};

static void run(struct fl_work *work) {
  struct fl_function_job *job = work->user;
  job->status = job->function.run(job->args, job->function.user, &job->result, &job->error);
}

static void on_done(struct fl_work *work) {
  struct fl_function_job *job = work->user;
  struct fl_task_call *call = job->call;
  if (job->status >= 0 && job->result == NULL) job->result = fl_null();
  if (job->status < 0 && job->error.code == 0)
    fl_error_set(&job->error, job->status, "%s: %s", call->name, fl_error_sentence(job->status));
  fl_call_ended(call, job->status < 0 ? NULL : job->result, &job->error);
}

void fl_call_function_dispatch(struct fl_task_call *call) {
  struct fl_function_job *job = call->function;
  call->is_running = true;
  job->work = (struct fl_work){.run = run, .on_done = on_done, .user = job};
  fl_work_start(call->task->invocation->runtime->world, &job->work);
}

void fl_call_function_free(struct fl_task_call *call) {
  if (call->function == NULL) return;
  fl_value_unref(call->function->args);
  fl_value_unref(call->function->result);
  fl_free(call->function);
}

int fl_task_call_function(struct fl_task *task, const struct fl_function *function, struct fl_value *args,
                          fl_task_call_fn *on_call_done, void *user) {
  struct fl_task_call *call = fl_call_new(task, FL_CALL_FUNCTION, function->name != NULL ? function->name : "function");
  if (call == NULL) return task->error->code;
  call->function = fl_new(struct fl_function_job);
  call->function->call = call;
  call->function->function = *function;
  call->function->args = args != NULL ? fl_value_ref(args) : fl_null();
  call->args = fl_value_ref(call->function->args);
  call->effect = FL_EFFECT_READ;
  call->on_done = on_call_done;
  call->user = user;
  fl_call_go(call);
  return 0;
}
