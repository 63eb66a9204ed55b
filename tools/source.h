/* SPDX-License-Identifier: MIT */
/* A source of tools: what the registry knows of a set of C functions, a plugin, or a remote MCP server. The registry
 * asks; a source answers through callbacks on the loop. */
#pragma once
#include "runtime/io/world.h"

#include <fairlead/value.h>

struct fl_tool_info {
  const char *name; /* as the source names it */
  const char *title, *description;
  struct fl_value *input_schema;  /* an object schema */
  struct fl_value *output_schema; /* NULL: none */
  struct fl_value *annotations;   /* MCP annotations; NULL: none */
};

/* One call. Embedded in the caller; inputs are lent until on_done, which comes exactly once, also after a cancel. */
struct fl_tool_request {
  const char *tool;
  struct fl_value *args;
  const char *call_id;       /* stable over repeats: the idempotency key */
  const char *traceparent, *tracestate; /* W3C Trace Context of the call; NULL: none; lent until on_done */
  uint32_t idle_timeout_ms;  /* without progress; 0: 60 s */
  uint32_t total_timeout_ms; /* hard cap; 0: 10 min */
  size_t result_max;         /* bytes; 0: 1 MiB */
  void (*on_progress)(struct fl_tool_request *request, double done, double total,
                      const char *message); /* may be NULL */
  /* status 0: `result` is {"content":[…], "structuredContent":…, "isError":bool} as MCP has it (lent); a tool's own
   * error is status 0 with isError. Otherwise FL_E_TIMEOUT, FL_E_CANCELLED, FL_E_CLOSED (the server died),
   * FL_E_NOT_FOUND, FL_E_PROTOCOL, FL_E_REMOTE, FL_E_LIMIT, FL_E_CONFLICT (with a pause: the tool does not know it any
   * more, and has done nothing). `sent` tells whether the call may have reached the tool. */
  void (*on_done)(struct fl_tool_request *request, int status, struct fl_value *result, bool sent,
                  const struct fl_error *err);
  /* Instead of on_done: the tool asks a person, and the request is over. What comes of it is said by a request that has
   * the pause and the answers. NULL: nobody can be asked, and the tool is told so. */
  void (*on_pause)(struct fl_tool_request *request, const struct fl_value *pause);
  /* Goes on with a call that paused (NULL: a new call), with an answer to each of its questions. */
  const struct fl_value *pause;
  const struct fl_value *answers; /* {KEY: {"action": "accept", "content"?} or {"action": "decline" or "cancel"}} */
  /* [{"question", "answer"}, …]: of a call like this one that was lost. Where the tool asks the same, word by word, it
   * gets the answer, each of them once. NULL: none. */
  const struct fl_value *known;
  void *user;
  void *impl;  /* private to the source */
  void *route; /* private to the registry */
};

/* A pause is an object that may be stored: {"kind", "questions": {KEY: params of MCP's elicitation/create}, …}; the
 * rest is the source's own. Of the kinds "task"  goes on by itself and may be taken up as often as one likes; it may
 * ask nothing (yet); "held"  lives only as long as the source holds it (`holds`): a call that lost its hold has an
 * unknown outcome; others  are taken up by calling again, once for each answer. */

/* The answer to a question in a list as `known` (NULL: an empty one), which is replaced by one without it: questions
 * are the same in words, form and page; ids are new each time. A new reference; NULL: there is none. */
struct fl_value *fl_tool_known_answer(struct fl_value **list, const struct fl_value *question);

/* Ends a request that was never sent with `err` (copied), on the loop's next turn: never from inside the call that
 * asked. */
void fl_tool_request_refuse(struct fl_world *world, struct fl_tool_request *request, const struct fl_error *err);
/* In the same way ends one that was sent: with a result (referenced), or with NULL and an error. */
void fl_tool_request_end(struct fl_world *world, struct fl_tool_request *request, struct fl_value *result,
                         const struct fl_error *err);

struct fl_tool_source;
struct fl_tool_source_ops {
  /* Connects and lists. on_ready comes once: 0, or why not. Tools are then in `tools`. May be tried again after a
   * failure. */
  void (*open)(struct fl_tool_source *source);
  void (*call)(struct fl_tool_source *source, struct fl_tool_request *request);
  void (*cancel)(struct fl_tool_source *source, struct fl_tool_request *request);
  /* Ends processes and connections; on_closed comes once, then the source may be destroyed. */
  void (*close)(struct fl_tool_source *source);
  void (*destroy)(struct fl_tool_source *source);
  /* Whether a pause of kind "held" can still be taken up; NULL: never. */
  bool (*holds)(const struct fl_tool_source *source, const struct fl_value *pause);
};

struct fl_tool_source {
  const struct fl_tool_source_ops *ops;
  char *name;                 /* the server's name in the graph file */
  char *identity;             /* how it is reached, when its tools are pinned; owned; NULL: they are trusted */
  struct fl_tool_info *tools; /* owned by the source; stable until on_tools_changed */
  size_t tool_count;
  /* set by whoever owns the source */
  void (*on_ready)(struct fl_tool_source *source, int status, const struct fl_error *err);
  void (*on_tools_changed)(struct fl_tool_source *source); /* may be NULL */
  void (*on_log)(struct fl_tool_source *source, const char *level,
                 const char *text); /* stderr and log messages; may be NULL */
  void (*on_closed)(struct fl_tool_source *source);
  void *user;
};

/* Tools that are C functions in this process (local.c). The tools are lent for the life of the source. */
struct fl_tool;
struct fl_local_tools {
  const char *server;
  const struct fl_tool *tools;
  size_t count;
  void (*release)(void *user); /* called when the source is destroyed, and when it could not be made; may be NULL */
  void *user;
};
int fl_tool_source_local(struct fl_world *world, const struct fl_local_tools *local, struct fl_tool_source **ret_source,
                         struct fl_error *err);
/* The tools of a plugin file. Errors: FL_E_NOT_FOUND, FL_E_UNSUPPORTED (no fl_plugin_v1), FL_E_INVALID. */
int fl_tool_source_plugin(struct fl_world *world, const char *name, const char *path,
                          struct fl_tool_source **ret_source, struct fl_error *err);
