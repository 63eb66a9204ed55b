/* SPDX-License-Identifier: MIT */
/* What a model call costs: a table of prices, ours (prices.txt, made by make-prices.py) or one of the user's. Pure.
 *
 * The text: a line for each price, "PROVIDER PATTERN INPUT OUTPUT [CACHED [CACHE_WRITE]]", in US dollars per million
 * tokens, "-" for one that is not told; empty lines and those that begin with # do not count. A pattern is the name of
 * a model with a star at its front or end for anything. Of several that fit, one of the call's provider comes before
 * the others, then a longer pattern before a shorter one. */
#pragma once
#include "runtime/base/slice.h"

#include <fairlead/error.h>
#include <stdint.h>

struct fl_prices;

/* FL_E_INVALID names the line that is wrong. The text is copied. */
int fl_prices_create(fl_slice text, struct fl_prices **ret_prices, struct fl_error *err);
void fl_prices_destroy(struct fl_prices *prices); /* NULL allowed */
const char *fl_prices_builtin(void);              /* the text of our own table */

struct fl_tokens {
  int64_t input, output, cached, cache_write; /* cached and cache_write are among the input */
};

/* In billionths of a dollar; -1 when no price is known for the model. */
int64_t fl_prices_cost(const struct fl_prices *prices, const char *provider, const char *model,
                       const struct fl_tokens *tokens);
