/* SPDX-License-Identifier: MIT */
#include "runtime/base/buf.h"
#include "runtime/json/json.h"
#include "runtime/json/list.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

static void listp(struct fl_list **list) { fl_list_unref(*list); }
#define LIST_AUTO __attribute__((cleanup(listp))) struct fl_list *

static void assert_list(const struct fl_list *list, const char *expected) {
  FL_VALUE_AUTO array = fl_list_to_array(list);
  char *text = fl_dump(array, NULL);
  assert_string_equal(text, expected);
  fl_text_free(text);
}

static struct fl_value *message(const char *id, int number) {
  struct fl_value *value = fl_object();
  fl_set_string(value, "id", id);
  fl_set_int(value, "n", number);
  return value;
}

static void appending_leaves_the_old_list_as_it_was(void **state) {
  LIST_AUTO empty = fl_list_create();
  LIST_AUTO one = fl_list_append_take(empty, fl_int(1));
  LIST_AUTO two = fl_list_append_take(one, fl_int(2));
  LIST_AUTO other = fl_list_append_take(one, fl_int(3));
  LIST_AUTO third = fl_list_append_take(empty, NULL);
  assert_list(empty, "[]");
  assert_list(one, "[1]");
  assert_list(two, "[1,2]");
  assert_list(other, "[1,3]");
  assert_list(third, "[null]");
  assert_null(fl_list_at(one, 1));
  assert_int_equal(fl_list_size(other), 2);
}

static void text_stays_text_until_it_is_read(void **state) {
  LIST_AUTO empty = fl_list_create();
  LIST_AUTO list = fl_list_append_text(empty, FL_SLICE("{ \"a\" : 1 }"));
  FL_BUF_AUTO scratch = {0};
  fl_slice text = fl_list_text_at(list, 0, &scratch);
  assert_int_equal(scratch.size, 0);
  assert_int_equal(fl_get_int(fl_list_at(list, 0), "a", 0), 1);
  assert_ptr_equal(fl_list_at(list, 0), fl_list_at(list, 0));
  assert_true(fl_slice_equal(text, FL_SLICE("{ \"a\" : 1 }"))); /* still lent */
  assert_int_equal(fl_list_text_at(list, 1, &scratch).size, 0);
}

static void a_value_is_written_into_the_scratch(void **state) {
  LIST_AUTO empty = fl_list_create();
  LIST_AUTO list = fl_list_append_take(empty, message("x", 1));
  FL_BUF_AUTO scratch = {0};
  fl_buf_add_text(&scratch, "old");
  assert_true(fl_slice_equal(fl_list_text_at(list, 0, &scratch), FL_SLICE("{\"id\":\"x\",\"n\":1}")));
  FL_BUF_AUTO narrow = {.limit = 3};
  assert_int_equal(fl_list_text_at(list, 0, &narrow).size, 0);
}

static void text_that_does_not_parse_reads_as_null(void **state) {
  LIST_AUTO empty = fl_list_create();
  LIST_AUTO one = fl_list_append_text(empty, FL_SLICE("{\"id\":"));
  LIST_AUTO two = fl_list_append_text(one, FL_SLICE(""));
  assert_int_equal(fl_list_find_id(two, "x"), -1);
  assert_list(two, "[null,null]");
}

static void replacing_and_removing_copy_references_only(void **state) {
  LIST_AUTO empty = fl_list_create();
  LIST_AUTO one = fl_list_append_text(empty, FL_SLICE("[1]"));
  LIST_AUTO two = fl_list_append_take(one, fl_int(2));
  LIST_AUTO replaced = fl_list_replace_take(two, 1, fl_int(9));
  LIST_AUTO removed = fl_list_remove(two, 1);
  LIST_AUTO front = fl_list_remove(two, 0);
  assert_list(two, "[[1],2]");
  assert_list(replaced, "[[1],9]");
  assert_list(removed, "[[1]]");
  assert_list(front, "[2]");
  assert_ptr_equal(fl_list_at(replaced, 0), fl_list_at(two, 0));
  LIST_AUTO more = fl_list_append_take(removed, fl_int(5));
  assert_list(more, "[[1],5]");
}

