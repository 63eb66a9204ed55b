/* SPDX-License-Identifier: MIT */
/* The reducer of chat histories, row by row: what is held, what one write holds, what comes out. Messages without an id
 * get one; the rows show it as "id of" and the message's place among those of the task. */
#include "tests/unit/graph/fixture.h"

#include "graph/channel.h"
#include "runtime/base/mem.h"

#include <stdio.h>

#define U(id, text) "{\"role\":\"user\",\"id\":\"" id "\",\"content\":\"" text "\"}"
#define A(id, text) "{\"role\":\"assistant\",\"id\":\"" id "\",\"content\":\"" text "\"}"
#define R(id) "{\"role\":\"remove\",\"id\":\"" id "\"}"

struct row {
  const char *name, *held, *written, *expects;
};

static const struct row rows[] = {
    {"a text is a user's message", "[]", "\"hi\"", "[" U("#0", "hi") "]"},
    {"one message", "[]", U("1", "hi"), "[" U("1", "hi") "]"},
    {"a list", "[" U("1", "a") "]", "[" A("2", "b") "]", "[" U("1", "a") "," A("2", "b") "]"},
    {"an empty list", "[" U("1", "a") "]", "[]", "[" U("1", "a") "]"},
    {"pairs", "[]", "[[\"human\",\"a\"],[\"ai\",\"b\"]]", "[" U("#0", "a") "," A("#1", "b") "]"},
    {"texts in a list", "[]", "[\"a\",\"b\"]", "[" U("#0", "a") "," U("#1", "b") "]"},
    {"type instead of role", "[]", "[{\"type\":\"human\",\"content\":\"a\",\"id\":\"1\"}]",
     "[{\"content\":\"a\",\"id\":\"1\",\"role\":\"user\"}]"},
    {"missing ids", "[]", "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\",\"id\":null}]",
     "[" U("#0", "a") "," U("#1", "b") "]"},
    {"the same id replaces in place", "[" U("1", "a") "," U("2", "b") "]", U("1", "c"),
     "[" U("1", "c") "," U("2", "b") "]"},
    {"an id that is held, with another role", "[" U("1", "a") "]", A("1", "c"), "[" A("1", "c") "]"},
    {"the last of the same id wins", "[]", "[" U("1", "a") "," U("1", "b") "," U("2", "x") "]",
     "[" U("1", "b") "," U("2", "x") "]"},
    {"removing", "[" U("1", "a") "," U("2", "b") "]", R("1"), "[" U("2", "b") "]"},
    {"removing two", "[" U("1", "a") "," U("2", "b") "," U("3", "c") "]", "[" R("3") "," R("1") "]",
     "[" U("2", "b") "]"},
    {"removing twice", "[" U("1", "a") "]", "[" R("1") "," R("1") "]", "[]"},
    {"removing what is not there", "[" U("1", "a") "]", R("2"), "!no message with the id \"2\" to remove"},
    {"removed and written again is replaced", "[" U("1", "a") "," U("2", "b") "]", "[" R("1") "," U("1", "c") "]",
     "[" U("1", "c") "," U("2", "b") "]"},
    {"written and removed", "[" U("1", "a") "]", "[" U("2", "b") "," R("2") "]", "[" U("1", "a") "]"},
    {"remove all", "[" U("1", "a") "," U("2", "b") "]", R("__remove_all__"), "[]"},
    {"remove all, then new", "[" U("1", "a") "]", "[" U("9", "x") "," R("__remove_all__") "," U("2", "b") "]",
     "[" U("2", "b") "]"},
    {"remove all of nothing", "[]", R("__remove_all__"), "[]"},
    {"the last remove all counts", "[]",
     "[" R("__remove_all__") "," U("1", "a") "," R("__remove_all__") "," U("2", "b") "]", "[" U("2", "b") "]"},
    {"tool calls need no content", "[]", "{\"role\":\"assistant\",\"id\":\"1\",\"tool_calls\":[{\"id\":\"c\"}]}",
     "[{\"role\":\"assistant\",\"id\":\"1\",\"tool_calls\":[{\"id\":\"c\"}]}]"},
    {"content in parts", "[]", "{\"role\":\"user\",\"id\":\"1\",\"content\":[{\"type\":\"text\"}]}",
     "[{\"role\":\"user\",\"id\":\"1\",\"content\":[{\"type\":\"text\"}]}]"},
    {"no role", "[]", "{\"content\":\"a\"}", "!needs a \"role\""},
    {"an unknown role", "[]", "[[\"user\",\"a\"],{\"role\":\"robot\",\"content\":\"a\"}]",
     "!message 1: the role \"robot\" is not known"},
    {"no content", "[]", "{\"role\":\"user\"}", "!needs a \"content\""},
    {"an id that is no text", "[]", "{\"role\":\"user\",\"id\":5,\"content\":\"a\"}",
     "!\"id\" of a message must be a string"},
    {"removing nothing in particular", "[]", "{\"role\":\"remove\"}", "!needs the \"id\""},
    {"a number", "[]", "5", "!must be a string, an object or [role, content]"},
    {"nothing", "[]", "null", "!must be a string, an object or [role, content]"},
    {"an empty id is no id", "[]", "{\"role\":\"user\",\"id\":\"\",\"content\":\"a\"}", "[" U("#0", "a") "]"},
    {"replaced and appended", "[" U("1", "a") "]", "[" U("1", "b") "," U("2", "c") "]",
     "[" U("1", "b") "," U("2", "c") "]"},
    {"replaced and removed", "[" U("1", "a") "," U("2", "b") "]", "[" U("1", "c") "," R("1") "]", "[" U("2", "b") "]"},
    {"removed, written, removed", "[" U("1", "a") "]", "[" R("1") "," U("1", "b") "," R("1") "]", "[]"},
    {"removing the first and the last", "[" U("1", "a") "," U("2", "b") "," U("3", "c") "]", "[" R("1") "," R("3") "]",
     "[" U("2", "b") "]"},
    {"removing all one by one", "[" U("1", "a") "," U("2", "b") "]", "[" R("2") "," R("1") "]", "[]"},
    {"remove all, then remove", "[" U("1", "a") "]", "[" R("__remove_all__") "," R("1") "]",
     "!no message with the id \"1\" to remove"},
    {"remove all, then the same id", "[" U("1", "a") "," U("2", "b") "]", "[" R("__remove_all__") "," U("2", "c") "]",
     "[" U("2", "c") "]"},
    {"the type that removes", "[" U("1", "a") "]", "{\"type\":\"remove\",\"id\":\"1\"}", "[]"},
    {"a function's answer is a tool's", "[]", "{\"role\":\"function\",\"id\":\"1\",\"content\":\"a\"}",
     "[{\"role\":\"tool\",\"id\":\"1\",\"content\":\"a\"}]"},
    {"members that nobody knows stay", "[]", "{\"role\":\"user\",\"id\":\"1\",\"content\":\"a\",\"x\":[1]}",
     "[{\"role\":\"user\",\"id\":\"1\",\"content\":\"a\",\"x\":[1]}]"},
    {"three in a pair", "[]", "[[\"user\",\"a\",\"b\"]]", "!must be [role, content]"},
};

