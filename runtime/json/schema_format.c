/* SPDX-License-Identifier: MIT */
/* Formats by hand-written recognisers: each reads its text once. RFC 3339 for times, 5321 for addresses, 1123 for host
 * names, 4291 for IPv6, 6901 for pointers, 6570 for templates. Internationalised host names and addresses are not
 * checked. Pure. */
#include "runtime/json/schema_format.h"

#include "runtime/json/regex.h"
#include "runtime/json/schema_uri.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/* A reader over the text: `at` moves only when something fitted. */
struct cursor {
  fl_slice text;
  size_t at;
};

static bool at_end(const struct cursor *cursor) { return cursor->at == cursor->text.size; }
static char peek(const struct cursor *cursor) { return at_end(cursor) ? '\0' : cursor->text.data[cursor->at]; }
static bool take(struct cursor *cursor, const char *one_of) {
  if (at_end(cursor) || peek(cursor) == '\0' || strchr(one_of, peek(cursor)) == NULL) return false;
  cursor->at++;
  return true;
}

/* Exactly `count` digits with a value in [least, most]. */
static bool take_number(struct cursor *cursor, size_t count, int least, int most, int *ret_number) {
  int number = 0;
  if (cursor->text.size - cursor->at < count) return false;
  for (size_t i = 0; i < count; i++) {
    char c = cursor->text.data[cursor->at + i];
    if (!is_digit(c)) return false;
    number = number * 10 + (c - '0');
  }
  cursor->at += count;
  *ret_number = number;
  return number >= least && number <= most;
}

static bool take_digits(struct cursor *cursor) {
  size_t start = cursor->at;
  while (is_digit(peek(cursor))) cursor->at++;
  return cursor->at > start;
}

static bool take_date(struct cursor *cursor) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int year, month, day;
  if (!take_number(cursor, 4, 0, 9999, &year) || !take(cursor, "-")) return false;
  if (!take_number(cursor, 2, 1, 12, &month) || !take(cursor, "-")) return false;
  bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return take_number(cursor, 2, 1, days[month - 1] + (month == 2 && is_leap), &day);
}

static bool take_offset(struct cursor *cursor, int *ret_minutes) {
  int hours, minutes;
  *ret_minutes = 0;
  if (take(cursor, "zZ")) return true;
  int sign = peek(cursor) == '-' ? -1 : 1;
  if (!take(cursor, "+-") || !take_number(cursor, 2, 0, 23, &hours)) return false;
  if (!take(cursor, ":") || !take_number(cursor, 2, 0, 59, &minutes)) return false;
  *ret_minutes = sign * (hours * 60 + minutes);
  return true;
}

/* A leap second ends a day in UTC. */
static bool take_time(struct cursor *cursor) {
  int hour, minute, second, offset;
  if (!take_number(cursor, 2, 0, 23, &hour) || !take(cursor, ":")) return false;
  if (!take_number(cursor, 2, 0, 59, &minute) || !take(cursor, ":")) return false;
  if (!take_number(cursor, 2, 0, 60, &second)) return false;
  if (take(cursor, ".") && !take_digits(cursor)) return false;
  if (!take_offset(cursor, &offset)) return false;
  int utc = (hour * 60 + minute - offset + 2 * 1440) % 1440;
  return second < 60 || utc == 1439;
}

static bool is_date(fl_slice text) {
  struct cursor cursor = {text, 0};
  return take_date(&cursor) && at_end(&cursor);
}

static bool is_time(fl_slice text) {
  struct cursor cursor = {text, 0};
  return take_time(&cursor) && at_end(&cursor);
}

static bool is_date_time(fl_slice text) {
  struct cursor cursor = {text, 0};
  return take_date(&cursor) && take(&cursor, "tT") && take_time(&cursor) && at_end(&cursor);
}

/* Numbers with units that follow one another without a gap, as "1Y2M3D": RFC 3339, appendix A. */
static bool take_units(struct cursor *cursor, const char *units) {
  const char *next = units;
  bool is_first = true;
  while (is_digit(peek(cursor))) {
    take_digits(cursor);
    const char *unit = peek(cursor) != '\0' ? strchr(next, peek(cursor)) : NULL;
    if (unit == NULL || (!is_first && unit != next)) return false;
    cursor->at++;
    next = unit + 1;
    is_first = false;
  }
  return !is_first;
}

static bool is_duration(fl_slice text) {
  struct cursor cursor = {text, 0};
  if (!take(&cursor, "P")) return false;
  if (text.size > 2 && text.data[text.size - 1] == 'W')
    return take_digits(&cursor) && take(&cursor, "W") && at_end(&cursor);
  bool has_date = peek(&cursor) != 'T';
  if (has_date && !take_units(&cursor, "YMD")) return false;
  if (take(&cursor, "T")) return take_units(&cursor, "HMS") && at_end(&cursor);
  return has_date && at_end(&cursor);
}

