/* SPDX-License-Identifier: MIT */
/* How nodes are run, as graph files and C programs say it: what is read, what counts by default, what is refused, and
 * the context of a run. Each text is also given to the JSON Schema of the graph file, which must agree. */
#include "graph/file.h"
#include "tests/unit/graph/shapes.h"

#define HEAD "fairlead: 1\nstate: {n: {type: integer, default: 0}}\n"
#define NODE(KEYS) "nodes: {a: {type: set, write: {n: 1}, " KEYS "}, h: {type: set, write: {n: 2}}}\n"
#define EDGES "edges: [START -> a, START -> h]\n"

static int load(const char *text, struct fl_graph_file *file, struct fl_diags *diags) {
  struct fl_graph_file_options options = {.size = sizeof options};
  return fl_graph_file_load("g.yaml", fl_slice_of(text), &options, file, diags);
}

static void print_diags(const struct fl_diags *diags) {
  for (size_t i = 0; i < diags->count; i++) print_message("%s\n", diags->items[i].message);
}

/* A file that must load; the caller releases the definition. */
static struct fl_definition *loaded(const char *text) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  if (load(text, &file, &diags) < 0) {
    print_diags(&diags);
    fail_msg("it does not load: %s", text);
  }
  struct fl_definition *definition = fl_definition_ref(file.definition);
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
  return definition;
}

static const struct fl_node_policy *policy_of(const struct fl_definition *definition, const char *node) {
  return &definition->nodes[fl_definition_node(definition, node)].policy;
}

/* ---- reading ---- */

static void a_retry_policy_is_read_whole(void **state) {
  struct fl_definition *definition =
      loaded(HEAD NODE("retry: {max_attempts: 5, initial_ms: 10, factor: 1.5, max_ms: 99, jitter: false, on: [timeout, "
                       "io]}") EDGES);
  const struct fl_node_policy *policy = policy_of(definition, "a");
  assert_int_equal(policy->retry_count, 1);
  const struct fl_retry *retry = &policy->retries[0];
  assert_true(retry->max_attempts == 5 && retry->initial_ms == 10 && retry->max_ms == 99 && !retry->jitter);
  assert_true(retry->factor == 1.5 && retry->codes == (fl_retry_bit(FL_E_TIMEOUT) | fl_retry_bit(FL_E_IO)));
  assert_int_equal(policy_of(definition, "h")->retry_count, 0);
  fl_definition_unref(definition);
}

static void true_is_the_default_policy(void **state) {
  struct fl_definition *definition = loaded(HEAD NODE("retry: true, cache: true") EDGES);
  struct fl_retry usual = fl_retry_default();
  const struct fl_node_policy *policy = policy_of(definition, "a");
  assert_int_equal(policy->retry_count, 1);
  assert_true(policy->retries[0].max_attempts == usual.max_attempts && policy->retries[0].factor == usual.factor);
  assert_true(policy->caches && policy->cache_expr == NULL && policy->cache_ttl_ms == 0);
  fl_definition_unref(definition);
}

static void a_list_of_policies_keeps_its_order(void **state) {
  struct fl_definition *definition =
      loaded(HEAD NODE("retry: [{on: [rate], max_attempts: 9}, {max_attempts: 2}]") EDGES);
  const struct fl_node_policy *policy = policy_of(definition, "a");
  assert_int_equal(policy->retry_count, 2);
  assert_true(policy->retries[0].max_attempts == 9 && policy->retries[1].max_attempts == 2);
  fl_definition_unref(definition);
}

static void a_timeout_is_a_number_or_two(void **state) {
  struct fl_definition *definition = loaded(HEAD NODE("timeout: 250") EDGES);
  assert_int_equal(policy_of(definition, "a")->run_timeout_ms, 250);
  assert_int_equal(policy_of(definition, "a")->idle_timeout_ms, 0);
  fl_definition_unref(definition);
  definition = loaded(HEAD NODE("timeout: {run_ms: 5000, idle_ms: 1000}") EDGES);
  assert_int_equal(policy_of(definition, "a")->run_timeout_ms, 5000);
  assert_int_equal(policy_of(definition, "a")->idle_timeout_ms, 1000);
  fl_definition_unref(definition);
}

static void a_cache_key_is_an_expression(void **state) {
  struct fl_definition *definition = loaded(HEAD NODE("cache: {key: state.n / 10, ttl_ms: 60000}") EDGES);
  const struct fl_node_policy *policy = policy_of(definition, "a");
  assert_true(policy->caches && policy->cache_ttl_ms == 60000);
  assert_string_equal(fl_expr_text(policy->cache_expr), "state.n / 10");
  fl_definition_unref(definition);
}

