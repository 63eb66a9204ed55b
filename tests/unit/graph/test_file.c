/* SPDX-License-Identifier: MIT */
/* Graph files: what loads, what it becomes, and what is said about what does not load. */
#include "graph/file_loader.h"
#include "runtime/json/schema.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the world of a load ---- */

static const char *test_getenv(const char *name) {
  if (strcmp(name, "KEY") == 0) return "secret";
  if (strcmp(name, "BASE") == 0) return "http://h";
  if (strcmp(name, "EMPTY") == 0) return "";
  return NULL;
}

static const char *const test_includes[][2] = {
    {"shared.yaml", "state:\n  extra: {type: string}\nmodels:\n  second: {provider: openai, model: m2}\nmcpServers:\n  "
                    "web: {url: \"http://w\"}\nnodes:\n  other: {type: set, write: {extra: \"'x'\"}}\n"},
    {"clash.yaml", "nodes:\n  a: {type: set, write: {n: 2}}\n"},
    {"broken.yaml", "nodes:\n  b: {type: sett}\nedges: []\n"},
    {"list.yaml", "[1]"},
    {"version.yaml", "fairlead: 2\n"},
};

static int test_read(const char *path, char **ret_text, size_t *ret_size, void *user, struct fl_error *err) {
  for (size_t i = 0; i < sizeof test_includes / sizeof *test_includes; i++) {
    if (strcmp(path, test_includes[i][0]) != 0) continue;
    *ret_text = fl_strdup(test_includes[i][1]);
    *ret_size = strlen(*ret_text);
    return 0;
  }
  return fl_error_set(err, FL_E_NOT_FOUND, "no such file");
}

static int load_named(const char *path, const char *text, struct fl_graph_file *file, struct fl_diags *diags) {
  static const char *const servers[] = {"local", NULL};
  struct fl_graph_file_options options = {
      .size = sizeof options, .read = test_read, .getenv_fn = test_getenv, .servers = servers};
  return fl_graph_file_load(path, fl_slice_of(text), &options, file, diags);
}

static void print_diags(const struct fl_diags *diags) {
  for (size_t i = 0; i < diags->count; i++) {
    char *text = fl_diag_format(&diags->items[i]);
    print_message("# %s\n", text);
    fl_free(text);
  }
}

static struct fl_graph_file load_good(const char *text) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  int rc = load_named("dir/good.yaml", text, &file, &diags);
  print_diags(&diags);
  assert_int_equal(rc, 0);
  assert_int_equal(diags.count, 0);
  fl_diags_deinit(&diags);
  return file;
}

static const struct fl_node_def *node_of(const struct fl_graph_file *file, const char *name) {
  ptrdiff_t index = fl_definition_node(file->definition, name);
  if (index < 0) fail_msg("no node %s", name);
  return &file->definition->nodes[index];
}

static void assert_json(const struct fl_value *value, const char *json) {
  struct fl_value *expected = NULL;
  assert_int_equal(fl_parse(json, strlen(json), &expected, NULL), 0);
  char *text = fl_dump(value, NULL);
  if (!fl_equal(value, expected)) fail_msg("expected %s, got %s", json, text);
  fl_text_free(text);
  fl_value_unref(expected);
}

/* ---- what is secret ---- */

static int note_secret(const char *name, const char *value, void *user, struct fl_error *err) {
  fl_buf_addf(user, "%s=%s ", name, value);
  return strcmp(name, "BASE") == 0 ? fl_error_set(err, FL_E_LIMIT, "one too many") : 0;
}

static int load_noting(const char *text, struct fl_buf *noted, struct fl_diags *diags) {
  struct fl_graph_file file = {0};
  struct fl_graph_file_options options = {
      .size = sizeof options, .getenv_fn = test_getenv, .user = noted, .on_secret = note_secret};
  int rc = fl_graph_file_load("f.yaml", fl_slice_of(text), &options, &file, diags);
  fl_graph_file_deinit(&file);
  return rc;
}

#define SECRET_GRAPH \
  "fairlead: 1\nstate: {n: {type: integer}}\nnodes: {a: {type: set, write: {n: '1'}}}\nedges: [START -> a]\n"

static void variables_in_places_of_secrets_are_told(void **state) {
  static const struct {
    const char *text, *noted;
  } rows[] = {
      {"models: {m: {provider: openai, model: '${KEY}', base_url: '${BASE}', api_key: '${KEY}'}}", "KEY=secret "},
      {"models: {m: {provider: openai, model: m, api_key: 'written'}}", NULL},
      {"models: {m: {provider: openai, model: m, api_key: '${EMPTY}${NONE:-a default}'}}", NULL},
      {"mcpServers: {s: {url: 'http://h/${KEY}', headers: {Authorization: 'Bearer ${KEY}', X: 'y'}}}", "KEY=secret "},
      {"mcpServers: {s: {url: 'http://h', auth: {client_id: '${KEY}', client_secret: '${KEY}'}}}", "KEY=secret "},
      {"mcpServers: {s: {command: c, args: ['${KEY}'], env: {A: '${KEY}'}}}", NULL},
      {"memory: {embed: {provider: openai, model: '${KEY}', api_key: '${KEY}', dims: 3}}", "KEY=secret "},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FL_BUF_AUTO noted = {0};
    struct fl_diags diags = {0};
    FL_FREE_AUTO char *text = fl_format("%s%s\n", SECRET_GRAPH, rows[i].text);
    if (load_noting(text, &noted, &diags) != 0) fail_msg("%s: %s", text, diags.items[0].message);
    if (rows[i].noted == NULL) assert_int_equal(noted.size, 0);
    else assert_string_equal(noted.data, rows[i].noted);
    fl_diags_deinit(&diags);
  }
}

static void a_secret_that_cannot_be_kept_is_an_error(void **state) {
  FL_BUF_AUTO noted = {0};
  struct fl_diags diags = {0};
  int rc = load_noting(SECRET_GRAPH "models: {m: {provider: openai, model: m, api_key: '${BASE}'}}\n", &noted, &diags);
  assert_int_equal(rc, FL_E_INVALID);
  assert_non_null(strstr(diags.items[0].message, "the variable BASE: one too many"));
  fl_diags_deinit(&diags);
}

/* ---- what loads ---- */

