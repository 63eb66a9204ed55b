/* SPDX-License-Identifier: MIT */
/* Simulated HTTP: an exchange has a source for what the server is sent and one for what it answers; the client's
 * timeouts, limits and address check hold as in the real world. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/sim.h"

enum { FIRST_BYTE_MS = 60000, IDLE_MS = 60000, BODY_MAX = 64 * 1024 * 1024 };

struct fl_sim_exchange {
  struct sim_thing thing;
  struct fl_http *http;
  struct fl_sim_server server;
  void *user;
  char *method, *url;
  char **headers;
  struct fl_buf body;
  struct sim_source request, answer;
  struct fl_timer timer;
  uint32_t first_byte_ms, idle_ms;
  size_t body_max, body_size;
  char **answer_headers;
  bool has_headers, is_finished, is_cancelled;
  bool (*allow_address)(const char *address, uint16_t port, void *user);
};

static struct sim_world *world_of(const struct fl_sim_exchange *exchange) {
  return sim_world_of(exchange->thing.head.world);
}

static void free_exchange(struct fl_sim_exchange *exchange) {
  if (exchange->server.on_gone != NULL) exchange->server.on_gone(exchange);
  fl_free(exchange->method);
  fl_free(exchange->url);
  sim_free_texts(exchange->headers);
  sim_free_texts(exchange->answer_headers);
  fl_buf_deinit(&exchange->body);
  fl_free(exchange);
}

static void clear(struct fl_sim_exchange *exchange) {
  sim_timer_stop(&exchange->timer);
  sim_source_clear(&exchange->request);
  sim_source_clear(&exchange->answer);
}

static void drop_exchange(struct sim_thing *thing) {
  struct fl_sim_exchange *exchange = (struct fl_sim_exchange *)thing;
  clear(exchange);
  sim_thing_remove(thing);
  free_exchange(exchange);
}

static void end(struct fl_sim_exchange *exchange, int status, const char *text) {
  struct fl_error err = {0};
  if (status != 0) fl_error_set(&err, status, "%s %s: %s", exchange->method, exchange->url, text);
  clear(exchange);
  sim_thing_remove(&exchange->thing);
  fl_http_deliver_end(exchange->http, status, status != 0 ? &err : NULL);
  free_exchange(exchange);
}

/* ---- the answer ---- */

static void expect_more(struct fl_sim_exchange *exchange, uint32_t within_ms) {
  sim_timer_start(world_of(exchange), &exchange->timer, within_ms);
}

static void on_timeout(struct fl_timer *timer) {
  struct fl_sim_exchange *exchange = timer->user;
  exchange->is_cancelled = true;
  end(exchange, FL_E_TIMEOUT, exchange->has_headers ? "no more data came in time" : "no answer came in time");
}

static void fire_headers(struct sim_event *event) {
  struct fl_sim_exchange *exchange = event->user;
  exchange->has_headers = true;
  expect_more(exchange, exchange->idle_ms);
  if (exchange->http->on_headers != NULL) exchange->http->on_headers(exchange->http, event->number);
}

static void fire_body(struct sim_event *event) {
  struct fl_sim_exchange *exchange = event->user;
  expect_more(exchange, exchange->idle_ms);
  exchange->body_size += event->size;
  if (exchange->body_size > exchange->body_max) end(exchange, FL_E_LIMIT, "the answer is too large");
  else if (exchange->http->on_body != NULL)
    exchange->http->on_body(exchange->http, fl_slice_n(event->data, event->size));
}

static void fire_end(struct sim_event *event) {
  end(event->user, event->number, event->data != NULL ? event->data : "it failed");
}

static void push_end(struct fl_sim_exchange *exchange, uint32_t delay_ms, int code, const char *text) {
  struct sim_event *event = sim_push_far(&exchange->answer, delay_ms, fire_end, exchange);
  event->number = code;
  event->data = fl_strdup(text);
  exchange->is_finished = true;
}

void fl_sim_respond(struct fl_sim_exchange *exchange, uint32_t delay_ms, int status, const char *const *headers) {
  fl_check(exchange->answer_headers == NULL && !exchange->is_finished);
  exchange->answer_headers = sim_copy_texts(headers != NULL ? headers : (const char *const[]){NULL});
  sim_push_far(&exchange->answer, delay_ms, fire_headers, exchange)->number = status;
}

void fl_sim_body(struct fl_sim_exchange *exchange, uint32_t delay_ms, fl_slice data) {
  fl_check(exchange->answer_headers != NULL && !exchange->is_finished);
  sim_push_data(&exchange->answer, delay_ms, data, fire_body, exchange);
}

void fl_sim_finish(struct fl_sim_exchange *exchange, uint32_t delay_ms) {
  fl_check(exchange->answer_headers != NULL && !exchange->is_finished);
  push_end(exchange, delay_ms, 0, NULL);
}

void fl_sim_fail(struct fl_sim_exchange *exchange, uint32_t delay_ms, int code, const char *text) {
  fl_check(code < 0 && !exchange->is_finished);
  push_end(exchange, delay_ms, code, text);
}

/* ---- the request ---- */

