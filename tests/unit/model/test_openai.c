/* SPDX-License-Identifier: MIT */
/* The accents of servers that speak OpenAI's chat completions, as tables of events and the message they must become,
 * and the requests that go out. The recorded replies are in test_streams.c. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/model/model.h"
#include "tests/support/support.h"

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

/* One chunk per line of `lines`; each becomes an event, "[DONE]" too. */
static int decode(const char *lines, struct fl_value **ret_message, struct fl_error *err) {
  FL_BUF_AUTO stream = {0};
  FL_FREE_AUTO char *copy = fl_strdup(lines);
  for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n"))
    fl_buf_addf(&stream, "data: %s\n\n", line);
  struct fl_model_decoder *decoder = fl_wire_openai.decoder_create();
  int rc = 0;
  for (size_t i = 0; i < stream.size && rc == 0; i++)
    rc = fl_wire_openai.decoder_feed(decoder, fl_slice_n(stream.data + i, 1), NULL, err);
  if (rc == 0) rc = fl_wire_openai.decoder_finish(decoder, ret_message, err);
  fl_wire_openai.decoder_destroy(decoder);
  return rc;
}

#define DELTA(delta) "{\"choices\":[{\"index\":0,\"delta\":{" delta "}}]}\n"
#define CALL(call) DELTA("\"tool_calls\":[{" call "}]")
#define END(reason) "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n[DONE]\n"
#define MESSAGE(content, calls, stop) \
  "{\"role\":\"assistant\",\"content\":" content ",\"tool_calls\":[" calls "],\"stop_reason\":\"" stop "\"}"
#define MADE(id, name, args) "{\"id\":\"" id "\",\"name\":\"" name "\",\"args\":" args "}"

struct row {
  const char *name, *lines, *message;
};

