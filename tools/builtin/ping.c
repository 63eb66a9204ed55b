/* SPDX-License-Identifier: MIT */
/* The tool "ping": how long a host takes to answer. With an echo request where this user may send one, otherwise with a
 * connection to a port, refused or not. */
#include "tools/builtin/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TRIES_MAX = 10, LOOK_MS = 20, DEFAULT_TIMEOUT_MS = 2000, DEFAULT_PORT = 443, ADDRESS_MAX = 64, PAUSE_MS = 200 };

struct ping {
  struct fl_call *call;
  struct sockaddr_storage address;
  socklen_t address_size;
  char text[ADDRESS_MAX];
  int timeout_ms;
  uint16_t sequence;
};

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1000 + (double)time.tv_nsec / 1e6;
}

static void set_port(struct ping *ping, uint16_t port) {
  if (ping->address.ss_family == AF_INET) ((struct sockaddr_in *)(void *)&ping->address)->sin_port = htons(port);
  else ((struct sockaddr_in6 *)(void *)&ping->address)->sin6_port = htons(port);
}

/* 0, or ETIMEDOUT, ECANCELED, or what poll says. */
static int wait_for(const struct ping *ping, int fd, short events, double until_ms) {
  for (;;) {
    double rest = until_ms - now_ms();
    if (rest <= 0) return ETIMEDOUT;
    if (fl_call_is_cancelled(ping->call)) return ECANCELED;
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int got = poll(&poll_fd, 1, rest < LOOK_MS ? (int)rest + 1 : LOOK_MS);
    if (got > 0) return 0;
    if (got < 0 && errno != EINTR) return errno;
  }
}

/* ---- echo ---- */

static int open_echo(const struct ping *ping) {
  bool is_v4 = ping->address.ss_family == AF_INET;
  int protocol = is_v4 ? IPPROTO_ICMP : (int)IPPROTO_ICMPV6;
  return socket(ping->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

/* The kernel fills in the identifier and the checksum, and gives us only answers to this socket. */
static int send_echo(const struct ping *ping, int fd) {
  uint8_t packet[16] = {ping->address.ss_family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST};
  packet[6] = (uint8_t)(ping->sequence >> 8);
  packet[7] = (uint8_t)ping->sequence;
  memcpy(packet + 8, "fairlead", 8);
  ssize_t sent = sendto(fd, packet, sizeof packet, 0, (const struct sockaddr *)&ping->address, ping->address_size);
  return sent < 0 ? errno : 0;
}

static bool is_reply(const struct ping *ping, const uint8_t *packet, ssize_t size) {
  uint8_t type = ping->address.ss_family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
  return size >= 8 && packet[0] == type && (packet[6] << 8 | packet[7]) == ping->sequence;
}

static int echo_once(const struct ping *ping, int fd, double *ret_ms) {
  double begin = now_ms(), until = begin + ping->timeout_ms;
  int error = send_echo(ping, fd);
  while (error == 0) {
    error = wait_for(ping, fd, POLLIN, until);
    if (error != 0) break;
    uint8_t packet[128];
    ssize_t size = recv(fd, packet, sizeof packet, 0);
    if (size < 0 && errno != EAGAIN && errno != EINTR) error = errno;
    if (is_reply(ping, packet, size)) break;
  }
  *ret_ms = now_ms() - begin;
  return error;
}

/* ---- connecting ---- */

static int connect_once(const struct ping *ping, double *ret_ms) {
  int fd = socket(ping->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
  if (fd < 0) return errno;
  double begin = now_ms();
  socklen_t size = sizeof error;
  if (connect(fd, (const struct sockaddr *)&ping->address, ping->address_size) != 0) {
    error = errno;
    if (error == EINPROGRESS) error = wait_for(ping, fd, POLLOUT, begin + ping->timeout_ms);
    if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  }
  *ret_ms = now_ms() - begin;
  close(fd);
  return error == ECONNREFUSED ? 0 : error; /* a refusal is an answer */
}

/* ---- the tool ---- */

static int resolve(const char *host, const struct fl_reach *reach, struct ping *ping) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
  int rc = getaddrinfo(host, NULL, &hints, &list);
  if (rc != 0) return fl_call_return_error(ping->call, "%.200s: %s", host, gai_strerror(rc)), -1;
  memcpy(&ping->address, list->ai_addr, list->ai_addrlen);
  ping->address_size = list->ai_addrlen;
  getnameinfo(list->ai_addr, list->ai_addrlen, ping->text, sizeof ping->text, NULL, 0, NI_NUMERICHOST);
  freeaddrinfo(list);
  if (reach->may_be_private || !reach->host->is_private_address(ping->text)) return 0;
  fl_call_return_error(ping->call, "%.200s: %s belongs to this machine or to a private network", host, ping->text);
  return -1;
}

static int answer(const struct ping *ping, const double *times_ms, int count, const char *method) {
  double least = times_ms[0], most = times_ms[0], sum = 0;
  for (int i = 0; i < count; i++) {
    sum += times_ms[i];
    if (times_ms[i] < least) least = times_ms[i];
    if (times_ms[i] > most) most = times_ms[i];
  }
  struct fl_value *result = fl_object();
  fl_set_string(result, "address", ping->text);
  fl_set_take(result, "latency_ms", fl_double(sum / count));
  fl_set_take(result, "min_ms", fl_double(least));
  fl_set_take(result, "max_ms", fl_double(most));
  fl_set_int(result, "answers", count);
  fl_set_string(result, "method", method);
  return fl_call_return_take(ping->call, result);
}

static int try_hard(struct ping *ping, int tries, const char *host) {
  double times_ms[TRIES_MAX];
  int count = 0, error = 0, fd = open_echo(ping);
  for (int i = 0; i < tries && error != ECANCELED; i++) {
    if (i > 0) poll(NULL, 0, PAUSE_MS);
    ping->sequence = (uint16_t)(i + 1);
    error = fd >= 0 ? echo_once(ping, fd, &times_ms[count]) : connect_once(ping, &times_ms[count]);
    if (error == 0) count++;
  }
  const char *method = fd >= 0 ? "icmp" : "tcp";
  if (fd >= 0) close(fd);
  if (count > 0) return answer(ping, times_ms, count, method);
  return fl_call_return_error(ping->call, "%.200s (%s): %s", host, ping->text,
                              error == ETIMEDOUT ? "no answer in time" : strerror(error));
}

int fl_reach_ping_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_reach *reach = user;
  const char *host = fl_get_string(args, "host", "");
  struct ping ping = {.call = call, .timeout_ms = (int)fl_get_int(args, "timeout_ms", DEFAULT_TIMEOUT_MS)};
  if (!fl_reach_allows_host(reach, host)) return fl_call_return_error(call, "The host \"%.200s\" is not allowed", host);
  if (resolve(host, reach, &ping) < 0) return 0;
  set_port(&ping, (uint16_t)fl_get_int(args, "port", DEFAULT_PORT));
  return try_hard(&ping, (int)fl_get_int(args, "count", 1), host);
}
