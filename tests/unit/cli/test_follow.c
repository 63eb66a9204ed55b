/* SPDX-License-Identifier: MIT */
/* A run as it is shown: events are fed by hand, and both streams stand in tests/golden/cli/follow-*.txt. */
#include "rig.h"
#include "runtime/cli/follow.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const struct fl_command a_command = {
    .name = "run", .options = {{"quiet", 'q', NULL, ""}, {"json", 0, NULL, ""}, {"stream", 0, "MODES", ""}}};

struct told {
  const char *mode, *node, *data;
};

/* What a run with a tool, a retry and some oddities tells. */
static const struct told ordinary[] = {
    {"events", "agent", "{'type':'model_start','model':'main','provider':'scripted','call_id':'c1'}"},
    {"messages", "agent", "{'kind':'text','text':'Let me ','call_id':'c1','attempt':1}"},
    {"events", "agent", "{'type':'model_retry','model':'main','attempt':2,'delay_ms':1500,'error':'503 \\u001b[2J'}"},
    {"messages", "agent", "{'kind':'reasoning','text':'hm','call_id':'c1','attempt':2}"},
    {"messages", "agent", "{'kind':'text','text':'I ','call_id':'c1','attempt':2}"},
    {"messages", "agent", "{'kind':'text','text':'add.','call_id':'c1','attempt':2}"},
    {"events", "agent", "{'type':'model_end','ms':12.34,'usage':{'input_tokens':10,'output_tokens':3}}"},
    {"events", "agent", "{'type':'node_end','outcome':'done'}"},
    {"events", "tools", "{'type':'tool_start','tool':'math/add','args':{'a':3,'b':5}}"},
    {"events", "tools", "{'type':'tool_progress','tool':'math/add','done':0.5,'message':'half\\u001b]0;x\\u0007'}"},
    {"events", "tools", "{'type':'tool_progress','tool':'math/add','done':1}"},
    {"events", "tools",
     "{'type':'tool_end','tool':'math/add','ms':0.5,'result':{'content':[{'type':'text','text':'8'}]}}"},
    {"events", "tools",
     "{'type':'tool_end','tool':'x\\u001b[1m','ms':1,'result':{'isError':true,'content':[{'type':'text','text':'no\\r'}"
     "]}}"},
    {"events", "tools", "{'type':'tool_end','tool':'t','ms':2,'error':'timed out','replayed':true}"},
    {"events", "tools",
     "{'type':'tool_end','tool':'t','ms':3,'result':{'content':[{'type':'image','data':'…'},{'type':'text','text':'b'}]"
     "}}"},
    {"events", "tools", "{'type':'tool_end','tool':'t','ms':4,'result':{'content':[],'structuredContent':{'n':1}}}"},
    {"events", "agent", "{'type':'model_start','model':'main','provider':'scripted'}"},
    {"events", "agent", "{'type':'model_end','error':'gone','ms':1}"},
    {"events", "agent", "{'type':'model_end','ms':1,'replayed':true,'usage':{'input_tokens':1,'output_tokens':2}}"},
    {"events", "agent", "{'type':'node_end','outcome':'failed'}"},
    {"events", NULL, "{'type':'node_end','outcome':'interrupted'}"},
    {"custom", "emit", "'a word\\u001b[2J'"},
    {"custom", "emit", "{'n':[1,2]}"},
    {"updates", "agent", "{'agent':{'n':1}}"},
    {"events", "agent", "{'type':'of a later version'}"},
};

/* JSON with single quotes. */
static struct fl_value *value_of(const char *text) {
  FL_FREE_AUTO char *json = fl_strdup(text);
  for (char *c = json; *c != '\0'; c++)
    if (*c == '\'') *c = '"';
  struct fl_value *value = NULL;
  assert_int_equal(fl_parse(json, strlen(json), &value, NULL), 0);
  return value;
}

static void tell(struct fl_follower *follower, const struct told *told, size_t count) {
  for (size_t i = 0; i < count; i++) {
    FL_VALUE_AUTO data = value_of(told[i].data);
    struct fl_run_event event = {.mode = told[i].mode, .ns = "", .node = told[i].node, .data = data};
    fl_follower_event(&event, follower);
  }
}

/* The result of a run: `output` and `interrupts` are JSON or NULL. */
static int end(struct fl_follower *follower, int status, const char *output, const char *interrupts) {
  struct fl_invoke_result result = {.status = status, .thread = "tuesday"};
  if (output != NULL) result.output = value_of(output);
  if (interrupts != NULL) result.interrupts = value_of(interrupts);
  struct fl_error err = {.code = status, .text = "it broke \033[2J"};
  int code = fl_follower_end(follower, "agent.yaml", &result, status < 0 ? &err : NULL);
  fl_value_unref(result.output);
  fl_value_unref(result.interrupts);
  return code;
}

