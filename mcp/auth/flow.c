/* SPDX-License-Identifier: MIT */
#include "mcp/auth/flow.h"
#include "mcp/auth/flow_internal.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

struct fl_auth_flow *fl_auth_flow_create(const struct fl_auth_flow_options *options) {
  struct fl_auth_flow *flow = fl_new(struct fl_auth_flow);
  flow->options = *options;
  return flow;
}

static void clear_request(struct fl_auth_flow *flow) {
  fl_free(flow->url);
  flow->url = NULL;
  for (size_t i = 0; i < FLOW_HEADERS_MAX; i++) fl_secret_deinit(&flow->headers[i]);
  memset(flow->header_texts, 0, sizeof flow->header_texts);
  fl_secret_deinit(&flow->body);
}

void fl_auth_flow_destroy(struct fl_auth_flow *flow) {
  if (flow == NULL) return;
  clear_request(flow);
  fl_resource_metadata_deinit(&flow->resource);
  fl_server_metadata_deinit(&flow->server);
  fl_url_deinit(&flow->issuer_url);
  fl_auth_client_deinit(&flow->client);
  fl_auth_tokens_deinit(&flow->tokens);
  fl_secret_deinit(&flow->verifier);
  fl_secret_deinit(&flow->code);
  fl_secret_deinit(&flow->assertion);
  char *const texts[] = {flow->challenge_url, flow->challenge_scope, flow->prior_scope,       flow->issuer,
                         flow->dpop_nonce,    flow->scope,           flow->idp_token_endpoint};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) fl_free(texts[i]);
  fl_free(flow);
}

/* ---- effects ---- */

struct fl_auth_effect *flow_do(struct fl_auth_flow *flow, enum fl_auth_effect_kind kind) {
  fl_check(flow->effects->count < FL_AUTH_EFFECTS_MAX);
  struct fl_auth_effect *effect = &flow->effects->items[flow->effects->count++];
  *effect = (struct fl_auth_effect){.kind = kind};
  return effect;
}

int flow_request(struct fl_auth_flow *flow, const char *url, const char *what) {
  int failure = fl_auth_check_url(flow->options.server, url, what, &flow->err);
  if (failure != 0) return failure;
  char *copy = fl_strdup(url); /* it may be the old one */
  clear_request(flow);
  flow->url = copy;
  flow_header(flow, "Accept", FL_SLICE("application/json"));
  return 0;
}

void flow_header(struct fl_auth_flow *flow, const char *name, fl_slice value) {
  size_t index = 0;
  while (flow->header_texts[index] != NULL) index++;
  fl_check(index < FLOW_HEADERS_MAX);
  FL_BUF_AUTO line = {0};
  fl_buf_reserve(&line, strlen(name) + 2 + value.size); /* grows no more: no copy stays behind */
  fl_buf_add_text(&line, name);
  fl_buf_add_text(&line, ": ");
  fl_buf_add(&line, value.data, value.size);
  fl_secret_set(&flow->headers[index], fl_buf_slice(&line));
  fl_buf_wipe(&line);
  flow->header_texts[index] = flow->headers[index].data;
}

int flow_send(struct fl_auth_flow *flow, const char *method) {
  struct fl_auth_effect *effect = flow_do(flow, FL_DO_AUTH_REQUEST);
  effect->method = method;
  effect->url = flow->url;
  effect->headers = flow->header_texts;
  effect->body = fl_secret_slice(&flow->body);
  return 0;
}

const char *flow_resource(const struct fl_auth_flow *flow) {
  return flow->is_refresh ? flow->tokens.resource : flow->resource.resource;
}

