/* SPDX-License-Identifier: MIT */
/* The list of tools: read to its end (up to a cap), kept, read again when it has changed.
 *
 * Failure modes: pages without end or in a circle (cut, and said); tools that are no tools, or that are listed twice,
 * or whose headers cannot be sent (left out, and said); a listing that fails after READY (the old list stays). */
#include "mcp/proto/client_internal.h"
#include "mcp/proto/param_header.h"
#include "runtime/base/mem.h"

enum { TTL_MAX_MS = 24 * 3600 * 1000 };

static void send_list(struct fl_mcp_client_session *session, const char *cursor,
                      struct fl_mcp_client_effects *effects) {
  session->list_id = session->next_id++;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, session->list_id, "tools/list");
  bool is_modern = fl_mcp_client_is_modern(session);
  if (is_modern) fl_mcp_client_open_params(session, line.buf, 0, NULL);
  else fl_buf_add_char(line.buf, '{');
  if (cursor != NULL) {
    fl_buf_add_text(line.buf, is_modern ? ",\"cursor\":" : "\"cursor\":");
    fl_rpc_add_text(line.buf, cursor);
  }
  fl_buf_add_char(line.buf, '}');
  char *kept = fl_strdup(cursor); /* before the old one goes: it may be the same */
  fl_free(session->list_cursor);
  session->list_cursor = kept;
  if (fl_mcp_client_send_plain(session, effects, line, session->list_id, "tools/list") < 0)
    fl_mcp_client_list_failed(session, session->relist_ms, FL_E_LIMIT, "its cursor is too long", effects);
}

void fl_mcp_client_forget_listing(struct fl_mcp_client_session *session) {
  fl_value_unref(session->page_tools);
  session->page_tools = NULL;
  fl_map_deinit(&session->page_names);
  fl_map_init(&session->page_names);
  fl_free(session->list_cursor);
  session->list_cursor = NULL;
  session->list_id = 0;
  session->page_count = 0;
}

void fl_mcp_client_list(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_effects *effects) {
  if (session->list_id != 0 || now_ms < session->relist_ms) {
    session->is_list_stale = true;
    return;
  }
  session->is_list_stale = false;
  fl_mcp_client_forget_listing(session);
  session->page_tools = fl_array();
  send_list(session, NULL, effects);
}

const struct fl_value *fl_mcp_client_find_tool(const struct fl_mcp_client_session *session, const char *name) {
  return fl_map_get(&session->tools_by_name, name);
}

static void keep_tools(struct fl_mcp_client_session *session, struct fl_value *tools) {
  fl_value_unref(session->tools);
  session->tools = tools;
  fl_map_deinit(&session->tools_by_name);
  fl_map_init(&session->tools_by_name);
  for (size_t i = 0; i < fl_size(tools); i++)
    fl_map_set(&session->tools_by_name, fl_get_string(fl_at(tools, i), "name", ""), fl_at(tools, i));
}

/* The server is ready: what waits is sent. */
static void come_up(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  session->state = FL_MCP_UP;
  session->is_renewing = false;
  session->listen_pause_ms = 0;
  fl_mcp_client_report(effects, FL_MCP_CLIENT_READY);
  fl_mcp_client_listen(session, effects);
  fl_mcp_client_send_waiting(session, effects);
}

static void list_complete(struct fl_mcp_client_session *session, int64_t now_ms,
                          struct fl_mcp_client_effects *effects) {
  keep_tools(session, session->page_tools);
  session->page_tools = NULL;
  fl_mcp_client_forget_listing(session);
  session->relist_ms = now_ms + FL_MCP_RELIST_PAUSE_MS;
  if (session->state == FL_MCP_UP) fl_mcp_client_report(effects, FL_MCP_CLIENT_TOOLS_CHANGED);
  else come_up(session, effects);
}

void fl_mcp_client_list_failed(struct fl_mcp_client_session *session, int64_t now_ms, int status, const char *why,
                               struct fl_mcp_client_effects *effects) {
  fl_mcp_client_forget_listing(session);
  session->relist_ms = now_ms + FL_MCP_RELIST_PAUSE_MS;
  if (session->state == FL_MCP_UP)
    fl_mcp_client_logf(effects, "warning", "tools/list failed, the old list stays: %s", why);
  else fl_mcp_client_fail(session, effects, status, ": its tools cannot be listed: %s", why);
}

