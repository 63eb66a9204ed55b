/* SPDX-License-Identifier: MIT */
/* Real programs over real pipes: a server of ours driven byte by byte, and our client against it in both eras. */
#include "mcp/client_source.h"
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define META                                                                                         \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/" \
  "clientCapabilities\":{}}"

static const char *program(void) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/tests/unit/mcp/mcp-stdio-tools", getenv("FL_BUILD_ROOT"));
  return path;
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- a server by hand ---- */

struct server {
  pid_t pid;
  int in, out, errors;
  struct fl_buf got;
};

static void server_start(struct server *server) {
  int in[2], out[2], errors[2];
  assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(errors, O_CLOEXEC), 0);
  *server = (struct server){.pid = fork(), .in = in[1], .out = out[0], .errors = errors[0]};
  if (server->pid == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    dup2(errors[1], 2);
    execl(program(), program(), (char *)NULL);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  close(errors[1]);
}

static void say(struct server *server, const char *text, size_t size) {
  while (size > 0) {
    ssize_t put = write(server->in, text, size);
    assert_true(put > 0);
    text += put;
    size -= (size_t)put;
  }
}

static void call(struct server *server, int id, const char *tool, const char *args) {
  FL_FREE_AUTO char *line = fl_format(
      "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",\"arguments\":%s," META
      "}}\n",
      id, tool, args);
  say(server, line, strlen(line));
}

/* Reads until `text` has come, or 20 s have passed. */
static bool hears(struct server *server, const char *text) {
  double deadline = now_ms() + 20000;
  while (server->got.data == NULL || memmem(server->got.data, server->got.size, text, strlen(text)) == NULL) {
    struct pollfd wait = {.fd = server->out, .events = POLLIN};
    char block[65536];
    if (now_ms() > deadline || poll(&wait, 1, 1000) < 0) return false;
    ssize_t size = wait.revents != 0 ? read(server->out, block, sizeof block) : 0;
    if (wait.revents != 0 && size <= 0) return false;
    fl_buf_add(&server->got, block, (size_t)size);
  }
  return true;
}

/* Milliseconds until it has ended; its status in *ret_status. */
static double wait_for_end(struct server *server, int *ret_status) {
  double start = now_ms();
  while (waitpid(server->pid, ret_status, WNOHANG) == 0) {
    if (now_ms() - start > 10000) fail_msg("it does not end");
    usleep(500);
  }
  return now_ms() - start;
}

static void server_forget(struct server *server) {
  if (server->in >= 0) close(server->in);
  close(server->out);
  close(server->errors);
  fl_buf_deinit(&server->got);
}

/* The promise is 100 ms; sanitizers and neighbours get some more. */
enum { END_MS = 400 };

static void what_a_tool_prints_does_not_reach_the_client(void **state) {
  struct server server;
  int status;
  server_start(&server);
  call(&server, 1, "print", "{}");
  assert_true(hears(&server, "read 0"));
  assert_null(memmem(server.got.data, server.got.size, "this is not", 11));
  char printed[100] = "";
  assert_true(read(server.errors, printed, sizeof printed - 1) > 0);
  assert_string_equal(printed, "this is not a message\n");
  close(server.in);
  server.in = -1;
  wait_for_end(&server, &status);
  assert_int_equal(status, 0);
  server_forget(&server);
}

static void it_ends_with_its_input_whatever_its_tools_do(void **state) {
  struct server server;
  int status;
  server_start(&server);
  call(&server, 1, "stuck", "{}");
  call(&server, 2, "waits", "{}");
  static const char ping[] = "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}\n";
  say(&server, ping, sizeof ping - 1);
  assert_true(hears(&server, "\"id\":9"));
  close(server.in);
  server.in = -1;
  double took = wait_for_end(&server, &status);
  if (took > END_MS) fail_msg("it took %.0f ms", took);
  assert_int_equal(status, 0);
  server_forget(&server);
}

