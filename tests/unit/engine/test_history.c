/* SPDX-License-Identifier: MIT */
/* Which messages of a conversation fit a budget. A conversation is written as a word: s system, u user, a assistant,
 * c assistant with a call, t result; each costs ten tokens. */
#include "runtime/base/mem.h"
#include "runtime/engine/history.h"
#include "tests/support/support.h"

#include <string.h>

static struct fl_value *message(char kind) {
  static const char *const roles[] = {"system", "user", "assistant", "assistant", "tool"};
  size_t index = (size_t)(strchr("suact", kind) - "suact");
  struct fl_value *value = fl_object();
  fl_set_string(value, "role", roles[index]);
  /* 28 characters with the role and the calls: seven tokens, and three for the message */
  struct fl_value *calls = fl_array();
  size_t used = strlen(roles[index]);
  if (kind == 'c') {
    fl_append_take(calls, fl_object());
    used += strlen("[{}]");
  }
  char content[32] = {0};
  memset(content, 'x', 28 - used);
  fl_set_string(value, "content", content);
  if (kind == 'c') fl_set_take(value, "tool_calls", calls);
  else fl_value_unref(calls);
  return value;
}

static struct fl_list *conversation(const char *word) {
  struct fl_list *list = fl_list_create();
  for (; *word != '\0'; word++) {
    struct fl_list *next = fl_list_append_take(list, message(*word));
    fl_list_unref(list);
    list = next;
  }
  return list;
}

static void messages_cost_their_characters(void **state) {
  for (const char *kind = "suact"; *kind != '\0'; kind++) {
    FL_VALUE_AUTO value = message(*kind);
    assert_int_equal(fl_history_tokens(value), 10);
  }
  static const struct {
    const char *json;
    size_t tokens;
  } rows[] = {
      {"{\"role\":\"user\",\"content\":\"\"}", 4},
      {"{\"role\":\"user\",\"content\":\"12345\"}", 6},
      {"{\"role\":\"user\",\"content\":\"日本語で話す\"}", 6},
      {"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"1234\"},{\"type\":\"text\",\"text\":\"5678\"}]}",
       6},
      {"{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"data\":\"QUJD\"}]}", 1004},
      {"{}", 3}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    FL_VALUE_AUTO value = NULL;
    assert_int_equal(fl_parse(rows[i].json, strlen(rows[i].json), &value, NULL), 0);
    assert_int_equal(fl_history_tokens(value), rows[i].tokens);
  }
}

struct cut {
  const char *word;
  size_t tokens_max, keep_last;
  const char *kept; /* what stays behind the system messages */
};

static void check_cut(const struct cut *row, bool splits) {
  struct fl_list *list = conversation(row->word);
  size_t from = splits ? fl_history_split(list, row->tokens_max, row->keep_last)
                       : fl_history_trim(list, row->tokens_max, row->keep_last);
  if (strcmp(row->word + from, row->kept) != 0)
    fail_msg("%s within %zu, %zu kept: \"%s\", expected \"%s\"", row->word, row->tokens_max, row->keep_last,
             row->word + from, row->kept);
  fl_list_unref(list);
}