static void golden_of_both(const char *name, const struct caught *caught) {
  FL_FREE_AUTO char *both = fl_format("--- out\n%s--- err\n%s", caught->out, caught->err);
  assert_null(strstr(both, "\033[2J"));
  assert_golden_text(name, both);
}

static void show(const char *golden, struct fl_args *args, unsigned modes) {
  struct fl_follower follower;
  struct caught caught;
  rig_catch();
  fl_follower_init(&follower, args, modes);
  tell(&follower, ordinary, sizeof ordinary / sizeof ordinary[0]);
  int code =
      end(&follower, 0, "{'messages':[{'role':'user','content':'?'},{'role':'assistant','content':'It is 8.'}]}", NULL);
  fl_follower_deinit(&follower);
  rig_release(&caught);
  golden_of_both(golden, &caught);
  caught_deinit(&caught);
  assert_int_equal(code, FL_EXIT_OK);
}

static void steps_for_a_person(void **state) { show("follow-steps", &(struct fl_args){.command = &a_command}, 0); }

static void steps_in_color(void **state) {
  show("follow-color", &(struct fl_args){.command = &a_command, .color = true}, 0);
}

static void nothing_but_the_answer_when_quiet(void **state) {
  struct fl_args args = {.command = &a_command, .value_count = 1};
  args.values[0].option = &a_command.options[0];
  args.values[0].value = "";
  show("follow-quiet", &args, 0);
}

static void modes_that_were_asked_for(void **state) {
  struct fl_args args = {.command = &a_command};
  show("follow-modes", &args, FL_FOLLOW_UPDATES | FL_FOLLOW_CUSTOM);
}

static void lines_of_json(void **state) {
  struct fl_args args = {.command = &a_command, .json = true};
  struct fl_follower follower;
  struct caught caught;
  rig_catch();
  fl_follower_init(&follower, &args, 0);
  tell(&follower, ordinary, sizeof ordinary / sizeof ordinary[0]);
  FL_VALUE_AUTO data = value_of("{'n':1}");
  fl_follower_event(&(struct fl_run_event){.mode = "updates", .ns = "sub:1", .data = data}, &follower);
  int codes[4] = {end(&follower, 0, "{'n':1}", NULL),
                  end(&follower, 1, "{}", "[{'id':'i1','node':'ask','value':{'refund':40}}]"),
                  end(&follower, FL_E_TIMEOUT, NULL, NULL), end(&follower, FL_E_CANCELLED, NULL, NULL)};
  fl_follower_deinit(&follower);
  rig_release(&caught);
  static const int wanted[4] = {FL_EXIT_OK, FL_EXIT_INTERRUPTED, FL_EXIT_FAILED, FL_EXIT_CANCELLED};
  assert_memory_equal(codes, wanted, sizeof wanted);
  assert_string_equal(caught.err, "");
  assert_golden_text("follow-json", caught.out);
  char *rest = NULL;
  for (char *line = strtok_r(caught.out, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    FL_VALUE_AUTO object = NULL;
    assert_int_equal(fl_parse(line, strlen(line), &object, NULL), 0);
    assert_true(fl_is(object, FL_OBJECT));
  }
  caught_deinit(&caught);
}

/* ---- the end ---- */

static void ends(void **state) {
  static const struct {
    const char *title;
    int status;
    const char *output, *interrupts;
    int code;
  } rows[] = {
      {"an answer in parts", 0,
       "{'messages':[{'role':'assistant','content':[{'type':'text','text':'a'},{'type':'image'},{'type':'text','text':'"
       "b'}]}]}",
       NULL, FL_EXIT_OK},
      {"no messages: the state", 0, "{'n':1,'s':'x'}", NULL, FL_EXIT_OK},
      {"an empty answer", 0, "{'messages':[{'role':'assistant','content':''}]}", NULL, FL_EXIT_OK},
      {"an empty state", 0, "{}", NULL, FL_EXIT_OK},
      {"nothing", 0, NULL, NULL, FL_EXIT_OK},
      {"a question", 1, "{}", "[{'id':'i1','node':'ask','value':{'refund':40}}]", FL_EXIT_INTERRUPTED},
      {"two questions", 1, "{}", "[{'id':'i1','node':'a','value':'x'},{'id':'i2','node':'b','value':null}]",
       FL_EXIT_INTERRUPTED},
      {"a stop", 1, "{}", "[{'when':'before','node':'pay'}]", FL_EXIT_INTERRUPTED},
      {"a failure", FL_E_TIMEOUT, NULL, NULL, FL_EXIT_FAILED},
      {"what the file got wrong, found while running", FL_E_INVALID, NULL, NULL, FL_EXIT_FAILED},
      {"cancelled", FL_E_CANCELLED, NULL, NULL, FL_EXIT_CANCELLED},
  };
  FL_BUF_AUTO all = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_args args = {.command = &a_command};
    struct fl_follower follower;
    struct caught caught;
    rig_catch();
    fl_follower_init(&follower, &args, 0);
    int code = end(&follower, rows[i].status, rows[i].output, rows[i].interrupts);
    fl_follower_deinit(&follower);
    rig_release(&caught);
    fl_buf_addf(&all, "==== %s\n--- out\n%s--- err\n%s", rows[i].title, caught.out, caught.err);
    caught_deinit(&caught);
    assert_int_equal(code, rows[i].code);
  }
  assert_golden_text("follow-ends", all.data);
}

