/* SPDX-License-Identifier: MIT */
/* User files: YAML and JSON give the same values, every place is known, and what is wrong is said in words. */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/yaml.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

static int parse(const char *file, const char *text, struct fl_document *document, struct fl_diags *diags) {
  return fl_document_parse(file, fl_slice_of(text), document, diags);
}

/* ---- values ---- */

struct row {
  const char *yaml, *json;
};

static const struct row values[] = {
    {"a: 1", "{\"a\":1}"},
    {"- 1\n- 2", "[1,2]"},
    {"just a text", "\"just a text\""},
    {"a: ~\nb: null\nc:\nd: NULL", "{\"a\":null,\"b\":null,\"c\":null,\"d\":null}"},
    {"[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]"},
    {"x: [yes, no, on, off, y, n, Yes, NO]", "{\"x\":[\"yes\",\"no\",\"on\",\"off\",\"y\",\"n\",\"Yes\",\"NO\"]}"},
    {"on: 1\nno: 2", "{\"on\":1,\"no\":2}"},
    {"[0, -1, +12, 012, 9223372036854775807, -9223372036854775808]",
     "[0,-1,12,12,9223372036854775807,-9223372036854775808]"},
    {"x: [0o17, 0x1f, 0b1, 1_000, 1:30, 2001-01-01]",
     "{\"x\":[\"0o17\",\"0x1f\",\"0b1\",\"1_000\",\"1:30\",\"2001-01-01\"]}"},
    {"x: [1.5, -0.5, .5, 1., 1e3, 1.5E-2, +1.0]", "{\"x\":[1.5,-0.5,0.5,1.0,1000.0,0.015,1.0]}"},
    {"x: [., -, .e1, 1e, e1, 1.2.3, --1, +]", "{\"x\":[\".\",\"-\",\".e1\",\"1e\",\"e1\",\"1.2.3\",\"--1\",\"+\"]}"},
    {"x: [\"1\", '1', \"true\", 'null', \"\", '']", "{\"x\":[\"1\",\"1\",\"true\",\"null\",\"\",\"\"]}"},
    {"x: \"a\\tb\\u00e9\\x41\"", "{\"x\":\"a\\tb\\u00e9A\"}"},
    {"x: 'it''s'", "{\"x\":\"it's\"}"},
    {"x: |\n  two\n  lines\ny: 1", "{\"x\":\"two\\nlines\\n\",\"y\":1}"},
    {"x: >-\n  two\n  lines", "{\"x\":\"two lines\"}"},
    {"x: |\n  1", "{\"x\":\"1\"}"},
    {"{a: 1, \"b\": [2, {c: 3}]}", "{\"a\":1,\"b\":[2,{\"c\":3}]}"},
    {"\"1\": a\n'true': b", "{\"1\":\"a\",\"true\":\"b\"}"},
    {"# a comment\na: 1 # another\n", "{\"a\":1}"},
    {"---\na: 1\n...\n", "{\"a\":1}"},
    {"%YAML 1.2\n---\na: 1", "{\"a\":1}"},
    {"\xef\xbb\xbf"
     "a: 1",
     "{\"a\":1}"},
    {"a:\r\n  - 1\r\n  - 2\r\n", "{\"a\":[1,2]}"},
    {"edges:\n  - START -> agent\n  - {from: agent, to: END}",
     "{\"edges\":[\"START -> agent\",{\"from\":\"agent\",\"to\":\"END\"}]}"},
    {"a: {}\nb: []\nc: ''", "{\"a\":{},\"b\":[],\"c\":\"\"}"},
    {"\u00e9: \U0001F600", "{\"\u00e9\":\"\U0001F600\"}"},
};

/* Each YAML text gives what its JSON gives, and that JSON, read as a file, gives the same. */
static void yaml_and_json_agree(void **state) {
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    struct fl_diags diags = {0};
    struct fl_document yaml = {0}, json = {0};
    struct fl_value *expected = NULL;
    assert_int_equal(fl_parse(values[i].json, strlen(values[i].json), &expected, NULL), 0);
    assert_int_equal(parse("a.yaml", values[i].yaml, &yaml, &diags), 0);
    assert_int_equal(parse("a.json", values[i].json, &json, &diags), 0);
    if (diags.count > 0) fail_msg("%s: %s", values[i].yaml, diags.items[0].message);
    char *got = fl_dump(yaml.root, NULL);
    if (!fl_equal(yaml.root, expected)) fail_msg("%s: got %s", values[i].yaml, got);
    assert_true(fl_equal(json.root, expected));
    fl_text_free(got);
    fl_value_unref(expected);
    fl_document_deinit(&yaml);
    fl_document_deinit(&json);
    fl_document_deinit(&json);
    fl_diags_deinit(&diags);
  }
}

