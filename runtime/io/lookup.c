/* SPDX-License-Identifier: MIT */
#include "runtime/io/lookup.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

enum { ADDRESSES_MAX = 64 };

static bool holds(const struct fl_value *addresses, const char *text) {
  for (size_t i = 0; i < fl_size(addresses); i++)
    if (strcmp(fl_as_string(fl_at(addresses, i)), text) == 0) return true;
  return false;
}

int fl_lookup_host(const char *host, struct fl_value *addresses, struct fl_error *err) {
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
  struct addrinfo *list = NULL;
  int failure = getaddrinfo(host, NULL, &hints, &list);
  if (failure != 0) return fl_error_set(err, FL_E_NETWORK, "cannot resolve %.255s: %s", host, gai_strerror(failure));
  for (const struct addrinfo *one = list; one != NULL && fl_size(addresses) < ADDRESSES_MAX; one = one->ai_next) {
    char text[64];
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0) continue;
    text[strcspn(text, "%")] = '\0'; /* a scope */
    if (!holds(addresses, text)) fl_append_take(addresses, fl_string(text));
  }
  freeaddrinfo(list);
  return 0;
}
