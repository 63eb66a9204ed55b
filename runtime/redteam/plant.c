/* SPDX-License-Identifier: MIT */
/* What the tools of a suite answer, and an attack's text in it. */
#include "runtime/redteam/suite.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <stdio.h>
#include <string.h>

/* The first token of a pointer, without its escapes; what follows is *ret_rest. */
static char *first_token(const char *pointer, const char **ret_rest) {
  struct fl_buf token = {0};
  const char *at = pointer + 1;
  for (; *at != '\0' && *at != '/'; at++) {
    bool is_escape = *at == '~' && (at[1] == '0' || at[1] == '1');
    fl_buf_add_char(&token, is_escape ? (at[1] == '1' ? '/' : '~') : *at);
    at += is_escape;
  }
  *ret_rest = at;
  fl_buf_add_text(&token, "");
  return token.size > 0 ? fl_buf_take(&token, NULL) : fl_strdup("");
}

static bool fits(const char *token, const char *name) { return strcmp(token, "*") == 0 || strcmp(token, name) == 0; }

struct fl_value *fl_suite_plant(const struct fl_value *value, const char *pointer, const char *text,
                                size_t *ret_count) {
  if (*pointer == '\0') {
    if (!fl_is(value, FL_STRING)) return fl_value_ref((struct fl_value *)value);
    (*ret_count)++;
    return fl_stringf("%s%s%s", fl_as_string(value), fl_string_size(value) > 0 ? "\n" : "", text);
  }
  const char *rest = "";
  FL_FREE_AUTO char *token = first_token(pointer, &rest);
  struct fl_value *copy = fl_is(value, FL_OBJECT) ? fl_object() : fl_is(value, FL_ARRAY) ? fl_array() : NULL;
  if (copy == NULL) return fl_value_ref((struct fl_value *)value);
  for (struct fl_member m = {0}; fl_is(value, FL_OBJECT) && fl_next_member(value, &m);)
    fl_set_take(copy, m.key,
                fits(token, m.key) ? fl_suite_plant(m.value, rest, text, ret_count) : fl_value_ref(m.value));
  for (size_t i = 0; fl_is(value, FL_ARRAY) && i < fl_size(value); i++) {
    char index[24];
    snprintf(index, sizeof index, "%zu", i);
    struct fl_value *item = fl_at(value, i);
    fl_append_take(copy, fits(token, index) ? fl_suite_plant(item, rest, text, ret_count) : fl_value_ref(item));
  }
  return copy;
}

static bool has_args(const struct fl_value *args, const struct fl_value *wanted) {
  for (struct fl_member m = {0}; fl_next_member(wanted, &m);) {
    const struct fl_value *given = fl_get(args, m.key);
    if (given == NULL || !fl_equal(given, m.value)) return false;
  }
  return true;
}

struct fl_value *fl_suite_answer(const struct fl_suite_tool *tool, const struct fl_value *args,
                                 const struct fl_suite_attack *attack) {
  struct fl_value *answer = tool->result;
  for (size_t i = fl_size(tool->results); i-- > 0;)
    if (has_args(args, fl_get(fl_at(tool->results, i), "args"))) answer = fl_get(fl_at(tool->results, i), "result");
  size_t count = 0;
  if (attack == NULL || attack->plant != tool || strcmp(attack->at, "description") == 0) return fl_value_ref(answer);
  return fl_suite_plant(answer, attack->at, attack->text, &count);
}
