/* SPDX-License-Identifier: MIT */
/* Statistics over traces: see the header. */
#include "runtime/trace/stats.h"

#include "runtime/base/map.h"
#include "runtime/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum group_kind { GRAPHS, NODES, MODELS, TOOLS, GROUP_KINDS };

struct samples {
  int64_t *items;
  size_t count, capacity;
};

struct group {
  int64_t count, errors, ended, succeeded, denied, asked, unpriced;
  int64_t input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_nusd;
  bool has_tokens, has_cost;
  struct samples times, first_tokens;
};

struct fl_trace_stats {
  struct fl_map groups[GROUP_KINDS]; /* name -> struct group * */
};

struct fl_trace_stats *fl_trace_stats_create(void) {
  return fl_new(struct fl_trace_stats);
}

void fl_trace_stats_destroy(struct fl_trace_stats *stats) {
  for (int kind = 0; stats != NULL && kind < GROUP_KINDS; kind++) {
    size_t cursor = 0;
    for (struct fl_map_entry *entry; (entry = fl_map_next(&stats->groups[kind], &cursor)) != NULL;) {
      struct group *group = entry->value;
      fl_free(group->times.items);
      fl_free(group->first_tokens.items);
      fl_free(group);
    }
    fl_map_deinit(&stats->groups[kind]);
  }
  fl_free(stats);
}

/* ---- adding ---- */

static struct group *group_of(struct fl_trace_stats *stats, enum group_kind kind, const char *name) {
  struct group *group = fl_map_get(&stats->groups[kind], name);
  if (group != NULL) return group;
  group = fl_new(struct group);
  fl_map_set(&stats->groups[kind], name, group);
  return group;
}

static void add_sample(struct samples *samples, int64_t value) {
  if (samples->count == samples->capacity) {
    samples->capacity = samples->capacity * 2 + 16;
    samples->items = fl_realloc(samples->items, samples->capacity * sizeof *samples->items);
  }
  samples->items[samples->count++] = value;
}

static void add_tokens(struct group *group, const struct fl_value *from) {
  bool has_tokens = fl_get(from, "input_tokens") != NULL || fl_get(from, "output_tokens") != NULL;
  const struct fl_value *cost = fl_get(from, "cost_nusd");
  group->has_tokens |= has_tokens;
  group->has_cost |= cost != NULL;
  group->unpriced += has_tokens && cost == NULL;
  group->cost_nusd += fl_as_int(cost, 0);
  group->input_tokens += fl_get_int(from, "input_tokens", 0);
  group->output_tokens += fl_get_int(from, "output_tokens", 0);
  group->cached_tokens += fl_get_int(from, "cached_tokens", 0);
  group->reasoning_tokens += fl_get_int(from, "reasoning_tokens", 0);
  if (fl_get_int(from, "first_token_us", 0) > 0)
    add_sample(&group->first_tokens, fl_get_int(from, "first_token_us", 0));
}

static void add_run(struct fl_trace_stats *stats, const struct fl_trace *trace) {
  struct group *group = group_of(stats, GRAPHS, trace->graph != NULL ? trace->graph : "");
  const char *status = fl_get_string(trace->end, "status", "");
  group->count++;
  group->errors += strcmp(status, "failed") == 0;
  group->ended += trace->end != NULL;
  group->succeeded += strcmp(status, "done") == 0 || strcmp(status, "interrupted") == 0;
  if (trace->end != NULL) add_sample(&group->times, fl_trace_duration_us(trace));
  add_tokens(group, trace->end);
}

static bool has_failed(const struct fl_span *span) {
  const char *outcome = fl_get_string(span->attributes, "outcome", "");
  return fl_get(span->attributes, "code") != NULL || strcmp(outcome, "tool_error") == 0;
}

static void add_span(struct fl_trace_stats *stats, const struct fl_span *span) {
  static const int kinds[FL_SPAN_KIND_COUNT] = {
      [FL_SPAN_NODE] = NODES + 1, [FL_SPAN_MODEL] = MODELS + 1, [FL_SPAN_TOOL] = TOOLS + 1};
  if (kinds[span->kind] == 0) return;
  const char *name = span->name, *decision = fl_get_string(span->attributes, "decision", "");
  if (span->kind == FL_SPAN_MODEL) name = fl_get_string(span->attributes, "model", name);
  struct group *group = group_of(stats, (enum group_kind)(kinds[span->kind] - 1), name);
  group->count++;
  group->errors += has_failed(span);
  group->denied += strcmp(decision, "deny") == 0;
  group->asked += strcmp(decision, "ask") == 0;
  add_sample(&group->times, span->duration_us);
  if (span->kind == FL_SPAN_MODEL) add_tokens(group, span->attributes);
}

