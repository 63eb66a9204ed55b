/* SPDX-License-Identifier: MIT */
#include "auth_town.h"

#include <stdio.h>

static void respond(struct fl_sim_exchange *exchange, int status, const char *body) {
  fl_sim_respond(exchange, 1, status, (const char *const[]){"Content-Type: application/json", NULL});
  fl_sim_body(exchange, 1, fl_slice_of(body));
  fl_sim_finish(exchange, 1);
}

/* The server itself: it takes the newest token alone. */
static void on_message(struct town *town, struct fl_sim_exchange *exchange) {
  FL_FREE_AUTO char *wanted = fl_format("Bearer at-%d-%d", town->given, town->refreshed);
  const char *given = fl_sim_request_header(exchange, "Authorization");
  town->messages++;
  if (given != NULL && strcmp(given, wanted) == 0 && !town->refuses_all) {
    respond(exchange, 200, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    return;
  }
  fl_sim_respond(exchange, 1, 401, (const char *const[]){"WWW-Authenticate: Bearer", NULL});
  fl_sim_finish(exchange, 1);
}

static void on_mcp(struct fl_sim_exchange *exchange) {
  struct town *town = fl_sim_exchange_user(exchange);
  if (strcmp(fl_sim_request_method(exchange), "POST") == 0) {
    on_message(town, exchange);
    return;
  }
  town->asked_metadata++;
  FL_FREE_AUTO char *metadata = fl_format("{\"resource\":\"" SERVER "\",\"authorization_servers\":[\"%s\"]}",
                                          town->issuer != NULL ? town->issuer : "https://as.test");
  respond(exchange, 200, metadata);
}

static void on_token(struct town *town, struct fl_sim_exchange *exchange) {
  fl_slice body = fl_sim_request_body(exchange);
  bool is_refresh = memmem(body.data, body.size, "grant_type=refresh_token", 24) != NULL;
  if (town->token_error != NULL) {
    respond(exchange, town->token_status, town->token_error);
    return;
  }
  *(is_refresh ? &town->refreshed : &town->given) += 1;
  FL_FREE_AUTO char *scope = town->scope != NULL ? fl_format(",\"scope\":\"%s\"", town->scope) : fl_strdup("");
  FL_FREE_AUTO char *token =
      fl_format("{\"access_token\":\"at-%d-%d\",\"token_type\":\"%s\",\"expires_in\":%d,\"refresh_token\":\"rt-%d\"%s}",
                town->given, town->refreshed, town->wants_dpop ? "DPoP" : "Bearer",
                town->expires_in > 0 ? town->expires_in : 3600, town->refreshed, scope);
  respond(exchange, 200, token);
}

static void on_as(struct fl_sim_exchange *exchange) {
  struct town *town = fl_sim_exchange_user(exchange);
  const char *url = fl_sim_request_url(exchange);
  if (strstr(url, "/.well-known/") != NULL)
    respond(exchange, 200,
            "{\"issuer\":\"https://as.test\",\"authorization_endpoint\":\"https://as.test/authorize\","
            "\"token_endpoint\":\"https://as.test/token\",\"registration_endpoint\":\"https://as.test/register\","
            "\"code_challenge_methods_supported\":[\"S256\"],\"token_endpoint_auth_methods_supported\":[\"none\"]}");
  else if (strcmp(url, "https://as.test/register") == 0)
    town->registered++, respond(exchange, 201, "{\"client_id\":\"client-1\"}");
  else if (strcmp(url, "https://as.test/token") == 0) on_token(town, exchange);
  else respond(exchange, 404, "{}");
}

static void visit(struct fl_mcp_auth *auth, const char *url, void *user) {
  struct town *town = user;
  fl_free(town->visited);
  town->visited = fl_strdup(url);
  if (town->is_silent) return;
  const char *state = strstr(url, "&state=") + strlen("&state=");
  FL_FREE_AUTO char *back = fl_format(BACK "?code=c&state=%.*s", (int)strcspn(state, "&"), state);
  fl_mcp_auth_redirected(auth, back); /* from inside: it must wait its turn */
}

void town_open(struct town *town) {
  town->world = fl_world_sim_create(7);
  fl_world_sim_server(town->world,
                      &(struct fl_sim_server){
                          .url_prefix = "https://mcp.test/", .on_request = on_mcp, .address = "8.8.8.8", .user = town});
  fl_world_sim_server(town->world,
                      &(struct fl_sim_server){.url_prefix = "https://as.test/",
                                              .on_request = on_as,
                                              .address = town->as_address != NULL ? town->as_address : "9.9.9.9",
                                              .user = town});
}

void town_close(struct town *town) {
  fl_world_destroy(town->world);
  fl_free(town->visited);
  fl_free(town->last_proof);
}

struct fl_mcp_auth *town_auth(struct town *town, const char *folder, const char *config_text) {
  struct fl_mcp_auth *auth = NULL;
  struct fl_error err = {0};
  FL_VALUE_AUTO config = NULL;
  const char *text = config_text != NULL ? config_text : "{\"redirect_uri\":\"" BACK "\"}";
  assert_int_equal(fl_parse(text, strlen(text), &config, NULL), 0);
  struct fl_mcp_auth_options options = {.size = sizeof options,
                                        .url = SERVER,
                                        .store_folder = folder,
                                        .config = config,
                                        .is_interactive = true,
                                        .visit_timeout_ms = 60 * 1000,
                                        .visit = visit,
                                        .user = town};
  if (fl_mcp_auth_create(town->world, &options, &auth, &err) < 0) fail_msg("%s", err.text);
  return auth;
}

void town_on_closed(void *user) { *(bool *)user = true; }

void town_close_auth(struct town *town, struct fl_mcp_auth *auth) {
  bool is_closed = false;
  fl_mcp_auth_close(auth, town_on_closed, &is_closed);
  assert_int_equal(fl_world_sim_run(town->world), FL_SIM_IDLE);
  assert_true(is_closed);
}

/* ---- a request of a transport ---- */

static void note(struct asking *asking, const struct fl_error *err) {
  asking->calls++;
  asking->code = err != NULL ? err->code : 0;
  snprintf(asking->text, sizeof asking->text, "%.500s", err != NULL ? err->text : "");
}

static void on_headers(struct fl_mcp_auth_request *request, const char *const *headers, const struct fl_error *err) {
  struct asking *asking = request->user;
  note(asking, err);
  fl_free(asking->authorization);
  fl_free(asking->proof);
  asking->authorization = asking->proof = NULL;
  for (; *headers != NULL; headers++) {
    if (strncmp(*headers, "Authorization: ", 15) == 0) asking->authorization = fl_strdup(*headers + 15);
    if (strncmp(*headers, "DPoP: ", 6) == 0) asking->proof = fl_strdup(*headers + 6);
  }
}

static void on_verdict(struct fl_mcp_auth_request *request, enum fl_mcp_auth_verdict verdict,
                       const struct fl_error *err) {
  struct asking *asking = request->user;
  note(asking, err);
  asking->verdict = verdict;
}

void asking_init(struct asking *asking) {
  *asking =
      (struct asking){.request = {.method = "POST", .url = SERVER, .on_headers = on_headers, .on_verdict = on_verdict}};
  asking->request.user = asking;
}

void asking_deinit(struct asking *asking) {
  fl_free(asking->authorization);
  fl_free(asking->proof);
}

void town_expect_headers(struct town *town, struct fl_mcp_auth *auth, struct asking *asking, const char *expected) {
  asking->calls = 0;
  fl_mcp_auth_headers(auth, &asking->request);
  assert_int_equal(asking->calls, 0); /* never from inside */
  assert_int_equal(fl_world_sim_run(town->world), FL_SIM_IDLE);
  assert_int_equal(asking->calls, 1);
  assert_string_equal(asking->text, "");
  assert_string_equal(asking->authorization != NULL ? asking->authorization : "none", expected);
}

void town_challenge(struct fl_mcp_auth *auth, struct asking *asking, int status, const char *header) {
  asking->calls = 0;
  fl_mcp_auth_challenge(auth, &asking->request, &(struct fl_mcp_auth_answer){status, header, NULL});
}

void town_expect_retry(struct town *town, struct fl_mcp_auth *auth, struct asking *asking, int status,
                       const char *header) {
  town_challenge(auth, asking, status, header);
  assert_int_equal(fl_world_sim_run(town->world), FL_SIM_IDLE);
  assert_string_equal(asking->text, "");
  assert_int_equal(asking->calls, 1);
  assert_int_equal(asking->verdict, FL_MCP_AUTH_RETRY);
}

void town_expect_give_up(struct town *town, struct asking *asking, int code, const char *text) {
  assert_int_equal(fl_world_sim_run(town->world), FL_SIM_IDLE);
  assert_int_equal(asking->calls, 1);
  assert_int_equal(asking->verdict, FL_MCP_AUTH_GIVE_UP);
  assert_int_equal(asking->code, code);
  if (strstr(asking->text, text) == NULL) fail_msg("\"%s\" does not say \"%s\"", asking->text, text);
}

void town_advance(struct town *town, int seconds) {
  fl_world_sim_run_until(town->world, fl_world_now_ms(town->world) + seconds * 1000);
}
