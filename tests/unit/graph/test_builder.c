/* SPDX-License-Identifier: MIT */
/* Building and compiling: what is wrong is said, all of it, and what is right becomes indices. */
#include "tests/unit/graph/fixture.h"

#include "graph/definition.h"

static void behave(struct test_call *call) {}
static int choose(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  return 0;
}

static void says_of(struct fl_graph *graph, const struct fl_compile_options *options, const char *const *lines) {
  struct fl_definition *definition = NULL;
  struct fl_error err;
  assert_int_equal(fl_graph_compile(graph, options, &definition, &err), FL_E_GRAPH);
  assert_null(definition);
  for (size_t i = 0; lines[i] != NULL; i++)
    if (strstr(err.text, lines[i]) == NULL) fail_msg("\"%s\" is not in:\n%s", lines[i], err.text);
}
#define SAYS(graph, ...) says_of(graph, NULL, (const char *const[]){__VA_ARGS__, NULL})

static struct fl_graph *start_with(const char *node) {
  struct fl_graph *graph = fl_graph_create("g");
  test_node(graph, node, behave);
  fl_graph_edge(graph, FL_START, node);
  return graph;
}

static void an_empty_graph(void **state) {
  SAYS(fl_graph_create("g"), "graph \"g\" has 1 mistake", "there are no nodes");
}

static void nothing_leads_from_start(void **state) {
  struct fl_graph *graph = fl_graph_create("g");
  test_node(graph, "a", behave);
  fl_graph_edge(graph, "a", FL_END);
  SAYS(graph, "nothing leads from START");
}

static void unknown_nodes_are_named_with_the_nearest(void **state) {
  struct fl_graph *graph = start_with("approve");
  fl_graph_edge(graph, "approve", "aprove");
  fl_graph_edge(graph, "nobody", "approve");
  fl_graph_branch(graph, "approve", choose, NULL, (const char *const[]){"approv", FL_END}, 2);
  test_join2(graph, "approve", "approved", "approve");
  SAYS(graph, "has 4 mistakes",
       "the edge \"approve -> aprove\" names the unknown node \"aprove\"; did you mean \"approve\"?",
       "the edge \"nobody -> approve\" names the unknown node \"nobody\"\n",
       "the branch after \"approve\" names the unknown node \"approv\"",
       "the join that leads to \"approve\" names the unknown node \"approved\"");
}

static void names(void **state) {
  struct fl_graph *graph = start_with("a");
  test_node(graph, "a", behave);
  test_node(graph, "START", behave);
  test_node(graph, "x:y", behave);
  test_node(graph, "", behave);
  test_node(graph, "__hidden", behave);
  test_channel(graph, "c", FL_LAST, NULL);
  test_channel(graph, "c", FL_SUM, NULL);
  fl_graph_node(graph, "nothing", NULL, NULL, NULL);
  SAYS(graph, "node \"a\" is defined twice", "must not be named \"START\"", "\"x:y\" must not hold",
       "a node has no name", "must not begin with \"__\"", "channel \"c\" is declared twice",
       "node \"nothing\" has no function");
}

static void ways_that_cannot_be(void **state) {
  struct fl_graph *graph = start_with("a");
  fl_graph_edge(graph, FL_END, "a");
  fl_graph_edge(graph, "a", FL_START);
  test_join2(graph, FL_START, "a", "a");
  test_join2(graph, "a", "a", FL_END);
  SAYS(graph, "starts at END", "leads to START", "waits for START, which has always run", "names \"a\" twice",
       "leads to END, which waits");
}

static void nodes_that_nothing_leads_to(void **state) {
  struct fl_graph *graph = start_with("a");
  test_node(graph, "island", behave);
  test_node(graph, "far", behave);
  fl_graph_edge(graph, "island", "far");
  SAYS(graph, "has 2 mistakes", "node \"island\" cannot be reached", "node \"far\" cannot be reached");
}

static void defaults_and_schemas(void **state) {
  struct fl_graph *graph = start_with("a");
  test_channel(graph, "sum", FL_SUM, "true");
  test_channel(graph, "list", FL_APPEND, "1");
  FL_VALUE_AUTO broken = test_json("{\"type\":\"nothing\"}");
  FL_VALUE_AUTO integer = test_json("{\"type\":\"integer\"}");
  FL_VALUE_AUTO text = test_json("\"text\"");
  const size_t size = sizeof(struct fl_channel_options);
  fl_graph_channel(graph, "broken", &(struct fl_channel_options){.size = size, .schema = broken});
  fl_graph_channel(graph, "typed",
                   &(struct fl_channel_options){.size = size, .schema = integer, .default_value = text});
  fl_graph_channel(graph, "log", &(struct fl_channel_options){.size = size, .schema = integer, .reducer = FL_APPEND});
  SAYS(graph, "the default of channel \"sum\" is of type boolean", "the default of channel \"list\" is of type integer",
       "the schema of channel \"broken\"", "the default of channel \"typed\" does not satisfy its schema",
       "channel \"log\" holds a list (reducer append), but its schema does not allow an array");
}

