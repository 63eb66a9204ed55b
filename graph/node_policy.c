/* SPDX-License-Identifier: MIT */
/* The policies of nodes: from a C program's options, with the graph's defaults, into the definition; and the context of
 * runs, which is declared beside them. Pure. */
#include "graph/builder.h"

#include "runtime/base/mem.h"

void fl_node_policy_deinit(struct fl_node_policy *policy) {
  fl_free(policy->retries);
  fl_free(policy->on_error);
  *policy = (struct fl_node_policy){0};
}

void fl_node_policy_copy(struct fl_node_policy *to, const struct fl_node_policy *from) {
  fl_node_policy_deinit(to);
  *to = *from;
  to->on_error = fl_strdup(from->on_error);
  to->retries = from->retry_count > 0 ? fl_new_array(struct fl_retry, from->retry_count) : NULL;
  for (size_t i = 0; i < from->retry_count; i++) to->retries[i] = from->retries[i];
}

/* ---- from options ---- */

static struct fl_retry read_retry(const struct fl_retry_policy *given) {
  struct fl_retry retry = fl_retry_default();
  uint32_t max_attempts = fl_option(given, max_attempts, 0), initial_ms = fl_option(given, initial_ms, 0);
  uint32_t max_ms = fl_option(given, max_ms, 0);
  double factor = fl_option(given, factor, 0);
  const int *codes = fl_option(given, codes, NULL);
  size_t code_count = fl_option(given, code_count, 0);
  if (max_attempts > 0) retry.max_attempts = max_attempts;
  if (initial_ms > 0) retry.initial_ms = initial_ms;
  if (max_ms > 0) retry.max_ms = max_ms;
  if (factor != 0) retry.factor = factor;
  retry.jitter = !fl_option(given, no_jitter, false);
  for (size_t i = 0; codes != NULL && i < code_count; i++) retry.codes |= fl_retry_bit(codes[i]);
  return retry;
}

/* The elements of the array are as large as the first one says. */
static void read_retries(struct fl_node_policy *policy, const struct fl_retry_policy *given, size_t count) {
  policy->says_retry = given != NULL && count > 0;
  if (!policy->says_retry) return;
  policy->retries = fl_new_array(struct fl_retry, count);
  policy->retry_count = count;
  for (size_t i = 0; i < count; i++)
    policy->retries[i] = read_retry((const void *)((const char *)given + i * given->size));
}

void fl_node_policy_read(struct fl_node_policy *policy, const struct fl_node_options *options) {
  const struct fl_cache_policy *cache = fl_option(options, cache, NULL);
  policy->handler = FL_NODE_END;
  read_retries(policy, fl_option(options, retry, NULL), fl_option(options, retry_count, 0));
  policy->run_timeout_ms = fl_option(options, run_timeout_ms, 0);
  policy->idle_timeout_ms = fl_option(options, idle_timeout_ms, 0);
  policy->says_timeout = policy->run_timeout_ms > 0 || policy->idle_timeout_ms > 0;
  policy->caches = policy->says_cache = cache != NULL;
  policy->cache_key = fl_option(cache, key, NULL);
  policy->cache_user = fl_option(cache, user, NULL);
  policy->cache_ttl_ms = fl_option(cache, ttl_ms, 0);
  policy->on_error = fl_strdup(fl_option(options, on_error, NULL));
  policy->says_on_error = policy->on_error != NULL;
  policy->concurrency = fl_option(options, concurrency, 0);
}

