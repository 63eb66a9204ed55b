/* SPDX-License-Identifier: MIT */
/* The guard of a server: which tokens it takes, with keys made here; what it says to the others; and how it comes by
 * the issuer's keys. */
#include "mcp/auth/challenge.h"
#include "mcp/auth/dpop.h"
#include "mcp/auth/guard.h"
#include "mcp/auth/guard_decide.h"
#include "mcp/auth/guard_seen.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <stdio.h>

#define ISSUER "https://as.test"
#define RESOURCE "https://mcp.test/mcp"
enum { NOW_S = 1767225600 }; /* where the simulated world begins */

struct signer {
  struct fl_jose_key *key;
  const char *kid;
};

static void signer_init(struct signer *signer, enum fl_jose_alg alg, const char *kid) {
  struct fl_error err = {0};
  signer->kid = kid;
  if (fl_jose_generate(alg, &signer->key, &err) < 0) fail_msg("%s", err.text);
}

static struct fl_value *jwk_of(const struct fl_jose_key *key) {
  struct fl_jose_public parts;
  assert_int_equal(fl_jose_key_public(key, &parts, NULL), 0);
  return fl_jwk_write(&parts);
}

/* A JWK set of these, with keys of other kinds among them. */
static char *jwks_of(const struct signer *signers, size_t count) {
  FL_VALUE_AUTO set = fl_object();
  struct fl_value *list = fl_array();
  struct fl_value *other = fl_object();
  fl_set_string(other, "kty", "oct");
  fl_append_take(list, other);
  for (size_t i = 0; i < count; i++) {
    struct fl_value *jwk = jwk_of(signers[i].key);
    if (signers[i].kid != NULL) fl_set_string(jwk, "kid", signers[i].kid);
    fl_append_take(list, jwk);
  }
  fl_set_take(set, "keys", list);
  char *text = fl_dump(set, NULL), *copy = fl_strdup(text);
  fl_text_free(text);
  return copy;
}

/* A token with these members laid over a good one's; null takes a member away. */
static char *token_of(const struct signer *signer, const char *changes, const char *type) {
  FL_VALUE_AUTO header = fl_object();
  FL_VALUE_AUTO claims = fl_object();
  FL_VALUE_AUTO over = NULL;
  FL_BUF_AUTO text = {0};
  assert_int_equal(fl_parse(changes, strlen(changes), &over, NULL), 0);
  if (signer->kid != NULL) fl_set_string(header, "kid", signer->kid);
  if (type != NULL) fl_set_string(header, "typ", type);
  fl_set_string(claims, "iss", ISSUER);
  fl_set_string(claims, "aud", RESOURCE);
  fl_set_string(claims, "sub", "user-1");
  fl_set_string(claims, "scope", "read write");
  fl_set_int(claims, "exp", NOW_S + 600);
  struct fl_member member = {0};
  while (fl_next_member(over, &member)) {
    if (fl_is(member.value, FL_NULL)) fl_unset(claims, member.key);
    else fl_set_take(claims, member.key, fl_value_ref(member.value));
  }
  assert_int_equal(fl_jwt_write(header, claims, signer->key, &text, NULL), 0);
  return fl_buf_take(&text, NULL);
}

/* ---- the decision ---- */

static const struct fl_guard_rules rules = {
    .issuer = ISSUER, .audience = RESOURCE, .scope = "read", .metadata_url = "https://mcp.test/prm"};

struct bench {
  struct signer signers[3];
  struct fl_jwks keys;
};

static struct bench bench; /* for all tests: an RSA key takes its time */

static int bench_init(void **state) {
  static const char *const kids[] = {"ec", "rsa", "ed"};
  for (int i = 0; i < 3; i++) signer_init(&bench.signers[i], (enum fl_jose_alg)(i + 1), kids[i]);
  FL_FREE_AUTO char *set = jwks_of(bench.signers, 3);
  assert_int_equal(fl_jwks_read(fl_slice_of(set), &bench.keys, NULL), 0);
  assert_int_equal(bench.keys.count, 3);
  return 0;
}

