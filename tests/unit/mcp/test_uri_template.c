/* SPDX-License-Identifier: MIT */
/* URI templates read backwards: a table of template, URI and variables; what is refused; and that a URI made to be slow
 * is not. */
#include "mcp/proto/uri_template.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <string.h>
#include <time.h>

static const struct {
  const char *text, *uri, *variables; /* NULL: it does not match */
} CASES[] = {
    {"a://b", "a://b", "{}"},
    {"a://b", "a://c", NULL},
    {"a://b", "a://bc", NULL},
    {"a://{x}", "a://y", "{\"x\":\"y\"}"},
    {"a://{x}", "a://", NULL},
    {"a://{x}", "a://y/z", NULL},
    {"a://{x}", "a://y?z", NULL},
    {"a://{x}", "a://%C3%B6%2Fb", "{\"x\":\"\u00f6/b\"}"},
    {"a://{x}", "a://%", NULL},
    {"a://{x}", "a://%00", NULL},
    {"a://{x}/{y}", "a://1/2", "{\"x\":\"1\",\"y\":\"2\"}"},
    {"a://{x}/data", "a://1/data", "{\"x\":\"1\"}"},
    {"a://{x}/data", "a://1/2/data", NULL},
    {"a://{x}-{y}", "a://1-2-3", "{\"x\":\"1\",\"y\":\"2-3\"}"},
    {"a://{x}.txt", "a://b.txt", "{\"x\":\"b\"}"},
    {"file://{+path}", "file:///a/b?c#d", "{\"path\":\"/a/b?c#d\"}"},
    {"file://{+path}/end", "file:///a/b/end", "{\"path\":\"/a/b\"}"},
    {"a:{/x}{/y}", "a:/1/2", "{\"x\":\"1\",\"y\":\"2\"}"},
    {"a:{/x}{/y}", "a:/1", NULL},
    {"a:b{.ext}", "a:b.txt", "{\"ext\":\"txt\"}"},
    {"a:b{#part}", "a:b#c/d", "{\"part\":\"c/d\"}"},
    {"a:b{#part}", "a:b", NULL},
    {"a:b{?q,r}", "a:b?q=1&r=2", "{\"q\":\"1\",\"r\":\"2\"}"},
    {"a:b{?q,r}", "a:b?r=2", "{\"r\":\"2\"}"},
    {"a:b{?q,r}", "a:b?q=", "{\"q\":\"\"}"},
    {"a:b{?q,r}", "a:b", "{}"},
    {"a:b{?q}", "a:b?z=1", NULL},
    {"a:b{?q}", "a:b?q", NULL},
    {"a:b{?q}", "a:b?q=%zz", NULL},
    {"a:b?f=1{&q}", "a:b?f=1&q=2", "{\"q\":\"2\"}"},
    {"a:{x}{?q}", "a:1?q=2", "{\"x\":\"1\",\"q\":\"2\"}"},
    {"a:{x}{?q}{#f}", "a:1?q=2#3", "{\"x\":\"1\",\"q\":\"2\",\"f\":\"3\"}"},
};

static void templates_match_what_they_make(void **state) {
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    struct fl_uri_template *made = NULL;
    struct fl_error err;
    if (fl_uri_template_parse(CASES[i].text, &made, &err) < 0) fail_msg("%s: %s", CASES[i].text, err.text);
    FL_VALUE_AUTO variables = NULL;
    bool matches = fl_uri_template_match(made, CASES[i].uri, &variables);
    if (matches != (CASES[i].variables != NULL)) fail_msg("%s, %s: %d", CASES[i].text, CASES[i].uri, matches);
    char *text = matches ? fl_dump(variables, NULL) : NULL;
    if (matches && strcmp(text, CASES[i].variables) != 0) fail_msg("%s, %s: %s", CASES[i].text, CASES[i].uri, text);
    fl_text_free(text);
    fl_uri_template_destroy(made);
  }
}

static void what_is_no_template_is_refused(void **state) {
  static const char *const texts[] = {"a:{",       "a:}",     "a:{}",    "a:{+}",   "a:{x",     "a:{x}{y}",
                                      "a:{x}{+y}", "a:{x,y}", "a:{x*}",  "a:{x:3}", "a:{;x}",   "a:{|x}",
                                      "a:{x y}",   "a:{{x}}", "a:{?q,}", "a:{?,q}", "a:{/x,y}", "a:{=x}"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct fl_uri_template *made = NULL;
    struct fl_error err = {0};
    if (fl_uri_template_parse(texts[i], &made, &err) != FL_E_INVALID) fail_msg("%s is accepted", texts[i]);
    assert_non_null(strstr(err.text, "URI template"));
  }
  FL_FREE_AUTO char *long_text = fl_alloc_zero(1, FL_URI_TEMPLATE_SIZE_MAX + 2);
  memset(long_text, 'a', FL_URI_TEMPLATE_SIZE_MAX + 1);
  struct fl_uri_template *made = NULL;
  assert_int_equal(fl_uri_template_parse(long_text, &made, NULL), FL_E_INVALID);
  char many[4 * (FL_URI_TEMPLATE_PARTS_MAX + 2)];
  size_t size = 0;
  for (int i = 0; i <= FL_URI_TEMPLATE_PARTS_MAX / 2; i++, size += 4) memcpy(many + size, "{x}/", 5);
  assert_int_equal(fl_uri_template_parse(many, &made, NULL), FL_E_INVALID);
}

static void a_template_knows_its_variables(void **state) {
  struct fl_uri_template *made = NULL;
  assert_int_equal(fl_uri_template_parse("a:literal{x}/{?q,r}", &made, NULL), 0);
  assert_true(fl_uri_template_has(made, "x"));
  assert_true(fl_uri_template_has(made, "r"));
  assert_false(fl_uri_template_has(made, "literal"));
  assert_false(fl_uri_template_has(made, ""));
  fl_uri_template_destroy(made);
  fl_uri_template_destroy(NULL);
}

/* Where a matcher tries again and again, "aaaa…" against many variables takes for ever (CVE-2026-0621). */
static void no_uri_is_slow(void **state) {
  enum { SIZE = 1000000 };
  struct fl_uri_template *made = NULL;
  assert_int_equal(fl_uri_template_parse("a:{+b}a{+c}a{+d}a{+e}a{+f}a{+g}!", &made, NULL), 0);
  FL_FREE_AUTO char *uri = fl_alloc_zero(1, SIZE + 1);
  memset(uri, 'a', SIZE);
  uri[1] = ':';
  clock_t start = clock();
  FL_VALUE_AUTO variables = NULL;
  assert_false(fl_uri_template_match(made, uri, &variables));
  assert_true((clock() - start) / (CLOCKS_PER_SEC / 1000) < 1000);
  fl_uri_template_destroy(made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(templates_match_what_they_make), cmocka_unit_test(what_is_no_template_is_refused),
      cmocka_unit_test(a_template_knows_its_variables), cmocka_unit_test(no_uri_is_slow)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
