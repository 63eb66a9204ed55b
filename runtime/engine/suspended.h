/* SPDX-License-Identifier: MIT */
/* A server that does not say of its tools what its manifest has pinned: what is told of it, and to whom. The model
 * reads that it is so and by which rule; what changed is for people alone, since a server that was turned would put its
 * words to the model there. */
#pragma once
#include "runtime/engine/engine.h"

/* Why a tool is suspended because its definition is not the one that was seen first (pins.h); NULL: it is not, or its
 * manifest pins the server, and then that counts instead. The caller frees it. */
char *fl_suspended_since_seen(const struct fl_task *task, const char *tool);
/* Tells whoever follows what changed, as the event "server_suspended"; where the manifest says so, the task fails with
 * it. `decision` is suspended; `tool` is one of the server's. */
void fl_suspended_tell(struct fl_task *task, const char *tool, const struct fl_decision *decision);
