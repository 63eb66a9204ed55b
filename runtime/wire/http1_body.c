/* SPDX-License-Identifier: MIT */
/* Bodies: by their size, or in chunks (RFC 9112, 7.1), a byte machine for everything but the data. */
#include "runtime/wire/http1.h"

enum {
  BY_SIZE,
  CHUNK_SIZE,
  CHUNK_EXTENSION,
  CHUNK_LINE_LF,
  CHUNK_DATA,
  DATA_CR,
  DATA_LF,
  TRAILER_START, /* at the front of a trailer's line, or of the empty one */
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
  LAST_LF,
  ENDED,
  FAILED,
};

/* Inside ";name=value". A quoted value, in which a line's end could hide, is refused: nobody sends one. */
enum { EXT_NAME_START, EXT_NAME, EXT_VALUE_START, EXT_VALUE };

enum { SIZE_DIGITS_MAX = 8 }; /* of a chunk: 4 GiB */

void fl_http1_body_init(struct fl_http1_body *body, const struct fl_http1_head *head) {
  *body = (struct fl_http1_body){.is_chunked = head->is_chunked};
  body->state = head->is_chunked ? CHUNK_SIZE : head->body_size > 0 ? BY_SIZE : ENDED;
  body->left = head->is_chunked ? 0 : head->body_size;
}

static bool refuse(struct fl_http1_body *body, const char *reason) {
  body->state = FAILED;
  body->status = 400;
  body->reason = reason;
  return false;
}

static int hex_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = (char)(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_token_char(char c) { return fl_http1_is_token(fl_slice_n(&c, 1)); }

static bool is_value_char(char c) { return fl_http1_is_value(fl_slice_n(&c, 1)); }

static bool take_size(struct fl_http1_body *body, char c) {
  int digit = hex_of(c);
  if (digit >= 0) {
    if (++body->digit_count > SIZE_DIGITS_MAX) return refuse(body, "a chunk is too large");
    body->left = body->left * 16 + (size_t)digit;
    return true;
  }
  if (body->digit_count == 0) return refuse(body, "a chunk has no size");
  if (c == ';') {
    body->state = CHUNK_EXTENSION;
    body->extension = EXT_NAME_START;
  } else if (c == '\r') body->state = CHUNK_LINE_LF;
  else return refuse(body, "a chunk's size is not a number");
  return true;
}

static bool take_extension(struct fl_http1_body *body, char c) {
  bool has_token = body->extension == EXT_NAME || body->extension == EXT_VALUE;
  if (is_token_char(c)) body->extension |= 1; /* inside it */
  else if (has_token && c == ';') body->extension = EXT_NAME_START;
  else if (has_token && c == '\r') body->state = CHUNK_LINE_LF;
  else if (body->extension == EXT_NAME && c == '=') body->extension = EXT_VALUE_START;
  else return refuse(body, "a chunk's extension is not well-formed");
  return true;
}

static bool take_lf(struct fl_http1_body *body, char c, int next) {
  if (c != '\n') return refuse(body, "a line does not end with CRLF");
  body->state = (uint8_t)next;
  return true;
}

static bool take_trailer(struct fl_http1_body *body, char c) {
  switch (body->state) {
  case TRAILER_START:
    body->state = c == '\r' ? LAST_LF : TRAILER_NAME;
    return c == '\r' || is_token_char(c) || refuse(body, "a trailer's name is not a token");
  case TRAILER_NAME:
    if (c == ':') body->state = TRAILER_VALUE;
    return c == ':' || is_token_char(c) || refuse(body, "a trailer's name is not a token");
  default:
    if (c == '\r') body->state = TRAILER_LF;
    return c == '\r' || is_value_char(c) || refuse(body, "a trailer's value has a control character");
  }
}

/* One byte of everything but data; false: refused. */
static bool take_byte(struct fl_http1_body *body, char c) {
  size_t limit = body->state >= TRAILER_START ? FL_HTTP1_TRAILERS_SIZE_MAX : FL_HTTP1_CHUNK_LINE_MAX;
  if (++body->line_size > limit) return refuse(body, "a chunk's line or the trailers are too long");
  switch (body->state) {
  case CHUNK_SIZE: return take_size(body, c);
  case CHUNK_EXTENSION: return take_extension(body, c);
  case CHUNK_LINE_LF: body->line_size = 0; return take_lf(body, c, body->left > 0 ? CHUNK_DATA : TRAILER_START);
  case DATA_CR: body->state = DATA_LF; return c == '\r' || refuse(body, "a chunk is longer than its size");
  case DATA_LF: body->line_size = body->digit_count = 0; return take_lf(body, c, CHUNK_SIZE);
  case TRAILER_LF: return take_lf(body, c, TRAILER_START);
  case LAST_LF: return take_lf(body, c, ENDED);
  default: return take_trailer(body, c);
  }
}

static enum fl_http1_verdict take_data(struct fl_http1_body *body, fl_slice *bytes, fl_slice *ret_piece) {
  size_t size = bytes->size < body->left ? bytes->size : body->left;
  *ret_piece = fl_slice_n(bytes->data, size);
  *bytes = fl_slice_n(bytes->data + size, bytes->size - size);
  body->left -= size;
  if (body->left == 0) body->state = body->is_chunked ? DATA_CR : ENDED;
  return FL_HTTP1_PIECE;
}

enum fl_http1_verdict fl_http1_body_next(struct fl_http1_body *body, fl_slice *bytes, fl_slice *ret_piece) {
  while (body->state != ENDED && body->state != FAILED && bytes->size > 0) {
    if (body->state == BY_SIZE || body->state == CHUNK_DATA) return take_data(body, bytes, ret_piece);
    char c = *bytes->data;
    *bytes = fl_slice_n(bytes->data + 1, bytes->size - 1);
    if (!take_byte(body, c)) break;
  }
  if (body->state == FAILED) return FL_HTTP1_REFUSED;
  return body->state == ENDED ? FL_HTTP1_DONE : FL_HTTP1_MORE;
}
