/* SPDX-License-Identifier: MIT */
/* The public client (client.h): one connection, requests, questions. The blocking functions are the others and a turn
 * of the loop. */
#include "mcp/client_api.h"

#include "mcp/client_source.h"
#include "mcp/proto/version.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"

#include <stdio.h>

enum { IDLE_TIMEOUT_MS = 60 * 1000, TOTAL_TIMEOUT_MS = 10 * 60 * 1000, PERSON_TIMEOUT_MS = 6 * 60 * 1000 };

struct fl_client_ask {
  struct fl_client *client;
  int64_t id;
  char *method;
  struct fl_value *params;
  bool is_gone; /* nobody waits for its answer, but its holder was not told */
  void (*on_gone)(struct fl_client_ask *ask, void *user);
  void *user;
  struct fl_client_ask *next;
};

/* A request on its way; request->impl points here. */
struct api_call {
  struct fl_client_request *request;
  struct fl_mcp_client_call *call;
  bool is_over;
};

/* ---- questions ---- */

static void free_ask(struct fl_client_ask *ask) {
  struct fl_client_ask **link = &ask->client->asks;
  while (*link != ask) link = &(*link)->next;
  *link = ask->next;
  fl_free(ask->method);
  fl_value_unref(ask->params);
  fl_free(ask);
}

static fl_client_ask_fn *function_for(const struct fl_client *client, const char *method) {
  if (strcmp(method, "elicitation/create") == 0) return client->options.on_elicit;
  if (strcmp(method, "sampling/createMessage") == 0) return client->options.on_sample;
  return strcmp(method, "roots/list") == 0 ? client->options.on_roots : NULL;
}

static void take_ask(struct fl_client *client, const struct fl_mcp_client_report *report) {
  fl_client_ask_fn *on_ask = function_for(client, report->text);
  if (on_ask == NULL) {
    fl_mcp_connection_answer(client->connection, report->ask_id, NULL);
    return;
  }
  struct fl_client_ask *ask = fl_new(struct fl_client_ask);
  *ask = (struct fl_client_ask){.client = client,
                                .id = report->ask_id,
                                .method = fl_strdup(report->text),
                                .params = fl_value_ref(report->params),
                                .next = client->asks};
  client->asks = ask;
  on_ask(client, ask, client->options.user);
}

static void lose_ask(struct fl_client *client, int64_t id) {
  struct fl_client_ask *ask = client->asks;
  while (ask != NULL && (ask->id != id || ask->is_gone)) ask = ask->next;
  if (ask == NULL) return;
  ask->is_gone = true;
  if (ask->on_gone == NULL) return;
  ask->on_gone(ask, ask->user);
  free_ask(ask);
}

const char *fl_client_ask_method(const struct fl_client_ask *ask) { return ask->method; }
const struct fl_value *fl_client_ask_params(const struct fl_client_ask *ask) { return ask->params; }

void fl_client_ask_on_gone(struct fl_client_ask *ask, void (*on_gone)(struct fl_client_ask *ask, void *user),
                           void *user) {
  ask->on_gone = on_gone;
  ask->user = user;
}

static void answer(struct fl_client_ask *ask, const struct fl_value *result) {
  struct fl_mcp_connection *connection = ask->client->connection;
  int64_t id = ask->is_gone ? 0 : ask->id;
  free_ask(ask);
  if (id != 0) fl_mcp_connection_answer(connection, id, result);
}

void fl_client_answer_take(struct fl_client_ask *ask, struct fl_value *result) {
  answer(ask, result);
  fl_value_unref(result);
}

void fl_client_refuse(struct fl_client_ask *ask) { answer(ask, NULL); }

struct fl_value *fl_client_form_defaults(const struct fl_value *requested_schema) {
  struct fl_value *content = fl_object();
  struct fl_member member = {0};
  const struct fl_value *properties = fl_get(requested_schema, "properties");
  while (fl_is(properties, FL_OBJECT) && fl_next_member(properties, &member)) {
    struct fl_value *value = fl_get(member.value, "default");
    if (value != NULL) fl_set_take(content, member.key, fl_value_ref(value));
  }
  return content;
}

