/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include "mcp/proto/version.h"
#include "runtime/base/mem.h"
#include "runtime/wire/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MODERN_END ",\"ttlMs\":0,\"cacheScope\":\"public\"}"

/* ---- messages ---- */

static const char *of_era(bool is_modern, const char *modern, const char *legacy) {
  return is_modern ? modern : legacy;
}

static bool is_modern_message(const struct fl_value *message) {
  const struct fl_value *meta = fl_get(fl_get(message, "params"), "_meta");
  return fl_get(meta, FL_MCP_META_VERSION) != NULL;
}

static char *result_of(const struct fl_value *message, const char *result) {
  char *text = NULL, *id = fl_dump(fl_get(message, "id"), NULL);
  if (asprintf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}", id, result) < 0) abort();
  fl_text_free(id);
  return text;
}

static char *error_of(const struct fl_value *message, int code, const char *more) {
  char *text = NULL, *id = fl_dump(fl_get(message, "id"), NULL);
  if (asprintf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":\"no\"%s}}", id, code, more) <
      0)
    abort();
  fl_text_free(id);
  return text;
}

static char *list_tools(struct peer *peer, const struct fl_value *message, bool is_modern) {
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, of_era(is_modern, "{\"resultType\":\"complete\",\"tools\":[", "{\"tools\":["));
  static const char *const names[] = {"echo", "never", "moody"};
  for (int i = 0; i < 3 + peer->tool_count; i++) {
    fl_buf_addf(&text, "%s{\"name\":\"", i > 0 ? "," : "");
    if (i < 3) fl_buf_add_text(&text, names[i]);
    else fl_buf_addf(&text, "tool%d", i);
    fl_buf_add_text(&text, "\",\"inputSchema\":{\"type\":\"object\"}}");
  }
  fl_buf_add_text(&text, of_era(is_modern, "]" MODERN_END, "]}"));
  peer->list_count++;
  if (peer->changes) peer->tool_count++;
  return result_of(message, text.data);
}

static char *call_tool(struct peer *peer, const struct fl_value *message, bool is_modern) {
  const struct fl_value *params = fl_get(message, "params");
  const char *name = fl_get_string(params, "name", "");
  peer->call_count++;
  if (strcmp(name, "never") == 0) return NULL;
  FL_VALUE_AUTO said = fl_string(fl_get_string(fl_get(params, "arguments"), "text", "nothing"));
  char *quoted = fl_dump(said, NULL);
  FL_BUF_AUTO text = {0};
  fl_buf_addf(&text, "{%s\"content\":[{\"type\":\"text\",\"text\":%s}]}",
              of_era(is_modern, "\"resultType\":\"complete\",", ""), quoted);
  fl_text_free(quoted);
  return result_of(message, text.data);
}

static char *discover(struct peer *peer, const struct fl_value *message) {
  peer->discover_count++;
  if (!peer->is_modern) return error_of(message, -32601, "");
  return result_of(message, "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{"
                            "\"tools\":{\"listChanged\":true}}" MODERN_END);
}

static char *initialize(struct peer *peer, const struct fl_value *message) {
  if (!peer->is_legacy)
    return error_of(message, -32022, ",\"data\":{\"supported\":[\"2026-07-28\"],\"requested\":\"2025-11-25\"}");
  peer->initialize_count++;
  return result_of(message, "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{\"listChanged\":true}},"
                            "\"serverInfo\":{\"name\":\"peer\",\"version\":\"1\"}}");
}

char *peer_answer(struct peer *peer, const struct fl_value *message) {
  const char *method = fl_get_string(message, "method", "");
  bool is_modern = is_modern_message(message);
  if (strcmp(method, "notifications/cancelled") == 0) peer->cancelled_count++;
  if (fl_get(message, "id") == NULL) return NULL;
  if (strcmp(method, "server/discover") == 0) return discover(peer, message);
  if (strcmp(method, "initialize") == 0) return initialize(peer, message);
  if (is_modern ? !peer->is_modern : peer->session_number == 0 && peer->initialize_count == 0)
    return error_of(message, -32600, "");
  if (strcmp(method, "tools/list") == 0) return list_tools(peer, message, is_modern);
  if (strcmp(method, "tools/call") == 0) return call_tool(peer, message, is_modern);
  if (strcmp(method, "subscriptions/listen") != 0) return error_of(message, -32601, "");
  peer->listen_count++;
  return NULL;
}

