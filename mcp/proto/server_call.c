/* SPDX-License-Identifier: MIT */
/* Calls that a handler of the program answers: their start, what is heard of them, their end. */
#include "mcp/proto/level.h"
#include "mcp/proto/server_internal.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <math.h>
#include <stdio.h>

enum { COMPLETIONS_MAX = 100 };

/* ---- life ---- */

void fl_mcp_add_answer(struct fl_mcp_served_call *call, const char *key, struct fl_value *answer) {
  struct fl_value *answers = call->answers != NULL ? fl_copy_shallow(call->answers) : fl_object();
  fl_set_take(answers, key, fl_value_ref(answer));
  fl_value_unref(call->answers);
  call->answers = answers;
}

static void link_call(struct fl_mcp_served_call *call) {
  struct fl_mcp_server_session *session = call->session;
  call->next = session->all;
  if (call->next != NULL) call->next->previous = call;
  session->all = call;
  if ((session->flags & FL_MCP_STATELESS) == 0) return;
  struct fl_mcp_channel *channel = call->on_channel = fl_mcp_channel_at(session, call->channel);
  call->channel_next = channel->calls;
  if (call->channel_next != NULL) call->channel_next->channel_previous = call;
  channel->calls = call;
}

static void leave_channel(struct fl_mcp_served_call *call) {
  struct fl_mcp_server_session *session = call->session;
  struct fl_mcp_channel *channel = call->on_channel;
  if (channel == NULL) return;
  call->on_channel = NULL;
  if (call->channel_previous != NULL) call->channel_previous->channel_next = call->channel_next;
  else if (channel->calls == call) channel->calls = call->channel_next;
  if (call->channel_next != NULL) call->channel_next->channel_previous = call->channel_previous;
  call->channel_previous = call->channel_next = NULL;
  fl_mcp_channel_check(session, channel, call->channel);
}

void fl_mcp_retire_call(struct fl_mcp_served_call *call) {
  struct fl_mcp_server_session *session = call->session;
  if (!call->has_id) return;
  call->has_id = false;
  fl_mcp_id_key(session, call->channel, call->id);
  fl_check(fl_map_remove_n(&session->calls, fl_buf_slice(&session->key)) == call);
  leave_channel(call);
}

void fl_mcp_served_call_destroy(struct fl_mcp_served_call *call) {
  struct fl_mcp_server_session *session = call->session;
  fl_mcp_retire_call(call);
  fl_mcp_drop_questions(call);
  fl_mcp_task_lost(call);
  session->calls_live--;
  session->calls_size -= call->line_size;
  if (call->previous != NULL) call->previous->next = call->next;
  else session->all = call->next;
  if (call->next != NULL) call->next->previous = call->previous;
  fl_value_unref(call->answers);
  fl_value_unref(call->state);
  fl_value_unref(call->own_args);
  fl_value_unref(call->request);
  fl_value_unref(call->id);
  if (call->principal[0] != '\0') fl_free((void *)(uintptr_t)call->principal);
  if (call->owns_trace) {
    fl_free((void *)(uintptr_t)call->traceparent);
    fl_free((void *)(uintptr_t)call->tracestate);
  }
  fl_free(call);
}

static bool has_room(struct fl_mcp_step *step) {
  struct fl_mcp_server_session *session = step->session;
  fl_mcp_id_key(session, step->channel, step->message->id);
  fl_slice key = fl_buf_slice(&session->key);
  if (fl_map_get_n(&session->calls, key) != NULL || fl_map_get_n(&session->subscription_by_id, key) != NULL) {
    fl_mcp_reply_error(step, FL_RPC_INVALID_REQUEST, "a request with this id is in flight");
    return false;
  }
  if (session->calls_live < FL_MCP_SERVER_CALLS_MAX &&
      session->calls_size + step->line_size <= FL_MCP_SERVER_ARGS_SIZE_MAX)
    return true;
  fl_mcp_reply_error(step, FL_RPC_INTERNAL_ERROR,
                     "Too many calls at once: %zu are in flight; call again when some have ended", session->calls_live);
  return false;
}

