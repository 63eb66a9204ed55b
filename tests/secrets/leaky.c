/* SPDX-License-Identifier: MIT */
/* A tool server that says whatever it was given: every value in its environment (CANARY_N) or in the file of one
 * (CANARY_N_FILE), in every spelling, in results, errors, log messages, its list of tools, and on standard error in
 * pieces of a few bytes. With the argument "quiet" it is asked first. Its tool `hold` waits, and `crash` ends it by a
 * signal that leaves a core file where that is allowed. With "print" it is no server: it prints them and ends. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tests/support/spelling.h"

#include <fairlead/value.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUES_MAX = 64, VALUE_MAX = 8192 };

static struct {
  char name[64];
  struct fl_buf value;
} values[VALUES_MAX];
static size_t value_count;
static bool is_quiet;

/* ---- what it was given ---- */

static void read_file(const char *path, struct fl_buf *value) {
  char text[VALUE_MAX];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd >= 0 ? read(fd, text, sizeof text) : 0;
  if (size > 0) fl_buf_add(value, text, (size_t)size);
  if (fd >= 0) close(fd);
}

static void take_values(void) {
  for (char **entry = environ; *entry != NULL && value_count < VALUES_MAX; entry++) {
    const char *equals = strchr(*entry, '=');
    if (strncmp(*entry, "CANARY_", 7) != 0 || equals == NULL) continue;
    snprintf(values[value_count].name, sizeof values[0].name, "%.*s", (int)(equals - *entry), *entry);
    char *file = strstr(values[value_count].name, "_FILE");
    if (file != NULL) read_file(equals + 1, &values[value_count].value);
    else fl_buf_add_text(&values[value_count].value, equals + 1);
    value_count++;
  }
}

/* "CANARY_3 (hex, lower): 68…" */
static char *all_of_it(void) {
  FL_BUF_AUTO text = {0};
  for (size_t i = 0; i < value_count; i++)
    for (int kind = 0; kind < SPELLING_COUNT; kind++) {
      fl_buf_addf(&text, "%s (%s): ", values[i].name, spelling_name(kind));
      spell(&text, fl_buf_slice(&values[i].value), kind);
      fl_buf_add_text(&text, "\n");
    }
  return fl_buf_take(&text, NULL);
}

static void complain_in_pieces(void) {
  FL_FREE_AUTO char *text = all_of_it();
  unsigned seed = 1;
  for (size_t at = 0, size = strlen(text); at < size;) {
    seed = seed * 1664525 + 1013904223;
    size_t piece = 1 + (seed >> 24) % 61;
    if (piece > size - at) piece = size - at;
    if (write(2, text + at, piece) < 0) return;
    at += piece;
  }
}

/* ---- the protocol ---- */

static void send(struct fl_value *message) {
  fl_set_string(message, "jsonrpc", "2.0");
  char *line = fl_dump(message, NULL);
  printf("%s\n", line);
  fflush(stdout);
  fl_text_free(line);
  fl_value_unref(message);
}

static void notify(const char *method, struct fl_value *params) {
  struct fl_value *message = fl_object();
  fl_set_string(message, "method", method);
  fl_set_take(message, "params", params);
  send(message);
}

static void log_messages(void) {
  for (size_t i = 0; i < value_count; i++) {
    struct fl_value *params = fl_object();
    FL_FREE_AUTO char *text = all_of_it();
    fl_set_string(params, "level", "error");
    fl_set_string(params, "data", text);
    notify("notifications/message", params);
  }
}

static void answer(const struct fl_value *request, const char *key, struct fl_value *value) {
  struct fl_value *message = fl_object();
  fl_set_take(message, "id", fl_value_ref(fl_get(request, "id")));
  fl_set_take(message, key, value);
  send(message);
}

static struct fl_value *parsed(const char *format, const char *text) {
  struct fl_value *value = NULL;
  FL_FREE_AUTO char *json = fl_strdup(format);
  if (fl_parse(json, strlen(json), &value, NULL) < 0) abort();
  if (text != NULL) fl_set_string(value, "text", text);
  return value;
}

static struct fl_value *text_block(const char *text) { return parsed("{\"type\":\"text\"}", text); }

