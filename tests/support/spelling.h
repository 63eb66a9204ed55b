/* SPDX-License-Identifier: MIT */
/* A value in every encoding in which it must be recognised, written independently of the code under test. */
#pragma once
#include "runtime/base/buf.h"

enum { SPELLING_COUNT = 22 };

static inline const char *spelling_name(int kind) {
  static const char *const names[SPELLING_COUNT] = {
      "as it is",       "hex, lower",       "hex, upper",     "base64 at 0",       "base64 at 1",
      "base64 at 2",    "base64url at 0",   "base64url at 1", "base64url at 2",    "percent, upper",
      "percent, lower", "percent, in part", "JSON",           "JSON, \\u lower",   "JSON, \\u upper",
      "JSON in JSON",   "base64 in lines",  "lines in JSON",  "base64 in percent", "percent in percent",
      "hex in percent", "over lines"};
  return names[kind];
}

static inline void spell_base64(struct fl_buf *out, fl_slice value, size_t offset, bool is_url) {
  static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  FL_BUF_AUTO all = {0};
  fl_buf_add(&all, "{\"", offset);
  fl_buf_add(&all, value.data, value.size);
  for (size_t i = 0; i < all.size; i += 3) {
    size_t count = all.size - i < 3 ? all.size - i : 3;
    unsigned bits = 0;
    for (size_t j = 0; j < 3; j++) bits = bits << 8 | (j < count ? (uint8_t)all.data[i + j] : 0);
    for (size_t j = 0; j <= count; j++) fl_buf_add_char(out, (is_url ? url : standard)[bits >> (18 - 6 * j) & 63]);
    for (size_t j = count; j < 3 && !is_url; j++) fl_buf_add_char(out, '=');
  }
}

/* Each byte, or one of so many, as `front` and two digits. */
static inline void spell_percent(struct fl_buf *out, fl_slice value, const char *front, size_t every) {
  bool is_upper = strpbrk(front, "%U") != NULL;
  for (size_t i = 0; i < value.size; i++)
    if (i % every != 0) fl_buf_add_char(out, value.data[i]);
    else if (is_upper) fl_buf_addf(out, "%s%02X", front[0] == 'U' ? "\\u00" : front, (uint8_t)value.data[i]);
    else fl_buf_addf(out, "%s%02x", front[0] == 'p' ? "%" : "\\u00", (uint8_t)value.data[i]);
}

static inline void spell_json(struct fl_buf *out, fl_slice value) {
  for (size_t i = 0; i < value.size; i++) {
    char c = value.data[i];
    if (c == '"' || c == '\\' || c == '/') fl_buf_addf(out, "\\%c", c);
    else if (c == '\n') fl_buf_add_text(out, "\\n");
    else fl_buf_add_char(out, c);
  }
}

static inline void spell_lines(struct fl_buf *out, fl_slice value, const char *line_break) {
  for (size_t i = 0; i < value.size; i++) {
    if (i > 0 && i % 7 == 0) fl_buf_add_text(out, line_break);
    fl_buf_add_char(out, value.data[i]);
  }
}

/* Appends it; false: this spelling is for ASCII values and this is none. */
static inline bool spell(struct fl_buf *out, fl_slice value, int kind) {
  FL_BUF_AUTO inner = {0};
  if (kind == 12 || kind == 15) spell_json(&inner, value);
  if (kind == 16 || kind == 17 || kind == 18) spell_base64(&inner, value, 1, false);
  if (kind == 19) spell_percent(&inner, value, "%", 1);
  if (kind == 20) spell(&inner, value, 1);
  bool is_ascii = true;
  for (size_t i = 0; i < value.size; i++) is_ascii &= (uint8_t)value.data[i] < 0x80;
  switch (kind) {
  case 0: fl_buf_add(out, value.data, value.size); break;
  case 1:
  case 2:
    for (size_t i = 0; i < value.size; i++) fl_buf_addf(out, kind == 1 ? "%02x" : "%02X", (uint8_t)value.data[i]);
    break;
  case 3:
  case 4:
  case 5:
  case 6:
  case 7:
  case 8: spell_base64(out, value, (size_t)(kind % 3), kind > 5); break;
  case 9: spell_percent(out, value, "%", 1); break;
  case 10: spell_percent(out, value, "p", 1); break;
  case 11: spell_percent(out, value, "%", 3); return is_ascii; /* others would be cut inside a character */
  case 12: fl_buf_add(out, inner.data, inner.size); break;
  case 13:
  case 14:
    if (is_ascii) /* what must be escaped is among them */
      spell_percent(out, value, kind == 13 ? "u" : "U", value.size > 0 && memchr(value.data, '\\', value.size) ? 1 : 2);
    return is_ascii;
  case 15: spell_json(out, fl_buf_slice(&inner)); break;
  case 16: spell_lines(out, fl_buf_slice(&inner), "\r\n"); break;
  case 17: spell_lines(out, fl_buf_slice(&inner), "\\n"); break;
  case 21: spell_lines(out, value, "\n"); return is_ascii;
  default: spell_percent(out, fl_buf_slice(&inner), "%", 1); break;
  }
  return true;
}
