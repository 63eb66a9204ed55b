/* SPDX-License-Identifier: MIT */
/* What is printed: texts of others cannot steer the terminal, mistakes have one form, the store has one place. */
#include "rig.h"
#include "runtime/cli/table.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define E_ACUTE "\xc3\xa9"

static const struct fl_command a_command = {.name = "run"};

static void what_a_terminal_obeys_is_shown(void **state) {
  static const struct {
    const char *text, *shown;
  } rows[] = {
      {"plain caf" E_ACUTE " \xe2\x86\x92 \xf0\x9f\x9a\xa2", "plain caf" E_ACUTE " \xe2\x86\x92 \xf0\x9f\x9a\xa2"},
      {"", ""},
      {"two\nlines\tand a tab", "two lines and a tab"},
      {"\033[31mred\033[0m", "\\x1b[31mred\\x1b[0m"},
      {"\033]0;title\a", "\\x1b]0;title\\x07"},                   /* window title */
      {"\033]52;c;cm0gLXJm\033\\", "\\x1b]52;c;cm0gLXJm\\x1b\\"}, /* clipboard */
      {"\033[2J\033[H", "\\x1b[2J\\x1b[H"},                       /* clears the screen */
      {"fine\rEVIL", "fine\\x0dEVIL"},                            /* writes over the line */
      {"abc\b\b\bxyz", "abc\\x08\\x08\\x08xyz"},
      {"\x7f", "\\x7f"},
      {"\xc2\x9b"
       "31m",
       "\\x9b31m"}, /* CSI in one character */
      {"\xc2\x85", "\\x85"},
      {"\xc2\xa0", "\xc2\xa0"}, /* no control: a space that holds together */
      {"\x9b"
       "31m",
       "\\x9b31m"}, /* the same CSI as a bare byte */
      {"\xff\xfe", "\\xff\\xfe"},
      {"cut \xe2\x82", "cut \\xe2\\x82"},
      {"\xc0\x9b", "\\xc0\\x9b"}, /* overlong */
      {"a\xe2\x80\xae"
       "b\xe2\x80\xac",
       "a\\u202eb\\u202c"}, /* turns the direction of writing */
      {"a\xe2\x81\xa6"
       "b\xe2\x81\xa9",
       "a\\u2066b\\u2069"},
      {"\xe2\x80\x8f\xd8\x9c", "\\u200f\\u061c"},
      {"\xe2\x80\xa8", "\\u2028"}, /* line separator */
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *shown = fl_visible(rows[i].text, 1000);
    assert_string_equal(shown, rows[i].shown);
  }
}

static void no_byte_gets_through_that_is_a_control(void **state) {
  for (int byte = 1; byte < 256; byte++) {
    char text[] = {'<', (char)byte, '>', '\0'};
    FL_FREE_AUTO char *shown = fl_visible(text, 100);
    for (const unsigned char *c = (const unsigned char *)shown; *c != '\0'; c++) assert_true(*c >= 0x20 && *c < 0x7f);
    assert_true(shown[0] == '<' && shown[strlen(shown) - 1] == '>');
  }
}

static void long_texts_are_cut_between_characters(void **state) {
  FL_FREE_AUTO char *exact = fl_visible("12345", 5);
  assert_string_equal(exact, "12345");
  FL_FREE_AUTO char *cut = fl_visible("123456", 5);
  assert_string_equal(cut, "12345…");
  FL_FREE_AUTO char *letter = fl_visible("1234" E_ACUTE "x", 5);
  assert_string_equal(letter, "1234" E_ACUTE "…");
  FL_FREE_AUTO char *none = fl_visible("x", 0);
  assert_string_equal(none, "…");
  FL_BUF_AUTO buf = {0};
  fl_buf_add_text(&buf, "already here: ");
  fl_add_visible(&buf, "123456", 3);
  assert_string_equal(buf.data, "already here: 123…");
}

/* ---- texts of several lines ---- */

