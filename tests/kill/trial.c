/* SPDX-License-Identifier: MIT */
/* One trial: runs of one command on one thread, and what must hold over all of them.
 *
 * (1) A task that was told to be done is not started again; in the conversation a line outside tells each start. (2) A
 * call whose result was told is neither made again nor asked about. (3) A tool is called once, except where a person
 * answered "retry" to the question about its unknown outcome. (4) In the end the answer is the right one, and the
 * database is intact. */
#include "tests/kill/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUN_MS_MAX = 30000, RUNS_MAX = 12 };

const struct scene scenes[] = {
    {.name = "agent",
     .graph = "tests/kill/agent.yaml",
     .question = "what's (3 + 5) x 12?",
     .expected = "The answer is 96",
     .calls = {"add 3 5", "multiply 8 12"}},
    {.name = "parallel",
     .graph = "tests/kill/parallel.yaml",
     .question = "{}",
     .is_input = true,
     .expected = "sum 26",
     .calls = {"add 1 2", "multiply 3 4", "add 5 6", "add 15 11"}},
    {.name = "nested",
     .graph = "tests/kill/nested.yaml",
     .question = "{}",
     .is_input = true,
     .answer = "\"yes\"",
     .expected = "sum 50",
     .calls = {"add 1 1", "add 2 1", "multiply 2 10", "multiply 3 10"}},
    {.name = "answered",
     .graph = "tests/kill/nested.yaml",
     .question = "{}",
     .is_input = true,
     .answer = "\"yes\"",
     .is_asked = true,
     .expected = "sum 50",
     .calls = {"add 1 1", "add 2 1", "multiply 2 10", "multiply 3 10"}},
    {.name = "conversation", .expected = "204 turns in order", .question = "204", .prepare = "200"},
};
const size_t scene_count = sizeof scenes / sizeof *scenes;

void names_add(struct names *names, const char *name) {
  if (names->count == NAMES_MAX) abort();
  char *item = names->items[names->count++];
  size_t size = strnlen(name, NAME_SIZE - 1);
  memcpy(item, name, size);
  item[size] = '\0';
}

size_t names_count(const struct names *names, const char *name) {
  size_t count = 0;
  for (size_t i = 0; i < names->count; i++) count += strcmp(names->items[i], name) == 0;
  return count;
}

void trial_wrong(struct trial *trial, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s, %s: ", trial->scene->name, trial->fault);
  vfprintf(stderr, format, args);
  fprintf(stderr, "\n");
  va_end(args);
  trial->is_wrong = true;
}

/* ---- processes ---- */

