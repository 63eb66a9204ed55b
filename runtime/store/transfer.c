/* SPDX-License-Identifier: MIT */
/* A thread as JSON lines. Each line is {"sum":"16 hex digits",REST: the first 8 bytes of the BLAKE2b of REST, so a line
 * that was changed is told by its number. The end holds the hash of all bytes before it, so none is missing, doubled or
 * moved. Bodies stand in the lines as the store has them, byte for byte. Pure but for reading the store. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/store/store.h"

#include <inttypes.h>
#include <stdio.h>

enum { FORMAT = 1, SUM_SIZE = 16, FRONT_SIZE = 8 + SUM_SIZE + 2 }; /* {"sum":" … ", */

static const char *const kind_names[] = {"value", "checkpoint", "write", "intent", "result", "event", "thread"};
enum { KIND_COUNT = sizeof kind_names / sizeof kind_names[0] };

static void sum_of(fl_slice rest, char ret_sum[SUM_SIZE + 1]) {
  uint8_t hash[FL_HASH_SIZE];
  fl_hash_bytes(rest, hash);
  fl_hex(hash, SUM_SIZE / 2, ret_sum);
}

/* ---- the members of a line: one table for both ways ---- */

enum field_kind {
  FIELD_NO,     /* uint64_t */
  FIELD_COUNT,  /* uint64_t; 0 is left out */
  FIELD_NUMBER, /* int64_t */
  FIELD_INDEX,  /* int */
  FIELD_WORD,   /* an enumeration */
  FIELD_BOOL,
  FIELD_ID,   /* char[FL_UUID_SIZE]; "" is left out */
  FIELD_TEXT, /* char *; NULL and "" are left out, and read as NULL */
  FIELD_NAME, /* the same, but read as "" */
  FIELD_HASH, /* uint8_t[FL_HASH_SIZE] as hex */
};

