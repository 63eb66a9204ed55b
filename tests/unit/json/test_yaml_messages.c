/* SPDX-License-Identifier: MIT */
/* What an author of a graph file reads: every mistake in YAML with its line, column and advice, and beside it what is
 * no mistake. A row is a file and what comes of it: the diagnostics, one per line, and the value. */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/yaml.h"
#include "tests/support/support.h"

#include <string.h>

struct row {
  const char *yaml, *told, *value; /* value NULL: there is no document */
};

static const struct row rows[] = {
    {"a: 1\na: 2", "2:1: the key \"a\" is there twice; remove one of them", "{\"a\":1}"},
    {"a: {b: 1, b: 2}", "1:11: the key \"b\" is there twice; remove one of them", "{\"a\":{\"b\":1}}"},
    {"- a\nb: 1", "2:1: an element of the list (\"- \") was expected here; check the indentation", NULL},
    {"a: b: c", "1:5: a \":\" stands where no key can be; put a text with a colon in quotes, or check the indentation",
     NULL},
    {"a:\n\tb: 1", "2:1: a tab cannot indent; use spaces", NULL},
    {"a: \"x", "1:6: a text in quotes does not end", NULL},
    {"a: 'x", "1:6: a text in quotes does not end", NULL},
    {"a: [1, 2", "1:9: a \",\" or \"]\" was expected here", NULL},
    {"a: {b: 1", "1:9: a \",\" or \"}\" was expected here", NULL},
    {"a: ]", "1:4: a value was expected here; put a text that starts with a sign in quotes", NULL},
    {"a: @x", "1:4: a text cannot start with this character; put the text in quotes", NULL},
    {"a: `x`", "1:4: a text cannot start with this character; put the text in quotes", NULL},
    {"a: %x", "1:4: a text cannot start with this character; put the text in quotes", NULL},
    {"a: *x", "1:4: aliases (*name) are not supported; write the value out", "{\"a\":null}"},
    {"a: &x 1", "1:4: anchors (&name) are not supported; write the value out in each place", "{\"a\":1}"},
    {"a: !t 1", "1:4: tags (!name) are not supported; leave it out; quotes make a text, no quotes a number",
     "{\"a\":1}"},
    {"a: !!str 1", "1:4: tags (!name) are not supported; leave it out; quotes make a text, no quotes a number",
     "{\"a\":1}"},
    {"<<: {a: 1}", "1:1: merge keys (<<) are not supported; write the members out", "{}"},
    {"1: x", "1:1: a key must be a text; put the key in quotes", "{\"1\":\"x\"}"},
    {"null: x", "1:1: a key must be a text; put the key in quotes", "{\"null\":\"x\"}"},
    {"true: x", "1:1: a key must be a text; put the key in quotes", "{\"true\":\"x\"}"},
    {"1.5: x", "1:1: a key must be a text; put the key in quotes", "{\"1.5\":\"x\"}"},
    {"[a]: x", "1:2: expected a value, found 'a'", NULL},
    {"{a: b}: x", "1:2: expected a key in quotes, found 'a'", NULL},
    {"? a", "", "{\"a\":null}"},
    {"a: .inf", "1:4: infinity and not-a-number are no JSON values; put it in quotes to have it as a text",
     "{\"a\":null}"},
    {"a: -.Inf", "1:4: infinity and not-a-number are no JSON values; put it in quotes to have it as a text",
     "{\"a\":null}"},
    {"a: .nan", "1:4: infinity and not-a-number are no JSON values; put it in quotes to have it as a text",
     "{\"a\":null}"},
    {"a: 9223372036854775808", "1:4: the integer does not fit in 64 bits; put it in quotes to have it as a text",
     "{\"a\":null}"},
    {"a: -9223372036854775809", "1:4: the integer does not fit in 64 bits; put it in quotes to have it as a text",
     "{\"a\":null}"},
    {"a: 1e400", "1:4: the number is too large; put it in quotes to have it as a text", "{\"a\":null}"},
    {"a: \"\\0\"", "1:4: a NUL character cannot stand in a text", "{\"a\":\"\"}"},
    {"a: \"\\x\"",
     "1:7: an escape (\\x, \\u, \\U) lacks hexadecimal digits; to write a backslash, write \\\\ or take "
     "single quotes",
     NULL},
    {"a: \"\\ud83d\"", "1:7: this escape is no character; write the character itself, or \\U and eight digits", NULL},
    {"a: |\n x\ny", "3:2: a key without its \":\"; check the indentation, or put the text in quotes", NULL},
    {"a: >\n x\n  y", "", "{\"a\":\"x\\n y\"}"},
    {"a: 1\n b: 2",
     "2:3: a \":\" stands where no key can be; put a text with a colon in quotes, or check the indentation", NULL},
    {"a:\n  - 1\n - 2", "3:2: a key was expected here; check the indentation: the keys of one map start in one column",
     NULL},
    {"a:\n- 1\n- 2", "", "{\"a\":[1,2]}"},
    {"a: 1\n---\nb: 2", "2:1: there is a second document (---) in the file; make it a file of its own", "{\"a\":1}"},
    {"a: 1\n...\nb: 2",
     "3:1: the document is over before the text is; check the indentation: the keys of one map start in one "
     "column",
     NULL},
    {"---\n---", "2:1: there is a second document (---) in the file; make it a file of its own", "null"},
    {"%YAML 3.0\n---\na: 1", "1:1: this version of YAML is not known; leave out the %YAML line", NULL},
    {"%TAG ! x\n---\na: 1", "", "{\"a\":1}"},
    {"\"a", "1:3: a text in quotes does not end", NULL},
    {" a: 1\nb: 2",
     "2:1: the document is over before the text is; check the indentation: the keys of one map start in one "
     "column",
     NULL},
    {"- - - 1", "", "[[[1]]]"},
    {"a: - 1", "1:4: a list (\"- \") cannot stand here; put it on its own line", NULL},
    {"a: x\n  y: z",
     "2:4: a \":\" stands where no key can be; put a text with a colon in quotes, or check the indentation", NULL},
    {"key", "", "\"key\""},
    {"key:", "", "{\"key\":null}"},
    {": x", "1:1: a key was expected here; check the indentation: the keys of one map start in one column", NULL},
    {"{a: 1", "1:2: expected a key in quotes, found 'a'", NULL},
    {"{a}", "", "{\"a\":null}"},
    {"[a: 1]", "", "[{\"a\":1}]"},
    {"{\"a\": 1, \"a\": 2}", "1:10: the key stands in this object twice", NULL},
    {"{\"a\": nul}", "", "{\"a\":\"nul\"}"},
    {"{\"a\": 01}", "", "{\"a\":1}"},
    {"{\"a\": \"x}", "1:10: expected the end of a string, found the end of the text", NULL},
    {"[1, 2,]", "", "[1,2]"},
    {"[1 2]", "", "[\"1 2\"]"},
    {"{\"a\" 1}", "1:6: expected ':', found '1'", NULL},
    {"[1, 2]]", "1:7: expected nothing more after the value, found ']'", NULL},
    {"{'a': 1}", "", "{\"a\":1}"},
    {"{\"a\": 1} x", "1:10: expected nothing more after the value, found 'x'", NULL},
    {"a: \"b\" c", "1:8: a key was expected here; check the indentation: the keys of one map start in one column",
     NULL},
    {"a: [1, 2] x", "1:11: a key was expected here; check the indentation: the keys of one map start in one column",
     NULL},
    {"a: 'it's'", "1:8: a key was expected here; check the indentation: the keys of one map start in one column", NULL},
    {"a: yes\nb: on\nc: no", "", "{\"a\":\"yes\",\"b\":\"on\",\"c\":\"no\"}"},
    {"a: 0o17\nb: 0x1f\nc: 1_000", "", "{\"a\":\"0o17\",\"b\":\"0x1f\",\"c\":\"1_000\"}"},
    {"a: +1\nb: -0\nc: 007", "", "{\"a\":1,\"b\":0,\"c\":7}"},
    {"a: 1.\nb: .5\nc: 5e3", "", "{\"a\":1.0,\"b\":0.5,\"c\":5000.0}"},
    {"a: \"1\"\nb: '1.5'", "", "{\"a\":\"1\",\"b\":\"1.5\"}"},
    {"a:   # nothing", "", "{\"a\":null}"},
    {"a: x # y\nb: x#y", "", "{\"a\":\"x\",\"b\":\"x#y\"}"},
    {"a: 2024-01-01", "", "{\"a\":\"2024-01-01\"}"},
    {"a: ~\nb: null\nc:", "", "{\"a\":null,\"b\":null,\"c\":null}"},
    {"a: \"\\q\"", "1:5: there is no such escape; to write a backslash, write \\\\ or take single quotes", NULL},
    {"a:\n  b: [1,\n  2\nc: 3", "4:2: a \",\" or \"]\" was expected here", NULL},
    {"servers:\n  - name: x\n    port: 1\n   host: y",
     "4:4: an element of the list (\"- \") was expected here; check the indentation", NULL},
    {"x: {a: [1, {b: \"c]}", "1:20: a text in quotes does not end", NULL},
    {"text: |\n  one\n two",
     "3:2: a key was expected here; check the indentation: the keys of one map start in one column", NULL},
    {"é: \"ü\" x", "1:8: a key was expected here; check the indentation: the keys of one map start in one column",
     NULL},
};