static void ids_are_found_last_first_and_per_list(void **state) {
  LIST_AUTO l0 = fl_list_create();
  LIST_AUTO l1 = fl_list_append_take(l0, message("a", 1));
  LIST_AUTO l2 = fl_list_append_text(l1, FL_SLICE("{\"id\":\"b\"}"));
  LIST_AUTO l3 = fl_list_append_take(l2, message("a", 2));
  LIST_AUTO l4 = fl_list_append_text(l3, FL_SLICE("{\"x\":{\"id\":\"no\"},\"id\":\"\\u0063\\\"\"}"));
  LIST_AUTO l5 = fl_list_append_take(l4, fl_int(3));
  assert_int_equal(fl_list_find_id(l5, "a"), 2);
  assert_int_equal(fl_list_find_id(l2, "a"), 0);
  assert_int_equal(fl_list_find_id(l0, "a"), -1);
  assert_int_equal(fl_list_find_id(l5, "b"), 1);
  assert_int_equal(fl_list_find_id(l1, "b"), -1);
  assert_int_equal(fl_list_find_id(l5, "c\""), 3);
  assert_int_equal(fl_list_find_id(l5, "no"), -1);
  LIST_AUTO replaced = fl_list_replace_take(l5, 2, message("z", 1));
  assert_int_equal(fl_list_find_id(replaced, "a"), 0);
  assert_int_equal(fl_list_find_id(replaced, "z"), 2);
  LIST_AUTO removed = fl_list_remove(l5, 0);
  assert_int_equal(fl_list_find_id(removed, "a"), 1);
}

/* The first look-ups go through the elements, those after them through an index. */
static void an_id_is_found_the_same_with_and_without_the_index(void **state) {
  static const char *const texts[] = {
      "{\"id\":\"ab\"}",     "{\"id\":\"a\"}", "{\"id\":\"abc\"}", "{\"id\":\"\\u0061b\"}", "{\"n\":1,\"id\":\"n\"}",
      "{\"id\":\"q\\\"r\"}", "{\"id\":\"\"}",  "{\"id\":\"ab",     "{\"id\":\"x\\\\\"}",    "[\"id\"]"};
  static const struct {
    const char *id;
    ptrdiff_t index;
  } cases[] = {{"ab", 3}, {"a", 1}, {"abc", 2}, {"n", 4}, {"q\"r", 5}, {"", 6}, {"x\\", 8}, {"b", -1}, {"abcd", -1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fl_element *elements[sizeof texts / sizeof texts[0]];
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) elements[k] = fl_element_of_text(fl_slice_of(texts[k]));
    LIST_AUTO list = fl_list_of_elements(elements, sizeof texts / sizeof texts[0]);
    for (int round = 0; round < 8; round++)
      if (fl_list_find_id(list, cases[i].id) != cases[i].index)
        fail_msg("\"%s\" is at %td in round %d", cases[i].id, fl_list_find_id(list, cases[i].id), round);
  }
}

static void numbers_as_ids_are_no_ids(void **state) {
  LIST_AUTO l0 = fl_list_create();
  LIST_AUTO l1 = fl_list_append_text(l0, FL_SLICE("{\"id\":12}"));
  LIST_AUTO l2 = fl_list_append_text(l1, FL_SLICE("{\"id\":\"\"}"));
  assert_int_equal(fl_list_find_id(l2, "12"), -1);
  assert_int_equal(fl_list_find_id(l2, ""), 1);
}

static void arrays_become_lists_and_back(void **state) {
  FL_VALUE_AUTO array = NULL;
  assert_int_equal(fl_parse("[1,\"x\",[2]]", 11, &array, NULL), 0);
  LIST_AUTO list = fl_list_from_array(array);
  assert_list(list, "[1,\"x\",[2]]");
  assert_ptr_equal(fl_list_at(list, 2), fl_at(array, 2));
  LIST_AUTO again = fl_list_ref(list);
  assert_ptr_equal(again, list);
  LIST_AUTO none = fl_list_from_array(NULL);
  assert_list(none, "[]");
}

/* Random operations against a model that copies everything: the lists alive at the end must all be what they were. */
enum { LIVE = 24, STEPS = 3000, MODEL_MAX = 200 };

struct model {
  struct fl_list *list;
  int elements[MODEL_MAX];
  size_t size;
};

