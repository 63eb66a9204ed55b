/* SPDX-License-Identifier: MIT */
/* Where references lead: pointers, anchors, identities, other documents, dynamic scopes, vocabularies. */
#include "tests/unit/json/schema_rows.h"

static void within_a_document(void **state) {
  static const struct schema_row rows[] = {
      {"{'$ref':'#/$defs/a','$defs':{'a':{'type':'null'}}}", {"null"}, {"1"}},
      {"{'$ref':'#/$defs/a~1b','$defs':{'a/b':{'type':'null'}}}", {"null"}, {"1"}},
      {"{'$ref':'#/$defs/a~0b','$defs':{'a~b':{'type':'null'}}}", {"null"}, {"1"}},
      {"{'$ref':'#/$defs/a%25b','$defs':{'a%b':{'type':'null'}}}", {"null"}, {"1"}},
      {"{'$ref':'#/$defs//x','$defs':{'':{'x':{'type':'null'}}}}", {"null"}, {"1"}},
      {"{'$ref':'#/prefixItems/1','prefixItems':[true,{'type':'array'}]}", {"[]"}, {"1", "[1,2]"}},
      {"{'$ref':'#n','$defs':{'a':{'$anchor':'n','type':'null'}}}", {"null"}, {"1"}},
      {"{'properties':{'$ref':{'type':'string'}}}", {"{'$ref':'x'}"}, {"{'$ref':1}"}},
      {"{'$ref':'#/$defs/a','minimum':3,'$defs':{'a':{'maximum':5}}}", {"4"}, {"2", "6"}},
      {"{'$ref':'#/$defs/b','$defs':{'b':true,'c':false}}", {"1"}, {NULL}},
      {"{'$ref':'#/$defs/c','$defs':{'b':true,'c':false}}", {NULL}, {"1"}},
      {"{'properties':{'next':{'$ref':'#'}},'required':['id']}", {"{'id':1,'next':{'id':2}}"}, {"{'id':1,'next':{}}"}},
      {"{'$ref':'#/unknown/x','unknown':{'x':{'type':'null'}}}", {"null"}, {"1"}},
  };
  ROWS_CHECK(rows, NULL);
}

static void by_identity(void **state) {
  static const struct schema_row rows[] = {
      {"{'$id':'http://x/root','$ref':'item','$defs':{'i':{'$id':'item','type':'null'}}}", {"null"}, {"1"}},
      {"{'$id':'http://x/a/root','$ref':'/b','$defs':{'i':{'$id':'http://x/b','type':'null'}}}", {"null"}, {"1"}},
      {"{'$id':'http://x/root','$ref':'http://x/root#/$defs/i','$defs':{'i':{'type':'null'}}}", {"null"}, {"1"}},
      {"{'$id':'urn:example:root','$ref':'urn:example:item#/$defs/n','$defs':{'i':{'$id':'urn:example:item',"
       "'$defs':{'n':{'type':'null'}}}}}",
       {"null"},
       {"1"}},
      {"{'$id':'http://x/root','$ref':'item#n','$defs':{'i':{'$id':'item','$defs':{'m':{'$anchor':'n',"
       "'type':'null'}}},'j':{'$anchor':'n','type':'string'}}}",
       {"null"},
       {"'x'"}},
      /* A pointer inside an identity starts at that identity. */
      {"{'$id':'http://x/root','$ref':'item','$defs':{'n':{'type':'string'},'i':{'$id':'item','$ref':'#/$defs/n',"
       "'$defs':{'n':{'type':'null'}}}}}",
       {"null"},
       {"'x'"}},
      /* What looks like an identity inside data is none. */
      {"{'$ref':'http://x/i','$defs':{'a':{'const':{'$id':'http://x/i','type':'null'}},'b':{'$id':'http://x/i',"
       "'type':'string'}}}",
       {"'x'"},
       {"null"}},
  };
  ROWS_CHECK(rows, NULL);
}

static void by_dynamic_scope(void **state) {
  static const struct schema_row rows[] = {
      /* The outermost anchor wins. */
      {"{'$id':'http://x/strings','$ref':'list','$defs':{'t':{'$dynamicAnchor':'items','type':'string'},"
       "'l':{'$id':'list','type':'array','items':{'$dynamicRef':'#items'},'$defs':{'d':{'$dynamicAnchor':'items'}}}}}",
       {"['a']"},
       {"[1]", "'a'"}},
      /* Without a dynamic anchor at the first target it is a plain reference. */
      {"{'$id':'http://x/strings','$ref':'list','$defs':{'t':{'$dynamicAnchor':'items','type':'string'},"
       "'l':{'$id':'list','type':'array','items':{'$dynamicRef':'#items'},'$defs':{'d':{'$anchor':'items'}}}}}",
       {"['a']", "[1]"},
       {"'a'"}},
      /* A tree that a stricter tree refines. */
      {"{'$id':'http://x/strict','$dynamicAnchor':'node','$ref':'tree','unevaluatedProperties':false,"
       "'$defs':{'t':{'$id':'tree','$dynamicAnchor':'node','properties':{'data':true,"
       "'children':{'items':{'$dynamicRef':'#node'}}}}}}",
       {"{'children':[{'data':1}]}"},
       {"{'children':[{'daat':1}]}", "{'daat':1}"}},
      {"{'$dynamicRef':'#/$defs/a','$defs':{'a':{'type':'null'}}}", {"null"}, {"1"}},
  };
  ROWS_CHECK(rows, NULL);
}

