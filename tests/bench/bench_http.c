/* SPDX-License-Identifier: MIT */
/* Calls over Streamable HTTP, 16 connections, each with one request under way, against a child that finds the end of
 * each request by libuv and answers with a fixed text: what sockets and wake-ups cost; and beside the SDK for
 * TypeScript ($FL_BENCH_TYPESCRIPT and $FL_BENCH_NODE, see peers/mcp/install.sh). And what ten thousand open
 * subscriptions weigh. Rounds are interleaved; medians of CPU and the best rounds of calls per second are compared. */
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { ROUNDS = 7, CONNECTIONS = 16, CALLS = 10000, SUBSCRIPTIONS = 10000, BUFFER_SIZE = 16 * 1024 };

#define META                                                               \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
  "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define RESULT \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"14\"}],\"x\":\"result\"}}"

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* ---- the floor: what libuv takes to find the end of a request and to write a text ---- */

struct client {
  uv_tcp_t tcp; /* first */
  size_t size;
  char data[BUFFER_SIZE];
};

static char fixed_text[512];

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf) {
  struct client *client = (struct client *)(void *)handle;
  *ret_buf = uv_buf_init(client->data + client->size, (unsigned)(sizeof client->data - client->size - 1));
}

static void on_closed(uv_handle_t *handle) { free(handle); }

static void on_request(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
  struct client *client = (struct client *)(void *)stream;
  if (got < 0) {
    uv_close((uv_handle_t *)stream, on_closed);
    return;
  }
  client->size += (size_t)got;
  client->data[client->size] = '\0';
  const char *end = strstr(client->data, "\r\n\r\n"), *length = strcasestr(client->data, "content-length:");
  size_t whole =
      end != NULL ? (size_t)(end + 4 - client->data) + (length != NULL ? strtoul(length + 15, NULL, 10) : 0) : SIZE_MAX;
  if (client->size < whole) return;
  client->size = 0;
  uv_buf_t text = uv_buf_init(fixed_text, (unsigned)strlen(fixed_text));
  if (uv_try_write(stream, &text, 1) != (int)text.len) fail("write");
}

static void on_connection(uv_stream_t *listener, int status) {
  struct client *client = calloc(1, sizeof *client);
  if (client == NULL) abort();
  uv_tcp_init(listener->loop, &client->tcp);
  if (uv_accept(listener, (uv_stream_t *)&client->tcp) != 0) abort();
  uv_tcp_nodelay(&client->tcp, 1);
  uv_read_start((uv_stream_t *)&client->tcp, on_room, on_request);
}

static int serve_fixed(int fd) {
  snprintf(fixed_text, sizeof fixed_text,
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(RESULT),
           RESULT);
  uv_loop_t loop;
  uv_tcp_t listener;
  uv_loop_init(&loop);
  uv_tcp_init(&loop, &listener);
  if (uv_tcp_open(&listener, fd) != 0 || uv_listen((uv_stream_t *)&listener, 1024, on_connection) != 0) return 1;
  return uv_run(&loop, UV_RUN_DEFAULT);
}

/* ---- the servers: each gets a listening socket ---- */

struct server {
  pid_t pid;
  uint16_t port;
  bool has_echo; /* its tool is "echo" rather than "calculator" */
};

static void start(struct server *server, bool is_floor) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1024) != 0) fail("listen");
  getsockname(listener, (struct sockaddr *)&address, &size);
  server->port = ntohs(address.sin_port);
  server->pid = fork();
  if (server->pid == 0) {
    char path[4096], where[32];
    const char *build = getenv("FL_BUILD_ROOT");
    if (is_floor) _exit(serve_fixed(listener));
    snprintf(path, sizeof path, "%s/fairlead", build != NULL ? build : "build");
    snprintf(where, sizeof where, "fd:%d", listener);
    if (freopen("/dev/null", "w", stderr) == NULL) _exit(127);
    execl(path, path, "mcp", "serve", "--http", where, (char *)NULL);
    _exit(127);
  }
  close(listener);
}

