/* SPDX-License-Identifier: MIT */
/* See regex_rewrite.h. One pass over the pattern; each step reads one term and appends its translation. Code points are
 * written as \x{…}, so that nothing a user writes can mean more to pcre2 than to ECMAScript. */
#include "runtime/json/regex_rewrite.h"

#include "runtime/json/utf8.h"

#include <stdio.h>

#define SPACE_SET                                                                                    \
  "\\t\\n\\x{b}\\f\\r\\x{20}\\x{a0}\\x{feff}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}" \
  "\\x{205f}\\x{3000}"
#define NOT_SPACE_SET                                                                                 \
  "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" \
  "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define CALLOUT "(?C)"

struct rewrite {
  fl_slice in;
  size_t at;
  struct fl_buf *out;
  size_t nesting;
  bool can_repeat; /* whether a quantifier may follow */
  size_t problem_at;
  const char *problem; /* first one; NULL: none */
};

/* One member of a character class: a code point, or a set that is already written in pcre2's syntax. */
struct class_atom {
  bool is_set;
  uint32_t rune;
  char set[512];
};

static bool fail(struct rewrite *rewrite, size_t at, const char *problem) {
  if (rewrite->problem == NULL) {
    rewrite->problem = problem;
    rewrite->problem_at = at;
  }
  return false;
}

