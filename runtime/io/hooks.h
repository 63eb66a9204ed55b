/* SPDX-License-Identifier: MIT */
/* Our allocator for this room's library: memory that runs out ends the process, never a half-made value. For programs
 * that own the whole process, before anything else of the library is used; the library itself never calls it. */
#pragma once
#include <stdbool.h>

void fl_io_hooks_install(void);
bool fl_io_hooks_are_installed(void); /* for the network module, which gives them to libcurl */
