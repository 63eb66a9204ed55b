/* SPDX-License-Identifier: MIT */
/* Listeners and connections of the real world: a peer with blocking sockets on a thread of its own. */
#include "runtime/base/buf.h"
#include "runtime/io/http_server.h"
#include "tests/support/support.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LARGE = 8 * 1024 * 1024 };

static struct fl_world *world;
static struct fl_listener listener;
static struct fl_stream stream;
static struct fl_buf got;
static int end_count, close_count;

/* ---- our side: echoes, or sends much, or does not read ---- */

static enum { ECHO, SEND_LARGE, SEND_AND_END, PAUSE } way;

static void on_close(struct fl_stream *closed) {
  close_count++;
  fl_listener_close(&listener, NULL);
}

static void on_data(struct fl_stream *from, fl_slice data) {
  fl_buf_add(&got, data.data, data.size);
  if (way == ECHO) assert_int_equal(fl_stream_write(from, data), 0);
}

static void on_end(struct fl_stream *from, int status) {
  end_count++;
  assert_int_equal(status, 0);
  fl_stream_close(from, on_close);
}

static void on_connection(struct fl_listener *from) {
  stream = (struct fl_stream){.on_data = on_data, .on_end = on_end};
  assert_int_equal(fl_listener_accept(from, &stream), 0);
  static char block[64 * 1024];
  for (int i = 0; (way == SEND_LARGE || way == SEND_AND_END) && i < LARGE / (int)sizeof block; i++)
    assert_int_equal(fl_stream_write(&stream, fl_slice_n(block, sizeof block)), 0);
  if (way == SEND_LARGE) assert_int_equal(fl_stream_queued(&stream), LARGE);
  if (way == SEND_AND_END) {
    fl_stream_end(&stream);
    assert_int_equal(fl_stream_write(&stream, FL_SLICE("x")), FL_E_CLOSED);
  }
  if (way == PAUSE) fl_stream_pause(&stream, true);
}

/* ---- the peer ---- */

struct peer {
  pthread_t thread;
  const char *path; /* NULL: 127.0.0.1 */
  const char *text; /* sent */
  bool hangs_up;    /* without reading */
  size_t got_size;
  char front[64];
};

static int connect_to(const char *path) {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_un un;
  } address = {0};
  if (path == NULL) {
    address.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(listener.port)};
    address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else {
    address.un.sun_family = AF_UNIX;
    snprintf(address.un.sun_path, sizeof address.un.sun_path, "%s", path);
  }
  int fd = socket(address.any.sa_family, SOCK_STREAM, 0);
  if (connect(fd, &address.any, path == NULL ? sizeof address.v4 : sizeof address.un) == 0) return fd;
  close(fd);
  return -1;
}

static void *run_peer(void *user) {
  struct peer *peer = user;
  int fd = connect_to(peer->path);
  if (fd < 0) return NULL;
  send(fd, peer->text, strlen(peer->text), MSG_NOSIGNAL);
  if (peer->hangs_up) {
    usleep(50 * 1000);
    close(fd);
    return NULL;
  }
  static char block[64 * 1024];
  if (way == ECHO) shutdown(fd, SHUT_WR);
  size_t wanted = way == SEND_LARGE ? LARGE : SIZE_MAX;
  for (ssize_t size; peer->got_size < wanted && (size = recv(fd, block, sizeof block, 0)) > 0;) {
    for (ssize_t i = 0; i < size && peer->got_size + (size_t)i < sizeof peer->front - 1; i++)
      peer->front[peer->got_size + (size_t)i] = block[i];
    peer->got_size += (size_t)size;
  }
  close(fd);
  return NULL;
}

static void serve(struct fl_listener_options options, struct peer *peer) {
  struct fl_error err = {0};
  options.size = sizeof options;
  end_count = close_count = 0;
  fl_buf_clear(&got);
  world = fl_world_uv_create(NULL);
  listener = (struct fl_listener){.on_connection = on_connection};
  assert_int_equal(fl_listener_open(world, &listener, &options, &err), 0);
  peer->path = options.path;
  assert_int_equal(pthread_create(&peer->thread, NULL, run_peer, peer), 0);
  fl_world_run(world);
  pthread_join(peer->thread, NULL);
  fl_world_run(world);
  fl_world_destroy(world);
  assert_int_equal(close_count, 1);
}

static const struct fl_listener_options loopback = {.address = "127.0.0.1"};

static void an_echo(void **state) {
  struct peer peer = {.text = "hello"};
  way = ECHO;
  serve(loopback, &peer);
  assert_string_equal(peer.front, "hello");
  assert_string_equal(got.data, "hello");
}

static void much_is_written(void **state) {
  struct peer peer = {.text = ""};
  way = SEND_LARGE;
  serve(loopback, &peer);
  assert_int_equal(peer.got_size, LARGE);
}

static void an_end_comes_behind_what_waits(void **state) {
  struct peer peer = {.text = ""};
  way = SEND_AND_END;
  serve(loopback, &peer);
  assert_int_equal(peer.got_size, LARGE);
  assert_int_equal(end_count, 1);
}

static void who_goes_is_noticed_while_nobody_reads(void **state) {
  struct peer peer = {.text = "unread", .hangs_up = true};
  way = PAUSE;
  serve(loopback, &peer);
  assert_int_equal(end_count, 1);
  assert_int_equal(got.size, 0);
}

