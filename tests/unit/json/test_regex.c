/* SPDX-License-Identifier: MIT */
/* ECMAScript's patterns: what they match, what is refused and where, and that no pattern takes more than its share of
 * work. */
#include "runtime/json/regex.h"
#include "runtime/json/regex_rewrite.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
  const char *pattern;
  const char *yes[4]; /* texts that match */
  const char *no[4];  /* texts that do not */
};

static int search(const char *pattern, fl_slice text) {
  struct fl_regex *regex = NULL;
  struct fl_error err = {0};
  int rc = fl_regex_create(fl_slice_of(pattern), &regex, &err);
  if (rc == 0) rc = fl_regex_search(regex, text);
  else printf("# %s: %s\n", pattern, err.text);
  fl_regex_destroy(regex);
  return rc;
}

static void check_rows(const struct row *rows, size_t row_count) {
  for (size_t i = 0; i < row_count; i++) {
    for (size_t k = 0; k < 4 && rows[i].yes[k] != NULL; k++) {
      if (search(rows[i].pattern, fl_slice_of(rows[i].yes[k])) != 1)
        fail_msg("/%s/ must match \"%s\"", rows[i].pattern, rows[i].yes[k]);
    }
    for (size_t k = 0; k < 4 && rows[i].no[k] != NULL; k++) {
      if (search(rows[i].pattern, fl_slice_of(rows[i].no[k])) != 0)
        fail_msg("/%s/ must not match \"%s\"", rows[i].pattern, rows[i].no[k]);
    }
  }
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

static void terms_mean_what_ecmascript_says(void **state) {
  static const struct row rows[] = {
      {"", {"", "x"}, {NULL}},
      {"^abc$", {"abc"}, {"abc\n", "xabc"}},
      {"a|b", {"a", "b"}, {"c"}},
      {"^a.c$",
       {"abc", "a\xf0\x9f\x98\x80"
               "c"},
       {"a\nc", "a\rc",
        "a\xe2\x80\xa8"
        "c"}},
      {"^\\d+$", {"42"}, {"\xe0\xa7\xaa", ""}},
      {"^\\D$", {"\xdf\x80"}, {"0"}},
      {"^\\w+$", {"aZ_9"}, {"\xc3\xa9"}},
      {"^\\W$", {"\xc3\xa9", "-"}, {"a"}},
      {"^\\s$", {" ", "\xc2\xa0", "\xef\xbb\xbf", "\v"}, {"\x01", "\xe2\x80\x93"}},
      {"^\\S$", {"\x01", "\xe2\x80\x93"}, {" ", "\xe2\x80\x83", "\xe2\x80\xa9"}},
      {"^[\\s]$", {"\t", "\xe3\x80\x80"}, {"x"}},
      {"^[^\\s]$", {"x"}, {"\t", "\xe3\x80\x80"}},
      {"^[\\S]$", {"x", "\xf0\x9f\x98\x80"}, {"\t", "\xef\xbb\xbf"}},
      {"^[^\\S\\n]$", {" "}, {"\n", "x"}},
      {"^a{2}$", {"aa"}, {"a", "aaa"}},
      {"^a{2,}$", {"aa", "aaa"}, {"a"}},
      {"^a{1,2}?$", {"a", "aa"}, {"aaa"}},
      {"^a{,2}$", {"a{,2}"}, {"aa", ""}},
      {"^a{x}$", {"a{x}"}, {"a"}},
      {"^]}$", {"]}"}, {"]"}},
      {"^(?:ab)+?$", {"abab"}, {"aba"}},
      {"^(a)(b)?\\2$", {"a", "abb"}, {"ab"}},
      {"\\bfoo\\b", {"a foo b"}, {"afoo"}},
      {"\\Boo", {"foo"}, {"oo"}},
      {"^(?=.*\\d)(?!.*x).{3}$", {"a1b"}, {"abc", "a1x"}},
      {"(?<=\\$)\\d", {"$5"}, {"5"}},
      {"(?<!\\$)\\b5", {"5"}, {"$5"}},
      {"(?i:abc)D", {"aBcD"}, {"abcd"}},
  };
  CHECK_ROWS(rows);
}

static void escapes_stand_for_characters(void **state) {
  static const struct row rows[] = {
      {"^\\t\\n\\r\\f\\v$", {"\t\n\r\f\v"}, {"t"}},
      {"^\\cC\\cc$", {"\x03\x03"}, {"cC"}},
      {"^\\x41\\u0042\\u{43}$", {"ABC"}, {"abc"}},
      {"^\\uD83D\\uDC32$", {"\xf0\x9f\x90\xb2"}, {"\xf0\x9f\x90\x89"}},
      {"^\\ud83d$", {NULL}, {"x", "\xf0\x9f\x90\xb2"}},
      {"^\\u{1F432}*$", {"", "\xf0\x9f\x90\xb2\xf0\x9f\x90\xb2"}, {"D"}},
      {"^\\^\\$\\\\\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/$", {"^$\\.*+?()[]{}|/"}, {"x"}},
      {"^\\-\\@\\\"\\#$", {"-@\"#"}, {"x"}},
      {"^[\\b]$", {"\b"}, {"b"}},
      {"^# x$", {"# x"}, {"x"}},
  };
  CHECK_ROWS(rows);
  assert_int_equal(search("^a\\0b$", fl_slice_n("a\0b", 3)), 1);
  assert_int_equal(search("^[\\0-\\x02]$", fl_slice_n("\0", 1)), 1);
}

static void classes_take_nothing_from_posix(void **state) {
  static const struct row rows[] = {
      {"[]", {NULL}, {"", "a"}},
      {"^[^]$", {"\n", "a"}, {""}},
      {"^[[:alpha:]]$", {":]", "a]", "[]"}, {"b", "z"}},
      {"^[\\w-.]+$", {"a-b.c"}, {"a b"}},
      {"^[a-\\d]+$", {"a-5"}, {"b"}},
      {"^[+--]$", {",", "+", "-"}, {"."}},
      {"^[-a]$", {"-", "a"}, {"b"}},
      {"^[a-]$", {"-", "a"}, {"b"}},
      {"^[^-a]$", {"b"}, {"-", "a"}},
      {"^[\\]^]$", {"]", "^"}, {"\\"}},
      {"^[\xc3\xa0-\xc3\xbf]$", {"\xc3\xa9"}, {"e", "\xc4\x80"}},
      {"^[\\s-x]$", {"-", " ", "x"}, {"a"}},
      {"^[&&~~]$", {"&", "~"}, {"a"}},
      {"^[.]$", {"."}, {"a"}},
  };
  CHECK_ROWS(rows);
}

static void properties_go_by_their_ecmascript_names(void **state) {
  static const struct row rows[] = {
      {"^\\p{Letter}$", {"\xc3\xa9", "a"}, {"1"}},
      {"^\\p{L}\\P{L}$", {"a1"}, {"aa"}},
      {"^[\\p{Lu}\\P{Letter}]+$", {"A1"}, {"a"}},
      {"^\\p{digit}+$", {"42", "\xe0\xa7\xaa"}, {"-%#"}},
      {"^\\p{gc=Nd}$", {"4"}, {"a"}},
      {"^\\p{General_Category=Cased_Letter}$", {"a"}, {"1"}},
      {"^\\p{Script=Greek}$", {"\xce\xb1"}, {"a"}},
      {"^\\p{scx=Grek}$", {"\xce\xb1"}, {"a"}},
      {"^\\p{ASCII}$", {"a"}, {"\xc3\xa9"}},
      {"^\\p{Any}$", {"a", "\xc3\xa9"}, {""}},
      {"^\\p{Emoji_Presentation}$", {"\xf0\x9f\x98\x80"}, {"a"}},
      {"^\\p{Uppercase}$", {"A"}, {"a"}},
  };
  CHECK_ROWS(rows);
}

static void names_what_is_wrong_and_where(void **state) {
  static const struct {
    const char *pattern;
    int code;
    const char *text;
  } rows[] = {
      {"^(abc]", FL_E_SYNTAX, "offset 6: a parenthesis is not closed"},
      {"ab)", FL_E_SYNTAX, "offset 2: a parenthesis is closed"},
      {"x[ab", FL_E_SYNTAX, "offset 1: a bracket is not closed"},
      {"*a", FL_E_SYNTAX, "offset 0: there is nothing to repeat"},
      {"a++", FL_E_SYNTAX, "offset 2: there is nothing to repeat"},
      {"a{2}{3}", FL_E_SYNTAX, "offset 4: there is nothing to repeat"},
      {"(*UTF)a", FL_E_SYNTAX, "offset 1: there is nothing to repeat"},
      {"a|*", FL_E_SYNTAX, "offset 2: there is nothing to repeat"},
      {"a\\", FL_E_SYNTAX, "offset 1: a backslash stands at the end"},
      {"ab\\a", FL_E_SYNTAX, "offset 2: there is no such escape"},
      {"\\Z", FL_E_SYNTAX, "no such escape"},
      {"\\Qa\\E", FL_E_SYNTAX, "no such escape"},
      {"\\K", FL_E_SYNTAX, "no such escape"},
      {"\\h", FL_E_SYNTAX, "no such escape"},
      {"[\\1]", FL_E_SYNTAX, "no such escape"},
      {"\\x4", FL_E_SYNTAX, "\\x needs"},
      {"\\u00g0", FL_E_SYNTAX, "\\u needs"},
      {"\\u{110000}", FL_E_SYNTAX, "\\u needs"},
      {"\\p{Greek}", FL_E_SYNTAX, "no such Unicode property"},
      {"\\p{letter}", FL_E_SYNTAX, "no such Unicode property"},
      {"\\p{sc=a b}", FL_E_SYNTAX, "no such Unicode property"},
      {"\\pL", FL_E_SYNTAX, "in braces"},
      {"\\p{L", FL_E_SYNTAX, "not closed"},
      {"[z-a]", FL_E_SYNTAX, "offset 1: the range is in the wrong order"},
      {"(?P<name>x)", FL_E_SYNTAX, "no such kind of group"},
      {"(?#comment)a", FL_E_SYNTAX, "no such kind of group"},
      {"(?i)abc", FL_E_SYNTAX, "no such kind of group"},
      {"(?R)", FL_E_SYNTAX, "no such kind of group"},
      {"(?>a)", FL_E_SYNTAX, "no such kind of group"},
      {"(?<1a>x)", FL_E_SYNTAX, "group name"},
      {"(?<a", FL_E_SYNTAX, "group name"},
      {"\\ka", FL_E_SYNTAX, "group name"},
      {"ab\\2", FL_E_SYNTAX, "offset 2: reference to non-existent subpattern"},
      {"abc{3,2}", FL_E_SYNTAX, "offset 3: numbers out of order"},
      {"a{70000}", FL_E_LIMIT, "at most 65535"},
      {"((((a{1,500}){1,500}){1,500}){1,500})", FL_E_LIMIT, "offset"},
      {"(?<=a+)b", FL_E_UNSUPPORTED, "fixed length"},
      {"a\xff", FL_E_SYNTAX, "offset 1: the pattern is not UTF-8"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fl_regex *regex = NULL;
    struct fl_error err = {0};
    int rc = fl_regex_create(fl_slice_of(rows[i].pattern), &regex, &err);
    if (rc != rows[i].code || strstr(err.text, rows[i].text) == NULL || regex != NULL)
      fail_msg("/%s/: %d \"%s\", expected %d \"%s\"", rows[i].pattern, rc, err.text, rows[i].code, rows[i].text);
  }
}

static void large_and_deep_patterns_are_refused(void **state) {
  struct fl_regex *regex = NULL;
  char *text = malloc(FL_REGEX_PATTERN_MAX + 1);
  memset(text, 'a', FL_REGEX_PATTERN_MAX + 1);
  assert_int_equal(fl_regex_create(fl_slice_n(text, FL_REGEX_PATTERN_MAX + 1), &regex, NULL), FL_E_LIMIT);
  memset(text, '(', 500);
  memset(text + 500, ')', 500);
  assert_int_equal(fl_regex_create(fl_slice_n(text, 1000), &regex, NULL), FL_E_LIMIT);
  for (size_t i = 0; i < 8000; i++) memcpy(text + 2 * i, "\\S", 2);
  assert_int_equal(fl_regex_create(fl_slice_n(text, 16000), &regex, NULL), FL_E_LIMIT);
  free(text);
}

/* Patterns that need exponential, cubic or quadratic work end with an error, the same ones on short texts with an
 * answer. */
static void work_is_bounded(void **state) {
  enum { SIZE = 400000 };
  static const char *const patterns[] = {"^(a+)+$",      "(a|aa)+$", "(a*)*b",    "[ab]*[ce]",
                                         "(?:a|b)*[ce]", ".*.*.*=",  "(.+)+\\1x", "a*?c"};
  char *text = malloc(SIZE);
  memset(text, 'a', SIZE);
  text[SIZE - 1] = 'd';
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    int rc = search(patterns[i], fl_slice_n(text, SIZE));
    if (rc != FL_E_LIMIT && rc != 0) fail_msg("/%s/: %d", patterns[i], rc);
    assert_int_equal(search(patterns[i], fl_slice_n("aad", 3)), 0);
  }
  assert_int_equal(search("^(a+)+$", fl_slice_n(text, 64)), 1);
  assert_int_equal(search("^(a+)+$", fl_slice_n(text + SIZE - 64, 64)), FL_E_LIMIT);
  assert_int_equal(search("[ab]*[ce]", fl_slice_n(text, SIZE)), FL_E_LIMIT);
  assert_int_equal(search("^[a-z]*$", fl_slice_n(text, SIZE)), 1);
  assert_int_equal(search("d$", fl_slice_n(text, SIZE)), 1);
  assert_int_equal(search("a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?[bc]", fl_slice_n(text, SIZE)), FL_E_LIMIT);
  assert_int_equal(search("^(a*)\\1b?$", fl_slice_n(text, SIZE)), FL_E_LIMIT);
  assert_int_equal(search("^(a*)\\1$", fl_slice_n(text, 3000)), 1);
  assert_int_equal(search("^(?:a|d){1,}$", fl_slice_n(text, 20000)), 1);
  free(text);
}

/* Many searches share one bound. */
static void work_adds_up(void **state) {
  struct fl_regex *regex = NULL;
  uint64_t work = 100000;
  assert_int_equal(fl_regex_create(fl_slice_of("[ab]*[ce]"), &regex, NULL), 0);
  int found = 0, count = 0;
  for (; count < 1000 && (found = fl_regex_search_within(regex, fl_slice_of("aaaaaaaaaaaaaaaa"), &work)) == 0;
       count++) {}
  assert_int_equal(found, FL_E_LIMIT);
  assert_int_equal(work, 0);
  assert_in_range(count, 5, 500);
  fl_regex_destroy(regex);
}

static void gives_the_groups(void **state) {
  struct fl_regex *regex = NULL;
  fl_slice groups[FL_REGEX_GROUP_MAX];
  size_t count = 0;
  assert_int_equal(fl_regex_create(fl_slice_of("(?<year>\\d{4})-(\\d\\d)(x)?(z)?$"), &regex, NULL), 0);
  assert_int_equal(fl_regex_match(regex, fl_slice_of("on 2024-05x"), groups, &count), 1);
  assert_int_equal(count, 4);
  assert_true(fl_slice_equal(groups[0], FL_SLICE("2024-05x")));
  assert_true(fl_slice_equal(groups[1], FL_SLICE("2024")));
  assert_true(fl_slice_equal(groups[2], FL_SLICE("05")));
  assert_true(fl_slice_equal(groups[3], FL_SLICE("x")));
  assert_int_equal(fl_regex_match(regex, fl_slice_of("none"), groups, &count), 0);
  fl_regex_destroy(regex);
  assert_int_equal(fl_regex_create(fl_slice_of("(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)"), &regex, NULL),
                   0);
  assert_int_equal(fl_regex_match(regex, fl_slice_of("aaaaaaaaaaaaaaaaaaaa"), groups, &count), 1);
  assert_int_equal(count, FL_REGEX_GROUP_MAX);
  assert_int_equal(groups[0].size, 18);
  fl_regex_destroy(regex);
  fl_regex_destroy(NULL);
}

static void text_must_be_utf8(void **state) {
  assert_int_equal(search("a", fl_slice_of("a\xff")), FL_E_INVALID);
  assert_int_equal(search("^a*$", fl_slice_n(NULL, 0)), 1);
}

/* Whatever stands in the pattern up to any cut: an answer, never a fault, and the offset lies inside. */
static void every_prefix_is_handled(void **state) {
  static const char all[] =
      "^(?<n>[\\w-.\\]\\b\\u{1f}]{2,3}?)|\\k<n>\\p{L}\\P{sc=Greek}(?:(?=a)(?<!b)\\cA\\x41\\ud83d\\udc32)+\\1.$";
  for (size_t size = 0; size < sizeof all; size++) {
    struct fl_regex *regex = NULL;
    struct fl_error err = {0};
    size_t offset = 0;
    int rc = fl_regex_create(fl_slice_n(all, size), &regex, &err);
    if (rc != 0) {
      assert_int_equal(sscanf(err.text, "pattern, offset %zu", &offset), 1);
      assert_true(offset <= size);
    }
    fl_regex_destroy(regex);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(terms_mean_what_ecmascript_says),
      cmocka_unit_test(escapes_stand_for_characters),
      cmocka_unit_test(classes_take_nothing_from_posix),
      cmocka_unit_test(properties_go_by_their_ecmascript_names),
      cmocka_unit_test(names_what_is_wrong_and_where),
      cmocka_unit_test(large_and_deep_patterns_are_refused),
      cmocka_unit_test(work_is_bounded),
      cmocka_unit_test(work_adds_up),
      cmocka_unit_test(gives_the_groups),
      cmocka_unit_test(text_must_be_utf8),
      cmocka_unit_test(every_prefix_is_handled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