static void assert_model(const struct model *model) {
  assert_int_equal(fl_list_size(model->list), model->size);
  ptrdiff_t last[10];
  for (int i = 0; i < 10; i++) last[i] = -1;
  for (size_t i = 0; i < model->size; i++) {
    assert_int_equal(fl_get_int(fl_list_at(model->list, i), "n", -1), model->elements[i]);
    last[model->elements[i] % 10] = (ptrdiff_t)i;
  }
  for (int i = 0; i < 10; i++) {
    char id[16];
    snprintf(id, sizeof id, "m%d", i);
    assert_int_equal(fl_list_find_id(model->list, id), last[i]);
  }
}

static unsigned chance_state;
static int chance(int count) {
  chance_state = chance_state * 1103515245 + 12345;
  return (int)(chance_state >> 16) % count;
}

static void model_step(const struct model *from, struct model *to, int number) {
  char id[16], text[64];
  snprintf(id, sizeof id, "m%d", number % 10);
  snprintf(text, sizeof text, "{\"n\":%d,\"id\":\"%s\"}", number, id);
  struct model next = *from;
  size_t at = from->size > 0 ? (size_t)number % from->size : 0;
  int kind = from->size == 0 ? 0 : from->size == MODEL_MAX ? 4 : chance(6);
  if (kind == 4) {
    next.list = fl_list_remove(from->list, at);
    memmove(next.elements + at, next.elements + at + 1, (next.size - at - 1) * sizeof next.elements[0]);
    next.size--;
  } else if (kind == 5) {
    next.list = fl_list_replace_take(from->list, at, message(id, number));
    next.elements[at] = number;
  } else {
    if (kind < 2) next.list = fl_list_append_take(from->list, message(id, number));
    else next.list = fl_list_append_text(from->list, fl_slice_of(text));
    next.elements[next.size++] = number;
  }
  fl_list_unref(to->list);
  *to = next;
}

static void lists_agree_with_a_model(void **state) {
  static struct model models[LIVE];
  chance_state = 7;
  for (size_t i = 0; i < LIVE; i++) models[i] = (struct model){.list = fl_list_create()};
  for (int step = 0; step < STEPS; step++) {
    struct model *to = &models[chance(LIVE)];
    model_step(&models[chance(4) == 0 ? chance(LIVE) : to - models], to, chance(1000));
    if (step % 16 == 0) assert_model(to);
  }
  for (size_t i = 0; i < LIVE; i++) {
    assert_model(&models[i]);
    fl_list_unref(models[i].list);
  }
}

static void a_list_of_elements_is_as_if_each_were_appended(void **state) {
  struct fl_element *elements[] = {fl_element_of_text(FL_SLICE("{\"id\":\"a\"}")), fl_element_of_text(FL_SLICE("")),
                                   fl_element_of_text(FL_SLICE("[1]")), fl_element_of_text(FL_SLICE("{\"id\":\"b\"}"))};
  assert_true(fl_slice_equal(fl_element_text(elements[2]), FL_SLICE("[1]")));
  fl_element_free(NULL);
  LIST_AUTO none = fl_list_of_elements(elements, 0);
  assert_int_equal(fl_list_size(none), 0);
  LIST_AUTO list = fl_list_of_elements(elements, 4);
  LIST_AUTO longer = fl_list_append_text(list, FL_SLICE("{\"id\":\"a\"}"));
  assert_int_equal(fl_list_size(list), 4);
  assert_true(fl_is(fl_list_at(list, 1), FL_NULL));
  assert_int_equal(fl_as_int(fl_at(fl_list_at(list, 2), 0), 0), 1);
  assert_int_equal(fl_list_find_id(list, "a"), 0);
  assert_int_equal(fl_list_find_id(list, "b"), 3);
  assert_int_equal(fl_list_find_id(longer, "a"), 4);
}

/* ---- many ids ---- */

enum { MANY = 4000 };

