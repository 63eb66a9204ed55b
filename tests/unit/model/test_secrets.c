/* SPDX-License-Identifier: MIT */
/* What a model says shows no secret that is known, in whatever pieces it comes, and nothing that goes to a model has
 * one. In the simulated world, with the bytes cut anywhere. */
#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/io/world_sim.h"
#include "runtime/model/model.h"
#include "tests/support/support.h"

#include <stdio.h>

#define CANARY "canary \"value\" 4711"
#define MODEL_KEY "sk-canary-0815"
#define IN_JSON "canary \\\"value\\\" 4711"
enum { SEED_COUNT = 20 };

struct talk {
  struct fl_buf request, text, reasoning, retries;
  char error[FL_ERROR_TEXT_MAX];
  struct fl_value *message;
  const char *body;
  int http_status;
  bool has_key;
  char authorization[64];
};

static void on_request(struct fl_sim_exchange *exchange) {
  struct talk *talk = fl_sim_exchange_user(exchange);
  fl_slice body = fl_sim_request_body(exchange);
  const char *authorization = fl_sim_request_header(exchange, "Authorization");
  snprintf(talk->authorization, sizeof talk->authorization, "%s", authorization != NULL ? authorization : "");
  fl_buf_clear(&talk->request);
  fl_buf_add(&talk->request, body.data, body.size);
  fl_sim_respond(exchange, 10, talk->http_status, NULL);
  fl_sim_body(exchange, 10, fl_slice_of(talk->body));
  fl_sim_finish(exchange, 0);
}

static void on_delta(struct fl_model_call *call, const char *kind, fl_slice text, unsigned attempt) {
  struct talk *talk = call->user;
  fl_buf_add(strcmp(kind, "text") == 0 ? &talk->text : &talk->reasoning, text.data, text.size);
}

static void on_retry(struct fl_model_call *call, unsigned attempt, uint64_t delay_ms, const struct fl_error *err) {
  fl_buf_add_text(&((struct talk *)call->user)->retries, err->text);
}

static void on_done(struct fl_model_call *call, int status, struct fl_value *message, const struct fl_error *err) {
  struct talk *talk = call->user;
  talk->message = fl_value_ref(message);
  if (err != NULL) snprintf(talk->error, sizeof talk->error, "%s", err->text);
}

static void run(struct talk *talk, uint64_t seed, const char *said) {
  struct fl_world *world = fl_world_sim_create(seed);
  struct fl_model_config config = {
      .provider = FL_MODEL_OPENAI, .model = (char *)"m", .base_url = (char *)"https://model.test/v1"};
  if (talk->has_key) config.api_key = (char *)MODEL_KEY, config.key_variable = "OPENAI_API_KEY";
  assert_int_equal(fl_model_config_know_key(world, &config, NULL), 0);
  const struct fl_secret *value = NULL;
  const struct fl_secret_source source = {.kind = FL_SECRET_COMMAND,
                                          .argv = (const char *const[]){"echo", CANARY, NULL}};
  assert_int_equal(fl_vault_read(world, "KEY", &source, &value, NULL), 0);
  fl_world_sim_set_splits(world, true);
  fl_world_sim_server(
      world, &(struct fl_sim_server){.url_prefix = "https://model.test/", .on_request = on_request, .user = talk});
  struct fl_list *empty = fl_list_create();
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", "user");
  fl_set_string(message, "content", said);
  struct fl_list *list = fl_list_append_take(empty, message);
  struct fl_model_call call = {.request = {.config = &config, .system = "be brief", .messages = list},
                               .on_delta = on_delta,
                               .on_retry = on_retry,
                               .on_done = on_done,
                               .user = talk};
  fl_model_call_start(world, &call);
  fl_world_run(world);
  fl_list_unref(list);
  fl_list_unref(empty);
  fl_world_destroy(world);
}

static void talk_deinit(struct talk *talk) {
  struct fl_buf *bufs[] = {&talk->request, &talk->text, &talk->reasoning, &talk->retries};
  for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) fl_buf_deinit(bufs[i]);
  fl_value_unref(talk->message);
}

#define EVENT(json) "data: {\"choices\":[{\"index\":0,\"delta\":" json "}]}\n\n"
#define END "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"

