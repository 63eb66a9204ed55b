/* SPDX-License-Identifier: MIT */
/* What expressions mean, row by row, after CEL's language definition (for the subset) and our page (for what is ours).
 * A row is an expression and what it gives: JSON text, or an error. The first letter tells which:
 *   !text  an error of evaluation whose message contains the text
 *   ?text  a mistake of syntax
 *   #text  a limit
 * Every row runs twice: with the lists of the environment as arrays and as persistent lists. */
#include "expr_env.h"

#include <stdio.h>
#include <string.h>

static const char names[] =
    "{\"state\":{\"messages\":[{\"role\":\"user\",\"content\":\"hi\",\"id\":\"a\"},"
    "{\"role\":\"assistant\",\"content\":\"\",\"id\":\"b\",\"tool_calls\":[{\"name\":\"math__add\",\"args\":{\"a\":1,"
    "\"b\":2}}]}],"
    "\"notes\":[],\"numbers\":[3,1,2],\"turns\":4,\"refund\":null,\"person\":{\"first "
    "name\":\"Ada\",\"age\":36,\"tags\":[\"x\",\"y\"]},"
    "\"mixed\":[1,\"a\",true,null,1.5],\"text\":\"h\\u00e9llo\"},"
    "\"args\":{\"path\":\"/tmp/"
    "a\",\"deep\":{\"er\":{\"est\":7}}},\"x\":5,\"list\":[1,2,3],\"flag\":true,\"big\":9223372036854775807}";

struct row {
  const char *expression, *expected;
};

static const struct row literals[] = {
    {"1", "1"},
    {"0", "0"},
    {"-1", "-1"},
    {"0x1F", "31"},
    {"-0xff", "-255"},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"9223372036854775808", "?does not fit in 64 bits"},
    {"-9223372036854775809", "?does not fit in 64 bits"},
    {"99999999999999999999", "?does not fit in 64 bits"},
    {"0x10000000000000000", "?does not fit in 64 bits"},
    {"0x", "?needs hexadecimal digits"},
    {"1u", "?no unsigned integers"},
    {"1abc", "?followed by \"a\""},
    {"1.5", "1.5"},
    {".5", "0.5"},
    {"-.5", "-0.5"},
    {"1e3", "1000.0"},
    {"1E-2", "0.01"},
    {"2.5e+1", "25.0"},
    {"1e999", "?too large for a double"},
    {"1.", "?name of a member"},
    {"true", "true"},
    {"false", "false"},
    {"null", "null"},
    {"'a'", "\"a\""},
    {"\"a\"", "\"a\""},
    {"''", "\"\""},
    {"'it\\'s'", "\"it's\""},
    {"\"it's\"", "\"it's\""},
    {"'say \"x\"'", "\"say \\\"x\\\"\""},
    {"'''a'b''c'''", "\"a'b''c\""},
    {"\"\"\"two\nlines\"\"\"", "\"two\\nlines\""},
    {"'two\nlines'", "?does not end on its line"},
    {"'open", "?string does not end"},
    {"'''open''", "?string does not end"},
    {"'\\n\\t\\r\\\\'", "\"\\n\\t\\r\\\\\""},
    {"'\\a\\b\\f\\v\\?\\`'", "\"\\u0007\\b\\f\\u000b?`\""},
    {"'\\x41\\X42\\103\\u0044\\U00000045'", "\"ABCDE\""},
    {"'\\u00e9'", "\"\u00e9\""},
    {"'\\U0001F600'", "\"\U0001F600\""},
    {"'\\ud800'", "?U+D800 cannot stand in a string"},
    {"'\\U00110000'", "?cannot stand in a string"},
    {"'\\000'", "?cannot stand in a string"},
    {"'\\x4'", "?needs 2 hexadecimal digits"},
    {"'\\u12'", "?needs 4 hexadecimal digits"},
    {"'\\08'", "?needs 3 octal digits"},
    {"'\\q'", "?unknown escape"},
    {"'a\\", "?string does not end"},
    {"r'\\d+\\n'", "\"\\\\d+\\\\n\""},
    {"R\"a\\\"", "\"a\\\\\""},
    {"r'''a\\'b'''", "\"a\\\\'b\""},
    {"b'abc'", "?no byte strings"},
    {"[]", "[]"},
    {"[1, 'a', true, null, [2.5]]", "[1,\"a\",true,null,[2.5]]"},
    {"[1, 2,]", "[1,2]"},
    {"[1 2]", "?expected \",\" or \"]\", found \"2\""},
    {"[,]", "?expected a value"},
    {"{}", "{}"},
    {"{'a': 1, \"b\": [2]}", "{\"a\":1,\"b\":[2]}"},
    {"{'a': 1,}", "{\"a\":1}"},
    {"{'a' + 'b': 1}", "{\"ab\":1}"},
    {"{1: 2}", "!keys of a map are strings, not int"},
    {"{'a': 1, 'a': 2}", "!\"a\" is there twice"},
    {"{'a' 1}", "?expected \":\""},
    {"{'a': 1", "?ends where \",\" or \"}\" was expected"},
    {"1 // a comment", "1"},
    {"// first\n1", "1"},
    {"", "?is empty"},
    {"  ", "?is empty"},
};

