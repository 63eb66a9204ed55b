/* SPDX-License-Identifier: MIT */
#include "mcp/auth/guard_decide.h"
#include "mcp/auth/challenge.h"
#include "mcp/auth/dpop.h"
#include "runtime/base/mem.h"

#include <stdio.h>
#include <strings.h>

void fl_guard_decision_deinit(struct fl_guard_decision *decision) {
  fl_free(decision->principal);
  fl_value_unref(decision->claims);
  decision->principal = NULL;
  decision->claims = NULL;
}

void fl_guard_refuse(struct fl_guard_decision *decision, int status, const char *error, const char *text) {
  fl_guard_decision_deinit(decision);
  decision->status = status;
  decision->error = error;
  snprintf(decision->text, sizeof decision->text, "%.*s", (int)sizeof decision->text - 1, text);
}

static bool refuse(struct fl_guard_decision *decision, int status, const char *error, const char *text) {
  fl_guard_refuse(decision, status, error, text);
  return false;
}

static bool no_token(struct fl_guard_decision *decision, const char *text) {
  return refuse(decision, 401, "invalid_token", text);
}

/* ---- the header ---- */

/* token68 of RFC 9110: what else stands there is no token. */
static bool is_token68(fl_slice text) {
  size_t i = 0;
  for (; i < text.size; i++) {
    char c = text.data[i];
    bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_word && (c == '\0' || strchr("-._~+/", c) == NULL)) break;
  }
  size_t body = i;
  while (i < text.size && text.data[i] == '=') i++;
  return body > 0 && i == text.size;
}

static bool read_header(const struct fl_guard_request *request, struct fl_guard_decision *decision,
                        fl_slice *ret_token) {
  const char *header = request->authorization;
  if (header == NULL) return refuse(decision, 401, NULL, "no token was given");
  size_t size = strcspn(header, " ");
  bool is_bearer = size == 6 && strncasecmp(header, "Bearer", 6) == 0;
  bool is_dpop = size == 4 && strncasecmp(header, "DPoP", 4) == 0;
  if (!is_bearer && !is_dpop) return refuse(decision, 401, NULL, "the scheme is neither Bearer nor DPoP");
  decision->is_dpop = is_dpop;
  *ret_token = fl_slice_of(header + size + strspn(header + size, " "));
  if (!is_token68(*ret_token)) return refuse(decision, 400, "invalid_request", "the header Authorization has no token");
  return true;
}

/* ---- the token ---- */

static bool has_type(const struct fl_value *header) {
  const char *type = fl_get_string(header, "typ", "JWT");
  return strcasecmp(type, "JWT") == 0 || strcasecmp(type, "at+jwt") == 0 || strcasecmp(type, "application/at+jwt") == 0;
}

static bool check_time(const struct fl_value *claims, int64_t now_s, struct fl_guard_decision *decision) {
  const struct fl_value *exp = fl_get(claims, "exp"), *nbf = fl_get(claims, "nbf");
  if (!fl_is_number(exp)) return no_token(decision, "the token does not say when it ends (exp)");
  if (fl_as_double(exp, 0) <= (double)(now_s - FL_GUARD_LEEWAY_S)) return no_token(decision, "the token has expired");
  if (nbf != NULL && (!fl_is_number(nbf) || fl_as_double(nbf, 0) > (double)(now_s + FL_GUARD_LEEWAY_S)))
    return no_token(decision, "the token is not valid yet");
  return true;
}

static bool check_claims(const struct fl_guard_rules *rules, const struct fl_jwt *jwt, int64_t now_s,
                         struct fl_guard_decision *decision) {
  if (!has_type(jwt->header)) return no_token(decision, "it is a token for another use (typ)");
  if (strcmp(fl_get_string(jwt->claims, "iss", ""), rules->issuer) != 0)
    return no_token(decision, "the token is from another issuer");
  if (!fl_jwt_has_audience(jwt->claims, rules->audience))
    return no_token(decision, "the token is for another audience");
  return check_time(jwt->claims, now_s, decision);
}

static bool check_signature(const struct fl_jwks *keys, const struct fl_jwt *jwt, struct fl_guard_decision *decision) {
  const struct fl_jose_key *key = fl_jwks_find(keys, fl_get_string(jwt->header, "kid", NULL), jwt->alg);
  decision->wants_keys = key == NULL;
  if (key == NULL) return no_token(decision, "the token is signed with a key that is not known");
  if (fl_jose_verify(key, jwt->signed_part, fl_buf_slice(&jwt->signature)) != 0)
    return no_token(decision, "the token's signature is wrong");
  return true;
}

/* `scope` of RFC 9068, or a list in `scp` as some issuers have it. */
static char *scope_of(const struct fl_value *claims) {
  const struct fl_value *list = fl_get(claims, "scp");
  FL_BUF_AUTO words = {0};
  if (fl_get_string(claims, "scope", NULL) != NULL) return fl_strdup(fl_get_string(claims, "scope", NULL));
  if (fl_is(list, FL_STRING)) return fl_strdup(fl_as_string(list));
  for (size_t i = 0; fl_is(list, FL_ARRAY) && i < fl_size(list); i++)
    if (fl_is(fl_at(list, i), FL_STRING)) fl_buf_addf(&words, "%s ", fl_as_string(fl_at(list, i)));
  return words.size > 0 ? fl_buf_take(&words, NULL) : NULL;
}