static void interrupts_name_nodes(void **state) {
  const struct fl_compile_options options = {.size = sizeof options,
                                             .interrupt_before = (const char *const[]){"agnet", NULL}};
  says_of(start_with("agent"), &options,
          (const char *const[]){"interrupt_before names the unknown node \"agnet\"; did you mean \"agent\"?", NULL});
}

static void a_definition_has_indices(void **state) {
  struct fl_graph *graph = start_with("a");
  test_node(graph, "b", behave);
  test_node(graph, "c", behave);
  test_channel(graph, "n", FL_SUM, NULL);
  fl_graph_edge(graph, "a", "b");
  fl_graph_edge(graph, "a", "b"); /* given twice is given once */
  test_join2(graph, "a", "b", "c");
  fl_graph_join(graph, (const char *const[]){"a"}, 1, "c"); /* waiting for one is an edge */
  struct fl_definition *definition = NULL;
  const struct fl_compile_options options = {
      .size = sizeof options, .interrupt_before = (const char *const[]){"*", NULL}, .recursion_limit = 7};
  assert_int_equal(fl_graph_compile(graph, &options, &definition, NULL), 0);
  assert_string_equal(fl_definition_name(definition), "g");
  assert_int_equal(fl_definition_channel(definition, "n"), 0);
  assert_int_equal(fl_definition_channel(definition, "branch:to:a"), 1);
  assert_int_equal(fl_definition_channel(definition, "join:a+b:c"), 4);
  assert_int_equal(fl_definition_channel(definition, "m"), -1);
  assert_int_equal(fl_definition_node(definition, "c"), 2);
  assert_int_equal(definition->nodes[0].plain_target_count, 2);
  assert_int_equal(definition->nodes[2].trigger_channel_count, 2);
  assert_true(definition->nodes[1].interrupt_before);
  assert_false(definition->nodes[1].interrupt_after);
  assert_int_equal(definition->recursion_limit, 7);
  assert_int_equal(strlen(definition->hash), 64);
  fl_definition_unref(fl_definition_ref(definition));
  fl_definition_unref(definition);
}

static struct fl_definition *with_default(const char *json) {
  struct fl_graph *graph = start_with("a");
  test_channel(graph, "n", FL_SUM, json);
  return test_compile(graph);
}

static void the_hash_tells_graphs_apart(void **state) {
  struct fl_definition *one = with_default("1"), *same = with_default("1"), *other = with_default("2");
  assert_string_equal(one->hash, same->hash);
  assert_string_not_equal(one->hash, other->hash);
  fl_definition_unref(one);
  fl_definition_unref(same);
  fl_definition_unref(other);
}

static void many_mistakes_are_counted(void **state) {
  struct fl_graph *graph = start_with("a");
  for (int i = 0; i < 500; i++) fl_graph_edge(graph, "a", "nobody at all");
  struct fl_error err;
  struct fl_definition *definition;
  assert_int_equal(fl_graph_compile(graph, NULL, &definition, &err), FL_E_GRAPH);
  assert_non_null(strstr(err.text, "has 500 mistakes"));
  assert_non_null(strstr(err.text, " more"));
  assert_true(strlen(err.text) < FL_ERROR_TEXT_MAX - 100);
}

static void a_graph_can_be_given_up(void **state) {
  struct fl_graph *graph = start_with("a");
  test_channel(graph, "n", FL_SUM, "1");
  test_join2(graph, "a", "b", "c");
  fl_graph_branch(graph, "a", choose, NULL, (const char *const[]){"a"}, 1);
  fl_graph_destroy(graph);
  fl_graph_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_empty_graph),
      cmocka_unit_test(nothing_leads_from_start),
      cmocka_unit_test(unknown_nodes_are_named_with_the_nearest),
      cmocka_unit_test(names),
      cmocka_unit_test(ways_that_cannot_be),
      cmocka_unit_test(nodes_that_nothing_leads_to),
      cmocka_unit_test(defaults_and_schemas),
      cmocka_unit_test(interrupts_name_nodes),
      cmocka_unit_test(a_definition_has_indices),
      cmocka_unit_test(the_hash_tells_graphs_apart),
      cmocka_unit_test(many_mistakes_are_counted),
      cmocka_unit_test(a_graph_can_be_given_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
