/* SPDX-License-Identifier: MIT */
/* Namespaces, filters, paths and words of items, and what the store does with them. */
#include "runtime/store/items.h"
#include "tests/unit/store/fixture.h"

static struct fl_value *json(const char *text) {
  struct fl_value *value = NULL;
  struct fl_error err;
  if (fl_parse(text, strlen(text), &value, &err) != 0) fail_msg("%s: %s", text, err.text);
  return value;
}

/* ---- namespaces ---- */

static void labels_become_a_namespace_and_back(void **state) {
  FL_VALUE_AUTO labels = json("[\"users\",\"ann\",\"notes 2\"]");
  FL_FREE_AUTO char *ns = NULL;
  assert_int_equal(fl_item_namespace(labels, false, &ns, NULL), 0);
  assert_string_equal(ns, "users.ann.notes 2");
  FL_VALUE_AUTO back = fl_item_labels(ns);
  assert_true(fl_equal(labels, back));
}

static void wrong_labels_are_named(void **state) {
  static const struct {
    const char *labels, *text;
  } rows[] = {
      {"[]", "at least one"},
      {"[\"a\",\"\"]", "label 2 of the namespace is empty"},
      {"[\"a.b\"]", "holds a \".\""},
      {"[\"a\",7]", "label 2 of the namespace is no text"},
      {"\"a\"", "array of labels"},
      {"[\"fairlead\",\"x\"]", "fairlead's own"},
      {"[\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\"]",
       "at most 16"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO labels = json(rows[i].labels);
    struct fl_error err = {0};
    char *ns = NULL;
    assert_int_equal(fl_item_namespace(labels, false, &ns, &err), FL_E_INVALID);
    if (strstr(err.text, rows[i].text) == NULL) fail_msg("%s: %s", rows[i].labels, err.text);
  }
  FL_VALUE_AUTO later = json("[\"a\",\"fairlead\"]");
  FL_FREE_AUTO char *ns = NULL;
  assert_int_equal(fl_item_namespace(later, false, &ns, NULL), 0);
  FL_FREE_AUTO char *all = NULL;
  assert_int_equal(fl_item_namespace(NULL, true, &all, NULL), 0);
  assert_string_equal(all, "");
}

static void patterns_fit_fronts_and_ends(void **state) {
  static const struct {
    const char *labels, *pattern;
    bool front, end;
  } rows[] = {{"[\"a\",\"b\"]", "[]", true, true},        {"[\"a\",\"b\"]", "[\"a\"]", true, false},
              {"[\"a\",\"b\"]", "[\"b\"]", false, true},  {"[\"a\",\"b\"]", "[\"*\",\"b\"]", true, true},
              {"[\"a\",\"b\"]", "[\"*\"]", true, true},   {"[\"a\"]", "[\"a\",\"*\"]", false, false},
              {"[\"a\",\"b\"]", "[\"a*\"]", false, false}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO labels = json(rows[i].labels);
    FL_VALUE_AUTO pattern = json(rows[i].pattern);
    assert_int_equal(fl_item_has_prefix(labels, pattern), rows[i].front);
    assert_int_equal(fl_item_has_suffix(labels, pattern), rows[i].end);
  }
}

/* ---- filters ---- */

static void filters_hold_or_not(void **state) {
  static const struct {
    const char *filter, *value;
    bool holds;
  } rows[] = {{"{}", "{\"a\":1}", true},
              {"{\"a\":1}", "{\"a\":1}", true},
              {"{\"a\":1}", "{\"a\":1.0}", true},
              {"{\"a\":1}", "{\"a\":\"1\"}", false},
              {"{\"a\":1}", "{}", false},
              {"{\"a\":null}", "{}", true},
              {"{\"a\":{\"$eq\":[1,2]}}", "{\"a\":[1,2]}", true},
              {"{\"a\":{\"$ne\":1}}", "{\"a\":2}", true},
              {"{\"a\":{\"$ne\":1}}", "{}", true},
              {"{\"a\":{\"$gt\":1}}", "{\"a\":1}", false},
              {"{\"a\":{\"$gte\":1}}", "{\"a\":1}", true},
              {"{\"a\":{\"$lt\":1.5}}", "{\"a\":1}", true},
              {"{\"a\":{\"$lte\":0}}", "{\"a\":1}", false},
              {"{\"a\":{\"$gt\":1,\"$lt\":3}}", "{\"a\":2}", true},
              {"{\"a\":{\"$gt\":1,\"$lt\":2}}", "{\"a\":2}", false},
              {"{\"a\":{\"$gt\":\"b\"}}", "{\"a\":\"c\"}", true},
              {"{\"a\":{\"$gt\":1}}", "{\"a\":\"c\"}", false},
              {"{\"a\":{\"$gt\":1}}", "{}", false},
              {"{\"a\":{\"b\":{\"$gte\":5}}}", "{\"a\":{\"b\":5,\"c\":1}}", true},
              {"{\"a\":{\"b\":5}}", "{\"a\":{\"b\":6}}", false},
              {"{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", false}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO filter = json(rows[i].filter);
    FL_VALUE_AUTO value = json(rows[i].value);
    assert_int_equal(fl_item_filter_check(filter, NULL), 0);
    if (fl_item_filter_holds(filter, value) != rows[i].holds) fail_msg("%s on %s", rows[i].filter, rows[i].value);
  }
}

static void unknown_operators_are_named(void **state) {
  struct fl_error err = {0};
  FL_VALUE_AUTO filter = json("{\"a\":{\"$in\":[1]}}");
  assert_int_equal(fl_item_filter_check(filter, &err), FL_E_INVALID);
  assert_non_null(strstr(err.text, "\"$in\" is not one of $eq"));
  FL_VALUE_AUTO list = json("[1]");
  assert_int_equal(fl_item_filter_check(list, &err), FL_E_INVALID);
}

/* ---- paths and words ---- */

static void add_text(fl_slice text, void *user) { fl_buf_addf(user, "%.*s|", (int)text.size, text.data); }

static void paths_lead_to_texts(void **state) {
  static const struct {
    const char *path, *texts;
  } rows[] = {{"text", "hello|"},
              {"user.name", "ann|"},
              {"tags[0]", "x|"},
              {"tags[-1]", "y|"},
              {"tags[9]", ""},
              {"tags[*]", "x|y|"},
              {"none.at.all", ""},
              {"notes[*].t", "one|two|"},
              {"user", "{\"name\":\"ann\"}|"},
              {"count", "3|"},
              {"nothing", ""},
              {"$.text", "hello|"},
              {"user.*", "ann|"}};
  FL_VALUE_AUTO value = json("{\"text\":\"hello\",\"user\":{\"name\":\"ann\"},\"tags\":[\"x\",\"y\"],\"count\":3,"
                             "\"notes\":[{\"t\":\"one\"},{\"u\":1},{\"t\":\"two\"}],\"nothing\":null}");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_BUF_AUTO text = {0};
    assert_int_equal(fl_item_texts(value, rows[i].path, add_text, &text), 0);
    if (strcmp(text.data != NULL ? text.data : "", rows[i].texts) != 0) fail_msg("%s: %s", rows[i].path, text.data);
  }
  FL_BUF_AUTO whole = {0};
  assert_int_equal(fl_item_texts(value, "$", add_text, &whole), 0);
  assert_non_null(strstr(whole.data, "\"text\":\"hello\""));
  assert_int_equal(fl_item_texts(value, "", add_text, &whole), FL_E_INVALID);
  assert_int_equal(fl_item_texts(value, "..a", add_text, &whole), FL_E_INVALID);
  FL_VALUE_AUTO list = json("[[1]]");
  assert_int_equal(fl_item_texts(list, "[x]", add_text, &whole), FL_E_INVALID);
  assert_int_equal(fl_item_texts(list, "[0", add_text, &whole), FL_E_INVALID);
}

