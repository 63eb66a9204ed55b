/* SPDX-License-Identifier: MIT */
/* Drives the flow: its requests by HTTP, its visit by the browser, what it gives into the store.
 *
 * Happy path: begin, step, perform, answer, step, …, DONE, everybody tries again.
 * Failure modes: a refresh that the server refuses for good drops the tokens and becomes a full flow when somebody
 * waits for a verdict; any other failure ends the wait of all with its error; the visit's time runs out. */
#include "mcp/auth/auth_internal.h"
#include "mcp/auth/store_file.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

enum { CONNECT_MS = 10 * 1000, ANSWER_MS = 30 * 1000, ASSERTION_FILE_MAX = 32 * 1024 };

static void feed(struct fl_mcp_auth *auth, struct fl_auth_event *event);

/* ---- keys ---- */

static int load_key(struct fl_mcp_auth *auth, enum fl_auth_key which, struct fl_jose_key **place,
                    struct fl_error *err) {
  if (which == FL_AUTH_KEY_CLIENT) {
    int failure = fl_jose_read_private(fl_secret_slice(&auth->config.private_key), place, err);
    return failure != 0 ? fl_error_context(err, "auth: private_key_pem") : 0;
  }
  if (auth->dpop_pem.size > 0) return fl_jose_read_private(fl_secret_slice(&auth->dpop_pem), place, err);
  int failure = fl_jose_generate(FL_JOSE_ES256, place, err);
  return failure != 0 ? failure : fl_jose_write_private(*place, &auth->dpop_pem, err);
}

const struct fl_jose_key *auth_get_key(void *user, enum fl_auth_key key, struct fl_error *err) {
  struct fl_mcp_auth *auth = user;
  struct fl_jose_key **place = key == FL_AUTH_KEY_CLIENT ? &auth->client_key : &auth->dpop_key;
  if (*place == NULL && load_key(auth, key, place, err) < 0) return NULL;
  return *place;
}

/* ---- HTTP ---- */

/* The kind of the MCP server's own address is learned when it is asked itself; others may be of that kind. */
static bool allow_address(const char *address, uint16_t port, void *user) {
  struct fl_mcp_auth *auth = user;
  enum fl_address_kind kind = fl_address_kind(address);
  if (auth->asks_server) {
    auth->has_server_kind = true;
    auth->server_kind = kind;
    return true;
  }
  if (kind == FL_ADDRESS_PUBLIC || fl_networks_have(&auth->config.networks, address)) return true;
  return auth->has_server_kind && kind == auth->server_kind;
}

static void on_headers(struct fl_http *http, int status) { ((struct fl_mcp_auth *)http->user)->status = status; }

static void on_body(struct fl_http *http, fl_slice data) {
  struct fl_mcp_auth *auth = http->user;
  fl_buf_add(&auth->body, data.data, data.size); /* body_max is the limit */
}

static void on_failed(struct fl_mcp_auth *auth, const struct fl_error *failed) {
  struct fl_error err = *failed;
  if (err.code == FL_E_DENIED)
    fl_error_context(&err, "authorization may not reach an address that is not public; when it is meant to, name its "
                           "network in auth.allow_addresses");
  struct fl_auth_event event = {.kind = FL_EV_AUTH_FAILED, .err = &err};
  feed(auth, &event);
}

static void on_end(struct fl_http *http, int status, const struct fl_error *err) {
  struct fl_mcp_auth *auth = http->user;
  auth->is_asking = false;
  if (auth->flow == NULL) {
    auth_wake(auth); /* closing waits for it */
  } else if (status != 0) {
    on_failed(auth, err);
  } else {
    struct fl_auth_event event = {.kind = FL_EV_AUTH_ANSWER,
                                  .status = auth->status,
                                  .body = fl_buf_slice(&auth->body),
                                  .dpop_nonce = fl_http_header(http, "DPoP-Nonce"),
                                  .location = fl_http_header(http, "Location")};
    struct fl_buf body = auth->body; /* the next request has its own */
    auth->body = (struct fl_buf){.limit = FL_METADATA_SIZE_MAX};
    feed(auth, &event);
    fl_buf_wipe(&body);
  }
}

static bool is_server(const struct fl_mcp_auth *auth, const char *text) {
  struct fl_url url = {0};
  bool is_it =
      fl_url_parse(fl_slice_of(text), FL_URL_HTTP, &url, NULL) == 0 && fl_url_is_same_origin(&url, &auth->server);
  fl_url_deinit(&url);
  return is_it;
}

static void perform_request(struct fl_mcp_auth *auth, const struct fl_auth_effect *effect) {
  struct fl_error err = {0};
  struct fl_http_options options = {.size = sizeof options,
                                    .trust = FL_TRUST_AUTH,
                                    .method = effect->method,
                                    .url = effect->url,
                                    .headers = effect->headers,
                                    .body = effect->body,
                                    .connect_timeout_ms = CONNECT_MS,
                                    .first_byte_timeout_ms = ANSWER_MS,
                                    .idle_timeout_ms = ANSWER_MS,
                                    .body_max = FL_METADATA_SIZE_MAX,
                                    .allow_address = allow_address};
  fl_buf_wipe(&auth->body);
  auth->body.limit = FL_METADATA_SIZE_MAX;
  auth->status = 0;
  auth->asks_server = is_server(auth, effect->url);
  auth->http = (struct fl_http){.on_headers = on_headers, .on_body = on_body, .on_end = on_end, .user = auth};
  auth->is_asking = fl_http_start(auth->world, &auth->http, &options, &err) == 0;
  if (!auth->is_asking) on_failed(auth, &err);
}

