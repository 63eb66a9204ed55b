/* SPDX-License-Identifier: MIT */
/* Looking at a server as its manifest has it started or reached: what it says of its tools, and which program it is. */
#pragma once
#include "graph/file.h"
#include "runtime/engine/engine.h"
#include "tools/policy/manifest.h"
#include "tools/policy/pin.h"

struct fl_pin_found {
  struct fl_value *listing;
  char pin[FL_PIN_SIZE];
  char program[65]; /* SHA-256 of the program, where it has a sandbox and is no script; "": nothing can be pinned */
};

/* Where servers are looked at: one runtime for all of a manifest, since a secret that stands in a variable is taken out
 * of the environment when it is read first. All lent. */
struct fl_pin_place {
  struct fl_runtime *runtime;
  struct fl_manifest *manifest;
  const struct fl_graph_file *graph; /* NULL: none */
};

/* Whether a look is possible: the manifest says how it is started (`exec`) or reached (`url`), or the graph file
 * (NULL: none) does. */
bool fl_pin_is_reachable(const struct fl_manifest *manifest, const struct fl_graph_file *graph, const char *server);
/* Starts or reaches the server, in its sandbox and within its limits, and lists its tools; it ends with the runtime.
 * The program that is found is the one that is started. Errors: those of starting a server, FL_E_LIMIT for a listing
 * without a pin. */
int fl_pin_look(const struct fl_pin_place *place, const char *server, struct fl_pin_found *ret_found,
                struct fl_error *err);
void fl_pin_found_deinit(struct fl_pin_found *found); /* repeatable */
