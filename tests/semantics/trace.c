/* SPDX-License-Identifier: MIT */
#include "tests/semantics/trace.h"

#include "runtime/json/json.h"
#include "tests/semantics/look.h"

#include <ctype.h>
#include <stdio.h>

void trace_deinit(struct trace *trace) {
  fl_value_unref(trace->stream);
  fl_value_unref(trace->running);
  fl_value_unref(trace->open);
  fl_value_unref(trace->known);
  trace->stream = trace->running = trace->open = trace->known = NULL;
  fl_map_deinit(&trace->ids);
}

void trace_begin(struct trace *trace) {
  fl_value_unref(trace->stream);
  fl_value_unref(trace->running);
  trace->stream = fl_array();
  trace->running = fl_array();
  trace->is_starting = false;
}

/* ---- the stream ---- */

static void add_entry(struct trace *trace, const char *kind, struct fl_value *taken) {
  struct fl_value *entry = fl_array();
  fl_append_take(entry, fl_string(kind));
  fl_append_take(entry, taken);
  fl_append_take(trace->stream, entry);
}

static const char *kind_of(const struct fl_value *entry) { return fl_as_string(fl_at(entry, 0)); }

/* The tasks of a superstep that start before anything else is told stand in one entry. */
static void note_start(struct trace *trace, const struct fl_value *data) {
  if (!trace->is_starting) {
    fl_value_unref(trace->running);
    trace->running = fl_array();
    trace->is_starting = true;
  }
  fl_append_take(trace->running, fl_string(fl_get_string(data, "name", "?")));
}

static void end_starts(struct trace *trace) {
  if (trace->is_starting) add_entry(trace, "run", fl_copy_shallow(trace->running));
  trace->is_starting = false;
}

static int compare_updates(const struct fl_value *running, const struct fl_value *a, const struct fl_value *b) {
  struct fl_member first = {0}, second = {0};
  if (!fl_next_member(fl_at(a, 1), &first) || !fl_next_member(fl_at(b, 1), &second)) return 0;
  for (size_t i = 0; i < fl_size(running); i++) {
    const char *node = fl_as_string(fl_at(running, i));
    bool is_first = strcmp(node, first.key) == 0, is_second = strcmp(node, second.key) == 0;
    if (is_first && is_second) break;
    if (is_first || is_second) return is_first ? -1 : 1;
  }
  return strcmp(text_of(a), text_of(b));
}

struct fl_value *trace_sorted(const struct fl_value *stream, const struct fl_value *running) {
  size_t count = fl_size(stream), first = count;
  struct fl_value *sorted = fl_array();
  while (first > 0 && strcmp(kind_of(fl_at(stream, first - 1)), "updates") == 0) first--;
  for (size_t i = 0; i < first; i++) fl_append_take(sorted, fl_value_ref(fl_at(stream, i)));
  for (size_t taken = first; taken < count; taken++) {
    const struct fl_value *least = NULL;
    for (size_t i = first; i < count; i++) {
      const struct fl_value *entry = fl_at(stream, i);
      size_t rank = first;
      for (size_t j = first; j < count; j++) {
        int order = compare_updates(running, fl_at(stream, j), entry);
        if (order < 0 || (order == 0 && j < i)) rank++;
      }
      if (rank == taken) least = entry;
    }
    fl_append_take(sorted, fl_value_ref((struct fl_value *)(uintptr_t)least));
  }
  return sorted;
}

static void sort_updates(struct trace *trace) {
  struct fl_value *sorted = trace_sorted(trace->stream, trace->running);
  fl_value_unref(trace->stream);
  trace->stream = sorted;
}

void trace_event(const struct fl_run_event *event, void *user) {
  struct trace *trace = user;
  if (trace->is_plain) {
    struct fl_value *entry = look_event(event);
    if (entry != NULL) fl_append_take(trace->stream, entry);
    return;
  }
  if (event->ns != NULL && event->ns[0] != '\0') return;
  if (strcmp(event->mode, "tasks") == 0) {
    if (fl_get(event->data, "triggers") != NULL) note_start(trace, event->data);
    return;
  }
  end_starts(trace);
  if (fl_get(event->data, "__interrupt__") != NULL) return; /* told under "interrupts" */
  add_entry(trace, event->mode, fl_value_ref(event->data));
  if (strcmp(event->mode, "updates") == 0) sort_updates(trace);
}

/* ---- what is stored ---- */

struct listing {
  uint64_t newer_than, newest;
  struct fl_value *found; /* newest first */
};

