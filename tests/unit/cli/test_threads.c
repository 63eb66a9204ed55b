/* SPDX-License-Identifier: MIT */
/* run and threads on one store, command by command, as a person would: exit codes, both streams, JSON lines. */
#include "rig.h"
#include "runtime/cli/session.h"
#include "runtime/cli/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char approval[] = "fairlead: 1\n"
                               "name: approval\n"
                               "state: { amount: { type: integer, default: 0 }, answer: {} }\n"
                               "nodes:\n"
                               "  ask: { type: interrupt, value: \"{'refund': state.amount}\", resume: answer }\n"
                               "edges: [ START -> ask, ask -> END ]\n";
static const char talk[] = "fairlead: 1\n"
                           "name: talk\n"
                           "state: { messages: { reducer: messages } }\n"
                           "models: { main: { provider: scripted, script: talk-script.yaml } }\n"
                           "nodes: { agent: { type: agent, model: main } }\n"
                           "edges: [ START -> agent, agent -> END ]\n";
static const char script[] = "replies:\n"
                             "  - when: { user: hello }\n"
                             "    text: \"Good \\e[2J day\"\n";

static void an_interrupt_is_answered(void **state) {
  struct caught caught = {0};
  RUN(3, "run $F/approval.yaml --thread t1 '{\"amount\": 40}'");
  FL_FREE_AUTO char *waits = rig_steady(caught.err);
  assert_string_equal(caught.out, "");
  assert_says(waits, "{\"refund\":40}");
  assert_says(waits, "go on with: fairlead run FOLDER/approval.yaml --thread t1 --resume JSON\n");
  RUN(0, "threads list --status interrupted");
  assert_says(caught.out, "t1 ");
  RUN(0, "threads show t1");
  assert_says(caught.out, "thread t1, graph approval, interrupted, step ");
  assert_says(caught.out, "waits for an answer: ");
  RUN(2, "run $F/approval.yaml --thread t1 --resume yes");
  assert_says(caught.err, "--resume does not hold JSON: ");
  RUN(2, "run $F/approval.yaml --resume 1");
  assert_says(caught.err, "--resume needs --thread ID");
  RUN(0, "run $F/approval.yaml --thread t1 --resume '\"yes\"' -q");
  assert_string_equal(caught.err, "");
  assert_says(caught.out, "\"answer\": \"yes\"");
  RUN(1, "run $F/approval.yaml --thread t1 --resume '\"yes\"'");
  caught_deinit(&caught);
}

static void a_question_is_answered_and_kept(void **state) {
  struct caught caught = {0};
  RUN(0, "run $F/talk.yaml -t t2 hello");
  assert_string_equal(caught.out, "Good \033[2J day\n"); /* no terminal: as it is */
  assert_null(strchr(caught.err, '\033'));
  assert_lacks(caught.err, "go on with --thread"); /* the user knows the name */
  RUN(0, "run $F/talk.yaml hello");
  assert_says(caught.err, "(go on with --thread ");
  RUN(0, "threads show t2");
  assert_says(caught.out, "  user      hello\n  assistant Good \\x1b[2J day\n");
  RUN(0, "threads show t2 --json");
  assert_null(strchr(caught.out, '\033'));
  assert_says(caught.out, "\"interrupts\":[]");
  caught_deinit(&caught);
  rig_command_with(&caught, "hello\n\n", "run $F/talk.yaml -q -");
  assert_code(&caught, 0);
  assert_string_equal(caught.out, "Good \033[2J day\n");
  caught_deinit(&caught);
}

static void events_are_read_again(void **state) {
  struct caught caught = {0};
  RUN(0, "run $F/talk.yaml -t kept --keep-events --json --stream updates,events hello");
  const char *line = strstr(caught.out, "\"mode\":\"updates\"");
  assert_non_null(line);
  while (line > caught.out && line[-1] != '\n') line--;
  char id[80] = "";
  assert_int_equal(sscanf(line, "{\"id\":\"%79[^\"]", id), 1);
  RUN(0, "threads events kept --json");
  assert_says(caught.out, id);
  assert_says(caught.out, "\"run_start\"");
  RUN(0, "threads events kept --after %s --json --follow", id);
  assert_lacks(caught.out, "\"run_start\"");
  RUN(0, "threads events kept -n 1");
  assert_says(caught.out, ":1  events  {");
  RUN(0, "threads events t2");
  assert_says(caught.out, "no events; 'fairlead run --keep-events' keeps them");
  RUN(1, "threads events kept --after nothing:1");
  assert_says(caught.err, "thread kept has kept no event \"nothing:1\"");
  RUN(1, "threads events nobody");
  RUN(2, "threads events kept -n 2 --follow");
  caught_deinit(&caught);
}