static void take_envelope(const struct fl_mcp_step *step, struct fl_mcp_served_call *call) {
  const struct fl_mcp_envelope *envelope = &step->envelope;
  bool is_modern = step->revision->era == FL_MCP_MODERN;
  call->progress_token = fl_rpc_is_id(envelope->progress_token) ? envelope->progress_token : NULL;
  call->wants_progress = call->progress_token != NULL;
  call->log_rank = fl_mcp_level_rank(fl_as_string(envelope->log_level));
  call->wants_log = !is_modern || call->log_rank >= 0;
  call->client_capabilities = is_modern ? envelope->capabilities : step->session->client_capabilities;
  call->may_be_task = is_modern && fl_mcp_has_extension(call->client_capabilities, FL_MCP_EXTENSION_TASKS);
}

/* `_meta` is the caller's own word; fields may be those of a proxy between. Both texts come from one place: a
 * tracestate means nothing beside another traceparent. */
static void take_trace(const struct fl_mcp_step *step, struct fl_mcp_served_call *call) {
  const struct fl_mcp_headers *headers = step->headers;
  call->traceparent = fl_as_string(step->envelope.traceparent);
  if (call->traceparent != NULL) call->tracestate = fl_as_string(step->envelope.tracestate);
  if (call->traceparent != NULL || headers == NULL || headers->traceparent == NULL) return;
  call->owns_trace = true;
  call->traceparent = fl_strdup(headers->traceparent);
  call->tracestate = fl_strdup(headers->tracestate);
}

/* NULL: it has replied. */
static struct fl_mcp_served_call *call_create(struct fl_mcp_step *step, enum fl_mcp_call_kind kind, const char *name) {
  if (!has_room(step)) return NULL;
  struct fl_mcp_server_session *session = step->session;
  const char *call_id = fl_as_string(step->envelope.call_id);
  struct fl_mcp_served_call *call = fl_new(struct fl_mcp_served_call);
  *call = (struct fl_mcp_served_call){.kind = kind,
                                      .name = name,
                                      .args = fl_get(step->params, "arguments"),
                                      .session = session,
                                      .revision = step->revision,
                                      .call_id = call_id != NULL ? call_id : "",
                                      .principal = step->principal[0] != '\0' ? fl_strdup(step->principal) : "",
                                      .request = fl_value_ref(step->message->params),
                                      .id = fl_value_ref((struct fl_value *)(uintptr_t)step->message->id),
                                      .channel = step->channel,
                                      .line_size = step->line_size};
  take_envelope(step, call);
  take_trace(step, call);
  fl_map_set_n(&session->calls, fl_buf_slice(&session->key), call);
  call->has_id = true;
  link_call(call);
  session->calls_live++;
  session->calls_size += call->line_size;
  return call;
}

void fl_mcp_start_call(struct fl_mcp_served_call *call, struct fl_mcp_server_effects *effects) {
  call->is_running = true;
  fl_mcp_add_effect(effects, FL_MCP_START_CALL)->call = call;
}

/* Modern calls may bring a state and answers. */
static bool open_state(struct fl_mcp_step *step, struct fl_mcp_served_call *call, bool is_single_use) {
  if (step->revision->era != FL_MCP_MODERN || fl_mcp_state_open(step, call, is_single_use)) return true;
  fl_mcp_served_call_destroy(call);
  return false;
}

/* ---- methods ---- */

void fl_mcp_run_tools_call(struct fl_mcp_step *step) {
  const char *name = fl_get_string(step->params, "name", "");
  const struct fl_mcp_entry *entry = fl_mcp_catalog_find(&step->session->core->catalog, FL_MCP_TOOLS, name);
  if (entry == NULL) {
    fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "Unknown tool: %.*s", fl_rpc_shown(name, FL_MCP_NAME_SHOWN_MAX),
                       name);
    return;
  }
  struct fl_mcp_served_call *call = call_create(step, FL_MCP_CALL_TOOL, name);
  if (call == NULL) return;
  if (entry->needs_task && !call->may_be_task) {
    fl_mcp_served_call_destroy(call);
    struct fl_value *required = fl_object(), *extensions = fl_object();
    fl_set_take(extensions, FL_MCP_EXTENSION_TASKS, fl_object());
    fl_set_take(required, "extensions", extensions);
    fl_mcp_reply_missing_take(step, "This tool answers with a task, and the client did not declare that it knows them",
                              required);
    return;
  }
  if (!open_state(step, call, entry->is_single_use)) return;
  if (entry->task_support == FL_MCP_TASK_AT_ONCE && call->may_be_task) fl_mcp_task_begin(call, step->effects);
  if (call->is_task) fl_mcp_task_start(call, step->effects);
  else fl_mcp_start_call(call, step->effects);
}

