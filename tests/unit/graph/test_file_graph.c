/* SPDX-License-Identifier: MIT */
/* Graphs inside graph files: those of the section, and other files; whose names count where, and every mistake with its
 * file and line. */
#include "graph/file.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

#define CHILD "state: {x: {}}\nnodes: {a: {type: set, write: {x: state.x}}}\nedges: [START -> a]\n"
#define NODE(text)                                                                                                   \
  "fairlead: 1\nstate: {x: {}, y: {}}\nnodes:\n  g: {" text "}\n  s: {type: set, write: {y: state.x, x: state.y}}\n" \
  "edges: [START -> g, START -> s]\n"

static const char *const files[][2] = {
    {"child.yaml", "fairlead: 1\n" CHILD},
    {"sub/inner.yaml",
     "fairlead: 1\nstate: {x: {}}\nnodes: {n: {type: graph, file: ../child.yaml}, m: {type: graph, file: "
     "deep/deepest.yaml}}\nedges: [START -> n, START -> m]\n"},
    {"sub/../child.yaml", "fairlead: 1\n" CHILD},
    {"sub/deep/deepest.yaml", "fairlead: 1\ninclude: [part.yaml]\nedges: [START -> p]\n"},
    {"sub/deep/part.yaml", "fairlead: 1\nstate: {x: {}}\nnodes: {p: {type: set, write: {x: state.x}}}\n"},
    {"models.yaml",
     "fairlead: 1\nmodels: {own: {provider: openai, model: m}}\nnodes: {a: {type: agent, model: outer}, b: "
     "{type: agent, model: own}}\nedges: [START -> a -> b]\n"},
    {"wrong.yaml", "fairlead: 1\nstate: {x: {}}\nnodes: {a: {type: sett, write: {x: 1}}}\nedges: [START -> a]\n"},
    {"me.yaml",
     "fairlead: 1\nstate: {x: {}}\nnodes: {a: {type: graph, file: ./round/back.yaml}}\nedges: [START -> a]\n"},
    {"./round/back.yaml",
     "fairlead: 1\nstate: {x: {}}\nnodes: {b: {type: graph, file: ../me.yaml}}\nedges: [START -> b]\n"},
};

static int test_read(const char *path, char **ret_text, size_t *ret_size, void *user, struct fl_error *err) {
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    if (strcmp(path, files[i][0]) != 0) continue;
    *ret_text = fl_strdup(files[i][1]);
    *ret_size = strlen(*ret_text);
    return 0;
  }
  return fl_error_set(err, FL_E_NOT_FOUND, "no such file");
}

static int load(const char *text, struct fl_graph_file *file, struct fl_diags *diags) {
  struct fl_graph_file_options options = {.size = sizeof options, .read = test_read};
  return fl_graph_file_load("dir/main.yaml", fl_slice_of(text), &options, file, diags);
}

static void print_diags(const struct fl_diags *diags) {
  for (size_t i = 0; i < diags->count; i++) {
    FL_FREE_AUTO char *text = fl_diag_format(&diags->items[i]);
    print_message("# %s\n", text);
  }
}

static struct fl_graph_file load_good(const char *text) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  int rc = load(text, &file, &diags);
  print_diags(&diags);
  assert_int_equal(rc, 0);
  assert_int_equal(diags.count, 0);
  fl_diags_deinit(&diags);
  return file;
}

static const struct fl_node_def *node_of(const struct fl_definition *definition, const char *name) {
  ptrdiff_t index = fl_definition_node(definition, name);
  if (index < 0) fail_msg("no node %s", name);
  return &definition->nodes[index];
}

/* ---- what loads ---- */

