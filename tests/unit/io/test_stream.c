/* SPDX-License-Identifier: MIT */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/io/world.h"
#include "tests/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fl_world *world;
static struct fl_buf got;
static int end_status, end_count, data_count, close_count;

static int setup(void **state) {
  world = fl_world_uv_create(NULL);
  fl_buf_init(&got, 0);
  end_status = 1;
  end_count = data_count = close_count = 0;
  return 0;
}

static int teardown(void **state) {
  fl_world_destroy(world);
  fl_buf_deinit(&got);
  return 0;
}

static void on_data(struct fl_stream *stream, fl_slice data) {
  data_count++;
  fl_buf_add(&got, data.data, data.size);
}

static void on_close(struct fl_stream *stream) {
  close_count++;
  assert_null(stream->impl);
}

static void on_end(struct fl_stream *stream, int status) {
  end_count++;
  end_status = status;
  fl_stream_close(stream, on_close);
}

static struct fl_stream reader(void) { return (struct fl_stream){.on_data = on_data, .on_end = on_end}; }

static void read_all(int fd) {
  struct fl_stream stream = reader();
  assert_int_equal(fl_stream_open_fd(world, &stream, fd, true, NULL), 0);
  fl_world_run(world);
  assert_int_equal(end_count, 1);
  assert_int_equal(close_count, 1);
}

static void reads_a_pipe_to_its_end(void **state) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], "hello", 5), 5);
  close(ends[1]);
  read_all(ends[0]);
  assert_string_equal(got.data, "hello");
  assert_int_equal(end_status, 0);
  assert_int_equal(fcntl(ends[0], F_GETFD), -1); /* taken and closed */
}

static void reads_a_socket_to_its_end(void **state) {
  int ends[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  assert_int_equal(write(ends[1], "hello", 5), 5);
  close(ends[1]);
  int again = dup(ends[0]);
  read_all(ends[0]);
  assert_string_equal(got.data, "hello");
  assert_false(fcntl(again, F_GETFL) & O_NONBLOCK); /* the shared description is as it was */
  close(again);
}

static void reads_a_file_to_its_end(void **state) {
  char path[300];
  snprintf(path, sizeof path, "%s/input", test_folder());
  int fd = open(path, O_RDWR | O_CREAT, 0600);
  FL_FREE_AUTO char *block = fl_alloc_zero(1, 100000);
  memset(block, 'x', 100000);
  for (int i = 0; i < 3; i++) assert_int_equal(write(fd, block, 100000), 100000);
  lseek(fd, 0, SEEK_SET);
  read_all(fd);
  assert_int_equal(got.size, 300000);
  assert_int_equal(end_status, 0);
}

static void reads_nothing_from_the_null_device(void **state) {
  read_all(open("/dev/null", O_RDONLY));
  assert_int_equal(got.size, 0);
  assert_int_equal(end_status, 0);
}

static void a_bad_descriptor_is_refused_at_once(void **state) {
  struct fl_stream stream = reader();
  struct fl_error err = {0};
  assert_int_equal(fl_stream_open_fd(world, &stream, 987, true, &err), FL_E_IO);
  assert_non_null(strstr(err.text, "descriptor 987"));
  assert_null(stream.impl);
}

static void a_read_error_is_reported(void **state) {
  struct fl_stream stream = reader();
  assert_int_equal(fl_stream_open_fd(world, &stream, open("/", O_RDONLY | O_DIRECTORY), true, NULL), 0);
  fl_world_run(world);
  assert_int_equal(end_status, FL_E_IO);
}

static void writes_of_one_turn_leave_as_one(void **state) {
  int ends[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0); /* keeps the borders of writes */
  struct fl_stream stream = {0};
  assert_int_equal(fl_stream_open_fd(world, &stream, ends[0], false, NULL), 0);
  for (int i = 0; i < 10; i++) assert_int_equal(fl_stream_write(&stream, FL_SLICE("line\n")), 0);
  assert_int_equal(fl_stream_queued(&stream), 50);
  fl_world_run(world);
  assert_int_equal(fl_stream_queued(&stream), 0);
  char buffer[100];
  assert_int_equal(read(ends[1], buffer, sizeof buffer), 50);
  fl_stream_close(&stream, on_close);
  fl_world_run(world);
  assert_int_equal(close_count, 1);
  assert_int_equal(read(ends[1], buffer, sizeof buffer), 0);
  close(ends[1]);
}

static void *read_slowly(void *user) {
  static char buffer[10000];
  size_t total = 0;
  usleep(20000);
  for (ssize_t size; (size = read(*(int *)user, buffer, sizeof buffer)) > 0;) {
    for (ssize_t i = 0; i < size; i++)
      assert_int_equal((unsigned char)buffer[i], (unsigned char)((total + (size_t)i) % 251));
    total += (size_t)size;
  }
  return (void *)(intptr_t)total;
}

enum { LARGE = 3 * 1000 * 1000 };

static void write_large(int write_fd, int read_fd) {
  struct fl_stream stream = {0};
  pthread_t thread;
  pthread_create(&thread, NULL, read_slowly, &read_fd);
  assert_int_equal(fl_stream_open_fd(world, &stream, write_fd, false, NULL), 0);
  FL_FREE_AUTO char *block = fl_alloc(LARGE);
  for (int i = 0; i < LARGE; i++) block[i] = (char)(i % 251);
  for (int at = 0; at < LARGE; at += 30000)
    assert_int_equal(fl_stream_write(&stream, fl_slice_n(block + at, 30000)), 0);
  fl_stream_close(&stream, on_close); /* flushes what the pipe does not take yet */
  assert_int_equal(fl_stream_write(&stream, FL_SLICE("x")), FL_E_CLOSED);
  fl_world_run(world);
  assert_int_equal(close_count, 1);
  void *total = NULL;
  pthread_join(thread, &total);
  assert_int_equal((intptr_t)total, LARGE);
  close(read_fd);
}

static void close_flushes_more_than_a_pipe_holds(void **state) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  write_large(ends[1], ends[0]);
}

