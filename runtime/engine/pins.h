/* SPDX-License-Identifier: MIT */
/* Tools of servers that are not ours are trusted as they were when first seen: the hash of a tool's name, texts,
 * schemas and annotations is kept in the memory under ["pins", SERVER'S IDENTITY], by the tool's name. A tool whose
 * definition has changed since is suspended: not listed to models, not called, until a person accepts the new one. A
 * server that is started in another way, or reached at another address, is another server.
 *
 * A manifest can pin a server as a whole (tools/policy/pin.h): what the server says just now is told to the policy as
 * a fact, and the policy decides.
 *
 * Failure mode: a pin cannot be written (the disk is full, say): the tool is pinned when it is seen next. */
#pragma once
#include "runtime/engine/engine.h"

/* Why the tool is suspended, with what changed; NULL: it is not. The caller frees it. */
char *fl_pins_suspension(struct fl_runtime *runtime, const char *full_name);
/* The pin of what a tool's server says of its tools; NULL: it is not open, or lists what has no pin. Lent until a
 * server lists something else. */
const char *fl_pins_listing(struct fl_runtime *runtime, const char *full_name);
const struct fl_value *fl_pins_listed(struct fl_runtime *runtime, const char *full_name); /* the listing itself */
void fl_pins_destroy(struct fl_pins *pins);                                               /* NULL allowed */

/* Pure. What a pin holds of a tool; and what is different between two, a line each, the old one first. */
struct fl_value *fl_pins_definition(const struct fl_tool_info *info);
char *fl_pins_diff(const struct fl_value *old_definition, const struct fl_value *new_definition);
