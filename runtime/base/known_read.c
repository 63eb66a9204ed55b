/* SPDX-License-Identifier: MIT */
/* Readings of a text side by side: each undoes one or two encodings and passes what comes out to the automaton. */
#include "runtime/base/known_impl.h"
#include "runtime/base/mem.h"

#include <string.h>

enum { BREAKS_MAX = 2 }; /* characters of one line break; more of them end a value */

/* ---- findings ---- */

static bool leads(const struct fl_known_span *a, const struct fl_known_span *b) {
  if (a->start != b->start) return a->start < b->start;
  if (a->lead_end != b->lead_end) return a->lead_end > b->lead_end;
  return a->secret < b->secret;
}

static struct fl_known_span merged(const struct fl_known_span *a, const struct fl_known_span *b) {
  struct fl_known_span both = leads(a, b) ? *a : *b;
  both.end = a->end > b->end ? a->end : b->end;
  return both;
}

/* They come nearly in order: readings that hold something back are a few bytes late. */
static void add_span(struct fl_known_scan *scan, struct fl_known_span span) {
  size_t at = scan->span_count, end = at;
  while (at > 0 && scan->spans[at - 1].start > span.start) at--;
  if (at > 0 && scan->spans[at - 1].end > span.start) at--;
  for (end = at; end < scan->span_count && scan->spans[end].start < span.end; end++)
    span = merged(&span, &scan->spans[end]);
  if (end == at && scan->span_count == scan->span_capacity) {
    scan->span_capacity = 2 * scan->span_capacity + 8;
    scan->spans = fl_realloc(scan->spans, scan->span_capacity * sizeof span);
  }
  memmove(scan->spans + at + 1, scan->spans + end, (scan->span_count - end) * sizeof span);
  scan->spans[at] = span;
  scan->span_count = scan->span_count - (end - at) + 1;
}

static uint64_t place_before(const struct fl_known_scan *scan, const struct fl_known_reading *reading, size_t count) {
  uint64_t index = reading->count - count;
  return reading->places != NULL ? reading->places[index & scan->mask] : index;
}

static void pass(struct fl_known_scan *scan, struct fl_known_reading *reading, const struct fl_known_byte *byte) {
  if (reading->places != NULL) reading->places[reading->count & scan->mask] = byte->start;
  reading->count++;
  reading->state = fl_known_step(scan->set, reading->state, byte->byte);
  const struct fl_known_node *node = &scan->set->nodes[reading->state];
  if (node->size == 0) return;
  add_span(scan, (struct fl_known_span){.start = place_before(scan, reading, node->size),
                                        .end = byte->end,
                                        .lead_end = byte->end,
                                        .secret = node->secret});
}

/* ---- escapes ---- */

static int digit_of(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What an escape stands for, up to four bytes; NONE: it is no escape; MORE: it may become one. */
enum { NONE = -1, MORE = 0 };

static int read_percent(const struct fl_known_lexer *lexer, uint8_t out[4]) {
  if (lexer->count > 1 && digit_of(lexer->held[lexer->count - 1].byte) < 0) return NONE;
  if (lexer->count < 3) return MORE;
  out[0] = (uint8_t)(digit_of(lexer->held[1].byte) << 4 | digit_of(lexer->held[2].byte));
  return 1;
}

static int encode_rune(uint32_t rune, uint8_t out[4]) {
  if (rune < 0x80) {
    out[0] = (uint8_t)rune;
    return 1;
  }
  int size = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
  for (int i = size - 1; i > 0; i--, rune >>= 6) out[i] = (uint8_t)(0x80 | (rune & 63));
  out[0] = (uint8_t)((size == 2 ? 0xc0 : size == 3 ? 0xe0 : 0xf0) | rune);
  return size;
}

static uint32_t unit_at(const struct fl_known_lexer *lexer, unsigned at) {
  uint32_t unit = 0;
  for (unsigned i = 0; i < 4; i++) unit = unit << 4 | (uint32_t)digit_of(lexer->held[at + i].byte);
  return unit;
}

/* \uXXXX, and two of them for what lies beyond the basic plane. */
static int read_unicode(const struct fl_known_lexer *lexer, uint8_t out[4]) {
  unsigned last = lexer->count - 1, in_unit = last % 6;
  uint8_t byte = lexer->held[last].byte;
  bool fits = in_unit == 0 ? byte == '\\' : in_unit == 1 ? byte == 'u' : digit_of(byte) >= 0;
  if (!fits) return NONE;
  if (in_unit != 5) return MORE;
  uint32_t high = unit_at(lexer, 2), low = last == 11 ? unit_at(lexer, 8) : 0;
  bool is_high = high >= 0xd800 && high < 0xdc00;
  if (last == 5) return is_high ? MORE : high >= 0xdc00 && high < 0xe000 ? NONE : encode_rune(high, out);
  if (low < 0xdc00 || low >= 0xe000) return NONE;
  return encode_rune(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), out);
}

