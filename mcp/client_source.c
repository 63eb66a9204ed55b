/* SPDX-License-Identifier: MIT */
/* The MCP client as a source of tools: one connection (connection.c), its tools as the registry sees them, their
 * results checked against what they promise. */
#include "mcp/client_source.h"

#include "mcp/auth/auth.h"
#include "mcp/client_env.h"
#include "mcp/client_gate.h"
#include "mcp/client_held.h"
#include "mcp/connection.h"
#include "runtime/base/check.h"
#include "runtime/base/map.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"
#include "runtime/json/schema.h"

#include <strings.h>
#include <unistd.h>

enum { IDLE_TIMEOUT_MS = 60 * 1000, TOTAL_TIMEOUT_MS = 10 * 60 * 1000, RESULT_MAX = 1024 * 1024 };

/* A schema that a result is checked against; compiled when the tool first answers. */
struct output_check {
  struct fl_schema *schema;
  bool is_tried;
};

struct client {
  struct fl_tool_source source; /* first: the registry sees this */
  struct fl_world *world;
  struct fl_mcp_connection *connection;
  struct output_check *checks; /* as many as tools */
  struct fl_value *listed;     /* holds what source.tools lends */
  struct fl_map indexes;       /* tool's name to its index + 1 */
  struct fl_mcp_held held;     /* calls whose server asks, and that wait for a person */
  struct fl_value *capabilities;
  struct fl_mcp_limits limits;
  struct fl_mcp_gate gate;
  struct fl_mcp_call *waiting; /* for others to end, the first first */
};

static struct client *of_source(struct fl_tool_source *source) { return (struct client *)(void *)source; }

static const struct fl_mcp_client_session *session_of(const struct client *client) {
  return fl_mcp_connection_session(client->connection);
}

/* ---- tools ---- */

static void forget_tools(struct client *client) {
  for (size_t i = 0; i < client->source.tool_count; i++) fl_schema_destroy(client->checks[i].schema);
  fl_free(client->checks);
  fl_free(client->source.tools);
  fl_value_unref(client->listed);
  fl_map_deinit(&client->indexes);
  fl_map_init(&client->indexes);
  client->checks = NULL;
  client->source.tools = NULL;
  client->source.tool_count = 0;
  client->listed = NULL;
}

static void take_tools(struct client *client) {
  forget_tools(client);
  client->listed = fl_value_ref((struct fl_value *)(uintptr_t)fl_mcp_client_tools(session_of(client)));
  size_t count = fl_size(client->listed);
  client->source.tools = fl_new_array(struct fl_tool_info, count + 1);
  client->checks = fl_new_array(struct output_check, count + 1);
  client->source.tool_count = count;
  for (size_t i = 0; i < count; i++) {
    const struct fl_value *tool = fl_at(client->listed, i);
    struct fl_value *output = fl_get(tool, "outputSchema"), *annotations = fl_get(tool, "annotations");
    fl_map_set(&client->indexes, fl_get_string(tool, "name", ""), (void *)(uintptr_t)(i + 1));
    client->source.tools[i] = (struct fl_tool_info){.name = fl_get_string(tool, "name", ""),
                                                    .title = fl_get_string(tool, "title", NULL),
                                                    .description = fl_get_string(tool, "description", NULL),
                                                    .input_schema = fl_get(tool, "inputSchema"),
                                                    .output_schema = fl_is(output, FL_OBJECT) ? output : NULL,
                                                    .annotations = fl_is(annotations, FL_OBJECT) ? annotations : NULL};
  }
}

static bool find_tool(const struct client *client, const char *name, size_t *ret_index) {
  size_t number = (size_t)(uintptr_t)fl_map_get(&client->indexes, name);
  if (number == 0) return false;
  *ret_index = number - 1;
  return true;
}

/* 0, or FL_E_PROTOCOL when the structured content breaks the tool's own output schema. A schema that we cannot use
 * checks nothing. */
