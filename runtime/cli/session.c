/* SPDX-License-Identifier: MIT */
#include "runtime/cli/session.h"

#include "runtime/api/grant.h"
#include "runtime/api/load.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/cli/threads.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- opening ---- */

static int open_runtime(struct fl_session *session) {
  const struct fl_args *args = session->args;
  const char *path = fl_args_get(args, "store");
  FL_FREE_AUTO char *fallback = path == NULL ? fl_default_store() : NULL;
  struct fl_runtime_options options = {.size = sizeof options, .store_path = path != NULL ? path : fallback};
  struct fl_error err = {0};
  if (fl_runtime_create(&options, &session->runtime, &err) == 0) return 0;
  bool is_setting = strncmp(err.text, "FAIRLEAD_", 9) == 0; /* of the environment, and not the store */
  return is_setting ? fl_fail_error(args, &err) : fl_fail_store(args, options.store_path, &err);
}

static int read_layers(const struct fl_args *args) {
  struct fl_error err = {0};
  for (int i = 0; fl_args_nth(args, "without-layer", i) != NULL; i++)
    if (fl_grant_without(fl_args_nth(args, "without-layer", i), &err) < 0) return fl_usage(args, "%s", err.text);
  return 0;
}

static int load_graph(struct fl_session *session) {
  struct fl_diags diags = {0};
  int code = read_layers(session->args);
  if (code != 0) return code;
  int rc = fl_runtime_load_diags(session->runtime, session->file, &session->definition, &diags);
  if (rc < 0) fl_fail_diags(session->args, &diags);
  else fl_print_diags(session->args, &diags);
  fl_diags_deinit(&diags);
  return rc < 0 ? FL_EXIT_USAGE : 0;
}

static int read_on_busy(struct fl_session *session) {
  static const char *const words[] = {[FL_ON_BUSY_REJECT] = "reject",
                                      [FL_ON_BUSY_ENQUEUE] = "enqueue",
                                      [FL_ON_BUSY_INTERRUPT] = "interrupt",
                                      [FL_ON_BUSY_ROLLBACK] = "rollback"};
  const char *way = fl_args_get(session->args, "on-busy");
  int count = sizeof words / sizeof *words, found = way == NULL ? FL_ON_BUSY_REJECT : 0;
  while (way != NULL && found < count && strcmp(way, words[found]) != 0) found++;
  if (found == count)
    return fl_usage(session->args, "--on-busy is reject, enqueue, interrupt or rollback, not \"%s\"", way);
  session->on_busy = (enum fl_on_busy)found;
  return 0;
}

/* The values of an option that may be repeated. */
static int read_names(const struct fl_args *args, const char *option, size_t max, const char **ret_names) {
  for (size_t i = 0; fl_args_nth(args, option, (int)i) != NULL; i++) {
    if (i + 1 == max) return fl_usage(args, "--%s may be given at most %zu times", option, i);
    ret_names[i] = fl_args_nth(args, option, (int)i);
  }
  return 0;
}

/* What holds for each run of the session. */
static int read_policy(struct fl_session *session) {
  static const char *const words[] = {"sync", "async", "exit"};
  const struct fl_args *args = session->args;
  const char *mode = fl_args_get(args, "durability");
  for (int i = 0; i < 3; i++)
    if (mode != NULL && strcmp(mode, words[i]) == 0) session->durability = (enum fl_durability)(FL_DURABLE_SYNC + i);
  if (mode != NULL && session->durability == FL_DURABLE_DEFAULT)
    return fl_usage(args, "--durability is sync, async or exit, not \"%s\"", mode);
  if (fl_args_number(args, "max-concurrency", 10000) < 0) return FL_EXIT_USAGE;
  int rc = read_on_busy(session);
  size_t max = sizeof session->stops_before / sizeof *session->stops_before;
  if (rc == 0) rc = read_names(args, "interrupt-before", max, session->stops_before);
  if (rc == 0) rc = read_names(args, "interrupt-after", max, session->stops_after);
  if (rc == 0) rc = fl_args_json(args, "context", &session->context);
  if (rc == 0 && session->context != NULL && !fl_is(session->context, FL_OBJECT))
    rc = fl_usage(args, "--context takes an object: '{\"user\": \"ada\"}'");
  return rc;
}

