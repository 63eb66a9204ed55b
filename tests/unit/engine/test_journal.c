/* SPDX-License-Identifier: MIT */
/* The journal of calls: a node that runs again finds its calls answered; a call that left before a crash is repeated,
 * repeated with its key, or asked about, by its kind. */
#include "rig.h"

/* Three calls, one after the other; what they answered goes to `said`. */
static const char *const three[] = {"t/echo", "t/echo", "t/crash"};

static const char *said_before = ""; /* what each call says before its number */

static int next_call(struct fl_task *task, size_t index);

static void on_answer(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  size_t index = (size_t)(uintptr_t)user;
  const char *prefix = fl_get_bool(result, "isError", false) ? "error: " : "";
  struct fl_value *said =
      result != NULL ? fl_stringf("%s%s", prefix, fl_get_string(fl_at(fl_get(result, "content"), 0), "text", ""))
                     : fl_string(fl_error_word(err->code));
  fl_task_write_take(task, "said", said);
  int rc = index + 1 < 3 ? next_call(task, index + 1) : FL_DONE;
  if (rc != FL_PENDING) fl_task_complete(task, rc);
}

static int next_call(struct fl_task *task, size_t index) {
  FL_VALUE_AUTO args = fl_object();
  fl_set_take(args, "text", fl_stringf("%s%zu", said_before, index));
  int rc = fl_task_call_tool(task, three[index], args, on_answer, (void *)(uintptr_t)index);
  return rc < 0 ? rc : FL_PENDING;
}

static int run_three(struct fl_task *task, void *user) { return next_call(task, 0); }

static struct fl_definition *load_three(struct rig *rig, const char *effect) {
  fl_runtime_add_function(rig->runtime, "three", run_three, NULL, NULL);
  FL_FREE_AUTO char *text =
      fl_format("fairlead: 1\nname: three\nstate: { said: { reducer: append } }\n"
                "nodes: { three: { type: c, function: three } }\n%s%s%s"
                "edges: [ START -> three, three -> END ]\n",
                effect != NULL ? "effects: { 't/*': " : "", effect != NULL ? effect : "", effect != NULL ? " }\n" : "");
  return rig_load(rig, text, NULL);
}

/* The first life: dies in the third call. */
static void die_in_the_third(struct rig *rig, const char *effect) {
  rig_up(rig);
  rig->crashes_left = 1;
  rig_start(rig, load_three(rig, effect), (struct fl_invoke_options){.thread = "a", .input = json("{'said':[]}")});
  assert_int_equal(rig_turn(rig), FL_SIM_CRASHED);
  rig_down(rig);
  assert_string_equal(rig->calls.data, "echo echo crash ");
  fl_buf_clear(&rig->calls);
  rig_up(rig);
}

