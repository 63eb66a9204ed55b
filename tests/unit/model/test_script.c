/* SPDX-License-Identifier: MIT */
/* The scripted model's file: which reply answers, templates, what is wrong with a file, and the example that the guide
 * starts with. */
#include "runtime/base/mem.h"
#include "runtime/model/script.h"
#include "tests/support/support.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static struct fl_value *json(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_parse(text, strlen(text), &value, &err) < 0) fail_msg("%s: %s", err.text, text);
  return value;
}

static struct fl_script *script_of(const char *text) {
  struct fl_script *script = NULL;
  struct fl_error err = {0};
  if (fl_script_parse("script.yaml", fl_slice_of(text), &script, &err) != 0) fail_msg("%s", err.text);
  return script;
}

static int answer(const struct fl_script *script, const char *messages, struct fl_script_answer *ret_answer,
                  struct fl_error *err) {
  FL_VALUE_AUTO array = json(messages);
  struct fl_list *list = fl_list_from_array(array);
  struct fl_model_request request = {.messages = list};
  int rc = fl_script_answer(script, &request, ret_answer, err);
  fl_list_unref(list);
  return rc;
}

/* The reply's text, or its calls as JSON when it has some. */
static void expect(const struct fl_script *script, const char *messages, const char *expected) {
  struct fl_script_answer got = {0};
  struct fl_error err = {0};
  if (answer(script, messages, &got, &err) != 0) fail_msg("%s", err.text);
  const struct fl_value *calls = fl_get(got.message, "tool_calls");
  char *text = fl_size(calls) > 0 ? fl_dump(fl_get(fl_at(calls, 0), "args"), NULL) : NULL;
  FL_FREE_AUTO char *said = text != NULL ? fl_format("%s %s", fl_get_string(fl_at(calls, 0), "name", ""), text)
                                         : fl_strdup(fl_get_string(got.message, "content", ""));
  assert_string_equal(said, expected);
  fl_text_free(text);
  fl_script_answer_deinit(&got);
}

static void expect_failure(const struct fl_script *script, const char *messages, int code, const char *part) {
  struct fl_script_answer got = {0};
  struct fl_error err = {0};
  assert_int_equal(answer(script, messages, &got, &err), code);
  if (strstr(err.text, part) == NULL) fail_msg("%s", err.text);
  assert_null(got.message);
}

#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define SAID(text) "{\"role\":\"assistant\",\"content\":\"" text "\",\"tool_calls\":[]}"
#define RESULT(name, text) \
  "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"name\":\"" name "\",\"content\":\"" text "\",\"status\":\"ok\"}"

static void the_first_reply_that_fits_answers(void **state) {
  struct fl_script *script = script_of("replies:\n"
                                       "  - { when: { user: '^a' }, text: first }\n"
                                       "  - { when: { user: 'a' }, text: second }\n"
                                       "  - { when: { name: t, tool: '^o' }, text: named }\n"
                                       "  - { when: { tool: 'k$', user: 'z' }, text: both }\n"
                                       "  - { when: { tool: 'k$' }, text: tool }\n");
  expect(script, "[" USER("ab") "]", "first");
  expect(script, "[" USER("ba") "]", "second");
  expect(script, "[" USER("x") "," RESULT("t", "ok") "]", "named");
  expect(script, "[" USER("x") "," RESULT("u", "ok") "]", "tool");
  expect(script, "[" USER("z") "," RESULT("u", "ok") "]", "both");
  expect_failure(script, "[" USER("a") "," SAID("b") "]", FL_E_NOT_FOUND, "no reply to the user's text \"a\"");
  expect_failure(script, "[" USER("x") "," RESULT("u", "no") "]", FL_E_NOT_FOUND, "result of u: \"no\"");
  expect_failure(script, "[]", FL_E_NOT_FOUND, "no reply");
  fl_script_destroy(script);
}

