/* SPDX-License-Identifier: MIT */
/* Expressions beyond their meaning: names, columns, budgets, persistent lists, hostile texts. The meaning is in
 * test_expr_cases.c. */
#include "expr_env.h"

#include <stdio.h>
#include <string.h>

static struct fl_expr *make(const char *text) {
  struct fl_expr *expr = NULL;
  struct fl_error err = {0};
  if (fl_expr_create(fl_slice_of(text), &expr, &err) < 0) fail_msg("%s: %s", text, err.text);
  return expr;
}

static int create_fails(const char *text, size_t size) {
  struct fl_expr *expr = NULL;
  struct fl_error err = {0};
  int rc = fl_expr_create(fl_slice_n(text, size), &expr, &err);
  assert_null(expr);
  assert_true(rc < 0);
  assert_int_equal(err.code, rc);
  return rc;
}

static void collect_name(const char *scope, const char *name, size_t column, void *user) {
  struct fl_buf *names = user;
  fl_buf_addf(names, "%s%s%s@%zu ", scope != NULL ? scope : "", scope != NULL ? "." : "", name, column);
}

static void assert_names(const char *text, const char *expected) {
  FL_BUF_AUTO names = {0};
  fl_buf_add_text(&names, "");
  struct fl_expr *expr = make(text);
  fl_expr_visit_names(expr, collect_name, &names);
  assert_string_equal(names.data, expected);
  fl_expr_destroy(expr);
}

static void tells_the_names_it_reads(void **state) {
  assert_names("1 + 2", "");
  assert_names("x + y", "x@1 y@5 ");
  assert_names("state.turns > 3", "state.turns@1 ");
  assert_names("state.messages[-1].content", "state.messages@1 ");
  assert_names("state['turns']", "state.turns@1 ");
  assert_names("state[x]", "state@1 x@7 ");
  assert_names("has(state.a) && size(state.b.c) > 0", "state.a@5 state.b@22 ");
  assert_names("state.notes.map(n, n + m.k)", "state.notes@1 m.k@24 ");
  assert_names("[1].map(state, state.x)", "");
  assert_names("type(x) == int", "x@6 ");
  assert_names("'é' + x", "x@7 ");
}

static void keeps_its_text(void **state) {
  struct fl_expr *expr = make(" 1 + 2 ");
  assert_string_equal(fl_expr_text(expr), " 1 + 2 ");
  fl_expr_destroy(expr);
  fl_expr_destroy(NULL);
}

static struct fl_list *message_list(size_t count) {
  struct fl_list *list = fl_list_create();
  for (size_t i = 0; i < count; i++) {
    char text[64];
    int size = snprintf(text, sizeof text, "{\"role\":\"%s\",\"n\":%zu}", i % 2 ? "assistant" : "user", i);
    struct fl_list *longer = fl_list_append_text(list, fl_slice_n(text, (size_t)size));
    fl_list_unref(list);
    list = longer;
  }
  return list;
}

static struct fl_var messages_lookup(const char *scope, const char *name, void *user) {
  return (struct fl_var){.list = strcmp(name, "messages") == 0 ? user : NULL};
}

static struct fl_value *eval_messages(const char *text, struct fl_list *list, int expected) {
  struct fl_expr_env env = {.lookup_in = messages_lookup, .scopes = test_env_scopes, .user = list};
  struct fl_expr *expr = make(text);
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  int rc = fl_expr_eval(expr, &env, &value, &err);
  if (rc != expected) fail_msg("%s: %d %s", text, rc, err.text);
  fl_expr_destroy(expr);
  return value;
}

/* A list of 200,000 messages is far beyond the budgets of steps and output: only what does not walk or copy it may
 * pass. */
static void reads_a_long_list_without_walking_it(void **state) {
  struct fl_list *list = message_list(600000);
  static const char *const cheap[] = {"size(state.messages) == 600000",      "last(state.messages).n == 599999",
                                      "state.messages[-2].role == 'user'",   "state.messages[7].n == 7",
                                      "state.messages.exists(m, m.n == 40)", "has(state.messages)"};
  for (size_t i = 0; i < sizeof cheap / sizeof *cheap; i++) {
    struct fl_value *value = eval_messages(cheap[i], list, 0);
    assert_true(fl_as_bool(value, false));
    fl_value_unref(value);
  }
  assert_null(eval_messages("state.messages.filter(m, m.n == 1)", list, FL_E_LIMIT));
  assert_null(eval_messages("state.messages + [1]", list, FL_E_LIMIT));
  assert_null(eval_messages("[state.messages]", list, FL_E_LIMIT));
  assert_null(eval_messages("state.messages", list, FL_E_LIMIT));
  fl_list_unref(list);
}

static void shares_the_elements_it_gives(void **state) {
  struct fl_list *list = message_list(3);
  struct fl_value *all = eval_messages("state.messages", list, 0);
  struct fl_value *some = eval_messages("state.messages.filter(m, m.role == 'user')", list, 0);
  assert_int_equal(fl_size(all), 3);
  assert_int_equal(fl_size(some), 2);
  assert_ptr_equal(fl_at(all, 2), fl_list_at(list, 2));
  assert_ptr_equal(fl_at(some, 1), fl_list_at(list, 2));
  fl_value_unref(all);
  fl_value_unref(some);
  fl_list_unref(list);
}

