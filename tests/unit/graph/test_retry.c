/* SPDX-License-Identifier: MIT */
/* When a failed task is tried again: policies, attempts and errors in, a pause or "give up" out. */
#include "graph/retry.h"
#include "tests/support/support.h"

#include <fairlead/error.h>

#define USUAL \
  { .max_attempts = 3, .initial_ms = 500, .max_ms = 128000, .factor = 2 }
#define GIVES_UP (-1)

struct row {
  const char *name;
  struct fl_retry policies[3];
  size_t count;
  uint32_t attempt;
  int code;
  uint32_t random;
  int64_t delay_ms;
};

static const struct row rows[] = {
    {"no policy: a failure is final", {{0}}, 0, 1, FL_E_NETWORK, 0, GIVES_UP},
    {"the first pause is the initial one", {USUAL}, 1, 1, FL_E_NETWORK, 0, 500},
    {"the second is longer by the factor", {USUAL}, 1, 2, FL_E_NETWORK, 0, 1000},
    {"the attempts are counted with the first", {USUAL}, 1, 3, FL_E_NETWORK, 0, GIVES_UP},
    {"one attempt is none more", {{.max_attempts = 1, .initial_ms = 1, .max_ms = 1}}, 1, 1, FL_E_IO, 0, GIVES_UP},
    {"no pause is longer than the longest",
     {{.max_attempts = 100, .initial_ms = 500, .max_ms = 3000, .factor = 2}},
     1,
     60,
     FL_E_IO,
     0,
     3000},
    {"also when the first one is",
     {{.max_attempts = 9, .initial_ms = 500, .max_ms = 100, .factor = 2}},
     1,
     1,
     FL_E_IO,
     0,
     100},
    {"a factor of one keeps the pause",
     {{.max_attempts = 9, .initial_ms = 70, .max_ms = 1000, .factor = 1}},
     1,
     8,
     FL_E_IO,
     0,
     70},
    {"a factor below one shortens it",
     {{.max_attempts = 9, .initial_ms = 100, .max_ms = 1000, .factor = 0.5}},
     1,
     3,
     FL_E_IO,
     0,
     25},
    {"a factor of zero leaves none",
     {{.max_attempts = 9, .initial_ms = 100, .max_ms = 1000, .factor = 0}},
     1,
     3,
     FL_E_IO,
     0,
     0},
    {"without jitter the random number does not count", {USUAL}, 1, 1, FL_E_IO, UINT32_MAX, 500},
    {"jitter adds nothing at least",
     {{.max_attempts = 3, .initial_ms = 500, .max_ms = 9000, .factor = 2, .jitter = true}},
     1,
     1,
     FL_E_IO,
     0,
     500},
    {"and a second at most",
     {{.max_attempts = 3, .initial_ms = 500, .max_ms = 9000, .factor = 2, .jitter = true}},
     1,
     1,
     FL_E_IO,
     UINT32_MAX,
     1500},
    {"jitter comes on top of the longest pause",
     {{.max_attempts = 3, .initial_ms = 500, .max_ms = 500, .factor = 2, .jitter = true}},
     1,
     2,
     FL_E_IO,
     UINT32_MAX / 2,
     1000},
    {"an error that is not on the list is final",
     {{.max_attempts = 3, .initial_ms = 1, .max_ms = 1, .codes = UINT64_C(1) << -FL_E_TIMEOUT}},
     1,
     1,
     FL_E_NETWORK,
     0,
     GIVES_UP},
    {"one that is on it is tried again",
     {{.max_attempts = 3, .initial_ms = 1, .max_ms = 1, .codes = UINT64_C(1) << -FL_E_INVALID}},
     1,
     1,
     FL_E_INVALID,
     0,
     1},
    {"of several the first that speaks of it counts",
     {{.max_attempts = 9, .initial_ms = 7, .max_ms = 7, .codes = UINT64_C(1) << -FL_E_RATE},
      {.max_attempts = 9, .initial_ms = 8, .max_ms = 8},
      {.max_attempts = 9, .initial_ms = 9, .max_ms = 9}},
     3,
     1,
     FL_E_NETWORK,
     0,
     8},
    {"also when it gives up and a later one would not",
     {{.max_attempts = 1, .initial_ms = 7, .max_ms = 7, .codes = UINT64_C(1) << -FL_E_RATE},
      {.max_attempts = 9, .initial_ms = 8, .max_ms = 8}},
     2,
     1,
     FL_E_RATE,
     0,
     GIVES_UP},
};

static void every_row_decides_as_it_says(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct row *row = &rows[i];
    int64_t actual = fl_retry_delay_ms(row->policies, row->count, row->attempt, row->code, row->random);
    if (actual != row->delay_ms) fail_msg("%s: %lld, not %lld", row->name, (long long)actual, (long long)row->delay_ms);
  }
}

/* Each code stands here, so that a new one must be thought about. */
static void mistakes_are_not_usual_errors(void **state) {
  static const struct {
    int code;
    bool is_usual;
  } codes[] = {
      {FL_E_INVALID, false},     {FL_E_SYNTAX, false},     {FL_E_LIMIT, false},    {FL_E_NOT_FOUND, false},
      {FL_E_EXISTS, false},      {FL_E_CONFLICT, false},   {FL_E_BUSY, true},      {FL_E_DENIED, false},
      {FL_E_IO, true},           {FL_E_NO_SPACE, true},    {FL_E_CORRUPT, false},  {FL_E_VERSION, false},
      {FL_E_TIMEOUT, true},      {FL_E_CANCELLED, false},  {FL_E_CLOSED, true},    {FL_E_NETWORK, true},
      {FL_E_PROTOCOL, true},     {FL_E_REMOTE, true},      {FL_E_RATE, true},      {FL_E_AUTH, false},
      {FL_E_UNSUPPORTED, false}, {FL_E_STATE, false},      {FL_E_GRAPH, false},    {FL_E_RECURSION, false},
      {FL_E_TASK, true},         {FL_E_EXPRESSION, false}, {FL_E_TRUNCATED, true}, {FL_E_BUG, false},
  };
  assert_int_equal(sizeof codes / sizeof codes[0], -FL_E_BUG);
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    if (fl_retry_is_usual(codes[i].code) != codes[i].is_usual) fail_msg("%s", fl_error_word(codes[i].code));
}

static void the_default_policy_is_langgraphs(void **state) {
  struct fl_retry retry = fl_retry_default();
  assert_int_equal(retry.max_attempts, 3);
  assert_int_equal(retry.initial_ms, 500);
  assert_int_equal(retry.max_ms, 128000);
  assert_true(retry.factor == 2 && retry.jitter && retry.codes == 0);
}

static void only_error_codes_have_a_bit(void **state) {
  assert_true(fl_retry_bit(0) == 0 && fl_retry_bit(5) == 0 && fl_retry_bit(-64) == 0);
  assert_true(fl_retry_bit(FL_E_INVALID) == 2);
  for (int code = -1; code > FL_E_BUG; code--) assert_true(fl_retry_bit(code) != fl_retry_bit(code - 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_decides_as_it_says),
      cmocka_unit_test(mistakes_are_not_usual_errors),
      cmocka_unit_test(the_default_policy_is_langgraphs),
      cmocka_unit_test(only_error_codes_have_a_bit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
