/* SPDX-License-Identifier: MIT */
#include "runtime/engine/spill.h"

#include "runtime/base/mem.h"
#include "runtime/engine/flow.h"
#include "runtime/engine/shown.h"
#include "runtime/store/items.h"

#include <fairlead/memory.h>

enum { LINES_MAX = 50, LINE_SHOWN_MAX = 300 };
static const int64_t KEPT_MS = 30LL * 24 * 3600 * 1000;
static const char READ_RESULT[] = "read_result";

/* One operation under way. */
struct spill {
  struct fl_task *task;
  size_t index;
  struct fl_value *content; /* keeping: the result; reading: the arguments */
  char *key;
  fl_spill_fn *on_done;
};

/* ---- names ---- */

/* A label holds no dot, and an id may. */
static struct fl_value *namespace_of(const struct fl_task *task) {
  const char *thread = task->invocation->thread_id;
  FL_BUF_AUTO label = {0};
  for (; *thread != '\0'; thread++) fl_buf_add(&label, *thread == '.' ? "%" : thread, 1);
  struct fl_value *ns = fl_array();
  fl_append_take(ns, fl_string("results"));
  fl_append_take(ns, fl_string_n(label.data, label.size));
  return ns;
}

static struct spill *spill_new(struct fl_task *task, size_t index, fl_spill_fn *on_done) {
  struct spill *spill = fl_new(struct spill);
  spill->task = task;
  spill->index = index;
  spill->on_done = on_done;
  return spill;
}

static void finish(struct spill *spill, struct fl_value *content, bool is_error) {
  struct fl_task *task = spill->task;
  size_t index = spill->index;
  fl_spill_fn *on_done = spill->on_done;
  fl_value_unref(spill->content);
  fl_free(spill->key);
  fl_free(spill);
  on_done(task, index, content, is_error);
}

/* ---- pieces of text ---- */

static size_t character_border(fl_slice text, size_t at) { return fl_shown_border(text.data, text.size, at); }

struct fl_value *fl_spill_slice(fl_slice text, int64_t offset, int64_t size) {
  if (offset < 0) offset = 0;
  if (size < 1) size = 1;
  size_t begin = character_border(text, (uint64_t)offset < text.size ? (size_t)offset : text.size);
  size_t end = (uint64_t)size < text.size - begin ? begin + (size_t)size : text.size;
  end = character_border(text, end);
  if (end <= begin && begin < text.size) { /* less than a character was asked for */
    end = begin + 1;
    while (end < text.size && ((unsigned char)text.data[end] & 0xc0) == 0x80) end++;
  }
  if (end == text.size)
    return fl_stringf("%.*s\n[bytes %zu to the end, %zu]", (int)(end - begin), text.data + begin, begin, text.size);
  return fl_stringf("%.*s\n[bytes %zu to %zu of %zu; go on with offset %zu]", (int)(end - begin), text.data + begin,
                    begin, end, text.size, end);
}

struct fl_value *fl_spill_lines(fl_slice text, const char *words) {
  FL_BUF_AUTO lines = {0};
  size_t words_size = strlen(words);
  int count = 0;
  for (size_t at = 0; at < text.size && count <= LINES_MAX;) {
    const char *newline = memchr(text.data + at, '\n', text.size - at);
    size_t size = newline != NULL ? (size_t)(newline - text.data) - at : text.size - at;
    const char *found = memmem(text.data + at, size, words, words_size);
    if (found != NULL && ++count <= LINES_MAX) {
      fl_slice line = fl_slice_n(text.data + at, size);
      size_t shown = character_border(line, size < LINE_SHOWN_MAX ? size : LINE_SHOWN_MAX);
      fl_buf_addf(&lines, "offset %zu: %.*s%s\n", (size_t)(found - text.data), (int)shown, line.data,
                  shown < size ? " …" : "");
    }
    at += size + 1;
  }
  if (count == 0) return fl_string("No line has that.");
  if (count > LINES_MAX) fl_buf_add_text(&lines, "[and more; look for something rarer]\n");
  return fl_string_n(lines.data, lines.size);
}

/* ---- keeping ---- */

/* Looked up once for each thread that is held; a run without a thread has what it kept itself. */
static enum fl_kept_results *results_of(const struct fl_task *task) {
  struct fl_invocation *invocation = task->invocation;
  return invocation->thread != NULL ? &invocation->thread->results : &invocation->results;
}

static size_t text_max_of(const struct fl_task *task) {
  int64_t cap = fl_get_int(fl_task_def(task)->config, "spill_above", FL_SPILL_ABOVE_DEFAULT);
  return cap > 0 ? (size_t)cap : 0;
}

static bool is_error(const struct fl_value *result) { return fl_get_bool(result, "isError", false); }

static void on_kept(struct fl_value *result, const struct fl_error *err, void *user) {
  struct spill *spill = user;
  if (result != NULL) *results_of(spill->task) = FL_RESULTS_KEPT;
  const struct fl_shown_how how = {
      .text_max = text_max_of(spill->task), .key = spill->key, .err = result == NULL ? err : NULL};
  finish(spill, fl_shown_content(spill->content, &how), is_error(spill->content));
}

