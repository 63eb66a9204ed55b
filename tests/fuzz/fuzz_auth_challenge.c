/* SPDX-License-Identifier: MIT */
/* WWW-Authenticate: what is read, written again, reads the same. */
#include "mcp/auth/challenge.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *or_empty(const char *text) { return text != NULL ? text : ""; }

/* The writer leaves out what a header may not hold, so only printable values come back whole. */
static bool is_printable(const char *text) {
  for (text = or_empty(text); *text != '\0'; text++)
    if (*text < 0x20 || *text > 0x7e) return false;
  return true;
}

static void expect_again(const struct fl_challenge *challenge) {
  FL_BUF_AUTO text = {0};
  FL_CHALLENGE_AUTO again = {0};
  fl_buf_add_text(&text, challenge->scheme == FL_CHALLENGE_DPOP ? "DPoP " : "Bearer ");
  fl_challenge_add(&text, "scope", or_empty(challenge->scope));
  fl_challenge_add(&text, "error", or_empty(challenge->error));
  fl_challenge_add(&text, "resource_metadata", or_empty(challenge->resource_metadata));
  if (text.size > FL_CHALLENGE_SIZE_MAX) return; /* escaping made it longer */
  fl_check(fl_challenge_read(fl_buf_slice(&text), &again, NULL) == 0);
  fl_check(again.scheme == challenge->scheme);
  if (is_printable(challenge->scope)) fl_check(strcmp(again.scope, or_empty(challenge->scope)) == 0);
  if (is_printable(challenge->error)) fl_check(strcmp(again.error, or_empty(challenge->error)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  FL_CHALLENGE_AUTO challenge = {0};
  if (fl_challenge_read(fl_slice_n((const char *)data, size), &challenge, NULL) != 0) return 0;
  if (challenge.scheme != FL_CHALLENGE_NONE) expect_again(&challenge);
  FL_FREE_AUTO char *both = fl_scope_union(challenge.scope, challenge.error);
  fl_check(fl_scope_covers(both, challenge.scope) && fl_scope_covers(both, challenge.error));
  return 0;
}
