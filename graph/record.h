/* SPDX-License-Identifier: MIT */
/* What a run writes down, and what it finds again: plain data between the pure core, which makes it, and the store,
 * which keeps it. Bodies are JSON text. Numbers (`no`) are unique within a thread, given by the core in rising order; 0
 * is none. So the core refers to rows before they are stored, and nothing waits for a database to hand out ids. */
#pragma once
#include "runtime/base/id.h"
#include "runtime/json/expr.h"

#include <fairlead/value.h>

enum fl_body_kind {
  FL_BODY_VALUE,  /* any JSON value: the whole value of the channel */
  FL_BODY_LIST,   /* a JSON array: the whole list (a snapshot) */
  FL_BODY_APPEND, /* a JSON array: elements appended to the parent's list */
  FL_BODY_EDIT,   /* a JSON array of edits to the parent's list, in order: ["append",E] ["set",INDEX,E] ["cut",INDEX] */
};

enum fl_record_kind {
  FL_RECORD_VALUE,
  FL_RECORD_CHECKPOINT,
  FL_RECORD_WRITE,
  FL_RECORD_INTENT,
  FL_RECORD_RESULT,
  FL_RECORD_EVENT,
  FL_RECORD_THREAD,
  FL_RECORD_TRACE,
  FL_RECORD_AUDIT,
};

enum fl_trace_part { FL_TRACE_BEGIN, FL_TRACE_SPANS, FL_TRACE_CONTENT, FL_TRACE_END };

enum fl_call_kind { FL_CALL_MODEL, FL_CALL_TOOL, FL_CALL_FUNCTION };
enum fl_call_effect { FL_EFFECT_READ, FL_EFFECT_KEYED, FL_EFFECT_ONCE };

/* Labels: what is known of where a value came from, a bit each (tools/policy/labels.h says which). All of them stand
 * for a value of which nobody knows. The highest bits stay clear, for stores count in signed numbers. */
#define FL_LABELS_ALL ((UINT64_C(1) << 62) - 1)

/* A write's place among its task's writes. Ordinary writes count from 0 and are kept if already there; these are
 * replaced. */
enum {
  FL_WRITE_ERROR = -1,
  FL_WRITE_INTERRUPT = -3,
  FL_WRITE_RESUME = -4,
  FL_WRITE_DONE = -5,
  FL_WRITE_PARENT = -7, /* {"writes":[[CHANNEL,VALUE]…],"gotos":[[NODE] or [NODE,ARG]…]}: said to the graph above */
  FL_WRITE_CHILDREN = -8,    /* {namespace: checkpoint number}: where the lasting subgraphs stood when the task ended */
  FL_WRITE_ERROR_SOURCE = -6 /* {"handler","node","code","message"}: the handler has taken the task's place */
};

