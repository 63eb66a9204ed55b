/* SPDX-License-Identifier: MIT */
/* A graph that is served as a tool survives kill -9 of the server between any two messages. A client calls the tool as
 * a task, polls, answers what it asks, polls, and has the result; the server is killed at the n-th message boundary
 * (after a message was sent, or after its reply came), for every n, at once or some milliseconds later, and started
 * anew on the same store. The client knows only what it was told, as a client would: a call whose reply it did not get
 * it makes again, with other numbers.
 *
 * What must hold: (1) A task that the client was told of is there after each restart, and comes to its end. (2) A tool
 * is called once for each number, and once more only where the client answered "retry" to the question about an unknown
 * outcome. (3) The question is open until its answer was taken, and not after that: the second tool is called for an
 * answered task, and once. (4) The result is the right one, and the next server tells it, too. TAP. */
#include <fairlead/value.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 1 << 20, REPLY_MS_MAX = 20000, POLL_MS = 15, POLLS_MAX = 600, STARTS_MAX = 400 };

struct server {
  pid_t pid;
  int in, out; /* to it, from it */
  char *line;
  size_t size;
};

struct trial {
  const char *folder, *graph;
  char count[300], store[300], inner_store[320];
  struct server server;
  int boundary, kill_at, every, delay_ms; /* kill_at 0: never; every: then at each so-manieth after it, 0: once */
  int starts, number, id, retries;
  bool was_killed, has_failed;
  char task[64];
};

static const char SERVED[] = "tests/kill/served.yaml", CHAIN[] = "tests/kill/chain.yaml";

static void fail(struct trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct trial *trial, const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("# at %d of every %d, after %d ms: ", trial->kill_at, trial->every, trial->delay_ms);
  vprintf(format, args);
  printf("\n");
  va_end(args);
  trial->has_failed = true;
}

static void pause_ms(int ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL); }

/* ---- the server ---- */

static void server_start(struct trial *trial) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) abort();
  trial->starts++;
  trial->server.line = malloc(LINE_MAX_SIZE);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    setenv("FL_COUNT_FILE", trial->count, 1);
    setenv("FL_INNER_STORE", trial->inner_store, 1);
    execl(getenv("FL_FAIRLEAD"), "fairlead", "mcp", "serve", "--graph", trial->graph, "--store", trial->store,
          (char *)NULL);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  trial->server.pid = pid;
  trial->server.in = in[1];
  trial->server.out = out[0];
  trial->server.size = 0;
}

static void server_stop(struct trial *trial, bool kills) {
  if (kills) kill(trial->server.pid, SIGKILL);
  close(trial->server.in);
  close(trial->server.out);
  waitpid(trial->server.pid, NULL, 0);
  free(trial->server.line);
}

/* Between two messages. True: the server was killed and started anew, and what was under way is lost. */
static bool boundary(struct trial *trial) {
  trial->boundary++;
  bool is_at = trial->kill_at > 0 && trial->boundary == trial->kill_at;
  bool is_later =
      trial->every > 0 && trial->boundary > trial->kill_at && (trial->boundary - trial->kill_at) % trial->every == 0;
  if (!is_at && !is_later) return false;
  if (trial->starts > STARTS_MAX) return false;
  trial->was_killed = true;
  pause_ms(trial->delay_ms);
  server_stop(trial, true);
  server_start(trial);
  return true;
}

static bool send_text(struct trial *trial, const char *text) {
  size_t size = strlen(text);
  for (ssize_t wrote; size > 0; text += wrote, size -= (size_t)wrote)
    if ((wrote = write(trial->server.in, text, size)) <= 0) return false;
  return true;
}

/* The next line, a new reference; NULL when none came. */
static struct fl_value *read_line(struct trial *trial) {
  struct server *server = &trial->server;
  for (;;) {
    char *end = memchr(server->line, '\n', server->size);
    if (end != NULL) {
      struct fl_value *value = NULL;
      size_t size = (size_t)(end - server->line) + 1;
      fl_parse(server->line, size, &value, NULL);
      memmove(server->line, server->line + size, server->size -= size);
      return value;
    }
    struct pollfd fd = {.fd = server->out, .events = POLLIN};
    if (server->size == LINE_MAX_SIZE || poll(&fd, 1, REPLY_MS_MAX) <= 0) return NULL;
    ssize_t got = read(server->out, server->line + server->size, LINE_MAX_SIZE - server->size);
    if (got <= 0) return NULL;
    server->size += (size_t)got;
  }
}

