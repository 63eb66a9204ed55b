/* SPDX-License-Identifier: MIT */
/* The MCP client over a process.
 *
 * Happy path: open, the process starts, the session shakes hands and lists, on_ready; calls; close, the process ends,
 * on_closed.
 * Failure modes: it cannot be started, or ends or is silent before it is ready (on_ready with its last
 * words); it dies of the probe (started again at once); it dies later (calls in flight end with FL_E_CLOSED, it is
 * started again after a pause that doubles; after START_TRIES_MAX starts in vain only the next call tries again); it
 * closes its output but lives (it is ended); it does not read (its queue fills: it is killed).
 *
 * Invariants. (1) on_done never comes from inside call or cancel: reports that arise there are delivered by a post. (2)
 * What is to be written leaves before any report is delivered, so a cancel reaches the server before the caller hears
 * of it. */
#include "mcp/client.h"

#include "mcp/client_env.h"
#include "mcp/proto/client_session.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/json/schema.h"
#include "runtime/wire/lines.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum {
  START_TIMEOUT_MS = 30 * 1000,
  IDLE_TIMEOUT_MS = 60 * 1000,
  TOTAL_TIMEOUT_MS = 10 * 60 * 1000,
  RESULT_MAX = 1024 * 1024,
  LINE_MAX_SIZE = 64 * 1024 * 1024,
  GRACE_MS = 1000,
  RESTART_FIRST_MS = 250,
  RESTART_LAST_MS = 30 * 1000,
  STABLE_MS = 60 * 1000,
  START_TRIES_MAX = 5,
  LAST_WORDS_MAX = 8192,
  LAST_WORDS_SHOWN = 1500,
};

/* A schema that a result is checked against; compiled when the tool first answers. */
struct output_check {
  struct fl_schema *schema;
  bool is_tried;
};

struct client {
  struct fl_tool_source source; /* first: the registry sees this */
  struct fl_world *world;
  char **argv, **env;
  char *cwd;
  struct fl_mcp_client_config config;
  struct fl_mcp_client_session *session;
  struct fl_mcp_client_effects effects;
  bool is_delivering, is_post_waiting;
  struct fl_post reports_post;

  struct fl_process process;
  bool is_running;
  struct fl_lines lines, error_lines;
  struct fl_buf last_words;
  char stray[81]; /* how the first line began that was no message, "" for none */
  struct fl_timer deadline_timer;
  int64_t armed_ms; /* -1: not */

  struct output_check *checks; /* as many as tools */
  struct fl_value *listed;     /* holds what source.tools lends */

  bool is_opening, is_closing, was_ready;
  struct fl_error failure; /* why it could not be opened; code 0: none */
  struct fl_timer restart_timer;
  unsigned restart_count, try_count;
  int64_t started_ms;
  struct fl_post late_post; /* after a start that failed at once, or a close without a process */
  bool is_late_posted, must_tell_closed;
};

/* A request on its way. request->impl points here. */
struct client_call {
  struct fl_tool_request *request;
  struct fl_mcp_client_call *call; /* good until is_over, and until its end is reported */
  size_t tool_index;
  bool is_over;
};

static struct client *of_source(struct fl_tool_source *source) { return (struct client *)(void *)source; }

static void deliver(struct client *client);
static void start_process(struct client *client);
static void start_failed(struct client *client);
static void tell_closed(struct client *client);

/* ---- tools ---- */

static void forget_tools(struct client *client) {
  for (size_t i = 0; i < client->source.tool_count; i++) fl_schema_destroy(client->checks[i].schema);
  fl_free(client->checks);
  fl_free(client->source.tools);
  fl_value_unref(client->listed);
  client->checks = NULL;
  client->source.tools = NULL;
  client->source.tool_count = 0;
  client->listed = NULL;
}

