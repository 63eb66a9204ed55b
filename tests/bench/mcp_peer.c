/* SPDX-License-Identifier: MIT */
#include "tests/bench/mcp_peer.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static cpu_set_t all_cores;

void mcp_fail(const struct mcp_subject *subject, const char *what) {
  fprintf(stderr, "bench: %s: %s\n", subject->name, what);
  exit(2);
}

void mcp_stay_on_one_core(void) {
  cpu_set_t one;
  CPU_ZERO(&one);
  if (sched_getaffinity(0, sizeof all_cores, &all_cores) != 0) abort();
  for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
    if (CPU_ISSET(i, &all_cores)) CPU_SET(i, &one);
  sched_setaffinity(0, sizeof one, &one);
}

/* ---- the floor ---- */

static int write_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t put = write(fd, data, size);
    if (put < 0 && errno != EINTR) return -1;
    if (put < 0) continue;
    data += put;
    size -= (size_t)put;
  }
  return 0;
}

/* Looks only at what is new, so that it is linear in the size of a line. */
int mcp_echo_lines(void) {
  size_t size = 0, capacity = 1 << 20;
  char *data = malloc(capacity);
  for (ssize_t got; data != NULL && (got = read(0, data + size, capacity - size)) > 0;) {
    char *end = memrchr(data + size, '\n', (size_t)got);
    size += (size_t)got;
    if (end != NULL) {
      size_t whole = (size_t)(end - data) + 1;
      if (write_all(1, data, whole) != 0) return 1;
      memmove(data, data + whole, size - whole);
      size -= whole;
    }
    if (size == capacity) data = realloc(data, capacity *= 2);
  }
  free(data);
  return data == NULL;
}

/* ---- its life ---- */

static void become(const struct mcp_subject *subject, const int in[2], const int out[2]) {
  dup2(in[0], 0);
  dup2(out[1], 1);
  for (int i = 0; i < 2; i++) {
    close(in[i]);
    close(out[i]);
  }
  if (subject->is_free) sched_setaffinity(0, sizeof all_cores, &all_cores);
  execv(subject->argv[0], (char *const *)subject->argv);
  _exit(127);
}

void mcp_peer_start(struct mcp_peer *peer, const struct mcp_subject *subject) {
  int to_child[2], from_child[2];
  if (pipe(to_child) < 0 || pipe(from_child) < 0) mcp_fail(subject, "no pipes");
  *peer = (struct mcp_peer){.subject = subject,
                            .data = peer->data,
                            .capacity = peer->capacity,
                            .in = to_child[1],
                            .out = from_child[0],
                            .pid = fork()};
  if (peer->pid == 0) become(subject, to_child, from_child);
  close(to_child[0]);
  close(from_child[1]);
  if (clock_getcpuclockid(peer->pid, &peer->clock) != 0) mcp_fail(subject, "no CPU clock");
}

void mcp_peer_end(struct mcp_peer *peer) {
  close(peer->in);
  int status = 0;
  waitpid(peer->pid, &status, 0);
  close(peer->out);
  if (status != 0) mcp_fail(peer->subject, "it did not end with 0");
}

/* ---- talking ---- */

void mcp_peer_send(struct mcp_peer *peer, const char *text, size_t size) {
  if (write_all(peer->in, text, size) != 0) mcp_fail(peer->subject, "it does not read");
}

static void make_room(struct mcp_peer *peer) {
  if (peer->from > 0) {
    memmove(peer->data, peer->data + peer->from, peer->to - peer->from);
    peer->to -= peer->from;
    peer->from = 0;
  }
  if (peer->to < peer->capacity) return;
  peer->capacity = peer->capacity == 0 ? 1 << 20 : peer->capacity * 2;
  peer->data = realloc(peer->data, peer->capacity);
  if (peer->data == NULL) abort();
}

size_t mcp_peer_take(struct mcp_peer *peer, const char *words) {
  char *end = peer->to > peer->from ? memchr(peer->data + peer->from, '\n', peer->to - peer->from) : NULL;
  while (end == NULL) {
    make_room(peer);
    ssize_t got = read(peer->out, peer->data + peer->to, peer->capacity - peer->to);
    if (got <= 0) mcp_fail(peer->subject, "it has ended");
    end = memchr(peer->data + peer->to, '\n', (size_t)got);
    peer->to += (size_t)got;
  }
  size_t size = (size_t)(end - peer->data) - peer->from;
  if (memmem(peer->data + peer->from, size, words, strlen(words)) == NULL)
    mcp_fail(peer->subject, "an answer is wrong");
  peer->from += size + 1;
  return size;
}

void mcp_peer_greet(struct mcp_peer *peer) {
  static const char modern[] =
      "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"server/discover\",\"params\":{" MCP_META "}}\n";
  static const char legacy[] =
      "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
      "\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}\n";
  static const char ready[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
  if (peer->subject->mode == MCP_MODERN) mcp_peer_send(peer, modern, sizeof modern - 1);
  else mcp_peer_send(peer, legacy, sizeof legacy - 1);
  mcp_peer_take(peer, peer->subject->mode == MCP_ECHO ? "\"id\":0" : "\"result\"");
  if (peer->subject->mode == MCP_LEGACY) mcp_peer_send(peer, ready, sizeof ready - 1);
}

void mcp_peer_call(struct mcp_peer *peer) {
  const struct mcp_subject *subject = peer->subject;
  char line[1024];
  int size = snprintf(line, sizeof line,
                      "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/call\",\"params\":{"
                      "\"name\":\"%s\",\"arguments\":%s%s}}\n",
                      ++peer->id, subject->tool, subject->arguments, subject->mode == MCP_MODERN ? "," MCP_META : "");
  mcp_peer_send(peer, line, (size_t)size);
}

/* ---- what it takes ---- */

double mcp_peer_cpu_us(const struct mcp_peer *peer) {
  struct timespec now;
  clock_gettime(peer->clock, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

double mcp_peer_mb(const struct mcp_peer *peer, const char *what) {
  char path[64], line[256];
  long kb = -1;
  snprintf(path, sizeof path, "/proc/%d/status", (int)peer->pid);
  FILE *file = fopen(path, "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, what, strlen(what)) == 0) kb = strtol(line + strlen(what) + 1, NULL, 10);
  if (file != NULL) fclose(file);
  if (kb < 0) mcp_fail(peer->subject, "no memory to be seen");
  return (double)kb / 1024;
}
