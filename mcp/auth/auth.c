/* SPDX-License-Identifier: MIT */
/* Happy path: headers are asked for and given; a challenge starts a flow; when it is done, all who waited try again.
 * Failure modes: see auth.h; a request that is cancelled leaves its queue and hears of it by the same post. */
#include "mcp/auth/auth.h"
#include "mcp/auth/auth_internal.h"
#include "mcp/auth/dpop.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

/* ---- queues ---- */

void auth_push(struct auth_queue *queue, struct fl_mcp_auth_request *request) {
  struct fl_mcp_auth_request **link = &queue->first;
  while (*link != NULL) link = &(*link)->next;
  request->next = NULL;
  *link = request;
}

bool auth_drop(struct auth_queue *queue, struct fl_mcp_auth_request *request) {
  struct fl_mcp_auth_request **link = &queue->first;
  while (*link != NULL && *link != request) link = &(*link)->next;
  if (*link == NULL) return false;
  *link = request->next;
  request->next = NULL;
  return true;
}

void auth_wake(struct fl_mcp_auth *auth) {
  if (auth->is_posted) return;
  auth->is_posted = true;
  fl_world_post(auth->world, &auth->post);
}

static void ready(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request, const struct fl_error *err) {
  if (err != NULL) {
    request->err = fl_new(struct fl_error);
    *request->err = *err;
  }
  auth_push(&auth->ready, request);
  auth_wake(auth);
}

void auth_settle(struct fl_mcp_auth *auth, const struct fl_error *err) {
  for (struct fl_mcp_auth_request *request; (request = auth->waiting.first) != NULL;) {
    auth_drop(&auth->waiting, request);
    ready(auth, request, err);
  }
}

/* ---- headers ---- */

int64_t auth_now_s(const struct fl_mcp_auth *auth) { return fl_world_wall_ms(auth->world) / 1000; }

bool auth_is_near_end(const struct fl_mcp_auth *auth) {
  int64_t end = auth->tokens.expires_at_s;
  return end > 0 && end - auth_now_s(auth) <= AUTH_REFRESH_AHEAD_S;
}

static bool has_token(const struct fl_mcp_auth *auth) {
  int64_t end = auth->tokens.expires_at_s;
  return auth->tokens.access.size > 0 && (end == 0 || end > auth_now_s(auth));
}

static int add_proof(struct fl_mcp_auth *auth, const struct fl_mcp_auth_request *request, struct fl_buf *line,
                     struct fl_error *err) {
  uint8_t jti[FL_DPOP_JTI_SIZE];
  const struct fl_jose_key *key = auth_get_key(auth, FL_AUTH_KEY_DPOP, err);
  if (key == NULL) return err->code;
  fl_world_random(auth->world, jti, sizeof jti);
  struct fl_dpop_facts facts = {.method = request->method,
                                .url = request->url,
                                .token = &auth->tokens.access,
                                .nonce = auth->nonce,
                                .now_s = auth_now_s(auth),
                                .jti = jti};
  fl_buf_add_text(line, "DPoP: ");
  return fl_dpop_write(key, &facts, line, err);
}

static void give_headers(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request) {
  struct fl_error err = {0};
  struct fl_buf line = {0};
  FL_BUF_AUTO proof = {0};
  const char *headers[3] = {NULL};
  int failure = 0;
  request->token_number = has_token(auth) ? auth->token_number : 0;
  if (request->token_number != 0) {
    const char *scheme = auth->tokens.is_dpop ? "DPoP" : "Bearer";
    fl_buf_reserve(&line, auth->tokens.access.size + 32);
    fl_buf_addf(&line, "Authorization: %s ", scheme);
    fl_buf_add(&line, auth->tokens.access.data, auth->tokens.access.size);
    headers[0] = line.data;
    if (auth->tokens.is_dpop) failure = add_proof(auth, request, &proof, &err);
    if (auth->tokens.is_dpop) headers[1] = proof.data;
  }
  if (failure != 0) headers[0] = NULL;
  request->on_headers(request, headers, failure != 0 ? &err : NULL);
  fl_buf_wipe(&line);
}

/* ---- callbacks, all from here ---- */

static void finish_close(struct fl_mcp_auth *auth) {
  void (*on_closed)(void *user) = auth->on_closed;
  void *user = auth->closed_user;
  fl_auth_store_close(auth->store);
  fl_auth_tokens_deinit(&auth->tokens);
  fl_auth_client_deinit(&auth->found);
  fl_auth_config_deinit(&auth->config);
  fl_challenge_deinit(&auth->challenge);
  fl_secret_deinit(&auth->dpop_pem);
  fl_jose_key_destroy(auth->dpop_key);
  fl_jose_key_destroy(auth->client_key);
  fl_url_deinit(&auth->server);
  char *const texts[] = {auth->url_text,     auth->protocol_version, auth->nonce,       auth->prior_scope,
                         auth->redirect_uri, auth->redirect,         auth->bound_issuer};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) fl_free(texts[i]);
  fl_buf_wipe(&auth->body);
  fl_free(auth);
  on_closed(user);
}

