/* SPDX-License-Identifier: MIT */
/* A stream above a stream. Happy path: ciphered bytes come from below, plain ones go up; what is written is ciphered
 * and goes down; both ends are told with close_notify. Failure modes: a peer that speaks no TLS, or breaks it (on_end
 * with FL_E_IO, after an alert); a write before the handshake is over (waits for it, FL_E_LIMIT above a size); a peer
 * that goes without close_notify (an end like any other: HTTP knows its own lengths). */
#include "runtime/io/tls.h"

#include "runtime/base/check.h"
#include "runtime/base/mem.h"
#include "runtime/io/locate.h"
#include "runtime/io/net.h"
#include "runtime/io/tls_module.h"
#include "runtime/io/world_ops.h"

#include <dlfcn.h>

enum { WAITING_MAX = 64 * 1024, KEEP_SIZE = 64 * 1024 };

struct fl_tls_context {
  const struct fl_tls_module *module;
  void *context;
  char *certificate, *key;
  struct fl_buf plain, out; /* of whichever stream is fed */
};

struct tls_stream {
  struct fl_impl head;
  struct fl_tls_context *context;
  void *session;
  struct fl_stream below;
  struct fl_stream *stream; /* NULL once the caller may have freed it */
  void (*on_close)(struct fl_stream *stream);
  struct fl_buf waiting; /* written before the handshake was over */
  bool has_ended, is_ending, is_closing;
};

static void shrink(struct fl_buf *buf) {
  if (buf->capacity > KEEP_SIZE) fl_buf_deinit(buf);
  else fl_buf_clear(buf);
}

/* What TLS has to say goes down. */
static int push_out(struct tls_stream *tls) {
  struct fl_buf *out = &tls->context->out;
  int failure = out->size > 0 ? fl_stream_write(&tls->below, fl_buf_slice(out)) : 0;
  shrink(out);
  return failure;
}

static void end_input(struct tls_stream *tls, int status) {
  if (tls->has_ended || tls->is_closing) return;
  tls->has_ended = true;
  if (tls->stream->on_end != NULL) tls->stream->on_end(tls->stream, status);
}

static void write_waiting(struct tls_stream *tls) {
  if (tls->waiting.size == 0) return;
  if (tls->context->module->write(tls->session, fl_buf_slice(&tls->waiting), &tls->context->out) != 0) return;
  fl_buf_deinit(&tls->waiting);
  push_out(tls);
  if (tls->is_ending) fl_stream_end(&tls->below);
}

static void on_below_data(struct fl_stream *below, fl_slice data) {
  struct tls_stream *tls = below->user;
  struct fl_buf *plain = &tls->context->plain;
  int status = tls->context->module->feed(tls->session, data, plain, &tls->context->out);
  push_out(tls);
  write_waiting(tls);
  bool goes_up = plain->size > 0 && !tls->has_ended && !tls->is_closing;
  if (goes_up && tls->stream->on_data != NULL) tls->stream->on_data(tls->stream, fl_buf_slice(plain));
  shrink(plain);
  if (status != 0) end_input(tls, status == FL_E_CLOSED ? 0 : FL_E_IO);
}

static void on_below_end(struct fl_stream *below, int status) { end_input(below->user, status); }

static void on_below_closed(struct fl_stream *below) {
  struct tls_stream *tls = below->user;
  struct fl_stream *stream = tls->stream;
  void (*on_close)(struct fl_stream *) = tls->on_close;
  tls->context->module->session_close(tls->session);
  fl_buf_deinit(&tls->waiting);
  fl_free(tls);
  if (stream != NULL) stream->impl = NULL;
  if (on_close != NULL) on_close(stream);
}

static int tls_write(struct fl_stream *stream, fl_slice data) {
  struct tls_stream *tls = stream->impl;
  if (tls->is_closing || tls->is_ending) return FL_E_CLOSED;
  if (data.size > FL_STREAM_QUEUE_MAX - fl_stream_queued(&tls->below)) return FL_E_LIMIT;
  int status = tls->waiting.size > 0 ? FL_E_BUSY : tls->context->module->write(tls->session, data, &tls->context->out);
  tls->waiting.limit = WAITING_MAX;
  if (status == FL_E_BUSY) status = fl_buf_add(&tls->waiting, data.data, data.size);
  else if (status != 0) status = FL_E_CLOSED;
  int failure = push_out(tls);
  return status != 0 ? status : failure;
}

