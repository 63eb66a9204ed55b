/* SPDX-License-Identifier: MIT */
/* The flow as data: what a server answers goes in, what we do comes out, line by line. Written to be read: each test is
 * one story, and the log is what went over the wire. */
#include "mcp/auth/flow.h"
#include "mcp/auth/jwt.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <stdio.h>

enum { NOW_S = 1000 };

struct story {
  struct fl_url server;
  struct fl_auth_config config;
  struct fl_auth_flow *flow;
  struct fl_buf log;
  struct fl_auth_client known;
  const char *known_issuer;
  struct fl_auth_tokens tokens; /* of DONE */
  struct fl_jose_key *client_key, *dpop_key;
  uint8_t random;
  char *last_url;
};

static const struct fl_auth_client *find_client(void *user, const char *issuer) {
  struct story *story = user;
  return story->known_issuer != NULL && strcmp(story->known_issuer, issuer) == 0 ? &story->known : NULL;
}

static const struct fl_jose_key *get_key(void *user, enum fl_auth_key key, struct fl_error *err) {
  struct story *story = user;
  return key == FL_AUTH_KEY_CLIENT ? story->client_key : story->dpop_key;
}

static void begin(struct story *story, const char *server, const char *config, const char *redirect_uri) {
  FL_VALUE_AUTO value = NULL;
  struct fl_error err = {0};
  assert_int_equal(fl_parse(config, strlen(config), &value, NULL), 0);
  assert_int_equal(fl_url_parse(fl_slice_of(server), FL_URL_HTTP, &story->server, NULL), 0);
  if (fl_auth_config_read(value, &story->config, &err) < 0) fail_msg("%s", err.text);
  struct fl_auth_flow_options options = {.server = &story->server,
                                         .config = &story->config,
                                         .protocol_version = NULL,
                                         .redirect_uri = redirect_uri,
                                         .find_client = find_client,
                                         .get_key = get_key,
                                         .user = story};
  story->flow = fl_auth_flow_create(&options);
}

static void end(struct story *story) {
  fl_auth_flow_destroy(story->flow);
  fl_auth_config_deinit(&story->config);
  fl_auth_client_deinit(&story->known);
  fl_auth_tokens_deinit(&story->tokens);
  fl_jose_key_destroy(story->client_key);
  fl_jose_key_destroy(story->dpop_key);
  fl_url_deinit(&story->server);
  fl_buf_deinit(&story->log);
  fl_free(story->last_url);
}

/* ---- what comes out, as lines ---- */

static void log_request(struct story *story, const struct fl_auth_effect *effect) {
  fl_buf_addf(&story->log, "%s %s", effect->method, effect->url);
  for (const char *const *header = effect->headers; *header != NULL; header++) {
    if (strncmp(*header, "Authorization: ", 15) == 0) fl_buf_addf(&story->log, " [%s]", *header + 15);
    if (strncmp(*header, "DPoP: ", 6) == 0) fl_buf_add_text(&story->log, " [proof]");
  }
  if (effect->body.size > 0) fl_buf_addf(&story->log, " %.*s", (int)effect->body.size, effect->body.data);
}

static void log_effect(struct story *story, const struct fl_auth_effect *effect) {
  switch (effect->kind) {
  case FL_DO_AUTH_REQUEST: log_request(story, effect); break;
  case FL_DO_AUTH_VISIT: fl_buf_addf(&story->log, "VISIT %s", effect->url); break;
  case FL_DO_AUTH_KEEP_CLIENT:
    fl_buf_addf(&story->log, "KEEP %s %s %s", effect->issuer, effect->client->client_id, effect->client->auth_method);
    break;
  case FL_DO_AUTH_FORGET_CLIENT: fl_buf_addf(&story->log, "FORGET %s", effect->issuer); break;
  case FL_DO_AUTH_DONE:
    fl_auth_tokens_move(&story->tokens, effect->tokens);
    fl_buf_addf(&story->log, "DONE %s scope=%s until=%d", story->tokens.access.data,
                story->tokens.scope != NULL ? story->tokens.scope : "-", (int)story->tokens.expires_at_s);
    break;
  case FL_DO_AUTH_FAIL: fl_buf_addf(&story->log, "FAIL %s: %s", fl_error_word(effect->err->code), effect->err->text);
  }
  fl_buf_add_char(&story->log, '\n');
}

