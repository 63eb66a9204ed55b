/* SPDX-License-Identifier: MIT */
/* Many tools, three told: what the model finds, reads and calls; what it may not; what is saved. */
#include "rig.h"

#include "runtime/engine/discovery.h"

#include <stdio.h>
#include <stdlib.h>

#define GRAPH(MORE)                                                                             \
  "fairlead: 1\nname: d\nstate: { messages: { reducer: messages } }\n"                          \
  "models: { main: { provider: scripted, script: script.yaml } }\neffects: { \"t/*\": read }\n" \
  "nodes: { a: { type: react, prompt: You work., tools: [t/echo, t/late]" MORE " } }\nedges: [ START -> a -> END ]\n"

static int run(struct rig *rig, const char *graph, const char *script) {
  rig_up(rig);
  struct fl_invoke_options options = {
      .thread = "t", .input = json("{'messages':'go'}"), .follow = FL_FOLLOW_EVENTS | FL_FOLLOW_UPDATES};
  return rig_run(rig, rig_load(rig, graph, script), options);
}

static void tools_are_found_read_and_called(void **state) {
  static const char script[] =
      "replies:\n"
      "  - { when: { user: go }, calls: [ { name: find_tools, args: { query: echo } } ] }\n"
      "  - { when: { tool: \"^t__echo: \" }, calls: [ { name: describe_tool, args: { name: t__echo } } ] }\n"
      "  - { when: { tool: '\"arguments\"' }, calls: [ { name: call_tool, args: { name: t__echo, arguments: { text: "
      "hello } } } ] }\n"
      "  - { when: { tool: hello }, text: done }\n";
  struct rig rig = {0};
  assert_int_equal(run(&rig, GRAPH(", discover_above: 0"), script), 0);
  assert_string_equal(rig.calls.data, "echo ");
  const char *said = rig_messages(&rig, 0);
  assert_non_null(strstr(said, "tool: t__echo: "));
  assert_non_null(strstr(said, "tool: hello\nassistant: done\n"));
  /* the answer belongs to the model's own call */
  const struct fl_value *asked = fl_at(fl_get(fl_at(rig_out(&rig, "messages"), 5), "tool_calls"), 0);
  const struct fl_value *answer = fl_at(rig_out(&rig, "messages"), 6);
  assert_string_equal(fl_get_string(answer, "tool_call_id", ""), fl_get_string(asked, "id", "?"));
  assert_string_equal(fl_get_string(answer, "name", ""), "call_tool");
  assert_non_null(strstr(rig.told.data, "tokens_saved"));
  rig_deinit(&rig);
}

static void what_the_node_does_not_name_is_neither_found_nor_called(void **state) {
  static const char script[] = "replies:\n"
                               "  - { when: { user: go }, calls: [ { name: find_tools, args: { query: \"\" } },\n"
                               "      { name: describe_tool, args: { name: t__big } }, { name: call_tool, args: { "
                               "name: t__big, arguments: { size: 3 } } },\n"
                               "      { name: call_tool, args: { name: t__echo, arguments: { txt: x } } }, { name: "
                               "call_tool, args: { name: t__ecco } },\n"
                               "      { name: find_tools, args: { query: zebra } } ] }\n"
                               "  - { when: { tool: . }, text: done }\n";
  struct rig rig = {0};
  assert_int_equal(run(&rig, GRAPH(", discover_above: 0"), script), 0);
  const struct fl_value *messages = rig_out(&rig, "messages");
  const char *all = fl_get_string(fl_at(messages, 2), "content", "");
  assert_non_null(strstr(all, "t__echo: "));
  assert_non_null(strstr(all, "t__late: "));
  assert_null(strstr(all, "t__big"));
  static const char *const parts[] = {"there is no tool named \"t__big\"", "", "do not fit the tool's schema",
                                      "Did you mean \"t__echo\"", "No tool fits"};
  for (size_t i = 0; i < 5; i++) {
    const char *content = fl_get_string(fl_at(messages, 3 + i), "content", "");
    if (strstr(content, parts[i]) == NULL) fail_msg("%zu: %s", i, content);
  }
  assert_string_equal(fl_get_string(fl_at(messages, 4), "status", ""), "error");
  assert_true(rig.calls.size == 0);
  rig_deinit(&rig);
}

static void few_tools_are_told_as_they_are(void **state) {
  static const char script[] =
      "replies:\n  - { when: { user: go }, calls: [ { name: find_tools, args: { query: x } } ] }\n"
      "  - { when: { tool: . }, text: done }\n";
  struct rig rig = {0};
  assert_int_equal(run(&rig, GRAPH(""), script), 0);
  assert_null(strstr(rig.told.data, "tokens_saved"));
  rig_deinit(&rig);
}

static int never_called(struct fl_call *call, const struct fl_value *args, void *user) {
  fail_msg("a tool was called");
  return 0;
}

static const struct fl_tool *make_catalog(size_t count, struct fl_tool *tools, char names[][32]) {
  for (size_t i = 0; i < count; i++) {
    snprintf(names[i], 32, "tool_%zu", i);
    tools[i] = (struct fl_tool){
        .size = sizeof *tools,
        .name = names[i],
        .description = "Looks up the record of a customer, an order or an invoice in the books of the company, by its "
                       "number or by the name that stands on it, and tells its state, its dates and its amounts.",
        .input_schema =
            "{\"type\":\"object\",\"properties\":{\"number\":{\"type\":\"string\",\"description\":\"the number "
            "of the record as it is printed on paper\"},\"name\":{\"type\":\"string\",\"description\":\"the name "
            "of the customer, or a part of it\"},\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100},"
            "\"since\":{\"type\":\"string\",\"format\":\"date\",\"description\":\"only records from that day "
            "on\"}},\"required\":[\"number\"],\"additionalProperties\":false}",
        .run = never_called};
  }
  return tools;
}

/* The figure of a catalog that does not change: what three tools save beside 150. */
static void a_catalog_of_150_tools_costs_a_fraction(void **state) {
  static struct fl_tool tools[150];
  static char names[150][32];
  struct rig rig = {0};
  rig_up(&rig);
  assert_int_equal(fl_runtime_add_tools(rig.runtime, "erp", make_catalog(150, tools, names), 150, NULL), 0);
  static const char graph[] = "fairlead: 1\nname: d\nstate: { messages: { reducer: messages } }\n"
                              "models: { main: { provider: scripted, script: script.yaml } }\n"
                              "nodes: { a: { type: react, prompt: You work., tools: [erp/*], discover_above: 10000 } "
                              "}\nedges: [ START -> a -> END ]\n";
  struct fl_invoke_options options = {.thread = "t", .input = json("{'messages':'go'}"), .follow = FL_FOLLOW_EVENTS};
  assert_int_equal(rig_run(&rig, rig_load(&rig, graph, "replies: [ { text: done } ]\n"), options), 0);
  const char *at = strstr(rig.told.data, "\"tokens\":");
  assert_non_null(at);
  long whole = strtol(at + strlen("\"tokens\":"), NULL, 10);
  long told = strtol(strstr(rig.told.data, "\"tokens_told\":") + strlen("\"tokens_told\":"), NULL, 10);
  print_message("150 tools: %ld tokens, %ld told, %.1f %% saved\n", whole, told,
                100.0 * (double)(whole - told) / (double)whole);
  assert_true(whole > 20000 && told < 350);
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tools_are_found_read_and_called),
      cmocka_unit_test(what_the_node_does_not_name_is_neither_found_nor_called),
      cmocka_unit_test(few_tools_are_told_as_they_are),
      cmocka_unit_test(a_catalog_of_150_tools_costs_a_fraction),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
