/* SPDX-License-Identifier: MIT */
/* A suite from text: parse, check against the published schema, then tie names to what they name. */
#include "runtime/redteam/suite.h"

#include "runtime/base/mem.h"
#include "runtime/json/form.h"
#include "runtime/json/json.h"

#include <fairlead/error.h>
#include <stdio.h>
#include <string.h>

struct reader {
  struct fl_suite *suite;
  struct fl_diags *diags;
};

static void complain(const struct reader *reader, const char *pointer, const char *suggestion, const char *format, ...)
    FL_PRINTF(4, 5);
static void complain(const struct reader *reader, const char *pointer, const char *suggestion, const char *format,
                     ...) {
  char message[FL_ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  fl_document_diag(&reader->suite->document, reader->diags, FL_SEVERITY_ERROR, pointer, false, suggestion, "%s",
                   message);
}

/* ---- tools ---- */

static const struct fl_suite_tool *find_tool(const struct fl_suite *suite, const char *name) {
  for (size_t i = 0; i < suite->tool_count; i++)
    if (strcmp(suite->tools[i].name, name) == 0) return &suite->tools[i];
  return NULL;
}

static const struct fl_suite_tool *need_tool(const struct reader *reader, const char *pointer, const char *name) {
  enum { NAMES_MAX = 500 };
  const struct fl_suite *suite = reader->suite;
  const struct fl_suite_tool *tool = find_tool(suite, name);
  if (tool != NULL) return tool;
  const char *names[NAMES_MAX];
  for (size_t i = 0; i < suite->tool_count; i++) names[i] = suite->tools[i].name;
  const char *near = fl_nearest(name, names, suite->tool_count);
  FL_FREE_AUTO char *advice = near != NULL ? fl_format("did you mean \"%s\"?", near) : NULL;
  complain(reader, pointer, advice, "the suite has no tool \"%s\"", name);
  return NULL;
}

static void read_tools(const struct reader *reader, const struct fl_value *list) {
  struct fl_suite *suite = reader->suite;
  suite->tools = fl_new_array(struct fl_suite_tool, fl_size(list) + 1);
  for (size_t i = 0; i < fl_size(list); i++) {
    const struct fl_value *from = fl_at(list, i);
    struct fl_suite_tool *tool = &suite->tools[suite->tool_count];
    tool->name = fl_get_string(from, "name", "");
    tool->description = fl_get_string(from, "description", "");
    tool->input = fl_get(from, "input");
    tool->results = fl_get(from, "results");
    tool->result = fl_value_ref(fl_get(from, "result"));
    if (tool->result == NULL) fl_set_bool(tool->result = fl_object(), "ok", true);
    FL_FREE_AUTO char *pointer = fl_format("/tools/%zu/name", i);
    if (find_tool(suite, tool->name) != NULL)
      complain(reader, pointer, NULL, "there is a tool \"%s\" already", tool->name);
    suite->tool_count++;
  }
}

/* ---- calls ---- */

static void read_calls(const struct reader *reader, const char *base, const struct fl_value *list,
                       struct fl_suite_calls *calls) {
  size_t count = 0;
  for (size_t i = 0; i < fl_size(list); i++) count += (size_t)fl_get_int(fl_at(list, i), "times", 1);
  calls->items = fl_new_array(struct fl_suite_call, count + 1);
  for (size_t i = 0; i < fl_size(list); i++) {
    FL_FREE_AUTO char *pointer = fl_format("%s/calls/%zu/tool", base, i);
    const struct fl_value *from = fl_at(list, i);
    const struct fl_suite_tool *tool = need_tool(reader, pointer, fl_get_string(from, "tool", ""));
    for (int64_t n = fl_get_int(from, "times", 1); tool != NULL && n > 0; n--) {
      struct fl_value *args = fl_get(from, "args");
      calls->items[calls->count++] = (struct fl_suite_call){tool, args != NULL ? fl_value_ref(args) : fl_object()};
    }
  }
}

static void free_calls(struct fl_suite_calls *calls) {
  for (size_t i = 0; i < calls->count; i++) fl_value_unref(calls->items[i].args);
  fl_free(calls->items);
}

/* ---- manifests ---- */

/* What is wrong inside a manifest is told as of the suite. */
static void pass_on(const struct reader *reader, const char *base, const struct fl_diags *inner) {
  for (size_t i = 0; i < inner->count; i++) {
    const struct fl_diag *diag = &inner->items[i];
    FL_FREE_AUTO char *pointer = fl_format("%s%s", base, diag->pointer != NULL ? diag->pointer : "");
    complain(reader, pointer, diag->suggestion, "%s", diag->message);
  }
}

static struct fl_manifest *read_manifest(const struct reader *reader, const char *base, const char *id,
                                         const struct fl_value *from) {
  if (from == NULL) return NULL;
  FL_VALUE_AUTO whole = fl_copy_shallow(from);
  if (fl_get(whole, "manifest") == NULL) fl_set_int(whole, "manifest", 1);
  if (fl_get(whole, "id") == NULL) fl_set_string(whole, "id", id);
  struct fl_manifest *manifest = NULL;
  struct fl_diags inner = {0};
  size_t size = 0;
  char *text = fl_dump(whole, &size);
  FL_FREE_AUTO char *file = fl_format("%s#%s", reader->suite->document.file, base);
  if (fl_manifest_load(file, fl_slice_n(text, size), &manifest, &inner) < 0) pass_on(reader, base, &inner);
  fl_text_free(text);
  fl_diags_deinit(&inner);
  return manifest;
}

/* ---- tasks and attacks ---- */

static void read_tasks(const struct reader *reader, const struct fl_value *list, struct fl_manifest *common) {
  struct fl_suite *suite = reader->suite;
  suite->tasks = fl_new_array(struct fl_suite_task, fl_size(list) + 1);
  for (size_t i = 0; i < fl_size(list); i++) {
    FL_FREE_AUTO char *base = fl_format("/tasks/%zu", i), *name_at = fl_format("/tasks/%zu/name", i);
    FL_FREE_AUTO char *manifest_at = fl_format("/tasks/%zu/manifest", i);
    const struct fl_value *from = fl_at(list, i);
    struct fl_suite_task *task = &suite->tasks[i];
    task->name = fl_get_string(from, "name", "");
    task->user = fl_get_string(from, "user", "");
    task->input = fl_get(from, "input");
    for (size_t j = 0; j < i; j++)
      if (strcmp(suite->tasks[j].name, task->name) == 0)
        complain(reader, name_at, NULL, "there is a task \"%s\" already", task->name);
    read_calls(reader, base, fl_get(from, "calls"), &task->calls);
    task->manifest = read_manifest(reader, manifest_at, task->name, fl_get(from, "manifest"));
    if (task->manifest == NULL) task->manifest = fl_manifest_ref(common);
    suite->task_count++;
  }
}

/* The places of its text in what the tool answers. */
static size_t count_places(const struct fl_suite_attack *attack) {
  size_t count = 0;
  if (strcmp(attack->at, "description") == 0) return 1;
  const struct fl_suite_tool *tool = attack->plant;
  fl_value_unref(fl_suite_plant(tool->result, attack->at, "", &count));
  for (size_t i = 0; i < fl_size(tool->results); i++)
    fl_value_unref(fl_suite_plant(fl_get(fl_at(tool->results, i), "result"), attack->at, "", &count));
  return count;
}

static void check_attack(const struct reader *reader, const struct fl_suite_attack *attack, const char *base) {
  const struct fl_suite *suite = reader->suite;
  FL_FREE_AUTO char *at = fl_format("%s/plant/at", base), *tool = fl_format("%s/plant/tool", base);
  if (count_places(attack) == 0)
    complain(reader, at, NULL, "\"%s\" leads to no text in what %s answers", attack->at, attack->plant->name);
  for (size_t i = 0; i < suite->task_count; i++)
    if (fl_suite_meets(&suite->tasks[i], attack)) return;
  complain(reader, tool, NULL, "no task calls %s, so nothing would ever read this attack", attack->plant->name);
}

static void read_attacks(const struct reader *reader, const struct fl_value *list) {
  struct fl_suite *suite = reader->suite;
  suite->attacks = fl_new_array(struct fl_suite_attack, fl_size(list) + 1);
  for (size_t i = 0; i < fl_size(list); i++) {
    FL_FREE_AUTO char *base = fl_format("/attacks/%zu", i), *plant_at = fl_format("/attacks/%zu/plant/tool", i);
    FL_FREE_AUTO char *name_at = fl_format("/attacks/%zu/name", i);
    const struct fl_value *from = fl_at(list, i), *plant = fl_get(from, "plant");
    struct fl_suite_attack *attack = &suite->attacks[i];
    attack->name = fl_get_string(from, "name", "");
    attack->text = fl_get_string(from, "text", "");
    attack->at = fl_get_string(plant, "at", "");
    for (size_t j = 0; j < i; j++)
      if (strcmp(suite->attacks[j].name, attack->name) == 0)
        complain(reader, name_at, NULL, "there is an attack \"%s\" already", attack->name);
    read_calls(reader, base, fl_get(from, "calls"), &attack->calls);
    attack->plant = need_tool(reader, plant_at, fl_get_string(plant, "tool", ""));
    if (attack->plant != NULL) check_attack(reader, attack, base);
    suite->attack_count++;
  }
}

bool fl_suite_meets(const struct fl_suite_task *task, const struct fl_suite_attack *attack) {
  for (size_t i = 0; i < task->calls.count; i++) {
    if (task->calls.items[i].tool != attack->plant) continue;
    if (strcmp(attack->at, "description") == 0) return true;
    FL_VALUE_AUTO plain = fl_suite_answer(attack->plant, task->calls.items[i].args, NULL);
    size_t count = 0;
    fl_value_unref(fl_suite_plant(plain, attack->at, "", &count));
    if (count > 0) return true;
  }
  return false;
}

/* ---- the whole ---- */

static int read_suite(const struct reader *reader, const char *file, fl_slice text) {
  struct fl_suite *suite = reader->suite;
  size_t errors_before = reader->diags->error_count;
  int rc = fl_document_parse(file, text, &suite->document, reader->diags);
  if (rc < 0) return rc;
  const struct fl_value *root = suite->document.root;
  fl_document_check_form(&suite->document, fl_suite_schema(), "a suite", reader->diags);
  if (reader->diags->error_count > errors_before) return FL_E_INVALID;
  suite->domain = fl_get_string(root, "domain", "");
  suite->graph = fl_get_string(root, "graph", NULL);
  struct fl_manifest *common = read_manifest(reader, "/manifest", suite->domain, fl_get(root, "manifest"));
  read_tools(reader, fl_get(root, "tools"));
  read_tasks(reader, fl_get(root, "tasks"), common);
  read_attacks(reader, fl_get(root, "attacks"));
  fl_manifest_unref(common);
  fl_diags_sort(reader->diags);
  return reader->diags->error_count > errors_before ? FL_E_INVALID : 0;
}

int fl_suite_load(const char *file, fl_slice text, struct fl_suite **ret_suite, struct fl_diags *diags) {
  struct fl_suite *suite = fl_new(struct fl_suite);
  int rc = read_suite(&(struct reader){suite, diags}, file, text);
  if (rc == 0) *ret_suite = suite;
  else fl_suite_destroy(suite);
  return rc;
}

void fl_suite_destroy(struct fl_suite *suite) {
  if (suite == NULL) return;
  for (size_t i = 0; i < suite->tool_count; i++) fl_value_unref(suite->tools[i].result);
  for (size_t i = 0; i < suite->task_count; i++) {
    free_calls(&suite->tasks[i].calls);
    fl_manifest_unref(suite->tasks[i].manifest);
  }
  for (size_t i = 0; i < suite->attack_count; i++) free_calls(&suite->attacks[i].calls);
  fl_free(suite->tools);
  fl_free(suite->tasks);
  fl_free(suite->attacks);
  fl_document_deinit(&suite->document);
  fl_free(suite);
}
