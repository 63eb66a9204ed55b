/* SPDX-License-Identifier: MIT */
/* Flows as data: the grants of machines, proofs, tokens, refreshing. */
#include "auth_story.h"

/* ---- the other grants ---- */

static void client_credentials_by_secret(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{\"grant\":\"client_credentials\",\"client_id\":\"a:b\",\"client_secret\":\"s%t\"}",
              NULL);
  story_discover(&story, "Bearer scope=x", PRM,
                 "{\"issuer\":\"https://as.example\",\"token_endpoint\":\"https://as.example/token\"}",
                 "POST https://as.example/token [Basic YSUzQWI6cyUyNXQ=] " /* a%3Ab:s%25t */
                 "scope=x&grant_type=client_credentials&resource=https%3A%2F%2Fmcp.example%2Fmcp\n");
  story_answer(&story, 503, "{\"error\":\"temporarily_unavailable\"}",
               "FAIL remote: the token endpoint answered with status 503: temporarily_unavailable\n");
  story_end(&story);
}

static void client_credentials_by_key(void **state) {
  struct story story = {0};
  FL_SECRET_AUTO pem = {0};
  assert_int_equal(fl_jose_generate(FL_JOSE_EDDSA, &story.client_key, NULL), 0);
  story_begin(&story, SERVER,
              "{\"grant\":\"client_credentials\",\"client_id\":\"c\",\"private_key_pem\":\"the tests give the key\"}",
              NULL);
  story_discover(&story, "Bearer", PRM, AS, "POST https://as.example/token grant_type=client_credentials&…");
  char *token = strstr(story.log.data, "client_assertion=");
  assert_non_null(token);
  token += strlen("client_assertion=");
  FL_JWT_AUTO jwt = {0};
  assert_int_equal(fl_jwt_read(fl_slice_n(token, strcspn(token, "&\n")), &jwt, NULL), 0);
  assert_string_equal(fl_get_string(jwt.claims, "iss", ""), "c");
  assert_string_equal(fl_get_string(jwt.claims, "sub", ""), "c");
  assert_string_equal(fl_get_string(jwt.claims, "aud", ""), "https://as.example");
  assert_int_equal(fl_get_int(jwt.claims, "exp", 0), NOW_S + 300);
  assert_int_equal(fl_jose_verify(story.client_key, jwt.signed_part, fl_buf_slice(&jwt.signature)), 0);
  story_answer(&story, 200, TOKEN, "DONE at scope=- until=1060\n");
  story_end(&story);
}

static void an_enterprise_exchanges_its_identity(void **state) {
  struct story story = {0};
  story_begin(
      &story, SERVER,
      "{\"grant\":\"enterprise\",\"client_id\":\"c\",\"client_secret\":\"s\",\"idp_issuer\":\"https://idp.example\","
      "\"idp_client_id\":\"i\",\"idp_id_token\":\"idt\"}",
      NULL);
  story_discover(&story, "Bearer", PRM, AS, "GET https://idp.example/.well-known/oauth-authorization-server\n");
  story_answer(&story, 404, "", "GET https://idp.example/.well-known/openid-configuration\n");
  story_answer(
      &story, 200, "{\"issuer\":\"https://idp.example\",\"token_endpoint\":\"https://idp.example/t\"}",
      "POST https://idp.example/t grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
      "&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid-jag&subject_token=idt"
      "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token&audience=https%3A%2F%2Fas.example"
      "&resource=https%3A%2F%2Fmcp.example%2Fmcp&client_id=i\n");
  story_answer(
      &story, 200,
      "{\"access_token\":\"jag\",\"issued_token_type\":\"urn:ietf:params:oauth:token-type:id-jag\",\"token_type\":"
      "\"N_A\"}",
      "POST https://as.example/token [Basic Yzpz] grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
      "&assertion=jag&resource=https%3A%2F%2Fmcp.example%2Fmcp\n");
  story_answer(&story, 200, TOKEN, "DONE at scope=- until=1060\n");
  story_end(&story);
}

