/* SPDX-License-Identifier: MIT */
/* How nodes are run: retry, timeout, cache, on_error and concurrency of a node, `defaults` for those that do not say
 * their own, and what the whole graph says: context, max_concurrency, durability. */
#include "graph/file_loader.h"

enum { CONCURRENCY_MAX = 10000 };

static const char *const retry_keys[] = {"max_attempts", "initial_ms", "factor", "max_ms", "jitter", "on", NULL};
static const char *const timeout_keys[] = {"run_ms", "idle_ms", NULL};
static const char *const cache_keys[] = {"key", "ttl_ms", NULL};
static const char *const defaults_keys[] = {"retry", "timeout", "cache", "on_error", NULL};
static const char *const context_keys[] = {"type", "schema", "default", "description", NULL};
const struct fl_file_shape fl_shape_retry = {"retry", "a retry policy", retry_keys, NULL};
const struct fl_file_shape fl_shape_timeout = {"timeout", "a timeout", timeout_keys, NULL};
const struct fl_file_shape fl_shape_cache = {"cache", "a cache policy", cache_keys, NULL};
const struct fl_file_shape fl_shape_defaults = {"defaults", "\"defaults\"", defaults_keys, NULL};
const struct fl_file_shape fl_shape_context = {"contextEntry", "an entry of the context", context_keys, NULL};

/* ---- numbers ---- */

/* A whole number within bounds; what is not one is said, and the fallback stands. */
static int64_t number_within(const struct fl_spot *spot, int64_t least, int64_t most, int64_t fallback) {
  if (spot->value == NULL || !fl_spot_is(spot, FL_INT)) return fallback;
  int64_t number = fl_as_int(spot->value, fallback);
  if (number >= least && number <= most) return number;
  fl_spot_error(spot, NULL, "must be from %lld to %lld", (long long)least, (long long)most);
  return fallback;
}

static int64_t member_within(const struct fl_spot *spot, const char *key, int64_t least, int64_t most) {
  struct fl_spot member = fl_spot_member(spot, key);
  return number_within(&member, least, most, -1);
}

/* ---- retry ---- */

static void read_code(const struct fl_spot *spot, struct fl_retry *retry) {
  enum { WORD_COUNT = -FL_E_BUG };
  const char *words[WORD_COUNT];
  if (!fl_spot_is(spot, FL_STRING)) return;
  for (int i = 0; i < WORD_COUNT; i++) {
    words[i] = fl_error_word(-1 - i);
    if (strcmp(words[i], fl_as_string(spot->value)) != 0) continue;
    retry->codes |= fl_retry_bit(-1 - i);
    return;
  }
  char advice[FL_SUGGESTION_MAX];
  const char *near = fl_suggest(fl_as_string(spot->value), words, WORD_COUNT, advice);
  fl_spot_error(spot, near != NULL ? near : "for example timeout, network, remote, rate, io or task",
                "there is no kind of error \"%s\"", fl_as_string(spot->value));
}

static void read_codes(const struct fl_spot *on, struct fl_retry *retry) {
  if (on->value == NULL || !fl_spot_is(on, FL_ARRAY)) return;
  if (fl_size(on->value) == 0) fl_spot_error(on, "leave \"on\" out", "it names no kind of error");
  for (size_t i = 0; i < fl_size(on->value); i++) {
    struct fl_spot element = fl_spot_element(on, i);
    read_code(&element, retry);
  }
}

static void read_factor(const struct fl_spot *spot, struct fl_retry *retry) {
  if (spot->value == NULL) return;
  double factor = fl_as_double(spot->value, -1);
  if (fl_is_number(spot->value) && factor >= 0 && factor <= 1000) retry->factor = factor;
  else fl_spot_error(spot, NULL, "must be a number from 0 to 1000");
}

