/* SPDX-License-Identifier: MIT */
/* Rows to values and lists: see the header. Pure but for the source it reads through.
 *
 * A list is put together in a vector of elements, and only then becomes a list: so a chain of edits costs what it
 * changes. The usual row appends one element, whose text is copied once, to where it stays. */
#include "runtime/store/assemble.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LIST_SIZE_MAX = 1 << 30 }; /* bytes of rows for one list; what was written below it can be read again */

/* ---- texts ---- */

struct chain_row {
  uint64_t no, count;
  enum fl_body_kind kind;
  struct fl_element *element; /* what stands in the brackets of a row that appends; NULL: its text is in bodies */
  size_t at, size;            /* in bodies */
};

struct chain {
  const char *thread;
  const char *channel;
  struct fl_buf bodies;
  struct chain_row *rows; /* newest first */
  size_t row_count, row_capacity;
  size_t size; /* of all texts */
  struct fl_element **elements;
  size_t element_count, element_capacity;
};

static void chain_deinit(struct chain *chain) {
  for (size_t i = 0; i < chain->row_count; i++) fl_element_free(chain->rows[i].element);
  for (size_t i = 0; i < chain->element_count; i++) fl_element_free(chain->elements[i]);
  fl_buf_deinit(&chain->bodies);
  fl_free(chain->rows);
  fl_free((void *)chain->elements);
}

static int corrupt(const struct chain *chain, uint64_t no, const char *what, struct fl_error *err) {
  return fl_error_set(err, FL_E_CORRUPT, "thread %s: value %" PRIu64 " of channel \"%.100s\" is damaged: %s",
                      chain->thread, no, chain->channel, what);
}

static void *grow(void *items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) return items;
  *capacity = *capacity == 0 ? 64 : *capacity * 2;
  return fl_realloc(items, *capacity * size);
}

/* Takes it. */
static void add_element(struct chain *chain, struct fl_element *element) {
  chain->elements =
      grow((void *)chain->elements, chain->element_count, &chain->element_capacity, sizeof(struct fl_element *));
  chain->elements[chain->element_count++] = element;
}

/* ---- one row at a time ---- */

/* Takes "ELEMENT" and the comma or bracket after it off the front of `rest`; false when the text is not so. */
static bool next_element(fl_slice *rest, fl_slice *ret_element, char *ret_after) {
  size_t size = fl_json_skip(*rest);
  if (size == 0 || size >= rest->size) return false;
  *ret_element = fl_slice_n(rest->data, size);
  *ret_after = rest->data[size];
  *rest = fl_slice_n(rest->data + size + 1, rest->size - size - 1);
  return *ret_after == ',' || *ret_after == ']';
}

/* Calls `visit` for every element of a JSON array; false when the text is no array or a visit says so. */
static bool each_element(struct chain *chain, fl_slice text, bool (*visit)(struct chain *chain, fl_slice element)) {
  if (text.size < 2 || text.data[0] != '[' || text.data[text.size - 1] != ']') return false;
  if (text.size == 2) return true;
  fl_slice rest = fl_slice_n(text.data + 1, text.size - 1), element;
  for (char after = ','; after == ',';)
    if (!next_element(&rest, &element, &after) || !visit(chain, element)) return false;
  return rest.size == 0;
}

static bool append_element(struct chain *chain, fl_slice element) {
  add_element(chain, fl_element_of_text(element));
  return true;
}

static bool read_index(fl_slice text, size_t count, size_t *ret_index) {
  size_t index = 0;
  if (text.size == 0 || text.size > 18) return false;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return false;
    index = index * 10 + (size_t)(text.data[i] - '0');
  }
  *ret_index = index;
  return index < count;
}

/* ["append",E] ["set",INDEX,E] ["cut",INDEX] */
static bool apply_edit(struct chain *chain, fl_slice edit) {
  fl_slice parts[3] = {0};
  size_t count = 0, index = 0;
  if (edit.size < 2 || edit.data[0] != '[') return false;
  fl_slice rest = fl_slice_n(edit.data + 1, edit.size - 1);
  for (char after = ','; after == ','; count++)
    if (count == 3 || !next_element(&rest, &parts[count], &after)) return false;
  if (rest.size != 0) return false;
  if (count == 2 && fl_slice_equal(parts[0], FL_SLICE("\"append\""))) return append_element(chain, parts[1]);
  if (!read_index(parts[1], chain->element_count, &index)) return false;
  if (count == 3 && fl_slice_equal(parts[0], FL_SLICE("\"set\""))) {
    fl_element_free(chain->elements[index]);
    chain->elements[index] = fl_element_of_text(parts[2]);
    return true;
  }
  if (count != 2 || !fl_slice_equal(parts[0], FL_SLICE("\"cut\""))) return false;
  fl_element_free(chain->elements[index]);
  chain->element_count--;
  memmove((void *)(chain->elements + index), (void *)(chain->elements + index + 1),
          (chain->element_count - index) * sizeof(struct fl_element *));
  return true;
}

