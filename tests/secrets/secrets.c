/* SPDX-License-Identifier: MIT */
/* Canaries: 24 secrets, from each kind of source and in both ways, given to a server that says them back in every
 * spelling wherever it can, and to a model that does the same. None of them may be found in what is stored, printed or
 * exported, in what is to be seen of other processes, or in core files. A control without `secrets` shows that the
 * search would find them. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tests/secrets/canary.h"
#include "tests/secrets/watch.h"
#include "tests/support/spelling.h"

#include <dirent.h>
#include <fcntl.h>
#include <fairlead/value.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *build, *server, *home; /* folders: of the programs; ours */
static struct fl_buf secrets;       /* the manifest's list of them */
static int row_count, failed_count;
enum { KEYED = 16 }; /* the first of three values that are given as a key and as headers */

/* ---- rows ---- */

static void row(bool is_good, const char *what, const char *why) {
  printf("%s %d - %s%s%s\n", is_good ? "ok" : "not ok", ++row_count, what, is_good ? "" : ": ", is_good ? "" : why);
  failed_count += !is_good;
}

static void skip(const char *what, const char *why) { printf("ok %d - %s # SKIP %s\n", ++row_count, what, why); }

static void expect_none(const char *what, const struct canary_findings *findings) {
  row(findings->count == 0, what, findings->first);
}

/* Each value in each spelling (a few are none for a value with other than ASCII letters). */
static void expect_all(const char *what, const struct canary_findings *findings, int kinds) {
  FL_BUF_AUTO missing = {0};
  for (size_t i = 0; i < CANARY_COUNT; i++)
    for (int kind = 0; kind < kinds; kind++) {
      FL_BUF_AUTO spelled = {0};
      bool is_there = !spell(&spelled, fl_slice_of(canaries[i].value), kind) || findings->has[i][kind];
      if (!is_there && missing.size < 200) fl_buf_addf(&missing, "%s (%s) ", canaries[i].name, spelling_name(kind));
    }
  row(missing.size == 0, what, missing.data);
}

/* ---- files ---- */

static char *path_of(const char *scene, const char *name) { return fl_format("%s/%s/%s", home, scene, name); }

static void write_value(const char *scene, const char *name, struct fl_value *value) {
  FL_FREE_AUTO char *path = path_of(scene, name);
  char *text = fl_dump(value, NULL);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || dprintf(fd, "%s\n", text) < 0 || close(fd) != 0) abort();
  fl_text_free(text);
  fl_value_unref(value);
}

static struct fl_value *value_of(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_parse(text, strlen(text), &value, &err) == 0) return value;
  fprintf(stderr, "%s: %s\n", err.text, text);
  abort();
}

/* Without secrets the graph file itself has the values, and the manifest lets the variables through. */
static void write_graph(const char *scene, bool is_control, bool is_quiet) {
  FL_FREE_AUTO char *text =
      fl_format("{\"fairlead\": 1, \"name\": \"leaky\", \"manifest\": \"manifest.json\","
                "\"state\": {\"messages\": {\"reducer\": \"messages\"}},"
                "\"models\": {\"main\": {\"provider\": \"scripted\", \"script\": \"script.json\"}},"
                "\"mcpServers\": {\"leaky\": {\"command\": \"%s\", \"args\": [\"%s\"]}},"
                "\"nodes\": {\"agent\": {\"type\": \"agent\", \"model\": \"main\", \"tools\": [\"leaky/*\"]},"
                "\"tools\": {\"type\": \"tools\", \"tools\": [\"leaky/*\"]}},"
                "\"edges\": [\"START -> agent\", {\"from\": \"agent\", \"branch\": ["
                "{\"when\": \"size(last(state.messages).tool_calls) > 0\", \"to\": \"tools\"}, {\"to\": \"END\"}]},"
                "\"tools -> agent\"]}",
                server, is_quiet ? "quiet" : "loud");
  struct fl_value *graph = value_of(text), *env = fl_object();
  for (size_t i = 0; i < CANARY_COUNT; i++) fl_set_string(env, canaries[i].name, canaries[i].value);
  if (is_control) fl_set_take(fl_get(fl_get(graph, "mcpServers"), "leaky"), "env", env);
  else fl_value_unref(env);
  write_value(scene, "graph.json", graph);
}

