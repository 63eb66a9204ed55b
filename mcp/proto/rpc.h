/* SPDX-License-Identifier: MIT */
/* JSON-RPC 2.0 as MCP uses it: one message, one line. Reading is strict: ids are strings or 64-bit integers (never
 * null, never fractions), params an object, a response has a result or an error and not both. Writing appends whole
 * lines to a buffer and either succeeds or leaves the buffer as it was. Pure. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/value.h>

enum fl_rpc_code {
  FL_RPC_PARSE_ERROR = -32700,
  FL_RPC_INVALID_REQUEST = -32600,
  FL_RPC_METHOD_NOT_FOUND = -32601,
  FL_RPC_INVALID_PARAMS = -32602,
  FL_RPC_INTERNAL_ERROR = -32603,
  FL_RPC_RESOURCE_NOT_FOUND = -32002,  /* legacy revisions only */
  FL_RPC_HEADER_MISMATCH = -32020,     /* 2026-07-28 */
  FL_RPC_MISSING_CAPABILITY = -32021,  /* 2026-07-28 */
  FL_RPC_UNSUPPORTED_VERSION = -32022, /* 2026-07-28 */
};

enum fl_rpc_kind {
  FL_RPC_REQUEST,
  FL_RPC_NOTIFICATION,
  FL_RPC_RESULT,
  FL_RPC_ERROR,
  FL_RPC_BATCH, /* `root` is an array; its members are read one by one with fl_rpc_classify */
  FL_RPC_FAULT, /* not a message: `fault_code` and `fault` say why; `id` when there was a usable one */
};

/* What a message has; references, or lent by `root`. */
struct fl_rpc_members {
  struct fl_value *jsonrpc, *id, *method, *params, *result, *error;
};

/* Everything else is lent by `root`, or by `held` when there is no root: most messages are read without. */
struct fl_rpc_message {
  enum fl_rpc_kind kind;
  struct fl_value *root; /* a reference; NULL: held, or the text was no JSON */
  struct fl_rpc_members held;
  const struct fl_value *id;
  const char *method;
  struct fl_value *params, *meta, *result, *error; /* meta: of params */
  int fault_code;
  const char *fault;          /* for the peer */
  struct fl_error json_error; /* when fault_code is FL_RPC_PARSE_ERROR */
};

struct fl_json_memo; /* runtime/json/known.h */
void fl_rpc_read(fl_slice line, struct fl_rpc_message *ret_message);
/* The same for a stream of messages: a client's `_meta` is the same in most of them, and is read once. */
void fl_rpc_read_memo(fl_slice line, struct fl_json_memo *meta, struct fl_rpc_message *ret_message);
void fl_rpc_classify(struct fl_value *value, struct fl_rpc_message *ret_message); /* takes a reference of its own */
void fl_rpc_message_deinit(struct fl_rpc_message *message);
#define FL_RPC_MESSAGE_AUTO __attribute__((cleanup(fl_rpc_message_deinit))) struct fl_rpc_message

bool fl_rpc_is_id(const struct fl_value *value);
/* "i5" or "sTEXT": ids that differ in type differ. */
void fl_rpc_id_key(const struct fl_value *id, struct fl_buf *ret_key);

/* The id of a message of which only the front is there (it was too long), when it stands in that front; a new
 * reference. */
struct fl_value *fl_rpc_peek_id(fl_slice front);
/* Whether a message of which only this is known has "result" or "error" among its first members. */
bool fl_rpc_peek_is_answer(fl_slice front);

/* A line under way: begin, append the text of the value yourself, end. An end that fails (the buffer's limit) takes the
 * whole line back and returns FL_E_LIMIT. */
struct fl_rpc_line {
  struct fl_buf *buf;
  size_t start;
};
struct fl_rpc_line fl_rpc_begin_result(struct fl_buf *buf, const struct fl_value *id); /* then one JSON value */
struct fl_rpc_line fl_rpc_begin_request(struct fl_buf *buf, int64_t id,
                                        const char *method);                          /* then the params object */
struct fl_rpc_line fl_rpc_begin_notification(struct fl_buf *buf, const char *method); /* then the params object */
int fl_rpc_end(struct fl_rpc_line line);
/* How many bytes of a text may be shown, at most `most`, with no character cut in two; for "%.*s". */
int fl_rpc_shown(const char *text, int most);
/* A text of unknown origin as a JSON string; bytes that are not UTF-8 become U+FFFD. */
void fl_rpc_add_text(struct fl_buf *buf, const char *text);

/* A whole line. `id` NULL: unknown (then "id" is null or left out). `data` may be NULL. */
struct fl_rpc_fault {
  const struct fl_value *id;
  bool has_null_id;
  int code;
  const char *message;
  const struct fl_value *data;
};
int fl_rpc_write_error(struct fl_buf *buf, const struct fl_rpc_fault *fault);

/* What a progress notification says; total 0: unknown, message NULL: none. */
struct fl_rpc_progress {
  double done, total;
  const char *message;
};