/* A request and its reply, a new reference; NULL: the server was killed in between, or (a failure) there is none. */
static struct fl_value *ask(struct trial *trial, const char *method, const char *params) {
  char text[2000];
  int id = ++trial->id;
  snprintf(text, sizeof text,
           "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":{%s,\"_meta\":{"
           "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientInfo\":{"
           "\"name\":\"kill\",\"version\":\"1\"},\"io.modelcontextprotocol/clientCapabilities\":{\"elicitation\":{"
           "\"form\":{}},\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}}}}\n",
           id, method, params);
  if (!send_text(trial, text)) fail(trial, "%s could not be sent", method);
  if (trial->has_failed || boundary(trial)) return NULL;
  for (struct fl_value *message; (message = read_line(trial)) != NULL; fl_value_unref(message)) {
    if (fl_get_int(message, "id", -1) != id) continue;
    boundary(trial); /* the client has it, whatever becomes of the server */
    return message;
  }
  fail(trial, "%s had no reply", method);
  return NULL;
}

/* ---- the client ---- */

static bool call_tool(struct trial *trial) {
  char params[200];
  snprintf(params, sizeof params, "\"name\":\"sum\",\"arguments\":{\"number\":%d}", ++trial->number);
  struct fl_value *reply = ask(trial, "tools/call", params);
  const struct fl_value *result = fl_get(reply, "result");
  bool is_task = strcmp(fl_get_string(result, "resultType", ""), "task") == 0;
  if (reply != NULL && !is_task) fail(trial, "the call is no task: %s", fl_dump(reply, NULL));
  if (is_task) snprintf(trial->task, sizeof trial->task, "%s", fl_get_string(result, "taskId", ""));
  fl_value_unref(reply);
  return is_task;
}

static void answer(struct trial *trial, const struct fl_value *requests) {
  struct fl_member member = {0};
  char params[600];
  if (!fl_next_member(requests, &member)) {
    fail(trial, "it waits, and asks nothing");
    return;
  }
  const struct fl_value *schema = fl_get(fl_get(member.value, "params"), "requestedSchema");
  bool is_unknown = fl_get(fl_get(schema, "properties"), "action") != NULL;
  const char *said = is_unknown ? "{\"action\":\"retry\"}" : "{\"answer\":\"yes\"}";
  snprintf(params, sizeof params,
           "\"taskId\":\"%s\",\"inputResponses\":{\"%s\":{\"action\":\"accept\",\"content\":%s}}", trial->task,
           member.key, said);
  trial->retries += is_unknown;
  fl_value_unref(ask(trial, "tasks/update", params));
}

/* The state of the task; what it asks is answered. True: it has ended, as it should. */
static bool look(struct trial *trial) {
  char params[200];
  snprintf(params, sizeof params, "\"taskId\":\"%s\"", trial->task);
  struct fl_value *reply = ask(trial, "tasks/get", params);
  const struct fl_value *result = fl_get(reply, "result");
  const char *status = fl_get_string(result, "status", "");
  bool is_done = strcmp(status, "completed") == 0;
  if (strcmp(status, "input_required") == 0) answer(trial, fl_get(result, "inputRequests"));
  else if (is_done) {
    const struct fl_value *structured = fl_get(fl_get(result, "result"), "structuredContent");
    const struct fl_value *inner = fl_get(structured, "result"), *inside = fl_get(inner, "structuredContent");
    if (trial->graph == CHAIN) structured = inside != NULL ? inside : inner;
    int64_t doubled = fl_get_int(fl_get(fl_get(structured, "result"), "structuredContent"), "result", -1);
    if (doubled < 0) doubled = fl_get_int(fl_get(structured, "result"), "result", -1);
    if (doubled != 2 * trial->number || strcmp(fl_get_string(structured, "answer", ""), "yes") != 0)
      fail(trial, "the result is wrong: %s", fl_dump(result, NULL));
  } else if (reply != NULL && strcmp(status, "working") != 0) fail(trial, "the task is %s", fl_dump(reply, NULL));
  fl_value_unref(reply);
  return is_done;
}

static int count_of(const struct trial *trial, const char *line) {
  FILE *file = fopen(trial->count, "r");
  char text[200];
  int count = 0;
  while (file != NULL && fgets(text, sizeof text, file) != NULL) count += strcmp(text, line) == 0;
  if (file != NULL) fclose(file);
  return count;
}

/* Calls that were asked for again may have happened twice; nothing else may. */
static void check_counts(struct trial *trial) {
  int more = 0;
  for (int number = 1; number <= trial->number; number++) {
    char add[60], multiply[60];
    snprintf(add, sizeof add, "begin add %d 1\n", number);
    snprintf(multiply, sizeof multiply, "begin multiply %d 2\n", number);
    int added = count_of(trial, add), multiplied = count_of(trial, multiply);
    bool is_told = number == trial->number;
    if (is_told && (added < 1 || multiplied < 1))
      fail(trial, "%d: added %d, multiplied %d times", number, added, multiplied);
    if (!is_told && multiplied > 0) fail(trial, "%d was multiplied, though nobody answered", number);
    more += (added > 1 ? added - 1 : 0) + (multiplied > 1 ? multiplied - 1 : 0);
  }
  if (more > trial->retries) fail(trial, "%d calls were made again, and %d were asked for", more, trial->retries);
}

/* A store and a count of its own. */
static void prepare(struct trial *trial) {
  static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
  char path[340];
  snprintf(trial->count, sizeof trial->count, "%s/count", trial->folder);
  snprintf(trial->store, sizeof trial->store, "%s/served.db", trial->folder);
  unlink(trial->count);
  snprintf(trial->inner_store, sizeof trial->inner_store, "%s.inner", trial->store);
  for (int i = 0; i < 8; i++) {
    snprintf(path, sizeof path, "%s%s", i < 4 ? trial->store : trial->inner_store, suffixes[i % 4]);
    unlink(path);
  }
}

static void follow(struct trial *trial) {
  bool is_done = false;
  for (int polls = 0; !trial->has_failed && !is_done; polls++) {
    is_done = look(trial);
    if (polls == POLLS_MAX) fail(trial, "the task does not end");
    if (!is_done) pause_ms(POLL_MS);
  }
}

static void play(struct trial *trial) {
  prepare(trial);
  server_start(trial);
  while (!trial->has_failed && !call_tool(trial)) continue;
  follow(trial);
  server_stop(trial, true);
  trial->kill_at = trial->every = 0;
  server_start(trial); /* and the next one tells the same */
  if (!trial->has_failed && !look(trial)) fail(trial, "the result is gone");
  if (!trial->has_failed) check_counts(trial);
  server_stop(trial, false);
}

/* A second server on the same store while the first is at work: it waits for that, asks, and takes the answer. The
 * first is killed before or after, or lives on. */
static bool play_beside(const char *folder, int kill_first_after_ms) {
  struct trial first = {.folder = folder, .graph = SERVED, .delay_ms = kill_first_after_ms}, second = first;
  prepare(&first);
  prepare(&second);
  setenv("FL_TOOL_SLEEP_MS", "150", 1);
  server_start(&first);
  call_tool(&first);
  pause_ms(60);
  server_start(&second);
  memcpy(second.task, first.task, sizeof second.task);
  second.number = first.number;
  if (kill_first_after_ms > 0) {
    pause_ms(kill_first_after_ms);
    server_stop(&first, true);
  }
  if (!first.has_failed) follow(&second);
  if (!second.has_failed) check_counts(&second);
  server_stop(&second, false);
  if (kill_first_after_ms == 0) server_stop(&first, false);
  unsetenv("FL_TOOL_SLEEP_MS");
  return !first.has_failed && !second.has_failed;
}

/* ---- rows ---- */

static int row;

static void report(bool is_good, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void report(bool is_good, const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("%s %d - ", is_good ? "ok" : "not ok", ++row);
  vprintf(format, args);
  printf("\n");
  fflush(stdout);
  va_end(args);
}

/* Once at each `step`-th boundary. */
static void sweep(const char *folder, const char *graph, int delay_ms, int step) {
  int points = 0, starts = 0;
  bool is_good = true, goes_on = true;
  for (int at = 1 + delay_ms % step; goes_on; at += step) {
    struct trial trial = {.folder = folder, .graph = graph, .kill_at = at, .delay_ms = delay_ms};
    play(&trial);
    goes_on = trial.was_killed && at < 200;
    points += trial.was_killed;
    starts += trial.starts;
    is_good &= !trial.has_failed;
  }
  report(is_good && points > 0, "%s goes on after kill -9 %d ms behind a message: %d points, %d starts",
         graph == CHAIN ? "a chain of two, where the inner one asks," : "a served graph", delay_ms, points, starts);
}

static void storm(const char *folder, int first, int every) {
  struct trial trial = {.folder = folder, .graph = SERVED, .kill_at = first, .every = every, .delay_ms = every};
  play(&trial);
  report(!trial.has_failed && trial.was_killed, "and after one at every %dth message: %d starts, %d calls", every,
         trial.starts, trial.number);
}

/* --only TEXT names scenes of the other program, or this one: "served". */
static bool is_meant(int argc, char **argv) {
  for (int i = 1; i + 1 < argc; i++)
    if (strcmp(argv[i], "--only") == 0) return strstr("served", argv[i + 1]) != NULL;
  return true;
}

int main(int argc, char **argv) {
  if (!is_meant(argc, argv)) return 0;
  const char *folder = getenv("FL_KILL_FOLDER");
  bool all = argc > 1 && strcmp(argv[1], "--all") == 0;
  if (folder == NULL || getenv("FL_FAIRLEAD") == NULL) return 2;
  signal(SIGPIPE, SIG_IGN);
  static const int delays[] = {0, 3, 8, 20, 45, 90};
  for (size_t i = 0; i < sizeof delays / sizeof *delays; i++)
    if (all || i % 2 == 0) sweep(folder, SERVED, delays[i], all ? 1 : 3);
  for (size_t i = 0; i < sizeof delays / sizeof *delays; i++)
    if (all || i == 2) sweep(folder, CHAIN, delays[i], all ? 5 : 25); /* it polls: most points are alike */
  for (int every = 3; every <= (all ? 11 : 7); every += 2) storm(folder, 1 + every / 2, every);
  report(play_beside(folder, 0), "a second server on the same store waits for the first, and takes the answer");
  static const int afters[] = {10, 60, 130, 250};
  bool is_good = true;
  for (size_t i = 0; i < sizeof afters / sizeof *afters; i++) is_good &= play_beside(folder, afters[i]);
  report(is_good, "and when the first is killed meanwhile it goes on with the task");
  printf("1..%d\n", row);
  return 0;
}
