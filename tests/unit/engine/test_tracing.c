/* SPDX-License-Identifier: MIT */
/* What runs write about themselves: a span for each thing that they do, in the commit that holds it. */
#include "newest.h"

#include "runtime/trace/context.h"

#include <stdio.h>

static const char agent[] = "fairlead: 1\nname: chat\nstate: { messages: { reducer: messages } }\n"
                            "models: { main: { provider: scripted, script: script.yaml } }\n"
                            "nodes:\n  agent: { type: agent, model: main, tools: [t/*] }\n  tools: { type: tools }\n"
                            "edges:\n  - START -> agent\n  - from: agent\n    branch:\n"
                            "      - { when: \"size(last(state.messages).tool_calls) > 0\", to: tools }\n"
                            "      - { to: END }\n  - tools -> agent\n";
static const char script[] = "replies:\n"
                             "  - when: { user: hello }\n    text: Good day.\n    delay_ms: 40\n"
                             "    usage: { input_tokens: 12, output_tokens: 3 }\n"
                             "  - when: { user: echo }\n    calls: [ { name: t__echo, args: { text: ho } } ]\n"
                             "    usage: { input_tokens: 20, output_tokens: 4 }\n"
                             "  - when: { tool: ho }\n    text: It said ho.\n"
                             "    usage: { input_tokens: 30, output_tokens: 5 }\n";

static struct fl_value *says(const char *text) {
  FL_FREE_AUTO char *input = fl_format("{'messages':[{'role':'user','content':'%s'}]}", text);
  return json(input);
}

/* ---- what is there ---- */

/* The walk without commits: ". step 1", ".. node agent (failed)". */
static const char *walk_of(const struct fl_trace *trace) {
  static struct fl_buf text;
  fl_buf_deinit(&text);
  for (size_t i = 0; i < trace->count; i++) {
    const struct fl_span *span = &trace->nodes[i].span;
    const char *outcome = fl_get_string(span->attributes, "outcome", NULL);
    if (span->kind == FL_SPAN_COMMIT) continue;
    for (size_t depth = 0; depth <= trace->nodes[i].depth; depth++) fl_buf_add_char(&text, '.');
    fl_buf_addf(&text, " %s %s", fl_span_kind_name(span->kind), span->name);
    if (span->kind == FL_SPAN_STEP) fl_buf_addf(&text, "%d", (int)fl_get_int(span->attributes, "step", -1));
    fl_buf_addf(&text, "%s%s%s\n", outcome != NULL ? " (" : "", outcome != NULL ? outcome : "",
                outcome != NULL ? ")" : "");
  }
  return text.size > 0 ? text.data : "";
}

/* ---- the tests ---- */

static void an_agent_leaves_a_tree(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, agent, script);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = says("echo")}), 0);
  assert_int_equal(load_newest(&rig, "a", &trace), 1);
  assert_string_equal(walk_of(&trace), ". step 0\n. step 1\n.. node agent\n... model main\n. step 2\n.. node tools\n"
                                       "... tool t/echo\n. step 3\n.. node agent\n... model main\n");
  assert_string_equal(fl_get_string(trace.begin, "way", ""), "input");
  assert_string_equal(trace.graph, "chat");
  assert_json(trace.end, text_of(trace.end)); /* an object */
  assert_string_equal(fl_get_string(trace.end, "status", ""), "done");
  assert_int_equal(fl_get_int(trace.end, "steps", 0), 3);
  assert_int_equal(fl_get_int(trace.end, "model_calls", 0), 2);
  assert_int_equal(fl_get_int(trace.end, "tool_calls", 0), 1);
  assert_int_equal(fl_get_int(trace.end, "input_tokens", 0), 50);
  assert_int_equal(fl_get_int(trace.end, "output_tokens", 0), 9);
  const struct fl_value *tool = span_named(&trace, FL_SPAN_TOOL, "t/echo")->attributes;
  assert_string_equal(fl_get_string(tool, "decision", ""), "allow");
  assert_string_equal(fl_get_string(tool, "effect", ""), "once");
  assert_int_equal(strlen(fl_get_string(tool, "arguments_hash", "")), 16);
  assert_int_equal(fl_get_int(tool, "bytes", 0), 2);
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void a_model_call_has_its_times_and_tokens(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, agent, script);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = says("hello")}), 0);
  load_newest(&rig, "a", &trace);
  const struct fl_span *model = span_named(&trace, FL_SPAN_MODEL, "main");
  assert_string_equal(fl_get_string(model->attributes, "provider", ""), "scripted");
  assert_string_equal(fl_get_string(model->attributes, "stop", ""), "stop");
  assert_int_equal(fl_get_int(model->attributes, "input_tokens", 0), 12);
  int64_t first_us = fl_get_int(model->attributes, "first_token_us", 0);
  assert_true(first_us >= 40000 && first_us <= model->duration_us);
  assert_true(fl_get_int(trace.end, "first_token_us", 0) >= first_us);
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void a_failure_is_on_record(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, agent, script);
  int status = rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = says("nobody knows")});
  assert_true(status < 0);
  load_newest(&rig, "a", &trace);
  assert_string_equal(walk_of(&trace), ". step 0\n. step 1 (open)\n.. node agent (failed)\n... model main\n");
  assert_string_equal(fl_get_string(trace.end, "status", ""), "failed");
  assert_int_equal(fl_get_int(trace.end, "model_errors", 0), 1);
  assert_string_equal(fl_get_string(trace.end, "code", ""), fl_error_word(status));
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static const char asking[] = "fairlead: 1\nname: asking\nstate: { answer: {} }\n"
                             "nodes:\n  ask: { type: interrupt, value: \"{'kind': 'sure'}\", resume: answer }\n"
                             "edges: [ START -> ask, ask -> END ]\n";

