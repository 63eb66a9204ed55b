/* SPDX-License-Identifier: MIT */
/* What calls of models cost, for budgets in money: by the table of prices that traces use (runtime/trace/prices.h). */
#pragma once
#include "runtime/engine/engine.h"

/* In billionths of a dollar, by the usage that the provider has told. A scripted model costs nothing, unless the table
 * has a price for "scripted". -1: no price is known for the model. */
int64_t fl_cost_of_usage(struct fl_runtime *runtime, const struct fl_model_config *config,
                         const struct fl_value *usage);
/* At most, for so many tokens in and out: nothing of it is cached, or all of it is written to the cache, whichever is
 * dearer. -1 likewise. */
int64_t fl_cost_at_most(struct fl_runtime *runtime, const struct fl_model_config *config, int64_t input,
                        int64_t output);
