/* SPDX-License-Identifier: MIT */
/* Skills (SEP-2640): whether a file is what the skill's entry says of it. Nothing of a skill is used when one file is
 * not. Pure. */
#pragma once
#include "runtime/base/slice.h"

#include <fairlead/value.h>

/* `skill`: {"uri", "frontmatter", "resources": [{"uri", "size", "digest": "sha256:…"}]}; `bytes` what was read of
 * `uri`. Size first, then digest; of the skill's own file also the front matter, member by member. Errors:
 * FL_E_CORRUPT; FL_E_UNSUPPORTED (a digest of another kind); FL_E_NOT_FOUND (the entry does not name it). */
int fl_mcp_skill_check(const struct fl_value *skill, const char *uri, fl_slice bytes, struct fl_error *err);
