/* SPDX-License-Identifier: MIT */
/* The one way out: a socket that listens in the tool's own network, where nothing else is, and is served by the parent
 * outside (SCM_RIGHTS): no process of ours stands between, and none of the tool's bytes passes the launcher. */
#include "tools/sandbox/launch.h"

#include "tools/sandbox/layers.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64 };

static int send_socket(int control_fd, int fd) {
  char word[] = "proxy\n";
  union {
    struct cmsghdr head;
    char space[CMSG_SPACE(sizeof(int))];
  } rights = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
  struct iovec part = {word, sizeof word - 1};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = rights.space, .msg_controllen = sizeof rights.space};
  memcpy(CMSG_DATA(&rights.head), &fd, sizeof fd);
  return sendmsg(control_fd, &message, MSG_NOSIGNAL) == (ssize_t)part.iov_len ? 0 : -1;
}

/* The loopback interface of a new network is down. */
static int listen_inside(uint16_t *ret_port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct ifreq interface = {.ifr_name = "lo"};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  interface.ifr_flags = IFF_UP | IFF_RUNNING;
  if (fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &interface) == 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
      listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
    *ret_port = ntohs(address.sin_port);
    return fd;
  }
  if (fd >= 0) close(fd);
  return -1;
}

/* In both spellings, for programs differ; node reads them when it is told to. */
static int tell_programs(struct fl_launch *launch, uint16_t port) {
  static const char *const names[] = {"HTTPS_PROXY", "https_proxy", "FAIRLEAD_PROXY"};
  enum { NAMES = sizeof names / sizeof *names };
  size_t count = 0;
  while (launch->env[count] != NULL) count++;
  char **env = calloc(count + NAMES + 2, sizeof *env);
  if (env == NULL) return -1;
  memcpy(env, launch->env, count * sizeof *env);
  for (size_t i = 0; i < NAMES; i++)
    if (asprintf(&env[count++], "%s=http://127.0.0.1:%u", names[i], port) < 0) return -1;
  env[count] = strdup("NODE_USE_ENV_PROXY=1");
  launch->env = env;
  return env[count] != NULL ? 0 : -1;
}

int fl_launch_open_door(struct fl_launch *launch) {
  uint16_t port = 0;
  int fd = listen_inside(&port);
  if (fd < 0) return -1;
  int failure = send_socket(launch->control_fd, fd);
  close(fd);
  if (failure == 0) failure = tell_programs(launch, port);
  launch->confinement->port = port;
  return failure;
}