static int read_json(const struct fl_known_lexer *lexer, uint8_t out[4]) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (lexer->count == 1) return MORE;
  if (lexer->held[1].byte == 'u') return lexer->count == 2 ? MORE : read_unicode(lexer, out);
  const char *place = memchr(from, lexer->held[1].byte, sizeof from - 1);
  if (place == NULL) return NONE;
  out[0] = (uint8_t)to[place - from];
  return 1;
}

static int read_escape(const struct fl_known_lexer *lexer, uint8_t out[4]) {
  return lexer->kind == FL_KNOWN_JSON ? read_json(lexer, out) : read_percent(lexer, out);
}

/* ---- from lexer to lexer ---- */

static void take(struct fl_known_scan *scan, struct fl_known_reading *reading, unsigned level,
                 struct fl_known_byte byte);

/* What was held is no escape: its first byte stands for itself, and the others are looked at again. */
static void let_go(struct fl_known_scan *scan, struct fl_known_reading *reading, unsigned level) {
  struct fl_known_lexer *lexer = &reading->lexers[level];
  struct fl_known_byte held[FL_KNOWN_ESCAPE_MAX];
  unsigned count = lexer->count;
  memcpy(held, lexer->held, count * sizeof *held);
  lexer->count = 0;
  take(scan, reading, level + 1, held[0]);
  for (unsigned i = 1; i < count; i++) take(scan, reading, level, held[i]);
}

static void take_escape(struct fl_known_scan *scan, struct fl_known_reading *reading, unsigned level,
                        struct fl_known_byte byte) {
  struct fl_known_lexer *lexer = &reading->lexers[level];
  uint8_t out[4];
  lexer->held[lexer->count++] = byte;
  int size = read_escape(lexer, out);
  if (size == NONE) let_go(scan, reading, level);
  if (size <= 0) return;
  uint64_t start = lexer->held[0].start;
  lexer->count = 0;
  for (int i = 0; i < size; i++)
    take(scan, reading, level + 1, (struct fl_known_byte){.start = start, .end = byte.end, .byte = out[i]});
}

static void take_unwrapping(struct fl_known_scan *scan, struct fl_known_reading *reading, unsigned level,
                            struct fl_known_byte byte) {
  struct fl_known_lexer *lexer = &reading->lexers[level];
  bool is_break = byte.byte == '\n' || byte.byte == '\r';
  lexer->breaks = is_break ? lexer->breaks + (lexer->breaks <= BREAKS_MAX) : 0;
  if (!is_break || lexer->breaks > BREAKS_MAX) take(scan, reading, level + 1, byte);
}

static void take(struct fl_known_scan *scan, struct fl_known_reading *reading, unsigned level,
                 struct fl_known_byte byte) {
  if (level == reading->lexer_count) {
    pass(scan, reading, &byte);
    return;
  }
  struct fl_known_lexer *lexer = &reading->lexers[level];
  if (lexer->kind == FL_KNOWN_UNWRAP) {
    take_unwrapping(scan, reading, level, byte);
    return;
  }
  if (lexer->kind == FL_KNOWN_FORM && lexer->count == 0 && byte.byte == '+') byte.byte = ' ';
  bool begins = byte.byte == (lexer->kind == FL_KNOWN_JSON ? '\\' : '%');
  if (lexer->count > 0 || begins) take_escape(scan, reading, level, byte);
  else take(scan, reading, level + 1, byte);
}

/* ---- the scan ---- */