static void take_tools(struct client *client) {
  forget_tools(client);
  client->listed = fl_value_ref((struct fl_value *)(uintptr_t)fl_mcp_client_tools(client->session));
  size_t count = fl_size(client->listed);
  client->source.tools = fl_new_array(struct fl_tool_info, count + 1);
  client->checks = fl_new_array(struct output_check, count + 1);
  client->source.tool_count = count;
  for (size_t i = 0; i < count; i++) {
    const struct fl_value *tool = fl_at(client->listed, i);
    struct fl_value *output = fl_get(tool, "outputSchema"), *annotations = fl_get(tool, "annotations");
    client->source.tools[i] = (struct fl_tool_info){.name = fl_get_string(tool, "name", ""),
                                                    .title = fl_get_string(tool, "title", NULL),
                                                    .description = fl_get_string(tool, "description", NULL),
                                                    .input_schema = fl_get(tool, "inputSchema"),
                                                    .output_schema = fl_is(output, FL_OBJECT) ? output : NULL,
                                                    .annotations = fl_is(annotations, FL_OBJECT) ? annotations : NULL};
  }
}

static bool find_tool(const struct client *client, const char *name, size_t *ret_index) {
  for (size_t i = 0; i < client->source.tool_count; i++)
    if (strcmp(client->source.tools[i].name, name) == 0) {
      *ret_index = i;
      return true;
    }
  return false;
}

/* 0, or FL_E_PROTOCOL when the structured content breaks the tool's own output schema. A schema that we cannot use
 * checks nothing. */
static int check_output(struct client *client, size_t tool_index, const struct fl_value *result, struct fl_error *err) {
  const struct fl_value *structured = fl_get(result, "structuredContent");
  if (tool_index >= client->source.tool_count || structured == NULL || fl_get_bool(result, "isError", false)) return 0;
  const struct fl_tool_info *tool = &client->source.tools[tool_index];
  struct output_check *check = &client->checks[tool_index];
  if (!check->is_tried && tool->output_schema != NULL)
    fl_schema_create(tool->output_schema, NULL, &check->schema, NULL);
  check->is_tried = true;
  if (check->schema == NULL) return 0;
  struct fl_schema_result violations = {0};
  int status = 0;
  if (fl_schema_validate(check->schema, structured, &violations) == 1) {
    FL_BUF_AUTO text = {0};
    fl_schema_result_text(&violations, &text);
    status = fl_error_set(err, FL_E_PROTOCOL, "%s/%s: the structured result breaks the tool's output schema: %s",
                          client->source.name, tool->name, text.data);
  }
  fl_schema_result_deinit(&violations);
  return status;
}

/* ---- time ---- */

static void on_deadline(struct fl_timer *timer) {
  struct client *client = timer->user;
  client->armed_ms = -1;
  fl_mcp_client_time(client->session, fl_world_now_ms(client->world), &client->effects);
  deliver(client);
}

/* The session's deadline is a lower bound that mostly moves away; the timer is set anew only when it comes nearer. */
static void arm(struct client *client) {
  int64_t deadline = fl_mcp_client_deadline_ms(client->session);
  if (deadline < 0) {
    if (client->armed_ms >= 0) fl_timer_stop(client->world, &client->deadline_timer);
    client->armed_ms = -1;
    return;
  }
  if (client->armed_ms >= 0 && client->armed_ms <= deadline) return;
  int64_t left = deadline - fl_world_now_ms(client->world);
  client->armed_ms = deadline;
  fl_timer_start(client->world, &client->deadline_timer, left > 0 ? (uint64_t)left : 0);
}

/* ---- what the session wants ---- */

static void flush_out(struct client *client) {
  struct fl_buf *out = &client->effects.out;
  if (out->size == 0) return;
  int status = client->is_running ? fl_process_write(&client->process, fl_buf_slice(out)) : 0;
  if (status == FL_E_LIMIT) fl_process_kill(&client->process, SIGKILL); /* it reads nothing; on_exit tells its calls */
  fl_buf_clear(out);
}

/* A program that is no server says so by what it prints. */
static void note_stray(struct client *client, fl_slice line) {
  if (client->stray[0] != '\0' || line.size == 0 || line.data[0] == '{' || line.data[0] == '[') return;
  FL_VALUE_AUTO text = fl_string_n(line.data, line.size < sizeof client->stray ? line.size : sizeof client->stray - 1);
  snprintf(client->stray, sizeof client->stray, "%s", fl_as_string(text));
}

static void add_to_failure(struct client *client, const char *what, const char *text) {
  size_t used = strlen(client->failure.text);
  snprintf(client->failure.text + used, sizeof client->failure.text - used, "%s%s", what, text);
}

