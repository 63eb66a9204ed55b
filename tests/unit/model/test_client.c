/* SPDX-License-Identifier: MIT */
/* Model calls in the simulated world: a server that answers one turn after the other, and the trace of what the caller
 * sees in virtual time: "delta@ATTEMPT:TEXT", "retry@ATTEMPT+DELAY", "done CODE CONTENT". Every row runs with several
 * seeds, with the bytes cut anywhere. */
#include "runtime/base/mem.h"
#include "runtime/io/world_sim.h"
#include "runtime/model/model.h"
#include "runtime/model/retry.h"
#include "runtime/model/script.h"
#include "tests/support/support.h"

#include <stdio.h>

enum { TURN_COUNT_MAX = 4, SEED_COUNT = 12 };
#define KEY "sk-0123456789abcdef"

enum turn_end { FINISH, HANG, BREAK };
struct turn {
  int status; /* 0: the server says nothing at all */
  const char *header;
  const char *body;
  enum turn_end end;
};

/* ---- the server ---- */

struct server {
  const struct turn *turns;
  size_t count;
  char url[256], key[256], body[4096];
  size_t cancelled_count;
};

static void on_request(struct fl_sim_exchange *exchange) {
  struct server *server = fl_sim_exchange_user(exchange);
  const struct turn *turn = &server->turns[server->count++];
  const char *key = fl_sim_request_header(exchange, "Authorization");
  if (key == NULL) key = fl_sim_request_header(exchange, "x-api-key");
  snprintf(server->url, sizeof server->url, "%s", fl_sim_request_url(exchange));
  snprintf(server->key, sizeof server->key, "%s", key != NULL ? key : "");
  snprintf(server->body, sizeof server->body, "%.*s", (int)fl_sim_request_body(exchange).size,
           fl_sim_request_body(exchange).data);
  const char *headers[] = {turn->header, NULL};
  if (turn->status != 0) fl_sim_respond(exchange, 10, turn->status, turn->header != NULL ? headers : NULL);
  if (turn->body != NULL) fl_sim_body(exchange, 10, fl_slice_of(turn->body));
  if (turn->end == FINISH) fl_sim_finish(exchange, 0);
  else if (turn->end == BREAK) fl_sim_fail(exchange, 0, FL_E_NETWORK, "connection reset by peer");
}

static void on_gone(struct fl_sim_exchange *exchange) {
  struct server *server = fl_sim_exchange_user(exchange);
  if (fl_sim_exchange_cancelled(exchange)) server->cancelled_count++;
}

/* ---- the caller ---- */

struct caller {
  struct fl_world *world;
  struct fl_model_call call;
  struct fl_buf deltas; /* of the last try: the text */
  unsigned delta_attempt;
  char retries[512];
  uint64_t delays[8];
  size_t retry_count;
  size_t done_count;
  int status;
  char error[FL_ERROR_TEXT_MAX];
  struct fl_value *message;
  bool cancels_at_delta, cancels_at_retry;
  int64_t done_ms;
};

static void on_delta(struct fl_model_call *call, const char *kind, fl_slice text, unsigned attempt) {
  struct caller *caller = call->user;
  assert_int_equal(caller->done_count, 0);
  if (attempt != caller->delta_attempt) fl_buf_clear(&caller->deltas);
  caller->delta_attempt = attempt;
  if (strcmp(kind, "text") == 0) fl_buf_add(&caller->deltas, text.data, text.size);
  if (caller->cancels_at_delta) fl_model_call_cancel(call);
}

static void on_retry(struct fl_model_call *call, unsigned attempt, uint64_t delay_ms, const struct fl_error *err) {
  struct caller *caller = call->user;
  size_t used = strlen(caller->retries);
  snprintf(caller->retries + used, sizeof caller->retries - used, "%u:%s;", attempt, fl_error_word(err->code));
  assert_null(strstr(err->text, KEY));
  caller->delays[caller->retry_count++] = delay_ms;
  if (caller->cancels_at_retry) fl_model_call_cancel(call);
}

