/* SPDX-License-Identifier: MIT */
/* Flows as data: discovery, the client, the person. Each test is one story, and the log is what went over the wire. */
#include "auth_story.h"

static void the_whole_way(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{}", BACK);
  story_start(&story, "Bearer scope=\"a b\", resource_metadata=\"https://mcp.example/prm\"",
              "GET https://mcp.example/prm\n");
  story_answer(&story, 200, PRM, "GET " AS_URL "\n");
  story_answer(&story, 200, AS,
               "POST https://as.example/reg "
               "{\"client_name\":\"fairlead\",\"application_type\":\"native\",\"redirect_uris\":[\"" BACK
               "\"],\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"],"
               "\"token_endpoint_auth_method\":\"none\",\"scope\":\"a b\"}\n");
  story_answer(&story, 201, "{\"client_id\":\"c1\"}",
               "KEEP https://as.example c1 none\n"
               "VISIT https://as.example/auth?response_type=code&client_id=c1"
               "&redirect_uri=http%3A%2F%2F127.0.0.1%3A1234%2Fcallback&state=" STATE("04") "&code_challenge=…");
  assert_non_null(
      strstr(story.last_url, "&code_challenge_method=S256&resource=https%3A%2F%2Fmcp.example%2Fmcp&scope=a%20b"));
  char challenge[FL_JWK_THUMBPRINT_SIZE];
  fl_sha256_text(FL_SLICE("BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ"), challenge); /* 32 times 4, in base64url */
  assert_non_null(strstr(story.last_url, challenge));
  story_redirect(&story, BACK "?code=the%2Dcode&state=" STATE("04"),
                 "POST https://as.example/token grant_type=authorization_code&code=the-code"
                 "&redirect_uri=http%3A%2F%2F127.0.0.1%3A1234%2Fcallback"
                 "&code_verifier=BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ&resource=https%3A%2F%2Fmcp.example%2Fmcp"
                 "&client_id=c1\n");
  story_answer(&story, 200, TOKEN, "DONE at scope=a b until=1060\n");
  assert_string_equal(story.tokens.refresh.data, "rt");
  assert_string_equal(story.tokens.issuer, "https://as.example");
  story_end(&story);
}

static void places_are_asked_in_order(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{}", BACK);
  story_start(&story, "Bearer", "GET " PRM_URL "\n");
  story_answer(&story, 404, "", "GET https://mcp.example/.well-known/oauth-protected-resource\n");
  story_answer(&story, 200,
               "{\"resource\":\"https://mcp.example\",\"authorization_servers\":[\"https://as.example/t\"]}",
               "GET https://as.example/.well-known/oauth-authorization-server/t\n");
  story_answer(&story, 404, "", "GET https://as.example/.well-known/openid-configuration/t\n");
  story_answer(&story, 500, "", "GET https://as.example/t/.well-known/openid-configuration\n");
  story_answer(&story, 404, "",
               "FAIL protocol: the authorization server https://as.example/t has no metadata (status 404)\n");
  story_end(&story);
}

static void without_metadata_the_server_is_its_own(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{}", BACK);
  story_start(&story, "", "GET " PRM_URL "\n");
  story_answer(&story, 404, "", "GET https://mcp.example/.well-known/oauth-protected-resource\n");
  story_answer(&story, 404, "", "GET https://mcp.example/.well-known/oauth-authorization-server\n");
  story_answer(&story, 404, "", "GET https://mcp.example/.well-known/openid-configuration\n");
  story_answer(&story, 404, "", "POST https://mcp.example/register …");
  story_answer(&story, 201, "{\"client_id\":\"c\"}",
               "KEEP https://mcp.example c none\nVISIT https://mcp.example/authorize?…");
  story_end(&story);
}

