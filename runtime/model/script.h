/* SPDX-License-Identifier: MIT */
/* The scripted model's file: which answer follows which text. Pure but for fl_script_load, which reads the file.
 *
 *   replies:
 *     - when: { user: "([0-9]+) plus ([0-9]+)" }        # a regular expression, anywhere in the text
 *       calls: [ { name: math__add, args: { a: "${match.1}", b: "${match.2}" } } ]
 *     - when: { name: math__add }
 *       text: "That makes ${tool.math__add}."
 *
 * The first reply whose `when` fits answers; none is an error that names the text.
 * `when`: user: the last user text, when the last message is the user's; tool: the text of the last tool result, when
 * the last message is one; name: that tool's name. With tool or name beside it, user is the last user text, further up.
 * No when: always.
 * Templates, in text and in the strings of args: ${user}, ${match.N} (groups of `user`, else of `tool`), ${result.N}
 * (groups of `tool`), ${tool} (text of the last result), ${tool.NAME} (of the latest result of that tool); $${ is a
 * literal. A result {"result": x} reads as x. A string of args that is one template and becomes a number is a number.
 * `pieces`, `delay_ms`: how the text streams. `usage`: input_tokens, output_tokens; otherwise a token is counted for
 * every four bytes. `error`: status, message, times: the answer of a provider that fails (the first `times` tries;
 * without: always). */
#pragma once
#include "runtime/model/model.h"

enum {
  FL_SCRIPT_REPLY_COUNT_MAX = 10000,
  FL_SCRIPT_PIECE_COUNT_MAX = 10000,
  FL_SCRIPT_TEXT_SIZE_MAX = 4 * 1024 * 1024,
};

struct fl_script;

/* FL_E_NOT_FOUND, FL_E_IO; FL_E_SYNTAX and FL_E_INVALID with file, line and key. */
int fl_script_load(const char *path, struct fl_script **ret_script, struct fl_error *err);
int fl_script_parse(const char *file, fl_slice text, struct fl_script **ret_script, struct fl_error *err);
void fl_script_destroy(struct fl_script *script); /* NULL allowed */

struct fl_script_answer {
  struct fl_value *message; /* NULL: only the error */
  size_t piece_count;
  uint64_t delay_ms;
  int error_status; /* 0: none */
  char *error_message;
  unsigned error_times; /* tries that fail; UINT_MAX: all */
};
/* FL_E_NOT_FOUND when no reply fits, FL_E_INVALID when a template names something that is not there. */
int fl_script_answer(const struct fl_script *script, const struct fl_model_request *request,
                     struct fl_script_answer *ret_answer, struct fl_error *err);
void fl_script_answer_deinit(struct fl_script_answer *answer);
