/* SPDX-License-Identifier: MIT */
/* Happy path: a connection, its CONNECT, granted; resolved and connected on the pool; 200; bytes both ways until both
 * sides have ended. Failure modes: what is no CONNECT (400, 405), or not granted (403, which names the layer); an
 * address that may not be (403); nobody there (502); a side that reads slower than the other writes (the other is not
 * read for a while); the tool's end while a connection is being made (the work ends by itself, and what it made is
 * closed). */
#include "runtime/io/uv_proxy.h"

#include "runtime/base/mem.h"
#include "runtime/io/listener.h"
#include "runtime/io/world_uv.h"
#include "runtime/wire/address.h"
#include "runtime/wire/connect.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TUNNELS_MAX = 256, QUEUE_MAX = 256 * 1024, SLOW_MS = 5, CONNECT_MS = 10000 };

enum side { CLIENT, SERVER };

struct tunnel {
  struct fl_stream streams[2];
  bool is_open[2], has_ended[2];
  struct fl_buf head; /* what came before the server was there */
  struct fl_connect target;
  bool may_be_private; /* that very address was granted */
  bool is_working, is_over;
  int fd; /* that the work made; -1: none */
  char why[160];
  struct fl_work work;
  struct fl_timer slow;
  struct uv_proxy *proxy;
  struct tunnel *previous, *next;
};

struct uv_proxy {
  struct fl_world *world;
  struct fl_listener listener;
  char **hosts;
  struct tunnel *tunnels;
  size_t tunnel_count;
  bool is_closed;
};

static void free_proxy(struct uv_proxy *proxy) {
  for (size_t i = 0; proxy->hosts[i] != NULL; i++) fl_free(proxy->hosts[i]);
  fl_free(proxy->hosts);
  fl_free(proxy);
}

/* ---- the end of a tunnel ---- */

static void free_tunnel(struct tunnel *tunnel) {
  struct uv_proxy *proxy = tunnel->proxy;
  if (tunnel->previous != NULL) tunnel->previous->next = tunnel->next;
  else proxy->tunnels = tunnel->next;
  if (tunnel->next != NULL) tunnel->next->previous = tunnel->previous;
  proxy->tunnel_count--;
  fl_buf_deinit(&tunnel->head);
  fl_free(tunnel);
  if (proxy->is_closed && proxy->tunnels == NULL) free_proxy(proxy);
}

/* Nothing of it calls back any more, but its work. */
static void end_tunnel(struct tunnel *tunnel) {
  if (tunnel->is_over) return;
  tunnel->is_over = true;
  fl_timer_stop(tunnel->proxy->world, &tunnel->slow);
  for (int i = 0; i < 2; i++)
    if (tunnel->is_open[i]) fl_stream_close(&tunnel->streams[i], NULL);
  if (!tunnel->is_working) free_tunnel(tunnel);
}

static void refuse(struct tunnel *tunnel, const char *status, const char *why) {
  FL_BUF_AUTO answer = {0};
  fl_buf_addf(&answer,
              "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n", status,
              strlen(why) + 1, why);
  fl_stream_write(&tunnel->streams[CLIENT], fl_buf_slice(&answer));
  end_tunnel(tunnel);
}

/* ---- connecting, on the pool ---- */

static int wait_connected(int fd) {
  struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
  int failure = 0;
  socklen_t size = sizeof failure;
  if (poll(&poll_fd, 1, CONNECT_MS) != 1) return ETIMEDOUT;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 ? failure : errno;
}

static int connect_to(const struct addrinfo *address) {
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int failure = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
  if (failure == EINPROGRESS) failure = wait_connected(fd);
  if (failure == 0) return fd;
  close(fd);
  errno = failure;
  return -1;
}

static bool is_allowed(const struct tunnel *tunnel, const struct addrinfo *address) {
  char text[64];
  if (getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0) return false;
  text[strcspn(text, "%")] = '\0'; /* a scope */
  return tunnel->may_be_private || !fl_http_is_private_address(text);
}