static void a_handler_need_not_be_led_to_by_an_edge(void **state) {
  struct fl_definition *definition = loaded(HEAD NODE("on_error: h, concurrency: 3") "edges: [START -> a]\n");
  const struct fl_node_policy *policy = policy_of(definition, "a");
  assert_int_equal(policy->handler, fl_definition_node(definition, "h"));
  assert_int_equal(policy->concurrency, 3);
  assert_true(definition->nodes[policy->handler].is_handler);
  assert_true(policy_of(definition, "h")->handler == FL_NODE_END);
  fl_definition_unref(definition);
}

static void the_graph_says_what_holds_for_runs(void **state) {
  struct fl_definition *definition = loaded(HEAD NODE("") EDGES "max_concurrency: 4\ndurability: exit\n");
  assert_int_equal(definition->max_concurrency, 4);
  assert_int_equal(definition->durability, FL_DURABLE_EXIT);
  fl_definition_unref(definition);
  definition = loaded(HEAD NODE("") EDGES "durability: async\n");
  assert_int_equal(definition->durability, FL_DURABLE_ASYNC);
  fl_definition_unref(definition);
  definition = loaded(HEAD NODE("") EDGES);
  assert_true(definition->max_concurrency == 0 && definition->durability == FL_DURABLE_SYNC);
  fl_definition_unref(definition);
}

/* ---- defaults ---- */

#define DEFAULTS "defaults: {retry: {max_attempts: 7}, timeout: 9, cache: {key: state.n, ttl_ms: 5}, on_error: h}\n"

static void defaults_count_where_a_node_says_nothing(void **state) {
  struct fl_definition *definition = loaded(HEAD DEFAULTS NODE("") EDGES);
  const struct fl_node_policy *policy = policy_of(definition, "a");
  assert_int_equal(policy->retries[0].max_attempts, 7);
  assert_int_equal(policy->run_timeout_ms, 9);
  assert_true(policy->caches && policy->cache_ttl_ms == 5);
  assert_string_equal(fl_expr_text(policy->cache_expr), "state.n");
  assert_string_equal(policy->on_error, "h");
  fl_definition_unref(definition);
}

static void a_node_can_say_no(void **state) {
  struct fl_definition *definition =
      loaded(HEAD DEFAULTS NODE("retry: false, timeout: 0, cache: false, on_error: null") EDGES);
  const struct fl_node_policy *policy = policy_of(definition, "a");
  assert_true(policy->retry_count == 0 && policy->run_timeout_ms == 0 && !policy->caches && policy->on_error == NULL);
  fl_definition_unref(definition);
}

static void the_default_handler_has_none_itself(void **state) {
  struct fl_definition *definition = loaded(HEAD DEFAULTS NODE("") EDGES);
  const struct fl_node_policy *policy = policy_of(definition, "h");
  assert_true(policy->on_error == NULL && policy->handler == FL_NODE_END);
  assert_int_equal(policy->retries[0].max_attempts, 7); /* but everything else */
  fl_definition_unref(definition);
}

static void a_react_node_and_its_tools_share_what_it_says(void **state) {
  struct fl_definition *definition =
      loaded("fairlead: 1\nmodels: {m: {provider: scripted, script: s.yaml}}\nnodes: {a: {type: react, timeout: 5, "
             "retry: true, cache: true, on_error: h}, h: {type: fail, message: \"'no'\"}}\nedges: [START -> a]\n");
  const struct fl_node_policy *agent = policy_of(definition, "a"), *tools = policy_of(definition, "a_tools");
  assert_true(agent->caches && !tools->caches);
  assert_true(tools->run_timeout_ms == 5 && tools->retry_count == 1 && tools->handler == agent->handler);
  fl_definition_unref(definition);
}

/* ---- what is refused ---- */

