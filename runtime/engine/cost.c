/* SPDX-License-Identifier: MIT */
#include "runtime/engine/cost.h"

#include "runtime/engine/tracing.h"

static int64_t cost(struct fl_runtime *runtime, const struct fl_model_config *config, const struct fl_tokens *tokens) {
  static const char *const providers[] = {"openai", "anthropic", "scripted"};
  const char *model = config->model != NULL ? config->model : "scripted";
  int64_t nusd = fl_prices_cost(fl_tracing_prices(runtime), providers[config->provider], model, tokens);
  return nusd < 0 && config->provider == FL_MODEL_SCRIPTED ? 0 : nusd;
}

int64_t fl_cost_of_usage(struct fl_runtime *runtime, const struct fl_model_config *config,
                         const struct fl_value *usage) {
  const struct fl_tokens tokens = {.input = fl_get_int(usage, "input_tokens", 0),
                                   .output = fl_get_int(usage, "output_tokens", 0),
                                   .cached = fl_get_int(usage, "cached_tokens", 0),
                                   .cache_write = fl_get_int(usage, "cache_write_tokens", 0)};
  return cost(runtime, config, &tokens);
}

int64_t fl_cost_at_most(struct fl_runtime *runtime, const struct fl_model_config *config, int64_t input,
                        int64_t output) {
  const struct fl_tokens plain = {.input = input, .output = output};
  const struct fl_tokens written = {.input = input, .output = output, .cache_write = input};
  int64_t first = cost(runtime, config, &plain), second = cost(runtime, config, &written);
  return first > second ? first : second;
}
