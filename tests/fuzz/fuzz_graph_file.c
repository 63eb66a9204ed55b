/* SPDX-License-Identifier: MIT */
/* Any bytes as a graph file: a definition, or at least one error with the file's name. The include is the text itself,
 * so that clashes and includes of includes are met. */
#include "graph/file.h"
#include "runtime/base/mem.h"

#include <stdint.h>
#include <stdlib.h>

static int read_again(const char *path, char **ret_text, size_t *ret_size, void *user, struct fl_error *err) {
  const fl_slice *text = user;
  *ret_text = fl_strndup(text->data, text->size);
  *ret_size = text->size;
  return 0;
}

static const char *no_environment(const char *name) { return name[0] == 'O' ? "set" : NULL; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fl_slice text = fl_slice_n((const char *)data, size);
  struct fl_graph_file_options options = {
      .size = sizeof options, .read = read_again, .getenv_fn = no_environment, .user = &text};
  struct fl_graph_file file = {0};
  struct fl_diags diags = {0};
  int rc = fl_graph_file_load("x.yaml", text, &options, &file, &diags);
  if (rc == 0 ? file.definition == NULL : diags.error_count == 0 || file.definition != NULL) abort();
  for (size_t i = 0; i < diags.count; i++) {
    if (diags.items[i].file == NULL || diags.items[i].message[0] == '\0') abort();
    fl_free(fl_diag_format(&diags.items[i]));
  }
  fl_graph_file_deinit(&file);
  fl_diags_deinit(&diags);
  return 0;
}
