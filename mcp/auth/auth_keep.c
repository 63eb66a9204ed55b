/* SPDX-License-Identifier: MIT */
/* What a struct fl_mcp_auth keeps, as records of the store: {"issuer", "client", "servers": {URL: tokens}, "bound":
 * {URL: client_id}}, where tokens carry the key that they are bound to ("dpop_key"), and "bound" says that the client
 * that a server's configuration names belongs to this issuer. */
#include "mcp/auth/auth_internal.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdlib.h>

/* ---- tokens in a record ---- */

static struct fl_value *object_in(struct fl_value *record, const char *name) {
  struct fl_value *object = fl_get(record, name);
  if (object == NULL) {
    object = fl_object();
    fl_set_take(record, name, object);
  }
  return object;
}

static struct fl_value *servers_of(struct fl_value *record) { return object_in(record, "servers"); }

const char *auth_bound_name(const struct fl_mcp_auth *auth) {
  if (auth->config.client_id != NULL) return auth->config.client_id;
  return auth->config.grant == FL_GRANT_WORKLOAD ? "workload" : NULL; /* its assertion is a secret, too */
}

static bool set_tokens(struct fl_value *record, void *user) {
  const struct fl_mcp_auth *auth = user;
  struct fl_value *tokens = fl_auth_tokens_write(&auth->tokens);
  if (auth->tokens.is_dpop) fl_set_string(tokens, "dpop_key", auth->dpop_pem.data);
  fl_set_take(servers_of(record), auth->url_text, tokens);
  if (auth_bound_name(auth) != NULL) fl_set_string(object_in(record, "bound"), auth->url_text, auth_bound_name(auth));
  return true;
}

static bool unset_tokens(struct fl_value *record, void *user) {
  const struct fl_mcp_auth *auth = user;
  if (fl_get(fl_get(record, "servers"), auth->url_text) == NULL) return false;
  fl_unset(servers_of(record), auth->url_text);
  return true;
}

static void take_tokens(struct fl_mcp_auth *auth, const struct fl_value *tokens) {
  struct fl_auth_tokens read = {0};
  fl_auth_tokens_read(tokens, &read);
  bool is_new = !fl_secret_equal(&read.access, &auth->tokens.access);
  fl_auth_tokens_move(&auth->tokens, &read);
  fl_secret_set(&auth->dpop_pem, fl_slice_of(fl_get_string(tokens, "dpop_key", NULL)));
  if (!is_new) return;
  auth->token_number++;
  fl_jose_key_destroy(auth->dpop_key); /* it belongs to the other token */
  auth->dpop_key = NULL;
}

/* ---- loading ---- */

struct search {
  const char *url, *client_id;
  char *bound_issuer;
  char *issuer;
  int64_t expires_at_s;
};

/* A server may have changed its issuer; the tokens that last longest are the newest. */
static void look(const struct fl_value *record, void *user) {
  struct search *search = user;
  const struct fl_value *tokens = fl_get(fl_get(record, "servers"), search->url);
  int64_t expires_at_s = fl_get_int(tokens, "expires_at", 0);
  const char *issuer = fl_get_string(record, "issuer", NULL);
  const char *bound = fl_get_string(fl_get(record, "bound"), search->url, NULL);
  if (bound != NULL && search->client_id != NULL && strcmp(bound, search->client_id) == 0) {
    fl_free(search->bound_issuer);
    search->bound_issuer = fl_strdup(issuer);
  }
  if (tokens == NULL || issuer == NULL || (search->issuer != NULL && expires_at_s <= search->expires_at_s)) return;
  fl_free(search->issuer);
  search->issuer = fl_strdup(issuer);
  search->expires_at_s = expires_at_s;
}

static int load_from(struct fl_mcp_auth *auth, const char *issuer, struct fl_error *err) {
  struct fl_value *record = NULL;
  int failure = fl_auth_store_read(auth->store, issuer, &record, err);
  if (failure != 0) return failure;
  const struct fl_value *tokens = fl_get(fl_get(record, "servers"), auth->url_text);
  if (tokens != NULL) take_tokens(auth, tokens);
  fl_auth_wipe_value(record);
  return 0;
}

