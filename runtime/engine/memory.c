/* SPDX-License-Identifier: MIT */
/* The memory across threads, as programs and nodes use it: checks what is asked, turns texts into vectors, and hands
 * rows to the store.
 *
 * Happy path of a put: check; texts of the fields; their vectors; a transaction; the answer. Of a search: the vector of
 * the query; read; items with a time to live get it anew; the answer.
 * Failure modes: what is asked makes no sense, or the embedder or the store fails: the answer is that error, and
 * nothing was changed. The memory is destroyed meanwhile: what has not reached the store is not done. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/base/vector.h"
#include "runtime/engine/engine.h"
#include "runtime/engine/spill.h"
#include "runtime/json/json.h"
#include "runtime/model/embed.h"

#include <fairlead/memory.h>

enum {
  SEARCH_LIMIT = 10,
  SEARCH_LIMIT_MAX = 1000,
  LIST_LIMIT = 100,
  LIST_LIMIT_MAX = 10000,
  TEXT_SIZE_MAX = 1 << 20, /* of an item, for the full-text index */
};

struct fl_memory {
  struct fl_runtime *runtime;
  struct fl_value *fields;
  struct fl_embedder *own_embedder; /* NULL: none, or the program's */
  fl_embed_fn *embed;               /* NULL: no vectors */
  void *embed_user;
  char *model; /* name of the embedder */
  size_t dims;
  int64_t ttl_ms;
  bool keeps_expiry, is_destroyed;
  size_t operation_count;
};

enum kind { PUT, GET, DELETE, SWEEP, SEARCH, LIST };

struct operation {
  struct fl_memory *memory;
  enum kind kind;
  fl_memory_fn *on_done;
  void *user;
  struct fl_post post;
  struct fl_error error; /* code 0: none so far */
  struct fl_value *result;
  /* what is asked */
  char *ns, *key, *query;
  struct fl_value *filter, *prefix, *suffix;
  enum fl_memory_rank rank;
  size_t limit, offset, max_depth;
  struct fl_buf body, text;
  int64_t ttl_ms;
  /* vectors */
  char **texts;
  size_t text_count;
  struct fl_embedding embedding;
  /* the store */
  struct fl_item_op *ops;
  size_t op_count;
  struct fl_item_ops op_list;
  struct fl_txn txn;
};

/* ---- life of an operation ---- */

static void memory_free(struct fl_memory *memory) {
  if (!memory->is_destroyed || memory->operation_count > 0) return;
  fl_value_unref(memory->fields);
  fl_free(memory->model);
  fl_free(memory);
}

static struct operation *operation_create(struct fl_memory *memory, enum kind kind, fl_memory_fn *on_done, void *user) {
  struct operation *operation = fl_new(struct operation);
  *operation = (struct operation){.memory = memory, .kind = kind, .on_done = on_done, .user = user};
  memory->operation_count++;
  memory->runtime->release_count++; /* without holding the world: an embedder waits for timers */
  return operation;
}

static void operation_free(struct operation *operation) {
  fl_value_unref(operation->result);
  fl_free(operation->ns);
  fl_free(operation->key);
  fl_free(operation->query);
  fl_value_unref(operation->filter);
  fl_value_unref(operation->prefix);
  fl_value_unref(operation->suffix);
  fl_buf_deinit(&operation->body);
  fl_buf_deinit(&operation->text);
  for (size_t i = 0; i < operation->text_count; i++) fl_free(operation->texts[i]);
  fl_free(operation->texts);
  fl_free(operation->embedding.numbers);
  for (size_t i = 0; operation->kind == SEARCH && i < operation->op_count; i++) {
    fl_free((char *)operation->ops[i].ns);
    fl_free((char *)operation->ops[i].key);
  }
  fl_free(operation->ops);
  fl_free(operation);
}

static void let_go(struct fl_runtime *runtime) {
  runtime->release_count--;
  if (runtime->release_count == 0 && runtime->is_closing && runtime->owns_world) fl_world_stop(runtime->world);
}

