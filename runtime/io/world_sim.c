/* SPDX-License-Identifier: MIT */
/* The simulated world: running, crashes, posts, time, signals and work. See world_sim.h for what it promises. */
#include "runtime/io/world_sim.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/sim.h"

#include <errno.h>
#include <time.h>

enum { THREAD_WAIT_S = 20, WALL_START_S = 1767225600 };

/* ---- effects and crashes ---- */

const char *fl_sim_effect_name(enum fl_sim_effect effect) {
  static const char *const names[FL_SIM_EFFECT_COUNT] = {"post",           "timer",         "work",
                                                         "stream_write",   "process_start", "process_write",
                                                         "process_signal", "http_start",    "http_cancel"};
  return names[effect];
}

bool sim_effect(struct sim_world *world, enum fl_sim_effect effect) {
  if (world->is_crashed) return false;
  uint64_t number = world->effect_count + 1;
  if (number == world->crash_number) world->is_crashed = true;
  else if (world->on_effect != NULL) world->on_effect(effect, number, world->effect_user);
  if (!world->is_crashed) world->effect_count = number;
  return !world->is_crashed;
}

uint64_t fl_world_sim_effect_count(const struct fl_world *world) { return sim_world_of(world)->effect_count; }

void fl_world_sim_crash_at(struct fl_world *world, uint64_t number) { sim_world_of(world)->crash_number = number; }

void fl_world_sim_crash(struct fl_world *world) { sim_world_of(world)->is_crashed = true; }

bool fl_world_sim_is_crashed(const struct fl_world *world) { return sim_world_of(world)->is_crashed; }

void fl_world_sim_observe(struct fl_world *base, void (*on_effect)(enum fl_sim_effect, uint64_t, void *), void *user) {
  struct sim_world *world = sim_world_of(base);
  world->on_effect = on_effect;
  world->effect_user = user;
}

void fl_world_sim_bury(struct fl_world *base) {
  struct sim_world *world = sim_world_of(base);
  fl_check(world->is_crashed && !world->is_running);
  world->is_buried = true;
  for (struct sim_thing *thing = world->things, *next; thing != NULL; thing = next) {
    next = thing->next;
    if (thing->bury != NULL) thing->bury(thing); /* queues events, frees nothing */
  }
  fl_world_sim_run(base);
}

/* ---- posts and references ---- */

static void fire_post(struct sim_event *event) {
  struct fl_post *post = event->user;
  post->on_post(post);
}

static void post_from_outside(struct sim_world *world, struct fl_post *post) {
  pthread_mutex_lock(&world->lock);
  post->next = NULL;
  *world->foreign_end = post;
  world->foreign_end = &post->next;
  pthread_cond_signal(&world->has_foreign);
  pthread_mutex_unlock(&world->lock);
}

static void sim_post(struct fl_world *base, struct fl_post *post) {
  struct sim_world *world = sim_world_of(base);
  if (!pthread_equal(pthread_self(), world->thread)) post_from_outside(world, post);
  else {
    sim_effect(world, FL_SIM_POST); /* after a crash it waits for a burial */
    sim_push(&world->posts, 0, fire_post, post);
  }
}

static void take_foreign_posts(struct sim_world *world) {
  pthread_mutex_lock(&world->lock);
  struct fl_post *post = world->foreign;
  world->foreign = NULL;
  world->foreign_end = &world->foreign;
  pthread_mutex_unlock(&world->lock);
  for (struct fl_post *next; post != NULL; post = next) {
    next = post->next;
    sim_push(&world->posts, 0, fire_post, post);
  }
}

static bool wait_for_threads(struct sim_world *world) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += THREAD_WAIT_S;
  int failure = 0;
  pthread_mutex_lock(&world->lock);
  while (world->foreign == NULL && failure != ETIMEDOUT)
    failure = pthread_cond_timedwait(&world->has_foreign, &world->lock, &until);
  pthread_mutex_unlock(&world->lock);
  return failure == 0;
}

static void sim_hold(struct fl_world *world) { sim_world_of(world)->hold_count++; }

static void sim_release(struct fl_world *world) {
  fl_check(sim_world_of(world)->hold_count > 0);
  sim_world_of(world)->hold_count--;
}

