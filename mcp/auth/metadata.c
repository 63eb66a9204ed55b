/* SPDX-License-Identifier: MIT */
#include "mcp/auth/metadata.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

/* ---- where ---- */

static bool has_path(const struct fl_url *url) { return strcmp(url->path, "/") != 0 && url->path[0] != '\0'; }

/* The path without a slash at the end: RFC 8414 inserts it so. */
static int path_size(const struct fl_url *url) {
  size_t size = strlen(url->path);
  while (size > 0 && url->path[size - 1] == '/') size--;
  return (int)size;
}

static char *insert(const struct fl_url *url, const char *well_known, bool with_path) {
  FL_FREE_AUTO char *origin = fl_url_origin(url);
  return fl_format("%s/.well-known/%s%.*s", origin, well_known, with_path ? path_size(url) : 0, url->path);
}

char *fl_resource_metadata_url(const struct fl_url *server, size_t index) {
  if (!has_path(server)) return index == 0 ? insert(server, "oauth-protected-resource", false) : NULL;
  return index < 2 ? insert(server, "oauth-protected-resource", index == 0) : NULL;
}

char *fl_server_metadata_url(const struct fl_url *issuer, size_t index) {
  if (index == 0) return insert(issuer, "oauth-authorization-server", true);
  if (index == 1) return insert(issuer, "openid-configuration", true);
  if (index > 2 || !has_path(issuer)) return NULL;
  FL_FREE_AUTO char *origin = fl_url_origin(issuer);
  return fl_format("%s%.*s/.well-known/openid-configuration", origin, path_size(issuer), issuer->path);
}

/* ---- reading ---- */

static int read_object(fl_slice text, const char *what, struct fl_value **ret_value, struct fl_error *err) {
  if (text.size > FL_METADATA_SIZE_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the metadata of the %s are larger than %d bytes", what, FL_METADATA_SIZE_MAX);
  struct fl_value *value = NULL;
  int failure = fl_json_read(text, FL_JSON_STRICT, &value, err);
  if (failure != 0) {
    fl_error_context(err, "the metadata of the %s", what);
    return failure;
  }
  if (fl_is(value, FL_OBJECT)) {
    *ret_value = value;
    return 0;
  }
  fl_value_unref(value);
  return fl_error_set(err, FL_E_SYNTAX, "the metadata of the %s are no JSON object", what);
}

static char *copy_text(const struct fl_value *value, const char *name) {
  return fl_strdup(fl_get_string(value, name, NULL));
}

static bool list_has(const struct fl_value *value, const char *name, const char *word) {
  const struct fl_value *list = fl_get(value, name);
  for (size_t i = 0; i < fl_size(list) && fl_is(list, FL_ARRAY); i++) {
    const char *one = fl_as_string(fl_at(list, i));
    if (one != NULL && strcmp(one, word) == 0) return true;
  }
  return false;
}

/* A list of words with spaces between; words that have one themselves are left out. NULL: no list, or none in it. */
static char *join_list(const struct fl_value *value, const char *name) {
  const struct fl_value *list = fl_get(value, name);
  FL_BUF_AUTO words = {0};
  for (size_t i = 0; i < fl_size(list) && fl_is(list, FL_ARRAY); i++) {
    const char *one = fl_as_string(fl_at(list, i));
    if (one == NULL || *one == '\0' || strpbrk(one, " \t\r\n") != NULL) continue;
    fl_buf_addf(&words, "%s%s", words.size > 0 ? " " : "", one);
  }
  return words.size > 0 ? fl_buf_take(&words, NULL) : NULL;
}

int fl_resource_metadata_read(fl_slice text, struct fl_resource_metadata *ret_metadata, struct fl_error *err) {
  FL_VALUE_AUTO value = NULL;
  int failure = read_object(text, "protected resource", &value, err);
  if (failure != 0) return failure;
  struct fl_resource_metadata metadata = {
      .resource = copy_text(value, "resource"),
      .scope = join_list(value, "scopes_supported"),
      .requires_dpop = fl_get_bool(value, "dpop_bound_access_tokens_required", false)};
  const struct fl_value *servers = fl_get(value, "authorization_servers");
  for (size_t i = 0; fl_is(servers, FL_ARRAY) && i < fl_size(servers); i++) {
    const char *one = fl_as_string(fl_at(servers, i));
    if (one != NULL && metadata.server_count < FL_METADATA_SERVERS_MAX)
      metadata.servers[metadata.server_count++] = fl_strdup(one);
  }
  if (metadata.resource == NULL || metadata.server_count == 0) {
    const char *missing = metadata.resource == NULL ? "resource" : "authorization_servers";
    fl_resource_metadata_deinit(&metadata);
    return fl_error_set(err, FL_E_PROTOCOL, "the metadata of the protected resource do not say \"%s\"", missing);
  }
  *ret_metadata = metadata;
  return 0;
}

int fl_server_metadata_read(fl_slice text, struct fl_server_metadata *ret_metadata, struct fl_error *err) {
  FL_VALUE_AUTO value = NULL;
  int failure = read_object(text, "authorization server", &value, err);
  if (failure != 0) return failure;
  struct fl_server_metadata metadata = {
      .issuer = copy_text(value, "issuer"),
      .authorization_endpoint = copy_text(value, "authorization_endpoint"),
      .token_endpoint = copy_text(value, "token_endpoint"),
      .registration_endpoint = copy_text(value, "registration_endpoint"),
      .jwks_uri = copy_text(value, "jwks_uri"),
      .scope = join_list(value, "scopes_supported"),
      .auth_methods = join_list(value, "token_endpoint_auth_methods_supported"),
      .has_pkce_s256 = list_has(value, "code_challenge_methods_supported", "S256"),
      .has_cimd = fl_get_bool(value, "client_id_metadata_document_supported", false),
      .has_iss = fl_get_bool(value, "authorization_response_iss_parameter_supported", false),
      .has_dpop_es256 = list_has(value, "dpop_signing_alg_values_supported", "ES256")};
  if (metadata.issuer == NULL) {
    fl_server_metadata_deinit(&metadata);
    return fl_error_set(err, FL_E_PROTOCOL, "the metadata of the authorization server do not say \"issuer\"");
  }
  *ret_metadata = metadata;
  return 0;
}

void fl_resource_metadata_deinit(struct fl_resource_metadata *metadata) {
  fl_free(metadata->resource);
  fl_free(metadata->scope);
  for (size_t i = 0; i < metadata->server_count; i++) fl_free(metadata->servers[i]);
  *metadata = (struct fl_resource_metadata){0};
}

void fl_server_metadata_deinit(struct fl_server_metadata *metadata) {
  char *const texts[] = {
      metadata->issuer, metadata->authorization_endpoint, metadata->token_endpoint, metadata->registration_endpoint,
      metadata->scope,  metadata->auth_methods,           metadata->jwks_uri};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) fl_free(texts[i]);
  *metadata = (struct fl_server_metadata){0};
}

/* ---- what they must say ---- */

static bool holds_path(const char *outer, const char *inner) {
  size_t size = strlen(outer);
  while (size > 0 && outer[size - 1] == '/') size--;
  return strncmp(outer, inner, size) == 0 && (inner[size] == '\0' || inner[size] == '/');
}

int fl_resource_check(const char *resource, const struct fl_url *server, struct fl_error *err) {
  struct fl_url parsed = {0};
  bool is_fine = fl_url_parse(fl_slice_of(resource), FL_URL_HTTP, &parsed, NULL) == 0 && parsed.fragment == NULL &&
                 fl_url_is_same_origin(&parsed, server) && holds_path(parsed.path, server->path);
  fl_url_deinit(&parsed);
  if (is_fine) return 0;
  FL_FREE_AUTO char *url = fl_url_format(server);
  return fl_error_set(err, FL_E_PROTOCOL, "the metadata are those of another resource (%.500s), not of %.500s",
                      resource, url);
}

void fl_server_metadata_assume(const struct fl_url *server, struct fl_server_metadata *ret_metadata) {
  FL_FREE_AUTO char *origin = fl_url_origin(server);
  *ret_metadata = (struct fl_server_metadata){.issuer = fl_strdup(origin),
                                              .authorization_endpoint = fl_format("%s/authorize", origin),
                                              .token_endpoint = fl_format("%s/token", origin),
                                              .registration_endpoint = fl_format("%s/register", origin),
                                              .auth_methods = fl_strdup("none client_secret_post client_secret_basic"),
                                              .has_pkce_s256 = true};
}
