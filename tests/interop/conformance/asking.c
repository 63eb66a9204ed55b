/* SPDX-License-Identifier: MIT */
/* Tools that ask the client: for input, for a completion of its model, for its roots. Each handler is entered again
 * with the answers, in either era. */
#include "server.h"

#include <string.h>

/* ---- what is asked ---- */

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  return fl_parse(text, strlen(text), &value, NULL) == 0 ? value : NULL;
}

struct fl_value *fixture_form(const char *message, const char *member, const char *type) {
  struct fl_value *params = fl_object(), *schema = fl_object(), *properties = fl_object(), *required = fl_array();
  struct fl_value *one = fl_object();
  fl_set_string(one, "type", type);
  fl_set_take(properties, member, one);
  fl_append_take(required, fl_string(member));
  fl_set_string(schema, "type", "object");
  fl_set_take(schema, "properties", properties);
  fl_set_take(schema, "required", required);
  fl_set_string(params, "message", message);
  fl_set_take(params, "requestedSchema", schema);
  return params;
}

struct fl_value *fixture_sampling(const char *prompt, int tokens) {
  struct fl_value *params = fl_object(), *messages = fl_array(), *message = fl_object();
  fl_set_string(message, "role", "user");
  fl_set_take(message, "content", fl_content_text(prompt));
  fl_append_take(messages, message);
  fl_set_take(params, "messages", messages);
  fl_set_int(params, "maxTokens", tokens);
  return params;
}

static const char *answered(const struct fl_value *answer, const char *member) {
  return fl_get_string(fl_get(answer, "content"), member, "nobody");
}

static int return_dump(struct fl_call *call, const char *front, const struct fl_value *answer) {
  char *content = fl_dump(fl_get(answer, "content"), NULL);
  int status =
      fl_call_return_text(call, "%s: action=%s, content=%s", front, fl_get_string(answer, "action", "?"), content);
  fl_text_free(content);
  return status;
}

/* ---- one question ---- */

static int sampling(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *answer = NULL;
  int status = fl_call_ask_take(call, "reply", FL_ASK_SAMPLING,
                                fixture_sampling(fl_get_string(args, "prompt", ""), 100), &answer);
  if (status != 0) return status;
  return fl_call_return_text(call, "LLM response: %s", answered(answer, "text"));
}

static int elicitation(struct fl_call *call, const struct fl_value *args, void *user) {
  struct fl_value *params = fl_object();
  fl_set_string(params, "message", fl_get_string(args, "message", ""));
  fl_set_take(params, "requestedSchema",
              parse("{\"type\":\"object\",\"properties\":{\"username\":{\"type\":\"string\",\"description\":\"User's "
                    "response\"},\"email\":{\"type\":\"string\",\"description\":\"User's email address\"}},"
                    "\"required\":[\"username\",\"email\"]}"));
  const struct fl_value *answer = NULL;
  int status = fl_call_ask_take(call, "user", FL_ASK_ELICITATION, params, &answer);
  return status != 0 ? status : return_dump(call, "User response", answer);
}

static const char defaults_schema[] =
    "{\"message\":\"Please review the defaults\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
    "\"name\":{\"type\":\"string\",\"default\":\"John Doe\"},\"age\":{\"type\":\"integer\",\"default\":30},"
    "\"score\":{\"type\":\"number\",\"default\":95.5},\"status\":{\"type\":\"string\",\"enum\":[\"active\","
    "\"inactive\","
    "\"pending\"],\"default\":\"active\"},\"verified\":{\"type\":\"boolean\",\"default\":true}},\"required\":[]}}";

static const char enums_schema[] =
    "{\"message\":\"Please choose\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
    "\"untitledSingle\":{\"type\":\"string\",\"enum\":[\"option1\",\"option2\",\"option3\"]},"
    "\"titledSingle\":{\"type\":\"string\",\"oneOf\":[{\"const\":\"value1\",\"title\":\"First Option\"},{\"const\":"
    "\"value2\",\"title\":\"Second Option\"},{\"const\":\"value3\",\"title\":\"Third Option\"}]},"
    "\"legacyEnum\":{\"type\":\"string\",\"enum\":[\"opt1\",\"opt2\",\"opt3\"],\"enumNames\":[\"Option One\",\"Option "
    "Two\",\"Option Three\"]},"
    "\"untitledMulti\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"option1\",\"option2\","
    "\"option3\"]}},"
    "\"titledMulti\":{\"type\":\"array\",\"items\":{\"anyOf\":[{\"const\":\"value1\",\"title\":\"First Choice\"},{"
    "\"const\":\"value2\",\"title\":\"Second Choice\"},{\"const\":\"value3\",\"title\":\"Third Choice\"}]}}},"
    "\"required\":[]}}";

/* The user is the text of the question. */
static int elicit_text(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *answer = NULL;
  int status = fl_call_ask_take(call, "choice", FL_ASK_ELICITATION, parse(user), &answer);
  return status != 0 ? status : return_dump(call, "Elicitation completed", answer);
}

static int ask_name(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *answer = NULL;
  int status = fl_call_ask_take(call, "user_name", FL_ASK_ELICITATION,
                                fixture_form("What is your name?", "name", "string"), &answer);
  return status != 0 ? status : fl_call_return_text(call, "Hello, %s!", answered(answer, "name"));
}

