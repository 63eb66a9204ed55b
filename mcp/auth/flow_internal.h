/* SPDX-License-Identifier: MIT */
/* The inside of a flow, shared by flow*.c: discovery, client, token. A function that goes on returns 0 when it has said
 * what comes next; a failure leaves its text in flow->err and becomes FAIL. */
#pragma once
#include "mcp/auth/flow.h"
#include "mcp/auth/metadata.h"

enum flow_state {
  FLOW_NEW,
  FLOW_RESOURCE, /* asks for metadata of the resource */
  FLOW_SERVER,   /* … of the authorization server */
  FLOW_IDENTITY, /* … of the enterprise's identity provider */
  FLOW_REGISTER,
  FLOW_VISIT,
  FLOW_EXCHANGE, /* an identity token for an ID-JAG */
  FLOW_TOKEN,
  FLOW_OVER,
};

enum { FLOW_HEADERS_MAX = 8, FLOW_REDIRECTS_MAX = 3, FLOW_BODY_MAX = 64 * 1024, FLOW_ANSWER_MAX = 256 * 1024 };

struct fl_auth_flow {
  struct fl_auth_flow_options options;
  enum flow_state state;
  const struct fl_auth_event *event; /* of the step that runs */
  struct fl_auth_effects *effects;
  struct fl_error err;

  /* what the challenge said */
  char *challenge_url, *challenge_scope, *prior_scope;
  bool is_dpop_challenged;

  /* discovery */
  size_t candidate, server_index, redirect_count;
  struct fl_resource_metadata resource;
  struct fl_server_metadata server;
  struct fl_url issuer_url;
  char *issuer;   /* that is being asked for */
  bool is_legacy; /* no metadata of the resource: as in 2025-03-26 */

  /* the client, and the visit */
  struct fl_auth_client client;
  bool is_own_client; /* registered by us: may be registered anew */
  bool was_renewed;
  struct fl_secret verifier, code;
  char state_text[33];

  /* tokens */
  bool is_refresh, wants_dpop, has_nonce_retry;
  char *dpop_nonce;
  char *scope;                /* asked for */
  char *idp_token_endpoint;   /* found by discovery */
  struct fl_secret assertion; /* the ID-JAG */
  struct fl_auth_tokens tokens;

  /* the request that is out */
  char *url;
  struct fl_secret headers[FLOW_HEADERS_MAX];
  const char *header_texts[FLOW_HEADERS_MAX + 1];
  struct fl_secret body;
};

/* ---- flow.c ---- */

struct fl_auth_effect *flow_do(struct fl_auth_flow *flow, enum fl_auth_effect_kind kind);
/* Prepares the request: empties headers and body, checks and keeps the URL. */
int flow_request(struct fl_auth_flow *flow, const char *url, const char *what);
void flow_header(struct fl_auth_flow *flow, const char *name, fl_slice value);
int flow_send(struct fl_auth_flow *flow, const char *method); /* the effect */
const char *flow_resource(const struct fl_auth_flow *flow);   /* RFC 8707: exactly as published */
/* The words "error" and "error_description" of an answer, made printable, into flow->err. */
int flow_refused(struct fl_auth_flow *flow, int code, const char *what);

/* ---- flow_discover.c ---- */

int flow_discover(struct fl_auth_flow *flow); /* begins */
int flow_on_resource(struct fl_auth_flow *flow);
int flow_on_server(struct fl_auth_flow *flow);
int flow_on_identity(struct fl_auth_flow *flow);
int flow_discover_identity(struct fl_auth_flow *flow);

/* ---- flow_client.c ---- */

int flow_choose_client(struct fl_auth_flow *flow); /* the server is known */
int flow_on_registered(struct fl_auth_flow *flow);
int flow_on_redirect(struct fl_auth_flow *flow);
int flow_renew_client(struct fl_auth_flow *flow);
void flow_use_config_client(struct fl_auth_flow *flow);

/* ---- flow_token.c ---- */

int flow_ask_token(struct fl_auth_flow *flow);
int flow_on_token(struct fl_auth_flow *flow);
int flow_ask_exchange(struct fl_auth_flow *flow);
int flow_on_exchange(struct fl_auth_flow *flow);