static bool is_label(fl_slice label) {
  if (label.size == 0 || label.size > 63 || label.data[0] == '-' || label.data[label.size - 1] == '-') return false;
  for (size_t i = 0; i < label.size; i++)
    if (!is_alpha(label.data[i]) && !is_digit(label.data[i]) && label.data[i] != '-') return false;
  /* Two hyphens in the third place are kept for A-labels; there must be something behind them (RFC 5890, 2.3.1). */
  if (label.size < 4 || label.data[2] != '-' || label.data[3] != '-') return true;
  bool is_encoded = (label.data[0] | 32) == 'x' && (label.data[1] | 32) == 'n';
  return is_encoded && label.size > 5;
}

static bool is_hostname(fl_slice text) {
  if (text.size == 0 || text.size > 253) return false;
  for (size_t start = 0; start <= text.size;) {
    const char *dot = start < text.size ? memchr(text.data + start, '.', text.size - start) : NULL;
    size_t end = dot != NULL ? (size_t)(dot - text.data) : text.size;
    if (!is_label(fl_slice_n(text.data + start, end - start))) return false;
    start = end + 1;
  }
  return true;
}

static bool is_ipv4(fl_slice text) {
  struct cursor cursor = {text, 0};
  for (int i = 0; i < 4; i++) {
    size_t start = cursor.at;
    int number;
    if ((i > 0 && !take(&cursor, ".")) || !is_digit(peek(&cursor))) return false;
    start = cursor.at;
    take_digits(&cursor);
    size_t size = cursor.at - start;
    if (size > 3 || (size > 1 && text.data[start] == '0')) return false;
    cursor.at = start;
    if (!take_number(&cursor, size, 0, 255, &number)) return false;
  }
  return at_end(&cursor);
}

bool fl_schema_format_is_ipv6(fl_slice text) {
  size_t group_count = 0, at = 0;
  bool has_gap = false;
  if (text.size >= 2 && text.data[0] == ':' && text.data[1] != ':') return false;
  while (at < text.size) {
    size_t start = at;
    while (at < text.size && is_hex(text.data[at])) at++;
    if (at < text.size && text.data[at] == '.') {
      group_count += 2;
      at = text.size;
      if (!is_ipv4(fl_slice_n(text.data + start, text.size - start))) return false;
      break;
    }
    if (at - start > 4) return false;
    group_count += at > start;
    if (at == text.size) break;
    if (text.data[at] != ':' || (at == start && at > 0)) return false;
    at++;
    if (at == text.size) return false;
    if (text.data[at] != ':') continue;
    if (has_gap) return false;
    has_gap = true;
    at++;
  }
  return has_gap ? group_count <= 7 : group_count == 8;
}

static bool is_address_literal(fl_slice text) {
  if (text.size < 3 || text.data[0] != '[' || text.data[text.size - 1] != ']') return false;
  fl_slice inner = {text.data + 1, text.size - 2};
  if (fl_slice_starts(inner, FL_SLICE("IPv6:")))
    return fl_schema_format_is_ipv6(fl_slice_n(inner.data + 5, inner.size - 5));
  return is_ipv4(inner);
}

static bool take_quoted(struct cursor *cursor) {
  while (!at_end(cursor) && peek(cursor) != '"') {
    if (peek(cursor) == '\\') cursor->at++;
    if (at_end(cursor) || peek(cursor) < ' ' || peek(cursor) == 127) return false;
    cursor->at++;
  }
  return take(cursor, "\"");
}

