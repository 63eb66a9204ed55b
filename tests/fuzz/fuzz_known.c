/* SPDX-License-Identifier: MIT */
/* A text with values that must not be in it, whole and cut into pieces: the same comes out, and no value is left. The
 * first byte says which values are known and how the pieces are cut. */
#include "runtime/base/check.h"
#include "runtime/base/known.h"
#include "runtime/base/mem.h"

static const char *const values[] = {"hunter22", "abababababac", "two words", "a\\\"b/c\nd%41", "aaaaaaab", "12345678"};
enum { VALUE_COUNT = sizeof values / sizeof *values };

static struct fl_known *knowing(unsigned choice) {
  struct fl_known *known = fl_known_create();
  for (unsigned i = 0; i < VALUE_COUNT; i++)
    if (choice == 0 || (choice & (1u << i)) != 0) fl_check(fl_known_add(known, "N", fl_slice_of(values[i]), NULL) == 0);
  return known;
}

static void stream(const struct fl_known *known, fl_slice text, uint32_t seed, struct fl_buf *out) {
  struct fl_known_stream *pieces = fl_known_stream_create();
  while (text.size > 0) {
    seed = seed * 1664525 + 1013904223;
    size_t size = 1 + (seed >> 24) % (seed >> 16 & 15 ? 7 : 97);
    if (size > text.size) size = text.size;
    fl_known_stream_feed(pieces, known, fl_slice_n(text.data, size), out);
    text = fl_slice_n(text.data + size, text.size - size);
  }
  fl_known_stream_end(pieces, out);
  fl_known_stream_destroy(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  struct fl_known *known = knowing(data[0] & 63);
  fl_slice text = fl_slice_n((const char *)data + 1, size - 1);
  FL_BUF_AUTO whole = {0}, pieces = {0}, bytes = {0};
  size_t count = fl_known_hide(known, text, &whole);
  stream(known, text, data[0], &pieces);
  fl_check(whole.size == pieces.size && (whole.size == 0 || memcmp(whole.data, pieces.data, whole.size) == 0));
  fl_check((count > 0) == fl_known_finds(known, text));
  fl_check(count > 0 || (whole.size == text.size && (text.size == 0 || memcmp(whole.data, text.data, text.size) == 0)));
  for (unsigned i = 0; i < VALUE_COUNT; i++) { /* as it is, in the text and in what is left of it */
    size_t value_size = strlen(values[i]);
    bool is_known = fl_known_finds(known, fl_slice_of(values[i]));
    fl_check(!is_known || whole.size == 0 || memmem(whole.data, whole.size, values[i], value_size) == NULL);
  }
  fl_known_destroy(known);
  return 0;
}
