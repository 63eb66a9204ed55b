/* SPDX-License-Identifier: MIT */
/* What a tool may do, as the launcher is told: lines of a key and a value, the first of them "sandbox 1". Pure.
 *
 *   read PATH     write PATH        an absolute path and all below it; write is read as well
 *   host NAME:PORT                  a way out, by the proxy that the parent runs; without one, there are no sockets
 *   exec no       exec yes          whether it may start programs (of the system and of what it may read)
 *   procs N   memory BYTES   cpu MS   fds N
 *   sha256 HEX                      of the program that is started
 *   secret NAME                     of the environment, goes to a file in memory, whose path is NAME_FILE
 *   without LAYER                   the user does without this layer
 *
 * Invariants. (1) A line that is not understood is an error, and so is a second line where there can be one: a policy
 * is put in force whole or not at all. (2) What is not said is not allowed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FL_SANDBOX_SECRETS_MAX = 32 };
enum { FL_SANDBOX_PATHS_MAX = 256, FL_SANDBOX_TEXT_MAX = 256 * 1024, FL_SANDBOX_COMPLAINT_SIZE = 160 };

/* The layers that a machine may lack and a user may do without. */
enum fl_layer { FL_LAYER_LANDLOCK, FL_LAYER_SCOPE, FL_LAYER_SECCOMP, FL_LAYER_NAMESPACES, FL_LAYER_CGROUP };
enum { FL_LAYER_COUNT = FL_LAYER_CGROUP + 1 };

struct fl_sandbox_path {
  const char *path; /* lent by the text */
  bool may_write;
};

struct fl_sandbox {
  struct fl_sandbox_path paths[FL_SANDBOX_PATHS_MAX];
  size_t path_count;
  const char *secrets[FL_SANDBOX_SECRETS_MAX]; /* names, lent by the text */
  size_t secret_count;
  bool has_way_out, may_exec;
  uint64_t procs, memory, cpu_ms, fds; /* 0: no limit */
  const char *sha256;                  /* 64 lower-case digits, lent; NULL: any */
  unsigned without;                    /* bits of layers */
};

/* Cuts `text` into pieces, which the result lends. 0, or -1 and why. */
int fl_sandbox_parse(char *text, struct fl_sandbox *ret_sandbox, char ret_complaint[FL_SANDBOX_COMPLAINT_SIZE]);

const char *fl_layer_name(enum fl_layer layer);
int fl_layer_find(const char *name);                                         /* -1: there is none of that name */
static inline bool fl_sandbox_has_limits(const struct fl_sandbox *sandbox) { /* of all processes together */
  return sandbox->procs != 0 || sandbox->memory != 0 || sandbox->cpu_ms != 0;
}
static inline bool fl_sandbox_wants(const struct fl_sandbox *sandbox, enum fl_layer layer) {
  return (sandbox->without & (1u << layer)) == 0;
}
