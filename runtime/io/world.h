/* SPDX-License-Identifier: MIT */
/* The one door to the world: time, randomness, timers, processes, byte streams, HTTP, worker threads. Everything above
 * this floor reaches the outside through a `struct fl_world`, of which there are two: libuv (world_uv.c) and the
 * simulated one (world_sim.c: virtual clock, seeded randomness, scripted peers).
 *
 * Rules. (1) All callbacks run on the loop's thread, never from inside the call that started them. (2) A request is
 * embedded in the caller's object, and its last callback comes exactly once, also when cancelled; after that it may be
 * freed or reused.
 * (3) Only fl_world_post may be called from another thread. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/error.h>
#include <stdint.h>

struct fl_world;

/* ---- the loop ---- */

/* The real world. With `loop` (a uv_loop_t of the embedding program) it uses that, otherwise its own. */
struct fl_world *fl_world_uv_create(void *loop);
/* Everything started in it must have ended. A foreign loop is neither turned nor closed: turn it once more afterwards,
 * before uv_loop_close, so that the world's handles can close. */
void fl_world_destroy(struct fl_world *world);

/* Runs until fl_world_stop or until nothing is left to wait for. */
void fl_world_run(struct fl_world *world);
void fl_world_stop(struct fl_world *world);

/* Calls back on the loop; the only function for other threads. Embedded, reusable after its callback. */
struct fl_post {
  void (*on_post)(struct fl_post *post);
  void *user;
  struct fl_post *next; /* private */
};
void fl_world_post(struct fl_world *world, struct fl_post *post);

/* While references are held, the loop does not end for lack of work (a store with a commit under way, say). */
void fl_world_hold(struct fl_world *world);
void fl_world_release(struct fl_world *world);

/* ---- time and randomness ---- */

int64_t fl_world_now_ms(struct fl_world *world);  /* monotonic */
int64_t fl_world_now_us(struct fl_world *world);  /* monotonic, for durations */
int64_t fl_world_wall_ms(struct fl_world *world); /* since the Unix epoch */
void fl_world_random(struct fl_world *world, void *bytes, size_t size);

struct fl_timer {
  void (*on_fire)(struct fl_timer *timer);
  void *user;
  void *impl;         /* private; NULL when not running */
  bool is_background; /* the world does not go on for its sake alone; may not change while it runs */
};
void fl_timer_start(struct fl_world *world, struct fl_timer *timer, uint64_t delay_ms); /* restarts a running one */
void fl_timer_stop(struct fl_world *world, struct fl_timer *timer);                     /* no callback after this */

/* ---- signals (main program only) ---- */

struct fl_signal {
  void (*on_signal)(struct fl_signal *signal, int number);
  void *user;
  void *impl;
};
int fl_signal_start(struct fl_world *world, struct fl_signal *signal, int number);
void fl_signal_stop(struct fl_world *world, struct fl_signal *signal);

/* ---- byte streams: our own standard input and output (one direction each), connections (both) ---- */

struct fl_stream {
  /* Where the next bytes should be read to, and how many fit; NULL: memory of the stream's, as when this is NULL. A
   * wish: what comes may lie elsewhere, as on_data has it. */
  char *(*on_room)(struct fl_stream *stream, size_t *ret_size);
  void (*on_data)(struct fl_stream *stream, fl_slice data); /* lent for the call */
  /* Once: 0 at the end of input, FL_E_IO. Of a connection also while its reading is paused, when the peer is gone: what
   * it had sent is dropped then. */
  void (*on_end)(struct fl_stream *stream, int status);
  void *user;
  void *impl;
};
int fl_stream_open_fd(struct fl_world *world, struct fl_stream *stream, int fd, bool reads, struct fl_error *err);
/* Copies the data. Several writes of one loop turn leave as one. Returns FL_E_CLOSED after an error, FL_E_LIMIT above
 * FL_STREAM_QUEUE_MAX waiting bytes. */
int fl_stream_write(struct fl_stream *stream, fl_slice data);
/* The same for a whole buffer, which is empty afterwards: its memory goes with it where that saves a copy. */
int fl_stream_write_take(struct fl_stream *stream, struct fl_buf *buf);
size_t fl_stream_queued(const struct fl_stream *stream);     /* bytes not yet with the kernel */
void fl_stream_pause(struct fl_stream *stream, bool paused); /* back-pressure */
/* Connections: behind what waits the peer sees the end of our output; reading goes on. Later writes are FL_E_CLOSED. */
void fl_stream_end(struct fl_stream *stream);
/* Flushes first (a connection whose input has ended with an error, or that is closed a second time, drops what waits).
 * on_close may be NULL: then the stream is the caller's again at once. The descriptor was taken by open
 * and is closed; in the place of 0, 1 or 2 stands /dev/null afterwards. */
void fl_stream_close(struct fl_stream *stream, void (*on_close)(struct fl_stream *stream));
enum { FL_STREAM_QUEUE_MAX = 64 * 1024 * 1024 };

/* ---- processes: always started by the launcher, in a group of their own ---- */