static const struct row arithmetic[] = {
    {"1 + 2", "3"},
    {"1 + 2 * 3", "7"},
    {"(1 + 2) * 3", "9"},
    {"10 - 4 - 3", "3"},
    {"2 * 3 * 4", "24"},
    {"7 / 2", "3"},
    {"-7 / 2", "-3"},
    {"7 % 3", "1"},
    {"-7 % 3", "-1"},
    {"7 % -3", "1"},
    {"100 / 10 / 2", "5"},
    {"1.5 + 1.5", "3.0"},
    {"1.5 - 2.0", "-0.5"},
    {"1.5 * 2.0", "3.0"},
    {"7.0 / 2.0", "3.5"},
    {"1 + 0.5", "1.5"},
    {"2 * 1.5", "3.0"},
    {"7 / 2.0", "3.5"},
    {"7.5 % 2", "!remainder is for integers"},
    {"1 / 0", "!division by zero"},
    {"1 % 0", "!division by zero"},
    {"1.0 / 0.0", "!division by zero"},
    {"9223372036854775807 + 1", "!does not fit in a 64-bit integer"},
    {"-9223372036854775808 - 1", "!does not fit in a 64-bit integer"},
    {"9223372036854775807 * 2", "!does not fit in a 64-bit integer"},
    {"-9223372036854775808 / -1", "!does not fit in a 64-bit integer"},
    {"-9223372036854775808 % -1", "!does not fit in a 64-bit integer"},
    {"-(-9223372036854775808)", "!does not fit in a 64-bit integer"},
    {"big + x", "!does not fit in a 64-bit integer"},
    {"1e308 * 10.0", "!too large for a double"},
    {"-x", "-5"},
    {"--x", "5"},
    {"- 3", "-3"},
    {"-2.5", "-2.5"},
    {"-'a'", "!cannot negate string"},
    {"x-1", "4"},
    {"x -1", "4"},
    {"'a' + 'b'", "\"ab\""},
    {"'a' + '' + 'b'", "\"ab\""},
    {"[1] + [2, 3]", "[1,2,3]"},
    {"[] + []", "[]"},
    {"list + [4]", "[1,2,3,4]"},
    {"state.notes + state.notes", "[]"},
    {"'a' + 1", "!cannot add string and int; string(x) makes a string"},
    {"1 + true", "!cannot add int and bool"},
    {"'a' * 2", "!cannot multiply string and int"},
    {"'a' - 'b'", "!cannot subtract string and string"},
    {"{} + {}", "!cannot add map and map"},
    {"null + 1", "!cannot add null_type and int"},
    {"1 +", "?ends where a value was expected"},
    {"* 2", "?expected a value, found \"*\""},
    {"1 2", "?expected an operator or the end, found \"2\""},
    {"(1", "?ends where \")\" was expected"},
    {"1)", "?expected an operator or the end, found \")\""},
};

