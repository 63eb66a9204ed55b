/* SPDX-License-Identifier: MIT */
/* Expression text to tree: recursive descent after the grammar in CEL's language definition, without message
 * construction. Names of macros (has, all, exists, exists_one, filter, map) are words of the grammar here. Pure.
 *
 * A parse function gives NULL once something went wrong; parser->rc then holds the code, and the nodes made so far stay
 * in the expression, which frees them. */
#include "runtime/base/check.h"
#include "runtime/json/expr_internal.h"

#include <stdio.h>

struct parser {
  struct fl_lexer lexer;
  struct fl_expr *expr;
  int rc;
  size_t depth;
  char *locals[FL_EXPR_DEPTH_MAX]; /* names of the enclosing macros' variables */
  size_t local_count;
};

static struct fl_expr_node *parse_expr(struct parser *parser);

static void *fail_at(struct parser *parser, size_t offset, const char *format, ...) FL_PRINTF(3, 4);
static void *fail_at(struct parser *parser, size_t offset, const char *format, ...) {
  if (parser->rc < 0) return NULL;
  char message[FL_ERROR_TEXT_MAX / 2];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  parser->rc = fl_lexer_fail(&parser->lexer, offset, "%s", message);
  return NULL;
}

static void *fail_limit(struct parser *parser, const char *what) {
  if (parser->rc < 0) return NULL;
  uint32_t column = fl_expr_column(parser->lexer.text, parser->lexer.start);
  parser->rc = fl_error_set(parser->lexer.err, FL_E_LIMIT, "column %u: %s", column, what);
  return NULL;
}

static bool next(struct parser *parser) {
  if (parser->rc == 0) parser->rc = fl_lexer_next(&parser->lexer);
  return parser->rc == 0;
}

static bool accept(struct parser *parser, int kind) { return parser->lexer.kind == kind && next(parser); }

static void *fail_unexpected(struct parser *parser, const char *wanted) {
  const struct fl_lexer *lexer = &parser->lexer;
  if (lexer->kind == FL_TOKEN_END)
    return fail_at(parser, lexer->start, "the expression ends where %s was expected", wanted);
  return fail_at(parser, lexer->start, "expected %s, found \"%.*s\"", wanted, (int)(lexer->offset - lexer->start),
                 lexer->text.data + lexer->start);
}

static bool expect(struct parser *parser, int kind, const char *wanted) {
  if (parser->rc < 0) return false;
  if (parser->lexer.kind == kind) return next(parser);
  fail_unexpected(parser, wanted);
  return false;
}

static struct fl_expr_node *add_node(struct parser *parser, enum fl_expr_kind kind, size_t offset) {
  struct fl_expr *expr = parser->expr;
  if ((expr->node_count & (expr->node_count - 1)) == 0) {
    size_t capacity = expr->node_count > 0 ? expr->node_count * 2 : 1;
    expr->nodes = fl_realloc(expr->nodes, capacity * sizeof *expr->nodes);
  }
  struct fl_expr_node *node = fl_new(struct fl_expr_node);
  node->kind = kind;
  node->offset = (uint32_t)offset;
  node->depth = 1;
  expr->nodes[expr->node_count++] = node;
  return node;
}

/* False (and an error) when the tree gets too deep. */
static bool add_arg(struct parser *parser, struct fl_expr_node *node, struct fl_expr_node *arg) {
  if (arg == NULL) return false;
  node->args = fl_realloc(node->args, (node->arg_count + 1) * sizeof(struct fl_expr_node *));
  node->args[node->arg_count++] = arg;
  if (arg->depth + 1 > node->depth) node->depth = arg->depth + 1;
  if (node->depth <= FL_EXPR_TREE_MAX) return true;
  fail_limit(parser, "the expression chains too many operations");
  return false;
}

static struct fl_expr_node *literal_node(struct parser *parser, size_t offset, struct fl_value *value) {
  struct fl_expr_node *node = add_node(parser, FL_EXPR_LITERAL, offset);
  node->literal = value;
  return node;
}

/* ---- calls and macros ---- */