/* ---- time and randomness ---- */

static int64_t sim_now_us(struct fl_world *world) { return sim_world_of(world)->now_us; }

static int64_t sim_wall_ms(struct fl_world *world) {
  return sim_world_of(world)->wall_offset_ms + sim_world_of(world)->now_us / 1000;
}

void fl_world_sim_set_wall_ms(struct fl_world *world, int64_t wall_ms) {
  sim_world_of(world)->wall_offset_ms = wall_ms - sim_world_of(world)->now_us / 1000;
}

static void sim_random(struct fl_world *world, void *bytes, size_t size) {
  unsigned char *at = bytes;
  for (size_t i = 0; i < size; i++) at[i] = (unsigned char)sim_draw(&sim_world_of(world)->random_state, 256);
}

struct sim_timer {
  struct sim_thing thing;
  struct sim_source source;
  struct fl_timer *timer;
  bool is_background;
};

static void drop_timer(struct sim_thing *thing) {
  struct sim_timer *timer = (struct sim_timer *)thing;
  timer->source.world->background_count -= timer->is_background;
  sim_source_clear(&timer->source);
  sim_thing_remove(thing);
  fl_free(timer);
}

static void fire_timer(struct sim_event *event) {
  struct fl_timer *timer = event->user;
  sim_timer_stop(timer);
  timer->on_fire(timer);
}

void sim_timer_start(struct sim_world *world, struct fl_timer *timer, uint64_t delay_ms) {
  sim_timer_stop(timer);
  struct sim_timer *impl = fl_new(struct sim_timer);
  impl->timer = timer;
  impl->is_background = timer->is_background;
  world->background_count += timer->is_background;
  impl->thing.drop = drop_timer;
  sim_thing_add(world, &impl->thing);
  sim_source_init(&impl->source, world);
  timer->impl = impl;
  sim_push(&impl->source, delay_ms < UINT32_MAX ? (uint32_t)delay_ms : UINT32_MAX, fire_timer, timer);
}

void sim_timer_stop(struct fl_timer *timer) {
  struct sim_timer *impl = timer->impl;
  timer->impl = NULL;
  if (impl != NULL) drop_timer(&impl->thing);
}

static void timer_start(struct fl_world *base, struct fl_timer *timer, uint64_t delay_ms) {
  struct sim_world *world = sim_world_of(base);
  sim_effect(world, FL_SIM_TIMER);
  sim_timer_start(world, timer, delay_ms);
}

static void timer_stop(struct fl_world *base, struct fl_timer *timer) { sim_timer_stop(timer); }

struct sim_after {
  struct sim_thing thing;
  struct sim_source source;
  void (*call)(void *user);
  void *user;
};

static void drop_after(struct sim_thing *thing) {
  sim_source_clear(&((struct sim_after *)thing)->source);
  sim_thing_remove(thing);
  fl_free(thing);
}

static void fire_after(struct sim_event *event) {
  struct sim_after after = *(struct sim_after *)event->user;
  drop_after(event->user);
  if (!sim_world_of(after.thing.head.world)->is_crashed) after.call(after.user);
}

void fl_world_sim_after(struct fl_world *world, uint32_t delay_ms, void (*call)(void *user), void *user) {
  struct sim_after *after = fl_new(struct sim_after);
  after->call = call;
  after->user = user;
  after->thing.drop = drop_after;
  sim_thing_add(sim_world_of(world), &after->thing);
  sim_source_init(&after->source, sim_world_of(world));
  sim_push(&after->source, delay_ms, fire_after, after);
}

/* ---- signals ---- */

struct sim_watch {
  struct sim_thing thing;
  struct fl_signal *signal;
  int number;
};

static void drop_watch(struct sim_thing *thing) {
  sim_thing_remove(thing);
  fl_free(thing);
}

static int signal_start(struct fl_world *base, struct fl_signal *signal, int number) {
  struct sim_watch *watch = fl_new(struct sim_watch);
  watch->signal = signal;
  watch->number = number;
  watch->thing.drop = drop_watch;
  sim_thing_add(sim_world_of(base), &watch->thing);
  signal->impl = watch;
  return 0;
}

