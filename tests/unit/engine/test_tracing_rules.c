/* SPDX-License-Identifier: MIT */
/* What a graph file says of the traces of its runs, and what the environment says over it. */
#include "newest.h"

#include <stdio.h>

static const char *const *settings; /* names and values by turns, NULL-terminated */

static const char *get_setting(const char *name) {
  for (size_t i = 0; settings != NULL && settings[i] != NULL; i += 2)
    if (strcmp(settings[i], name) == 0) return settings[i + 1];
  return NULL;
}

/* A graph of that name whose tool says who it is for, with a section `trace`. */
static struct fl_definition *load(struct rig *rig, const char *name, const char *section) {
  FL_FREE_AUTO char *text = fl_format("fairlead: 1\nname: %s\nstate: { a: {} }\n%s%s\n"
                                      "nodes:\n  call: { type: tool, tool: t/echo, args: { text: \"'for "
                                      "ada@example.org, 4111111111111111'\" }, write: a }\n"
                                      "edges: [ START -> call, call -> END ]\n",
                                      name, section != NULL ? "trace: " : "", section != NULL ? section : "");
  return rig_load(rig, text, NULL);
}

static void up(struct rig *rig, const char *const *environment) {
  settings = environment;
  rig_up(rig);
  rig->runtime->getenv_fn = get_setting;
}

