/* SPDX-License-Identifier: MIT */
/* Reading what one knows beforehand of the texts that come: which members an object has, and that an object comes again
 * as it was. Pure. */
#pragma once
#include "runtime/json/json.h"

#include <stddef.h>

/* What a text and its values may take together, in the two readers here, which read what peers send: 60 MB of "0,0,0"
 * would be 1.2 GB of values. It is enough for the largest message that is one string. */
enum { FL_JSON_MEMORY_MAX = 129 * 1024 * 1024 };

/* Several members in one pass, cheaper than a look-up each: where the object has `key`, a pointer to the (lent) value
 * is put at `offset` of `ret`. Nothing else of it is touched. */
struct fl_json_place {
  fl_slice key;
  size_t offset;
};
#define FL_JSON_PLACE(key, type, field) \
  { {(key), sizeof(key) - 1}, offsetof(type, field) }
void fl_json_members(const struct fl_value *object, const struct fl_json_place *places, size_t count, void *ret);

/* What many texts have at the same key (the envelope that a client sends with every request): the object that was read
 * there last, with its text. Where the same bytes stand again, the same value is given again, so it must not be
 * changed. `key` is set by the owner; the rest is zero at first. */
enum { FL_JSON_MEMO_SIZE_MAX = 4096 };
struct fl_json_memo {
  fl_slice key;
  struct fl_buf text;
  size_t depth_left; /* where it was read: deeper inside it could be too deep */
  struct fl_value *value;
};
void fl_json_memo_deinit(struct fl_json_memo *memo); /* repeatable */

struct fl_json_known {
  const struct fl_json_place *places;
  size_t count;              /* 8 at most */
  struct fl_json_memo *memo; /* NULL: without */
};

/* fl_json_read_memo, mostly without a value for the object itself. 0 and *ret_value NULL: the text is an object of
 * which every member has a place and none comes twice; the values at the places of `ret` are references of the
 * caller's. 0 and *ret_value: it is another value, and every place is NULL. The text is read once in any case. Errors
 * as fl_json_read_memo, with *ret_value and every place NULL. */
int fl_json_read_known(fl_slice text, const struct fl_json_known *how, struct fl_value **ret_value, void *ret,
                       struct fl_error *err);

/* fl_json_read in the strict mode, with a memory; NULL: without. FL_E_LIMIT also when text and values would take more
 * than FL_JSON_MEMORY_MAX. */
int fl_json_read_memo(fl_slice text, struct fl_json_memo *memo, struct fl_value **ret_value, struct fl_error *err);
