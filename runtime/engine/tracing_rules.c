/* SPDX-License-Identifier: MIT */
/* What holds for the runs of a graph: what is recorded and kept of them, for how long, and where it is sent. A graph
 * file says it in its section `trace`, the environment over that; for graphs that say nothing the environment alone.
 *
 * Headers of the environment (OTEL_EXPORTER_OTLP_HEADERS) go to the collector of the environment only: a graph file
 * that names another one does not get them. */
#include "runtime/engine/tracing.h"

#include "runtime/base/mem.h"

enum { HOUR_MS = 3600000 };

static const char *setting(const struct fl_runtime *runtime, const char *name) {
  const char *value = runtime->getenv_fn != NULL ? runtime->getenv_fn(name) : NULL;
  return value != NULL && value[0] != '\0' ? value : NULL;
}

struct fl_tracing_rule *fl_tracing_rule_of(const struct fl_invocation *invocation) {
  struct fl_tracing_rule *rule = invocation->root.graph != NULL ? invocation->root.graph->tracing : NULL;
  return rule != NULL ? rule : &fl_tracing_of(invocation->runtime)->own;
}

char *fl_tracing_redact(const struct fl_invocation *invocation, const char *text) {
  return fl_redact_text_of(text, fl_tracing_rule_of(invocation)->policy.redacts);
}

/* ---- where it is sent ---- */

/* The runtime does not end before what is on its way has ended. */
static void on_busy(void *user, bool is_busy) {
  if (is_busy) fl_runtime_begin_txn(user);
  else fl_runtime_end_txn(user);
}

/* Where nothing is stored, nothing can be sent. */
static int make_exporter(struct fl_runtime *runtime, const struct fl_exporter_options *given,
                         const struct fl_value *section, struct fl_exporter **ret_exporter, struct fl_error *err) {
  const char *protocol = setting(runtime, "OTEL_EXPORTER_OTLP_PROTOCOL");
  const char *opted = setting(runtime, "OTEL_SEMCONV_STABILITY_OPT_IN");
  bool is_latest = strcmp(fl_get_string(section, "names", ""), "latest") == 0;
  struct fl_exporter_options options = *given;
  if (protocol == NULL) protocol = fl_get_string(section, "protocol", "");
  if (opted != NULL) is_latest = strstr(opted, "gen_ai_latest_experimental") != NULL;
  options.as_json = strcmp(protocol, "http/json") == 0;
  options.semconv = is_latest ? FL_SEMCONV_LATEST : FL_SEMCONV_1_41;
  options.on_busy = on_busy;
  options.user = runtime;
  return fl_exporter_create(runtime->world, runtime->store, &options, ret_exporter, err);
}

static int make_own_exporter(struct fl_runtime *runtime, struct fl_exporter **ret_exporter, struct fl_error *err) {
  const struct fl_exporter_options options = {.url = setting(runtime, "FAIRLEAD_TRACE_ENDPOINT"),
                                              .headers = setting(runtime, "OTEL_EXPORTER_OTLP_HEADERS")};
  return options.url != NULL ? make_exporter(runtime, &options, NULL, ret_exporter, err) : 0;
}

/* "WORD ${NAME}" with the value of the variable; the form was checked with the file (graph/file_trace.c). */
static char *fill(const struct fl_runtime *runtime, const char *text, struct fl_error *err) {
  const char *open = strstr(text, "${"), *close = open != NULL ? strchr(open, '}') : NULL;
  if (close == NULL) return fl_strdup(text);
  FL_FREE_AUTO char *name = fl_strndup(open + 2, (size_t)(close - open - 2));
  const char *value = setting(runtime, name);
  if (value == NULL) {
    fl_error_set(err, FL_E_INVALID, "the environment variable %s is not set", name);
    return NULL;
  }
  return fl_format("%.*s%s%s", (int)(open - text), text, value, close + 1);
}

static int fill_headers(const struct fl_runtime *runtime, const struct fl_value *headers, char **lines,
                        struct fl_error *err) {
  size_t count = 0;
  for (struct fl_member m = {0}; fl_next_member(headers, &m);) {
    char *value = fill(runtime, fl_as_string(m.value), err);
    if (value == NULL) return fl_error_context(err, "%s", m.key);
    lines[count++] = fl_format("%s: %s", m.key, value);
    explicit_bzero(value, strlen(value));
    fl_free(value);
  }
  return 0;
}

static int make_file_exporter(struct fl_runtime *runtime, const struct fl_value *section,
                              struct fl_exporter **ret_exporter, struct fl_error *err) {
  const struct fl_value *headers = fl_get(section, "headers");
  char **lines = fl_new_array(char *, fl_size(headers) + 1);
  FL_FREE_AUTO char *url = fill(runtime, fl_get_string(section, "endpoint", ""), err);
  int rc = url != NULL ? fill_headers(runtime, headers, lines, err) : err->code;
  const struct fl_exporter_options options = {.url = url, .lines = (const char *const *)lines};
  if (rc == 0) rc = make_exporter(runtime, &options, section, ret_exporter, err);
  fl_export_headers_free(lines);
  return rc;
}

