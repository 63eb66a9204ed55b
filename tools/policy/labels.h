/* SPDX-License-Identifier: MIT */
/* Labels: where a value came from, as a set of bits that travels with it. The same name is the same bit in every
 * manifest and process, so that what is stored needs no table of names: the well-known ones have bits of their own, the
 * others one by hash. Two names of a manifest that fall on one bit are an error when it is read; names of different
 * manifests that do so are taken for one label, which refuses more. Pure. */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/value.h>
#include <stdint.h>

#define FL_LABEL_PRIVATE (UINT64_C(1) << 0)
#define FL_LABEL_UNTRUSTED (UINT64_C(1) << 1)
#define FL_LABEL_EGRESS (UINT64_C(1) << 2)          /* of a tool: what it is given leaves */
#define FL_LABELS_UNKNOWN ((UINT64_C(1) << 62) - 1) /* nobody knows where it came from: all of them */

uint64_t fl_label_bit(const char *name);
/* "private, untrusted", the well-known ones and those of `names` (an object whose keys are names; may be NULL); a bit
 * without a name is "other". */
void fl_labels_text(uint64_t labels, const struct fl_value *names, struct fl_buf *text);

/* What a tool is by itself, whatever a manifest says of it: what its results are, and what it is a way to. */
struct fl_tool_class {
  uint64_t gives, leads_to;
};
/* By the MCP annotations that it came with (openWorldHint; NULL: none) and by name, for the tools that ship. */
struct fl_tool_class fl_tool_class_of(const char *tool, const struct fl_value *annotations);
