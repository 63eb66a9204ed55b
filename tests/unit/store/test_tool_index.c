/* SPDX-License-Identifier: MIT */
/* Finding a few tools among many by a few words. */
#include "tests/support/support.h"
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/store/tool_index.h"

#include <stdio.h>
#include <string.h>

static char found[4000];
static int most;

static bool add_found(const char *name, void *user) {
  snprintf(found + strlen(found), sizeof found - strlen(found), "%s ", name);
  return --most > 0;
}

static const char *search(struct fl_tool_index *index, const char *words, int limit) {
  found[0] = '\0';
  most = limit;
  fl_tool_index_search(index, words, add_found, NULL);
  return found;
}

static struct fl_tool_index *filled(void) {
  static const struct fl_indexed_tool tools[] = {
      {"mail/send", "mail/send Send a message", "Sends an e-mail to somebody.", "to subject body "},
      {"mail/list", "mail/list", "Lists the mailbox.", "folder limit how many "},
      {"shop/getOrderLines", "shop/getOrderLines", "What was ordered.", "orderId the number of the order "},
      {"files/read", "files/read", "Reads a file; mail is not read here.", "path "},
  };
  struct fl_tool_index *index = fl_tool_index_create();
  for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) fl_tool_index_add(index, &tools[i]);
  return index;
}

static void names_count_most(void **state) {
  struct fl_tool_index *index = filled();
  assert_string_equal(search(index, "read", 9), "files/read ");
  assert_string_equal(search(index, "order lines", 9), "shop/getOrderLines ");
  assert_true(strncmp(search(index, "send mail", 9), "mail/send mail/list ", 20) == 0);
  assert_string_equal(search(index, "SENDING a letter", 1), "mail/send "); /* stems, and any of the words */
  assert_string_equal(search(index, "ord", 9), "shop/getOrderLines ");     /* the beginning of a word */
  assert_string_equal(search(index, "nothing fits", 9), "");
  fl_tool_index_destroy(index);
}

static void no_words_list_all_by_name(void **state) {
  struct fl_tool_index *index = filled();
  static const char *const none[] = {"", "   ", "?!*", "\"", "---"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    assert_string_equal(search(index, none[i], 9), "files/read mail/list mail/send shop/getOrderLines ");
  assert_string_equal(search(index, "", 2), "files/read mail/list ");
  fl_tool_index_destroy(index);
}

static void no_word_is_an_operator(void **state) {
  static const char *const words[] = {"mail NOT send", "mail AND", "(mail", "mail\" OR \"x", "NEAR(mail send)",
                                      "words:mail",    "^mail",    "mail*", "-mail",         "'; DROP TABLE tool;"};
  struct fl_tool_index *index = filled();
  for (size_t i = 0; i + 1 < sizeof words / sizeof *words; i++)
    if (strstr(search(index, words[i], 9), "mail/list") == NULL) fail_msg("%s: %s", words[i], found);
  search(index, words[9], 9);
  FL_BUF_AUTO many = {0};
  for (int i = 0; i < 5000; i++) fl_buf_addf(&many, "w%d ", i);
  assert_string_equal(search(index, many.data, 9), "");
  assert_string_equal(search(index, "mailbox", 1), "mail/list ");
  fl_tool_index_destroy(index);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_count_most),
      cmocka_unit_test(no_words_list_all_by_name),
      cmocka_unit_test(no_word_is_an_operator),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
