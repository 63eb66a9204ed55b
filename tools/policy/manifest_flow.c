/* SPDX-License-Identifier: MIT */
/* Labels, flow rules, origins and budgets of a manifest, compiled. The document satisfies the schema of manifests by
 * now. Pure. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tools/policy/manifest_impl.h"

#include <stdio.h>
#include <string.h>

/* ---- labels ---- */

/* The name is one of the manifest's, and its bit no other name's. */
static uint64_t note_name(const struct fl_manifest_reader *reader, const char *pointer, const char *name) {
  struct fl_manifest *manifest = reader->manifest;
  uint64_t bit = fl_label_bit(name);
  if (manifest->label_names == NULL) manifest->label_names = fl_object();
  if (fl_get(manifest->label_names, name) != NULL) return bit;
  for (struct fl_member m = {0}; fl_next_member(manifest->label_names, &m);)
    if (fl_label_bit(m.key) == bit)
      fl_manifest_error(reader, pointer, "\"%s\" and \"%s\" cannot be told apart as labels: give one another name",
                        name, m.key);
  fl_set_bool(manifest->label_names, name, true);
  return bit;
}

static struct fl_label_entry *read_entries(const struct fl_manifest_reader *reader, const char *key,
                                           size_t *ret_count) {
  const struct fl_value *map = fl_get(fl_get(reader->manifest->document.root, "labels"), key);
  struct fl_label_entry *entries = fl_new_array(struct fl_label_entry, fl_size(map) + 1);
  for (struct fl_member m = {0}; fl_next_member(map, &m);) {
    struct fl_label_entry *entry = &entries[(*ret_count)++];
    FL_BUF_AUTO pointer = {0};
    fl_buf_addf(&pointer, "/labels/%s", key);
    fl_json_pointer_add(&pointer, fl_slice_n(m.key, m.key_size));
    entry->match = m.key;
    for (size_t i = 0; i < fl_size(m.value); i++)
      entry->labels |= note_name(reader, pointer.data, fl_as_string(fl_at(m.value, i)));
  }
  return entries;
}

/* ---- flow rules ---- */

/* The next name of "a & b -> c: ask", in `ret_name`; false when there is none. */
static bool next_name(const char **at, char ret_name[64]) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
  *at += strcspn(*at, letters);
  size_t size = strspn(*at, letters);
  snprintf(ret_name, 64, "%.*s", (int)size, *at);
  *at += size;
  return size > 0;
}

static void read_flow(const struct fl_manifest_reader *reader, struct fl_flow_rule *flow) {
  char name[64];
  const char *at = flow->text, *arrow = strstr(flow->text, "->");
  while (at < arrow && next_name(&at, name)) {
    flow->needs |= note_name(reader, flow->pointer, name);
    at += strspn(at, " ");
  }
  at = arrow;
  if (next_name(&at, name)) flow->to = note_name(reader, flow->pointer, name);
  next_name(&at, name);
  flow->verdict = strcmp(name, "deny") == 0  ? FL_VERDICT_DENY
                  : strcmp(name, "ask") == 0 ? FL_VERDICT_ASK
                                             : FL_VERDICT_ALLOW;
}

static bool is_default(const struct fl_flow_rule *flow) {
  return flow->needs == (FL_LABEL_PRIVATE | FL_LABEL_UNTRUSTED) && flow->to == FL_LABEL_EGRESS;
}

/* Behind those of the document stands the default rule, unless one of them speaks of the same. */
static void read_flows(const struct fl_manifest_reader *reader) {
  struct fl_manifest *manifest = reader->manifest;
  const struct fl_value *rules = fl_get(fl_get(manifest->document.root, "labels"), "rules");
  bool has_default = false;
  manifest->flows = fl_new_array(struct fl_flow_rule, fl_size(rules) + 1);
  for (size_t i = 0; i < fl_size(rules); i++) {
    struct fl_flow_rule flow = {.pointer = fl_format("/labels/rules/%zu", i), .text = fl_as_string(fl_at(rules, i))};
    read_flow(reader, &flow);
    has_default |= flow.verdict == FL_VERDICT_ALLOW && is_default(&flow);
    if (flow.verdict == FL_VERDICT_ALLOW && !is_default(&flow))
      fl_manifest_error(reader, flow.pointer,
                        "only the default rule can be taken away: \"private & untrusted -> egress: allow\"");
    manifest->flows[manifest->flow_count++] = flow;
  }
  if (has_default) return;
  manifest->flows[manifest->flow_count++] = (struct fl_flow_rule){.pointer = fl_strdup("/labels/rules"),
                                                                  .text = NULL,
                                                                  .needs = FL_LABEL_PRIVATE | FL_LABEL_UNTRUSTED,
                                                                  .to = FL_LABEL_EGRESS,
                                                                  .verdict = FL_VERDICT_ASK};
}

