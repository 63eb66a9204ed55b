/* SPDX-License-Identifier: MIT */
/* The two halves of fl_wire_anthropic: building requests (wire_anthropic.c) and reading replies
 * (wire_anthropic_decode.c). Pure. */
#pragma once
#include "runtime/model/decode.h"

#define FL_ANTHROPIC_PROVIDER "anthropic"

struct fl_model_decoder *fl_anthropic_decoder_create(void);
int fl_anthropic_read_whole(fl_slice body, struct fl_value **ret_message, struct fl_error *err);
