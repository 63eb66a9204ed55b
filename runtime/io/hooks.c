/* SPDX-License-Identifier: MIT */
#include "runtime/io/hooks.h"

#include "runtime/base/mem.h"

#include <uv.h>

static bool is_installed;

void fl_io_hooks_install(void) {
  is_installed = uv_replace_allocator(fl_alloc, fl_realloc, fl_alloc_zero, fl_free) == 0;
}

bool fl_io_hooks_are_installed(void) { return is_installed; }
