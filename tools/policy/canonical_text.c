/* SPDX-License-Identifier: MIT */
/* Texts that name a destination, in their one spelling. Pure. */
#include "runtime/base/mem.h"
#include "runtime/json/utf8.h"
#include "runtime/wire/address.h"
#include "runtime/wire/url.h"
#include "tools/policy/canonical.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE_MAX = 4096, EMAIL_LOCAL_MAX = 64 };

static int check_runes(fl_slice text, bool may_break_lines, struct fl_error *err) {
  for (size_t i = 0; i < text.size;) {
    size_t size = fl_utf8_sequence(text.data + i, text.size - i);
    if (size == 0) return fl_error_set(err, FL_E_INVALID, "is not UTF-8 at byte %zu", i);
    uint32_t rune = fl_utf8_decode(text.data + i, size);
    const char *objection = fl_canonical_objection(rune, may_break_lines);
    if (objection != NULL)
      return fl_error_set(err, FL_E_INVALID, "holds %s (U+%04X at byte %zu)", objection, (unsigned)rune, i);
    i += size;
  }
  return 0;
}

/* ---- hosts ---- */

static bool has_suffix(const char *text, const char *suffix) {
  size_t size = strlen(text), suffix_size = strlen(suffix);
  return size >= suffix_size && strcmp(text + size - suffix_size, suffix) == 0;
}

/* Names that lead into a machine or a house whatever they resolve to; one without a dot is completed by the resolver.
 */
static bool is_private_name(const char *host) {
  static const char *const suffixes[] = {".localhost", ".local", ".internal", ".home.arpa", ".localdomain"};
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
    if (has_suffix(host, suffixes[i])) return true;
  return strchr(host, '.') == NULL;
}

/* The last label decides whether resolvers take a name for a number: 127.1, 0x7f000001, 017700000001. */
static bool looks_numeric(const char *host) {
  const char *dot = strrchr(host, '.'), *label = dot != NULL ? dot + 1 : host;
  if (label[0] == '0' && label[1] == 'x') return true;
  return label[0] != '\0' && strspn(label, "0123456789") == strlen(label);
}

static int check_labels(const char *host, struct fl_error *err) {
  size_t size = 0;
  if (strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(host))
    return fl_error_set(err, FL_E_INVALID, "has a host with characters that no host name has");
  for (const char *at = host;; at++) {
    if (*at != '.' && *at != '\0') {
      size++;
      continue;
    }
    if (size == 0 || size > 63) return fl_error_set(err, FL_E_INVALID, "has a host with an empty or too long part");
    if (*at == '\0') return 0;
    size = 0;
  }
}

static int check_addresses(const char *host, const struct fl_canonical_facts *facts, struct fl_error *err) {
  const struct fl_value *known = fl_get(facts->addresses, host);
  if (facts->wanted_hosts != NULL) fl_append_take(facts->wanted_hosts, fl_string(host));
  if (facts->addresses != NULL && fl_size(known) == 0)
    return fl_error_set(err, FL_E_INVALID, "has a host that resolves to nothing (%.64s)", host);
  for (size_t i = 0; i < fl_size(known); i++) {
    const char *address = fl_as_string(fl_at(known, i));
    if (address == NULL || fl_http_is_private_address(address))
      return fl_error_set(err, FL_E_INVALID, "leads to %s, an address of this machine or a private network",
                          address != NULL ? address : "no address");
  }
  return 0;
}

/* `host` is in lower case and without brackets; the dot of the root goes. */
static int check_host(char *host, const struct fl_canonical_facts *facts, struct fl_error *err) {
  static const struct fl_canonical_facts none = {0};
  uint8_t bytes[16];
  const struct fl_canonical_facts *known = facts != NULL ? facts : &none;
  size_t size = strlen(host);
  bool is_ipv6 = inet_pton(AF_INET6, host, bytes) == 1, is_address = is_ipv6 || inet_pton(AF_INET, host, bytes) == 1;
  if (!is_address) {
    if (size > 1 && host[size - 1] == '.') host[size - 1] = '\0';
    int rc = check_labels(host, err);
    if (rc < 0) return rc;
    if (looks_numeric(host))
      return fl_error_set(err, FL_E_INVALID, "has a number for a host: write an address as 192.0.2.1");
  }
  if (known->allows_private) return 0;
  if (is_address ? fl_http_is_private_address(host) : is_private_name(host))
    return fl_error_set(err, FL_E_INVALID, "leads to this machine or a private network (%.64s)", host);
  return is_address ? 0 : check_addresses(host, known, err);
}

static int host_text(fl_slice text, const struct fl_canonical_facts *facts, struct fl_buf *ret_text,
                     struct fl_error *err) {
  if (text.size == 0 || text.size > FL_URL_HOST_SIZE_MAX) return fl_error_set(err, FL_E_INVALID, "is no host name");
  FL_FREE_AUTO char *host = fl_strndup(text.data, text.size);
  for (char *at = host; *at != '\0'; at++)
    if (*at >= 'A' && *at <= 'Z') *at = (char)(*at - 'A' + 'a');
  uint8_t bytes[16];
  char address[INET6_ADDRSTRLEN];
  bool is_ipv6 = inet_pton(AF_INET6, host, bytes) == 1;
  int rc = check_host(host, facts, err);
  if (rc == 0) fl_buf_add_text(ret_text, is_ipv6 ? inet_ntop(AF_INET6, bytes, address, sizeof address) : host);
  return rc;
}

