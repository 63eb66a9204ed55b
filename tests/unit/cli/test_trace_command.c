/* SPDX-License-Identifier: MIT */
/* fairlead trace on a store of its own: runs are made by fairlead run, and looked at. */
#include "rig.h"

#include "runtime/cli/trace.h"

#include <stdio.h>

static const char talk[] = "fairlead: 1\nname: talk\n"
                           "state: { messages: { reducer: messages }, n: { type: integer } }\n"
                           "models: { main: { provider: scripted, script: trace-script.yaml } }\n"
                           "nodes:\n  agent: { type: agent, model: main }\n"
                           "  count: { type: set, write: { n: \"4\" } }\n"
                           "edges: [ START -> agent, agent -> count, count -> END ]\n";
static const char script[] = "replies:\n  - when: { user: hello }\n    text: Good day\n"
                             "    usage: { input_tokens: 12, output_tokens: 3 }\n";

/* The value of a member of the first line, a text. */
static void take_member(const char *line, const char *name, char ret_text[64]) {
  FL_FREE_AUTO char *key = fl_format("\"%s\":\"", name);
  const char *at = strstr(line, key);
  if (at == NULL) fail_msg("no %s in %s", name, line);
  snprintf(ret_text, 64, "%.*s", (int)strcspn(at + strlen(key), "\""), at + strlen(key));
}

static void runs_are_listed_and_shown(void **state) {
  struct caught caught = {0};
  char run[64];
  rig_write("trace-talk.yaml", talk);
  rig_write("trace-script.yaml", script);
  RUN(0, "run $F/trace-talk.yaml -t seen hello");
  RUN(1, "run $F/trace-talk.yaml -t failed nobody-knows");
  RUN(0, "trace list --thread seen");
  assert_says(caught.out, "done");
  assert_says(caught.out, "12 + 3");
  assert_lacks(caught.out, "failed");
  RUN(0, "trace list --thread failed");
  assert_says(caught.out, "failed");
  RUN(0, "trace list --graph other");
  assert_string_equal(caught.out, "no runs\n");
  RUN(0, "trace list --thread seen --since 1h --json");
  assert_says(caught.out, "\"status\":\"done\"");
  assert_says(caught.out, "\"output_tokens\":3");
  take_member(caught.out, "run_id", run);
  RUN(0, "trace show %s", run);
  assert_says(caught.out, ", graph talk, thread seen\ndone, began ");
  assert_says(caught.out, "├ step 0 (input) ");
  assert_says(caught.out, "│ └ node agent ");
  assert_says(caught.out, "│   └ model main ");
  assert_says(caught.out, "12 → 3 tokens");
  assert_says(caught.out, "└ step 2 ");
  assert_lacks(caught.out, "commit");
  RUN(0, "trace show %s --all", run);
  assert_says(caught.out, "commit ");
  RUN(0, "trace show %s --json", run);
  assert_says(caught.out, "\"kind\":\"model\",\"name\":\"main\"");
  RUN(0, "trace show %s --step 2", run);
  assert_says(caught.out, "n");
  assert_says(caught.out, "4");
  RUN(1, "trace show %s --step 9", run);
  assert_says(caught.err, "has no superstep 9 that ended");
  caught_deinit(&caught);
}

static void a_replay_says_where_a_run_differs(void **state) {
  struct caught caught = {0};
  char run[64];
  RUN(0, "run $F/trace-talk.yaml -t again hello");
  RUN(0, "trace list --thread again --json");
  take_member(caught.out, "run_id", run);
  rig_write("trace-script.yaml", "replies:\n  - when: { user: nothing }\n    text: no\n"); /* nobody is asked */
  RUN(0, "trace replay %s", run);
  assert_string_equal(caught.out, "the same: 2 supersteps, with the answers that the thread holds\n");
  RUN(0, "trace replay %s --json", run);
  assert_says(caught.out, "\"same\":true,\"steps\":2,\"differences\":[]");
  FL_FREE_AUTO char *changed = fl_strdup(talk);
  char *four = strstr(changed, "\"4\"");
  four[1] = '5';
  rig_write("trace-talk.yaml", changed);
  RUN(1, "trace replay %s", run);
  assert_says(caught.out, "step 2 n\n  then: 4\n  now:  5\n");
  rig_write("trace-talk.yaml", talk);
  rig_write("trace-script.yaml", script);
  RUN(0, "threads list --json");
  assert_lacks(caught.out, "replay");
  RUN(2, "trace replay");
  RUN(1, "trace replay 00000000");
  caught_deinit(&caught);
}