static void add_last_words(struct client *client) {
  if (client->stray[0] != '\0') add_to_failure(client, "; it wrote what is no MCP: ", client->stray);
  struct fl_buf *words = &client->last_words;
  size_t size = words->size;
  while (size > 0 && (words->data[size - 1] == '\n' || words->data[size - 1] == ' ')) size--;
  if (size == 0) return;
  size_t shown = size < LAST_WORDS_SHOWN ? size : LAST_WORDS_SHOWN;
  FL_VALUE_AUTO text = fl_string_n(words->data + size - shown, shown); /* makes it UTF-8 */
  add_to_failure(client, "; its last words: ", fl_as_string(text));
}

static void report_failed(struct client *client, const struct fl_mcp_client_report *report) {
  fl_error_set(&client->failure, report->status, "%s", report->text);
  if (client->is_running) fl_process_end(&client->process, GRACE_MS); /* on_exit goes on */
  else start_failed(client);
}

static void report_ready(struct client *client) {
  FL_VALUE_AUTO before = fl_value_ref(client->listed);
  client->try_count = 0;
  take_tools(client);
  if (client->is_opening) {
    client->is_opening = false;
    client->was_ready = true;
    client->source.on_ready(&client->source, 0, NULL);
  } else if (!fl_equal(before, client->listed) && client->source.on_tools_changed != NULL) {
    client->source.on_tools_changed(&client->source);
  }
}

static void report_done(struct client *client, const struct fl_mcp_client_report *report) {
  struct client_call *here = report->call_user;
  struct fl_tool_request *request = here->request;
  struct fl_error err = {0};
  int status = report->status;
  if (status == 0) status = check_output(client, here->tool_index, report->result, &err);
  else fl_error_set(&err, status, "%s", report->text);
  fl_free(here);
  request->impl = NULL;
  request->on_done(request, status, status == 0 ? report->result : NULL, report->sent, status != 0 ? &err : NULL);
}

static bool is_about_process(enum fl_mcp_client_report_type type) {
  return type == FL_MCP_CLIENT_READY || type == FL_MCP_CLIENT_FAILED || type == FL_MCP_CLIENT_RESPAWN;
}

static void perform(struct client *client, const struct fl_mcp_client_report *report) {
  struct fl_tool_source *source = &client->source;
  if (client->is_closing && is_about_process(report->type)) return;
  switch (report->type) {
  case FL_MCP_CLIENT_READY: report_ready(client); return;
  case FL_MCP_CLIENT_FAILED: report_failed(client, report); return;
  case FL_MCP_CLIENT_RESPAWN: start_process(client); return;
  case FL_MCP_CLIENT_CALL_DONE: report_done(client, report); return;
  case FL_MCP_CLIENT_TOOLS_CHANGED:
    take_tools(client);
    if (source->on_tools_changed != NULL) source->on_tools_changed(source);
    return;
  case FL_MCP_CLIENT_CALL_PROGRESS: {
    struct fl_tool_request *request = ((struct client_call *)report->call_user)->request;
    if (request->on_progress != NULL)
      request->on_progress(request, report->progress.done, report->progress.total, report->text);
    return;
  }
  case FL_MCP_CLIENT_LOG:
    if (source->on_log != NULL) source->on_log(source, report->level, report->text);
    return;
  }
}

/* Callbacks may call and cancel, which adds new effects; so each round works on effects of its own. */
static void deliver(struct client *client) {
  if (client->is_delivering) return;
  client->is_delivering = true;
  flush_out(client);
  while (client->effects.count > 0) {
    struct fl_mcp_client_effects round = client->effects;
    client->effects = (struct fl_mcp_client_effects){0};
    for (size_t i = 0; i < round.count; i++) perform(client, &round.reports[i]);
    fl_mcp_client_effects_deinit(&round);
    flush_out(client);
  }
  client->is_delivering = false;
  arm(client);
}

static void on_reports_post(struct fl_post *post) {
  struct client *client = post->user;
  client->is_post_waiting = false;
  deliver(client);
  if (client->must_tell_closed) tell_closed(client);
}

