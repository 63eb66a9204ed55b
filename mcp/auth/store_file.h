/* SPDX-License-Identifier: MIT */
/* The files of the sealed store, without what is in them: a folder for its owner alone, a key, whole replacements,
 * locks. */
#pragma once
#include "runtime/base/secret.h"

int fl_store_make_folder(const char *folder, struct fl_error *err); /* 0700, and those above it */
/* From the environment or the file; `fresh` becomes the key when there is none yet. */
int fl_store_load_key(const char *folder, const uint8_t fresh[FL_SEAL_KEY_SIZE], struct fl_secret *ret_key,
                      struct fl_error *err);
int fl_store_read_file(const char *path, struct fl_buf *buf, struct fl_error *err); /* FL_E_NOT_FOUND, FL_E_IO */
int fl_store_try_lock(const char *path, int *ret_lock);                             /* FL_E_BUSY, FL_E_IO */
int fl_store_lock_folder(const char *folder, int *ret_lock, struct fl_error *err);  /* waits a second at most */
