/* SPDX-License-Identifier: MIT */
#include "tests/bench/graphs.h"

#include "tests/bench/bench.h"

#include <fairlead/tools.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_must(int rc, const struct fl_error *err) {
  if (rc >= 0) return;
  fprintf(stderr, "bench: %s\n", err->text);
  exit(2);
}

/* ---- nodes ---- */

static int add_one(struct fl_task *task, void *user) { return fl_task_write_take(task, "n", fl_int(1)); }

static int nothing(struct fl_task *task, void *user) { return FL_DONE; }

static int give_back(struct fl_task *task, void *user) {
  return fl_task_write_take(task, "out", fl_value_ref(fl_state_get(fl_task_state(task), "i")));
}

struct fl_value *bench_message(const char *role, int number) {
  char text[201];
  snprintf(text, sizeof text, "%06d ", number);
  memset(text + 7, 'x', 193);
  text[200] = '\0';
  struct fl_value *value = fl_object();
  fl_set_string(value, "role", role);
  fl_set_string(value, "content", text);
  return value;
}

struct fl_value *bench_user_input(int number) {
  struct fl_value *messages = fl_array(), *input = fl_object();
  fl_append_take(messages, bench_message("user", number));
  fl_set_take(input, "messages", messages);
  return input;
}

static int answer(struct fl_task *task, void *user) {
  return fl_task_write_take(task, "messages", bench_message("assistant", 0));
}

static int ask(struct fl_task *task, void *user) {
  FL_VALUE_AUTO question = fl_string("go on?");
  struct fl_value *reply = NULL;
  return fl_task_interrupt(task, question, &reply);
}

static struct fl_task **pending;
static size_t pending_count;

static int stay_pending(struct fl_task *task, void *user) {
  struct fl_task **more = realloc(pending, (pending_count + 1) * sizeof(struct fl_task *));
  if (more == NULL) abort();
  pending = more;
  pending[pending_count++] = task;
  return FL_PENDING;
}

size_t bench_gate_count(void) { return pending_count; }

void bench_gate_open(void) {
  for (size_t i = 0; i < pending_count; i++) fl_task_complete(pending[i], FL_DONE);
  free(pending);
  pending = NULL;
  pending_count = 0;
}

/* ---- graphs ---- */

static struct fl_graph *begin(const char *name) {
  static const struct {
    const char *name;
    enum fl_reducer reducer;
  } channels[] = {{"n", FL_SUM}, {"out", FL_APPEND}, {"messages", FL_MESSAGES}};
  struct fl_graph *graph = fl_graph_create(name);
  for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++)
    fl_graph_channel(
        graph, channels[i].name,
        &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .reducer = channels[i].reducer});
  return graph;
}

static struct fl_definition *compile(struct fl_graph *graph) {
  struct fl_compile_options options = {.size = sizeof options, .recursion_limit = 10000};
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  bench_must(fl_graph_compile(graph, &options, &definition, &err), &err);
  return definition;
}

/* One after the other, from START to END. */
static struct fl_definition *row(struct fl_graph *graph, const char *const *names, size_t count) {
  fl_graph_edge(graph, FL_START, names[0]);
  for (size_t i = 1; i < count; i++) fl_graph_edge(graph, names[i - 1], names[i]);
  fl_graph_edge(graph, names[count - 1], FL_END);
  return compile(graph);
}

struct fl_definition *bench_chain(void) {
  static const char *const names[] = {"a", "b", "c"};
  struct fl_graph *graph = begin("chain");
  for (size_t i = 0; i < 3; i++) fl_graph_node(graph, names[i], add_one, NULL, NULL);
  return row(graph, names, 3);
}

struct fl_definition *bench_fan(void) {
  static const char *const names[] = {"a", "b", "c", "d", "e"};
  struct fl_graph *graph = begin("fan");
  for (size_t i = 0; i < 5; i++) fl_graph_node(graph, names[i], add_one, NULL, NULL);
  fl_graph_node(graph, "last", add_one, NULL, NULL);
  for (size_t i = 0; i < 5; i++) fl_graph_edge(graph, FL_START, names[i]);
  fl_graph_join(graph, names, 5, "last");
  fl_graph_edge(graph, "last", FL_END);
  return compile(graph);
}

static int send_all(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  for (int i = 0; i < *(const int *)user; i++) {
    struct fl_value *arg = fl_object();
    fl_set_int(arg, "i", i);
    fl_targets_send_take(targets, "work", arg);
  }
  return 0;
}

struct fl_definition *bench_sends(const int *count) {
  static const char *const targets[] = {"work"};
  struct fl_graph *graph = begin("sends");
  fl_graph_node(graph, "plan", nothing, NULL, NULL);
  fl_graph_node(graph, "work", give_back, NULL, NULL);
  fl_graph_edge(graph, FL_START, "plan");
  fl_graph_branch(graph, "plan", send_all, (void *)(uintptr_t)count, targets, 1);
  fl_graph_edge(graph, "work", FL_END);
  return compile(graph);
}

