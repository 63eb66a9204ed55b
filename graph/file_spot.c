/* SPDX-License-Identifier: MIT */
/* Spots: values with their places, and what is said about them. */
#include "graph/file_loader.h"
#include "runtime/json/json.h"

#include <stdio.h>

struct fl_spot fl_spot_member(const struct fl_spot *spot, const char *key) {
  return (struct fl_spot){spot->loader, spot->document, spot, key, 0, fl_get(spot->value, key)};
}

struct fl_spot fl_spot_element(const struct fl_spot *spot, size_t index) {
  return (struct fl_spot){spot->loader, spot->document, spot, NULL, index, fl_at(spot->value, index)};
}

static void add_pointer(const struct fl_spot *spot, struct fl_buf *pointer) {
  if (spot->parent == NULL) return;
  add_pointer(spot->parent, pointer);
  if (spot->key != NULL) fl_json_pointer_add(pointer, fl_slice_of(spot->key));
  else fl_json_pointer_add_index(pointer, spot->index);
}

char *fl_spot_pointer(const struct fl_spot *spot) {
  struct fl_buf pointer = {0};
  add_pointer(spot, &pointer);
  return fl_buf_take(&pointer, NULL);
}

static void say(const struct fl_spot *spot, enum fl_severity severity, bool of_key, const char *suggestion,
                const char *format, va_list args) FL_PRINTF(5, 0);
static void say(const struct fl_spot *spot, enum fl_severity severity, bool of_key, const char *suggestion,
                const char *format, va_list args) {
  char message[FL_ERROR_TEXT_MAX];
  vsnprintf(message, sizeof message, format, args);
  FL_FREE_AUTO char *pointer = fl_spot_pointer(spot);
  fl_document_diag(spot->document, spot->loader->diags, severity, pointer, of_key, suggestion, "%s", message);
}

#define DEFINE_SAY(name, severity, of_key)                                                 \
  void name(const struct fl_spot *spot, const char *suggestion, const char *format, ...) { \
    va_list args;                                                                          \
    va_start(args, format);                                                                \
    say(spot, severity, of_key, suggestion, format, args);                                 \
    va_end(args);                                                                          \
  }
DEFINE_SAY(fl_spot_error, FL_SEVERITY_ERROR, false)
DEFINE_SAY(fl_spot_warn, FL_SEVERITY_WARNING, false)
DEFINE_SAY(fl_spot_key_error, FL_SEVERITY_ERROR, true)
DEFINE_SAY(fl_spot_key_warn, FL_SEVERITY_WARNING, true)

static const char *noun_of(enum fl_type type) {
  static const char *const nouns[] = {"nothing", "true or false", "a whole number", "a number",
                                      "a text",  "a list",        "a map"};
  return nouns[type];
}

bool fl_spot_is(const struct fl_spot *spot, enum fl_type type) {
  if (spot->value == NULL) return false;
  if (fl_is(spot->value, type)) return true;
  fl_spot_error(spot, NULL, "must be %s, not %s", noun_of(type), noun_of(fl_type_of(spot->value)));
  return false;
}

const char *fl_spot_text(const struct fl_spot *spot, const char *key, bool is_required) {
  struct fl_spot member = fl_spot_member(spot, key);
  if (member.value == NULL) {
    if (is_required) fl_spot_key_error(spot, NULL, "\"%s\" is missing", key);
    return NULL;
  }
  if (!fl_spot_is(&member, FL_STRING)) return NULL;
  if (fl_string_size(member.value) > 0) return fl_as_string(member.value);
  fl_spot_error(&member, NULL, "\"%s\" is empty", key);
  return NULL;
}

const char *fl_suggest(const char *word, const char *const *names, size_t count, char ret_text[FL_SUGGESTION_MAX]) {
  const char *nearest = fl_nearest(word, names, count);
  if (nearest == NULL) return NULL;
  snprintf(ret_text, FL_SUGGESTION_MAX, "did you mean \"%s\"?", nearest);
  return ret_text;
}

/* ---- keys ---- */

static size_t count_of(const char *const *names) {
  size_t count = 0;
  while (names != NULL && names[count] != NULL) count++;
  return count;
}

static bool holds(const char *const *names, const char *name) {
  for (; names != NULL && *names != NULL; names++) {
    if (strcmp(*names, name) == 0) return true;
  }
  return false;
}

/* The nearest key, or else all of them. */
static char *key_advice(const char *key, const struct fl_file_shape *shape) {
  char text[FL_SUGGESTION_MAX];
  if (fl_suggest(key, shape->keys, count_of(shape->keys), text) != NULL) return fl_strdup(text);
  struct fl_buf advice = {0};
  fl_buf_add_text(&advice, "the keys are ");
  for (size_t i = 0; shape->keys[i] != NULL; i++) fl_buf_addf(&advice, "%s%s", i > 0 ? ", " : "", shape->keys[i]);
  return fl_buf_take(&advice, NULL);
}

void fl_spot_check_keys(const struct fl_spot *spot, const struct fl_file_shape *shape) {
  for (struct fl_member m = {0}; fl_next_member(spot->value, &m);) {
    if (holds(shape->keys, m.key)) continue;
    struct fl_spot member = fl_spot_member(spot, m.key);
    if (holds(shape->later, m.key)) {
      fl_spot_key_error(&member, NULL,
                        "\"%s\" is not in version 1 of the graph file as this fairlead reads it: it comes later",
                        m.key);
      continue;
    }
    FL_FREE_AUTO char *advice = key_advice(m.key, shape);
    fl_spot_key_error(&member, advice, "%s has no key \"%s\"", shape->what, m.key);
  }
}

/* ---- names ---- */

struct fl_entry *fl_section_find(const struct fl_section *section, const char *name) {
  return fl_map_get(&section->index, name);
}

struct fl_entry *fl_section_use(const struct fl_section *section, const struct fl_spot *spot, const char *what,
                                const char *name) {
  struct fl_entry *entry = fl_section_find(section, name);
  if (entry != NULL) {
    entry->is_used = true;
    return entry;
  }
  char advice[FL_SUGGESTION_MAX];
  const char *near = fl_suggest(name, section->names, section->count, advice);
  if (name == spot->key) fl_spot_key_error(spot, near, "there is no %s \"%s\"", what, name);
  else fl_spot_error(spot, near, "there is no %s \"%s\"", what, name);
  return NULL;
}
