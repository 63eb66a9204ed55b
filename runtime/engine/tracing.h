/* SPDX-License-Identifier: MIT */
/* What a run writes about itself: spans, in the transaction that commits what they describe (runtime/trace). Only the
 * engine calls it, at the places named here. Where every step or call passes, who calls asks first whether the run is
 * traced (invocation->trace), so that one that is not pays for the question alone; the others do nothing for it.
 *
 * Invariants. (1) What a task and its calls did waits with the task until the commit that holds their outcome is made,
 * and goes with that one: a crash takes both or neither. (2) A commit's own span goes with the next commit, since its
 * duration is not known before; that of a run's last commit goes with itself, without a duration. (3) The END of a run
 * stands in the commit that says so of its thread. */
#pragma once
#include "runtime/engine/engine.h"
#include "runtime/trace/context.h"
#include "runtime/store/trace.h"
#include "runtime/trace/export.h"
#include "runtime/trace/policy.h"
#include "runtime/trace/prices.h"
#include "runtime/trace/span.h"

/* What holds for runs of a graph, tracing_rules.c. */
struct fl_tracing_rule {
  struct fl_runtime *runtime;
  struct fl_trace_policy policy;
  struct fl_exporter *exporter; /* NULL: nothing is sent while it happens */
  char *graph;                  /* whose traces go by age; NULL: those of all graphs */
  bool is_dropping;             /* old traces, just now */
  int64_t retained_ms;          /* when that was last looked at; 0: not yet */
  struct fl_trace_drop drop;
  struct fl_txn drop_txn;
  struct fl_tracing_rule *next;
};

/* What the runs of a runtime share. */
struct fl_tracing {
  struct fl_tracing_rule own; /* of the environment; those of graph files behind it */
  struct fl_prices *prices;
  struct fl_value *replayed; /* replay.h; NULL: calls leave as always */
};
/* Made when it is first asked for, by the environment: FAIRLEAD_TRACE…, see runtime/trace/policy.h,
 * FAIRLEAD_TRACE_ENDPOINT, and OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_SEMCONV_STABILITY_OPT_IN.
 */
struct fl_tracing *fl_tracing_of(struct fl_runtime *runtime);
/* Whether the environment names a collector that can be one, and a policy that makes sense. FL_E_INVALID. */
int fl_tracing_check(struct fl_runtime *runtime, struct fl_error *err);
const struct fl_prices *fl_tracing_prices(struct fl_runtime *runtime); /* ours, unless others were set */
/* Another table of prices, as prices.h has it. FL_E_INVALID. */
int fl_tracing_set_prices(struct fl_runtime *runtime, fl_slice text, struct fl_error *err);
/* The rule of a graph file's section `trace`, which the runtime owns. FL_E_INVALID: a variable that its headers name is
 * not set, or what it names is no collector. */
int fl_tracing_add_rule(struct fl_runtime *runtime, const struct fl_value *section, const char *graph,
                        struct fl_tracing_rule **ret_rule, struct fl_error *err);
struct fl_tracing_rule *fl_tracing_rule_of(const struct fl_invocation *invocation); /* that holds for the run */
char *fl_tracing_redact(const struct fl_invocation *invocation, const char *text);  /* as the rule says; the caller's */
void fl_tracing_send(const struct fl_invocation *invocation); /* to whom the rule names, if to anybody */
void fl_tracing_rule_init(struct fl_runtime *runtime, struct fl_tracing_rule *rule); /* that of the environment */
void fl_tracing_rule_deinit(struct fl_tracing_rule *rule);
void fl_tracing_close(struct fl_runtime *runtime); /* what is on its way is not tried again */
void fl_tracing_destroy(struct fl_runtime *runtime);

/* What is said: kept, kept if the run fails, or not. */
enum fl_content { FL_CONTENT_NONE, FL_CONTENT_HELD, FL_CONTENT_KEPT };

