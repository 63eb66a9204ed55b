/* SPDX-License-Identifier: MIT */
/* The .env file of the working folder: read once, behind the environment. */
#include "rig.h"
#include "runtime/api/load.h"

#include <stdlib.h>
#include <unistd.h>

static const char file[] = "\xef\xbb\xbf"
                           "FL_T_FIRST=behind a byte order mark\n"
                           "# FL_T_COMMENT=no\n"
                           "   # FL_T_COMMENT=no\n"
                           "\n"
                           "FL_T_PLAIN=plain\n"
                           "  FL_T_INDENTED = spaces around  \n"
                           "FL_T_DOUBLE=\"in \"\n"
                           "FL_T_SINGLE='in '\n"
                           "FL_T_MIXED=\"it's\"\n"
                           "FL_T_OPEN=\"no end\n"
                           "FL_T_EMPTY=\n"
                           "FL_T_EMPTY_QUOTES=\"\"\n"
                           "FL_T_EQUALS=a=b=c\n"
                           "export FL_T_EXPORT=exported\n"
                           "export\tFL_T_TAB=\ttabs\t\n"
                           "exported=FL_T_NO\n"
                           "FL_T_BEHIND=value # and why\n"
                           "FL_T_QUOTED_BEHIND=\"sk-1 # 2\"  # and why\n"
                           "FL_T_HASH=sk-#1\n"
                           "FL_T_ONLY_COMMENT= # nothing\n"
                           "FL_T_CRLF=dos\r\n"
                           "FL_T_CRLF_QUOTED=\"dos\"\r\n"
                           "FL_T_TWICE=first\n"
                           "FL_T_TWICE=second\n"
                           "no equals sign\n"
                           "=no name\n"
                           "FL_T_SET=of the file\n"
                           "FL_T_DOLLAR=$HOME and \\n\n"
                           "FL_T_LAST=no newline behind";

static void values_are_read(void **state) {
  static const struct {
    const char *name, *value;
  } rows[] = {
      {"FL_T_FIRST", "behind a byte order mark"},
      {"FL_T_COMMENT", NULL},
      {"# FL_T_COMMENT", NULL},
      {"FL_T_PLAIN", "plain"},
      {"FL_T_INDENTED", "spaces around"},
      {"FL_T_DOUBLE", "in "},
      {"FL_T_SINGLE", "in "},
      {"FL_T_MIXED", "it's"},
      {"FL_T_OPEN", "\"no end"},
      {"FL_T_EMPTY", ""},
      {"FL_T_EMPTY_QUOTES", ""},
      {"FL_T_EQUALS", "a=b=c"},
      {"FL_T_EXPORT", "exported"},
      {"FL_T_TAB", "tabs"},
      {"exported", "FL_T_NO"},
      {"FL_T_BEHIND", "value"},
      {"FL_T_QUOTED_BEHIND", "sk-1 # 2"},
      {"FL_T_HASH", "sk-#1"},
      {"FL_T_ONLY_COMMENT", ""},
      {"FL_T_CRLF", "dos"},
      {"FL_T_CRLF_QUOTED", "dos"},
      {"FL_T_TWICE", "second"},
      {"no equals sign", NULL},
      {"", NULL},
      {"FL_T_DOLLAR", "$HOME and \\n"},
      {"FL_T_LAST", "no newline behind"},
      {"FL_T_NOWHERE", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *value = fl_load_getenv(rows[i].name);
    if (rows[i].value == NULL && value != NULL) fail_msg("%s is \"%s\"", rows[i].name, value);
    if (rows[i].value != NULL && (value == NULL || strcmp(value, rows[i].value) != 0))
      fail_msg("%s is \"%s\", not \"%s\"", rows[i].name, value != NULL ? value : "(nothing)", rows[i].value);
  }
}

static void the_environment_comes_first(void **state) {
  assert_string_equal(fl_load_getenv("FL_T_SET"), "of the environment");
  setenv("FL_T_SET", "", 1); /* set to nothing is set */
  assert_string_equal(fl_load_getenv("FL_T_SET"), "");
  unsetenv("FL_T_SET");
  assert_string_equal(fl_load_getenv("FL_T_SET"), "of the file");
  assert_null(getenv("FL_T_PLAIN")); /* what is started inherits nothing of the file */
}

static void the_file_is_read_once(void **state) {
  const char *before = fl_load_getenv("FL_T_PLAIN");
  rig_write(".env", "FL_T_PLAIN=changed\n");
  assert_ptr_equal(fl_load_getenv("FL_T_PLAIN"), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_read),
      cmocka_unit_test(the_environment_comes_first),
      cmocka_unit_test(the_file_is_read_once),
  };
  rig_write(".env", file);
  if (chdir(rig_folder()) != 0) return 1;
  setenv("FL_T_SET", "of the environment", 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