/* The SDK for TypeScript, as peers/mcp/install.sh has installed it; it says its port. false: it is not there. */
static bool start_typescript(struct server *server) {
  const char *folder = getenv("FL_BENCH_TYPESCRIPT"), *node = getenv("FL_BENCH_NODE");
  int out[2];
  char script[4096], port[16] = "";
  if (folder == NULL || node == NULL || pipe(out) != 0) return false;
  snprintf(script, sizeof script, "%s/http.mjs", folder);
  server->has_echo = true;
  server->pid = fork();
  if (server->pid == 0) {
    dup2(out[1], 1);
    execl(node, node, script, (char *)NULL);
    _exit(127);
  }
  close(out[1]);
  if (read(out[0], port, sizeof port - 1) <= 0) fail("the SDK for TypeScript does not start");
  server->port = (uint16_t)strtoul(port, NULL, 10);
  return true;
}

static int dial(const struct server *server) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(server->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  return fd;
}

static double cpu_us(const struct server *server) {
  clockid_t clock;
  struct timespec now = {0};
  if (clock_getcpuclockid(server->pid, &clock) == 0) clock_gettime(clock, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static long rss_kb(const struct server *server) {
  char path[64], line[256];
  long kb = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)server->pid);
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, "VmRSS:", 6) == 0) kb = strtol(line + 6, NULL, 10);
  if (file != NULL) fclose(file);
  return kb;
}

/* ---- requests ---- */

static size_t make_request(char *text, size_t room, const char *method, const char *name, const char *params) {
  char body[1024];
  int size = snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s" META "}}",
                      method, params);
  return (size_t)snprintf(text, room,
                          "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                          "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
                          "Mcp-Method: %s\r\n%s%s%sContent-Length: %d\r\n\r\n%s",
                          method, name[0] != '\0' ? "Mcp-Name: " : "", name, name[0] != '\0' ? "\r\n" : "", size, body);
}

static void send_all(int fd, const char *text, size_t size) {
  if (send(fd, text, size, MSG_NOSIGNAL) != (ssize_t)size) fail("send");
}

/* Reads one answer whose end is known by what stands in it. */
static void read_until(int fd, const char *text) {
  char data[BUFFER_SIZE];
  size_t size = 0;
  do {
    ssize_t got = recv(fd, data + size, sizeof data - size - 1, 0);
    if (got <= 0) fail("recv");
    size += (size_t)got;
    data[size] = '\0';
  } while (strstr(data, text) == NULL);
}

static void run_calls(const struct server *server, double *ret_per_second, double *ret_cpu_us) {
  char request[2048], data[BUFFER_SIZE];
  size_t size = server->has_echo
                    ? make_request(request, sizeof request, "tools/call", "echo",
                                   "\"name\":\"echo\",\"arguments\":{\"message\":\"result\"},")
                    : make_request(request, sizeof request, "tools/call", "calculator",
                                   "\"name\":\"calculator\",\"arguments\":{\"expression\":\"2 + 3 * 4\"},");
  int fds[CONNECTIONS], poll = epoll_create1(0), sent = CONNECTIONS;
  for (int i = 0; i < CONNECTIONS; i++) {
    fds[i] = dial(server);
    send_all(fds[i], request, size);
    read_until(fds[i], "result"); /* warm */
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
    epoll_ctl(poll, EPOLL_CTL_ADD, fds[i], &event);
  }
  double begin_us = bench_wall_us(), begin_cpu_us = cpu_us(server);
  for (int i = 0; i < CONNECTIONS; i++) send_all(fds[i], request, size);
  for (int done = 0; done < CALLS;) {
    struct epoll_event events[CONNECTIONS];
    int count = epoll_wait(poll, events, CONNECTIONS, 10000);
    if (count <= 0) fail("epoll_wait");
    for (int i = 0; i < count; i++, done++) { /* an answer is small: it comes whole */
      ssize_t got = recv(events[i].data.fd, data, sizeof data - 1, 0);
      if (got <= 0) fail("recv");
      data[got] = '\0';
      if (strstr(data, " 200 OK") == NULL || strstr(data, "result") == NULL) fail("no result");
      if (sent++ < CALLS) send_all(events[i].data.fd, request, size);
    }
  }
  *ret_per_second = CALLS / (bench_wall_us() - begin_us) * 1e6;
  *ret_cpu_us = (cpu_us(server) - begin_cpu_us) / CALLS;
  for (int i = 0; i < CONNECTIONS; i++) close(fds[i]);
  close(poll);
}

