/* SPDX-License-Identifier: MIT */
/* The reader: one pass over the text that builds values as it goes, by recursive descent of bounded depth (RFC 8259).
 * Strings and keys are copied once, straight out of the text when they have no escapes. */
#include "runtime/base/check.h"
#include "runtime/json/number.h"
#include "runtime/json/reader.h"

enum { AT_END = -1 };

/* What jansson's values take of the heap, about: measured with millions of each, the growing of tables counted in. */
enum { SCALAR_COST = 48, ARRAY_COST = 128, OBJECT_COST = 288, MEMBER_COST = 112 };

static json_t *read_value(struct fl_reader *reader);

/* The next byte that is no white space, without taking it. */
static inline int peek(struct fl_reader *reader) {
  for (; reader->at < reader->end; reader->at++) {
    char c = *reader->at;
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return (uint8_t)c;
  }
  return AT_END;
}

static json_t *failed(bool ok) { return NULL; }

static bool spend(struct fl_reader *reader, size_t cost) {
  if (reader->room < cost) return fl_reader_fail(reader, reader->at, FL_E_LIMIT, "the values take too much memory");
  reader->room -= cost;
  return true;
}

static bool enter(struct fl_reader *reader) {
  if (reader->depth_left == 0) return fl_reader_fail(reader, reader->at, FL_E_LIMIT, "the value is nested too deeply");
  reader->depth_left--;
  reader->at++;
  return true;
}

static json_t *leave(struct fl_reader *reader, json_t *container) {
  reader->depth_left++;
  reader->at++;
  return container;
}

static json_t *read_array(struct fl_reader *reader) {
  if (!enter(reader)) return NULL;
  json_t *array = fl_raw_must(json_array());
  int c = peek(reader);
  if (c == ']') return leave(reader, array);
  for (;;) {
    json_t *element = read_value(reader);
    if (element == NULL) break;
    if (json_array_append_new(array, element) < 0) fl_out_of_memory();
    c = peek(reader);
    if (c == ']') return leave(reader, array);
    if (c != ',') {
      fl_reader_expect(reader, reader->at, "',' or ']'");
      break;
    }
    reader->at++;
  }
  json_decref(array);
  return NULL;
}

/* Equal bytes are an equal value, and end where it ends: what is remembered is an object, up to its brace. */
static json_t *recall(struct fl_reader *reader) {
  struct fl_json_memo *memo = reader->memo;
  size_t size = memo->text.size;
  bool is_same = memo->value != NULL && reader->depth_left >= memo->depth_left &&
                 (size_t)(reader->end - reader->at) >= size && memcmp(reader->at, memo->text.data, size) == 0;
  if (!is_same) return NULL;
  reader->at += size;
  return json_incref(fl_raw(memo->value));
}

static void remember(struct fl_json_memo *memo, fl_slice text, size_t depth_left, json_t *value) {
  if (!json_is_object(value) || text.size > FL_JSON_MEMO_SIZE_MAX) return;
  fl_value_unref(memo->value);
  memo->value = fl_cooked(json_incref(value));
  memo->depth_left = depth_left;
  fl_buf_clear(&memo->text);
  fl_buf_add(&memo->text, text.data, text.size);
}

static json_t *read_remembered(struct fl_reader *reader) {
  peek(reader);
  json_t *value = recall(reader);
  if (value != NULL) return value;
  const char *begin = reader->at;
  size_t depth_left = reader->depth_left;
  value = read_value(reader);
  if (value != NULL) remember(reader->memo, fl_slice_n(begin, (size_t)(reader->at - begin)), depth_left, value);
  return value;
}

void fl_json_memo_deinit(struct fl_json_memo *memo) {
  fl_value_unref(memo->value);
  memo->value = NULL;
  fl_buf_deinit(&memo->text);
}

/* The value, but the key was read before: its bytes may lie in the scratch buffer, which the value overwrites. */
static bool read_member_value(struct fl_reader *reader, json_t *object, fl_slice key, const char *key_at) {
  FL_FREE_AUTO char *copy = NULL;
  if (key.data == reader->scratch.data) key.data = copy = fl_strndup(key.data, key.size);
  bool is_known = reader->memo != NULL && fl_slice_equal(key, reader->memo->key);
  json_t *value = is_known ? read_remembered(reader) : read_value(reader);
  if (value == NULL) return false;
  size_t count = json_object_size(object);
  if (json_object_setn_new_nocheck(object, key.data, key.size, value) < 0) fl_out_of_memory();
  if (reader->is_strict && json_object_size(object) == count)
    return fl_reader_fail(reader, key_at, FL_E_SYNTAX, "the key stands in this object twice");
  return true;
}

