/* SPDX-License-Identifier: MIT */
/* A long conversation in one process: `kill-worker STORE TURNS` goes on with thread "t" until it has that many turns of
 * a question and an echo, and tells each turn as it is acknowledged, in the lines of `fairlead run --json --stream
 * events`. What was left unfinished is finished first. Each time the node runs, a line is added to $FL_COUNT_FILE. */
#include "runtime/io/hooks.h"

#include <fairlead/runtime.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct fl_error err;

static struct fl_value *message(const char *role, long number) {
  struct fl_value *value = fl_object();
  fl_set_string(value, "role", role);
  fl_set_take(value, "content", fl_stringf("turn %06ld %0150d", number, 0));
  return value;
}

static size_t turns_in(const struct fl_value *messages, const char *role) {
  size_t count = 0;
  for (size_t i = 0; i < fl_size(messages); i++)
    count += strcmp(fl_get_string(fl_at(messages, i), "role", ""), role) == 0;
  return count;
}

/* Outside of everything that fairlead stores, and not through the calls that the sweep lets go wrong. */
static void note(long turn) {
  const char *path = getenv("FL_COUNT_FILE");
  char line[96];
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  int size = snprintf(line, sizeof line, "begin echo %ld @%lld%09ld\n", turn, (long long)now.tv_sec, now.tv_nsec);
  int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  if (fd < 0) return;
  if (syscall(SYS_write, fd, line, size) != size) abort();
  close(fd);
}

static int echo(struct fl_task *task, void *user) {
  const struct fl_state *state = fl_task_state(task);
  size_t count = turns_in(fl_state_get(state, "messages"), "user");
  note((long)count - 1);
  return fl_task_write_take(task, "messages", message("assistant", (long)count - 1));
}

static struct fl_definition *make_graph(void) {
  struct fl_graph *graph = fl_graph_create("conversation");
  fl_graph_channel(graph, "messages",
                   &(struct fl_channel_options){.size = sizeof(struct fl_channel_options), .reducer = FL_MESSAGES});
  fl_graph_node(graph, "echo", echo, NULL, NULL);
  fl_graph_edge(graph, FL_START, "echo");
  fl_graph_edge(graph, "echo", FL_END);
  struct fl_definition *definition = NULL;
  if (fl_graph_compile(graph, NULL, &definition, &err) < 0) abort();
  return definition;
}

static void tell(const char *type, long turn) {
  printf("{\"mode\":\"events\",\"node\":\"turn\",\"data\":{\"type\":\"%s\",\"outcome\":\"done\",\"step\":%ld}}\n", type,
         turn);
  fflush(stdout);
}

static int fail(void) {
  printf("{\"type\":\"end\",\"status\":\"failed\",\"error\":{\"code\":\"%s\"}}\n", fl_error_word(err.code));
  fprintf(stderr, "kill-worker: %s\n", err.text);
  return 1;
}

/* Turn `number`, or what is unfinished when it is negative; gives the number of whole turns, or an error. */
static long turn(struct fl_runtime *runtime, struct fl_definition *definition, long number) {
  struct fl_value *input = NULL;
  if (number >= 0) {
    struct fl_value *messages = fl_array();
    fl_append_take(messages, message("user", number));
    input = fl_object();
    fl_set_take(input, "messages", messages);
  }
  struct fl_invoke_options options = {.size = sizeof options, .thread = "t", .input = input, .no_output = number >= 0};
  struct fl_invoke_result result = {0};
  long status = fl_runtime_invoke(runtime, definition, &options, &result, &err);
  if (status == 0 && number < 0) status = (long)turns_in(fl_get(result.output, "messages"), "assistant");
  fl_invoke_result_deinit(&result);
  fl_value_unref(input);
  return status;
}

/* Whether the messages are questions and echoes in turn, each once. */
static int check(struct fl_runtime *runtime, struct fl_definition *definition, long turns) {
  struct fl_invoke_options options = {.size = sizeof options, .thread = "t"};
  struct fl_invoke_result result = {0};
  if (fl_runtime_invoke(runtime, definition, &options, &result, &err) < 0) return fail();
  const struct fl_value *messages = fl_get(result.output, "messages");
  bool is_right = fl_size(messages) == 2 * (size_t)turns;
  for (size_t i = 0; is_right && i < fl_size(messages); i++) {
    struct fl_value *expected = message(i % 2 == 0 ? "user" : "assistant", (long)i / 2);
    is_right = fl_equal(fl_get(expected, "content"), fl_get(fl_at(messages, i), "content"));
    fl_value_unref(expected);
  }
  printf("{\"type\":\"end\",\"status\":\"done\",\"output\":\"%zu messages, %ld turns %s\"}\n", fl_size(messages), turns,
         is_right ? "in order" : "in disorder");
  fl_invoke_result_deinit(&result);
  return is_right ? 0 : 1;
}

/* libuv stops without a word when it has no memory for its table of descriptors. SQLite and jansson report it, and what
 * becomes of that is looked at here: the program itself has hooks there, too, and never hears it. */
int main(int argc, char **argv) {
  fl_io_hooks_install();
  long turns = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
  struct fl_runtime_options options = {.size = sizeof options, .store_path = argc == 3 ? argv[1] : NULL};
  struct fl_runtime *runtime = NULL;
  if (turns < 1 || fl_runtime_create(&options, &runtime, &err) < 0) return fail();
  struct fl_definition *definition = make_graph();
  long done = turn(runtime, definition, -1);
  if (done == FL_E_NOT_FOUND || done == FL_E_STATE) done = 0;
  int code = done < 0 ? fail() : 0;
  for (; code == 0 && done < turns; done++) {
    tell("node_start", done);
    if (turn(runtime, definition, done) < 0) code = fail();
    else tell("node_end", done);
  }
  if (code == 0) code = check(runtime, definition, turns);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return code;
}