/* U, P, F, J: without line breaks, percent-encoding, forms and JSON's escapes undone, one after the other. */
static void add_reading(struct fl_known_scan *scan, const char *undone) {
  struct fl_known_reading *reading = &scan->readings[scan->reading_count++];
  for (; *undone != '\0'; undone++)
    reading->lexers[reading->lexer_count++].kind = *undone == 'U'   ? FL_KNOWN_UNWRAP
                                                   : *undone == 'P' ? FL_KNOWN_PERCENT
                                                   : *undone == 'F' ? FL_KNOWN_FORM
                                                                    : FL_KNOWN_JSON;
  if (reading->lexer_count > 0) reading->places = fl_new_array(uint64_t, scan->mask + 1);
}

/* A result may be JSON in a text of a JSON text, and hold JSON itself. */
void fl_known_scan_init(struct fl_known_scan *scan, const struct fl_known_set *set, struct fl_known_signs signs) {
  static const char *const of_escapes[] = {"J", "JU", "JP", "JJ", "JJU", "JJJ"};
  memset(scan, 0, sizeof *scan);
  scan->set = set;
  scan->rests = true;
  scan->mask = 15;
  while (scan->mask < set->longest) scan->mask = 2 * scan->mask + 1;
  add_reading(scan, "");
  if (signs.has_break) add_reading(scan, "U");
  if (signs.has_percent) add_reading(scan, "P");
  if (signs.has_percent) add_reading(scan, "PP");
  if (set->has_blank && (signs.has_percent || signs.has_plus)) add_reading(scan, "F");
  for (size_t i = 0; signs.has_backslash && i < sizeof of_escapes / sizeof *of_escapes; i++)
    add_reading(scan, of_escapes[i]);
}

void fl_known_scan_deinit(struct fl_known_scan *scan) {
  for (size_t i = 0; i < scan->reading_count; i++) fl_free(scan->readings[i].places);
  fl_free(scan->spans);
  memset(scan, 0, sizeof *scan);
}

static bool is_resting(const struct fl_known_reading *reading) {
  bool rests = reading->state == 0;
  for (unsigned i = 0; i < reading->lexer_count; i++)
    rests = rests && reading->lexers[i].count == 0 && reading->lexers[i].breaks == 0;
  return rests;
}

static bool is_sign(uint8_t byte) { return byte == '%' || byte == '\\' || byte == '\n' || byte == '\r' || byte == '+'; }

static void read_byte(struct fl_known_scan *scan, uint8_t byte, bool begins) {
  const struct fl_known_byte here = {.start = scan->at, .end = scan->at + 1, .byte = byte};
  scan->readings[0].count = scan->at; /* it has no places of its own */
  scan->rests = true;
  for (size_t i = 0; i < scan->reading_count; i++) {
    struct fl_known_reading *reading = &scan->readings[i];
    if (!begins && is_resting(reading)) continue;
    take(scan, reading, 0, here);
    scan->rests = scan->rests && is_resting(reading);
  }
}

/* Most bytes begin no value and are no sign, and then there is nothing to do for them. */
void fl_known_scan_feed(struct fl_known_scan *scan, fl_slice bytes) {
  const struct fl_known_set *set = scan->set;
  bool has_signs = scan->reading_count > 1;
  for (size_t i = 0; i < bytes.size; i++, scan->at++) {
    uint8_t byte = (uint8_t)bytes.data[i];
    bool begins = set->first[byte] != 0 || (has_signs && is_sign(byte));
    if (begins || !scan->rests) read_byte(scan, byte, begins);
  }
}

void fl_known_scan_end(struct fl_known_scan *scan) {
  for (size_t i = 0; i < scan->reading_count; i++)
    for (unsigned level = 0; level < scan->readings[i].lexer_count; level++)
      while (scan->readings[i].lexers[level].count > 0) let_go(scan, &scan->readings[i], level);
}

static uint64_t settled_of(const struct fl_known_scan *scan, const struct fl_known_reading *reading) {
  if (reading->state != 0) return place_before(scan, reading, scan->set->nodes[reading->state].depth);
  for (unsigned level = reading->lexer_count; level-- > 0;)
    if (reading->lexers[level].count > 0) return reading->lexers[level].held[0].start;
  return scan->at;
}

uint64_t fl_known_scan_settled(const struct fl_known_scan *scan) {
  uint64_t settled = scan->at;
  for (size_t i = 0; i < scan->reading_count; i++) {
    uint64_t one = settled_of(scan, &scan->readings[i]);
    if (one < settled) settled = one;
  }
  return settled;
}