int fl_session_open(struct fl_session *session, const struct fl_args *args) {
  *session = (struct fl_session){.args = args};
  const char *thread = fl_args_get(args, "thread");
  if (thread != NULL && !fl_is_thread_id(thread))
    return fl_usage(args, "\"%s\" cannot be a thread id: 1 to 128 of A-Z a-z 0-9 . _ : -", thread);
  const char *stream = fl_args_get(args, "stream");
  int modes = stream != NULL ? fl_follow_modes(args, stream) : 0;
  if (modes < 0 || fl_args_number(args, "recursion-limit", 1000000) < 0) return FL_EXIT_USAGE;
  session->file = fl_strdup(args->items[0]);
  session->thread = fl_strdup(thread);
  fl_follower_init(&session->follower, args, (unsigned)modes);
  int code = read_policy(session);
  if (code == 0) code = open_runtime(session);
  if (code == 0) code = load_graph(session);
  if (code != 0) fl_session_close(session);
  return code;
}

/* The graph file of a thread that is there. */
static int find_file(struct fl_session *session) {
  struct fl_thread_info info = {0};
  struct fl_error err = {0};
  const char *given = fl_args_get(session->args, "graph");
  int rc = fl_store_read_thread(fl_runtime_store(session->runtime), session->thread, &info, &err);
  if (rc == 0) session->file = fl_strdup(given != NULL ? given : info.graph_file);
  fl_thread_info_deinit(&info);
  if (rc < 0) return fl_fail_error(session->args, &err);
  if (session->file != NULL) return 0;
  return fl_usage(session->args, "thread %s was not run from a graph file; name one with --graph FILE",
                  session->thread);
}

int fl_session_open_thread(struct fl_session *session, const struct fl_args *args, const char *thread) {
  struct fl_opened opened;
  *session = (struct fl_session){.args = args};
  if (!fl_is_thread_id(thread))
    return fl_usage(args, "\"%s\" cannot be a thread id: 1 to 128 of A-Z a-z 0-9 . _ : -", thread);
  int code = fl_opened_open(&opened, args, true); /* a store that is not there is not made */
  if (code != 0) return code;
  fl_opened_close(&opened);
  session->thread = fl_strdup(thread);
  fl_follower_init(&session->follower, args, 0);
  code = read_policy(session);
  if (code == 0) code = open_runtime(session);
  if (code == 0) code = find_file(session);
  if (code == 0) code = load_graph(session);
  if (code != 0) fl_session_close(session);
  return code;
}

void fl_session_close(struct fl_session *session) {
  fl_value_unref(session->context);
  fl_definition_unref(session->definition);
  fl_runtime_destroy(session->runtime);
  fl_follower_deinit(&session->follower);
  fl_free(session->file);
  fl_free(session->thread);
  *session = (struct fl_session){0};
}

/* ---- running ---- */

/* The first signal cancels the run and keeps the thread; the second leaves at once. */
static void on_signal(struct fl_signal *signal, int number) {
  struct fl_session *session = signal->user;
  if (session->is_over) return;
  if (session->was_cancelled) _exit(FL_EXIT_CANCELLED);
  session->was_cancelled = true;
  if (!session->args->json) fprintf(stderr, "\ncancelling (once more to leave at once)\n");
  fl_invocation_cancel(session->invocation);
}

void fl_session_stop(struct fl_session *session) {
  struct fl_store *store = fl_runtime_store(session->runtime);
  fl_store_pause(store);
  raise(SIGSTOP);
  fl_store_resume(store);
}

static void on_stop_signal(struct fl_signal *signal, int number) { fl_session_stop(signal->user); }

static void on_end(struct fl_invoke_result *result, const struct fl_error *err, void *user) {
  struct fl_session *session = user;
  session->result = *result;
  if (err != NULL) session->error = *err;
  session->is_over = true;
  struct fl_world *world = fl_runtime_world(session->runtime);
  fl_signal_stop(world, &session->on_int);
  fl_signal_stop(world, &session->on_term);
  fl_signal_stop(world, &session->on_stop);
  fl_world_stop(world);
}

static void watch_signals(struct fl_session *session) {
  struct fl_world *world = fl_runtime_world(session->runtime);
  session->on_int = (struct fl_signal){.on_signal = on_signal, .user = session};
  session->on_term = (struct fl_signal){.on_signal = on_signal, .user = session};
  fl_signal_start(world, &session->on_int, SIGINT);
  fl_signal_start(world, &session->on_term, SIGTERM);
  session->on_stop = (struct fl_signal){.on_signal = on_stop_signal, .user = session};
  fl_signal_start(world, &session->on_stop, SIGTSTP);
}

