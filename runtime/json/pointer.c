/* SPDX-License-Identifier: MIT */
/* JSON Pointer (RFC 6901) and merge patch (RFC 7396). Pure. */
#include "runtime/json/raw.h"

/* Unescapes one token into *key; false when "~" is followed by anything but 0 or 1. */
static bool unescape_token(fl_slice token, struct fl_buf *key) {
  fl_buf_clear(key);
  fl_buf_reserve(key, token.size);
  for (size_t i = 0; i < token.size; i++) {
    char c = token.data[i];
    if (c == '~') {
      if (++i == token.size || (token.data[i] != '0' && token.data[i] != '1')) return false;
      c = token.data[i] == '0' ? '~' : '/';
    }
    fl_buf_add_char(key, c);
  }
  return true;
}

/* "0" or digits without a leading zero, as the RFC wants array indexes. */
static bool parse_index(fl_slice token, size_t *ret_index) {
  if (token.size == 0 || token.size > 18 || (token.size > 1 && token.data[0] == '0')) return false;
  size_t index = 0;
  for (size_t i = 0; i < token.size; i++) {
    if (token.data[i] < '0' || token.data[i] > '9') return false;
    index = index * 10 + (size_t)(token.data[i] - '0');
  }
  *ret_index = index;
  return true;
}

static struct fl_value *step_into(const struct fl_value *value, fl_slice token, struct fl_buf *key) {
  size_t index;
  if (fl_is(value, FL_ARRAY)) return parse_index(token, &index) ? fl_at(value, index) : NULL;
  if (!fl_is(value, FL_OBJECT) || !unescape_token(token, key)) return NULL;
  return fl_get_n(value, key->data != NULL ? key->data : "", key->size);
}

struct fl_value *fl_json_pointer(const struct fl_value *root, const char *pointer) {
  FL_BUF_AUTO key = {0};
  struct fl_value *value = fl_cooked(fl_raw(root));
  while (value != NULL && *pointer != '\0') {
    if (*pointer++ != '/') return NULL;
    size_t size = strcspn(pointer, "/");
    value = step_into(value, fl_slice_n(pointer, size), &key);
    pointer += size;
  }
  return value;
}

int fl_json_pointer_add(struct fl_buf *pointer, fl_slice token) {
  fl_buf_add_char(pointer, '/');
  for (size_t i = 0; i < token.size; i++) {
    if (token.data[i] == '~') fl_buf_add_text(pointer, "~0");
    else if (token.data[i] == '/') fl_buf_add_text(pointer, "~1");
    else fl_buf_add_char(pointer, token.data[i]);
  }
  return pointer->failed ? FL_E_LIMIT : 0;
}

int fl_json_pointer_add_index(struct fl_buf *pointer, size_t index) { return fl_buf_addf(pointer, "/%zu", index); }

struct fl_value *fl_json_merge(const struct fl_value *target, const struct fl_value *patch) {
  if (!fl_is(patch, FL_OBJECT)) return patch != NULL ? fl_value_ref(fl_cooked(fl_raw(patch))) : fl_null();
  struct fl_value *merged = fl_is(target, FL_OBJECT) ? fl_copy_shallow(target) : fl_object();
  struct fl_member member = {0};
  while (fl_next_member(patch, &member)) {
    if (fl_is(member.value, FL_NULL)) {
      json_object_deln(fl_raw(merged), member.key, member.key_size);
      continue;
    }
    struct fl_value *old = fl_get_n(merged, member.key, member.key_size);
    fl_set_take_n(merged, member.key, member.key_size, fl_json_merge(old, member.value));
  }
  return merged;
}
