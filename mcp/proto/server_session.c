/* SPDX-License-Identifier: MIT */
/* One message goes: read, method, era, envelope, fields, handler. The table `METHODS` says for each method what the
 * generic checks must see before its handler runs. */
#include "mcp/proto/server_session.h"

#include "mcp/proto/level.h"
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <math.h>

enum { FIELDS_MAX = 2, LEVEL_DEFAULT = 1 /* info */, NAME_SHOWN_MAX = 200 };

struct fl_mcp_server_session {
  struct fl_mcp_catalog *catalog;
  const struct fl_mcp_revision *legacy; /* what initialize agreed on; NULL before */
  int log_rank;                         /* legacy: of the session */
  struct fl_map calls;                  /* struct fl_mcp_served_call by id key; not those that were cancelled */
  struct fl_mcp_served_call *all;       /* including cancelled ones */
  size_t calls_live;
  size_t calls_size; /* of their lines */
  struct fl_buf key; /* scratch */
};

/* One message under way. */
struct step {
  struct fl_mcp_server_session *session;
  struct fl_mcp_server_effects *effects;
  const struct fl_rpc_message *message;
  size_t line_size;
  const struct fl_mcp_revision *revision; /* of this message */
  const struct fl_value *params, *meta;   /* NULL: none */
};

/* ---- effects ---- */

void fl_mcp_server_effects_clear(struct fl_mcp_server_effects *effects) {
  effects->count = 0;
  fl_buf_clear(&effects->out);
}

void fl_mcp_server_effects_deinit(struct fl_mcp_server_effects *effects) {
  fl_buf_deinit(&effects->out);
  fl_free(effects->items);
  effects->items = NULL;
  effects->count = effects->capacity = 0;
}

static void add_effect(struct fl_mcp_server_effects *effects, int type, struct fl_mcp_served_call *call) {
  if (effects->count == effects->capacity) {
    effects->capacity = effects->capacity == 0 ? 16 : effects->capacity * 2;
    effects->items = fl_realloc(effects->items, effects->capacity * sizeof effects->items[0]);
  }
  effects->items[effects->count++] = (struct fl_mcp_server_effect){.type = type, .call = call};
}

/* ---- replies ---- */

static void reply_error_data(struct step *step, int code, const char *text, const struct fl_value *data) {
  const struct fl_mcp_revision *legacy = step->session->legacy;
  struct fl_rpc_fault fault = {.id = step->message->id, .code = code, .message = text, .data = data};
  fault.has_null_id = legacy != NULL && legacy->error_has_null_id;
  fl_rpc_write_error(&step->effects->out, &fault);
}