static void a_conversation_is_not_told_how_to_go_on(void **state) {
  struct fl_args args = {.command = &a_command};
  struct fl_follower follower;
  struct caught caught;
  struct fl_invoke_result result = {.status = 1, .thread = "tuesday"};
  result.interrupts = value_of("[{'id':'i1','node':'ask','value':1}]");
  rig_catch();
  fl_follower_init(&follower, &args, 0);
  int waiting = fl_follower_end(&follower, NULL, &result, NULL);
  result.status = FL_E_CANCELLED;
  int cancelled = fl_follower_end(&follower, NULL, &result, NULL);
  fl_follower_deinit(&follower);
  rig_release(&caught);
  fl_value_unref(result.interrupts);
  assert_int_equal(waiting, FL_EXIT_INTERRUPTED);
  assert_int_equal(cancelled, FL_EXIT_CANCELLED);
  assert_lacks(caught.err, "--thread");
  assert_lacks(caught.err, "waiting at");
  caught_deinit(&caught);
}

/* ---- at a terminal ---- */

/* What a terminal got of a run whose standard output it is; a line of it is at most some hundred bytes. */
static void stream(const struct told *told, size_t count, const char *answer, char ret_text[1024]) {
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) skip();
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  struct caught caught;
  struct fl_args args = {.command = &a_command};
  struct fl_follower follower;
  rig_catch();
  int saved = dup(1);
  dup2(slave, 1);
  fl_follower_init(&follower, &args, 0);
  tell(&follower, told, count);
  end(&follower, 0, answer, NULL);
  fl_follower_deinit(&follower);
  fflush(stdout);
  dup2(saved, 1);
  close(saved);
  rig_release(&caught);
  caught_deinit(&caught);
  close(slave); /* a terminal hands over what it has in pieces; after the last one it says so */
  size_t size = 0;
  for (ssize_t got; size < 1023 && (got = read(master, ret_text + size, 1023 - size)) > 0;) size += (size_t)got;
  ret_text[size] = '\0';
  close(master);
}

static void a_terminal_sees_tokens_as_they_come(void **state) {
  static const struct told tokens[] = {
      {"messages", "a", "{'kind':'text','text':'It ','call_id':'c','attempt':1}"},
      {"messages", "a", "{'kind':'text','text':'is 8.','call_id':'c','attempt':1}"},
  };
  char text[1024];
  stream(tokens, 2, "{'messages':[{'role':'assistant','content':'It is 8.'}]}", text);
  assert_string_equal(text, "It is 8.\r\n"); /* and not once more at the end */
  stream(tokens, 1, "{'messages':[{'role':'assistant','content':'It is 8.'}]}", text);
  assert_string_equal(text, "It \r\nIt is 8.\r\n"); /* what came is not the answer: the answer is printed */
}

static void an_attempt_that_failed_is_left_standing(void **state) {
  static const struct told tokens[] = {
      {"messages", "a", "{'kind':'text','text':'It i','call_id':'c','attempt':1}"},
      {"messages", "a", "{'kind':'text','text':'It is 8.','call_id':'c','attempt':2}"},
  };
  char text[1024];
  stream(tokens, 2, "{'messages':[{'role':'assistant','content':'It is 8.'}]}", text);
  assert_string_equal(text, "It i …\r\nIt is 8.\r\n");
}

static void tokens_cannot_steer_the_terminal(void **state) {
  static const struct told tokens[] = {
      {"messages", "a", "{'kind':'text','text':'a\\u001b','call_id':'c','attempt':1}"},
      {"messages", "a", "{'kind':'text','text':'[2Jb\\n','call_id':'c','attempt':1}"},
  };
  char text[1024];
  stream(tokens, 2, "{'messages':[{'role':'assistant','content':'\\u001b[2J'}]}", text);
  assert_null(strchr(text, '\033'));
  assert_string_equal(text, "a\\x1b[2Jb\r\n\r\n\\x1b[2J\r\n");
}