void fl_node_policy_fill(struct fl_node_policy *policy, const struct fl_node_policy *defaults) {
  if (!policy->says_retry && defaults->retry_count > 0) {
    policy->retries = fl_new_array(struct fl_retry, defaults->retry_count);
    policy->retry_count = defaults->retry_count;
    for (size_t i = 0; i < policy->retry_count; i++) policy->retries[i] = defaults->retries[i];
  }
  if (!policy->says_timeout) {
    policy->run_timeout_ms = defaults->run_timeout_ms;
    policy->idle_timeout_ms = defaults->idle_timeout_ms;
  }
  if (!policy->says_cache && defaults->caches) {
    policy->caches = true;
    policy->cache_key = defaults->cache_key;
    policy->cache_user = defaults->cache_user;
    policy->cache_expr = defaults->cache_expr;
    policy->cache_ttl_ms = defaults->cache_ttl_ms;
  }
  if (!policy->says_on_error) policy->on_error = fl_strdup(defaults->on_error);
}

/* ---- into the definition ---- */

/* The defaults of the properties that have one. */
static struct fl_value *defaults_of(const struct fl_value *schema) {
  struct fl_value *defaults = fl_object();
  struct fl_member member = {0};
  while (fl_next_member(fl_get(schema, "properties"), &member)) {
    struct fl_value *value = fl_get(member.value, "default");
    if (value != NULL) fl_set_take(defaults, member.key, fl_value_ref(value));
  }
  return defaults;
}

void fl_graph_resolve_policies(struct fl_definition *definition, const struct fl_compile_options *options) {
  for (size_t i = 0; i < definition->node_count; i++) {
    struct fl_node_policy *policy = &definition->nodes[i].policy;
    ptrdiff_t handler = policy->on_error != NULL ? fl_definition_node(definition, policy->on_error) : -1;
    policy->handler = handler >= 0 ? (size_t)handler : FL_NODE_END;
    if (handler >= 0) definition->nodes[handler].is_handler = true;
  }
  enum fl_durability durability = fl_option(options, durability, FL_DURABLE_DEFAULT);
  struct fl_value *context = fl_option(options, context, NULL);
  definition->max_concurrency = fl_option(options, max_concurrency, 0);
  definition->durability = durability != FL_DURABLE_DEFAULT ? durability : FL_DURABLE_SYNC;
  definition->context_schema_value = fl_value_ref(context);
  definition->context_defaults = defaults_of(context);
  if (context != NULL) fl_schema_create(context, NULL, &definition->context_schema, NULL);
}

/* ---- a run's context ---- */

static int check_context(const struct fl_definition *definition, const struct fl_value *context, struct fl_error *err) {
  if (definition->context_schema == NULL) return 0;
  struct fl_schema_result result = {0};
  int rc = fl_schema_validate(definition->context_schema, context, &result);
  if (rc != 0) {
    FL_BUF_AUTO text = {0};
    fl_schema_result_text(&result, &text);
    rc = fl_error_set(err, FL_E_INVALID, "the context does not fit what graph \"%s\" declares: %s", definition->name,
                      text.size > 0 ? text.data : "it is too large to check");
  }
  fl_schema_result_deinit(&result);
  return rc;
}

int fl_definition_context(const struct fl_definition *definition, struct fl_value *given, struct fl_value **ret_context,
                          struct fl_error *err) {
  if (given != NULL && !fl_is(given, FL_OBJECT))
    return fl_error_set(err, FL_E_INVALID, "the context must be an object, not of type %s",
                        fl_type_name(fl_type_of(given)));
  if (given != NULL && fl_size(given) > 0 && definition->context_schema_value == NULL)
    return fl_error_set(err, FL_E_INVALID, "graph \"%s\" declares no context: it would read nothing of it",
                        definition->name);
  bool is_plain = fl_size(given) == 0; /* the defaults are shared by all runs that are given nothing */
  struct fl_value *context =
      is_plain ? fl_value_ref(definition->context_defaults) : fl_copy_shallow(definition->context_defaults);
  struct fl_member member = {0};
  while (fl_next_member(given, &member)) fl_set_take(context, member.key, fl_value_ref(member.value));
  int rc = check_context(definition, context, err);
  if (rc == 0) *ret_context = context;
  else fl_value_unref(context);
  return rc;
}
