/* SPDX-License-Identifier: MIT */
/* A program without a graph: sums the squares of a list, a journalled call for each, and adds what the thread summed up
 * before. Give it a store and a thread, and run it again: it goes on from there.
 *
 *   entrypoint [STORE THREAD] NUMBER… */
#include <fairlead/entrypoint.h>
#include <stdio.h>
#include <stdlib.h>

/* A step: runs on a thread of its own, once; its result is kept. */
static int square(const struct fl_value *args, void *user, struct fl_value **ret_result, struct fl_error *err) {
  int64_t n = fl_as_int(args, 0);
  if (n > 1000000 || n < -1000000)
    return fl_error_set(err, FL_E_LIMIT, "%lld is too large to be squared", (long long)n);
  *ret_result = fl_int(n * n);
  return 0;
}

struct sum {
  size_t waiting;
  int64_t total;
  bool has_failed;
};
static struct sum sum; /* one run at a time */

static void on_square(struct fl_task *task, struct fl_value *result, const struct fl_error *err, void *user) {
  if (result == NULL) fl_task_fail(task, err->code, "%s", err->text);
  sum.has_failed |= result == NULL;
  sum.total += fl_as_int(result, 0);
  if (--sum.waiting > 0) return;
  fl_task_return_take(task, fl_int(sum.total));
  fl_task_complete(task, sum.has_failed ? FL_E_TASK : FL_DONE);
}

static int entry(struct fl_task *task, void *user) {
  const struct fl_value *numbers = fl_task_input(task);
  struct fl_function function = {.size = sizeof function, .name = "square", .run = square};
  sum = (struct sum){.waiting = fl_size(numbers), .total = fl_as_int(fl_task_previous(task), 0)};
  for (size_t i = 0; i < fl_size(numbers); i++) {
    int rc = fl_task_call_function(task, &function, fl_at(numbers, i), on_square, NULL);
    if (rc < 0) return rc;
  }
  return fl_size(numbers) > 0 ? FL_PENDING : fl_task_fail(task, FL_E_INVALID, "there is nothing to sum up");
}

static int run(struct fl_runtime *runtime, struct fl_definition *definition, const char *thread,
               struct fl_value *numbers, struct fl_error *err) {
  struct fl_value *input = fl_entrypoint_input_take(numbers);
  struct fl_invoke_options options = {.size = sizeof options, .thread = thread, .input = input};
  struct fl_invoke_result result = {0};
  int rc = fl_runtime_invoke(runtime, definition, &options, &result, err);
  if (rc == 0) printf("%lld\n", (long long)fl_get_int(result.output, "output", 0));
  fl_invoke_result_deinit(&result);
  fl_value_unref(input);
  return rc;
}

int main(int argc, char **argv) {
  bool has_store = argc > 3 && strtoll(argv[1], NULL, 10) == 0;
  struct fl_value *numbers = fl_array();
  for (int i = has_store ? 3 : 1; i < argc; i++) fl_append_take(numbers, fl_int(strtoll(argv[i], NULL, 10)));
  struct fl_error err = {0};
  struct fl_definition *definition = NULL;
  struct fl_runtime *runtime = NULL;
  struct fl_entrypoint entrypoint = {.size = sizeof entrypoint, .name = "squares", .run = entry};
  struct fl_runtime_options options = {.size = sizeof options, .store_path = has_store ? argv[1] : NULL};
  int rc = fl_entrypoint_create(&entrypoint, &definition, &err);
  if (rc == 0) rc = fl_runtime_create(&options, &runtime, &err);
  if (rc == 0) rc = run(runtime, definition, has_store ? argv[2] : NULL, numbers, &err);
  else fl_value_unref(numbers);
  if (rc < 0) fprintf(stderr, "entrypoint: %s\n", err.text);
  fl_runtime_destroy(runtime);
  fl_definition_unref(definition);
  return rc != 0;
}
