/* SPDX-License-Identifier: MIT */
#include "runtime/wire/sse.h"

static const char byte_order_mark[3] = {'\xEF', '\xBB', '\xBF'};
enum { MARK_DONE = 4 };

void fl_sse_init(struct fl_sse *sse, size_t line_limit, size_t event_limit) {
  *sse = (struct fl_sse){.retry_ms = -1};
  sse->line_limit = line_limit > 0 ? line_limit : FL_SSE_LINE_SIZE_MAX;
  sse->event_limit = event_limit > 0 ? event_limit : FL_SSE_EVENT_SIZE_MAX;
  fl_buf_init(&sse->line, sse->line_limit);
  fl_buf_init(&sse->data, sse->event_limit + 1); /* one more: every data line adds an LF, the last is taken off */
  fl_buf_init(&sse->type, FL_SSE_FIELD_SIZE_MAX);
  fl_buf_init(&sse->id, FL_SSE_FIELD_SIZE_MAX);
}

void fl_sse_deinit(struct fl_sse *sse) {
  fl_buf_deinit(&sse->line);
  fl_buf_deinit(&sse->data);
  fl_buf_deinit(&sse->type);
  fl_buf_deinit(&sse->id);
}

/* A buffer that never held anything has no memory; readers want a terminated text all the same. */
static fl_slice text_of(const struct fl_buf *buf) { return buf->size > 0 ? fl_buf_slice(buf) : FL_SLICE(""); }

static int dispatch(struct fl_sse *sse, fl_sse_fn *on_event, void *user) {
  int rc = 0;
  if (sse->has_data) {
    struct fl_sse_event event = {.type = sse->type.size > 0 ? text_of(&sse->type) : FL_SLICE("message"),
                                 .id = text_of(&sse->id)};
    event.data = fl_slice_n(sse->data.data, sse->data.size - 1);
    rc = on_event(&event, user);
  }
  fl_buf_clear(&sse->data);
  fl_buf_clear(&sse->type);
  sse->has_data = false;
  return rc;
}

static void read_retry(struct fl_sse *sse, fl_slice value) {
  int64_t ms = 0;
  for (size_t i = 0; i < value.size; i++) {
    if (value.data[i] < '0' || value.data[i] > '9') return;
    ms = ms * 10 + (value.data[i] - '0');
    if (ms > INT32_MAX) ms = INT32_MAX;
  }
  if (value.size > 0) sse->retry_ms = ms;
}

static int replace(struct fl_buf *buf, fl_slice value) {
  fl_buf_clear(buf);
  return fl_buf_add(buf, value.data, value.size);
}

static int read_field(struct fl_sse *sse, fl_slice name, fl_slice value) {
  if (fl_slice_equal(name, FL_SLICE("data"))) {
    sse->has_data = true;
    int rc = fl_buf_add(&sse->data, value.data, value.size);
    return rc < 0 ? rc : fl_buf_add_char(&sse->data, '\n');
  }
  if (fl_slice_equal(name, FL_SLICE("event"))) return replace(&sse->type, value);
  if (fl_slice_equal(name, FL_SLICE("retry"))) read_retry(sse, value);
  if (fl_slice_equal(name, FL_SLICE("id")) && (value.size == 0 || memchr(value.data, '\0', value.size) == NULL))
    return replace(&sse->id, value);
  return 0;
}

/* The name of a field, and what comes behind the colon and one space. */
static fl_slice split_field(fl_slice line, fl_slice *ret_value) {
  const char *colon = memchr(line.data, ':', line.size);
  *ret_value = FL_SLICE("");
  if (colon == NULL) return line;
  size_t name_size = (size_t)(colon - line.data);
  fl_slice value = fl_slice_n(colon + 1, line.size - name_size - 1);
  if (value.size > 0 && value.data[0] == ' ') value = fl_slice_n(value.data + 1, value.size - 1);
  *ret_value = value;
  return fl_slice_n(line.data, name_size);
}

static int read_line(struct fl_sse *sse, fl_slice line, fl_sse_fn *on_event, void *user) {
  if (line.size == 0) return dispatch(sse, on_event, user);
  fl_slice value, name = split_field(line, &value);
  return name.size > 0 ? read_field(sse, name, value) : 0; /* without a name it is a comment */
}

/* The held line is data and longer than the data before it: it becomes the data, and what was there moves in front of
 * it, so that a long line is not there twice. */
