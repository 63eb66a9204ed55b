/* SPDX-License-Identifier: MIT */
/* tunneller HOST PORT SIZE: a tool that goes out by the proxy that it is told of, sends so many bytes through a tunnel
 * and reads them back. Prints the status of the proxy, and "same" when they are. With "direct" in front, without. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(int port) {
  struct sockaddr_in address = {AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

static int open_tunnel(int fd, const char *host, const char *port) {
  char text[512];
  size_t used = 0;
  dprintf(fd, "CONNECT %s:%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", host, port, host, port);
  for (ssize_t got = 1; got > 0 && used < sizeof text - 1; used += (size_t)(got > 0 ? got : 0)) {
    text[used] = '\0';
    if (strstr(text, "\r\n\r\n") != NULL) break;
    got = read(fd, text + used, 1); /* what follows is the other side's */
  }
  text[used] = '\0';
  return used > 12 ? (int)strtol(text + 9, NULL, 10) : 0;
}

static char byte_at(size_t index) { return (char)(index * 31 + index / 4096); }

/* Writes ahead of what it reads, as far as the tunnel takes it. */
static int is_same(int fd, size_t size) {
  static char out[65536], in[65536];
  size_t sent = 0, got = 0;
  while (got < size) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN | (sent < size ? POLLOUT : 0)};
    if (poll(&poll_fd, 1, 20000) != 1) return 0;
    if ((poll_fd.revents & POLLOUT) != 0) {
      size_t count = size - sent < sizeof out ? size - sent : sizeof out;
      for (size_t i = 0; i < count; i++) out[i] = byte_at(sent + i);
      ssize_t written = send(fd, out, count, MSG_DONTWAIT);
      if (written > 0) sent += (size_t)written;
    }
    ssize_t count = (poll_fd.revents & POLLIN) != 0 ? read(fd, in, sizeof in) : 0;
    if (count < 0 || ((poll_fd.revents & POLLIN) != 0 && count == 0)) return 0;
    for (ssize_t i = 0; i < count; i++)
      if (in[i] != byte_at(got++)) return 0;
  }
  return 1;
}

int main(int argc, char **argv) {
  const char *proxy = getenv("FAIRLEAD_PROXY");
  if (argc == 4 && strcmp(argv[1], "direct") == 0)
    return printf("%s\n", connect_to((int)strtol(argv[3], NULL, 10)) >= 0 ? "connected" : "refused") < 0;
  if (argc != 4 || proxy == NULL) return printf("no proxy\n") < 0;
  int fd = connect_to((int)strtol(strrchr(proxy, ':') + 1, NULL, 10));
  int status = fd >= 0 ? open_tunnel(fd, argv[1], argv[2]) : 0;
  printf("%d%s\n", status, status == 200 && is_same(fd, strtoul(argv[3], NULL, 10)) ? " same" : "");
  return 0;
}
