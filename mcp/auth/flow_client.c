/* SPDX-License-Identifier: MIT */
/* Who we are to the authorization server, and the person's consent.
 *
 * Happy path: a client from the configuration, or the one that this issuer gave us before, or our metadata document, or
 * a registration; then the browser; then its redirect with a code.
 * Failure modes: none of these ways is open; the person refuses; the redirect is not for us (state), or not from this
 * issuer (RFC 9207). */
#include "mcp/auth/flow_internal.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/wire/base64.h"

/* ---- scope ---- */

static bool offers(const char *list, const char *word) { return fl_scope_has(list, fl_slice_of(word)); }

/* What the challenge asks, else what the resource knows; with what we had before and what the configuration adds; and
 * leave to refresh, where the server has a word for it. */
static void decide_scope(struct fl_auth_flow *flow) {
  const char *base = flow->challenge_scope != NULL ? flow->challenge_scope : flow->resource.scope;
  FL_FREE_AUTO char *known = fl_scope_union(flow->prior_scope, base);
  FL_FREE_AUTO char *scope = fl_scope_union(known, flow->options.config->scope);
  bool is_lasting = flow->options.config->grant == FL_GRANT_CODE && scope != NULL;
  const char *more = is_lasting && offers(flow->server.scope, "offline_access") ? "offline_access" : NULL;
  fl_free(flow->scope);
  flow->scope = fl_scope_union(scope, more);
}

/* ---- the visit ---- */

static int add_params(struct fl_auth_flow *flow, struct fl_buf *url) {
  char challenge[44];
  uint8_t hash[FL_SHA256_SIZE];
  FL_BUF_AUTO encoded = {0};
  fl_sha256(fl_secret_slice(&flow->verifier), hash);
  fl_base64_encode(&encoded, fl_slice_n((char *)hash, sizeof hash), FL_BASE64_URL);
  memcpy(challenge, encoded.data, sizeof challenge);
  FL_BUF_AUTO query = {0};
  fl_url_add_param(&query, "response_type", FL_SLICE("code"));
  fl_url_add_param(&query, "client_id", fl_slice_of(flow->client.client_id));
  fl_url_add_param(&query, "redirect_uri", fl_slice_of(flow->options.redirect_uri));
  fl_url_add_param(&query, "state", fl_slice_of(flow->state_text));
  fl_url_add_param(&query, "code_challenge", fl_slice_of(challenge));
  fl_url_add_param(&query, "code_challenge_method", FL_SLICE("S256"));
  fl_url_add_param(&query, "resource", fl_slice_of(flow_resource(flow)));
  if (flow->scope != NULL) fl_url_add_param(&query, "scope", fl_slice_of(flow->scope));
  if (offers(flow->scope, "offline_access")) fl_url_add_param(&query, "prompt", FL_SLICE("consent"));
  bool has_query = strchr(flow->server.authorization_endpoint, '?') != NULL;
  fl_buf_addf(url, "%s%c", flow->server.authorization_endpoint, has_query ? '&' : '?');
  return fl_buf_add(url, query.data, query.size);
}

static int visit(struct fl_auth_flow *flow) {
  if (flow->options.redirect_uri == NULL)
    return fl_error_set(&flow->err, FL_E_AUTH,
                        "a person must agree in a browser, and none may be asked here: run 'fairlead mcp login'");
  if (flow->server.authorization_endpoint == NULL)
    return fl_error_set(&flow->err, FL_E_PROTOCOL, "the authorization server names no authorization endpoint");
  int failure = fl_auth_check_url(flow->options.server, flow->server.authorization_endpoint,
                                  "the authorization endpoint", &flow->err);
  if (failure != 0) return failure;
  FL_BUF_AUTO verifier = {0};
  fl_base64_encode(&verifier, fl_slice_n((const char *)flow->event->random, 32), FL_BASE64_URL);
  fl_secret_set(&flow->verifier, fl_buf_slice(&verifier));
  fl_wipe(verifier.data, verifier.capacity);
  fl_hex(flow->event->random + 32, 16, flow->state_text);
  FL_BUF_AUTO url = {0};
  add_params(flow, &url);
  fl_free(flow->url);
  flow->url = fl_buf_take(&url, NULL);
  flow->state = FLOW_VISIT;
  flow_do(flow, FL_DO_AUTH_VISIT)->url = flow->url;
  return 0;
}

/* ---- what comes back ---- */

static int get_param(fl_slice query, const char *name, struct fl_secret *ret_value) {
  FL_BUF_AUTO value = {.limit = FL_URL_SIZE_MAX};
  fl_buf_reserve(&value, query.size < FL_URL_SIZE_MAX ? query.size : FL_URL_SIZE_MAX);
  int found = fl_url_get_param(query, name, &value);
  if (found == 1) fl_secret_set(ret_value, fl_buf_slice(&value));
  fl_buf_wipe(&value);
  return found;
}

