/* SPDX-License-Identifier: MIT */
#include "tools/policy/signature.h"

#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/document.h"
#include "runtime/json/json.h"
#include "tools/policy/manifest_impl.h"

#include <string.h>

struct fl_trust {
  struct fl_document document;
};

/* ---- hex ---- */

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(const char *hex, uint8_t *ret_bytes, size_t size) {
  if (strlen(hex) != 2 * size) return false;
  for (size_t i = 0; i < size; i++) {
    int high = digit_of(hex[2 * i]), low = digit_of(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    ret_bytes[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

/* ---- trust files ---- */

static void say(const struct fl_trust *trust, struct fl_diags *diags, const char *pointer, const char *text) {
  fl_document_diag(&trust->document, diags, FL_SEVERITY_ERROR, pointer, false, NULL, "%s", text);
}

static void check_key(const struct fl_trust *trust, const char *name, const struct fl_value *key,
                      struct fl_diags *diags) {
  uint8_t public_key[FL_SIGN_KEY_SIZE];
  int64_t expires_s;
  FL_FREE_AUTO char *pointer = fl_format("/keys/%s", name);
  const char *expires = fl_get_string(key, "expires", NULL);
  size_t known = 1 + (fl_get(key, "expires") != NULL);
  if (!unhex(fl_get_string(key, "public", ""), public_key, sizeof public_key))
    say(trust, diags, pointer, "needs \"public\": 64 hexadecimal digits in lower case");
  else if (fl_get(key, "expires") != NULL && (expires == NULL || fl_manifest_date(expires, &expires_s) < 0))
    say(trust, diags, pointer, "\"expires\" is neither a date (2027-06-30) nor a date and time");
  else if (fl_size(key) != known)
    say(trust, diags, pointer, "has a key that is none: it takes \"public\" and \"expires\"");
}

static void check(const struct fl_trust *trust, struct fl_diags *diags) {
  const struct fl_value *root = trust->document.root, *keys = fl_get(root, "keys");
  if (!fl_is(root, FL_OBJECT) || fl_get_int(root, "trust", 0) != 1 || !fl_is(keys, FL_OBJECT) || fl_size(root) != 2) {
    say(trust, diags, "", "is no trust file: it has \"trust: 1\" and \"keys\", and nothing else");
    return;
  }
  for (struct fl_member m = {0}; fl_next_member(keys, &m);) check_key(trust, m.key, m.value, diags);
}

int fl_trust_load(const char *file, fl_slice text, struct fl_trust **ret_trust, struct fl_diags *diags) {
  struct fl_trust *trust = fl_new(struct fl_trust);
  size_t errors_before = diags->error_count;
  int rc = fl_document_parse(file, text, &trust->document, diags);
  if (rc == 0) check(trust, diags);
  if (rc == 0 && diags->error_count > errors_before) rc = FL_E_INVALID;
  if (rc == 0) *ret_trust = trust;
  else fl_trust_destroy(trust);
  return rc;
}

void fl_trust_destroy(struct fl_trust *trust) {
  if (trust == NULL) return;
  fl_document_deinit(&trust->document);
  fl_free(trust);
}

/* ---- signatures ---- */

int fl_manifest_signed_text(const struct fl_manifest *manifest, struct fl_buf *text, struct fl_error *err) {
  FL_VALUE_AUTO unsigned_root = fl_copy_shallow(manifest->document.root);
  fl_unset(unsigned_root, "signature");
  fl_buf_add_text(text, "fairlead manifest 1\n");
  int rc = fl_json_write(text, unsigned_root, FL_JSON_CANONICAL);
  return rc == 0 ? 0
                 : fl_error_set(err, rc, "%s: a number of it cannot be signed: it is too large to be exact",
                                fl_manifest_file(manifest));
}

struct fl_value *fl_signature_value(const char *key_name, const uint8_t signature[FL_SIGNATURE_SIZE]) {
  char hex[2 * FL_SIGNATURE_SIZE + 1];
  struct fl_value *value = fl_object();
  fl_hex(signature, FL_SIGNATURE_SIZE, hex);
  fl_set_string(value, "alg", "ed25519");
  fl_set_string(value, "key", key_name);
  fl_set_string(value, "sig", hex);
  return value;
}

static int check_by(const struct fl_manifest *manifest, const uint8_t public_key[FL_SIGN_KEY_SIZE],
                    const struct fl_value *signature, struct fl_error *err) {
  uint8_t bytes[FL_SIGNATURE_SIZE];
  FL_BUF_AUTO text = {0};
  int rc = fl_manifest_signed_text(manifest, &text, err);
  if (rc < 0) return rc;
  bool holds = strcmp(fl_get_string(signature, "alg", ""), "ed25519") == 0 &&
               unhex(fl_get_string(signature, "sig", ""), bytes, sizeof bytes) &&
               fl_sign_holds(public_key, fl_buf_slice(&text), bytes);
  if (holds) return 0;
  return fl_error_set(err, FL_E_DENIED, "%s: its signature does not fit: it was changed since \"%s\" signed it",
                      fl_manifest_file(manifest), fl_get_string(signature, "key", ""));
}

int fl_manifest_check_signature(const struct fl_manifest *manifest, const struct fl_trust *trust, int64_t now_s,
                                struct fl_error *err) {
  const char *file = fl_manifest_file(manifest), *trusted = trust->document.file;
  const struct fl_value *signature = fl_get(manifest->document.root, "signature");
  const char *name = fl_get_string(signature, "key", "");
  const struct fl_value *key = fl_get(fl_get(trust->document.root, "keys"), name);
  uint8_t public_key[FL_SIGN_KEY_SIZE];
  int64_t expires_s = INT64_MAX;
  if (signature == NULL)
    return fl_error_set(err, FL_E_DENIED, "%s: it is not signed, and %s says that manifests must be", file, trusted);
  if (key == NULL)
    return fl_error_set(err, FL_E_DENIED, "%s: it is signed by \"%.100s\", whom %s does not know", file, name, trusted);
  const char *expires = fl_get_string(key, "expires", NULL);
  if (expires != NULL && (fl_manifest_date(expires, &expires_s) < 0 || now_s >= expires_s))
    return fl_error_set(err, FL_E_DENIED, "%s: the key \"%.100s\" that signed it has expired (%s in %s)", file, name,
                        expires, trusted);
  if (!unhex(fl_get_string(key, "public", ""), public_key, sizeof public_key))
    return fl_error_set(err, FL_E_DENIED, "%s: the key \"%.100s\" of %s is none", file, name, trusted);
  return check_by(manifest, public_key, signature, err);
}
