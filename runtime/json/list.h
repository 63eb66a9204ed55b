/* SPDX-License-Identifier: MIT */
/* A persistent list: the value of an append channel. Appending makes a new list that shares everything with the old
 * one, in amortised constant time, and the old one stays as it was. Elements may be held as JSON text until somebody
 * reads inside them. Lists belong to the thread that made them (the loop); the elements, once parsed, are ordinary
 * values.
 *
 * Texts are as fl_json_write writes them: no member stands twice in an object. (Where one did, find_id might take the
 * first and a reader the last.)
 *
 * Invariants. (1) A list of n elements is the first n of a spine. (2) Appending to the longest list of a spine extends
 * the spine; appending to a shorter one, replacing or removing copies the array of element references, never the
 * elements. */
#pragma once
#include "runtime/base/slice.h"

#include <fairlead/value.h>

struct fl_list;

struct fl_list *fl_list_create(void); /* empty */

/* Elements on their way into a list whose order is known later: each holds a copy of its text, unparsed. */
struct fl_element;
struct fl_element *fl_element_of_text(fl_slice text);
fl_slice fl_element_text(const struct fl_element *element);
void fl_element_free(struct fl_element *element);                                      /* NULL allowed */
struct fl_list *fl_list_of_elements(struct fl_element *const *elements, size_t count); /* takes them */

struct fl_list *fl_list_ref(struct fl_list *list);
void fl_list_unref(struct fl_list *list); /* NULL allowed */

size_t fl_list_size(const struct fl_list *list);

/* Element as a lent value (parsed on first use; a text that does not parse reads as null: the store checks before). */
struct fl_value *fl_list_at(const struct fl_list *list, size_t index);

/* Element as JSON text, without parsing it when it is still text; the slice is lent until the list is released.
 * *scratch is overwritten when the element exists only as a value. Empty when there is no such element, or when
 * *scratch is too limited for its text. */
struct fl_buf;
fl_slice fl_list_text_at(const struct fl_list *list, size_t index, struct fl_buf *scratch);

/* New lists; `list` is unchanged and still the caller's. */
struct fl_list *fl_list_append_take(const struct fl_list *list, struct fl_value *element);
struct fl_list *fl_list_append_text(const struct fl_list *list, fl_slice text); /* copies the text; does not parse it */
struct fl_list *fl_list_replace_take(const struct fl_list *list, size_t index, struct fl_value *element);
struct fl_list *fl_list_remove(const struct fl_list *list, size_t index);

/* The index of the last element whose member "id" equals `id`, or -1. After a few look-ups through all elements
 * builds an index of the ids, kept with the spine and extended as it grows: amortised constant time. An id that stands
 * first in its text is indexed without a look at the rest. */
ptrdiff_t fl_list_find_id(const struct fl_list *list, const char *id);

/* All elements as one array (the elements are shared); a new reference. */
struct fl_value *fl_list_to_array(const struct fl_list *list);
struct fl_list *fl_list_from_array(const struct fl_value *array);