static void a_condition_must_be_a_boolean(void **state) {
  struct fl_error err = {0};
  bool holds = false;
  struct fl_expr *yes = make("1 < 2"), *text = make("'yes'");
  assert_int_equal(fl_expr_eval_bool(yes, NULL, &holds, &err), 0);
  assert_true(holds);
  assert_int_equal(fl_expr_eval_bool(text, NULL, &holds, &err), FL_E_EXPRESSION);
  assert_string_equal(err.text, "column 1: a condition must be true or false, not string");
  assert_int_equal(fl_expr_eval_bool(text, NULL, &holds, NULL), FL_E_EXPRESSION);
  assert_true(holds);
  fl_expr_destroy(yes);
  fl_expr_destroy(text);
}

static void names_the_column_of_the_mistake(void **state) {
  struct fl_error err = {0};
  struct fl_value *value = NULL;
  struct fl_expr *expr = make("'é' == 'é' &&\n 1 / (2 - 2) == 1");
  assert_int_equal(fl_expr_eval(expr, NULL, &value, &err), FL_E_EXPRESSION);
  assert_string_equal(err.text, "column 18: division by zero");
  fl_expr_destroy(expr);
}

static char *repeat(const char *front, const char *part, size_t count, const char *back) {
  struct fl_buf text = {0};
  fl_buf_add_text(&text, front);
  for (size_t i = 0; i < count; i++) fl_buf_add_text(&text, part);
  fl_buf_add_text(&text, back);
  return fl_buf_take(&text, NULL);
}

static void bounds_nesting_and_size(void **state) {
  static const struct {
    const char *front, *part, *back;
    size_t fits, too_many;
  } rows[] = {{"", "(", "", 0, 5000},
              {"", "[", "", 0, 5000},
              {"", "{'a':", "", 0, 3000},
              {"", "!", "true", 60, 5000},
              {"1", "+1", "", 500, 3000},
              {"true", "&&true", "", 2000, 2731},
              {"", "- ", "x", 60, 3000},
              {"x", ".a", "", 500, 3000},
              {"x", "[0]", "", 500, 3000},
              {"", "size(", "", 0, 3000},
              {"", "true ? 1 : ", "1", 60, 1000}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *text = repeat(rows[i].front, rows[i].part, rows[i].too_many, rows[i].back);
    assert_int_equal(create_fails(text, strlen(text)), FL_E_LIMIT);
    fl_free(text);
    if (rows[i].fits == 0) continue;
    text = repeat(rows[i].front, rows[i].part, rows[i].fits, rows[i].back);
    fl_expr_destroy(make(text));
    fl_free(text);
  }
  char *text = repeat("", "([", 31, "1");
  struct fl_buf closed = {0};
  fl_buf_add_text(&closed, text);
  for (int i = 0; i < 31; i++) fl_buf_add_text(&closed, "])");
  fl_expr_destroy(make(closed.data));
  fl_buf_deinit(&closed);
  fl_free(text);
}

static void refuses_hostile_texts(void **state) {
  assert_int_equal(create_fails("1\0+", 3), FL_E_SYNTAX);
  assert_int_equal(create_fails("'\0'", 3), FL_E_SYNTAX);
  assert_int_equal(create_fails("\xff", 1), FL_E_SYNTAX);
  assert_int_equal(create_fails(NULL, 0), FL_E_SYNTAX);
}

/* Every front part of a text that uses everything either parses or fails with a code and a text; under the sanitizers.
 */
static void survives_being_cut_anywhere(void **state) {
  static const char text[] =
      "has(state.a.`b-c`) && {'k': [1, -2.5e3, r'\\x', 0x1f]}.k.exists(i, i in [1] ? true : !false) || "
      "state['m'][-1].matches('^a\\u00e9+$') // end\n || \"\"\"q\"\"\" == '''r''' + string(last([1]) % 2)";
  for (size_t size = 0; size <= sizeof text - 1; size++) {
    char *copy = fl_strndup(text, size); /* its own block, so that reading past it is seen */
    struct fl_expr *expr = NULL;
    struct fl_error err = {0};
    struct fl_value *value = NULL;
    if (fl_expr_create(fl_slice_n(copy, size), &expr, &err) == 0) fl_expr_eval(expr, NULL, &value, &err);
    else assert_true(strlen(err.text) > 0);
    fl_value_unref(value);
    fl_expr_destroy(expr);
    fl_free(copy);
  }
}

/* Lookups are for names only: what an operator decides without, it does not ask for. */
static void asks_for_no_more_than_it_needs(void **state) {
  struct test_env test = {.names = test_value("{\"a\":false,\"b\":true}")};
  struct fl_expr_env env = test_env_of(&test);
  struct fl_value *value = NULL;
  struct fl_error err = {0};
  struct fl_expr *expr = make("a && b && b");
  assert_int_equal(fl_expr_eval(expr, &env, &value, &err), 0);
  assert_int_equal(test.lookup_count, 1);
  fl_value_unref(value);
  fl_expr_destroy(expr);
  test_env_deinit(&test);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tells_the_names_it_reads),
      cmocka_unit_test(keeps_its_text),
      cmocka_unit_test(reads_a_long_list_without_walking_it),
      cmocka_unit_test(shares_the_elements_it_gives),
      cmocka_unit_test(a_condition_must_be_a_boolean),
      cmocka_unit_test(names_the_column_of_the_mistake),
      cmocka_unit_test(bounds_nesting_and_size),
      cmocka_unit_test(refuses_hostile_texts),
      cmocka_unit_test(survives_being_cut_anywhere),
      cmocka_unit_test(asks_for_no_more_than_it_needs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
