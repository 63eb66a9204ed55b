/* SPDX-License-Identifier: MIT */
/* The inside of a struct fl_mcp_auth, shared by auth*.c: who waits (auth.c), the flow and its effects (auth_flow.c),
 * what is kept (auth_keep.c).
 *
 * Invariants. (1) A request stands in exactly one of `waiting` and `ready`, or nowhere. (2) At most one flow runs; a
 * refresh is one. (3) Whatever ends a flow empties `waiting`, except that a refresh that failed for good goes over into
 * a full flow for those who wait for a verdict. (4) Callbacks of requests are made by on_post alone. */
#pragma once
#include "mcp/auth/auth.h"
#include "mcp/auth/flow.h"
#include "mcp/auth/metadata.h"
#include "mcp/auth/store.h"

struct fl_http_server;

enum {
  AUTH_RETRIES_MAX = 3,      /* of one request */
  AUTH_REFRESH_AHEAD_S = 30, /* before a token ends */
  AUTH_LOCK_PAUSE_MS = 100,
  AUTH_LOCK_TRIES = 300,
  AUTH_VISIT_MS = 5 * 60 * 1000,
};

struct auth_queue {
  struct fl_mcp_auth_request *first;
};

struct fl_mcp_auth {
  struct fl_world *world;
  char *url_text, *protocol_version;
  struct fl_url server;
  struct fl_auth_config config;
  bool is_interactive;
  uint32_t visit_timeout_ms;
  void (*visit)(struct fl_mcp_auth *auth, const char *url, void *user);
  void *user;
  struct fl_auth_store *store;

  struct auth_queue waiting, ready;
  struct fl_post post;
  bool is_posted;

  struct fl_auth_tokens tokens;
  uint64_t token_number; /* grows with every token */
  char *nonce;           /* of the MCP server */
  struct fl_secret dpop_pem;
  struct fl_jose_key *dpop_key, *client_key;
  struct fl_auth_client found; /* lent to the flow by find_client */

  struct fl_auth_flow *flow;
  bool is_refresh;
  struct fl_challenge challenge; /* why the flow runs, for when a refresh is not enough */
  char *prior_scope;
  char *redirect_uri;
  char *bound_issuer; /* where the configured client was taken first: its secret goes nowhere else */
  int refresh_lock;
  uint32_t lock_tries;
  struct fl_timer timer; /* the visit's end, or the next try for the lock */
  bool is_visiting;
  struct fl_http_server *listener; /* where the browser comes back; NULL: elsewhere */
  unsigned closing_listeners;
  char *redirect; /* came while visiting */
  bool has_redirect;

  struct fl_http http;
  bool is_asking, asks_server;
  int status;
  struct fl_buf body;
  bool has_server_kind;
  enum fl_address_kind server_kind; /* of the MCP server's address */

  bool is_closing;
  void (*on_closed)(void *user);
  void *closed_user;
};

/* ---- auth.c ---- */

void auth_push(struct auth_queue *queue, struct fl_mcp_auth_request *request);
bool auth_drop(struct auth_queue *queue, struct fl_mcp_auth_request *request);
void auth_wake(struct fl_mcp_auth *auth); /* on_post follows */
/* Moves those who wait to `ready`, with a copy of `err` (NULL: none). */
void auth_settle(struct fl_mcp_auth *auth, const struct fl_error *err);
bool auth_is_near_end(const struct fl_mcp_auth *auth); /* the access token */
int64_t auth_now_s(const struct fl_mcp_auth *auth);

/* ---- auth_flow.c ---- */

void auth_begin(struct fl_mcp_auth *auth);   /* a full flow, from auth->challenge */
void auth_refresh(struct fl_mcp_auth *auth); /* with the refresh token */
void auth_on_timer(struct fl_timer *timer);
void auth_take_redirect(struct fl_mcp_auth *auth); /* auth->redirect has come */
void auth_drop_flow(struct fl_mcp_auth *auth);
const struct fl_jose_key *auth_get_key(void *user, enum fl_auth_key key, struct fl_error *err);

/* ---- auth_listen.c ---- */

int auth_listen_open(struct fl_mcp_auth *auth, struct fl_error *err); /* sets auth->redirect_uri */
void auth_listen_close(struct fl_mcp_auth *auth);

/* ---- auth_keep.c ---- */

const struct fl_auth_client *auth_find_client(void *user, const char *issuer);
/* Who the configuration says that we are, to be shown to one issuer only; NULL: nobody in particular. */
const char *auth_bound_name(const struct fl_mcp_auth *auth);
int auth_load(struct fl_mcp_auth *auth, struct fl_error *err);   /* at the beginning, and to see what is new */
int auth_reload(struct fl_mcp_auth *auth, struct fl_error *err); /* what another process may have written */
/* The new tokens; those of another issuer go. */
int auth_keep_tokens(struct fl_mcp_auth *auth, const char *old_issuer, struct fl_error *err);
int auth_forget_tokens(struct fl_mcp_auth *auth, struct fl_error *err);
int auth_keep_client(struct fl_mcp_auth *auth, const char *issuer, const struct fl_auth_client *client,
                     struct fl_error *err); /* NULL: forget it */