static void write_manifest(const char *scene, bool is_control) {
  struct fl_value *manifest = value_of("{\"manifest\": 1, \"id\": \"canaries\", \"tools\": [{\"match\": \"leaky/*\", "
                                       "\"effect\": \"read\"}], \"servers\": {\"leaky\": {\"sandbox\": {}}}}");
  struct fl_value *sandbox = fl_get(fl_get(fl_get(manifest, "servers"), "leaky"), "sandbox"), *names = fl_array();
  for (size_t i = 0; i < CANARY_COUNT; i++) fl_append_take(names, fl_string(canaries[i].name));
  if (is_control) fl_set_take(sandbox, "env", fl_value_ref(names));
  else fl_set_take(sandbox, "secrets", value_of(secrets.data));
  fl_value_unref(names);
  write_value(scene, "manifest.json", manifest);
}

/* ---- the model ---- */

static struct fl_value *reply(const char *name, const char *tool, const char *arg) {
  struct fl_value *one = fl_object(), *when = fl_object();
  fl_set_string(when, name == NULL ? "user" : "name", name == NULL ? "." : name);
  fl_set_take(one, "when", when);
  struct fl_value *call = fl_object(), *args = fl_object(), *calls = fl_array();
  fl_set_string(args, "note", arg);
  fl_set_string(call, "name", tool);
  fl_set_take(call, "args", args);
  fl_append_take(calls, call);
  fl_set_take(one, "calls", calls);
  return one;
}

static struct fl_value *last_words(const char *name, bool is_quiet) {
  struct fl_value *one = fl_object(), *when = fl_object();
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, "The end. ");
  for (size_t i = 0; !is_quiet && i < CANARY_COUNT; i++)
    for (int kind = 0; kind < SPELLING_COUNT; kind++) {
      fl_buf_add_text(&text, " and ");
      spell(&text, fl_slice_of(canaries[i].value), kind);
    }
  fl_set_string(when, "name", name);
  fl_set_take(one, "when", when);
  fl_set_string(one, "text", text.data);
  fl_set_int(one, "pieces", 3000);
  return one;
}

/* Asks for one tool after the other, each time with a value for it, and then says all values itself. */
static void write_script(const char *scene, const char *const *tools, bool is_quiet) {
  struct fl_value *script = fl_object(), *replies = fl_array();
  FL_FREE_AUTO char *before = NULL;
  for (size_t i = 0; tools[i] != NULL; i++) {
    FL_FREE_AUTO char *tool = fl_format("leaky__%s", tools[i]);
    fl_append_take(replies, reply(before, tool, is_quiet ? "quiet" : canaries[i % CANARY_COUNT].value));
    fl_free(before);
    before = fl_strdup(tool);
  }
  fl_append_take(replies, last_words(before, is_quiet));
  fl_set_take(script, "replies", replies);
  write_value(scene, "script.json", script);
}

static void write_scene(const char *scene, const char *const *tools, bool is_control, bool is_quiet) {
  FL_FREE_AUTO char *folder = fl_format("%s/%s", home, scene), *out = path_of(scene, "out");
  mkdir(folder, 0700);
  mkdir(out, 0700);
  write_graph(scene, is_control, is_quiet);
  write_manifest(scene, is_control);
  write_script(scene, tools, is_quiet);
}

/* ---- programs ---- */

/* Relative secrets and commands are seen from the manifest's folder, which is one for each scene. */
static void link_sources(const char *scene) {
  static const char *const folders[] = {"secrets", "commands"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    FL_FREE_AUTO char *from = fl_format("%s/%s", home, folders[i]), *to = path_of(scene, folders[i]);
    if (symlink(from, to) != 0) abort();
  }
}