static void signal_stop(struct fl_world *world, struct fl_signal *signal) {
  drop_watch(signal->impl);
  signal->impl = NULL;
}

static struct sim_watch *find_watch(struct sim_world *world, int number, size_t index) {
  for (struct sim_thing *thing = world->things; thing != NULL; thing = thing->next) {
    struct sim_watch *watch = (struct sim_watch *)thing;
    if (thing->drop == drop_watch && watch->number == number && index-- == 0) return watch;
  }
  return NULL;
}

static void fire_signal(struct sim_event *event) {
  struct sim_watch *watch; /* looked up again each time: a callback may stop any of them */
  for (size_t i = 0; (watch = find_watch(event->user, event->number, i)) != NULL; i++)
    watch->signal->on_signal(watch->signal, event->number);
}

void fl_world_sim_signal(struct fl_world *base, uint32_t delay_ms, int number) {
  struct sim_world *world = sim_world_of(base);
  sim_push(&world->signals, delay_ms, fire_signal, world)->number = number;
}

/* ---- work: runs in one event, is reported in a later one ---- */

struct sim_work {
  struct sim_thing thing;
  struct sim_source source;
  struct fl_work *work;
};

static void drop_work(struct sim_thing *thing) {
  sim_source_clear(&((struct sim_work *)thing)->source);
  sim_thing_remove(thing);
  fl_free(thing);
}

static void fire_work_done(struct sim_event *event) {
  struct sim_work *impl = event->user;
  struct fl_work *work = impl->work;
  drop_work(&impl->thing);
  work->impl = NULL;
  work->on_done(work);
}

static void fire_work(struct sim_event *event) {
  struct sim_work *impl = event->user;
  impl->work->run(impl->work);
  sim_push_far(&impl->source, 0, fire_work_done, impl);
}

static void work_start(struct fl_world *base, struct fl_work *work) {
  struct sim_world *world = sim_world_of(base);
  sim_effect(world, FL_SIM_WORK);
  struct sim_work *impl = fl_new(struct sim_work);
  impl->work = work;
  impl->thing.drop = drop_work;
  sim_thing_add(world, &impl->thing);
  sim_source_init(&impl->source, world);
  work->impl = impl;
  sim_push_far(&impl->source, 0, fire_work, impl);
}

/* ---- running ---- */

static bool is_ready(const struct sim_world *world) {
  struct fl_heap_node *top = fl_heap_top(&world->sources);
  return top != NULL && top->due_us <= world->now_us;
}

static enum fl_sim_verdict run_until(struct sim_world *world, int64_t until_us) {
  for (uint64_t step = 0; step < FL_SIM_STEPS_MAX; step++) {
    if (world->is_crashed && !world->is_buried) return FL_SIM_CRASHED;
    if (world->is_stopped) return FL_SIM_STOPPED;
    take_foreign_posts(world);
    if (world->expects_threads && world->hold_count > 0 && !is_ready(world) && wait_for_threads(world)) continue;
    struct fl_heap_node *top = fl_heap_top(&world->sources);
    bool is_background = until_us == INT64_MAX && world->sources.count == world->background_count;
    if (top == NULL || is_background) return FL_SIM_IDLE;
    if (top->due_us > until_us) return FL_SIM_PAUSED;
    fl_world_sim_step(&world->base);
  }
  return FL_SIM_ENDLESS;
}

static enum fl_sim_verdict run(struct sim_world *world, int64_t until_us) {
  fl_check(!world->is_running); /* not from inside a callback */
  world->is_running = true;
  world->thread = pthread_self();
  enum fl_sim_verdict verdict = run_until(world, until_us);
  world->is_running = world->is_stopped = false;
  return verdict;
}

enum fl_sim_verdict fl_world_sim_run(struct fl_world *world) { return run(sim_world_of(world), INT64_MAX); }

enum fl_sim_verdict fl_world_sim_run_until(struct fl_world *base, int64_t now_ms) {
  struct sim_world *world = sim_world_of(base);
  enum fl_sim_verdict verdict = run(world, now_ms * 1000);
  if (verdict != FL_SIM_IDLE && verdict != FL_SIM_PAUSED) return verdict;
  if (world->now_us < now_ms * 1000) world->now_us = now_ms * 1000;
  return FL_SIM_PAUSED;
}

