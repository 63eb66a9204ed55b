/* SPDX-License-Identifier: MIT */
/* Waiting for the servers of some tools to be ready; the first need starts them. An opening outlives a task that no
 * longer wants it: it is abandoned, and frees itself when the servers have answered. */
#pragma once
#include "runtime/engine/engine.h"

struct fl_opening;
typedef void fl_opening_fn(int status, const struct fl_error *err, void *user);

/* Servers that the patterns name ("server/tool", "server/…*", or a bare star for all). Calls back once, on the loop,
 * never from inside, unless it is abandoned first. */
struct fl_opening *fl_opening_start(struct fl_registry *registry, const struct fl_value *patterns,
                                    fl_opening_fn *on_ready, void *user);
void fl_opening_abandon(struct fl_opening *opening);

/* Every pattern that a node of the definition names; a new array. */
struct fl_value *fl_opening_patterns(const struct fl_definition *definition);
