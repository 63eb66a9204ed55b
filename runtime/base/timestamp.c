/* SPDX-License-Identifier: MIT */
#include "runtime/base/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void fl_timestamp(int64_t wall_ms, char ret_text[FL_TIMESTAMP_SIZE]) {
  static const int64_t first_ms = -62167219200000, last_ms = 253402300799999;
  if (wall_ms < first_ms || wall_ms > last_ms) wall_ms = 0;
  int64_t ms = wall_ms % 1000;
  if (ms < 0) ms += 1000;
  time_t seconds = (time_t)((wall_ms - ms) / 1000);
  struct tm parts = {0};
  gmtime_r(&seconds, &parts);
  snprintf(ret_text, FL_TIMESTAMP_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
           parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)ms);
}

int64_t fl_age_ms(const char *text) {
  static const char units[] = "smhdw";
  static const int64_t unit_ms[] = {1000, 60000, 3600000, 86400000, 604800000};
  int64_t number = 0;
  for (; *text >= '0' && *text <= '9'; text++) {
    if (number > (INT64_MAX - 9) / 10) return -1;
    number = number * 10 + (*text - '0');
  }
  const char *unit = *text != '\0' ? strchr(units, *text) : NULL;
  if (number == 0 || unit == NULL || text[1] != '\0') return -1;
  return number <= INT64_MAX / unit_ms[unit - units] ? number * unit_ms[unit - units] : -1;
}
