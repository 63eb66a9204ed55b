/* SPDX-License-Identifier: MIT */
/* Whether a request may come from where it says: Host against the names of this server, Origin against the web pages
 * that may use it. Guards servers on loopback against web pages that a browser on this machine shows (DNS rebinding).
 * Pure. */
#pragma once
#include "runtime/base/slice.h"

struct fl_http_hosts {
  const char *address;                       /* that is listened on; NULL: a Unix socket, Host is not checked */
  const char *const *hosts, *const *origins; /* NULL-terminated, may be NULL */
};

bool fl_http_host_is_allowed(const struct fl_http_hosts *rules, fl_slice host);
/* `origin` as in the header, "https://a.example:8443"; data NULL: there is none, which is allowed. */
bool fl_http_origin_is_allowed(const struct fl_http_hosts *rules, fl_slice origin);
bool fl_http_is_loopback(const char *address);
