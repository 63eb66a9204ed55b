/* SPDX-License-Identifier: MIT */
/* The network, and whatever else is reached by a socket. */
#include "tests/sandbox/attempts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_net_of_driver(const struct outside *outside) {
  struct stat info;
  return stat("/proc/self/ns/net", &info) != 0 || info.st_ino == outside->net_inode;
}

static int by_tcp(const struct outside *outside) {
  struct sockaddr_in address = {AF_INET, htons(outside->tcp), {htonl(INADDR_LOOPBACK)}, {0}};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
}

static int by_fast_open(const struct outside *outside) {
  struct sockaddr_in address = {AF_INET, htons(outside->tcp), {htonl(INADDR_LOOPBACK)}, {0}};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return errno;
  return sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address) == 1 ? 0 : errno;
}

static int by_udp(const struct outside *outside) {
  struct sockaddr_in address = {AF_INET, htons(outside->udp), {htonl(INADDR_LOOPBACK)}, {0}};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) return errno;
  if (sendto(fd, "leak", 4, 0, (struct sockaddr *)&address, sizeof address) != 4) return errno;
  return is_net_of_driver(outside) ? 0 : ENETUNREACH; /* the driver sees whether it came */
}

static int by_listening(const struct outside *outside) {
  struct sockaddr_in address = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0) return errno;
  return is_net_of_driver(outside) ? 0 : ENETUNREACH; /* nobody is there who could come */
}

static int by_raw(const struct outside *outside) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0 ? errno : 0; }

static int by_packet(const struct outside *outside) {
  return socket(AF_PACKET, SOCK_RAW, htons(3 /* ETH_P_ALL */)) < 0 ? errno : 0;
}

static int connect_unix(int type, const char *name, size_t size) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, name, size);
  int fd = socket(AF_UNIX, type, 0);
  if (fd < 0) return errno;
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
  return connect(fd, (struct sockaddr *)&address, length) == 0 ? 0 : errno;
}

static int by_abstract(const struct outside *outside) {
  char name[64] = "";
  int size = snprintf(name + 1, sizeof name - 1, "fairlead-sandbox-%d", (int)outside->driver);
  return connect_unix(SOCK_STREAM, name, (size_t)size + 1);
}

static int by_path(const struct outside *outside) {
  const char *path = outside_path(outside, "socket");
  return connect_unix(SOCK_STREAM, path, strlen(path) + 1);
}

static int by_netlink(const struct outside *outside) {
  struct {
    struct nlmsghdr head;
    struct rtgenmsg body;
  } request = {{sizeof request, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {AF_UNSPEC}};
  char answer[8192];
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (fd < 0 || send(fd, &request, sizeof request, 0) < 0 || recv(fd, answer, sizeof answer, 0) < 0) return errno;
  return is_net_of_driver(outside) ? 0 : ENETUNREACH; /* it sees its own house */
}

const struct attempt socket_attempts[] = {{"TCP", by_tcp, false},
                                          {"TCP fast open", by_fast_open, false},
                                          {"UDP", by_udp, false},
                                          {"TCP listener", by_listening, false},
                                          {"raw socket", by_raw, true},
                                          {"packet socket", by_packet, true},
                                          {"abstract socket", by_abstract, false},
                                          {"socket of a path", by_path, false},
                                          {"netlink", by_netlink, false},
                                          {NULL, NULL, false}};