/* The last of lines of JSON; NULL when it is none. */
static struct fl_value *last_line(char *text) {
  size_t size = strlen(text);
  if (size == 0 || text[size - 1] != '\n') return NULL;
  text[size - 1] = '\0';
  const char *newline = strrchr(text, '\n'), *line = newline != NULL ? newline + 1 : text;
  struct fl_value *value = NULL;
  return fl_parse(line, strlen(line), &value, NULL) == 0 ? value : NULL;
}

static const struct {
  int code;
  const char *line, *says;
} mistakes[] = {
    {2, "run $F/talk.yaml", "say what to ask"},
    {2, "run $F/none.yaml x", "none.yaml"},
    {2, "run $F x", "it is a folder"},
    {2, "run $F/talk.yaml -t 'a b' x", "\"a b\" cannot be a thread id"},
    {2, "run $F/talk.yaml --stream valves x", "--stream does not know \"valves\""},
    {2, "run $F/talk.yaml --recursion-limit 0 x", "--recursion-limit takes a whole number"},
    {2, "run $F/talk.yaml --input '{}' x", "give one of TEXT, --input and --resume"},
    {2, "run $F/talk.yaml --input '[1]'", "--input takes an object"},
    {2, "run $F/talk.yaml --input '{'", "--input does not hold JSON"},
    {2, "run $F/approval.yaml text", "this graph has no messages channel"},
    {2, "run $F/approval.yaml '[1]'", "this graph has no messages channel"},
    {1, "run $F/talk.yaml --store '' x", "the path of the store is empty"},
    {1, "run $F/talk.yaml --store /proc/x/s.db x", "/proc/x"},
    {1, "run $F/approval.yaml '{\"amuont\": 7}'", "amuont"},
    {1, "run $F/talk.yaml 'another question'", "another question"},
    {1, "threads show nobody", "nobody"},
    {1, "threads history nobody", "nobody"},
    {1, "threads delete nobody --yes", "nobody"},
    {2, "threads delete t2", "--yes"},
    {2, "threads list --status foo", "--status takes idle, busy"},
    {2, "threads list --limit many", "--limit takes a whole number"},
    {1, "threads list --store $F/none.db", "there is no store at"},
    {1, "threads show t2 --checkpoint nothing", "nothing"},
    {1, "threads state nobody", "nobody"},
    {2, "threads state t2 --graph $F/none.yaml", "none.yaml"},
    {2, "threads history t2 --steps x", "--steps takes a step or a range"},
    {2, "threads history t2 --steps 1-x", "--steps takes a step or a range"},
    {2, "threads history t2 --source elsewhere", "--source takes input, loop, update or fork"},
    {2, "threads history t2 --metadata '[1]'", "--metadata takes an object"},
    {1, "threads history t2 --before nothing", "nothing"},
    {2, "threads diff t2", "name a thread and one or two"},
    {1, "threads diff t2 nothing", "nothing"},
    {2, "threads fork t2", "name a thread and one of its checkpoints"},
    {1, "threads fork t2 nothing", "nothing"},
    {1, "threads fork nobody 1", "nobody"},
    {2, "threads fork 'a b' 1", "cannot be a thread id"},
    {2, "threads edit t2", "say what is written"},
    {2, "threads edit t2 --values '{'", "--values does not hold JSON"},
    {1, "threads edit t2 --values '{\"massages\": 1}'", "did you mean \"messages\"?"},
    {1, "threads edit t2 --as nobody", "there is no node \"nobody\""},
    {2, "threads resume t2 yes", "the answer is not JSON"},
    {1, "threads resume nobody", "nobody"},
    {2, "threads copy t2", "name a thread and the new one"},
    {1, "threads copy t2 t2", "t2"},
    {1, "threads copy nobody x", "nobody"},
    {1, "threads fork t2 1 --store $F/none.db", "there is no store at"},
    {2, "run $F/talk.yaml --checkpoint 1 x", "--checkpoint needs --thread ID"},
    {1, "run $F/talk.yaml -q -t t2 --checkpoint nothing x", "nothing"},
};

