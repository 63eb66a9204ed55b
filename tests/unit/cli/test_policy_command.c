/* SPDX-License-Identifier: MIT */
/* fairlead policy, as people and programs read it; what it prints stands in tests/golden/cli. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

static const char manifest[] = "manifest: 1\nid: support\nexpires: 2027-06-30\n"
                               "tools:\n"
                               "  - match: bank/send_money\n"
                               "    args:\n"
                               "      properties:\n"
                               "        recipient: { enum: [DE02] }\n"
                               "        amount: { type: number, maximum: 500 }\n"
                               "    max_calls: 2\n"
                               "    approval: { when: \"args.amount > 100\" }\n"
                               "  - { match: bank/list*, effect: read }\n"
                               "forbid: [{ match: bank/list_secrets }]\n";
static const char calls[] = "{\"tool\": \"bank/list_payees\", \"args\": {}}\n"
                            "\n"
                            "{\"tool\": \"bank/send_money\", \"args\": {\"recipient\": \"DE02\", \"amount\": 5e1}}\n"
                            "{\"tool\": \"bank/send_money\", \"args\": {\"recipient\": \"DE02\", \"amount\": 400}}\n"
                            "{\"tool\": \"bank/send_money\", \"args\": {\"recipient\": \"DE02\", \"amount\": 1}}\n"
                            "{\"tool\": \"bank/list_secrets\"}\n"
                            "{\"tool\": \"bank/close_account\", \"args\": {}}";

static const char flow[] =
    "manifest: 1\nid: flow\ntools:\n  - { match: crm/*, effect: read }\n  - { match: web/get, effect: read }\n"
    "  - { match: bank/pay, effect: keyed, idempotency: { arg: to }, args: { properties: { to: { type: string } } }, "
    "from: "
    "{ to: [prompt, \"crm/payees#/items/*\"] }, approval: { when: \"args.to == 'Bob'\", by: [owner] } }\n"
    "  - { match: mail/send }\nlabels: { sources: { crm/*: [private] }, sinks: { mail/*: [egress] } }\n"
    "budgets: { run: { calls: 7 } }\n";
static const char flow_calls[] = "{\"prompt\": \"Pay Ann and Bob\"}\n"
                                 "{\"tool\": \"bank/pay\", \"args\": {\"to\": \"Ann\"}}\n"
                                 "{\"tool\": \"bank/pay\", \"args\": {\"to\": \"Bob\"}}\n"
                                 "{\"tool\": \"bank/pay\", \"args\": {\"to\": \"Eve\"}}\n"
                                 "{\"tool\": \"crm/payees\", \"result\": {\"structuredContent\": {\"items\": "
                                 "[\"Eve\"]}}}\n"
                                 "{\"tool\": \"bank/pay\", \"args\": {\"to\": \"Eve\"}}\n"
                                 "{\"tool\": \"mail/send\"}\n"
                                 "{\"tool\": \"web/get\", \"annotations\": {\"openWorldHint\": true}}\n"
                                 "{\"tool\": \"mail/send\"}\n"
                                 "{\"tool\": \"mail/send\"}\n";

#define ORDER(args) "{\"tool\": \"shop/order\", \"args\": " args "}\n"
static const char learned_from[] = ORDER("{\"sku\": \"A1\", \"count\": 1, \"note\": \"\"}") ORDER(
    "{\"sku\": \"B2\", \"count\": 3}") "{\"tool\": \"shop/find\", \"args\": {\"tags\": [\"x\", \"y\"], \"n\": 1}}\n";
/* As check reads calls, and as a run tells them. */
static const char learn[] = ORDER("{\"sku\": \"A1\", \"count\": 1, \"note\": \"\"}") ORDER(
    "{\"sku\": \"B2\", \"count\": 3}") "{\"mode\": \"events\", \"data\": {\"type\": \"node_start\", \"step\": 1}}\n"
                                       "{\"mode\": \"events\", \"data\": {\"type\": \"tool_start\", \"tool\": "
                                       "\"shop/find\", \"args\": {\"tags\": [\"x\", "
                                       "\"y\"], \"n\": 1}}}\n{\"mode\": \"events\", \"data\": {\"type\": \"tool_end\", "
                                       "\"tool\": \"shop/find\"}}\n";
static const char other[] =
    ORDER("{\"sku\": \"C3\", \"count\": 1}") ORDER("{\"sku\": \"A1\", \"count\": 2}") ORDER("{\"sku\": \"A1\"}")
        ORDER("{\"sku\": \"A1\", \"count\": 1, \"to\": \"x\"}") "{\"tool\": \"shop/pay\", \"args\": {}}\n"
                                                                "{\"tool\": \"shop/find\", \"args\": {\"tags\": "
                                                                "[\"z\"], \"n\": 1}}\n";
static const char wider[] = "manifest: 1\nid: support\nexpires: 2027-06-30\n"
                            "tools:\n"
                            "  - { match: bank/list*, effect: read }\n"
                            "  - match: bank/send_money\n"
                            "    args:\n"
                            "      properties:\n"
                            "        recipient: { enum: [DE02, DE03] }\n"
                            "        amount: { type: number, maximum: 900 }\n"
                            "    max_calls: 1\n"
                            "  - { match: bank/close_account }\n"
                            "budgets: { run: { calls: 5 } }\n";

