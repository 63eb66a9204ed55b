/* SPDX-License-Identifier: MIT */
/* Which era, which revision, which tools.
 *
 * Happy path: discover, (initialize, initialized,) tools/list until there is no further page, READY.
 * Failure modes: discover is refused in any way that a modern server would not (initialize follows, on the same
 * process); the server dies of it (RESPAWN, then initialize); nothing comes in time (initialize; then FAILED); no
 * revision in common; pages without end or in a circle; tools that are not tools (logged and left out). */
#include "mcp/proto/client_internal.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <inttypes.h>

enum { MESSAGE_SHOWN_MAX = 500 };

/* ---- requests ---- */

void fl_mcp_client_open_params(const struct fl_mcp_client_session *session, struct fl_buf *buf, int64_t token,
                               const char *call_id) {
  bool is_modern =
      session->state == FL_MCP_PROBING || (session->revision != NULL && session->revision->era == FL_MCP_MODERN);
  const char *comma = "";
  fl_buf_add_text(buf, "{\"_meta\":{");
  if (is_modern) {
    fl_buf_addf(buf,
                "\"" FL_MCP_META_VERSION "\":\"" FL_MCP_REVISION_MODERN "\",\"" FL_MCP_META_CLIENT_INFO
                "\":{\"name\":\"fairlead\",\"version\":\"%s\"},\"" FL_MCP_META_CLIENT_CAPABILITIES "\":{}",
                session->config.client_version);
    comma = ",";
  }
  if (is_modern && token != 0) fl_buf_add_text(buf, ",\"" FL_MCP_META_LOG_LEVEL "\":\"warning\"");
  if (token != 0) {
    fl_buf_addf(buf, "%s\"progressToken\":%" PRId64, comma, token);
    comma = ",";
  }
  if (call_id != NULL) {
    fl_buf_addf(buf, "%s\"" FL_MCP_META_CALL_ID "\":", comma);
    fl_rpc_add_text(buf, call_id);
  }
  fl_buf_add_char(buf, '}');
}

static void send_discover(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  session->state = FL_MCP_PROBING;
  session->was_probed = true;
  session->handshake_id = session->next_id++;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, session->handshake_id, "server/discover");
  fl_mcp_client_open_params(session, line.buf, 0, NULL);
  fl_buf_add_char(line.buf, '}');
  fl_rpc_end(line);
}

void fl_mcp_client_initialize(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  session->state = FL_MCP_INITIALIZING;
  session->probe_deadline_ms = INT64_MAX;
  session->handshake_id = session->next_id++;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, session->handshake_id, "initialize");
  fl_buf_addf(line.buf,
              "{\"protocolVersion\":\"" FL_MCP_REVISION_LEGACY
              "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"fairlead\",\"version\":\"%s\"}}",
              session->config.client_version);
  fl_rpc_end(line);
}

void fl_mcp_client_begin(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  enum fl_mcp_era era = session->config.era != 0 ? session->config.era : session->known_era;
  if (era == FL_MCP_LEGACY) fl_mcp_client_initialize(session, effects);
  else send_discover(session, effects);
}

/* ---- the list of tools ---- */

static void send_list(struct fl_mcp_client_session *session, const char *cursor,
                      struct fl_mcp_client_effects *effects) {
  session->list_id = session->next_id++;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, session->list_id, "tools/list");
  bool is_modern = session->revision->era == FL_MCP_MODERN;
  if (is_modern) fl_mcp_client_open_params(session, line.buf, 0, NULL);
  else fl_buf_add_char(line.buf, '{');
  if (cursor != NULL) {
    fl_buf_add_text(line.buf, is_modern ? ",\"cursor\":" : "\"cursor\":");
    fl_rpc_add_text(line.buf, cursor);
  }
  fl_buf_add_char(line.buf, '}');
  fl_rpc_end(line);
}

static void forget_listing(struct fl_mcp_client_session *session) {
  fl_value_unref(session->page_tools);
  session->page_tools = NULL;
  fl_map_deinit(&session->page_names);
  fl_map_init(&session->page_names);
  session->list_id = 0;
  session->page_count = 0;
}

void fl_mcp_client_list(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_effects *effects) {
  if (session->list_id != 0 || now_ms < session->relist_ms) {
    session->is_list_stale = true;
    return;
  }
  session->is_list_stale = false;
  forget_listing(session);
  session->page_tools = fl_array();
  send_list(session, NULL, effects);
}

/* On a modern server, changes come only to who listens; one that offers none is not asked. */
static void send_listen(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  if (session->revision->era != FL_MCP_MODERN) return;
  if (!fl_get_bool(fl_get(session->capabilities, "tools"), "listChanged", false)) return;
  session->listen_id = session->next_id++;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, session->listen_id, "subscriptions/listen");
  fl_mcp_client_open_params(session, line.buf, 0, NULL);
  fl_buf_add_text(line.buf, ",\"notifications\":{\"toolsListChanged\":true}}");
  fl_rpc_end(line);
}

