/* SPDX-License-Identifier: MIT */
/* Decisions in a second of one core, for a manifest of 50 rules: what is listed, what is called with arguments of a
 * schema, a URL and a path, and what is refused. */
#include "tests/bench/bench.h"

#include "runtime/base/mem.h"
#include "runtime/base/buf.h"
#include "tools/policy/manifest.h"
#include "tools/policy/policy.h"

#include <stdio.h>
#include <stdlib.h>

enum { RULES = 50, ROUNDS = 7, CALLS = 20000 };

static struct fl_policy *create(void) {
  FL_BUF_AUTO text = {0};
  struct fl_manifest *manifest = NULL;
  struct fl_diags diags = {0};
  fl_buf_add_text(&text, "manifest: 1\nid: bench\nexpires: 2027-06-30\nforbid: [{ match: s1/delete* }]\ntools:\n");
  for (int i = 0; i < RULES - 3; i++)
    fl_buf_addf(
        &text,
        "  - match: s%d/send_%d\n    args: { properties: { recipient: { enum: [A%d, B] }, amount: { type: number, "
        "maximum: 500 }, reference: { type: string, maxLength: 40 } } }\n    max_calls: 100\n"
        "    approval: { when: \"args.amount > 100\" }\n",
        i % 5, i, i);
  fl_buf_add_text(&text,
                  "  - match: files/read\n    args: { properties: { path: { type: string, format: path, pattern: "
                  "\"data/.*\" } } }\n  - match: web/get\n    args: { properties: { url: { type: string, format: "
                  "uri, pattern: \"https://[a-z.]+/public/.*\" } } }\n  - match: list/*\n    effect: read\n");
  if (fl_manifest_load("bench.yaml", fl_buf_slice(&text), &manifest, &diags) < 0) {
    FL_FREE_AUTO char *line = fl_diag_format(&diags.items[0]);
    fprintf(stderr, "%s\n", line);
    exit(1);
  }
  struct fl_policy *policy = fl_policy_create_manifest(manifest, NULL);
  fl_manifest_unref(manifest);
  fl_diags_deinit(&diags);
  return policy;
}

/* The best of several rounds, in thousands a second. */
static void measure(const struct fl_policy *policy, const char *name, const char *tool, const char *text) {
  FL_VALUE_AUTO args = NULL;
  FL_VALUE_AUTO calls = fl_object();
  fl_set_int(calls, "s0/send_0", 1);
  fl_set_int(calls, "list/a", 3);
  if (text != NULL && fl_parse(text, strlen(text), &args, NULL) < 0) exit(1);
  struct fl_policy_facts facts = {.now_s = 1796000000, .calls = calls};
  struct fl_policy_call call = {.tool = tool, .args = args, .facts = &facts};
  double best_us = 1e18;
  for (int round = 0; round < ROUNDS; round++) {
    double start = bench_cpu_us();
    for (int i = 0; i < CALLS; i++) {
      struct fl_decision decision;
      fl_policy_decide(policy, &call, &decision);
      fl_decision_deinit(&decision);
    }
    double took = bench_cpu_us() - start;
    if (took < best_us) best_us = took;
  }
  bench_ratio(name, CALLS / best_us * 1000, 200);
}

int main(void) {
  struct fl_policy *policy = create();
  measure(policy, "policy-list-thousands-per-s", "s1/send_46", NULL);
  measure(policy, "policy-call-thousands-per-s", "s1/send_46",
          "{\"recipient\": \"A46\", \"amount\": 50, \"reference\": \"INV-1\"}");
  measure(policy, "policy-unknown-thousands-per-s", "s1/other", "{}");
  measure(policy, "policy-path-thousands-per-s", "files/read", "{\"path\": \"data/2026/invoice-17.txt\"}");
  measure(policy, "policy-url-thousands-per-s", "web/get", "{\"url\": \"https://docs.example.com/public/a/b.html\"}");
  fl_policy_destroy(policy);
  return bench_done();
}
