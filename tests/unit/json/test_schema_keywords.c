/* SPDX-License-Identifier: MIT */
/* What each keyword of JSON Schema 2020-12 accepts and refuses; the cases are ours, so that they run where the official
 * tests are absent. */
#include "tests/unit/json/schema_rows.h"

static void types(void **state) {
  static const struct schema_row rows[] = {
      {"true", {"1", "null", "{}"}, {NULL}},
      {"{}", {"1", "null", "[]"}, {NULL}},
      {"false", {NULL}, {"1", "null"}},
      {"{'type':'integer'}", {"1", "-3", "1.0", "1e3", "0"}, {"1.5", "'1'", "null", "true", "[]"}},
      {"{'type':'number'}", {"1", "1.5"}, {"'1'", "null"}},
      {"{'type':'string'}", {"''", "'x'"}, {"1", "null"}},
      {"{'type':'null'}", {"null"}, {"0", "''", "false"}},
      {"{'type':'boolean'}", {"true", "false"}, {"0", "'true'"}},
      {"{'type':'array'}", {"[]"}, {"{}", "'[]'"}},
      {"{'type':'object'}", {"{}"}, {"[]", "null"}},
      {"{'type':['string','null']}", {"'x'", "null"}, {"1", "{}"}},
      {"{'type':['integer','string']}", {"1", "2.0", "'x'"}, {"1.5"}},
  };
  ROWS_CHECK(rows, NULL);
}

static void constants(void **state) {
  static const struct schema_row rows[] = {
      {"{'const':1}", {"1", "1.0"}, {"true", "'1'", "2"}},
      {"{'const':null}", {"null"}, {"0", "false", "''"}},
      {"{'const':{'a':[1,2],'b':{}}}",
       {"{'b':{},'a':[1,2]}", "{'a':[1.0,2],'b':{}}"},
       {"{'a':[2,1],'b':{}}", "{'a':[1,2]}"}},
      {"{'const':false}", {"false"}, {"0", "null"}},
      {"{'enum':[]}", {NULL}, {"1", "null"}},
      {"{'enum':['a',1,null,[false]]}", {"'a'", "1", "null", "[false]"}, {"'b'", "0", "[0]", "[]"}},
  };
  ROWS_CHECK(rows, NULL);
}

static void numbers(void **state) {
  static const struct schema_row rows[] = {
      {"{'minimum':1.1}", {"1.1", "2", "'0'"}, {"1", "1.0999", "-5"}},
      {"{'maximum':-2}", {"-2", "-2.5", "null"}, {"-1.99", "0"}},
      {"{'exclusiveMinimum':0}", {"0.0001", "1"}, {"0", "-0.0", "-1"}},
      {"{'exclusiveMaximum':3}", {"2.999", "-7"}, {"3", "3.0", "4"}},
      {"{'multipleOf':2}", {"0", "4", "-6", "2.0", "'3'"}, {"1", "3.5"}},
      {"{'multipleOf':1.5}", {"0", "4.5", "3"}, {"35", "1"}},
      {"{'multipleOf':0.0001}", {"0.0075", "12"}, {"0.00751"}},
      {"{'multipleOf':1e-8}", {"12391239123", "0.00000003"}, {"1e-9"}},
      {"{'multipleOf':0.5}", {"1e308", "2.5"}, {"0.25"}},
      {"{'multipleOf':9223372036854775807}", {"0", "9223372036854775807"}, {"9223372036854775806"}},
      {"{'minimum':9007199254740993}", {"9007199254740993"}, {"9007199254740992"}},
      {"{'minimum':-9223372036854775808}", {"-9223372036854775808", "1e300"}, {"-1e19"}},
  };
  ROWS_CHECK(rows, NULL);
}

static void strings(void **state) {
  static const struct schema_row rows[] = {
      {"{'minLength':2}", {"'ab'", "'\\u00e9\\u00e9'", "1"}, {"'a'", "'\\ud83d\\ude00'", "''"}},
      {"{'maxLength':2}", {"'ab'", "'\\ud83d\\ude00\\ud83d\\ude00'", "100"}, {"'abc'"}},
      {"{'maxLength':2.0}", {"'ab'"}, {"'abc'"}},
      {"{'maxLength':1e30}", {"'abc'"}, {NULL}},
      {"{'pattern':'^a+$'}", {"'aaa'", "7"}, {"''", "'ab'", "'a\\n'"}},
      {"{'pattern':'b'}", {"'abc'"}, {"'ac'"}},
      {"{'pattern':'^\\\\S+$','maxLength':3}", {"'abc'"}, {"'a b'", "'abcd'"}},
  };
  ROWS_CHECK(rows, NULL);
}