/* ---- what the connection tells ---- */

void fl_client_wake(struct fl_client *client) {
  if (client->wait_count == 0) return;
  client->was_woken = true;
  fl_world_stop(client->world);
}

static void on_ready(void *user, int status, const struct fl_error *err) {
  struct fl_client *client = user;
  client->status = status;
  if (err != NULL) client->error = *err;
  client->is_ready = true;
  fl_client_wake(client);
}

static void on_closed(void *user) {
  struct fl_client *client = user;
  client->is_closed = true;
  fl_client_wake(client);
}

static void report_done(const struct fl_mcp_client_report *report) {
  struct api_call *here = report->call_user;
  struct fl_client_request *request = here->request;
  struct fl_error err = {0};
  if (report->status != 0) fl_error_set(&err, report->status, "%s", report->text);
  fl_free(here);
  request->impl = NULL;
  request->on_done(request, report->status, report->result, report->error, report->status != 0 ? &err : NULL);
}

static void report_progress(const struct fl_mcp_client_report *report) {
  struct fl_client_request *request = ((struct api_call *)report->call_user)->request;
  if (request->on_progress != NULL)
    request->on_progress(request, report->progress.done, report->progress.total, report->text);
}

static void tell_changed(struct fl_client *client, const char *what) {
  if (client->options.on_changed != NULL) client->options.on_changed(client, what, client->options.user);
}

static void on_report(void *user, const struct fl_mcp_client_report *report) {
  struct fl_client *client = user;
  const struct fl_client_options *options = &client->options;
  switch (report->type) {
  case FL_MCP_CLIENT_CALL_DONE: report_done(report); break;
  case FL_MCP_CLIENT_CALL_PROGRESS: report_progress(report); break;
  case FL_MCP_CLIENT_ASK: take_ask(client, report); break;
  case FL_MCP_CLIENT_ASK_GONE: lose_ask(client, report->ask_id); break;
  case FL_MCP_CLIENT_TOOLS_CHANGED: tell_changed(client, "tools"); break;
  case FL_MCP_CLIENT_CHANGED: tell_changed(client, report->text); break;
  case FL_MCP_CLIENT_LOG:
    if (options->on_log != NULL) options->on_log(client, report->level, report->text, options->user);
    break;
  default: break;
  }
  fl_client_wake(client);
}

static void on_wire(void *user, bool is_ours, fl_slice message) {
  struct fl_client *client = user;
  client->options.on_wire(client, is_ours, message.data, message.size, client->options.user);
}

/* ---- opening and closing ---- */

static struct fl_value *make_capabilities(const struct fl_client_options *options) {
  struct fl_value *capabilities = fl_object();
  if (options->on_elicit != NULL) {
    struct fl_value *modes = fl_object();
    fl_set_take(modes, "form", fl_object());
    fl_set_take(modes, "url", fl_object());
    fl_set_take(capabilities, "elicitation", modes);
  }
  if (options->on_sample != NULL) {
    struct fl_value *sampling = fl_object();
    fl_set_take(sampling, "tools", fl_object());
    fl_set_take(capabilities, "sampling", sampling);
  }
  if (options->on_roots != NULL) fl_set_take(capabilities, "roots", fl_object());
  struct fl_value *extensions = fl_object();
  for (size_t i = 0; options->extensions != NULL && options->extensions[i] != NULL; i++)
    fl_set_take(extensions, options->extensions[i], fl_object());
  if (fl_size(extensions) > 0) fl_set_take(capabilities, "extensions", fl_value_ref(extensions));
  fl_value_unref(extensions);
  return capabilities;
}

static int read_revision(const char *revision, enum fl_mcp_era *ret_era, struct fl_error *err) {
  const struct fl_mcp_revision *known = fl_mcp_revision_find(revision);
  *ret_era = known != NULL ? known->era : 0;
  if (revision == NULL || known != NULL) return 0;
  return fl_error_set(err, FL_E_VERSION, "there is no protocol revision \"%.50s\" that this client speaks", revision);
}