static void an_identity_provider_must_give_a_grant(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER,
              "{\"grant\":\"enterprise\",\"client_id\":\"c\",\"client_secret\":\"s\",\"idp_token_endpoint\":\"https://"
              "idp.example/t\","
              "\"idp_id_token\":\"idt\"}",
              NULL);
  story_discover(&story, "Bearer", PRM, AS, "POST https://idp.example/t …");
  story_answer(&story, 200, "{\"access_token\":\"x\",\"issued_token_type\":\"other\"}",
               "FAIL protocol: the identity provider gave no authorization grant (ID-JAG)\n");
  story_end(&story);
}

static void a_workload_shows_its_assertion_and_does_not_insist(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{\"grant\":\"workload\",\"assertion\":\"jwt\",\"client_id\":\"w\"}", NULL);
  story_discover(
      &story, "Bearer", PRM, AS,
      "POST https://as.example/token grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=jwt"
      "&resource=https%3A%2F%2Fmcp.example%2Fmcp&client_id=w\n");
  story_answer(&story, 400, "{\"error\":\"invalid_grant\"}",
               "FAIL auth: the token endpoint answered with status 400: invalid_grant\n");
  story_end(&story);
}

/* ---- DPoP ---- */

static void a_proof_goes_with_the_request_and_takes_the_nonce(void **state) {
  struct story story = {0};
  assert_int_equal(fl_jose_generate(FL_JOSE_ES256, &story.dpop_key, NULL), 0);
  story_begin(&story, SERVER, "{\"grant\":\"workload\",\"assertion\":\"jwt\"}", NULL);
  story_discover(&story, "DPoP", PRM, AS, "POST https://as.example/token [proof] …");
  struct fl_auth_event wants = {
      .kind = FL_EV_AUTH_ANSWER, .status = 400, .body = FL_SLICE("{\"error\":\"use_dpop_nonce\"}"), .dpop_nonce = "n1"};
  story_step(&story, wants, "POST https://as.example/token [proof] …");
  wants.dpop_nonce = "n2";
  story_step(&story, wants, "FAIL auth: …"); /* once is enough */
  story_end(&story);
}

static void token_types(void **state) {
  static const struct {
    const char *config, *challenge, *type, *expected;
  } cases[] = {
      {"", "DPoP", "DPoP", "DONE …"},
      {"", "DPoP", "Bearer", "DONE …"},
      {"", "Bearer", "DPoP", "FAIL protocol: …"},
      {",\"dpop\":\"always\"", "Bearer", "dpop", "DONE …"},
      {",\"dpop\":\"always\"", "Bearer", "Bearer", "FAIL auth: …"},
      {",\"dpop\":\"never\"", "DPoP", "Bearer", "DONE …"},
      {"", "Bearer", "mac", "FAIL protocol: …"},
      {"", "Bearer", "", "FAIL protocol: …"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct story story = {0};
    FL_FREE_AUTO char *config = fl_format("{\"grant\":\"workload\",\"assertion\":\"jwt\"%s}", cases[i].config);
    FL_FREE_AUTO char *token = fl_format("{\"access_token\":\"at\",\"token_type\":\"%s\"}", cases[i].type);
    assert_int_equal(fl_jose_generate(FL_JOSE_ES256, &story.dpop_key, NULL), 0);
    story_begin(&story, SERVER, config, NULL);
    story_discover(&story, cases[i].challenge, PRM, AS, "POST …");
    story_answer(&story, 200, token, cases[i].expected);
    story_end(&story);
  }
}

static void answers_that_are_no_tokens(void **state) {
  static const char *const bodies[] = {"",
                                       "[]",
                                       "{}",
                                       "{\"access_token\":5,\"token_type\":\"Bearer\"}",
                                       "{\"access_token\":\"\",\"token_type\":\"Bearer\"}",
                                       "{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}",
                                       "{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"Bearer\"}"};
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    struct story story = {0};
    story_begin(&story, SERVER, "{\"grant\":\"workload\",\"assertion\":\"jwt\"}", NULL);
    story_discover(&story, "Bearer", PRM, AS, "POST …");
    story_answer(&story, 200, bodies[i], "FAIL protocol: …");
    story_end(&story);
  }
}

