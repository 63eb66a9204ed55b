/* SPDX-License-Identifier: MIT */
/* Changes that a server announces. A modern one tells them only to who listens (subscriptions/listen: one long request,
 * asked for again when it ends); a legacy one tells them as it likes, and those of a resource to who has subscribed. */
#include "mcp/proto/client_internal.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

enum { AGAIN_FIRST_MS = 1000, AGAIN_LAST_MS = 60 * 1000, FOLLOWED_MAX = 1000 };

static bool announces(const struct fl_mcp_client_session *session, const char *what, const char *how) {
  return fl_get_bool(fl_get(session->capabilities, what), how, false);
}

static bool follows_any(const struct fl_mcp_client_session *session) {
  return fl_size(session->followed) > 0 && announces(session, "resources", "subscribe");
}

/* What the server offers, and nothing else: a filter that it does not know would be refused. NULL: nothing. */
static struct fl_value *make_filter(const struct fl_mcp_client_session *session) {
  struct fl_value *filter = fl_object();
  if (announces(session, "tools", "listChanged")) fl_set_bool(filter, "toolsListChanged", true);
  if (announces(session, "prompts", "listChanged")) fl_set_bool(filter, "promptsListChanged", true);
  if (announces(session, "resources", "listChanged")) fl_set_bool(filter, "resourcesListChanged", true);
  if (follows_any(session)) {
    struct fl_value *uris = fl_array();
    struct fl_member member = {0};
    while (fl_next_member(session->followed, &member)) fl_append_take(uris, fl_string_n(member.key, member.key_size));
    fl_set_take(filter, "resourceSubscriptions", uris);
  }
  if (fl_size(filter) > 0) return filter;
  fl_value_unref(filter);
  return NULL;
}

static void subscribe(struct fl_mcp_client_session *session, const char *method, const char *uri,
                      struct fl_mcp_client_effects *effects) {
  struct fl_value *params = fl_object();
  fl_set_string(params, "uri", uri);
  fl_mcp_client_call_hidden(session, method, params, effects);
}

static void listen_modern(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  FL_VALUE_AUTO filter = make_filter(session);
  if (filter == NULL) return;
  session->listen_id = session->next_id++;
  struct fl_rpc_line line = fl_rpc_begin_request(&effects->out, session->listen_id, "subscriptions/listen");
  fl_mcp_client_open_params(session, line.buf, 0, NULL);
  fl_buf_add_text(line.buf, ",\"notifications\":");
  fl_json_write(line.buf, filter, FL_JSON_COMPACT);
  fl_buf_add_char(line.buf, '}');
  if (fl_mcp_client_send_plain(session, effects, line, session->listen_id, "subscriptions/listen") < 0)
    session->listen_id = 0;
}

void fl_mcp_client_listen(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  session->listen_again_ms = INT64_MAX;
  if (fl_mcp_client_is_modern(session)) {
    listen_modern(session, effects);
    return;
  }
  struct fl_member member = {0};
  while (follows_any(session) && fl_next_member(session->followed, &member))
    subscribe(session, "resources/subscribe", member.key, effects);
}

void fl_mcp_client_listen_acknowledged(struct fl_mcp_client_session *session) { session->listen_pause_ms = 0; }

void fl_mcp_client_listen_ended(struct fl_mcp_client_session *session, int64_t now_ms, bool may_come_back,
                                struct fl_mcp_client_effects *effects) {
  session->listen_id = 0;
  if (!may_come_back) {
    fl_mcp_client_logf(effects, "info", "it does not announce changes any more");
    return;
  }
  uint32_t pause_ms = session->listen_pause_ms;
  session->listen_pause_ms = pause_ms == 0                  ? AGAIN_FIRST_MS
                             : pause_ms * 2 > AGAIN_LAST_MS ? AGAIN_LAST_MS
                                                            : pause_ms * 2;
  session->listen_again_ms = now_ms + session->listen_pause_ms;
  session->is_list_stale =
      session->is_list_stale || announces(session, "tools", "listChanged"); /* may have missed one */
}

/* ---- what has changed ---- */

static void report_change(struct fl_mcp_client_effects *effects, const char *what) {
  fl_mcp_client_report(effects, FL_MCP_CLIENT_CHANGED)->text = fl_strdup(what);
}

void fl_mcp_client_take_change(struct fl_mcp_client_session *session, int64_t now_ms,
                               const struct fl_rpc_message *message, struct fl_mcp_client_effects *effects) {
  if (session->state != FL_MCP_UP) return;
  if (strcmp(message->method, "notifications/tools/list_changed") == 0) {
    fl_mcp_client_cache_forget(session, "tools/list", NULL);
    fl_mcp_client_list(session, now_ms, effects);
  } else if (strcmp(message->method, "notifications/prompts/list_changed") == 0) {
    fl_mcp_client_cache_forget(session, "prompts/list", NULL);
    report_change(effects, "prompts");
  } else if (strcmp(message->method, "notifications/resources/list_changed") == 0) {
    fl_mcp_client_cache_forget(session, "resources/list", NULL);
    fl_mcp_client_cache_forget(session, "resources/templates/list", NULL);
    report_change(effects, "resources");
  } else if (strcmp(message->method, "notifications/resources/updated") == 0) {
    const char *uri = fl_get_string(message->params, "uri", NULL);
    if (uri == NULL) return;
    fl_mcp_client_cache_forget(session, "resources/read", uri);
    report_change(effects, uri);
  }
}

/* ---- resources that are followed ---- */

/* The old request is ended first: a server may allow one of them only. */
static void listen_anew(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  int64_t old = session->listen_id;
  session->listen_id = 0;
  if (old != 0 && !session->config.is_http) {
    struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, "notifications/cancelled");
    fl_buf_addf(line.buf, "{\"requestId\":%lld}", (long long)old);
    fl_mcp_client_send_plain(session, effects, line, 0, "notifications/cancelled");
  }
  fl_mcp_client_drop(session, effects, old);
  fl_mcp_client_listen(session, effects);
}

void fl_mcp_client_subscribe(struct fl_mcp_client_session *session, const char *uri, bool follows,
                             struct fl_mcp_client_effects *effects) {
  bool followed = fl_get(session->followed, uri) != NULL;
  if (followed == follows || (follows && fl_size(session->followed) >= FOLLOWED_MAX)) return;
  if (follows) fl_set_bool(session->followed, uri, true);
  else fl_unset(session->followed, uri);
  if (session->state != FL_MCP_UP || !announces(session, "resources", "subscribe")) return;
  if (fl_mcp_client_is_modern(session)) listen_anew(session, effects);
  else subscribe(session, follows ? "resources/subscribe" : "resources/unsubscribe", uri, effects);
}

void fl_mcp_client_roots_changed(struct fl_mcp_client_session *session, struct fl_mcp_client_effects *effects) {
  if (session->state != FL_MCP_UP || fl_mcp_client_is_modern(session)) return;
  struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, "notifications/roots/list_changed");
  fl_buf_add_text(line.buf, "{}");
  fl_mcp_client_send_plain(session, effects, line, 0, "notifications/roots/list_changed");
}
