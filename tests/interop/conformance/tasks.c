/* SPDX-License-Identifier: MIT */
/* Tools whose calls are tasks for clients that know them. */
#include "server.h"

enum { TICK_MS = 20 };

/* Arguments with a place in a struct: the schema is made from them. */
struct greet_args {
  const char *name;
};
static const struct fl_arg GREET_ARGS[] = {
    {FL_ARG(struct greet_args, name, FL_ARG_STRING), .description = "Who is greeted.", .is_required = true}, {0}};

static int greet(struct fl_call *call, const struct fl_value *args, void *user) {
  struct greet_args given = {0};
  if (fl_args_read(args, GREET_ARGS, &given, NULL) < 0) return FL_E_INVALID;
  return fl_call_return_text(call, "Hello, %s!", given.name);
}

struct compute_args {
  double seconds;
  const char *label;
};
static const struct fl_arg COMPUTE_ARGS[] = {
    {FL_ARG(struct compute_args, seconds, FL_ARG_DOUBLE), .least = 0, .most = 3600, .is_required = true},
    {FL_ARG(struct compute_args, label, FL_ARG_STRING)},
    {0}};

static int compute(struct fl_call *call, const struct fl_value *args, void *user) {
  struct compute_args given = {.label = "work"};
  if (fl_args_read(args, COMPUTE_ARGS, &given, NULL) < 0) return FL_E_INVALID;
  double left_ms = given.seconds * 1000;
  for (; left_ms > 0 && !fl_call_is_cancelled(call); left_ms -= TICK_MS) fixture_sleep(TICK_MS);
  return fl_call_return_text(call, "%s took %g seconds", given.label, given.seconds);
}

static int fails_later(struct fl_call *call, const struct fl_value *args, void *user) {
  for (int i = 0; i < 1000 / TICK_MS && !fl_call_is_cancelled(call); i++) fixture_sleep(TICK_MS);
  return fl_call_return_error(call, "The job failed, as it always does.");
}

static int breaks(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_fail(call, -32603, "The job broke the protocol's way.");
}

static int confirm_delete(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *answer = NULL;
  int status = fl_call_ask_take(call, "confirm", FL_ASK_ELICITATION,
                                fixture_form("Delete this file?", "confirm", "boolean"), &answer);
  if (status != 0) return status;
  bool agrees = fl_get_bool(fl_get(answer, "content"), "confirm", false);
  return fl_call_return_text(call, "%s was %s", fl_get_string(args, "filename", "it"), agrees ? "deleted" : "kept");
}

static int two_questions(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *first = NULL, *second = NULL;
  int one = fl_call_ask_take(call, "first", FL_ASK_ELICITATION, fixture_form("First name?", "name", "string"), &first);
  int two =
      fl_call_ask_take(call, "second", FL_ASK_ELICITATION, fixture_form("Second name?", "name", "string"), &second);
  if (one != 0 || two != 0) return one != 0 ? one : two;
  return fl_call_return_text(call, "%s and %s", fl_get_string(fl_get(first, "content"), "name", "nobody"),
                             fl_get_string(fl_get(second, "content"), "name", "nobody"));
}

/* First a question, answered by calling again; then a task. */
static int asks_then_works(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *answer = NULL;
  int status = fl_call_ask_take(call, "user_name", FL_ASK_ELICITATION,
                                fixture_form("What is your name?", "name", "string"), &answer);
  if (status != 0) return status;
  fl_call_become_task(call);
  fixture_sleep(100);
  return fl_call_return_text(call, "Hello, %s!", fl_get_string(fl_get(answer, "content"), "name", "nobody"));
}

#define LATER (FL_TOOL_TASK_LATER | FL_TOOL_TASK_REQUIRED)
static const struct fl_tool tools[] = {
    {.size = sizeof(struct fl_tool), .name = "greet", .description = "Greets.", .args = GREET_ARGS, .run = greet},
    {.size = sizeof(struct fl_tool),
     .name = "slow_compute",
     .description = "Takes its time.",
     .args = COMPUTE_ARGS,
     .run = compute,
     .flags = FL_TOOL_PARALLEL | FL_TOOL_TASK},
    TOOL("failing_job", "Fails after a second.", NO_ARGUMENTS, fails_later, FL_TOOL_TASK | FL_TOOL_TASK_REQUIRED),
    TOOL("protocol_error_job", "Fails at once.", NO_ARGUMENTS, breaks, FL_TOOL_TASK),
    TOOL("confirm_delete", "Asks before it deletes.", TEXT_ARGUMENT("filename"), confirm_delete, FL_TOOL_TASK),
    TOOL("multi_input", "Asks two things.", NO_ARGUMENTS, two_questions, FL_TOOL_TASK),
    TOOL("test_tool_with_task", "Asks, and is a task then.", NO_ARGUMENTS, asks_then_works, LATER),
    {0}};

int fixture_add_tasks(struct fl_server *server, struct fl_error *err) { return fixture_add_table(server, tools, err); }
