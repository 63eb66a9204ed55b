/* SPDX-License-Identifier: MIT */
/* What is authenticated with the text of each kind of row: the columns that all who read it read. */
#include "runtime/store/seal.h"

#include <inttypes.h>
#include <stdio.h>

enum { NUMBERS_MAX = 6, TEXTS_MAX = 4 };

struct parts {
  struct fl_seal_row row;
  int64_t numbers[NUMBERS_MAX];
  fl_slice texts[TEXTS_MAX];
  char what[64];
};

static void add_number(struct parts *parts, int64_t number) { parts->numbers[parts->row.number_count++] = number; }
static void add_text(struct parts *parts, fl_slice text) { parts->texts[parts->row.text_count++] = text; }

static void set_what(struct parts *parts, const char *table, const char *what, uint64_t no) {
  parts->row.table = table;
  snprintf(parts->what, sizeof parts->what, "%s %" PRIu64, what, no);
}

static void take_value(struct parts *parts, const struct fl_record *record) {
  set_what(parts, "value", "value", record->value.no);
  add_number(parts, (int64_t)record->value.no);
  add_number(parts, (int64_t)record->value.parent_no);
  add_number(parts, record->value.kind);
  add_number(parts, (int64_t)record->value.count);
  add_number(parts, (int64_t)record->value.labels);
}

static void take_checkpoint(struct parts *parts, const struct fl_record *record) {
  set_what(parts, "checkpoint", "checkpoint", record->checkpoint.no);
  add_number(parts, (int64_t)record->checkpoint.no);
  add_number(parts, (int64_t)record->checkpoint.parent_no);
  add_number(parts, record->checkpoint.step);
  add_number(parts, record->checkpoint.wall_ms);
  add_text(parts, fl_slice_of(record->ns));
  add_text(parts, fl_slice_of(record->checkpoint.id));
  add_text(parts, fl_slice_of(record->checkpoint.source));
}

static void take_write(struct parts *parts, const struct fl_record *record) {
  set_what(parts, "write", "a write beside checkpoint", record->write.checkpoint_no);
  add_number(parts, (int64_t)record->write.checkpoint_no);
  add_number(parts, record->write.index);
  add_number(parts, (int64_t)record->write.labels);
  add_text(parts, fl_slice_of(record->write.task_id));
  add_text(parts, fl_slice_of(record->write.channel));
}

static void take_intent(struct parts *parts, const struct fl_record *record) {
  set_what(parts, "intent", "a call beside checkpoint", record->intent.checkpoint_no);
  add_number(parts, (int64_t)record->intent.checkpoint_no);
  add_number(parts, record->intent.index);
  add_number(parts, record->intent.kind);
  add_number(parts, record->intent.effect);
  add_text(parts, fl_slice_of(record->intent.task_id));
  add_text(parts, fl_slice_of(record->intent.call_id));
  add_text(parts, fl_slice_of(record->intent.name));
  add_text(parts, fl_slice_n((const char *)record->intent.argument_hash, FL_HASH_SIZE));
}

static void take_result(struct parts *parts, const struct fl_record *record) {
  set_what(parts, "result", "a result beside checkpoint", record->result.checkpoint_no);
  add_number(parts, (int64_t)record->result.checkpoint_no);
  add_number(parts, record->result.is_error);
  add_number(parts, (int64_t)record->result.labels);
  add_text(parts, fl_slice_of(record->result.call_id));
}

static void take_record(struct parts *parts, const struct fl_record *record) {
  switch (record->kind) {
  case FL_RECORD_VALUE: take_value(parts, record); return;
  case FL_RECORD_CHECKPOINT: take_checkpoint(parts, record); return;
  case FL_RECORD_WRITE: take_write(parts, record); return;
  case FL_RECORD_INTENT: take_intent(parts, record); return;
  case FL_RECORD_RESULT: take_result(parts, record); return;
  case FL_RECORD_EVENT:
    set_what(parts, "event", "event", record->event.no);
    add_number(parts, (int64_t)record->event.no);
    add_text(parts, fl_slice_of(record->event.run_id));
    return;
  default:
    set_what(parts, "thread", "its row", 0);
    snprintf(parts->what, sizeof parts->what, "its metadata");
    return;
  }
}

static void init(struct parts *parts, const struct fl_seal_thread *thread, const struct fl_record *record) {
  parts->row = (struct fl_seal_row){.owner = thread->row,
                                    .thread = thread->id,
                                    .what = parts->what,
                                    .numbers = parts->numbers,
                                    .texts = parts->texts};
  take_record(parts, record);
}

int fl_seal_record(const struct fl_seal_thread *thread, const struct fl_record *record, fl_slice *ret_text,
                   struct fl_error *err) {
  struct parts parts;
  *ret_text = fl_slice_n(record->body, record->body != NULL ? record->body_size : 0);
  if (thread->db->sealer == NULL) return 0;
  init(&parts, thread, record);
  return fl_seal_text(thread->db, &parts.row, *ret_text, ret_text, err);
}

int fl_unseal_record(const struct fl_seal_thread *thread, const struct fl_record *record, fl_slice stored,
                     fl_slice *ret_text, struct fl_error *err) {
  struct parts parts;
  *ret_text = stored;
  if (!fl_needs_unsealing(thread->db, stored)) return 0;
  init(&parts, thread, record);
  return fl_unseal_text(thread->db, &parts.row, stored, ret_text, err);
}