static void a_react_node_becomes_a_loop(void **state) {
  struct fl_graph_file file =
      load_good("fairlead: 1\nmodels: {m: {provider: openai, model: x}}\nmcpServers: {s: {command: c}}\n"
                "nodes:\n  a: {type: react, prompt: hi, tools: [s/*], description: d}\nedges: [START -> a -> END]\n");
  assert_string_equal(fl_definition_name(file.definition), "good");
  assert_string_equal(file.folder, "dir");
  uint32_t line, column;
  fl_document_position(&file.document, "/nodes/a/prompt", true, &line, &column);
  assert_int_equal(line, 5);
  assert_int_equal(column, 20);
  assert_int_equal(file.definition->node_count, 2);
  const struct fl_node_def *agent = node_of(&file, "a"), *tools = node_of(&file, "a_tools");
  assert_string_equal(agent->type, "agent");
  assert_string_equal(agent->description, "d");
  assert_json(agent->config, "{\"prompt\":\"hi\",\"tools\":[\"s/*\"],\"model\":\"m\",\"loops\":true}");
  assert_string_equal(tools->type, "tools");
  assert_json(tools->config, "{\"agent\":\"a\",\"tools\":[\"s/*\"]}");
  assert_int_equal(tools->plain_target_count, 1);
  assert_int_equal(tools->plain_targets[0], fl_definition_node(file.definition, "a"));
  assert_int_equal(agent->plain_target_count, 0);
  assert_int_equal(agent->branch_count, 1);
  assert_int_equal(agent->branches[0].arm_count, 2);
  assert_int_equal(agent->branches[0].arms[0].targets[0], fl_definition_node(file.definition, "a_tools"));
  assert_null(agent->branches[0].arms[1].when);
  assert_int_equal(agent->branches[0].arms[1].targets[0], FL_NODE_END);
  fl_graph_file_deinit(&file);
  fl_graph_file_deinit(&file);
}

static struct fl_var messages_of(const char *scope, const char *name, void *user) {
  return (struct fl_var){.value = user};
}

/* The loop's condition on messages as agents write them. */
static void the_loop_goes_on_while_there_are_calls(void **state) {
  static const struct {
    const char *messages;
    bool goes_on;
  } rows[] = {
      {"[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\"}]}]", true},
      {"[{\"role\":\"assistant\",\"tool_calls\":[]}]", false},
      {"[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\"}]},{\"role\":\"user\",\"content\":\"x\"}]", false}};
  struct fl_graph_file file = load_good(
      "fairlead: 1\nmodels: {m: {provider: openai, model: x}}\nnodes: {a: {type: react}}\nedges: [START -> a]\n");
  const struct fl_branch_def *branch = &node_of(&file, "a")->branches[0];
  assert_int_equal(branch->arm_count, 1);
  for (size_t i = 0; i < 3; i++) {
    static const char *const scopes[] = {"state", NULL};
    struct fl_value *messages = NULL;
    bool holds = !rows[i].goes_on;
    assert_int_equal(fl_parse(rows[i].messages, strlen(rows[i].messages), &messages, NULL), 0);
    struct fl_expr_env env = {.lookup_in = messages_of, .scopes = scopes, .user = messages};
    assert_int_equal(fl_expr_eval_bool(branch->arms[0].when, &env, &holds, NULL), 0);
    assert_int_equal(holds, rows[i].goes_on);
    fl_value_unref(messages);
  }
  fl_graph_file_deinit(&file);
}

static void branches_after_a_react_node_wait_for_its_answer(void **state) {
  struct fl_graph_file file =
      load_good("fairlead: 1\nmodels: {m: {provider: openai, model: x}}\n"
                "nodes: {a: {type: react}, b: {type: fail, message: \"'x'\"}}\n"
                "edges: [START -> a, {from: a, branch: [{when: size(state.messages) > 3, to: b}, {to: END}]}]\n");
  const struct fl_node_def *agent = node_of(&file, "a");
  assert_int_equal(agent->branch_count, 2);
  const struct fl_branch_def *own = &agent->branches[0];
  assert_int_equal(own->arm_count, 3);
  assert_int_equal(own->arms[0].target_count, 0);
  assert_string_equal(own->arms[1].label, "size(state.messages) > 3");
  assert_int_equal(agent->branches[1].arm_count, 1);
  fl_graph_file_deinit(&file);
}

static void expressions_are_compiled_by_their_place(void **state) {
  struct fl_graph_file file =
      load_good("fairlead: 1\nstate: {n: {type: integer, default: 0}, \"a/b\": {}, r: {}}\nnodes:\n"
                "  s: {type: set, write: {n: state.n + 1, a/b: true}}\n  t: {type: tool, tool: local/do, args: {k: "
                "state.n, l: 1.5}, write: r}\n"
                "  i: {type: interrupt, value: \"{'r': state.r}\", resume: r}\n  f: {type: fail, message: \"'no'\"}\n  "
                "c: {type: c, function: fn}\n"
                "edges: [START -> s -> t -> i -> f, i -> c]\n");
  assert_non_null(fl_map_get(&node_of(&file, "s")->exprs, "/write/n"));
  assert_non_null(fl_map_get(&node_of(&file, "s")->exprs, "/write/a~1b"));
  assert_string_equal(fl_expr_text(fl_map_get(&node_of(&file, "s")->exprs, "/write/a~1b")), "true");
  assert_non_null(fl_map_get(&node_of(&file, "t")->exprs, "/args/k"));
  assert_string_equal(fl_expr_text(fl_map_get(&node_of(&file, "t")->exprs, "/args/l")), "1.5");
  assert_non_null(fl_map_get(&node_of(&file, "i")->exprs, "/value"));
  assert_non_null(fl_map_get(&node_of(&file, "f")->exprs, "/message"));
  assert_string_equal(node_of(&file, "c")->type, "c");
  assert_json(node_of(&file, "c")->config, "{\"function\":\"fn\"}");
  assert_json(node_of(&file, "t")->config,
              "{\"tool\":\"local/do\",\"args\":{\"k\":\"state.n\",\"l\":1.5},\"write\":\"r\"}");
  fl_graph_file_deinit(&file);
}

static void edges_have_four_forms(void **state) {
  struct fl_graph_file file = load_good(
      "fairlead: 1\nstate: {n: {}}\nnodes:\n  a: {type: set, write: {n: 1}}\n  b: {type: set, write: {n: 2}}\n"
      "  c: {type: set, write: {n: 3}}\n  d: {type: set, write: {n: state.n}}\n"
      "edges:\n  - {from: START, to: [a, b]}\n  - {from: [a, b], to: c}\n  - {from: c, branch: [{when: state.n == 3, "
      "to: [d, END]}, {to: END}]}\n"
      "  - d->END\ninterrupt_before: [c]\ninterrupt_after: [\"*\"]\nrecursion_limit: 7\n");
  assert_int_equal(file.definition->entry_target_count, 2);
  assert_int_equal(node_of(&file, "a")->barrier_channel_count, 1);
  assert_int_equal(node_of(&file, "c")->trigger_channel_count, 2);
  assert_int_equal(node_of(&file, "c")->branches[0].arms[0].target_count, 2);
  assert_int_equal(node_of(&file, "d")->plain_targets[0], FL_NODE_END);
  assert_true(node_of(&file, "c")->interrupt_before);
  assert_false(node_of(&file, "d")->interrupt_before);
  assert_true(node_of(&file, "d")->interrupt_after);
  assert_int_equal(file.definition->recursion_limit, 7);
  fl_graph_file_deinit(&file);
}

