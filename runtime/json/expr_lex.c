/* SPDX-License-Identifier: MIT */
/* The words of the expression language, as CEL's specification lists them: numbers, strings in their eight spellings,
 * names, operators, comments. Not taken over: unsigned integers, bytes. Pure. */
#include "runtime/json/expr_internal.h"
#include "runtime/json/number.h"

#include <stdio.h>
#include <stdlib.h>

void fl_lexer_init(struct fl_lexer *lexer, fl_slice text, struct fl_error *err) {
  *lexer = (struct fl_lexer){.text = text, .err = err};
}

void fl_lexer_deinit(struct fl_lexer *lexer) { fl_buf_deinit(&lexer->word); }

uint32_t fl_expr_column(fl_slice text, size_t offset) {
  uint32_t column = 1;
  for (size_t i = 0; i < offset && i < text.size; i++) column += ((unsigned char)text.data[i] & 0xc0) != 0x80;
  return column;
}

int fl_lexer_fail(struct fl_lexer *lexer, size_t offset, const char *format, ...) {
  char message[FL_ERROR_TEXT_MAX / 2];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return fl_error_set(lexer->err, FL_E_SYNTAX, "column %u: %s", fl_expr_column(lexer->text, offset), message);
}

static char peek(const struct fl_lexer *lexer, size_t ahead) {
  size_t at = lexer->offset + ahead;
  return at < lexer->text.size ? lexer->text.data[at] : '\0';
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

static void skip_space(struct fl_lexer *lexer) {
  for (;;) {
    char c = peek(lexer, 0);
    if (lexer->offset < lexer->text.size && (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f')) {
      lexer->offset++;
    } else if (c == '/' && peek(lexer, 1) == '/') {
      while (lexer->offset < lexer->text.size && peek(lexer, 0) != '\n') lexer->offset++;
    } else {
      return;
    }
  }
}

/* ---- numbers ---- */

static int finish_number(struct fl_lexer *lexer) {
  char c = peek(lexer, 0);
  if (c == 'u' || c == 'U')
    return fl_lexer_fail(lexer, lexer->offset, "there are no unsigned integers here; leave out the \"%c\"", c);
  if (is_name_part(c)) return fl_lexer_fail(lexer, lexer->offset, "a number cannot be followed by \"%c\"", c);
  return 0;
}

static int read_hex(struct fl_lexer *lexer) {
  lexer->offset += 2;
  size_t first = lexer->offset;
  while (strchr("0123456789abcdefABCDEF", peek(lexer, 0)) != NULL && peek(lexer, 0) != '\0') lexer->offset++;
  if (lexer->offset == first) return fl_lexer_fail(lexer, lexer->start, "\"0x\" needs hexadecimal digits");
  if (lexer->offset - first > 16) return fl_lexer_fail(lexer, lexer->start, "the integer does not fit in 64 bits");
  char digits[17] = {0};
  memcpy(digits, lexer->text.data + first, lexer->offset - first);
  lexer->magnitude = strtoull(digits, NULL, 16);
  lexer->kind = FL_TOKEN_INT;
  return finish_number(lexer);
}

static int finish_int(struct fl_lexer *lexer) {
  lexer->kind = FL_TOKEN_INT;
  lexer->magnitude = 0;
  for (size_t i = lexer->start; i < lexer->offset; i++) {
    uint64_t digit = (uint64_t)(lexer->text.data[i] - '0');
    if (__builtin_mul_overflow(lexer->magnitude, 10u, &lexer->magnitude) ||
        __builtin_add_overflow(lexer->magnitude, digit, &lexer->magnitude))
      return fl_lexer_fail(lexer, lexer->start, "the integer does not fit in 64 bits");
  }
  return finish_number(lexer);
}

static int finish_double(struct fl_lexer *lexer) {
  FL_FREE_AUTO char *digits = fl_strndup(lexer->text.data + lexer->start, lexer->offset - lexer->start);
  lexer->kind = FL_TOKEN_DOUBLE;
  if (!fl_number_from_text(digits, &lexer->number))
    return fl_lexer_fail(lexer, lexer->start, "the number is too large for a double");
  return finish_number(lexer);
}

static void skip_digits(struct fl_lexer *lexer) {
  while (is_digit(peek(lexer, 0))) lexer->offset++;
}

static int read_number(struct fl_lexer *lexer) {
  if (peek(lexer, 0) == '0' && (peek(lexer, 1) == 'x' || peek(lexer, 1) == 'X')) return read_hex(lexer);
  bool is_double = false;
  skip_digits(lexer);
  if (peek(lexer, 0) == '.' && is_digit(peek(lexer, 1))) {
    is_double = true;
    lexer->offset++;
    skip_digits(lexer);
  }
  size_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';
  if ((peek(lexer, 0) == 'e' || peek(lexer, 0) == 'E') && is_digit(peek(lexer, 1 + sign))) {
    is_double = true;
    lexer->offset += 1 + sign;
    skip_digits(lexer);
  }
  return is_double ? finish_double(lexer) : finish_int(lexer);
}

/* ---- names ---- */

static int read_name(struct fl_lexer *lexer) {
  while (is_name_part(peek(lexer, 0))) lexer->offset++;
  fl_slice word = fl_slice_n(lexer->text.data + lexer->start, lexer->offset - lexer->start);
  fl_buf_add(&lexer->word, word.data, word.size);
  lexer->kind = fl_slice_equal(word, FL_SLICE("in")) ? FL_TOKEN_IN : FL_TOKEN_NAME;
  return 0;
}

static int read_quoted_name(struct fl_lexer *lexer) {
  size_t first = ++lexer->offset;
  while (is_name_part(peek(lexer, 0)) || (peek(lexer, 0) != '\0' && strchr(".-/ ", peek(lexer, 0)) != NULL))
    lexer->offset++;
  if (peek(lexer, 0) != '`' || lexer->offset == first)
    return fl_lexer_fail(lexer, lexer->start,
                         "a name in backquotes holds letters, digits and . - / _ and ends with a backquote");
  fl_buf_add(&lexer->word, lexer->text.data + first, lexer->offset - first);
  lexer->offset++;
  lexer->kind = FL_TOKEN_QUOTED_NAME;
  return 0;
}

/* ---- operators ---- */

static const struct {
  char text[3];
  int kind;
} pairs[] = {
    {"==", FL_TOKEN_EQUAL},         {"!=", FL_TOKEN_NOT_EQUAL}, {"<=", FL_TOKEN_LESS_EQUAL},
    {">=", FL_TOKEN_GREATER_EQUAL}, {"&&", FL_TOKEN_AND},       {"||", FL_TOKEN_OR},
};

/* What people write who come from other languages. */
static const char *advice_for(char c) {
  switch (c) {
  case '=': return "to compare, write ==";
  case '&': return "\"and\" is &&";
  case '|': return "\"or\" is ||";
  case '$': return "names stand alone, without $";
  case ';': return "an expression is one value; leave out the semicolon";
  default: return NULL;
  }
}

static int read_operator(struct fl_lexer *lexer) {
  char c = peek(lexer, 0);
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    if (c != pairs[i].text[0] || peek(lexer, 1) != pairs[i].text[1]) continue;
    lexer->offset += 2;
    lexer->kind = pairs[i].kind;
    return 0;
  }
  if (c != '\0' && strchr("+-*/%<>!?:.,()[]{}", c) != NULL) {
    lexer->offset++;
    lexer->kind = c;
    return 0;
  }
  const char *advice = advice_for(c);
  if (advice != NULL) return fl_lexer_fail(lexer, lexer->start, "unexpected \"%c\": %s", c, advice);
  if ((unsigned char)c < 0x21 || (unsigned char)c > 0x7e)
    return fl_lexer_fail(lexer, lexer->start, "unexpected character (byte 0x%02x)", (unsigned char)c);
  return fl_lexer_fail(lexer, lexer->start, "unexpected \"%c\"", c);
}

/* r"…" and R"…" are raw strings; b"…" is refused in words that say why. */
static bool is_prefixed_string(const struct fl_lexer *lexer, char lower) {
  char c = peek(lexer, 0), next = peek(lexer, 1);
  return (c == lower || c == lower - 'a' + 'A') && (next == '"' || next == '\'');
}

int fl_lexer_next(struct fl_lexer *lexer) {
  fl_buf_clear(&lexer->word);
  fl_buf_add(&lexer->word, "", 0);
  skip_space(lexer);
  lexer->start = lexer->offset;
  if (lexer->offset == lexer->text.size) {
    lexer->kind = FL_TOKEN_END;
    return 0;
  }
  char c = peek(lexer, 0);
  if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1)))) return read_number(lexer);
  if (c == '"' || c == '\'') return fl_lexer_string(lexer, false);
  if (is_prefixed_string(lexer, 'b'))
    return fl_lexer_fail(lexer, lexer->start, "there are no byte strings here; leave out the \"%c\"", c);
  if (is_prefixed_string(lexer, 'r')) {
    lexer->offset++;
    return fl_lexer_string(lexer, true);
  }
  if (is_name_start(c)) return read_name(lexer);
  if (c == '`') return read_quoted_name(lexer);
  return read_operator(lexer);
}