/* Several elements in the brackets of one row. */
static bool append_several(struct chain *chain, const struct fl_element *several) {
  FL_BUF_AUTO body = {.limit = LIST_SIZE_MAX};
  fl_slice text = fl_element_text(several);
  fl_buf_add_char(&body, '[');
  fl_buf_add(&body, text.data, text.size);
  fl_buf_add_char(&body, ']');
  return each_element(chain, fl_buf_slice(&body), append_element);
}

static int apply_row(struct chain *chain, struct chain_row *row, struct fl_error *err) {
  bool ok = true;
  if (row->element != NULL && row->count == chain->element_count + 1) { /* the usual row: nothing to look for */
    add_element(chain, row->element);
    row->element = NULL;
  } else if (row->element != NULL) {
    ok = append_several(chain, row->element);
  } else {
    fl_slice body = fl_slice_n(chain->bodies.data + row->at, row->size);
    ok = each_element(chain, body, row->kind == FL_BODY_EDIT ? apply_edit : append_element);
  }
  if (!ok)
    return corrupt(chain, row->no, row->kind == FL_BODY_EDIT ? "its edits do not fit" : "it is not an array", err);
  if (chain->element_count != row->count) return corrupt(chain, row->no, "its list is not as long as it was", err);
  return 0;
}

/* ---- chains ---- */

static int keep_row(struct chain *chain, const struct fl_value_row *row, struct fl_error *err) {
  fl_slice body = row->body;
  chain->size += body.size;
  if (chain->size > LIST_SIZE_MAX)
    return fl_error_set(err, FL_E_LIMIT, "thread %s: channel \"%.100s\" holds more than %d MiB", chain->thread,
                        chain->channel, LIST_SIZE_MAX >> 20);
  bool appends = row->kind == FL_BODY_APPEND && body.size > 2 && body.data[0] == '[' && body.data[body.size - 1] == ']';
  chain->rows = grow(chain->rows, chain->row_count, &chain->row_capacity, sizeof *chain->rows);
  struct chain_row *kept = &chain->rows[chain->row_count++];
  *kept = (struct chain_row){.no = row->no, .count = row->count, .kind = row->kind, .at = chain->bodies.size};
  if (appends) kept->element = fl_element_of_text(fl_slice_n(body.data + 1, body.size - 2));
  if (appends) return 0;
  kept->size = body.size;
  fl_buf_add(&chain->bodies, body.data, body.size);
  return 0;
}

/* From the newest row down to the one that stands alone. */
static int collect(struct fl_row_source *source, struct chain *chain, struct fl_value_row row, struct fl_error *err) {
  for (;;) {
    if (row.kind == FL_BODY_VALUE) return corrupt(chain, row.no, "a list builds on a single value", err);
    int status = keep_row(chain, &row, err);
    if (status != 0 || row.kind == FL_BODY_LIST || row.parent_no == 0) return status;
    uint64_t no = row.no, parent_no = row.parent_no;
    if (parent_no >= no) return corrupt(chain, no, "it builds on a later value", err);
    status = source->find_value(source, parent_no, &row, err);
    if (status == FL_E_NOT_FOUND) return corrupt(chain, no, "the value it builds on is missing", err);
    if (status != 0) return status;
  }
}

static int assemble_list(struct fl_row_source *source, const char *channel, struct fl_value_row row,
                         struct fl_list **ret_list, struct fl_error *err) {
  __attribute__((cleanup(chain_deinit))) struct chain chain = {
      .thread = source->thread, .channel = channel, .bodies.limit = LIST_SIZE_MAX};
  int status = collect(source, &chain, row, err);
  for (size_t i = chain.row_count; status == 0 && i > 0; i--) status = apply_row(&chain, &chain.rows[i - 1], err);
  if (status != 0) return status;
  *ret_list = fl_list_of_elements(chain.elements, chain.element_count);
  chain.element_count = 0;
  return 0;
}

int fl_assemble_list_text(struct fl_row_source *source, const char *channel, uint64_t no, struct fl_buf *text,
                          struct fl_error *err) {
  __attribute__((cleanup(chain_deinit))) struct chain chain = {
      .thread = source->thread, .channel = channel, .bodies.limit = LIST_SIZE_MAX};
  struct fl_value_row row;
  int status = source->find_value(source, no, &row, err);
  if (status == FL_E_NOT_FOUND) return corrupt(&chain, no, "it is missing", err);
  if (status == 0) status = collect(source, &chain, row, err);
  for (size_t i = chain.row_count; status == 0 && i > 0; i--) status = apply_row(&chain, &chain.rows[i - 1], err);
  if (status != 0) return status;
  fl_buf_add_char(text, '[');
  for (size_t i = 0; i < chain.element_count; i++) {
    if (i > 0) fl_buf_add_char(text, ',');
    fl_slice element = fl_element_text(chain.elements[i]);
    fl_buf_add(text, element.data, element.size);
  }
  fl_buf_add_char(text, ']');
  return text->failed
             ? fl_error_set(err, FL_E_LIMIT, "thread %s: channel \"%.100s\" is too large", source->thread, channel)
             : 0;
}

