/* SPDX-License-Identifier: MIT */
/* Waiting for connections: on a numeric address and port, on a Unix socket, or on a listening descriptor that somebody
 * else made (socket activation). What is accepted is a struct fl_stream with both directions (world.h). */
#pragma once
#include "runtime/io/world.h"

struct fl_listener_options {
  size_t size;
  const char *address; /* numeric, "127.0.0.1" or "::1"; one of address, path and fd */
  uint16_t port;       /* 0: any free one, see fl_listener.port */
  const char *path;    /* of a Unix socket, made with mode 0600; one that nobody listens on any more is replaced */
  int fd;              /* taken */
  bool has_fd;
};

struct fl_listener {
  /* A connection waits: take it with fl_listener_accept in here, or it is closed. */
  void (*on_connection)(struct fl_listener *listener);
  void *user;
  uint16_t port; /* what it listens on; 0 for a Unix socket */
  void *impl;
};

/* Errors at once: FL_E_INVALID (address), FL_E_EXISTS (in use), FL_E_DENIED, FL_E_IO. The path is removed again by
 * fl_listener_close, unless another file stands there by then. */
int fl_listener_open(struct fl_world *world, struct fl_listener *listener, const struct fl_listener_options *options,
                     struct fl_error *err);

/* The connection that waits becomes `stream`, whose callbacks are set; reading begins. Only in on_connection. */
int fl_listener_accept(struct fl_listener *listener, struct fl_stream *stream);

/* No connection comes any more; those that were accepted stay. on_close may be NULL: then the listener is the caller's
 * again at once. */
void fl_listener_close(struct fl_listener *listener, void (*on_close)(struct fl_listener *listener));
