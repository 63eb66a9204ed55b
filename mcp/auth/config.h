/* SPDX-License-Identifier: MIT */
/* The member "auth" of an mcpServers entry, read (auth.h says what it may hold), and what is known of a client and of
 * its tokens. Pure, but for the locked memory of secrets. */
#pragma once
#include "mcp/auth/address.h"
#include "runtime/base/secret.h"

enum fl_auth_grant { FL_GRANT_CODE, FL_GRANT_CLIENT, FL_GRANT_ENTERPRISE, FL_GRANT_WORKLOAD };
enum fl_auth_dpop { FL_DPOP_AUTO, FL_DPOP_ALWAYS, FL_DPOP_NEVER };

struct fl_auth_config {
  enum fl_auth_grant grant;
  enum fl_auth_dpop dpop;
  /* Each NULL when absent. */
  char *client_id, *client_metadata_url, *client_name, *scope, *redirect_uri, *issuer;
  char *idp_issuer, *idp_token_endpoint, *idp_client_id;
  char *idp_id_token_file, *assertion_file; /* read anew for each flow, since platforms renew them */
  struct fl_secret client_secret, private_key, idp_client_secret, idp_id_token, assertion;
  struct fl_networks networks;
};

/* FL_E_INVALID names the member: unknown, of a wrong type, or missing for the grant. */
int fl_auth_config_read(const struct fl_value *value, struct fl_auth_config *ret_config, struct fl_error *err);
void fl_auth_config_deinit(struct fl_auth_config *config); /* repeatable */

/* ---- what an issuer gave us ---- */

struct fl_auth_client {
  char *client_id; /* NULL: none */
  struct fl_secret secret;
  char *auth_method;    /* "none", "client_secret_basic", "client_secret_post", "private_key_jwt" */
  char *redirect_uri;   /* that was registered */
  int64_t expires_at_s; /* of the secret, since the Unix epoch; 0: never */
};
void fl_auth_client_deinit(struct fl_auth_client *client);
void fl_auth_client_copy(struct fl_auth_client *to, const struct fl_auth_client *from);

struct fl_auth_tokens {
  char *issuer; /* NULL: no tokens */
  struct fl_secret access, refresh;
  bool is_dpop;
  char *scope;          /* granted, or asked for where the server did not say; NULL: unknown */
  int64_t expires_at_s; /* 0: not said */
  char *token_endpoint, *resource;
  char *auth_method; /* by which the client shows who it is there */
};
void fl_auth_tokens_deinit(struct fl_auth_tokens *tokens);
void fl_auth_tokens_move(struct fl_auth_tokens *to, struct fl_auth_tokens *from);
void fl_auth_tokens_copy(struct fl_auth_tokens *to, const struct fl_auth_tokens *from);

/* As values, for the sealed store; the strings of a value are wiped by fl_auth_wipe_value. */
struct fl_value *fl_auth_client_write(const struct fl_auth_client *client);
void fl_auth_client_read(const struct fl_value *value, struct fl_auth_client *ret_client);
struct fl_value *fl_auth_tokens_write(const struct fl_auth_tokens *tokens);
void fl_auth_tokens_read(const struct fl_value *value, struct fl_auth_tokens *ret_tokens);
void fl_auth_wipe_value(struct fl_value *value); /* overwrites every string inside, then unref; it must be ours alone */
