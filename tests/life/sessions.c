/* SPDX-License-Identifier: MIT */
#include "tests/life/sessions.h"

#include "tests/life/processes.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WINDOW = 50, CONNECT_MS = 10000 };

#define BODY                                                                                                \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"," \
  "\"capabilities\":{},\"clientInfo\":{\"name\":\"leaver\",\"version\":\"1\"}}}"

int sessions_connect(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  for (int64_t until_ms = processes_now_ms() + CONNECT_MS; processes_now_ms() < until_ms; usleep(10000)) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    close(fd);
  }
  return -1;
}

/* How many replies with a session of their own are in what has come; what may be the front of another one stays. */
static int take_replies(char *text, size_t *size) {
  static const char mark[] = "Mcp-Session-Id: ";
  int count = 0;
  text[*size] = '\0';
  for (char *at; (at = strcasestr(text, mark)) != NULL; count++) {
    at += sizeof mark - 1;
    *size -= (size_t)(at - text);
    memmove(text, at, *size + 1);
  }
  size_t kept = *size < sizeof mark ? *size : sizeof mark;
  memmove(text, text + *size - kept, kept);
  *size = kept;
  return count;
}

static bool send_requests(int fd, long count) {
  char text[1024];
  int size = snprintf(text, sizeof text,
                      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                      "Accept: application/json, text/event-stream\r\nContent-Length: %zu\r\n\r\n" BODY,
                      sizeof BODY - 1);
  for (long i = 0; i < count; i++)
    if (send(fd, text, (size_t)size, MSG_NOSIGNAL) != size) return false;
  return true;
}

bool sessions_begin(int fd, long count) {
  static char text[1 << 16];
  size_t size = 0;
  for (long left = count; left > 0;) {
    long window = left < WINDOW ? left : WINDOW, come = 0;
    if (!send_requests(fd, window)) return false;
    while (come < window) {
      ssize_t got = read(fd, text + size, sizeof text - 1 - size);
      if (got <= 0) return false;
      size += (size_t)got;
      come += take_replies(text, &size);
    }
    left -= window;
  }
  return true;
}

long sessions_memory(long pid) {
  char path[64], line[128];
  long kib = 0;
  snprintf(path, sizeof path, "/proc/%ld/status", pid);
  FILE *file = fopen(path, "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL && sscanf(line, "VmRSS: %ld", &kib) != 1) continue;
  if (file != NULL) fclose(file);
  return kib;
}

/* ---- probes ---- */

/* What a request is refused for: its session is missing or unknown, its method or page is not ours, and (which ends
 * the connection) it is for pages of others. */
static const char PROBES[] = "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
                             "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
                             "Mcp-Session-Id: 0123456789abcdef0123456789abcdef\r\n\r\n"
                             "HEAD /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"
                             "GET /elsewhere HTTP/1.1\r\nHost: localhost\r\n\r\n"
                             "OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n";

bool sessions_probe(const char *path) {
  static const char refusal[] = "HTTP/1.1 4";
  char text[8192];
  size_t size = 0;
  ssize_t got = -1;
  int fd = sessions_connect(path), refused = 0;
  if (fd >= 0 && send(fd, PROBES, sizeof PROBES - 1, MSG_NOSIGNAL) == sizeof PROBES - 1)
    while ((got = read(fd, text + size, sizeof text - 1 - size)) > 0) size += (size_t)got;
  if (fd >= 0) close(fd);
  text[size] = '\0';
  for (const char *at = text; (at = strstr(at, refusal)) != NULL; at++) refused++;
  return got == 0 && refused == SESSIONS_PROBES;
}
