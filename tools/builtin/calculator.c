/* SPDX-License-Identifier: MIT */
/* Grammar, loosest first:
 *   sum     = product { ("+" | "-") product }
 *   product = signed { ("*" | "/" | "%") signed }
 *   signed  = ("+" | "-") signed | power
 *   power   = primary [ "^" signed ]          from the right: 2^3^2 = 2^9, and -2^2 = -4
 *   primary = number | name | name "(" sum { "," sum } ")" | "(" sum ")" */
#include "tools/builtin/calculator.h"

#include <fairlead/value.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ARGS_MAX = 64, TOKEN_MAX = 64, WHOLE_DIGITS_MAX = 15 };

struct parser {
  const char *text;
  size_t at;
  int depth;
  bool failed;
  char *error;
};

static double sum(struct parser *parser);
static double signed_value(struct parser *parser);

static double fail(struct parser *parser, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));
static double fail(struct parser *parser, size_t at, const char *format, ...) {
  if (parser->failed) return 0;
  parser->failed = true;
  va_list args;
  va_start(args, format);
  int size = vsnprintf(parser->error, FL_CALCULATOR_ERROR_MAX, format, args);
  va_end(args);
  if (size >= 0 && size < FL_CALCULATOR_ERROR_MAX)
    snprintf(parser->error + size, (size_t)(FL_CALCULATOR_ERROR_MAX - size), " (position %zu)", at + 1);
  return 0;
}

static char peek(struct parser *parser) {
  while (parser->text[parser->at] != '\0' && strchr(" \t\r\n", parser->text[parser->at]) != NULL) parser->at++;
  return parser->text[parser->at];
}

