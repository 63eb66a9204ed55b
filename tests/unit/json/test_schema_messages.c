/* SPDX-License-Identifier: MIT */
/* What a model reads when its arguments do not fit, keyword by keyword: each row is a schema, an instance and the
 * whole text. In schemas and instances ' stands for ". */
#include "tests/unit/json/schema_rows.h"

#include "runtime/base/buf.h"

struct told {
  const char *schema, *instance, *text;
};

static const struct told about_one_value[] = {
    {"{'type':'string'}", "null", "(root): is null, but must be a string"},
    {"{'type':'integer'}", "1.5", "(root): is a number, but must be an integer"},
    {"{'type':['string','number']}", "[]", "(root): is an array, but must be a string or a number"},
    {"{'type':'array'}", "{'a':1}", "(root): is an object, but must be an array"},
    {"{'type':'object'}", "'{}'", "(root): is a string, but must be an object"},
    {"{'const':null}", "0", "(root): is 0, but must be null"},
    {"{'const':'a b'}", "'a  b'", "(root): is \"a  b\", but must be \"a b\""},
    {"{'const':[1,2,3]}", "{'long':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}",
     "(root): is an object, but must be [1,2,3]"},
    {"{'enum':[1,2,3]}", "4", "(root): is 4, but must be one of 1, 2, 3"},
    {"{'enum':['low','high']}", "'hihg'", "(root): is \"hihg\", but must be one of \"low\", \"high\""},
    {"{'enum':[]}", "1", "(root): is 1, but no value at all is allowed here"},
    {"{'enum':['a','b','c','d','e','f','g','h','i','j','k','l','m','n']}", "'z'",
     "(root): is \"z\", but must be one of \"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"j\", "
     "\"k\", \"l\" and 2 more"},
    {"{'enum':['celsius','fahrenheit','kelvin']}", "'Celsius'",
     "(root): is \"Celsius\", but must be one of \"celsius\", \"fahrenheit\", \"kelvin\"; did you mean \"celsius\"?"},
    {"{'multipleOf':0.01}", "1.005", "(root): is 1.005, but must be a multiple of 0.01"},
    {"{'maximum':10}", "10.5", "(root): is 10.5, but must be at most 10"},
    {"{'maximum':-1}", "9223372036854775807", "(root): is 9223372036854775807, but must be at most -1"},
    {"{'exclusiveMaximum':10}", "10", "(root): is 10, but must be less than 10"},
    {"{'minimum':0}", "-1", "(root): is -1, but must be at least 0"},
    {"{'minimum':1e300}", "1", "(root): is 1, but must be at least 1e+300"},
    {"{'exclusiveMinimum':0}", "0", "(root): is 0, but must be greater than 0"},
    {"{'maxLength':3}", "'abcd'", "(root): must have at most 3 characters, but has 4"},
    {"{'minLength':1}", "''", "(root): must have at least 1 character, but has 0"},
    {"{'minLength':2}", "'\\ud83d\\ude00'", "(root): must have at least 2 characters, but has 1"},
    {"{'pattern':'^[a-z]+$'}", "'A1'", "(root): is \"A1\", but must match the pattern ^[a-z]+$"},
    {"{'pattern':'^[a-z]+$'}", "'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'",
     "(root): is \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA…\", but must match the pattern "
     "^[a-z]+$"},
    {"{'pattern':'\\\\d{4}'}", "'12'", "(root): is \"12\", but must match the pattern \\d{4}"},
    {"{'format':'date-time'}", "'2024-02-30T00:00:00Z'",
     "(root): is \"2024-02-30T00:00:00Z\", but must be a valid date-time, as 2024-05-01T10:00:00Z"},
    {"{'format':'time'}", "'25:00:00Z'", "(root): is \"25:00:00Z\", but must be a valid time, as 10:00:00Z"},
    {"{'format':'email'}", "'nobody'", "(root): is \"nobody\", but must be a valid email, as someone@example.com"},
    {"{'format':'uri'}", "'not a uri'", "(root): is \"not a uri\", but must be a valid uri, as https://example.com/a"},
    {"{'format':'uuid'}", "'1234'",
     "(root): is \"1234\", but must be a valid uuid, as 2eb8aa08-aa98-11ea-b4aa-73b441d16380"},
    {"{'format':'ipv4'}", "'256.1.1.1'", "(root): is \"256.1.1.1\", but must be a valid ipv4, as 192.0.2.1"},
    {"{'format':'ipv6'}", "'::g'", "(root): is \"::g\", but must be a valid ipv6, as 2001:db8::1"},
    {"{'format':'hostname'}", "'-a.example'",
     "(root): is \"-a.example\", but must be a valid hostname, as www.example.com"},
    {"{'format':'duration'}", "'P'", "(root): is \"P\", but must be a valid duration, as P1DT2H"},
    {"{'format':'regex'}", "'('", "(root): is \"(\", but must be a valid regex, as ^[a-z]+$"},
    {"{'format':'json-pointer'}", "'a'", "(root): is \"a\", but must be a valid json-pointer, as /a/0"},
    {"{'format':'unknown-format'}", "'anything'", ""},
    {"false", "{'a':1}", "(root): is not allowed here"},
    {"{'type':'object','required':['a','b'],'properties':{'a':{'type':'string'},'c':{'type':'integer','minimum':0}},'a"
     "dditionalProperties':false}",
     "{'a':1,'c':-5,'d':true}",
     "(root): lacks the required property \"b\"; /a: is an integer, but must be a string; /c: is -5, but must be at "
     "least 0; /d: is not a property that is allowed here; known are \"a\", \"c\""},
    {"{'type':'string','enum':['a','b']}", "1",
     "(root): is an integer, but must be a string; (root): is 1, but must be one of \"a\", \"b\""},
    {"{'minimum':5,'multipleOf':2}", "3",
     "(root): is 3, but must be a multiple of 2; (root): is 3, but must be at least 5"},
};

