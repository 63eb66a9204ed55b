/* SPDX-License-Identifier: MIT */
/* Which IP addresses are those of this machine, of a private network or of none at all. Pure. */
#pragma once
#include <stdbool.h>

/* Whether an address as text belongs to this machine, a private network or a special use (RFC 6890), or is none: what
 * is not known is not let out. */
bool fl_http_is_private_address(const char *address);
