/* SPDX-License-Identifier: MIT */
/* Prompts and resources. */
#include "server.h"

#include <stdio.h>

/* ---- prompts ---- */

static int simple(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_message(call, "user", "This is a simple prompt for testing.");
}

static int with_arguments(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_message(call, "user", "Prompt with arguments: arg1='%s', arg2='%s'",
                                fl_get_string(args, "arg1", ""), fl_get_string(args, "arg2", ""));
}

static int complete_argument(struct fl_call *call, const struct fl_value *args, void *user) {
  static const char *const places[] = {"paris", "park", "party", "lisbon", NULL};
  return fl_call_return_values(call, places);
}

static int with_resource(struct fl_call *call, const struct fl_value *args, void *user) {
  const char *uri = fl_get_string(args, "resourceUri", "");
  fl_call_return_message_take(call, "user",
                              fl_content_resource_text(uri, "text/plain", "Embedded resource content for testing."));
  return fl_call_return_message(call, "user", "Please process the embedded resource above.");
}

static int with_image(struct fl_call *call, const struct fl_value *args, void *user) {
  fl_call_return_message_take(call, "user", fl_content_image("image/png", fixture_png, fixture_png_size));
  return fl_call_return_message(call, "user", "Please analyze the image above.");
}

static int asks_context(struct fl_call *call, const struct fl_value *args, void *user) {
  const struct fl_value *answer = NULL;
  int status = fl_call_ask_take(call, "user_context", FL_ASK_ELICITATION,
                                fixture_form("What context should the prompt use?", "context", "string"), &answer);
  if (status != 0) return status;
  return fl_call_return_message(call, "user", "Use this context: %s",
                                fl_get_string(fl_get(answer, "content"), "context", "none"));
}

#define PROMPT(prompt_name, text, function) \
  .size = sizeof(struct fl_prompt), .name = (prompt_name), .description = (text), .run = (function)

static int add_prompts(struct fl_server *server, struct fl_error *err) {
  static const struct fl_prompt_arg two[] = {
      {.name = "arg1", .description = "First test argument", .is_required = true},
      {.name = "arg2", .description = "Second test argument", .is_required = true},
      {0}};
  static const struct fl_prompt_arg uri[] = {
      {.name = "resourceUri", .description = "URI of the resource to embed", .is_required = true}, {0}};
  static const struct fl_prompt prompts[] = {
      {PROMPT("test_simple_prompt", "A text.", simple)},
      {PROMPT("test_prompt_with_arguments", "Two arguments.", with_arguments), .args = two,
       .complete = complete_argument},
      {PROMPT("test_prompt_with_embedded_resource", "A resource.", with_resource), .args = uri},
      {PROMPT("test_prompt_with_image", "An image.", with_image)},
      {PROMPT("test_input_required_result_prompt", "Asks first.", asks_context)}};
  int status = 0;
  for (size_t i = 0; status == 0 && i < sizeof prompts / sizeof prompts[0]; i++)
    status = fl_server_add_prompt(server, &prompts[i], err);
  return status;
}

/* ---- resources ---- */

static int static_text(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_resource_text(call, "text/plain", "This is the content of the static text resource.");
}

static int static_binary(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_resource_bytes(call, "image/png", fixture_png, fixture_png_size);
}

static int watched(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_resource_text(call, "text/plain", "Watched resource content.");
}

static int by_id(struct fl_call *call, const struct fl_value *args, void *user) {
  const char *id = fl_get_string(args, "id", "");
  struct fl_value *data = fl_object();
  fl_set_string(data, "id", id);
  fl_set_bool(data, "templateTest", true);
  fl_set_take(data, "data", fl_stringf("Data for ID: %s", id));
  char *text = fl_dump(data, NULL);
  int status = fl_call_return_resource_text(call, "application/json", text);
  fl_text_free(text);
  fl_value_unref(data);
  return status;
}

#define RESOURCE(resource_uri, resource_name, text, type, function)                                          \
  .size = sizeof(struct fl_resource), .uri = (resource_uri), .name = (resource_name), .description = (text), \
  .mime_type = (type), .run = (function)

static int add_resources(struct fl_server *server, struct fl_error *err) {
  static const struct fl_resource resources[] = {
      {RESOURCE("test://static-text", "static-text", "A text.", "text/plain", static_text)},
      {RESOURCE("test://static-binary", "static-binary", "An image.", "image/png", static_binary)},
      {RESOURCE("test://watched-resource", "watched-resource", "It can be watched.", "text/plain", watched)}};
  static const struct fl_resource template = {
      RESOURCE("test://template/{id}/data", "template", "Data by its id.", "application/json", by_id)};
  int status = 0;
  for (size_t i = 0; status == 0 && i < sizeof resources / sizeof resources[0]; i++)
    status = fl_server_add_resource(server, &resources[i], err);
  return status == 0 ? fl_server_add_template(server, &template, err) : status;
}

int fixture_add_offers(struct fl_server *server, struct fl_error *err) {
  int status = add_prompts(server, err);
  return status == 0 ? add_resources(server, err) : status;
}