static void reply_error(struct step *step, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void reply_error(struct step *step, int code, const char *format, ...) {
  FL_BUF_AUTO text = {0};
  va_list args;
  va_start(args, format);
  fl_buf_vaddf(&text, format, args);
  va_end(args);
  reply_error_data(step, code, text.data != NULL ? text.data : "", NULL);
}

static void reply_text(struct step *step, const struct fl_buf *result) {
  struct fl_rpc_line line = fl_rpc_begin_result(&step->effects->out, step->message->id);
  fl_buf_add(line.buf, result->data, result->size);
  if (fl_rpc_end(line) < 0) reply_error(step, FL_RPC_INTERNAL_ERROR, "the reply is too large");
}

/* ---- handlers ---- */

static void run_discover(struct step *step) {
  FL_BUF_AUTO text = {0};
  fl_mcp_catalog_discover(step->session->catalog, &text);
  reply_text(step, &text);
}

/* The client's revision when it is a legacy one that we know, otherwise our newest legacy one (spec, lifecycle). */
static void run_initialize(struct step *step) {
  const struct fl_mcp_revision *asked = fl_mcp_revision_find(fl_get_string(step->params, "protocolVersion", ""));
  if (asked == NULL || asked->era != FL_MCP_LEGACY) asked = fl_mcp_revision_find(FL_MCP_REVISION_LEGACY);
  step->session->legacy = asked;
  step->session->log_rank = LEVEL_DEFAULT;
  FL_BUF_AUTO text = {0};
  fl_mcp_catalog_initialize(step->session->catalog, asked->name, &text);
  reply_text(step, &text);
}

static void run_ping(struct step *step) {
  struct fl_buf empty = {.data = (char[]){"{}"}, .size = 2};
  reply_text(step, &empty);
}

static void run_tools_list(struct step *step) {
  const char *cursor = fl_get_string(step->params, "cursor", NULL);
  const struct fl_buf *page = fl_mcp_catalog_page(step->session->catalog, step->revision->era, cursor);
  if (page != NULL) reply_text(step, page);
  else reply_error(step, FL_RPC_INVALID_PARAMS, "Invalid cursor: it must be a nextCursor of this server");
}

static void run_set_level(struct step *step) {
  int rank = fl_mcp_level_rank(fl_get_string(step->params, "level", ""));
  if (rank < 0) {
    reply_error(step, FL_RPC_INVALID_PARAMS, "Invalid level: it must be one of " FL_MCP_LEVELS);
    return;
  }
  step->session->log_rank = rank;
  run_ping(step);
}

static const struct fl_value *progress_token(const struct step *step) {
  const struct fl_value *token = fl_get(step->meta, "progressToken");
  return fl_rpc_is_id(token) ? token : NULL;
}

static bool has_room(struct step *step) {
  struct fl_mcp_server_session *session = step->session;
  if (session->calls_live < FL_MCP_SERVER_CALLS_MAX &&
      session->calls_size + step->line_size <= FL_MCP_SERVER_ARGS_SIZE_MAX)
    return true;
  reply_error(step, FL_RPC_INTERNAL_ERROR, "Too many calls at once: %zu are in flight; call again when some have ended",
              session->calls_live);
  return false;
}

static void run_tools_call(struct step *step) {
  struct fl_mcp_server_session *session = step->session;
  const char *name = fl_get_string(step->params, "name", "");
  if (!fl_mcp_catalog_has(session->catalog, name)) {
    reply_error(step, FL_RPC_INVALID_PARAMS, "Unknown tool: %.*s", fl_rpc_shown(name, NAME_SHOWN_MAX), name);
    return;
  }
  fl_rpc_id_key(step->message->id, &session->key);
  if (fl_map_get_n(&session->calls, fl_buf_slice(&session->key)) != NULL) {
    reply_error(step, FL_RPC_INVALID_REQUEST, "a request with this id is in flight");
    return;
  }
  if (!has_room(step)) return;
  struct fl_mcp_served_call *call = fl_new(struct fl_mcp_served_call);
  *call = (struct fl_mcp_served_call){.tool = name,
                                      .args = fl_get(step->params, "arguments"),
                                      .revision = step->revision,
                                      .call_id = fl_get_string(step->meta, FL_MCP_META_CALL_ID, ""),
                                      .request = fl_value_ref(step->message->root),
                                      .id = step->message->id,
                                      .progress_token = progress_token(step),
                                      .line_size = step->line_size};
  call->wants_progress = call->progress_token != NULL;
  call->log_rank = fl_mcp_level_rank(fl_get_string(step->meta, FL_MCP_META_LOG_LEVEL, NULL));
  call->wants_log = step->revision->era == FL_MCP_LEGACY || call->log_rank >= 0;
  fl_map_set_n(&session->calls, fl_buf_slice(&session->key), call);
  call->next = session->all;
  if (call->next != NULL) call->next->previous = call;
  session->all = call;
  session->calls_live++;
  session->calls_size += call->line_size;
  add_effect(step->effects, FL_MCP_START_CALL, call);
}

static void run_cancelled(struct step *step) {
  struct fl_mcp_server_session *session = step->session;
  const struct fl_value *id = fl_get(step->params, "requestId");
  if (!fl_rpc_is_id(id)) return;
  fl_rpc_id_key(id, &session->key);
  struct fl_mcp_served_call *call = fl_map_remove_n(&session->calls, fl_buf_slice(&session->key));
  if (call == NULL) return; /* it has ended in the meantime */
  call->is_cancelled = true;
  add_effect(step->effects, FL_MCP_CANCEL_CALL, call);
}

static void run_nothing(struct step *step) {}

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
  struct field fields[FIELDS_MAX];
  void (*run)(struct step *step);
};

enum { BOTH = FL_MCP_LEGACY | FL_MCP_MODERN };