static void words_mean_nothing_to_the_index(void **state) {
  static const struct {
    const char *text, *query;
  } rows[] = {{"green tea", "\"green\" OR \"tea\""},
              {"NEAR(\"a\" *) -b:c^2", "\"NEAR\" OR \"a\" OR \"b\" OR \"c\" OR \"2\""},
              {"Grüße!", "\"Grüße\""}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_FREE_AUTO char *query = fl_item_words_query(rows[i].text);
    assert_string_equal(query, rows[i].query);
  }
  assert_null(fl_item_words_query(" \"*()-"));
}

/* ---- the store ---- */

static int do_ops(struct fixture *f, const struct fl_item_op *ops, size_t count, int64_t wall_ms, uint64_t *ret_count) {
  const struct fl_item_ops list = {ops, count};
  struct waiting waiting = {.txn = {.kind = FL_TXN_ITEMS, .items = &list, .wall_ms = wall_ms}};
  int status = submit_and_wait(f, &waiting);
  if (ret_count != NULL) *ret_count = waiting.txn.count;
  return status;
}

static bool add_item(const struct fl_memory_item *item, void *user) {
  fl_buf_addf(user, "%s/%s=%.*s ", item->ns, item->key, (int)item->body.size, item->body.data);
  return true;
}

static const char *found(struct fixture *f, struct fl_items_query query) {
  static char answer[1024];
  FL_BUF_AUTO text = {0};
  query.limit = query.limit == 0 ? 10 : query.limit;
  query.wall_ms = query.wall_ms == 0 ? 2000 : query.wall_ms;
  query.visit = add_item;
  query.user = &text;
  if (fl_store_search_items(f->store, &query, &f->err) != 0) fail_msg("%s", f->err.text);
  snprintf(answer, sizeof answer, "%s", text.data != NULL ? text.data : "");
  return answer;
}

