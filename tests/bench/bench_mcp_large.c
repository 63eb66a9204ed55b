/* SPDX-License-Identifier: MIT */
/* Large messages over standard input and output, and many. A call with an argument of 1, 3 and 9 MB that is given back,
 * CPU of the server against the line echo's, for texts without and with escapes; one of 64 MB, which is refused; memory
 * after many calls (FL_BENCH_WHOLE=1: a million, which takes ten seconds). Server and client share a core. */
#include "tests/bench/bench.h"
#include "tests/bench/mcp_peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 7, REPEATS = 5, MB = 1000000, SIZES = 3, DEPTH = 64 };
static const size_t sizes_mb[SIZES] = {1, 3, 9};

/* The call as it is on the wire; `escape` is put after each 60 bytes. The caller frees it. */
static char *make_call(long id, size_t text_size, const char *escape, size_t *ret_size) {
  size_t capacity = text_size + 1024, step = strlen(escape);
  char *call = malloc(capacity);
  if (call == NULL) abort();
  size_t at =
      (size_t)snprintf(call, capacity,
                       "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\","
                       "\"arguments\":{\"message\":\"",
                       id);
  size_t end = at + text_size;
  for (size_t run = 0; at < end; run++) {
    if (run % 60 == 59 && step > 0 && at + step < end) {
      memcpy(call + at, escape, step);
      at += step;
    } else call[at++] = (char)('a' + run % 26);
  }
  *ret_size = at + (size_t)snprintf(call + at, capacity - at, "\"}," MCP_META "}}\n");
  return call;
}

struct large {
  double cpu_ms[SIZES][ROUNDS], wall_ms[SIZES][ROUNDS];
};

static void measure_large(const struct mcp_subject *subject, const char *escape, struct large *large, int round) {
  static struct mcp_peer peer;
  mcp_peer_start(&peer, subject);
  mcp_peer_greet(&peer);
  for (int i = 0; i < SIZES; i++) {
    size_t size = 0;
    char *call = make_call(7, sizes_mb[i] * MB, escape, &size);
    double cpu_ms[REPEATS], wall_ms[REPEATS];
    for (int n = 0; n < REPEATS; n++) {
      double cpu_us = mcp_peer_cpu_us(&peer), wall_us = bench_wall_us();
      mcp_peer_send(&peer, call, size);
      if (mcp_peer_take(&peer, "\"id\":7") < sizes_mb[i] * MB) mcp_fail(subject, "a large text came back short");
      cpu_ms[n] = (mcp_peer_cpu_us(&peer) - cpu_us) / 1000;
      wall_ms[n] = (bench_wall_us() - wall_us) / 1000;
    }
    large->cpu_ms[i][round] = bench_middle(cpu_ms, REPEATS);
    large->wall_ms[i][round] = bench_middle(wall_ms, REPEATS);
    free(call);
  }
  mcp_peer_end(&peer);
}

static void judge_large(const char *name, struct large *ours, struct large *floor) {
  char text[64];
  double cpu[SIZES], floor_cpu[SIZES], wall[SIZES], floor_wall[SIZES];
  for (int i = 0; i < SIZES; i++) {
    cpu[i] = bench_middle(ours->cpu_ms[i], ROUNDS);
    floor_cpu[i] = bench_middle(floor->cpu_ms[i], ROUNDS);
    wall[i] = bench_middle(ours->wall_ms[i], ROUNDS);
    floor_wall[i] = bench_middle(floor->wall_ms[i], ROUNDS);
    printf("%zu MB %s: %.2f ms of CPU, there and back %.2f ms; floor %.2f and %.2f ms\n", sizes_mb[i], name, cpu[i],
           wall[i], floor_cpu[i], floor_wall[i]);
  }
  int last = SIZES - 1;
  snprintf(text, sizeof text, "mcp-9mb-%s", name);
  bench_figure(text, wall[last] / floor_wall[last], "floors"); /* on a busy machine: what others left of two cores */
  snprintf(text, sizeof text, "mcp-9mb-cpu-%s", name);
  if (strcmp(name, "plain") == 0) bench_limit(text, cpu[last] / floor_cpu[last], "floors", 2);
  else bench_figure(text, cpu[last] / floor_cpu[last], "floors"); /* each escape is taken apart and made again */
  snprintf(text, sizeof text, "mcp-9mb-to-3mb-%s", name);         /* three times the bytes */
  bench_limit(text, cpu[last] / cpu[last - 1], "times", 4.5);
}