static int check_output(struct client *client, size_t tool_index, const struct fl_value *result, struct fl_error *err) {
  const struct fl_value *structured = fl_get(result, "structuredContent");
  if (tool_index >= client->source.tool_count || structured == NULL || fl_get_bool(result, "isError", false)) return 0;
  const struct fl_tool_info *tool = &client->source.tools[tool_index];
  struct output_check *check = &client->checks[tool_index];
  if (!check->is_tried && tool->output_schema != NULL)
    fl_schema_create(tool->output_schema, NULL, &check->schema, NULL);
  check->is_tried = true;
  if (check->schema == NULL) return 0;
  struct fl_schema_result violations = {0};
  int status = 0;
  if (fl_schema_validate(check->schema, structured, &violations) == 1) {
    FL_BUF_AUTO text = {0};
    fl_schema_result_text(&violations, &text);
    status = fl_error_set(err, FL_E_PROTOCOL, "%s/%s: the structured result breaks the tool's output schema: %s",
                          client->source.name, tool->name, text.data);
  }
  fl_schema_result_deinit(&violations);
  return status;
}

/* ---- what the connection tells ---- */

static void on_ready(void *user, int status, const struct fl_error *err) {
  struct client *client = user;
  if (status == 0) take_tools(client);
  client->source.on_ready(&client->source, status, err);
}

/* The state of a question has run out, or another process has sealed it: invalid params, and nothing was done. */
static bool is_forgotten(const struct fl_tool_request *request, const struct fl_mcp_client_report *report) {
  if (report->status != FL_E_REMOTE || fl_get(request->pause, "state") == NULL) return false;
  return fl_get_int(report->error, "code", 0) == FL_RPC_INVALID_PARAMS;
}

static void start_waiting(struct client *client);

static void report_done(struct client *client, const struct fl_mcp_client_report *report) {
  struct fl_mcp_call *here = report->call_user;
  struct fl_tool_request *request = here->request;
  client->gate.running--;
  start_waiting(client);
  struct fl_error err = {0};
  int status = report->status;
  if (report->pause == NULL && status == 0) status = check_output(client, here->tool_index, report->result, &err);
  else if (status != 0) fl_error_set(&err, status, "%s", report->text);
  if (request == NULL) {
    int64_t ask_id = fl_mcp_held_end(&client->held, here, status == 0 ? report->result : NULL, &err);
    fl_mcp_connection_answer(client->connection, ask_id, NULL); /* it has not waited for the answer */
    return;
  }
  request->impl = NULL;
  fl_mcp_call_free(here);
  if (is_forgotten(request, report)) status = err.code = FL_E_CONFLICT;
  if (report->pause != NULL) request->on_pause(request, report->pause);
  else request->on_done(request, status, status == 0 ? report->result : NULL, report->sent, status != 0 ? &err : NULL);
}

static void report_progress(const struct fl_mcp_client_report *report) {
  struct fl_tool_request *request = ((struct fl_mcp_call *)report->call_user)->request;
  if (request != NULL && request->on_progress != NULL)
    request->on_progress(request, report->progress.done, report->progress.total, report->text);
}

/* Why a question cannot be brought before a person; NULL: it can. */
static const char *why_not_asked(const struct fl_mcp_call *call) {
  if (call == NULL) return "it cannot be known which of the calls that are out it is about";
  if (call->request == NULL) return "another question of the same call is open";
  return call->is_over || call->request->on_pause == NULL ? "there is nobody to ask" : NULL;
}

static void log_refusal(struct client *client, const char *why) {
  FL_FREE_AUTO char *text = fl_format("a question of the server was refused: %s", why);
  if (client->source.on_log != NULL) client->source.on_log(&client->source, "warning", text);
}

/* A question that lives with the connection. The request ends; its call is held for the request that brings the
 * answer. */
static void take_ask(struct client *client, const struct fl_mcp_client_report *report) {
  struct fl_mcp_call *here = report->call_user;
  const char *why = why_not_asked(here);
  FL_VALUE_AUTO known = why == NULL ? fl_mcp_call_known(here, report->params) : NULL;
  if (why != NULL || known != NULL) {
    if (why != NULL) log_refusal(client, why);
    fl_mcp_connection_answer(client->connection, report->ask_id, known);
    return;
  }
  struct fl_tool_request *request = here->request;
  FL_VALUE_AUTO pause = fl_mcp_held_add(&client->held, here, client->world, report);
  request->impl = NULL;
  request->on_pause(request, pause);
}

