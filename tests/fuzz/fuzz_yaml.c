/* SPDX-License-Identifier: MIT */
/* Any bytes as a user's file: a document, or at least one message; and every place in a document lies inside it. What
 * was read without an error prints as JSON that reads back equal. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/json/yaml.h"

#include <stdint.h>
#include <stdlib.h>

static void check_place(const struct fl_document *document, const char *pointer, size_t size) {
  for (int of_key = 0; of_key < 2; of_key++) {
    uint32_t line, column;
    fl_document_position(document, pointer, of_key, &line, &column);
    if (line == 0 || column == 0 || line > size + 1 || column > size + 1) abort();
  }
}

static void check_places(const struct fl_document *document, const struct fl_value *value, struct fl_buf *pointer,
                         size_t size) {
  check_place(document, pointer->data, size);
  size_t end = pointer->size, count = 0;
  for (struct fl_member m = {0}; count < 8 && fl_next_member(value, &m); count++) {
    fl_json_pointer_add(pointer, fl_slice_n(m.key, m.key_size));
    check_places(document, m.value, pointer, size);
    pointer->size = end;
    pointer->data[end] = '\0';
  }
  for (size_t i = 0; fl_is(value, FL_ARRAY) && i < fl_size(value) && i < 8; i++) {
    fl_json_pointer_add_index(pointer, i);
    check_places(document, fl_at(value, i), pointer, size);
    pointer->size = end;
    pointer->data[end] = '\0';
  }
}

static void check_round_trip(const struct fl_document *document) {
  size_t size;
  char *text = fl_dump(document->root, &size);
  struct fl_value *again = NULL;
  if (fl_parse(text, size, &again, NULL) < 0 || !fl_equal(again, document->root)) abort();
  fl_value_unref(again);
  fl_text_free(text);
}

static void read_as(const char *file, const uint8_t *data, size_t size) {
  struct fl_diags diags = {0};
  struct fl_document document = {0};
  int rc = fl_document_parse(file, fl_slice_n((const char *)data, size), &document, &diags);
  if (rc < 0 && (diags.error_count == 0 || document.root != NULL)) abort();
  if (rc == 0) {
    FL_BUF_AUTO pointer = {0};
    fl_buf_add_text(&pointer, "");
    if (size < 4096) check_places(&document, document.root, &pointer, size);
    if (diags.error_count == 0) check_round_trip(&document);
  }
  fl_document_deinit(&document);
  fl_diags_deinit(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  read_as("x.yaml", data, size);
  read_as("x.json", data, size);
  return 0;
}
