/* SPDX-License-Identifier: MIT */
/* A server over HTTP: the transport (mcp/transport/http_server.h) on one side, the handlers (serving.h) on the other.
 *
 * Happy path: listen, tell where, serve; a signal: subscriptions get their last message, requests under way end, the
 * log is written, everything is closed. Failure modes: what cannot be listened on (an error at once); requests that do
 * not end (cut after the grace, or at the second signal); handlers that do not end (left behind: the end of the process
 * ends them). */
#include "mcp/serve.h"

#include "mcp/server_http.h"
#include "mcp/auth/guard.h"
#include "mcp/serving.h"
#include "mcp/transport/http_server.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/http_hosts.h"
#include "runtime/io/tls.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DEFAULT_DRAIN_MS = 5000 };

struct http_program {
  struct fl_world *world;
  const struct fl_http_serve *options;
  struct fl_serving *serving;
  struct fl_mcp_http *http; /* NULL: not open, or closed again */
  struct fl_mcp_server_session *modern;
  struct fl_event_log *log;
  struct fl_tls_context *tls;
  struct fl_mcp_guard *guard;
  char *origin;
  struct fl_signal signals[3];
  bool is_ending, is_over;
};

/* ---- between the transport and the handlers ---- */

static struct fl_mcp_server_session *open_session(void *user, unsigned flags) {
  return fl_serving_open_session(((struct http_program *)user)->serving, flags);
}

static void close_session(void *user, struct fl_mcp_server_session *session) {
  fl_serving_close_session(((struct http_program *)user)->serving, session);
}

static size_t take(void *user, struct fl_mcp_server_session *session, const struct fl_mcp_incoming *incoming) {
  return fl_serving_take(((struct http_program *)user)->serving, session, incoming);
}

static void gone(void *user, struct fl_mcp_server_session *session, uint64_t channel) {
  fl_serving_channel_gone(((struct http_program *)user)->serving, session, channel);
}

static void flush(void *user) { fl_serving_flush(((struct http_program *)user)->serving); }

static void on_out(struct fl_serving *serving, const struct fl_mcp_server_effects *effects) {
  struct http_program *program = serving->user;
  if (program->http != NULL) fl_mcp_http_send(program->http, effects);
}

/* ---- what it listens on ---- */

static int parse_port(const char *text, uint16_t *ret_port) {
  char *end = NULL;
  errno = 0;
  unsigned long port = strtoul(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || port > UINT16_MAX) return FL_E_INVALID;
  *ret_port = (uint16_t)port;
  return 0;
}

int fl_http_parse_listen(const char *text, struct fl_http_listen *ret_listen, struct fl_error *err) {
  static const char want[] = "HOST:PORT with a numeric HOST or localhost, PORT, unix:PATH, or fd:N";
  struct fl_http_listen listen = {.options = {.size = sizeof listen.options}};
  const char *colon = strrchr(text, ':');
  uint16_t port = 0;
  if (strncmp(text, "unix:", 5) == 0) listen.options.path = text + 5;
  else if (strncmp(text, "fd:", 3) == 0) {
    listen.options.has_fd = parse_port(text + 3, &port) == 0;
    listen.options.fd = port;
    if (!listen.options.has_fd) return fl_error_set(err, FL_E_INVALID, "cannot listen on \"%s\": give %s", text, want);
  } else {
    const char *host = colon != NULL ? text : "127.0.0.1:";
    size_t size = colon != NULL ? (size_t)(colon - text) : 9;
    bool has_brackets = size >= 2 && host[0] == '[' && host[size - 1] == ']';
    if (has_brackets) host++, size -= 2;
    bool is_local = size == 0 || (size == 9 && strncmp(host, "localhost", 9) == 0);
    if (parse_port(colon != NULL ? colon + 1 : text, &port) != 0 || size >= sizeof listen.address)
      return fl_error_set(err, FL_E_INVALID, "cannot listen on \"%s\": give %s", text, want);
    if (is_local) snprintf(listen.address, sizeof listen.address, "127.0.0.1");
    else snprintf(listen.address, sizeof listen.address, "%.*s", (int)size, host);
    listen.options.port = port;
  }
  *ret_listen = listen;
  if (listen.address[0] != '\0') ret_listen->options.address = ret_listen->address;
  return 0;
}