static const struct wrong {
  const char *text, *message;
} wrongs[] = {
    {HEAD NODE("retry: 3") EDGES, "must be a map"},
    {HEAD NODE("retry: {attempts: 3}") EDGES, "a retry policy has no key \"attempts\""},
    {HEAD NODE("retry: {max_attempts: 0}") EDGES, "must be from 1 to 1000"},
    {HEAD NODE("retry: {max_attempts: 2.5}") EDGES, "must be"},
    {HEAD NODE("retry: {initial_ms: -1}") EDGES, "must be from 0 to 86400000"},
    {HEAD NODE("retry: {max_ms: 86400001}") EDGES, "must be from 0 to 86400000"},
    {HEAD NODE("retry: {factor: -1}") EDGES, "must be a number from 0 to 1000"},
    {HEAD NODE("retry: {factor: two}") EDGES, "must be a number from 0 to 1000"},
    {HEAD NODE("retry: {jitter: 5}") EDGES, "must be"},
    {HEAD NODE("retry: {on: timeout}") EDGES, "must be a list"},
    {HEAD NODE("retry: {on: []}") EDGES, "it names no kind of error"},
    {HEAD NODE("retry: {on: [timeot]}") EDGES, "there is no kind of error \"timeot\""},
    {HEAD NODE("retry: []") EDGES, "a list of retry policies has 1 to 16"},
    {HEAD NODE("timeout: soon") EDGES, "must be"},
    {HEAD NODE("timeout: -5") EDGES, "must be from 0 to 86400000"},
    {HEAD NODE("timeout: {ms: 5}") EDGES, "a timeout has no key \"ms\""},
    {HEAD NODE("cache: {ttl: 5}") EDGES, "a cache policy has no key \"ttl\""},
    {HEAD NODE("cache: {ttl_ms: 0}") EDGES, "must be from 1"},
    {HEAD NODE("cache: 3") EDGES, "must be a map"},
    {HEAD NODE("concurrency: 0") EDGES, "must be from 1 to 10000"},
    {HEAD NODE("") EDGES "max_concurrency: 0\n", "must be from 1 to 10000"},
    {HEAD NODE("") EDGES "durability: later\n", "there is no durability \"later\""},
    {HEAD NODE("") EDGES "defaults: {concurrency: 3}\n", "\"defaults\" has no key \"concurrency\""},
    {HEAD NODE("") EDGES "context: {user: {typ: string}}\n", "an entry of the context has no key \"typ\""},
    {HEAD NODE("") EDGES "context: {user: 5}\n", "must be a map"},
    {HEAD NODE("") EDGES "context: {__x: {}}\n", "does not begin with \"__\""},
};

/* The schema cannot know names of nodes, expressions and what a default must be. */
static const struct wrong unknown_to_the_schema[] = {
    {HEAD NODE("on_error: x") EDGES, "there is no node \"x\""},
    {HEAD NODE("on_error: a") EDGES, "names itself for its errors"},
    {HEAD NODE("cache: {key: state.m}") EDGES, "there is no channel \"m\""},
    {HEAD NODE("cache: {key: \"state.n +\"}") EDGES, "the expression is not valid"},
    {HEAD NODE("") EDGES "defaults: {on_error: x}\n", "there is no node \"x\""},
    {HEAD NODE("") EDGES "context: {n: {type: integer, default: x}}\n",
     "the default does not fit the entry of the context's type"},
    {HEAD "nodes: {a: {type: set, write: {n: 1}, on_error: h}, h: {type: set, write: {n: 2}, on_error: i}, i: {type: "
          "set, write: {n: 3}}}\nedges: [START -> a]\n",
     "an error of a handler ends the run"},
};

static bool says(const struct fl_diags *diags, const char *message) {
  for (size_t i = 0; i < diags->count; i++)
    if (strstr(diags->items[i].message, message) != NULL) return true;
  return false;
}

static bool schema_takes(const char *text) {
  struct fl_value *schema_value = NULL;
  struct fl_schema *schema = NULL;
  struct fl_document document = {0};
  struct fl_diags diags = {0};
  const char *schema_text = fl_graph_file_schema();
  assert_int_equal(fl_parse(schema_text, strlen(schema_text), &schema_value, NULL), 0);
  assert_int_equal(fl_schema_create(schema_value, NULL, &schema, NULL), 0);
  assert_int_equal(fl_document_parse("g.yaml", fl_slice_of(text), &document, &diags), 0);
  struct fl_schema_result result = {0};
  bool is_right = fl_schema_validate(schema, document.root, &result) == 0;
  fl_schema_result_deinit(&result);
  fl_document_deinit(&document);
  fl_diags_deinit(&diags);
  fl_schema_destroy(schema);
  fl_value_unref(schema_value);
  return is_right;
}

static void refuse(const struct wrong *wrong, bool schema_knows) {
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  if (load(wrong->text, &file, &diags) == 0) fail_msg("it loads: %s", wrong->text);
  if (!says(&diags, wrong->message)) {
    print_diags(&diags);
    fail_msg("nothing says \"%s\" of %s", wrong->message, wrong->text);
  }
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
  if (schema_takes(wrong->text) == schema_knows) fail_msg("the schema thinks otherwise: %s", wrong->text);
}

