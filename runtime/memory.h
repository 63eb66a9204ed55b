/* SPDX-License-Identifier: MIT */
/* Long-term memory across threads: items, each a JSON object under a namespace (a list of labels, like a folder) and a
 * key, kept in the runtime's store. They are found by namespace, by what they hold, by the words of their text (full
 * text, BM25) and by meaning (vectors of an embedding model, exact cosine similarity).
 *
 * An item as an answer is {"namespace":[…],"key","value":{…},"created_ms","updated_ms","expires_ms"?,"score"?}.
 *
 * Every function answers later, once, on the loop: `result` is lent for the call and NULL on failure. What was put is
 * on disk when the answer comes. All functions are for the loop's thread. */
#pragma once
#include <fairlead/runtime.h>
#include <fairlead/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Labels: 1 to 128 bytes each, without "."; 1 to 16 of them; the first is not "fairlead". Keys: 1 to 512 bytes. Values:
 * objects of at most 1 MiB as JSON. FL_E_INVALID, FL_E_LIMIT. */
enum { FL_MEMORY_LABELS_MAX = 16, FL_MEMORY_LABEL_MAX = 128, FL_MEMORY_KEY_MAX = 512, FL_MEMORY_VALUE_MAX = 1 << 20 };

struct fl_memory;
typedef void fl_memory_fn(struct fl_value *result, const struct fl_error *err, void *user);

/* ---- opening ---- */

/* Texts that are to become vectors: numbers[i * dims] and on is for texts[i]. Ends with fl_embedding_done, once, on the
 * loop, also from inside the call. */
struct fl_embedding {
  const char *const *texts;
  size_t count, dims;
  float *numbers;
  void *impl; /* private */
};
typedef void fl_embed_fn(struct fl_embedding *embedding, void *user);
FL_API void fl_embedding_done(struct fl_embedding *embedding, const struct fl_error *err); /* NULL: filled in */

struct fl_memory_options {
  size_t size;
  /* What of a value can be searched: an array of paths ("text", "user.name", "notes[*].body", "$": the whole value as
   * JSON). Borrowed; NULL: ["$"]; an empty array: nothing. */
  const struct fl_value *fields;
  /* How texts become vectors: {"provider":"openai" (or ollama, vllm, llamacpp),"model","dims","base_url"?,"api_key"?},
   * or {"provider":"hash","dims"?} for tests: words hashed into a vector, which knows no meaning. Borrowed; NULL: no
   * vectors, unless `embed` is there. */
  const struct fl_value *embed_model;
  /* An embedder of your own instead, under a name that stands for its model: vectors of another name are not compared.
   */
  const char *embed_name;
  size_t embed_dims;
  fl_embed_fn *embed;
  void *embed_user;
  int64_t ttl_ms;            /* for items that say nothing; 0: they stay */
  bool keeps_expiry_on_read; /* reading an item does not give it its time anew */
};

/* `options` may be NULL. Errors: FL_E_INVALID, FL_E_AUTH (a key is missing). The memory must be destroyed before its
 * runtime. */
FL_API int fl_memory_create(struct fl_runtime *runtime, const struct fl_memory_options *options,
                            struct fl_memory **ret_memory, struct fl_error *err);
/* What is under way still answers, with FL_E_CANCELLED where it had not reached the store. NULL allowed. */
FL_API void fl_memory_destroy(struct fl_memory *memory);

/* The memory of the runtime itself, for nodes: made on first use without vectors, or before that with options. Lent. */
FL_API struct fl_memory *fl_runtime_memory(struct fl_runtime *runtime);
FL_API int fl_runtime_set_memory(struct fl_runtime *runtime, const struct fl_memory_options *options,
                                 struct fl_error *err);
/* The same for a node that runs. */
FL_API struct fl_memory *fl_task_memory(struct fl_task *task);

/* ---- items ---- */

struct fl_memory_put {
  size_t size;
  const struct fl_value *ns; /* array of labels; this and the value are borrowed for the call only */
  const char *key;
  const struct fl_value *value;  /* an object */
  int64_t ttl_ms;                /* 0: the memory's; -1: it stays for ever */
  const struct fl_value *fields; /* instead of the memory's; an empty array: it is not searchable; NULL: the memory's */
};
/* Puts or replaces. Answers the item. */
FL_API void fl_memory_put(struct fl_memory *memory, const struct fl_memory_put *put, fl_memory_fn *on_done, void *user);
/* Answers the item, or null when there is none. */
FL_API void fl_memory_get(struct fl_memory *memory, const struct fl_value *ns, const char *key, fl_memory_fn *on_done,
                          void *user);
/* Answers true when there was one. */
FL_API void fl_memory_delete(struct fl_memory *memory, const struct fl_value *ns, const char *key,
                             fl_memory_fn *on_done, void *user);
/* Deletes what has expired, which nobody sees any more in any case. Answers how many. */
FL_API void fl_memory_sweep(struct fl_memory *memory, fl_memory_fn *on_done, void *user);

enum fl_memory_rank {
  FL_RANK_AUTO,   /* by both where there are vectors, else by words */
  FL_RANK_WORDS,  /* BM25 of any of the words; score: the higher the better */
  FL_RANK_VECTOR, /* cosine similarity of the closest text of an item, -1 to 1 */
  FL_RANK_BOTH,   /* reciprocal ranks of both, added up */
};
struct fl_memory_search {
  size_t size;
  const struct fl_value *ns; /* this namespace and all below it; NULL or empty: all */
  const char *query;         /* NULL: no ranking, the last updated first */
  enum fl_memory_rank rank;
  /* Members that the value must have: {"key": value} or {"key": {"$gt": 3, "$lte": 9}} with $eq $ne $gt $gte $lt $lte;
   * objects within objects likewise. NULL: all. */
  const struct fl_value *filter;
  size_t limit; /* 0: 10; at most 1,000 */
  size_t offset;
};
/* Answers an array of items, the best first. */
FL_API void fl_memory_search(struct fl_memory *memory, const struct fl_memory_search *search, fl_memory_fn *on_done,
                             void *user);

struct fl_memory_list {
  size_t size;
  const struct fl_value *prefix, *suffix; /* arrays of labels, "*" for any one; NULL: any */
  size_t max_depth;                       /* deeper namespaces are cut to so many labels; 0: as they are */
  size_t limit;                           /* 0: 100; at most 10,000 */
  size_t offset;
};
/* Answers an array of namespaces (arrays of labels), sorted, each once. */
FL_API void fl_memory_list(struct fl_memory *memory, const struct fl_memory_list *list, fl_memory_fn *on_done,
                           void *user);

#ifdef __cplusplus
}
#endif