static void numbers_keep_their_kind(void **state) {
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  assert_int_equal(parse("a.yaml", "[1, 1.0, '1', 1e0]", &document, &diags), 0);
  assert_true(fl_is(fl_at(document.root, 0), FL_INT));
  assert_true(fl_is(fl_at(document.root, 1), FL_DOUBLE));
  assert_true(fl_is(fl_at(document.root, 2), FL_STRING));
  assert_true(fl_is(fl_at(document.root, 3), FL_DOUBLE));
  fl_document_deinit(&document);
}

/* ---- places ---- */

static void assert_place(const struct fl_document *document, const char *pointer, bool of_key, unsigned line,
                         unsigned column) {
  uint32_t got_line, got_column;
  fl_document_position(document, pointer, of_key, &got_line, &got_column);
  if (got_line != line || got_column != column)
    fail_msg("%s%s: expected %u:%u, got %u:%u", pointer, of_key ? " (key)" : "", line, column, got_line, got_column);
}

static void knows_the_place_of_everything_in_yaml(void **state) {
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  static const char text[] =
      "# top\nname: x\nnodes:\n  agent: {type: agent, é: [1, 22]}\n  \"a/b~c\":\n    - k: v\n      l: w\n    - z\n";
  assert_int_equal(parse("a.yaml", text, &document, &diags), 0);
  assert_place(&document, "", false, 2, 1);
  assert_place(&document, "/name", true, 2, 1);
  assert_place(&document, "/name", false, 2, 7);
  assert_place(&document, "/nodes", true, 3, 1);
  assert_place(&document, "/nodes/agent", true, 4, 3);
  assert_place(&document, "/nodes/agent", false, 4, 10);
  assert_place(&document, "/nodes/agent/type", false, 4, 17);
  assert_place(&document, "/nodes/agent/é", true, 4, 24);
  assert_place(&document, "/nodes/agent/é/1", false, 4, 31);
  assert_place(&document, "/nodes/a~1b~0c", true, 5, 3);
  assert_place(&document, "/nodes/a~1b~0c/0/l", true, 7, 7);
  assert_place(&document, "/nodes/a~1b~0c/1", false, 8, 7);
  assert_place(&document, "/nodes/a~1b~0c/1", true, 8, 7);
  assert_place(&document, "/nodes/agent/missing/deep", false, 4, 10);
  assert_place(&document, "/nodes/a~1b~0c/2", true, 5, 3);
  assert_place(&document, "/nodes/a~1b~0c/x", true, 5, 3);
  fl_document_deinit(&document);
}

static void knows_the_place_of_everything_in_json(void **state) {
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  static const char text[] = "\n {\n  \"name\": \"x\\\"y\",\n  \"é\" : {\"type\": [ 1, -2.5e3 , {}]},\n  \"n\":null}\n";
  assert_int_equal(parse("a.json", text, &document, &diags), 0);
  assert_place(&document, "", false, 2, 2);
  assert_place(&document, "/name", true, 3, 3);
  assert_place(&document, "/name", false, 3, 11);
  assert_place(&document, "/é", true, 4, 3);
  assert_place(&document, "/é", false, 4, 9);
  assert_place(&document, "/é/type/1", false, 4, 23);
  assert_place(&document, "/é/type/2", false, 4, 32);
  assert_place(&document, "/n", true, 5, 3);
  assert_place(&document, "/n", false, 5, 7);
  fl_document_deinit(&document);
}

static void a_diagnostic_points_into_the_file(void **state) {
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  assert_int_equal(parse("dir/a.yaml", "a: 1\nb:\n  c: 2\n", &document, &diags), 0);
  fl_document_diag(&document, &diags, FL_SEVERITY_WARNING, "/b/c", true, "write d", "%s is odd", "c");
  char *text = fl_diag_format(&diags.items[0]);
  assert_string_equal(text, "dir/a.yaml:3:3: warning: c is odd (at /b/c); write d");
  fl_free(text);
  fl_diags_deinit(&diags);
  fl_document_deinit(&document);
}

/* ---- mistakes ---- */

struct mistake {
  const char *file, *text;
  int code; /* 0: there are errors, but a document as well */
  unsigned line, column;
  const char *message, *suggestion;
};