static bool at_end(const struct rewrite *rewrite) { return rewrite->at >= rewrite->in.size; }
static char peek(const struct rewrite *rewrite, size_t ahead) {
  return rewrite->at + ahead < rewrite->in.size ? rewrite->in.data[rewrite->at + ahead] : '\0';
}
static bool take(struct rewrite *rewrite, char c) {
  if (at_end(rewrite) || peek(rewrite, 0) != c) return false;
  rewrite->at++;
  return true;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static bool take_hex(struct rewrite *rewrite, size_t digit_count, uint32_t *ret_rune) {
  uint32_t rune = 0;
  for (size_t i = 0; i < digit_count; i++) {
    int digit = hex_digit(peek(rewrite, i));
    if (digit < 0) return false;
    rune = rune * 16 + (uint32_t)digit;
  }
  rewrite->at += digit_count;
  *ret_rune = rune;
  return true;
}

static bool take_braced_hex(struct rewrite *rewrite, uint32_t *ret_rune) {
  uint32_t rune = 0;
  size_t digit_count = 0;
  for (; !at_end(rewrite) && hex_digit(peek(rewrite, 0)) >= 0; digit_count++) {
    rune = rune * 16 + (uint32_t)hex_digit(peek(rewrite, 0));
    if (rune > 0x10ffff) return false;
    rewrite->at++;
  }
  *ret_rune = rune;
  return digit_count > 0 && take(rewrite, '}');
}

/* Behind "\u". A pair of surrogates is one code point. */
static bool take_unicode(struct rewrite *rewrite, uint32_t *ret_rune) {
  if (take(rewrite, '{')) return take_braced_hex(rewrite, ret_rune);
  if (!take_hex(rewrite, 4, ret_rune)) return false;
  if (*ret_rune < 0xd800 || *ret_rune > 0xdbff || peek(rewrite, 0) != '\\' || peek(rewrite, 1) != 'u') return true;
  size_t before = rewrite->at;
  uint32_t low;
  rewrite->at += 2;
  if (take_hex(rewrite, 4, &low) && low >= 0xdc00 && low <= 0xdfff)
    *ret_rune = 0x10000 + ((*ret_rune - 0xd800) << 10) + (low - 0xdc00);
  else rewrite->at = before;
  return true;
}

/* Behind a backslash: an escape that stands for one character. */
static bool take_escaped_rune(struct rewrite *rewrite, uint32_t *ret_rune) {
  static const char letters[] = "fnrtv", meanings[] = "\f\n\r\t\v";
  size_t start = rewrite->at - 1;
  char c = peek(rewrite, 0);
  const char *known = c != '\0' ? strchr(letters, c) : NULL;
  rewrite->at++;
  if (known != NULL) *ret_rune = (uint32_t)meanings[known - letters];
  else if (c == '0' && !is_digit(peek(rewrite, 0))) *ret_rune = 0;
  else if (c == 'c' && is_letter(peek(rewrite, 0))) *ret_rune = (uint32_t)rewrite->in.data[rewrite->at++] % 32;
  else if (c == 'x') return take_hex(rewrite, 2, ret_rune) || fail(rewrite, start, "\\x needs two hexadecimal digits");
  else if (c == 'u')
    return take_unicode(rewrite, ret_rune) || fail(rewrite, start, "\\u needs four hexadecimal digits");
  else if (c > ' ' && c < 127 && !is_digit(c) && !is_letter(c)) *ret_rune = (uint32_t)c;
  else return fail(rewrite, start, "there is no such escape in ECMAScript patterns");
  return true;
}

static void add_rune(struct rewrite *rewrite, uint32_t rune) { fl_buf_addf(rewrite->out, "\\x{%x}", (unsigned)rune); }

/* A well-formed UTF-8 sequence as it stands. */
static bool take_plain_rune(struct rewrite *rewrite, uint32_t *ret_rune) {
  const char *text = rewrite->in.data + rewrite->at;
  size_t size = fl_utf8_sequence(text, rewrite->in.size - rewrite->at);
  if (size == 0) return fail(rewrite, rewrite->at, "the pattern is not UTF-8");
  *ret_rune = fl_utf8_decode(text, size);
  rewrite->at += size;
  return true;
}

/* Behind "\p" or "\P": writes "\p{…}" in pcre2's words. */
static bool take_property(struct rewrite *rewrite, char kind, char *ret_text, size_t text_size) {
  size_t start = rewrite->at - 2;
  char scratch[FL_REGEX_PROPERTY_MAX];
  if (!take(rewrite, '{')) return fail(rewrite, start, "\\p needs the name of a property in braces");
  size_t name_at = rewrite->at;
  while (!at_end(rewrite) && peek(rewrite, 0) != '}') rewrite->at++;
  fl_slice name = {rewrite->in.data + name_at, rewrite->at - name_at};
  if (!take(rewrite, '}')) return fail(rewrite, start, "a brace is not closed");
  const char *known = fl_regex_property(name, scratch);
  if (known == NULL) return fail(rewrite, start, "there is no such Unicode property");
  snprintf(ret_text, text_size, "\\%c{%s}", kind, known);
  return true;
}

/* The escapes that stand for a set of characters; `set` is what goes between brackets. *ret_is_set tells whether it was
 * one. */
static bool take_set_escape(struct rewrite *rewrite, char *ret_set, size_t set_size, bool *ret_is_set) {
  char c = peek(rewrite, 0);
  *ret_is_set = c != '\0' && strchr("dDwWsSpP", c) != NULL;
  if (!*ret_is_set) return true;
  rewrite->at++;
  if (c == 'p' || c == 'P') return take_property(rewrite, c, ret_set, set_size);
  if (c == 's') snprintf(ret_set, set_size, "%s", SPACE_SET);
  else if (c == 'S') snprintf(ret_set, set_size, "%s", NOT_SPACE_SET);
  else snprintf(ret_set, set_size, "\\%c", c);
  return true;
}

static bool take_class_atom(struct rewrite *rewrite, struct class_atom *ret_atom) {
  ret_atom->is_set = false;
  if (!take(rewrite, '\\')) return take_plain_rune(rewrite, &ret_atom->rune);
  if (!take_set_escape(rewrite, ret_atom->set, sizeof ret_atom->set, &ret_atom->is_set)) return false;
  if (ret_atom->is_set) return true;
  if (!take(rewrite, 'b')) return take_escaped_rune(rewrite, &ret_atom->rune);
  ret_atom->rune = '\b';
  return true;
}

static void add_class_atom(struct rewrite *rewrite, const struct class_atom *atom) {
  if (atom->is_set) fl_buf_add_text(rewrite->out, atom->set);
  else add_rune(rewrite, atom->rune);
}

/* One member or range of a class. A hyphen beside a set stands for itself. */
static bool rewrite_class_member(struct rewrite *rewrite) {
  struct class_atom first, last;
  size_t start = rewrite->at;
  if (!take_class_atom(rewrite, &first)) return false;
  bool is_range = peek(rewrite, 0) == '-' && rewrite->at + 1 < rewrite->in.size && peek(rewrite, 1) != ']';
  if (!is_range) {
    add_class_atom(rewrite, &first);
    return true;
  }
  rewrite->at++;
  if (!take_class_atom(rewrite, &last)) return false;
  bool has_set = first.is_set || last.is_set;
  if (!has_set && first.rune > last.rune) return fail(rewrite, start, "the range is in the wrong order");
  add_class_atom(rewrite, &first);
  fl_buf_add_text(rewrite->out, has_set ? "\\x{2d}" : "-");
  add_class_atom(rewrite, &last);
  return true;
}

/* Behind "[". */
static bool rewrite_class(struct rewrite *rewrite) {
  size_t start = rewrite->at - 1;
  fl_buf_add_char(rewrite->out, '[');
  if (take(rewrite, '^')) fl_buf_add_char(rewrite->out, '^');
  while (!take(rewrite, ']')) {
    if (at_end(rewrite)) return fail(rewrite, start, "a bracket is not closed");
    if (!rewrite_class_member(rewrite)) return false;
  }
  fl_buf_add_char(rewrite->out, ']');
  rewrite->can_repeat = true;
  return true;
}

/* Behind "\k" or "(?": "<name>", copied. */
static bool copy_name(struct rewrite *rewrite) {
  size_t start = rewrite->at;
  if (!take(rewrite, '<')) return fail(rewrite, start, "a group name in angle brackets is missing");
  while (!at_end(rewrite) &&
         (is_letter(peek(rewrite, 0)) || peek(rewrite, 0) == '_' || (peek(rewrite, 0) & 0x80) != 0 ||
          (rewrite->at > start + 1 && is_digit(peek(rewrite, 0)))))
    rewrite->at++;
  if (rewrite->at == start + 1 || !take(rewrite, '>')) return fail(rewrite, start, "the group name is not valid");
  fl_buf_add(rewrite->out, rewrite->in.data + start, rewrite->at - start);
  return true;
}

/* The longest kind wins: "(?<=" before "(?<name>". */
static bool rewrite_group(struct rewrite *rewrite) {
  static const char *const kinds[] = {"?:", "?=", "?!", "?<=", "?<!", "?i:", "?-i:"};
  size_t start = rewrite->at - 1;
  if (++rewrite->nesting > FL_REGEX_NESTING_MAX) return fail(rewrite, start, "the groups are nested too deeply");
  fl_buf_add_char(rewrite->out, '(');
  rewrite->can_repeat = false;
  bool is_known = peek(rewrite, 0) != '?';
  fl_slice rest = {rewrite->in.data + rewrite->at, rewrite->in.size - rewrite->at};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !is_known; i++) {
    if (!fl_slice_starts(rest, fl_slice_of(kinds[i]))) continue;
    fl_buf_add_text(rewrite->out, kinds[i]);
    rewrite->at += strlen(kinds[i]);
    is_known = true;
  }
  if (!is_known) {
    if (peek(rewrite, 1) != '<') return fail(rewrite, start, "there is no such kind of group in ECMAScript patterns");
    rewrite->at++;
    fl_buf_add_char(rewrite->out, '?');
    if (!copy_name(rewrite)) return false;
  }
  fl_buf_add_text(rewrite->out, CALLOUT);
  return true;
}

