/* SPDX-License-Identifier: MIT */
/* Calls of a source of tools, and those among them whose legacy server asks a person: such a question is a request on
 * the connection, so the call is held, with nobody waiting, until a later request of this process brings the answer. A
 * call that is held may end without it (the server gives up, the time is over): a result, or the server's own error, is
 * kept for that request; otherwise the hold is lost, and nobody knows what became of the call. */
#pragma once
#include "mcp/proto/client_session.h"
#include "tools/source.h"

/* The one question of a pause of kind "held". */
#define FL_MCP_HELD_KEY "ask"

struct fl_mcp_call {
  struct fl_tool_request *request; /* its impl points here; NULL while it is held */
  struct fl_mcp_client_call *call; /* good until is_over, and until its end is reported; NULL: it has ended */
  size_t tool_index;
  bool is_over;
  struct fl_value *known; /* answers that it has before it asks; NULL: none left */
  int64_t ask_id;         /* of the question that is open; 0: none */
  char hold[33];          /* what its pause says; "": it was never held */
  struct fl_value *result;
  struct fl_error error; /* how it ended while it was held; code 0: it has a result */
  struct fl_mcp_call *next;
};
struct fl_mcp_call *fl_mcp_call_new(struct fl_tool_request *request);
void fl_mcp_call_free(struct fl_mcp_call *call); /* NULL allowed; not while it is held */
/* The answer that is known to a question, once; a new reference. NULL: none. */
struct fl_value *fl_mcp_call_known(struct fl_mcp_call *call, const struct fl_value *question);

/* A list. */
struct fl_mcp_held {
  struct fl_mcp_call *first;
};
bool fl_mcp_is_held_kind(const struct fl_value *pause); /* NULL allowed */
/* The server asks (report ASK): the call has no request any more. The pause, a new reference. */
struct fl_value *fl_mcp_held_add(struct fl_mcp_held *held, struct fl_mcp_call *call, struct fl_world *world,
                                 const struct fl_mcp_client_report *report);
/* It has ended, with a result or an error. The question that is open still, or 0. The call may be gone. */
int64_t fl_mcp_held_end(struct fl_mcp_held *held, struct fl_mcp_call *call, struct fl_value *result,
                        const struct fl_error *err);
struct fl_mcp_call *fl_mcp_held_find(const struct fl_mcp_held *held, const struct fl_value *pause);
/* The same, and it is not held any more: the caller's. */
struct fl_mcp_call *fl_mcp_held_take(struct fl_mcp_held *held, const struct fl_value *pause);
void fl_mcp_held_destroy(struct fl_mcp_held *held);
