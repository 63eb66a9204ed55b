/* SPDX-License-Identifier: MIT */
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static struct fl_world *world;
static char trace[4096];

static void note(const char *word) {
  assert_true(strlen(trace) + strlen(word) + 2 < sizeof trace);
  strcat(strcat(trace, word), " ");
}

static void begin(uint64_t seed) {
  world = fl_world_sim_create(seed);
  trace[0] = '\0';
}

static void finish(void) { fl_world_destroy(world); }

static void on_timer(struct fl_timer *timer) {
  char text[32];
  snprintf(text, sizeof text, "%s@%d", (const char *)timer->user, (int)fl_world_now_ms(world));
  note(text);
}

#define TIMER(name) ((struct fl_timer){.on_fire = on_timer, .user = (void *)(intptr_t)(name)})

static void an_hour_costs_nothing(void **state) {
  begin(1);
  struct fl_timer a = TIMER("a"), b = TIMER("b"), c = TIMER("c"), d = TIMER("d");
  int64_t wall = fl_world_wall_ms(world);
  fl_timer_start(world, &b, 3600 * 1000);
  fl_timer_start(world, &a, 10);
  fl_timer_start(world, &c, 20);
  fl_timer_start(world, &c, 40);
  fl_timer_start(world, &d, 30);
  fl_timer_stop(world, &d);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_string_equal(trace, "a@10 c@40 b@3600000 ");
  assert_int_equal(fl_world_wall_ms(world) - wall, 3600 * 1000);
  finish();
}

static void time_can_be_stopped_anywhere(void **state) {
  begin(1);
  struct fl_timer a = TIMER("a"), b = TIMER("b");
  fl_timer_start(world, &a, 10);
  fl_timer_start(world, &b, 20);
  assert_int_equal(fl_world_sim_run_until(world, 15), FL_SIM_PAUSED);
  assert_string_equal(trace, "a@10 ");
  assert_int_equal(fl_world_now_ms(world), 15);
  fl_world_sim_set_wall_ms(world, 5000);
  assert_true(fl_world_sim_step(world));
  assert_false(fl_world_sim_step(world));
  assert_string_equal(trace, "a@10 b@20 ");
  assert_int_equal(fl_world_wall_ms(world), 5005);
  finish();
}

static void on_post(struct fl_post *post) { note(post->user); }

#define POST(name) ((struct fl_post){.on_post = on_post, .user = (void *)(intptr_t)(name)})

static void run_three_posts_and_timers(uint64_t seed) {
  begin(seed);
  struct fl_timer a = TIMER("a"), b = TIMER("b"), c = TIMER("c");
  struct fl_post p = POST("p"), q = POST("q"), r = POST("r");
  fl_timer_start(world, &a, 0);
  fl_timer_start(world, &b, 0);
  fl_timer_start(world, &c, 0);
  fl_world_post(world, &p);
  fl_world_post(world, &q);
  fl_world_post(world, &r);
  assert_string_equal(trace, "");
  fl_world_sim_run(world);
  finish();
}

static void the_seed_decides_the_order_and_nothing_else_does(void **state) {
  char first[sizeof trace];
  bool a_first = false, b_first = false, post_first = false, differs = false;
  for (uint64_t seed = 0; seed < 50; seed++) {
    run_three_posts_and_timers(seed);
    char before[sizeof trace];
    strcpy(before, trace);
    run_three_posts_and_timers(seed);
    assert_string_equal(before, trace);
    if (seed == 0) strcpy(first, trace);
    differs = differs || strcmp(first, trace) != 0;
    a_first = a_first || strstr(trace, "a@") < strstr(trace, "b@");
    b_first = b_first || strstr(trace, "b@") < strstr(trace, "a@");
    post_first = post_first || trace[0] == 'p';
    assert_true(strstr(trace, "p ") < strstr(trace, "q ") && strstr(trace, "q ") < strstr(trace, "r "));
  }
  assert_true(a_first && b_first && post_first && differs);
}

static void randomness_is_of_the_seed_and_apart_from_the_order(void **state) {
  unsigned char first[64], second[64];
  begin(7);
  fl_world_random(world, first, sizeof first);
  finish();
  run_three_posts_and_timers(7);
  char before[sizeof trace];
  strcpy(before, trace);
  begin(7);
  fl_world_random(world, second, sizeof second);
  finish();
  assert_memory_equal(first, second, sizeof first);
  begin(8);
  fl_world_random(world, second, sizeof second);
  finish();
  assert_memory_not_equal(first, second, sizeof first);
}

