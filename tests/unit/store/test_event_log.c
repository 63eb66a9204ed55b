/* SPDX-License-Identifier: MIT */
#include "runtime/base/buf.h"
#include "runtime/io/world_sim.h"
#include "runtime/store/event_log.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <sys/stat.h>

static struct fl_world *world;
static struct fl_event_log *event_log;
static struct fl_buf trace;
static bool is_closed;

static void on_error(const struct fl_error *err, void *user) { fl_buf_addf(&trace, "%s ", fl_error_word(err->code)); }

static void open_log(const char *path, struct fl_event_log_options options) {
  struct fl_error err = {0};
  if (world == NULL) world = fl_world_sim_create(1);
  options.size = sizeof options;
  options.path = path;
  options.on_error = on_error;
  fl_buf_clear(&trace);
  fl_buf_add_text(&trace, "");
  if (fl_event_log_open(world, &options, &event_log, &err) != 0) fail_msg("%s", err.text);
}

static void on_closed(void *user) { is_closed = true; }

static void close_log(void) {
  is_closed = false;
  fl_event_log_close(event_log, on_closed, NULL);
  fl_world_sim_run(world);
  assert_true(is_closed);
}

static void end_world(void) {
  fl_world_destroy(world);
  world = NULL;
}

static void on_read(struct fl_event_log_read *read, int status, const struct fl_error *err) {
  if (status != 0) fl_buf_addf(&trace, "!%s ", fl_error_word(status));
  fl_buf_addf(&trace, "%s/%d:", read->opening != NULL ? read->opening : "-", (int)read->last_stream);
  for (size_t i = 0; i < read->count; i++)
    fl_buf_addf(&trace, " %d=%.*s", (int)read->events[i].number, (int)read->events[i].data.size,
                read->events[i].data.data);
}

static const char *read_after(const char *session, uint64_t stream, uint64_t after) {
  struct fl_event_log_read read = {.session = session, .stream = stream, .after = after, .on_read = on_read};
  fl_buf_clear(&trace);
  fl_event_log_read(event_log, &read);
  fl_world_sim_run(world);
  return trace.data;
}

static void add(const char *session, uint64_t stream, uint64_t number, const char *text) {
  fl_event_log_add(event_log, session, stream, number, fl_slice_of(text));
}

static void events_are_read_again(void **state) {
  open_log(NULL, (struct fl_event_log_options){0});
  add("s", 1, 1, "one");
  add("s", 2, 1, "other stream");
  add("t", 1, 1, "other session");
  add("s", 1, 2, "");
  add("s", 1, 3, "three");
  fl_event_log_put_session(event_log, "s", FL_SLICE("opening"));
  assert_string_equal(read_after("s", 1, 0), "opening/2: 1=one 2= 3=three");
  assert_string_equal(read_after("s", 1, 2), "opening/2: 3=three");
  assert_string_equal(read_after("s", 1, 3), "opening/2:");
  assert_string_equal(read_after("t", 1, 0), "-/1: 1=other session");
  fl_event_log_drop_session(event_log, "s");
  assert_string_equal(read_after("s", 1, 0), "-/0:");
  close_log();
  end_world();
}

static void a_file_outlives_the_process(void **state) {
  char path[200];
  snprintf(path, sizeof path, "%s/events.db", test_folder());
  open_log(path, (struct fl_event_log_options){0});
  add("s", 7, 1, "kept");
  fl_event_log_put_session(event_log, "s", FL_SLICE("{}"));
  close_log(); /* writes what waits */
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  open_log(path, (struct fl_event_log_options){0});
  assert_string_equal(read_after("s", 7, 0), "{}/7: 1=kept");
  close_log();
  end_world();
}

static void what_is_old_or_too_much_goes(void **state) {
  open_log(NULL, (struct fl_event_log_options){.keep_ms = 1000, .events_max = 3});
  for (int i = 1; i <= 5; i++) add("s", 1, (uint64_t)i, "x");
  assert_string_equal(read_after("s", 1, 0), "-/1: 1=x 2=x 3=x 4=x 5=x"); /* before the trimming of that transaction */
  assert_string_equal(read_after("s", 1, 0), "-/1: 3=x 4=x 5=x");
  fl_world_sim_run_until(world, 2000);
  add("s", 1, 6, "y");
  fl_world_sim_run(world);
  assert_string_equal(read_after("s", 1, 0), "-/1: 6=y");
  close_log();
  end_world();
}

static void too_much_that_waits_is_not_kept(void **state) {
  open_log(NULL, (struct fl_event_log_options){.waiting_max = 10});
  add("s", 1, 1, "first, leaves at once");
  assert_string_equal(trace.data, "limit ");
  add("s", 1, 2, "12345");
  add("s", 1, 3, "12345");
  fl_world_sim_run(world);
  assert_string_equal(read_after("s", 1, 0), "-/1: 2=12345 3=12345");
  close_log();
  end_world();
}

static void other_files_are_refused(void **state) {
  char path[200];
  snprintf(path, sizeof path, "%s/other", test_folder());
  FILE *file = fopen(path, "w");
  fputs("this is no database, and it is long enough to look like one, which SQLite reads first of all", file);
  fclose(file);
  world = fl_world_sim_create(1);
  struct fl_error err = {0};
  struct fl_event_log_options options = {.size = sizeof options, .path = path};
  assert_int_equal(fl_event_log_open(world, &options, &event_log, &err), FL_E_CORRUPT);
  options.path = "/nonexistent/folder/file";
  assert_int_equal(fl_event_log_open(world, &options, &event_log, &err), FL_E_IO);
  end_world();
}

static int deinit_trace(void **state) {
  fl_buf_deinit(&trace);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(events_are_read_again),        cmocka_unit_test(a_file_outlives_the_process),
      cmocka_unit_test(what_is_old_or_too_much_goes), cmocka_unit_test(too_much_that_waits_is_not_kept),
      cmocka_unit_test(other_files_are_refused),
  };
  return cmocka_run_group_tests_name("event_log", tests, NULL, deinit_trace);
}
