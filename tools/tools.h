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
enum {
  FL_CALL_PENDING = 1, /* the handler returned, the call goes on: see fl_call_complete */
  FL_CALL_ASKING = 2,  /* the call waits for answers of the client, and is entered again with them: see fl_call_ask */
};

enum fl_tool_flags {
  FL_TOOL_PARALLEL = 1,     /* may run beside itself and others */
  FL_TOOL_READ_ONLY = 2,    /* hint to clients: changes nothing */
  FL_TOOL_IDEMPOTENT = 4,   /* hint: a repeated call changes nothing more */
  FL_TOOL_DESTRUCTIVE = 8,  /* hint: may destroy something */
  FL_TOOL_OPEN_WORLD = 16,  /* hint: reaches beyond this machine */
  FL_TOOL_QUICK = 32,       /* returns within microseconds and never blocks: runs on the loop, not on a worker thread */
  FL_TOOL_TASK = 64,        /* for clients that know tasks the call is one from its start (MCP's tasks extension) */
  FL_TOOL_TASK_LATER = 128, /* it may become one: see fl_call_become_task */
  FL_TOOL_TASK_REQUIRED = 256, /* with one of both: clients that do not know tasks are refused */
};

/* An argument that has a place in a struct of the program: see fl_args_read. */
enum fl_arg_type { FL_ARG_STRING, FL_ARG_INT, FL_ARG_DOUBLE, FL_ARG_BOOL, FL_ARG_VALUE };
struct fl_arg {
  const char *name;
  const char *description; /* for the model; NULL: none */
  enum fl_arg_type type;   /* const char *, int64_t, double, bool, const struct fl_value * (lent by the arguments) */
  size_t offset;           /* of the member */
  bool is_required;
  double least, most;        /* of a number, when one differs from the other */
  const char *const *values; /* of a string, NULL-terminated: what it may be; NULL: anything */
};
/* {FL_ARG(struct add, a, FL_ARG_DOUBLE), .description = "…", .is_required = true} */
#define FL_ARG(struct_type, member, arg_type) \
  .name = #member, .type = (arg_type), .offset = offsetof(struct_type, member)

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
  const struct fl_arg *args; /* in place of input_schema, which is made from them; ended by one without a name */
  const char *meta;          /* _meta as JSON text: "ui" and whatever else a host knows; NULL: none */
  const char *icons;         /* as JSON text, an array; NULL: none */
};

/* Fills the members of `ret_struct` that have an argument of that name; the others stay as they are. What comes from a
 * tool's call fits already; otherwise FL_E_INVALID, with a text that names the argument. */
FL_API int fl_args_read(const struct fl_value *values, const struct fl_arg *args, void *ret_struct,
                        struct fl_error *err);

/* ---- answering a call ---- */

FL_API int fl_call_return_text(struct fl_call *call, const char *format, ...) FL_PRINTF(2, 3);
FL_API int fl_call_return_double(struct fl_call *call, double number); /* {"result": number}, and its text */
FL_API int fl_call_return_take(struct fl_call *call,
                               struct fl_value *structured); /* an object; its JSON text is the content */
/* The same with a text of its own as the content. */
FL_API int fl_call_return_described_take(struct fl_call *call, struct fl_value *structured, const char *text);
FL_API int fl_call_return_content_take(struct fl_call *call,
                                       struct fl_value *content); /* MCP content blocks, an array */
/* An error that the model sees and can act on. */
FL_API int fl_call_return_error(struct fl_call *call, const char *format, ...) FL_PRINTF(2, 3);
/* An error of the protocol rather than of the tool: the model does not see it. `code`: of JSON-RPC, such as -32603. */
FL_API int fl_call_fail(struct fl_call *call, int code, const char *format, ...) FL_PRINTF(3, 4);
/* Adds _meta to the answer that was given before; an object. */
FL_API void fl_call_set_meta_take(struct fl_call *call, struct fl_value *meta);
/* After FL_CALL_PENDING and one of the above, or after fl_call_ask. */
FL_API void fl_call_complete(struct fl_call *call);

