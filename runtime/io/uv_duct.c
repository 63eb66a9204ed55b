/* SPDX-License-Identifier: MIT */
/* One direction of one descriptor, whatever it is: pipe, socket, terminal, file.
 *
 * Happy path, reading: readable, one read into the world's buffer, on_data, again, on_end at the end of input. Writing:
 * write queues and puts the duct on the world's list; once per turn of the loop, before it waits, the list is flushed,
 * so that the writes of a turn leave together; what the kernel does not take waits until the descriptor is writable.
 * Failure modes: a failed read ends with on_end(FL_E_IO); a failed write drops the queue and makes later writes
 * FL_E_CLOSED.
 *
 * The open file description of a standard descriptor is shared with other processes, so O_NONBLOCK is never set on it:
 * a pipe is opened anew through /proc, a socket takes flags per call, a terminal is read only when it is readable, and
 * a file, which cannot be waited for, is read and written on the pool. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/world_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDE_SIZE = 1024 * 1024 };
enum { TAKE_SIZE = 64 * 1024 };  /* from here on a buffer is taken rather than copied */
enum { KEEP_SIZE = 256 * 1024 }; /* a queue that grew larger is given back once it is empty */

static void flush(struct uv_duct *duct);
static void start_read_work(struct uv_duct *duct);
static void set_poll(struct uv_duct *duct, bool wanted);

size_t uv_duct_queued(const struct uv_duct *duct) { return duct->queue.size - duct->sent; }

/* ---- closing ---- */

static void closed(struct uv_duct *duct) {
  struct uv_world *world = duct->world;
  fl_buf_deinit(&duct->queue);
  bool had_handle = duct->has_handle;
  duct->on_closed(duct);
  if (had_handle) uv_world_handle_closed(world);
}

static void on_poll_closed(uv_handle_t *handle) { closed(handle->data); }

static void on_closed_post(struct fl_post *post) { closed(post->user); }

static void close_fd(struct uv_duct *duct) {
  if (duct->fd != duct->standard_fd && duct->fd >= 0) close(duct->fd);
  duct->fd = -1;
  if (duct->standard_fd < 0) return;
  /* Never leave a hole among 0, 1 and 2: the next file that is opened would fall into it. */
  int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null_fd < 0) return;
  dup2(null_fd, duct->standard_fd);
  close(null_fd);
}

static void drop_queue(struct uv_duct *duct) {
  fl_buf_deinit(&duct->queue);
  duct->sent = 0;
}

static void finish_close(struct uv_duct *duct) {
  drop_queue(duct);
  uv_world_forget_unflushed(duct->world, &duct->unflushed);
  if (duct->is_working) return; /* on_work_done comes back here */
  if (duct->has_handle) uv_close((uv_handle_t *)&duct->poll, on_poll_closed);
  close_fd(duct);
  duct->closed_post = (struct fl_post){.on_post = on_closed_post, .user = duct};
  if (!duct->has_handle) fl_world_post(&duct->world->base, &duct->closed_post);
}

void uv_duct_close(struct uv_duct *duct, bool flush_first) {
  bool was_closing = duct->is_closing;
  duct->is_closing = true;
  if (duct->fd < 0) return;
  if (flush_first && uv_duct_queued(duct) > 0) return; /* flush goes on and comes back */
  if (was_closing && flush_first) return;
  if (duct->has_handle && duct->is_polling) uv_poll_stop(&duct->poll);
  duct->is_polling = false;
  finish_close(duct);
}

/* ---- reading ---- */

static void end_reading(struct uv_duct *duct, int status) {
  duct->has_ended = true;
  set_poll(duct, false);
  duct->on_end(duct, status);
}

/* Much is under way: with a larger pipe both sides sleep and wake less often. The kernel may refuse. */
static void widen(struct uv_duct *duct) {
  if (duct->is_wide || duct->kind != UV_DUCT_POLL) return;
  duct->is_wide = true;
  (void)fcntl(duct->fd, F_SETPIPE_SZ, WIDE_SIZE);
}

static void read_once(struct uv_duct *duct) {
  size_t size = UV_WORLD_READ_SIZE;
  char *buffer = duct->on_room != NULL ? duct->on_room(duct, &size) : NULL;
  if (buffer == NULL) {
    buffer = duct->world->read_buffer;
    size = UV_WORLD_READ_SIZE;
  }
  ssize_t got =
      duct->kind == UV_DUCT_SOCKET ? recv(duct->fd, buffer, size, MSG_DONTWAIT) : read(duct->fd, buffer, size);
  if (got >= UV_WORLD_READ_SIZE) widen(duct);
  if (got > 0) duct->on_data(duct, fl_slice_n(buffer, (size_t)got));
  else if (got == 0) end_reading(duct, 0);
  else if (errno == ECONNRESET || (errno == EIO && duct->kind == UV_DUCT_TTY))
    end_reading(duct, 0); /* gone, like an end */
  else if (errno != EAGAIN && errno != EINTR) end_reading(duct, FL_E_IO);
}