static void told_text(const struct fl_diags *diags, struct fl_buf *ret_text) {
  fl_buf_add_text(ret_text, "");
  for (size_t i = 0; i < diags->count; i++) {
    const struct fl_diag *diag = &diags->items[i];
    fl_buf_addf(ret_text, "%s%u:%u: %s", i > 0 ? "\n" : "", diag->line, diag->column, diag->message);
    if (diag->suggestion != NULL) fl_buf_addf(ret_text, "; %s", diag->suggestion);
  }
}

static void every_mistake_is_told_with_its_place(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fl_diags diags = {0};
    struct fl_document document = {0};
    FL_BUF_AUTO told = {0};
    int rc = fl_document_parse("a.yaml", fl_slice_of(rows[i].yaml), &document, &diags);
    told_text(&diags, &told);
    if (strcmp(told.data, rows[i].told) != 0)
      fail_msg("%s\n  says     %s\n  expected %s", rows[i].yaml, told.data, rows[i].told);
    if ((rc == 0) != (rows[i].value != NULL)) fail_msg("%s: rc %d", rows[i].yaml, rc);
    char *value = rc == 0 ? fl_dump(document.root, NULL) : NULL;
    if (rc == 0 && strcmp(value, rows[i].value) != 0) fail_msg("%s: is %s, not %s", rows[i].yaml, value, rows[i].value);
    fl_text_free(value);
    fl_document_deinit(&document);
    fl_diags_deinit(&diags);
  }
}

/* A long file: the place of a mistake in its last line is counted right, and in characters. */
static void a_mistake_far_down_has_its_line(void **state) {
  FL_BUF_AUTO text = {0};
  for (int i = 0; i < 5000; i++) fl_buf_addf(&text, "key%d: [é, {a: ü}]\n", i);
  fl_buf_add_text(&text, "éé: 1\néé: .nan\n");
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  assert_int_equal(fl_document_parse("a.yaml", fl_buf_slice(&text), &document, &diags), 0);
  FL_BUF_AUTO told = {0};
  told_text(&diags, &told);
  assert_string_equal(told.data, "5002:1: the key \"éé\" is there twice; remove one of them\n"
                                 "5002:5: infinity and not-a-number are no JSON values; "
                                 "put it in quotes to have it as a text");
  fl_document_deinit(&document);
  fl_diags_deinit(&diags);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_mistake_is_told_with_its_place),
      cmocka_unit_test(a_mistake_far_down_has_its_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