static void channels_have_reducers_types_and_defaults(void **state) {
  struct fl_graph_file file = load_good("fairlead: 1\nname: g\nstate:\n  a: {reducer: sum, type: integer, default: "
                                        "5}\n  b: {schema: {enum: [x, y]}, default: y}\n"
                                        "  c: {type: [object, \"null\"]}\nnodes:\n  n: {type: set, write: {a: 1, b: "
                                        "\"'x'\", c: \"{}\"}}\nedges: [START -> n]\n");
  const struct fl_channel_def *channels = file.definition->channels;
  assert_int_equal(file.definition->state_channel_count, 3);
  assert_string_equal(channels[0].name, "a");
  assert_int_equal(channels[0].reducer, FL_SUM);
  assert_int_equal(fl_as_int(channels[0].default_value, 0), 5);
  assert_json(channels[0].schema_value, "{\"type\":\"integer\"}");
  assert_int_equal(channels[1].reducer, FL_LAST);
  assert_json(channels[1].schema_value, "{\"enum\":[\"x\",\"y\"]}");
  assert_json(channels[2].schema_value, "{\"type\":[\"object\",\"null\"]}");
  fl_graph_file_deinit(&file);
}

static void the_environment_fills_its_places(void **state) {
  static const char text[] = "fairlead: 1\nmodels:\n  a: {provider: openai, model: \"${NONE:-x}-${KEY}\", base_url: "
                             "\"${BASE}/v1\", api_key: \"${KEY}\"}\n"
                             "  b: {provider: openai, model: m, base_url: \"${NONE}\", api_key: \"${EMPTY}\"}\n"
                             "mcpServers:\n  s: {command: \"${EMPTY:-cmd}\", args: [\"$${KEY}\", \"k=${KEY}\"], env: "
                             "{A: \"${NONE}\", B: \"${KEY}\"}, cwd: \"${BASE}\"}\n"
                             "nodes:\n  x: {type: react, model: a, tools: [s/*], prompt: \"${KEY}\"}\n  y: {type: "
                             "react, model: b}\nedges: [START -> x -> y]\n";
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  assert_int_equal(load_named("a.yaml", text, &file, &diags), 0);
  assert_json(
      file.models,
      "{\"a\":{\"provider\":\"openai\",\"model\":\"x-secret\",\"base_url\":\"http://h/v1\",\"api_key\":\"secret\"},"
      "\"b\":{\"provider\":\"openai\",\"model\":\"m\"}}");
  assert_json(file.servers, "{\"s\":{\"command\":\"cmd\",\"args\":[\"${KEY}\",\"k=secret\"],\"env\":{\"B\":\"secret\"},"
                            "\"cwd\":\"http://h\"}}");
  assert_string_equal(fl_get_string(node_of(&file, "x")->config, "prompt", ""), "${KEY}");
  assert_int_equal(diags.count, 1);
  assert_int_equal(diags.items[0].severity, FL_SEVERITY_WARNING);
  assert_string_equal(diags.items[0].pointer, "/mcpServers/s/env/A");
  fl_diags_deinit(&diags);
  fl_graph_file_deinit(&file);
}

static void includes_add_their_sections(void **state) {
  struct fl_graph_file file = load_good("fairlead: 1\ninclude: [shared.yaml]\nstate: {n: {}, messages: {reducer: "
                                        "messages}}\nmodels: {m: {provider: openai, model: x}}\n"
                                        "nodes:\n  a: {type: set, write: {n: state.extra}}\n  r: {type: react, model: "
                                        "second, tools: [web/*]}\n  q: {type: react, model: m}\n"
                                        "edges: [START -> other -> a -> r -> q]\n");
  assert_int_equal(file.definition->node_count, 6);
  assert_int_equal(file.definition->state_channel_count, 3);
  assert_non_null(fl_get(file.models, "second"));
  assert_non_null(fl_get(file.servers, "web"));
  fl_graph_file_deinit(&file);
}

/* The same graph in both formats, down to the hash of the definition. */
static void json_and_yaml_make_one_definition(void **state) {
  struct fl_graph_file yaml = load_good(
      "fairlead: 1\nstate: {n: {type: integer}}\nnodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a]\n");
  struct fl_graph_file json = load_good("{\"fairlead\":1,\"state\":{\"n\":{\"type\":\"integer\"}},\"nodes\":{\"a\":{"
                                        "\"type\":\"set\",\"write\":{\"n\":1}}},\"edges\":[\"START -> a\"]}");
  assert_string_equal(yaml.definition->hash, json.definition->hash);
  fl_graph_file_deinit(&yaml);
  fl_graph_file_deinit(&json);
}

/* ---- what does not load ---- */

#define HEAD "fairlead: 1\n"
#define ONE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a]\n"
#define STATE "state: {n: {}}\n"

struct mistake {
  const char *text;
  unsigned line, column;
  const char *pointer, *message, *suggestion;
  bool schema_too; /* the JSON Schema refuses it as well */
};

