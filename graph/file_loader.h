/* SPDX-License-Identifier: MIT */
/* What the parts of the graph file's loader share. For graph/file*.c only. Pure, like all of the loader.
 *
 * A spot is a value in one of the files together with the way to it, so that a message finds its place without anybody
 * carrying pointers along.
 * Invariants. (1) A spot's parent outlives it: it is a caller's local or belongs to the
 * loader. (2) Every check says what is wrong and goes on; nothing is built from a graph with an error. (3) A key that
 * no shape names is an error. */
#pragma once
#include "graph/builder.h"
#include "graph/file.h"
#include "runtime/base/mem.h"

enum { FL_FILE_GRAPHS_MAX = 100 }; /* files and parts of files that are run as graphs */
enum { FL_FILE_INCLUDE_MAX = 32, FL_FILE_RECURSION_MAX = 10000 };

/* ---- spots ---- */

struct fl_loader;

struct fl_spot {
  struct fl_loader *loader;
  const struct fl_document *document;
  const struct fl_spot *parent; /* NULL: the whole document */
  const char *key;              /* NULL: an element, or the whole document */
  size_t index;
  struct fl_value *value; /* lent; NULL: absent */
};

struct fl_spot fl_spot_member(const struct fl_spot *spot, const char *key);
struct fl_spot fl_spot_element(const struct fl_spot *spot, size_t index);
char *fl_spot_pointer(const struct fl_spot *spot); /* the caller frees it */

/* At the value; the last two at the key. `suggestion` may be NULL. */
void fl_spot_error(const struct fl_spot *spot, const char *suggestion, const char *format, ...) FL_PRINTF(3, 4);
void fl_spot_warn(const struct fl_spot *spot, const char *suggestion, const char *format, ...) FL_PRINTF(3, 4);
void fl_spot_key_error(const struct fl_spot *spot, const char *suggestion, const char *format, ...) FL_PRINTF(3, 4);
void fl_spot_key_warn(const struct fl_spot *spot, const char *suggestion, const char *format, ...) FL_PRINTF(3, 4);

/* Whether the value has the type; if not, says so. An absent value has none, and it is not said. */
bool fl_spot_is(const struct fl_spot *spot, enum fl_type type);
/* The text of a member that must be one and not be empty; NULL when absent (then an error if required) or wrong. */
const char *fl_spot_text(const struct fl_spot *spot, const char *key, bool is_required);

/* What may stand in a map: keys of this version, and keys that a later one will know. Both NULL-terminated. */
struct fl_file_shape {
  const char *name; /* in the schema's $defs, "graph_file" for the whole */
  const char *what; /* "a channel" */
  const char *const *keys;
  const char *const *later;
};
void fl_spot_check_keys(const struct fl_spot *spot, const struct fl_file_shape *shape);
/* All shapes, for the test that compares them with the schema; NULL-terminated. */
const struct fl_file_shape *const *fl_file_shapes(void);
extern const struct fl_file_shape fl_shape_graph, fl_shape_part, fl_shape_channel, fl_shape_model, fl_shape_server,
    fl_shape_auth, fl_shape_edge, fl_shape_arm, fl_shape_subgraph, fl_shape_retry, fl_shape_timeout, fl_shape_cache,
    fl_shape_defaults, fl_shape_context;

/* "did you mean "x"?" in `ret_text`, or NULL when nothing is near. */
enum { FL_SUGGESTION_MAX = 256 };
const char *fl_suggest(const char *word, const char *const *names, size_t count, char ret_text[FL_SUGGESTION_MAX]);

/* ---- names ---- */

/* A thing with a name: a channel, model, server or node, in the order of the files. */
struct fl_entry {
  struct fl_spot spot;
  const char *name;           /* lent by the value */
  const char *type;           /* of a node; NULL when unknown */
  bool is_used;               /* somebody refers to it */
  bool is_read, is_written;   /* of a channel: by an expression, by a node */
  char *tools_name;           /* of a react node: the name of its tools node */
  const char *before, *after; /* of a react node: the nodes that run before and after its model; NULL: none */
  struct fl_entry *hook_of;   /* the react node that names it so */
  const char **leave_targets; /* of a react node: where plain edges lead */
  size_t leave_count;
};

