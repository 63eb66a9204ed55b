/* SPDX-License-Identifier: MIT */
/* Any bytes as a trust file, as a manifest whose signature is checked against a fixed trust file, and as the head of an
 * audit log: each is taken, or refused with a reason, and a signature that nobody made never holds. */
#include "runtime/base/mem.h"
#include "runtime/store/audit.h"
#include "tools/policy/signature.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char trust_text[] =
    "trust: 1\nkeys: { ops: { public: d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a } }\n";

static struct fl_trust *load_trust(fl_slice text) {
  struct fl_trust *trust = NULL;
  struct fl_diags diags = {0};
  int rc = fl_trust_load("trust.yaml", text, &trust, &diags);
  if (rc == 0 ? trust == NULL || diags.error_count > 0 : trust != NULL || diags.error_count == 0) abort();
  fl_diags_deinit(&diags);
  return trust;
}

static void try_manifest(fl_slice text, const struct fl_trust *trust) {
  struct fl_manifest *manifest = NULL;
  struct fl_diags diags = {0};
  struct fl_error err = {0};
  if (fl_manifest_load("x.yaml", text, &manifest, &diags) == 0 &&
      (fl_manifest_check_signature(manifest, trust, 1, &err) == 0 || err.text[0] == '\0'))
    abort();
  fl_manifest_unref(manifest);
  fl_diags_deinit(&diags);
}

static void try_head(fl_slice text) {
  struct fl_audit_head head = {0};
  struct fl_error err = {0};
  if (fl_audit_head_read(text, &head, &err) != 0) {
    if (err.text[0] == '\0' || head.no != 0) abort();
    return;
  }
  if (head.no == 0) abort();
  static const uint8_t nobody[FL_SIGN_KEY_SIZE] = {1};
  if (fl_audit_head_is_signed(&head, nobody)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct fl_trust *fixed;
  fl_slice text = fl_slice_n((const char *)data, size);
  if (fixed == NULL) fixed = load_trust(FL_SLICE(trust_text));
  fl_trust_destroy(load_trust(text));
  try_manifest(text, fixed);
  try_head(text);
  return 0;
}