static const struct row rows[] = {
    {"plain",
     DELTA("\"role\":\"assistant\",\"content\":\"\"") DELTA("\"content\":\"a\"") DELTA("\"content\":\"b\"") END("stop"),
     MESSAGE("\"ab\"", "", "stop")},
    {"content null", DELTA("\"content\":null") DELTA("\"content\":\"a\"") END("stop"), MESSAGE("\"a\"", "", "stop")},
    {"no [DONE]", DELTA("\"content\":\"a\"") "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n",
     MESSAGE("\"a\"", "", "stop")},
    {"no finish reason", DELTA("\"content\":\"a\"") "[DONE]\n", MESSAGE("\"a\"", "", "stop")},
    {"nothing counts after [DONE]", DELTA("\"content\":\"a\"") END("stop") "{\"error\":\"late\"}\n",
     MESSAGE("\"a\"", "", "stop")},
    {"a prompt filter in front",
     "{\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}],\"model\":\"\"}\n" DELTA("\"content\":\"a\"")
         END("stop"),
     MESSAGE("\"a\"", "", "stop")},
    {"filter results beside the delta",
     "{\"choices\":[{\"index\":0,\"content_filter_results\":{},\"delta\":{\"content\":\"a\"}}]}\n"
     "{\"choices\":[{\"index\":0,\"finish_reason\":null,\"content_filter_offsets\":{\"check_offset\":1}}]}\n" END(
         "stop"),
     MESSAGE("\"a\"", "", "stop")},
    {"other choices are passed over",
     "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n" DELTA("\"content\":\"a\"") END("stop"),
     MESSAGE("\"a\"", "", "stop")},
    {"refusal", DELTA("\"refusal\":\"I \"") DELTA("\"refusal\":\"won't\"") END("stop"),
     MESSAGE("\"I won't\"", "", "refusal")},
    {"content filter", DELTA("\"content\":\"a\"") END("content_filter"), MESSAGE("\"a\"", "", "refusal")},
    {"length", DELTA("\"content\":\"a\"") END("length"), MESSAGE("\"a\"", "", "length")},
    {"a reason of its own", DELTA("\"content\":\"a\"") END("abort"), MESSAGE("\"a\"", "", "other")},
    {"tool_calls without calls", DELTA("\"content\":\"a\"") END("tool_calls"), MESSAGE("\"a\"", "", "stop")},
    {"reasoning_content", DELTA("\"reasoning_content\":\"hm\",\"content\":null") DELTA("\"content\":\"a\"") END("stop"),
     MESSAGE("[{\"type\":\"reasoning\",\"text\":\"hm\"},{\"type\":\"text\",\"text\":\"a\"}]", "", "stop")},
    {"reasoning and reasoning_content are one",
     DELTA("\"reasoning_content\":\"hm\",\"reasoning\":\"hm\"") DELTA("\"content\":\"a\"") END("stop"),
     MESSAGE("[{\"type\":\"reasoning\",\"text\":\"hm\"},{\"type\":\"text\",\"text\":\"a\"}]", "", "stop")},
    {"thinking in the content",
     DELTA("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]}]")
         DELTA("\"content\":[{\"type\":\"text\",\"text\":\"a\"}]") END("stop"),
     MESSAGE("[{\"type\":\"reasoning\",\"text\":\"hm\"},{\"type\":\"text\",\"text\":\"a\"}]", "", "stop")},
    {"reasoning_details are put together",
     DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"h\",\"index\":0,\"signature\":null}]")
         DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"m\",\"index\":0}]")
             DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"S\",\"index\":0}]")
                 DELTA("\"content\":\"a\"") END("stop"),
     MESSAGE("[{\"type\":\"reasoning\",\"text\":\"hm\"},{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"provider\","
             "\"provider\":\"openai\","
             "\"value\":{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"index\":0,\"signature\":"
             "\"S\"}]}}]",
             "", "stop")},
    {"a call in pieces",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}")
         CALL("\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\"\"}")
             CALL("\"index\":0,\"function\":{\"arguments\":\":1}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{\"a\":1}"), "tool_calls")},
    {"stop reason stop with calls",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}") END("stop"),
     MESSAGE("\"\"", MADE("c", "f", "{}"), "tool_calls")},
    {"no arguments at all", CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{}"), "tool_calls")},
    {"arguments null, then whole",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":null}")
         CALL("\"index\":0,\"function\":{\"arguments\":\"{}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{}"), "tool_calls")},
    {"arguments as an object",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":{\"a\":[1]}}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{\"a\":[1]}"), "tool_calls")},
    {"no ids",
     CALL("\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")
         CALL("\"index\":1,\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("call_0", "f", "{}") "," MADE("call_1", "g", "{}"), "tool_calls")},
    {"ids null and empty",
     CALL("\"index\":0,\"id\":null,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")
         CALL("\"index\":1,\"id\":\"\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("call_0", "f", "{}") "," MADE("call_1", "g", "{}"), "tool_calls")},
    {"no indices",
     CALL("\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\"}")
         CALL("\"id\":\"c\",\"function\":{\"arguments\":\"1}\"}")
             CALL("\"id\":\"d\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{\"a\":1}") "," MADE("d", "f", "{}"), "tool_calls")},
    {"neither ids nor indices",
     CALL("\"function\":{\"name\":\"f\",\"arguments\":\"{\"}") CALL("\"function\":{\"arguments\":\"}\"}")
         CALL("\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("call_0", "f", "{}") "," MADE("call_1", "g", "{}"), "tool_calls")},
    {"every call has index 0",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")
         CALL("\"index\":0,\"id\":\"d\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{}") "," MADE("d", "g", "{}"), "tool_calls")},
    {"index 0 and no ids",
     CALL("\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")
         CALL("\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("call_0", "f", "{}") "," MADE("call_1", "f", "{\"a\":1}"), "tool_calls")},
    {"an id used again is made unique",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")
         CALL("\"index\":1,\"id\":\"c\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{}") "," MADE("c_2", "g", "{}"), "tool_calls")},
    {"id and name with every piece",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\"\"}")
         CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\":1}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{\"a\":1}"), "tool_calls")},
    {"another id with every piece",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}")
         CALL("\"index\":0,\"id\":\"d\",\"function\":{\"arguments\":\"}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{}"), "tool_calls")},
    {"a call told twice is one",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")
         CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{}"), "tool_calls")},
    {"pieces of two calls in turns",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}")
         CALL("\"index\":1,\"id\":\"d\",\"function\":{\"name\":\"g\",\"arguments\":\"{\"}")
             CALL("\"index\":0,\"function\":{\"arguments\":\"}\"}")
                 CALL("\"index\":1,\"function\":{\"arguments\":\"}\"}") END("tool_calls"),
     MESSAGE("\"\"", MADE("c", "f", "{}") "," MADE("d", "g", "{}"), "tool_calls")},
    {"the old function_call",
     DELTA("\"function_call\":{\"name\":\"f\",\"arguments\":\"{\"}") DELTA("\"function_call\":{\"arguments\":\"}\"}")
         END("function_call"),
     MESSAGE("\"\"", MADE("call_0", "f", "{}"), "tool_calls")},
    {"usage and model",
     "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n"
     "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_tokens_details\":{\"cached_"
     "tokens\":4},"
     "\"completion_tokens_details\":{\"reasoning_tokens\":1}}}\n[DONE]\n",
     "{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[],\"stop_reason\":\"stop\",\"model\":\"m\",\"usage\":{"
     "\"input_tokens\":9,"
     "\"output_tokens\":2,\"cached_tokens\":4,\"reasoning_tokens\":1}}"},
    {"usage in every chunk: the last",
     "{\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1},\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n"
     "{\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_cache_hit_tokens\":3},\"choices\":[{\"delta\":{}"
     ",\"finish_reason\":\"stop\"}]}\n",
     "{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[],\"stop_reason\":\"stop\",\"usage\":{\"input_tokens\":"
     "9,\"output_tokens\":2,"
     "\"cached_tokens\":3}}"},
};

