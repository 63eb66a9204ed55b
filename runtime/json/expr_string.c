/* SPDX-License-Identifier: MIT */
/* String literals: ' " ''' """ and the same with r in front, with CEL's escapes. NUL is refused, as everywhere in
 * values. Pure. */
#include "runtime/json/expr_internal.h"

bool fl_expr_add_code_point(struct fl_buf *buf, uint32_t c) {
  if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return false;
  char text[4];
  size_t size = 0;
  if (c < 0x80) {
    text[size++] = (char)c;
  } else if (c < 0x800) {
    text[size++] = (char)(0xc0 | (c >> 6));
  } else if (c < 0x10000) {
    text[size++] = (char)(0xe0 | (c >> 12));
    text[size++] = (char)(0x80 | ((c >> 6) & 0x3f));
  } else {
    text[size++] = (char)(0xf0 | (c >> 18));
    text[size++] = (char)(0x80 | ((c >> 12) & 0x3f));
    text[size++] = (char)(0x80 | ((c >> 6) & 0x3f));
  }
  if (c >= 0x80) text[size++] = (char)(0x80 | (c & 0x3f));
  return fl_buf_add(buf, text, size) == 0;
}

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

/* The digits of an escape: `count` of them in `base`, from lexer->offset on. */
static int read_code(struct fl_lexer *lexer, size_t at, size_t count, int base) {
  uint32_t code = 0;
  for (size_t i = 0; i < count; i++) {
    int digit = lexer->offset < lexer->text.size ? digit_of(lexer->text.data[lexer->offset]) : 99;
    if (digit >= base)
      return fl_lexer_fail(lexer, at, "this escape needs %zu %s digits", count, base == 8 ? "octal" : "hexadecimal");
    code = code * (uint32_t)base + (uint32_t)digit;
    lexer->offset++;
  }
  if (!fl_expr_add_code_point(&lexer->word, code))
    return fl_lexer_fail(lexer, at, "U+%04X cannot stand in a string", code);
  return 0;
}

static int read_escape(struct fl_lexer *lexer) {
  static const char from[] = "abfnrtv\\?\"'`";
  static const char to[] = "\a\b\f\n\r\t\v\\?\"'`";
  size_t at = lexer->offset++;
  if (lexer->offset >= lexer->text.size) return fl_lexer_fail(lexer, at, "the string does not end");
  char c = lexer->text.data[lexer->offset++];
  const char *simple = c != '\0' ? strchr(from, c) : NULL;
  if (simple != NULL) return fl_buf_add_char(&lexer->word, to[simple - from]);
  switch (c) {
  case 'x':
  case 'X': return read_code(lexer, at, 2, 16);
  case 'u': return read_code(lexer, at, 4, 16);
  case 'U': return read_code(lexer, at, 8, 16);
  case '0':
  case '1':
  case '2':
  case '3': lexer->offset--; return read_code(lexer, at, 3, 8);
  default:
    return fl_lexer_fail(lexer, at,
                         "unknown escape; to write a backslash, write \\\\, or put r in front of the string");
  }
}

static bool ends_here(const struct fl_lexer *lexer, char quote, size_t quote_count) {
  for (size_t i = 0; i < quote_count; i++) {
    if (lexer->offset + i >= lexer->text.size || lexer->text.data[lexer->offset + i] != quote) return false;
  }
  return true;
}

int fl_lexer_string(struct fl_lexer *lexer, bool is_raw) {
  char quote = lexer->text.data[lexer->offset];
  size_t quote_count = ends_here(lexer, quote, 3) ? 3 : 1;
  lexer->kind = FL_TOKEN_STRING;
  lexer->offset += quote_count;
  while (!ends_here(lexer, quote, quote_count)) {
    if (lexer->offset >= lexer->text.size) return fl_lexer_fail(lexer, lexer->start, "the string does not end");
    char c = lexer->text.data[lexer->offset];
    if (quote_count == 1 && (c == '\n' || c == '\r'))
      return fl_lexer_fail(lexer, lexer->start,
                           "the string does not end on its line; for several lines use three quotes");
    if (c == '\0') return fl_lexer_fail(lexer, lexer->offset, "NUL cannot stand in a string");
    if (c == '\\' && !is_raw) {
      int rc = read_escape(lexer);
      if (rc < 0) return rc;
      continue;
    }
    fl_buf_add_char(&lexer->word, c);
    lexer->offset++;
  }
  lexer->offset += quote_count;
  return 0;
}
