/* SPDX-License-Identifier: MIT */
/* Runs read again: see the header. */
#include "runtime/trace/tree.h"

#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdlib.h>
#include <string.h>

/* ---- the head ---- */

static int read_object(fl_slice text, const char *run_id, struct fl_value **ret_object, struct fl_error *err) {
  if (text.size == 0) return 0;
  int rc = fl_json_read(text, FL_JSON_STRICT, ret_object, NULL);
  if (rc == 0 && fl_is(*ret_object, FL_OBJECT)) return 0;
  return fl_error_set(err, FL_E_CORRUPT, "the record of run %s is damaged", run_id);
}

int fl_trace_load_head(const struct fl_trace_run *run, struct fl_trace *ret_trace, struct fl_error *err) {
  struct fl_trace trace = {.no = run->no,
                           .thread = fl_strdup(run->thread),
                           .graph = fl_strdup(run->graph),
                           .user = fl_strdup(run->user),
                           .began_ms = run->began_ms,
                           .has_content = run->has_content};
  memcpy(trace.run_id, run->run_id, FL_UUID_SIZE);
  int rc = read_object(run->begin, run->run_id, &trace.begin, err);
  if (rc == 0) rc = read_object(run->end, run->run_id, &trace.end, err);
  if (rc == 0) *ret_trace = trace;
  else fl_trace_deinit(&trace);
  return rc;
}

/* ---- the spans ---- */

struct gathering {
  struct fl_trace *trace;
  size_t capacity;
  struct fl_error *err;
  int rc;
};

static void gather(const struct fl_span *span, void *user) {
  struct gathering *gathering = user;
  struct fl_trace *trace = gathering->trace;
  if (trace->count == gathering->capacity) {
    gathering->capacity = gathering->capacity * 2 + 32;
    trace->nodes = fl_realloc(trace->nodes, gathering->capacity * sizeof *trace->nodes);
  }
  trace->nodes[trace->count] = (struct fl_trace_node){.span = *span};
  trace->nodes[trace->count].span.name = fl_strdup(span->name);
  fl_value_ref(span->attributes);
  trace->count++;
}

static bool on_row(uint32_t no, fl_slice text, void *user) {
  struct gathering *gathering = user;
  gathering->rc = fl_spans_read(text, gather, gathering, gathering->err);
  return gathering->rc == 0;
}

/* ---- the tree ---- */

static int by_parent(const void *left, const void *right) {
  const struct fl_span *a = &((const struct fl_trace_node *)left)->span;
  const struct fl_span *b = &((const struct fl_trace_node *)right)->span;
  if (a->parent != b->parent) return a->parent < b->parent ? -1 : 1;
  if (a->start_us != b->start_us) return a->start_us < b->start_us ? -1 : 1;
  return a->n < b->n ? -1 : a->n > b->n;
}

/* The spans in the order of `by_parent`, and the walk that is made of them. */
struct walk {
  const struct fl_trace_node *sorted;
  size_t count;
  struct fl_trace_node *walked;
  size_t walked_count;
};

static size_t first_child(const struct walk *walk, uint32_t parent) {
  size_t low = 0, high = walk->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (walk->sorted[middle].span.parent < parent) low = middle + 1;
    else high = middle;
  }
  return low;
}

enum { DEPTH_MAX = 64 };

static void walk_children(struct walk *walk, uint32_t parent, size_t depth) {
  if (depth == DEPTH_MAX) return;
  for (size_t i = first_child(walk, parent); i < walk->count && walk->sorted[i].span.parent == parent; i++) {
    struct fl_trace_node *node = &walk->walked[walk->walked_count++];
    *node = walk->sorted[i];
    node->depth = depth;
    node->is_last = i + 1 == walk->count || walk->sorted[i + 1].span.parent != parent;
    walk_children(walk, node->span.n, depth + 1);
  }
}

