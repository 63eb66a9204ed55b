/* SPDX-License-Identifier: MIT */
/* The smallest client of MCP over HTTP that is authorized: it plays the auth scenarios of the official conformance
 * suite (its contract: the server's URL is the last argument, the rest comes in the environment). What is tested is
 * mcp/auth; requests and answers are as plain as can be: four requests, of whose answers the status alone counts. */
#include "mcp/auth/auth.h"
#include "runtime/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct client {
  struct fl_world *world;
  struct fl_mcp_auth *auth;
  struct fl_mcp_auth_request ticket;
  const char *url;
  bool is_modern;
  int step, status, failure;
  struct fl_http http;
  char *challenge, *nonce;
  /* the browser */
  struct fl_http browser;
  char *location;
};

struct step {
  const char *method, *name;
  const char *legacy; /* the message; NULL: not sent in this era */
  const char *modern;
};

#define META                                                                          \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","            \
  "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"fairlead\",\"version\":\"1\"}," \
  "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define CALL(id) \
  "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"test-tool\",\"arguments\":{}"
static const struct step steps[] = {
    {"initialize", NULL,
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
     "\"capabilities\":{},\"clientInfo\":{\"name\":\"fairlead\",\"version\":\"1\"}}}",
     NULL},
    {"notifications/initialized", NULL, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", NULL},
    {"tools/list", NULL, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}",
     "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\",\"params\":{" META "}}"},
    {"tools/call", "test-tool", CALL("3") "}}", CALL("3") "," META "}}"},
};
enum { STEP_COUNT = sizeof steps / sizeof *steps };

static void ask(struct client *client);

static void finish(struct client *client, const struct fl_error *err) {
  if (err != NULL) {
    fprintf(stderr, "auth-client: %s\n", err->text);
    client->failure = err->code;
  }
  fl_world_stop(client->world);
}

/* ---- one request ---- */

static void on_verdict(struct fl_mcp_auth_request *ticket, enum fl_mcp_auth_verdict verdict,
                       const struct fl_error *err) {
  struct client *client = ticket->user;
  if (verdict == FL_MCP_AUTH_RETRY) fl_mcp_auth_headers(client->auth, ticket);
  else finish(client, err);
}

static void on_headers(struct fl_http *http, int status) {
  struct client *client = http->user;
  const char *challenge = fl_http_header(http, "WWW-Authenticate"), *nonce = fl_http_header(http, "DPoP-Nonce");
  client->status = status;
  fl_free(client->challenge);
  fl_free(client->nonce);
  client->challenge = fl_strdup(challenge);
  client->nonce = fl_strdup(nonce);
}

static void on_end(struct fl_http *http, int status, const struct fl_error *err) {
  struct client *client = http->user;
  struct fl_mcp_auth_answer answer = {client->status, client->challenge, client->nonce};
  struct fl_error refused = {0};
  if (status != 0) {
    finish(client, err);
  } else if (client->status == 401 || client->status == 403) {
    fl_mcp_auth_challenge(client->auth, &client->ticket, &answer);
  } else if (client->status == 200 || client->status == 202) {
    client->step++;
    ask(client);
  } else {
    fl_error_set(&refused, FL_E_REMOTE, "%s: status %d", steps[client->step].method, client->status);
    finish(client, &refused);
  }
}

static void on_ticket_headers(struct fl_mcp_auth_request *ticket, const char *const *given,
                              const struct fl_error *err) {
  struct client *client = ticket->user;
  const struct step *step = &steps[client->step];
  const char *version = client->is_modern ? "2026-07-28" : "2025-11-25";
  struct fl_error failed = {0};
  if (err != NULL) {
    finish(client, err);
    return;
  }
  FL_FREE_AUTO char *version_line = fl_format("MCP-Protocol-Version: %s", version);
  FL_FREE_AUTO char *method_line = fl_format("Mcp-Method: %s", step->method);
  FL_FREE_AUTO char *name_line = fl_format("Mcp-Name: %s", step->name != NULL ? step->name : "");
  const char *headers[10] = {"Content-Type: application/json", "Accept: application/json, text/event-stream"};
  size_t count = 2;
  if (client->step > 0) headers[count++] = version_line;
  if (client->is_modern) headers[count++] = method_line;
  if (client->is_modern && step->name != NULL) headers[count++] = name_line;
  for (; *given != NULL; given++) headers[count++] = *given;
  const char *message = client->is_modern ? step->modern : step->legacy;
  struct fl_http_options options = {.size = sizeof options,
                                    .trust = FL_TRUST_TOOL,
                                    .method = "POST",
                                    .url = client->url,
                                    .headers = headers,
                                    .body = fl_slice_of(message)};
  client->http = (struct fl_http){.on_headers = on_headers, .on_end = on_end, .user = client};
  if (fl_http_start(client->world, &client->http, &options, &failed) < 0) finish(client, &failed);
}