struct fl_section {
  struct fl_entry **items;
  const char **names;
  size_t count;
  size_t own_count; /* without those of the file around, which stand behind */
  struct fl_map index;
};

struct fl_entry *fl_section_find(const struct fl_section *section, const char *name);
/* Finds it and marks it as used, or says that there is no such `what` with the nearest name; at the key, when that is
 * the name. NULL when there is none. */
struct fl_entry *fl_section_use(const struct fl_section *section, const struct fl_spot *spot, const char *what,
                                const char *name);

/* ---- the loader ---- */

struct fl_file_part {
  struct fl_document document;
  struct fl_spot root;
  struct fl_spot sections[4]; /* parents of the entries */
  struct fl_spot graphs;      /* the section of graphs */
};

struct fl_loader {
  const struct fl_graph_file_options *options;
  struct fl_diags *diags;
  struct fl_file_part *parts[FL_FILE_INCLUDE_MAX + 1];
  size_t part_count;
  struct fl_section state, models, servers, nodes;
  struct fl_map tools_names; /* names of generated tools nodes -> the react node's entry */
  struct fl_graph *graph;
  struct fl_map sent_names; /* "NODE\nNAME": a send gives the node something of that name */
  const char *loading_node; /* whose expressions are compiled; NULL: those of an edge */
  const char *element_name; /* of the send whose expressions are compiled; NULL: there is none */
  bool has_default_state;   /* no `state` anywhere: messages only */
  struct fl_loader *outer;  /* of the file or graph that this one stands in; NULL: it is the file that was asked for */
  bool is_inline;           /* a graph of a `graphs` section: its file is that of `outer` */
  const char *path;         /* of the file, as it is read */
  struct fl_child_graph **children; /* of a file: those that its nodes run */
  size_t child_count;
};

/* A graph that nodes run: a file, or a graph of a `graphs` section. */
struct fl_child_graph {
  char *name;                   /* of the section's entry, or the path of the file as it is read */
  const struct fl_value *entry; /* of the section; NULL: a file */
  bool is_loading;
  struct fl_loader loader;
  struct fl_graph_file file;
};

static inline const struct fl_spot *fl_loader_root(const struct fl_loader *loader) { return &loader->parts[0]->root; }
/* Of the file that a graph of a `graphs` section stands in: what is said once in a file. */
static inline const struct fl_spot *fl_loader_file_root(const struct fl_loader *loader) {
  while (loader->is_inline) loader = loader->outer;
  return fl_loader_root(loader);
}

/* file.c: a graph whose parts are there, and a text with its includes. */
void fl_file_load_graph(struct fl_loader *loader, const char *name, struct fl_graph_file *file);
void fl_file_load_text(struct fl_loader *loader, const char *path, fl_slice text, struct fl_graph_file *file);
char *fl_file_folder_of(const char *path);
/* As a person would name a file that another one names. */
char *fl_file_name_of(struct fl_loader *loader, const char *path);
void fl_loader_deinit(struct fl_loader *loader);

/* file_graph.c: the graph that a node of type graph names, loaded once; NULL when it is wrong, which is said. */
struct fl_child_graph *fl_file_child(const struct fl_spot *node);
void fl_file_load_graphs(struct fl_loader *loader); /* those of the section that no node runs, too */
void fl_file_children_take(struct fl_loader *loader, struct fl_graph_file *file);
void fl_file_children_free(struct fl_loader *loader);
/* Reads a file that this one names. */
int fl_file_read(struct fl_loader *loader, const char *path, char **ret_text, size_t *ret_size, struct fl_error *err);

/* file_section.c */
void fl_file_collect(struct fl_loader *loader); /* sections of all parts, clashes said */
void fl_file_load_state(struct fl_loader *loader);
bool fl_file_has_channel(const struct fl_loader *loader, const char *name);
bool fl_file_has_messages(const struct fl_loader *loader);                /* a channel "messages" with that reducer */
void fl_file_use_channel(const struct fl_spot *spot, const char *name);   /* must be declared */
void fl_file_write_channel(const struct fl_spot *spot, const char *name); /* the same, and a node writes it */
struct fl_value *fl_file_load_effects(struct fl_loader *loader);

/* The schema that `type` or `schema` give, checked with `default`; a new reference, NULL when any value is right.
 * `what` has it: "channel". */
struct fl_value *fl_file_load_schema(const struct fl_spot *spot, const char *what);