/* `(a, b)`, the bracket not yet read; appended to the arguments that `node` has. */
static bool parse_args(struct parser *parser, struct fl_expr_node *node) {
  if (!expect(parser, '(', "\"(\"")) return false;
  while (parser->rc == 0 && parser->lexer.kind != ')') {
    if (node->arg_count == FL_EXPR_ARG_MAX) return fail_limit(parser, "too many arguments") != NULL;
    if (!add_arg(parser, node, parse_expr(parser))) return false;
    if (!accept(parser, ',')) break;
    if (parser->lexer.kind == ')') return fail_unexpected(parser, "an argument") != NULL;
  }
  return expect(parser, ')', "\",\" or \")\"");
}

static void *fail_function(struct parser *parser, size_t offset, const char *name, bool is_method) {
  static const char *const missing[] = {"timestamp", "duration", "uint", "bytes"};
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
    if (strcmp(name, missing[i]) == 0)
      return fail_at(parser, offset, "%s() is not in this subset of CEL: values are JSON data", name);
  }
  const char *nearest = NULL;
  if (fl_expr_function_find(name, !is_method, &nearest) != NULL)
    return fail_at(parser, offset,
                   is_method ? "%s is called as %s(x), not as x.%s()" : "%s is called as x.%s(), not as %s(x)", name,
                   name, name);
  if (nearest == NULL) fl_expr_function_find(name, is_method, &nearest);
  if (nearest != NULL)
    return fail_at(parser, offset, "there is no function \"%s\"; did you mean \"%s\"?", name, nearest);
  return fail_at(parser, offset, "there is no function \"%s\"", name);
}

/* A pattern that is known now is compiled now: its mistakes show when the graph is loaded. */
static bool prepare_pattern(struct parser *parser, struct fl_expr_node *node, size_t offset) {
  if (node->function->call != fl_expr_matches || node->args[1]->kind != FL_EXPR_LITERAL) return true;
  const char *pattern = fl_as_string(node->args[1]->literal);
  if (pattern == NULL) return true;
  struct fl_error err = {0};
  int rc = fl_regex_create(fl_slice_of(pattern), &node->regex, &err);
  if (rc < 0) fail_at(parser, offset, "the pattern is not valid: %s", err.text);
  return rc == 0;
}

/* `node` has its receiver, if any. */
static struct fl_expr_node *parse_call(struct parser *parser, struct fl_expr_node *node, const char *name,
                                       size_t offset) {
  bool is_method = node->arg_count > 0;
  node->function = fl_expr_function_find(name, is_method, NULL);
  if (node->function == NULL) return fail_function(parser, offset, name, is_method);
  if (!parse_args(parser, node)) return NULL;
  size_t min = node->function->arg_min - is_method, max = node->function->arg_max - is_method;
  size_t count = node->arg_count - is_method;
  if (count < min || count > max) {
    if (min == max)
      return fail_at(parser, offset, "%s takes %zu argument%s, not %zu", name, min, min == 1 ? "" : "s", count);
    return fail_at(parser, offset, "%s takes %zu to %zu arguments, not %zu", name, min, max, count);
  }
  return prepare_pattern(parser, node, offset) ? node : NULL;
}

static struct fl_expr_node *parse_has(struct parser *parser, size_t offset) {
  if (!expect(parser, '(', "\"(\"")) return NULL;
  struct fl_expr_node *node = parse_expr(parser);
  if (node == NULL || !expect(parser, ')', "\")\"")) return NULL;
  if (node->kind != FL_EXPR_SELECT) return fail_at(parser, offset, "has() asks for a member: has(a.b)");
  node->kind = FL_EXPR_HAS;
  return node;
}

static enum fl_fold_kind fold_of(const char *name) {
  static const struct {
    const char *name;
    enum fl_fold_kind fold;
  } folds[] = {{"all", FL_FOLD_ALL},
               {"exists", FL_FOLD_EXISTS},
               {"exists_one", FL_FOLD_EXISTS_ONE},
               {"existsOne", FL_FOLD_EXISTS_ONE},
               {"filter", FL_FOLD_FILTER},
               {"map", FL_FOLD_MAP}};
  for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
    if (strcmp(name, folds[i].name) == 0) return folds[i].fold;
  }
  return FL_FOLD_NONE;
}