int fl_session_invoke(struct fl_session *session, struct fl_invoke_options *options,
                      struct fl_invoke_result *ret_result) {
  const struct fl_args *args = session->args;
  options->recursion_limit = (uint32_t)fl_args_number(args, "recursion-limit", 1000000);
  options->model = fl_args_get(args, "model");
  options->context = session->context;
  options->as_user = fl_args_get(args, "as");
  options->max_concurrency = (uint32_t)fl_args_number(args, "max-concurrency", 10000);
  options->durability = session->durability;
  options->on_busy = session->on_busy;
  options->interrupt_before = session->stops_before;
  options->interrupt_after = session->stops_after;
  options->keep_events = fl_args_has(args, "keep-events");
  options->user_id = fl_args_get(args, "user");
  options->traceparent = getenv("TRACEPARENT");
  options->tracestate = getenv("TRACESTATE");
  options->follow = fl_follower_wants(&session->follower);
  options->on_event = fl_follower_event;
  options->user = &session->follower;
  session->is_over = session->was_cancelled = false;
  session->error = (struct fl_error){0};
  struct fl_error err = {0};
  int rc =
      fl_runtime_start(session->runtime, session->definition, options, on_end, session, &session->invocation, &err);
  if (rc < 0) return fl_fail_error(args, &err);
  watch_signals(session);
  while (!session->is_over) fl_world_run(fl_runtime_world(session->runtime));
  session->invocation = NULL;
  *ret_result = session->result;
  return fl_follower_end(&session->follower, session->is_chat ? NULL : session->file, ret_result, &session->error);
}

/* ---- what the thread holds ---- */

bool fl_session_has_messages(const struct fl_session *session) {
  ptrdiff_t index = fl_definition_channel(session->definition, "messages");
  return index >= 0 && session->definition->channels[index].reducer == FL_MESSAGES;
}

struct fl_value *fl_session_user_message(const char *text) {
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", "user");
  fl_set_string(message, "content", text);
  struct fl_value *messages = fl_array();
  fl_append_take(messages, message);
  struct fl_value *input = fl_object();
  fl_set_take(input, "messages", messages);
  return input;
}

struct fl_value *fl_session_describe(struct fl_session *session) {
  struct fl_loaded loaded = {0};
  if (fl_store_load(fl_runtime_store(session->runtime), session->thread, "", 0, &loaded, NULL) < 0) return NULL;
  struct fl_run_settings settings = {.size = sizeof settings};
  struct fl_run *run = fl_run_create(session->definition, &loaded, &settings);
  struct fl_value *description = fl_run_describe(run);
  fl_run_destroy(run);
  fl_loaded_deinit(&loaded);
  return description;
}

bool fl_session_is_interrupted(struct fl_session *session) {
  struct fl_thread_info info = {0};
  int rc = fl_store_read_thread(fl_runtime_store(session->runtime), session->thread, &info, NULL);
  bool is_interrupted = rc == 0 && info.status != NULL && strcmp(info.status, "interrupted") == 0;
  fl_thread_info_deinit(&info);
  return is_interrupted;
}

static const struct fl_value *last_user_content(const struct fl_value *messages) {
  for (size_t i = fl_size(messages); i > 0; i--)
    if (strcmp(fl_get_string(fl_at(messages, i - 1), "role", ""), "user") == 0)
      return fl_get(fl_at(messages, i - 1), "content");
  return NULL;
}

bool fl_session_is_unfinished(struct fl_session *session, const struct fl_value *input) {
  FL_VALUE_AUTO description = fl_session_describe(session);
  if (fl_size(fl_get(description, "next")) == 0) return false;
  const struct fl_value *asked = last_user_content(fl_get(input, "messages"));
  const struct fl_value *begun = last_user_content(fl_get(fl_get(description, "values"), "messages"));
  return asked != NULL && begun != NULL && fl_equal(asked, begun);
}

bool fl_session_are_interrupt_ids(const struct fl_value *answers) {
  struct fl_member member = {0};
  if (!fl_is(answers, FL_OBJECT) || fl_size(answers) == 0) return false;
  while (fl_next_member(answers, &member))
    if (!fl_is_uuid(member.key)) return false;
  return true;
}
