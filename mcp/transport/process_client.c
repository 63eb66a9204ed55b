/* SPDX-License-Identifier: MIT */
/* A server as a process: messages are lines on its standard input and output; what it says on standard error is logged,
 * and its end is kept for the error.
 *
 * Failure modes: it cannot be started (start says so); it ends (on_down); it closes its output but lives (it is ended);
 * it does not read (its queue fills: it is killed); it prints what is no message (the session skips it; the first such
 * line is kept for the error). */
#include "mcp/transport/transport.h"
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/wire/lines.h"

#include <fairlead/value.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

enum { GRACE_MS = 1000, LAST_WORDS_MAX = 8192, LAST_WORDS_SHOWN = 1500 };

struct process_client {
  struct fl_mcp_transport transport; /* first */
  char **argv, **env;
  char *name, *cwd, *policy;
  const struct fl_process_secret *secrets;
  size_t secret_count, line_max;
  struct fl_process process;
  bool is_running, is_stopping;
  bool is_deaf; /* it was killed because it does not read */
  struct fl_lines lines, error_lines;
  struct fl_known_stream *shown; /* of standard error */
  struct fl_buf last_words;      /* a ring: the end of what it said on standard error */
  char stray[81];                /* how the first line began that was no message, "" for none */
};

static struct process_client *of_transport(struct fl_mcp_transport *transport) {
  return (struct process_client *)(void *)transport;
}

static const struct fl_known *known_of(const struct process_client *client) {
  return fl_vault_known(client->transport.world);
}

/* ---- it speaks ---- */

/* A program that is no server says so by what it prints. */
static void note_stray(struct process_client *client, fl_slice line) {
  FL_BUF_AUTO shown = {.limit = FL_KNOWN_TEXT_MAX};
  if (client->stray[0] != '\0' || line.size == 0 || line.data[0] == '{' || line.data[0] == '[') return;
  if (fl_known_finds(known_of(client), line)) {
    fl_known_hide(known_of(client), line, &shown);
    line = fl_buf_slice(&shown);
  }
  FL_VALUE_AUTO text = fl_string_n(line.data, line.size < sizeof client->stray ? line.size : sizeof client->stray - 1);
  snprintf(client->stray, sizeof client->stray, "%s", fl_as_string(text));
}

static int on_line(int status, fl_slice line, void *user) {
  struct process_client *client = user;
  struct fl_mcp_transport *transport = &client->transport;
  if (client->is_stopping) return 1;
  if (status == 0) note_stray(client, line);
  if (status == 0) transport->on_message(transport, 0, line);
  else transport->on_too_long(transport, 0, line);
  return 0;
}

static void on_stdout(struct fl_process *process, fl_slice data) {
  struct process_client *client = process->user;
  if (!client->is_stopping) fl_lines_feed(&client->lines, data, on_line, client);
}

static int on_error_line(int status, fl_slice line, void *user) {
  struct process_client *client = user;
  if (line.size == 0) return 0;
  FL_VALUE_AUTO text = fl_string_n(line.data, line.size);
  client->transport.on_log(&client->transport, "info", fl_as_string(text));
  return 0;
}

static void take_errors(struct process_client *client, fl_slice data) {
  fl_slice kept = data;
  if (kept.size > LAST_WORDS_MAX) kept = fl_slice_n(data.data + data.size - LAST_WORDS_MAX, LAST_WORDS_MAX);
  if (client->last_words.size + kept.size > LAST_WORDS_MAX)
    fl_buf_consume(&client->last_words, client->last_words.size + kept.size - LAST_WORDS_MAX);
  fl_buf_add(&client->last_words, kept.data, kept.size);
  fl_lines_feed(&client->error_lines, data, on_error_line, client);
}

/* Neither a line nor the last words show a secret, however it is cut into pieces. */
static void on_stderr(struct fl_process *process, fl_slice data) {
  struct process_client *client = process->user;
  FL_BUF_AUTO shown = {.limit = FL_KNOWN_TEXT_MAX};
  if (known_of(client) == NULL) {
    take_errors(client, data);
    return;
  }
  fl_known_stream_feed(client->shown, known_of(client), data, &shown);
  if (shown.size > 0) take_errors(client, fl_buf_slice(&shown));
}

static void end_errors(struct process_client *client) {
  FL_BUF_AUTO rest = {.limit = FL_KNOWN_TEXT_MAX};
  fl_known_stream_end(client->shown, &rest);
  if (rest.size > 0) take_errors(client, fl_buf_slice(&rest));
  fl_lines_end(&client->error_lines, on_error_line, client);
}

static void on_stdout_end(struct fl_process *process) {
  struct process_client *client = process->user;
  if (client->is_stopping) return;
  fl_lines_end(&client->lines, on_line, client);
  if (!client->is_stopping) fl_process_end(process, GRACE_MS); /* without an output it is of no use */
}