static void run_work(struct fl_work *work) { note("run"); }
static void on_done(struct fl_work *work) {
  assert_null(work->impl);
  note("done");
}

static void work_runs_and_is_reported_later(void **state) {
  begin(3);
  struct fl_work work = {.run = run_work, .on_done = on_done};
  fl_work_start(world, &work);
  assert_string_equal(trace, "");
  fl_world_run(world); /* the common name works as well */
  assert_string_equal(trace, "run done ");
  finish();
}

static void on_signal(struct fl_signal *signal, int number) {
  note(number == SIGINT ? "int" : "other");
  fl_signal_stop(world, signal);
}

static void signals_reach_those_who_watch(void **state) {
  begin(3);
  struct fl_signal watch = {.on_signal = on_signal}, other = {.on_signal = on_signal};
  fl_signal_start(world, &watch, SIGINT);
  fl_signal_start(world, &other, SIGTERM);
  fl_world_sim_signal(world, 5, SIGINT);
  fl_world_sim_signal(world, 6, SIGINT);
  fl_world_sim_run(world);
  assert_string_equal(trace, "int ");
  fl_signal_stop(world, &other);
  finish();
}

static void on_stopping(struct fl_timer *timer) { fl_world_stop(world); }
static void on_circle(struct fl_timer *timer) { fl_timer_start(world, timer, 1000); }

static void stop_ends_a_run(void **state) {
  begin(3);
  struct fl_timer circle = {.on_fire = on_circle}, stop = {.on_fire = on_stopping};
  fl_timer_start(world, &circle, 1000);
  fl_timer_start(world, &stop, 3600 * 1000);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_STOPPED);
  assert_int_equal(fl_world_now_ms(world), 3600 * 1000);
  fl_timer_stop(world, &circle);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  finish();
}

static void *post_later(void *user) {
  usleep(30000);
  fl_world_post(world, user);
  return NULL;
}

static void on_foreign(struct fl_post *post) {
  note("post");
  fl_world_release(world);
}

static void real_threads_can_be_waited_for(void **state) {
  begin(3);
  struct fl_post post = {.on_post = on_foreign};
  struct fl_timer timer = TIMER("timer");
  pthread_t thread;
  fl_world_sim_expect_threads(world, true);
  fl_world_hold(world);
  fl_timer_start(world, &timer, 1000); /* an hour of the clock must not pass while a thread works */
  pthread_create(&thread, NULL, post_later, &post);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  pthread_join(thread, NULL);
  assert_string_equal(trace, "post timer@1000 ");
  finish();
}

/* ---- the console ---- */

static void on_data(struct fl_stream *stream, fl_slice data) {
  char text[64];
  snprintf(text, sizeof text, "%.*s@%d", (int)data.size, data.data, (int)fl_world_now_ms(world));
  note(text);
}
static void on_end(struct fl_stream *stream, int status) { note("end"); }
static void on_close(struct fl_stream *stream) { note("closed"); }

static void the_console_is_read_and_written(void **state) {
  begin(3);
  fl_world_sim_input(world, 0, 5, FL_SLICE("hello"));
  fl_world_sim_input(world, 0, 0, FL_SLICE("there"));
  fl_world_sim_input_end(world, 0, 2);
  struct fl_stream in = {.on_data = on_data, .on_end = on_end}, out = {0};
  struct fl_error err = {0};
  assert_int_equal(fl_stream_open_fd(world, &in, 0, true, &err), 0);
  assert_int_equal(fl_stream_open_fd(world, &out, 1, false, &err), 0);
  struct fl_stream second = {0};
  assert_int_equal(fl_stream_open_fd(world, &second, 0, true, &err), FL_E_IO);
  assert_int_equal(fl_stream_write(&out, FL_SLICE("one ")), 0);
  assert_int_equal(fl_stream_write(&out, FL_SLICE("two")), 0);
  assert_int_equal(fl_stream_queued(&out), 7);
  assert_int_equal(fl_world_sim_output(world, 1).size, 0);
  fl_world_sim_run(world);
  assert_string_equal(trace, "hello@5 there@5 end ");
  assert_string_equal(fl_world_sim_output(world, 1).data, "one two");
  fl_world_sim_break_output(world, 1);
  assert_int_equal(fl_stream_write(&out, FL_SLICE("x")), FL_E_CLOSED);
  fl_stream_close(&in, on_close);
  fl_stream_close(&out, NULL);
  fl_world_sim_run(world);
  assert_string_equal(trace, "hello@5 there@5 end closed ");
  finish();
}

