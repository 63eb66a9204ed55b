/* SPDX-License-Identifier: MIT */
/* Faults of the reader and how they are told. Line and column are counted only now, so that good texts do not pay for
 * them. */
#include "runtime/json/reader.h"

#include <stdio.h>

bool fl_reader_fail(struct fl_reader *reader, const char *at, int code, const char *wrong) {
  reader->code = code;
  reader->wrong_at = at;
  reader->wrong = wrong;
  reader->expected = NULL;
  return false;
}

bool fl_reader_expect(struct fl_reader *reader, const char *at, const char *expected) {
  fl_reader_fail(reader, at, FL_E_SYNTAX, NULL);
  reader->expected = expected;
  return false;
}

static void place(const struct fl_reader *reader, size_t *ret_line, size_t *ret_column) {
  *ret_line = 1;
  *ret_column = 1;
  for (const char *at = reader->begin; at < reader->wrong_at; at++) {
    if (*at == '\n') {
      ++*ret_line;
      *ret_column = 1;
    } else if ((*at & 0xC0) != 0x80) {
      ++*ret_column;
    }
  }
}

static void describe_found(const struct fl_reader *reader, char ret_text[64]) {
  size_t left = (size_t)(reader->end - reader->wrong_at);
  if (left == 0) snprintf(ret_text, 64, "the end of the text");
  else if (left >= 3 && memcmp(reader->wrong_at, "\xEF\xBB\xBF", 3) == 0) snprintf(ret_text, 64, "a byte order mark");
  else if (*reader->wrong_at > ' ' && *reader->wrong_at < 0x7F) snprintf(ret_text, 64, "'%c'", *reader->wrong_at);
  else snprintf(ret_text, 64, "byte 0x%02X", (unsigned)(unsigned char)*reader->wrong_at);
}

int fl_reader_report(const struct fl_reader *reader, struct fl_error *err) {
  size_t line, column;
  if (err == NULL) return reader->code;
  place(reader, &line, &column);
  if (reader->expected == NULL)
    return fl_error_set(err, reader->code, "line %zu, column %zu: %s", line, column, reader->wrong);
  char found[64];
  describe_found(reader, found);
  return fl_error_set(err, reader->code, "line %zu, column %zu: expected %s, found %s", line, column, reader->expected,
                      found);
}
