/* SPDX-License-Identifier: MIT */
#include "tools/local.h"

#include "runtime/base/mem.h"
#include "runtime/io/vault.h"
#include "runtime/json/hide.h"
#include "runtime/json/json.h"
#include "tools/call.h"

enum { IDLE_TIMEOUT_MS = 60 * 1000, TOTAL_TIMEOUT_MS = 10 * 60 * 1000, RESULT_MAX = 1024 * 1024 };

struct local_source {
  struct fl_tool_source source; /* first: the registry sees this */
  struct fl_world *world;
  struct fl_tool_set set;
  struct fl_call_runner runner;
  struct fl_post ready_post;
  bool is_ready_posted;
  bool is_closing;
  void (*release)(void *user);
  void *user;
};

static struct local_source *of_source(struct fl_tool_source *source) { return (struct local_source *)(void *)source; }

static void tell_ready(struct fl_post *post) {
  struct local_source *local = post->user;
  local->is_ready_posted = false;
  if (local->source.on_ready != NULL) local->source.on_ready(&local->source, 0, NULL);
}

static void local_open(struct fl_tool_source *source) {
  struct local_source *local = of_source(source);
  if (local->is_ready_posted) return;
  local->is_ready_posted = true;
  local->ready_post = (struct fl_post){.on_post = tell_ready, .user = local};
  fl_world_post(local->world, &local->ready_post);
}

/* ---- calls ---- */

/* For a tool that is not there the answer is as late as any other. */
struct missing_tool {
  struct fl_post post;
  struct fl_tool_source *source;
  struct fl_tool_request *request;
  int status;
};

static void tell_missing(struct fl_post *post) {
  struct missing_tool *missing = post->user;
  struct fl_error err;
  if (missing->status == FL_E_CLOSED) fl_error_set(&err, FL_E_CLOSED, "%s is closed", missing->source->name);
  else fl_error_set(&err, FL_E_NOT_FOUND, "%s has no tool \"%s\"", missing->source->name, missing->request->tool);
  missing->request->on_done(missing->request, err.code, NULL, false, &err);
  fl_free(missing);
}

static void refuse(struct local_source *local, struct fl_tool_request *request, int status) {
  struct missing_tool *missing = fl_new(struct missing_tool);
  *missing = (struct missing_tool){.source = &local->source, .request = request, .status = status};
  missing->post = (struct fl_post){.on_post = tell_missing, .user = missing};
  request->impl = NULL;
  fl_world_post(local->world, &missing->post);
}

struct local_call {
  struct local_source *local;
  struct fl_tool_request *request;
  struct fl_call *call;
};

static void on_call_progress(struct fl_call *call, double done, double total, const char *message) {
  struct local_call *here = fl_call_user(call);
  FL_FREE_AUTO char *shown = fl_strdup(message);
  fl_known_hide_text(fl_vault_known(here->local->world), &shown);
  if (here->request->on_progress != NULL) here->request->on_progress(here->request, done, total, shown);
}

static void on_call_log(struct fl_call *call, const char *level, const char *text) {
  struct local_call *here = fl_call_user(call);
  struct fl_tool_source *source = &here->local->source;
  FL_FREE_AUTO char *shown = fl_strdup(text);
  fl_known_hide_text(fl_vault_known(here->local->world), &shown);
  if (source->on_log != NULL) source->on_log(source, level, shown);
}

static int check_size(const char *tool, const struct fl_value *result, size_t result_max, struct fl_error *err) {
  FL_BUF_AUTO text = {.limit = result_max != 0 ? result_max : RESULT_MAX};
  if (fl_json_write(&text, result, FL_JSON_COMPACT) == 0) return 0;
  return fl_error_set(err, FL_E_LIMIT, "the result of tool %s is larger than %zu bytes", tool, text.limit);
}

static void on_call_done(struct fl_call *call, int status, struct fl_value *result, bool started) {
  struct local_call *here = fl_call_user(call);
  struct fl_tool_request *request = here->request;
  const char *tool = fl_call_def(call)->tool.name;
  struct fl_error err = {0};
  const struct fl_known *known = fl_vault_known(here->local->world);
  FL_VALUE_AUTO shown = fl_hide_value(known, result);
  if (status > 0) { /* nobody is asked here, so it is the handler's own failure */
    fl_error_set(&err, FL_E_REMOTE, "tool %s: %s", tool, fl_get_string(result, "message", "it waits for an answer"));
    status = FL_E_REMOTE;
  } else if (status != 0) fl_error_set(&err, status, "tool %s: %s", tool, fl_error_sentence(status));
  else status = check_size(tool, result, request->result_max, &err);
  fl_known_hide_error(known, &err);
  fl_free(here);
  request->impl = NULL;
  request->on_done(request, status, status == 0 ? shown : NULL, started, status != 0 ? &err : NULL);
}

