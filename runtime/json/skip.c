/* SPDX-License-Identifier: MIT */
/* Finding the end of a value without building it. Trusts the text: it looks for the end, not for mistakes. */
#include "runtime/json/json.h"

/* Whether the quote is part of the string that begins at `first`: an odd number of backslashes stands before it. */
static bool is_escaped(const char *quote, const char *first) {
  size_t count = 0;
  while (quote - count > first && quote[-1 - (ptrdiff_t)count] == '\\') count++;
  return count % 2 == 1;
}

/* From quote to quote, and not character by character: texts of messages are long. */
static size_t skip_string(fl_slice text, size_t at) {
  const char *first = text.data + at + 1, *end = text.data + text.size, *quote = first;
  while (quote < end && (quote = memchr(quote, '"', (size_t)(end - quote))) != NULL) {
    if (!is_escaped(quote, first)) return (size_t)(quote - text.data) + 1;
    quote++;
  }
  return 0;
}

static size_t skip_scalar(fl_slice text) {
  size_t at = 0;
  while (at < text.size && memchr(",]} \t\r\n:[{\"", text.data[at], 11) == NULL) at++;
  return at;
}

static size_t skip_container(fl_slice text) {
  size_t depth = 0;
  for (size_t at = 0; at < text.size; at++) {
    char c = text.data[at];
    if (c == '"') {
      at = skip_string(text, at);
      if (at == 0) return 0;
      at--;
    } else if (c == '{' || c == '[') {
      depth++;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at + 1;
    }
  }
  return 0;
}

size_t fl_json_skip(fl_slice text) {
  if (text.size == 0) return 0;
  switch (text.data[0]) {
  case '"': return skip_string(text, 0);
  case '{':
  case '[': return skip_container(text);
  default: return skip_scalar(text);
  }
}

static size_t skip_space(fl_slice text, size_t at) {
  for (; at < text.size; at++) {
    char c = text.data[at];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') break;
  }
  return at;
}

/* Whether a key as it stands in the text, with its quotes, says `key`; an escaped one is decoded first. */
static bool key_matches(fl_slice quoted, fl_slice key) {
  FL_VALUE_AUTO decoded = NULL;
  if (memchr(quoted.data, '\\', quoted.size) == NULL)
    return fl_slice_equal(fl_slice_n(quoted.data + 1, quoted.size - 2), key);
  if (fl_json_read(quoted, FL_JSON_FULL, &decoded, NULL) < 0) return false;
  return fl_slice_equal(fl_slice_n(fl_as_string(decoded), fl_string_size(decoded)), key);
}

/* Moves *at, which stands before a member, to what follows its value; false when there is none. */
static bool next_member(fl_slice text, size_t *at, fl_slice *ret_key, fl_slice *ret_value) {
  size_t key_at = skip_space(text, *at);
  if (key_at >= text.size || text.data[key_at] != '"') return false;
  size_t key_end = skip_string(text, key_at);
  if (key_end == 0) return false;
  size_t colon = skip_space(text, key_end);
  size_t value_at = skip_space(text, colon + 1);
  if (value_at >= text.size) return false;
  size_t size = fl_json_skip(fl_slice_n(text.data + value_at, text.size - value_at));
  if (size == 0) return false;
  *ret_key = fl_slice_n(text.data + key_at, key_end - key_at);
  *ret_value = fl_slice_n(text.data + value_at, size);
  *at = skip_space(text, value_at + size);
  return true;
}

fl_slice fl_json_find_member(fl_slice object, fl_slice key) {
  fl_slice found = {NULL, 0}, member_key, member_value;
  size_t at = skip_space(object, 0);
  if (at == object.size || object.data[at] != '{') return found;
  at++;
  while (next_member(object, &at, &member_key, &member_value)) {
    if (key_matches(member_key, key)) found = member_value;
    if (at >= object.size || object.data[at] != ',') break;
    at++;
  }
  return found;
}
