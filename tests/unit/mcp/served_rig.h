/* SPDX-License-Identifier: MIT */
/* One server over HTTP in the simulated world, with real sessions and handlers behind it, and peers that speak HTTP as
 * text. */
#pragma once
#include "mcp/serving.h"
#include "mcp/transport/http_server.h"
#include "runtime/base/buf.h"
#include "runtime/io/world_sim.h"
#include "tests/support/support.h"

#include <fairlead/mcp.h>

struct served {
  /* set before it opens */
  const struct fl_tool *tools;
  size_t tool_count;
  void (*on_closing)(void); /* when all streams are gone, before the handlers must be; NULL: nothing */

  struct fl_world *world;
  struct fl_server *server;
  struct fl_serving *serving;
  struct fl_mcp_http *http;
  struct fl_event_log *log;
  struct fl_mcp_server_session *modern;
  bool is_closed;
};
extern struct served served;

/* log_path NULL: the log of events is in memory. */
void served_open(uint64_t seed, struct fl_mcp_http_options options, const char *log_path);
void served_open_in(struct fl_world *world, struct fl_mcp_http_options options, const char *log_path);
void served_close(uint32_t grace_ms); /* and destroys the world */
void served_wait(int ms);

struct served_peer {
  struct fl_sim_connection *connection;
  struct fl_buf got;
  int gone;
};

void served_connect(struct served_peer *peer);
/* `fields` are whole lines; body NULL: none. */
void served_send(struct served_peer *peer, const char *method, const char *fields, const char *body);
/* One request on a connection of its own, and 100 ms. */
void served_ask(struct served_peer *peer, const char *method, const char *fields, const char *body);
void served_free(struct served_peer *peer);        /* hangs up */
int served_status(const struct served_peer *peer); /* 0: no answer */
const char *served_body(const struct served_peer *peer);
bool served_has(const struct served_peer *peer, const char *text);
void served_check(const struct served_peer *peer, int status, const char *text); /* fails unless it got both */

#define ACCEPT "Accept: application/json, text/event-stream\r\n"
#define JSON "Content-Type: application/json\r\n" ACCEPT
#define MODERN_META                                                        \
  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
  "\"io.modelcontextprotocol/clientCapabilities\":{}"
#define MODERN JSON "MCP-Protocol-Version: 2026-07-28\r\n"

#define INITIALIZE                                                                                          \
  "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"," \
  "\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}"
