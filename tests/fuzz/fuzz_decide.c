/* SPDX-License-Identifier: MIT */
/* Any bytes as a call: the tool up to the first line end, then its arguments. Every call has a verdict with a rule, in
 * UTF-8; a call that may be made is made in a spelling that is decided the same way. */
#include "runtime/base/mem.h"
#include "runtime/json/utf8.h"
#include "tools/policy/manifest.h"
#include "tools/policy/policy.h"

#include <stdint.h>
#include <stdlib.h>

static const char manifest_text[] =
    "manifest: 1\nid: fuzz\nexpires: 2027-06-30\n"
    "tools:\n"
    "  - match: a/url\n    args: { properties: { u: { type: string, format: uri, pattern: 'https://[a-z.]+/x/.*' } } "
    "}\n"
    "  - match: a/any\n    args: { properties: { u: { type: string, format: uri } } }\n"
    "  - match: a/path\n    args: { properties: { p: { type: string, format: path, pattern: 'data/.*' } } }\n"
    "  - match: a/mail\n    args: { properties: { m: { type: string, format: email }, h: { type: string, format: "
    "hostname } }, required: [] }\n"
    "  - match: a/deep\n    args: { properties: { d: { anyOf: [ { type: array, items: { $ref: '#/properties/d' } }, { "
    "enum: [x, 1] }, { type: object, additionalProperties: { $ref: '#/properties/d' } } ] } } }\n"
    "    approval: { when: 'size(args.d) > 1' }\n    max_calls: 3\n"
    "  - match: b/*\n"
    "forbid: [ { match: b/no* }, { match: b/*, when: 'args.x > 5' } ]\n";

static struct fl_policy *the_policy(void) {
  static struct fl_policy *policy;
  struct fl_manifest *manifest = NULL;
  struct fl_diags diags = {0};
  if (policy != NULL) return policy;
  if (fl_manifest_load("fuzz.yaml", FL_SLICE(manifest_text), &manifest, &diags) < 0) abort();
  fl_diags_deinit(&diags);
  policy = fl_policy_create_manifest(manifest, NULL);
  fl_manifest_unref(manifest);
  return policy;
}

static void check_text(const char *text) {
  if (text[0] == '\0' || fl_utf8_valid_size(text, strlen(text)) != strlen(text)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data, *line_end = size > 0 ? memchr(text, '\n', size) : NULL;
  if (line_end == NULL) return 0;
  FL_FREE_AUTO char *tool = fl_strndup(text, (size_t)(line_end - text));
  FL_VALUE_AUTO args = NULL;
  if (fl_parse(line_end + 1, size - (size_t)(line_end + 1 - text), &args, NULL) < 0) return 0;
  FL_VALUE_AUTO calls = fl_object();
  struct fl_policy_facts facts = {.now_s = 1796000000, .calls = calls};
  struct fl_policy_call call = {.tool = tool, .args = args, .facts = &facts};
  struct fl_decision first, second = {0};
  fl_policy_decide(the_policy(), &call, &first);
  if (fl_utf8_valid_size(tool, strlen(tool)) == strlen(tool)) check_text(first.rule);
  if ((first.verdict == FL_VERDICT_DENY) != (first.args == NULL)) abort();
  if (first.args != NULL) {
    call.args = first.args;
    fl_policy_decide(the_policy(), &call, &second);
    if (second.verdict != first.verdict || !fl_equal(first.args, second.args)) abort();
  }
  fl_decision_deinit(&first);
  fl_decision_deinit(&second);
  return 0;
}