static int bench_deinit(void **state) {
  for (int i = 0; i < 3; i++) fl_jose_key_destroy(bench.signers[i].key);
  fl_jwks_deinit(&bench.keys);
  return 0;
}

static void expect(const char *authorization, int status, const char *error) {
  struct fl_guard_decision decision;
  struct fl_guard_request request = {.method = "POST", .url = RESOURCE, .authorization = authorization, .now_s = NOW_S};
  fl_guard_decide(&rules, &bench.keys, &request, &decision);
  if (decision.status != status) fail_msg("%d, %s: %s", decision.status, decision.text, authorization);
  if (error != NULL) assert_string_equal(decision.error != NULL ? decision.error : "none", error);
  assert_int_equal(decision.principal != NULL, status == 200);
  if (status != 200 && authorization != NULL && strlen(authorization) > 40)
    assert_null(strstr(decision.text, authorization + 20));
  fl_guard_decision_deinit(&decision);
}

static void expect_token(const char *changes, const char *type, int status, const char *error) {
  FL_FREE_AUTO char *token = token_of(&bench.signers[0], changes, type);
  FL_FREE_AUTO char *header = fl_format("Bearer %s", token);
  expect(header, status, error);
}

static void tokens_of_every_algorithm_are_taken(void **state) {
  for (int i = 0; i < 3; i++) {
    FL_FREE_AUTO char *token = token_of(&bench.signers[i], "{}", i == 0 ? NULL : "at+jwt");
    FL_FREE_AUTO char *header = fl_format("bearer  %s", token);
    expect(header, 200, NULL);
  }
  struct signer nameless = {.key = bench.signers[0].key}; /* no kid: the only key of the algorithm */
  FL_FREE_AUTO char *token = token_of(&nameless, "{}", "JWT");
  FL_FREE_AUTO char *header = fl_format("Bearer %s", token);
  expect(header, 200, NULL);
}

static void what_a_token_must_say(void **state) {
  expect_token("{\"aud\":[\"x\",\"" RESOURCE "\"]}", NULL, 200, NULL);
  expect_token("{\"scope\":null,\"scp\":[\"write\",\"read\"]}", NULL, 200, NULL);
  expect_token("{\"sub\":null,\"client_id\":\"c\"}", NULL, 200, NULL);
  expect_token("{\"exp\":1767225541,\"nbf\":1767225660}", NULL, 200, NULL); /* within the leeway */
  expect_token("{\"exp\":1767225540}", NULL, 401, "invalid_token");
  expect_token("{\"exp\":null}", NULL, 401, "invalid_token");
  expect_token("{\"exp\":\"never\"}", NULL, 401, "invalid_token");
  expect_token("{\"nbf\":1767225661}", NULL, 401, "invalid_token");
  expect_token("{\"iss\":\"https://as.test/\"}", NULL, 401, "invalid_token");
  expect_token("{\"iss\":null}", NULL, 401, "invalid_token");
  expect_token("{\"aud\":\"https://mcp.test\"}", NULL, 401, "invalid_token");
  expect_token("{\"aud\":null}", NULL, 401, "invalid_token");
  expect_token("{\"sub\":null}", NULL, 401, "invalid_token");
  expect_token("{\"sub\":\"\"}", NULL, 401, "invalid_token");
  expect_token("{\"scope\":\"write\"}", NULL, 403, "insufficient_scope");
  expect_token("{\"scope\":null}", NULL, 403, "insufficient_scope");
  expect_token("{}", "dpop+jwt", 401, "invalid_token");
  expect_token("{}", "oauth-id-jag+jwt", 401, "invalid_token");
  expect_token("{\"cnf\":{\"x5t#S256\":\"x\"}}", NULL, 401, "invalid_token");
}

static void headers_that_are_refused(void **state) {
  expect(NULL, 401, "none");
  expect("", 401, "none");
  expect("Basic YTpi", 401, "none");
  expect("Bearer", 400, "invalid_request");
  expect("Bearer a b", 400, "invalid_request");
  expect("Bearer a,b", 400, "invalid_request");
  expect("Bearer a.b.c", 401, "invalid_token");
}

