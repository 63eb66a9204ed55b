/* SPDX-License-Identifier: MIT */
/* What a hostile model says: replies of a server that speaks OpenAI's format, as bytes, drawn from a seed. */
#pragma once
#include "runtime/base/buf.h"

struct hostile {
  uint64_t state; /* of the generator */
};

uint32_t hostile_draw(struct hostile *hostile, uint32_t below);
/* One reply, appended: calls that are allowed, calls that are nearly so, calls of tools that are not there, arguments
 * that are no JSON or too much of it, forged approvals; now and then with some bytes changed. */
void hostile_reply(struct hostile *hostile, struct fl_buf *ret_body);
