/* SPDX-License-Identifier: MIT */
/* Calls over Streamable HTTP, 16 connections, each with one request under way, against a child that finds the end of
 * each request and answers with a fixed text: what sockets and wake-ups cost. And what ten thousand open subscriptions
 * weigh. Rounds are interleaved and medians compared. The CPU of the servers is judged; calls per second also depend on
 * who else uses the machine, and are shown. */
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

/* ---- the floor ---- */

struct client {
  int fd;
  size_t size;
  char data[BUFFER_SIZE];
};

static void answer(struct client *client, const char *text) {
  ssize_t got = read(client->fd, client->data + client->size, sizeof client->data - client->size - 1);
  if (got <= 0) {
    close(client->fd);
    free(client);
    return;
  }
  client->size += (size_t)got;
  client->data[client->size] = '\0';
  const char *end = strstr(client->data, "\r\n\r\n"), *length = strcasestr(client->data, "content-length:");
  size_t whole =
      end != NULL ? (size_t)(end + 4 - client->data) + (length != NULL ? strtoul(length + 15, NULL, 10) : 0) : SIZE_MAX;
  if (client->size < whole) return;
  client->size = 0;
  if (write(client->fd, text, strlen(text)) < 0) fail("write");
}

static int serve_fixed(int listener) {
  char text[512];
  snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
           strlen(RESULT), RESULT);
  int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN}, events[64];
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(poll, events, 64, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr != NULL) {
        answer(events[i].data.ptr, text);
        continue;
      }
      struct client *client = calloc(1, sizeof *client);
      if (client == NULL) abort();
      client->fd = accept(listener, NULL, NULL);
      setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
      event = (struct epoll_event){.events = EPOLLIN, .data.ptr = client};
      epoll_ctl(poll, EPOLL_CTL_ADD, client->fd, &event);
    }
  }
}

/* ---- the servers: each gets a listening socket ---- */

struct server {
  pid_t pid;
  uint16_t port;
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
  size_t size = make_request(request, sizeof request, "tools/call", "calculator",
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

int main(void) {
  struct rlimit limit = {0};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  struct server floor, ours;
  start(&floor, true);
  start(&ours, false);
  double ratios[ROUNDS], floor_cpu_us[ROUNDS], our_cpu_us[ROUNDS], ours_per_s[ROUNDS];
  for (int round = 0; round < ROUNDS; round++) {
    double floor_per_s = 0;
    run_calls(&floor, &floor_per_s, &floor_cpu_us[round]);
    run_calls(&ours, &ours_per_s[round], &our_cpu_us[round]);
    ratios[round] = ours_per_s[round] / floor_per_s;
  }
  double our_us = bench_middle(our_cpu_us, ROUNDS), floor_us = bench_middle(floor_cpu_us, ROUNDS);
  bench_limit("http-cpu", our_us / floor_us, "floors", 5);
  bench_figure("http-cpu-of-a-call", our_us, "us");
  bench_figure("http-cpu-of-a-fixed-reply", floor_us, "us");
  bench_figure("http-calls", bench_middle(ours_per_s, ROUNDS), "1/s");
  bench_figure("http-calls-to-fixed-replies", bench_middle(ratios, ROUNDS), "of the floor");
  if (limit.rlim_cur > SUBSCRIPTIONS + 64) bench_limit("http-subscription", weigh_subscriptions(&ours), "KB", 20);
  else printf("skipped: http-subscription, no more than %lu files may be open\n", (unsigned long)limit.rlim_cur);
  kill(floor.pid, SIGKILL);
  kill(ours.pid, SIGTERM);
  waitpid(floor.pid, NULL, 0);
  int status = 0;
  waitpid(ours.pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("the server did not end in order");
  return bench_done();
}
