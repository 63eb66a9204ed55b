/* SPDX-License-Identifier: MIT */
#include "mcp/proto/version.h"

#include <string.h>

static const struct fl_mcp_revision REVISIONS[] = {
    {.name = FL_MCP_REVISION_MODERN, .era = FL_MCP_MODERN, .has_structured = true, .has_messages = true},
    {.name = FL_MCP_REVISION_LEGACY, .era = FL_MCP_LEGACY, .has_structured = true, .has_messages = true},
    {.name = "2025-06-18",
     .era = FL_MCP_LEGACY,
     .has_structured = true,
     .has_messages = true,
     .error_has_null_id = true},
    {.name = "2025-03-26", .era = FL_MCP_LEGACY, .has_batches = true, .has_messages = true, .error_has_null_id = true},
    {.name = "2024-11-05", .era = FL_MCP_LEGACY, .error_has_null_id = true},
};

const struct fl_mcp_revision *fl_mcp_revision_at(size_t index) {
  return index < sizeof REVISIONS / sizeof REVISIONS[0] ? &REVISIONS[index] : NULL;
}

const struct fl_mcp_revision *fl_mcp_revision_find(const char *name) {
  const struct fl_mcp_revision *revision;
  for (size_t i = 0; name != NULL && (revision = fl_mcp_revision_at(i)) != NULL; i++)
    if (strcmp(revision->name, name) == 0) return revision;
  return NULL;
}
