/* SPDX-License-Identifier: MIT */
/* Model calls over real sockets: the libuv world, the network module, and a server of a few lines in a thread, which
 * answers one connection after the other with bytes as they stand in the table. What the simulated world promises holds
 * here too. */
#include "runtime/base/mem.h"
#include "runtime/model/model.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENT(json) "data: " json "\n\n"
#define HELLO EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}")
#define STOP EVENT("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}")
#define DONE "data: [DONE]\n\n"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

struct turn {
  const char *text;
  bool is_slow;  /* byte by byte */
  bool is_reset; /* instead of an orderly end */
  bool is_held;  /* the connection stays open until the client closes it */
};

struct server {
  int listener;
  char base_url[64];
  const struct turn *turns;
  size_t turn_count;
  pthread_t thread;
  char request[8192]; /* of the last turn */
};

static void read_request(struct server *server, int connection) {
  size_t used = 0;
  for (;;) {
    ssize_t got = recv(connection, server->request + used, sizeof server->request - used - 1, 0);
    if (got <= 0) return;
    used += (size_t)got;
    server->request[used] = '\0';
    const char *body = strstr(server->request, "\r\n\r\n"), *length = strcasestr(server->request, "content-length:");
    if (body != NULL && length != NULL && strlen(body + 4) >= strtoul(length + 15, NULL, 10)) return;
  }
}

static void send_all(int connection, const char *text, size_t step) {
  for (size_t size = strlen(text); size > 0;) {
    ssize_t sent = send(connection, text, step < size ? step : size, MSG_NOSIGNAL);
    if (sent <= 0) return;
    text += sent;
    size -= (size_t)sent;
    if (step == 1) usleep(200);
  }
}

static void serve(struct server *server, const struct turn *turn, int connection) {
  read_request(server, connection);
  send_all(connection, turn->text, turn->is_slow ? 1 : 65536);
  char byte;
  if (turn->is_held)
    while (recv(connection, &byte, 1, 0) > 0) continue;
  struct linger linger = {.l_onoff = 1};
  if (turn->is_reset) usleep(50000); /* let the client read what came */
  if (turn->is_reset) setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(connection);
}

static void *run_server(void *user) {
  struct server *server = user;
  for (size_t i = 0; i < server->turn_count; i++) {
    int connection = accept(server->listener, NULL, NULL);
    if (connection < 0) break;
    serve(server, &server->turns[i], connection);
  }
  return NULL;
}

static void server_start(struct server *server, const struct turn *turns, size_t count) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  *server =
      (struct server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .turns = turns, .turn_count = count};
  assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
  assert_int_equal(listen(server->listener, 8), 0);
  assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
  snprintf(server->base_url, sizeof server->base_url, "http://127.0.0.1:%u/v1", ntohs(address.sin_port));
  assert_int_equal(pthread_create(&server->thread, NULL, run_server, server), 0);
}

static void server_stop(struct server *server) {
  shutdown(server->listener, SHUT_RDWR);
  pthread_join(server->thread, NULL);
  close(server->listener);
}

/* ---- the caller ---- */

struct caller {
  struct fl_world *world;
  struct fl_model_call call;
  struct fl_buf deltas;
  struct fl_timer timer;
  int status;
  char error[FL_ERROR_TEXT_MAX];
  char *content;
  size_t retry_count, done_count;
};

static void on_delta(struct fl_model_call *call, const char *kind, fl_slice text, unsigned attempt) {
  struct caller *caller = call->user;
  fl_buf_addf(&caller->deltas, "%u:", attempt);
  fl_buf_add(&caller->deltas, text.data, text.size);
}

static void on_retry(struct fl_model_call *call, unsigned attempt, uint64_t delay_ms, const struct fl_error *err) {
  ((struct caller *)call->user)->retry_count++;
}

static void on_done(struct fl_model_call *call, int status, struct fl_value *message, const struct fl_error *err) {
  struct caller *caller = call->user;
  caller->status = status;
  caller->done_count++;
  if (message != NULL) caller->content = fl_strdup(fl_get_string(message, "content", ""));
  if (err != NULL) snprintf(caller->error, sizeof caller->error, "%s", err->text);
}

static void on_timer(struct fl_timer *timer) { fl_model_call_cancel(&((struct caller *)timer->user)->call); }

/* Runs one call to its end; with cancel_ms it is cancelled then. */
static void run_call(struct caller *caller, const char *base_url, uint64_t cancel_ms) {
  FL_VALUE_AUTO message = fl_object();
  FL_VALUE_AUTO settings = fl_object();
  fl_set_string(message, "role", "user");
  fl_set_string(message, "content", "hi");
  fl_set_int(settings, "idle_timeout_ms", 2000);
  fl_set_int(settings, "first_byte_timeout_ms", 5000);
  struct fl_list *empty = fl_list_create(), *list = fl_list_append_take(empty, fl_value_ref(message));
  struct fl_model_config config = {.provider = FL_MODEL_OPENAI,
                                   .model = (char *)"m",
                                   .base_url = (char *)base_url,
                                   .api_key = (char *)"sk-real",
                                   .settings = settings};
  *caller = (struct caller){.world = fl_world_uv_create(NULL), .timer = {.on_fire = on_timer, .user = caller}};
  caller->call = (struct fl_model_call){.request = {.config = &config, .messages = list},
                                        .on_delta = on_delta,
                                        .on_retry = on_retry,
                                        .on_done = on_done,
                                        .user = caller};
  fl_model_call_start(caller->world, &caller->call);
  if (cancel_ms > 0) fl_timer_start(caller->world, &caller->timer, cancel_ms);
  fl_world_run(caller->world);
  assert_int_equal(caller->done_count, 1);
  fl_world_destroy(caller->world);
  fl_list_unref(empty);
  fl_list_unref(list);
}