static bool parse_fold_variable(struct parser *parser, struct fl_expr_node *node, const char *name) {
  if (!expect(parser, '(', "\"(\"")) return false;
  if (parser->lexer.kind != FL_TOKEN_NAME) {
    fail_at(parser, parser->lexer.start, "%s needs the name of a variable first: list.%s(x, …)", name, name);
    return false;
  }
  if (parser->local_count == FL_EXPR_DEPTH_MAX) return fail_limit(parser, "too many nested list operations") != NULL;
  node->local_index = parser->local_count;
  parser->locals[parser->local_count] = fl_strdup(parser->lexer.word.data);
  parser->local_count++;
  return next(parser) && expect(parser, ',', "\",\"");
}

/* range.name(variable, body) or range.map(variable, condition, body). */
static struct fl_expr_node *parse_fold(struct parser *parser, struct fl_expr_node *range, const char *name,
                                       size_t offset) {
  struct fl_expr_node *node = add_node(parser, FL_EXPR_FOLD, offset);
  node->op = fold_of(name);
  size_t outer_count = parser->local_count;
  if (add_arg(parser, node, range) && parse_fold_variable(parser, node, name) &&
      add_arg(parser, node, parse_expr(parser))) {
    if (node->op == FL_FOLD_MAP && accept(parser, ',')) {
      node->op = FL_FOLD_MAP_IF;
      add_arg(parser, node, parse_expr(parser));
    }
    expect(parser, ')', "\")\"");
  }
  while (parser->local_count > outer_count) fl_free(parser->locals[--parser->local_count]);
  return parser->rc == 0 ? node : NULL;
}

/* ---- primaries ---- */

static bool is_reserved(const char *name) {
  static const char *const words[] = {"as",        "break",  "const",  "continue", "else", "for",
                                      "function",  "if",     "import", "let",      "loop", "package",
                                      "namespace", "return", "var",    "void",     "while"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(name, words[i]) == 0) return true;
  }
  return false;
}

static struct fl_expr_node *name_node(struct parser *parser, const char *name, size_t offset) {
  for (size_t i = parser->local_count; i-- > 0;) {
    if (strcmp(parser->locals[i], name) != 0) continue;
    struct fl_expr_node *node = add_node(parser, FL_EXPR_LOCAL, offset);
    node->local_index = i;
    node->name = fl_strdup(name);
    return node;
  }
  if (strcmp(name, "true") == 0) return literal_node(parser, offset, fl_bool(true));
  if (strcmp(name, "false") == 0) return literal_node(parser, offset, fl_bool(false));
  if (strcmp(name, "null") == 0) return literal_node(parser, offset, fl_null());
  if (is_reserved(name)) return fail_at(parser, offset, "\"%s\" is a reserved word", name);
  struct fl_expr_node *node = add_node(parser, FL_EXPR_NAME, offset);
  node->name = fl_strdup(name);
  return node;
}

static struct fl_expr_node *parse_name(struct parser *parser) {
  size_t offset = parser->lexer.start;
  FL_FREE_AUTO char *name = fl_strdup(parser->lexer.word.data);
  if (!next(parser)) return NULL;
  if (parser->lexer.kind == '{')
    return fail_at(parser, parser->lexer.start, "there are no message types here; a map is {\"key\": value}");
  if (parser->lexer.kind != '(') return name_node(parser, name, offset);
  if (strcmp(name, "has") == 0) return parse_has(parser, offset);
  if (fold_of(name) != FL_FOLD_NONE)
    return fail_at(parser, offset, "%s is called on a list: list.%s(x, …)", name, name);
  return parse_call(parser, add_node(parser, FL_EXPR_CALL, offset), name, offset);
}

static struct fl_expr_node *parse_list(struct parser *parser) {
  struct fl_expr_node *node = add_node(parser, FL_EXPR_LIST, parser->lexer.start);
  if (!next(parser)) return NULL;
  while (parser->lexer.kind != ']') {
    if (!add_arg(parser, node, parse_expr(parser))) return NULL;
    if (!accept(parser, ',')) break;
  }
  return expect(parser, ']', "\",\" or \"]\"") ? node : NULL;
}

static struct fl_expr_node *parse_map(struct parser *parser) {
  struct fl_expr_node *node = add_node(parser, FL_EXPR_MAP, parser->lexer.start);
  if (!next(parser)) return NULL;
  while (parser->lexer.kind != '}') {
    if (!add_arg(parser, node, parse_expr(parser)) || !expect(parser, ':', "\":\"") ||
        !add_arg(parser, node, parse_expr(parser)))
      return NULL;
    if (!accept(parser, ',')) break;
  }
  return expect(parser, '}', "\",\" or \"}\"") ? node : NULL;
}

