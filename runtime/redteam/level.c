/* SPDX-License-Identifier: MIT */
#include "runtime/redteam/level.h"

#include "runtime/base/check.h"
#include "runtime/base/diag.h"

#include <string.h>

static const struct {
  const char *name, *key;
} levels[FL_LEVEL_COUNT] = {{"no manifest", "none"},
                            {"tool list", "tools"},
                            {"pinned arguments", "arguments"},
                            {"provenance", "provenance"},
                            {"budgets", "budgets"}};

const char *fl_level_name(enum fl_level level) { return levels[level].name; }
const char *fl_level_key(enum fl_level level) { return levels[level].key; }

/* From which level on a key counts. Servers and signature never do: nothing is started here, and what is cut is not
 * what was signed. A key that is not here always counts. */
struct since {
  const char *key;
  enum fl_level level;
};
static const struct since of_manifest[] = {{"servers", FL_LEVEL_COUNT},     {"signature", FL_LEVEL_COUNT},
                                           {"labels", FL_LEVEL_PROVENANCE}, {"budgets", FL_LEVEL_BUDGETS},
                                           {"model", FL_LEVEL_BUDGETS},     {NULL, 0}};
static const struct since of_tool[] = {{"args", FL_LEVEL_ARGUMENTS},
                                       {"approval", FL_LEVEL_ARGUMENTS},
                                       {"private_addresses", FL_LEVEL_ARGUMENTS},
                                       {"idempotency", FL_LEVEL_ARGUMENTS},
                                       {"from", FL_LEVEL_PROVENANCE},
                                       {"max_calls", FL_LEVEL_BUDGETS},
                                       {NULL, 0}};

static struct fl_value *cut_keys(const struct fl_value *from, const struct since *rows, enum fl_level level) {
  struct fl_value *left = fl_copy_shallow(from);
  for (; rows->key != NULL; rows++)
    if (level < rows->level) fl_unset(left, rows->key);
  return left;
}

static struct fl_value *cut_tools(const struct fl_value *tools, enum fl_level level) {
  struct fl_value *left = fl_array();
  for (size_t i = 0; i < fl_size(tools); i++) fl_append_take(left, cut_keys(fl_at(tools, i), of_tool, level));
  return left;
}

static struct fl_value *cut_forbid(const struct fl_value *forbid, enum fl_level level) {
  struct fl_value *left = fl_array();
  for (size_t i = 0; i < fl_size(forbid); i++) {
    struct fl_value *rule = fl_at(forbid, i);
    if (fl_get(rule, "when") == NULL || level >= FL_LEVEL_ARGUMENTS) fl_append_take(left, fl_value_ref(rule));
  }
  return left;
}

struct fl_manifest *fl_level_cut(struct fl_manifest *manifest, enum fl_level level) {
  if (manifest == NULL || level == FL_LEVEL_NONE) return NULL;
  const struct fl_value *root = fl_manifest_root(manifest);
  FL_VALUE_AUTO left = cut_keys(root, of_manifest, level);
  fl_set_take(left, "tools", cut_tools(fl_get(root, "tools"), level));
  if (fl_get(root, "forbid") != NULL) fl_set_take(left, "forbid", cut_forbid(fl_get(root, "forbid"), level));
  struct fl_manifest *cut = NULL;
  struct fl_diags diags = {0};
  size_t size = 0;
  char *text = fl_dump(left, &size);
  int rc = fl_manifest_load(fl_manifest_file(manifest), fl_slice_n(text, size), &cut, &diags);
  fl_text_free(text);
  fl_diags_deinit(&diags);
  fl_check(rc == 0); /* no part of a manifest needs another one that goes before it */
  return cut;
}