static bool check_scope(const struct fl_guard_rules *rules, const struct fl_value *claims,
                        struct fl_guard_decision *decision) {
  FL_FREE_AUTO char *scope = scope_of(claims);
  if (fl_scope_covers(scope, rules->scope)) return true;
  return refuse(decision, 403, "insufficient_scope", "the token has not all scopes that are needed");
}

/* ---- the proof ---- */

static bool check_proof(const struct fl_guard_request *request, fl_slice token, const char *thumbprint,
                        struct fl_guard_decision *decision) {
  char shown[FL_JWK_THUMBPRINT_SIZE];
  struct fl_error err = {0};
  FL_SECRET_AUTO secret = {0};
  fl_secret_set(&secret, token);
  struct fl_dpop_facts facts = {
      .method = request->method, .url = request->url, .token = &secret, .now_s = request->now_s};
  if (request->dpop == NULL) return refuse(decision, 401, "invalid_dpop_proof", "the proof (DPoP) is missing");
  if (fl_dpop_read(fl_slice_of(request->dpop), &facts, shown, decision->proof, &err) < 0)
    return refuse(decision, 401, "invalid_dpop_proof", err.text);
  if (strcmp(shown, thumbprint) != 0) return no_token(decision, "the proof is of another key than the token's");
  decision->has_proof = true;
  return true;
}

/* RFC 9449, section 7: a bound token is never taken as a bearer's, and a bearer's is not bound by the scheme. */
static bool check_binding(const struct fl_guard_rules *rules, const struct fl_guard_request *request, fl_slice token,
                          const struct fl_jwt *jwt, struct fl_guard_decision *decision) {
  const struct fl_value *binding = fl_get(jwt->claims, "cnf");
  const char *thumbprint = fl_get_string(binding, "jkt", NULL);
  bool is_dpop = decision->is_dpop;
  decision->is_dpop = is_dpop || thumbprint != NULL || rules->requires_dpop;
  if (binding != NULL && thumbprint == NULL) return no_token(decision, "the token is bound in a way that is not known");
  if (thumbprint == NULL && is_dpop) return no_token(decision, "the token is not bound to a key");
  if (thumbprint == NULL && rules->requires_dpop) return no_token(decision, "only tokens bound to a key are taken");
  if (thumbprint == NULL) return true;
  if (!is_dpop) return no_token(decision, "the token is bound to a key and came without the scheme DPoP");
  return check_proof(request, token, thumbprint, decision);
}

/* ---- all of it ---- */

static bool is_name(const char *text) {
  for (; text != NULL && *text != '\0'; text++)
    if ((unsigned char)*text < ' ' || *text == 0x7f) return false;
  return true;
}

/* Two tokens have one principal when they are for the same subject, or the same client without a subject: a subject
 * that looks like a client, or like what is put before it here, gets something before it. */
static char *principal_of(const struct fl_value *claims) {
  const char *issuer = fl_get_string(claims, "iss", ""), *subject = fl_get_string(claims, "sub", NULL);
  const char *client = fl_get_string(claims, "client_id", fl_get_string(claims, "azp", NULL));
  if (!is_name(subject) || !is_name(client)) return NULL;
  if (subject != NULL && *subject != '\0') {
    bool is_marked = strncmp(subject, "client:", 7) == 0 || strncmp(subject, "sub:", 4) == 0;
    return fl_format("%s|%s%s", issuer, is_marked ? "sub:" : "", subject);
  }
  return client != NULL && *client != '\0' ? fl_format("%s|client:%s", issuer, client) : NULL;
}

void fl_guard_decide(const struct fl_guard_rules *rules, const struct fl_jwks *keys,
                     const struct fl_guard_request *request, struct fl_guard_decision *ret_decision) {
  struct fl_guard_decision *decision = ret_decision;
  struct fl_error err = {0};
  fl_slice token;
  FL_JWT_AUTO jwt = {0};
  *decision = (struct fl_guard_decision){.is_dpop = rules->requires_dpop};
  if (!read_header(request, decision, &token)) return;
  if (fl_jwt_read(token, &jwt, &err) < 0) {
    no_token(decision, err.text);
    return;
  }
  if (!check_claims(rules, &jwt, request->now_s, decision) || !check_signature(keys, &jwt, decision)) return;
  if (!check_binding(rules, request, token, &jwt, decision) || !check_scope(rules, jwt.claims, decision)) return;
  decision->principal = principal_of(jwt.claims);
  if (decision->principal == NULL) {
    no_token(decision, "the token does not say in one line for whom it is (sub, client_id)");
    return;
  }
  decision->status = 200;
  decision->claims = fl_value_ref(jwt.claims);
}

char *fl_guard_challenge(const struct fl_guard_rules *rules, const struct fl_guard_decision *decision) {
  FL_BUF_AUTO header = {0};
  fl_buf_add_text(&header, decision->is_dpop ? "DPoP " : "Bearer ");
  if (decision->is_dpop) fl_challenge_add(&header, "algs", "ES256 RS256 EdDSA");
  if (decision->error != NULL) fl_challenge_add(&header, "error", decision->error);
  if (decision->error != NULL) fl_challenge_add(&header, "error_description", decision->text);
  if (rules->scope != NULL) fl_challenge_add(&header, "scope", rules->scope);
  fl_challenge_add(&header, "resource_metadata", rules->metadata_url);
  return fl_buf_take(&header, NULL);
}