/* After a step that was not taken from a callback of the world. */
static void deliver_later(struct client *client) {
  if (client->is_delivering) return; /* the loop in deliver goes on */
  flush_out(client);
  arm(client);
  if (client->effects.count == 0 || client->is_post_waiting) return;
  client->is_post_waiting = true;
  client->reports_post = (struct fl_post){.on_post = on_reports_post, .user = client};
  fl_world_post(client->world, &client->reports_post);
}

/* ---- the process speaks ---- */

static int on_line(int status, fl_slice line, void *user) {
  struct client *client = user;
  if (status == 0 && client->is_opening) note_stray(client, line);
  if (status == 0) fl_mcp_client_line(client->session, fl_world_now_ms(client->world), line, &client->effects);
  else fl_mcp_client_line_too_long(client->session, line, &client->effects);
  return 0;
}

static void on_stdout(struct fl_process *process, fl_slice data) {
  struct client *client = process->user;
  if (client->is_closing) return;
  fl_lines_feed(&client->lines, data, on_line, client);
  deliver(client);
}

static int on_error_line(int status, fl_slice line, void *user) {
  struct client *client = user;
  if (client->source.on_log == NULL || line.size == 0) return 0;
  FL_VALUE_AUTO text = fl_string_n(line.data, line.size);
  client->source.on_log(&client->source, "info", fl_as_string(text));
  return 0;
}

static void on_stderr(struct fl_process *process, fl_slice data) {
  struct client *client = process->user;
  fl_slice kept = data;
  if (kept.size > LAST_WORDS_MAX) kept = fl_slice_n(data.data + data.size - LAST_WORDS_MAX, LAST_WORDS_MAX);
  if (client->last_words.size + kept.size > LAST_WORDS_MAX)
    fl_buf_consume(&client->last_words, client->last_words.size + kept.size - LAST_WORDS_MAX);
  fl_buf_add(&client->last_words, kept.data, kept.size);
  fl_lines_feed(&client->error_lines, data, on_error_line, client);
}

static void on_stdout_end(struct fl_process *process) {
  struct client *client = process->user;
  fl_lines_end(&client->lines, on_line, client);
  if (client->is_closing) return;
  deliver(client);
  fl_process_end(process, GRACE_MS); /* without an output it is of no use */
}

/* ---- starts and ends ---- */

static void tell_ready_failed(struct client *client) {
  struct fl_error failure = client->failure;
  client->failure = (struct fl_error){0};
  client->is_opening = false;
  client->source.on_ready(&client->source, failure.code, &failure);
}

static void schedule_restart(struct client *client) {
  if (client->is_closing) return;
  uint64_t delay_ms = RESTART_FIRST_MS;
  for (unsigned i = 0; i < client->restart_count && delay_ms < RESTART_LAST_MS; i++) delay_ms *= 2;
  if (delay_ms > RESTART_LAST_MS) delay_ms = RESTART_LAST_MS;
  client->restart_count++;
  fl_timer_start(client->world, &client->restart_timer, delay_ms);
}

/* The handshake failed and the process is gone. */
static void start_failed(struct client *client) {
  if (client->is_closing) return;
  add_last_words(client);
  if (client->is_opening) {
    tell_ready_failed(client);
    return;
  }
  if (client->source.on_log != NULL) client->source.on_log(&client->source, "error", client->failure.text);
  if (++client->try_count < START_TRIES_MAX) schedule_restart(client);
  else fl_mcp_client_given_up(client->session, client->failure.text, &client->effects);
  client->failure = (struct fl_error){0};
  deliver(client);
}

/* The last thing: the source may be destroyed then, so nothing may be on its way to it. */
static void tell_closed(struct client *client) {
  client->must_tell_closed = client->is_post_waiting;
  if (client->must_tell_closed) return;
  deliver(client);
  fl_timer_stop(client->world, &client->deadline_timer);
  if (client->is_opening) {
    fl_error_set(&client->failure, FL_E_CLOSED, "server %s was closed before it was ready", client->source.name);
    tell_ready_failed(client);
  }
  if (client->source.on_closed != NULL) client->source.on_closed(&client->source);
}

static void describe_end(char *ret_text, size_t size, int exit_status, int term_signal) {
  if (term_signal != 0) snprintf(ret_text, size, "was killed by signal %d (%s)", term_signal, strsignal(term_signal));
  else snprintf(ret_text, size, "exited with status %d", exit_status);
}

