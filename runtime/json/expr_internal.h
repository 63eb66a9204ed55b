/* SPDX-License-Identifier: MIT */
/* What the parts of the expression language share: tokens, the tree, the evaluation and its budget. For
 * runtime/json/expr*.c only; everybody else sees expr.h. Pure.
 *
 * Invariants. (1) A tree is immutable once fl_expr_create has returned: evaluations on several threads may share it.
 * (2) A tree is never deeper than FL_EXPR_TREE_MAX, so evaluation may recurse. (3) Whatever an evaluation builds is
 * paid from the output budget before it is built; whatever it walks is paid from the step budget. (4) FL_E_LIMIT ends
 * an evaluation: no operator absorbs it. */
#pragma once
#include "runtime/base/buf.h"
#include "runtime/base/diag.h"
#include "runtime/base/mem.h"
#include "runtime/json/expr.h"
#include "runtime/json/regex.h"

#include <fairlead/value.h>

enum {
  FL_EXPR_TREE_MAX = 512, /* depth of the tree: chains such as a + b + c count, unlike nesting */
  FL_EXPR_ARG_MAX = 16,   /* arguments of a call */
};

/* ---- tokens ---- */

/* Single characters stand for themselves. */
enum fl_token_kind {
  FL_TOKEN_END = 0,
  FL_TOKEN_INT = 256,
  FL_TOKEN_DOUBLE,
  FL_TOKEN_STRING,
  FL_TOKEN_NAME,
  FL_TOKEN_QUOTED_NAME, /* `a-b`, after a dot */
  FL_TOKEN_EQUAL,
  FL_TOKEN_NOT_EQUAL,
  FL_TOKEN_LESS_EQUAL,
  FL_TOKEN_GREATER_EQUAL,
  FL_TOKEN_AND,
  FL_TOKEN_OR,
  FL_TOKEN_IN,
};

struct fl_lexer {
  fl_slice text;
  size_t offset;
  struct fl_error *err;
  /* the token read last */
  int kind;
  size_t start;       /* offset of its first byte */
  uint64_t magnitude; /* INT: without its sign, at most 2^63 */
  double number;      /* DOUBLE */
  struct fl_buf word; /* STRING, decoded; NAME, QUOTED_NAME */
};

void fl_lexer_init(struct fl_lexer *lexer, fl_slice text, struct fl_error *err);
void fl_lexer_deinit(struct fl_lexer *lexer);
/* Reads the next token. Errors: FL_E_SYNTAX with the column. */
int fl_lexer_next(struct fl_lexer *lexer);
/* Decodes the string literal that starts at `lexer->offset` into lexer->word and moves behind it. */
int fl_lexer_string(struct fl_lexer *lexer, bool is_raw);
int fl_lexer_fail(struct fl_lexer *lexer, size_t offset, const char *format, ...) FL_PRINTF(3, 4);
/* The column, from 1 and in characters, of a byte offset. */
uint32_t fl_expr_column(fl_slice text, size_t offset);
/* Appends a code point as UTF-8; false for surrogates, NUL and what is beyond U+10FFFF. */
bool fl_expr_add_code_point(struct fl_buf *buf, uint32_t code_point);

/* ---- the tree ---- */

enum fl_expr_kind {
  FL_EXPR_LITERAL,
  FL_EXPR_NAME,  /* a free name */
  FL_EXPR_LOCAL, /* the variable of an enclosing all, exists, filter or map */
  FL_EXPR_SELECT,
  FL_EXPR_HAS,
  FL_EXPR_INDEX,
  FL_EXPR_LIST,
  FL_EXPR_MAP, /* args: key, value, key, value, … */
  FL_EXPR_NOT,
  FL_EXPR_NEGATE,
  FL_EXPR_BINARY,
  FL_EXPR_AND,
  FL_EXPR_OR,
  FL_EXPR_CONDITION,
  FL_EXPR_CALL, /* a method's receiver is its first argument */
  FL_EXPR_FOLD, /* args: range, condition or element, and with MAP_IF the element */
};

enum fl_fold_kind {
  FL_FOLD_NONE,
  FL_FOLD_ALL,
  FL_FOLD_EXISTS,
  FL_FOLD_EXISTS_ONE,
  FL_FOLD_FILTER,
  FL_FOLD_MAP,
  FL_FOLD_MAP_IF
};

struct fl_expr_function;

struct fl_expr_node {
  enum fl_expr_kind kind;
  uint32_t offset; /* into the text */
  uint32_t depth;
  int op;             /* BINARY: the token; FOLD: enum fl_fold_kind */
  bool is_base;       /* NAME: a member is read from it */
  size_t local_index; /* LOCAL, FOLD */
  char *name;         /* NAME, LOCAL, SELECT, HAS */
  struct fl_value *literal;
  struct fl_regex *regex; /* CALL of matches with a literal pattern */
  const struct fl_expr_function *function;
  struct fl_expr_node **args;
  size_t arg_count;
};

