/* SPDX-License-Identifier: MIT */
#include "runtime/cli/form.h"

#include "runtime/base/mem.h"
#include "runtime/cli/cli.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 4000 };

struct fl_form {
  struct fl_value *question, *content;
  struct fl_member field; /* that is asked for; key NULL: none is left */
};

static bool is_page(const struct fl_value *question) { return strcmp(fl_get_string(question, "mode", ""), "url") == 0; }

bool fl_form_is(const struct fl_value *question) {
  return fl_is(question, FL_OBJECT) && strcmp(fl_get_string(question, "kind", ""), "elicitation") == 0;
}

/* ---- fields ---- */

static struct fl_value *properties_of(const struct fl_value *question) {
  struct fl_value *properties = fl_get(fl_get(question, "schema"), "properties");
  return !is_page(question) && fl_is(properties, FL_OBJECT) ? properties : NULL;
}

static bool is_required(const struct fl_value *question, const char *name) {
  const struct fl_value *required = fl_get(fl_get(question, "schema"), "required");
  for (size_t i = 0; fl_is(required, FL_ARRAY) && i < fl_size(required); i++) {
    const char *one = fl_as_string(fl_at(required, i));
    if (one != NULL && strcmp(one, name) == 0) return true;
  }
  return false;
}

/* What may be chosen: texts, or objects with "const" and "title". NULL: anything. */
static const struct fl_value *choices_of(const struct fl_value *field) {
  static const char *const members[] = {"enum", "oneOf", "anyOf"};
  const struct fl_value *items = fl_get(field, "items"), *from = fl_is(items, FL_OBJECT) ? items : field;
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
    if (fl_is(fl_get(from, members[i]), FL_ARRAY)) return fl_get(from, members[i]);
  return NULL;
}

static void add_json(struct fl_buf *buf, const struct fl_value *value) {
  char *text = fl_dump(value, NULL);
  fl_add_visible(buf, text, SHOWN_MAX);
  fl_text_free(text);
}

static void add_choices(struct fl_buf *buf, const struct fl_value *choices) {
  for (size_t i = 0; i < fl_size(choices); i++) {
    const struct fl_value *one = fl_at(choices, i);
    const char *title = fl_get_string(one, "title", NULL), *text = fl_get_string(one, "const", fl_as_string(one));
    fl_buf_add_text(buf, i > 0 ? ", " : " of ");
    if (text != NULL) fl_add_visible(buf, text, SHOWN_MAX);
    else add_json(buf, one);
    if (title == NULL) continue;
    fl_buf_add_text(buf, " (");
    fl_add_visible(buf, title, SHOWN_MAX);
    fl_buf_add_text(buf, ")");
  }
}

static void add_range(struct fl_buf *buf, const struct fl_value *field) {
  static const char *const words[][2] = {{"minimum", "at least"},
                                         {"maximum", "at most"},
                                         {"minLength", "length from"},
                                         {"maxLength", "length up to"},
                                         {"minItems", "at least"},
                                         {"maxItems", "at most"},
                                         {"format", "as"},
                                         {"pattern", "like"}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    const struct fl_value *value = fl_get(field, words[i][0]);
    if (value == NULL) continue;
    fl_buf_addf(buf, ", %s ", words[i][1]);
    if (fl_as_string(value) != NULL) fl_add_visible(buf, fl_as_string(value), SHOWN_MAX);
    else add_json(buf, value);
  }
}

/* "age (integer, at least 0, required): how old". */
static void add_field(struct fl_buf *buf, const struct fl_value *question, const struct fl_member *field) {
  const struct fl_value *schema = field->value, *preset = fl_get(schema, "default");
  const char *said = fl_get_string(schema, "description", fl_get_string(schema, "title", NULL));
  fl_add_visible(buf, field->key, SHOWN_MAX);
  fl_buf_add_text(buf, " (");
  fl_add_visible(buf, fl_get_string(schema, "type", "any"), SHOWN_MAX);
  if (choices_of(schema) != NULL) add_choices(buf, choices_of(schema));
  add_range(buf, schema);
  if (is_required(question, field->key)) fl_buf_add_text(buf, ", required");
  if (preset != NULL) {
    fl_buf_add_text(buf, ", default ");
    add_json(buf, preset);
  }
  fl_buf_add_text(buf, ")");
  if (said == NULL) return;
  fl_buf_add_text(buf, ": ");
  fl_add_visible(buf, said, SHOWN_MAX);
}

/* ---- showing ---- */

static void show(FILE *file, const char *front, const char *text) {
  FL_BUF_AUTO shown = {0};
  if (text == NULL) return;
  fl_add_visible(&shown, text, SHOWN_MAX);
  fprintf(file, "%s%s\n", front, shown.data != NULL ? shown.data : "");
}

