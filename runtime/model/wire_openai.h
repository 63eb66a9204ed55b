/* SPDX-License-Identifier: MIT */
/* The two halves of fl_wire_openai: building requests (wire_openai.c) and reading replies (wire_openai_decode.c).
 * Pure. */
#pragma once
#include "runtime/model/decode.h"

/* In provider parts and error texts; also for the servers that speak its format. */
#define FL_OPENAI_PROVIDER "openai"

struct fl_model_decoder *fl_openai_decoder_create(void);
int fl_openai_read_whole(fl_slice body, struct fl_value **ret_message, struct fl_error *err);
