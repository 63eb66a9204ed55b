/* SPDX-License-Identifier: MIT */
/* Graph files as tools of an MCP server. A call is a run of the graph, on a thread of its own; called as a task, the
 * thread has the task's id, and its checkpoints are what the task is made of: the record of the task says only that
 * there is one. Whatever is asked of a call is decided by looking at its thread (graph_call.c), so that a call goes on
 * after a crash between any two messages as it goes on after an answer. Needs the loop that the server and the runtime
 * share (fl_server_set_world). */
#pragma once
#include "mcp/server.h"
#include "runtime/engine/engine.h"

struct fl_graph_host;

struct fl_graph_host_options {
  struct fl_runtime *runtime; /* both lent; outlives the host */
  struct fl_server *server;   /* stopped, settled (below) and destroyed before the host is */
  const char *model;          /* "provider/name" to use instead of the files'; NULL: the files' */
};

/* Takes the server's world and task store. */
struct fl_graph_host *fl_graph_host_create(const struct fl_graph_host_options *options);
/* When the server has served and before it is destroyed: waits until what is on its way to the store is there. */
void fl_graph_host_settle(struct fl_graph_host *host);
void fl_graph_host_destroy(struct fl_graph_host *host); /* NULL allowed; after the server */

/* Adds the graph of a file, under the graph's name. FL_E_INVALID with the mistakes in `diags`, or with `err`:
 * FL_E_NOT_FOUND, FL_E_EXISTS (another tool has that name), FL_E_LIMIT. */
int fl_graph_host_add(struct fl_graph_host *host, const char *path, struct fl_diags *diags, struct fl_error *err);

/* When everything was added, and before the server runs: the tasks that an earlier process left in the store, of tools
 * that are served, and the key that seals what clients carry. Turns the loop. */
int fl_graph_host_restore(struct fl_graph_host *host, struct fl_error *err);

/* ---- inside ---- */

struct fl_graph_tool {
  struct fl_graph_host *host;
  struct fl_definition *definition;
  char *name, *path, *description, *input_schema, *output_schema;
  struct fl_graph_tool *next;
};

struct fl_graph_tasks;

struct fl_graph_host {
  struct fl_runtime *runtime;
  struct fl_server *server;
  char *model;
  struct fl_graph_tool *tools;
  struct fl_graph_tasks *tasks;
};

/* graph_call.c: a handler on the loop; user: struct fl_graph_tool. */
fl_tool_fn fl_graph_call;

/* graph_form.c: what goes in and out, as MCP says it. Pure. */

/* Both new; the output's NULL when nothing is known of it. */
struct fl_value *fl_graph_input_schema(const struct fl_definition *definition);
struct fl_value *fl_graph_output_schema(const struct fl_definition *definition);
/* The run's input, a new reference; NULL when the arguments have nothing of it. */
struct fl_value *fl_graph_input(const struct fl_definition *definition, const struct fl_value *args);
/* The output channels of a state, new; and its last message of the assistant (NULL: none), owned. */
struct fl_value *fl_graph_output(const struct fl_definition *definition, const struct fl_value *values);
char *fl_graph_reply(const struct fl_value *output);
/* An interrupt as the parameters of an elicitation, new; and what the run is resumed with, new, out of the content that
 * came back. */
/* Whether it is the question of a server behind the graph: as that asked it, and the result of the elicitation is what
 * the run is resumed with, whatever it says. */
bool fl_graph_is_passed_on(const struct fl_value *interrupt);
struct fl_value *fl_graph_question(const struct fl_definition *definition, const struct fl_value *interrupt);
struct fl_value *fl_graph_answer(const struct fl_definition *definition, const struct fl_value *interrupt,
                                 const struct fl_value *content);

/* graph_key.c: gives the server the store's key, unless the program gave it one. Turns the world. */
int fl_graph_key_set(struct fl_graph_host *host, struct fl_error *err);

/* graph_tasks.c: the records of tasks in the store. */
struct fl_graph_tasks *fl_graph_tasks_create(struct fl_graph_host *host);
void fl_graph_tasks_settle(struct fl_graph_tasks *tasks);
void fl_graph_tasks_destroy(struct fl_graph_tasks *tasks);
int fl_graph_tasks_restore(struct fl_graph_tasks *tasks, struct fl_error *err);
/* The stored record, a new reference, when it says that the task has ended: another process has written it then, and
 * nothing of this one takes its place. NULL: it has not. */
struct fl_value *fl_graph_tasks_take_end(struct fl_graph_tasks *tasks, const char *task_id);
