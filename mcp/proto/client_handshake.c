/* SPDX-License-Identifier: MIT */
/* Which era, which revision.
 *
 * Happy path: discover, (initialize, initialized,) then the tools (client_list.c), READY.
 * Failure modes: discover is refused in any way that a modern server would not (initialize follows, on the same
 * process); the server dies of it (RESPAWN, then initialize); nothing comes in time (over stdio initialize; then
 * FAILED); no revision in common; over HTTP a status that says nothing about an era (401, 403, 5xx: FAILED). */
#include "mcp/proto/client_internal.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <inttypes.h>

enum { MESSAGE_SHOWN_MAX = 500 };

/* ---- requests ---- */

/* Returns what stands before the next member. */
static const char *add_text(struct fl_buf *buf, const char *comma, const char *key, const char *text) {
  if (text == NULL) return comma;
  fl_buf_addf(buf, "%s\"%s\":", comma, key);
  fl_rpc_add_text(buf, text);
  return ",";
}

void fl_mcp_client_open_params(const struct fl_mcp_client_session *session, struct fl_buf *buf, int64_t token,
                               const struct fl_mcp_client_call *call) {
  bool is_modern = fl_mcp_client_is_modern(session);
  const char *comma = "", *level = session->config.log_level != NULL ? session->config.log_level : "warning";
  fl_buf_add_text(buf, "{\"_meta\":{");
  if (is_modern) {
    fl_buf_addf(buf,
                "\"" FL_MCP_META_VERSION "\":\"" FL_MCP_REVISION_MODERN "\",\"" FL_MCP_META_CLIENT_INFO
                "\":%s,\"" FL_MCP_META_CLIENT_CAPABILITIES "\":%s",
                session->client_info.data, session->capabilities_text.data);
    comma = ",";
  }
  if (is_modern && token != 0) fl_buf_addf(buf, ",\"" FL_MCP_META_LOG_LEVEL "\":\"%s\"", level);
  if (token != 0) {
    fl_buf_addf(buf, "%s\"progressToken\":%" PRId64, comma, token);
    comma = ",";
  }
  if (call != NULL) comma = add_text(buf, comma, FL_MCP_META_CALL_ID, call->call_id);
  if (call != NULL) comma = add_text(buf, comma, "traceparent", call->traceparent);
  if (call != NULL) add_text(buf, comma, "tracestate", call->tracestate);
  fl_buf_add_char(buf, '}');
}

static void send_discover(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  session->state = FL_MCP_PROBING;
  session->was_probed = true;
  session->handshake_id = session->next_id++;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, session->handshake_id, "server/discover");
  fl_mcp_client_open_params(session, line.buf, 0, NULL);
  fl_buf_add_char(line.buf, '}');
  fl_mcp_client_send_plain(session, effects, line, session->handshake_id, "server/discover");
}

void fl_mcp_client_initialize(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  session->state = FL_MCP_INITIALIZING;
  session->revision = NULL;
  session->probe_deadline_ms = INT64_MAX;
  session->handshake_id = session->next_id++;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, session->handshake_id, "initialize");
  fl_buf_addf(line.buf, "{\"protocolVersion\":\"" FL_MCP_REVISION_LEGACY "\",\"capabilities\":%s,\"clientInfo\":%s}",
              session->capabilities_text.data, session->client_info.data);
  fl_mcp_client_send_plain(session, effects, line, session->handshake_id, "initialize");
}

void fl_mcp_client_begin(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  enum fl_mcp_era era = session->config.era != 0 ? session->config.era : session->known_era;
  if (era == FL_MCP_LEGACY) fl_mcp_client_initialize(session, effects);
  else send_discover(session, effects);
}

/* The server does not know our session any more: another one, while the calls that were in flight go on. */
void fl_mcp_client_renew(struct fl_mcp_client_session *session, int64_t now_ms, struct fl_mcp_client_effects *effects) {
  if (session->is_renewing) return;
  session->is_renewing = true;
  session->list_id = session->listen_id = 0;
  session->handshake_deadline_ms = now_ms + session->config.start_timeout_ms;
  fl_mcp_client_asks_gone(session, NULL, effects);
  fl_mcp_client_cache_forget(session, NULL, NULL);
  fl_mcp_client_logf(effects, "info", "the server has forgotten our session; another one is begun");
  fl_mcp_client_begin(session, effects);
}

/* ---- era ---- */

/* Only "legacy" saves a request: a modern server is greeted with server/discover in any case. */
void fl_mcp_client_guess_era(struct fl_mcp_client_session *session, enum fl_mcp_era era) {
  if (era != FL_MCP_LEGACY || session->known_era != 0 || session->config.era != 0) return;
  session->known_era = era;
  session->is_guess = true;
}

