/* SPDX-License-Identifier: MIT */
/* A streamed reply of OpenAI's format decodes to the same message or error whole and in pieces; what is among the tool
 * calls may be executed. The first byte is the size of the pieces. */
#define FUZZ_WIRE fl_wire_openai
#include "tests/fuzz/fuzz_model.h"
