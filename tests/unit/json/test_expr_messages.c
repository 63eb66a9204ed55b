/* SPDX-License-Identifier: MIT */
/* The functions of expressions and every message that an author of a graph can meet, with its column. A row is an
 * expression and what comes of it: JSON text; "!" and the message of an evaluation; "?" and the message of the parser.
 */
#include "expr_env.h"

#include "runtime/base/buf.h"

#include <stdio.h>
#include <string.h>

static const char names[] =
    "{\"x\":1,\"y\":\"s\",\"state\":{\"n\":5,\"list\":[1,2,3],\"map\":{\"k\":\"v\",\"deep\":{}}}}";

struct row {
  const char *expression, *outcome;
};

static const struct row functions[] = {
    {"size('héllo')", "5"},
    {"size([])", "0"},
    {"size({'a': 1})", "1"},
    {"size(3)", "!column 1: size() is for strings, lists and maps, not for int"},
    {"size(null)", "!column 1: size() is for strings, lists and maps, not for null_type"},
    {"size()", "?column 1: size takes 1 argument, not 0"},
    {"size(1, 2)", "?column 1: size takes 1 argument, not 2"},
    {"'abc'.size()", "3"},
    {"last([1, 2, 3])", "3"},
    {"last([])", "!column 1: last() of an empty list"},
    {"last('abc')", "!column 1: last() is for lists, not for string"},
    {"[1].last()", "1"},
    {"min(3, 1.5, 2)", "1.5"},
    {"min([3, 1, 2])", "1"},
    {"max('a', 'b')", "\"b\""},
    {"max([])", "!column 1: max() of an empty list"},
    {"max(1, 'a')", "!column 1: string and int have no order"},
    {"max(true)", "!column 1: max() takes a list or several values"},
    {"min(null)", "!column 1: min() takes a list or several values"},
    {"min([null, 1])", "!column 1: int and null_type have no order"},
    {"max([1, 2.5, 2])", "2.5"},
    {"type(1)", "\"int\""},
    {"type(1.0)", "\"double\""},
    {"type(null)", "\"null_type\""},
    {"type([1]) == list", "true"},
    {"dyn({'a': 1}).a", "1"},
    {"string(1)", "\"1\""},
    {"string(1.5)", "\"1.5\""},
    {"string(2.0)", "\"2\""},
    {"string(true)", "\"true\""},
    {"string(null)", "\"null\""},
    {"string([1, 'a', {'b': null}])", "\"[1,\\\"a\\\",{\\\"b\\\":null}]\""},
    {"int('12')", "12"},
    {"int('-9223372036854775808')", "-9223372036854775808"},
    {"int('9223372036854775808')", "!column 1: \"9223372036854775808\" is not an integer of 64 bits"},
    {"int('1.5')", "!column 1: \"1.5\" is not an integer of 64 bits"},
    {"int('')", "!column 1: \"\" is not an integer of 64 bits"},
    {"int(' 1')", "!column 1: \" 1\" is not an integer of 64 bits"},
    {"int(1.9)", "1"},
    {"int(-1.9)", "-1"},
    {"int(1e19)", "!column 1: the number does not fit in a 64-bit integer"},
    {"int(true)", "!column 1: int() does not convert bool"},
    {"int([1])", "!column 1: int() does not convert list"},
    {"double('1.5')", "1.5"},
    {"double('.5')", "0.5"},
    {"double('1e999')", "!column 1: \"1e999\" is not a number"},
    {"double('1,5')", "!column 1: \"1,5\" is not a number"},
    {"double('0x10')", "!column 1: \"0x10\" is not a number"},
    {"double('inf')", "!column 1: \"inf\" is not a number"},
    {"double(true)", "!column 1: double() does not convert bool"},
    {"bool('true')", "true"},
    {"bool('TRUE')", "true"},
    {"bool('yes')", "!column 1: \"yes\" is not true or false"},
    {"bool(1)", "!column 1: bool() does not convert int"},
    {"bool('0')", "false"},
    {"'hello'.matches('^h.*o$')", "true"},
    {"matches('hello', 'l{2}')", "true"},
    {"'a'.matches('(')", "?column 5: the pattern is not valid: pattern, offset 1: a parenthesis is not closed"},
    {"'a'.matches(1)", "!column 5: matches() is for strings, not for int"},
    {"'Hello'.startsWith('He')", "true"},
    {"'Hello'.startsWith('')", "true"},
    {"'Hello'.endsWith('lo')", "true"},
    {"'Hello'.endsWith(1)", "!column 9: endsWith() is for strings, not for int"},
    {"'Hello'.contains('ell')", "true"},
    {"[1].contains(1)", "!column 5: contains() is for strings, not for list"},
    {"'ÄBc'.lowerAscii()", "\"Äbc\""},
    {"'äbC'.upperAscii()", "\"äBC\""},
    {"'  a b \\u00a0'.trim()", "\"a b\""},
    {"1.trim()", "!column 3: trim() is for strings, not for int"},
    {"'a,b,,c'.split(',')", "[\"a\",\"b\",\"\",\"c\"]"},
    {"'a,b,c'.split(',', 2)", "[\"a\",\"b,c\"]"},
    {"'a,b,c'.split(',', 0)", "[]"},
    {"'abc'.split('')", "[\"a\",\"b\",\"c\"]"},
    {"''.split(',')", "[\"\"]"},
    {"'a'.split(',', 'x')", "!column 5: the last argument of split() is an int, not string"},
    {"['a', 'b'].join('-')", "\"a-b\""},
    {"['a', 'b'].join()", "\"ab\""},
    {"[1, 2].join(',')", "!column 8: join() joins strings; element 0 is int"},
    {"'ab'.join(',')", "!column 6: join() is for lists, not for string"},
    {"'banana'.replace('a', 'o')", "\"bonono\""},
    {"'banana'.replace('a', 'o', 2)", "\"bonona\""},
    {"'abc'.replace('', '-')", "!column 7: replace() needs something to look for"},
    {"'abc'.replace('b', 1)", "!column 7: replace() is for strings, not for int"},
    {"'héllo'.substring(1)", "\"éllo\""},
    {"'héllo'.substring(1, 3)", "\"él\""},
    {"'hello'.substring(9)", "!column 9: substring() reaches outside the text"},
    {"'hello'.substring(3, 1)", "!column 9: substring() reaches outside the text"},
    {"'hello'.substring(-1)", "!column 9: substring() reaches outside the text"},
    {"'hello'.substring('1')", "!column 9: substring() takes ints, not string"},
    {"'héllo'.indexOf('l')", "2"},
    {"'hello'.indexOf('z')", "-1"},
    {"'hello'.indexOf(1)", "!column 9: indexOf() is for strings, not for int"},
    {"startsWith('a', 'b')", "?column 1: startsWith is called as x.startsWith(), not as startsWith(x)"},
    {"'a'.max('b')", "?column 5: max is called as max(x), not as x.max()"},
    {"'a'.startswith('b')", "?column 5: there is no function \"startswith\"; did you mean \"startsWith\"?"},
    {"lenght([1])", "?column 1: there is no function \"lenght\""},
    {"'a'.foo()", "?column 5: there is no function \"foo\"; did you mean \"bool\"?"},
};

