/* SPDX-License-Identifier: MIT */
/* Happy path: the keys are there, the decision falls, the verdict follows by a post.
 * Failure modes: a key is not there: the checks wait while the issuer's keys are fetched (its metadata first, when
 * nothing names the place), and are decided then, with what came or with what there was; without any keys it is 503. */
#include "mcp/auth/guard.h"
#include "mcp/auth/address.h"
#include "mcp/auth/challenge.h"
#include "mcp/auth/guard_decide.h"
#include "mcp/auth/guard_seen.h"
#include "mcp/auth/metadata.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

enum { KEYS_PAUSE_MS = 30 * 1000, KEYS_AGE_MAX_MS = 3600 * 1000, FETCH_MS = 10 * 1000, WAITING_MAX = 1024 };

struct fl_mcp_guard {
  struct fl_world *world;
  struct fl_guard_rules rules; /* their texts are below */
  struct fl_url resource, issuer;
  char *resource_text, *issuer_text, *audience, *scope, *metadata_url, *metadata, *jwks_uri;
  char *metadata_paths[2];
  uint32_t pause_ms;

  struct fl_jwks keys;
  bool is_fixed; /* the keys were given */
  bool has_tried;
  int64_t fetched_ms, tried_ms;
  struct fl_guard_seen seen;

  struct fl_mcp_guard_check *waiting, *ready; /* for keys; for the post */
  size_t waiting_count;
  struct fl_post post;
  bool is_posted;

  struct fl_http http;
  bool is_asking, asks_metadata;
  size_t candidate;
  int status;
  struct fl_buf body;

  bool is_closing;
  void (*on_closed)(void *user);
  void *closed_user;
};

/* ---- checks that stand in line ---- */

static void push(struct fl_mcp_guard_check **queue, struct fl_mcp_guard_check *check) {
  while (*queue != NULL) queue = &(*queue)->next;
  check->next = NULL;
  *queue = check;
}

static bool drop(struct fl_mcp_guard_check **queue, const struct fl_mcp_guard_check *check) {
  while (*queue != NULL && *queue != check) queue = &(*queue)->next;
  if (*queue == NULL) return false;
  *queue = check->next;
  return true;
}

static void wake(struct fl_mcp_guard *guard) {
  if (guard->is_posted) return;
  guard->is_posted = true;
  fl_world_post(guard->world, &guard->post);
}

static void all_ready(struct fl_mcp_guard *guard) {
  struct fl_mcp_guard_check **end = &guard->ready;
  while (*end != NULL) end = &(*end)->next;
  *end = guard->waiting;
  guard->waiting = NULL;
  guard->waiting_count = 0;
  wake(guard);
}

/* ---- fetching the keys ---- */

static void fetch_keys(struct fl_mcp_guard *guard);

static void fetched(struct fl_mcp_guard *guard, bool is_fine) {
  if (is_fine) guard->fetched_ms = fl_world_now_ms(guard->world);
  all_ready(guard);
}

static void on_keys(struct fl_mcp_guard *guard) {
  struct fl_jwks keys = {0};
  bool is_fine = guard->status == 200 && fl_jwks_read(fl_buf_slice(&guard->body), &keys, NULL) == 0;
  if (is_fine) {
    fl_jwks_deinit(&guard->keys);
    guard->keys = keys;
  }
  fetched(guard, is_fine);
}

static void on_metadata(struct fl_mcp_guard *guard) {
  struct fl_server_metadata metadata = {0};
  bool is_there = guard->status == 200 && fl_server_metadata_read(fl_buf_slice(&guard->body), &metadata, NULL) == 0;
  bool is_fine = is_there && strcmp(metadata.issuer, guard->issuer_text) == 0 && metadata.jwks_uri != NULL &&
                 fl_auth_check_url(&guard->issuer, metadata.jwks_uri, "jwks_uri", NULL) == 0;
  if (is_fine) guard->jwks_uri = fl_strdup(metadata.jwks_uri);
  else guard->candidate++;
  fl_server_metadata_deinit(&metadata);
  fetch_keys(guard);
}

static void on_headers(struct fl_http *http, int status) { ((struct fl_mcp_guard *)http->user)->status = status; }

