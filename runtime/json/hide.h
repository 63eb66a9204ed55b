/* SPDX-License-Identifier: MIT */
/* Values and JSON texts without the secrets that are known (runtime/base/known.h). Pure. */
#pragma once
#include "runtime/base/known.h"

#include <fairlead/value.h>

/* The value with "[secret NAME]" in the place of each secret in its texts and names of members; a number whose digits
 * are a secret becomes such a text. A new reference, to the same value when there is none; NULL stays NULL. */
struct fl_value *fl_hide_value(const struct fl_known *known, const struct fl_value *value);
/* The same for a JSON text: false when it holds none, and then nothing is appended. What is no JSON is a text. */
bool fl_hide_json(const struct fl_known *known, fl_slice json, struct fl_buf *out);
