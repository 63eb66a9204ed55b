/* SPDX-License-Identifier: MIT */
/* What goes out. Happy path: a reply and nothing before it is JSON; otherwise the answer becomes a stream of events,
 * and ends with the last reply. Failure modes: the peer goes (modern: the request is cancelled; legacy: what follows
 * waits in the log); the peer does not read (the stream is cut, which to a legacy client means that it asks again); a
 * reply that will never come (told by an empty send: the stream ends). */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "mcp/transport/http_internal.h"

#include <inttypes.h>
#include <stdio.h>

enum { QUEUED_MAX = 16 * 1024 * 1024 };

/* ---- channels ---- */

static void grow_slots(struct fl_mcp_http *http) {
  size_t count = http->slot_count > 0 ? http->slot_count * 2 : 64;
  fl_check(count <= (size_t)1 << MCP_CHANNEL_SLOT_BITS);
  http->slots = fl_realloc(http->slots, count * sizeof *http->slots);
  http->generations = fl_realloc(http->generations, count * sizeof *http->generations);
  http->free_slots = fl_realloc(http->free_slots, count * sizeof *http->free_slots);
  for (size_t i = count; i-- > http->slot_count;) {
    http->slots[i] = NULL;
    http->generations[i] = 0;
    http->free_slots[http->free_count++] = (uint32_t)i;
  }
  http->slot_count = count;
}

struct mcp_stream *mcp_stream_find(struct fl_mcp_http *http, uint64_t channel) {
  size_t slot = channel & (((uint64_t)1 << MCP_CHANNEL_SLOT_BITS) - 1);
  struct mcp_stream *stream = slot < http->slot_count ? http->slots[slot] : NULL;
  return stream != NULL && stream->channel == channel ? stream : NULL;
}

struct mcp_stream *mcp_stream_open(struct fl_mcp_http *http, struct mcp_session *session) {
  if (http->free_count == 0) grow_slots(http);
  uint32_t slot = http->free_slots[--http->free_count];
  struct mcp_stream *stream = fl_new(struct mcp_stream);
  stream->http = http;
  stream->channel = (uint64_t)++http->generations[slot] << MCP_CHANNEL_SLOT_BITS | slot;
  stream->session = session;
  stream->core = session != NULL ? session->core : http->modern;
  stream->next = http->streams;
  if (http->streams != NULL) http->streams->previous = stream;
  http->streams = stream;
  http->slots[slot] = stream;
  http->stream_count++;
  return stream;
}

void mcp_stream_free(struct mcp_stream *stream) {
  struct fl_mcp_http *http = stream->http;
  uint32_t slot = (uint32_t)(stream->channel & (((uint64_t)1 << MCP_CHANNEL_SLOT_BITS) - 1));
  mcp_stream_detach(stream);
  if (stream->previous != NULL) stream->previous->next = stream->next;
  else http->streams = stream->next;
  if (stream->next != NULL) stream->next->previous = stream->previous;
  http->slots[slot] = NULL;
  http->free_slots[http->free_count++] = slot;
  http->stream_count--;
  fl_free(stream);
}

bool mcp_stream_is_over(const struct mcp_stream *stream) {
  return !stream->is_get && stream->replied >= stream->expected;
}

/* ---- the peer of a stream ---- */

void mcp_stream_attach(struct mcp_stream *stream, struct fl_http_exchange *exchange, char *fields_take) {
  fl_check(stream->exchange == NULL);
  stream->exchange = exchange;
  exchange->user = stream;
  exchange->on_gone = mcp_http_gone;
  stream->fields = fields_take;
  stream->is_sse = false;
  stream->written_ms = fl_world_now_ms(stream->http->world);
  if (stream->session != NULL) stream->session->waiting_count++;
}

/* The exchange is over, by whomever. */
static void forget_exchange(struct mcp_stream *stream) {
  stream->exchange = NULL;
  fl_free(stream->fields);
  stream->fields = NULL;
  if (stream->session == NULL) return;
  stream->session->waiting_count--;
  mcp_session_use(stream->http, stream->session);
}

