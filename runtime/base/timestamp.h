/* SPDX-License-Identifier: MIT */
/* Points in time as text. Pure: the time is an argument. */
#pragma once
#include <stdint.h>

enum { FL_TIMESTAMP_SIZE = 80 }; /* more than it takes: the compiler cannot know the ranges */

/* RFC 3339 in UTC with milliseconds, "2026-11-22T22:52:10.123Z", of milliseconds since the Unix epoch. A time outside
 * of the years 0 to 9999, which the format does not know, is the epoch. */
void fl_timestamp(int64_t wall_ms, char ret_text[FL_TIMESTAMP_SIZE]);