void fl_form_show(FILE *file, const struct fl_value *question) {
  FL_FREE_AUTO char *args = NULL;
  char *dumped = fl_dump(fl_get(question, "args"), NULL);
  args = fl_visible(dumped, SHOWN_MAX);
  fl_text_free(dumped);
  FL_FREE_AUTO char *server = fl_visible(fl_get_string(question, "server", ""), SHOWN_MAX);
  FL_FREE_AUTO char *tool = fl_visible(fl_get_string(question, "tool", ""), SHOWN_MAX);
  fprintf(file, "the server %s asks, in a call of %s %s:\n", server, tool, args);
  show(file, "  ", fl_get_string(question, "question", ""));
  if (is_page(question)) show(file, "  at the page ", fl_get_string(question, "url", ""));
  show(file, "  warning: ", fl_get_string(question, "warning", NULL));
  show(file, "  the answer before could not be used: ", fl_get_string(question, "problem", NULL));
  struct fl_member field = {0};
  const struct fl_value *properties = properties_of(question);
  while (properties != NULL && fl_next_member(properties, &field)) {
    FL_BUF_AUTO line = {0};
    add_field(&line, question, &field);
    fprintf(file, "  - %s\n", line.data);
  }
}

char *fl_form_example(const struct fl_value *question) {
  if (is_page(question)) return fl_strdup("{\"action\": \"accept\"}");
  FL_BUF_AUTO text = {0};
  struct fl_member field = {0};
  const struct fl_value *properties = properties_of(question);
  fl_buf_add_text(&text, "{\"action\": \"accept\", \"content\": {");
  for (size_t i = 0; properties != NULL && fl_next_member(properties, &field); i++) {
    fl_buf_addf(&text, "%s\"", i > 0 ? ", " : "");
    fl_add_visible(&text, field.key, SHOWN_MAX);
    fl_buf_add_text(&text, "\": …");
  }
  fl_buf_add_text(&text, "}}");
  return fl_buf_take(&text, NULL);
}

/* ---- filling in ---- */

struct fl_form *fl_form_create(const struct fl_value *question) {
  struct fl_form *form = fl_new(struct fl_form);
  form->question = fl_value_ref((struct fl_value *)(uintptr_t)question);
  form->content = fl_object();
  const struct fl_value *properties = properties_of(question);
  if (properties != NULL && !fl_next_member(properties, &form->field)) form->field.key = NULL;
  return form;
}

void fl_form_destroy(struct fl_form *form) {
  if (form == NULL) return;
  fl_value_unref(form->question);
  fl_value_unref(form->content);
  fl_free(form);
}

void fl_form_prompt(const struct fl_form *form, FILE *file) {
  FL_BUF_AUTO line = {0};
  if (form->field.key != NULL) add_field(&line, form->question, &form->field);
  else fl_buf_add_text(&line, is_page(form->question) ? "accept when you have been there" : "accept");
  fprintf(file, "%s [or /decline, /cancel]\n", line.data);
}

static struct fl_value *whole(const struct fl_form *form, const char *action) {
  struct fl_value *answer = fl_object();
  fl_set_string(answer, "action", action);
  bool has_content = strcmp(action, "accept") == 0 && !is_page(form->question);
  if (has_content) fl_set_take(answer, "content", fl_value_ref(form->content));
  return answer;
}

static struct fl_value *list_of(const char *line) {
  struct fl_value *list = fl_array();
  FL_FREE_AUTO char *copy = fl_strdup(line);
  char *rest = copy;
  for (char *one; (one = strsep(&rest, ",")) != NULL;) {
    one += strspn(one, " \t");
    size_t size = strlen(one);
    while (size > 0 && (one[size - 1] == ' ' || one[size - 1] == '\t')) size--;
    if (size > 0) fl_append_take(list, fl_string_n(one, size));
  }
  return list;
}

/* NULL: the line says nothing of the type. */
static struct fl_value *value_of(const struct fl_value *field, const char *line) {
  const char *type = fl_get_string(field, "type", "string");
  if (strcmp(type, "string") == 0) return fl_string(line);
  if (strcmp(type, "array") == 0) return list_of(line);
  if (strcmp(type, "boolean") == 0 && strcmp(line, "yes") == 0) return fl_bool(true);
  if (strcmp(type, "boolean") == 0 && strcmp(line, "no") == 0) return fl_bool(false);
  struct fl_value *value = NULL;
  return fl_parse(line, strlen(line), &value, NULL) == 0 ? value : NULL;
}

/* Whether the field is settled by the line. */
static bool fill(struct fl_form *form, const char *line, FILE *file) {
  struct fl_value *field = form->field.value, *preset = fl_get(field, "default"), *value = NULL;
  if (line[0] == '\0' && preset != NULL) value = fl_value_ref(preset);
  else if (line[0] == '\0' && !is_required(form->question, form->field.key)) return true;
  else if (line[0] != '\0') value = value_of(field, line);
  if (value == NULL) {
    if (line[0] == '\0') fprintf(file, "this one is required\n");
    else show(file, "that does not fit; it must be of the type ", fl_get_string(field, "type", "any"));
    return false;
  }
  fl_set_take_n(form->content, form->field.key, form->field.key_size, value);
  return true;
}

struct fl_value *fl_form_take(struct fl_form *form, const char *line, FILE *file) {
  bool asks_text = form->field.key != NULL;
  if (strcmp(line, "/decline") == 0 || (!asks_text && strcmp(line, "decline") == 0)) return whole(form, "decline");
  if (strcmp(line, "/cancel") == 0 || (!asks_text && strcmp(line, "cancel") == 0)) return whole(form, "cancel");
  if (!asks_text) return strcmp(line, "accept") == 0 ? whole(form, "accept") : NULL;
  if (!fill(form, line, file)) return NULL;
  if (fl_next_member(properties_of(form->question), &form->field)) return NULL;
  form->field.key = NULL;
  return whole(form, "accept");
}
