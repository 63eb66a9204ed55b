/* SPDX-License-Identifier: MIT */
#include "runtime/model/retry.h"

#include "runtime/json/number.h"

#include <fairlead/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool fl_retry_is_transient(int code) {
  return code == FL_E_NETWORK || code == FL_E_TIMEOUT || code == FL_E_TRUNCATED || code == FL_E_CLOSED;
}

static int64_t bounded(double ms) {
  if (!(ms > 0)) return 0;
  return ms < FL_RETRY_AFTER_MAX_MS ? (int64_t)ms : FL_RETRY_AFTER_MAX_MS;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", the one form that is still sent. */
static int64_t read_date(const char *text, int64_t wall_ms) {
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char month[4] = "", zone[4] = "";
  struct tm date = {0};
  int count = sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d %3s", &date.tm_mday, month, &date.tm_year, &date.tm_hour,
                     &date.tm_min, &date.tm_sec, zone);
  const char *place = count == 7 && strlen(month) == 3 ? strstr(months, month) : NULL;
  if (place == NULL || (place - months) % 3 != 0 || strcmp(zone, "GMT") != 0) return -1;
  date.tm_mon = (int)(place - months) / 3;
  date.tm_year -= 1900;
  return bounded((double)timegm(&date) * 1000 - (double)wall_ms);
}

static bool read_number(const char *text, double *ret_number) {
  size_t size = text != NULL ? strspn(text, "0123456789.") : 0;
  if (size == 0 || size > 20 || text[size] != '\0') return false;
  return fl_number_from_text(text, ret_number);
}

int64_t fl_retry_after_ms(const char *retry_after, const char *retry_after_ms, int64_t wall_ms) {
  double number = 0;
  if (read_number(retry_after_ms, &number)) return bounded(number);
  if (read_number(retry_after, &number)) return bounded(number * 1000);
  return retry_after != NULL ? read_date(retry_after, wall_ms) : -1;
}

uint64_t fl_retry_backoff_ms(unsigned attempt, uint32_t random) {
  uint64_t bound = FL_RETRY_BASE_MS;
  for (unsigned i = 1; i < attempt && bound < FL_RETRY_BACKOFF_MAX_MS; i++) bound *= 2;
  if (bound > FL_RETRY_BACKOFF_MAX_MS) bound = FL_RETRY_BACKOFF_MAX_MS;
  return (uint64_t)random * (bound + 1) >> 32;
}
