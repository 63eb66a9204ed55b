/* SPDX-License-Identifier: MIT */
/* Model Context Protocol: serving tools, resources and prompts. A server answers every revision from 2024-11-05 to
 * 2026-07-28; which one is told by each message.
 *
 *   static int hello(struct fl_call *call, const struct fl_value *args, void *user) {
 *     return fl_call_return_message(call, "user", "Greet %s.", fl_get_string(args, "name", "them"));
 *   }
 *   static int motd(struct fl_call *call, const struct fl_value *args, void *user) {
 *     return fl_call_return_resource_text(call, "text/plain", "Fair winds.");
 *   }
 *   …
 *   struct fl_server *server = fl_server_create(&(struct fl_server_options){.size = sizeof(struct fl_server_options),
 *                                                                          .name = "harbour", .version = "1.0"});
 *   static const struct fl_prompt_arg args[] = {{.name = "name", .is_required = true}, {0}};
 *   fl_server_add_prompt(server, &(struct fl_prompt){.size = sizeof(struct fl_prompt), .name = "hello", .args = args,
 *                                                    .run = hello}, &err);
 *   fl_server_add_resource(server, &(struct fl_resource){.size = sizeof(struct fl_resource), .uri = "harbour://motd",
 *                                                        .name = "motd", .run = motd}, &err);
 *   return fl_server_run_stdio(server);
 *
 * Handlers of prompts, resources and completions are functions like those of tools (tools.h): they run where the flags
 * say, may ask the client, report progress, and end later. Everything may be added, replaced and removed while the
 * server serves, from any thread, when the options say that the lists change; clients hear of it. */
#pragma once
#include <fairlead/tools.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fl_server;

struct fl_server_options {
  size_t size;
  const char *name, *version, *title;
  const char *instructions; /* for the model of the client; NULL: none */
  bool lists_change;        /* what it offers may change while it serves */
  const uint8_t *key; /* 32 bytes that seal what clients carry for the server; NULL: drawn anew for each run. Give the
                         same to several processes that stand for one server. */
};

FL_API struct fl_server *fl_server_create(const struct fl_server_options *options);
FL_API void fl_server_destroy(struct fl_server *server); /* NULL allowed */

/* ---- tools ---- */

/* The tool and its texts are lent for the life of the server. Errors: FL_E_EXISTS, FL_E_INVALID (name or schema). While
 * the server serves, a tool takes the place of one with its name. */
FL_API int fl_server_add_tool(struct fl_server *server, const struct fl_tool *tool, struct fl_error *err);
/* Adds the tools of a plugin file. Errors: FL_E_NOT_FOUND, FL_E_UNSUPPORTED, FL_E_INVALID. */
FL_API int fl_server_add_plugin(struct fl_server *server, const char *path, struct fl_error *err);
FL_API void fl_server_remove_tool(struct fl_server *server, const char *name); /* nothing when there is none */

/* ---- prompts ---- */

struct fl_prompt_arg {                    /* ended by one without a name */
  const char *name, *title, *description; /* the last two may be NULL */
  bool is_required;
};

struct fl_prompt {
  size_t size;
  const char *name, *title, *description; /* the last two may be NULL */
  const struct fl_prompt_arg *args;       /* NULL: none */
  unsigned flags;                         /* FL_TOOL_PARALLEL, FL_TOOL_QUICK */
  fl_tool_fn *run;      /* the arguments by name, all strings; ends with fl_call_return_message, any number of times */
  fl_tool_fn *complete; /* see fl_call_return_values; NULL: arguments are not completed */
  void *user;           /* of both */
  const char *icons, *meta; /* JSON texts; NULL: none */
};
FL_API int fl_server_add_prompt(struct fl_server *server, const struct fl_prompt *prompt, struct fl_error *err);
FL_API void fl_server_remove_prompt(struct fl_server *server, const char *name);

