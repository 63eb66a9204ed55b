/* SPDX-License-Identifier: MIT */
/* Anthropic's messages: blocks and what they become, and the requests that go out, in which what came back goes in
 * again. The recorded replies are in test_streams.c. */
#include "runtime/base/mem.h"
#include "runtime/model/model.h"
#include "tests/support/support.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct fl_value *json(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  if (fl_parse(text, strlen(text), &value, &err) < 0) fail_msg("%s: %s", err.text, text);
  return value;
}

static void expect_json(const char *name, const struct fl_value *value, const char *expected_text) {
  FL_VALUE_AUTO expected = json(expected_text);
  if (fl_equal(value, expected)) return;
  char *text = fl_dump(value, NULL);
  fail_msg("%s:\n got %s\nwant %s", name, text, expected_text);
}

/* One event per line. */
static int decode(const char *lines, struct fl_value **ret_message, struct fl_error *err) {
  FL_BUF_AUTO stream = {0};
  FL_FREE_AUTO char *copy = fl_strdup(lines);
  for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n"))
    fl_buf_addf(&stream, "event: x\ndata: %s\n\n", line);
  struct fl_model_decoder *decoder = fl_wire_anthropic.decoder_create();
  int rc = 0;
  for (size_t i = 0; i < stream.size && rc == 0; i++)
    rc = fl_wire_anthropic.decoder_feed(decoder, fl_slice_n(stream.data + i, 1), NULL, err);
  if (rc == 0) rc = fl_wire_anthropic.decoder_finish(decoder, ret_message, err);
  fl_wire_anthropic.decoder_destroy(decoder);
  return rc;
}

#define BLOCK(index, block) "{\"type\":\"content_block_start\",\"index\":" index ",\"content_block\":{" block "}}\n"
#define DELTA(index, delta) "{\"type\":\"content_block_delta\",\"index\":" index ",\"delta\":{" delta "}}\n"
#define CLOSE(index) "{\"type\":\"content_block_stop\",\"index\":" index "}\n"
#define TEXT(index, text)                         \
  BLOCK(index, "\"type\":\"text\",\"text\":\"\"") \
  DELTA(index, "\"type\":\"text_delta\",\"text\":\"" text "\"") CLOSE(index)
#define END(reason) \
  "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason "\"}}\n{\"type\":\"message_stop\"}\n"
#define MESSAGE(content, calls, stop) \
  "{\"role\":\"assistant\",\"content\":" content ",\"tool_calls\":[" calls "],\"stop_reason\":\"" stop "\"}"