static void on_done(struct fl_model_call *call, int status, struct fl_value *message, const struct fl_error *err) {
  struct caller *caller = call->user;
  caller->done_count++;
  caller->status = status;
  caller->message = fl_value_ref(message);
  caller->done_ms = fl_world_now_ms(caller->world);
  assert_int_equal(status == 0, err == NULL);
  if (err != NULL) snprintf(caller->error, sizeof caller->error, "%s", err->text);
}

static struct fl_list *conversation(void) {
  struct fl_list *empty = fl_list_create();
  struct fl_value *message = fl_object();
  fl_set_string(message, "role", "user");
  fl_set_string(message, "content", "hi");
  struct fl_list *list = fl_list_append_take(empty, message);
  fl_list_unref(empty);
  return list;
}

static void caller_init(struct caller *caller, struct fl_world *world, const struct fl_model_config *config) {
  *caller = (struct caller){.world = world};
  caller->call = (struct fl_model_call){.request = {.config = config, .messages = conversation()},
                                        .on_delta = on_delta,
                                        .on_retry = on_retry,
                                        .on_done = on_done,
                                        .user = caller};
}

static void caller_deinit(struct caller *caller) {
  fl_list_unref((struct fl_list *)caller->call.request.messages);
  fl_value_unref(caller->message);
  fl_buf_deinit(&caller->deltas);
}

static struct fl_world *make_world(uint64_t seed, struct server *server) {
  struct fl_world *world = fl_world_sim_create(seed);
  fl_world_sim_set_splits(world, true);
  fl_world_sim_server(
      world, &(struct fl_sim_server){
                 .url_prefix = "https://model.test/", .on_request = on_request, .on_gone = on_gone, .user = server});
  return world;
}

static struct fl_model_config openai_config(void) {
  return (struct fl_model_config){.provider = FL_MODEL_OPENAI,
                                  .model = (char *)"m",
                                  .base_url = (char *)"https://model.test/v1",
                                  .api_key = (char *)KEY};
}

/* ---- one call after another ---- */

#define EVENT(json) "data: " json "\n\n"
#define HELLO EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hel\"}}]}")
#define LO EVENT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"}}]}")
#define STOP EVENT("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}")
#define DONE "data: [DONE]\n\n"
#define GOOD \
  { 200, "Content-Type: text/event-stream; charset=utf-8", HELLO LO STOP DONE, FINISH }
#define WHOLE "{\"choices\":[{\"message\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}"

struct row {
  const char *name;
  struct turn turns[TURN_COUNT_MAX];
  size_t request_count;
  const char *retries;
  int status;
  const char *text; /* the content, or part of the error */
};

