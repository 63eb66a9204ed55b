/* SPDX-License-Identifier: MIT */
/* Nodes of type http in the simulated world: what leaves, what comes back, what may not leave, and what a crash does.
 */
#include "rig.h"

#include "tools/http.h"

#include <stdio.h>

/* ---- addresses ---- */

static const struct {
  const char *address;
  bool is_private;
} addresses[] = {{"8.8.8.8", false},
                 {"1.1.1.1", false},
                 {"172.15.0.1", false},
                 {"172.32.0.1", false},
                 {"100.63.0.1", false},
                 {"100.128.0.1", false},
                 {"223.255.0.1", false},
                 {"2a00:1450::1", false},
                 {"2600::1", false},
                 {"::ffff:8.8.8.8", false},
                 {"64:ff9b::808:808", false},
                 {"127.0.0.1", true},
                 {"127.255.1.1", true},
                 {"10.0.0.1", true},
                 {"172.16.0.1", true},
                 {"172.31.255.255", true},
                 {"192.168.1.1", true},
                 {"169.254.169.254", true},
                 {"100.64.0.1", true},
                 {"0.0.0.0", true},
                 {"224.0.0.1", true},
                 {"255.255.255.255", true},
                 {"198.19.0.1", true},
                 {"::1", true},
                 {"::", true},
                 {"fe80::1", true},
                 {"fc00::1", true},
                 {"fd12::1", true},
                 {"ff02::1", true},
                 {"::ffff:127.0.0.1", true},
                 {"::ffff:10.0.0.1", true},
                 {"64:ff9b::7f00:1", true},
                 {"2002:7f00:1::", true},
                 {"2001:db8::1", true},
                 {"", true},
                 {"localhost", true},
                 {"127.1", true},
                 {"1.2.3.4.5", true}};

static void private_addresses_are_known(void **state) {
  for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
    if (fl_http_is_private_address(addresses[i].address) != addresses[i].is_private)
      fail_msg("%s", addresses[i].address);
}

/* ---- a server that says what it was asked ---- */

struct answer {
  int status;
  const char *type, *body, *location;
};
static struct answer next_answer;
static char asked[1024];
static int asked_count, crashes_left;

static void on_request(struct fl_sim_exchange *exchange) {
  const char *of_x = fl_sim_request_header(exchange, "X-A"), *type = fl_sim_request_header(exchange, "Content-Type");
  fl_slice body = fl_sim_request_body(exchange);
  asked_count++;
  snprintf(asked, sizeof asked, "%s %s [%s%s] %.*s", fl_sim_request_method(exchange), fl_sim_request_url(exchange),
           of_x != NULL   ? "X-A: "
           : type != NULL ? "Content-Type: "
                          : "",
           of_x != NULL   ? of_x
           : type != NULL ? type
                          : "",
           (int)body.size, body.size > 0 ? body.data : "");
  if (crashes_left > 0) {
    crashes_left--;
    fl_world_sim_crash(fl_sim_exchange_world(exchange));
    return;
  }
  char content_type[64], location[128];
  snprintf(content_type, sizeof content_type, "Content-Type: %s", next_answer.type);
  snprintf(location, sizeof location, "Location: %s", next_answer.location != NULL ? next_answer.location : "");
  const char *lines[] = {content_type, next_answer.location != NULL ? location : NULL, NULL};
  fl_sim_respond(exchange, 1, next_answer.status, lines);
  fl_sim_body(exchange, 1, fl_slice_of(next_answer.body));
  fl_sim_finish(exchange, 1);
}

static void serve(struct rig *rig, const char *prefix, const char *address) {
  fl_world_sim_server(rig->world,
                      &(struct fl_sim_server){.url_prefix = prefix, .address = address, .on_request = on_request});
}

#define GRAPH(KEYS)                                                                                                   \
  "fairlead: 1\nname: h\nhttp: { allow: [ \"https://api.test\", \"http://localhost:8080\", \"http://10.0.0.5\" ] }\n" \
  "state: { host: { default: \"https://api.test\" }, q: { default: {} }, answer: {} }\n"                              \
  "nodes: { h: { type: http, write: answer, " KEYS " } }\nedges: [ START -> h ]\n"

static int run(struct rig *rig, const char *text, const char *input) {
  rig_up(rig);
  serve(rig, "https://api.test/", "8.8.8.8");
  serve(rig, "http://localhost:8080/", "127.0.0.1");
  serve(rig, "http://10.0.0.5/", "10.0.0.5");
  asked_count = 0;
  asked[0] = '\0';
  struct fl_invoke_options options = {.thread = "t", .input = json(input)};
  return rig_run(rig, rig_load(rig, text, NULL), options);
}

static const struct answer ok = {200, "application/json; charset=utf-8", "{\"n\": 1}", NULL};

