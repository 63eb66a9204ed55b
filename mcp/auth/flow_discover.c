/* SPDX-License-Identifier: MIT */
/* Discovery: who may give out tokens for this server, and where.
 *
 * Happy path: the challenge names the metadata of the resource; these name the authorization server; its metadata are
 * at the first of three well-known places.
 * Failure modes: a place that does not answer with 200 gives way to the next; no metadata of the resource at all: the
 * server is its own authorization server, as in 2025-03-26; metadata that contradict what was asked for end the flow.
 */
#include "mcp/auth/flow_internal.h"
#include "runtime/base/mem.h"

static int ask(struct fl_auth_flow *flow, const char *url, const char *what) {
  int failure = flow_request(flow, url, what);
  if (failure != 0) return failure;
  const char *version = flow->options.protocol_version;
  if (version != NULL) flow_header(flow, "MCP-Protocol-Version", fl_slice_of(version));
  return flow_send(flow, "GET");
}

/* A redirect within the same origin is followed, a few times: 1 when it was. Another counts as "not here". */
static int follow(struct fl_auth_flow *flow, const char *what) {
  struct fl_url from = {0}, to = {0};
  int status = flow->event->status;
  if (status < 300 || status > 399 || flow->event->location == NULL || flow->redirect_count >= FLOW_REDIRECTS_MAX)
    return 0;
  bool is_fine = fl_url_parse(fl_slice_of(flow->url), FL_URL_HTTP, &from, NULL) == 0 &&
                 fl_url_resolve(&from, fl_slice_of(flow->event->location), FL_URL_HTTP, &to, NULL) == 0 &&
                 fl_url_is_same_origin(&from, &to);
  FL_FREE_AUTO char *url = is_fine ? fl_url_format(&to) : NULL;
  fl_url_deinit(&from);
  fl_url_deinit(&to);
  if (!is_fine) return 0;
  flow->redirect_count++;
  int failure = ask(flow, url, what);
  return failure != 0 ? failure : 1;
}

/* ---- the authorization server ---- */

static int ask_server(struct fl_auth_flow *flow) {
  FL_FREE_AUTO char *url = fl_server_metadata_url(&flow->issuer_url, flow->candidate);
  return ask(flow, url, "the metadata of the authorization server");
}

static int begin_server(struct fl_auth_flow *flow, const char *issuer) {
  int failure = fl_auth_check_url(flow->options.server, issuer, "the authorization server", &flow->err);
  if (failure != 0) return failure;
  fl_url_deinit(&flow->issuer_url);
  fl_url_parse(fl_slice_of(issuer), FL_URL_HTTP, &flow->issuer_url, NULL); /* it was checked */
  char *copy = fl_strdup(issuer);
  fl_free(flow->issuer);
  flow->issuer = copy;
  flow->candidate = 0;
  flow->redirect_count = 0;
  return 0;
}

static int next_server(struct fl_auth_flow *flow) {
  int failure = begin_server(flow, flow->resource.servers[flow->server_index]);
  if (failure != 0) return failure;
  flow->state = FLOW_SERVER;
  return ask_server(flow);
}

/* The one that our client belongs to, else the first. */
static int choose_server(struct fl_auth_flow *flow) {
  const char *wanted = flow->options.issuer;
  flow->server_index = 0;
  for (size_t i = 0; wanted != NULL && i < flow->resource.server_count; i++)
    if (strcmp(flow->resource.servers[i], wanted) == 0) flow->server_index = i;
  const char *chosen = flow->resource.servers[flow->server_index];
  if (wanted != NULL && !flow->is_legacy && strcmp(chosen, wanted) != 0)
    return fl_error_set(&flow->err, FL_E_AUTH,
                        "auth: the client belongs to the issuer %s, but the server now names %.500s", wanted, chosen);
  return next_server(flow);
}

static bool is_issuer(const struct fl_auth_flow *flow, const char *published) {
  if (strcmp(published, flow->issuer) == 0) return true;
  /* Where we made the issuer up ourselves, it has two spellings. */
  size_t size = strlen(flow->issuer);
  return flow->is_legacy && strncmp(published, flow->issuer, size) == 0 && strcmp(published + size, "/") == 0;
}

static void decide_dpop(struct fl_auth_flow *flow) {
  enum fl_auth_dpop wish = flow->options.config->dpop;
  bool is_asked = flow->is_dpop_challenged || flow->resource.requires_dpop;
  flow->wants_dpop = wish == FL_DPOP_ALWAYS || (wish == FL_DPOP_AUTO && is_asked);
}

static int server_is_known(struct fl_auth_flow *flow) {
  const struct fl_auth_config *config = flow->options.config;
  if (flow->server.token_endpoint == NULL)
    return fl_error_set(&flow->err, FL_E_PROTOCOL, "the authorization server %.500s names no token endpoint",
                        flow->server.issuer);
  if (config->grant == FL_GRANT_CODE && !flow->server.has_pkce_s256)
    return fl_error_set(&flow->err, FL_E_PROTOCOL,
                        "the authorization server %.500s does not say that it can PKCE with S256 "
                        "(code_challenge_methods_supported), so a code would not be safe",
                        flow->server.issuer);
  decide_dpop(flow);
  if (config->grant == FL_GRANT_ENTERPRISE && config->idp_token_endpoint == NULL) return flow_discover_identity(flow);
  return flow_choose_client(flow);
}

