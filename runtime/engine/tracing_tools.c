/* SPDX-License-Identifier: MIT */
/* What the span of a tool's call says where there is something to say: the labels of its result, the sandbox around it,
 * its arguments where they are asked for. And of a resume, who answered, and what. */
#include "runtime/engine/tracing.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

enum { ARGUMENTS_MAX = 1024 };

static void add_labels(struct fl_buf *row, const struct fl_task_call *call) {
  FL_BUF_AUTO names = {0};
  if (call->labels == 0) return;
  fl_labels_of_policy(fl_frame_policy(call->task->frame), call->labels, &names);
  fl_span_add_text(row, FL_SPAN_LABELS_KEY, names.data);
}

/* The layers around the server, or around what the tool starts. */
static void add_sandbox(struct fl_buf *row, const struct fl_task_call *call) {
  const struct fl_value *sandboxes = call->task->invocation->runtime->sandboxes;
  if (sandboxes == NULL) return;
  const struct fl_value *layers = fl_get_n(sandboxes, call->name, strcspn(call->name, "/"));
  fl_span_add_text(row, FL_SPAN_SANDBOX_KEY,
                   layers != NULL ? fl_as_string(layers) : fl_get_string(sandboxes, call->name, NULL));
}

/* Where the run's contents are kept, they are among those. */
static void add_arguments(struct fl_buf *row, const struct fl_task_call *call) {
  const struct fl_invocation *invocation = call->task->invocation;
  const struct fl_trace_policy *policy = &fl_tracing_rule_of(invocation)->policy;
  size_t count = 0, size = 0;
  if (!policy->shows_arguments || invocation->trace->content == FL_CONTENT_KEPT) return;
  FL_VALUE_AUTO redacted = fl_redact_value(call->args, policy->redacts, &count);
  char *text = fl_dump(redacted, &size);
  if (size <= ARGUMENTS_MAX) fl_span_add_text(row, FL_SPAN_ARGUMENTS_KEY, text);
  fl_text_free(text);
}

/* How a program ended, as builtin/process says it and others do. */
static void add_exit(struct fl_buf *row, const struct fl_task_call *call) {
  const struct fl_value *answer = fl_get(call->result, "structuredContent");
  if (answer == NULL) return;
  const struct fl_value *status = fl_get(answer, "exit_status"), *signal = fl_get(answer, "signal");
  if (status == NULL) status = fl_get(answer, "exit_code");
  if (fl_is(status, FL_INT)) fl_span_add_int(row, FL_SPAN_EXIT_KEY, fl_as_int(status, 0));
  if (fl_is(signal, FL_INT)) fl_span_add_int(row, FL_SPAN_SIGNAL_KEY, fl_as_int(signal, 0));
}

void fl_tracing_add_tool_facts(struct fl_buf *row, const struct fl_task_call *call) {
  add_labels(row, call);
  add_sandbox(row, call);
  add_arguments(row, call);
  add_exit(row, call);
}

/* ---- who answered ---- */

/* What the answer to a question about a call says ("approve", "edit", …), when there is one answer. */
static const char *action_of(const struct fl_invoke_options *options) {
  static const char *const actions[] = {"approve", "edit", "grant", "reject"};
  const struct fl_value *answer = options->resume;
  struct fl_member member = {0};
  if (options->resume_is_map && fl_size(answer) != 1) return NULL;
  if (options->resume_is_map && fl_next_member(answer, &member)) answer = member.value;
  const char *action = fl_get_string(answer, "action", NULL);
  for (size_t i = 0; action != NULL && i < sizeof actions / sizeof actions[0]; i++)
    if (strcmp(action, actions[i]) == 0) return actions[i];
  return NULL;
}

/* Whom the run was started as, else for whom it is. */
void fl_tracing_add_answer_facts(struct fl_buf *row, const struct fl_invocation *invocation) {
  char hash[FL_USER_HASH_SIZE];
  const char *as_user = invocation->options.as_user;
  if (as_user != NULL) fl_user_hash(as_user, hash);
  fl_span_add_text(row, FL_SPAN_ANSWERED_AS_KEY, as_user != NULL ? hash : invocation->trace->user_hash);
  fl_span_add_text(row, FL_SPAN_ANSWER_KEY, action_of(&invocation->options));
}