static bool read_member(struct fl_reader *reader, json_t *object) {
  fl_slice key;
  if (peek(reader) != '"') return fl_reader_expect(reader, reader->at, "a key in quotes");
  const char *key_at = reader->at;
  if (!fl_reader_string(reader, &key)) return false;
  if (key.data == reader->scratch.data && memchr(key.data, 0, key.size) != NULL)
    return fl_reader_fail(reader, key_at, FL_E_SYNTAX, "a NUL character is not allowed in a key");
  if (peek(reader) != ':') return fl_reader_expect(reader, reader->at, "':'");
  if (!spend(reader, MEMBER_COST + key.size)) return false;
  reader->at++;
  return read_member_value(reader, object, key, key_at);
}

/* From the key of a member on; takes the object. */
static json_t *read_members(struct fl_reader *reader, json_t *object) {
  while (read_member(reader, object)) {
    int c = peek(reader);
    if (c == '}') return leave(reader, object);
    if (c != ',') {
      fl_reader_expect(reader, reader->at, "',' or '}'");
      break;
    }
    reader->at++;
  }
  json_decref(object);
  return NULL;
}

static json_t *read_object(struct fl_reader *reader) {
  if (!enter(reader)) return NULL;
  json_t *object = fl_raw_must(json_object());
  return peek(reader) == '}' ? leave(reader, object) : read_members(reader, object);
}

static json_t *read_number(struct fl_reader *reader) {
  struct fl_number number;
  const char *end = fl_number_read(reader->at, reader->end, &number);
  if (number.kind == FL_NUMBER_BAD) return failed(fl_reader_expect(reader, end, "a number as JSON writes it"));
  if (number.kind == FL_NUMBER_INFINITE)
    return failed(fl_reader_fail(reader, reader->at, FL_E_LIMIT, "the number is beyond the range of a double"));
  if (number.kind == FL_NUMBER_WIDE && reader->is_strict)
    return failed(fl_reader_fail(reader, reader->at, FL_E_LIMIT, "the integer does not fit 64 bits"));
  reader->at = end;
  return fl_raw_must(number.kind == FL_NUMBER_INT ? json_integer(number.integer) : json_real(number.real));
}

static json_t *read_word(struct fl_reader *reader, fl_slice word, json_t *value) {
  if (!fl_slice_starts(fl_slice_n(reader->at, (size_t)(reader->end - reader->at)), word))
    return failed(fl_reader_expect(reader, reader->at, "a value"));
  reader->at += word.size;
  return value;
}

static json_t *read_string(struct fl_reader *reader) {
  fl_slice text;
  if (!fl_reader_string(reader, &text) || !spend(reader, text.size)) return NULL;
  return fl_raw_must(json_stringn_nocheck(text.data, text.size));
}

static json_t *read_value(struct fl_reader *reader) {
  int c = peek(reader);
  if (!spend(reader, c == '{' ? OBJECT_COST : c == '[' ? ARRAY_COST : SCALAR_COST)) return NULL;
  switch (c) {
  case '"': return read_string(reader);
  case '{': return read_object(reader);
  case '[': return read_array(reader);
  case 't': return read_word(reader, FL_SLICE("true"), json_true());
  case 'f': return read_word(reader, FL_SLICE("false"), json_false());
  case 'n': return read_word(reader, FL_SLICE("null"), json_null());
  case '-':
  case '0' ... '9': return read_number(reader);
  default: return failed(fl_reader_expect(reader, reader->at, "a value"));
  }
}

static struct fl_reader reader_of(fl_slice text, enum fl_json_mode mode) {
  if (text.size == 0) text.data = "";
  return (struct fl_reader){.at = text.data,
                            .end = text.data + text.size,
                            .begin = text.data,
                            .scratch = {.limit = SIZE_MAX / 2},
                            .room = SIZE_MAX,
                            .depth_left = mode == FL_JSON_STRICT ? FL_JSON_DEPTH_STRICT : FL_JSON_DEPTH_FULL,
                            .is_strict = mode == FL_JSON_STRICT};
}

int fl_json_read_prefix(fl_slice text, enum fl_json_mode mode, struct fl_value **ret_value, size_t *ret_used,
                        struct fl_error *err) {
  struct fl_reader reader = reader_of(text, mode);
  json_t *value = read_value(&reader);
  fl_buf_deinit(&reader.scratch);
  if (value == NULL) return fl_reader_report(&reader, err);
  *ret_value = fl_cooked(value);
  *ret_used = (size_t)(reader.at - reader.begin);
  return 0;
}

static int read_whole(struct fl_reader *reader, struct fl_value **ret_value, struct fl_error *err) {
  json_t *value = read_value(reader);
  fl_buf_deinit(&reader->scratch);
  if (value != NULL && peek(reader) != AT_END) {
    fl_reader_expect(reader, reader->at, "nothing more after the value");
    json_decref(value);
    value = NULL;
  }
  if (value == NULL) return fl_reader_report(reader, err);
  *ret_value = fl_cooked(value);
  return 0;
}

