/* SPDX-License-Identifier: MIT */
/* The other side of authorization: an MCP server over HTTP that is an OAuth resource server. A guard decides for every
 * request from its headers alone who asks, or which refusal to send. The decision is pure (guard_decide.h); the guard
 * brings it the keys of the issuer (JWKS), which it fetches when a token names one it does not know, keeps, and fetches
 * again, at most once within `jwks_pause_ms`.
 *
 * A token is accepted when: its JWT is signed with RS256, ES256 or EdDSA by a key of the issuer that fits the
 * algorithm; `iss` is the issuer, exactly; `aud` has the resource; `exp` is ahead and `nbf` behind (60 s of leeway);
 * it has every required scope; and, where it is bound to a key (`cnf.jkt`) or DPoP is required, a proof of that key for
 * this method and URL comes along that was not seen before. RFC 6750, 7519, 9068, 9449, 9728. */
#pragma once
#include "runtime/io/world.h"

#include <fairlead/value.h>

struct fl_mcp_guard;

struct fl_mcp_guard_options {
  size_t size;
  const char *resource;      /* this server's URL as clients know it: the audience, and `resource` of the metadata */
  const char *issuer;        /* of the authorization server */
  const char *jwks_uri;      /* NULL: from the issuer's metadata */
  const char *jwks;          /* the keys themselves, as JSON text: nothing is fetched; NULL: fetch */
  const char *audience;      /* NULL: resource */
  const char *const *scopes; /* each token must have; NULL-terminated, NULL: none */
  const char *const *scopes_supported; /* for the metadata; NULL: scopes */
  bool requires_dpop;
  uint32_t jwks_pause_ms; /* between two fetches; 0: 30 s */
};
/* Copies all. Errors: FL_E_INVALID. */
int fl_mcp_guard_create(struct fl_world *world, const struct fl_mcp_guard_options *options,
                        struct fl_mcp_guard **ret_guard, struct fl_error *err);
void fl_mcp_guard_close(struct fl_mcp_guard *guard, void (*on_closed)(void *user), void *user); /* checks: 503 */

struct fl_mcp_guard_verdict {
  int status;                   /* 200, 401, 403; 400 for a malformed header, 503 when the keys cannot be had */
  const char *principal;        /* 200: "iss|sub", "iss|sub:sub" when sub begins with "client:" or "sub:", or
                                 "iss|client:client_id"; one line, for whatever is kept per caller */
  struct fl_value *claims;      /* 200: of the token */
  const char *www_authenticate; /* 401, 403, 400: the header's value; NULL otherwise */
  const char *error;            /* for the log and the body, without the token */
};

struct fl_mcp_guard_check {
  const char *method;        /* lent until on_verdict, as all of these */
  const char *url;           /* as the client asked it: resource's origin + target */
  const char *authorization; /* the header; NULL: none. More than one is the HTTP server's 400. */
  const char *dpop;          /* the header; NULL: none */
  void (*on_verdict)(struct fl_mcp_guard_check *check, const struct fl_mcp_guard_verdict *verdict); /* lent */
  void *user;
  /* private */
  struct fl_mcp_guard_check *next;
  bool has_waited;
};
/* The verdict comes later, exactly once. */
void fl_mcp_guard_check(struct fl_mcp_guard *guard, struct fl_mcp_guard_check *check);
void fl_mcp_guard_cancel(struct fl_mcp_guard *guard, struct fl_mcp_guard_check *check); /* no callback any more */

/* A challenge for a handler that needs more scopes (space-separated): the value of WWW-Authenticate for a 403. The
 * caller frees it. */
char *fl_mcp_guard_challenge_scope(const struct fl_mcp_guard *guard, const char *scope);

/* Protected resource metadata (RFC 9728): the body for a GET of this path, or NULL when the path is another one. Served
 * below /.well-known/oauth-protected-resource, with and without the resource's path. Lent. No authorization needed. */
const char *fl_mcp_guard_metadata(const struct fl_mcp_guard *guard, const char *path);
