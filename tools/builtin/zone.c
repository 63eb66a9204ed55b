/* SPDX-License-Identifier: MIT */
#include "tools/builtin/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_SIZE = 44, DAY_S = 86400, HOUR_S = 3600 };

/* ---- calendar ---- */

/* Counts in eras of 400 years that begin on March 1, so that the leap day is the last of its year. */
int64_t fl_days_of_date(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

void fl_date_of_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int64_t day_of_era = days - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted = (5 * day_of_year + 2) / 153;
  *ret_day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
  *ret_month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
  *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* ---- POSIX rules ---- */

static const char *skip_zone_name(const char *at) {
  if (*at == '<') {
    const char *end = strchr(at, '>');
    return end != NULL && end > at + 1 ? end + 1 : NULL;
  }
  size_t size = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
  return size >= 3 ? at + size : NULL;
}

static const char *read_number(const char *at, int most, int *ret_number) {
  int number = 0, digits = 0;
  for (; *at >= '0' && *at <= '9' && digits < 4; at++, digits++) number = number * 10 + (*at - '0');
  *ret_number = number;
  return digits > 0 && number <= most ? at : NULL;
}

/* [+-]H[:M[:S]] in seconds. */
static const char *read_hours(const char *at, int *ret_seconds) {
  int sign = *at == '-' ? -1 : 1, parts[3] = {0};
  if (*at == '-' || *at == '+') at++;
  for (int i = 0; i < 3; i++) {
    if (i > 0 && *at != ':') break;
    at = read_number(at + (i > 0), i == 0 ? 167 : 59, &parts[i]);
    if (at == NULL) return NULL;
  }
  *ret_seconds = sign * (parts[0] * HOUR_S + parts[1] * 60 + parts[2]);
  return at;
}

struct change {
  enum { BY_WEEK, BY_DAY, BY_DAY_WITHOUT_LEAP } kind;
  int month, week, weekday, day;
  int time_s;
};

static const char *read_change(const char *at, struct change *ret_change) {
  *ret_change = (struct change){.kind = BY_DAY, .time_s = 2 * HOUR_S};
  if (*at == 'M') {
    ret_change->kind = BY_WEEK;
    at = read_number(at + 1, 12, &ret_change->month);
    if (at != NULL) at = *at == '.' ? read_number(at + 1, 5, &ret_change->week) : NULL;
    if (at != NULL) at = *at == '.' ? read_number(at + 1, 6, &ret_change->weekday) : NULL;
    if (ret_change->month == 0 || ret_change->week == 0) return NULL;
  } else {
    if (*at == 'J') ret_change->kind = BY_DAY_WITHOUT_LEAP;
    at = read_number(at + (*at == 'J'), 365, &ret_change->day);
  }
  if (at == NULL || *at != '/') return at;
  return read_hours(at + 1, &ret_change->time_s);
}

static bool is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* Local seconds since 1970 of a change in a year. */
static int64_t change_in(const struct change *change, int64_t year) {
  int64_t days = fl_days_of_date(year, 1, 1);
  if (change->kind == BY_DAY) days += change->day;
  else if (change->kind == BY_DAY_WITHOUT_LEAP) days += change->day - 1 + (is_leap(year) && change->day >= 60);
  else {
    days = fl_days_of_date(year, change->month, 1);
    int64_t weekday = ((days + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    days += (change->weekday - weekday + 7) % 7 + 7 * (change->week - 1);
    int64_t next_month =
        change->month == 12 ? fl_days_of_date(year + 1, 1, 1) : fl_days_of_date(year, change->month + 1, 1);
    if (days >= next_month) days -= 7; /* week 5 is the last one */
  }
  return days * DAY_S + change->time_s;
}

bool fl_posix_offset(const char *rule, int64_t unix_s, int *ret_offset_s) {
  int standard = 0, summer = 0;
  struct change begin, end;
  const char *at = skip_zone_name(rule);
  if (at != NULL) at = read_hours(at, &standard);
  if (at == NULL) return false;
  standard = -standard; /* POSIX counts to the west */
  *ret_offset_s = standard;
  if (*at == '\0') return true;
  at = skip_zone_name(at);
  summer = standard + HOUR_S;
  if (at != NULL && *at != ',') {
    at = read_hours(at, &summer);
    summer = -summer;
  }
  if (at == NULL || *at != ',') return false;
  at = read_change(at + 1, &begin);
  if (at == NULL || *at != ',') return false;
  at = read_change(at + 1, &end);
  if (at == NULL || *at != '\0') return false;
  int64_t year;
  int month, day;
  fl_date_of_days(floor_div(unix_s + standard, DAY_S), &year, &month, &day);
  int64_t first = change_in(&begin, year) - standard, last = change_in(&end, year) - summer;
  bool is_summer = first < last ? unix_s >= first && unix_s < last : unix_s >= first || unix_s < last;
  *ret_offset_s = is_summer ? summer : standard;
  return true;
}

/* ---- TZif ---- */

static uint32_t read_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}
static int64_t read_i64(const uint8_t *at) { return (int64_t)((uint64_t)read_u32(at) << 32 | read_u32(at + 4)); }

struct block {
  const uint8_t *times, *indexes, *types;
  size_t time_count, type_count;
  const uint8_t *end;
};

/* One header with its data; times are 4 bytes in the first block and 8 in the second. */
static bool read_block(const uint8_t *at, const uint8_t *end, size_t time_size, struct block *ret_block) {
  if (end - at < HEADER_SIZE || memcmp(at, "TZif", 4) != 0) return false;
  size_t count[6]; /* isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt */
  for (int i = 0; i < 6; i++) {
    count[i] = read_u32(at + 20 + 4 * i);
    if (count[i] > FL_ZONE_FILE_MAX) return false;
  }
  size_t size = count[3] * (time_size + 1) + count[4] * 6 + count[5] + count[2] * (time_size + 4) + count[1] + count[0];
  if ((size_t)(end - at) - HEADER_SIZE < size || count[4] == 0) return false;
  ret_block->times = at + HEADER_SIZE;
  ret_block->indexes = ret_block->times + count[3] * time_size;
  ret_block->types = ret_block->indexes + count[3];
  ret_block->time_count = count[3];
  ret_block->type_count = count[4];
  ret_block->end = at + HEADER_SIZE + size;
  return true;
}

static int type_offset(const struct block *block, size_t type) {
  return (int)(int32_t)read_u32(block->types + 6 * (type < block->type_count ? type : 0));
}

/* The rule behind the last transition, between two newlines at the end of the file. */
static bool footer_offset(const uint8_t *at, const uint8_t *end, int64_t unix_s, int *ret_offset_s) {
  char rule[128];
  if (end - at < 3 || *at != '\n') return false;
  const uint8_t *stop = memchr(at + 1, '\n', (size_t)(end - at - 1));
  if (stop == NULL || (size_t)(stop - at - 1) >= sizeof rule) return false;
  memcpy(rule, at + 1, (size_t)(stop - at - 1));
  rule[stop - at - 1] = '\0';
  return fl_posix_offset(rule, unix_s, ret_offset_s);
}

bool fl_tzif_offset(const uint8_t *file, size_t size, int64_t unix_s, int *ret_offset_s) {
  struct block block;
  const uint8_t *end = file + size;
  if (!read_block(file, end, 4, &block) || file[4] < '2' || !read_block(block.end, end, 8, &block)) return false;
  size_t low = 0, high = block.time_count; /* how many transitions are not after the moment */
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (read_i64(block.times + 8 * middle) <= unix_s) low = middle + 1;
    else high = middle;
  }
  if (low == block.time_count && footer_offset(block.end, end, unix_s, ret_offset_s)) return true;
  *ret_offset_s = type_offset(&block, low > 0 ? block.indexes[low - 1] : 0);
  return true;
}

/* ---- zones ---- */

bool fl_zone_parse_offset(const char *text, int *ret_offset_s) {
  if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
    *ret_offset_s = 0;
    return true;
  }
  if (text[0] != '+' && text[0] != '-') return false;
  int digits[4] = {0}, count = 0;
  for (const char *at = text + 1; *at != '\0'; at++) {
    if (*at == ':' && count == 2 && at[1] != '\0') continue;
    if (*at < '0' || *at > '9' || count == 4) return false;
    digits[count++] = *at - '0';
  }
  int hours = digits[0] * 10 + digits[1], minutes = digits[2] * 10 + digits[3];
  if ((count != 2 && count != 4) || hours > 23 || minutes > 59) return false;
  *ret_offset_s = (text[0] == '-' ? -1 : 1) * (hours * HOUR_S + minutes * 60);
  return true;
}

