/* SPDX-License-Identifier: MIT */
/* What the program lends to the built-in tools that use the network: one way to read URLs, for the check and for the
 * use, and requests whose connections are checked by address. */
#pragma once
#include "tools/builtin/reach.h"

extern const struct fl_builtin_host fl_builtin_real_host;