static void bench_large(const struct mcp_subject *server, const struct mcp_subject *floor) {
  static const struct text {
    const char *name, *escape;
  } texts[] = {{"plain", ""}, {"lines", "\\n"}, {"quotes", "\\\""}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    static struct large ours, floors;
    for (int round = 0; round < ROUNDS; round++) {
      measure_large(floor, texts[i].escape, &floors, round);
      measure_large(server, texts[i].escape, &ours, round);
    }
    judge_large(texts[i].name, &ours, &floors);
  }
}

/* Refused by the id that it has, and the next call is answered. */
static void bench_refusal(const struct mcp_subject *server) {
  static struct mcp_peer peer;
  size_t size = 0;
  char *call = make_call(8, 64 * MB, "", &size);
  mcp_peer_start(&peer, server);
  mcp_peer_greet(&peer);
  double before_mb = mcp_peer_mb(&peer, "VmRSS");
  mcp_peer_send(&peer, call, size);
  mcp_peer_take(&peer, "\"id\":8,\"error\"");
  mcp_peer_call(&peer);
  mcp_peer_take(&peer, server->expected);
  bench_limit("mcp-64mb-refused-peak", mcp_peer_mb(&peer, "VmHWM"), "MB", 64);
  sleep(2); /* memory is given back once nothing large has come for a second */
  bench_limit("mcp-64mb-refused-kept", mcp_peer_mb(&peer, "VmRSS") - before_mb, "MB", 2);
  mcp_peer_end(&peer);
  free(call);
}

static void run_calls(struct mcp_peer *peer, long count) {
  for (long i = 0; i < DEPTH; i++) mcp_peer_call(peer);
  for (long i = 0; i < count; i++) {
    mcp_peer_take(peer, peer->subject->expected);
    if (i + DEPTH < count) mcp_peer_call(peer);
  }
}

static void bench_many(const struct mcp_subject *server) {
  static struct mcp_peer peer;
  char name[64];
  long count = getenv("FL_BENCH_WHOLE") != NULL ? 1000000 : 100000;
  mcp_peer_start(&peer, server);
  mcp_peer_greet(&peer);
  run_calls(&peer, count / 20);
  double early_mb = mcp_peer_mb(&peer, "VmRSS");
  run_calls(&peer, count);
  double late_mb = mcp_peer_mb(&peer, "VmRSS");
  snprintf(name, sizeof name, "mcp-rss-after-%ld-calls", count);
  bench_limit(name, late_mb, "MB", 8);
  snprintf(name, sizeof name, "mcp-growth-in-%ld-calls", count);
  bench_limit(name, late_mb - early_mb, "MB", 0.25);
  mcp_peer_end(&peer);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "echo") == 0) return mcp_echo_lines();
  const char *build = getenv("FL_BUILD_ROOT");
  char tools[4096];
  snprintf(tools, sizeof tools, "%s/tests/bench/bench-echo-tools", build != NULL ? build : "build");
  const char *message = "{\"message\":\"hello world\"}";
  const struct mcp_subject floor = {"floor", MCP_ECHO, {"/proc/self/exe", "echo"}, "echo", message, "hello world"},
                           server = {"echo", MCP_MODERN, {tools}, "echo", message, "\"text\":\"hello world\""};
  mcp_stay_on_one_core();
  signal(SIGPIPE, SIG_IGN);
  bench_large(&server, &floor);
  bench_refusal(&server);
  bench_many(&server);
  return bench_done();
}