static void templates_are_filled_in(void **state) {
  struct fl_script *script =
      script_of("{\"replies\":["
                "{\"when\":{\"user\":\"^call (\\\\w+) "
                "(\\\\S+)\"},\"calls\":[{\"name\":\"${x}t\",\"args\":{\"n\":\"${match.2}\",\"s\":\"<${match.2}>\","
                "\"deep\":[{\"w\":\"${match.1}\"},7,null]}}]},"
                "{\"when\":{\"user\":\"literal\"},\"text\":\"$${user} $ 5$\"},"
                "{\"when\":{\"user\":\"^me\"},\"text\":\"${user}|${match.0}\"},"
                "{\"when\":{\"user\":\"unknown\"},\"text\":\"${tool.none}\"},"
                "{\"when\":{\"user\":\"group\"},\"text\":\"${match.9}\"},"
                "{\"when\":{\"tool\":\"(o)(k)\",\"user\":\"(.)$\"},\"text\":\"${match.1}${result.2}${tool}${tool.a}${"
                "tool.b}\"}]}");
  expect(script, "[" USER("call it 12") "]", "${x}t {\"n\":12,\"s\":\"<12>\",\"deep\":[{\"w\":\"it\"},7,null]}");
  expect(script, "[" USER("call it 1e2x") "]",
         "${x}t {\"n\":\"1e2x\",\"s\":\"<1e2x>\",\"deep\":[{\"w\":\"it\"},7,null]}");
  expect(script, "[" USER("call it -0.5") "]", "${x}t {\"n\":-0.5,\"s\":\"<-0.5>\",\"deep\":[{\"w\":\"it\"},7,null]}");
  expect(script, "[" USER("call it true") "]",
         "${x}t {\"n\":\"true\",\"s\":\"<true>\",\"deep\":[{\"w\":\"it\"},7,null]}");
  expect(script, "[" USER("literal") "]", "${user} $ 5$");
  expect(script, "[" USER("me too") "]", "me too|me");
  expect(script,
         "[" USER("x") "," RESULT("a", "1") "," RESULT("b", "{\\\"result\\\":{\\\"k\\\":1}}") "," RESULT("a", "ok") "]",
         "xkokok{\"k\":1}");
  expect_failure(script, "[" USER("unknown") "]", FL_E_INVALID, "${tool.none}");
  expect_failure(script, "[" USER("group") "]", FL_E_INVALID, "${match.9}");
  fl_script_destroy(script);
}

static void an_answer_is_a_whole_message(void **state) {
  struct fl_script *script =
      script_of("replies:\n"
                "  - { when: { user: u }, text: t, usage: { input_tokens: 7, output_tokens: 9 } }\n"
                "  - { text: '12345678', calls: [ { name: f }, { name: g, args: { a: 1 } } ], pieces: 3, delay_ms: 5,\n"
                "      error: { status: 429, message: slow, times: 2 } }\n");
  struct fl_script_answer got = {0};
  struct fl_error err = {0};
  assert_int_equal(answer(script, "[" USER("12345") "]", &got, &err), 0);
  FL_VALUE_AUTO expected =
      json("{\"role\":\"assistant\",\"content\":\"12345678\",\"tool_calls\":[{\"id\":\"call_1_0\",\"name\":\"f\","
           "\"args\":{}},"
           "{\"id\":\"call_1_1\",\"name\":\"g\",\"args\":{\"a\":1}}],\"stop_reason\":\"tool_calls\",\"usage\":"
           "{\"input_tokens\":2,\"output_tokens\":23},\"model\":\"scripted\"}");
  char *text = fl_dump(got.message, NULL);
  if (!fl_equal(got.message, expected)) fail_msg("%s", text);
  fl_text_free(text);
  assert_int_equal(got.piece_count, 3);
  assert_int_equal(got.delay_ms, 5);
  assert_int_equal(got.error_status, 429);
  assert_int_equal(got.error_times, 2);
  fl_script_answer_deinit(&got);
  assert_int_equal(answer(script, "[" USER("u") "]", &got, &err), 0);
  assert_int_equal(fl_get_int(fl_get(got.message, "usage"), "output_tokens", 0), 9);
  fl_script_answer_deinit(&got);
  fl_script_destroy(script);
}

