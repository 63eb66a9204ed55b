/* SPDX-License-Identifier: MIT */
/* Pins put into the text of a manifest, which is a person's file: comments, order and spelling stay as they are. Pure.
 */
#pragma once
#include "runtime/base/buf.h"

#include <fairlead/value.h>

/* `pins` is {SERVER: {"tools"?: PIN, "exec_sha256"?: HEX}}, of servers that the manifest names. What comes out has been
 * read again: it says what the text said, and the pins. Errors: FL_E_UNSUPPORTED when they cannot be put there by a
 * program (the text then says what to write), and what reading a manifest gives. */
int fl_pin_write(const char *file, fl_slice text, const struct fl_value *pins, struct fl_buf *ret_text,
                 struct fl_error *err);
