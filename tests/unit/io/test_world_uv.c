/* SPDX-License-Identifier: MIT */
#include "runtime/base/mem.h"
#include "runtime/io/world.h"
#include "tests/support/support.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

static struct fl_world *world;
static char trace[256];

static void note(const char *word) {
  assert_true(strlen(trace) + strlen(word) + 2 < sizeof trace);
  strcat(strcat(trace, word), " ");
}

static int setup(void **state) {
  world = fl_world_uv_create(NULL);
  trace[0] = '\0';
  return 0;
}

static int teardown(void **state) {
  fl_world_destroy(world);
  return 0;
}

static void on_named_timer(struct fl_timer *timer) { note(timer->user); }

static void timers_fire_in_order_and_once(void **state) {
  struct fl_timer a = {.on_fire = on_named_timer, .user = (void *)(intptr_t) "a"},
                  b = {.on_fire = on_named_timer, .user = (void *)(intptr_t) "b"},
                  c = {.on_fire = on_named_timer, .user = (void *)(intptr_t) "c"},
                  d = {.on_fire = on_named_timer, .user = (void *)(intptr_t) "d"};
  int64_t start = fl_world_now_us(world);
  fl_timer_start(world, &c, 30);
  fl_timer_start(world, &a, 5);
  fl_timer_start(world, &b, 20);
  fl_timer_start(world, &d, 10);
  fl_timer_start(world, &a, 25); /* restarted: later than b now */
  fl_timer_stop(world, &d);
  fl_timer_stop(world, &d);
  assert_string_equal(trace, "");
  fl_world_run(world);
  assert_string_equal(trace, "b a c ");
  assert_true(fl_world_now_us(world) - start >= 30000);
  assert_null(a.impl);
}

static void on_again(struct fl_timer *timer) {
  int *left = timer->user;
  if (--*left > 0) fl_timer_start(world, timer, 0);
}

static void on_stop(struct fl_timer *timer) { fl_world_stop(world); }

static void a_timer_that_restarts_itself_starves_nobody(void **state) {
  int left = 1 << 30;
  struct fl_timer spinner = {.on_fire = on_again, .user = &left}, stop = {.on_fire = on_stop};
  fl_timer_start(world, &spinner, 0);
  fl_timer_start(world, &stop, 20);
  fl_world_run(world);
  assert_true(left < 1 << 30);
  fl_timer_stop(world, &spinner);
}

static void on_named_post(struct fl_post *post) { note(post->user); }

static void posts_come_in_order_and_keep_the_loop_alive(void **state) {
  struct fl_post a = {.on_post = on_named_post, .user = (void *)(intptr_t) "a"},
                 b = {.on_post = on_named_post, .user = (void *)(intptr_t) "b"};
  fl_world_post(world, &a);
  fl_world_post(world, &b);
  assert_string_equal(trace, "");
  fl_world_run(world);
  assert_string_equal(trace, "a b ");
  fl_world_run(world); /* nothing to wait for */
  fl_world_post(world, &a);
  fl_world_run(world);
  assert_string_equal(trace, "a b a ");
}

enum { THREAD_COUNT = 4, POST_COUNT = 2000 };
static int received[THREAD_COUNT];
static bool in_order = true;

static void on_numbered_post(struct fl_post *post) {
  int number = (int)(intptr_t)post->user;
  int thread = number / POST_COUNT;
  in_order = in_order && received[thread] == number % POST_COUNT;
  received[thread]++;
  free(post);
  if (received[thread] == POST_COUNT) fl_world_release(world);
}

static void *post_many(void *user) {
  int thread = (int)(intptr_t)user;
  for (int i = 0; i < POST_COUNT; i++) {
    struct fl_post *post = malloc(sizeof *post);
    *post = (struct fl_post){.on_post = on_numbered_post, .user = (void *)(intptr_t)(thread * POST_COUNT + i)};
    fl_world_post(world, post);
  }
  return NULL;
}

static void posts_of_threads_all_arrive_in_each_threads_order(void **state) {
  pthread_t threads[THREAD_COUNT];
  for (int i = 0; i < THREAD_COUNT; i++) {
    fl_world_hold(world);
    pthread_create(&threads[i], NULL, post_many, (void *)(intptr_t)i);
  }
  fl_world_run(world);
  for (int i = 0; i < THREAD_COUNT; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(received[i], POST_COUNT);
  }
  assert_true(in_order);
}

