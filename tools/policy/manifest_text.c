/* SPDX-License-Identifier: MIT */
/* The small notations of a manifest: durations, dates, patterns of tools. Pure. */
#include "tools/policy/manifest_impl.h"

#include <fairlead/error.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t fl_manifest_time_ms(const char *text) {
  char *end = NULL;
  int64_t number = strtoll(text, &end, 10);
  if (strcmp(end, "ms") == 0) return number;
  int64_t seconds = *end == 'd' ? 86400 : *end == 'h' ? 3600 : *end == 'm' ? 60 : 1;
  return number * seconds * 1000;
}

int64_t fl_manifest_bytes(const char *text) {
  char *end = NULL;
  int64_t number = strtoll(text, &end, 10);
  return *end == 'K' ? number << 10 : *end == 'M' ? number << 20 : *end == 'G' ? number << 30 : number;
}

int64_t fl_manifest_rate(const char *text, int64_t *ret_per_ms) {
  char *end = NULL;
  int64_t number = strtoll(text, &end, 10), seconds = end[1] == 'd'   ? 86400
                                                      : end[1] == 'h' ? 3600
                                                      : end[1] == 'm' ? 60
                                                                      : 1;
  *ret_per_ms = seconds * 1000;
  return number;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, years counted from March so that leap days come last. */
static int64_t days_of(int year, int month, int day) {
  int64_t y = month > 2 ? year : year - 1;
  int64_t era = y / 400, of_era = y - era * 400;
  int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719468;
}

/* "Z", "+02:00", "-00:30", with a fraction of a second in front that is dropped. */
static bool read_zone(const char *text, int64_t *ret_offset_s) {
  if (*text == '.') {
    size_t digits = strspn(text + 1, "0123456789");
    if (digits == 0) return false;
    text += 1 + digits;
  }
  *ret_offset_s = 0;
  if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) return true;
  int hours = 0, minutes = 0, size = 0;
  if (strlen(text) != 6 || sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &size) != 2 || size != 5) return false;
  if ((*text != '+' && *text != '-') || hours > 23 || minutes > 59) return false;
  *ret_offset_s = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
  return true;
}

static bool has_form(const char *text, const char *form) {
  for (; *form != '\0'; form++, text++)
    if (*form == '0' ? *text < '0' || *text > '9' : *text != *form) return false;
  return true;
}

static bool is_day(int year, int month, int day) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1970 || month < 1 || month > 12 || day < 1) return false;
  bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= days[month - 1] + (month == 2 && is_leap);
}

int fl_manifest_date(const char *text, int64_t *ret_first_invalid_s) {
  int year, month, day, hour = 0, minute = 0, second = 0;
  int64_t offset = 0;
  if (!has_form(text, "0000-00-00") || sscanf(text, "%4d-%2d-%2d", &year, &month, &day) != 3) return FL_E_SYNTAX;
  if (!is_day(year, month, day)) return FL_E_SYNTAX;
  int64_t midnight = days_of(year, month, day) * 86400;
  if (text[10] == '\0') {
    *ret_first_invalid_s = midnight + 86400;
    return 0;
  }
  if ((text[10] != 'T' && text[10] != 't') || !has_form(text + 11, "00:00:00")) return FL_E_SYNTAX;
  if (sscanf(text + 11, "%2d:%2d:%2d", &hour, &minute, &second) != 3) return FL_E_SYNTAX;
  if (hour > 23 || minute > 59 || second > 60 || !read_zone(text + 19, &offset)) return FL_E_SYNTAX;
  *ret_first_invalid_s = midnight + hour * 3600 + minute * 60 + second - offset;
  return 0;
}

size_t fl_pattern_fit(const char *pattern, const char *tool) {
  size_t size = strlen(pattern);
  if (size > 0 && pattern[size - 1] == '*') return strncmp(pattern, tool, size - 1) == 0 ? size : 0;
  return strcmp(pattern, tool) == 0 ? SIZE_MAX : 0;
}
