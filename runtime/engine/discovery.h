/* SPDX-License-Identifier: MIT */
/* Many tools, few words: when the definitions of a node's tools would cost the model more tokens than a limit, it is
 * told three tools instead, with which it finds, reads and calls the others. What may be found and called is what the
 * policy allows the node, as if all had been told. */
#pragma once
#include "runtime/engine/engine.h"

enum { FL_DISCOVER_ABOVE_DEFAULT = 20000 }; /* tokens; a node's own: `discover_above`, 0: always */

/* The definitions to tell: those given, `told_size` bytes in all, or the three. Takes them, returns a new reference. */
struct fl_value *fl_discovery_fold_take(struct fl_task *task, struct fl_value *definitions, size_t told_size);

/* Whether the model's call is one of the three: true; then *ret_content is the answer to it, or NULL and `*ret_call` is
 * the call that it stands for (a new reference): {"id","name","args"}. */
bool fl_discovery_answer(struct fl_task *task, const struct fl_value *call, struct fl_value **ret_content,
                         bool *ret_is_error, struct fl_value **ret_call);

/* The name of the tool that a call of a model means; lent. */
const char *fl_discovery_name(const struct fl_value *call);

void fl_discovery_destroy(struct fl_discovery *discovery); /* NULL allowed */

/* Tokens that a text of so many bytes costs, roughly: what is told before the provider counts. */
static inline int64_t fl_estimate_tokens(size_t bytes) { return (int64_t)(bytes + 3) / 4; }
