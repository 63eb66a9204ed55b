/* SPDX-License-Identifier: MIT */
/* A server on 127.0.0.1, printing its port first, that says back what stands behind "Authorization: Bearer" and
 * "X-Api-Key:", in every spelling: as a tool server (POST /mcp) in its list of tools, results and errors, as a provider
 * of models (POST /v1/chat/completions) first in a message that calls the tools, then in an error with status 400. One
 * request a connection, one at a time, until it is killed. */
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "tests/support/spelling.h"

#include <arpa/inet.h>
#include <fairlead/value.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 4 << 20 };

static int completions;

/* ---- what it was told ---- */

static void say_back(const char *head, const char *field, struct fl_buf *out) {
  const char *at = strcasestr(head, field);
  if (at == NULL) return;
  at += strlen(field);
  fl_slice value = fl_slice_n(at, strcspn(at, "\r\n"));
  for (int kind = 0; kind < SPELLING_COUNT; kind++) {
    fl_buf_addf(out, "%s (%s): ", field, spelling_name(kind));
    spell(out, value, kind);
    fl_buf_add_text(out, "\n");
  }
}

static char *all_of_it(const char *head) {
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, "you said ");
  say_back(head, "\r\nAuthorization: Bearer ", &text);
  say_back(head, "\r\nX-Api-Key: ", &text);
  return fl_buf_take(&text, NULL);
}

static struct fl_value *parsed(const char *json) {
  struct fl_value *value = NULL;
  if (fl_parse(json, strlen(json), &value, NULL) < 0) abort();
  return value;
}

/* ---- a tool server ---- */

static struct fl_value *list_of(const char *text) {
  struct fl_value *list = parsed("{\"tools\":[{\"name\":\"result\",\"inputSchema\":{\"type\":\"object\"}},"
                                 "{\"name\":\"failure\",\"inputSchema\":{\"type\":\"object\"}}]}");
  for (size_t i = 0; i < 2; i++) fl_set_string(fl_at(fl_get(list, "tools"), i), "description", text);
  return list;
}

static struct fl_value *result_of(const char *text) {
  struct fl_value *result = parsed("{\"content\":[{\"type\":\"text\"}]}");
  fl_set_string(fl_at(fl_get(result, "content"), 0), "text", text);
  return result;
}

static struct fl_value *error_of(const char *text) {
  struct fl_value *error = parsed("{\"code\":-32000}");
  fl_set_string(error, "message", text);
  return error;
}

/* NULL: a notification, which is only accepted. */
static struct fl_value *answer_mcp(const struct fl_value *request, const char *text) {
  const char *method = fl_get_string(request, "method", "");
  const char *tool = fl_get_string(fl_get(request, "params"), "name", "");
  if (fl_get(request, "id") == NULL) return NULL;
  struct fl_value *answer = parsed("{\"jsonrpc\":\"2.0\"}");
  fl_set_take(answer, "id", fl_value_ref(fl_get(request, "id")));
  if (strcmp(method, "initialize") == 0)
    fl_set_take(answer, "result",
                parsed("{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},"
                       "\"serverInfo\":{\"name\":\"echo\",\"version\":\"1\"}}"));
  else if (strcmp(method, "tools/list") == 0) fl_set_take(answer, "result", list_of(text));
  else if (strcmp(tool, "result") == 0) fl_set_take(answer, "result", result_of(text));
  else fl_set_take(answer, "error", error_of(text));
  return answer;
}

/* ---- a provider of models ---- */

static struct fl_value *answer_model(const char *text, int *ret_status) {
  struct fl_value *answer;
  if (++completions > 1) {
    *ret_status = 400;
    answer = parsed("{\"error\":{\"type\":\"invalid_request_error\"}}");
    fl_set_string(fl_get(answer, "error"), "message", text);
    return answer;
  }
  answer = parsed("{\"choices\":[{\"index\":0,\"finish_reason\":\"tool_calls\",\"message\":{\"role\":\"assistant\","
                  "\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"echo__result\","
                  "\"arguments\":\"{}\"}},{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"echo__failure\","
                  "\"arguments\":\"{}\"}}]}}]}");
  fl_set_string(fl_get(fl_at(fl_get(answer, "choices"), 0), "message"), "content", text);
  return answer;
}

/* ---- HTTP ---- */

/* The head and, behind it, the body; the caller frees. */
static char *read_request(int fd, const char **ret_body) {
  char *text = fl_alloc(REQUEST_MAX + 1), *end = NULL;
  size_t size = 0, wanted = REQUEST_MAX;
  for (ssize_t got; size < wanted && (got = read(fd, text + size, wanted - size)) > 0;) {
    text[size += (size_t)got] = '\0';
    if (end != NULL || (end = strstr(text, "\r\n\r\n")) == NULL) continue;
    const char *length = strcasestr(text, "\r\nContent-Length:");
    wanted = (size_t)(end + 4 - text) + (length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0);
    if (wanted > REQUEST_MAX) wanted = REQUEST_MAX;
  }
  text[size] = '\0';
  *ret_body = end != NULL ? end + 4 : text + size;
  if (end != NULL) end[2] = '\0';
  return text;
}

static void respond(int fd, int status, struct fl_value *answer) {
  char *body = answer != NULL ? fl_dump(answer, NULL) : NULL;
  dprintf(fd,
          "HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
          status, body != NULL ? strlen(body) : 0, body != NULL ? body : "");
  fl_text_free(body);
  fl_value_unref(answer);
}

static void serve(int fd) {
  const char *body;
  FL_FREE_AUTO char *head = read_request(fd, &body), *text = all_of_it(head);
  FL_VALUE_AUTO request = NULL;
  int status = 200;
  struct fl_value *answer = NULL;
  if (strncmp(head, "POST ", 5) != 0 || fl_parse(body, strlen(body), &request, NULL) < 0) status = 405;
  else if (strncmp(head, "POST /mcp", 9) == 0) answer = answer_mcp(request, text);
  else answer = answer_model(text, &status);
  if (answer == NULL && status == 200) status = 202;
  respond(fd, status, answer);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 8) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) != 0)
    return 1;
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd)) serve(fd);
  return 1;
}