static void every_commit_has_its_span_the_last_one_without_an_end(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  size_t commits = 0, open = 0;
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, agent, script);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = says("hello")}), 0);
  load_newest(&rig, "a", &trace);
  int64_t last_us = 0;
  for (size_t i = 0; i < trace.count; i++) {
    const struct fl_span *span = &trace.nodes[i].span;
    if (span->kind != FL_SPAN_COMMIT) continue;
    bool is_open = strcmp(fl_get_string(span->attributes, "outcome", ""), "open") == 0;
    commits++;
    open += is_open;
    assert_true(fl_get_int(span->attributes, "rows", 0) > 0);
    assert_int_equal(fl_get(span->attributes, "bytes") == NULL, is_open);
    assert_true(span->start_us >= last_us); /* the open one is the last */
    assert_true(open == 0 || is_open);
    last_us = span->start_us;
  }
  assert_int_equal(open, 1);
  assert_in_range(commits, 2, 3);
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void an_interrupt_and_its_answer_are_two_runs(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, asking, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{}")}), 1);
  assert_int_equal(load_newest(&rig, "a", &trace), 1);
  assert_string_equal(walk_of(&trace), ". step 0\n. step 1 (open)\n.. node ask (interrupted)\n... interrupt sure\n");
  assert_string_equal(fl_get_string(trace.end, "status", ""), "interrupted");
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .resume = json("'yes'")}), 0);
  assert_int_equal(load_newest(&rig, "a", &trace), 2);
  assert_string_equal(walk_of(&trace), ". resume resume\n. step 1\n.. node ask\n");
  assert_string_equal(fl_get_string(trace.begin, "way", ""), "resume");
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void a_crash_takes_what_was_not_committed(void **state) {
  struct rig rig = {.seed = 1, .crashes_left = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  static const char dying[] = "fairlead: 1\nname: dying\nstate: { said: {} }\n"
                              "nodes:\n  first: { type: set, write: { said: \"'1'\" } }\n"
                              "  call: { type: tool, tool: t/crash, args: { text: \"'x'\" } }\n"
                              "effects: { 't/*': read }\nedges: [ START -> first, first -> call, call -> END ]\n";
  struct fl_definition *definition = rig_load(&rig, dying, NULL);
  rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{}")});
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  rig_down(&rig);
  rig_up(&rig);
  assert_int_equal(load_newest(&rig, "a", &trace), 1);
  assert_null(trace.end);
  assert_string_equal(walk_of(&trace), ". step 0\n. step 1\n.. node first\n");
  definition = rig_load(&rig, dying, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_int_equal(load_newest(&rig, "a", &trace), 2);
  assert_string_equal(walk_of(&trace), ". step 2\n.. node call\n... tool t/crash\n");
  assert_string_equal(fl_get_string(trace.begin, "way", ""), "continue");
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void a_store_that_fails_has_no_trace_of_it(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, agent, script);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = says("hello")}), 0);
  struct fl_invoke_options again = {.thread = "a", .input = says("hello")};
  rig_start(&rig, definition, again);
  fl_store_memory_set_error(rig.store, FL_E_NO_SPACE);
  rig_turn(&rig);
  assert_true(rig.is_over && rig.status < 0);
  fl_store_memory_set_error(rig.store, 0);
  assert_int_equal(load_newest(&rig, "a", &trace), 1);
  assert_string_equal(fl_get_string(trace.end, "status", ""), "done");
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static const char outer[] = "fairlead: 1\nname: outer\nstate: { n: { type: integer, default: 0 } }\n"
                            "graphs:\n  inner:\n    state: { n: { type: integer, default: 0 } }\n"
                            "    nodes: { up: { type: set, write: { n: state.n + 1 } } }\n"
                            "    edges: [ START -> up, up -> END ]\n"
                            "nodes: { sub: { type: graph, graph: inner } }\n"
                            "edges: [ START -> sub, sub -> END ]\n";

