/* SPDX-License-Identifier: MIT */
#include "runtime/wire/connect.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_name(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_'; }

/* Labels with single dots between, none at the ends. */
static bool is_host_name(const char *host) {
  bool was_dot = true;
  for (; *host != '\0'; host++) {
    if (*host != '.' && !is_name(*host)) return false;
    if (*host == '.' && was_dot) return false;
    was_dot = *host == '.';
  }
  return !was_dot;
}

/* Resolvers take "127.1", "0x7f.1" or "2130706433" for addresses. */
static bool looks_like_number(const char *host) {
  const char *dot = strrchr(host, '.'), *last = dot != NULL ? dot + 1 : host;
  return is_digit(last[0]) && (last[strspn(last, "0123456789")] == '\0' || (last[0] == '0' && last[1] == 'x'));
}

static int read_port(const char *text, size_t size, uint16_t *ret_port) {
  uint32_t port = 0;
  if (size == 0 || size > 5 || text[0] == '0') return FL_E_SYNTAX;
  for (size_t i = 0; i < size; i++) {
    if (!is_digit(text[i])) return FL_E_SYNTAX;
    port = port * 10 + (uint32_t)(text[i] - '0');
  }
  if (port > UINT16_MAX) return FL_E_SYNTAX;
  *ret_port = (uint16_t)port;
  return 0;
}

static int read_host(const char *text, size_t size, struct fl_connect *connect) {
  uint8_t bytes[16];
  bool has_brackets = size > 2 && text[0] == '[' && text[size - 1] == ']';
  if (has_brackets) text++, size -= 2;
  else if (size > 1 && text[size - 1] == '.') size--;
  if (size == 0 || size >= FL_CONNECT_HOST_SIZE || memchr(text, '\0', size) != NULL) return FL_E_SYNTAX;
  for (size_t i = 0; i < size; i++)
    connect->host[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
  connect->host[size] = '\0';
  connect->is_address = inet_pton(has_brackets ? AF_INET6 : AF_INET, connect->host, bytes) == 1;
  if (connect->is_address) return 0;
  return !has_brackets && is_host_name(connect->host) && !looks_like_number(connect->host) ? 0 : FL_E_SYNTAX;
}

static int read_authority(const char *text, size_t size, struct fl_connect *connect) {
  const char *colon = memrchr(text, ':', size);
  if (colon == NULL) return FL_E_SYNTAX;
  int rc = read_port(colon + 1, size - (size_t)(colon + 1 - text), &connect->port);
  return rc == 0 ? read_host(text, (size_t)(colon - text), connect) : rc;
}

int fl_connect_parse(fl_slice text, struct fl_connect *ret_connect) {
  static const char method[] = "CONNECT ";
  struct fl_connect connect = {0};
  const char *end = memmem(text.data, text.size, "\r\n\r\n", 4);
  if (end == NULL) return text.size < FL_CONNECT_HEAD_MAX ? FL_E_TRUNCATED : FL_E_LIMIT;
  const char *line_end = memmem(text.data, text.size, "\r\n", 2);
  if (text.size < sizeof method || memcmp(text.data, method, sizeof method - 1) != 0) return FL_E_UNSUPPORTED;
  const char *target = text.data + sizeof method - 1;
  const char *space = line_end > target ? memchr(target, ' ', (size_t)(line_end - target)) : NULL;
  if (space == NULL || line_end - space != 9) return FL_E_SYNTAX;
  if (memcmp(space, " HTTP/1.1", 9) != 0 && memcmp(space, " HTTP/1.0", 9) != 0) return FL_E_SYNTAX;
  int rc = read_authority(target, (size_t)(space - target), &connect);
  connect.head_size = (size_t)(end + 4 - text.data);
  if (rc == 0) *ret_connect = connect;
  return rc;
}

bool fl_connect_is_pattern(const char *pattern) {
  struct fl_connect connect = {0};
  const char *host = strncmp(pattern, "*.", 2) == 0 ? pattern + 2 : pattern;
  return read_authority(host, strlen(host), &connect) == 0 && (host == pattern || !connect.is_address);
}

bool fl_connect_fits(const char *pattern, const struct fl_connect *connect) {
  struct fl_connect granted = {0};
  bool is_wide = strncmp(pattern, "*.", 2) == 0;
  const char *host = is_wide ? pattern + 2 : pattern;
  if (read_authority(host, strlen(host), &granted) != 0 || granted.port != connect->port) return false;
  if (!is_wide) return strcmp(granted.host, connect->host) == 0;
  size_t size = strlen(connect->host), tail = strlen(granted.host);
  return !connect->is_address && size > tail + 1 && connect->host[size - tail - 1] == '.' &&
         strcmp(connect->host + size - tail, granted.host) == 0;
}
