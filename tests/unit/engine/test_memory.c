/* SPDX-License-Identifier: MIT */
/* The memory across threads through its public functions, on each kind of store, with the hashing embedder and with one
 * that answers late; the OpenAI-compatible one against a scripted server. */
#include "runtime/model/embed.h"
#include "tests/unit/engine/desk.h"

#include <math.h>

#define SEARCH(...) ((struct fl_memory_search){__VA_ARGS__})

/* ---- items ---- */

static void item_is_put_got_and_deleted(void **state) {
  struct desk *desk = *state;
  FL_VALUE_AUTO none = get(desk, "['users','ann']", "tea");
  assert_true(fl_is(none, FL_NULL));
  put(desk, "['users','ann']", "tea", "{'likes':'green'}");
  FL_VALUE_AUTO item = get(desk, "['users','ann']", "tea");
  assert_json(fl_get(item, "namespace"), "['users','ann']");
  assert_string_equal(fl_get_string(item, "key", ""), "tea");
  assert_json(fl_get(item, "value"), "{'likes':'green'}");
  assert_true(fl_get_int(item, "created_ms", 0) > 0);
  assert_null(fl_get(item, "expires_ms"));
  struct reply first = {0}, second = {0};
  FL_VALUE_AUTO labels = json("['users','ann']");
  fl_memory_delete(memory_of(desk), labels, "tea", on_reply, &first);
  assert_string_equal(told(desk, &first), "true");
  fl_memory_delete(memory_of(desk), labels, "tea", on_reply, &second);
  assert_string_equal(told(desk, &second), "false");
}

static void later_put_replaces_and_keeps_its_birth(void **state) {
  struct desk *desk = *state;
  put(desk, "['a']", "k", "{'n':1}");
  FL_VALUE_AUTO before = get(desk, "['a']", "k");
  fl_world_sim_run_until(desk->world, fl_world_now_ms(desk->world) + 500);
  put(desk, "['a']", "k", "{'n':2}");
  FL_VALUE_AUTO after = get(desk, "['a']", "k");
  assert_json(fl_get(after, "value"), "{'n':2}");
  assert_int_equal(fl_get_int(after, "created_ms", 0), fl_get_int(before, "created_ms", 1));
  assert_true(fl_get_int(after, "updated_ms", 0) >= fl_get_int(before, "updated_ms", 0) + 500);
  assert_string_equal(keys(desk, SEARCH(.query = "1"), NULL, NULL), ""); /* the old words are gone */
}

