/* SPDX-License-Identifier: MIT */
/* The token endpoint: what is asked there by each grant, how the client shows who it is, and what the answer must be.
 *
 * Happy path: one POST, one answer with a token.
 * Failure modes: a nonce is wanted for the proof (once more, with it); the client is not known any more (registered
 * anew, once); everything else ends the flow: no other grant is tried in its place. */
#include "mcp/auth/dpop.h"
#include "mcp/auth/flow_internal.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/wire/base64.h"

#include <strings.h>

#define JWT_BEARER_GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define JWT_BEARER_CLIENT "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define TOKEN_EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange"
#define TYPE_ID_TOKEN "urn:ietf:params:oauth:token-type:id_token"
#define TYPE_ID_JAG "urn:ietf:params:oauth:token-type:id-jag"

enum { ASSERTION_LIFE_S = 300, EXPIRES_IN_MAX_S = 10 * 366 * 86400, TOKEN_SIZE_MAX = 32 * 1024 };

/* ---- who we are ---- */

static const struct fl_secret *secret_of(const struct fl_auth_flow *flow) {
  return flow->options.config->client_id != NULL ? &flow->options.config->client_secret : &flow->client.secret;
}

static int add_basic(struct fl_auth_flow *flow) {
  fl_slice secret = fl_secret_slice(secret_of(flow));
  FL_BUF_AUTO pair = {0}, value = {0};
  fl_buf_reserve(&pair, 3 * (strlen(flow->client.client_id) + secret.size) + 1);
  fl_url_encode(&pair, fl_slice_of(flow->client.client_id));
  fl_buf_add_char(&pair, ':');
  fl_url_encode(&pair, secret);
  fl_buf_reserve(&value, sizeof "Basic " + fl_base64_size(pair.size, FL_BASE64_STANDARD));
  fl_buf_add_text(&value, "Basic ");
  fl_base64_encode(&value, fl_buf_slice(&pair), FL_BASE64_STANDARD);
  flow_header(flow, "Authorization", fl_buf_slice(&value));
  fl_buf_wipe(&pair);
  fl_buf_wipe(&value);
  return 0;
}

/* RFC 7523, section 2.2: signed by our key, for this issuer, for a few minutes. */
static int add_assertion(struct fl_auth_flow *flow, struct fl_buf *body) {
  const struct fl_jose_key *key = flow->options.get_key(flow->options.user, FL_AUTH_KEY_CLIENT, &flow->err);
  if (key == NULL) return flow->err.code;
  char jti[33];
  fl_hex(flow->event->random, 16, jti);
  FL_VALUE_AUTO header = fl_object();
  FL_VALUE_AUTO claims = fl_object();
  fl_set_string(header, "typ", "JWT");
  fl_set_string(claims, "iss", flow->client.client_id);
  fl_set_string(claims, "sub", flow->client.client_id);
  fl_set_string(claims, "aud", flow->is_refresh ? flow->tokens.issuer : flow->server.issuer);
  fl_set_string(claims, "jti", jti);
  fl_set_int(claims, "iat", flow->event->now_s);
  fl_set_int(claims, "exp", flow->event->now_s + ASSERTION_LIFE_S);
  FL_BUF_AUTO token = {0};
  int failure = fl_jwt_write(header, claims, key, &token, &flow->err);
  if (failure != 0) return failure;
  fl_url_add_param(body, "client_assertion_type", FL_SLICE(JWT_BEARER_CLIENT));
  fl_url_add_param(body, "client_assertion", fl_buf_slice(&token));
  return 0;
}

static int add_client(struct fl_auth_flow *flow, struct fl_buf *body) {
  const char *method = flow->client.auth_method;
  if (flow->client.client_id == NULL) return 0;
  if (strcmp(method, "client_secret_basic") == 0) return add_basic(flow);
  fl_url_add_param(body, "client_id", fl_slice_of(flow->client.client_id));
  if (strcmp(method, "client_secret_post") == 0)
    fl_url_add_param(body, "client_secret", fl_secret_slice(secret_of(flow)));
  else if (strcmp(method, "private_key_jwt") == 0) return add_assertion(flow, body);
  else if (strcmp(method, "none") != 0)
    return fl_error_set(&flow->err, FL_E_UNSUPPORTED,
                        "the authorization server wants clients to show who they are by \"%.60s\"", method);
  return 0;
}

