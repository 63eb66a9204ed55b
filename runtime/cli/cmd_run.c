/* SPDX-License-Identifier: MIT */
/* fairlead run: one question, an answer to an interrupt, the rest of unfinished work, or a conversation. */
#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "runtime/cli/chat.h"
#include "runtime/cli/follow.h"
#include "runtime/cli/session.h"
#include "runtime/json/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FL_INPUT_MAX = 16 * 1024 * 1024 };

static int read_stdin(const struct fl_args *args, struct fl_buf *ret_text) {
  fl_buf_init(ret_text, FL_INPUT_MAX);
  char chunk[65536];
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, stdin)) > 0;)
    if (fl_buf_add(ret_text, chunk, got) < 0)
      return fl_fail(args, FL_EXIT_USAGE, "standard input holds more than 16 MiB");
  if (ferror(stdin)) return fl_fail(args, FL_EXIT_FAILED, "standard input cannot be read");
  if (ret_text->size > 0 && memchr(ret_text->data, 0, ret_text->size) != NULL)
    return fl_fail(args, FL_EXIT_USAGE, "standard input holds a zero byte; it takes text");
  while (ret_text->size > 0 && ret_text->data[ret_text->size - 1] == '\n') ret_text->data[--ret_text->size] = '\0';
  return 0;
}

/* The question as the graph's input: a user's message, or an object of channels where there are no messages. */
static int input_of_text(const struct fl_session *session, const char *text, struct fl_value **ret_input) {
  if (fl_session_has_messages(session)) {
    *ret_input = fl_session_user_message(text);
    return 0;
  }
  struct fl_error err = {0};
  if (fl_parse(text, strlen(text), ret_input, &err) == 0 && fl_is(*ret_input, FL_OBJECT)) return 0;
  fl_value_unref(*ret_input);
  *ret_input = NULL;
  return fl_usage(session->args,
                  "this graph has no messages channel, so TEXT must be a JSON object of its channels%s%s",
                  err.text[0] != '\0' ? ": " : "", err.text);
}

struct plan {
  struct fl_value *input, *resume, *update;
  const char *goto_nodes[17];
  struct fl_buf text;
  bool is_chat;
};

static void plan_deinit(struct plan *plan) {
  fl_value_unref(plan->input);
  fl_value_unref(plan->resume);
  fl_value_unref(plan->update);
  fl_buf_deinit(&plan->text);
}

/* --update and --goto: what joins the tasks that wait. */
static int read_command(const struct fl_args *args, struct plan *plan) {
  size_t count = 0;
  for (; fl_args_nth(args, "goto", (int)count) != NULL; count++) {
    if (count + 1 == sizeof plan->goto_nodes / sizeof plan->goto_nodes[0])
      return fl_usage(args, "--goto may be given at most %zu times", count);
    plan->goto_nodes[count] = fl_args_nth(args, "goto", (int)count);
  }
  int rc = fl_args_json(args, "update", &plan->update);
  if (rc != 0) return rc;
  if (plan->update != NULL && !fl_is(plan->update, FL_OBJECT))
    return fl_usage(args, "--update takes an object of channel values");
  return 0;
}