/* A library of documents: the user pointer is an object from address to document. */
static struct fl_value *resolve(const char *uri, void *user) { return fl_get(user, uri); }

static void in_other_documents(void **state) {
  static const struct schema_row rows[] = {
      {"{'$ref':'http://x/int'}", {"1"}, {"'x'"}},
      {"{'$ref':'http://x/int#/$defs/n'}", {"null"}, {"1"}},
      {"{'$id':'http://x/','items':{'$id':'sub/','$ref':'null'}}", {"[null]"}, {"[1]"}},
      {"{'$ref':'http://x/renamed'}", {"'x'"}, {"1"}},
      {"{'$ref':'http://x/one'}", {"1"}, {"{'next':1}", "{'next':{'next':2}}"}},
      {"{'$ref':'http://x/old'}", {"['x']"}, {"[1]"}},
      {"{'$schema':'http://x/no-validation','type':'string','properties':{'a':false}}", {"1", "{}"}, {"{'a':1}"}},
      {"{'$schema':'http://x/asserts','format':'date'}", {"'2024-01-31'"}, {"'2024-01-32'"}},
      {"{'$schema':'http://x/optional','type':'string'}", {"'x'"}, {"1"}},
  };
  FL_VALUE_AUTO library = row_parse(
      "{'http://x/int':{'type':'integer','$defs':{'n':{'type':'null'}}},'http://x/sub/null':{'type':'null'},"
      "'http://x/renamed':{'$id':'http://y/name','$ref':'#/$defs/s','$defs':{'s':{'type':'string'}}},"
      "'http://x/one':{'properties':{'next':{'$ref':'two'}}},'http://x/two':{'type':'object',"
      "'properties':{'next':{'$ref':'one#/$defs/o'}}},"
      "'http://x/old':{'$schema':'http://json-schema.org/draft-07/schema#','items':[{'type':'string'}]},"
      "'http://x/no-validation':{'$vocabulary':{'https://json-schema.org/draft/2020-12/vocab/core':true,"
      "'https://json-schema.org/draft/2020-12/vocab/applicator':true}},"
      "'http://x/asserts':{'$vocabulary':{'https://json-schema.org/draft/2020-12/vocab/format-assertion':true}},"
      "'http://x/optional':{'$vocabulary':{'https://json-schema.org/draft/2020-12/vocab/validation':true,"
      "'http://x/vocab':false}},"
      "'http://x/required':{'$vocabulary':{'http://x/vocab':true}}}");
  struct fl_value *one = row_parse("{'properties':{'next':{'$ref':'two'}},'$defs':{'o':{'type':'string'}}}");
  fl_set_take(library, "http://x/one", one);
  const struct fl_schema_options options = {.size = sizeof options, .resolve = resolve, .user = library};
  ROWS_CHECK(rows, &options);
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  FL_VALUE_AUTO unknown = row_parse("{'$schema':'http://x/required'}");
  assert_int_equal(fl_schema_create(unknown, &options, &schema, &err), FL_E_UNSUPPORTED);
  assert_non_null(strstr(err.text, "requires the vocabulary \"http://x/vocab\""));
  FL_VALUE_AUTO absent = row_parse("{'items':{'$ref':'http://x/absent'}}");
  assert_int_equal(fl_schema_create(absent, &options, &schema, &err), FL_E_NOT_FOUND);
  assert_non_null(strstr(err.text, "schema /items/$ref: there is no schema \"http://x/absent\""));
}

/* Each document names the next, without end. */
static struct fl_value *resolve_next(const char *uri, void *user) {
  struct fl_value **made = user;
  struct fl_value *document = fl_object();
  fl_set_take(document, "$ref", fl_stringf("%s1", uri));
  fl_append_take(*made, document);
  return document;
}

static void the_number_of_documents_is_bounded(void **state) {
  struct fl_value *made = fl_array();
  const struct fl_schema_options options = {.size = sizeof options, .resolve = resolve_next, .user = &made};
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  FL_VALUE_AUTO start = row_parse("{'$ref':'http://x/1'}");
  assert_int_equal(fl_schema_create(start, &options, &schema, &err), FL_E_LIMIT);
  assert_non_null(strstr(err.text, "more than 64 documents"));
  fl_value_unref(made);
}

static void the_number_of_subschemas_is_bounded(void **state) {
  FL_VALUE_AUTO root = fl_object();
  struct fl_value *list = fl_array();
  for (int i = 0; i < 60000; i++) fl_append_take(list, fl_bool(true));
  fl_set_take(root, "allOf", list);
  struct fl_schema *schema = NULL;
  struct fl_error err = {0};
  assert_int_equal(fl_schema_create(root, NULL, &schema, &err), FL_E_LIMIT);
  assert_non_null(strstr(err.text, "more than 50000 subschemas"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(within_a_document),
      cmocka_unit_test(by_identity),
      cmocka_unit_test(by_dynamic_scope),
      cmocka_unit_test(in_other_documents),
      cmocka_unit_test(the_number_of_documents_is_bounded),
      cmocka_unit_test(the_number_of_subschemas_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
