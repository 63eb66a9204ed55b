/* SPDX-License-Identifier: MIT */
/* Names that the model sees: within its limits, the same every time, and never two tools with one name. */
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"
#include "tools/registry.h"

#include <stdio.h>
#include <stdlib.h>

static const char *name_of(const char *server, const char *tool) {
  static char name[FL_MODEL_TOOL_NAME_MAX + 1];
  fl_registry_model_name(server, tool, name);
  return name;
}

static void plain_names_are_readable(void **state) {
  assert_string_equal(name_of("math", "add"), "math__add");
  assert_string_equal(name_of("my-server", "do_it-2"), "my-server__do_it-2");
  assert_string_equal(name_of("a", "b__c"), "a__b__c");
}

static void names_that_do_not_fit_get_a_hash(void **state) {
  assert_string_not_equal(name_of("a__b", "c"), "a__b__c");
  assert_string_not_equal(name_of("a_", "b"), "a___b");
  assert_memory_equal(name_of("über", "tool.x"), "__ber__tool_x__x", 16);
  char tool[300];
  memset(tool, 'x', sizeof tool - 1);
  tool[sizeof tool - 1] = '\0';
  assert_int_equal(strlen(name_of("server", tool)), FL_MODEL_TOOL_NAME_MAX);
}

static void a_tool_cannot_take_the_name_of_a_hashed_one(void **state) {
  char hashed[FL_MODEL_TOOL_NAME_MAX + 1];
  snprintf(hashed, sizeof hashed, "%s", name_of("a", "b.c")); /* a__b_c__x<hash> */
  assert_string_not_equal(name_of("a", hashed + 3), hashed);
}

/* All pairs of words over an alphabet that provokes: underscores at every place, dots, long words, look-alike hashes.
 */
static size_t make_words(char words[][80]) {
  static const char letters[] = "a_.x";
  size_t count = 0;
  for (int size = 1; size <= 4; size++) {
    int total = 1 << (2 * size);
    for (int n = 0; n < total; n++, count++) {
      for (int i = 0; i < size; i++) words[count][i] = letters[(n >> (2 * i)) & 3];
      words[count][size] = '\0';
    }
  }
  for (int size = 28; size < 70; size += 3, count++) {
    memset(words[count], 'l', (size_t)size);
    words[count][size] = '\0';
  }
  snprintf(words[count++], 80, "a__x0123456789ab");
  snprintf(words[count++], 80, "x0123456789ab");
  return count;
}

static bool is_acceptable(const char *name) {
  size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
  return size > 0 && size <= 64 && name[size] == '\0';
}

static void no_two_tools_share_a_name(void **state) {
  static char words[512][80];
  size_t count = make_words(words);
  struct fl_map seen;
  fl_map_init(&seen);
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < count; j++) {
      const char *name = name_of(words[i], words[j]);
      if (!is_acceptable(name)) fail_msg("%s / %s gives %s", words[i], words[j], name);
      if (fl_map_set(&seen, name, words) != NULL)
        fail_msg("%s / %s gives %s, which is taken", words[i], words[j], name);
    }
  assert_int_equal(seen.count, count * count);
  fl_map_deinit(&seen);
}

static void patterns_match_whole_names_or_prefixes(void **state) {
  assert_true(fl_registry_matches("math/add", "math/add"));
  assert_false(fl_registry_matches("math/add", "math/add2"));
  assert_true(fl_registry_matches("math/*", "math/add"));
  assert_true(fl_registry_matches("math/a*", "math/add"));
  assert_false(fl_registry_matches("math/*", "maths/add"));
  assert_true(fl_registry_matches("*", "anything/at/all"));
  assert_false(fl_registry_matches("", "math/add"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_names_are_readable),
      cmocka_unit_test(names_that_do_not_fit_get_a_hash),
      cmocka_unit_test(a_tool_cannot_take_the_name_of_a_hashed_one),
      cmocka_unit_test(no_two_tools_share_a_name),
      cmocka_unit_test(patterns_match_whole_names_or_prefixes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