static int add_proof(struct fl_auth_flow *flow) {
  if (!flow->wants_dpop) return 0;
  const struct fl_jose_key *key = flow->options.get_key(flow->options.user, FL_AUTH_KEY_DPOP, &flow->err);
  if (key == NULL) return flow->err.code;
  FL_BUF_AUTO proof = {0};
  struct fl_dpop_facts facts = {.method = "POST",
                                .url = flow->url,
                                .nonce = flow->dpop_nonce,
                                .now_s = flow->event->now_s,
                                .jti = flow->event->random + 16};
  int failure = fl_dpop_write(key, &facts, &proof, &flow->err);
  if (failure == 0) flow_header(flow, "DPoP", fl_buf_slice(&proof));
  return failure;
}

/* ---- what is asked ---- */

static int add_grant(struct fl_auth_flow *flow, struct fl_buf *body) {
  const struct fl_auth_config *config = flow->options.config;
  if (flow->is_refresh) {
    fl_url_add_param(body, "grant_type", FL_SLICE("refresh_token"));
    return fl_url_add_param(body, "refresh_token", fl_secret_slice(&flow->tokens.refresh));
  }
  if (config->grant == FL_GRANT_CODE) {
    fl_url_add_param(body, "grant_type", FL_SLICE("authorization_code"));
    fl_url_add_param(body, "code", fl_secret_slice(&flow->code));
    fl_url_add_param(body, "redirect_uri", fl_slice_of(flow->options.redirect_uri));
    return fl_url_add_param(body, "code_verifier", fl_secret_slice(&flow->verifier));
  }
  if (flow->scope != NULL) fl_url_add_param(body, "scope", fl_slice_of(flow->scope));
  if (config->grant == FL_GRANT_CLIENT) return fl_url_add_param(body, "grant_type", FL_SLICE("client_credentials"));
  bool is_workload = config->grant == FL_GRANT_WORKLOAD;
  const struct fl_secret *assertion = is_workload ? &config->assertion : &flow->assertion;
  if (assertion->size == 0) return fl_error_set(&flow->err, FL_E_INVALID, "auth: the assertion is empty");
  fl_url_add_param(body, "grant_type", FL_SLICE(JWT_BEARER_GRANT));
  return fl_url_add_param(body, "assertion", fl_secret_slice(assertion));
}

static int finish_form(struct fl_auth_flow *flow, struct fl_buf *body) {
  if (body->failed) return fl_error_set(&flow->err, FL_E_LIMIT, "the request for a token is too large");
  fl_secret_set(&flow->body, fl_buf_slice(body));
  flow_header(flow, "Content-Type", FL_SLICE("application/x-www-form-urlencoded"));
  return flow_send(flow, "POST");
}

int flow_ask_token(struct fl_auth_flow *flow) {
  const char *endpoint = flow->is_refresh ? flow->tokens.token_endpoint : flow->server.token_endpoint;
  int failure = flow_request(flow, endpoint, "the token endpoint");
  if (failure != 0) return failure;
  struct fl_buf body = {.limit = FLOW_BODY_MAX};
  fl_buf_reserve(&body, FLOW_BODY_MAX); /* grows no more: no copy stays behind */
  failure = add_grant(flow, &body);
  if (failure == 0 && flow_resource(flow) != NULL)
    fl_url_add_param(&body, "resource", fl_slice_of(flow_resource(flow)));
  if (failure == 0) failure = add_client(flow, &body);
  if (failure == 0) failure = add_proof(flow);
  flow->state = FLOW_TOKEN;
  if (failure == 0) failure = finish_form(flow, &body);
  fl_buf_wipe(&body);
  return failure;
}

