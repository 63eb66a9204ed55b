/* SPDX-License-Identifier: MIT */
/* What stands beside the threads: cached results, requests to whoever runs a thread, items of the memory. One
 * implementation, on SQLite: the store on disk keeps it in its file, the store in memory in a database of its own that
 * lives in memory. Private to this folder. */
#pragma once
#include "runtime/store/impl.h"
#include "runtime/store/items.h"

/* Within an open transaction of the connection that writes. */
int fl_side_apply(struct fl_db *db, const struct fl_txn *txn, struct fl_txn_answer *ret_answer, struct fl_error *err);
int fl_side_put_request(struct fl_db *db, const struct fl_txn *txn, uint64_t fence, struct fl_error *err);
int fl_side_drop_requests(struct fl_db *db, const char *thread, struct fl_error *err);

int fl_side_read_cache(struct fl_db *db, const struct fl_cache_entry *entry, int64_t wall_ms, char **ret_body,
                       struct fl_error *err);
int fl_side_list_requests(struct fl_db *db, const struct fl_requests_query *query, struct fl_error *err);

/* sqlite_items.c */
int fl_side_apply_items(struct fl_db *db, const struct fl_txn *txn, uint64_t *ret_count, struct fl_error *err);
int fl_side_read_item(struct fl_db *db, const struct fl_item_name *name, fl_item_fn *visit, void *user,
                      struct fl_error *err);
int fl_side_search_items(struct fl_db *db, const struct fl_items_query *query, struct fl_error *err);
int fl_side_list_namespaces(struct fl_db *db, const struct fl_namespaces_query *query, struct fl_error *err);
