/* SPDX-License-Identifier: MIT */
/* What lowering and restoring share, and schemas brought together: references looked up, allOf and alternatives at the
 * root made one. For lower*.c only. */
#pragma once
#include "runtime/model/lower.h"

/* What a "$ref" within the root leads to; lent; NULL when it leads nowhere that we know (anchors, other documents). */
const struct fl_value *fl_lower_target(const struct fl_value *root, const char *reference);
/* Both schemas at once: properties of both, what either requires, the first one's words where they clash. A new value.
 */
struct fl_value *fl_lower_merge(const struct fl_value *a, const struct fl_value *b);
/* What any of the alternatives takes: properties of all, required only what all require. A new value. */
struct fl_value *fl_lower_union(const struct fl_value *base, const struct fl_value *alternatives);

bool fl_lower_allows(const struct fl_value *schema, const char *type);   /* its `type` names it */
bool fl_lower_requires(const struct fl_value *schema, const char *name); /* its `required` names it */
/* The name under which a property is told where names have an alphabet. */
void fl_lower_key(const char *key, char ret_key[FL_LOWER_KEY_MAX + 1]);