static void on_exit_process(struct fl_process *process, int exit_status, int term_signal) {
  struct client *client = process->user;
  char how[100];
  client->is_running = false;
  fl_lines_end(&client->error_lines, on_error_line, client);
  describe_end(how, sizeof how, exit_status, term_signal);
  if (client->is_closing) {
    tell_closed(client);
    return;
  }
  bool has_failed = client->failure.code != 0;
  bool was_up = fl_mcp_client_is_ready(client->session);
  fl_mcp_client_exited(client->session, how, &client->effects);
  if (was_up && fl_world_now_ms(client->world) - client->started_ms > STABLE_MS) client->restart_count = 0;
  if (was_up) schedule_restart(client);
  deliver(client);
  if (has_failed) start_failed(client);
}

static void on_late_post(struct fl_post *post) {
  struct client *client = post->user;
  client->is_late_posted = false;
  if (client->is_closing) tell_closed(client);
  else start_failed(client);
}

static void post_late(struct client *client) {
  if (client->is_late_posted) return;
  client->is_late_posted = true;
  client->late_post = (struct fl_post){.on_post = on_late_post, .user = client};
  fl_world_post(client->world, &client->late_post);
}

static void start_process(struct client *client) {
  struct fl_process_options options = {.size = sizeof options,
                                       .argv = (const char *const *)client->argv,
                                       .env = (const char *const *)client->env,
                                       .cwd = client->cwd};
  client->process = (struct fl_process){.on_stdout = on_stdout,
                                        .on_stderr = on_stderr,
                                        .on_stdout_end = on_stdout_end,
                                        .on_exit = on_exit_process,
                                        .user = client};
  fl_buf_clear(&client->last_words);
  fl_lines_deinit(&client->lines);
  fl_lines_init(&client->lines, LINE_MAX_SIZE);
  fl_lines_deinit(&client->error_lines);
  fl_lines_init(&client->error_lines, LAST_WORDS_MAX);
  client->failure = (struct fl_error){0};
  client->started_ms = fl_world_now_ms(client->world);
  if (fl_process_start(client->world, &client->process, &options, &client->failure) < 0) {
    fl_error_context(&client->failure, "server %s", client->source.name);
    post_late(client);
    return;
  }
  client->is_running = true;
  fl_mcp_client_started(client->session, client->started_ms, &client->effects);
  deliver_later(client);
}

static void on_restart(struct fl_timer *timer) { start_process(timer->user); }

static void client_open(struct fl_tool_source *source) {
  struct client *client = of_source(source);
  if (client->is_opening || client->is_closing || client->was_ready) return;
  client->is_opening = true;
  start_process(client);
}

static void client_close(struct fl_tool_source *source) {
  struct client *client = of_source(source);
  if (client->is_closing) return;
  client->is_closing = true;
  fl_timer_stop(client->world, &client->restart_timer);
  fl_mcp_client_exited(client->session, "was closed", &client->effects);
  fl_mcp_client_given_up(client->session, "it was closed", &client->effects);
  deliver_later(client);
  if (client->is_running) fl_process_end(&client->process, GRACE_MS);
  else post_late(client);
}

static void client_destroy(struct fl_tool_source *source) {
  struct client *client = of_source(source);
  fl_check(!client->is_running);
  forget_tools(client);
  fl_mcp_client_session_destroy(client->session);
  fl_mcp_client_effects_deinit(&client->effects);
  fl_lines_deinit(&client->lines);
  fl_lines_deinit(&client->error_lines);
  fl_buf_deinit(&client->last_words);
  fl_mcp_env_free(client->argv);
  fl_mcp_env_free(client->env);
  fl_free(client->cwd);
  fl_free(source->name);
  fl_free(client);
}

/* ---- calls ---- */

/* After it was given up, a server gets one more try for each time that somebody needs it. */
static void wake(struct client *client) {
  if (client->is_running || client->restart_timer.impl != NULL || client->is_late_posted) return;
  client->try_count = START_TRIES_MAX - 1;
  start_process(client);
}

