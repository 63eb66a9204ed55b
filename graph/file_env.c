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

struct filling {
  const struct fl_spot *spot;
  bool is_secret;
  bool *ret_unset;
};

/* What is a default is none: it stands in the file. */
static void tell_secret(const struct filling *filling, fl_slice name, const char *value) {
  const struct fl_graph_file_options *options = filling->spot->loader->options;
  int (*on_secret)(const char *, const char *, void *, struct fl_error *) = fl_option(options, on_secret, NULL);
  struct fl_error err = {0};
  if (!filling->is_secret || on_secret == NULL || value[0] == '\0') return;
  FL_FREE_AUTO char *text = fl_strndup(name.data, name.size);
  if (on_secret(text, value, fl_option(options, user, NULL), &err) < 0)
    fl_spot_error(filling->spot, NULL, "the variable %s: %s", text, err.text);
}

/* What stands between ${ and }. An empty variable counts as unset when there is a default, as in the shell. */
static bool expand_one(const struct filling *filling, fl_slice body, struct fl_buf *made) {
  const struct fl_spot *spot = filling->spot;
  const char *dash = memmem(body.data, body.size, ":-", 2);
  fl_slice name = fl_slice_n(body.data, dash != NULL ? (size_t)(dash - body.data) : body.size);
  if (!is_name(name)) {
    fl_spot_error(spot, "write $${ to have ${ itself", "\"${%.*s}\" is not the name of an environment variable",
                  (int)body.size, body.data);
    return false;
  }
  const char *value = value_of(spot->loader, name);
  if (value != NULL && (value[0] != '\0' || dash == NULL)) {
    fl_buf_add_text(made, value);
    tell_secret(filling, name, value);
  } else if (dash != NULL) fl_buf_add(made, dash + 2, (size_t)(body.data + body.size - dash - 2));
  else *filling->ret_unset = true;
  return true;
}

static char *expand(const struct filling *filling, const char *text) {
  const struct fl_spot *spot = filling->spot;
  struct fl_buf made = {0};
  fl_buf_add_text(&made, "");
  *filling->ret_unset = false;
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
      if (!expand_one(filling, fl_slice_n(text + 2, (size_t)(end - text - 2)), &made)) break;
      text = end + 1;
    } else {
      fl_buf_add_char(&made, *text++);
    }
  }
  return fl_buf_take(&made, NULL);
}

char *fl_file_expand(const struct fl_spot *spot, const char *text, bool *ret_unset) {
  return expand(&(struct filling){.spot = spot, .ret_unset = ret_unset}, text);
}

char *fl_file_expand_secret(const struct fl_spot *spot, const char *text, bool *ret_unset) {
  return expand(&(struct filling){.spot = spot, .is_secret = true, .ret_unset = ret_unset}, text);
}
