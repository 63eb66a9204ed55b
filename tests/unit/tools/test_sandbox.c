/* SPDX-License-Identifier: MIT */
/* The policy as the launcher reads it, and its hash. What it enforces is in tests/sandbox. */
#include "runtime/base/sha256.h"
#include "tests/support/support.h"
#include "tools/sandbox/policy.h"
#include "tools/sandbox/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[1024], complaint[FL_SANDBOX_COMPLAINT_SIZE];
static struct fl_sandbox sandbox;

static int parse(const char *lines) {
  snprintf(text, sizeof text, "%s", lines);
  complaint[0] = '\0';
  return fl_sandbox_parse(text, &sandbox, complaint);
}

static void every_line_is_read(void **state) {
  assert_int_equal(
      parse("sandbox 1\nread /a b\nwrite /c\nhost api.example.org:443\nexec yes\nprocs 8\nmemory 268435456\ncpu 30000\n"
            "fds 64\nsha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
            "secret TOKEN\nsecret OTHER\nwithout namespaces"),
      0);
  assert_int_equal(sandbox.path_count, 2);
  assert_string_equal(sandbox.paths[0].path, "/a b");
  assert_false(sandbox.paths[0].may_write);
  assert_string_equal(sandbox.paths[1].path, "/c");
  assert_true(sandbox.paths[1].may_write);
  assert_int_equal(sandbox.secret_count, 2);
  assert_string_equal(sandbox.secrets[1], "OTHER");
  assert_true(sandbox.has_way_out);
  assert_true(sandbox.may_exec);
  assert_int_equal(sandbox.procs, 8);
  assert_int_equal(sandbox.memory, 268435456);
  assert_int_equal(sandbox.cpu_ms, 30000);
  assert_int_equal(sandbox.fds, 64);
  assert_string_equal(sandbox.sha256, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
  assert_false(fl_sandbox_wants(&sandbox, FL_LAYER_NAMESPACES));
  assert_true(fl_sandbox_wants(&sandbox, FL_LAYER_LANDLOCK));
}

static void what_is_not_said_is_not_allowed(void **state) {
  assert_int_equal(parse("sandbox 1\n"), 0);
  assert_int_equal(sandbox.path_count, 0);
  assert_false(sandbox.has_way_out);
  assert_false(sandbox.may_exec);
  assert_null(sandbox.sha256);
  assert_int_equal(sandbox.without, 0);
}

static void what_is_not_understood_is_refused(void **state) {
  static const char *const wrong[] = {
      "",
      "\n",
      "sandbox 2\n",
      "sandbox 1 \n",
      "read /a\n",
      "sandbox 1\nsandbox 1\n",
      "sandbox 1\nsecret \n",
      "sandbox 1\nsecret A=B\n",
      "sandbox 1\nread a\n",
      "sandbox 1\nread \n",
      "sandbox 1\nread\n",
      "sandbox 1\n\nread /a\n",
      "sandbox 1\nnet none\n",
      "sandbox 1\nhost example.org\n",
      "sandbox 1\nexec no\nexec yes\n",
      "sandbox 1\nexec maybe\n",
      "sandbox 1\nprocs 0\n",
      "sandbox 1\nprocs 08\n",
      "sandbox 1\nprocs -1\n",
      "sandbox 1\nprocs 1 \n",
      "sandbox 1\nprocs 1\nprocs 2\n",
      "sandbox 1\nmemory 1234567890123456\n",
      "sandbox 1\ncpu 1s\n",
      "sandbox 1\nsha256 0123\n",
      "sandbox 1\nsha256 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n",
      "sandbox 1\nwithout everything\n",
      "sandbox 1\nallow all\n",
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    if (parse(wrong[i]) == 0) fail_msg("this was read: %s", wrong[i]);
    assert_true(complaint[0] != '\0');
  }
  assert_int_equal(parse("sandbox 1\nread /a\nallow all\n"), -1);
  assert_string_equal(complaint, "line 3 of the sandbox policy is not understood: allow");
}

static void there_is_a_limit_of_paths(void **state) {
  char *many = malloc(16 * (FL_SANDBOX_PATHS_MAX + 2));
  size_t size = (size_t)snprintf(many, 16, "sandbox 1\n");
  for (int i = 0; i < FL_SANDBOX_PATHS_MAX; i++) size += (size_t)snprintf(many + size, 16, "read /%d\n", i);
  char *copy = strdup(many);
  assert_int_equal(fl_sandbox_parse(copy, &sandbox, complaint), 0);
  assert_int_equal(sandbox.path_count, FL_SANDBOX_PATHS_MAX);
  snprintf(many + size, 16, "read /more\n");
  assert_int_equal(fl_sandbox_parse(many, &sandbox, complaint), -1);
  free(copy);
  free(many);
}

static void layers_have_names(void **state) {
  for (int i = 0; i < FL_LAYER_COUNT; i++) assert_int_equal(fl_layer_find(fl_layer_name((enum fl_layer)i)), i);
  assert_int_equal(fl_layer_find("walls"), -1);
}

/* Against the other one of the house, at every length around the edges of blocks. */
static void the_hash_is_sha_256(void **state) {
  uint8_t bytes[300], ours[FL_LAUNCH_SHA256_SIZE], theirs[FL_SHA256_SIZE];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7 + 3);
  for (size_t size = 0; size <= sizeof bytes; size++) {
    fl_launch_sha256(bytes, size, ours);
    fl_sha256(fl_slice_n((const char *)bytes, size), theirs);
    assert_memory_equal(ours, theirs, sizeof ours);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_line_is_read),
      cmocka_unit_test(what_is_not_said_is_not_allowed),
      cmocka_unit_test(what_is_not_understood_is_refused),
      cmocka_unit_test(there_is_a_limit_of_paths),
      cmocka_unit_test(layers_have_names),
      cmocka_unit_test(the_hash_is_sha_256),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
