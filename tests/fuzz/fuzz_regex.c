/* SPDX-License-Identifier: MIT */
/* Input: a pattern, a line feed, the text to search. Any pattern is answered, in bounded time, and groups lie in the
 * text. */
#include "runtime/json/regex.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
  size_t pattern_size = end != NULL ? (size_t)(end - data) : size;
  fl_slice pattern = {(const char *)data, pattern_size};
  fl_slice text = end != NULL ? fl_slice_n((const char *)end + 1, size - pattern_size - 1) : fl_slice_n("", 0);
  struct fl_regex *regex = NULL;
  struct fl_error err;
  if (fl_regex_create(pattern, &regex, &err) != 0) return 0;
  fl_slice groups[FL_REGEX_GROUP_MAX];
  size_t count = 0;
  int rc = fl_regex_match(regex, text, groups, &count);
  if (rc == 1 && (count == 0 || count > FL_REGEX_GROUP_MAX)) abort();
  for (size_t i = 0; rc == 1 && i < count; i++) {
    if (groups[i].data == NULL) continue;
    if (groups[i].data < text.data || groups[i].data + groups[i].size > text.data + text.size) abort();
  }
  fl_regex_destroy(regex);
  return 0;
}
