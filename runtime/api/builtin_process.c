/* SPDX-License-Identifier: MIT */
/* Happy path: the launcher starts the command in a group of its own, with our environment without our secrets; both
 * outputs are kept up to the limit; its end ends the wait.
 * Failure modes: it cannot be started; its time is up or the call is over (SIGTERM to the group, then SIGKILL); it
 * writes more than is kept (that is read and dropped, so that it does not hang). */
#include "mcp/client_env.h"
#include "runtime/api/builtin_host.h"
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/world.h"
#include "runtime/json/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_MS = 20, GRACE_MS = 200 };

struct waiting {
  struct fl_process process;
  struct fl_timer look, late;
  struct fl_world *world;
  struct fl_process_run *run;
  struct fl_buf out, err;
  bool is_done, is_ending;
};

static void keep(struct waiting *waiting, struct fl_buf *buf, struct fl_process_output *output, fl_slice data) {
  size_t room = waiting->run->output_max - buf->size;
  if (data.size > room) output->is_cut = true;
  fl_buf_add(buf, data.data, data.size < room ? data.size : room);
}

static void on_stdout(struct fl_process *process, fl_slice data) {
  struct waiting *waiting = process->user;
  keep(waiting, &waiting->out, &waiting->run->out, data);
}

static void on_stderr(struct fl_process *process, fl_slice data) {
  struct waiting *waiting = process->user;
  keep(waiting, &waiting->err, &waiting->run->err, data);
}

static void on_exit_of(struct fl_process *process, int exit_status, int term_signal) {
  struct waiting *waiting = process->user;
  waiting->run->exit_status = exit_status;
  waiting->run->term_signal = term_signal;
  snprintf(waiting->run->limit, sizeof waiting->run->limit, "%s", process->limit);
  waiting->is_done = true;
  fl_timer_stop(waiting->world, &waiting->look);
  fl_timer_stop(waiting->world, &waiting->late);
}

static void end(struct waiting *waiting) {
  if (!waiting->is_ending) fl_process_end(&waiting->process, GRACE_MS);
  waiting->is_ending = true;
}

static void on_look(struct fl_timer *timer) {
  struct waiting *waiting = timer->user;
  if (fl_call_is_cancelled(waiting->run->call)) end(waiting);
  else fl_timer_start(waiting->world, timer, LOOK_MS);
}

static void on_late(struct fl_timer *timer) {
  struct waiting *waiting = timer->user;
  waiting->run->is_late = true;
  end(waiting);
}

/* Of a character that the limit cut through its part goes, too. */
static void hand_over(const struct fl_buf *raw, struct fl_process_output *output) {
  FL_BUF_AUTO text = {0};
  fl_slice whole = fl_buf_slice(raw);
  for (int i = 0; output->is_cut && i < 3 && whole.size > 0 && fl_utf8_valid_size(whole.data, whole.size) < whole.size;
       i++)
    whole.size--;
  fl_utf8_repair(&text, whole);
  output->text = malloc(text.size + 1);
  if (output->text == NULL) fl_out_of_memory();
  if (text.size > 0) memcpy(output->text, text.data, text.size);
  output->size = text.size;
}

bool fl_builtin_run_process(struct fl_process_run *run) {
  struct waiting waiting = {.world = fl_world_uv_create(NULL), .run = run};
  struct fl_error err = {0};
  waiting.process =
      (struct fl_process){.on_stdout = on_stdout, .on_stderr = on_stderr, .on_exit = on_exit_of, .user = &waiting};
  waiting.look = (struct fl_timer){.on_fire = on_look, .user = &waiting};
  waiting.late = (struct fl_timer){.on_fire = on_late, .user = &waiting};
  const char *const *ours = (const char *const *)environ;
  char **env = run->policy != NULL ? fl_mcp_env_pick(ours, NULL, run->env) : fl_mcp_env_make(ours, NULL);
  const struct fl_process_options options = {.size = sizeof options,
                                             .argv = run->argv,
                                             .env = (const char *const *)env,
                                             .policy = run->policy,
                                             .secrets = run->secrets,
                                             .secret_count = run->secret_count};
  int rc = fl_process_start(waiting.world, &waiting.process, &options, &err);
  if (rc < 0) {
    snprintf(run->error, sizeof run->error, "%.500s", err.text);
  } else {
    fl_process_close_stdin(&waiting.process);
    fl_timer_start(waiting.world, &waiting.look, LOOK_MS);
    fl_timer_start(waiting.world, &waiting.late, run->timeout_ms);
    while (!waiting.is_done) fl_world_run(waiting.world);
    hand_over(&waiting.out, &run->out);
    hand_over(&waiting.err, &run->err);
  }
  fl_mcp_env_free(env);
  fl_buf_deinit(&waiting.out);
  fl_buf_deinit(&waiting.err);
  fl_world_destroy(waiting.world);
  return rc == 0;
}