static void accents_become_one_language(void **state) {
  for (size_t i = 0; i < COUNT(rows); i++) {
    FL_VALUE_AUTO message = NULL;
    struct fl_error err = {0};
    if (decode(rows[i].lines, &message, &err) != 0) fail_msg("%s: %s", rows[i].name, err.text);
    expect_json(rows[i].name, message, rows[i].message);
  }
}

/* A call that must not be executed: what stands in invalid_tool_calls[0].error. */
static const struct row invalid[] = {
    {"half an object",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\"}") END("tool_calls"),
     "not JSON"},
    {"not an object",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"[1]\"}") END("tool_calls"), "array"},
    {"two objects",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}{}\"}") END("tool_calls"),
     "not JSON"},
    {"a key twice",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1,\\\"a\\\":2}\"}")
         END("tool_calls"),
     "not JSON"},
    {"no name", CALL("\"index\":0,\"id\":\"c\",\"function\":{\"arguments\":\"{}\"}") END("tool_calls"), "name"},
    {"cut off, although it looks whole",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}") END("length"), "cut off"},
    {"refused",
     CALL("\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}") END("content_filter"),
     "refused"},
};

static void what_is_not_a_whole_call_is_never_executed(void **state) {
  for (size_t i = 0; i < COUNT(invalid); i++) {
    FL_VALUE_AUTO message = NULL;
    struct fl_error err = {0};
    if (decode(invalid[i].lines, &message, &err) != 0) fail_msg("%s: %s", invalid[i].name, err.text);
    assert_int_equal(fl_size(fl_get(message, "tool_calls")), 0);
    const struct fl_value *call = fl_at(fl_get(message, "invalid_tool_calls"), 0);
    assert_string_equal(fl_get_string(call, "id", ""), "c");
    if (strstr(fl_get_string(call, "error", ""), invalid[i].message) == NULL)
      fail_msg("%s: %s", invalid[i].name, fl_get_string(call, "error", "(none)"));
  }
}

