/* SPDX-License-Identifier: MIT */
#include "runtime/base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SMALL = 1024, PAGE = 4096, HUGE_FROM = 2 * 1024 * 1024, KEPT_MAX = 128 * 1024 * 1024 };

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

/* What is large is used whole, and soon: with huge pages the kernel is asked for it once in 2 MB rather than in 4 KB,
 * which for messages of some megabytes is most of their cost. Whole mappings are advised, since one that is advised in
 * part cannot grow without being copied. A wish, so that its failure means nothing. */
static void *wish_huge(void *memory, size_t size) {
  if (size < HUGE_FROM) return memory;
  uintptr_t start = (uintptr_t)memory & ~(uintptr_t)(PAGE - 1);
  uintptr_t end = ((uintptr_t)memory + malloc_usable_size(memory) + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
  (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
  return memory;
}

void *fl_alloc(size_t size) { return wish_huge(must_succeed(malloc(size > 0 ? size : 1)), size); }

/* Small blocks come from the C library's cache of this thread, which its calloc does not use. */
void *fl_alloc_zero(size_t count, size_t size) {
  if (count <= SMALL && size <= SMALL && count * size <= SMALL) return memset(fl_alloc(count * size), 0, count * size);
  return must_succeed(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *fl_realloc(void *memory, size_t size) {
  return wish_huge(must_succeed(realloc(memory, size > 0 ? size : 1)), size);
}

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

/* Set by hand, these limits do not move with what is freed, as they otherwise do. */
void fl_mem_keep_freed(void) {
  mallopt(M_MMAP_THRESHOLD, KEPT_MAX / 4);
  mallopt(M_TRIM_THRESHOLD, KEPT_MAX);
}

void fl_mem_give_back(void) { malloc_trim(0); }
