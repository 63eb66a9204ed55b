/* SPDX-License-Identifier: MIT */
/* Arguments described by a table, where each has a place in a struct: its JSON Schema, and its reader. Pure. */
#pragma once
#include <fairlead/tools.h>

struct fl_value *fl_args_schema(const struct fl_arg *args); /* a new reference */