static const struct {
  const char *name, *lines;
  int code;
  const char *text;
} failures[] = {
    {"nothing", "", FL_E_TRUNCATED, "before the answer was whole"},
    {"only [DONE]", "[DONE]\n", FL_E_TRUNCATED, "before the answer was whole"},
    {"no end", DELTA("\"content\":\"a\""), FL_E_TRUNCATED, "before the answer was whole"},
    {"an error object", DELTA("\"content\":\"a\"") "{\"error\":{\"message\":\"boom\",\"type\":\"server_error\"}}\n",
     FL_E_REMOTE, "boom"},
    {"an error text", "{\"error\":\"boom\"}\n", FL_E_REMOTE, "boom"},
    {"vLLM's error", "{\"object\":\"error\",\"message\":\"boom\",\"code\":400}\n", FL_E_INVALID, "boom"},
    {"an error in the choice",
     "{\"choices\":[{\"index\":0,\"delta\":{},\"error\":{\"code\":502,\"message\":\"boom\"}}]}\n", FL_E_REMOTE, "boom"},
    {"finish reason error", DELTA("\"content\":\"a\"") END("error"), FL_E_REMOTE, "error"},
    {"rate", "{\"error\":{\"message\":\"slow\",\"code\":429}}\n", FL_E_RATE, "slow"},
    {"not JSON", "hello\n", FL_E_PROTOCOL, "hello"},
    {"not an object", "[1]\n", FL_E_PROTOCOL, "array"},
};

static void failures_are_named(void **state) {
  for (size_t i = 0; i < COUNT(failures); i++) {
    FL_VALUE_AUTO message = NULL;
    struct fl_error err = {0};
    int rc = decode(failures[i].lines, &message, &err);
    if (rc != failures[i].code || strstr(err.text, failures[i].text) == NULL)
      fail_msg("%s: %d %s", failures[i].name, rc, err.text);
    assert_int_equal(err.code, rc);
    assert_null(message);
  }
}

static void a_failure_stays(void **state) {
  struct fl_model_decoder *decoder = fl_wire_openai.decoder_create();
  FL_VALUE_AUTO message = NULL;
  struct fl_error err = {0};
  assert_int_equal(fl_wire_openai.decoder_feed(
                       decoder, FL_SLICE("data: {\"error\":{\"message\":\"x\",\"code\":503}}\n\n"), NULL, &err),
                   FL_E_REMOTE);
  assert_true(fl_wire_openai.decoder_may_retry(decoder));
  assert_int_equal(fl_wire_openai.decoder_feed(decoder, FL_SLICE("data: [DONE]\n\n"), NULL, &err), FL_E_REMOTE);
  assert_int_equal(fl_wire_openai.decoder_finish(decoder, &message, &err), FL_E_REMOTE);
  fl_wire_openai.decoder_destroy(decoder);
}

static void an_event_that_is_too_long_fails(void **state) {
  struct fl_model_decoder *decoder = fl_wire_openai.decoder_create();
  struct fl_error err = {0};
  FL_BUF_AUTO block = {0};
  for (int i = 0; i < 1 << 20; i++) fl_buf_add_char(&block, 'x');
  int rc = fl_wire_openai.decoder_feed(decoder, FL_SLICE("data: "), NULL, &err);
  for (int i = 0; i < 17 && rc == 0; i++) rc = fl_wire_openai.decoder_feed(decoder, fl_buf_slice(&block), NULL, &err);
  assert_int_equal(rc, FL_E_LIMIT);
  assert_non_null(strstr(err.text, "longer than"));
  fl_wire_openai.decoder_destroy(decoder);
}

static void whole_replies_are_read_too(void **state) {
  FL_VALUE_AUTO message = NULL;
  struct fl_error err = {0};
  assert_int_equal(
      fl_wire_openai.read_whole(
          FL_SLICE("{\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,"
                   "\"tool_calls\":["
                   "{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
                   "{\"id\":\"d\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
                   "\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}"),
          &message, &err),
      0);
  expect_json(
      "whole", message,
      "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[" MADE("c", "f", "{}") "," MADE(
          "d", "f",
          "{}") "],\"stop_reason\":\"tool_calls\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2},\"model\":\"m\"}");
  struct fl_value *none = NULL;
  assert_int_equal(fl_wire_openai.read_whole(FL_SLICE("{\"ok\":1}"), &none, &err), FL_E_PROTOCOL);
  assert_int_equal(fl_wire_openai.read_whole(FL_SLICE("<html>"), &none, &err), FL_E_PROTOCOL);
  assert_int_equal(fl_wire_openai.read_whole(FL_SLICE("{\"error\":{\"message\":\"no\"}}"), &none, &err), FL_E_REMOTE);
  assert_null(none);
}

