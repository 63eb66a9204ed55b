/* SPDX-License-Identifier: MIT */
/* A run as one blocking call: starts it, turns the world until it has ended, hands over the result. */
#include "runtime/engine/engine.h"

struct waiting {
  struct fl_runtime *runtime;
  struct fl_invoke_result *result;
  struct fl_error error;
  bool is_over;
};

static void on_invoke_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct waiting *waiting = user;
  *waiting->result = *result;
  if (err != NULL) waiting->error = *err;
  waiting->is_over = true;
  fl_world_stop(waiting->runtime->world);
}

int fl_runtime_invoke(struct fl_runtime *runtime, struct fl_definition *definition,
                      const struct fl_invoke_options *options, struct fl_invoke_result *ret_result,
                      struct fl_error *err) {
  struct waiting waiting = {.runtime = runtime, .result = ret_result};
  struct fl_invocation *invocation = NULL;
  int rc = fl_invocation_create(runtime, definition, options, &invocation, err);
  if (rc < 0) return rc;
  fl_invocation_begin(invocation, on_invoke_end, &waiting); /* a run in memory without calls ends in here */
  while (!waiting.is_over) fl_world_run(runtime->world);
  if (ret_result->status < 0 && err != NULL) *err = waiting.error;
  return ret_result->status;
}

void fl_invoke_result_deinit(struct fl_invoke_result *result) {
  fl_value_unref(result->output);
  fl_value_unref(result->interrupts);
  result->output = result->interrupts = NULL;
}