static void ask(struct client *client) {
  while (client->step < STEP_COUNT &&
         (client->is_modern ? steps[client->step].modern : steps[client->step].legacy) == NULL)
    client->step++;
  if (client->step == STEP_COUNT) {
    finish(client, NULL);
    return;
  }
  client->ticket = (struct fl_mcp_auth_request){
      .method = "POST", .url = client->url, .on_headers = on_ticket_headers, .on_verdict = on_verdict, .user = client};
  fl_mcp_auth_headers(client->auth, &client->ticket);
}

/* ---- the browser: asks for the page and follows its redirect ---- */

static void on_page(struct fl_http *http, int status) {
  struct client *client = http->user;
  fl_free(client->location);
  client->location = fl_strdup(fl_http_header(http, "Location"));
}

static void on_page_end(struct fl_http *http, int status, const struct fl_error *err) {
  struct client *client = http->user;
  fl_mcp_auth_redirected(client->auth, client->location);
}

static void visit(struct fl_mcp_auth *auth, const char *url, void *user) {
  struct client *client = user;
  struct fl_error err = {0};
  struct fl_http_options options = {.size = sizeof options, .trust = FL_TRUST_TOOL, .method = "GET", .url = url};
  client->browser = (struct fl_http){.on_headers = on_page, .on_end = on_page_end, .user = client};
  if (fl_http_start(client->world, &client->browser, &options, &err) < 0) fl_mcp_auth_redirected(auth, NULL);
}

/* ---- the scenario ---- */

static struct fl_value *make_config(void) {
  static const struct {
    const char *context, *config;
  } names[] = {{"client_id", "client_id"},
               {"client_secret", "client_secret"},
               {"private_key_pem", "private_key_pem"},
               {"issuer", "issuer"},
               {"idp_issuer", "idp_issuer"},
               {"idp_token_endpoint", "idp_token_endpoint"},
               {"idp_client_id", "idp_client_id"},
               {"idp_id_token", "idp_id_token"},
               {"valid_jwt", "assertion"}};
  const char *scenario = getenv("MCP_CONFORMANCE_SCENARIO"), *text = getenv("MCP_CONFORMANCE_CONTEXT");
  struct fl_value *config = fl_object(), *context = NULL;
  if (text != NULL) fl_parse(text, strlen(text), &context, NULL);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *value = fl_get_string(context, names[i].context, NULL);
    if (value != NULL) fl_set_string(config, names[i].config, value);
  }
  fl_value_unref(context);
  fl_set_string(config, "redirect_uri", "http://localhost:3000/callback");
  fl_set_string(config, "client_metadata_url", "https://conformance-test.local/client-metadata.json");
  if (scenario == NULL) return config;
  if (strstr(scenario, "client-credentials") != NULL) fl_set_string(config, "grant", "client_credentials");
  if (strstr(scenario, "enterprise-managed") != NULL) fl_set_string(config, "grant", "enterprise");
  if (strstr(scenario, "wif-") != NULL) fl_set_string(config, "grant", "workload");
  return config;
}

static void on_closed(void *user) { fl_world_stop(user); }

int main(int argc, char **argv) {
  const char *version = getenv("MCP_CONFORMANCE_PROTOCOL_VERSION");
  struct client client = {.is_modern = version != NULL && strcmp(version, "2026-07-28") == 0, .url = argv[argc - 1]};
  FL_VALUE_AUTO config = make_config();
  struct fl_error err = {0};
  client.world = fl_world_uv_create(NULL);
  struct fl_mcp_auth_options options = {.size = sizeof options,
                                        .url = client.url,
                                        .config = config,
                                        .is_interactive = true,
                                        .visit = visit,
                                        .user = &client};
  if (fl_mcp_auth_create(client.world, &options, &client.auth, &err) < 0) {
    fprintf(stderr, "auth-client: %s\n", err.text);
    return 1;
  }
  ask(&client);
  fl_world_run(client.world);
  fl_mcp_auth_close(client.auth, on_closed, client.world);
  fl_world_run(client.world);
  fl_world_destroy(client.world);
  fl_free(client.challenge);
  fl_free(client.nonce);
  fl_free(client.location);
  return client.failure != 0 ? 1 : 0;
}
