/* SPDX-License-Identifier: MIT */
/* The revisions of the protocol and what sets them apart. Two eras: legacy (2024-11-05 to 2025-11-25, opened by
 * `initialize`) and modern (2026-07-28, every request carries its revision). Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum fl_mcp_era { FL_MCP_LEGACY = 1, FL_MCP_MODERN = 2 };

struct fl_mcp_revision {
  const char *name;
  enum fl_mcp_era era;
  bool has_batches;       /* JSON-RPC batches must be understood (2025-03-26 alone) */
  bool has_structured;    /* structuredContent, outputSchema, title */
  bool has_messages;      /* progress notifications may carry a message */
  bool error_has_null_id; /* an error about an unreadable message has "id": null (JSON-RPC); later schemas leave it out
                           */
};

#define FL_MCP_REVISION_MODERN "2026-07-28"
#define FL_MCP_REVISION_LEGACY "2025-11-25" /* the newest of its era */

#define FL_MCP_META_VERSION "io.modelcontextprotocol/protocolVersion"
#define FL_MCP_META_CLIENT_INFO "io.modelcontextprotocol/clientInfo"
#define FL_MCP_META_CLIENT_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define FL_MCP_META_LOG_LEVEL "io.modelcontextprotocol/logLevel"
#define FL_MCP_META_SERVER_INFO "io.modelcontextprotocol/serverInfo"
#define FL_MCP_META_SUBSCRIPTION_ID "io.modelcontextprotocol/subscriptionId"
#define FL_MCP_EXTENSION_TASKS "io.modelcontextprotocol/tasks"
#define FL_MCP_EXTENSION_SKILLS "io.modelcontextprotocol/skills"
/* Ours: what makes a repeated call recognisable as the same one. */
#define FL_MCP_META_CALL_ID "fairlead/callId"

const struct fl_mcp_revision *fl_mcp_revision_find(const char *name); /* NULL when unknown */
const struct fl_mcp_revision *fl_mcp_revision_at(size_t index);       /* newest first; NULL past the end */