/* ---- rules ---- */

static int read_policy(const struct fl_runtime *runtime, struct fl_trace_policy *policy, struct fl_error *err) {
  const struct fl_trace_policy_texts texts = {.content = setting(runtime, "FAIRLEAD_TRACE_CONTENT"),
                                              .keep = setting(runtime, "FAIRLEAD_TRACE_KEEP"),
                                              .keep_content = setting(runtime, "FAIRLEAD_TRACE_KEEP_CONTENT"),
                                              .record = setting(runtime, "FAIRLEAD_TRACE"),
                                              .arguments = setting(runtime, "FAIRLEAD_TRACE_ARGUMENTS"),
                                              .redact = setting(runtime, "FAIRLEAD_TRACE_REDACT")};
  return fl_trace_policy_read(&texts, policy, err);
}

int fl_tracing_check(struct fl_runtime *runtime, struct fl_error *err) {
  struct fl_exporter *exporter = NULL;
  struct fl_trace_policy policy = fl_trace_policy_default();
  int rc = make_own_exporter(runtime, &exporter, err);
  fl_exporter_destroy(exporter);
  if (rc < 0) return fl_error_context(err, "FAIRLEAD_TRACE_ENDPOINT");
  return read_policy(runtime, &policy, err) < 0 ? fl_error_context(err, "FAIRLEAD_TRACE…, what is recorded") : 0;
}

/* What makes no sense was refused when the runtime was made (fl_tracing_check). */
void fl_tracing_rule_init(struct fl_runtime *runtime, struct fl_tracing_rule *rule) {
  rule->runtime = runtime;
  rule->policy = fl_trace_policy_default();
  read_policy(runtime, &rule->policy, NULL);
  if (!rule->policy.is_off) make_own_exporter(runtime, &rule->exporter, NULL);
}

void fl_tracing_rule_deinit(struct fl_tracing_rule *rule) {
  fl_exporter_destroy(rule->exporter);
  fl_free(rule->graph);
}

int fl_tracing_add_rule(struct fl_runtime *runtime, const struct fl_value *section, const char *graph,
                        struct fl_tracing_rule **ret_rule, struct fl_error *err) {
  struct fl_tracing *tracing = fl_tracing_of(runtime);
  const struct fl_value *export = fl_get(section, "export");
  struct fl_exporter *exporter = NULL;
  struct fl_trace_policy policy = fl_trace_policy_default();
  fl_trace_policy_take(section, &policy);
  int rc = read_policy(runtime, &policy, err);
  bool sends = export != NULL && tracing->own.exporter == NULL && !policy.is_off && !runtime->keeps_nothing;
  if (rc == 0 && sends) rc = make_file_exporter(runtime, export, &exporter, err);
  if (rc < 0) return rc;
  struct fl_tracing_rule *rule = fl_new(struct fl_tracing_rule);
  *rule = (struct fl_tracing_rule){
      .runtime = runtime, .policy = policy, .exporter = exporter, .graph = fl_strdup(graph), .next = tracing->own.next};
  tracing->own.next = rule;
  *ret_rule = rule;
  return 0;
}

void fl_tracing_send(const struct fl_invocation *invocation) {
  struct fl_exporter *own = invocation->runtime->tracing->own.exporter, *exporter = own;
  if (own == NULL) exporter = fl_tracing_rule_of(invocation)->exporter;
  if (exporter != NULL) fl_exporter_add(exporter, invocation->run_id);
}

/* ---- for how long ---- */

static void on_dropped(struct fl_txn *txn, int status, const struct fl_error *err) {
  struct fl_tracing_rule *rule = txn->user;
  rule->is_dropping = false;
  fl_runtime_end_txn(rule->runtime);
}

/* Once an hour at most; what does not succeed is tried an hour later. */
static void retain(struct fl_tracing_rule *rule) {
  struct fl_runtime *runtime = rule->runtime;
  const struct fl_trace_policy *policy = &rule->policy;
  int64_t now = fl_world_wall_ms(runtime->world);
  bool has_age = policy->keep_ms > 0 || policy->keep_content_ms > 0;
  if (!has_age || rule->is_dropping || (rule->retained_ms != 0 && now - rule->retained_ms < HOUR_MS)) return;
  rule->retained_ms = now;
  rule->is_dropping = true;
  rule->drop =
      (struct fl_trace_drop){.before_ms = policy->keep_ms > 0 ? now - policy->keep_ms : 0,
                             .content_before_ms = policy->keep_content_ms > 0 ? now - policy->keep_content_ms : 0,
                             .graph = rule->graph};
  rule->drop_txn = (struct fl_txn){
      .kind = FL_TXN_TRACE_DROP, .trace_drop = &rule->drop, .wall_ms = now, .on_done = on_dropped, .user = rule};
  fl_runtime_begin_txn(runtime);
  fl_store_submit(runtime->store, &rule->drop_txn);
}

void fl_tracing_retain(const struct fl_invocation *invocation) {
  struct fl_tracing_rule *rule = fl_tracing_rule_of(invocation), *own = &invocation->runtime->tracing->own;
  retain(own);
  if (rule != own) retain(rule);
}
