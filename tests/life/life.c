/* SPDX-License-Identifier: MIT */
/* life [--all] [--only TEXT] [--seed N]: whether everything that was started is gone, and when. Prints TAP.
 *   - clients that connect, call and close, over and over, by the library and by the command: no child, no descriptor
 *     and no thread stays;
 *   - servers that do not want to go (rude.c), closed in order;
 *   - clients that are killed (SIGKILL), which have such servers, calls in flight, or are just connecting: a second
 *     later nothing is left;
 *   - sessions that a client begins over HTTP and leaves: what they cost the server has a limit;
 *   - requests over HTTP that are refused: they cost the server nothing that stays;
 *   - servers of ours whose input ends: gone within 100 ms, also with handlers that sleep.
 * A time is disturbed by other work on the machine in one direction only. So a server's end is judged by the quickest
 * of some, and a row of killed clients may be over its second for one in twenty: but something must never stay.
 *
 * life client COMMAND…: what is killed: connects, calls, says "ready", waits. */
#include "tests/life/processes.h"
#include "tests/life/sessions.h"

#include <fairlead/client.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GONE_MS_MAX = 1000, EXIT_MS_MAX = 100, LOST_MS = 20000, EXITS = 9, WAYS_MAX = 4 };

static struct {
  char server[512], rude[512], fairlead[512];
  const char *only;
  bool is_whole;
  uint64_t random;
  int rows, failed;
} life = {.random = 0x2545f4914f6cdd1d};

static uint64_t next_random(uint64_t below) {
  life.random ^= life.random << 13;
  life.random ^= life.random >> 7;
  life.random ^= life.random << 17;
  return life.random % below;
}

static void end_row(bool is_ok, const char *name, const char *format, ...) FL_PRINTF(3, 4);
static void end_row(bool is_ok, const char *name, const char *format, ...) {
  char text[300];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  printf("%s %d - %s: %s\n", is_ok ? "ok" : "not ok", ++life.rows, name, text);
  fflush(stdout);
  life.failed += !is_ok;
}

static bool is_wanted(const char *name) { return life.only == NULL || strstr(name, life.only) != NULL; }

/* ---- a client ---- */

/* One life of a connection; false: it could not connect, or its call had no answer. */
static bool connect_and_call(const char *const *command, struct fl_client **ret_client) {
  struct fl_client_options options = {.size = sizeof options, .command = command};
  struct fl_error err = {0};
  if (fl_client_connect(&options, ret_client, &err) != 0) return false;
  struct fl_value *result = NULL;
  bool is_ok = fl_client_call_tool(*ret_client, "echo", NULL, &result, &err) == 0;
  fl_value_unref(result);
  return is_ok;
}

static bool live_once(const char *const *command) {
  struct fl_client *client = NULL;
  bool is_ok = connect_and_call(command, &client);
  fl_client_close(client);
  return is_ok;
}

static int be_client(const char *const *command) {
  struct fl_client *client = NULL;
  if (!connect_and_call(command, &client)) return 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) pause();
}

/* ---- connecting and closing ---- */

static void cycles_of_library(void) {
  const char *name = "connected, called and closed by the library", *command[] = {life.server, NULL};
  if (!is_wanted(name)) return;
  long count = life.is_whole ? 1000 : 100, wrong = 0, left = 0;
  int fds = processes_count("/proc/self/fd"), threads = processes_count("/proc/self/task");
  for (long i = 0; i < count; i++) {
    wrong += !live_once(command);
    left += processes_wait_for_none(0) < 0;
  }
  int more_fds = processes_count("/proc/self/fd") - fds, more_threads = processes_count("/proc/self/task") - threads;
  end_row(wrong == 0 && left == 0 && more_fds == 0 && more_threads == 0, name,
          "%ld times, %ld wrong, children left %ld times, %d descriptors and %d threads more", count, wrong, left,
          more_fds, more_threads);
  processes_clear();
}

static void cycles_of_command(void) {
  const char *name = "called by the command";
  const char *argv[] = {life.fairlead, "mcp", "call", "echo", "{\"message\":\"hi\"}", "--", life.server, NULL};
  if (!is_wanted(name)) return;
  long count = life.is_whole ? 200 : 10, wrong = 0, left = 0;
  for (long i = 0; i < count; i++) {
    struct spawned cli = processes_spawn(argv);
    int status = 0;
    wrong += !spawned_read_until(&cli, "hi") || spawned_wait(&cli, LOST_MS, &status) < 0 || status != 0;
    spawned_close(&cli);
    left += processes_wait_for_none(0) < 0;
  }
  end_row(wrong == 0 && left == 0, name, "%ld times, %ld wrong, something left %ld times", count, wrong, left);
  processes_clear();
}

