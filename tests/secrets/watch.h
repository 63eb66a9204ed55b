/* SPDX-License-Identifier: MIT */
/* What others can see of processes while they run: their arguments and environments, by /proc. */
#pragma once
#include "tests/secrets/canary.h"

#include <sys/types.h>

struct watch {
  struct canary_findings arguments; /* of every process */
  struct canary_findings others;    /* environments of every process but receivers */
  struct canary_findings receivers; /* environments of the processes that run the receiving program */
  size_t looks, receiver_count;     /* how often; processes of that kind seen */
};

/* One look over all processes. `receiver` is the path of the receiving program. */
void watch_look(struct watch *watch, const char *receiver);
/* A process that runs the program, below `ancestor`; 0: none. */
pid_t watch_find(const char *program, pid_t ancestor);
