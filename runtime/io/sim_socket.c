/* SPDX-License-Identifier: MIT */
/* The simulated world's connections: what a scripted peer sends waits in a source until our side reads it, what we
 * write goes through another until the peer reads it, so neither sees the other from inside its own call.
 *
 * A connection is freed when our side has closed it (or never took it) and the peer has hung up or seen the end. */
#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/sim.h"

struct sim_listener {
  struct sim_thing thing;
  struct sim_source source; /* connections that arrive, and the close */
  struct fl_listener *listener;
  void (*on_close)(struct fl_listener *listener);
  struct fl_sim_connection *waiting; /* during on_connection */
  char *name;
  bool is_closing;
};

struct fl_sim_connection {
  struct sim_thing thing; /* our side; its head is the stream's impl */
  struct fl_sim_peer_socket peer;
  char *name;
  struct sim_source input, output, line; /* line: connecting, and the peer's going while we do not read */
  struct fl_stream *stream;              /* NULL: not taken, or the caller may have freed it */
  void (*on_close)(struct fl_stream *stream);
  size_t queued;
  bool is_open, is_paused, has_ended; /* our side: taken; it has had on_end */
  bool is_ending, is_closing, is_closed;
  bool has_hung_up, has_seen_end; /* the peer */
};

static void free_connection(struct fl_sim_connection *connection) {
  sim_source_clear(&connection->input);
  sim_source_clear(&connection->output);
  sim_source_clear(&connection->line);
  sim_thing_remove(&connection->thing);
  fl_free(connection->name);
  fl_free(connection);
}

static void drop_connection(struct sim_thing *thing) { free_connection((struct fl_sim_connection *)thing); }

static void free_when_over(struct fl_sim_connection *connection) {
  if (!connection->is_closed || !(connection->has_hung_up || connection->has_seen_end)) return;
  if (connection->peer.on_gone != NULL) connection->peer.on_gone(connection);
  free_connection(connection);
}

/* ---- from the peer to us ---- */

static void fire_data(struct sim_event *event) {
  struct fl_sim_connection *connection = event->user;
  struct fl_stream *stream = connection->stream;
  if (!connection->is_closing && !connection->has_ended && stream->on_data != NULL)
    stream->on_data(stream, fl_slice_n(event->data, event->size));
}

static void end_input(struct fl_sim_connection *connection) {
  if (connection->has_ended || connection->is_closing || !connection->is_open) return;
  connection->has_ended = true;
  if (connection->stream->on_end != NULL) connection->stream->on_end(connection->stream, 0);
}

static void fire_input_end(struct sim_event *event) { end_input(event->user); }

/* The peer is gone now; who does not read is told at once. */
static void fire_hung_up(struct sim_event *event) {
  struct fl_sim_connection *connection = event->user;
  connection->has_hung_up = true;
  if (connection->is_paused) end_input(connection);
  free_when_over(connection);
}

static void fire_paused(struct sim_event *event) {
  struct fl_sim_connection *connection = event->user;
  if (connection->is_paused) end_input(connection);
}

void fl_sim_socket_send(struct fl_sim_connection *connection, uint32_t delay_ms, fl_slice data) {
  sim_push_data(&connection->input, delay_ms, data, fire_data, connection);
}

void fl_sim_socket_hang_up(struct fl_sim_connection *connection, uint32_t delay_ms) {
  int64_t due_us = sim_push_far(&connection->input, delay_ms, fire_input_end, connection)->due_us;
  int64_t wait_us = due_us - connection->line.world->now_us;
  sim_push(&connection->line, (uint32_t)(wait_us / 1000), fire_hung_up, connection);
}

void fl_sim_socket_stop_reading(struct fl_sim_connection *connection, bool stops) {
  sim_source_block(&connection->output, stops);
}

void *fl_sim_socket_user(const struct fl_sim_connection *connection) { return connection->peer.user; }

/* ---- from us to the peer ---- */

