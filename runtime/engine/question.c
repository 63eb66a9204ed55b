/* SPDX-License-Identifier: MIT */
#include "runtime/engine/question.h"

#include "runtime/base/mem.h"
#include "runtime/json/schema.h"

#include <string.h>
#include <strings.h>

static bool is_page(const struct fl_value *params) { return strcmp(fl_get_string(params, "mode", "form"), "url") == 0; }

/* ---- showing ---- */

/* The protocol forbids to ask for such things in a form: the answer is stored with the thread, and in the open. */
static bool is_secret_field(const char *name, const struct fl_value *schema) {
  static const char *const words[] = {"password", "passwd",     "passphrase", "secret", "token",
                                      "api_key",  "api-key",    "apikey",     "cvv",    "credential",
                                      "card_num", "cardnumber", "private_key"};
  const char *title = fl_get_string(schema, "title", "");
  bool is_secret =
      fl_get_bool(schema, "writeOnly", false) || strcmp(fl_get_string(schema, "format", ""), "password") == 0;
  for (size_t i = 0; !is_secret && i < sizeof words / sizeof words[0]; i++)
    is_secret = strcasestr(name, words[i]) != NULL || strcasestr(title, words[i]) != NULL;
  return is_secret;
}

static struct fl_value *warning_of(const struct fl_value *schema) {
  const struct fl_value *properties = fl_get(schema, "properties");
  struct fl_member member = {0};
  while (fl_is(properties, FL_OBJECT) && fl_next_member(properties, &member))
    if (is_secret_field(member.key, member.value))
      return fl_stringf(
          "\"%s\" looks like a secret. A server must not ask for one in a form: the answer is stored with "
          "the thread, in the open. Decline unless you know why it asks.",
          member.key);
  return NULL;
}

static struct fl_value *server_of(const char *tool) {
  const char *slash = strchr(tool, '/');
  return fl_string_n(tool, slash != NULL ? (size_t)(slash - tool) : strlen(tool));
}

struct fl_value *fl_question_shown(const struct fl_value *params, const struct fl_question_place *place) {
  struct fl_value *shown = fl_object(), *schema = fl_get(params, "requestedSchema"), *warning = warning_of(schema);
  bool visits = is_page(params);
  fl_set_string(shown, "kind", "elicitation");
  fl_set_take(shown, "server", server_of(place->tool));
  fl_set_string(shown, "tool", place->tool);
  fl_set_take(shown, "args", fl_value_ref(place->args));
  fl_set_string(shown, "call_id", place->call_id);
  fl_set_string(shown, "mode", visits ? "url" : "form");
  fl_set_string(shown, "question", fl_get_string(params, "message", ""));
  if (visits) fl_set_string(shown, "url", fl_get_string(params, "url", ""));
  else fl_set_take(shown, "schema", schema != NULL ? fl_value_ref(schema) : fl_object());
  if (!visits && warning != NULL) fl_set_take(shown, "warning", fl_value_ref(warning));
  fl_value_unref(warning);
  if (place->problem != NULL) fl_set_string(shown, "problem", place->problem);
  fl_set_string(shown, "message",
                visits
                    ? "The tool's server asks you to visit a page, and to say when you have. Answer {\"action\": "
                      "\"accept\"}, {\"action\": \"decline\"} or {\"action\": \"cancel\"}."
                    : "The tool's server asks. Answer {\"action\": \"accept\", \"content\": {…}} with what the schema "
                      "wants, {\"action\": \"decline\"} or {\"action\": \"cancel\"}.");
  return shown;
}

/* ---- reading ---- */

/* A field that was not asked for, a misspelt one say, is not told to the server. */
static int check_names(const struct fl_value *schema, const struct fl_value *content, struct fl_error *err) {
  const struct fl_value *properties = fl_get(schema, "properties");
  struct fl_member member = {0};
  while (fl_next_member(content, &member))
    if (fl_get_n(properties, member.key, member.key_size) == NULL)
      return fl_error_set(err, FL_E_INVALID, "the content has \"%.60s\", which was not asked for", member.key);
  return 0;
}

/* What is wrong may repeat the value that is wrong, where it is not about the value's type or its absence. */
static int say_violation(const struct fl_schema_result *violations, struct fl_error *err) {
  const struct fl_schema_violation *first = &violations->violations[0];
  if (violations->count == 0) return fl_error_set(err, FL_E_INVALID, "the content is too large to be checked");
  bool is_plain = strcmp(first->keyword, "type") == 0 || strcmp(first->keyword, "required") == 0;
  const char *pointer = first->instance_pointer[0] != '\0' ? first->instance_pointer : "the content";
  if (is_plain) return fl_error_set(err, FL_E_INVALID, "%s: %s", pointer, first->message);
  return fl_error_set(err, FL_E_INVALID, "%s does not satisfy \"%s\" of the schema", pointer, first->keyword);
}

static int check_content(struct fl_value *schema, const struct fl_value *content, struct fl_error *err) {
  if (!fl_is(content, FL_OBJECT)) return fl_error_set(err, FL_E_INVALID, "\"accept\" needs \"content\", an object");
  if (schema == NULL) return 0;
  struct fl_schema *compiled = NULL;
  struct fl_error why = {0};
  const struct fl_schema_options options = {.size = sizeof options, .check_format = true};
  int rc = fl_schema_create(schema, &options, &compiled, &why);
  if (rc < 0)
    return fl_error_set(err, FL_E_INVALID, "the server's schema cannot be used (%s): decline or cancel", why.text);
  struct fl_schema_result violations = {0};
  rc = fl_schema_validate(compiled, content, &violations) != 0 ? say_violation(&violations, err) : 0;
  fl_schema_result_deinit(&violations);
  fl_schema_destroy(compiled);
  return rc == 0 ? check_names(schema, content, err) : rc;
}

int fl_question_read(const struct fl_value *params, const struct fl_value *answer, struct fl_value **ret_result,
                     struct fl_error *err) {
  const char *action = fl_is(answer, FL_STRING) ? fl_as_string(answer) : fl_get_string(answer, "action", "");
  bool accepts = strcmp(action, "accept") == 0, is_known = accepts;
  is_known |= strcmp(action, "decline") == 0 || strcmp(action, "cancel") == 0;
  if (!is_known) return fl_error_set(err, FL_E_INVALID, "the answer has no \"action\": accept, decline or cancel");
  struct fl_value *content = fl_get(answer, "content");
  bool has_content = accepts && !is_page(params);
  int rc = has_content ? check_content(fl_get(params, "requestedSchema"), content, err) : 0;
  if (rc < 0) return rc;
  struct fl_value *result = fl_object();
  fl_set_string(result, "action", action);
  if (has_content) fl_set_take(result, "content", fl_value_ref(content));
  *ret_result = result;
  return 0;
}
