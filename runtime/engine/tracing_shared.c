/* SPDX-License-Identifier: MIT */
/* What the traces of a runtime share: prices, and the rules that hold for them (tracing_rules.c). */
#include "runtime/engine/tracing.h"

#include "runtime/base/mem.h"

struct fl_tracing *fl_tracing_of(struct fl_runtime *runtime) {
  if (runtime->tracing != NULL) return runtime->tracing;
  runtime->tracing = fl_new(struct fl_tracing);
  fl_tracing_rule_init(runtime, &runtime->tracing->own);
  return runtime->tracing;
}

const struct fl_prices *fl_tracing_prices(struct fl_runtime *runtime) {
  struct fl_tracing *tracing = fl_tracing_of(runtime);
  if (tracing->prices == NULL) fl_prices_create(fl_slice_of(fl_prices_builtin()), &tracing->prices, NULL);
  return tracing->prices;
}

int fl_tracing_set_prices(struct fl_runtime *runtime, fl_slice text, struct fl_error *err) {
  struct fl_prices *prices = NULL;
  int rc = fl_prices_create(text, &prices, err);
  if (rc < 0) return rc;
  struct fl_tracing *tracing = fl_tracing_of(runtime);
  fl_prices_destroy(tracing->prices);
  tracing->prices = prices;
  return 0;
}

void fl_tracing_close(struct fl_runtime *runtime) {
  struct fl_tracing_rule *rule = runtime->tracing != NULL ? &runtime->tracing->own : NULL;
  for (; rule != NULL; rule = rule->next)
    if (rule->exporter != NULL) fl_exporter_close(rule->exporter);
}

void fl_tracing_destroy(struct fl_runtime *runtime) {
  if (runtime->tracing == NULL) return;
  for (struct fl_tracing_rule *rule = runtime->tracing->own.next, *next; rule != NULL; rule = next) {
    next = rule->next;
    fl_tracing_rule_deinit(rule);
    fl_free(rule);
  }
  fl_tracing_rule_deinit(&runtime->tracing->own);
  fl_prices_destroy(runtime->tracing->prices);
  fl_value_unref(runtime->tracing->replayed);
  fl_free(runtime->tracing);
}
