/* SPDX-License-Identifier: MIT */
/* fairlead trace show: one run as a tree, with a waterfall; a superstep of it, with what it changed. */
#include "runtime/base/mem.h"
#include "runtime/cli/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TREE_WIDTH = 34, BAR_MIN = 8, BAR_MAX = 40, FACTS_MAX = 120 };

/* ---- one line ---- */

static size_t width_of(const char *text) {
  size_t width = 0;
  for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
  return width;
}

static void pad(struct fl_buf *line, size_t from, size_t width) {
  for (size_t used = width_of(line->data != NULL ? line->data + from : ""); used < width; used++)
    fl_buf_add_char(line, ' ');
}

/* "└ " and what continues above it: `open` says for each depth whether more of it follows. */
static void add_branches(struct fl_buf *line, const struct fl_trace_node *node, const bool *open) {
  for (size_t i = 0; i < node->depth; i++) fl_buf_add_text(line, open[i] ? "│ " : "  ");
  fl_buf_add_text(line, node->is_last ? "└ " : "├ ");
}

static void add_name(struct fl_buf *line, const struct fl_span *span) {
  FL_FREE_AUTO char *name = fl_visible(span->name, 60);
  if (span->kind != FL_SPAN_STEP) {
    fl_buf_addf(line, "%s %s", fl_span_kind_name(span->kind), name);
    return;
  }
  const char *source = fl_get_string(span->attributes, "source", NULL);
  fl_buf_addf(line, "step %" PRId64, fl_get_int(span->attributes, "step", 0));
  if (source != NULL) fl_buf_addf(line, " (%s)", source);
}

static void add_word(struct fl_buf *line, const char *word) {
  if (word == NULL || word[0] == '\0') return;
  FL_FREE_AUTO char *shown = fl_visible(word, FACTS_MAX);
  fl_buf_addf(line, "  %s", shown);
}

static void add_facts(struct fl_buf *line, const struct fl_span *span) {
  const struct fl_value *facts = span->attributes;
  int64_t in = fl_get_int(facts, "input_tokens", 0), out = fl_get_int(facts, "output_tokens", 0);
  int64_t first = fl_get_int(facts, "first_token_us", 0);
  char time[FL_SPAN_TIME_SIZE];
  add_word(line, fl_get_string(facts, "outcome", NULL));
  add_word(line, fl_get_string(facts, "model", NULL));
  if (in + out > 0) fl_buf_addf(line, "  %" PRId64 " → %" PRId64 " tokens", in, out);
  if (fl_get(facts, "cost_nusd") != NULL) fl_buf_addf(line, "  $%.6f", (double)fl_get_int(facts, "cost_nusd", 0) / 1e9);
  fl_format_span_time(first, time);
  if (first > 0) fl_buf_addf(line, "  first %s", time);
  const char *decision = fl_get_string(facts, "decision", NULL);
  if (decision != NULL && strcmp(decision, "allow") != 0) add_word(line, decision);
  if (span->kind == FL_SPAN_COMMIT)
    fl_buf_addf(line, "  %" PRId64 " rows, %" PRId64 " bytes", fl_get_int(facts, "rows", 0),
                fl_get_int(facts, "bytes", 0));
  if (fl_get(facts, "bytes") != NULL && span->kind == FL_SPAN_TOOL)
    fl_buf_addf(line, "  %" PRId64 " bytes", fl_get_int(facts, "bytes", 0));
  add_word(line, fl_get_string(facts, "error", NULL));
}

static void add_bar(struct fl_buf *line, const struct fl_span *span, int64_t whole_us, size_t width) {
  size_t begin = whole_us > 0 ? (size_t)((double)span->start_us / (double)whole_us * (double)width) : 0;
  size_t size = whole_us > 0 ? (size_t)((double)span->duration_us / (double)whole_us * (double)width + 0.5) : 0;
  if (begin >= width) begin = width - 1;
  if (size == 0) size = 1;
  if (begin + size > width) size = width - begin;
  for (size_t i = 0; i < width; i++) fl_buf_add_text(line, i >= begin && i < begin + size ? "▪" : "·");
}

/* ---- the tree ---- */

struct shown {
  const struct fl_trace *trace;
  bool with_commits;
  size_t bar;
};