static int check_public(const struct fl_http_listen *listen, bool is_public, struct fl_error *err) {
  const char *address = listen->options.address;
  if (address == NULL || is_public || fl_http_is_loopback(address)) return 0;
  return fl_error_set(err, FL_E_INVALID,
                      "%s can be reached from other machines; say so (is_public, --public) if that is what you want",
                      address);
}

static char *url_of(const struct http_program *program, const struct fl_http_listen *listen) {
  const char *path = program->options->path != NULL ? program->options->path : "/mcp";
  if (listen->options.path != NULL) return fl_format("http+unix:%s:%s", listen->options.path, path);
  const char *address = listen->options.address != NULL ? listen->options.address : "127.0.0.1";
  bool is_v6 = strchr(address, ':') != NULL;
  return fl_format("%s://%s%s%s:%u%s", program->tls != NULL ? "https" : "http", is_v6 ? "[" : "", address,
                   is_v6 ? "]" : "", fl_mcp_http_port(program->http), path);
}

/* ---- the end ---- */

static void on_log_closed(void *user) {
  struct http_program *program = user;
  program->is_over = true;
  fl_world_stop(program->world);
}

static void on_guard_closed(void *user) {
  struct http_program *program = user;
  fl_event_log_close(program->log, on_log_closed, program);
}

static void on_http_closed(void *user) {
  struct http_program *program = user;
  program->http = NULL;
  fl_serving_close_session(program->serving, program->modern);
  if (program->guard != NULL) fl_mcp_guard_close(program->guard, on_guard_closed, program);
  else fl_event_log_close(program->log, on_log_closed, program);
}

static void on_signal(struct fl_signal *signal, int number) {
  struct http_program *program = signal->user;
  uint32_t drain_ms = program->options->drain_ms > 0 ? program->options->drain_ms : DEFAULT_DRAIN_MS;
  if (program->is_ending) {
    program->is_over = true; /* the second time: at once */
    fl_world_stop(program->world);
    return;
  }
  program->is_ending = true;
  fl_serving_end_subscriptions(program->serving);
  fl_mcp_http_close(program->http, drain_ms, on_http_closed, program);
}

static void on_reload(struct fl_signal *signal, int number) {
  struct http_program *program = signal->user;
  struct fl_error err = {0};
  if (program->tls != NULL && fl_tls_context_reload(program->tls, &err) < 0)
    fprintf(stderr, "the certificate stays as it was: %s\n", err.text);
}

/* ---- life ---- */

static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_log_error(const struct fl_error *err, void *user) {
  fprintf(stderr, "streams that break now cannot be resumed: %s\n", err->text);
}

/* "https://host:port" of a URL. */
static char *origin_of(const char *url) {
  const char *host = strstr(url, "://");
  size_t size = host != NULL ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : strlen(url);
  return fl_strndup(url, size);
}

static int open_protection(struct http_program *program, struct fl_error *err) {
  const struct fl_http_serve *given = program->options;
  if ((given->certificate != NULL) != (given->key != NULL))
    return fl_error_set(err, FL_E_INVALID, "TLS needs both a certificate and its key");
  int status = given->certificate != NULL ? fl_tls_context_open(given->certificate, given->key, &program->tls, err) : 0;
  if (status != 0 || given->auth == NULL) return status;
  const struct fl_mcp_guard_options options = {.size = sizeof options,
                                               .resource = given->auth->resource,
                                               .issuer = given->auth->issuer,
                                               .jwks_uri = given->auth->jwks_uri,
                                               .jwks = given->auth->jwks,
                                               .audience = given->auth->audience,
                                               .scopes = given->auth->scopes,
                                               .requires_dpop = given->auth->requires_dpop};
  if (options.resource == NULL || options.issuer == NULL)
    return fl_error_set(err, FL_E_INVALID, "authorization needs the server's own URL and the issuer");
  program->origin = origin_of(options.resource);
  return fl_mcp_guard_create(program->world, &options, &program->guard, err);
}

