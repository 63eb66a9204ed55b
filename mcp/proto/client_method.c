/* SPDX-License-Identifier: MIT */
#include "mcp/proto/client_internal.h"

static const struct fl_mcp_client_method METHODS[] = {
    {.name = "tools/call", .capability = "tools", .name_key = "name"},
    {.name = "tools/list", .capability = "tools", .list_key = "tools", .is_cached = true},
    {.name = "prompts/list", .capability = "prompts", .list_key = "prompts", .is_cached = true},
    {.name = "prompts/get", .capability = "prompts", .name_key = "name"},
    {.name = "resources/list", .capability = "resources", .list_key = "resources", .is_cached = true},
    {.name = "resources/templates/list", .capability = "resources", .list_key = "resourceTemplates", .is_cached = true},
    {.name = "resources/read", .capability = "resources", .name_key = "uri", .is_cached = true},
    {.name = "resources/subscribe", .capability = "resources", .era = FL_MCP_LEGACY},
    {.name = "resources/unsubscribe", .capability = "resources", .era = FL_MCP_LEGACY},
    {.name = "completion/complete", .capability = "completions"},
    {.name = "logging/setLevel", .capability = "logging", .era = FL_MCP_LEGACY},
    {.name = "ping", .era = FL_MCP_LEGACY},
    {.name = "server/discover", .era = FL_MCP_MODERN, .is_cached = true},
    {.name = "skills/list", .list_key = "skills", .is_cached = true},
    {.name = "tasks/get", .name_key = "taskId"},
    {.name = "tasks/update", .name_key = "taskId"},
    {.name = "tasks/cancel", .name_key = "taskId"},
};

const struct fl_mcp_client_method *fl_mcp_client_method_find(const char *name) {
  for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++)
    if (strcmp(METHODS[i].name, name) == 0) return &METHODS[i];
  return NULL;
}