static void a_call_that_may_be_repeated_is(void **state) {
  struct rig rig = {.seed = 4}; /* the answer of the second call is on disk when the third one dies */
  die_in_the_third(&rig, "read");
  assert_int_equal(rig_run(&rig, load_three(&rig, "read"), (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(rig.calls.data, "crash ");
  assert_json(rig.output, "{'said':['0','1','2']}");
  rig_deinit(&rig);
}

static void a_call_with_a_key_is_repeated_with_its_key(void **state) {
  struct rig rig = {.seed = 1};
  die_in_the_third(&rig, "keyed");
  assert_int_equal(rig_run(&rig, load_three(&rig, "keyed"), (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(rig.calls.data, "crash ");
  const char *first = strstr(rig.call_ids, "crash:"), *second = strstr(first + 1, "crash:");
  assert_true(strchr(first, ' ') - first > 30);
  assert_memory_equal(first, second, (size_t)(strchr(first, ' ') - first));
  rig_deinit(&rig);
}

static void a_call_that_happens_once_is_asked_about(void **state) {
  static const struct {
    const char *answer, *said, *calls;
  } rows[] = {
      {"{'action':'retry'}", "{'said':['0','1','2']}", "crash "},
      {"'retry'", "{'said':['0','1','2']}", "crash "},
      {"{'action':'result','text':'it was paid'}", "{'said':['0','1','it was paid']}", ""},
      {"{'action':'fail'}", "{'said':['0','1','error: The call failed: its outcome is unknown.']}", ""},
      {"'fail'", "{'said':['0','1','error: The call failed: its outcome is unknown.']}", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct rig rig = {.seed = 1};
    die_in_the_third(&rig, NULL);
    struct fl_definition *definition = load_three(&rig, NULL);
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 1);
    assert_int_equal(rig.calls.size, 0);
    assert_int_equal(fl_size(rig.interrupts), 1);
    const struct fl_value *question = fl_get(fl_at(rig.interrupts, 0), "value");
    assert_string_equal(fl_get_string(question, "kind", ""), "outcome_unknown");
    assert_string_equal(fl_get_string(question, "tool", ""), "t/crash");
    assert_json(fl_get(question, "args"), "{'text':'2'}");
    assert_string_equal(rig_stored_status(&rig, "a"), "interrupted");
    struct fl_invoke_options resume = {.thread = "a", .resume = json(rows[i].answer)};
    assert_int_equal(rig_run(&rig, definition, resume), 0);
    assert_json(rig.output, rows[i].said);
    assert_string_equal(rig.calls.size > 0 ? rig.calls.data : "", rows[i].calls);
    rig_deinit(&rig);
  }
}

static void an_answer_that_says_nothing_is_asked_for_again(void **state) {
  static const char *const slips[] = {"'yes'", "{'action':'Retry'}", "{'action':'result'}", "null"};
  struct rig rig = {.seed = 1};
  die_in_the_third(&rig, NULL);
  assert_int_equal(rig_run(&rig, load_three(&rig, NULL), (struct fl_invoke_options){.thread = "a"}), 1);
  for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
    struct fl_invoke_options slip = {.thread = "a", .resume = json(slips[i])};
    assert_int_equal(rig_run(&rig, load_three(&rig, NULL), slip), 1);
    assert_int_equal(fl_size(rig.interrupts), 1);
    const struct fl_value *question = fl_get(fl_at(rig.interrupts, 0), "value");
    assert_string_equal(fl_get_string(question, "kind", ""), "outcome_unknown");
    assert_json(fl_get(question, "not_understood"), slips[i]);
    rig_down(&rig); /* what was not understood is stored like any answer, and is read again */
    rig_up(&rig);
  }
  assert_int_equal(rig.calls.size, 0);
  struct fl_invoke_options answer = {.thread = "a", .resume = json("{'action':'result','text':'paid'}")};
  assert_int_equal(rig_run(&rig, load_three(&rig, NULL), answer), 0);
  assert_json(rig.output, "{'said':['0','1','paid']}");
  assert_int_equal(rig.calls.size, 0);
  rig_deinit(&rig);
}

static void an_answer_counts_once(void **state) {
  struct rig rig = {.seed = 1};
  die_in_the_third(&rig, NULL);
  rig_run(&rig, load_three(&rig, NULL), (struct fl_invoke_options){.thread = "a"});
  rig.crashes_left = 1; /* it dies in the repeat, too */
  struct fl_invoke_options resume = {.thread = "a", .resume = json("'retry'")};
  rig_start(&rig, load_three(&rig, NULL), resume);
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  rig_down(&rig);
  rig_up(&rig);
  fl_buf_clear(&rig.calls);
  assert_int_equal(rig_run(&rig, load_three(&rig, NULL), (struct fl_invoke_options){.thread = "a"}), 1);
  assert_int_equal(rig.calls.size, 0);
  struct fl_invoke_options again = {.thread = "a", .resume = json("{'action':'result','text':'yes'}")};
  assert_int_equal(rig_run(&rig, load_three(&rig, NULL), again), 0);
  assert_json(rig.output, "{'said':['0','1','yes']}");
  rig_deinit(&rig);
}

static void a_resume_must_answer_something_that_is_asked(void **state) {
  struct rig rig = {.seed = 1};
  die_in_the_third(&rig, NULL);
  struct fl_definition *definition = load_three(&rig, NULL);
  rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"});
  struct fl_invoke_options resume = {.thread = "a", .resume = json("'fail'")};
  assert_int_equal(rig_run(&rig, definition, resume), 0);
  struct fl_invoke_options second = {.thread = "a", .resume = json("'retry'")};
  assert_int_equal(rig_run(&rig, definition, second), FL_E_CONFLICT);
  rig_deinit(&rig);
}

/* The stored answers belong to other calls than the node makes now: nobody is told them, and nothing leaves. */
static void a_node_that_makes_other_calls_when_it_runs_again_is_told(void **state) {
  struct rig rig = {.seed = 1};
  die_in_the_third(&rig, NULL);
  said_before = "other ";
  assert_int_equal(rig_run(&rig, load_three(&rig, NULL), (struct fl_invoke_options){.thread = "a"}), 0);
  said_before = "";
  assert_int_equal(rig.calls.size, 0);
  assert_json(rig.output, "{'said':['conflict','conflict','conflict']}");
  rig_deinit(&rig);
}

/* ---- several unknown outcomes in one task ---- */

static const char parallel[] =
    "fairlead: 1\nname: parallel\nstate: { messages: { reducer: messages } }\n"
    "nodes: { tools: { type: tools, tools: [t/*] } }\nedges: [ START -> tools, tools -> END ]\n";

static void each_question_gets_its_own_answer(void **state) {
  struct rig rig = {.seed = 1, .crashes_left = 1};
  rig_up(&rig);
  struct fl_invoke_options options = {.thread = "a",
                                      .input = json("{'messages':[{'role':'assistant','content':'','tool_calls':["
                                                    "{'id':'1','name':'t__crash','args':{'text':'first'}},"
                                                    "{'id':'2','name':'t__crash','args':{'text':'second'}}]}]}")};
  rig_start(&rig, rig_load(&rig, parallel, NULL), options);
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  rig_down(&rig);
  rig_up(&rig);
  struct fl_definition *definition = rig_load(&rig, parallel, NULL);
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 1);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(fl_size(rig.interrupts), 1);
    const struct fl_value *args = fl_get(fl_get(fl_at(rig.interrupts, 0), "value"), "args");
    const char *asked = fl_get_string(args, "text", "");
    assert_string_equal(asked, i == 0 ? "first" : "second");
    struct fl_value *answer = json("{'action':'result'}");
    fl_set_take(answer, "text", fl_stringf("the %s came to pass", asked));
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .resume = answer}), i == 0);
  }
  assert_string_equal(rig_messages(&rig, 1), "tool: the first came to pass\ntool: the second came to pass\n");
  rig_deinit(&rig);
}