static const struct method METHODS[] = {
    {"tools/call", true, false, BOTH, {{"name", FL_STRING, true}, {"arguments", FL_OBJECT, false}}, run_tools_call},
    {"tools/list", true, false, BOTH, {{"cursor", FL_STRING, false}}, run_tools_list},
    {"server/discover", true, false, FL_MCP_MODERN, {{0}}, run_discover},
    {"initialize",
     true,
     true,
     FL_MCP_LEGACY,
     {{"protocolVersion", FL_STRING, true}, {"capabilities", FL_OBJECT, false}},
     run_initialize},
    {"ping", true, true, FL_MCP_LEGACY, {{0}}, run_ping},
    {"logging/setLevel", true, false, FL_MCP_LEGACY, {{"level", FL_STRING, true}}, run_set_level},
    {"notifications/cancelled", false, true, BOTH, {{0}}, run_cancelled},
    {"notifications/initialized", false, true, BOTH, {{0}}, run_nothing},
};

static const struct method *method_find(const char *name) {
  for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++)
    if (strcmp(METHODS[i].name, name) == 0) return &METHODS[i];
  return NULL;
}

/* ---- generic checks, ahead of every handler; each has replied when it returns false ---- */

static void reply_version(struct step *step, const char *asked) {
  FL_VALUE_AUTO data = fl_object();
  struct fl_value *supported = fl_array();
  const struct fl_mcp_revision *revision;
  for (size_t i = 0; (revision = fl_mcp_revision_at(i)) != NULL; i++)
    fl_append_take(supported, fl_string(revision->name));
  fl_set_take(data, "supported", supported);
  fl_set_string(data, "requested", asked);
  reply_error_data(step, FL_RPC_UNSUPPORTED_VERSION, "Unsupported protocol version", data);
}

static bool check_envelope(struct step *step) {
  const struct fl_value *version = fl_get(step->meta, FL_MCP_META_VERSION);
  const char *name = fl_as_string(version);
  step->revision = fl_mcp_revision_find(name);
  if (name == NULL) {
    reply_error(step, FL_RPC_INVALID_PARAMS, "params._meta[\"" FL_MCP_META_VERSION "\"] must be a string");
    return false;
  }
  if (step->revision == NULL || step->revision->era != FL_MCP_MODERN) {
    reply_version(step, name);
    return false;
  }
  if (fl_is(fl_get(step->meta, FL_MCP_META_CLIENT_CAPABILITIES), FL_OBJECT)) return true;
  reply_error(step, FL_RPC_INVALID_PARAMS, "params._meta[\"" FL_MCP_META_CLIENT_CAPABILITIES "\"] must be an object");
  return false;
}

static bool check_era(struct step *step, const struct method *method) {
  bool is_modern = fl_get(step->meta, FL_MCP_META_VERSION) != NULL;
  if (!is_modern && method->eras == FL_MCP_MODERN) is_modern = true; /* then the envelope says what is missing */
  if (is_modern) {
    if (!check_envelope(step)) return false;
    if ((method->eras & FL_MCP_MODERN) != 0) return true;
    reply_error(step, FL_RPC_METHOD_NOT_FOUND, "Method not found: %s is not part of %s", method->name,
                step->revision->name);
    return false;
  }
  step->revision = step->session->legacy;
  if (step->revision != NULL || method->is_first) return true;
  reply_error(step, FL_RPC_INVALID_PARAMS,
              "params._meta[\"" FL_MCP_META_VERSION "\"] is missing, and there was no initialize");
  return false;
}

static bool check_fields(struct step *step, const struct method *method) {
  for (size_t i = 0; i < FIELDS_MAX && method->fields[i].name != NULL; i++) {
    const struct field *field = &method->fields[i];
    const struct fl_value *value = fl_get(step->params, field->name);
    if (value == NULL ? !field->is_required : fl_is(value, field->type)) continue;
    reply_error(step, FL_RPC_INVALID_PARAMS, "Invalid params for %s: \"%s\" must be of type %s", method->name,
                field->name, fl_type_name(field->type));
    return false;
  }
  return true;
}