static const struct row comparison[] = {
    {"1 == 1", "true"},
    {"1 == 2", "false"},
    {"1 != 2", "true"},
    {"1 == 1.0", "true"},
    {"1.5 == 1.5", "true"},
    {"9007199254740993 == 9007199254740992.0", "false"},
    {"9007199254740993 > 9007199254740992.0", "true"},
    {"1 == '1'", "false"},
    {"1 != '1'", "true"},
    {"true == 1", "false"},
    {"null == null", "true"},
    {"null == false", "false"},
    {"null == 0", "false"},
    {"'a' == 'a'", "true"},
    {"'a' == 'A'", "false"},
    {"'' == null", "false"},
    {"[] == []", "true"},
    {"[1, 2] == [1, 2]", "true"},
    {"[1, 2] == [2, 1]", "false"},
    {"[1] == [1, 2]", "false"},
    {"[1.0] == [1]", "true"},
    {"[[1], {'a': 2}] == [[1], {'a': 2.0}]", "true"},
    {"{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"},
    {"{'a': 1} == {'a': 2}", "false"},
    {"{'a': 1} == {'b': 1}", "false"},
    {"{'a': 1} == {'a': 1, 'b': 1}", "false"},
    {"{} == []", "false"},
    {"list == [1, 2, 3]", "true"},
    {"[1, 2, 3] == list", "true"},
    {"list == 'x'", "false"},
    {"state.messages == state.messages", "true"},
    {"state.messages[0] == {'role': 'user', 'content': 'hi', 'id': 'a'}", "true"},
    {"1 < 2", "true"},
    {"2 < 1", "false"},
    {"1 <= 1", "true"},
    {"2 > 1", "true"},
    {"1 >= 2", "false"},
    {"1 < 1.5", "true"},
    {"1.5 > 1", "true"},
    {"2 >= 2.0", "true"},
    {"-1 < 0.5", "true"},
    {"9223372036854775807 < 9223372036854775808.0", "true"},
    {"-9223372036854775808 > -1e300", "true"},
    {"'a' < 'b'", "true"},
    {"'a' < 'aa'", "true"},
    {"'B' < 'a'", "true"},
    {"'z' < '\u00e9'", "true"},
    {"false < true", "true"},
    {"true < true", "false"},
    {"1 < 'a'", "!int and string have no order"},
    {"[1] < [2]", "!list and list have no order"},
    {"null < 1", "!null_type and int have no order"},
    {"{} >= {}", "!map and map have no order"},
    {"1 < 2 == true", "true"},
    {"1 = 1", "?to compare, write =="},
};

