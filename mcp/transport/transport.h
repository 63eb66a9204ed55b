/* SPDX-License-Identifier: MIT */
/* What carries a client's session: a process and its pipes (process_client.c), or HTTP (http_client.c). The connection
 * (mcp/connection.c) starts it, gives it what the session wants to send, and hears what comes.
 *
 * Rules. (1) No callback comes from inside a function of the table. (2) After a successful start exactly one on_down
 * comes, also after stop; then it may be started again. (3) What callbacks get is lent for the call. */
#pragma once
#include "mcp/proto/client_session.h"
#include "runtime/io/world.h"

struct fl_mcp_transport;

struct fl_mcp_transport_ops {
  /* Errors at once (the command is not there, the address is none): then no callback comes. */
  int (*start)(struct fl_mcp_transport *transport, struct fl_error *err);
  void (*send)(struct fl_mcp_transport *transport, const struct fl_mcp_client_effects *effects);
  void (*stop)(struct fl_mcp_transport *transport);    /* in an orderly way; on_down follows */
  void (*destroy)(struct fl_mcp_transport *transport); /* not between start and on_down */
  /* Adds what is known of why it went wrong, for people; may be NULL. */
  void (*explain)(struct fl_mcp_transport *transport, struct fl_error *err);
};

struct fl_mcp_transport {
  const struct fl_mcp_transport_ops *ops;
  struct fl_world *world;
  /* set by the owner */
  void (*on_message)(struct fl_mcp_transport *transport, int64_t origin, fl_slice message);
  void (*on_too_long)(struct fl_mcp_transport *transport, int64_t origin,
                      fl_slice front); /* a message beyond the limit */
  void (*on_lost)(struct fl_mcp_transport *transport, const struct fl_mcp_client_loss *loss);
  void (*on_log)(struct fl_mcp_transport *transport, const char *level, const char *text);
  void (*on_down)(struct fl_mcp_transport *transport, const char *how); /* "exited with status 1" */
  bool (*awaits)(struct fl_mcp_transport *transport, int64_t id);       /* is an answer to that request of use? */
  void *user;
};

/* Of a message that a server sends. A server takes half of that, see server_session.h: it is called by anybody. */
enum { FL_MCP_CLIENT_MESSAGE_SIZE_MAX = 64 * 1024 * 1024 };

/* A process that speaks lines. Texts are copied; NULL lists are empty; env: NAME=VALUE, NULL-terminated, all of it. */
struct fl_mcp_process_options {
  const char *const *argv, *const *env;
  const char *cwd;
  const char *policy; /* of its sandbox, for the launcher; NULL: none */
  const char *name;   /* whose process it is, for the record of who was given secrets; NULL without any */
  const struct fl_process_secret *secrets; /* for its environment; lent for its life */
  size_t secret_count;
  size_t line_max; /* bytes of a message; 0: FL_MCP_CLIENT_MESSAGE_SIZE_MAX */
};
struct fl_mcp_transport *fl_mcp_process_create(struct fl_world *world, const struct fl_mcp_process_options *options);

/* Streamable HTTP, and HTTP+SSE (2024-11-05) when the server knows nothing else. Copied. Errors: FL_E_INVALID (URL,
 * header). */
struct fl_mcp_auth;
struct fl_mcp_auth_options;
struct fl_mcp_http_options {
  const char *url;
  const char *const *headers;                  /* "Name: value", NULL-terminated, sent with every request; NULL: none */
  struct fl_mcp_auth *auth;                    /* lent; NULL: none, or one of its own, made of: */
  const struct fl_mcp_auth_options *authorize; /* its `url` does not count; NULL: none */
};
int fl_mcp_http_create(struct fl_world *world, const struct fl_mcp_http_options *options,
                       struct fl_mcp_transport **ret_transport, struct fl_error *err);