static void what_makes_no_sense_is_refused(void **state) {
  struct desk *desk = *state;
  static const struct {
    const char *ns, *key, *value, *text;
  } rows[] = {{"[]", "k", "{}", "at least one label"},
              {"['fairlead']", "k", "{}", "fairlead's own"},
              {"['a.b']", "k", "{}", "holds a"},
              {"['a']", "", "{}", "a key has 1 to 512 bytes"},
              {"['a']", "k", "[1]", "is an object, not array"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct reply reply = put_with(desk, rows[i].ns, rows[i].key, rows[i].value, (struct fl_memory_put){0});
    assert_int_equal(reply.error.code, FL_E_INVALID);
    if (strstr(reply.error.text, rows[i].text) == NULL) fail_msg("%s", reply.error.text);
  }
  assert_string_equal(keys(desk, SEARCH(0), NULL, "{'a':{'$in':1}}"), "invalid");
  assert_string_equal(keys(desk, SEARCH(.query = "x", .rank = FL_RANK_VECTOR), NULL, NULL), "state");
}

static void oversized_value_is_refused(void **state) {
  struct desk *desk = *state;
  struct fl_value *value = fl_object();
  char *text = malloc(FL_MEMORY_VALUE_MAX + 1);
  memset(text, 'x', FL_MEMORY_VALUE_MAX);
  text[FL_MEMORY_VALUE_MAX] = 0;
  fl_set_string(value, "t", text);
  free(text);
  struct reply reply = {0};
  FL_VALUE_AUTO labels = json("['a']");
  const struct fl_memory_put big = {.size = sizeof big, .ns = labels, .key = "k", .value = value};
  fl_memory_put(memory_of(desk), &big, on_reply, &reply);
  fl_value_unref(value);
  assert_string_equal(told(desk, &reply), "limit");
}

/* ---- time to live ---- */

static void items_expire_and_reading_renews_them(void **state) {
  struct desk *desk = *state;
  put_with(desk, "['a']", "k", "{}", (struct fl_memory_put){.ttl_ms = 1000});
  put(desk, "['a']", "ever", "{}");
  fl_world_sim_run_until(desk->world, fl_world_now_ms(desk->world) + 900);
  FL_VALUE_AUTO read = get(desk, "['a']", "k"); /* a new second from here */
  assert_non_null(fl_get(read, "expires_ms"));
  fl_world_sim_run_until(desk->world, fl_world_now_ms(desk->world) + 900);
  assert_string_equal(keys(desk, SEARCH(0), "['a']", NULL), "ever k"); /* and again */
  fl_world_sim_run_until(desk->world, fl_world_now_ms(desk->world) + 999);
  FL_VALUE_AUTO there = get(desk, "['a']", "k");
  assert_true(fl_is(there, FL_OBJECT));
  fl_world_sim_run_until(desk->world, fl_world_now_ms(desk->world) + 1001);
  FL_VALUE_AUTO gone = get(desk, "['a']", "k");
  assert_true(fl_is(gone, FL_NULL));
  struct reply swept = {0};
  fl_memory_sweep(memory_of(desk), on_reply, &swept);
  assert_string_equal(told(desk, &swept), "1");
}

static void memory_has_a_time_of_its_own(void **state) {
  struct desk *desk = *state;
  const struct fl_memory_options options = {.size = sizeof options, .ttl_ms = 500, .keeps_expiry_on_read = true};
  assert_int_equal(fl_memory_create(desk->runtime, &options, &desk->memory, NULL), 0);
  put(desk, "['a']", "short", "{}");
  put_with(desk, "['a']", "ever", "{}", (struct fl_memory_put){.ttl_ms = -1});
  fl_world_sim_run_until(desk->world, fl_world_now_ms(desk->world) + 400);
  FL_VALUE_AUTO read = get(desk, "['a']", "short");
  assert_true(fl_is(read, FL_OBJECT));
  fl_world_sim_run_until(desk->world, fl_world_now_ms(desk->world) + 200);
  assert_string_equal(keys(desk, SEARCH(0), NULL, NULL), "ever");
}

/* ---- searching ---- */

static void fill(struct desk *desk) {
  put(desk, "['users','ann']", "tea", "{'text':'ann likes green tea in the morning','n':1,'who':{'age':30}}");
  put(desk, "['users','ann']", "car", "{'text':'the car is red','n':2}");
  put(desk, "['users','bob']", "tea", "{'text':'bob drinks black tea, tea and tea','n':3,'who':{'age':41}}");
  put(desk, "['usersx']", "tea2", "{'text':'not below users: tea','n':4}");
}

static void searches_keep_to_their_namespace(void **state) {
  struct desk *desk = *state;
  fill(desk);
  assert_string_equal(keys(desk, SEARCH(0), NULL, NULL), "tea2 tea car tea");
  assert_string_equal(keys(desk, SEARCH(0), "['users']", NULL), "tea car tea");
  assert_string_equal(keys(desk, SEARCH(0), "['users','ann']", NULL), "car tea");
  assert_string_equal(keys(desk, SEARCH(0), "['nobody']", NULL), "");
  assert_string_equal(keys(desk, SEARCH(0), "['a.b']", NULL), "invalid");
}

static void searches_are_cut_into_pages(void **state) {
  struct desk *desk = *state;
  for (int i = 0; i < 25; i++) {
    char key[8], value[16];
    snprintf(key, sizeof key, "k%02d", i);
    snprintf(value, sizeof value, "{'n':%d}", i);
    put(desk, "['p']", key, value);
  }
  assert_string_equal(keys(desk, SEARCH(.limit = 3), NULL, NULL), "k24 k23 k22");
  assert_string_equal(keys(desk, SEARCH(.limit = 2, .offset = 3), NULL, NULL), "k21 k20");
  assert_string_equal(keys(desk, SEARCH(0), NULL, NULL), "k24 k23 k22 k21 k20 k19 k18 k17 k16 k15");
  assert_string_equal(keys(desk, SEARCH(.limit = 2, .offset = 1), NULL, "{'n':{'$lt':5}}"), "k03 k02");
  assert_string_equal(keys(desk, SEARCH(.offset = 25), NULL, NULL), "");
}

static void filters_choose(void **state) {
  struct desk *desk = *state;
  fill(desk);
  assert_string_equal(keys(desk, SEARCH(0), NULL, "{'n':{'$gte':2,'$lt':4}}"), "tea car");
  assert_string_equal(keys(desk, SEARCH(0), NULL, "{'who':{'age':{'$gt':40}}}"), "tea");
  assert_string_equal(keys(desk, SEARCH(.query = "tea"), "['users']", "{'n':1}"), "tea");
  assert_string_equal(keys(desk, SEARCH(.query = "tea"), "['users']", "{'n':2}"), "");
}

static void words_are_found_by_relevance(void **state) {
  struct desk *desk = *state;
  use(desk, NULL, "['text']");
  fill(desk);
  struct reply reply = {0};
  const struct fl_memory_search search = {.size = sizeof search, .query = "black TEA"};
  fl_memory_search(memory_of(desk), &search, on_reply, &reply);
  FL_VALUE_AUTO result = wait_for(desk, &reply);
  assert_int_equal(fl_size(result), 3);
  assert_json(fl_get(fl_at(result, 0), "namespace"), "['users','bob']");
  assert_true(fl_get_double(fl_at(result, 0), "score", 0) > fl_get_double(fl_at(result, 1), "score", 0));
  assert_string_equal(keys(desk, SEARCH(.query = "n"), NULL, NULL), ""); /* the field's name is no text of it */
  assert_string_equal(keys(desk, SEARCH(.query = "\"* ("), NULL, NULL), "");
  assert_string_equal(keys(desk, SEARCH(.query = "RED cars"), NULL, NULL), "car");
}

static void accents_and_case_do_not_count(void **state) {
  struct desk *desk = *state;
  put(desk, "['a']", "k", "{'text':'Crème Brûlée'}");
  assert_string_equal(keys(desk, SEARCH(.query = "creme"), NULL, NULL), "k");
  assert_string_equal(keys(desk, SEARCH(.query = "BRÛLÉE"), NULL, NULL), "k");
}

static void item_can_stay_out_of_searches(void **state) {
  struct desk *desk = *state;
  FL_VALUE_AUTO none = fl_array();
  FL_VALUE_AUTO other = json("['note']");
  put_with(desk, "['a']", "quiet", "{'text':'secret word'}", (struct fl_memory_put){.fields = none});
  put_with(desk, "['a']", "own", "{'text':'secret','note':'loud word'}", (struct fl_memory_put){.fields = other});
  assert_string_equal(keys(desk, SEARCH(.query = "word"), NULL, NULL), "own");
  assert_string_equal(keys(desk, SEARCH(.query = "secret"), NULL, NULL), "");
  assert_string_equal(keys(desk, SEARCH(0), NULL, NULL), "own quiet"); /* but is listed */
}

/* ---- vectors ---- */

static void vectors_find_the_closest(void **state) {
  struct desk *desk = *state;
  use(desk, "{'provider':'hash','dims':512}", "['text']");
  fill(desk);
  assert_string_equal(keys(desk, SEARCH(.query = "the red car is", .rank = FL_RANK_VECTOR, .limit = 1), NULL, NULL),
                      "car");
  struct reply reply = {0};
  const struct fl_memory_search search = {.size = sizeof search, .query = "the car is red", .rank = FL_RANK_VECTOR};
  fl_memory_search(memory_of(desk), &search, on_reply, &reply);
  FL_VALUE_AUTO result = wait_for(desk, &reply);
  assert_int_equal(fl_size(result), 4);
  assert_true(fabs(fl_get_double(fl_at(result, 0), "score", 0) - 1) < 1e-5);
}

static void both_rankings_are_joined(void **state) {
  struct desk *desk = *state;
  use(desk, "{'provider':'hash'}", "['text']");
  fill(desk);
  struct reply reply = {0};
  const struct fl_memory_search search = {.size = sizeof search, .query = "green tea in the morning"};
  fl_memory_search(memory_of(desk), &search, on_reply, &reply);
  FL_VALUE_AUTO result = wait_for(desk, &reply);
  assert_int_equal(fl_size(result), 4); /* every item has a vector */
  assert_json(fl_get(fl_at(result, 0), "namespace"), "['users','ann']");
  double best = fl_get_double(fl_at(result, 0), "score", 0);
  assert_true(fabs(best - 2.0 / 61) < 1e-9); /* first in both */
}

static void vectors_go_with_their_item(void **state) {
  struct desk *desk = *state;
  use(desk, "{'provider':'hash'}", "['text']");
  put(desk, "['a']", "k", "{'text':'apples'}");
  put(desk, "['a']", "k", "{'text':'pears'}");
  put(desk, "['a']", "silent", "{'text':''}");
  struct reply reply = {0};
  const struct fl_memory_search search = {.size = sizeof search, .query = "apples", .rank = FL_RANK_VECTOR};
  fl_memory_search(memory_of(desk), &search, on_reply, &reply);
  FL_VALUE_AUTO result = wait_for(desk, &reply);
  assert_int_equal(fl_size(result), 1);
  assert_true(fl_get_double(fl_at(result, 0), "score", 1) < 0.5);
}

/* An embedder of the program's own, which answers after a while. */
struct slow {
  struct fl_world *world;
  struct fl_timer timer;
  struct fl_embedding *embedding;
  int code;
};

static void on_slow(struct fl_timer *timer) {
  struct slow *slow = timer->user;
  struct fl_error err = {0};
  for (size_t i = 0; i < slow->embedding->count; i++)
    slow->embedding->numbers[i * 2] = (float)strlen(slow->embedding->texts[i]);
  if (slow->code != 0) fl_error_set(&err, slow->code, "the model is asleep");
  fl_embedding_done(slow->embedding, slow->code != 0 ? &err : NULL);
}

static void embed_slowly(struct fl_embedding *embedding, void *user) {
  struct slow *slow = user;
  slow->embedding = embedding;
  slow->timer = (struct fl_timer){.on_fire = on_slow, .user = slow};
  fl_timer_start(slow->world, &slow->timer, 50);
}

static void use_slow(struct desk *desk, struct slow *slow) {
  *slow = (struct slow){.world = desk->world, .code = slow->code};
  const struct fl_memory_options options = {
      .size = sizeof options, .embed = embed_slowly, .embed_user = slow, .embed_name = "slow", .embed_dims = 2};
  assert_int_equal(fl_memory_create(desk->runtime, &options, &desk->memory, NULL), 0);
}

static void embedder_may_take_its_time(void **state) {
  struct desk *desk = *state;
  struct slow slow = {0};
  use_slow(desk, &slow);
  put(desk, "['a']", "k", "{'text':'x'}");
  assert_string_equal(keys(desk, SEARCH(.query = "anything", .rank = FL_RANK_VECTOR), NULL, NULL), "k");
}

static void failing_embedder_changes_nothing(void **state) {
  struct desk *desk = *state;
  struct slow slow = {.code = FL_E_NETWORK};
  use_slow(desk, &slow);
  struct reply reply = put_with(desk, "['a']", "k", "{'text':'x'}", (struct fl_memory_put){0});
  assert_int_equal(reply.error.code, FL_E_NETWORK);
  assert_string_equal(reply.error.text, "the model is asleep");
  assert_string_equal(keys(desk, SEARCH(0), NULL, NULL), "");
}

static void destroyed_memory_answers_what_is_under_way(void **state) {
  struct desk *desk = *state;
  struct slow slow = {0};
  use_slow(desk, &slow);
  struct reply reply = {0}, other = {0};
  FL_VALUE_AUTO labels = json("['a']");
  FL_VALUE_AUTO value = json("{'text':'x'}");
  const struct fl_memory_put one = {.size = sizeof one, .ns = labels, .key = "k", .value = value};
  fl_memory_put(desk->memory, &one, on_reply, &reply);
  fl_memory_get(desk->memory, labels, "k", on_reply, &other);
  fl_memory_destroy(desk->memory);
  desk->memory = NULL;
  assert_string_equal(told(desk, &reply), "cancelled");
  assert_int_equal(other.error.code, FL_E_CANCELLED);
  assert_string_equal(keys(desk, SEARCH(0), NULL, NULL), "");
}

/* ---- namespaces ---- */

static const char *namespaces(struct desk *desk, struct fl_memory_list list, const char *prefix, const char *suffix) {
  struct reply reply = {0};
  FL_VALUE_AUTO front = prefix != NULL ? json(prefix) : NULL;
  FL_VALUE_AUTO end = suffix != NULL ? json(suffix) : NULL;
  list.size = sizeof list;
  list.prefix = front;
  list.suffix = end;
  fl_memory_list(memory_of(desk), &list, on_reply, &reply);
  return told(desk, &reply);
}

#define LIST_OF(...) ((struct fl_memory_list){__VA_ARGS__})

static void namespaces_are_listed(void **state) {
  struct desk *desk = *state;
  assert_string_equal(namespaces(desk, LIST_OF(0), NULL, NULL), "[]");
  put(desk, "['users','ann','notes']", "k", "{}");
  put(desk, "['users','bob','notes']", "k", "{}");
  put(desk, "['users','bob','notes']", "l", "{}");
  put(desk, "['users','bob','cars']", "k", "{}");
  put(desk, "['docs']", "k", "{}");
  assert_string_equal(
      namespaces(desk, LIST_OF(0), NULL, NULL),
      text_of_json("[['docs'],['users','ann','notes'],['users','bob','cars'],['users','bob','notes']]"));
  assert_string_equal(namespaces(desk, LIST_OF(0), "['users','bob']", NULL),
                      text_of_json("[['users','bob','cars'],['users','bob','notes']]"));
  assert_string_equal(namespaces(desk, LIST_OF(0), "['users','*','notes']", NULL),
                      text_of_json("[['users','ann','notes'],['users','bob','notes']]"));
  assert_string_equal(namespaces(desk, LIST_OF(0), NULL, "['cars']"), text_of_json("[['users','bob','cars']]"));
  assert_string_equal(namespaces(desk, LIST_OF(.max_depth = 2), NULL, NULL),
                      text_of_json("[['docs'],['users','ann'],['users','bob']]"));
  assert_string_equal(namespaces(desk, LIST_OF(.max_depth = 1, .offset = 1), NULL, NULL), text_of_json("[['users']]"));
  assert_string_equal(namespaces(desk, LIST_OF(.limit = 1, .offset = 2), NULL, NULL),
                      text_of_json("[['users','bob','cars']]"));
}

/* ---- the OpenAI-compatible embedder ---- */

struct server {
  int requests, fail_first, status;
  char body[512], authorization[64];
};

static void on_request(struct fl_sim_exchange *exchange) {
  static const char *const headers[] = {"Content-Type: application/json", NULL};
  struct server *server = fl_sim_exchange_user(exchange);
  fl_slice body = fl_sim_request_body(exchange);
  snprintf(server->body, sizeof server->body, "%.*s", (int)body.size, body.data);
  const char *authorization = fl_sim_request_header(exchange, "Authorization");
  snprintf(server->authorization, sizeof server->authorization, "%s", authorization != NULL ? authorization : "");
  FL_FREE_AUTO char *refusal = fl_format("{\"error\":{\"message\":\"not now, %s\"}}", server->authorization);
  bool fails = server->requests++ < server->fail_first;
  fl_sim_respond(exchange, 5, fails ? server->status : 200, headers);
  fl_sim_body(exchange, 5,
              fails ? fl_slice_of(refusal) : FL_SLICE("{\"data\":[{\"index\":0,\"embedding\":[0.6,0.8,0]}]}"));
  fl_sim_finish(exchange, 1);
}

static void serve_as(struct desk *desk, struct server *server, const char *model) {
  fl_world_sim_server(desk->world, &(struct fl_sim_server){
                                       .url_prefix = "http://embed.test/", .on_request = on_request, .user = server});
  use(desk, model, "['text']");
}

static void serve(struct desk *desk, struct server *server) {
  serve_as(desk, server,
           "{'provider':'openai','model':'small','dims':3,'base_url':'http://embed.test/v1','api_key':'k-1'}");
}

static void endpoint_makes_vectors(void **state) {
  struct desk *desk = *state;
  struct server server = {0};
  serve(desk, &server);
  put(desk, "['a']", "k", "{'text':'hello'}");
  assert_non_null(strstr(server.body, "\"input\":[\"hello\"]"));
  assert_non_null(strstr(server.body, "\"model\":\"small\""));
  assert_string_equal(keys(desk, SEARCH(.query = "hi", .rank = FL_RANK_VECTOR), NULL, NULL), "k");
  assert_int_equal(server.requests, 2);
  assert_string_equal(keys(desk, SEARCH(.query = "hello", .rank = FL_RANK_WORDS), NULL, NULL), "k");
  assert_int_equal(server.requests, 2); /* words need no vector */
}

static void busy_endpoint_is_asked_again(void **state) {
  struct desk *desk = *state;
  struct server server = {.fail_first = 2, .status = 503};
  serve(desk, &server);
  put(desk, "['a']", "k", "{'text':'hello'}");
  assert_int_equal(server.requests, 3);
}

static void refusal_of_the_endpoint_is_told(void **state) {
  struct desk *desk = *state;
  struct server server = {.fail_first = 9, .status = 401};
  serve(desk, &server);
  struct reply reply = put_with(desk, "['a']", "k", "{'text':'hello'}", (struct fl_memory_put){0});
  assert_int_equal(reply.error.code, FL_E_AUTH);
  assert_non_null(strstr(reply.error.text, "not now"));
  assert_int_equal(server.requests, 1);
}

static const char *key_and_address(const char *name) {
  if (strcmp(name, "OPENAI_API_KEY") == 0) return "sk-canary-4711";
  return strcmp(name, "OPENAI_BASE_URL") == 0 ? "http://embed.test/v1" : NULL;
}

static void a_key_of_the_environment_is_in_no_refusal(void **state) {
  struct desk *desk = *state;
  struct server server = {.fail_first = 9, .status = 401};
  desk->runtime->getenv_fn = key_and_address;
  serve_as(desk, &server, "{'provider':'openai','model':'small','dims':3}");
  struct reply reply = put_with(desk, "['a']", "k", "{'text':'hello'}", (struct fl_memory_put){0});
  assert_string_equal(server.authorization, "Bearer sk-canary-4711");
  assert_non_null(strstr(reply.error.text, "not now, Bearer [secret OPENAI_API_KEY]"));
  assert_null(strstr(reply.error.text, "4711"));
}

static void closing_cancels_the_request(void **state) {
  struct desk *desk = *state;
  struct server server = {0};
  serve(desk, &server);
  struct reply reply = {0};
  FL_VALUE_AUTO labels = json("['a']");
  FL_VALUE_AUTO value = json("{'text':'x'}");
  const struct fl_memory_put one = {.size = sizeof one, .ns = labels, .key = "k", .value = value};
  fl_memory_put(desk->memory, &one, on_reply, &reply);
  while (server.requests == 0) fl_world_sim_step(desk->world);
  fl_memory_destroy(desk->memory);
  desk->memory = NULL;
  assert_string_equal(told(desk, &reply), "cancelled");
}

static void replies_that_do_not_fit_are_named(void **state) {
  static const struct {
    const char *body, *text;
  } rows[] = {{"{", "embedding model"},
              {"{\"data\":[]}", "0 vectors for 1 texts"},
              {"{\"data\":[{\"index\":3,\"embedding\":[1,2]}]}", "was not sent"},
              {"{\"data\":[{\"index\":0,\"embedding\":[1,2,3]}]}", "vectors of 3 numbers, not 2"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    float numbers[2];
    struct fl_embedding embedding = {.count = 1, .dims = 2, .numbers = numbers};
    struct fl_error err = {0};
    assert_int_equal(fl_embed_read_reply(fl_slice_of(rows[i].body), &embedding, &err), FL_E_PROTOCOL);
    if (strstr(err.text, rows[i].text) == NULL) fail_msg("%s: %s", rows[i].body, err.text);
  }
}

static void wrong_options_are_named(void **state) {
  struct desk *desk = *state;
  static const struct {
    const char *model, *text;
  } rows[] = {{"{'provider':'hash','dims':0}", "how many numbers"},
              {"{'provider':'openai','model':'m'}", "how many numbers"},
              {"{'provider':'anthropic','model':'m','dims':3}", "is openai, ollama"},
              {"[1]", "is an object"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO model = json(rows[i].model);
    struct fl_memory *memory;
    struct fl_error err = {0};
    const struct fl_memory_options options = {.size = sizeof options, .embed_model = model};
    assert_int_equal(fl_memory_create(desk->runtime, &options, &memory, &err), FL_E_INVALID);
    if (strstr(err.text, rows[i].text) == NULL) fail_msg("%s: %s", rows[i].model, err.text);
  }
  struct fl_memory *memory;
  const struct fl_memory_options nameless = {.size = sizeof nameless, .embed = embed_slowly};
  assert_int_equal(fl_memory_create(desk->runtime, &nameless, &memory, NULL), FL_E_INVALID);
}

static void hashing_is_the_same_everywhere(void **state) {
  float one[64], two[64], other[64];
  fl_embed_hash("Green tea, please", one, 64);
  fl_embed_hash("please green TEA", two, 64);
  fl_embed_hash("something else entirely", other, 64);
  assert_memory_equal(one, two, sizeof one);
  double same = 0, different = 0;
  for (size_t i = 0; i < 64; i++) same += one[i] * two[i], different += one[i] * other[i];
  assert_true(fabs(same - 1) < 1e-5 && fabs(different) < 0.7);
}

#define EACH(test)                                                \
  cmocka_unit_test_setup_teardown(test, open_memory, close_desk), \
      cmocka_unit_test_setup_teardown(test, open_sqlite, close_desk)

int main(void) {
  const struct CMUnitTest tests[] = {
      EACH(item_is_put_got_and_deleted),
      EACH(later_put_replaces_and_keeps_its_birth),
      EACH(what_makes_no_sense_is_refused),
      EACH(oversized_value_is_refused),
      EACH(items_expire_and_reading_renews_them),
      EACH(memory_has_a_time_of_its_own),
      EACH(searches_keep_to_their_namespace),
      EACH(searches_are_cut_into_pages),
      EACH(filters_choose),
      EACH(words_are_found_by_relevance),
      EACH(accents_and_case_do_not_count),
      EACH(item_can_stay_out_of_searches),
      EACH(vectors_find_the_closest),
      EACH(both_rankings_are_joined),
      EACH(vectors_go_with_their_item),
      EACH(embedder_may_take_its_time),
      EACH(failing_embedder_changes_nothing),
      EACH(destroyed_memory_answers_what_is_under_way),
      EACH(namespaces_are_listed),
      EACH(endpoint_makes_vectors),
      EACH(busy_endpoint_is_asked_again),
      EACH(refusal_of_the_endpoint_is_told),
      EACH(a_key_of_the_environment_is_in_no_refusal),
      EACH(closing_cancels_the_request),
      EACH(wrong_options_are_named),
      cmocka_unit_test(replies_that_do_not_fit_are_named),
      cmocka_unit_test(hashing_is_the_same_everywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