static void caller_deinit(struct caller *caller) {
  fl_buf_deinit(&caller->deltas);
  fl_free(caller->content);
}

struct row {
  const char *name;
  struct turn turns[2];
  size_t turn_count, retry_count;
  int status;
  const char *text; /* the content, or part of the error */
  const char *deltas;
};

static const struct row rows[] = {
    {"a stream", {{HEAD HELLO STOP DONE}}, 1, 0, 0, "hello", "1:hello"},
    {"byte by byte", {{HEAD HELLO STOP DONE, .is_slow = true}}, 1, 0, 0, "hello", "1:hello"},
    {"the connection stays open", {{HEAD HELLO STOP DONE, .is_held = true}}, 1, 0, 0, "hello", "1:hello"},
    {"the connection is reset after the end", {{HEAD HELLO STOP, .is_reset = true}}, 1, 0, 0, "hello", "1:hello"},
    {"chunks, cut anywhere",
     {{"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
       "6\r\ndata: "
       "\r\n4c\r\n{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}\r\n"
       "2\r\n\n\n\r\n0\r\n\r\n"}},
     1,
     0,
     0,
     "hello",
     "1:hello"},
    {"a whole reply",
     {{"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
       "{\"choices\":[{\"message\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}   "}},
     1,
     0,
     0,
     "hello",
     ""},
    {"429, then fine",
     {{"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"},
      {HEAD HELLO STOP DONE}},
     2,
     1,
     0,
     "hello",
     "1:hello"},
    {"reset in the middle, then fine",
     {{HEAD HELLO, .is_reset = true}, {HEAD HELLO STOP DONE}},
     2,
     1,
     0,
     "hello",
     "1:hello2:hello"},
    {"401",
     {{"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n{\"error\":\"bad key: "
       "sk-real!!\"}"}},
     1,
     0,
     FL_E_AUTH,
     "HTTP 401: bad key: *******!!",
     ""},
    {"a redirect is not followed",
     {{"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: "
       "close\r\n\r\n"}},
     1,
     0,
     FL_E_INVALID,
     "HTTP 307",
     ""},
};

static bool has_net_module(void) {
  const char *path = getenv("FAIRLEAD_NET_MODULE");
  return path != NULL && access(path, R_OK) == 0;
}

static void every_row_over_real_sockets(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct row *row = &rows[i];
    struct server server;
    struct caller caller;
    server_start(&server, row->turns, row->turn_count);
    run_call(&caller, server.base_url, 0);
    server_stop(&server);
    const char *got = row->status == 0 ? caller.content : caller.error;
    if (caller.status != row->status) fail_msg("%s: %d %s", row->name, caller.status, caller.error);
    if (got == NULL || strstr(got, row->text) == NULL) fail_msg("%s: %s", row->name, got != NULL ? got : "(none)");
    if (strstr(caller.error, "sk-real") != NULL) fail_msg("%s shows the key: %s", row->name, caller.error);
    if (caller.retry_count != row->retry_count) fail_msg("%s: %zu retries", row->name, caller.retry_count);
    fl_buf_add_text(&caller.deltas, "");
    if (row->retry_count == 0 || row->turns[0].is_reset) assert_string_equal(caller.deltas.data, row->deltas);
    if (strstr(server.request, "POST /v1/chat/completions HTTP/1.1\r\n") == NULL)
      fail_msg("%s: %s", row->name, server.request);
    assert_non_null(strstr(server.request, "Authorization: Bearer sk-real\r\n"));
    assert_non_null(strstr(server.request, "\"stream\":true"));
    caller_deinit(&caller);
  }
}

static void a_cancel_closes_the_connection(void **state) {
  const struct turn turns[] = {{HEAD HELLO, .is_held = true}};
  struct server server;
  struct caller caller;
  server_start(&server, turns, 1);
  run_call(&caller, server.base_url, 200);
  server_stop(&server); /* comes back only when the held connection was closed */
  assert_int_equal(caller.status, FL_E_CANCELLED);
  assert_string_equal(caller.deltas.data, "1:hello");
  caller_deinit(&caller);
}

static void nobody_listens(void **state) {
  struct server server;
  struct caller caller;
  server_start(&server, NULL, 0);
  server_stop(&server); /* the port was ours and is closed now */
  run_call(&caller, server.base_url, 0);
  assert_int_equal(caller.status, FL_E_NETWORK);
  assert_int_equal(caller.retry_count, 2);
  assert_non_null(strstr(caller.error, "after 3 tries: model openai/m: "));
  caller_deinit(&caller);
}

int main(void) {
  if (!has_net_module()) {
    tap_skip("model calls over real sockets", "the network module is not built");
    return tap_done();
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_over_real_sockets),
      cmocka_unit_test(a_cancel_closes_the_connection),
      cmocka_unit_test(nobody_listens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