static void requests_are_put_together_from_expressions(void **state) {
  static const struct {
    const char *text, *asked;
  } rows[] = {
      {GRAPH("url: \"state.host + '/x?y=1'\""), "GET https://api.test/x?y=1 [] "},
      {GRAPH("url: \"'http://LOCALHOST:8080/a/../b'\""), "GET http://localhost:8080/b [] "},
      {GRAPH("url: \"'http://10.0.0.5/'\""), "GET http://10.0.0.5/ [] "},
      {GRAPH("url: state.host, method: POST, body: state.q"),
       "POST https://api.test/ [Content-Type: application/json] {}"},
      {GRAPH("url: state.host, method: PUT, body: \"'hi'\""),
       "PUT https://api.test/ [Content-Type: text/plain; charset=utf-8] hi"},
      {GRAPH("url: state.host, headers: { X-A: \"'b' + 'c'\" }"), "GET https://api.test/ [X-A: bc] "},
      {GRAPH("url: state.host, method: DELETE, effect: keyed"), "DELETE https://api.test/ [] "},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {0};
    next_answer = ok;
    if (run(&rig, rows[i].text, "{}") != 0) fail_msg("row %zu: %s", i, rig.error.text);
    assert_string_equal(asked, rows[i].asked);
    assert_json(rig_out(&rig, "answer"),
                "{'status':200,'headers':{'content-type':'application/json; charset=utf-8'},'body':{'n':1}}");
    rig_deinit(&rig);
  }
}

static void what_may_not_be_asked_is_not(void **state) {
  static const struct {
    const char *url, *error;
  } rows[] = {{"'https://evil.test/'", "https://evil.test is not among the origins"},
              {"'http://api.test/'", "http://api.test is not among the origins"},
              {"'https://api.test:444/'", "https://api.test:444 is not among the origins"},
              {"'https://api.test@evil.test/'", "/url"},
              {"'file:///etc/passwd'", "/url"},
              {"7", "/url: must be a text, not of type integer"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {0};
    FL_FREE_AUTO char *text = fl_format(GRAPH("url: \"%s\""), rows[i].url);
    next_answer = ok;
    assert_true(run(&rig, text, "{}") < 0);
    if (strstr(rig.error.text, rows[i].error) == NULL) fail_msg("%s: %s", rows[i].url, rig.error.text);
    assert_int_equal(asked_count, 0);
    rig_deinit(&rig);
  }
}

/* A name that is allowed, and leads to an address of this network: somebody else may have chosen it. */
static void names_that_lead_inside_are_refused(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  serve(&rig, "https://api.test/", "169.254.169.254");
  asked_count = 0;
  struct fl_definition *definition = rig_load(&rig, GRAPH("url: state.host"), NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = json("{}")}), FL_E_DENIED);
  assert_non_null(strstr(rig.error.text, "private network"));
  assert_int_equal(asked_count, 0);
  rig_deinit(&rig);
}

/* Nobody has seen the request, so nobody need be asked what became of it. */
static void a_host_that_is_not_there_fails_also_what_may_not_be_repeated(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, GRAPH("url: \"'https://api.test/'\", method: POST"), NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = json("{}")}), FL_E_NETWORK);
  assert_int_equal(fl_size(rig.interrupts), 0);
  rig_deinit(&rig);
}

static void answers_are_taken_or_refused_by_their_status(void **state) {
  static const struct {
    const char *keys;
    struct answer answer;
    int status;
    const char *text; /* of the body, or of the error */
  } rows[] = {
      {"url: state.host", {204, "text/plain", "", NULL}, 0, "\"\""},
      {"url: state.host", {200, "text/plain", "hello", NULL}, 0, "\"hello\""},
      {"url: state.host", {200, "application/json", "{broken", NULL}, 0, "\"{broken\""},
      {"url: state.host", {200, "application/problem+json", "[1]", NULL}, 0, "[1]"},
      {"url: state.host, accept: [404]", {404, "text/plain", "no", NULL}, 0, "\"no\""},
      {"url: state.host, accept: [404]", {200, "text/plain", "yes", NULL}, FL_E_INVALID, "the answer is 200"},
      {"url: state.host", {404, "text/plain", "no", NULL}, FL_E_NOT_FOUND, "the answer is 404"},
      {"url: state.host", {403, "text/plain", "no", NULL}, FL_E_AUTH, "the answer is 403"},
      {"url: state.host", {429, "text/plain", "slow down", NULL}, FL_E_RATE, "slow down"},
      {"url: state.host", {503, "text/plain", "busy", NULL}, FL_E_REMOTE, "busy"},
      {"url: state.host", {302, "text/plain", "", "http://10.0.0.5/"}, FL_E_INVALID, "redirects are not followed"},
      {"url: state.host, max_bytes: 4", {200, "text/plain", "12345", NULL}, FL_E_LIMIT, "fairlead.http/read"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {0};
    FL_FREE_AUTO char *text = fl_format(GRAPH("%s"), rows[i].keys);
    next_answer = rows[i].answer;
    int status = run(&rig, text, "{}");
    if (status != rows[i].status) fail_msg("row %zu: %d %s", i, status, rig.error.text);
    if (status == 0) assert_string_equal(text_of(fl_get(rig_out(&rig, "answer"), "body")), rows[i].text);
    else if (rows[i].status != FL_E_LIMIT && strstr(rig.error.text, rows[i].text) == NULL)
      fail_msg("row %zu: %s", i, rig.error.text);
    rig_deinit(&rig);
  }
}

static void never_answers(struct fl_sim_exchange *exchange) { asked_count++; }

static void an_answer_that_does_not_come_is_a_time_out(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  fl_world_sim_server(
      rig.world,
      &(struct fl_sim_server){.url_prefix = "https://api.test/", .address = "8.8.8.8", .on_request = never_answers});
  struct fl_definition *definition = rig_load(&rig, GRAPH("url: state.host, timeout_ms: 250"), NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.input = json("{}")}), FL_E_TIMEOUT);
  assert_in_range(fl_world_now_ms(rig.world), 250, 400);
  rig_deinit(&rig);
}