void mcp_stream_detach(struct mcp_stream *stream) {
  struct fl_http_exchange *exchange = stream->exchange;
  if (exchange == NULL) return;
  if (!stream->is_sse) mcp_stream_begin(stream);
  exchange = stream->exchange;
  if (exchange == NULL) return;
  forget_exchange(stream);
  fl_http_reply_end(exchange);
}

void mcp_http_gone(struct fl_http_exchange *exchange) {
  struct mcp_stream *stream = exchange->user;
  struct fl_mcp_http *http = stream->http;
  bool is_modern = stream->session == NULL;
  forget_exchange(stream);
  if (!is_modern) return; /* its messages wait for whoever asks again */
  struct fl_mcp_server_session *core = stream->core;
  uint64_t channel = stream->channel;
  mcp_stream_free(stream);
  if (http->is_server_closed) return;
  http->host.gone(http->host.user, core, channel);
  http->host.flush(http->host.user);
}

static void on_give_up(struct fl_post *post) {
  struct fl_mcp_http *http = post->user;
  http->is_giving_up = false;
  for (size_t i = 0; i < http->given_up_count; i++) {
    struct mcp_stream *stream = mcp_stream_find(http, http->given_up[i]);
    if (stream == NULL) continue;
    struct fl_mcp_server_session *core = stream->core;
    mcp_stream_free(stream);
    http->host.gone(http->host.user, core, http->given_up[i]);
  }
  http->given_up_count = 0;
  http->host.flush(http->host.user);
  mcp_http_finish(http);
}

/* Sending cannot call the host back, so a modern request is cancelled a moment later. */
static void give_up(struct mcp_stream *stream) {
  struct fl_mcp_http *http = stream->http;
  struct fl_http_exchange *exchange = stream->exchange;
  forget_exchange(stream);
  fl_http_abort(exchange);
  if (stream->session != NULL) return;
  if (http->given_up_count == http->given_up_capacity) {
    http->given_up_capacity = http->given_up_capacity * 2 + 8;
    http->given_up = fl_realloc(http->given_up, http->given_up_capacity * sizeof *http->given_up);
  }
  http->given_up[http->given_up_count++] = stream->channel;
  if (http->is_giving_up) return;
  http->is_giving_up = true;
  http->give_up = (struct fl_post){.on_post = on_give_up, .user = http};
  fl_world_post(http->world, &http->give_up);
}

/* ---- events ---- */

/* A peer that does not take what was sent gets no more on top of it; one large event alone is no offence. */
static void put(struct mcp_stream *stream, fl_slice data) {
  if (stream->exchange == NULL) return;
  stream->written_ms = fl_world_now_ms(stream->http->world);
  bool has_room = fl_http_queued(stream->exchange) <= QUEUED_MAX;
  if (!has_room || fl_http_reply_data(stream->exchange, data) == FL_E_LIMIT) give_up(stream);
}

static bool is_resumable(const struct mcp_stream *stream) {
  return stream->session != NULL && stream->http->options.log != NULL;
}

/* An empty event whose id says from where on to ask again; only revisions that know it (2025-11-25) can read it. */
static void put_priming(struct mcp_stream *stream) {
  const struct fl_mcp_revision *revision = fl_mcp_server_session_revision(stream->core);
  if (!is_resumable(stream) || revision == NULL || strcmp(revision->name, "2025-11-25") < 0) return;
  char event[96];
  int size = snprintf(event, sizeof event, "id: %" PRIu64 "_%" PRIu64 "\nretry: %u\ndata: \n\n", stream->id,
                      stream->told, stream->http->options.retry_ms);
  put(stream, fl_slice_n(event, (size_t)size));
}

void mcp_stream_begin(struct mcp_stream *stream) {
  struct fl_buf *fields = &stream->http->scratch;
  fl_buf_clear(fields);
  fl_buf_add_text(fields, "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n");
  if (stream->fields != NULL) fl_buf_add_text(fields, stream->fields);
  if (stream->is_opening) fl_http_add_field(fields, "Mcp-Session-Id", fl_slice_of(stream->session->id));
  stream->is_sse = true;
  fl_http_reply_start(
      stream->exchange,
      &(struct fl_http_reply){.status = 200, .content_type = "text/event-stream", .fields = fl_buf_slice(fields)});
  put_priming(stream);
}