static const struct row folds[] = {
    {"[1, 2, 3].all(i, i > 0)", "true"},
    {"[1, 2, 3].exists(i, i > 2)", "true"},
    {"[1, 2, 3].exists_one(i, i > 1)", "false"},
    {"[1, 2, 3].filter(i, i > 1)", "[2,3]"},
    {"[1, 2, 3].map(i, i * 2)", "[2,4,6]"},
    {"[1, 2, 3].map(i, i > 1, i * 2)", "[4,6]"},
    {"[1, 2].map(i, i / 0)", "!column 17: division by zero"},
    {"[1, 2].all(i, i)", "!column 15: the condition must be true or false, not int"},
    {"'abc'.map(c, c)", "!column 7: only lists and maps can be walked, not string"},
    {"{'a': 1, 'b': 2}.all(k, k < 'c')", "true"},
    {"{'a': 1}.map(k, k)", "[\"a\"]"},
    {"has(state.n)", "true"},
    {"has(state.gone)", "false"},
    {"has(state.map.k)", "true"},
    {"has(x)", "?column 1: has() asks for a member: has(a.b)"},
    {"has('a')", "?column 1: has() asks for a member: has(a.b)"},
};

static const struct row others[] = {
    {"x.foo", "!column 3: a member \"foo\" is asked of int; only maps have members"},
    {"x + y", "!column 3: cannot add int and string; string(x) makes a string"},
    {"nosuch", "!column 1: there is no \"nosuch\" here"},
    {"stat.a", "!column 1: there is no \"stat\" here; did you mean \"state\"?"},
    {"state", "!column 1: \"state\" is not a value by itself; write state.NAME"},
    {"state.nosuch", "!column 7: state.nosuch has no value; has(state.nosuch) asks whether it has"},
    {"state.map.deep.gone", "!column 16: the map has no member \"gone\"; has(…) asks whether there is one"},
    {"state.list[5]", "!column 11: there is no element 5: the list has 3"},
    {"state.list[-1]", "3"},
    {"state.list[-4]", "!column 11: there is no element -4: the list has 3"},
    {"state.list['a']", "!column 11: the index of a list is a whole number, not string"},
    {"state.map['k']", "\"v\""},
    {"state.map[1]", "!column 10: map cannot be indexed by int"},
    {"state.n.x", "!column 9: a member \"x\" is asked of int; only maps have members"},
    {"1 / 0", "!column 3: division by zero"},
    {"1 % 0", "!column 3: division by zero"},
    {"1.0 / 0.0", "!column 5: division by zero"},
    {"9223372036854775807 + 1", "!column 21: the result does not fit in a 64-bit integer"},
    {"-9223372036854775808 - 1", "!column 22: the result does not fit in a 64-bit integer"},
    {"9223372036854775807 * 2", "!column 21: the result does not fit in a 64-bit integer"},
    {"-(-9223372036854775808)", "!column 1: the result does not fit in a 64-bit integer"},
    {"1 + 'a'", "!column 3: cannot add int and string; string(x) makes a string"},
    {"'a' + 1", "!column 5: cannot add string and int; string(x) makes a string"},
    {"'a' - 'b'", "!column 5: cannot subtract string and string"},
    {"[1] + {'a': 1}", "!column 5: cannot add list and map"},
    {"1 < 'a'", "!column 3: int and string have no order"},
    {"null < 1", "!column 6: null_type and int have no order"},
    {"[1] < [2]", "!column 5: list and list have no order"},
    {"1 == 1.0", "true"},
    {"1 == '1'", "false"},
    {"[1, 2.0] == [1.0, 2]", "true"},
    {"{'a': 1} == {'a': 1.0}", "true"},
    {"1 in [1, 2]", "true"},
    {"'a' in {'a': 1}", "true"},
    {"'a' in 'abc'",
     "!column 5: \"in\" looks into lists and maps, not into string; for strings there is text.contains(part)"},
    {"1 in {'a': 1}", "false"},
    {"!1", "!column 2: what ! negates must be true or false, not int"},
    {"1 && true", "!column 1: what && joins must be true or false, not int"},
    {"true && 'a'", "!column 9: what && joins must be true or false, not string"},
    {"false && nosuch", "false"},
    {"nosuch && false", "false"},
    {"nosuch || true", "true"},
    {"nosuch || false", "!column 1: there is no \"nosuch\" here"},
    {"1 ? 2 : 3", "!column 1: what stands before ? must be true or false, not int"},
    {"true ? 1 : nosuch", "1"},
    {"{'a': 1, 'a': 2}", "!column 10: the key \"a\" is there twice"},
    {"{1: 2}", "!column 2: the keys of a map are strings, not int"},
    {"[1, 2", "?column 6: the expression ends where \",\" or \"]\" was expected"},
    {"(1", "?column 3: the expression ends where \")\" was expected"},
    {"1 +", "?column 4: the expression ends where a value was expected"},
    {"'abc", "?column 1: the string does not end"},
    {"\"a\\q\"", "?column 3: unknown escape; to write a backslash, write \\\\, or put r in front of the string"},
    {"\"\\u00\"", "?column 2: this escape needs 4 hexadecimal digits"},
    {"'\\000'", "?column 2: U+0000 cannot stand in a string"},
    {"r'\\q'", "\"\\\\q\""},
    {"1 2", "?column 3: expected an operator or the end, found \"2\""},
    {"a b", "?column 3: expected an operator or the end, found \"b\""},
    {"1..2", "?column 3: expected the name of a member, found \".2\""},
    {".5", "0.5"},
    {"5.", "?column 3: the expression ends where the name of a member was expected"},
    {"0x1f", "31"},
    {"0xg", "?column 1: \"0x\" needs hexadecimal digits"},
    {"1u", "?column 2: there are no unsigned integers here; leave out the \"u\""},
    {"99999999999999999999", "?column 1: the integer does not fit in 64 bits"},
    {"1e999", "?column 1: the number is too large for a double"},
    {"a.b.", "?column 5: the expression ends where the name of a member was expected"},
    {"f(", "?column 1: there is no function \"f\""},
    {"@", "?column 1: unexpected \"@\""},
    {"#", "?column 1: unexpected \"#\""},
    {"a = b", "?column 3: unexpected \"=\": to compare, write =="},
    {"a & b", "?column 3: unexpected \"&\": \"and\" is &&"},
    {"if", "?column 1: \"if\" is a reserved word"},
    {"for", "?column 1: \"for\" is a reserved word"},
};

