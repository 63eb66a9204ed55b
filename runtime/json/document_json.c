/* SPDX-License-Identifier: MIT */
/* User files in JSON: the strict reader makes the values; then a scan over the text, which is known to be well-formed
 * by now, notes where each stands. The scan trusts nothing that it could run past the end of. */
#include "runtime/json/document.h"
#include "runtime/json/json.h"

#include <stdio.h>

struct scan {
  fl_slice text;
  size_t offset;
  uint32_t line, column;
  struct fl_positions *positions;
  size_t depth;
};

static char peek(const struct scan *scan) {
  return scan->offset < scan->text.size ? scan->text.data[scan->offset] : '\0';
}

static void advance(struct scan *scan) {
  if (scan->offset == scan->text.size) return;
  unsigned char c = (unsigned char)scan->text.data[scan->offset++];
  if (c == '\n') {
    scan->line++;
    scan->column = 1;
  } else if ((c & 0xc0) != 0x80 || scan->column == 1) {
    scan->column++;
  }
}

static void skip_space(struct scan *scan) {
  while (peek(scan) == ' ' || peek(scan) == '\t' || peek(scan) == '\r' || peek(scan) == '\n') advance(scan);
}

static void skip_string(struct scan *scan) {
  advance(scan);
  while (scan->offset < scan->text.size && peek(scan) != '"') {
    if (peek(scan) == '\\') advance(scan);
    advance(scan);
  }
  advance(scan);
}

static bool scan_value(struct scan *scan, struct fl_place place);

/* `{` or `[` up to its end. */
static bool scan_container(struct scan *scan, char close) {
  if (scan->depth == FL_DOCUMENT_DEPTH_MAX) return false;
  scan->depth++;
  advance(scan);
  skip_space(scan);
  while (scan->offset < scan->text.size && peek(scan) != close) {
    struct fl_place place = {0};
    if (close == '}') {
      place.key_line = scan->line;
      place.key_column = scan->column;
      skip_string(scan);
      skip_space(scan);
      advance(scan);
      skip_space(scan);
    }
    if (!scan_value(scan, place)) return false;
    skip_space(scan);
    if (peek(scan) == ',') advance(scan);
    skip_space(scan);
  }
  advance(scan);
  scan->depth--;
  return true;
}

static bool scan_value(struct scan *scan, struct fl_place place) {
  place.line = scan->line;
  place.column = scan->column;
  uint32_t index = fl_positions_open(scan->positions, &place);
  bool fits = true;
  if (peek(scan) == '{') fits = scan_container(scan, '}');
  else if (peek(scan) == '[') fits = scan_container(scan, ']');
  else if (peek(scan) == '"') skip_string(scan);
  else do
      advance(scan);
    while (scan->offset < scan->text.size && strchr(",]} \t\r\n", peek(scan)) == NULL);
  fl_positions_close(scan->positions, index);
  return fits;
}

/* The reader's message begins with its place. */
static int report(const struct fl_document *document, struct fl_diags *diags, const struct fl_error *err) {
  uint32_t line = 0, column = 0;
  int prefix = 0;
  if (sscanf(err->text, "line %u, column %u: %n", &line, &column, &prefix) < 2) prefix = 0;
  fl_document_error(document, diags, line, column, NULL, "%s", err->text + prefix);
  return err->code;
}

int fl_document_read_json(struct fl_document *document, fl_slice text, struct fl_diags *diags) {
  struct fl_error err = {0};
  struct fl_value *root = NULL;
  int rc = fl_json_read(text, FL_JSON_STRICT, &root, &err);
  if (rc < 0) return report(document, diags, &err);
  struct scan scan = {.text = text, .line = 1, .column = 1, .positions = document->positions};
  skip_space(&scan);
  if (!scan_value(&scan, (struct fl_place){0})) {
    fl_value_unref(root);
    fl_document_error(document, diags, scan.line, scan.column, NULL, "nested more than %d levels deep",
                      FL_DOCUMENT_DEPTH_MAX);
    return FL_E_LIMIT;
  }
  document->root = root;
  return 0;
}
