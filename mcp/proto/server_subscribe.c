/* SPDX-License-Identifier: MIT */
/* Who hears of changes: legacy sessions (lists always, resources that they subscribed to) and the streams of
 * subscriptions/listen (what their filter names). */
#include "mcp/proto/server_internal.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

enum { ALL_SUBSCRIBED = 1 };

static const struct {
  enum fl_mcp_list list;
  const char *filter, *method;
} CHANGES[] = {
    {FL_MCP_TOOLS, "toolsListChanged", "notifications/tools/list_changed"},
    {FL_MCP_PROMPTS, "promptsListChanged", "notifications/prompts/list_changed"},
    {FL_MCP_RESOURCES, "resourcesListChanged", "notifications/resources/list_changed"},
};
enum { CHANGE_COUNT = sizeof CHANGES / sizeof CHANGES[0] };

/* ---- legacy ---- */

/* A number in place of a value for the map. */
static void *mark(void) { return (void *)(uintptr_t)ALL_SUBSCRIBED; }

static bool is_known(const struct fl_mcp_step *step, const char *uri) {
  const struct fl_mcp_catalog *catalog = &step->session->core->catalog;
  if (fl_mcp_catalog_find(catalog, FL_MCP_RESOURCES, uri) != NULL) return true;
  FL_VALUE_AUTO variables = NULL;
  return fl_mcp_catalog_match(catalog, uri, &variables) != NULL;
}

void fl_mcp_run_subscribe(struct fl_mcp_step *step) {
  struct fl_mcp_server_session *session = step->session;
  const char *uri = fl_get_string(step->params, "uri", "");
  if (!is_known(step, uri)) {
    FL_VALUE_AUTO data = fl_object();
    fl_set_string(data, "uri", uri);
    fl_mcp_reply_error_data(step, FL_RPC_RESOURCE_NOT_FOUND, "Resource not found", data);
    return;
  }
  if (session->subscribed.count >= FL_MCP_URIS_MAX && fl_map_get(&session->subscribed, uri) == NULL) {
    fl_mcp_reply_error(step, FL_RPC_INTERNAL_ERROR, "Too many subscriptions: %d are the most", FL_MCP_URIS_MAX);
    return;
  }
  fl_map_set(&session->subscribed, uri, mark());
  fl_mcp_reply_empty(step);
}

void fl_mcp_run_unsubscribe(struct fl_mcp_step *step) {
  fl_map_remove(&step->session->subscribed, fl_get_string(step->params, "uri", ""));
  fl_mcp_reply_empty(step);
}

/* ---- subscriptions/listen ---- */

static void take_filter(struct fl_mcp_step *step, const struct fl_value *filter,
                        struct fl_mcp_subscription *subscription) {
  bool change = step->session->core->catalog.identity.lists_change;
  for (size_t i = 0; i < CHANGE_COUNT; i++)
    if (change && fl_get_bool(filter, CHANGES[i].filter, false)) subscription->lists |= 1u << CHANGES[i].list;
  const struct fl_value *uris = fl_get(filter, "resourceSubscriptions");
  for (size_t i = 0; i < fl_size(uris); i++) {
    const char *uri = fl_as_string(fl_at(uris, i));
    bool has_room = subscription->uris.count < FL_MCP_URIS_MAX;
    if (uri != NULL && has_room && is_known(step, uri)) fl_map_set(&subscription->uris, uri, mark());
  }
}

static void add_tag(struct fl_buf *buf, const struct fl_mcp_subscription *subscription) {
  fl_buf_add_text(buf, "\"_meta\":{\"" FL_MCP_META_SUBSCRIPTION_ID "\":");
  fl_json_write(buf, subscription->id, FL_JSON_COMPACT);
  fl_buf_add_char(buf, '}');
}