static void read_retry(const struct fl_spot *spot, struct fl_retry *retry) {
  *retry = fl_retry_default();
  if (fl_is(spot->value, FL_BOOL) || !fl_spot_is(spot, FL_OBJECT)) return;
  fl_spot_check_keys(spot, &fl_shape_retry);
  struct fl_spot on = fl_spot_member(spot, "on"), factor = fl_spot_member(spot, "factor");
  struct fl_spot jitter = fl_spot_member(spot, "jitter");
  int64_t attempts = member_within(spot, "max_attempts", 1, FL_RETRY_ATTEMPTS_MAX);
  int64_t initial = member_within(spot, "initial_ms", 0, FL_RETRY_MS_MAX);
  int64_t most = member_within(spot, "max_ms", 0, FL_RETRY_MS_MAX);
  if (attempts >= 0) retry->max_attempts = (uint32_t)attempts;
  if (initial >= 0) retry->initial_ms = (uint32_t)initial;
  if (most >= 0) retry->max_ms = (uint32_t)most;
  if (jitter.value != NULL && fl_spot_is(&jitter, FL_BOOL)) retry->jitter = fl_as_bool(jitter.value, true);
  read_factor(&factor, retry);
  read_codes(&on, retry);
}

static void load_retry(const struct fl_spot *spot, struct fl_node_policy *policy) {
  if (spot->value == NULL) return;
  bool is_list = fl_is(spot->value, FL_ARRAY);
  size_t count = is_list ? fl_size(spot->value) : 1;
  policy->says_retry = true;
  if (fl_is(spot->value, FL_BOOL) && !fl_as_bool(spot->value, true)) return;
  if (count == 0 || count > FL_RETRY_POLICIES_MAX) {
    fl_spot_error(spot, NULL, "a list of retry policies has 1 to %d", FL_RETRY_POLICIES_MAX);
    return;
  }
  policy->retries = fl_new_array(struct fl_retry, count);
  policy->retry_count = count;
  for (size_t i = 0; i < count; i++) {
    struct fl_spot element = is_list ? fl_spot_element(spot, i) : *spot;
    read_retry(&element, &policy->retries[i]);
  }
}

/* ---- timeout, cache, on_error, concurrency ---- */

static void load_timeout(const struct fl_spot *spot, struct fl_node_policy *policy) {
  if (spot->value == NULL) return;
  policy->says_timeout = true;
  if (!fl_is(spot->value, FL_OBJECT)) {
    policy->run_timeout_ms = (uint32_t)number_within(spot, 0, FL_RETRY_MS_MAX, 0);
    return;
  }
  fl_spot_check_keys(spot, &fl_shape_timeout);
  struct fl_spot run = fl_spot_member(spot, "run_ms"), idle = fl_spot_member(spot, "idle_ms");
  policy->run_timeout_ms = (uint32_t)number_within(&run, 0, FL_RETRY_MS_MAX, 0);
  policy->idle_timeout_ms = (uint32_t)number_within(&idle, 0, FL_RETRY_MS_MAX, 0);
}

static void load_cache(const struct fl_spot *spot, struct fl_node_policy *policy, struct fl_map *exprs) {
  if (spot->value == NULL) return;
  policy->says_cache = true;
  policy->caches = !fl_is(spot->value, FL_BOOL) || fl_as_bool(spot->value, true);
  if (fl_is(spot->value, FL_BOOL) || !fl_spot_is(spot, FL_OBJECT)) return;
  fl_spot_check_keys(spot, &fl_shape_cache);
  struct fl_spot key = fl_spot_member(spot, "key"), ttl = fl_spot_member(spot, "ttl_ms");
  policy->cache_ttl_ms = (uint64_t)number_within(&ttl, 1, INT64_MAX / 1000000, 0);
  struct fl_expr *expr = key.value != NULL ? fl_file_expr(&key) : NULL;
  if (expr == NULL) return;
  policy->cache_expr = expr;
  fl_expr_destroy(fl_map_set(exprs, "/cache/key", expr));
}

static void load_on_error(const struct fl_spot *spot, struct fl_node_policy *policy) {
  if (spot->value == NULL) return;
  policy->says_on_error = true;
  struct fl_entry *entry;
  if (fl_is(spot->value, FL_NULL) || !fl_spot_is(spot, FL_STRING)) return;
  if (fl_file_use_node(spot, fl_as_string(spot->value), &entry))
    policy->on_error = fl_strdup(fl_as_string(spot->value));
}

static uint32_t read_concurrency(const struct fl_spot *spot, const char *key) {
  int64_t number = member_within(spot, key, 1, CONCURRENCY_MAX);
  return number > 0 ? (uint32_t)number : 0;
}

