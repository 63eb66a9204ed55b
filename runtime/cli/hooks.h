/* SPDX-License-Identifier: MIT */
/* The allocator of the libraries, installed by the program only, never by libfairlead: what embeds the library keeps
 * its own. */
#pragma once

void fl_hooks_install(void);