static int keep_long_data(struct fl_sse *sse, size_t prefix) {
  size_t before = sse->data.size, size = sse->line.size - prefix;
  if (before + size > sse->event_limit) return FL_E_LIMIT;
  struct fl_buf old = sse->data;
  sse->data = sse->line;
  sse->data.limit = sse->event_limit + sizeof "data: ";
  sse->line = old;
  sse->line.limit = sse->line_limit;
  int rc = before > prefix ? fl_buf_reserve(&sse->data, before - prefix) : 0;
  if (rc < 0) return rc;
  memmove(sse->data.data + before, sse->data.data + prefix, size);
  if (before > 0) memcpy(sse->data.data, sse->line.data, before);
  sse->data.size = before + size;
  sse->data.limit = sse->event_limit + 1;
  sse->has_data = true;
  return fl_buf_add_char(&sse->data, '\n');
}

static int read_held_line(struct fl_sse *sse, fl_sse_fn *on_event, void *user) {
  fl_slice value, name = split_field(fl_buf_slice(&sse->line), &value);
  bool is_long = fl_slice_equal(name, FL_SLICE("data")) && value.size > sse->data.size;
  int rc = is_long ? keep_long_data(sse, sse->line.size - value.size)
                   : read_line(sse, fl_buf_slice(&sse->line), on_event, user);
  fl_buf_clear(&sse->line);
  return rc;
}

/* The end of a line: what was held and `piece` are the line. */
static int finish_line(struct fl_sse *sse, fl_slice piece, fl_sse_fn *on_event, void *user) {
  if (sse->line.size == 0 && piece.size <= sse->line_limit) return read_line(sse, piece, on_event, user);
  int rc = fl_buf_add(&sse->line, piece.data, piece.size);
  if (rc < 0) return rc;
  return read_held_line(sse, on_event, user);
}

/* Takes the byte order mark off the front of the stream. Bytes that only began like one go to the first line. */
static int skip_mark(struct fl_sse *sse, fl_slice *bytes) {
  while (sse->mark_size < sizeof byte_order_mark && bytes->size > 0 &&
         bytes->data[0] == byte_order_mark[sse->mark_size]) {
    sse->mark_size++;
    *bytes = fl_slice_n(bytes->data + 1, bytes->size - 1);
  }
  bool is_whole = sse->mark_size == sizeof byte_order_mark;
  if (!is_whole && bytes->size == 0) return 0;
  int rc = is_whole ? 0 : fl_buf_add(&sse->line, byte_order_mark, sse->mark_size);
  sse->mark_size = MARK_DONE;
  return rc;
}

/* One pass, so that a stream of bare CRs costs no more than any other. */
static size_t find_line_end(fl_slice bytes) {
  size_t size = 0;
  while (size < bytes.size && bytes.data[size] != '\n' && bytes.data[size] != '\r') size++;
  return size;
}

static int feed(struct fl_sse *sse, fl_slice bytes, fl_sse_fn *on_event, void *user) {
  int rc = sse->mark_size < MARK_DONE ? skip_mark(sse, &bytes) : 0;
  while (rc == 0 && bytes.size > 0) {
    if (sse->is_after_cr) { /* an LF here is the second half of CRLF */
      sse->is_after_cr = false;
      if (bytes.data[0] == '\n') bytes = fl_slice_n(bytes.data + 1, bytes.size - 1);
      continue;
    }
    size_t size = find_line_end(bytes);
    if (size == bytes.size) return fl_buf_add(&sse->line, bytes.data, size);
    sse->is_after_cr = bytes.data[size] == '\r';
    rc = finish_line(sse, fl_slice_n(bytes.data, size), on_event, user);
    bytes = fl_slice_n(bytes.data + size + 1, bytes.size - size - 1);
  }
  return rc;
}

int fl_sse_feed(struct fl_sse *sse, fl_slice bytes, fl_sse_fn *on_event, void *user) {
  if (sse->failed == 0) sse->failed = feed(sse, bytes, on_event, user);
  return sse->failed;
}

int fl_sse_end(struct fl_sse *sse, fl_sse_fn *on_event, void *user) {
  if (sse->failed != 0) return sse->failed;
  int rc = sse->line.size > 0 ? read_held_line(sse, on_event, user) : 0;
  if (rc == 0) rc = dispatch(sse, on_event, user);
  sse->failed = rc;
  return rc;
}

fl_slice fl_sse_front(const struct fl_sse *sse) {
  fl_slice value, name;
  if (sse->data.size > 0) return fl_buf_slice(&sse->data);
  if (sse->line.size == 0) return FL_SLICE("");
  name = split_field(fl_buf_slice(&sse->line), &value);
  return fl_slice_equal(name, FL_SLICE("data")) ? value : FL_SLICE("");
}