static void arrays(void **state) {
  static const struct schema_row rows[] = {
      {"{'minItems':1,'maxItems':2}", {"[1]", "[1,2]", "{}"}, {"[]", "[1,2,3]"}},
      {"{'items':{'type':'integer'}}", {"[]", "[1,2]", "'x'"}, {"[1,'x']"}},
      {"{'items':false}", {"[]"}, {"[1]"}},
      {"{'prefixItems':[{'type':'integer'},{'type':'string'}]}", {"[]", "[1]", "[1,'x',null]"}, {"['x']", "[1,2]"}},
      {"{'prefixItems':[{'type':'integer'}],'items':{'type':'null'}}", {"[1]", "[1,null]"}, {"[1,1]", "[null]"}},
      {"{'contains':{'minimum':5}}", {"[1,5]", "[9]", "{}"}, {"[]", "[1,2]"}},
      {"{'contains':{'const':1},'minContains':2,'maxContains':3}", {"[1,1]", "[1,0,1,1]"}, {"[1]", "[1,1,1,1]"}},
      {"{'contains':{'const':1},'minContains':0}", {"[]", "[2]"}, {NULL}},
      {"{'contains':{'const':1},'minContains':0,'maxContains':1}", {"[]", "[1]"}, {"[1,1]"}},
      {"{'minContains':2,'maxContains':0}", {"[]", "[1]"}, {NULL}},
      {"{'uniqueItems':true}",
       {"[]", "[1,2]", "[1,true]", "[0,false]", "[[1],[true]]", "[{'a':1},{'a':2}]", "['a','b','ab']", "[1,[1],[[1]]]"},
       {"[1,1]", "[1,1.0]", "[{'a':1,'b':2},{'b':2,'a':1}]", "[[1,[2]],[1,[2]]]", "['x',1,'x']", "[null,null]",
        "[0.0,-0.0]"}},
      {"{'uniqueItems':false}", {"[1,1]"}, {NULL}},
  };
  ROWS_CHECK(rows, NULL);
}

static void objects(void **state) {
  static const struct schema_row rows[] = {
      {"{'minProperties':1,'maxProperties':2}", {"{'a':1}", "[]"}, {"{}", "{'a':1,'b':2,'c':3}"}},
      {"{'required':['a','b']}", {"{'a':1,'b':null}", "[]"}, {"{'a':1}", "{}"}},
      {"{'required':[]}", {"{}"}, {NULL}},
      {"{'properties':{'a':{'type':'integer'},'b':false}}",
       {"{}", "{'a':1}", "{'c':'x'}", "1"},
       {"{'a':'x'}", "{'b':1}"}},
      {"{'patternProperties':{'^a':{'type':'integer'},'z$':{'minimum':5}}}",
       {"{'a':1,'q':'x'}", "{'az':5}"},
       {"{'ab':'x'}", "{'az':4}"}},
      {"{'properties':{'a':true},'patternProperties':{'^x':true},'additionalProperties':false}",
       {"{}", "{'a':1,'xyz':2}"},
       {"{'b':1}", "{'a':1,'yx':2}"}},
      {"{'properties':{'a':true},'additionalProperties':{'type':'null'}}", {"{'a':1,'b':null}"}, {"{'b':1}"}},
      {"{'allOf':[{'properties':{'a':true}}],'additionalProperties':false}", {"{}"}, {"{'a':1}"}},
      {"{'propertyNames':{'pattern':'^[a-z]+$'}}", {"{}", "{'abc':1}", "['A']"}, {"{'A':1}", "{'':1}"}},
      {"{'propertyNames':false}", {"{}"}, {"{'a':1}"}},
      {"{'dependentRequired':{'a':['b','c'],'d':[]}}",
       {"{}", "{'b':1}", "{'a':1,'b':1,'c':1}", "{'d':1}"},
       {"{'a':1,'b':1}"}},
      {"{'dependentSchemas':{'a':{'required':['b']},'x':false}}", {"{}", "{'a':1,'b':1}"}, {"{'a':1}", "{'x':1}"}},
      {"{'dependencies':{'a':['b'],'c':{'minProperties':3}}}", {"{'a':1,'b':1}"}, {"{'a':1}", "{'c':1}"}},
  };
  ROWS_CHECK(rows, NULL);
}

static void combinations(void **state) {
  static const struct schema_row rows[] = {
      {"{'allOf':[{'minimum':1},{'maximum':3}]}", {"2", "'x'"}, {"0", "4"}},
      {"{'anyOf':[{'minimum':5},{'multipleOf':2}]}", {"4", "7", "6"}, {"3"}},
      {"{'oneOf':[{'minimum':5},{'multipleOf':2}]}", {"4", "7"}, {"3", "6"}},
      {"{'oneOf':[true,true,true]}", {NULL}, {"1"}},
      {"{'not':{'type':'integer'}}", {"'x'", "1.5"}, {"1"}},
      {"{'not':{'not':{'type':'integer'}}}", {"1"}, {"'x'"}},
      {"{'not':false}", {"1"}, {NULL}},
      {"{'if':{'minimum':10},'then':{'multipleOf':10},'else':{'multipleOf':2}}", {"20", "4", "'x'"}, {"15", "3"}},
      {"{'if':{'minimum':10},'then':false}", {"1"}, {"10"}},
      {"{'if':{'minimum':10},'else':false}", {"10"}, {"1"}},
      {"{'then':false,'else':false}", {"1"}, {NULL}},
  };
  ROWS_CHECK(rows, NULL);
}

