/* SPDX-License-Identifier: MIT */
/* Happy path: a message, the core's step, its effects: handlers start, what goes out is handed to the driver; a handler
 * ends, asks, reports: the core's step again. A change from another thread: the catalog is made anew, who listens is
 * told.
 * Failure modes: a handler that ran out of time or was cancelled (told to the core as its end); a session that closes
 * while handlers work for it (kept until they have ended); a task store that never says "saved" (the client waits). */
#include "mcp/serving.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <stdio.h>

static void apply(struct fl_serving *serving);

/* ---- handlers ---- */

static void forget_idle_session(struct fl_serving *serving, struct fl_mcp_server_session *session) {
  for (size_t i = 0; i < serving->session_count; i++)
    if (serving->sessions[i] == session) return; /* it is open */
  if (fl_mcp_server_session_is_idle(session)) fl_mcp_server_session_destroy(session);
}

static struct fl_value *text_failure(const char *tool, int status) {
  struct fl_value *failure = fl_object(), *content = fl_array(), *block = fl_object();
  fl_set_string(block, "type", "text");
  fl_set_take(block, "text", fl_stringf("Tool %s: %s.", tool, fl_error_sentence(status)));
  fl_append_take(content, block);
  fl_set_take(failure, "content", content);
  fl_set_bool(failure, "isError", true);
  return failure;
}

/* What only a tool's result can say is an error of the protocol for the others. */
static void end_other(struct fl_serving *serving, struct fl_mcp_served_call *served, const struct fl_value *result) {
  static const char *const members[] = {
      [FL_MCP_CALL_PROMPT] = "messages", [FL_MCP_CALL_RESOURCE] = "contents", [FL_MCP_CALL_COMPLETION] = "values"};
  bool is_whole = fl_is(fl_get(result, members[served->kind]), FL_ARRAY);
  const char *text = fl_get_string(fl_at(fl_get(result, "content"), 0), "text", "the handler gave no answer");
  if (is_whole) fl_mcp_server_call_done(served->session, served, result, &serving->effects);
  else
    fl_mcp_server_call_failed(served->session, served,
                              fl_get(result, "content") != NULL ? FL_RPC_INVALID_PARAMS : FL_RPC_INTERNAL_ERROR, text,
                              &serving->effects);
}

static void end_served(struct fl_serving *serving, struct fl_mcp_served_call *served, int status,
                       struct fl_value *result) {
  struct fl_mcp_server_session *session = served->session;
  struct fl_mcp_server_effects *effects = &serving->effects;
  if (status == FL_CALL_ASKING)
    fl_mcp_server_call_asks(session, served, fl_get(result, "requests"), fl_get(result, "state"), effects);
  else if (status == FL_CALL_FAILED && fl_get(result, "missing") != NULL)
    fl_mcp_server_call_lacks(session, served, fl_get(result, "missing"), effects);
  else if (status == FL_CALL_FAILED)
    fl_mcp_server_call_failed(session, served, (int)fl_get_int(result, "code", FL_RPC_INTERNAL_ERROR),
                              fl_get_string(result, "message", ""), effects);
  else if (served->kind == FL_MCP_CALL_TOOL) {
    FL_VALUE_AUTO failure = status != 0 ? text_failure(served->name, status) : NULL;
    fl_mcp_server_call_done(session, served, status != 0 ? failure : result, effects);
  } else if (status != 0)
    fl_mcp_server_call_failed(session, served, FL_RPC_INTERNAL_ERROR, fl_error_sentence(status), effects);
  else end_other(serving, served, result);
}

static void on_call_done(struct fl_call *call, int status, struct fl_value *result, bool started) {
  struct fl_mcp_served_call *served = fl_call_user(call);
  struct fl_serving *serving = served->user;
  struct fl_mcp_server_session *session = served->session;
  end_served(serving, served, status, result);
  forget_idle_session(serving, session);
  apply(serving);
  if (serving->on_call_end != NULL) serving->on_call_end(serving);
}

static void on_call_progress(struct fl_call *call, double done, double total, const char *message) {
  struct fl_mcp_served_call *served = fl_call_user(call);
  struct fl_serving *serving = served->user;
  struct fl_rpc_progress progress = {.done = done, .total = total, .message = message};
  fl_mcp_server_call_progress(served->session, served, &progress, &serving->effects);
  apply(serving);
}

static void on_call_log(struct fl_call *call, const char *level, const char *text) {
  struct fl_mcp_served_call *served = fl_call_user(call);
  struct fl_serving *serving = served->user;
  fl_mcp_server_call_log(served->session, served, level, text, &serving->effects);
  apply(serving);
}

static void on_call_task(struct fl_call *call) {
  struct fl_mcp_served_call *served = fl_call_user(call);
  struct fl_serving *serving = served->user;
  fl_mcp_server_call_becomes_task(served->session, served, &serving->effects);
  apply(serving);
}

static void on_call_close_stream(struct fl_call *call) {
  struct fl_mcp_served_call *served = fl_call_user(call);
  struct fl_serving *serving = served->user;
  fl_mcp_server_call_closes_stream(served->session, served, &serving->effects);
  apply(serving);
}

static const struct fl_tool_def *def_of(const struct fl_server *server, const struct fl_mcp_served_call *served) {
  enum fl_mcp_list list = FL_MCP_PROMPTS;
  if (served->kind == FL_MCP_CALL_TOOL) return fl_tool_set_find(&server->tools, served->name);
  if (served->template_uri != NULL) list = FL_MCP_TEMPLATES;
  else if (served->kind == FL_MCP_CALL_RESOURCE) list = FL_MCP_RESOURCES;
  const char *name = served->template_uri != NULL ? served->template_uri : served->name;
  const struct fl_server_offer *offer = fl_server_offer_find(server, list, name);
  if (offer == NULL) return NULL;
  return served->kind == FL_MCP_CALL_COMPLETION ? offer->complete : offer->run;
}

/* It was taken away between a question and its answer. */
static void refuse_start(struct fl_serving *serving, struct fl_mcp_served_call *served) {
  for (size_t i = 0; i < serving->effects.count; i++)
    if (serving->effects.items[i].call == served) serving->effects.items[i].call = NULL;
  fl_mcp_server_call_failed(served->session, served, FL_RPC_INVALID_PARAMS, "it is not offered any more",
                            &serving->effects);
}

static void start_call(struct fl_serving *serving, struct fl_mcp_served_call *served) {
  const struct fl_tool_def *def = def_of(serving->server, served);
  if (def == NULL) {
    refuse_start(serving, served);
    return;
  }
  struct fl_call_options options = {.def = def,
                                    .args = served->args,
                                    .id = served->call_id,
                                    .traceparent = served->traceparent,
                                    .tracestate = served->tracestate,
                                    .total_timeout_ms = def->tool.timeout_ms,
                                    .answers = served->answers,
                                    .state = served->state,
                                    .client_capabilities = served->client_capabilities,
                                    .principal = served->principal,
                                    .task_id = served->task_id,
                                    .takes_plain = served->kind == FL_MCP_CALL_TOOL && !served->may_be_task,
                                    .knows_failures = served->revision->era == FL_MCP_MODERN,
                                    .on_done = on_call_done,
                                    .user = served};
  bool tells = served->wants_progress || (def->tool.flags & (FL_TOOL_TASK | FL_TOOL_TASK_LATER)) != 0;
  if (tells) options.on_progress = on_call_progress;
  if (served->wants_log) options.on_log = on_call_log;
  if (served->may_be_task && (def->tool.flags & FL_TOOL_TASK_LATER) != 0) options.on_task = on_call_task;
  if (served->revision->era == FL_MCP_LEGACY) options.on_close_stream = on_call_close_stream;
  served->user = serving;
  served->handle = fl_call_start(&serving->runner, &options);
}

/* ---- effects ---- */

static void save_task(struct fl_serving *serving, const struct fl_mcp_task *task) {
  FL_VALUE_AUTO record = fl_mcp_task_record(task);
  serving->server->store.save(serving->server->store.user, fl_mcp_task_id(task), record);
}

static void perform(struct fl_serving *serving, const struct fl_mcp_server_effect *effect) {
  switch (effect->type) {
  case FL_MCP_START_CALL: start_call(serving, effect->call); break;
  case FL_MCP_CANCEL_CALL:
    if (effect->call != NULL) fl_call_cancel(effect->call->handle);
    break;
  case FL_MCP_SAVE_TASK: save_task(serving, effect->task); break;
  case FL_MCP_FORGET_TASK: serving->server->store.save(serving->server->store.user, effect->task_id, NULL); break;
  case FL_MCP_SEND:
  case FL_MCP_CLOSE_STREAM: break; /* the driver's, in on_out */
  }
}

/* Performing an effect may add others; all of them leave together. */
static void apply(struct fl_serving *serving) {
  if (serving->is_applying) return;
  struct fl_mcp_server_effects *effects = &serving->effects;
  serving->is_applying = true;
  size_t done = 0;
  do {
    for (; done < effects->count; done++) {
      struct fl_mcp_server_effect effect = effects->items[done]; /* the array may move */
      perform(serving, &effect);
    }
    fl_call_deliver_quick(&serving->runner); /* the quick ones add their replies to the same write */
  } while (done < effects->count);
  if (effects->count > 0) serving->on_out(serving, effects);
  serving->is_applying = false;
  fl_mcp_server_effects_clear(effects);
  if (effects->out.capacity > FL_SERVING_OUT_KEPT) fl_buf_deinit(&effects->out);
}

void fl_serving_flush(struct fl_serving *serving) { apply(serving); }

/* ---- messages ---- */

static void tell_time(struct fl_serving *serving) {
  fl_mcp_server_core_time(serving->core, fl_world_wall_ms(serving->world));
}

size_t fl_serving_take(struct fl_serving *serving, struct fl_mcp_server_session *session,
                       const struct fl_mcp_incoming *incoming) {
  tell_time(serving);
  return fl_mcp_server_message(session, incoming, &serving->effects);
}

void fl_serving_line(struct fl_serving *serving, struct fl_mcp_server_session *session, fl_slice line) {
  tell_time(serving);
  fl_mcp_server_line(session, line, &serving->effects);
}

void fl_serving_line_too_long(struct fl_serving *serving, struct fl_mcp_server_session *session, uint64_t channel,
                              fl_slice front) {
  fl_mcp_server_line_too_long(session, channel, front, &serving->effects);
}

void fl_serving_channel_gone(struct fl_serving *serving, struct fl_mcp_server_session *session, uint64_t channel) {
  fl_mcp_server_channel_gone(session, channel, &serving->effects);
}

void fl_serving_end_subscriptions(struct fl_serving *serving) {
  for (size_t i = 0; i < serving->session_count; i++)
    fl_mcp_server_session_end(serving->sessions[i], &serving->effects);
  apply(serving);
}

/* ---- changes ---- */

static struct fl_server_change *take_changes(struct fl_server *server) {
  struct fl_server_change *newest = atomic_exchange(&server->changes, NULL), *oldest = NULL;
  while (newest != NULL) {
    struct fl_server_change *next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

static void tell_lists(struct fl_serving *serving, unsigned lists) {
  for (int list = 0; list < FL_MCP_LIST_COUNT; list++)
    for (size_t i = 0; (lists & 1u << list) != 0 && i < serving->session_count; i++)
      fl_mcp_server_list_changed(serving->sessions[i], (enum fl_mcp_list)list, &serving->effects);
}

static void tell_updated(struct fl_serving *serving, const char *uri) {
  for (size_t i = 0; i < serving->session_count; i++)
    fl_mcp_server_resource_updated(serving->sessions[i], uri, &serving->effects);
}

static void on_changes(struct fl_post *post) {
  struct fl_serving *serving = post->user;
  atomic_store(&serving->is_change_posted, false);
  unsigned lists = 0;
  tell_time(serving);
  for (struct fl_server_change *change = take_changes(serving->server), *next; change != NULL; change = next) {
    next = change->next;
    if (change->type == FL_CHANGE_UPDATED) tell_updated(serving, change->name);
    else if (change->type == FL_CHANGE_SAVED) fl_mcp_server_task_saved(serving->core, change->name, &serving->effects);
    else if (fl_server_apply(serving->server, change)) lists |= 1u << change->list;
    fl_server_change_destroy(change);
  }
  if (lists != 0) {
    struct fl_mcp_catalog *catalog = fl_mcp_server_core_catalog(serving->core);
    fl_mcp_catalog_clear(catalog);
    fl_server_fill(serving->server, catalog);
    tell_lists(serving, lists);
  }
  apply(serving);
}

void fl_serving_changed(struct fl_serving *serving) {
  if (!atomic_exchange(&serving->is_change_posted, true)) fl_world_post(serving->world, &serving->change_post);
}

/* ---- sessions ---- */

struct fl_mcp_server_session *fl_serving_open_session(struct fl_serving *serving, unsigned flags) {
  if (serving->session_count == serving->session_capacity) {
    serving->session_capacity = serving->session_capacity == 0 ? 4 : serving->session_capacity * 2;
    serving->sessions = fl_realloc(serving->sessions, serving->session_capacity * sizeof serving->sessions[0]);
  }
  struct fl_mcp_server_session *session = fl_mcp_server_session_create(serving->core, flags);
  serving->sessions[serving->session_count++] = session;
  return session;
}

void fl_serving_restore_tasks(struct fl_serving *serving, struct fl_mcp_server_session *session) {
  const struct fl_value *records = serving->server->restored;
  for (size_t i = 0; i < fl_size(records); i++) {
    struct fl_error err;
    if (fl_mcp_server_task_restore(session, fl_at(records, i), &serving->effects, &err) < 0)
      fprintf(stderr, "%s: %s\n", serving->server->identity.name, err.text);
  }
  apply(serving);
}

void fl_serving_close_session(struct fl_serving *serving, struct fl_mcp_server_session *session) {
  size_t i = 0;
  while (i < serving->session_count && serving->sessions[i] != session) i++;
  fl_check(i < serving->session_count);
  serving->sessions[i] = serving->sessions[--serving->session_count];
  fl_mcp_server_session_cancel(session, &serving->effects);
  apply(serving);
  forget_idle_session(serving, session);
}

/* ---- life ---- */

struct fl_serving *fl_serving_create(struct fl_server *server, struct fl_world *world) {
  struct fl_serving *serving = fl_new(struct fl_serving);
  serving->world = world;
  serving->server = server;
  struct fl_mcp_core_options options = {.identity = &server->identity, .saves_tasks = server->store.save != NULL};
  if (server->has_key) memcpy(options.key, server->key, sizeof options.key);
  else fl_world_random(world, options.key, sizeof options.key);
  fl_world_random(world, options.salt, sizeof options.salt);
  serving->core = fl_mcp_server_core_create(&options);
  explicit_bzero(&options, sizeof options);
  fl_server_fill(server, fl_mcp_server_core_catalog(serving->core));
  fl_call_runner_init(&serving->runner, world);
  serving->runner.delivers_quick = true;
  serving->change_post = (struct fl_post){.on_post = on_changes, .user = serving};
  tell_time(serving);
  atomic_store(&server->serving, serving);
  if (atomic_load(&server->changes) != NULL) fl_serving_changed(serving);
  return serving;
}

void fl_serving_close(struct fl_serving *serving) { atomic_store(&serving->server->serving, NULL); }

static void on_settled(struct fl_post *post) {
  struct fl_serving *serving = post->user;
  serving->is_settled = true;
  fl_world_stop(serving->world);
}

/* Posts come in their order, so that the one behind all others says that they have come. */
void fl_serving_settle(struct fl_serving *serving) {
  struct fl_call_runner *runner = &serving->runner;
  bool is_own = serving->server->world == NULL;
  do {
    serving->is_settled = false;
    serving->settle_post = (struct fl_post){.on_post = on_settled, .user = serving};
    fl_world_post(serving->world, &serving->settle_post);
    while (!serving->is_settled) fl_world_run(serving->world);
  } while (atomic_load(&serving->is_change_posted) || atomic_load(&runner->is_posted) || runner->is_quick_posted ||
           atomic_load(&runner->sender_count) > 0);
  if (is_own) fl_world_run(serving->world); /* the last handles close */
}

void fl_serving_destroy(struct fl_serving *serving) {
  for (size_t i = 0; i < serving->session_count; i++) fl_mcp_server_session_destroy(serving->sessions[i]);
  fl_free(serving->sessions);
  fl_mcp_server_effects_deinit(&serving->effects);
  fl_mcp_server_core_destroy(serving->core);
  fl_free(serving);
}
