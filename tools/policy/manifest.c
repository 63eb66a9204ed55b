/* SPDX-License-Identifier: MIT */
/* A manifest from text to rules: parse, check against the published schema, then compile the parts. Pure. */
#include "tools/policy/manifest_impl.h"

#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/form.h"
#include "runtime/json/json.h"

#include <fairlead/error.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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
  fl_document_check_form(&manifest->document, fl_manifest_schema(), "a manifest", diags);
  read_expiry(&reader);
  if (diags->error_count > errors_before) return FL_E_INVALID;
  fl_manifest_read_rules(&reader);
  fl_manifest_read_flow(&reader);
  fl_manifest_read_secrets(&reader);
  fl_manifest_read_pins(&reader);
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
  fl_free(manifest->pins);
  fl_document_deinit(&manifest->document);
  fl_free(manifest);
}

const char *fl_manifest_file(const struct fl_manifest *manifest) { return manifest->document.file; }
const char *fl_manifest_id(const struct fl_manifest *manifest) {
  return fl_get_string(manifest->document.root, "id", "");
}
const char *fl_manifest_hash(const struct fl_manifest *manifest) { return manifest->hash; }
const struct fl_value *fl_manifest_root(const struct fl_manifest *manifest) { return manifest->document.root; }
int64_t fl_manifest_expires(const struct fl_manifest *manifest) { return manifest->expires_s; }
size_t fl_manifest_rule_count(const struct fl_manifest *manifest) { return manifest->rule_count; }
bool fl_manifest_names_servers(const struct fl_manifest *manifest) {
  return fl_get(manifest->document.root, "servers") != NULL;
}
const struct fl_value *fl_manifest_server(const struct fl_manifest *manifest, const char *name) {
  return fl_get(fl_get(manifest->document.root, "servers"), name);
}
