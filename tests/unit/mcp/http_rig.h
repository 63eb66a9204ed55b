/* SPDX-License-Identifier: MIT */
/* One client over HTTP (or a process), its peer and its caller, in the simulated world. */
#pragma once
#include "mcp/client_source.h"
#include "peer.h"
#include "tests/support/support.h"

enum { CALLS_MAX = 8 };

struct asked {
  struct fl_tool_request request;
  struct fl_value *args;
  int done_count, status, progress_count;
  bool sent;
  char text[300], error[FL_ERROR_TEXT_MAX];
};

extern struct fl_world *world;
extern struct fl_tool_source *source;
extern struct peer peer; /* set before open */
extern struct asked asked[CALLS_MAX];
extern int ready_count, ready_status, closed_count, changed_count;
extern char ready_error[FL_ERROR_TEXT_MAX];

struct asked *ask(int index, const char *tool); /* with the argument "text": "hello" */
void open_with(uint64_t seed, const struct fl_mcp_client_options *given);
void open_client(uint64_t seed); /* by its URL */
void open_ready(uint64_t seed);  /* and is ready */
void run_for(int64_t ms);
void close_client(void);
int reset(void **state); /* a modern peer */
void be_legacy(void);
