/* SPDX-License-Identifier: MIT */
/* Whether the traces of a thread's runs fit what the store holds. */
#pragma once
#include "runtime/store/store.h"

/* Fails the test when a span claims something that the store does not hold (a checkpoint, the outcome of a task or of a
 * call), or when a checkpoint that the store holds is in no trace. Returns how many spans were compared. */
long check_trace(struct fl_store *store, const char *thread, unsigned long long seed);
