/* SPDX-License-Identifier: MIT */
/* The tool "process": runs one of the commands that the settings name, and no other. A command is a list of words,
 * never a line for a shell; what the caller may add behind it is what the command's schema allows, nothing when it has
 * none. It runs in a group of its own below the launcher and nothing of it is left when the call has ended. */
#pragma once
#include "tools/builtin/reach.h"

enum { FL_COMMANDS_MAX = 32, FL_COMMAND_WORDS_MAX = 64 };

struct fl_command_line {
  char *name;
  char *words[FL_COMMAND_WORDS_MAX + 1]; /* NULL-terminated */
  size_t word_count;
  uint32_t timeout_ms;
  size_t output_max; /* bytes of each of both outputs */
};

struct fl_commands {
  const struct fl_builtin_host *host;
  char *policy;                            /* of their sandbox; NULL: none */
  char **env;                              /* names, NULL-terminated; NULL: none */
  const struct fl_process_secret *secrets; /* lent */
  size_t secret_count;
  struct fl_command_line items[FL_COMMANDS_MAX];
  size_t count;
};

/* The section "process" of the settings: {"commands": {NAME: {"command": [WORD…], "args"?: SCHEMA, "timeout_ms"?,
 * "output_max"?}}}. *ret_schema is the tool's, as text, the caller's to free with free(). FL_E_INVALID, FL_E_LIMIT. */
int fl_commands_read(const struct fl_value *section, struct fl_commands *commands, char **ret_schema,
                     struct fl_error *err);
void fl_commands_deinit(struct fl_commands *commands);

fl_tool_fn fl_process_tool; /* user: struct fl_commands */