static bool take_atoms(struct cursor *cursor) {
  do {
    size_t start = cursor->at;
    while (is_alpha(peek(cursor)) || is_digit(peek(cursor)) ||
           (peek(cursor) != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", peek(cursor))))
      cursor->at++;
    if (cursor->at == start) return false;
  } while (take(cursor, "."));
  return true;
}

static bool is_email(fl_slice text) {
  struct cursor cursor = {text, 0};
  if (!(take(&cursor, "\"") ? take_quoted(&cursor) : take_atoms(&cursor)) || !take(&cursor, "@")) return false;
  fl_slice domain = {text.data + cursor.at, text.size - cursor.at};
  return is_hostname(domain) || is_address_literal(domain);
}

static bool is_uuid(fl_slice text) {
  if (text.size != 36) return false;
  for (size_t i = 0; i < text.size; i++) {
    bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text.data[i] != '-' : !is_hex(text.data[i])) return false;
  }
  return true;
}

static bool is_json_pointer(fl_slice text) {
  if (text.size > 0 && text.data[0] != '/') return false;
  for (size_t i = 0; i < text.size; i++) {
    bool is_escaped = i + 1 < text.size && (text.data[i + 1] == '0' || text.data[i + 1] == '1');
    if (text.data[i] == '~' && !is_escaped) return false;
  }
  return true;
}

static bool is_relative_json_pointer(fl_slice text) {
  struct cursor cursor = {text, 0};
  if (!take_digits(&cursor) || (cursor.at > 1 && text.data[0] == '0')) return false;
  fl_slice rest = {text.data + cursor.at, text.size - cursor.at};
  return fl_slice_equal(rest, FL_SLICE("#")) || is_json_pointer(rest);
}

/* A pattern that only we cannot run is a pattern all the same. */
static bool is_regex(fl_slice text) {
  struct fl_regex *regex = NULL;
  int rc = fl_regex_create(text, &regex, NULL);
  fl_regex_destroy(regex);
  return rc == 0 || rc == FL_E_UNSUPPORTED;
}

static bool is_uri(fl_slice text) { return fl_schema_uri_is_valid(text, FL_SCHEMA_URI); }
static bool is_uri_reference(fl_slice text) { return fl_schema_uri_is_valid(text, FL_SCHEMA_URI_REFERENCE); }
static bool is_iri(fl_slice text) { return fl_schema_uri_is_valid(text, FL_SCHEMA_IRI); }
static bool is_iri_reference(fl_slice text) {
  return fl_schema_uri_is_valid(text, FL_SCHEMA_IRI | FL_SCHEMA_URI_REFERENCE);
}

static bool take_percent(struct cursor *cursor) {
  fl_slice text = cursor->text;
  if (text.size - cursor->at < 3 || !is_hex(text.data[cursor->at + 1]) || !is_hex(text.data[cursor->at + 2]))
    return false;
  cursor->at += 3;
  return true;
}

static bool take_variable(struct cursor *cursor) {
  do {
    size_t start = cursor->at;
    for (;;) {
      if (peek(cursor) == '%') {
        if (!take_percent(cursor)) return false;
      } else if (is_alpha(peek(cursor)) || is_digit(peek(cursor)) || peek(cursor) == '_') cursor->at++;
      else break;
    }
    if (cursor->at == start) return false;
  } while (take(cursor, "."));
  if (take(cursor, "*")) return true;
  if (!take(cursor, ":")) return true;
  size_t start = cursor->at;
  return peek(cursor) != '0' && take_digits(cursor) && cursor->at - start <= 4;
}

static bool take_expression(struct cursor *cursor) {
  take(cursor, "+#./;?&");
  do {
    if (!take_variable(cursor)) return false;
  } while (take(cursor, ","));
  return take(cursor, "}");
}

static bool is_uri_template(fl_slice text) {
  struct cursor cursor = {text, 0};
  while (!at_end(&cursor)) {
    char c = peek(&cursor);
    bool is_fine = true;
    if (take(&cursor, "{")) is_fine = take_expression(&cursor);
    else if (c == '%') is_fine = take_percent(&cursor);
    else if ((unsigned char)c <= ' ' || c == 127 || strchr("\"<>\\^`|}", c) != NULL) is_fine = false;
    else cursor.at++;
    if (!is_fine) return false;
  }
  return true;
}

const struct fl_schema_format *fl_schema_format_find(const char *name) {
  static const struct fl_schema_format formats[] = {
      {"date-time", is_date_time, "2024-05-01T10:00:00Z"},
      {"date", is_date, "2024-05-01"},
      {"time", is_time, "10:00:00Z"},
      {"duration", is_duration, "P1DT2H"},
      {"email", is_email, "someone@example.com"},
      {"hostname", is_hostname, "www.example.com"},
      {"ipv4", is_ipv4, "192.0.2.1"},
      {"ipv6", fl_schema_format_is_ipv6, "2001:db8::1"},
      {"uri", is_uri, "https://example.com/a"},
      {"uri-reference", is_uri_reference, "/a?b#c"},
      {"iri", is_iri, "https://example.com/a"},
      {"iri-reference", is_iri_reference, "/a?b#c"},
      {"uri-template", is_uri_template, "/a/{b}"},
      {"uuid", is_uuid, "2eb8aa08-aa98-11ea-b4aa-73b441d16380"},
      {"json-pointer", is_json_pointer, "/a/0"},
      {"relative-json-pointer", is_relative_json_pointer, "1/a"},
      {"regex", is_regex, "^[a-z]+$"},
  };
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (strcmp(name, formats[i].name) == 0) return &formats[i];
  return NULL;
}
