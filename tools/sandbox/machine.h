/* SPDX-License-Identifier: MIT */
/* Which layers this machine has: the launcher tries them (fairlead-launch --probe), in the way in which it would put
 * them around a tool. */
#pragma once
#include "tools/sandbox/policy.h"

#include <fairlead/error.h>

struct fl_machine {
  bool has[FL_LAYER_COUNT];
  char detail[FL_LAYER_COUNT][128]; /* which version, or why not */
};

/* Without these a sandbox does not hold; the others are added where they work. */
static inline bool fl_layer_is_required(enum fl_layer layer) {
  return layer == FL_LAYER_LANDLOCK || layer == FL_LAYER_SECCOMP;
}

/* Waits for it, a few milliseconds. Errors: FL_E_NOT_FOUND (no launcher), FL_E_IO, FL_E_VERSION. */
int fl_machine_probe(struct fl_machine *ret_machine, struct fl_error *err);