/* ---- waiting ---- */

static void on_poll(uv_poll_t *handle, int status, int events) {
  struct uv_duct *duct = handle->data;
  if (duct->reads) read_once(duct); /* also on an error: the read tells which */
  else flush(duct);
  if (status >= 0 || !duct->is_polling) return;
  duct->is_polling = false; /* uv has stopped polling by itself */
  set_poll(duct, true);
}

static void set_poll(struct uv_duct *duct, bool wanted) {
  if (!duct->has_handle || duct->is_polling == wanted) return;
  duct->is_polling = wanted;
  if (wanted) uv_poll_start(&duct->poll, duct->reads ? UV_READABLE : UV_WRITABLE, on_poll);
  else uv_poll_stop(&duct->poll);
}

/* ---- files: on the pool ---- */

static void run_read(struct fl_work *work) {
  struct uv_duct *duct = work->user;
  do duct->work_size = read(duct->fd, duct->work_data, UV_WORLD_READ_SIZE);
  while (duct->work_size < 0 && errno == EINTR);
}

static void on_read_done(struct fl_work *work) {
  struct uv_duct *duct = work->user;
  FL_FREE_AUTO char *data = duct->work_data;
  duct->is_working = false;
  duct->work_data = NULL;
  if (duct->is_closing) finish_close(duct);
  else if (duct->work_size > 0) duct->on_data(duct, fl_slice_n(data, (size_t)duct->work_size));
  else end_reading(duct, duct->work_size == 0 ? 0 : FL_E_IO);
  if (!duct->is_closing && !duct->has_ended && !duct->is_paused) start_read_work(duct);
}

static void run_write(struct fl_work *work) {
  struct uv_duct *duct = work->user;
  size_t size = (size_t)duct->work_size, done = 0;
  while (done < size) {
    ssize_t put = write(duct->fd, duct->work_data + done, size - done);
    if (put < 0 && errno != EINTR) break;
    if (put > 0) done += (size_t)put;
  }
  duct->work_size = done == size ? 0 : -1;
}

static void on_write_done(struct fl_work *work) {
  struct uv_duct *duct = work->user;
  fl_free(duct->work_data);
  duct->work_data = NULL;
  duct->is_working = false;
  if (duct->work_size != 0) {
    duct->status = FL_E_CLOSED;
    drop_queue(duct);
  }
  if (uv_duct_queued(duct) > 0) flush(duct);
  else if (duct->is_closing) finish_close(duct);
}

static void start_work(struct uv_duct *duct, void (*run)(struct fl_work *), void (*on_done)(struct fl_work *)) {
  duct->work = (struct fl_work){.run = run, .on_done = on_done, .user = duct};
  duct->is_working = true;
  fl_work_start(&duct->world->base, &duct->work);
}

static void start_read_work(struct uv_duct *duct) {
  if (duct->is_working) return;
  duct->work_data = fl_alloc(UV_WORLD_READ_SIZE);
  start_work(duct, run_read, on_read_done);
}

static void start_write_work(struct uv_duct *duct) {
  if (duct->is_working) return;
  size_t size = 0;
  duct->work_data = fl_buf_take(&duct->queue, &size); /* nothing of a file's queue is ever sent in part */
  duct->work_size = (ssize_t)size;
  start_work(duct, run_write, on_write_done);
}

/* ---- writing ---- */