static void who_goes_is_noticed_while_much_waits(void **state) {
  struct peer peer = {.text = "", .hangs_up = true};
  way = SEND_LARGE;
  serve(loopback, &peer);
  assert_int_equal(end_count, 1);
}

static void unix_sockets(void **state) {
  char path[108];
  snprintf(path, sizeof path, "%s/s", test_folder());
  struct peer peer = {.text = "by path"};
  way = ECHO;
  serve((struct fl_listener_options){.path = path}, &peer);
  assert_string_equal(peer.front, "by path");
  assert_int_equal(access(path, F_OK), -1); /* removed */
}

static int open_at(const char *path, struct fl_listener *at, struct fl_error *err) {
  *at = (struct fl_listener){.on_connection = on_connection};
  const struct fl_listener_options options = {.size = sizeof options, .path = path};
  return fl_listener_open(world, at, &options, err);
}

static void a_path_in_use_and_one_left_over(void **state) {
  char path[108];
  snprintf(path, sizeof path, "%s/s", test_folder());
  struct fl_error err = {0};
  struct fl_listener first, second;
  world = fl_world_uv_create(NULL);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  close(fd); /* the file stays, as after a kill */
  assert_int_equal(open_at(path, &first, &err), 0);
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  assert_int_equal(open_at(path, &second, &err), FL_E_EXISTS);
  unlink(path);
  FILE *other = fopen(path, "w"); /* somebody else's by now: not removed */
  fclose(other);
  assert_int_equal(open_at(path, &second, &err), FL_E_EXISTS);
  fl_listener_close(&first, NULL);
  fl_world_run(world);
  assert_int_equal(access(path, F_OK), 0);
  fl_world_destroy(world);
}

static void a_descriptor_is_taken(void **state) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fd, 5), 0);
  struct peer peer = {.text = "given"};
  way = ECHO;
  serve((struct fl_listener_options){.fd = fd, .has_fd = true}, &peer);
  assert_string_equal(peer.front, "given");
}

static void what_cannot_be_listened_on(void **state) {
  struct fl_error err = {0};
  world = fl_world_uv_create(NULL);
  struct fl_listener at = {.on_connection = on_connection};
  struct fl_listener_options options = {.size = sizeof options, .address = "localhost"};
  assert_int_equal(fl_listener_open(world, &at, &options, &err), FL_E_INVALID);
  options.address = NULL;
  assert_int_equal(fl_listener_open(world, &at, &options, &err), FL_E_INVALID);
  options.has_fd = true;
  options.fd = 2;
  assert_int_equal(fl_listener_open(world, &at, &options, &err), FL_E_INVALID);
  options = (struct fl_listener_options){.size = sizeof options, .path = "/nonexistent/folder/s"};
  assert_int_equal(fl_listener_open(world, &at, &options, &err), FL_E_IO);
  struct fl_listener first = at;
  options = (struct fl_listener_options){.size = sizeof options, .address = "127.0.0.1"};
  assert_int_equal(fl_listener_open(world, &first, &options, &err), 0);
  options.port = first.port;
  assert_int_equal(fl_listener_open(world, &at, &options, &err), FL_E_EXISTS);
  fl_listener_close(&first, NULL);
  fl_world_run(world);
  fl_world_destroy(world);
}

/* ---- the whole server, over a real socket ---- */

static struct fl_http_server *server;

static void on_body(struct fl_http_exchange *exchange, fl_slice body) {
  fl_http_reply(exchange, &(struct fl_http_reply){.status = 200, .content_type = "text/plain", .body = body});
  fl_http_server_close(server, 1000, NULL, NULL);
}

static void on_request(struct fl_http_exchange *exchange, const struct fl_http1_head *head, void *user) {
  exchange->on_body = on_body;
}

static void a_request_over_a_real_socket(void **state) {
  struct fl_error err = {0};
  world = fl_world_uv_create(NULL);
  struct fl_http_server_options options = {.size = sizeof options,
                                           .listen = {.size = sizeof options.listen, .address = "127.0.0.1"},
                                           .on_request = on_request};
  assert_int_equal(fl_http_server_open(world, &options, &server, &err), 0);
  listener.port = fl_http_server_port(server);
  struct peer peer = {.text = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nhi"};
  way = SEND_AND_END; /* the peer reads to the end */
  assert_int_equal(pthread_create(&peer.thread, NULL, run_peer, &peer), 0);
  fl_world_run(world);
  pthread_join(peer.thread, NULL);
  fl_world_destroy(world);
  assert_memory_equal(peer.front, "HTTP/1.1 200 OK\r\nDate: ", 23);
  assert_true(peer.got_size > 100);
}

static int deinit_got(void **state) {
  fl_buf_deinit(&got);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_echo),
      cmocka_unit_test(much_is_written),
      cmocka_unit_test(an_end_comes_behind_what_waits),
      cmocka_unit_test(who_goes_is_noticed_while_nobody_reads),
      cmocka_unit_test(who_goes_is_noticed_while_much_waits),
      cmocka_unit_test(unix_sockets),
      cmocka_unit_test(a_path_in_use_and_one_left_over),
      cmocka_unit_test(a_descriptor_is_taken),
      cmocka_unit_test(what_cannot_be_listened_on),
      cmocka_unit_test(a_request_over_a_real_socket),
  };
  return cmocka_run_group_tests_name("listener", tests, NULL, deinit_got);
}
