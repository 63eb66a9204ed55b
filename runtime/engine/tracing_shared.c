/* SPDX-License-Identifier: MIT */
/* What the traces of a runtime share: whether there are any, prices, and where they are sent. */
#include "runtime/engine/tracing.h"

#include "runtime/base/mem.h"

static const char *setting(const struct fl_runtime *runtime, const char *name) {
  const char *value = runtime->getenv_fn != NULL ? runtime->getenv_fn(name) : NULL;
  return value != NULL && value[0] != '\0' ? value : NULL;
}

/* The runtime does not end before what is on its way has ended. */
static void on_busy(void *user, bool is_busy) {
  if (is_busy) fl_runtime_begin_txn(user);
  else fl_runtime_end_txn(user);
}

static int make_exporter(struct fl_runtime *runtime, struct fl_exporter **ret_exporter, struct fl_error *err) {
  const char *protocol = setting(runtime, "OTEL_EXPORTER_OTLP_PROTOCOL");
  const char *opted = setting(runtime, "OTEL_SEMCONV_STABILITY_OPT_IN");
  bool is_latest = opted != NULL && strstr(opted, "gen_ai_latest_experimental") != NULL;
  struct fl_exporter_options options = {.url = setting(runtime, "FAIRLEAD_TRACE_ENDPOINT"),
                                        .headers = setting(runtime, "OTEL_EXPORTER_OTLP_HEADERS"),
                                        .as_json = protocol != NULL && strcmp(protocol, "http/json") == 0,
                                        .semconv = is_latest ? FL_SEMCONV_LATEST : FL_SEMCONV_1_41,
                                        .on_busy = on_busy,
                                        .user = runtime};
  if (options.url == NULL) return 0;
  return fl_exporter_create(runtime->world, runtime->store, &options, ret_exporter, err);
}

static int read_policy(const struct fl_runtime *runtime, struct fl_trace_policy *ret_policy, struct fl_error *err) {
  const struct fl_trace_policy_texts texts = {.content = setting(runtime, "FAIRLEAD_TRACE_CONTENT"),
                                              .keep = setting(runtime, "FAIRLEAD_TRACE_KEEP"),
                                              .keep_content = setting(runtime, "FAIRLEAD_TRACE_KEEP_CONTENT")};
  *ret_policy = fl_trace_policy_default();
  return fl_trace_policy_read(&texts, ret_policy, err);
}

int fl_tracing_check(struct fl_runtime *runtime, struct fl_error *err) {
  struct fl_exporter *exporter = NULL;
  int rc = make_exporter(runtime, &exporter, err);
  fl_exporter_destroy(exporter);
  if (rc < 0) return fl_error_context(err, "FAIRLEAD_TRACE_ENDPOINT");
  struct fl_trace_policy policy;
  return read_policy(runtime, &policy, err) < 0 ? fl_error_context(err, "FAIRLEAD_TRACE_CONTENT or _KEEP") : 0;
}

/* A collector that is none was refused when the runtime was made (fl_tracing_check). */
struct fl_tracing *fl_tracing_of(struct fl_runtime *runtime) {
  if (runtime->tracing != NULL) return runtime->tracing;
  struct fl_tracing *tracing = runtime->tracing = fl_new(struct fl_tracing);
  const char *word = setting(runtime, "FAIRLEAD_TRACE");
  tracing->is_off = word != NULL && strcmp(word, "off") == 0;
  read_policy(runtime, &tracing->policy, NULL);
  if (!tracing->is_off) make_exporter(runtime, &tracing->exporter, NULL);
  return tracing;
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
  if (runtime->tracing != NULL && runtime->tracing->exporter != NULL) fl_exporter_close(runtime->tracing->exporter);
}

void fl_tracing_destroy(struct fl_runtime *runtime) {
  if (runtime->tracing == NULL) return;
  fl_exporter_destroy(runtime->tracing->exporter);
  fl_prices_destroy(runtime->tracing->prices);
  fl_value_unref(runtime->tracing->replayed);
  fl_free(runtime->tracing);
}