/* ---- over a process ---- */

struct line_peer {
  struct peer *peer;
  struct fl_lines lines;
  struct fl_sim_peer *process;
};

static int on_line(int status, fl_slice line, void *user) {
  struct line_peer *here = user;
  FL_VALUE_AUTO message = NULL;
  if (status != 0 || fl_parse(line.data, line.size, &message, NULL) < 0) abort();
  char *answer = peer_answer(here->peer, message);
  if (answer == NULL) return 0;
  fl_sim_stdout(here->process, 1, fl_slice_of(answer));
  fl_sim_stdout(here->process, 0, FL_SLICE("\n"));
  free(answer);
  return 0;
}

static void on_start(struct fl_sim_peer *process) {
  struct line_peer *here = fl_new(struct line_peer);
  *here = (struct line_peer){.peer = fl_sim_peer_user(process), .process = process};
  here->peer->process = process;
  fl_lines_init(&here->lines, 0);
  fl_sim_peer_set_user(process, here);
}

static void on_stdin(struct fl_sim_peer *process, fl_slice data) {
  struct line_peer *here = fl_sim_peer_user(process);
  fl_lines_feed(&here->lines, data, on_line, here);
}

static void on_process_gone(struct fl_sim_peer *process) {
  struct line_peer *here = fl_sim_peer_user(process);
  here->peer->process = NULL;
  fl_lines_deinit(&here->lines);
  fl_free(here);
}

/* ---- over HTTP ---- */

void peer_respond(struct fl_sim_exchange *exchange, int status, const char *type, const char *body) {
  char header[100];
  snprintf(header, sizeof header, "Content-Type: %s", type);
  fl_sim_respond(exchange, 1, status, (const char *const[]){header, NULL});
  if (body != NULL) fl_sim_body(exchange, 0, fl_slice_of(body));
  fl_sim_finish(exchange, 0);
}

void peer_respond_stream(struct fl_sim_exchange *exchange) {
  fl_sim_respond(exchange, 1, 200, (const char *const[]){"content-type: text/event-stream; charset=utf-8", NULL});
}

void peer_event(struct fl_sim_exchange *exchange, const char *data) {
  FL_BUF_AUTO text = {0};
  fl_buf_addf(&text, "event: message\ndata: %s\n\n", data);
  fl_sim_body(exchange, 0, fl_buf_slice(&text));
}

static void need(struct peer *peer, struct fl_sim_exchange *exchange, const char *name, const char *value) {
  const char *given = fl_sim_request_header(exchange, name);
  if (given == NULL || (value != NULL && strcmp(given, value) != 0)) peer->missing_count++;
}

static bool knows_session(const struct peer *peer, const struct fl_sim_exchange *exchange) {
  char id[32];
  snprintf(id, sizeof id, "session-%d", peer->session_number);
  const char *given = fl_sim_request_header(exchange, "Mcp-Session-Id");
  return !peer->has_session || (given != NULL && strcmp(given, id) == 0);
}

static void check_headers(struct peer *peer, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  const char *method = fl_get_string(message, "method", NULL);
  need(peer, exchange, "Content-Type", "application/json");
  need(peer, exchange, "Accept", "application/json, text/event-stream");
  if (is_modern_message(message)) {
    need(peer, exchange, "MCP-Protocol-Version", "2026-07-28");
    need(peer, exchange, "Mcp-Method", method);
    if (strcmp(method, "tools/call") == 0)
      need(peer, exchange, "Mcp-Name", fl_get_string(fl_get(message, "params"), "name", ""));
  } else if (method == NULL || strcmp(method, "initialize") != 0)
    need(peer, exchange, "MCP-Protocol-Version", "2025-06-18");
}