static bool is_zone_name(const char *name) {
  size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/");
  return size > 0 && size < FL_ZONE_NAME_MAX && name[size] == '\0' && name[0] != '/';
}

bool fl_zone_open(struct fl_zone *ret_zone, const char *name) {
  *ret_zone = (struct fl_zone){.is_fixed = true};
  if (strcmp(name, "UTC") == 0 || strcmp(name, "GMT") == 0 || fl_zone_parse_offset(name, &ret_zone->offset_s))
    return true;
  if (!is_zone_name(name)) return false;
  char path[64 + FL_ZONE_NAME_MAX];
  snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
  FILE *file = fopen(path, "rbe");
  if (file == NULL) return false;
  uint8_t *data = malloc(FL_ZONE_FILE_MAX);
  size_t size = data != NULL ? fread(data, 1, FL_ZONE_FILE_MAX, file) : 0;
  fclose(file);
  int offset;
  if (!fl_tzif_offset(data, size, 0, &offset)) {
    free(data);
    return false;
  }
  *ret_zone = (struct fl_zone){.file = data, .file_size = size};
  return true;
}

void fl_zone_close(struct fl_zone *zone) {
  free(zone->file);
  *zone = (struct fl_zone){.is_fixed = true};
}

int fl_zone_offset(const struct fl_zone *zone, int64_t unix_s) {
  int offset = zone->offset_s;
  if (!zone->is_fixed) fl_tzif_offset(zone->file, zone->file_size, unix_s, &offset);
  return offset;
}
