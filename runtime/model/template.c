/* SPDX-License-Identifier: MIT */
#include "runtime/model/template.h"

#include "runtime/json/json.h"
#include "runtime/model/request.h"

#include <stdlib.h>

static bool has_role(const struct fl_value *message, const char *role) {
  return strcmp(fl_get_string(message, "role", ""), role) == 0;
}

static struct fl_value *as_text(const struct fl_value *value) {
  if (fl_is(value, FL_STRING)) return fl_value_ref((struct fl_value *)value);
  char *text = fl_dump(value, NULL);
  struct fl_value *string = fl_string(text);
  fl_text_free(text);
  return string;
}

struct fl_value *fl_scene_result_text(const struct fl_value *message) {
  struct fl_value *text = fl_request_text(fl_get(message, "content"));
  FL_VALUE_AUTO parsed = NULL;
  fl_slice source = fl_slice_n(fl_as_string(text), fl_string_size(text));
  bool is_wrapped = source.size > 0 && source.data[0] == '{' &&
                    fl_json_read(source, FL_JSON_STRICT, &parsed, NULL) == 0 && fl_size(parsed) == 1 &&
                    fl_get(parsed, "result") != NULL;
  if (!is_wrapped) return text;
  fl_value_unref(text);
  return as_text(fl_get(parsed, "result"));
}

void fl_scene_init(struct fl_scene *scene, const struct fl_list *messages) {
  *scene = (struct fl_scene){.messages = messages};
  size_t count = fl_list_size(messages);
  const struct fl_value *last = count > 0 ? fl_list_at(messages, count - 1) : NULL;
  scene->is_user_last = has_role(last, "user");
  if (has_role(last, "tool")) {
    scene->result = fl_scene_result_text(last);
    scene->result_name = fl_get_string(last, "name", "");
  }
  for (size_t i = count; i-- > 0 && scene->user == NULL;)
    if (has_role(fl_list_at(messages, i), "user"))
      scene->user = fl_request_text(fl_get(fl_list_at(messages, i), "content"));
}

void fl_scene_deinit(struct fl_scene *scene) {
  fl_value_unref(scene->user);
  fl_value_unref(scene->result);
  *scene = (struct fl_scene){0};
}

/* ---- one template ---- */

static struct fl_value *latest_result(const struct fl_scene *scene, const char *name) {
  for (size_t i = fl_list_size(scene->messages); i-- > 0;) {
    const struct fl_value *message = fl_list_at(scene->messages, i);
    bool fits = has_role(message, "tool") && (name == NULL || strcmp(fl_get_string(message, "name", ""), name) == 0);
    if (fits) return fl_scene_result_text(message);
  }
  return NULL;
}

static struct fl_value *group_at(const fl_slice *groups, size_t count, const char *number) {
  char *end = NULL;
  unsigned long index = strtoul(number, &end, 10);
  if (end == number || *end != '\0' || index >= count) return NULL;
  return fl_string_n(groups[index].data != NULL ? groups[index].data : "", groups[index].size);
}

/* A new string, or NULL when there is no such thing. */
static struct fl_value *look_up(const struct fl_scene *scene, const char *name) {
  if (strcmp(name, "user") == 0) return fl_value_ref(scene->user);
  if (strcmp(name, "tool") == 0) return latest_result(scene, NULL);
  if (strncmp(name, "tool.", 5) == 0) return latest_result(scene, name + 5);
  if (strncmp(name, "result.", 7) == 0) return group_at(scene->result_groups, scene->result_group_count, name + 7);
  if (strncmp(name, "match.", 6) != 0) return NULL;
  if (scene->user_group_count > 0) return group_at(scene->user_groups, scene->user_group_count, name + 6);
  return group_at(scene->result_groups, scene->result_group_count, name + 6);
}