static void a_paused_console_waits(void **state) {
  begin(3);
  struct fl_stream in = {.on_data = on_data, .on_end = on_end};
  fl_stream_open_fd(world, &in, 0, true, NULL);
  fl_stream_pause(&in, true);
  fl_world_sim_input(world, 0, 5, FL_SLICE("hello"));
  assert_int_equal(fl_world_sim_run_until(world, 50), FL_SIM_PAUSED);
  assert_string_equal(trace, "");
  fl_stream_pause(&in, false);
  fl_world_sim_run(world);
  assert_string_equal(trace, "hello@50 ");
  fl_stream_close(&in, NULL);
  fl_world_sim_run(world);
  finish();
}

/* ---- crashes ---- */

/* A small program: a timer, then a post, then a line of output, and again. */
static struct {
  struct fl_timer timer;
  struct fl_post post;
  struct fl_stream out;
  int rounds;
} program;

static void on_program_post(struct fl_post *post) {
  fl_stream_write(&program.out, FL_SLICE("x"));
  if (++program.rounds < 5) fl_timer_start(world, &program.timer, 10);
  else fl_stream_close(&program.out, on_close);
}

static void on_program_timer(struct fl_timer *timer) { fl_world_post(world, &program.post); }

static void start_program(uint64_t seed) {
  begin(seed);
  memset(&program, 0, sizeof program);
  program.timer.on_fire = on_program_timer;
  program.post.on_post = on_program_post;
  fl_stream_open_fd(world, &program.out, 1, false, NULL);
  fl_timer_start(world, &program.timer, 10);
}

static void a_crash_comes_before_the_nth_effect(void **state) {
  for (uint64_t n = 1;; n++) {
    start_program(n);
    uint64_t before = fl_world_sim_effect_count(world);
    assert_int_equal(before, 1);
    fl_world_sim_crash_at(world, n + 1);
    enum fl_sim_verdict verdict = fl_world_sim_run(world);
    if (verdict == FL_SIM_IDLE) {
      assert_int_equal(n, 15); /* 5 rounds of timer, post, write */
      assert_string_equal(fl_world_sim_output(world, 1).data, "xxxxx");
      finish();
      break;
    }
    assert_int_equal(verdict, FL_SIM_CRASHED);
    assert_true(fl_world_sim_is_crashed(world));
    assert_int_equal(fl_world_sim_effect_count(world), n);
    size_t output = fl_world_sim_output(world, 1).size;
    assert_true(output <= (n + 1) / 3);
    assert_string_equal(trace, ""); /* nobody was called back any more */
    if (n % 2 == 0) {
      fl_world_sim_bury(world);
      assert_int_equal(fl_world_sim_output(world, 1).size, output); /* and nothing left the process */
      assert_string_equal(trace, "closed ");
    }
    finish();
  }
}

static void crash_on_write(enum fl_sim_effect effect, uint64_t number, void *user) {
  note(fl_sim_effect_name(effect));
  if (effect == FL_SIM_STREAM_WRITE) fl_world_sim_crash(world);
}

static void an_observer_sees_effects_and_may_crash_before_one(void **state) {
  start_program(1);
  fl_world_sim_observe(world, crash_on_write, NULL);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_CRASHED);
  assert_string_equal(trace, "post stream_write ");
  assert_int_equal(fl_world_sim_output(world, 1).size, 0);
  assert_int_equal(fl_world_sim_effect_count(world), 2);
  finish();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_hour_costs_nothing),
      cmocka_unit_test(time_can_be_stopped_anywhere),
      cmocka_unit_test(the_seed_decides_the_order_and_nothing_else_does),
      cmocka_unit_test(randomness_is_of_the_seed_and_apart_from_the_order),
      cmocka_unit_test(work_runs_and_is_reported_later),
      cmocka_unit_test(signals_reach_those_who_watch),
      cmocka_unit_test(stop_ends_a_run),
      cmocka_unit_test(real_threads_can_be_waited_for),
      cmocka_unit_test(the_console_is_read_and_written),
      cmocka_unit_test(a_paused_console_waits),
      cmocka_unit_test(a_crash_comes_before_the_nth_effect),
      cmocka_unit_test(an_observer_sees_effects_and_may_crash_before_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
