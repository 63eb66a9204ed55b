/* SPDX-License-Identifier: MIT */
/* A connection: both directions of one socket that is ours alone, so it does not block.
 *
 * Happy path: readable, one read into the world's shared buffer, on_data; what that wrote leaves behind it, other
 * writes of a turn together before the loop waits; what the kernel does not take waits until it is writable; closed,
 * flushed, gone. An idle connection holds no buffer. Failure modes: a failed write drops the queue and makes later
 * writes FL_E_CLOSED; the end or an error of the input is on_end, also while reading is paused (then only the peer's
 * going is watched for); a close gives up what a peer that is gone will not take. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_uv.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEEP_SIZE = 4 * 1024 }; /* a queue that grew larger is given back once it is empty */

struct socket {
  struct fl_impl head;
  struct fl_stream *stream; /* NULL once the caller may have freed it */
  void (*on_close)(struct fl_stream *stream);
  int fd;
  int events; /* polled for */
  int status; /* of writing: 0 or FL_E_CLOSED */
  bool is_paused, has_ended, is_ending, is_closing, is_closed;
  uv_poll_t poll;
  struct fl_buf queue;
  size_t sent; /* bytes at the front of queue that are gone */
  struct uv_unflushed unflushed;
};

static void flush(struct socket *socket);
static void update_poll(struct socket *socket);

static struct uv_world *world_of(const struct socket *socket) { return uv_world_of(socket->head.world); }

static size_t queued(const struct socket *socket) { return socket->queue.size - socket->sent; }

/* ---- closing ---- */

static void on_poll_closed(uv_handle_t *handle) {
  struct socket *socket = handle->data;
  struct uv_world *world = world_of(socket);
  struct fl_stream *stream = socket->stream;
  void (*on_close)(struct fl_stream *) = socket->on_close;
  fl_buf_deinit(&socket->queue);
  fl_free(socket);
  world->open_count--;
  if (stream != NULL) stream->impl = NULL;
  if (on_close != NULL) on_close(stream);
  uv_world_handle_closed(world);
}

static void finish_close(struct socket *socket) {
  if (socket->is_closed) return;
  socket->is_closed = true;
  uv_world_forget_unflushed(world_of(socket), &socket->unflushed);
  uv_close((uv_handle_t *)&socket->poll, on_poll_closed);
  close(socket->fd);
  socket->fd = -1;
}

static void drop_queue(struct socket *socket) {
  fl_buf_deinit(&socket->queue);
  socket->sent = 0;
}

/* ---- reading ---- */

static void end_reading(struct socket *socket, int status) {
  socket->has_ended = true;
  update_poll(socket);
  struct fl_stream *stream = socket->stream;
  if (stream != NULL && stream->on_end != NULL) stream->on_end(stream, status);
}

/* What a read was answered with leaves at once, in one piece: the peer works on it while the loop goes on with others.
 */
static void flush_answer(struct socket *socket) {
  if (socket->is_closed || !socket->unflushed.is_listed) return;
  uv_world_forget_unflushed(world_of(socket), &socket->unflushed);
  flush(socket);
}

static void read_once(struct socket *socket) {
  char *buffer = world_of(socket)->read_buffer;
  ssize_t got = recv(socket->fd, buffer, UV_WORLD_READ_SIZE, 0);
  struct fl_stream *stream = socket->stream;
  if (got > 0) {
    if (stream != NULL && stream->on_data != NULL) stream->on_data(stream, fl_slice_n(buffer, (size_t)got));
    flush_answer(socket);
  } else if (got == 0 || errno == ECONNRESET || errno == ETIMEDOUT) end_reading(socket, 0);
  else if (errno != EAGAIN && errno != EINTR) end_reading(socket, FL_E_IO);
}

/* ---- waiting ---- */

static void on_poll(uv_poll_t *handle, int status, int events) {
  struct socket *socket = handle->data;
  if (status < 0) { /* uv has stopped polling by itself; read or write tells what it is */
    socket->events = 0;
    events = UV_READABLE | UV_WRITABLE;
  }
  if (events & UV_WRITABLE) flush(socket);
  bool reads = !socket->is_closing && !socket->has_ended;
  if (reads && socket->is_paused && (status < 0 || (events & UV_DISCONNECT))) end_reading(socket, 0);
  else if (reads && !socket->is_paused && (events & (UV_READABLE | UV_DISCONNECT))) read_once(socket);
  if (!socket->is_closed) update_poll(socket);
}

