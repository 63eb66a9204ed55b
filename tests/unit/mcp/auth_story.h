/* SPDX-License-Identifier: MIT */
/* The stories of authorization flows, as data: what a server answers goes in, what we do comes out, line by line. In
 * what is expected, an end of "…" takes any rest. */
#pragma once
#include "mcp/auth/flow.h"
#include "mcp/auth/jwt.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

enum { NOW_S = 1000 };

struct story {
  struct fl_url server;
  struct fl_auth_config config;
  struct fl_auth_flow *flow;
  struct fl_buf log;
  struct fl_auth_client known;
  const char *known_issuer;
  struct fl_auth_tokens tokens; /* of DONE */
  struct fl_jose_key *client_key, *dpop_key;
  uint8_t random;
  char *last_url;
};

void story_begin(struct story *story, const char *server, const char *config, const char *redirect_uri);
void story_end(struct story *story);
void story_step(struct story *story, struct fl_auth_event event, const char *expected);
void story_start(struct story *story, const char *challenge_text, const char *expected);
void story_answer(struct story *story, int status, const char *body, const char *expected);
void story_redirect(struct story *story, const char *url, const char *expected);
void story_discover(struct story *story, const char *challenge, const char *prm, const char *as, const char *then);

/* ---- one world for most stories ---- */

#define SERVER "https://mcp.example/mcp"
#define BACK "http://127.0.0.1:1234/callback"
#define PRM_URL "https://mcp.example/.well-known/oauth-protected-resource/mcp"
#define PRM "{\"resource\":\"https://mcp.example/mcp\",\"authorization_servers\":[\"https://as.example\"]}"
#define AS_URL "https://as.example/.well-known/oauth-authorization-server"
#define AS_HEAD                                                                                \
  "{\"issuer\":\"https://as.example\",\"authorization_endpoint\":\"https://as.example/auth\"," \
  "\"token_endpoint\":\"https://as.example/token\",\"code_challenge_methods_supported\":[\"S256\"]"
#define AS                                                   \
  AS_HEAD ",\"registration_endpoint\":\"https://as.example/" \
          "reg\",\"token_endpoint_auth_methods_supported\":[\"none\"]}"
#define REGISTRATION                                                                              \
  "POST https://as.example/reg "                                                                  \
  "{\"client_name\":\"fairlead\",\"application_type\":\"native\",\"redirect_uris\":[\"" BACK      \
  "\"],\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"]," \
  "\"token_endpoint_auth_method\":\"none\"}\n"
#define STATE(hex) hex hex hex hex hex hex hex hex hex hex hex hex hex hex hex hex
#define TOKEN "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":60,\"refresh_token\":\"rt\"}"