static void forgeries_are_refused(void **state) {
  struct signer stranger;
  signer_init(&stranger, FL_JOSE_ES256, "ec"); /* our kid, another key */
  FL_FREE_AUTO char *forged = token_of(&stranger, "{}", NULL);
  FL_FREE_AUTO char *forged_header = fl_format("Bearer %s", forged);
  expect(forged_header, 401, "invalid_token");
  struct signer renamed = {.key = bench.signers[0].key, .kid = "rsa"}; /* the kid of a key of another algorithm */
  FL_FREE_AUTO char *crossed = token_of(&renamed, "{}", NULL);
  FL_FREE_AUTO char *crossed_header = fl_format("Bearer %s", crossed);
  expect(crossed_header, 401, "invalid_token");
  FL_FREE_AUTO char *good = token_of(&bench.signers[0], "{}", NULL);
  FL_FREE_AUTO char *header = fl_format("Bearer %s", good);
  expect(header, 200, NULL);
  for (size_t i = strlen("Bearer "); header[i] != '\0'; i++) { /* every character, one bit of its value */
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *place = strchr(alphabet, header[i]);
    char old = header[i];
    if (place == NULL) continue;
    header[i] = alphabet[(place - alphabet) ^ 32];
    expect(header, 401, "invalid_token");
    header[i] = old;
  }
  fl_jose_key_destroy(stranger.key);
}

/* ---- proofs ---- */

struct binding {
  bool is_bound, as_dpop, by_thief, has_proof;
  int status;
  const char *error;
};

static void expect_binding(const struct binding *binding, const char *text, const struct fl_jose_key *key) {
  const uint8_t jti[FL_DPOP_JTI_SIZE] = {1};
  FL_SECRET_AUTO token = {0};
  FL_BUF_AUTO proof = {0};
  fl_secret_set(&token, fl_slice_of(text));
  struct fl_dpop_facts facts = {.method = "POST", .url = RESOURCE, .token = &token, .now_s = NOW_S, .jti = jti};
  assert_int_equal(fl_dpop_write(key, &facts, &proof, NULL), 0);
  FL_FREE_AUTO char *header = fl_format("%s %s", binding->as_dpop ? "DPoP" : "Bearer", token.data);
  struct fl_guard_request request = {.method = "POST",
                                     .url = RESOURCE,
                                     .authorization = header,
                                     .dpop = binding->has_proof ? proof.data : NULL,
                                     .now_s = NOW_S};
  struct fl_guard_decision decision;
  fl_guard_decide(&rules, &bench.keys, &request, &decision);
  if (decision.status != binding->status)
    fail_msg("%d instead of %d: %s", decision.status, binding->status, decision.text);
  if (binding->error != NULL) assert_string_equal(decision.error, binding->error);
  assert_true(decision.is_dpop);
  fl_guard_decision_deinit(&decision);
}