static void on_report(void *user, const struct fl_mcp_client_report *report) {
  struct client *client = user;
  struct fl_tool_source *source = &client->source;
  if (report->type == FL_MCP_CLIENT_CALL_DONE) report_done(client, report);
  else if (report->type == FL_MCP_CLIENT_CALL_PROGRESS) report_progress(report);
  else if (report->type == FL_MCP_CLIENT_ASK) take_ask(client, report);
  else if (report->type == FL_MCP_CLIENT_ASK_GONE && report->call_user != NULL)
    ((struct fl_mcp_call *)report->call_user)->ask_id = 0; /* the call may go on without it */
  else if (report->type == FL_MCP_CLIENT_TOOLS_CHANGED) {
    take_tools(client);
    if (source->on_tools_changed != NULL) source->on_tools_changed(source);
  } else if (report->type == FL_MCP_CLIENT_LOG && source->on_log != NULL)
    source->on_log(source, report->level, report->text);
}

static void on_closed(void *user) {
  struct client *client = user;
  if (client->source.on_closed != NULL) client->source.on_closed(&client->source);
}

/* ---- the table ---- */

static void client_open(struct fl_tool_source *source) { fl_mcp_connection_open(of_source(source)->connection); }
static void client_close(struct fl_tool_source *source) { fl_mcp_connection_close(of_source(source)->connection); }

static void client_destroy(struct fl_tool_source *source) {
  struct client *client = of_source(source);
  forget_tools(client);
  fl_mcp_held_destroy(&client->held);
  fl_value_unref(client->capabilities);
  fl_map_deinit(&client->indexes);
  fl_mcp_connection_destroy(client->connection);
  fl_mcp_gate_deinit(&client->gate);
  fl_free(source->identity);
  fl_free(source->name);
  fl_free(client);
}

/* A call that is held goes on with the answer, or has ended without it. */
static void take_up(struct client *client, struct fl_tool_request *request) {
  struct fl_mcp_call *here = fl_mcp_held_take(&client->held, request->pause);
  struct fl_error err = {0};
  if (here != NULL && here->call != NULL) {
    int64_t ask_id = here->ask_id;
    here->request = request;
    here->ask_id = 0;
    request->impl = here;
    fl_mcp_connection_answer(client->connection, ask_id, fl_get(request->answers, FL_MCP_HELD_KEY));
    return;
  }
  if (here == NULL)
    fl_error_set(&err, FL_E_CLOSED, "%s/%s: the call whose question was answered is gone", client->source.name,
                 request->tool);
  fl_tool_request_end(client->world, request, here != NULL ? here->result : NULL, here != NULL ? &here->error : &err);
  fl_mcp_call_free(here);
}

static uint32_t narrower(uint32_t asked, uint32_t usual, int64_t limit) {
  uint32_t chosen = asked != 0 ? asked : usual;
  return limit > 0 && limit < chosen ? (uint32_t)limit : chosen;
}

static void start_call(struct client *client, struct fl_mcp_call *here) {
  const struct fl_tool_request *request = here->request;
  const struct fl_mcp_limits *limits = &client->limits;
  size_t result_max = request->result_max != 0 ? request->result_max : RESULT_MAX;
  if (limits->output > 0 && (size_t)limits->output < result_max) result_max = (size_t)limits->output;
  const struct fl_mcp_client_call_options options = {
      .tool = request->tool,
      .args = request->args,
      .call_id = request->call_id,
      .traceparent = request->traceparent,
      .tracestate = request->tracestate,
      .idle_timeout_ms = narrower(request->idle_timeout_ms, IDLE_TIMEOUT_MS, limits->call_ms),
      .total_timeout_ms = narrower(request->total_timeout_ms, TOTAL_TIMEOUT_MS, limits->call_ms),
      .result_max = result_max,
      .ends_at_questions = request->on_pause != NULL,
      .pause = request->pause,
      .answers = request->answers,
      .user = here};
  client->gate.running++;
  here->call = fl_mcp_connection_call(client->connection, &options);
}

/* One that has not left: nobody at the server knows of it. */
static void refuse(struct client *client, struct fl_mcp_call *here, const struct fl_error *err) {
  struct fl_tool_request *request = here->request;
  fl_mcp_call_free(here);
  request->impl = NULL;
  fl_tool_request_refuse(client->world, request, err);
}

static void start_waiting(struct client *client) {
  while (client->waiting != NULL && fl_mcp_gate_has_room(&client->gate)) {
    struct fl_mcp_call *here = client->waiting;
    struct fl_error err = {0};
    client->waiting = here->next;
    here->next = NULL;
    if (fl_mcp_connection_check(client->connection, &err) == 0) start_call(client, here);
    else refuse(client, here, &err);
  }
}

