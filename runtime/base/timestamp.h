/* SPDX-License-Identifier: MIT */
/* Points in time, and how old something is, as text. Pure: the time is an argument. */
#pragma once
#include <stdint.h>

enum { FL_TIMESTAMP_SIZE = 80 }; /* more than it takes: the compiler cannot know the ranges */

/* RFC 3339 in UTC with milliseconds, "2026-11-22T22:52:10.123Z", of milliseconds since the Unix epoch. A time outside
 * of the years 0 to 9999, which the format does not know, is the epoch. */
void fl_timestamp(int64_t wall_ms, char ret_text[FL_TIMESTAMP_SIZE]);

/* "90s", "45m", "12h", "30d", "4w" in milliseconds, digits and one of the units; -1 for anything else, and for 0. */
int64_t fl_age_ms(const char *text);