struct field {
  const char *key;
  enum field_kind kind;
  size_t offset; /* in struct fl_record */
};
#define FIELD(key, kind, member) \
  { key, FIELD_##kind, offsetof(struct fl_record, member) }
#define FIELDS_MAX 12

static const struct field fields[KIND_COUNT][FIELDS_MAX] = {
    [FL_RECORD_VALUE] = {FIELD("no", NO, value.no), FIELD("channel", TEXT, value.channel),
                         FIELD("parent", COUNT, value.parent_no), FIELD("kind", WORD, value.kind),
                         FIELD("count", COUNT, value.count), FIELD("labels", COUNT, value.labels),
                         FIELD("origin", TEXT, value.origin)},
    [FL_RECORD_CHECKPOINT] = {FIELD("no", NO, checkpoint.no), FIELD("parent", COUNT, checkpoint.parent_no),
                              FIELD("id", ID, checkpoint.id), FIELD("step", NUMBER, checkpoint.step),
                              FIELD("source", TEXT, checkpoint.source), FIELD("wall_ms", NUMBER, checkpoint.wall_ms),
                              FIELD("manifest", TEXT, checkpoint.manifest_hash)},
    [FL_RECORD_WRITE] = {FIELD("checkpoint", NO, write.checkpoint_no), FIELD("task", ID, write.task_id),
                         FIELD("index", INDEX, write.index), FIELD("channel", NAME, write.channel),
                         FIELD("labels", COUNT, write.labels), FIELD("origin", TEXT, write.origin)},
    [FL_RECORD_INTENT] = {FIELD("checkpoint", NO, intent.checkpoint_no), FIELD("task", ID, intent.task_id),
                          FIELD("index", INDEX, intent.index), FIELD("call", ID, intent.call_id),
                          FIELD("kind", WORD, intent.kind), FIELD("effect", WORD, intent.effect),
                          FIELD("name", NAME, intent.name), FIELD("key", TEXT, intent.key),
                          FIELD("hash", HASH, intent.argument_hash), FIELD("manifest", TEXT, intent.manifest_hash)},
    [FL_RECORD_RESULT] = {FIELD("checkpoint", NO, result.checkpoint_no), FIELD("task", ID, result.task_id),
                          FIELD("call", ID, result.call_id), FIELD("is_error", BOOL, result.is_error),
                          FIELD("labels", COUNT, result.labels), FIELD("origin", TEXT, result.origin)},
    [FL_RECORD_EVENT] = {FIELD("run", ID, event.run_id)},
    [FL_RECORD_THREAD] = {FIELD("graph", TEXT, thread.graph_name), FIELD("file", TEXT, thread.graph_file),
                          FIELD("status", TEXT, thread.status), FIELD("updated_ms", NUMBER, thread.wall_ms)},
};

static void say_text(struct fl_value *object, const char *key, const char *text) {
  if (text != NULL && text[0] != 0) fl_set_string(object, key, text);
}

static void say_field(const struct field *field, const struct fl_record *record, struct fl_value *object) {
  const void *at = (const char *)record + field->offset;
  char hex[2 * FL_HASH_SIZE + 1];
  switch (field->kind) {
  case FIELD_COUNT:
    if (*(const uint64_t *)at == 0) return;
    fl_set_int(object, field->key, (int64_t) * (const uint64_t *)at);
    break;
  case FIELD_NO: fl_set_int(object, field->key, (int64_t) * (const uint64_t *)at); break;
  case FIELD_NUMBER: fl_set_int(object, field->key, *(const int64_t *)at); break;
  case FIELD_INDEX:
  case FIELD_WORD: fl_set_int(object, field->key, *(const int *)at); break;
  case FIELD_BOOL: fl_set_bool(object, field->key, *(const bool *)at); break;
  case FIELD_ID: say_text(object, field->key, at); break;
  case FIELD_TEXT:
  case FIELD_NAME: say_text(object, field->key, *(char *const *)at); break;
  case FIELD_HASH:
    fl_hex(at, FL_HASH_SIZE, hex);
    fl_set_string(object, field->key, hex);
    break;
  }
}

static uint64_t number_of(const struct fl_value *object, const char *key) {
  int64_t number = fl_get_int(object, key, 0);
  return number > 0 ? (uint64_t)number : 0;
}

/* Hex to bytes; what is no hex stays 0. */
static void read_hash(const char *hex, uint8_t *ret_hash) {
  for (size_t i = 0; i < FL_HASH_SIZE && strlen(hex) == 2 * FL_HASH_SIZE; i++) {
    unsigned byte = 0;
    if (sscanf(hex + 2 * i, "%2x", &byte) == 1) ret_hash[i] = (uint8_t)byte;
  }
}

/* What is missing or of another type stays as a cleared record has it. */
static void read_field(const struct field *field, const struct fl_value *object, struct fl_record *record) {
  void *at = (char *)record + field->offset;
  const char *text = fl_get_string(object, field->key, NULL);
  switch (field->kind) {
  case FIELD_NO:
  case FIELD_COUNT: *(uint64_t *)at = number_of(object, field->key); break;
  case FIELD_NUMBER: *(int64_t *)at = fl_get_int(object, field->key, 0); break;
  case FIELD_INDEX: *(int *)at = (int)fl_get_int(object, field->key, 0); break;
  case FIELD_WORD: *(int *)at = (int)number_of(object, field->key); break;
  case FIELD_BOOL: *(bool *)at = fl_get_bool(object, field->key, false); break;
  case FIELD_ID: snprintf(at, FL_UUID_SIZE, "%s", text != NULL ? text : ""); break;
  case FIELD_TEXT: *(char **)at = fl_strdup(text); break;
  case FIELD_NAME: *(char **)at = fl_strdup(text != NULL ? text : ""); break;
  case FIELD_HASH: read_hash(text != NULL ? text : "", at); break;
  }
}

/* ---- writing ---- */

struct writer {
  struct fl_buf *text;
  size_t start; /* of this thread in the text */
  uint64_t line_count;
};

static void add_line(struct writer *writer, fl_slice rest) {
  char sum[SUM_SIZE + 1];
  sum_of(rest, sum);
  fl_buf_addf(writer->text, "{\"sum\":\"%s\",", sum);
  fl_buf_add(writer->text, rest.data, rest.size);
  fl_buf_add_char(writer->text, '\n');
  writer->line_count++;
}

/* Events are opaque to the store; what is no JSON on one line travels as a string. */
static bool is_plain(const struct fl_record *record) {
  if (memchr(record->body, '\n', record->body_size) != NULL) return false;
  if (record->kind != FL_RECORD_EVENT) return true;
  FL_VALUE_AUTO value = NULL;
  return fl_json_read(fl_slice_n(record->body, record->body_size), FL_JSON_FULL, &value, NULL) == 0;
}

static int write_record(const struct fl_record *record, void *user, struct fl_error *err) {
  struct writer *writer = user;
  FL_BUF_AUTO rest = {.limit = SIZE_MAX / 2};
  FL_VALUE_AUTO object = fl_object();
  say_text(object, "ns", record->ns);
  for (const struct field *field = fields[record->kind]; field->key != NULL; field++) say_field(field, record, object);
  fl_buf_addf(&rest, "\"%s\":", kind_names[record->kind]);
  fl_json_write(&rest, object, FL_JSON_COMPACT);
  if (record->body != NULL && is_plain(record)) {
    fl_buf_add_text(&rest, ",\"body\":");
    fl_buf_add(&rest, record->body, record->body_size);
  } else if (record->body != NULL) {
    fl_buf_add_text(&rest, ",\"text\":");
    fl_json_write_string(&rest, fl_slice_n(record->body, record->body_size));
  }
  fl_buf_add_char(&rest, '}');
  add_line(writer, fl_buf_slice(&rest));
  return writer->text->failed ? fl_error_set(err, FL_E_LIMIT, "the thread is too large to be exported") : 0;
}

static void write_header(struct writer *writer, const struct fl_thread_info *info) {
  FL_BUF_AUTO rest = {0};
  fl_buf_addf(&rest, "\"fairlead\":\"thread\",\"format\":%d,\"id\":\"%s\",\"created_ms\":%" PRId64 "}", FORMAT,
              info->id, info->created_ms);
  add_line(writer, fl_buf_slice(&rest));
}

static void write_end(struct writer *writer) {
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1];
  FL_BUF_AUTO rest = {0};
  fl_hash_bytes(fl_slice_n(writer->text->data + writer->start, writer->text->size - writer->start), hash);
  fl_hex(hash, FL_HASH_SIZE, hex);
  fl_buf_addf(&rest, "\"end\":{\"lines\":%" PRIu64 ",\"hash\":\"%s\"}}", writer->line_count, hex);
  add_line(writer, fl_buf_slice(&rest));
}