/* ---- requests ---- */

struct built {
  char *url;
  char **headers;
  struct fl_buf body;
};

struct asked {
  const char *system;
  const char *messages;
  const char *tools;
};

static int build(struct fl_model_config *config, const struct asked *asked, struct built *built, struct fl_error *err) {
  FL_VALUE_AUTO array = json(asked->messages);
  FL_VALUE_AUTO tool_array = asked->tools != NULL ? json(asked->tools) : NULL;
  struct fl_list *list = fl_list_from_array(array);
  struct fl_model_request request = {.config = config, .system = asked->system, .messages = list, .tools = tool_array};
  int rc = fl_wire_openai.build(&request, &built->url, &built->headers, &built->body, err);
  fl_list_unref(list);
  return rc;
}

static void built_deinit(struct built *built) {
  fl_free(built->url);
  fl_model_headers_free(built->headers);
  fl_buf_deinit(&built->body);
}
#define BUILT_AUTO __attribute__((cleanup(built_deinit))) struct built

static void expect_body(const char *name, const struct built *built, const char *expected) {
  FL_VALUE_AUTO body = json(built->body.data);
  expect_json(name, body, expected);
}

static void a_conversation_becomes_a_request(void **state) {
  FL_VALUE_AUTO settings =
      json("{\"temperature\":0.5,\"max_tokens\":9,\"stop\":[\"x\"],\"seed\":1,\"tool_choice\":\"math__add\","
           "\"parallel_tool_calls\":false,\"reasoning_effort\":\"low\",\"extra\":{\"user\":\"u\"}}");
  struct fl_model_config config = {.model = (char *)"m", .api_key = (char *)"sk-1", .settings = settings};
  struct fl_error err = {0};
  BUILT_AUTO built = {0};
  assert_int_equal(
      build(
          &config,
          &(struct asked){
              "Be brief.",
              "[{\"role\":\"user\",\"content\":\"hi\"},"
              "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"c\",\"name\":\"math__add\",\"args\":{"
              "\"a\":1}}],"
              "\"invalid_tool_calls\":[{\"id\":\"i\",\"name\":\"f\",\"text\":\"{\",\"error\":\"e\"},{\"id\":\"j\","
              "\"name\":\"f\",\"text\":\"\",\"error\":\"e\"}]},"
              "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"name\":\"math__add\",\"content\":[{\"type\":\"text\","
              "\"text\":"
              "\"1\"},"
              "{\"type\":\"image\",\"mime_type\":\"image/png\",\"data\":\"QQ==\"}],\"status\":\"ok\"},"
              "{\"role\":\"tool\",\"tool_call_id\":\"i\",\"content\":\"bad arguments\",\"status\":\"error\"},"
              "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},{\"type\":\"image\",\"url\":"
              "\"https:/"
              "/h/i.png\"},"
              "{\"type\":\"provider\",\"provider\":\"anthropic\",\"value\":1}]}]",
              "[{\"name\":\"math__add\",\"description\":\"Adds\",\"input_schema\":{\"type\":\"object\"}}]"},
          &built, &err),
      0);
  assert_string_equal(built.url, "https://api.openai.com/v1/chat/completions");
  assert_string_equal(built.headers[2], "Authorization: Bearer sk-1");
  assert_null(built.headers[3]);
  expect_body("conversation", &built,
              "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be "
              "brief.\"},{\"role\":\"user\",\"content\":\"hi\"},"
              "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
              "\"function\":{\"name\":\"math__add\","
              "\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"i\",\"type\":\"function\",\"function\":{\"name\":\"f\","
              "\"arguments\":\"{\"}}]},"
              "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"1\"},{\"role\":\"tool\",\"tool_call_id\":\"i\","
              "\"content\":\"bad arguments\"},"
              "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Images from the tool results above:\"},"
              "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,QQ==\"}}]},"
              "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},{\"type\":\"image_url\",\"image_"
              "url\":{\"url\":\"https://h/i.png\"}}]}],"
              "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"temperature\":0.5,\"max_completion_"
              "tokens\":9,\"stop\":[\"x\"],\"seed\":1,"
              "\"reasoning_effort\":\"low\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"math__add\","
              "\"description\":\"Adds\","
              "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}],\"tool_choice\":{\"type\":\"function\","
              "\"function\":{\"name\":"
              "\"math__add\"}},"
              "\"parallel_tool_calls\":false,\"user\":\"u\"}");
}