/* ---- servers that do not want to go ---- */

static const struct rudeness {
  const char *name, *ways[WAYS_MAX];
  bool takes_long; /* to close */
} RUDENESSES[] = {
    {"is polite", {NULL}},
    {"ignores its signals and the end of its input", {"deaf", "stays"}, true},
    {"leaves a child that holds the pipes", {"holds"}},
    {"forks twice and calls setsid", {"daemon"}},
    {"has children in groups of their own", {"groups", "deaf", "stays"}, true},
    {"is never the same process for long", {"hops", "deaf", "stays"}, true},
    {"stops itself", {"freezes", "deaf", "stays"}, true},
    {"does all of it", {"daemon", "holds", "deaf", "stays"}, true},
};
enum { RUDENESS_COUNT = sizeof RUDENESSES / sizeof *RUDENESSES };

static void fill_command(const struct rudeness *rudeness, const char *command[WAYS_MAX + 2]) {
  command[0] = life.rude;
  memcpy(command + 1, rudeness->ways, sizeof rudeness->ways);
  command[WAYS_MAX + 1] = NULL;
}

/* Closing blocks until the server is gone; it takes as long as the server is given: 1 s after the end of its input,
 * 1 s after SIGTERM, and what its pipes have still to say. */
static void closed_while_rude(const struct rudeness *rudeness) {
  char name[128];
  const char *command[WAYS_MAX + 2];
  snprintf(name, sizeof name, "closed, while the server %s", rudeness->name);
  if (!is_wanted(name)) return;
  fill_command(rudeness, command);
  int fds = processes_count("/proc/self/fd");
  int64_t begin_ms = processes_now_ms();
  bool is_ok = live_once(command), is_left = processes_wait_for_none(0) < 0;
  int64_t took_ms = processes_now_ms() - begin_ms;
  int more_fds = processes_count("/proc/self/fd") - fds;
  end_row(is_ok && !is_left && more_fds == 0 && took_ms < 6000, name, "%s, %s left, %d descriptors more, %d ms",
          is_ok ? "answered" : "no answer", is_left ? "something" : "nothing", more_fds, (int)took_ms);
  processes_clear();
}

static void a_server_that_leaves(void) {
  const char *name = "a server that goes to the background is none", *command[] = {life.rude, "leaves", NULL};
  if (!is_wanted(name)) return;
  bool is_ok = live_once(command), is_left = processes_wait_for_none(0) < 0;
  end_row(!is_ok && !is_left, name, "%s, %s left", is_ok ? "connected" : "refused", is_left ? "something" : "nothing");
  processes_clear();
}

/* ---- clients that are killed ---- */

struct killed {
  long count, late, never, wrong;
  int64_t longest_ms;
};

static void kill_and_wait(struct spawned *client, struct killed *killed) {
  kill(client->pid, SIGKILL);
  int64_t took_ms = processes_wait_for_none(5000);
  spawned_close(client);
  killed->count++;
  killed->late += took_ms > GONE_MS_MAX;
  if (took_ms > killed->longest_ms) killed->longest_ms = took_ms;
  if (took_ms >= 0) return;
  killed->never++;
  processes_clear();
}

static void end_killed(const char *name, const struct killed *killed) {
  end_row(killed->wrong == 0 && killed->never == 0 && killed->late <= killed->count / 20, name,
          "%ld killed, %ld had no answer, after 1 s something left of %ld, after 5 s of %ld; all gone after %d ms",
          killed->count, killed->wrong, killed->late, killed->never, (int)killed->longest_ms);
}

static void killed_while_rude(const struct rudeness *rudeness) {
  char name[128];
  const char *argv[WAYS_MAX + 4] = {"/proc/self/exe", "client"};
  snprintf(name, sizeof name, "killed, while the server %s", rudeness->name);
  if (!is_wanted(name)) return;
  fill_command(rudeness, argv + 2);
  struct killed killed = {0};
  for (int i = 0; i < (life.is_whole ? 40 : 1); i++) {
    struct spawned client = processes_spawn(argv);
    killed.wrong += !spawned_read_until(&client, "ready\n");
    kill_and_wait(&client, &killed);
  }
  end_killed(name, &killed);
}