static void bound_tokens(void **state) {
  static const struct binding cases[] = {{true, true, false, true, 200, NULL},
                                         {true, true, true, true, 401, "invalid_token"},
                                         {true, true, false, false, 401, "invalid_dpop_proof"},
                                         {true, false, false, true, 401, "invalid_token"}, /* it is not shaken off */
                                         {false, true, false, true, 401, "invalid_token"}};
  struct fl_jose_key *key = NULL, *thief = NULL;
  struct fl_jose_public parts;
  char thumbprint[FL_JWK_THUMBPRINT_SIZE], changes[128];
  fl_jose_generate(FL_JOSE_ES256, &key, NULL);
  fl_jose_generate(FL_JOSE_ES256, &thief, NULL);
  fl_jose_key_public(key, &parts, NULL);
  fl_jwk_thumbprint(&parts, thumbprint);
  snprintf(changes, sizeof changes, "{\"cnf\":{\"jkt\":\"%s\"}}", thumbprint);
  FL_FREE_AUTO char *bound = token_of(&bench.signers[0], changes, NULL);
  FL_FREE_AUTO char *loose = token_of(&bench.signers[0], "{}", NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    expect_binding(&cases[i], cases[i].is_bound ? bound : loose, cases[i].by_thief ? thief : key);
  fl_jose_key_destroy(key);
  fl_jose_key_destroy(thief);
}

static void a_proof_counts_once(void **state) {
  struct fl_guard_seen seen = {0};
  uint8_t proof[FL_GUARD_SEEN_KEY_SIZE] = {1};
  assert_int_equal(fl_guard_seen_add(&seen, proof, 100), 0);
  assert_int_equal(fl_guard_seen_add(&seen, proof, 100), FL_E_EXISTS);
  assert_int_equal(fl_guard_seen_add(&seen, proof, 100 + FL_GUARD_SEEN_S), FL_E_EXISTS); /* in the generation before */
  assert_int_equal(fl_guard_seen_add(&seen, proof, 100 + 3 * FL_GUARD_SEEN_S), 0);
  proof[0] = 2;
  assert_int_equal(fl_guard_seen_add(&seen, proof, 100 + 3 * FL_GUARD_SEEN_S), 0);
  fl_guard_seen_deinit(&seen);
}

/* ---- the guard in its world ---- */

struct issuer {
  struct fl_world *world;
  struct signer signers[2];
  size_t from, count; /* which of them it publishes */
  int asked_metadata, asked_keys, status;
};

static void respond(struct fl_sim_exchange *exchange, int status, const char *body) {
  fl_sim_respond(exchange, 1, status, NULL);
  fl_sim_body(exchange, 1, fl_slice_of(body));
  fl_sim_finish(exchange, 1);
}

static void on_issuer(struct fl_sim_exchange *exchange) {
  struct issuer *issuer = fl_sim_exchange_user(exchange);
  const char *url = fl_sim_request_url(exchange);
  if (strcmp(url, ISSUER "/.well-known/openid-configuration") == 0) {
    issuer->asked_metadata++;
    respond(exchange, 200, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "/keys\"}");
  } else if (strcmp(url, ISSUER "/keys") == 0) {
    FL_FREE_AUTO char *set = jwks_of(issuer->signers + issuer->from, issuer->count);
    issuer->asked_keys++;
    respond(exchange, issuer->status != 0 ? issuer->status : 200, set);
  } else {
    respond(exchange, 404, "");
  }
}

struct checking {
  struct fl_mcp_guard_check check;
  int calls, status;
  char principal[128], challenge[512];
};

static void on_verdict(struct fl_mcp_guard_check *check, const struct fl_mcp_guard_verdict *verdict) {
  struct checking *checking = check->user;
  checking->calls++;
  checking->status = verdict->status;
  snprintf(checking->principal, sizeof checking->principal, "%s", verdict->principal != NULL ? verdict->principal : "");
  snprintf(checking->challenge, sizeof checking->challenge, "%s",
           verdict->www_authenticate != NULL ? verdict->www_authenticate : "");
}

static void ask(struct fl_mcp_guard *guard, struct checking *checking, const char *header) {
  *checking = (struct checking){
      .check = {.method = "POST", .url = RESOURCE, .authorization = header, .on_verdict = on_verdict}};
  checking->check.user = checking;
  fl_mcp_guard_check(guard, &checking->check);
  assert_int_equal(checking->calls, 0);
}

static void issuer_open(struct issuer *issuer) {
  issuer->world = fl_world_sim_create(3);
  signer_init(&issuer->signers[0], FL_JOSE_ES256, "old");
  signer_init(&issuer->signers[1], FL_JOSE_EDDSA, "new");
  issuer->count = 1;
  fl_world_sim_server(issuer->world,
                      &(struct fl_sim_server){.url_prefix = ISSUER "/", .on_request = on_issuer, .user = issuer});
}

static void issuer_close(struct issuer *issuer) {
  fl_world_destroy(issuer->world);
  for (int i = 0; i < 2; i++) fl_jose_key_destroy(issuer->signers[i].key);
}

static struct fl_mcp_guard *make_guard(struct issuer *issuer) {
  struct fl_mcp_guard *guard = NULL;
  struct fl_error err = {0};
  struct fl_mcp_guard_options options = {.size = sizeof options,
                                         .resource = RESOURCE,
                                         .issuer = ISSUER,
                                         .scopes = (const char *const[]){"read", NULL},
                                         .jwks_pause_ms = 1000};
  if (fl_mcp_guard_create(issuer->world, &options, &guard, &err) < 0) fail_msg("%s", err.text);
  return guard;
}

static void on_closed(void *user) { *(bool *)user = true; }

static void close_guard(struct issuer *issuer, struct fl_mcp_guard *guard) {
  bool is_closed = false;
  fl_mcp_guard_close(guard, on_closed, &is_closed);
  assert_int_equal(fl_world_sim_run(issuer->world), FL_SIM_IDLE);
  assert_true(is_closed);
}

static char *header_of(const struct signer *signer) {
  FL_FREE_AUTO char *token = token_of(signer, "{}", NULL);
  return fl_format("Bearer %s", token);
}

static void keys_are_fetched_once_and_again_when_they_change(void **state) {
  struct issuer issuer = {0};
  struct checking a, b;
  issuer_open(&issuer);
  struct fl_mcp_guard *guard = make_guard(&issuer);
  FL_FREE_AUTO char *old = header_of(&issuer.signers[0]);
  FL_FREE_AUTO char *new = header_of(&issuer.signers[1]);
  ask(guard, &a, old);
  ask(guard, &b, old);
  fl_world_sim_run(issuer.world);
  assert_int_equal(a.status, 200);
  assert_int_equal(b.status, 200);
  assert_string_equal(a.principal, ISSUER "|user-1");
  assert_int_equal(issuer.asked_keys, 1);
  assert_int_equal(issuer.asked_metadata, 1);
  ask(guard, &a, new); /* unknown, but they were asked for just now */
  fl_world_sim_run(issuer.world);
  assert_int_equal(a.status, 401);
  assert_int_equal(issuer.asked_keys, 1);
  issuer.from = 1; /* the issuer turns to another key */
  fl_world_sim_run_until(issuer.world, fl_world_now_ms(issuer.world) + 1500);
  ask(guard, &a, new);
  fl_world_sim_run(issuer.world);
  assert_int_equal(a.status, 200);
  assert_int_equal(issuer.asked_keys, 2);
  fl_world_sim_run_until(issuer.world, fl_world_now_ms(issuer.world) + 1500);
  ask(guard, &a, old); /* withdrawn */
  fl_world_sim_run(issuer.world);
  assert_int_equal(a.status, 401);
  close_guard(&issuer, guard);
  issuer_close(&issuer);
}

static void an_issuer_that_is_away(void **state) {
  struct issuer issuer = {.status = 500};
  struct checking a;
  issuer_open(&issuer);
  struct fl_mcp_guard *guard = make_guard(&issuer);
  FL_FREE_AUTO char *header = header_of(&issuer.signers[0]);
  ask(guard, &a, header);
  fl_world_sim_run(issuer.world);
  assert_int_equal(a.status, 503);
  assert_string_equal(a.challenge, "");
  issuer.status = 200;
  fl_world_sim_run_until(issuer.world, fl_world_now_ms(issuer.world) + 1500);
  ask(guard, &a, header);
  fl_world_sim_run(issuer.world);
  assert_int_equal(a.status, 200);
  issuer.status = 500; /* old keys are better than none */
  fl_world_sim_run_until(issuer.world, fl_world_now_ms(issuer.world) + 4000 * 1000);
  fl_world_sim_set_wall_ms(issuer.world, (int64_t)NOW_S * 1000);
  ask(guard, &a, header);
  fl_world_sim_run(issuer.world);
  assert_int_equal(a.status, 200);
  assert_int_equal(issuer.asked_keys, 3);
  close_guard(&issuer, guard);
  issuer_close(&issuer);
}

static void challenges_say_where_to_go(void **state) {
  struct issuer issuer = {0};
  struct checking a;
  issuer_open(&issuer);
  struct fl_mcp_guard *guard = make_guard(&issuer);
  ask(guard, &a, NULL);
  fl_world_sim_run(issuer.world);
  assert_int_equal(a.status, 401);
  assert_string_equal(
      a.challenge,
      "Bearer scope=\"read\", resource_metadata=\"https://mcp.test/.well-known/oauth-protected-resource/mcp\"");
  FL_FREE_AUTO char *more = fl_mcp_guard_challenge_scope(guard, "write");
  FL_CHALLENGE_AUTO challenge = {0};
  assert_int_equal(fl_challenge_read(fl_slice_of(more), &challenge, NULL), 0);
  assert_string_equal(challenge.error, "insufficient_scope");
  assert_string_equal(challenge.scope, "write");
  assert_null(fl_mcp_guard_metadata(guard, "/mcp"));
  const char *metadata = fl_mcp_guard_metadata(guard, "/.well-known/oauth-protected-resource/mcp");
  assert_non_null(strstr(metadata, "\"resource\":\"" RESOURCE "\",\"authorization_servers\":[\"" ISSUER "\"]"));
  assert_ptr_equal(fl_mcp_guard_metadata(guard, "/.well-known/oauth-protected-resource"), metadata);
  close_guard(&issuer, guard);
  issuer_close(&issuer);
}

static void closing_and_cancelling_in_the_middle(void **state) {
  for (int after_ms = 0; after_ms < 8; after_ms++) {
    struct issuer issuer = {0};
    struct checking a, b;
    bool is_closed = false;
    issuer_open(&issuer);
    struct fl_mcp_guard *guard = make_guard(&issuer);
    FL_FREE_AUTO char *header = header_of(&issuer.signers[0]);
    ask(guard, &a, header);
    ask(guard, &b, header);
    fl_world_sim_run_until(issuer.world, after_ms);
    int calls = b.calls;
    fl_mcp_guard_cancel(guard, &b.check);
    fl_mcp_guard_close(guard, on_closed, &is_closed);
    fl_world_sim_run(issuer.world);
    assert_true(is_closed);
    assert_int_equal(a.calls, 1);
    assert_int_equal(b.calls, calls);
    issuer_close(&issuer);
  }
}

static void options_that_are_refused(void **state) {
  struct issuer issuer = {0};
  struct fl_mcp_guard *guard = NULL;
  issuer_open(&issuer);
  static const struct {
    const char *resource, *issuer, *jwks_uri, *jwks;
  } cases[] = {{"mcp", ISSUER, NULL, NULL},
               {RESOURCE, "http://as.test", NULL, NULL},
               {RESOURCE, ISSUER, "http://as.test/keys", NULL},
               {RESOURCE, ISSUER, NULL, "{\"keys\":[]}"},
               {RESOURCE, ISSUER, NULL, "[]"},
               {RESOURCE "#x", ISSUER, NULL, NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fl_mcp_guard_options options = {.size = sizeof options,
                                           .resource = cases[i].resource,
                                           .issuer = cases[i].issuer,
                                           .jwks_uri = cases[i].jwks_uri,
                                           .jwks = cases[i].jwks};
    assert_true(fl_mcp_guard_create(issuer.world, &options, &guard, NULL) < 0);
  }
  issuer_close(&issuer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tokens_of_every_algorithm_are_taken),
      cmocka_unit_test(what_a_token_must_say),
      cmocka_unit_test(headers_that_are_refused),
      cmocka_unit_test(forgeries_are_refused),
      cmocka_unit_test(bound_tokens),
      cmocka_unit_test(a_proof_counts_once),
      cmocka_unit_test(keys_are_fetched_once_and_again_when_they_change),
      cmocka_unit_test(an_issuer_that_is_away),
      cmocka_unit_test(challenges_say_where_to_go),
      cmocka_unit_test(closing_and_cancelling_in_the_middle),
      cmocka_unit_test(options_that_are_refused),
  };
  return cmocka_run_group_tests(tests, bench_init, bench_deinit);
}
