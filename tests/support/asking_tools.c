/* SPDX-License-Identifier: MIT */
/* An MCP server for tests whose tools ask a person before they do anything:
 *   order {"what"}   a form: how many, and whether it is sure
 *   visit {}         a page to visit
 * Each line of what it does goes to the file $FL_COUNT_FILE: "ask TOOL 0" when it asks, "order WHAT COUNT" when it
 * does. With the argument "legacy" it is a peer of its own, of 2025-06-18, that shares nothing with our server: it
 * sends elicitation/create while the call waits. */
#include <fairlead/tools.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note(const char *what, const char *word, int64_t count) {
  const char *path = getenv("FL_COUNT_FILE");
  char line[200];
  if (path == NULL) return;
  int size = snprintf(line, sizeof line, "%s %s %lld\n", what, word, (long long)count);
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd < 0 || write(fd, line, (size_t)size) != size) abort();
  close(fd);
}

static struct fl_value *parse(const char *text) {
  struct fl_value *value = NULL;
  if (fl_parse(text, strlen(text), &value, NULL) < 0) abort();
  return value;
}

static const char FORM[] =
    "{\"message\":\"How many, and are you sure?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
    "\"count\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9,\"description\":\"how many\"},"
    "\"colour\":{\"type\":\"string\",\"enum\":[\"red\",\"green\"]},\"sure\":{\"type\":\"boolean\"}},"
    "\"required\":[\"count\",\"sure\"]}}";
static const char PAGE[] = "{\"mode\":\"url\",\"message\":\"Please sign in\",\"url\":\"https://shop.test/in?x=1\","
                           "\"elicitationId\":\"e1\"}";

/* What becomes of an answer. */
static void act(const struct fl_value *answer, const char *what, char ret_text[200]) {
  const char *action = fl_get_string(answer, "action", "error");
  int64_t count = fl_get_int(fl_get(answer, "content"), "count", 0);
  snprintf(ret_text, 200, "%s: %s", what, action);
  if (strcmp(action, "accept") != 0 || count == 0) return;
  note("order", what, count);
  snprintf(ret_text, 200, "ordered %lld %s", (long long)count, what);
}

/* ---- our own server ---- */

static int ask(struct fl_call *call, const struct fl_value *args, void *user) {
  const char *tool = user, *what = fl_get_string(args, "what", tool);
  const struct fl_value *answer = NULL;
  bool is_page = strcmp(tool, "visit") == 0;
  int status = fl_call_ask_take(call, "q", FL_ASK_ELICITATION, parse(is_page ? PAGE : FORM), &answer);
  if (status == FL_CALL_ASKING) note("ask", tool, 0);
  if (status != 0) return status;
  char text[200];
  act(answer, what, text);
  return fl_call_return_text(call, "%s", text);
}

/* ---- a legacy server ---- */

static char *read_line(void) {
  static char *line;
  static size_t size;
  return getline(&line, &size, stdin) > 0 ? line : NULL;
}

static void reply(const struct fl_value *id, const char *result) {
  char *text = fl_dump(id, NULL);
  printf("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\n", text, result);
  fflush(stdout);
  fl_text_free(text);
}

static struct fl_value *wait_for_answer(void) {
  for (char *line; (line = read_line()) != NULL;) {
    struct fl_value *message = parse(line);
    if (strcmp(fl_get_string(message, "id", ""), "q1") == 0) return message;
    fl_value_unref(message);
  }
  exit(0);
}

static void call_legacy(const struct fl_value *id, const struct fl_value *params) {
  const char *tool = fl_get_string(params, "name", "");
  const char *what = fl_get_string(fl_get(params, "arguments"), "what", tool);
  char text[200], result[400];
  note("ask", tool, 0);
  printf("{\"jsonrpc\":\"2.0\",\"id\":\"q1\",\"method\":\"elicitation/create\",\"params\":%s}\n",
         strcmp(tool, "visit") == 0 ? PAGE : FORM);
  fflush(stdout);
  struct fl_value *message = wait_for_answer();
  act(fl_get(message, "result"), what, text);
  fl_value_unref(message);
  snprintf(result, sizeof result, "{\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}", text);
  reply(id, result);
}

static void serve_one(const struct fl_value *message) {
  const struct fl_value *id = fl_get(message, "id"), *params = fl_get(message, "params");
  const char *method = fl_get_string(message, "method", "");
  char *text = fl_dump(id, NULL);
  if (id == NULL) { /* a notification */
  } else if (strcmp(method, "initialize") == 0)
    reply(id, "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"old\","
              "\"version\":\"1\"}}");
  else if (strcmp(method, "tools/list") == 0)
    reply(id, "{\"tools\":[{\"name\":\"order\",\"inputSchema\":{\"type\":\"object\"}},{\"name\":\"visit\","
              "\"inputSchema\":{\"type\":\"object\"}}]}");
  else if (strcmp(method, "tools/call") == 0) call_legacy(id, params);
  else {
    printf("{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}\n", text);
    fflush(stdout);
  }
  fl_text_free(text);
}

int main(int argc, char **argv) {
  static const char schema[] = "{\"type\":\"object\",\"properties\":{\"what\":{\"type\":\"string\"}}}";
  static char order[] = "order", visit[] = "visit";
  static const struct fl_tool tools[] = {
      {.size = sizeof(struct fl_tool),
       .name = "order",
       .description = "Orders things.",
       .input_schema = schema,
       .run = ask,
       .user = order},
      {.size = sizeof(struct fl_tool),
       .name = "visit",
       .description = "Sends a person to a page.",
       .input_schema = schema,
       .run = ask,
       .user = visit},
  };
  if (argc < 2 || strcmp(argv[1], "legacy") != 0) return fl_tools_main(argc, argv, "asking", "1.0", tools, 2);
  for (char *line; (line = read_line()) != NULL;) {
    struct fl_value *message = parse(line);
    serve_one(message);
    fl_value_unref(message);
  }
  return 0;
}
