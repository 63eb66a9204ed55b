/* SPDX-License-Identifier: MIT */
#include "runtime/wire/base64.h"

#include <stdint.h>

static const char *const alphabets[] = {
    [FL_BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [FL_BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

size_t fl_base64_size(size_t size, enum fl_base64_kind kind) {
  size_t rest = size % 3;
  size_t tail = rest == 0 ? 0 : kind == FL_BASE64_STANDARD ? 4 : rest + 1;
  return size / 3 * 4 + tail;
}

int fl_base64_encode(struct fl_buf *buf, fl_slice bytes, enum fl_base64_kind kind) {
  if (bytes.size == 0) return 0;
  size_t size = fl_base64_size(bytes.size, kind);
  int rc = fl_buf_reserve(buf, size);
  if (rc < 0) return rc;
  const char *alphabet = alphabets[kind];
  const uint8_t *in = (const uint8_t *)bytes.data;
  char *out = buf->data + buf->size;
  size_t left = bytes.size;
  for (; left >= 3; left -= 3, in += 3) {
    uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
    for (int shift = 18; shift >= 0; shift -= 6) *out++ = alphabet[group >> shift & 63];
  }
  if (left > 0) {
    uint32_t group = (uint32_t)in[0] << 16 | (left > 1 ? (uint32_t)in[1] << 8 : 0);
    *out++ = alphabet[group >> 18];
    *out++ = alphabet[group >> 12 & 63];
    if (left > 1) *out++ = alphabet[group >> 6 & 63];
    else if (kind == FL_BASE64_STANDARD) *out++ = '=';
    if (kind == FL_BASE64_STANDARD) *out++ = '=';
  }
  buf->size += size;
  buf->data[buf->size] = '\0';
  return 0;
}

static int digit_of(char c, enum fl_base64_kind kind) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == alphabets[kind][62]) return 62;
  return c == alphabets[kind][63] ? 63 : -1;
}

/* Takes the padding off and says whether the length is possible. */
static int trim_padding(fl_slice *text, enum fl_base64_kind kind, struct fl_error *err) {
  size_t padded_size = text->size;
  if (kind == FL_BASE64_STANDARD) {
    if (padded_size % 4 != 0)
      return fl_error_set(err, FL_E_SYNTAX, "base64: %zu characters, not a multiple of 4", padded_size);
    while (text->size > 0 && text->size + 2 > padded_size && text->data[text->size - 1] == '=') text->size--;
  }
  if (text->size % 4 == 1)
    return fl_error_set(err, FL_E_SYNTAX, "base64: %zu characters cannot be whole bytes", text->size);
  return 0;
}

static int decode_groups(fl_slice text, enum fl_base64_kind kind, uint8_t *out, struct fl_error *err) {
  uint32_t group = 0;
  unsigned bit_count = 0;
  for (size_t i = 0; i < text.size; i++) {
    int digit = digit_of(text.data[i], kind);
    if (digit < 0) return fl_error_set(err, FL_E_SYNTAX, "base64: a character at offset %zu is not of the alphabet", i);
    group = group << 6 | (uint32_t)digit;
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    *out++ = (uint8_t)(group >> bit_count);
    group &= (1u << bit_count) - 1;
  }
  if (group != 0) return fl_error_set(err, FL_E_SYNTAX, "base64: the last character has bits beyond the last byte");
  return 0;
}

int fl_base64_decode(struct fl_buf *buf, fl_slice text, enum fl_base64_kind kind, struct fl_error *err) {
  int rc = trim_padding(&text, kind, err);
  if (rc < 0 || text.size == 0) return rc;
  size_t size = text.size / 4 * 3 + text.size % 4 * 3 / 4;
  rc = fl_buf_reserve(buf, size);
  if (rc < 0) return fl_error_set(err, rc, "base64: %zu bytes are more than the limit allows", size);
  rc = decode_groups(text, kind, (uint8_t *)buf->data + buf->size, err);
  if (rc == 0) buf->size += size;
  buf->data[buf->size] = '\0';
  return rc;
}
