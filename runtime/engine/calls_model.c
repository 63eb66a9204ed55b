/* SPDX-License-Identifier: MIT */
/* Model calls of a task: which model, which tools it may see, and the call itself.
 *
 * Happy path: resolve the model; open the servers of the tools that the node names (first use starts them); list to the
 * model what the policy allows; send; tokens go to the messages stream as they come; the message is the result. Failure
 * modes: no such model; a server that does not start; the provider's errors, after its retries. */
#include "runtime/engine/engine.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/engine/discovery.h"
#include "runtime/engine/opening.h"
#include "runtime/engine/permit.h"
#include "runtime/engine/spill.h"
#include "runtime/engine/suspended.h"
#include "runtime/engine/tracing.h"
#include "runtime/json/json.h"

/* ---- which model ---- */

static void list_names(const struct fl_map *models, struct fl_buf *names) {
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(models, &cursor)) != NULL;)
    fl_buf_addf(names, "%s%s", names->size > 0 ? ", " : "", entry->key);
}

static const struct fl_model_config *only_one(const struct fl_map *models) {
  size_t cursor = 0;
  struct fl_map_entry *entry = models->count == 1 ? fl_map_next(models, &cursor) : NULL;
  return entry != NULL ? entry->value : NULL;
}

static int resolve_model(struct fl_task *task, const char *name, const struct fl_model_config **ret_config) {
  struct fl_invocation *invocation = task->invocation;
  *ret_config = invocation->model_override;
  if (*ret_config != NULL) return 0;
  const struct fl_map *maps[FL_GRAPH_DEPTH_MAX + 1];
  size_t count = 0;
  for (const struct fl_loaded_graph *graph = task->frame->graph; graph != NULL && count < FL_GRAPH_DEPTH_MAX;
       graph = graph->outer)
    maps[count++] = &graph->models;
  maps[count++] = &invocation->runtime->models;
  for (size_t i = 0; i < count && *ret_config == NULL; i++)
    *ret_config = name != NULL ? fl_map_get(maps[i], name) : only_one(maps[i]);
  if (*ret_config != NULL) return 0;
  FL_BUF_AUTO names = {0};
  for (size_t i = 0; i < count; i++) list_names(maps[i], &names);
  if (name == NULL)
    return fl_task_fail(task, FL_E_NOT_FOUND, "node %s does not say which model to call; the graph has: %s",
                        task->start.node, names.size > 0 ? names.data : "none");
  return fl_task_fail(task, FL_E_NOT_FOUND, "node %s calls the model \"%s\", which the graph does not have; it has: %s",
                      task->start.node, name, names.size > 0 ? names.data : "none");
}

/* ---- which tools ---- */

struct listing {
  struct fl_task_call *call;
  const char **patterns;
  struct fl_value *tools;
  size_t told_size;
  struct fl_value *suspended; /* {SERVER: true}: what was told of; NULL: nothing */
  bool has_ended;             /* one of them ends the run */
};

static void tell_suspended(struct fl_task *task, const struct fl_registry_tool *tool, const char *why) {
  if (!fl_invocation_is_followed(task->invocation)) return;
  struct fl_value *data = fl_object();
  fl_set_string(data, "type", "tool_suspended");
  fl_set_string(data, "tool", tool->full_name);
  fl_set_string(data, "reason", why);
  fl_frame_tell(task->frame, "events", task->start.node, data, 0);
}

/* Once for each server. */
static void tell_server(struct listing *listing, const struct fl_registry_tool *tool,
                        const struct fl_decision *decision) {
  if (listing->suspended == NULL) listing->suspended = fl_object();
  if (fl_get(listing->suspended, tool->server) != NULL) return;
  fl_set_bool(listing->suspended, tool->server, true);
  fl_suspended_tell(listing->call->task, tool->full_name, decision);
  listing->has_ended |= decision->ends_run;
}

static bool list_tool(const struct fl_registry_tool *tool, void *user) {
  struct listing *listing = user;
  struct fl_decision decision;
  fl_permit_decide(listing->call->task, listing->patterns, tool->full_name, NULL, &decision);
  if (decision.is_suspended) tell_server(listing, tool, &decision);
  if (decision.verdict == FL_VERDICT_DENY) return true;
  FL_FREE_AUTO char *suspension = fl_suspended_since_seen(listing->call->task, tool->full_name);
  if (suspension != NULL) {
    tell_suspended(listing->call->task, tool, suspension);
    return true;
  }
  struct fl_value *entry = fl_object();
  fl_set_string(entry, "name", tool->model_name);
  fl_set_string(entry, "description", tool->info->description != NULL ? tool->info->description : "");
  fl_set_take(entry, "input_schema", fl_value_ref(tool->info->input_schema));
  fl_append_take(listing->tools, entry);
  listing->told_size += tool->told_size;
  return true;
}

/* False: the run ends with what was found. */
static bool list_tools(struct fl_task_call *call) {
  const struct fl_value *given = call->tool_patterns;
  if (fl_size(given) == 0) return true;
  const char **patterns = fl_new_array(const char *, fl_size(given) + 1);
  size_t count = 0;
  for (size_t i = 0; i < fl_size(given); i++)
    if (fl_as_string(fl_at(given, i)) != NULL) patterns[count++] = fl_as_string(fl_at(given, i));
  struct listing listing = {.call = call, .patterns = patterns, .tools = fl_array()};
  fl_registry_visit(call->task->invocation->runtime->registry, list_tool, &listing);
  fl_free(patterns);
  fl_value_unref(listing.suspended);
  call->tool_definitions = fl_discovery_fold_take(call->task, listing.tools, listing.told_size);
  fl_spill_add_tool(call->task, call->tool_definitions);
  return !listing.has_ended;
}