static ssize_t write_some(struct uv_duct *duct, const char *data, size_t size) {
  if (duct->kind == UV_DUCT_SOCKET) return send(duct->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  return write(duct->fd, data, size);
}

static void emptied(struct uv_duct *duct) {
  duct->sent = 0;
  if (duct->queue.capacity > KEEP_SIZE) fl_buf_deinit(&duct->queue);
  else fl_buf_clear(&duct->queue);
  set_poll(duct, false);
  if (duct->is_closing) finish_close(duct);
}

static void flush(struct uv_duct *duct) {
  if (duct->fd < 0) return;
  if (duct->kind == UV_DUCT_FILE) {
    start_write_work(duct);
    return;
  }
  if (uv_duct_queued(duct) > KEEP_SIZE) widen(duct);
  while (uv_duct_queued(duct) > 0) {
    ssize_t put = write_some(duct, duct->queue.data + duct->sent, uv_duct_queued(duct));
    if (put >= 0) duct->sent += (size_t)put;
    else if (errno == EAGAIN) break;
    else if (errno != EINTR) {
      duct->status = FL_E_CLOSED;
      drop_queue(duct);
    }
  }
  if (uv_duct_queued(duct) == 0) emptied(duct);
  else set_poll(duct, true);
}

static void flush_node(struct uv_unflushed *node) {
  flush((struct uv_duct *)((char *)node - offsetof(struct uv_duct, unflushed)));
}

int uv_duct_write(struct uv_duct *duct, fl_slice data) {
  if (duct->is_closing || duct->fd < 0 || duct->status != 0) return FL_E_CLOSED;
  size_t queued = uv_duct_queued(duct);
  if (data.size > FL_STREAM_QUEUE_MAX - queued) return FL_E_LIMIT;
  if (data.size == 0) return 0;
  if (duct->sent > 0 && duct->sent >= queued) {
    fl_buf_consume(&duct->queue, duct->sent);
    duct->sent = 0;
  }
  duct->queue.limit = 2 * (size_t)FL_STREAM_QUEUE_MAX; /* with what is sent but not dropped yet */
  int failure = fl_buf_add(&duct->queue, data.data, data.size);
  /* polling: flushed when the kernel is ready */
  if (failure == 0 && !duct->is_polling) uv_world_note_unflushed(duct->world, &duct->unflushed);
  return failure;
}

int uv_duct_write_take(struct uv_duct *duct, struct fl_buf *buf) {
  if (buf->size < TAKE_SIZE || buf->size > FL_STREAM_QUEUE_MAX || uv_duct_queued(duct) > 0 || duct->is_closing ||
      duct->fd < 0 || duct->status != 0) {
    int status = uv_duct_write(duct, fl_buf_slice(buf));
    fl_buf_clear(buf);
    return status;
  }
  struct fl_buf taken = *buf;
  fl_buf_init(buf, taken.limit);
  drop_queue(duct);
  duct->queue = taken;
  if (!duct->is_polling) uv_world_note_unflushed(duct->world, &duct->unflushed);
  return 0;
}

/* ---- opening ---- */

void uv_duct_pause(struct uv_duct *duct, bool paused) {
  if (!duct->reads || duct->is_closing || duct->has_ended) return;
  duct->is_paused = paused;
  if (duct->kind != UV_DUCT_FILE) set_poll(duct, !paused);
  else if (!paused) start_read_work(duct);
}

static int reopen_pipe(int fd, bool reads) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, (reads ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_CLOEXEC);
}

/* A pipe that is ours alone takes the flag itself; a standard one is opened anew, see above. */
static int take_pipe(struct uv_duct *duct, int fd, bool reads) {
  int flags = fcntl(fd, F_GETFL);
  int again = fd <= 2 && !(flags & O_NONBLOCK) ? reopen_pipe(fd, reads) : -1;
  duct->fd = again >= 0 ? again : fd;
  duct->kind = UV_DUCT_POLL;
  return again >= 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

static int classify(struct uv_duct *duct, int fd, bool reads) {
  struct stat info;
  if (fstat(fd, &info) != 0) return -errno;
  duct->fd = fd;
  duct->standard_fd = fd <= 2 ? fd : -1;
  if (S_ISFIFO(info.st_mode)) return take_pipe(duct, fd, reads);
  if (S_ISSOCK(info.st_mode)) duct->kind = UV_DUCT_SOCKET;
  else duct->kind = isatty(fd) ? UV_DUCT_TTY : UV_DUCT_FILE;
  return 0;
}

int uv_duct_open(struct uv_world *world, struct uv_duct *duct, int fd, bool reads, struct fl_error *err) {
  duct->world = world;
  duct->reads = reads;
  duct->fd = duct->standard_fd = -1;
  duct->unflushed.flush = flush_node;
  int failure = classify(duct, fd, reads);
  if (failure == 0 && duct->kind != UV_DUCT_FILE) {
    int flags = fcntl(duct->fd, F_GETFL);
    failure = uv_poll_init(world->loop, &duct->poll, duct->fd);
    duct->has_handle = failure == 0;
    if (duct->kind != UV_DUCT_POLL) fcntl(duct->fd, F_SETFL, flags); /* uv sets O_NONBLOCK, see above */
  }
  if (failure != 0) {
    if (duct->fd != fd && duct->fd >= 0) close(duct->fd);
    duct->fd = -1;
    return fl_error_set(err, FL_E_IO, "cannot use descriptor %d: %s", fd, uv_strerror(failure));
  }
  duct->poll.data = duct;
  if (duct->has_handle) uv_world_handle_opened(world);
  if (duct->fd != fd && duct->standard_fd < 0) close(fd);
  if (reads && duct->kind == UV_DUCT_FILE) start_read_work(duct);
  else if (reads) set_poll(duct, true);
  return 0;
}