static void other_servers_get_what_they_know(void **state) {
  FL_VALUE_AUTO settings =
      json("{\"max_tokens\":9,\"tool_choice\":\"required\",\"reasoning_field\":\"reasoning_content\"}");
  struct fl_model_config config = {
      .model = (char *)"m", .base_url = (char *)"http://127.0.0.1:11434/v1/", .settings = settings};
  struct fl_error err = {0};
  BUILT_AUTO built = {0};
  assert_int_equal(
      build(&config,
            &(struct asked){NULL,
                            "[{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"text\":\"hm\"},{\"type\":"
                            "\"text\",\"text\":\"a\"},"
                            "{\"type\":\"provider\",\"provider\":\"openai\",\"value\":{\"reasoning_details\":[1],"
                            "\"annotations\":[2]}}],\"tool_calls\":[]}]",
                            NULL},
            &built, &err),
      0);
  assert_string_equal(built.url, "http://127.0.0.1:11434/v1/chat/completions");
  assert_null(built.headers[2]);
  expect_body("other server", &built,
              "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_details\":[1],"
              "\"reasoning_content\":\"hm\"}],"
              "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"max_tokens\":9}");
}

static void what_cannot_be_sent_is_said(void **state) {
  struct fl_model_config config = {.model = (char *)"m", .api_key = (char *)"sk-\nsecret"};
  struct fl_error err = {0};
  BUILT_AUTO built = {0};
  assert_int_equal(build(&config, &(struct asked){NULL, "[]", NULL}, &built, &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "Authorization"));
  assert_null(strstr(err.text, "secret"));
  assert_null(built.url);
  config.api_key = NULL;
  assert_int_equal(build(&config, &(struct asked){NULL, "[]", NULL}, &built, &err), FL_E_AUTH);
  assert_non_null(strstr(err.text, "OPENAI_API_KEY"));
  config.api_key = (char *)"sk-1";
  assert_int_equal(build(&config, &(struct asked){NULL, "[{\"role\":\"robot\",\"content\":\"\"}]", NULL}, &built, &err),
                   FL_E_INVALID);
  assert_non_null(strstr(err.text, "robot"));
  assert_int_equal(
      build(&config, &(struct asked){NULL, "[{\"role\":\"user\",\"content\":[{\"type\":\"smell\"}]}]", NULL}, &built,
            &err),
      FL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "smell"));
  config.base_url = (char *)"ftp://h/";
  assert_int_equal(build(&config, &(struct asked){NULL, "[]", NULL}, &built, &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "base URL"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accents_become_one_language),
      cmocka_unit_test(what_is_not_a_whole_call_is_never_executed),
      cmocka_unit_test(failures_are_named),
      cmocka_unit_test(a_failure_stays),
      cmocka_unit_test(an_event_that_is_too_long_fails),
      cmocka_unit_test(whole_replies_are_read_too),
      cmocka_unit_test(a_conversation_becomes_a_request),
      cmocka_unit_test(other_servers_get_what_they_know),
      cmocka_unit_test(what_cannot_be_sent_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
