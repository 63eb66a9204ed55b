/* SPDX-License-Identifier: MIT */
/* What parses has one normal form, and what resolves is a URL. The input is a base, LF, a reference. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/wire/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_fixed_point(const struct fl_url *url) {
  FL_FREE_AUTO char *text = fl_url_format(url);
  struct fl_url again = {0};
  int rc = fl_url_parse(fl_slice_of(text), FL_URL_USERINFO, &again, NULL);
  if (rc == FL_E_LIMIT && strlen(text) > FL_URL_SIZE_MAX) return; /* encoding made it longer */
  fl_check(rc == 0);
  FL_FREE_AUTO char *text_again = fl_url_format(&again);
  fl_check(strcmp(text, text_again) == 0);
  fl_url_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fl_slice text = fl_slice_n((const char *)data, size);
  const char *newline = size > 0 ? memchr(text.data, '\n', size) : NULL;
  fl_slice base_text = newline != NULL ? fl_slice_n(text.data, (size_t)(newline - text.data)) : text;
  struct fl_url base = {0};
  if (fl_url_parse(base_text, FL_URL_USERINFO, &base, NULL) != 0) return 0;
  expect_fixed_point(&base);
  struct fl_url url = {0};
  fl_slice reference = newline != NULL ? fl_slice_n(newline + 1, size - base_text.size - 1) : FL_SLICE("");
  if (fl_url_resolve(&base, reference, FL_URL_USERINFO, &url, NULL) == 0) expect_fixed_point(&url);
  fl_url_deinit(&url);
  fl_url_deinit(&base);
  return 0;
}