/* The subset that is honoured. */
static void acknowledge(struct fl_mcp_step *step, const struct fl_mcp_subscription *subscription) {
  struct fl_buf *out = &step->effects->out;
  struct fl_rpc_line line = fl_rpc_begin_notification(out, "notifications/subscriptions/acknowledged");
  fl_buf_add_char(out, '{');
  add_tag(out, subscription);
  FL_VALUE_AUTO honoured = fl_object();
  for (size_t i = 0; i < CHANGE_COUNT; i++)
    if ((subscription->lists & 1u << CHANGES[i].list) != 0) fl_set_bool(honoured, CHANGES[i].filter, true);
  struct fl_value *uris = fl_array();
  size_t cursor = 0;
  for (struct fl_map_entry *at; (at = fl_map_next(&subscription->uris, &cursor)) != NULL;)
    fl_append_take(uris, fl_string_n(at->key, at->key_size));
  if (fl_size(uris) > 0) fl_set_take(honoured, "resourceSubscriptions", uris);
  else fl_value_unref(uris);
  fl_buf_add_text(out, ",\"notifications\":");
  fl_json_write(out, honoured, FL_JSON_COMPACT);
  fl_buf_add_char(out, '}');
  if (fl_rpc_end(line) == 0) fl_mcp_send(step->effects, step->session, step->channel, line.start);
}

static void link_subscription(struct fl_mcp_server_session *session, struct fl_mcp_subscription *subscription) {
  subscription->next = session->subscriptions;
  if (subscription->next != NULL) subscription->next->previous = subscription;
  session->subscriptions = subscription;
  if ((session->flags & FL_MCP_STATELESS) == 0) return;
  struct fl_mcp_channel *channel = fl_mcp_channel_at(session, subscription->channel);
  subscription->channel_next = channel->subscriptions;
  channel->subscriptions = subscription;
}

void fl_mcp_run_listen(struct fl_mcp_step *step) {
  struct fl_mcp_server_session *session = step->session;
  fl_mcp_id_key(session, step->channel, step->message->id);
  fl_slice key = fl_buf_slice(&session->key);
  if (fl_map_get_n(&session->subscription_by_id, key) != NULL || fl_map_get_n(&session->calls, key) != NULL) {
    fl_mcp_reply_error(step, FL_RPC_INVALID_REQUEST, "a request with this id is in flight");
    return;
  }
  if (session->subscription_by_id.count >= FL_MCP_SUBSCRIPTIONS_MAX) {
    fl_mcp_reply_error(step, FL_RPC_INTERNAL_ERROR, "Too many subscriptions: %d are the most",
                       FL_MCP_SUBSCRIPTIONS_MAX);
    return;
  }
  struct fl_mcp_subscription *subscription = fl_new(struct fl_mcp_subscription);
  subscription->channel = step->channel;
  subscription->id = fl_value_ref((struct fl_value *)(uintptr_t)step->message->id);
  fl_map_init(&subscription->uris);
  fl_map_set_n(&session->subscription_by_id, key, subscription);
  take_filter(step, fl_get(step->params, "notifications"), subscription);
  link_subscription(session, subscription);
  acknowledge(step, subscription);
}

static void leave_channel(struct fl_mcp_server_session *session, struct fl_mcp_subscription *subscription) {
  if ((session->flags & FL_MCP_STATELESS) == 0) return;
  struct fl_mcp_channel *channel = fl_mcp_channel_at(session, subscription->channel);
  struct fl_mcp_subscription **link = &channel->subscriptions;
  while (*link != NULL && *link != subscription) link = &(*link)->channel_next;
  if (*link != NULL) *link = subscription->channel_next;
  fl_mcp_channel_check(session, channel, subscription->channel);
}

void fl_mcp_subscription_destroy(struct fl_mcp_server_session *session, struct fl_mcp_subscription *subscription) {
  fl_mcp_id_key(session, subscription->channel, subscription->id);
  fl_map_remove_n(&session->subscription_by_id, fl_buf_slice(&session->key));
  leave_channel(session, subscription);
  if (subscription->previous != NULL) subscription->previous->next = subscription->next;
  else session->subscriptions = subscription->next;
  if (subscription->next != NULL) subscription->next->previous = subscription->previous;
  fl_map_deinit(&subscription->uris);
  fl_value_unref(subscription->id);
  fl_free(subscription);
}

