/* SPDX-License-Identifier: MIT */
/* The command line: one table of commands and options, from which parsing, --help and shell completions all come.
 * Answers go to standard output, everything else to standard error; with --json every line of standard output is one
 * JSON object. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/base/diag.h"

#include <fairlead/value.h>
#include <stdio.h>

/* Exit codes, the same for every command. */
enum fl_exit {
  FL_EXIT_OK = 0,
  FL_EXIT_FAILED = 1,
  FL_EXIT_USAGE = 2,
  FL_EXIT_INTERRUPTED = 3,
  FL_EXIT_CANCELLED = 130
};

enum { FL_OPTIONS_MAX = 40, FL_OPTION_VALUES_MAX = 64 };

struct fl_args;

struct fl_option {
  const char *name;  /* "thread" for --thread */
  char letter;       /* 0: none */
  const char *value; /* "ID"; NULL: a switch */
  const char *help;
  const char *choices; /* words for completion of its value; may be NULL */
};

struct fl_command {
  const char *name;                         /* "run", or "threads list" for a command of a group */
  const char *usage;                        /* what stands behind the name */
  const char *summary;                      /* one line */
  const char *details;                      /* more for --help; may be NULL */
  struct fl_option options[FL_OPTIONS_MAX]; /* ends with a zeroed one */
  const char *choices;                      /* words for completion of the first argument, or "FILE"; may be NULL */
  int (*run)(struct fl_args *args);
};

/* What the user typed, taken apart. */
struct fl_args {
  const struct fl_command *command;
  int count; /* positional arguments */
  char **items;
  int rest_count; /* what stood behind "--" */
  char **rest;
  struct {
    const struct fl_option *option;
    const char *value; /* "" for a switch */
  } values[FL_OPTION_VALUES_MAX];
  int value_count;
  bool json;
  bool color; /* of standard error and output, when both are for a person */
};

extern const struct fl_command fl_commands[];
extern const size_t fl_command_count;

/* ---- args.c ---- */

/* The whole program behind main: finds the command, parses, runs. Returns the exit code. */
int fl_command_line(int argc, char **argv);
/* Takes the arguments of `args->command` apart; argv[0] is its name, argv is reordered and lent. False when there is
 * nothing to run (help was printed, or a mistake told), with the exit code. */
bool fl_args_parse(struct fl_args *args, int argc, char **argv, int *ret_code);

/* The value of an option (the last one given), or NULL. */
const char *fl_args_get(const struct fl_args *args, const char *option);
bool fl_args_has(const struct fl_args *args, const char *option);
/* The index-th value of an option that may be repeated, NULL past the end. */
const char *fl_args_nth(const struct fl_args *args, const char *option, int index);
/* The JSON of an option, a new reference; NULL and 0 when absent, an exit code after a message when it is none. */
int fl_args_json(const struct fl_args *args, const char *option, struct fl_value **ret_value);
/* A number from 1 to `max`; 0 when absent, -1 (after a message) when it is none. */
long fl_args_number(const struct fl_args *args, const char *option, long max);

/* ---- output.c ---- */

/* "fairlead: MESSAGE" on standard error, or {"error":{…}} with --json; returns `code`. */
int fl_fail(const struct fl_args *args, int code, const char *format, ...) FL_PRINTF(3, 4);
/* The same for a usage mistake, with a hint at --help; returns FL_EXIT_USAGE. */
int fl_usage(const struct fl_args *args, const char *format, ...) FL_PRINTF(2, 3);
int fl_fail_error(const struct fl_args *args, const struct fl_error *err);
/* A store that cannot be opened; returns FL_EXIT_FAILED. */
int fl_fail_store(const struct fl_args *args, const char *path, const struct fl_error *err);
/* One compact JSON object and a newline on standard output. */
void fl_print_json(const struct fl_value *value);
void fl_print_pretty(const struct fl_value *value);
/* Mistakes of a graph file that is not run because of them; returns FL_EXIT_USAGE. */
int fl_fail_diags(const struct fl_args *args, const struct fl_diags *diags);
void fl_print_diags(const struct fl_args *args, const struct fl_diags *diags);
struct fl_value *fl_diag_value(const struct fl_diag *diag); /* one mistake for --json; a new reference */
/* How wide the reader of standard output is: $COLUMNS, else the terminal, 80 for one that does not say; FL_TABLE_WIDE
 * where there is none. */
int fl_terminal_width(void);
/* A text that others wrote, on one line, with all that a terminal would obey made visible: control characters,
 * characters that turn the direction of writing, and what is no UTF-8. Appended to `buf`; the caller frees. */