static void close_flushes_more_than_a_socket_holds(void **state) {
  int ends[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  write_large(ends[1], ends[0]);
}

/* Whole buffers between copied pieces, small and large, before anything waits and after: the bytes are in order. */
static void whole_buffers_are_in_order(void **state) {
  static const size_t sizes[] = {300000, 200, 500000, 100000, 99800};
  struct fl_stream stream = {0};
  int ends[2];
  pthread_t thread;
  size_t at = 0;
  assert_int_equal(pipe(ends), 0);
  pthread_create(&thread, NULL, read_slowly, &ends[0]);
  assert_int_equal(fl_stream_open_fd(world, &stream, ends[1], false, NULL), 0);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    FL_BUF_AUTO whole = {0};
    for (size_t end = at + sizes[i]; at < end; at++) fl_buf_add_char(&whole, (char)(at % 251));
    assert_int_equal(fl_stream_write_take(&stream, &whole), 0);
    assert_int_equal(whole.size, 0);
    char piece = (char)(at++ % 251);
    assert_int_equal(fl_stream_write(&stream, fl_slice_n(&piece, 1)), 0);
  }
  assert_int_equal(fl_stream_queued(&stream), at);
  fl_stream_close(&stream, on_close);
  FL_BUF_AUTO late = {0};
  fl_buf_add_text(&late, "x");
  assert_int_equal(fl_stream_write_take(&stream, &late), FL_E_CLOSED);
  fl_world_run(world);
  void *total = NULL;
  pthread_join(thread, &total);
  assert_int_equal((intptr_t)total, at);
  close(ends[0]);
}

static void writes_a_file(void **state) {
  char path[300];
  snprintf(path, sizeof path, "%s/output", test_folder());
  struct fl_stream stream = {0};
  assert_int_equal(fl_stream_open_fd(world, &stream, open(path, O_WRONLY | O_CREAT, 0600), false, NULL), 0);
  fl_stream_write(&stream, FL_SLICE("one "));
  fl_world_run(world);
  fl_stream_write(&stream, FL_SLICE("two "));
  fl_stream_write(&stream, FL_SLICE("three"));
  fl_stream_close(&stream, NULL);
  fl_world_run(world);
  size_t size = 0;
  char *text = test_read_file(path, &size);
  assert_string_equal(text, "one two three");
  free(text);
}