static const struct mistake mistakes[] = {
    {STATE ONE, 1, 1, "", "which version of the format", "fairlead: 1", true},
    {"fairlead: 2\n" STATE ONE, 1, 11, "/fairlead", "version 1 of the graph file only", "write 1", true},
    {"fairlead: \"1\"\n" STATE ONE, 1, 11, "/fairlead", "version 1", NULL, true},
    {"[1]", 1, 1, "", "must be a map, not a list", NULL, true},
    {HEAD "nodez: {}\n" STATE ONE, 2, 1, "/nodez", "a graph file has no key \"nodez\"", "did you mean \"nodes\"?",
     true},
    {HEAD "zzzzzzzz: {}\n" STATE ONE, 2, 1, "/zzzzzzzz", "no key", "the keys are $schema, fairlead", true},
    {HEAD "name: 5\n" STATE ONE, 2, 7, "/name", "must be a text, not a whole number", NULL, true},
    {HEAD "name: \"\"\n" STATE ONE, 2, 7, "/name", "is empty", NULL, true},
    {HEAD "state: []\n" ONE, 2, 8, "/state", "must be a map, not a list", NULL, true},
    {HEAD "state: {n: {reducr: sum}}\n" ONE, 2, 13, "/state/n/reducr", "a channel has no key",
     "did you mean \"reducer\"?", true},
    {HEAD "state: {n: {reducer: appendd}}\n" ONE, 2, 22, "/state/n/reducer", "no reducer \"appendd\"", "append", true},
    {HEAD "state: {n: {type: int}}\n" ONE, 2, 19, "/state/n/type", "no type \"int\"", "integer", true},
    {HEAD "state: {n: {type: [string, nul]}}\n" ONE, 2, 28, "/state/n/type/1", "no type \"nul\"", "null", true},
    {HEAD "state: {n: {type: string, schema: {}}}\n" ONE, 2, 13, "/state/n/type", "not both", NULL, true},
    {HEAD "state: {n: {schema: {type: 5}}}\n" ONE, 2, 21, "/state/n/schema", "the schema is not valid", NULL, false},
    {HEAD "state: {n: {type: integer, default: x}}\n" ONE, 2, 37, "/state/n/default", "does not fit the channel's type",
     NULL, false},
    {HEAD "state: {n: {reducer: append, default: 5}}\n" ONE, 2, 9, "/state/n", "default of channel \"n\"", NULL, false},
    {HEAD STATE "edges: []\n", 1, 1, "", "the graph has no nodes", NULL, false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\n", 1, 1, "", "\"edges\" is missing", NULL, true},
    {HEAD STATE "nodes: {a: 5}\nedges: [START -> a]\n", 3, 12, "/nodes/a", "must be a map", NULL, true},
    {HEAD STATE "nodes: {a: {write: {n: 1}}}\nedges: [START -> a]\n", 3, 9, "/nodes/a", "\"type\" is missing", NULL,
     true},
    {HEAD STATE "nodes: {a: {type: sett, write: {n: 1}}}\nedges: [START -> a]\n", 3, 19, "/nodes/a/type",
     "no node type \"sett\"", "did you mean \"set\"?", true},
    {HEAD STATE "nodes: {a: {type: xyzzy}}\nedges: [START -> a]\n", 3, 19, "/nodes/a/type", "no node type",
     "the types are react", true},
    {HEAD STATE "nodes: {a: {type: graph}}\nedges: [START -> a]\n", 3, 9, "/nodes/a", "has \"file\" or \"graph\"", NULL,
     true},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}, defer: 1}}\nedges: [START -> a]\n", 3, 46, "/nodes/a/defer",
     "must be", NULL, true},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}, goto: b}}\nedges: [START -> a]\n", 3, 45, "/nodes/a/goto",
     "no node \"b\"", NULL, false},
    {HEAD STATE "nodes: {a: {type: set, writ: {n: 1}}}\nedges: [START -> a]\n", 3, 24, "/nodes/a/writ",
     "has no key \"writ\"", "\"write\"", true},
    {HEAD STATE "nodes: {a: {type: set}}\nedges: [START -> a]\n", 3, 9, "/nodes/a", "\"write\" is missing", NULL, true},
    {HEAD STATE "nodes: {a: {type: set, write: {m: 1}}}\nedges: [START -> a]\n", 3, 32, "/nodes/a/write/m",
     "no channel \"m\"", NULL, false},
    {HEAD "state: {number: {}}\nnodes: {a: {type: set, write: {numbr: 1}}}\nedges: [START -> a]\n", 3, 32,
     "/nodes/a/write/numbr", "no channel \"numbr\"", "did you mean \"number\"?", false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1 +}}}\nedges: [START -> a]\n", 3, 35, "/nodes/a/write/n",
     "the expression is not valid: column 4", NULL, false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: some words here}}}\nedges: [START -> a]\n", 3, 35,
     "/nodes/a/write/n", "not valid", "quotes of its own", false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: hello}}}\nedges: [START -> a]\n", 3, 35, "/nodes/a/write/n",
     "no \"hello\"", "quotes of its own", false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: n + 1}}}\nedges: [START -> a]\n", 3, 35, "/nodes/a/write/n",
     "no \"n\"", "write state.n", false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: stat.n}}}\nedges: [START -> a]\n", 3, 35, "/nodes/a/write/n",
     "no \"stat\"", "did you mean \"state\"?", false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: size(state)}}}\nedges: [START -> a]\n", 3, 35, "/nodes/a/write/n",
     "\"state\" alone is not a value", "state.NAME", false},
    {HEAD "state: {turns: {}}\nnodes: {a: {type: set, write: {turns: 1 + state.turn}}}\nedges: [START -> a]\n", 3, 39,
     "/nodes/a/write/turns", "column 5 of the expression: there is no channel \"turn\"", "did you mean \"turns\"?",
     false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: {x: 1}}}}\nedges: [START -> a]\n", 3, 35, "/nodes/a/write/n",
     "must be an expression", "write it as a text", true},
    {HEAD "nodes: {a: {type: fail, message: state.mesages}}\nedges: [START -> a]\n", 2, 34, "/nodes/a/message",
     "no channel \"mesages\"", "did you mean \"messages\"?", false},
    {HEAD "nodes: {a: {type: fail}}\nedges: [START -> a]\n", 2, 9, "/nodes/a", "\"message\" is missing", NULL, true},
    {HEAD "nodes: {a: {type: interrupt}}\nedges: [START -> a]\n", 2, 9, "/nodes/a", "\"value\" is missing", NULL, true},
    {HEAD STATE "nodes: {a: {type: interrupt, value: 1, resume: m}}\nedges: [START -> a]\n", 3, 48, "/nodes/a/resume",
     "no channel \"m\"", NULL, false},
    {HEAD "nodes: {a: {type: c}}\nedges: [START -> a]\n", 2, 9, "/nodes/a", "\"function\" is missing", NULL, true},
    {HEAD "nodes: {a: {type: tool}}\nedges: [START -> a]\n", 2, 9, "/nodes/a", "\"tool\" is missing", NULL, true},
    {HEAD "nodes: {a: {type: tool, tool: nope}}\nedges: [START -> a]\n", 2, 31, "/nodes/a/tool",
     "not of the form server/tool", NULL, true},
    {HEAD "nodes: {a: {type: tool, tool: local/*}}\nedges: [START -> a]\n", 2, 31, "/nodes/a/tool",
     "must name one tool", NULL, true},
    {HEAD "mcpServers: {search: {url: x}}\nnodes: {a: {type: tool, tool: serch/x}}\nedges: [START -> a]\n", 3, 31,
     "/nodes/a/tool", "no server \"serch\"", "did you mean \"search\"?", false},
    {HEAD "nodes: {a: {type: react, tools: [x]}}\nedges: [START -> a]\nmodels: {m: {provider: openai, model: x}}\n", 2,
     34, "/nodes/a/tools/0", "not of the form", "write \"x/*\"", true},
    {HEAD "nodes: {a: {type: react, tools: [lo*/x]}}\nedges: [START -> a]\nmodels: {m: {provider: openai, model: x}}\n",
     2, 34, "/nodes/a/tools/0", "only stand at the end", NULL, true},
    {HEAD
     "nodes: {a: {type: react, tools: builtin/x}}\nedges: [START -> a]\nmodels: {m: {provider: openai, model: x}}\n",
     2, 33, "/nodes/a/tools", "must be a list", NULL, true},
    {HEAD "nodes: {a: {type: react, model: mian}}\nedges: [START -> a]\nmodels: {main: {provider: openai, model: x}}\n",
     2, 33, "/nodes/a/model", "no model \"mian\"", "did you mean \"main\"?", false},
    {HEAD "nodes: {a: {type: react}}\nedges: [START -> a]\nmodels: {m: {provider: openai, model: x}, k: {provider: "
          "openai, model: x}}\n",
     2, 9, "/nodes/a", "which of the 2 models", NULL, false},
    {HEAD STATE "nodes: {a: {type: react}}\nedges: [START -> a]\nmodels: {m: {provider: openai, model: x}}\n", 3, 9,
     "/nodes/a", "needs the channel \"messages\"", "reducer: messages", false},
    {HEAD "nodes: {a: {type: react}, a_tools: {type: c, function: f}}\nedges: [START -> a -> a_tools]\nmodels: {m: "
          "{provider: openai, model: x}}\n",
     2, 27, "/nodes/a_tools", "the name is taken", NULL, false},
    {HEAD "nodes: {a: {type: tools, agent: b}, b: {type: c, function: f}}\nedges: [START -> a -> b]\n", 2, 33,
     "/nodes/a/agent", "is not an agent", NULL, false},
    {HEAD STATE "nodes: {END: {type: set, write: {n: 1}}}\nedges: [START -> END]\n", 3, 9, "/nodes/END",
     "no name for a node", NULL, true},
    {HEAD STATE "nodes: {__a: {type: set, write: {n: 1}}}\nedges: [START -> __a]\n", 3, 9, "/nodes/__a", "reserved",
     NULL, true},
    {HEAD STATE "nodes: {\"a:b\": {type: set, write: {n: 1}}}\nedges: [START -> \"a:b\"]\n", 4, 9, "/edges/0",
     "there is no node \"\"a:b\"\"", "did you mean \"a:b\"?", false},
    {HEAD STATE "nodes: {\"a:b\": {type: set, write: {n: 1}}}\nedges: [\"START -> a:b\"]\n", 3, 9, "/nodes/a:b",
     "the name of a node", NULL, true},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> b]\n", 4, 9, "/edges/0", "no node \"b\"",
     NULL, false},
    {HEAD STATE "nodes: {agent: {type: set, write: {n: 1}}}\nedges: [START -> agnet -> END]\n", 4, 9, "/edges/0",
     "no node \"agnet\"", "did you mean \"agent\"?", false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START a]\n", 4, 9, "/edges/0", "is not an edge",
     "A -> B", true},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a -> START]\n", 4, 9, "/edges/0",
     "back to START", NULL, false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, END -> a]\n", 4, 21, "/edges/1",
     "leads on from END", NULL, false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, 5]\n", 4, 21, "/edges/1",
     "an edge is a text", NULL, true},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: a, too: END}]\n", 4, 31,
     "/edges/1/too", "an edge has no key", "did you mean \"to\"?", true},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: a}]\n", 4, 21, "/edges/1",
     "\"to\", \"branch\" or \"send\" is missing", NULL, true},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {to: a}]\n", 4, 21, "/edges/1",
     "\"from\" is missing", NULL, true},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: a, to: END, branch: []}]\n", 4, 40,
     "/edges/1/branch", "an edge has one of", "make it two edges", true},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: a, branch: []}]\n", 4, 39,
     "/edges/1/branch", "no way to go", NULL, true},
    {HEAD STATE
     "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: a, branch: [{to: END}, {to: a}]}]\n",
     4, 40, "/edges/1/branch/0", "always taken", "put it last", false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: a, branch: [{when: true}]}]\n", 4,
     40, "/edges/1/branch/0", "\"to\" or \"send\" is missing", NULL, true},
    {HEAD STATE
     "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: a, branch: [{when: state.m, to: a}]}]\n",
     4, 47, "/edges/1/branch/0/when", "no channel \"m\"", NULL, false},
    {HEAD STATE
     "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: a, branch: [{wen: true, to: a}]}]\n",
     4, 41, "/edges/1/branch/0/wen", "has no key", "when", true},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: [a], branch: [{to: a}]}]\n", 4, 28,
     "/edges/1/from", "starts at one node", NULL, false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: [a, START], to: a}]\n", 4, 32,
     "/edges/1/from/1", "nothing to wait for", NULL, false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: [a, a], to: a}]\n", 4, 32,
     "/edges/1/from/1", "there twice", NULL, false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: [], to: a}]\n", 4, 28,
     "/edges/1/from", "names no node", NULL, true},
    {HEAD "nodes: {a: {type: react}, b: {type: react}, c: {type: react}}\nmodels: {m: {provider: openai, model: "
          "x}}\nedges: [START -> a, START -> b, {from: [a, b], to: c}]\n",
     4, 41, "/edges/2/from/0", "a react node runs many times", "set after it", false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}, b: {type: set, write: {n: 1}}}\nedges: [START -> a, {from: [a, "
                "b], to: END}]\n",
     4, 40, "/edges/1/to", "END waits", NULL, false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}, b: {type: set, write: {n: 1}}}\nedges: [START -> a]\n", 3, 40,
     "/nodes/b", "cannot be reached from START", NULL, false},
    {HEAD STATE "nodes: {a: {type: set, write: {n: 1}}}\nedges: [a -> END]\n", 1, 1, "", "nothing leads from START",
     NULL, false},
    {HEAD STATE ONE "interrupt_before: [b]\n", 5, 20, "/interrupt_before/0", "no node \"b\"", NULL, false},
    {HEAD STATE ONE "interrupt_after: a\n", 5, 18, "/interrupt_after", "must be a list", NULL, true},
    {HEAD STATE ONE "recursion_limit: 0\n", 5, 18, "/recursion_limit", "from 1 to 10000", NULL, true},
    {HEAD STATE ONE "recursion_limit: many\n", 5, 18, "/recursion_limit", "must be a whole number", NULL, true},
    {HEAD STATE ONE "effects: {local/x: reed}\n", 5, 20, "/effects/local~1x", "no effect \"reed\"",
     "read, keyed and once", true},
    {HEAD STATE ONE "effects: {other/x: read}\n", 5, 20, "/effects/other~1x", "no server \"other\"", NULL, false},
    {HEAD STATE ONE "models: {m: {provider: opnai, model: x}}\n", 5, 24, "/models/m/provider", "no provider \"opnai\"",
     "did you mean \"openai\"?", true},
    {HEAD STATE ONE "models: {m: {model: x}}\n", 5, 10, "/models/m", "\"provider\" is missing", NULL, true},
    {HEAD STATE ONE "models: {m: {provider: openai}}\n", 5, 10, "/models/m", "\"model\" is missing", NULL, true},
    {HEAD STATE ONE "models: {m: {provider: scripted}}\n", 5, 10, "/models/m", "\"script\" is missing", NULL, true},
    {HEAD STATE ONE "models: {m: {provider: openai, model: x, script: y}}\n", 5, 42, "/models/m/script",
     "for the provider scripted", NULL, true},
    {HEAD STATE ONE "models: {m: {provider: openai, model: x, temprature: 1}}\n", 5, 42, "/models/m/temprature",
     "a model has no key", "temperature", true},
    {HEAD STATE ONE "models: {m: {provider: openai, model: x, max_tokens: lots}}\n", 5, 54, "/models/m/max_tokens",
     "a whole number", NULL, true},
    {HEAD STATE ONE "models: {m: {provider: vllm, model: x, temperature: hot}}\n", 5, 53, "/models/m/temperature",
     "must be a number, not a text", NULL, true},
    {HEAD STATE ONE "models: {m: {provider: openai, model: x, extra: 1}}\n", 5, 49, "/models/m/extra", "must be a map",
     NULL, true},
    {HEAD STATE ONE "models: {m: {provider: openai, model: \"${X\"}}\n", 5, 39, "/models/m/model", "without its \"}\"",
     NULL, false},
    {HEAD STATE ONE "models: {m: {provider: openai, model: \"${a b}\"}}\n", 5, 39, "/models/m/model",
     "not the name of an environment variable", "$${", false},
    {HEAD STATE ONE "mcpServers: {s: {args: [x]}}\n", 5, 14, "/mcpServers/s", "a \"command\" or a \"url\"", NULL, true},
    {HEAD STATE ONE "mcpServers: {s: {command: c, url: u}}\n", 5, 30, "/mcpServers/s/url", "not both", NULL, true},
    {HEAD STATE ONE "mcpServers: {s: {url: u, args: [x]}}\n", 5, 26, "/mcpServers/s/args",
     "for servers with a \"command\"", NULL, true},
    {HEAD STATE ONE "mcpServers: {s: {command: u, headers: {}}}\n", 5, 30, "/mcpServers/s/headers",
     "for servers with a \"url\"", NULL, true},
    {HEAD STATE ONE "mcpServers: {s: {command: u, auth: {}}}\n", 5, 30, "/mcpServers/s/auth",
     "for servers with a \"url\"", NULL, true},
    {HEAD STATE ONE "mcpServers: {s: {url: u, auth: {clientid: x}}}\n", 5, 33, "/mcpServers/s/auth/clientid",
     "the authorization of a server has no key", "client_id", true},
    {HEAD STATE ONE "mcpServers: {s: {url: u, auth: {allow_addresses: x}}}\n", 5, 50,
     "/mcpServers/s/auth/allow_addresses", "must be a list", NULL, true},
    {HEAD STATE ONE "mcpServers: {s: {command: u, type: http}}\n", 5, 36, "/mcpServers/s/type", "goes with", NULL,
     true},
    {HEAD STATE ONE "mcpServers: {s: {command: u, type: pipe}}\n", 5, 36, "/mcpServers/s/type", "\"stdio\" or \"http\"",
     NULL, true},
    {HEAD STATE ONE "mcpServers: {s: {command: u, args: x}}\n", 5, 36, "/mcpServers/s/args", "must be a list", NULL,
     true},
    {HEAD STATE ONE "mcpServers: {s: {command: u, args: [1]}}\n", 5, 37, "/mcpServers/s/args/0", "must be a text", NULL,
     true},
    {HEAD STATE ONE "mcpServers: {s: {command: u, env: {A: 1}}}\n", 5, 39, "/mcpServers/s/env/A", "must be a text",
     NULL, true},
    {HEAD STATE ONE "mcpServers: {s: {comand: u}}\n", 5, 18, "/mcpServers/s/comand", "a server has no key", "command",
     true},
    {HEAD STATE ONE "mcpServers: {builtin: {command: u}}\n", 5, 14, "/mcpServers/builtin", "tools that ship", NULL,
     true},
    {HEAD STATE ONE "mcpServers: {a/b: {command: u}}\n", 5, 14, "/mcpServers/a~1b", "no \"/\"", NULL, true},
    {HEAD STATE ONE "builtin: {process: {commands: {l: {command: [ls], arg: {}}}}}\n", 5, 51,
     "/builtin/process/commands/l/arg", "a command has no key", "args", true},
    {HEAD STATE ONE "builtin: {process: {commands: {l: {command: ls}}}}\n", 5, 45,
     "/builtin/process/commands/l/command", "must be a list", NULL, true},
    {HEAD STATE ONE "builtin: {process: {commands: {l: {command: [1]}}}}\n", 5, 46,
     "/builtin/process/commands/l/command/0", "must be a text", NULL, true},
    {HEAD STATE ONE "trace: {contents: {}}\n", 5, 9, "/trace/contents", "the section trace has no key", "content",
     true},
    {HEAD STATE ONE "trace: yes\n", 5, 8, "/trace", "must be a map", NULL, true},
    {HEAD STATE ONE "trace: {record: 0}\n", 5, 17, "/trace/record", "must be true or false", NULL, true},
    {HEAD STATE ONE "trace: {content: 5}\n", 5, 18, "/trace/content", "must be a map", NULL, true},
    {HEAD STATE ONE "trace: {content: {percent: 101}}\n", 5, 28, "/trace/content/percent", "a number from 0 to 100",
     NULL, true},
    {HEAD STATE ONE "trace: {content: {floor: 1.5}}\n", 5, 26, "/trace/content/floor", "a whole number", NULL, true},
    {HEAD STATE ONE "trace: {content: {error: true}}\n", 5, 19, "/trace/content/error", "has no key", "errors", true},
    {HEAD STATE ONE "trace: {arguments: none}\n", 5, 20, "/trace/arguments", "\"hash\" or \"value\"", NULL, true},
    {HEAD STATE ONE "trace: {redact: {key: false}}\n", 5, 18, "/trace/redact/key", "has no key", NULL, true},
    {HEAD STATE ONE "trace: {keep: 30}\n", 5, 15, "/trace/keep", "must be a text", NULL, true},
    {HEAD STATE ONE "trace: {keep: 30 days}\n", 5, 15, "/trace/keep", "must be an age", "30d", true},
    {HEAD STATE ONE "trace: {keep: 1d, keep_content: 25h}\n", 5, 33, "/trace/keep_content", "not kept longer", NULL,
     false},
    {HEAD STATE ONE "trace: {export: {protocol: http/json}}\n", 5, 9, "/trace/export", "\"endpoint\"", NULL, true},
    {HEAD STATE ONE "trace: {export: {endpoint: collector:4318}}\n", 5, 28, "/trace/export/endpoint", "must be a URL",
     "/v1/traces", true},
    {HEAD STATE ONE "trace: {export: {endpoint: \"http://c\", protocol: grpc}}\n", 5, 50, "/trace/export/protocol",
     "\"http/json\"", NULL, true},
    {HEAD STATE ONE "trace: {export: {endpoint: \"http://c\", names: new}}\n", 5, 47, "/trace/export/names",
     "\"latest\"", NULL, true},
    {HEAD STATE ONE "trace: {export: {endpoint: \"http://c\", headers: {A: sk-1234}}}\n", 5, 53,
     "/trace/export/headers/A", "no secret stands in the file", "Bearer ${NAME}", true},
    {HEAD STATE ONE "trace: {export: {endpoint: \"http://c\", headers: {A: \"Bearer ${T}x\"}}}\n", 5, 53,
     "/trace/export/headers/A", "no secret stands in the file", NULL, true},
    {HEAD STATE ONE "trace: {export: {endpoint: \"http://c\", headers: {A: \"${T:-sk-1234}\"}}}\n", 5, 53,
     "/trace/export/headers/A", "no secret stands in the file", NULL, true},
    {HEAD STATE ONE "trace: {export: {endpoint: \"http://c\", headers: {A: \"${1}\"}}}\n", 5, 53,
     "/trace/export/headers/A", "no secret stands in the file", NULL, true},
    {HEAD STATE ONE "trace: {export: {endpoint: \"http://c\", headers: {\"A b\": \"${T}\"}}}\n", 5, 50,
     "/trace/export/headers/A b", "not the name of a header", NULL, true},
    {HEAD STATE ONE "manifest: 5\n", 5, 11, "/manifest", "must be a text", NULL, false},
    {HEAD STATE ONE "include: [nope.yaml]\n", 5, 11, "/include/0", "cannot be included: no such file", NULL, false},
    {HEAD STATE ONE "include: nope.yaml\n", 5, 10, "/include", "must be a list", NULL, true},
    {HEAD STATE ONE "a: &x 1\n", 5, 4, NULL, "anchors", NULL, false},
};

