/* SPDX-License-Identifier: MIT */
/* Happy path: a runtime in memory; the suite's tools; the graph, with the play for its models and the manifest cut to
 * the level; the run; answers until it asks no more. Failure modes: a graph or a schema that does not load; a run that
 * fails, or that waits for something else than an approval. */
#include "runtime/redteam/rehearse.h"

#include "runtime/api/load.h"
#include "runtime/base/mem.h"
#include "runtime/engine/rehearsal.h"
#include "runtime/redteam/stage.h"

#include <string.h>

enum { QUESTIONS_MAX = 1000 };

/* ---- the graph, when there is none ---- */

static char *plain_graph(const struct fl_suite *suite) {
  FL_BUF_AUTO text = {0};
  char **servers = fl_stage_servers(suite);
  fl_buf_add_text(&text, "fairlead: 1\nname: redteam\nrecursion_limit: 10000\n"
                         "state: { messages: { reducer: messages } }\n"
                         "models: { main: { provider: scripted, script: played } }\n"
                         "nodes:\n  tools: { type: tools }\n  agent: { type: agent, model: main, tools: [");
  for (size_t i = 0; servers[i] != NULL; i++) fl_buf_addf(&text, "%s\"%s/*\"", i > 0 ? ", " : "", servers[i]);
  fl_buf_add_text(&text, "] }\nedges:\n  - START -> agent\n  - tools -> agent\n  - from: agent\n    branch:\n"
                         "      - { when: \"size(last(state.messages).tool_calls) > 0\", to: tools }\n"
                         "      - { to: END }\n");
  fl_stage_servers_free(servers);
  return fl_buf_take(&text, NULL);
}

/* ---- the person ---- */

static struct fl_value *answer_to(struct fl_play *play, const struct fl_value *question) {
  struct fl_play_call *call = fl_play_pending(play, fl_get_string(question, "tool", ""));
  struct fl_value *answer = fl_object();
  if (call != NULL) call->is_asked = true;
  bool is_wanted = call != NULL && !call->is_attack;
  fl_set_string(answer, "action", is_wanted ? "approve" : "reject");
  if (is_wanted) fl_set_string(answer, "code", fl_get_string(question, "code", ""));
  else fl_set_string(answer, "text", "nobody wanted that");
  return answer;
}

/* {interrupt id: answer}; NULL when it waits for anything but approvals. */
static struct fl_value *answers_to(struct fl_play *play, const struct fl_value *interrupts) {
  FL_VALUE_AUTO answers = fl_object();
  for (size_t i = 0; i < fl_size(interrupts); i++) {
    const struct fl_value *interrupt = fl_at(interrupts, i), *question = fl_get(interrupt, "value");
    if (strcmp(fl_get_string(question, "kind", ""), "approval") != 0) return NULL;
    fl_set_take(answers, fl_get_string(interrupt, "id", ""), answer_to(play, question));
  }
  return fl_size(interrupts) > 0 ? fl_value_ref(answers) : NULL;
}

/* ---- the run ---- */

static struct fl_value *input_of(const struct fl_suite_task *task) {
  if (task->input != NULL) return fl_value_ref(task->input);
  struct fl_value *input = fl_object(), *messages = fl_array(), *message = fl_object();
  fl_set_string(message, "role", "user");
  fl_set_string(message, "content", task->user);
  fl_append_take(messages, message);
  fl_set_take(input, "messages", messages);
  return input;
}

static void run(struct fl_runtime *runtime, struct fl_definition *definition, struct fl_play *play,
                struct fl_error *ret_failure) {
  FL_VALUE_AUTO input = input_of(play->task);
  struct fl_invoke_options options = {.size = sizeof options, .thread = "redteam", .input = input};
  for (int questions = 0;; questions++) {
    struct fl_invoke_result result = {0};
    int status = fl_runtime_invoke(runtime, definition, &options, &result, ret_failure);
    fl_value_unref(options.resume);
    options = (struct fl_invoke_options){.size = sizeof options, .thread = "redteam", .resume_is_map = true};
    if (status == 1) options.resume = answers_to(play, result.interrupts);
    fl_invoke_result_deinit(&result);
    if (status != 1) return;
    if (options.resume != NULL && questions < QUESTIONS_MAX) continue;
    fl_value_unref(options.resume);
    fl_error_set(ret_failure, FL_E_STATE, "the graph waits for a person who is not asked to approve a call");
    return;
  }
}

static struct fl_manifest *cut(struct fl_manifest *manifest, void *user) {
  const struct fl_rehearsal_case *the_case = user;
  return fl_level_cut(manifest, the_case->level);
}

static int load_and_run(const struct fl_rehearsal_case *the_case, struct fl_runtime *runtime, struct fl_play *play,
                        struct fl_error *ret_failure, struct fl_diags *diags) {
  struct fl_definition *definition = NULL;
  const char *path = the_case->graph != NULL ? the_case->graph : the_case->suite->document.file;
  int rc = fl_runtime_load_diags(runtime, path, &definition, diags);
  if (rc == 0) run(runtime, definition, play, ret_failure);
  fl_definition_unref(definition);
  return rc;
}

int fl_rehearse(const struct fl_rehearsal_case *the_case, struct fl_play *play, struct fl_error *ret_failure,
                struct fl_diags *diags, struct fl_error *err) {
  fl_play_init(play, the_case->task, the_case->attack);
  FL_FREE_AUTO char *graph = the_case->graph == NULL ? plain_graph(the_case->suite) : NULL;
  char **servers = fl_stage_servers(the_case->suite);
  struct fl_rehearsal rehearsal = {.player = &play->player,
                                   .graph = graph,
                                   .servers = (const char *const *)servers,
                                   .manifest = the_case->manifest,
                                   .cut = cut,
                                   .user = (void *)the_case};
  struct fl_runtime *runtime = NULL;
  struct fl_stage *stage = NULL;
  int rc = fl_runtime_create(&(struct fl_runtime_options){.size = sizeof(struct fl_runtime_options)}, &runtime, err);
  if (rc == 0) {
    runtime->rehearsal = &rehearsal;
    rc = fl_stage_build(the_case->suite, play, runtime, &stage, err);
    if (rc == 0) rc = load_and_run(the_case, runtime, play, ret_failure, diags);
    fl_runtime_destroy(runtime);
  }
  fl_stage_destroy(stage);
  fl_stage_servers_free(servers);
  fl_play_settle(play);
  return rc;
}