/* RFC 9207: an issuer that is named must be ours to the letter; one that promised to be named must be. */
static int check_issuer(struct fl_auth_flow *flow, fl_slice query) {
  FL_SECRET_AUTO iss = {0};
  int found = get_param(query, "iss", &iss);
  if (found == 0 && !flow->server.has_iss) return 0;
  if (found == 0)
    return fl_error_set(&flow->err, FL_E_PROTOCOL, "the redirect does not name its issuer, as %.300s had promised",
                        flow->server.issuer);
  if (found == 1 && fl_slice_equal(fl_secret_slice(&iss), fl_slice_of(flow->server.issuer))) return 0;
  return fl_error_set(&flow->err, FL_E_PROTOCOL, "the redirect comes from another issuer than %.300s",
                      flow->server.issuer);
}

static int check_state(struct fl_auth_flow *flow, fl_slice query) {
  FL_SECRET_AUTO state = {0};
  bool is_ours = get_param(query, "state", &state) == 1 &&
                 fl_equal_in_constant_time(fl_secret_slice(&state), fl_slice_of(flow->state_text));
  return is_ours ? 0 : fl_error_set(&flow->err, FL_E_AUTH, "the redirect is not the answer to our visit (state)");
}

static int refused_by_person(struct fl_auth_flow *flow, const struct fl_secret *error) {
  char shown[64] = "";
  for (size_t i = 0; i < error->size && i < sizeof shown - 1; i++)
    shown[i] = error->data[i] > 0x20 && error->data[i] < 0x7f ? error->data[i] : '?';
  return fl_error_set(&flow->err, FL_E_AUTH, "the authorization was refused: %s", shown);
}

static int read_redirect(struct fl_auth_flow *flow, fl_slice query) {
  FL_SECRET_AUTO error = {0};
  int failure = check_state(flow, query);
  if (failure == 0) failure = check_issuer(flow, query);
  if (failure != 0) return failure;
  if (get_param(query, "error", &error) == 1) return refused_by_person(flow, &error);
  if (get_param(query, "code", &flow->code) != 1 || flow->code.size == 0)
    return fl_error_set(&flow->err, FL_E_PROTOCOL, "the redirect has no code");
  return flow_ask_token(flow);
}

int flow_on_redirect(struct fl_auth_flow *flow) {
  const char *url = flow->event->url, *ours = flow->options.redirect_uri;
  if (url == NULL) return fl_error_set(&flow->err, FL_E_AUTH, "the visit ended without an answer");
  size_t size = strlen(ours);
  if (strncmp(url, ours, size) != 0 || url[size] != (strchr(ours, '?') != NULL ? '&' : '?'))
    return fl_error_set(&flow->err, FL_E_AUTH, "the redirect went elsewhere than to %.300s", ours);
  const char *query = url + size + 1;
  return read_redirect(flow, fl_slice_n(query, strcspn(query, "#")));
}

/* ---- the client ---- */

static int go_on(struct fl_auth_flow *flow) {
  switch (flow->options.config->grant) {
  case FL_GRANT_CODE: return visit(flow);
  case FL_GRANT_ENTERPRISE: return flow_ask_exchange(flow);
  default: return flow_ask_token(flow);
  }
}

static void keep_client(struct fl_auth_flow *flow) {
  struct fl_auth_effect *effect = flow_do(flow, FL_DO_AUTH_KEEP_CLIENT);
  effect->issuer = flow->server.issuer;
  effect->client = &flow->client;
}

void flow_use_config_client(struct fl_auth_flow *flow) {
  const struct fl_auth_config *config = flow->options.config;
  const char *methods = flow->server.auth_methods;
  bool is_post = offers(methods, "client_secret_post") && !offers(methods, "client_secret_basic");
  const char *method = is_post ? "client_secret_post" : "client_secret_basic";
  if (flow->is_refresh && flow->tokens.auth_method != NULL) method = flow->tokens.auth_method;
  else if (config->private_key.size > 0) method = "private_key_jwt";
  else if (config->client_secret.size == 0) method = "none";
  fl_auth_client_deinit(&flow->client);
  flow->client.client_id = fl_strdup(config->client_id);
  flow->client.auth_method = fl_strdup(method);
}

static bool use_known_client(struct fl_auth_flow *flow) {
  const struct fl_auth_client *known = flow->options.find_client(flow->options.user, flow->server.issuer);
  if (known == NULL || known->client_id == NULL) return false;
  bool has_expired = known->expires_at_s > 0 && known->expires_at_s <= flow->event->now_s;
  const char *redirect = flow->options.redirect_uri;
  bool fits = redirect == NULL || (known->redirect_uri != NULL && strcmp(known->redirect_uri, redirect) == 0);
  if (has_expired || !fits) return false;
  fl_auth_client_copy(&flow->client, known);
  flow->is_own_client = true;
  return true;
}

