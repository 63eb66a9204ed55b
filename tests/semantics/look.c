/* SPDX-License-Identifier: MIT */
#include "tests/semantics/look.h"

#include "runtime/base/buf.h"
#include "tests/support/support.h"

#include <fairlead/thread.h>
#include <string.h>

static const char *const modes[] = {"values",      "updates", "messages", "tasks",
                                    "checkpoints", "custom",  "events",   "debug"};

unsigned look_mode(const char *name) {
  for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++)
    if (strcmp(modes[i], name) == 0) return 1u << i;
  return 0;
}

/* ---- the streams ---- */

static void take_over(struct fl_value *into, const struct fl_value *from, const char *const *keys) {
  for (; *keys != NULL; keys++)
    if (fl_get(from, *keys) != NULL) fl_set_take(into, *keys, fl_value_ref(fl_get(from, *keys)));
}

/* The questions themselves; a stop at a node has none. */
static struct fl_value *questions_of(const struct fl_value *interrupts) {
  struct fl_value *list = fl_array();
  for (size_t i = 0; i < fl_size(interrupts); i++) {
    struct fl_value *value = fl_get(fl_at(interrupts, i), "value");
    if (value != NULL) fl_append_take(list, fl_value_ref(value));
  }
  return list;
}

static void set_questions(struct fl_value *into, const char *key, const struct fl_value *interrupts) {
  struct fl_value *list = questions_of(interrupts);
  if (fl_size(list) > 0) fl_set_take(into, key, list);
  else fl_value_unref(list);
}

static struct fl_value *of_task(const struct fl_value *data) {
  static const char *const kept[] = {"name", "input", "triggers", "result", NULL};
  struct fl_value *task = fl_object();
  take_over(task, data, kept);
  if (fl_is(fl_get(data, "error"), FL_STRING)) fl_set_bool(task, "failed", true);
  set_questions(task, "interrupts", fl_get(data, "interrupts"));
  return task;
}

static struct fl_value *of_checkpoint(const struct fl_value *data) {
  static const char *const kept[] = {"values", "next", NULL}, *const told[] = {"source", "step", NULL};
  struct fl_value *checkpoint = fl_object();
  take_over(checkpoint, fl_get(data, "metadata"), told);
  take_over(checkpoint, data, kept);
  return checkpoint;
}

static struct fl_value *of_debug(const struct fl_value *data) {
  static const char *const kept[] = {"type", "step", NULL};
  bool is_checkpoint = strcmp(fl_get_string(data, "type", ""), "checkpoint") == 0;
  struct fl_value *debug = fl_object();
  take_over(debug, data, kept);
  const struct fl_value *payload = fl_get(data, "payload");
  fl_set_take(debug, "payload", is_checkpoint ? of_checkpoint(payload) : of_task(payload));
  return debug;
}

/* Tokens are left out: the scripted model of the drivers has none. */
static struct fl_value *of_message(const struct fl_value *data) {
  static const char *const kept[] = {"node", "message", NULL};
  if (strcmp(fl_get_string(data, "type", ""), "message") != 0) return NULL;
  struct fl_value *message = fl_object();
  take_over(message, data, kept);
  return message;
}

static struct fl_value *of_plain(const struct fl_value *data) {
  if (fl_get(data, "__interrupt__") == NULL) return fl_value_ref((struct fl_value *)(uintptr_t)data);
  struct fl_value *plain = fl_copy_shallow(data);
  fl_set_take(plain, "__interrupt__", questions_of(fl_get(data, "__interrupt__")));
  return plain;
}

static struct fl_value *essence(const char *mode, const struct fl_value *data) {
  switch (look_mode(mode)) {
  case FL_FOLLOW_TASKS: return of_task(data);
  case FL_FOLLOW_CHECKPOINTS: return of_checkpoint(data);
  case FL_FOLLOW_DEBUG: return of_debug(data);
  case FL_FOLLOW_MESSAGES: return of_message(data);
  default: return of_plain(data);
  }
}

