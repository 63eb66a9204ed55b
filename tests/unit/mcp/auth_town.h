/* SPDX-License-Identifier: MIT */
/* A town for tests of authorization, in the simulated world: an MCP server, an authorization server, a person with a
 * browser, and the request of a transport. */
#pragma once
#include "mcp/auth/auth.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#define SERVER "https://mcp.test/mcp"
#define BACK "http://127.0.0.1:9/callback"

struct town {
  struct fl_world *world;
  const char *as_address;  /* of the authorization server; NULL: public */
  const char *token_error; /* NULL: tokens are given */
  const char *scope;       /* said with the token */
  int token_status, expires_in;
  int asked_metadata, registered, given, refreshed;
  bool is_silent; /* the person does not come back */
  bool wants_dpop;
  char *last_proof;
  char *visited;
  int messages;       /* POSTs to the MCP server */
  const char *issuer; /* that the server names; NULL: https://as.test */
  bool refuses_all;   /* whatever their token */
};

struct asking {
  struct fl_mcp_auth_request request;
  char *authorization, *proof;
  int calls, code;
  enum fl_mcp_auth_verdict verdict;
  char text[512];
};

void town_open(struct town *town);
void town_close(struct town *town);
struct fl_mcp_auth *town_auth(struct town *town, const char *folder, const char *config_text);
void town_close_auth(struct town *town, struct fl_mcp_auth *auth);
void asking_init(struct asking *asking);
void asking_deinit(struct asking *asking);
void town_expect_headers(struct town *town, struct fl_mcp_auth *auth, struct asking *asking, const char *expected);
void town_challenge(struct fl_mcp_auth *auth, struct asking *asking, int status, const char *header);
void town_expect_retry(struct town *town, struct fl_mcp_auth *auth, struct asking *asking, int status,
                       const char *header);
void town_expect_give_up(struct town *town, struct asking *asking, int code, const char *text);
void town_advance(struct town *town, int seconds);
void town_on_closed(void *user);