static int add_template(const struct fl_scene *scene, fl_slice name, struct fl_buf *ret_text, struct fl_error *err) {
  FL_BUF_AUTO key = {0};
  fl_buf_add(&key, name.data, name.size);
  FL_VALUE_AUTO text = look_up(scene, key.data);
  if (text == NULL)
    return fl_error_set(err, FL_E_INVALID,
                        "the script's template ${%.100s} has nothing to stand for at this place of the conversation",
                        key.data);
  if (fl_buf_add(ret_text, fl_as_string(text), fl_string_size(text)) == 0) return 0;
  return fl_error_set(err, FL_E_LIMIT, "the script's text is longer than %zu bytes", ret_text->limit);
}

/* The size of the template at the front of a text ("${…}"), 0 when there is none. */
static size_t template_size(fl_slice text) {
  if (!fl_slice_starts(text, FL_SLICE("${"))) return 0;
  const char *end = memchr(text.data, '}', text.size);
  return end != NULL ? (size_t)(end - text.data) + 1 : 0;
}

int fl_template_text(const struct fl_scene *scene, fl_slice text, struct fl_buf *ret_text, struct fl_error *err) {
  while (text.size > 0) {
    size_t size = template_size(text);
    bool is_escape = fl_slice_starts(text, FL_SLICE("$${"));
    int rc = 0;
    if (size > 0) rc = add_template(scene, fl_slice_n(text.data + 2, size - 3), ret_text, err);
    else rc = fl_buf_add(ret_text, is_escape ? "${" : text.data, is_escape ? 2 : 1);
    if (rc < 0) return rc;
    size_t used = size > 0 ? size : is_escape ? 3 : 1;
    text = fl_slice_n(text.data + used, text.size - used);
  }
  return 0;
}

/* ---- values ---- */

static int expand_string(const struct fl_scene *scene, const struct fl_value *value, struct fl_value **ret_value,
                         struct fl_error *err) {
  fl_slice text = fl_slice_n(fl_as_string(value), fl_string_size(value));
  FL_BUF_AUTO expanded = {.limit = 4 * 1024 * 1024};
  int rc = fl_template_text(scene, text, &expanded, err);
  if (rc < 0) return rc;
  FL_VALUE_AUTO number = NULL;
  bool is_one = template_size(text) == text.size && text.size > 0;
  bool is_number =
      is_one && fl_json_read(fl_buf_slice(&expanded), FL_JSON_STRICT, &number, NULL) == 0 && fl_is_number(number);
  *ret_value = is_number ? fl_value_ref(number) : fl_string_n(expanded.size > 0 ? expanded.data : "", expanded.size);
  return 0;
}

static int expand_object(const struct fl_scene *scene, const struct fl_value *value, struct fl_value **ret_value,
                         struct fl_error *err) {
  FL_VALUE_AUTO object = fl_object();
  struct fl_member member = {0};
  while (fl_next_member(value, &member)) {
    struct fl_value *item = NULL;
    int rc = fl_template_value(scene, member.value, &item, err);
    if (rc < 0) return rc;
    fl_set_take_n(object, member.key, member.key_size, item);
  }
  *ret_value = fl_value_ref(object);
  return 0;
}

static int expand_array(const struct fl_scene *scene, const struct fl_value *value, struct fl_value **ret_value,
                        struct fl_error *err) {
  FL_VALUE_AUTO array = fl_array();
  for (size_t i = 0; i < fl_size(value); i++) {
    struct fl_value *item = NULL;
    int rc = fl_template_value(scene, fl_at(value, i), &item, err);
    if (rc < 0) return rc;
    fl_append_take(array, item);
  }
  *ret_value = fl_value_ref(array);
  return 0;
}

int fl_template_value(const struct fl_scene *scene, const struct fl_value *value, struct fl_value **ret_value,
                      struct fl_error *err) {
  if (fl_is(value, FL_STRING)) return expand_string(scene, value, ret_value, err);
  if (fl_is(value, FL_OBJECT)) return expand_object(scene, value, ret_value, err);
  if (fl_is(value, FL_ARRAY)) return expand_array(scene, value, ret_value, err);
  *ret_value = fl_value_ref((struct fl_value *)value);
  return 0;
}