/* Takes the step and compares what it did. In `expected`, STATE and CHALLENGE stand for what is derived from the random
 * bytes; an end of "…" takes any rest of the line. */
static void step(struct story *story, struct fl_auth_event event, const char *expected) {
  struct fl_auth_effects effects;
  event.now_s = NOW_S;
  memset(event.random, ++story->random, sizeof event.random);
  fl_buf_clear(&story->log);
  fl_auth_flow_step(story->flow, &event, &effects);
  for (size_t i = 0; i < effects.count; i++) log_effect(story, &effects.items[i]);
  const struct fl_auth_effect *last = &effects.items[effects.count - 1];
  fl_free(story->last_url);
  story->last_url = fl_strdup(last->url);
  const char *got = story->log.data, *rest = strstr(expected, "…");
  if (rest != NULL ? strncmp(got, expected, (size_t)(rest - expected)) != 0 : strcmp(got, expected) != 0)
    fail_msg("expected:\n%s\ngot:\n%s", expected, got);
}

static void start(struct story *story, const char *challenge_text, const char *expected) {
  FL_CHALLENGE_AUTO challenge = {0};
  assert_int_equal(fl_challenge_read(fl_slice_of(challenge_text), &challenge, NULL), 0);
  step(story, (struct fl_auth_event){.kind = FL_EV_AUTH_START, .challenge = &challenge}, expected);
}

static void answer(struct story *story, int status, const char *body, const char *expected) {
  step(story, (struct fl_auth_event){.kind = FL_EV_AUTH_ANSWER, .status = status, .body = fl_slice_of(body)}, expected);
}

static void redirect(struct story *story, const char *url, const char *expected) {
  step(story, (struct fl_auth_event){.kind = FL_EV_AUTH_REDIRECT, .url = url}, expected);
}

/* ---- one world for most stories ---- */

#define SERVER "https://mcp.example/mcp"
#define BACK "http://127.0.0.1:1234/callback"
#define PRM_URL "https://mcp.example/.well-known/oauth-protected-resource/mcp"
#define PRM "{\"resource\":\"https://mcp.example/mcp\",\"authorization_servers\":[\"https://as.example\"]}"
#define AS_URL "https://as.example/.well-known/oauth-authorization-server"
#define AS_HEAD                                                                                \
  "{\"issuer\":\"https://as.example\",\"authorization_endpoint\":\"https://as.example/auth\"," \
  "\"token_endpoint\":\"https://as.example/token\",\"code_challenge_methods_supported\":[\"S256\"]"
#define AS                                                   \
  AS_HEAD ",\"registration_endpoint\":\"https://as.example/" \
          "reg\",\"token_endpoint_auth_methods_supported\":[\"none\"]}"
#define REGISTRATION                                                                              \
  "POST https://as.example/reg "                                                                  \
  "{\"client_name\":\"fairlead\",\"application_type\":\"native\",\"redirect_uris\":[\"" BACK      \
  "\"],\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"]," \
  "\"token_endpoint_auth_method\":\"none\"}\n"
#define STATE(hex) hex hex hex hex hex hex hex hex hex hex hex hex hex hex hex hex
#define TOKEN "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":60,\"refresh_token\":\"rt\"}"

static void discover(struct story *story, const char *challenge, const char *prm, const char *as, const char *then) {
  start(story, challenge, "GET " PRM_URL "\n");
  answer(story, 200, prm, "GET " AS_URL "\n");
  answer(story, 200, as, then);
}