static void fire_output(struct sim_event *event) {
  struct fl_sim_connection *connection = event->user;
  connection->queued -= event->size;
  bool hears = !connection->has_hung_up && !connection->output.world->is_crashed && connection->peer.on_data != NULL;
  if (hears) connection->peer.on_data(connection, fl_slice_n(event->data, event->size));
}

static void fire_output_end(struct sim_event *event) {
  struct fl_sim_connection *connection = event->user;
  if (connection->has_seen_end) return;
  connection->has_seen_end = true;
  bool hears = !connection->has_hung_up && !connection->output.world->is_crashed && connection->peer.on_end != NULL;
  if (hears) connection->peer.on_end(connection);
}

static void fire_closed(struct sim_event *event) {
  struct fl_sim_connection *connection = event->user;
  struct fl_stream *stream = connection->stream;
  void (*on_close)(struct fl_stream *) = connection->on_close;
  connection->is_closed = true;
  fire_output_end(event);
  if (stream != NULL) stream->impl = NULL;
  free_when_over(connection);
  if (on_close != NULL) on_close(stream);
}

static int socket_write(struct fl_stream *stream, fl_slice data) {
  struct fl_sim_connection *connection = stream->impl;
  struct sim_world *world = connection->output.world;
  if (connection->is_closing || connection->is_ending || connection->has_hung_up || world->is_buried)
    return FL_E_CLOSED;
  if (data.size > FL_STREAM_QUEUE_MAX - connection->queued) return FL_E_LIMIT;
  if (!sim_effect(world, FL_SIM_STREAM_WRITE)) return 0;
  connection->queued += data.size;
  sim_push_data(&connection->output, 0, data, fire_output, connection);
  return 0;
}

static size_t socket_queued(const struct fl_stream *stream) {
  const struct fl_sim_connection *connection = stream->impl;
  return connection->has_hung_up ? 0 : connection->queued;
}

static void socket_pause(struct fl_stream *stream, bool paused) {
  struct fl_sim_connection *connection = stream->impl;
  connection->is_paused = paused;
  sim_source_block(&connection->input, paused);
  if (paused && connection->has_hung_up) sim_push(&connection->line, 0, fire_paused, connection);
}

static void socket_end(struct fl_stream *stream) {
  struct fl_sim_connection *connection = stream->impl;
  if (connection->is_ending || connection->is_closing) return;
  connection->is_ending = true;
  sim_push(&connection->output, 0, fire_output_end, connection);
}

static void socket_close(struct fl_stream *stream, void (*on_close)(struct fl_stream *stream)) {
  struct fl_sim_connection *connection = stream->impl;
  bool gives_up = connection->is_closing || connection->has_hung_up;
  bool was_closing = connection->is_closing;
  connection->is_closing = true;
  connection->on_close = on_close;
  if (gives_up) { /* what waits is dropped */
    sim_source_clear(&connection->output);
    sim_source_block(&connection->output, false);
    connection->queued = 0;
  }
  if (!was_closing || gives_up) sim_push(&connection->output, 0, fire_closed, connection);
  if (on_close != NULL) return;
  connection->stream = NULL;
  stream->impl = NULL;
}

static const struct fl_stream_ops socket_ops = {
    .write = socket_write, .queued = socket_queued, .pause = socket_pause, .end = socket_end, .close = socket_close};

/* ---- listening ---- */

static void drop_listener(struct sim_thing *thing) {
  struct sim_listener *listening = (struct sim_listener *)thing;
  sim_source_clear(&listening->source);
  sim_thing_remove(thing);
  fl_free(listening->name);
  fl_free(listening);
}

static struct sim_listener *find_listener(struct sim_world *world, const char *name) {
  for (struct sim_thing *thing = world->things; thing != NULL; thing = thing->next) {
    struct sim_listener *listening = (struct sim_listener *)thing;
    if (thing->drop == drop_listener && !listening->is_closing && strcmp(listening->name, name) == 0) return listening;
  }
  return NULL;
}

static void refused(struct fl_sim_connection *connection) {
  connection->is_closed = true;
  connection->has_seen_end = true;
  if (connection->peer.on_end != NULL) connection->peer.on_end(connection);
  free_when_over(connection);
}