static void behave(struct test_call *call) {}

static struct fl_definition *talk(const char *held) {
  struct fl_graph *graph = fl_graph_create("talk");
  test_channel(graph, "m", FL_MESSAGES, held);
  test_node(graph, "node", behave);
  fl_graph_edge(graph, FL_START, "node");
  return test_compile(graph);
}

/* Given ids are derived: they are put in for "#0", "#1", … of what is expected. */
static struct fl_value *with_given_ids(const char *expects, const struct fl_value *actual) {
  FL_VALUE_AUTO expected = test_json(expects);
  struct fl_value *all = fl_array();
  for (size_t i = 0; i < fl_size(expected); i++) {
    struct fl_value *message = fl_copy_shallow(fl_at(expected, i));
    const char *given = fl_get_string(fl_at(actual, i), "id", "");
    if (fl_get_string(message, "id", "")[0] == '#' && strlen(given) == 36) fl_set_string(message, "id", given);
    fl_append_take(all, message);
  }
  return all;
}

static int write_once(struct fl_folds *folds, const char *written, struct fl_error *err) {
  FL_VALUE_AUTO value = test_json(written);
  FL_VALUE_AUTO messages = NULL;
  size_t index = 0;
  int rc = fl_messages_normalise(value, "task", &index, &messages, err);
  return rc < 0 ? rc : fl_folds_write(folds, 0, messages, "node", err);
}