static int again_or_end(const struct fl_state *state, struct fl_targets *targets, void *user, struct fl_error *err) {
  bool ends = fl_as_int(fl_state_get(state, "n"), 0) >= *(const int *)user;
  fl_targets_add(targets, ends ? FL_END : "add");
  return 0;
}

struct fl_definition *bench_loop(const int *steps) {
  static const char *const targets[] = {"add", FL_END};
  struct fl_graph *graph = begin("loop");
  fl_graph_node(graph, "add", add_one, NULL, NULL);
  fl_graph_edge(graph, FL_START, "add");
  fl_graph_branch(graph, "add", again_or_end, (void *)(uintptr_t)steps, targets, 2);
  return compile(graph);
}

struct fl_definition *bench_talk(void) {
  static const char *const names[] = {"answer"};
  struct fl_graph *graph = begin("talk");
  fl_graph_node(graph, "answer", answer, NULL, NULL);
  return row(graph, names, 1);
}

static struct fl_definition *answer_then(const char *name, fl_node_fn *second) {
  static const char *const names[] = {"answer", "second"};
  struct fl_graph *graph = begin(name);
  fl_graph_node(graph, "answer", answer, NULL, NULL);
  fl_graph_node(graph, "second", second, NULL, NULL);
  return row(graph, names, 2);
}

struct fl_definition *bench_question(void) {
  return answer_then("question", ask);
}
struct fl_definition *bench_gate(void) {
  return answer_then("gate", stay_pending);
}

/* ---- the agent ---- */

static int run_add(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "%d", (int)(fl_get_int(args, "a", 0) + fl_get_int(args, "b", 0)));
}

static const struct fl_tool tools[] = {
    {.size = sizeof(struct fl_tool),
     .name = "add",
     .description = "Adds two numbers.",
     .input_schema = "{\"type\":\"object\",\"required\":[\"a\",\"b\"],"
                     "\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\"}}}",
     .flags = FL_TOOL_QUICK | FL_TOOL_READ_ONLY,
     .run = run_add},
};

static const char agent_text[] = "fairlead: 1\n"
                                 "name: react\n"
                                 "state: { messages: { reducer: messages } }\n"
                                 "models: { main: { provider: scripted, script: react-script.yaml } }\n"
                                 "effects: { 'math/*': read }\n"
                                 "recursion_limit: 10000\n"
                                 "nodes:\n"
                                 "  agent: { type: agent, model: main, tools: [math/*] }\n"
                                 "  tools: { type: tools }\n"
                                 "edges:\n"
                                 "  - START -> agent\n"
                                 "  - from: agent\n"
                                 "    branch:\n"
                                 "      - { when: 'size(last(state.messages).tool_calls) > 0', to: tools }\n"
                                 "      - { to: END }\n"
                                 "  - tools -> agent\n";

static const char script_text[] = "replies:\n"
                                  "  - when: { user: '' }\n"
                                  "    calls: [ { name: math__add, args: { a: 0, b: 1 } } ]\n"
                                  "  - when: { name: math__add, tool: '^100$' }\n"
                                  "    text: done\n"
                                  "  - when: { name: math__add, tool: '' }\n"
                                  "    calls: [ { name: math__add, args: { a: '${tool}', b: 1 } } ]\n";

static void write_file(const char *name, const char *text, char ret_path[4200]) {
  snprintf(ret_path, 4200, "%s/%s", bench_folder(), name);
  FILE *file = fopen(ret_path, "we");
  if (file != NULL && fputs(text, file) >= 0 && fclose(file) == 0) return;
  perror(ret_path);
  exit(2);
}

struct fl_definition *bench_react(struct fl_runtime *runtime) {
  char path[4200];
  struct fl_definition *definition = NULL;
  struct fl_error err = {0};
  write_file("react-script.yaml", script_text, path);
  write_file("react.yaml", agent_text, path);
  bench_must(fl_runtime_add_tools(runtime, "math", tools, 1, &err), &err);
  bench_must(fl_runtime_load(runtime, path, &definition, &err), &err);
  return definition;
}

/* ---- running ---- */

struct fl_runtime *bench_runtime(const char *store_path) {
  struct fl_runtime_options options = {.size = sizeof options, .store_path = store_path};
  struct fl_runtime *runtime = NULL;
  struct fl_error err = {0};
  bench_must(fl_runtime_create(&options, &runtime, &err), &err);
  return runtime;
}

int64_t bench_run(struct fl_runtime *runtime, struct fl_definition *definition, const char *thread,
                  struct fl_value *input, int status) {
  FL_VALUE_AUTO owned = input != NULL ? input : fl_object();
  struct fl_invoke_options options = {
      .size = sizeof options, .thread = thread, .input = owned, .no_output = thread != NULL};
  struct fl_invoke_result result = {0};
  struct fl_error err = {0};
  int rc = fl_runtime_invoke(runtime, definition, &options, &result, &err);
  bench_must(rc, &err);
  if (rc != status) {
    fprintf(stderr, "bench: a run ended with %d\n", rc);
    exit(2);
  }
  int64_t n = fl_get_int(result.output, "n", 0);
  fl_invoke_result_deinit(&result);
  return n;
}