static const struct {
  const char *file, *parts[2];
} broken[] = {
    {"", {"script.yaml", ""}},
    {"[1]", {"script.yaml:1", "object"}},
    {"replies: 5\n", {"script.yaml:1", "list"}},
    {"replies: []\n", {"script.yaml:1", "at least one"}},
    {"reply: []\n", {"script.yaml:1", "\"reply\""}},
    {"replies:\n  - 5\n", {"script.yaml:2", "object"}},
    {"replies:\n  - { when: { user: a } }\n", {"script.yaml:2", "text, calls or error"}},
    {"replies:\n  - { text: a }\n  - { txt: a }\n", {"script.yaml:3", "text"}},
    {"replies:\n  - { text: 5 }\n", {"script.yaml:2", "text must be a text"}},
    {"replies:\n  - { text: a, when: { user: '(' } }\n", {"script.yaml:2", "when/user"}},
    {"replies:\n  - { text: a, when: { usr: a } }\n", {"script.yaml:2", "user"}},
    {"replies:\n  - { text: a, pieces: 0 }\n", {"script.yaml:2", "pieces"}},
    {"replies:\n  - { text: a, delay_ms: -1 }\n", {"script.yaml:2", "delay_ms"}},
    {"replies:\n  - { error: { status: 200, message: a } }\n", {"script.yaml:2", "status"}},
    {"replies:\n  - { calls: [ { args: {} } ] }\n", {"script.yaml:2", "name"}},
    {"replies:\n  - { calls: [ 5 ] }\n", {"script.yaml:2", "object"}},
    {"replies:\n  - { text: a, usage: { tokens: 5 } }\n", {"script.yaml:2", "tokens"}},
    {"replies:\n  - { text: 1 }\n  - { text: 2 }\n", {"script.yaml:2", "and 1 more"}},
    {"replies: [\n", {"script.yaml", ""}},
};

static void what_is_wrong_with_a_file_is_said_with_its_place(void **state) {
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    struct fl_script *script = NULL;
    struct fl_error err = {0};
    int rc = fl_script_parse("script.yaml", fl_slice_of(broken[i].file), &script, &err);
    if (rc >= 0) fail_msg("accepted: %s", broken[i].file);
    assert_null(script);
    for (int k = 0; k < 2; k++)
      if (strstr(err.text, broken[i].parts[k]) == NULL) fail_msg("%s gives: %s", broken[i].file, err.text);
  }
  struct fl_script *script = NULL;
  struct fl_error err = {0};
  assert_int_equal(fl_script_load("/nowhere/script.yaml", &script, &err), FL_E_NOT_FOUND);
  assert_non_null(strstr(err.text, "/nowhere/script.yaml"));
  assert_int_equal(fl_script_load("/", &script, &err), FL_E_IO);
}

static void the_example_calculates(void **state) {
  const char *root = getenv("FL_SOURCE_ROOT");
  FL_FREE_AUTO char *path = fl_format("%s/examples/math/script.yaml", root != NULL ? root : ".");
  struct fl_script *script = NULL;
  struct fl_error err = {0};
  if (fl_script_load(path, &script, &err) != 0) fail_msg("%s", err.text);
#define FIRST USER("what's (3 + 5) x 12?")
#define ADDED FIRST "," SAID("") "," RESULT("math__add", "{\\\"result\\\":8}")
#define MULTIPLIED ADDED "," SAID("") "," RESULT("math__multiply", "96")
#define SECOND MULTIPLIED "," SAID("The answer is 96") "," USER("now add 4")
  expect(script, "[" FIRST "]", "math__add {\"a\":3,\"b\":5}");
  expect(script, "[" ADDED "]", "math__multiply {\"a\":8,\"b\":12}");
  expect(script, "[" MULTIPLIED "]", "The answer is 96");
  expect(script, "[" SECOND "]", "math__add {\"a\":96,\"b\":4}");
  expect(script, "[" SECOND "," SAID("") "," RESULT("math__add", "100") "]", "The answer is 100");
  expect(script, "[" USER("What is (-1.5+ 2)*10 ?") "]", "math__add {\"a\":-1.5,\"b\":2}");
  expect(script, "[" MULTIPLIED "," SAID("") "," USER("and multiply it by 2") "]", "math__multiply {\"a\":96,\"b\":2}");
  expect(script, "[" FIRST "," SAID("") "," RESULT("math__add", "denied by the policy") "]",
         "That did not work: denied by the policy");
  expect(script, "[" USER("hello") "]", "I am a script: ask me what's (3 + 5) x 12, and then to add 4.");
  fl_script_destroy(script);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_reply_that_fits_answers),
      cmocka_unit_test(templates_are_filled_in),
      cmocka_unit_test(an_answer_is_a_whole_message),
      cmocka_unit_test(what_is_wrong_with_a_file_is_said_with_its_place),
      cmocka_unit_test(the_example_calculates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
