/* SPDX-License-Identifier: MIT */
/* Listening sockets. Happy path: bound, readable, accepted in small batches, each given to on_connection. Failure
 * modes: no descriptor is left (a spare one is given up for a moment, so that the connection is closed at once instead
 * of waiting for ever); nobody takes a connection (it is closed); a path is in use (said), or was left by a process
 * that is gone (replaced). */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_uv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, BATCH = 64 };

struct listening {
  struct fl_impl head;
  struct fl_listener *listener; /* NULL once it is closing and the caller may have freed it */
  void (*on_close)(struct fl_listener *listener);
  int fd;
  int spare_fd;
  int accepted_fd; /* -1: taken, or none waits */
  bool is_tcp, is_closing;
  uv_poll_t poll;
  char *path; /* to be removed; NULL: none */
  dev_t device;
  ino_t inode;
};

/* ---- accepting ---- */

static int open_spare(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

static void refuse_one(struct listening *listening) {
  if (listening->spare_fd < 0) return;
  close(listening->spare_fd);
  int fd = accept4(listening->fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0) close(fd);
  listening->spare_fd = open_spare();
}

static bool accept_one(struct listening *listening) {
  int fd = accept4(listening->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE)) refuse_one(listening);
  if (fd < 0) return errno == ECONNABORTED || errno == EINTR;
  if (listening->is_tcp) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  listening->accepted_fd = fd;
  listening->listener->on_connection(listening->listener);
  if (listening->accepted_fd >= 0) close(listening->accepted_fd);
  listening->accepted_fd = -1;
  return true;
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  struct listening *listening = handle->data;
  for (int i = 0; i < BATCH && !listening->is_closing && accept_one(listening); i++) continue;
}

int uv_world_listener_accept(struct fl_listener *listener, struct fl_stream *stream) {
  struct listening *listening = listener->impl;
  fl_check(listening->accepted_fd >= 0);
  int failure = uv_world_socket_open(uv_world_of(listening->head.world), stream, listening->accepted_fd);
  if (failure == 0) listening->accepted_fd = -1;
  return failure;
}

/* ---- binding ---- */

static int bind_error(const char *what, struct fl_error *err) {
  int failure = errno;
  if (failure == EADDRINUSE) return fl_error_set(err, FL_E_EXISTS, "cannot listen on %s: it is in use", what);
  int code = failure == EACCES || failure == EPERM ? FL_E_DENIED : FL_E_IO;
  return fl_error_set(err, code, "cannot listen on %s: %s", what, strerror(failure));
}

static int bind_address(struct listening *listening, const struct fl_listener_options *options, struct fl_error *err) {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address = {0};
  bool is_v4 = inet_pton(AF_INET, options->address, &address.v4.sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, options->address, &address.v6.sin6_addr) != 1)
    return fl_error_set(err, FL_E_INVALID, "\"%s\" is not a numeric address, like 127.0.0.1 or ::1", options->address);
  address.any.sa_family = is_v4 ? AF_INET : AF_INET6;
  if (is_v4) address.v4.sin_port = htons(options->port);
  else address.v6.sin6_port = htons(options->port);
  char what[80];
  snprintf(what, sizeof what, is_v4 ? "%s:%u" : "[%s]:%u", options->address, options->port);
  listening->is_tcp = true;
  listening->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listening->fd < 0) return bind_error(what, err);
  setsockopt(listening->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (!is_v4) setsockopt(listening->fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int));
  socklen_t size = is_v4 ? sizeof address.v4 : sizeof address.v6;
  return bind(listening->fd, &address.any, size) == 0 ? 0 : bind_error(what, err);
}

/* A socket file that nobody listens on any more. */
static bool is_left_over(const struct sockaddr_un *address) {
  struct stat info;
  if (lstat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false; /* another file is never removed */
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool is_refused = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED;
  close(fd);
  return is_refused;
}

static int bind_path(struct listening *listening, const char *path, struct fl_error *err) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path || *path == '\0')
    return fl_error_set(err, FL_E_INVALID, "the path of a Unix socket has 1 to %zu bytes", sizeof address.sun_path - 1);
  memcpy(address.sun_path, path, strlen(path) + 1);
  listening->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listening->fd < 0) return bind_error(path, err);
  fchmod(listening->fd, 0600); /* the file is made with this mode */
  int failed = bind(listening->fd, (struct sockaddr *)&address, sizeof address);
  if (failed < 0 && errno == EADDRINUSE && is_left_over(&address)) {
    unlink(path);
    failed = bind(listening->fd, (struct sockaddr *)&address, sizeof address);
  }
  if (failed < 0) return bind_error(path, err);
  struct stat info;
  if (stat(path, &info) == 0) {
    listening->path = fl_strdup(path);
    listening->device = info.st_dev;
    listening->inode = info.st_ino;
  }
  return 0;
}

