/* SPDX-License-Identifier: MIT */
/* Embedders.
 *
 * Happy path: one request with all texts, status 200, a vector for each.
 * Failure modes: a status that is not 2xx (429 and 5xx are tried again, as the server asks or after a while); no
 * connection, tried again; a reply that lacks a vector or has one of another size; the embedder is destroyed meanwhile.
 */
#include "runtime/model/embed.h"

#include "runtime/base/mem.h"
#include "runtime/base/vector.h"
#include "runtime/io/vault.h"
#include "runtime/json/json.h"
#include "runtime/model/request.h"
#include "runtime/model/retry.h"

#include <ctype.h>
#include <string.h>

enum { REPLY_SIZE_MAX = 64 << 20, ATTEMPTS_MAX = 3 };
static const char own_url[] = "https://api.openai.com/v1";

struct fl_embedder {
  struct fl_world *world;
  struct fl_model_config config; /* empty for the hashing one */
  bool is_hash, is_closed;
  char *name;
  size_t dims;
  struct job *jobs; /* under way */
};

/* One embedding on its way through HTTP. */
struct job {
  struct fl_embedder *embedder;
  struct fl_embedding *embedding;
  char *url;
  char **headers;
  struct fl_buf request, body;
  struct fl_http http;
  struct fl_timer timer;
  bool is_open;
  int http_status;
  unsigned attempt;
  struct fl_error failure; /* of a start; code 0: none */
  struct job *next;
};

/* ---- hashing ---- */

void fl_embed_hash(const char *text, float *ret_numbers, size_t dims) {
  memset(ret_numbers, 0, dims * sizeof *ret_numbers);
  while (*text != 0) {
    uint64_t hash = 0xcbf29ce484222325u;
    size_t size = 0;
    for (; isalnum((unsigned char)text[size]) || (unsigned char)text[size] >= 0x80; size++)
      hash = (hash ^ (uint64_t)tolower((unsigned char)text[size])) * 0x100000001b3u;
    hash ^= hash >> 29;
    hash *= 0xbf58476d1ce4e5b9u;
    if (size > 0) ret_numbers[(hash >> 1) % dims] += (hash & 1) != 0 ? 1 : -1;
    text += size + (text[size] != 0);
  }
  fl_vector_normalize(ret_numbers, dims);
}

/* ---- replies ---- */

static int read_vector(const struct fl_value *entry, size_t position, struct fl_embedding *embedding,
                       struct fl_error *err) {
  int64_t index = fl_get_int(entry, "index", (int64_t)position);
  const struct fl_value *numbers = fl_get(entry, "embedding");
  if (index < 0 || (size_t)index >= embedding->count)
    return fl_error_set(err, FL_E_PROTOCOL, "the reply has a vector for a text that was not sent");
  if (fl_size(numbers) != embedding->dims)
    return fl_error_set(err, FL_E_PROTOCOL, "the model makes vectors of %zu numbers, not %zu: set \"dims\"",
                        fl_size(numbers), embedding->dims);
  float *to = embedding->numbers + (size_t)index * embedding->dims;
  for (size_t i = 0; i < embedding->dims; i++) to[i] = (float)fl_as_double(fl_at(numbers, i), 0);
  return 0;
}

int fl_embed_read_reply(fl_slice body, struct fl_embedding *embedding, struct fl_error *err) {
  FL_VALUE_AUTO reply = NULL;
  int status = fl_json_read(body, FL_JSON_STRICT, &reply, err);
  if (status != 0) {
    err->code = FL_E_PROTOCOL;
    return fl_error_context(err, "the reply of the embedding model");
  }
  const struct fl_value *data = fl_get(reply, "data");
  if (fl_size(data) != embedding->count)
    return fl_error_set(err, FL_E_PROTOCOL, "the reply has %zu vectors for %zu texts", fl_size(data), embedding->count);
  for (size_t i = 0; status == 0 && i < embedding->count; i++) status = read_vector(fl_at(data, i), i, embedding, err);
  return status;
}

/* ---- one job ---- */

static void embedder_free(struct fl_embedder *embedder) {
  if (!embedder->is_closed || embedder->jobs != NULL) return;
  fl_model_config_deinit(&embedder->config);
  fl_free(embedder->name);
  fl_free(embedder);
}