/* The page on subscriptions wants a result at the end, the one on cancellation a notification: over a shared channel
 * both are sent; where the channel is a stream of its own the result ends it. */
static void end_subscription(struct fl_mcp_server_session *session, const struct fl_mcp_subscription *subscription,
                             struct fl_mcp_server_effects *effects) {
  struct fl_rpc_line line = fl_rpc_begin_result(&effects->out, subscription->id);
  fl_buf_add_text(line.buf, "{\"resultType\":\"complete\",");
  add_tag(line.buf, subscription);
  fl_buf_add_char(line.buf, '}');
  if (fl_rpc_end(line) == 0) {
    struct fl_mcp_server_effect *effect = fl_mcp_send(effects, session, subscription->channel, line.start);
    effect->is_reply = true;
    effect->http_status = 200;
  }
  if ((session->flags & FL_MCP_STATELESS) != 0) return;
  line = fl_rpc_begin_notification(&effects->out, "notifications/cancelled");
  fl_buf_add_text(line.buf, "{\"requestId\":");
  fl_json_write(line.buf, subscription->id, FL_JSON_COMPACT);
  fl_buf_add_text(line.buf, ",\"reason\":\"the server stops\"}");
  if (fl_rpc_end(line) == 0) fl_mcp_send(effects, session, subscription->channel, line.start);
}

void fl_mcp_server_session_end(struct fl_mcp_server_session *session, struct fl_mcp_server_effects *effects) {
  while (session->subscriptions != NULL) {
    end_subscription(session, session->subscriptions, effects);
    fl_mcp_subscription_destroy(session, session->subscriptions);
  }
}

/* ---- changes ---- */

static void tell(struct fl_mcp_server_session *session, const char *method, const char *uri,
                 const struct fl_mcp_subscription *subscription, struct fl_mcp_server_effects *effects) {
  struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, method);
  fl_buf_add_char(line.buf, '{');
  if (subscription != NULL) add_tag(line.buf, subscription);
  if (uri != NULL) {
    fl_buf_add_text(line.buf, subscription != NULL ? ",\"uri\":" : "\"uri\":");
    fl_rpc_add_text(line.buf, uri);
  }
  fl_buf_add_char(line.buf, '}');
  if (fl_rpc_end(line) == 0)
    fl_mcp_send(effects, session, subscription != NULL ? subscription->channel : 0, line.start);
}

void fl_mcp_server_list_changed(struct fl_mcp_server_session *session, enum fl_mcp_list list,
                                struct fl_mcp_server_effects *effects) {
  if (!session->core->catalog.identity.lists_change) return;
  if (list == FL_MCP_TEMPLATES) list = FL_MCP_RESOURCES;
  for (size_t i = 0; i < CHANGE_COUNT; i++) {
    if (CHANGES[i].list != list) continue;
    if (session->legacy != NULL) tell(session, CHANGES[i].method, NULL, NULL, effects);
    for (const struct fl_mcp_subscription *at = session->subscriptions; at != NULL; at = at->next)
      if ((at->lists & 1u << list) != 0) tell(session, CHANGES[i].method, NULL, at, effects);
  }
}

void fl_mcp_server_resource_updated(struct fl_mcp_server_session *session, const char *uri,
                                    struct fl_mcp_server_effects *effects) {
  static const char method[] = "notifications/resources/updated";
  if (fl_map_get(&session->subscribed, uri) != NULL) tell(session, method, uri, NULL, effects);
  for (const struct fl_mcp_subscription *at = session->subscriptions; at != NULL; at = at->next)
    if (fl_map_get(&at->uris, uri) != NULL) tell(session, method, uri, at, effects);
}