static void killed_with_calls_in_flight(void) {
  const char *name = "the command is killed while its call is under way";
  const char *argv[] = {life.fairlead, "mcp", "call", "sleep", "--", life.server, NULL};
  if (!is_wanted(name)) return;
  struct killed killed = {0};
  for (int i = 0; i < (life.is_whole ? 40 : 2); i++) {
    struct spawned cli = processes_spawn(argv);
    usleep(300000);
    kill_and_wait(&cli, &killed);
  }
  end_killed(name, &killed);
}

static void killed_at_any_time(void) {
  const char *name = "killed at any time of its start, with a server that does all of it";
  const char *argv[WAYS_MAX + 4] = {"/proc/self/exe", "client"};
  if (!is_wanted(name)) return;
  fill_command(&RUDENESSES[RUDENESS_COUNT - 1], argv + 2);
  struct killed killed = {0};
  for (int i = 0; i < (life.is_whole ? 300 : 5); i++) {
    struct spawned client = processes_spawn(argv);
    usleep((useconds_t)next_random(40000));
    kill_and_wait(&client, &killed);
  }
  end_killed(name, &killed);
}

/* ---- servers whose input ends ---- */

#define INITIALIZE                                                                                          \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"," \
  "\"capabilities\":{},\"clientInfo\":{\"name\":\"life\",\"version\":\"1\"}}}\n"                            \
  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"
#define CALL(id, tool)                                                                                                 \
  "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"tools/call\",\"params\":{\"name\":\"" tool "\",\"arguments\":{}}}" \
  "\n"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":99,\"method\":\"ping\"}\n"

static const struct ending {
  const char *name;
  bool is_command;    /* fairlead mcp serve rather than the small server */
  const char *before; /* what it is sent; the answer to the ping after it is waited for */
  const char *last;   /* sent right before the end */
  bool by_signal;     /* SIGTERM, and the input stays open */
} ENDINGS[] = {
    {"idle", false, INITIALIZE, "", false},
    {"idle, the command", true, INITIALIZE, "", false},
    {"never greeted", false, "", "", false},
    {"with a handler that sleeps", false, INITIALIZE CALL(2, "sleep"), "", false},
    {"with nine handlers that sleep", false,
     INITIALIZE CALL(2, "sleep") CALL(3, "sleep") CALL(4, "sleep") CALL(5, "sleep") CALL(6, "sleep") CALL(7, "sleep")
         CALL(8, "sleep") CALL(9, "sleep") CALL(10, "sleep"),
     "", false},
    {"in the middle of a message", false, INITIALIZE, "{\"jsonrpc\":\"2.0\",\"id\":3,", false},
    {"by SIGTERM, with a handler that sleeps", false, INITIALIZE CALL(2, "sleep"), "", true},
};

/* Milliseconds; -1: it did not end, or not with 0, or did not answer. */
static int64_t end_once(const struct ending *ending) {
  const char *own[] = {life.server, NULL}, *command[] = {life.fairlead, "mcp", "serve", NULL};
  struct spawned server = processes_spawn(ending->is_command ? command : own);
  bool is_ok = spawned_write(&server, ending->before) && spawned_write(&server, PING) &&
               spawned_read_until(&server, "\"id\":99") && spawned_write(&server, ending->last);
  if (ending->by_signal) {
    kill(server.pid, SIGTERM);
  } else {
    close(server.in);
    server.in = -1;
  }
  int status = 0;
  int64_t took_ms = is_ok ? spawned_wait(&server, LOST_MS, &status) : -1;
  spawned_close(&server);
  processes_clear();
  return status == 0 ? took_ms : -1;
}