static void the_whole_way(void **state) {
  struct story story = {0};
  begin(&story, SERVER, "{}", BACK);
  start(&story, "Bearer scope=\"a b\", resource_metadata=\"https://mcp.example/prm\"", "GET https://mcp.example/prm\n");
  answer(&story, 200, PRM, "GET " AS_URL "\n");
  answer(&story, 200, AS,
         "POST https://as.example/reg "
         "{\"client_name\":\"fairlead\",\"application_type\":\"native\",\"redirect_uris\":[\"" BACK
         "\"],\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"],"
         "\"token_endpoint_auth_method\":\"none\",\"scope\":\"a b\"}\n");
  answer(&story, 201, "{\"client_id\":\"c1\"}",
         "KEEP https://as.example c1 none\n"
         "VISIT https://as.example/auth?response_type=code&client_id=c1"
         "&redirect_uri=http%3A%2F%2F127.0.0.1%3A1234%2Fcallback&state=" STATE("04") "&code_challenge=…");
  assert_non_null(
      strstr(story.last_url, "&code_challenge_method=S256&resource=https%3A%2F%2Fmcp.example%2Fmcp&scope=a%20b"));
  char challenge[FL_JWK_THUMBPRINT_SIZE];
  fl_sha256_text(FL_SLICE("BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ"), challenge); /* 32 times 4, in base64url */
  assert_non_null(strstr(story.last_url, challenge));
  redirect(&story, BACK "?code=the%2Dcode&state=" STATE("04"),
           "POST https://as.example/token grant_type=authorization_code&code=the-code"
           "&redirect_uri=http%3A%2F%2F127.0.0.1%3A1234%2Fcallback"
           "&code_verifier=BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ&resource=https%3A%2F%2Fmcp.example%2Fmcp"
           "&client_id=c1\n");
  answer(&story, 200, TOKEN, "DONE at scope=a b until=1060\n");
  assert_string_equal(story.tokens.refresh.data, "rt");
  assert_string_equal(story.tokens.issuer, "https://as.example");
  end(&story);
}

static void places_are_asked_in_order(void **state) {
  struct story story = {0};
  begin(&story, SERVER, "{}", BACK);
  start(&story, "Bearer", "GET " PRM_URL "\n");
  answer(&story, 404, "", "GET https://mcp.example/.well-known/oauth-protected-resource\n");
  answer(&story, 200, "{\"resource\":\"https://mcp.example\",\"authorization_servers\":[\"https://as.example/t\"]}",
         "GET https://as.example/.well-known/oauth-authorization-server/t\n");
  answer(&story, 404, "", "GET https://as.example/.well-known/openid-configuration/t\n");
  answer(&story, 500, "", "GET https://as.example/t/.well-known/openid-configuration\n");
  answer(&story, 404, "",
         "FAIL protocol: the authorization server https://as.example/t has no metadata (status 404)\n");
  end(&story);
}

static void without_metadata_the_server_is_its_own(void **state) {
  struct story story = {0};
  begin(&story, SERVER, "{}", BACK);
  start(&story, "", "GET " PRM_URL "\n");
  answer(&story, 404, "", "GET https://mcp.example/.well-known/oauth-protected-resource\n");
  answer(&story, 404, "", "GET https://mcp.example/.well-known/oauth-authorization-server\n");
  answer(&story, 404, "", "GET https://mcp.example/.well-known/openid-configuration\n");
  answer(&story, 404, "", "POST https://mcp.example/register …");
  answer(&story, 201, "{\"client_id\":\"c\"}",
         "KEEP https://mcp.example c none\nVISIT https://mcp.example/authorize?…");
  end(&story);
}

static void only_redirects_within_the_origin_are_followed(void **state) {
  struct story story = {0};
  begin(&story, SERVER, "{}", BACK);
  start(&story, "Bearer", "GET " PRM_URL "\n");
  struct fl_auth_event moved = {.kind = FL_EV_AUTH_ANSWER, .status = 302, .location = "/elsewhere"};
  step(&story, moved, "GET https://mcp.example/elsewhere\n");
  moved.location = "https://evil.example/prm";
  step(&story, moved, "GET https://mcp.example/.well-known/oauth-protected-resource\n");
  moved.location = "/a";
  step(&story, moved, "GET https://mcp.example/a\n");
  step(&story, moved, "GET https://mcp.example/a\n");
  step(&story, moved, "GET https://mcp.example/.well-known/oauth-authorization-server\n"); /* enough of it */
  end(&story);
}

/* ---- what is not believed ---- */