static void a_tail_leaves_when_enough_have_ended(void **state) {
  struct caught caught = {0};
  RUN(0, "trace tail --all --runs 1 --thread seen");
  assert_says(caught.out, "node      agent");
  assert_says(caught.out, "\"status\":\"done\"");
  assert_lacks(caught.out, "commit");
  RUN(0, "trace tail --all --runs 1 --thread seen --json");
  assert_says(caught.out, "\"kind\":\"commit\"");
  caught_deinit(&caught);
}

static void runs_are_counted_exported_and_forgotten(void **state) {
  struct caught caught = {0};
  RUN(0, "run $F/trace-talk.yaml -t users --user ada hello");
  RUN(0, "trace stats --thread users");
  assert_says(caught.out, "100.0 % of the runs of talk that ended are done or wait for an answer");
  RUN(0, "trace stats --json");
  assert_says(caught.out, "\"models\":[{\"name\":\"scripted\"");
  RUN(0, "trace export --user ada");
  assert_says(caught.out, "\"thread\":\"users\"");
  assert_says(caught.out, "\"spans\":[{");
  assert_lacks(caught.out, "\"ada\"");
  RUN(0, "trace export --thread users --format otlp-json");
  assert_says(caught.out, "{\"resourceSpans\":[");
  assert_says(caught.out, "\"name\":\"invoke_agent talk\"");
  RUN(0, "trace export --thread users --format otlp-json --names latest");
  assert_says(caught.out, "gen_ai.response.time_to_first_chunk");
  RUN(1, "trace export 00000000");
  RUN(2, "trace export --format xml");
  RUN(2, "trace export --names 1.0");
  RUN(2, "trace export --endpoint http://127.0.0.1:1/ --format jsonl");
  RUN(2, "trace export --endpoint http://127.0.0.1:1/ --headers nonsense");
  RUN(2, "trace erase");
  RUN(2, "trace erase --user ada --thread users");
  RUN(2, "trace prune");
  RUN(2, "trace prune --older-than soon");
  RUN(0, "trace prune --older-than 1d");
  assert_string_equal(caught.out, "forgot 0 runs, or what was said in them\n");
  RUN(0, "trace erase --user ada --json");
  assert_string_equal(caught.out, "{\"runs\":1}\n");
  RUN(0, "trace list --thread users");
  assert_string_equal(caught.out, "no runs\n");
  caught_deinit(&caught);
}

static void mistakes_are_said(void **state) {
  struct caught caught = {0};
  RUN(2, "trace show");
  assert_says(caught.err, "name one run");
  RUN(2, "trace list --since yesterday");
  assert_says(caught.err, "--since takes an age like 90s");
  RUN(2, "trace list extra");
  RUN(2, "trace tail extra");
  RUN(1, "trace show 00000000");
  assert_says(caught.err, "there is no trace of a run \"00000000\"");
  RUN(1, "trace show %s", "no-such-id");
  caught_deinit(&caught);
}

static void times_are_said_in_their_unit(void **state) {
  static const struct {
    int64_t us;
    const char *text;
  } rows[] = {{0, "0 µs"}, {999, "999 µs"}, {1000, "1.0 ms"}, {1234567, "1.23 s"}, {250000000, "4 min 10 s"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char text[FL_SPAN_TIME_SIZE];
    fl_format_span_time(rows[i].us, text);
    assert_string_equal(text, rows[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_are_listed_and_shown),
      cmocka_unit_test(a_replay_says_where_a_run_differs),
      cmocka_unit_test(a_tail_leaves_when_enough_have_ended),
      cmocka_unit_test(runs_are_counted_exported_and_forgotten),
      cmocka_unit_test(mistakes_are_said),
      cmocka_unit_test(times_are_said_in_their_unit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
