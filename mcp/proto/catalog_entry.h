/* SPDX-License-Identifier: MIT */
/* Inside of the catalog: one entry, read from what is offered, and its text. Pure. */
#pragma once
#include "mcp/proto/catalog.h"

enum { FL_MCP_TEXTS_LEGACY, FL_MCP_TEXTS_MODERN };

struct fl_mcp_entry *fl_mcp_entry_create(const char *name);
void fl_mcp_entry_destroy(struct fl_mcp_entry *entry);
/* Finds the arguments with x-mcp-header. Errors: FL_E_INVALID. */
int fl_mcp_entry_read_params(struct fl_mcp_entry *entry, const struct fl_value *input_schema, struct fl_error *err);

/* "key":"text" with a comma in front, or nothing when there is no text. */
void fl_mcp_add_member(struct fl_buf *buf, const char *key, const char *text);
void fl_mcp_write_tool(struct fl_buf *buf, const struct fl_mcp_offered_tool *tool, bool is_modern);
void fl_mcp_write_prompt(struct fl_buf *buf, const struct fl_mcp_offered_prompt *prompt);
void fl_mcp_write_resource(struct fl_buf *buf, const struct fl_mcp_offered_resource *resource, const char *uri_key);
