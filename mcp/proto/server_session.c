/* SPDX-License-Identifier: MIT */
/* One message goes: read, method, era, envelope, header fields, fields, handler. The table `METHODS` says for each
 * method what the generic checks must see before its handler runs. */
#include "mcp/proto/server_internal.h"
#include "runtime/json/json.h"

enum { FIELDS_MAX = 3 };

static void run_nothing(struct fl_mcp_step *step) {}

/* ---- the table ---- */

struct field {
  const char *name;
  enum fl_type type;
  bool is_required;
};

struct method {
  const char *name;
  bool is_request;
  bool is_first; /* legacy: allowed before initialize */
  unsigned eras;
  const char *extension;  /* that the caller must have declared (modern); NULL: none */
  const char *name_field; /* mirrored in Mcp-Name; NULL: none */
  struct field fields[FIELDS_MAX];
  void (*run)(struct fl_mcp_step *step);
};

enum { BOTH = FL_MCP_LEGACY | FL_MCP_MODERN };
#define TASKS FL_MCP_EXTENSION_TASKS
#define CURSOR                     \
  {                                \
    { "cursor", FL_STRING, false } \
  }

static const struct method METHODS[] = {
    {"tools/call",
     true,
     false,
     BOTH,
     NULL,
     "name",
     {{"name", FL_STRING, true}, {"arguments", FL_OBJECT, false}},
     fl_mcp_run_tools_call},
    {"tools/list", true, false, BOTH, NULL, NULL, CURSOR, fl_mcp_run_list},
    {"prompts/list", true, false, BOTH, NULL, NULL, CURSOR, fl_mcp_run_list},
    {"prompts/get",
     true,
     false,
     BOTH,
     NULL,
     "name",
     {{"name", FL_STRING, true}, {"arguments", FL_OBJECT, false}},
     fl_mcp_run_prompts_get},
    {"resources/list", true, false, BOTH, NULL, NULL, CURSOR, fl_mcp_run_list},
    {"resources/templates/list", true, false, BOTH, NULL, NULL, CURSOR, fl_mcp_run_list},
    {"resources/read", true, false, BOTH, NULL, "uri", {{"uri", FL_STRING, true}}, fl_mcp_run_resources_read},
    {"resources/subscribe", true, false, FL_MCP_LEGACY, NULL, NULL, {{"uri", FL_STRING, true}}, fl_mcp_run_subscribe},
    {"resources/unsubscribe",
     true,
     false,
     FL_MCP_LEGACY,
     NULL,
     NULL,
     {{"uri", FL_STRING, true}},
     fl_mcp_run_unsubscribe},
    {"completion/complete",
     true,
     false,
     BOTH,
     NULL,
     NULL,
     {{"ref", FL_OBJECT, true}, {"argument", FL_OBJECT, true}, {"context", FL_OBJECT, false}},
     fl_mcp_run_complete},
    {"subscriptions/listen",
     true,
     false,
     FL_MCP_MODERN,
     NULL,
     NULL,
     {{"notifications", FL_OBJECT, true}},
     fl_mcp_run_listen},
    {"server/discover", true, false, FL_MCP_MODERN, NULL, NULL, {{0}}, fl_mcp_run_discover},
    {"tasks/get", true, false, FL_MCP_MODERN, TASKS, "taskId", {{"taskId", FL_STRING, true}}, fl_mcp_run_tasks_get},
    {"tasks/update",
     true,
     false,
     FL_MCP_MODERN,
     TASKS,
     "taskId",
     {{"taskId", FL_STRING, true}, {"inputResponses", FL_OBJECT, true}},
     fl_mcp_run_tasks_update},
    {"tasks/cancel",
     true,
     false,
     FL_MCP_MODERN,
     TASKS,
     "taskId",
     {{"taskId", FL_STRING, true}},
     fl_mcp_run_tasks_cancel},
    {"skills/list", true, false, FL_MCP_MODERN, NULL, NULL, CURSOR, fl_mcp_run_list},
    {"skills/get", true, false, FL_MCP_MODERN, NULL, NULL, {{"uri", FL_STRING, true}}, fl_mcp_run_skills_get},
    {"resources/directory/read",
     true,
     false,
     FL_MCP_MODERN,
     NULL,
     NULL,
     {{"uri", FL_STRING, true}, {"cursor", FL_STRING, false}},
     fl_mcp_run_directory_read},
    {"initialize",
     true,
     true,
     FL_MCP_LEGACY,
     NULL,
     NULL,
     {{"protocolVersion", FL_STRING, true}, {"capabilities", FL_OBJECT, false}},
     fl_mcp_run_initialize},
    {"ping", true, true, FL_MCP_LEGACY, NULL, NULL, {{0}}, fl_mcp_run_ping},
    {"logging/setLevel", true, false, FL_MCP_LEGACY, NULL, NULL, {{"level", FL_STRING, true}}, fl_mcp_run_set_level},
    {"notifications/cancelled", false, true, BOTH, NULL, NULL, {{0}}, fl_mcp_run_cancelled},
    {"notifications/initialized", false, true, BOTH, NULL, NULL, {{0}}, run_nothing},
};