static void a_node_runs_a_graph_of_the_section(void **state) {
  struct fl_graph_file file = load_good(NODE("type: graph, graph: c, input: {x: state.y}, output: {y: state.x}, "
                                             "checkpoints: own") "graphs:\n  c:\n    state: {x: {}}\n    nodes: {a: "
                                                                 "{type: set, write: {x: state.x}}}\n"
                                                                 "    edges: [START -> a]\n");
  const struct fl_node_def *node = node_of(file.definition, "g");
  assert_string_equal(node->type, "graph");
  assert_string_equal(fl_definition_name(node->subgraph), "c");
  assert_int_equal(node->checkpoints, FL_CHECKPOINTS_OWN);
  assert_non_null(fl_map_get(&node->exprs, "/input/x"));
  assert_non_null(fl_map_get(&node->exprs, "/output/y"));
  assert_int_equal(file.definition->depth, 2);
  assert_int_equal(file.child_count, 0);
  fl_graph_file_deinit(&file);
}

static void two_nodes_run_one_graph(void **state) {
  struct fl_graph_file file = load_good("fairlead: 1\nstate: {x: {}}\nnodes:\n  a: {type: graph, file: child.yaml}\n"
                                        "  b: {type: graph, file: ./child.yaml}\nedges: [START -> a -> b]\n");
  assert_ptr_equal(node_of(file.definition, "a")->subgraph, node_of(file.definition, "b")->subgraph);
  assert_int_equal(file.child_count, 1);
  assert_string_equal(file.children[0].path, "dir/child.yaml");
  assert_string_equal(file.children[0].folder, "dir");
  fl_graph_file_deinit(&file);
}

/* What only a graph inside leads to can be reached. */
static void a_command_from_inside_leads_to_a_node(void **state) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  const char *text =
      "fairlead: 1\nstate: {x: {}}\nnodes: {g: {type: graph, graph: c}, d: {type: set, write: {x: state.x}}, "
      "e: {type: set, write: {x: state.x}}}\nedges: [START -> g]\n"
      "graphs: {c: {state: {x: {}}, nodes: {a: {type: set, graph: parent, write: {x: 1}, goto: [d, {to: e, "
      "for: \"[1]\", as: k}, END]}}, edges: [START -> a]}}\n";
  if (load(text, &file, &diags) != 0) print_diags(&diags);
  assert_non_null(file.definition);
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
}

static void files_name_files_from_where_they_are(void **state) {
  struct fl_graph_file file = load_good(NODE("type: graph, file: sub/inner.yaml"));
  const struct fl_definition *inner = node_of(file.definition, "g")->subgraph;
  assert_string_equal(fl_definition_name(inner), "inner");
  assert_string_equal(fl_definition_name(node_of(inner, "n")->subgraph), "child");
  assert_string_equal(fl_definition_name(node_of(inner, "m")->subgraph), "deepest");
  assert_int_equal(file.definition->depth, 3);
  assert_int_equal(file.children[0].child_count, 2);
  assert_string_equal(file.children[0].children[1].folder, "dir/sub/deep");
  fl_graph_file_deinit(&file);
}

/* The inner graph sees the sections around it, as far as the file goes. */
static void graphs_of_a_section_use_those_around_them(void **state) {
  struct fl_graph_file file = load_good(NODE(
      "type: graph, graph: outer") "graphs:\n"
                                   "  outer:\n    state: {x: {}}\n    nodes: {i: {type: graph, graph: inner}, o: "
                                   "{type: graph, graph: other}}\n"
                                   "    edges: [START -> i -> o]\n"
                                   "    graphs:\n      inner:\n        state: {x: {}}\n        nodes: {d: {type: "
                                   "graph, graph: other}}\n"
                                   "        edges: [START -> d]\n"
                                   "  other:\n    state: {x: {}}\n    nodes: {a: {type: set, write: {x: state.x}}}\n"
                                   "    edges: [START -> a]\n");
  const struct fl_definition *outer = node_of(file.definition, "g")->subgraph;
  const struct fl_definition *inner = node_of(outer, "i")->subgraph;
  assert_ptr_equal(node_of(outer, "o")->subgraph, node_of(inner, "d")->subgraph);
  assert_int_equal(file.definition->depth, 4);
  fl_graph_file_deinit(&file);
}