enum fl_mcp_era fl_mcp_client_era(const struct fl_mcp_client_session *session) {
  return session->is_guess ? 0 : session->known_era;
}

bool fl_mcp_client_probe_after_all(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  if (!session->is_guess) return false;
  session->is_guess = false;
  session->known_era = 0;
  session->revision = NULL;
  send_discover(session, effects);
  session->probe_deadline_ms = session->handshake_deadline_ms - session->config.start_timeout_ms / 2;
  return true;
}

static void keep(struct fl_value **slot, struct fl_value *value) {
  fl_value_unref(*slot);
  *slot = fl_value_ref(value);
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
    fl_mcp_client_begin_listing(session, now_ms, effects);
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

static void fail_of_error(struct fl_mcp_client_session *session, const char *method, const struct fl_value *error,
                          struct fl_mcp_client_effects *effects) {
  const char *text = fl_get_string(error, "message", "");
  fl_mcp_client_fail(session, effects, FL_E_REMOTE, " answers %s with error %" PRId64 ": %.*s", method,
                     fl_get_int(error, "code", 0), fl_rpc_shown(text, MESSAGE_SHOWN_MAX), text);
}

/* A server that refuses our revision and names it as one of its own is asked once more. */
static bool is_worth_another(struct fl_mcp_client_session *session, const struct fl_value *error) {
  if (session->was_probed_twice || fl_get_int(error, "code", 0) != FL_RPC_UNSUPPORTED_VERSION) return false;
  session->was_probed_twice = true;
  return has_text(fl_get(fl_get(error, "data"), "supported"), FL_MCP_REVISION_MODERN);
}

static void take_discover_error(struct fl_mcp_client_session *session, const struct fl_value *error,
                                struct fl_mcp_client_effects *effects) {
  const struct fl_value *supported = fl_get(fl_get(error, "data"), "supported");
  bool insists = session->config.era == FL_MCP_MODERN;
  if (is_worth_another(session, error)) send_discover(session, effects);
  else if (!insists && (!is_modern_error(error) || has_legacy(supported))) fl_mcp_client_initialize(session, effects);
  else if (is_modern_error(error) && fl_is(supported, FL_ARRAY)) fail_without_version(session, supported, effects);
  else fail_of_error(session, "server/discover", error, effects);
}

static void take_initialize(struct fl_mcp_client_session *session, int64_t now_ms, const struct fl_value *result,
                            struct fl_mcp_client_effects *effects) {
  const char *version = fl_get_string(result, "protocolVersion", "");
  session->revision = fl_mcp_revision_find(version);
  if (session->revision == NULL || session->revision->era != FL_MCP_LEGACY) {
    session->revision = NULL;
    if (fl_mcp_client_probe_after_all(session, effects)) return;
    fl_mcp_client_fail(session, effects, FL_E_VERSION,
                       " wants the protocol revision \"%.50s\", which this client does not speak", version);
    return;
  }
  keep(&session->server_info, fl_get(result, "serverInfo"));
  keep(&session->capabilities, fl_get(result, "capabilities"));
  keep(&session->instructions, fl_get(result, "instructions"));
  struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, "notifications/initialized");
  fl_buf_add_text(line.buf, "{}");
  fl_mcp_client_send_plain(session, effects, line, 0, "notifications/initialized");
  fl_mcp_client_begin_listing(session, now_ms, effects);
}

void fl_mcp_client_take_handshake(struct fl_mcp_client_session *session, int64_t now_ms,
                                  const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects) {
  bool is_error = message->kind == FL_RPC_ERROR;
  session->handshake_id = 0;
  if (session->state == FL_MCP_PROBING) {
    if (is_error) take_discover_error(session, message->error, effects);
    else take_discover(session, now_ms, message->result, effects);
  } else if (is_error) {
    if (!fl_mcp_client_probe_after_all(session, effects)) fail_of_error(session, "initialize", message->error, effects);
  } else take_initialize(session, now_ms, message->result, effects);
}

/* Whether an HTTP status could come from a server that merely does not know what a modern request is. */
static bool is_status_of_legacy(int status) {
  return status >= 400 && status < 500 && status != 401 && status != 403 && status != 407 && status != 408 &&
         status != 425 && status != 429;
}

void fl_mcp_client_handshake_lost(struct fl_mcp_client_session *session, const struct fl_mcp_client_loss *loss,
                                  struct fl_mcp_client_effects *effects) {
  bool may_fall_back = session->state == FL_MCP_PROBING && session->config.era == 0;
  session->handshake_id = 0;
  if (may_fall_back && is_status_of_legacy(loss->http_status)) fl_mcp_client_initialize(session, effects);
  else if (is_status_of_legacy(loss->http_status) && fl_mcp_client_probe_after_all(session, effects)) return;
  else fl_mcp_client_fail(session, effects, loss->status, " cannot be reached: %s", loss->text);
}