static void on_body(struct fl_http *http, fl_slice data) {
  fl_buf_add(&((struct fl_mcp_guard *)http->user)->body, data.data, data.size); /* body_max is the limit */
}

static void on_end(struct fl_http *http, int status, const struct fl_error *err) {
  struct fl_mcp_guard *guard = http->user;
  guard->is_asking = false;
  if (status != 0) guard->status = 0;
  if (guard->is_closing) wake(guard);
  else if (guard->asks_metadata) on_metadata(guard);
  else on_keys(guard);
}

static int get(struct fl_mcp_guard *guard, const char *url) {
  struct fl_http_options options = {.size = sizeof options,
                                    .trust = FL_TRUST_AUTH,
                                    .method = "GET",
                                    .url = url,
                                    .headers = (const char *const[]){"Accept: application/json", NULL},
                                    .connect_timeout_ms = FETCH_MS,
                                    .first_byte_timeout_ms = FETCH_MS,
                                    .idle_timeout_ms = FETCH_MS,
                                    .body_max = FL_JWKS_SIZE_MAX};
  fl_buf_clear(&guard->body);
  guard->status = 0;
  guard->http = (struct fl_http){.on_headers = on_headers, .on_body = on_body, .on_end = on_end, .user = guard};
  int failure = fl_http_start(guard->world, &guard->http, &options, NULL);
  guard->is_asking = failure == 0;
  return failure;
}

/* The keys, or first the metadata that say where they are, from one place after the other. */
static void fetch_keys(struct fl_mcp_guard *guard) {
  guard->asks_metadata = guard->jwks_uri == NULL;
  FL_FREE_AUTO char *url =
      guard->jwks_uri != NULL ? fl_strdup(guard->jwks_uri) : fl_server_metadata_url(&guard->issuer, guard->candidate);
  if (url == NULL || get(guard, url) < 0) fetched(guard, false);
}

static bool begin_fetch(struct fl_mcp_guard *guard) {
  int64_t now_ms = fl_world_now_ms(guard->world);
  if (guard->is_asking) return true;
  if (guard->is_fixed || guard->is_closing) return false;
  if (guard->has_tried && now_ms - guard->tried_ms < guard->pause_ms) return false;
  guard->has_tried = true;
  guard->tried_ms = now_ms;
  guard->candidate = 0;
  fetch_keys(guard);
  return guard->is_asking;
}

static bool are_old(const struct fl_mcp_guard *guard) {
  if (guard->is_fixed) return false;
  return guard->keys.count == 0 || fl_world_now_ms(guard->world) - guard->fetched_ms > KEYS_AGE_MAX_MS;
}

/* ---- deciding ---- */

static void give(struct fl_mcp_guard *guard, struct fl_mcp_guard_check *check, struct fl_guard_decision *decision) {
  bool is_challenge = decision->status == 400 || decision->status == 401 || decision->status == 403;
  FL_FREE_AUTO char *challenge = is_challenge ? fl_guard_challenge(&guard->rules, decision) : NULL;
  struct fl_mcp_guard_verdict verdict = {.status = decision->status,
                                         .principal = decision->principal,
                                         .claims = decision->claims,
                                         .www_authenticate = challenge,
                                         .error = decision->status == 200 ? NULL : decision->text};
  check->on_verdict(check, &verdict);
  fl_guard_decision_deinit(decision);
}

static void decide(struct fl_mcp_guard *guard, const struct fl_mcp_guard_check *check,
                   struct fl_guard_decision *decision) {
  struct fl_guard_request request = {.method = check->method,
                                     .url = check->url,
                                     .authorization = check->authorization,
                                     .dpop = check->dpop,
                                     .now_s = fl_world_wall_ms(guard->world) / 1000};
  fl_guard_decide(&guard->rules, &guard->keys, &request, decision);
}

static void count_proof(struct fl_mcp_guard *guard, struct fl_guard_decision *decision) {
  int seen = fl_guard_seen_add(&guard->seen, decision->proof, fl_world_now_ms(guard->world) / 1000);
  if (seen == FL_E_EXISTS) fl_guard_refuse(decision, 401, "invalid_dpop_proof", "the proof was used before");
  if (seen == FL_E_LIMIT) fl_guard_refuse(decision, 503, "temporarily_unavailable", "too many proofs at once");
}