int auth_load(struct fl_mcp_auth *auth, struct fl_error *err) {
  if (auth->url_text == NULL) auth->url_text = fl_url_format(&auth->server);
  struct search search = {.url = auth->url_text, .client_id = auth_bound_name(auth)};
  int failure = fl_auth_store_visit(auth->store, look, &search, NULL, err);
  fl_free(auth->bound_issuer);
  auth->bound_issuer = search.bound_issuer;
  if (failure == 0 && search.issuer != NULL) failure = load_from(auth, search.issuer, err);
  fl_free(search.issuer);
  return failure;
}

int auth_reload(struct fl_mcp_auth *auth, struct fl_error *err) {
  FL_FREE_AUTO char *issuer = fl_strdup(auth->tokens.issuer);
  return issuer != NULL ? load_from(auth, issuer, err) : 0;
}

/* ---- keeping ---- */

static int forget_at(struct fl_mcp_auth *auth, const char *issuer, struct fl_error *err) {
  return fl_auth_store_change(auth->store, issuer, unset_tokens, auth, err);
}

int auth_keep_tokens(struct fl_mcp_auth *auth, const char *old_issuer, struct fl_error *err) {
  int failure = fl_auth_store_change(auth->store, auth->tokens.issuer, set_tokens, auth, err);
  bool has_moved = old_issuer != NULL && strcmp(old_issuer, auth->tokens.issuer) != 0;
  return failure == 0 && has_moved ? forget_at(auth, old_issuer, err) : failure;
}

int auth_forget_tokens(struct fl_mcp_auth *auth, struct fl_error *err) {
  FL_FREE_AUTO char *issuer = fl_strdup(auth->tokens.issuer);
  fl_auth_tokens_deinit(&auth->tokens);
  return issuer != NULL ? forget_at(auth, issuer, err) : 0;
}

static bool set_client(struct fl_value *record, void *user) {
  const struct fl_auth_client *client = user;
  if (client != NULL) fl_set_take(record, "client", fl_auth_client_write(client));
  else fl_unset(record, "client");
  return true;
}

int auth_keep_client(struct fl_mcp_auth *auth, const char *issuer, const struct fl_auth_client *client,
                     struct fl_error *err) {
  return fl_auth_store_change(auth->store, issuer, set_client, (void *)(uintptr_t)client, err);
}

const struct fl_auth_client *auth_find_client(void *user, const char *issuer) {
  struct fl_mcp_auth *auth = user;
  struct fl_value *record = NULL;
  if (fl_auth_store_read(auth->store, issuer, &record, NULL) < 0) return NULL; /* then it is made anew, and replaced */
  fl_auth_client_read(fl_get(record, "client"), &auth->found);
  fl_auth_wipe_value(record);
  return auth->found.client_id != NULL ? &auth->found : NULL;
}

/* ---- looking at all of it ---- */

static void list_record(const struct fl_value *record, void *user) {
  struct fl_member member = {0};
  while (fl_next_member(fl_get(record, "servers"), &member)) {
    struct fl_value *row = fl_object();
    const char *client_id = fl_get_string(fl_get(record, "client"), "client_id", NULL);
    const char *scope = fl_get_string(member.value, "scope", NULL);
    fl_set_string(row, "server", member.key);
    fl_set_string(row, "issuer", fl_get_string(record, "issuer", ""));
    if (client_id != NULL) fl_set_string(row, "client_id", client_id);
    if (scope != NULL) fl_set_string(row, "scope", scope);
    fl_set_string(row, "token_type", fl_get_bool(member.value, "dpop", false) ? "DPoP" : "Bearer");
    fl_set_int(row, "expires_at", fl_get_int(member.value, "expires_at", 0));
    fl_set_bool(row, "has_refresh_token", fl_get(member.value, "refresh_token") != NULL);
    fl_append_take(user, row);
  }
}