static void list_complete(struct fl_mcp_client_session *session, int64_t now_ms,
                          struct fl_mcp_client_effects *effects) {
  fl_value_unref(session->tools);
  session->tools = session->page_tools;
  session->page_tools = NULL;
  forget_listing(session);
  session->relist_ms = now_ms + FL_MCP_RELIST_PAUSE_MS;
  if (session->state == FL_MCP_UP) {
    fl_mcp_client_report(effects, FL_MCP_CLIENT_TOOLS_CHANGED);
    return;
  }
  session->state = FL_MCP_UP;
  fl_mcp_client_report(effects, FL_MCP_CLIENT_READY);
  send_listen(session, effects);
  fl_mcp_client_send_waiting(session, effects);
}

/* A listing that fails after READY leaves the old list in force. */
static void list_failed(struct fl_mcp_client_session *session, int64_t now_ms, const char *why,
                        struct fl_mcp_client_effects *effects) {
  forget_listing(session);
  session->relist_ms = now_ms + FL_MCP_RELIST_PAUSE_MS;
  if (session->state == FL_MCP_UP)
    fl_mcp_client_logf(effects, "warning", "tools/list failed, the old list stays: %s", why);
  else fl_mcp_client_fail(session, effects, FL_E_PROTOCOL, ": its tools cannot be listed: %s", why);
}

static void take_tool(struct fl_mcp_client_session *session, struct fl_value *tool,
                      struct fl_mcp_client_effects *effects) {
  const char *name = fl_get_string(tool, "name", NULL);
  if (name == NULL || name[0] == '\0' || !fl_is(fl_get(tool, "inputSchema"), FL_OBJECT)) {
    fl_mcp_client_logf(effects, "warning", "a tool without a name or an input schema is left out: %.100s",
                       name != NULL ? name : "");
    return;
  }
  if (fl_map_set(&session->page_names, name, session) != NULL) {
    fl_mcp_client_logf(effects, "warning", "the tool \"%.100s\" is listed twice; the first one counts", name);
    return;
  }
  fl_append_take(session->page_tools, fl_value_ref(tool));
}

static void take_page(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *result,
                      struct fl_mcp_client_effects *effects) {
  const struct fl_value *tools = fl_get(result, "tools");
  const struct fl_value *next = fl_get(result, "nextCursor");
  session->page_count++;
  if (!fl_is(tools, FL_ARRAY)) {
    list_failed(session, now_ms, "the result has no \"tools\"", effects);
    return;
  }
  for (size_t i = 0; i < fl_size(tools) && fl_size(session->page_tools) < FL_MCP_TOOLS_MAX; i++)
    take_tool(session, fl_at(tools, i), effects);
  bool has_more = fl_is(next, FL_STRING);
  bool is_full = session->page_count == FL_MCP_PAGES_MAX || fl_size(session->page_tools) >= FL_MCP_TOOLS_MAX;
  if (has_more && is_full)
    fl_mcp_client_logf(effects, "warning", "the list of tools is cut after %zu pages and %zu tools",
                       session->page_count, fl_size(session->page_tools));
  if (has_more && !is_full) send_list(session, fl_as_string(next), effects);
  else list_complete(session, now_ms, effects);
}

/* ---- era ---- */

static void keep(struct fl_value **slot, struct fl_value *value) {
  fl_value_unref(*slot);
  *slot = fl_value_ref(value);
}

static void begin_listing(struct fl_mcp_client_session *session, int64_t now_ms,
                          struct fl_mcp_client_effects *effects) {
  session->known_era = session->revision->era;
  session->handshake_id = 0;
  session->probe_deadline_ms = INT64_MAX;
  session->state = FL_MCP_LISTING;
  session->relist_ms = 0;
  forget_listing(session);
  if (fl_is(fl_get(session->capabilities, "tools"), FL_OBJECT)) {
    fl_mcp_client_list(session, now_ms, effects);
    return;
  }
  session->page_tools = fl_array(); /* a server of something else */
  list_complete(session, now_ms, effects);
}

static bool has_text(const struct fl_value *array, const char *text) {
  for (size_t i = 0; i < fl_size(array); i++) {
    const char *element = fl_as_string(fl_at(array, i));
    if (element != NULL && strcmp(element, text) == 0) return true;
  }
  return false;
}

static bool has_legacy(const struct fl_value *versions) {
  const struct fl_mcp_revision *revision;
  for (size_t i = 0; (revision = fl_mcp_revision_at(i)) != NULL; i++)
    if (revision->era == FL_MCP_LEGACY && has_text(versions, revision->name)) return true;
  return false;
}

