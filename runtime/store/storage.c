/* SPDX-License-Identifier: MIT */
/* What a thread takes, part by part. */
#include "runtime/base/mem.h"
#include "runtime/store/plan.h"
#include "runtime/store/store.h"

#include <stdlib.h>

static const char *const beside_names[] = {"(checkpoints)", "(writes)", "(calls)", "(events)"};

static struct fl_storage_part *part_of(struct fl_storage *storage, const char *name) {
  for (size_t i = 0; i < storage->part_count; i++)
    if (strcmp(storage->parts[i].name, name) == 0) return &storage->parts[i];
  storage->parts = fl_realloc(storage->parts, (storage->part_count + 1) * sizeof *storage->parts);
  struct fl_storage_part *part = &storage->parts[storage->part_count++];
  *part = (struct fl_storage_part){.name = fl_strdup(name)};
  return part;
}

static const char *name_of(const struct fl_record *record) {
  switch (record->kind) {
  case FL_RECORD_VALUE: return record->value.channel;
  case FL_RECORD_CHECKPOINT: return beside_names[0];
  case FL_RECORD_WRITE: return beside_names[1];
  case FL_RECORD_INTENT:
  case FL_RECORD_RESULT: return beside_names[2];
  case FL_RECORD_EVENT: return beside_names[3];
  default: return NULL;
  }
}

static int count_record(const struct fl_record *record, void *user, struct fl_error *err) {
  struct fl_storage *storage = user;
  const char *name = name_of(record);
  if (name == NULL) return 0;
  bool is_second = record->kind == FL_RECORD_RESULT; /* stands in the row of its intent */
  uint64_t bytes = record->body_size + (is_second ? 0 : FL_ROW_OVERHEAD);
  struct fl_storage_part *part = part_of(storage, name);
  part->rows += !is_second;
  part->bytes += bytes;
  storage->rows += !is_second;
  storage->bytes += bytes;
  return 0;
}

static int compare_parts(const void *left, const void *right) {
  const struct fl_storage_part *a = left, *b = right;
  bool is_beside_a = a->name[0] == '(', is_beside_b = b->name[0] == '(';
  return is_beside_a != is_beside_b ? is_beside_a - is_beside_b : strcmp(a->name, b->name);
}

int fl_store_read_storage(struct fl_store *store, const char *thread, struct fl_storage *ret_storage,
                          struct fl_error *err) {
  struct fl_storage storage = {0};
  int status = fl_store_read_all(store, thread, count_record, &storage, err);
  if (status != 0) {
    fl_storage_deinit(&storage);
    return status;
  }
  if (storage.part_count > 1) qsort(storage.parts, storage.part_count, sizeof *storage.parts, compare_parts);
  *ret_storage = storage;
  return 0;
}

void fl_storage_deinit(struct fl_storage *storage) {
  for (size_t i = 0; i < storage->part_count; i++) fl_free(storage->parts[i].name);
  fl_free(storage->parts);
  *storage = (struct fl_storage){0};
}