/* ---- pages ---- */

static void take_tool(struct fl_mcp_client_session *session, struct fl_value *tool,
                      struct fl_mcp_client_effects *effects) {
  const char *name = fl_get_string(tool, "name", NULL);
  struct fl_error err = {0};
  if (name == NULL || name[0] == '\0' || !fl_is(fl_get(tool, "inputSchema"), FL_OBJECT)) {
    fl_mcp_client_logf(effects, "warning", "a tool without a name or an input schema is left out: %.100s",
                       name != NULL ? name : "");
    return;
  }
  bool mirrors = session->config.is_http && fl_mcp_client_is_modern(session);
  if (mirrors && fl_mcp_param_headers_check(fl_get(tool, "inputSchema"), &err) < 0) {
    fl_mcp_client_logf(effects, "warning", "the tool \"%.100s\" is left out: %s", name, err.text);
    return;
  }
  if (fl_map_set(&session->page_names, name, session) != NULL) {
    fl_mcp_client_logf(effects, "warning", "the tool \"%.100s\" is listed twice; the first one counts", name);
    return;
  }
  fl_append_take(session->page_tools, fl_value_ref(tool));
}

/* A modern server that does not tell changes says how long the list holds. */
static void note_time(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *result) {
  int64_t ttl_ms = fl_get_int(result, "ttlMs", 0);
  bool is_told = fl_get_bool(fl_get(session->capabilities, "tools"), "listChanged", false);
  session->tools_until_ms = INT64_MAX;
  if (is_told || ttl_ms <= 0 || !fl_mcp_client_is_modern(session)) return;
  session->tools_until_ms = now_ms + (ttl_ms < TTL_MAX_MS ? ttl_ms : TTL_MAX_MS);
}

static void take_page(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *result,
                      struct fl_mcp_client_effects *effects) {
  const struct fl_value *tools = fl_get(result, "tools");
  const char *next = fl_get_string(result, "nextCursor", NULL);
  session->page_count++;
  if (!fl_is(tools, FL_ARRAY)) {
    fl_mcp_client_list_failed(session, now_ms, FL_E_PROTOCOL, "the result has no \"tools\"", effects);
    return;
  }
  note_time(session, now_ms, result);
  for (size_t i = 0; i < fl_size(tools) && fl_size(session->page_tools) < FL_MCP_TOOLS_MAX; i++)
    take_tool(session, fl_at(tools, i), effects);
  bool turns = next != NULL && session->list_cursor != NULL && strcmp(next, session->list_cursor) == 0;
  bool is_full = session->page_count == FL_MCP_PAGES_MAX || fl_size(session->page_tools) >= FL_MCP_TOOLS_MAX || turns;
  if (next != NULL && is_full)
    fl_mcp_client_logf(effects, "warning", "the list of tools is cut after %zu pages and %zu tools",
                       session->page_count, fl_size(session->page_tools));
  if (next != NULL && !is_full) send_list(session, next, effects);
  else list_complete(session, now_ms, effects);
}

void fl_mcp_client_take_list(struct fl_mcp_client_session *session, int64_t now_ms,
                             const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects) {
  if (message->kind == FL_RPC_RESULT) take_page(session, now_ms, message->result, effects);
  else fl_mcp_client_list_failed(session, now_ms, FL_E_PROTOCOL, fl_get_string(message->error, "message", ""), effects);
}

void fl_mcp_client_begin_listing(struct fl_mcp_client_session *session, int64_t now_ms,
                                 struct fl_mcp_client_effects *effects) {
  session->known_era = session->revision->era;
  session->is_guess = false;
  session->probe_deadline_ms = INT64_MAX;
  session->state = FL_MCP_LISTING;
  session->relist_ms = 0;
  fl_mcp_client_forget_listing(session);
  bool has_tools = fl_is(fl_get(session->capabilities, "tools"), FL_OBJECT);
  if (has_tools) fl_mcp_client_list(session, now_ms, effects);
  else { /* a server of something else */ session->page_tools = fl_array();
    list_complete(session, now_ms, effects);
  }
}