static const char *path_of(const struct trial *trial, const char *name) {
  static char paths[4][512];
  static unsigned turn;
  char *path = paths[turn++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", trial->folder, name);
  return path;
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void become(const struct trial *trial, const struct run *run, int output, const char *const *argv) {
  int in = open("/dev/null", O_RDONLY), log = open(path_of(trial, "err"), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(in, 0);
  dup2(output, 1);
  dup2(log, 2);
  setenv("FL_COUNT_FILE", path_of(trial, trial->count), 1);
  setenv("FL_FAULT_NOTE", path_of(trial, "note"), 1);
  if (run->fault != NULL) setenv("FL_FAULT", run->fault, 1);
  if (run->record != NULL) setenv("FL_FAULT_RECORD", run->record, 1);
  setenv("FL_COUNT_CLOCK", "1", 1);
  if (run->fault != NULL || run->record != NULL) setenv("LD_PRELOAD", getenv("FL_FAULT_LIBRARY"), 1);
  execv(argv[0], (char *const *)argv);
  _exit(127);
}

static bool hear_more(struct run *run, int fd) {
  ssize_t got = read(fd, run->output + run->output_size, OUTPUT_MAX - 1 - run->output_size);
  if (got <= 0) return false;
  run->output_size += (size_t)got;
  run->heard = realloc(run->heard, (run->heard_count + 1) * sizeof *run->heard);
  run->heard[run->heard_count++] = (struct heard){now_ns(), run->output_size};
  return true;
}

size_t run_size_at(const struct run *run, int64_t at_ns) {
  size_t size = 0;
  for (size_t i = 0; i < run->heard_count && run->heard[i].at_ns < at_ns; i++) size = run->heard[i].size;
  return size;
}

/* What the program writes, until it ends. */
static void listen_to(struct run *run, pid_t pid, int fd) {
  int64_t begin = now_ns(), killed_ns = run->kill_after_us >= 0 ? begin + run->kill_after_us * 1000 : INT64_MAX;
  for (bool is_open = true; is_open;) {
    int64_t now = now_ns(),
            next = now < killed_ns && killed_ns != INT64_MAX ? killed_ns : begin + RUN_MS_MAX * 1000000LL;
    struct timespec wait = {(next - now) / 1000000000, (next - now) % 1000000000};
    struct pollfd waiting = {fd, POLLIN, 0};
    int ready = next > now ? ppoll(&waiting, 1, &wait, NULL) : 0;
    if (ready == 0) {
      if (now_ns() - begin >= RUN_MS_MAX * 1000000LL) run->status = -1;
      kill(pid, SIGKILL);
      killed_ns = INT64_MAX;
      if (run->status == -1) return;
      continue;
    }
    is_open = hear_more(run, fd);
  }
}

static void run_program(const struct trial *trial, struct run *run, const char *const *argv) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) abort();
  run->output = malloc(OUTPUT_MAX);
  run->output_size = run->heard_count = 0;
  run->status = 0;
  pid_t pid = fork();
  if (pid == 0) become(trial, run, fds[1], argv);
  close(fds[1]);
  listen_to(run, pid, fds[0]);
  close(fds[0]);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (run->status == 0) run->status = status;
  run->output[run->output_size] = '\0';
}

void run_deinit(struct run *run) {
  free(run->output);
  free(run->heard);
  run->output = NULL;
  run->heard = NULL;
}

static void command(const struct trial *trial, const struct run *run, bool asks, const char **argv) {
  static char answers[4096];
  const struct scene *scene = trial->scene;
  const char *words[20] = {getenv(scene->graph != NULL ? "FL_FAIRLEAD" : "FL_KILL_WORKER")};
  size_t count = 1;
  if (scene->graph == NULL) {
    words[count++] = path_of(trial, "s.db");
    words[count++] = scene->question;
  } else {
    const char *const always[] = {"run",    scene->graph, "--store", path_of(trial, "s.db"), "--thread", "t",
                                  "--json", "--stream",   "events",  "--subgraphs"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) words[count++] = always[i];
  }
  if (scene->graph != NULL && run->resumes) {
    char *text = fl_dump(trial->answers, NULL);
    snprintf(answers, sizeof answers, "%s", text);
    fl_text_free(text);
    words[count++] = "--resume";
    words[count++] = answers;
  } else if (scene->graph != NULL && asks) {
    if (scene->is_input) words[count++] = "--input";
    words[count++] = scene->question;
  }
  for (size_t i = 0; i <= count; i++) argv[i] = i < count ? words[i] : NULL;
}

/* ---- what it told ---- */

static void hear_question(struct trial *trial, const struct fl_value *interrupt) {
  const struct fl_value *value = fl_get(interrupt, "value");
  char key[NAME_SIZE];
  const char *id = fl_get_string(interrupt, "id", "");
  if (strcmp(fl_get_string(value, "kind", ""), "outcome_unknown") != 0) {
    struct fl_value *answer = NULL;
    if (trial->scene->answer == NULL) trial_wrong(trial, "a question that nobody expected");
    else if (fl_parse(trial->scene->answer, strlen(trial->scene->answer), &answer, NULL) == 0)
      fl_set_take(trial->answers, id, answer);
    return;
  }
  const struct fl_value *args = fl_get(value, "args");
  const char *tool = fl_get_string(value, "tool", "");
  snprintf(key, sizeof key, "%s %g %g", strchr(tool, '/') != NULL ? strchr(tool, '/') + 1 : tool,
           fl_get_double(args, "a", 0), fl_get_double(args, "b", 0));
  if (names_count(&trial->answered, key) > 0) trial_wrong(trial, "the result of \"%s\" was told and is lost", key);
  names_add(&trial->retried, key);
  trial->asked++;
  struct fl_value *answer = fl_object();
  fl_set_string(answer, "action", "retry");
  fl_set_take(trial->answers, id, answer);
}

static void hear_tool(struct trial *trial, const struct fl_value *data, bool is_end) {
  char key[NAME_SIZE];
  const char *id = fl_get_string(data, "call_id", ""), *tool = fl_get_string(data, "tool", "/");
  if (!is_end) {
    snprintf(key, sizeof key, "%s %g %g", strchr(tool, '/') + 1, fl_get_double(fl_get(data, "args"), "a", 0),
             fl_get_double(fl_get(data, "args"), "b", 0));
    if (names_count(&trial->answered, key) > 0) trial_wrong(trial, "\"%s\" was answered and is called again", key);
    names_add(&trial->call_ids, id);
    names_add(&trial->call_keys, key);
    return;
  }
  for (size_t i = 0; i < trial->call_ids.count; i++)
    if (strcmp(trial->call_ids.items[i], id) == 0) {
      names_add(&trial->answered, trial->call_keys.items[i]);
      return;
    }
}

static void hear_event(struct trial *trial, const struct fl_value *line) {
  const struct fl_value *data = fl_get(line, "data");
  const char *type = fl_get_string(data, "type", "");
  char key[NAME_SIZE];
  snprintf(key, sizeof key, "%s %s %" PRId64, fl_get_string(line, "ns", ""), fl_get_string(line, "node", ""),
           fl_get_int(data, "step", 0));
  if (strcmp(type, "tool_start") == 0 || strcmp(type, "tool_end") == 0)
    hear_tool(trial, data, strcmp(type, "tool_end") == 0);
  if (strcmp(type, "node_start") == 0 && names_count(&trial->finished, key) > 0)
    trial_wrong(trial, "the task of \"%s\" was done and runs again", key);
  if (strcmp(type, "node_end") == 0 && strcmp(fl_get_string(data, "outcome", ""), "done") == 0)
    names_add(&trial->done_now, key);
}

void trial_hear(struct trial *trial, const char *text, size_t size) {
  const char *end = text + size;
  fl_value_unref(trial->answers);
  trial->answers = fl_object();
  for (const char *at = text, *stop; at < end && (stop = memchr(at, '\n', (size_t)(end - at))) != NULL; at = stop + 1) {
    struct fl_value *line = NULL;
    if (fl_parse(at, (size_t)(stop - at), &line, NULL) != 0) {
      trial_wrong(trial, "a line that is not JSON: %.*s", (int)(stop - at), at);
      return;
    }
    if (strcmp(fl_get_string(line, "mode", ""), "events") == 0) hear_event(trial, line);
    const struct fl_value *interrupts = fl_get(line, "interrupts");
    for (size_t i = 0; i < fl_size(interrupts); i++) hear_question(trial, fl_at(interrupts, i));
    fl_value_unref(line);
  }
  for (size_t i = 0; i < trial->done_now.count; i++) names_add(&trial->finished, trial->done_now.items[i]);
  trial->done_now.count = 0;
}

/* ---- a trial ---- */

/* Whether a run did what it could: it is done, or asks what it is meant to ask. */
bool trial_run_is_over(const struct trial *trial, const struct run *run) {
  int code = trial->scene->answer != NULL && fl_size(trial->answers) > 0 ? 3 : 0;
  return WIFEXITED(run->status) && WEXITSTATUS(run->status) == code;
}

void trial_run(struct trial *trial, struct run *run) {
  const char *argv[24];
  if (trial->scene->is_asked && fl_size(trial->answers) > 0) run->resumes = true;
  command(trial, run, !run->resumes, argv);
  run_program(trial, run, argv);
  if (run->status == -1) trial_wrong(trial, "it did not end in %d s", RUN_MS_MAX / 1000);
  trial_hear(trial, run->output, run->output_size);
}

static void remove_file(const struct trial *trial, const char *name) { unlink(path_of(trial, name)); }

static void copy_file(const char *from, const char *to) {
  char bytes[65536];
  FILE *in = fopen(from, "re"), *out = fopen(to, "we");
  if (in == NULL || out == NULL) abort();
  for (size_t size; (size = fread(bytes, 1, sizeof bytes, in)) > 0;)
    if (fwrite(bytes, 1, size, out) != size) abort();
  fclose(in);
  if (fclose(out) != 0) abort();
}

/* The store that every trial of the scene begins with, made once. */
static void prepare(const struct trial *trial) {
  const char *kept = path_of(trial, "prepared.db");
  if (access(kept, R_OK) != 0) {
    const char *argv[] = {getenv("FL_KILL_WORKER"), kept, trial->scene->prepare, NULL};
    struct run run = {.kill_after_us = -1};
    run_program(trial, &run, argv);
    if (run.status != 0) abort();
    run_deinit(&run);
  }
  copy_file(kept, path_of(trial, "s.db"));
}

/* Nothing goes wrong until the questions are there. */
static void run_until_asked(struct trial *trial) {
  struct run run = {.kill_after_us = -1};
  snprintf(trial->fault, sizeof trial->fault, "before the questions");
  trial_run(trial, &run);
  if (!trial_run_is_over(trial, &run)) trial_wrong(trial, "it did not ask, it ended with %#x", run.status);
  run_deinit(&run);
}

void trial_begin(struct trial *trial, const struct scene *scene, const char *folder) {
  static const char *const names[] = {"s.db", "s.db-wal", "s.db-shm", "s.db.lock", "note", "err"};
  static long number;
  *trial = (struct trial){.scene = scene};
  snprintf(trial->count, sizeof trial->count, "count-%ld", ++number);
  snprintf(trial->folder, sizeof trial->folder, "%s", folder);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) remove_file(trial, names[i]);
  close(open(path_of(trial, trial->count), O_WRONLY | O_CREAT, 0600));
  if (scene->prepare != NULL) prepare(trial);
  if (scene->is_asked) run_until_asked(trial);
}

