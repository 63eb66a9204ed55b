/* SPDX-License-Identifier: MIT */
/* What sources and the registry share: ends of requests that are known at once, and told later. */
#include "tools/source.h"

#include "runtime/base/mem.h"

struct late_end {
  struct fl_post post;
  struct fl_tool_request *request;
  struct fl_value *result;
  bool sent;
  struct fl_error err;
};

static void tell_end(struct fl_post *post) {
  struct late_end *end = post->user;
  bool is_good = end->result != NULL;
  end->request->on_done(end->request, is_good ? 0 : end->err.code, end->result, end->sent, is_good ? NULL : &end->err);
  fl_value_unref(end->result);
  fl_free(end);
}

static struct late_end *end_later(struct fl_world *world, struct fl_tool_request *request, const struct fl_error *err) {
  struct late_end *end = fl_new(struct late_end);
  end->request = request;
  if (err != NULL) end->err = *err;
  end->post = (struct fl_post){.on_post = tell_end, .user = end};
  fl_world_post(world, &end->post);
  return end;
}

void fl_tool_request_refuse(struct fl_world *world, struct fl_tool_request *request, const struct fl_error *err) {
  end_later(world, request, err);
}

void fl_tool_request_end(struct fl_world *world, struct fl_tool_request *request, struct fl_value *result,
                         const struct fl_error *err) {
  struct late_end *end = end_later(world, request, err);
  end->sent = true;
  end->result = fl_value_ref(result);
}

static bool is_same_question(const struct fl_value *a, const struct fl_value *b) {
  static const char *const members[] = {"mode", "message", "requestedSchema", "url"};
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
    const struct fl_value *in_a = fl_get(a, members[i]), *in_b = fl_get(b, members[i]);
    if ((in_a == NULL) != (in_b == NULL) || (in_a != NULL && !fl_equal(in_a, in_b))) return false;
  }
  return true;
}

struct fl_value *fl_tool_known_answer(struct fl_value **list, const struct fl_value *question) {
  struct fl_value *answer = NULL, *rest = fl_array();
  for (size_t i = 0; i < fl_size(*list); i++) {
    struct fl_value *one = fl_at(*list, i);
    bool is_it = answer == NULL && is_same_question(fl_get(one, "question"), question);
    if (is_it) answer = fl_value_ref(fl_get(one, "answer"));
    else fl_append_take(rest, fl_value_ref(one));
  }
  fl_value_unref(*list);
  *list = rest;
  return answer;
}