/* ---- budgets ---- */

static double limit_of(enum fl_spending what, const struct fl_value *value) {
  if (what == FL_SPENT_WALL_MS) return (double)fl_manifest_time_ms(fl_as_string(value));
  if (what == FL_SPENT_OUTPUT) return (double)fl_manifest_bytes(fl_as_string(value));
  return fl_as_double(value, 0);
}

static void add_budget(struct fl_manifest *manifest, const char *scope, const char *pointer, enum fl_spending what,
                       const struct fl_value *value) {
  if (value == NULL) return;
  manifest->budgets = fl_realloc(manifest->budgets, (manifest->budget_count + 1) * sizeof *manifest->budgets);
  manifest->budgets[manifest->budget_count++] =
      (struct fl_budget){.pointer = fl_strdup(pointer), .what = what, .scope = scope, .limit = limit_of(what, value)};
}

static void read_budgets(const struct fl_manifest_reader *reader) {
  static const char *const scopes[] = {"run", "thread", "user"};
  static const char *const keys[] = {"calls", "tokens", "steps", "wall", "cost_usd", "output", "concurrent"};
  struct fl_manifest *manifest = reader->manifest;
  const struct fl_value *root = manifest->document.root, *model = fl_get(root, "model");
  for (size_t i = 0; i < 3; i++) {
    for (int what = 0; what < FL_SPENDING_COUNT; what++) {
      FL_FREE_AUTO char *pointer = fl_format("/budgets/%s/%s", scopes[i], keys[what]);
      const struct fl_value *value = fl_get(fl_get(fl_get(root, "budgets"), scopes[i]), keys[what]);
      add_budget(manifest, scopes[i], pointer, (enum fl_spending)what, value);
      if (value != NULL && what == FL_SPENT_CONCURRENT && i > 0)
        fl_manifest_error(reader, pointer, "calls at the same time are counted in a run: put it under \"run\"");
    }
  }
  add_budget(manifest, "run", "/model/tokens_per_run", FL_SPENT_TOKENS, fl_get(model, "tokens_per_run"));
  add_budget(manifest, "run", "/model/steps", FL_SPENT_STEPS, fl_get(model, "steps"));
  add_budget(manifest, "run", "/model/cost_usd_per_run", FL_SPENT_COST_USD, fl_get(model, "cost_usd_per_run"));
}

/* ---- the rest of a tool's rule ---- */

static void check_rule(const struct fl_manifest_reader *reader, const struct fl_tool_rule *rule) {
  const struct fl_value *properties = fl_get(rule->args, "properties");
  for (struct fl_member m = {0}; fl_next_member(rule->from, &m);) {
    FL_BUF_AUTO pointer = {0};
    fl_buf_addf(&pointer, "%s/from", rule->pointer);
    fl_json_pointer_add(&pointer, fl_slice_n(m.key, m.key_size));
    if (properties != NULL && fl_get(properties, m.key) == NULL)
      fl_manifest_error(reader, pointer.data, "the arguments have no \"%s\"", m.key);
  }
  FL_FREE_AUTO char *pointer = fl_format("%s/idempotency", rule->pointer);
  if (rule->key_arg != NULL && rule->effect != FL_MANIFEST_KEYED)
    fl_manifest_error(reader, pointer, "is the key of calls whose effect is keyed: say \"effect: keyed\"");
  else if (rule->key_arg != NULL && properties != NULL && fl_get(properties, rule->key_arg) == NULL)
    fl_manifest_error(reader, pointer, "the arguments have no \"%s\"", rule->key_arg);
}

void fl_manifest_read_flow(const struct fl_manifest_reader *reader) {
  struct fl_manifest *manifest = reader->manifest;
  manifest->sources = read_entries(reader, "sources", &manifest->source_count);
  manifest->sinks = read_entries(reader, "sinks", &manifest->sink_count);
  read_flows(reader);
  read_budgets(reader);
  for (size_t i = 0; i < manifest->rule_count; i++) check_rule(reader, &manifest->rules[i]);
}

void fl_manifest_free_flow(struct fl_manifest *manifest) {
  for (size_t i = 0; i < manifest->flow_count; i++) fl_free(manifest->flows[i].pointer);
  for (size_t i = 0; i < manifest->budget_count; i++) fl_free(manifest->budgets[i].pointer);
  fl_free(manifest->flows);
  fl_free(manifest->budgets);
  fl_free(manifest->sources);
  fl_free(manifest->sinks);
  fl_value_unref(manifest->label_names);
}