static void sim_run(struct fl_world *world) { fl_world_sim_run(world); }

static void sim_stop(struct fl_world *world) { sim_world_of(world)->is_stopped = true; }

void fl_world_sim_set_jitter(struct fl_world *world, uint32_t jitter_ms) { sim_world_of(world)->jitter_ms = jitter_ms; }

void fl_world_sim_set_splits(struct fl_world *world, bool splits) { sim_world_of(world)->splits = splits; }

void fl_world_sim_expect_threads(struct fl_world *world, bool expects) {
  sim_world_of(world)->expects_threads = expects;
}

/* ---- life ---- */

static void free_map(struct fl_map *map) {
  struct fl_map_entry *entry;
  for (size_t cursor = 0; (entry = fl_map_next(map, &cursor)) != NULL;) fl_free(entry->value);
  fl_map_deinit(map);
}

/* Timers go last: some belong to other things. */
static void drop_things(struct sim_world *world) {
  for (struct sim_thing *thing = world->things; thing != NULL;) {
    if (thing->drop == drop_timer) {
      thing = thing->next;
      continue;
    }
    thing->drop(thing);
    thing = world->things;
  }
  while (world->things != NULL) world->things->drop(world->things);
}

static void sim_destroy(struct fl_world *base) {
  struct sim_world *world = sim_world_of(base);
  fl_check(!world->is_running);
  fl_check(world->is_crashed || (world->things == NULL && world->hold_count == 0 && world->posts.first == NULL));
  drop_things(world);
  sim_source_clear(&world->posts);
  sim_source_clear(&world->signals);
  for (int i = 0; i < FL_SIM_FD_COUNT; i++) {
    sim_source_clear(&world->consoles[i].input);
    sim_source_clear(&world->consoles[i].output);
    fl_buf_deinit(&world->consoles[i].written);
  }
  fl_check(world->sources.count == 0);
  fl_heap_deinit(&world->sources);
  free_map(&world->programs);
  free_map(&world->servers);
  pthread_cond_destroy(&world->has_foreign);
  pthread_mutex_destroy(&world->lock);
  fl_free(world);
}

static const struct fl_world_ops sim_world_ops = {
    .destroy = sim_destroy,
    .run = sim_run,
    .stop = sim_stop,
    .post = sim_post,
    .hold = sim_hold,
    .release = sim_release,
    .now_us = sim_now_us,
    .wall_ms = sim_wall_ms,
    .random = sim_random,
    .timer_start = timer_start,
    .timer_stop = timer_stop,
    .signal_start = signal_start,
    .signal_stop = signal_stop,
    .stream_open_fd = sim_stream_open_fd,
    .listener_open = sim_listener_open,
    .listener_accept = sim_listener_accept,
    .listener_close = sim_listener_close,
    .process_start = sim_process_start,
    .process_write = sim_process_write,
    .process_close_stdin = sim_process_close_stdin,
    .process_kill = sim_process_kill,
    .process_end = sim_process_end,
    .http_start = sim_http_start,
    .http_header = sim_http_header,
    .http_cancel = sim_http_cancel,
    .work_start = work_start,
};

struct fl_world *fl_world_sim_create(uint64_t seed) {
  struct sim_world *world = fl_new(struct sim_world);
  world->base.ops = &sim_world_ops;
  world->order_state = seed;
  world->random_state = ~seed;
  world->wall_offset_ms = (int64_t)WALL_START_S * 1000;
  world->next_pid = 1000;
  world->thread = pthread_self();
  world->foreign_end = &world->foreign;
  pthread_mutex_init(&world->lock, NULL);
  pthread_cond_init(&world->has_foreign, NULL);
  fl_map_init(&world->programs);
  fl_map_init(&world->servers);
  sim_source_init(&world->posts, world);
  sim_source_init(&world->signals, world);
  for (int i = 0; i < FL_SIM_FD_COUNT; i++) {
    sim_source_init(&world->consoles[i].input, world);
    sim_source_init(&world->consoles[i].output, world);
    world->consoles[i].input.is_blocked = true; /* until a stream reads it */
  }
  return &world->base;
}
