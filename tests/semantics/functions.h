/* SPDX-License-Identifier: MIT */
/* What cases need of nodes and no type of node does: C functions that a case names in a node of type `c` (README.md).
 */
#pragma once
#include <fairlead/runtime.h>

void functions_add(struct fl_runtime *runtime);
