/* SPDX-License-Identifier: MIT */
/* Standard input and output as the two ends of a protocol: taken away from the program, so that nothing else can read
 * from the one or write to the other. After this, descriptor 0 is /dev/null and descriptor 1 goes where standard error
 * goes. */
#pragma once
#include <fairlead/error.h>

struct fl_stdio {
  int in, out; /* close-on-exec; the caller's */
};

/* Errors: FL_E_IO when a descriptor is not open or none is left. */
int fl_stdio_take(struct fl_stdio *ret_stdio, struct fl_error *err);
