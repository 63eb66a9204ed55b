/* SPDX-License-Identifier: MIT */
/* What a graph's channels and questions are in MCP: schemas, arguments, results, elicitations. Pure. */
#include "runtime/api/graph_tool.h"

#include "runtime/base/mem.h"
#include "runtime/engine/ask.h"

#include <string.h>

/* ---- channels ---- */

static bool is_messages(const struct fl_channel_def *channel) {
  return channel->kind == FL_CHANNEL_STATE && channel->reducer == FL_MESSAGES && strcmp(channel->name, "messages") == 0;
}

static bool has_messages(const struct fl_definition *definition) {
  ptrdiff_t index = fl_definition_channel(definition, "messages");
  return index >= 0 && definition->channels[index].is_input && is_messages(&definition->channels[index]);
}

/* One text in place of `messages`; where a channel of its own has the name, that is meant. */
static bool takes_message(const struct fl_definition *definition) {
  return has_messages(definition) && fl_definition_channel(definition, "message") < 0;
}

/* A file that says nothing of its input takes every channel: then none of them is needed, and beside a conversation
 * they are the graph's own affair. */
static bool names_inputs(const struct fl_definition *definition) {
  for (size_t i = 0; i < definition->state_channel_count; i++)
    if (!definition->channels[i].is_input && !definition->channels[i].is_private) return true;
  return false;
}

/* Whether a schema says the same in another place of a document: references within it do not. */
static bool is_movable(const struct fl_value *schema) {
  if (fl_is(schema, FL_ARRAY)) {
    for (size_t i = 0; i < fl_size(schema); i++)
      if (!is_movable(fl_at(schema, i))) return false;
    return true;
  }
  struct fl_member member = {0};
  while (fl_is(schema, FL_OBJECT) && fl_next_member(schema, &member))
    if (strcmp(member.key, "$ref") == 0 || strcmp(member.key, "$id") == 0 || strcmp(member.key, "$defs") == 0 ||
        strcmp(member.key, "$dynamicRef") == 0 || !is_movable(member.value))
      return false;
  return true;
}

static struct fl_value *typed(const char *type) {
  struct fl_value *schema = fl_object();
  if (type != NULL) fl_set_string(schema, "type", type);
  return schema;
}

static struct fl_value *channel_schema(const struct fl_channel_def *channel) {
  if (channel->schema_value != NULL && is_movable(channel->schema_value)) return fl_value_ref(channel->schema_value);
  if (is_messages(channel)) return typed("array");
  return typed(NULL);
}

static struct fl_value *messages_schema(void) {
  static const char text[] =
      "{\"type\":\"array\",\"description\":\"a conversation, in place of message\",\"items\":{\"type\":\"object\","
      "\"properties\":{\"role\":{\"type\":\"string\",\"enum\":[\"system\",\"user\",\"assistant\",\"tool\"]},"
      "\"content\":{\"type\":[\"string\",\"array\"]}},\"required\":[\"role\",\"content\"]}}";
  struct fl_value *schema = NULL;
  return fl_parse(text, sizeof text - 1, &schema, NULL) == 0 ? schema : typed("array");
}

/* ---- schemas ---- */

static struct fl_value *object_schema_take(struct fl_value *properties, struct fl_value *required) {
  struct fl_value *schema = typed("object");
  fl_set_take(schema, "properties", properties);
  if (fl_size(required) > 0) fl_set_take(schema, "required", required);
  else fl_value_unref(required);
  return schema;
}

struct fl_value *fl_graph_input_schema(const struct fl_definition *definition) {
  struct fl_value *properties = fl_object(), *required = fl_array();
  bool needs = names_inputs(definition);
  if (takes_message(definition)) {
    struct fl_value *message = typed("string");
    fl_set_string(message, "description", "what to ask; or give a whole conversation as messages");
    fl_set_take(properties, "message", message);
  }
  for (size_t i = 0; i < definition->state_channel_count; i++) {
    const struct fl_channel_def *channel = &definition->channels[i];
    if (!channel->is_input || (!needs && has_messages(definition) && !is_messages(channel))) continue;
    fl_set_take(properties, channel->name, is_messages(channel) ? messages_schema() : channel_schema(channel));
    bool is_needed = needs && channel->default_value == NULL && !fl_reducer_makes_list(channel->reducer);
    if (is_needed) fl_append_take(required, fl_string(channel->name));
  }
  struct fl_value *schema = object_schema_take(properties, required);
  fl_set_bool(schema, "additionalProperties", false);
  return schema;
}