static double weigh_subscriptions(const struct server *server) {
  static int fds[SUBSCRIPTIONS];
  char request[2048];
  size_t size = make_request(request, sizeof request, "subscriptions/listen", "",
                             "\"notifications\":{\"toolsListChanged\":true},");
  long before_kb = rss_kb(server);
  for (int i = 0; i < SUBSCRIPTIONS; i++) {
    fds[i] = dial(server);
    send_all(fds[i], request, size);
    read_until(fds[i], "acknowledged");
  }
  double each_kb = (double)(rss_kb(server) - before_kb) / SUBSCRIPTIONS;
  for (int i = 0; i < SUBSCRIPTIONS; i++) close(fds[i]);
  return each_kb;
}

/* So that it is there, and idle. */
static void call_once(const struct server *server) {
  char request[2048];
  size_t size = make_request(request, sizeof request, "tools/list", "", "");
  int fd = dial(server);
  send_all(fd, request, size);
  read_until(fd, "200 OK");
  close(fd);
}

static double most(const double *values) {
  double most = 0;
  for (int i = 0; i < ROUNDS; i++)
    if (values[i] > most) most = values[i];
  return most;
}

struct samples {
  double per_s[ROUNDS], cpu_us[ROUNDS];
};

/* Who else uses the machine only makes calls fewer: so the best rounds are compared. */
static void compare(const struct server *floor, const struct server *ours, const struct server *typescript) {
  static struct samples of_floor, of_ours, of_typescript;
  for (int round = 0; round < ROUNDS; round++) {
    run_calls(floor, &of_floor.per_s[round], &of_floor.cpu_us[round]);
    run_calls(ours, &of_ours.per_s[round], &of_ours.cpu_us[round]);
    if (typescript != NULL) run_calls(typescript, &of_typescript.per_s[round], &of_typescript.cpu_us[round]);
  }
  double our_us = bench_middle(of_ours.cpu_us, ROUNDS), floor_us = bench_middle(of_floor.cpu_us, ROUNDS);
  double calls = most(of_ours.per_s);
  bench_limit("http-cpu", our_us / floor_us, "floors", 5);
  bench_figure("http-cpu-of-a-call", our_us, "us");
  bench_figure("http-cpu-of-a-fixed-reply", floor_us, "us");
  bench_figure("http-calls", calls, "1/s");
  bench_ratio("http-calls-to-fixed-replies", calls / most(of_floor.per_s), 0.5);
  if (typescript == NULL) {
    printf("skipped: the MCP SDK for TypeScript is not installed\n");
    return;
  }
  bench_ratio("http-calls-to-typescript", calls / most(of_typescript.per_s), 12);
  bench_figure("http-cpu-of-typescript", bench_middle(of_typescript.cpu_us, ROUNDS) / our_us, "times");
}

int main(void) {
  struct rlimit limit = {0};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  struct server floor = {0}, ours = {0}, typescript = {0};
  start(&floor, true);
  start(&ours, false);
  call_once(&ours);
  bool has_typescript = start_typescript(&typescript);
  bench_limit("http-rss", (double)rss_kb(&ours) / 1024, "MB", 8);
  compare(&floor, &ours, has_typescript ? &typescript : NULL);
  if (limit.rlim_cur > SUBSCRIPTIONS + 64) bench_limit("http-subscription", weigh_subscriptions(&ours), "KB", 20);
  else printf("skipped: http-subscription, no more than %lu files may be open\n", (unsigned long)limit.rlim_cur);
  kill(floor.pid, SIGKILL);
  if (has_typescript) kill(typescript.pid, SIGKILL);
  kill(ours.pid, SIGTERM);
  waitpid(floor.pid, NULL, 0);
  int status = 0;
  waitpid(ours.pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("the server did not end in order");
  return bench_done();
}