static void add_printable(struct fl_buf *buf, const char *text) {
  enum { SHOWN_MAX = 300 };
  for (size_t i = 0; i < SHOWN_MAX && text[i] != '\0'; i++)
    fl_buf_add_char(buf, text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?');
}

int flow_refused(struct fl_auth_flow *flow, int code, const char *what) {
  struct fl_value *value = NULL;
  FL_BUF_AUTO text = {0};
  fl_json_read(flow->event->body, FL_JSON_STRICT, &value, NULL); /* what is no JSON says nothing more */
  const char *error = fl_get_string(value, "error", NULL);
  const char *description = fl_get_string(value, "error_description", NULL);
  if (error != NULL) fl_buf_add_text(&text, ": ");
  if (error != NULL) add_printable(&text, error);
  if (description != NULL) fl_buf_add_text(&text, ", ");
  if (description != NULL) add_printable(&text, description);
  fl_auth_wipe_value(value);
  return fl_error_set(&flow->err, code, "%s answered with status %d%s", what, flow->event->status,
                      text.data != NULL ? text.data : "");
}

/* ---- the machine ---- */

static int start(struct fl_auth_flow *flow) {
  const struct fl_challenge *challenge = flow->event->challenge;
  if (challenge != NULL) {
    flow->challenge_url = fl_strdup(challenge->resource_metadata);
    flow->challenge_scope = fl_strdup(challenge->scope);
    flow->is_dpop_challenged = challenge->scheme == FL_CHALLENGE_DPOP;
  }
  flow->prior_scope = fl_strdup(flow->event->scope);
  return flow_discover(flow);
}

static int refresh(struct fl_auth_flow *flow) {
  fl_auth_tokens_copy(&flow->tokens, flow->event->tokens);
  flow->is_refresh = true;
  flow->issuer = fl_strdup(flow->tokens.issuer);
  flow->wants_dpop = flow->tokens.is_dpop;
  const struct fl_auth_client *known = flow->options.find_client(flow->options.user, flow->issuer);
  if (known != NULL) fl_auth_client_copy(&flow->client, known);
  if (flow->options.config->client_id != NULL) flow_use_config_client(flow);
  if (flow->client.client_id == NULL || flow->tokens.refresh.size == 0 || flow->tokens.token_endpoint == NULL)
    return fl_error_set(&flow->err, FL_E_AUTH, "there is nothing to refresh the token with");
  return flow_ask_token(flow);
}

static int on_answer(struct fl_auth_flow *flow) {
  switch (flow->state) {
  case FLOW_RESOURCE: return flow_on_resource(flow);
  case FLOW_SERVER: return flow_on_server(flow);
  case FLOW_IDENTITY: return flow_on_identity(flow);
  case FLOW_REGISTER: return flow_on_registered(flow);
  case FLOW_EXCHANGE: return flow_on_exchange(flow);
  case FLOW_TOKEN: return flow_on_token(flow);
  default: break;
  }
  fl_check(!"an answer that nobody waits for");
  return FL_E_BUG;
}

static int on_failed(struct fl_auth_flow *flow) {
  flow->err = *flow->event->err;
  return flow->err.code;
}

static int dispatch(struct fl_auth_flow *flow) {
  switch (flow->event->kind) {
  case FL_EV_AUTH_START: fl_check(flow->state == FLOW_NEW); return start(flow);
  case FL_EV_AUTH_REFRESH: fl_check(flow->state == FLOW_NEW); return refresh(flow);
  case FL_EV_AUTH_ANSWER: return on_answer(flow);
  case FL_EV_AUTH_FAILED: return on_failed(flow);
  case FL_EV_AUTH_REDIRECT: fl_check(flow->state == FLOW_VISIT); return flow_on_redirect(flow);
  }
  return FL_E_BUG;
}

void fl_auth_flow_step(struct fl_auth_flow *flow, const struct fl_auth_event *event,
                       struct fl_auth_effects *ret_effects) {
  fl_check(flow->state != FLOW_OVER);
  *ret_effects = (struct fl_auth_effects){0};
  flow->event = event;
  flow->effects = ret_effects;
  int failure = dispatch(flow);
  flow->event = NULL;
  if (failure != 0) {
    if (flow->err.code == 0) fl_error_set(&flow->err, failure, "%s", fl_error_sentence(failure));
    flow_do(flow, FL_DO_AUTH_FAIL)->err = &flow->err;
    flow->state = FLOW_OVER;
  }
  flow->effects = NULL;
}