/* A channel that was never written is not in the state, so none is promised to be there. */
struct fl_value *fl_graph_output_schema(const struct fl_definition *definition) {
  struct fl_value *properties = fl_object();
  bool is_known = false;
  for (size_t i = 0; i < definition->state_channel_count; i++) {
    const struct fl_channel_def *channel = &definition->channels[i];
    if (!channel->is_output) continue;
    is_known |= channel->schema_value != NULL || is_messages(channel);
    fl_set_take(properties, channel->name, channel_schema(channel));
  }
  struct fl_value *schema = object_schema_take(properties, fl_array());
  if (is_known) return schema;
  fl_value_unref(schema);
  return NULL;
}

/* ---- values ---- */

static struct fl_value *user_message(const char *text) {
  struct fl_value *messages = fl_array(), *message = fl_object();
  fl_set_string(message, "role", "user");
  fl_set_string(message, "content", text);
  fl_append_take(messages, message);
  return messages;
}

struct fl_value *fl_graph_input(const struct fl_definition *definition, const struct fl_value *args) {
  struct fl_value *input = fl_object();
  const char *message = takes_message(definition) ? fl_get_string(args, "message", NULL) : NULL;
  struct fl_member member = {0};
  while (fl_next_member(args, &member))
    if (message == NULL || strcmp(member.key, "message") != 0)
      fl_set_take(input, member.key, fl_value_ref(member.value));
  if (message != NULL) {
    struct fl_value *all = user_message(message);
    const struct fl_value *before = fl_get(input, "messages");
    struct fl_value *messages = fl_is(before, FL_ARRAY) ? fl_copy_shallow(before) : fl_array();
    fl_append_take(messages, fl_value_ref(fl_at(all, 0)));
    fl_value_unref(all);
    fl_set_take(input, "messages", messages);
  }
  bool lacks = has_messages(definition) && fl_size(fl_get(input, "messages")) == 0;
  if (!lacks) return input;
  fl_value_unref(input);
  return NULL;
}

struct fl_value *fl_graph_output(const struct fl_definition *definition, const struct fl_value *values) {
  struct fl_value *output = fl_object();
  for (size_t i = 0; i < definition->state_channel_count; i++) {
    struct fl_value *value = fl_get(values, definition->channels[i].name);
    if (definition->channels[i].is_output && value != NULL)
      fl_set_take(output, definition->channels[i].name, fl_value_ref(value));
  }
  return output;
}

char *fl_graph_reply(const struct fl_value *output) {
  const struct fl_value *messages = fl_get(output, "messages");
  for (size_t i = fl_size(messages); fl_is(messages, FL_ARRAY) && i > 0; i--) {
    const struct fl_value *message = fl_at(messages, i - 1);
    if (strcmp(fl_get_string(message, "role", ""), "assistant") != 0) continue;
    char *text = fl_reply_text(message);
    if (text != NULL && text[0] != '\0') return text;
    fl_free(text);
  }
  return NULL;
}

/* ---- questions ---- */

/* How an answer comes: as the content itself, as its member "answer", or as a text in that which may be JSON. */
enum form_kind { FORM_WHOLE, FORM_MEMBER, FORM_TEXT };
struct form {
  enum form_kind kind;
  struct fl_value *schema; /* requestedSchema; owned */
};

/* What forms may have (elicitation/create): flat, and of these alone. */
static struct fl_value *field_of(const struct fl_value *schema) {
  static const char *const kept[] = {"title",   "description", "minLength", "maxLength", "format",
                                     "minimum", "maximum",     "enum",      "default",   NULL};
  static const char *const types[] = {"string", "integer", "number", "boolean", NULL};
  const struct fl_value *words = fl_get(schema, "enum");
  const char *type = fl_get_string(schema, "type", fl_as_string(fl_at(words, 0)) != NULL ? "string" : "");
  size_t t = 0;
  while (types[t] != NULL && strcmp(types[t], type) != 0) t++;
  if (types[t] == NULL) return NULL;
  struct fl_value *field = typed(type);
  for (size_t i = 0; kept[i] != NULL; i++)
    if (fl_get(schema, kept[i]) != NULL) fl_set_take(field, kept[i], fl_value_ref(fl_get(schema, kept[i])));
  if (words != NULL && t != 0) fl_unset(field, "enum"); /* forms have them of texts alone */
  return field;
}

