/* SPDX-License-Identifier: MIT */
/* What the hostile program tries. Each attempt is about something outside that the driver (sandbox.c) has put there; it
 * answers 0 when it got it, and otherwise the errno of the step that failed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The world outside, as the driver describes it in the arguments. */
struct outside {
  const char *folder; /* outside, with "secret", "victim" (to be written) and "program" in it */
  const char *inside; /* granted, for writing */
  pid_t victim;       /* a process of the same user, with a secret in its environment */
  pid_t driver;       /* and its parent */
  uint16_t tcp, udp;  /* on the loopback interface */
  uint64_t net_inode; /* of the network namespace outside */
  int key;            /* a key in the session keyring of the driver */
};
enum { LEAKED_FOLDER_FD = 70, LEAKED_FILE_FD = 71 };

struct attempt {
  const char *name;
  int (*run)(const struct outside *outside);
  bool needs_root; /* an ordinary user cannot do it anyhow */
};

extern const struct attempt file_attempts[], process_attempts[], socket_attempts[]; /* ended by one without a name */
const char *outside_path(const struct outside *outside, const char *name);          /* good until the attempt ends */
const char *inside_path(const struct outside *outside, const char *name);
int reads_secret(int fd); /* takes the descriptor: 0 when it leads to the secret */