static void a_cancel_ends_the_request(void **state) {
  struct rig rig = {0};
  rig_up(&rig);
  fl_world_sim_server(
      rig.world,
      &(struct fl_sim_server){.url_prefix = "https://api.test/", .address = "8.8.8.8", .on_request = never_answers});
  asked_count = 0;
  struct fl_invocation *invocation =
      rig_start(&rig, rig_load(&rig, GRAPH("url: state.host"), NULL), (struct fl_invoke_options){.input = json("{}")});
  fl_world_sim_run_until(rig.world, 100);
  assert_int_equal(asked_count, 1);
  fl_invocation_cancel(invocation);
  rig_turn(&rig);
  assert_true(rig.is_over);
  assert_int_equal(rig.status, FL_E_CANCELLED);
  rig_deinit(&rig);
}

/* What reads is asked again after a crash; what may not be repeated waits for a person. */
static void a_crash_repeats_what_reads_only(void **state) {
  static const struct {
    const char *text;
    int status, count;
  } rows[] = {{GRAPH("url: state.host"), 0, 2},
              {GRAPH("url: state.host, method: POST, effect: keyed"), 0, 2},
              {GRAPH("url: state.host, method: POST"), 1, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {0};
    next_answer = ok;
    crashes_left = 1;
    rig_up(&rig);
    serve(&rig, "https://api.test/", "8.8.8.8");
    asked_count = 0;
    rig_start(&rig, rig_load(&rig, rows[i].text, NULL), (struct fl_invoke_options){.thread = "t", .input = json("{}")});
    assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
    rig_down(&rig);
    rig_up(&rig);
    serve(&rig, "https://api.test/", "8.8.8.8");
    int status = rig_run(&rig, rig_load(&rig, rows[i].text, NULL), (struct fl_invoke_options){.thread = "t"});
    if (status != rows[i].status) fail_msg("row %zu: %d %s", i, status, rig.error.text);
    assert_int_equal(asked_count, rows[i].count);
    rig_deinit(&rig);
  }
}

/* ---- mistakes in the file ---- */

static void mistakes_are_told(void **state) {
  static const struct {
    const char *text, *message;
  } rows[] = {
      {GRAPH("method: GET"), "\"url\" is missing"},
      {GRAPH("url: state.host, method: FETCH"), "there is no method \"FETCH\""},
      {GRAPH("url: state.host, effect: onse"), "did you mean \"once\""},
      {GRAPH("url: state.host, timeout_ms: 0"), "must be from 1 to 3600000"},
      {GRAPH("url: state.host, accept: [42]"), "must be from 100 to 599"},
      {GRAPH("url: state.hosst"), "no channel \"hosst\""},
      {"fairlead: 1\nstate: { a: {} }\nnodes: { h: { type: http, url: \"'http://x'\", write: a } }\nedges: [ START -> "
       "h ]\n",
       "which origins may be asked"},
      {"fairlead: 1\nhttp: { allow: [ \"https://x/y\" ] }\nnodes: { h: { type: http, url: \"'http://x'\" } }\nedges: [ "
       "START "
       "-> h ]\n",
       "leave the path out"},
      {"fairlead: 1\nhttp: { allow: [ \"ftp://x\" ] }\nnodes: { h: { type: http, url: \"'http://x'\" } }\nedges: [ "
       "START -> h "
       "]\n",
       "not an origin"},
      {"fairlead: 1\nhttp: { alow: [] }\nnodes: { h: { type: http, url: \"'http://x'\" } }\nedges: [ START -> h ]\n",
       "did you mean \"allow\""},
  };
  struct rig rig = {0};
  rig_up(&rig);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *text = rig_load_fails(&rig, rows[i].text, NULL);
    if (strstr(text, rows[i].message) == NULL) fail_msg("row %zu: %s", i, text);
  }
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(private_addresses_are_known),
      cmocka_unit_test(requests_are_put_together_from_expressions),
      cmocka_unit_test(what_may_not_be_asked_is_not),
      cmocka_unit_test(names_that_lead_inside_are_refused),
      cmocka_unit_test(a_host_that_is_not_there_fails_also_what_may_not_be_repeated),
      cmocka_unit_test(answers_are_taken_or_refused_by_their_status),
      cmocka_unit_test(an_answer_that_does_not_come_is_a_time_out),
      cmocka_unit_test(a_cancel_ends_the_request),
      cmocka_unit_test(a_crash_repeats_what_reads_only),
      cmocka_unit_test(mistakes_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