static void unevaluated_properties_see_what_holds(void **state) {
  static const struct schema_row rows[] = {
      {"{'properties':{'a':true},'unevaluatedProperties':false}", {"{'a':1}", "[]"}, {"{'b':1}"}},
      {"{'allOf':[{'properties':{'a':true}}],'unevaluatedProperties':false}", {"{'a':1}"}, {"{'a':1,'b':1}"}},
      {"{'anyOf':[{'properties':{'a':{'const':1}},'required':['a']},{'properties':{'b':true},'required':['b']}],"
       "'unevaluatedProperties':false}",
       {"{'a':1}", "{'b':1}", "{'a':1,'b':1}"},
       {"{'a':2,'b':1}", "{'c':1}"}},
      {"{'if':{'properties':{'a':{'const':1}},'required':['a']},'then':{'properties':{'b':true}},"
       "'else':{'properties':{'c':true}},'unevaluatedProperties':false}",
       {"{'a':1,'b':1}", "{'c':1}"},
       {"{'a':1,'c':1}", "{'b':1}", "{'a':2,'c':1}"}},
      {"{'not':{'not':{'properties':{'a':true}}},'unevaluatedProperties':false}", {"{}"}, {"{'a':1}"}},
      {"{'dependentSchemas':{'a':{'properties':{'b':true}}},'properties':{'a':true},'unevaluatedProperties':false}",
       {"{'a':1,'b':1}"},
       {"{'b':1}"}},
      {"{'$ref':'#/$defs/x','unevaluatedProperties':false,'$defs':{'x':{'patternProperties':{'^p':true}}}}",
       {"{'pq':1}"},
       {"{'q':1}"}},
      {"{'additionalProperties':true,'unevaluatedProperties':false}", {"{'a':1}"}, {NULL}},
      {"{'allOf':[{'unevaluatedProperties':true}],'unevaluatedProperties':false}", {"{'a':1}"}, {NULL}},
      {"{'allOf':[{'properties':{'a':true}},{'unevaluatedProperties':false}]}", {"{}"}, {"{'a':1}"}},
      {"{'unevaluatedProperties':{'type':'integer'}}", {"{'a':1}"}, {"{'a':'x'}"}},
      {"{'properties':{'in':{'properties':{'a':true}}},'unevaluatedProperties':false}",
       {"{'in':{'a':1,'b':1}}"},
       {"{'a':1}"}},
  };
  ROWS_CHECK(rows, NULL);
}

static void unevaluated_items_see_what_holds(void **state) {
  static const struct schema_row rows[] = {
      {"{'prefixItems':[true],'unevaluatedItems':false}", {"[]", "[1]", "{}"}, {"[1,2]"}},
      {"{'items':true,'unevaluatedItems':false}", {"[1,2]"}, {NULL}},
      {"{'contains':{'type':'integer'},'unevaluatedItems':{'type':'string'}}",
       {"[1,'x']", "['x',2]"},
       {"[1,null]", "['x']"}},
      {"{'anyOf':[{'prefixItems':[{'const':1},true]},{'prefixItems':[true]}],'unevaluatedItems':false}",
       {"[1,2]", "[2]"},
       {"[2,2]", "[1,2,3]"}},
      {"{'allOf':[{'prefixItems':[true,true]},{'prefixItems':[true]}],'unevaluatedItems':false}",
       {"[1,2]"},
       {"[1,2,3]"}},
      {"{'oneOf':[{'prefixItems':[{'const':0}]},{'prefixItems':[{'const':1},true]}],'unevaluatedItems':false}",
       {"[0]", "[1,2]"},
       {"[0,2]"}},
      {"{'allOf':[{'unevaluatedItems':true}],'unevaluatedItems':false}", {"[1]"}, {NULL}},
  };
  ROWS_CHECK(rows, NULL);
}

/* More members and items than one word of marks holds. */
static void unevaluated_beyond_one_word(void **state) {
  FL_BUF_AUTO schema = {0}, good = {0}, bad = {0};
  fl_buf_add_text(&schema, "{'anyOf':[{'properties':{'m0':true");
  fl_buf_add_text(&good, "{'m0':1");
  for (int i = 1; i < 150; i++) {
    fl_buf_addf(&schema, i == 75 ? "}},{'properties':{'m%d':true" : ",'m%d':true", i);
    fl_buf_addf(&good, ",'m%d':1", i);
  }
  fl_buf_add_text(&schema, "}}],'unevaluatedProperties':false}");
  fl_buf_addf(&bad, "%s,'n':1}", good.data);
  fl_buf_add_text(&good, "}");
  const struct schema_row row = {schema.data, {good.data}, {bad.data}};
  rows_check(&row, 1, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(types),
      cmocka_unit_test(constants),
      cmocka_unit_test(numbers),
      cmocka_unit_test(strings),
      cmocka_unit_test(arrays),
      cmocka_unit_test(objects),
      cmocka_unit_test(combinations),
      cmocka_unit_test(unevaluated_properties_see_what_holds),
      cmocka_unit_test(unevaluated_items_see_what_holds),
      cmocka_unit_test(unevaluated_beyond_one_word),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
