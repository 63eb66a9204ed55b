/* SPDX-License-Identifier: MIT */
/* The border between the library and TLS in the network module: a machine without a socket, ciphered bytes in, plain
 * bytes out, and the other way. A process that serves no TLS loads none of it. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/error.h>

enum { FL_TLS_VERSION = 1 };
#define FL_TLS_MODULE_SYMBOL "fl_tls_module_v1"

struct fl_tls_module {
  uint32_t version; /* FL_TLS_VERSION */
  uint32_t size;    /* of this struct */
  /* The certificate chain and the key, PEM files. FL_E_NOT_FOUND, FL_E_INVALID. */
  int (*context_open)(const char *certificate, const char *key, void **ret_context, struct fl_error *err);
  void (*context_close)(void *context); /* sessions keep what they need */
  void *(*session_open)(void *context);
  void (*session_close)(void *session);
  /* Bytes of the peer. Appends what they hold to `plain`, and what must go back to `out`. 0, FL_E_CLOSED (the peer has
   * ended in order), FL_E_PROTOCOL (it broke the protocol, or we do not agree; `out` may have an alert). */
  int (*feed)(void *session, fl_slice bytes, struct fl_buf *plain, struct fl_buf *out);
  /* 0, FL_E_BUSY (the handshake is not over: try again after the next feed), FL_E_PROTOCOL. All or nothing. */
  int (*write)(void *session, fl_slice plain, struct fl_buf *out);
  void (*end)(void *session, struct fl_buf *out); /* we have nothing more to say */
};