static void become(const char *scene, const char *output, const char *const *argv) {
  FL_FREE_AUTO char *out = path_of(scene, "out"), *credentials = fl_format("%s/credentials", home);
  FL_FREE_AUTO char *path = path_of(scene, output), *errors = fl_format("%s.err", path);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int errors_fd = open(errors, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
  setenv("HOME", out, 1);
  setenv("XDG_STATE_HOME", out, 1);
  setenv("XDG_DATA_HOME", out, 1);
  setenv("TMPDIR", out, 1);
  setenv("FAIRLEAD_TRACE_CONTENT", "100", 1);
  setenv("CREDENTIALS_DIRECTORY", credentials, 1);
  bool is_good = fd >= 0 && errors_fd >= 0 && dup2(fd, 1) == 1 && dup2(errors_fd, 2) == 2 && chdir(out) == 0;
  if (is_good) execv(argv[0], (char *const *)(uintptr_t)argv);
  _exit(127);
}

static pid_t start(const char *scene, const char *output, const char *const *argv) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) become(scene, output, argv);
  return pid;
}

static pid_t start_run(const char *scene, bool is_quiet) {
  FL_FREE_AUTO char *program = fl_format("%s/fairlead", build);
  FL_FREE_AUTO char *text = fl_format("Take them.%s", is_quiet ? "" : canaries[0].value);
  FL_FREE_AUTO char *graph = path_of(scene, "graph.json"), *input = path_of(scene, "input.json");
  const char *const argv[] = {program,
                              "run",
                              graph,
                              "--store",
                              "db",
                              "--thread",
                              "t",
                              "--json",
                              "--keep-events",
                              "--stream",
                              "values,updates,messages,tasks,checkpoints,custom,events,debug",
                              "-",
                              NULL};
  int fd = open(input, O_RDWR | O_CREAT | O_TRUNC, 0600); /* the question is no argument: those are seen by all */
  if (fd < 0 || write(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) != 0) abort();
  int before = dup(0);
  dup2(fd, 0);
  pid_t pid = start(scene, "out/stdout", argv);
  dup2(before, 0);
  close(before);
  close(fd);
  return pid;
}

