/* SPDX-License-Identifier: MIT */
/* User files whatever their format: which reader to take, where things stand, and what to say about them. */
#include "runtime/json/document.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- positions ---- */

uint32_t fl_positions_open(struct fl_positions *positions, const struct fl_place *place) {
  if (positions->count == positions->capacity) {
    positions->capacity = positions->capacity > 0 ? positions->capacity * 2 : 64;
    positions->items = fl_realloc(positions->items, positions->capacity * sizeof *positions->items);
  }
  positions->items[positions->count] = *place;
  return positions->count++;
}

void fl_positions_close(struct fl_positions *positions, uint32_t index) {
  positions->items[index].end = positions->count;
}

/* The index of the child that a token of a pointer names, and its value; -1 when there is none. */
static ptrdiff_t child_of(const struct fl_value *container, fl_slice token, const struct fl_value **ret_child) {
  if (fl_is(container, FL_ARRAY)) {
    size_t index = 0;
    if (token.size == 0 || token.size > 9) return -1;
    for (size_t i = 0; i < token.size; i++) {
      if (token.data[i] < '0' || token.data[i] > '9') return -1;
      index = index * 10 + (size_t)(token.data[i] - '0');
    }
    *ret_child = fl_at(container, index);
    return index < fl_size(container) ? (ptrdiff_t)index : -1;
  }
  ptrdiff_t index = 0;
  for (struct fl_member m = {0}; fl_next_member(container, &m); index++) {
    if (!fl_slice_equal(fl_slice_n(m.key, m.key_size), token)) continue;
    *ret_child = m.value;
    return index;
  }
  return -1;
}

/* The next token of a pointer, unescaped into `token`; false at the end. */
static bool next_token(const char **pointer, struct fl_buf *token) {
  const char *at = *pointer;
  if (*at != '/') return false;
  fl_buf_clear(token);
  fl_buf_add(token, "", 0);
  for (at++; *at != '\0' && *at != '/'; at++) {
    char c = *at;
    if (c == '~' && (at[1] == '0' || at[1] == '1')) c = *++at == '0' ? '~' : '/';
    fl_buf_add_char(token, c);
  }
  *pointer = at;
  return true;
}

void fl_document_position(const struct fl_document *document, const char *pointer, bool of_key, uint32_t *ret_line,
                          uint32_t *ret_column) {
  *ret_line = *ret_column = 0;
  if (document->positions == NULL || document->positions->count == 0) return;
  const struct fl_place *places = document->positions->items;
  const struct fl_value *value = document->root;
  uint32_t place = 0;
  FL_BUF_AUTO token = {0};
  while (next_token(&pointer, &token)) {
    ptrdiff_t index = child_of(value, fl_buf_slice(&token), &value);
    if (index < 0) break;
    for (place++; index > 0; index--) place = places[place].end;
  }
  bool is_key = of_key && places[place].key_line > 0;
  *ret_line = is_key ? places[place].key_line : places[place].line;
  *ret_column = is_key ? places[place].key_column : places[place].column;
}

/* ---- diagnostics ---- */

void fl_document_error(const struct fl_document *document, struct fl_diags *diags, uint32_t line, uint32_t column,
                       const char *suggestion, const char *format, ...) {
  char message[FL_ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  fl_diags_add(diags, &(struct fl_diag){FL_SEVERITY_ERROR, document->file, line, column, NULL, message, suggestion});
}

void fl_document_diag(const struct fl_document *document, struct fl_diags *diags, enum fl_severity severity,
                      const char *pointer, bool of_key, const char *suggestion, const char *format, ...) {
  char message[FL_ERROR_TEXT_MAX];
  uint32_t line, column;
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  fl_document_position(document, pointer, of_key, &line, &column);
  fl_diags_add(diags, &(struct fl_diag){severity, document->file, line, column, pointer, message, suggestion});
}

/* ---- reading ---- */

static bool is_named(const char *file, const char *suffix) {
  size_t size = strlen(file), suffix_size = strlen(suffix);
  return size >= suffix_size && strcmp(file + size - suffix_size, suffix) == 0;
}

static bool looks_like_json(fl_slice text) {
  size_t at = 0;
  while (at < text.size && strchr(" \t\r\n", text.data[at]) != NULL && text.data[at] != '\0') at++;
  return at < text.size && (text.data[at] == '{' || text.data[at] == '[');
}

/* A flow mapping is YAML that begins like JSON: what is not JSON there gets its second chance, unless its name says
 * JSON. The second reader's complaints are dropped when both refuse: who begins with a brace meant JSON. */
static int read_either(struct fl_document *document, fl_slice text, struct fl_diags *diags) {
  struct fl_diags json_diags = {0};
  int rc = fl_document_read_json(document, text, &json_diags);
  if (rc < 0 && !is_named(document->file, ".json")) {
    struct fl_diags yaml_diags = {0};
    document->positions->count = 0;
    if (fl_document_read_yaml(document, text, &yaml_diags) == 0 && yaml_diags.error_count == 0) {
      fl_diags_deinit(&json_diags);
      json_diags = yaml_diags;
      rc = 0;
    } else {
      fl_value_unref(document->root);
      document->root = NULL;
      fl_diags_deinit(&yaml_diags);
    }
  }
  for (size_t i = 0; i < json_diags.count; i++) fl_diags_add(diags, &json_diags.items[i]);
  fl_diags_deinit(&json_diags);
  return rc;
}

static int read_any(struct fl_document *document, fl_slice text, struct fl_diags *diags) {
  if (text.size > FL_DOCUMENT_SIZE_MAX) {
    fl_document_error(document, diags, 0, 0, NULL, "the file has %zu bytes; at most %d are allowed", text.size,
                      FL_DOCUMENT_SIZE_MAX);
    return FL_E_LIMIT;
  }
  if (fl_slice_starts(text, FL_SLICE("\xff\xfe")) || fl_slice_starts(text, FL_SLICE("\xfe\xff"))) {
    fl_document_error(document, diags, 1, 1, "save it as UTF-8", "the file is in UTF-16");
    return FL_E_SYNTAX;
  }
  if (fl_slice_starts(text, FL_SLICE("\xef\xbb\xbf"))) text = fl_slice_n(text.data + 3, text.size - 3);
  if (looks_like_json(text)) return read_either(document, text, diags);
  return is_named(document->file, ".json") ? fl_document_read_json(document, text, diags)
                                           : fl_document_read_yaml(document, text, diags);
}

int fl_document_parse(const char *file, fl_slice text, struct fl_document *ret_document, struct fl_diags *diags) {
  struct fl_document document = {.file = fl_strdup(file != NULL ? file : ""), .positions = fl_new(struct fl_positions)};
  int rc = read_any(&document, text, diags);
  if (rc < 0) fl_document_deinit(&document);
  else *ret_document = document;
  return rc;
}

void fl_document_deinit(struct fl_document *document) {
  fl_value_unref(document->root);
  fl_free(document->file);
  if (document->positions != NULL) fl_free(document->positions->items);
  fl_free(document->positions);
  *document = (struct fl_document){0};
}
