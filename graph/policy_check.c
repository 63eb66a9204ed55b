/* SPDX-License-Identifier: MIT */
/* What can be wrong with the policies of nodes and with the context that a graph declares. The last step of it gives
 * nodes the graph's defaults, so that whoever looks at a node afterwards sees what counts. Pure. */
#include "graph/builder.h"

#include "runtime/base/diag.h"
#include "runtime/base/mem.h"

struct policies {
  struct fl_graph *graph;
  struct fl_problems *problems;
};

static struct fl_node_def *find_node(struct fl_graph *graph, const char *name) {
  for (size_t i = 0; i < graph->node_count; i++)
    if (strcmp(graph->nodes[i].name, name) == 0) return &graph->nodes[i];
  return NULL;
}

static void check_retries(struct policies *policies, const struct fl_node_policy *policy, const char *where) {
  if (policy->retry_count > FL_RETRY_POLICIES_MAX)
    fl_problems_add(policies->problems, "%s has %zu retry policies; at most %d are looked at", where,
                    policy->retry_count, FL_RETRY_POLICIES_MAX);
  for (size_t i = 0; i < policy->retry_count; i++) {
    const struct fl_retry *retry = &policy->retries[i];
    if (retry->max_attempts == 0 || retry->max_attempts > FL_RETRY_ATTEMPTS_MAX)
      fl_problems_add(policies->problems, "%s may be tried 1 to %d times, not %u", where, FL_RETRY_ATTEMPTS_MAX,
                      retry->max_attempts);
    if (retry->initial_ms > FL_RETRY_MS_MAX || retry->max_ms > FL_RETRY_MS_MAX)
      fl_problems_add(policies->problems, "%s waits longer than a day (%d ms) before it is tried again", where,
                      FL_RETRY_MS_MAX);
    if (!(retry->factor >= 0 && retry->factor <= 1000))
      fl_problems_add(policies->problems, "%s: the factor of a retry is from 0 to 1000", where);
  }
}

static void unknown_handler(struct policies *policies, const char *name, const char *where) {
  const struct fl_graph *graph = policies->graph;
  FL_FREE_AUTO const char **names = fl_new_array(const char *, graph->node_count);
  for (size_t i = 0; i < graph->node_count; i++) names[i] = graph->nodes[i].name;
  const char *nearest = fl_nearest(name, names, graph->node_count);
  fl_problems_add(policies->problems, "%s names \"%s\" for its errors, which is no node%s%s%s", where, name,
                  nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                  nearest != NULL ? "\"?" : "");
}

/* One level only: a handler that fails ends the run, so that no error can go round in circles. */
static void check_handler(struct policies *policies, const struct fl_node_policy *policy, const char *where) {
  if (policy->on_error == NULL) return;
  struct fl_node_def *handler = find_node(policies->graph, policy->on_error);
  if (handler == NULL) {
    unknown_handler(policies, policy->on_error, where);
    return;
  }
  if (policy == &handler->policy)
    fl_problems_add(policies->problems, "%s names itself for its errors: name another node", where);
  else if (handler->policy.on_error != NULL)
    fl_problems_add(policies->problems,
                    "node \"%s\" handles the errors of others and names \"%s\" for its own: an error of a handler ends "
                    "the run",
                    handler->name, handler->policy.on_error);
  handler->is_handler = true;
}

/* ---- the context ---- */

static void check_context_default(struct policies *policies, const char *name, struct fl_value *schema_value) {
  struct fl_value *value = fl_get(schema_value, "default");
  struct fl_schema *schema = NULL;
  struct fl_schema_result result = {0};
  if (value == NULL || fl_schema_create(schema_value, NULL, &schema, NULL) < 0) return; /* the whole was compiled */
  if (fl_schema_validate(schema, value, &result) != 0) {
    FL_BUF_AUTO text = {0};
    fl_schema_result_text(&result, &text);
    fl_problems_add(policies->problems, "the default of context \"%s\" does not satisfy its schema: %s", name,
                    text.size > 0 ? text.data : "too large to check");
  }
  fl_schema_result_deinit(&result);
  fl_schema_destroy(schema);
}

static void check_context(struct policies *policies, const struct fl_value *context) {
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  if (context == NULL) return;
  if (!fl_is(context, FL_OBJECT) || fl_schema_create((struct fl_value *)context, NULL, &schema, &err) < 0) {
    fl_problems_add(policies->problems, "the schema of the context is not valid: %s",
                    err.text[0] != '\0' ? err.text : "it must be an object");
    return;
  }
  fl_schema_destroy(schema);
  struct fl_member member = {0};
  while (fl_next_member(fl_get(context, "properties"), &member))
    check_context_default(policies, member.key, member.value);
}

/* ---- all of it ---- */

void fl_graph_check_policies(struct fl_graph *graph, const struct fl_compile_options *options,
                             struct fl_problems *problems) {
  struct policies policies = {graph, problems};
  const struct fl_node_options *given = fl_option(options, defaults, NULL);
  if (given != NULL) {
    fl_node_policy_deinit(&graph->defaults);
    fl_node_policy_read(&graph->defaults, given);
  }
  check_retries(&policies, &graph->defaults, "a node without a policy of its own");
  check_handler(&policies, &graph->defaults, "defaults");
  for (size_t i = 0; i < graph->node_count; i++) {
    FL_FREE_AUTO char *where = fl_format("node \"%s\"", graph->nodes[i].name);
    check_retries(&policies, &graph->nodes[i].policy, where);
    check_handler(&policies, &graph->nodes[i].policy, where);
  }
  for (size_t i = 0; i < graph->node_count; i++) {
    struct fl_node_policy *policy = &graph->nodes[i].policy;
    policy->says_on_error |= graph->nodes[i].is_handler;
    fl_node_policy_fill(policy, &graph->defaults);
  }
  check_context(&policies, fl_option(options, context, NULL));
}