static void trimming_keeps_what_fits(void **state) {
  static const struct cut rows[] = {
      {"", 100, 1, ""},
      {"u", 10, 1, "u"},
      {"u", 1, 1, "u"}, /* the last stays, whatever it costs */
      {"uaua", 40, 1, "uaua"},
      {"uaua", 39, 1, "ua"}, /* "aua" would fit, but a conversation begins with the user */
      {"uaua", 29, 1, "ua"},
      {"uaua", 10, 1, "a"},
      {"suaua", 40, 1, "ua"}, /* the system message has its share of the budget */
      {"ssu", 1, 1, "u"},
      {"uctau", 30, 1, "u"}, /* "tau" would begin with a result */
      {"ucta", 30, 1, "cta"},
      {"ucta", 20, 1, "a"},
      {"uct", 20, 1, "ct"},
      {"uct", 10, 1, "ct"}, /* a result alone would have lost its call: both stay */
      {"ucttt", 10, 1, "cttt"},
      {"ucttcta", 20, 1, "a"},
      {"ucttct", 20, 1, "ct"},
      {"uctct", 25, 4, "ctct"}, /* keep_last is stronger than the budget */
      {"uauaua", 1, 3, "aua"},
      {"uauaua", 1, 4, "uaua"},
      {"uauaua", 1, 99, "uauaua"},
      {"uaua", 25, 0, "ua"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_cut(&rows[i], false);
}

static void splitting_keeps_the_last_with_what_belongs_to_them(void **state) {
  static const struct cut rows[] = {
      {"", 1, 1, ""},         {"uaua", 40, 1, "uaua"}, /* it fits: nothing is summarized */
      {"uaua", 39, 2, "ua"},  {"uaua", 39, 1, "a"},    {"suaua", 1, 2, "ua"}, {"uaua", 1, 4, "uaua"},
      {"uaua", 1, 9, "uaua"}, {"ucttu", 1, 2, "cttu"}, /* the calls whose results stay, stay too */
      {"uctt", 1, 1, "ctt"},  {"sctt", 1, 1, "ctt"},   {"uaua", 1, 0, "a"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct cut row = rows[i];
    check_cut(&row, true);
  }
}

/* Whatever the conversation and the budget: a result never stays without its call, and something always stays. */
static void no_result_is_left_without_its_call(void **state) {
  static const char kinds[] = "suact";
  unsigned long seed = 7;
  for (int round = 0; round < 3000; round++) {
    char word[24] = {0};
    size_t size = 0;
    while (size < 20) {
      seed = seed * 6364136223846793005UL + 1442695040888963407UL;
      char kind = kinds[(seed >> 33) % 5];
      bool may_answer = size > 0 && (word[size - 1] == 'c' || word[size - 1] == 't');
      if (kind != 't' || may_answer) word[size++] = kind;
      if ((seed >> 40) % 16 == 0) break;
    }
    struct fl_list *list = conversation(word);
    size_t tokens_max = (seed >> 20) % 220, keep_last = (seed >> 45) % 6;
    size_t trimmed = fl_history_trim(list, tokens_max, keep_last);
    size_t split = fl_history_split(list, tokens_max, keep_last);
    size_t head = fl_history_head(list);
    if (word[trimmed] == 't' || word[split] == 't' || trimmed < head || split < head) fail_msg("%s", word);
    if (size > head && (trimmed >= size || split >= size)) fail_msg("%s: nothing stays", word);
    fl_list_unref(list);
  }
}

static void transcripts_read_well(void **state) {
  static const char json[] =
      "[{\"role\":\"user\",\"content\":\"how much?\"},"
      "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"name\":\"m__add\",\"args\":{\"a\":1}}]},"
      "{\"role\":\"tool\",\"name\":\"m__add\",\"content\":\"3\"},"
      "{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"text\":\"hm\"},{\"type\":\"text\",\"text\":\"3."
      "\"},"
      "{\"type\":\"image\"}]},"
      "{\"role\":\"assistant\",\"content\":\"so\",\"tool_calls\":[{\"name\":\"x\",\"args\":{}}]}]";
  FL_VALUE_AUTO array = NULL;
  assert_int_equal(fl_parse(json, strlen(json), &array, NULL), 0);
  struct fl_list *list = fl_list_from_array(array);
  FL_BUF_AUTO text = {0};
  fl_history_transcript(list, 0, fl_list_size(list), &text);
  assert_string_equal(text.data, "user: how much?\nassistant calls m__add {\"a\":1}\nm__add answers: 3\n"
                                 "assistant: 3.[image]\nassistant: so\nassistant calls x {}\n");
  fl_list_unref(list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_cost_their_characters),
      cmocka_unit_test(trimming_keeps_what_fits),
      cmocka_unit_test(splitting_keeps_the_last_with_what_belongs_to_them),
      cmocka_unit_test(no_result_is_left_without_its_call),
      cmocka_unit_test(transcripts_read_well),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
