/* SPDX-License-Identifier: MIT */
/* The graph file: JSON or YAML in, an immutable definition out, with everything that is wrong said at once and with its
 * place. Pure: the text of the file and of its includes comes through `read`, the environment through `getenv_fn`. */
#pragma once
#include "graph/definition.h"
#include "runtime/json/yaml.h"

struct fl_graph_file_options {
  size_t size;
  /* Text of a file relative to the graph file's folder (caller frees with fl_free); NULL: includes are errors. */
  int (*read)(const char *path, char **ret_text, size_t *ret_size, void *user, struct fl_error *err);
  const char *(*getenv_fn)(const char *name); /* for ${NAME}; NULL: every name is unset */
  void *user;
  const char *const *servers; /* names of servers known beside mcpServers and "builtin" (tools of the embedding
                                 program); NULL-terminated; NULL: none */
  /* A variable of the environment, not empty, whose value went where secrets stand: a key of a model, a header or a
   * secret of the authorization of a server. Both are lent for the call. NULL: nobody wants to know. */
  int (*on_secret)(const char *name, const char *value, void *user, struct fl_error *err);
};

/* What a graph file says beside the graph itself. */
struct fl_graph_file {
  struct fl_definition *definition;
  char *path;   /* as given */
  char *folder; /* of the file, for relative paths; "." when it has none */
  char *description;
  char *manifest;           /* the file that says what it may do, relative to `folder`; NULL: none */
  struct fl_value *models;  /* {name: entry}, ${NAME} filled in; an object */
  struct fl_value *servers; /* mcpServers, ${NAME} filled in; an object */
  struct fl_value *effects; /* {"pattern": "read"|"keyed"|"once"}; an object */
  struct fl_value *builtin; /* settings of the built-in tools; NULL: none */
  struct fl_value *memory;  /* {"embed","fields","ttl_ms"}: settings of the memory; NULL: none */
  struct fl_value *trace;   /* the section as it stands, ${NAME} not filled in (runtime/trace/policy.h); NULL: none */
  struct fl_graph_file *children; /* files that its nodes run as graphs: their models and servers stand beside these */
  size_t child_count;
  struct fl_document
      document; /* the file itself, so that what is found out later can name its line: fl_document_diag */
};

/* Returns 0 (warnings may still stand in diags), or FL_E_INVALID with at least one error in diags. */
int fl_graph_file_load(const char *path, fl_slice text, const struct fl_graph_file_options *options,
                       struct fl_graph_file *ret_file, struct fl_diags *diags);
void fl_graph_file_deinit(struct fl_graph_file *file); /* repeatable */

/* The JSON Schema of the graph file, as text (a constant). */
const char *fl_graph_file_schema(void);
