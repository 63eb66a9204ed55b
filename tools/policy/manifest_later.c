/* SPDX-License-Identifier: MIT */
/* What the format has and this version does not enforce. A promise that nobody keeps is worse than none, so a manifest
 * that relies on one of these is not run. Pure. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tools/policy/manifest_impl.h"

#include <string.h>

struct later {
  const char *key, *what;
};

static const struct later of_manifest[] = {{"servers", NULL}, {NULL, NULL}};
static const struct later of_model[] = {{"cost_usd_per_run", "what calls of models cost"}, {NULL, NULL}};
static const struct later of_budget[] = {{"cost_usd", "what calls of models cost"}, {NULL, NULL}};
static const struct later of_server[] = {{"pin", "pins of tool definitions in a manifest"}, {NULL, NULL}};

static size_t say(const struct fl_manifest *manifest, const char *base, const struct fl_value *part,
                  const struct later *rows, struct fl_diags *diags) {
  size_t count = 0;
  for (; rows->key != NULL; rows++) {
    if (rows->what == NULL || fl_get(part, rows->key) == NULL) continue;
    FL_FREE_AUTO char *pointer = fl_format("%s/%s", base, rows->key);
    fl_document_diag(&manifest->document, diags, FL_SEVERITY_ERROR, pointer, true, NULL,
                     "this version does not enforce %s, so \"%s\" cannot be relied on: take it out or use a version "
                     "that does",
                     rows->what, rows->key);
    count++;
  }
  return count;
}

size_t fl_manifest_unenforced(const struct fl_manifest *manifest, struct fl_diags *diags) {
  const struct fl_value *root = manifest->document.root;
  size_t count = say(manifest, "", root, of_manifest, diags);
  for (struct fl_member m = {0}; fl_next_member(fl_get(root, "servers"), &m);) {
    FL_FREE_AUTO char *base = fl_format("/servers/%s", m.key); /* names of servers need no escapes */
    count += say(manifest, base, m.value, of_server, diags);
  }
  for (struct fl_member m = {0}; fl_next_member(fl_get(root, "budgets"), &m);) {
    FL_FREE_AUTO char *base = fl_format("/budgets/%s", m.key);
    count += say(manifest, base, m.value, of_budget, diags);
  }
  return count + say(manifest, "/model", fl_get(root, "model"), of_model, diags);
}