static int take_fd(struct listening *listening, int fd, struct fl_error *err) {
  int accepts = 0, domain = 0;
  socklen_t size = sizeof accepts, domain_size = sizeof domain;
  bool is_fit = getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) == 0 && accepts != 0 &&
                getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) == 0;
  if (!is_fit) return fl_error_set(err, FL_E_INVALID, "descriptor %d is not a listening socket", fd);
  listening->fd = fd;
  listening->is_tcp = domain != AF_UNIX;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return 0;
}

static uint16_t port_of(int fd) {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage room;
  } address = {0};
  socklen_t size = sizeof address;
  if (getsockname(fd, &address.any, &size) != 0) return 0;
  if (address.any.sa_family == AF_INET) return ntohs(address.v4.sin_port);
  return address.any.sa_family == AF_INET6 ? ntohs(address.v6.sin6_port) : 0;
}

static int bind_any(struct listening *listening, const struct fl_listener_options *options, struct fl_error *err) {
  if (options->has_fd) return take_fd(listening, options->fd, err);
  int failure =
      options->path != NULL ? bind_path(listening, options->path, err) : bind_address(listening, options, err);
  if (failure == 0 && listen(listening->fd, BACKLOG) != 0)
    failure = bind_error(options->path != NULL ? options->path : options->address, err);
  return failure;
}

/* ---- life ---- */

static void remove_path(struct listening *listening) {
  struct stat info;
  bool is_ours = listening->path != NULL && stat(listening->path, &info) == 0 && info.st_dev == listening->device &&
                 info.st_ino == listening->inode;
  if (is_ours) unlink(listening->path);
  fl_free(listening->path);
}

static void on_poll_closed(uv_handle_t *handle) {
  struct listening *listening = handle->data;
  struct uv_world *world = uv_world_of(listening->head.world);
  struct fl_listener *listener = listening->listener;
  void (*on_close)(struct fl_listener *) = listening->on_close;
  fl_free(listening);
  world->open_count--;
  if (listener != NULL) listener->impl = NULL;
  if (on_close != NULL) on_close(listener);
  uv_world_handle_closed(world);
}

void uv_world_listener_close(struct fl_listener *listener, void (*on_close)(struct fl_listener *listener)) {
  struct listening *listening = listener->impl;
  fl_check(!listening->is_closing);
  listening->is_closing = true;
  listening->on_close = on_close;
  if (on_close == NULL) {
    listening->listener = NULL;
    listener->impl = NULL;
  }
  remove_path(listening);
  uv_close((uv_handle_t *)&listening->poll, on_poll_closed);
  close(listening->fd);
  if (listening->spare_fd >= 0) close(listening->spare_fd);
}

int uv_world_listener_open(struct fl_world *base, struct fl_listener *listener,
                           const struct fl_listener_options *options, struct fl_error *err) {
  struct uv_world *world = uv_world_of(base);
  struct listening *listening = fl_new(struct listening);
  *listening =
      (struct listening){.head.world = base, .listener = listener, .fd = -1, .spare_fd = -1, .accepted_fd = -1};
  int failure = bind_any(listening, options, err);
  if (failure == 0 && uv_poll_init_socket(world->loop, &listening->poll, listening->fd) != 0)
    failure = fl_error_set(err, FL_E_IO, "cannot wait for connections");
  if (failure != 0) {
    remove_path(listening);
    if (listening->fd >= 0 && !options->has_fd) close(listening->fd);
    fl_free(listening);
    return failure;
  }
  listening->spare_fd = open_spare();
  listening->poll.data = listening;
  uv_world_handle_opened(world);
  world->open_count++;
  listener->impl = listening;
  listener->port = port_of(listening->fd);
  uv_poll_start(&listening->poll, UV_READABLE, on_poll);
  return 0;
}
