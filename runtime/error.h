/* SPDX-License-Identifier: MIT */
/* Errors, as every public function of fairlead reports them: a negative FL_E_* code is the answer, and a text that says
 * what happened, where and what to do goes to an optional `struct fl_error`. Each layer that passes an error on adds
 * its own context in front, once. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FL_API __attribute__((visibility("default")))
#define FL_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))

/* The one table of error codes: name, code, word (stable, for programs), sentence (for people). */
#define FL_ERROR_TABLE(X)                                                  \
  X(INVALID, -1, "invalid", "the input is not valid")                      \
  X(SYNTAX, -2, "syntax", "the text does not follow its grammar")          \
  X(LIMIT, -3, "limit", "a limit was reached")                             \
  X(NOT_FOUND, -4, "not_found", "there is no such thing")                  \
  X(EXISTS, -5, "exists", "it exists already")                             \
  X(CONFLICT, -6, "conflict", "somebody else changed it in the meantime")  \
  X(BUSY, -7, "busy", "it is in use by somebody else")                     \
  X(DENIED, -8, "denied", "the policy does not allow it")                  \
  X(IO, -9, "io", "reading or writing failed")                             \
  X(NO_SPACE, -10, "no_space", "the disk is full")                         \
  X(CORRUPT, -11, "corrupt", "stored data is damaged")                     \
  X(VERSION, -12, "version", "the version is not supported")               \
  X(TIMEOUT, -13, "timeout", "it took too long")                           \
  X(CANCELLED, -14, "cancelled", "it was cancelled")                       \
  X(CLOSED, -15, "closed", "the other side closed the connection")         \
  X(NETWORK, -16, "network", "the network failed")                         \
  X(PROTOCOL, -17, "protocol", "the other side broke the protocol")        \
  X(REMOTE, -18, "remote", "the other side answered with an error")        \
  X(RATE, -19, "rate", "the other side asks to slow down")                 \
  X(AUTH, -20, "auth", "the other side refused the credentials")           \
  X(UNSUPPORTED, -21, "unsupported", "this build or machine cannot do it") \
  X(STATE, -22, "state", "it is not possible in this state")               \
  X(GRAPH, -23, "graph", "the graph is not valid")                         \
  X(RECURSION, -24, "recursion", "the recursion limit was reached")        \
  X(TASK, -25, "task", "a task failed")                                    \
  X(EXPRESSION, -26, "expression", "an expression failed")                 \
  X(TRUNCATED, -27, "truncated", "the data ended too early")               \
  X(BUG, -28, "bug", "fairlead broke one of its own rules; please report it") \
  X(BUDGET, -29, "budget", "a budget is used up")

enum fl_error_code {
#define X(name, code, word, sentence) FL_E_##name = code,
  FL_ERROR_TABLE(X)
#undef X
};

enum { FL_ERROR_TEXT_MAX = 2048 };

/* Filled by the function that fails; untouched on success. `text` is UTF-8 and always terminated. */
struct fl_error {
  int code;
  char text[FL_ERROR_TEXT_MAX];
};

/* The stable word ("no_space") and the sentence ("the disk is full") of a code; "unknown" for another number. */
FL_API const char *fl_error_word(int code);
FL_API const char *fl_error_sentence(int code);

/* Writes code and text into `err` (may be NULL) and returns `code`, so that a failure is one line. */
FL_API int fl_error_set(struct fl_error *err, int code, const char *format, ...) FL_PRINTF(3, 4);
FL_API int fl_error_vset(struct fl_error *err, int code, const char *format, va_list args) FL_PRINTF(3, 0);

/* Puts "context: " in front of the text and returns the code that stands in `err` (FL_E_INVALID when `err` is NULL). */
FL_API int fl_error_context(struct fl_error *err, const char *format, ...) FL_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif
