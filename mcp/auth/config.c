/* SPDX-License-Identifier: MIT */
#include "mcp/auth/config.h"
#include "mcp/auth/jose.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stddef.h>

/* ---- reading ---- */

enum kind { TEXT, SECRET, WORD, LIST };

struct row {
  const char *name;
  enum kind kind;
  size_t offset;
  const char *const *words; /* WORD: the enumerators, in order */
};

static const char *const grants[] = {"authorization_code", "client_credentials", "enterprise", "workload", NULL};
static const char *const dpops[] = {"auto", "always", "never", NULL};

#define AT(member) offsetof(struct fl_auth_config, member)
static const struct row rows[] = {{"grant", WORD, AT(grant), grants},
                                  {"dpop", WORD, AT(dpop), dpops},
                                  {"client_id", TEXT, AT(client_id), NULL},
                                  {"client_secret", SECRET, AT(client_secret), NULL},
                                  {"private_key_pem", SECRET, AT(private_key), NULL},
                                  {"client_metadata_url", TEXT, AT(client_metadata_url), NULL},
                                  {"client_name", TEXT, AT(client_name), NULL},
                                  {"scope", TEXT, AT(scope), NULL},
                                  {"redirect_uri", TEXT, AT(redirect_uri), NULL},
                                  {"issuer", TEXT, AT(issuer), NULL},
                                  {"idp_issuer", TEXT, AT(idp_issuer), NULL},
                                  {"idp_token_endpoint", TEXT, AT(idp_token_endpoint), NULL},
                                  {"idp_client_id", TEXT, AT(idp_client_id), NULL},
                                  {"idp_client_secret", SECRET, AT(idp_client_secret), NULL},
                                  {"idp_id_token", SECRET, AT(idp_id_token), NULL},
                                  {"idp_id_token_file", TEXT, AT(idp_id_token_file), NULL},
                                  {"assertion", SECRET, AT(assertion), NULL},
                                  {"assertion_file", TEXT, AT(assertion_file), NULL},
                                  {"allow_addresses", LIST, AT(networks), NULL}};
#undef AT

static int read_word(const struct row *row, const char *text, void *member, struct fl_error *err) {
  FL_BUF_AUTO words = {0};
  for (int i = 0; row->words[i] != NULL; i++) {
    if (strcmp(row->words[i], text) == 0) {
      *(unsigned *)member = (unsigned)i;
      return 0;
    }
    fl_buf_addf(&words, "%s\"%s\"", i > 0 ? ", " : "", row->words[i]);
  }
  return fl_error_set(err, FL_E_INVALID, "auth: \"%s\" is one of %s", row->name, words.data);
}

static int read_networks(const struct fl_value *list, struct fl_networks *networks, struct fl_error *err) {
  if (!fl_is(list, FL_ARRAY)) return fl_error_set(err, FL_E_INVALID, "auth: \"allow_addresses\" is a list of networks");
  for (size_t i = 0; i < fl_size(list); i++) {
    const char *text = fl_as_string(fl_at(list, i));
    if (text == NULL) return fl_error_set(err, FL_E_INVALID, "auth: \"allow_addresses\" is a list of texts");
    if (fl_networks_add(networks, text, err) < 0) return fl_error_context(err, "auth: allow_addresses");
  }
  return 0;
}

static int read_member(const struct fl_member *member, struct fl_auth_config *config, struct fl_error *err) {
  const struct row *row = NULL;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].name, member->key) == 0) row = &rows[i];
  if (row == NULL) return fl_error_set(err, FL_E_INVALID, "auth: there is no member \"%.100s\"", member->key);
  char *place = (char *)config + row->offset;
  if (row->kind == LIST) return read_networks(member->value, (struct fl_networks *)(void *)place, err);
  const char *text = fl_as_string(member->value);
  if (text == NULL || *text == '\0')
    return fl_error_set(err, FL_E_INVALID, "auth: \"%s\" is a text that is not empty", row->name);
  if (row->kind == WORD) return read_word(row, text, place, err);
  if (row->kind == SECRET) fl_secret_set((struct fl_secret *)(void *)place, fl_slice_of(text));
  else *(char **)(void *)place = fl_strdup(text);
  return 0;
}

static int require(bool is_there, const char *grant, const char *what, struct fl_error *err) {
  return is_there ? 0 : fl_error_set(err, FL_E_INVALID, "auth: the grant \"%s\" needs %s", grant, what);
}

static int check_grant(const struct fl_auth_config *config, struct fl_error *err) {
  const char *grant = grants[config->grant];
  bool has_proof = config->client_secret.size > 0 || config->private_key.size > 0;
  int failure = 0;
  if (config->grant == FL_GRANT_CLIENT || config->grant == FL_GRANT_ENTERPRISE)
    failure = require(config->client_id != NULL && has_proof, grant,
                      "\"client_id\" and \"client_secret\" or \"private_key_pem\"", err);
  if (failure == 0 && config->grant == FL_GRANT_ENTERPRISE)
    failure =
        require((config->idp_token_endpoint != NULL || config->idp_issuer != NULL) &&
                    (config->idp_id_token.size > 0 || config->idp_id_token_file != NULL),
                grant, "\"idp_token_endpoint\" or \"idp_issuer\", and \"idp_id_token\" or \"idp_id_token_file\"", err);
  if (failure == 0 && config->grant == FL_GRANT_WORKLOAD)
    failure = require(config->assertion.size > 0 || config->assertion_file != NULL, grant,
                      "\"assertion\" or \"assertion_file\"", err);
  if (failure == 0 && has_proof && config->client_id == NULL)
    failure = fl_error_set(err, FL_E_INVALID, "auth: a secret or a key needs the \"client_id\" that it belongs to");
  return failure;
}

int fl_auth_config_read(const struct fl_value *value, struct fl_auth_config *ret_config, struct fl_error *err) {
  struct fl_auth_config config = {0};
  struct fl_member member = {0};
  if (!fl_is(value, FL_NULL) && !fl_is(value, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "\"auth\" is not an object");
  int failure = 0;
  while (failure == 0 && fl_next_member(value, &member)) failure = read_member(&member, &config, err);
  if (failure == 0) failure = check_grant(&config, err);
  if (failure == 0) *ret_config = config;
  else fl_auth_config_deinit(&config);
  return failure;
}

void fl_auth_config_deinit(struct fl_auth_config *config) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *place = (char *)config + rows[i].offset;
    if (rows[i].kind == TEXT) fl_free(*(char **)(void *)place);
    if (rows[i].kind == SECRET) fl_secret_deinit((struct fl_secret *)(void *)place);
  }
  *config = (struct fl_auth_config){0};
}

/* ---- clients and tokens ---- */

void fl_auth_client_deinit(struct fl_auth_client *client) {
  fl_free(client->client_id);
  fl_secret_deinit(&client->secret);
  fl_free(client->auth_method);
  fl_free(client->redirect_uri);
  *client = (struct fl_auth_client){0};
}

void fl_auth_client_copy(struct fl_auth_client *to, const struct fl_auth_client *from) {
  fl_auth_client_deinit(to);
  fl_secret_set(&to->secret, fl_secret_slice(&from->secret));
  to->client_id = fl_strdup(from->client_id);
  to->auth_method = fl_strdup(from->auth_method);
  to->redirect_uri = fl_strdup(from->redirect_uri);
  to->expires_at_s = from->expires_at_s;
}

void fl_auth_tokens_deinit(struct fl_auth_tokens *tokens) {
  fl_free(tokens->issuer);
  fl_secret_deinit(&tokens->access);
  fl_secret_deinit(&tokens->refresh);
  fl_free(tokens->scope);
  fl_free(tokens->token_endpoint);
  fl_free(tokens->resource);
  fl_free(tokens->auth_method);
  *tokens = (struct fl_auth_tokens){0};
}

void fl_auth_tokens_move(struct fl_auth_tokens *to, struct fl_auth_tokens *from) {
  fl_auth_tokens_deinit(to);
  *to = *from;
  *from = (struct fl_auth_tokens){0};
}