/* Takes a place in the rate, but not for what goes on after a question; false: `err` says when there is one. */
static bool admit(struct client *client, const struct fl_tool_request *request, struct fl_error *err) {
  int64_t wait_ms = request->pause == NULL ? fl_mcp_gate_take(&client->gate, fl_world_now_ms(client->world)) : 0;
  if (wait_ms == 0) return true;
  fl_error_set(err, FL_E_LIMIT, "server %s: its limit \"rate\" is %lld calls in %lld s; the next may be made in %lld s",
               client->source.name, (long long)client->gate.rate, (long long)client->gate.per_ms / 1000,
               (long long)(wait_ms + 999) / 1000);
  return false;
}

static bool drop_waiting(struct client *client, struct fl_mcp_call *here) {
  struct fl_mcp_call **at = &client->waiting;
  while (*at != NULL && *at != here) at = &(*at)->next;
  if (*at == NULL) return false;
  struct fl_error err = {0};
  fl_error_set(&err, FL_E_CANCELLED, "cancelled while it waited for other calls of server %s", client->source.name);
  *at = here->next;
  refuse(client, here, &err);
  return true;
}

static void client_call(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct client *client = of_source(source);
  struct fl_error err = {0};
  size_t tool_index = 0;
  request->impl = NULL;
  if (fl_mcp_connection_check(client->connection, &err) == 0 && !find_tool(client, request->tool, &tool_index))
    fl_error_set(&err, FL_E_NOT_FOUND, "server %s has no tool \"%s\"", source->name, request->tool);
  if (err.code != 0 || !admit(client, request, &err)) {
    fl_tool_request_refuse(client->world, request, &err);
    return;
  }
  if (fl_mcp_is_held_kind(request->pause)) {
    take_up(client, request);
    return;
  }
  struct fl_mcp_call *here = fl_mcp_call_new(request);
  here->tool_index = tool_index;
  struct fl_mcp_call **end = &client->waiting;
  while (*end != NULL) end = &(*end)->next;
  *end = here;
  start_waiting(client);
}

static void client_cancel(struct fl_tool_source *source, struct fl_tool_request *request) {
  struct fl_mcp_call *here = request->impl;
  if (here == NULL || here->is_over || drop_waiting(of_source(source), here)) return;
  here->is_over = true;
  fl_mcp_connection_cancel(of_source(source)->connection, here->call);
}

static bool client_holds(const struct fl_tool_source *source, const struct fl_value *pause) {
  return fl_mcp_held_find(&((const struct client *)(const void *)source)->held, pause) != NULL;
}

static const struct fl_tool_source_ops CLIENT_OPS = {.open = client_open,
                                                     .call = client_call,
                                                     .cancel = client_cancel,
                                                     .holds = client_holds,
                                                     .close = client_close,
                                                     .destroy = client_destroy};

/* ---- life ---- */

static int read_era(const char *name, const char *era, enum fl_mcp_era *ret_era, struct fl_error *err) {
  *ret_era = 0;
  if (era == NULL) return 0;
  if (strcmp(era, "modern") == 0) *ret_era = FL_MCP_MODERN;
  else if (strcmp(era, "legacy") == 0) *ret_era = FL_MCP_LEGACY;
  else return fl_error_set(err, FL_E_INVALID, "server %s: era \"%s\" must be \"modern\" or \"legacy\"", name, era);
  return 0;
}

static bool has_own_authorization(const char *const *headers) {
  for (; headers != NULL && *headers != NULL; headers++)
    if (strncasecmp(*headers, "Authorization:", strlen("Authorization:")) == 0) return true;
  return false;
}

static int make_http(struct fl_world *world, const struct fl_mcp_client_options *options,
                     struct fl_mcp_transport **ret_transport, struct fl_error *err) {
  FL_FREE_AUTO char *folder = fl_mcp_auth_default_folder();
  struct fl_mcp_auth_options authorize = {
      .size = sizeof authorize, .store_folder = folder, .config = options->auth_config};
  struct fl_mcp_http_options http = {.url = options->url, .headers = options->headers, .auth = options->auth};
  if (!has_own_authorization(options->headers)) http.authorize = &authorize;
  int status = fl_mcp_http_create(world, &http, ret_transport, err);
  if (status < 0) fl_error_context(err, "server %s", options->name);
  return status;
}

