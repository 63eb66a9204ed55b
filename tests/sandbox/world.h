/* SPDX-License-Identifier: MIT */
/* What there is outside of the sandbox for a hostile tool to get at, and whether it got there. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct world {
  char folder[128], outside[160], inside[160], launcher[160];
  char program[160]; /* its name is "tool-" and the driver's pid */
  pid_t victim;
  int tcp_fd, udp_fd, abstract_fd, path_fd;
  uint16_t tcp, udp;
  int key, shared_memory;
};

/* Made anew for each run, in the name of the calling user. Exits when it cannot be made. */
void world_make(struct world *world, const char *launcher, const char *hostile);
void world_clear(struct world *world);
/* What has changed outside, as a text; NULL: nothing. */
const char *world_harm(const struct world *world);

struct launched {
  pid_t launcher;     /* as soon as there is one; 0: it has ended */
  int status;         /* as of waitpid */
  char limit[32];     /* that the launcher named; "" */
  char output[32768]; /* of standard output and error */
  int64_t took_ms;
};
/* The words under the launcher with this policy; without one (NULL), as they are. Descriptors to the folder and to the
 * secret are leaked to it. */
void world_launch(const struct world *world, const char *policy, const char *const *words, struct launched *ret);
