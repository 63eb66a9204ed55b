/* SPDX-License-Identifier: MIT */
/* A CONNECT is a host in its one spelling and a port, or refused; the pattern made of what was read grants it, and none
 * of another port does. */
#include "runtime/wire/connect.h"

#include "runtime/base/check.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fl_connect connect = {0};
  if (fl_connect_parse(fl_slice_n((const char *)data, size), &connect) != 0) return 0;
  fl_check(connect.port != 0 && connect.host[0] != '\0' && connect.head_size <= size);
  fl_check(memchr(connect.host, '\0', sizeof connect.host) != NULL);
  for (const char *at = connect.host; *at != '\0'; at++) fl_check(*at > ' ' && *at < 127 && (*at < 'A' || *at > 'Z'));
  char pattern[FL_CONNECT_HOST_SIZE + 16];
  bool is_v6 = strchr(connect.host, ':') != NULL;
  snprintf(pattern, sizeof pattern, is_v6 ? "[%s]:%u" : "%s:%u", connect.host, connect.port);
  fl_check(fl_connect_is_pattern(pattern) && fl_connect_fits(pattern, &connect));
  snprintf(pattern, sizeof pattern, is_v6 ? "[%s]:%u" : "%s:%u", connect.host, connect.port == 1 ? 2 : 1);
  fl_check(!fl_connect_fits(pattern, &connect));
  return 0;
}