/* The transport that the options name: a command or a URL, and not both. */
int fl_mcp_client_transport(struct fl_world *world, const struct fl_mcp_client_options *options,
                            struct fl_mcp_transport **ret_transport, struct fl_error *err) {
  bool has_command = options->argv != NULL && options->argv[0] != NULL && options->argv[0][0] != '\0';
  if (has_command == (options->url != NULL))
    return fl_error_set(err, FL_E_INVALID,
                        has_command ? "server %s has both a command and a URL" : "server %s has no command",
                        options->name);
  if (options->url != NULL) return make_http(world, options, ret_transport, err);
  const char *const *ours = (const char *const *)environ;
  char **env = options->policy != NULL ? fl_mcp_env_pick(ours, options->env, options->allowed_env)
                                       : fl_mcp_env_make(ours, options->env);
  struct fl_mcp_process_options process = {.argv = options->argv,
                                           .env = (const char *const *)env,
                                           .cwd = options->cwd,
                                           .policy = options->policy,
                                           .name = options->name,
                                           .secrets = options->secrets,
                                           .secret_count = options->secret_count,
                                           .line_max = (size_t)options->limits.line};
  *ret_transport = fl_mcp_process_create(world, &process);
  fl_mcp_env_free(env);
  return 0;
}

/* How it is reached: what makes it the server that it is. */
static char *identity_of(const struct fl_mcp_client_options *options) {
  FL_BUF_AUTO text = {0};
  if (options->url != NULL) fl_buf_add_text(&text, options->url);
  for (size_t i = 0; options->argv != NULL && options->argv[i] != NULL; i++)
    fl_buf_addf(&text, "%s%s", i > 0 ? " " : "", options->argv[i]);
  return text.data != NULL ? fl_buf_take(&text, NULL) : fl_strdup("");
}

/* What the server may ask of us: a person, in a form or on a page, now or when its task comes to it. */
static struct fl_value *offered(void) {
  static const char text[] = "{\"elicitation\":{\"form\":{},\"url\":{}},"
                             "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}";
  struct fl_value *capabilities = NULL;
  fl_check(fl_parse(text, sizeof text - 1, &capabilities, NULL) == 0);
  return capabilities;
}

char *fl_mcp_client_origin(const struct fl_mcp_client_options *options) {
  FL_FREE_AUTO char *identity = identity_of(options);
  return fl_format("%s\n%s", options->cwd != NULL ? options->cwd : "", identity);
}

int fl_mcp_client_create(struct fl_world *world, const struct fl_mcp_client_options *options,
                         struct fl_tool_source **ret_source, struct fl_error *err) {
  struct fl_mcp_connection_options connection = {.on_ready = on_ready, .on_report = on_report, .on_closed = on_closed};
  if (read_era(options->name, options->era, &connection.config.era, err) < 0) return FL_E_INVALID;
  int status = fl_mcp_client_transport(world, options, &connection.transport, err);
  if (status < 0) return status;
  struct client *client = fl_new(struct client);
  client->source = (struct fl_tool_source){.ops = &CLIENT_OPS, .name = fl_strdup(options->name)};
  if (!options->is_unpinned) client->source.identity = identity_of(options);
  client->world = world;
  fl_map_init(&client->indexes);
  connection.user = client;
  connection.config.server_name = options->name;
  connection.config.client_version = FL_VERSION;
  connection.config.start_timeout_ms =
      options->limits.start_ms > 0 ? (uint32_t)options->limits.start_ms : options->start_timeout_ms;
  if (!options->is_unattended) connection.config.capabilities = client->capabilities = offered();
  connection.config.is_http = options->url != NULL;
  FL_FREE_AUTO char *origin = fl_mcp_client_origin(options);
  connection.origin = origin;
  client->connection = fl_mcp_connection_create(&connection);
  client->limits = options->limits;
  fl_mcp_gate_init(&client->gate, options->limits.rate, options->limits.rate_ms, options->limits.concurrent);
  *ret_source = &client->source;
  return 0;
}

struct fl_value *fl_mcp_client_describe(const struct fl_tool_source *source) {
  if (source->ops != &CLIENT_OPS) return NULL;
  return fl_mcp_client_session_describe(session_of((const struct client *)(const void *)source));
}
