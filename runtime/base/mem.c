/* SPDX-License-Identifier: MIT */
#include "runtime/base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL = 1024 };

static unsigned long fail_countdown;

void fl_mem_fail_after(unsigned long nth) { fail_countdown = nth; }

_Noreturn void fl_out_of_memory(void) {
  static const char message[] = "fairlead: out of memory; stopped. Every acknowledged step is on disk.\n";
  ssize_t ignored = write(2, message, sizeof message - 1);
  (void)ignored;
  abort();
}

static void *must_succeed(void *memory) {
  bool fails = fail_countdown > 0 && --fail_countdown == 0;
  if (memory == NULL || fails) fl_out_of_memory();
  return memory;
}

void *fl_alloc(size_t size) { return must_succeed(malloc(size > 0 ? size : 1)); }

/* Small blocks come from the C library's cache of this thread, which its calloc does not use. */
void *fl_alloc_zero(size_t count, size_t size) {
  if (count <= SMALL && size <= SMALL && count * size <= SMALL) return memset(fl_alloc(count * size), 0, count * size);
  return must_succeed(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *fl_realloc(void *memory, size_t size) { return must_succeed(realloc(memory, size > 0 ? size : 1)); }

void fl_free(void *memory) { free(memory); }

char *fl_strdup(const char *text) { return text != NULL ? fl_strndup(text, strlen(text)) : NULL; }

char *fl_strndup(const char *text, size_t size) {
  char *copy = fl_alloc(size + 1);
  if (size > 0) memcpy(copy, text, size);
  copy[size] = '\0';
  return copy;
}

char *fl_format(const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = NULL;
  int size = vasprintf(&text, format, args);
  va_end(args);
  return must_succeed(size >= 0 ? text : NULL);
}