/* ---- what a node asks and what it calls, in one task ---- */

static void on_called(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  struct fl_value *answer = NULL;
  FL_VALUE_AUTO question = json("'and then?'");
  int rc = fl_task_interrupt(task, question, &answer);
  if (rc == 0) fl_task_write_take(task, "said", fl_value_ref(answer));
  fl_task_complete(task, rc);
}

static int call_then_ask(struct fl_task *task, void *user) {
  FL_VALUE_AUTO args = json("{'text':'x'}");
  int rc = fl_task_call_tool(task, "t/crash", args, on_called, NULL);
  return rc < 0 ? rc : FL_PENDING;
}

static struct fl_definition *load_asking(struct rig *rig) {
  fl_runtime_add_function(rig->runtime, "asking", call_then_ask, NULL, NULL);
  return rig_load(rig,
                  "fairlead: 1\nname: asking\nstate: { said: { reducer: append } }\n"
                  "nodes: { asking: { type: c, function: asking } }\nedges: [ START -> asking, asking -> END ]\n",
                  NULL);
}

static void questions_of_the_node_and_about_its_calls_do_not_mix(void **state) {
  struct rig rig = {.seed = 1, .crashes_left = 1};
  rig_up(&rig);
  rig_start(&rig, load_asking(&rig), (struct fl_invoke_options){.thread = "a", .input = json("{'said':[]}")});
  assert_int_equal(rig_turn(&rig), FL_SIM_CRASHED);
  rig_down(&rig);
  rig_up(&rig);
  assert_int_equal(rig_run(&rig, load_asking(&rig), (struct fl_invoke_options){.thread = "a"}), 1);
  assert_string_equal(fl_get_string(fl_get(fl_at(rig.interrupts, 0), "value"), "kind", ""), "outcome_unknown");
  struct fl_invoke_options first = {.thread = "a", .resume = json("'retry'")};
  assert_int_equal(rig_run(&rig, load_asking(&rig), first), 1);
  assert_json(fl_get(fl_at(rig.interrupts, 0), "value"), "'and then?'");
  rig_down(&rig);
  rig_up(&rig);
  struct fl_invoke_options second = {.thread = "a", .resume = json("'home'")};
  assert_int_equal(rig_run(&rig, load_asking(&rig), second), 0);
  assert_json(rig.output, "{'said':['home']}");
  assert_string_equal(rig.calls.data, "crash crash ");
  rig_deinit(&rig);
}