/* ---- URLs ---- */

/* Separators and ends that hide from whoever does not decode, once or twice. */
static bool hides_separator(const char *path) {
  static const char *const hidden[] = {"%2f", "%5c", "%00", "%252e", "%252f", "%255c"};
  for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
    if (strcasestr(path, hidden[i]) != NULL) return true;
  return false;
}

static int url_text(fl_slice text, const struct fl_canonical_facts *facts, struct fl_buf *ret_text,
                    struct fl_error *err) {
  struct fl_url url = {0};
  int rc = fl_url_parse(text, FL_URL_HTTP, &url, err);
  if (rc == 0) rc = check_host(url.host, facts, err);
  if (rc == 0 && hides_separator(url.path))
    rc = fl_error_set(err, FL_E_INVALID, "has an encoded separator in its path");
  if (rc == 0) {
    FL_FREE_AUTO char *formatted = fl_url_format(&url); /* encodings make it longer: it must still be one afterwards */
    if (strlen(formatted) <= FL_URL_SIZE_MAX) fl_buf_add_text(ret_text, formatted);
    else rc = fl_error_set(err, FL_E_INVALID, "is longer than %d bytes with what must be encoded", FL_URL_SIZE_MAX);
  }
  fl_url_deinit(&url);
  return rc == 0 ? 0 : FL_E_INVALID;
}

/* ---- mail addresses ---- */

static int email_text(fl_slice text, const struct fl_canonical_facts *facts, struct fl_buf *ret_text,
                      struct fl_error *err) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.#$&'*+/=?^_{|}~-";
  const char *at = memchr(text.data, '@', text.size);
  size_t local = at != NULL ? (size_t)(at - text.data) : 0;
  if (local == 0 || local > EMAIL_LOCAL_MAX || memchr(at + 1, '@', text.size - local - 1) != NULL)
    return fl_error_set(err, FL_E_INVALID, "is not one plain mail address");
  for (size_t i = 0; i < local; i++)
    if (text.data[i] == '\0' || strchr(allowed, text.data[i]) == NULL)
      return fl_error_set(err, FL_E_INVALID, "has a character in front of the @ that a plain address has not");
  FL_BUF_AUTO host = {0};
  const struct fl_canonical_facts private_too = {.allows_private = true}; /* mail goes by its own records */
  int rc = host_text(fl_slice_n(at + 1, text.size - local - 1), &private_too, &host, err);
  if (rc < 0) return rc;
  if (strchr(host.data, '.') == NULL || strchr(host.data, ':') != NULL)
    return fl_error_set(err, FL_E_INVALID, "has no domain behind the @");
  fl_buf_add(ret_text, text.data, local + 1);
  return fl_buf_add(ret_text, host.data, host.size);
}

/* ---- paths ---- */

static int add_segment(fl_slice segment, struct fl_buf *path, struct fl_error *err) {
  if (segment.size == 0 || fl_slice_equal(segment, FL_SLICE("."))) return 0;
  if (fl_slice_equal(segment, FL_SLICE("..")))
    return fl_error_set(err, FL_E_INVALID, "climbs with \"..\": write where it leads");
  if (path->size > 0 && path->data[path->size - 1] != '/') fl_buf_add_char(path, '/');
  return fl_buf_add(path, segment.data, segment.size);
}

static int path_text(fl_slice text, struct fl_buf *ret_text, struct fl_error *err) {
  FL_FREE_AUTO char *given = fl_strndup(text.data, text.size);
  if (text.size == 0 || text.size > PATH_SIZE_MAX) return fl_error_set(err, FL_E_INVALID, "is no path");
  if (strlen(given) != text.size || strchr(given, '\\') != NULL || given[0] == '~' ||
      strcasestr(given, "%2e") != NULL || hides_separator(given))
    return fl_error_set(err, FL_E_INVALID,
                        "has a backslash, a ~ or an encoded separator, which tools read differently");
  FL_BUF_AUTO path = {0};
  if (given[0] == '/') fl_buf_add_char(&path, '/');
  for (const char *at = given; *at != '\0';) {
    size_t size = strcspn(at, "/");
    int rc = add_segment(fl_slice_n(at, size), &path, err);
    if (rc < 0) return rc;
    at += size + (at[size] == '/');
  }
  if (path.size > 0 && path.data[0] == '~') /* without the "./" in front of it, it would be somebody's home */
    return fl_error_set(err, FL_E_INVALID, "begins with a ~, which tools read differently");
  return path.size > 0 ? fl_buf_add(ret_text, path.data, path.size) : fl_buf_add_text(ret_text, ".");
}

int fl_canonical_text(enum fl_canonical kind, fl_slice text, const struct fl_canonical_facts *facts,
                      struct fl_buf *ret_text, struct fl_error *err) {
  if (kind == FL_CANONICAL_NONE) return fl_buf_add(ret_text, text.data, text.size);
  int rc = check_runes(text, kind == FL_CANONICAL_TEXT, err);
  if (rc < 0) return rc;
  switch (kind) {
  case FL_CANONICAL_URL: return url_text(text, facts, ret_text, err);
  case FL_CANONICAL_HOST: return host_text(text, facts, ret_text, err);
  case FL_CANONICAL_EMAIL: return email_text(text, facts, ret_text, err);
  case FL_CANONICAL_PATH: return path_text(text, ret_text, err);
  default: return fl_buf_add(ret_text, text.data, text.size);
  }
}
