/* SPDX-License-Identifier: MIT */
/* The rules of a manifest, compiled: schemas of arguments, expressions, limits. The document satisfies the schema of
 * manifests by now, so that what is looked at here has its type. Pure. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tools/policy/manifest_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fl_manifest_error(const struct fl_manifest_reader *reader, const char *pointer, const char *format, ...) {
  char message[FL_ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  fl_document_diag(&reader->manifest->document, reader->diags, FL_SEVERITY_ERROR, pointer, false, NULL, "%s", message);
}

/* ---- expressions ---- */

struct naming {
  const struct fl_manifest_reader *reader;
  const char *pointer;
};

static void check_name(const char *scope, const char *name, size_t column, void *user) {
  const struct naming *naming = user;
  const char *top = scope != NULL ? scope : name;
  if (strcmp(top, "args") == 0 || strcmp(top, "tool") == 0) return;
  fl_manifest_error(naming->reader, naming->pointer,
                    "column %zu: there is no \"%s\" here: an expression of a manifest reads args and tool", column,
                    top);
}

static struct fl_expr *read_expr(const struct fl_manifest_reader *reader, const char *base, const char *key,
                                 const struct fl_value *value) {
  if (value == NULL) return NULL;
  FL_FREE_AUTO char *pointer = fl_format("%s/%s", base, key);
  struct fl_expr *expr = NULL;
  struct fl_error err = {0};
  if (fl_expr_create(fl_slice_n(fl_as_string(value), fl_string_size(value)), &expr, &err) < 0)
    fl_manifest_error(reader, pointer, "%s", err.text);
  else fl_expr_visit_names(expr, check_name, &(struct naming){reader, pointer});
  return expr;
}

/* ---- tools ---- */

/* "schema /properties/a/type: must be …" knows its place inside the schema: it goes to the pointer. */
static const char *say_inside(struct fl_buf *pointer, const char *text) {
  static const char front[] = "schema /";
  const char *end = strncmp(text, front, sizeof front - 1) == 0 ? strstr(text, ": ") : NULL;
  if (end == NULL) return text;
  const char *inside = text + sizeof front - 2;
  fl_buf_add(pointer, inside, (size_t)(end - inside));
  return end + 2;
}

static void read_args(const struct fl_manifest_reader *reader, struct fl_tool_rule *rule, const struct fl_value *args) {
  if (args == NULL) return;
  FL_BUF_AUTO at = {0};
  struct fl_error err = {0};
  fl_buf_addf(&at, "%s/args", rule->pointer);
  rule->args = fl_manifest_close_args(args, &at, &err);
  struct fl_schema_options options = {.size = sizeof options, .check_format = true};
  if (rule->args != NULL && fl_schema_create(rule->args, &options, &rule->schema, &err) < 0)
    fl_manifest_error(reader, at.data, "%s", say_inside(&at, err.text));
  else if (rule->args == NULL) fl_manifest_error(reader, at.data, "%s", err.text);
}

static enum fl_manifest_effect read_effect(const char *word) {
  static const char *const words[] = {"read", "keyed", "once"};
  for (size_t i = 0; word != NULL && i < 3; i++)
    if (strcmp(words[i], word) == 0) return (enum fl_manifest_effect)i;
  return FL_MANIFEST_UNSTATED;
}

static void read_tool(const struct fl_manifest_reader *reader, const struct fl_value *from, struct fl_tool_rule *rule) {
  const struct fl_value *approval = fl_get(from, "approval");
  rule->match = fl_get_string(from, "match", "");
  rule->effect = read_effect(fl_get_string(from, "effect", NULL));
  rule->max_calls = fl_get_int(from, "max_calls", -1);
  rule->allows_private = fl_get_bool(from, "private_addresses", false);
  rule->has_approval = approval != NULL;
  const char *ttl = fl_get_string(approval, "ttl", NULL);
  rule->approval_ttl_ms = ttl != NULL ? fl_manifest_time_ms(ttl) : 0;
  rule->approvers = fl_get(approval, "by");
  rule->from = fl_get(from, "from");
  rule->key_arg = fl_get_string(fl_get(from, "idempotency"), "arg", NULL);
  rule->ask_when = read_expr(reader, rule->pointer, "approval/when", fl_get(approval, "when"));
  read_args(reader, rule, fl_get(from, "args"));
}

/* Two rules that say equally much could not both decide. */
static void check_twin(const struct fl_manifest_reader *reader, size_t index) {
  const struct fl_tool_rule *rules = reader->manifest->rules;
  for (size_t i = 0; i < index; i++) {
    if (strcmp(rules[i].match, rules[index].match) != 0) continue;
    FL_FREE_AUTO char *pointer = fl_format("%s/match", rules[index].pointer);
    fl_manifest_error(reader, pointer, "\"%s\" has a rule already, %s: bring them together", rules[i].match,
                      rules[i].pointer);
    return;
  }
}

void fl_manifest_read_rules(const struct fl_manifest_reader *reader) {
  struct fl_manifest *manifest = reader->manifest;
  const struct fl_value *tools = fl_get(manifest->document.root, "tools");
  const struct fl_value *forbid = fl_get(manifest->document.root, "forbid");
  manifest->rules = fl_new_array(struct fl_tool_rule, fl_size(tools) + 1);
  for (size_t i = 0; i < fl_size(tools); i++) {
    struct fl_tool_rule *rule = &manifest->rules[manifest->rule_count++];
    rule->pointer = fl_format("/tools/%zu", i);
    read_tool(reader, fl_at(tools, i), rule);
    check_twin(reader, i);
  }
  manifest->forbids = fl_new_array(struct fl_forbid_rule, fl_size(forbid) + 1);
  for (size_t i = 0; i < fl_size(forbid); i++) {
    struct fl_forbid_rule *rule = &manifest->forbids[manifest->forbid_count++];
    rule->pointer = fl_format("/forbid/%zu", i);
    rule->match = fl_get_string(fl_at(forbid, i), "match", "");
    rule->when = read_expr(reader, rule->pointer, "when", fl_get(fl_at(forbid, i), "when"));
  }
}

void fl_manifest_free_rules(struct fl_manifest *manifest) {
  for (size_t i = 0; i < manifest->rule_count; i++) {
    struct fl_tool_rule *rule = &manifest->rules[i];
    fl_free(rule->pointer);
    fl_value_unref(rule->args);
    fl_schema_destroy(rule->schema);
    fl_expr_destroy(rule->ask_when);
  }
  for (size_t i = 0; i < manifest->forbid_count; i++) {
    fl_free(manifest->forbids[i].pointer);
    fl_expr_destroy(manifest->forbids[i].when);
  }
  fl_free(manifest->rules);
  fl_free(manifest->forbids);
}