static void print_node(const struct shown *shown, const struct fl_trace_node *node, const bool *open) {
  FL_BUF_AUTO line = {0};
  char time[FL_SPAN_TIME_SIZE];
  add_branches(&line, node, open);
  add_name(&line, &node->span);
  pad(&line, 0, TREE_WIDTH);
  fl_format_span_time(node->span.duration_us, time);
  for (size_t i = width_of(time); i < 10; i++) fl_buf_add_char(&line, ' ');
  fl_buf_addf(&line, "%s  ", time);
  add_bar(&line, &node->span, fl_trace_duration_us(shown->trace), shown->bar);
  add_facts(&line, &node->span);
  fl_print_text(stdout, line.data);
  printf("\n");
}

static void print_head(struct fl_store *store, const struct fl_trace *trace) {
  char time[FL_SPAN_TIME_SIZE], began[32];
  fl_format_span_time(fl_trace_duration_us(trace), time);
  fl_format_time(trace->began_ms, began);
  FL_FREE_AUTO char *graph = fl_visible(trace->graph != NULL ? trace->graph : "", 80);
  printf("run %s, graph %s, thread %s\n", trace->run_id, graph, trace->thread);
  printf("%s, began %s, %s by %s", fl_trace_status(store, trace), began, time, fl_get_string(trace->begin, "way", "?"));
  int64_t in = fl_get_int(trace->end, "input_tokens", 0), out = fl_get_int(trace->end, "output_tokens", 0);
  if (in + out > 0) printf(", %" PRId64 " → %" PRId64 " tokens", in, out);
  if (fl_get(trace->end, "cost_nusd") != NULL) printf(", $%.6f", (double)fl_get_int(trace->end, "cost_nusd", 0) / 1e9);
  printf("\n");
  const char *error = fl_get_string(trace->end, "error", NULL);
  FL_FREE_AUTO char *text = error != NULL ? fl_visible(error, 400) : NULL;
  if (text != NULL) printf("%s\n", text);
}

enum { DEPTH_SHOWN = 66 };

/* Commits are left out, and what is above them may then be the last of its kind. */
static void mark_last(const struct fl_trace *trace, bool with_commits, bool *is_last) {
  for (size_t i = 0; i < trace->count; i++) {
    is_last[i] = true;
    for (size_t j = i + 1; j < trace->count && trace->nodes[j].depth >= trace->nodes[i].depth; j++) {
      bool is_sibling = trace->nodes[j].depth == trace->nodes[i].depth;
      if (!is_sibling || (trace->nodes[j].span.kind == FL_SPAN_COMMIT && !with_commits)) continue;
      is_last[i] = false;
      break;
    }
  }
}

static void print_tree(struct fl_store *store, const struct fl_trace *trace, bool with_commits) {
  int room = fl_terminal_width() - TREE_WIDTH - 12 - 30;
  struct shown shown = {trace, with_commits, room < BAR_MIN ? BAR_MIN : room > BAR_MAX ? BAR_MAX : (size_t)room};
  bool open[DEPTH_SHOWN] = {false};
  FL_FREE_AUTO bool *is_last = fl_new_array(bool, trace->count + 1);
  mark_last(trace, with_commits, is_last);
  print_head(store, trace);
  for (size_t i = 0; i < trace->count; i++) {
    struct fl_trace_node node = trace->nodes[i];
    if (node.span.kind == FL_SPAN_COMMIT && !with_commits) continue;
    node.is_last = is_last[i];
    print_node(&shown, &node, open);
    open[node.depth] = !node.is_last;
  }
}

/* ---- as JSON ---- */

static struct fl_value *span_value(const struct fl_trace *trace, const struct fl_span *span) {
  char number[FL_DECIMAL_SIZE];
  struct fl_value *entry = fl_object();
  fl_set_int(entry, "n", span->n);
  fl_set_int(entry, "parent", span->parent);
  fl_set_string(entry, "kind", fl_span_kind_name(span->kind));
  fl_set_string(entry, "name", span->name);
  fl_set_int(entry, "start_us", span->start_us);
  fl_set_int(entry, "duration_us", span->duration_us);
  if (span->attributes != NULL) fl_set_take(entry, "attributes", fl_value_ref(span->attributes));
  fl_decimal(span->n, number);
  struct fl_value *said = fl_get(trace->content, number);
  if (said != NULL) fl_set_take(entry, "said", fl_value_ref(said));
  return entry;
}

