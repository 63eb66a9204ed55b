/* SPDX-License-Identifier: MIT */
/* The parts of known.h, for its files alone: the automaton (known_set.c), readings of a text (known_read.c). */
#pragma once
#include "runtime/base/known.h"
#include "runtime/base/secret.h"

#include <stdint.h>

/* ---- the automaton; immutable, counted: a stream goes on with the one it began with ---- */

/* Node 0 is the root, and no node's child. */
struct fl_known_node {
  uint32_t fail, child, sibling;
  uint16_t depth, size, secret; /* size: of the longest spelling that ends here, 0: none does; secret: whose */
  uint8_t byte;
};

struct fl_known_set {
  int ref_count;
  char **names;
  size_t count, node_count;
  size_t longest; /* of all spellings */
  bool has_blank, has_digits;
  uint32_t first[256];         /* the root's children */
  struct fl_known_node *nodes; /* locked memory */
};

struct fl_known_set *fl_known_set_create(const char *const *names, const struct fl_secret *values, size_t count);
void fl_known_set_unref(struct fl_known_set *set); /* NULL allowed */

static inline uint32_t fl_known_child(const struct fl_known_set *set, uint32_t node, uint8_t byte) {
  if (node == 0) return set->first[byte];
  uint32_t child = set->nodes[node].child;
  while (child != 0 && set->nodes[child].byte != byte) child = set->nodes[child].sibling;
  return child;
}

static inline uint32_t fl_known_step(const struct fl_known_set *set, uint32_t state, uint8_t byte) {
  for (;;) {
    uint32_t next = fl_known_child(set, state, byte);
    if (next != 0 || state == 0) return next;
    state = set->nodes[state].fail;
  }
}

/* ---- readings ---- */

/* A byte and the place in the text where it is spelled. */
struct fl_known_byte {
  uint64_t start, end;
  uint8_t byte;
};

enum fl_known_lexer_kind { FL_KNOWN_UNWRAP, FL_KNOWN_PERCENT, FL_KNOWN_FORM, FL_KNOWN_JSON };
enum { FL_KNOWN_ESCAPE_MAX = 12, FL_KNOWN_LEXERS_MAX = 3, FL_KNOWN_READINGS_MAX = 11 };

struct fl_known_lexer {
  enum fl_known_lexer_kind kind;
  unsigned count, breaks;
  struct fl_known_byte held[FL_KNOWN_ESCAPE_MAX]; /* what may become an escape */
};

struct fl_known_reading {
  struct fl_known_lexer lexers[FL_KNOWN_LEXERS_MAX]; /* one behind the other */
  unsigned lexer_count;
  uint32_t state;
  uint64_t count;   /* of bytes that came out */
  uint64_t *places; /* a ring: where the last of them start; NULL without lexers */
};

/* Bytes that a value takes. */
struct fl_known_span {
  uint64_t start, end, lead_end; /* lead: the finding at the front, which gives its name */
  uint16_t secret;
};

struct fl_known_scan {
  const struct fl_known_set *set;
  uint64_t at; /* bytes read */
  bool rests;  /* no reading is inside anything */
  size_t mask; /* of the rings */
  struct fl_known_reading readings[FL_KNOWN_READINGS_MAX];
  size_t reading_count;
  struct fl_known_span *spans; /* in order, apart from each other */
  size_t span_count, span_capacity;
};

/* Which characters a text has that another reading than the plain one is for; all of them: of a stream. */
struct fl_known_signs {
  bool has_break, has_percent, has_plus, has_backslash;
};

void fl_known_scan_init(struct fl_known_scan *scan, const struct fl_known_set *set, struct fl_known_signs signs);
void fl_known_scan_deinit(struct fl_known_scan *scan);
void fl_known_scan_feed(struct fl_known_scan *scan, fl_slice bytes);
void fl_known_scan_end(struct fl_known_scan *scan);               /* what looked like an escape was none */
uint64_t fl_known_scan_settled(const struct fl_known_scan *scan); /* no finding to come begins before this */
