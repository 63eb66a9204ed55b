/* SPDX-License-Identifier: MIT */
/* What a person has allowed from now on: calls of a tool whose arguments satisfy a schema that was shown to them, where
 * the same rule of the same manifest would ask. Pure. */
#include "runtime/base/mem.h"
#include "tools/policy/manifest_decide.h"

#include <string.h>

static bool fits(const struct fl_value *schema, const struct fl_value *args) {
  struct fl_schema *compiled = NULL;
  FL_BUF_AUTO pointer = {0};
  struct fl_error err = {0};
  struct fl_schema_options options = {.size = sizeof options, .check_format = true};
  FL_VALUE_AUTO closed = schema != NULL ? fl_manifest_close_args(schema, &pointer, &err) : NULL;
  if (closed == NULL || fl_schema_create(closed, &options, &compiled, &err) < 0) return false;
  bool does_fit = fl_schema_validate(compiled, args, NULL) == 0;
  fl_schema_destroy(compiled);
  return does_fit;
}

bool fl_question_is_granted(const struct fl_question *question, const char *pointer) {
  const struct fl_value *grants = question->call->facts != NULL ? question->call->facts->grants : NULL;
  for (size_t i = 0; question->args != NULL && i < fl_size(grants); i++) {
    const struct fl_value *grant = fl_at(grants, i);
    bool is_of_rule = strcmp(fl_get_string(grant, "tool", ""), question->call->tool) == 0 &&
                      strcmp(fl_get_string(grant, "rule", ""), pointer) == 0 &&
                      strcmp(fl_get_string(grant, "manifest", ""), fl_manifest_hash(question->manifest)) == 0;
    if (is_of_rule && fits(fl_get(grant, "args"), question->args)) return true;
  }
  return false;
}