/* Whether it waits now, once: the key that it names is not there, or the keys are old, and they can be fetched. */
static bool waits(struct fl_mcp_guard *guard, struct fl_mcp_guard_check *check,
                  const struct fl_guard_decision *decision) {
  bool wants = decision->wants_keys || (decision->status == 200 && are_old(guard));
  if (!wants || check->has_waited || guard->waiting_count >= WAITING_MAX || !begin_fetch(guard)) return false;
  check->has_waited = true;
  push(&guard->waiting, check);
  guard->waiting_count++;
  return true;
}

static void answer(struct fl_mcp_guard *guard, struct fl_mcp_guard_check *check) {
  struct fl_guard_decision decision = {0};
  if (guard->is_closing) fl_guard_refuse(&decision, 503, "temporarily_unavailable", "the server is closing");
  else decide(guard, check, &decision);
  if (waits(guard, check, &decision)) {
    fl_guard_decision_deinit(&decision);
    return;
  }
  if (decision.status == 200 && decision.has_proof) count_proof(guard, &decision);
  bool has_none = decision.wants_keys && guard->keys.count == 0;
  if (has_none) fl_guard_refuse(&decision, 503, "temporarily_unavailable", "the issuer's keys cannot be had");
  give(guard, check, &decision);
}

void fl_mcp_guard_check(struct fl_mcp_guard *guard, struct fl_mcp_guard_check *check) {
  check->has_waited = false;
  push(&guard->ready, check);
  wake(guard);
}

void fl_mcp_guard_cancel(struct fl_mcp_guard *guard, struct fl_mcp_guard_check *check) {
  if (drop(&guard->waiting, check)) guard->waiting_count--;
  else drop(&guard->ready, check);
}

/* ---- the life of it ---- */

static void finish_close(struct fl_mcp_guard *guard) {
  void (*on_closed)(void *user) = guard->on_closed;
  void *user = guard->closed_user;
  char *const texts[] = {guard->resource_text, guard->issuer_text,       guard->audience,
                         guard->scope,         guard->metadata_url,      guard->metadata,
                         guard->jwks_uri,      guard->metadata_paths[0], guard->metadata_paths[1]};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) fl_free(texts[i]);
  fl_url_deinit(&guard->resource);
  fl_url_deinit(&guard->issuer);
  fl_jwks_deinit(&guard->keys);
  fl_guard_seen_deinit(&guard->seen);
  fl_buf_deinit(&guard->body);
  fl_free(guard);
  if (on_closed != NULL) on_closed(user);
}

static void on_post(struct fl_post *post) {
  struct fl_mcp_guard *guard = post->user;
  guard->is_posted = false;
  for (struct fl_mcp_guard_check *check; (check = guard->ready) != NULL;) {
    guard->ready = check->next;
    answer(guard, check);
  }
  if (guard->is_closing && !guard->is_posted && !guard->is_asking) finish_close(guard);
}

static char *join(const char *const *words) {
  FL_BUF_AUTO text = {0};
  for (; words != NULL && *words != NULL; words++) fl_buf_addf(&text, "%s%s", text.size > 0 ? " " : "", *words);
  return text.size > 0 ? fl_buf_take(&text, NULL) : NULL;
}

static struct fl_value *list_of(const char *const *words) {
  struct fl_value *list = fl_array();
  for (; words != NULL && *words != NULL; words++) fl_append_take(list, fl_string(*words));
  return list;
}

static void write_metadata(struct fl_mcp_guard *guard, const struct fl_mcp_guard_options *options) {
  FL_VALUE_AUTO value = fl_object();
  const char *const *scopes = options->scopes_supported != NULL ? options->scopes_supported : options->scopes;
  fl_set_string(value, "resource", options->resource);
  fl_set_take(value, "authorization_servers", list_of((const char *const[]){options->issuer, NULL}));
  fl_set_take(value, "bearer_methods_supported", list_of((const char *const[]){"header", NULL}));
  if (scopes != NULL && *scopes != NULL) fl_set_take(value, "scopes_supported", list_of(scopes));
  if (options->requires_dpop) fl_set_bool(value, "dpop_bound_access_tokens_required", true);
  fl_set_take(value, "dpop_signing_alg_values_supported",
              list_of((const char *const[]){"ES256", "RS256", "EdDSA", NULL}));
  char *text = fl_dump(value, NULL);
  guard->metadata = fl_strdup(text);
  fl_text_free(text);
  guard->metadata_url = fl_resource_metadata_url(&guard->resource, 0);
  FL_FREE_AUTO char *origin = fl_url_origin(&guard->resource);
  for (size_t i = 0; i < 2; i++) {
    FL_FREE_AUTO char *url = fl_resource_metadata_url(&guard->resource, i);
    if (url != NULL) guard->metadata_paths[i] = fl_strdup(url + strlen(origin));
  }
}

