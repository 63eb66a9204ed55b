/* SPDX-License-Identifier: MIT */
/* fairlead audit: what commands leave in the log, and what verifying says of it. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char count[] = "fairlead: 1\n"
                            "name: count\n"
                            "state: { n: { type: integer, reducer: sum, default: 0 } }\n"
                            "nodes: { add: { type: set, write: { n: '1' } } }\n"
                            "edges: [ START -> add, add -> END ]\n";

/* A word of the file becomes another of the same length. */
static void attack(const char *word, const char *other) {
  FL_FREE_AUTO char *path = fl_format("%s/log.db", rig_folder());
  size_t size = 0;
  char *bytes = test_read_file(path, &size);
  char *at = memmem(bytes, size, word, strlen(word));
  assert_non_null(at);
  memcpy(at, other, strlen(word));
  FILE *file = fopen(path, "r+e");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  fclose(file);
  free(bytes);
}

static void what_was_done_from_outside_is_listed(void **state) {
  struct caught caught = {0};
  rig_write("count.yaml", count);
  RUN(0, "run $F/count.yaml -t a -i '{\"n\":0}' -q --store $F/log.db");
  RUN(0, "audit list --store $F/log.db");
  assert_string_equal(caught.out, "no records\n"); /* a run that calls no tool has nothing to say */
  RUN(0, "audit verify --store $F/log.db");
  assert_string_equal(caught.out, "the audit log holds: 0 records\n");
  RUN(0, "threads edit a --values '{\"n\": 5}' --store $F/log.db");
  RUN(0, "threads copy a b --store $F/log.db");
  RUN(0, "threads export a $F/a.jsonl --store $F/log.db");
  RUN(0, "threads delete a --yes --store $F/log.db");
  RUN(0, "threads import $F/a.jsonl --store $F/log.db");
  RUN(0, "audit list --store $F/log.db");
  static const char *const kinds[] = {"thread.edited", "thread.copied", "thread.deleted", "thread.imported"};
  const char *from = caught.out;
  for (size_t i = 0; i < 4; i++) {
    from = strstr(from, kinds[i]);
    if (from == NULL) fail_msg("no %s in order: %s", kinds[i], caught.out);
  }
  RUN(0, "audit list --what thread.copied --json --store $F/log.db");
  assert_says(caught.out, "{\"no\":2,");
  assert_says(caught.out, "\"thread\":\"a\",\"body\":{\"to\":\"b\",\"uid\":");
  RUN(0, "audit list --after 3 -n 1 --store $F/log.db");
  assert_says(caught.out, "thread.imported");
  caught_deinit(&caught);
}

/* The log of a store of its own has just this, with these words in the body. */
static void assert_act(struct caught *caught, const char *what, const char *body) {
  rig_command(caught, "audit list --what %s --json --store $F/acts.db", what);
  assert_code(caught, 0);
  assert_says(caught->out, body);
  assert_says(caught->out, "\"uid\":");
  assert_null(strchr(strchr(caught->out, '\n') + 1, '\n')); /* once */
}

static void what_is_dropped_or_signed_is_listed(void **state) {
  struct caught caught = {0};
  rig_write("count.yaml", count);
  rig_write("acts.manifest.yaml", "manifest: 1\nid: acts\ntools: []\n");
  RUN(0, "run $F/count.yaml -t a -i '{\"n\":0}' --user ada -q --store $F/acts.db");
  RUN(0, "threads prune a --keep 1 --store $F/acts.db");
  RUN(0, "trace prune --content-older-than 1d --store $F/acts.db");
  RUN(0, "trace erase --user ada --store $F/acts.db");
  RUN(0, "policy keygen ops $F/acts.key");
  RUN(0, "policy sign $F/acts.manifest.yaml --key $F/acts.key --name ops --store $F/acts.db");
  caught_deinit(&caught);
  assert_act(&caught, "thread.pruned", "\"thread\":\"a\",\"body\":{\"keep\":1,");
  caught_deinit(&caught);
  assert_act(&caught, "trace.pruned", "\"content_before_ms\":");
  caught_deinit(&caught);
  assert_act(&caught, "trace.erased", "\"body\":{\"user\":\"");
  assert_lacks(caught.out, "ada");
  caught_deinit(&caught);
  assert_act(&caught, "policy.signed", "acts.manifest.yaml\",\"signed\":\"");
  assert_says(caught.out, "\"key\":\"ops\"");
  RUN(0, "audit verify --store $F/acts.db");
  assert_string_equal(strstr(caught.out, "holds: 4"), caught.out + strlen("the audit log "));
  RUN(1, "policy sign $F/acts.manifest.yaml --key $F/acts.key --name ops --store $F/nothing.db");
  caught_deinit(&caught);
}

static void a_log_that_does_not_hold_is_told(void **state) {
  struct caught caught = {0};
  RUN(0, "audit verify --json --store $F/log.db");
  assert_says(caught.out, "{\"holds\":true,\"records\":4,\"head\":{\"no\":4,");
  rig_write("head.json", caught.out);
  RUN(0, "audit verify --store $F/log.db --head $F/head.json");
  assert_says(caught.out, "the audit log holds: 4 records\nhead  ");
  FL_FREE_AUTO char *key = fl_strndup(strstr(caught.out, "key   ") + 6, 64);
  RUN(0, "audit verify --store $F/log.db --key %s", key);
  RUN(1, "audit verify --store $F/log.db --key %064d", 0);
  assert_says(caught.err, "is not signed by the key of this log");
  attack("thread.deleted", "thread.forgott");
  RUN(1, "audit verify --store $F/log.db");
  assert_says(caught.err, "the audit log does not hold: record 3 was changed");
  RUN(1, "audit verify --json --store $F/log.db");
  assert_says(caught.out, "{\"holds\":false,\"records\":2,\"first_bad\":3,\"fault\":\"record 3 was changed");
  caught_deinit(&caught);
}

static void mistakes_are_told(void **state) {
  struct caught caught = {0};
  RUN(2, "audit list too many");
  RUN(2, "audit list --after never --store $F/log.db");
  RUN(2, "audit verify this");
  RUN(2, "audit verify --key abc --store $F/log.db");
  assert_says(caught.err, "--key takes 64 hex digits");
  rig_write("no-head.json", "{\"no\":1}");
  RUN(1, "audit verify --head $F/no-head.json --store $F/log.db");
  assert_says(caught.err, "it is not the head of an audit log");
  RUN(1, "audit verify --head $F/nothing.json --store $F/log.db");
  RUN(1, "audit verify --store $F/nothing.db");
  caught_deinit(&caught);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_done_from_outside_is_listed),
      cmocka_unit_test(what_is_dropped_or_signed_is_listed),
      cmocka_unit_test(a_log_that_does_not_hold_is_told),
      cmocka_unit_test(mistakes_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
