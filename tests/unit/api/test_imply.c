/* SPDX-License-Identifier: MIT */
/* The manifest that a graph implies decides as the graph's own list does, and is a manifest that can be saved. */
#include "runtime/api/imply.h"
#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <string.h>

static const char *const graphs[] = {
    "fairlead: 1\nname: g\nstate: { messages: { reducer: messages } }\n"
    "mcpServers: { math: { command: math-mcp, args: [--key, secret-1234] }, web: { url: \"https://k:v@a.example/\" } "
    "}\n"
    "effects: { \"math/*\": read, math/pay: once, web/get: read }\n"
    "nodes: { tools: { type: tools, tools: [math/*, web/get] } }\nedges: [ START -> tools -> END ]\n",
    "fairlead: 1\nname: g\nstate: { messages: { reducer: messages } }\neffects: { mail/send: keyed, \"mail/s*\": read "
    "}\n"
    "mcpServers: { mail: { command: m } }\n"
    "nodes: { tools: { type: tools, tools: [mail/send, mail/send] } }\nedges: [ START -> tools -> END ]\n",
    "fairlead: 1\nname: g\nstate: { a: {} }\nnodes: { x: { type: set, write: { a: \"1\" } } }\nedges: [ START -> x -> "
    "END ]\n",
};
static const char *const tools[] = {"math/add",  "math/pay",  "math/payee", "web/get",   "web/post", "other/x",
                                    "mail/send", "mail/sent", "mail/read",  "maths/add", "web/gets", "Math/add"};

static struct fl_graph_file load(const char *text) {
  FL_FREE_AUTO char *path = fl_format("%s/graph.yaml", test_folder());
  FILE *out = fopen(path, "we");
  assert_non_null(out);
  fputs(text, out);
  fclose(out);
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  if (fl_load_graph_file(path, &file, &diags) < 0) fail_msg("%s", diags.items[0].message);
  fl_diags_deinit(&diags);
  return file;
}

static struct fl_decision decide(const struct fl_policy *policy, const char *tool, struct fl_value *args) {
  struct fl_policy_facts facts = {
      .labels = FL_LABELS_ALL, .run_labels = FL_LABELS_ALL, .class = {.leads_to = FL_LABEL_EGRESS}};
  struct fl_policy_call call = {.tool = tool, .args = args, .facts = &facts};
  struct fl_decision decision;
  fl_policy_decide(policy, &call, &decision);
  fl_decision_deinit(&decision);
  return decision;
}

static void it_decides_as_the_list_of_the_graph_does(void **state) {
  FL_VALUE_AUTO args = fl_object();
  size_t allowed = 0;
  for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) {
    struct fl_graph_file file = load(graphs[i]);
    struct fl_runtime nobody = {0};
    struct fl_manifest *manifest = NULL;
    struct fl_diags diags = {0};
    if (fl_imply_manifest(&file, &manifest, &diags) < 0) fail_msg("%s", diags.items[0].message);
    struct fl_policy *implied = fl_policy_create_manifest(manifest, NULL);
    struct fl_policy *list = fl_allow_list(&nobody, file.definition, file.effects);
    for (size_t j = 0; j < sizeof tools / sizeof *tools; j++) {
      struct fl_decision one = decide(implied, tools[j], args), other = decide(list, tools[j], args);
      allowed += one.verdict == FL_VERDICT_ALLOW;
      if (one.verdict != other.verdict || (one.verdict == FL_VERDICT_ALLOW && one.effect != other.effect))
        fail_msg("graph %zu, %s: %s, effect %d; %s, effect %d", i, tools[j], one.rule, one.effect, other.rule,
                 other.effect);
    }
    fl_policy_destroy(list);
    fl_policy_destroy(implied);
    fl_manifest_unref(manifest);
    fl_diags_deinit(&diags);
    fl_graph_file_deinit(&file);
  }
  assert_int_equal(allowed, 5);
}

/* Command lines and URLs may hold what the environment put there. */
static void it_can_be_shown_to_anybody(void **state) {
  struct fl_graph_file file = load(graphs[0]);
  struct fl_manifest *manifest = NULL;
  struct fl_diags diags = {0};
  assert_int_equal(fl_imply_manifest(&file, &manifest, &diags), 0);
  char *text = fl_dump(fl_manifest_root(manifest), NULL);
  assert_null(strstr(text, "secret-1234"));
  assert_null(strstr(text, "k:v"));
  assert_non_null(strstr(text, "\"math\":{\"transport\":\"stdio\"}"));
  assert_non_null(strstr(text, "\"web\":{\"transport\":\"http\"}"));
  fl_text_free(text);
  fl_manifest_unref(manifest);
  fl_diags_deinit(&diags);
  fl_graph_file_deinit(&file);
}

int main(void) {
  const struct CMUnitTest rows[] = {
      cmocka_unit_test(it_decides_as_the_list_of_the_graph_does),
      cmocka_unit_test(it_can_be_shown_to_anybody),
  };
  return cmocka_run_group_tests(rows, NULL, NULL);
}
