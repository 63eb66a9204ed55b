/* SPDX-License-Identifier: MIT */
#include "runtime/json/list.h"

#include "runtime/base/buf.h"
#include "runtime/base/check.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

/* An element: a value, a text, or both (the text stays when it is parsed, because slices of it are lent). Several
 * spines may share one. */
struct item {
  size_t refs;
  struct fl_value *value; /* NULL until parsed */
  size_t text_size;       /* 0 when it exists only as a value */
  char text[];
};

enum { NO_INDEX = 0 }; /* indexes in `slot.previous` and in the map are one higher */

struct slot {
  struct item *item;
  size_t previous; /* the one before with the same id, once indexed */
};

struct spine {
  size_t refs;
  struct slot *slots;
  size_t count;
  size_t capacity;
  struct fl_map ids; /* id to index of its last element; covers the first `indexed_count` */
  size_t indexed_count;
};

struct fl_list {
  size_t refs;
  struct spine *spine;
  size_t size;
};

static struct item *item_create(struct fl_value *value, fl_slice text) {
  struct item *item = fl_alloc(sizeof *item + text.size);
  *item = (struct item){.refs = 1, .value = value, .text_size = text.size};
  if (text.size > 0) memcpy(item->text, text.data, text.size);
  return item;
}

static void item_unref(struct item *item) {
  if (--item->refs > 0) return;
  fl_value_unref(item->value);
  fl_free(item);
}

static struct fl_value *item_value(struct item *item) {
  if (item->value != NULL) return item->value;
  fl_slice text = {item->text, item->text_size};
  if (fl_json_read(text, FL_JSON_FULL, &item->value, NULL) < 0) item->value = fl_null();
  return item->value;
}

static fl_slice string_slice(const struct fl_value *value) {
  return fl_slice_n(fl_as_string(value), fl_string_size(value));
}

/* The id, lent; data NULL when there is none. It is looked up in the text, so that an index does not parse every
 * message, except where it is written with escapes. */
static fl_slice item_id(struct item *item) {
  if (item->value != NULL) return string_slice(fl_get(item->value, "id"));
  fl_slice found = fl_json_find_member(fl_slice_n(item->text, item->text_size), FL_SLICE("id"));
  if (found.size < 2 || found.data[0] != '"') return fl_slice_n(NULL, 0);
  if (memchr(found.data, '\\', found.size) == NULL) return fl_slice_n(found.data + 1, found.size - 2);
  return string_slice(fl_get(item_value(item), "id"));
}

static struct spine *spine_create(size_t capacity) {
  struct spine *spine = fl_new(struct spine);
  spine->refs = 1;
  spine->capacity = capacity;
  spine->slots = capacity > 0 ? fl_alloc(capacity * sizeof spine->slots[0]) : NULL;
  fl_map_init(&spine->ids);
  return spine;
}

static void spine_unref(struct spine *spine) {
  if (--spine->refs > 0) return;
  for (size_t i = 0; i < spine->count; i++) item_unref(spine->slots[i].item);
  fl_map_deinit(&spine->ids);
  fl_free(spine->slots);
  fl_free(spine);
}

static void spine_push(struct spine *spine, struct item *item) {
  if (spine->count == spine->capacity) {
    spine->capacity = spine->capacity < 4 ? 4 : spine->capacity * 2;
    spine->slots = fl_realloc(spine->slots, spine->capacity * sizeof spine->slots[0]);
  }
  spine->slots[spine->count++] = (struct slot){.item = item, .previous = NO_INDEX};
}

/* A new spine with the elements [0, count) of another, except `skip`. */
static struct spine *spine_copy(const struct spine *from, size_t count, size_t skip) {
  struct spine *spine = spine_create(count + count / 4 + 1);
  for (size_t i = 0; i < count; i++) {
    if (i == skip) continue;
    from->slots[i].item->refs++;
    spine_push(spine, from->slots[i].item);
  }
  return spine;
}

static void spine_index(struct spine *spine, size_t count) {
  for (; spine->indexed_count < count; spine->indexed_count++) {
    fl_slice id = item_id(spine->slots[spine->indexed_count].item);
    if (id.data == NULL) continue;
    size_t index = spine->indexed_count + 1;
    void *before = fl_map_set_n(&spine->ids, id, (void *)(uintptr_t)index);
    spine->slots[index - 1].previous = (size_t)(uintptr_t)before;
  }
}

