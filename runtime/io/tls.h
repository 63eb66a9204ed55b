/* SPDX-License-Identifier: MIT */
/* TLS above the connections of a listener, 1.2 and later, in any world. What is accepted through a context is a stream
 * like every other; who reads and writes it does not know. */
#pragma once
#include "runtime/io/listener.h"

struct fl_tls_context;

/* The certificate chain and its key, PEM files. Loads the network module. Errors: FL_E_NOT_FOUND, FL_E_INVALID (what is
 * in the files), FL_E_UNSUPPORTED, FL_E_VERSION (the module). */
int fl_tls_context_open(const char *certificate, const char *key, struct fl_tls_context **ret_context,
                        struct fl_error *err);
/* Reads the files again, for connections from now on; on an error all stays as it is. */
int fl_tls_context_reload(struct fl_tls_context *context, struct fl_error *err);
void fl_tls_context_close(struct fl_tls_context *context); /* NULL allowed; no stream of it may be open any more */

/* As fl_listener_accept. */
int fl_tls_accept(struct fl_tls_context *context, struct fl_listener *listener, struct fl_stream *stream);
