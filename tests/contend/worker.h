/* SPDX-License-Identifier: MIT */
/* The clients of tests/contend: an ordinary program over the public headers, in a libuv loop of its own. */
#pragma once
#include <fairlead/thread.h>

#include "tests/contend/board.h"

#include <uv.h>

struct worker {
  const char *store;
  int record_fd;
  struct board *board;
  uv_loop_t loop;
  struct fl_runtime *runtime;
  struct fl_definition *definition;
  uint64_t random;
  int active; /* runs under way */
  bool is_closing, works_long;
};
uint64_t worker_random(struct worker *worker, uint64_t below);
void worker_open(struct worker *worker);  /* the runtime; ends the program when it cannot be opened */
void worker_close(struct worker *worker); /* gives back what it holds */
/* Adds a line to the record, in one write. */
void worker_note(struct worker *worker, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A number of a strategy's name, -1 when there is none. */
int worker_strategy(const char *name);

/* clients.c: `count` clients from number `first` on, each with its runs on thread "t". */
struct clients_order {
  int first, count, incarnation;
  long runs;
  int on_busy; /* -1: drawn anew for each run */
};
void clients_work(struct worker *worker, const struct clients_order *order);

/* resumes.c: this role's half of two resumes of one interrupt; role 2: both halves in one process. */
struct resumes_order {
  int role;
  long rounds;
  int on_busy;
};
void resumes_work(struct worker *worker, const struct resumes_order *order);