static bool is_refused(struct fl_sim_exchange *exchange) {
  const char *address = exchange->server.address != NULL ? exchange->server.address : "203.0.113.1";
  uint16_t port = exchange->server.port != 0 ? exchange->server.port : 443;
  return exchange->allow_address != NULL && !exchange->allow_address(address, port, exchange->http->user);
}

static void fire_request(struct sim_event *event) {
  struct fl_sim_exchange *exchange = event->user;
  if (exchange->server.on_request == NULL) end(exchange, FL_E_NETWORK, "could not resolve host");
  else if (is_refused(exchange)) end(exchange, FL_E_DENIED, "connecting to this address is not allowed");
  else {
    exchange->http->has_left = true;
    exchange->server.on_request(exchange);
  }
}

static void cancel(struct fl_sim_exchange *exchange) {
  clear(exchange);
  exchange->is_cancelled = true;
  push_end(exchange, 0, FL_E_CANCELLED, "it was cancelled");
}

static void bury_exchange(struct sim_thing *thing) {
  struct fl_sim_exchange *exchange = (struct fl_sim_exchange *)thing;
  if (!exchange->is_cancelled) cancel(exchange);
}

static const struct fl_sim_server *find_server(struct sim_world *world, const char *url) {
  const struct fl_sim_server *best = NULL;
  size_t best_size = 0;
  struct fl_map_entry *entry;
  for (size_t cursor = 0; (entry = fl_map_next(&world->servers, &cursor)) != NULL;) {
    if (strncmp(url, entry->key, entry->key_size) != 0 || (best != NULL && entry->key_size < best_size)) continue;
    best = entry->value;
    best_size = entry->key_size;
  }
  return best;
}

static void keep_options(struct fl_sim_exchange *exchange, const struct fl_http_options *options) {
  exchange->method = fl_strdup(options->method);
  exchange->url = fl_strdup(options->url);
  exchange->headers = sim_copy_texts(options->headers);
  fl_buf_add(&exchange->body, options->body.data, options->body.size);
  exchange->first_byte_ms = options->first_byte_timeout_ms > 0 ? options->first_byte_timeout_ms : FIRST_BYTE_MS;
  exchange->idle_ms = options->idle_timeout_ms > 0 ? options->idle_timeout_ms : IDLE_MS;
  exchange->body_max = options->body_max > 0 ? options->body_max : BODY_MAX;
  exchange->allow_address = options->allow_address;
}

int sim_http_start(struct fl_world *base, struct fl_http *http, const struct fl_http_options *options,
                   struct fl_error *err) {
  struct sim_world *world = sim_world_of(base);
  if (world->is_buried) return fl_error_set(err, FL_E_CANCELLED, "cannot start a request: it is over");
  bool happens = sim_effect(world, FL_SIM_HTTP_START);
  const struct fl_sim_server *server = happens ? find_server(world, options->url) : NULL;
  struct fl_sim_exchange *exchange = fl_new(struct fl_sim_exchange);
  exchange->thing.drop = drop_exchange;
  exchange->thing.bury = bury_exchange;
  exchange->http = http;
  exchange->timer = (struct fl_timer){.on_fire = on_timeout, .user = exchange};
  if (server != NULL) exchange->server = *server;
  exchange->user = exchange->server.user;
  keep_options(exchange, options);
  sim_source_init(&exchange->request, world);
  sim_source_init(&exchange->answer, world);
  sim_thing_add(world, &exchange->thing);
  http->impl = exchange;
  sim_push_far(&exchange->request, 0, fire_request, exchange);
  expect_more(exchange, exchange->first_byte_ms);
  return 0;
}

const char *sim_http_header(const void *impl, const char *name) {
  const struct fl_sim_exchange *exchange = impl;
  return exchange->has_headers ? sim_find_header(exchange->answer_headers, name) : NULL;
}

void sim_http_cancel(struct fl_http *http) {
  struct fl_sim_exchange *exchange = http->impl;
  if (exchange->is_cancelled) return;
  if (sim_effect(world_of(exchange), FL_SIM_HTTP_CANCEL)) cancel(exchange);
}

/* ---- servers ---- */

void fl_world_sim_server(struct fl_world *base, const struct fl_sim_server *server) {
  struct fl_sim_server *copy = fl_new(struct fl_sim_server);
  *copy = *server;
  copy->url_prefix = NULL; /* the map has it */
  fl_free(fl_map_set(&sim_world_of(base)->servers, server->url_prefix, copy));
}

void *fl_sim_exchange_user(const struct fl_sim_exchange *exchange) { return exchange->user; }

void fl_sim_exchange_set_user(struct fl_sim_exchange *exchange, void *user) { exchange->user = user; }

struct fl_world *fl_sim_exchange_world(const struct fl_sim_exchange *exchange) {
  return exchange->thing.head.world;
}

const char *fl_sim_request_method(const struct fl_sim_exchange *exchange) { return exchange->method; }

const char *fl_sim_request_url(const struct fl_sim_exchange *exchange) { return exchange->url; }

const char *fl_sim_request_header(const struct fl_sim_exchange *exchange, const char *name) {
  return sim_find_header(exchange->headers, name);
}

fl_slice fl_sim_request_body(const struct fl_sim_exchange *exchange) { return fl_buf_slice(&exchange->body); }

bool fl_sim_exchange_cancelled(const struct fl_sim_exchange *exchange) { return exchange->is_cancelled; }