/* "a:ID|b:ID" becomes "a|b". */
static struct fl_value *path_of(const char *ns) {
  struct fl_buf path = {0};
  for (const char *part = ns; *part != '\0';) {
    size_t size = strcspn(part, "|");
    fl_buf_addf(&path, "%s%.*s", path.size > 0 ? "|" : "", (int)strcspn(part, ":|"), part);
    part += size + (part[size] == '|');
  }
  struct fl_value *text = fl_string_n(path.data, path.size);
  fl_buf_deinit(&path);
  return text;
}

struct fl_value *look_event(const struct fl_run_event *event) {
  struct fl_value *data = essence(event->mode, event->data);
  if (data == NULL) return NULL;
  struct fl_value *entry = fl_array();
  fl_append_take(entry, fl_string(event->mode));
  if (event->ns != NULL && event->ns[0] != '\0') fl_append_take(entry, path_of(event->ns));
  fl_append_take(entry, data);
  return entry;
}

/* ---- states ---- */

static struct fl_value *of_state(const struct fl_value *state);

/* A task that has finished has its "result", one that runs a graph the "state" of that. */
static struct fl_value *of_pending(const struct fl_value *task) {
  static const char *const kept[] = {"name", "result", NULL};
  struct fl_value *told = fl_object();
  take_over(told, task, kept);
  if (fl_is(fl_get(told, "result"), FL_NULL)) fl_unset(told, "result");
  if (fl_is(fl_get(task, "error"), FL_STRING) || fl_is(fl_get(task, "error"), FL_OBJECT))
    fl_set_bool(told, "failed", true);
  set_questions(told, "interrupts", fl_get(task, "interrupts"));
  if (fl_is(fl_get(task, "state"), FL_OBJECT)) fl_set_take(told, "state", of_state(fl_get(task, "state")));
  return told;
}

static struct fl_value *of_state(const struct fl_value *state) {
  static const char *const kept[] = {"values", "next", "step", "source", NULL};
  struct fl_value *told = fl_object(), *tasks = fl_array();
  take_over(told, state, kept);
  const struct fl_value *pending = fl_get(state, "tasks");
  for (size_t i = 0; i < fl_size(pending); i++) fl_append_take(tasks, of_pending(fl_at(pending, i)));
  fl_set_take(told, "tasks", tasks);
  return told;
}

struct fl_value *look_state(struct fl_runtime *runtime, struct fl_definition *definition, const char *checkpoint,
                            bool with_subgraphs) {
  struct fl_thread_place place = {sizeof place, "t", checkpoint, definition, with_subgraphs};
  struct fl_value *state = NULL;
  struct fl_error err = {0};
  if (fl_thread_state(runtime, &place, &state, &err) < 0) fail_msg("%s", err.text);
  struct fl_value *told = of_state(state);
  fl_value_unref(state);
  return told;
}

static bool note_entry(const struct fl_value *entry, void *user) {
  static const char *const kept[] = {"source", "step", "next", "values"};
  struct fl_value *told = fl_array();
  for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) fl_append_take(told, fl_value_ref(fl_get(entry, kept[i])));
  fl_append_take(user, told);
  return true;
}

struct fl_value *look_history(struct fl_runtime *runtime, struct fl_definition *definition,
                              const struct fl_value *query, const char *before) {
  struct fl_history_query wanted = {.size = sizeof wanted, .thread = "t", .before = before, .with_values = true};
  wanted.definition = definition;
  wanted.limit = (size_t)fl_get_int(query, "limit", 0);
  wanted.source = fl_get_string(query, "source", NULL);
  struct fl_value *list = fl_array();
  struct fl_error err = {0};
  if (fl_thread_history(runtime, &wanted, note_entry, list, &err) < 0) fail_msg("%s", err.text);
  return list;
}
