/* SPDX-License-Identifier: MIT */
/* Embedders: texts to vectors. One speaks OpenAI's format ("POST /embeddings"), which local servers speak too; one
 * hashes words, for tests: it is deterministic, needs no model, and knows no meaning. */
#pragma once
#include "runtime/io/world.h"

#include <fairlead/memory.h>

struct fl_embedder;

enum { FL_EMBED_DIMS_MAX = 16384, FL_EMBED_HASH_DIMS = 256 };

/* From an entry as fl_memory_options.embed_model has it. Errors: as of fl_model_config_read. */
int fl_embedder_create(struct fl_world *world, const struct fl_value *entry, const char *(*getenv_fn)(const char *name),
                       struct fl_embedder **ret_embedder, struct fl_error *err);
/* Cancels what is under way, whose embedding ends with FL_E_CANCELLED later, and frees itself after that. */
void fl_embedder_destroy(struct fl_embedder *embedder);
const char *fl_embedder_name(const struct fl_embedder *embedder); /* of the model, with its provider */
size_t fl_embedder_dims(const struct fl_embedder *embedder);
void fl_embedder_embed(struct fl_embedding *embedding, void *embedder); /* an fl_embed_fn */

/* Pure: words, folded to lower case, hashed to a place and a sign each; the result has length 1 (or 0 without words).
 */
void fl_embed_hash(const char *text, float *ret_numbers, size_t dims);
/* The vectors of a reply, in the order of their "index". Errors: FL_E_PROTOCOL. */
int fl_embed_read_reply(fl_slice body, struct fl_embedding *embedding, struct fl_error *err);
