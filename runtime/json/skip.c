/* SPDX-License-Identifier: MIT */
/* Finding the end of a value without building it. Trusts the text: it looks for the end, not for mistakes. */
#include "runtime/json/json.h"

static size_t skip_string(fl_slice text, size_t at) {
  for (at++; at < text.size; at++) {
    if (text.data[at] == '"') return at + 1;
    if (text.data[at] == '\\') at++;
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