static bool check_prompt_arguments(struct fl_mcp_step *step, const struct fl_mcp_entry *entry) {
  const struct fl_value *given = fl_get(step->params, "arguments");
  for (size_t i = 0; i < fl_size(entry->text); i++) {
    const struct fl_value *arg = fl_at(entry->text, i);
    const char *name = fl_get_string(arg, "name", "");
    const struct fl_value *value = fl_get(given, name);
    if (value == NULL ? !fl_get_bool(arg, "required", false) : fl_is(value, FL_STRING)) continue;
    fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "Prompt %s: argument \"%s\" must be a string", entry->name, name);
    return false;
  }
  return true;
}

void fl_mcp_run_prompts_get(struct fl_mcp_step *step) {
  const char *name = fl_get_string(step->params, "name", "");
  const struct fl_mcp_entry *entry = fl_mcp_catalog_find(&step->session->core->catalog, FL_MCP_PROMPTS, name);
  if (entry == NULL) {
    fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "Unknown prompt: %.*s", fl_rpc_shown(name, FL_MCP_NAME_SHOWN_MAX),
                       name);
    return;
  }
  if (!check_prompt_arguments(step, entry)) return;
  struct fl_mcp_served_call *call = call_create(step, FL_MCP_CALL_PROMPT, name);
  if (call != NULL && open_state(step, call, false)) fl_mcp_start_call(call, step->effects);
}

static void reply_no_resource(struct fl_mcp_step *step, const char *uri) {
  FL_VALUE_AUTO data = fl_object();
  fl_set_string(data, "uri", uri);
  int code = step->revision->era == FL_MCP_MODERN ? FL_RPC_INVALID_PARAMS : FL_RPC_RESOURCE_NOT_FOUND;
  fl_mcp_reply_error_data(step, code, "Resource not found", data);
}

void fl_mcp_run_resources_read(struct fl_mcp_step *step) {
  const struct fl_mcp_catalog *catalog = &step->session->core->catalog;
  const char *uri = fl_get_string(step->params, "uri", "");
  FL_VALUE_AUTO variables = NULL;
  const struct fl_mcp_entry *entry = fl_mcp_catalog_find(catalog, FL_MCP_RESOURCES, uri);
  if (entry == NULL) entry = fl_mcp_catalog_match(catalog, uri, &variables);
  if (entry == NULL) {
    reply_no_resource(step, uri);
    return;
  }
  struct fl_mcp_served_call *call = call_create(step, FL_MCP_CALL_RESOURCE, uri);
  if (call == NULL) return;
  call->own_args = variables != NULL ? fl_copy_shallow(variables) : fl_object();
  fl_set_string(call->own_args, "uri", uri);
  call->args = call->own_args;
  call->template_uri = variables != NULL ? entry->name : NULL;
  if (open_state(step, call, false)) fl_mcp_start_call(call, step->effects);
}

static const struct fl_mcp_entry *completed_entry(const struct fl_mcp_step *step, const char **ret_name) {
  const struct fl_value *ref = fl_get(step->params, "ref");
  bool is_prompt = strcmp(fl_get_string(ref, "type", ""), "ref/prompt") == 0;
  *ret_name = fl_get_string(ref, is_prompt ? "name" : "uri", "");
  return fl_mcp_catalog_find(&step->session->core->catalog, is_prompt ? FL_MCP_PROMPTS : FL_MCP_TEMPLATES, *ret_name);
}

void fl_mcp_run_complete(struct fl_mcp_step *step) {
  const char *name;
  const struct fl_mcp_entry *entry = completed_entry(step, &name);
  const struct fl_value *argument = fl_get(step->params, "argument");
  const char *which = fl_get_string(argument, "name", NULL), *value = fl_get_string(argument, "value", NULL);
  if (entry == NULL || which == NULL || value == NULL) {
    fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS,
                       "completion/complete needs the \"ref\" of a prompt or a resource "
                       "template of this server, and an \"argument\" with \"name\" and \"value\"");
    return;
  }
  struct fl_mcp_served_call *call = call_create(step, FL_MCP_CALL_COMPLETION, name);
  if (call == NULL) return;
  call->template_uri = entry->uri_template != NULL ? entry->name : NULL;
  call->own_args = fl_object();
  fl_set_string(call->own_args, "argument", which);
  fl_set_string(call->own_args, "value", value);
  struct fl_value *context = fl_get(fl_get(step->params, "context"), "arguments");
  fl_set_take(call->own_args, "context", fl_is(context, FL_OBJECT) ? fl_value_ref(context) : fl_object());
  call->args = call->own_args;
  call->is_running = true;
  if (entry->completes) fl_mcp_start_call(call, step->effects);
  else {
    FL_VALUE_AUTO none = fl_object();
    fl_mcp_server_call_done(step->session, call, none, step->effects);
  }
}