static const struct fl_diag *find_message(const struct fl_diags *diags, const struct mistake *m) {
  for (size_t i = 0; i < diags->count; i++) {
    const struct fl_diag *diag = &diags->items[i];
    if (strstr(diag->message, m->message) != NULL && diag->line == m->line && diag->column == m->column) return diag;
  }
  return NULL;
}

static bool says(const struct fl_diag *diag, const struct mistake *m) {
  if (diag == NULL || diag->severity != FL_SEVERITY_ERROR) return false;
  if (m->pointer != NULL && strcmp(diag->pointer != NULL ? diag->pointer : "", m->pointer) != 0) return false;
  return m->suggestion == NULL || (diag->suggestion != NULL && strstr(diag->suggestion, m->suggestion) != NULL);
}

static struct fl_schema *file_schema(void) {
  struct fl_value *value = NULL;
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  const char *text = fl_graph_file_schema();
  if (fl_parse(text, strlen(text), &value, &err) < 0 || fl_schema_create(value, NULL, &schema, &err) < 0)
    fail_msg("%s", err.text);
  fl_value_unref(value);
  return schema;
}

static bool schema_accepts(const struct fl_schema *schema, const char *file, const char *text, char *ret_why,
                           size_t why_size) {
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  int rc = fl_document_parse(file, fl_slice_of(text), &document, &diags);
  struct fl_schema_result result = {0};
  if (rc == 0) rc = fl_schema_validate(schema, document.root, &result);
  FL_BUF_AUTO why = {0};
  fl_schema_result_text(&result, &why);
  snprintf(ret_why, why_size, "%s", why.size > 0 ? why.data : "");
  fl_schema_result_deinit(&result);
  fl_document_deinit(&document);
  fl_diags_deinit(&diags);
  return rc == 0;
}

