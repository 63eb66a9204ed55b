/* SPDX-License-Identifier: MIT */
/* A conversation. Line editing and history by libedit, on a worker thread, so that the loop never waits for a key:
 * servers are heard and leases are kept while somebody types. The editor is touched by one thread at a time: by the
 * worker while it reads, otherwise by us.
 *
 * A line is a message, or, when the thread waits for a person, the answer to its question. Ctrl-C is a key while a line
 * is edited (it discards the line) and a signal while a step runs (it cancels the step). */
#include "runtime/cli/chat.h"

#include "runtime/base/mem.h"
#include "runtime/cli/form.h"
#include "runtime/engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum { FL_HISTORY_MAX = 1000 };

struct chat {
  struct fl_session *session;
  EditLine *editor;
  History *history;
  char *path;
  struct fl_value *questions; /* interrupts that wait for an answer; NULL: none */
  struct fl_value *answers;   /* {interrupt id: answer} so far */
  struct fl_form *form;       /* of the question that is asked, when a server asks it; NULL otherwise */
  size_t answered_count;
  bool is_stopped;         /* before or after a node: Enter goes on */
  struct termios terminal; /* as it was found */
  int awake[2];            /* a pipe: a byte for each time that the process was stopped and goes on */
};

/* ---- the editor ---- */

static char *prompt(EditLine *editor) {
  static char plain[] = "> ", answer[] = "answer> ", stopped[] = "(Enter goes on) > ";
  struct chat *chat = NULL;
  el_get(editor, EL_CLIENTDATA, &chat);
  return chat->questions != NULL ? answer : chat->is_stopped ? stopped : plain;
}

static char *history_path(void) {
  const char *state = getenv("XDG_STATE_HOME");
  const char *home = getenv("HOME");
  if (state != NULL && *state == '/') return fl_format("%s/fairlead_history", state);
  return home != NULL && *home != '\0' ? fl_format("%s/.fairlead_history", home) : NULL;
}

/* What Ctrl-C stands for while a line is edited: kill it, and enter a line that is Ctrl-C itself. */
static const char discard_keys[] = "\\025\\026\\003\\n";
static const char discarded[] = "\003\n";

/* Whether Ctrl-C is a signal; the editor takes the terminal as it finds it. */
static void set_interrupt_key(cc_t key, cc_t *ret_before) {
  struct termios terminal;
  if (tcgetattr(0, &terminal) != 0) return;
  if (ret_before != NULL) *ret_before = terminal.c_cc[VINTR];
  terminal.c_cc[VINTR] = key;
  tcsetattr(0, TCSADRAIN, &terminal);
}