static int by_number(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

/* Those whose parent was not written, or comes after them in the numbers as no parent does, belong to the run. */
static void adopt_orphans(struct fl_trace *trace) {
  FL_FREE_AUTO uint32_t *numbers = fl_new_array(uint32_t, trace->count + 1);
  for (size_t i = 0; i < trace->count; i++) numbers[i] = trace->nodes[i].span.n;
  qsort(numbers, trace->count, sizeof *numbers, by_number);
  for (size_t i = 0; i < trace->count; i++) {
    struct fl_span *span = &trace->nodes[i].span;
    bool is_there = bsearch(&span->parent, numbers, trace->count, sizeof *numbers, by_number) != NULL;
    if (!is_there || span->parent >= span->n) span->parent = FL_SPAN_OF_RUN;
  }
}

static void node_free(struct fl_trace_node *node) {
  fl_free((char *)node->span.name);
  fl_value_unref(node->span.attributes);
}

static void make_tree(struct fl_trace *trace) {
  adopt_orphans(trace);
  if (trace->count > 0) qsort(trace->nodes, trace->count, sizeof *trace->nodes, by_parent);
  struct walk walk = {
      .sorted = trace->nodes, .count = trace->count, .walked = fl_new_array(struct fl_trace_node, trace->count + 1)};
  walk_children(&walk, FL_SPAN_OF_RUN, 0);
  if (walk.walked_count == trace->count) {
    fl_free(trace->nodes);
    trace->nodes = walk.walked;
  } else { /* deeper than any run: a flat list, all of it */
    fl_free(walk.walked);
  }
}

static bool on_content(uint32_t no, fl_slice text, void *user) {
  struct gathering *gathering = user;
  FL_VALUE_AUTO row = NULL;
  gathering->rc = fl_json_read(text, FL_JSON_STRICT, &row, NULL);
  for (size_t i = 0; gathering->rc == 0 && i < fl_size(row); i++) {
    char number[FL_DECIMAL_SIZE];
    int64_t n = fl_as_int(fl_at(fl_at(row, i), 0), 0);
    fl_decimal((uint64_t)(n > 0 ? n : 0), number);
    if (fl_at(fl_at(row, i), 1) != NULL)
      fl_set_take(gathering->trace->content, number, fl_value_ref(fl_at(fl_at(row, i), 1)));
  }
  if (gathering->rc < 0) fl_error_set(gathering->err, FL_E_CORRUPT, "what was said in a run is damaged");
  return gathering->rc == 0;
}

static int load_content(struct fl_store *store, struct fl_trace *head, struct fl_error *err) {
  struct gathering gathering = {.trace = head, .err = err};
  struct fl_trace_rows rows = {
      .run_no = head->no, .part = FL_TRACE_CONTENT, .visit = on_content, .user_data = &gathering};
  head->content = fl_object();
  int rc = fl_store_read_trace(store, &rows, err);
  return rc == 0 && gathering.rc < 0 ? FL_E_CORRUPT : rc;
}

/* Reads the spans of a head; frees it when they cannot be read. */
static int load_spans(struct fl_store *store, struct fl_trace *head, struct fl_trace *ret_trace, struct fl_error *err) {
  struct gathering gathering = {.trace = head, .err = err};
  struct fl_trace_rows rows = {.run_no = head->no, .part = FL_TRACE_SPANS, .visit = on_row, .user_data = &gathering};
  int rc = fl_store_read_trace(store, &rows, err);
  if (rc == 0) rc = gathering.rc;
  if (rc == 0 && head->has_content) rc = load_content(store, head, err);
  if (rc == 0) make_tree(head);
  if (rc == 0) *ret_trace = *head;
  else fl_trace_deinit(head);
  return rc;
}

int fl_trace_load_run(struct fl_store *store, const struct fl_trace_run *run, struct fl_trace *ret_trace,
                      struct fl_error *err) {
  struct fl_trace head = {0};
  int rc = fl_trace_load_head(run, &head, err);
  return rc == 0 ? load_spans(store, &head, ret_trace, err) : rc;
}

/* ---- by its id ---- */

struct search {
  struct fl_trace *trace;
  struct fl_error *err;
  size_t found;
  int rc;
};

static bool on_found(const struct fl_trace_run *run, void *user) {
  struct search *search = user;
  if (++search->found == 1) search->rc = fl_trace_load_head(run, search->trace, search->err);
  return search->found < 2 && search->rc == 0;
}

int fl_trace_load(struct fl_store *store, const char *run_id, struct fl_trace *ret_trace, struct fl_error *err) {
  struct fl_trace head = {0};
  struct search search = {.trace = &head, .err = err};
  struct fl_trace_query query = {.run_id = run_id, .limit = 2, .visit = on_found, .user_data = &search};
  int rc = fl_store_list_runs(store, &query, err);
  if (rc == 0) rc = search.rc;
  if (rc == 0 && search.found == 0)
    rc = fl_error_set(err, FL_E_NOT_FOUND, "there is no trace of a run \"%.64s\" (see 'fairlead trace list')", run_id);
  if (rc == 0 && search.found > 1)
    rc = fl_error_set(err, FL_E_INVALID, "several runs begin with \"%.64s\"; give more of the id", run_id);
  if (rc == 0) return load_spans(store, &head, ret_trace, err);
  fl_trace_deinit(&head);
  return rc;
}

void fl_trace_deinit(struct fl_trace *trace) {
  for (size_t i = 0; i < trace->count; i++) node_free(&trace->nodes[i]);
  fl_free(trace->nodes);
  fl_free(trace->thread);
  fl_free(trace->graph);
  fl_free(trace->user);
  fl_value_unref(trace->begin);
  fl_value_unref(trace->end);
  fl_value_unref(trace->content);
  *trace = (struct fl_trace){0};
}

int64_t fl_trace_duration_us(const struct fl_trace *trace) {
  int64_t longest = fl_get_int(trace->end, "us", 0);
  for (size_t i = 0; i < trace->count && trace->end == NULL; i++) {
    int64_t until = trace->nodes[i].span.start_us + trace->nodes[i].span.duration_us;
    if (until > longest) longest = until;
  }
  return longest;
}