static void fire_connect(struct sim_event *event) {
  struct fl_sim_connection *connection = event->user;
  struct sim_listener *listening = find_listener(connection->line.world, connection->name);
  if (listening == NULL || connection->line.world->is_crashed) {
    refused(connection);
    return;
  }
  listening->waiting = connection;
  listening->listener->on_connection(listening->listener);
  listening->waiting = NULL;
  if (!connection->is_open) refused(connection);
}

struct fl_sim_connection *fl_world_sim_connect(struct fl_world *base, uint32_t delay_ms, const char *name,
                                               const struct fl_sim_peer_socket *peer) {
  struct sim_world *world = sim_world_of(base);
  struct fl_sim_connection *connection = fl_new(struct fl_sim_connection);
  connection->peer = *peer;
  connection->name = fl_strdup(name);
  connection->thing.drop = drop_connection;
  sim_thing_add(world, &connection->thing);
  connection->thing.head.stream = &socket_ops;
  sim_source_init(&connection->input, world);
  sim_source_init(&connection->output, world);
  sim_source_init(&connection->line, world);
  sim_source_block(&connection->input, true); /* until it is taken */
  sim_push_far(&connection->line, delay_ms, fire_connect, connection);
  return connection;
}

int sim_listener_accept(struct fl_listener *listener, struct fl_stream *stream) {
  struct sim_listener *listening = listener->impl;
  struct fl_sim_connection *connection = listening->waiting;
  fl_check(connection != NULL && !connection->is_open);
  connection->is_open = true;
  connection->stream = stream;
  stream->impl = connection;
  sim_source_block(&connection->input, false);
  return 0;
}

enum { FREE_PORT_FIRST = 49152 };

static char *name_of(const struct fl_listener_options *options, uint16_t port) {
  if (options->path != NULL) return fl_format("unix:%s", options->path);
  return fl_format("%s:%u", options->address, (unsigned)port);
}

/* The port 0 is the first free one, as a kernel would choose. */
static uint16_t choose_port(struct sim_world *world, const struct fl_listener_options *options) {
  if (options->path != NULL || options->port != 0) return options->port;
  uint16_t port = FREE_PORT_FIRST;
  for (;; port++) {
    FL_FREE_AUTO char *name = name_of(options, port);
    if (find_listener(world, name) == NULL) return port;
  }
}

int sim_listener_open(struct fl_world *base, struct fl_listener *listener, const struct fl_listener_options *options,
                      struct fl_error *err) {
  struct sim_world *world = sim_world_of(base);
  if (options->has_fd) return fl_error_set(err, FL_E_UNSUPPORTED, "no descriptors in a simulated world");
  uint16_t port = choose_port(world, options);
  FL_FREE_AUTO char *name = name_of(options, port);
  if (find_listener(world, name) != NULL) return fl_error_set(err, FL_E_EXISTS, "cannot listen on %s: in use", name);
  struct sim_listener *listening = fl_new(struct sim_listener);
  listening->listener = listener;
  listening->name = fl_strdup(name);
  listening->thing.drop = drop_listener;
  sim_thing_add(world, &listening->thing);
  sim_source_init(&listening->source, world);
  listener->impl = listening;
  listener->port = port;
  return 0;
}

static void fire_listener_closed(struct sim_event *event) {
  struct sim_listener *listening = event->user;
  struct fl_listener *listener = listening->listener;
  void (*on_close)(struct fl_listener *) = listening->on_close;
  drop_listener(&listening->thing);
  if (listener != NULL) listener->impl = NULL;
  if (on_close != NULL) on_close(listener);
}

void sim_listener_close(struct fl_listener *listener, void (*on_close)(struct fl_listener *listener)) {
  struct sim_listener *listening = listener->impl;
  fl_check(!listening->is_closing);
  listening->is_closing = true;
  listening->on_close = on_close;
  sim_push(&listening->source, 0, fire_listener_closed, listening);
  if (on_close != NULL) return;
  listening->listener = NULL;
  listener->impl = NULL;
}