static const struct row logic[] = {
    {"true && true", "true"},
    {"true && false", "false"},
    {"false || true", "true"},
    {"false || false", "false"},
    {"!true", "false"},
    {"!!true", "true"},
    {"!flag", "false"},
    {"true || false && false", "true"},
    {"(true || false) && false", "false"},
    {"1 == 1 && 2 == 2 && 3 == 3", "true"},
    {"1 == 2 || 2 == 3 || 3 == 3", "true"},
    {"false && 1 / 0 == 1", "false"},
    {"1 / 0 == 1 && false", "false"},
    {"true && 1 / 0 == 1", "!division by zero"},
    {"1 / 0 == 1 && true", "!division by zero"},
    {"true || 1 / 0 == 1", "true"},
    {"1 / 0 == 1 || true", "true"},
    {"false || 1 / 0 == 1", "!division by zero"},
    {"1 / 0 == 1 || false", "!division by zero"},
    {"1 / 0 == 1 && nobody && false", "false"},
    {"1 / 0 == 1 && nobody", "!division by zero"},
    {"'text' && false", "false"},
    {"false && 'text'", "false"},
    {"true && 'text'", "!what && joins must be true or false, not string"},
    {"1 || true", "true"},
    {"1 || false", "!what || joins must be true or false, not int"},
    {"!1", "!what ! negates must be true or false, not int"},
    {"!null", "!not null_type"},
    {"true ? 1 : 2", "1"},
    {"false ? 1 : 2", "2"},
    {"x > 3 ? 'more' : 'less'", "\"more\""},
    {"true ? 1 : 1 / 0", "1"},
    {"false ? 1 / 0 : 2", "2"},
    {"true ? 1 / 0 : 2", "!division by zero"},
    {"1 / 0 == 0 ? 1 : 2", "!division by zero"},
    {"1 ? 2 : 3", "!what stands before ? must be true or false, not int"},
    {"false ? 1 : false ? 2 : 3", "3"},
    {"true ? false ? 1 : 2 : 3", "?expected \":\""},
    {"true ? (false ? 1 : 2) : 3", "2"},
    {"true ? 1", "?ends where \":\" was expected"},
    {"true & false", "?\"and\" is &&"},
    {"true | false", "?\"or\" is ||"},
    {"true and false", "?expected an operator or the end, found \"and\""},
    {"not true", "?found \"true\""},
};

static const struct row members[] = {
    {"x", "5"},
    {"args.path", "\"/tmp/a\""},
    {"args.deep.er.est", "7"},
    {"args['path']", "\"/tmp/a\""},
    {"args['pa' + 'th']", "\"/tmp/a\""},
    {"args.deep['er'].est", "7"},
    {"{'a': {'b': 1}}.a.b", "1"},
    {"{'a-b': 1}.`a-b`", "1"},
    {"{'a': 1}.`a b`", "!no member \"a b\""},
    {"`x`", "?expected a value"},
    {"args.`", "?name in backquotes"},
    {"state.turns", "4"},
    {"state['turns']", "4"},
    {"state['tu' + 'rns'] + 1", "5"},
    {"state.person['first name']", "\"Ada\""},
    {"state.person.tags[1]", "\"y\""},
    {"state.refund", "null"},
    {"state.refund == null", "true"},
    {"state.messages[0].role", "\"user\""},
    {"state.messages[-1].role", "\"assistant\""},
    {"state.messages[-2].role", "\"user\""},
    {"state.messages[1].tool_calls[0].args.b", "2"},
    {"state.messages[2]", "!there is no element 2: the list has 2"},
    {"state.messages[-3]", "!there is no element -3: the list has 2"},
    {"state.notes[0]", "!there is no element 0: the list has 0"},
    {"[1, 2, 3][1]", "2"},
    {"[1, 2, 3][-1]", "3"},
    {"[1, 2, 3][1.0]", "2"},
    {"[1, 2, 3][1.5]", "!whole number, not double"},
    {"[1, 2, 3]['a']", "!whole number, not string"},
    {"list[x]", "!there is no element 5: the list has 3"},
    {"args[0]", "!map cannot be indexed by int"},
    {"'abc'[0]", "!string cannot be indexed by int"},
    {"'abc'['a']", "!only maps have members"},
    {"state[0]", "!state cannot be indexed by int"},
    {"args.pth", "!no member \"pth\"; did you mean \"path\"?"},
    {"args.zzzzzz", "!no member \"zzzzzz\"; has("},
    {"args['zzzzzz']", "!no member \"zzzzzz\""},
    {"state.nothing", "!state.nothing has no value"},
    {"state", "!\"state\" is not a value by itself; write state.NAME"},
    {"stat.turns", "!no \"stat\" here; did you mean \"state\"?"},
    {"nobody", "!no \"nobody\" here"},
    {"x.y", "!a member \"y\" is asked of int"},
    {"list.y", "!a member \"y\" is asked of list"},
    {"null.y", "!a member \"y\" is asked of null_type"},
    {"state.refund.amount", "!asked of null_type"},
    {"has(args.path)", "true"},
    {"has(args.nope)", "false"},
    {"has(args.deep.er)", "true"},
    {"has(args.nope.er)", "!no member \"nope\""},
    {"has(state.turns)", "true"},
    {"has(state.messages)", "true"},
    {"has(state.nothing)", "false"},
    {"has(state.refund)", "true"},
    {"has(last(state.messages).tool_calls)", "true"},
    {"has(state.messages[0].tool_calls)", "false"},
    {"has(state.messages[0].tool_calls) && size(state.messages[0].tool_calls) > 0", "false"},
    {"has(x.y)", "!asked of int"},
    {"has(x)", "?has() asks for a member"},
    {"has(args['path'])", "?has() asks for a member"},
    {"has('a', 'b')", "?expected \")\""},
    {"args.", "?name of a member"},
    {"args.1", "?expected an operator"},
    {"args.?path", "?optional members"},
    {"list[0", "?ends where \"]\" was expected"},
    {"if", "?\"if\" is a reserved word"},
    {"Point{x: 1}", "?no message types"},
    {"$x", "?names stand alone"},
    {"x;", "?leave out the semicolon"},
    {"x # y", "?unexpected \"#\""},
    {"x \xc3\xa9", "?unexpected character"},
};