static const struct method *method_find(const char *name) {
  for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++)
    if (strcmp(METHODS[i].name, name) == 0) return &METHODS[i];
  return NULL;
}

/* What a server does not offer, it does not know: an empty list would be a promise. */
static bool is_offered(const struct fl_mcp_step *step, const struct method *method) {
  const struct fl_mcp_catalog *catalog = &step->session->core->catalog;
  bool may_come = catalog->identity.lists_change;
  if (strncmp(method->name, "prompts/", 8) == 0) return may_come || catalog->lists[FL_MCP_PROMPTS].count > 0;
  bool of_skills = strncmp(method->name, "skills/", 7) == 0 || strcmp(method->name, "resources/directory/read") == 0;
  if (of_skills) return catalog->lists[FL_MCP_SKILLS].count > 0;
  if (strncmp(method->name, "resources/", 10) != 0) return true;
  return may_come || catalog->lists[FL_MCP_RESOURCES].count > 0 || catalog->lists[FL_MCP_TEMPLATES].count > 0 ||
         catalog->hidden.count > 0;
}

/* ---- generic checks, ahead of every handler; each has replied when it returns false ---- */

static bool refuse(struct fl_mcp_step *step, int code, const char *text) {
  step->is_envelope_wrong = true;
  fl_mcp_reply_error_data(step, code, text, NULL);
  return false;
}

static void reply_version(struct fl_mcp_step *step, const char *asked) {
  FL_VALUE_AUTO data = fl_object();
  struct fl_value *supported = fl_array();
  const struct fl_mcp_revision *revision; /* those that a request can name by itself, as server/discover has them */
  for (size_t i = 0; (revision = fl_mcp_revision_at(i)) != NULL; i++)
    if (revision->era == FL_MCP_MODERN) fl_append_take(supported, fl_string(revision->name));
  fl_set_take(data, "supported", supported);
  fl_set_string(data, "requested", asked);
  step->is_envelope_wrong = true;
  fl_mcp_reply_error_data(step, FL_RPC_UNSUPPORTED_VERSION, "Unsupported protocol version", data);
}

static bool check_envelope(struct fl_mcp_step *step) {
  const char *name = fl_as_string(step->envelope.version);
  step->revision = fl_mcp_revision_find(name);
  if (name == NULL)
    return refuse(step, FL_RPC_INVALID_PARAMS, "params._meta[\"" FL_MCP_META_VERSION "\"] must be a string");
  if (!fl_mcp_check_version_header(step, name)) return false;
  if (step->revision == NULL || step->revision->era != FL_MCP_MODERN) {
    reply_version(step, name);
    return false;
  }
  if (fl_is(step->envelope.capabilities, FL_OBJECT)) return true;
  return refuse(step, FL_RPC_INVALID_PARAMS, "params._meta[\"" FL_MCP_META_CLIENT_CAPABILITIES "\"] must be an object");
}

static bool check_legacy(struct fl_mcp_step *step, const struct method *method) {
  step->revision = step->session->legacy;
  bool is_stateless = (step->session->flags & FL_MCP_STATELESS) != 0;
  if (!is_stateless && (step->revision != NULL || method->is_first)) return true;
  return refuse(step, FL_RPC_INVALID_PARAMS,
                "params._meta[\"" FL_MCP_META_VERSION "\"] is missing, and there was no initialize");
}