static void check_row(const struct row *row) {
  struct fl_definition *definition = talk(row->held);
  struct fl_state *state = fl_state_create(definition);
  struct fl_folds folds;
  struct fl_error err = {0};
  fl_folds_init(&folds, state, true);
  int rc = write_once(&folds, row->written, &err);
  if (row->expects[0] == '!') {
    if (rc == 0 || strstr(err.text, row->expects + 1) == NULL) fail_msg("%s: %d %s", row->name, rc, err.text);
  } else {
    if (rc < 0) fail_msg("%s: %s", row->name, err.text);
    struct fl_state *next = fl_state_with(state, &folds);
    FL_VALUE_AUTO expected = with_given_ids(row->expects, fl_state_get(next, "m"));
    char *actual = fl_dump(fl_state_get(next, "m"), NULL);
    if (!fl_equal(expected, fl_state_get(next, "m"))) fail_msg("%s: %s", row->name, actual);
    fl_text_free(actual);
    fl_state_unref(next);
  }
  fl_folds_deinit(&folds);
  fl_state_unref(state);
  fl_definition_unref(definition);
}

static void all_rows(void **state) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_row(&rows[i]);
}

static void ids_are_derived_from_task_and_place(void **state) {
  FL_VALUE_AUTO written = test_json("[\"a\",\"b\"]");
  FL_VALUE_AUTO once = NULL;
  FL_VALUE_AUTO again = NULL;
  FL_VALUE_AUTO elsewhere = NULL;
  size_t index = 0, same = 0, other = 0;
  assert_int_equal(fl_messages_normalise(written, "task", &index, &once, NULL), 0);
  assert_int_equal(fl_messages_normalise(written, "task", &same, &again, NULL), 0);
  assert_int_equal(fl_messages_normalise(written, "another", &other, &elsewhere, NULL), 0);
  assert_int_equal(index, 2);
  assert_true(fl_equal(once, again));
  assert_false(fl_equal(fl_get(fl_at(once, 0), "id"), fl_get(fl_at(once, 1), "id")));
  assert_false(fl_equal(fl_get(fl_at(once, 0), "id"), fl_get(fl_at(elsewhere, 0), "id")));
  FL_VALUE_AUTO normal = NULL;
  assert_int_equal(fl_messages_normalise(once, "third", &other, &normal, NULL), 0);
  assert_true(fl_equal(once, normal)); /* what has an id keeps it */
}

/* Every write in every pair of rows, one after the other in one superstep and in two: the same. */
static void one_superstep_or_two(void **state) {
  size_t count = sizeof rows / sizeof rows[0], compared = 0;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < count; j++) {
      struct fl_definition *definition = talk(rows[i].held);
      struct fl_state *start = fl_state_create(definition);
      struct fl_folds both, first, second;
      fl_folds_init(&both, start, true);
      fl_folds_init(&first, start, true);
      bool ok = write_once(&both, rows[i].written, NULL) == 0 && write_once(&both, rows[j].written, NULL) == 0;
      bool is_first_ok = write_once(&first, rows[i].written, NULL) == 0;
      struct fl_state *middle = fl_state_with(start, &first), *end = fl_state_with(start, &both);
      fl_folds_init(&second, middle, true);
      bool is_second_ok = is_first_ok && write_once(&second, rows[j].written, NULL) == 0;
      struct fl_state *last = fl_state_with(middle, &second);
      assert_int_equal(ok, is_first_ok && is_second_ok);
      if (ok) assert_true(fl_equal(fl_state_get(end, "m"), fl_state_get(last, "m")));
      compared += ok;
      fl_folds_deinit(&both);
      fl_folds_deinit(&first);
      fl_folds_deinit(&second);
      fl_state_unref(start);
      fl_state_unref(middle);
      fl_state_unref(end);
      fl_state_unref(last);
      fl_definition_unref(definition);
    }
  assert_true(compared > 200);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_rows),
      cmocka_unit_test(ids_are_derived_from_task_and_place),
      cmocka_unit_test(one_superstep_or_two),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