static void run_connect(struct fl_work *work) {
  struct tunnel *tunnel = work->user;
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *addresses = NULL;
  char port[8];
  snprintf(port, sizeof port, "%u", tunnel->target.port);
  int failure = getaddrinfo(tunnel->target.host, port, &hints, &addresses);
  if (failure != 0) snprintf(tunnel->why, sizeof tunnel->why, "502 cannot resolve it: %s", gai_strerror(failure));
  for (const struct addrinfo *one = addresses; one != NULL && tunnel->fd < 0; one = one->ai_next) {
    if (!is_allowed(tunnel, one))
      snprintf(tunnel->why, sizeof tunnel->why, "403 its address belongs to this machine or a private network");
    else if ((tunnel->fd = connect_to(one)) < 0)
      snprintf(tunnel->why, sizeof tunnel->why, "502 cannot connect: %s", strerror(errno));
  }
  if (addresses != NULL) freeaddrinfo(addresses);
}

/* ---- bytes both ways ---- */

static struct tunnel *tunnel_of(struct fl_stream *stream) { return stream->user; }
static enum side side_of(const struct fl_stream *stream) {
  return stream == &((struct tunnel *)stream->user)->streams[CLIENT] ? CLIENT : SERVER;
}

/* Who is read depends on how much waits for the other. */
static void on_slow(struct fl_timer *timer) {
  struct tunnel *tunnel = timer->user;
  bool is_slow = false;
  for (int i = 0; i < 2; i++) {
    bool waits = fl_stream_queued(&tunnel->streams[i]) > QUEUE_MAX / 2;
    is_slow = is_slow || waits;
    if (!tunnel->has_ended[1 - i]) fl_stream_pause(&tunnel->streams[1 - i], waits);
  }
  if (is_slow) fl_timer_start(tunnel->proxy->world, timer, SLOW_MS);
}

static void pass(struct tunnel *tunnel, enum side from, fl_slice data) {
  struct fl_stream *to = &tunnel->streams[1 - from];
  if (fl_stream_write(to, data) < 0) {
    end_tunnel(tunnel);
    return;
  }
  if (fl_stream_queued(to) <= QUEUE_MAX) return;
  fl_stream_pause(&tunnel->streams[from], true);
  fl_timer_start(tunnel->proxy->world, &tunnel->slow, SLOW_MS);
}

static void on_end(struct fl_stream *stream, int status) {
  struct tunnel *tunnel = tunnel_of(stream);
  enum side side = side_of(stream);
  tunnel->has_ended[side] = true;
  if (status != 0 || !tunnel->is_open[SERVER] || tunnel->has_ended[1 - side]) end_tunnel(tunnel);
  else fl_stream_end(&tunnel->streams[1 - side]);
}

static void on_server_data(struct fl_stream *stream, fl_slice data) { pass(tunnel_of(stream), SERVER, data); }

static void on_connected(struct fl_work *work) {
  static const char welcome[] = "HTTP/1.1 200 Connection established\r\n\r\n";
  struct tunnel *tunnel = work->user;
  tunnel->is_working = false;
  if (tunnel->is_over) {
    if (tunnel->fd >= 0) close(tunnel->fd);
    free_tunnel(tunnel);
    return;
  }
  tunnel->streams[SERVER] = (struct fl_stream){.on_data = on_server_data, .on_end = on_end, .user = tunnel};
  bool is_good = tunnel->fd >= 0 &&
                 uv_world_socket_open(uv_world_of(tunnel->proxy->world), &tunnel->streams[SERVER], tunnel->fd) == 0;
  if (!is_good && tunnel->fd >= 0) close(tunnel->fd);
  if (!is_good) {
    bool is_denied = strncmp(tunnel->why, "403 ", 4) == 0;
    refuse(tunnel, is_denied ? "403 Forbidden" : "502 Bad Gateway", tunnel->why + 4);
    return;
  }
  tunnel->is_open[SERVER] = true;
  fl_stream_write(&tunnel->streams[CLIENT], fl_slice_n(welcome, sizeof welcome - 1));
  fl_buf_consume(&tunnel->head, tunnel->target.head_size);
  if (tunnel->head.size > 0) fl_stream_write(&tunnel->streams[SERVER], fl_buf_slice(&tunnel->head));
  fl_buf_deinit(&tunnel->head);
  fl_stream_pause(&tunnel->streams[CLIENT], false);
}