void fl_auth_tokens_copy(struct fl_auth_tokens *to, const struct fl_auth_tokens *from) {
  fl_auth_tokens_deinit(to);
  *to = (struct fl_auth_tokens){.issuer = fl_strdup(from->issuer),
                                .is_dpop = from->is_dpop,
                                .scope = fl_strdup(from->scope),
                                .expires_at_s = from->expires_at_s,
                                .token_endpoint = fl_strdup(from->token_endpoint),
                                .resource = fl_strdup(from->resource),
                                .auth_method = fl_strdup(from->auth_method)};
  fl_secret_set(&to->access, fl_secret_slice(&from->access));
  fl_secret_set(&to->refresh, fl_secret_slice(&from->refresh));
}

/* ---- as values ---- */

static void set_text(struct fl_value *value, const char *name, const char *text) {
  if (text != NULL) fl_set_string(value, name, text);
}

static void get_text(const struct fl_value *value, const char *name, char **ret_text) {
  *ret_text = fl_strdup(fl_get_string(value, name, NULL));
}

static void get_secret(const struct fl_value *value, const char *name, struct fl_secret *ret_secret) {
  fl_secret_set(ret_secret, fl_slice_of(fl_get_string(value, name, NULL)));
}

struct fl_value *fl_auth_client_write(const struct fl_auth_client *client) {
  struct fl_value *value = fl_object();
  set_text(value, "client_id", client->client_id);
  set_text(value, "client_secret", client->secret.data);
  set_text(value, "auth_method", client->auth_method);
  set_text(value, "redirect_uri", client->redirect_uri);
  fl_set_int(value, "expires_at", client->expires_at_s);
  return value;
}

void fl_auth_client_read(const struct fl_value *value, struct fl_auth_client *ret_client) {
  fl_auth_client_deinit(ret_client);
  get_text(value, "client_id", &ret_client->client_id);
  get_secret(value, "client_secret", &ret_client->secret);
  get_text(value, "auth_method", &ret_client->auth_method);
  get_text(value, "redirect_uri", &ret_client->redirect_uri);
  ret_client->expires_at_s = fl_get_int(value, "expires_at", 0);
}

struct fl_value *fl_auth_tokens_write(const struct fl_auth_tokens *tokens) {
  struct fl_value *value = fl_object();
  set_text(value, "issuer", tokens->issuer);
  set_text(value, "access_token", tokens->access.data);
  set_text(value, "refresh_token", tokens->refresh.data);
  set_text(value, "scope", tokens->scope);
  set_text(value, "token_endpoint", tokens->token_endpoint);
  set_text(value, "resource", tokens->resource);
  set_text(value, "auth_method", tokens->auth_method);
  fl_set_bool(value, "dpop", tokens->is_dpop);
  fl_set_int(value, "expires_at", tokens->expires_at_s);
  return value;
}

void fl_auth_tokens_read(const struct fl_value *value, struct fl_auth_tokens *ret_tokens) {
  fl_auth_tokens_deinit(ret_tokens);
  get_text(value, "issuer", &ret_tokens->issuer);
  get_secret(value, "access_token", &ret_tokens->access);
  get_secret(value, "refresh_token", &ret_tokens->refresh);
  get_text(value, "scope", &ret_tokens->scope);
  get_text(value, "token_endpoint", &ret_tokens->token_endpoint);
  get_text(value, "resource", &ret_tokens->resource);
  get_text(value, "auth_method", &ret_tokens->auth_method);
  ret_tokens->is_dpop = fl_get_bool(value, "dpop", false);
  ret_tokens->expires_at_s = fl_get_int(value, "expires_at", 0);
}

static void wipe_strings(struct fl_value *value) {
  struct fl_member member = {0};
  if (fl_is(value, FL_STRING)) fl_wipe((char *)(uintptr_t)fl_as_string(value), fl_string_size(value));
  for (size_t i = 0; fl_is(value, FL_ARRAY) && i < fl_size(value); i++) wipe_strings(fl_at(value, i));
  while (fl_is(value, FL_OBJECT) && fl_next_member(value, &member)) wipe_strings(member.value);
}

void fl_auth_wipe_value(struct fl_value *value) {
  if (value != NULL && fl_json_is_unshared(value)) wipe_strings(value);
  fl_value_unref(value);
}
