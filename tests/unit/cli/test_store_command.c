/* SPDX-License-Identifier: MIT */
/* fairlead store seal, rotate-key, and the other commands on a sealed store. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char note[] = "fairlead: 1\n"
                           "name: note\n"
                           "state: { text: {} }\n"
                           "nodes: { keep: { type: set, write: { text: \"state.text + '!'\" } } }\n"
                           "edges: [ START -> keep, keep -> END ]\n";

static void write_key(const char *name, char digit) {
  char hex[65];
  memset(hex, digit, 64);
  hex[64] = '\0';
  rig_write(name, hex);
  FL_FREE_AUTO char *path = fl_format("%s/%s", rig_folder(), name);
  chmod(path, 0600);
}

static void use_key(const char *name) {
  FL_FREE_AUTO char *path = fl_format("%s/%s", rig_folder(), name);
  setenv("FAIRLEAD_STORE_KEY_FILE", path, 1);
}

static bool file_has(const char *text) {
  static const char *const endings[] = {"", "-wal", "-shm"};
  bool has = false;
  for (size_t i = 0; i < 3; i++) {
    FL_FREE_AUTO char *path = fl_format("%s/s.db%s", rig_folder(), endings[i]);
    size_t size = 0;
    char *bytes = test_read_file(path, &size);
    has |= bytes != NULL && memmem(bytes, size, text, strlen(text)) != NULL;
    free(bytes);
  }
  return has;
}

static void a_store_is_sealed_and_used(void **state) {
  struct caught caught = {0};
  rig_write("note.yaml", note);
  write_key("one.key", '1');
  write_key("two.key", '2');
  RUN(0, "run $F/note.yaml -t a -i '{\"text\":\"Canary4711\"}' -q --store $F/s.db");
  RUN(0, "memory put users.ann tea '{\"likes\":\"Canary4711\"}' --store $F/s.db");
  assert_true(file_has("Canary4711"));
  RUN(1, "store seal --store $F/s.db");
  assert_says(caught.err, "no key is configured; name its file in FAIRLEAD_STORE_KEY_FILE");
  use_key("one.key");
  RUN(1, "threads show a --store $F/s.db");
  assert_says(caught.err, "is not sealed, and a key is configured; 'fairlead store seal'");
  RUN(0, "store seal --store $F/s.db");
  assert_string_equal(caught.out, "sealed a\nsealed the memory and its index\n");
  assert_false(file_has("Canary4711"));
  assert_false(file_has("canary4711"));
  RUN(0, "store seal --json --store $F/s.db");
  assert_string_equal(caught.out, "{\"thread\":\"a\",\"sealed_now\":false}\n{\"sealed_now\":false}\n");
  RUN(0, "threads show a --store $F/s.db");
  assert_says(caught.out, "Canary4711!");
  RUN(0, "memory search users --query canary4711 --store $F/s.db");
  assert_says(caught.out, "Canary4711");
  RUN(0, "run $F/note.yaml -t b -i '{\"text\":\"Canary4711\"}' -q --store $F/s.db");
  RUN(0, "trace list --store $F/s.db");
  assert_says(caught.out, "note");
  assert_false(file_has("Canary4711"));
  caught_deinit(&caught);
}

static void the_key_is_exchanged(void **state) {
  struct caught caught = {0};
  RUN(2, "store rotate-key --store $F/s.db");
  RUN(1, "store rotate-key --new-key $F/no.key --store $F/s.db");
  RUN(0, "store rotate-key --new-key $F/two.key --store $F/s.db");
  assert_string_equal(caught.out, "3 keys are wrapped with the new key\n");
  RUN(1, "threads show a --store $F/s.db");
  assert_says(caught.err, "it is sealed with another key than the one that is configured");
  use_key("two.key");
  RUN(0, "threads show a --store $F/s.db");
  RUN(0, "audit list --what store. --store $F/s.db");
  assert_says(caught.out, "store.sealed");
  assert_says(caught.out, "store.key_rotated");
  unsetenv("FAIRLEAD_STORE_KEY_FILE");
  RUN(1, "run $F/note.yaml -t c -i '{\"text\":\"x\"}' -q --store $F/s.db");
  assert_says(caught.err, "it is sealed; name the file of its key in FAIRLEAD_STORE_KEY_FILE");
  RUN(0, "audit verify --store $F/s.db"); /* needs no key */
  caught_deinit(&caught);
}

static int forget_key(void **state) { return unsetenv("FAIRLEAD_STORE_KEY_FILE"); }

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_store_is_sealed_and_used),
      cmocka_unit_test(the_key_is_exchanged),
  };
  return cmocka_run_group_tests(tests, forget_key, forget_key);
}
