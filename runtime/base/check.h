/* SPDX-License-Identifier: MIT */
/* Checks for our own bugs, always on: a broken invariant stops the process before it can write anything wrong. */
#pragma once

_Noreturn void fl_check_failed(const char *condition, const char *file, int line);

#define fl_check(condition) ((condition) ? (void)0 : fl_check_failed(#condition, __FILE__, __LINE__))
