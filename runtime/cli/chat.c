/* SPDX-License-Identifier: MIT */
/* Line editing and history by libedit, on a worker thread, so that the loop never waits for a key: servers are heard
 * and leases are kept while somebody types. The editor is touched by one thread at a time: by the worker while it
 * reads, otherwise by us. */
#include "runtime/cli/chat.h"

#include "runtime/base/mem.h"
#include "runtime/engine/engine.h"

#include <histedit.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FL_HISTORY_MAX = 1000 };

static char *prompt(EditLine *editor) {
  static char text[] = "> ";
  return text;
}

static char *history_path(void) {
  const char *state = getenv("XDG_STATE_HOME");
  const char *home = getenv("HOME");
  if (state != NULL && *state == '/') return fl_format("%s/fairlead_history", state);
  return home != NULL && *home != '\0' ? fl_format("%s/.fairlead_history", home) : NULL;
}

struct chat {
  struct fl_session *session;
  EditLine *editor;
  History *history;
  char *path;
};

static void chat_open(struct chat *chat) {
  HistEvent event;
  chat->editor = el_init("fairlead", stdin, stdout, stderr);
  chat->history = history_init();
  history(chat->history, &event, H_SETSIZE, FL_HISTORY_MAX);
  history(chat->history, &event, H_SETUNIQUE, 1);
  chat->path = history_path();
  if (chat->path != NULL) history(chat->history, &event, H_LOAD, chat->path);
  el_set(chat->editor, EL_PROMPT, prompt);
  el_set(chat->editor, EL_EDITOR, "emacs");
  el_set(chat->editor, EL_HIST, history, chat->history);
  el_source(chat->editor, NULL);
}

static void chat_close(struct chat *chat) {
  HistEvent event;
  mode_t mask = umask(0077); /* what was asked is nobody else's business */
  if (chat->path != NULL) history(chat->history, &event, H_SAVE, chat->path);
  umask(mask);
  history_end(chat->history);
  el_end(chat->editor);
  fl_free(chat->path);
}

struct reading {
  struct fl_work work;
  struct chat *chat;
  char *line;
  bool is_done;
};

static void on_read(struct fl_work *work) {
  struct reading *reading = work->user;
  int count = 0;
  const char *line = el_gets(reading->chat->editor, &count);
  if (line == NULL || count <= 0) return;
  HistEvent event;
  if (line[0] != '\n') history(reading->chat->history, &event, H_ENTER, line);
  reading->line = fl_strndup(line, strcspn(line, "\n"));
}

static void on_read_done(struct fl_work *work) {
  struct reading *reading = work->user;
  reading->is_done = true;
  fl_world_stop(fl_runtime_world(reading->chat->session->runtime));
}

static void on_idle_signal(struct fl_signal *signal, int number) {
  static const char hint[] = "\n(Ctrl-D leaves)\n> ";
  ssize_t ignored = write(1, hint, sizeof hint - 1);
  (void)ignored;
}

/* One line without its newline; NULL at the end of input. The caller frees. */
static char *read_line(struct chat *chat) {
  struct fl_world *world = fl_runtime_world(chat->session->runtime);
  struct reading reading = {.chat = chat};
  reading.work = (struct fl_work){.run = on_read, .on_done = on_read_done, .user = &reading};
  struct fl_signal interrupt = {.on_signal = on_idle_signal};
  fl_signal_start(world, &interrupt, SIGINT);
  fl_work_start(world, &reading.work);
  while (!reading.is_done) fl_world_run(world);
  fl_signal_stop(world, &interrupt);
  return reading.line;
}

static struct fl_value *answer_of(const char *line) {
  struct fl_value *value = NULL;
  return fl_parse(line, strlen(line), &value, NULL) == 0 ? value : fl_string(line);
}

/* One turn: a message, or the answer to what the thread waits for. */
static void turn(struct chat *chat, const char *line, bool *is_waiting) {
  struct fl_session *session = chat->session;
  FL_VALUE_AUTO input = *is_waiting ? NULL : fl_session_user_message(line);
  FL_VALUE_AUTO resume = *is_waiting ? answer_of(line) : NULL;
  struct fl_invoke_options options = {
      .size = sizeof options, .thread = session->thread, .input = input, .resume = resume};
  struct fl_invoke_result result = {0};
  fl_session_invoke(session, &options, &result);
  *is_waiting = result.status == 1;
  if (session->thread == NULL && result.thread[0] != '\0') session->thread = fl_strdup(result.thread);
  fl_invoke_result_deinit(&result);
}

int fl_chat(struct fl_session *session) {
  struct chat chat = {.session = session};
  fprintf(stderr, "%s; Ctrl-C cancels a step, Ctrl-D leaves\n", fl_definition_name(session->definition));
  chat_open(&chat);
  bool is_waiting = false;
  for (;;) {
    FL_FREE_AUTO char *line = read_line(&chat);
    if (line == NULL) break;
    if (line[strspn(line, " \t")] != '\0') turn(&chat, line, &is_waiting);
  }
  printf("\n");
  chat_close(&chat);
  if (session->thread != NULL)
    fprintf(stderr, "thread %s (go on with --thread %s)\n", session->thread, session->thread);
  return FL_EXIT_OK;
}
