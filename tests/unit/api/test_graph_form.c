/* SPDX-License-Identifier: MIT */
/* What graphs are in MCP: schemas out of channels, input out of arguments, forms out of questions. */
#include "runtime/api/graph_tool.h"
#include "tests/unit/engine/rig.h"

#include <stdio.h>

static struct rig rig = {.seed = 11};

static int setup(void **state) {
  rig_up(&rig);
  return 0;
}

static int teardown(void **state) {
  rig_down(&rig);
  return 0;
}

#define GRAPH(STATE, REST)                                                               \
  "fairlead: 1\nname: g\n" REST "state: { " STATE " }\nnodes:\n  a: { type: interrupt, " \
  "value: \"'?'\", resume: into }\nedges:\n  - START -> a -> END\n"

static void channels_become_schemas(void **state) {
  static const struct {
    const char *channels, *rest, *input, *output;
  } rows[] = {
      {"into: {}", "", "{'type':'object','properties':{'into':{}},'additionalProperties':false}", "null"},
      {"into: { type: integer, default: 1 }", "",
       "{'type':'object','properties':{'into':{'type':'integer'}},'additionalProperties':false}",
       "{'type':'object','properties':{'into':{'type':'integer'}}}"},
      /* a file that says what it takes needs it, but for lists and what has a default */
      {"into: {}, n: { type: integer }, d: { type: integer, default: 1 }, l: { reducer: append }",
       "input: [n, d, l]\noutput: [n]\n",
       "{'type':'object','properties':{'n':{'type':'integer'},'d':{'type':'integer'},'l':{}},'required':['n'],"
       "'additionalProperties':false}",
       "{'type':'object','properties':{'n':{'type':'integer'}}}"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[1000];
    snprintf(text, sizeof text,
             "fairlead: 1\nname: g\n%sstate: { %s }\nnodes:\n  a: { type: interrupt, value: \"'?'\", resume: into }\n"
             "edges:\n  - START -> a -> END\n",
             rows[i].rest, rows[i].channels);
    struct fl_definition *definition = rig_load(&rig, text, NULL);
    FL_VALUE_AUTO input = fl_graph_input_schema(definition);
    FL_VALUE_AUTO output = fl_graph_output_schema(definition);
    assert_json(input, rows[i].input);
    if (output == NULL) assert_string_equal(rows[i].output, "null");
    else assert_json(output, rows[i].output);
  }
}

static void a_conversation_takes_one_message(void **state) {
  struct fl_definition *definition = rig_load(
      &rig, GRAPH("messages: { reducer: messages }, into: { type: string }, own: { type: integer }", ""), NULL);
  FL_VALUE_AUTO schema = fl_graph_input_schema(definition);
  const struct fl_value *properties = fl_get(schema, "properties");
  assert_int_equal(fl_size(properties), 2); /* the other channels are the graph's own */
  assert_string_equal(fl_get_string(fl_get(properties, "message"), "type", ""), "string");
  assert_string_equal(fl_get_string(fl_get(properties, "messages"), "type", ""), "array");
  static const char *const rows[][2] = {
      {"{'message':'hi'}", "{'messages':[{'role':'user','content':'hi'}]}"},
      {"{'messages':[{'role':'user','content':'a'}]}", "{'messages':[{'role':'user','content':'a'}]}"},
      {"{'message':'b','messages':[{'role':'assistant','content':'a'}]}",
       "{'messages':[{'role':'assistant','content':'a'},{'role':'user','content':'b'}]}"},
      {"{}", NULL},
      {"{'messages':[]}", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FL_VALUE_AUTO args = json(rows[i][0]);
    FL_VALUE_AUTO input = fl_graph_input(definition, args);
    if (rows[i][1] == NULL) assert_null(input);
    else assert_json(input, rows[i][1]);
  }
}

static void a_channel_named_message_is_itself(void **state) {
  struct fl_definition *definition = rig_load(
      &rig,
      GRAPH("messages: { reducer: messages }, message: { type: integer }, into: {}", "input: [messages, message]\n"),
      NULL);
  FL_VALUE_AUTO schema = fl_graph_input_schema(definition);
  assert_string_equal(fl_get_string(fl_get(fl_get(schema, "properties"), "message"), "type", ""), "integer");
  FL_VALUE_AUTO args = json("{'message':3,'messages':[{'role':'user','content':'a'}]}");
  FL_VALUE_AUTO input = fl_graph_input(definition, args);
  assert_json(input, "{'message':3,'messages':[{'role':'user','content':'a'}]}");
}

static void a_schema_with_references_is_left_out(void **state) {
  struct fl_definition *definition = rig_load(
      &rig,
      GRAPH("into: {}, tree: { schema: { $defs: { t: { type: string } }, properties: { a: { $ref: '#/$defs/t' } } } }",
            ""),
      NULL);
  FL_VALUE_AUTO schema = fl_graph_input_schema(definition);
  assert_json(fl_get(fl_get(schema, "properties"), "tree"), "{}");
}

static void replies_are_the_last_words(void **state) {
  static const char *const rows[][2] = {
      {"{'messages':[{'role':'user','content':'q'},{'role':'assistant','content':'a'}]}", "a"},
      {"{'messages':[{'role':'assistant','content':'a'},{'role':'assistant','content':''}]}", "a"},
      {"{'messages':[{'role':'assistant','content':[{'type':'text','text':'x'},{'type':'text','text':'y'}]}]}", "xy"},
      {"{'messages':[{'role':'user','content':'q'}]}", NULL},
      {"{'messages':'none'}", NULL},
      {"{}", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    FL_VALUE_AUTO output = json(rows[i][0]);
    FL_FREE_AUTO char *reply = fl_graph_reply(output);
    if (rows[i][1] == NULL) assert_null(reply);
    else assert_string_equal(reply, rows[i][1]);
  }
}

/* ---- questions ---- */

#define FORM(PROPERTIES, REQUIRED) "{'type':'object','properties':{" PROPERTIES "},'required':[" REQUIRED "]}"

static const struct {
  const char *channel, *interrupt; /* type of the channel that the answer goes into, the interrupt */
  const char *message, *schema;
  const char *content, *answer;
} questions[] = {
    {"", "{'id':'i','node':'a','value':'Sure?'}", "Sure?", FORM("'answer':{'type':'string'}", "'answer'"),
     "{'answer':'yes'}", "'yes'"},
    {"", "{'id':'i','node':'a','value':{'question':'Pay?','sum':3}}", "Pay?\n{'sum':3}",
     FORM("'answer':{'type':'string'}", "'answer'"), "{'answer':'{\\'a\\':1}'}", "{'a':1}"},
    {"type: integer", "{'id':'i','node':'a','value':{'message':'How many?'}}", "How many?",
     FORM("'answer':{'type':'integer'}", "'answer'"), "{'answer':3}", "3"},
    {"type: string", "{'id':'i','node':'a','value':'Name?'}", "Name?", FORM("'answer':{'type':'string'}", "'answer'"),
     "{'answer':'[x]'}", "'[x]'"},
    {"type: integer", "{'id':'i','node':'a','ns':'x:1','value':'inside'}", "inside",
     FORM("'answer':{'type':'string'}", "'answer'"), "{'answer':'3'}", "'3'"},
    {"", "{'id':'i','node':'a','value':{'question':'Which?','choices':['a','b']}}", "Which?",
     FORM("'answer':{'type':'string','enum':['a','b']}", "'answer'"), "{'answer':'a'}", "'a'"},
    {"",
     "{'id':'i','node':'a','value':{'prompt':'Who?','schema':{'type':'object','properties':{'n':{'type':'string',"
     "'minLength':1,'pattern':'x'},'age':{'type':'integer','minimum':0}},'required':['n']}}}",
     "Who?", FORM("'n':{'type':'string','minLength':1},'age':{'type':'integer','minimum':0}", "'n'"),
     "{'n':'x','age':3}", "{'n':'x','age':3}"},
    {"",
     "{'id':'i','node':'a','value':{'question':'Deep?','schema':{'type':'object','properties':{'o':{'type':"
     "'object'}}}}}",
     "Deep?", FORM("'answer':{'type':'string'}", "'answer'"), "{'answer':'{'}", "'{'"},
    {"", "{'id':'i','node':'a','value':{'schema':{'enum':['x','y']}}}", "a",
     FORM("'answer':{'type':'string','enum':['x','y']}", "'answer'"), "{'answer':'y'}", "'y'"},
    {"", "{'node':'a','when':'before'}", "The graph stopped before a. Go on?",
     FORM("'answer':{'type':'boolean'}", "'answer'"), "{'answer':true}", "true"},
    {"", "{'id':'i','node':'a','value':{'kind':'outcome_unknown','tool':'t/x','message':'Unknown.','call_id':'c'}}",
     "Unknown.\n{'tool':'t/x'}",
     FORM("'action':{'type':'string','enum':['retry','result','fail']},'text':{'type':'string','description':'for "
          "result: what it answered'}",
          "'action'"),
     "{'action':'retry'}", "{'action':'retry'}"},
    {"", "{'id':'i','node':'a','value':[1,2]}", "a\n[1,2]", FORM("'answer':{'type':'string'}", "'answer'"), "{}",
     "null"},
};

static void questions_become_forms(void **state) {
  for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
    char text[600];
    snprintf(text, sizeof text,
             "fairlead: 1\nname: g\nstate: { into: { %s } }\nnodes:\n  a: { type: interrupt, value: \"'?'\", resume: "
             "into }\nedges:\n  - START -> a -> END\n",
             questions[i].channel);
    struct fl_definition *definition = rig_load(&rig, text, NULL);
    FL_VALUE_AUTO interrupt = json(questions[i].interrupt);
    FL_VALUE_AUTO params = fl_graph_question(definition, interrupt);
    FL_VALUE_AUTO content = json(questions[i].content);
    FL_VALUE_AUTO answer = fl_graph_answer(definition, interrupt, content);
    char message[200];
    snprintf(message, sizeof message, "%s", questions[i].message);
    for (char *at = message; *at != '\0'; at++)
      if (*at == '\'') *at = '"';
    assert_string_equal(fl_get_string(params, "message", ""), message);
    assert_json(fl_get(params, "requestedSchema"), questions[i].schema);
    assert_json(answer, questions[i].answer);
  }
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* The question of a server behind the graph goes on as it is, and the answer back as it is. */
static void a_server_s_question_is_passed_on(void **state) {
  struct fl_definition *definition = rig_load(&rig, GRAPH("into: {}", ""), NULL);
  FL_VALUE_AUTO form =
      json("{'id':'i','node':'a','value':{'kind':'elicitation','tool':'shop/order','args':{},'mode':'form',"
           "'question':'Which?','problem':'/n','schema':{'type':'object','properties':{'n':{'type':"
           "'array','items':{'enum':['a']}}}},'message':'m'}}");
  FL_VALUE_AUTO page =
      json("{'id':'i','node':'a','value':{'kind':'elicitation','tool':'shop/in','mode':'url','question':"
           "'Go','url':'https://x.test/'}}");
  FL_VALUE_AUTO odd =
      json("{'id':'i','node':'a','value':{'kind':'elicitation','mode':'form','schema':{'type':'array'}}}");
  FL_VALUE_AUTO of_form = fl_graph_question(definition, form);
  FL_VALUE_AUTO of_page = fl_graph_question(definition, page);
  assert_json(of_form,
              "{'message':'shop/order asks: Which?\\nThe answer before could not be used: /n','requestedSchema':{"
              "'type':'object','properties':{'n':{'type':'array','items':{'enum':['a']}}}}}");
  assert_json(of_page, "{'mode':'url','message':'shop/in asks: Go','url':'https://x.test/','elicitationId':'i'}");
  assert_true(fl_graph_is_passed_on(form) && fl_graph_is_passed_on(page));
  assert_false(fl_graph_is_passed_on(odd)); /* no client could show it */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ROW(channels_become_schemas),           ROW(a_conversation_takes_one_message),
      ROW(a_channel_named_message_is_itself), ROW(a_schema_with_references_is_left_out),
      ROW(replies_are_the_last_words),        ROW(questions_become_forms),
      ROW(a_server_s_question_is_passed_on),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  rig_deinit(&rig);
  return failed;
}
