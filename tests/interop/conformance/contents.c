/* SPDX-License-Identifier: MIT */
/* Tools that answer with contents, errors, progress and log messages. */
#include "server.h"

#include <time.h>

const unsigned char fixture_png[] = {0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
                                     0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00,
                                     0x00, 0x90, 0x77, 0x53, 0xde, 0x00, 0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x08,
                                     0xd7, 0x63, 0xf8, 0xcf, 0xc0, 0x00, 0x00, 0x03, 0x01, 0x01, 0x00, 0x18, 0xdd, 0x8d,
                                     0xb0, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
const size_t fixture_png_size = sizeof fixture_png;

/* 8 kHz, 8 bits, one channel, no samples. */
const unsigned char fixture_wav[] = {'R', 'I',  'F', 'F', 0x24, 0, 0,   0,   'W', 'A',  'V',  'E', 'f', 'm',  't',
                                     ' ', 0x10, 0,   0,   0,    1, 0,   1,   0,   0x40, 0x1f, 0,   0,   0x40, 0x1f,
                                     0,   0,    1,   0,   8,    0, 'd', 'a', 't', 'a',  0,    0,   0,   0};
const size_t fixture_wav_size = sizeof fixture_wav;

void fixture_sleep(unsigned ms) {
  struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&pause, NULL);
}

int fixture_add_table(struct fl_server *server, const struct fl_tool *tools, struct fl_error *err) {
  int status = 0;
  for (; status == 0 && tools->name != NULL; tools++) status = fl_server_add_tool(server, tools, err);
  return status;
}

/* ---- contents ---- */

static int simple_text(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "This is a simple text response for testing.");
}

static int one_block(struct fl_call *call, struct fl_value *block) {
  struct fl_value *content = fl_array();
  fl_append_take(content, block);
  return fl_call_return_content_take(call, content);
}

static int image(struct fl_call *call, const struct fl_value *args, void *user) {
  return one_block(call, fl_content_image("image/png", fixture_png, fixture_png_size));
}

static int audio(struct fl_call *call, const struct fl_value *args, void *user) {
  return one_block(call, fl_content_audio("audio/wav", fixture_wav, fixture_wav_size));
}

static int embedded(struct fl_call *call, const struct fl_value *args, void *user) {
  return one_block(call, fl_content_resource_text("test://embedded-resource", "text/plain",
                                                  "This is an embedded resource content."));
}

static int several(struct fl_call *call, const struct fl_value *args, void *user) {
  struct fl_value *content = fl_array();
  fl_append_take(content, fl_content_text("Multiple content types test:"));
  fl_append_take(content, fl_content_image("image/png", fixture_png, fixture_png_size));
  fl_append_take(content, fl_content_resource_text("test://mixed-content-resource", "application/json",
                                                   "{\"test\":\"data\",\"value\":123}"));
  return fl_call_return_content_take(call, content);
}

static int fails(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_error(call, "This tool intentionally returns an error for testing");
}

static int takes_anything(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "%zu arguments", fl_size(args));
}

/* ---- meanwhile ---- */

static int logs(struct fl_call *call, const struct fl_value *args, void *user) {
  fl_call_log(call, "info", "Tool execution started");
  fixture_sleep(50);
  fl_call_log(call, "info", "Tool processing data");
  fixture_sleep(50);
  fl_call_log(call, "info", "Tool execution completed");
  return fl_call_return_text(call, "Three messages were logged.");
}

static int progresses(struct fl_call *call, const struct fl_value *args, void *user) {
  for (int done = 0; done <= 100; done += 50) {
    fl_call_progress(call, done, 100, NULL);
    fixture_sleep(50);
  }
  return fl_call_return_text(call, "Progress was reported three times.");
}

/* The stream closes in the middle of the call; the client comes back for the rest. */
static int reconnects(struct fl_call *call, const struct fl_value *args, void *user) {
  fl_call_close_stream(call);
  fixture_sleep(100);
  return fl_call_return_text(call, "Reconnection test completed successfully.");
}

/* ---- changes ---- */

static int changed_tool(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_text(call, "new");
}

static const struct fl_tool extra_tool = TOOL("test_extra", "Comes and goes.", NO_ARGUMENTS, changed_tool, 0);

