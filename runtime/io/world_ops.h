/* SPDX-License-Identifier: MIT */
/* What a world must be able to do: one row per function of world.h, without the checks, which are in world.c. Only the
 * worlds include this. The private part (`impl`) of every request begins with a struct fl_impl, by which a request
 * finds its world; timers, signals and work are found by the world that is passed along. */
#pragma once
#include "runtime/io/listener.h"

struct fl_stream_ops;
struct fl_impl {
  struct fl_world *world;
  const struct fl_stream_ops *stream; /* of a stream; otherwise NULL */
};

/* Streams are of several kinds in one world (console, connection, TLS above a connection): each carries its own. */
struct fl_stream_ops {
  int (*write)(struct fl_stream *stream, fl_slice data);
  int (*write_take)(struct fl_stream *stream, struct fl_buf *buf); /* NULL: as write */
  size_t (*queued)(const struct fl_stream *stream);
  void (*pause)(struct fl_stream *stream, bool paused);
  void (*end)(struct fl_stream *stream); /* NULL: it has one direction only */
  void (*close)(struct fl_stream *stream, void (*on_close)(struct fl_stream *stream));
};

struct fl_world_ops {
  void (*destroy)(struct fl_world *world);
  void (*run)(struct fl_world *world);
  void (*stop)(struct fl_world *world);
  void (*post)(struct fl_world *world, struct fl_post *post);
  void (*hold)(struct fl_world *world);
  void (*release)(struct fl_world *world);

  int64_t (*now_us)(struct fl_world *world);
  int64_t (*wall_ms)(struct fl_world *world);
  void (*random)(struct fl_world *world, void *bytes, size_t size);
  void (*timer_start)(struct fl_world *world, struct fl_timer *timer, uint64_t delay_ms);
  void (*timer_stop)(struct fl_world *world, struct fl_timer *timer);
  int (*signal_start)(struct fl_world *world, struct fl_signal *signal, int number);
  void (*signal_stop)(struct fl_world *world, struct fl_signal *signal);

  int (*stream_open_fd)(struct fl_world *world, struct fl_stream *stream, int fd, bool reads, struct fl_error *err);

  int (*listener_open)(struct fl_world *world, struct fl_listener *listener, const struct fl_listener_options *options,
                       struct fl_error *err);
  int (*listener_accept)(struct fl_listener *listener, struct fl_stream *stream);
  void (*listener_close)(struct fl_listener *listener, void (*on_close)(struct fl_listener *listener));

  int (*process_start)(struct fl_world *world, struct fl_process *process, const struct fl_process_options *options,
                       struct fl_error *err);
  int (*process_write)(struct fl_process *process, fl_slice data);
  void (*process_close_stdin)(struct fl_process *process);
  void (*process_kill)(struct fl_process *process, int signal_number);
  void (*process_end)(struct fl_process *process, uint32_t grace_ms);

  int (*http_start)(struct fl_world *world, struct fl_http *http, const struct fl_http_options *options,
                    struct fl_error *err);
  const char *(*http_header)(const void *impl, const char *name);
  void (*http_cancel)(struct fl_http *http);

  void (*work_start)(struct fl_world *world, struct fl_work *work);
};

/* Calls on_end. The request may be freed or started again in there, so it is not touched afterwards; meanwhile its
 * headers may still be asked, so the caller frees `impl` afterwards. */
void fl_http_deliver_end(struct fl_http *http, int status, const struct fl_error *err);