/* ---- the visit ---- */

static void perform_visit(struct fl_mcp_auth *auth, const struct fl_auth_effect *effect) {
  struct fl_error err = {0};
  auth->is_visiting = true;
  fl_timer_start(auth->world, &auth->timer, auth->visit_timeout_ms);
  if (auth->visit != NULL) {
    auth->visit(auth, effect->url, auth->user);
  } else if (fl_mcp_auth_open_browser(effect->url, &err) < 0) {
    auth->is_visiting = false;
    fl_timer_stop(auth->world, &auth->timer);
    on_failed(auth, &err);
  }
}

void auth_take_redirect(struct fl_mcp_auth *auth) {
  struct fl_auth_event event = {.kind = FL_EV_AUTH_REDIRECT, .url = auth->redirect};
  char *url = auth->redirect;
  auth->redirect = NULL;
  auth->has_redirect = false;
  if (auth->is_visiting) {
    auth->is_visiting = false;
    fl_timer_stop(auth->world, &auth->timer);
    feed(auth, &event);
  }
  fl_wipe_text(url);
}

/* ---- the ends ---- */

void auth_drop_flow(struct fl_mcp_auth *auth) {
  fl_auth_flow_destroy(auth->flow);
  auth->flow = NULL;
  auth->is_visiting = false;
  auth->lock_tries = 0;
  auth_listen_close(auth);
  fl_timer_stop(auth->world, &auth->timer);
  fl_auth_store_unlock(auth->refresh_lock);
  auth->refresh_lock = -1;
  if (auth->is_asking) fl_http_cancel(&auth->http);
}

static void perform_done(struct fl_mcp_auth *auth, const struct fl_auth_effect *effect) {
  struct fl_error err = {0};
  FL_FREE_AUTO char *old_issuer = fl_strdup(auth->tokens.issuer);
  fl_auth_tokens_move(&auth->tokens, effect->tokens);
  auth->token_number++;
  if (auth_bound_name(auth) != NULL && auth->bound_issuer == NULL) auth->bound_issuer = fl_strdup(auth->tokens.issuer);
  fl_free(auth->prior_scope);
  auth->prior_scope = NULL;
  int failure = auth_keep_tokens(auth, old_issuer, &err);
  auth_drop_flow(auth);
  auth_settle(auth, failure != 0 ? &err : NULL);
}

static bool wants_verdict(const struct fl_mcp_auth *auth) {
  for (const struct fl_mcp_auth_request *request = auth->waiting.first; request != NULL; request = request->next)
    if (request->waits_for == FL_MCP_AUTH_WAITS_VERDICT) return true;
  return false;
}

/* A refresh that did not work: for good, then without tokens; for the moment, then with what is left of the old one. */
static void refresh_failed(struct fl_mcp_auth *auth, const struct fl_error *failed) {
  struct fl_error err = *failed;
  auth_drop_flow(auth);
  if (err.code == FL_E_AUTH) {
    int failure = auth_forget_tokens(auth, &err);
    if (failure != 0) auth_settle(auth, &err);
    else if (wants_verdict(auth)) auth_begin(auth);
    else auth_settle(auth, NULL); /* no headers: the server's challenge says what to do */
  } else if (!wants_verdict(auth) && auth->tokens.expires_at_s > auth_now_s(auth)) {
    auth_settle(auth, NULL);
  } else {
    auth_settle(auth, &err);
  }
}

static void perform_fail(struct fl_mcp_auth *auth, const struct fl_auth_effect *effect) {
  struct fl_error err = *effect->err; /* the flow's, which goes */
  if (auth->is_refresh) {
    refresh_failed(auth, &err);
  } else {
    auth_drop_flow(auth);
    auth_settle(auth, &err);
  }
}

/* ---- the loop ---- */

static void keep_client(struct fl_mcp_auth *auth, const struct fl_auth_effect *effect, struct fl_error *err) {
  if (err->code == 0) auth_keep_client(auth, effect->issuer, effect->client, err);
}

static void perform_last(struct fl_mcp_auth *auth, const struct fl_auth_effect *effect) {
  switch (effect->kind) {
  case FL_DO_AUTH_REQUEST: perform_request(auth, effect); break;
  case FL_DO_AUTH_VISIT: perform_visit(auth, effect); break;
  case FL_DO_AUTH_DONE: perform_done(auth, effect); break;
  default: perform_fail(auth, effect); break;
  }
}