struct row {
  const char *name, *lines, *message;
};
static const struct row rows[] = {
    {"text", TEXT("0", "a") END("end_turn"), MESSAGE("\"a\"", "", "stop")},
    {"two texts", TEXT("0", "a") TEXT("1", "b") END("stop_sequence"), MESSAGE("\"ab\"", "", "stop")},
    {"text in the start",
     BLOCK("0", "\"type\":\"text\",\"text\":\"a\"") DELTA("0", "\"type\":\"text_delta\",\"text\":\"b\"")
         END("end_turn"),
     MESSAGE("\"ab\"", "", "stop")},
    {"an empty text is nothing", TEXT("0", "") END("end_turn"), MESSAGE("\"\"", "", "stop")},
    {"nothing at all", END("end_turn"), MESSAGE("\"\"", "", "stop")},
    {"pings and news", "{\"type\":\"ping\"}\n{\"type\":\"something_new\",\"index\":9}\n" TEXT("0", "a") END("end_turn"),
     MESSAGE("\"a\"", "", "stop")},
    {"nothing counts after the stop",
     TEXT("0", "a") END("end_turn") "{\"type\":\"error\",\"error\":{\"message\":\"late\"}}\n",
     MESSAGE("\"a\"", "", "stop")},
    {"length", TEXT("0", "a") END("max_tokens"), MESSAGE("\"a\"", "", "length")},
    {"context window", TEXT("0", "a") END("model_context_window_exceeded"), MESSAGE("\"a\"", "", "length")},
    {"pause", TEXT("0", "a") END("pause_turn"), MESSAGE("\"a\"", "", "pause")},
    {"refusal", TEXT("0", "a") END("refusal"), MESSAGE("\"a\"", "", "refusal")},
    {"a reason of its own", TEXT("0", "a") END("new_reason"), MESSAGE("\"a\"", "", "other")},
    {"thinking",
     BLOCK("0", "\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"")
         DELTA("0", "\"type\":\"thinking_delta\",\"thinking\":\"h\"")
             DELTA("0", "\"type\":\"thinking_delta\",\"thinking\":\"m\"")
                 DELTA("0", "\"type\":\"signature_delta\",\"signature\":\"S\"") CLOSE("0") BLOCK(
                     "1", "\"type\":\"redacted_thinking\",\"data\":\"D\"") CLOSE("1") TEXT("2", "a") END("end_turn"),
     MESSAGE("[{\"type\":\"reasoning\",\"text\":\"hm\",\"signature\":\"S\",\"provider\":\"anthropic\"},"
             "{\"type\":\"reasoning\",\"text\":\"\",\"redacted\":\"D\",\"provider\":\"anthropic\"},{\"type\":\"text\","
             "\"text\":\"a\"}]",
             "", "stop")},
    {"citations stay with their text",
     BLOCK("0", "\"type\":\"text\",\"text\":\"\",\"citations\":[]") DELTA("0", "\"type\":\"text_delta\",\"text\":\"a\"")
         DELTA("0", "\"type\":\"citations_delta\",\"citation\":{\"url\":\"u\"}") END("end_turn"),
     MESSAGE("[{\"type\":\"text\",\"text\":\"a\",\"provider\":\"anthropic\",\"citations\":[{\"url\":\"u\"}]}]", "",
             "stop")},
    {"a tool call",
     BLOCK("0", "\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}")
         DELTA("0", "\"type\":\"input_json_delta\",\"partial_json\":\"\"")
             DELTA("0", "\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\"")
                 DELTA("0", "\"type\":\"input_json_delta\",\"partial_json\":\"1}\"") END("tool_use"),
     MESSAGE("\"\"", "{\"id\":\"t\",\"name\":\"f\",\"args\":{\"a\":1}}", "tool_calls")},
    {"a tool call without arguments",
     BLOCK("0", "\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}") END("tool_use"),
     MESSAGE("\"\"", "{\"id\":\"t\",\"name\":\"f\",\"args\":{}}", "tool_calls")},
    {"a tool call from code",
     BLOCK("0", "\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1},\"caller\":{\"type\":\"code\","
                "\"tool_id\":\"s\"}") END("tool_use"),
     MESSAGE("\"\"",
             "{\"id\":\"t\",\"name\":\"f\",\"args\":{\"a\":1},\"caller\":{\"type\":\"code\",\"tool_id\":\"s\"}}",
             "tool_calls")},
    {"a server's tool",
     BLOCK("0", "\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}")
         DELTA("0", "\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"q\\\":1}\"")
             BLOCK("1", "\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[1]") TEXT("2", "a")
                 END("end_turn"),
     MESSAGE("[{\"type\":\"provider\",\"provider\":\"anthropic\",\"value\":{\"type\":\"server_tool_use\",\"id\":\"s\","
             "\"name\":\"web_search\",\"input\":{\"q\":1}}},"
             "{\"type\":\"provider\",\"provider\":\"anthropic\",\"value\":{\"type\":\"web_search_tool_result\",\"tool_"
             "use_id\":\"s\",\"content\":[1]}},"
             "{\"type\":\"text\",\"text\":\"a\"}]",
             "", "stop")},
    {"a server's tool cut off",
     BLOCK("0", "\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}")
         DELTA("0", "\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"q\\\":\"") END("max_tokens"),
     MESSAGE("\"\"", "", "length")},
    {"deltas of a kind that is new",
     BLOCK("0", "\"type\":\"compaction\",\"content\":null")
         DELTA("0", "\"type\":\"compaction_delta\",\"content\":\"x\"")
             DELTA("0", "\"type\":\"compaction_delta\",\"content\":\"y\",\"n\":1") END("end_turn"),
     MESSAGE("[{\"type\":\"provider\",\"provider\":\"anthropic\",\"value\":{\"type\":\"compaction\",\"content\":\"xy\","
             "\"n\":1}}]",
             "", "stop")},
    {"blocks in turns",
     BLOCK("0", "\"type\":\"text\",\"text\":\"\"") BLOCK("1", "\"type\":\"text\",\"text\":\"\"")
         DELTA("1", "\"type\":\"text_delta\",\"text\":\"b\"") DELTA("0", "\"type\":\"text_delta\",\"text\":\"a\"")
             END("end_turn"),
     MESSAGE("\"ab\"", "", "stop")},
    {"usage",
     "{\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":5,\"cache_read_input_"
     "tokens\":3,\"output_tokens\":1}}}\n" TEXT(
         "0", "a") "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":"
                   "7,\"cache_creation_input_tokens\":2,"
                   "\"output_tokens_details\":{\"thinking_tokens\":4}}}\n{\"type\":\"message_stop\"}\n",
     "{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[],\"stop_reason\":\"stop\",\"model\":\"c\",\"usage\":{"
     "\"input_tokens\":10,\"output_tokens\":7,"
     "\"cached_tokens\":3,\"cache_write_tokens\":2,\"reasoning_tokens\":4}}"},
};

static void blocks_become_parts(void **state) {
  for (size_t i = 0; i < COUNT(rows); i++) {
    FL_VALUE_AUTO message = NULL;
    struct fl_error err = {0};
    if (decode(rows[i].lines, &message, &err) != 0) fail_msg("%s: %s", rows[i].name, err.text);
    expect_json(rows[i].name, message, rows[i].message);
  }
}

static const struct {
  const char *name, *lines;
  int code;
  const char *text;
} failures[] = {
    {"no stop", TEXT("0", "a") "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n",
     FL_E_TRUNCATED, "before the answer was whole"},
    {"[DONE] is not its end", TEXT("0", "a") "\"x\"\n", FL_E_PROTOCOL, "without a type"},
    {"overloaded",
     TEXT("0", "a") "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n",
     FL_E_RATE, "Overloaded"},
    {"invalid", "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"bad\"}}\n",
     FL_E_INVALID, "(invalid_request_error): bad"},
    {"a delta without its block", DELTA("3", "\"type\":\"text_delta\",\"text\":\"a\""), FL_E_PROTOCOL, "block 3"},
    {"no type", "{\"a\":1}\n", FL_E_PROTOCOL, "without a type"},
    {"a block that is none", "{\"type\":\"content_block_start\",\"index\":0}\n", FL_E_PROTOCOL, "not an object"},
};

static void failures_are_named(void **state) {
  for (size_t i = 0; i < COUNT(failures); i++) {
    FL_VALUE_AUTO message = NULL;
    struct fl_error err = {0};
    int rc = decode(failures[i].lines, &message, &err);
    if (rc != failures[i].code || strstr(err.text, failures[i].text) == NULL)
      fail_msg("%s: %d %s", failures[i].name, rc, err.text);
    assert_null(message);
  }
}

static void half_a_call_is_never_executed(void **state) {
  FL_VALUE_AUTO message = NULL;
  struct fl_error err = {0};
  assert_int_equal(decode(BLOCK("0", "\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}") DELTA(
                              "0", "\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\"") END("max_tokens"),
                          &message, &err),
                   0);
  assert_int_equal(fl_size(fl_get(message, "tool_calls")), 0);
  assert_string_equal(fl_get_string(fl_at(fl_get(message, "invalid_tool_calls"), 0), "text", ""), "{\"a\":");
}

static void whole_replies_are_read_too(void **state) {
  FL_VALUE_AUTO message = NULL;
  struct fl_error err = {0};
  assert_int_equal(fl_wire_anthropic.read_whole(
                       FL_SLICE("{\"type\":\"message\",\"model\":\"c\",\"content\":[{\"type\":\"thinking\","
                                "\"thinking\":\"hm\",\"signature\":\"S\"},{\"type\":\"text\",\"text\":\"a\"},"
                                "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1}}],\"stop_"
                                "reason\":\"tool_use\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}"),
                       &message, &err),
                   0);
  expect_json("whole", message,
              "{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"text\":\"hm\",\"signature\":\"S\","
              "\"provider\":\"anthropic\"},{\"type\":\"text\",\"text\":\"a\"}],"
              "\"tool_calls\":[{\"id\":\"t\",\"name\":\"f\",\"args\":{\"a\":1}}],\"stop_reason\":\"tool_calls\","
              "\"usage\":{\"input_tokens\":1,\"output_tokens\":2},\"model\":\"c\"}");
  struct fl_value *none = NULL;
  assert_int_equal(fl_wire_anthropic.read_whole(FL_SLICE("{\"type\":\"message\"}"), &none, &err), FL_E_PROTOCOL);
  assert_int_equal(
      fl_wire_anthropic.read_whole(
          FL_SLICE("{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"no\"}}"), &none, &err),
      FL_E_REMOTE);
}

/* ---- requests ---- */

struct asked {
  const char *system;
  const struct fl_value *messages;
  const char *tools;
};

static int build(struct fl_model_config *config, const struct asked *asked, struct fl_value **ret_body,
                 struct fl_error *err) {
  char *url = NULL, **headers = NULL;
  FL_BUF_AUTO body = {0};
  FL_VALUE_AUTO tool_array = asked->tools != NULL ? json(asked->tools) : NULL;
  struct fl_list *list = fl_list_from_array(asked->messages);
  struct fl_model_request request = {.config = config, .system = asked->system, .messages = list, .tools = tool_array};
  int rc = fl_wire_anthropic.build(&request, &url, &headers, &body, err);
  if (rc == 0) {
    *ret_body = json(body.data);
    assert_string_equal(url, "https://api.anthropic.com/v1/messages");
    assert_string_equal(headers[2], "anthropic-version: 2023-06-01");
    assert_string_equal(headers[3], "x-api-key: k");
  }
  fl_list_unref(list);
  fl_free(url);
  fl_model_headers_free(headers);
  return rc;
}

static void a_conversation_becomes_a_request(void **state) {
  FL_VALUE_AUTO settings = json("{\"temperature\":0.5,\"max_tokens\":100,\"stop\":\"x\",\"tool_choice\":\"required\","
                                "\"parallel_tool_calls\":false,"
                                "\"reasoning_effort\":\"low\",\"extra\":{\"metadata\":{\"user_id\":\"u\"}}}");
  struct fl_model_config config = {
      .provider = FL_MODEL_ANTHROPIC, .model = (char *)"c", .api_key = (char *)"k", .settings = settings};
  struct fl_error err = {0};
  FL_VALUE_AUTO messages = json(
      "[{\"role\":\"system\",\"content\":\"More.\"},{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"user\","
      "\"content\":[{\"type\":\"text\",\"text\":\"\"},"
      "{\"type\":\"image\",\"mime_type\":\"image/jpeg\",\"data\":\"QQ==\"},{\"type\":\"image\",\"url\":\"https://h/"
      "i\"}]},"
      "{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"text\":\"hm\",\"signature\":\"S\",\"provider\":"
      "\"anthropic\"},"
      "{\"type\":\"reasoning\",\"text\":\"\",\"redacted\":\"D\",\"provider\":\"anthropic\"},{\"type\":\"reasoning\","
      "\"text\":\"theirs\"},"
      "{\"type\":\"provider\",\"provider\":\"anthropic\",\"value\":{\"type\":\"server_tool_use\"}},{\"type\":"
      "\"provider\",\"provider\":\"openai\",\"value\":1},"
      "{\"type\":\"text\",\"text\":\"a\",\"provider\":\"anthropic\",\"citations\":[1]}],\"tool_calls\":[{\"id\":\"t\","
      "\"name\":\"f\",\"args\":{\"a\":1}},"
      "{\"id\":\"u\",\"name\":\"g\",\"args\":{}}],\"invalid_tool_calls\":[{\"id\":\"i\",\"name\":\"f\",\"text\":\"{\","
      "\"error\":\"e\"}]},"
      "{\"role\":\"tool\",\"tool_call_id\":\"t\",\"content\":\"1\",\"status\":\"ok\"},{\"role\":\"tool\",\"tool_call_"
      "id\":\"u\",\"content\":"
      "[{\"type\":\"image\",\"mime_type\":\"image/"
      "png\",\"data\":\"QQ==\"}],\"status\":\"error\"},{\"role\":\"tool\",\"tool_call_id\":\"i\",\"content\":\"no\"},"
      "{\"role\":\"user\",\"content\":\"so?\"},{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[]}]");
  FL_VALUE_AUTO body = NULL;
  assert_int_equal(
      build(&config,
            &(struct asked){"Be brief.", messages,
                            "[{\"name\":\"f\",\"description\":\"F\",\"input_schema\":{\"type\":\"object\"}}]"},
            &body, &err),
      0);
  expect_json("conversation", body,
              "{\"model\":\"c\",\"system\":\"Be brief.\\n\\nMore.\",\"messages\":["
              "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"image\",\"source\":{"
              "\"type\":\"base64\",\"media_type\":\"image/jpeg\","
              "\"data\":\"QQ==\"}},{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://h/i\"}}]},"
              "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"S\"},{"
              "\"type\":\"redacted_thinking\",\"data\":\"D\"},"
              "{\"type\":\"server_tool_use\"},{\"type\":\"text\",\"text\":\"a\",\"citations\":[1]},{\"type\":\"tool_"
              "use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1}},"
              "{\"type\":\"tool_use\",\"id\":\"u\",\"name\":\"g\",\"input\":{}},{\"type\":\"tool_use\",\"id\":\"i\","
              "\"name\":\"f\",\"input\":{\"invalid_arguments\":\"{\"}}]},"
              "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":[{\"type\":"
              "\"text\",\"text\":\"1\"}]},"
              "{\"type\":\"tool_result\",\"tool_use_id\":\"u\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":"
              "\"base64\",\"media_type\":\"image/png\",\"data\":\"QQ==\"}}],"
              "\"is_error\":true},{\"type\":\"tool_result\",\"tool_use_id\":\"i\",\"content\":[{\"type\":\"text\","
              "\"text\":\"no\"}]},{\"type\":\"text\",\"text\":\"so?\"}]}],"
              "\"stream\":true,\"max_tokens\":2148,\"temperature\":0.5,\"stop_sequences\":[\"x\"],\"thinking\":{"
              "\"type\":\"enabled\",\"budget_tokens\":2048},"
              "\"tools\":[{\"name\":\"f\",\"description\":\"F\",\"input_schema\":{\"type\":\"object\",\"properties\":{}"
              "}}],\"tool_"
              "choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true},"
              "\"metadata\":{\"user_id\":\"u\"}}");
}

static void tool_choices_have_their_names(void **state) {
  static const struct {
    const char *choice, *value;
  } choices[] = {{"auto", "{\"type\":\"auto\"}"},
                 {"none", "{\"type\":\"none\"}"},
                 {"required", "{\"type\":\"any\"}"},
                 {"f", "{\"type\":\"tool\",\"name\":\"f\"}"}};
  for (size_t i = 0; i < COUNT(choices); i++) {
    FL_VALUE_AUTO settings = fl_object();
    fl_set_string(settings, "tool_choice", choices[i].choice);
    struct fl_model_config config = {
        .provider = FL_MODEL_ANTHROPIC, .model = (char *)"c", .api_key = (char *)"k", .settings = settings};
    struct fl_error err = {0};
    FL_VALUE_AUTO messages = json("[]");
    FL_VALUE_AUTO body = NULL;
    assert_int_equal(build(&config, &(struct asked){NULL, messages, "[{\"name\":\"f\"}]"}, &body, &err), 0);
    expect_json(choices[i].choice, fl_get(body, "tool_choice"), choices[i].value);
    assert_int_equal(fl_get_int(body, "max_tokens", 0), 8192);
  }
}

/* What the provider sent goes back as it came: the raw blocks of the recorded replies that need it. */
static void what_came_goes_back(void **state) {
  static const char reply[] = BLOCK("0", "\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"S\"") BLOCK(
      "1", "\"type\":\"redacted_thinking\",\"data\":\"D\"")
      BLOCK("2", "\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"w\",\"input\":{\"q\":1}") BLOCK(
          "3", "\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[{\"encrypted_content\":\"E\"}]")
          BLOCK("4", "\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"url\":\"u\"}]")
              BLOCK("5", "\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1}") END("tool_use");
  FL_VALUE_AUTO message = NULL;
  FL_VALUE_AUTO body = NULL;
  struct fl_error err = {0};
  assert_int_equal(decode(reply, &message, &err), 0);
  FL_VALUE_AUTO messages = fl_array();
  fl_append_take(messages, fl_value_ref(message));
  struct fl_model_config config = {.provider = FL_MODEL_ANTHROPIC, .model = (char *)"c", .api_key = (char *)"k"};
  assert_int_equal(build(&config, &(struct asked){NULL, messages, NULL}, &body, &err), 0);
  expect_json("there and back", fl_get(fl_at(fl_get(body, "messages"), 0), "content"),
              "[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"S\"},{\"type\":\"redacted_thinking\","
              "\"data\":\"D\"},"
              "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"w\",\"input\":{\"q\":1}},"
              "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"s\",\"content\":[{\"encrypted_content\":\"E\"}]},"
              "{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"url\":\"u\"}]},{\"type\":\"tool_use\",\"id\":\"t\","
              "\"name\":\"f\",\"input\":{\"a\":1}}]");
}

static void what_cannot_be_sent_is_said(void **state) {
  struct fl_model_config config = {.provider = FL_MODEL_ANTHROPIC, .model = (char *)"c"};
  struct fl_error err = {0};
  FL_VALUE_AUTO none = json("[]");
  FL_VALUE_AUTO robot = json("[{\"role\":\"robot\",\"content\":\"\"}]");
  FL_VALUE_AUTO smell = json("[{\"role\":\"user\",\"content\":[{\"type\":\"smell\"}]}]");
  struct fl_value *body = NULL;
  assert_int_equal(build(&config, &(struct asked){NULL, none, NULL}, &body, &err), FL_E_AUTH);
  assert_non_null(strstr(err.text, "ANTHROPIC_API_KEY"));
  config.api_key = (char *)"k";
  assert_int_equal(build(&config, &(struct asked){NULL, robot, NULL}, &body, &err), FL_E_INVALID);
  assert_int_equal(build(&config, &(struct asked){NULL, smell, NULL}, &body, &err), FL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "smell"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_become_parts),
      cmocka_unit_test(failures_are_named),
      cmocka_unit_test(half_a_call_is_never_executed),
      cmocka_unit_test(whole_replies_are_read_too),
      cmocka_unit_test(a_conversation_becomes_a_request),
      cmocka_unit_test(tool_choices_have_their_names),
      cmocka_unit_test(what_came_goes_back),
      cmocka_unit_test(what_cannot_be_sent_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
