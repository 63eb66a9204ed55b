/* SPDX-License-Identifier: MIT */
/* The documents in which authorization is described: of a protected resource (RFC 9728) and of an authorization server
 * (RFC 8414, OpenID Connect Discovery 1.0): where they are, what is read of them, what they must say. Pure. */
#pragma once
#include "runtime/wire/url.h"

#include <fairlead/value.h>

enum { FL_METADATA_SIZE_MAX = 256 * 1024, FL_METADATA_SERVERS_MAX = 8 };

struct fl_resource_metadata {
  char *resource; /* exactly as published */
  char *servers[FL_METADATA_SERVERS_MAX];
  size_t server_count; /* at least 1 */
  char *scope;         /* scopes_supported, space-separated; NULL: not said */
  bool requires_dpop;  /* dpop_bound_access_tokens_required */
};

struct fl_server_metadata {
  char *issuer;                                                          /* exactly as published */
  char *authorization_endpoint, *token_endpoint, *registration_endpoint; /* NULL: absent */
  char *scope;                                                           /* scopes_supported; NULL: not said */
  char *auth_methods; /* token_endpoint_auth_methods_supported, space-separated; NULL: not said */
  char *jwks_uri;
  bool has_pkce_s256; /* code_challenge_methods_supported has it */
  bool has_cimd;      /* client_id_metadata_document_supported */
  bool has_iss;       /* authorization_response_iss_parameter_supported */
  bool has_dpop_es256;
};

/* Where the metadata of a protected resource may be, in the order to ask; index from 0; NULL: no more. The caller frees
 * it. */
char *fl_resource_metadata_url(const struct fl_url *server, size_t index);
/* The same for an issuer: RFC 8414 with the path inserted, OpenID Connect inserted, OpenID Connect appended; without a
 * path two. */
char *fl_server_metadata_url(const struct fl_url *issuer, size_t index);

/* Errors: FL_E_SYNTAX (not JSON), FL_E_PROTOCOL (a required member is missing or of a wrong type), FL_E_LIMIT. */
int fl_resource_metadata_read(fl_slice text, struct fl_resource_metadata *ret_metadata, struct fl_error *err);
int fl_server_metadata_read(fl_slice text, struct fl_server_metadata *ret_metadata, struct fl_error *err);
void fl_resource_metadata_deinit(struct fl_resource_metadata *metadata); /* repeatable */
void fl_server_metadata_deinit(struct fl_server_metadata *metadata);     /* repeatable */

/* Whether the resource of metadata is the server that was asked, or holds it: the same origin, and a path that the
 * server's path begins with, in whole segments. FL_E_PROTOCOL. */
int fl_resource_check(const char *resource, const struct fl_url *server, struct fl_error *err);

/* What the revision of 2025-03-26 assumes where there are no metadata: /authorize, /token, /register at the origin. */
void fl_server_metadata_assume(const struct fl_url *server, struct fl_server_metadata *ret_metadata);
