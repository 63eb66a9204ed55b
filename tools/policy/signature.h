/* SPDX-License-Identifier: MIT */
/* Signatures of manifests: Ed25519 over "fairlead manifest 1", a line end, and the canonical JSON (RFC 8785) of the
 * document without its signature; so a manifest in YAML and the same in JSON have the same signature. Who may sign
 * stands in a trust file, JSON or YAML:
 *   trust: 1
 *   keys: { ops-2026: { public: 64 hex digits, expires: 2027-06-30 } }      expires may be absent
 * Pure. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/base/sign.h"
#include "tools/policy/manifest.h"

struct fl_trust;

/* `file` is its name for messages. Everything that is wrong is added to `diags`; FL_E_SYNTAX, FL_E_INVALID. */
int fl_trust_load(const char *file, fl_slice text, struct fl_trust **ret_trust, struct fl_diags *diags);
void fl_trust_destroy(struct fl_trust *trust); /* NULL allowed */

/* What is signed. FL_E_LIMIT: it has a number that canonical JSON cannot hold. */
int fl_manifest_signed_text(const struct fl_manifest *manifest, struct fl_buf *text, struct fl_error *err);

/* The value of `signature` for a manifest; a new reference. */
struct fl_value *fl_signature_value(const char *key_name, const uint8_t signature[FL_SIGNATURE_SIZE]);

/* Whether somebody whom the file trusts at this time has signed it: 0, or FL_E_DENIED with the reason (it is not
 * signed, by nobody who is known, by a key that has expired, or it was changed). */
int fl_manifest_check_signature(const struct fl_manifest *manifest, const struct fl_trust *trust, int64_t now_s,
                                struct fl_error *err);