static void only_redirects_within_the_origin_are_followed(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{}", BACK);
  story_start(&story, "Bearer", "GET " PRM_URL "\n");
  struct fl_auth_event moved = {.kind = FL_EV_AUTH_ANSWER, .status = 302, .location = "/elsewhere"};
  story_step(&story, moved, "GET https://mcp.example/elsewhere\n");
  moved.location = "https://evil.example/prm";
  story_step(&story, moved, "GET https://mcp.example/.well-known/oauth-protected-resource\n");
  moved.location = "/a";
  story_step(&story, moved, "GET https://mcp.example/a\n");
  story_step(&story, moved, "GET https://mcp.example/a\n");
  story_step(&story, moved, "GET https://mcp.example/.well-known/oauth-authorization-server\n"); /* enough of it */
  story_end(&story);
}

/* ---- what is not believed ---- */

static void fails_in_discovery(const char *prm, const char *as, const char *expected) {
  struct story story = {0};
  story_begin(&story, SERVER, "{}", BACK);
  story_start(&story, "Bearer", "GET " PRM_URL "\n");
  if (as == NULL) {
    story_answer(&story, 200, prm, expected);
  } else {
    story_answer(&story, 200, prm, "GET " AS_URL "\n");
    story_answer(&story, 200, as, expected);
  }
  story_end(&story);
}

static void metadata_that_are_not_believed(void **state) {
  fails_in_discovery(
      "{\"resource\":\"https://evil.example/\",\"authorization_servers\":[\"https://as.example\"]}", NULL,
      "FAIL protocol: the metadata are those of another resource (https://evil.example/), not of " SERVER "\n");
  fails_in_discovery("{}", NULL, "FAIL protocol: …");
  fails_in_discovery("no", NULL, "FAIL syntax: …");
  fails_in_discovery("{\"resource\":\"" SERVER "\",\"authorization_servers\":[\"http://as.example\"]}", NULL,
                     "FAIL denied: the authorization server is not https: http://as.example\n");
  fails_in_discovery("{\"resource\":\"" SERVER "\",\"authorization_servers\":[\"https://localhost\"]}", NULL,
                     "FAIL denied: the authorization server is on this machine …");
  fails_in_discovery(PRM, "{\"issuer\":\"https://as.example/\",\"token_endpoint\":\"https://as.example/token\"}",
                     "FAIL protocol: the metadata of the authorization server https://as.example are those of another "
                     "issuer, https://as.example/\n");
  fails_in_discovery(PRM, "{\"issuer\":\"https://as.example\",\"token_endpoint\":\"https://as.example/token\"}",
                     "FAIL protocol: the authorization server https://as.example does not say that it can PKCE …");
  fails_in_discovery(PRM, "{\"issuer\":\"https://as.example\"}",
                     "FAIL protocol: the authorization server https://as.example names no token endpoint\n");
  fails_in_discovery(PRM, AS_HEAD "}", "FAIL auth: the authorization server https://as.example registers no clients …");
  fails_in_discovery(PRM, AS_HEAD ",\"registration_endpoint\":\"http://as.example/reg\"}",
                     "FAIL denied: the registration endpoint is not https: http://as.example/reg\n");
}

/* ---- the redirect ---- */

#define AS_ISS AS_HEAD ",\"authorization_response_iss_parameter_supported\":true}"

static void after_redirect(const char *as, const char *url, const char *expected) {
  struct story story = {0};
  story_begin(&story, SERVER, "{\"client_id\":\"c\"}", BACK);
  story_discover(&story, "Bearer", PRM, as, "VISIT …"); /* the third step: state is 03 */
  story_redirect(&story, url, expected);
  story_end(&story);
}

