/* SPDX-License-Identifier: MIT */
/* The simulated world's inside, shared by sim_*.c. An event belongs to a source; a source is a queue, and only its
 * first event stands in the world's heap, with an order drawn when it gets there. So the order inside a source is kept
 * and the order between sources at the same moment is drawn.
 *
 * Invariants. (1) An event is freed after it has fired; `fire` may end the source that it came from. (2) A thing is in
 * world->things from its start to just before its last callback; its `drop` frees it without a word to its client. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/base/map.h"
#include "runtime/io/heap.h"
#include "runtime/io/world_ops.h"
#include "runtime/io/world_sim.h"

#include <pthread.h>

struct sim_world;

struct sim_event {
  struct sim_event *next;
  int64_t due_us;
  void (*fire)(struct sim_event *event);
  void *user;
  int number;
  int number_too;
  char *data;
  size_t size;
};

struct sim_source {
  struct fl_heap_node node;
  struct sim_world *world;
  struct sim_event *first, *last;
  bool is_armed;   /* in the heap */
  bool is_blocked; /* waits for a reader */
};

/* Whatever a client has under way; the client's impl points here. */
struct sim_thing {
  struct fl_impl head;
  struct sim_thing *next, **link;
  void (*drop)(struct sim_thing *thing); /* frees; the client's memory is not touched */
  void (*bury)(struct sim_thing *thing); /* makes the last callback come; NULL: nothing to do */
};

struct sim_console {
  struct sim_source input, output;
  struct sim_stream *reader; /* NULL: input waits */
  struct fl_buf written;
  size_t queued;
  bool is_broken;
  void (*on_output)(fl_slice data, void *user);
  void *user;
};

struct sim_world {
  struct fl_world base;
  int64_t now_us;
  int64_t wall_offset_ms;
  uint64_t order_state, random_state;
  struct fl_heap sources;
  struct sim_thing *things;
  size_t hold_count;
  size_t background_count; /* timers that run in the background */
  uint32_t jitter_ms;
  bool splits, expects_threads;
  bool is_running, is_stopped, is_crashed, is_buried;

  uint64_t effect_count, crash_number;
  void (*on_effect)(enum fl_sim_effect effect, uint64_t number, void *user);
  void *effect_user;

  struct sim_source posts, signals;
  _Atomic pthread_t thread; /* that runs it */
  pthread_mutex_t lock;     /* guards foreign */
  pthread_cond_t has_foreign;
  struct fl_post *foreign, **foreign_end; /* posts of other threads */

  struct fl_map programs; /* name to struct fl_sim_program */
  struct fl_map servers;  /* prefix to struct fl_sim_server */
  struct sim_console consoles[FL_SIM_FD_COUNT];
  int next_pid;
};

static inline struct sim_world *sim_world_of(const struct fl_world *world) { return (struct sim_world *)world; }

/* Counts an effect; false when it must not happen because the process is dead. */
bool sim_effect(struct sim_world *world, enum fl_sim_effect effect);

uint64_t sim_draw(uint64_t *state, uint64_t below); /* 0 to below - 1 */

void sim_source_init(struct sim_source *source, struct sim_world *world);
void sim_source_clear(struct sim_source *source);      /* frees what waits */
void sim_source_drop_later(struct sim_source *source); /* frees what is not due yet */
void sim_source_block(struct sim_source *source, bool blocked);
/* A new event at the end of the source, `delay_ms` after the one before it (from now when there is none); data is
 * copied. */
struct sim_event *sim_push(struct sim_source *source, uint32_t delay_ms, void (*fire)(struct sim_event *), void *user);
/* The same through the world's jitter, and with data through its splits. */
struct sim_event *sim_push_far(struct sim_source *source, uint32_t delay_ms, void (*fire)(struct sim_event *),
                               void *user);
void sim_push_data(struct sim_source *source, uint32_t delay_ms, fl_slice data, void (*fire)(struct sim_event *),
                   void *user);

void sim_thing_add(struct sim_world *world, struct sim_thing *thing);
void sim_thing_remove(struct sim_thing *thing);

/* Timers of our own, which are no effects. */
void sim_timer_start(struct sim_world *world, struct fl_timer *timer, uint64_t delay_ms);
void sim_timer_stop(struct fl_timer *timer);

char **sim_copy_texts(const char *const *texts); /* NULL gives NULL */
void sim_free_texts(char **texts);
const char *sim_find_header(char *const *headers, const char *name); /* in "Name: value" */

/* ---- the rows of the table that are in other files ---- */

int sim_process_start(struct fl_world *world, struct fl_process *process, const struct fl_process_options *options,
                      struct fl_error *err);
int sim_process_write(struct fl_process *process, fl_slice data);
void sim_process_close_stdin(struct fl_process *process);
void sim_process_kill(struct fl_process *process, int signal_number);
void sim_process_end(struct fl_process *process, uint32_t grace_ms);
int sim_http_start(struct fl_world *world, struct fl_http *http, const struct fl_http_options *options,
                   struct fl_error *err);
const char *sim_http_header(const void *impl, const char *name);
void sim_http_cancel(struct fl_http *http);
int sim_stream_open_fd(struct fl_world *world, struct fl_stream *stream, int fd, bool reads, struct fl_error *err);
int sim_listener_open(struct fl_world *world, struct fl_listener *listener, const struct fl_listener_options *options,
                      struct fl_error *err);
int sim_listener_accept(struct fl_listener *listener, struct fl_stream *stream);
void sim_listener_close(struct fl_listener *listener, void (*on_close)(struct fl_listener *listener));
