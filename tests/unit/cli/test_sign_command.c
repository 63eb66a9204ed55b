/* SPDX-License-Identifier: MIT */
/* fairlead policy keygen, sign, verify; and runs where manifests must be signed. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char manifest[] = "# what it may do\nmanifest: 1\nid: signed\n"
                               "tools: [ { match: bank/list, max_calls: 3 } ]\n"
                               "description: \"é\\u20ac\"\n";
static const char graph[] = "fairlead: 1\nname: signed\nmanifest: m.yaml\nstate: { text: {} }\n"
                            "nodes: { keep: { type: set, write: { text: \"'done'\" } } }\n"
                            "edges: [ START -> keep, keep -> END ]\n";
static const char bare[] = "fairlead: 1\nname: bare\nstate: { text: {} }\n"
                           "nodes: { keep: { type: set, write: { text: \"'done'\" } } }\n"
                           "edges: [ START -> keep, keep -> END ]\n";

static char *text_of(const char *name) {
  FL_FREE_AUTO char *path = fl_format("%s/%s", rig_folder(), name);
  char *text = test_read_file(path, NULL);
  assert_non_null(text);
  return text;
}

static void rewrite(const char *name, const char *from, const char *to) {
  char *text = text_of(name), *at = strstr(text, from);
  assert_non_null(at);
  FL_FREE_AUTO char *changed = fl_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
  rig_write(name, changed);
  free(text);
}

static void a_manifest_is_signed_and_verified(void **state) {
  struct caught caught = {0};
  struct stat info;
  rig_write("m.yaml", manifest);
  RUN(0, "policy keygen ops-2026 $F/ops.key");
  rig_write("trust.yaml", caught.out);
  assert_says(caught.out, "trust: 1\nkeys:\n  ops-2026: { public: \"");
  FL_FREE_AUTO char *key = fl_format("%s/ops.key", rig_folder());
  assert_int_equal(stat(key, &info), 0);
  assert_int_equal(info.st_mode & 07777, 0600);
  RUN(1, "policy keygen ops-2026 $F/ops.key"); /* a key is not overwritten */
  RUN(1, "policy verify $F/m.yaml --trust $F/trust.yaml");
  assert_says(caught.err, "it is not signed");
  RUN(0, "policy sign $F/m.yaml --key $F/ops.key --name ops-2026");
  RUN(0, "policy verify $F/m.yaml --trust $F/trust.yaml");
  RUN(0, "policy sign $F/m.yaml --key $F/ops.key --name ops-2026"); /* again: one signature */
  RUN(0, "policy verify $F/m.yaml --trust $F/trust.yaml --json");
  assert_says(caught.out, "{\"holds\":true,\"hash\":\"");
  char *text = text_of("m.yaml");
  assert_non_null(strstr(text, "# what it may do\n"));
  char *first = strstr(text, "signature:");
  assert_non_null(first);
  assert_null(strstr(first + 1, "signature:"));
  free(text);
  caught_deinit(&caught);
}

static void what_it_says_may_not_change(void **state) {
  struct caught caught = {0};
  rewrite("m.yaml", "# what it may do", "# may do");
  rewrite("m.yaml", "id: signed", "id:   \"signed\"");
  RUN(0, "policy verify $F/m.yaml --trust $F/trust.yaml");
  rewrite("m.yaml", "max_calls: 3", "max_calls: 4");
  RUN(1, "policy verify $F/m.yaml --trust $F/trust.yaml");
  assert_says(caught.err, "its signature does not fit: it was changed since \"ops-2026\" signed it");
  rewrite("m.yaml", "max_calls: 4", "max_calls: 3");
  rewrite("m.yaml", "\"key\":\"ops-2026\"", "\"key\":\"stranger\"");
  RUN(1, "policy verify $F/m.yaml --trust $F/trust.yaml");
  assert_says(caught.err, "it is signed by \"stranger\", whom");
  rewrite("m.yaml", "\"key\":\"stranger\"", "\"key\":\"ops-2026\"");
  rewrite("trust.yaml", "\" }", "\", expires: 2027-06-30 }");
  RUN(0, "policy verify $F/m.yaml --trust $F/trust.yaml --at 2027-06-30");
  RUN(1, "policy verify $F/m.yaml --trust $F/trust.yaml --at 2027-07-01");
  assert_says(caught.err, "has expired");
  rig_write("m.json", "{\"manifest\": 1, \"id\": \"signed\", \"tools\": []}");
  RUN(0, "policy sign $F/m.json --key $F/ops.key --name ops-2026");
  RUN(0, "policy verify $F/m.json --trust $F/trust.yaml");
  caught_deinit(&caught);
}

static void runs_take_signed_manifests_only(void **state) {
  struct caught caught = {0};
  FL_FREE_AUTO char *trust = fl_format("%s/trust.yaml", rig_folder());
  rig_write("g.yaml", graph);
  rig_write("bare.yaml", bare);
  rig_write("late.yaml", manifest);
  setenv("FAIRLEAD_TRUST", trust, 1);
  RUN(0, "run $F/g.yaml -i '{\"text\":1}' -q --store $F/signed.db");
  RUN(2, "run $F/bare.yaml -i '{\"text\":1}' -q --store $F/signed.db");
  assert_says(caught.err, "it has no manifest, and manifests must be signed here");
  rewrite("m.yaml", "max_calls: 3", "max_calls: 9");
  RUN(2, "run $F/g.yaml -i '{\"text\":1}' -q --store $F/signed.db");
  assert_says(caught.err, "its signature does not fit");
  setenv("FAIRLEAD_TRUST", "/proc/nowhere/trust.yaml", 1);
  RUN(2, "run $F/g.yaml -i '{\"text\":1}' -q --store $F/signed.db");
  assert_says(caught.err, "/proc/nowhere/trust.yaml");
  unsetenv("FAIRLEAD_TRUST");
  RUN(0, "run $F/g.yaml -i '{\"text\":1}' -q --store $F/signed.db");
  caught_deinit(&caught);
}

static void mistakes_are_told(void **state) {
  static const char *const files[] = {"trust: 2\nkeys: {}\n",          "trust: 1\n",
                                      "trust: 1\nkeys: { a: {} }\n",   "trust: 1\nkeys: { a: { public: \"00\" } }\n",
                                      "trust: 1\nkeys: {}\nmore: 1\n", "keys\n"};
  struct caught caught = {0};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    rig_write("bad.yaml", files[i]);
    RUN(2, "policy verify $F/m.yaml --trust $F/bad.yaml");
    assert_says(caught.err, "bad.yaml");
  }
  RUN(2, "policy verify $F/m.yaml");
  RUN(2, "policy sign $F/m.yaml --key $F/ops.key");
  RUN(2, "policy sign $F/m.yaml --key $F/ops.key --name 'a b'");
  RUN(1, "policy sign $F/m.yaml --key $F/no.key --name a");
  RUN(2, "policy keygen only-a-name");
  caught_deinit(&caught);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_manifest_is_signed_and_verified),
      cmocka_unit_test(what_it_says_may_not_change),
      cmocka_unit_test(runs_take_signed_manifests_only),
      cmocka_unit_test(mistakes_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