static int change_tools(struct fl_call *call, const struct fl_value *args, void *user) {
  struct fl_error err;
  if (fl_server_add_tool(user, &extra_tool, &err) < 0) return fl_call_return_error(call, "%s", err.text);
  return fl_call_return_text(call, "The list of tools has changed.");
}

static int extra_prompt_run(struct fl_call *call, const struct fl_value *args, void *user) {
  return fl_call_return_message(call, "user", "Come and go.");
}

static int change_prompts(struct fl_call *call, const struct fl_value *args, void *user) {
  static const struct fl_prompt extra = {.size = sizeof(struct fl_prompt),
                                         .name = "test_extra_prompt",
                                         .description = "Comes and goes.",
                                         .run = extra_prompt_run};
  struct fl_error err;
  if (fl_server_add_prompt(user, &extra, &err) < 0) return fl_call_return_error(call, "%s", err.text);
  return fl_call_return_text(call, "The list of prompts has changed.");
}

/* ---- the table ---- */

static const char schema_2020_12[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/"
    "schema\",\"type\":\"object\",\"$defs\":{\"address\":{\"$anchor\":"
    "\"addressDef\",\"type\":\"object\",\"properties\":{\"street\":{\"type\":\"string\"},\"city\":{\"type\":\"string\"}"
    "}}},"
    "\"properties\":{\"name\":{\"type\":\"string\"},\"address\":{\"$ref\":\"#/$defs/address\"},\"contactMethod\":{"
    "\"type\":\"string\",\"enum\":[\"phone\",\"email\"]},\"phone\":{\"type\":\"string\"},\"email\":{\"type\":"
    "\"string\"}},"
    "\"allOf\":[{\"anyOf\":[{\"required\":[\"phone\"]},{\"required\":[\"email\"]}]}],\"if\":{\"properties\":{"
    "\"contactMethod\":{\"const\":\"phone\"}},\"required\":[\"contactMethod\"]},\"then\":{\"required\":[\"phone\"]},"
    "\"else\":{\"required\":[\"email\"]},\"additionalProperties\":false}";

static const char mirrored[] = "{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":"
                               "\"Region\"},\"query\":{\"type\":\"string\"}}}";

static const struct fl_tool tools[] = {
    TOOL("test_simple_text", "Answers with a text.", NO_ARGUMENTS, simple_text, 0),
    TOOL("test_image_content", "Answers with an image.", NO_ARGUMENTS, image, 0),
    TOOL("test_audio_content", "Answers with a sound.", NO_ARGUMENTS, audio, 0),
    TOOL("test_embedded_resource", "Answers with a resource.", NO_ARGUMENTS, embedded, 0),
    TOOL("test_multiple_content_types", "Answers with several blocks.", NO_ARGUMENTS, several, 0),
    TOOL("test_tool_with_logging", "Logs while it runs.", NO_ARGUMENTS, logs, 0),
    TOOL("test_logging_tool", "Logs while it runs.", NO_ARGUMENTS, logs, 0),
    TOOL("test_tool_with_progress", "Reports progress.", NO_ARGUMENTS, progresses, 0),
    TOOL("test_error_handling", "Always fails.", NO_ARGUMENTS, fails, 0),
    TOOL("test_reconnection", "Closes its stream before it ends.", NO_ARGUMENTS, reconnects, 0),
    TOOL("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", schema_2020_12, takes_anything, 0),
    TOOL("test_x_mcp_header", "Has an argument that HTTP mirrors.", mirrored, takes_anything, 0),
    {0}};

int fixture_add_contents(struct fl_server *server, struct fl_error *err) {
  struct fl_tool change = TOOL("test_trigger_tool_change", "Changes the list of tools.", NO_ARGUMENTS, change_tools, 0);
  struct fl_tool prompts =
      TOOL("test_trigger_prompt_change", "Changes the list of prompts.", NO_ARGUMENTS, change_prompts, 0);
  change.user = prompts.user = server;
  int status = fixture_add_table(server, tools, err);
  if (status == 0) status = fl_server_add_tool(server, &change, err);
  return status == 0 ? fl_server_add_tool(server, &prompts, err) : status;
}