static void fails_in_discovery(const char *prm, const char *as, const char *expected) {
  struct story story = {0};
  begin(&story, SERVER, "{}", BACK);
  start(&story, "Bearer", "GET " PRM_URL "\n");
  if (as == NULL) {
    answer(&story, 200, prm, expected);
  } else {
    answer(&story, 200, prm, "GET " AS_URL "\n");
    answer(&story, 200, as, expected);
  }
  end(&story);
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
  begin(&story, SERVER, "{\"client_id\":\"c\"}", BACK);
  discover(&story, "Bearer", PRM, as, "VISIT …"); /* the third step: state is 03 */
  redirect(&story, url, expected);
  end(&story);
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
  begin(&story, SERVER, "{\"client_id\":\"c\"}", BACK);
  discover(&story, challenge, prm, as, "VISIT …");
  const char *scope = strstr(story.last_url, "&scope=");
  assert_string_equal(scope != NULL ? scope : "", expected);
  end(&story);
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
  begin(&story, SERVER, "{\"client_id\":\"c\"}", BACK);
  FL_CHALLENGE_AUTO challenge = {.scheme = FL_CHALLENGE_BEARER, .scope = fl_strdup("write")};
  step(&story, (struct fl_auth_event){.kind = FL_EV_AUTH_START, .challenge = &challenge, .scope = "read"},
       "GET " PRM_URL "\n");
  answer(&story, 200, PRM, "GET " AS_URL "\n");
  answer(&story, 200, AS, "VISIT …");
  assert_non_null(strstr(story.last_url, "&scope=read%20write"));
  end(&story);
}

/* ---- clients ---- */

static void a_known_client_is_not_registered_again(void **state) {
  struct story story = {.known_issuer = "https://as.example"};
  story.known = (struct fl_auth_client){
      .client_id = fl_strdup("old"), .auth_method = fl_strdup("client_secret_post"), .redirect_uri = fl_strdup(BACK)};
  fl_secret_set(&story.known.secret, FL_SLICE("s"));
  begin(&story, SERVER, "{}", BACK);
  discover(&story, "Bearer", PRM, AS, "VISIT https://as.example/auth?response_type=code&client_id=old&…");
  redirect(&story, BACK "?code=x&state=" STATE("03"), "POST https://as.example/token …");
  assert_non_null(strstr(story.log.data, "&client_id=old&client_secret=s\n"));
  /* It is not known there any more: registered anew, once, and the person is asked again. */
  answer(&story, 401, "{\"error\":\"invalid_client\"}", "FORGET https://as.example\n" REGISTRATION);
  answer(&story, 201, "{\"client_id\":\"new\"}", "KEEP https://as.example new none\nVISIT …");
  redirect(&story, BACK "?code=y&state=" STATE("06"), "POST …");
  answer(&story, 401, "{\"error\":\"invalid_client\",\"error_description\":\"a\\nb\"}",
         "FAIL auth: the token endpoint answered with status 401: invalid_client, a?b\n");
  end(&story);
}

static void a_client_of_another_issuer_or_redirect_is_not_used(void **state) {
  struct story story = {.known_issuer = "https://other.example"};
  story.known = (struct fl_auth_client){
      .client_id = fl_strdup("old"), .auth_method = fl_strdup("none"), .redirect_uri = fl_strdup(BACK)};
  begin(&story, SERVER, "{}", BACK);
  discover(&story, "Bearer", PRM, AS, REGISTRATION);
  end(&story);
  struct story moved = {.known_issuer = "https://as.example"};
  moved.known = (struct fl_auth_client){
      .client_id = fl_strdup("old"), .auth_method = fl_strdup("none"), .redirect_uri = fl_strdup(BACK "2")};
  begin(&moved, SERVER, "{}", BACK);
  discover(&moved, "Bearer", PRM, AS, REGISTRATION);
  end(&moved);
  struct story expired = {.known_issuer = "https://as.example"};
  expired.known = (struct fl_auth_client){.client_id = fl_strdup("old"),
                                          .auth_method = fl_strdup("none"),
                                          .redirect_uri = fl_strdup(BACK),
                                          .expires_at_s = NOW_S};
  begin(&expired, SERVER, "{}", BACK);
  discover(&expired, "Bearer", PRM, AS, REGISTRATION);
  end(&expired);
}

static void a_metadata_document_is_preferred(void **state) {
  struct story story = {0};
  begin(&story, SERVER, "{\"client_metadata_url\":\"https://me.example/client\"}", BACK);
  discover(&story, "Bearer", PRM, AS_HEAD ",\"client_id_metadata_document_supported\":true}",
           "KEEP https://as.example https://me.example/client none\nVISIT "
           "https://as.example/auth?response_type=code&client_id=https%3A%2F%2Fme.example%2Fclient&…");
  end(&story);
}

