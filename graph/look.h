/* SPDX-License-Identifier: MIT */
/* Looking at what is stored of a thread without its graph: the state of a checkpoint, and how two checkpoints differ.
 * Pure. */
#pragma once
#include "graph/record.h"

/* The channels that users see, as an object; a new reference. */
struct fl_value *fl_loaded_values(const struct fl_loaded *loaded);

/* What it waits for, as in an END: [{"id","node","task_id","value"}], or the nodes it was told to stop at. Questions
 * that are answered are left out. A new reference. */
struct fl_value *fl_loaded_interrupts(const struct fl_loaded *loaded);

/* How the state of `to` differs from that of `from`:
 *   {"from":{"checkpoint_id","step"}, "to":{…}, "channels":{NAME:CHANGE}, "next":{"from":[…],"to":[…]}}
 * with only the channels that differ; "next" only when it does. A CHANGE is
 *   {"added":VALUE}, {"removed":VALUE}: the channel has a value on one side only;
 *   of lists {"appended":[…], "inserted":[{"index","value"}], "removed":[{"index","value"}],
 *     "changed":[{"index","from","to"}]}, of lists of objects with ids (messages) {"appended":[…], "removed":[…],
 *     "changed":[{"id","from","to"}]}, each only when there is such;
 *   of objects {"members":{KEY:CHANGE}};
 *   {"from":VALUE,"to":VALUE}: anything else.
 * `same_thread`: equal row numbers are equal values. A new reference. */
struct fl_value *fl_loaded_diff(const struct fl_loaded *from, const struct fl_loaded *to, bool same_thread);
/* A CHANGE between two values; NULL when they are equal. Either may be NULL, not both. */
struct fl_value *fl_value_diff(struct fl_value *from, struct fl_value *to);