static void sigterm_ends_it_too(void **state) {
  struct server server;
  int status;
  server_start(&server);
  call(&server, 1, "echo", "{\"text\":\"there\"}");
  assert_true(hears(&server, "there"));
  kill(server.pid, SIGTERM);
  assert_true(wait_for_end(&server, &status) < END_MS);
  assert_int_equal(status, 0);
  server_forget(&server);
}

static void questions_right_before_the_end_are_answered(void **state) {
  struct server server;
  int status;
  server_start(&server);
  for (int i = 0; i < 50; i++) call(&server, i, "echo", "{\"text\":\"x\"}");
  close(server.in);
  server.in = -1;
  assert_true(hears(&server, "\"id\":49,\"result\""));
  wait_for_end(&server, &status);
  server_forget(&server);
}

static long peak_kb(pid_t pid) {
  char path[64], line[256];
  long peak = -1;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) sscanf(line, "VmHWM: %ld", &peak);
  if (file != NULL) fclose(file);
  return peak;
}

static void a_message_over_the_limit_is_answered_and_forgotten(void **state) {
  enum { BLOCK = 1 << 20, BLOCKS = 80 };
  struct server server;
  int status;
  FL_FREE_AUTO char *block = fl_alloc(BLOCK);
  memset(block, 'x', BLOCK);
  server_start(&server);
  const char *begin = "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{\"name\":\"";
  say(&server, begin, strlen(begin));
  for (int i = 0; i < BLOCKS; i++) say(&server, block, BLOCK);
  say(&server, "\"}}\n", 4);
  call(&server, 78, "echo", "{\"text\":\"still here\"}");
  assert_true(hears(&server, "still here"));
  assert_non_null(memmem(server.got.data, server.got.size, "\"id\":77,\"error\":{\"code\":-32600", 30));
  assert_true(peak_kb(server.pid) < 400 * 1024);
  close(server.in);
  server.in = -1;
  wait_for_end(&server, &status);
  server_forget(&server);
}

/* Both sides would stand still if the server went on reading only while it can write. */
static void a_client_that_writes_first_and_reads_later_gets_everything(void **state) {
  enum { COUNT = 300, SIZE = 100 * 1000 };
  struct server server;
  int status;
  FL_FREE_AUTO char *text = fl_alloc(SIZE + 20);
  memset(text, 'y', SIZE + 19);
  memcpy(text, "{\"text\":\"", 9);
  memcpy(text + SIZE, "\"}", 3);
  server_start(&server);
  pid_t writer = fork();
  if (writer == 0) {
    for (int i = 0; i < COUNT; i++) call(&server, i, "echo", text);
    _exit(0);
  }
  usleep(300 * 1000);
  size_t replies = 0;
  double deadline = now_ms() + 60000;
  while (replies < COUNT && now_ms() < deadline) {
    char block[65536];
    ssize_t size = read(server.out, block, sizeof block);
    assert_true(size > 0);
    for (ssize_t i = 0; i < size; i++) replies += block[i] == '\n';
  }
  assert_int_equal(replies, COUNT);
  waitpid(writer, &status, 0);
  close(server.in);
  server.in = -1;
  wait_for_end(&server, &status);
  server_forget(&server);
}

static int run_with(const char *option, char *ret_text, size_t size) {
  char command[5000];
  snprintf(command, sizeof command, "%s %s 2>&1 </dev/null", program(), option);
  FILE *pipe = popen(command, "r");
  size_t got = fread(ret_text, 1, size - 1, pipe);
  ret_text[got] = '\0';
  return WEXITSTATUS(pclose(pipe));
}

