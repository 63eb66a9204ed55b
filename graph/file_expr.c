/* SPDX-License-Identifier: MIT */
/* Expressions in the graph file: compiled once, and every name in them checked against the channels. */
#include "graph/file_loader.h"
#include "graph/scope.h"

struct names_check {
  const struct fl_spot *spot;
  bool is_right;
};

/* A node that names its input sees nothing else. */
static bool is_in_input(struct names_check *check, const char *name, size_t column) {
  const struct fl_loader *loader = check->spot->loader;
  const struct fl_entry *node =
      loader->loading_node != NULL ? fl_section_find(&loader->nodes, loader->loading_node) : NULL;
  struct fl_value *input = node != NULL ? fl_get(node->spot.value, "input") : NULL;
  if (!fl_is(input, FL_ARRAY) || !fl_file_has_channel(loader, name)) return true;
  for (size_t i = 0; i < fl_size(input); i++) {
    const char *one = fl_as_string(fl_at(input, i));
    if (one != NULL && strcmp(one, name) == 0) return true;
  }
  fl_spot_error(check->spot, "add it to the node's \"input\"",
                "column %zu of the expression: the node's input does not name channel \"%s\"", column, name);
  return check->is_right = false;
}

static void check_channel(struct names_check *check, const char *name, size_t column) {
  const struct fl_loader *loader = check->spot->loader;
  struct fl_entry *entry = fl_section_find(&loader->state, name);
  if (entry != NULL) entry->is_used = entry->is_read = true;
  if (fl_file_is_sent(loader, name)) return;
  if (!is_in_input(check, name, column)) return;
  if (fl_file_has_channel(loader, name)) return;
  static const char *const default_names[] = {"messages"};
  const char *const *names = loader->has_default_state ? default_names : loader->state.names;
  char advice[FL_SUGGESTION_MAX];
  fl_spot_error(check->spot, fl_suggest(name, names, loader->has_default_state ? 1 : loader->state.count, advice),
                "column %zu of the expression: there is no channel \"%s\"", column, name);
  check->is_right = false;
}

/* Members of the scopes beside state. */
static void check_member(struct names_check *check, const char *scope, const char *const *names, const char *name,
                         size_t column) {
  size_t count = 0;
  for (; names[count] != NULL; count++)
    if (strcmp(names[count], name) == 0) return;
  char advice[FL_SUGGESTION_MAX];
  fl_spot_error(check->spot, fl_suggest(name, names, count, advice),
                "column %zu of the expression: there is no \"%s.%s\"", column, scope, name);
  check->is_right = false;
}

/* Graphs in the same file are given what the file's own graph is given. */
static void check_context(struct names_check *check, const char *name, size_t column) {
  struct fl_value *context = fl_get(fl_loader_file_root(check->spot->loader)->value, "context");
  size_t count = 0;
  FL_FREE_AUTO const char **names = fl_new_array(const char *, (fl_is(context, FL_OBJECT) ? fl_size(context) : 0) + 1);
  for (struct fl_member m = {0}; fl_is(context, FL_OBJECT) && fl_next_member(context, &m);) names[count++] = m.key;
  check_member(check, "context", names, name, column);
}

/* Whether the name is of a scope beside state, or a send's element; then it has been checked. */
static bool is_of_other_scope(struct names_check *check, const char *scope, const char *name, size_t column) {
  const char *element = check->spot->loader->element_name, *top = scope != NULL ? scope : name;
  if (element != NULL && strcmp(top, element) == 0) return true;
  if (scope == NULL) return false;
  if (strcmp(scope, "context") == 0) check_context(check, name, column);
  else if (strcmp(scope, "run") == 0) check_member(check, scope, fl_scope_run_names, name, column);
  else if (strcmp(scope, "error") == 0) check_member(check, scope, fl_scope_error_names, name, column);
  else return false;
  return true;
}

static void on_name(const char *scope, const char *name, size_t column, void *user) {
  struct names_check *check = user;
  if (scope != NULL && strcmp(scope, "state") == 0) {
    check_channel(check, name, column);
    return;
  }
  if (is_of_other_scope(check, scope, name, column)) return;
  check->is_right = false;
  const char *top = scope != NULL ? scope : name;
  if (strcmp(top, "state") == 0) {
    fl_spot_error(check->spot, "write state.NAME",
                  "column %zu of the expression: \"state\" alone is not a value; say which channel", column);
    return;
  }
  static const char *const names[] = {"state"};
  char advice[FL_SUGGESTION_MAX];
  const char *suggestion = fl_suggest(top, names, 1, advice);
  FL_FREE_AUTO char *channel = fl_file_has_channel(check->spot->loader, top) ? fl_format("write state.%s", top) : NULL;
  fl_spot_error(check->spot,
                channel != NULL      ? channel
                : suggestion != NULL ? suggestion
                                     : "a text needs quotes of its own inside the expression: \"'text'\"",
                "column %zu of the expression: there is no \"%s\"; expressions read state.CHANNEL", column, top);
}

/* Numbers, booleans and null stand for themselves: `turns: 1`. JSON text of these is also an expression. */
static char *text_of(const struct fl_spot *spot) {
  if (fl_is(spot->value, FL_STRING)) return fl_strdup(fl_as_string(spot->value));
  if (!fl_is(spot->value, FL_ARRAY) && !fl_is(spot->value, FL_OBJECT)) {
    char *json = fl_dump(spot->value, NULL);
    char *text = fl_strdup(json);
    fl_text_free(json);
    return text;
  }
  fl_spot_error(spot, "write it as a text: \"{'key': state.channel}\"", "must be an expression, which is a text");
  return NULL;
}

struct fl_expr *fl_file_expr(const struct fl_spot *spot) {
  FL_FREE_AUTO char *text = text_of(spot);
  if (text == NULL) return NULL;
  struct fl_expr *expr = NULL;
  struct fl_error err = {0};
  if (fl_expr_create(fl_slice_of(text), &expr, &err) < 0) {
    bool is_prose = strchr(text, ' ') != NULL && strpbrk(text, "'\"()[]{}") == NULL;
    fl_spot_error(spot, is_prose ? "a text needs quotes of its own inside the expression: \"'text'\"" : NULL,
                  "the expression is not valid: %s", err.text);
    return NULL;
  }
  struct names_check check = {spot, true};
  fl_expr_visit_names(expr, on_name, &check);
  if (check.is_right) return expr;
  fl_expr_destroy(expr);
  return NULL;
}
