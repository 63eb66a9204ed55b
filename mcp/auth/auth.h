/* SPDX-License-Identifier: MIT */
/* Authorization of a client of MCP over HTTP: what a transport must know of it, and no more. One `struct fl_mcp_auth`
 * stands for one server; every request asks it for headers, and every 401 and 403 goes to it.
 *
 *   transport                          auth
 *   fl_mcp_auth_headers(request)  ──►  token at hand? near its end: refreshed first, once for all who ask
 *                                 ◄──  on_headers("Authorization: …", "DPoP: …"), or none
 *   … sends …  401 or 403
 *   fl_mcp_auth_challenge(answer) ──►  discovery, registration, browser, token, all of it or what is missing
 *                                 ◄──  on_verdict(RETRY): ask for headers again; GIVE_UP: the error says why
 *
 * Rules. (1) As in world.h: the request is embedded in the caller, its callback comes later, exactly once, also when
 * cancelled. (2) Requests that are challenged at the same time share one flow. (3) The number of times that one request
 * is answered RETRY is limited; the request counts them, so it is zeroed for a new request and kept for its repetition.
 * (4) Tokens, secrets and keys are never in an error, a log line or a callback but the headers.
 *
 * Happy path of a first connection: no token, no headers; 401; flow; RETRY; headers; 200.
 * Failure modes: the person says no, or nothing comes back in time (GIVE_UP, FL_E_AUTH, FL_E_TIMEOUT); no browser is
 * allowed (GIVE_UP with FL_E_AUTH and what to run); metadata that contradict each other (FL_E_PROTOCOL); an address
 * that may not be asked (FL_E_DENIED). MCP 2026-07-28, basic/authorization. */
#pragma once
#include "runtime/io/world.h"

#include <fairlead/value.h>

struct fl_mcp_auth;

/* How a client comes by its tokens, from the member "auth" of an mcpServers entry; all members are optional.
 *   grant           "authorization_code" (default), "client_credentials", "enterprise", "workload"
 *   client_id, client_secret            registered beforehand; secret: "${env.NAME}" is expanded by the loader
 *   private_key_pem                     private_key_jwt instead of a secret (P-256, Ed25519, RSA)
 *   client_metadata_url                 the client id metadata document (CIMD) to present
 *   client_name, scope                  shown at registration; scopes asked for beside the challenge's
 *   redirect_uri                        instead of the loopback listener's; then fl_mcp_auth_redirected must be called
 *   issuer                              the authorization server that client_id belongs to
 *   idp_issuer, idp_token_endpoint, idp_client_id, idp_client_secret, idp_id_token, idp_id_token_file   enterprise
 *   assertion, assertion_file           workload: the platform's JWT
 *   dpop            "auto" (default: when the server's metadata ask for it), "always", "never"
 *   allow_addresses ["10.0.0.0/8", …]   beside public ones: where authorization servers may stand */
struct fl_mcp_auth_options {
  size_t size;
  const char *url;               /* of the MCP server */
  const char *store_folder;      /* where clients and tokens are kept, sealed; NULL: nowhere */
  const struct fl_value *config; /* above; NULL: {} */
  const char *protocol_version;  /* sent with requests for metadata; NULL: the newest */
  bool is_interactive;           /* whether a person may be asked now; false: FL_E_AUTH with the command to run */
  uint32_t visit_timeout_ms;     /* that the person has; 0: 5 min */
  /* Shows `url` to the person's browser (lent for the call). The answer comes over the loopback listener, or by
   * fl_mcp_auth_redirected. NULL: fl_mcp_auth_open_browser. */
  void (*visit)(struct fl_mcp_auth *auth, const char *url, void *user);
  void *user;
};

/* Copies all. Errors: FL_E_INVALID (the URL, the configuration, naming the member), FL_E_IO (the store). */
int fl_mcp_auth_create(struct fl_world *world, const struct fl_mcp_auth_options *options, struct fl_mcp_auth **ret_auth,
                       struct fl_error *err);
/* Requests under way end with FL_E_CANCELLED; on_closed comes last, and `auth` is gone in it. */
void fl_mcp_auth_close(struct fl_mcp_auth *auth, void (*on_closed)(void *user), void *user);

enum fl_mcp_auth_verdict { FL_MCP_AUTH_RETRY, FL_MCP_AUTH_GIVE_UP };

struct fl_mcp_auth_request {
  const char *method; /* lent until the callback */
  const char *url;    /* the whole URL that is asked, lent until the callback */
  /* `headers`: "Name: value", NULL-terminated, lent for the call, none: an empty list. With an error (`err`) the
   * request must not be sent; without one `err` is NULL. */
  void (*on_headers)(struct fl_mcp_auth_request *request, const char *const *headers, const struct fl_error *err);
  void (*on_verdict)(struct fl_mcp_auth_request *request, enum fl_mcp_auth_verdict verdict, const struct fl_error *err);
  void *user;
  /* private */
  struct fl_mcp_auth_request *next;
  struct fl_error *err;
  uint64_t token_number; /* which one its headers had; 0: none */
  uint32_t retry_count;
  enum { FL_MCP_AUTH_IDLE, FL_MCP_AUTH_WAITS_HEADERS, FL_MCP_AUTH_WAITS_VERDICT } waits_for;
};

void fl_mcp_auth_headers(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request);

struct fl_mcp_auth_answer {
  int status;                   /* 401 or 403 */
  const char *www_authenticate; /* NULL: none; several are joined with ", " */
  const char *dpop_nonce;       /* the header DPoP-Nonce; NULL: none */
};
void fl_mcp_auth_challenge(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request,
                           const struct fl_mcp_auth_answer *answer);
void fl_mcp_auth_cancel(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request); /* FL_E_CANCELLED follows */

/* A DPoP-Nonce header that came with any other answer: the next proofs use it. */
void fl_mcp_auth_note_nonce(struct fl_mcp_auth *auth, const char *nonce);

/* Where the browser was sent at the end, whole ("http://127.0.0.1:…/callback?code=…&state=…"), or NULL: the person
 * closed it. For a visit under way; otherwise nothing happens. */
void fl_mcp_auth_redirected(struct fl_mcp_auth *auth, const char *url);

/* Starts the desktop's browser, without a shell. Errors: FL_E_NOT_FOUND (none is there: print the URL instead),
 * FL_E_INVALID (neither http nor https). */
int fl_mcp_auth_open_browser(const char *url, struct fl_error *err);

/* Gets a new token, also when there is one (`fairlead mcp login`): on_verdict(RETRY) when it is there. The challenge is
 * what the server answers to a request without a token; NULL: it said nothing. */
void fl_mcp_auth_login(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request, const char *www_authenticate);

/* ---- what is kept ---- */

/* [{"server","issuer","client_id","scope","expires_at","has_refresh_token","token_type"}]: never a secret. */
int fl_mcp_auth_list(struct fl_world *world, const char *store_folder, struct fl_value **ret_list,
                     struct fl_error *err);
/* Forgets the tokens of a server (NULL: of all), with `clients` the registrations of their issuers too. *ret_count: how
 * many servers. */
struct fl_mcp_auth_forget {
  const char *store_folder;
  const char *url; /* NULL: all servers */
  bool clients;
};
int fl_mcp_auth_forget(struct fl_world *world, const struct fl_mcp_auth_forget *what, size_t *ret_count,
                       struct fl_error *err);
/* $FAIRLEAD_AUTH_DIR, else $XDG_STATE_HOME/fairlead/auth, else ~/.local/state/fairlead/auth. The caller frees it. */
char *fl_mcp_auth_default_folder(void);