static size_t tls_queued(const struct fl_stream *stream) {
  const struct tls_stream *tls = stream->impl;
  return fl_stream_queued(&tls->below) + tls->waiting.size;
}

static void tls_pause(struct fl_stream *stream, bool paused) {
  fl_stream_pause(&((struct tls_stream *)stream->impl)->below, paused);
}

static void say_end(struct tls_stream *tls) {
  tls->context->module->end(tls->session, &tls->context->out);
  push_out(tls);
}

static void tls_end(struct fl_stream *stream) {
  struct tls_stream *tls = stream->impl;
  if (tls->is_ending || tls->is_closing) return;
  tls->is_ending = true;
  say_end(tls);
  if (tls->waiting.size == 0) fl_stream_end(&tls->below);
}

static void tls_close(struct fl_stream *stream, void (*on_close)(struct fl_stream *stream)) {
  struct tls_stream *tls = stream->impl;
  if (!tls->is_closing && !tls->is_ending) say_end(tls);
  tls->is_closing = true;
  tls->on_close = on_close;
  fl_stream_close(&tls->below, on_below_closed);
  if (on_close != NULL) return;
  tls->stream = NULL;
  stream->impl = NULL;
}

static const struct fl_stream_ops tls_ops = {
    .write = tls_write, .queued = tls_queued, .pause = tls_pause, .end = tls_end, .close = tls_close};

int fl_tls_accept(struct fl_tls_context *context, struct fl_listener *listener, struct fl_stream *stream) {
  struct tls_stream *tls = fl_new(struct tls_stream);
  tls->context = context;
  tls->stream = stream;
  tls->below = (struct fl_stream){.on_data = on_below_data, .on_end = on_below_end, .user = tls};
  int failure = fl_listener_accept(listener, &tls->below);
  if (failure != 0) {
    fl_free(tls);
    return failure;
  }
  tls->head = (struct fl_impl){.world = ((const struct fl_impl *)tls->below.impl)->world, .stream = &tls_ops};
  tls->session = context->module->session_open(context->context);
  stream->impl = tls;
  return 0;
}

/* ---- contexts ---- */

/* The module stays loaded for the life of the process, since libraries below it have threads of their own. */
static int load(const struct fl_tls_module **ret_module, struct fl_error *err) {
  FL_FREE_AUTO char *path = NULL;
  int failure = fl_locate_companion("FAIRLEAD_NET_MODULE", FL_MODULEDIR, FL_NET_MODULE_NAME, &path, err);
  if (failure != 0) return failure;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return fl_error_set(err, FL_E_UNSUPPORTED, "cannot load the network module: %s", dlerror());
  const struct fl_tls_module *module = dlsym(library, FL_TLS_MODULE_SYMBOL);
  if (module == NULL || module->version != FL_TLS_VERSION || module->size != sizeof *module)
    return fl_error_set(err, FL_E_VERSION, "%s is not the network module of this release (%s)", path, FL_VERSION);
  *ret_module = module;
  return 0;
}

int fl_tls_context_open(const char *certificate, const char *key, struct fl_tls_context **ret_context,
                        struct fl_error *err) {
  const struct fl_tls_module *module = NULL;
  void *inner = NULL;
  int failure = load(&module, err);
  if (failure == 0) failure = module->context_open(certificate, key, &inner, err);
  if (failure != 0) return failure;
  struct fl_tls_context *context = fl_new(struct fl_tls_context);
  *context = (struct fl_tls_context){
      .module = module, .context = inner, .certificate = fl_strdup(certificate), .key = fl_strdup(key)};
  *ret_context = context;
  return 0;
}

int fl_tls_context_reload(struct fl_tls_context *context, struct fl_error *err) {
  void *inner = NULL;
  int failure = context->module->context_open(context->certificate, context->key, &inner, err);
  if (failure != 0) return failure;
  context->module->context_close(context->context);
  context->context = inner;
  return 0;
}

void fl_tls_context_close(struct fl_tls_context *context) {
  if (context == NULL) return;
  context->module->context_close(context->context);
  fl_buf_deinit(&context->plain);
  fl_buf_deinit(&context->out);
  fl_free(context->certificate);
  fl_free(context->key);
  fl_free(context);
}