void fl_trace_stats_add(struct fl_trace_stats *stats, const struct fl_trace *trace) {
  add_run(stats, trace);
  for (size_t i = 0; i < trace->count; i++) add_span(stats, &trace->nodes[i].span);
}

/* ---- as a value ---- */

static int by_value(const void *left, const void *right) {
  int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
  return a < b ? -1 : a > b;
}

/* The nearest rank; the samples are sorted. */
static int64_t percentile(const struct samples *samples, unsigned percent) {
  size_t rank = (samples->count * percent + 99) / 100;
  return samples->items[rank > 0 ? rank - 1 : 0];
}

static void set_if(struct fl_value *entry, const char *key, int64_t value) {
  if (value != 0) fl_set_int(entry, key, value);
}

static void set_times(struct fl_value *entry, struct group *group) {
  struct samples *times = &group->times, *firsts = &group->first_tokens;
  if (times->count > 0) {
    qsort(times->items, times->count, sizeof *times->items, by_value);
    fl_set_int(entry, "p50_us", percentile(times, 50));
    fl_set_int(entry, "p90_us", percentile(times, 90));
    fl_set_int(entry, "p99_us", percentile(times, 99));
    fl_set_int(entry, "max_us", times->items[times->count - 1]);
  }
  if (firsts->count == 0) return;
  qsort(firsts->items, firsts->count, sizeof *firsts->items, by_value);
  fl_set_int(entry, "first_token_p50_us", percentile(firsts, 50));
  fl_set_int(entry, "first_token_p90_us", percentile(firsts, 90));
}

static struct fl_value *group_value(enum group_kind kind, const char *name, struct group *group, int64_t tool_calls) {
  struct fl_value *entry = fl_object();
  fl_set_string(entry, "name", name);
  fl_set_int(entry, "count", group->count);
  fl_set_int(entry, "errors", group->errors);
  fl_set_take(entry, "error_rate", fl_double((double)group->errors / (double)group->count));
  if (kind == GRAPHS && group->ended > 0)
    fl_set_take(entry, "success_rate", fl_double((double)group->succeeded / (double)group->ended));
  if (kind == TOOLS) fl_set_take(entry, "share", fl_double((double)group->count / (double)tool_calls));
  set_times(entry, group);
  if (group->has_tokens) {
    fl_set_int(entry, "input_tokens", group->input_tokens);
    fl_set_int(entry, "output_tokens", group->output_tokens);
    set_if(entry, "cached_tokens", group->cached_tokens);
    set_if(entry, "reasoning_tokens", group->reasoning_tokens);
  }
  if (group->has_cost) fl_set_take(entry, "cost_usd", fl_double((double)group->cost_nusd / 1e9));
  if (kind == MODELS) set_if(entry, "unpriced", group->unpriced);
  set_if(entry, "denied", group->denied);
  set_if(entry, "asked", group->asked);
  return entry;
}

static int by_name(const void *left, const void *right) {
  const struct fl_map_entry *const *a = left, *const *b = right;
  return strcmp((*a)->key, (*b)->key);
}

static struct fl_value *groups_value(struct fl_trace_stats *stats, enum group_kind kind, int64_t tool_calls) {
  struct fl_map *map = &stats->groups[kind];
  FL_FREE_AUTO struct fl_map_entry **entries = fl_new_array(struct fl_map_entry *, map->count + 1);
  size_t cursor = 0, count = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(map, &cursor)) != NULL;) entries[count++] = entry;
  qsort(entries, count, sizeof *entries, by_name);
  struct fl_value *list = fl_array();
  for (size_t i = 0; i < count; i++)
    fl_append_take(list, group_value(kind, entries[i]->key, entries[i]->value, tool_calls));
  return list;
}

struct fl_value *fl_trace_stats_value(struct fl_trace_stats *stats) {
  static const char *const names[] = {"graphs", "nodes", "models", "tools"};
  int64_t tool_calls = 0;
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(&stats->groups[TOOLS], &cursor)) != NULL;)
    tool_calls += ((struct group *)entry->value)->count;
  struct fl_value *value = fl_object();
  for (int kind = 0; kind < GROUP_KINDS; kind++)
    fl_set_take(value, names[kind], groups_value(stats, (enum group_kind)kind, tool_calls));
  return value;
}
