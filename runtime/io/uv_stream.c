/* SPDX-License-Identifier: MIT */
/* Our own standard input and output: a duct each. Happy path: open, data, end, close. The stream's memory is the
 * caller's; once it was closed without on_close, it is never touched again. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_uv.h"

struct stream_impl {
  struct fl_impl head;
  struct uv_duct duct;
  struct fl_stream *stream; /* NULL once the caller may have freed it */
  void (*on_close)(struct fl_stream *stream);
};

static struct stream_impl *impl_of_duct(struct uv_duct *duct) {
  return (struct stream_impl *)((char *)duct - offsetof(struct stream_impl, duct));
}

static char *on_room(struct uv_duct *duct, size_t *ret_size) {
  struct fl_stream *stream = impl_of_duct(duct)->stream;
  return stream->on_room(stream, ret_size);
}

static void on_data(struct uv_duct *duct, fl_slice data) {
  struct fl_stream *stream = impl_of_duct(duct)->stream;
  if (stream->on_data != NULL) stream->on_data(stream, data);
}

static void on_end(struct uv_duct *duct, int status) {
  struct fl_stream *stream = impl_of_duct(duct)->stream;
  if (stream->on_end != NULL) stream->on_end(stream, status);
}

static void on_closed(struct uv_duct *duct) {
  struct stream_impl *impl = impl_of_duct(duct);
  struct fl_stream *stream = impl->stream;
  void (*on_close)(struct fl_stream *) = impl->on_close;
  duct->world->open_count--;
  if (stream != NULL) stream->impl = NULL;
  fl_free(impl);
  if (on_close != NULL) on_close(stream);
}

static int stream_write(struct fl_stream *stream, fl_slice data) {
  struct stream_impl *impl = stream->impl;
  fl_check(!impl->duct.reads);
  return uv_duct_write(&impl->duct, data);
}

static int stream_write_take(struct fl_stream *stream, struct fl_buf *buf) {
  struct stream_impl *impl = stream->impl;
  fl_check(!impl->duct.reads);
  return uv_duct_write_take(&impl->duct, buf);
}

static size_t stream_queued(const struct fl_stream *stream) {
  return uv_duct_queued(&((const struct stream_impl *)stream->impl)->duct);
}

static void stream_pause(struct fl_stream *stream, bool paused) {
  uv_duct_pause(&((struct stream_impl *)stream->impl)->duct, paused);
}

static void stream_close(struct fl_stream *stream, void (*on_close)(struct fl_stream *stream)) {
  struct stream_impl *impl = stream->impl;
  fl_check(impl->on_close == NULL);
  impl->on_close = on_close;
  if (on_close == NULL) {
    impl->stream = NULL;
    stream->impl = NULL;
  }
  uv_duct_close(&impl->duct, true);
}

static const struct fl_stream_ops console_ops = {.write = stream_write,
                                                 .write_take = stream_write_take,
                                                 .queued = stream_queued,
                                                 .pause = stream_pause,
                                                 .close = stream_close};

int uv_world_stream_open_fd(struct fl_world *base, struct fl_stream *stream, int fd, bool reads, struct fl_error *err) {
  struct stream_impl *impl = fl_new(struct stream_impl);
  impl->head = (struct fl_impl){.world = base, .stream = &console_ops};
  impl->stream = stream;
  impl->duct.on_room = stream->on_room != NULL ? on_room : NULL;
  impl->duct.on_data = on_data;
  impl->duct.on_end = on_end;
  impl->duct.on_closed = on_closed;
  int failure = uv_duct_open(uv_world_of(base), &impl->duct, fd, reads, err);
  if (failure != 0) {
    fl_free(impl);
    return failure;
  }
  stream->impl = impl;
  uv_world_of(base)->open_count++;
  return 0;
}
