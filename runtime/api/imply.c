/* SPDX-License-Identifier: MIT */
#include "runtime/api/imply.h"

#include "runtime/base/mem.h"
#include "runtime/engine/engine.h"

#include <string.h>

/* ---- tools ---- */

/* Whether all that `inner` matches is matched by `outer`, both of the form "server/tool" or "server/prefix*". */
static bool covers(const char *outer, const char *inner) {
  size_t size = strlen(outer);
  if (size == 0 || outer[size - 1] != '*') return strcmp(outer, inner) == 0;
  return strncmp(outer, inner, size - 1) == 0;
}

static bool is_allowed(const char *const *allowed, const char *pattern) {
  for (; *allowed != NULL; allowed++)
    if (covers(*allowed, pattern)) return true;
  return false;
}

/* The word of the effect that says most about the pattern; NULL: nothing is said. */
static const char *effect_of(const struct fl_value *effects, const char *pattern) {
  const char *word = NULL;
  size_t most = 0;
  for (struct fl_member m = {0}; fl_is(effects, FL_OBJECT) && fl_next_member(effects, &m);) {
    if (!covers(m.key, pattern) || m.key_size < most) continue;
    word = fl_as_string(m.value);
    most = m.key_size;
  }
  return word;
}

static void add_rule(struct fl_value *rules, const char *pattern, const struct fl_value *effects) {
  for (size_t i = 0; i < fl_size(rules); i++)
    if (strcmp(fl_get_string(fl_at(rules, i), "match", ""), pattern) == 0) return;
  struct fl_value *rule = fl_object();
  const char *effect = effect_of(effects, pattern);
  fl_set_string(rule, "match", pattern);
  if (effect != NULL) fl_set_string(rule, "effect", effect);
  fl_append_take(rules, rule);
}

/* What nodes name, and within it what the effects tell apart. */
static struct fl_value *rules_of(const struct fl_graph_file *file) {
  struct fl_runtime nobody = {0}; /* no embedding program has granted anything */
  struct fl_value *rules = fl_array();
  struct fl_policy *list = fl_allow_list(&nobody, file->definition, file->effects);
  const char *const *allowed = fl_policy_allowed(list);
  for (const char *const *at = allowed; *at != NULL; at++) add_rule(rules, *at, file->effects);
  for (struct fl_member m = {0}; fl_is(file->effects, FL_OBJECT) && fl_next_member(file->effects, &m);)
    if (is_allowed(allowed, m.key)) add_rule(rules, m.key, file->effects);
  fl_policy_destroy(list);
  return rules;
}

/* ---- servers ---- */

static void add_servers(struct fl_value *servers, const struct fl_graph_file *file) {
  for (struct fl_member m = {0}; fl_is(file->servers, FL_OBJECT) && fl_next_member(file->servers, &m);) {
    struct fl_value *server = fl_object();
    fl_set_string(server, "transport", fl_get(m.value, "url") != NULL ? "http" : "stdio");
    fl_set_take(servers, m.key, server);
  }
  for (size_t i = 0; i < file->child_count; i++) add_servers(servers, &file->children[i]);
}

/* ---- the whole ---- */

static struct fl_value *document_of(const struct fl_graph_file *file) {
  struct fl_value *root = fl_object(), *servers = fl_object(), *labels = fl_object(), *flows = fl_array();
  fl_set_int(root, "manifest", 1);
  fl_set_string(root, "id", "implied");
  fl_set_take(root, "description", fl_stringf("What %s implies: it names no manifest.", file->path));
  add_servers(servers, file);
  fl_set_take(root, "servers", servers);
  fl_set_take(root, "tools", rules_of(file));
  fl_append_take(flows, fl_string("private & untrusted -> egress: allow"));
  fl_set_take(labels, "rules", flows);
  fl_set_take(root, "labels", labels);
  return root;
}

int fl_imply_manifest(const struct fl_graph_file *file, struct fl_manifest **ret_manifest, struct fl_diags *diags) {
  FL_VALUE_AUTO root = document_of(file);
  FL_FREE_AUTO char *name = fl_format("%s (implied)", file->path);
  size_t size = 0;
  char *text = fl_dump(root, &size);
  int rc = fl_manifest_load(name, fl_slice_n(text, size), ret_manifest, diags);
  fl_text_free(text);
  return rc;
}
