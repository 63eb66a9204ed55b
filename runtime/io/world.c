/* SPDX-License-Identifier: MIT */
#include "runtime/io/world.h"
#include "runtime/base/check.h"
#include "runtime/io/vault.h"
#include "runtime/io/world_ops.h"

/* The world of a request that is under way, NULL when it is not: a call on an ended request is a race that every caller
 * has. */
static struct fl_world *world_of(const void *impl) {
  return impl != NULL ? ((const struct fl_impl *)impl)->world : NULL;
}

void fl_world_destroy(struct fl_world *world) {
  if (world == NULL) return;
  struct fl_vault *vault = world->vault;
  world->ops->destroy(world);
  fl_vault_destroy(vault);
}

void fl_world_run(struct fl_world *world) { world->ops->run(world); }

void fl_world_stop(struct fl_world *world) { world->ops->stop(world); }

void fl_world_post(struct fl_world *world, struct fl_post *post) {
  fl_check(post->on_post != NULL);
  world->ops->post(world, post);
}

void fl_world_hold(struct fl_world *world) { world->ops->hold(world); }

void fl_world_release(struct fl_world *world) { world->ops->release(world); }

int64_t fl_world_now_ms(struct fl_world *world) { return world->ops->now_us(world) / 1000; }

int64_t fl_world_now_us(struct fl_world *world) { return world->ops->now_us(world); }

int64_t fl_world_wall_ms(struct fl_world *world) { return world->ops->wall_ms(world); }

void fl_world_random(struct fl_world *world, void *bytes, size_t size) { world->ops->random(world, bytes, size); }

void fl_timer_start(struct fl_world *world, struct fl_timer *timer, uint64_t delay_ms) {
  fl_check(timer->on_fire != NULL);
  world->ops->timer_start(world, timer, delay_ms);
}

void fl_timer_stop(struct fl_world *world, struct fl_timer *timer) {
  if (timer->impl != NULL) world->ops->timer_stop(world, timer);
}

int fl_signal_start(struct fl_world *world, struct fl_signal *signal, int number) {
  fl_check(signal->impl == NULL && signal->on_signal != NULL);
  return world->ops->signal_start(world, signal, number);
}

void fl_signal_stop(struct fl_world *world, struct fl_signal *signal) {
  if (signal->impl != NULL) world->ops->signal_stop(world, signal);
}

int fl_stream_open_fd(struct fl_world *world, struct fl_stream *stream, int fd, bool reads, struct fl_error *err) {
  fl_check(stream->impl == NULL);
  return world->ops->stream_open_fd(world, stream, fd, reads, err);
}

static const struct fl_stream_ops *stream_ops(const struct fl_stream *stream) {
  return stream->impl != NULL ? ((const struct fl_impl *)stream->impl)->stream : NULL;
}

int fl_stream_write(struct fl_stream *stream, fl_slice data) {
  const struct fl_stream_ops *ops = stream_ops(stream);
  return ops != NULL ? ops->write(stream, data) : FL_E_CLOSED;
}

int fl_stream_write_take(struct fl_stream *stream, struct fl_buf *buf) {
  const struct fl_stream_ops *ops = stream_ops(stream);
  if (ops != NULL && ops->write_take != NULL) return ops->write_take(stream, buf);
  int status = fl_stream_write(stream, fl_buf_slice(buf));
  fl_buf_clear(buf);
  return status;
}

size_t fl_stream_queued(const struct fl_stream *stream) {
  const struct fl_stream_ops *ops = stream_ops(stream);
  return ops != NULL ? ops->queued(stream) : 0;
}

void fl_stream_pause(struct fl_stream *stream, bool paused) {
  const struct fl_stream_ops *ops = stream_ops(stream);
  if (ops != NULL) ops->pause(stream, paused);
}

void fl_stream_end(struct fl_stream *stream) {
  const struct fl_stream_ops *ops = stream_ops(stream);
  fl_check(ops == NULL || ops->end != NULL);
  if (ops != NULL) ops->end(stream);
}