static void a_client_stays_with_its_issuer(void **state) {
  struct story story = {0};
  begin(&story, SERVER, "{\"client_id\":\"c\",\"client_secret\":\"s\",\"issuer\":\"https://mine.example\"}", BACK);
  start(&story, "Bearer", "GET " PRM_URL "\n");
  answer(&story, 200, PRM, "FAIL auth: auth: the client belongs to the issuer https://mine.example, …");
  end(&story);
}

static void nobody_can_be_asked(void **state) {
  struct story story = {0};
  begin(&story, SERVER, "{}", NULL);
  discover(&story, "Bearer", PRM, AS, "FAIL auth: a person must agree in a browser, …");
  end(&story);
}

/* ---- the other grants ---- */

static void client_credentials_by_secret(void **state) {
  struct story story = {0};
  begin(&story, SERVER, "{\"grant\":\"client_credentials\",\"client_id\":\"a:b\",\"client_secret\":\"s%t\"}", NULL);
  discover(&story, "Bearer scope=x", PRM,
           "{\"issuer\":\"https://as.example\",\"token_endpoint\":\"https://as.example/token\"}",
           "POST https://as.example/token [Basic YSUzQWI6cyUyNXQ=] " /* a%3Ab:s%25t */
           "scope=x&grant_type=client_credentials&resource=https%3A%2F%2Fmcp.example%2Fmcp\n");
  answer(&story, 503, "{\"error\":\"temporarily_unavailable\"}",
         "FAIL remote: the token endpoint answered with status 503: temporarily_unavailable\n");
  end(&story);
}

static void client_credentials_by_key(void **state) {
  struct story story = {0};
  FL_SECRET_AUTO pem = {0};
  assert_int_equal(fl_jose_generate(FL_JOSE_EDDSA, &story.client_key, NULL), 0);
  begin(&story, SERVER,
        "{\"grant\":\"client_credentials\",\"client_id\":\"c\",\"private_key_pem\":\"the tests give the key\"}", NULL);
  discover(&story, "Bearer", PRM, AS, "POST https://as.example/token grant_type=client_credentials&…");
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
  answer(&story, 200, TOKEN, "DONE at scope=- until=1060\n");
  end(&story);
}

static void an_enterprise_exchanges_its_identity(void **state) {
  struct story story = {0};
  begin(&story, SERVER,
        "{\"grant\":\"enterprise\",\"client_id\":\"c\",\"client_secret\":\"s\",\"idp_issuer\":\"https://idp.example\","
        "\"idp_client_id\":\"i\",\"idp_id_token\":\"idt\"}",
        NULL);
  discover(&story, "Bearer", PRM, AS, "GET https://idp.example/.well-known/oauth-authorization-server\n");
  answer(&story, 404, "", "GET https://idp.example/.well-known/openid-configuration\n");
  answer(&story, 200, "{\"issuer\":\"https://idp.example\",\"token_endpoint\":\"https://idp.example/t\"}",
         "POST https://idp.example/t grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
         "&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid-jag&subject_token=idt"
         "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token&audience=https%3A%2F%2Fas.example"
         "&resource=https%3A%2F%2Fmcp.example%2Fmcp&client_id=i\n");
  answer(&story, 200,
         "{\"access_token\":\"jag\",\"issued_token_type\":\"urn:ietf:params:oauth:token-type:id-jag\",\"token_type\":"
         "\"N_A\"}",
         "POST https://as.example/token [Basic Yzpz] grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
         "&assertion=jag&resource=https%3A%2F%2Fmcp.example%2Fmcp\n");
  answer(&story, 200, TOKEN, "DONE at scope=- until=1060\n");
  end(&story);
}

static void an_identity_provider_must_give_a_grant(void **state) {
  struct story story = {0};
  begin(&story, SERVER,
        "{\"grant\":\"enterprise\",\"client_id\":\"c\",\"client_secret\":\"s\",\"idp_token_endpoint\":\"https://"
        "idp.example/t\","
        "\"idp_id_token\":\"idt\"}",
        NULL);
  discover(&story, "Bearer", PRM, AS, "POST https://idp.example/t …");
  answer(&story, 200, "{\"access_token\":\"x\",\"issued_token_type\":\"other\"}",
         "FAIL protocol: the identity provider gave no authorization grant (ID-JAG)\n");
  end(&story);
}

