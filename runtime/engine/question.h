/* SPDX-License-Identifier: MIT */
/* What a tool's server asks a person (MCP elicitation): how the question is shown, and what an answer says. Pure.
 *
 * A form is answered by {"action": "accept", "content": {…}}, a page to visit by {"action": "accept"}, both by
 * {"action": "decline"} (no) and {"action": "cancel"} (not now). Nothing is filled in for the person, defaults
 * included, and an answer that is none of these, or whose content does not fit, decides nothing. */
#pragma once
#include <fairlead/value.h>

struct fl_question_place {
  const char *tool; /* "server/tool" */
  struct fl_value *args;
  const char *call_id;
  const char *problem; /* of the answer before; NULL: there was none */
};
/* The value of the interrupt: {"kind": "elicitation", "server", "tool", "args", "call_id", "mode": "form" or "url",
 * "question", "schema" or "url", "warning"?, "problem"?, "message"}. A new reference. */
struct fl_value *fl_question_shown(const struct fl_value *params, const struct fl_question_place *place);

/* 0 and what the server is told (a new reference), or FL_E_INVALID with what is wrong, which repeats nothing of the
 * content. */
int fl_question_read(const struct fl_value *params, const struct fl_value *answer, struct fl_value **ret_result,
                     struct fl_error *err);