void fl_file_load_policy(const struct fl_spot *spot, struct fl_node_policy *policy, struct fl_map *exprs) {
  struct fl_spot retry = fl_spot_member(spot, "retry"), timeout = fl_spot_member(spot, "timeout");
  struct fl_spot cache = fl_spot_member(spot, "cache"), on_error = fl_spot_member(spot, "on_error");
  policy->handler = FL_NODE_END;
  load_retry(&retry, policy);
  load_timeout(&timeout, policy);
  load_cache(&cache, policy, exprs);
  load_on_error(&on_error, policy);
}

void fl_file_load_node_policy(const struct fl_spot *spot, struct fl_node_policy *policy, struct fl_map *exprs) {
  fl_file_load_policy(spot, policy, exprs);
  policy->concurrency = read_concurrency(spot, "concurrency");
}

void fl_file_strip_policy(struct fl_value *config) {
  static const char *const keys[] = {"retry", "timeout", "cache", "on_error", "concurrency"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) fl_unset(config, keys[i]);
}

/* ---- what the whole graph says ---- */

static void load_defaults(struct fl_loader *loader) {
  struct fl_spot defaults = fl_spot_member(fl_loader_root(loader), "defaults");
  if (defaults.value == NULL || !fl_spot_is(&defaults, FL_OBJECT)) return;
  fl_spot_check_keys(&defaults, &fl_shape_defaults);
  fl_file_load_policy(&defaults, fl_graph_default_policy(loader->graph), fl_graph_default_exprs(loader->graph));
}

static enum fl_durability read_durability(struct fl_loader *loader) {
  static const char *const words[] = {"sync", "async", "exit"};
  struct fl_spot spot = fl_spot_member(fl_loader_root(loader), "durability");
  if (spot.value == NULL || !fl_spot_is(&spot, FL_STRING)) return FL_DURABLE_DEFAULT;
  for (size_t i = 0; i < 3; i++)
    if (strcmp(words[i], fl_as_string(spot.value)) == 0) return (enum fl_durability)(FL_DURABLE_SYNC + i);
  fl_spot_error(&spot, "write sync, async or exit", "there is no durability \"%s\"", fl_as_string(spot.value));
  return FL_DURABLE_DEFAULT;
}

/* An entry as a property: its schema with its default. */
static struct fl_value *context_property(const struct fl_spot *spot) {
  FL_VALUE_AUTO schema = fl_file_load_schema(spot, "entry of the context");
  struct fl_value *property = fl_is(schema, FL_OBJECT) ? fl_copy_shallow(schema) : fl_object();
  struct fl_value *fallback = fl_get(spot->value, "default");
  if (fallback != NULL) fl_set_take(property, "default", fl_value_ref(fallback));
  return property;
}

static bool check_context_name(const struct fl_spot *spot) {
  if (spot->key[0] != '\0' && strncmp(spot->key, "__", 2) != 0) return fl_spot_is(spot, FL_OBJECT);
  fl_spot_key_error(spot, NULL, "an entry of the context needs a name that does not begin with \"__\"");
  return false;
}

/* A JSON Schema of the object that a run is given: what has no default must be given. */
static struct fl_value *load_context(struct fl_loader *loader) {
  struct fl_spot context = fl_spot_member(fl_loader_root(loader), "context");
  if (context.value == NULL || !fl_spot_is(&context, FL_OBJECT)) return NULL;
  struct fl_value *schema = fl_object(), *properties = fl_object(), *required = fl_array();
  for (struct fl_member m = {0}; fl_next_member(context.value, &m);) {
    struct fl_spot spot = fl_spot_member(&context, m.key);
    if (!check_context_name(&spot)) continue;
    fl_spot_check_keys(&spot, &fl_shape_context);
    fl_set_take(properties, m.key, context_property(&spot));
    if (fl_get(m.value, "default") == NULL) fl_append_take(required, fl_string(m.key));
  }
  fl_set_string(schema, "type", "object");
  fl_set_take(schema, "properties", properties);
  fl_set_take(schema, "required", required);
  fl_set_bool(schema, "additionalProperties", false);
  return schema;
}

void fl_file_load_graph_policy(struct fl_loader *loader, struct fl_compile_options *options) {
  load_defaults(loader);
  options->max_concurrency = read_concurrency(fl_loader_root(loader), "max_concurrency");
  options->durability = read_durability(loader);
  options->context = load_context(loader);
}