static void a_workload_shows_its_assertion_and_does_not_insist(void **state) {
  struct story story = {0};
  begin(&story, SERVER, "{\"grant\":\"workload\",\"assertion\":\"jwt\",\"client_id\":\"w\"}", NULL);
  discover(
      &story, "Bearer", PRM, AS,
      "POST https://as.example/token grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=jwt"
      "&resource=https%3A%2F%2Fmcp.example%2Fmcp&client_id=w\n");
  answer(&story, 400, "{\"error\":\"invalid_grant\"}",
         "FAIL auth: the token endpoint answered with status 400: invalid_grant\n");
  end(&story);
}

/* ---- DPoP ---- */

static void a_proof_goes_with_the_request_and_takes_the_nonce(void **state) {
  struct story story = {0};
  assert_int_equal(fl_jose_generate(FL_JOSE_ES256, &story.dpop_key, NULL), 0);
  begin(&story, SERVER, "{\"grant\":\"workload\",\"assertion\":\"jwt\"}", NULL);
  discover(&story, "DPoP", PRM, AS, "POST https://as.example/token [proof] …");
  struct fl_auth_event wants = {
      .kind = FL_EV_AUTH_ANSWER, .status = 400, .body = FL_SLICE("{\"error\":\"use_dpop_nonce\"}"), .dpop_nonce = "n1"};
  step(&story, wants, "POST https://as.example/token [proof] …");
  wants.dpop_nonce = "n2";
  step(&story, wants, "FAIL auth: …"); /* once is enough */
  end(&story);
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
    begin(&story, SERVER, config, NULL);
    discover(&story, cases[i].challenge, PRM, AS, "POST …");
    answer(&story, 200, token, cases[i].expected);
    end(&story);
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
    begin(&story, SERVER, "{\"grant\":\"workload\",\"assertion\":\"jwt\"}", NULL);
    discover(&story, "Bearer", PRM, AS, "POST …");
    answer(&story, 200, bodies[i], "FAIL protocol: …");
    end(&story);
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
  step(story, (struct fl_auth_event){.kind = FL_EV_AUTH_REFRESH, .tokens = &tokens}, expected);
  fl_auth_tokens_deinit(&tokens);
}

#define REFRESHING                                                                    \
  "POST https://as.example/token grant_type=refresh_token&refresh_token=r1&resource=" \
  "https%3A%2F%2Fmcp.example%2Fmcp&client_id=c\n"

static void a_refresh_keeps_what_is_not_said_again(void **state) {
  struct story story = {.known_issuer = "https://as.example"};
  story.known = (struct fl_auth_client){.client_id = fl_strdup("c"), .auth_method = fl_strdup("none")};
  begin(&story, SERVER, "{}", BACK);
  refresh(&story, REFRESHING);
  answer(&story, 200, "{\"access_token\":\"new\",\"token_type\":\"bearer\",\"expires_in\":10}",
         "DONE new scope=a until=1010\n");
  assert_string_equal(story.tokens.refresh.data, "r1");
  assert_string_equal(story.tokens.resource, SERVER);
  end(&story);
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
    begin(&story, SERVER, "{}", BACK);
    refresh(&story, REFRESHING);
    answer(&story, cases[i].status, cases[i].body, cases[i].expected);
    end(&story);
  }
}

static void a_refresh_needs_the_client(void **state) {
  struct story story = {0};
  begin(&story, SERVER, "{}", BACK);
  refresh(&story, "FAIL auth: there is nothing to refresh the token with\n");
  end(&story);
}

static void a_request_that_fails_ends_it(void **state) {
  struct story story = {0};
  struct fl_error err = {.code = FL_E_NETWORK, .text = "no way"};
  begin(&story, SERVER, "{}", BACK);
  start(&story, "Bearer", "GET " PRM_URL "\n");
  step(&story, (struct fl_auth_event){.kind = FL_EV_AUTH_FAILED, .err = &err}, "FAIL network: no way\n");
  end(&story);
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