static void answer(struct operation *operation) {
  struct fl_memory *memory = operation->memory;
  struct fl_runtime *runtime = memory->runtime;
  bool failed = operation->error.code != 0;
  operation->on_done(failed ? NULL : operation->result, failed ? &operation->error : NULL, operation->user);
  operation_free(operation);
  memory->operation_count--;
  memory_free(memory);
  let_go(runtime);
}

static void go_on(struct operation *operation);

static void on_post(struct fl_post *post) {
  struct operation *operation = post->user;
  fl_world_release(operation->memory->runtime->world);
  if (operation->error.code != 0) answer(operation);
  else go_on(operation);
}

/* From the loop, never from inside the call that asked. */
static void later(struct operation *operation) {
  struct fl_world *world = operation->memory->runtime->world;
  operation->post = (struct fl_post){.on_post = on_post, .user = operation};
  fl_world_hold(world);
  fl_world_post(world, &operation->post);
}

/* ---- items as values ---- */

static struct fl_value *item_value(const struct fl_memory_item *item) {
  struct fl_value *value = NULL, *entry = fl_object();
  if (fl_json_read(item->body, FL_JSON_FULL, &value, NULL) != 0) value = fl_null();
  fl_set_take(entry, "namespace", fl_item_labels(item->ns));
  fl_set_string(entry, "key", item->key);
  fl_set_take(entry, "value", value);
  fl_set_int(entry, "created_ms", item->created_ms);
  fl_set_int(entry, "updated_ms", item->updated_ms);
  if (item->expires_ms != 0) fl_set_int(entry, "expires_ms", item->expires_ms);
  if (item->has_score) fl_set_take(entry, "score", fl_double(item->score));
  return entry;
}

static int64_t now(const struct operation *operation) { return fl_world_wall_ms(operation->memory->runtime->world); }

/* ---- the store's part ---- */

static bool take_item(const struct fl_memory_item *item, void *user) {
  struct operation *operation = user;
  fl_value_unref(operation->result);
  operation->result = item_value(item);
  operation->ttl_ms = item->ttl_ms;
  return false;
}

static void read_one(struct operation *operation) {
  const struct fl_item_name name = {operation->ns, operation->key, now(operation)};
  operation->ttl_ms = 0;
  int status = fl_store_read_item(operation->memory->runtime->store, &name, take_item, operation, &operation->error);
  if (status != FL_E_NOT_FOUND) return;
  operation->error = (struct fl_error){0};
  operation->result = fl_null();
}

static void on_stored(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct operation *operation = txn->user;
  if (status != 0) operation->error = *err;
  else if (operation->kind == PUT) read_one(operation);
  else if (operation->kind == DELETE) operation->result = fl_bool(txn->count > 0);
  else if (operation->kind == SWEEP) operation->result = fl_int((int64_t)txn->count);
  answer(operation);
}

static void submit(struct operation *operation) {
  operation->op_list = (struct fl_item_ops){operation->ops, operation->op_count};
  operation->txn = (struct fl_txn){.kind = FL_TXN_ITEMS,
                                   .items = &operation->op_list,
                                   .wall_ms = now(operation),
                                   .on_done = on_stored,
                                   .user = operation};
  fl_store_submit(operation->memory->runtime->store, &operation->txn);
}

static void submit_one(struct operation *operation, enum fl_item_op_kind kind) {
  const struct fl_embedding *embedding = &operation->embedding;
  operation->ops = fl_new(struct fl_item_op);
  operation->op_count = 1;
  *operation->ops = (struct fl_item_op){.kind = kind,
                                        .ns = operation->ns,
                                        .key = operation->key,
                                        .body = fl_buf_slice(&operation->body),
                                        .ttl_ms = operation->ttl_ms,
                                        .text = operation->text.data,
                                        .model = operation->memory->model,
                                        .vectors = embedding->numbers,
                                        .vector_count = embedding->numbers != NULL ? embedding->count : 0,
                                        .dims = embedding->dims};
  submit(operation);
}