/* Every row gives its message at its place; most rows give nothing else. */
static void says_what_is_wrong_and_where(void **state) {
  struct fl_schema *schema = file_schema();
  size_t failed = 0;
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    const struct mistake *m = &mistakes[i];
    struct fl_graph_file file = {0};
    struct fl_diags diags = {0};
    char why[512];
    int rc = load_named("a.yaml", m->text, &file, &diags);
    bool accepted = schema_accepts(schema, "a.yaml", m->text, why, sizeof why);
    if (rc != FL_E_INVALID || !says(find_message(&diags, m), m) || (m->schema_too && accepted)) {
      print_message("# row %zu: %s#   expected %u:%u %s%s\n", i, m->text, m->line, m->column, m->message,
                    m->schema_too && accepted ? " (the schema accepts it)" : "");
      print_diags(&diags);
      failed++;
    }
    assert_null(file.definition);
    fl_diags_deinit(&diags);
  }
  fl_schema_destroy(schema);
  assert_int_equal(failed, 0);
}

static void says_everything_at_once(void **state) {
  static const char text[] =
      "fairlead: 1\nnam: x\nstate: {n: {reducer: summ}}\nmodels: {m: {provider: x}}\nnodes:\n  a: {type: set, write: "
      "{m: state.k}}\n"
      "  b: {type: nope}\nedges: [START -> c, {from: d, to: a}]\ninterrupt_before: [e]\nrecursion_limit: -1\n";
  static const char *const expected[] = {"nam",  "summ",       "provider",   "channel \"m\"", "channel \"k\"",
                                         "nope", "node \"c\"", "node \"d\"", "node \"e\"",    "10000"};
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  assert_int_equal(load_named("a.yaml", text, &file, &diags), FL_E_INVALID);
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    bool found = false;
    for (size_t j = 0; j < diags.count && !found; j++) found = strstr(diags.items[j].message, expected[i]) != NULL;
    if (!found) print_diags(&diags);
    if (!found) fail_msg("nothing about %s", expected[i]);
  }
  assert_int_equal(diags.count, 10);
  fl_diags_deinit(&diags);
}

