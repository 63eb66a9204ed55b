/* SPDX-License-Identifier: MIT */
/* The real world: loop, posts, references, time, timers and signals.
 *
 * Happy path: create opens three handles (wakeup, alarm, flusher), none of which keeps the loop alive by itself;
 * requests come and go; destroy closes the handles and, on our own loop, turns it until they are gone.
 * Failure modes: a request that is still under way at destroy is a bug of the caller (fl_check). On a foreign loop the
 * handles close when that loop turns next, and the memory goes then. */
#include "runtime/io/world_uv.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

/* ---- life ---- */

void uv_world_handle_opened(struct uv_world *world) { world->handle_count++; }

void uv_world_handle_closed(struct uv_world *world) {
  if (--world->handle_count > 0 || !world->is_destroyed) return;
  if (world->owns_loop) return; /* destroy is turning the loop and frees */
  fl_free(world->read_buffer);
  fl_free(world);
}

static void on_own_handle_closed(uv_handle_t *handle) { uv_world_handle_closed(handle->data); }

/* ---- time and randomness ---- */

static int64_t uv_world_now_us(struct fl_world *base) { return (int64_t)(uv_hrtime() / 1000); }

static int64_t uv_world_wall_ms(struct fl_world *base) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void uv_world_random(struct fl_world *base, void *bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t got = getrandom((char *)bytes + done, size - done, 0);
    fl_check(got > 0 || errno == EINTR);
    if (got > 0) done += (size_t)got;
  }
}

/* ---- timers: one heap, one uv timer for its top ---- */

struct timer_node {
  struct fl_heap_node node;
  struct fl_timer *timer;
};

static void on_alarm(uv_timer_t *handle);

/* A uv timer of 0 ms that is started by its own callback fires again before the loop goes on (libuv before 1.45), so
 * what is due at once goes by the wake-up instead; the alarm of 1 ms keeps the loop alive until then. */
static void set_alarm(struct uv_world *world) {
  struct fl_heap_node *top = fl_heap_top(&world->timers);
  if (top == NULL) {
    uv_timer_stop(&world->alarm);
    return;
  }
  if (world->foreground_count > 0) uv_ref((uv_handle_t *)&world->alarm);
  else uv_unref((uv_handle_t *)&world->alarm);
  int64_t wait_us = top->due_us - uv_world_now_us(&world->base);
  uv_update_time(world->loop); /* uv counts from its cached time */
  uv_timer_start(&world->alarm, on_alarm, wait_us > 0 ? (uint64_t)(wait_us + 999) / 1000 : 1, 0);
  if (wait_us <= 0) uv_async_send(&world->wakeup);
}

static void remove_timer(struct uv_world *world, struct fl_timer *timer) {
  struct timer_node *node = timer->impl;
  timer->impl = NULL;
  world->foreground_count -= !timer->is_background;
  fl_heap_remove(&world->timers, &node->node);
  fl_free(node);
}

/* Timers that callbacks start have a later order than `newest` and wait for the next turn, so that the loop never
 * starves. */
static void fire_due(struct uv_world *world) {
  int64_t now_us = uv_world_now_us(&world->base);
  uint64_t newest = world->timer_order;
  for (struct fl_heap_node *top; (top = fl_heap_top(&world->timers)) != NULL;) {
    if (top->due_us > now_us || top->order > newest) break;
    struct fl_timer *timer = ((struct timer_node *)top)->timer;
    remove_timer(world, timer);
    timer->on_fire(timer);
  }
  set_alarm(world);
}

static void on_alarm(uv_timer_t *handle) { fire_due(handle->data); }

static void uv_world_timer_start(struct fl_world *base, struct fl_timer *timer, uint64_t delay_ms) {
  struct uv_world *world = uv_world_of(base);
  if (timer->impl != NULL) remove_timer(world, timer);
  struct timer_node *node = fl_new(struct timer_node);
  int64_t delay_us = delay_ms < INT64_MAX / 2000 ? (int64_t)delay_ms * 1000 : INT64_MAX / 2;
  node->node = (struct fl_heap_node){.due_us = uv_world_now_us(base) + delay_us, .order = ++world->timer_order};
  node->timer = timer;
  timer->impl = node;
  fl_heap_push(&world->timers, &node->node);
  world->foreground_count += !timer->is_background;
  bool keeps_loop = world->foreground_count == 1 && !timer->is_background;
  if (keeps_loop || fl_heap_top(&world->timers) == &node->node) set_alarm(world);
}

static void uv_world_timer_stop(struct fl_world *base, struct fl_timer *timer) {
  struct uv_world *world = uv_world_of(base);
  remove_timer(world, timer);
  if (world->foreground_count == 0) set_alarm(world); /* otherwise an early alarm finds out */
}

/* ---- posts and references ---- */

