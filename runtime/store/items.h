/* SPDX-License-Identifier: MIT */
/* Items of the memory across threads, as the store keeps them: rows under a namespace and a key, the words of their
 * text in a full-text index, their vectors beside them. What a public caller may ask stands in <fairlead/memory.h>.
 *
 * A namespace is its labels joined by ".", which no label holds. Those that begin with the label "fairlead" are ours:
 * whoever searches everywhere does not see them. Writes go through FL_TXN_ITEMS, reads are synchronous.
 */
#pragma once
#include "runtime/base/slice.h"

#include <fairlead/error.h>
#include <fairlead/value.h>
#include <stdint.h>

struct fl_store;

/* ---- FL_TXN_ITEMS: all or nothing, in order ---- */

enum fl_item_op_kind {
  FL_ITEM_PUT,    /* keeps created_ms of the one it replaces */
  FL_ITEM_DELETE, /* counted when there was one */
  FL_ITEM_TOUCH,  /* an item with a ttl gets its time anew */
  FL_ITEM_SWEEP,  /* deletes what has expired; counted */
};

enum { FL_ITEM_VECTOR_MAX = 16384, FL_ITEM_VECTORS_MAX = 64 }; /* numbers of a vector; vectors of an item */

struct fl_item_op {
  enum fl_item_op_kind kind;
  const char *ns, *key;
  fl_slice body;        /* the value as JSON */
  int64_t ttl_ms;       /* 0: it stays */
  const char *text;     /* for the full-text index; NULL: none */
  const char *model;    /* name of what made the vectors */
  const float *vectors; /* vector_count times dims numbers, each vector of length 1 */
  size_t vector_count, dims;
};

struct fl_item_ops {
  const struct fl_item_op *items;
  size_t count;
};

/* ---- reading; what has expired at wall_ms is not there ---- */

struct fl_memory_item {
  const char *ns, *key;
  fl_slice body;
  int64_t created_ms, updated_ms, ttl_ms, expires_ms; /* 0: never */
  double score;
  bool has_score;
};
/* Everything lent for the visit; false to stop. */
typedef bool fl_item_fn(const struct fl_memory_item *item, void *user);

/* FL_E_NOT_FOUND. */
struct fl_item_name {
  const char *ns, *key;
  int64_t wall_ms;
};
int fl_store_read_item(struct fl_store *store, const struct fl_item_name *name, fl_item_fn *visit, void *user,
                       struct fl_error *err);

struct fl_items_query {
  const char *ns;                /* this one and all below it; "" or NULL: all */
  const struct fl_value *filter; /* NULL: all; checked by fl_item_filter_check */
  const char *words;             /* any of them; NULL: not by words */
  const char *model;             /* NULL: not by vectors */
  const float *vector;           /* of length 1 */
  size_t dims;
  size_t limit, offset;
  int64_t wall_ms;
  fl_item_fn *visit;
  void *user;
};
/* Both words and a vector: by reciprocal ranks. Neither: the last updated first. */
int fl_store_search_items(struct fl_store *store, const struct fl_items_query *query, struct fl_error *err);

/* Every namespace that holds something, sorted as text; `prefix` as in a search. */
struct fl_namespaces_query {
  const char *prefix;
  int64_t wall_ms;
  bool (*visit)(const char *ns, void *user);
  void *user;
};
int fl_store_list_namespaces(struct fl_store *store, const struct fl_namespaces_query *query, struct fl_error *err);

/* ---- pure (item_match.c) ---- */

/* An array of labels as the text of a namespace, owned. FL_E_INVALID says what is wrong with which label. A namespace
 * to search in may be empty; labels of a pattern may be "*". */
int fl_item_namespace(const struct fl_value *labels, bool may_be_empty, char **ret_ns, struct fl_error *err);
struct fl_value *fl_item_labels(const char *ns);

int fl_item_filter_check(const struct fl_value *filter, struct fl_error *err); /* FL_E_INVALID: unknown operator */
bool fl_item_filter_holds(const struct fl_value *filter, const struct fl_value *value);

/* Whether the labels begin with (end with) those of a pattern, "*" standing for any one label. */
bool fl_item_has_prefix(const struct fl_value *labels, const struct fl_value *pattern);
bool fl_item_has_suffix(const struct fl_value *labels, const struct fl_value *pattern);

/* Calls back with every text that a path leads to: "$" (the value as JSON), "a.b", "a[0]", "a[-1]", "a[*]", "*". What
 * is no string is given as JSON; null is left out. FL_E_INVALID for a path that is none. */
typedef void fl_item_text_fn(fl_slice text, void *user);
int fl_item_texts(const struct fl_value *value, const char *path, fl_item_text_fn *visit, void *user);

/* The query for the full-text index that finds any of the words of a text; NULL when it has none. Owned. */
char *fl_item_words_query(const char *text);