/* Goes into the process's environment, and on no other way: by a file in memory that the launcher alone reads. */
struct fl_secret;
struct fl_process_secret {
  const char *name; /* of the variable */
  const struct fl_secret *value;
};

struct fl_process_options {
  size_t size;
  const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
  const char *const *env;  /* NULL-terminated NAME=VALUE; NULL: the parent's */
  const char *cwd;         /* NULL: ours */
  const char *policy;      /* lines of tools/sandbox/policy.h; NULL: group, parent-death signal, descriptors only */
  const struct fl_process_secret *secrets; /* beside `env`, which is not NULL then; lent for the call */
  size_t secret_count;
};

struct fl_process {
  void (*on_stdout)(struct fl_process *process, fl_slice data);
  void (*on_stderr)(struct fl_process *process, fl_slice data);
  void (*on_stdout_end)(struct fl_process *process); /* may be NULL */
  /* The last callback, after both outputs have ended; nothing that the process started is left. */
  void (*on_exit)(struct fl_process *process, int exit_status, int term_signal);
  void *user;
  int pid;        /* of the launcher above it, see tools/sandbox/launch.h; 0 when not running */
  char limit[16]; /* in on_exit: the limit of its policy that has ended it: "memory"; "": none */
  void *impl;
};
/* Errors at once (FL_E_NOT_FOUND with the command's name, FL_E_IO): then no callback comes. */
int fl_process_start(struct fl_world *world, struct fl_process *process, const struct fl_process_options *options,
                     struct fl_error *err);
int fl_process_write(struct fl_process *process, fl_slice data); /* to its stdin; copies; FL_E_CLOSED, FL_E_LIMIT */
void fl_process_close_stdin(struct fl_process *process);
void fl_process_kill(struct fl_process *process, int signal_number); /* the whole group */
/* Closes stdin, waits grace_ms, SIGTERM to the group, waits grace_ms, SIGKILL to the group; on_exit follows. */
void fl_process_end(struct fl_process *process, uint32_t grace_ms);

/* ---- HTTP client (in the module fairlead-net, loaded on first use) ---- */

enum fl_trust_class { FL_TRUST_PROVIDER, FL_TRUST_TOOL, FL_TRUST_AUTH, FL_TRUST_CLASS_COUNT };

struct fl_http_options {
  size_t size;
  enum fl_trust_class trust;
  const char *method;
  const char *url;
  const char *const *headers;     /* NULL-terminated "Name: value" */
  fl_slice body;                  /* copied */
  uint32_t connect_timeout_ms;    /* 0: 10 s */
  uint32_t first_byte_timeout_ms; /* from start to the first byte of the answer; 0: 60 s */
  uint32_t idle_timeout_ms;       /* between bytes; 0: 60 s */
  size_t body_max;                /* bytes of the answer; 0: 64 MiB */
  /* Asked for every connection before it is used, with the peer's address as text ("127.0.0.1", 443); false refuses.
   * NULL: all. */
  bool (*allow_address)(const char *address, uint16_t port, void *user); /* user: the fl_http's */
  const char *proxy; /* its URL, and allow_address sees it alone; NULL: none, whatever the environment says */
};

struct fl_http {
  void (*on_headers)(struct fl_http *http, int status); /* once; then fl_http_header may be asked, also in on_end */
  void (*on_body)(struct fl_http *http, fl_slice data); /* any number of times */
  /* The last, once: 0, FL_E_TIMEOUT, FL_E_NETWORK, FL_E_CANCELLED, FL_E_LIMIT, FL_E_DENIED, FL_E_TRUNCATED; `err` has
   * the text and is NULL when status is 0. The request may be started again or freed in here. */
  void (*on_end)(struct fl_http *http, int status, const struct fl_error *err);
  void *user;
  void *impl;
  bool has_left; /* in on_end: bytes of the request have left, so the other side may have seen it */
};
/* Redirects are never followed: the caller gets the 3xx answer and asks again, so that each address passes its own
 * checks. A request of another class than PROVIDER and another method than GET or HEAD is sent at most once, also when
 * a kept connection turns out to be dead. Errors at once: FL_E_INVALID (URL, method, header), FL_E_NOT_FOUND,
 * FL_E_UNSUPPORTED, FL_E_VERSION (the module); then no callback comes. */
int fl_http_start(struct fl_world *world, struct fl_http *http, const struct fl_http_options *options,
                  struct fl_error *err);
const char *fl_http_header(const struct fl_http *http, const char *name); /* lent until on_end returns; NULL: absent */
void fl_http_cancel(struct fl_http *http); /* closes the connection; on_end(FL_E_CANCELLED) follows */

/* ---- work on the pool ---- */

struct fl_work {
  void (*run)(struct fl_work *work);     /* on a pool thread */
  void (*on_done)(struct fl_work *work); /* on the loop */
  void *user;
  void *impl;
};
void fl_work_start(struct fl_world *world, struct fl_work *work);

/* ---- implementation table (worlds only) ---- */

struct fl_world_ops;
struct fl_vault;
struct fl_world {
  const struct fl_world_ops *ops;
  struct fl_vault *vault; /* vault.h; NULL: it has no secrets */
};
