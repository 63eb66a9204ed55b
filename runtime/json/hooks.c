/* SPDX-License-Identifier: MIT */
#include "runtime/json/hooks.h"

#include "runtime/base/mem.h"

#include <jansson.h>

void fl_json_hooks_install(void) { json_set_alloc_funcs(fl_alloc, fl_free); }
