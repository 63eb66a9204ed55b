/* SPDX-License-Identifier: MIT */
/* The tool "time": a moment, now or given, told in a zone. */
#include "tools/builtin/builtin.h"
#include "tools/builtin/zone.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, TEXT_MAX = 40 };

struct moment {
  int64_t seconds; /* since 1970, local or UTC */
  bool has_offset;
  int offset_s;
};

static const char *read_digits(const char *at, int count, int *ret_number) {
  *ret_number = 0;
  for (int i = 0; i < count; i++) {
    if (at == NULL || at[i] < '0' || at[i] > '9') return NULL;
    *ret_number = *ret_number * 10 + (at[i] - '0');
  }
  return at + count;
}

/* Past `c` and two digits; NULL stays NULL. */
static const char *read_pair(const char *at, char c, int *ret_number) {
  return at != NULL && *at == c ? read_digits(at + 1, 2, ret_number) : NULL;
}

static int days_in(int year, int month) {
  int64_t next = month == 12 ? fl_days_of_date(year + 1, 1, 1) : fl_days_of_date(year, month + 1, 1);
  return (int)(next - fl_days_of_date(year, month, 1));
}

static const char *read_clock(const char *at, int *ret_seconds) {
  int hour, minute, second = 0;
  at = read_digits(at, 2, &hour);
  at = read_pair(at, ':', &minute);
  if (at != NULL && *at == ':') at = read_pair(at, ':', &second);
  if (at == NULL || hour > 23 || minute > 59 || second > 59) return NULL;
  if (*at == '.') at += 1 + strspn(at + 1, "0123456789"); /* parts of a second are not told */
  *ret_seconds = hour * 3600 + minute * 60 + second;
  return at;
}

/* YYYY-MM-DD[(T| )HH:MM[:SS[.f]][Z|±HH[:MM]]] */
static bool read_time(const char *text, struct moment *ret_moment) {
  int year, month, day, clock = 0;
  const char *at = read_digits(text, 4, &year);
  at = read_pair(at, '-', &month);
  at = read_pair(at, '-', &day);
  if (at == NULL || month < 1 || month > 12 || day < 1 || day > days_in(year, month)) return false;
  *ret_moment = (struct moment){0};
  if (*at == 'T' || *at == 't' || *at == ' ') {
    at = read_clock(at + 1, &clock);
    if (at == NULL) return false;
    ret_moment->has_offset = fl_zone_parse_offset(at, &ret_moment->offset_s);
    if (ret_moment->has_offset) at = "";
  }
  ret_moment->seconds = fl_days_of_date(year, month, day) * DAY_S + clock;
  return *at == '\0';
}

/* A local time that the clocks skip is taken as if they had not yet been set forward; one that comes twice is the
 * first. */
static int64_t to_unix(const struct fl_zone *zone, int64_t local_s) {
  int64_t before = local_s - fl_zone_offset(zone, local_s - DAY_S),
          after = local_s - fl_zone_offset(zone, local_s + DAY_S);
  if (before + fl_zone_offset(zone, before) == local_s) return before;
  if (after + fl_zone_offset(zone, after) == local_s) return after;
  return before;
}

static void write_time(int64_t unix_s, int offset_s, bool is_utc, char ret_text[TEXT_MAX]) {
  int64_t local = unix_s + offset_s, days = local / DAY_S - (local % DAY_S < 0), year;
  int clock = (int)(local - days * DAY_S), month, day;
  fl_date_of_days(days, &year, &month, &day);
  int size = snprintf(ret_text, TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, month, day, clock / 3600,
                      clock / 60 % 60, clock % 60);
  int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
  if (is_utc) snprintf(ret_text + size, (size_t)(TEXT_MAX - size), "Z");
  else
    snprintf(ret_text + size, (size_t)(TEXT_MAX - size), "%c%02d:%02d", offset_s < 0 ? '-' : '+', minutes / 60,
             minutes % 60);
}

static int answer(struct fl_call *call, const char *name, int64_t unix_s, int offset_s) {
  static const char *const weekdays[] = {"Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"};
  char local[TEXT_MAX], utc[TEXT_MAX];
  int64_t seconds = unix_s + offset_s, days = seconds / DAY_S - (seconds % DAY_S < 0);
  write_time(unix_s, offset_s, false, local);
  write_time(unix_s, 0, true, utc);
  struct fl_value *result = fl_object();
  fl_set_string(result, "time", local);
  fl_set_string(result, "zone", name);
  fl_set_string(result, "utc", utc);
  fl_set_int(result, "unix", unix_s);
  fl_set_string(result, "weekday", weekdays[(days % 7 + 7) % 7]);
  return fl_call_return_take(call, result);
}

static int unknown_zone(struct fl_call *call, const char *name) {
  return fl_call_return_error(
      call, "There is no time zone \"%s\"; use a name such as Europe/Berlin, UTC, or an offset such as +05:30", name);
}

int fl_builtin_time(struct fl_call *call, const struct fl_value *args, void *user) {
  const char *name = fl_get_string(args, "zone", "UTC"), *from = fl_get_string(args, "from_zone", "UTC");
  const char *text = fl_get_string(args, "time", NULL);
  struct moment moment = {.seconds = (int64_t)time(NULL), .has_offset = true};
  struct fl_zone zone;
  if (text != NULL && !read_time(text, &moment))
    return fl_call_return_error(call, "\"%s\" is not a time; write it as 2026-03-29T12:00 or 2026-03-29T12:00:00+02:00",
                                text);
  int64_t unix_s = moment.seconds - moment.offset_s;
  if (!moment.has_offset) {
    if (!fl_zone_open(&zone, from)) return unknown_zone(call, from);
    unix_s = to_unix(&zone, moment.seconds);
    fl_zone_close(&zone);
  }
  if (!fl_zone_open(&zone, name)) return unknown_zone(call, name);
  int offset_s = fl_zone_offset(&zone, unix_s);
  fl_zone_close(&zone);
  return answer(call, name, unix_s, offset_s);
}