static int make_connection(struct fl_client *client, struct fl_error *err) {
  const struct fl_client_options *options = &client->options;
  struct fl_mcp_connection_options connection = {.on_ready = on_ready,
                                                 .on_report = on_report,
                                                 .on_closed = on_closed,
                                                 .on_wire = options->on_wire != NULL ? on_wire : NULL,
                                                 .user = client};
  struct fl_mcp_client_options server = {.size = sizeof server,
                                         .name = options->name != NULL ? options->name : "server",
                                         .argv = options->command,
                                         .env = options->env,
                                         .cwd = options->cwd,
                                         .url = options->url,
                                         .headers = options->headers,
                                         .auth = client->auth};
  if (read_revision(options->revision, &connection.config.era, err) < 0) return FL_E_VERSION;
  int status = fl_mcp_client_transport(client->world, &server, &connection.transport, err);
  if (status < 0) return status;
  FL_VALUE_AUTO capabilities = make_capabilities(options);
  connection.config.server_name = server.name;
  connection.config.client_name = options->client_name;
  connection.config.client_version = options->client_version != NULL ? options->client_version : FL_VERSION;
  connection.config.log_level = options->log_level;
  connection.config.start_timeout_ms = options->start_timeout_ms;
  if (options->start_timeout_ms == 0 && options->is_interactive) connection.config.start_timeout_ms = PERSON_TIMEOUT_MS;
  connection.config.capabilities = capabilities;
  connection.config.is_http = options->url != NULL;
  FL_FREE_AUTO char *origin = fl_mcp_client_origin(&server);
  connection.origin = origin;
  client->connection = fl_mcp_connection_create(&connection);
  return 0;
}

int fl_client_connect_in(struct fl_world *world, const struct fl_client_options *options, struct fl_client **ret_client,
                         struct fl_error *err) {
  struct fl_client *client = fl_new(struct fl_client);
  client->world = world;
  client->options = *options; /* texts are copied by those who keep them */
  int status = fl_client_auth_open(client, err);
  if (status == 0) status = make_connection(client, err);
  if (status < 0) {
    fl_client_auth_close(client);
    fl_free(client);
    return status;
  }
  fl_mcp_connection_open(client->connection);
  fl_client_wait(client, &client->is_ready);
  if (client->status == 0) {
    *ret_client = client;
    return 0;
  }
  if (err != NULL) *err = client->error;
  status = client->status;
  fl_client_close(client);
  return status;
}

int fl_client_connect(const struct fl_client_options *options, struct fl_client **ret_client, struct fl_error *err) {
  struct fl_world *world = fl_world_uv_create(options->loop);
  struct fl_client *client = NULL;
  int status = fl_client_connect_in(world, options, &client, err);
  if (status < 0) {
    fl_world_destroy(world);
    return status;
  }
  client->owns_world = true;
  *ret_client = client;
  return 0;
}

void fl_client_close(struct fl_client *client) {
  if (client == NULL) return;
  fl_mcp_connection_close(client->connection);
  fl_client_wait(client, &client->is_closed);
  fl_check(client->is_closed);
  fl_client_auth_close(client);
  while (client->asks != NULL) free_ask(client->asks);
  fl_mcp_connection_destroy(client->connection);
  if (client->owns_world) fl_world_destroy(client->world);
  fl_free(client);
}

/* A world that returns without having been stopped has nothing left to wait for. */
void fl_client_wait(struct fl_client *client, const bool *is_done) {
  client->wait_count++;
  do {
    client->was_woken = false;
    if (!*is_done) fl_world_run(client->world);
  } while (!*is_done && client->was_woken);
  client->wait_count--;
}

struct fl_value *fl_client_about(const struct fl_client *client) {
  return fl_mcp_client_session_describe(fl_mcp_connection_session(client->connection));
}

const struct fl_value *fl_client_tools(const struct fl_client *client) {
  return fl_mcp_client_tools(fl_mcp_connection_session(client->connection));
}

/* ---- requests ---- */