/* NULL: the schema is none that a form can ask for. */
static struct fl_value *flat_object(const struct fl_value *schema) {
  const struct fl_value *properties = fl_get(schema, "properties"), *required = fl_get(schema, "required");
  if (strcmp(fl_get_string(schema, "type", "object"), "object") != 0 || fl_size(properties) == 0) return NULL;
  struct fl_value *fields = fl_object();
  struct fl_member member = {0};
  while (fl_next_member(properties, &member)) {
    struct fl_value *field = field_of(member.value);
    if (field == NULL) {
      fl_value_unref(fields);
      return NULL;
    }
    fl_set_take(fields, member.key, field);
  }
  return object_schema_take(fields, fl_is(required, FL_ARRAY) ? fl_copy_shallow(required) : fl_array());
}

static struct fl_value *answer_object_take(struct fl_value *field) {
  struct fl_value *properties = fl_object(), *required = fl_array();
  fl_set_take(properties, "answer", field);
  fl_append_take(required, fl_string("answer"));
  return object_schema_take(properties, required);
}

static bool form_of_schema(const struct fl_value *schema, struct form *ret_form) {
  if (!fl_is(schema, FL_OBJECT)) return false;
  struct fl_value *whole = flat_object(schema), *field = whole == NULL ? field_of(schema) : NULL;
  if (whole == NULL && field == NULL) return false;
  *ret_form = whole != NULL ? (struct form){FORM_WHOLE, whole} : (struct form){FORM_MEMBER, answer_object_take(field)};
  return true;
}

/* An interrupt node tells in which channel the answer goes. */
static const struct fl_value *schema_of_channel(const struct fl_definition *definition,
                                                const struct fl_value *interrupt) {
  ptrdiff_t node = fl_definition_node(definition, fl_get_string(interrupt, "node", ""));
  if (node < 0 || fl_get(interrupt, "ns") != NULL) return NULL;
  const char *channel = fl_get_string(definition->nodes[node].config, "resume", NULL);
  ptrdiff_t index = channel != NULL ? fl_definition_channel(definition, channel) : -1;
  return index >= 0 ? definition->channels[index].schema_value : NULL;
}

static struct fl_value *parsed(const char *text) {
  struct fl_value *value = NULL;
  return fl_parse(text, strlen(text), &value, NULL) == 0 ? value : NULL;
}

static struct form form_of(const struct fl_definition *definition, const struct fl_value *interrupt) {
  const struct fl_value *value = fl_get(interrupt, "value");
  const struct fl_value *choices = fl_get(value, "choices");
  struct form form = {FORM_TEXT, NULL};
  if (fl_get(interrupt, "id") == NULL) return (struct form){FORM_MEMBER, answer_object_take(typed("boolean"))};
  if (strcmp(fl_get_string(value, "kind", ""), "outcome_unknown") == 0)
    return (struct form){FORM_WHOLE,
                         parsed("{\"type\":\"object\",\"properties\":{\"action\":{\"type\":\"string\",\"enum\":["
                                "\"retry\",\"result\",\"fail\"]},\"text\":{\"type\":\"string\",\"description\":\"for "
                                "result: what it answered\"}},\"required\":[\"action\"]}")};
  if (form_of_schema(fl_get(value, "schema"), &form)) return form;
  if (fl_as_string(fl_at(choices, 0)) != NULL) {
    struct fl_value *field = typed("string");
    fl_set_take(field, "enum", fl_value_ref((struct fl_value *)(uintptr_t)choices));
    return (struct form){FORM_MEMBER, answer_object_take(field)};
  }
  if (form_of_schema(schema_of_channel(definition, interrupt), &form)) return form;
  return (struct form){FORM_TEXT, answer_object_take(typed("string"))};
}

