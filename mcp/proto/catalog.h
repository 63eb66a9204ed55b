/* SPDX-License-Identifier: MIT */
/* What a server offers, as the bytes that go out: every text that is the same in each reply is written once. So
 * tools/list costs a copy, whatever the schemas, and a call costs the same among one tool or a thousand. Pure. */
#pragma once
#include "mcp/proto/version.h"
#include "runtime/base/buf.h"
#include "runtime/base/map.h"

#include <fairlead/value.h>

enum { FL_MCP_PAGE_SIZE = 1000 }; /* entries on a page: large, since some clients read the first page only */

enum fl_mcp_list { FL_MCP_TOOLS, FL_MCP_PROMPTS, FL_MCP_RESOURCES, FL_MCP_TEMPLATES, FL_MCP_SKILLS, FL_MCP_LIST_COUNT };

enum fl_mcp_task_support { FL_MCP_TASK_NEVER, FL_MCP_TASK_ALLOWED, FL_MCP_TASK_AT_ONCE };

/* Texts and values are lent; those that may be NULL are left out then. */
struct fl_mcp_offered_tool {
  const char *name, *title, *description;                            /* the last two may be NULL */
  const struct fl_value *input_schema, *output_schema, *annotations; /* the last two may be NULL */
  const struct fl_value *icons, *meta;                               /* may be NULL */
  enum fl_mcp_task_support task_support; /* AT_ONCE: a task from the start for who knows tasks */
  bool is_single_use;                    /* what a client carries for it is taken once: it destroys something */
  bool needs_task;                       /* a caller who does not know tasks is refused */
};

struct fl_mcp_offered_prompt {
  const char *name, *title, *description;
  const struct fl_value *arguments;    /* as prompts/list has them; may be NULL */
  const struct fl_value *icons, *meta; /* may be NULL */
  bool completes;                      /* its handler can complete arguments */
};

struct fl_mcp_offered_resource {
  const char *uri; /* of a template: RFC 6570, with {name}, {+name} and {?a,b} */
  const char *name, *title, *description, *mime_type;
  int64_t size; /* bytes; negative: unknown */
  const struct fl_value *annotations, *icons, *meta;
  bool completes; /* a template whose handler can complete its variables */
};

struct fl_mcp_offered_skill {
  const char *uri;              /* of its SKILL.md */
  const struct fl_value *entry; /* as skills/list has it */
};

struct fl_mcp_identity {
  const char *name, *version, *title, *instructions; /* the last two may be NULL */
  bool lists_change;                                 /* the lists may change while it is served */
};

/* What a message needs to know of an entry, found by its name or URI. */
struct fl_mcp_entry {
  char *name;            /* or URI, or the template of URIs */
  struct fl_value *text; /* prompts: their arguments; directories: their children; else NULL */
  struct fl_uri_template *uri_template;
  struct fl_mcp_param *params; /* tools: arguments that HTTP mirrors in header fields */
  size_t param_count;
  enum fl_mcp_task_support task_support;
  bool needs_task, completes;
  bool is_single_use; /* tools: a sealed state of it is taken once */
  size_t index;       /* in the order they were added */
};

/* "x-mcp-header": the argument at `path` stands in
 * Mcp-Param-`header` too. */
struct fl_mcp_param {
  char *header;
  struct fl_value *path; /* an array of names */
};

/* One list: its entries' texts by era (legacy, modern), and its pages. */
struct fl_mcp_catalog_list {
  struct fl_buf *texts[2];
  size_t count;
  struct fl_map by_name;   /* to a struct fl_mcp_entry */
  struct fl_buf *pages[2]; /* whole results; made on first use */
  size_t page_count;
};

struct fl_mcp_catalog {
  struct fl_mcp_identity identity; /* copied texts */
  size_t page_size;
  struct fl_mcp_catalog_list lists[FL_MCP_LIST_COUNT];
  struct fl_map hidden;      /* resources that can be read and are not listed; to a struct fl_mcp_entry */
  struct fl_map directories; /* of skills, by URI; to a struct fl_mcp_entry */
  struct fl_buf server_info; /* {"name":…} */
  struct fl_buf meta;        /* ,"_meta":{…}} : the end of every modern result */
};

void fl_mcp_catalog_init(struct fl_mcp_catalog *catalog, const struct fl_mcp_identity *identity,
                         size_t page_size); /* 0: default */
void fl_mcp_catalog_deinit(struct fl_mcp_catalog *catalog);

/* Errors: FL_E_EXISTS; FL_E_INVALID (a template, or an x-mcp-header, that cannot be). */
int fl_mcp_catalog_add(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_tool *tool, struct fl_error *err);
int fl_mcp_catalog_add_prompt(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_prompt *prompt,
                              struct fl_error *err);
int fl_mcp_catalog_add_resource(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_resource *resource,
                                struct fl_error *err);
int fl_mcp_catalog_add_template(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_resource *resource,
                                struct fl_error *err);
/* A resource that can be read and is not listed. */
int fl_mcp_catalog_add_hidden(struct fl_mcp_catalog *catalog, const char *uri, struct fl_error *err);
int fl_mcp_catalog_add_skill(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_skill *skill,
                             struct fl_error *err);
/* `children`: an array of resources, {"uri", "name", "mimeType"}. */
int fl_mcp_catalog_add_directory(struct fl_mcp_catalog *catalog, const char *uri, struct fl_value *children,
                                 struct fl_error *err);
void fl_mcp_catalog_clear(struct fl_mcp_catalog *catalog); /* takes everything away, before it is added anew */

/* NULL when there is none. A resource is found whether it is listed or not. */
const struct fl_mcp_entry *fl_mcp_catalog_find(const struct fl_mcp_catalog *catalog, enum fl_mcp_list list,
                                               const char *name);
bool fl_mcp_catalog_has(const struct fl_mcp_catalog *catalog, const char *name); /* a tool */
/* The template that makes this URI, the first that was added of several, and its variables (a new object). */
const struct fl_mcp_entry *fl_mcp_catalog_match(const struct fl_mcp_catalog *catalog, const char *uri,
                                                struct fl_value **ret_variables);
const struct fl_mcp_entry *fl_mcp_catalog_directory(const struct fl_mcp_catalog *catalog, const char *uri);

/* The result of a list's method from a cursor (NULL: the first page), lent; NULL when the cursor is none of ours. */
const struct fl_buf *fl_mcp_catalog_page(struct fl_mcp_catalog *catalog, enum fl_mcp_list list, enum fl_mcp_era era,
                                         const char *cursor);
/* ,"ttlMs":…,"cacheScope":"public" */
void fl_mcp_catalog_add_caching(const struct fl_mcp_catalog *catalog, struct fl_buf *buf);
/* The results of server/discover and of initialize. */
void fl_mcp_catalog_discover(const struct fl_mcp_catalog *catalog, struct fl_buf *ret_text);
void fl_mcp_catalog_initialize(const struct fl_mcp_catalog *catalog, const char *revision, struct fl_buf *ret_text);
