/* SPDX-License-Identifier: MIT */
/* The MCP client as a source of tools: starts a server process or reaches one over HTTP, finds out which era it speaks,
 * lists its tools (all pages), follows list_changed, and calls. A server that dies is restarted with back-off; one
 * connection serves all runs. */
#pragma once
#include "tools/source.h"

struct fl_mcp_auth;

/* Of a server's calls; 0: ours. */
struct fl_mcp_limits {
  int64_t start_ms;      /* until it has listed its tools */
  int64_t call_ms;       /* for one call in all */
  int64_t output;        /* bytes of a result */
  int64_t line;          /* bytes of one message that it writes */
  int64_t concurrent;    /* calls at a time; one more waits */
  int64_t rate, rate_ms; /* calls in so many milliseconds; one more is refused */
};

struct fl_mcp_client_options {
  size_t size;
  const char *name;        /* the server's name in the graph file */
  const char *const *argv; /* stdio: the command */
  const char *const *env;  /* NAME=VALUE beside the inherited ones; NULL: none. Secrets of ours are not inherited. */
  const char *cwd;
  const char *policy;                      /* of its sandbox, for the launcher; NULL: none */
  const char *const *allowed_env;          /* with a policy: names of variables that it may see, of ours and of `env` */
  const struct fl_process_secret *secrets; /* with a policy: variables that it gets besides; lent for its life */
  size_t secret_count;
  struct fl_mcp_limits limits;
  const char *url;            /* HTTP, instead of a command */
  const char *const *headers; /* HTTP: "Name: value", NULL-terminated; NULL: none */
  struct fl_mcp_auth *auth;   /* HTTP; lent; NULL: one of its own, with tokens from where `mcp login` keeps them */
  const struct fl_value *auth_config; /* for that: see mcp/auth/auth.h; NULL: {} */
  uint32_t start_timeout_ms;          /* until it has listed its tools; 0: 30 s */
  const char *era;                    /* NULL: find out; "modern" or "legacy": insist */
  bool is_unpinned;                   /* its tools may change as they like */
  bool is_unattended; /* nobody can be asked: it is offered no elicitation, and no tasks, which may ask late */
};
/* Everything is copied. */
int fl_mcp_client_create(struct fl_world *world, const struct fl_mcp_client_options *options,
                         struct fl_tool_source **ret_source, struct fl_error *err);
/* The transport alone. */
struct fl_mcp_transport;
int fl_mcp_client_transport(struct fl_world *world, const struct fl_mcp_client_options *options,
                            struct fl_mcp_transport **ret_transport, struct fl_error *err);

/* By what its era is known, see era_cache.h; the caller frees it. */
char *fl_mcp_client_origin(const struct fl_mcp_client_options *options);

/* From an `mcpServers` entry of a graph file: {"command","args","env","cwd"} or {"url","headers","auth"}. */
struct fl_mcp_client_entry {
  const char *name; /* its key in mcpServers */
  const struct fl_value *value;
  const char *folder; /* of the graph file: relative commands and folders start there */
  const char *policy; /* as in the options; NULL: no sandbox */
  const char *const *allowed_env;
  const struct fl_process_secret *secrets;
  size_t secret_count;
  struct fl_mcp_limits limits;
};
int fl_mcp_client_from_config(struct fl_world *world, const struct fl_mcp_client_entry *entry,
                              struct fl_tool_source **ret_source, struct fl_error *err);

/* The entry as options, whose texts are the caller's until fl_mcp_client_entry_deinit (the name is lent). */
int fl_mcp_client_read_entry(const struct fl_mcp_client_entry *entry, struct fl_mcp_client_options *ret_options,
                             struct fl_error *err);
void fl_mcp_client_entry_deinit(struct fl_mcp_client_options *options); /* repeatable */

/* What is known of a connected server: {"protocolVersion","era","serverInfo","capabilities","instructions"}; a new
 * reference. */
struct fl_value *fl_mcp_client_describe(const struct fl_tool_source *source);