void fl_add_visible(struct fl_buf *buf, const char *text, size_t size_max);
char *fl_visible(const char *text, size_t size_max);
/* The same on several lines and in full. Standard output that is no terminal gets the text as it is. */
void fl_print_text(FILE *out, const char *text);
/* "2026-11-22 20:15:03" local time. */
void fl_format_time(int64_t wall_ms, char ret_text[32]);

/* The default database: $FAIRLEAD_STORE, $XDG_DATA_HOME/fairlead/fairlead.db or ~/.local/share/… The caller frees. */
char *fl_default_store(void);

/* ---- one per command ---- */

int fl_cmd_run(struct fl_args *args);
int fl_cmd_threads_list(struct fl_args *args);
int fl_cmd_threads_show(struct fl_args *args);
int fl_cmd_threads_history(struct fl_args *args);
int fl_cmd_threads_events(struct fl_args *args);
int fl_cmd_threads_state(struct fl_args *args);
int fl_cmd_threads_diff(struct fl_args *args);
int fl_cmd_threads_fork(struct fl_args *args);
int fl_cmd_threads_edit(struct fl_args *args);
int fl_cmd_threads_resume(struct fl_args *args);
int fl_cmd_threads_copy(struct fl_args *args);
int fl_cmd_threads_delete(struct fl_args *args);
int fl_cmd_threads_export(struct fl_args *args);
int fl_cmd_threads_import(struct fl_args *args);
int fl_cmd_threads_prune(struct fl_args *args);
int fl_cmd_threads_storage(struct fl_args *args);
int fl_cmd_threads_recover(struct fl_args *args);
int fl_cmd_memory_put(struct fl_args *args);
int fl_cmd_memory_get(struct fl_args *args);
int fl_cmd_memory_search(struct fl_args *args);
int fl_cmd_memory_list(struct fl_args *args);
int fl_cmd_memory_delete(struct fl_args *args);
int fl_cmd_complete(struct fl_args *args);
int fl_cmd_graph_check(struct fl_args *args);
int fl_cmd_graph_draw(struct fl_args *args);
int fl_cmd_graph_schema(struct fl_args *args);
int fl_cmd_policy_check(struct fl_args *args);
int fl_cmd_policy_explain(struct fl_args *args);
int fl_cmd_policy_learn(struct fl_args *args);
int fl_cmd_policy_pin(struct fl_args *args);
int fl_cmd_policy_diff(struct fl_args *args);
int fl_cmd_policy_keygen(struct fl_args *args);
int fl_cmd_policy_sign(struct fl_args *args);
int fl_cmd_policy_verify(struct fl_args *args);
int fl_cmd_policy_schema(struct fl_args *args);
int fl_cmd_store_seal(struct fl_args *args);
int fl_cmd_store_rotate_key(struct fl_args *args);
int fl_cmd_store_verify(struct fl_args *args);
int fl_cmd_audit_list(struct fl_args *args);
int fl_cmd_audit_verify(struct fl_args *args);
int fl_cmd_mcp_list(struct fl_args *args);
int fl_cmd_mcp_call(struct fl_args *args);
int fl_cmd_mcp_inspect(struct fl_args *args);
int fl_cmd_mcp_pins(struct fl_args *args);
int fl_cmd_mcp_serve(struct fl_args *args);
int fl_cmd_mcp_login(struct fl_args *args);
int fl_cmd_mcp_logout(struct fl_args *args);
int fl_cmd_mcp_status(struct fl_args *args);
struct fl_server;
int fl_serve_http(const struct fl_args *args, struct fl_server *server); /* mcp serve --http */
int fl_cmd_redteam(struct fl_args *args);
int fl_cmd_completion(struct fl_args *args);
int fl_cmd_trace_list(struct fl_args *args);
int fl_cmd_trace_show(struct fl_args *args);
int fl_cmd_trace_tail(struct fl_args *args);
int fl_cmd_doctor(struct fl_args *args);
int fl_cmd_trace_replay(struct fl_args *args);
int fl_cmd_trace_stats(struct fl_args *args);
int fl_cmd_trace_export(struct fl_args *args);
int fl_cmd_trace_erase(struct fl_args *args);
int fl_cmd_trace_prune(struct fl_args *args);
int fl_cmd_cache_clear(struct fl_args *args);
int fl_cmd_version(struct fl_args *args);
int fl_cmd_help(struct fl_args *args);

/* help.c: the help of one command (NULL: all of them) to a stream. */
void fl_help_print(FILE *out, const struct fl_command *command);
void fl_help_group(FILE *out, const char *group);
