/* SPDX-License-Identifier: MIT */
/* The simulated console: input waits in its source until a stream reads it; output goes through a source as well, so
 * that the writer never sees its reader from inside a write. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/sim.h"

struct sim_stream {
  struct sim_thing thing;
  struct fl_stream *stream; /* NULL once the caller may have freed it */
  struct sim_console *console;
  bool reads, is_closing;
  void (*on_close)(struct fl_stream *stream);
};

static struct sim_console *console_of(const struct fl_world *world, int fd) {
  fl_check(fd >= 0 && fd < FL_SIM_FD_COUNT);
  return &sim_world_of(world)->consoles[fd];
}

static void drop_stream(struct sim_thing *thing) {
  struct sim_stream *impl = (struct sim_stream *)thing;
  if (impl->console->reader == impl) impl->console->reader = NULL;
  sim_thing_remove(thing);
  fl_free(impl);
}

/* ---- input ---- */

static void fire_input(struct sim_event *event) {
  struct sim_console *console = event->user;
  struct fl_stream *stream = console->reader->stream;
  if (stream->on_data != NULL) stream->on_data(stream, fl_slice_n(event->data, event->size));
}

static void fire_input_end(struct sim_event *event) {
  struct sim_console *console = event->user;
  struct fl_stream *stream = console->reader->stream;
  if (stream->on_end != NULL) stream->on_end(stream, 0);
}

void fl_world_sim_input(struct fl_world *world, int fd, uint32_t delay_ms, fl_slice data) {
  struct sim_console *console = console_of(world, fd);
  sim_push_data(&console->input, delay_ms, data, fire_input, console);
}

void fl_world_sim_input_end(struct fl_world *world, int fd, uint32_t delay_ms) {
  struct sim_console *console = console_of(world, fd);
  sim_push_far(&console->input, delay_ms, fire_input_end, console);
}

/* ---- output ---- */

static void fire_output(struct sim_event *event) {
  struct sim_console *console = event->user;
  console->queued -= event->size;
  if (console->is_broken || console->output.world->is_crashed) return;
  fl_buf_add(&console->written, event->data, event->size);
  if (console->on_output != NULL) console->on_output(fl_slice_n(event->data, event->size), console->user);
}

static void fire_close(struct sim_event *event) {
  struct sim_stream *impl = event->user;
  struct fl_stream *stream = impl->stream;
  void (*on_close)(struct fl_stream *) = impl->on_close;
  drop_stream(&impl->thing);
  if (stream != NULL) stream->impl = NULL;
  if (on_close != NULL) on_close(stream);
}

fl_slice fl_world_sim_output(const struct fl_world *world, int fd) {
  return fl_buf_slice(&console_of(world, fd)->written);
}

void fl_world_sim_on_output(struct fl_world *world, int fd, void (*on_output)(fl_slice data, void *user), void *user) {
  struct sim_console *console = console_of(world, fd);
  console->on_output = on_output;
  console->user = user;
}

void fl_world_sim_break_output(struct fl_world *world, int fd) { console_of(world, fd)->is_broken = true; }

/* ---- the client's side ---- */

static int stream_write(struct fl_stream *stream, fl_slice data) {
  struct sim_stream *impl = stream->impl;
  struct sim_world *world = sim_world_of(impl->thing.head.world);
  fl_check(!impl->reads);
  if (impl->is_closing || impl->console->is_broken || world->is_buried) return FL_E_CLOSED;
  if (data.size > FL_STREAM_QUEUE_MAX - impl->console->queued) return FL_E_LIMIT;
  if (!sim_effect(world, FL_SIM_STREAM_WRITE)) return 0;
  impl->console->queued += data.size;
  sim_push_data(&impl->console->output, 0, data, fire_output, impl->console);
  return 0;
}

static size_t stream_queued(const struct fl_stream *stream) {
  return ((struct sim_stream *)stream->impl)->console->queued;
}

static void stream_pause(struct fl_stream *stream, bool paused) {
  struct sim_stream *impl = stream->impl;
  if (impl->reads && !impl->is_closing) sim_source_block(&impl->console->input, paused);
}

static void stream_close(struct fl_stream *stream, void (*on_close)(struct fl_stream *stream)) {
  struct sim_stream *impl = stream->impl;
  fl_check(!impl->is_closing);
  impl->is_closing = true;
  impl->on_close = on_close;
  if (impl->reads) {
    impl->console->reader = NULL;
    sim_source_block(&impl->console->input, true);
  }
  sim_push(&impl->console->output, 0, fire_close, impl);
  if (on_close != NULL) return;
  impl->stream = NULL;
  stream->impl = NULL;
}

static const struct fl_stream_ops console_ops = {
    .write = stream_write, .queued = stream_queued, .pause = stream_pause, .close = stream_close};

int sim_stream_open_fd(struct fl_world *base, struct fl_stream *stream, int fd, bool reads, struct fl_error *err) {
  if (fd < 0 || fd >= FL_SIM_FD_COUNT || (reads && console_of(base, fd)->reader != NULL))
    return fl_error_set(err, FL_E_IO, "cannot use descriptor %d in this simulated world", fd);
  struct sim_stream *impl = fl_new(struct sim_stream);
  impl->thing.head.stream = &console_ops;
  impl->thing.drop = drop_stream;
  impl->stream = stream;
  impl->console = console_of(base, fd);
  impl->reads = reads;
  sim_thing_add(sim_world_of(base), &impl->thing);
  stream->impl = impl;
  if (!reads) return 0;
  impl->console->reader = impl;
  sim_source_block(&impl->console->input, false);
  return 0;
}