void fl_spill_show(struct fl_task *task, size_t index, struct fl_value *result, fl_spill_fn *on_done) {
  const struct fl_shown_how how = {.text_max = text_max_of(task)};
  FL_VALUE_AUTO rest = fl_shown_rest(result, how.text_max);
  if (rest == NULL) {
    on_done(task, index, fl_shown_content(result, &how), is_error(result));
    return;
  }
  struct spill *spill = spill_new(task, index, on_done);
  spill->content = fl_value_ref(result);
  spill->key = fl_format("%s-%zu", task->start.id, index);
  FL_VALUE_AUTO ns = namespace_of(task);
  FL_VALUE_AUTO fields = fl_array(); /* it is found by its name alone */
  const struct fl_memory_put put = {
      .size = sizeof put, .ns = ns, .key = spill->key, .value = rest, .ttl_ms = KEPT_MS, .fields = fields};
  fl_flow_keep_item(task, ns, spill->key);
  fl_memory_put_long(fl_task_memory(task), &put, on_kept, spill);
}

/* ---- reading ---- */

bool fl_spill_is_read(const struct fl_value *call) { return strcmp(fl_get_string(call, "name", ""), READ_RESULT) == 0; }

/* A result that has no text says what it has. */
static struct fl_value *list_attachments(const struct fl_value *attachments) {
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < fl_size(attachments); i++) {
    const struct fl_value *attachment = fl_at(attachments, i);
    FL_VALUE_AUTO note = fl_shown_note(fl_get_string(attachment, "mime_type", ""), fl_get(attachment, "data"));
    fl_buf_addf(&text, "%s%zu: %s", i > 0 ? "; " : "", i + 1, fl_as_string(note));
  }
  return fl_stringf("Error: this result has no text that could be read. Its attachments: %s.", text.data);
}

static void on_read(struct fl_value *result, const struct fl_error *err, void *user) {
  struct spill *spill = user;
  const struct fl_value *args = spill->content, *value = fl_get(result, "value"), *text = fl_get(value, "text");
  const char *words = fl_get_string(args, "find", NULL);
  fl_slice whole = fl_slice_n(fl_as_string(text), fl_string_size(text));
  int64_t limit = fl_get_int(args, "limit", FL_SPILL_SLICE_DEFAULT);
  if (limit > FL_SPILL_SLICE_MAX) limit = FL_SPILL_SLICE_MAX;
  struct fl_value *content;
  if (err != NULL && result == NULL) content = fl_stringf("Error: %s", err->text);
  else if (text == NULL && value != NULL) content = list_attachments(fl_get(value, "attachments"));
  else if (text == NULL)
    content = fl_stringf("Error: there is no result \"%s\" of this conversation, or it is kept no longer.",
                         fl_get_string(args, "result", ""));
  else if (words != NULL && words[0] != '\0') content = fl_spill_lines(whole, words);
  else content = fl_spill_slice(whole, fl_get_int(args, "offset", 0), limit);
  finish(spill, content, text == NULL);
}

void fl_spill_read(struct fl_task *task, size_t index, const struct fl_value *call, fl_spill_fn *on_done) {
  struct spill *spill = spill_new(task, index, on_done);
  spill->content = fl_value_ref(fl_get(call, "args"));
  FL_VALUE_AUTO ns = namespace_of(task);
  const char *key = fl_get_string(spill->content, "result", "");
  fl_flow_read_item(task, ns, key);
  fl_memory_get(fl_task_memory(task), ns, key[0] != '\0' ? key : "-", on_read, spill);
}

/* ---- the tool ---- */

static bool note_item(const struct fl_memory_item *item, void *user) {
  bool *has_any = user;
  *has_any = true;
  return false;
}

static bool find_kept(struct fl_task *task) {
  FL_VALUE_AUTO labels = namespace_of(task);
  FL_FREE_AUTO char *ns = NULL;
  bool has_any = false;
  if (fl_item_namespace(labels, false, &ns, NULL) < 0) return false;
  struct fl_runtime *runtime = task->invocation->runtime;
  struct fl_items_query query = {
      .ns = ns, .limit = 1, .wall_ms = fl_world_wall_ms(runtime->world), .visit = note_item, .user = &has_any};
  struct fl_error err = {0};
  return fl_store_search_items(runtime->store, &query, &err) == 0 && has_any;
}

void fl_spill_add_tool(struct fl_task *task, struct fl_value *definitions) {
  static const char schema_text[] =
      "{\"type\":\"object\",\"properties\":{\"result\":{\"type\":\"string\",\"description\":\"its name, as the "
      "shortened result says it\"},\"offset\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"the first byte\"},"
      "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":64000},\"find\":{\"type\":\"string\",\"description\":"
      "\"tells the lines that have this text instead\"}},\"required\":[\"result\"],\"additionalProperties\":false}";
  enum fl_kept_results *results = results_of(task);
  if (*results == FL_RESULTS_UNKNOWN)
    *results = task->invocation->thread != NULL && find_kept(task) ? FL_RESULTS_KEPT : FL_RESULTS_NONE;
  if (*results != FL_RESULTS_KEPT) return;
  struct fl_value *tool = fl_object(), *schema = NULL;
  fl_set_string(tool, "name", READ_RESULT);
  fl_set_string(tool, "description", "Reads a part of a tool's result that was too long to be given whole.");
  fl_parse(schema_text, strlen(schema_text), &schema, NULL);
  fl_set_take(tool, "input_schema", schema);
  fl_append_take(definitions, tool);
}
