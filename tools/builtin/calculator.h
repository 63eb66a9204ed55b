/* SPDX-License-Identifier: MIT */
/* Arithmetic from text. Pure; depth and length are limited, so that any text is answered in bounded time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { FL_CALCULATOR_DEPTH_MAX = 100, FL_CALCULATOR_TEXT_MAX = 4096, FL_CALCULATOR_ERROR_MAX = 200 };

/* True and *ret_number (finite), or false and a sentence that says what is wrong and where. */
bool fl_calculate(const char *text, double *ret_number, char ret_error[FL_CALCULATOR_ERROR_MAX]);