static int read_options(struct fl_mcp_guard *guard, const struct fl_mcp_guard_options *options, struct fl_error *err) {
  int failure = fl_url_parse(fl_slice_of(options->resource), FL_URL_HTTP, &guard->resource, err);
  if (failure == 0) failure = fl_url_parse(fl_slice_of(options->issuer), FL_URL_HTTP, &guard->issuer, err);
  if (failure == 0 && guard->resource.fragment != NULL)
    failure = fl_error_set(err, FL_E_INVALID, "the resource %.500s has a fragment", options->resource);
  if (failure == 0) failure = fl_auth_check_url(&guard->issuer, options->issuer, "the issuer", err);
  if (failure == 0 && options->jwks_uri != NULL)
    failure = fl_auth_check_url(&guard->issuer, options->jwks_uri, "the keys (jwks_uri)", err);
  if (failure == 0 && options->jwks != NULL) failure = fl_jwks_read(fl_slice_of(options->jwks), &guard->keys, err);
  return failure;
}

int fl_mcp_guard_create(struct fl_world *world, const struct fl_mcp_guard_options *options,
                        struct fl_mcp_guard **ret_guard, struct fl_error *err) {
  struct fl_mcp_guard *guard = fl_new(struct fl_mcp_guard);
  guard->world = world;
  guard->pause_ms = options->jwks_pause_ms > 0 ? options->jwks_pause_ms : KEYS_PAUSE_MS;
  guard->post = (struct fl_post){.on_post = on_post, .user = guard};
  guard->body.limit = FL_JWKS_SIZE_MAX;
  int failure = read_options(guard, options, err);
  if (failure != 0) {
    finish_close(guard);
    return failure;
  }
  guard->is_fixed = options->jwks != NULL;
  guard->resource_text = fl_strdup(options->resource);
  guard->issuer_text = fl_strdup(options->issuer);
  guard->audience = fl_strdup(options->audience != NULL ? options->audience : options->resource);
  guard->scope = join(options->scopes);
  guard->jwks_uri = fl_strdup(options->jwks_uri);
  write_metadata(guard, options);
  guard->rules = (struct fl_guard_rules){.issuer = guard->issuer_text,
                                         .audience = guard->audience,
                                         .scope = guard->scope,
                                         .metadata_url = guard->metadata_url,
                                         .requires_dpop = options->requires_dpop};
  *ret_guard = guard;
  return 0;
}

void fl_mcp_guard_close(struct fl_mcp_guard *guard, void (*on_closed)(void *user), void *user) {
  fl_check(!guard->is_closing);
  guard->is_closing = true;
  guard->on_closed = on_closed;
  guard->closed_user = user;
  if (guard->is_asking) fl_http_cancel(&guard->http);
  all_ready(guard);
}

/* ---- what else a server says ---- */

char *fl_mcp_guard_challenge_scope(const struct fl_mcp_guard *guard, const char *scope) {
  struct fl_guard_rules rules = guard->rules;
  struct fl_guard_decision decision = {.is_dpop = rules.requires_dpop};
  fl_guard_refuse(&decision, 403, "insufficient_scope", "more scopes are needed for this");
  rules.scope = scope;
  return fl_guard_challenge(&rules, &decision);
}

const char *fl_mcp_guard_metadata(const struct fl_mcp_guard *guard, const char *path) {
  for (size_t i = 0; i < 2; i++)
    if (guard->metadata_paths[i] != NULL && strcmp(guard->metadata_paths[i], path) == 0) return guard->metadata;
  return NULL;
}
