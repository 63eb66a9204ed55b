/* SPDX-License-Identifier: MIT */
#include "runtime/json/list.h"

#include "runtime/base/buf.h"
#include "runtime/base/check.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

/* An element: a value, a text, or both (the text stays when it is parsed, because slices of it are lent). Several
 * spines may share one. */
struct fl_element {
  size_t refs;
  struct fl_value *value; /* NULL until parsed */
  size_t text_size;       /* 0 when it exists only as a value */
  char text[];
};

enum { NO_INDEX = 0, COUNT_MAX = UINT32_MAX / 4 }; /* indexes that are kept are one higher */

struct slot {
  struct fl_element *item;
  uint32_t previous; /* the one before with the same id, once indexed */
  uint32_t hash;     /* of the id, once indexed and when it has one */
};

/* Finds the last element with an id: open addressing with linear probing over indexes of elements. The ids themselves
 * stay where they are, in the elements, which never change: a thread that was just loaded is indexed on its first turn,
 * and a copy of each id would be what that costs. */
struct index {
  uint32_t *places;   /* NO_INDEX: free */
  size_t place_count; /* 0 or a power of two, at least twice `id_count` */
  size_t id_count;    /* different ones */
  size_t covered;     /* it knows the first so many elements */
  unsigned scans;     /* look-ups that went without it */
};

struct spine {
  size_t refs;
  struct slot *slots;
  size_t count;
  size_t capacity;
  struct index ids;
};

struct fl_list {
  size_t refs;
  struct spine *spine;
  size_t size;
};

static struct fl_element *item_create(struct fl_value *value, fl_slice text) {
  struct fl_element *item = fl_alloc(sizeof *item + text.size);
  *item = (struct fl_element){.refs = 1, .value = value, .text_size = text.size};
  if (text.size > 0) memcpy(item->text, text.data, text.size);
  return item;
}

static void item_unref(struct fl_element *item) {
  if (--item->refs > 0) return;
  fl_value_unref(item->value);
  fl_free(item);
}

static struct fl_value *item_value(struct fl_element *item) {
  if (item->value != NULL) return item->value;
  fl_slice text = {item->text, item->text_size};
  if (fl_json_read(text, FL_JSON_FULL, &item->value, NULL) < 0) item->value = fl_null();
  return item->value;
}

static fl_slice string_slice(const struct fl_value *value) {
  return fl_slice_n(fl_as_string(value), fl_string_size(value));
}

static const char opening[] = "{\"id\":\"";
enum { OPENING_SIZE = sizeof opening - 1 };

static bool has_leading_id(const struct fl_element *item) {
  return item->text_size > OPENING_SIZE && memcmp(item->text, opening, OPENING_SIZE) == 0;
}

/* The text after the quote of an id that stands first, as in every message whose id is ours; data NULL elsewhere. */
static fl_slice leading_id(const struct fl_element *item) {
  if (!has_leading_id(item)) return fl_slice_n(NULL, 0);
  const char *id = item->text + OPENING_SIZE, *end = memchr(id, '"', item->text_size - OPENING_SIZE);
  if (end == NULL || memchr(id, '\\', (size_t)(end - id)) != NULL) return fl_slice_n(NULL, 0);
  return fl_slice_n(id, (size_t)(end - id));
}

/* The id, lent; data NULL when there is none. It is looked up in the text, so that an index does not parse every
 * message, except where it is written with escapes. */
static fl_slice item_id(struct fl_element *item) {
  if (item->value != NULL) return string_slice(fl_get(item->value, "id"));
  fl_slice found = leading_id(item);
  if (found.data != NULL) return found;
  found = fl_json_find_member(fl_slice_n(item->text, item->text_size), FL_SLICE("id"));
  if (found.size < 2 || found.data[0] != '"') return fl_slice_n(NULL, 0);
  if (memchr(found.data, '\\', found.size) == NULL) return fl_slice_n(found.data + 1, found.size - 2);
  return string_slice(fl_get(item_value(item), "id"));
}

static struct spine *spine_create(size_t capacity) {
  struct spine *spine = fl_new(struct spine);
  spine->refs = 1;
  spine->capacity = capacity;
  spine->slots = capacity > 0 ? fl_alloc(capacity * sizeof spine->slots[0]) : NULL;
  spine->ids = (struct index){0};
  return spine;
}

static void spine_unref(struct spine *spine) {
  if (--spine->refs > 0) return;
  for (size_t i = 0; i < spine->count; i++) item_unref(spine->slots[i].item);
  fl_free(spine->ids.places);
  fl_free(spine->slots);
  fl_free(spine);
}