/* Letters beyond ASCII can be typed whatever the locale says. */
static void use_utf8(void) {
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

/* The next key, for the editor. After a stop the line is shown again, by the thread that has the editor. */
static int read_key(EditLine *editor, wchar_t *ret_key) {
  struct chat *chat = NULL;
  el_get(editor, EL_CLIENTDATA, &chat);
  for (mbstate_t state = {0};;) {
    struct pollfd fds[] = {{0, POLLIN, 0}, {chat->awake[0], POLLIN, 0}};
    char byte;
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return -1;
    if (fds[1].revents != 0 && read(chat->awake[0], &byte, 1) == 1) el_set(editor, EL_REFRESH);
    if (fds[0].revents == 0) continue;
    ssize_t got = read(0, &byte, 1);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return (int)got;
    size_t size = got == 1 ? mbrtowc(ret_key, &byte, 1, &state) : (size_t)-2;
    if (size == 0 || size == 1) return 1;
    if (size == (size_t)-1) state = (mbstate_t){0}; /* not UTF-8: as if it had not been typed */
  }
}

static void chat_open(struct chat *chat) {
  HistEvent event;
  use_utf8();
  tcgetattr(0, &chat->terminal);
  if (pipe2(chat->awake, O_CLOEXEC | O_NONBLOCK) != 0) chat->awake[0] = chat->awake[1] = -1; /* poll ignores it */
  chat->editor = el_init("fairlead", stdin, stdout, stderr);
  chat->history = history_init();
  history(chat->history, &event, H_SETSIZE, FL_HISTORY_MAX);
  history(chat->history, &event, H_SETUNIQUE, 1);
  chat->path = history_path();
  if (chat->path != NULL) history(chat->history, &event, H_LOAD, chat->path);
  el_set(chat->editor, EL_CLIENTDATA, chat);
  el_set(chat->editor, EL_GETCFN, read_key);
  el_set(chat->editor, EL_PROMPT, prompt);
  el_set(chat->editor, EL_EDITOR, "emacs");
  el_set(chat->editor, EL_HIST, history, chat->history);
  el_set(chat->editor, EL_BIND, "-s", "^C", discard_keys, NULL);
  el_source(chat->editor, NULL);
}

static void chat_close(struct chat *chat) {
  HistEvent event;
  mode_t mask = umask(0077); /* what was asked is nobody else's business */
  if (chat->path != NULL) history(chat->history, &event, H_SAVE, chat->path);
  umask(mask);
  el_set(chat->editor, EL_BIND, "-r", "^C", NULL); /* or it keeps the text of the keys */
  history_end(chat->history);
  el_end(chat->editor);
  if (chat->awake[0] >= 0) close(chat->awake[0]);
  if (chat->awake[1] >= 0) close(chat->awake[1]);
  fl_free(chat->path);
  fl_form_destroy(chat->form);
  fl_value_unref(chat->questions);
  fl_value_unref(chat->answers);
}

struct reading {
  struct fl_work work;
  struct chat *chat;
  char *line;
  bool is_discarded, is_done;
};

static void on_read(struct fl_work *work) {
  struct reading *reading = work->user;
  int count = 0;
  const char *line = el_gets(reading->chat->editor, &count);
  if (line == NULL || count <= 0) return;
  HistEvent event;
  bool is_discarded = strcmp(line, discarded) == 0;
  if (!is_discarded && line[strspn(line, " \t")] != '\n') history(reading->chat->history, &event, H_ENTER, line);
  reading->is_discarded = is_discarded;
  if (!is_discarded) reading->line = fl_strndup(line, strcspn(line, "\n"));
}

static void on_read_done(struct fl_work *work) {
  struct reading *reading = work->user;
  reading->is_done = true;
  fl_world_stop(fl_runtime_world(reading->chat->session->runtime));
}

static void on_idle_signal(struct fl_signal *signal, int number) {}

/* Ctrl-Z while a line is edited: the shell gets the terminal as we found it, and we get it back as the editor had it.
 */
static void on_idle_stop(struct fl_signal *signal, int number) {
  struct chat *chat = signal->user;
  struct termios edited;
  bool is_known = tcgetattr(0, &edited) == 0;
  if (is_known) tcsetattr(0, TCSADRAIN, &chat->terminal);
  fl_session_stop(chat->session);
  if (is_known) tcsetattr(0, TCSADRAIN, &edited);
  while (write(chat->awake[1], "", 1) < 0 && errno == EINTR) continue;
}

static void read_once(struct chat *chat, struct reading *reading) {
  struct fl_world *world = fl_runtime_world(chat->session->runtime);
  *reading = (struct reading){.chat = chat};
  reading->work = (struct fl_work){.run = on_read, .on_done = on_read_done, .user = reading};
  struct fl_signal interrupt = {.on_signal = on_idle_signal};
  struct fl_signal stop = {.on_signal = on_idle_stop, .user = chat};
  fl_signal_start(world, &interrupt, SIGINT);
  fl_signal_start(world, &stop, SIGTSTP);
  cc_t before = CINTR;
  set_interrupt_key(_POSIX_VDISABLE, &before);
  el_resize(chat->editor);
  fl_work_start(world, &reading->work);
  while (!reading->is_done) fl_world_run(world);
  set_interrupt_key(before, NULL);
  fl_signal_stop(world, &interrupt);
  fl_signal_stop(world, &stop);
}

/* One line without its newline; NULL at the end of input. The caller frees. */
static char *read_line(struct chat *chat) {
  struct reading reading = {0};
  do read_once(chat, &reading);
  while (reading.is_discarded);
  return reading.line;
}

/* ---- what the thread waits for ---- */

static void ask_form(struct chat *chat, const struct fl_value *question) {
  chat->form = fl_form_create(question);
  fl_form_show(stderr, question);
  fl_form_prompt(chat->form, stderr);
}

static void ask(struct chat *chat) {
  const struct fl_value *question = fl_at(chat->questions, chat->answered_count);
  const struct fl_value *value = fl_get(question, "value");
  fl_form_destroy(chat->form);
  chat->form = NULL;
  if (fl_form_is(value)) {
    ask_form(chat, value);
    return;
  }
  FL_FREE_AUTO char *text = fl_as_string(value) != NULL ? fl_strdup(fl_as_string(value)) : fl_dump(value, NULL);
  FL_BUF_AUTO shown = {0};
  fl_add_visible(&shown, text, 4000);
  fprintf(stderr, "%s asks: %s\n", fl_get_string(question, "node", "the graph"), shown.data != NULL ? shown.data : "");
}

static void wait_for(struct chat *chat, const struct fl_value *interrupts, bool is_stopped) {
  fl_value_unref(chat->questions);
  fl_value_unref(chat->answers);
  fl_form_destroy(chat->form);
  chat->form = NULL;
  chat->questions = chat->answers = NULL;
  chat->answered_count = 0;
  chat->is_stopped = is_stopped;
  if (is_stopped || fl_size(interrupts) == 0) return;
  chat->questions = fl_value_ref((struct fl_value *)interrupts);
  chat->answers = fl_object();
  ask(chat);
}

static bool is_stop(const struct fl_value *interrupts) { return fl_get(fl_at(interrupts, 0), "when") != NULL; }

static struct fl_value *answer_of(const char *line) {
  struct fl_value *value = NULL;
  return fl_parse(line, strlen(line), &value, NULL) == 0 ? value : fl_string(line);
}

/* True when every question has its answer. */
static bool take_answer(struct chat *chat, const char *line) {
  struct fl_value *answer = chat->form != NULL ? fl_form_take(chat->form, line, stderr) : answer_of(line);
  if (answer == NULL) {
    fl_form_prompt(chat->form, stderr);
    return false;
  }
  const struct fl_value *question = fl_at(chat->questions, chat->answered_count++);
  fl_set_take(chat->answers, fl_get_string(question, "id", ""), answer);
  if (chat->answered_count == fl_size(chat->questions)) return true;
  ask(chat);
  return false;
}

/* ---- turns ---- */

static void invoke(struct chat *chat, struct fl_invoke_options *options) {
  struct fl_session *session = chat->session;
  struct fl_invoke_result result = {0};
  options->size = sizeof *options;
  options->thread = session->thread;
  fl_session_invoke(session, options, &result);
  if (session->thread == NULL && result.thread[0] != '\0') session->thread = fl_strdup(result.thread);
  wait_for(chat, result.interrupts, result.status == 1 && is_stop(result.interrupts));
  fl_invoke_result_deinit(&result);
}

/* One line: an answer, a message, or nothing, which goes on where the thread was stopped. */
static void turn(struct chat *chat, const char *line) {
  bool is_blank = line[strspn(line, " \t")] == '\0';
  if (is_blank && !chat->is_stopped && chat->form == NULL) return;
  if (chat->questions != NULL) {
    if (!take_answer(chat, line)) return;
    FL_VALUE_AUTO answers = fl_value_ref(chat->answers);
    invoke(chat, &(struct fl_invoke_options){.resume = answers, .resume_is_map = true});
    return;
  }
  FL_VALUE_AUTO input = is_blank ? NULL : fl_session_user_message(line);
  invoke(chat, &(struct fl_invoke_options){.input = input});
}

/* A thread may be in the middle of something: a question, a stop, or work that was cut off, which is finished. */
static void take_up(struct chat *chat) {
  struct fl_session *session = chat->session;
  if (session->thread == NULL) return;
  FL_VALUE_AUTO description = fl_session_describe(session);
  const struct fl_value *next = fl_get(description, "next"), *interrupts = fl_get(description, "interrupts");
  if (fl_size(next) == 0) return;
  bool is_stopped = fl_size(interrupts) == 0 && fl_session_is_interrupted(session);
  if (is_stopped) fprintf(stderr, "stopped before node %s\n", fl_as_string(fl_at(next, 0)));
  if (is_stopped || fl_size(interrupts) > 0) {
    wait_for(chat, interrupts, is_stopped);
    return;
  }
  fprintf(stderr, "finishing what was begun\n");
  invoke(chat, &(struct fl_invoke_options){0});
}

int fl_chat(struct fl_session *session) {
  struct chat chat = {.session = session};
  fprintf(stderr, "%s; Ctrl-C cancels a step, Ctrl-D leaves\n", fl_definition_name(session->definition));
  session->is_chat = true;
  chat_open(&chat);
  take_up(&chat);
  for (;;) {
    FL_FREE_AUTO char *line = read_line(&chat);
    if (line == NULL) break;
    turn(&chat, line);
  }
  printf("\n");
  chat_close(&chat);
  if (session->thread != NULL)
    fprintf(stderr, "thread %s (go on with --thread %s)\n", session->thread, session->thread);
  return FL_EXIT_OK;
}