static void several_operations_are_one(void **state) {
  struct fixture *f = *state;
  assert_string_equal(found(f, (struct fl_items_query){0}), "");
  const struct fl_item_op ops[] = {
      {.kind = FL_ITEM_PUT, .ns = "a", .key = "k", .body = FL_SLICE("1")},
      {.kind = FL_ITEM_PUT, .ns = "a", .key = "k", .body = FL_SLICE("2")},
      {.kind = FL_ITEM_PUT, .ns = "a.b", .key = "k", .body = FL_SLICE("3")},
      {.kind = FL_ITEM_PUT, .ns = "ab", .key = "k", .body = FL_SLICE("4")},
      {.kind = FL_ITEM_DELETE, .ns = "ab", .key = "k"},
      {.kind = FL_ITEM_DELETE, .ns = "ab", .key = "none"},
  };
  uint64_t count;
  assert_int_equal(do_ops(f, ops, 6, 1000, &count), 0);
  assert_int_equal(count, 1);
  assert_string_equal(found(f, (struct fl_items_query){.ns = "a"}), "a.b/k=3 a/k=2 ");
  fixture_reopen(f);
  assert_string_equal(found(f, (struct fl_items_query){.ns = "a.b"}), "a.b/k=3 ");
}

static void closest_of_several_vectors_counts(void **state) {
  struct fixture *f = *state;
  static const float both[4] = {1, 0, 0, 1}, one[2] = {0.6f, 0.8f};
  const struct fl_item_op ops[] = {{.kind = FL_ITEM_PUT,
                                    .ns = "v",
                                    .key = "both",
                                    .body = FL_SLICE("1"),
                                    .model = "m",
                                    .vectors = both,
                                    .vector_count = 2,
                                    .dims = 2},
                                   {.kind = FL_ITEM_PUT,
                                    .ns = "v",
                                    .key = "one",
                                    .body = FL_SLICE("2"),
                                    .model = "m",
                                    .vectors = one,
                                    .vector_count = 1,
                                    .dims = 2},
                                   {.kind = FL_ITEM_PUT,
                                    .ns = "v",
                                    .key = "other",
                                    .body = FL_SLICE("3"),
                                    .model = "another",
                                    .vectors = one,
                                    .vector_count = 1,
                                    .dims = 2}};
  assert_int_equal(do_ops(f, ops, 3, 1000, NULL), 0);
  static const float up[2] = {0, 1}, slanted[2] = {0.6f, 0.8f};
  assert_string_equal(found(f, (struct fl_items_query){.model = "m", .vector = up, .dims = 2}), "v/both=1 v/one=2 ");
  assert_string_equal(found(f, (struct fl_items_query){.model = "m", .vector = slanted, .dims = 2}),
                      "v/one=2 v/both=1 ");
  assert_string_equal(found(f, (struct fl_items_query){.model = "m", .vector = up, .dims = 1}),
                      ""); /* of another size */
}

static void expired_items_are_swept(void **state) {
  struct fixture *f = *state;
  const struct fl_item_op ops[] = {
      {.kind = FL_ITEM_PUT, .ns = "a", .key = "short", .body = FL_SLICE("1"), .ttl_ms = 100, .text = "word"},
      {.kind = FL_ITEM_PUT, .ns = "a", .key = "long", .body = FL_SLICE("2"), .ttl_ms = 10000, .text = "word"},
      {.kind = FL_ITEM_PUT, .ns = "a", .key = "ever", .body = FL_SLICE("3"), .text = "word"}};
  assert_int_equal(do_ops(f, ops, 3, 1000, NULL), 0);
  assert_string_equal(found(f, (struct fl_items_query){.wall_ms = 1099, .words = "word"}),
                      "a/short=1 a/long=2 a/ever=3 ");
  assert_string_equal(found(f, (struct fl_items_query){.wall_ms = 1100, .words = "word"}), "a/long=2 a/ever=3 ");
  const struct fl_item_op touch = {.kind = FL_ITEM_TOUCH, .ns = "a", .key = "long"},
                          late = {.kind = FL_ITEM_TOUCH, .ns = "a", .key = "short"}, all = {.kind = FL_ITEM_SWEEP};
  assert_int_equal(do_ops(f, &touch, 1, 5000, NULL), 0);
  assert_int_equal(do_ops(f, &late, 1, 5000, NULL), 0); /* what has expired does not come back */
  uint64_t count;
  assert_int_equal(do_ops(f, &all, 1, 12000, &count), 0);
  assert_int_equal(count, 1);
  assert_string_equal(found(f, (struct fl_items_query){.wall_ms = 14999}), "a/ever=3 a/long=2 ");
  assert_string_equal(found(f, (struct fl_items_query){.wall_ms = 15000}), "a/ever=3 ");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(labels_become_a_namespace_and_back),
      cmocka_unit_test(wrong_labels_are_named),
      cmocka_unit_test(patterns_fit_fronts_and_ends),
      cmocka_unit_test(filters_hold_or_not),
      cmocka_unit_test(unknown_operators_are_named),
      cmocka_unit_test(paths_lead_to_texts),
      cmocka_unit_test(words_mean_nothing_to_the_index),
      EACH(several_operations_are_one),
      EACH(closest_of_several_vectors_counts),
      EACH(expired_items_are_swept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