static int no_server(struct fl_auth_flow *flow) {
  if (flow->is_legacy) {
    fl_server_metadata_assume(flow->options.server, &flow->server);
    return server_is_known(flow);
  }
  if (++flow->server_index < flow->resource.server_count) return next_server(flow);
  return fl_error_set(&flow->err, FL_E_PROTOCOL, "the authorization server %.500s has no metadata (status %d)",
                      flow->issuer, flow->event->status);
}

int flow_on_server(struct fl_auth_flow *flow) {
  int followed = follow(flow, "the metadata of the authorization server");
  if (followed != 0) return followed > 0 ? 0 : followed;
  if (flow->event->status == 200) {
    int failure = fl_server_metadata_read(flow->event->body, &flow->server, &flow->err);
    if (failure != 0) return failure;
    if (!is_issuer(flow, flow->server.issuer))
      return fl_error_set(&flow->err, FL_E_PROTOCOL,
                          "the metadata of the authorization server %.300s are those of another issuer, %.300s",
                          flow->issuer, flow->server.issuer);
    return server_is_known(flow);
  }
  FL_FREE_AUTO char *next = fl_server_metadata_url(&flow->issuer_url, ++flow->candidate);
  return next != NULL ? ask_server(flow) : no_server(flow);
}

/* ---- the resource ---- */

/* Candidate 0 is what the challenge named. */
static char *resource_url(const struct fl_auth_flow *flow) {
  if (flow->candidate == 0) return fl_strdup(flow->challenge_url);
  return fl_resource_metadata_url(flow->options.server, flow->candidate - 1);
}

static int ask_resource(struct fl_auth_flow *flow) {
  FL_FREE_AUTO char *url = resource_url(flow);
  return ask(flow, url, "the metadata of the protected resource");
}

int flow_discover(struct fl_auth_flow *flow) {
  flow->state = FLOW_RESOURCE;
  flow->candidate = flow->challenge_url != NULL ? 0 : 1;
  return ask_resource(flow);
}

static int no_resource(struct fl_auth_flow *flow) {
  flow->is_legacy = true;
  flow->resource = (struct fl_resource_metadata){.resource = fl_url_format(flow->options.server),
                                                 .servers = {fl_url_origin(flow->options.server)},
                                                 .server_count = 1};
  return choose_server(flow);
}

int flow_on_resource(struct fl_auth_flow *flow) {
  int followed = follow(flow, "the metadata of the protected resource");
  if (followed != 0) return followed > 0 ? 0 : followed;
  if (flow->event->status == 200) {
    int failure = fl_resource_metadata_read(flow->event->body, &flow->resource, &flow->err);
    if (failure == 0) failure = fl_resource_check(flow->resource.resource, flow->options.server, &flow->err);
    return failure != 0 ? failure : choose_server(flow);
  }
  flow->candidate++;
  FL_FREE_AUTO char *next = resource_url(flow);
  return next != NULL ? ask_resource(flow) : no_resource(flow);
}

/* ---- the identity provider of an enterprise ---- */

static int ask_identity(struct fl_auth_flow *flow) {
  FL_FREE_AUTO char *url = fl_server_metadata_url(&flow->issuer_url, flow->candidate);
  return ask(flow, url, "the metadata of the identity provider");
}

int flow_discover_identity(struct fl_auth_flow *flow) {
  flow->state = FLOW_IDENTITY;
  int failure = begin_server(flow, flow->options.config->idp_issuer);
  return failure != 0 ? failure : ask_identity(flow);
}

static int identity_is_known(struct fl_auth_flow *flow) {
  struct fl_server_metadata metadata = {0};
  int failure = fl_server_metadata_read(flow->event->body, &metadata, &flow->err);
  if (failure != 0) return fl_error_context(&flow->err, "the identity provider");
  bool is_fine = strcmp(metadata.issuer, flow->options.config->idp_issuer) == 0 && metadata.token_endpoint != NULL;
  if (is_fine) flow->idp_token_endpoint = fl_strdup(metadata.token_endpoint);
  fl_server_metadata_deinit(&metadata);
  if (is_fine) return flow_choose_client(flow);
  return fl_error_set(&flow->err, FL_E_PROTOCOL,
                      "the metadata of the identity provider are those of another issuer, or name no token endpoint");
}

int flow_on_identity(struct fl_auth_flow *flow) {
  int followed = follow(flow, "the metadata of the identity provider");
  if (followed != 0) return followed > 0 ? 0 : followed;
  if (flow->event->status == 200) return identity_is_known(flow);
  FL_FREE_AUTO char *next = fl_server_metadata_url(&flow->issuer_url, ++flow->candidate);
  if (next != NULL) return ask_identity(flow);
  return fl_error_set(&flow->err, FL_E_PROTOCOL, "the identity provider %.500s has no metadata",
                      flow->options.config->idp_issuer);
}