/* The weakest that the server takes is the one for a program on a person's machine: it can keep no secret. */
static const char *choose_method(const struct fl_auth_flow *flow) {
  static const char *const order[] = {"none", "client_secret_basic", "client_secret_post"};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    if (offers(flow->server.auth_methods, order[i])) return order[i];
  return order[1]; /* RFC 8414: what is meant when nothing is said */
}

static struct fl_value *list_of(const char *a, const char *b) {
  struct fl_value *list = fl_array();
  fl_append_take(list, fl_string(a));
  if (b != NULL) fl_append_take(list, fl_string(b));
  return list;
}

static int register_client(struct fl_auth_flow *flow) {
  const struct fl_auth_config *config = flow->options.config;
  int failure = flow_request(flow, flow->server.registration_endpoint, "the registration endpoint");
  if (failure != 0) return failure;
  FL_VALUE_AUTO body = fl_object();
  fl_set_string(body, "client_name", config->client_name != NULL ? config->client_name : "fairlead");
  fl_set_string(body, "application_type", "native");
  fl_set_take(body, "redirect_uris", list_of(flow->options.redirect_uri, NULL));
  fl_set_take(body, "grant_types", list_of("authorization_code", "refresh_token"));
  fl_set_take(body, "response_types", list_of("code", NULL));
  fl_set_string(body, "token_endpoint_auth_method", choose_method(flow));
  if (flow->scope != NULL) fl_set_string(body, "scope", flow->scope);
  FL_BUF_AUTO text = {.limit = FLOW_BODY_MAX};
  fl_json_write(&text, body, FL_JSON_COMPACT);
  fl_secret_set(&flow->body, fl_buf_slice(&text));
  flow_header(flow, "Content-Type", FL_SLICE("application/json"));
  flow->state = FLOW_REGISTER;
  return flow_send(flow, "POST");
}

static int find_way(struct fl_auth_flow *flow) {
  const struct fl_auth_config *config = flow->options.config;
  if (config->grant == FL_GRANT_WORKLOAD) return go_on(flow); /* the assertion says who we are */
  if (config->client_metadata_url != NULL && flow->server.has_cimd) {
    flow->client.client_id = fl_strdup(config->client_metadata_url);
    flow->client.auth_method = fl_strdup("none");
    flow->client.redirect_uri = fl_strdup(flow->options.redirect_uri);
    keep_client(flow);
    return go_on(flow);
  }
  if (use_known_client(flow)) return go_on(flow);
  if (flow->options.redirect_uri == NULL) return visit(flow); /* says that nobody can be asked */
  if (flow->server.registration_endpoint != NULL) return register_client(flow);
  return fl_error_set(&flow->err, FL_E_AUTH,
                      "the authorization server %.300s registers no clients by itself: register one there, for the "
                      "redirect %.200s, and give its \"client_id\" in \"auth\"",
                      flow->server.issuer, flow->options.redirect_uri);
}

int flow_choose_client(struct fl_auth_flow *flow) {
  fl_auth_client_deinit(&flow->client);
  decide_scope(flow);
  if (flow->options.config->client_id == NULL) return find_way(flow);
  flow_use_config_client(flow);
  return go_on(flow);
}

int flow_renew_client(struct fl_auth_flow *flow) {
  flow_do(flow, FL_DO_AUTH_FORGET_CLIENT)->issuer = flow->server.issuer;
  fl_auth_client_deinit(&flow->client);
  flow->was_renewed = true;
  flow->has_nonce_retry = false;
  return register_client(flow);
}

/* What the server made of our registration counts: RFC 7591 lets it change anything. */
static void read_client(struct fl_auth_flow *flow, const struct fl_value *value) {
  fl_auth_client_read(value, &flow->client);
  const char *method = fl_get_string(value, "token_endpoint_auth_method", NULL);
  if (method == NULL) method = choose_method(flow);
  if (flow->client.secret.size == 0) method = "none";
  fl_free(flow->client.auth_method);
  flow->client.auth_method = fl_strdup(method);
  fl_free(flow->client.redirect_uri);
  flow->client.redirect_uri = fl_strdup(flow->options.redirect_uri);
  flow->client.expires_at_s = flow->client.secret.size > 0 ? fl_get_int(value, "client_secret_expires_at", 0) : 0;
}

int flow_on_registered(struct fl_auth_flow *flow) {
  if (flow->event->status != 200 && flow->event->status != 201)
    return flow_refused(flow, FL_E_AUTH, "the registration endpoint");
  struct fl_value *value = NULL;
  int failure = fl_json_read(flow->event->body, FL_JSON_STRICT, &value, &flow->err);
  if (failure != 0) return fl_error_context(&flow->err, "the answer of the registration endpoint");
  read_client(flow, value);
  fl_auth_wipe_value(value);
  if (flow->client.client_id == NULL)
    return fl_error_set(&flow->err, FL_E_PROTOCOL, "the registration endpoint gave no client_id");
  flow->is_own_client = true;
  keep_client(flow);
  return go_on(flow);
}
