/* SPDX-License-Identifier: MIT */
/* What the policy must know before it decides about a call, and what takes time to find out: what the tool's server
 * says of its tools, where a manifest pins that; which addresses the hosts of its arguments have, where a rule speaks
 * of URLs or hosts.
 *
 * Happy path: the server is opened; names are looked up on a thread of the pool; fl_call_decide goes on. Failure modes:
 * the server does not start (the call is refused with why); a name does not resolve (that is a fact as well, and the
 * policy refuses it); the run is cancelled meanwhile (the call comes to nothing; a lookup that is under way ends by
 * itself, and the runtime waits for it). */
#pragma once
#include "runtime/engine/engine.h"

/* Whether there is a world to look at. In a rehearsal and in a replay there is none: servers are taken to be as they
 * were pinned, and nothing is looked up. */
bool fl_prepare_is_real(const struct fl_runtime *runtime);
/* True: something is on its way, and fl_call_decide is called again when it is there, or the call is refused. */
bool fl_prepare_call(struct fl_task_call *call);
void fl_prepare_abandon(struct fl_task_call *call); /* nobody waits for it any more */