/* ---- what is asked of the runtime ---- */

static void modes_are_read(void **state) {
  static const struct {
    const char *text;
    int bits;
  } rows[] = {
      {"values", FL_FOLLOW_VALUES},
      {"updates,messages", FL_FOLLOW_UPDATES | FL_FOLLOW_MESSAGES},
      {"events,events", FL_FOLLOW_EVENTS},
      {"debug,values", FL_FOLLOW_DEBUG | FL_FOLLOW_VALUES},
      {"tasks,checkpoints,custom", FL_FOLLOW_TASKS | FL_FOLLOW_CHECKPOINTS | FL_FOLLOW_CUSTOM},
      {"valves", -1},
      {"values,", FL_FOLLOW_VALUES},
      {",values", -1},
      {"values;updates", -1},
      {"Values", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct fl_args args = {.command = &a_command};
    struct caught caught;
    rig_catch();
    int bits = fl_follow_modes(&args, rows[i].text);
    rig_release(&caught);
    assert_int_equal(bits, rows[i].bits);
    if (bits < 0) assert_says(caught.err, "--stream does not know \"");
    caught_deinit(&caught);
  }
}

static void no_more_is_asked_for_than_is_shown(void **state) {
  struct fl_args plain = {.command = &a_command}, json = {.command = &a_command, .json = true};
  struct fl_follower follower;
  const unsigned ordinary_modes = FL_FOLLOW_EVENTS | FL_FOLLOW_MESSAGES | FL_FOLLOW_CUSTOM;
  fl_follower_init(&follower, &plain, 0);
  assert_int_equal(fl_follower_wants(&follower), ordinary_modes | FL_FOLLOW_SUBGRAPHS);
  fl_follower_init(&follower, &plain, FL_FOLLOW_VALUES);
  assert_int_equal(fl_follower_wants(&follower), ordinary_modes | FL_FOLLOW_VALUES | FL_FOLLOW_SUBGRAPHS);
  fl_follower_init(&follower, &json, 0);
  assert_int_equal(fl_follower_wants(&follower), ordinary_modes | FL_FOLLOW_UPDATES);
  fl_follower_init(&follower, &json, FL_FOLLOW_VALUES);
  assert_int_equal(fl_follower_wants(&follower), FL_FOLLOW_VALUES);
}

/* ---- graphs inside the graph ---- */

static void tell_inside(struct fl_follower *follower, const char *mode, const char *ns, const char *node) {
  FL_VALUE_AUTO data = value_of(strcmp(mode, "events") == 0 ? "{'type':'node_end','outcome':'failed'}" : "{'n':1}");
  fl_follower_event(&(struct fl_run_event){.mode = mode, .ns = ns, .node = node, .data = data}, follower);
}

static void what_happens_inside_has_its_place(void **state) {
  for (int asks = 0; asks < 2; asks++) {
    struct fl_args args = {.command = &a_command};
    struct fl_follower follower;
    struct caught caught;
    rig_catch();
    fl_follower_init(&follower, &args, FL_FOLLOW_UPDATES);
    follower.has_subgraphs = asks == 1;
    tell_inside(&follower, "events", "outer:0190-1|1|inner", "deep");
    tell_inside(&follower, "custom", "outer:0190-1", NULL);
    tell_inside(&follower, "updates", "outer:0190-1", "deep");
    fl_follower_deinit(&follower);
    rig_release(&caught);
    assert_says(caught.err, "[outer/inner/deep] failed");
    assert_says(caught.err, "[outer] {\"n\":1}");
    assert_int_equal(strstr(caught.out, "updates outer/deep: {\"n\":1}") != NULL, asks);
    caught_deinit(&caught);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_for_a_person),
      cmocka_unit_test(steps_in_color),
      cmocka_unit_test(nothing_but_the_answer_when_quiet),
      cmocka_unit_test(modes_that_were_asked_for),
      cmocka_unit_test(lines_of_json),
      cmocka_unit_test(ends),
      cmocka_unit_test(a_conversation_is_not_told_how_to_go_on),
      cmocka_unit_test(a_terminal_sees_tokens_as_they_come),
      cmocka_unit_test(an_attempt_that_failed_is_left_standing),
      cmocka_unit_test(tokens_cannot_steer_the_terminal),
      cmocka_unit_test(modes_are_read),
      cmocka_unit_test(no_more_is_asked_for_than_is_shown),
      cmocka_unit_test(what_happens_inside_has_its_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
