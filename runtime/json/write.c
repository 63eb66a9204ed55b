/* SPDX-License-Identifier: MIT */
/* The writer: one pass over a value, straight into the buffer. A failure leaves the buffer as it was. Recursive, of
 * bounded depth. In the styles compact and pretty a double stays a double for the next reader ("1.0"); canonical text
 * follows ECMAScript ("1"). */
#include "runtime/json/writer.h"

#include "runtime/base/id.h"

static int write_value(struct fl_writer *writer, const struct fl_value *value);

static int write_text(struct fl_buf *buf, fl_slice text) {
  char *to = fl_writer_room(buf, text.size);
  if (to == NULL) return FL_E_LIMIT;
  memcpy(to, text.data, text.size);
  buf->size += text.size;
  return 0;
}

/* What stands before each element and before the closing bracket of a container that is not empty. */
static int write_break(struct fl_writer *writer) {
  if (writer->style != FL_JSON_PRETTY) return 0;
  size_t size = 1 + 2 * writer->depth;
  char *to = fl_writer_room(writer->buf, size);
  if (to == NULL) return FL_E_LIMIT;
  memset(to, ' ', size);
  to[0] = '\n';
  writer->buf->size += size;
  return 0;
}

static int open_container(struct fl_writer *writer, char bracket) {
  if (writer->depth == writer->depth_max) return FL_E_LIMIT;
  writer->depth++;
  return fl_writer_char(writer->buf, bracket);
}

static int close_container(struct fl_writer *writer, char bracket, bool is_empty) {
  writer->depth--;
  if (!is_empty && write_break(writer) < 0) return FL_E_LIMIT;
  return fl_writer_char(writer->buf, bracket);
}

static int write_array(struct fl_writer *writer, const struct fl_value *array) {
  size_t count = json_array_size(fl_raw(array));
  if (open_container(writer, '[') < 0) return FL_E_LIMIT;
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && fl_writer_char(writer->buf, ',') < 0) return FL_E_LIMIT;
    if (write_break(writer) < 0) return FL_E_LIMIT;
    if (write_value(writer, fl_at(array, i)) < 0) return FL_E_LIMIT;
  }
  return close_container(writer, ']', count == 0);
}

static int write_member(struct fl_writer *writer, const struct fl_member *member, bool is_first) {
  if (!is_first && fl_writer_char(writer->buf, ',') < 0) return FL_E_LIMIT;
  if (write_break(writer) < 0) return FL_E_LIMIT;
  if (fl_writer_string(writer->buf, fl_slice_n(member->key, member->key_size), ':') < 0) return FL_E_LIMIT;
  if (writer->style == FL_JSON_PRETTY && fl_writer_char(writer->buf, ' ') < 0) return FL_E_LIMIT;
  return write_value(writer, member->value);
}

static int write_sorted(struct fl_writer *writer, const struct fl_value *object) {
  FL_FREE_AUTO struct fl_member *members = fl_members_sorted(object);
  size_t count = fl_size(object);
  for (size_t i = 0; i < count; i++)
    if (write_member(writer, &members[i], i == 0) < 0) return FL_E_LIMIT;
  return 0;
}

static int write_in_order(struct fl_writer *writer, const struct fl_value *object) {
  struct fl_member member = {0};
  while (true) {
    bool is_first = member.cursor == NULL;
    if (!fl_next_member(object, &member)) return 0;
    if (write_member(writer, &member, is_first) < 0) return FL_E_LIMIT;
  }
}

static int write_object(struct fl_writer *writer, const struct fl_value *object) {
  if (open_container(writer, '{') < 0) return FL_E_LIMIT;
  int rc = writer->style >= FL_JSON_CANONICAL ? write_sorted(writer, object) : write_in_order(writer, object);
  return rc < 0 ? rc : close_container(writer, '}', fl_size(object) == 0);
}

static int write_value(struct fl_writer *writer, const struct fl_value *value) {
  switch (fl_type_of(value)) {
  case FL_OBJECT: return write_object(writer, value);
  case FL_ARRAY: return write_array(writer, value);
  case FL_STRING: return fl_writer_string(writer->buf, fl_slice_n(fl_as_string(value), fl_string_size(value)), 0);
  case FL_INT:
  case FL_DOUBLE: return fl_writer_number(writer, value);
  case FL_BOOL: return write_text(writer->buf, fl_as_bool(value, false) ? FL_SLICE("true") : FL_SLICE("false"));
  case FL_NULL: break;
  }
  return write_text(writer->buf, FL_SLICE("null"));
}

int fl_json_write(struct fl_buf *buf, const struct fl_value *value, enum fl_json_style style) {
  struct fl_writer writer = {.buf = buf, .style = (int)style, .depth_max = FL_JSON_DEPTH_FULL};
  size_t before = buf->size;
  int rc = write_value(&writer, value);
  if (rc < 0) buf->size = before;
  if (buf->data != NULL) buf->data[buf->size] = '\0';
  return rc;
}

void fl_json_hash(const struct fl_value *value, uint8_t ret_hash[32]) {
  FL_BUF_AUTO text = {.limit = SIZE_MAX / 2};
  struct fl_writer writer = {.buf = &text, .style = FL_JSON_HASHED, .depth_max = SIZE_MAX};
  write_value(&writer, value);
  fl_hash_bytes(fl_buf_slice(&text), ret_hash);
}

char *fl_dump(const struct fl_value *value, size_t *ret_size) {
  FL_BUF_AUTO text = {.limit = SIZE_MAX / 2};
  if (fl_json_write(&text, value, FL_JSON_COMPACT) < 0) return NULL;
  return fl_buf_take(&text, ret_size);
}

void fl_text_free(char *text) { fl_free(text); }