static void a_closed_reader_is_an_error_not_a_signal(void **state) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  close(ends[0]);
  struct fl_stream stream = {0};
  assert_int_equal(fl_stream_open_fd(world, &stream, ends[1], false, NULL), 0);
  assert_int_equal(fl_stream_write(&stream, FL_SLICE("x")), 0);
  fl_world_run(world);
  assert_int_equal(fl_stream_write(&stream, FL_SLICE("x")), FL_E_CLOSED);
  fl_stream_close(&stream, on_close);
  fl_world_run(world);
  assert_int_equal(close_count, 1);
}

static void the_queue_has_a_limit(void **state) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct fl_stream stream = {0};
  assert_int_equal(fl_stream_open_fd(world, &stream, ends[1], false, NULL), 0);
  FL_FREE_AUTO char *block = fl_alloc_zero(1, FL_STREAM_QUEUE_MAX / 2);
  assert_int_equal(fl_stream_write(&stream, fl_slice_n(block, FL_STREAM_QUEUE_MAX / 2)), 0);
  assert_int_equal(fl_stream_write(&stream, fl_slice_n(block, FL_STREAM_QUEUE_MAX / 2)), 0);
  assert_int_equal(fl_stream_write(&stream, FL_SLICE("x")), FL_E_LIMIT);
  close(ends[0]);
  fl_stream_close(&stream, NULL);
  fl_world_run(world);
}

static void on_resume(struct fl_timer *timer) { fl_stream_pause(timer->user, false); }

static void on_data_pause(struct fl_stream *stream, fl_slice data) {
  on_data(stream, data);
  fl_stream_pause(stream, true);
  fl_timer_start(world, stream->user, 20);
}

static void a_paused_stream_waits(void **state) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  FL_FREE_AUTO char *block = fl_alloc_zero(1, 65536);
  assert_int_equal(write(ends[1], block, 65536), 65536);
  close(ends[1]);
  struct fl_stream stream = reader();
  stream.on_data = on_data_pause;
  struct fl_timer timer = {.on_fire = on_resume, .user = &stream};
  stream.user = &timer;
  int64_t start = fl_world_now_ms(world);
  assert_int_equal(fl_stream_open_fd(world, &stream, ends[0], true, NULL), 0);
  fl_world_run(world);
  assert_int_equal(got.size, 65536);
  assert_int_equal(end_status, 0);
  assert_true(fl_world_now_ms(world) - start >= 20);
}

static void standard_descriptors_are_never_left_as_holes(void **state) {
  int saved = dup(0), ends[2];
  assert_int_equal(pipe(ends), 0);
  dup2(ends[0], 0);
  close(ends[0]);
  close(ends[1]);
  read_all(0);
  assert_int_not_equal(fcntl(0, F_GETFD), -1);
  char byte;
  assert_int_equal(read(0, &byte, 1), 0); /* the null device */
  dup2(saved, 0);
  close(saved);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(reads_a_pipe_to_its_end, setup, teardown),
      cmocka_unit_test_setup_teardown(reads_a_socket_to_its_end, setup, teardown),
      cmocka_unit_test_setup_teardown(reads_a_file_to_its_end, setup, teardown),
      cmocka_unit_test_setup_teardown(reads_nothing_from_the_null_device, setup, teardown),
      cmocka_unit_test_setup_teardown(a_bad_descriptor_is_refused_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(a_read_error_is_reported, setup, teardown),
      cmocka_unit_test_setup_teardown(writes_of_one_turn_leave_as_one, setup, teardown),
      cmocka_unit_test_setup_teardown(close_flushes_more_than_a_pipe_holds, setup, teardown),
      cmocka_unit_test_setup_teardown(close_flushes_more_than_a_socket_holds, setup, teardown),
      cmocka_unit_test_setup_teardown(whole_buffers_are_in_order, setup, teardown),
      cmocka_unit_test_setup_teardown(writes_a_file, setup, teardown),
      cmocka_unit_test_setup_teardown(a_closed_reader_is_an_error_not_a_signal, setup, teardown),
      cmocka_unit_test_setup_teardown(the_queue_has_a_limit, setup, teardown),
      cmocka_unit_test_setup_teardown(a_paused_stream_waits, setup, teardown),
      cmocka_unit_test_setup_teardown(standard_descriptors_are_never_left_as_holes, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