/* ---- the call ---- */

static void on_delta(struct fl_model_call *model, const char *kind, fl_slice text, unsigned attempt) {
  struct fl_task_call *call = model->user;
  struct fl_invocation *invocation = call->task->invocation;
  fl_task_heartbeat(call->task);
  if (invocation->trace != NULL && fl_traced_call_of(call)->first_token_us == 0)
    call->trace->first_token_us = fl_world_now_us(invocation->runtime->world);
  if (invocation->options.on_event == NULL || (invocation->options.follow & FL_FOLLOW_MESSAGES) == 0) return;
  if (!fl_frame_is_told(call->task->frame)) return;
  FL_VALUE_AUTO data = fl_object();
  fl_set_string(data, "type", "delta");
  fl_set_string(data, "kind", kind);
  fl_set_take(data, "text", fl_string_n(text.data, text.size));
  fl_set_string(data, "call_id", call->call_id);
  fl_set_int(data, "attempt", attempt);
  fl_set_bool(data, "provisional", true);
  struct fl_run_event event = {
      .mode = "messages", .ns = call->task->frame->ns, .node = call->task->start.node, .data = data};
  invocation->options.on_event(&event, invocation->options.user);
}

static void on_retry(struct fl_model_call *model, unsigned attempt, uint64_t delay_ms, const struct fl_error *err) {
  struct fl_task_call *call = model->user;
  if (call->task->invocation->trace != NULL) fl_traced_call_of(call)->tries = attempt + 1;
  if (!fl_invocation_is_followed(call->task->invocation)) return;
  struct fl_value *data = fl_object();
  fl_set_string(data, "type", "model_retry");
  fl_set_string(data, "model", call->name);
  fl_set_int(data, "attempt", attempt);
  fl_set_int(data, "delay_ms", (int64_t)delay_ms);
  fl_set_string(data, "error", err->text);
  fl_frame_tell(call->task->frame, "events", call->task->start.node, data, 0);
}

static void on_model_done(struct fl_model_call *model, int status, struct fl_value *message,
                          const struct fl_error *err) {
  struct fl_task_call *call = model->user;
  fl_call_ended(call, status == 0 ? message : NULL, err);
}

static void send(struct fl_task_call *call) {
  if (!list_tools(call)) {
    call->is_running = false;
    fl_call_refuse(call, FL_E_DENIED, call->task->error->text);
    return;
  }
  call->model.request.tools = call->tool_definitions;
  call->model.request.messages = call->messages;
  call->model.request.system = call->system;
  call->model.on_delta = on_delta;
  call->model.on_retry = on_retry;
  call->model.on_done = on_model_done;
  call->model.user = call;
  call->is_running = true;
  if (call->task->invocation->trace != NULL) fl_tracing_call_leaves(call);
  fl_model_call_start(call->task->invocation->runtime->world, &call->model);
}

static void on_servers_ready(int status, const struct fl_error *err, void *user) {
  struct fl_task_call *call = user;
  call->opening = NULL;
  if (status < 0) fl_call_ended(call, NULL, err);
  else send(call);
}

void fl_call_model_dispatch(struct fl_task_call *call) {
  if (fl_size(call->tool_patterns) == 0) {
    send(call);
    return;
  }
  call->is_running = true;
  call->opening =
      fl_opening_start(call->task->invocation->runtime->registry, call->tool_patterns, on_servers_ready, call);
}

/* What a model call depends on, as the journal names it: the model, the settings and the place in the thread, not the
 * body. */
static struct fl_value *call_settings(const struct fl_task *task, const struct fl_model_config *config,
                                      const char *system) {
  struct fl_value *settings = fl_object();
  fl_set_string(settings, "model", config->model != NULL ? config->model : "");
  fl_set_take(settings, "settings", fl_value_ref(config->settings));
  fl_set_string(settings, "system", system != NULL ? system : "");
  fl_set_int(settings, "checkpoint", (int64_t)task->start.checkpoint_no);
  return settings;
}

int fl_task_call_model(struct fl_task *task, const char *model, struct fl_value *request, fl_task_call_fn *on_done,
                       void *user) {
  const struct fl_model_config *config = NULL;
  int rc = resolve_model(task, model, &config);
  if (rc < 0) return rc;
  const char *system = fl_get_string(request, "system", NULL);
  const char *channel = fl_get_string(request, "channel", NULL);
  struct fl_list *messages = NULL;
  if (channel != NULL) {
    struct fl_var var = fl_state_var(task->start.state, channel);
    if (var.list == NULL && var.value != NULL)
      return fl_task_fail(task, FL_E_INVALID, "node %s: channel \"%s\" does not hold messages", task->start.node,
                          channel);
    messages = var.list != NULL ? fl_list_ref(var.list) : fl_list_create();
  } else {
    messages = fl_list_from_array(fl_get(request, "messages"));
  }
  FL_VALUE_AUTO settings = call_settings(task, config, system);
  const char *name = model != NULL && task->invocation->model_override == NULL ? model : config->model;
  struct fl_task_call *call = fl_call_new(task, FL_CALL_MODEL, name != NULL ? name : "model");
  if (call == NULL) {
    fl_list_unref(messages);
    return task->error->code;
  }
  call->args = fl_value_ref(settings);
  call->effect = FL_EFFECT_READ;
  call->model.request.config = config;
  call->messages = messages;
  call->system = fl_strdup(system);
  call->tool_patterns = fl_value_ref(fl_get(request, "tools"));
  call->on_done = on_done;
  call->user = user;
  if (fl_permit_model(call)) fl_call_go(call);
  return 0;
}