/* ---- during a call; from any thread ---- */

FL_API void fl_call_progress(struct fl_call *call, double done, double total,
                             const char *message); /* total 0: unknown */
FL_API void fl_call_log(struct fl_call *call, const char *level, const char *format, ...) FL_PRINTF(3, 4);
FL_API bool fl_call_is_cancelled(const struct fl_call *call); /* long work asks now and then, and stops */
FL_API const char *fl_call_id(
    const struct fl_call *call); /* idempotency key of the call; "" when the client gave none */

FL_API const char *fl_call_principal(const struct fl_call *call); /* who calls; "" when nobody is known */

/* ---- asking the client ---- */

/* Asks whoever is at the client. When the answer is there, 0 and *ret_answer (lent, MCP's result of that request: of an
 * elicitation {"action": "accept", "content": {…}}). Otherwise FL_CALL_ASKING: the handler returns that, and is entered
 * again from its start once everything that it asked is answered; then the same question, known by its key, has its
 * answer at once. Several questions may be asked in one turn. What a handler did before it asked it does again, so ask
 * first, or keep in the state what is not to be done twice. Errors, which a handler may just return: FL_E_UNSUPPORTED
 * (this client cannot answer it), FL_E_REMOTE (it answered with an error). Takes `params`. */
enum fl_ask_kind { FL_ASK_ELICITATION, FL_ASK_SAMPLING, FL_ASK_ROOTS };
FL_API int fl_call_ask_take(struct fl_call *call, const char *key, enum fl_ask_kind kind, struct fl_value *params,
                            const struct fl_value **ret_answer);
/* The same for one text that a person types: what they typed, or NULL when they would not say. */
FL_API int fl_call_ask_text(struct fl_call *call, const char *key, const char *question, const char **ret_text);
/* The same for a yes or no: false also when they would not say. */
FL_API int fl_call_ask_yes(struct fl_call *call, const char *key, const char *question, bool *ret_yes);
/* What the handler keeps from one entry to the next, with its questions; it leaves the process sealed, or is written
 * down with the task. NULL at the first. */
FL_API const struct fl_value *fl_call_state(const struct fl_call *call);
FL_API void fl_call_set_state_take(struct fl_call *call, struct fl_value *state);

/* ---- tasks ---- */

/* From here on the call is a task (a tool with FL_TOOL_TASK_LATER): the client has its reply and asks for the result
 * later. Nothing happens when it is one already, or when the client does not know tasks. */
FL_API void fl_call_become_task(struct fl_call *call);
FL_API const char *fl_call_task_id(const struct fl_call *call); /* "" when it was none when the handler was entered */
/* Streamable HTTP before 2026-07-28: ends the answer's stream; the client fetches the rest when it comes back. */
FL_API void fl_call_close_stream(struct fl_call *call);

/* ---- serving ---- */

/* A whole MCP server over standard input and output, or with the option --http WHERE over HTTP; returns the exit code
 * of the program, which has the options that --help tells. Over standard output nothing else may write to it: it is
 * pointed at standard error before anything of the program runs. */
FL_API int fl_tools_main(int argc, char **argv, const char *name, const char *version, const struct fl_tool *tools,
                         size_t tool_count);

/* A plugin is a shared object that exports this function; it adds its tools and returns 0. */
struct fl_plugin_host;
typedef int fl_plugin_fn(struct fl_plugin_host *host);
#define FL_PLUGIN_SYMBOL "fl_plugin_v1"
/* Copies nothing: the tools live as long as the program. Errors: FL_E_EXISTS, FL_E_INVALID (name or schema). */
FL_API int fl_plugin_tools(struct fl_plugin_host *host, const struct fl_tool *tools, size_t tool_count);
/* The server that the plugin is for, to add prompts and resources to it (mcp.h); NULL when an agent uses its tools. */
struct fl_server;
FL_API struct fl_server *fl_plugin_server(struct fl_plugin_host *host);

#ifdef __cplusplus
}
#endif
