/* SPDX-License-Identifier: MIT */
/* What a server offers, as the bytes that go out: every text that is the same in each reply is written once. So
 * tools/list costs a copy, whatever the schemas, and a call costs the same among one tool or a thousand. Pure. */
#pragma once
#include "mcp/proto/version.h"
#include "runtime/base/buf.h"
#include "runtime/base/map.h"

#include <fairlead/value.h>

enum { FL_MCP_PAGE_SIZE = 1000 }; /* tools on a page: large, since some clients read the first page only */

struct fl_mcp_offered_tool {
  const char *name, *title, *description;                            /* lent; title and description may be NULL */
  const struct fl_value *input_schema, *output_schema, *annotations; /* lent; the last two may be NULL */
};

struct fl_mcp_identity {
  const char *name, *version, *title, *instructions; /* the last two may be NULL */
  bool lists_change;                                 /* the list of tools may change while it is served */
};

struct fl_mcp_catalog {
  struct fl_mcp_identity identity; /* copied texts */
  size_t page_size;
  struct fl_buf *tools[2]; /* one JSON text per tool; by era: legacy, modern */
  size_t tool_count;
  struct fl_map by_name;     /* to the tool's index + 1 */
  struct fl_buf server_info; /* {"name":…} */
  struct fl_buf meta;        /* ,"_meta":{…}} : the end of every modern result */
  struct fl_buf *pages[2];   /* whole tools/list results; made on first use */
  size_t page_count;
};

void fl_mcp_catalog_init(struct fl_mcp_catalog *catalog, const struct fl_mcp_identity *identity,
                         size_t page_size); /* 0: default */
void fl_mcp_catalog_deinit(struct fl_mcp_catalog *catalog);
int fl_mcp_catalog_add(struct fl_mcp_catalog *catalog, const struct fl_mcp_offered_tool *tool, struct fl_error *err);
bool fl_mcp_catalog_has(const struct fl_mcp_catalog *catalog, const char *name);
void fl_mcp_catalog_clear(struct fl_mcp_catalog *catalog); /* takes every tool away, before they are added anew */

/* The result of tools/list from a cursor (NULL: the first page), lent; NULL when the cursor is none of ours. */
const struct fl_buf *fl_mcp_catalog_page(struct fl_mcp_catalog *catalog, enum fl_mcp_era era, const char *cursor);
/* The results of server/discover and of initialize. */
void fl_mcp_catalog_discover(const struct fl_mcp_catalog *catalog, struct fl_buf *ret_text);
void fl_mcp_catalog_initialize(const struct fl_mcp_catalog *catalog, const char *revision, struct fl_buf *ret_text);
