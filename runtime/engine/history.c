/* SPDX-License-Identifier: MIT */
#include "runtime/engine/history.h"

#include <fairlead/value.h>
#include <string.h>

enum { CHARACTERS_PER_TOKEN = 4, TOKENS_PER_MESSAGE = 3, TOKENS_PER_IMAGE = 1000 };

static const char *role_at(const struct fl_list *messages, size_t index) {
  return fl_get_string(fl_list_at(messages, index), "role", "");
}

static bool is_role(const struct fl_list *messages, size_t index, const char *role) {
  return strcmp(role_at(messages, index), role) == 0;
}

/* ---- counting ---- */

static size_t characters(const char *text, size_t size) {
  size_t count = 0;
  for (size_t i = 0; i < size; i++) count += ((unsigned char)text[i] & 0xc0) != 0x80;
  return count;
}

static size_t characters_of(const struct fl_value *value) {
  if (value == NULL) return 0;
  if (fl_as_string(value) != NULL) return characters(fl_as_string(value), fl_string_size(value));
  size_t size = 0;
  char *json = fl_dump(value, &size);
  size_t count = json != NULL ? characters(json, size) : 0;
  fl_text_free(json);
  return count;
}

/* Parts of a content: texts by their length, images by a flat price, whatever their data weighs. */
static size_t characters_of_content(const struct fl_value *content) {
  if (!fl_is(content, FL_ARRAY)) return characters_of(content);
  size_t count = 0;
  for (size_t i = 0; i < fl_size(content); i++) {
    const struct fl_value *part = fl_at(content, i);
    bool is_image = strcmp(fl_get_string(part, "type", ""), "image") == 0;
    count += is_image                       ? (size_t)TOKENS_PER_IMAGE * CHARACTERS_PER_TOKEN
             : fl_get(part, "text") != NULL ? characters_of(fl_get(part, "text"))
                                            : characters_of(part);
  }
  return count;
}

size_t fl_history_tokens(const struct fl_value *message) {
  size_t count = characters_of_content(fl_get(message, "content")) + characters_of(fl_get(message, "role"));
  if (fl_size(fl_get(message, "tool_calls")) > 0) count += characters_of(fl_get(message, "tool_calls"));
  return (count + CHARACTERS_PER_TOKEN - 1) / CHARACTERS_PER_TOKEN + TOKENS_PER_MESSAGE;
}

size_t fl_history_tokens_of(const struct fl_list *messages, size_t from, size_t to) {
  size_t total = 0;
  for (size_t i = from; i < to; i++) total += fl_history_tokens(fl_list_at(messages, i));
  return total;
}

/* ---- cutting ---- */

size_t fl_history_head(const struct fl_list *messages) {
  size_t head = 0;
  while (head < fl_list_size(messages) && (is_role(messages, head, "system") || is_role(messages, head, "developer")))
    head++;
  return head;
}

/* Back to the message whose calls these results answer. */
static size_t before_results(const struct fl_list *messages, size_t head, size_t index) {
  while (index > head && index < fl_list_size(messages) && is_role(messages, index, "tool")) index--;
  return index;
}

/* On to a message that can begin: the user's, if at least `keep_last` stay, otherwise the first that is no result. */
static size_t beginning(const struct fl_list *messages, size_t head, size_t from, size_t keep_last) {
  size_t count = fl_list_size(messages);
  for (size_t i = from; i < count && count - i >= keep_last; i++)
    if (is_role(messages, i, "user")) return i;
  size_t next = from;
  while (next < count && is_role(messages, next, "tool")) next++;
  return next < count && count - next >= keep_last ? next : before_results(messages, head, from);
}

size_t fl_history_trim(const struct fl_list *messages, size_t tokens_max, size_t keep_last) {
  size_t count = fl_list_size(messages), head = fl_history_head(messages), from = count;
  size_t total = fl_history_tokens_of(messages, 0, head);
  if (keep_last == 0) keep_last = 1;
  while (from > head) {
    size_t cost = fl_history_tokens(fl_list_at(messages, from - 1));
    if (total + cost > tokens_max && count - from >= keep_last) break;
    total += cost;
    from--;
  }
  return from > head ? beginning(messages, head, from, keep_last) : head;
}

size_t fl_history_split(const struct fl_list *messages, size_t tokens_max, size_t keep_last) {
  size_t count = fl_list_size(messages), head = fl_history_head(messages);
  if (keep_last == 0) keep_last = 1;
  if (count - head <= keep_last || fl_history_tokens_of(messages, 0, count) <= tokens_max) return head;
  return before_results(messages, head, count - keep_last);
}

/* ---- reading ---- */

static void add_calls(const struct fl_value *calls, struct fl_buf *text) {
  for (size_t i = 0; i < fl_size(calls); i++) {
    char *args = fl_dump(fl_get(fl_at(calls, i), "args"), NULL);
    fl_buf_addf(text, "assistant calls %s %s\n", fl_get_string(fl_at(calls, i), "name", ""), args);
    fl_text_free(args);
  }
}

static void add_content(const struct fl_value *content, struct fl_buf *text) {
  if (!fl_is(content, FL_ARRAY)) {
    fl_buf_add(text, fl_as_string(content) != NULL ? fl_as_string(content) : "", fl_string_size(content));
    return;
  }
  for (size_t i = 0; i < fl_size(content); i++) {
    const struct fl_value *part = fl_at(content, i);
    const char *type = fl_get_string(part, "type", "");
    if (strcmp(type, "text") == 0) fl_buf_add_text(text, fl_get_string(part, "text", ""));
    else if (strcmp(type, "reasoning") != 0) fl_buf_addf(text, "[%s]", type);
  }
}

void fl_history_transcript(const struct fl_list *messages, size_t from, size_t to, struct fl_buf *ret_text) {
  for (size_t i = from; i < to; i++) {
    const struct fl_value *message = fl_list_at(messages, i);
    const struct fl_value *calls = fl_get(message, "tool_calls");
    bool is_result = is_role(messages, i, "tool");
    if (is_result) fl_buf_addf(ret_text, "%s answers: ", fl_get_string(message, "name", "tool"));
    else if (fl_size(calls) == 0 || fl_string_size(fl_get(message, "content")) > 0)
      fl_buf_addf(ret_text, "%s: ", role_at(messages, i));
    add_content(fl_get(message, "content"), ret_text);
    if (is_result || fl_size(calls) == 0 || fl_string_size(fl_get(message, "content")) > 0)
      fl_buf_add_char(ret_text, '\n');
    add_calls(calls, ret_text);
  }
}