static void deliver(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request) {
  struct fl_error *err = request->err;
  bool is_verdict = request->waits_for == FL_MCP_AUTH_WAITS_VERDICT;
  request->err = NULL;
  request->waits_for = FL_MCP_AUTH_IDLE;
  if (is_verdict && err == NULL) request->retry_count++;
  if (is_verdict) request->on_verdict(request, err == NULL ? FL_MCP_AUTH_RETRY : FL_MCP_AUTH_GIVE_UP, err);
  else if (err == NULL) give_headers(auth, request);
  else request->on_headers(request, (const char *const[]){NULL}, err);
  fl_free(err);
}

static void on_post(struct fl_post *post) {
  struct fl_mcp_auth *auth = post->user;
  auth->is_posted = false;
  if (auth->has_redirect && !auth->is_closing) auth_take_redirect(auth);
  struct auth_queue now = auth->ready; /* what comes in during the callbacks waits for the next post */
  auth->ready = (struct auth_queue){0};
  for (struct fl_mcp_auth_request *request; (request = now.first) != NULL;) {
    now.first = request->next;
    request->next = NULL;
    deliver(auth, request);
  }
  bool is_idle = !auth->is_posted && !auth->is_asking && auth->closing_listeners == 0;
  bool is_over = auth->is_closing && is_idle && auth->ready.first == NULL;
  if (is_over) finish_close(auth);
}

/* ---- the life of it ---- */

static int check_options(const struct fl_mcp_auth_options *options, struct fl_mcp_auth *auth, struct fl_error *err) {
  int failure = fl_url_parse(fl_slice_of(options->url), FL_URL_HTTP, &auth->server, err);
  if (failure != 0) return fl_error_context(err, "the URL of the MCP server");
  fl_free(auth->server.fragment); /* a resource has none: RFC 8707 */
  auth->server.fragment = NULL;
  failure = fl_auth_config_read(options->config, &auth->config, err);
  if (failure == 0) failure = fl_auth_store_open(auth->world, options->store_folder, &auth->store, err);
  return failure != 0 ? failure : auth_load(auth, err);
}

static void ignore_closed(void *user) {}

int fl_mcp_auth_create(struct fl_world *world, const struct fl_mcp_auth_options *options, struct fl_mcp_auth **ret_auth,
                       struct fl_error *err) {
  struct fl_mcp_auth *auth = fl_new(struct fl_mcp_auth);
  *auth = (struct fl_mcp_auth){
      .world = world,
      .is_interactive = options->is_interactive,
      .visit_timeout_ms = options->visit_timeout_ms > 0 ? options->visit_timeout_ms : AUTH_VISIT_MS,
      .visit = options->visit,
      .user = options->user,
      .refresh_lock = -1,
      .token_number = 1,
      .body = {.limit = FL_METADATA_SIZE_MAX}};
  auth->post = (struct fl_post){.on_post = on_post, .user = auth};
  auth->timer = (struct fl_timer){.on_fire = auth_on_timer, .user = auth};
  auth->protocol_version = fl_strdup(options->protocol_version);
  int failure = check_options(options, auth, err);
  if (failure == 0) {
    *ret_auth = auth;
    return 0;
  }
  auth->on_closed = ignore_closed;
  finish_close(auth);
  return failure;
}

void fl_mcp_auth_close(struct fl_mcp_auth *auth, void (*on_closed)(void *user), void *user) {
  struct fl_error err = {0};
  fl_check(!auth->is_closing);
  auth->is_closing = true;
  auth->on_closed = on_closed;
  auth->closed_user = user;
  fl_error_set(&err, FL_E_CANCELLED, "authorization was given up, since the connection is closed");
  auth_drop_flow(auth);
  auth_settle(auth, &err);
  auth_wake(auth);
}

/* ---- requests ---- */

static bool refuse_closing(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request) {
  struct fl_error err = {0};
  fl_error_set(&err, FL_E_CLOSED, "authorization is closed");
  if (auth->is_closing) ready(auth, request, &err);
  return auth->is_closing;
}

void fl_mcp_auth_headers(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request) {
  fl_check(request->waits_for == FL_MCP_AUTH_IDLE);
  request->waits_for = FL_MCP_AUTH_WAITS_HEADERS;
  if (refuse_closing(auth, request)) return;
  bool must_refresh = auth->tokens.refresh.size > 0 && auth_is_near_end(auth);
  if (auth->flow == NULL && auth->lock_tries == 0 && !must_refresh) {
    ready(auth, request, NULL);
    return;
  }
  auth_push(&auth->waiting, request);
  if (auth->flow == NULL && auth->lock_tries == 0) auth_refresh(auth);
}

