/* SPDX-License-Identifier: MIT */
/* A trace as OTLP, in both forms and with both sets of names. That others read it is tested in tests/interop/otlp.sh.
 */
#include "runtime/trace/otlp.h"

#include "runtime/json/json.h"
#include "tests/unit/trace/traces.h"

#include <stdio.h>

static const char spans[] =
    "[[1,2,1,10,900,\"\",{\"step\":1,\"checkpoint\":\"c\"}],[2,3,2,10,800,\"agent\",{\"task\":\"x\"}],"
    "[3,4,3,20,700,\"main\",{\"provider\":\"openai\",\"model\":\"gpt-9\",\"input_tokens\":12,\"output_tokens\":3,"
    "\"cache_write_tokens\":2,\"reasoning_tokens\":1,\"first_token_us\":250000,\"stop\":\"stop\",\"cost_nusd\":1500}],"
    "[4,5,3,720,50,\"mail/send\",{\"mcp\":1,\"call\":\"i\",\"code\":\"timeout\",\"error\":\"late\"}],"
    "[4,6,3,720,50,\"own/add\",{}]]";

static struct fl_value *request_of(enum fl_semconv semconv) {
  struct fl_otlp_options options = {.semconv = semconv};
  struct fl_trace trace = trace_of("{\"status\":\"done\",\"us\":1000,\"input_tokens\":12}", spans);
  struct fl_value *request = fl_otlp_request(&options);
  fl_otlp_add(request, &trace, &options);
  fl_trace_deinit(&trace);
  return request;
}

static const struct fl_value *span_at(const struct fl_value *request, const char *pointer_of_span) {
  FL_FREE_AUTO char *pointer = fl_format("/resourceSpans/0/scopeSpans/0/spans/%s", pointer_of_span);
  return fl_json_pointer(request, pointer);
}

/* The value of an attribute, as text; NULL: it has none. */
static const char *attribute(const struct fl_value *span, const char *key, const char *type) {
  const struct fl_value *attributes = fl_get(span, "attributes");
  for (size_t i = 0; i < fl_size(attributes); i++)
    if (strcmp(fl_get_string(fl_at(attributes, i), "key", ""), key) == 0)
      return fl_get_string(fl_get(fl_at(attributes, i), "value"), type, NULL);
  return NULL;
}

static bool has(const struct fl_value *span, const char *key) {
  const struct fl_value *attributes = fl_get(span, "attributes");
  for (size_t i = 0; i < fl_size(attributes); i++)
    if (strcmp(fl_get_string(fl_at(attributes, i), "key", ""), key) == 0) return true;
  return false;
}

static void spans_have_the_names_of_the_conventions(void **state) {
  FL_VALUE_AUTO request = request_of(FL_SEMCONV_1_41);
  assert_int_equal(fl_otlp_span_count(request), 6);
  const struct fl_value *run = span_at(request, "0"), *model = span_at(request, "3"), *mail = span_at(request, "4");
  assert_string_equal(fl_get_string(run, "name", ""), "invoke_agent chat");
  assert_string_equal(fl_get_string(run, "traceId", ""), "0192f3c15a4d7645a680810e05f019d6");
  assert_string_equal(fl_get_string(run, "startTimeUnixNano", ""), "1796059506273000000");
  assert_string_equal(fl_get_string(run, "endTimeUnixNano", ""), "1796059506274000000");
  assert_null(fl_get(run, "parentSpanId"));
  assert_string_equal(attribute(run, "gen_ai.conversation.id", "stringValue"), "t");
  assert_string_equal(fl_get_string(span_at(request, "1"), "parentSpanId", ""), fl_get_string(run, "spanId", "?"));
  assert_string_equal(fl_get_string(model, "name", ""), "chat gpt-9");
  assert_int_equal(fl_get_int(model, "kind", 0), 3);
  assert_string_equal(attribute(model, "gen_ai.provider.name", "stringValue"), "openai");
  assert_string_equal(attribute(model, "gen_ai.usage.input_tokens", "intValue"), "12");
  assert_string_equal(attribute(model, "gen_ai.usage.cache_creation.input_tokens", "intValue"), "2");
  assert_true(has(model, "gen_ai.response.finish_reasons"));
  assert_string_equal(fl_get_string(mail, "name", ""), "tools/call send");
  assert_string_equal(attribute(mail, "mcp.method.name", "stringValue"), "tools/call");
  assert_string_equal(attribute(mail, "gen_ai.tool.name", "stringValue"), "send");
  assert_string_equal(attribute(mail, "fairlead.tool.server", "stringValue"), "mail");
  assert_string_equal(attribute(mail, "error.type", "stringValue"), "timeout");
  assert_int_equal(fl_get_int(fl_get(mail, "status"), "code", 0), 2);
  assert_string_equal(fl_get_string(fl_get(mail, "status"), "message", ""), "late");
  assert_string_equal(fl_get_string(span_at(request, "5"), "name", ""), "execute_tool add");
  assert_int_equal(fl_get_int(span_at(request, "5"), "kind", 0), 1);
}