static const struct told about_arrays_and_objects[] = {
    {"{'maxItems':0}", "[1]", "(root): must have at most 0 items, but has 1"},
    {"{'minItems':2}", "[]", "(root): must have at least 2 items, but has 0"},
    {"{'uniqueItems':true}", "['a','b','a']", "(root): items 0 and 2 are equal, but all items must be different"},
    {"{'prefixItems':[{'type':'string'},{'type':'integer'}]}", "[1,'a']",
     "/0: is an integer, but must be a string; /1: is a string, but must be an integer"},
    {"{'items':{'minimum':3}}", "[5,2,4,1]", "/1: is 2, but must be at least 3; /3: is 1, but must be at least 3"},
    {"{'items':false}", "[1]", "/0: is not allowed here"},
    {"{'contains':{'const':1}}", "[2,3]", "(root): must hold at least 1 item that fits `contains`, but holds 0"},
    {"{'contains':{'const':1},'maxContains':1}", "[1,1]",
     "(root): must hold at most 1 item that fits `contains`, but holds 2"},
    {"{'maxProperties':1}", "{'a':1,'b':2}", "(root): must have at most 1 property, but has 2"},
    {"{'minProperties':2}", "{}", "(root): must have at least 2 properties, but has 0"},
    {"{'required':['city','country']}", "{}",
     "(root): lacks the required property \"city\"; (root): lacks the required property \"country\""},
    {"{'required':['a/b']}", "{'a':1}", "(root): lacks the required property \"a/b\""},
    {"{'dependentRequired':{'card':['holder','expiry']}}", "{'card':1}",
     "(root): has the property \"card\", and so must have \"holder\" too; (root): has the property \"card\", and so "
     "must have \"expiry\" too"},
    {"{'dependentSchemas':{'a':{'required':['b']}}}", "{'a':1}", "(root): lacks the required property \"b\""},
    {"{'properties':{'a':{'properties':{'b':{'items':{'type':'integer'}}}}}}", "{'a':{'b':[1,'2',null]}}",
     "/a/b/1: is a string, but must be an integer; /a/b/2: is null, but must be an integer"},
    {"{'properties':{'a/b':{'type':'null'},'m~n':{'type':'null'},'':{'type':'null'}}}", "{'a/b':1,'m~n':2,'':3}",
     "/a~1b: is an integer, but must be null; /m~0n: is an integer, but must be null; /: is an integer, but must be "
     "null"},
    {"{'properties':{'location':true,'unit':true},'additionalProperties':false}", "{'locaton':1}",
     "/locaton: is not a property that is allowed here; known are \"location\", \"unit\"; did you mean \"location\"?"},
    {"{'additionalProperties':false}", "{'a':1}", "/a: is not a property that is allowed here"},
    {"{'additionalProperties':{'type':'integer'}}", "{'a':1,'b':'x'}", "/b: is a string, but must be an integer"},
    {"{'patternProperties':{'^n_':{'type':'number'}},'additionalProperties':false}", "{'n_a':'x','b':1}",
     "/n_a: is a string, but must be a number; /b: is not a property that is allowed here"},
    {"{'propertyNames':{'pattern':'^[a-z]+$'}}", "{'Bad Name':1}",
     "/Bad Name: the name of this property is \"Bad Name\", but must match the pattern ^[a-z]+$"},
    {"{'propertyNames':{'enum':['a','b']}}", "{'c':1}",
     "/c: the name of this property is \"c\", but must be one of \"a\", \"b\""},
    {"{'propertyNames':false}", "{'c':1}", "/c: the name of this property is not allowed here"},
    {"{'unevaluatedItems':false,'prefixItems':[true]}", "[1,2]", "/1: is not allowed here"},
    {"{'properties':{'a':false}}", "{'a':1}", "/a: is not allowed here"},
};