/* One row to be. Strings are owned by the record (fl_records_deinit frees them); NULL where optional. */
struct fl_record {
  enum fl_record_kind kind;
  char *ns; /* checkpoint namespace, "" for the root graph */
  union {
    struct { /* a channel's new value, or what changed in it */
      char *channel;
      uint64_t no, parent_no; /* parent_no: the row that an APPEND or EDIT builds on */
      enum fl_body_kind kind;
      uint64_t count; /* elements of the list after it; 0 for FL_BODY_VALUE */
      uint64_t labels;
      char *origin;
    } value;
    struct { /* a superstep that is complete. body:
                {"channels":{NAME:[VERSION,VALUE_NO]},"seen":{NODE:{CHANNEL:VERSION}},"next":[NODE…],…} */
      uint64_t no, parent_no;
      char id[FL_UUID_SIZE];
      int64_t step;
      char *source; /* input, loop, update, fork */
      int64_t wall_ms;
      char *manifest_hash;
    } checkpoint;
    struct { /* what a task wrote, kept beside the checkpoint it started from until the superstep ends */
      uint64_t checkpoint_no;
      char task_id[FL_UUID_SIZE];
      int index;
      char *channel; /* for the negative indices: the node's name */
      uint64_t labels;
      char *origin;
    } write;
    struct { /* a call is about to leave. body: the arguments */
      uint64_t checkpoint_no;
      char task_id[FL_UUID_SIZE];
      int index; /* of the call within its task */
      char call_id[FL_UUID_SIZE];
      enum fl_call_kind kind;
      enum fl_call_effect effect;
      char *name; /* "server/tool" or the model's name */
      char *key;  /* idempotency key; NULL unless keyed */
      uint8_t argument_hash[FL_HASH_SIZE];
      char *manifest_hash;
    } intent;
    struct { /* a call has ended. body: the result */
      uint64_t checkpoint_no;
      char task_id[FL_UUID_SIZE];
      char call_id[FL_UUID_SIZE];
      bool is_error;
      uint64_t labels;
      char *origin;
    } result;
    struct {       /* an opaque event for the record of the run */
      uint64_t no; /* the store's own, which gives it */
      char run_id[FL_UUID_SIZE];
    } event;
    struct { /* what the thread as a whole is. body: metadata to merge in, or NULL */
      char *graph_name;
      char *graph_file;
      char *status; /* idle, busy, interrupted, error */
      int64_t wall_ms;
    } thread;
    struct { /* a piece of the record of a run, kept beside the thread (runtime/store/trace.h). body: its text */
      char run_id[FL_UUID_SIZE];
      enum fl_trace_part part;
      uint32_t no;     /* SPANS, CONTENT: from 1, rising within the run */
      int64_t wall_ms; /* BEGIN: when it began */
      char *graph;     /* BEGIN */
      char *user;      /* BEGIN: on whose behalf; NULL: nobody said */
    } trace;
    struct {      /* for the audit log of the store, which outlives the thread. body: an object */
      char *what; /* "call.allowed": the kind of thing, a dot, what became of it */
      int64_t wall_ms;
    } audit;
  };
  char *body;
  size_t body_size;
};

struct fl_records {
  struct fl_record *items;
  size_t count, capacity;
};

void fl_records_free(struct fl_records *records);                  /* of a list that has room */
static inline void fl_records_deinit(struct fl_records *records) { /* repeatable */
  if (records->items != NULL) fl_records_free(records);
}
struct fl_record *fl_records_add(struct fl_records *records, enum fl_record_kind kind, const char *ns); /* cleared */
/* The record's strings are somebody else's now: it is empty, of a kind that has none. */
static inline void fl_record_forget(struct fl_record *record) { *record = (struct fl_record){.kind = FL_RECORD_EVENT}; }
void fl_records_move(struct fl_records *to, struct fl_records *from); /* appends; `from` is empty afterwards */

/* ---- what is found again: a checkpoint with its values and what was written beside it ---- */

struct fl_loaded_channel {
  char *name;
  uint64_t version, value_no;
  uint64_t labels;   /* of its row: all that was written to it */
  struct fl_var var; /* owned */
};
struct fl_loaded_write {
  char task_id[FL_UUID_SIZE];
  int index;
  uint64_t labels;
  char *channel;
  struct fl_value *value;
};
struct fl_loaded_call {
  char task_id[FL_UUID_SIZE];
  int index;
  char call_id[FL_UUID_SIZE];
  enum fl_call_kind kind;
  enum fl_call_effect effect;
  char *name;
  uint8_t argument_hash[FL_HASH_SIZE];
  bool has_result, is_error;
  uint64_t labels;                /* of the result */
  struct fl_value *args, *result; /* result NULL when there is none */
};

/* checkpoint_no 0: the thread has no checkpoint. The next_* numbers are above every number that the thread has used. */
struct fl_loaded {
  uint64_t checkpoint_no, parent_no;
  uint64_t head_no; /* the newest checkpoint of the namespace; above checkpoint_no when an older one was asked for */
  bool shows_only;  /* somebody looks at this very checkpoint: what was written beside it is not applied */
  uint64_t next_checkpoint_no, next_value_no;
  char checkpoint_id[FL_UUID_SIZE];
  int64_t step;
  int64_t wall_ms;
  char *source;
  struct fl_value *body;
  struct fl_loaded_channel *channels;
  size_t channel_count;
  struct fl_loaded_write *writes; /* ordered by task, then index */
  size_t write_count;
  struct fl_loaded_call *calls; /* ordered by task, then index */
  size_t call_count;
};
void fl_loaded_deinit(struct fl_loaded *loaded); /* repeatable */