static int assemble_channel(struct fl_row_source *source, struct fl_loaded_channel *channel, struct fl_error *err) {
  struct fl_value_row row;
  if (channel->value_no == 0) return 0;
  int status = source->find_value(source, channel->value_no, &row, err);
  if (status == FL_E_NOT_FOUND)
    return fl_error_set(err, FL_E_CORRUPT, "thread %s: value %" PRIu64 " of channel \"%.100s\" is missing",
                        source->thread, channel->value_no, channel->name);
  if (status != 0) return status;
  channel->labels = row.labels;
  if (row.kind != FL_BODY_VALUE) return assemble_list(source, channel->name, row, &channel->var.list, err);
  return fl_assemble_value(&(struct fl_row_name){source->thread, "value", row.no}, row.body, &channel->var.value, err);
}

int fl_assemble_channels(struct fl_row_source *source, struct fl_loaded *loaded, struct fl_error *err) {
  const struct fl_value *map = fl_get(loaded->body, "channels");
  if (map != NULL && !fl_is(map, FL_OBJECT))
    return fl_error_set(err, FL_E_CORRUPT, "thread %s: checkpoint %" PRIu64 " is damaged: its channels are no object",
                        source->thread, loaded->checkpoint_no);
  loaded->channels = fl_new_array(struct fl_loaded_channel, fl_size(map) + 1);
  struct fl_member member = {0};
  while (fl_next_member(map, &member)) {
    struct fl_loaded_channel *channel = &loaded->channels[loaded->channel_count++];
    int64_t version = fl_as_int(fl_at(member.value, 0), -1), no = fl_as_int(fl_at(member.value, 1), -1);
    channel->name = fl_strndup(member.key, member.key_size);
    if (version < 0 || no < 0)
      return fl_error_set(err, FL_E_CORRUPT, "thread %s: checkpoint %" PRIu64 " is damaged at channel \"%.100s\"",
                          source->thread, loaded->checkpoint_no, channel->name);
    channel->version = (uint64_t)version;
    channel->value_no = (uint64_t)no;
    int status = assemble_channel(source, channel, err);
    if (status != 0) return status;
  }
  return 0;
}

/* ---- writes and calls ---- */

struct fl_loaded_write *fl_loaded_add_write(struct fl_loaded *loaded) {
  loaded->writes = fl_realloc(loaded->writes, (loaded->write_count + 1) * sizeof *loaded->writes);
  struct fl_loaded_write *write = &loaded->writes[loaded->write_count++];
  *write = (struct fl_loaded_write){0};
  return write;
}

struct fl_loaded_call *fl_loaded_add_call(struct fl_loaded *loaded) {
  loaded->calls = fl_realloc(loaded->calls, (loaded->call_count + 1) * sizeof *loaded->calls);
  struct fl_loaded_call *call = &loaded->calls[loaded->call_count++];
  *call = (struct fl_loaded_call){0};
  return call;
}

static int compare_places(const char *task_a, int index_a, const char *task_b, int index_b) {
  int order = strcmp(task_a, task_b);
  return order != 0 ? order : (index_a > index_b) - (index_a < index_b);
}

static int compare_writes(const void *left, const void *right) {
  const struct fl_loaded_write *a = left, *b = right;
  return compare_places(a->task_id, a->index, b->task_id, b->index);
}

static int compare_calls(const void *left, const void *right) {
  const struct fl_loaded_call *a = left, *b = right;
  int order = compare_places(a->task_id, a->index, b->task_id, b->index);
  return order != 0 ? order : strcmp(a->call_id, b->call_id);
}

void fl_loaded_sort(struct fl_loaded *loaded) {
  if (loaded->write_count > 1) qsort(loaded->writes, loaded->write_count, sizeof *loaded->writes, compare_writes);
  if (loaded->call_count > 1) qsort(loaded->calls, loaded->call_count, sizeof *loaded->calls, compare_calls);
}

int fl_assemble_value(const struct fl_row_name *row, fl_slice text, struct fl_value **ret_value, struct fl_error *err) {
  if (text.size == 0) {
    *ret_value = fl_null();
    return 0;
  }
  struct fl_error cause = {0};
  int status = fl_json_read(text, FL_JSON_FULL, ret_value, &cause);
  if (status == 0) return 0;
  return fl_error_set(err, FL_E_CORRUPT, "thread %s: %s %" PRIu64 " is damaged: %.300s", row->thread, row->what,
                      row->no, cause.text);
}