static const struct row rows[] = {
    {"a stream", {GOOD}, 1, "", 0, "hello"},
    {"a stream without a type", {{200, NULL, "\n" HELLO LO STOP DONE, FINISH}}, 1, "", 0, "hello"},
    {"a whole reply", {{200, "Content-Type: application/json", WHOLE, FINISH}}, 1, "", 0, "hello"},
    {"a whole reply without a type", {{200, NULL, " " WHOLE, FINISH}}, 1, "", 0, "hello"},
    {"the server keeps the connection",
     {{200, "Content-Type: text/event-stream", HELLO LO STOP DONE, HANG}},
     1,
     "",
     0,
     "hello"},
    {"the connection breaks after the end",
     {{200, "Content-Type: text/event-stream", HELLO LO STOP, BREAK}},
     1,
     "",
     0,
     "hello"},
    {"usage never comes, nor the end marker",
     {{200, "Content-Type: text/event-stream", HELLO LO STOP, HANG}},
     1,
     "",
     0,
     "hello"},
    {"429, then fine",
     {{429, "Retry-After: 2", "{\"error\":{\"message\":\"slow down\"}}", FINISH}, GOOD},
     2,
     "1:rate;",
     0,
     "hello"},
    {"503 twice, then fine",
     {{503, NULL, "busy", FINISH}, {529, NULL, "{}", FINISH}, GOOD},
     3,
     "1:remote;2:rate;",
     0,
     "hello"},
    {"503 three times",
     {{503, NULL, "busy", FINISH}, {503, NULL, "busy", FINISH}, {503, NULL, "busy", FINISH}},
     3,
     "1:remote;2:remote;",
     FL_E_REMOTE,
     "after 3 tries: model openai/m: openai answered with HTTP 503: busy"},
    {"408 and 409 are tried again",
     {{408, NULL, "", FINISH}, {409, NULL, "", FINISH}, GOOD},
     3,
     "1:timeout;2:remote;",
     0,
     "hello"},
    {"400 is not",
     {{400, NULL, "{\"error\":{\"message\":\"bad\",\"code\":\"invalid\"}}", FINISH}},
     1,
     "",
     FL_E_INVALID,
     "HTTP 400 (invalid): bad"},
    {"nor is a used-up quota",
     {{429, NULL, "{\"error\":{\"message\":\"pay\",\"code\":\"insufficient_quota\"}}", FINISH}},
     1,
     "",
     FL_E_RATE,
     "pay"},
    {"the server says no to another try", {{503, "x-should-retry: false", "busy", FINISH}}, 1, "", FL_E_REMOTE, "busy"},
    {"the server asks for another try",
     {{400, "x-should-retry: true", "hm", FINISH}, GOOD},
     2,
     "1:invalid;",
     0,
     "hello"},
    {"a wrong key is not repeated",
     {{401, NULL, "{\"error\":{\"message\":\"no key " KEY "\"}}", FINISH}},
     1,
     "",
     FL_E_AUTH,
     "no key *******************"},
    {"nor one that the stream repeats",
     {{200, "Content-Type: text/event-stream", EVENT("{\"error\":{\"message\":\"x " KEY "\"}}"), FINISH}},
     1,
     "",
     FL_E_REMOTE,
     "x *******************"},
    {"cut off, then fine",
     {{200, "Content-Type: text/event-stream", HELLO, FINISH}, GOOD},
     2,
     "1:truncated;",
     0,
     "hello"},
    {"broken, then fine", {{200, "Content-Type: text/event-stream", HELLO, BREAK}, GOOD}, 2, "1:network;", 0, "hello"},
    {"silent, then fine", {{200, "Content-Type: text/event-stream", HELLO, HANG}, GOOD}, 2, "1:timeout;", 0, "hello"},
    {"no first byte, then fine", {{0, NULL, NULL, HANG}, GOOD}, 2, "1:timeout;", 0, "hello"},
    {"no connection",
     {{0, NULL, NULL, BREAK}, {0, NULL, NULL, BREAK}, {0, NULL, NULL, BREAK}},
     3,
     "1:network;2:network;",
     FL_E_NETWORK,
     "reset"},
    {"an error in the stream that may pass",
     {{200, NULL, HELLO EVENT("{\"error\":{\"message\":\"oops\",\"type\":\"server_error\"}}"), FINISH}, GOOD},
     2,
     "1:remote;",
     0,
     "hello"},
    {"an error in the stream that stays",
     {{200, NULL, HELLO EVENT("{\"error\":{\"message\":\"too long\",\"code\":400}}"), HANG}},
     1,
     "",
     FL_E_INVALID,
     "too long"},
    {"not JSON in the stream",
     {{200, "Content-Type: text/event-stream", EVENT("{no"), FINISH}},
     1,
     "",
     FL_E_PROTOCOL,
     "{no"},
    {"a page instead of a reply",
     {{200, "Content-Type: text/html", "<html>", FINISH}, {404, NULL, "<html>", FINISH}},
     2,
     "1:truncated;",
     FL_E_NOT_FOUND,
     "HTTP 404"},
    {"a redirect",
     {{301, "Location: https://elsewhere.test/", "moved", FINISH}},
     1,
     "",
     FL_E_INVALID,
     "HTTP 301: moved"},
};

