/* SPDX-License-Identifier: MIT */
#include "runtime/base/known.h"

#include "runtime/base/known_impl.h"
#include "runtime/base/mem.h"

#include <string.h>

struct fl_known {
  char **names;
  struct fl_secret *values;
  size_t count;
  struct fl_known_set *set; /* NULL: nothing is known */
};

struct fl_known_stream {
  struct fl_known_set *set; /* NULL: nothing is held */
  struct fl_known_scan scan;
  struct fl_buf held;  /* what was not told yet */
  uint64_t held_start; /* of its first byte */
};

/* ---- what is known ---- */

struct fl_known *fl_known_create(void) {
  return fl_new(struct fl_known);
}

void fl_known_destroy(struct fl_known *known) {
  if (known == NULL) return;
  for (size_t i = 0; i < known->count; i++) {
    fl_free(known->names[i]);
    fl_secret_deinit(&known->values[i]);
  }
  fl_free(known->names);
  fl_free(known->values);
  fl_known_set_unref(known->set);
  fl_free(known);
}

static bool is_one_byte(fl_slice value) {
  size_t count = 1;
  while (count < value.size && value.data[count] == value.data[0]) count++;
  return count == value.size;
}

static int check_value(const struct fl_known *known, fl_slice value, struct fl_error *err) {
  if (value.size < FL_KNOWN_SIZE_MIN || value.size > FL_KNOWN_SIZE_MAX)
    return fl_error_set(err, FL_E_INVALID,
                        "its value has %zu bytes: only values of %d to %d can be told from other text, and so kept out "
                        "of it",
                        value.size, FL_KNOWN_SIZE_MIN, FL_KNOWN_SIZE_MAX);
  if (is_one_byte(value))
    return fl_error_set(err, FL_E_INVALID, "its value is one character over and over, which is no secret");
  if (known->count == FL_KNOWN_COUNT_MAX)
    return fl_error_set(err, FL_E_LIMIT, "there are more than %d secrets", FL_KNOWN_COUNT_MAX);
  return 0;
}

int fl_known_add(struct fl_known *known, const char *name, fl_slice value, struct fl_error *err) {
  for (size_t i = 0; i < known->count; i++)
    if (fl_equal_in_constant_time(fl_secret_slice(&known->values[i]), value)) return 0;
  int status = check_value(known, value, err);
  if (status < 0) return status;
  known->names = fl_realloc(known->names, (known->count + 1) * sizeof *known->names);
  known->values = fl_realloc(known->values, (known->count + 1) * sizeof *known->values);
  known->names[known->count] = fl_strndup(name, strnlen(name, FL_KNOWN_NAME_MAX));
  known->values[known->count] = (struct fl_secret){0};
  fl_secret_set(&known->values[known->count++], value);
  fl_known_set_unref(known->set);
  known->set = fl_known_set_create((const char *const *)known->names, known->values, known->count);
  return 0;
}

static bool has_any(const struct fl_known *known) { return known != NULL && known->set != NULL; }

bool fl_known_has_digits(const struct fl_known *known) { return has_any(known) && known->set->has_digits; }

/* ---- whole texts ---- */

static bool has_byte(fl_slice text, char byte) { return text.size > 0 && memchr(text.data, byte, text.size) != NULL; }

static struct fl_known_signs signs_of(fl_slice text) {
  return (struct fl_known_signs){.has_break = has_byte(text, '\n') || has_byte(text, '\r'),
                                 .has_percent = has_byte(text, '%'),
                                 .has_plus = has_byte(text, '+'),
                                 .has_backslash = has_byte(text, '\\')};
}

static void scan_whole(struct fl_known_scan *scan, const struct fl_known *known, fl_slice text) {
  fl_known_scan_init(scan, known->set, signs_of(text));
  fl_known_scan_feed(scan, text);
  fl_known_scan_end(scan);
}

bool fl_known_finds(const struct fl_known *known, fl_slice text) {
  struct fl_known_scan scan;
  if (!has_any(known) || text.size < FL_KNOWN_SIZE_MIN) return false;
  scan_whole(&scan, known, text);
  bool finds = scan.span_count > 0;
  fl_known_scan_deinit(&scan);
  return finds;
}

size_t fl_known_hide(const struct fl_known *known, fl_slice text, struct fl_buf *out) {
  struct fl_known_scan scan = {0};
  uint64_t at = 0;
  if (has_any(known)) scan_whole(&scan, known, text);
  for (size_t i = 0; i < scan.span_count; i++) {
    const struct fl_known_span *span = &scan.spans[i];
    fl_buf_add(out, text.data + at, span->start - at);
    fl_buf_addf(out, "[secret %s]", scan.set->names[span->secret]);
    at = span->end;
  }
  if (text.size > at) fl_buf_add(out, text.data + at, text.size - at);
  size_t count = scan.span_count;
  fl_known_scan_deinit(&scan);
  return count;
}