static void run_work(struct fl_work *work) {
  assert_false(pthread_equal(pthread_self(), *(pthread_t *)work->user));
  usleep(20000);
}
static void on_work_done(struct fl_work *work) {
  assert_true(pthread_equal(pthread_self(), *(pthread_t *)work->user));
  assert_null(work->impl);
  note("done");
}

static void work_runs_on_other_threads_at_the_same_time(void **state) {
  pthread_t self = pthread_self();
  struct fl_work works[8];
  int64_t start = fl_world_now_ms(world);
  for (int i = 0; i < 8; i++) {
    works[i] = (struct fl_work){.run = run_work, .on_done = on_work_done, .user = &self};
    fl_work_start(world, &works[i]);
  }
  fl_world_run(world);
  assert_string_equal(trace, "done done done done done done done done ");
  assert_true(fl_world_now_ms(world) - start < 8 * 20);
}

static void more_work_than_threads_waits_its_turn(void **state) {
  pthread_t self = pthread_self();
  struct fl_work works[40];
  for (int i = 0; i < 40; i++) {
    works[i] = (struct fl_work){.run = run_work, .on_done = on_work_done, .user = &self};
    fl_work_start(world, &works[i]);
  }
  fl_world_run(world);
  assert_int_equal(strlen(trace), 40 * 5);
}

static void on_signal(struct fl_signal *signal, int number) {
  assert_int_equal(number, SIGUSR1);
  note("signal");
  fl_signal_stop(world, signal);
  fl_world_stop(world);
}

static void a_signal_is_called_back_but_keeps_nothing_alive(void **state) {
  struct fl_signal watch = {.on_signal = on_signal};
  assert_int_equal(fl_signal_start(world, &watch, SIGUSR1), 0);
  fl_world_run(world); /* returns at once */
  assert_string_equal(trace, "");
  kill(getpid(), SIGUSR1);
  fl_world_hold(world);
  fl_world_run(world);
  fl_world_release(world);
  assert_string_equal(trace, "signal ");
  assert_int_equal(fl_signal_start(world, &watch, 9999), FL_E_INVALID);
}

static void clocks_and_randomness(void **state) {
  int64_t wall = fl_world_wall_ms(world);
  assert_true(wall / 1000 - (int64_t)time(NULL) <= 1 && wall / 1000 - (int64_t)time(NULL) >= -1);
  unsigned char first[1000] = {0}, second[1000] = {0};
  fl_world_random(world, first, sizeof first);
  fl_world_random(world, second, sizeof second);
  assert_memory_not_equal(first, second, sizeof first);
}

static void lives_in_a_foreign_loop_without_turning_or_closing_it(void **state) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  struct fl_world *guest = fl_world_uv_create(&loop);
  struct fl_timer timer = {.on_fire = on_named_timer, .user = (void *)(intptr_t) "guest"};
  fl_timer_start(guest, &timer, 1);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_string_equal(trace, "guest ");
  fl_world_destroy(guest);
  assert_int_equal(uv_loop_close(&loop), UV_EBUSY); /* still ours: its handles close when the owner turns it */
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_write_to_a_closed_pipe_is_an_error_while_a_world_lives(void **state) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  close(ends[0]);
  assert_int_equal(write(ends[1], "x", 1), -1);
  close(ends[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(timers_fire_in_order_and_once, setup, teardown),
      cmocka_unit_test_setup_teardown(a_timer_that_restarts_itself_starves_nobody, setup, teardown),
      cmocka_unit_test_setup_teardown(posts_come_in_order_and_keep_the_loop_alive, setup, teardown),
      cmocka_unit_test_setup_teardown(posts_of_threads_all_arrive_in_each_threads_order, setup, teardown),
      cmocka_unit_test_setup_teardown(work_runs_on_other_threads_at_the_same_time, setup, teardown),
      cmocka_unit_test_setup_teardown(more_work_than_threads_waits_its_turn, setup, teardown),
      cmocka_unit_test_setup_teardown(a_signal_is_called_back_but_keeps_nothing_alive, setup, teardown),
      cmocka_unit_test_setup_teardown(clocks_and_randomness, setup, teardown),
      cmocka_unit_test_setup_teardown(lives_in_a_foreign_loop_without_turning_or_closing_it, setup, teardown),
      cmocka_unit_test_setup_teardown(a_write_to_a_closed_pipe_is_an_error_while_a_world_lives, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