static struct fl_expr_node *parse_number(struct parser *parser, bool is_negative) {
  struct fl_lexer *lexer = &parser->lexer;
  struct fl_value *value;
  if (lexer->kind == FL_TOKEN_DOUBLE) {
    value = fl_double(is_negative ? -lexer->number : lexer->number);
  } else if (lexer->magnitude > (uint64_t)INT64_MAX + is_negative) {
    return fail_at(parser, lexer->start, "the integer does not fit in 64 bits");
  } else {
    value = fl_int(is_negative ? (int64_t)(0 - lexer->magnitude) : (int64_t)lexer->magnitude);
  }
  struct fl_expr_node *node = literal_node(parser, lexer->start, value);
  return next(parser) ? node : NULL;
}

static struct fl_expr_node *parse_string(struct parser *parser) {
  struct fl_lexer *lexer = &parser->lexer;
  struct fl_expr_node *node = literal_node(parser, lexer->start, fl_string_n(lexer->word.data, lexer->word.size));
  return next(parser) ? node : NULL;
}

static struct fl_expr_node *parse_primary(struct parser *parser) {
  switch (parser->lexer.kind) {
  case FL_TOKEN_INT:
  case FL_TOKEN_DOUBLE: return parse_number(parser, false);
  case FL_TOKEN_STRING: return parse_string(parser);
  case FL_TOKEN_NAME: return parse_name(parser);
  case '[': return parse_list(parser);
  case '{': return parse_map(parser);
  case '(': {
    if (!next(parser)) return NULL;
    struct fl_expr_node *node = parse_expr(parser);
    return node != NULL && expect(parser, ')', "\")\"") ? node : NULL;
  }
  default: return fail_unexpected(parser, "a value");
  }
}

/* ---- members ---- */

static struct fl_expr_node *parse_select(struct parser *parser, struct fl_expr_node *base) {
  if (!next(parser)) return NULL;
  struct fl_lexer *lexer = &parser->lexer;
  if (lexer->kind == '?')
    return fail_at(parser, lexer->start, "optional members are not in this subset; ask with has(a.b)");
  if (lexer->kind != FL_TOKEN_NAME && lexer->kind != FL_TOKEN_QUOTED_NAME)
    return fail_unexpected(parser, "the name of a member");
  size_t offset = lexer->start;
  FL_FREE_AUTO char *name = fl_strdup(lexer->word.data);
  bool is_plain = lexer->kind == FL_TOKEN_NAME;
  if (!next(parser)) return NULL;
  if (lexer->kind == '(' && is_plain) {
    if (fold_of(name) != FL_FOLD_NONE) return parse_fold(parser, base, name, offset);
    struct fl_expr_node *call = add_node(parser, FL_EXPR_CALL, offset);
    return add_arg(parser, call, base) ? parse_call(parser, call, name, offset) : NULL;
  }
  struct fl_expr_node *node = add_node(parser, FL_EXPR_SELECT, offset);
  node->name = fl_strdup(name);
  base->is_base = true;
  return add_arg(parser, node, base) ? node : NULL;
}

static struct fl_expr_node *parse_index(struct parser *parser, struct fl_expr_node *base) {
  struct fl_expr_node *node = add_node(parser, FL_EXPR_INDEX, parser->lexer.start);
  if (!next(parser) || !add_arg(parser, node, base)) return NULL;
  struct fl_expr_node *index = parse_expr(parser);
  if (!add_arg(parser, node, index)) return NULL;
  base->is_base = true;
  return expect(parser, ']', "\"]\"") ? node : NULL;
}

static struct fl_expr_node *parse_members(struct parser *parser, struct fl_expr_node *node) {
  while (node != NULL) {
    if (parser->lexer.kind == '.') node = parse_select(parser, node);
    else if (parser->lexer.kind == '[') node = parse_index(parser, node);
    else break;
  }
  return node;
}

