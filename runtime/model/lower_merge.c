/* SPDX-License-Identifier: MIT */
#include "runtime/model/lower_merge.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/wire/url.h"

const struct fl_value *fl_lower_target(const struct fl_value *root, const char *reference) {
  if (reference[0] != '#') return NULL;
  FL_BUF_AUTO pointer = {0};
  if (fl_url_decode(&pointer, fl_slice_of(reference + 1), false) < 0) return NULL;
  if (pointer.size == 0) return root;
  return pointer.data[0] == '/' ? fl_json_pointer(root, pointer.data) : NULL;
}

static bool has_text(const struct fl_value *list, const char *text) {
  for (size_t i = 0; i < fl_size(list); i++) {
    const char *item = fl_as_string(fl_at(list, i));
    if (item != NULL && strcmp(item, text) == 0) return true;
  }
  return false;
}

static struct fl_value *join_required(const struct fl_value *a, const struct fl_value *b) {
  struct fl_value *list = a != NULL ? fl_copy_shallow(a) : fl_array();
  for (size_t i = 0; i < fl_size(b); i++) {
    const char *name = fl_as_string(fl_at(b, i));
    if (name != NULL && !has_text(list, name)) fl_append_take(list, fl_string(name));
  }
  return list;
}

static struct fl_value *join_properties(const struct fl_value *a, const struct fl_value *b) {
  struct fl_value *all = a != NULL ? fl_copy_shallow(a) : fl_object();
  for (struct fl_member m = {0}; fl_next_member(b, &m);) {
    const struct fl_value *known = fl_get_n(all, m.key, m.key_size);
    bool are_both = fl_is(known, FL_OBJECT) && fl_is(m.value, FL_OBJECT);
    fl_set_take_n(all, m.key, m.key_size, are_both ? fl_lower_merge(known, m.value) : fl_value_ref(m.value));
  }
  return all;
}

struct fl_value *fl_lower_merge(const struct fl_value *a, const struct fl_value *b) {
  struct fl_value *merged = fl_copy_shallow(a);
  for (struct fl_member m = {0}; fl_next_member(b, &m);) {
    const struct fl_value *known = fl_get(a, m.key);
    if (known == NULL) fl_set_take(merged, m.key, fl_value_ref(m.value));
    else if (strcmp(m.key, "required") == 0) fl_set_take(merged, m.key, join_required(known, m.value));
    else if (strcmp(m.key, "properties") == 0) fl_set_take(merged, m.key, join_properties(known, m.value));
  }
  return merged;
}

static bool all_require(const struct fl_value *alternatives, const char *name) {
  for (size_t i = 0; i < fl_size(alternatives); i++)
    if (!has_text(fl_get(fl_at(alternatives, i), "required"), name)) return false;
  return true;
}

/* A property that the alternatives say differently is any of what they say. */
static void add_alternative(struct fl_value *properties, const struct fl_value *from) {
  for (struct fl_member m = {0}; fl_next_member(from, &m);) {
    struct fl_value *known = fl_get_n(properties, m.key, m.key_size);
    if (known == NULL) {
      fl_set_take_n(properties, m.key, m.key_size, fl_value_ref(m.value));
    } else if (!fl_equal(known, m.value)) {
      struct fl_value *either = fl_object(), *list = fl_array();
      const struct fl_value *before = fl_size(known) == 1 ? fl_get(known, "anyOf") : NULL;
      for (size_t i = 0; i < fl_size(before); i++) fl_append_take(list, fl_value_ref(fl_at(before, i)));
      if (before == NULL) fl_append_take(list, fl_value_ref(known));
      fl_append_take(list, fl_value_ref(m.value));
      fl_set_take(either, "anyOf", list);
      fl_set_take_n(properties, m.key, m.key_size, either);
    }
  }
}

struct fl_value *fl_lower_union(const struct fl_value *base, const struct fl_value *alternatives) {
  struct fl_value *all = fl_copy_shallow(base), *properties = fl_object();
  FL_VALUE_AUTO needed = fl_array();
  for (size_t i = 0; i < fl_size(alternatives); i++)
    add_alternative(properties, fl_get(fl_at(alternatives, i), "properties"));
  const struct fl_value *first = fl_get(fl_at(alternatives, 0), "required");
  for (size_t i = 0; i < fl_size(first); i++) {
    const char *name = fl_as_string(fl_at(first, i));
    if (name != NULL && all_require(alternatives, name)) fl_append_take(needed, fl_string(name));
  }
  FL_VALUE_AUTO own = properties;
  fl_set_take(all, "properties", join_properties(own, fl_get(base, "properties")));
  fl_set_take(all, "required", join_required(fl_get(base, "required"), needed));
  return all;
}
