/* SPDX-License-Identifier: MIT */
/* A growing byte buffer with a limit. Appending past the limit fails with FL_E_LIMIT and changes nothing; `failed` then
 * stays set, so that a chain of appends is checked once at the end. data[size] is always 0 once something was appended.
 */
#pragma once
#include "runtime/base/slice.h"

#include <stdarg.h>
#include <stdint.h>

enum { FL_BUF_LIMIT_DEFAULT = 64 * 1024 * 1024 };

struct fl_buf {
  char *data;
  size_t size;
  size_t capacity;
  size_t limit; /* bytes; 0 means FL_BUF_LIMIT_DEFAULT */
  bool failed;
};

void fl_buf_init(struct fl_buf *buf, size_t limit);
void fl_buf_deinit(struct fl_buf *buf); /* repeatable; a zeroed buffer is valid too */
void fl_buf_clear(struct fl_buf *buf);  /* keeps the memory */
int fl_buf_reserve(struct fl_buf *buf, size_t more);
int fl_buf_add(struct fl_buf *buf, const void *data, size_t size);
int fl_buf_add_text(struct fl_buf *buf, const char *text);
int fl_buf_add_char(struct fl_buf *buf, char c);
int fl_buf_addf(struct fl_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fl_buf_vaddf(struct fl_buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
void fl_buf_consume(struct fl_buf *buf, size_t size);    /* drops bytes at the front */
char *fl_buf_take(struct fl_buf *buf, size_t *ret_size); /* the caller owns the terminated text; the buffer is empty */
static inline fl_slice fl_buf_slice(const struct fl_buf *buf) { return (fl_slice){buf->data, buf->size}; }
#define FL_BUF_AUTO __attribute__((cleanup(fl_buf_deinit))) struct fl_buf
