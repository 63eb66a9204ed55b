/* SPDX-License-Identifier: MIT */
/* Where the browser comes back: a listener on loopback (RFC 8252, section 7.3) for as long as the visit lasts. It takes
 * one path, answers with a page that says that the window can be closed, and hands the URL on.
 *
 * The port is the one that was registered before, where that is free: many servers want the very same redirect. */
#include "mcp/auth/auth_internal.h"
#include "runtime/base/mem.h"
#include "runtime/io/http_server.h"

#include <stdio.h>

#define LISTEN_ADDRESS "127.0.0.1"
#define LISTEN_ORIGIN "http://" LISTEN_ADDRESS ":"
#define LISTEN_PATH "/callback"
enum { LISTEN_GRACE_MS = 2000, LISTEN_CONNECTIONS_MAX = 16, LISTEN_TIMEOUT_MS = 5000 };

static const char page[] = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>fairlead</title>\n"
                           "<p>fairlead has its answer. This window can be closed.</p>\n";

static void reply(struct fl_http_exchange *exchange, int status, const char *type, const char *text) {
  static const char fields[] = "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
                               "Content-Security-Policy: default-src 'none'\r\n";
  struct fl_http_reply answer = {
      .status = status, .content_type = type, .fields = FL_SLICE(fields), .body = fl_slice_of(text)};
  fl_http_reply(exchange, &answer);
}

static void on_request(struct fl_http_exchange *exchange, const struct fl_http1_head *head, void *user) {
  struct fl_mcp_auth *auth = user;
  bool is_get = head->method == FL_HTTP1_GET;
  if (!is_get || !auth->is_visiting || !fl_slice_starts(head->target, FL_SLICE(LISTEN_PATH "?"))) {
    reply(exchange, 404, "text/plain; charset=utf-8", "There is nothing here.\n");
    return;
  }
  char *url = fl_format("%s%u%.*s", LISTEN_ORIGIN, (unsigned)fl_http_server_port(auth->listener),
                        (int)head->target.size, head->target.data);
  reply(exchange, 200, "text/html; charset=utf-8", page);
  fl_mcp_auth_redirected(auth, url);
  fl_wipe_text(url);
}

/* ---- which port ---- */

static void look_for_port(const struct fl_value *record, void *user) {
  const char *uri = fl_get_string(fl_get(record, "client"), "redirect_uri", "");
  unsigned port = 0;
  if (strncmp(uri, LISTEN_ORIGIN, strlen(LISTEN_ORIGIN)) == 0 &&
      sscanf(uri + strlen(LISTEN_ORIGIN), "%5u", &port) == 1 && port <= UINT16_MAX)
    *(uint16_t *)user = (uint16_t)port;
}

static int try_port(struct fl_mcp_auth *auth, uint16_t port, struct fl_error *err) {
  struct fl_http_server_options options = {
      .size = sizeof options,
      .listen = {.size = sizeof options.listen, .address = LISTEN_ADDRESS, .port = port},
      .connections_max = LISTEN_CONNECTIONS_MAX,
      .head_timeout_ms = LISTEN_TIMEOUT_MS,
      .idle_timeout_ms = LISTEN_TIMEOUT_MS,
      .on_request = on_request,
      .user = auth};
  return fl_http_server_open(auth->world, &options, &auth->listener, err);
}

int auth_listen_open(struct fl_mcp_auth *auth, struct fl_error *err) {
  uint16_t port = 0;
  fl_auth_store_visit(auth->store, look_for_port, &port, NULL, NULL); /* without one, any will do */
  int failure = port != 0 ? try_port(auth, port, NULL) : FL_E_NOT_FOUND;
  if (failure != 0) failure = try_port(auth, 0, err);
  if (failure != 0) {
    fl_error_context(err, "there is no place for the browser to come back to");
    return failure;
  }
  auth->redirect_uri = fl_format(LISTEN_ORIGIN "%u" LISTEN_PATH, (unsigned)fl_http_server_port(auth->listener));
  return 0;
}

static void on_listener_closed(void *user) {
  struct fl_mcp_auth *auth = user;
  auth->closing_listeners--;
  auth_wake(auth);
}

void auth_listen_close(struct fl_mcp_auth *auth) {
  if (auth->listener == NULL) return;
  auth->closing_listeners++;
  fl_http_server_close(auth->listener, LISTEN_GRACE_MS, on_listener_closed, auth);
  auth->listener = NULL;
}
