/* SPDX-License-Identifier: MIT */
/* Serving over HTTP: Streamable HTTP of every revision at one URL.
 *
 *   return fl_server_run_http(server, &(struct fl_http_serve){.size = sizeof(struct fl_http_serve),
 *                                                            .listen = "127.0.0.1:3000"}, &err);
 *
 * By itself it is for this machine: it listens on loopback, and refuses what a web page of somewhere else asks through
 * a browser. */
#pragma once
#include <fairlead/mcp.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Callers must bring a token of an OAuth authorization server: a JWT signed with RS256, ES256 or EdDSA. */
struct fl_http_auth {
  size_t size;
  const char *resource;      /* this server's URL as clients know it, "https://mcp.example.com/mcp" */
  const char *issuer;        /* the authorization server */
  const char *jwks_uri;      /* where its keys are; NULL: as its metadata say */
  const char *jwks;          /* its keys, as JSON text; then nothing is fetched. NULL: fetch */
  const char *audience;      /* that tokens name; NULL: resource */
  const char *const *scopes; /* that each token must have; NULL-terminated, NULL: none */
  bool requires_dpop;
};

struct fl_http_serve {
  size_t size;
  /* "HOST:PORT", "[::1]:PORT", "PORT", "unix:PATH", "fd:N" (a listening descriptor that was handed over). HOST is
   * numeric, or localhost; port 0 takes a free one. NULL: "127.0.0.1:3000". */
  const char *listen;
  const char *path; /* of the endpoint; NULL: "/mcp" */
  /* More names that Host may have ("mcp.example.com"; "*": any), and web pages that may use the server
   * ("https://app.example.com"; "*": any). NULL-terminated; NULL: none. */
  const char *const *hosts, *const *origins;
  bool is_public;                  /* it may listen on other addresses than loopback */
  const char *certificate, *key;   /* PEM files: TLS; read again at SIGHUP. NULL: none */
  const struct fl_http_auth *auth; /* NULL: everybody who reaches it may use it */
  /* Streams and sessions of clients of 2025-11-25 and before are kept in this file, and go on after a restart. NULL: in
   * memory, for streams that break. */
  const char *log_path;
  size_t body_size_max;                          /* bytes of a message; 0: 16 MiB */
  size_t connections_max;                        /* 0: 16,384 */
  size_t sessions_max;                           /* of clients of 2025-11-25 and before; 0: 4,096 */
  uint32_t session_idle_ms;                      /* after which one is forgotten; 0: 30 minutes */
  uint32_t drain_ms;                             /* for requests under way at the end; 0: 5 s */
  void (*on_ready)(const char *url, void *user); /* it listens; `url` is lent for the call. NULL: nobody */
  void *user;
};

/* Serves until SIGTERM or SIGINT, then lets requests under way end; a second signal ends them. Returns 0 or an error:
 * FL_E_INVALID (what it shall listen on, or a public address without is_public), FL_E_EXISTS (in use), FL_E_DENIED,
 * FL_E_IO, FL_E_NOT_FOUND (certificate, key), FL_E_CORRUPT, FL_E_VERSION (the log). Raises the limit of open files as
 * far as it may. */
FL_API int fl_server_run_http(struct fl_server *server, const struct fl_http_serve *options, struct fl_error *err);

#ifdef __cplusplus
}
#endif