static bool check_extension(struct fl_mcp_step *step, const struct method *method) {
  if (method->extension == NULL || fl_mcp_has_extension(step->envelope.capabilities, method->extension)) return true;
  struct fl_value *required = fl_object(), *extensions = fl_object();
  fl_set_take(extensions, method->extension, fl_object());
  fl_set_take(required, "extensions", extensions);
  fl_mcp_reply_missing_take(step, "The client did not declare the extension that this method belongs to", required);
  return false;
}

static bool check_era(struct fl_mcp_step *step, const struct method *method) {
  bool is_modern = step->envelope.version != NULL;
  if (!is_modern && method->eras == FL_MCP_MODERN) is_modern = true; /* then the envelope says what is missing */
  if (!is_modern) return check_legacy(step, method);
  if (!check_envelope(step)) return false;
  if ((method->eras & FL_MCP_MODERN) != 0) return true;
  fl_mcp_reply_error(step, FL_RPC_METHOD_NOT_FOUND, "Method not found: %s is not part of %s", method->name,
                     step->revision->name);
  return false;
}

static bool check_fields(struct fl_mcp_step *step, const struct method *method) {
  for (size_t i = 0; i < FIELDS_MAX && method->fields[i].name != NULL; i++) {
    const struct field *field = &method->fields[i];
    const struct fl_value *value = fl_get(step->params, field->name);
    if (value == NULL ? !field->is_required : fl_is(value, field->type)) continue;
    fl_mcp_reply_error(step, FL_RPC_INVALID_PARAMS, "Invalid params for %s: \"%s\" must be of type %s", method->name,
                       field->name, fl_type_name(field->type));
    return false;
  }
  return true;
}

/* ---- messages ---- */

static void reply_not_found(struct fl_mcp_step *step) {
  const struct fl_mcp_revision *revision = fl_mcp_revision_find(fl_as_string(step->envelope.version));
  if (step->revision == NULL) step->revision = revision;
  fl_mcp_reply_error(step, FL_RPC_METHOD_NOT_FOUND, "Method not found: %.*s",
                     fl_rpc_shown(step->message->method, FL_MCP_NAME_SHOWN_MAX), step->message->method);
}

static void take_request(struct fl_mcp_step *step) {
  const struct method *method = method_find(step->message->method);
  if (method == NULL || !method->is_request || !is_offered(step, method)) {
    reply_not_found(step);
    return;
  }
  if (!check_era(step, method) || !fl_mcp_check_headers(step, method->name_field)) return;
  if (check_extension(step, method) && check_fields(step, method)) method->run(step);
}

static void take_notification(struct fl_mcp_step *step) {
  const struct method *method = method_find(step->message->method);
  if (method != NULL && !method->is_request) method->run(step); /* others are ignored, as JSON-RPC wants it */
}

static const struct fl_json_place ENVELOPE[] = {
    FL_JSON_PLACE(FL_MCP_META_VERSION, struct fl_mcp_envelope, version),
    FL_JSON_PLACE(FL_MCP_META_CLIENT_CAPABILITIES, struct fl_mcp_envelope, capabilities),
    FL_JSON_PLACE(FL_MCP_META_CALL_ID, struct fl_mcp_envelope, call_id),
    FL_JSON_PLACE(FL_MCP_META_LOG_LEVEL, struct fl_mcp_envelope, log_level),
    FL_JSON_PLACE("progressToken", struct fl_mcp_envelope, progress_token),
    FL_JSON_PLACE("traceparent", struct fl_mcp_envelope, traceparent),
    FL_JSON_PLACE("tracestate", struct fl_mcp_envelope, tracestate),
};

/* How many replies it brings. */
static size_t take_message(struct fl_mcp_step *step) {
  const struct fl_rpc_message *message = step->message;
  step->params = message->params;
  step->envelope = (struct fl_mcp_envelope){0};
  fl_json_members(message->meta, ENVELOPE, sizeof ENVELOPE / sizeof ENVELOPE[0], &step->envelope);
  switch (message->kind) {
  case FL_RPC_REQUEST: take_request(step); return 1;
  case FL_RPC_NOTIFICATION: take_notification(step); return 0;
  case FL_RPC_FAULT:
    fl_mcp_reply_error(step, message->fault_code, "%s: %s",
                       message->fault_code == FL_RPC_PARSE_ERROR ? "Parse error" : "Invalid request", message->fault);
    return 1;
  case FL_RPC_BATCH:
    fl_mcp_reply_error(step, FL_RPC_INVALID_REQUEST, "Invalid request: batches are not part of this revision");
    return 1;
  case FL_RPC_RESULT:
  case FL_RPC_ERROR: fl_mcp_take_answer(step); return 0;
  }
  return 0;
}