static const struct mistake mistakes[] = {
    {"a.yaml", "", FL_E_INVALID, 1, 1, "the file is empty", NULL},
    {"a.yaml", "# nothing\n", FL_E_INVALID, 1, 1, "the file is empty", NULL},
    {"a.yaml", "a: 1\na: 2", 0, 2, 1, "the key \"a\" is there twice", "remove one"},
    {"a.yaml", "x: {a: 1, b: 2, \"a\": {c: 3}}", 0, 1, 17, "the key \"a\" is there twice", "remove one"},
    {"a.yaml", "a: &x 1", 0, 1, 4, "anchors", "write the value out"},
    {"a.yaml", "a: &x\n  b: 1", 0, 1, 4, "anchors", NULL},
    {"a.yaml", "a: !!int 1", 0, 1, 4, "tags", NULL},
    {"a.yaml", "a: !x [1]", 0, 1, 4, "tags", NULL},
    {"a.yaml", "a: ! x", 0, 1, 4, "tags", NULL},
    {"a.yaml", "a: 1\n<<: {b: 2}", 0, 2, 1, "merge keys", "write the members out"},
    {"a.yaml", "1: a", 0, 1, 1, "a key must be a text", "quotes"},
    {"a.yaml", "true: a", 0, 1, 1, "a key must be a text", "quotes"},
    {"a.yaml", "? [a]\n: b", 0, 1, 3, "a key must be a text, not a list or a map", NULL},
    {"a.yaml", "x: {{a}: b}", 0, 1, 5, "a key must be a text, not a list or a map", NULL},
    {"a.yaml", "a: 1\n---\nb: 2", 0, 2, 1, "second document", "file of its own"},
    {"a.yaml", "a: 99999999999999999999", 0, 1, 4, "does not fit in 64 bits", "quotes"},
    {"a.yaml", "a: 1e999", 0, 1, 4, "too large", NULL},
    {"a.yaml", "a: .inf", 0, 1, 4, "infinity", NULL},
    {"a.yaml", "a: -.INF", 0, 1, 4, "infinity", NULL},
    {"a.yaml", "a: .nan", 0, 1, 4, "not-a-number", NULL},
    {"a.yaml", "a: \"x\\0y\"", 0, 1, 4, "NUL", NULL},
    {"a.yaml", "a:\n\tb: 1", FL_E_SYNTAX, 2, 1, "a tab cannot indent", "use spaces"},
    {"a.yaml", "a: b: c", FL_E_SYNTAX, 1, 5, "no key can be", "quotes"},
    {"a.yaml", "a: @x", FL_E_SYNTAX, 1, 4, "cannot start with this character", "quotes"},
    {"a.yaml", "a: 'x", FL_E_SYNTAX, 1, 6, "does not end", NULL},
    {"a.yaml", "a: [1, 2", FL_E_SYNTAX, 1, 9, "\",\" or \"]\" was expected", NULL},
    {"a.yaml", "a: {b: 1", FL_E_SYNTAX, 1, 9, "\",\" or \"}\" was expected", NULL},
    {"a.yaml", "a:\n  b: 1\n c: 2", FL_E_SYNTAX, 3, 2, "a key was expected", "indentation"},
    {"a.yaml", "a: \xff", FL_E_SYNTAX, 1, 4, "UTF-8", NULL},
    {"a.yaml", "é: 1\na: \x01", FL_E_SYNTAX, 2, 4, "control character", NULL},
    {"a.yaml",
     "\xff\xfe"
     "a",
     FL_E_SYNTAX, 1, 1, "UTF-16", "save it as UTF-8"},
    {"a.json", "{\"a\": 1,}", FL_E_SYNTAX, 1, 0, "", NULL},
    {"a.json", "{\n\"a\": 1,\n\"a\": 2}", FL_E_SYNTAX, 3, 0, "", NULL},
    {"a.json", "a: 1", FL_E_SYNTAX, 1, 0, "", NULL},
    {"a.yaml", "{\"a\": 1, \"b\" 2}", FL_E_SYNTAX, 1, 0, "", NULL},
};

static void says_what_is_wrong_and_where(void **state) {
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    const struct mistake *m = &mistakes[i];
    struct fl_diags diags = {0};
    struct fl_document document = {0};
    int rc = parse(m->file, m->text, &document, &diags);
    if (diags.count == 0 || rc != m->code) fail_msg("%s: rc %d, %zu messages", m->text, rc, diags.count);
    const struct fl_diag *diag = &diags.items[0];
    bool same_place = diag->line == m->line && (m->column == 0 || diag->column == m->column);
    if (!same_place || strstr(diag->message, m->message) == NULL ||
        (m->suggestion != NULL && (diag->suggestion == NULL || strstr(diag->suggestion, m->suggestion) == NULL)))
      fail_msg("%s: got %u:%u %s; %s", m->text, diag->line, diag->column, diag->message, diag->suggestion);
    assert_int_equal(diags.error_count, diags.count);
    assert_true((document.root != NULL) == (rc == 0));
    fl_document_deinit(&document);
    fl_diags_deinit(&diags);
  }
}

