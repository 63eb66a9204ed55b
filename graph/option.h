/* SPDX-License-Identifier: MIT */
/* Reading an options struct of any size that a caller was compiled with: a member beyond its size has the fallback. */
#pragma once
#include <stddef.h>

#define fl_option(options, member, fallback)                                                                    \
  ((options) != NULL && (options)->size >= offsetof(__typeof__(*(options)), member) + sizeof((options)->member) \
       ? (options)->member                                                                                      \
       : (fallback))