static void take_request(struct step *step) {
  const struct method *method = method_find(step->message->method);
  if (method == NULL || !method->is_request)
    reply_error(step, FL_RPC_METHOD_NOT_FOUND, "Method not found: %.*s",
                fl_rpc_shown(step->message->method, NAME_SHOWN_MAX), step->message->method);
  else if (check_era(step, method) && check_fields(step, method)) method->run(step);
}

static void take_notification(struct step *step) {
  const struct method *method = method_find(step->message->method);
  if (method != NULL && !method->is_request) method->run(step); /* others are ignored, as JSON-RPC wants it */
}

static void take_message(struct step *step) {
  const struct fl_rpc_message *message = step->message;
  step->params = message->params;
  step->meta = fl_get(message->params, "_meta");
  switch (message->kind) {
  case FL_RPC_REQUEST: take_request(step); return;
  case FL_RPC_NOTIFICATION: take_notification(step); return;
  case FL_RPC_FAULT:
    if (message->fault_code == FL_RPC_PARSE_ERROR)
      reply_error(step, FL_RPC_PARSE_ERROR, "Parse error: %s", message->fault);
    else reply_error(step, message->fault_code, "Invalid request: %s", message->fault);
    return;
  case FL_RPC_BATCH:
    reply_error(step, FL_RPC_INVALID_REQUEST, "Invalid request: batches are not part of this revision");
    return;
  case FL_RPC_RESULT:
  case FL_RPC_ERROR: return; /* we asked nothing */
  }
}

/* 2025-03-26: each member as if it had come alone; the replies are lines of their own. */
static void take_batch(struct step *step) {
  const struct fl_value *batch = step->message->root;
  if (fl_size(batch) == 0 || fl_size(batch) > FL_MCP_BATCH_MAX) {
    reply_error(step, FL_RPC_INVALID_REQUEST, "Invalid request: a batch has 1 to %d messages", FL_MCP_BATCH_MAX);
    return;
  }
  for (size_t i = 0; i < fl_size(batch); i++) {
    FL_RPC_MESSAGE_AUTO member;
    fl_rpc_classify(fl_at(batch, i), &member);
    struct step inner = {
        .session = step->session, .effects = step->effects, .message = &member, .line_size = step->line_size};
    take_message(&inner); /* a batch in a batch is refused there */
  }
}

/* ---- public: messages ---- */

struct fl_mcp_server_session *fl_mcp_server_session_create(struct fl_mcp_catalog *catalog) {
  struct fl_mcp_server_session *session = fl_new(struct fl_mcp_server_session);
  session->catalog = catalog;
  session->log_rank = LEVEL_DEFAULT;
  fl_map_init(&session->calls);
  return session;
}

static void served_call_destroy(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call) {
  if (call->previous != NULL) call->previous->next = call->next;
  else session->all = call->next;
  if (call->next != NULL) call->next->previous = call->previous;
  fl_value_unref(call->request);
  fl_free(call);
}

void fl_mcp_server_session_destroy(struct fl_mcp_server_session *session) {
  if (session == NULL) return;
  while (session->all != NULL) served_call_destroy(session, session->all);
  fl_map_deinit(&session->calls);
  fl_buf_deinit(&session->key);
  fl_free(session);
}

void fl_mcp_server_line(struct fl_mcp_server_session *session, fl_slice line, struct fl_mcp_server_effects *effects) {
  if (line.size == 0) return;
  FL_RPC_MESSAGE_AUTO message;
  fl_rpc_read(line, &message);
  struct step step = {.session = session, .effects = effects, .message = &message, .line_size = line.size};
  if (message.kind == FL_RPC_BATCH && session->legacy != NULL && session->legacy->has_batches) take_batch(&step);
  else take_message(&step);
}

void fl_mcp_server_line_too_long(struct fl_mcp_server_session *session, fl_slice front,
                                 struct fl_mcp_server_effects *effects) {
  FL_VALUE_AUTO id = fl_rpc_peek_id(front);
  struct fl_rpc_message message = {.kind = FL_RPC_FAULT, .id = id};
  struct step step = {.session = session, .effects = effects, .message = &message};
  reply_error(&step, FL_RPC_INVALID_REQUEST, "Invalid request: the message is larger than %d bytes",
              FL_MCP_MESSAGE_SIZE_MAX);
}

/* ---- public: calls ---- */

