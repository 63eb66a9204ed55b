/* SPDX-License-Identifier: MIT */
/* Any bytes as a time zone file, and as a rule. */
#include "runtime/base/mem.h"
#include "tools/builtin/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int64_t moments[] = {INT64_C(-5000000000), 0, 1774746000, INT64_C(9000000000)};
  int offset;
  char *text = fl_strndup((const char *)data, size);
  for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
    fl_tzif_offset(data, size, moments[i], &offset);
    fl_posix_offset(text, moments[i], &offset);
  }
  fl_zone_parse_offset(text, &offset);
  fl_free(text);
  return 0;
}