static void give_up(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request, int code, const char *text) {
  struct fl_error err = {0};
  fl_error_set(&err, code, "%s", text);
  ready(auth, request, &err);
}

static void join(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request, struct fl_challenge *challenge,
                 bool must_ask) {
  auth_push(&auth->waiting, request);
  if (auth->flow != NULL || auth->lock_tries > 0) return;
  fl_challenge_deinit(&auth->challenge);
  auth->challenge = *challenge;
  *challenge = (struct fl_challenge){0};
  if (!must_ask && auth->tokens.refresh.size > 0) auth_refresh(auth);
  else auth_begin(auth);
}

/* A nonce that we had not is reason enough to try again. */
static bool has_new_nonce(struct fl_mcp_auth *auth, const struct fl_mcp_auth_answer *answer,
                          const struct fl_challenge *challenge) {
  bool is_asked = challenge->error != NULL && strcmp(challenge->error, "use_dpop_nonce") == 0;
  bool is_new = answer->dpop_nonce != NULL && (auth->nonce == NULL || strcmp(auth->nonce, answer->dpop_nonce) != 0);
  if (answer->dpop_nonce != NULL) fl_mcp_auth_note_nonce(auth, answer->dpop_nonce);
  return is_asked && is_new;
}

static void on_forbidden(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request,
                         struct fl_challenge *challenge) {
  bool is_scope = challenge->error != NULL && strcmp(challenge->error, "insufficient_scope") == 0;
  if (!is_scope) {
    give_up(auth, request, FL_E_AUTH, "the server refuses this request (403)");
  } else if (challenge->scope == NULL || fl_scope_covers(auth->tokens.scope, challenge->scope)) {
    give_up(auth, request, FL_E_AUTH, "the server asks for scopes that the token has, or does not say which (403)");
  } else {
    fl_free(auth->prior_scope);
    auth->prior_scope = fl_strdup(auth->tokens.scope);
    join(auth, request, challenge, true);
  }
}

static void on_unauthorized(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request,
                            struct fl_challenge *challenge) {
  struct fl_error err = {0};
  bool is_idle = auth->flow == NULL && auth->lock_tries == 0;
  if (is_idle && auth_load(auth, &err) < 0) { /* somebody may have logged in meanwhile, in another process */
    ready(auth, request, &err);
    return;
  }
  bool is_outdated = request->token_number != auth->token_number && has_token(auth);
  if (is_outdated && auth->flow == NULL) ready(auth, request, NULL); /* somebody else has a new one already */
  else join(auth, request, challenge, request->token_number == 0);
}

void fl_mcp_auth_challenge(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request,
                           const struct fl_mcp_auth_answer *answer) {
  FL_CHALLENGE_AUTO challenge = {0};
  struct fl_error err = {0};
  fl_check(request->waits_for == FL_MCP_AUTH_IDLE);
  request->waits_for = FL_MCP_AUTH_WAITS_VERDICT;
  if (refuse_closing(auth, request)) return;
  if (fl_challenge_read(fl_slice_of(answer->www_authenticate), &challenge, &err) < 0) ready(auth, request, &err);
  else if (request->retry_count >= AUTH_RETRIES_MAX)
    give_up(auth, request, FL_E_AUTH, "the server refuses the token again and again");
  else if (has_new_nonce(auth, answer, &challenge)) ready(auth, request, NULL);
  else if (answer->status == 403) on_forbidden(auth, request, &challenge);
  else on_unauthorized(auth, request, &challenge);
}

void fl_mcp_auth_login(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request, const char *www_authenticate) {
  FL_CHALLENGE_AUTO challenge = {0};
  struct fl_error err = {0};
  fl_check(request->waits_for == FL_MCP_AUTH_IDLE);
  request->waits_for = FL_MCP_AUTH_WAITS_VERDICT;
  if (refuse_closing(auth, request)) return;
  if (fl_challenge_read(fl_slice_of(www_authenticate), &challenge, &err) < 0) ready(auth, request, &err);
  else join(auth, request, &challenge, true);
}

void fl_mcp_auth_cancel(struct fl_mcp_auth *auth, struct fl_mcp_auth_request *request) {
  if (request->waits_for == FL_MCP_AUTH_IDLE) return;
  if (auth_drop(&auth->waiting, request)) give_up(auth, request, FL_E_CANCELLED, "it was cancelled");
}

void fl_mcp_auth_note_nonce(struct fl_mcp_auth *auth, const char *nonce) {
  char *copy = fl_strdup(nonce);
  fl_free(auth->nonce);
  auth->nonce = copy;
}

void fl_mcp_auth_redirected(struct fl_mcp_auth *auth, const char *url) {
  if (!auth->is_visiting || auth->has_redirect) return;
  auth->redirect = fl_strdup(url);
  auth->has_redirect = true;
  auth_wake(auth);
}
