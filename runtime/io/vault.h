/* SPDX-License-Identifier: MIT */
/* The secrets of a world: each source is read once, its value kept in locked memory for whoever may have it, and known
 * from then on, so that no text that comes in or goes out shows it (runtime/base/known.h). Of the loop's thread. */
#pragma once
#include "runtime/base/known.h"
#include "runtime/io/secret_source.h"
#include "runtime/io/world.h"

struct fl_vault;

/* The value is lent for the life of the world. The first secret makes this process one that leaves no core file and
 * that no other process of the user can look into (PR_SET_DUMPABLE). `name` stands in texts instead of the value.
 * Errors: those of fl_secret_source_read and fl_known_add. */
int fl_vault_read(struct fl_world *world, const char *name, const struct fl_secret_source *source,
                  const struct fl_secret **ret_value, struct fl_error *err);
/* A value that stands elsewhere, as a key of a model or the text of a header does, is known from then on as well. One
 * that could not be told from other text (see fl_known_add) is left out, and no error. FL_E_LIMIT. */
int fl_vault_know(struct fl_world *world, const char *name, fl_slice value, struct fl_error *err);
/* A copy of the list, names included, lent for the life of the world like the values in it; NULL for none. */
const struct fl_process_secret *fl_vault_list(struct fl_world *world, const struct fl_process_secret *list,
                                              size_t count);

/* `on_use` comes whenever a process has been given a secret: its name, and whose process that is. One watcher; NULL
 * ends it. */
typedef void fl_vault_use_fn(const char *name, const char *receiver, void *user);
void fl_vault_watch(struct fl_world *world, fl_vault_use_fn *on_use, void *user);
void fl_vault_used(struct fl_world *world, const char *receiver, const struct fl_process_secret *list, size_t count);

/* NULL: none is known. */
const struct fl_known *fl_vault_known(const struct fl_world *world);

void fl_vault_destroy(struct fl_vault *vault); /* by the world; NULL allowed */
