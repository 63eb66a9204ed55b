/* SPDX-License-Identifier: MIT */
/* The search that the reader and the writer of JSON spend most of a large text in, with the widest vectors that the
 * processor has. Pure. */
#pragma once
#include <stdbool.h>

enum { FL_SCAN_FAR = 256 }; /* below this, the choice costs more than it brings */

/* How far `at` may go by whole blocks without meeting a quote, a backslash, a control character, or with `plain` a byte
 * that is not ASCII. What it stops at is one of the next 128 bytes, or less than 128 are left. */
const char *fl_scan_far(const char *at, const char *end, bool plain);