static void what_is_wrong_is_said(void **state) {
  for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) refuse(&wrongs[i], true);
  for (size_t i = 0; i < sizeof unknown_to_the_schema / sizeof unknown_to_the_schema[0]; i++)
    refuse(&unknown_to_the_schema[i], false);
}

static void the_schema_takes_what_the_loader_takes(void **state) {
  static const char *const texts[] = {
      HEAD NODE("retry: [{on: [rate]}, {max_attempts: 2, factor: 1.5}], timeout: {idle_ms: 5}, cache: {ttl_ms: 5}, "
                "on_error: h, concurrency: 2") EDGES,
      HEAD DEFAULTS NODE("retry: false, timeout: 0, cache: false, on_error: null") EDGES,
      HEAD NODE("") EDGES "context: {user: {type: string, default: anon, description: who}}\nmax_concurrency: "
                          "2\ndurability: async\n"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    fl_definition_unref(loaded(texts[i]));
    if (!schema_takes(texts[i])) fail_msg("the schema refuses %s", texts[i]);
  }
}

/* ---- the context ---- */

#define CONTEXT "context: {user: {type: string, default: anon}, limit: {type: integer}}\n"

static void assert_context(const char *given, const char *expected) {
  struct fl_definition *definition = loaded(HEAD NODE("") EDGES CONTEXT);
  FL_VALUE_AUTO value = given != NULL ? test_json(given) : NULL;
  FL_VALUE_AUTO context = NULL;
  struct fl_error err = {0};
  if (fl_definition_context(definition, value, &context, &err) < 0) fail_msg("%s", err.text);
  assert_same(context, expected, "the context");
  fl_definition_unref(definition);
}

static void assert_no_context(const char *text, const char *given, const char *message) {
  struct fl_definition *definition = loaded(text);
  FL_VALUE_AUTO value = given != NULL ? test_json(given) : NULL;
  FL_VALUE_AUTO context = NULL;
  struct fl_error err = {0};
  assert_int_equal(fl_definition_context(definition, value, &context, &err), FL_E_INVALID);
  if (strstr(err.text, message) == NULL) fail_msg("it says: %s", err.text);
  fl_definition_unref(definition);
}

static void a_context_has_its_defaults(void **state) {
  assert_context("{\"limit\":3}", "{\"user\":\"anon\",\"limit\":3}");
  assert_context("{\"limit\":3,\"user\":\"me\"}", "{\"user\":\"me\",\"limit\":3}");
}

static void a_context_must_be_what_is_declared(void **state) {
  static const char text[] = HEAD NODE("") EDGES CONTEXT;
  assert_no_context(text, NULL, "limit");
  assert_no_context(text, "{\"limit\":\"x\"}", "/limit");
  assert_no_context(text, "{\"limit\":1,\"usr\":\"x\"}", "usr");
  assert_no_context(text, "[1]", "must be an object");
  assert_no_context(HEAD NODE("") EDGES, "{\"limit\":1}", "declares no context");
}

static void without_a_declaration_there_is_an_empty_context(void **state) {
  struct fl_definition *definition = loaded(HEAD NODE("") EDGES);
  FL_VALUE_AUTO context = NULL;
  assert_int_equal(fl_definition_context(definition, NULL, &context, NULL), 0);
  assert_same(context, "{}", "the context");
  fl_definition_unref(definition);
}

/* ---- C programs ---- */

static int run_nothing(struct fl_task *task, void *user) { return FL_DONE; }

static struct fl_value *key_of(const struct fl_task *task, void *user) { return NULL; }

static struct fl_definition *compiled(const struct fl_node_options *a, const struct fl_node_options *defaults,
                                      struct fl_error *err) {
  struct fl_graph *graph = fl_graph_create("g");
  fl_graph_node(graph, "a", run_nothing, NULL, a);
  fl_graph_node(graph, "h", run_nothing, NULL, NULL);
  fl_graph_edge(graph, FL_START, "a");
  fl_graph_edge(graph, FL_START, "h");
  struct fl_compile_options options = {.size = sizeof options, .defaults = defaults};
  struct fl_definition *definition = NULL;
  fl_graph_compile(graph, &options, &definition, err);
  return definition;
}