static void models_are_those_around_and_its_own(void **state) {
  struct fl_graph_file file =
      load_good("fairlead: 1\nmodels: {outer: {provider: openai, model: x}}\n"
                "nodes: {g: {type: graph, file: models.yaml}, h: {type: graph, graph: i}}\n"
                "edges: [START -> g, START -> h]\n"
                "graphs: {i: {nodes: {a: {type: agent, model: outer}}, edges: [START -> a]}}\n");
  assert_int_equal(fl_size(file.models), 1);
  assert_int_equal(fl_size(file.children[0].models), 1);
  assert_non_null(fl_get(file.children[0].models, "own"));
  fl_graph_file_deinit(&file);
}

/* ---- what is wrong ---- */

static const struct {
  const char *text, *place, *message;
} wrong_rows[] = {
    {NODE("type: graph"), "dir/main.yaml:4:3", "has \"file\" or \"graph\""},
    {NODE("type: graph, file: child.yaml, graph: c"), "dir/main.yaml:4:3", "has \"file\" or \"graph\""},
    {NODE("type: graph, file: nowhere.yaml"), "dir/main.yaml:4:26", "\"nowhere.yaml\" cannot be read: no such file"},
    {NODE("type: graph, file: 5"), "dir/main.yaml:4:26", "must be a text"},
    {NODE("type: graph, graph: c"), "dir/main.yaml:4:27", "there is no graph \"c\""},
    {NODE("type: graph, graph: chld") "graphs: {child: {nodes: {a: {type: set, write: {x: 1}}}, edges: [START -> a], "
                                      "state: {x: {}}}}\n",
     "dir/main.yaml:4:27", "did you mean \"child\"?"},
    {NODE("type: graph, file: child.yaml, checkpoints: some"), "dir/main.yaml:4:51",
     "is inherit, own or none, not \"some\""},
    {NODE("type: graph, file: child.yaml, input: {z: state.x}"), "dir/main.yaml:4:46", "there is no channel \"z\""},
    {NODE("type: graph, file: child.yaml, input: {x: state.z}"), "dir/main.yaml:4:49", "there is no channel \"z\""},
    {NODE("type: graph, file: child.yaml, output: {z: state.x}"), "dir/main.yaml:4:47", "there is no channel \"z\""},
    {NODE("type: graph, file: child.yaml, output: {x: state.y}"), "dir/main.yaml:4:50", "there is no channel \"y\""},
    {NODE("type: graph, file: child.yaml, retry: {max_attempts: 0}"), "dir/main.yaml:4:", "retry"},
    {NODE("type: graph, file: child.yaml, what: 1"), "dir/main.yaml:4:38", "a node of type graph has no key \"what\""},
    {NODE("type: graph, file: wrong.yaml"), "dir/wrong.yaml:3:19", "there is no node type \"sett\""},
    {NODE("type: graph, graph: c") "graphs: {c: {state: {x: {}}, nodes: {a: {type: sett}}, edges: [START -> a]}}\n",
     "dir/main.yaml:7:", "there is no node type \"sett\""},
    {NODE("type: graph, graph: c") "graphs: {c: {state: {x: {}}, models: {}, nodes: {a: {type: set, write: {x: 1}}}, "
                                   "edges: [START -> a]}}\n",
     "dir/main.yaml:7:", "a graph in a graph file has no key \"models\""},
    {NODE("type: graph, graph: c") "graphs: {c: {state: {x: {}}, nodes: {a: {type: set, write: {x: 1}}}, edges: "
                                   "[]}}\n",
     "dir/main.yaml:7:", "nothing leads from START"},
    {NODE("type: graph, graph: c") "graphs: {c: {state: {x: {}}, nodes: {a: {type: set, graph: parent, goto: ss}}, "
                                   "edges: "
                                   "[START -> a]}}\n",
     "dir/main.yaml:4:3", "goes to the node \"ss\" here, which there is not"},
    {NODE("type: graph, graph: c") "graphs: {c: 5}\n", "dir/main.yaml:7:13", "must be a map"},
    {NODE("type: graph, graph: c") "graphs: [c]\n", "dir/main.yaml:", "there is no graph \"c\""},
    {NODE("type: graph, file: me.yaml"), "dir/round/back.yaml:3:32",
     "a graph cannot contain itself: me.yaml -> round/back.yaml -> me.yaml"},
    {NODE("type: graph, file: main.yaml"), "dir/main.yaml:4:26",
     "a graph cannot contain itself: main.yaml -> main.yaml"},
    {NODE("type: graph, graph: c") "graphs: {c: {state: {x: {}}, nodes: {a: {type: graph, graph: c}}, edges: [START "
                                   "-> a]}}\n",
     "dir/main.yaml:7:", "a graph cannot contain itself: c -> c"},
};

