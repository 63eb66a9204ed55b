/* SPDX-License-Identifier: MIT */
/* What many runs came to, by graph, node, model and tool: how many, how many failed, how long they took, tokens, cost.
 * Fed one trace after the other; nothing of a trace is kept but its numbers. Pure. */
#pragma once
#include "runtime/trace/tree.h"

struct fl_trace_stats;

struct fl_trace_stats *fl_trace_stats_create(void);
void fl_trace_stats_destroy(struct fl_trace_stats *stats); /* NULL allowed */
void fl_trace_stats_add(struct fl_trace_stats *stats, const struct fl_trace *trace);

/* {"graphs","nodes","models","tools": [GROUP…]}, each list by name. A GROUP is {"name","count","errors","error_rate",
 * "success_rate"?, "p50_us","p90_us","p99_us","max_us","first_token_p50_us"?,"first_token_p90_us"?,"input_tokens"?,
 * "output_tokens"?,"cached_tokens"?,"reasoning_tokens"?,"cost_usd"?,"unpriced"?,"denied"?,"asked"?,"share"?}.
 * success_rate, of graphs: of the runs that ended, those that are done or wait for an answer; unpriced: model calls
 * with tokens and no known price; share: of all tool calls. A new reference. */
struct fl_value *fl_trace_stats_value(struct fl_trace_stats *stats);