static void expect_row(const struct row *row, uint64_t seed) {
  struct server server = {.turns = row->turns};
  struct fl_world *world = make_world(seed, &server);
  struct fl_model_config config = openai_config();
  struct caller caller;
  caller_init(&caller, world, &config);
  fl_model_call_start(world, &caller.call);
  assert_int_equal(caller.done_count, 0);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(caller.done_count, 1);
  assert_null(caller.call.impl);
  if (server.count != row->request_count) fail_msg("%s: %zu requests", row->name, server.count);
  if (strcmp(caller.retries, row->retries) != 0) fail_msg("%s: retries %s", row->name, caller.retries);
  if (caller.status != row->status) fail_msg("%s: status %d %s", row->name, caller.status, caller.error);
  assert_null(strstr(caller.error, KEY));
  if (row->status != 0 && strstr(caller.error, row->text) == NULL) fail_msg("%s: %s", row->name, caller.error);
  if (row->status == 0) assert_string_equal(fl_get_string(caller.message, "content", ""), row->text);
  if (row->status == 0 && caller.deltas.size > 0) assert_string_equal(caller.deltas.data, row->text);
  assert_string_equal(server.url, "https://model.test/v1/chat/completions");
  assert_string_equal(server.key, "Bearer " KEY);
  caller_deinit(&caller);
  fl_world_destroy(world);
}

static void every_row_with_every_seed(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) expect_row(&rows[i], seed);
}

/* ---- waits ---- */

static void wait_after(const char *header, uint64_t seed, struct caller *caller) {
  const struct turn turns[] = {{429, header, "slow", FINISH}, {429, header, "slow", FINISH}, GOOD};
  struct server server = {.turns = turns};
  struct fl_world *world = make_world(seed, &server);
  struct fl_model_config config = openai_config();
  caller_init(caller, world, &config);
  fl_model_call_start(world, &caller->call);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(caller->status, 0);
  assert_int_equal(caller->retry_count, 2);
  caller_deinit(caller);
  fl_world_destroy(world);
}

static void waits_are_asked_for_or_drawn(void **state) {
  struct caller caller;
  wait_after("Retry-After: 2", 1, &caller);
  assert_int_equal(caller.delays[0], 2000);
  assert_true(caller.done_ms >= 4000 && caller.done_ms < 5000);
  wait_after("retry-after-ms: 1500", 1, &caller);
  assert_int_equal(caller.delays[1], 1500);
  wait_after("Retry-After: 7200", 1, &caller);
  assert_int_equal(caller.delays[0], FL_RETRY_AFTER_MAX_MS);
  wait_after("Retry-After: Thu, 01 Jan 2026 00:00:20 GMT", 1, &caller); /* the world begins at midnight */
  assert_true(caller.delays[0] > 19000 && caller.delays[0] <= 20000);
  uint64_t low = UINT64_MAX, high = 0;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    wait_after(NULL, seed, &caller);
    assert_true(caller.delays[0] <= 500 && caller.delays[1] <= 1000);
    low = caller.delays[0] < low ? caller.delays[0] : low;
    high = caller.delays[0] > high ? caller.delays[0] : high;
  }
  assert_true(low < 100 && high > 400); /* full jitter */
}

static void limits_and_retries_are_settings(void **state) {
  const struct turn turns[] = {{200, "Content-Type: text/event-stream", HELLO, HANG}, GOOD};
  struct server server = {.turns = turns};
  struct fl_world *world = make_world(1, &server);
  struct fl_model_config config = openai_config();
  FL_VALUE_AUTO settings = fl_object();
  fl_set_int(settings, "max_retries", 0);
  fl_set_int(settings, "idle_timeout_ms", 3000);
  config.settings = settings;
  struct caller caller;
  caller_init(&caller, world, &config);
  fl_model_call_start(world, &caller.call);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(caller.status, FL_E_TIMEOUT);
  assert_true(caller.done_ms >= 3000 && caller.done_ms < 3200);
  assert_string_equal(caller.deltas.data, "hel"); /* provisional */
  assert_int_equal(server.count, 1);
  caller_deinit(&caller);
  fl_world_destroy(world);
}

/* ---- cancel, at every moment ---- */

