/* SPDX-License-Identifier: MIT */
#include "runtime/base/check.h"

#include <fairlead/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fl_check_failed(const char *condition, const char *file, int line) {
  fprintf(stderr, "fairlead: bug: %s does not hold (%s:%d); stopped. Please report this.\n", condition, file, line);
  abort();
}

const char *fl_error_word(int code) {
  switch (code) {
#define X(name, number, word, sentence) \
  case number: return word;
    FL_ERROR_TABLE(X)
#undef X
  default: return "unknown";
  }
}

const char *fl_error_sentence(int code) {
  switch (code) {
#define X(name, number, word, sentence) \
  case number: return sentence;
    FL_ERROR_TABLE(X)
#undef X
  default: return "unknown error";
  }
}

int fl_error_vset(struct fl_error *err, int code, const char *format, va_list args) {
  if (err == NULL) return code;
  err->code = code;
  vsnprintf(err->text, sizeof err->text, format, args);
  return code;
}

int fl_error_set(struct fl_error *err, int code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fl_error_vset(err, code, format, args);
  va_end(args);
  return code;
}

int fl_error_context(struct fl_error *err, const char *format, ...) {
  if (err == NULL) return FL_E_INVALID;
  char context[FL_ERROR_TEXT_MAX / 2];
  char text[FL_ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(context, sizeof context, format, args);
  va_end(args);
  memcpy(text, err->text, sizeof text);
  text[sizeof text - 1] = '\0';
  snprintf(err->text, sizeof err->text, "%s: %.*s", context, (int)(sizeof err->text - strlen(context) - 3), text);
  return err->code;
}