static void files_get_texts_as_they_are(void **state) {
  struct caught caught;
  rig_catch();
  fl_print_text(stdout, "a\033[1mb\r\n\xff");
  fl_print_text(stderr, "a\033[1mb\r\n\tc");
  rig_release(&caught);
  assert_string_equal(caught.out, "a\033[1mb\r\n\xff");
  assert_string_equal(caught.err, "a\\x1b[1mb\\x0d\n\tc");
  caught_deinit(&caught);
}

static void terminals_get_texts_made_visible(void **state) {
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) skip();
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  assert_true(slave >= 0);
  fflush(stdout);
  int saved = dup(1);
  dup2(slave, 1);
  fl_print_text(stdout, "line\n\033]0;evil\a\xc2\x9b"
                        "2J end\n");
  fflush(stdout);
  dup2(saved, 1);
  close(saved);
  char text[256] = "";
  ssize_t got = read(master, text, sizeof text - 1);
  assert_true(got > 0);
  assert_string_equal(text, "line\r\n\\x1b]0;evil\\x07\\x9b2J end\r\n");
  close(slave);
  close(master);
}

/* ---- failures ---- */

static void failures_have_a_word_a_text_and_a_code(void **state) {
  struct fl_args args = {.command = &a_command};
  struct fl_error err = {.code = FL_E_NO_SPACE, .text = "/x/s.db: the disk is full"};
  struct fl_error mute = {.code = FL_E_NO_SPACE};
  struct caught caught;
  rig_catch();
  int codes[6] = {fl_fail(&args, FL_EXIT_FAILED, "no %s at %d", "luck", 7), fl_usage(&args, "say %s", "it"),
                  fl_fail_error(&args, &err), fl_fail_error(&args, &mute)};
  err.code = FL_E_INVALID;
  codes[4] = fl_fail_error(&args, &err);
  codes[5] = fl_fail(NULL, 9, "server said \033[2J");
  rig_release(&caught);
  static const int wanted[6] = {1, 2, 1, 1, 2, 9};
  assert_memory_equal(codes, wanted, sizeof wanted);
  assert_string_equal(caught.out, "");
  assert_golden_text("failures", caught.err);
  caught_deinit(&caught);
}

static void failures_as_json_are_one_line_each(void **state) {
  struct fl_args args = {.command = &a_command, .json = true};
  struct fl_error err = {.code = FL_E_BUSY, .text = "held \"here\"\nand there"};
  struct caught caught;
  rig_catch();
  fl_fail(&args, FL_EXIT_FAILED, "no luck");
  fl_fail(&args, FL_EXIT_USAGE, "no use");
  fl_usage(&args, "no \033[1m use");
  fl_fail_error(&args, &err);
  rig_release(&caught);
  assert_string_equal(caught.err, "");
  assert_golden_text("failures-json", caught.out);
  caught_deinit(&caught);
}

static void failures_are_red_for_a_person(void **state) {
  struct fl_args args = {.command = &a_command, .color = true};
  struct caught caught;
  rig_catch();
  fl_fail(&args, FL_EXIT_FAILED, "no luck");
  rig_release(&caught);
  assert_string_equal(caught.err, "\033[31mfairlead: \033[0mno luck\n");
  caught_deinit(&caught);
}

static void mistakes_in_files_are_listed(void **state) {
  struct fl_args args = {.command = &a_command};
  struct fl_diags diags = {0};
  for (uint32_t i = 1; i <= FL_DIAG_COUNT_MAX + 2; i++)
    fl_diags_add(&diags, &(struct fl_diag){.file = "g.yaml", .line = i, .column = 3, .message = "bad \033[1m"});
  struct caught caught;
  rig_catch();
  fl_print_diags(&args, &diags);
  rig_release(&caught);
  assert_says(caught.err, "g.yaml:1:3: error: bad \\x1b[1m\n");
  assert_says(caught.err, "… and 2 more\n");
  assert_null(strchr(caught.err, '\033'));
  caught_deinit(&caught);
  args.color = true;
  diags.items[1].severity = FL_SEVERITY_WARNING;
  rig_catch();
  fl_print_diags(&args, &diags);
  rig_release(&caught);
  assert_says(caught.err, "\033[31mg.yaml:1:3: error: bad \\x1b[1m\033[0m\n\033[33mg.yaml:2:3: warning: ");
  caught_deinit(&caught);
  fl_diags_deinit(&diags);
}

