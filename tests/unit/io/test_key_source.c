/* SPDX-License-Identifier: MIT */
#include "runtime/io/key_source.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *folder;
static const char hex[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static char *write_key(const char *name, char first, mode_t mode) {
  char *path = fl_format("%s/%s", folder, name);
  FILE *file = fopen(path, "we");
  assert_non_null(file);
  fprintf(file, "%c%s\n", first, hex + 1);
  fclose(file);
  chmod(path, mode);
  return path;
}

static int forget(void **state) {
  unsetenv("FAIRLEAD_STORE_KEY_FILE");
  unsetenv("FAIRLEAD_STORE_KEY_COMMAND");
  unsetenv("CREDENTIALS_DIRECTORY");
  return 0;
}

static void assert_source(int status, int first) {
  FL_SECRET_AUTO key = {0};
  struct fl_error err = {0};
  assert_int_equal(fl_key_source_store(&key, &err), status);
  assert_int_equal(key.data != NULL ? (uint8_t)key.data[0] >> 4 : -1, first);
  assert_null(strstr(err.text, "112233445566"));
}

static void without_a_source_there_is_no_key(void **state) { assert_source(0, -1); }

static void the_first_source_counts(void **state) {
  FL_FREE_AUTO char *credential = write_key("fairlead-store-key", '3', 0400);
  setenv("CREDENTIALS_DIRECTORY", "/proc/nowhere", 1);
  assert_source(0, -1);
  setenv("CREDENTIALS_DIRECTORY", folder, 1);
  assert_source(0, 3);
  FL_FREE_AUTO char *printed = write_key("printed", '2', 0600), *file = write_key("file", '1', 0600);
  FL_FREE_AUTO char *command = fl_format("cat  %s", printed);
  setenv("FAIRLEAD_STORE_KEY_COMMAND", command, 1);
  assert_source(0, 2);
  setenv("FAIRLEAD_STORE_KEY_FILE", file, 1);
  assert_source(0, 1);
}

static void a_source_that_gives_no_key_is_an_error(void **state) {
  FL_FREE_AUTO char *open_file = write_key("open", '1', 0644);
  setenv("FAIRLEAD_STORE_KEY_FILE", open_file, 1);
  assert_source(FL_E_DENIED, -1);
  setenv("FAIRLEAD_STORE_KEY_FILE", "/proc/nowhere/key", 1);
  assert_source(FL_E_NOT_FOUND, -1);
  unsetenv("FAIRLEAD_STORE_KEY_FILE");
  setenv("FAIRLEAD_STORE_KEY_COMMAND", "false", 1);
  assert_source(FL_E_REMOTE, -1);
  setenv("FAIRLEAD_STORE_KEY_COMMAND", "echo no key", 1);
  assert_source(FL_E_INVALID, -1);
  setenv("FAIRLEAD_STORE_KEY_COMMAND", "/proc/nowhere/command", 1);
  assert_source(FL_E_REMOTE, -1);
  setenv("FAIRLEAD_STORE_KEY_COMMAND", "  ", 1);
  assert_source(FL_E_INVALID, -1);
}

int main(void) {
  folder = test_folder();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(without_a_source_there_is_no_key, forget),
      cmocka_unit_test_setup(the_first_source_counts, forget),
      cmocka_unit_test_setup(a_source_that_gives_no_key_is_an_error, forget),
  };
  return cmocka_run_group_tests(tests, NULL, forget);
}
