/* SPDX-License-Identifier: MIT */
/* Strings out of JSON text. Most have no escapes and are lent as they stand; the others are decoded into a scratch
 * buffer. */
#include "runtime/json/reader.h"
#include "runtime/json/scan.h"
#include "runtime/json/utf8.h"

enum { NO_RUNE = -1, HEX_SIZE = 4 };

/* Moves over everything that stands for itself; false when that is not UTF-8. Stops at a quote, a backslash, a control
 * character or the end. */
static bool skip_run(struct fl_reader *reader) {
  for (;;) {
    reader->at = fl_scan_plain(reader->at, reader->end);
    if (reader->at == reader->end || (*reader->at & 0x80) == 0) return true;
    do {
      size_t size = fl_utf8_sequence(reader->at, (size_t)(reader->end - reader->at));
      if (size == 0) return fl_reader_fail(reader, reader->at, FL_E_SYNTAX, "invalid UTF-8");
      reader->at += size;
    } while (reader->at < reader->end && (*reader->at & 0x80) != 0);
  }
}

static int32_t hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The four digits of a \u escape, at `at`. */
static int32_t hex_unit(const char *at, const char *end) {
  int32_t unit = 0;
  if (end - at < HEX_SIZE) return NO_RUNE;
  for (int i = 0; i < HEX_SIZE; i++) {
    int32_t digit = hex_digit(at[i]);
    if (digit < 0) return NO_RUNE;
    unit = unit << 4 | digit;
  }
  return unit;
}

/* Reads a \u escape, or two that make up a pair; reader->at is behind the "u". */
static int32_t read_rune(struct fl_reader *reader) {
  const char *start = reader->at;
  int32_t unit = hex_unit(start, reader->end);
  if (unit < 0) return fl_reader_fail(reader, start - 2, FL_E_SYNTAX, "\\u wants four hexadecimal digits"), NO_RUNE;
  reader->at += HEX_SIZE;
  if (unit < 0xD800 || unit > 0xDFFF) return unit;
  bool is_pair = unit < 0xDC00 && reader->end - reader->at >= 2 && reader->at[0] == '\\' && reader->at[1] == 'u';
  int32_t low = is_pair ? hex_unit(reader->at + 2, reader->end) : NO_RUNE;
  if (low < 0xDC00 || low > 0xDFFF)
    return fl_reader_fail(reader, start - 2, FL_E_SYNTAX, "half of a surrogate pair stands alone"), NO_RUNE;
  reader->at += 2 + HEX_SIZE;
  return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

static char simple_escape(char c) {
  switch (c) {
  case '"': return '"';
  case '\\': return '\\';
  case '/': return '/';
  case 'b': return '\b';
  case 'f': return '\f';
  case 'n': return '\n';
  case 'r': return '\r';
  case 't': return '\t';
  default: return 0;
  }
}

/* Decodes the escape at reader->at, a backslash, into `to`; returns its size, 0 when it is wrong. */
static size_t read_escape(struct fl_reader *reader, char to[4]) {
  if (reader->end - reader->at < 2) return fl_reader_expect(reader, reader->end, "the rest of an escape");
  char kind = reader->at[1];
  to[0] = simple_escape(kind);
  if (to[0] == 0 && kind != 'u') return fl_reader_fail(reader, reader->at, FL_E_SYNTAX, "there is no such escape");
  reader->at += 2;
  if (kind != 'u') return 1;
  int32_t rune = read_rune(reader);
  if (rune < 0) return 0;
  if (rune == 0 && reader->is_strict)
    return fl_reader_fail(reader, reader->at - 2 - HEX_SIZE, FL_E_SYNTAX, "a NUL character is not allowed");
  return fl_utf8_encode((uint32_t)rune, to);
}

/* Makes room for `more` bytes behind `to`, which points into the scratch buffer. */
static char *make_room(struct fl_buf *scratch, char *to, size_t more) {
  scratch->size = to != NULL ? (size_t)(to - scratch->data) : 0;
  if (scratch->capacity - scratch->size < more) fl_buf_reserve(scratch, more);
  return scratch->data + scratch->size;
}

/* The string from `start` on has a backslash at reader->at. */
static bool decode(struct fl_reader *reader, const char *start, fl_slice *ret_text) {
  char *to = NULL;
  for (;;) {
    size_t run = (size_t)(reader->at - start);
    to = make_room(&reader->scratch, to, run + 4);
    memcpy(to, start, run);
    to += run;
    if (reader->at < reader->end && *reader->at == '"') break;
    if (reader->at == reader->end || *reader->at != '\\') return true; /* the caller sees what it is */
    size_t size = read_escape(reader, to);
    if (size == 0) return false;
    to += size;
    start = reader->at;
    if (!skip_run(reader)) return false;
  }
  *ret_text = fl_slice_n(reader->scratch.data, (size_t)(to - reader->scratch.data));
  return true;
}

bool fl_reader_string(struct fl_reader *reader, fl_slice *ret_text) {
  const char *start = ++reader->at;
  if (!skip_run(reader)) return false;
  *ret_text = fl_slice_n(start, (size_t)(reader->at - start));
  if (reader->at < reader->end && *reader->at == '\\' && !decode(reader, start, ret_text)) return false;
  if (reader->at == reader->end) return fl_reader_expect(reader, reader->end, "the end of a string");
  if (*reader->at != '"')
    return fl_reader_fail(reader, reader->at, FL_E_SYNTAX,
                          "a control character in a string must be written as an escape");
  reader->at++;
  return true;
}
