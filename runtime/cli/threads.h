/* SPDX-License-Identifier: MIT */
/* What the commands about threads share. */
#pragma once
#include "runtime/cli/cli.h"
#include "runtime/engine/engine.h"

#include <fairlead/thread.h>

enum { FL_ROWS_DEFAULT = 50, FL_ROWS_MAX = 1000000 };

/* The store of a command (--store, else the default one), which must be there. */
struct fl_opened {
  struct fl_world *world;
  struct fl_store *store;
};
/* 0, or an exit code after a message. */
int fl_opened_open(struct fl_opened *opened, const struct fl_args *args, bool read_only);
void fl_opened_close(struct fl_opened *opened);

/* A difference as fl_thread_diff gives it, for a person. */
void fl_print_diff(const struct fl_value *diff);