int fl_json_read(fl_slice text, enum fl_json_mode mode, struct fl_value **ret_value, struct fl_error *err) {
  struct fl_reader reader = reader_of(text, mode);
  return read_whole(&reader, ret_value, err);
}

static size_t room_beside(fl_slice text) { return text.size < FL_JSON_MEMORY_MAX ? FL_JSON_MEMORY_MAX - text.size : 0; }

int fl_json_read_memo(fl_slice text, struct fl_json_memo *memo, struct fl_value **ret_value, struct fl_error *err) {
  struct fl_reader reader = reader_of(text, FL_JSON_STRICT);
  reader.memo = memo;
  reader.room = room_beside(text);
  return read_whole(&reader, ret_value, err);
}

/* ---- objects whose members are known ---- */

enum { KNOWN_MAX = 8 };

struct known {
  const struct fl_json_place *places;
  size_t count;
  char *ret;
  size_t order[KNOWN_MAX], read_count; /* what was read, first to last */
};

enum next { NEXT_READ, NEXT_OTHER /* no member that has a place */, NEXT_FAILED };

static struct fl_value **place_of(const struct known *known, size_t index) {
  return (struct fl_value **)(void *)(known->ret + known->places[index].offset);
}

static enum next read_known_member(struct fl_reader *reader, struct known *known) {
  fl_slice key;
  size_t i = 0;
  if (peek(reader) != '"') return fl_reader_expect(reader, reader->at, "a key in quotes"), NEXT_FAILED;
  const char *key_at = reader->at;
  if (!fl_reader_string(reader, &key)) return NEXT_FAILED;
  while (i < known->count && !fl_slice_equal(known->places[i].key, key)) i++;
  if (i == known->count || *place_of(known, i) != NULL) {
    reader->at = key_at;
    return NEXT_OTHER;
  }
  if (peek(reader) != ':') return fl_reader_expect(reader, reader->at, "':'"), NEXT_FAILED;
  reader->at++;
  *place_of(known, i) = fl_cooked(read_value(reader));
  if (*place_of(known, i) == NULL) return NEXT_FAILED;
  known->order[known->read_count++] = i;
  return NEXT_READ;
}

/* The object that was read so far as its members alone. */
static json_t *gather(struct known *known) {
  json_t *object = fl_raw_must(json_object());
  for (size_t n = 0; n < known->read_count; n++) {
    size_t i = known->order[n];
    fl_slice key = known->places[i].key;
    if (json_object_setn_new_nocheck(object, key.data, key.size, fl_raw(*place_of(known, i))) < 0) fl_out_of_memory();
    *place_of(known, i) = NULL;
  }
  known->read_count = 0;
  return object;
}

/* *ret_other: the value, when it has more than has a place. */
static bool read_known_object(struct fl_reader *reader, struct known *known, json_t **ret_other) {
  if (peek(reader) != '{') return (*ret_other = read_value(reader)) != NULL;
  if (!enter(reader)) return false;
  if (peek(reader) == '}') return (*ret_other = leave(reader, gather(known))) != NULL;
  for (;;) {
    enum next next = read_known_member(reader, known);
    if (next == NEXT_OTHER) return (*ret_other = read_members(reader, gather(known))) != NULL;
    if (next == NEXT_FAILED) return false;
    int c = peek(reader);
    if (c != '}' && c != ',') return fl_reader_expect(reader, reader->at, "',' or '}'");
    if (c == '}') return leave(reader, NULL), true;
    reader->at++;
  }
}

int fl_json_read_known(fl_slice text, const struct fl_json_known *how, struct fl_value **ret_value, void *ret,
                       struct fl_error *err) {
  struct fl_reader reader = reader_of(text, FL_JSON_STRICT);
  struct known known = {.places = how->places, .count = how->count, .ret = ret};
  json_t *other = NULL;
  fl_check(how->count <= KNOWN_MAX);
  reader.memo = how->memo;
  reader.room = room_beside(text);
  for (size_t i = 0; i < how->count; i++) *place_of(&known, i) = NULL;
  bool is_read = read_known_object(&reader, &known, &other);
  fl_buf_deinit(&reader.scratch);
  if (is_read && peek(&reader) != AT_END)
    is_read = fl_reader_expect(&reader, reader.at, "nothing more after the value");
  *ret_value = is_read ? fl_cooked(other) : NULL;
  if (is_read) return 0;
  json_decref(other);
  for (size_t i = 0; i < how->count; i++) {
    fl_value_unref(*place_of(&known, i));
    *place_of(&known, i) = NULL;
  }
  return fl_reader_report(&reader, err);
}

int fl_parse(const char *text, size_t size, struct fl_value **ret_value, struct fl_error *err) {
  return fl_json_read(fl_slice_n(text, size), FL_JSON_STRICT, ret_value, err);
}
