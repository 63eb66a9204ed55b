/* SPDX-License-Identifier: MIT */
/* Values that nobody changes any more are shared: several threads hold, read, write out, compare and validate the same
 * ones, and let them go in any order. Counts of references must come out even; under ASan a lost or doubled one shows.
 */
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/expr.h"
#include "runtime/json/json.h"
#include "runtime/json/schema.h"
#include "tests/support/support.h"

#include <pthread.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 3000 };

static const char text[] =
    "{\"messages\":[{\"id\":\"m1\",\"content\":\"h\\u00e9llo\"},{\"id\":\"m2\",\"content\":\"x\",\"n\":2.5}],"
    "\"empty\":{},\"flag\":true,\"none\":null,\"big\":9007199254740993}";

struct shared {
  pthread_barrier_t start;
  struct fl_value *value;
  struct fl_schema *schema;
  struct fl_expr *expr;
  char *dumped;
  uint8_t hash[32];
};

struct worker {
  pthread_t thread;
  struct shared *shared;
  int failures;
  struct fl_value *kept; /* a part of the shared value that outlives the round */
};

static struct fl_var lookup(const char *name, void *user) {
  return (struct fl_var){.value = fl_get(((struct shared *)user)->value, name)};
}

static bool evaluates(struct shared *shared) {
  struct fl_expr_env env = {.lookup = lookup, .user = shared};
  FL_VALUE_AUTO result = NULL;
  return fl_expr_eval(shared->expr, &env, &result, NULL) == 0 && fl_as_bool(result, false);
}

static bool reads_the_same(struct shared *shared) {
  FL_VALUE_AUTO held = fl_value_ref(shared->value);
  uint8_t hash[32];
  fl_json_hash(held, hash);
  char *dumped = fl_dump(held, NULL);
  bool ok = memcmp(hash, shared->hash, sizeof hash) == 0 && strcmp(dumped, shared->dumped) == 0;
  fl_text_free(dumped);
  return ok && fl_schema_validate(shared->schema, held, NULL) == 0 && evaluates(shared);
}

/* A new value that holds parts of the shared one, as an update of a state does. */
static bool builds_upon(struct worker *worker, int round) {
  struct fl_value *messages = fl_get(worker->shared->value, "messages");
  FL_VALUE_AUTO copy = fl_copy_shallow(worker->shared->value);
  fl_set_take(copy, "last", fl_value_ref(fl_at(messages, (size_t)round % 2)));
  fl_value_unref(worker->kept);
  worker->kept = fl_value_ref(fl_at(messages, (size_t)round % 2));
  return fl_equal(fl_get(copy, "last"), worker->kept) && fl_get(worker->shared->value, "last") == NULL;
}

static void *work(void *user) {
  struct worker *worker = user;
  pthread_barrier_wait(&worker->shared->start);
  for (int round = 0; round < ROUNDS; round++)
    worker->failures += !reads_the_same(worker->shared) + !builds_upon(worker, round);
  return NULL;
}

static void make_shared(struct shared *shared) {
  static const char schema[] =
      "{\"type\":\"object\",\"required\":[\"messages\"],\"properties\":{\"messages\":{\"items\":"
      "{\"properties\":{\"content\":{\"pattern\":\"^[a-z\\u00e9]+$\"}},\"required\":[\"id\"]}}}}";
  FL_VALUE_AUTO schema_value = NULL;
  assert_int_equal(fl_parse(text, strlen(text), &shared->value, NULL), 0);
  assert_int_equal(fl_parse(schema, strlen(schema), &schema_value, NULL), 0);
  assert_int_equal(fl_schema_create(schema_value, NULL, &shared->schema, NULL), 0);
  fl_slice expression = FL_SLICE("messages.exists(m, m.id.matches('^m2$')) && size(messages) == 2 && flag");
  assert_int_equal(fl_expr_create(expression, &shared->expr, NULL), 0);
  shared->dumped = fl_dump(shared->value, NULL);
  fl_json_hash(shared->value, shared->hash);
  pthread_barrier_init(&shared->start, NULL, THREADS);
}

static void threads_share_what_nobody_changes(void **state) {
  struct shared shared = {0};
  struct worker workers[THREADS] = {0};
  make_shared(&shared);
  for (size_t i = 0; i < THREADS; i++) {
    workers[i].shared = &shared;
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  for (size_t i = 0; i < THREADS; i++) pthread_join(workers[i].thread, NULL);
  for (size_t i = 0; i < THREADS; i++) assert_int_equal(workers[i].failures, 0);
  /* What the workers still hold is the same message, and alive after the value itself has gone. */
  assert_true(fl_json_is_unshared(shared.value));
  fl_value_unref(shared.value);
  for (size_t i = 0; i < THREADS; i++) {
    assert_string_equal(fl_get_string(workers[i].kept, "id", ""), "m2");
    assert_int_equal(fl_json_is_unshared(workers[i].kept), i + 1 == THREADS);
    fl_value_unref(workers[i].kept);
  }
  pthread_barrier_destroy(&shared.start);
  fl_schema_destroy(shared.schema);
  fl_expr_destroy(shared.expr);
  fl_text_free(shared.dumped);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(threads_share_what_nobody_changes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