/* ---- cancelling ---- */

/* No reply will come: an empty SEND that is one tells a driver whose channels end with their replies. */
static void tell_no_reply(const struct fl_mcp_served_call *call, struct fl_mcp_server_effects *effects) {
  if (call->is_task) return; /* it has its reply */
  fl_mcp_send(effects, call->session, call->channel, effects->out.size)->is_reply = true;
}

void fl_mcp_cancel_call(struct fl_mcp_served_call *call, struct fl_mcp_server_effects *effects) {
  tell_no_reply(call, effects);
  fl_mcp_retire_call(call);
  call->is_cancelled = true;
  fl_mcp_drop_questions(call);
  if (call->is_running) fl_mcp_add_effect(effects, FL_MCP_CANCEL_CALL)->call = call;
  else fl_mcp_served_call_destroy(call);
}

void fl_mcp_run_cancelled(struct fl_mcp_step *step) {
  struct fl_mcp_server_session *session = step->session;
  const struct fl_value *id = fl_get(step->params, "requestId");
  if (!fl_rpc_is_id(id)) return;
  fl_mcp_id_key(session, step->channel, id);
  struct fl_mcp_served_call *call = fl_map_get_n(&session->calls, fl_buf_slice(&session->key));
  struct fl_mcp_subscription *subscription = fl_map_get_n(&session->subscription_by_id, fl_buf_slice(&session->key));
  if (call != NULL) fl_mcp_cancel_call(call, step->effects);
  else if (subscription != NULL) fl_mcp_subscription_destroy(session, subscription);
}

void fl_mcp_server_channel_gone(struct fl_mcp_server_session *session, uint64_t channel,
                                struct fl_mcp_server_effects *effects) {
  struct fl_mcp_channel *at;
  while ((at = fl_map_get_n(&session->channels, fl_mcp_channel_key(&channel))) != NULL) {
    if (at->calls != NULL) fl_mcp_cancel_call(at->calls, effects);
    else fl_mcp_subscription_destroy(session, at->subscriptions);
  }
}

void fl_mcp_server_session_cancel(struct fl_mcp_server_session *session, struct fl_mcp_server_effects *effects) {
  for (struct fl_mcp_served_call *call = session->all, *next; call != NULL; call = next) {
    next = call->next;
    fl_mcp_task_lost(call); /* the task's record says that it was at work, and stays so */
    if (!call->is_cancelled) fl_mcp_cancel_call(call, effects);
  }
}

bool fl_mcp_server_session_is_idle(const struct fl_mcp_server_session *session) { return session->all == NULL; }

/* ---- results ---- */

/* Structured content leaves only where the revision has it, never with an error, and before 2026-07-28 only as an
 * object; its text stands in `content` in any case. */
static const struct fl_value *structured_for(const struct fl_mcp_revision *revision, const struct fl_value *result) {
  const struct fl_value *structured = fl_get(result, "structuredContent");
  if (!revision->has_structured || fl_get_bool(result, "isError", false)) return NULL;
  if (revision->era == FL_MCP_LEGACY && !fl_is(structured, FL_OBJECT)) return NULL;
  return structured;
}

static int write_text_result(struct fl_buf *buf, const struct fl_value *text) {
  fl_slice front = FL_SLICE("\"content\":[{\"type\":\"text\",\"text\":");
  fl_buf_add(buf, front.data, front.size);
  int status = fl_json_write(buf, text, FL_JSON_COMPACT);
  fl_buf_add(buf, "}]", 2);
  return status;
}