static void job_end(struct job *job, const struct fl_error *err) {
  struct fl_embedder *embedder = job->embedder;
  struct fl_error shown = err != NULL ? *err : (struct fl_error){0};
  fl_known_hide_error(fl_vault_known(embedder->world), &shown); /* a server may say the key back */
  struct fl_embedding *embedding = job->embedding;
  struct job **place = &embedder->jobs;
  while (*place != job) place = &(*place)->next;
  *place = job->next;
  fl_timer_stop(embedder->world, &job->timer);
  fl_free(job->url);
  fl_model_headers_free(job->headers);
  fl_buf_deinit(&job->request);
  fl_buf_deinit(&job->body);
  fl_free(job);
  fl_embedding_done(embedding, err != NULL ? &shown : NULL);
  embedder_free(embedder);
}

static void try_once(struct job *job);

static void on_headers(struct fl_http *http, int status) { ((struct job *)http->user)->http_status = status; }

static void on_body(struct fl_http *http, fl_slice data) {
  fl_buf_add(&((struct job *)http->user)->body, data.data, data.size); /* the client ends at the limit */
}

/* Whether it waits for another try. */
static bool tries_again(struct job *job, int64_t after_ms) {
  uint32_t random;
  if (job->embedder->is_closed || ++job->attempt >= ATTEMPTS_MAX) return false;
  fl_world_random(job->embedder->world, &random, sizeof random);
  uint64_t delay_ms = after_ms >= 0 ? (uint64_t)after_ms : fl_retry_backoff_ms(job->attempt, random);
  fl_timer_start(job->embedder->world, &job->timer, delay_ms);
  return true;
}

static void on_refused(struct job *job) {
  struct fl_error err = {0};
  bool may_retry = false;
  int64_t after_ms =
      fl_retry_after_ms(fl_http_header(&job->http, "Retry-After"), fl_http_header(&job->http, "retry-after-ms"),
                        fl_world_wall_ms(job->embedder->world));
  fl_wire_openai.read_error(job->http_status, fl_buf_slice(&job->body), &may_retry, &err);
  if (!may_retry || !tries_again(job, after_ms)) job_end(job, &err);
}

static void on_end(struct fl_http *http, int status, const struct fl_error *cause) {
  struct job *job = http->user;
  struct fl_error err = {0};
  job->is_open = false;
  if (job->embedder->is_closed) {
    fl_error_set(&err, FL_E_CANCELLED, "the memory was closed");
    job_end(job, &err);
  } else if (status != 0) {
    err = *cause;
    if (!fl_retry_is_transient(status) || !tries_again(job, -1)) job_end(job, &err);
  } else if (job->http_status < 200 || job->http_status >= 300) {
    on_refused(job);
  } else {
    int code = fl_embed_read_reply(fl_buf_slice(&job->body), job->embedding, &err);
    job_end(job, code != 0 ? &err : NULL);
  }
}

/* The time for another try, or the moment after a start that failed. */
static void on_timer(struct fl_timer *timer) {
  struct job *job = timer->user;
  if (job->embedder->is_closed) fl_error_set(&job->failure, FL_E_CANCELLED, "the memory was closed");
  if (job->failure.code == 0) {
    try_once(job);
    return;
  }
  struct fl_error err = job->failure;
  job_end(job, &err);
}

static void try_once(struct job *job) {
  const struct fl_http_options options = {.size = sizeof options,
                                          .trust = FL_TRUST_PROVIDER,
                                          .method = "POST",
                                          .url = job->url,
                                          .headers = (const char *const *)job->headers,
                                          .body = fl_buf_slice(&job->request),
                                          .body_max = REPLY_SIZE_MAX};
  fl_buf_clear(&job->body);
  job->http_status = 0;
  job->http = (struct fl_http){.on_headers = on_headers, .on_body = on_body, .on_end = on_end, .user = job};
  job->is_open = fl_http_start(job->embedder->world, &job->http, &options, &job->failure) == 0;
  if (!job->is_open) fl_timer_start(job->embedder->world, &job->timer, 0);
}

/* ---- requests ---- */

static int build_body(const struct fl_model_config *config, const struct fl_embedding *embedding,
                      struct fl_buf *ret_body, struct fl_error *err) {
  FL_VALUE_AUTO body = fl_object();
  struct fl_value *input = fl_array();
  for (size_t i = 0; i < embedding->count; i++) fl_append_take(input, fl_string(embedding->texts[i]));
  fl_set_string(body, "model", config->model);
  fl_set_take(body, "input", input);
  fl_set_string(body, "encoding_format", "float");
  fl_request_add_extra(body, config->settings);
  return fl_request_write(ret_body, body, err);
}

