/* SPDX-License-Identifier: MIT */
/* URLs (RFC 3986), strictly: what parsers are known to read differently (white space, controls, backslashes, user
 * names, numbers as hosts beyond dotted decimal are left as names) is refused or normalised here, once, so that the
 * part of the program that decides and the part that connects see the same host. Pure.
 *
 * Normal form: scheme and host in lower case, a default port dropped, dot segments removed, "/" for an empty path of a
 * URL that has a host, percent-encodings in upper case and undone for unreserved characters, bytes outside ASCII
 * percent-encoded. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/error.h>
#include <stdint.h>

enum { FL_URL_SIZE_MAX = 8192, FL_URL_HOST_SIZE_MAX = 255 };

struct fl_url {
  char *scheme;   /* "https" */
  char *userinfo; /* NULL: none; only with FL_URL_USERINFO */
  char *host;     /* "example.org", "127.0.0.1", "::1" (without brackets); NULL: the URL has no authority */
  bool is_ipv6;
  uint16_t port;  /* 0: the scheme's own */
  char *path;     /* "" or "/…" with a host */
  char *query;    /* without "?"; NULL: none */
  char *fragment; /* without "#"; NULL: none */
};

enum fl_url_flags {
  FL_URL_USERINFO = 1, /* "user:secret@" is allowed; otherwise it is FL_E_INVALID, and the text does not repeat it */
  FL_URL_HTTP = 2,     /* only http and https, with a host */
};

/* Errors: FL_E_INVALID with what is wrong; FL_E_LIMIT. ret_url is the caller's, to be released with fl_url_deinit. */
int fl_url_parse(fl_slice text, unsigned flags, struct fl_url *ret_url, struct fl_error *err);

/* A reference ("../x", "?q", "//host/", a whole URL) as seen from a base: RFC 3986, section 5.2. */
int fl_url_resolve(const struct fl_url *base, fl_slice reference, unsigned flags, struct fl_url *ret_url,
                   struct fl_error *err);
void fl_url_deinit(struct fl_url *url); /* repeatable; a zeroed one is valid too */

char *fl_url_format(const struct fl_url *url);         /* the caller frees it */
char *fl_url_origin(const struct fl_url *url);         /* "https://example.org:8443"; NULL without a host */
uint16_t fl_url_port(const struct fl_url *url);        /* the port to connect to; 0 when the scheme has none */
char *fl_url_request_target(const struct fl_url *url); /* "/path?query" */
bool fl_url_is_same_origin(const struct fl_url *a, const struct fl_url *b);
bool fl_url_is_loopback(const struct fl_url *url); /* localhost, *.localhost, 127.0.0.0/8, ::1, by the text alone */

/* Appends percent-encoded: everything but unreserved characters. */
int fl_url_encode(struct fl_buf *buf, fl_slice text);
/* Appends decoded; FL_E_SYNTAX for a % without two hex digits. With is_form, "+" is a space. */
int fl_url_decode(struct fl_buf *buf, fl_slice text, bool is_form);

/* Appends "name=value" to a query or form body, with "&" in front when there is something already. */
int fl_url_add_param(struct fl_buf *buf, const char *name, fl_slice value);

/* The first parameter of that name, decoded and appended to `ret_value`; 1 found, 0 absent, FL_E_SYNTAX, FL_E_LIMIT. */
int fl_url_get_param(fl_slice query, const char *name, struct fl_buf *ret_value);
