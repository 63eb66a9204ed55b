/* SPDX-License-Identifier: MIT */
#include "runtime/io/http_hosts.h"

#include <strings.h>

static bool same(fl_slice text, const char *other) {
  return text.size == strlen(other) && strncasecmp(text.data, other, text.size) == 0;
}

/* "[::1]:80" without the port; NULL data when what follows the host is no port. */
static fl_slice without_port(fl_slice host) {
  if (host.size == 0) return (fl_slice){0};
  const char *bracket = *host.data == '[' ? memchr(host.data, ']', host.size) : NULL;
  if (*host.data == '[' && bracket == NULL) return (fl_slice){0};
  size_t from = bracket != NULL ? (size_t)(bracket + 1 - host.data) : 0;
  const char *colon = memchr(host.data + from, ':', host.size - from);
  size_t size = colon != NULL ? (size_t)(colon - host.data) : host.size;
  if (*host.data == '[' && size != from) return (fl_slice){0};
  for (size_t i = size + 1; i < host.size; i++)
    if (host.data[i] < '0' || host.data[i] > '9') return (fl_slice){0};
  return size > 0 ? fl_slice_n(host.data, size) : (fl_slice){0};
}

bool fl_http_is_loopback(const char *address) {
  return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 || strcmp(address, "localhost") == 0;
}

static bool is_loopback_name(fl_slice name) {
  return same(name, "localhost") || same(name, "127.0.0.1") || same(name, "[::1]");
}

static bool is_address(fl_slice name, const char *address) {
  if (same(name, address)) return true;
  return name.size > 2 && *name.data == '[' && same(fl_slice_n(name.data + 1, name.size - 2), address);
}

static bool is_ours(const struct fl_http_hosts *rules, fl_slice host) {
  fl_slice name = without_port(host);
  if (name.data == NULL) return false;
  if (rules->address == NULL || fl_http_is_loopback(rules->address))
    if (is_loopback_name(name)) return true;
  return rules->address != NULL && is_address(name, rules->address);
}

bool fl_http_host_is_allowed(const struct fl_http_hosts *rules, fl_slice host) {
  if (rules->address == NULL || is_ours(rules, host)) return true;
  fl_slice name = without_port(host);
  if (name.data == NULL) return false;
  for (const char *const *at = rules->hosts; at != NULL && *at != NULL; at++)
    if (strcmp(*at, "*") == 0 || same(host, *at) || same(name, *at)) return true;
  return false;
}

bool fl_http_origin_is_allowed(const struct fl_http_hosts *rules, fl_slice origin) {
  if (origin.data == NULL) return true;
  for (const char *const *at = rules->origins; at != NULL && *at != NULL; at++)
    if (strcmp(*at, "*") == 0 || same(origin, *at)) return true;
  static const char *const schemes[] = {"http://", "https://"};
  for (int i = 0; i < 2; i++) {
    size_t size = strlen(schemes[i]);
    if (origin.size <= size || strncasecmp(origin.data, schemes[i], size) != 0) continue;
    return is_ours(rules, fl_slice_n(origin.data + size, origin.size - size));
  }
  return false;
}
