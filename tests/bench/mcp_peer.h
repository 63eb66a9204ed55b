/* SPDX-License-Identifier: MIT */
/* An MCP server that is measured from outside, as a child over pipes: what the benchmarks of MCP share. The floor is a
 * child that gives back each line as it came. Whatever goes wrong ends the benchmark with code 2. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

enum mcp_mode { MCP_ECHO, MCP_LEGACY, MCP_MODERN };

struct mcp_subject {
  const char *name;
  enum mcp_mode mode;
  const char *argv[5];
  const char *tool, *arguments, *expected;
  bool is_free; /* it may run on any core, and the client stays on its own */
};

struct mcp_peer {
  const struct mcp_subject *subject;
  pid_t pid;
  int in, out;
  clockid_t clock;
  char *data; /* what was read; grows */
  size_t from, to, capacity;
  long id;
};

#define MCP_META                                                                                                   \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientInfo\":{" \
  "\"name\":\"bench\",\"version\":\"1\"},\"io.modelcontextprotocol/clientCapabilities\":{}}"

/* The floor: a program of ours started with "echo" is this, until the end of its input; returns its exit code. */
int mcp_echo_lines(void);

void mcp_fail(const struct mcp_subject *subject, const char *what) __attribute__((noreturn));
void mcp_stay_on_one_core(void); /* this process and, unless they are free, its children */
void mcp_peer_start(struct mcp_peer *peer, const struct mcp_subject *subject);
void mcp_peer_end(struct mcp_peer *peer); /* closes its input; it must end with 0 */
void mcp_peer_greet(struct mcp_peer *peer);
void mcp_peer_send(struct mcp_peer *peer, const char *text, size_t size);
/* One line, which must hold the words. Its size. */
size_t mcp_peer_take(struct mcp_peer *peer, const char *words);
void mcp_peer_call(struct mcp_peer *peer); /* the subject's call, with the next id */

double mcp_peer_cpu_us(const struct mcp_peer *peer);
double mcp_peer_mb(const struct mcp_peer *peer, const char *what); /* of /proc/PID/status: "VmRSS", "VmHWM" */