/* Adds a message; role "user" or "assistant". */
FL_API int fl_call_return_message(struct fl_call *call, const char *role, const char *format, ...) FL_PRINTF(3, 4);
/* The same with a content block of MCP (see fl_content_*). Takes it. */
FL_API int fl_call_return_message_take(struct fl_call *call, const char *role, struct fl_value *content);

/* ---- resources ---- */

struct fl_resource {
  size_t size;
  const char *uri; /* of a template: RFC 6570, such as "notes://{year}/{name}" or "search://all{?q}" */
  const char *name, *title, *description, *mime_type; /* the last three may be NULL */
  const char *annotations, *icons, *meta;             /* JSON texts; NULL: none */
  unsigned flags;
  fl_tool_fn *run;      /* reads it; the arguments: "uri", and the variables of the template by name */
  fl_tool_fn *complete; /* templates: completes a variable; NULL: not */
  void *user;
};
FL_API int fl_server_add_resource(struct fl_server *server, const struct fl_resource *resource, struct fl_error *err);
FL_API int fl_server_add_template(struct fl_server *server, const struct fl_resource *resource, struct fl_error *err);
FL_API void fl_server_remove_resource(struct fl_server *server, const char *uri); /* a template too */
/* Those who subscribed to it hear that it has new contents. From any thread. */
FL_API void fl_server_resource_updated(struct fl_server *server, const char *uri);

/* The contents; several times for several parts. mime_type NULL: text/plain, application/octet-stream. */
FL_API int fl_call_return_resource_text(struct fl_call *call, const char *mime_type, const char *text);
FL_API int fl_call_return_resource_bytes(struct fl_call *call, const char *mime_type, const void *bytes, size_t size);

/* ---- completion ---- */

/* A completion handler's arguments: "argument" (its name), "value" (what was typed so far), "context" (the values that
 * other arguments have already). Adds those of the values, NULL-terminated, that begin with what was typed; at most 100
 * leave, with how many there are. */
FL_API int fl_call_return_values(struct fl_call *call, const char *const *values);

/* ---- content blocks; new values ---- */

FL_API struct fl_value *fl_content_text(const char *text);
FL_API struct fl_value *fl_content_image(const char *mime_type, const void *bytes, size_t size);
FL_API struct fl_value *fl_content_audio(const char *mime_type, const void *bytes, size_t size);
FL_API struct fl_value *fl_content_resource_text(const char *uri, const char *mime_type, const char *text);
FL_API struct fl_value *fl_content_resource_bytes(const char *uri, const char *mime_type, const void *bytes,
                                                  size_t size);
FL_API struct fl_value *fl_content_link(const char *uri, const char *name, const char *mime_type);

/* ---- skills ---- */

/* Serves each folder of `path` that has a SKILL.md, as it is now: skill://FOLDER/SKILL.md and its files, with digests.
 * Errors: FL_E_NOT_FOUND, FL_E_INVALID (a SKILL.md without name and description, or of another name than its folder),
 * FL_E_LIMIT (512 files, 16 MiB). */
FL_API int fl_server_add_skills(struct fl_server *server, const char *path, struct fl_error *err);

/* ---- tasks that outlive the process ---- */

/* `save` is called on the loop with the record of a task whenever it changed, NULL when its time is over, and must lead
 * to fl_server_task_saved, from any thread, once it is durable: until then the client does not hear of it. */
struct fl_task_store {
  size_t size;
  void (*save)(void *user, const char *task_id, const struct fl_value *record);
  void *user;
};
FL_API void fl_server_set_task_store(struct fl_server *server, const struct fl_task_store *store);
FL_API void fl_server_task_saved(struct fl_server *server, const char *task_id);
/* Before the server runs: a record of an earlier process. A task that was at work begins again when it runs, its
 * handler entered with the state and the answers that it had. */
FL_API void fl_server_restore_task(struct fl_server *server, const struct fl_value *record);

/* ---- serving ---- */

/* Serves until standard input ends or SIGTERM; returns an exit code. Points standard output away from the program
 * first. */
FL_API int fl_server_run_stdio(struct fl_server *server);

#ifdef __cplusplus
}
#endif