static void says_what_is_wrong_and_where(void **state) {
  size_t wrong = 0;
  for (size_t i = 0; i < sizeof wrong_rows / sizeof *wrong_rows; i++) {
    struct fl_graph_file file = {0};
    struct fl_diags diags = {0};
    bool found = false;
    int rc = load(wrong_rows[i].text, &file, &diags);
    for (size_t j = 0; j < diags.count; j++) {
      FL_FREE_AUTO char *said = fl_diag_format(&diags.items[j]);
      found |= strstr(said, wrong_rows[i].place) != NULL && strstr(said, wrong_rows[i].message) != NULL;
    }
    if (!found || rc != FL_E_INVALID) {
      print_message("# not said: %s %s\n", wrong_rows[i].place, wrong_rows[i].message);
      print_diags(&diags);
      wrong++;
    }
    fl_graph_file_deinit(&file);
    fl_diags_deinit(&diags);
  }
  assert_int_equal(wrong, 0);
}

/* A file that runs itself under ever new names is stopped by the depth. */
static int read_deeper(const char *path, char **ret_text, size_t *ret_size, void *user, struct fl_error *err) {
  *ret_text =
      fl_format("fairlead: 1\nstate: {x: {}}\nnodes: {a: {type: graph, file: d/f.yaml}}\nedges: [START -> a]\n");
  *ret_size = strlen(*ret_text);
  return 0;
}

static void files_stand_inside_one_another_so_deep_only(void **state) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  struct fl_graph_file_options options = {.size = sizeof options, .read = read_deeper};
  const char *text = NODE("type: graph, file: f.yaml");
  assert_int_equal(fl_graph_file_load("main.yaml", fl_slice_of(text), &options, &file, &diags), FL_E_INVALID);
  assert_int_equal(diags.error_count, 1);
  assert_non_null(strstr(diags.items[0].message, "more than 16 deep"));
  fl_diags_deinit(&diags);
}

static void a_graph_that_nobody_runs_is_checked_and_warned_of(void **state) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  const char *text =
      "fairlead: 1\n" CHILD
      "graphs: {c: {state: {x: {}}, nodes: {a: {type: set, write: {x: state.x}}}, edges: [START -> a]}}\n";
  assert_int_equal(load(text, &file, &diags), 0);
  assert_int_equal(diags.count, 1);
  assert_non_null(strstr(diags.items[0].message, "no node runs graph \"c\""));
  fl_diags_deinit(&diags);
  fl_graph_file_deinit(&file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_node_runs_a_graph_of_the_section),
      cmocka_unit_test(two_nodes_run_one_graph),
      cmocka_unit_test(a_command_from_inside_leads_to_a_node),
      cmocka_unit_test(files_name_files_from_where_they_are),
      cmocka_unit_test(graphs_of_a_section_use_those_around_them),
      cmocka_unit_test(models_are_those_around_and_its_own),
      cmocka_unit_test(says_what_is_wrong_and_where),
      cmocka_unit_test(files_stand_inside_one_another_so_deep_only),
      cmocka_unit_test(a_graph_that_nobody_runs_is_checked_and_warned_of),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
