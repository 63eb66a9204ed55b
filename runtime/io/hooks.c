/* SPDX-License-Identifier: MIT */
#include "runtime/io/hooks.h"

#include "runtime/base/mem.h"

#include <uv.h>

void fl_io_hooks_install(void) { uv_replace_allocator(fl_alloc, fl_realloc, fl_alloc_zero, fl_free); }