static bool note_checkpoint(const struct fl_checkpoint_info *info, void *user) {
  struct listing *listing = user;
  if (info->no <= listing->newer_than) return false;
  if (info->no > listing->newest) listing->newest = info->no;
  struct fl_value *entry = fl_array();
  fl_append_take(entry, fl_string(info->source));
  fl_append_take(entry, fl_int(info->step));
  fl_append_take(entry, fl_value_ref(fl_get(info->body, "next")));
  fl_append_take(entry, fl_string(info->id));
  fl_append_take(listing->found, entry);
  return true;
}

static struct fl_value *new_checkpoints(struct trace *trace, struct rig *rig) {
  struct listing listing = {.newer_than = trace->last_no, .newest = trace->last_no, .found = fl_array()};
  struct fl_error err = {0};
  int rc = fl_store_list_checkpoints(rig->store, "t", "", 0, 0, note_checkpoint, &listing, &err);
  if (rc < 0 && rc != FL_E_NOT_FOUND) fail_msg("%s", err.text);
  struct fl_value *oldest_first = fl_array();
  if (trace->known == NULL) trace->known = fl_array();
  for (size_t i = fl_size(listing.found); i > 0; i--) {
    const struct fl_value *entry = fl_at(listing.found, i - 1);
    struct fl_value *told = fl_array();
    for (size_t j = 0; j < 3; j++) fl_append_take(told, fl_value_ref(fl_at(entry, j)));
    fl_append_take(oldest_first, told);
    fl_append_take(trace->known, fl_value_ref(fl_at(entry, 3)));
  }
  fl_value_unref(listing.found);
  trace->last_no = listing.newest;
  return oldest_first;
}

/* The node of the thread's own graph: of a question inside, the node that runs the graph, as LangGraph tells it. */
static struct fl_value *asking_node(const struct fl_value *interrupt) {
  const char *ns = fl_get_string(interrupt, "ns", "");
  if (ns[0] == '\0') return fl_value_ref(fl_get(interrupt, "node"));
  return fl_string_n(ns, strcspn(ns, ":|"));
}

/* {"node", "value"} of each question; of a stop at a node {"node", "when"}. */
static struct fl_value *questions(const struct fl_value *interrupts) {
  struct fl_value *list = fl_array();
  for (size_t i = 0; i < fl_size(interrupts); i++) {
    static const char *const told[] = {"when", "value"};
    const struct fl_value *interrupt = fl_at(interrupts, i);
    struct fl_value *question = fl_object();
    fl_set_take(question, "node", asking_node(interrupt));
    for (size_t j = 0; j < sizeof told / sizeof told[0]; j++)
      if (fl_get(interrupt, told[j]) != NULL) fl_set_take(question, told[j], fl_value_ref(fl_get(interrupt, told[j])));
    fl_append_take(list, question);
  }
  return list;
}

static struct fl_value *failed_nodes(const struct fl_value *tasks) {
  struct fl_value *list = fl_array();
  for (size_t i = 0; i < fl_size(tasks); i++)
    if (!fl_is(fl_get(fl_at(tasks, i), "error"), FL_NULL))
      fl_append_take(list, fl_value_ref(fl_get(fl_at(tasks, i), "name")));
  return list;
}

static struct fl_value *describe(struct rig *rig, struct fl_definition *definition) {
  struct fl_loaded loaded = {0};
  struct fl_error err = {0};
  int rc = fl_store_load(rig->store, "t", "", 0, &loaded, &err);
  if (rc < 0 && rc != FL_E_NOT_FOUND) fail_msg("%s", err.text);
  struct fl_run *run = fl_run_create(definition, &loaded, NULL);
  struct fl_value *seen = fl_run_describe(run);
  fl_run_destroy(run);
  fl_loaded_deinit(&loaded);
  return seen;
}

/* ---- ids ---- */

static bool is_id(const char *text, size_t size) {
  if (size != FL_UUID_SIZE - 1) return false;
  for (size_t i = 0; i < size; i++) {
    bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-' : !isxdigit((unsigned char)text[i])) return false;
  }
  return true;
}

/* A copy in which every id stands as "#1", "#2" and so on. */
static struct fl_value *number_ids(struct trace *trace, struct fl_value *value) {
  if (fl_is(value, FL_STRING) && is_id(fl_as_string(value), fl_string_size(value))) {
    uintptr_t place = (uintptr_t)fl_map_get(&trace->ids, fl_as_string(value));
    if (place == 0) fl_map_set(&trace->ids, fl_as_string(value), (void *)(place = trace->ids.count + 1));
    return fl_stringf("#%zu", (size_t)place);
  }
  if (fl_is(value, FL_ARRAY)) {
    struct fl_value *copy = fl_array();
    for (size_t i = 0; i < fl_size(value); i++) fl_append_take(copy, number_ids(trace, fl_at(value, i)));
    return copy;
  }
  if (!fl_is(value, FL_OBJECT)) return fl_value_ref(value);
  struct fl_value *copy = fl_object();
  for (struct fl_member m = {0}; fl_next_member(value, &m);) fl_set_take(copy, m.key, number_ids(trace, m.value));
  return copy;
}

