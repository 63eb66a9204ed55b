/* SPDX-License-Identifier: MIT */
#include "runtime/wire/url.h"

#include "runtime/base/mem.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
static const char in_path[] = "!$&'()*+,;=:@/";     /* beside unreserved and % */
static const char in_query[] = "!$&'()*+,;=:@/?[]"; /* RFC 3986, and [] which so many servers print */

/* A URL text cut at its delimiters (the expression of RFC 3986, appendix B). data is NULL where a part is absent. */
struct parts {
  fl_slice scheme, authority, path, query, fragment;
};

static bool is_one_of(char c, const char *set) { return c != '\0' && strchr(set, c) != NULL; }
static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static int hex_of(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *lower(fl_slice text) {
  char *copy = fl_strndup(text.data, text.size);
  for (char *c = copy; *c != '\0'; c++)
    if (*c >= 'A' && *c <= 'Z') *c += 'a' - 'A';
  return copy;
}

static fl_slice cut_from(fl_slice text, size_t start) {
  return start > 0 ? fl_slice_n(text.data + start, text.size - start) : text;
}

/* The front of *text up to any of `ends`; *text keeps the rest with the delimiter. */
static fl_slice take_until(fl_slice *text, const char *ends) {
  size_t size = 0;
  while (size < text->size && !is_one_of(text->data[size], ends)) size++;
  fl_slice front = fl_slice_n(text->data, size);
  *text = cut_from(*text, size);
  return front;
}

static size_t scheme_size(fl_slice text) {
  if (text.size == 0 || !is_alpha(text.data[0])) return 0;
  size_t size = 1;
  while (size < text.size &&
         (is_alpha(text.data[size]) || is_digit(text.data[size]) || is_one_of(text.data[size], "+-.")))
    size++;
  return size < text.size && text.data[size] == ':' ? size : 0;
}

static struct parts split(fl_slice text) {
  struct parts parts = {0};
  size_t size = scheme_size(text);
  if (size > 0) {
    parts.scheme = fl_slice_n(text.data, size);
    text = cut_from(text, size + 1);
  }
  if (fl_slice_starts(text, FL_SLICE("//"))) {
    text = cut_from(text, 2);
    parts.authority = take_until(&text, "/?#");
  }
  parts.path = take_until(&text, "?#");
  if (text.size > 0 && text.data[0] == '?') {
    text = cut_from(text, 1);
    parts.query = take_until(&text, "#");
  }
  if (text.size > 0) parts.fragment = cut_from(text, 1);
  return parts;
}

/* Appends one percent-encoding in normal form; returns the characters used, 0 when it is broken. */
static size_t add_encoding(struct fl_buf *buf, fl_slice rest) {
  int high = rest.size > 2 ? hex_of(rest.data[1]) : -1;
  int low = rest.size > 2 ? hex_of(rest.data[2]) : -1;
  if (high < 0 || low < 0) return 0;
  char byte = (char)(high << 4 | low);
  if (is_one_of(byte, unreserved)) fl_buf_add_char(buf, byte);
  else fl_buf_addf(buf, "%%%02X", (unsigned char)byte);
  return 3;
}

/* A part in normal form, or an error that names the part and the offset in it. */
static int normalise(const char *what, fl_slice text, const char *allowed, char **ret_text, struct fl_error *err) {
  FL_BUF_AUTO buf = {.limit = 3 * FL_URL_SIZE_MAX};
  for (size_t i = 0; i < text.size;) {
    char c = text.data[i];
    size_t used = 1;
    if (c == '%') used = add_encoding(&buf, cut_from(text, i));
    else if ((unsigned char)c >= 0x80) fl_buf_addf(&buf, "%%%02X", (unsigned char)c);
    else if (is_one_of(c, unreserved) || is_one_of(c, allowed)) fl_buf_add_char(&buf, c);
    else used = 0;
    if (used == 0)
      return fl_error_set(err, FL_E_INVALID,
                          "the URL's %s has a character at offset %zu (0x%02x) that must be percent-encoded", what, i,
                          (unsigned char)c);
    i += used;
  }
  if (buf.failed) return fl_error_set(err, FL_E_LIMIT, "the URL's %s is too long", what);
  *ret_text = fl_buf_take(&buf, NULL);
  return 0;
}

static uint16_t default_port(const char *scheme) {
  if (strcmp(scheme, "http") == 0 || strcmp(scheme, "ws") == 0) return 80;
  return strcmp(scheme, "https") == 0 || strcmp(scheme, "wss") == 0 ? 443 : 0;
}

static int read_port(fl_slice text, struct fl_url *url, struct fl_error *err) {
  unsigned long port = 0;
  for (size_t i = 0; i < text.size; i++) {
    if (is_digit(text.data[i])) port = port * 10 + (unsigned long)(text.data[i] - '0');
    if (!is_digit(text.data[i]) || port > UINT16_MAX)
      return fl_error_set(err, FL_E_INVALID, "the URL's port is not a number from 1 to 65535");
  }
  if (text.size > 0 && port == 0) return fl_error_set(err, FL_E_INVALID, "the URL's port is 0");
  url->port = port == default_port(url->scheme) ? 0 : (uint16_t)port;
  return 0;
}

static int read_ipv6(fl_slice text, struct fl_url *url, struct fl_error *err) {
  char name[INET6_ADDRSTRLEN];
  struct in6_addr address;
  bool fits = text.size > 0 && text.size < sizeof name && memchr(text.data, '\0', text.size) == NULL;
  if (fits) snprintf(name, sizeof name, "%.*s", (int)text.size, text.data);
  if (!fits || inet_pton(AF_INET6, name, &address) != 1)
    return fl_error_set(err, FL_E_INVALID, "the URL's host in brackets is not an IPv6 address");
  inet_ntop(AF_INET6, &address, name, sizeof name); /* one spelling for every address */
  url->host = fl_strdup(name);
  url->is_ipv6 = true;
  return 0;
}

static int read_name(fl_slice text, struct fl_url *url, struct fl_error *err) {
  if (text.size > FL_URL_HOST_SIZE_MAX)
    return fl_error_set(err, FL_E_INVALID, "the URL's host is longer than 255 characters");
  for (size_t i = 0; i < text.size; i++) {
    char c = text.data[i];
    if (is_alpha(c) || is_digit(c) || is_one_of(c, "-._~!$&'()*+,;=")) continue;
    const char *hint = (unsigned char)c >= 0x80 ? "; write an international name in its xn-- form" : "";
    return fl_error_set(err, FL_E_INVALID, "the URL's host has a character (0x%02x) that is not allowed%s",
                        (unsigned char)c, hint);
  }
  url->host = lower(text);
  return 0;
}

static int read_authority(fl_slice text, unsigned flags, struct fl_url *url, struct fl_error *err) {
  const char *at = memrchr(text.data, '@', text.size);
  if (at != NULL) {
    size_t size = (size_t)(at - text.data);
    if (!(flags & FL_URL_USERINFO))
      return fl_error_set(err, FL_E_INVALID, "the URL has a user name or password in front of the host; take it out");
    int rc = normalise("user name", fl_slice_n(text.data, size), "!$&'()*+,;=:", &url->userinfo, err);
    if (rc < 0) return rc;
    text = cut_from(text, size + 1);
  }
  bool has_bracket = text.size > 0 && text.data[0] == '[';
  const char *bracket = has_bracket ? memchr(text.data, ']', text.size) : NULL;
  if (has_bracket && bracket == NULL) return fl_error_set(err, FL_E_INVALID, "the URL's host has [ without ]");
  fl_slice rest = bracket != NULL ? cut_from(text, (size_t)(bracket - text.data) + 1) : text;
  fl_slice name =
      bracket != NULL ? fl_slice_n(text.data + 1, (size_t)(bracket - text.data) - 1) : take_until(&rest, ":");
  if (rest.size > 0 && rest.data[0] != ':')
    return fl_error_set(err, FL_E_INVALID, "the URL has text after the host's ]");
  int rc = has_bracket ? read_ipv6(name, url, err) : read_name(name, url, err);
  return rc == 0 && rest.size > 0 ? read_port(cut_from(rest, 1), url, err) : rc;
}

/* Section 5.2.4, in place: the path starts with "/" or is left alone. */
static void remove_dot_segments(char *path) {
  if (path[0] != '/') return;
  char *out = path;
  for (const char *in = path; *in == '/';) {
    const char *end = strchr(in + 1, '/');
    size_t size = end != NULL ? (size_t)(end - in) : strlen(in);
    bool is_up = size == 3 && in[1] == '.' && in[2] == '.';
    bool is_dot = size == 2 && in[1] == '.';
    if (is_up)
      while (out > path && *--out != '/') continue;
    if (!is_up && !is_dot) {
      memmove(out, in, size);
      out += size;
    } else if (end == NULL) *out++ = '/'; /* the last segment was a dot: the folder itself */
    in += size;
  }
  *out = '\0';
}

static int read_tail(const struct parts *parts, struct fl_url *url, struct fl_error *err) {
  int rc = normalise("path", parts->path, in_path, &url->path, err);
  if (rc == 0 && parts->query.data != NULL) rc = normalise("query", parts->query, in_query, &url->query, err);
  if (rc == 0 && parts->fragment.data != NULL)
    rc = normalise("fragment", parts->fragment, in_query, &url->fragment, err);
  if (rc < 0) return rc;
  remove_dot_segments(url->path);
  if (url->host == NULL && strncmp(url->path, "//", 2) == 0)
    return fl_error_set(err, FL_E_INVALID, "the URL has no host, and its path begins with //");
  if (url->host == NULL || url->path[0] != '\0') return 0;
  fl_free(url->path);
  url->path = fl_strdup("/");
  return 0;
}

static int read_parts(const struct parts *parts, unsigned flags, struct fl_url *url, struct fl_error *err) {
  url->scheme = lower(parts->scheme);
  int rc = parts->authority.data != NULL ? read_authority(parts->authority, flags, url, err) : 0;
  if (rc == 0) rc = read_tail(parts, url, err);
  if (rc < 0) return rc;
  bool is_http = strcmp(url->scheme, "http") == 0 || strcmp(url->scheme, "https") == 0;
  if ((flags & FL_URL_HTTP) && !is_http)
    return fl_error_set(err, FL_E_INVALID, "the URL's scheme is \"%.20s\"; it must be http or https", url->scheme);
  if (is_http && (url->host == NULL || url->host[0] == '\0'))
    return fl_error_set(err, FL_E_INVALID, "the URL has no host");
  return 0;
}

static int finish(int rc, struct fl_url *url, struct fl_url *ret_url) {
  if (rc == 0) *ret_url = *url;
  else fl_url_deinit(url);
  return rc;
}

int fl_url_parse(fl_slice text, unsigned flags, struct fl_url *ret_url, struct fl_error *err) {
  if (text.size > FL_URL_SIZE_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the URL is longer than %d bytes", FL_URL_SIZE_MAX);
  struct parts parts = split(text);
  if (parts.scheme.data == NULL)
    return fl_error_set(err, FL_E_INVALID, "the URL has no scheme; it should begin with https://");
  struct fl_url url = {0};
  return finish(read_parts(&parts, flags, &url, err), &url, ret_url);
}

/* Section 5.2.3: the reference's path in the place of the base's last segment. */
static char *merge_paths(const struct fl_url *base, fl_slice path) {
  const char *slash = strrchr(base->path, '/');
  int front = slash != NULL ? (int)(slash - base->path) + 1 : 0;
  return fl_format("%.*s%.*s", front, base->path, (int)path.size, path.data);
}

static void copy_authority(const struct fl_url *base, struct fl_url *url) {
  url->userinfo = fl_strdup(base->userinfo);
  url->host = fl_strdup(base->host);
  url->is_ipv6 = base->is_ipv6;
  url->port = base->port;
}

int fl_url_resolve(const struct fl_url *base, fl_slice reference, unsigned flags, struct fl_url *ret_url,
                   struct fl_error *err) {
  if (reference.size > FL_URL_SIZE_MAX)
    return fl_error_set(err, FL_E_LIMIT, "the URL is longer than %d bytes", FL_URL_SIZE_MAX);
  struct parts parts = split(reference);
  if (parts.scheme.data != NULL) return fl_url_parse(reference, flags, ret_url, err);
  struct fl_url url = {0};
  FL_FREE_AUTO char *path = NULL;
  parts.scheme = fl_slice_of(base->scheme);
  if (parts.authority.data == NULL) {
    copy_authority(base, &url);
    if (parts.path.size == 0 && parts.query.data == NULL && base->query != NULL) parts.query = fl_slice_of(base->query);
    if (parts.path.size == 0) parts.path = fl_slice_of(base->path);
    else if (parts.path.data[0] != '/') parts.path = fl_slice_of(path = merge_paths(base, parts.path));
  }
  return finish(read_parts(&parts, flags, &url, err), &url, ret_url);
}

void fl_url_deinit(struct fl_url *url) {
  char *const texts[] = {url->scheme, url->userinfo, url->host, url->path, url->query, url->fragment};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) fl_free(texts[i]);
  *url = (struct fl_url){0};
}

static void add_host(struct fl_buf *buf, const struct fl_url *url) {
  fl_buf_addf(buf, url->is_ipv6 ? "[%s]" : "%s", url->host);
  if (url->port > 0) fl_buf_addf(buf, ":%u", (unsigned)url->port);
}

char *fl_url_format(const struct fl_url *url) {
  FL_BUF_AUTO buf = {0};
  fl_buf_addf(&buf, "%s:", url->scheme);
  if (url->host != NULL) fl_buf_add_text(&buf, "//");
  if (url->userinfo != NULL) fl_buf_addf(&buf, "%s@", url->userinfo);
  if (url->host != NULL) add_host(&buf, url);
  fl_buf_add_text(&buf, url->path);
  if (url->query != NULL) fl_buf_addf(&buf, "?%s", url->query);
  if (url->fragment != NULL) fl_buf_addf(&buf, "#%s", url->fragment);
  return fl_buf_take(&buf, NULL);
}

char *fl_url_origin(const struct fl_url *url) {
  if (url->host == NULL) return NULL;
  FL_BUF_AUTO buf = {0};
  fl_buf_addf(&buf, "%s://", url->scheme);
  add_host(&buf, url);
  return fl_buf_take(&buf, NULL);
}

uint16_t fl_url_port(const struct fl_url *url) { return url->port > 0 ? url->port : default_port(url->scheme); }

char *fl_url_request_target(const struct fl_url *url) {
  return fl_format("%s%s%s", url->path, url->query != NULL ? "?" : "", url->query != NULL ? url->query : "");
}

bool fl_url_is_same_origin(const struct fl_url *a, const struct fl_url *b) {
  if (a->host == NULL || b->host == NULL) return false;
  return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0 && fl_url_port(a) == fl_url_port(b);
}

bool fl_url_is_loopback(const struct fl_url *url) {
  if (url->host == NULL) return false;
  if (url->is_ipv6) return strcmp(url->host, "::1") == 0;
  struct in_addr address;
  if (inet_pton(AF_INET, url->host, &address) == 1) return ntohl(address.s_addr) >> 24 == 127;
  size_t size = strlen(url->host);
  static const char suffix[] = ".localhost";
  return strcmp(url->host, "localhost") == 0 ||
         (size > sizeof suffix - 1 && strcmp(url->host + size - (sizeof suffix - 1), suffix) == 0);
}

int fl_url_encode(struct fl_buf *buf, fl_slice text) {
  int rc = 0;
  for (size_t i = 0; i < text.size && rc == 0; i++) {
    if (is_one_of(text.data[i], unreserved)) rc = fl_buf_add_char(buf, text.data[i]);
    else rc = fl_buf_addf(buf, "%%%02X", (unsigned char)text.data[i]);
  }
  return rc;
}

int fl_url_decode(struct fl_buf *buf, fl_slice text, bool is_form) {
  int rc = 0;
  for (size_t i = 0; i < text.size && rc == 0; i++) {
    char c = is_form && text.data[i] == '+' ? ' ' : text.data[i];
    if (c == '%') {
      if (text.size - i < 3 || hex_of(text.data[i + 1]) < 0 || hex_of(text.data[i + 2]) < 0) return FL_E_SYNTAX;
      c = (char)(hex_of(text.data[i + 1]) << 4 | hex_of(text.data[i + 2]));
      i += 2;
    }
    rc = fl_buf_add_char(buf, c);
  }
  return rc;
}

int fl_url_add_param(struct fl_buf *buf, const char *name, fl_slice value) {
  int rc = buf->size > 0 ? fl_buf_add_char(buf, '&') : 0;
  if (rc == 0) rc = fl_url_encode(buf, fl_slice_of(name));
  if (rc == 0) rc = fl_buf_add_char(buf, '=');
  return rc == 0 ? fl_url_encode(buf, value) : rc;
}

int fl_url_get_param(fl_slice query, const char *name, struct fl_buf *ret_value) {
  while (query.size > 0) {
    fl_slice pair = take_until(&query, "&");
    if (query.size > 0) query = cut_from(query, 1);
    fl_slice key = take_until(&pair, "=");
    FL_BUF_AUTO decoded = {0};
    int rc = fl_url_decode(&decoded, key, true);
    if (rc < 0) return rc;
    if (!fl_slice_equal(fl_buf_slice(&decoded), fl_slice_of(name))) continue;
    rc = pair.size > 1 ? fl_url_decode(ret_value, cut_from(pair, 1), true) : 0;
    return rc < 0 ? rc : 1;
  }
  return 0;
}