/* ---- a node whose writes are refused ---- */

static void on_odd(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  fl_task_write_take(task, "messages", fl_int(7)); /* not a message */
  fl_task_complete(task, FL_DONE);
}

static void on_right(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  fl_task_write_take(task, "messages", fl_value_ref(fl_get(fl_at(fl_get(result, "content"), 0), "text")));
  fl_task_complete(task, FL_DONE);
}

static int call_and_write(struct fl_task *task, void *user) {
  FL_VALUE_AUTO args = json("{'text':'paid'}");
  int rc = fl_task_call_tool(task, "t/echo", args, *(bool *)user ? on_odd : on_right, NULL);
  return rc < 0 ? rc : FL_PENDING;
}

static void results_outlive_a_node_whose_writes_are_refused(void **state) {
  struct rig rig = {.seed = 1};
  bool is_odd = true;
  rig_up(&rig);
  fl_runtime_add_function(rig.runtime, "odd", call_and_write, &is_odd, NULL);
  struct fl_definition *definition =
      rig_load(&rig,
               "fairlead: 1\nname: odd\nstate: { messages: { reducer: messages } }\n"
               "nodes: { odd: { type: c, function: odd } }\nedges: [ START -> odd, odd -> END ]\n",
               NULL);
  assert_true(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'messages':[]}")}) <
              0);
  is_odd = false; /* the program has been put right */
  assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a"}), 0);
  assert_string_equal(rig_messages(&rig, 0), "user: paid\n");
  assert_string_equal(rig.calls.data, "echo ");
  rig_deinit(&rig);
}

struct asking {
  bool has_late, has_answer;
};

static void on_kept(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  struct asking *asking = user;
  fl_task_write_take(task, "messages", fl_value_ref(fl_get(fl_at(fl_get(result, "content"), 0), "text")));
  asking->has_late = true;
  if (asking->has_answer) fl_task_complete(task, FL_DONE);
}

static void on_first(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  struct asking *asking = user;
  struct fl_value *answer = NULL;
  FL_VALUE_AUTO question = json("'sure?'");
  int rc = fl_task_interrupt(task, question, &answer);
  asking->has_answer = rc == 0;
  if (rc != 0 || asking->has_late) fl_task_complete(task, rc);
}

/* Calls twice, and asks when the first has answered, while the other is under way. */
static int call_and_ask(struct fl_task *task, void *user) {
  FL_VALUE_AUTO late = json("{'text':'paid','ms':20}");
  FL_VALUE_AUTO first = json("{'text':'x'}");
  *(struct asking *)user = (struct asking){false, false};
  int rc = fl_task_call_tool(task, "t/late", late, on_kept, user);
  if (rc == 0) rc = fl_task_call_tool(task, "t/echo", first, on_first, user);
  return rc == 0 ? FL_PENDING : rc;
}