static void errors_of_json_files_have_their_place_too(void **state) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  assert_int_equal(
      load_named("a.json",
                 "{\n  \"fairlead\": 1,\n  \"nodes\": {\"a\": {\"type\": \"sett\"}},\n  \"edges\": [\"START -> a\"]\n}",
                 &file, &diags),
      FL_E_INVALID);
  char *text = fl_diag_format(&diags.items[0]);
  assert_string_equal(text,
                      "a.json:3:27: error: there is no node type \"sett\" (at /nodes/a/type); did you mean \"set\"?");
  fl_free(text);
  fl_diags_deinit(&diags);
}

static void errors_in_includes_name_their_file(void **state) {
  static const struct {
    const char *include, *file, *message;
  } rows[] = {{"clash.yaml", "clash.yaml", "defined in two files"},
              {"broken.yaml", "broken.yaml", "no node type \"sett\""},
              {"broken.yaml", "broken.yaml", "an included file has no key \"edges\""},
              {"list.yaml", "list.yaml", "must be a map"},
              {"version.yaml", "version.yaml", "version 1"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[512];
    snprintf(
        text, sizeof text,
        "fairlead: 1\ninclude: [%s]\nstate: {n: {}}\nnodes: {a: {type: set, write: {n: 1}}}\nedges: [START -> a]\n",
        rows[i].include);
    struct fl_graph_file file = {0};
    struct fl_diags diags = {0};
    bool found = false;
    assert_int_equal(load_named("a.yaml", text, &file, &diags), FL_E_INVALID);
    for (size_t j = 0; j < diags.count; j++)
      found |=
          strcmp(diags.items[j].file, rows[i].file) == 0 && strstr(diags.items[j].message, rows[i].message) != NULL;
    if (!found) print_diags(&diags);
    assert_true(found);
    fl_diags_deinit(&diags);
  }
}

static void without_a_reader_includes_are_errors(void **state) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  static const char text[] = "fairlead: 1\ninclude: [shared.yaml]\nstate: {n: {}}\nnodes: {a: {type: set, write: {n: "
                             "1}}}\nedges: [START -> a]\n";
  assert_int_equal(fl_graph_file_load("/a.yaml", fl_slice_of(text), NULL, &file, &diags), FL_E_INVALID);
  assert_int_equal(diags.count, 1);
  assert_string_equal(diags.items[0].pointer, "/include/0");
  fl_diags_deinit(&diags);
}

/* ---- warnings ---- */