static void the_program_says_what_it_is(void **state) {
  char text[4000];
  assert_int_equal(run_with("--help", text, sizeof text), 0);
  assert_non_null(strstr(text, "stdio-tools 1.2: tools for MCP clients"));
  assert_non_null(strstr(text, "Says it again."));
  assert_non_null(strstr(text, "--http WHERE "));
  assert_int_equal(run_with("--version", text, sizeof text), 0);
  assert_string_equal(text, "stdio-tools 1.2\n");
  assert_int_equal(run_with("--verbose", text, sizeof text), 2);
  assert_non_null(strstr(text, "unknown option \"--verbose\""));
  static const char *const wrong[][2] = {{"--http", "a value is missing behind \"--http\""},
                                         {"--http=1 --http 2", "too often: \"--http\""},
                                         {"--path /x", "only with --http: \"--path\""},
                                         {"--http=0 --public=yes", "there is no value for \"--public\""},
                                         {"--httpx 3", "unknown option \"--httpx\""},
                                         {"help", "unknown option \"help\""}};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    assert_int_equal(run_with(wrong[i][0], text, sizeof text), 2);
    assert_non_null(strstr(text, wrong[i][1]));
  }
  assert_int_equal(run_with("--http 0.0.0.0:0", text, sizeof text), 1);
  assert_non_null(strstr(text, "can be reached from other machines"));
}

/* ---- our client against it ---- */

static struct fl_world *world;
static int ready_status, done_status, progress_count;
static char done_text[500], error_text[FL_ERROR_TEXT_MAX], log_text[2000];

static void on_ready(struct fl_tool_source *source, int status, const struct fl_error *err) {
  ready_status = status;
  snprintf(error_text, sizeof error_text, "%s", err != NULL ? err->text : "");
  fl_world_stop(world);
}
static void on_closed(struct fl_tool_source *source) { fl_world_stop(world); }
static void on_log(struct fl_tool_source *source, const char *level, const char *text) {
  size_t used = strlen(log_text);
  snprintf(log_text + used, sizeof log_text - used, "%s\n", text);
}
static void on_progress(struct fl_tool_request *request, double done, double total, const char *message) {
  progress_count++;
}
static void on_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                    const struct fl_error *err) {
  done_status = status;
  char *text = fl_dump(result, NULL);
  snprintf(done_text, sizeof done_text, "%s", text);
  fl_text_free(text);
  snprintf(error_text, sizeof error_text, "%s", err != NULL ? err->text : "");
  fl_world_stop(world);
}

static struct fl_tool_source *connect_client(const char *era, const char *variable) {
  struct fl_tool_source *source;
  struct fl_mcp_client_options options = {.size = sizeof options,
                                          .name = "tools",
                                          .argv = (const char *const[]){program(), NULL},
                                          .env = (const char *const[]){variable, NULL},
                                          .era = era};
  assert_int_equal(fl_mcp_client_create(world, &options, &source, NULL), 0);
  source->on_ready = on_ready;
  source->on_closed = on_closed;
  source->on_log = on_log;
  source->ops->open(source);
  fl_world_run(world);
  return source;
}

static void disconnect(struct fl_tool_source *source) {
  source->ops->close(source);
  fl_world_run(world);
  source->ops->destroy(source);
}

static void ask(struct fl_tool_source *source, struct fl_tool_request *request, const char *tool,
                const char *args_text) {
  FL_VALUE_AUTO args = NULL;
  fl_parse(args_text, strlen(args_text), &args, NULL);
  *request = (struct fl_tool_request){.tool = tool, .args = args, .on_done = on_done, .on_progress = on_progress};
  progress_count = 0;
  source->ops->call(source, request);
}

static int setup(void **state) {
  world = fl_world_uv_create(NULL);
  log_text[0] = '\0';
  return 0;
}
static int teardown(void **state) {
  fl_world_destroy(world);
  return 0;
}