/* Runs a graph with the section, and loads the trace; returns how many there are. */
static size_t run_with(struct rig *rig, const char *section, struct fl_trace *ret_trace) {
  struct fl_definition *definition = load(rig, "chat", section);
  assert_int_equal(rig_run(rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{}")}), 0);
  return load_newest(rig, "a", ret_trace);
}

static const char *said_text(const struct fl_trace *trace) {
  char number[FL_DECIMAL_SIZE];
  fl_decimal(span_named(trace, FL_SPAN_TOOL, "t/echo")->n, number);
  return fl_get_string(fl_get(fl_get(trace->content, number), "arguments"), "text", "nothing");
}

/* ---- the tests ---- */

static void a_file_says_what_is_kept_of_its_runs(void **state) {
  static const char *const quiet[] = {"FAIRLEAD_TRACE_CONTENT", "0", NULL};
  static const char *const strict[] = {"FAIRLEAD_TRACE_REDACT", "all", NULL};
  static const struct {
    const char *section;
    const char *const *environment;
    const char *said;
  } rows[] = {
      {NULL, NULL, "nothing"},
      {"{ content: { percent: 100 } }", NULL, "for [email], [card]"},
      {"{ content: { floor: 1 }, redact: { email: false } }", NULL, "for ada@example.org, [card]"},
      {"{ content: { percent: 100 } }", quiet, "nothing"},
      {"{ content: { percent: 100 }, redact: { card: false } }", strict, "for [email], [card]"},
      {"{ content: { errors: true } }", NULL, "nothing"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {.seed = 1};
    struct fl_trace trace = {0};
    up(&rig, rows[i].environment);
    assert_int_equal(run_with(&rig, rows[i].section, &trace), 1);
    assert_string_equal(said_text(&trace), rows[i].said);
    fl_trace_deinit(&trace);
    rig_deinit(&rig);
  }
}

static void errors_are_redacted_as_the_file_says(void **state) {
  static const char *const rows[][2] = {{"{}", "[email] owes 1 to [card]"},
                                        {"{ redact: { email: false } }", "ada@example.org owes 1 to [card]"}};
  for (size_t i = 0; i < 2; i++) {
    struct rig rig = {.seed = 1};
    struct fl_trace trace = {0};
    FL_FREE_AUTO char *text = fl_format("fairlead: 1\nname: f\nstate: { a: {} }\ntrace: %s\nnodes: { f: { type: fail, "
                                        "message: \"'ada@example.org owes 1 "
                                        "to 4111111111111111'\" } }\nedges: [ START -> f -> END ]\n",
                                        rows[i][0]);
    up(&rig, NULL);
    rig_run(&rig, rig_load(&rig, text, NULL), (struct fl_invoke_options){.thread = "a", .input = json("{}")});
    load_newest(&rig, "a", &trace);
    assert_non_null(strstr(fl_get_string(trace.end, "error", ""), rows[i][1]));
    const struct fl_span *node = span_named(&trace, FL_SPAN_NODE, "f");
    assert_non_null(strstr(fl_get_string(node->attributes, "error", ""), rows[i][1]));
    fl_trace_deinit(&trace);
    rig_deinit(&rig);
  }
}

static void a_file_says_whether_there_is_a_trace(void **state) {
  static const char *const on[] = {"FAIRLEAD_TRACE", "on", NULL}, *const off[] = {"FAIRLEAD_TRACE", "off", NULL};
  static const struct {
    const char *section;
    const char *const *environment;
    size_t count;
  } rows[] = {{"{ record: false }", NULL, 0}, {"{ record: false }", on, 1}, {"{ record: true }", off, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {.seed = 1};
    struct fl_trace trace = {0};
    up(&rig, rows[i].environment);
    assert_int_equal(run_with(&rig, rows[i].section, &trace), rows[i].count);
    fl_trace_deinit(&trace);
    rig_deinit(&rig);
  }
}

static void run_on(struct rig *rig, struct fl_definition *definition, const char *thread) {
  assert_int_equal(rig_run(rig, definition, (struct fl_invoke_options){.thread = thread, .input = json("{}")}), 0);
}

static void only_the_traces_of_that_graph_go_by_its_age(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  up(&rig, NULL);
  fl_world_sim_set_wall_ms(rig.world, 1796000000000);
  run_on(&rig, load(&rig, "chat", "{ keep: 2h, keep_content: 1h, content: { percent: 100 } }"), "old");
  run_on(&rig, load(&rig, "other", "{ content: { percent: 100 } }"), "other");
  rig_down(&rig);
  up(&rig, NULL);
  fl_world_sim_set_wall_ms(rig.world, 1796000000000 + 90 * 60000);
  run_on(&rig, load(&rig, "chat", "{ keep: 2h, keep_content: 1h }"), "new");
  assert_int_equal(load_newest(&rig, "old", &trace), 1);
  assert_null(trace.content); /* which goes first */
  assert_int_equal(load_newest(&rig, "other", &trace), 1);
  assert_non_null(trace.content);
  rig_down(&rig);
  up(&rig, NULL);
  fl_world_sim_set_wall_ms(rig.world, 1796000000000 + 3 * 3600000);
  run_on(&rig, load(&rig, "chat", "{ keep: 2h }"), "newer");
  assert_int_equal(load_newest(&rig, "old", &trace), 0);
  assert_int_equal(load_newest(&rig, "new", &trace), 1);
  assert_int_equal(load_newest(&rig, "other", &trace), 1);
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

/* ---- collectors ---- */

static int asked[2];
static char authorization[2][64], content_type[64];

static void on_request(struct fl_sim_exchange *exchange) {
  int which = strstr(fl_sim_request_url(exchange), "own.test") != NULL;
  const char *key = fl_sim_request_header(exchange, "Authorization"),
             *type = fl_sim_request_header(exchange, "Content-Type");
  asked[which]++;
  snprintf(authorization[which], sizeof authorization[which], "%s", key != NULL ? key : "");
  snprintf(content_type, sizeof content_type, "%s", type != NULL ? type : "");
  fl_sim_respond(exchange, 1, 200, NULL);
  fl_sim_finish(exchange, 1);
}

static void up_with_collectors(struct rig *rig, const char *const *environment) {
  static const char *const prefixes[] = {"http://file.test/", "http://own.test/"};
  memset(asked, 0, sizeof asked);
  memset(authorization, 0, sizeof authorization);
  up(rig, environment);
  for (size_t i = 0; i < 2; i++)
    fl_world_sim_server(rig->world, &(struct fl_sim_server){.url_prefix = prefixes[i], .on_request = on_request});
}

static const char sending[] = "{ export: { endpoint: \"http://file.test/v1/traces\", protocol: http/json, "
                              "headers: { Authorization: \"Bearer ${KEY}\" } } }";

static void runs_are_sent_where_their_file_says(void **state) {
  static const char *const environment[] = {"KEY", "k1", "OTEL_EXPORTER_OTLP_HEADERS", "Authorization=own", NULL};
  struct rig rig = {.seed = 1};
  up_with_collectors(&rig, environment);
  run_on(&rig, load(&rig, "chat", sending), "a");
  run_on(&rig, load(&rig, "other", NULL), "b");
  rig_turn(&rig);
  assert_int_equal(asked[0], 1);
  assert_string_equal(authorization[0], "Bearer k1"); /* not what the environment has for its own collector */
  assert_string_equal(content_type, "application/json");
  rig_deinit(&rig);
}

static void the_collector_of_the_environment_gets_them_all(void **state) {
  static const char *const environment[] = {"FAIRLEAD_TRACE_ENDPOINT",    "http://own.test/v1/traces", "KEY", "k1",
                                            "OTEL_EXPORTER_OTLP_HEADERS", "Authorization=own",         NULL};
  struct rig rig = {.seed = 1};
  up_with_collectors(&rig, environment);
  run_on(&rig, load(&rig, "chat", sending), "a");
  run_on(&rig, load(&rig, "other", NULL), "b");
  rig_turn(&rig);
  assert_true(asked[0] == 0 && asked[1] == 2);
  assert_string_equal(authorization[1], "own");
  rig_deinit(&rig);
}

static void what_a_header_names_must_be_set(void **state) {
  static const char *const broken[] = {"KEY", "a\r\nX-Evil: 1", NULL};
  static const char *const *const environments[] = {NULL, broken};
  static const char *const texts[] = {"Authorization: the environment variable KEY is not set",
                                      "has a line break in it"};
  FL_FREE_AUTO char *graph =
      fl_format("fairlead: 1\nname: g\nstate: { a: {} }\ntrace: %s\n"
                "nodes: { s: { type: set, write: { a: \"1\" } } }\nedges: [ START -> s -> END ]\n",
                sending);
  for (size_t i = 0; i < 2; i++) {
    struct rig rig = {.seed = 1};
    up_with_collectors(&rig, environments[i]);
    FL_FREE_AUTO char *said = rig_load_fails(&rig, graph, NULL);
    assert_non_null(strstr(said, texts[i]));
    assert_non_null(strstr(said, "graph.yaml:4:"));
    rig_deinit(&rig);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_says_what_is_kept_of_its_runs),
      cmocka_unit_test(errors_are_redacted_as_the_file_says),
      cmocka_unit_test(a_file_says_whether_there_is_a_trace),
      cmocka_unit_test(only_the_traces_of_that_graph_go_by_its_age),
      cmocka_unit_test(runs_are_sent_where_their_file_says),
      cmocka_unit_test(the_collector_of_the_environment_gets_them_all),
      cmocka_unit_test(what_a_header_names_must_be_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
