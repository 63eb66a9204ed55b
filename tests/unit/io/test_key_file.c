/* SPDX-License-Identifier: MIT */
#include "runtime/io/key_file.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char hex[] = "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100";
static char path[512], other[512];

static void write_file(const char *name, const char *text, mode_t mode) {
  unlink(name);
  FILE *file = fopen(name, "we");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  chmod(name, mode);
}

static int read_status(const char *name) {
  FL_SECRET_AUTO key = {0};
  struct fl_error err = {0};
  int status = fl_key_file_read(name, &key, &err);
  assert_true(status == 0 ? key.size == FL_KEY_SIZE : key.data == NULL && err.text[0] != '\0');
  assert_null(strstr(err.text, "00112233")); /* no part of a key is in a message */
  return status;
}

static void a_key_is_64_hex_digits(void **state) {
  FL_SECRET_AUTO key = {0};
  write_file(path, hex, 0600);
  assert_int_equal(fl_key_file_read(path, &key, NULL), 0);
  assert_memory_equal(key.data, "\x00\x11\x22\x33", 4);
  assert_memory_equal(key.data + 28, "\x33\x22\x11\x00", 4);
  static const char *const bad[] = {"",
                                    "\n",
                                    "0011",
                                    "zz",
                                    "00112233445566778899aabbccddeeffFFEEDDCCBBAA998877665544332211g0",
                                    "00112233445566778899aabbccddeeffFFEEDDCCBBAA9988776655443322110000"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    write_file(path, bad[i], 0600);
    assert_int_equal(read_status(path), FL_E_INVALID);
  }
  FL_FREE_AUTO char *line = fl_format("%s\r\n", hex);
  write_file(path, line, 0400);
  assert_int_equal(read_status(path), 0);
}

static void a_key_is_its_owners_alone(void **state) {
  static const mode_t open_modes[] = {0640, 0604, 0660, 0610, 0601, 0622};
  for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
    write_file(path, hex, open_modes[i]);
    assert_int_equal(read_status(path), FL_E_DENIED);
  }
  write_file(path, hex, 0600);
  unlink(other);
  assert_int_equal(symlink(path, other), 0);
  assert_int_equal(read_status(other), FL_E_DENIED);
  unlink(other);
  assert_int_equal(mkfifo(other, 0600), 0); /* is not waited for */
  assert_int_equal(read_status(other), FL_E_DENIED);
  unlink(other);
  assert_int_equal(read_status(other), FL_E_NOT_FOUND);
}

static void a_key_is_made_once(void **state) {
  const uint8_t first[FL_KEY_SIZE] = {1}, second[FL_KEY_SIZE] = {2};
  FL_SECRET_AUTO key = {0};
  struct stat info;
  unlink(path);
  assert_int_equal(fl_key_file_make(path, first, NULL), 0);
  assert_int_equal(fl_key_file_make(path, second, NULL), 0);
  assert_int_equal(fl_key_file_read(path, &key, NULL), 0);
  assert_memory_equal(key.data, first, sizeof first);
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 07777, 0600);
  assert_int_equal(info.st_nlink, 1);
  struct fl_error err = {0};
  assert_int_equal(fl_key_file_make("/proc/nowhere/key", first, &err), FL_E_IO);
}

static void a_file_is_replaced_whole(void **state) {
  struct stat info;
  write_file(path, "something longer than what comes", 0644);
  assert_int_equal(fl_key_file_replace(path, FL_SLICE("short"), true, NULL), 0);
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_size, 5);
  assert_int_equal(info.st_mode & 07777, 0600);
  struct fl_error err = {0};
  assert_int_equal(fl_key_file_replace("/proc/nowhere/key", FL_SLICE("short"), false, &err), FL_E_IO);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_key_is_64_hex_digits),
                                     cmocka_unit_test(a_key_is_its_owners_alone), cmocka_unit_test(a_key_is_made_once),
                                     cmocka_unit_test(a_file_is_replaced_whole)};
  snprintf(path, sizeof path, "%s/key", test_folder());
  snprintf(other, sizeof other, "%s/other", test_folder());
  return cmocka_run_group_tests(tests, NULL, NULL);
}
