/* SPDX-License-Identifier: MIT */
/* Any bytes as a text that names a destination; the first byte draws its kind and whether private hosts are allowed.
 * What is not refused has one spelling, which is the one of itself, holds nothing that people or parsers read
 * differently, and (a URL) goes to the very host that was looked at. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/utf8.h"
#include "runtime/wire/address.h"
#include "runtime/wire/url.h"
#include "tools/policy/canonical.h"

#include <arpa/inet.h>
#include <fairlead/error.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *path) {
  fl_check(path[0] != '\0' && path[0] != '~' && strchr(path, '\\') == NULL && strstr(path, "//") == NULL);
  for (const char *at = path; *at != '\0';) {
    size_t size = strcspn(at, "/");
    fl_check(!(size == 2 && at[0] == '.' && at[1] == '.'));
    fl_check(!(size == 1 && at[0] == '.') || strcmp(path, ".") == 0);
    at += size + (at[size] == '/');
  }
}

static void check_host(const char *host, bool may_be_private) {
  fl_check(host[0] != '\0' && strpbrk(host, "/@?#\\%\t\n\r ") == NULL);
  for (const char *at = host; *at != '\0'; at++) fl_check(*at > ' ' && *at < 127 && (*at < 'A' || *at > 'Z'));
  uint8_t address[16];
  bool is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
  fl_check(may_be_private || !is_address || !fl_http_is_private_address(host));
}

static void check_url(const char *text, bool may_be_private) {
  struct fl_url url = {0};
  fl_check(fl_url_parse(fl_slice_of(text), FL_URL_HTTP, &url, NULL) == 0);
  check_host(url.host, may_be_private);
  fl_url_deinit(&url);
}

static void check_email(const char *text) {
  const char *at = strchr(text, '@');
  fl_check(at != NULL && at != text && strchr(at + 1, '@') == NULL && strchr(at, '.') != NULL);
  check_host(at + 1, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const enum fl_canonical kinds[] = {FL_CANONICAL_URL, FL_CANONICAL_PATH, FL_CANONICAL_HOST, FL_CANONICAL_EMAIL,
                                            FL_CANONICAL_TEXT};
  if (size == 0) return 0;
  enum fl_canonical kind = kinds[(data[0] & 0x7f) % (sizeof kinds / sizeof kinds[0])];
  struct fl_canonical_facts facts = {.allows_private = (data[0] & 0x80) != 0};
  struct fl_error err = {0};
  FL_BUF_AUTO once = {0};
  FL_BUF_AUTO twice = {0};
  int rc = fl_canonical_text(kind, fl_slice_n((const char *)data + 1, size - 1), &facts, &once, &err);
  if (rc < 0) {
    fl_check(rc == FL_E_INVALID && err.text[0] != '\0');
    return 0;
  }
  fl_check(fl_canonical_text(kind, fl_buf_slice(&once), &facts, &twice, NULL) == 0);
  fl_check(fl_slice_equal(fl_buf_slice(&once), fl_buf_slice(&twice)));
  fl_check(fl_utf8_valid_size(once.data, once.size) == once.size);
  FL_FREE_AUTO char *text = fl_strndup(once.data, once.size);
  if (kind != FL_CANONICAL_TEXT) fl_check(strlen(text) == once.size);
  if (kind == FL_CANONICAL_URL) check_url(text, facts.allows_private);
  if (kind == FL_CANONICAL_PATH) check_path(text);
  if (kind == FL_CANONICAL_HOST) check_host(text, facts.allows_private);
  if (kind == FL_CANONICAL_EMAIL) check_email(text);
  return 0;
}