static void says_everything_at_once(void **state) {
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  static const char text[] = "a: &x 1\nb: *x\na: {deep: [1, 2]}\n<<: {c: 1}\n5: y\nz: last\n---\nsecond: 1\n";
  assert_int_equal(parse("a.yaml", text, &document, &diags), 0);
  assert_int_equal(diags.count, 6);
  assert_int_equal(fl_get_int(document.root, "a", 0), 1);
  assert_string_equal(fl_get_string(document.root, "z", ""), "last");
  assert_null(fl_get(document.root, "c"));
  assert_place(&document, "/z", false, 6, 4);
  fl_document_deinit(&document);
  fl_diags_deinit(&diags);
}

static void braces_may_be_yaml(void **state) {
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  assert_int_equal(parse("a.yaml", "{a: 1, b: [x, y]} # flow", &document, &diags), 0);
  assert_int_equal(fl_get_int(document.root, "a", 0), 1);
  assert_int_equal(diags.count, 0);
  fl_document_deinit(&document);
  assert_int_equal(parse("a.json", "{a: 1}", &document, &diags), FL_E_SYNTAX);
  assert_int_equal(diags.count, 1);
  fl_diags_deinit(&diags);
}

static char *repeat(const char *part, size_t count) {
  struct fl_buf text = {0};
  for (size_t i = 0; i < count; i++) fl_buf_add_text(&text, part);
  return fl_buf_take(&text, NULL);
}

static void assert_limit(const char *file, char *text) {
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  assert_int_equal(parse(file, text, &document, &diags), FL_E_LIMIT);
  assert_int_equal(diags.error_count, 1);
  fl_diags_deinit(&diags);
  fl_free(text);
}

static void bounds_depth_and_size(void **state) {
  assert_limit("a.yaml", repeat("- ", 100000));
  assert_limit("a.yaml", repeat("a: {", FL_DOCUMENT_DEPTH_MAX + 1));
  assert_limit("a.yaml", repeat("x", FL_DOCUMENT_SIZE_MAX + 1));
  struct fl_buf text = {0};
  for (int i = 0; i < FL_DOCUMENT_DEPTH_MAX + 1; i++) fl_buf_add_char(&text, '[');
  for (int i = 0; i < FL_DOCUMENT_DEPTH_MAX + 1; i++) fl_buf_add_char(&text, ']');
  assert_limit("a.json", fl_strdup(text.data));
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  assert_int_equal(fl_document_parse("a.json", fl_slice_n(text.data + 1, text.size - 2), &document, &diags), 0);
  fl_document_deinit(&document);
  fl_buf_deinit(&text);
}

/* libyaml gives up on 100,000 brackets by itself or runs into our limit; either way it ends, and quickly. */
static void survives_a_wall_of_brackets(void **state) {
  char *text = repeat("[", 100000);
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  assert_true(parse("a.yaml", text, &document, &diags) < 0);
  assert_true(diags.error_count > 0);
  fl_diags_deinit(&diags);
  fl_free(text);
}

static void survives_being_cut_anywhere(void **state) {
  static const char *const texts[] = {
      "a: &x [1, \"two\\n\", {b: 'c'}]\n? k\n: |\n  text\n<<: *x\nd: !t 5\n---\nz: é\n",
      "{\"a\": [1, -2.5e3, \"x\\u00e9\\\"\"], \"b\": {\"c\": null, \"d\": [true, {}]}}",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    for (size_t size = 0; size <= strlen(texts[i]); size++) {
      char *copy = fl_strndup(texts[i], size);
      struct fl_diags diags = {0};
      struct fl_document document = {0};
      int rc = fl_document_parse(NULL, fl_slice_n(copy, size), &document, &diags);
      assert_true(rc == 0 || diags.error_count > 0);
      fl_document_deinit(&document);
      fl_diags_deinit(&diags);
      fl_free(copy);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(yaml_and_json_agree),
      cmocka_unit_test(numbers_keep_their_kind),
      cmocka_unit_test(knows_the_place_of_everything_in_yaml),
      cmocka_unit_test(knows_the_place_of_everything_in_json),
      cmocka_unit_test(a_diagnostic_points_into_the_file),
      cmocka_unit_test(says_what_is_wrong_and_where),
      cmocka_unit_test(says_everything_at_once),
      cmocka_unit_test(braces_may_be_yaml),
      cmocka_unit_test(bounds_depth_and_size),
      cmocka_unit_test(survives_a_wall_of_brackets),
      cmocka_unit_test(survives_being_cut_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