struct fl_trace_totals {
  uint32_t steps, nodes, model_calls, tool_calls, model_errors, tool_errors;
  int64_t input_tokens, output_tokens, cached_tokens, reasoning_tokens;
  int64_t cost_nusd;
  bool has_cost;
};

struct fl_run_trace {
  int64_t began_us, began_wall_ms;
  uint32_t last_span, last_row, last_content;
  uint32_t skips;  /* commits that come before the one which the spans go with */
  bool has_begun;  /* its BEGIN stands in a commit */
  bool has_parent; /* it is part of the caller's trace */
  struct fl_trace_context context;
  char *user_hash;       /* NULL: nobody was named */
  struct fl_buf pending; /* spans that go with the next commit */
  char *end;             /* the text of its END, until a commit takes it; NULL: none */
  size_t end_size;
  int64_t first_token_us; /* of the first model call that had one, since the run began; 0: none */
  struct fl_trace_totals totals;
  enum fl_content content;
  struct fl_buf *said; /* content that goes with the next commit, or waits for a failure; NULL: none yet */
};

/* Whether a run would be traced: what is stored is, unless its graph file or $FAIRLEAD_TRACE says otherwise. */
bool fl_tracing_is_on(const struct fl_invocation *invocation);
void fl_tracing_begin(struct fl_invocation *invocation); /* once its thread is there */
void fl_tracing_ended(struct fl_invocation *invocation); /* everything of it is stored */
void fl_tracing_free(struct fl_invocation *invocation);
void fl_tracing_resumed(struct fl_invocation *invocation); /* somebody has answered */

/* ---- tasks and calls ---- */

void fl_tracing_task_started(struct fl_task *task);
void fl_tracing_task_ended(struct fl_task *task, const char *outcome);
void fl_tracing_results_left(struct fl_task *task); /* the results of its calls are about to be committed */
void fl_tracing_task_free(struct fl_task *task);
void fl_tracing_task_left(struct fl_task *task); /* its end is */
/* What the call carries for its span, made when it is first asked for; only of a run that is traced. Lent. */
struct fl_traced_call *fl_traced_call_of(struct fl_task_call *call);
void fl_traced_call_free(struct fl_task_call *call);
void fl_tracing_call_decided(struct fl_task_call *call, const struct fl_decision *decision);
/* It is about to leave: gives it its span, and the text that tells the other side. */
void fl_tracing_call_leaves(struct fl_task_call *call);
void fl_tracing_call_ended(struct fl_task_call *call, bool was_journalled);

/* ---- tracing_tools.c ---- */

void fl_tracing_add_tool_facts(struct fl_buf *row, const struct fl_task_call *call);
void fl_tracing_add_answer_facts(struct fl_buf *row, const struct fl_invocation *invocation);

/* ---- content: tracing_content.c ---- */

void fl_tracing_content_begin(struct fl_invocation *invocation);
void fl_tracing_failed(struct fl_run_trace *trace); /* what was held back is kept */
void fl_tracing_said(struct fl_task_call *call);
/* What a task said goes to its run. */
void fl_tracing_content_leaves(struct fl_run_trace *trace, struct fl_traced_waits *waits);
void fl_contents_move(struct fl_buf *to, struct fl_buf *from); /* behind what is there; `from` is empty afterwards */
void fl_tracing_content_attach(struct fl_invocation *invocation, struct fl_records *records);
void fl_tracing_retain(const struct fl_invocation *invocation); /* drops what is too old, now and then */

/* ---- commits ---- */

/* What the core wants done: its checkpoints and its END become spans, before any of it is committed. */
void fl_tracing_effects(struct fl_frame *frame, const struct fl_effects *effects);
void fl_tracing_attach(struct fl_invocation *invocation, struct fl_records *records); /* to any commit of the run */
void fl_tracing_flushed(struct fl_commit *commit);
void fl_tracing_committed(const struct fl_commit *commit);
/* The END of a run that was taken back; the caller's to free with fl_records_deinit. */
void fl_tracing_taken_back(const struct fl_invocation *invocation, struct fl_records *ret_records);