/* ---- refresh ---- */

static void refresh(struct story *story, const char *expected) {
  struct fl_auth_tokens tokens = {.issuer = fl_strdup("https://as.example"),
                                  .token_endpoint = fl_strdup("https://as.example/token"),
                                  .resource = fl_strdup(SERVER),
                                  .scope = fl_strdup("a"),
                                  .auth_method = fl_strdup("none")};
  fl_secret_set(&tokens.access, FL_SLICE("old"));
  fl_secret_set(&tokens.refresh, FL_SLICE("r1"));
  story_step(story, (struct fl_auth_event){.kind = FL_EV_AUTH_REFRESH, .tokens = &tokens}, expected);
  fl_auth_tokens_deinit(&tokens);
}

#define REFRESHING                                                                    \
  "POST https://as.example/token grant_type=refresh_token&refresh_token=r1&resource=" \
  "https%3A%2F%2Fmcp.example%2Fmcp&client_id=c\n"

static void a_refresh_keeps_what_is_not_said_again(void **state) {
  struct story story = {.known_issuer = "https://as.example"};
  story.known = (struct fl_auth_client){.client_id = fl_strdup("c"), .auth_method = fl_strdup("none")};
  story_begin(&story, SERVER, "{}", BACK);
  refresh(&story, REFRESHING);
  story_answer(&story, 200, "{\"access_token\":\"new\",\"token_type\":\"bearer\",\"expires_in\":10}",
               "DONE new scope=a until=1010\n");
  assert_string_equal(story.tokens.refresh.data, "r1");
  assert_string_equal(story.tokens.resource, SERVER);
  story_end(&story);
}

static void a_refresh_that_fails(void **state) {
  static const struct {
    int status;
    const char *body, *expected;
  } cases[] = {
      {400, "{\"error\":\"invalid_grant\"}", "FAIL auth: the token endpoint answered with status 400: invalid_grant\n"},
      {401, "{\"error\":\"invalid_client\"}", "FORGET https://as.example\nFAIL auth: …"},
      {502, "<html>", "FAIL remote: the token endpoint answered with status 502\n"},
      {429, "", "FAIL remote: …"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct story story = {.known_issuer = "https://as.example"};
    story.known = (struct fl_auth_client){.client_id = fl_strdup("c"), .auth_method = fl_strdup("none")};
    story_begin(&story, SERVER, "{}", BACK);
    refresh(&story, REFRESHING);
    story_answer(&story, cases[i].status, cases[i].body, cases[i].expected);
    story_end(&story);
  }
}

static void a_refresh_needs_the_client(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{}", BACK);
  refresh(&story, "FAIL auth: there is nothing to refresh the token with\n");
  story_end(&story);
}

static void a_request_that_fails_ends_it(void **state) {
  struct story story = {0};
  struct fl_error err = {.code = FL_E_NETWORK, .text = "no way"};
  story_begin(&story, SERVER, "{}", BACK);
  story_start(&story, "Bearer", "GET " PRM_URL "\n");
  story_step(&story, (struct fl_auth_event){.kind = FL_EV_AUTH_FAILED, .err = &err}, "FAIL network: no way\n");
  story_end(&story);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(client_credentials_by_secret),
      cmocka_unit_test(client_credentials_by_key),
      cmocka_unit_test(an_enterprise_exchanges_its_identity),
      cmocka_unit_test(an_identity_provider_must_give_a_grant),
      cmocka_unit_test(a_workload_shows_its_assertion_and_does_not_insist),
      cmocka_unit_test(a_proof_goes_with_the_request_and_takes_the_nonce),
      cmocka_unit_test(token_types),
      cmocka_unit_test(answers_that_are_no_tokens),
      cmocka_unit_test(a_refresh_keeps_what_is_not_said_again),
      cmocka_unit_test(a_refresh_that_fails),
      cmocka_unit_test(a_refresh_needs_the_client),
      cmocka_unit_test(a_request_that_fails_ends_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
