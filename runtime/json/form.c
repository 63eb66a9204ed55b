/* SPDX-License-Identifier: MIT */
#include "runtime/json/form.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/json/schema.h"

#include <string.h>

struct checking {
  const struct fl_document *document;
  struct fl_diags *diags;
  const char *what;
  const struct fl_value *schema;
};

/* "did you mean …?" among the keys that stand beside the one that is refused, or all of them. */
static char *advise_key(const struct fl_value *properties, const char *key) {
  enum { KEYS_MAX = 64 };
  const char *names[KEYS_MAX];
  size_t count = 0;
  FL_BUF_AUTO all = {0};
  for (struct fl_member m = {0}; count < KEYS_MAX && fl_next_member(properties, &m); count++) {
    names[count] = m.key;
    fl_buf_addf(&all, "%s%s", count > 0 ? ", " : "the keys are ", m.key);
  }
  const char *near = fl_nearest(key, names, count);
  if (near != NULL) return fl_format("did you mean \"%s\"?", near);
  return count > 0 ? fl_buf_take(&all, NULL) : NULL;
}

static char *last_key(const char *pointer) {
  const char *slash = strrchr(pointer, '/');
  struct fl_buf key = {0};
  for (const char *at = slash != NULL ? slash + 1 : ""; *at != '\0'; at++) {
    bool is_escape = *at == '~' && (at[1] == '0' || at[1] == '1');
    fl_buf_add_char(&key, is_escape ? (at[1] == '1' ? '/' : '~') : *at);
    at += is_escape;
  }
  return fl_buf_take(&key, NULL);
}

static void say_unknown_key(const struct checking *checking, const struct fl_schema_violation *violation) {
  FL_FREE_AUTO char *rule = fl_strdup(violation->schema_pointer);
  char *slash = strrchr(rule, '/');
  if (slash != NULL) *slash = '\0';
  const char *pointer = rule[0] == '#' ? rule + 1 : rule;
  FL_FREE_AUTO char *key = last_key(violation->instance_pointer);
  FL_FREE_AUTO char *advice = advise_key(fl_get(fl_json_pointer(checking->schema, pointer), "properties"), key);
  fl_document_diag(checking->document, checking->diags, FL_SEVERITY_ERROR, violation->instance_pointer, true, advice,
                   "%s has no key \"%s\" here", checking->what, key);
}

static void say_violation(const struct checking *checking, const struct fl_schema_violation *violation) {
  if (strcmp(violation->keyword, "false") == 0 || strcmp(violation->keyword, "additionalProperties") == 0)
    say_unknown_key(checking, violation);
  else
    fl_document_diag(checking->document, checking->diags, FL_SEVERITY_ERROR, violation->instance_pointer, false, NULL,
                     "%s", violation->message);
}

static void say(const struct checking *checking, const char *message) {
  fl_document_diag(checking->document, checking->diags, FL_SEVERITY_ERROR, "", false, NULL, "%s", message);
}

void fl_document_check_form(const struct fl_document *document, const char *schema_text, const char *what,
                            struct fl_diags *diags) {
  FL_VALUE_AUTO schema = NULL;
  struct fl_schema *compiled = NULL;
  struct fl_error err = {0};
  struct fl_schema_result result = {0};
  struct checking checking = {document, diags, what, NULL};
  if (fl_parse(schema_text, strlen(schema_text), &schema, &err) < 0 ||
      fl_schema_create(schema, NULL, &compiled, &err) < 0) {
    say(&checking, err.text); /* the schema is ours */
    return;
  }
  checking.schema = schema;
  int verdict = fl_schema_validate(compiled, document->root, &result);
  for (size_t i = 0; i < result.count; i++) say_violation(&checking, &result.violations[i]);
  if (verdict < 0) say(&checking, "the file is too large or too deep to be checked");
  fl_schema_result_deinit(&result);
  fl_schema_destroy(compiled);
}