static struct fl_expr_node *parse_unary(struct parser *parser) {
  int op = parser->lexer.kind;
  size_t offset = parser->lexer.start;
  if (op != '!' && op != '-') return parse_members(parser, parse_primary(parser));
  if (parser->depth == FL_EXPR_DEPTH_MAX) return fail_limit(parser, "the expression is nested too deeply");
  if (!next(parser)) return NULL;
  if (op == '-' && (parser->lexer.kind == FL_TOKEN_INT || parser->lexer.kind == FL_TOKEN_DOUBLE))
    return parse_members(parser, parse_number(parser, true));
  parser->depth++;
  struct fl_expr_node *operand = parse_unary(parser);
  parser->depth--;
  struct fl_expr_node *node = add_node(parser, op == '!' ? FL_EXPR_NOT : FL_EXPR_NEGATE, offset);
  return add_arg(parser, node, operand) ? node : NULL;
}

/* ---- operators ---- */

enum { LEVEL_OR, LEVEL_AND, LEVEL_RELATION, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_UNARY };

static int level_of(int kind) {
  switch (kind) {
  case FL_TOKEN_OR: return LEVEL_OR;
  case FL_TOKEN_AND: return LEVEL_AND;
  case FL_TOKEN_EQUAL:
  case FL_TOKEN_NOT_EQUAL:
  case FL_TOKEN_LESS_EQUAL:
  case FL_TOKEN_GREATER_EQUAL:
  case FL_TOKEN_IN:
  case '<':
  case '>': return LEVEL_RELATION;
  case '+':
  case '-': return LEVEL_SUM;
  case '*':
  case '/':
  case '%': return LEVEL_PRODUCT;
  default: return -1;
  }
}

/* a && b && c is one node with three arguments: the chain costs no depth. */
static struct fl_expr_node *combine(struct parser *parser, struct fl_expr_node *left, int op, size_t offset,
                                    struct fl_expr_node *right) {
  enum fl_expr_kind kind = op == FL_TOKEN_AND ? FL_EXPR_AND : op == FL_TOKEN_OR ? FL_EXPR_OR : FL_EXPR_BINARY;
  if (kind != FL_EXPR_BINARY && left->kind == kind) return add_arg(parser, left, right) ? left : NULL;
  struct fl_expr_node *node = add_node(parser, kind, offset);
  node->op = op;
  return add_arg(parser, node, left) && add_arg(parser, node, right) ? node : NULL;
}

static struct fl_expr_node *parse_level(struct parser *parser, int level) {
  if (level == LEVEL_UNARY) return parse_unary(parser);
  struct fl_expr_node *left = parse_level(parser, level + 1);
  while (left != NULL && level_of(parser->lexer.kind) == level) {
    int op = parser->lexer.kind;
    size_t offset = parser->lexer.start;
    if (!next(parser)) return NULL;
    struct fl_expr_node *right = parse_level(parser, level + 1);
    if (right == NULL) return NULL;
    left = combine(parser, left, op, offset, right);
  }
  return left;
}

static struct fl_expr_node *parse_condition(struct parser *parser) {
  struct fl_expr_node *condition = parse_level(parser, LEVEL_OR);
  if (condition == NULL || parser->lexer.kind != '?') return condition;
  struct fl_expr_node *node = add_node(parser, FL_EXPR_CONDITION, parser->lexer.start);
  if (!next(parser) || !add_arg(parser, node, condition) || !add_arg(parser, node, parse_level(parser, LEVEL_OR)) ||
      !expect(parser, ':', "\":\""))
    return NULL;
  return add_arg(parser, node, parse_expr(parser)) ? node : NULL;
}

static struct fl_expr_node *parse_expr(struct parser *parser) {
  if (parser->rc < 0) return NULL;
  if (parser->depth == FL_EXPR_DEPTH_MAX) return fail_limit(parser, "the expression is nested too deeply");
  parser->depth++;
  struct fl_expr_node *node = parse_condition(parser);
  parser->depth--;
  return node;
}

int fl_expr_parse(struct fl_expr *expr, fl_slice text, struct fl_error *err) {
  struct parser parser = {.expr = expr};
  fl_lexer_init(&parser.lexer, text, err);
  if (next(&parser)) {
    if (parser.lexer.kind == FL_TOKEN_END) fail_at(&parser, 0, "the expression is empty");
    expr->root = parse_expr(&parser);
    if (expr->root != NULL && parser.lexer.kind != FL_TOKEN_END) fail_unexpected(&parser, "an operator or the end");
  }
  fl_lexer_deinit(&parser.lexer);
  fl_check(parser.local_count == 0);
  return parser.rc;
}
