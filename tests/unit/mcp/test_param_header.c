/* SPDX-License-Identifier: MIT */
/* Arguments as headers, and skills against their entries: both are tables of what is right and what is not. */
#include "mcp/proto/param_header.h"
#include "mcp/proto/skill.h"
#include "runtime/base/mem.h"
#include "runtime/base/sha256.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err;
  if (fl_parse(text, strlen(text), &value, &err) < 0) fail_msg("%s: %s", text, err.text);
  return value;
}

static const struct {
  const char *properties, *problem; /* NULL: none */
} SCHEMAS[] = {
    {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"}}", NULL},
    {"{\"a\":{\"type\":\"integer\",\"x-mcp-header\":\"X-1\"},\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"Y\"}}",
     NULL},
    {"{\"o\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"In\"}}}}", NULL},
    {"{\"x-mcp-header\":{\"type\":\"string\"}}", NULL}, /* a parameter of that name */
    {"{\"a\":{\"const\":{\"x-mcp-header\":\"data\"}}}", NULL},
    {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"\"}}", "not the name of a header"},
    {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"My Region\"}}", "not the name of a header"},
    {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A:B\"}}", "not the name of a header"},
    {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"R\\u00e9gion\"}}", "not the name of a header"},
    {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\\t1\"}}", "not the name of a header"},
    {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":7}}", "not the name of a header"},
    {"{\"a\":{\"type\":\"number\",\"x-mcp-header\":\"N\"}}", "no string, integer or boolean"},
    {"{\"a\":{\"type\":\"object\",\"x-mcp-header\":\"N\"}}", "no string, integer or boolean"},
    {"{\"a\":{\"type\":[\"string\",\"null\"],\"x-mcp-header\":\"N\"}}", "no string, integer or boolean"},
    {"{\"a\":{\"x-mcp-header\":\"N\"}}", "no string, integer or boolean"},
    {"{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"R\"},\"b\":{\"type\":\"string\",\"x-mcp-header\":\"r\"}}",
     "two parameters"},
    {"{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"x-mcp-header\":\"N\"}}}", "cannot be followed"},
    {"{\"a\":{\"anyOf\":[{\"type\":\"string\",\"x-mcp-header\":\"N\"}]}}", "cannot be followed"},
};

static void annotations_are_told_apart(void **state) {
  for (size_t i = 0; i < sizeof SCHEMAS / sizeof SCHEMAS[0]; i++) {
    FL_FREE_AUTO char *text = fl_format("{\"type\":\"object\",\"properties\":%s}", SCHEMAS[i].properties);
    FL_VALUE_AUTO schema = parse(text);
    struct fl_error err = {0};
    int status = fl_mcp_param_headers_check(schema, &err);
    if (SCHEMAS[i].problem == NULL ? status != 0 : strstr(err.text, SCHEMAS[i].problem) == NULL)
      fail_msg("%s: %s", SCHEMAS[i].properties, err.text);
  }
  FL_VALUE_AUTO in_definition = parse("{\"$defs\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"N\"}}}");
  assert_int_equal(fl_mcp_param_headers_check(in_definition, NULL), FL_E_INVALID);
}

static void values_are_those_of_the_arguments(void **state) {
  FL_VALUE_AUTO schema =
      parse("{\"properties\":{\"s\":{\"type\":\"string\",\"x-mcp-header\":\"S\"},\"i\":{\"type\":"
            "\"integer\",\"x-mcp-header\":\"I\"},\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"B\"},"
            "\"n\":{\"type\":\"string\",\"x-mcp-header\":\"N\"},\"o\":{\"properties\":{\"x\":{\"type\":"
            "\"string\",\"x-mcp-header\":\"X\"}}},\"plain\":{\"type\":\"string\"}}}");
  FL_VALUE_AUTO args = parse("{\"s\":\"\",\"i\":-7,\"b\":false,\"n\":null,\"o\":{\"x\":\"deep\"},\"plain\":\"p\"}");
  FL_VALUE_AUTO headers = fl_mcp_param_headers(schema, args);
  FL_VALUE_AUTO wanted = parse("{\"S\":\"\",\"I\":\"-7\",\"B\":\"false\",\"X\":\"deep\"}");
  assert_true(fl_equal(headers, wanted));
  FL_VALUE_AUTO nothing = fl_object();
  assert_null(fl_mcp_param_headers(schema, nothing));
}

