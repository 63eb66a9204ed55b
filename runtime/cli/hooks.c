/* SPDX-License-Identifier: MIT */
#include "runtime/cli/hooks.h"

#include "runtime/io/hooks.h"
#include "runtime/json/hooks.h"
#include "runtime/store/hooks.h"

void fl_hooks_install(void) {
  fl_json_hooks_install();
  fl_io_hooks_install();
  fl_store_hooks_install();
}