static void spine_push(struct spine *spine, struct fl_element *item) {
  if (spine->count == spine->capacity) {
    fl_check(spine->count < COUNT_MAX);
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

/* ---- the index of ids ---- */

static uint32_t hash_id(fl_slice id) {
  uint64_t hash = fl_map_hash(id);
  return (uint32_t)(hash ^ hash >> 32);
}

/* Where the last element with the id stands in the index, or the free place where it belongs. */
static uint32_t *find_place(const struct spine *spine, fl_slice id, uint32_t hash) {
  size_t mask = spine->ids.place_count - 1;
  for (size_t place = hash & mask;; place = (place + 1) & mask) {
    uint32_t *found = &spine->ids.places[place];
    if (*found == NO_INDEX) return found;
    const struct slot *slot = &spine->slots[*found - 1];
    if (slot->hash == hash && fl_slice_equal(item_id(slot->item), id)) return found;
  }
}

/* Room for one more id: the ids that are there are all different, so none is compared. */
static void index_grow(struct spine *spine, size_t id_count) {
  struct index *ids = &spine->ids;
  uint32_t *before = ids->places;
  size_t before_count = ids->place_count, mask;
  if (id_count * 2 <= before_count) return;
  for (ids->place_count = 8; ids->place_count < id_count * 2;) ids->place_count *= 2;
  ids->places = fl_new_array(uint32_t, ids->place_count);
  mask = ids->place_count - 1;
  for (size_t i = 0; i < before_count; i++) {
    if (before[i] == NO_INDEX) continue;
    size_t place = spine->slots[before[i] - 1].hash & mask;
    while (ids->places[place] != NO_INDEX) place = (place + 1) & mask;
    ids->places[place] = before[i];
  }
  fl_free(before);
}

static void index_element(struct spine *spine, size_t index) {
  struct slot *slot = &spine->slots[index];
  fl_slice id = item_id(slot->item);
  if (id.data == NULL) return;
  slot->hash = hash_id(id);
  uint32_t *place = find_place(spine, id, slot->hash);
  if (*place == NO_INDEX) spine->ids.id_count++;
  slot->previous = *place;
  *place = (uint32_t)index + 1;
}

static void spine_index(struct spine *spine, size_t count) {
  struct index *ids = &spine->ids;
  if (ids->covered >= count) return;
  index_grow(spine, ids->id_count + (count - ids->covered));
  for (; ids->covered < count; ids->covered++) index_element(spine, ids->covered);
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

static struct fl_element *item_at(const struct fl_list *list, size_t index) {
  return index < list->size ? list->spine->slots[index].item : NULL;
}

struct fl_value *fl_list_at(const struct fl_list *list, size_t index) {
  struct fl_element *item = item_at(list, index);
  return item != NULL ? item_value(item) : NULL;
}

fl_slice fl_list_text_at(const struct fl_list *list, size_t index, struct fl_buf *scratch) {
  const struct fl_element *item = item_at(list, index);
  if (item == NULL) return fl_slice_n(NULL, 0);
  if (item->text_size > 0) return fl_slice_n(item->text, item->text_size);
  fl_buf_clear(scratch);
  if (fl_json_write(scratch, item->value, FL_JSON_COMPACT) < 0) return fl_slice_n(NULL, 0);
  return fl_buf_slice(scratch);
}

/* Invariant 2: only the longest list of a spine grows it. */
static struct fl_list *append_item(const struct fl_list *list, struct fl_element *item) {
  struct spine *spine = list->spine;
  if (list->size == spine->count) spine->refs++;
  else spine = spine_copy(spine, list->size, SIZE_MAX);
  spine_push(spine, item);
  return list_of(spine, spine->count);
}

struct fl_list *fl_list_append_take(const struct fl_list *list, struct fl_value *element) {
  return append_item(list, item_create(element != NULL ? element : fl_null(), fl_slice_n(NULL, 0)));
}

struct fl_element *fl_element_of_text(fl_slice text) {
  return item_create(text.size > 0 ? NULL : fl_null(), text);
}

struct fl_list *fl_list_append_text(const struct fl_list *list, fl_slice text) {
  return append_item(list, fl_element_of_text(text));
}

fl_slice fl_element_text(const struct fl_element *element) { return fl_slice_n(element->text, element->text_size); }

void fl_element_free(struct fl_element *element) {
  if (element != NULL) item_unref(element);
}

struct fl_list *fl_list_of_elements(struct fl_element *const *elements, size_t count) {
  struct spine *spine = spine_create(count + count / 4);
  for (size_t i = 0; i < count; i++) spine_push(spine, elements[i]);
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

/* ---- without the index ---- */

/* Whether the element has the id, which needs no escapes: mostly the first letters of its text say no. */
static bool has_id(struct fl_element *item, fl_slice id) {
  size_t i = 0;
  if (item->value == NULL && has_leading_id(item) && item->text_size > OPENING_SIZE + id.size) {
    const char *text = item->text + OPENING_SIZE;
    while (i < id.size && text[i] == id.data[i]) i++;
    if (text[i] != '\\') return i == id.size && text[i] == '"';
  }
  fl_slice found = item_id(item);
  return found.data != NULL && fl_slice_equal(found, id);
}

static ptrdiff_t scan(const struct fl_list *list, fl_slice id) {
  for (size_t i = list->size; i > 0; i--)
    if (has_id(list->spine->slots[i - 1].item, id)) return (ptrdiff_t)i - 1;
  return -1;
}

/* A thread that was just loaded often has one turn and rests again: the index would be a twentieth of that turn. */
static bool may_scan(struct spine *spine, fl_slice id) {
  enum { SCANS_MAX = 4 };
  if (spine->ids.covered > 0 || spine->ids.scans >= SCANS_MAX) return false;
  if (memchr(id.data, '"', id.size) != NULL || memchr(id.data, '\\', id.size) != NULL) return false;
  spine->ids.scans++;
  return true;
}

ptrdiff_t fl_list_find_id(const struct fl_list *list, const char *id) {
  struct spine *spine = list->spine;
  fl_slice wanted = fl_slice_of(id);
  if (may_scan(spine, wanted)) return scan(list, wanted);
  spine_index(spine, list->size);
  if (spine->ids.id_count == 0) return -1;
  size_t index = *find_place(spine, wanted, hash_id(wanted));
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
