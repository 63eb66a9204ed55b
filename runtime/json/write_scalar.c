/* SPDX-License-Identifier: MIT */
/* Strings and numbers to JSON text. */
#include "runtime/json/scan.h"
#include "runtime/json/utf8.h"
#include "runtime/json/writer.h"

#include <math.h>

static size_t escape(uint8_t c, char to[6]) {
  static const char letters[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
  static const char hex[] = "0123456789abcdef";
  to[0] = '\\';
  to[1] = (char)c;
  if (c >= 0x20) return 2; /* a quote or a backslash */
  if (letters[c] != 0) return to[1] = letters[c], 2;
  memcpy(to + 1, "u00", 3);
  to[4] = hex[c >> 4];
  to[5] = hex[c & 15];
  return 6;
}

/* A large text is copied piece by piece, each while the processor still holds what the search for escapes has read. */
enum { PIECE_SIZE = 16 * 1024 };

static const char *scan_piece(const char *at, const char *end) {
  return fl_scan_unescaped(at, end - at > PIECE_SIZE ? at + PIECE_SIZE : end);
}

/* From the first byte that needs an escape, or the end of a piece, to the end of the string. */
static int write_rest(struct fl_buf *buf, const char *at, const char *end) {
  while (at < end) {
    char escaped[6];
    size_t escaped_size = fl_scan_is_special(*at) ? escape((uint8_t)*at++, escaped) : 0;
    const char *stop = scan_piece(at, end);
    size_t run = (size_t)(stop - at);
    char *to = fl_writer_room(buf, escaped_size + run);
    if (to == NULL) return FL_E_LIMIT;
    memcpy(to, escaped, escaped_size);
    memcpy(to + escaped_size, at, run);
    buf->size += escaped_size + run;
    at = stop;
  }
  return 0;
}

int fl_writer_string(struct fl_buf *buf, fl_slice text, char after) {
  const char *end = text.data + text.size;
  const char *stop = scan_piece(text.data, end);
  size_t run = (size_t)(stop - text.data);
  char *to = fl_writer_room(buf, (stop < end ? text.size : run) + 2 + (after != 0));
  if (to == NULL) return FL_E_LIMIT;
  *to = '"';
  memcpy(to + 1, text.data, run);
  buf->size += run + 1;
  if (stop < end && write_rest(buf, stop, end) < 0) return FL_E_LIMIT;
  if (fl_writer_room(buf, 1 + (after != 0)) == NULL) return FL_E_LIMIT;
  to = buf->data + buf->size;
  *to++ = '"';
  buf->size++;
  if (after == 0) return 0;
  *to = after;
  buf->size++;
  return 0;
}

int fl_json_write_string(struct fl_buf *buf, fl_slice text) {
  size_t before = buf->size;
  FL_BUF_AUTO repaired = {.limit = SIZE_MAX / 2};
  if (text.size == 0) text.data = "";
  if (fl_utf8_valid_size(text.data, text.size) < text.size) {
    fl_utf8_repair(&repaired, text);
    text = fl_buf_slice(&repaired);
  }
  int rc = fl_writer_string(buf, text, 0);
  if (rc < 0) buf->size = before;
  if (buf->data != NULL) buf->data[buf->size] = '\0';
  return rc;
}

/* Digits from the right, two at a time; returns where they start. */
static char *digits_before(char *end, uint64_t number) {
  static const char pairs[] =
      "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
      "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
  for (; number >= 100; number /= 100) memcpy(end -= 2, pairs + number % 100 * 2, 2);
  if (number >= 10) return memcpy(end - 2, pairs + number * 2, 2);
  *--end = (char)('0' + number);
  return end;
}

static int write_integer(struct fl_buf *buf, int64_t number) {
  char text[20];
  char *start = digits_before(text + sizeof text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
  if (number < 0) *--start = '-';
  size_t size = (size_t)(text + sizeof text - start);
  char *to = fl_writer_room(buf, size);
  if (to == NULL) return FL_E_LIMIT;
  memcpy(to, start, size);
  buf->size += size;
  return 0;
}

/* A double must read back as a double where types matter: then a whole one gets ".0", and negative zero its sign. */
static int write_double(struct fl_buf *buf, double number, bool keeps_type) {
  char text[32];
  size_t size = fl_json_format_double(number, text);
  if (keeps_type && number == 0 && signbit(number)) size = (size_t)(stpcpy(text, "-0") - text);
  if (keeps_type && memchr(text, '.', size) == NULL && memchr(text, 'e', size) == NULL)
    size = (size_t)(stpcpy(text + size, ".0") - text);
  char *to = fl_writer_room(buf, size);
  if (to == NULL) return FL_E_LIMIT;
  memcpy(to, text, size);
  buf->size += size;
  return 0;
}

int fl_writer_number(struct fl_writer *writer, const struct fl_value *number) {
  const int64_t safe = INT64_C(1) << 53;
  double real = fl_as_double(number, 0);
  int64_t integer = fl_as_int(number, 0);
  if (fl_is(number, FL_INT)) {
    bool is_safe = integer >= -safe && integer <= safe;
    return is_safe || writer->style != FL_JSON_CANONICAL ? write_integer(writer->buf, integer) : FL_E_LIMIT;
  }
  if (writer->style == FL_JSON_HASHED && (integer != 0 || real == 0)) return write_integer(writer->buf, integer);
  return write_double(writer->buf, real, writer->style < FL_JSON_CANONICAL);
}
