/* SPDX-License-Identifier: MIT */
/* What is left of a manifest at each level. */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/redteam/level.h"
#include "tests/support/support.h"

#include <string.h>

static const char whole[] =
    "manifest: 1\nid: m\nexpires: 2030-01-01\nservers: { a: { sandbox: { exec: false } } }\n"
    "tools:\n  - match: a/b\n    effect: once\n    args: { properties: { x: { type: string } } }\n"
    "    from: { x: [prompt] }\n    max_calls: 1\n    approval: {}\n    private_addresses: true\n"
    "forbid: [ { match: a/c }, { match: a/d, when: \"args.x == 'y'\" } ]\n"
    "labels: { sources: { a/b: [private] } }\nmodel: { steps: 4 }\nsignature: { alg: ed25519, key: k, sig: s }\n";

/* The keys of the manifest, then those of its tool, then how many are forbidden. */
static char *keys_of(const struct fl_manifest *manifest) {
  struct fl_buf text = {0};
  const struct fl_value *root = fl_manifest_root(manifest);
  for (struct fl_member m = {0}; fl_next_member(root, &m);) fl_buf_addf(&text, "%s ", m.key);
  fl_buf_add_text(&text, "| ");
  for (struct fl_member m = {0}; fl_next_member(fl_at(fl_get(root, "tools"), 0), &m);) fl_buf_addf(&text, "%s ", m.key);
  fl_buf_addf(&text, "| %zu", fl_size(fl_get(root, "forbid")));
  return fl_buf_take(&text, NULL);
}

static void each_level_has_all_of_the_one_before(void **state) {
  static const char *const rows[FL_LEVEL_COUNT] = {
      [FL_LEVEL_TOOLS] = "manifest id expires tools forbid | match effect | 1",
      [FL_LEVEL_ARGUMENTS] = "manifest id expires tools forbid | match effect args approval private_addresses | 2",
      [FL_LEVEL_PROVENANCE] =
          "manifest id expires tools forbid labels | match effect args from approval private_addresses | 2",
      [FL_LEVEL_BUDGETS] = "manifest id expires tools forbid labels model | match effect args from max_calls approval "
                           "private_addresses | 2"};
  struct fl_manifest *manifest = NULL;
  struct fl_diags diags = {0};
  assert_int_equal(fl_manifest_load("m.yaml", FL_SLICE(whole), &manifest, &diags), 0);
  assert_null(fl_level_cut(manifest, FL_LEVEL_NONE));
  assert_null(fl_level_cut(NULL, FL_LEVEL_BUDGETS));
  for (int level = FL_LEVEL_TOOLS; level < FL_LEVEL_COUNT; level++) {
    struct fl_manifest *cut = fl_level_cut(manifest, (enum fl_level)level);
    FL_FREE_AUTO char *keys = keys_of(cut);
    assert_string_equal(keys, rows[level]);
    assert_string_equal(fl_manifest_file(cut), "m.yaml"); /* a rule is told as of the file it came from */
    fl_manifest_unref(cut);
  }
  fl_manifest_unref(manifest);
}

static void levels_have_names_of_their_own(void **state) {
  for (int a = 0; a < FL_LEVEL_COUNT; a++)
    for (int b = 0; b < a; b++) {
      assert_string_not_equal(fl_level_name((enum fl_level)a), fl_level_name((enum fl_level)b));
      assert_string_not_equal(fl_level_key((enum fl_level)a), fl_level_key((enum fl_level)b));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_level_has_all_of_the_one_before),
      cmocka_unit_test(levels_have_names_of_their_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
