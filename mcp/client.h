/* SPDX-License-Identifier: MIT */
/* Model Context Protocol: asking a server. Every revision from 2024-11-05 to 2026-07-28, over a process's standard
 * input and output or over HTTP; which one a server speaks is found out.
 *
 *   struct fl_client_options options = {.size = sizeof options, .command = (const char *const[]){"server", NULL}};
 *   struct fl_client *client;
 *   if (fl_client_connect(&options, &client, &err) == 0) {
 *     FL_VALUE_AUTO result = NULL;
 *     fl_client_call_tool(client, "add", args, &result, &err);
 *     …
 *     fl_client_close(client);
 *   }
 *
 * The functions that end in _start do not block: their callback comes later, on the loop, exactly once. The others turn
 * the loop until they are done, and must not be called from inside a callback. One client is for one thread. */
#pragma once
#include <fairlead/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fl_client;
struct fl_client_ask;

/* A question of the server: elicitation/create, sampling/createMessage or roots/list, in whatever way the server's
 * revision asks it. Answered once with fl_client_answer_take or fl_client_refuse, now or later; the ask is gone then.
 */
typedef void fl_client_ask_fn(struct fl_client *client, struct fl_client_ask *ask, void *user);

struct fl_client_options {
  size_t size;
  const char *name;           /* of the server, for messages; NULL: "server" */
  const char *const *command; /* NULL-terminated; the process is ended with the client */
  const char *const *env;     /* NAME=VALUE beside our own variables (without our secrets); NULL: none */
  const char *cwd;            /* NULL: ours */
  const char *url;            /* http or https, instead of a command */
  const char *const *headers; /* HTTP: "Name: value", NULL-terminated; NULL: none */
  const char *revision;       /* "2026-07-28": modern only; another one: legacy only; NULL: find out */
  const char *client_name;    /* what the server is told; NULL: "fairlead" */
  const char *client_version; /* NULL: fairlead's */
  const char *log_level;      /* from which on the server may log; NULL: "warning" */
  uint32_t start_timeout_ms;  /* until connected; 0: 30 s */
  uint32_t idle_timeout_ms;   /* of a request, without an answer or progress; 0: 60 s */
  uint32_t total_timeout_ms;  /* of a request, whatever happens; 0: 10 min */
  size_t result_max;          /* bytes of a request's answer; 0: 64 MiB, which no message of a server may pass */
  /* What the server may ask: a question without its function is not offered to the server. */
  fl_client_ask_fn *on_elicit; /* forms, and pages to visit */
  fl_client_ask_fn *on_sample;
  fl_client_ask_fn *on_roots;
  const char *const *extensions; /* identifiers that are offered, NULL-terminated; tasks are followed when named here */
  void (*on_log)(struct fl_client *client, const char *level, const char *text, void *user); /* also its stderr */
  /* "tools", "prompts", "resources", or the URI of a resource that was subscribed to. */
  void (*on_changed)(struct fl_client *client, const char *what, void *user);
  /* Every message as it is on the wire, one JSON text. */
  void (*on_wire)(struct fl_client *client, bool is_ours, const char *text, size_t text_size, void *user);
  void *user;
  void *loop; /* a uv_loop_t to live in; NULL: its own */
  /* HTTP, for servers that want to know who asks: how a token is come by, as the member "auth" of a server's entry in a
   * graph file; NULL: as the server says. Copied. */
  const struct fl_value *auth;
  const char *auth_folder; /* where tokens are kept, sealed; NULL: where `fairlead mcp login` does; "": nowhere */
  bool is_interactive;     /* a person may be asked now, in a browser; otherwise that is FL_E_AUTH */
  /* Shows a page to the person; NULL: the desktop's browser. With a "redirect_uri" in `auth` the end is told with
   * fl_client_redirected, from inside or later. */
  void (*on_visit)(struct fl_client *client, const char *url, void *user);
};

/* Connects and lists the tools. The options are copied. Errors: FL_E_INVALID (options), FL_E_NOT_FOUND (the command),
 * FL_E_NETWORK, FL_E_TIMEOUT, FL_E_VERSION (no revision in common), FL_E_AUTH, FL_E_REMOTE, FL_E_CLOSED. */
FL_API int fl_client_connect(const struct fl_client_options *options, struct fl_client **ret_client,
                             struct fl_error *err);
FL_API void fl_client_close(struct fl_client *client); /* ends the process or the session; blocks; NULL allowed */

