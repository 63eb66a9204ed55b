/* SPDX-License-Identifier: MIT */
/* How a client comes by a token: one flow from a challenge (or from a refresh token) to tokens, as a machine. Answers,
 * times and random bytes go in; requests, the URL for the browser and what is to be kept come out. It does no I/O.
 *
 *   START ─► resource metadata ─► server metadata ─► client known? else register ─► visit ─► token ─► DONE
 *            (RFC 9728)           (RFC 8414, OIDC)   (CIMD, RFC 7591)               (PKCE)
 *                                                    machine grants go on to token; enterprise by way of the IdP
 *   REFRESH ─► token ─► DONE
 *
 * Invariants. (1) At most one request is out. (2) Each step ends in exactly one of REQUEST, VISIT, DONE, FAIL; KEEP and
 * FORGET may stand before it. (3) Nothing is sent to a server whose metadata name another issuer than the one asked
 * for, nor to a URL that fl_auth_check_url refuses. (4) A client of one issuer is never shown to another. (5) A code
 * goes to the token endpoint only when state and issuer of the redirect are ours. (6) One failure with invalid_client
 * registers anew, once. (7) Errors repeat no secret.
 * MCP 2026-07-28 basic/authorization; OAuth 2.1; RFC 7523, 7591, 7636, 8414, 8693, 8707, 9207, 9449, 9728. */
#pragma once
#include "mcp/auth/challenge.h"
#include "mcp/auth/config.h"
#include "mcp/auth/jose.h"

struct fl_auth_flow;

enum fl_auth_key { FL_AUTH_KEY_DPOP, FL_AUTH_KEY_CLIENT };

struct fl_auth_flow_options {
  const struct fl_url *server; /* the MCP server; lent for the flow's life, as all of these */
  const struct fl_auth_config *config;
  const char *protocol_version;
  const char *issuer;       /* the only one that our client may be shown to; NULL: whichever the server names */
  const char *redirect_uri; /* where the browser comes back; NULL: nobody can be asked */
  /* What is known: the client that this issuer gave us (NULL: none); the keys (made on first use; NULL with `err`). */
  const struct fl_auth_client *(*find_client)(void *user, const char *issuer);
  const struct fl_jose_key *(*get_key)(void *user, enum fl_auth_key key, struct fl_error *err);
  void *user;
};
struct fl_auth_flow *fl_auth_flow_create(const struct fl_auth_flow_options *options);
void fl_auth_flow_destroy(struct fl_auth_flow *flow); /* NULL allowed */

/* ---- in ---- */

enum fl_auth_event_kind {
  FL_EV_AUTH_START,    /* challenge, scope */
  FL_EV_AUTH_REFRESH,  /* tokens */
  FL_EV_AUTH_ANSWER,   /* status, body, dpop_nonce, location: of the request that is out */
  FL_EV_AUTH_FAILED,   /* err: the request did not come through */
  FL_EV_AUTH_REDIRECT, /* url: what the browser came back with; NULL: nothing */
};

enum { FL_AUTH_RANDOM_SIZE = 80 };

/* All pointers are lent for the step. */
struct fl_auth_event {
  enum fl_auth_event_kind kind;
  int64_t now_s;                        /* since the Unix epoch */
  uint8_t random[FL_AUTH_RANDOM_SIZE];  /* new ones for every event */
  const struct fl_challenge *challenge; /* NULL: none */
  const char *scope;                    /* had or asked for before: kept in the union; NULL: none */
  const struct fl_auth_tokens *tokens;  /* with a refresh token */
  int status;
  fl_slice body;
  const char *dpop_nonce, *location; /* headers; NULL: absent */
  const struct fl_error *err;
  const char *url;
};

/* ---- out ---- */

enum fl_auth_effect_kind {
  FL_DO_AUTH_REQUEST,       /* method, url, headers, body; an event ANSWER or FAILED must follow */
  FL_DO_AUTH_VISIT,         /* url; an event REDIRECT must follow */
  FL_DO_AUTH_KEEP_CLIENT,   /* issuer, client */
  FL_DO_AUTH_FORGET_CLIENT, /* issuer: its client is not known there any more */
  FL_DO_AUTH_DONE,          /* tokens */
  FL_DO_AUTH_FAIL,          /* err; code FL_E_AUTH after a refresh: the refresh token is used up */
};

/* All pointers are the flow's, until the next step. */
struct fl_auth_effect {
  enum fl_auth_effect_kind kind;
  const char *method, *url;
  const char *const *headers; /* "Name: value", NULL-terminated */
  fl_slice body;
  const char *issuer;
  const struct fl_auth_client *client;
  struct fl_auth_tokens *tokens; /* may be moved from */
  const struct fl_error *err;
};

enum { FL_AUTH_EFFECTS_MAX = 3 };
struct fl_auth_effects {
  struct fl_auth_effect items[FL_AUTH_EFFECTS_MAX];
  size_t count;
};

/* After DONE or FAIL the flow takes no more events. An event that does not fit is a bug of the caller. */
void fl_auth_flow_step(struct fl_auth_flow *flow, const struct fl_auth_event *event,
                       struct fl_auth_effects *ret_effects);