void mcp_stream_write(struct mcp_stream *stream, uint64_t number, fl_slice data) {
  if (stream->exchange == NULL) return;
  struct fl_buf *event = &stream->http->scratch;
  if (!stream->is_sse) mcp_stream_begin(stream);
  fl_buf_clear(event);
  if (is_resumable(stream)) fl_buf_addf(event, "id: %" PRIu64 "_%" PRIu64 "\n", stream->id, number);
  fl_buf_add_text(event, "data: ");
  fl_buf_add(event, data.data, data.size);
  fl_buf_add_text(event, "\n\n");
  put(stream, fl_buf_slice(event));
  if (stream->exchange != NULL) stream->told = number;
  if (event->capacity > 256u * 1024) fl_buf_deinit(event);
}

void mcp_stream_keep_alive(struct mcp_stream *stream, int64_t now_ms) {
  if (stream->exchange == NULL || now_ms - stream->written_ms < stream->http->options.keep_alive_ms) return;
  if (!stream->is_sse) mcp_stream_begin(stream); /* what takes so long had better be a stream */
  put(stream, FL_SLICE(":\n\n"));
}

/* ---- what the server sends ---- */

static void reply_json(struct mcp_stream *stream, const struct fl_mcp_server_effect *effect, fl_slice message) {
  struct fl_buf *fields = &stream->http->scratch;
  struct fl_http_exchange *exchange = stream->exchange;
  fl_buf_clear(fields);
  if (stream->fields != NULL) fl_buf_add_text(fields, stream->fields);
  if (stream->is_opening && effect->error_code == 0)
    fl_http_add_field(fields, "Mcp-Session-Id", fl_slice_of(stream->session->id));
  int status = effect->http_status != 0 ? effect->http_status : 200;
  forget_exchange(stream);
  fl_http_reply(
      exchange,
      &(struct fl_http_reply){
          .status = status, .content_type = "application/json", .fields = fl_buf_slice(fields), .body = message});
}

static void send_event(struct mcp_stream *stream, fl_slice message) {
  uint64_t number = ++stream->number;
  if (is_resumable(stream))
    fl_event_log_add(stream->http->options.log, stream->session->id, stream->id, number, message);
  mcp_stream_write(stream, number, message);
}

static void send_one(struct mcp_stream *stream, const struct fl_mcp_server_effect *effect, fl_slice message) {
  bool is_alone = effect->is_reply && !stream->is_sse && stream->expected == 1 && stream->number == 0;
  if (stream->prefers_events && effect->error_code == 0) is_alone = false;
  if (message.size > 0 && message.data[message.size - 1] == '\n') message.size--;
  if (message.size > 0 && is_alone && stream->exchange != NULL) reply_json(stream, effect, message);
  else if (message.size > 0) send_event(stream, message);
  stream->replied += effect->is_reply;
  if (mcp_stream_is_over(stream)) mcp_stream_free(stream);
}

static struct mcp_stream *stream_of(struct fl_mcp_http *http, const struct fl_mcp_server_effect *effect) {
  if (effect->channel != 0) return mcp_stream_find(http, effect->channel);
  fl_slice key = fl_slice_n((const char *)&effect->session, sizeof effect->session);
  struct mcp_session *session = fl_map_get_n(&http->by_core, key);
  return session != NULL ? session->get : NULL;
}

void fl_mcp_http_send(struct fl_mcp_http *http, const struct fl_mcp_server_effects *effects) {
  for (size_t i = 0; i < effects->count; i++) {
    const struct fl_mcp_server_effect *effect = &effects->items[i];
    bool is_ours = effect->type == FL_MCP_SEND || effect->type == FL_MCP_CLOSE_STREAM;
    struct mcp_stream *stream = is_ours ? stream_of(http, effect) : NULL;
    if (stream == NULL) continue;
    if (effect->type == FL_MCP_SEND)
      send_one(stream, effect, fl_slice_n(effects->out.data + effect->start, effect->size));
    else if (is_resumable(stream)) mcp_stream_detach(stream);
  }
}