struct fl_value *fl_trace_whole_value(struct fl_store *store, const struct fl_trace *trace) {
  struct fl_value *whole = fl_trace_run_value(store, trace);
  struct fl_value *spans = fl_array();
  for (size_t i = 0; i < trace->count; i++) fl_append_take(spans, span_value(trace, &trace->nodes[i].span));
  fl_set_take(whole, "spans", spans);
  return whole;
}

static void print_json(struct fl_store *store, const struct fl_trace *trace) {
  FL_VALUE_AUTO whole = fl_trace_whole_value(store, trace);
  fl_print_json(whole);
}

/* ---- one superstep ---- */

static const struct fl_span *find_step(const struct fl_trace *trace, int64_t step, const char **ret_before) {
  *ret_before = NULL;
  for (size_t i = 0; i < trace->count; i++) {
    const struct fl_span *span = &trace->nodes[i].span;
    if (span->kind != FL_SPAN_STEP || span->name[0] != '\0') continue;
    if (fl_get_int(span->attributes, "step", -1) == step) return span;
    *ret_before = fl_get_string(span->attributes, "checkpoint", *ret_before);
  }
  return NULL;
}

struct neighbour {
  const char *checkpoint;
  char before[FL_UUID_SIZE];
  bool is_next;
};

static bool find_before(const struct fl_checkpoint_info *info, void *user) {
  struct neighbour *neighbour = user;
  if (neighbour->is_next) snprintf(neighbour->before, sizeof neighbour->before, "%s", info->id);
  if (neighbour->is_next) return false;
  neighbour->is_next = strcmp(info->id, neighbour->checkpoint) == 0;
  return true;
}

static int show_step(const struct fl_args *args, struct fl_store *store, const struct fl_trace *trace, long step) {
  const char *in_trace;
  const struct fl_span *span = find_step(trace, step, &in_trace);
  const char *checkpoint = span != NULL ? fl_get_string(span->attributes, "checkpoint", NULL) : NULL;
  if (checkpoint == NULL)
    return fl_fail(args, FL_EXIT_FAILED, "run %s has no superstep %ld that ended (see 'fairlead trace show %s')",
                   trace->run_id, step, trace->run_id);
  struct fl_error err = {0};
  struct neighbour neighbour = {.checkpoint = checkpoint};
  int rc = fl_store_list_checkpoints(store, trace->thread, "", 0, 0, find_before, &neighbour, &err);
  if (rc < 0) return fl_fail_error(args, &err);
  if (in_trace != NULL) snprintf(neighbour.before, sizeof neighbour.before, "%s", in_trace);
  if (neighbour.before[0] == '\0')
    return fl_fail(args, FL_EXIT_FAILED, "the checkpoint before superstep %ld is not kept any more", step);
  struct fl_runtime reader = {.store = store};
  struct fl_thread_place from = {.size = sizeof from, .thread = trace->thread, .checkpoint = neighbour.before};
  struct fl_thread_place to = {.size = sizeof to, .thread = trace->thread, .checkpoint = checkpoint};
  FL_VALUE_AUTO diff = NULL;
  rc = fl_thread_diff(&reader, &from, &to, &diff, &err);
  if (rc < 0) return fl_fail_error(args, &err);
  if (args->json) fl_print_json(diff);
  else fl_print_diff(diff);
  return 0;
}

int fl_cmd_trace_show(struct fl_args *args) {
  if (args->count != 1) return fl_usage(args, "name one run (see 'fairlead trace list')");
  long step = fl_args_number(args, "step", 1000000);
  struct fl_opened opened;
  int code = step < 0 ? FL_EXIT_USAGE : fl_opened_open(&opened, args, true);
  if (code != 0) return code;
  struct fl_trace trace = {0};
  struct fl_error err = {0};
  if (fl_trace_load(opened.store, args->items[0], &trace, &err) < 0) code = fl_fail_error(args, &err);
  else if (step > 0) code = show_step(args, opened.store, &trace, step);
  else if (args->json) print_json(opened.store, &trace);
  else print_tree(opened.store, &trace, fl_args_has(args, "all"));
  fl_trace_deinit(&trace);
  fl_opened_close(&opened);
  return code;
}