/* file_policy.c: what a node says about how it is run (expressions go to `exprs`), the same without the common keys,
 * and what the graph says; options->context is the caller's to release. */
void fl_file_load_policy(const struct fl_spot *spot, struct fl_node_policy *policy, struct fl_map *exprs);
void fl_file_load_node_policy(const struct fl_spot *spot, struct fl_node_policy *policy, struct fl_map *exprs);
void fl_file_strip_policy(struct fl_value *config);
void fl_file_load_graph_policy(struct fl_loader *loader, struct fl_compile_options *options);

/* file_service.c: models and servers, environment filled in */
struct fl_value *fl_file_load_models(struct fl_loader *loader);
struct fl_value *fl_file_load_servers(struct fl_loader *loader);
/* "server/tool", or with `may_be_pattern` "server/prefix*"; said at `spot`. The server must be known. */
void fl_file_check_tool(const struct fl_spot *spot, const char *pattern, bool may_be_pattern);
void fl_file_check_tools(const struct fl_spot *spot); /* a list of patterns; may be absent */

/* file_env.c: fills ${NAME} in. The new text, which the caller frees; *ret_unset when a name without default was not
 * set. */
char *fl_file_expand(const struct fl_spot *spot, const char *text, bool *ret_unset);
/* The same for a text whose variables are secrets: options->on_secret is told each. */
char *fl_file_expand_secret(const struct fl_spot *spot, const char *text, bool *ret_unset);

/* file_expr.c: an expression (a text, or a plain number, boolean or null), compiled and its names checked; NULL when
 * wrong. */
struct fl_expr *fl_file_expr(const struct fl_spot *spot);

/* file_way.c */
extern const struct fl_file_shape fl_shape_send, fl_shape_way;
void fl_file_collect_sends(struct fl_loader *loader); /* what sends give to nodes, before expressions are compiled */
bool fl_file_is_sent(const struct fl_loader *loader, const char *name); /* to the node that is being loaded */
struct fl_send_def *fl_file_load_send(const struct fl_spot *spot);      /* NULL when wrong */

/* file_node.c */
void fl_file_declare_nodes(struct fl_loader *loader); /* types, before anybody refers to a node */
void fl_file_load_nodes(struct fl_loader *loader);
bool fl_file_is_agent(const struct fl_entry *entry);
/* A node, also a generated one; says when there is none. *ret_entry NULL for a generated one. */
bool fl_file_use_node(const struct fl_spot *spot, const char *name, struct fl_entry **ret_entry);

/* file_node_memory.c: the section, its environment filled in; a new reference, NULL when there is none */
extern const struct fl_file_shape fl_shape_memory, fl_shape_embed;
struct fl_value *fl_file_load_memory(struct fl_loader *loader);

/* file_builtin.c: the section as it stands, checked; a new reference, NULL when there is none */
extern const struct fl_file_shape fl_shape_builtin, fl_shape_builtin_files, fl_shape_builtin_sqlite,
    fl_shape_builtin_fetch, fl_shape_builtin_ping, fl_shape_builtin_process, fl_shape_builtin_command,
    fl_shape_builtin_place;
struct fl_value *fl_file_load_builtin(struct fl_loader *loader);

/* ---- the section trace: file_trace.c ---- */
extern const struct fl_file_shape fl_shape_trace, fl_shape_trace_content, fl_shape_trace_redact, fl_shape_trace_export;
struct fl_value *fl_file_load_trace(struct fl_loader *loader);

/* file_hook.c: the nodes that react nodes run around their model */
void fl_file_declare_hooks(struct fl_loader *loader);
void fl_file_lead_through_hooks(struct fl_loader *loader); /* after all edges */
/* True: it is one, and was refused. */
bool fl_file_refuse_hook(const struct fl_spot *spot, const struct fl_entry *entry);

/* file_node_http.c: the section with the origins that nodes may ask */
void fl_file_check_http(struct fl_loader *loader);

/* file_edge.c */
void fl_file_load_edges(struct fl_loader *loader);

/* file_lint.c: warnings about a graph without errors */
void fl_file_lint(struct fl_loader *loader);
/* file_lint_ways.c: the same, about where they lead */
void fl_file_lint_ways(struct fl_loader *loader, const struct fl_definition *definition);