static struct fl_list *list_of(struct spine *spine, size_t size) {
  struct fl_list *list = fl_new(struct fl_list);
  *list = (struct fl_list){.refs = 1, .spine = spine, .size = size};
  return list;
}

struct fl_list *fl_list_create(void) {
  return list_of(spine_create(0), 0);
}

struct fl_list *fl_list_ref(struct fl_list *list) {
  list->refs++;
  return list;
}

void fl_list_unref(struct fl_list *list) {
  if (list == NULL || --list->refs > 0) return;
  spine_unref(list->spine);
  fl_free(list);
}

size_t fl_list_size(const struct fl_list *list) { return list->size; }

static struct item *item_at(const struct fl_list *list, size_t index) {
  return index < list->size ? list->spine->slots[index].item : NULL;
}

struct fl_value *fl_list_at(const struct fl_list *list, size_t index) {
  struct item *item = item_at(list, index);
  return item != NULL ? item_value(item) : NULL;
}

fl_slice fl_list_text_at(const struct fl_list *list, size_t index, struct fl_buf *scratch) {
  const struct item *item = item_at(list, index);
  if (item == NULL) return fl_slice_n(NULL, 0);
  if (item->text_size > 0) return fl_slice_n(item->text, item->text_size);
  fl_buf_clear(scratch);
  if (fl_json_write(scratch, item->value, FL_JSON_COMPACT) < 0) return fl_slice_n(NULL, 0);
  return fl_buf_slice(scratch);
}

/* Invariant 2: only the longest list of a spine grows it. */
static struct fl_list *append_item(const struct fl_list *list, struct item *item) {
  struct spine *spine = list->spine;
  if (list->size == spine->count) spine->refs++;
  else spine = spine_copy(spine, list->size, SIZE_MAX);
  spine_push(spine, item);
  return list_of(spine, spine->count);
}

struct fl_list *fl_list_append_take(const struct fl_list *list, struct fl_value *element) {
  return append_item(list, item_create(element != NULL ? element : fl_null(), fl_slice_n(NULL, 0)));
}

static struct item *item_of_text(fl_slice text) { return item_create(text.size > 0 ? NULL : fl_null(), text); }

struct fl_list *fl_list_append_text(const struct fl_list *list, fl_slice text) {
  return append_item(list, item_of_text(text));
}

struct fl_list *fl_list_of_texts(const fl_slice *texts, size_t count) {
  struct spine *spine = spine_create(count + count / 4);
  for (size_t i = 0; i < count; i++) spine_push(spine, item_of_text(texts[i]));
  return list_of(spine, count);
}

struct fl_list *fl_list_replace_take(const struct fl_list *list, size_t index, struct fl_value *element) {
  fl_check(index < list->size);
  struct spine *spine = spine_copy(list->spine, list->size, SIZE_MAX);
  item_unref(spine->slots[index].item);
  spine->slots[index].item = item_create(element != NULL ? element : fl_null(), fl_slice_n(NULL, 0));
  return list_of(spine, spine->count);
}

struct fl_list *fl_list_remove(const struct fl_list *list, size_t index) {
  fl_check(index < list->size);
  struct spine *spine = spine_copy(list->spine, list->size, index);
  return list_of(spine, spine->count);
}

ptrdiff_t fl_list_find_id(const struct fl_list *list, const char *id) {
  struct spine *spine = list->spine;
  spine_index(spine, list->size);
  size_t index = (size_t)(uintptr_t)fl_map_get(&spine->ids, id);
  while (index > list->size) index = spine->slots[index - 1].previous; /* those that longer lists added */
  return (ptrdiff_t)index - 1;
}

struct fl_value *fl_list_to_array(const struct fl_list *list) {
  struct fl_value *array = fl_array();
  for (size_t i = 0; i < list->size; i++) fl_append_take(array, fl_value_ref(fl_list_at(list, i)));
  return array;
}

struct fl_list *fl_list_from_array(const struct fl_value *array) {
  struct spine *spine = spine_create(fl_size(array));
  for (size_t i = 0; i < fl_size(array); i++)
    spine_push(spine, item_create(fl_value_ref(fl_at(array, i)), fl_slice_n(NULL, 0)));
  return list_of(spine, spine->count);
}