static int ask_capital(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *answer = NULL;
  int status = fl_call_ask_take(call, "capital_question", FL_ASK_SAMPLING,
                                fixture_sampling("What is the capital of France?", 100), &answer);
  return status != 0 ? status : fl_call_return_text(call, "The model says: %s", answered(answer, "text"));
}

static int ask_roots(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *answer = NULL;
  int status = fl_call_ask_take(call, "client_roots", FL_ASK_ROOTS, fl_object(), &answer);
  if (status != 0) return status;
  const struct fl_value *roots = fl_get(answer, "roots");
  return fl_call_return_text(call, "%zu roots, the first is %s", fl_size(roots),
                             fl_get_string(fl_at(roots, 0), "uri", "none"));
}

/* ---- state ---- */

static int keeps_state(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *answer = NULL;
  if (fl_call_state(call) == NULL) fl_call_set_state_take(call, fl_string("kept"));
  int status =
      fl_call_ask_take(call, "confirm", FL_ASK_ELICITATION, fixture_form("Please confirm", "ok", "boolean"), &answer);
  if (status != 0) return status;
  const char *kept = fl_as_string(fl_call_state(call));
  return fl_call_return_text(call, "%s", kept != NULL && strcmp(kept, "kept") == 0 ? "state-ok" : "state-lost");
}

static int asks_three(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *name = NULL, *greeting = NULL, *roots = NULL;
  int first = fl_call_ask_take(call, "user_name", FL_ASK_ELICITATION,
                               fixture_form("What is your name?", "name", "string"), &name);
  int second =
      fl_call_ask_take(call, "greeting", FL_ASK_SAMPLING, fixture_sampling("Generate a greeting", 50), &greeting);
  int third = fl_call_ask_take(call, "client_roots", FL_ASK_ROOTS, fl_object(), &roots);
  if (first != 0 || second != 0 || third != 0) return first != 0 ? first : second != 0 ? second : third;
  return fl_call_return_text(call, "%s: %s (%zu roots)", answered(name, "name"), answered(greeting, "text"),
                             fl_size(fl_get(roots, "roots")));
}

static int asks_twice(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *name = NULL, *color = NULL;
  int status = fl_call_ask_take(call, "step1", FL_ASK_ELICITATION,
                                fixture_form("Step 1: What is your name?", "name", "string"), &name);
  if (status != 0) return status;
  fl_call_set_state_take(call, fl_string("step 2"));
  status = fl_call_ask_take(call, "step2", FL_ASK_ELICITATION,
                            fixture_form("Step 2: What is your favorite color?", "color", "string"), &color);
  if (status != 0) return status;
  return fl_call_return_text(call, "%s likes %s", answered(name, "name"), answered(color, "color"));
}

/* Asks for what the client can do, and nothing else. */
static int asks_what_it_can(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *answer = NULL;
  int asked = fl_call_ask_take(call, "name", FL_ASK_ELICITATION, fixture_form("Your name?", "name", "string"), &answer);
  int sampled = fl_call_ask_take(call, "greeting", FL_ASK_SAMPLING, fixture_sampling("Say hello", 50), &answer);
  if (asked == FL_CALL_ASKING || sampled == FL_CALL_ASKING) return FL_CALL_ASKING;
  return fl_call_return_text(call, "Nothing is left to ask.");
}

static const struct fl_tool tools[] = {
    TOOL("test_sampling", "Asks the client's model.", TEXT_ARGUMENT("prompt"), sampling, 0),
    TOOL("test_elicitation", "Asks the user.", TEXT_ARGUMENT("message"), elicitation, 0),
    TOOL("test_missing_capability", "Asks the client's model.", NO_ARGUMENTS, ask_capital, 0),
    TOOL("test_streaming_elicitation", "Asks the user.", NO_ARGUMENTS, ask_name, 0),
    TOOL("test_input_required_result_elicitation", "Asks for a name.", NO_ARGUMENTS, ask_name, 0),
    TOOL("test_input_required_result_sampling", "Asks for a capital.", NO_ARGUMENTS, ask_capital, 0),
    TOOL("test_input_required_result_list_roots", "Asks for the roots.", NO_ARGUMENTS, ask_roots, 0),
    TOOL("test_input_required_result_request_state", "Keeps a state.", NO_ARGUMENTS, keeps_state, 0),
    TOOL("test_input_required_result_tampered_state", "Keeps a state.", NO_ARGUMENTS, keeps_state, 0),
    TOOL("test_input_required_result_multiple_inputs", "Asks three things.", NO_ARGUMENTS, asks_three, 0),
    TOOL("test_input_required_result_multi_round", "Asks twice.", NO_ARGUMENTS, asks_twice, 0),
    TOOL("test_input_required_result_capabilities", "Asks what can be asked.", NO_ARGUMENTS, asks_what_it_can, 0),
    {0}};

int fixture_add_asking(struct fl_server *server, struct fl_error *err) {
  struct fl_tool defaults =
      TOOL("test_elicitation_sep1034_defaults", "Asks with defaults.", NO_ARGUMENTS, elicit_text, 0);
  struct fl_tool enums = TOOL("test_elicitation_sep1330_enums", "Asks with choices.", NO_ARGUMENTS, elicit_text, 0);
  defaults.user = (void *)(uintptr_t)defaults_schema;
  enums.user = (void *)(uintptr_t)enums_schema;
  int status = fixture_add_table(server, tools, err);
  if (status == 0) status = fl_server_add_tool(server, &defaults, err);
  return status == 0 ? fl_server_add_tool(server, &enums, err) : status;
}
