/* SPDX-License-Identifier: MIT */
/* Questions to a client, {"method", "params"}: elicitation/create, sampling/createMessage, roots/list. Pure. */
#pragma once
#include <fairlead/value.h>

/* NULL when a client with these capabilities (NULL: none) can answer it, otherwise those that it would need, a new
 * reference. */
struct fl_value *fl_mcp_missing_for(const struct fl_value *request, const struct fl_value *capabilities);
/* Whether it has the shape of an answer. */
bool fl_mcp_is_answer_for(const struct fl_value *request, const struct fl_value *answer);
