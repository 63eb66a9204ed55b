/* SPDX-License-Identifier: MIT */
/* fairlead threads fork, edit, resume, copy: going another way. */
#include "runtime/base/mem.h"
#include "runtime/cli/session.h"
#include "runtime/cli/threads.h"

#include <string.h>

/* ---- waiting for a change ---- */

struct waiting {
  const struct fl_args *args;
  struct fl_world *world;
  const char *thread;
  int code;
  bool is_over;
};

static void on_done(int status, const char *checkpoint, const struct fl_error *err, void *user) {
  struct waiting *waiting = user;
  waiting->is_over = true;
  fl_world_stop(waiting->world);
  if (status < 0) {
    waiting->code = fl_fail_error(waiting->args, err);
    return;
  }
  FL_VALUE_AUTO line = fl_object();
  fl_set_string(line, "thread_id", waiting->thread);
  fl_set_string(line, "checkpoint_id", checkpoint);
  if (waiting->args->json) fl_print_json(line);
  else printf("thread %s stands at %s\n", waiting->thread, checkpoint);
}

/* `rc`: how the change was received. */
static int wait_for(struct waiting *waiting, int rc, const struct fl_error *err) {
  if (rc < 0) return fl_fail_error(waiting->args, err);
  while (!waiting->is_over) fl_world_run(waiting->world);
  return waiting->code;
}

static int update(struct fl_args *args, struct fl_update_options *options) {
  struct fl_session session;
  struct fl_error err = {0};
  int code = fl_session_open_thread(&session, args, args->items[0]);
  if (code != 0) return code;
  struct waiting waiting = {.args = args, .world = fl_runtime_world(session.runtime), .thread = session.thread};
  options->size = sizeof *options;
  options->definition = session.definition;
  options->thread = session.thread;
  code = wait_for(&waiting, fl_thread_update(session.runtime, options, on_done, &waiting, &err), &err);
  fl_session_close(&session);
  return code;
}

/* ---- the commands ---- */

int fl_cmd_threads_fork(struct fl_args *args) {
  if (args->count != 2)
    return fl_usage(args, "name a thread and one of its checkpoints (see 'fairlead threads history')");
  return update(args, &(struct fl_update_options){.checkpoint = args->items[1], .as_node = "COPY"});
}

int fl_cmd_threads_edit(struct fl_args *args) {
  if (args->count != 1) return fl_usage(args, "name one thread (see 'fairlead threads list')");
  FL_VALUE_AUTO values = NULL;
  FL_VALUE_AUTO steps = NULL;
  FL_VALUE_AUTO metadata = NULL;
  int code = fl_args_json(args, "values", &values);
  if (code == 0) code = fl_args_json(args, "supersteps", &steps);
  if (code == 0) code = fl_args_json(args, "metadata", &metadata);
  if (code != 0) return code;
  const char *node = fl_args_get(args, "as");
  if (values == NULL && steps == NULL && node == NULL)
    return fl_usage(args, "say what is written: --values JSON, and as which node: --as NODE");
  return update(args, &(struct fl_update_options){.checkpoint = fl_args_get(args, "checkpoint"),
                                                  .values = values,
                                                  .as_node = node,
                                                  .supersteps = steps,
                                                  .metadata = metadata});
}

static int resume(struct fl_session *session, struct fl_value *answer) {
  struct fl_invoke_options options = {.size = sizeof options,
                                      .thread = session->thread,
                                      .resume = answer,
                                      .checkpoint = fl_args_get(session->args, "checkpoint")};
  options.resume_is_map = fl_session_are_interrupt_ids(answer);
  struct fl_invoke_result result = {0};
  int code = fl_session_invoke(session, &options, &result);
  fl_invoke_result_deinit(&result);
  return code;
}

int fl_cmd_threads_resume(struct fl_args *args) {
  if (args->count < 1 || args->count > 2) return fl_usage(args, "name one thread (see 'fairlead threads list')");
  FL_VALUE_AUTO answer = NULL;
  struct fl_error err = {0};
  if (args->count == 2 && fl_parse(args->items[1], strlen(args->items[1]), &answer, &err) < 0)
    return fl_usage(args, "the answer is not JSON: %s (a text needs its quotes: '\"yes\"')", err.text);
  struct fl_session session;
  int code = fl_session_open_thread(&session, args, args->items[0]);
  if (code != 0) return code;
  code = resume(&session, answer);
  fl_session_close(&session);
  return code;
}

int fl_cmd_threads_copy(struct fl_args *args) {
  if (args->count != 2) return fl_usage(args, "name a thread and the new one");
  struct fl_opened opened;
  struct fl_error err = {0};
  int code = fl_opened_open(&opened, args, false);
  if (code != 0) return code;
  struct fl_runtime runtime = {.world = opened.world, .store = opened.store};
  struct waiting waiting = {.args = args, .world = opened.world, .thread = args->items[1]};
  struct fl_copy_options options = {.size = sizeof options,
                                    .from = args->items[0],
                                    .to = args->items[1],
                                    .checkpoint = fl_args_get(args, "checkpoint"),
                                    .state_only = fl_args_has(args, "state")};
  code = wait_for(&waiting, fl_thread_copy(&runtime, &options, on_done, &waiting, &err), &err);
  fl_opened_close(&opened);
  return code;
}
