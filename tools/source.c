/* SPDX-License-Identifier: MIT */
/* What sources and the registry share: the refusal of a request that cannot be made. */
#include "tools/source.h"

#include "runtime/base/mem.h"

struct late_refusal {
  struct fl_post post;
  struct fl_tool_request *request;
  struct fl_error err;
};

static void tell_refusal(struct fl_post *post) {
  struct late_refusal *refusal = post->user;
  refusal->request->on_done(refusal->request, refusal->err.code, NULL, false, &refusal->err);
  fl_free(refusal);
}

void fl_tool_request_refuse(struct fl_world *world, struct fl_tool_request *request, const struct fl_error *err) {
  struct late_refusal *refusal = fl_new(struct late_refusal);
  *refusal = (struct late_refusal){.request = request, .err = *err};
  refusal->post = (struct fl_post){.on_post = tell_refusal, .user = refusal};
  fl_world_post(world, &refusal->post);
}