static void a_graph_inside_stands_below_its_node(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, outer, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{}")}), 0);
  load_newest(&rig, "a", &trace);
  FL_FREE_AUTO char *walk = fl_strdup(walk_of(&trace));
  assert_non_null(strstr(walk, ". step 1\n.. node sub\n... step "));
  assert_non_null(strstr(walk, ".... node up\n"));
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

/* ---- who calls, and who is called ---- */

static char seen_parent[64], seen_state[64];

static void on_request(struct fl_sim_exchange *exchange) {
  const char *parent = fl_sim_request_header(exchange, "traceparent"),
             *tracestate = fl_sim_request_header(exchange, "tracestate");
  snprintf(seen_parent, sizeof seen_parent, "%s", parent != NULL ? parent : "");
  snprintf(seen_state, sizeof seen_state, "%s", tracestate != NULL ? tracestate : "");
  fl_sim_respond(exchange, 5, 200, NULL);
  fl_sim_finish(exchange, 1);
}

static const char calling[] = "fairlead: 1\nname: calling\nhttp: { allow: [ \"https://api.test\" ] }\n"
                              "state: { answer: {} }\n"
                              "nodes: { h: { type: http, write: answer, url: \"'https://api.test/'\" } }\n"
                              "edges: [ START -> h, h -> END ]\n";

static struct fl_definition *load_calling(struct rig *rig) {
  rig_up(rig);
  fl_world_sim_server(
      rig->world,
      &(struct fl_sim_server){.url_prefix = "https://api.test/", .address = "8.8.8.8", .on_request = on_request});
  return rig_load(rig, calling, NULL);
}

static void the_other_side_learns_of_the_span_that_calls(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  struct fl_definition *definition = load_calling(&rig);
  struct fl_invoke_options options = {.size = sizeof options,
                                      .thread = "a",
                                      .input = json("{}"),
                                      .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      .tracestate = "v=1"};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  load_newest(&rig, "a", &trace);
  char span_id[17];
  FL_FREE_AUTO char *expected = NULL;
  size_t tool = 0;
  while (tool < trace.count && trace.nodes[tool].span.kind != FL_SPAN_TOOL) tool++;
  assert_true(tool < trace.count);
  fl_span_id(trace.run_id, trace.nodes[tool].span.n, span_id);
  expected = fl_format("00-0af7651916cd43dd8448eb211c80319c-%s-01", span_id);
  assert_string_equal(seen_parent, expected);
  assert_string_equal(seen_state, "v=1");
  assert_string_equal(fl_get_string(trace.begin, "trace_id", ""), "0af7651916cd43dd8448eb211c80319c");
  assert_string_equal(fl_get_string(trace.begin, "parent_id", ""), "b7ad6b7169203331");
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

/* Runs a graph within the trace of a caller; what the other side saw is in seen_parent and seen_state. */
static void run_called(const char *text, const char *input) {
  struct rig rig = {.seed = 1};
  load_calling(&rig);
  struct fl_definition *definition = rig_load(&rig, text, NULL);
  struct fl_invoke_options options = {.size = sizeof options,
                                      .thread = "a",
                                      .input = json(input),
                                      .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                      .tracestate = "v=1"};
  seen_parent[0] = seen_state[0] = '\0';
  rig_run(&rig, definition, options);
  rig_deinit(&rig);
}

static void models_and_graphs_inside_pass_it_on(void **state) {
  static const char model[] = "fairlead: 1\nname: m\nstate: { messages: { reducer: messages } }\n"
                              "models: { main: { provider: openai, model: x, base_url: \"https://api.test/v1\", "
                              "api_key: k, max_retries: 0 } }\n"
                              "nodes: { agent: { type: agent } }\nedges: [ START -> agent -> END ]\n";
  static const char inner[] = "fairlead: 1\nname: o\nhttp: { allow: [ \"https://api.test\" ] }\nstate: { answer: {} }\n"
                              "graphs:\n  inner:\n    state: { answer: {} }\n"
                              "    nodes: { h: { type: http, write: answer, url: \"'https://api.test/'\" } }\n"
                              "    edges: [ START -> h -> END ]\n"
                              "nodes: { sub: { type: graph, graph: inner } }\nedges: [ START -> sub -> END ]\n";
  static const char *const rows[][2] = {{model, "{'messages':[{'role':'user','content':'hi'}]}"}, {inner, "{}"}};
  for (size_t i = 0; i < 2; i++) {
    run_called(rows[i][0], rows[i][1]);
    assert_memory_equal(seen_parent, "00-0af7651916cd43dd8448eb211c80319c-", 36);
    assert_string_not_equal(seen_parent + 36, "b7ad6b7169203331-01"); /* a span of ours */
    assert_string_equal(seen_parent + 52, "-01");
    assert_string_equal(seen_state, "v=1");
  }
}

static void a_caller_that_makes_no_sense_is_none(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  struct fl_definition *definition = load_calling(&rig);
  struct fl_invoke_options options = {
      .size = sizeof options, .thread = "a", .input = json("{}"), .traceparent = "00-nonsense", .tracestate = "a=1"};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  load_newest(&rig, "a", &trace);
  char trace_id[33];
  fl_trace_id_of_run(trace.run_id, trace_id);
  assert_memory_equal(seen_parent + 3, trace_id, 32);
  assert_string_equal(seen_state, "");
  assert_null(fl_get(trace.begin, "trace_id"));
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void whom_it_is_for_is_kept_as_a_hash(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  char hash[FL_USER_HASH_SIZE];
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, agent, script);
  struct fl_invoke_options options = {
      .size = sizeof options, .thread = "a", .input = says("hello"), .user_id = "ada@example.org"};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  load_newest(&rig, "a", &trace);
  fl_user_hash("ada@example.org", hash);
  assert_string_equal(trace.user, hash);
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void errors_are_stored_without_what_is_personal(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  struct fl_definition *definition =
      rig_load(&rig,
               "fairlead: 1\nname: f\nstate: { n: {} }\n"
               "nodes: { f: { type: fail, message: \"'no mail for ada@example.org'\" } }\n"
               "edges: [ START -> f ]\n",
               NULL);
  assert_true(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{}")}) < 0);
  load_newest(&rig, "a", &trace);
  assert_non_null(strstr(fl_get_string(trace.end, "error", ""), "no mail for [email]"));
  const struct fl_span *node = span_named(&trace, FL_SPAN_NODE, "f");
  assert_non_null(strstr(fl_get_string(node->attributes, "error", ""), "no mail for [email]"));
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

/* ---- what is said ---- */

static const char *content_setting, *keep_setting;

static const char *settings(const char *name) {
  if (strcmp(name, "FAIRLEAD_TRACE_CONTENT") == 0) return content_setting;
  return strcmp(name, "FAIRLEAD_TRACE_KEEP") == 0 ? keep_setting : NULL;
}

/* Runs `text` under a policy, and loads its trace. */
static void run_under(struct rig *rig, const char *policy, const char *text, struct fl_trace *ret_trace) {
  content_setting = policy;
  rig_up(rig);
  rig->runtime->getenv_fn = settings;
  struct fl_definition *definition = rig_load(rig, agent, script);
  rig_run(rig, definition, (struct fl_invoke_options){.thread = "a", .input = says(text)});
  load_newest(rig, "a", ret_trace);
}

static void nothing_is_kept_of_what_is_said_unless_asked_for(void **state) {
  static const char *const policies[] = {NULL, "0", "0,errors"};
  for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
    struct rig rig = {.seed = 1};
    struct fl_trace trace = {0};
    run_under(&rig, policies[i], "echo", &trace);
    assert_false(trace.has_content);
    assert_null(trace.content);
    fl_trace_deinit(&trace);
    rig_deinit(&rig);
  }
}

static const struct fl_value *said_in(const struct fl_trace *trace, const struct fl_span *span) {
  char number[FL_DECIMAL_SIZE];
  fl_decimal(span->n, number);
  const struct fl_value *said = fl_get(trace->content, number);
  if (said == NULL) fail_msg("nothing was said in span %s", number);
  return said;
}

static void what_is_said_is_kept_without_what_is_personal(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  run_under(&rig, "100", "echo for ada@example.org", &trace);
  assert_true(trace.has_content);
  const struct fl_value *tool = said_in(&trace, span_named(&trace, FL_SPAN_TOOL, "t/echo"));
  assert_json(fl_get(tool, "arguments"), "{'text':'ho'}");
  const struct fl_value *model = said_in(&trace, span_named(&trace, FL_SPAN_MODEL, "main"));
  assert_string_equal(fl_get_string(fl_at(fl_get(model, "input"), 0), "content", ""), "echo for [email]");
  assert_string_equal(fl_get_string(fl_get(model, "output"), "role", ""), "assistant");
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void what_was_said_before_a_failure_is_kept(void **state) {
  struct rig rig = {.seed = 1, .crashes_left = 0};
  struct fl_trace trace = {0};
  content_setting = "errors";
  rig_up(&rig);
  rig.runtime->getenv_fn = settings;
  struct fl_definition *definition =
      rig_load(&rig,
               "fairlead: 1\nname: f\nstate: { a: {} }\nnodes:\n"
               "  call: { type: tool, tool: t/echo, args: { text: \"'said before'\" }, write: a }\n"
               "  stop: { type: fail, message: \"'no'\" }\nedges: [ START -> call, call -> stop ]\n",
               NULL);
  assert_true(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{}")}) < 0);
  load_newest(&rig, "a", &trace);
  assert_true(trace.has_content);
  const struct fl_value *said = said_in(&trace, span_named(&trace, FL_SPAN_TOOL, "t/echo"));
  assert_json(fl_get(said, "arguments"), "{'text':'said before'}");
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void the_floor_keeps_so_many_an_hour(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  size_t kept = 0;
  content_setting = "0,floor=2";
  rig_up(&rig);
  rig.runtime->getenv_fn = settings;
  struct fl_definition *definition = rig_load(&rig, agent, script);
  for (int i = 0; i < 5; i++) {
    FL_FREE_AUTO char *thread = fl_format("t%d", i);
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = thread, .input = says("hello")}),
                     0);
    load_newest(&rig, thread, &trace);
    kept += trace.has_content;
  }
  assert_int_equal(kept, 2);
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static void what_is_too_old_goes_when_a_run_begins(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  content_setting = NULL;
  keep_setting = "1h";
  rig_up(&rig);
  fl_world_sim_set_wall_ms(rig.world, 1796000000000);
  struct fl_definition *definition = rig_load(&rig, agent, script);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "old", .input = says("hello")}), 0);
  assert_int_equal(load_newest(&rig, "old", &trace), 1);
  rig_down(&rig);
  rig_up(&rig);
  fl_world_sim_set_wall_ms(rig.world, 1796000000000 + 2 * 3600000);
  rig.runtime->getenv_fn = settings;
  definition = rig_load(&rig, agent, script);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "new", .input = says("hello")}), 0);
  assert_int_equal(load_newest(&rig, "old", &trace), 0);
  assert_int_equal(load_newest(&rig, "new", &trace), 1);
  keep_setting = NULL;
  fl_trace_deinit(&trace);
  rig_deinit(&rig);
}