static void get(struct operation *operation) {
  read_one(operation);
  bool touches = operation->error.code == 0 && operation->ttl_ms != 0 && !operation->memory->keeps_expiry;
  if (touches) submit_one(operation, FL_ITEM_TOUCH);
  else answer(operation);
}

/* ---- searching ---- */

static bool collect(const struct fl_memory_item *item, void *user) {
  struct operation *operation = user;
  fl_append_take(operation->result, item_value(item));
  if (item->ttl_ms == 0 || operation->memory->keeps_expiry) return true;
  operation->ops = fl_realloc(operation->ops, (operation->op_count + 1) * sizeof *operation->ops);
  operation->ops[operation->op_count++] =
      (struct fl_item_op){.kind = FL_ITEM_TOUCH, .ns = fl_strdup(item->ns), .key = fl_strdup(item->key)};
  return true;
}

static void search(struct operation *operation) {
  bool by_vector = operation->embedding.numbers != NULL;
  bool by_words = operation->query != NULL && operation->rank != FL_RANK_VECTOR;
  const struct fl_items_query query = {.ns = operation->ns,
                                       .filter = operation->filter,
                                       .words = by_words ? operation->query : NULL,
                                       .model = by_vector ? operation->memory->model : NULL,
                                       .vector = operation->embedding.numbers,
                                       .dims = operation->memory->dims,
                                       .limit = operation->limit,
                                       .offset = operation->offset,
                                       .wall_ms = now(operation),
                                       .visit = collect,
                                       .user = operation};
  operation->result = fl_array();
  int status = fl_store_search_items(operation->memory->runtime->store, &query, &operation->error);
  if (status == 0 && operation->op_count > 0) submit(operation);
  else answer(operation);
}

/* ---- listing ---- */

static struct fl_value *cut(struct fl_value *labels, size_t max_depth) {
  if (max_depth == 0 || fl_size(labels) <= max_depth) return fl_value_ref(labels);
  struct fl_value *front = fl_array();
  for (size_t i = 0; i < max_depth; i++) fl_append_take(front, fl_value_ref(fl_at(labels, i)));
  return front;
}

/* Namespaces come sorted, so those that are the same once they are cut follow each other. `ttl_ms` counts them here. */
static bool list_one(const char *ns, void *user) {
  struct operation *operation = user;
  FL_VALUE_AUTO labels = fl_item_labels(ns);
  if (!fl_item_has_prefix(labels, operation->prefix) || !fl_item_has_suffix(labels, operation->suffix)) return true;
  struct fl_value *front = cut(labels, operation->max_depth);
  bool is_same = fl_equal(front, operation->filter);
  fl_value_unref(operation->filter); /* the one before */
  operation->filter = front;
  if (is_same) return true;
  if (operation->offset > 0) operation->offset--;
  else fl_append_take(operation->result, fl_value_ref(front));
  return fl_size(operation->result) < operation->limit;
}

static void list(struct operation *operation) {
  const struct fl_namespaces_query query = {
      .prefix = "", .wall_ms = now(operation), .visit = list_one, .user = operation};
  operation->result = fl_array();
  operation->filter = fl_null();
  fl_store_list_namespaces(operation->memory->runtime->store, &query, &operation->error);
  answer(operation);
}

/* ---- vectors ---- */

/* A text without words has no direction and no vector: what is left moves together. */
static void normalize(struct fl_embedding *embedding) {
  size_t kept = 0;
  for (size_t i = 0; i < embedding->count; i++) {
    float *numbers = embedding->numbers + i * embedding->dims;
    if (fl_vector_normalize(numbers, embedding->dims) != 0) continue;
    memmove(embedding->numbers + kept++ * embedding->dims, numbers, embedding->dims * sizeof *numbers);
  }
  embedding->count = kept;
}