static void a_c_program_says_the_same(void **state) {
  static const int codes[] = {FL_E_RATE, FL_E_TASK};
  struct fl_retry_policy retry[] = {
      {.size = sizeof retry[0], .max_attempts = 4, .codes = codes, .code_count = 2},
      {.size = sizeof retry[0], .initial_ms = 1, .max_ms = 2, .factor = 3, .no_jitter = true}};
  struct fl_cache_policy cache = {.size = sizeof cache, .key = key_of, .user = &cache, .ttl_ms = 9};
  struct fl_node_options options = {.size = sizeof options,
                                    .retry = retry,
                                    .retry_count = 2,
                                    .run_timeout_ms = 5,
                                    .idle_timeout_ms = 6,
                                    .cache = &cache,
                                    .on_error = "h",
                                    .concurrency = 7};
  struct fl_definition *definition = compiled(&options, NULL, NULL);
  const struct fl_node_policy *policy = policy_of(definition, "a");
  assert_int_equal(policy->retry_count, 2);
  assert_true(policy->retries[0].max_attempts == 4 && policy->retries[0].jitter);
  assert_true(policy->retries[0].codes == (fl_retry_bit(FL_E_RATE) | fl_retry_bit(FL_E_TASK)));
  assert_true(policy->retries[1].max_attempts == 3 && policy->retries[1].factor == 3 && !policy->retries[1].jitter);
  assert_true(policy->run_timeout_ms == 5 && policy->idle_timeout_ms == 6 && policy->concurrency == 7);
  assert_true(policy->caches && policy->cache_key == key_of && policy->cache_user == &cache);
  assert_string_equal(policy->on_error, "h");
  fl_definition_unref(definition);
}

static void options_of_an_older_program_are_short(void **state) {
  struct fl_node_options options = {.size = offsetof(struct fl_node_options, retry), .on_error = "nobody"};
  struct fl_definition *definition = compiled(&options, NULL, NULL);
  assert_null(policy_of(definition, "a")->on_error);
  fl_definition_unref(definition);
}

static void defaults_of_a_c_program_count_too(void **state) {
  struct fl_node_options defaults = {.size = sizeof defaults, .run_timeout_ms = 11, .on_error = "h"};
  struct fl_definition *definition = compiled(NULL, &defaults, NULL);
  assert_int_equal(policy_of(definition, "a")->run_timeout_ms, 11);
  assert_string_equal(policy_of(definition, "a")->on_error, "h");
  fl_definition_unref(definition);
}

static void mistakes_of_a_c_program_are_said(void **state) {
  struct fl_retry_policy retry = {.size = sizeof retry, .factor = -2, .initial_ms = UINT32_MAX};
  struct fl_node_options options = {.size = sizeof options, .retry = &retry, .retry_count = 1, .on_error = "hh"};
  struct fl_error err = {0};
  assert_null(compiled(&options, NULL, &err));
  assert_non_null(strstr(err.text, "the factor of a retry is from 0 to 1000"));
  assert_non_null(strstr(err.text, "waits longer than a day"));
  assert_non_null(strstr(err.text, "names \"hh\" for its errors, which is no node"));
}

static void a_handler_is_part_of_what_the_graph_is(void **state) {
  struct fl_node_options with = {.size = sizeof with, .on_error = "h"};
  struct fl_definition *a = compiled(NULL, NULL, NULL), *b = compiled(&with, NULL, NULL);
  assert_string_not_equal(a->hash, b->hash);
  fl_definition_unref(a);
  fl_definition_unref(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_retry_policy_is_read_whole),
      cmocka_unit_test(true_is_the_default_policy),
      cmocka_unit_test(a_list_of_policies_keeps_its_order),
      cmocka_unit_test(a_timeout_is_a_number_or_two),
      cmocka_unit_test(a_cache_key_is_an_expression),
      cmocka_unit_test(a_handler_need_not_be_led_to_by_an_edge),
      cmocka_unit_test(the_graph_says_what_holds_for_runs),
      cmocka_unit_test(defaults_count_where_a_node_says_nothing),
      cmocka_unit_test(a_node_can_say_no),
      cmocka_unit_test(the_default_handler_has_none_itself),
      cmocka_unit_test(a_react_node_and_its_tools_share_what_it_says),
      cmocka_unit_test(what_is_wrong_is_said),
      cmocka_unit_test(the_schema_takes_what_the_loader_takes),
      cmocka_unit_test(a_context_has_its_defaults),
      cmocka_unit_test(a_context_must_be_what_is_declared),
      cmocka_unit_test(without_a_declaration_there_is_an_empty_context),
      cmocka_unit_test(a_c_program_says_the_same),
      cmocka_unit_test(options_of_an_older_program_are_short),
      cmocka_unit_test(defaults_of_a_c_program_count_too),
      cmocka_unit_test(mistakes_of_a_c_program_are_said),
      cmocka_unit_test(a_handler_is_part_of_what_the_graph_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
