/* SPDX-License-Identifier: MIT */
/* Time zones: an offset, "UTC", or a name that is looked up in the system's zone files (TZif, RFC 8536). Reads files,
 * changes nothing: the process's own TZ stays as it is, so that it may be used on any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FL_ZONE_FILE_MAX = 64 * 1024, FL_ZONE_NAME_MAX = 64 };

struct fl_zone {
  bool is_fixed;
  int offset_s; /* when fixed */
  uint8_t *file;
  size_t file_size;
};

/* False when there is no such zone. */
bool fl_zone_open(struct fl_zone *ret_zone, const char *name);
void fl_zone_close(struct fl_zone *zone);
/* Seconds east of UTC at a moment (Unix time). */
int fl_zone_offset(const struct fl_zone *zone, int64_t unix_s);

/* "+05:30", "-0800", "+02", "Z"; false when it is none. */
bool fl_zone_parse_offset(const char *text, int *ret_offset_s);
/* The offset that a TZif file states for a moment; false when the file is damaged. Pure. */
bool fl_tzif_offset(const uint8_t *file, size_t size, int64_t unix_s, int *ret_offset_s);
/* The offset by a POSIX rule, "CET-1CEST,M3.5.0,M10.5.0/3"; false when it is none. Pure. */
bool fl_posix_offset(const char *rule, int64_t unix_s, int *ret_offset_s);

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back. Pure. */
int64_t fl_days_of_date(int64_t year, int month, int day);
void fl_date_of_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
