/* SPDX-License-Identifier: MIT */
/* Tools: C functions that every MCP client, and every fairlead agent, can call.
 *
 *   static int add(struct fl_call *call, const struct fl_value *args, void *user) {
 *     return fl_call_return_double(call, fl_get_double(args, "a", 0) + fl_get_double(args, "b", 0));
 *   }
 *   int main(int argc, char **argv) {
 *     static const struct fl_tool tools[] = {{.size = sizeof(struct fl_tool), .name = "add",
 *         .description = "Adds two numbers.", .input_schema = "{…}", .run = add}};
 *     return fl_tools_main(argc, argv, "math", "1.0", tools, 1);
 *   }
 *
 * Arguments are validated against the schema before the function is called. */
#pragma once
#include <fairlead/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fl_call; /* one call of one tool */

/* Runs on a worker thread, one call at a time for all tools of a server, unless the tool says FL_TOOL_PARALLEL (or
 * FL_TOOL_QUICK); may block.
 * Answers with one of the fl_call_return_* functions, whose result it returns; or returns FL_CALL_PENDING and ends the
 * call later, from any thread, with fl_call_complete. */
typedef int fl_tool_fn(struct fl_call *call, const struct fl_value *args, void *user);
enum { FL_CALL_PENDING = 1 };

enum fl_tool_flags {
  FL_TOOL_PARALLEL = 1,    /* may run beside itself and others */
  FL_TOOL_READ_ONLY = 2,   /* hint to clients: changes nothing */
  FL_TOOL_IDEMPOTENT = 4,  /* hint: a repeated call changes nothing more */
  FL_TOOL_DESTRUCTIVE = 8, /* hint: may destroy something */
  FL_TOOL_OPEN_WORLD = 16, /* hint: reaches beyond this machine */
  FL_TOOL_QUICK = 32,      /* returns within microseconds and never blocks: runs on the loop, not on a worker thread */
};

struct fl_tool {
  size_t size;
  const char *name;          /* [A-Za-z0-9_.-]{1,128} */
  const char *title;         /* for people; NULL: none */
  const char *description;   /* for the model */
  const char *input_schema;  /* JSON Schema 2020-12 of an object, as text; NULL: no arguments */
  const char *output_schema; /* of the structured result; NULL: none */
  unsigned flags;
  uint32_t timeout_ms; /* 0: none of its own */
  fl_tool_fn *run;
  void *user;
};

/* ---- answering a call ---- */

FL_API int fl_call_return_text(struct fl_call *call, const char *format, ...) FL_PRINTF(2, 3);
FL_API int fl_call_return_double(struct fl_call *call, double number); /* {"result": number}, and its text */
FL_API int fl_call_return_take(struct fl_call *call,
                               struct fl_value *structured); /* an object; its JSON text is the content */
FL_API int fl_call_return_content_take(struct fl_call *call,
                                       struct fl_value *content); /* MCP content blocks, an array */
/* An error that the model sees and can act on. */
FL_API int fl_call_return_error(struct fl_call *call, const char *format, ...) FL_PRINTF(2, 3);
FL_API void fl_call_complete(struct fl_call *call); /* after FL_CALL_PENDING and one of the above */

/* ---- during a call; from any thread ---- */

FL_API void fl_call_progress(struct fl_call *call, double done, double total,
                             const char *message); /* total 0: unknown */
FL_API void fl_call_log(struct fl_call *call, const char *level, const char *format, ...) FL_PRINTF(3, 4);
FL_API bool fl_call_is_cancelled(const struct fl_call *call); /* long work asks now and then, and stops */
FL_API const char *fl_call_id(
    const struct fl_call *call); /* idempotency key of the call; "" when the client gave none */

/* ---- serving ---- */

/* A whole MCP server over standard input and output; returns the exit code of the program. Nothing else may write to
 * standard output: it is pointed at standard error before anything of the program runs. */
FL_API int fl_tools_main(int argc, char **argv, const char *name, const char *version, const struct fl_tool *tools,
                         size_t tool_count);

/* A plugin is a shared object that exports this function; it adds its tools and returns 0. */
struct fl_plugin_host;
typedef int fl_plugin_fn(struct fl_plugin_host *host);
#define FL_PLUGIN_SYMBOL "fl_plugin_v1"
/* Copies nothing: the tools live as long as the program. Errors: FL_E_EXISTS, FL_E_INVALID (name or schema). */
FL_API int fl_plugin_tools(struct fl_plugin_host *host, const struct fl_tool *tools, size_t tool_count);

#ifdef __cplusplus
}
#endif