/* ---- what is asked for ---- */

static bool is_granted(struct tunnel *tunnel) {
  const struct fl_connect *target = &tunnel->target;
  bool is_granted = false;
  for (char **host = tunnel->proxy->hosts; *host != NULL && !is_granted; host++)
    is_granted = fl_connect_fits(*host, target);
  tunnel->may_be_private = target->is_address || strcmp(target->host, "localhost") == 0;
  return is_granted;
}

static void on_request(struct tunnel *tunnel) {
  int rc = fl_connect_parse(fl_buf_slice(&tunnel->head), &tunnel->target);
  if (rc == FL_E_TRUNCATED) return;
  if (rc == FL_E_UNSUPPORTED) {
    refuse(tunnel, "405 Method Not Allowed", "this proxy makes tunnels (CONNECT) and nothing else");
  } else if (rc < 0) {
    refuse(tunnel, "400 Bad Request", "this is no CONNECT to a host and a port");
  } else if (!is_granted(tunnel)) {
    char why[400];
    snprintf(why, sizeof why, "the manifest does not grant %s:%u (sandbox/net/hosts)", tunnel->target.host,
             tunnel->target.port);
    refuse(tunnel, "403 Forbidden", why);
  } else {
    fl_stream_pause(&tunnel->streams[CLIENT], true);
    tunnel->is_working = true;
    tunnel->work = (struct fl_work){.run = run_connect, .on_done = on_connected, .user = tunnel};
    fl_work_start(tunnel->proxy->world, &tunnel->work);
  }
}

static void on_client_data(struct fl_stream *stream, fl_slice data) {
  struct tunnel *tunnel = tunnel_of(stream);
  if (tunnel->is_open[SERVER]) {
    pass(tunnel, CLIENT, data);
    return;
  }
  fl_buf_add(&tunnel->head, data.data, data.size);
  if (!tunnel->is_working) on_request(tunnel);
}

static void on_connection(struct fl_listener *listener) {
  struct uv_proxy *proxy = listener->user;
  if (proxy->tunnel_count >= TUNNELS_MAX) return; /* it is closed */
  struct tunnel *tunnel = fl_new(struct tunnel);
  tunnel->proxy = proxy;
  tunnel->fd = -1;
  tunnel->slow = (struct fl_timer){.on_fire = on_slow, .user = tunnel};
  tunnel->streams[CLIENT] = (struct fl_stream){.on_data = on_client_data, .on_end = on_end, .user = tunnel};
  if (fl_listener_accept(listener, &tunnel->streams[CLIENT]) < 0) {
    fl_free(tunnel);
    return;
  }
  tunnel->is_open[CLIENT] = true;
  tunnel->next = proxy->tunnels;
  if (proxy->tunnels != NULL) proxy->tunnels->previous = tunnel;
  proxy->tunnels = tunnel;
  proxy->tunnel_count++;
}

/* ---- life ---- */

struct uv_proxy *uv_proxy_open(struct fl_world *world, int fd, char **hosts, struct fl_error *err) {
  struct uv_proxy *proxy = fl_new(struct uv_proxy);
  const struct fl_listener_options options = {.size = sizeof options, .fd = fd, .has_fd = true};
  proxy->world = world;
  proxy->hosts = hosts;
  proxy->listener = (struct fl_listener){.on_connection = on_connection, .user = proxy};
  if (fl_listener_open(world, &proxy->listener, &options, err) == 0) return proxy;
  close(fd);
  free_proxy(proxy);
  return NULL;
}

void uv_proxy_close(struct uv_proxy *proxy) {
  if (proxy == NULL) return;
  fl_listener_close(&proxy->listener, NULL);
  for (struct tunnel *tunnel = proxy->tunnels, *next; tunnel != NULL; tunnel = next) {
    next = tunnel->next;
    end_tunnel(tunnel);
  }
  proxy->is_closed = true;
  if (proxy->tunnels == NULL) free_proxy(proxy);
}