/* The question in words, and behind it what else the node gave to decide by. */
static struct fl_value *message_of(const struct fl_value *interrupt) {
  static const char *const words[] = {"question", "message", "prompt"};
  static const char *const others[] = {"schema", "choices", "kind", "call_id"};
  const struct fl_value *value = fl_get(interrupt, "value");
  const char *node = fl_get_string(interrupt, "node", "");
  if (fl_get(interrupt, "id") == NULL)
    return fl_stringf("The graph stopped %s %s. Go on?", fl_get_string(interrupt, "when", "at"), node);
  if (fl_as_string(value) != NULL) return fl_string(fl_as_string(value));
  size_t i = 0;
  while (i < 3 && fl_get_string(value, words[i], NULL) == NULL) i++;
  FL_VALUE_AUTO rest = fl_is(value, FL_OBJECT) ? fl_copy_shallow(value) : fl_value_ref(fl_get(interrupt, "value"));
  if (i < 3) fl_unset(rest, words[i]);
  for (size_t j = 0; fl_is(rest, FL_OBJECT) && j < 4; j++) fl_unset(rest, others[j]);
  char *shown = rest != NULL && (!fl_is(rest, FL_OBJECT) || fl_size(rest) > 0) ? fl_dump(rest, NULL) : NULL;
  const char *question = i < 3 ? fl_get_string(value, words[i], "") : node;
  struct fl_value *message = fl_stringf("%s%s%s", question, shown != NULL ? "\n" : "", shown != NULL ? shown : "");
  fl_text_free(shown);
  return message;
}

bool fl_graph_is_passed_on(const struct fl_value *interrupt) {
  const struct fl_value *value = fl_get(interrupt, "value"), *schema = fl_get(value, "schema");
  bool is_elicitation = fl_get(interrupt, "id") != NULL && strcmp(fl_get_string(value, "kind", ""), "elicitation") == 0;
  bool is_page = strcmp(fl_get_string(value, "mode", ""), "url") == 0;
  return is_elicitation && (is_page || strcmp(fl_get_string(schema, "type", ""), "object") == 0);
}

/* The words of the server behind, with whose they are: the person knows this server, not that one. */
static struct fl_value *passed_on(const struct fl_value *interrupt) {
  const struct fl_value *value = fl_get(interrupt, "value");
  const char *warning = fl_get_string(value, "warning", NULL), *problem = fl_get_string(value, "problem", NULL);
  bool is_page = strcmp(fl_get_string(value, "mode", ""), "url") == 0;
  struct fl_value *params = fl_object();
  if (is_page) fl_set_string(params, "mode", "url");
  fl_set_take(
      params, "message",
      fl_stringf("%s asks: %s%s%s%s%s", fl_get_string(value, "tool", ""), fl_get_string(value, "question", ""),
                 warning != NULL ? "\n" : "", warning != NULL ? warning : "",
                 problem != NULL ? "\nThe answer before could not be used: " : "", problem != NULL ? problem : ""));
  if (is_page) {
    fl_set_string(params, "url", fl_get_string(value, "url", ""));
    fl_set_string(params, "elicitationId", fl_get_string(interrupt, "id", ""));
  } else {
    fl_set_take(params, "requestedSchema", fl_value_ref(fl_get(value, "schema")));
  }
  return params;
}

struct fl_value *fl_graph_question(const struct fl_definition *definition, const struct fl_value *interrupt) {
  if (fl_graph_is_passed_on(interrupt)) return passed_on(interrupt);
  struct fl_value *params = fl_object();
  fl_set_take(params, "message", message_of(interrupt));
  fl_set_take(params, "requestedSchema", form_of(definition, interrupt).schema);
  return params;
}

struct fl_value *fl_graph_answer(const struct fl_definition *definition, const struct fl_value *interrupt,
                                 const struct fl_value *content) {
  struct form form = form_of(definition, interrupt);
  fl_value_unref(form.schema);
  if (form.kind == FORM_WHOLE) return content != NULL ? fl_copy_shallow(content) : fl_object();
  struct fl_value *answer = fl_get(content, "answer");
  const char *text = form.kind == FORM_TEXT ? fl_as_string(answer) : NULL;
  struct fl_value *json = text != NULL && (text[0] == '{' || text[0] == '[') ? parsed(text) : NULL;
  if (json != NULL) return json;
  return answer != NULL ? fl_value_ref(answer) : fl_null();
}
