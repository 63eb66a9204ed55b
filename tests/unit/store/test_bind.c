/* SPDX-License-Identifier: MIT */
/* What is bound to a statement and read back while SQLite gets no memory: it is whole, or the process has stopped. */
#include "runtime/store/sqlite.h"
#include "tests/support/support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ALLOCATIONS = 12, WHOLE = 0, WRONG = 1, FAILED = 2 };

static const char id[] = "1f1ecf04-3d73-6701-8000-dcf7d1e6ad7a";

static sqlite3_mem_methods methods;
static long countdown;

static bool is_hit(void) { return countdown > 0 && --countdown == 0; }
static void *take(int size) { return is_hit() ? NULL : methods.xMalloc(size); }
static void *resize(void *memory, int size) { return is_hit() ? NULL : methods.xRealloc(memory, size); }

static void use_failing_memory(void) {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &methods);
  sqlite3_mem_methods failing = methods;
  failing.xMalloc = take;
  failing.xRealloc = resize;
  sqlite3_config(SQLITE_CONFIG_MALLOC, &failing);
}

/* An id goes in and comes back, with the n-th allocation in between failing. */
static int carry(long nth) {
  sqlite3 *handle = NULL;
  sqlite3_stmt *statement = NULL;
  char back[FL_UUID_SIZE];
  use_failing_memory();
  sqlite3_open(":memory:", &handle);
  sqlite3_prepare_v2(handle, "select ?1, ?1 || ''", -1, &statement, NULL);
  countdown = nth;
  fl_db_bind_id(statement, 1, id);
  int code = sqlite3_step(statement);
  if (code != SQLITE_ROW) return FAILED;
  fl_db_id(statement, 0, back);
  bool is_whole = strcmp(back, id) == 0 && fl_db_text(statement, 1).size > 0;
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return is_whole ? WHOLE : WRONG;
}

static void an_id_is_never_lost_without_a_word(void **state) {
  int stopped = 0, whole = 0;
  for (long nth = 1; nth <= ALLOCATIONS; nth++) {
    pid_t child = fork();
    if (child == 0) {
      if (freopen("/dev/null", "w", stderr) == NULL) _exit(FAILED);
      _exit(carry(nth));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    bool is_stopped = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    if (!is_stopped && (!WIFEXITED(status) || WEXITSTATUS(status) == WRONG))
      fail_msg("without allocation %ld: status %#x", nth, (unsigned)status);
    stopped += is_stopped;
    whole += WIFEXITED(status) && WEXITSTATUS(status) == WHOLE;
  }
  assert_true(stopped > 0); /* the binding itself */
  assert_true(whole > 0);   /* none failed any more */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(an_id_is_never_lost_without_a_word)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