int fl_thread_export(struct fl_store *store, const char *thread, struct fl_buf *text, struct fl_error *err) {
  struct fl_thread_info info = {0};
  struct writer writer = {.text = text, .start = text->size};
  int status = fl_store_read_thread(store, thread, &info, err);
  if (status != 0) return status;
  write_header(&writer, &info);
  fl_thread_info_deinit(&info);
  status = fl_store_read_all(store, thread, write_record, &writer, err);
  if (status == 0) write_end(&writer);
  if (status == 0 && text->failed) status = fl_error_set(err, FL_E_LIMIT, "the thread is too large to be exported");
  return status;
}

/* ---- reading ---- */

struct reader {
  fl_slice text, line;
  size_t at; /* of the next line */
  uint64_t line_count;
  bool has_ended;
  struct fl_thread_file *file;
};

static int corrupt(const struct reader *reader, const char *what, struct fl_error *err) {
  return fl_error_set(err, FL_E_CORRUPT, "line %" PRIu64 ": %s; nothing was imported", reader->line_count, what);
}

/* The next line without its end, its sum checked. */
static int next_line(struct reader *reader, struct fl_error *err) {
  const char *from = reader->text.data + reader->at;
  size_t left = reader->text.size - reader->at;
  const char *end = memchr(from, '\n', left);
  reader->line_count++;
  if (end == NULL)
    return fl_error_set(err, FL_E_TRUNCATED, "line %" PRIu64 ": the file ends in the middle; nothing was imported",
                        reader->line_count);
  reader->line = fl_slice_n(from, (size_t)(end - from));
  reader->at += reader->line.size + 1;
  char sum[SUM_SIZE + 1];
  if (reader->line.size <= FRONT_SIZE || memcmp(from, "{\"sum\":\"", 8) != 0)
    return reader->line_count == 1
               ? fl_error_set(err, FL_E_SYNTAX, "it is not an exported thread: the first line has no check sum")
               : corrupt(reader, "it has no check sum", err);
  sum_of(fl_slice_n(from + FRONT_SIZE, reader->line.size - FRONT_SIZE), sum);
  return memcmp(from + 8, sum, SUM_SIZE) == 0 ? 0 : corrupt(reader, "it was changed, its check sum does not fit", err);
}

static int read_header(struct reader *reader, struct fl_error *err) {
  FL_VALUE_AUTO value = NULL;
  int status = next_line(reader, err);
  if (status != 0) return status;
  status = fl_json_read(reader->line, FL_JSON_FULL, &value, err);
  if (status != 0 || strcmp(fl_get_string(value, "fairlead", ""), "thread") != 0)
    return fl_error_set(err, FL_E_SYNTAX, "it is not an exported thread");
  int64_t format = fl_get_int(value, "format", 0);
  if (format != FORMAT)
    return fl_error_set(err, FL_E_VERSION, "its format is %" PRId64 ", this fairlead knows %d; update fairlead", format,
                        FORMAT);
  const char *id = fl_get_string(value, "id", "");
  if (!fl_is_thread_id(id)) return corrupt(reader, "it names no thread", err);
  snprintf(reader->file->id, sizeof reader->file->id, "%s", id);
  reader->file->created_ms = fl_get_int(value, "created_ms", 0);
  return 0;
}

