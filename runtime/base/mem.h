/* SPDX-License-Identifier: MIT */
/* Memory: one allocator that never returns NULL. When memory is out it says so on standard error and stops the process
 * (the next start finds every acknowledged step). Impure only in that. */
#pragma once
#include <stddef.h>

void *fl_alloc(size_t size);                    /* at least 1 byte, not cleared */
void *fl_alloc_zero(size_t count, size_t size); /* cleared; the product is checked */
void *fl_realloc(void *memory, size_t size);
void fl_free(void *memory);                      /* NULL allowed */
char *fl_strdup(const char *text);               /* NULL gives NULL */
char *fl_strndup(const char *text, size_t size); /* copies exactly size bytes and terminates */
char *fl_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For memory that a library allocated itself: the same end as when fl_alloc fails. */
_Noreturn void fl_out_of_memory(void);

#define fl_new(type) ((type *)fl_alloc_zero(1, sizeof(type)))
#define fl_new_array(type, count) ((type *)fl_alloc_zero((count), sizeof(type)))

static inline void fl_freep(void *pointer) { fl_free(*(void **)pointer); }
#define FL_FREE_AUTO __attribute__((cleanup(fl_freep)))

/* For programs that take large messages, once at their start: what was freed is used again rather than given to the
 * kernel and asked for anew, until fl_mem_give_back. Concerns the whole process. */
void fl_mem_keep_freed(void);
void fl_mem_give_back(void);

/* For tests: the nth allocation from now on fails as if memory were out (0 switches it off). */
void fl_mem_fail_after(unsigned long nth);