/* {"protocolVersion", "era": "modern" or "legacy", "serverInfo", "capabilities", "instructions"}; a new reference. */
FL_API struct fl_value *fl_client_about(const struct fl_client *client);
/* The tools, as they are listed now: an array of MCP Tool objects; lent until the loop is turned. */
FL_API const struct fl_value *fl_client_tools(const struct fl_client *client);

/* ---- requests; a result is a new reference ---- */

/* {"content", "structuredContent", "isError", …} as the server sent it; a tool's own error is a result. `args` may be
 * NULL. Errors: FL_E_REMOTE (a JSON-RPC error), FL_E_TIMEOUT, FL_E_CLOSED, FL_E_PROTOCOL, FL_E_LIMIT, FL_E_CANCELLED.
 */
FL_API int fl_client_call_tool(struct fl_client *client, const char *tool, const struct fl_value *args,
                               struct fl_value **ret_result, struct fl_error *err);
/* Any method: "prompts/get", "resources/read", "completion/complete", "skills/list". */
FL_API int fl_client_request(struct fl_client *client, const char *method, const struct fl_value *params,
                             struct fl_value **ret_result, struct fl_error *err);
/* All pages of a list (at most 100 of them, or 10,000 items): "tools", "prompts", "resources", "resourceTemplates" or
 * "skills", as an array. Errors: FL_E_UNSUPPORTED (the server has none). */
FL_API int fl_client_list(struct fl_client *client, const char *what, struct fl_value **ret_array,
                          struct fl_error *err);
/* on_changed tells when the resource has changed; lasts over reconnects. */
FL_API void fl_client_subscribe(struct fl_client *client, const char *uri, bool follows);
FL_API void fl_client_roots_changed(struct fl_client *client);

/* A skill (extension io.modelcontextprotocol/skills), loaded: its files are read now and not before, each checked
 * against the entry's size and digest, and the front matter of SKILL.md against the entry's. `skill` is an entry of
 * fl_client_list(client, "skills"). {"uri": text} for each file. Errors: FL_E_CORRUPT (a file is not what the entry
 * says; nothing of the skill may be used). */
FL_API int fl_client_load_skill(struct fl_client *client, const struct fl_value *skill, struct fl_value **ret_files,
                                struct fl_error *err);

/* ---- without blocking ---- */

struct fl_client_request {
  const char *tool;                           /* a tool's call, or … */
  const char *method;                         /* … any method */
  const struct fl_value *params;              /* of the method, or the tool's arguments; NULL: {} */
  uint32_t idle_timeout_ms, total_timeout_ms; /* 0: the client's */
  bool reads_all;                             /* of a list: all pages, as one result */
  void (*on_progress)(struct fl_client_request *request, double done, double total, const char *message);
  /* 0 and the result (lent), or why not; `error` is the JSON-RPC error of FL_E_REMOTE, else NULL. The request may be
   * freed or used again in here. */
  void (*on_done)(struct fl_client_request *request, int status, const struct fl_value *result,
                  const struct fl_value *error, const struct fl_error *err);
  void *user;
  void *impl; /* private */
};
FL_API void fl_client_request_start(struct fl_client *client, struct fl_client_request *request);
/* The server is told at once; on_done follows with FL_E_CANCELLED. */
FL_API void fl_client_request_cancel(struct fl_client *client, struct fl_client_request *request);
/* Turns the loop until a callback of this client has set `*is_done`, or nothing is left that could happen. */
FL_API void fl_client_wait(struct fl_client *client, const bool *is_done);

/* ---- answering ---- */

FL_API const char *fl_client_ask_method(const struct fl_client_ask *ask);
FL_API const struct fl_value *fl_client_ask_params(const struct fl_client_ask *ask);
/* The result as the protocol has it: {"action": "accept", "content": {…}}, a sampling result, {"roots": […]}. */
FL_API void fl_client_answer_take(struct fl_client_ask *ask, struct fl_value *result);
FL_API void fl_client_refuse(struct fl_client_ask *ask);
/* Nobody waits for the answer any more; after it the ask is gone. NULL: it is not told (answering is harmless). */
FL_API void fl_client_ask_on_gone(struct fl_client_ask *ask, void (*on_gone)(struct fl_client_ask *ask, void *user),
                                  void *user);
/* The content of a form in which the person changed nothing: the defaults of the requested schema. A new reference. */
FL_API struct fl_value *fl_client_form_defaults(const struct fl_value *requested_schema);
/* Where the browser was sent at the end of a visit, the whole URL; NULL: the person gave up. */
FL_API void fl_client_redirected(struct fl_client *client, const char *url);

#ifdef __cplusplus
}
#endif
