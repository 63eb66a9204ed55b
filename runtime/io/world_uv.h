/* SPDX-License-Identifier: MIT */
/* The real world, on a libuv loop: what its parts (loop, ducts, streams, processes, pool, HTTP) share. Private to
 * world_uv*.c.
 *
 * Invariants. (1) `open_count` counts the requests of users that have not had their last callback; it is 0 when the
 * world is destroyed. (2) `handle_count` counts uv handles that are not closed yet; the world's memory goes with the
 * last of them.
 * (3) The loop is kept alive by requests that are under way, by references and by posts from its own thread; never by
 * signals. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/io/heap.h"
#include "runtime/io/pool.h"
#include "runtime/io/world_ops.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <uv.h>

struct fl_net;
struct fl_net_module;

enum { UV_WORLD_READ_SIZE = 64 * 1024 };

struct uv_world {
  struct fl_world base;
  uv_loop_t *loop;
  uv_loop_t own_loop;
  bool owns_loop;
  bool is_running;
  bool is_stopped;
  bool is_destroyed;
  bool sigpipe_was_blocked;
  bool has_local_posts;     /* posted by the loop's own thread, not called yet */
  _Atomic pthread_t thread; /* the loop's */
  size_t open_count;
  size_t handle_count;
  size_t hold_count;

  uv_async_t wakeup;
  _Atomic(struct fl_post *) posts; /* newest first */

  uv_timer_t alarm; /* for the earliest of `timers` */
  struct fl_heap timers;
  uint64_t timer_order;
  size_t foreground_count; /* timers that keep the loop alive */

  uv_prepare_t flusher;
  struct uv_unflushed *unflushed;
  char *read_buffer; /* lent to one callback at a time */

  struct fl_pool *pool;                   /* NULL until the first work */
  const struct fl_net_module *net_module; /* NULL until the first request */
  struct fl_net *net;
};

/* Output that waits for the end of the loop's turn. */
struct uv_unflushed {
  struct uv_unflushed *next;
  void (*flush)(struct uv_unflushed *node); /* calls nobody back */
  bool is_listed;
};

static inline struct uv_world *uv_world_of(struct fl_world *world) { return (struct uv_world *)world; }
void uv_world_handle_opened(struct uv_world *world);
void uv_world_handle_closed(struct uv_world *world);
void uv_world_note_unflushed(struct uv_world *world, struct uv_unflushed *node);
void uv_world_forget_unflushed(struct uv_world *world, struct uv_unflushed *node);
void uv_world_flush(struct uv_world *world); /* writes what waits, as far as the kernel takes it */

/* ---- ducts: one direction of one descriptor ---- */

enum uv_duct_kind {
  UV_DUCT_POLL,   /* pipe, not blocking */
  UV_DUCT_SOCKET, /* per-call flags, so that the shared description stays as it is */
  UV_DUCT_TTY,    /* read when ready; written blocking, as the shell does */
  UV_DUCT_FILE,   /* regular files and devices: on the pool */
};

struct uv_duct {
  struct uv_world *world;
  int fd;          /* -1 when closed */
  int standard_fd; /* 0, 1 or 2 to put /dev/null on when closed; otherwise -1 */
  enum uv_duct_kind kind;
  bool reads;
  bool is_paused;
  bool is_polling;
  bool is_closing; /* no more callbacks but on_closed */
  bool has_ended;
  bool has_handle;
  bool is_wide; /* a pipe that was made larger */
  int status; /* of writing: 0 or FL_E_CLOSED */
  uv_poll_t poll;
  struct fl_post closed_post;
  struct fl_buf queue;
  size_t sent; /* bytes at the front of queue that are gone */
  struct uv_unflushed unflushed;
  struct fl_work work; /* files only */
  bool is_working;
  char *work_data;
  ssize_t work_size;
  char *(*on_room)(struct uv_duct *duct, size_t *ret_size); /* see struct fl_stream; may be NULL */
  void (*on_data)(struct uv_duct *duct, fl_slice data);
  void (*on_end)(struct uv_duct *duct, int status);
  void (*on_closed)(struct uv_duct *duct);
};

/* Takes `fd` on success; the callbacks are set by the caller before. Reading begins at once. */
int uv_duct_open(struct uv_world *world, struct uv_duct *duct, int fd, bool reads, struct fl_error *err);
int uv_duct_write(struct uv_duct *duct, fl_slice data);
int uv_duct_write_take(struct uv_duct *duct, struct fl_buf *buf);
size_t uv_duct_queued(const struct uv_duct *duct);
void uv_duct_pause(struct uv_duct *duct, bool paused);
/* With `flush`, what waits is written first (an error ends that). on_closed follows, never from inside. Repeatable: a
 * second call without `flush` gives up what waits. */
void uv_duct_close(struct uv_duct *duct, bool flush);

/* ---- the rows of the table that are in other files ---- */

int uv_world_stream_open_fd(struct fl_world *world, struct fl_stream *stream, int fd, bool reads, struct fl_error *err);
int uv_world_listener_open(struct fl_world *world, struct fl_listener *listener,
                           const struct fl_listener_options *options, struct fl_error *err);
int uv_world_listener_accept(struct fl_listener *listener, struct fl_stream *stream);
void uv_world_listener_close(struct fl_listener *listener, void (*on_close)(struct fl_listener *listener));
/* A connection of ours: takes `fd`, which does not block. */
int uv_world_socket_open(struct uv_world *world, struct fl_stream *stream, int fd);
int uv_world_process_start(struct fl_world *world, struct fl_process *process, const struct fl_process_options *options,
                           struct fl_error *err);
int uv_world_process_write(struct fl_process *process, fl_slice data);
void uv_world_process_close_stdin(struct fl_process *process);
void uv_world_process_kill(struct fl_process *process, int signal_number);
void uv_world_process_end(struct fl_process *process, uint32_t grace_ms);
int uv_world_http_start(struct fl_world *world, struct fl_http *http, const struct fl_http_options *options,
                        struct fl_error *err);
const char *uv_world_http_header(const void *impl, const char *name);
void uv_world_http_cancel(struct fl_http *http);
void uv_world_http_close(struct uv_world *world); /* when the world ends */