void trial_end(struct trial *trial) {
  remove_file(trial, trial->count);
  fl_value_unref(trial->answers);
  trial->answers = NULL;
}

bool trial_was_hit(const struct trial *trial) { return access(path_of(trial, "note"), F_OK) == 0; }

/* What `threads show` says; NULL when there is no thread with a checkpoint. */
static struct fl_value *show(const struct trial *trial) {
  const char *argv[] = {getenv("FL_FAIRLEAD"),  "threads", "show", "t", "--store",
                        path_of(trial, "s.db"), "--json",  NULL};
  struct run run = {.kill_after_us = -1};
  struct fl_value *shown = NULL;
  run_program(trial, &run, argv);
  if (run.status == 0 && fl_parse(run.output, run.output_size, &shown, NULL) != 0) shown = NULL;
  run_deinit(&run);
  if (fl_get_string(shown, "checkpoint_id", "")[0] != '\0') return shown;
  fl_value_unref(shown);
  return NULL;
}

static void show_file(const char *path) {
  char line[256];
  FILE *file = fopen(path, "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) fprintf(stderr, "  %s", line);
  if (file != NULL) fclose(file);
}

static void check_calls(struct trial *trial) {
  struct names begun = {0};
  char line[256];
  FILE *file = fopen(path_of(trial, trial->count), "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "@\n")] = '\0';
    size_t size = strlen(line);
    if (size > 0 && line[size - 1] == ' ') line[size - 1] = '\0';
    bool is_call = strncmp(line, "begin ", 6) == 0 && strncmp(line, "begin echo ", 11) != 0;
    if (is_call) names_add(&begun, line + 6);
  }
  if (file != NULL) fclose(file);
  size_t known = 0;
  for (size_t i = 0; i < SCENE_CALLS_MAX && trial->scene->calls[i] != NULL; i++) {
    const char *key = trial->scene->calls[i];
    size_t times = names_count(&begun, key), retries = names_count(&trial->retried, key);
    known += times;
    if (times == 0) trial_wrong(trial, "\"%s\" was never called", key);
    if (times > 1 + retries) trial_wrong(trial, "\"%s\" was called %zu times, %zu allowed", key, times, 1 + retries);
  }
  if (trial->is_wrong) show_file(path_of(trial, trial->count));
  if (known != begun.count) trial_wrong(trial, "%zu calls that nobody asked for", begun.count - known);
}

static void check_store(struct trial *trial) {
  const char *argv[] = {"/usr/bin/sqlite3", path_of(trial, "s.db"), "pragma integrity_check", NULL};
  struct run run = {.kill_after_us = -1};
  run_program(trial, &run, argv);
  if (strcmp(run.output, "ok\n") != 0) trial_wrong(trial, "the database is damaged: %s", run.output);
  run_deinit(&run);
  struct fl_value *shown = show(trial);
  if (shown == NULL) trial_wrong(trial, "the thread cannot be shown");
  if (fl_size(fl_get(shown, "next")) > 0) trial_wrong(trial, "the thread is not done");
  size_t asked = 0;
  const struct fl_value *messages = fl_get(fl_get(shown, "values"), "messages");
  for (size_t i = 0; i < fl_size(messages); i++)
    asked += strcmp(fl_get_string(fl_at(messages, i), "role", ""), "user") == 0;
  if (trial->scene->graph != NULL && messages != NULL && asked != 1)
    trial_wrong(trial, "%zu questions in the thread", asked);
  fl_value_unref(shown);
}

static bool is_exit(const struct run *run, int code) {
  return WIFEXITED(run->status) && WEXITSTATUS(run->status) == code;
}

static long count_size(const struct trial *trial) {
  struct stat status;
  return stat(path_of(trial, trial->count), &status) == 0 ? (long)status.st_size : 0;
}

/* What the node of the conversation noted behind `from`: no turn that had been told to be done before this run. */
static void check_turns(struct trial *trial, long from) {
  char line[256], key[NAME_SIZE];
  long turn;
  FILE *file = fopen(path_of(trial, trial->count), "re");
  if (file != NULL) fseek(file, from, SEEK_SET);
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "begin echo %ld", &turn) != 1) continue;
    snprintf(key, sizeof key, " turn %ld", turn);
    if (names_count(&trial->finished, key) > 0) trial_wrong(trial, "turn %ld was done and its node runs again", turn);
  }
  if (file != NULL) fclose(file);
}

