/* SPDX-License-Identifier: MIT */
/* The tools of a suite as sources of tools for a runtime: they answer what the suite says, tell the play, and reach
 * nothing. */
#pragma once
#include "runtime/engine/engine.h"
#include "runtime/redteam/obedient.h"

struct fl_stage;

/* Adds them to the runtime's registry, without a grant: what may be called is the graph's and the manifest's to say.
 * All is lent until the runtime is gone, the stage as well. Errors: FL_E_INVALID (a schema of arguments). */
int fl_stage_build(const struct fl_suite *suite, struct fl_play *play, struct fl_runtime *runtime,
                   struct fl_stage **ret_stage, struct fl_error *err);
void fl_stage_destroy(struct fl_stage *stage); /* NULL allowed; after the runtime */

/* The names of a suite's servers, NULL-terminated; the caller frees each and the list. */
char **fl_stage_servers(const struct fl_suite *suite);
void fl_stage_servers_free(char **servers);
