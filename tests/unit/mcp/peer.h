/* SPDX-License-Identifier: MIT */
/* A small MCP server for tests of the client, in the simulated world, over a process and over HTTP; good unless told
 * otherwise. Tools: echo (answers its argument "text"), never, moody (answers with whatever `moody` says). */
#pragma once
#include "runtime/io/world_sim.h"

#include <fairlead/value.h>

enum { PEER_EXCHANGES_MAX = 64 };

struct peer {
  bool is_modern, is_legacy;
  bool answers_as_stream; /* HTTP: as events, with a progress notification ahead */
  bool has_session;       /* HTTP, legacy: it gives out session ids */
  bool changes;           /* its list of tools changes, and it says so */
  int get_status;         /* HTTP: of GET; 200: a stream that stays open */
  int tool_count;         /* beside the three */
  /* HTTP: takes a request before the peer does; true: it has dealt with it. */
  bool (*on_request)(struct peer *peer, struct fl_sim_exchange *exchange, const struct fl_value *message);

  /* what happened */
  int session_number; /* of the newest session; its id is "session-N" */
  int initialize_count, discover_count, list_count, call_count, cancelled_count, get_count, delete_count, listen_count;
  int closed_count;               /* requests whose stream the client closed */
  int64_t closed_ms;              /* when the last one was */
  int missing_count;              /* headers that should have been there */
  struct fl_sim_exchange *stream; /* the open GET, or what listens; NULL: none */
  struct fl_sim_peer *process;    /* stdio */
  struct fl_world *world;
};

/* "http://mcp.test/mcp", and the program "peer". */
void peer_install(struct peer *peer, struct fl_world *world);

/* The answer to a message, NULL: none. The caller frees it with free. */
char *peer_answer(struct peer *peer, const struct fl_value *message);

/* HTTP: a whole answer. */
void peer_respond(struct fl_sim_exchange *exchange, int status, const char *type, const char *body);
/* The head of a stream, and an event. */
void peer_respond_stream(struct fl_sim_exchange *exchange);
void peer_event(struct fl_sim_exchange *exchange, const char *data);