static void deltas_and_messages_show_none(void **state) {
  static const char body[] = EVENT("{\"reasoning_content\":\"it is canary \\\"va\"}")
      EVENT("{\"reasoning_content\":\"lue\\\" 47\"}") EVENT("{\"reasoning_content\":\"11, no\"}")
          EVENT("{\"content\":\"a canary \"}") EVENT("{\"content\":\"\\\"value\"}")
              EVENT("{\"content\":\"\\\" 4711 and canar\"}") EVENT("{\"content\":\"y %22val\"}") EVENT(
                  "{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"t\",\"arguments\":\"{\\\"x\\\": "
                  "\\\"canary \\\\\\\"value\\\\\\\" 4711\\\"}\"}}]}") END;
  for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) {
    struct talk talk = {.body = body, .http_status = 200};
    run(&talk, seed, "hi");
    assert_string_equal(talk.text.data, "a [secret KEY] and canary %22val");
    assert_string_equal(fl_get_string(talk.message, "content", talk.text.data), talk.text.data);
    assert_non_null(strstr(talk.reasoning.data, "it is [secret KEY], no"));
    const struct fl_value *call = fl_at(fl_get(talk.message, "tool_calls"), 0);
    assert_string_equal(fl_get_string(fl_get(call, "args"), "x", ""), "[secret KEY]");
    char *whole = fl_dump(talk.message, NULL);
    assert_null(strstr(whole, "4711"));
    fl_text_free(whole);
    talk_deinit(&talk);
  }
}

static void errors_show_none(void **state) {
  struct talk talk = {.body = "{\"error\":{\"message\":\"who said " IN_JSON "?\"}}", .http_status = 503};
  run(&talk, 3, "hi");
  assert_non_null(strstr(talk.error, "who said [secret KEY]?"));
  assert_non_null(strstr(talk.retries.data, "who said [secret KEY]?"));
  talk_deinit(&talk);
}

static void requests_have_none(void **state) {
  static const char *const texts[] = {CANARY, "it is " IN_JSON " inside", "Y2FuYXJ5ICJ2YWx1ZSIgNDcxMQ=="};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct talk talk = {.body = EVENT("{\"content\":\"ok\"}") END, .http_status = 200};
    run(&talk, 5, texts[i]);
    assert_non_null(strstr(talk.request.data, "[secret KEY]"));
    assert_null(strstr(talk.request.data, "4711"));
    assert_null(strstr(talk.request.data, "Y2FuYXJ5"));
    FL_VALUE_AUTO parsed = NULL;
    assert_int_equal(fl_parse(talk.request.data, talk.request.size, &parsed, NULL), 0);
    assert_string_equal(talk.text.data, "ok");
    talk_deinit(&talk);
  }
}

/* Its own request carries it in the header, and nowhere else. */
static void a_key_of_the_environment_is_known(void **state) {
  static const char body[] = EVENT("{\"content\":\"yours is sk-can\"}") EVENT("{\"content\":\"ary-0815!\"}") END;
  struct talk talk = {.body = body, .http_status = 200, .has_key = true};
  run(&talk, 7, "is " MODEL_KEY " mine?");
  assert_string_equal(talk.authorization, "Bearer " MODEL_KEY);
  assert_null(strstr(talk.request.data, MODEL_KEY));
  assert_non_null(strstr(talk.request.data, "is [secret OPENAI_API_KEY] mine?"));
  assert_string_equal(talk.text.data, "yours is [secret OPENAI_API_KEY]!");
  talk_deinit(&talk);
  struct talk refused = {.body = "{\"error\":{\"message\":\"a bad key: c2stY2FuYXJ5LTA4MTU=, " MODEL_KEY "\"}}",
                         .http_status = 401,
                         .has_key = true};
  run(&refused, 8, "hi");
  assert_non_null(strstr(refused.error, "a bad key: [secret OPENAI_API_KEY]"));
  assert_null(strstr(refused.error, "c2stY2FuYXJ5"));
  assert_null(strstr(refused.error, MODEL_KEY));
  talk_deinit(&refused);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(deltas_and_messages_show_none),
      cmocka_unit_test(errors_show_none),
      cmocka_unit_test(requests_have_none),
      cmocka_unit_test(a_key_of_the_environment_is_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