/* A number: its text, and the object that has it, where the revision has that. */
static int write_number_result(struct fl_buf *buf, const struct fl_mcp_revision *revision,
                               const struct fl_value *number) {
  char digits[32];
  fl_slice front = FL_SLICE("\"content\":[{\"type\":\"text\",\"text\":\""),
           structured = FL_SLICE(",\"structuredContent\":{\"result\":");
  fl_buf_add(buf, front.data, front.size);
  fl_buf_add(buf, digits, fl_json_format_double(fl_as_double(number, 0), digits));
  fl_buf_add(buf, "\"}]", 3);
  if (!revision->has_structured) return 0;
  fl_buf_add(buf, structured.data, structured.size);
  int status = fl_json_write(buf, number, FL_JSON_COMPACT);
  fl_buf_add_char(buf, '}');
  return status;
}

static int write_tool_result(struct fl_buf *buf, const struct fl_mcp_served_call *call, const struct fl_value *result) {
  if (fl_is(result, FL_STRING)) return write_text_result(buf, result);
  if (fl_is(result, FL_INT) || fl_is(result, FL_DOUBLE)) return write_number_result(buf, call->revision, result);
  const struct fl_value *structured = structured_for(call->revision, result);
  fl_buf_add(buf, "\"content\":", 10);
  int status = fl_json_write(buf, fl_get(result, "content"), FL_JSON_COMPACT);
  if (structured != NULL) {
    fl_buf_add(buf, ",\"structuredContent\":", 21);
    if (status == 0) status = fl_json_write(buf, structured, FL_JSON_COMPACT);
  }
  if (fl_get_bool(result, "isError", false)) fl_buf_add(buf, ",\"isError\":true", 15);
  return status;
}

static int write_completion(struct fl_buf *buf, const struct fl_value *result) {
  const struct fl_value *values = fl_get(result, "values");
  FL_VALUE_AUTO shown = fl_array();
  for (size_t i = 0; i < fl_size(values) && i < COMPLETIONS_MAX; i++)
    fl_append_take(shown, fl_value_ref(fl_at(values, i)));
  int64_t total = fl_get_int(result, "total", (int64_t)fl_size(values));
  bool has_more = fl_get_bool(result, "hasMore", false) || total > (int64_t)fl_size(shown);
  fl_buf_add_text(buf, "\"completion\":{\"values\":");
  int status = fl_json_write(buf, shown, FL_JSON_COMPACT);
  fl_buf_addf(buf, ",\"total\":%lld,\"hasMore\":%s}", (long long)total, has_more ? "true" : "false");
  return status;
}

static int write_member(struct fl_buf *buf, const char *key, const struct fl_value *value) {
  fl_buf_addf(buf, "\"%s\":", key);
  return fl_json_write(buf, value, FL_JSON_COMPACT);
}

int fl_mcp_write_call_result(struct fl_buf *buf, const struct fl_mcp_served_call *call, const struct fl_value *result) {
  bool is_modern = call->revision->era == FL_MCP_MODERN;
  fl_buf_add_text(buf, is_modern ? "{\"resultType\":\"complete\"," : "{");
  int status = 0;
  switch (call->kind) {
  case FL_MCP_CALL_TOOL: return write_tool_result(buf, call, result);
  case FL_MCP_CALL_COMPLETION: return write_completion(buf, result);
  case FL_MCP_CALL_PROMPT:
    if (fl_get(result, "description") != NULL) {
      status = write_member(buf, "description", fl_get(result, "description"));
      fl_buf_add_char(buf, ',');
    }
    return status < 0 ? status : write_member(buf, "messages", fl_get(result, "messages"));
  case FL_MCP_CALL_RESOURCE:
    status = write_member(buf, "contents", fl_get(result, "contents"));
    /* What a handler reads may be another thing for another caller, and at once. */
    if (is_modern) fl_buf_add_text(buf, ",\"ttlMs\":0,\"cacheScope\":\"private\"");
    return status;
  }
  return status;
}

struct fl_mcp_step fl_mcp_step_of_call(struct fl_mcp_served_call *call, const struct fl_rpc_message *message,
                                       struct fl_mcp_server_effects *effects) {
  return (struct fl_mcp_step){.session = call->session,
                              .effects = effects,
                              .message = message,
                              .channel = call->channel,
                              .principal = call->principal,
                              .revision = call->revision};
}

