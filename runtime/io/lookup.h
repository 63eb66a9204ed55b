/* SPDX-License-Identifier: MIT */
/* What a host name resolves to: a fact for who decides about the name. Whoever connects later asks again, and must look
 * at the address that it gets. Blocks: for a thread of the pool. */
#pragma once
#include <fairlead/value.h>

/* Appends the addresses as texts ("192.0.2.1", "2001:db8::1", without a scope), each once. FL_E_NETWORK: it does not
 * resolve. */
int fl_lookup_host(const char *host, struct fl_value *addresses, struct fl_error *err);