static void results_that_come_after_the_node_has_asked_are_kept(void **state) {
  for (uint32_t delay_ms = 0; delay_ms < 30; delay_ms += 7) {
    struct rig rig = {.seed = 1};
    struct asking asking;
    rig_up(&rig);
    fl_store_memory_set_delay(rig.store, delay_ms);
    fl_runtime_add_function(rig.runtime, "ask", call_and_ask, &asking, NULL);
    struct fl_definition *definition =
        rig_load(&rig,
                 "fairlead: 1\nname: ask\nstate: { messages: { reducer: messages } }\neffects: { 't/echo': read }\n"
                 "nodes: { ask: { type: c, function: ask } }\nedges: [ START -> ask, ask -> END ]\n",
                 NULL);
    struct fl_invoke_options options = {.thread = "a", .input = json("{'messages':[]}"), .follow = FL_FOLLOW_EVENTS};
    assert_int_equal(rig_run(&rig, definition, options), 1);
    assert_json(fl_get(fl_at(rig.interrupts, 0), "value"), "'sure?'");
    assert_non_null(strstr(rig.told.data, "paid"));
    assert_int_equal(rig_run(&rig, definition, (struct fl_invoke_options){.thread = "a", .resume = json("'yes'")}), 0);
    assert_string_equal(rig_messages(&rig, 0), "user: paid\n");
    assert_non_null(strstr(rig.calls.data, "late "));
    assert_null(strstr(strstr(rig.calls.data, "late ") + 1, "late "));
    rig_deinit(&rig);
  }
}

/* ---- a crash at every effect ---- */

static bool has_begun(struct rig *rig) {
  struct fl_loaded loaded = {0};
  bool has = fl_store_load(rig->store, "a", "", 0, &loaded, NULL) == 0 && loaded.checkpoint_no > 0;
  fl_loaded_deinit(&loaded);
  return has;
}

/* Goes on until the thread is done, answering "retry"; returns how often. */
static int finish(struct rig *rig, struct fl_definition *definition) {
  int retries = 0;
  struct fl_invoke_options options = {.thread = "a", .input = has_begun(rig) ? NULL : json("{'said':[]}")};
  while (rig_run(rig, definition, options) == 1) {
    options = (struct fl_invoke_options){.thread = "a", .resume = json("'retry'")};
    retries++;
  }
  return retries;
}

static void a_crash_at_any_effect_repeats_nothing_unasked(void **state) {
  uint64_t number = 0;
  for (bool goes_on = true; goes_on;) {
    struct rig rig = {.seed = 1};
    rig_up(&rig);
    struct fl_definition *definition = load_three(&rig, NULL);
    rig_start(&rig, definition, (struct fl_invoke_options){.thread = "a", .input = json("{'said':[]}")});
    fl_world_sim_crash_at(rig.world, fl_world_sim_effect_count(rig.world) + ++number);
    goes_on = rig_turn(&rig) == FL_SIM_CRASHED;
    if (!goes_on) fl_world_sim_crash_at(rig.world, 0);
    rig_down(&rig);
    rig_up(&rig);
    int retries = goes_on ? finish(&rig, load_three(&rig, NULL)) : 0;
    if (goes_on) assert_json(rig.output, "{'said':['0','1','2']}");
    int begun = 0;
    for (const char *at = rig.calls.data; (at = strchr(at, ' ')) != NULL; at++) begun++;
    if (begun > 3 + retries) fail_msg("effect %d: %d calls, %d repeats allowed", (int)number, begun, retries);
    rig_deinit(&rig);
  }
  assert_in_range(number, 10, 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_call_that_may_be_repeated_is),
      cmocka_unit_test(a_call_with_a_key_is_repeated_with_its_key),
      cmocka_unit_test(a_call_that_happens_once_is_asked_about),
      cmocka_unit_test(an_answer_that_says_nothing_is_asked_for_again),
      cmocka_unit_test(an_answer_counts_once),
      cmocka_unit_test(a_node_that_makes_other_calls_when_it_runs_again_is_told),
      cmocka_unit_test(a_resume_must_answer_something_that_is_asked),
      cmocka_unit_test(each_question_gets_its_own_answer),
      cmocka_unit_test(questions_of_the_node_and_about_its_calls_do_not_mix),
      cmocka_unit_test(results_outlive_a_node_whose_writes_are_refused),
      cmocka_unit_test(results_that_come_after_the_node_has_asked_are_kept),
      cmocka_unit_test(a_crash_at_any_effect_repeats_nothing_unasked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
