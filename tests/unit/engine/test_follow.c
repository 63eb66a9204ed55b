/* SPDX-License-Identifier: MIT */
/* Following a run: what is told, in which order, and never before it is on disk (tokens excepted, which say that they
 * are provisional). */
#include "rig.h"

#include <stdio.h>

static const char graph[] =
    "fairlead: 1\nname: react\nstate: { messages: { reducer: messages } }\n"
    "models: { main: { provider: scripted, script: script.yaml } }\n"
    "nodes:\n  agent: { type: agent, model: main, tools: [t/echo] }\n  tools: { type: tools }\n"
    "edges:\n  - START -> agent\n"
    "  - { from: agent, branch: [ { when: 'size(last(state.messages).tool_calls) > 0', to: tools }, { to: END } ] }\n"
    "  - tools -> agent\n";
static const char script[] = "replies:\n  - when: { user: '.*' }\n    calls: [ { name: t__echo, args: { text: x } } ]\n"
                             "  - when: { tool: '.*' }\n    text: 'It is x.'\n    pieces: 4\n    delay_ms: 5\n";

/* The types of the events, one after the other: "run_start node_start …". */
static const char *types_of(struct rig *rig, const char *mode) {
  static char text[4096];
  text[0] = '\0';
  for (const char *at = rig_told(rig, mode); *at != '\0'; at = strchr(at, '\n') + 1) {
    const char *type = strstr(at, "\"type\":\"");
    if (type == NULL || type > strchr(at, '\n')) continue;
    type += strlen("\"type\":\"");
    snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s ", (int)strcspn(type, "\""), type);
  }
  return text;
}

static void events_tell_each_step_in_order(void **state) {
  for (uint64_t seed = 1; seed < 30; seed++) {
    struct rig rig = {.seed = seed};
    rig_up(&rig);
    fl_store_memory_set_delay(rig.store, seed % 4);
    struct fl_definition *definition = rig_load(&rig, graph, script);
    struct fl_invoke_options options = {.thread = "a", .input = json("{'messages':'go'}"), .follow = FL_FOLLOW_EVENTS};
    assert_int_equal(rig_run(&rig, definition, options), 0);
    assert_string_equal(types_of(&rig, "events"),
                        "run_start node_start model_start model_end node_end node_start tool_start tool_end node_end "
                        "node_start model_start model_end node_end ");
    assert_non_null(strstr(rig.told.data, "\"args\":{\"text\":\"x\"}"));
    assert_non_null(strstr(rig.told.data, "\"tool\":\"t/echo\""));
    rig_deinit(&rig);
  }
}

static void tokens_come_as_they_are_made_and_messages_when_they_are_stored(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, graph, script);
  struct fl_invoke_options options = {.thread = "a", .input = json("{'messages':'go'}"), .follow = FL_FOLLOW_MESSAGES};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  const char *first = strstr(rig.told.data, "\"text\":\"It\""), *last = strstr(rig.told.data, "\"text\":\"x.\"");
  const char *whole = strstr(rig.told.data, "It is x.");
  assert_non_null(first);
  assert_true(last > first && whole > last);
  assert_non_null(strstr(first, "\"provisional\":true"));
  /* asks, tool, answers: each once, with its node and the id that it has in the state */
  assert_string_equal(types_of(&rig, "messages -"), "message message message ");
  const struct fl_value *answer = fl_at(rig_out(&rig, "messages"), 3);
  FL_FREE_AUTO char *head = fl_format("{\"type\":\"message\",\"node\":\"agent\",\"message\":%s,", text_of(answer));
  assert_non_null(strstr(rig.told.data, head));
  rig_deinit(&rig);
}

static void nothing_is_told_that_was_not_asked_for(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, graph, script);
  static const char *const modes[] = {"values",      "updates", "messages", "tasks",
                                      "checkpoints", "custom",  "events",   "debug"};
  for (int i = 0; i < 8; i++) {
    struct fl_invoke_options options = {.input = json("{'messages':'go'}"), .follow = 1u << i};
    assert_int_equal(rig_run(&rig, definition, options), 0);
    const char *text = rig.told.size > 0 ? rig.told.data : "";
    if (i != 5) assert_true(text[0] != '\0');
    assert_string_equal(rig_told(&rig, modes[i]), text);
  }
  rig_deinit(&rig);
}

/* ---- nothing before it is on disk ---- */

struct watch {
  struct rig *rig;
  int checked;
  int64_t last_step;
};

static void on_checkpoint(const struct fl_run_event *event, void *user) {
  struct watch *watch = user;
  if (strcmp(event->mode, "checkpoints") != 0) return;
  struct fl_loaded loaded = {0};
  assert_int_equal(fl_store_load(watch->rig->store, "a", "", 0, &loaded, NULL), 0);
  int64_t told = fl_get_int(fl_get(event->data, "metadata"), "step", fl_get_int(event->data, "step", -99));
  assert_true(told != -99);
  if (loaded.checkpoint_no == 0 || loaded.step < told) fail_msg("step %d was told before it was stored", (int)told);
  assert_true(told > watch->last_step);
  watch->last_step = told;
  watch->checked++;
  fl_loaded_deinit(&loaded);
}