void fl_embedding_done(struct fl_embedding *embedding, const struct fl_error *err) {
  struct operation *operation = embedding->impl;
  if (err != NULL) operation->error = *err;
  else normalize(embedding);
  later(operation);
}

static void start_embedding(struct operation *operation) {
  struct fl_memory *memory = operation->memory;
  operation->embedding = (struct fl_embedding){.texts = (const char *const *)operation->texts,
                                               .count = operation->text_count,
                                               .dims = memory->dims,
                                               .numbers = fl_new_array(float, operation->text_count * memory->dims),
                                               .impl = operation};
  memory->embed(&operation->embedding, memory->embed_user);
}

/* ---- what an operation does next ---- */

static bool is_cancelled(struct operation *operation) {
  if (!operation->memory->is_destroyed) return false;
  fl_error_set(&operation->error, FL_E_CANCELLED, "the memory was closed before");
  answer(operation);
  return true;
}

static void go_on(struct operation *operation) {
  bool wants_vectors = operation->text_count > 0 && operation->embedding.numbers == NULL;
  if (is_cancelled(operation)) return;
  if (wants_vectors) {
    start_embedding(operation);
    return;
  }
  switch (operation->kind) {
  case PUT: submit_one(operation, FL_ITEM_PUT); return;
  case GET: get(operation); return;
  case DELETE: submit_one(operation, FL_ITEM_DELETE); return;
  case SWEEP: submit_one(operation, FL_ITEM_SWEEP); return;
  case SEARCH: search(operation); return;
  case LIST: list(operation); return;
  }
}

/* ---- asking ---- */

static int check_key(const char *key, struct fl_error *err) {
  size_t size = key != NULL ? strlen(key) : 0;
  if (size > 0 && size <= FL_MEMORY_KEY_MAX) return 0;
  return fl_error_set(err, FL_E_INVALID, "a key has 1 to %d bytes, not %zu", FL_MEMORY_KEY_MAX, size);
}

static void name(struct operation *operation, const struct fl_value *ns, const char *key) {
  if (fl_item_namespace(ns, false, &operation->ns, &operation->error) != 0) return;
  if (check_key(key, &operation->error) == 0) operation->key = fl_strdup(key);
}

static void add_text(fl_slice text, void *user) {
  struct operation *operation = user;
  if (operation->text.size + text.size < TEXT_SIZE_MAX) {
    if (operation->text.size > 0) fl_buf_add_char(&operation->text, '\n');
    fl_buf_add(&operation->text, text.data, text.size);
  }
  if (operation->memory->embed == NULL || operation->text_count >= FL_ITEM_VECTORS_MAX) return;
  operation->texts = fl_realloc(operation->texts, (operation->text_count + 1) * sizeof *operation->texts);
  operation->texts[operation->text_count++] = fl_strndup(text.data, text.size);
}

static void add_texts(struct operation *operation, const struct fl_value *value, const struct fl_value *fields) {
  for (size_t i = 0; operation->error.code == 0 && i < fl_size(fields); i++) {
    const char *path = fl_as_string(fl_at(fields, i));
    if (path == NULL || fl_item_texts(value, path, add_text, operation) != 0)
      fl_error_set(&operation->error, FL_E_INVALID,
                   "field %zu (\"%.100s\") is no path: \"$\", \"a.b\", \"a[0]\","
                   " \"a[*]\"",
                   i + 1, path != NULL ? path : "");
  }
}

static void take_value(struct operation *operation, const struct fl_memory_put *put, size_t bytes_max) {
  struct fl_error *err = &operation->error;
  if (err->code != 0) return;
  if (!fl_is(put->value, FL_OBJECT)) {
    fl_error_set(err, FL_E_INVALID, "the value of an item is an object, not %s", fl_type_name(fl_type_of(put->value)));
    return;
  }
  fl_buf_init(&operation->body, bytes_max);
  if (fl_json_write(&operation->body, put->value, FL_JSON_COMPACT) != 0)
    fl_error_set(err, FL_E_LIMIT, "the value of an item has more than %zu bytes as JSON", bytes_max);
  add_texts(operation, put->value, put->fields != NULL ? put->fields : operation->memory->fields);
}

static void put_up_to(struct fl_memory *memory, const struct fl_memory_put *put, size_t bytes_max,
                      struct operation *operation) {
  name(operation, put->ns, put->key);
  take_value(operation, put, bytes_max);
  operation->ttl_ms = put->ttl_ms != 0 ? put->ttl_ms : memory->ttl_ms;
  if (operation->ttl_ms < 0) operation->ttl_ms = 0;
  later(operation);
}

void fl_memory_put(struct fl_memory *memory, const struct fl_memory_put *put, fl_memory_fn *on_done, void *user) {
  put_up_to(memory, put, FL_MEMORY_VALUE_MAX, operation_create(memory, PUT, on_done, user));
}

void fl_memory_put_long(struct fl_memory *memory, const struct fl_memory_put *put, fl_memory_fn *on_done, void *user) {
  put_up_to(memory, put, FL_BUF_LIMIT_DEFAULT, operation_create(memory, PUT, on_done, user));
}

void fl_memory_get(struct fl_memory *memory, const struct fl_value *ns, const char *key, fl_memory_fn *on_done,
                   void *user) {
  struct operation *operation = operation_create(memory, GET, on_done, user);
  name(operation, ns, key);
  later(operation);
}

void fl_memory_delete(struct fl_memory *memory, const struct fl_value *ns, const char *key, fl_memory_fn *on_done,
                      void *user) {
  struct operation *operation = operation_create(memory, DELETE, on_done, user);
  name(operation, ns, key);
  later(operation);
}

void fl_memory_sweep(struct fl_memory *memory, fl_memory_fn *on_done, void *user) {
  later(operation_create(memory, SWEEP, on_done, user));
}

static size_t bounded(size_t limit, size_t fallback, size_t max) {
  if (limit == 0) return fallback;
  return limit < max ? limit : max;
}

static void take_query(struct operation *operation, const struct fl_memory_search *search) {
  bool has_vectors = operation->memory->embed != NULL;
  bool wants_vectors = search->rank == FL_RANK_VECTOR || search->rank == FL_RANK_BOTH;
  if (search->query == NULL || search->query[0] == 0 || operation->error.code != 0) return;
  operation->query = fl_strdup(search->query);
  operation->rank = search->rank;
  if (wants_vectors && !has_vectors)
    fl_error_set(&operation->error, FL_E_STATE, "this memory has no vectors: it was opened without an embedding model");
  if (!has_vectors || search->rank == FL_RANK_WORDS) return;
  operation->texts = fl_new_array(char *, 1);
  operation->texts[operation->text_count++] = fl_strdup(search->query);
}

void fl_memory_search(struct fl_memory *memory, const struct fl_memory_search *search, fl_memory_fn *on_done,
                      void *user) {
  struct operation *operation = operation_create(memory, SEARCH, on_done, user);
  if (fl_item_namespace(search->ns, true, &operation->ns, &operation->error) == 0)
    fl_item_filter_check(search->filter, &operation->error);
  if (search->filter != NULL) operation->filter = fl_value_ref((struct fl_value *)search->filter);
  take_query(operation, search);
  operation->limit = bounded(search->limit, SEARCH_LIMIT, SEARCH_LIMIT_MAX);
  operation->offset = search->offset;
  later(operation);
}

void fl_memory_list(struct fl_memory *memory, const struct fl_memory_list *list_options, fl_memory_fn *on_done,
                    void *user) {
  static const struct fl_memory_list all = {0};
  const struct fl_memory_list *options = list_options != NULL ? list_options : &all;
  struct operation *operation = operation_create(memory, LIST, on_done, user);
  if (options->prefix != NULL) operation->prefix = fl_value_ref((struct fl_value *)options->prefix);
  if (options->suffix != NULL) operation->suffix = fl_value_ref((struct fl_value *)options->suffix);
  operation->max_depth = options->max_depth;
  operation->limit = bounded(options->limit, LIST_LIMIT, LIST_LIMIT_MAX);
  operation->offset = options->offset;
  later(operation);
}