static int build(struct job *job, struct fl_error *err) {
  const struct fl_model_config *config = &job->embedder->config;
  struct fl_headers headers = {0};
  int status = fl_request_check_key(config, "openai", "OPENAI_API_KEY", err);
  if (status == 0) status = fl_request_url(config, own_url, "/embeddings", &job->url, err);
  if (status == 0) status = fl_headers_add(&headers, "Content-Type", "", "application/json", err);
  if (status == 0 && config->api_key != NULL && config->api_key[0] != 0)
    status = fl_headers_add(&headers, "Authorization", "Bearer ", config->api_key, err);
  job->headers = fl_headers_take(&headers);
  return status == 0 ? build_body(config, job->embedding, &job->request, err) : status;
}

void fl_embedder_embed(struct fl_embedding *embedding, void *user) {
  struct fl_embedder *embedder = user;
  if (embedder->is_hash) {
    for (size_t i = 0; i < embedding->count; i++)
      fl_embed_hash(embedding->texts[i], embedding->numbers + i * embedding->dims, embedding->dims);
    fl_embedding_done(embedding, NULL);
    return;
  }
  struct job *job = fl_new(struct job);
  *job = (struct job){.embedder = embedder, .embedding = embedding, .next = embedder->jobs};
  embedder->jobs = job;
  job->timer = (struct fl_timer){.on_fire = on_timer, .user = job};
  fl_buf_init(&job->body, REPLY_SIZE_MAX);
  if (build(job, &job->failure) != 0) fl_timer_start(embedder->world, &job->timer, 0);
  else try_once(job);
}

/* ---- life ---- */

static int read_entry(struct fl_embedder *embedder, const struct fl_value *entry,
                      const char *(*getenv_fn)(const char *name), struct fl_error *err) {
  FL_VALUE_AUTO rest = fl_copy_shallow(entry);
  fl_unset(rest, "dims");
  int status = fl_model_config_read(rest, ".", getenv_fn, &embedder->config, err);
  if (status == 0) status = fl_model_config_know_key(embedder->world, &embedder->config, err);
  if (status != 0) return status;
  if (embedder->config.provider == FL_MODEL_OPENAI) return 0;
  return fl_error_set(err, FL_E_INVALID,
                      "the provider of an embedding model is openai, ollama, vllm, llamacpp or hash");
}

int fl_embedder_create(struct fl_world *world, const struct fl_value *entry, const char *(*getenv_fn)(const char *name),
                       struct fl_embedder **ret_embedder, struct fl_error *err) {
  if (!fl_is(entry, FL_OBJECT)) return fl_error_set(err, FL_E_INVALID, "an embedding model is an object");
  const char *provider = fl_get_string(entry, "provider", "openai");
  bool is_hash = strcmp(provider, "hash") == 0;
  int64_t dims = fl_get_int(entry, "dims", is_hash ? FL_EMBED_HASH_DIMS : 0);
  if (dims < 1 || dims > FL_EMBED_DIMS_MAX)
    return fl_error_set(err, FL_E_INVALID,
                        "\"dims\" of the embedding model: say how many numbers its vectors have (1 to"
                        " %d)",
                        FL_EMBED_DIMS_MAX);
  struct fl_embedder *embedder = fl_new(struct fl_embedder);
  *embedder = (struct fl_embedder){.world = world, .is_hash = is_hash, .dims = (size_t)dims};
  int status = is_hash ? 0 : read_entry(embedder, entry, getenv_fn, err);
  embedder->name =
      fl_format("%s/%s/%d", provider, status == 0 && !is_hash ? embedder->config.model : "words", (int)dims);
  if (status != 0) {
    fl_embedder_destroy(embedder);
    return status;
  }
  *ret_embedder = embedder;
  return 0;
}

void fl_embedder_destroy(struct fl_embedder *embedder) {
  if (embedder == NULL) return;
  embedder->is_closed = true;
  for (struct job *job = embedder->jobs; job != NULL; job = job->next) {
    if (job->is_open) fl_http_cancel(&job->http);
    else fl_timer_start(embedder->world, &job->timer, 0);
  }
  embedder_free(embedder);
}

const char *fl_embedder_name(const struct fl_embedder *embedder) { return embedder->name; }

size_t fl_embedder_dims(const struct fl_embedder *embedder) { return embedder->dims; }