static bool close_group(struct rewrite *rewrite) {
  if (rewrite->nesting == 0) return fail(rewrite, rewrite->at - 1, "a parenthesis is closed that was not opened");
  rewrite->nesting--;
  fl_buf_add_char(rewrite->out, ')');
  rewrite->can_repeat = true;
  return true;
}

/* Size of "{n}", "{n,}" or "{n,m}" at the front, 0 for a brace that is a character. */
static size_t braces_size(const struct rewrite *rewrite) {
  size_t ahead = 1;
  if (!is_digit(peek(rewrite, ahead))) return 0;
  while (is_digit(peek(rewrite, ahead))) ahead++;
  if (peek(rewrite, ahead) == ',') ahead++;
  while (is_digit(peek(rewrite, ahead))) ahead++;
  return peek(rewrite, ahead) == '}' ? ahead + 1 : 0;
}

static bool rewrite_quantifier(struct rewrite *rewrite, size_t size) {
  if (!rewrite->can_repeat) return fail(rewrite, rewrite->at, "there is nothing to repeat");
  fl_buf_add(rewrite->out, rewrite->in.data + rewrite->at, size);
  rewrite->at += size;
  if (take(rewrite, '?')) fl_buf_add_char(rewrite->out, '?');
  fl_buf_add_text(rewrite->out, CALLOUT);
  rewrite->can_repeat = false;
  return true;
}