struct fl_expr {
  char *text;
  struct fl_expr_node **nodes; /* all of them, in order of making; owned */
  size_t node_count;
  struct fl_expr_node *root; /* lent */
};

/* Parses into an empty expression, which owns the nodes also on failure. */
int fl_expr_parse(struct fl_expr *expr, fl_slice text, struct fl_error *err);

/* ---- evaluation ---- */

struct fl_eval {
  const struct fl_expr *expr;
  const struct fl_expr_env *env;
  struct fl_error *err;
  size_t steps;  /* used so far */
  size_t output; /* bytes built so far */
  struct fl_var locals[FL_EXPR_DEPTH_MAX];
};

/* In an evaluation a fl_var is owned: one of its two is a reference, or it is the null value's. */
static inline void fl_var_release(struct fl_var *var) {
  fl_value_unref(var->value);
  fl_list_unref(var->list);
  *var = (struct fl_var){0};
}
#define FL_VAR_AUTO __attribute__((cleanup(fl_var_release))) struct fl_var

int fl_eval_node(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret);
int fl_eval_bool_node(struct fl_eval *eval, const struct fl_expr_node *node, const char *what, bool *ret_value);
int fl_eval_fold(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret);
int fl_eval_binary(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret);
int fl_eval_member(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *ret); /* SELECT, INDEX, HAS */

/* Writes "column N: …" and returns FL_E_EXPRESSION. */
int fl_eval_fail(struct fl_eval *eval, const struct fl_expr_node *node, const char *format, ...) FL_PRINTF(3, 4);
int fl_eval_charge(struct fl_eval *eval, const struct fl_expr_node *node, size_t steps);
int fl_eval_spend(struct fl_eval *eval, const struct fl_expr_node *node, size_t bytes);

/* The first error that && and its kin may still absorb. */
struct fl_kept_error {
  int code;
  char *text;
};
void fl_eval_keep_error(struct fl_eval *eval, struct fl_kept_error *kept, int code);
int fl_eval_throw_kept(struct fl_eval *eval, struct fl_kept_error *kept); /* its code */
static inline void fl_kept_error_deinit(struct fl_kept_error *kept) { fl_free(kept->text); }
#define FL_KEPT_ERROR_AUTO __attribute__((cleanup(fl_kept_error_deinit))) struct fl_kept_error

/* Lists, whether values or persistent, read the same. */
static inline bool fl_var_is_list(const struct fl_var *var) { return var->list != NULL || fl_is(var->value, FL_ARRAY); }
static inline size_t fl_var_size(const struct fl_var *var) {
  return var->list != NULL ? fl_list_size(var->list) : fl_size(var->value);
}
static inline struct fl_value *fl_var_at(const struct fl_var *var, size_t index) {
  return var->list != NULL ? fl_list_at(var->list, index) : fl_at(var->value, index);
}
static inline fl_slice fl_var_text(const struct fl_var *var) {
  return fl_slice_n(fl_as_string(var->value), fl_string_size(var->value));
}
/* CEL's name of a type: "int", "list", "null_type". */
const char *fl_var_type_name(const struct fl_var *var);

/* The variable as a value; a persistent list becomes an array, which is paid for. */
int fl_eval_to_value(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *var,
                     struct fl_value **ret_value);
int fl_eval_equal(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *a, const struct fl_var *b,
                  bool *ret_equal);
/* -1, 0, 1; numbers of both kinds, strings, booleans. Errors: FL_E_EXPRESSION for other pairs. */
int fl_eval_compare(struct fl_eval *eval, const struct fl_expr_node *node, const struct fl_var *a,
                    const struct fl_var *b, int *ret_order);
int fl_eval_string(struct fl_eval *eval, const struct fl_expr_node *node, fl_slice text, struct fl_var *ret);
int fl_eval_double(struct fl_eval *eval, const struct fl_expr_node *node, double number, struct fl_var *ret);

/* ---- functions ---- */

/* args[0] is the receiver when called as a method. Gives its result in *ret (a fresh variable). */
typedef int fl_expr_function_fn(struct fl_eval *eval, const struct fl_expr_node *node, struct fl_var *args,
                                size_t arg_count, struct fl_var *ret);

struct fl_expr_function {
  const char *name;
  bool is_global, is_method;
  size_t arg_min, arg_max; /* with the receiver */
  fl_expr_function_fn *call;
};

/* NULL when there is none; *ret_nearest is then a name like it, or NULL. */
const struct fl_expr_function *fl_expr_function_find(const char *name, bool is_method, const char **ret_nearest);
bool fl_expr_is_type_name(const char *name);

fl_expr_function_fn fl_expr_matches, fl_expr_starts_with, fl_expr_ends_with, fl_expr_contains, fl_expr_lower_ascii,
    fl_expr_upper_ascii, fl_expr_trim, fl_expr_split, fl_expr_join, fl_expr_replace, fl_expr_substring,
    fl_expr_index_of;