static const char *no_trace(const char *name) { return strcmp(name, "FAIRLEAD_TRACE") == 0 ? "off" : NULL; }

static void it_is_switched_off_by_the_environment(void **state) {
  struct rig rig = {.seed = 1};
  struct fl_trace trace = {0};
  rig_up(&rig);
  rig.runtime->getenv_fn = no_trace;
  struct fl_definition *definition = rig_load(&rig, agent, script);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = says("hello")}), 0);
  assert_int_equal(load_newest(&rig, "a", &trace), 0);
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_agent_leaves_a_tree),
      cmocka_unit_test(a_model_call_has_its_times_and_tokens),
      cmocka_unit_test(a_failure_is_on_record),
      cmocka_unit_test(every_commit_has_its_span_the_last_one_without_an_end),
      cmocka_unit_test(an_interrupt_and_its_answer_are_two_runs),
      cmocka_unit_test(a_crash_takes_what_was_not_committed),
      cmocka_unit_test(a_store_that_fails_has_no_trace_of_it),
      cmocka_unit_test(a_graph_inside_stands_below_its_node),
      cmocka_unit_test(the_other_side_learns_of_the_span_that_calls),
      cmocka_unit_test(models_and_graphs_inside_pass_it_on),
      cmocka_unit_test(a_caller_that_makes_no_sense_is_none),
      cmocka_unit_test(whom_it_is_for_is_kept_as_a_hash),
      cmocka_unit_test(errors_are_stored_without_what_is_personal),
      cmocka_unit_test(nothing_is_kept_of_what_is_said_unless_asked_for),
      cmocka_unit_test(what_is_said_is_kept_without_what_is_personal),
      cmocka_unit_test(what_was_said_before_a_failure_is_kept),
      cmocka_unit_test(the_floor_keeps_so_many_an_hour),
      cmocka_unit_test(what_is_too_old_goes_when_a_run_begins),
      cmocka_unit_test(it_is_switched_off_by_the_environment),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