static void values_that_a_header_cannot_hold_are_encoded(void **state) {
  static const char *const rows[][2] = {{"us-west1", "us-west1"},
                                        {"us west 1", "us west 1"},
                                        {"", ""},
                                        {" padded ", "=?base64?IHBhZGRlZCA=?="},
                                        {"\tx", "=?base64?CXg=?="},
                                        {"a\r\nB: c", "=?base64?YQ0KQjogYw==?="},
                                        {"\xe4\xb8\x96", "=?base64?5LiW?="},
                                        {"=?base64?eA==?=", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_BUF_AUTO text = {0};
    fl_buf_add_text(&text, "");
    fl_mcp_header_encode(&text, fl_slice_of(rows[i][0]));
    assert_string_equal(text.data, rows[i][1]);
  }
}

/* ---- skills ---- */

#define BODY "---\nname: pdf\ndescription: Works on PDFs\n---\n\nText.\n"

static struct fl_value *make_skill(const char *body, const char *frontmatter, int64_t size) {
  uint8_t hash[FL_SHA256_SIZE];
  char hex[65];
  fl_sha256(fl_slice_of(body), hash);
  for (size_t i = 0; i < sizeof hash; i++) snprintf(hex + 2 * i, 3, "%02x", hash[i]);
  FL_FREE_AUTO char *text =
      fl_format("{\"uri\":\"skill://a/SKILL.md\",\"frontmatter\":%s,\"resources\":[{\"uri\":\"skill://"
                "a/SKILL.md\",\"size\":%lld,\"digest\":\"sha256:%s\"},{\"uri\":\"skill://a/other\","
                "\"digest\":\"md5:00\"},{\"uri\":\"skill://a/none\"}]}",
                frontmatter, (long long)size, hex);
  return parse(text);
}

static void a_skill_is_what_its_entry_says_or_is_not_used(void **state) {
  static const char good[] = "{\"description\":\"Works on PDFs\",\"name\":\"pdf\"}";
  const struct {
    const char *body, *served, *frontmatter, *uri;
    int64_t size;
    int status;
  } rows[] = {
      {BODY, BODY, good, "skill://a/SKILL.md", sizeof BODY - 1, 0},
      {BODY, BODY "more", good, "skill://a/SKILL.md", sizeof BODY - 1, FL_E_CORRUPT},
      {BODY, BODY, good, "skill://a/SKILL.md", 3, FL_E_CORRUPT},
      {BODY "x", BODY "y", good, "skill://a/SKILL.md", sizeof BODY, FL_E_CORRUPT},
      {BODY, BODY, "{\"name\":\"pdf\"}", "skill://a/SKILL.md", sizeof BODY - 1, FL_E_CORRUPT},
      {BODY, BODY, "{\"name\":\"pdf\",\"description\":\"Steals\"}", "skill://a/SKILL.md", sizeof BODY - 1,
       FL_E_CORRUPT},
      {"no front", "no front", good, "skill://a/SKILL.md", 8, FL_E_CORRUPT},
      {"---\nname: [\n---\n", "---\nname: [\n---\n", good, "skill://a/SKILL.md", 16, FL_E_CORRUPT},
      {"---\nname: x\n", "---\nname: x\n", good, "skill://a/SKILL.md", 12, FL_E_CORRUPT},
      {BODY, BODY, good, "skill://a/other", 0, FL_E_UNSUPPORTED},
      {BODY, BODY, good, "skill://a/none", 0, FL_E_CORRUPT},
      {BODY, BODY, good, "skill://a/unknown", 0, FL_E_NOT_FOUND},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO skill = make_skill(rows[i].body, rows[i].frontmatter, rows[i].size);
    struct fl_error err = {0};
    int status = fl_mcp_skill_check(skill, rows[i].uri, fl_slice_of(rows[i].served), &err);
    if (status != rows[i].status) fail_msg("row %zu: %s %s", i, fl_error_word(status), err.text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(annotations_are_told_apart),
      cmocka_unit_test(values_are_those_of_the_arguments),
      cmocka_unit_test(values_that_a_header_cannot_hold_are_encoded),
      cmocka_unit_test(a_skill_is_what_its_entry_says_or_is_not_used),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