static void update_reference(struct uv_world *world) {
  if (world->hold_count > 0 || world->has_local_posts) uv_ref((uv_handle_t *)&world->wakeup);
  else uv_unref((uv_handle_t *)&world->wakeup);
}

static struct fl_post *take_posts(struct uv_world *world) {
  struct fl_post *newest = atomic_exchange(&world->posts, NULL), *oldest = NULL;
  while (newest != NULL) {
    struct fl_post *next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

static void on_wakeup(uv_async_t *handle) {
  struct uv_world *world = handle->data;
  world->has_local_posts = false;
  update_reference(world);
  for (struct fl_post *post = take_posts(world), *next; post != NULL; post = next) {
    next = post->next;
    post->on_post(post);
  }
  if (world->timers.count > 0) fire_due(world);
}

static void uv_world_post(struct fl_world *base, struct fl_post *post) {
  struct uv_world *world = uv_world_of(base);
  bool is_local = pthread_equal(pthread_self(), world->thread);
  struct fl_post *before = atomic_load(&world->posts);
  do post->next = before;
  while (!atomic_compare_exchange_weak(&world->posts, &before, post));
  if (is_local && !world->has_local_posts) {
    world->has_local_posts = true;
    update_reference(world);
  }
  /* Who finds the queue not empty may rely on the wake-up of who filled it: on_wakeup takes all. */
  if (before == NULL) uv_async_send(&world->wakeup);
}

static void uv_world_hold(struct fl_world *base) {
  uv_world_of(base)->hold_count++;
  update_reference(uv_world_of(base));
}

static void uv_world_release(struct fl_world *base) {
  struct uv_world *world = uv_world_of(base);
  fl_check(world->hold_count > 0);
  world->hold_count--;
  update_reference(world);
}

/* ---- signals ---- */

struct signal_watch {
  uv_signal_t handle;
  struct uv_world *world;
  struct fl_signal *signal;
};

static void on_uv_signal(uv_signal_t *handle, int number) {
  struct signal_watch *watch = handle->data;
  if (watch->signal != NULL) watch->signal->on_signal(watch->signal, number);
}

static void on_watch_closed(uv_handle_t *handle) {
  struct signal_watch *watch = handle->data;
  struct uv_world *world = watch->world;
  fl_free(watch);
  uv_world_handle_closed(world);
}

static int uv_world_signal_start(struct fl_world *base, struct fl_signal *signal, int number) {
  struct uv_world *world = uv_world_of(base);
  struct signal_watch *watch = fl_new(struct signal_watch);
  *watch = (struct signal_watch){.world = world, .signal = signal};
  uv_signal_init(world->loop, &watch->handle);
  uv_world_handle_opened(world);
  watch->handle.data = watch;
  uv_unref((uv_handle_t *)&watch->handle);
  if (uv_signal_start(&watch->handle, on_uv_signal, number) != 0) {
    uv_close((uv_handle_t *)&watch->handle, on_watch_closed);
    return FL_E_INVALID;
  }
  signal->impl = watch;
  world->open_count++;
  return 0;
}

static void uv_world_signal_stop(struct fl_world *base, struct fl_signal *signal) {
  struct signal_watch *watch = signal->impl;
  signal->impl = NULL;
  watch->signal = NULL;
  uv_world_of(base)->open_count--;
  uv_close((uv_handle_t *)&watch->handle, on_watch_closed);
}

/* ---- output: once per turn of the loop, before it waits ---- */

void uv_world_flush(struct uv_world *world) {
  struct uv_unflushed *node = world->unflushed;
  world->unflushed = NULL;
  uv_prepare_stop(&world->flusher);
  for (struct uv_unflushed *next; node != NULL; node = next) {
    next = node->next;
    node->is_listed = false;
    node->flush(node);
  }
}

static void on_flush(uv_prepare_t *handle) { uv_world_flush(handle->data); }

void uv_world_note_unflushed(struct uv_world *world, struct uv_unflushed *node) {
  if (node->is_listed) return;
  if (world->unflushed == NULL) uv_prepare_start(&world->flusher, on_flush);
  node->is_listed = true;
  node->next = world->unflushed;
  world->unflushed = node;
}

void uv_world_forget_unflushed(struct uv_world *world, struct uv_unflushed *node) {
  struct uv_unflushed **link = &world->unflushed;
  while (*link != NULL && *link != node) link = &(*link)->next;
  if (*link != NULL) *link = node->next;
  node->is_listed = false;
}

/* ---- work ---- */

static void uv_world_work_start(struct fl_world *base, struct fl_work *work) {
  struct uv_world *world = uv_world_of(base);
  if (world->pool == NULL) world->pool = fl_pool_create(base);
  fl_pool_start(world->pool, work);
}

/* ---- running ---- */

static void uv_world_run(struct fl_world *base) {
  struct uv_world *world = uv_world_of(base);
  fl_check(!world->is_running); /* not from inside a callback */
  world->is_running = true;
  /* Other threads read it while they post: written only when the loop has moved. */
  if (!pthread_equal(world->thread, pthread_self())) world->thread = pthread_self();
  while (!world->is_stopped) {
    uv_run(world->loop, UV_RUN_DEFAULT);
    /* A post of another thread may have come between the loop's last look and its end. */
    if (atomic_load(&world->posts) == NULL || world->is_stopped) break;
    on_wakeup(&world->wakeup);
  }
  uv_world_flush(world);
  world->is_running = world->is_stopped = false;
}

static void uv_world_stop(struct fl_world *base) {
  struct uv_world *world = uv_world_of(base);
  world->is_stopped = true;
  if (world->is_running) uv_stop(world->loop);
}

/* A write to a closed pipe must be an error, not the end of the process. Blocking the signal on the loop's thread alone
 * leaves the dispositions of an embedding program as they are. */
static void block_sigpipe(struct uv_world *world) {
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  world->sigpipe_was_blocked = sigismember(&before, SIGPIPE) == 1;
}

static void restore_sigpipe(struct uv_world *world) {
  if (world->sigpipe_was_blocked) return;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  while (sigtimedwait(&set, NULL, &(struct timespec){0}) == SIGPIPE) continue;
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void open_handle(struct uv_world *world, uv_handle_t *handle) {
  handle->data = world;
  uv_world_handle_opened(world);
}

static void uv_world_destroy(struct fl_world *base) {
  struct uv_world *world = uv_world_of(base);
  fl_check(!world->is_running && world->open_count == 0 && world->hold_count == 0 && world->timers.count == 0);
  fl_check(world->unflushed == NULL);
  fl_pool_destroy(world->pool);
  fl_check(atomic_load(&world->posts) == NULL);
  uv_world_http_close(world);
  fl_heap_deinit(&world->timers);
  world->is_destroyed = true;
  restore_sigpipe(world);
  uv_close((uv_handle_t *)&world->wakeup, on_own_handle_closed);
  uv_close((uv_handle_t *)&world->alarm, on_own_handle_closed);
  uv_close((uv_handle_t *)&world->flusher, on_own_handle_closed);
  if (!world->owns_loop) return;
  uv_run(world->loop, UV_RUN_DEFAULT);
  int busy = uv_loop_close(world->loop);
  fl_check(busy == 0 && world->handle_count == 0);
  fl_free(world->read_buffer);
  fl_free(world);
}

static const struct fl_world_ops uv_world_ops = {
    .destroy = uv_world_destroy,
    .run = uv_world_run,
    .stop = uv_world_stop,
    .post = uv_world_post,
    .hold = uv_world_hold,
    .release = uv_world_release,
    .now_us = uv_world_now_us,
    .wall_ms = uv_world_wall_ms,
    .random = uv_world_random,
    .timer_start = uv_world_timer_start,
    .timer_stop = uv_world_timer_stop,
    .signal_start = uv_world_signal_start,
    .signal_stop = uv_world_signal_stop,
    .stream_open_fd = uv_world_stream_open_fd,
    .listener_open = uv_world_listener_open,
    .listener_accept = uv_world_listener_accept,
    .listener_close = uv_world_listener_close,
    .process_start = uv_world_process_start,
    .process_write = uv_world_process_write,
    .process_close_stdin = uv_world_process_close_stdin,
    .process_kill = uv_world_process_kill,
    .process_end = uv_world_process_end,
    .http_start = uv_world_http_start,
    .http_header = uv_world_http_header,
    .http_cancel = uv_world_http_cancel,
    .work_start = uv_world_work_start,
};

struct fl_world *fl_world_uv_create(void *loop) {
  struct uv_world *world = fl_new(struct uv_world);
  world->base.ops = &uv_world_ops;
  world->thread = pthread_self();
  world->owns_loop = loop == NULL;
  world->loop = loop != NULL ? loop : &world->own_loop;
  int failure = world->owns_loop ? uv_loop_init(world->loop) : 0;
  if (failure == 0) failure = uv_async_init(world->loop, &world->wakeup, on_wakeup);
  if (failure == UV_ENOMEM) fl_out_of_memory();
  fl_check(failure == 0); /* no descriptors left at the very start */
  open_handle(world, (uv_handle_t *)&world->wakeup);
  uv_timer_init(world->loop, &world->alarm);
  open_handle(world, (uv_handle_t *)&world->alarm);
  uv_prepare_init(world->loop, &world->flusher);
  open_handle(world, (uv_handle_t *)&world->flusher);
  world->read_buffer = fl_alloc(UV_WORLD_READ_SIZE);
  update_reference(world);
  block_sigpipe(world);
  return &world->base;
}