struct fl_value *trace_number_ids_take(struct trace *trace, struct fl_value *value) {
  struct fl_value *numbered = number_ids(trace, value);
  fl_value_unref(value);
  return numbered;
}

static void set_unless_empty(struct fl_value *object, const char *key, struct fl_value *list) {
  if (fl_size(list) > 0) fl_set_take(object, key, list);
  else fl_value_unref(list);
}

/* Whether two questions are of one task of the thread's own graph, and stand in another order than their texts. */
static bool is_out_of_order(const struct fl_value *a, const struct fl_value *b) {
  const char *ns = fl_get_string(a, "ns", ""), *other = fl_get_string(b, "ns", "");
  size_t size = strcspn(ns, "|");
  bool is_one_task = size > 0 && size == strcspn(other, "|") && memcmp(ns, other, size) == 0;
  return is_one_task && strcmp(text_of(fl_get(a, "value")), text_of(fl_get(b, "value"))) > 0;
}

/* Several questions inside one task stand in no order that LangGraph would promise. */
static struct fl_value *in_order(const struct fl_value *interrupts) {
  struct fl_value *sorted = fl_array();
  FL_FREE_AUTO struct fl_value **items = fl_new_array(struct fl_value *, fl_size(interrupts));
  for (size_t i = 0; i < fl_size(interrupts); i++) {
    size_t place = i;
    for (; place > 0 && is_out_of_order(items[place - 1], fl_at(interrupts, i)); place--)
      items[place] = items[place - 1];
    items[place] = fl_at(interrupts, i);
  }
  for (size_t i = 0; i < fl_size(interrupts); i++) fl_append_take(sorted, fl_value_ref(items[i]));
  return sorted;
}

struct fl_value *trace_end(struct trace *trace, struct rig *rig, struct fl_definition *definition, int status) {
  end_starts(trace);
  FL_VALUE_AUTO seen = describe(rig, definition);
  FL_VALUE_AUTO told = fl_object();
  fl_value_unref(trace->open);
  trace->open = in_order(fl_get(seen, "interrupts"));
  fl_set_string(told, "end", status == 0 ? "done" : status == 1 ? "interrupted" : "failed");
  if (status < 0) fl_set_string(told, "error", fl_error_word(status));
  fl_set_take(told, "stream", fl_value_ref(trace->stream));
  fl_set_take(told, "values", fl_value_ref(fl_get(seen, "values")));
  set_unless_empty(told, "next", fl_value_ref(fl_get(seen, "next")));
  set_unless_empty(told, "interrupts", questions(trace->open));
  set_unless_empty(told, "failed", failed_nodes(fl_get(seen, "tasks")));
  fl_set_take(told, "checkpoints", new_checkpoints(trace, rig));
  return number_ids(trace, told);
}

/* ---- for people ---- */

enum { LINE_MAX_SIZE = 130 };

static void pretty(struct fl_buf *out, const struct fl_value *value, int depth, size_t used) {
  char *flat = fl_dump(value, NULL);
  bool fits = used + 2 * (size_t)depth + strlen(flat) <= LINE_MAX_SIZE;
  if (fits || fl_size(value) == 0) fl_buf_add_text(out, flat);
  fl_text_free(flat);
  if (fits || fl_size(value) == 0) return;
  bool is_object = fl_is(value, FL_OBJECT);
  struct fl_member m = {0};
  fl_buf_add_text(out, is_object ? "{" : "[");
  for (size_t i = 0; i < fl_size(value); i++) {
    fl_buf_addf(out, "%s\n%*s", i > 0 ? "," : "", 2 * (depth + 1), "");
    if (is_object && fl_next_member(value, &m)) {
      FL_VALUE_AUTO key = fl_string(m.key);
      char *text = fl_dump(key, NULL);
      fl_buf_addf(out, "%s: ", text);
      pretty(out, m.value, depth + 1, strlen(text) + 3);
      fl_text_free(text);
    } else {
      pretty(out, fl_at(value, i), depth + 1, 1);
    }
  }
  fl_buf_addf(out, "\n%*s%s", 2 * depth, "", is_object ? "}" : "]");
}

char *trace_pretty(const struct fl_value *value) {
  struct fl_buf out = {0};
  pretty(&out, value, 0, 0);
  fl_buf_add_text(&out, "\n");
  return fl_buf_take(&out, NULL);
}