/* ---- the answer ---- */

static bool is_token(const char *text) {
  if (text == NULL || *text == '\0' || strlen(text) > TOKEN_SIZE_MAX) return false;
  for (; *text != '\0'; text++)
    if (*text <= 0x20 || *text > 0x7e) return false;
  return true;
}

static int read_type(struct fl_auth_flow *flow, const char *type, bool *ret_is_dpop) {
  bool is_dpop = strcasecmp(type, "DPoP") == 0;
  if (!is_dpop && strcasecmp(type, "Bearer") != 0)
    return fl_error_set(&flow->err, FL_E_PROTOCOL, "the token is of a type that is not known here");
  if (is_dpop && !flow->wants_dpop)
    return fl_error_set(&flow->err, FL_E_PROTOCOL, "the token is bound to a key that was never shown (DPoP)");
  if (!is_dpop && flow->options.config->dpop == FL_DPOP_ALWAYS)
    return fl_error_set(&flow->err, FL_E_AUTH, "the token is not bound to our key, and auth.dpop is \"always\"");
  *ret_is_dpop = is_dpop;
  return 0;
}

static void replace(char **place, const char *text) {
  char *copy = fl_strdup(text);
  fl_free(*place);
  *place = copy;
}

static int64_t expiry_of(const struct fl_auth_flow *flow, const struct fl_value *value) {
  int64_t seconds = fl_as_int(fl_get(value, "expires_in"), 0);
  if (seconds > EXPIRES_IN_MAX_S) seconds = EXPIRES_IN_MAX_S;
  return seconds > 0 ? flow->event->now_s + seconds : 0;
}

/* What a refresh does not repeat stays as it was. */
static int read_tokens(struct fl_auth_flow *flow, const struct fl_value *value) {
  struct fl_auth_tokens *tokens = &flow->tokens;
  const char *access = fl_get_string(value, "access_token", NULL);
  const char *refresh = fl_get_string(value, "refresh_token", NULL), *scope = fl_get_string(value, "scope", NULL);
  if (!is_token(access)) return fl_error_set(&flow->err, FL_E_PROTOCOL, "the token endpoint gave no usable token");
  int failure = read_type(flow, fl_get_string(value, "token_type", ""), &tokens->is_dpop);
  if (failure != 0) return failure;
  fl_secret_set(&tokens->access, fl_slice_of(access));
  if (is_token(refresh)) fl_secret_set(&tokens->refresh, fl_slice_of(refresh));
  if (scope != NULL) replace(&tokens->scope, scope);
  else if (!flow->is_refresh) replace(&tokens->scope, flow->scope);
  tokens->expires_at_s = expiry_of(flow, value);
  if (flow->is_refresh) return 0;
  replace(&tokens->issuer, flow->server.issuer);
  replace(&tokens->token_endpoint, flow->server.token_endpoint);
  replace(&tokens->resource, flow->resource.resource);
  replace(&tokens->auth_method, flow->client.auth_method);
  return 0;
}

static int done(struct fl_auth_flow *flow) {
  struct fl_value *value = NULL;
  int failure = fl_json_read(flow->event->body, FL_JSON_STRICT, &value, NULL);
  if (failure != 0) return fl_error_set(&flow->err, FL_E_PROTOCOL, "the answer of the token endpoint is not JSON");
  failure = read_tokens(flow, value);
  fl_auth_wipe_value(value);
  if (failure != 0) return failure;
  fl_secret_deinit(&flow->code);
  fl_secret_deinit(&flow->verifier);
  fl_secret_deinit(&flow->assertion);
  flow_do(flow, FL_DO_AUTH_DONE)->tokens = &flow->tokens;
  flow->state = FLOW_OVER;
  return 0;
}

static bool says(const struct fl_auth_flow *flow, const char *error) {
  struct fl_value *value = NULL;
  if (fl_json_read(flow->event->body, FL_JSON_STRICT, &value, NULL) < 0) return false;
  bool is_it = strcmp(fl_get_string(value, "error", ""), error) == 0;
  fl_value_unref(value);
  return is_it;
}

