/* SPDX-License-Identifier: MIT */
/* C tools made ready: names checked, schemas parsed and compiled, hints turned into MCP annotations. The serving side
 * (mcp/server.c) and the local source share it. Pure. The texts of a `struct fl_tool` stay lent; the struct itself is
 * copied, so that a program built against an older, smaller struct works. */
#pragma once
#include "runtime/base/map.h"
#include "runtime/json/schema.h"

#include <fairlead/tools.h>
#include <stdatomic.h>

enum { FL_TOOL_NAME_MAX = 128, FL_TOOL_SET_MAX = 10000 };

struct fl_tool_def {
  struct fl_tool tool;
  struct fl_value *input_schema;  /* never NULL */
  struct fl_value *output_schema; /* NULL: none */
  struct fl_value *annotations;   /* NULL: none */
  struct fl_value *meta, *icons;  /* NULL: none */
  _Atomic(unsigned) ref_count;    /* the set's, and one for each call in flight */
  struct fl_schema *input;        /* compiled; NULL: arguments are not checked here (prompts, resources) */
  struct fl_schema *output;       /* compiled; NULL: none */
  bool promises_number;           /* whatever finite number n is, {"result": n} keeps the output schema */
};

/* A tool by itself, with one reference. Errors as fl_tool_set_add. */
int fl_tool_def_create(const struct fl_tool *tool, struct fl_tool_def **ret_def, struct fl_error *err);
/* A handler that is no tool: nothing is checked before it runs. */
struct fl_tool_def *fl_tool_def_of_handler(const char *name, fl_tool_fn *run, void *user, unsigned flags);
void fl_tool_def_ref(struct fl_tool_def *def);
void fl_tool_def_unref(struct fl_tool_def *def); /* from any thread */

struct fl_tool_set {
  struct fl_tool_def **defs; /* in the order they were added */
  size_t count, capacity;
  struct fl_map by_name;
};

void fl_tool_set_init(struct fl_tool_set *set);
void fl_tool_set_deinit(struct fl_tool_set *set); /* repeatable */

/* Errors: FL_E_EXISTS, FL_E_INVALID (name, schema or no function), FL_E_LIMIT. */
int fl_tool_set_add(struct fl_tool_set *set, const struct fl_tool *tool, struct fl_error *err);
/* An array, with the stride that its first element states in `size`. */
int fl_tool_set_add_all(struct fl_tool_set *set, const struct fl_tool *tools, size_t tool_count, struct fl_error *err);
/* Takes the reference; puts it in the place of one of the same name. Errors: FL_E_LIMIT. */
int fl_tool_set_put_take(struct fl_tool_set *set, struct fl_tool_def *def, struct fl_error *err);
bool fl_tool_set_remove(struct fl_tool_set *set, const char *name);                    /* false: there was none */
struct fl_tool_def *fl_tool_set_find(const struct fl_tool_set *set, const char *name); /* NULL when absent */

/* Runs fl_plugin_v1 of a shared object, which adds its tools, and to `server` (NULL: none) whatever else it has. The
 * object stays loaded for the life of the process. Errors: FL_E_NOT_FOUND, FL_E_UNSUPPORTED (no fl_plugin_v1),
 * FL_E_INVALID. */
int fl_tool_set_load_plugin(struct fl_tool_set *set, struct fl_server *server, const char *path, struct fl_error *err);