static void cancel_at(int64_t now_ms, uint64_t seed) {
  const struct turn turns[] = {{503, NULL, "busy", FINISH}, {200, "Content-Type: text/event-stream", HELLO LO, HANG}};
  struct server server = {.turns = turns};
  struct fl_world *world = make_world(seed, &server);
  struct fl_model_config config = openai_config();
  struct caller caller;
  caller_init(&caller, world, &config);
  fl_model_call_start(world, &caller.call);
  fl_world_sim_run_until(world, now_ms);
  fl_model_call_cancel(&caller.call);
  fl_model_call_cancel(&caller.call);
  assert_int_equal(caller.done_count, 0);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(caller.done_count, 1);
  assert_int_equal(caller.status, FL_E_CANCELLED);
  assert_true(caller.done_ms <= now_ms + 1);
  caller_deinit(&caller);
  fl_world_destroy(world);
}

static void a_cancelled_call_ends_at_once_whatever_it_does(void **state) {
  for (uint64_t seed = 1; seed <= 8; seed++)
    for (int64_t now_ms = 0; now_ms < 700; now_ms += 7) cancel_at(now_ms, seed);
}

static void a_call_can_be_cancelled_from_its_own_callbacks(void **state) {
  for (int i = 0; i < 2; i++) {
    const struct turn turns[] = {{503, NULL, "busy", FINISH}, GOOD, GOOD};
    struct server server = {.turns = turns + i};
    struct fl_world *world = make_world(1, &server);
    struct fl_model_config config = openai_config();
    struct caller caller;
    caller_init(&caller, world, &config);
    caller.cancels_at_delta = caller.cancels_at_retry = true;
    fl_model_call_start(world, &caller.call);
    assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
    assert_int_equal(caller.status, FL_E_CANCELLED);
    assert_int_equal(server.count, 1);
    caller_deinit(&caller);
    fl_world_destroy(world);
  }
}

/* ---- what cannot even start ---- */

static void a_request_that_cannot_be_built_is_told_later(void **state) {
  struct fl_world *world = fl_world_sim_create(1);
  struct fl_model_config config = openai_config();
  struct caller caller;
  config.base_url = (char *)"nonsense";
  caller_init(&caller, world, &config);
  fl_model_call_start(world, &caller.call);
  assert_int_equal(caller.done_count, 0);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(caller.status, FL_E_INVALID);
  assert_non_null(strstr(caller.error, "base URL"));
  caller_deinit(&caller);
  fl_world_destroy(world);
}

static void a_host_that_is_not_there_is_tried_again(void **state) {
  struct fl_world *world = fl_world_sim_create(1);
  struct fl_model_config config = openai_config();
  struct caller caller;
  caller_init(&caller, world, &config);
  fl_model_call_start(world, &caller.call);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(caller.status, FL_E_NETWORK);
  assert_string_equal(caller.retries, "1:network;2:network;");
  caller_deinit(&caller);
  fl_world_destroy(world);
}

static void anthropic_is_called_in_its_own_way(void **state) {
  const struct turn turns[] = {
      {200, "Content-Type: text/event-stream",
       "event: message_start\n" EVENT(
           "{\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":1}}}")
           EVENT("{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}")
               EVENT("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
                     "\"hello\"}}") EVENT("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
                                          "\"usage\":{\"output_tokens\":2}}") EVENT("{\"type\":\"message_stop\"}"),
       HANG}};
  struct server server = {.turns = turns};
  struct fl_world *world = make_world(1, &server);
  struct fl_model_config config = openai_config();
  config.provider = FL_MODEL_ANTHROPIC;
  struct caller caller;
  caller_init(&caller, world, &config);
  fl_model_call_start(world, &caller.call);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(caller.status, 0);
  assert_string_equal(fl_get_string(caller.message, "content", ""), "hello");
  assert_string_equal(server.url, "https://model.test/v1/messages");
  assert_string_equal(server.key, KEY);
  assert_int_equal(server.cancelled_count, 1);
  caller_deinit(&caller);
  fl_world_destroy(world);
}

/* ---- the scripted model ---- */

static void run_script(const char *text, struct caller *caller, int64_t cancel_ms) {
  struct fl_world *world = fl_world_sim_create(1);
  struct fl_model_config config = {.provider = FL_MODEL_SCRIPTED, .model = (char *)"scripted"};
  struct fl_error err = {0};
  if (fl_script_parse("script.yaml", fl_slice_of(text), &config.loaded, &err) != 0) fail_msg("%s", err.text);
  caller_init(caller, world, &config);
  fl_model_call_start(world, &caller->call);
  if (cancel_ms >= 0) {
    fl_world_sim_run_until(world, cancel_ms);
    fl_model_call_cancel(&caller->call);
  }
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(caller->done_count, 1);
  fl_script_destroy(config.loaded);
  fl_world_destroy(world);
}