int fl_mcp_auth_list(struct fl_world *world, const char *store_folder, struct fl_value **ret_list,
                     struct fl_error *err) {
  struct fl_auth_store *store = NULL;
  size_t failed = 0;
  int failure = fl_auth_store_open(world, store_folder, &store, err);
  if (failure != 0) return failure;
  FL_VALUE_AUTO list = fl_array();
  failure = fl_auth_store_visit(store, list_record, list, &failed, err);
  fl_auth_store_close(store);
  if (failure == 0 && failed > 0)
    failure = fl_error_set(err, FL_E_CORRUPT,
                           "%zu records in %s cannot be opened: they are damaged, or sealed with another key", failed,
                           store_folder);
  if (failure == 0) *ret_list = fl_value_ref(list);
  return failure;
}

struct forgetting {
  const struct fl_mcp_auth_forget *what;
  const char *url; /* in normal form; NULL: all */
  struct fl_value *issuers;
  size_t count;
};

static void note_issuer(const struct fl_value *record, void *user) {
  struct forgetting *forgetting = user;
  const char *issuer = fl_get_string(record, "issuer", NULL);
  const struct fl_value *servers = fl_get(record, "servers");
  bool is_meant = forgetting->url == NULL || fl_get(servers, forgetting->url) != NULL;
  if (issuer != NULL && is_meant) fl_append_take(forgetting->issuers, fl_string(issuer));
}

static bool forget_in(struct fl_value *record, void *user) {
  struct forgetting *forgetting = user;
  struct fl_value *servers = servers_of(record);
  forgetting->count += forgetting->url != NULL ? 1 : fl_size(servers);
  if (forgetting->url != NULL) fl_unset(servers, forgetting->url);
  else fl_set_take(record, "servers", fl_object());
  if (forgetting->what->clients) fl_unset(record, "client");
  if (forgetting->what->clients) fl_unset(record, "bound");
  return true;
}

static int forget_all(struct fl_auth_store *store, struct forgetting *forgetting, struct fl_error *err) {
  int failure = fl_auth_store_visit(store, note_issuer, forgetting, NULL, err);
  for (size_t i = 0; failure == 0 && i < fl_size(forgetting->issuers); i++)
    failure = fl_auth_store_change(store, fl_as_string(fl_at(forgetting->issuers, i)), forget_in, forgetting, err);
  return failure;
}

int fl_mcp_auth_forget(struct fl_world *world, const struct fl_mcp_auth_forget *what, size_t *ret_count,
                       struct fl_error *err) {
  struct fl_url url = {0};
  struct fl_auth_store *store = NULL;
  int failure = what->url != NULL ? fl_url_parse(fl_slice_of(what->url), FL_URL_HTTP, &url, err) : 0;
  if (failure == 0) failure = fl_auth_store_open(world, what->store_folder, &store, err);
  if (failure != 0) {
    fl_url_deinit(&url);
    return failure;
  }
  fl_free(url.fragment);
  url.fragment = NULL;
  FL_FREE_AUTO char *text = what->url != NULL ? fl_url_format(&url) : NULL;
  FL_VALUE_AUTO issuers = fl_array();
  struct forgetting forgetting = {.what = what, .url = text, .issuers = issuers};
  failure = forget_all(store, &forgetting, err);
  fl_auth_store_close(store);
  fl_url_deinit(&url);
  if (failure == 0) *ret_count = forgetting.count;
  return failure;
}

char *fl_mcp_auth_default_folder(void) {
  const char *own = secure_getenv("FAIRLEAD_AUTH_DIR"), *state = secure_getenv("XDG_STATE_HOME");
  const char *home = secure_getenv("HOME");
  if (own != NULL && *own != '\0') return fl_strdup(own);
  if (state != NULL && *state == '/') return fl_format("%s/fairlead/auth", state);
  return fl_format("%s/.local/state/fairlead/auth", home != NULL && *home != '\0' ? home : ".");
}