/* The outcome as a row writes it. */
static void outcome_of(const char *expression, const struct fl_expr_env *env, struct fl_buf *ret_text) {
  struct fl_error err = {0};
  struct fl_expr *expr = NULL;
  FL_VALUE_AUTO value = NULL;
  int rc = fl_expr_create(fl_slice_of(expression), &expr, &err);
  if (rc == 0) rc = fl_expr_eval(expr, env, &value, &err);
  char *text = rc == 0 ? fl_dump(value, NULL) : NULL;
  const char *mark = rc == FL_E_EXPRESSION ? "!" : rc == FL_E_SYNTAX ? "?" : "#";
  fl_buf_addf(ret_text, "%s%s", rc == 0 ? "" : mark, rc == 0 ? text : err.text);
  fl_text_free(text);
  fl_expr_destroy(expr);
}

/* Arrays as values and as persistent lists must behave the same. */
static void check(const struct row *row, bool as_lists) {
  struct test_env test = {.names = test_value(names), .as_lists = as_lists};
  struct fl_expr_env env = test_env_of(&test);
  FL_BUF_AUTO text = {0};
  outcome_of(row->expression, &env, &text);
  bool ok = strcmp(text.data, row->outcome) == 0;
  tap_ok(ok, "%s%.60s", as_lists ? "(lists) " : "", row->expression[0] == '#' ? "a hash" : row->expression);
  if (!ok) printf("#   expected %s\n#   got      %s\n", row->outcome, text.data);
  test_env_deinit(&test);
}

static void check_all(const struct row *rows, size_t count) {
  for (size_t i = 0; i < 2 * count; i++) check(&rows[i / 2], i % 2 == 1);
}

int main(void) {
  check_all(functions, sizeof functions / sizeof *functions);
  check_all(folds, sizeof folds / sizeof *folds);
  check_all(others, sizeof others / sizeof *others);
  return tap_done();
}