static void the_scripted_model_streams_in_virtual_time(void **state) {
  struct caller caller;
  run_script("replies: [ { text: 'αβγδε hello', pieces: 4, delay_ms: 100 } ]", &caller, -1);
  assert_int_equal(caller.status, 0);
  assert_string_equal(caller.deltas.data, "αβγδε hello");
  assert_string_equal(fl_get_string(caller.message, "content", ""), "αβγδε hello");
  assert_string_equal(fl_get_string(caller.message, "model", ""), "scripted");
  assert_int_equal(caller.done_ms, 400);
  caller_deinit(&caller);
  run_script("replies: [ { text: hello, pieces: 4, delay_ms: 100 } ]", &caller, 250);
  assert_int_equal(caller.status, FL_E_CANCELLED);
  assert_string_equal(caller.deltas.data, "he");
  assert_int_equal(caller.done_ms, 250);
  caller_deinit(&caller);
}

static void the_scripted_model_fails_as_a_provider_does(void **state) {
  struct caller caller;
  run_script("replies: [ { text: hello, error: { status: 429, message: slow, times: 2 } } ]", &caller, -1);
  assert_int_equal(caller.status, 0);
  assert_string_equal(caller.retries, "1:rate;2:rate;");
  caller_deinit(&caller);
  run_script("replies: [ { error: { status: 500, message: broken } } ]", &caller, -1);
  assert_int_equal(caller.status, FL_E_REMOTE);
  assert_non_null(
      strstr(caller.error, "after 3 tries: model scripted/scripted: scripted answered with HTTP 500: broken"));
  caller_deinit(&caller);
  run_script("replies: [ { error: { status: 400, message: broken } } ]", &caller, -1);
  assert_string_equal(caller.retries, "");
  caller_deinit(&caller);
  run_script("replies: [ { when: { user: no }, text: a } ]", &caller, -1);
  assert_int_equal(caller.status, FL_E_NOT_FOUND);
  assert_non_null(strstr(caller.error, "\"hi\""));
  caller_deinit(&caller);
}

/* ---- several calls ---- */

static void many_calls_are_under_way_at_once(void **state) {
  enum { CALL_COUNT = 20 };
  struct turn turns[CALL_COUNT + 1];
  for (size_t i = 0; i <= CALL_COUNT; i++) turns[i] = (struct turn)GOOD;
  turns[0] = (struct turn){503, NULL, "busy", FINISH};
  for (uint64_t seed = 1; seed <= SEED_COUNT; seed++) {
    struct server server = {.turns = turns};
    struct fl_world *world = make_world(seed, &server);
    fl_world_sim_set_jitter(world, 50);
    struct fl_model_config config = openai_config();
    static struct caller callers[CALL_COUNT];
    for (size_t i = 0; i < CALL_COUNT; i++) {
      caller_init(&callers[i], world, &config);
      fl_model_call_start(world, &callers[i].call);
    }
    assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
    size_t retry_count = 0;
    for (size_t i = 0; i < CALL_COUNT; i++) {
      assert_int_equal(callers[i].status, 0);
      assert_string_equal(fl_get_string(callers[i].message, "content", ""), "hello");
      retry_count += callers[i].retry_count;
      caller_deinit(&callers[i]);
    }
    assert_int_equal(retry_count, 1);
    assert_int_equal(server.count, CALL_COUNT + 1);
    fl_world_destroy(world);
  }
}

static void start_again(struct fl_model_call *call, int status, struct fl_value *message, const struct fl_error *err) {
  struct caller *caller = call->user;
  caller->done_count++;
  caller->status = status;
  if (caller->done_count < 3) fl_model_call_start(caller->world, call);
}