void fl_stream_close(struct fl_stream *stream, void (*on_close)(struct fl_stream *stream)) {
  const struct fl_stream_ops *ops = stream_ops(stream);
  fl_check(ops != NULL);
  ops->close(stream, on_close);
}

int fl_listener_open(struct fl_world *world, struct fl_listener *listener, const struct fl_listener_options *options,
                     struct fl_error *err) {
  fl_check(listener->impl == NULL && listener->on_connection != NULL && options->size == sizeof *options);
  int ways = (options->address != NULL) + (options->path != NULL) + options->has_fd;
  if (ways != 1) return fl_error_set(err, FL_E_INVALID, "a listener needs an address, a path or a descriptor");
  return world->ops->listener_open(world, listener, options, err);
}

int fl_listener_accept(struct fl_listener *listener, struct fl_stream *stream) {
  struct fl_world *world = world_of(listener->impl);
  fl_check(stream->impl == NULL);
  return world != NULL ? world->ops->listener_accept(listener, stream) : FL_E_CLOSED;
}

void fl_listener_close(struct fl_listener *listener, void (*on_close)(struct fl_listener *listener)) {
  struct fl_world *world = world_of(listener->impl);
  fl_check(world != NULL);
  world->ops->listener_close(listener, on_close);
}

int fl_process_start(struct fl_world *world, struct fl_process *process, const struct fl_process_options *options,
                     struct fl_error *err) {
  fl_check(process->impl == NULL && process->on_exit != NULL);
  fl_check(options->size == sizeof *options);
  if (options->argv == NULL || options->argv[0] == NULL || options->argv[0][0] == '\0')
    return fl_error_set(err, FL_E_INVALID, "cannot start a process: the command is empty");
  return world->ops->process_start(world, process, options, err);
}

int fl_process_write(struct fl_process *process, fl_slice data) {
  struct fl_world *world = world_of(process->impl);
  return world != NULL ? world->ops->process_write(process, data) : FL_E_CLOSED;
}

void fl_process_close_stdin(struct fl_process *process) {
  struct fl_world *world = world_of(process->impl);
  if (world != NULL) world->ops->process_close_stdin(process);
}

void fl_process_kill(struct fl_process *process, int signal_number) {
  struct fl_world *world = world_of(process->impl);
  if (world != NULL) world->ops->process_kill(process, signal_number);
}

void fl_process_end(struct fl_process *process, uint32_t grace_ms) {
  struct fl_world *world = world_of(process->impl);
  if (world != NULL) world->ops->process_end(process, grace_ms);
}

int fl_http_start(struct fl_world *world, struct fl_http *http, const struct fl_http_options *options,
                  struct fl_error *err) {
  fl_check(http->impl == NULL && http->on_end != NULL);
  fl_check(options->size == sizeof *options && options->trust < FL_TRUST_CLASS_COUNT);
  http->has_left = false;
  return world->ops->http_start(world, http, options, err);
}

/* The request that is having its last callback on this thread, and what it was. */
static _Thread_local struct {
  const struct fl_http *http;
  void *impl;
} ending;

void fl_http_deliver_end(struct fl_http *http, int status, const struct fl_error *err) {
  ending.http = http;
  ending.impl = http->impl;
  http->impl = NULL;
  http->on_end(http, status, err);
  ending.http = NULL;
}

const char *fl_http_header(const struct fl_http *http, const char *name) {
  const void *impl = http->impl != NULL ? http->impl : ending.http == http ? ending.impl : NULL;
  struct fl_world *world = world_of(impl);
  return world != NULL ? world->ops->http_header(impl, name) : NULL;
}

void fl_http_cancel(struct fl_http *http) {
  struct fl_world *world = world_of(http->impl);
  if (world != NULL) world->ops->http_cancel(http);
}

void fl_work_start(struct fl_world *world, struct fl_work *work) {
  fl_check(work->impl == NULL && work->run != NULL && work->on_done != NULL);
  world->ops->work_start(world, work);
}