static int open_all(struct http_program *program, const struct fl_http_listen *listen, struct fl_error *err) {
  const struct fl_http_serve *given = program->options;
  struct fl_event_log_options log_options = {
      .size = sizeof log_options, .path = given->log_path, .on_error = on_log_error, .user = program};
  int status = fl_event_log_open(program->world, &log_options, &program->log, err);
  if (status == 0) status = open_protection(program, err);
  if (status != 0) return status;
  struct fl_mcp_http_options options = {
      .size = sizeof options,
      .http = {.size = sizeof options.http,
               .listen = listen->options,
               .hosts = given->hosts,
               .origins = given->origins,
               .tls = program->tls,
               .body_size_max = given->body_size_max,
               .connections_max = given->connections_max},
      .path = given->path,
      .guard = program->guard,
      .origin = program->origin,
      .log = program->log,
      .sessions_max = given->sessions_max,
      .session_idle_ms = given->session_idle_ms,
  };
  const struct fl_mcp_http_host host = {
      .open = open_session, .close = close_session, .take = take, .gone = gone, .flush = flush, .user = program};
  status = fl_mcp_http_open(program->world, &options, &host, &program->http, err);
  if (status == 0) program->modern = fl_mcp_http_modern(program->http);
  return status;
}

static void serve(struct http_program *program, const struct fl_http_listen *listen) {
  static const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};
  for (int i = 0; i < 3; i++) {
    program->signals[i] = (struct fl_signal){.on_signal = i < 2 ? on_signal : on_reload, .user = program};
    fl_signal_start(program->world, &program->signals[i], numbers[i]);
  }
  fl_serving_restore_tasks(program->serving, program->modern);
  FL_FREE_AUTO char *url = url_of(program, listen);
  if (program->options->on_ready != NULL) program->options->on_ready(url, program->options->user);
  while (!program->is_over) fl_world_run(program->world);
  for (int i = 0; i < 3; i++) fl_signal_stop(program->world, &program->signals[i]);
}

/* What was opened before something could not be. */
static void give_up(struct http_program *program) {
  if (program->log == NULL) return;
  if (program->guard != NULL) fl_mcp_guard_close(program->guard, on_guard_closed, program);
  else fl_event_log_close(program->log, on_log_closed, program);
  while (!program->is_over) fl_world_run(program->world);
}

int fl_server_run_http(struct fl_server *server, const struct fl_http_serve *options, struct fl_error *err) {
  struct fl_http_listen listen;
  int status = fl_http_parse_listen(options->listen != NULL ? options->listen : "127.0.0.1:3000", &listen, err);
  if (status == 0) status = check_public(&listen, options->is_public, err);
  if (status != 0) return status;
  raise_file_limit();
  struct http_program program = {.world = server->world != NULL ? server->world : fl_world_uv_create(NULL),
                                 .options = options};
  program.serving = fl_serving_create(server, program.world);
  program.serving->on_out = on_out;
  program.serving->user = &program;
  status = open_all(&program, &listen, err);
  if (status == 0) serve(&program, &listen);
  else give_up(&program);
  fl_serving_close(program.serving);
  /* A handler that does not end cannot be waited for, and an ordinary exit would wait for its thread. */
  if (program.http != NULL || program.serving->runner.live_count > 0) _exit(0);
  fl_serving_settle(program.serving);
  fl_serving_destroy(program.serving);
  fl_tls_context_close(program.tls);
  fl_free(program.origin);
  if (server->world == NULL) fl_world_destroy(program.world);
  return status;
}