/* The command again: with the question while no checkpoint has it, with the answers after an interrupt. */
static void run_again(struct trial *trial, struct run *run, bool was_interrupted) {
  const char *argv[24];
  struct fl_value *shown = trial->scene->graph != NULL ? show(trial) : NULL;
  long noted = count_size(trial); /* before argv points to a path */
  *run = (struct run){.kill_after_us = -1, .resumes = was_interrupted};
  command(trial, run, shown == NULL, argv);
  fl_value_unref(shown);
  run_program(trial, run, argv);
  check_turns(trial, noted);
  if (run->status == -1) trial_wrong(trial, "the run after it did not end in %d s", RUN_MS_MAX / 1000);
  trial_hear(trial, run->output, run->output_size);
}

bool trial_finish(struct trial *trial) {
  struct run run = {0};
  bool was_interrupted = false;
  for (int i = 0; i < RUNS_MAX; i++) {
    run_deinit(&run);
    run_again(trial, &run, was_interrupted);
    was_interrupted = is_exit(&run, 3);
    if (!was_interrupted) break;
  }
  if (!is_exit(&run, 0)) trial_wrong(trial, "the run after it ended with %#x: %s", run.status, run.output);
  else if (strstr(run.output, trial->scene->expected) == NULL)
    trial_wrong(trial, "no \"%s\" in: %s", trial->scene->expected, run.output);
  run_deinit(&run);
  check_calls(trial);
  check_store(trial);
  return !trial->is_wrong;
}