static void what_cannot_be_run_is_told(void **state) {
  for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
    struct caught caught;
    rig_command(&caught, "%s", mistakes[i].line);
    if (caught.code != mistakes[i].code || strstr(caught.err, mistakes[i].says) == NULL)
      fail_msg("%s: exit %d, %s", mistakes[i].line, caught.code, caught.err);
    assert_string_equal(caught.out, "");
    caught_deinit(&caught);
    rig_command(&caught, "%s --json", mistakes[i].line);
    FL_VALUE_AUTO line = last_line(caught.out);
    if (line == NULL) fail_msg("%s: %s", mistakes[i].line, caught.out);
    assert_int_equal(caught.code, mistakes[i].code);
    assert_says(fl_get_string(fl_get(line, "error"), "message", ""), mistakes[i].says);
    caught_deinit(&caught);
  }
}

static void a_zero_byte_is_no_text(void **state) {
  /* through a file: the rig's input is a string */
  FL_FREE_AUTO char *path = fl_format("%s/zero", rig_folder());
  FILE *file = fopen(path, "we");
  assert_int_equal(fwrite("hel\0lo", 1, 6, file), 6);
  fclose(file);
  struct caught caught;
  FL_FREE_AUTO char *graph = fl_format("%s/talk.yaml", rig_folder());
  const char *words[] = {"fairlead", "run", graph, "-"};
  rig_catch();
  assert_non_null(freopen(path, "re", stdin));
  int code = fl_command_line(4, (char **)words);
  rig_release(&caught);
  assert_int_equal(code, FL_EXIT_USAGE);
  assert_says(caught.err, "zero byte");
  caught_deinit(&caught);
}

