/* SPDX-License-Identifier: MIT */
#include "tests/semantics/functions.h"

#include "tests/support/support.h"

/* Tells each element of `says` to whoever follows, and writes how many. */
static int emit_says(struct fl_task *task, void *user) {
  const struct fl_state *state = fl_task_state(task);
  size_t count = fl_state_list_size(state, "says");
  for (size_t i = 0; i < count; i++) fl_task_emit_take(task, fl_value_ref(fl_state_list_at(state, "says", i)));
  return fl_task_write_take(task, "log", fl_int((int64_t)count));
}

/* Asks each element of `asks`, one after the other, and writes the answers. */
static int ask_each(struct fl_task *task, void *user) {
  const struct fl_state *state = fl_task_state(task);
  FL_VALUE_AUTO answers = fl_array();
  for (size_t i = 0; i < fl_state_list_size(state, "asks"); i++) {
    struct fl_value *answer = NULL;
    int rc = fl_task_interrupt(task, fl_state_list_at(state, "asks", i), &answer);
    if (rc != 0) return rc;
    fl_append_take(answers, fl_value_ref(answer));
  }
  return fl_task_write_take(task, "log", fl_value_ref(answers));
}

/* Writes to `log` twice. */
static int write_twice(struct fl_task *task, void *user) {
  int rc = fl_task_write_take(task, "log", fl_string("one"));
  return rc < 0 ? rc : fl_task_write_take(task, "log", fl_string("two"));
}

/* Writes, and fails until the attempt `succeeds_at`; then writes which attempt it was. */
static int succeed_late(struct fl_task *task, void *user) {
  int64_t attempt = fl_task_attempt(task), last = fl_as_int(fl_state_get(fl_task_state(task), "succeeds_at"), 1);
  int rc = fl_task_write_take(task, "log", fl_int(attempt));
  if (rc < 0 || attempt >= last) return rc;
  return fl_task_fail(task, FL_E_TASK, "attempt %d fails", (int)attempt);
}

void functions_add(struct fl_runtime *runtime) {
  static const struct {
    const char *name;
    fl_node_fn *run;
  } functions[] = {
      {"emit_says", emit_says}, {"ask_each", ask_each}, {"write_twice", write_twice}, {"succeed_late", succeed_late}};
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
    assert_int_equal(fl_runtime_add_function(runtime, functions[i].name, functions[i].run, NULL, NULL), 0);
}