static void redirects(void **state) {
  static const char token[] = "POST https://as.example/token …";
  after_redirect(AS, BACK "?code=x&state=" STATE("03"), token);
  after_redirect(AS, BACK "?code=x&state=" STATE("03") "&iss=https%3A%2F%2Fas.example", token);
  after_redirect(AS_ISS, BACK "?code=x&state=" STATE("03") "&iss=https%3A%2F%2Fas.example", token);
  after_redirect(AS_ISS, BACK "?code=x&state=" STATE("03"), "FAIL protocol: the redirect does not name its issuer, …");
  after_redirect(AS, BACK "?code=x&state=" STATE("03") "&iss=https%3A%2F%2Fevil.example",
                 "FAIL protocol: the redirect comes from another issuer than https://as.example\n");
  after_redirect(AS_ISS, BACK "?code=x&state=" STATE("03") "&iss=https%3A%2F%2Fas.example%2F",
                 "FAIL protocol: the redirect comes from another issuer …");
  after_redirect(AS, BACK "?code=x&state=" STATE("04"),
                 "FAIL auth: the redirect is not the answer to our visit (state)\n");
  after_redirect(AS, BACK "?code=x", "FAIL auth: the redirect is not the answer …");
  after_redirect(AS, BACK "?state=" STATE("03"), "FAIL protocol: the redirect has no code\n");
  after_redirect(AS, BACK "?error=access_denied&state=" STATE("03"),
                 "FAIL auth: the authorization was refused: access_denied\n");
  after_redirect(AS, "http://127.0.0.1:1234/callbackx?code=x&state=" STATE("03"),
                 "FAIL auth: the redirect went elsewhere …");
  after_redirect(AS, NULL, "FAIL auth: the visit ended without an answer\n");
}

/* ---- scopes ---- */

static void asks_scope(const char *challenge, const char *prm_scopes, const char *as_scopes, const char *expected) {
  struct story story = {0};
  FL_FREE_AUTO char *prm =
      fl_format("{\"resource\":\"" SERVER "\",\"authorization_servers\":[\"https://as.example\"]%s}", prm_scopes);
  FL_FREE_AUTO char *as = fl_format(AS_HEAD "%s}", as_scopes);
  story_begin(&story, SERVER, "{\"client_id\":\"c\"}", BACK);
  story_discover(&story, challenge, prm, as, "VISIT …");
  const char *scope = strstr(story.last_url, "&scope=");
  assert_string_equal(scope != NULL ? scope : "", expected);
  story_end(&story);
}

static void scope_is_chosen(void **state) {
  asks_scope("Bearer", "", "", "");
  asks_scope("Bearer scope=\"a\"", ",\"scopes_supported\":[\"b\"]", "", "&scope=a");
  asks_scope("Bearer", ",\"scopes_supported\":[\"b\",\"c\"]", "", "&scope=b%20c");
  asks_scope("Bearer", ",\"scopes_supported\":[\"b\"]", ",\"scopes_supported\":[\"offline_access\"]",
             "&scope=b%20offline_access&prompt=consent");
  asks_scope("Bearer", "", ",\"scopes_supported\":[\"offline_access\"]", "");
}

static void a_step_up_keeps_what_there_was(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{\"client_id\":\"c\"}", BACK);
  FL_CHALLENGE_AUTO challenge = {.scheme = FL_CHALLENGE_BEARER, .scope = fl_strdup("write")};
  story_step(&story, (struct fl_auth_event){.kind = FL_EV_AUTH_START, .challenge = &challenge, .scope = "read"},
             "GET " PRM_URL "\n");
  story_answer(&story, 200, PRM, "GET " AS_URL "\n");
  story_answer(&story, 200, AS, "VISIT …");
  assert_non_null(strstr(story.last_url, "&scope=read%20write"));
  story_end(&story);
}

/* ---- clients ---- */