static void warns_of_what_is_hardly_meant(void **state) {
  static const struct {
    const char *text, *pointer, *message;
  } rows[] = {
      {HEAD "state: {n: {}, unused: {}}\n" ONE, "/state/unused", "no node uses channel \"unused\""},
      {HEAD STATE ONE "models: {m: {provider: openai, model: x}}\n", "/models/m", "no node uses model \"m\""},
      {HEAD STATE ONE "mcpServers: {s: {command: x}}\n", "/mcpServers/s", "no node uses server \"s\""},
      {HEAD
       "models: {m: {provider: openai, model: x}}\nnodes: {a: {type: agent, tools: [local/x]}}\nedges: [START -> a]\n",
       "/nodes/a", "no node calls them"},
      {HEAD "nodes: {a: {type: tools}}\nedges: [START -> a]\n", "/nodes/a", "there is no agent"},
      {HEAD "nodes: {a: {type: react}}\nedges: [START -> a]\n", "/nodes/a", "the agent has no model"},
      {HEAD "models: {m: {provider: scripted, script: \"${KEY}\"}}\nnodes: {a: {type: react}}\nedges: [START -> a]\n",
       "/models/m/script", "not filled in here"},
      {HEAD "mcpServers: {s: {command: \"${NONE}\"}}\nnodes: {a: {type: tool, tool: s/x}}\nedges: [START -> a]\n",
       "/mcpServers/s/command", "is not set"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct fl_graph_file file = {0};
    struct fl_diags diags = {0};
    int rc = load_named("a.yaml", rows[i].text, &file, &diags);
    if (rc != 0 || diags.count != 1) print_diags(&diags);
    assert_int_equal(rc, 0);
    assert_int_equal(diags.count, 1);
    assert_int_equal(diags.error_count, 0);
    assert_string_equal(diags.items[0].pointer, rows[i].pointer);
    assert_non_null(strstr(diags.items[0].message, rows[i].message));
    fl_graph_file_deinit(&file);
    fl_diags_deinit(&diags);
  }
}

/* ---- the schema ---- */

static const struct fl_value *schema_properties(const struct fl_value *defs, const char *name) {
  char other[64];
  snprintf(other, sizeof other, "%s_map", name);
  if (fl_get(defs, other) == NULL) snprintf(other, sizeof other, "%s_node", name);
  const struct fl_value *def = fl_get(defs, fl_get(defs, other) != NULL ? other : name);
  return fl_get(def, "properties");
}

static void the_schema_and_the_loader_know_the_same_keys(void **state) {
  struct fl_value *schema = NULL;
  const char *text = fl_graph_file_schema();
  assert_int_equal(fl_parse(text, strlen(text), &schema, NULL), 0);
  size_t shape_count = 0;
  for (const struct fl_file_shape *const *shape = fl_file_shapes(); *shape != NULL; shape++, shape_count++) {
    const struct fl_value *properties = schema_properties(fl_get(schema, "$defs"), (*shape)->name);
    size_t key_count = 0;
    for (; (*shape)->keys[key_count] != NULL; key_count++)
      if (fl_get(properties, (*shape)->keys[key_count]) == NULL)
        fail_msg("the schema of %s lacks %s", (*shape)->name, (*shape)->keys[key_count]);
    if (fl_size(properties) != key_count)
      fail_msg("the schema of %s has %zu keys, the loader %zu", (*shape)->name, fl_size(properties), key_count);
  }
  assert_true(shape_count >= 19);
  fl_value_unref(schema);
}

static void check_example(const char *path, const char *name, void *user) {
  if (strstr(name, "yaml") == NULL && strstr(name, "json") == NULL) return;
  char *text = test_read_file(path, NULL);
  if (strstr(text, "fairlead") == NULL || strstr(text, "nodes") == NULL) {
    free(text);
    return;
  }
  struct fl_schema *schema = file_schema();
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  char why[512];
  if (!schema_accepts(schema, path, text, why, sizeof why)) fail_msg("%s: %s", name, why);
  int rc = load_named(path, text, &file, &diags);
  if (rc != 0 || diags.count > 0) print_diags(&diags);
  assert_int_equal(rc, 0);
  assert_int_equal(diags.error_count, 0);
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
  fl_schema_destroy(schema);
  free(text);
  ++*(size_t *)user;
}

static void the_examples_load_and_satisfy_the_schema(void **state) {
  char folder[4096];
  size_t count = 0;
  snprintf(folder, sizeof folder, "%s/examples", getenv("FL_SOURCE_ROOT") != NULL ? getenv("FL_SOURCE_ROOT") : ".");
  assert_int_equal(test_each_file(folder, ".yaml", check_example, &count), 0);
  assert_int_equal(test_each_file(folder, ".json", check_example, &count), 0);
  assert_true(count >= 3);
}

static void survives_being_cut_anywhere(void **state) {
  static const char text[] =
      HEAD "include: [shared.yaml]\nstate: {n: {type: [integer], default: 1}}\nmodels: {m: {provider: openai, model: "
           "\"${KEY:-x}\"}}\n"
           "nodes:\n  a: {type: react, tools: [web/*]}\n  b: {type: set, write: {n: state.n + 1}}\nedges: [START -> a "
           "-> b, {from: b, branch: [{when: true, to: a}, {to: END}]}]\n";
  for (size_t size = 0; size < sizeof text; size++) {
    char *copy = fl_strndup(text, size);
    struct fl_graph_file file = {0};
    struct fl_diags diags = {0};
    int rc = load_named("a.yaml", copy, &file, &diags);
    assert_true(rc == 0 ? file.definition != NULL : diags.error_count > 0);
    fl_graph_file_deinit(&file);
    fl_diags_deinit(&diags);
    fl_free(copy);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(variables_in_places_of_secrets_are_told),
      cmocka_unit_test(a_secret_that_cannot_be_kept_is_an_error),
      cmocka_unit_test(a_react_node_becomes_a_loop),
      cmocka_unit_test(the_loop_goes_on_while_there_are_calls),
      cmocka_unit_test(branches_after_a_react_node_wait_for_its_answer),
      cmocka_unit_test(expressions_are_compiled_by_their_place),
      cmocka_unit_test(edges_have_four_forms),
      cmocka_unit_test(channels_have_reducers_types_and_defaults),
      cmocka_unit_test(the_environment_fills_its_places),
      cmocka_unit_test(includes_add_their_sections),
      cmocka_unit_test(json_and_yaml_make_one_definition),
      cmocka_unit_test(says_what_is_wrong_and_where),
      cmocka_unit_test(says_everything_at_once),
      cmocka_unit_test(errors_of_json_files_have_their_place_too),
      cmocka_unit_test(errors_in_includes_name_their_file),
      cmocka_unit_test(without_a_reader_includes_are_errors),
      cmocka_unit_test(warns_of_what_is_hardly_meant),
      cmocka_unit_test(the_schema_and_the_loader_know_the_same_keys),
      cmocka_unit_test(the_examples_load_and_satisfy_the_schema),
      cmocka_unit_test(survives_being_cut_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
