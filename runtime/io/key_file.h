/* SPDX-License-Identifier: MIT */
/* Keys in files: 32 bytes as 64 hex digits, in a file that its owner alone may read. Done at once, for a file of a line
 * that is read when a program starts. */
#pragma once
#include "runtime/base/secret.h"

enum { FL_KEY_SIZE = 32, FL_KEY_HEX_SIZE = 2 * FL_KEY_SIZE };

/* Hex to bytes, exactly so many; false for anything else. */
bool fl_key_unhex(fl_slice hex, uint8_t *ret_bytes, size_t size);

/* The key that a text is, line ends behind it aside; `where` is for the message. FL_E_INVALID. */
int fl_key_read(fl_slice text, const char *where, struct fl_secret *ret_key, struct fl_error *err);

/* FL_E_NOT_FOUND; FL_E_DENIED when others may read or own the file, or it is no plain file; FL_E_INVALID; FL_E_IO. */
int fl_key_file_read(const char *path, struct fl_secret *ret_key, struct fl_error *err);

/* Makes the file with `fresh` as its key, whole and on disk, unless it is there; two processes that do so at once agree
 * on one of the two. FL_E_IO, FL_E_NO_SPACE. */
int fl_key_file_make(const char *path, const uint8_t fresh[FL_KEY_SIZE], struct fl_error *err);

/* Replaces a small file, 0600, whole. `syncs`: it is on disk afterwards. FL_E_IO, FL_E_NO_SPACE. */
int fl_key_file_replace(const char *path, fl_slice bytes, bool syncs, struct fl_error *err);
