/* SPDX-License-Identifier: MIT */
/* A manifest from text to rules: parse, check against the published schema, then compile the parts. Pure. */
#include "tools/policy/manifest_impl.h"

#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <fairlead/error.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- against the schema ---- */

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

static void say_unknown_key(const struct fl_manifest_reader *reader, const struct fl_value *schema,
                            const struct fl_schema_violation *violation) {
  FL_FREE_AUTO char *rule = fl_strdup(violation->schema_pointer);
  char *slash = strrchr(rule, '/');
  if (slash != NULL) *slash = '\0';
  const char *pointer = rule[0] == '#' ? rule + 1 : rule;
  FL_FREE_AUTO char *key = last_key(violation->instance_pointer);
  FL_FREE_AUTO char *advice = advise_key(fl_get(fl_json_pointer(schema, pointer), "properties"), key);
  fl_document_diag(&reader->manifest->document, reader->diags, FL_SEVERITY_ERROR, violation->instance_pointer, true,
                   advice, "a manifest has no key \"%s\" here", key);
}

static void say_violation(const struct fl_manifest_reader *reader, const struct fl_value *schema,
                          const struct fl_schema_violation *violation) {
  if (strcmp(violation->keyword, "false") == 0 || strcmp(violation->keyword, "additionalProperties") == 0)
    say_unknown_key(reader, schema, violation);
  else
    fl_document_diag(&reader->manifest->document, reader->diags, FL_SEVERITY_ERROR, violation->instance_pointer, false,
                     NULL, "%s", violation->message);
}

static void check_form(const struct fl_manifest_reader *reader) {
  FL_VALUE_AUTO schema = NULL;
  struct fl_schema *compiled = NULL;
  struct fl_error err = {0};
  struct fl_schema_result result = {0};
  const char *text = fl_manifest_schema();
  if (fl_parse(text, strlen(text), &schema, &err) < 0 || fl_schema_create(schema, NULL, &compiled, &err) < 0) {
    fl_manifest_error(reader, "", "the schema of manifests cannot be used: %s", err.text);
    return;
  }
  int verdict = fl_schema_validate(compiled, reader->manifest->document.root, &result);
  for (size_t i = 0; i < result.count; i++) say_violation(reader, schema, &result.violations[i]);
  if (verdict < 0) fl_manifest_error(reader, "", "the manifest is too large or too deep to be checked");
  fl_schema_result_deinit(&result);
  fl_schema_destroy(compiled);
}

/* ---- the rest ---- */

static void read_expiry(const struct fl_manifest_reader *reader) {
  struct fl_manifest *manifest = reader->manifest;
  const char *text = fl_get_string(manifest->document.root, "expires", NULL);
  manifest->expires_s = INT64_MAX;
  if (text != NULL && fl_manifest_date(text, &manifest->expires_s) < 0)
    fl_manifest_error(reader, "/expires", "is neither a date (2027-06-30) nor a date and time (2027-06-30T12:00:00Z)");
}

static void read_hash(struct fl_manifest *manifest) {
  FL_VALUE_AUTO unsigned_root = fl_copy_shallow(manifest->document.root);
  uint8_t hash[32];
  fl_unset(unsigned_root, "signature");
  fl_json_hash(unsigned_root, hash);
  fl_hex(hash, sizeof hash, manifest->hash);
}

static int read_manifest(struct fl_manifest *manifest, const char *file, fl_slice text, struct fl_diags *diags) {
  struct fl_manifest_reader reader = {manifest, diags};
  size_t errors_before = diags->error_count;
  int rc = fl_document_parse(file, text, &manifest->document, diags);
  if (rc < 0) return rc;
  check_form(&reader);
  read_expiry(&reader);
  if (diags->error_count > errors_before) return FL_E_INVALID;
  fl_manifest_read_rules(&reader);
  fl_manifest_read_flow(&reader);
  read_hash(manifest);
  return diags->error_count > errors_before ? FL_E_INVALID : 0;
}

int fl_manifest_load(const char *file, fl_slice text, struct fl_manifest **ret_manifest, struct fl_diags *diags) {
  struct fl_manifest *manifest = fl_new(struct fl_manifest);
  manifest->ref_count = 1;
  int rc = read_manifest(manifest, file, text, diags);
  if (rc == 0) *ret_manifest = manifest;
  else fl_manifest_unref(manifest);
  return rc;
}

struct fl_manifest *fl_manifest_ref(struct fl_manifest *manifest) {
  if (manifest != NULL) __atomic_add_fetch(&manifest->ref_count, 1, __ATOMIC_RELAXED);
  return manifest;
}

void fl_manifest_unref(struct fl_manifest *manifest) {
  if (manifest == NULL || __atomic_sub_fetch(&manifest->ref_count, 1, __ATOMIC_ACQ_REL) > 0) return;
  fl_manifest_free_rules(manifest);
  fl_manifest_free_flow(manifest);
  fl_document_deinit(&manifest->document);
  fl_free(manifest);
}

const char *fl_manifest_file(const struct fl_manifest *manifest) { return manifest->document.file; }
const char *fl_manifest_id(const struct fl_manifest *manifest) {
  return fl_get_string(manifest->document.root, "id", "");
}
const char *fl_manifest_hash(const struct fl_manifest *manifest) { return manifest->hash; }
int64_t fl_manifest_expires(const struct fl_manifest *manifest) { return manifest->expires_s; }
size_t fl_manifest_rule_count(const struct fl_manifest *manifest) { return manifest->rule_count; }
bool fl_manifest_names_servers(const struct fl_manifest *manifest) {
  return fl_get(manifest->document.root, "servers") != NULL;
}
const struct fl_value *fl_manifest_server(const struct fl_manifest *manifest, const char *name) {
  return fl_get(fl_get(manifest->document.root, "servers"), name);
}