/* What the user wants done: from --input, --resume, TEXT, standard input, or the lack of them all. */
static int make_plan(struct fl_session *session, struct plan *plan) {
  const struct fl_args *args = session->args;
  int rc = fl_args_json(args, "input", &plan->input);
  if (rc == 0) rc = fl_args_json(args, "resume", &plan->resume);
  if (rc == 0) rc = read_command(args, plan);
  if (rc != 0) return rc;
  bool has_text = args->count > 1;
  if ((plan->input != NULL) + (plan->resume != NULL) + has_text > 1)
    return fl_usage(args, "give one of TEXT, --input and --resume");
  if (plan->resume != NULL && session->thread == NULL) return fl_usage(args, "--resume needs --thread ID");
  if (fl_args_has(args, "checkpoint") && session->thread == NULL)
    return fl_usage(args, "--checkpoint needs --thread ID");
  if (plan->input != NULL && !fl_is(plan->input, FL_OBJECT))
    return fl_usage(args, "--input takes an object of channel values");
  bool has_command = plan->update != NULL || plan->goto_nodes[0] != NULL;
  if (has_command && (plan->input != NULL || has_text))
    return fl_usage(args, "--update and --goto go with --resume or stand alone");
  if (plan->input != NULL || plan->resume != NULL || has_command) return 0;
  if (has_text && strcmp(args->items[1], "-") == 0) {
    rc = read_stdin(args, &plan->text);
    if (rc != 0) return rc;
    return input_of_text(session, plan->text.data != NULL ? plan->text.data : "", &plan->input);
  }
  if (has_text) return input_of_text(session, args->items[1], &plan->input);
  plan->is_chat = isatty(0) && isatty(1) && !args->json && fl_session_has_messages(session);
  if (!plan->is_chat && session->thread == NULL)
    return fl_usage(args, "say what to ask: fairlead run %s \"TEXT\" (or - for standard input)", args->items[0]);
  return 0;
}

/* Asking the same again after a crash means: finish what was begun. */
static void prefer_unfinished(struct fl_session *session, struct plan *plan) {
  if (plan->input == NULL || session->thread == NULL || !fl_session_is_unfinished(session, plan->input)) return;
  fl_value_unref(plan->input);
  plan->input = NULL;
  if (!session->args->json)
    fprintf(stderr, "thread %s was interrupted in the middle of this; finishing it\n", session->thread);
}

/* A run whose input was refused has left no thread to go on with. */
static bool has_checkpoint(const struct fl_session *session, const char *thread) {
  struct fl_thread_info info = {0};
  bool has = fl_store_read_thread(fl_runtime_store(session->runtime), thread, &info, NULL) == 0 && info.head_no > 0;
  fl_thread_info_deinit(&info);
  return has;
}

static void print_thread(const struct fl_session *session, const char *thread) {
  if (session->args->json || fl_args_has(session->args, "quiet") || session->thread != NULL) return;
  if (thread[0] == '\0' || !has_checkpoint(session, thread)) return;
  fprintf(stderr, "thread %s (go on with --thread %s)\n", thread, thread);
}

static int run_once(struct fl_session *session, struct plan *plan) {
  if (!fl_args_has(session->args, "checkpoint")) prefer_unfinished(session, plan);
  const char *checkpoint = fl_args_get(session->args, "checkpoint");
  bool is_map = fl_session_are_interrupt_ids(plan->resume);
  struct fl_invoke_options options = {.size = sizeof options,
                                      .thread = session->thread,
                                      .input = plan->input,
                                      .resume = plan->resume,
                                      .resume_is_map = is_map,
                                      .update = plan->update,
                                      .goto_nodes = plan->goto_nodes,
                                      .checkpoint = checkpoint};
  struct fl_invoke_result result = {0};
  int code = fl_session_invoke(session, &options, &result);
  print_thread(session, result.thread);
  fl_invoke_result_deinit(&result);
  return code;
}

/* What it may do at worst, before it does anything. */
static void print_permissions(const struct fl_session *session) {
  FL_BUF_AUTO text = {0};
  if (session->args->json || fl_args_has(session->args, "quiet")) return;
  fl_load_describe(session->runtime, session->definition, &text);
  FL_FREE_AUTO char *shown = fl_visible(text.data, 1000);
  fprintf(stderr, "%s\n", shown);
}

int fl_cmd_run(struct fl_args *args) {
  if (args->count < 1) return fl_usage(args, "name the graph file: fairlead run FILE [TEXT]");
  if (args->count > 2) return fl_usage(args, "too many arguments; put the question in quotes");
  struct fl_session session;
  int code = fl_session_open(&session, args);
  if (code != 0) return code;
  struct plan plan = {0};
  code = make_plan(&session, &plan);
  if (code == 0) print_permissions(&session);
  if (code == 0) code = plan.is_chat ? fl_chat(&session) : run_once(&session, &plan);
  plan_deinit(&plan);
  fl_session_close(&session);
  return code;
}