static uint32_t total_timeout(const struct fl_tool_def *def, const struct fl_tool_request *request) {
  uint32_t total = request->total_timeout_ms != 0 ? request->total_timeout_ms : TOTAL_TIMEOUT_MS;
  return def->tool.timeout_ms != 0 && def->tool.timeout_ms < total ? def->tool.timeout_ms : total;
}

static void local_start(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct local_source *local = of_source(source);
  const struct fl_tool_def *def = fl_tool_set_find(&local->set, request->tool);
  if (def == NULL || local->is_closing) {
    refuse(local, request, def == NULL ? FL_E_NOT_FOUND : FL_E_CLOSED);
    return;
  }
  struct local_call *here = fl_new(struct local_call);
  *here = (struct local_call){.local = local, .request = request};
  request->impl = here;
  struct fl_call_options options = {
      .def = def,
      .args = request->args,
      .id = request->call_id,
      .idle_timeout_ms = request->idle_timeout_ms != 0 ? request->idle_timeout_ms : IDLE_TIMEOUT_MS,
      .total_timeout_ms = total_timeout(def, request),
      .on_done = on_call_done,
      .on_progress = on_call_progress,
      .on_log = on_call_log,
      .user = here};
  here->call = fl_call_start(&local->runner, &options);
}

static void local_cancel(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct local_call *here = request->impl;
  if (here != NULL) fl_call_cancel(here->call);
}

/* ---- end ---- */

static void on_runner_idle(struct fl_call_runner *runner) {
  struct local_source *local = runner->user;
  if (local->source.on_closed != NULL) local->source.on_closed(&local->source);
}

static void local_close(struct fl_tool_source *source) {
  struct local_source *local = of_source(source);
  if (local->is_closing) return;
  local->is_closing = true;
  fl_call_runner_close(&local->runner, on_runner_idle, local);
}

static void local_destroy(struct fl_tool_source *source) {
  struct local_source *local = of_source(source);
  fl_tool_set_deinit(&local->set);
  if (local->release != NULL) local->release(local->user);
  fl_free(source->tools);
  fl_free(source->identity);
  fl_free(source->name);
  fl_free(local);
}

static const struct fl_tool_source_ops LOCAL_OPS = {
    .open = local_open, .call = local_start, .cancel = local_cancel, .close = local_close, .destroy = local_destroy};

struct fl_tool_source *fl_tool_source_local_take(struct fl_world *world, const char *name, struct fl_tool_set *set) {
  struct local_source *local = fl_new(struct local_source);
  local->source.ops = &LOCAL_OPS;
  local->source.name = fl_strdup(name);
  local->world = world;
  local->set = *set;
  fl_tool_set_init(set);
  fl_call_runner_init(&local->runner, world);
  local->source.tool_count = local->set.count;
  local->source.tools = fl_new_array(struct fl_tool_info, local->set.count + 1);
  for (size_t i = 0; i < local->set.count; i++) {
    const struct fl_tool_def *def = local->set.defs[i];
    local->source.tools[i] = (struct fl_tool_info){.name = def->tool.name,
                                                   .title = def->tool.title,
                                                   .description = def->tool.description,
                                                   .input_schema = def->input_schema,
                                                   .output_schema = def->output_schema,
                                                   .annotations = def->annotations};
  }
  return &local->source;
}

int fl_tool_source_local(struct fl_world *world, const struct fl_local_tools *local, struct fl_tool_source **ret_source,
                         struct fl_error *err) {
  struct fl_tool_set set;
  fl_tool_set_init(&set);
  int status = fl_tool_set_add_all(&set, local->tools, local->count, err);
  if (status < 0) {
    fl_error_context(err, "server \"%s\"", local->server);
    fl_tool_set_deinit(&set);
    if (local->release != NULL) local->release(local->user);
    return status;
  }
  *ret_source = fl_tool_source_local_take(world, local->server, &set);
  of_source(*ret_source)->release = local->release;
  of_source(*ret_source)->user = local->user;
  return 0;
}
