/* SPDX-License-Identifier: MIT */
/* The plain data between the core and the store: making it, moving it, freeing it. Pure. */
#include "graph/record.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"

static void record_free_strings(struct fl_record *record) {
  switch (record->kind) {
  case FL_RECORD_VALUE:
    fl_free(record->value.channel);
    fl_free(record->value.origin);
    break;
  case FL_RECORD_CHECKPOINT:
    fl_free(record->checkpoint.source);
    fl_free(record->checkpoint.manifest_hash);
    break;
  case FL_RECORD_WRITE:
    fl_free(record->write.channel);
    fl_free(record->write.origin);
    break;
  case FL_RECORD_INTENT:
    fl_free(record->intent.name);
    fl_free(record->intent.key);
    fl_free(record->intent.manifest_hash);
    break;
  case FL_RECORD_RESULT: fl_free(record->result.origin); break;
  case FL_RECORD_EVENT: break;
  case FL_RECORD_THREAD:
    fl_free(record->thread.graph_name);
    fl_free(record->thread.graph_file);
    fl_free(record->thread.status);
    break;
  case FL_RECORD_TRACE:
    fl_free(record->trace.graph);
    fl_free(record->trace.user);
    break;
  case FL_RECORD_AUDIT: fl_free(record->audit.what); break;
  }
  fl_free(record->ns);
  fl_free(record->body);
}

void fl_records_free(struct fl_records *records) {
  for (size_t i = 0; i < records->count; i++) record_free_strings(&records->items[i]);
  fl_free(records->items);
  *records = (struct fl_records){0};
}

static void records_reserve(struct fl_records *records, size_t more) {
  size_t needed = records->count + more;
  fl_check(needed >= more && needed <= SIZE_MAX / sizeof *records->items / 2);
  if (needed <= records->capacity) return;
  size_t capacity = records->capacity * 2;
  if (capacity < needed) capacity = needed;
  records->items = fl_realloc(records->items, capacity * sizeof *records->items);
  records->capacity = capacity;
}

struct fl_record *fl_records_add(struct fl_records *records, enum fl_record_kind kind, const char *ns) {
  records_reserve(records, 1);
  struct fl_record *record = &records->items[records->count++];
  *record = (struct fl_record){.kind = kind, .ns = fl_strdup(ns != NULL ? ns : "")};
  return record;
}

void fl_records_move(struct fl_records *to, struct fl_records *from) {
  fl_check(to != from);
  if (to->count == 0) {
    struct fl_records spare = *to;
    *to = *from;
    *from = spare;
  } else if (from->count > 0) {
    records_reserve(to, from->count);
    memcpy(to->items + to->count, from->items, from->count * sizeof *from->items);
    to->count += from->count;
  }
  from->count = 0;
}

static void loaded_free_calls(struct fl_loaded *loaded) {
  for (size_t i = 0; i < loaded->call_count; i++) {
    fl_free(loaded->calls[i].name);
    fl_value_unref(loaded->calls[i].args);
    fl_value_unref(loaded->calls[i].result);
  }
  fl_free(loaded->calls);
}

void fl_loaded_deinit(struct fl_loaded *loaded) {
  for (size_t i = 0; i < loaded->channel_count; i++) {
    fl_free(loaded->channels[i].name);
    fl_value_unref(loaded->channels[i].var.value);
    fl_list_unref(loaded->channels[i].var.list);
  }
  fl_free(loaded->channels);
  for (size_t i = 0; i < loaded->write_count; i++) {
    fl_free(loaded->writes[i].channel);
    fl_value_unref(loaded->writes[i].value);
  }
  fl_free(loaded->writes);
  loaded_free_calls(loaded);
  fl_free(loaded->source);
  fl_value_unref(loaded->body);
  *loaded = (struct fl_loaded){0};
}