/* The n-th element: ids first, last, escaped, as values, doubled, empty, long, missing, of another type, inside. */
static struct fl_list *append_kind(const struct fl_list *list, int n) {
  char text[400], padding[200];
  memset(padding, 'p', sizeof padding - 1);
  padding[sizeof padding - 1] = 0;
  switch (n % 10) {
  case 0: snprintf(text, sizeof text, "{\"id\":\"i%d\",\"role\":\"user\",\"content\":\"x\"}", n); break;
  case 1: snprintf(text, sizeof text, "{\"role\":\"user\",\"content\":\"\\\"id\\\":\",\"id\":\"i%d\"}", n); break;
  case 2: snprintf(text, sizeof text, "{\"id\":\"\\u0069%d\",\"n\":1}", n); break;
  case 3: snprintf(text, sizeof text, "i%d", n); return fl_list_append_take(list, message(text, n));
  case 4: snprintf(text, sizeof text, "{\"id\":\"i%d\"}", n - 4); break; /* once more */
  case 5: snprintf(text, sizeof text, "{\"id\":\"i%d%s\"}", n, padding); break;
  case 6: snprintf(text, sizeof text, "{\"id\":%d}", n); break;
  case 7: snprintf(text, sizeof text, "{\"x\":{\"id\":\"i%d\"}}", n); break;
  case 8: snprintf(text, sizeof text, "{\"id\":\"i%d\\\"\\\\\",\"n\":1}", n); break;
  default: snprintf(text, sizeof text, "{ \"id\" : \"i%d\" }", n); break;
  }
  return fl_list_append_text(list, fl_slice_of(text));
}

/* What find_id should say, by reading every element. */
static ptrdiff_t look_for(const struct fl_list *list, const char *id) {
  for (size_t i = fl_list_size(list); i > 0; i--) {
    const char *this_id = fl_get_string(fl_list_at(list, i - 1), "id", NULL);
    if (this_id != NULL && strcmp(this_id, id) == 0) return (ptrdiff_t)i - 1;
  }
  return -1;
}

/* `parses_first`: the elements are values by the time they are indexed; otherwise texts. */
static void check_many(bool parses_first) {
  struct fl_list *list = fl_list_create(), *half = NULL;
  for (int n = 0; n < MANY; n++) {
    struct fl_list *longer = append_kind(list, n);
    fl_list_unref(list);
    list = longer;
    if (n == MANY / 2) half = fl_list_ref(list);
    if (n % 500 == 77) assert_int_equal(fl_list_find_id(list, "i20"), 24); /* it grows with an index */
  }
  for (size_t i = 0; parses_first && i < MANY; i++) fl_list_at(list, i);
  ptrdiff_t found[MANY], found_in_half[MANY];
  static const char *const tails[] = {"", "\"\\", "p"};
  for (int n = 0; n < MANY; n++) {
    char id[64];
    snprintf(id, sizeof id, "i%d%s", n, tails[n % 10 == 8 ? 1 : n % 10 == 5 ? 2 : 0]);
    found[n] = fl_list_find_id(list, id);
    found_in_half[n] = fl_list_find_id(half, id);
  }
  for (int n = 0; n < MANY; n += 7) {
    char id[64];
    snprintf(id, sizeof id, "i%d%s", n, tails[n % 10 == 8 ? 1 : n % 10 == 5 ? 2 : 0]);
    assert_int_equal(found[n], look_for(list, id));
    assert_int_equal(found_in_half[n], look_for(half, id));
  }
  fl_list_unref(half);
  fl_list_unref(list);
}

static void every_id_of_a_long_list_is_found(void **state) {
  check_many(false);
  check_many(true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_list_of_elements_is_as_if_each_were_appended),
      cmocka_unit_test(appending_leaves_the_old_list_as_it_was),
      cmocka_unit_test(text_stays_text_until_it_is_read),
      cmocka_unit_test(a_value_is_written_into_the_scratch),
      cmocka_unit_test(text_that_does_not_parse_reads_as_null),
      cmocka_unit_test(replacing_and_removing_copy_references_only),
      cmocka_unit_test(ids_are_found_last_first_and_per_list),
      cmocka_unit_test(an_id_is_found_the_same_with_and_without_the_index),
      cmocka_unit_test(numbers_as_ids_are_no_ids),
      cmocka_unit_test(arrays_become_lists_and_back),
      cmocka_unit_test(lists_agree_with_a_model),
      cmocka_unit_test(every_id_of_a_long_list_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