static void reply_result(struct fl_mcp_served_call *call, const struct fl_value *result,
                         struct fl_mcp_server_effects *effects) {
  struct fl_rpc_message message = {.id = call->id};
  struct fl_mcp_step step = fl_mcp_step_of_call(call, &message, effects);
  struct fl_rpc_line line = fl_rpc_begin_result(&effects->out, call->id);
  if (fl_mcp_write_call_result(line.buf, call, result) < 0) line.buf->failed = true;
  fl_mcp_end_result(line.buf, &call->session->core->catalog, call->revision->era == FL_MCP_MODERN,
                    fl_get(result, "_meta"));
  char what[FL_MCP_NAME_SHOWN_MAX + 40];
  if (line.buf->failed)
    snprintf(what, sizeof what, "The result of %s%.*s", call->kind == FL_MCP_CALL_TOOL ? "tool " : "",
             fl_rpc_shown(call->name, FL_MCP_NAME_SHOWN_MAX), call->name);
  fl_mcp_end_reply(&step, line, line.buf->failed ? what : "");
}

void fl_mcp_server_call_done(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                             const struct fl_value *result, struct fl_mcp_server_effects *effects) {
  fl_check(call->is_running);
  call->is_running = false;
  if (call->is_task) fl_mcp_task_done(call, result, effects);
  else if (!call->is_cancelled) reply_result(call, result, effects);
  fl_mcp_served_call_destroy(call);
}

void fl_mcp_server_call_failed(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call, int code,
                               const char *text, struct fl_mcp_server_effects *effects) {
  fl_check(call->is_running);
  call->is_running = false;
  struct fl_rpc_message message = {.id = call->id};
  struct fl_mcp_step step = fl_mcp_step_of_call(call, &message, effects);
  if (call->is_task) fl_mcp_task_failed(call, code, text, effects);
  else if (!call->is_cancelled) fl_mcp_reply_error_data(&step, code, text, NULL);
  fl_mcp_served_call_destroy(call);
}

/* ---- meanwhile ---- */

static void add_number(struct fl_buf *buf, const char *key, double number) {
  char text[32];
  fl_json_format_double(number, text);
  fl_buf_addf(buf, ",\"%s\":%s", key, text);
}

void fl_mcp_server_call_progress(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                                 const struct fl_rpc_progress *progress, struct fl_mcp_server_effects *effects) {
  if (call->is_task) fl_mcp_task_progress(call, progress->message);
  if (call->is_cancelled || call->is_task || call->progress_token == NULL || !isfinite(progress->done)) return;
  if (call->has_progress && progress->done <= call->progress) return; /* "MUST increase with each notification" */
  call->has_progress = true;
  call->progress = progress->done;
  struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, "notifications/progress");
  fl_buf_add_text(line.buf, "{\"progressToken\":");
  fl_json_write(line.buf, call->progress_token, FL_JSON_COMPACT);
  add_number(line.buf, "progress", progress->done);
  if (isfinite(progress->total) && progress->total > 0) add_number(line.buf, "total", progress->total);
  if (progress->message != NULL && call->revision->has_messages) {
    fl_buf_add_text(line.buf, ",\"message\":");
    fl_rpc_add_text(line.buf, progress->message);
  }
  fl_buf_add_char(line.buf, '}');
  if (fl_rpc_end(line) == 0) fl_mcp_send(effects, session, call->channel, line.start);
}

void fl_mcp_server_call_log(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call, const char *level,
                            const char *text, struct fl_mcp_server_effects *effects) {
  int least = call->revision->era == FL_MCP_MODERN ? call->log_rank : session->log_rank;
  if (call->is_cancelled || call->is_task || least < 0 || fl_mcp_level_rank(level) < least) return;
  struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, "notifications/message");
  fl_buf_addf(line.buf, "{\"level\":\"%s\",\"logger\":", level);
  fl_rpc_add_text(line.buf, call->name);
  fl_buf_add_text(line.buf, ",\"data\":");
  fl_rpc_add_text(line.buf, text);
  fl_buf_add_char(line.buf, '}');
  if (fl_rpc_end(line) == 0) fl_mcp_send(effects, session, call->channel, line.start);
}

void fl_mcp_server_call_closes_stream(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                                      struct fl_mcp_server_effects *effects) {
  if (call->is_cancelled || call->revision->era != FL_MCP_LEGACY) return;
  struct fl_mcp_server_effect *effect = fl_mcp_add_effect(effects, FL_MCP_CLOSE_STREAM);
  effect->session = session;
  effect->channel = call->channel;
}