static int compare(const void *a, const void *b) {
  return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static void ends_with_its_input(const struct ending *ending) {
  char name[128];
  snprintf(name, sizeof name, "our server ends, %s", ending->name);
  if (!is_wanted(name)) return;
  int count = life.is_whole ? EXITS : 3;
  int64_t took_ms[EXITS];
  for (int i = 0; i < count; i++) took_ms[i] = end_once(ending);
  qsort(took_ms, (size_t)count, sizeof *took_ms, compare);
  end_row(took_ms[0] >= 0 && took_ms[0] <= EXIT_MS_MAX, name, "after %d ms, of %d times %d in the middle, %d at most",
          (int)took_ms[0], count, (int)took_ms[count / 2], (int)took_ms[count - 1]);
}

/* ---- sessions that nobody ends ---- */

struct http_server {
  struct spawned process;
  char path[64];
};

static void serve_http(struct http_server *server) {
  char where[80];
  snprintf(server->path, sizeof server->path, "/tmp/fairlead-life-%ld", (long)getpid());
  snprintf(where, sizeof where, "unix:%s", server->path);
  const char *argv[] = {life.fairlead, "mcp", "serve", "--http", where, NULL};
  server->process = processes_spawn(argv);
}

static void end_http(struct http_server *server) {
  kill(server->process.pid, SIGTERM);
  spawned_close(&server->process);
  processes_clear();
  unlink(server->path);
}

/* The first ones fill the table of 4,096; those behind them may add what allocation scatters, and no session (1.7 KiB).
 */
static void sessions_left_behind(void) {
  enum { FIRST = 10000, MORE_KIB_MAX = 16 * 1024 };
  const char *name = "sessions that are begun over HTTP and left";
  if (!is_wanted(name)) return;
  struct http_server server;
  serve_http(&server);
  int fd = sessions_connect(server.path);
  long idle_kib = sessions_memory(server.process.pid), count = life.is_whole ? 100000 : 40000;
  bool is_answered = fd >= 0 && sessions_begin(fd, FIRST);
  long full_kib = sessions_memory(server.process.pid);
  is_answered = is_answered && sessions_begin(fd, count - FIRST);
  long last_kib = sessions_memory(server.process.pid);
  end_row(is_answered && full_kib > 0 && last_kib <= full_kib + MORE_KIB_MAX, name,
          "%ld times%s; the server has %ld KiB, after 10,000 of them %ld KiB, at the end %ld KiB", count,
          is_answered ? "" : " (some had no answer)", idle_kib, full_kib, last_kib);
  if (fd >= 0) close(fd);
  end_http(&server);
}

static bool probe(const struct http_server *server, long count) {
  bool is_ok = true;
  for (long i = 0; i < count && is_ok; i += SESSIONS_PROBES) is_ok = sessions_probe(server->path);
  return is_ok;
}

/* What a probe costs beyond the first ones is less than 11 bytes: nothing is kept of any. */
static void probes_that_are_refused(void) {
  enum { FIRST = 5000, MORE_KIB_MAX = 1024 };
  const char *name = "GET, HEAD and OPTIONS that are refused over HTTP";
  if (!is_wanted(name)) return;
  struct http_server server;
  serve_http(&server);
  long count = life.is_whole ? 100000 : 10000;
  bool is_answered = probe(&server, FIRST);
  long first_kib = sessions_memory(server.process.pid);
  is_answered = is_answered && probe(&server, count - FIRST);
  long last_kib = sessions_memory(server.process.pid);
  end_row(is_answered && first_kib > 0 && last_kib <= first_kib + MORE_KIB_MAX, name,
          "%ld times%s; the server has %ld KiB after 5,000 of them, at the end %ld KiB", count,
          is_answered ? "" : " (some were not refused)", first_kib, last_kib);
  end_http(&server);
}

/* ---- all of it ---- */

static void run_all(void) {
  live_once((const char *const[]){life.server, NULL}); /* what libraries keep from their first use on */
  cycles_of_library();
  cycles_of_command();
  a_server_that_leaves();
  for (size_t i = 0; i < RUDENESS_COUNT; i++)
    if (life.is_whole || !RUDENESSES[i].takes_long || i + 1 == RUDENESS_COUNT) closed_while_rude(&RUDENESSES[i]);
  for (size_t i = 0; i < RUDENESS_COUNT; i++) killed_while_rude(&RUDENESSES[i]);
  killed_with_calls_in_flight();
  killed_at_any_time();
  sessions_left_behind();
  probes_that_are_refused();
  for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) ends_with_its_input(&ENDINGS[i]);
}

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "client") == 0) return be_client((const char *const *)(uintptr_t)(argv + 2));
  const char *folder = getenv("FL_LIFE_PROGRAMS");
  if (folder == NULL) return 2;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--all") == 0) life.is_whole = true;
    else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) life.only = argv[++i];
    else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) life.random = strtoull(argv[++i], NULL, 0) | 1;
    else return 2;
  }
  snprintf(life.server, sizeof life.server, "%s/life-server", folder);
  snprintf(life.rude, sizeof life.rude, "%s/life-rude", folder);
  snprintf(life.fairlead, sizeof life.fairlead, "%s/fairlead", folder);
  signal(SIGPIPE, SIG_IGN);
  processes_adopt_orphans();
  run_all();
  printf("1..%d\n", life.rows);
  return life.failed > 0;
}
