/* SPDX-License-Identifier: MIT */
/* fairlead mcp serve --http as a process: where it says it listens, requests over a real socket, and its end. And what
 * a user may write for where to listen. */
#include "mcp/server_http.h"
#include "runtime/base/buf.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct program {
  pid_t pid;
  int out;
  char line[512]; /* the first of its standard output */
};

/* `fd`: where its first line comes. */
static void start_program(struct program *program, const char *const *argv, int fd) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  program->pid = fork();
  if (program->pid == 0) {
    dup2(ends[1], fd);
    close(ends[0]);
    close(ends[1]);
    execv(argv[0], (char **)(uintptr_t)argv);
    _exit(127);
  }
  close(ends[1]);
  program->out = ends[0];
  size_t size = 0;
  while (size + 1 < sizeof program->line && read(program->out, program->line + size, 1) == 1 &&
         program->line[size] != '\n')
    size++;
  program->line[size] = '\0';
}

static void start(struct program *program, const char *const *more) {
  char path[4096];
  snprintf(path, sizeof path, "%s/fairlead", getenv("FL_BUILD_ROOT"));
  const char *argv[16] = {path, "mcp", "serve", "--json"};
  for (int i = 0; more[i] != NULL; i++) argv[4 + i] = more[i];
  start_program(program, argv, 1);
}

/* The exit code, once it has ended; -1 when it does not within 5 s. */
static int wait_for(struct program *program) {
  close(program->out);
  for (int i = 0; i < 500; i++) {
    int status = 0;
    if (waitpid(program->pid, &status, WNOHANG) == program->pid) return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
  }
  kill(program->pid, SIGKILL);
  waitpid(program->pid, NULL, 0);
  return -1;
}

static int connect_to(const char *url, const char *path) {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_un un;
  } address = {0};
  if (path != NULL) {
    address.un.sun_family = AF_UNIX;
    snprintf(address.un.sun_path, sizeof address.un.sun_path, "%s", path);
  } else {
    const char *port = strstr(url, "127.0.0.1:");
    assert_non_null(port);
    address.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(port + 10, NULL, 10))};
    address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  int fd = socket(address.any.sa_family, SOCK_STREAM, 0);
  assert_int_equal(connect(fd, &address.any, path != NULL ? sizeof address.un : sizeof address.v4), 0);
  return fd;
}

#define META                                                               \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
  "\"io.modelcontextprotocol/clientCapabilities\":{}}"

static void post(int fd, const char *method, const char *params) {
  FL_BUF_AUTO body = {0};
  FL_BUF_AUTO text = {0};
  fl_buf_addf(&body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s" META "}}", method, params);
  fl_buf_addf(&text,
              "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
              "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: %s\r\n"
              "%sContent-Length: %zu\r\n\r\n%s",
              method, strcmp(method, "tools/call") == 0 ? "Mcp-Name: echo\r\n" : "", body.size, body.data);
  assert_int_equal(send(fd, text.data, text.size, MSG_NOSIGNAL), (ssize_t)text.size);
}

/* Reads until the text is there, or the end. */
static bool reads(int fd, struct fl_buf *got, const char *text) {
  char block[4096];
  fl_buf_add_text(got, "");
  for (ssize_t size; strstr(got->data, text) == NULL && (size = recv(fd, block, sizeof block, 0)) > 0;)
    fl_buf_add(got, block, (size_t)size);
  return strstr(got->data, text) != NULL;
}

static void a_process_at_a_port(void **state) {
  struct program program;
  start(&program, (const char *const[]){"--http", "127.0.0.1:0", NULL});
  assert_non_null(strstr(program.line, "{\"url\":\"http://127.0.0.1:"));
  FL_BUF_AUTO got = {0};
  int fd = connect_to(program.line, NULL), waiting = connect_to(program.line, NULL);
  post(fd, "tools/list", "");
  assert_true(reads(fd, &got, "calculator"));
  fl_buf_clear(&got);
  post(waiting, "subscriptions/listen", "\"notifications\":{\"toolsListChanged\":true},");
  assert_true(reads(waiting, &got, "acknowledged"));
  kill(program.pid, SIGTERM);
  assert_true(reads(waiting, &got, "\r\n0\r\n\r\n")); /* the stream ends in order */
  close(fd);
  close(waiting);
  assert_int_equal(wait_for(&program), 0);
}

