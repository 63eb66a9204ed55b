/* SPDX-License-Identifier: MIT */
/* A good server that is called all the time, one call a millisecond after the other, on a loop of its caller's or on a
 * thread of its own; and how long its calls took. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct load;

struct load_result {
  long count, failed;
  int64_t p99_us, longest_us;
};

/* The good server is the program `rude`, or at `url` unless that is NULL. The process ends with status 3 when it cannot
 * be reached. */
struct load *load_start(const char *rude, const char *url, bool has_thread);
void load_end(struct load *load);
void *load_loop(struct load *load); /* a uv_loop_t, which the caller turns; only without a thread of its own */
/* Returns when at least `count` calls have ended since the last result was taken. */
void load_turn(struct load *load, long count);
struct load_result load_take_result(struct load *load);

int64_t load_now_us(void);
long load_memory_kb(const char *name); /* of /proc/self/status: "VmRSS:", "VmHWM:" */
void load_forget_peak(void);           /* VmHWM begins again */