static void a_known_client_is_not_registered_again(void **state) {
  struct story story = {.known_issuer = "https://as.example"};
  story.known = (struct fl_auth_client){
      .client_id = fl_strdup("old"), .auth_method = fl_strdup("client_secret_post"), .redirect_uri = fl_strdup(BACK)};
  fl_secret_set(&story.known.secret, FL_SLICE("s"));
  story_begin(&story, SERVER, "{}", BACK);
  story_discover(&story, "Bearer", PRM, AS, "VISIT https://as.example/auth?response_type=code&client_id=old&…");
  story_redirect(&story, BACK "?code=x&state=" STATE("03"), "POST https://as.example/token …");
  assert_non_null(strstr(story.log.data, "&client_id=old&client_secret=s\n"));
  /* It is not known there any more: registered anew, once, and the person is asked again. */
  story_answer(&story, 401, "{\"error\":\"invalid_client\"}", "FORGET https://as.example\n" REGISTRATION);
  story_answer(&story, 201, "{\"client_id\":\"new\"}", "KEEP https://as.example new none\nVISIT …");
  story_redirect(&story, BACK "?code=y&state=" STATE("06"), "POST …");
  story_answer(&story, 401, "{\"error\":\"invalid_client\",\"error_description\":\"a\\nb\"}",
               "FAIL auth: the token endpoint answered with status 401: invalid_client, a?b\n");
  story_end(&story);
}

static void a_client_of_another_issuer_or_redirect_is_not_used(void **state) {
  struct story story = {.known_issuer = "https://other.example"};
  story.known = (struct fl_auth_client){
      .client_id = fl_strdup("old"), .auth_method = fl_strdup("none"), .redirect_uri = fl_strdup(BACK)};
  story_begin(&story, SERVER, "{}", BACK);
  story_discover(&story, "Bearer", PRM, AS, REGISTRATION);
  story_end(&story);
  struct story moved = {.known_issuer = "https://as.example"};
  moved.known = (struct fl_auth_client){
      .client_id = fl_strdup("old"), .auth_method = fl_strdup("none"), .redirect_uri = fl_strdup(BACK "2")};
  story_begin(&moved, SERVER, "{}", BACK);
  story_discover(&moved, "Bearer", PRM, AS, REGISTRATION);
  story_end(&moved);
  struct story expired = {.known_issuer = "https://as.example"};
  expired.known = (struct fl_auth_client){.client_id = fl_strdup("old"),
                                          .auth_method = fl_strdup("none"),
                                          .redirect_uri = fl_strdup(BACK),
                                          .expires_at_s = NOW_S};
  story_begin(&expired, SERVER, "{}", BACK);
  story_discover(&expired, "Bearer", PRM, AS, REGISTRATION);
  story_end(&expired);
}

static void a_metadata_document_is_preferred(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{\"client_metadata_url\":\"https://me.example/client\"}", BACK);
  story_discover(&story, "Bearer", PRM, AS_HEAD ",\"client_id_metadata_document_supported\":true}",
                 "KEEP https://as.example https://me.example/client none\nVISIT "
                 "https://as.example/auth?response_type=code&client_id=https%3A%2F%2Fme.example%2Fclient&…");
  story_end(&story);
}

static void a_client_stays_with_its_issuer(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{\"client_id\":\"c\",\"client_secret\":\"s\",\"issuer\":\"https://mine.example\"}",
              BACK);
  story_start(&story, "Bearer", "GET " PRM_URL "\n");
  story_answer(&story, 200, PRM, "FAIL auth: auth: the client belongs to the issuer https://mine.example, …");
  story_end(&story);
}

static void nobody_can_be_asked(void **state) {
  struct story story = {0};
  story_begin(&story, SERVER, "{}", NULL);
  story_discover(&story, "Bearer", PRM, AS, "FAIL auth: a person must agree in a browser, …");
  story_end(&story);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_whole_way),
      cmocka_unit_test(places_are_asked_in_order),
      cmocka_unit_test(without_metadata_the_server_is_its_own),
      cmocka_unit_test(only_redirects_within_the_origin_are_followed),
      cmocka_unit_test(metadata_that_are_not_believed),
      cmocka_unit_test(redirects),
      cmocka_unit_test(scope_is_chosen),
      cmocka_unit_test(a_step_up_keeps_what_there_was),
      cmocka_unit_test(a_known_client_is_not_registered_again),
      cmocka_unit_test(a_client_of_another_issuer_or_redirect_is_not_used),
      cmocka_unit_test(a_metadata_document_is_preferred),
      cmocka_unit_test(a_client_stays_with_its_issuer),
      cmocka_unit_test(nobody_can_be_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