static const struct told about_combinations[] = {
    {"{'unevaluatedProperties':false,'allOf':[{'properties':{'a':true}}]}", "{'a':1,'b':2}",
     "/b: is not a property that is allowed here"},
    {"{'not':{'required':['a']}}", "{'a':1}", "(root): is {\"a\":1}, which is just what it must not be"},
    {"{'not':{}}", "1", "(root): is 1, which is just what it must not be"},
    {"{'allOf':[{'minimum':5},{'multipleOf':3}]}", "4",
     "(root): is 4, but must be at least 5; (root): is 4, but must be a multiple of 3"},
    {"{'anyOf':[{'type':'string'},{'type':'integer'}]}", "1.5",
     "(root): is a number, but must be a string or an integer"},
    {"{'anyOf':[{'type':'string','maxLength':2},{'type':'integer'}]}", "'abc'",
     "(root): must have at most 2 characters, but has 3"},
    {"{'anyOf':[{'minimum':5},{'maximum':1}]}", "3",
     "(root): fits none of the 2 allowed forms; the nearest is form 1, but it is 3, but must be at least 5"},
    {"{'oneOf':[{'type':'integer'},{'minimum':2}]}", "3",
     "(root): fits more than one of the 2 forms (1 and 2), but must fit exactly one"},
    {"{'oneOf':[{'const':1},{'const':2}]}", "3", "(root): is 3, but must be one of 1, 2"},
    {"{'oneOf':[{'properties':{'t':{'const':'a'}}},{'properties':{'t':{'const':'b'}}}]}", "{'t':'c'}",
     "/t: is \"c\", but must be one of \"a\", \"b\""},
    {"{'oneOf':[{'properties':{'t':{'const':'a'},'x':{'type':'integer'}}},{'properties':{'t':{'const':'b'}}}]}",
     "{'t':'a','x':'no'}", "/x: is a string, but must be an integer"},
    {"{'if':{'properties':{'k':{'const':1}}},'then':{'required':['x']},'else':{'required':['y']}}", "{'k':1}",
     "(root): lacks the required property \"x\""},
    {"{'if':{'properties':{'k':{'const':1}}},'then':{'required':['x']},'else':{'required':['y']}}", "{'k':2}",
     "(root): lacks the required property \"y\""},
    {"{'$ref':'#/$defs/n','$defs':{'n':{'type':'object','properties':{'next':{'$ref':'#/$defs/n'},'v':{'type':'integer"
     "'}}}}}",
     "{'next':{'next':{'v':'x'}}}", "/next/next/v: is a string, but must be an integer"},
};

