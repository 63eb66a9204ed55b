/* SPDX-License-Identifier: MIT */
/* What a server over HTTP listens on, from the text that a user gives. */
#pragma once
#include "runtime/io/listener.h"

struct fl_http_listen {
  struct fl_listener_options options; /* its texts are lent by the text that was parsed, and by `address` */
  char address[64];
};

/* See fl_http_serve.listen. FL_E_INVALID. */
int fl_http_parse_listen(const char *text, struct fl_http_listen *ret_listen, struct fl_error *err);
