/* SPDX-License-Identifier: MIT */
/* Life of cores and sessions, and the writing of replies. */
#include "mcp/proto/server_internal.h"
#include "runtime/base/id.h"
#include "runtime/base/mem.h"
#include "runtime/json/json.h"

#include <inttypes.h>

enum { LEVEL_DEFAULT = 1 /* info */, HTTP_OK = 200, HTTP_BAD_REQUEST = 400, HTTP_NOT_FOUND = 404 };

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

struct fl_mcp_server_effect *fl_mcp_add_effect(struct fl_mcp_server_effects *effects, enum fl_mcp_server_do type) {
  if (effects->count == effects->capacity) {
    effects->capacity = effects->capacity == 0 ? 16 : effects->capacity * 2;
    effects->items = fl_realloc(effects->items, effects->capacity * sizeof effects->items[0]);
  }
  struct fl_mcp_server_effect *effect = &effects->items[effects->count++];
  *effect = (struct fl_mcp_server_effect){.type = type};
  return effect;
}

struct fl_mcp_server_effect *fl_mcp_send(struct fl_mcp_server_effects *effects, struct fl_mcp_server_session *session,
                                         uint64_t channel, size_t start) {
  struct fl_mcp_server_effect *effect = fl_mcp_add_effect(effects, FL_MCP_SEND);
  effect->session = session;
  effect->channel = channel;
  effect->start = start;
  effect->size = effects->out.size - start;
  return effect;
}

/* ---- replies ---- */

static struct fl_mcp_server_effect *send_reply(struct fl_mcp_step *step, size_t start) {
  struct fl_mcp_server_effect *effect = fl_mcp_send(step->effects, step->session, step->channel, start);
  effect->is_reply = true;
  effect->http_status = HTTP_OK;
  return effect;
}

/* Streamable HTTP, 2026-07-28: an unknown method is 404, what is wrong with the frame 400; an error that a handler or a
 * field brings is an ordinary answer. */
static int http_status_of(const struct fl_mcp_step *step, int code) {
  bool is_frame = code == FL_RPC_PARSE_ERROR || code == FL_RPC_INVALID_REQUEST || code == FL_RPC_HEADER_MISMATCH ||
                  code == FL_RPC_MISSING_CAPABILITY || code == FL_RPC_UNSUPPORTED_VERSION;
  if (step->is_envelope_wrong || is_frame) return HTTP_BAD_REQUEST;
  bool is_modern = step->revision != NULL && step->revision->era == FL_MCP_MODERN;
  return is_modern && code == FL_RPC_METHOD_NOT_FOUND ? HTTP_NOT_FOUND : HTTP_OK;
}

void fl_mcp_reply_error_data(struct fl_mcp_step *step, int code, const char *text, const struct fl_value *data) {
  const struct fl_mcp_revision *legacy = step->session->legacy;
  struct fl_rpc_fault fault = {.id = step->message->id, .code = code, .message = text, .data = data};
  fault.has_null_id = legacy != NULL && legacy->error_has_null_id;
  size_t start = step->effects->out.size;
  if (fl_rpc_write_error(&step->effects->out, &fault) < 0) {
    fault.message = "the error is too large to be told";
    fault.data = NULL;
    fl_rpc_write_error(&step->effects->out, &fault);
  }
  struct fl_mcp_server_effect *effect = send_reply(step, start);
  effect->error_code = code;
  effect->http_status = http_status_of(step, code);
}

void fl_mcp_reply_error(struct fl_mcp_step *step, int code, const char *format, ...) {
  FL_BUF_AUTO text = {0};
  va_list args;
  va_start(args, format);
  fl_buf_vaddf(&text, format, args);
  va_end(args);
  fl_mcp_reply_error_data(step, code, text.data != NULL ? text.data : "", NULL);
}

void fl_mcp_reply_missing_take(struct fl_mcp_step *step, const char *text, struct fl_value *required) {
  FL_VALUE_AUTO data = fl_object();
  fl_set_take(data, "requiredCapabilities", required);
  fl_mcp_reply_error_data(step, FL_RPC_MISSING_CAPABILITY, text, data);
}

void fl_mcp_end_reply(struct fl_mcp_step *step, struct fl_rpc_line line, const char *what) {
  if (fl_rpc_end(line) == 0) send_reply(step, line.start);
  else
    fl_mcp_reply_error(step, FL_RPC_INTERNAL_ERROR, "%s is larger than %d bytes or too deep", what,
                       FL_MCP_REPLY_SIZE_MAX);
}

void fl_mcp_reply_text(struct fl_mcp_step *step, const struct fl_buf *result) {
  struct fl_rpc_line line = fl_rpc_begin_result(&step->effects->out, step->message->id);
  fl_buf_add(line.buf, result->data, result->size);
  fl_mcp_end_reply(step, line, "the reply");
}

void fl_mcp_end_result(struct fl_buf *buf, const struct fl_mcp_catalog *catalog, bool is_modern,
                       const struct fl_value *meta) {
  if (fl_size(meta) == 0 || !fl_is(meta, FL_OBJECT)) {
    if (is_modern) fl_buf_add(buf, catalog->meta.data, catalog->meta.size);
    else fl_buf_add_char(buf, '}');
    return;
  }
  FL_VALUE_AUTO own = fl_copy_shallow(meta);
  if (is_modern) fl_unset(own, FL_MCP_META_SERVER_INFO);
  fl_buf_add_text(buf, ",\"_meta\":");
  size_t start = buf->size;
  fl_json_write(buf, own, FL_JSON_COMPACT);
  if (is_modern && buf->size > start) {
    buf->size--; /* its closing brace */
    fl_buf_addf(buf, "%s\"" FL_MCP_META_SERVER_INFO "\":%s}", fl_size(own) > 0 ? "," : "", catalog->server_info.data);
  }
  fl_buf_add_char(buf, '}');
}

