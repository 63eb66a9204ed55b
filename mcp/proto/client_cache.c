/* SPDX-License-Identifier: MIT */
/* Results that a modern server allows to be kept for a while (ttlMs, SEP-2549). A session stands for one authorization
 * context, so what is private and what is public are kept alike; what a notification says has changed is forgotten.
 * Bounded by count and weight: the oldest goes first. */
#include "mcp/proto/client_internal.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

enum { TTL_MAX_MS = 24 * 3600 * 1000, COUNT_MAX = 256, WEIGHT_MAX = 16 * 1024 * 1024 };

static void make_key(struct fl_buf *key, const char *method, const struct fl_value *params) {
  fl_buf_add_text(key, method);
  fl_buf_add_char(key, ' ');
  fl_json_write(key, params, FL_JSON_CANONICAL);
}

static void drop(struct fl_mcp_client_session *session, fl_slice key) {
  struct fl_mcp_cached *cached = fl_map_remove_n(&session->cache, key);
  if (cached == NULL) return;
  session->cache_weight -= cached->weight;
  fl_value_unref(cached->result);
  fl_free(cached->method);
  fl_free(cached->uri);
  fl_free(cached);
}

static bool fits(const struct fl_mcp_cached *cached, const char *method, const char *uri) {
  if (method == NULL) return true;
  if (strcmp(cached->method, method) != 0) return false;
  return uri == NULL || (cached->uri != NULL && strcmp(cached->uri, uri) == 0);
}

void fl_mcp_client_cache_forget(struct fl_mcp_client_session *session, const char *method, const char *uri) {
  struct fl_map_entry *entry;
  for (size_t cursor = 0; (entry = fl_map_next(&session->cache, &cursor)) != NULL;) {
    if (!fits(entry->value, method, uri)) continue;
    FL_BUF_AUTO key = {0}; /* the entry's own goes with it */
    fl_buf_add(&key, entry->key, entry->key_size);
    drop(session, fl_buf_slice(&key));
    cursor = 0;
  }
}

struct fl_value *fl_mcp_client_cache_find(struct fl_mcp_client_session *session, int64_t now_ms, const char *method,
                                          const struct fl_value *params) {
  if (session->cache.count == 0) return NULL;
  FL_BUF_AUTO key = {0};
  make_key(&key, method, params);
  struct fl_mcp_cached *cached = fl_map_get_n(&session->cache, fl_buf_slice(&key));
  if (cached == NULL) return NULL;
  if (now_ms < cached->until_ms) return cached->result;
  drop(session, fl_buf_slice(&key));
  return NULL;
}

static void make_room(struct fl_mcp_client_session *session, size_t weight) {
  while (session->cache.count > 0 &&
         (session->cache.count >= COUNT_MAX || session->cache_weight + weight > WEIGHT_MAX)) {
    size_t cursor = 0;
    const struct fl_map_entry *oldest = fl_map_next(&session->cache, &cursor);
    FL_BUF_AUTO key = {0};
    fl_buf_add(&key, oldest->key, oldest->key_size);
    drop(session, fl_buf_slice(&key));
  }
}

void fl_mcp_client_cache_keep(struct fl_mcp_client_session *session, int64_t now_ms,
                              const struct fl_mcp_client_call *call, struct fl_value *result) {
  int64_t ttl = fl_get_int(result, "ttlMs", 0);
  bool may_keep = call->known != NULL && call->known->is_cached && call->rounds == 0 && !call->is_hidden;
  if (!may_keep || ttl <= 0 || !fl_mcp_client_is_modern(session)) return;
  size_t weight = fl_json_weight(result);
  if (weight > WEIGHT_MAX / 4) return;
  FL_BUF_AUTO key = {0};
  make_key(&key, call->method, call->args);
  drop(session, fl_buf_slice(&key));
  make_room(session, weight);
  struct fl_mcp_cached *cached = fl_new(struct fl_mcp_cached);
  *cached = (struct fl_mcp_cached){.result = fl_value_ref(result),
                                   .until_ms = now_ms + (ttl < TTL_MAX_MS ? ttl : TTL_MAX_MS),
                                   .weight = weight,
                                   .method = fl_strdup(call->method),
                                   .uri = fl_strdup(fl_get_string(call->args, "uri", NULL))};
  session->cache_weight += weight;
  fl_map_set_n(&session->cache, fl_buf_slice(&key), cached);
}