/* A schema that is wrong itself: the place in it, and what must stand there. */
static const struct mistake {
  const char *schema, *text;
} mistakes[] = {
    {"{'type':'strng'}",
     "schema /type: must be null, boolean, integer, number, string, array, object, or an array of these"},
    {"{'type':5}", "schema /type: must be null, boolean, integer, number, string, array, object, or an array of these"},
    {"{'type':[]}", "schema /type: must name at least one type"},
    {"{'enum':'a'}", "schema /enum: must be an array"},
    {"{'minimum':'1'}", "schema /minimum: must be a number"},
    {"{'multipleOf':0}", "schema /multipleOf: must be a number greater than 0"},
    {"{'multipleOf':-2}", "schema /multipleOf: must be a number greater than 0"},
    {"{'maxLength':-1}", "schema /maxLength: must be a whole number that is not negative"},
    {"{'maxLength':1.5}", "schema /maxLength: must be a whole number that is not negative"},
    {"{'maxLength':'3'}", "schema /maxLength: must be a whole number that is not negative"},
    {"{'pattern':'('}", "schema /pattern: pattern, offset 1: a parenthesis is not closed"},
    {"{'pattern':5}", "schema /pattern: must be a string"},
    {"{'pattern':'a{2,1}'}", "schema /pattern: pattern, offset 1: numbers out of order in {} quantifier"},
    {"{'patternProperties':{'[':true}}", "schema /patternProperties: pattern, offset 0: a bracket is not closed"},
    {"{'uniqueItems':'yes'}", "schema /uniqueItems: must be true or false"},
    {"{'required':'a'}", "schema /required: must be an array of strings"},
    {"{'required':[1]}", "schema /required: must be an array of strings"},
    {"{'dependentRequired':{'a':'b'}}", "schema /dependentRequired: must be an object of arrays of strings"},
    {"{'properties':[]}", "schema /properties: must be an object of schemas"},
    {"{'properties':{'a':1}}", "schema /properties/a: is integer, but a schema must be an object, true or false"},
    {"{'items':[{'type':'string'}]}",
     "schema /items: must be a schema; for one schema per item write prefixItems (or say in $schema that this is "
     "draft-07)"},
    {"{'prefixItems':{}}", "schema /prefixItems: must be an array of schemas"},
    {"{'allOf':[]}", "schema /allOf: must be an array with at least one schema"},
    {"{'allOf':{}}", "schema /allOf: must be an array with at least one schema"},
    {"{'anyOf':[1]}", "schema /anyOf/0: is integer, but a schema must be an object, true or false"},
    {"{'not':'x'}", "schema /not: is string, but a schema must be an object, true or false"},
    {"{'$ref':'#/$defs/gone'}", "schema /$ref: \"#/$defs/gone\" leads nowhere"},
    {"{'$ref':5}", "schema /$ref: must be a string"},
    {"{'$ref':'https://example.com/x.json'}",
     "schema /$ref: there is no schema \"https://example.com/x.json\" here, and none is fetched"},
    {"{'$ref':'#anchor'}", "schema /$ref: \"#anchor\" leads nowhere"},
    {"{'$schema':'http://json-schema.org/draft-04/schema#'}",
     "the dialect \"http://json-schema.org/draft-04/schema#\" in $schema is not known here; known are 2020-12, "
     "2019-09 and draft-07"},
    {"{'format':5}", "schema /format: must be a string"},
    {"{'minContains':-1,'contains':true}", "schema /minContains: must be a whole number that is not negative"},
    {"{'if':1}", "schema /if: is integer, but a schema must be an object, true or false"},
    {"{'$defs':{'a':{'type':'x'}},'$ref':'#/$defs/a'}",
     "schema /$defs/a/type: must be null, boolean, integer, number, string, array, object, or an array of these"},
    {"{'properties':{'a/b':{'items':{'minLength':'x'}}}}",
     "schema /properties/a~1b/items/minLength: must be a whole number that is not negative"},
    {"'string'", "schema (root): is string, but a schema must be an object, true or false"},
    {"5", "schema (root): is integer, but a schema must be an object, true or false"},
    {"null", "schema (root): is null, but a schema must be an object, true or false"},
};

static void check_told(const struct told *rows, size_t count) {
  struct fl_schema_options options = {.size = sizeof options, .check_format = true};
  for (size_t i = 0; i < count; i++) {
    FL_VALUE_AUTO value = row_parse(rows[i].schema);
    FL_VALUE_AUTO instance = row_parse(rows[i].instance);
    FL_BUF_AUTO text = {0};
    struct fl_schema *schema = NULL;
    struct fl_schema_result result;
    struct fl_error err = {0};
    if (fl_schema_create(value, &options, &schema, &err) != 0) fail_msg("%s: %s", rows[i].schema, err.text);
    assert_int_equal(fl_schema_validate(schema, instance, &result), rows[i].text[0] != '\0');
    fl_schema_result_text(&result, &text);
    const char *got = text.data != NULL ? text.data : "";
    if (strcmp(got, rows[i].text) != 0)
      fail_msg("%s with %s:\n  says     %s\n  expected %s", rows[i].schema, rows[i].instance, got, rows[i].text);
    fl_schema_result_deinit(&result);
    fl_schema_destroy(schema);
  }
}
#define CHECK_TOLD(rows) check_told(rows, sizeof(rows) / sizeof *(rows))

static void tells_what_is_wrong_with_one_value(void **state) { CHECK_TOLD(about_one_value); }
static void tells_what_is_wrong_with_arrays_and_objects(void **state) { CHECK_TOLD(about_arrays_and_objects); }
static void tells_what_is_wrong_with_combinations(void **state) { CHECK_TOLD(about_combinations); }

static void tells_what_is_wrong_with_a_schema(void **state) {
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    FL_VALUE_AUTO value = row_parse(mistakes[i].schema);
    struct fl_schema *schema = NULL;
    struct fl_error err = {0};
    assert_true(fl_schema_create(value, NULL, &schema, &err) < 0);
    assert_null(schema);
    if (strcmp(err.text, mistakes[i].text) != 0)
      fail_msg("%s:\n  says     %s\n  expected %s", mistakes[i].schema, err.text, mistakes[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tells_what_is_wrong_with_one_value),
      cmocka_unit_test(tells_what_is_wrong_with_arrays_and_objects),
      cmocka_unit_test(tells_what_is_wrong_with_combinations),
      cmocka_unit_test(tells_what_is_wrong_with_a_schema),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