static void a_call_can_start_again_from_its_end(void **state) {
  const struct turn turns[] = {GOOD, GOOD, GOOD};
  struct server server = {.turns = turns};
  struct fl_world *world = make_world(1, &server);
  struct fl_model_config config = openai_config();
  struct caller caller;
  caller_init(&caller, world, &config);
  caller.call.on_done = start_again;
  caller.call.on_delta = NULL;
  caller.call.on_retry = NULL;
  fl_model_call_start(world, &caller.call);
  assert_int_equal(fl_world_sim_run(world), FL_SIM_IDLE);
  assert_int_equal(caller.done_count, 3);
  assert_int_equal(caller.status, 0);
  assert_int_equal(server.count, 3);
  caller_deinit(&caller);
  fl_world_destroy(world);
}

/* Wherever the process ends, nothing is left behind and nobody is told twice. */
static void a_crash_at_every_effect_leaves_nothing_behind(void **state) {
  for (uint64_t number = 1;; number++) {
    const struct turn turns[] = {{429, "Retry-After: 1", "slow", FINISH}, GOOD};
    struct server server = {.turns = turns};
    struct fl_world *world = make_world(number, &server);
    struct fl_model_config config = openai_config();
    struct caller caller;
    caller_init(&caller, world, &config);
    fl_world_sim_crash_at(world, number);
    fl_model_call_start(world, &caller.call);
    bool is_crashed = fl_world_sim_run(world) == FL_SIM_CRASHED;
    if (is_crashed) fl_world_sim_bury(world);
    assert_int_equal(caller.done_count, 1);
    caller_deinit(&caller);
    fl_world_destroy(world);
    if (!is_crashed) break;
    assert_true(number < 100);
  }
}

/* ---- the pure part ---- */

static void retry_after_is_read(void **state) {
  static const struct {
    const char *seconds, *ms;
    int64_t delay;
  } headers[] = {{NULL, NULL, -1},
                 {"", NULL, -1},
                 {"3", NULL, 3000},
                 {"0", NULL, 0},
                 {"1.5", NULL, 1500},
                 {"-3", NULL, -1},
                 {"soon", NULL, -1},
                 {"61", NULL, 60000},
                 {"3", "250", 250},
                 {"3", "x", 3000},
                 {"999999999999999999999999", NULL, -1},
                 {"Thu, 01 Jan 1970 00:00:10 GMT", NULL, 9000},
                 {"Thu, 01 Jan 1970 00:00:00 GMT", NULL, 0},
                 {"Thu, 01 Jan 1970 02:00:00 GMT", NULL, 60000},
                 {"Thu, 01 Foo 1970 00:00:10 GMT", NULL, -1},
                 {"Thu, 01 Jan 1970 00:00:10 CET", NULL, -1}};
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
    assert_int_equal(fl_retry_after_ms(headers[i].seconds, headers[i].ms, 1000), headers[i].delay);
  assert_int_equal(fl_retry_backoff_ms(1, 0), 0);
  assert_int_equal(fl_retry_backoff_ms(1, UINT32_MAX), 500);
  assert_int_equal(fl_retry_backoff_ms(3, UINT32_MAX), 2000);
  assert_int_equal(fl_retry_backoff_ms(1000, UINT32_MAX), FL_RETRY_BACKOFF_MAX_MS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_with_every_seed),
      cmocka_unit_test(waits_are_asked_for_or_drawn),
      cmocka_unit_test(limits_and_retries_are_settings),
      cmocka_unit_test(a_cancelled_call_ends_at_once_whatever_it_does),
      cmocka_unit_test(a_call_can_be_cancelled_from_its_own_callbacks),
      cmocka_unit_test(a_request_that_cannot_be_built_is_told_later),
      cmocka_unit_test(a_host_that_is_not_there_is_tried_again),
      cmocka_unit_test(anthropic_is_called_in_its_own_way),
      cmocka_unit_test(the_scripted_model_streams_in_virtual_time),
      cmocka_unit_test(the_scripted_model_fails_as_a_provider_does),
      cmocka_unit_test(many_calls_are_under_way_at_once),
      cmocka_unit_test(a_call_can_start_again_from_its_end),
      cmocka_unit_test(a_crash_at_every_effect_leaves_nothing_behind),
      cmocka_unit_test(retry_after_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