static void json_lines_have_their_shapes(void **state) {
  struct caught caught = {0};
  static const struct {
    const char *name, *line;
    int code;
  } rows[] = {
      {"json-run", "run $F/talk.yaml --json -t j1 hello", 0},
      {"json-run-updates", "run $F/talk.yaml --json --stream updates -t j2 hello", 0},
      {"json-run-interrupted", "run $F/approval.yaml --json -t j3 '{\"amount\": 4}'", 3},
      {"json-run-failed", "run $F/talk.yaml --json -t j4 what", 1},
      {"json-threads-show", "threads show j3 --json", 0},
      {"json-threads-history", "threads history j3 --json", 0},
      {"json-threads-delete", "threads delete j3 j4 --yes --json", 0},
      {"text-threads-history", "threads history j1", 0},
      {"text-threads-show", "threads show j1", 0},
      {"text-run-values", "run $F/talk.yaml --stream values -t j5 hello", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    RUN(rows[i].code, "%s", rows[i].line);
    FL_FREE_AUTO char *out = rig_steady(caught.out);
    assert_golden_text(rows[i].name, out);
  }
  caught_deinit(&caught);
}

static void deleting_is_complete(void **state) {
  struct caught caught = {0};
  RUN(0, "run $F/talk.yaml -q -t d1 hello");
  RUN(0, "run $F/talk.yaml -q -t d2 hello");
  RUN(1, "threads delete d1 nobody d2 --yes"); /* one mistake does not spare the others */
  assert_string_equal(caught.out, "deleted d1\ndeleted d2\n");
  RUN(1, "threads show d1");
  RUN(1, "threads show d2");
  RUN(0, "run $F/talk.yaml -q -t d1 hello");
  RUN(0, "threads list --limit 1 --json");
  assert_says(caught.out, "{\"id\":\"d1\",\"graph\":\"talk\",");
  assert_ptr_equal(strchr(caught.out, '\n'), caught.out + strlen(caught.out) - 1);
  caught_deinit(&caught);
}

/* ---- looking back ---- */

/* The n-th oldest checkpoint of a thread, from 0; lives until the next call. */
static const char *nth(const char *thread, int n) {
  static char id[37];
  struct caught caught;
  rig_command(&caught, "threads history %s --json", thread);
  assert_code(&caught, 0);
  char *lines[64], *rest = caught.out;
  int count = 0;
  for (char *line; (line = strsep(&rest, "\n")) != NULL && count < 64;)
    if (line[0] != '\0') lines[count++] = line;
  assert_true(n < count);
  FL_VALUE_AUTO entry = NULL;
  char *line = lines[count - 1 - n];
  assert_int_equal(fl_parse(line, strlen(line), &entry, NULL), 0);
  snprintf(id, sizeof id, "%s", fl_get_string(entry, "checkpoint_id", ""));
  caught_deinit(&caught);
  return id;
}

static void a_thread_goes_another_way(void **state) {
  struct caught caught = {0};
  RUN(3, "run $F/approval.yaml -q -t w1 '{\"amount\": 40}'");
  RUN(0, "threads resume w1 -q '\"yes\"'");
  RUN(0, "threads state w1 --json");
  assert_says(caught.out, "\"values\":{\"amount\":40,\"answer\":\"yes\"}");
  assert_says(caught.out, "\"next\":[]");
  RUN(0, "threads state w1 --checkpoint %s", nth("w1", 0));
  assert_says(caught.out, "\"next\": [\n    \"ask\"\n  ]");
  RUN(0, "threads diff w1 %s", nth("w1", 0));
  assert_says(caught.out, "answer + \"yes\"\n");
  assert_says(caught.out, "next: [\"ask\"] → []\n");
  RUN(0, "threads fork w1 %s", nth("w1", 0));
  assert_says(caught.out, "thread w1 stands at ");
  RUN(3, "threads resume w1 -q");
  RUN(0, "threads resume w1 -q '\"no\"'");
  RUN(3, "run $F/approval.yaml -q -t w1 --checkpoint %s", nth("w1", 0));
  RUN(0, "threads edit w1 --as ask --values '{\"answer\": \"perhaps\"}' --metadata '{\"by\": \"me\"}'");
  RUN(0, "threads history w1 --source update --metadata '{\"by\": \"me\"}' --json");
  assert_says(caught.out, "\"source\":\"update\"");
  RUN(0, "threads copy w1 w2 --state --json");
  assert_says(caught.out, "{\"thread_id\":\"w2\",\"checkpoint_id\":\"");
  RUN(0, "threads history w2 --values --json");
  assert_says(caught.out, "\"values\":{\"amount\":40,\"answer\":\"perhaps\"}");
  assert_ptr_equal(strchr(caught.out, '\n'), caught.out + strlen(caught.out) - 1);
  RUN(0, "threads diff w1 %s --with w2", nth("w1", 0));
  assert_says(caught.out, "answer + \"perhaps\"\n");
  caught_deinit(&caught);
}

static void differences_for_a_person(void **state) {
  static const struct {
    const char *change, *says;
  } rows[] = {
      {"{\"n\":{\"from\":1,\"to\":2}}", "n: 1 → 2\n"},
      {"{\"n\":{\"added\":1}}", "n + 1\n"},
      {"{\"n\":{\"removed\":1}}", "n - 1\n"},
      {"{\"l\":{\"appended\":[1,2]}}", "l + 1\nl + 2\n"},
      {"{\"l\":{\"removed\":[{\"index\":0,\"value\":7}]}}", "l - 7\n"},
      {"{\"l\":{\"inserted\":[{\"index\":0,\"value\":7}]}}", "l + 7\n"},
      {"{\"l\":{\"changed\":[{\"from\":1,\"to\":2,\"index\":3}]}}", "l[3]: 1 → 2\n"},
      {"{\"m\":{\"appended\":[{\"id\":\"a\",\"role\":\"user\",\"content\":\"hi\\u001b\"}]}}", "m + user: hi\\x1b\n"},
      {"{\"m\":{\"changed\":[{\"id\":\"a\",\"from\":1,\"to\":2}]}}", "m[a]: 1 → 2\n"},
      {"{\"o\":{\"members\":{\"a\":{\"members\":{\"b\":{\"added\":1}}}}}}", "o.a.b + 1\n"},
      {"{}", "no differences\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct caught caught;
    FL_VALUE_AUTO diff = fl_object();
    struct fl_value *changes = NULL;
    assert_int_equal(fl_parse(rows[i].change, strlen(rows[i].change), &changes, NULL), 0);
    fl_set_take(diff, "channels", changes);
    rig_catch();
    fl_print_diff(diff);
    rig_release(&caught);
    assert_says(caught.out, rows[i].says);
    caught_deinit(&caught);
  }
}

static void ids_are_completed(void **state) {
  struct caught caught = {0};
  RUN(0, "run $F/talk.yaml -q -t complete-me hello");
  RUN(0, "complete threads complete-");
  assert_string_equal(caught.out, "complete-me\n");
  RUN(0, "complete checkpoints complete-me");
  assert_int_equal(strlen(caught.out), 2 * 37);
  RUN(0, "complete checkpoints nobody");
  assert_string_equal(caught.out, "");
  RUN(0, "complete threads --store $F/none.db");
  assert_string_equal(caught.out, "");
  RUN(2, "complete everything");
  caught_deinit(&caught);
}

static void steps_are_read(void **state) {
  struct caught caught = {0};
  RUN(0, "run $F/talk.yaml -q -t steps hello");
  RUN(0, "run $F/talk.yaml -q -t steps hello");
  static const struct {
    const char *steps;
    size_t rows;
  } rows[] = {{"0", 1}, {"0-1", 2}, {"1-", 3}, {"-1", 2}, {"2-3", 1}, {"9", 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    RUN(0, "threads history steps --json --steps=%s", rows[i].steps);
    size_t count = 0;
    for (const char *c = caught.out; *c != '\0'; c++) count += *c == '\n';
    if (count != rows[i].rows) fail_msg("--steps %s: %zu rows", rows[i].steps, count);
  }
  RUN(0, "threads history steps --steps 9");
  assert_string_equal(caught.out, "no checkpoints\n");
  RUN(0, "threads history steps --before %s", nth("steps", 1));
  assert_says(caught.out, "input");
  caught_deinit(&caught);
}

/* ---- the session behind run ---- */

static void open_session(struct fl_session *session, struct fl_args *args, char *file, const char *thread) {
  static char *items[1];
  items[0] = file;
  *args = (struct fl_args){.command = &fl_commands[0], .count = 1, .items = items};
  args->values[0].option = &fl_commands[0].options[0];
  args->values[0].value = thread;
  args->value_count = 1;
  assert_int_equal(fl_session_open(session, args), 0);
}

static void a_session_knows_what_its_thread_waits_for(void **state) {
  struct caught caught = {0};
  RUN(3, "run $F/approval.yaml -t s1 '{\"amount\": 1}'");
  FL_FREE_AUTO char *file = fl_format("%s/approval.yaml", rig_folder());
  struct fl_session session;
  struct fl_args args;
  open_session(&session, &args, file, "s1");
  assert_false(fl_session_has_messages(&session));
  assert_true(fl_session_is_interrupted(&session));
  FL_VALUE_AUTO description = fl_session_describe(&session);
  const struct fl_value *interrupts = fl_get(description, "interrupts");
  assert_int_equal(fl_size(interrupts), 1);
  FL_VALUE_AUTO answers = fl_object();
  assert_false(fl_session_are_interrupt_ids(answers)); /* an empty object is an answer, not a map of them */
  fl_set_string(answers, fl_get_string(fl_at(interrupts, 0), "id", ""), "yes");
  assert_true(fl_session_are_interrupt_ids(answers));
  fl_set_string(answers, "82480d74-e7fd-8fa0-a0dd-d2e746425bc4", "no"); /* nobody asks under it: for the core to say */
  assert_true(fl_session_are_interrupt_ids(answers));
  fl_set_string(answers, "other", "no");
  assert_false(fl_session_are_interrupt_ids(answers));
  fl_session_close(&session);
  caught_deinit(&caught);
}

static void a_session_knows_a_finished_thread(void **state) {
  struct caught caught = {0};
  RUN(0, "run $F/talk.yaml -q -t s2 hello");
  FL_FREE_AUTO char *file = fl_format("%s/talk.yaml", rig_folder());
  struct fl_session session;
  struct fl_args args;
  open_session(&session, &args, file, "s2");
  FL_VALUE_AUTO hello = fl_session_user_message("hello");
  assert_true(fl_session_has_messages(&session));
  assert_false(fl_session_is_interrupted(&session));
  assert_false(fl_session_is_unfinished(&session, hello)); /* asked again is asked anew */
  fl_session_close(&session);
  open_session(&session, &args, file, "s-none");
  assert_false(fl_session_is_interrupted(&session));
  assert_false(fl_session_is_unfinished(&session, hello));
  fl_session_close(&session);
  caught_deinit(&caught);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_interrupt_is_answered),
      cmocka_unit_test(a_question_is_answered_and_kept),
      cmocka_unit_test(events_are_read_again),
      cmocka_unit_test(what_cannot_be_run_is_told),
      cmocka_unit_test(a_zero_byte_is_no_text),
      cmocka_unit_test(json_lines_have_their_shapes),
      cmocka_unit_test(deleting_is_complete),
      cmocka_unit_test(a_thread_goes_another_way),
      cmocka_unit_test(differences_for_a_person),
      cmocka_unit_test(ids_are_completed),
      cmocka_unit_test(steps_are_read),
      cmocka_unit_test(a_session_knows_what_its_thread_waits_for),
      cmocka_unit_test(a_session_knows_a_finished_thread),
  };
  rig_write("approval.yaml", approval);
  rig_write("talk.yaml", talk);
  rig_write("talk-script.yaml", script);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
