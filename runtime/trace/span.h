/* SPDX-License-Identifier: MIT */
/* A span: something that a run did, with its time. How it is written down and read again. Pure.
 *
 * A row of spans is bytes: 1, then span behind span. A span is KIND, N, PARENT, START, DURATION, NAME, and attributes
 * up to a 0. Numbers are varints (LEB128), those that can be negative in zigzag; texts have their size in front. An
 * attribute is (key * 4 + how), then a number (how 0), a text (1) or the 16 bytes of a UUID (2). Half of the supersteps
 * of a store is what is said of them here, so it is a quarter of what JSON takes; rows that begin with "[" are the JSON
 * of older stores, [[KIND, N, PARENT, START, DURATION, NAME, {attributes}]…], and still read.
 *
 * Times are microseconds, START since the run began. N counts the spans of a run from 2; the run itself is span 1, and
 * its text stands elsewhere (store/trace.h). A parent may be written after its children, and may be missing when the
 * process died. The attributes of each kind: docs/trace.md. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/value.h>

enum { FL_SPAN_OF_RUN = 1 };

/* The numbers stand in stores: they never change. */
enum fl_span_kind {
  FL_SPAN_RUN,
  FL_SPAN_STEP,
  FL_SPAN_NODE,
  FL_SPAN_MODEL,
  FL_SPAN_TOOL,
  FL_SPAN_FUNCTION,
  FL_SPAN_COMMIT,
  FL_SPAN_INTERRUPT,
  FL_SPAN_RESUME,
  FL_SPAN_KIND_COUNT
};
const char *fl_span_kind_name(enum fl_span_kind kind); /* "run", "step", "node", "model", … */

/* What an attribute is called. These numbers stand in stores, too: new ones come at the end; from the 32nd on they take
 * two bytes. */
#define FL_SPAN_KEYS(X)                     \
  X(STEP, step)                             \
  X(CHECKPOINT, checkpoint)                 \
  X(SOURCE, source)                         \
  X(OUTCOME, outcome)                       \
  X(TASK, task)                             \
  X(ATTEMPT, attempt)                       \
  X(CODE, code)                             \
  X(ERROR, error)                           \
  X(ROWS, rows)                             \
  X(BYTES, bytes)                           \
  X(TOOL, tool)                             \
  X(RULE, rule)                             \
  X(ANSWERED_AS, answered_as)               \
  X(PROVIDER, provider)                     \
  X(MODEL, model)                           \
  X(ANSWERED_BY, answered_by)               \
  X(ATTEMPTS, attempts)                     \
  X(FIRST_TOKEN_US, first_token_us)         \
  X(INPUT_TOKENS, input_tokens)             \
  X(OUTPUT_TOKENS, output_tokens)           \
  X(CACHED_TOKENS, cached_tokens)           \
  X(CACHE_WRITE_TOKENS, cache_write_tokens) \
  X(REASONING_TOKENS, reasoning_tokens)     \
  X(COST_NUSD, cost_nusd)                   \
  X(STOP, stop)                             \
  X(MCP, mcp)                               \
  X(CALL, call)                             \
  X(ARGUMENTS_HASH, arguments_hash)         \
  X(EFFECT, effect)                         \
  X(DECISION, decision)                     \
  X(EXIT, exit)                             \
  X(LABELS, labels)                         \
  X(SANDBOX, sandbox)                       \
  X(ARGUMENTS, arguments)                   \
  X(SIGNAL, signal)                         \
  X(ANSWER, answer)

enum { FL_SPANS_FORMAT = 1, FL_SPAN_ID_BYTES = 16 };
enum fl_span_how { FL_SPAN_INT, FL_SPAN_TEXT, FL_SPAN_ID };

#define FL_SPAN_KEY(upper, lower) FL_SPAN_##upper##_KEY,
enum fl_span_key { FL_SPAN_KEYS(FL_SPAN_KEY) FL_SPAN_KEY_COUNT };
#undef FL_SPAN_KEY

struct fl_span {
  enum fl_span_kind kind;
  uint32_t n, parent;
  int64_t start_us, duration_us;
  const char *name;
  struct fl_value *attributes; /* read: an object or NULL, owned by the span; not looked at in writing */
};

/* ---- writing: begin, any attributes, end; `row` is a zeroed buffer at first ---- */

void fl_span_begin(struct fl_buf *row, const struct fl_span *span);
void fl_span_add_int(struct fl_buf *row, enum fl_span_key key, int64_t value);
void fl_span_add_text(struct fl_buf *row, enum fl_span_key key, const char *text); /* NULL: nothing */
void fl_span_add_id(struct fl_buf *row, enum fl_span_key key, const char *id);     /* a UUID, any text, or NULL */
void fl_span_end(struct fl_buf *row);

/* All spans of `from` behind those of `to`; `from` is empty afterwards. */
void fl_spans_move(struct fl_buf *to, struct fl_buf *from);
/* The bytes of the row, whose memory the caller owns; the buffer is empty afterwards. */
char *fl_spans_take(struct fl_buf *row, size_t *ret_size);

/* ---- reading ---- */

/* Visits the spans of a row; each is lent for the visit. Kinds and attributes that are not known are passed over.
 * FL_E_CORRUPT when the bytes are no row. */
int fl_spans_read(fl_slice row, void (*visit)(const struct fl_span *span, void *user), void *user,
                  struct fl_error *err);