static void client_call(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct client *client = of_source(source);
  struct fl_error err = {0};
  size_t tool_index = 0;
  request->impl = NULL;
  if (client->is_closing || !client->was_ready) fl_error_set(&err, FL_E_CLOSED, "server %s is not open", source->name);
  else if (!find_tool(client, request->tool, &tool_index))
    fl_error_set(&err, FL_E_NOT_FOUND, "server %s has no tool \"%s\"", source->name, request->tool);
  if (err.code != 0) {
    fl_tool_request_refuse(client->world, request, &err);
    return;
  }
  struct client_call *here = fl_new(struct client_call);
  *here = (struct client_call){.request = request, .tool_index = tool_index};
  request->impl = here;
  struct fl_mcp_client_call_options options = {
      .tool = request->tool,
      .args = request->args,
      .call_id = request->call_id,
      .idle_timeout_ms = request->idle_timeout_ms != 0 ? request->idle_timeout_ms : IDLE_TIMEOUT_MS,
      .total_timeout_ms = request->total_timeout_ms != 0 ? request->total_timeout_ms : TOTAL_TIMEOUT_MS,
      .result_max = request->result_max != 0 ? request->result_max : RESULT_MAX,
      .user = here};
  here->call = fl_mcp_client_call(client->session, fl_world_now_ms(client->world), &options, &client->effects);
  wake(client);
  deliver_later(client);
}

static void client_cancel(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct client *client = of_source(source);
  struct client_call *here = request->impl;
  if (here == NULL || here->is_over) return;
  here->is_over = true;
  fl_mcp_client_cancel(client->session, here->call, "the caller cancelled it", &client->effects);
  deliver_later(client);
}

/* ---- life ---- */

static const struct fl_tool_source_ops CLIENT_OPS = {.open = client_open,
                                                     .call = client_call,
                                                     .cancel = client_cancel,
                                                     .close = client_close,
                                                     .destroy = client_destroy};

static char **copy_list(const char *const *list) {
  size_t count = 0;
  while (list[count] != NULL) count++;
  char **copy = fl_new_array(char *, count + 1);
  for (size_t i = 0; i < count; i++) copy[i] = fl_strdup(list[i]);
  return copy;
}

static int read_era(const char *name, const char *era, enum fl_mcp_era *ret_era, struct fl_error *err) {
  *ret_era = 0;
  if (era == NULL) return 0;
  if (strcmp(era, "modern") == 0) *ret_era = FL_MCP_MODERN;
  else if (strcmp(era, "legacy") == 0) *ret_era = FL_MCP_LEGACY;
  else return fl_error_set(err, FL_E_INVALID, "server %s: era \"%s\" must be \"modern\" or \"legacy\"", name, era);
  return 0;
}

int fl_mcp_client_create(struct fl_world *world, const struct fl_mcp_client_options *options,
                         struct fl_tool_source **ret_source, struct fl_error *err) {
  enum fl_mcp_era era;
  if (options->argv == NULL || options->argv[0] == NULL || options->argv[0][0] == '\0')
    return fl_error_set(err, FL_E_INVALID, "server %s has no command", options->name);
  if (read_era(options->name, options->era, &era, err) < 0) return FL_E_INVALID;
  struct client *client = fl_new(struct client);
  client->source = (struct fl_tool_source){.ops = &CLIENT_OPS, .name = fl_strdup(options->name)};
  client->world = world;
  client->argv = copy_list(options->argv);
  client->env = fl_mcp_env_make((const char *const *)environ, options->env);
  client->cwd = fl_strdup(options->cwd);
  client->armed_ms = -1;
  client->config = (struct fl_mcp_client_config){
      .server_name = client->source.name,
      .client_version = FL_VERSION,
      .era = era,
      .start_timeout_ms = options->start_timeout_ms != 0 ? options->start_timeout_ms : START_TIMEOUT_MS};
  client->session = fl_mcp_client_session_create(&client->config);
  client->deadline_timer = (struct fl_timer){.on_fire = on_deadline, .user = client};
  client->restart_timer = (struct fl_timer){.on_fire = on_restart, .user = client};
  *ret_source = &client->source;
  return 0;
}

struct fl_value *fl_mcp_client_describe(const struct fl_tool_source *source) {
  if (source->ops != &CLIENT_OPS) return NULL;
  return fl_mcp_client_session_describe(((const struct client *)(const void *)source)->session);
}