static void a_process_at_a_path(void **state) {
  char path[100], where[120];
  snprintf(path, sizeof path, "%s/s", test_folder());
  snprintf(where, sizeof where, "unix:%s", path);
  struct program program, second;
  start(&program, (const char *const[]){"--http", where, NULL});
  assert_non_null(strstr(program.line, "http+unix:"));
  FL_BUF_AUTO got = {0};
  int fd = connect_to(NULL, path);
  post(fd, "tools/list", "");
  assert_true(reads(fd, &got, "calculator"));
  start(&second, (const char *const[]){"--http", where, NULL});
  assert_true(wait_for(&second) > 0); /* it is in use */
  close(fd);
  kill(program.pid, SIGINT);
  assert_int_equal(wait_for(&program), 0);
  assert_int_equal(access(path, F_OK), -1);
}

/* A program that is fl_tools_main and nothing else. */
static void a_program_of_c_functions(void **state) {
  char path[4096];
  snprintf(path, sizeof path, "%s/tests/unit/mcp/mcp-stdio-tools", getenv("FL_BUILD_ROOT"));
  struct program program;
  start_program(&program, (const char *const[]){path, "--http=127.0.0.1:0", "--path", "/mcp", NULL}, 2);
  assert_non_null(strstr(program.line, "listening on http://127.0.0.1:"));
  FL_BUF_AUTO got = {0};
  int fd = connect_to(program.line, NULL);
  post(fd, "tools/list", "");
  assert_true(reads(fd, &got, "Says it again."));
  fl_buf_clear(&got);
  post(fd, "tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":\"over there\"},");
  assert_true(reads(fd, &got, "\"text\":\"over there\""));
  close(fd);
  kill(program.pid, SIGTERM);
  assert_int_equal(wait_for(&program), 0);
}

static void an_address_for_others_must_be_meant(void **state) {
  struct program program;
  start(&program, (const char *const[]){"--http", "0.0.0.0:0", NULL});
  assert_null(strstr(program.line, "\"url\""));
  assert_non_null(strstr(program.line, "--public"));
  assert_true(wait_for(&program) > 0);
}

static void what_may_be_listened_on(void **state) {
  static const struct {
    const char *text, *address;
    int port;
  } rows[] = {{"3000", "127.0.0.1", 3000},
              {":3000", "127.0.0.1", 3000},
              {"localhost:1", "127.0.0.1", 1},
              {"[::1]:80", "::1", 80},
              {"10.0.0.1:0", "10.0.0.1", 0},
              {"127.0.0.1:65535", "127.0.0.1", 65535},
              {"host", NULL, 0},
              {"127.0.0.1:65536", NULL, 0},
              {"127.0.0.1:", NULL, 0},
              {"-1", NULL, 0},
              {"fd:x", NULL, 0},
              {"", NULL, 0}};
  struct fl_http_listen listen;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fl_error err = {0};
    int status = fl_http_parse_listen(rows[i].text, &listen, &err);
    assert_int_equal(status, rows[i].address != NULL ? 0 : FL_E_INVALID);
    if (status != 0) continue;
    assert_string_equal(listen.options.address, rows[i].address);
    assert_int_equal(listen.options.port, rows[i].port);
  }
  assert_int_equal(fl_http_parse_listen("unix:/a:b", &listen, NULL), 0);
  assert_string_equal(listen.options.path, "/a:b");
  assert_null(listen.options.address);
  assert_int_equal(fl_http_parse_listen("fd:3", &listen, NULL), 0);
  assert_true(listen.options.has_fd && listen.options.fd == 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_may_be_listened_on),
      cmocka_unit_test(a_process_at_a_port),
      cmocka_unit_test(a_process_at_a_path),
      cmocka_unit_test(a_program_of_c_functions),
      cmocka_unit_test(an_address_for_others_must_be_meant),
  };
  return cmocka_run_group_tests_name("http_program", tests, NULL, NULL);
}
