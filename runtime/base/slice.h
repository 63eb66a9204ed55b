/* SPDX-License-Identifier: MIT */
/* A slice lends bytes that somebody else owns; it need not be terminated. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
  const char *data;
  size_t size;
} fl_slice;

#define FL_SLICE(literal) ((fl_slice){(literal), sizeof(literal) - 1})

static inline fl_slice fl_slice_of(const char *text) { return (fl_slice){text, text != NULL ? strlen(text) : 0}; }
static inline fl_slice fl_slice_n(const char *data, size_t size) { return (fl_slice){data, size}; }
static inline bool fl_slice_equal(fl_slice a, fl_slice b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
static inline bool fl_slice_starts(fl_slice text, fl_slice prefix) {
  return text.size >= prefix.size && (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
}