static void a_checkpoint_is_told_when_it_is_stored(void **state) {
  for (uint64_t seed = 1; seed < 20; seed++) {
    struct rig rig = {.seed = seed};
    rig_up(&rig);
    fl_store_memory_set_delay(rig.store, seed % 5 * 3);
    struct watch watch = {.rig = &rig, .last_step = -10};
    struct fl_definition *definition = rig_load(&rig, graph, script);
    struct fl_invoke_options options = {
        .thread = "a", .input = json("{'messages':'go'}"), .follow = 127, .on_event = on_checkpoint, .user = &watch};
    assert_int_equal(rig_run(&rig, definition, options), 0);
    assert_int_equal(watch.checked, 4);
    rig_deinit(&rig);
  }
}

static int say(struct fl_task *task, void *user) {
  fl_task_emit_take(task, json("{'at':'the beginning'}"));
  fl_task_emit_take(task, json("'again'"));
  return FL_DONE;
}

static void what_nodes_emit_is_told_after_what_it_is_based_on(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  fl_runtime_add_function(rig.runtime, "say", say, NULL, NULL);
  struct fl_definition *definition = rig_load(&rig,
                                              "fairlead: 1\nname: s\nstate: { a: {} }\nnodes: { s: { type: c, "
                                              "function: say } }\nedges: [ START -> s, s -> END ]\n",
                                              NULL);
  struct fl_invoke_options options = {
      .thread = "a", .input = json("{'a':1}"), .follow = FL_FOLLOW_CUSTOM | FL_FOLLOW_VALUES};
  assert_int_equal(rig_run(&rig, definition, options), 0);
  assert_string_equal(rig.told.data, "values - {\"a\":1}\ncustom s {\"at\":\"the beginning\"}\ncustom s \"again\"\n");
  rig_deinit(&rig);
}

static void cancel(void *user) { fl_invocation_cancel(user); }

static void a_replayed_call_says_so(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  struct fl_definition *definition =
      rig_load(&rig,
               "fairlead: 1\nname: two\nstate: { messages: { reducer: messages } }\n"
               "nodes: { tools: { type: tools, tools: [t/*, wild/*] } }\nedges: [ START -> tools, tools -> END ]\n",
               NULL);
  struct fl_invoke_options options = {
      .thread = "a",
      .input = json(
          "{'messages':[{'role':'assistant','content':'','tool_calls':[{'id':'1','name':'t__echo','args':{'text':'x'}},"
          "{'id':'2','name':'wild__hang','args':{}}]}]}")};
  fl_world_sim_after(rig.world, 50, cancel, rig_start(&rig, definition, options));
  rig_turn(&rig);
  assert_int_equal(rig.status, FL_E_CANCELLED);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .follow = FL_FOLLOW_EVENTS}), 1);
  assert_string_equal(types_of(&rig, "events"), "run_start node_start tool_end node_end ");
  assert_non_null(strstr(rig.told.data, "\"replayed\":true"));
  assert_non_null(strstr(rig.told.data, "\"outcome\":\"interrupted\""));
  rig_deinit(&rig);
}

static void progress_is_told(void **state) {
  struct rig rig = {.seed = 1};
  rig_up(&rig);
  static const char one[] =
      "fairlead: 1\nname: one\nstate: { a: {} }\n"
      "nodes: { x: { type: tool, tool: wild/firm, args: {} } }\nedges: [ START -> x, x -> END ]\n";
  struct fl_invoke_options options = {.thread = "a", .input = json("{'a':1}"), .follow = FL_FOLLOW_EVENTS};
  struct fl_invocation *invocation = rig_start(&rig, rig_load(&rig, one, NULL), options);
  fl_world_sim_run_until(rig.world, 100);
  assert_non_null(strstr(rig.told.data, "\"type\":\"tool_progress\""));
  assert_non_null(strstr(rig.told.data, "\"message\":\"half\""));
  fl_invocation_cancel(invocation);
  rig_turn(&rig);
  assert_int_equal(rig.status, FL_E_CANCELLED);
  rig_deinit(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(events_tell_each_step_in_order),
      cmocka_unit_test(tokens_come_as_they_are_made_and_messages_when_they_are_stored),
      cmocka_unit_test(nothing_is_told_that_was_not_asked_for),
      cmocka_unit_test(a_checkpoint_is_told_when_it_is_stored),
      cmocka_unit_test(what_nodes_emit_is_told_after_what_it_is_based_on),
      cmocka_unit_test(a_replayed_call_says_so),
      cmocka_unit_test(progress_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