static void newer_names_are_behind_a_switch(void **state) {
  FL_VALUE_AUTO old = request_of(FL_SEMCONV_1_41);
  FL_VALUE_AUTO latest = request_of(FL_SEMCONV_LATEST);
  static const char *const news[] = {"gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.reasoning.output_tokens",
                                     "gen_ai.response.time_to_first_chunk"};
  for (size_t i = 0; i < sizeof news / sizeof news[0]; i++) {
    assert_true(has(span_at(latest, "3"), news[i]));
    assert_false(has(span_at(old, "3"), news[i]));
  }
  assert_false(has(span_at(latest, "3"), "gen_ai.usage.cache_creation.input_tokens"));
}

static void a_caller_is_the_parent(void **state) {
  struct fl_otlp_options options = {0};
  struct fl_trace trace = trace_of("{\"status\":\"failed\",\"code\":\"io\",\"error\":\"no\"}", "[]");
  fl_value_unref(trace.begin);
  trace.begin = json_of("{\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"parent_id\":\"b7ad6b7169203331\","
                        "\"flags\":0,\"tracestate\":\"v=1\"}");
  FL_VALUE_AUTO request = fl_otlp_request(&options);
  fl_otlp_add(request, &trace, &options);
  const struct fl_value *run = span_at(request, "0");
  assert_string_equal(fl_get_string(run, "traceId", ""), "0af7651916cd43dd8448eb211c80319c");
  assert_string_equal(fl_get_string(run, "parentSpanId", ""), "b7ad6b7169203331");
  assert_string_equal(fl_get_string(run, "traceState", ""), "v=1");
  assert_int_equal(fl_get_int(run, "flags", -1), 0);
  assert_int_equal(fl_get_int(fl_get(run, "status"), "code", 0), 2);
  fl_trace_deinit(&trace);
}

/* ---- protobuf, byte by byte ---- */

static const char *hex_of(const struct fl_buf *buf) {
  static char text[1024];
  for (size_t i = 0; i < buf->size && i < sizeof text / 2 - 1; i++)
    snprintf(text + 2 * i, 3, "%02x", (unsigned char)buf->data[i]);
  return text;
}

static void protobuf_is_what_it_should_be(void **state) {
  FL_VALUE_AUTO request =
      json_of("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"0102\",\"name\":\"a\",\"kind\":3,"
              "\"startTimeUnixNano\":\"258\",\"attributes\":[{\"key\":\"k\",\"value\":{\"intValue\":\"-1\"}},"
              "{\"key\":\"d\",\"value\":{\"doubleValue\":1.0}}],\"flags\":1}]}]}]}");
  FL_BUF_AUTO out = {0};
  assert_int_equal(fl_otlp_encode(request, &out), 0);
  assert_string_equal(hex_of(&out), "0a3e"
                                    "123c"
                                    "123a"
                                    "0a020102"
                                    "2a0161"
                                    "3003"
                                    "390201000000000000"
                                    "4a10"
                                    "0a016b"
                                    "120b"
                                    "18ffffffffffffffffff01"
                                    "4a0e"
                                    "0a0164"
                                    "1209"
                                    "21000000000000f03f"
                                    "850101000000");
}

static void a_full_buffer_is_said(void **state) {
  FL_VALUE_AUTO request = request_of(FL_SEMCONV_1_41);
  FL_BUF_AUTO out = {.limit = 100};
  assert_int_equal(fl_otlp_encode(request, &out), FL_E_LIMIT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(spans_have_the_names_of_the_conventions),
      cmocka_unit_test(newer_names_are_behind_a_switch),
      cmocka_unit_test(a_caller_is_the_parent),
      cmocka_unit_test(protobuf_is_what_it_should_be),
      cmocka_unit_test(a_full_buffer_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
