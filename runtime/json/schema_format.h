/* SPDX-License-Identifier: MIT */
/* The formats of JSON Schema 2020-12 (validation, section 7): whether a string is a date, an address, a URI and so on.
 * Pure. */
#pragma once
#include "runtime/base/slice.h"

struct fl_schema_format {
  const char *name;
  bool (*is_valid)(fl_slice text);
  const char *example; /* for messages */
};

/* NULL for a name we do not know: it asserts nothing. */
const struct fl_schema_format *fl_schema_format_find(const char *name);

bool fl_schema_format_is_ipv6(fl_slice text);