/* ---- the rest ---- */

static void the_store_has_one_place(void **state) {
  static const struct {
    const char *store, *data, *home, *path;
  } rows[] = {
      {"/s/my.db", "/d", "/h", "/s/my.db"},
      {"mine.db", NULL, NULL, "mine.db"},
      {"", "/d", "/h", "/d/fairlead/fairlead.db"},
      {NULL, "/d", NULL, "/d/fairlead/fairlead.db"},
      {NULL, "relative", "/h", "/h/.local/share/fairlead/fairlead.db"}, /* the standard says: to be ignored */
      {NULL, "", "/h", "/h/.local/share/fairlead/fairlead.db"},
      {NULL, NULL, "/h", "/h/.local/share/fairlead/fairlead.db"},
      {NULL, NULL, "", "./.local/share/fairlead/fairlead.db"},
      {NULL, NULL, NULL, "./.local/share/fairlead/fairlead.db"},
  };
  static const char *const names[] = {"FAIRLEAD_STORE", "XDG_DATA_HOME", "HOME"};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *values[] = {rows[i].store, rows[i].data, rows[i].home};
    for (size_t j = 0; j < 3; j++)
      if (values[j] != NULL) setenv(names[j], values[j], 1);
      else unsetenv(names[j]);
    FL_FREE_AUTO char *path = fl_default_store();
    assert_string_equal(path, rows[i].path);
  }
}

static void times_are_local(void **state) {
  char text[32];
  setenv("TZ", "UTC", 1);
  tzset();
  fl_format_time(1767225599999, text);
  assert_string_equal(text, "2025-12-31 23:59:59");
  setenv("TZ", "XXX-2", 1);
  tzset();
  fl_format_time(1767225599999, text);
  assert_string_equal(text, "2026-01-01 01:59:59");
  fl_format_time(0, text);
  assert_string_equal(text, "1970-01-01 02:00:00");
}

static void values_print_compact_and_pretty(void **state) {
  FL_VALUE_AUTO value = NULL;
  const char text[] = "{\"a\":[1,2.5,null],\"b\":{\"c\":\"\\u001b x\"}}";
  assert_int_equal(fl_parse(text, strlen(text), &value, NULL), 0);
  struct caught caught;
  rig_catch();
  fl_print_json(value);
  fl_print_pretty(value);
  rig_release(&caught);
  assert_null(strchr(caught.out, '\033'));
  assert_golden_text("values", caught.out);
  caught_deinit(&caught);
}

static int width_with(const char *columns) {
  struct caught caught;
  if (columns != NULL) setenv("COLUMNS", columns, 1);
  else unsetenv("COLUMNS");
  rig_catch();
  int width = fl_terminal_width();
  rig_release(&caught);
  caught_deinit(&caught);
  unsetenv("COLUMNS");
  return width;
}

static void the_width_is_what_columns_says_and_a_file_is_wide(void **state) {
  assert_int_equal(width_with("60"), 60);
  assert_int_equal(width_with(NULL), FL_TABLE_WIDE);
  assert_int_equal(width_with("0"), FL_TABLE_WIDE);
  assert_int_equal(width_with("many"), FL_TABLE_WIDE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_a_terminal_obeys_is_shown),
      cmocka_unit_test(no_byte_gets_through_that_is_a_control),
      cmocka_unit_test(long_texts_are_cut_between_characters),
      cmocka_unit_test(files_get_texts_as_they_are),
      cmocka_unit_test(terminals_get_texts_made_visible),
      cmocka_unit_test(failures_have_a_word_a_text_and_a_code),
      cmocka_unit_test(failures_as_json_are_one_line_each),
      cmocka_unit_test(failures_are_red_for_a_person),
      cmocka_unit_test(mistakes_in_files_are_listed),
      cmocka_unit_test(the_store_has_one_place),
      cmocka_unit_test(times_are_local),
      cmocka_unit_test(values_print_compact_and_pretty),
      cmocka_unit_test(the_width_is_what_columns_says_and_a_file_is_wide),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
