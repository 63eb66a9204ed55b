/* SPDX-License-Identifier: MIT */
/* The server as a whole: its listener, its list of connections, one timer that looks through them, and the end.
 *
 * Happy path of the end: no more connections are accepted, idle ones close, exchanges go on and close their connections
 * when they are answered; the last one gone, on_closed. Failure mode: exchanges that do not end are ended when the
 * grace is over. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/http_server_internal.h"

/* ---- time ---- */

void http_server_arm(struct fl_http_server *server) {
  if (server->sweep.impl == NULL) fl_timer_start(server->world, &server->sweep, HTTP_SWEEP_MS);
}

static void on_sweep(struct fl_timer *timer) {
  struct fl_http_server *server = timer->user;
  int64_t now_ms = fl_world_now_ms(server->world);
  bool is_over = server->is_closing && now_ms >= server->end_ms;
  for (struct http_connection *at = server->first, *next; at != NULL; at = next) { /* closing frees nothing at once */
    next = at->next;
    if (is_over && at->state != HTTP_LINGER) http_connection_close(at);
    http_connection_check_time(at, now_ms);
  }
  if (server->count > 0) http_server_arm(server);
}

/* ---- the end ---- */

static void free_texts(char **texts) {
  for (char **at = texts; at != NULL && *at != NULL; at++) fl_free(*at);
  fl_free(texts);
}

static void finish_close(struct fl_http_server *server) {
  if (!server->is_closing || server->is_listening || server->count > 0) return;
  void (*on_closed)(void *) = server->on_closed;
  void *user = server->closed_user;
  fl_timer_stop(server->world, &server->sweep);
  fl_buf_deinit(&server->scratch);
  fl_free(server->address);
  free_texts(server->hosts);
  free_texts(server->origins);
  fl_free(server);
  if (on_closed != NULL) on_closed(user);
}

void http_connection_gone(struct http_connection *connection) {
  struct fl_http_server *server = connection->server;
  server->count--;
  finish_close(server);
}

static void on_listener_closed(struct fl_listener *listener) {
  struct fl_http_server *server = listener->user;
  server->is_listening = false;
  finish_close(server);
}

void fl_http_server_close(struct fl_http_server *server, uint32_t grace_ms, void (*on_closed)(void *user), void *user) {
  fl_check(!server->is_closing);
  server->is_closing = true;
  server->on_closed = on_closed;
  server->closed_user = user;
  server->end_ms = fl_world_now_ms(server->world) + grace_ms;
  fl_listener_close(&server->listener, on_listener_closed);
  fl_timer_stop(server->world, &server->sweep);
  server->sweep.is_background = false; /* the end is worth waiting for */
  if (server->count > 0) http_server_arm(server);
  for (struct http_connection *at = server->first, *next; at != NULL; at = next) {
    next = at->next;
    if (at->state == HTTP_HEAD || (grace_ms == 0 && at->state != HTTP_LINGER)) http_connection_close(at);
  }
}

/* ---- the beginning ---- */

static void on_connection(struct fl_listener *listener) { http_connection_accept(listener->user); }

static char **copy_texts(const char *const *texts) {
  size_t count = 0;
  while (texts != NULL && texts[count] != NULL) count++;
  char **copy = fl_new_array(char *, count + 1);
  for (size_t i = 0; i < count; i++) copy[i] = fl_strdup(texts[i]);
  return copy;
}

#define DEFAULT(field, value) \
  if (options->field == 0) options->field = (value)

static void set_defaults(struct fl_http_server_options *options) {
  DEFAULT(connections_max, 16384);
  DEFAULT(body_size_max, 4u * 1024 * 1024);
  DEFAULT(bodies_size_max, 256u * 1024 * 1024);
  DEFAULT(head_timeout_ms, 10 * 1000);
  DEFAULT(idle_timeout_ms, 60 * 1000);
  DEFAULT(body_grace_ms, 10 * 1000);
  DEFAULT(stall_timeout_ms, 30 * 1000);
}

int fl_http_server_open(struct fl_world *world, const struct fl_http_server_options *options,
                        struct fl_http_server **ret_server, struct fl_error *err) {
  fl_check(options->size == sizeof *options && options->on_request != NULL);
  struct fl_http_server *server = fl_new(struct fl_http_server);
  server->world = world;
  server->options = *options;
  set_defaults(&server->options);
  server->address = fl_strdup(options->listen.address);
  server->hosts = copy_texts(options->hosts);
  server->origins = copy_texts(options->origins);
  server->rules = (struct fl_http_hosts){.address = server->address,
                                         .hosts = (const char *const *)server->hosts,
                                         .origins = (const char *const *)server->origins};
  if (options->listen.has_fd) server->rules.address = "localhost"; /* who made it must name other hosts */
  server->listener = (struct fl_listener){.on_connection = on_connection, .user = server};
  server->sweep = (struct fl_timer){.on_fire = on_sweep, .user = server, .is_background = true};
  server->date_s = -1;
  int failure = fl_listener_open(world, &server->listener, &options->listen, err);
  server->is_listening = failure == 0;
  server->is_closing = failure != 0;
  if (failure != 0) finish_close(server);
  else *ret_server = server;
  return failure;
}

uint16_t fl_http_server_port(const struct fl_http_server *server) { return server->listener.port; }

size_t fl_http_server_connections(const struct fl_http_server *server) { return server->count; }
