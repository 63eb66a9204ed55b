/* SPDX-License-Identifier: MIT */
/* What the engine itself keeps in the memory across threads, beside the items of users: labels of items, what users
 * have spent. Happy path: a put that nobody waits for, since the commits behind it do. Failure mode: the put fails with
 * the store, and so does what is behind it. */
#include "runtime/engine/engine.h"

#include "runtime/base/mem.h"

struct put {
  struct fl_txn txn;
  struct fl_item_ops list;
  struct fl_item_op op;
  struct fl_runtime *runtime;
  char *ns, *key, *body;
};

static void on_put(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct put *put = txn->user;
  struct fl_runtime *runtime = put->runtime;
  fl_free(put->ns);
  fl_free(put->key);
  fl_free(put->body);
  fl_free(put);
  fl_runtime_end_txn(runtime);
}

void fl_runtime_put_item(struct fl_runtime *runtime, char *ns, const char *key, char *body, int64_t ttl_ms) {
  struct put *put = fl_new(struct put);
  put->runtime = runtime;
  put->ns = ns;
  put->key = fl_strdup(key);
  put->body = body;
  put->op =
      (struct fl_item_op){.kind = FL_ITEM_PUT, .ns = ns, .key = put->key, .body = fl_slice_of(body), .ttl_ms = ttl_ms};
  put->list = (struct fl_item_ops){&put->op, 1};
  put->txn = (struct fl_txn){.kind = FL_TXN_ITEMS,
                             .items = &put->list,
                             .wall_ms = fl_world_wall_ms(runtime->world),
                             .on_done = on_put,
                             .user = put};
  fl_runtime_begin_txn(runtime);
  fl_store_submit(runtime->store, &put->txn);
}