static void take_get(struct peer *peer, struct fl_sim_exchange *exchange) {
  peer->get_count++;
  need(peer, exchange, "Accept", "text/event-stream");
  if (peer->get_status != 200) {
    peer_respond(exchange, peer->get_status, "text/plain", "no");
    return;
  }
  peer_respond_stream(exchange);
  peer->stream = exchange;
}

static void answer_post(struct peer *peer, struct fl_sim_exchange *exchange, const struct fl_value *message,
                        const char *answer) {
  const char *method = fl_get_string(message, "method", "");
  char id[60];
  if (strcmp(method, "initialize") == 0 && peer->has_session && peer->is_legacy) {
    snprintf(id, sizeof id, "Mcp-Session-Id: session-%d", ++peer->session_number);
    fl_sim_respond(exchange, 1, 200, (const char *const[]){"Content-Type: application/json", id, NULL});
    fl_sim_body(exchange, 0, fl_slice_of(answer));
    fl_sim_finish(exchange, 0);
  } else if (strstr(answer, "\"error\"") != NULL) peer_respond(exchange, 400, "application/json", answer);
  else if (peer->answers_as_stream) {
    char progress[200];
    snprintf(progress, sizeof progress,
             "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%" PRId64
             ",\"progress\":1}}",
             fl_get_int(message, "id", 0));
    peer_respond_stream(exchange);
    peer_event(exchange, progress);
    peer_event(exchange, answer);
    fl_sim_finish(exchange, 1);
  } else peer_respond(exchange, 200, "application/json", answer);
}

static void take_post(struct peer *peer, struct fl_sim_exchange *exchange, const struct fl_value *message) {
  const char *method = fl_get_string(message, "method", "");
  bool begins = strcmp(method, "initialize") == 0 || is_modern_message(message);
  check_headers(peer, exchange, message);
  if (!begins && !knows_session(peer, exchange)) {
    peer_respond(exchange, 404, "text/plain", "no such session");
    return;
  }
  char *answer = peer_answer(peer, message);
  if (answer != NULL) answer_post(peer, exchange, message, answer);
  else if (fl_get(message, "id") == NULL) peer_respond(exchange, 202, "text/plain", NULL);
  else peer_respond_stream(exchange); /* a call that never ends, or what listens */
  if (strcmp(method, "subscriptions/listen") == 0) peer->stream = exchange;
  free(answer);
}

static void on_request(struct fl_sim_exchange *exchange) {
  struct peer *peer = fl_sim_exchange_user(exchange);
  fl_slice body = fl_sim_request_body(exchange);
  FL_VALUE_AUTO message = NULL;
  if (body.size > 0 && fl_parse(body.data, body.size, &message, NULL) < 0) abort();
  if (peer->on_request != NULL && peer->on_request(peer, exchange, message)) return;
  const char *method = fl_sim_request_method(exchange);
  if (strcmp(method, "GET") == 0) take_get(peer, exchange);
  else if (strcmp(method, "DELETE") == 0) {
    peer->delete_count += knows_session(peer, exchange);
    peer_respond(exchange, 200, "text/plain", NULL);
  } else take_post(peer, exchange, message);
}

static void on_exchange_gone(struct fl_sim_exchange *exchange) {
  struct peer *peer = fl_sim_exchange_user(exchange);
  if (peer->stream == exchange) peer->stream = NULL;
  if (!fl_sim_exchange_cancelled(exchange)) return;
  peer->closed_count++;
  peer->closed_ms = fl_world_now_ms(peer->world);
}

void peer_install(struct peer *peer, struct fl_world *world) {
  struct fl_sim_program program = {
      .name = "peer", .on_start = on_start, .on_stdin = on_stdin, .on_gone = on_process_gone, .user = peer};
  struct fl_sim_server server = {
      .url_prefix = "http://mcp.test/", .on_request = on_request, .on_gone = on_exchange_gone, .user = peer};
  peer->world = world;
  fl_world_sim_program(world, &program);
  fl_world_sim_server(world, &server);
}