void fl_client_request_start(struct fl_client *client, struct fl_client_request *request) {
  const struct fl_client_options *mine = &client->options;
  uint32_t idle_ms = request->idle_timeout_ms != 0 ? request->idle_timeout_ms : mine->idle_timeout_ms;
  uint32_t total_ms = request->total_timeout_ms != 0 ? request->total_timeout_ms : mine->total_timeout_ms;
  struct api_call *here = fl_new(struct api_call);
  here->request = request;
  request->impl = here;
  struct fl_mcp_client_call_options options = {
      .tool = request->tool,
      .args = request->params,
      .method = request->tool == NULL ? request->method : NULL,
      .params = request->params,
      .reads_all = request->reads_all,
      .is_whole = true,
      .idle_timeout_ms = idle_ms != 0 ? idle_ms : IDLE_TIMEOUT_MS,
      .total_timeout_ms = total_ms != 0 ? total_ms : TOTAL_TIMEOUT_MS,
      .result_max = mine->result_max != 0 ? mine->result_max : FL_MCP_CLIENT_MESSAGE_SIZE_MAX,
      .user = here};
  here->call = fl_mcp_connection_call(client->connection, &options);
}

void fl_client_request_cancel(struct fl_client *client, struct fl_client_request *request) {
  struct api_call *here = request->impl;
  if (here == NULL || here->is_over) return;
  here->is_over = true;
  fl_mcp_connection_cancel(client->connection, here->call);
}

struct waiting {
  struct fl_client_request request;
  struct fl_client *client;
  struct fl_value *result;
  struct fl_error error;
  int status;
  bool is_done;
};

static void on_waited(struct fl_client_request *request, int status, const struct fl_value *result,
                      const struct fl_value *error, const struct fl_error *err) {
  struct waiting *waiting = request->user;
  waiting->status = status;
  waiting->result = fl_value_ref((struct fl_value *)(uintptr_t)result);
  if (err != NULL) waiting->error = *err;
  waiting->is_done = true;
}

static int wait_for(struct fl_client *client, struct waiting *waiting, struct fl_value **ret_result,
                    struct fl_error *err) {
  waiting->client = client;
  waiting->request.on_done = on_waited;
  waiting->request.user = waiting;
  fl_client_request_start(client, &waiting->request);
  fl_client_wait(client, &waiting->is_done);
  fl_check(waiting->is_done); /* it has deadlines */
  if (waiting->status != 0) {
    if (err != NULL) *err = waiting->error;
    return waiting->status;
  }
  *ret_result = waiting->result;
  return 0;
}

int fl_client_call_tool(struct fl_client *client, const char *tool, const struct fl_value *args,
                        struct fl_value **ret_result, struct fl_error *err) {
  struct waiting waiting = {.request = {.tool = tool, .params = args}};
  return wait_for(client, &waiting, ret_result, err);
}

int fl_client_request(struct fl_client *client, const char *method, const struct fl_value *params,
                      struct fl_value **ret_result, struct fl_error *err) {
  struct waiting waiting = {.request = {.method = method, .params = params}};
  return wait_for(client, &waiting, ret_result, err);
}

int fl_client_list(struct fl_client *client, const char *what, struct fl_value **ret_array, struct fl_error *err) {
  static const char *const methods[][2] = {{"tools", "tools/list"},
                                           {"prompts", "prompts/list"},
                                           {"resources", "resources/list"},
                                           {"resourceTemplates", "resources/templates/list"},
                                           {"skills", "skills/list"}};
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (strcmp(methods[i][0], what) != 0) continue;
    struct waiting waiting = {.request = {.method = methods[i][1], .reads_all = true}};
    FL_VALUE_AUTO result = NULL;
    int status = wait_for(client, &waiting, &result, err);
    if (status == 0) *ret_array = fl_value_ref(fl_get(result, what));
    return status;
  }
  return fl_error_set(err, FL_E_INVALID, "there is no list of \"%.50s\"", what);
}

void fl_client_subscribe(struct fl_client *client, const char *uri, bool follows) {
  fl_mcp_connection_subscribe(client->connection, uri, follows);
}

void fl_client_roots_changed(struct fl_client *client) { fl_mcp_connection_roots_changed(client->connection); }
