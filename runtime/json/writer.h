/* SPDX-License-Identifier: MIT */
/* What the parts of the writer share. For files of runtime/json alone. */
#pragma once
#include "runtime/json/raw.h"

/* A fourth style beside enum fl_json_style: keys sorted, and numbers that are equal written alike whatever their type.
 * */
enum { FL_JSON_HASHED = 3 };

struct fl_writer {
  struct fl_buf *buf;
  int style;
  size_t depth;
  size_t depth_max;
};

/* Where `size` more bytes may be written, or NULL at the buffer's limit. The caller adds to buf->size. */
static inline char *fl_writer_room(struct fl_buf *buf, size_t size) {
  if (buf->capacity <= size || buf->capacity - size <= buf->size) /* one byte stays for the terminator */
    if (fl_buf_reserve(buf, size) < 0) return NULL;
  return buf->data + buf->size;
}

static inline int fl_writer_char(struct fl_buf *buf, char c) {
  char *to = fl_writer_room(buf, 1);
  if (to == NULL) return FL_E_LIMIT;
  *to = c;
  buf->size++;
  return 0;
}

/* Appends `text`, which is UTF-8, in quotes and with escapes, and then `after` unless that is 0. */
int fl_writer_string(struct fl_buf *buf, fl_slice text, char after);

/* Appends a number as the style wants it. */
int fl_writer_number(struct fl_writer *writer, const struct fl_value *number);

/* The members in the order of the UTF-16 code units of their keys (RFC 8785, 3.2.3); the caller frees the array. */
struct fl_member *fl_members_sorted(const struct fl_value *object);