/* ---- life of a memory ---- */

static int take_embedder(struct fl_memory *memory, const struct fl_memory_options *options, struct fl_error *err) {
  if (options->embed != NULL) {
    bool is_named = options->embed_name != NULL && options->embed_name[0] != 0;
    if (!is_named || options->embed_dims == 0 || options->embed_dims > FL_ITEM_VECTOR_MAX)
      return fl_error_set(err, FL_E_INVALID, "an embedder needs a name, and vectors of 1 to %d numbers",
                          FL_ITEM_VECTOR_MAX);
    memory->embed = options->embed;
    memory->embed_user = options->embed_user;
    memory->model = fl_strdup(options->embed_name);
    memory->dims = options->embed_dims;
    return 0;
  }
  if (options->embed_model == NULL) return 0;
  struct fl_runtime *runtime = memory->runtime;
  int status = fl_embedder_create(runtime->world, options->embed_model, runtime->getenv_fn, &memory->own_embedder, err);
  if (status != 0) return fl_error_context(err, "the embedding model of the memory");
  memory->embed = fl_embedder_embed;
  memory->embed_user = memory->own_embedder;
  memory->model = fl_strdup(fl_embedder_name(memory->own_embedder));
  memory->dims = fl_embedder_dims(memory->own_embedder);
  return 0;
}

static struct fl_value *take_fields(const struct fl_value *fields) {
  if (fields != NULL) return fl_value_ref((struct fl_value *)fields);
  struct fl_value *whole = fl_array();
  fl_append_take(whole, fl_string("$"));
  return whole;
}

static int check_fields(const struct fl_value *fields, struct fl_error *err) {
  if (fields == NULL || fl_is(fields, FL_ARRAY)) return 0;
  return fl_error_set(err, FL_E_INVALID, "the fields of a memory are an array of paths, not %s",
                      fl_type_name(fl_type_of(fields)));
}

int fl_memory_create(struct fl_runtime *runtime, const struct fl_memory_options *options, struct fl_memory **ret_memory,
                     struct fl_error *err) {
  static const struct fl_memory_options none = {0};
  struct fl_error own_error = {0};
  if (err == NULL) err = &own_error;
  if (options == NULL) options = &none;
  int status = check_fields(options->fields, err);
  if (status != 0) return status;
  struct fl_memory *memory = fl_new(struct fl_memory);
  memory->runtime = runtime;
  memory->fields = take_fields(options->fields);
  memory->ttl_ms = options->ttl_ms > 0 ? options->ttl_ms : 0;
  memory->keeps_expiry = options->keeps_expiry_on_read;
  status = take_embedder(memory, options, err);
  if (status == 0) *ret_memory = memory;
  else fl_memory_destroy(memory);
  return status;
}

void fl_memory_destroy(struct fl_memory *memory) {
  if (memory == NULL) return;
  memory->is_destroyed = true;
  fl_embedder_destroy(memory->own_embedder);
  memory_free(memory);
}

struct fl_memory *fl_runtime_memory(struct fl_runtime *runtime) {
  if (runtime->memory == NULL) fl_check(fl_memory_create(runtime, NULL, &runtime->memory, NULL) == 0);
  return runtime->memory;
}

int fl_runtime_set_memory(struct fl_runtime *runtime, const struct fl_memory_options *options, struct fl_error *err) {
  struct fl_memory *memory = NULL;
  int status = fl_memory_create(runtime, options, &memory, err);
  if (status != 0) return status;
  fl_memory_destroy(runtime->memory);
  runtime->memory = memory;
  return 0;
}

struct fl_memory *fl_task_memory(struct fl_task *task) {
  return fl_runtime_memory(task->frame->invocation->runtime);
}