/* Texts, an image, a resource; with the same in structured content, names of members among that. */
static struct fl_value *result_of(const char *text, bool is_error, bool is_structured) {
  struct fl_value *result = fl_object(), *content = fl_array(), *resource = fl_object(), *block = fl_object();
  fl_set_string(resource, "uri", "test://leak");
  fl_set_string(resource, "text", text);
  fl_set_string(block, "type", "resource");
  fl_set_take(block, "resource", resource);
  fl_append_take(content, text_block(text));
  fl_append_take(content, block);
  fl_set_take(result, "content", content);
  if (is_error) fl_set_bool(result, "isError", true);
  if (!is_structured) return result;
  struct fl_value *structured = fl_object();
  for (size_t i = 0; i < value_count; i++) {
    char *value = values[i].value.data;
    fl_set_take(structured, value, fl_string(value));
  }
  fl_set_take(result, "structuredContent", structured);
  return result;
}

static struct fl_value *error_of(const char *text) {
  struct fl_value *error = fl_object();
  fl_set_int(error, "code", -32000);
  fl_set_string(error, "message", text);
  return error;
}

static const char *const tool_names[] = {"result", "structured", "failure", "rpc_error", "messages", "hold", "crash"};

static void list_tools(const struct fl_value *request) {
  struct fl_value *result = fl_object(), *tools = fl_array();
  FL_FREE_AUTO char *text = is_quiet ? fl_strdup("quiet") : all_of_it();
  for (size_t i = 0; i < sizeof tool_names / sizeof *tool_names; i++) {
    struct fl_value *tool = parsed("{\"inputSchema\":{\"type\":\"object\"}}", NULL);
    fl_set_string(tool, "name", tool_names[i]);
    fl_set_string(tool, "description", text);
    fl_append_take(tools, tool);
  }
  fl_set_take(result, "tools", tools);
  answer(request, "result", result);
}

static void call(const struct fl_value *request) {
  const char *tool = fl_get_string(fl_get(request, "params"), "name", "");
  FL_FREE_AUTO char *text = all_of_it();
  if (strcmp(tool, "messages") == 0) log_messages();
  if (strcmp(tool, "messages") == 0 || strcmp(tool, "crash") == 0) complain_in_pieces();
  if (strcmp(tool, "crash") == 0) abort();
  if (strcmp(tool, "hold") == 0) usleep((is_quiet ? 8000 : 1500) * 1000);
  if (strcmp(tool, "rpc_error") == 0) answer(request, "error", error_of(text));
  else if (strcmp(tool, "hold") == 0) answer(request, "result", result_of("held", false, false));
  else answer(request, "result", result_of(text, strcmp(tool, "failure") == 0, strcmp(tool, "structured") == 0));
}

static void take(const struct fl_value *request) {
  const char *method = fl_get_string(request, "method", "");
  if (fl_get(request, "id") == NULL) return;
  if (strcmp(method, "initialize") == 0)
    answer(request, "result",
           parsed("{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{},\"logging\":{}},"
                  "\"serverInfo\":{\"name\":\"leaky\",\"version\":\"1\"}}",
                  NULL));
  else if (strcmp(method, "tools/list") == 0) list_tools(request);
  else if (strcmp(method, "tools/call") == 0) call(request);
  else answer(request, "error", error_of("no such method"));
}

int main(int argc, char **argv) {
  char *line = NULL;
  size_t room = 0;
  is_quiet = argc > 1 && strcmp(argv[1], "quiet") == 0;
  take_values();
  if (argc > 1 && strcmp(argv[1], "print") == 0) {
    FL_FREE_AUTO char *text = all_of_it();
    return printf("%s", text) < 0;
  }
  if (!is_quiet) complain_in_pieces();
  for (ssize_t size; (size = getline(&line, &room, stdin)) > 0;) {
    struct fl_value *request = NULL;
    if (fl_parse(line, (size_t)size, &request, NULL) < 0) continue;
    take(request);
    fl_value_unref(request);
  }
  free(line);
  for (size_t i = 0; i < value_count; i++) fl_buf_deinit(&values[i].value);
  return 0;
}