static void update_poll(struct socket *socket) {
  int events = queued(socket) > 0 && !socket->unflushed.is_listed ? UV_WRITABLE : 0;
  if (!socket->is_closing && !socket->has_ended) events |= socket->is_paused ? UV_DISCONNECT : UV_READABLE;
  if (events == socket->events || socket->is_closed) return;
  socket->events = events;
  if (events != 0) uv_poll_start(&socket->poll, events, on_poll);
  else uv_poll_stop(&socket->poll);
}

/* ---- writing ---- */

static void emptied(struct socket *socket) {
  socket->sent = 0;
  if (socket->queue.capacity > KEEP_SIZE) fl_buf_deinit(&socket->queue);
  else fl_buf_clear(&socket->queue);
  if (socket->is_closing) finish_close(socket);
  else if (socket->is_ending && socket->status == 0) shutdown(socket->fd, SHUT_WR);
}

static void flush(struct socket *socket) {
  while (queued(socket) > 0) {
    ssize_t put = send(socket->fd, socket->queue.data + socket->sent, queued(socket), MSG_NOSIGNAL);
    if (put >= 0) socket->sent += (size_t)put;
    else if (errno == EAGAIN) break;
    else if (errno != EINTR) {
      socket->status = FL_E_CLOSED;
      drop_queue(socket);
    }
  }
  if (queued(socket) == 0) emptied(socket);
}

static void flush_node(struct uv_unflushed *node) {
  struct socket *socket = (struct socket *)((char *)node - offsetof(struct socket, unflushed));
  flush(socket);
  update_poll(socket);
}

static int socket_write(struct fl_stream *stream, fl_slice data) {
  struct socket *socket = stream->impl;
  if (socket->is_closing || socket->is_ending || socket->status != 0) return FL_E_CLOSED;
  if (data.size > FL_STREAM_QUEUE_MAX - queued(socket)) return FL_E_LIMIT;
  if (data.size == 0) return 0;
  if (socket->sent > 0 && socket->sent >= queued(socket)) {
    fl_buf_consume(&socket->queue, socket->sent);
    socket->sent = 0;
  }
  socket->queue.limit = 2 * (size_t)FL_STREAM_QUEUE_MAX; /* with what is sent but not dropped yet */
  int failure = fl_buf_add(&socket->queue, data.data, data.size);
  bool is_waiting = (socket->events & UV_WRITABLE) != 0; /* flushed when the kernel is ready */
  if (failure == 0 && !is_waiting) uv_world_note_unflushed(world_of(socket), &socket->unflushed);
  return failure;
}

static size_t socket_queued(const struct fl_stream *stream) { return queued(stream->impl); }

static void socket_pause(struct fl_stream *stream, bool paused) {
  struct socket *socket = stream->impl;
  socket->is_paused = paused;
  update_poll(socket);
}

static void socket_end(struct fl_stream *stream) {
  struct socket *socket = stream->impl;
  if (socket->is_ending || socket->is_closing) return;
  socket->is_ending = true;
  if (queued(socket) == 0 && socket->status == 0) shutdown(socket->fd, SHUT_WR);
}

static void socket_close(struct fl_stream *stream, void (*on_close)(struct fl_stream *stream)) {
  struct socket *socket = stream->impl;
  bool was_closing = socket->is_closing;
  socket->is_closing = true;
  socket->on_close = on_close;
  if (was_closing) drop_queue(socket);
  if (on_close == NULL) {
    socket->stream = NULL;
    stream->impl = NULL;
  }
  if (queued(socket) == 0) finish_close(socket);
  else update_poll(socket);
}

static const struct fl_stream_ops socket_ops = {
    .write = socket_write, .queued = socket_queued, .pause = socket_pause, .end = socket_end, .close = socket_close};

int uv_world_socket_open(struct uv_world *world, struct fl_stream *stream, int fd) {
  struct socket *socket = fl_new(struct socket);
  socket->head = (struct fl_impl){.world = &world->base, .stream = &socket_ops};
  socket->stream = stream;
  socket->fd = fd;
  socket->unflushed.flush = flush_node;
  int failure = uv_poll_init_socket(world->loop, &socket->poll, fd);
  if (failure != 0) {
    fl_free(socket);
    return FL_E_IO;
  }
  socket->poll.data = socket;
  uv_world_handle_opened(world);
  world->open_count++;
  stream->impl = socket;
  update_poll(socket);
  return 0;
}