static void on_exit_process(struct fl_process *process, int exit_status, int term_signal) {
  struct process_client *client = process->user;
  char how[100];
  client->is_running = false;
  end_errors(client);
  if (client->is_deaf) snprintf(how, sizeof how, "did not read its input and was ended");
  else if (process->limit[0] != '\0')
    snprintf(how, sizeof how, "went over the limit \"%s\" of its sandbox and was ended", process->limit);
  else if (term_signal != 0)
    snprintf(how, sizeof how, "was killed by signal %d (%s)", term_signal, strsignal(term_signal));
  else snprintf(how, sizeof how, "exited with status %d", exit_status);
  client->transport.on_down(&client->transport, how);
}

/* ---- the table ---- */

static int process_start(struct fl_mcp_transport *transport, struct fl_error *err) {
  struct process_client *client = of_transport(transport);
  struct fl_process_options options = {.size = sizeof options,
                                       .argv = (const char *const *)client->argv,
                                       .env = (const char *const *)client->env,
                                       .cwd = client->cwd,
                                       .policy = client->policy,
                                       .secrets = client->secrets,
                                       .secret_count = client->secret_count};
  client->process = (struct fl_process){.on_stdout = on_stdout,
                                        .on_stderr = on_stderr,
                                        .on_stdout_end = on_stdout_end,
                                        .on_exit = on_exit_process,
                                        .user = client};
  fl_buf_clear(&client->last_words);
  client->stray[0] = '\0';
  client->is_stopping = client->is_deaf = false;
  fl_lines_deinit(&client->lines);
  fl_lines_init(&client->lines, client->line_max);
  fl_lines_deinit(&client->error_lines);
  fl_lines_init(&client->error_lines, LAST_WORDS_MAX);
  int status = fl_process_start(transport->world, &client->process, &options, err);
  client->is_running = status == 0;
  if (status == 0) fl_vault_used(transport->world, client->name, client->secrets, client->secret_count);
  return status;
}

static void process_send(struct fl_mcp_transport *transport, const struct fl_mcp_client_effects *effects) {
  struct process_client *client = of_transport(transport);
  if (!client->is_running || effects->out.size == 0) return;
  if (fl_process_write(&client->process, fl_buf_slice(&effects->out)) != FL_E_LIMIT) return;
  client->is_deaf = true; /* on_exit tells its calls */
  fl_process_kill(&client->process, SIGKILL);
}

static void process_stop(struct fl_mcp_transport *transport) {
  struct process_client *client = of_transport(transport);
  client->is_stopping = true;
  if (client->is_running) fl_process_end(&client->process, GRACE_MS);
}

static void free_list(char **list) {
  for (size_t i = 0; list != NULL && list[i] != NULL; i++) fl_free(list[i]);
  fl_free(list);
}

static void process_destroy(struct fl_mcp_transport *transport) {
  struct process_client *client = of_transport(transport);
  fl_lines_deinit(&client->lines);
  fl_lines_deinit(&client->error_lines);
  fl_buf_deinit(&client->last_words);
  free_list(client->argv);
  free_list(client->env);
  fl_free(client->name);
  fl_free(client->cwd);
  fl_free(client->policy);
  fl_known_stream_destroy(client->shown);
  fl_free(client);
}

static void add_text(struct fl_error *err, const char *what, const char *text) {
  size_t used = strlen(err->text);
  snprintf(err->text + used, sizeof err->text - used, "%s%s", what, text);
}

static void process_explain(struct fl_mcp_transport *transport, struct fl_error *err) {
  const struct process_client *client = of_transport(transport);
  if (client->stray[0] != '\0') add_text(err, "; it wrote what is no MCP: ", client->stray);
  const struct fl_buf *words = &client->last_words;
  size_t size = words->size;
  while (size > 0 && (words->data[size - 1] == '\n' || words->data[size - 1] == ' ')) size--;
  if (size == 0) return;
  size_t shown = size < LAST_WORDS_SHOWN ? size : LAST_WORDS_SHOWN;
  FL_VALUE_AUTO text = fl_string_n(words->data + size - shown, shown); /* makes it UTF-8 */
  add_text(err, "; its last words: ", fl_as_string(text));
}

static const struct fl_mcp_transport_ops PROCESS_OPS = {.start = process_start,
                                                        .send = process_send,
                                                        .stop = process_stop,
                                                        .destroy = process_destroy,
                                                        .explain = process_explain};

static char **copy_list(const char *const *list) {
  size_t count = 0;
  while (list != NULL && list[count] != NULL) count++;
  char **copy = fl_new_array(char *, count + 1);
  for (size_t i = 0; i < count; i++) copy[i] = fl_strdup(list[i]);
  return copy;
}

struct fl_mcp_transport *fl_mcp_process_create(struct fl_world *world, const struct fl_mcp_process_options *options) {
  struct process_client *client = fl_new(struct process_client);
  client->transport = (struct fl_mcp_transport){.ops = &PROCESS_OPS, .world = world};
  client->argv = copy_list(options->argv);
  client->env = copy_list(options->env);
  client->name = fl_strdup(options->name);
  client->cwd = fl_strdup(options->cwd);
  client->policy = fl_strdup(options->policy);
  client->shown = fl_known_stream_create();
  client->secrets = options->secrets;
  client->secret_count = options->secret_count;
  client->line_max = options->line_max != 0 ? options->line_max : FL_MCP_CLIENT_MESSAGE_SIZE_MAX;
  return &client->transport;
}