static int read_end(struct reader *reader, const struct fl_value *end, struct fl_error *err) {
  uint8_t hash[FL_HASH_SIZE];
  char hex[2 * FL_HASH_SIZE + 1];
  size_t before = reader->at - reader->line.size - 1;
  fl_hash_bytes(fl_slice_n(reader->text.data, before), hash);
  fl_hex(hash, FL_HASH_SIZE, hex);
  if (strcmp(hex, fl_get_string(end, "hash", "")) != 0 ||
      fl_get_int(end, "lines", 0) != (int64_t)reader->line_count - 1)
    return corrupt(reader, "lines before it are missing, doubled or in another order", err);
  if (reader->at != reader->text.size) return corrupt(reader, "something follows the end", err);
  reader->has_ended = true;
  return 0;
}

/* Lists are read from the text of values, where no member may stand twice (list.h); a file may have been written by
 * anybody, so what it says is written anew. That changes nothing of what a store has exported. */
static fl_slice rewritten(fl_slice body, struct fl_buf *scratch) {
  FL_VALUE_AUTO value = NULL;
  scratch->limit = SIZE_MAX / 2;
  if (fl_json_read(body, FL_JSON_FULL, &value, NULL) != 0) return body;
  return fl_json_write(scratch, value, FL_JSON_COMPACT) == 0 ? fl_buf_slice(scratch) : body;
}

static void take_body(const struct reader *reader, const struct fl_value *value, struct fl_record *record) {
  const struct fl_value *text = fl_get(value, "text");
  FL_BUF_AUTO scratch = {0};
  fl_slice body = fl_json_find_member(reader->line, FL_SLICE("body"));
  if (text != NULL) body = fl_slice_n(fl_as_string(text), fl_string_size(text));
  if (body.data == NULL || (body.size == 0 && text == NULL)) return;
  if (record->kind == FL_RECORD_VALUE) body = rewritten(body, &scratch);
  record->body = fl_strndup(body.data, body.size);
  record->body_size = body.size;
}

static int read_record(struct reader *reader, struct fl_error *err) {
  FL_VALUE_AUTO value = NULL;
  int status = next_line(reader, err);
  if (status != 0) return status;
  if (fl_json_read(reader->line, FL_JSON_FULL, &value, NULL) != 0) return corrupt(reader, "it is no JSON", err);
  const struct fl_value *end = fl_get(value, "end");
  if (end != NULL) return read_end(reader, end, err);
  for (size_t kind = 0; kind < KIND_COUNT; kind++) {
    const struct fl_value *object = fl_get(value, kind_names[kind]);
    if (!fl_is(object, FL_OBJECT)) continue;
    struct fl_record *record =
        fl_records_add(&reader->file->records, (enum fl_record_kind)kind, fl_get_string(object, "ns", ""));
    for (const struct field *field = fields[kind]; field->key != NULL; field++) read_field(field, object, record);
    take_body(reader, value, record);
    return 0;
  }
  return corrupt(reader, "it is of an unknown kind", err);
}

int fl_thread_file_read(fl_slice text, struct fl_thread_file *ret_file, struct fl_error *err) {
  struct fl_thread_file file = {0};
  struct reader reader = {.text = text, .file = &file};
  struct fl_error own_error = {0};
  if (err == NULL) err = &own_error;
  if (text.size == 0) return fl_error_set(err, FL_E_SYNTAX, "it is not an exported thread: it is empty");
  int status = read_header(&reader, err);
  while (status == 0 && !reader.has_ended) {
    if (reader.at == text.size)
      status = fl_error_set(err, FL_E_TRUNCATED,
                            "the file ends after line %" PRIu64 ", before its end line; nothing"
                            " was imported",
                            reader.line_count);
    else status = read_record(&reader, err);
  }
  bool begins_well = file.records.count > 0 && file.records.items[0].kind == FL_RECORD_THREAD;
  if (status == 0 && !begins_well) status = corrupt(&reader, "the thread itself is missing", err);
  if (status == 0) *ret_file = file;
  else fl_thread_file_deinit(&file);
  return status;
}

void fl_thread_file_deinit(struct fl_thread_file *file) {
  fl_records_deinit(&file->records);
  *file = (struct fl_thread_file){0};
}