static bool can_renew(const struct fl_auth_flow *flow) {
  return flow->is_own_client && !flow->was_renewed && flow->server.registration_endpoint != NULL &&
         flow->options.redirect_uri != NULL;
}

int flow_on_token(struct fl_auth_flow *flow) {
  if (flow->event->status == 200) return done(flow);
  if (flow->wants_dpop && !flow->has_nonce_retry && flow->event->dpop_nonce != NULL && says(flow, "use_dpop_nonce")) {
    flow->has_nonce_retry = true;
    replace(&flow->dpop_nonce, flow->event->dpop_nonce);
    return flow_ask_token(flow);
  }
  if (says(flow, "invalid_client")) {
    if (flow->is_refresh) flow_do(flow, FL_DO_AUTH_FORGET_CLIENT)->issuer = flow->tokens.issuer;
    else if (can_renew(flow)) return flow_renew_client(flow);
  }
  bool is_temporary = flow->event->status >= 500 || flow->event->status == 429;
  return flow_refused(flow, is_temporary ? FL_E_REMOTE : FL_E_AUTH, "the token endpoint");
}

/* ---- the identity provider of an enterprise: RFC 8693 ---- */

int flow_ask_exchange(struct fl_auth_flow *flow) {
  const struct fl_auth_config *config = flow->options.config;
  const char *endpoint = config->idp_token_endpoint != NULL ? config->idp_token_endpoint : flow->idp_token_endpoint;
  int failure = flow_request(flow, endpoint, "the token endpoint of the identity provider");
  if (failure != 0) return failure;
  if (config->idp_id_token.size == 0)
    return fl_error_set(&flow->err, FL_E_INVALID, "auth: the identity token is empty");
  struct fl_buf body = {.limit = FLOW_BODY_MAX};
  fl_buf_reserve(&body, FLOW_BODY_MAX);
  fl_url_add_param(&body, "grant_type", FL_SLICE(TOKEN_EXCHANGE));
  fl_url_add_param(&body, "requested_token_type", FL_SLICE(TYPE_ID_JAG));
  fl_url_add_param(&body, "subject_token", fl_secret_slice(&config->idp_id_token));
  fl_url_add_param(&body, "subject_token_type", FL_SLICE(TYPE_ID_TOKEN));
  fl_url_add_param(&body, "audience", fl_slice_of(flow->server.issuer));
  fl_url_add_param(&body, "resource", fl_slice_of(flow_resource(flow)));
  if (flow->scope != NULL) fl_url_add_param(&body, "scope", fl_slice_of(flow->scope));
  if (config->idp_client_id != NULL) fl_url_add_param(&body, "client_id", fl_slice_of(config->idp_client_id));
  if (config->idp_client_secret.size > 0)
    fl_url_add_param(&body, "client_secret", fl_secret_slice(&config->idp_client_secret));
  flow->state = FLOW_EXCHANGE;
  failure = finish_form(flow, &body);
  fl_buf_wipe(&body);
  return failure;
}

int flow_on_exchange(struct fl_auth_flow *flow) {
  if (flow->event->status != 200) return flow_refused(flow, FL_E_AUTH, "the identity provider");
  struct fl_value *value = NULL;
  if (fl_json_read(flow->event->body, FL_JSON_STRICT, &value, NULL) < 0)
    return fl_error_set(&flow->err, FL_E_PROTOCOL, "the answer of the identity provider is not JSON");
  const char *grant = fl_get_string(value, "access_token", NULL);
  bool is_fine = is_token(grant) && strcmp(fl_get_string(value, "issued_token_type", ""), TYPE_ID_JAG) == 0;
  if (is_fine) fl_secret_set(&flow->assertion, fl_slice_of(grant));
  fl_auth_wipe_value(value);
  if (is_fine) return flow_ask_token(flow);
  return fl_error_set(&flow->err, FL_E_PROTOCOL, "the identity provider gave no authorization grant (ID-JAG)");
}