/* 2025-03-26: each member as if it had come alone; the replies are lines of their own. */
static size_t take_batch(struct fl_mcp_step *step) {
  const struct fl_value *batch = step->message->root;
  if (fl_size(batch) == 0 || fl_size(batch) > FL_MCP_BATCH_MAX) {
    fl_mcp_reply_error(step, FL_RPC_INVALID_REQUEST, "Invalid request: a batch has 1 to %d messages", FL_MCP_BATCH_MAX);
    return 1;
  }
  size_t replies = 0;
  for (size_t i = 0; i < fl_size(batch); i++) {
    FL_RPC_MESSAGE_AUTO member;
    fl_rpc_classify(fl_at(batch, i), &member);
    struct fl_mcp_step inner = *step;
    inner.message = &member;
    replies += take_message(&inner); /* a batch in a batch is refused there */
  }
  return replies;
}

enum fl_mcp_belongs fl_mcp_message_belongs(const struct fl_rpc_message *message) {
  if (message->kind == FL_RPC_BATCH && fl_size(message->root) > 0) {
    FL_RPC_MESSAGE_AUTO first;
    fl_rpc_classify(fl_at(message->root, 0), &first);
    return first.kind == FL_RPC_BATCH ? FL_MCP_TO_SESSION : fl_mcp_message_belongs(&first);
  }
  if (fl_get(message->meta, FL_MCP_META_VERSION) != NULL) return FL_MCP_TO_MODERN;
  if (message->kind != FL_RPC_REQUEST) return FL_MCP_TO_SESSION;
  if (strcmp(message->method, "initialize") == 0) return FL_MCP_TO_NEW_SESSION;
  const struct method *method = method_find(message->method);
  return method != NULL && method->eras == FL_MCP_MODERN ? FL_MCP_TO_MODERN : FL_MCP_TO_SESSION;
}

size_t fl_mcp_server_message(struct fl_mcp_server_session *session, const struct fl_mcp_incoming *incoming,
                             struct fl_mcp_server_effects *effects) {
  struct fl_mcp_step step = {.session = session,
                             .effects = effects,
                             .message = incoming->message,
                             .line_size = incoming->size,
                             .channel = incoming->channel,
                             .principal = incoming->principal != NULL ? incoming->principal : "",
                             .headers = incoming->headers};
  bool has_batches = session->legacy != NULL && session->legacy->has_batches;
  return incoming->message->kind == FL_RPC_BATCH && has_batches ? take_batch(&step) : take_message(&step);
}

void fl_mcp_server_read(struct fl_mcp_server_session *session, fl_slice text, struct fl_rpc_message *ret_message) {
  fl_rpc_read_memo(text, &session->core->meta, ret_message);
}

void fl_mcp_server_line(struct fl_mcp_server_session *session, fl_slice line, struct fl_mcp_server_effects *effects) {
  if (line.size == 0) return;
  FL_RPC_MESSAGE_AUTO message;
  fl_mcp_server_read(session, line, &message);
  fl_mcp_server_message(session, &(struct fl_mcp_incoming){.message = &message, .size = line.size}, effects);
}

void fl_mcp_server_line_too_long(struct fl_mcp_server_session *session, uint64_t channel, fl_slice front,
                                 struct fl_mcp_server_effects *effects) {
  FL_VALUE_AUTO id = fl_rpc_peek_id(front);
  struct fl_rpc_message message = {.kind = FL_RPC_FAULT, .id = id};
  struct fl_mcp_step step = {.session = session, .effects = effects, .message = &message, .channel = channel};
  fl_mcp_reply_error(&step, FL_RPC_INVALID_REQUEST, "Invalid request: the message is larger than %d bytes",
                     FL_MCP_SERVER_MESSAGE_SIZE_MAX);
}