static int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Looks at all processes until the run has ended. */
static int watch_run(pid_t pid, struct watch *watch) {
  int status = 0;
  for (pid_t ended; (ended = waitpid(pid, &status, WNOHANG)) == 0;) {
    if (watch_find(server, pid) > 0 && watch->looks < 12) watch_look(watch, server);
    usleep(100 * 1000);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Until the server's tool `hold` is at work: what came before it stands in the store. */
static pid_t wait_until_held(pid_t pid) {
  pid_t found = 0;
  for (int i = 0; i < 600 && (found = watch_find(server, pid)) == 0; i++) usleep(20 * 1000);
  usleep(600 * 1000);
  return found;
}

/* ---- what is left behind ---- */

static const char *const exports[][10] = {
    {"threads-show", "threads", "show", "t", "--json"},
    {"threads-state", "threads", "state", "t", "--json"},
    {"threads-history", "threads", "history", "t", "--json"},
    {"threads-events", "threads", "events", "t", "--json"},
    {"threads-export", "threads", "export", "t"},
    {"trace-list", "trace", "list", "--json"},
    {"trace-stats", "trace", "stats", "--json"},
    {"trace-jsonl", "trace", "export"},
    {"trace-otlp", "trace", "export", "--format", "otlp-json"},
    {"trace-protobuf", "trace", "export", "--format", "otlp-protobuf"},
    {"audit", "audit", "list", "--json", "-n", "10000"},
    {"audit-verify", "audit", "verify"},
};
enum { EXPORT_COUNT = sizeof exports / sizeof *exports };

static bool make_exports(const char *scene) {
  FL_FREE_AUTO char *program = fl_format("%s/fairlead", build);
  bool are_good = true;
  for (size_t i = 0; i < EXPORT_COUNT; i++) {
    FL_FREE_AUTO char *output = fl_format("out/%s", exports[i][0]);
    const char *argv[14] = {program};
    size_t count = 1;
    for (size_t j = 1; j < 10 && exports[i][j] != NULL; j++) argv[count++] = exports[i][j];
    argv[count++] = "--store";
    argv[count++] = "db";
    int status = wait_for(start(scene, output, argv));
    if (status != 0) fprintf(stderr, "%s: %d\n", exports[i][0], status);
    are_good &= status == 0;
  }
  return are_good;
}

static void search_out(const char *scene, const char *name, struct canary_findings *findings) {
  FL_FREE_AUTO char *path = fl_format("%s/%s/out/%s", home, scene, name);
  canaries_search_files(findings, path);
}

static void search_store(const char *scene, struct canary_findings *findings) {
  static const char *const names[] = {"db", "db-wal", "db-journal", "db-shm", "db.audit-head"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) search_out(scene, names[i], findings);
}

static bool has_cores(const char *path) {
  DIR *folder = opendir(path);
  bool has = false;
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
    has |= strncmp(entry->d_name, "core", 4) == 0;
  if (folder != NULL) closedir(folder);
  return has;
}

/* ---- scenes ---- */

static const char *const all_tools[] = {"result",   "structured", "failure", "rpc_error",
                                        "messages", "hold",       "crash",   NULL};
static const char *const until_hold[] = {"result", "messages", "hold", NULL};
static const char *const only_hold[] = {"hold", NULL};

static void the_control_finds_them(void) {
  struct canary_findings store = {0}, told = {0}, trace = {0};
  write_scene("control", all_tools, true, false);
  wait_for(start_run("control", false));
  make_exports("control");
  search_store("control", &store);
  search_out("control", "stdout", &told);
  search_out("control", "trace-jsonl", &trace);
  expect_all("control: without secrets each value is found in the store, in every spelling", &store, SPELLING_COUNT);
  expect_all("control: and in what the run tells", &told, SPELLING_COUNT);
  row(trace.count > 0, "control: and in its trace", "nothing is found there");
}

static bool has_text(const char *scene, const char *name, const char *text) {
  FL_FREE_AUTO char *path = path_of(scene, name);
  FILE *file = fopen(path, "re");
  char *line = NULL;
  size_t room = 0;
  bool has = false;
  while (file != NULL && !has && getline(&line, &room, file) > 0) has = strstr(line, text) != NULL;
  free(line);
  if (file != NULL) fclose(file);
  return has;
}

static size_t count_given(void) {
  FL_FREE_AUTO char *path = path_of("canaries", "out/audit");
  FILE *file = fopen(path, "re");
  char *line = NULL;
  size_t room = 0, count = 0;
  for (size_t i = 0; file != NULL && getline(&line, &room, file) > 0; i++)
    count += strstr(line, "secret.used") != NULL && strstr(line, "CANARY_") != NULL && strstr(line, "leaky") != NULL;
  free(line);
  if (file != NULL) fclose(file);
  return count;
}

static void search_exports(void) {
  for (size_t i = 0; i < EXPORT_COUNT; i++) {
    struct canary_findings findings = {0};
    FL_FREE_AUTO char *what = fl_format("none is in %s", exports[i][0]);
    search_out("canaries", exports[i][0], &findings);
    expect_none(what, &findings);
  }
}

static void none_is_left_behind(void) {
  struct watch watch = {0};
  struct canary_findings store = {0}, told = {0}, complaints = {0}, rest = {0};
  write_scene("canaries", all_tools, false, false);
  link_sources("canaries");
  int status = watch_run(start_run("canaries", false), &watch);
  row(status == 0, "a run with 24 secrets is answered", "it failed");
  row(make_exports("canaries"), "its exports are made", "one of them failed");
  search_store("canaries", &store);
  search_out("canaries", "stdout", &told);
  search_out("canaries", "stdout.err", &complaints);
  expect_none("none is in the store", &store);
  expect_none("none is in what the run tells: values, updates, deltas, tasks, checkpoints, events", &told);
  expect_none("none is in what it says on standard error", &complaints);
  search_exports();
  search_out("canaries", "", &rest);
  expect_none("none is in any file that was made", &rest);
  row(count_given() >= CANARY_COUNT, "the audit log says who was given each", "records are missing");
  row(watch.looks > 0 && watch.receiver_count > 0 && watch.receivers.count > 0,
      "control: the environment of the server itself has those that it is given so", "none was found there");
  expect_none("none is in an argument of any process", &watch.arguments);
  expect_none("none is in the environment of any other process", &watch.others);
  FL_FREE_AUTO char *out = path_of("canaries", "out");
  row(!has_cores(out), "a server that crashed leaves no core file", "there is one");
}

/* The tool `process` of the program itself, which keeps the first 64 KiB of each output: what is cut there is no
 * secret. */
static void none_is_in_what_commands_print(void) {
  struct canary_findings findings = {0};
  write_scene("commands", until_hold, false, true);
  link_sources("commands");
  FL_FREE_AUTO char *graph =
      fl_format("{\"fairlead\": 1, \"name\": \"leaky\", \"manifest\": \"manifest.json\", \"state\": {\"command\": {}, "
                "\"out\": {}},"
                "\"builtin\": {\"process\": {\"commands\": {\"leak\": {\"command\": [\"%s\", \"print\"]}}}},"
                "\"nodes\": {\"leak\": {\"type\": \"tool\", \"tool\": \"builtin/process\", \"args\": {\"command\": "
                "\"'leak'\"}, \"write\": \"out\"}}, \"edges\": [\"START -> leak\", \"leak -> END\"]}",
                server);
  FL_FREE_AUTO char *manifest = fl_format(
      "{\"manifest\": 1, \"id\": \"canaries\", \"tools\": [{\"match\": \"builtin/process\", \"effect\": \"read\"}],"
      "\"servers\": {\"builtin\": {\"sandbox\": {\"secrets\": %s}}}}",
      secrets.data);
  write_value("commands", "graph.json", value_of(graph));
  write_value("commands", "manifest.json", value_of(manifest));
  FL_FREE_AUTO char *program = fl_format("%s/fairlead", build), *file = path_of("commands", "graph.json");
  const char *const argv[] = {program,    "run",           file, "-i", "{}", "--json", "--store", "db",
                              "--stream", "values,events", NULL};
  int status = wait_for(start("commands", "out/stdout", argv));
  FL_FREE_AUTO char *out = path_of("commands", "out");
  row(status == 0 && has_text("commands", "out/stdout", "[secret CANARY_"), "a command with secrets is run",
      "it failed");
  canaries_search_files(&findings, out);
  expect_none("none is in what commands of the program print", &findings);
}

static void none_is_in_a_killed_store(void) {
  struct canary_findings store = {0};
  write_scene("killed", until_hold, false, false);
  link_sources("killed");
  pid_t pid = start_run("killed", false);
  bool is_held = wait_until_held(pid) > 0;
  FL_FREE_AUTO char *journal = path_of("killed", "out/db-wal");
  struct stat info;
  kill(pid, SIGKILL);
  wait_for(pid);
  row(is_held && stat(journal, &info) == 0 && info.st_size > 0, "a run that was killed leaves a journal",
      "there is none");
  search_store("killed", &store);
  expect_none("none is in the store and the journal of a run that was killed", &store);
}

/* ---- core files ---- */

/* Whether a process here can leave one, and whether the search finds what is in it. */
static bool can_leave_cores(void) {
  FL_FREE_AUTO char *folder = fl_format("%s/cores", home);
  struct canary_findings findings = {0};
  mkdir(folder, 0700);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    if (chdir(folder) == 0) abort();
    _exit(1);
  }
  wait_for(pid);
  canaries_search_files(&findings, folder);
  return findings.count > 0;
}

static bool dump(pid_t pid, const char *name, struct canary_findings *findings) {
  FL_FREE_AUTO char *prefix = path_of("held", name), *file = fl_format("%s.%d", prefix, (int)pid),
                    *number = fl_format("%d", (int)pid);
  const char *const argv[] = {"/usr/bin/gcore", "-o", prefix, number, NULL};
  wait_for(start("held", "out/gcore", argv));
  return access(file, R_OK) == 0 && canaries_search_files(findings, file);
}

static void search_cores(pid_t pid, pid_t held) {
  struct canary_findings ours = {0}, launchers = {0}, servers = {0};
  FL_FREE_AUTO char *launcher = fl_format("%s/fairlead-launch", build);
  pid_t above = watch_find(launcher, pid);
  static const char what[] = "none is in a core file of fairlead that root makes by force";
  if (access("/usr/bin/gcore", X_OK) != 0 || geteuid() != 0 || !dump(held, "server", &servers)) {
    skip(what, "there is no gcore here, or it cannot look into processes");
    return;
  }
  row(servers.count > 0, "control: a core file of the server has its secrets", "none is found");
  if (dump(pid, "fairlead", &ours)) expect_none(what, &ours);
  else skip(what, "gcore made none");
  if (above > 0 && dump(above, "launcher", &launchers)) expect_none("none is in one of the launcher", &launchers);
  else skip("none is in one of the launcher", "gcore made none");
}

static void none_is_in_a_core_file(void) {
  write_scene("held", only_hold, false, true);
  link_sources("held");
  pid_t pid = start_run("held", true);
  pid_t held = wait_until_held(pid);
  row(held > 0, "a server that says nothing holds its secrets", "it does not run");
  search_cores(pid, held);
  kill(pid, SIGABRT);
  wait_for(pid);
  FL_FREE_AUTO char *out = path_of("held", "out");
  static const char what[] = "fairlead leaves no core file when it crashes";
  if (can_leave_cores()) row(!has_cores(out), what, "there is one");
  else skip(what, "this machine leaves none, or elsewhere");
}

/* ---- keys of models, headers of servers ---- */

/* The port that it listens at; it is the caller's to kill. */
static int start_echo(const char *scene, pid_t *ret_pid) {
  FL_FREE_AUTO char *program = fl_format("%s/secrets-echo", build), *path = path_of(scene, "port");
  const char *const argv[] = {program, NULL};
  int port = 0;
  *ret_pid = start(scene, "port", argv);
  for (int i = 0; i < 500 && port == 0; i++) {
    FILE *file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%d", &port) != 1) port = 0;
    if (file != NULL) fclose(file);
    usleep(10 * 1000);
  }
  return port;
}

/* By reference to two variables, or (`is_control`) with the values in the file itself. */
static void write_keys_graph(const char *scene, int port, bool is_control) {
  FL_FREE_AUTO char *text = fl_format(
      "{\"fairlead\": 1, \"name\": \"echo\", \"state\": {\"messages\": {\"reducer\": \"messages\"}},"
      "\"models\": {\"main\": {\"provider\": \"openai\", \"model\": \"m\", \"base_url\": \"http://127.0.0.1:%d/v1\"}},"
      "\"mcpServers\": {\"echo\": {\"url\": \"http://127.0.0.1:%d/mcp\", \"headers\": {}}},"
      "\"nodes\": {\"agent\": {\"type\": \"agent\", \"model\": \"main\", \"tools\": [\"echo/*\"]},"
      "\"tools\": {\"type\": \"tools\", \"tools\": [\"echo/*\"]}},"
      "\"edges\": [\"START -> agent\", {\"from\": \"agent\", \"branch\": ["
      "{\"when\": \"size(last(state.messages).tool_calls) > 0\", \"to\": \"tools\"}, {\"to\": \"END\"}]},"
      "\"tools -> agent\"]}",
      port, port);
  struct fl_value *graph = value_of(text), *headers = fl_get(fl_get(fl_get(graph, "mcpServers"), "echo"), "headers");
  FL_FREE_AUTO char *bearer = fl_format("Bearer %s", is_control ? canaries[KEYED + 1].value : "${KEYED_HEADER}");
  fl_set_string(fl_get(fl_get(graph, "models"), "main"), "api_key",
                is_control ? canaries[KEYED].value : "${KEYED_MODEL}");
  fl_set_string(headers, "Authorization", bearer);
  fl_set_string(headers, "X-Api-Key", is_control ? canaries[KEYED + 2].value : "${KEYED_OTHER}");
  write_value(scene, "graph.json", graph);
}

/* A run that a provider ends with an error, in which the key stands. */
static void run_keys(const char *scene, bool is_control) {
  FL_FREE_AUTO char *folder = fl_format("%s/%s", home, scene), *out = path_of(scene, "out");
  pid_t echo;
  mkdir(folder, 0700);
  mkdir(out, 0700);
  write_keys_graph(scene, start_echo(scene, &echo), is_control);
  row(wait_for(start_run(scene, true)) != 0, "a provider ends a run with an error that has its key", "it is answered");
  kill(echo, SIGKILL);
  wait_for(echo);
  make_exports(scene);
}

static bool has_kinds(const struct canary_findings *findings, size_t index) {
  for (int kind = 0; kind < SPELLING_COUNT; kind++)
    if (!findings->has[index][kind]) return false;
  return true;
}

static void keys_and_headers_are_said_back(void) {
  static const char *const names[] = {"KEYED_MODEL", "KEYED_HEADER", "KEYED_OTHER"};
  struct canary_findings control = {0}, findings = {0};
  for (size_t i = 0; i < 3; i++) setenv(names[i], canaries[KEYED + i].value, 1);
  run_keys("keys-control", true);
  search_store("keys-control", &control);
  row(has_kinds(&control, KEYED) && has_kinds(&control, KEYED + 1) && has_kinds(&control, KEYED + 2),
      "control: a key and headers that stand in the graph file are found in the store, in every spelling",
      "some are not");
  run_keys("keys", false);
  FL_FREE_AUTO char *out = path_of("keys", "out");
  canaries_search_files(&findings, out);
  expect_none("no key of a model and no header, taken from the environment, is in anything that is left", &findings);
  for (size_t i = 0; i < 3; i++) {
    FL_FREE_AUTO char *mark = fl_format("[secret %s]", names[i]),
                      *what = fl_format("%s reaches its server, and stands instead of its value", mark);
    row(has_text("keys", "out/threads-export", mark), what, "it is not there");
    unsetenv(names[i]);
  }
  row(has_text("keys", "out/stdout", "400") || has_text("keys", "out/stdout.err", "400"), "the error is the provider's",
      "it is another");
  row(has_text("keys", "out/stdout", "[secret KEYED_MODEL]") ||
          has_text("keys", "out/stdout.err", "[secret KEYED_MODEL]"),
      "and has the key's name", "it has not");
}

static void remove_home(void) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    execlp("rm", "rm", "-rf", home, (char *)NULL);
    _exit(127);
  }
  if (wait_for(pid) != 0) fprintf(stderr, "left: %s\n", home);
}

int main(int argc, char **argv) {
  char template[] = "/tmp/fl-secrets-XXXXXX";
  if (argc != 2 || mkdtemp(template) == NULL) return 2;
  build = realpath(argv[1], NULL);
  home = template;
  server = fl_format("%s/secrets-leaky", build);
  canaries_make(home, &secrets);
  the_control_finds_them();
  none_is_left_behind();
  none_is_in_what_commands_print();
  none_is_in_a_killed_store();
  none_is_in_a_core_file();
  keys_and_headers_are_said_back();
  printf("1..%d\n", row_count);
  if (getenv("FL_SECRETS_KEEP") != NULL) fprintf(stderr, "kept: %s\n", home);
  else remove_home();
  fl_buf_deinit(&secrets);
  fl_free(server);
  free(build);
  return failed_count > 0;
}