static bool take(struct parser *parser, char c) {
  if (peek(parser) != c) return false;
  parser->at++;
  return true;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/* ---- numbers ---- */

/* Most numbers are whole and short: they are exact in a double, digit by digit. */
static bool take_whole(struct parser *parser, double *ret_number) {
  const char *text = parser->text + parser->at;
  size_t digits = strspn(text, "0123456789");
  if (digits == 0 || digits > WHOLE_DIGITS_MAX || text[digits] == '.' || is_letter(text[digits])) return false;
  int64_t whole = 0;
  for (size_t i = 0; i < digits; i++) whole = whole * 10 + (text[i] - '0');
  *ret_number = (double)whole;
  parser->at += digits;
  return true;
}

/* The token in JSON's spelling, so that the reader of JSON gives the nearest double whatever the locale. */
static double number(struct parser *parser) {
  const char *text = parser->text + parser->at;
  size_t digits = strspn(text, "0123456789"), size = digits;
  size_t fraction = 0;
  if (text[size] == '.') {
    fraction = strspn(text + size + 1, "0123456789");
    size += 1 + fraction;
  }
  if (digits + fraction == 0) return fail(parser, parser->at, "\".\" is not a number");
  size_t mantissa = size;
  if (text[size] == 'e' || text[size] == 'E') {
    size_t sign = text[size + 1] == '+' || text[size + 1] == '-';
    size_t exponent = strspn(text + size + 1 + sign, "0123456789");
    if (exponent > 0) size += 1 + sign + exponent;
  }
  char token[TOKEN_MAX * 2 + 8];
  if (size > TOKEN_MAX) return fail(parser, parser->at, "a number has more than %d characters", TOKEN_MAX);
  size_t zeros = digits > 0 ? strspn(text, "0") : 0;
  if (zeros == digits)
    snprintf(token, sizeof token, "0%s%.*s%.*s", fraction > 0 ? "." : "", (int)fraction, text + digits + 1,
             (int)(size - mantissa), text + mantissa);
  else
    snprintf(token, sizeof token, "%.*s%s%.*s%.*s", (int)(digits - zeros), text + zeros, fraction > 0 ? "." : "",
             (int)fraction, fraction > 0 ? text + digits + 1 : "", (int)(size - mantissa), text + mantissa);
  struct fl_value *value = NULL;
  if (strpbrk(token, ".eE") == NULL)
    memcpy(token + strlen(token), ".0", 3); /* integers beyond 64 bits are numbers too */
  if (fl_parse(token, strlen(token), &value, NULL) != 0)
    return fail(parser, parser->at, "\"%.*s\" is too large", (int)size, text);
  double result = fl_as_double(value, 0);
  fl_value_unref(value);
  parser->at += size;
  if (is_letter(text[size]) || text[size] == '.')
    return fail(parser, parser->at, "Expected an operator after the number");
  return result;
}

/* ---- names ---- */

static double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

/* The library's cbrt misses some exact roots by a bit: cbrt(27) is 3.0000000000000004. */
static double cube_root(double x) {
  double root = cbrt(x), whole = round(root);
  return whole * whole * whole == x ? whole : root;
}

static const struct {
  const char *name;
  double value;
} CONSTANTS[] = {{"pi", 3.14159265358979323846}, {"e", 2.71828182845904523536}, {"tau", 6.28318530717958647693}};

static const struct {
  const char *name;
  double (*run)(double x);
} FUNCTIONS[] = {
    {"sqrt", sqrt},   {"cbrt", cube_root}, {"abs", fabs},  {"sign", sign_of}, {"floor", floor}, {"ceil", ceil},
    {"round", round}, {"trunc", trunc},    {"exp", exp},   {"ln", log},       {"log", log10},   {"log2", log2},
    {"log10", log10}, {"sin", sin},        {"cos", cos},   {"tan", tan},      {"asin", asin},   {"acos", acos},
    {"atan", atan},   {"sinh", sinh},      {"cosh", cosh}, {"tanh", tanh},
};

static const struct {
  const char *name;
  double (*run)(double x, double y);
} FUNCTIONS_OF_TWO[] = {{"atan2", atan2}, {"hypot", hypot}, {"pow", pow}, {"mod", fmod}};

/* min, max, sum: of one or more. */
static bool fold(const char *name, const double *args, size_t count, double *ret_result) {
  double result = args[0];
  bool is_min = strcmp(name, "min") == 0, is_max = strcmp(name, "max") == 0;
  if (!is_min && !is_max && strcmp(name, "sum") != 0) return false;
  for (size_t i = 1; i < count; i++) {
    if (is_min) result = args[i] < result ? args[i] : result;
    else if (is_max) result = args[i] > result ? args[i] : result;
    else result += args[i];
  }
  *ret_result = result;
  return true;
}

static double checked(struct parser *parser, size_t at, double result, const char *what) {
  if (isfinite(result)) return result;
  return fail(parser, at, "%s has no finite real value here", what);
}

static double apply(struct parser *parser, size_t at, const char *name, const double *args, size_t count) {
  double result;
  for (size_t i = 0; i < sizeof FUNCTIONS / sizeof FUNCTIONS[0]; i++) {
    if (strcmp(FUNCTIONS[i].name, name) != 0) continue;
    if (count != 1) return fail(parser, at, "%s takes 1 argument, not %zu", name, count);
    return checked(parser, at, FUNCTIONS[i].run(args[0]), name);
  }
  for (size_t i = 0; i < sizeof FUNCTIONS_OF_TWO / sizeof FUNCTIONS_OF_TWO[0]; i++) {
    if (strcmp(FUNCTIONS_OF_TWO[i].name, name) != 0) continue;
    if (count != 2) return fail(parser, at, "%s takes 2 arguments, not %zu", name, count);
    return checked(parser, at, FUNCTIONS_OF_TWO[i].run(args[0], args[1]), name);
  }
  if (fold(name, args, count, &result)) return checked(parser, at, result, name);
  return fail(parser, at, "There is no function \"%s\"", name);
}

static double call(struct parser *parser, size_t at, const char *name) {
  double args[ARGS_MAX];
  size_t count = 0;
  do {
    if (count == ARGS_MAX) return fail(parser, at, "%s has more than %d arguments", name, ARGS_MAX);
    args[count++] = sum(parser);
  } while (!parser->failed && take(parser, ','));
  if (parser->failed) return 0;
  if (!take(parser, ')')) return fail(parser, parser->at, "Expected \")\" or \",\" in the arguments of %s", name);
  return apply(parser, at, name, args, count);
}

static double named(struct parser *parser) {
  char name[TOKEN_MAX];
  size_t at = parser->at, size = 0;
  while (is_letter(parser->text[at + size]) || is_digit(parser->text[at + size])) size++;
  if (size >= sizeof name) return fail(parser, at, "A name is too long");
  memcpy(name, parser->text + at, size);
  name[size] = '\0';
  parser->at += size;
  if (take(parser, '(')) return call(parser, at, name);
  for (size_t i = 0; i < sizeof CONSTANTS / sizeof CONSTANTS[0]; i++)
    if (strcmp(CONSTANTS[i].name, name) == 0) return CONSTANTS[i].value;
  return fail(parser, at, "\"%s\" is not a constant (pi, e, tau), and a function needs \"(\" after its name", name);
}

/* ---- operators ---- */

static double primary(struct parser *parser) {
  char c = peek(parser);
  double whole;
  if (is_digit(c) && take_whole(parser, &whole)) return whole;
  if (is_digit(c) || c == '.') return number(parser);
  if (is_letter(c)) return named(parser);
  if (c == '\0') return fail(parser, parser->at, "The expression ends where a value is expected");
  if (c != '(') return fail(parser, parser->at, "Expected a number, a name or \"(\"");
  size_t at = parser->at++;
  double result = sum(parser);
  if (!parser->failed && !take(parser, ')')) return fail(parser, at, "This \"(\" is never closed");
  return result;
}

static double power(struct parser *parser) {
  double base = primary(parser);
  size_t at = parser->at;
  if (parser->failed || !take(parser, '^')) return base;
  double exponent = signed_value(parser);
  return parser->failed ? 0 : checked(parser, at, pow(base, exponent), "\"^\"");
}

static double signed_value(struct parser *parser) {
  if (++parser->depth > FL_CALCULATOR_DEPTH_MAX)
    return fail(parser, parser->at, "The expression is nested more than %d deep", FL_CALCULATOR_DEPTH_MAX);
  double result;
  if (take(parser, '-')) result = -signed_value(parser);
  else if (take(parser, '+')) result = signed_value(parser);
  else result = power(parser);
  parser->depth--;
  return result;
}

static double product(struct parser *parser) {
  double result = signed_value(parser);
  while (!parser->failed) {
    char sign = peek(parser);
    size_t at = parser->at;
    if (sign == '\0' || strchr("*/%", sign) == NULL) return result;
    parser->at++;
    double right = signed_value(parser);
    if (parser->failed) return 0;
    if (sign != '*' && right == 0) return fail(parser, at, "Division by zero");
    result = sign == '*' ? result * right : sign == '/' ? result / right : fmod(result, right);
    checked(parser, at, result, "The result");
  }
  return 0;
}

static double sum(struct parser *parser) {
  double result = product(parser);
  while (!parser->failed) {
    size_t at = parser->at;
    if (take(parser, '+')) result += product(parser);
    else if (take(parser, '-')) result -= product(parser);
    else return result;
    if (!parser->failed) checked(parser, at, result, "The result");
  }
  return 0;
}

bool fl_calculate(const char *text, double *ret_number, char ret_error[FL_CALCULATOR_ERROR_MAX]) {
  struct parser parser = {.text = text, .error = ret_error};
  if (strlen(text) > FL_CALCULATOR_TEXT_MAX) {
    snprintf(ret_error, FL_CALCULATOR_ERROR_MAX, "The expression has more than %d characters", FL_CALCULATOR_TEXT_MAX);
    return false;
  }
  double result = sum(&parser);
  if (!parser.failed && peek(&parser) == ')') fail(&parser, parser.at, "This \")\" closes nothing");
  else if (!parser.failed && peek(&parser) != '\0') fail(&parser, parser.at, "Expected an operator (+ - * / %% ^)");
  if (parser.failed) return false;
  *ret_number = result;
  return true;
}