static const struct row membership[] = {
    {"1 in [1, 2]", "true"},       {"3 in [1, 2]", "false"},
    {"1.0 in [1, 2]", "true"},     {"'1' in [1, 2]", "false"},
    {"[1] in [[1], [2]]", "true"}, {"null in state.mixed", "true"},
    {"2 in list", "true"},         {"1 in []", "false"},
    {"'a' in {'a': 1}", "true"},   {"'b' in {'a': 1}", "false"},
    {"1 in {'1': 1}", "false"},    {"'path' in args", "true"},
    {"!('x' in args)", "true"},    {"'a' in 'abc'", "!for strings there is text.contains(part)"},
    {"1 in 2", "!not into int"},
};

static const struct row functions[] = {
    {"size('')", "0"},
    {"size('h\u00e9llo')", "5"},
    {"'h\u00e9llo'.size()", "5"},
    {"size('\U0001F600')", "1"},
    {"size([1, 2])", "2"},
    {"[].size()", "0"},
    {"size({'a': 1})", "1"},
    {"size(state.messages)", "2"},
    {"state.messages.size() == 2", "true"},
    {"size(5)", "!size() is for strings, lists and maps, not for int"},
    {"size(null)", "!not for null_type"},
    {"size()", "?size takes 1 argument, not 0"},
    {"size(1, 2)", "?size takes 1 argument, not 2"},
    {"'a'.size(1)", "?size takes 0 arguments, not 1"},
    {"last(list)", "3"},
    {"list.last()", "3"},
    {"last(state.messages).id", "\"b\""},
    {"size(last(state.messages).tool_calls) > 0", "true"},
    {"last([])", "!last() of an empty list"},
    {"last(state.notes)", "!last() of an empty list"},
    {"size(pending_calls(state.messages))", "1"},
    {"pending_calls(state.messages + ['text', {'role': 'user', 'content': 'wait'}]) == pending_calls(state.messages)",
     "true"},
    {"pending_calls([{'role': 'assistant', 'tool_calls': [{'id': 'a'}, {'id': 'b'}]}, "
     "{'role': 'tool', 'tool_call_id': 'a'}]).map(c, c.id)",
     "[\"b\"]"},
    {"pending_calls([{'role': 'tool', 'tool_call_id': 'a'}, "
     "{'role': 'assistant', 'tool_calls': [{'id': 'a'}]}]).map(c, c.id)",
     "[\"a\"]"},
    {"pending_calls([{'role': 'assistant', 'tool_calls': [{'id': 'a'}]}, {'role': 'assistant', 'content': 'x'}])",
     "[]"},
    {"pending_calls([{'role': 'user', 'content': 'x'}])", "[]"},
    {"pending_calls([])", "[]"},
    {"pending_calls('abc')", "!pending_calls() is for lists of messages, not for string"},
    {"last('abc')", "!last() is for lists, not for string"},
    {"min(3, 1, 2)", "1"},
    {"max(3, 1.5)", "3"},
    {"min(state.numbers)", "1"},
    {"max(state.numbers)", "3"},
    {"min(['b', 'a'])", "\"a\""},
    {"max([])", "!max() of an empty list"},
    {"max(1)", "!max() takes a list or several values"},
    {"max([1, 'a'])", "!have no order"},
    {"min([null])", "!have no order"},
    {"'abc'.startsWith('ab')", "true"},
    {"'abc'.startsWith('')", "true"},
    {"'abc'.startsWith('bc')", "false"},
    {"'abc'.endsWith('bc')", "true"},
    {"'abc'.endsWith('ab')", "false"},
    {"'bc'.endsWith('abc')", "false"},
    {"'abc'.contains('b')", "true"},
    {"'abc'.contains('')", "true"},
    {"'abc'.contains('d')", "false"},
    {"'a'.startsWith(1)", "!startsWith() is for strings, not for int"},
    {"1 .contains('a')", "!contains() is for strings, not for int"},
    {"list.contains(1)", "!contains() is for strings, not for list"},
    {"startsWith('abc', 'a')", "?startsWith is called as x.startsWith()"},
    {"'1'.int()", "?int is called as int(x), not as x.int()"},
    {"'abc'.matches('b')", "true"},
    {"'abc'.matches('^b')", "false"},
    {"matches('abc', '^a.c$')", "true"},
    {"'a1'.matches(r'^\\w\\d$')", "true"},
    {"'abc'.matches('a' + '.')", "true"},
    {"'h\u00e9'.matches('^h.$')", "true"},
    {"'a'.matches('(')", "?the pattern is not valid"},
    {"'a'.matches('(' + '')", "!the pattern is not valid"},
    {"'a'.matches(1)", "!matches() is for strings"},
    {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')", "#takes too much work"},
    {"'AbC\u00c9'.lowerAscii()", "\"abc\u00c9\""},
    {"'aB1z'.upperAscii()", "\"AB1Z\""},
    {"' \\t a b \\n'.trim()", "\"a b\""},
    {"'\u00a0\u3000a\u2003'.trim()", "\"a\""},
    {"'\u00e9'.trim()", "\"\u00e9\""},
    {"'   '.trim()", "\"\""},
    {"'a,b,c'.split(',')", "[\"a\",\"b\",\"c\"]"},
    {"'a,b,c'.split(',', 2)", "[\"a\",\"b,c\"]"},
    {"'a,b,c'.split(',', 1)", "[\"a,b,c\"]"},
    {"'a,b,c'.split(',', 0)", "[]"},
    {"'a,b,c'.split(',', -1)", "[\"a\",\"b\",\"c\"]"},
    {"'a,'.split(',')", "[\"a\",\"\"]"},
    {"','.split(',')", "[\"\",\"\"]"},
    {"''.split(',')", "[\"\"]"},
    {"'abc'.split('x')", "[\"abc\"]"},
    {"'h\u00e9y'.split('')", "[\"h\",\"\u00e9\",\"y\"]"},
    {"'hey'.split('', 2)", "[\"h\",\"ey\"]"},
    {"''.split('')", "[]"},
    {"'a'.split(',', 'x')", "!is an int, not string"},
    {"['a', 'b'].join(', ')", "\"a, b\""},
    {"['a', 'b'].join()", "\"ab\""},
    {"[].join(',')", "\"\""},
    {"state.person.tags.join('+')", "\"x+y\""},
    {"[1].join(',')", "!element 0 is int"},
    {"'a'.join(',')", "!join() is for lists"},
    {"'aXbX'.replace('X', '--')", "\"a--b--\""},
    {"'aXbX'.replace('X', '', 1)", "\"abX\""},
    {"'abc'.replace('x', 'y')", "\"abc\""},
    {"'abc'.replace('', 'y')", "!needs something to look for"},
    {"'h\u00e9llo'.substring(1)", "\"\u00e9llo\""},
    {"'h\u00e9llo'.substring(1, 2)", "\"\u00e9\""},
    {"'abc'.substring(3)", "\"\""},
    {"'abc'.substring(4)", "!reaches outside"},
    {"'abc'.substring(2, 1)", "!reaches outside"},
    {"'abc'.substring(-1)", "!reaches outside"},
    {"'h\u00e9llo'.indexOf('l')", "2"},
    {"'abc'.indexOf('x')", "-1"},
    {"frob(1)", "?no function \"frob\""},
    {"sise(list)", "?did you mean \"size\"?"},
    {"'a'.starts_with('a')", "?did you mean \"startsWith\"?"},
    {"timestamp('x')", "?not in this subset of CEL"},
    {"dyn(1)", "1"},
};

#include "expr_conversions.h"

static const struct row folds[] = {
    {"[1, 2, 3].all(i, i > 0)", "true"},
    {"[1, 2, 3].all(i, i > 1)", "false"},
    {"[].all(i, 1 / 0 == 0)", "true"},
    {"[1, 2, 3].exists(i, i == 2)", "true"},
    {"[1, 2, 3].exists(i, i == 5)", "false"},
    {"[].exists(i, true)", "false"},
    {"[1, 2, 2].exists_one(i, i == 1)", "true"},
    {"[1, 2, 2].exists_one(i, i == 2)", "false"},
    {"[1, 2, 2].existsOne(i, i == 3)", "false"},
    {"[1, 2, 3].filter(i, i % 2 == 1)", "[1,3]"},
    {"[].filter(i, true)", "[]"},
    {"[1, 2, 3].map(i, i * i)", "[1,4,9]"},
    {"[1, 2, 3].map(i, i > 1, i * 10)", "[20,30]"},
    {"{'a': 1, 'b': 2}.all(k, k < 'c')", "true"},
    {"{'a': 1, 'b': 2}.map(k, k)", "[\"a\",\"b\"]"},
    {"args.deep.exists(k, k == 'er')", "true"},
    {"[1, 0].exists(i, 1 / i == 1)", "true"},
    {"[0, 1].exists(i, 1 / i == 1)", "true"},
    {"[0, 2].exists(i, 1 / i == 1)", "!division by zero"},
    {"[0, 2].all(i, 1 / i == 1)", "false"},
    {"[0, 1].all(i, 1 / i == 1)", "!division by zero"},
    {"[0, 1].exists_one(i, 1 / i == 1)", "!division by zero"},
    {"[0, 1].filter(i, 1 / i == 1)", "!division by zero"},
    {"[0, 1].map(i, 1 / i)", "!division by zero"},
    {"[1, 'a'].all(i, i == 1)", "false"},
    {"[1].all(i, i)", "!the condition must be true or false, not int"},
    {"[1].filter(i, 'x')", "!the condition must be true or false, not string"},
    {"state.messages.exists(m, m.role == 'assistant')", "true"},
    {"state.messages.filter(m, m.role == 'user').size()", "1"},
    {"state.messages.map(m, m.id)", "[\"a\",\"b\"]"},
    {"state.messages.filter(m, has(m.tool_calls)).map(m, m.tool_calls[0].name)", "[\"math__add\"]"},
    {"state.messages.map(m, has(m.tool_calls), m.id)", "[\"b\"]"},
    {"state.numbers.map(i, state.numbers.filter(j, j < i).size())", "[2,0,1]"},
    {"[1, 2].map(i, [10, 20].map(j, i + j))", "[[11,21],[12,22]]"},
    {"[1, 2].map(x, x)", "[1,2]"},
    {"[1].map(x, [2].map(x, x))[0]", "[2]"},
    {"[[1], [2]].all(state, size(state) == 1)", "true"},
    {"[{'a': 1}].map(state, state.a)", "[1]"},
    {"[1, 2].map(i, i) + [i]", "!no \"i\" here"},
    {"list.filter(i, i > x - 4)", "[2,3]"},
    {"[list, list].map(l, l.size())", "[3,3]"},
    {"5.all(i, true)", "!can be walked, not int"},
    {"x.all(i, true)", "!only lists and maps can be walked, not int"},
    {"'abc'.map(c, c)", "!only lists and maps can be walked, not string"},
    {"[1].all(i)", "?expected \",\""},
    {"[1].all(1, true)", "?needs the name of a variable first"},
    {"[1].all(i.j, true)", "?expected \",\""},
    {"[1].all(i, true, true)", "?expected \")\""},
    {"[1].map(i, true, 1, 2)", "?expected \")\""},
    {"all(i, true)", "?all is called on a list"},
    {"[1].alll(i, true)", "?did you mean \"all\"?"},
};

static const struct row limits[] = {
    {"list.map(a, list.map(b, list.map(c, list.map(d, list.map(e, list.map(f, list.map(g, list.map(h, list.map(i, "
     "list.map(j, "
     "list.map(k, list.map(l, a))))))))))))",
     "#more than 100000 steps"},
    {"list.exists(a, list.all(b, list.all(c, list.all(d, list.all(e, list.all(f, list.all(g, list.all(h, list.all(i, "
     "list.all(j, "
     "list.all(k, list.all(l, true)))))))))))) || true",
     "#more than 100000 steps"},
    {"[['0123456789abcdef'].map(a, a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a)[0]].map(a, a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a).map(a, "
     "a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a)",
     "#builds more than 4 MB"},
};

/* ---- running them ---- */

static bool has_error(const char *expected, int rc, const struct fl_error *err) {
  int wanted = expected[0] == '!' ? FL_E_EXPRESSION : expected[0] == '?' ? FL_E_SYNTAX : FL_E_LIMIT;
  return rc == wanted && err->code == wanted && strstr(err->text, expected + 1) != NULL &&
         strncmp(err->text, "column ", 7) == 0;
}

static void run_row(const struct row *row, bool as_lists) {
  struct test_env test = {.names = test_value(names), .as_lists = as_lists};
  struct fl_expr_env env = test_env_of(&test);
  struct fl_error err = {0};
  struct fl_expr *expr = NULL;
  struct fl_value *value = NULL;
  int rc = fl_expr_create(fl_slice_of(row->expression), &expr, &err);
  if (rc == 0) rc = fl_expr_eval(expr, &env, &value, &err);
  bool wants_value = strchr("!?#", row->expected[0]) == NULL;
  bool ok;
  if (wants_value && rc == 0) {
    struct fl_value *expected = test_value(row->expected);
    ok = fl_equal(value, expected) && fl_type_of(value) == fl_type_of(expected);
    fl_value_unref(expected);
  } else {
    ok = !wants_value && rc < 0 && value == NULL && has_error(row->expected, rc, &err);
  }
  int shown = (int)strcspn(row->expression, "\n#");
  tap_ok(ok, "%s%.*s", as_lists ? "(lists) " : "", shown < 60 ? shown : 60, shown > 0 ? row->expression : "-");
  if (!ok) {
    char *text = value != NULL ? fl_dump(value, NULL) : NULL;
    printf("# %s\n#   expected %s\n#   got %d %s\n", row->expression, row->expected, rc,
           text != NULL ? text : err.text);
    fl_text_free(text);
  }
  fl_value_unref(value);
  fl_expr_destroy(expr);
  test_env_deinit(&test);
}

#define RUN(rows)                                              \
  for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++) { \
    run_row(&(rows)[i], false);                                \
    run_row(&(rows)[i], true);                                 \
  }

int main(void) {
  RUN(literals)
  RUN(arithmetic)
  RUN(comparison)
  RUN(logic)
  RUN(members)
  RUN(membership)
  RUN(functions)
  RUN(conversions)
  RUN(folds)
  RUN(limits)
  return tap_done();
}
