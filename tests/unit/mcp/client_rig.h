/* SPDX-License-Identifier: MIT */
/* A client over a process in the simulated world, what its callers hear, and a good server as its peer: our own session
 * with the tools echo (answers), slow (progress, then answers), never, die, liar. */
#pragma once
#include "mcp/client_source.h"
#include "runtime/io/world_sim.h"

enum { CALLS_MAX = 40 };

struct client_asked {
  struct fl_tool_request request;
  int done_count, status, progress_count;
  bool sent;
  char text[300], error[FL_ERROR_TEXT_MAX];
};

extern struct fl_world *client_world;
extern struct fl_tool_source *client_source;
extern struct client_asked client_asked[CALLS_MAX];
extern uint32_t idle_ms;
extern int client_ready_count, client_ready_status, client_closed_count, client_changed_count;
extern char client_ready_error[FL_ERROR_TEXT_MAX], log_text[20000];
extern struct fl_mcp_limits limits;
extern const char *policy;
extern bool is_legacy, dies_of_probe;
extern int start_count, cancelled_count, probe_count, call_count;
extern char peer_policy[100], peer_home[100];
extern bool keeps_verdicts; /* what one client has found out about the era, the next one knows */
void client_rig_done(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                     const struct fl_error *err);
struct client_asked *client_ask(int index, const char *tool);
void client_open(uint64_t seed, const struct fl_sim_program *program, const char *era);
void client_run_for(int64_t ms);
void client_close(void);
void good_start(struct fl_sim_peer *peer);
void good_stdin(struct fl_sim_peer *peer, fl_slice data);
void good_gone(struct fl_sim_peer *peer);
int reset_client(void **state);
extern const struct fl_sim_program GOOD;