static void fail_without_version(struct fl_mcp_client_session *session, const struct fl_value *versions,
                                 struct fl_mcp_client_effects *effects) {
  char *text = fl_dump(versions, NULL);
  fl_mcp_client_fail(session, effects, FL_E_VERSION, " speaks none of our protocol revisions, only %.300s", text);
  fl_text_free(text);
}

static void take_discover(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *result,
                          struct fl_mcp_client_effects *effects) {
  const struct fl_value *versions = fl_get(result, "supportedVersions");
  bool insists = session->config.era == FL_MCP_MODERN;
  if (has_text(versions, FL_MCP_REVISION_MODERN)) {
    session->revision = fl_mcp_revision_find(FL_MCP_REVISION_MODERN);
    keep(&session->server_info, fl_get(fl_get(result, "_meta"), FL_MCP_META_SERVER_INFO));
    keep(&session->capabilities, fl_get(result, "capabilities"));
    keep(&session->instructions, fl_get(result, "instructions"));
    begin_listing(session, now_ms, effects);
  } else if (!insists && (!fl_is(versions, FL_ARRAY) || has_legacy(versions))) {
    fl_mcp_client_initialize(session,
                             effects); /* an answer to something else, or a server of both eras that is behind us */
  } else fail_without_version(session, versions, effects);
}

/* Only a modern server knows these codes. */
static bool is_modern_error(const struct fl_value *error) {
  int64_t code = fl_get_int(error, "code", 0);
  return code == FL_RPC_UNSUPPORTED_VERSION || code == FL_RPC_MISSING_CAPABILITY || code == FL_RPC_HEADER_MISMATCH;
}

static void take_discover_error(struct fl_mcp_client_session *session, const struct fl_value *error,
                                struct fl_mcp_client_effects *effects) {
  const struct fl_value *supported = fl_get(fl_get(error, "data"), "supported");
  bool insists = session->config.era == FL_MCP_MODERN;
  if (!insists && (!is_modern_error(error) || has_legacy(supported))) {
    fl_mcp_client_initialize(session, effects);
  } else if (is_modern_error(error) && fl_is(supported, FL_ARRAY)) {
    fail_without_version(session, supported, effects);
  } else {
    fl_mcp_client_fail(session, effects, FL_E_REMOTE, " answers server/discover with error %" PRId64 ": %.*s",
                       fl_get_int(error, "code", 0),
                       fl_rpc_shown(fl_get_string(error, "message", ""), MESSAGE_SHOWN_MAX),
                       fl_get_string(error, "message", ""));
  }
}

static void take_initialize(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *result,
                            struct fl_mcp_client_effects *effects) {
  const char *version = fl_get_string(result, "protocolVersion", "");
  session->revision = fl_mcp_revision_find(version);
  if (session->revision == NULL || session->revision->era != FL_MCP_LEGACY) {
    session->revision = NULL;
    fl_mcp_client_fail(session, effects, FL_E_VERSION,
                       " wants the protocol revision \"%.50s\", which this client does not speak", version);
    return;
  }
  keep(&session->server_info, fl_get(result, "serverInfo"));
  keep(&session->capabilities, fl_get(result, "capabilities"));
  keep(&session->instructions, fl_get(result, "instructions"));
  struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, "notifications/initialized");
  fl_buf_add_text(line.buf, "{}");
  fl_rpc_end(line);
  begin_listing(session, now_ms, effects);
}

static void take_handshake(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_rpc_message *message,
                           struct fl_mcp_client_effects *effects) {
  bool is_error = message->kind == FL_RPC_ERROR;
  if (session->state == FL_MCP_PROBING) {
    if (is_error) take_discover_error(session, message->error, effects);
    else take_discover(session, now_ms, message->result, effects);
  } else if (is_error) {
    fl_mcp_client_fail(session, effects, FL_E_REMOTE, " answers initialize with error %" PRId64 ": %.*s",
                       fl_get_int(message->error, "code", 0),
                       fl_rpc_shown(fl_get_string(message->error, "message", ""), MESSAGE_SHOWN_MAX),
                       fl_get_string(message->error, "message", ""));
  } else take_initialize(session, now_ms, message->result, effects);
}

bool fl_mcp_client_take_response(struct fl_mcp_client_session *session, int64_t now_ms,
                                 const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects) {
  if (!fl_is(message->id, FL_INT)) return false;
  int64_t id = fl_as_int(message->id, 0);
  if (id == 0) return false;
  if (id == session->handshake_id) take_handshake(session, now_ms, message, effects);
  else if (id == session->list_id) {
    if (message->kind == FL_RPC_RESULT) take_page(session, now_ms, message->result, effects);
    else list_failed(session, now_ms, fl_get_string(message->error, "message", ""), effects);
  } else if (id == session->listen_id) {
    session->listen_id = 0;
    fl_mcp_client_logf(effects, "info", "it does not announce changes of its tools any more");
  } else return false;
  return true;
}
