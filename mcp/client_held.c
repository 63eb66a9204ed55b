/* SPDX-License-Identifier: MIT */
#include "mcp/client_held.h"

#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

static const char KIND[] = "held";

struct fl_mcp_call *fl_mcp_call_new(struct fl_tool_request *request) {
  struct fl_mcp_call *call = fl_new(struct fl_mcp_call);
  call->request = request;
  call->known = fl_value_ref((struct fl_value *)(uintptr_t)request->known);
  request->impl = call;
  return call;
}

void fl_mcp_call_free(struct fl_mcp_call *call) {
  if (call == NULL) return;
  fl_value_unref(call->known);
  fl_value_unref(call->result);
  fl_free(call);
}

struct fl_value *fl_mcp_call_known(struct fl_mcp_call *call, const struct fl_value *question) {
  return fl_tool_known_answer(&call->known, question);
}

bool fl_mcp_is_held_kind(const struct fl_value *pause) {
  return pause != NULL && strcmp(fl_get_string(pause, "kind", ""), KIND) == 0;
}

/* Nobody can guess it, and no other process has it. */
static void name_hold(struct fl_mcp_call *call, struct fl_world *world) {
  uint8_t bytes[16];
  fl_world_random(world, bytes, sizeof bytes);
  fl_hex(bytes, sizeof bytes, call->hold);
}

struct fl_value *fl_mcp_held_add(struct fl_mcp_held *held, struct fl_mcp_call *call, struct fl_world *world,
                                 const struct fl_mcp_client_report *report) {
  struct fl_value *pause = fl_object(), *questions = fl_object();
  name_hold(call, world);
  call->request = NULL;
  call->ask_id = report->ask_id;
  call->next = held->first;
  held->first = call;
  fl_set_string(pause, "kind", KIND);
  fl_set_string(pause, "hold", call->hold);
  fl_set_take(questions, FL_MCP_HELD_KEY, fl_value_ref(report->params));
  fl_set_take(pause, "questions", questions);
  return pause;
}

static struct fl_mcp_call *unlink_call(struct fl_mcp_held *held, struct fl_mcp_call *call) {
  struct fl_mcp_call **link = &held->first;
  while (*link != call) link = &(*link)->next;
  *link = call->next;
  call->next = NULL;
  return call;
}

int64_t fl_mcp_held_end(struct fl_mcp_held *held, struct fl_mcp_call *call, struct fl_value *result,
                        const struct fl_error *err) {
  int64_t ask_id = call->ask_id;
  bool is_known = result != NULL || err->code == FL_E_REMOTE || err->code == FL_E_PROTOCOL || err->code == FL_E_LIMIT;
  call->ask_id = 0;
  call->call = NULL;
  if (!is_known) {
    fl_mcp_call_free(unlink_call(held, call));
    return ask_id;
  }
  call->result = fl_value_ref(result);
  if (result == NULL) call->error = *err;
  return ask_id;
}

struct fl_mcp_call *fl_mcp_held_find(const struct fl_mcp_held *held, const struct fl_value *pause) {
  const char *hold = fl_get_string(pause, "hold", "");
  struct fl_mcp_call *call = fl_mcp_is_held_kind(pause) ? held->first : NULL;
  while (call != NULL && strcmp(call->hold, hold) != 0) call = call->next;
  return call;
}

struct fl_mcp_call *fl_mcp_held_take(struct fl_mcp_held *held, const struct fl_value *pause) {
  struct fl_mcp_call *call = fl_mcp_held_find(held, pause);
  return call != NULL ? unlink_call(held, call) : NULL;
}

void fl_mcp_held_destroy(struct fl_mcp_held *held) {
  while (held->first != NULL) fl_mcp_call_free(unlink_call(held, held->first));
}