static void our_client_and_our_server_agree_in_both_eras(void **state) {
  static const char *const eras[] = {NULL, "modern", "legacy"}, *const spoken[] = {"modern", "modern", "legacy"};
  for (int i = 0; i < 3; i++) {
    struct fl_tool_request request;
    struct fl_tool_source *source = connect_client(eras[i], NULL);
    assert_int_equal(ready_status, 0);
    assert_int_equal(source->tool_count, 5);
    FL_VALUE_AUTO about = fl_mcp_client_describe(source);
    assert_string_equal(fl_get_string(about, "era", ""), spoken[i]);
    assert_string_equal(fl_get_string(fl_get(about, "serverInfo"), "name", ""), "stdio-tools");
    ask(source, &request, "echo", "{\"text\":\"h\xc3\xa9llo\"}");
    fl_world_run(world);
    assert_int_equal(done_status, 0);
    assert_string_equal(done_text, "{\"content\":[{\"type\":\"text\",\"text\":\"h\xc3\xa9llo\"}]}");
    assert_int_equal(progress_count, 1);
    disconnect(source);
  }
}

static void a_cancel_arrives_at_the_handler(void **state) {
  struct fl_tool_request request, second;
  struct fl_tool_source *source = connect_client(NULL, NULL);
  ask(source, &request, "waits", "{}");
  ask(source, &second, "echo", "{}");
  fl_world_run(world); /* echo is done, so waits has been read */
  source->ops->cancel(source, &request);
  fl_world_run(world);
  assert_int_equal(done_status, FL_E_CANCELLED);
  for (double deadline = now_ms() + 5000; strstr(log_text, "it was cancelled") == NULL && now_ms() < deadline;) {
    ask(source, &second, "echo", "{}");
    fl_world_run(world);
  }
  assert_non_null(strstr(log_text, "it was cancelled"));
  disconnect(source);
}

static void a_server_that_crashes_is_back_for_the_next_call(void **state) {
  struct fl_tool_request request;
  struct fl_tool_source *source = connect_client(NULL, NULL);
  ask(source, &request, "crash", "{}");
  fl_world_run(world);
  assert_int_equal(done_status, FL_E_CLOSED);
  assert_string_equal(error_text, "tools/crash: the server exited with status 9 during the call");
  ask(source, &request, "echo", "{\"text\":\"back\"}");
  fl_world_run(world);
  assert_int_equal(done_status, 0);
  assert_non_null(strstr(done_text, "back"));
  disconnect(source);
}

static void a_server_that_cannot_start_has_last_words(void **state) {
  struct fl_tool_source *source = connect_client(NULL, "DIE_EARLY=1");
  assert_int_equal(ready_status, FL_E_CLOSED);
  assert_string_equal(error_text, "server tools exited with status 4 before it was ready; its last words: no database");
  disconnect(source);
}

static int count_entries(const char *folder) {
  int count = 0;
  DIR *entries = opendir(folder);
  while (entries != NULL && readdir(entries) != NULL) count++;
  closedir(entries);
  return count;
}

static void connections_leave_nothing_behind(void **state) {
  disconnect(connect_client(NULL, NULL));
  int before = count_entries("/proc/self/fd");
  for (int i = 0; i < 20; i++) disconnect(connect_client(i % 2 == 0 ? "modern" : "legacy", NULL));
  assert_int_equal(count_entries("/proc/self/fd"), before);
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
  assert_int_equal(errno, ECHILD);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_a_tool_prints_does_not_reach_the_client),
      cmocka_unit_test(it_ends_with_its_input_whatever_its_tools_do),
      cmocka_unit_test(sigterm_ends_it_too),
      cmocka_unit_test(questions_right_before_the_end_are_answered),
      cmocka_unit_test(a_message_over_the_limit_is_answered_and_forgotten),
      cmocka_unit_test(a_client_that_writes_first_and_reads_later_gets_everything),
      cmocka_unit_test(the_program_says_what_it_is),
      cmocka_unit_test_setup_teardown(our_client_and_our_server_agree_in_both_eras, setup, teardown),
      cmocka_unit_test_setup_teardown(a_cancel_arrives_at_the_handler, setup, teardown),
      cmocka_unit_test_setup_teardown(a_server_that_crashes_is_back_for_the_next_call, setup, teardown),
      cmocka_unit_test_setup_teardown(a_server_that_cannot_start_has_last_words, setup, teardown),
      cmocka_unit_test_setup_teardown(connections_leave_nothing_behind, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
