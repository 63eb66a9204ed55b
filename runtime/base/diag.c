/* SPDX-License-Identifier: MIT */
#include "runtime/base/diag.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <stdlib.h>

enum { FL_NEAREST_WORD_MAX = 64 };

void fl_diags_init(struct fl_diags *diags) { *diags = (struct fl_diags){0}; }

void fl_diags_deinit(struct fl_diags *diags) {
  for (size_t i = 0; i < diags->count; i++) {
    struct fl_diag *diag = &diags->items[i];
    fl_free((char *)diag->file);
    fl_free((char *)diag->pointer);
    fl_free((char *)diag->message);
    fl_free((char *)diag->suggestion);
  }
  fl_free(diags->items);
  fl_diags_init(diags);
}

void fl_diags_add(struct fl_diags *diags, const struct fl_diag *diag) {
  if (diag->severity == FL_SEVERITY_ERROR) diags->error_count++;
  if (diags->count == FL_DIAG_COUNT_MAX) {
    diags->dropped_count++;
    return;
  }
  diags->items = fl_realloc(diags->items, (diags->count + 1) * sizeof *diags->items);
  diags->items[diags->count++] = (struct fl_diag){
      diag->severity,           fl_strdup(diag->file),       diag->line, diag->column, fl_strdup(diag->pointer),
      fl_strdup(diag->message), fl_strdup(diag->suggestion),
  };
}

static int by_place(const void *a, const void *b) {
  const struct fl_diag *x = a, *y = b;
  int order = strcmp(x->file != NULL ? x->file : "", y->file != NULL ? y->file : "");
  if (order == 0) order = (x->line > y->line) - (x->line < y->line);
  if (order == 0) order = (x->column > y->column) - (x->column < y->column);
  return order;
}

void fl_diags_sort(struct fl_diags *diags) {
  if (diags->count > 1) qsort(diags->items, diags->count, sizeof *diags->items, by_place);
}

char *fl_diag_format(const struct fl_diag *diag) {
  struct fl_buf text = {0};
  if (diag->file != NULL) fl_buf_add_text(&text, diag->file);
  if (diag->line > 0) fl_buf_addf(&text, ":%u", diag->line);
  if (diag->line > 0 && diag->column > 0) fl_buf_addf(&text, ":%u", diag->column);
  if (text.size > 0) fl_buf_add_text(&text, ": ");
  fl_buf_add_text(&text, diag->severity == FL_SEVERITY_ERROR ? "error: " : "warning: ");
  fl_buf_add_text(&text, diag->message != NULL ? diag->message : "");
  if (diag->pointer != NULL && diag->pointer[0] != '\0') fl_buf_addf(&text, " (at %s)", diag->pointer);
  if (diag->suggestion != NULL) fl_buf_addf(&text, "; %s", diag->suggestion);
  return fl_buf_take(&text, NULL);
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* Levenshtein distance with one row; both words are at most FL_NEAREST_WORD_MAX long. */
static size_t distance(fl_slice a, fl_slice b) {
  size_t row[FL_NEAREST_WORD_MAX + 1];
  for (size_t j = 0; j <= b.size; j++) row[j] = j;
  for (size_t i = 1; i <= a.size; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size; j++) {
      size_t substitute = diagonal + (a.data[i - 1] != b.data[j - 1]);
      diagonal = row[j];
      row[j] = smaller(substitute, smaller(row[j], row[j - 1]) + 1);
    }
  }
  return row[b.size];
}

const char *fl_nearest(const char *word, const char *const *names, size_t name_count) {
  fl_slice given = fl_slice_of(word);
  if (given.size > FL_NEAREST_WORD_MAX) return NULL;
  const char *best = NULL;
  size_t best_distance = given.size / 3 + 2;
  for (size_t i = 0; i < name_count; i++) {
    fl_slice name = fl_slice_of(names[i]);
    if (name.size > FL_NEAREST_WORD_MAX) continue;
    size_t d = distance(given, name);
    if (d >= best_distance || d >= name.size) continue;
    best = names[i];
    best_distance = d;
  }
  return best;
}
