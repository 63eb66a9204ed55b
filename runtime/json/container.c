/* SPDX-License-Identifier: MIT */
/* Arrays and objects. Whoever changes one must be its only owner; that is checked here, at every change. */
#include "runtime/base/check.h"
#include "runtime/json/known.h"
#include "runtime/json/raw.h"
#include "runtime/json/utf8.h"

size_t fl_size(const struct fl_value *value) {
  if (fl_is(value, FL_ARRAY)) return json_array_size(fl_raw(value));
  return json_object_size(fl_raw(value));
}

struct fl_value *fl_at(const struct fl_value *array, size_t index) {
  return fl_cooked(json_array_get(fl_raw(array), index));
}

struct fl_value *fl_get(const struct fl_value *object, const char *key) {
  return fl_cooked(json_object_get(fl_raw(object), key));
}

struct fl_value *fl_get_n(const struct fl_value *object, const char *key, size_t key_size) {
  return fl_cooked(json_object_getn(fl_raw(object), key, key_size));
}

const char *fl_get_string(const struct fl_value *object, const char *key, const char *fallback) {
  const char *text = fl_as_string(fl_get(object, key));
  return text != NULL ? text : fallback;
}

int64_t fl_get_int(const struct fl_value *object, const char *key, int64_t fallback) {
  return fl_as_int(fl_get(object, key), fallback);
}

double fl_get_double(const struct fl_value *object, const char *key, double fallback) {
  return fl_as_double(fl_get(object, key), fallback);
}

bool fl_get_bool(const struct fl_value *object, const char *key, bool fallback) {
  return fl_as_bool(fl_get(object, key), fallback);
}

bool fl_next_member(const struct fl_value *object, struct fl_member *member) {
  json_t *raw = fl_raw(object);
  void *cursor = member->cursor == NULL ? json_object_iter(raw) : json_object_iter_next(raw, member->cursor);
  if (cursor == NULL) return false;
  *member = (struct fl_member){.key = json_object_iter_key(cursor),
                               .key_size = json_object_iter_key_len(cursor),
                               .value = fl_cooked(json_object_iter_value(cursor)),
                               .cursor = cursor};
  return true;
}

void fl_json_members(const struct fl_value *object, const struct fl_json_place *places, size_t count, void *ret) {
  json_t *raw = fl_raw(object);
  for (void *at = json_object_iter(raw); at != NULL; at = json_object_iter_next(raw, at)) {
    fl_slice key = fl_slice_n(json_object_iter_key(at), json_object_iter_key_len(at));
    size_t i = 0;
    while (i < count && !fl_slice_equal(places[i].key, key)) i++;
    const struct fl_value *value = fl_cooked(json_object_iter_value(at));
    if (i < count) memcpy((char *)ret + places[i].offset, &value, sizeof value);
  }
}

static json_t *to_change(struct fl_value *container, enum fl_type type) {
  fl_check(fl_is(container, type));
  fl_check(fl_json_is_unshared(container));
  return fl_raw(container);
}

void fl_append_take(struct fl_value *array, struct fl_value *value) {
  json_t *raw = to_change(array, FL_ARRAY);
  fl_check(value != array);
  if (json_array_append_new(raw, value != NULL ? fl_raw(value) : json_null()) < 0) fl_out_of_memory();
}

void fl_set_take(struct fl_value *object, const char *key, struct fl_value *value) {
  fl_set_take_n(object, key, strlen(key), value);
}

/* A key must read back: U+FFFD takes the place of invalid bytes and of NUL, which no reader accepts in a key. */
static void repair_key(struct fl_buf *repaired, const char *key, size_t key_size) {
  while (key_size > 0) {
    size_t size = strnlen(key, key_size);
    fl_utf8_repair(repaired, fl_slice_n(key, size));
    if (size == key_size) return;
    fl_buf_add_text(repaired, "\xEF\xBF\xBD");
    key += size + 1;
    key_size -= size + 1;
  }
}

void fl_set_take_n(struct fl_value *object, const char *key, size_t key_size, struct fl_value *value) {
  json_t *raw = to_change(object, FL_OBJECT);
  fl_check(value != object);
  FL_BUF_AUTO repaired = {.limit = SIZE_MAX / 2};
  if (fl_utf8_valid_size(key, key_size) < key_size || memchr(key, 0, key_size) != NULL) {
    repair_key(&repaired, key, key_size);
    key = repaired.data;
    key_size = repaired.size;
  }
  if (json_object_setn_new_nocheck(raw, key, key_size, value != NULL ? fl_raw(value) : json_null()) < 0)
    fl_out_of_memory();
}

void fl_set_string(struct fl_value *object, const char *key, const char *text) {
  fl_set_take(object, key, text != NULL ? fl_string(text) : NULL);
}

void fl_set_int(struct fl_value *object, const char *key, int64_t value) { fl_set_take(object, key, fl_int(value)); }

void fl_set_bool(struct fl_value *object, const char *key, bool value) { fl_set_take(object, key, fl_bool(value)); }

void fl_unset(struct fl_value *object, const char *key) { json_object_del(to_change(object, FL_OBJECT), key); }

struct fl_value *fl_copy_shallow(const struct fl_value *value) {
  return value != NULL ? fl_cooked(fl_raw_must(json_copy(fl_raw(value)))) : fl_null();
}

bool fl_json_is_unshared(const struct fl_value *value) {
  return __atomic_load_n(&fl_raw(value)->refcount, __ATOMIC_ACQUIRE) == 1;
}