void fl_known_hide_text(const struct fl_known *known, char **text) {
  FL_BUF_AUTO out = {0};
  if (*text == NULL || !fl_known_finds(known, fl_slice_of(*text))) return;
  fl_known_hide(known, fl_slice_of(*text), &out);
  fl_wipe_text(*text);
  *text = fl_buf_take(&out, NULL);
}

/* Of a text that was cut, what may be the beginning of a value goes as well. */
static size_t kept_size(const struct fl_known *known, const struct fl_error *err) {
  size_t size = strlen(err->text);
  if (size < sizeof err->text - 1) return size;
  struct fl_known_scan scan;
  fl_known_scan_init(&scan, known->set, signs_of(fl_slice_of(err->text)));
  fl_known_scan_feed(&scan, fl_slice_of(err->text));
  size = fl_known_scan_settled(&scan);
  fl_known_scan_deinit(&scan);
  return size;
}

void fl_known_hide_error(const struct fl_known *known, struct fl_error *err) {
  FL_BUF_AUTO out = {0};
  if (err == NULL || !has_any(known)) return;
  fl_known_hide(known, fl_slice_n(err->text, kept_size(known, err)), &out);
  size_t size = out.size < sizeof err->text - 1 ? out.size : sizeof err->text - 1;
  fl_wipe(err->text, sizeof err->text);
  if (size > 0) memcpy(err->text, out.data, size);
}

/* ---- streams ---- */

struct fl_known_stream *fl_known_stream_create(void) {
  return fl_new(struct fl_known_stream);
}

static void stream_begin(struct fl_known_stream *stream, struct fl_known_set *set) {
  static const struct fl_known_signs all = {true, true, true, true};
  stream->set = set;
  set->ref_count++;
  stream->held_start = 0;
  fl_known_scan_init(&stream->scan, set, all);
}

static void stream_clear(struct fl_known_stream *stream) {
  fl_known_scan_deinit(&stream->scan);
  fl_buf_wipe(&stream->held);
  fl_known_set_unref(stream->set);
  stream->set = NULL;
}

void fl_known_stream_destroy(struct fl_known_stream *stream) {
  if (stream == NULL) return;
  stream_clear(stream);
  fl_free(stream);
}

/* Tells the held bytes up to a place; *at is how many of them were told. */
static void tell_until(const struct fl_known_stream *stream, uint64_t place, uint64_t *at, struct fl_buf *out) {
  if (place <= *at) return;
  fl_buf_add(out, stream->held.data + (*at - stream->held_start), place - *at);
  *at = place;
}

static void tell(struct fl_known_stream *stream, uint64_t settled, struct fl_buf *out) {
  struct fl_known_scan *scan = &stream->scan;
  uint64_t at = stream->held_start;
  size_t told = 0;
  for (; told < scan->span_count && scan->spans[told].end <= settled; told++) {
    tell_until(stream, scan->spans[told].start, &at, out);
    fl_buf_addf(out, "[secret %s]", stream->set->names[scan->spans[told].secret]);
    at = scan->spans[told].end;
  }
  bool is_cut = told < scan->span_count && scan->spans[told].start < settled;
  tell_until(stream, is_cut ? scan->spans[told].start : settled, &at, out);
  scan->span_count -= told;
  if (told > 0) memmove(scan->spans, scan->spans + told, scan->span_count * sizeof *scan->spans);
  fl_buf_consume(&stream->held, at - stream->held_start);
  stream->held_start = at;
}

void fl_known_stream_feed(struct fl_known_stream *stream, const struct fl_known *known, fl_slice bytes,
                          struct fl_buf *out) {
  if (stream->set != NULL && (!has_any(known) || stream->set != known->set)) fl_known_stream_end(stream, out);
  if (!has_any(known)) {
    fl_buf_add(out, bytes.data, bytes.size);
    return;
  }
  if (stream->set == NULL) stream_begin(stream, known->set);
  fl_buf_add(&stream->held, bytes.data, bytes.size);
  fl_known_scan_feed(&stream->scan, bytes);
  tell(stream, fl_known_scan_settled(&stream->scan), out);
}

void fl_known_stream_end(struct fl_known_stream *stream, struct fl_buf *out) {
  if (stream->set == NULL) return;
  fl_known_scan_end(&stream->scan);
  tell(stream, stream->scan.at, out);
  stream_clear(stream);
}