void fl_mcp_reply_empty(struct fl_mcp_step *step) {
  bool is_modern = step->revision != NULL && step->revision->era == FL_MCP_MODERN;
  FL_BUF_AUTO text = {0};
  fl_buf_add_text(&text, is_modern ? "{\"resultType\":\"complete\"" : "{");
  fl_mcp_end_result(&text, &step->session->core->catalog, is_modern, NULL);
  fl_mcp_reply_text(step, &text);
}

/* ---- small things ---- */

void fl_mcp_id_key(struct fl_mcp_server_session *session, uint64_t channel, const struct fl_value *id) {
  fl_rpc_id_key(id, &session->key);
  if ((session->flags & FL_MCP_STATELESS) == 0) return;
  fl_buf_add(&session->key, &channel, sizeof channel); /* behind: an id may hold anything, these are always eight */
}

bool fl_mcp_has_extension(const struct fl_value *capabilities, const char *extension) {
  return fl_is(fl_get(fl_get(capabilities, "extensions"), extension), FL_OBJECT);
}

void fl_mcp_draw(struct fl_mcp_server_core *core, const char *purpose, uint8_t ret_bytes[24]) {
  uint8_t hash[FL_HASH_SIZE];
  uint64_t number = ++core->drawn;
  fl_slice parts[] = {fl_slice_n((const char *)core->salt, sizeof core->salt),
                      fl_slice_n((const char *)core->key, sizeof core->key), fl_slice_of(purpose),
                      fl_slice_n((const char *)&number, sizeof number)};
  fl_hash_parts(parts, 4, hash);
  memcpy(ret_bytes, hash, 24);
}

fl_slice fl_mcp_channel_key(const uint64_t *number) { return fl_slice_n((const char *)number, sizeof *number); }

struct fl_mcp_channel *fl_mcp_channel_at(struct fl_mcp_server_session *session, uint64_t number) {
  struct fl_mcp_channel *channel = fl_map_get_n(&session->channels, fl_mcp_channel_key(&number));
  if (channel != NULL) return channel;
  channel = fl_new(struct fl_mcp_channel);
  fl_map_set_n(&session->channels, fl_mcp_channel_key(&number), channel);
  return channel;
}

void fl_mcp_channel_check(struct fl_mcp_server_session *session, struct fl_mcp_channel *channel, uint64_t number) {
  if (channel->calls != NULL || channel->subscriptions != NULL) return;
  fl_map_remove_n(&session->channels, fl_mcp_channel_key(&number));
  fl_free(channel);
}

/* ---- cores ---- */

struct fl_mcp_server_core *fl_mcp_server_core_create(const struct fl_mcp_core_options *options) {
  struct fl_mcp_server_core *core = fl_new(struct fl_mcp_server_core);
  fl_mcp_catalog_init(&core->catalog, options->identity, options->page_size);
  memcpy(core->key, options->key, sizeof core->key);
  memcpy(core->salt, options->salt, sizeof core->salt);
  core->saves_tasks = options->saves_tasks;
  fl_map_init(&core->tasks);
  fl_map_init(&core->spent);
  core->meta.key = FL_SLICE("_meta");
  return core;
}

void fl_mcp_server_core_destroy(struct fl_mcp_server_core *core) {
  if (core == NULL) return;
  fl_mcp_tasks_destroy(core);
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(&core->spent, &cursor)) != NULL;) fl_free(entry->value);
  fl_map_deinit(&core->spent);
  fl_json_memo_deinit(&core->meta);
  fl_mcp_catalog_deinit(&core->catalog);
  explicit_bzero(core->key, sizeof core->key);
  fl_free(core);
}

struct fl_mcp_catalog *fl_mcp_server_core_catalog(struct fl_mcp_server_core *core) {
  return &core->catalog;
}
void fl_mcp_server_core_time(struct fl_mcp_server_core *core, int64_t wall_ms) { core->now_ms = wall_ms; }

/* ---- sessions ---- */

struct fl_mcp_server_session *fl_mcp_server_session_create(struct fl_mcp_server_core *core, unsigned flags) {
  struct fl_mcp_server_session *session = fl_new(struct fl_mcp_server_session);
  session->core = core;
  session->flags = flags;
  session->log_rank = LEVEL_DEFAULT;
  fl_map_init(&session->calls);
  fl_map_init(&session->channels);
  fl_map_init(&session->subscribed);
  fl_map_init(&session->subscription_by_id);
  fl_map_init(&session->asked);
  return session;
}

void fl_mcp_server_session_destroy(struct fl_mcp_server_session *session) {
  if (session == NULL) return;
  while (session->all != NULL) fl_mcp_served_call_destroy(session->all);
  while (session->subscriptions != NULL) fl_mcp_subscription_destroy(session, session->subscriptions);
  size_t cursor = 0;
  for (struct fl_map_entry *entry; (entry = fl_map_next(&session->channels, &cursor)) != NULL;) fl_free(entry->value);
  fl_map_deinit(&session->calls);
  fl_map_deinit(&session->channels);
  fl_map_deinit(&session->subscribed);
  fl_map_deinit(&session->subscription_by_id);
  fl_map_deinit(&session->asked);
  fl_value_unref(session->client_capabilities);
  fl_buf_deinit(&session->key);
  fl_free(session);
}

const struct fl_mcp_revision *fl_mcp_server_session_revision(const struct fl_mcp_server_session *session) {
  return session->legacy;
}

size_t fl_mcp_server_calls(const struct fl_mcp_server_session *session) { return session->calls.count; }
