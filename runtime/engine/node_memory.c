/* SPDX-License-Identifier: MIT */
/* memory: one operation on the memory that outlives threads. It needs no journal: what a task that runs again puts or
 * deletes a second time is the same. A cancel does not call it back; the task ends when it has answered. */
#include "runtime/base/mem.h"
#include "runtime/engine/flow.h"
#include "runtime/engine/node_kinds.h"

#include <fairlead/memory.h>

/* What the operation is given, evaluated; any may be NULL. */
struct given {
  struct fl_value *ns, *key, *value, *query, *filter;
};

static void given_deinit(struct given *given) {
  fl_value_unref(given->ns);
  fl_value_unref(given->key);
  fl_value_unref(given->value);
  fl_value_unref(given->query);
  fl_value_unref(given->filter);
}

static int eval(struct fl_task *task, const char *name, enum fl_type type, struct fl_value **ret_value) {
  if (fl_get(fl_task_def(task)->config, name) == NULL) return 0;
  FL_FREE_AUTO char *pointer = fl_format("/%s", name);
  int rc = fl_task_eval(task, pointer, ret_value);
  if (rc < 0 || fl_is(*ret_value, type)) return rc;
  return fl_task_fail(task, FL_E_INVALID, "%s: must be of type %s, not %s", pointer, fl_type_name(type),
                      fl_type_name(fl_type_of(*ret_value)));
}

static int eval_all(struct fl_task *task, struct given *given) {
  int rc = eval(task, "namespace", FL_ARRAY, &given->ns);
  if (rc == 0) rc = eval(task, "key", FL_STRING, &given->key);
  if (rc == 0) rc = eval(task, "value", FL_OBJECT, &given->value);
  if (rc == 0) rc = eval(task, "query", FL_STRING, &given->query);
  return rc == 0 ? eval(task, "filter", FL_OBJECT, &given->filter) : rc;
}

/* An item that was got, or a list of items that were found. */
static void note_labels(struct fl_task *task, const struct fl_value *result) {
  if (fl_is(result, FL_OBJECT))
    fl_flow_read_item(task, fl_get(result, "namespace"), fl_get_string(result, "key", NULL));
  for (size_t i = 0; fl_is(result, FL_ARRAY) && i < fl_size(result); i++) note_labels(task, fl_at(result, i));
}

static void on_answer(struct fl_value *result, const struct fl_error *err, void *user) {
  struct fl_task *task = user;
  const char *channel = fl_get_string(fl_task_def(task)->config, "write", NULL);
  int rc = 0;
  note_labels(task, result);
  if (err != NULL && result == NULL) rc = fl_task_fail(task, err->code, "%s", err->text);
  else if (channel != NULL) rc = fl_task_write_take(task, channel, fl_value_ref(result));
  fl_task_complete(task, rc < 0 ? rc : FL_DONE);
}

static enum fl_memory_rank rank_of(const char *name) {
  if (strcmp(name, "words") == 0) return FL_RANK_WORDS;
  if (strcmp(name, "vectors") == 0) return FL_RANK_VECTOR;
  return strcmp(name, "both") == 0 ? FL_RANK_BOTH : FL_RANK_AUTO;
}

static void begin(struct fl_task *task, const struct given *given) {
  const struct fl_value *config = fl_task_def(task)->config;
  const char *op = fl_get_string(config, "op", ""), *key = fl_as_string(given->key);
  struct fl_memory *memory = fl_task_memory(task);
  if (strcmp(op, "put") == 0) {
    const struct fl_memory_put put = {.size = sizeof put,
                                      .ns = given->ns,
                                      .key = key,
                                      .value = given->value,
                                      .ttl_ms = fl_get_int(config, "ttl_ms", 0)};
    fl_flow_keep_item(task, given->ns, key);
    fl_memory_put(memory, &put, on_answer, task);
  } else if (strcmp(op, "get") == 0) {
    fl_memory_get(memory, given->ns, key, on_answer, task);
  } else if (strcmp(op, "delete") == 0) {
    fl_memory_delete(memory, given->ns, key, on_answer, task);
  } else {
    const struct fl_memory_search search = {.size = sizeof search,
                                            .ns = given->ns,
                                            .query = fl_as_string(given->query),
                                            .filter = given->filter,
                                            .rank = rank_of(fl_get_string(config, "rank", "auto")),
                                            .limit = (size_t)fl_get_int(config, "limit", 0)};
    fl_memory_search(memory, &search, on_answer, task);
  }
}

int fl_node_memory(struct fl_task *task, void *user) {
  struct given given = {0};
  int rc = eval_all(task, &given);
  if (rc == 0) begin(task, &given);
  given_deinit(&given);
  return rc < 0 ? rc : FL_PENDING;
}
