/* SPDX-License-Identifier: MIT */
#include "tests/sim/sim_tools.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNNING_MARK = 0x72756e21 };

struct running {
  uint32_t mark;
  struct sim_tools *tools;
  struct fl_buf input;
};

static int find(struct sim_tools *tools, const char *key) {
  for (int i = 0; i < tools->call_count; i++)
    if (strcmp(tools->calls[i].key, key) == 0) return i;
  if (tools->call_count == SIM_CALLS_MAX) abort();
  snprintf(tools->calls[tools->call_count].key, sizeof tools->calls[0].key, "%s", key);
  return tools->call_count++;
}

int sim_tools_begun(const struct sim_tools *tools, const char *key) {
  for (int i = 0; i < tools->call_count; i++)
    if (strcmp(tools->calls[i].key, key) == 0) return tools->calls[i].begun;
  return 0;
}

static void answer(struct fl_sim_peer *peer, uint32_t delay_ms, const struct fl_value *id, const char *result) {
  FL_FREE_AUTO char *id_text = fl_dump(id, NULL);
  FL_FREE_AUTO char *line = fl_format("{\"jsonrpc\":\"2.0\",\"id\":%s,%s}\n", id_text, result);
  fl_sim_stdout(peer, delay_ms, fl_slice_of(line));
}

static void call(struct fl_sim_peer *peer, struct sim_tools *tools, const struct fl_value *message) {
  const struct fl_value *params = fl_get(message, "params");
  const struct fl_value *args = fl_get(params, "arguments");
  const char *name = fl_get_string(params, "name", "");
  double a = fl_get_double(args, "a", 0), b = fl_get_double(args, "b", 0);
  char key[64];
  snprintf(key, sizeof key, "%s %g %g", name, a, b);
  tools->calls[find(tools, key)].begun++;
  double number = strcmp(name, "add") == 0 ? a + b : a * b;
  FL_FREE_AUTO char *result =
      fl_format("\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"%g\"}],\"isError\":false}", number);
  answer(peer, tools->delay_ms, fl_get(message, "id"), result);
}

static void on_message(struct fl_sim_peer *peer, struct sim_tools *tools, const struct fl_value *message) {
  static const char tool_list[] = "\"result\":{\"tools\":[{\"name\":\"add\",\"description\":\"Adds.\",\"inputSchema\":{"
                                  "\"type\":\"object\",\"required\":[\"a\",\"b\"]}},"
                                  "{\"name\":\"multiply\",\"description\":\"Multiplies.\",\"inputSchema\":{\"type\":"
                                  "\"object\",\"required\":[\"a\",\"b\"]}}]}";
  const char *method = fl_get_string(message, "method", "");
  const struct fl_value *id = fl_get(message, "id");
  if (id == NULL) return;
  if (strcmp(method, "initialize") == 0)
    answer(peer, 1, id,
           "\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
           "\"serverInfo\":{\"name\":\"sim\",\"version\":\"1\"}}");
  else if (strcmp(method, "tools/list") == 0) answer(peer, 1, id, tool_list);
  else if (strcmp(method, "tools/call") == 0) call(peer, tools, message);
  else answer(peer, 0, id, "\"error\":{\"code\":-32601,\"message\":\"no such method\"}");
}

static void on_start(struct fl_sim_peer *peer) {
  struct running *running = fl_new(struct running);
  running->mark = RUNNING_MARK;
  running->tools = fl_sim_peer_user(peer);
  fl_sim_peer_set_user(peer, running);
}

static void on_stdin(struct fl_sim_peer *peer, fl_slice data) {
  struct running *running = fl_sim_peer_user(peer);
  fl_buf_add(&running->input, data.data, data.size);
  for (char *end; running->input.size > 0 && (end = memchr(running->input.data, '\n', running->input.size)) != NULL;) {
    size_t size = (size_t)(end - running->input.data);
    FL_VALUE_AUTO message = NULL;
    if (fl_parse(running->input.data, size, &message, NULL) == 0) on_message(peer, running->tools, message);
    fl_buf_consume(&running->input, size + 1);
  }
}

static void on_gone(struct fl_sim_peer *peer) {
  struct running *running = fl_sim_peer_user(peer);
  if (running->mark != RUNNING_MARK) return; /* the world crashed before the program had begun: it is still the tools */
  fl_buf_deinit(&running->input);
  fl_free(running);
}

void sim_tools_install(struct fl_world *world, struct sim_tools *tools) {
  struct fl_sim_program program = {
      .name = "math-tools", .on_start = on_start, .on_stdin = on_stdin, .on_gone = on_gone, .user = tools};
  fl_world_sim_program(world, &program);
}
