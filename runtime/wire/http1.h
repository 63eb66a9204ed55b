/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 requests (RFC 9112, RFC 9110): bytes in, heads and bodies out; and what a server writes. It is meant for a
 * server and accepts less than the standard allows a client to send: whatever two parsers could read in two ways is
 * refused, never repaired. Pure.
 *
 * Refused: line ends other than CRLF, folded lines, white space before a colon or around a chunk size, control
 * characters, none or two of Host, Content-Length twice or beside Transfer-Encoding, codings other than one "chunked",
 * codings in HTTP/1.0, targets that are neither a path nor "*", methods that no server of ours answers.
 *
 * Invariants. (1) How the bytes are split changes nothing about what comes out (where two things are wrong,
 * which one is named may differ). (2) Nothing is accepted that a careful
 * parser refuses (compared with llhttp by tests/fuzz). (3) A head is at most FL_HTTP1_HEAD_SIZE_MAX bytes, a chunk's
 * line at most FL_HTTP1_CHUNK_LINE_MAX, all trailers together at most FL_HTTP1_TRAILERS_SIZE_MAX. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/error.h>

enum {
  FL_HTTP1_HEAD_SIZE_MAX = 16 * 1024,
  FL_HTTP1_TARGET_SIZE_MAX = 8 * 1024,
  FL_HTTP1_FIELDS_MAX = 64,
  FL_HTTP1_CHUNK_LINE_MAX = 256,
  FL_HTTP1_TRAILERS_SIZE_MAX = 4 * 1024,
};

enum fl_http1_verdict {
  FL_HTTP1_MORE,    /* it goes on in bytes that have not come yet */
  FL_HTTP1_DONE,    /* a head, or the end of a body */
  FL_HTTP1_PIECE,   /* bytes of a body */
  FL_HTTP1_REFUSED, /* the connection must end after an answer with `status` */
};

enum fl_http1_method {
  FL_HTTP1_GET,
  FL_HTTP1_HEAD,
  FL_HTTP1_POST,
  FL_HTTP1_PUT,
  FL_HTTP1_PATCH,
  FL_HTTP1_DELETE,
  FL_HTTP1_OPTIONS,
  FL_HTTP1_METHOD_COUNT
};
const char *fl_http1_method_name(enum fl_http1_method method);

struct fl_http1_field {
  fl_slice name, value; /* the value without white space around it */
};

/* What is lent is lent by the bytes that were parsed. */
struct fl_http1_head {
  enum fl_http1_method method;
  fl_slice target;  /* with its query, as it came */
  fl_slice path;    /* the target up to "?" */
  fl_slice host;    /* as it came, with its port; empty in HTTP/1.0 without one */
  size_t body_size; /* when not chunked */
  bool is_chunked;
  bool is_http10;
  bool keeps_alive;
  bool expects_continue;
  struct fl_http1_field fields[FL_HTTP1_FIELDS_MAX];
  size_t field_count;
  int status;         /* after a refusal: 400, 414, 417, 431, 501, 505 */
  const char *reason; /* after a refusal: a sentence, static */
};

/* Reads one head from the front of `bytes`, which begin where the request before it ended. DONE: *ret_used bytes were
 * the head. MORE: call again with these bytes and more. */
enum fl_http1_verdict fl_http1_parse_head(fl_slice bytes, struct fl_http1_head *head, size_t *ret_used);

/* The value of a field that stands there once; an empty slice with NULL data when it is absent. Twice is an ambiguity:
 * *ret_count tells (may be NULL), and the value is the first one. Names are compared without case. */
fl_slice fl_http1_field(const struct fl_http1_head *head, const char *name, size_t *ret_count);

/* ---- bodies ---- */

struct fl_http1_body {
  size_t left;         /* bytes of the body, or of the chunk, that have not come */
  size_t line_size;    /* of the chunk's line, or of all trailers */
  uint8_t state;       /* private */
  uint8_t extension;   /* private */
  uint8_t digit_count; /* private */
  bool is_chunked;
  int status;
  const char *reason;
};

void fl_http1_body_init(struct fl_http1_body *body, const struct fl_http1_head *head);

/* Takes bytes off the front of *bytes. PIECE: *ret_piece is lent by them, never empty; call again. DONE: what is left
 * in *bytes belongs to the next request. MORE: all were taken. Trailers are checked and dropped. */
enum fl_http1_verdict fl_http1_body_next(struct fl_http1_body *body, fl_slice *bytes, fl_slice *ret_piece);

/* ---- writing ---- */

const char *fl_http1_status_text(int status); /* "Not Found"; "Unknown" */
/* Whether a text may stand as a field's value in an answer: no control characters. */
bool fl_http1_is_value(fl_slice value);
bool fl_http1_is_token(fl_slice text);
/* A chunk of a body; nothing for empty data, which would be its end. */
void fl_http1_add_chunk(struct fl_buf *out, fl_slice data);
void fl_http1_add_last_chunk(struct fl_buf *out);
/* Whether a list of tokens, "a, b", holds one, compared without case. */
bool fl_http1_list_has(fl_slice list, const char *token);
bool fl_http1_same(fl_slice text, const char *lower); /* compared without case */
