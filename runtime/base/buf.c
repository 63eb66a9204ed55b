/* SPDX-License-Identifier: MIT */
#include "runtime/base/buf.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <fairlead/error.h>
#include <stdio.h>

void fl_buf_init(struct fl_buf *buf, size_t limit) { *buf = (struct fl_buf){.limit = limit}; }

void fl_buf_deinit(struct fl_buf *buf) {
  fl_free(buf->data);
  fl_buf_init(buf, buf->limit);
}

void fl_buf_clear(struct fl_buf *buf) {
  buf->size = 0;
  buf->failed = false;
  if (buf->data != NULL) buf->data[0] = '\0';
}

int fl_buf_reserve(struct fl_buf *buf, size_t more) {
  size_t limit = buf->limit > 0 ? buf->limit : FL_BUF_LIMIT_DEFAULT;
  if (more > limit || buf->size > limit - more) {
    buf->failed = true;
    return FL_E_LIMIT;
  }
  size_t needed = buf->size + more + 1;
  if (needed <= buf->capacity) return 0;
  size_t capacity = buf->capacity > 0 ? buf->capacity * 2 : 64;
  if (capacity < needed) capacity = needed + needed / 16; /* something mostly follows, if only a bracket */
  if (capacity > limit + 1) capacity = limit + 1;
  buf->data = fl_realloc(buf->data, capacity);
  buf->capacity = capacity;
  return 0;
}

/* What most appends find: room in the memory that is there. */
static inline bool has_room(const struct fl_buf *buf, size_t more) {
  bool fits = more < buf->capacity - buf->size;
  return fits && (buf->limit == 0 || buf->size + more <= buf->limit);
}

int fl_buf_add(struct fl_buf *buf, const void *data, size_t size) {
  int rc = has_room(buf, size) ? 0 : fl_buf_reserve(buf, size);
  if (rc < 0) return rc;
  if (size > 0) memcpy(buf->data + buf->size, data, size);
  buf->size += size;
  buf->data[buf->size] = '\0';
  return 0;
}

int fl_buf_add_text(struct fl_buf *buf, const char *text) { return fl_buf_add(buf, text, strlen(text)); }

int fl_buf_add_char(struct fl_buf *buf, char c) {
  int rc = has_room(buf, 1) ? 0 : fl_buf_reserve(buf, 1);
  if (rc < 0) return rc;
  buf->data[buf->size++] = c;
  buf->data[buf->size] = '\0';
  return 0;
}

int fl_buf_vaddf(struct fl_buf *buf, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int size = vsnprintf(NULL, 0, format, again);
  va_end(again);
  fl_check(size >= 0);
  int rc = fl_buf_reserve(buf, (size_t)size);
  if (rc < 0) return rc;
  vsnprintf(buf->data + buf->size, (size_t)size + 1, format, args);
  buf->size += (size_t)size;
  return 0;
}

int fl_buf_addf(struct fl_buf *buf, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int rc = fl_buf_vaddf(buf, format, args);
  va_end(args);
  return rc;
}

void fl_buf_consume(struct fl_buf *buf, size_t size) {
  fl_check(size <= buf->size);
  if (size == 0) return;
  memmove(buf->data, buf->data + size, buf->size - size);
  buf->size -= size;
  buf->data[buf->size] = '\0';
}

char *fl_buf_take(struct fl_buf *buf, size_t *ret_size) {
  char *text = buf->data != NULL ? buf->data : fl_strdup("");
  if (ret_size != NULL) *ret_size = buf->size;
  fl_buf_init(buf, buf->limit);
  return text;
}
