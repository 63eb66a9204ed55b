/* SPDX-License-Identifier: MIT */
/* Manifests as documents: the narrowest one that recorded calls would have needed, and what differs between two. Pure.
 */
#pragma once
#include "tools/policy/manifest.h"

/* Adds a call to what was recorded, an object {TOOL: {"count", "args": [ARGS…]}} that the caller makes empty. */
void fl_manifest_learn_call(struct fl_value *recorded, const char *tool, struct fl_value *args);
/* The manifest, as a document, for a person to read, widen and sign: a rule for each tool, with the values that each
 * argument had (ranges of numbers and lengths where there were more than a few) and how often it was called. `id` is
 * its name. A new value. */
struct fl_value *fl_manifest_learned(const struct fl_value *recorded, const char *id);

enum fl_manifest_way { FL_MANIFEST_CHANGED, FL_MANIFEST_WIDER, FL_MANIFEST_NARROWER };
struct fl_manifest_change {
  const char *at;                   /* "tools bank/send_money /max_calls"; lent for the visit */
  const struct fl_value *from, *to; /* NULL: it was not there, or is not any more */
  enum fl_manifest_way way;         /* as far as that can be said of the change alone */
};
/* Rules are compared by their `match`, whatever their order. */
void fl_manifest_diff(const struct fl_manifest *from, const struct fl_manifest *to,
                      void (*visit)(const struct fl_manifest_change *change, void *user), void *user);