/* Each step ends in exactly one of the four, after what is to be kept; what cannot be kept is a failure. */
static void feed(struct fl_mcp_auth *auth, struct fl_auth_event *event) {
  struct fl_auth_effects effects;
  struct fl_error err = {0};
  event->now_s = auth_now_s(auth);
  fl_world_random(auth->world, event->random, sizeof event->random);
  fl_auth_flow_step(auth->flow, event, &effects);
  fl_wipe(event->random, sizeof event->random);
  for (size_t i = 0; i + 1 < effects.count; i++) keep_client(auth, &effects.items[i], &err);
  if (err.code != 0) {
    struct fl_auth_effect failed = {.kind = FL_DO_AUTH_FAIL, .err = &err};
    perform_fail(auth, &failed);
  } else {
    perform_last(auth, &effects.items[effects.count - 1]);
  }
}

/* ---- beginnings ---- */

static int read_secret_file(const char *path, struct fl_secret *ret_secret, struct fl_error *err) {
  if (path == NULL) return 0;
  struct fl_buf text = {.limit = ASSERTION_FILE_MAX};
  fl_buf_reserve(&text, ASSERTION_FILE_MAX);
  int failure = fl_store_read_file(path, &text, err);
  if (failure == FL_E_NOT_FOUND) fl_error_set(err, failure, "auth: there is no file %s", path);
  while (text.size > 0 && strchr(" \r\n", text.data[text.size - 1]) != NULL) text.size--;
  if (failure == 0) fl_secret_set(ret_secret, fl_buf_slice(&text));
  fl_buf_wipe(&text);
  return failure;
}

static void create_flow(struct fl_mcp_auth *auth) {
  const char *issuer = auth->config.issuer;
  struct fl_auth_flow_options options = {.server = &auth->server,
                                         .config = &auth->config,
                                         .protocol_version = auth->protocol_version,
                                         .issuer = issuer != NULL ? issuer : auth->bound_issuer,
                                         .redirect_uri = auth->redirect_uri,
                                         .find_client = auth_find_client,
                                         .get_key = auth_get_key,
                                         .user = auth};
  auth->flow = fl_auth_flow_create(&options);
}

/* Where the person comes back to; nowhere when none may be asked. */
static int choose_redirect(struct fl_mcp_auth *auth, struct fl_error *err) {
  fl_free(auth->redirect_uri);
  auth->redirect_uri = NULL;
  if (!auth->is_interactive || auth->config.grant != FL_GRANT_CODE) return 0;
  if (auth->config.redirect_uri == NULL) return auth_listen_open(auth, err);
  auth->redirect_uri = fl_strdup(auth->config.redirect_uri);
  return 0;
}

void auth_begin(struct fl_mcp_auth *auth) {
  struct fl_error err = {0};
  int failure = read_secret_file(auth->config.assertion_file, &auth->config.assertion, &err);
  if (failure == 0) failure = read_secret_file(auth->config.idp_id_token_file, &auth->config.idp_id_token, &err);
  if (failure != 0) {
    auth_settle(auth, &err);
    return;
  }
  if (choose_redirect(auth, &err) < 0) {
    auth_settle(auth, &err);
    return;
  }
  create_flow(auth);
  auth->is_refresh = false;
  struct fl_auth_event event = {.kind = FL_EV_AUTH_START, .challenge = &auth->challenge, .scope = auth->prior_scope};
  feed(auth, &event);
}

/* With the lock: another process may have been faster. */
static void refresh_locked(struct fl_mcp_auth *auth) {
  struct fl_error err = {0};
  uint64_t number = auth->token_number;
  if (auth_reload(auth, &err) < 0 || (auth->token_number != number && !auth_is_near_end(auth))) {
    auth_drop_flow(auth);
    auth_settle(auth, err.code != 0 ? &err : NULL);
    return;
  }
  create_flow(auth);
  auth->is_refresh = true;
  struct fl_auth_event event = {.kind = FL_EV_AUTH_REFRESH, .tokens = &auth->tokens};
  feed(auth, &event);
}

void auth_refresh(struct fl_mcp_auth *auth) {
  struct fl_error err = {0};
  int failure = fl_auth_store_lock_refresh(auth->store, auth->url_text, &auth->refresh_lock);
  if (failure == 0) {
    auth->lock_tries = 0;
    refresh_locked(auth);
  } else if (failure == FL_E_BUSY && ++auth->lock_tries < AUTH_LOCK_TRIES) {
    fl_timer_start(auth->world, &auth->timer, AUTH_LOCK_PAUSE_MS);
  } else {
    auth->lock_tries = 0;
    fl_error_set(&err, failure, "another process refreshes the token and does not end, or the lock cannot be had");
    auth_settle(auth, &err);
  }
}

void auth_on_timer(struct fl_timer *timer) {
  struct fl_mcp_auth *auth = timer->user;
  struct fl_error err = {0};
  if (auth->flow == NULL) {
    auth_refresh(auth);
    return;
  }
  fl_check(auth->is_visiting);
  auth->is_visiting = false;
  fl_error_set(&err, FL_E_TIMEOUT, "nobody agreed in the browser in time");
  struct fl_auth_event event = {.kind = FL_EV_AUTH_FAILED, .err = &err};
  feed(auth, &event);
}
