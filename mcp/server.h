/* SPDX-License-Identifier: MIT */
/* Inside of a server: server.c (what it is, programs), server_offer.c (what it offers, and changes of that),
 * serving.c (its handlers at work), server_stdio.c (one connection over two descriptors). */
#pragma once
#include "mcp/proto/catalog.h"
#include "mcp/proto/uri_template.h"
#include "runtime/io/world.h"
#include "tools/toolset.h"

#include <fairlead/mcp.h>

/* A prompt, a resource or a template: its handlers, and what the catalog says of it. */
struct fl_server_offer {
  enum fl_mcp_list list;
  char *name;                         /* or URI */
  struct fl_tool_def *run, *complete; /* the latter NULL: none */
  struct fl_prompt prompt;            /* of its texts, lent by the program */
  struct fl_resource resource;        /* likewise */
  struct fl_value *arguments, *annotations, *icons, *meta;
  bool is_hidden;
  char *owned_path; /* a file of a skill */
};

struct fl_server_offers {
  struct fl_server_offer **items; /* in the order they were added */
  size_t count, capacity;
  struct fl_map by_name;
};

struct fl_server_skill {
  char *uri;
  struct fl_value *entry;
  struct fl_value *directories; /* uri to children */
};

/* Something that another thread wants changed, or told. */
struct fl_server_change {
  struct fl_server_change *next;
  enum { FL_CHANGE_PUT_TOOL, FL_CHANGE_REMOVE, FL_CHANGE_PUT, FL_CHANGE_UPDATED, FL_CHANGE_SAVED } type;
  enum fl_mcp_list list;
  char *name; /* what is removed, updated or saved */
  struct fl_tool_def *tool;
  struct fl_server_offer *offer;
};

struct fl_serving;

struct fl_server {
  struct fl_mcp_identity identity; /* copied texts */
  struct fl_tool_set tools;
  struct fl_server_offers offers[FL_MCP_LIST_COUNT]; /* prompts, resources, templates */
  struct fl_server_skill *skills;
  size_t skill_count;
  uint8_t key[32];
  bool has_key;
  struct fl_task_store store;
  struct fl_world *world; /* NULL: one of its own, see fl_server_set_world */
  struct fl_value *restored;                  /* records, an array; NULL: none */
  _Atomic(struct fl_serving *) serving;       /* NULL while it does not serve */
  _Atomic(struct fl_server_change *) changes; /* newest first */
};

/* ---- server_offer.c ---- */

void fl_server_offers_init(struct fl_server *server);
void fl_server_offers_deinit(struct fl_server *server);
void fl_server_change_destroy(struct fl_server_change *change);
/* On the loop: makes the change; true when a list is another now. */
bool fl_server_apply(struct fl_server *server, struct fl_server_change *change);
/* Everything that is offered, into an empty catalog. */
void fl_server_fill(const struct fl_server *server, struct fl_mcp_catalog *catalog);
struct fl_server_offer *fl_server_offer_find(const struct fl_server *server, enum fl_mcp_list list, const char *name);
/* A resource that is not listed; its handler's user is the path. Takes `owned_path`. */
int fl_server_add_hidden_file(struct fl_server *server, const struct fl_resource *file, char *owned_path,
                              struct fl_error *err);

/* Before it serves: the world that it serves in, lent; its handlers may use that, on the loop. NULL: one of its own. */
void fl_server_set_world(struct fl_server *server, struct fl_world *world);

/* ---- server_stdio.c ---- */

/* Serves one connection until its input ends. Takes the descriptors. Everything of the connection is gone when it
 * returns, unless handlers were still at work: then *ret_has_work is true, and only the end of the process ends them.
 */
int fl_server_serve(struct fl_server *server, struct fl_world *world, const int fds[2], bool *ret_has_work,
                    struct fl_error *err);
