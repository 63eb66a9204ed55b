/* SPDX-License-Identifier: MIT */
/* HTTP+SSE, the transport of 2024-11-05: one GET stream on which everything comes, and a URL for what goes out, which
 * the stream's first event names.
 *
 * Happy path: GET, event `endpoint`, the refused `initialize` is sent there; messages come as events.
 * Failure modes: no stream of events (`initialize` was lost as it was); an endpoint of another origin (likewise;
 * nothing is sent there); the stream ends (the connection is down). */
#include "mcp/transport/http_client.h"
#include "runtime/base/mem.h"

#include <stdio.h>

enum { ENDPOINT_TIMEOUT_MS = 10 * 1000 };

static struct http_request *find_waiting_initialize(const struct http_client *client) {
  struct http_request *request = client->first;
  while (request != NULL && !(request->is_initialize && request->is_waiting)) request = request->next;
  return request;
}

static void refuse(struct http_client *client, int status, int http_status, const char *text) {
  struct http_request *request = find_waiting_initialize(client);
  if (request == NULL) return;
  struct fl_mcp_client_loss loss = {.id = request->id, .status = status, .http_status = http_status, .text = text};
  http_request_free(request);
  client->transport.on_lost(&client->transport, &loss);
}

static void take_endpoint(struct http_request *stream, fl_slice reference) {
  struct http_client *client = stream->client;
  struct http_request *request = find_waiting_initialize(client);
  struct fl_url base = {0}, target = {0};
  if (client->post_url != NULL || request == NULL) return;
  bool is_good = fl_url_parse(fl_slice_of(client->url), FL_URL_HTTP, &base, NULL) == 0 &&
                 fl_url_resolve(&base, reference, FL_URL_HTTP, &target, NULL) == 0 &&
                 fl_url_is_same_origin(&base, &target);
  if (is_good) {
    client->post_url = fl_url_format(&target);
    fl_free(request->exchange.url);
    request->exchange.url = fl_strdup(client->post_url);
    request->is_waiting = false;
    fl_timer_stop(client->transport.world, &stream->timer);
    http_request_start(request);
  } else {
    refuse(client, FL_E_PROTOCOL, 0, "the endpoint that its event stream names is of another origin");
    fl_mcp_exchange_cancel(&stream->exchange);
  }
  fl_url_deinit(&base);
  fl_url_deinit(&target);
}

static void on_event(struct fl_mcp_exchange *exchange, const char *type, fl_slice message) {
  struct http_request *stream = exchange->user;
  if (strcmp(type, "endpoint") == 0) take_endpoint(stream, message);
  else if (strcmp(type, "") != 0) http_on_message(exchange, type, message);
}

static void on_over(struct fl_mcp_exchange *exchange, const struct fl_mcp_exchange_end *end) {
  struct http_request *stream = exchange->user;
  struct http_client *client = stream->client;
  bool was_in_use = client->post_url != NULL;
  stream->is_ending = true;
  char text[200];
  snprintf(text, sizeof text, "HTTP status %d, also as HTTP+SSE (%s)", stream->refused_status,
           end->status != 0 ? "no stream of events" : "no endpoint");
  if (!client->is_stopping && !was_in_use) refuse(client, FL_E_REMOTE, stream->refused_status, text);
  if (!client->is_stopping && was_in_use) {
    client->down_text = "closed its stream of events";
    http_request_free(stream);
    client->transport.ops->stop(&client->transport);
    return;
  }
  http_request_free(stream);
}

static void on_silence(struct fl_timer *timer) {
  struct http_request *stream = timer->user;
  fl_mcp_exchange_cancel(&stream->exchange);
}

bool http_sse_fall_back(struct http_request *request) {
  struct http_client *client = request->client;
  if (client->post_url != NULL || request->exchange.http_status == 0) return false;
  request->is_waiting = true;
  request->is_ending = false;
  struct http_request *stream = http_request_new(client, HTTP_SSE, "GET");
  stream->refused_status = request->exchange.http_status;
  stream->exchange.on_message = on_event;
  stream->exchange.on_over = on_over;
  stream->timer = (struct fl_timer){.on_fire = on_silence, .user = stream};
  fl_timer_start(client->transport.world, &stream->timer, ENDPOINT_TIMEOUT_MS);
  http_request_start(stream);
  return true;
}
