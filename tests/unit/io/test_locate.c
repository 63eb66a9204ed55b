/* SPDX-License-Identifier: MIT */
#include "runtime/base/mem.h"
#include "runtime/io/locate.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static void put(const char *name, mode_t mode) {
  char path[400];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  assert_true(fd >= 0);
  fchmod(fd, mode);
  close(fd);
}

static int setup(void **state) {
  snprintf(folder, sizeof folder, "%s", test_folder());
  put("runs", 0755);
  put("data", 0644);
  char path[400];
  snprintf(path, sizeof path, "%s/sub", folder);
  return mkdir(path, 0755);
}

/* Looks `program` up in the PATH given, in which %s is the folder. */
static int look_in(const char *before, const char *after, const char *program, struct fl_error *err) {
  FL_FREE_AUTO char *entry = fl_format("PATH=%s%s%s", before, folder, after);
  return fl_locate_program(program, (const char *const[]){"OTHER=1", entry, NULL}, NULL, err);
}

static void a_name_is_looked_up_as_execvp_does(void **state) {
  assert_int_equal(look_in("", "", "runs", NULL), 0);
  assert_int_equal(look_in("/nowhere:", "", "runs", NULL), 0);
  assert_int_equal(look_in("/nowhere:", ":/bin", "runs", NULL), 0);
  assert_int_equal(look_in("", ":/bin", "sh", NULL), 0);
  assert_int_equal(look_in("", "", "sh", NULL), FL_E_NOT_FOUND);
  assert_int_equal(look_in("", "", "sub", NULL), FL_E_IO); /* a folder is no program */
}

static void an_empty_element_is_the_working_folder(void **state) {
  char before[1000];
  assert_non_null(getcwd(before, sizeof before));
  assert_int_equal(chdir(folder), 0);
  assert_int_equal(fl_locate_program("runs", (const char *const[]){"PATH=/nowhere:", NULL}, NULL, NULL), 0);
  assert_int_equal(fl_locate_program("runs", (const char *const[]){"PATH=:/nowhere", NULL}, NULL, NULL), 0);
  assert_int_equal(fl_locate_program("runs", (const char *const[]){"PATH=/nowhere", NULL}, NULL, NULL), FL_E_NOT_FOUND);
  assert_int_equal(chdir(before), 0);
}

static void without_a_path_the_usual_folders_count(void **state) {
  assert_int_equal(fl_locate_program("sh", (const char *const[]){"OTHER=1", NULL}, NULL, NULL), 0);
  assert_int_equal(fl_locate_program("sh", NULL, NULL, NULL), 0); /* ours */
}

static void what_cannot_be_run_is_told_from_what_is_not_there(void **state) {
  struct fl_error err = {0};
  assert_int_equal(look_in("", "", "data", &err), FL_E_IO);
  assert_non_null(strstr(err.text, "may not be executed"));
  assert_int_equal(look_in("", "", "absent", &err), FL_E_NOT_FOUND);
  assert_non_null(strstr(err.text, "\"absent\""));
  assert_non_null(strstr(err.text, folder));
}

static void a_path_is_taken_as_it_is_and_below_the_working_folder(void **state) {
  FL_FREE_AUTO char *absolute = fl_format("%s/runs", folder);
  assert_int_equal(fl_locate_program(absolute, NULL, NULL, NULL), 0);
  assert_int_equal(fl_locate_program(absolute, NULL, "/usr", NULL), 0);
  assert_int_equal(fl_locate_program("./runs", NULL, folder, NULL), 0);
  assert_int_equal(fl_locate_program("./runs", NULL, "/usr", NULL), FL_E_NOT_FOUND);
  assert_int_equal(fl_locate_program("sub/../runs", NULL, folder, NULL), 0);
}

static void a_companion_is_where_the_variable_says_or_installed(void **state) {
  FL_FREE_AUTO char *named = NULL, *installed = NULL, *none = NULL;
  setenv("FL_TEST_COMPANION", "/some/where", 1);
  assert_int_equal(fl_locate_companion("FL_TEST_COMPANION", folder, "runs", &named, NULL), 0);
  assert_string_equal(named, "/some/where"); /* also when nothing is there: a wrong one shall be noticed */
  setenv("FL_TEST_COMPANION", "", 1);
  assert_int_equal(fl_locate_companion("FL_TEST_COMPANION", folder, "runs", &installed, NULL), 0);
  assert_true(strncmp(installed, folder, strlen(folder)) == 0);
  unsetenv("FL_TEST_COMPANION");
  struct fl_error err = {0};
  assert_int_equal(fl_locate_companion("FL_TEST_COMPANION", folder, "absent", &none, &err), FL_E_NOT_FOUND);
  assert_null(none);
  assert_non_null(strstr(err.text, "FL_TEST_COMPANION"));
  assert_non_null(strstr(err.text, folder));
}

static void a_companion_may_stand_beside_the_program(void **state) {
  char self[1000] = {0};
  assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  FL_FREE_AUTO char *found = NULL;
  assert_int_equal(fl_locate_companion("FL_TEST_COMPANION", "/nowhere", strrchr(self, '/') + 1, &found, NULL), 0);
  assert_string_equal(found, self);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_name_is_looked_up_as_execvp_does),
      cmocka_unit_test(an_empty_element_is_the_working_folder),
      cmocka_unit_test(without_a_path_the_usual_folders_count),
      cmocka_unit_test(what_cannot_be_run_is_told_from_what_is_not_there),
      cmocka_unit_test(a_path_is_taken_as_it_is_and_below_the_working_folder),
      cmocka_unit_test(a_companion_is_where_the_variable_says_or_installed),
      cmocka_unit_test(a_companion_may_stand_beside_the_program),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
