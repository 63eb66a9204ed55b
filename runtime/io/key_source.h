/* SPDX-License-Identifier: MIT */
/* Where the key of a store comes from: never an argument, and never the value of an environment variable, which other
 * processes can see. */
#pragma once
#include "runtime/io/key_file.h"

/* The first that is there: $FAIRLEAD_STORE_KEY_FILE, the path of a key file; $FAIRLEAD_STORE_KEY_COMMAND, a command
 * (words with blanks between; no shell) that prints the key; the systemd credential "fairlead-store-key" in
 * $CREDENTIALS_DIRECTORY. *ret_key is left empty when there is none. A source that is named and gives no key is an
 * error, and nothing is opened: those of fl_key_file_read; FL_E_REMOTE for a command that fails, FL_E_TIMEOUT for one
 * that takes longer than 30 s. */
int fl_key_source_store(struct fl_secret *ret_key, struct fl_error *err);