/* Structured content leaves only where the revision has it, never with an error, and before 2026-07-28 only as an
 * object; its text stands in `content` in any case. */
static const struct fl_value *structured_for(const struct fl_mcp_revision *revision, const struct fl_value *result) {
  const struct fl_value *structured = fl_get(result, "structuredContent");
  if (!revision->has_structured || fl_get_bool(result, "isError", false)) return NULL;
  if (revision->era == FL_MCP_LEGACY && !fl_is(structured, FL_OBJECT)) return NULL;
  return structured;
}

static void write_result(struct step *step, const struct fl_mcp_served_call *call, const struct fl_value *result) {
  const struct fl_value *structured = structured_for(call->revision, result);
  bool is_modern = call->revision->era == FL_MCP_MODERN;
  struct fl_rpc_line line = fl_rpc_begin_result(&step->effects->out, call->id);
  fl_buf_add_text(line.buf, is_modern ? "{\"resultType\":\"complete\",\"content\":" : "{\"content\":");
  int status = fl_json_write(line.buf, fl_get(result, "content"), FL_JSON_COMPACT);
  if (structured != NULL) {
    fl_buf_add(line.buf, ",\"structuredContent\":", 21);
    if (status == 0) status = fl_json_write(line.buf, structured, FL_JSON_COMPACT);
  }
  if (fl_get_bool(result, "isError", false)) fl_buf_add(line.buf, ",\"isError\":true", 15);
  if (is_modern) fl_buf_add(line.buf, step->session->catalog->meta.data, step->session->catalog->meta.size);
  else fl_buf_add_char(line.buf, '}');
  if (status < 0) line.buf->failed = true;
  if (fl_rpc_end(line) < 0)
    reply_error(step, FL_RPC_INTERNAL_ERROR, "The result of tool %s is larger than %d bytes or too deep", call->tool,
                FL_MCP_MESSAGE_SIZE_MAX);
}

void fl_mcp_server_call_done(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                             const struct fl_value *result, struct fl_mcp_server_effects *effects) {
  session->calls_live--;
  session->calls_size -= call->line_size;
  if (!call->is_cancelled) {
    fl_rpc_id_key(call->id, &session->key);
    fl_check(fl_map_remove_n(&session->calls, fl_buf_slice(&session->key)) == call);
    struct fl_rpc_message message = {.id = call->id};
    struct step step = {.session = session, .effects = effects, .message = &message};
    write_result(&step, call, result);
  }
  served_call_destroy(session, call);
}

static void add_number(struct fl_buf *buf, const char *key, double number) {
  char text[32];
  fl_json_format_double(number, text);
  fl_buf_addf(buf, ",\"%s\":%s", key, text);
}

void fl_mcp_server_call_progress(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call,
                                 const struct fl_rpc_progress *progress, struct fl_mcp_server_effects *effects) {
  if (call->is_cancelled || call->progress_token == NULL || !isfinite(progress->done)) return;
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
  fl_rpc_end(line);
}

void fl_mcp_server_call_log(struct fl_mcp_server_session *session, struct fl_mcp_served_call *call, const char *level,
                            const char *text, struct fl_mcp_server_effects *effects) {
  int least = call->revision->era == FL_MCP_MODERN ? call->log_rank : session->log_rank;
  if (call->is_cancelled || least < 0 || fl_mcp_level_rank(level) < least) return;
  struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, "notifications/message");
  fl_buf_addf(line.buf, "{\"level\":\"%s\",\"logger\":", level);
  fl_rpc_add_text(line.buf, call->tool);
  fl_buf_add_text(line.buf, ",\"data\":");
  fl_rpc_add_text(line.buf, text);
  fl_buf_add_char(line.buf, '}');
  fl_rpc_end(line);
}

void fl_mcp_server_tools_changed(struct fl_mcp_server_session *session, struct fl_mcp_server_effects *effects) {
  if (session->legacy == NULL || !session->catalog->identity.lists_change) return;
  struct fl_rpc_line line = fl_rpc_begin_notification(&effects->out, "notifications/tools/list_changed");
  fl_buf_add_text(line.buf, "{}");
  fl_rpc_end(line);
}

size_t fl_mcp_server_calls(const struct fl_mcp_server_session *session) { return session->calls.count; }