static int write_files(void **state) {
  rig_write("m.yaml", manifest);
  rig_write("calls.jsonl", calls);
  rig_write("typo.yaml", "manifest: 1\nid: x\ntools: [{ match: a/b, max_cals: 1 }]\nexpires: never-again\n");
  rig_write("later.yaml", "manifest: 1\nid: x\ntools: [{ match: a/b }]\nmodel: { cost_usd_per_run: 3 }\n");
  rig_write("secrets.yaml",
            "manifest: 1\nid: x\ntools: [{ match: a/b }]\nservers:\n  bank:\n    sandbox:\n      secrets:\n"
            "        - { name: TOKEN, as: file }\n        - { name: A, as: env, from: { env: B } }\n"
            "        - { name: C, as: env, from: { file: keys/c } }\n"
            "        - { name: D, as: file, from: { credential: d } }\n"
            "        - { name: E, as: env, from: { command: [pass, show, \"e\\u202e\"] } }\n");
  rig_write("flow.yaml", flow);
  rig_write("flow.jsonl", flow_calls);
  rig_write("learn.jsonl", learn);
  rig_write("learned-from.jsonl", learned_from);
  rig_write("other.jsonl", other);
  rig_write("wider.yaml", wider);
  rig_write("broken.jsonl", "{\"tool\": \"a/b\"}\n{\"tool\": }\n");
  rig_write("no-call.jsonl", "{\"name\": \"a/b\"}\n");
  return 0;
}

static void a_manifest_is_checked(void **state) {
  rig_expect("policy-check", 0, "policy check $F/m.yaml");
  rig_expect("policy-check-json", 0, "policy check $F/m.yaml --json");
  rig_expect("policy-check-typo", 2, "policy check $F/typo.yaml");
  rig_expect("policy-check-typo-json", 2, "policy check $F/typo.yaml --json");
  rig_expect("policy-check-later", 0, "policy check $F/later.yaml");
  rig_expect("policy-check-secrets", 0, "policy check $F/secrets.yaml");
  rig_expect("policy-check-secrets-json", 0, "policy check $F/secrets.yaml --json");
}

static void recorded_calls_are_decided_in_order(void **state) {
  rig_expect("policy-calls", 1, "policy check $F/m.yaml --calls $F/calls.jsonl --at 2027-06-30");
  rig_expect("policy-calls-json", 1, "policy check $F/m.yaml --calls $F/calls.jsonl --json --at 2027-06-30T23:59:59Z");
  rig_expect("policy-calls-over", 1, "policy check $F/m.yaml --calls $F/calls.jsonl --at 2027-07-01");
  rig_expect("policy-calls-broken", 2, "policy check $F/later.yaml --calls $F/broken.jsonl");
  rig_expect("policy-flow", 1, "policy check $F/flow.yaml --calls $F/flow.jsonl");
  rig_expect("policy-flow-json", 1, "policy check $F/flow.yaml --calls $F/flow.jsonl --json");
  rig_expect("policy-calls-none", 2, "policy check $F/later.yaml --calls $F/no-call.jsonl");
}

static void a_decision_is_explained(void **state) {
  rig_expect("policy-explain-list", 0, "policy explain $F/m.yaml bank/send_money --at 2027-01-01");
  rig_expect("policy-explain-ask", 0,
             "policy explain $F/m.yaml bank/send_money '{\"recipient\": \"DE02\", \"amount\": 4e2}' --at 2027-01-01");
  rig_expect("policy-explain-deny", 1,
             "policy explain $F/m.yaml bank/send_money '{\"recipient\": \"DE02\", \"amount\": 900}' --at 2027-01-01");
  rig_expect("policy-explain-json", 1, "policy explain $F/m.yaml bank/list_secrets {} --json --at 2027-01-01");
  rig_expect("policy-explain-typo", 2, "policy explain $F/typo.yaml a/b");
}

/* What was learned allows the calls that it was learned from, and no other. */
static void a_manifest_is_learned_from_calls(void **state) {
  rig_expect("policy-learn", 0, "policy learn $F/learn.jsonl --id shop");
  struct caught caught;
  rig_command(&caught, "policy learn $F/learn.jsonl");
  assert_code(&caught, 0);
  rig_write("learned.json", caught.out);
  caught_deinit(&caught);
  rig_expect("policy-learn-own", 0, "policy check $F/learned.json --calls $F/learned-from.jsonl");
  rig_expect("policy-learn-other", 1, "policy check $F/learned.json --calls $F/other.jsonl");
  rig_expect("policy-learn-none", 1, "policy learn $F/no-call.jsonl");
}

static void two_manifests_are_compared(void **state) {
  rig_expect("policy-diff", 1, "policy diff $F/m.yaml $F/wider.yaml");
  rig_expect("policy-diff-back", 1, "policy diff $F/wider.yaml $F/m.yaml --json");
  rig_expect("policy-diff-same", 0, "policy diff $F/m.yaml $F/m.yaml");
}

static void the_schema_is_printed(void **state) {
  struct caught caught;
  rig_command(&caught, "policy schema");
  assert_code(&caught, 0);
  assert_says(caught.out, "fairlead manifest, version 1");
  caught_deinit(&caught);
  rig_command(&caught, "policy schema --json");
  assert_code(&caught, 0);
  assert_true(strchr(caught.out, '\n') == caught.out + strlen(caught.out) - 1);
  caught_deinit(&caught);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_manifest_is_checked),      cmocka_unit_test(recorded_calls_are_decided_in_order),
      cmocka_unit_test(a_decision_is_explained),    cmocka_unit_test(a_manifest_is_learned_from_calls),
      cmocka_unit_test(two_manifests_are_compared), cmocka_unit_test(the_schema_is_printed),
  };
  return cmocka_run_group_tests(tests, write_files, NULL);
}
