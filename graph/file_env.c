/* SPDX-License-Identifier: MIT */
/* ${NAME} and ${NAME:-default} in the texts where the environment may speak; $${ stands for ${ itself. */
#include "graph/file_loader.h"

#include <stdlib.h>

static bool is_name(fl_slice name) {
  for (size_t i = 0; i < name.size; i++) {
    char c = name.data[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!is_letter && (i == 0 || c < '0' || c > '9')) return false;
  }
  return name.size > 0;
}

static const char *value_of(const struct fl_loader *loader, fl_slice name) {
  const char *(*getenv_fn)(const char *) = fl_option(loader->options, getenv_fn, NULL);
  FL_FREE_AUTO char *text = fl_strndup(name.data, name.size);
  return getenv_fn != NULL ? getenv_fn(text) : NULL;
}

/* What stands between ${ and }. An empty variable counts as unset when there is a default, as in the shell. */
static bool expand_one(const struct fl_spot *spot, fl_slice body, struct fl_buf *made, bool *ret_unset) {
  const char *dash = memmem(body.data, body.size, ":-", 2);
  fl_slice name = fl_slice_n(body.data, dash != NULL ? (size_t)(dash - body.data) : body.size);
  if (!is_name(name)) {
    fl_spot_error(spot, "write $${ to have ${ itself", "\"${%.*s}\" is not the name of an environment variable",
                  (int)body.size, body.data);
    return false;
  }
  const char *value = value_of(spot->loader, name);
  if (value != NULL && (value[0] != '\0' || dash == NULL)) fl_buf_add_text(made, value);
  else if (dash != NULL) fl_buf_add(made, dash + 2, (size_t)(body.data + body.size - dash - 2));
  else *ret_unset = true;
  return true;
}

char *fl_file_expand(const struct fl_spot *spot, const char *text, bool *ret_unset) {
  struct fl_buf made = {0};
  fl_buf_add_text(&made, "");
  *ret_unset = false;
  while (*text != '\0') {
    if (strncmp(text, "$${", 3) == 0) {
      fl_buf_add_text(&made, "${");
      text += 3;
    } else if (strncmp(text, "${", 2) == 0) {
      const char *end = strchr(text, '}');
      if (end == NULL) {
        fl_spot_error(spot, "write $${ to have ${ itself", "\"${\" without its \"}\"");
        break;
      }
      if (!expand_one(spot, fl_slice_n(text + 2, (size_t)(end - text - 2)), &made, ret_unset)) break;
      text = end + 1;
    } else {
      fl_buf_add_char(&made, *text++);
    }
  }
  return fl_buf_take(&made, NULL);
}