static void rewrite_back_reference(struct rewrite *rewrite) {
  size_t start = rewrite->at;
  while (is_digit(peek(rewrite, 0))) rewrite->at++;
  fl_buf_add_text(rewrite->out, "\\g{");
  fl_buf_add(rewrite->out, rewrite->in.data + start, rewrite->at - start);
  fl_buf_add_char(rewrite->out, '}');
}

/* Behind a backslash, outside a class. */
static bool rewrite_escape(struct rewrite *rewrite) {
  char c = peek(rewrite, 0), set[512];
  bool is_set;
  rewrite->can_repeat = c != 'b' && c != 'B';
  if (c == 'b' || c == 'B') {
    rewrite->at++;
    fl_buf_addf(rewrite->out, "\\%c", c);
    return true;
  }
  if (c >= '1' && c <= '9') {
    rewrite_back_reference(rewrite);
    return true;
  }
  if (take(rewrite, 'k')) {
    fl_buf_add_text(rewrite->out, "\\k");
    return copy_name(rewrite);
  }
  if (!take_set_escape(rewrite, set, sizeof set, &is_set)) return false;
  if (is_set) {
    fl_buf_addf(rewrite->out, "[%s]", set);
    return true;
  }
  uint32_t rune;
  if (!take_escaped_rune(rewrite, &rune)) return false;
  add_rune(rewrite, rune);
  return true;
}

/* A letter or digit stands for itself; whatever else might mean something to pcre2 is written as a code point. */
static bool rewrite_plain(struct rewrite *rewrite) {
  uint32_t rune;
  rewrite->can_repeat = true;
  if (!take_plain_rune(rewrite, &rune)) return false;
  if (rune < 128 && (is_letter((char)rune) || is_digit((char)rune))) fl_buf_add_char(rewrite->out, (char)rune);
  else add_rune(rewrite, rune);
  return true;
}

static bool rewrite_term(struct rewrite *rewrite) {
  char c = peek(rewrite, 0);
  size_t size = c == '{' ? braces_size(rewrite) : 1;
  if (c == '*' || c == '+' || c == '?' || (c == '{' && size > 0)) return rewrite_quantifier(rewrite, size);
  if (c == '\0' || strchr("\\[().|^$", c) == NULL) return rewrite_plain(rewrite);
  rewrite->at++;
  if (c == '\\' && at_end(rewrite)) return fail(rewrite, rewrite->at - 1, "a backslash stands at the end");
  if (c == '\\') return rewrite_escape(rewrite);
  if (c == '[') return rewrite_class(rewrite);
  if (c == '(') return rewrite_group(rewrite);
  if (c == ')') return close_group(rewrite);
  rewrite->can_repeat = c == '.';
  if (c == '.') fl_buf_add_text(rewrite->out, "[^\\n\\r\\x{2028}\\x{2029}]");
  else fl_buf_add_char(rewrite->out, c);
  return true;
}

int fl_regex_rewrite(fl_slice pattern, struct fl_buf *ret_text, struct fl_error *err) {
  FL_BUF_AUTO text;
  fl_buf_init(&text, FL_REGEX_REWRITTEN_MAX);
  struct rewrite rewrite = {.in = pattern, .out = &text};
  fl_buf_add_text(&text, CALLOUT);
  while (!at_end(&rewrite) && !text.failed && rewrite_term(&rewrite)) {}
  if (rewrite.problem == NULL && !text.failed && rewrite.nesting > 0)
    fail(&rewrite, pattern.size, "a parenthesis is not closed");
  if (rewrite.nesting > FL_REGEX_NESTING_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the pattern nests groups more than %d deep", FL_REGEX_NESTING_MAX);
  if (rewrite.problem != NULL)
    return fl_error_set(err, FL_E_SYNTAX, "pattern, offset %zu: %s", rewrite.problem_at, rewrite.problem);
  if (text.failed || fl_buf_add(ret_text, text.data, text.size) != 0)
    return fl_error_set(err, FL_E_LIMIT, "the pattern is too large once its sets are spelled out");
  return 0;
}

size_t fl_regex_rewrite_origin(fl_slice pattern, size_t rewritten_offset) {
  FL_BUF_AUTO text;
  fl_buf_init(&text, FL_REGEX_REWRITTEN_MAX);
  struct rewrite rewrite = {.in = pattern, .out = &text};
  size_t origin = 0;
  fl_buf_add_text(&text, CALLOUT);
  while (!at_end(&rewrite) && text.size < rewritten_offset) {
    origin = rewrite.at;
    if (!rewrite_term(&rewrite)) break;
  }
  return origin;
}
