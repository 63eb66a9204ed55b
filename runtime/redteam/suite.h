/* SPDX-License-Identifier: MIT */
/* A red-team suite: tasks with the calls that they need, attacks that come in what tools answer, and the tools that
 * stand in for real ones. A closed format (suite.schema.json), read once and then immutable. Pure.
 *
 * Invariants. (1) Nothing is made of a suite with an error. (2) Every call names a tool that the suite has, every
 * attack has a place to stand, and at least one task reads it. */
#pragma once
#include "runtime/base/slice.h"
#include "runtime/json/yaml.h"
#include "tools/policy/manifest.h"

#include <fairlead/value.h>

struct fl_suite_tool {
  const char *name, *description; /* "server/tool"; lent by the document, as all texts here */
  const struct fl_value *input;   /* NULL: any object */
  const struct fl_value *results; /* [{"args","result"}] or NULL */
  struct fl_value *result;        /* never NULL */
};

struct fl_suite_call {
  const struct fl_suite_tool *tool;
  struct fl_value *args; /* an object */
};

struct fl_suite_calls {
  struct fl_suite_call *items;
  size_t count;
};

struct fl_suite_task {
  const char *name, *user;
  struct fl_value *input;       /* NULL: the user's text is a message */
  struct fl_manifest *manifest; /* NULL: the graph's */
  struct fl_suite_calls calls;
};

struct fl_suite_attack {
  const char *name, *text;
  const struct fl_suite_tool *plant;
  const char *at; /* a pointer, or "description" */
  struct fl_suite_calls calls;
};

struct fl_suite {
  struct fl_document document;
  const char *domain, *graph; /* graph NULL: an agent with all tools */
  struct fl_suite_tool *tools;
  size_t tool_count;
  struct fl_suite_task *tasks;
  size_t task_count;
  struct fl_suite_attack *attacks;
  size_t attack_count;
};

/* `file` is its name for messages. Everything that is wrong is added to `diags`. Errors: FL_E_SYNTAX, FL_E_INVALID,
 * FL_E_LIMIT, each with at least one error in `diags`. */
int fl_suite_load(const char *file, fl_slice text, struct fl_suite **ret_suite, struct fl_diags *diags);
void fl_suite_destroy(struct fl_suite *suite); /* NULL allowed */

/* Whether a task calls the tool that the attack stands in, or would be shown it. */
bool fl_suite_meets(const struct fl_suite_task *task, const struct fl_suite_attack *attack);

const char *fl_suite_schema(void); /* the published JSON Schema */

/* ---- plant.c ---- */

/* What a tool answers to these arguments; with an attack that stands in its answers, with the text of that. A new
 * reference. */
struct fl_value *fl_suite_answer(const struct fl_suite_tool *tool, const struct fl_value *args,
                                 const struct fl_suite_attack *attack);
/* A value with a text added to every text that the pointer leads to, and how many these were; a new reference. */
struct fl_value *fl_suite_plant(const struct fl_value *value, const char *pointer, const char *text, size_t *ret_count);
